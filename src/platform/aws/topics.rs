//! The reserved topics, as a tree of names (`reference/aws-iot.md` 5). Pure; what it does not know is nobody's.

/// What a topic that AWS keeps for itself is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved<'a> {
    /// `$aws/things/<thing>/shadow…`; `name` is `None` for the classic shadow, `verb` is `update/accepted`, `get`, …
    Shadow {
        thing: &'a str,
        name: Option<&'a str>,
        verb: &'a str,
    },
    /// `$aws/things/<thing>/jobs/<verb>`: `notify-next`, `get/accepted`, `<job>/update/rejected`, …
    Jobs { thing: &'a str, verb: &'a str },
    /// `$aws/certificates/…` and `$aws/provisioning-templates/…`.
    Provisioning(Provisioning<'a>),
    /// `$aws/events/<group>/<event>/<client id>` of connections and subscriptions.
    Client { event: ClientEvent, client: &'a str },
    /// Registry and job events, metrics, streams, tunnels: `$aws/things/<thing>/…` names a thing.
    Other { thing: Option<&'a str> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioning<'a> {
    /// `create` or `create-from-csr`; `answer` as in `Register`.
    Create { csr: bool, answer: &'a str },
    /// `answer`: what follows the format: empty for the request, `accepted`, `rejected`.
    Register { template: &'a str, answer: &'a str },
}

/// What happened to a client (`reference/aws-iot.md` 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEvent {
    Connected,
    Disconnected,
    ConnectFailed,
    Subscribed,
    Unsubscribed,
}

/// `None`: an ordinary topic, or one that ends too early to mean anything.
pub fn reserved(topic: &str) -> Option<Reserved<'_>> {
    let rest = topic.strip_prefix("$aws/")?;
    let (area, rest) = rest.split_once('/').unwrap_or((rest, ""));
    Some(match area {
        "things" => of_a_thing(rest),
        "certificates" => certificates(rest),
        "provisioning-templates" => template(rest),
        "events" => event(rest),
        _ => Reserved::Other { thing: None },
    })
}

fn of_a_thing(rest: &str) -> Reserved<'_> {
    let (thing, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let (area, verb) = rest.split_once('/').unwrap_or((rest, ""));
    match area {
        "shadow" => shadow(thing, verb),
        "jobs" => Reserved::Jobs { thing, verb },
        _ => Reserved::Other {
            thing: Some(thing).filter(|thing| !thing.is_empty()),
        },
    }
}

fn shadow<'a>(thing: &'a str, verb: &'a str) -> Reserved<'a> {
    let Some(named) = verb.strip_prefix("name/") else {
        return Reserved::Shadow {
            thing,
            name: None,
            verb,
        };
    };
    let (name, verb) = named.split_once('/').unwrap_or((named, ""));
    Reserved::Shadow {
        thing,
        name: Some(name),
        verb,
    }
}

/// `create/<format>[/accepted]`.
fn certificates(rest: &str) -> Reserved<'_> {
    let (verb, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let answer = rest.split_once('/').map_or("", |(_, answer)| answer);
    match verb {
        "create" | "create-from-csr" => Reserved::Provisioning(Provisioning::Create {
            csr: verb == "create-from-csr",
            answer,
        }),
        _ => Reserved::Other { thing: None },
    }
}

/// `<template>/provision/<format>[/accepted]`.
fn template(rest: &str) -> Reserved<'_> {
    let mut levels = rest.splitn(4, '/');
    let template = levels.next().unwrap_or_default();
    match (levels.next(), levels.next(), levels.next()) {
        (Some("provision"), Some(_), answer) => Reserved::Provisioning(Provisioning::Register {
            template,
            answer: answer.unwrap_or_default(),
        }),
        _ => Reserved::Other { thing: None },
    }
}

fn event(rest: &str) -> Reserved<'_> {
    let mut levels = rest.splitn(3, '/');
    let event = match (levels.next(), levels.next()) {
        (Some("presence"), Some("connected")) => ClientEvent::Connected,
        (Some("presence"), Some("disconnected")) => ClientEvent::Disconnected,
        (Some("presence"), Some("connect_failed")) => ClientEvent::ConnectFailed,
        (Some("subscriptions"), Some("subscribed")) => ClientEvent::Subscribed,
        (Some("subscriptions"), Some("unsubscribed")) => ClientEvent::Unsubscribed,
        (Some("thing"), Some(thing)) => {
            return Reserved::Other {
                thing: Some(thing).filter(|thing| !thing.is_empty()),
            };
        }
        _ => return Reserved::Other { thing: None },
    };
    match levels.next() {
        Some(client) => Reserved::Client { event, client },
        None => Reserved::Other { thing: None },
    }
}

/// The classic shadow's topics, or a named one's: `$aws/things/<thing>/shadow[/name/<name>]`.
pub fn shadow_prefix(thing: &str, name: Option<&str>) -> String {
    match name {
        None => format!("$aws/things/{thing}/shadow"),
        Some(name) => format!("$aws/things/{thing}/shadow/name/{name}"),
    }
}

pub fn jobs_prefix(thing: &str) -> String {
    format!("$aws/things/{thing}/jobs")
}

/// 1 to 128 of `[a-zA-Z0-9:_-]`.
pub fn is_thing_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(is_of_a_thing)
}

/// 1 to 64 of the same, and `$`.
pub fn is_shadow_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| is_of_a_thing(b) || b == b'$')
}

const fn is_of_a_thing(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_topics_are_told_apart_and_ordinary_ones_are_left_alone() {
        let cases = [
            ("my/things/RPI/update", None),
            (
                "$aws/things/RPI/shadow/update/accepted",
                Some(Reserved::Shadow {
                    thing: "RPI",
                    name: None,
                    verb: "update/accepted",
                }),
            ),
            (
                "$aws/things/RPI/shadow/name/wifi/get",
                Some(Reserved::Shadow {
                    thing: "RPI",
                    name: Some("wifi"),
                    verb: "get",
                }),
            ),
            (
                "$aws/things/RPI/jobs/job-1/update/rejected",
                Some(Reserved::Jobs {
                    thing: "RPI",
                    verb: "job-1/update/rejected",
                }),
            ),
            (
                "$aws/certificates/create-from-csr/json/accepted",
                Some(Reserved::Provisioning(Provisioning::Create {
                    csr: true,
                    answer: "accepted",
                })),
            ),
            (
                "$aws/provisioning-templates/line/provision/cbor",
                Some(Reserved::Provisioning(Provisioning::Register {
                    template: "line",
                    answer: "",
                })),
            ),
            (
                "$aws/events/presence/disconnected/a/b",
                Some(Reserved::Client {
                    event: ClientEvent::Disconnected,
                    client: "a/b",
                }),
            ),
            (
                "$aws/things/RPI/tunnels/notify",
                Some(Reserved::Other { thing: Some("RPI") }),
            ),
            ("$aws/", Some(Reserved::Other { thing: None })),
        ];
        for (topic, expected) in cases {
            assert_eq!(reserved(topic), expected, "{topic}");
        }
    }

    #[test]
    fn names_are_checked_as_the_registry_does() {
        assert!(is_thing_name("RPI:1_a-b") && is_shadow_name("$a"));
        for wrong in ["", "a b", "a/b", "거", "$a"] {
            assert!(!is_thing_name(wrong), "{wrong}");
        }
        assert!(!is_thing_name(&"a".repeat(129)) && !is_shadow_name(&"a".repeat(65)));
    }
}
