//! What a message changes in what is known: the shadow, last reports, devices behind a gateway, the clock
//! (`reference/huawei-iot.md` 5). Pure, and stands any bytes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::body::{list, read, whole, word, word_of};
use super::messages::{Reported, about};
use super::shadow;
use super::topics::{Place, Sys, place};
use crate::base::moment::{Timestamp, words};
use crate::base::problem::Problem;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::message::{Direction, Draft, Message};
use crate::domain::profile::HuaweiSettings;
use crate::domain::shadow::{Node, ShadowChange, ShadowKey, ShadowNews};

/// Devices that one message may tell about.
const MOST: usize = 100;
/// Devices whose last reports are kept.
const KEPT: usize = 256;
/// A clock that is off by more is worth a sentence of its own. Milliseconds.
const NOTICEABLE: i64 = 60_000;

pub(super) fn of(
    settings: &HuaweiSettings,
    message: &Message,
    place: &Place<'_>,
    body: &Node,
) -> Vec<Fact> {
    let own = place.device();
    let mut facts = Vec::new();
    if let Place::Sys { what, .. } = place {
        match what {
            Sys::ShadowAnswer(_) => facts.extend(shadow_of(body, own)),
            Sys::BatchReport => {
                for entry in some(body, "devices") {
                    let id = word(&entry, "device_id");
                    if !id.is_empty() {
                        facts.push(heard(&id, "", own));
                    }
                }
            }
            Sys::EventsDown => events(body, own, message, &mut facts),
            _ => {}
        }
    }
    let child = word(body, "object_device_id");
    if message.direction == Direction::In && !child.is_empty() && child != settings.device_id {
        facts.insert(0, heard(&child, "", own));
    }
    facts
}

/// What was reported, device by device: `{"SERVICE":{"PROPERTY":value}}`.
pub(super) fn reports(place: &Place<'_>, body: &Node) -> Vec<(DeviceId, Node)> {
    let own = DeviceId::new(place.device());
    let one = |device: DeviceId, services: &[Node]| match by_service(services) {
        node if node.is_empty() => None,
        node => Some((device, node)),
    };
    match place {
        Place::Sys {
            what: Sys::Report, ..
        } => one(own, &some(body, "services")).into_iter().collect(),
        Place::Sys {
            what: Sys::BatchReport,
            ..
        } => some(body, "devices")
            .iter()
            .filter(|entry| !word(entry, "device_id").is_empty())
            .filter_map(|entry| {
                let device = DeviceId::new(&word(entry, "device_id"));
                one(device, &some(entry, "services"))
            })
            .collect(),
        Place::DataV1 { .. } if word(body, "msgType") == "deviceReq" => {
            one(own, &some(body, "data")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn by_service(services: &[Node]) -> Node {
    let mut all = Node::empty();
    for entry in services {
        let id = word_of(entry, ["service_id", "serviceId"]);
        if let Some(properties) = properties(entry).filter(|_| !id.is_empty()) {
            all.merge(&Node::Object(vec![(id, properties)]));
        }
    }
    all
}

/// Of one service, as either interface calls them.
pub(super) fn properties(entry: &Node) -> Option<Node> {
    let names = ["properties", "serviceData"];
    let found = names.iter().find_map(|name| entry.member(name));
    found.filter(|node| node.is_object()).cloned()
}

/// As the core keeps states; a number that it cannot hold is left out.
pub(super) fn patch(device: &DeviceId, services: &Node) -> Option<Fact> {
    let Node::Object(services) = services else {
        return None;
    };
    let mut patch = Map::new();
    for (service, properties) in services {
        let Node::Object(properties) = properties else {
            continue;
        };
        let member = |(name, value): &(String, Node)| {
            let value = serde_json::from_str::<Value>(&value.text()).ok()?;
            Some((name.clone(), value))
        };
        let properties: Map<_, _> = properties.iter().filter_map(member).collect();
        patch.insert(service.clone(), Value::Object(properties));
    }
    (!patch.is_empty()).then(|| Fact::Report {
        device: device.clone(),
        patch: Arc::new(Value::Object(patch)),
    })
}

/// Service by service, property by property.
pub(super) fn remember(reported: &mut Reported, device: DeviceId, services: &Node) {
    if reported.len() >= KEPT && !reported.contains_key(&device) {
        reported.pop_first();
    }
    let known = reported.entry(device).or_insert_with(Node::empty);
    known.merge(services);
}

/// A report that went out, whoever wrote it.
pub(super) fn note(reported: &mut Reported, draft: &Draft) {
    let Some(place) = place(draft.topic.as_str()) else {
        return;
    };
    for (device, services) in reports(&place, &read(&draft.payload)) {
        remember(reported, device, &services);
    }
}

/// An order to fetch new firmware carries the key to it.
pub(super) fn secrets(place: &Place<'_>, body: &Node) -> Vec<&'static str> {
    const KEY: &str = "access_token";
    let Place::Sys {
        what: Sys::EventsDown,
        ..
    } = place
    else {
        return Vec::new();
    };
    let has = |entry: &Node| {
        let paras = entry.member("paras");
        paras.is_some_and(|paras| paras.member(KEY).is_some())
    };
    if list(body, "services").iter().any(has) {
        return vec![KEY];
    }
    Vec::new()
}

fn some(body: &Node, name: &str) -> Vec<Node> {
    let mut list = list(body, name);
    list.truncate(MOST);
    list
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

fn shadow_of(body: &Node, own: &str) -> Option<Fact> {
    let shadow = shadow::read(body, None)?;
    let key = ShadowKey::classic(about(body, own));
    let change = ShadowChange::Whole(shadow);
    Some(Fact::Shadow(Box::new(ShadowNews { key, change })))
}

fn events(body: &Node, own: &str, message: &Message, facts: &mut Vec<Fact>) {
    for service in some(body, "services") {
        let paras = service.member("paras").cloned().unwrap_or_else(Node::empty);
        match word(&service, "event_type").as_str() {
            "add_sub_device_notify" => {
                facts.extend(some(&paras, "devices").iter().filter_map(|entry| {
                    let id = word(entry, "device_id");
                    let name = word_of(entry, ["name", "device_name"]);
                    (!id.is_empty()).then(|| heard(&id, &name, own))
                }));
            }
            "delete_sub_device_notify" => {
                facts.extend(some(&paras, "devices").iter().filter_map(|entry| {
                    let id = word(entry, "device_id");
                    (!id.is_empty()).then(|| Fact::DeviceRemoved(DeviceId::new(&id)))
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
pub(super) fn clock(body: &Node, at: Timestamp) -> Option<String> {
    offset(body, at).map(|off| format!("$time_sync: {}", off_words(off)))
}

/// The platform's clock minus ours, in milliseconds: `(recv + send - device_send - device_recv) / 2`.
pub(super) fn offset(body: &Node, at: Timestamp) -> Option<i64> {
    let answer = list(body, "services")
        .into_iter()
        .find(|service| word(service, "event_type") == "time_sync_response")?;
    let paras = answer.member("paras")?;
    let time = |name: &str| {
        let text = word(paras, name).parse().ok();
        whole(paras, name).or(text).filter(|time| *time > 0)
    };
    let there = time("server_recv_time")?.checked_add(time("server_send_time")?)?;
    let here = time("device_send_time")?.checked_add(at.0.div_euclid(1000))?;
    Some(there.checked_sub(here)? / 2)
}

pub(super) fn off_words(off: i64) -> String {
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

    fn answer(server: i64) -> Node {
        node(
            &json!({"services": [{"service_id": "$time_sync", "event_type": "time_sync_response", "paras": {
            "device_send_time": 100_000, "server_recv_time": server, "server_send_time": server.saturating_add(10)}}]}),
        )
    }

    fn node(value: &Value) -> Node {
        read(value.to_string().as_bytes())
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
                &node(&json!({"services": [{"event_type": "time_sync_response"}]})),
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
        let place = place(topic).expect("a place");
        let body = json!({"devices": [{"device_id": "c", "services": [{"service_id": "M", "properties": {"v": 1}}]}]});
        let body = node(&body);
        let facts = of(&settings, &message, &place, &body);
        let [Fact::DeviceHeard(device)] = facts.as_slice() else {
            panic!("{facts:?}");
        };
        assert_eq!(device.id.as_str(), "c");
        let reports = reports(&place, &body);
        let [(of, services)] = reports.as_slice() else {
            panic!("{reports:?}");
        };
        assert_eq!(of.as_str(), "c");
        assert_eq!(services.text(), r#"{"M":{"v":1}}"#);
        let mut known = Reported::new();
        remember(&mut known, of.clone(), services);
        let later = read(br#"{"M":{"w":1.50},"R":{"on":true}}"#);
        remember(&mut known, of.clone(), &later);
        assert_eq!(
            known[of].text(),
            r#"{"M":{"v":1,"w":1.50},"R":{"on":true}}"#
        );
    }

    #[test]
    fn the_key_to_new_firmware_is_kept_from_the_screen() {
        let place = place("$oc/devices/d/sys/events/down").expect("a place");
        let order = |paras: Value| {
            node(
                &json!({"services": [{"service_id": "$ota", "event_type": "firmware_upgrade", "paras": paras}]}),
            )
        };
        let with = order(json!({"url": "https://h/f.bin", "access_token": "canary"}));
        assert_eq!(secrets(&place, &with), ["access_token"]);
        assert!(secrets(&place, &order(json!({"url": "https://h/f.bin"}))).is_empty());
    }
}
