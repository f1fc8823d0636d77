//! Compiled descriptor sets (`protoc --include_imports -o`), which are Protobuf themselves (`descriptor.proto`).

use super::schema::{Declared, DeclaredEnum, DeclaredField, DeclaredMessage};
use super::{Wire, field};
use crate::domain::decode::reader::{Fault, Reader, Work};
use crate::domain::decode::value::MAX_DEPTH;

/// Fields that one descriptor set may hold.
const WORK: usize = 2_000_000;

pub(super) fn read(bytes: &[u8]) -> Result<Declared, Fault> {
    let mut work = Work::new(WORK);
    let mut out = Declared::default();
    for (number, wire) in fields(bytes, &mut work)? {
        if let (1, Wire::Bytes(file)) = (number, wire) {
            self::file(file, &mut out, &mut work)?;
        }
    }
    if out.messages.is_empty() {
        return Err(Fault::Wrong {
            at: 0,
            what: "no message in it".into(),
        });
    }
    Ok(out)
}

fn fields<'a>(bytes: &'a [u8], work: &mut Work) -> Result<Vec<(u32, Wire<'a>)>, Fault> {
    let mut reader = Reader::new(bytes, work);
    let mut out = Vec::new();
    while !reader.is_at_end() {
        out.push(field(&mut reader, 0)?);
    }
    Ok(out)
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Fault::Wrong {
        at: 0,
        what: "a name that is no UTF-8".into(),
    })
}

/// `FileDescriptorProto`: package 2, messages 4, enums 5. Imported files stand in the same set.
fn file(bytes: &[u8], out: &mut Declared, work: &mut Work) -> Result<(), Fault> {
    let all = fields(bytes, work)?;
    let mut package = String::new();
    for (number, wire) in &all {
        if let (2, Wire::Bytes(name)) = (number, wire) {
            package = text(name)?;
        }
    }
    for (number, wire) in all {
        match (number, wire) {
            (4, Wire::Bytes(inside)) => message(inside, &package, out, work, 0)?,
            (5, Wire::Bytes(inside)) => enumeration(inside, &package, out, work)?,
            _ => {}
        }
    }
    Ok(())
}

fn name(all: &[(u32, Wire<'_>)], scope: &str) -> Result<String, Fault> {
    let mut own = String::new();
    for (number, wire) in all {
        if let (1, Wire::Bytes(found)) = (number, wire) {
            own = text(found)?;
        }
    }
    Ok(if scope.is_empty() {
        own
    } else {
        format!("{scope}.{own}")
    })
}

/// `DescriptorProto`: name 1, fields 2, messages inside 3, enums inside 4, options 7 with `map_entry` 7.
fn message(
    bytes: &[u8],
    scope: &str,
    out: &mut Declared,
    work: &mut Work,
    depth: usize,
) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::Deep);
    }
    let all = fields(bytes, work)?;
    let mut found = DeclaredMessage {
        name: name(&all, scope)?,
        ..DeclaredMessage::default()
    };
    for (number, wire) in all {
        match (number, wire) {
            (2, Wire::Bytes(inside)) => found.fields.push(declared_field(inside, work)?),
            (3, Wire::Bytes(inside)) => message(inside, &found.name, out, work, depth + 1)?,
            (4, Wire::Bytes(inside)) => enumeration(inside, &found.name, out, work)?,
            (7, Wire::Bytes(inside)) => {
                found.is_map_entry = fields(inside, work)?
                    .iter()
                    .any(|option| matches!(option, (7, Wire::Varint(1))));
            }
            _ => {}
        }
    }
    out.messages.push(found);
    Ok(())
}

/// `FieldDescriptorProto`: name 1, number 3, label 4 (3 is repeated), type 5, name of the type 6.
fn declared_field(bytes: &[u8], work: &mut Work) -> Result<DeclaredField, Fault> {
    const TYPES: [&str; 18] = [
        "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "",
        "", "bytes", "uint32", "", "sfixed32", "sfixed64", "sint32", "sint64",
    ];
    let mut field = DeclaredField {
        name: String::new(),
        number: 0,
        kind: String::new(),
        repeated: false,
    };
    for (number, wire) in fields(bytes, work)? {
        match (number, wire) {
            (1, Wire::Bytes(name)) => field.name = text(name)?,
            (3, Wire::Varint(n)) => field.number = u32::try_from(n).unwrap_or_default(),
            (4, Wire::Varint(label)) => field.repeated = label == 3,
            (5, Wire::Varint(kind)) if field.kind.is_empty() => {
                let index = usize::try_from(kind).unwrap_or_default().wrapping_sub(1);
                let kind = TYPES.get(index).copied().unwrap_or_default();
                kind.clone_into(&mut field.kind);
            }
            (6, Wire::Bytes(name)) => field.kind = text(name)?,
            _ => {}
        }
    }
    Ok(field)
}

/// `EnumDescriptorProto`: name 1, values 2 (name 1, number 2).
fn enumeration(
    bytes: &[u8],
    scope: &str,
    out: &mut Declared,
    work: &mut Work,
) -> Result<(), Fault> {
    let all = fields(bytes, work)?;
    let mut values = Vec::new();
    for (number, wire) in &all {
        let (2, Wire::Bytes(inside)) = (number, wire) else {
            continue;
        };
        let mut value = (0, String::new());
        for part in fields(inside, work)? {
            match part {
                (1, Wire::Bytes(name)) => value.1 = text(name)?,
                // Negative ones are written with all 64 bits.
                (2, Wire::Varint(n)) => {
                    value.0 = i32::try_from(n.cast_signed()).unwrap_or_default();
                }
                _ => {}
            }
        }
        values.push(value);
    }
    out.enums.push(DeclaredEnum {
        name: name(&all, scope)?,
        values,
    });
    Ok(())
}
