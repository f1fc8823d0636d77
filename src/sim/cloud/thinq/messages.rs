//! The messages on `app/clients/<id>/push`, flat as on the wire or wrapped as in LG's documentation
//! (`reference/lg-thinq.md` 8).

use serde_json::{Map, Value, json};

use crate::base::moment::Timestamp;
use crate::sim::world::Device;

pub const SERVICE_ID: &str = "5f3a9c0de17b42864d0c11aa";
pub const USER: &str = "KR0000000000001";

/// ISO 8601 with microseconds and no zone.
pub fn timestamp(wall: Timestamp) -> String {
    wall.to_string().trim_end_matches('Z').to_owned()
}

pub fn status(device: &Device, report: Value) -> Value {
    let mut message = head("DEVICE_STATUS", &device.id);
    message.insert("deviceType".into(), json!(device.kind.device_type));
    message.insert("userList".into(), json!([USER]));
    message.insert("report".into(), report);
    Value::Object(message)
}

pub fn push(device: &Device, code: &str) -> Value {
    let mut message = head("DEVICE_PUSH", &device.id);
    message.insert("deviceType".into(), json!(device.kind.device_type));
    message.insert("userList".into(), json!([USER]));
    message.insert("pushCode".into(), json!(code));
    Value::Object(message)
}

pub fn registered(device: &Device) -> Value {
    json!({
        "pushType": "DEVICE_REGISTERED",
        "serviceId": SERVICE_ID,
        "userNumber": USER,
        "deviceId": device.id,
        "deviceType": device.kind.device_type,
        "modelName": device.model,
        "alias": device.alias,
    })
}

pub fn unregistered(device: &Device) -> Value {
    json!({
        "pushType": "DEVICE_UNREGISTERED",
        "serviceId": SERVICE_ID,
        "userNumber": USER,
        "deviceId": device.id,
        "deviceType": device.kind.device_type,
        "alias": device.alias,
    })
}

/// Has no `deviceType`.
pub fn renamed(device: &Device) -> Value {
    json!({
        "pushType": "DEVICE_ALIAS_CHANGED",
        "serviceId": SERVICE_ID,
        "userNumber": USER,
        "deviceId": device.id,
        "alias": device.alias,
    })
}

/// The documented form of a message: `event` for states, `push` for everything else.
pub fn wrapped(message: Value, id: &str, wall: Timestamp) -> Value {
    let is_status = message.get("pushType") == Some(&json!("DEVICE_STATUS"));
    let mut outer = Map::new();
    outer.insert("messageId".into(), json!(id));
    outer.insert("timestamp".into(), json!(timestamp(wall)));
    outer.insert(if is_status { "event" } else { "push" }.into(), message);
    Value::Object(outer)
}

fn head(kind: &str, device: &str) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("pushType".into(), json!(kind));
    message.insert("serviceId".into(), json!(SERVICE_ID));
    message.insert("deviceId".into(), json!(device));
    message
}
