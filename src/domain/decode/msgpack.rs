//! MessagePack (the specification of 2017, with extension types and timestamps).

use super::reader::{Fault, Reader, Work};
use super::value::{Value, float, float32};
use crate::base::moment::Timestamp;

/// The first value and how many bytes it takes.
pub fn read(bytes: &[u8], work: &mut Work) -> Result<(Value, usize), Fault> {
    let mut reader = Reader::new(bytes, work);
    let value = value(&mut reader, 0)?;
    Ok((value, reader.at))
}

fn value(reader: &mut Reader<'_, '_>, depth: usize) -> Result<Value, Fault> {
    reader.count(depth)?;
    let first = reader.byte()?;
    Ok(match first {
        0x00..=0x7f => Value::number(first),
        0xe0..=0xff => Value::number(first.cast_signed()),
        0x80..=0x8f => return map(reader, u64::from(first & 0x0f), depth),
        0x90..=0x9f => return list(reader, u64::from(first & 0x0f), depth),
        0xa0..=0xbf => return text(reader, u64::from(first & 0x1f)),
        0xc0 => Value::Null,
        0xc1 => return Err(reader.wrong("0xc1, which is never used")),
        0xc2 => Value::Bool(false),
        0xc3 => Value::Bool(true),
        0xc4..=0xc6 => {
            let length = length(reader, first - 0xc4)?;
            Value::Bytes(reader.take(length)?.to_vec())
        }
        0xc7..=0xc9 => {
            let length = length(reader, first - 0xc7)?;
            return extension(reader, length);
        }
        0xca => Value::Number(float32(f32::from_be_bytes(reader.array()?))),
        0xcb => Value::Number(float(f64::from_be_bytes(reader.array()?))),
        0xcc => Value::number(reader.byte()?),
        0xcd => Value::number(u16::from_be_bytes(reader.array()?)),
        0xce => Value::number(u32::from_be_bytes(reader.array()?)),
        0xcf => Value::number(u64::from_be_bytes(reader.array()?)),
        0xd0 => Value::number(reader.byte()?.cast_signed()),
        0xd1 => Value::number(i16::from_be_bytes(reader.array()?)),
        0xd2 => Value::number(i32::from_be_bytes(reader.array()?)),
        0xd3 => Value::number(i64::from_be_bytes(reader.array()?)),
        0xd4..=0xd8 => return extension(reader, 1 << (first - 0xd4)),
        0xd9..=0xdb => {
            let length = length(reader, first - 0xd9)?;
            return text(reader, length);
        }
        0xdc | 0xdd => {
            let length = length(reader, first - 0xdc + 1)?;
            return list(reader, length, depth);
        }
        0xde | 0xdf => {
            let length = length(reader, first - 0xde + 1)?;
            return map(reader, length, depth);
        }
    })
}

/// A length in one, two or four bytes.
fn length(reader: &mut Reader<'_, '_>, size: u8) -> Result<u64, Fault> {
    Ok(match size {
        0 => u64::from(reader.byte()?),
        1 => u64::from(u16::from_be_bytes(reader.array()?)),
        _ => u64::from(u32::from_be_bytes(reader.array()?)),
    })
}

/// Old writers put bytes into texts: those are shown as what they are.
fn text(reader: &mut Reader<'_, '_>, length: u64) -> Result<Value, Fault> {
    let bytes = reader.take(length)?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => Value::text(text),
        Err(_) => Value::Bytes(bytes.to_vec()).noted("a text that is no UTF-8"),
    })
}

fn list(reader: &mut Reader<'_, '_>, length: u64, depth: usize) -> Result<Value, Fault> {
    let mut items = Vec::new();
    for _ in 0..length {
        items.push(value(reader, depth + 1)?);
    }
    Ok(Value::List(items))
}

fn map(reader: &mut Reader<'_, '_>, length: u64, depth: usize) -> Result<Value, Fault> {
    let mut entries = Vec::new();
    for _ in 0..length {
        let key = value(reader, depth + 1)?;
        entries.push((key, value(reader, depth + 1)?));
    }
    Ok(Value::Map(entries))
}

fn extension(reader: &mut Reader<'_, '_>, length: u64) -> Result<Value, Fault> {
    let kind = reader.byte()?.cast_signed();
    let bytes = reader.take(length)?;
    Ok(match (kind, timestamp(bytes)) {
        (-1, Some((seconds, 0))) => Value::number(seconds).noted(time(seconds)),
        (-1, Some((seconds, nanos))) => {
            Value::Number(with_nanos(seconds, nanos)).noted(time(seconds))
        }
        _ => Value::Bytes(bytes.to_vec()).noted(format!("extension {kind}")),
    })
}

/// Nanoseconds count upwards, before 1970 too.
fn with_nanos(seconds: i64, nanos: u32) -> String {
    const SECOND: i128 = 1_000_000_000;
    let all = i128::from(seconds) * SECOND + i128::from(nanos);
    let sign = if all < 0 { "-" } else { "" };
    let size = all.abs();
    format!("{sign}{}.{:09}", size / SECOND, size % SECOND)
}

fn time(seconds: i64) -> String {
    Timestamp::from_seconds(seconds).to_string()
}

/// Seconds and nanoseconds of extension -1.
fn timestamp(bytes: &[u8]) -> Option<(i64, u32)> {
    match bytes.len() {
        4 => Some((u32::from_be_bytes(bytes.try_into().ok()?).into(), 0)),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            let seconds = i64::try_from(both & 0x3_ffff_ffff).ok()?;
            Some((seconds, u32::try_from(both >> 34).ok()?))
        }
        12 => {
            let (nanos, seconds) = bytes.split_at(4);
            let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
            // Beyond what a time of ours can say.
            let seconds = Some(seconds).filter(|s| s.abs() < 1 << 40)?;
            Some((seconds, u32::from_be_bytes(nanos.try_into().ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> Result<String, Fault> {
        let (value, end) = read(bytes, &mut Work::new(1000))?;
        assert_eq!(end, bytes.len(), "{bytes:x?}");
        Ok(value.line(1000))
    }

    #[test]
    fn a_time_before_1970_counts_its_nanoseconds_upwards() {
        let time = |nanos: u32, seconds: i64| {
            let mut out = b"\xc7\x0c\xff".to_vec();
            out.extend(nanos.to_be_bytes());
            out.extend(seconds.to_be_bytes());
            shown(&out)
        };
        assert_eq!(time(500_000_000, -1).as_deref(), Ok("-0.500000000"));
        assert_eq!(time(250_000_000, -3).as_deref(), Ok("-2.750000000"));
        assert_eq!(time(1, 7).as_deref(), Ok("7.000000001"));
    }

    #[test]
    fn every_family_of_types_is_read() {
        let examples: [(&[u8], &str); 12] = [
            (
                b"\x82\xa7compact\xc3\xa6schema\x00",
                "{\"compact\":true,\"schema\":0}",
            ),
            (
                b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                "18446744073709551615",
            ),
            (b"\xd3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
            (b"\xff", "-1"),
            (b"\xca\x41\xac\x00\x00", "21.5"),
            (b"\xcb\x3f\xf1\x99\x99\x99\x99\x99\x9a", "1.1"),
            (b"\xc4\x02\x00\xff", "2 bytes: 00 ff"),
            (b"\xd9\x01x", "\"x\""),
            (b"\xdc\x00\x02\x01\x02", "[1,2]"),
            (b"\xde\x00\x01\x01\xc0", "{1:null}"),
            (b"\xd6\xff\x51\x4b\x67\xb0", "1363896240"),
            (b"\xd4\x07\x2a", "1 byte: 2a"),
        ];
        for (bytes, expected) in examples {
            assert_eq!(shown(bytes).as_deref(), Ok(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn a_length_that_lies_costs_nothing() {
        for bytes in [
            b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
        ] {
            assert!(matches!(shown(bytes), Err(Fault::Ends(_))), "{bytes:x?}");
        }
        assert!(matches!(shown(b"\xc1"), Err(Fault::Wrong { .. })));
    }
}
