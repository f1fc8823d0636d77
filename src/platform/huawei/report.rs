//! Reports of properties, as this device or for one behind it (`reference/huawei-iot.md` 4, 5). An acknowledgement says no
//! more than that they arrived: a name or a shape that the platform does not know it drops later, so the shape is checked.

use std::pin::pin;

use super::Huawei;
use super::answer::Answer;
use super::body::{array, object, text, word, word_of};
use super::facts::properties as properties_of;
use super::messages::PATIENCE;
use super::shadow::event_time;
use super::topics::{data_topic_v1, sys_topic};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::device::DeviceId;
use crate::domain::message::{Direction, Draft, Message, Qos};
use crate::domain::profile::{HuaweiDialect, HuaweiSettings};
use crate::domain::relay::RelayReply;
use crate::domain::shadow::Node;
use crate::domain::topic::Topic;
use crate::platform::Platform as _;
use crate::platform::io::Io;
use futures_util::future::{Either, FutureExt as _, select};

/// Devices in one message of a gateway (`reference/huawei-iot.md` 5).
const MOST_DEVICES: usize = 100;

/// One service of a report.
#[derive(Debug, Clone, PartialEq)]
struct Service {
    id: String,
    properties: Node,
    at: Option<String>,
}

impl Huawei {
    pub(super) async fn report(
        &self,
        io: &dyn Io,
        device: Option<&DeviceId>,
        service: Option<&str>,
        properties: &str,
    ) -> Result<RelayReply, Problem> {
        let answer = report(&self.settings, device, service, properties)?;
        let topic = Topic::parse(&answer.topic).map_err(|why| wrong(&why.to_string()))?;
        let draft = Draft::new(topic, answer.payload.into(), Qos::AtLeastOnce);
        self.check(&draft, io.now().mono)?;
        self.send(io, draft).await?;
        Ok(RelayReply::Done)
    }

    /// Published, shown among the messages as soon as it is on its way, and acknowledged in time.
    pub(super) async fn send(&self, io: &dyn Io, draft: Draft) -> Result<(), Problem> {
        let mut sent = pin!(io.publish(draft.clone()));
        // What is refused at once was never on its way.
        if let Some(result) = (&mut sent).now_or_never() {
            result?;
            self.show(io, draft);
            return Ok(());
        }
        let topic = draft.topic.clone();
        self.show(io, draft);
        match select(sent, io.sleep(PATIENCE)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(not_acknowledged(&topic)),
        }
    }

    fn show(&self, io: &dyn Io, draft: Draft) {
        let message = Message {
            at: io.now().wall,
            direction: Direction::Out,
            topic: draft.topic,
            payload: draft.payload,
            qos: draft.qos,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        let reading = self.interpret(&message);
        io.outgoing(message, reading);
    }
}

fn not_acknowledged(topic: &Topic) -> Problem {
    let cause = format!(
        "the platform did not acknowledge it within {} s",
        PATIENCE.as_secs()
    );
    Problem::new(
        format!("{topic} may not have arrived"),
        cause,
        "look at the connection, then send it again",
    )
    .retry(Retry::Backoff)
    .exit(Exit::Unreachable)
}

/// Topic and payload. With `service` the properties are its own; else the JSON names the services, or whole devices.
pub(super) fn report(
    settings: &HuaweiSettings,
    device: Option<&DeviceId>,
    service: Option<&str>,
    properties: &str,
) -> Result<Answer, Problem> {
    let body =
        Node::parse(properties).map_err(|error| wrong(&format!("it is no JSON: {error}")))?;
    let own = &settings.device_id;
    let child = device.map(DeviceId::as_str).filter(|device| device != own);
    if settings.dialect == HuaweiDialect::V1 {
        if child.is_some() {
            return Err(wrong("the v1 interface reports for the device itself only"));
        }
        let data: Vec<_> = services(service, &body)?.into_iter().map(of_v1).collect();
        let body = object([("msgType", text("deviceReq")), ("data", array(&data))]);
        return Ok(Answer {
            topic: data_topic_v1(own),
            payload: body.text(),
        });
    }
    let batch = |devices: &[Node]| Answer {
        topic: sys_topic(own, "gateway/sub_devices/properties/report"),
        payload: object([("devices", array(devices))]).text(),
    };
    if let (None, None, Some(devices)) = (child, service, body.member("devices")) {
        return many(devices).map(|devices| batch(&devices));
    }
    let services: Vec<_> = services(service, &body)?
        .into_iter()
        .map(of_iotda)
        .collect();
    let services = array(&services);
    Ok(match child {
        Some(child) => batch(&[object([("device_id", text(child)), ("services", services)])]),
        None => Answer {
            topic: sys_topic(own, "properties/report"),
            payload: object([("services", services)]).text(),
        },
    })
}

/// `[{"device_id":…,"services":[…]}]`.
fn many(devices: &Node) -> Result<Vec<Node>, Problem> {
    let devices = devices
        .items()
        .ok_or_else(|| wrong("`devices` is no list"))?;
    if devices.is_empty() || devices.len() > MOST_DEVICES {
        return Err(wrong(&format!(
            "`devices` names {}, and 1 to {MOST_DEVICES} fit one message",
            devices.len()
        )));
    }
    let one = |entry: &Node| {
        let id = word(entry, "device_id");
        if id.is_empty() {
            return Err(wrong("a device without device_id"));
        }
        let services: Vec<_> = services(None, entry)?.into_iter().map(of_iotda).collect();
        Ok(object([
            ("device_id", text(&id)),
            ("services", array(&services)),
        ]))
    };
    devices.iter().map(one).collect()
}

fn of_iotda(service: Service) -> Node {
    written(service, ["service_id", "properties", "event_time"])
}

fn of_v1(service: Service) -> Node {
    written(service, ["serviceId", "serviceData", "eventTime"])
}

fn written(service: Service, [id, properties, time]: [&str; 3]) -> Node {
    let mut members = vec![
        (id.to_owned(), text(&service.id)),
        (properties.to_owned(), service.properties),
    ];
    members.extend(service.at.map(|at| (time.to_owned(), text(&at))));
    Node::Object(members)
}

/// `{"PROPERTY":…}` of a named service; else `{"SERVICE":{"PROPERTY":…}}`, or a list as either interface writes it.
fn services(service: Option<&str>, body: &Node) -> Result<Vec<Service>, Problem> {
    let found: Vec<_> = match (service, body) {
        (Some(id), Node::Object(_)) => vec![one(id, body.clone(), None)?],
        (None, Node::Leaf(_)) => match body.items() {
            Some(list) => list.iter().map(listed).collect::<Result<_, _>>()?,
            None => return Err(wrong("it is no JSON object")),
        },
        (None, Node::Object(members)) => {
            let list = ["services", "data"].map(|name| body.member(name).and_then(Node::items));
            match list.into_iter().flatten().next() {
                Some(list) => list.iter().map(listed).collect::<Result<_, _>>()?,
                None => members
                    .iter()
                    .map(|(id, properties)| match properties {
                        Node::Object(_) => one(id, properties.clone(), None),
                        Node::Leaf(_) => {
                            Err(wrong(&format!("service {id:?} is no object of properties")))
                        }
                    })
                    .collect::<Result<_, _>>()?,
            }
        }
        (Some(_), Node::Leaf(_)) => return Err(wrong("it is no JSON object")),
    };
    if found.is_empty() {
        return Err(wrong("it names no service"));
    }
    Ok(found)
}

fn listed(entry: &Node) -> Result<Service, Problem> {
    let id = word_of(entry, ["service_id", "serviceId"]);
    if id.is_empty() {
        return Err(wrong("a service without service_id"));
    }
    let properties = properties_of(entry)
        .ok_or_else(|| wrong(&format!("service {id:?} has no object of properties")))?;
    let at = word_of(entry, ["event_time", "eventTime"]);
    one(&id, properties, (!at.is_empty()).then_some(at))
}

fn one(id: &str, properties: Node, at: Option<String>) -> Result<Service, Problem> {
    if id.trim().is_empty() {
        return Err(wrong("a service needs a name"));
    }
    if properties.is_empty() {
        return Err(wrong(&format!("service {id:?} has no properties")));
    }
    if let Some(at) = &at
        && (event_time(at).is_none() || !at.ends_with('Z'))
    {
        let why = format!(
            "event_time {at:?} is not a time in UTC as the platform reads it (20261121T165500Z)"
        );
        return Err(wrong(&why));
    }
    Ok(Service {
        id: id.to_owned(),
        properties,
        at,
    })
}

fn wrong(why: &str) -> Problem {
    let remedy = "write SERVICE PROPERTY=VALUE…, or {\"SERVICE\":{\"PROPERTY\":value}}";
    Problem::new("the report is not sent", why, remedy).exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        dialect: HuaweiDialect,
        device: Option<&str>,
        service: Option<&str>,
        text: &str,
    ) -> String {
        let settings = HuaweiSettings::new(dialect, String::new(), "d".to_owned());
        let device = device.map(DeviceId::new);
        match report(&settings, device.as_ref(), service, text) {
            Ok(answer) => format!("{} {}", answer.topic, answer.payload),
            Err(problem) => problem.cause,
        }
    }

    #[test]
    fn a_report_is_written_as_the_interface_wants_it() {
        use HuaweiDialect::{Iotda, V1};
        assert_eq!(
            of(
                Iotda,
                None,
                Some("Meter"),
                r#"{"voltage":229.80, "pulses":12345678901234567890123, "huge":1e400}"#
            ),
            r#"$oc/devices/d/sys/properties/report {"services":[{"service_id":"Meter","properties":{"voltage":229.80,"pulses":12345678901234567890123,"huge":1e400}}]}"#,
            "no number is altered"
        );
        assert_eq!(
            of(
                Iotda,
                Some("child"),
                None,
                r#"{"Meter":{"v":1},"Relay":{"on":true}}"#
            ),
            concat!(
                r#"$oc/devices/d/sys/gateway/sub_devices/properties/report {"devices":[{"device_id":"child","services":["#,
                r#"{"service_id":"Meter","properties":{"v":1}},{"service_id":"Relay","properties":{"on":true}}]}]}"#
            )
        );
        assert_eq!(
            of(
                V1,
                Some("d"),
                None,
                r#"[{"serviceId":"M","serviceData":{"v":1},"eventTime":"20261121T165500Z"},{"service_id":"R","properties":{"on":1}}]"#
            ),
            concat!(
                r#"/huawei/v1/devices/d/data/json {"msgType":"deviceReq","data":[{"serviceId":"M","serviceData":{"v":1},"#,
                r#""eventTime":"20261121T165500Z"},{"serviceId":"R","serviceData":{"on":1}}]}"#
            )
        );
        let batch = r#"{"devices":[{"device_id":"a","services":[{"service_id":"M","properties":{"v":1}}]}]}"#;
        assert_eq!(
            of(Iotda, None, None, batch),
            format!("$oc/devices/d/sys/gateway/sub_devices/properties/report {batch}")
        );
    }

    #[test]
    fn what_the_platform_would_drop_in_silence_is_said_before() {
        use HuaweiDialect::{Iotda, V1};
        let cases = [
            (Iotda, None, "{", "no JSON"),
            (Iotda, None, "[]", "names no service"),
            (Iotda, None, r#"{"M":7}"#, "no object of properties"),
            (Iotda, None, r#"{"M":{}}"#, "has no properties"),
            (Iotda, None, r#"{"devices":[]}"#, "1 to 100"),
            (
                Iotda,
                None,
                r#"{"services":[{"properties":{"v":1}}]}"#,
                "without service_id",
            ),
            (
                Iotda,
                None,
                r#"[{"service_id":"M","properties":{"v":1},"event_time":"2026-11-21 16:55"}]"#,
                "UTC",
            ),
            (
                V1,
                Some("child"),
                r#"{"M":{"v":1}}"#,
                "for the device itself",
            ),
        ];
        for (dialect, device, text, why) in cases {
            let said = of(dialect, device, None, text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
