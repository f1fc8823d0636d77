//! Small encoders for what a plant sends besides JSON: CBOR, gzip, PNG, Modbus frames.

use std::io::Write as _;

use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};
use serde_json::Value;

/// JSON as CBOR (RFC 8949): shortest lengths, fractions as 64-bit floats.
pub fn cbor(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put_cbor(value, &mut out);
    out
}

fn put_cbor(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Number(number) => {
            if let Some(positive) = number.as_u64() {
                head(0, positive, out);
            } else if let Some(negative) = number.as_i64() {
                head(1, negative.unsigned_abs() - 1, out);
            } else {
                out.push(0xfb);
                out.extend(number.as_f64().unwrap_or_default().to_be_bytes());
            }
        }
        Value::String(text) => {
            head(3, text.len() as u64, out);
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            for item in items {
                put_cbor(item, out);
            }
        }
        Value::Object(members) => {
            head(5, members.len() as u64, out);
            for (name, member) in members {
                head(3, name.len() as u64, out);
                out.extend(name.as_bytes());
                put_cbor(member, out);
            }
        }
    }
}

/// Major type and argument (RFC 8949, 3).
fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let (code, used) = match argument {
        0..=23 => (bytes[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | code);
    out.extend(&bytes[8 - used..]);
}

/// A gzip member (RFC 1952). Without a time, so that the same content is the same bytes.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    drop(encoder.write_all(content));
    encoder.finish().unwrap_or_default()
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    drop(encoder.write_all(content));
    encoder.finish().unwrap_or_default()
}

fn crc32(content: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(content);
    sum.sum()
}

/// An RGB picture; `colour` is asked for each pixel.
pub fn png(width: usize, height: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    let size = |pixels: usize| u32::try_from(pixels).unwrap_or_default().to_be_bytes();
    let header = [&size(width)[..], &size(height), &[8, 2, 0, 0, 0]].concat();
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0);
        (0..width).for_each(|x| rows.extend(colour(x, y)));
    }
    let data = zlib(&rows);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        out.extend(size(content.len()));
        let at = out.len();
        out.extend(name);
        out.extend(content);
        let sum = crc32(&out[at..]);
        out.extend(sum.to_be_bytes());
    }
    out
}

/// The answer to "read holding registers" as it stands on the wire (Modbus RTU).
pub fn modbus(unit: u8, registers: &[u16]) -> Vec<u8> {
    let bytes = u8::try_from(registers.len() * 2).unwrap_or_default();
    let mut frame = vec![unit, 3, bytes];
    for register in registers {
        frame.extend(register.to_be_bytes());
    }
    let sum = crc(&frame, 0xffff, 0xa001);
    frame.extend(sum.to_le_bytes());
    frame
}

/// Reflected, bit by bit.
fn crc(content: &[u8], start: u16, polynomial: u16) -> u16 {
    let mut sum = start;
    for byte in content {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum = (sum >> 1) ^ (polynomial * carry);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_becomes_the_examples_of_the_cbor_standard() {
        // RFC 8949, appendix A.
        for (value, expected) in [
            (json!(0), &[0x00][..]),
            (json!(24), &[0x18, 24]),
            (json!(1000), &[0x19, 0x03, 0xe8]),
            (json!(1_000_000), &[0x1a, 0, 0x0f, 0x42, 0x40]),
            (json!(-100), &[0x38, 0x63]),
            (
                json!(1.1),
                &[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a],
            ),
            (json!("水"), &[0x63, 0xe6, 0xb0, 0xb4]),
            (json!([1, [2, 3]]), &[0x82, 1, 0x82, 2, 3]),
            (json!({"a": 1}), &[0xa1, 0x61, 0x61, 1]),
            (json!([false, true, null]), &[0x83, 0xf4, 0xf5, 0xf6]),
        ] {
            assert_eq!(cbor(&value), expected, "{value}");
        }
    }

    #[test]
    fn sums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(b"123456789", 0xffff, 0xa001), 0x4b37);
    }
}
