//! Writers of the binary formats, straight from their specifications: a second reading, so that a decoder and its test do not
//! share a mistake.

use std::io::Write as _;

use serde_json::Value;

pub fn cbor(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    cbor_item(value, &mut out);
    out
}

fn cbor_head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match number {
        0..24 => out.push(major | u8::try_from(number).expect("small")),
        24..0x100 => out.extend([major + 24, u8::try_from(number).expect("a byte")]),
        0x100..0x1_0000 => {
            out.push(major + 25);
            out.extend(u16::try_from(number).expect("two bytes").to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major + 26);
            out.extend(u32::try_from(number).expect("four bytes").to_be_bytes());
        }
        _ => {
            out.push(major + 27);
            out.extend(number.to_be_bytes());
        }
    }
}

fn cbor_item(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(truth) => out.push(0xf4 + u8::from(*truth)),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(n), _, _) => cbor_head(0, n, out),
            (_, Some(n), _) => cbor_head(1, n.unsigned_abs() - 1, out),
            (_, _, Some(n)) => {
                out.push(0xfb);
                out.extend(n.to_be_bytes());
            }
            _ => out.push(0xf7),
        },
        Value::String(text) => {
            cbor_head(3, text.len() as u64, out);
            out.extend(text.bytes());
        }
        Value::Array(items) => {
            cbor_head(4, items.len() as u64, out);
            for item in items {
                cbor_item(item, out);
            }
        }
        Value::Object(entries) => {
            cbor_head(5, entries.len() as u64, out);
            for (key, value) in entries {
                cbor_head(3, key.len() as u64, out);
                out.extend(key.bytes());
                cbor_item(value, out);
            }
        }
    }
}

pub fn msgpack(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack_value(value, &mut out);
    out
}

fn msgpack_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(truth) => out.push(0xc2 + u8::from(*truth)),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(n @ 0..0x80), _, _) => out.push(u8::try_from(n).expect("small")),
            (Some(n @ 0..0x100), _, _) => out.extend([0xcc, u8::try_from(n).expect("a byte")]),
            (Some(n @ 0..0x1_0000), _, _) => {
                out.push(0xcd);
                out.extend(u16::try_from(n).expect("two bytes").to_be_bytes());
            }
            (Some(n), _, _) => {
                out.push(0xcf);
                out.extend(n.to_be_bytes());
            }
            (_, Some(n), _) => {
                out.push(0xd3);
                out.extend(n.to_be_bytes());
            }
            (_, _, Some(n)) => {
                out.push(0xcb);
                out.extend(n.to_be_bytes());
            }
            _ => out.push(0xc0),
        },
        Value::String(text) => msgpack_text(text, out),
        Value::Array(items) => {
            out.push(0xdc);
            out.extend(u16::try_from(items.len()).expect("short").to_be_bytes());
            for item in items {
                msgpack_value(item, out);
            }
        }
        Value::Object(entries) => {
            if let Ok(few @ 0..16) = u8::try_from(entries.len()) {
                out.push(0x80 + few);
            } else {
                out.push(0xde);
                out.extend(u16::try_from(entries.len()).expect("short").to_be_bytes());
            }
            for (key, value) in entries {
                msgpack_text(key, out);
                msgpack_value(value, out);
            }
        }
    }
}

fn msgpack_text(text: &str, out: &mut Vec<u8>) {
    match u8::try_from(text.len()) {
        Ok(short @ 0..32) => out.push(0xa0 | short),
        Ok(length) => out.extend([0xd9, length]),
        Err(_) => {
            out.push(0xda);
            out.extend(u16::try_from(text.len()).expect("short").to_be_bytes());
        }
    }
    out.extend(text.bytes());
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
    out
}

/// A Protobuf message, field by field.
#[derive(Default, Clone)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn tag(&mut self, field: u64, wire: u64) {
        self.0.extend(varint(field << 3 | wire));
    }

    pub fn number(mut self, field: u64, number: u64) -> Self {
        self.tag(field, 0);
        self.0.extend(varint(number));
        self
    }

    pub fn double(mut self, field: u64, number: f64) -> Self {
        self.tag(field, 1);
        self.0.extend(number.to_le_bytes());
        self
    }

    pub fn float(mut self, field: u64, number: f32) -> Self {
        self.tag(field, 5);
        self.0.extend(number.to_le_bytes());
        self
    }

    pub fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.tag(field, 2);
        self.0.extend(varint(bytes.len() as u64));
        self.0.extend(bytes);
        self
    }

    pub fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }
}

/// A Sparkplug metric: name, alias, type, and the value's own field.
pub fn metric(name: &str, alias: u64, kind: u64) -> Message {
    let mut out = Message::default();
    if !name.is_empty() {
        out = out.text(1, name);
    }
    if alias > 0 {
        out = out.number(2, alias);
    }
    out.number(3, 1_763_671_200_123).number(4, kind)
}

pub fn sparkplug(metrics: &[Message], seq: u64) -> Vec<u8> {
    let start = Message::default().number(1, 1_763_671_200_456);
    let all = metrics
        .iter()
        .fold(start, |out, metric| out.message(2, metric));
    all.number(3, seq).0
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).expect("memory")
}

pub fn base64(bytes: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes).into_bytes()
}

pub fn hex(bytes: &[u8]) -> Vec<u8> {
    let pairs: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    pairs.concat().into_bytes()
}

pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("memory");
    let pixels: Vec<u8> = (0..width * height * 3)
        .map(|n| u8::try_from(n % 251).expect("a byte"))
        .collect();
    writer.write_image_data(&pixels).expect("memory");
    writer.finish().expect("memory");
    out
}

/// An Avro container file with longs and strings in it.
pub fn avro(records: &[(i64, &str)], codec: &str) -> Vec<u8> {
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"},{"name":"s","type":"string"}]}"#;
    let long = |n: i64| varint((n << 1 ^ n >> 63).cast_unsigned());
    let length = |n: usize| long(i64::try_from(n).expect("short"));
    let mut block = Vec::new();
    for (number, text) in records {
        block.extend(long(*number));
        block.extend(length(text.len()));
        block.extend(text.bytes());
    }
    if codec == "deflate" {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&block).expect("memory");
        block = encoder.finish().expect("memory");
    }
    let mut out = b"Obj\x01".to_vec();
    out.extend(length(2));
    for (key, value) in [("avro.schema", schema), ("avro.codec", codec)] {
        out.extend(length(key.len()));
        out.extend(key.bytes());
        out.extend(length(value.len()));
        out.extend(value.bytes());
    }
    out.push(0);
    out.extend([0x5a; 16]);
    out.extend(length(records.len()));
    out.extend(length(block.len()));
    out.extend(block);
    out.extend([0x5a; 16]);
    out
}
