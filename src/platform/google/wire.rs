//! The registry's JSON, read so that both dialects fit: numbers as texts, times that are missing or empty, tokens of pages
//! of either type (`reference/google-iot-core.md` 10, 11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::base::moment::Timestamp;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::relay::{ConfigVersion, StateVersion};

/// What the device list is asked for: without it Google tells ids only.
pub const FIELD_MASK: &str = "blocked,gateway_config,last_event_time,last_heartbeat_time,last_state_time,last_config_ack_time,last_config_send_time,last_error_time,last_error_status,metadata,config,log_level";

/// Where the next page begins; `None` after the last.
pub fn next_page(page: &Value) -> Option<String> {
    match page.get("nextPageToken")? {
        Value::String(text) if !text.is_empty() && text != "0" => Some(text.clone()),
        Value::Number(number) if number.as_i64() != Some(0) => Some(number.to_string()),
        _ => None,
    }
}

/// The list under `name`; a missing one is empty.
pub fn list<'a>(page: &'a Value, name: &str) -> &'a [Value] {
    let found = page.get(name).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

pub fn time(value: Option<&Value>) -> Option<Timestamp> {
    let text = value?.as_str()?;
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(parsed.as_microsecond()))
}

pub fn auth_method(device: &Value) -> Option<&str> {
    let method = text(device.get("gatewayConfig")?, "gatewayAuthMethod");
    (!method.is_empty()).then_some(method)
}

/// `None` for one without an id.
pub fn device(value: &Value, is_bound: bool) -> Option<Device> {
    let id = text(value, "id");
    if id.is_empty() {
        return None;
    }
    let gateway = value.get("gatewayConfig");
    let is_gateway = gateway.is_some_and(|config| text(config, "gatewayType") == "GATEWAY");
    Some(Device {
        id: DeviceId::new(id),
        name: id.to_owned(),
        kind: kind(value, is_gateway, is_bound),
        model: String::new(),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: attributes(value, is_bound),
    })
}

/// With what decides over an attach at a glance, in the few cells of a column.
fn kind(device: &Value, is_gateway: bool, is_bound: bool) -> String {
    let is_blocked = device.get("blocked").and_then(Value::as_bool) == Some(true);
    let kind = match (is_gateway, is_blocked, is_bound) {
        (true, ..) => "GATEWAY",
        (false, true, _) => "BLOCKED",
        (false, false, true) => "DEVICE bound",
        (false, false, false) => "DEVICE",
    };
    kind.to_owned()
}

/// The newest of its signs of life. There is no "connected": it lags by minutes.
fn last_seen(device: &Value) -> Option<Timestamp> {
    let names = ["lastHeartbeatTime", "lastEventTime", "lastStateTime"];
    let times = names.into_iter().filter_map(|name| time(device.get(name)));
    times.max()
}

fn attributes(device: &Value, is_bound: bool) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            all.push((name.to_owned(), value));
        }
    };
    let moment = |value: Option<Timestamp>| value.map_or_else(String::new, |at| at.to_string());
    add("last seen", moment(last_seen(device)));
    if device.get("blocked").and_then(Value::as_bool) == Some(true) {
        add("blocked", "yes".to_owned());
    }
    if is_bound {
        add("bound to this gateway", "yes".to_owned());
    }
    if let Some(gateway) = device.get("gatewayConfig") {
        add(
            "admits devices by",
            text(gateway, "gatewayAuthMethod").to_owned(),
        );
        add(
            "last gateway",
            text(gateway, "lastAccessedGatewayId").to_owned(),
        );
    }
    if let Some(config) = device.get("config") {
        let version = number(config.get("version"));
        add(
            "config version",
            version.map_or_else(String::new, |v| v.to_string()),
        );
    }
    add(
        "config sent",
        moment(time(device.get("lastConfigSendTime"))),
    );
    add(
        "config acknowledged",
        moment(time(device.get("lastConfigAckTime"))),
    );
    add("last event", moment(time(device.get("lastEventTime"))));
    add("last state", moment(time(device.get("lastStateTime"))));
    add("last error at", moment(time(device.get("lastErrorTime"))));
    if let Some(error) = device.get("lastErrorStatus") {
        add("last error", text(error, "message").to_owned());
    }
    add("log level", text(device, "logLevel").to_owned());
    add("number", text(device, "numId").to_owned());
    if let Some(metadata) = device.get("metadata").and_then(Value::as_object) {
        for (name, value) in metadata {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            add(name, value);
        }
    }
    all
}

pub fn config_version(value: &Value) -> ConfigVersion {
    ConfigVersion {
        version: number(value.get("version")).unwrap_or_default(),
        payload: payload(value),
        updated: time(value.get("cloudUpdateTime")),
        acknowledged: time(value.get("deviceAckTime")),
    }
}

pub fn state_version(value: &Value) -> StateVersion {
    StateVersion {
        payload: payload(value),
        updated: time(value.get("updateTime")),
    }
}

/// Base64, or as it is: ClearBlade's states are plain where nobody asked for base64.
fn payload(value: &Value) -> Bytes {
    let data = text(value, "binaryData");
    STANDARD
        .decode(data)
        .map_or_else(|_| Bytes::copy_from_slice(data.as_bytes()), Bytes::from)
}

pub fn encoded(payload: &[u8]) -> String {
    STANDARD.encode(payload)
}
