//! One shadow document: how an update goes into it, what it looks like from outside.

use serde_json::{Map, Value, json};

use super::Rejection;

/// Levels below `desired` and `reported`. AWS's own pages say 5, 6 and 8; the most generous is taken.
const DEEPEST: usize = 8;

const SECTIONS: [&str; 2] = ["desired", "reported"];

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    pub version: u64,
    /// `desired` and `reported`, as far as there are any.
    state: Map<String, Value>,
    /// The same trees, with a timestamp at each leaf.
    metadata: Map<String, Value>,
}

/// The state of an update, if it is one that a document can take in.
pub fn checked(update: &Value) -> Result<&Value, Rejection> {
    let state = update
        .get("state")
        .ok_or_else(|| Rejection::new(400, "Missing required node: state"))?;
    let Some(sections) = state.as_object() else {
        return Err(Rejection::new(400, "State node must be an object"));
    };
    for (name, section) in sections {
        let word = match name.as_str() {
            "desired" => "Desired",
            "reported" => "Reported",
            other => {
                let words = format!("State contains an invalid node: '{other}'");
                return Err(Rejection::new(400, words));
            }
        };
        match section {
            Value::Null => {}
            Value::Object(_) => {
                sound(section, name, 0)?;
            }
            _ => {
                let words = format!("{word} node must be an object");
                return Err(Rejection::new(400, words));
            }
        }
    }
    Ok(state)
}

fn sound(value: &Value, name: &str, depth: usize) -> Result<(), Rejection> {
    if depth > DEEPEST {
        let words = format!("JSON contains too many levels of nesting; maximum is {DEEPEST}");
        return Err(Rejection::new(400, words));
    }
    match value {
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(name, value)| sound(value, name, depth + 1)),
        Value::Array(items) => items.iter().try_for_each(|item| {
            if item.is_null() {
                let words = format!("State contains an invalid node: '{name}'");
                return Err(Rejection::new(400, words));
            }
            sound(item, name, depth + 1)
        }),
        _ => Ok(()),
    }
}

impl Document {
    pub fn desired(&self) -> Option<&Value> {
        self.state.get("desired")
    }

    pub fn reported(&self) -> Option<&Value> {
        self.state.get("reported")
    }

    /// Takes an update's state in; the metadata of what it has set.
    pub fn apply(&mut self, update: &Value, now: i64) -> Value {
        let mut set = Map::new();
        for name in SECTIONS {
            let Some(section) = update.get(name) else {
                continue;
            };
            let Some(fields) = section.as_object() else {
                self.state.remove(name);
                self.metadata.remove(name);
                continue;
            };
            set.insert(name.to_owned(), stamps(section, now));
            let state = object(&mut self.state, name);
            let metadata = object(&mut self.metadata, name);
            merge(state, metadata, fields, now);
            if state.is_empty() {
                self.state.remove(name);
                self.metadata.remove(name);
            }
        }
        Value::Object(set)
    }

    /// What counts against the limit: the state as JSON.
    pub fn size(&self) -> usize {
        serde_json::to_string(&self.state).map_or(0, |text| text.len())
    }

    /// What is desired and not reported like that, and its metadata.
    pub fn delta(&self) -> Option<(Value, Value)> {
        let desired = self.desired()?.as_object()?;
        let metadata = self.metadata.get("desired")?.as_object()?;
        let nothing = Map::new();
        let reported = self.reported().and_then(Value::as_object);
        let (state, metadata) = differing(desired, metadata, reported.unwrap_or(&nothing));
        (!state.is_empty()).then_some((Value::Object(state), Value::Object(metadata)))
    }

    /// `state`, `metadata` and `version`; the state with its delta where it is asked for.
    pub fn shown(&self, with_delta: bool) -> Map<String, Value> {
        let mut state = self.state.clone();
        let mut metadata = self.metadata.clone();
        if with_delta && let Some((delta, of_delta)) = self.delta() {
            state.insert("delta".to_owned(), delta);
            metadata.insert("delta".to_owned(), of_delta);
        }
        let mut shown = Map::new();
        shown.insert("state".to_owned(), Value::Object(state));
        shown.insert("metadata".to_owned(), Value::Object(metadata));
        shown.insert("version".to_owned(), json!(self.version));
        shown
    }
}

/// The object of this name, made where it is not there.
fn object<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value
        .as_object_mut()
        .expect("it has just been made an object")
}

fn merge(
    state: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    update: &Map<String, Value>,
    now: i64,
) {
    for (name, value) in update {
        match value {
            Value::Null => {
                state.shift_remove(name);
                metadata.shift_remove(name);
            }
            Value::Object(fields) => {
                if !state.get(name).is_some_and(Value::is_object) {
                    metadata.insert(name.clone(), Value::Object(Map::new()));
                }
                merge(object(state, name), object(metadata, name), fields, now);
            }
            value => {
                state.insert(name.clone(), value.clone());
                metadata.insert(name.clone(), stamps(value, now));
            }
        }
    }
}

/// The tree of a value with a timestamp at each leaf; what is null has none.
fn stamps(value: &Value, now: i64) -> Value {
    match value {
        Value::Object(fields) => {
            let stamped = fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), stamps(value, now)));
            Value::Object(stamped.collect())
        }
        Value::Array(items) => items.iter().map(|item| stamps(item, now)).collect(),
        _ => json!({"timestamp": now}),
    }
}

fn differing(
    desired: &Map<String, Value>,
    metadata: &Map<String, Value>,
    reported: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut state, mut stamps) = (Map::new(), Map::new());
    for (name, wanted) in desired {
        let stamp = metadata.get(name).cloned().unwrap_or(Value::Null);
        match (wanted, reported.get(name)) {
            (Value::Object(wanted), Some(Value::Object(found))) => {
                let nothing = Map::new();
                let of_it = stamp.as_object().unwrap_or(&nothing);
                let (inner, of_inner) = differing(wanted, of_it, found);
                if !inner.is_empty() {
                    state.insert(name.clone(), Value::Object(inner));
                    stamps.insert(name.clone(), Value::Object(of_inner));
                }
            }
            (wanted, found) if found != Some(wanted) => {
                state.insert(name.clone(), wanted.clone());
                stamps.insert(name.clone(), stamp);
            }
            _ => {}
        }
    }
    (state, stamps)
}
