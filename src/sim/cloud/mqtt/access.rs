//! Who may do what at the plain broker. Everybody everything, unless a test or a person wants it otherwise.

use crate::base::secret::Secret;
use crate::domain::topic::TopicFilter;
use crate::sim::broker::{Verdict, Who};
use crate::sim::packet::{Connect, code};

/// Accounts with a password, and what they may read and write.
#[derive(Debug, Clone, Default)]
pub struct Access {
    users: Vec<User>,
}

#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub password: Secret,
    /// Patterns of filters that may be subscribed: one covers all that it is wider than.
    pub read: Vec<TopicFilter>,
    /// Patterns of topics that may be published to.
    pub write: Vec<TopicFilter>,
}

impl User {
    /// One who may do everything.
    pub fn new(name: &str, password: &str) -> Self {
        let all: Vec<_> = TopicFilter::parse("#").into_iter().collect();
        Self {
            name: name.to_owned(),
            password: Secret::new(password),
            read: all.clone(),
            write: all,
        }
    }

    /// What is no filter is left out.
    #[must_use]
    pub fn may_read(mut self, patterns: &[&str]) -> Self {
        self.read = parsed(patterns);
        self
    }

    #[must_use]
    pub fn may_write(mut self, patterns: &[&str]) -> Self {
        self.write = parsed(patterns);
        self
    }
}

fn parsed(patterns: &[&str]) -> Vec<TopicFilter> {
    let patterns = patterns.iter();
    patterns
        .filter_map(|pattern| TopicFilter::parse(pattern).ok())
        .collect()
}

impl Access {
    /// Only these may come in.
    pub fn only(users: Vec<User>) -> Self {
        Self { users }
    }

    fn is_open(&self) -> bool {
        self.users.is_empty()
    }

    pub fn connect(&self, connect: &Connect) -> Verdict {
        if self.is_open() {
            return Verdict::Allowed;
        }
        let Some(name) = &connect.username else {
            return Verdict::Refused(code::NOT_AUTHORIZED);
        };
        let user = self.users.iter().find(|user| user.name == *name);
        let given = connect.password.as_deref().unwrap_or_default();
        match user {
            Some(user) if user.password.expose().as_bytes() == given => Verdict::Allowed,
            _ => Verdict::Refused(code::BAD_LOGIN),
        }
    }

    pub fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict {
        self.judge(who, |user| {
            user.read.iter().any(|wide| covers(wide.as_str(), filter))
        })
    }

    /// `$SYS` is the broker's own, as with mosquitto.
    pub fn publish(&self, who: Who<'_>, topic: &str) -> Verdict {
        if topic.starts_with("$SYS") {
            return Verdict::Refused(code::NOT_AUTHORIZED);
        }
        self.judge(who, |user| user.write.iter().any(|p| p.matches(topic)))
    }

    fn judge(&self, who: Who<'_>, allows: impl Fn(&User) -> bool) -> Verdict {
        let mut users = self.users.iter();
        let user = users.find(|user| Some(user.name.as_str()) == who.username);
        if self.is_open() || user.is_some_and(allows) {
            Verdict::Allowed
        } else {
            Verdict::Refused(code::NOT_AUTHORIZED)
        }
    }
}

/// Whether all that `filter` matches is matched by `wide`, too.
fn covers(wide: &str, filter: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or(shared, |(_, filter)| filter),
        None => filter,
    };
    if filter.starts_with('$') && wide.starts_with(['#', '+']) {
        // As mosquitto's "topic read #": $SYS is to be named.
        return false;
    }
    let mut wide = wide.split('/');
    let mut levels = filter.split('/');
    loop {
        match (wide.next(), levels.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_is_narrower() {
        for (wide, filter, expected) in [
            ("#", "a/b", true),
            ("#", "#", true),
            ("#", "$SYS/#", false),
            ("$SYS/#", "$SYS/broker/version", true),
            ("a/#", "a", true),
            ("a/#", "a/+/c", true),
            ("a/+", "a/b", true),
            ("a/+", "a/+", true),
            ("a/+", "a/#", false),
            ("a/b", "a/+", false),
            ("a/b", "$share/g/a/b", true),
        ] {
            assert_eq!(covers(wide, filter), expected, "{wide} {filter}");
        }
    }
}
