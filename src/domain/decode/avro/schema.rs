//! Avro schemas: JSON, with types that have names and may contain themselves.

use std::collections::BTreeMap;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    types: Vec<Type>,
    root: usize,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("it is no JSON: {0}")]
    Json(String),
    #[error("there is no type {0}")]
    Unknown(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("it nests without end")]
    Deep,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Int(Logical),
    Long(Logical),
    Float,
    Double,
    Bytes(Logical),
    Text,
    Fixed(u64, Logical),
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<(String, usize)>),
}

/// What a number or bytes stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logical {
    None,
    /// Digits after the point.
    Decimal(usize),
    Millis,
    Micros,
    Days,
}

impl Schema {
    pub fn parse(bytes: &[u8]) -> Result<Self, SchemaError> {
        let json = serde_json::from_slice(bytes).or_else(|error| {
            // A bare name of a type is common in tools, if not in the specification.
            match std::str::from_utf8(bytes).map(str::trim) {
                Ok(word) if primitive(word, Logical::None).is_some() => Ok(Value::from(word)),
                _ => Err(SchemaError::Json(error.to_string())),
            }
        })?;
        let mut builder = Builder::default();
        let root = builder.add(&json, "", 0)?;
        Ok(Self {
            types: builder.types,
            root,
        })
    }

    pub(super) const fn root(&self) -> usize {
        self.root
    }

    pub(super) fn kind(&self, index: usize) -> &Type {
        &self.types[index]
    }
}

#[derive(Default)]
struct Builder {
    types: Vec<Type>,
    names: BTreeMap<String, usize>,
}

impl Builder {
    fn push(&mut self, kind: Type) -> usize {
        self.types.push(kind);
        self.types.len() - 1
    }

    fn add(&mut self, json: &Value, space: &str, depth: usize) -> Result<usize, SchemaError> {
        if depth > 64 {
            return Err(SchemaError::Deep);
        }
        match json {
            Value::String(name) => self.named(name, space, Logical::None),
            Value::Array(branches) => {
                let branches = branches
                    .iter()
                    .map(|branch| self.add(branch, space, depth + 1))
                    .collect::<Result<_, _>>()?;
                Ok(self.push(Type::Union(branches)))
            }
            Value::Object(_) => self.complex(json, space, depth),
            other => Err(SchemaError::Unknown(other.to_string())),
        }
    }

    fn named(&mut self, name: &str, space: &str, logical: Logical) -> Result<usize, SchemaError> {
        if let Some(kind) = primitive(name, logical) {
            return Ok(self.push(kind));
        }
        let full = full(name, space);
        let found = self.names.get(&full).or_else(|| self.names.get(name));
        found
            .copied()
            .ok_or_else(|| SchemaError::Unknown(format!("{name:?}")))
    }

    fn complex(&mut self, json: &Value, space: &str, depth: usize) -> Result<usize, SchemaError> {
        let kind = match &json["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Null => return Err(SchemaError::Missing("\"type\"")),
            // {"type": {"type": …}}
            inner => return self.add(inner, space, depth + 1),
        };
        let logical = logical(json);
        match kind {
            "array" => {
                let inner = self.add(&json["items"], space, depth + 1)?;
                Ok(self.push(Type::Array(inner)))
            }
            "map" => {
                let inner = self.add(&json["values"], space, depth + 1)?;
                Ok(self.push(Type::Map(inner)))
            }
            "enum" => {
                let symbols = json["symbols"]
                    .as_array()
                    .ok_or(SchemaError::Missing("\"symbols\""))?;
                let symbols = symbols.iter().filter_map(|s| s.as_str().map(str::to_owned));
                let index = self.push(Type::Enum(symbols.collect()));
                self.name(json, space, index).map(|_space| index)
            }
            "fixed" => {
                let size = json["size"]
                    .as_u64()
                    .ok_or(SchemaError::Missing("\"size\""))?;
                let index = self.push(Type::Fixed(size, logical));
                self.name(json, space, index).map(|_space| index)
            }
            "record" | "error" => {
                // Its name is known inside itself.
                let index = self.push(Type::Null);
                let space = self.name(json, space, index)?;
                let fields = json["fields"]
                    .as_array()
                    .ok_or(SchemaError::Missing("\"fields\""))?;
                let mut members = Vec::new();
                for field in fields {
                    let name = field["name"]
                        .as_str()
                        .ok_or(SchemaError::Missing("a field's \"name\""))?;
                    members.push((
                        name.to_owned(),
                        self.add(&field["type"], &space, depth + 1)?,
                    ));
                }
                self.types[index] = Type::Record(members);
                Ok(index)
            }
            name => self.named(name, space, logical),
        }
    }

    /// Makes the type known; gives the namespace for what stands inside it.
    fn name(&mut self, json: &Value, space: &str, index: usize) -> Result<String, SchemaError> {
        let name = json["name"]
            .as_str()
            .ok_or(SchemaError::Missing("\"name\""))?;
        let space = json["namespace"].as_str().unwrap_or(space);
        let full = full(name, space);
        let inside = full
            .rsplit_once('.')
            .map_or("", |(space, _)| space)
            .to_owned();
        self.names.insert(full, index);
        Ok(inside)
    }
}

fn full(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() {
        name.to_owned()
    } else {
        format!("{space}.{name}")
    }
}

fn primitive(name: &str, logical: Logical) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int(logical),
        "long" => Type::Long(logical),
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes(logical),
        "string" => Type::Text,
        _ => return None,
    })
}

fn logical(json: &Value) -> Logical {
    match json["logicalType"].as_str() {
        Some("decimal") => {
            let scale = json["scale"].as_u64().unwrap_or_default();
            Logical::Decimal(usize::try_from(scale.min(38)).unwrap_or_default())
        }
        Some("timestamp-millis" | "local-timestamp-millis") => Logical::Millis,
        Some("timestamp-micros" | "local-timestamp-micros") => Logical::Micros,
        Some("date") => Logical::Days,
        _ => Logical::None,
    }
}
