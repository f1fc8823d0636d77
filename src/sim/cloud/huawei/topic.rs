//! Topics of both interfaces (`reference/huawei-iot.md` 4, 5).

use crate::domain::topic::TopicFilter;

/// What a device tells or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up<'a> {
    Report,
    /// Of a gateway, for devices behind it.
    Batch,
    Message,
    Event,
    /// With the request's id, here and below.
    CommandAnswer(&'a str),
    SetAnswer(&'a str),
    GetAnswer(&'a str),
    ShadowGet(&'a str),
    /// Where do I belong?
    Bootstrap,
    /// Of v1: reports and answers; `json` or `binary`.
    Data(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    Up {
        id: &'a str,
        what: Up<'a>,
    },
    Down {
        id: &'a str,
    },
    /// Declared in the product.
    User {
        id: &'a str,
        suffix: &'a str,
    },
    /// The platform's own, and nothing is there.
    Nowhere,
    /// Everybody's.
    Free,
}

const SYSTEM: &str = "$oc/devices/";
const V1: &str = "/huawei/v1/";

/// An id of the request is the whole rest of the topic.
fn request<'a>(rest: &'a str, place: &str) -> Option<&'a str> {
    let id = rest.strip_prefix(place)?.strip_prefix("/request_id=")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

pub fn place(topic: &str) -> Place<'_> {
    if let Some(rest) = topic.strip_prefix(SYSTEM) {
        return system(rest).unwrap_or(Place::Nowhere);
    }
    if let Some(rest) = topic.strip_prefix(V1) {
        return older(rest).unwrap_or(Place::Nowhere);
    }
    if topic.starts_with('$') {
        Place::Nowhere
    } else {
        Place::Free
    }
}

fn system(rest: &str) -> Option<Place<'_>> {
    let (id, rest) = rest.split_once('/')?;
    if let Some(suffix) = rest.strip_prefix("user/") {
        return Some(Place::User { id, suffix });
    }
    let rest = rest.strip_prefix("sys/")?;
    // One's own trace id may follow these two.
    let told = rest
        .split_once("?request_id=")
        .map_or(rest, |(bare, _)| bare);
    let up = match told {
        "properties/report" => Some(Up::Report),
        "messages/up" => Some(Up::Message),
        _ => match rest {
            "gateway/sub_devices/properties/report" => Some(Up::Batch),
            "events/up" => Some(Up::Event),
            "bootstrap/up" => Some(Up::Bootstrap),
            _ => request(rest, "commands/response")
                .map(Up::CommandAnswer)
                .or_else(|| request(rest, "properties/set/response").map(Up::SetAnswer))
                .or_else(|| request(rest, "properties/get/response").map(Up::GetAnswer))
                .or_else(|| request(rest, "shadow/get").map(Up::ShadowGet)),
        },
    };
    if let Some(what) = up {
        return Some(Place::Up { id, what });
    }
    let is_down = matches!(rest, "messages/down" | "events/down" | "bootstrap/down")
        || [
            "commands",
            "properties/set",
            "properties/get",
            "shadow/get/response",
        ]
        .iter()
        .any(|place| request(rest, place).is_some());
    is_down.then_some(Place::Down { id })
}

fn older(rest: &str) -> Option<Place<'_>> {
    let (id, rest) = rest.strip_prefix("devices/")?.split_once('/')?;
    let (place, codec) = rest.split_once('/')?;
    if !matches!(codec, "json" | "binary") {
        return None;
    }
    match place {
        "data" => Some(Place::Up {
            id,
            what: Up::Data(codec),
        }),
        "command" => Some(Place::Down { id }),
        _ => None,
    }
}

/// Whose topics a filter asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// Of one device; in `user/` the suffix.
    Own {
        id: &'a str,
        user: Option<&'a str>,
    },
    Forbidden,
    Free,
}

pub fn wish(filter: &str) -> Wish<'_> {
    let own = |rest: &'static str| {
        filter
            .strip_prefix(rest)
            .and_then(|rest| rest.split_once('/'))
    };
    if let Some((id, rest)) = own(SYSTEM) {
        let user = rest.strip_prefix("user/");
        return Wish::Own { id, user };
    }
    if let Some((id, _)) = own("/huawei/v1/devices/") {
        return Wish::Own { id, user: None };
    }
    if filter.starts_with('$') || filter.starts_with(V1) {
        Wish::Forbidden
    } else {
        Wish::Free
    }
}

/// Where commands of v1 go.
pub fn v1_command(id: &str) -> String {
    format!("{V1}devices/{id}/command/json")
}

/// `$oc/devices/ID/sys/REST`.
pub fn sys(id: &str, rest: &str) -> String {
    format!("{SYSTEM}{id}/sys/{rest}")
}

pub fn user(id: &str, suffix: &str) -> String {
    format!("{SYSTEM}{id}/user/{suffix}")
}

/// Whether one of these filters asks for the topic.
pub fn is_wanted<'a>(filters: impl IntoIterator<Item = &'a String>, topic: &str) -> bool {
    filters
        .into_iter()
        .filter_map(|filter| TopicFilter::parse(filter).ok())
        .any(|filter| filter.matches(topic))
}

/// Whether a filter was meant for v1's topics, and is no `#` that has them besides.
pub fn is_older(filter: &str) -> bool {
    filter.starts_with(V1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_has_its_place() {
        let up = |what| Place::Up { id: "p_n", what };
        for (topic, expected) in [
            ("$oc/devices/p_n/sys/properties/report", up(Up::Report)),
            (
                "$oc/devices/p_n/sys/properties/report?request_id=a-1",
                up(Up::Report),
            ),
            ("$oc/devices/p_n/sys/messages/up", up(Up::Message)),
            (
                "$oc/devices/p_n/sys/gateway/sub_devices/properties/report",
                up(Up::Batch),
            ),
            (
                "$oc/devices/p_n/sys/commands/response/request_id=7",
                up(Up::CommandAnswer("7")),
            ),
            (
                "$oc/devices/p_n/sys/shadow/get/request_id=7",
                up(Up::ShadowGet("7")),
            ),
            (
                "$oc/devices/p_n/sys/commands/request_id=7",
                Place::Down { id: "p_n" },
            ),
            (
                "$oc/devices/p_n/sys/shadow/get/response/request_id=7",
                Place::Down { id: "p_n" },
            ),
            (
                "$oc/devices/p_n/user/a/b",
                Place::User {
                    id: "p_n",
                    suffix: "a/b",
                },
            ),
            ("$oc/devices/p_n/sys/bootstrap/up", up(Up::Bootstrap)),
            (
                "$oc/devices/p_n/sys/bootstrap/down",
                Place::Down { id: "p_n" },
            ),
            ("$oc/devices/p_n/sys/commands/response/7", Place::Nowhere),
            ("$oc/devices/p_n/sys/commands/request_id=", Place::Nowhere),
            ("$SYS/x", Place::Nowhere),
            ("/huawei/v1/devices/p_n/data/json", up(Up::Data("json"))),
            (
                "/huawei/v1/devices/p_n/command/binary",
                Place::Down { id: "p_n" },
            ),
            ("/huawei/v1/devices/p_n/data/xml", Place::Nowhere),
            ("plant/1", Place::Free),
        ] {
            assert_eq!(place(topic), expected, "{topic}");
        }
    }
}
