//! Topics that are AWS's own, and what no topic may be (`reference/aws-iot.md` 4, 5).

/// Longest topic and filter, in bytes of UTF-8.
pub const LONGEST: usize = 256;
/// Slashes in a topic or filter.
pub const DEEPEST: usize = 7;

/// What a client may publish to below `$aws/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    Shadow(ShadowRequest<'a>),
    /// `$aws/things/<thing>/jobs/<rest>`.
    Jobs {
        thing: &'a str,
        rest: &'a str,
    },
    CreateKeys(Format),
    CreateFromCsr(Format),
    Provision {
        template: &'a str,
        format: Format,
    },
    /// Basic ingest: a message for one rule.
    Ingest {
        rule: &'a str,
        topic: &'a str,
    },
    /// Taken, and of no consequence here: defender metrics and streams.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowRequest<'a> {
    pub thing: &'a str,
    /// None is the classic one.
    pub name: Option<&'a str>,
    pub verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Update,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Cbor,
}

impl Format {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "json" => Some(Self::Json),
            "cbor" => Some(Self::Cbor),
            _ => None,
        }
    }
}

/// What a message to a reserved topic asks for; none where nobody may publish there.
pub fn request(topic: &str) -> Option<Request<'_>> {
    let levels: Vec<_> = topic.split('/').collect();
    Some(match levels.as_slice() {
        ["$aws", "things", thing, "shadow", verb] => Request::Shadow(ShadowRequest {
            thing,
            name: None,
            verb: self::verb(verb)?,
        }),
        ["$aws", "things", thing, "shadow", "name", name, verb] => Request::Shadow(ShadowRequest {
            thing,
            name: Some(name),
            verb: self::verb(verb)?,
        }),
        ["$aws", "things", thing, "jobs", ..] => {
            let mut parts = topic.splitn(5, '/');
            let rest = parts.nth(4).unwrap_or_default();
            if matches!(rest, "notify" | "notify-next") || is_answer(rest) {
                return None;
            }
            Request::Jobs { thing, rest }
        }
        ["$aws", "certificates", "create", format] => Request::CreateKeys(Format::parse(format)?),
        ["$aws", "certificates", "create-from-csr", format] => {
            Request::CreateFromCsr(Format::parse(format)?)
        }
        [
            "$aws",
            "provisioning-templates",
            template,
            "provision",
            format,
        ] => Request::Provision {
            template,
            format: Format::parse(format)?,
        },
        ["$aws", "rules", rule, _, ..] => Request::Ingest {
            rule,
            topic: topic.splitn(4, '/').nth(3).unwrap_or_default(),
        },
        ["$aws", "rules", rule] => Request::Ingest { rule, topic: "" },
        ["$aws", "things", _, "defender", "metrics", _]
        | ["$aws", "things", _, "streams", _, "get" | "describe", _] => Request::Other,
        _ => return None,
    })
}

fn verb(word: &str) -> Option<Verb> {
    match word {
        "get" => Some(Verb::Get),
        "update" => Some(Verb::Update),
        "delete" => Some(Verb::Delete),
        _ => None,
    }
}

fn is_answer(rest: &str) -> bool {
    rest.ends_with("/accepted") || rest.ends_with("/rejected")
}

/// Whether the length and depth of a topic or filter are within bounds. `$aws/rules/<rule>/` and `$share/<name>/` do
/// not count.
pub fn fits(topic: &str) -> bool {
    let counted = topic
        .strip_prefix("$aws/rules/")
        .or_else(|| topic.strip_prefix("$share/"))
        .map_or(topic, |rest| {
            rest.split_once('/').map_or("", |(_, rest)| rest)
        });
    counted.len() <= LONGEST && counted.matches('/').count() <= DEEPEST
}

/// The filter inside of a shared subscription.
pub fn unshared(filter: &str) -> &str {
    match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or(shared, |(_, filter)| filter),
        None => filter,
    }
}

/// Whether a filter with a `$` in front is one that can be subscribed.
pub fn may_be_subscribed(filter: &str) -> bool {
    match filter.strip_prefix('$') {
        None => true,
        Some(rest) => rest.starts_with("aws/") && !rest.starts_with("aws/rules"),
    }
}

/// 1 to 128 of these (`reference/aws-iot.md` 5.1).
pub fn is_thing_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(is_name_byte)
}

pub fn is_shadow_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte == b'$' || is_name_byte(byte))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_publishes_the_answers() {
        for topic in [
            "$aws/things/RPI/shadow/update/accepted",
            "$aws/things/RPI/shadow/update/documents",
            "$aws/things/RPI/jobs/notify",
            "$aws/things/RPI/jobs/get/accepted",
            "$aws/events/presence/connected/RPI",
            "$aws/certificates/create/xml",
            "$SYS/x",
        ] {
            assert_eq!(request(topic), None, "{topic}");
        }
    }

    #[test]
    fn requests_are_told_apart() {
        let shadow = |name| {
            Some(Request::Shadow(ShadowRequest {
                thing: "RPI",
                name,
                verb: Verb::Update,
            }))
        };
        assert_eq!(request("$aws/things/RPI/shadow/update"), shadow(None));
        assert_eq!(
            request("$aws/things/RPI/shadow/name/net/update"),
            shadow(Some("net"))
        );
        assert_eq!(
            request("$aws/things/RPI/jobs/$next/get"),
            Some(Request::Jobs {
                thing: "RPI",
                rest: "$next/get"
            })
        );
        assert_eq!(
            request("$aws/rules/keep/a/b"),
            Some(Request::Ingest {
                rule: "keep",
                topic: "a/b"
            })
        );
    }

    #[test]
    fn the_eighth_slash_is_one_too_many_but_not_that_of_a_rule() {
        assert!(fits("1/2/3/4/5/6/7/8"));
        assert!(!fits("1/2/3/4/5/6/7/8/9"));
        assert!(fits("$aws/rules/keep/1/2/3/4/5/6/7/8"));
        assert!(!fits(&"한".repeat(86)));
    }
}
