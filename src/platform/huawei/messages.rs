//! What a message means: kind, device, gist, and the commands that wait for an answer (`reference/huawei-iot.md` 4, 5).
//! Pure, and stands any bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::body::{self, list, word, word_of};
use super::topics::{Place, Sys, place};
use super::{answer, facts};
use crate::base::moment::Timestamp;
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::message::{Direction, Message};
use crate::domain::profile::HuaweiSettings;
use crate::domain::reading::{Kind, Reading};
use crate::domain::relay::{AskedCommand, RelayNews};
use crate::domain::shadow::Node;
use crate::domain::topic::Topic;

/// The platform waits so long for the answer to a command.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What was reported last of each device, as far as it was heard here: an object of services.
pub type Reported = BTreeMap<DeviceId, Node>;

/// A request of the platform that wants an answer of this client.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// `key` is the `SERVICE.COMMAND` that the configured answers go by.
    Command {
        request: String,
        key: String,
    },
    PropertySet {
        request: String,
    },
    PropertyGet {
        request: String,
        device: DeviceId,
        service: Option<String>,
    },
    /// v1: `cloudReq`.
    CommandV1 {
        mid: u64,
        key: String,
    },
}

impl Asked {
    /// The platform's name for it.
    pub fn id(&self) -> String {
        match self {
            Self::Command { request, .. }
            | Self::PropertySet { request }
            | Self::PropertyGet { request, .. } => request.clone(),
            Self::CommandV1 { mid, .. } => mid.to_string(),
        }
    }
}

/// What came down, where it wants an answer.
pub fn asked(message: &Message) -> Option<Asked> {
    let place = place(message.topic.as_str())?;
    asked_of(message, &place, &body::of(message))
}

fn asked_of(message: &Message, place: &Place<'_>, body: &Node) -> Option<Asked> {
    if message.direction == Direction::Out {
        return None;
    }
    match place {
        Place::Sys { what, device } => of_sys(*what, device, body),
        Place::CommandV1 { codec: "json", .. } if word(body, "msgType") == "cloudReq" => {
            Some(Asked::CommandV1 {
                mid: body.member("mid").and_then(Node::number)?,
                key: format!("{}.{}", word(body, "serviceId"), word(body, "cmd")),
            })
        }
        _ => None,
    }
}

fn of_sys(what: Sys<'_>, own: &str, body: &Node) -> Option<Asked> {
    let request = |id: &str| id.to_owned();
    Some(match what {
        Sys::Command(id) => Asked::Command {
            request: request(id),
            key: format!(
                "{}.{}",
                word(body, "service_id"),
                word(body, "command_name")
            ),
        },
        Sys::PropertySet(id) => Asked::PropertySet {
            request: request(id),
        },
        Sys::PropertyGet(id) => Asked::PropertyGet {
            request: request(id),
            device: about(body, own),
            service: body.member("service_id").and_then(Node::words),
        },
        _ => return None,
    })
}

/// What it means; what it reports is kept in `reported`.
pub fn interpret(settings: &HuaweiSettings, message: &Message, reported: &mut Reported) -> Reading {
    let Some(place) = place(message.topic.as_str()) else {
        return Reading {
            device: Some(DeviceId::new(&settings.device_id)),
            ..Reading::default()
        };
    };
    let body = body::of(message);
    let (kind, gist) = match place {
        Place::Sys { what, .. } => sys(what, &body, message.at),
        Place::User { .. } => (Kind::Message, String::new()),
        Place::CommandV1 { .. } => (
            Kind::Command,
            joined(&word(&body, "serviceId"), &word(&body, "cmd")),
        ),
        Place::DataV1 { .. } => data_v1(&body),
    };
    let device = about(&body, place.device());
    let asked = asked_of(message, &place, &body);
    let asked =
        asked.and_then(|asked| waiting(settings, message, &asked, &device, &gist, reported));
    let mut facts: Vec<_> = asked.into_iter().collect();
    facts.extend(facts::of(settings, message, &place, &body));
    for (device, services) in facts::reports(&place, &body) {
        facts.extend(facts::patch(&device, &services));
        facts::remember(reported, device, &services);
    }
    Reading {
        kind,
        device: Some(device),
        gist,
        facts,
        mask: facts::secrets(&place, &body),
    }
}

/// What concerns a device behind a gateway travels under the gateway's id.
pub(super) fn about(body: &Node, own: &str) -> DeviceId {
    match word(body, "object_device_id").as_str() {
        "" => DeviceId::new(own),
        child => DeviceId::new(child),
    }
}

fn waiting(
    settings: &HuaweiSettings,
    message: &Message,
    asked: &Asked,
    device: &DeviceId,
    gist: &str,
    reported: &Reported,
) -> Option<Fact> {
    let draft = answer::draft(settings, message, asked, reported)?;
    Some(Fact::Relay(Box::new(RelayNews::Asked(AskedCommand {
        id: asked.id(),
        device: device.clone(),
        name: gist.to_owned(),
        at: message.at,
        deadline: message.at.plus(PATIENCE),
        topic: message.topic.clone(),
        answer_topic: Topic::parse(&draft.topic).ok()?,
        answer: draft.payload.into(),
        mark: match asked {
            Asked::CommandV1 { mid, .. } => Some(("mid", *mid)),
            _ => None,
        },
    }))))
}

fn sys(what: Sys<'_>, body: &Node, at: Timestamp) -> (Kind, String) {
    match what {
        Sys::Report | Sys::PropertyGetAnswer(_) => (Kind::State, services(&list(body, "services"))),
        Sys::BatchReport => {
            let devices = list(body, "devices");
            let plural = if devices.len() == 1 { "" } else { "s" };
            let count = devices.len();
            (
                Kind::State,
                format!("{count} device{plural} behind this gateway"),
            )
        }
        Sys::Command(_) => (
            Kind::Command,
            joined(&word(body, "service_id"), &word(body, "command_name")),
        ),
        Sys::CommandAnswer(_) | Sys::PropertySetAnswer(_) => {
            (Kind::Command, result(body, "result_code"))
        }
        Sys::PropertySet(_) => (
            Kind::Command,
            format!("set {}", services(&list(body, "services"))),
        ),
        Sys::PropertyGet(_) => (
            Kind::Command,
            match word(body, "service_id").as_str() {
                "" => "get all properties".to_owned(),
                service => format!("get {service}"),
            },
        ),
        Sys::ShadowGet(_) => (Kind::Shadow, "the shadow is asked for".to_owned()),
        Sys::ShadowAnswer(_) => (Kind::Shadow, shadow(body)),
        Sys::EventsUp | Sys::EventsDown => (
            Kind::Event,
            facts::clock(body, at).unwrap_or_else(|| events(body)),
        ),
        Sys::MessageUp | Sys::MessageDown | Sys::Other => (Kind::Message, String::new()),
    }
}

fn data_v1(body: &Node) -> (Kind, String) {
    match word(body, "msgType").as_str() {
        "deviceRsp" => (Kind::Command, result(body, "errcode")),
        "deviceReq" => (Kind::State, services(&list(body, "data"))),
        _ => (Kind::State, String::new()),
    }
}

fn result(body: &Node, name: &str) -> String {
    // Absent is success (`reference/huawei-iot.md` 5).
    match body::whole(body, name).unwrap_or(0) {
        0 => "answered: done".to_owned(),
        code => format!("answered: failed ({code})"),
    }
}

/// `Meter: voltage 229.8, current 1.2; Relay: on true`.
fn services(list: &[Node]) -> String {
    let service = |entry: &Node| {
        let id = word_of(entry, ["service_id", "serviceId"]);
        let members = facts::properties(entry);
        let members: Vec<_> = match &members {
            Some(Node::Object(members)) => members
                .iter()
                .take(4)
                .map(|(name, value)| format!("{name} {}", value.text()))
                .collect(),
            _ => Vec::new(),
        };
        format!("{id}: {}", members.join(", "))
    };
    let services: Vec<_> = list.iter().take(3).map(service).collect();
    services.join("; ")
}

fn shadow(body: &Node) -> String {
    let names = list(body, "shadow");
    let names: Vec<_> = names
        .iter()
        .map(|entry| word(entry, "service_id"))
        .collect();
    format!("the shadow of {}", names.join(", "))
}

fn events(body: &Node) -> String {
    let names = list(body, "services");
    let names: Vec<_> = names
        .iter()
        .map(|entry| joined(&word(entry, "service_id"), &word(entry, "event_type")))
        .collect();
    names.join("; ")
}

fn joined(first: &str, second: &str) -> String {
    match (first, second) {
        ("", only) | (only, "") => only.to_owned(),
        (first, second) => format!("{first}.{second}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::Qos;
    use crate::domain::profile::HuaweiDialect;

    fn message(topic: &str, payload: &str) -> Message {
        Message {
            at: Timestamp::from_seconds(100),
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: payload.to_owned().into(),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        }
    }

    fn read(topic: &str, payload: &str) -> Reading {
        let url = "mqtts://h".to_owned();
        let settings = HuaweiSettings::new(HuaweiDialect::Iotda, url, "d".to_owned());
        interpret(&settings, &message(topic, payload), &mut Reported::new())
    }

    #[test]
    fn a_command_waits_for_its_answer_until_twenty_seconds_are_over() {
        let body = r#"{"object_device_id":"child","service_id":"Relay","command_name":"ON","paras":{"n":1}}"#;
        let reading = read("$oc/devices/d/sys/commands/request_id=r-1", body);
        assert_eq!(reading.kind, Kind::Command);
        assert_eq!(reading.device, Some(DeviceId::new("child")));
        assert_eq!(reading.gist, "Relay.ON");
        let [Fact::Relay(news), Fact::DeviceHeard(_)] = reading.facts.as_slice() else {
            panic!("{:?}", reading.facts);
        };
        let RelayNews::Asked(asked) = &**news else {
            panic!("{news:?}");
        };
        assert_eq!(asked.id, "r-1");
        assert_eq!(asked.deadline, Timestamp::from_seconds(120));
        let topic = "$oc/devices/d/sys/commands/response/request_id=r-1";
        assert_eq!(asked.answer_topic.as_str(), topic);
        assert_eq!(asked.answer, r#"{"result_code":0}"#);
    }

    #[test]
    fn a_v1_command_is_answered_on_the_data_topic_with_its_number() {
        let body = r#"{"msgType":"cloudReq","serviceId":"Relay","cmd":"ON","paras":{},"mid":7}"#;
        let reading = read("/huawei/v1/devices/d/command/json", body);
        let [Fact::Relay(news)] = reading.facts.as_slice() else {
            panic!("{:?}", reading.facts);
        };
        let RelayNews::Asked(asked) = &**news else {
            panic!("{news:?}");
        };
        assert_eq!(
            asked.answer_topic.as_str(),
            "/huawei/v1/devices/d/data/json"
        );
        assert_eq!(
            asked.answer,
            r#"{"msgType":"deviceRsp","mid":7,"errcode":0}"#
        );
    }

    #[test]
    fn each_downlink_has_its_kind_and_its_gist() {
        let sys = |tail: &str| format!("$oc/devices/d/sys/{tail}");
        let set = r#"{"services":[{"service_id":"Relay","properties":{"on":true}}]}"#;
        let event =
            r#"{"services":[{"service_id":"$time_sync","event_type":"time_sync_response"}]}"#;
        let answer = r#"{"shadow":[{"service_id":"Relay"}]}"#;
        let report = r#"{"msgType":"deviceReq","data":[{"serviceId":"M","serviceData":{"v":1.50,"n":12345678901234567890123}}]}"#;
        let v1 = "/huawei/v1/devices/d/data/json".to_owned();
        let cases = [
            (
                sys("properties/set/request_id=1"),
                set,
                Kind::Command,
                "set Relay: on true",
            ),
            (
                sys("events/down"),
                event,
                Kind::Event,
                "$time_sync.time_sync_response",
            ),
            (
                sys("shadow/get/response/request_id=1"),
                answer,
                Kind::Shadow,
                "the shadow of Relay",
            ),
            (sys("messages/down"), "not json \u{1b}", Kind::Message, ""),
            (
                sys("commands/response/request_id=1"),
                r#"{"result_code":3}"#,
                Kind::Command,
                "answered: failed (3)",
            ),
            (
                v1.clone(),
                report,
                Kind::State,
                "M: v 1.50, n 12345678901234567890123",
            ),
            (
                v1,
                r#"{"msgType":"deviceRsp","mid":7}"#,
                Kind::Command,
                "answered: done",
            ),
        ];
        for (topic, body, kind, gist) in cases {
            let reading = read(&topic, body);
            assert_eq!(
                (reading.kind, reading.gist.as_str()),
                (kind, gist),
                "{topic}"
            );
        }
    }

    #[test]
    fn any_bytes_are_stood() {
        for body in [
            "",
            "[",
            "[]",
            "null",
            "{\"services\":{}}",
            "{\"services\":[1]}",
        ] {
            for tail in [
                "commands/request_id=",
                "properties/set/request_id=x",
                "events/down",
            ] {
                let reading = read(&format!("$oc/devices/d/sys/{tail}"), body);
                assert!(reading.device.is_some());
            }
        }
    }
}
