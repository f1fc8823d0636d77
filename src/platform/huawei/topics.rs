//! The platform's own topics, read and written (`reference/huawei-iot.md` 4, 5). The request's id is part of the last level.

/// What a topic of one device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// IoTDA: `$oc/devices/{id}/sys/…`.
    Sys { device: &'a str, what: Sys<'a> },
    /// IoTDA: `$oc/devices/{id}/user/{suffix}`.
    User { device: &'a str, suffix: &'a str },
    /// v1: commands come down.
    CommandV1 { device: &'a str, codec: &'a str },
    /// v1: reports and answers go up.
    DataV1 { device: &'a str, codec: &'a str },
}

/// The topic's function; `&str` is the request's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sys<'a> {
    Report,
    BatchReport,
    MessageUp,
    MessageDown,
    Command(&'a str),
    CommandAnswer(&'a str),
    PropertySet(&'a str),
    PropertySetAnswer(&'a str),
    PropertyGet(&'a str),
    PropertyGetAnswer(&'a str),
    ShadowGet(&'a str),
    ShadowAnswer(&'a str),
    EventsUp,
    EventsDown,
    Other,
}

impl<'a> Place<'a> {
    pub const fn device(&self) -> &'a str {
        match self {
            Self::Sys { device, .. }
            | Self::User { device, .. }
            | Self::CommandV1 { device, .. }
            | Self::DataV1 { device, .. } => device,
        }
    }
}

/// `None`: a free topic, or somebody else's.
pub fn place(topic: &str) -> Option<Place<'_>> {
    if let Some(rest) = topic.strip_prefix("$oc/devices/") {
        let (device, rest) = rest.split_once('/')?;
        return match rest.split_once('/')? {
            ("sys", rest) => Some(Place::Sys {
                device,
                what: sys(rest),
            }),
            ("user", suffix) => Some(Place::User { device, suffix }),
            _ => None,
        };
    }
    let rest = topic.strip_prefix("/huawei/v1/devices/")?;
    let (device, rest) = rest.split_once('/')?;
    match rest.split_once('/')? {
        ("command", codec) => Some(Place::CommandV1 { device, codec }),
        ("data", codec) => Some(Place::DataV1 { device, codec }),
        _ => None,
    }
}

fn sys(rest: &str) -> Sys<'_> {
    let (path, request) = match rest.rsplit_once("/request_id=") {
        Some((path, request)) => (path, Some(request)),
        // A trace id of the sender's own may follow.
        None => (rest.split('?').next().unwrap_or(rest), None),
    };
    match (path, request) {
        ("properties/report", None) => Sys::Report,
        ("gateway/sub_devices/properties/report", None) => Sys::BatchReport,
        ("messages/up", None) => Sys::MessageUp,
        ("messages/down", None) => Sys::MessageDown,
        ("events/up", None) => Sys::EventsUp,
        ("events/down", None) => Sys::EventsDown,
        ("commands", Some(id)) => Sys::Command(id),
        ("commands/response", Some(id)) => Sys::CommandAnswer(id),
        ("properties/set", Some(id)) => Sys::PropertySet(id),
        ("properties/set/response", Some(id)) => Sys::PropertySetAnswer(id),
        ("properties/get", Some(id)) => Sys::PropertyGet(id),
        ("properties/get/response", Some(id)) => Sys::PropertyGetAnswer(id),
        ("shadow/get", Some(id)) => Sys::ShadowGet(id),
        ("shadow/get/response", Some(id)) => Sys::ShadowAnswer(id),
        _ => Sys::Other,
    }
}

/// `$oc/devices/{device}/sys/{what}`.
pub fn sys_topic(device: &str, what: &str) -> String {
    format!("$oc/devices/{device}/sys/{what}")
}

/// Where the answer to a request goes, or comes from.
pub fn answer_topic(device: &str, what: &str, request: &str) -> String {
    sys_topic(device, &format!("{what}/response/request_id={request}"))
}

pub fn command_topic_v1(device: &str) -> String {
    format!("/huawei/v1/devices/{device}/command/json")
}

pub fn data_topic_v1(device: &str) -> String {
    format!("/huawei/v1/devices/{device}/data/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_of_the_platform_is_told_by_its_function() {
        let cases = [
            ("properties/report", Sys::Report),
            ("properties/report?request_id=7", Sys::Report),
            ("gateway/sub_devices/properties/report", Sys::BatchReport),
            ("messages/up", Sys::MessageUp),
            ("messages/down", Sys::MessageDown),
            ("commands/request_id=7", Sys::Command("7")),
            ("commands/response/request_id=7", Sys::CommandAnswer("7")),
            ("properties/set/request_id=7", Sys::PropertySet("7")),
            (
                "properties/get/response/request_id=7",
                Sys::PropertyGetAnswer("7"),
            ),
            (
                "shadow/get/response/request_id=a=b",
                Sys::ShadowAnswer("a=b"),
            ),
            ("events/down", Sys::EventsDown),
            ("bootstrap/down", Sys::Other),
            ("commands", Sys::Other),
        ];
        for (tail, what) in cases {
            let topic = sys_topic("5e_meter", tail);
            let device = "5e_meter";
            assert_eq!(place(&topic), Some(Place::Sys { device, what }), "{tail}");
        }
    }

    #[test]
    fn v1_user_and_free_topics_are_told_apart() {
        let codec = "json";
        let (device, suffix) = ("d", "a/b");
        assert_eq!(
            place(&command_topic_v1("d")),
            Some(Place::CommandV1 { device, codec })
        );
        assert_eq!(
            place(&data_topic_v1("d")),
            Some(Place::DataV1 { device, codec })
        );
        assert_eq!(
            place("$oc/devices/d/user/a/b"),
            Some(Place::User { device, suffix })
        );
        for free in [
            "plant/1",
            "$oc/devices/d",
            "/huawei/v1/devices/d",
            "$oc/x/y/z",
        ] {
            assert_eq!(place(free), None, "{free}");
        }
    }
}
