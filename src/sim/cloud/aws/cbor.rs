//! As much CBOR (RFC 8949) as fleet provisioning needs: JSON's values, both ways.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEEPEST: usize = 32;

pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(value, &mut out);
    out
}

/// None where it is not one whole value, or one that JSON has no form for.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    let mut input = bytes;
    let value = take(&mut input, 0)?;
    input.is_empty().then_some(value)
}

fn head(kind: u8, number: u64, out: &mut Vec<u8>) {
    let kind = kind << 5;
    match number {
        0..=23 => out.push(kind | low(number)),
        24..=0xff => out.extend([kind | 0x18, low(number)]),
        0x100..=0xffff => {
            out.push(kind | 0x19);
            out.extend(&number.to_be_bytes()[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(kind | 0x1a);
            out.extend(&number.to_be_bytes()[4..]);
        }
        _ => {
            out.push(kind | 0x1b);
            out.extend(number.to_be_bytes());
        }
    }
}

fn low(number: u64) -> u8 {
    let [.., low] = number.to_be_bytes();
    low
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(value) => out.push(0xf4 | u8::from(*value)),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => head(0, number, out),
            (None, Some(number)) => head(1, (-1 - number).unsigned_abs(), out),
            (None, None) => {
                out.push(0xfb);
                out.extend(number.as_f64().unwrap_or_default().to_be_bytes());
            }
        },
        Value::String(text) => {
            head(3, text.len() as u64, out);
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            for item in items {
                put(item, out);
            }
        }
        Value::Object(fields) => {
            head(5, fields.len() as u64, out);
            for (name, value) in fields {
                head(3, name.len() as u64, out);
                out.extend(name.as_bytes());
                put(value, out);
            }
        }
    }
}

fn bytes<'a>(input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(count)?;
    *input = rest;
    Some(taken)
}

/// The number in a head; none of an indefinite length.
fn number(info: u8, input: &mut &[u8]) -> Option<u64> {
    let width = match info {
        0..=23 => return Some(u64::from(info)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let taken = bytes(input, width)?;
    Some(
        taken
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

/// Whether a "break" ends what has no length.
fn ended(input: &mut &[u8]) -> bool {
    let ends = input.first() == Some(&0xff);
    if ends {
        *input = &input[1..];
    }
    ends
}

fn take(input: &mut &[u8], depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let first = *bytes(input, 1)?.first()?;
    let (kind, info) = (first >> 5, first & 31);
    Some(match kind {
        0 => Value::from(number(info, input)?),
        1 => Value::from(-1 - i64::try_from(number(info, input)?).ok()?),
        3 => Value::String(text(info, input)?),
        4 => {
            let length = (info != 31).then(|| number(info, input));
            let mut items = Vec::new();
            match length {
                Some(length) => {
                    for _ in 0..length? {
                        items.push(take(input, depth + 1)?);
                    }
                }
                None => {
                    while !ended(input) {
                        items.push(take(input, depth + 1)?);
                    }
                }
            }
            Value::Array(items)
        }
        5 => {
            let length = (info != 31).then(|| number(info, input));
            let mut fields = Map::new();
            let mut one = |input: &mut &[u8]| {
                let Value::String(name) = take(input, depth + 1)? else {
                    return None;
                };
                fields.insert(name, take(input, depth + 1)?);
                Some(())
            };
            match length {
                Some(length) => {
                    for _ in 0..length? {
                        one(input)?;
                    }
                }
                None => {
                    while !ended(input) {
                        one(input)?;
                    }
                }
            }
            Value::Object(fields)
        }
        6 => {
            number(info, input)?;
            take(input, depth + 1)?
        }
        7 => match info {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 | 23 => Value::Null,
            26 => float(f32::from_be_bytes(bytes(input, 4)?.try_into().ok()?).into())?,
            27 => float(f64::from_be_bytes(bytes(input, 8)?.try_into().ok()?))?,
            _ => return None,
        },
        _ => return None,
    })
}

fn float(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

fn text(info: u8, input: &mut &[u8]) -> Option<String> {
    if info != 31 {
        let length = usize::try_from(number(info, input)?).ok()?;
        return String::from_utf8(bytes(input, length)?.to_vec()).ok();
    }
    let mut whole = String::new();
    while !ended(input) {
        let first = *bytes(input, 1)?.first()?;
        if first >> 5 != 3 || first & 31 == 31 {
            return None;
        }
        whole.push_str(&text(first & 31, input)?);
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_of_the_standard_are_read() {
        // RFC 8949, appendix A.
        for (hex, expected) in [
            ("1903e8", json!(1000)),
            ("3863", json!(-100)),
            ("fb3ff199999999999a", json!(1.1)),
            ("f5", json!(true)),
            ("f6", json!(null)),
            ("62c3bc", json!("ü")),
            ("8301820203820405", json!([1, [2, 3], [4, 5]])),
            ("a26161016162820203", json!({"a": 1, "b": [2, 3]})),
            ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
            ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
            ("7f657374726561646d696e67ff", json!("streaming")),
        ] {
            let bytes: Vec<_> = (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect();
            assert_eq!(decode(&bytes), Some(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({"a": [1, -2, 300, 70_000, 1.5, null, true, "한"], "b": {"c": {}}});
        assert_eq!(decode(&encode(&value)), Some(value));
    }

    #[test]
    fn nonsense_is_not_read() {
        for bytes in [
            &b""[..],
            b"\xff",
            b"\x62a",
            b"\x01\x01",
            &[0x81; 100],
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(decode(bytes), None);
        }
    }
}
