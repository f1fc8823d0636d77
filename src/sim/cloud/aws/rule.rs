//! A topic rule that republishes: as much of the rules engine as a last will needs (`reference/aws-iot.md` 6).
//!
//! `SELECT * FROM '<filter>'`, and in the action's topic `${topic()}` and `${topic(n)}`.

use crate::domain::topic::TopicFilter;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRule {
    pub name: String,
    filter: TopicFilter,
    /// As it is written in the action: a reserved topic begins with `$$`.
    republish: Option<String>,
    pub is_enabled: bool,
}

/// Why a rule is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("only SELECT * FROM '<topic filter>' is understood")]
    Sql,
    #[error("{0:?} is not a topic filter")]
    Filter(String),
}

impl TopicRule {
    pub fn new(name: &str, sql: &str, republish: Option<&str>) -> Result<Self, RuleError> {
        let words: Vec<_> = sql.split_whitespace().collect();
        let quoted = match words.as_slice() {
            [select, "*", from, quoted]
                if select.eq_ignore_ascii_case("select") && from.eq_ignore_ascii_case("from") =>
            {
                *quoted
            }
            _ => return Err(RuleError::Sql),
        };
        let filter = ['\'', '"']
            .into_iter()
            .find_map(|quote| quoted.strip_prefix(quote)?.strip_suffix(quote))
            .ok_or(RuleError::Sql)?;
        Ok(Self {
            name: name.to_owned(),
            filter: TopicFilter::parse(filter).map_err(|_| RuleError::Filter(filter.to_owned()))?,
            republish: republish.map(str::to_owned),
            is_enabled: true,
        })
    }

    pub fn matches(&self, topic: &str) -> bool {
        self.is_enabled && self.filter.matches(topic)
    }

    /// Where a message of `topic` goes; none where nothing comes of it, in silence.
    ///
    /// With a single `$` the action publishes nothing that arrives anywhere, and a level that is not there makes the
    /// action fail.
    pub fn target(&self, topic: &str) -> Option<String> {
        let mut target = String::new();
        let mut rest = self.republish.as_deref()?;
        while let Some((before, after)) = rest.split_once("${") {
            let (expression, after) = after.split_once('}')?;
            target.push_str(before);
            target.push_str(&value(expression.trim(), topic)?);
            rest = after;
        }
        target.push_str(rest);
        if let Some(reserved) = target.strip_prefix("$$") {
            let reserved = format!("${reserved}");
            // Republishing to jobs is not supported.
            let jobs = reserved.split('/').nth(3) == Some("jobs");
            return (!jobs).then_some(reserved);
        }
        (!target.starts_with('$')).then_some(target)
    }
}

/// `topic()` is the whole, `topic(n)` one level, from 1.
fn value(expression: &str, topic: &str) -> Option<String> {
    let inside = expression.strip_prefix("topic(")?.strip_suffix(')')?.trim();
    if inside.is_empty() {
        return Some(topic.to_owned());
    }
    let level: usize = inside.parse().ok()?;
    let level = topic.split('/').nth(level.checked_sub(1)?)?;
    Some(level.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "SELECT * FROM 'my/things/+/update'";

    fn target(republish: &str, topic: &str) -> Option<String> {
        let rule = TopicRule::new("r", SQL, Some(republish)).expect("a rule");
        rule.target(topic)
    }

    #[test]
    fn the_doubled_dollar_reaches_the_shadow_and_a_single_one_nothing() {
        let topic = "my/things/RPI/update";
        assert_eq!(
            target("$$aws/things/${topic(3)}/shadow/update", topic).as_deref(),
            Some("$aws/things/RPI/shadow/update")
        );
        assert_eq!(target("$aws/things/${topic(3)}/shadow/update", topic), None);
        assert_eq!(
            target("copy/${topic()}", topic).as_deref(),
            Some("copy/my/things/RPI/update")
        );
        assert_eq!(target("copy/${topic(9)}", topic), None);
        assert_eq!(target("$$aws/things/${topic(3)}/jobs/get", topic), None);
    }

    #[test]
    fn what_is_not_understood_is_not_a_rule() {
        for sql in [
            "SELECT a FROM 'x'",
            "SELECT * FROM x",
            "SELECT * FROM 'x' WHERE a = 1",
            "",
        ] {
            assert_eq!(TopicRule::new("r", sql, None), Err(RuleError::Sql), "{sql}");
        }
        let wrong = TopicRule::new("r", "SELECT * FROM 'a/#/b'", None);
        assert_eq!(wrong, Err(RuleError::Filter("a/#/b".to_owned())));
        let rule = TopicRule::new("r", SQL, None).expect("a rule");
        assert!(rule.matches("my/things/RPI/update"));
        assert!(!rule.matches("my/things/RPI/other"));
    }
}
