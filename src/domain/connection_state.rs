//! Connection state in the shadow (AWS): the shadow service ignores a will, so the will goes to an ordinary topic and a
//! rule republishes it (`reference/aws-iot.md` 6). Here are the texts of that recipe, and what a trial of it is.

mod recipe;

pub use recipe::{LONGEST_TESTED, Recipe, Section, TEST, TEST_CLIENT};

use super::topic::Topic;
use crate::base::problem::{Exit, Problem};

/// A trial: a second connection, whose will this is, is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    pub thing: String,
    pub topic: Topic,
    /// Of the will.
    pub payload: String,
}

/// The shadow followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What the second connection called itself.
    pub client_id: String,
    /// Of the shadow that says `connected: false`.
    pub version: Option<u64>,
}

/// What a shadow is told when the device is there.
pub const CONNECTED: &str = r#"{"state":{"reported":{"connected":true}}}"#;

/// The will, and what a device says before it leaves.
pub const DISCONNECTED: &str = r#"{"state":{"reported":{"connected":false}}}"#;

/// 1 to 128 of `[a-zA-Z0-9:_-]`.
pub fn check_thing(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
    if (1..=128).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no thing's name: it takes 1 to 128 letters, digits, :, - and _"
    ))
}

/// Where a will can be sent so that a rule sees it and the shadow service does not throw it away.
pub fn check_will_topic(text: &str) -> Result<Topic, Problem> {
    let wrong = |cause: String, remedy: &str| {
        let what = "this topic does not fit for a will";
        Problem::new(what, cause, remedy).exit(Exit::Usage)
    };
    let ordinary = "name an ordinary topic, such as my/things/RPI/update";
    let topic = Topic::parse(text).map_err(|why| wrong(why.to_string(), ordinary))?;
    if text.starts_with('$') {
        let cause = "the shadow service ignores a will on a reserved topic, and tells nobody";
        return Err(wrong(cause.to_owned(), ordinary));
    }
    if text.len() > 256 || text.matches('/').count() > 7 {
        let cause = "AWS takes 256 bytes and 7 slashes";
        return Err(wrong(cause.to_owned(), "shorten it"));
    }
    Ok(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_will_on_a_reserved_topic_is_refused_with_the_reason() {
        let problem = check_will_topic("$aws/things/RPI/shadow/update").expect_err("reserved");
        assert!(problem.cause.contains("ignores a will"), "{problem}");
        assert!(check_will_topic("my/things/RPI/update").is_ok());
        assert!(check_will_topic("a/b/c/d/e/f/g/h/i").is_err());
        assert!(check_will_topic("my/+/update").is_err());
    }

    #[test]
    fn a_things_name_is_as_aws_takes_it() {
        assert!(check_thing("line:1_a-b").is_ok());
        assert!(check_thing("거실").is_err());
        assert!(check_thing("").is_err());
    }
}
