//! Topics and topic filters (MQTT 3.1.1, section 4.7).

use std::fmt;
use std::sync::Arc;

/// Longest topic or filter in bytes (a two-byte length on the wire).
pub const MAX_BYTES: usize = 65_535;

/// Why a text is no topic or no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    #[error("it is empty")]
    Empty,
    #[error("it is {0} bytes long; at most 65,535 fit")]
    TooLong(usize),
    #[error("it holds a NUL character")]
    Nul,
    #[error("wildcards (+ and #) are for filters, not for publishing")]
    Wildcard,
    #[error("# may only be the last level, alone")]
    MisplacedHash,
    #[error("+ must be a whole level")]
    MisplacedPlus,
    #[error("a shared subscription needs a name and a filter: $share/NAME/FILTER")]
    Share,
}

fn check(text: &str) -> Result<(), TopicError> {
    match text {
        "" => Err(TopicError::Empty),
        _ if text.len() > MAX_BYTES => Err(TopicError::TooLong(text.len())),
        _ if text.contains('\0') => Err(TopicError::Nul),
        _ => Ok(()),
    }
}

/// A name that messages are published to: no wildcards. Cheap to clone (shared text).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text)?;
        if text.contains(['+', '#']) {
            return Err(TopicError::Wildcard);
        }
        Ok(Self(text.into()))
    }

    /// As it stood on the wire: a broker may send what we would refuse to publish to.
    pub fn received(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What is subscribed to. Cheap to clone (shared text).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter(Arc<str>);

impl TopicFilter {
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text)?;
        if let Some(shared) = text.strip_prefix("$share/") {
            let (name, filter) = shared.split_once('/').ok_or(TopicError::Share)?;
            if name.is_empty() || filter.is_empty() || name.contains(['+', '#']) {
                return Err(TopicError::Share);
            }
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(TopicError::MisplacedHash);
            }
            if level.contains('+') && level != "+" {
                return Err(TopicError::MisplacedPlus);
            }
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How much it says about a topic: more levels by name first, then no `#`.
    pub fn weight(&self) -> usize {
        let levels = self.0.split('/');
        let named = levels.filter(|l| !matches!(*l, "+" | "#")).count();
        named * 2 + usize::from(!self.0.ends_with('#'))
    }

    /// Whether a message on `topic` is delivered for this filter. A wildcard at the first level never matches a
    /// topic that begins with `$` (MQTT 3.1.1, 4.7.2).
    pub fn matches(&self, topic: &str) -> bool {
        let text: &str = &self.0;
        let filter = match text.strip_prefix("$share/") {
            Some(shared) => shared.split_once('/').map_or(shared, |(_, filter)| filter),
            None => text,
        };
        if topic.starts_with('$') && filter.starts_with(['+', '#']) {
            return false;
        }
        let mut wanted = filter.split('/');
        let mut found = topic.split('/');
        loop {
            match (wanted.next(), found.next()) {
                (Some("#"), _) | (None, None) => return true,
                (Some("+"), Some(_)) => {}
                (Some(w), Some(f)) if w == f => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        let cases = [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("+", "/a", false),
            ("+/+", "/a", true),
            ("$share/g/a/+", "a/b", true),
            ("a", "a/b", false),
            ("a/b", "a", false),
        ];
        for (filter, topic, expected) in cases {
            let found = TopicFilter::parse(filter).expect("valid").matches(topic);
            assert_eq!(found, expected, "{filter} against {topic}");
        }
    }

    #[test]
    fn illegal_topics_and_filters_say_why() {
        assert_eq!(Topic::parse("a/+"), Err(TopicError::Wildcard));
        assert_eq!(Topic::parse(""), Err(TopicError::Empty));
        assert_eq!(TopicFilter::parse("a/#/b"), Err(TopicError::MisplacedHash));
        assert_eq!(TopicFilter::parse("a/b#"), Err(TopicError::MisplacedHash));
        assert_eq!(TopicFilter::parse("a/b+"), Err(TopicError::MisplacedPlus));
        assert_eq!(TopicFilter::parse("$share/x"), Err(TopicError::Share));
    }
}
