//! What the shadow service's refusals mean, and what to do about each (`reference/aws-iot.md` 5.1).

use std::time::Duration;

use super::ShadowKey;
use crate::base::problem::{Exit, Problem, Retry};

/// The longest document that the service takes, metadata not counted. Bytes.
pub const LIMIT_BYTES: usize = 8 * 1024;

/// What was asked when it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doing {
    Get,
    Update,
    Delete,
    Names,
}

impl Doing {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Names => "list",
        }
    }

    /// The policy action that the REST call needs.
    const fn action(self) -> &'static str {
        match self {
            Self::Get => "iot:GetThingShadow",
            Self::Update => "iot:UpdateThingShadow",
            Self::Delete => "iot:DeleteThingShadow",
            Self::Names => "iot:ListNamedShadowsForThing",
        }
    }
}

/// The code in words. `merged`: bytes of the document as it would have become, where that is known.
pub fn refusal(
    key: &ShadowKey,
    doing: Doing,
    code: u16,
    message: &str,
    merged: Option<usize>,
) -> Problem {
    let what = match code {
        404 if message.contains("No shadow exists") => match &key.name {
            None => format!("{} has no shadow yet", key.thing.as_str()),
            Some(name) => format!("{} has no shadow {name:?} yet", key.thing.as_str()),
        },
        _ => format!("could not {} the {key}", doing.words()),
    };
    let said = match message {
        "" => format!("AWS answered {code}"),
        message => format!("AWS answered {code}: {message}"),
    };
    let (cause, remedy, exit) = reasons(key, doing, code, merged);
    let cause = match cause {
        "" => said,
        cause => format!("{said} ({cause})"),
    };
    let retry = match code {
        429 => Retry::After(Duration::from_secs(1)),
        500.. => Retry::Backoff,
        _ => Retry::Never,
    };
    Problem::new(what, cause, remedy).retry(retry).exit(exit)
}

fn reasons(
    key: &ShadowKey,
    doing: Doing,
    code: u16,
    merged: Option<usize>,
) -> (&'static str, String, Exit) {
    match code {
        400 => (
            "",
            "the request must be JSON with an object `state`, in it `desired` or `reported` as objects or null, and no null in arrays"
                .to_owned(),
            Exit::Usage,
        ),
        401 | 403 => ("", policy(key, doing), Exit::Refused),
        404 => (
            "",
            match &key.name {
                None => "an update makes it; named shadows are documents of their own: --name, or n in the shadow view".to_owned(),
                Some(_) => "an update makes it; names are case-sensitive, and the classic shadow has none".to_owned(),
            },
            Exit::NotFound,
        ),
        409 => (
            "somebody changed the document first",
            "get it again and repeat the change on the new version, or send without a version".to_owned(),
            Exit::Refused,
        ),
        413 => (
            "the whole document counts, not the request",
            match merged {
                Some(bytes) => format!(
                    "it would be {bytes} bytes and {LIMIT_BYTES} are allowed: set fields to null that nobody needs, or use a named shadow"
                ),
                None => format!("{LIMIT_BYTES} bytes are allowed: set fields to null that nobody needs, or use a named shadow"),
            },
            Exit::Refused,
        ),
        415 => ("", "the document must be UTF-8".to_owned(), Exit::Usage),
        429 => (
            "more than 10 requests under way for this thing",
            "wait a moment and try again".to_owned(),
            Exit::Failed,
        ),
        500.. => (
            "trouble at the service",
            "try again in a while".to_owned(),
            Exit::Failed,
        ),
        _ => ("", "try again".to_owned(), Exit::Failed),
    }
}

/// What an identity must be allowed. Over MQTT it is the topics that count, not the shadow actions.
fn policy(key: &ShadowKey, doing: Doing) -> String {
    let thing = key.thing.as_str();
    let (resource, prefix) = match &key.name {
        None => (thing.to_owned(), format!("$aws/things/{thing}/shadow")),
        Some(name) => (
            format!("{thing}/{name}"),
            format!("$aws/things/{thing}/shadow/name/{name}"),
        ),
    };
    let rest = match doing {
        Doing::Names => "allow iot:ListNamedShadowsForThing on *".to_owned(),
        _ => format!("over REST allow {} on thing/{resource}", doing.action()),
    };
    let verb = match doing {
        Doing::Get => "get",
        Doing::Update => "update",
        Doing::Delete => "delete",
        Doing::Names => return rest,
    };
    format!(
        "{rest}; over MQTT allow iot:Publish on topic/{prefix}/{verb}, iot:Subscribe on topicfilter/{prefix}/{verb}/* and iot:Receive on topic/{prefix}/{verb}/*"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::device::DeviceId;

    fn key(name: Option<&str>) -> ShadowKey {
        ShadowKey {
            thing: DeviceId::new("RPI"),
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn every_code_says_what_to_do_and_how_a_script_ends() {
        let cases = [
            (400, Exit::Usage, "must be JSON"),
            (
                401,
                Exit::Refused,
                "iot:UpdateThingShadow on thing/RPI/config",
            ),
            (
                403,
                Exit::Refused,
                "topic/$aws/things/RPI/shadow/name/config/update",
            ),
            (404, Exit::NotFound, "an update makes it"),
            (409, Exit::Refused, "get it again"),
            (413, Exit::Refused, "8300 bytes and 8192 are allowed"),
            (415, Exit::Usage, "UTF-8"),
            (429, Exit::Failed, "wait a moment"),
            (500, Exit::Failed, "try again"),
        ];
        for (code, exit, remedy) in cases {
            let problem = refusal(
                &key(Some("config")),
                Doing::Update,
                code,
                "words",
                Some(8300),
            );
            assert_eq!(problem.exit, exit, "{code}");
            assert!(problem.remedy.contains(remedy), "{code}: {problem}");
            assert!(
                problem.cause.contains(&format!("{code}: words")),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_thing_that_never_reported_has_no_shadow_yet() {
        let words = "No shadow exists with name: 'RPI'";
        let problem = refusal(&key(None), Doing::Get, 404, words, None);
        assert_eq!(problem.what, "RPI has no shadow yet");
        let other = refusal(&key(None), Doing::Get, 404, "Thing not found", None);
        assert_eq!(other.what, "could not get the shadow of RPI");
    }
}
