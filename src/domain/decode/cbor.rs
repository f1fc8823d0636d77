//! CBOR (RFC 8949).

use super::reader::{Fault, Reader, Work};
use super::value::{Value, float, float32};
use crate::base::moment::Timestamp;

/// The first data item and how many bytes it takes.
pub fn read(bytes: &[u8], work: &mut Work) -> Result<(Value, usize), Fault> {
    let mut reader = Reader::new(bytes, work);
    let value = item(&mut reader, 0)?;
    Ok((value, reader.at))
}

/// The argument of an initial byte (RFC 8949, 3).
enum Argument {
    Number(u64),
    Indefinite,
}

fn argument(reader: &mut Reader<'_, '_>, info: u8) -> Result<Argument, Fault> {
    Ok(Argument::Number(match info {
        0..=23 => u64::from(info),
        24 => u64::from(reader.byte()?),
        25 => u64::from(u16::from_be_bytes(reader.array()?)),
        26 => u64::from(u32::from_be_bytes(reader.array()?)),
        27 => u64::from_be_bytes(reader.array()?),
        31 => return Ok(Argument::Indefinite),
        _ => return Err(reader.wrong("a reserved length")),
    }))
}

fn item(reader: &mut Reader<'_, '_>, depth: usize) -> Result<Value, Fault> {
    reader.count(depth)?;
    let first = reader.byte()?;
    let (major, info) = (first >> 5, first & 0x1f);
    if major == 7 {
        return simple(reader, info);
    }
    let argument = argument(reader, info)?;
    match (major, argument) {
        (0, Argument::Number(n)) => Ok(Value::number(n)),
        (1, Argument::Number(n)) => Ok(Value::number(-1 - i128::from(n))),
        (2, argument) => Ok(Value::Bytes(string(reader, &argument, 2)?)),
        (3, argument) => {
            let bytes = string(reader, &argument, 3)?;
            match String::from_utf8(bytes) {
                Ok(text) => Ok(Value::text(&text)),
                Err(_) => Err(reader.wrong("a text that is no UTF-8")),
            }
        }
        (4, argument) => list(reader, &argument, depth),
        (5, argument) => map(reader, &argument, depth),
        (6, Argument::Number(tag)) => tagged(reader, tag, depth),
        _ => Err(reader.wrong("a length that this type cannot have")),
    }
}

fn string(reader: &mut Reader<'_, '_>, argument: &Argument, major: u8) -> Result<Vec<u8>, Fault> {
    let Argument::Number(length) = argument else {
        let mut whole = Vec::new();
        while !ends(reader)? {
            reader.count(0)?;
            let first = reader.byte()?;
            let chunk = self::argument(reader, first & 0x1f)?;
            let (true, Argument::Number(length)) = (first >> 5 == major, chunk) else {
                return Err(reader.wrong("a chunk of another type"));
            };
            whole.extend_from_slice(reader.take(length)?);
        }
        return Ok(whole);
    };
    Ok(reader.take(*length)?.to_vec())
}

/// Whether the "break" that ends an indefinite item stands here; it is passed.
fn ends(reader: &mut Reader<'_, '_>) -> Result<bool, Fault> {
    let ends = reader.peek()? == 0xff;
    reader.at += usize::from(ends);
    Ok(ends)
}

/// Whether another element of a container follows.
fn more(reader: &mut Reader<'_, '_>, argument: &Argument, read: usize) -> Result<bool, Fault> {
    match argument {
        Argument::Number(length) => Ok((read as u64) < *length),
        Argument::Indefinite => ends(reader).map(|ends| !ends),
    }
}

fn list(reader: &mut Reader<'_, '_>, argument: &Argument, depth: usize) -> Result<Value, Fault> {
    let mut items = Vec::new();
    while more(reader, argument, items.len())? {
        items.push(item(reader, depth + 1)?);
    }
    Ok(Value::List(items))
}

fn map(reader: &mut Reader<'_, '_>, argument: &Argument, depth: usize) -> Result<Value, Fault> {
    let mut entries = Vec::new();
    while more(reader, argument, entries.len())? {
        let key = item(reader, depth + 1)?;
        entries.push((key, item(reader, depth + 1)?));
    }
    Ok(Value::Map(entries))
}

fn tagged(reader: &mut Reader<'_, '_>, tag: u64, depth: usize) -> Result<Value, Fault> {
    let value = item(reader, depth + 1)?;
    Ok(match (tag, value) {
        // "This is CBOR", and nothing else (3.4.6).
        (55_799, value) => value,
        (0, value) => value.noted("time"),
        (1, Value::Number(seconds)) => match seconds.parse::<i64>() {
            Ok(whole) => Value::Number(seconds).noted(Timestamp::from_seconds(whole).to_string()),
            Err(_) => Value::Number(seconds).noted("time, seconds"),
        },
        (2, Value::Bytes(bytes)) => big(&bytes, false),
        (3, Value::Bytes(bytes)) => big(&bytes, true),
        (4, value) => value.noted("decimal fraction: exponent, mantissa"),
        (24, value) => value.noted("CBOR inside"),
        (37, Value::Bytes(bytes)) => uuid(bytes),
        (tag, value) => value.noted(format!("tag {tag}")),
    })
}

/// Up to 128 bits in digits, beyond as bytes.
fn big(bytes: &[u8], negative: bool) -> Value {
    let word = if negative {
        "negative bignum"
    } else {
        "bignum"
    };
    let digits: &[u8] = {
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        &bytes[zeros..]
    };
    if digits.len() > 15 {
        return Value::Bytes(bytes.to_vec()).noted(word);
    }
    let number = digits.iter().fold(0_i128, |n, b| n << 8 | i128::from(*b));
    Value::number(if negative { -1 - number } else { number }).noted(word)
}

fn uuid(bytes: Vec<u8>) -> Value {
    if bytes.len() != 16 {
        return Value::Bytes(bytes).noted("tag 37");
    }
    let mut text = String::new();
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Value::text(&text).noted("UUID")
}

fn simple(reader: &mut Reader<'_, '_>, info: u8) -> Result<Value, Fault> {
    Ok(match info {
        20 => Value::Bool(false),
        21 => Value::Bool(true),
        22 => Value::Null,
        23 => Value::Null.noted("undefined"),
        24 => match reader.byte()? {
            number @ 32.. => Value::number(number).noted("simple value"),
            _ => return Err(reader.wrong("a simple value in two bytes")),
        },
        25 => Value::Number(float32(half(u16::from_be_bytes(reader.array()?)))),
        26 => Value::Number(float32(f32::from_be_bytes(reader.array()?))),
        27 => Value::Number(float(f64::from_be_bytes(reader.array()?))),
        0..=19 => Value::number(info).noted("simple value"),
        _ => return Err(reader.wrong("a break without a beginning")),
    })
}

/// Half precision (RFC 8949, appendix D).
fn half(bits: u16) -> f32 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f32::from(bits & 0x3ff);
    let size = match exponent {
        0 => mantissa * 2_f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (mantissa + 1024.0) * 2_f32.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(hex: &str) -> Result<String, Fault> {
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex"))
            .collect();
        let (value, end) = read(&bytes, &mut Work::new(1000))?;
        assert_eq!(end, bytes.len(), "{hex}");
        Ok(value.line(1000))
    }

    /// RFC 8949, appendix A.
    #[test]
    fn the_examples_of_the_standard_read_as_they_should() {
        let examples = [
            ("00", "0"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("c249010000000000000000", "18446744073709551616"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("c349010000000000000000", "-18446744073709551617"),
            ("f90001", "5.9604645e-8"),
            ("f93c00", "1.0"),
            ("f97bff", "65504.0"),
            ("f9c400", "-4.0"),
            ("fa47c35000", "100000.0"),
            ("fb3ff199999999999a", "1.1"),
            ("fb7e37e43c8800759c", "1e300"),
            ("f97c00", "inf"),
            ("f7", "null"),
            ("f818", "?"),
            ("f8ff", "255"),
            ("c11a514b67b0", "1363896240"),
            ("d74401020304", "4 bytes: 01 02 03 04"),
            ("6449455446", "\"IETF\""),
            ("62225c", "\"\\\"\\\\\""),
            ("63e6b0b4", "\"水\""),
            ("83010203", "[1,2,3]"),
            ("a201020304", "{1:2,3:4}"),
            ("a26161016162820203", "{\"a\":1,\"b\":[2,3]}"),
            ("5f42010243030405ff", "5 bytes: 01 02 03 04 05"),
            ("7f657374726561646d696e67ff", "\"streaming\""),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
            ("bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"),
        ];
        for (hex, expected) in examples {
            match shown(hex) {
                Ok(found) => assert_eq!(found, expected, "{hex}"),
                Err(fault) => assert_eq!(expected, "?", "{hex}: {fault}"),
            }
        }
    }

    #[test]
    fn a_length_that_lies_costs_nothing() {
        for hex in [
            "9bffffffffffffffff",
            "bbffffffffffffffff",
            "5bffffffffffffffff",
            "7f61",
        ] {
            assert!(matches!(shown(hex), Err(Fault::Ends(_))), "{hex}");
        }
        let deep = "81".repeat(400) + "00";
        assert_eq!(shown(&deep), Err(Fault::Deep));
    }
}
