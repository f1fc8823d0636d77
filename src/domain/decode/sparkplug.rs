//! Sparkplug B (Eclipse Sparkplug 3.0.0, 6.4): Protobuf with a fixed schema, metrics by name or alias.

use super::protobuf::{self, Schema};
use super::reader::{Fault, Work};
use super::value::Value;

/// The part of `sparkplug_b.proto` that is on the wire. Values of integer metrics are read by the metric's own type.
const PROTO: &str = "
package sparkplug;
message Payload {
  optional uint64 timestamp = 1; repeated Metric metrics = 2; optional uint64 seq = 3; optional string uuid = 4;
  optional bytes body = 5;
}
message Metric {
  optional string name = 1; optional uint64 alias = 2; optional uint64 timestamp = 3; optional uint32 datatype = 4;
  optional bool is_historical = 5; optional bool is_transient = 6; optional bool is_null = 7;
  optional MetaData metadata = 8; optional PropertySet properties = 9;
  optional uint32 int_value = 10; optional uint64 long_value = 11; optional float float_value = 12;
  optional double double_value = 13; optional bool boolean_value = 14; optional string string_value = 15;
  optional bytes bytes_value = 16; optional DataSet dataset_value = 17; optional Template template_value = 18;
}
message MetaData {
  optional bool is_multi_part = 1; optional string content_type = 2; optional uint64 size = 3; optional uint64 seq = 4;
  optional string file_name = 5; optional string file_type = 6; optional string md5 = 7; optional string description = 8;
}
message PropertySet { repeated string keys = 1; repeated PropertyValue values = 2; }
message PropertyValue {
  optional uint32 type = 1; optional bool is_null = 2; optional uint32 int_value = 3; optional uint64 long_value = 4;
  optional float float_value = 5; optional double double_value = 6; optional bool boolean_value = 7;
  optional string string_value = 8; optional PropertySet propertyset_value = 9;
}
message DataSet {
  optional uint64 num_of_columns = 1; repeated string columns = 2; repeated uint32 types = 3; repeated Row rows = 4;
}
message Row { repeated DataSetValue elements = 1; }
message DataSetValue {
  optional uint32 int_value = 1; optional uint64 long_value = 2; optional float float_value = 3;
  optional double double_value = 4; optional bool boolean_value = 5; optional string string_value = 6;
}
message Template {
  optional string version = 1; repeated Metric metrics = 2; repeated Parameter parameters = 3;
  optional string template_ref = 4; optional bool is_definition = 5;
}
message Parameter {
  optional string name = 1; optional uint32 type = 2; optional uint32 int_value = 3; optional uint64 long_value = 4;
  optional float float_value = 5; optional double double_value = 6; optional bool boolean_value = 7;
  optional string string_value = 8;
}";

/// Data types by number (6.4.16).
const TYPES: [&str; 35] = [
    "",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float",
    "Double",
    "Boolean",
    "String",
    "DateTime",
    "Text",
    "UUID",
    "DataSet",
    "Bytes",
    "File",
    "Template",
    "PropertySet",
    "PropertySetList",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Int64Array",
    "UInt8Array",
    "UInt16Array",
    "UInt32Array",
    "UInt64Array",
    "FloatArray",
    "DoubleArray",
    "BooleanArray",
    "StringArray",
    "DateTimeArray",
];

fn schema() -> Schema {
    protobuf::compile(PROTO.as_bytes(), "Payload", &mut |_| Err(String::new()))
        .expect("our own schema is right, as a test shows")
}

/// The payload, its metrics as `name: value` with type and time beside.
pub fn read(bytes: &[u8], work: &mut Work) -> Result<Value, Fault> {
    let Value::Map(fields) = protobuf::read_as(&schema(), bytes, work)? else {
        return Err(Fault::Ends(0));
    };
    let entries = fields
        .into_iter()
        .map(|(key, value)| match (key.line(16).as_str(), value) {
            ("\"timestamp\"", Value::Number(n)) => (key, time(&n)),
            ("\"metrics\"", Value::List(list)) => {
                (key, Value::Map(list.into_iter().map(metric).collect()))
            }
            (_, value) => (key, value),
        })
        .collect();
    Ok(Value::Map(entries))
}

fn time(millis: &str) -> Value {
    millis
        .parse()
        .map_or_else(|_| Value::Number(millis.to_owned()), Value::millis)
}

fn metric(metric: Value) -> (Value, Value) {
    let Value::Map(fields) = metric else {
        return (Value::text("metric"), metric);
    };
    let mut name = None;
    let mut alias = None;
    let mut notes = Vec::new();
    let mut kind = 0_usize;
    let mut value = None;
    let mut rest = Vec::new();
    for (key, field) in fields {
        let word = key.line(24);
        match (word.trim_matches('"'), field) {
            ("name", field) => name = Some(field),
            ("alias", field) => alias = Some(field.line(24)),
            ("timestamp", Value::Number(n)) => {
                if let Value::Noted(noted) = time(&n) {
                    notes.push(noted.0);
                }
            }
            ("datatype", Value::Number(n)) => kind = n.parse().unwrap_or_default(),
            ("is_historical", Value::Bool(true)) => notes.push("historical".to_owned()),
            ("is_transient", Value::Bool(true)) => notes.push("transient".to_owned()),
            ("is_null", Value::Bool(true)) => value = Some(Value::Null),
            (word, field) if word.ends_with("_value") => value = Some(field),
            (_, field) => rest.push((key, field)),
        }
    }
    match TYPES.get(kind).filter(|word| !word.is_empty()) {
        Some(word) => notes.insert(0, (*word).to_owned()),
        None if kind > 0 => notes.insert(0, format!("type {kind}")),
        None => {}
    }
    // A birth certificate gives both: the name stands for it, the alias is what later messages say.
    let key = match (name, &alias) {
        (Some(name), Some(alias)) => {
            notes.push(format!("alias {alias}"));
            name
        }
        (Some(name), None) => name,
        (None, Some(alias)) => Value::text(&format!("alias {alias}")),
        (None, None) => Value::text("metric"),
    };
    let value = signed(value.unwrap_or(Value::Null), kind);
    let shown = if notes.is_empty() {
        value
    } else {
        value.noted(notes.join(", "))
    };
    if rest.is_empty() {
        return (key, shown);
    }
    rest.insert(0, (Value::text("value"), shown));
    (key, Value::Map(rest))
}

/// Signed types travel as unsigned ones of the same width, narrow ones as 32 bits (6.4.16).
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower bits are the number, by the type"
)]
fn signed(value: Value, kind: usize) -> Value {
    let Value::Number(digits) = &value else {
        return value;
    };
    let Ok(raw) = digits.parse::<u64>() else {
        return value;
    };
    match TYPES.get(kind).copied().unwrap_or_default() {
        "Int8" => Value::number((raw as u8).cast_signed()),
        "Int16" => Value::number((raw as u16).cast_signed()),
        "Int32" => Value::number((raw as u32).cast_signed()),
        "Int64" => Value::number(raw.cast_signed()),
        "DateTime" => Value::millis(raw),
        _ => value,
    }
}

/// Whether `topic` is one that Sparkplug payloads are sent to (6.2): `spBv1.0/GROUP/TYPE/NODE[/DEVICE]`.
pub fn is_topic(topic: &str) -> bool {
    let mut levels = topic.split('/');
    levels.next() == Some("spBv1.0")
        && levels.next().is_some()
        && matches!(
            levels.next(),
            Some("NBIRTH" | "NDATA" | "NDEATH" | "NCMD" | "DBIRTH" | "DDATA" | "DDEATH" | "DCMD")
        )
        && levels.next().is_some()
}

/// Whether all its fields are those of a payload.
pub fn is_known(value: &Value) -> bool {
    let Value::Map(fields) = value else {
        return false;
    };
    !fields.is_empty() && fields.iter().all(|(key, _)| matches!(key, Value::Text(_)))
}

/// Whether a payload that reads as one is one: a time of our century, and metrics that have a name or an alias.
pub fn is_likely(value: &Value) -> bool {
    let Value::Map(fields) = value else {
        return false;
    };
    let mut timed = false;
    let mut metrics = 0;
    for (key, field) in fields {
        match (key.line(16).as_str(), field) {
            ("\"timestamp\"", field) => {
                let millis: u64 = field.line(24).parse().unwrap_or_default();
                timed = (946_684_800_000..4_102_444_800_000).contains(&millis);
            }
            ("\"metrics\"", Value::Map(list)) => {
                let named = |(key, value): &&(Value, Value)| {
                    key.line(16) != "\"metric\"" && matches!(value, Value::Noted(_) | Value::Map(_))
                };
                metrics = list.iter().filter(named).count();
                if metrics < list.len() {
                    return false;
                }
            }
            ("\"seq\"" | "\"uuid\"" | "\"body\"", _) => {}
            _ => return false,
        }
    }
    timed && metrics > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(inside: &[u8]) -> Vec<u8> {
        let mut out = vec![0x12, u8::try_from(inside.len()).expect("short")];
        out.extend(inside);
        out
    }

    fn payload() -> Vec<u8> {
        let mut out = b"\x08\x80\x94\xeb\xdc\x90\x31".to_vec();
        out.extend(metric(b"\x0a\x04Temp\x10\x03\x20\x09\x65\x00\x00\xac\x41"));
        out.extend(metric(b"\x10\x04\x20\x03\x50\xff\xff\xff\xff\x0f"));
        out.extend(metric(b"\x0a\x02On\x20\x0b\x38\x01"));
        out.extend(b"\x18\x02");
        out
    }

    #[test]
    fn metrics_have_name_or_alias_value_type_and_time() {
        let value = read(&payload(), &mut Work::new(1000)).expect("Sparkplug");
        assert_eq!(
            value.line(1000),
            "{\"timestamp\":1688116840960,\"metrics\":{\"Temp\":21.5,\"alias 4\":-1,\"On\":null},\"seq\":2}"
        );
        assert!(is_likely(&value), "{value:?}");
        let shown = format!("{value:?}");
        assert!(shown.contains("Float, alias 3"), "{shown}");
    }

    #[test]
    fn only_its_own_topics_are_its_topics() {
        for (topic, is) in [
            ("spBv1.0/plant/NDATA/edge", true),
            ("spBv1.0/plant/DDATA/edge/press", true),
            ("spBv1.0/STATE/host", false),
            ("spBv1.0/plant/STATE/host", false),
            ("plant/spBv1.0/NDATA/x", false),
        ] {
            assert_eq!(is_topic(topic), is, "{topic}");
        }
    }

    #[test]
    fn another_protobuf_is_not_taken_for_it() {
        for bytes in [
            &b""[..],
            b"\x08\x01",
            b"\x0a\x05hello",
            b"\x08\x01\x12\x02\x08\x01\x18\x02",
        ] {
            let value = read(bytes, &mut Work::new(100));
            assert!(!value.is_ok_and(|v| is_likely(&v)), "{bytes:x?}");
        }
    }
}
