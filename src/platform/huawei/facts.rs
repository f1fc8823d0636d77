//! What a message changes in what is known: the shadow, last reports, devices behind a gateway, the clock
//! (`reference/huawei-iot.md` 5). Pure, and stands any bytes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::messages::word;
use super::shadow;
use super::topics::{Place, Sys};
use crate::base::moment::{Timestamp, words};
use crate::base::problem::Problem;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::message::{Direction, Message};
use crate::domain::profile::HuaweiSettings;
use crate::domain::shadow::{ShadowChange, ShadowKey, ShadowNews};

/// Devices that one message may tell about.
const MOST: usize = 100;
/// A clock that is off by more is worth a sentence of its own. Milliseconds.
const NOTICEABLE: i64 = 60_000;

pub(super) fn of(
    settings: &HuaweiSettings,
    message: &Message,
    place: &Place<'_>,
    body: &Value,
) -> Vec<Fact> {
    let own = place.device();
    let mut facts = Vec::new();
    match place {
        Place::Sys { what, .. } => match what {
            Sys::ShadowAnswer(_) => facts.extend(shadow_of(body, own)),
            Sys::Report => facts.extend(report(&DeviceId::new(own), body.get("services"))),
            Sys::BatchReport => {
                for entry in list(body, "devices") {
                    let id = word(entry, "device_id");
                    if !id.is_empty() {
                        facts.push(heard(id, "", own));
                        facts.extend(report(&DeviceId::new(id), entry.get("services")));
                    }
                }
            }
            Sys::EventsDown => events(body, own, message, &mut facts),
            _ => {}
        },
        Place::DataV1 { .. } if word(body, "msgType") == "deviceReq" => {
            facts.extend(report(&DeviceId::new(own), body.get("data")));
        }
        _ => {}
    }
    let child = word(body, "object_device_id");
    if message.direction == Direction::In && !child.is_empty() && child != settings.device_id {
        facts.insert(0, heard(child, "", own));
    }
    facts
}

fn list<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = body.get(name).and_then(Value::as_array);
    list.map_or(&[][..], Vec::as_slice).iter().take(MOST)
}

fn heard(id: &str, name: &str, gateway: &str) -> Fact {
    Fact::DeviceHeard(Device {
        id: DeviceId::new(id),
        name: name.to_owned(),
        kind: "ENDPOINT".to_owned(),
        model: String::new(),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: vec![("gateway_id".to_owned(), gateway.to_owned())],
    })
}

fn shadow_of(body: &Value, own: &str) -> Option<Fact> {
    let shadow = shadow::read(body, None)?;
    let key = ShadowKey::classic(shadow::about(body, own));
    let change = ShadowChange::Whole(shadow);
    Some(Fact::Shadow(Box::new(ShadowNews { key, change })))
}

/// `{"SERVICE":{"PROPERTY":value}}`.
fn report(device: &DeviceId, services: Option<&Value>) -> Option<Fact> {
    let mut patch = Map::new();
    for entry in services?.as_array()? {
        let ids = ["service_id", "serviceId"].map(|name| word(entry, name));
        let id = ids.into_iter().find(|id| !id.is_empty())?;
        let properties = entry.get("properties").or_else(|| entry.get("serviceData"));
        patch.insert(id.to_owned(), properties?.clone());
    }
    (!patch.is_empty()).then(|| Fact::Report {
        device: device.clone(),
        patch: Arc::new(Value::Object(patch)),
    })
}

fn events(body: &Value, own: &str, message: &Message, facts: &mut Vec<Fact>) {
    for service in list(body, "services") {
        let devices = service.get("paras").unwrap_or(&Value::Null);
        match word(service, "event_type") {
            "add_sub_device_notify" => {
                facts.extend(list(devices, "devices").filter_map(|entry| {
                    let id = word(entry, "device_id");
                    let name = ["name", "device_name"].map(|name| word(entry, name));
                    let name = name.into_iter().find(|name| !name.is_empty());
                    (!id.is_empty()).then(|| heard(id, name.unwrap_or_default(), own))
                }));
            }
            "delete_sub_device_notify" => {
                facts.extend(list(devices, "devices").filter_map(|entry| {
                    let id = word(entry, "device_id");
                    (!id.is_empty()).then(|| Fact::DeviceRemoved(DeviceId::new(id)))
                }));
            }
            _ => {}
        }
    }
    if let Some(off) = offset(body, message.at)
        && off.abs() >= NOTICEABLE
    {
        facts.push(Fact::Notice(Problem::new(
            "this computer's clock is wrong",
            off_words(off),
            "set it: logins of signature type 1 and signed REST calls are refused otherwise",
        )));
    }
}

/// For the stream's row: what the answer of `$time_sync` means for this clock.
pub(super) fn clock(body: &Value, at: Timestamp) -> Option<String> {
    offset(body, at).map(|off| format!("$time_sync: {}", off_words(off)))
}

/// The platform's clock minus ours, in milliseconds: `(recv + send - device_send - device_recv) / 2`.
fn offset(body: &Value, at: Timestamp) -> Option<i64> {
    let answer = list(body, "services")
        .find(|service| word(service, "event_type") == "time_sync_response")?;
    let time = |name: &str| {
        let value = answer.get("paras")?.get(name)?;
        let text = value.as_str().and_then(|text| text.parse().ok());
        value.as_i64().or(text).filter(|time| *time > 0)
    };
    let there = time("server_recv_time")?.checked_add(time("server_send_time")?)?;
    let here = time("device_send_time")?.checked_add(at.0.div_euclid(1000))?;
    Some(there.checked_sub(here)? / 2)
}

fn off_words(off: i64) -> String {
    let by = Duration::from_millis(off.unsigned_abs());
    let text = if by < Duration::from_secs(10) {
        format!("{} ms", by.as_millis())
    } else {
        words(by)
    };
    match off {
        0 => "this clock agrees with the platform's".to_owned(),
        1.. => format!("this clock is {text} behind the platform's"),
        _ => format!("this clock is {text} ahead of the platform's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(server: i64) -> Value {
        json!({"services": [{"service_id": "$time_sync", "event_type": "time_sync_response", "paras": {
            "device_send_time": 100_000, "server_recv_time": server, "server_send_time": server.saturating_add(10)}}]})
    }

    #[test]
    fn the_clock_is_compared_with_half_of_the_way_taken_out() {
        // Sent at 100.000 s, back at 100.210 s.
        let at = Timestamp(100_210_000);
        assert_eq!(offset(&answer(100_100), at), Some(0));
        let said = clock(&answer(100_350), at).expect("an answer");
        assert_eq!(
            said,
            "$time_sync: this clock is 250 ms behind the platform's"
        );
        let said = clock(&answer(20_100), at).expect("an answer");
        assert_eq!(
            said,
            "$time_sync: this clock is 1 min ahead of the platform's"
        );
        assert_eq!(
            offset(
                &json!({"services": [{"event_type": "time_sync_response"}]}),
                at
            ),
            None
        );
        assert_eq!(offset(&answer(i64::MAX), at), None);
    }

    #[test]
    fn reports_and_children_are_told() {
        let settings = HuaweiSettings::new(
            crate::domain::profile::HuaweiDialect::Iotda,
            String::new(),
            "gw".to_owned(),
        );
        let topic = "$oc/devices/gw/sys/gateway/sub_devices/properties/report";
        let message = Message {
            at: Timestamp::from_seconds(1),
            direction: Direction::Out,
            topic: crate::domain::topic::Topic::received(topic),
            payload: "".into(),
            qos: crate::domain::message::Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        let place = super::super::topics::place(topic).expect("a place");
        let body = json!({"devices": [{"device_id": "c", "services": [{"service_id": "M", "properties": {"v": 1}}]}]});
        let facts = of(&settings, &message, &place, &body);
        let [
            Fact::DeviceHeard(device),
            Fact::Report { device: of, patch },
        ] = facts.as_slice()
        else {
            panic!("{facts:?}");
        };
        assert_eq!((device.id.as_str(), of.as_str()), ("c", "c"));
        assert_eq!(patch.to_string(), r#"{"M":{"v":1}}"#);
    }
}
