//! Message types by name, from `.proto` files or a compiled descriptor set.

use std::collections::{BTreeMap, BTreeSet};

use super::{descriptor, file};

/// A message type and all that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    root: usize,
    messages: Vec<MessageType>,
    enums: Vec<EnumType>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct MessageType {
    fields: BTreeMap<u32, Field>,
    is_map_entry: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct EnumType {
    names: BTreeMap<i32, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Bytes,
    Message(usize),
    Enum(usize),
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("line {line}: {what}")]
    Syntax { line: usize, what: String },
    #[error("it is no compiled descriptor set: {0}")]
    Descriptor(String),
    #[error("the import {file:?} cannot be read: {why}")]
    Import { file: String, why: String },
    #[error("there is no type {name:?} (used by {by})")]
    Unknown { name: String, by: String },
    #[error("there is no message {name:?}; it has {}", has.join(", "))]
    NoMessage { name: String, has: Vec<String> },
}

/// What a file declares, with names still unresolved.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) messages: Vec<DeclaredMessage>,
    pub(super) enums: Vec<DeclaredEnum>,
    pub(super) imports: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct DeclaredMessage {
    /// `package.Outer.Inner`
    pub(super) name: String,
    pub(super) fields: Vec<DeclaredField>,
    pub(super) is_map_entry: bool,
}

#[derive(Debug)]
pub(super) struct DeclaredEnum {
    pub(super) name: String,
    pub(super) values: Vec<(i32, String)>,
}

#[derive(Debug)]
pub(super) struct DeclaredField {
    pub(super) name: String,
    pub(super) number: u32,
    /// `int32`, `Inner`, `.package.Outer.Inner`
    pub(super) kind: String,
    pub(super) repeated: bool,
}

/// Imports that every compiler brings along.
const WELL_KNOWN: [(&str, &str); 7] = [
    (
        "google/protobuf/any.proto",
        "package google.protobuf; message Any { string type_url = 1; bytes value = 2; }",
    ),
    (
        "google/protobuf/empty.proto",
        "package google.protobuf; message Empty { }",
    ),
    (
        "google/protobuf/field_mask.proto",
        "package google.protobuf; message FieldMask { repeated string paths = 1; }",
    ),
    (
        "google/protobuf/timestamp.proto",
        "package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }",
    ),
    (
        "google/protobuf/duration.proto",
        "package google.protobuf; message Duration { int64 seconds = 1; int32 nanos = 2; }",
    ),
    (
        "google/protobuf/wrappers.proto",
        "package google.protobuf;
         message DoubleValue { double value = 1; } message FloatValue { float value = 1; }
         message Int64Value { int64 value = 1; } message UInt64Value { uint64 value = 1; }
         message Int32Value { int32 value = 1; } message UInt32Value { uint32 value = 1; }
         message BoolValue { bool value = 1; } message StringValue { string value = 1; }
         message BytesValue { bytes value = 1; }",
    ),
    (
        "google/protobuf/struct.proto",
        "package google.protobuf; enum NullValue { NULL_VALUE = 0; }
         message Struct { map<string, Value> fields = 1; } message ListValue { repeated Value values = 1; }
         message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3;
           bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }",
    ),
];

/// Files that one schema may be made of.
const FILES: usize = 200;

/// The schema of the message `name` (with or without its package, as long as there is one of that name).
///
/// `bytes` is a `.proto` file or a compiled `FileDescriptorSet`; `import` gives the bytes of a file that is imported, by
/// the name that the import says.
pub fn compile(
    bytes: &[u8],
    name: &str,
    import: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Schema, SchemaError> {
    let mut all = declared(bytes)?;
    let mut known = BTreeSet::new();
    // Many bring options only, which no message needs (nanopb's, validation's): one that is missing may not be missed.
    let mut missing = None;
    let mut wanted = std::mem::take(&mut all.imports);
    while let Some(file) = wanted.pop() {
        if !known.insert(file.clone()) || known.len() > FILES {
            continue;
        }
        let built_in = WELL_KNOWN.iter().find(|(name, _)| *name == file);
        let text = match built_in {
            Some((_, text)) => text.as_bytes().to_vec(),
            // Options of fields: nothing that stands in a message.
            None if file == "google/protobuf/descriptor.proto" => continue,
            None => match import(&file) {
                Ok(text) => text,
                Err(why) => {
                    missing.get_or_insert(SchemaError::Import { file, why });
                    continue;
                }
            },
        };
        let more = declared(&text)?;
        all.messages.extend(more.messages);
        all.enums.extend(more.enums);
        wanted.extend(more.imports);
    }
    link(&all, name).map_err(|error| missing.unwrap_or(error))
}

/// A descriptor set begins with field 1, a length, and field 1 of the file inside: its name. Text never does.
fn declared(bytes: &[u8]) -> Result<Declared, SchemaError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') && bytes.first() != Some(&0x0a) => file::read(text),
        _ => descriptor::read(bytes)
            .map_err(|fault| SchemaError::Descriptor(fault.to_string()))
            .or_else(|error| match std::str::from_utf8(bytes) {
                Ok(text) => file::read(text),
                Err(_) => Err(error),
            }),
    }
}

fn link(all: &Declared, name: &str) -> Result<Schema, SchemaError> {
    let names = |n: usize| all.messages[n].name.as_str();
    let wanted = name.trim_start_matches('.');
    let is_wanted = |n: &usize| {
        names(*n) == wanted
            || names(*n)
                .strip_suffix(wanted)
                .is_some_and(|front| front.ends_with('.'))
    };
    let exact = (0..all.messages.len()).find(|n| names(*n) == wanted);
    let root = exact.or_else(|| (0..all.messages.len()).find(is_wanted));
    let Some(root) = root else {
        let has = all.messages.iter().filter(|m| !m.is_map_entry);
        return Err(SchemaError::NoMessage {
            name: name.to_owned(),
            has: has.map(|m| m.name.clone()).take(12).collect(),
        });
    };
    let places: BTreeMap<&str, Kind> = all
        .messages
        .iter()
        .enumerate()
        .map(|(n, m)| (m.name.as_str(), Kind::Message(n)))
        .chain(
            all.enums
                .iter()
                .enumerate()
                .map(|(n, e)| (e.name.as_str(), Kind::Enum(n))),
        )
        .collect();
    let messages = all
        .messages
        .iter()
        .map(|message| linked(message, &places))
        .collect::<Result<_, _>>()?;
    let enums = all
        .enums
        .iter()
        .map(|e| EnumType {
            // The first name of a number is the one that is written.
            names: e.values.iter().rev().cloned().collect(),
        })
        .collect();
    Ok(Schema {
        root,
        messages,
        enums,
    })
}

fn linked(
    message: &DeclaredMessage,
    places: &BTreeMap<&str, Kind>,
) -> Result<MessageType, SchemaError> {
    let mut fields = BTreeMap::new();
    for field in &message.fields {
        let kind = scalar(&field.kind).or_else(|| resolve(&message.name, &field.kind, places));
        let Some(kind) = kind else {
            return Err(SchemaError::Unknown {
                name: field.kind.clone(),
                by: format!("{}.{}", message.name, field.name),
            });
        };
        let linked = Field {
            name: field.name.clone(),
            kind,
            repeated: field.repeated,
        };
        fields.insert(field.number, linked);
    }
    Ok(MessageType {
        fields,
        is_map_entry: message.is_map_entry,
    })
}

/// From the innermost scope outwards, as the language says.
fn resolve(scope: &str, name: &str, places: &BTreeMap<&str, Kind>) -> Option<Kind> {
    if let Some(full) = name.strip_prefix('.') {
        return places.get(full).copied();
    }
    let mut scope = scope;
    loop {
        let full = if scope.is_empty() {
            name.to_owned()
        } else {
            format!("{scope}.{name}")
        };
        if let Some(kind) = places.get(full.as_str()) {
            return Some(*kind);
        }
        if scope.is_empty() {
            return None;
        }
        scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
    }
}

fn scalar(name: &str) -> Option<Kind> {
    Some(match name {
        "double" => Kind::Double,
        "float" => Kind::Float,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "uint32" => Kind::Uint32,
        "uint64" => Kind::Uint64,
        "sint32" => Kind::Sint32,
        "sint64" => Kind::Sint64,
        "fixed32" => Kind::Fixed32,
        "fixed64" => Kind::Fixed64,
        "sfixed32" => Kind::Sfixed32,
        "sfixed64" => Kind::Sfixed64,
        "bool" => Kind::Bool,
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        _ => return None,
    })
}

impl Schema {
    pub(super) const fn root(&self) -> usize {
        self.root
    }

    pub(super) fn fields(&self, index: usize) -> &BTreeMap<u32, Field> {
        &self.messages[index].fields
    }

    pub(super) fn enum_name(&self, index: usize, number: i32) -> Option<&str> {
        self.enums[index].names.get(&number).map(String::as_str)
    }

    pub(super) fn is_map(&self, field: &Field) -> bool {
        matches!(field.kind, Kind::Message(index) if self.messages[index].is_map_entry)
    }
}
