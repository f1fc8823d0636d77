//! Events of this device, or of one behind it (`reference/huawei-iot.md` 5). IoTDA only: v1 has reports and commands.

use super::Huawei;
use super::application::parameters_of;
use super::body::{array, object, text};
use super::login::civil;
use super::topics::sys_topic;
use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem};
use crate::domain::device::DeviceId;
use crate::domain::message::{Draft, Qos};
use crate::domain::profile::HuaweiDialect;
use crate::domain::relay::{NewEvent, RelayReply};
use crate::domain::shadow::Node;
use crate::domain::topic::Topic;
use crate::platform::io::Io;

impl Huawei {
    pub(super) async fn event(
        &self,
        io: &dyn Io,
        device: Option<&DeviceId>,
        event: &NewEvent,
    ) -> Result<RelayReply, Problem> {
        let draft = self.event_of(io, device, event)?;
        self.check(&draft, io.now().mono)?;
        self.send(io, draft).await?;
        Ok(RelayReply::Done)
    }

    /// To be filled in by hand.
    pub(super) fn event_draft(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<RelayReply, Problem> {
        let event = NewEvent {
            service: "SERVICE".to_owned(),
            name: "EVENT".to_owned(),
            parameters: String::new(),
        };
        let draft = self.event_of(io, Some(device), &event)?;
        Ok(RelayReply::Draft {
            topic: draft.topic,
            payload: draft.payload,
        })
    }

    pub(super) fn event_of(
        &self,
        io: &dyn Io,
        device: Option<&DeviceId>,
        event: &NewEvent,
    ) -> Result<Draft, Problem> {
        let wrong = |cause: &str, remedy: &str| {
            Problem::new("the event is not sent", cause, remedy).exit(Exit::Usage)
        };
        if self.settings.dialect == HuaweiDialect::V1 {
            let cause = "the v1 interface has reports and answers to commands only";
            return Err(wrong(cause, "use report, or dialect = \"iotda\""));
        }
        if event.service.trim().is_empty() || event.name.trim().is_empty() {
            let remedy = "write SERVICE.EVENT, then its parameters as JSON";
            return Err(wrong("an event has a service and a type", remedy));
        }
        let paras = parameters_of("the event", &event.parameters)?;
        let own = &self.settings.device_id;
        let child = device.map(DeviceId::as_str).filter(|id| id != own);
        let payload = written(child, event, paras, io.now().wall).text();
        let topic = Topic::parse(&sys_topic(own, "events/up"))
            .map_err(|why| wrong(&why.to_string(), "check device_id"))?;
        Ok(Draft::new(topic, payload.into(), Qos::AtLeastOnce))
    }
}

fn written(child: Option<&str>, event: &NewEvent, paras: Node, at: Timestamp) -> Node {
    let service = object([
        ("service_id", text(&event.service)),
        ("event_type", text(&event.name)),
        ("event_time", text(&time(at))),
        ("paras", paras),
    ]);
    let mut members = Vec::new();
    members.extend(child.map(|id| ("object_device_id".to_owned(), text(id))));
    members.push(("services".to_owned(), array(&[service])));
    Node::Object(members)
}

/// `yyyyMMddTHHmmssZ`, UTC.
fn time(at: Timestamp) -> String {
    civil(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_time_in_utc_and_names_the_device_behind_the_gateway() {
        let event = NewEvent {
            service: "Door".to_owned(),
            name: "opened".to_owned(),
            parameters: String::new(),
        };
        let paras = parameters_of("the event", r#"{"force":1.50}"#).expect("an object");
        // 2026-11-21T16:55:43Z.
        let at = Timestamp(1_795_280_143_000_000);
        assert_eq!(
            written(Some("child"), &event, paras, at).text(),
            concat!(
                r#"{"object_device_id":"child","services":[{"service_id":"Door","event_type":"opened","#,
                r#""event_time":"20261121T165543Z","paras":{"force":1.50}}]}"#
            )
        );
    }
}
