//! Protocol Buffers, on the wire: by field number without a schema, by name with one.
//!
//! The wire says only "a number", "8 bytes", "4 bytes" or "some bytes", so the view without a schema shows what it takes
//! each for, and says so.

mod descriptor;
mod file;
mod schema;

pub use schema::{Schema, SchemaError, compile};

use std::collections::BTreeMap;

use super::reader::{Fault, Reader, Work, unzigzag};
use super::value::{Value, float, float32};
use crate::base::text::is_unsafe;
use schema::{Field, Kind};

/// One field as it stands on the wire.
enum Wire<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Bytes(&'a [u8]),
    Four([u8; 4]),
    /// A group (deprecated, but there): its bytes up to the end tag.
    Group(&'a [u8]),
}

fn field<'a>(reader: &mut Reader<'a, '_>, depth: usize) -> Result<(u32, Wire<'a>), Fault> {
    reader.count(depth)?;
    let tag = reader.varint()?;
    let number = u32::try_from(tag >> 3)
        .ok()
        .filter(|n| (1..1 << 29).contains(n))
        .ok_or_else(|| reader.wrong("no field number"))?;
    let wire = match tag & 7 {
        0 => Wire::Varint(reader.varint()?),
        1 => Wire::Eight(reader.array()?),
        2 => {
            let length = reader.varint()?;
            Wire::Bytes(reader.take(length)?)
        }
        3 => Wire::Group(group(reader, number, depth)?),
        5 => Wire::Four(reader.array()?),
        _ => return Err(reader.wrong("no wire type")),
    };
    Ok((number, wire))
}

fn group<'a>(reader: &mut Reader<'a, '_>, number: u32, depth: usize) -> Result<&'a [u8], Fault> {
    let from = reader.at;
    loop {
        let before = reader.at;
        let tag = reader.varint()?;
        if tag & 7 == 4 {
            if tag >> 3 != u64::from(number) {
                return Err(reader.wrong("the end of another group"));
            }
            return Ok(&reader.bytes[from..before]);
        }
        reader.at = before;
        field(reader, depth + 1)?;
    }
}

/// Without a schema: field numbers in the order of the wire, repeated ones repeated.
pub fn read(bytes: &[u8], work: &mut Work) -> Result<Value, Fault> {
    untyped(bytes, work, 0)
}

fn untyped(bytes: &[u8], work: &mut Work, depth: usize) -> Result<Value, Fault> {
    let mut entries = Vec::new();
    let mut reader = Reader::new(bytes, work);
    while !reader.is_at_end() {
        let (number, wire) = field(&mut reader, depth)?;
        let value = shown(&wire, reader.work, depth)?;
        entries.push((Value::number(number), value));
    }
    Ok(Value::Map(entries))
}

fn shown(wire: &Wire<'_>, work: &mut Work, depth: usize) -> Result<Value, Fault> {
    Ok(match wire {
        Wire::Varint(number) => Value::number(number),
        Wire::Eight(bytes) => eight(*bytes),
        Wire::Four(bytes) => four(*bytes),
        Wire::Group(bytes) => untyped(bytes, work, depth + 1)?.noted("group"),
        Wire::Bytes(bytes) => some_bytes(bytes, work, depth)?,
    })
}

/// A double where it reads like one that somebody would send.
fn eight(bytes: [u8; 8]) -> Value {
    let (number, whole) = (f64::from_le_bytes(bytes), u64::from_le_bytes(bytes));
    if number == 0.0 || (1e-9..1e15).contains(&number.abs()) {
        Value::Number(float(number)).noted("double")
    } else {
        Value::number(whole).noted("fixed64")
    }
}

fn four(bytes: [u8; 4]) -> Value {
    let (number, whole) = (f32::from_le_bytes(bytes), u32::from_le_bytes(bytes));
    if number == 0.0 || (1e-6..1e9).contains(&number.abs()) {
        Value::Number(float32(number)).noted("float")
    } else {
        Value::number(whole).noted("fixed32")
    }
}

/// A text where it reads like one, else a message where it is one to the last byte, else bytes.
fn some_bytes(bytes: &[u8], work: &mut Work, depth: usize) -> Result<Value, Fault> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text
            .chars()
            .any(|c| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Ok(Value::text(text));
    }
    match untyped(bytes, work, depth + 1) {
        Ok(value) => Ok(value),
        Err(Fault::Work) => Err(Fault::Work),
        Err(_) => Ok(Value::Bytes(bytes.to_vec())),
    }
}

/// With a schema: fields by name, unknown ones by number.
pub fn read_as(schema: &Schema, bytes: &[u8], work: &mut Work) -> Result<Value, Fault> {
    message(schema, schema.root(), bytes, work, 0)
}

fn message(
    schema: &Schema,
    index: usize,
    bytes: &[u8],
    work: &mut Work,
    depth: usize,
) -> Result<Value, Fault> {
    let fields = schema.fields(index);
    let mut entries: Vec<(Value, Value)> = Vec::new();
    // Where the values of a repeated field are gathered.
    let mut gathered: BTreeMap<u32, usize> = BTreeMap::new();
    let mut reader = Reader::new(bytes, work);
    while !reader.is_at_end() {
        let (number, wire) = field(&mut reader, depth)?;
        let known = fields.get(&number).filter(|f| f.kind.takes(&wire));
        let Some(known) = known else {
            let value = shown(&wire, reader.work, depth)?;
            entries.push((Value::number(number), value.noted("not in the schema")));
            continue;
        };
        if !known.repeated {
            let value = typed(schema, known, &wire, reader.work, depth)?;
            entries.push((Value::text(&known.name), value));
            continue;
        }
        let place = *gathered.entry(number).or_insert_with(|| {
            let empty = if schema.is_map(known) {
                Value::Map(Vec::new())
            } else {
                Value::List(Vec::new())
            };
            entries.push((Value::text(&known.name), empty));
            entries.len() - 1
        });
        let values = repeated(schema, known, &wire, reader.work, depth)?;
        match &mut entries[place].1 {
            Value::List(items) => items.extend(values),
            Value::Map(pairs) => pairs.extend(values.into_iter().map(pair)),
            _ => {}
        }
    }
    Ok(Value::Map(entries))
}

/// A map's entry is a message with the fields `key` and `value`; what is absent has its default.
fn pair(entry: Value) -> (Value, Value) {
    let (mut key, mut value) = (Value::text(""), Value::Null);
    if let Value::Map(fields) = entry {
        for (name, field) in fields {
            match name.line(8).as_str() {
                "\"key\"" => key = field,
                "\"value\"" => value = field,
                _ => {}
            }
        }
    }
    (key, value)
}

/// One value, or all of a packed field.
fn repeated(
    schema: &Schema,
    known: &Field,
    wire: &Wire<'_>,
    work: &mut Work,
    depth: usize,
) -> Result<Vec<Value>, Fault> {
    let Wire::Bytes(bytes) = wire else {
        return Ok(vec![typed(schema, known, wire, work, depth)?]);
    };
    let Some(sort) = known.kind.packed() else {
        return Ok(vec![typed(schema, known, wire, work, depth)?]);
    };
    let mut values = Vec::new();
    let mut reader = Reader::new(bytes, work);
    while !reader.is_at_end() {
        reader.count(depth)?;
        let wire = match sort {
            0 => Wire::Varint(reader.varint()?),
            1 => Wire::Eight(reader.array()?),
            _ => Wire::Four(reader.array()?),
        };
        values.push(typed(schema, known, &wire, reader.work, depth)?);
    }
    Ok(values)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "32-bit fields carry their value in the lower half (encoding guide, \"Base 128 Varints\")"
)]
fn typed(
    schema: &Schema,
    known: &Field,
    wire: &Wire<'_>,
    work: &mut Work,
    depth: usize,
) -> Result<Value, Fault> {
    Ok(match (known.kind, wire) {
        (Kind::Int32, Wire::Varint(n)) => Value::number((*n as u32).cast_signed()),
        (Kind::Int64, Wire::Varint(n)) => Value::number(n.cast_signed()),
        (Kind::Uint32, Wire::Varint(n)) => Value::number(*n as u32),
        (Kind::Uint64, Wire::Varint(n)) => Value::number(n),
        (Kind::Sint32 | Kind::Sint64, Wire::Varint(n)) => Value::number(unzigzag(*n)),
        (Kind::Bool, Wire::Varint(n)) => Value::Bool(*n != 0),
        (Kind::Enum(index), Wire::Varint(n)) => {
            let number = (*n as u32).cast_signed();
            match schema.enum_name(index, number) {
                Some(name) => Value::text(name).noted(format!("{number}")),
                None => Value::number(number).noted("not in the enum"),
            }
        }
        (Kind::Double, Wire::Eight(b)) => Value::Number(float(f64::from_le_bytes(*b))),
        (Kind::Fixed64, Wire::Eight(b)) => Value::number(u64::from_le_bytes(*b)),
        (Kind::Sfixed64, Wire::Eight(b)) => Value::number(i64::from_le_bytes(*b)),
        (Kind::Float, Wire::Four(b)) => Value::Number(float32(f32::from_le_bytes(*b))),
        (Kind::Fixed32, Wire::Four(b)) => Value::number(u32::from_le_bytes(*b)),
        (Kind::Sfixed32, Wire::Four(b)) => Value::number(i32::from_le_bytes(*b)),
        (Kind::Bytes, Wire::Bytes(bytes)) => Value::Bytes(bytes.to_vec()),
        (Kind::Text, Wire::Bytes(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::text(text),
            Err(_) => Value::Bytes(bytes.to_vec()).noted("a text that is no UTF-8"),
        },
        (Kind::Message(index), Wire::Bytes(bytes) | Wire::Group(bytes)) => {
            message(schema, index, bytes, work, depth + 1)?
        }
        (_, wire) => shown(wire, work, depth)?,
    })
}

impl Kind {
    /// Whether a value of this kind can stand on the wire like that.
    fn takes(self, wire: &Wire<'_>) -> bool {
        match wire {
            Wire::Bytes(_) => self.packed().is_some() || self.is_bytes(),
            Wire::Varint(_) => self.packed() == Some(0),
            Wire::Eight(_) => self.packed() == Some(1),
            Wire::Four(_) => self.packed() == Some(5),
            Wire::Group(_) => matches!(self, Self::Message(_)),
        }
    }

    const fn is_bytes(self) -> bool {
        matches!(self, Self::Text | Self::Bytes | Self::Message(_))
    }

    /// The wire type of one value in a packed field.
    const fn packed(self) -> Option<u8> {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => Some(1),
            Self::Float | Self::Fixed32 | Self::Sfixed32 => Some(5),
            Self::Text | Self::Bytes | Self::Message(_) => None,
            _ => Some(0),
        }
    }
}

/// How much the bytes look like a message, in bits of evidence: what chance alone would hardly bring about.
pub fn evidence(bytes: &[u8], work: &mut Work) -> Option<u32> {
    let mut reader = Reader::new(bytes, work);
    let (mut bits, mut last) = (0_u32, 0);
    while !reader.is_at_end() {
        let (number, wire) = field(&mut reader, 0).ok()?;
        // Real messages number their fields from 1 and write them in order.
        bits += match number {
            1..=32 => 2,
            33..=1000 => 0,
            _ => return None,
        };
        bits += u32::from(number >= last);
        last = number;
        bits += match wire {
            Wire::Bytes([]) => 0,
            Wire::Bytes(inside) => match std::str::from_utf8(inside) {
                Ok(text) if !text.chars().any(is_unsafe) => {
                    4 + u32::try_from(text.len()).unwrap_or(u32::MAX).min(24)
                }
                _ => evidence(inside, reader.work).map_or(2, |inner| inner / 2 + 2),
            },
            Wire::Eight(b) => 3 * u32::from(matches!(eight(b), Value::Noted(n) if n.0 == "double")),
            Wire::Four(b) => 2 * u32::from(matches!(four(b), Value::Noted(n) if n.0 == "float")),
            Wire::Varint(_) => 1,
            Wire::Group(_) => return None,
        };
    }
    Some(bits)
}

#[cfg(test)]
mod tests;
