//! A message as a JSON line (`interface.md`, section 4): what `tail` prints, and recordings hold.
//!
//! A line holds no character that a terminal would obey, parses as JSON whatever the topic and the payload are, and always
//! gives back the identical payload bytes: `base64`, else `text`, else `payload` as it stands in the line. The one
//! exception is a payload with members that [`Reading::mask`] names: their values are gone for good.
//!
//! `properties` (MQTT 5) has, each where it is known: `utf8`, `expiry` (seconds), `content_type`, `response_topic`,
//! `correlation_data` (or, where that is no UTF-8, `correlation_base64`), `user` (a list of pairs: names may repeat, and
//! their order counts), `subscription_ids`. `"session":true` marks what waited in a kept session.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::device::DeviceId;
use super::json;
use super::message::{Direction, Message, Properties, Qos};
use super::profile::PlatformId;
use super::reading::{Kind, Reading};
use super::session::Gap;
use super::topic::Topic;
use crate::base::moment::Timestamp;
use crate::base::text::is_unsafe;

mod properties;

/// Version of the format.
const VERSION: u64 = 1;

/// Whose stream a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    pub profile: &'a str,
    pub platform: PlatformId,
}

/// The line of a message, without line break. `device_name` is what the device of the reading is called, where known.
pub fn encode(
    message: &Message,
    reading: &Reading,
    origin: Origin<'_>,
    device_name: Option<&str>,
) -> String {
    let mut line = opening(message.at, origin);
    line.push_str(&format!(
        ",\"dir\":\"{}\",\"topic\":{},\"qos\":{},\"retain\":{},\"dup\":{},\"kind\":\"{}\"",
        message.direction.word(),
        json::quote(message.topic.as_str()),
        message.qos.number(),
        message.retain,
        message.dup,
        reading.kind.word()
    ));
    if let Some(device) = &reading.device {
        line.push_str(",\"device\":{\"id\":");
        line.push_str(&json::quote(device.as_str()));
        if let Some(name) = device_name {
            line.push_str(",\"name\":");
            line.push_str(&json::quote(name));
        }
        line.push('}');
    }
    if let Some(properties) = message.properties.as_deref().filter(|p| !p.is_empty()) {
        line.push_str(",\"properties\":");
        properties::push(&mut line, properties);
    }
    if message.session {
        line.push_str(",\"session\":true");
    }
    push_payload(&mut line, &message.payload, &reading.mask);
    line.push('}');
    line
}

/// The line that stands where messages were dropped.
pub fn encode_gap(gap: Gap, at: Timestamp, origin: Origin<'_>) -> String {
    format!(
        "{},\"kind\":\"{}\",\"messages\":{},\"bytes\":{}}}",
        opening(at, origin),
        Kind::Gap.word(),
        gap.messages,
        gap.bytes
    )
}

fn opening(at: Timestamp, origin: Origin<'_>) -> String {
    format!(
        "{{\"v\":{VERSION},\"ts\":\"{at}\",\"profile\":{},\"platform\":\"{}\"",
        json::quote(origin.profile),
        origin.platform.word()
    )
}

/// It names what is to be masked, and is no JSON in which that could be found: CBOR, or a text that was cut.
fn is_beyond_masking(payload: &[u8], mask: &[&str]) -> bool {
    let names = |name: &&str| memchr::memmem::find(payload, name.as_bytes()).is_some();
    let text = std::str::from_utf8(payload).ok();
    mask.iter().any(names) && text.and_then(json::document).is_none()
}

/// The members for a payload, each with a comma before it: `payload`, `text` or `base64`, from which the identical bytes
/// come back.
pub fn push_payload(line: &mut String, payload: &[u8], mask: &[&str]) {
    if is_beyond_masking(payload, mask) {
        let text = format!("(withheld: {} bytes that name a secret)", payload.len());
        line.push_str(",\"text\":");
        line.push_str(&json::quote(&text));
        return;
    }
    let Ok(text) = std::str::from_utf8(payload) else {
        line.push_str(",\"base64\":\"");
        STANDARD.encode_string(payload, line);
        line.push('"');
        return;
    };
    let Some(document) = json::document(text) else {
        line.push_str(",\"text\":");
        line.push_str(&json::quote(text));
        return;
    };
    line.push_str(",\"payload\":");
    if !mask.is_empty() {
        line.push_str(&json::one_line(&json::masked(document, mask)));
    } else if document.len() == text.len() && !text.chars().any(is_unsafe) {
        line.push_str(document);
    } else {
        line.push_str(&json::one_line(document));
        line.push_str(",\"text\":");
        line.push_str(&json::quote(text));
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Message(Box<MessageLine>),
    Gap(GapLine),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLine {
    pub at: Timestamp,
    pub profile: String,
    /// A platform that this version may not know.
    pub platform: String,
    pub direction: Direction,
    pub topic: Topic,
    pub qos: Qos,
    pub retain: bool,
    pub dup: bool,
    pub kind: Kind,
    pub device: Option<DeviceId>,
    pub device_name: Option<String>,
    pub properties: Option<Box<Properties>>,
    /// It waited in a kept session.
    pub session: bool,
    pub payload: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapLine {
    pub at: Timestamp,
    pub profile: String,
    pub platform: String,
    pub gap: Gap,
}

/// Why a text is no such line. Never holds the payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("it is no JSON object of a message: {0}")]
    NotJson(String),
    #[error("it has format version {0}; this version reads 1")]
    Version(u64),
    #[error("it has no {0:?}")]
    Missing(&'static str),
    #[error("{key:?} cannot be {value}")]
    Value { key: &'static str, value: String },
}

#[derive(Deserialize)]
struct Wire<'a> {
    v: u64,
    ts: String,
    profile: String,
    platform: String,
    kind: String,
    dir: Option<String>,
    topic: Option<String>,
    qos: Option<u8>,
    retain: Option<bool>,
    dup: Option<bool>,
    device: Option<WireDevice>,
    properties: Option<properties::Wire>,
    session: Option<bool>,
    #[serde(borrow, default, deserialize_with = "also_null")]
    payload: Option<&'a RawValue>,
    text: Option<String>,
    base64: Option<String>,
    messages: Option<u64>,
    bytes: Option<u64>,
}

#[derive(Deserialize)]
struct WireDevice {
    id: String,
    name: Option<String>,
}

/// The payload `null` is a payload.
fn also_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads a line. Members that are not known are passed over: a later version may have added them.
pub fn decode(line: &str) -> Result<Line, LineError> {
    let wire: Wire<'_> =
        serde_json::from_str(line).map_err(|error| LineError::NotJson(error.to_string()))?;
    if wire.v != VERSION {
        return Err(LineError::Version(wire.v));
    }
    let at = timestamp(&wire.ts)?;
    let kind = Kind::from_word(&wire.kind).ok_or_else(|| wrong("kind", &wire.kind))?;
    if kind == Kind::Gap {
        let gap = Gap {
            messages: wire.messages.ok_or(LineError::Missing("messages"))?,
            bytes: wire.bytes.ok_or(LineError::Missing("bytes"))?,
        };
        return Ok(Line::Gap(GapLine {
            at,
            profile: wire.profile,
            platform: wire.platform,
            gap,
        }));
    }
    let payload = payload(&wire)?;
    let (device, device_name) = wire.device.map_or((None, None), |device| {
        (Some(DeviceId::new(&device.id)), device.name)
    });
    let qos = wire.qos.unwrap_or_default();
    Ok(Line::Message(Box::new(MessageLine {
        at,
        profile: wire.profile,
        platform: wire.platform,
        direction: direction(wire.dir.as_deref())?,
        topic: Topic::received(&wire.topic.ok_or(LineError::Missing("topic"))?),
        qos: Qos::from_number(qos).ok_or_else(|| wrong("qos", &qos.to_string()))?,
        retain: wire.retain.unwrap_or_default(),
        dup: wire.dup.unwrap_or_default(),
        kind,
        device,
        device_name,
        properties: wire
            .properties
            .map(properties::Wire::read)
            .transpose()?
            .map(Box::new),
        session: wire.session.unwrap_or_default(),
        payload,
    })))
}

fn payload(wire: &Wire<'_>) -> Result<Bytes, LineError> {
    match (&wire.base64, &wire.text, wire.payload) {
        (Some(base64), _, _) => unbase64("base64", base64),
        (None, Some(text), _) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        (None, None, Some(raw)) => Ok(Bytes::copy_from_slice(raw.get().as_bytes())),
        (None, None, None) => Err(LineError::Missing("payload")),
    }
}

fn unbase64(key: &'static str, text: &str) -> Result<Bytes, LineError> {
    let bytes = STANDARD.decode(text).map_err(|error| LineError::Value {
        key,
        value: error.to_string(),
    })?;
    Ok(Bytes::from(bytes))
}

fn direction(word: Option<&str>) -> Result<Direction, LineError> {
    match word {
        None | Some("in") => Ok(Direction::In),
        Some("out") => Ok(Direction::Out),
        Some(other) => Err(wrong("dir", other)),
    }
}

fn timestamp(text: &str) -> Result<Timestamp, LineError> {
    text.parse::<jiff::Timestamp>()
        .map(|at| Timestamp(at.as_microsecond()))
        .map_err(|_no_time| wrong("ts", text))
}

fn wrong(key: &'static str, value: &str) -> LineError {
    LineError::Value {
        key,
        value: json::quote(value),
    }
}

#[cfg(test)]
mod tests;
