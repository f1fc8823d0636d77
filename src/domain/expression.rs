//! The language of `tail --where`: which messages are meant.
//!
//! ```text
//! kind:push device:washer -"door open"          all of these
//! .report.runState.currentState == "RUNNING"    a member by its path from the top
//! temp>25 or humidity > 60                      a member of that name, wherever it stands
//! not (kind:event topic:app/#)                  the opposite
//! ```
//!
//! Words are looked for, whatever their case, in the topic, the device's name, the gist and the payload. A comparison
//! is true when one value that the path finds compares so; what is not there compares with nothing.

mod parse;
mod path;

use serde_json::{Number, Value};

use super::device::DeviceId;
use super::reading::Kind;
use super::topic::TopicFilter;
pub use parse::ExpressionError;
use path::Path;

/// A parsed condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Node,
    /// Whether anything in it looks into JSON; the payload is parsed only then.
    looks_inside: bool,
}

/// What a condition is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub kind: Kind,
    pub topic: &'a str,
    pub device: Option<&'a DeviceId>,
    pub device_name: Option<&'a str>,
    /// What the adapter says the message means, in a sentence.
    pub gist: &'a str,
    pub payload: &'a [u8],
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// Lower case.
    Word(String),
    Kind(Kind),
    /// Lower case: a part of the name, or the beginning of the id.
    Device(String),
    Topic(TopicFilter),
    /// Lower case: a part of the topic.
    TopicPart(String),
    Exists(Path),
    Compare(Path, Comparison, Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let root = parse::parse(text)?;
        let looks_inside = root.looks_inside();
        Ok(Self { root, looks_inside })
    }

    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let json = self
            .looks_inside
            .then(|| serde_json::from_slice(subject.payload).ok())
            .flatten();
        self.root.matches(subject, json.as_ref())
    }
}

impl Node {
    fn looks_inside(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::looks_inside),
            Self::Not(node) => node.looks_inside(),
            Self::Exists(_) | Self::Compare(..) => true,
            Self::Word(_)
            | Self::Kind(_)
            | Self::Device(_)
            | Self::Topic(_)
            | Self::TopicPart(_) => false,
        }
    }

    fn matches(&self, subject: &Subject<'_>, json: Option<&Value>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(subject, json)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(subject, json)),
            Self::Not(node) => !node.matches(subject, json),
            Self::Word(word) => subject.holds(word),
            Self::Kind(kind) => subject.kind == *kind,
            Self::Device(wanted) => subject.is_of(wanted),
            Self::Topic(filter) => filter.matches(subject.topic),
            Self::TopicPart(part) => contains(subject.topic, part),
            Self::Exists(path) => json.is_some_and(|json| path.any(json, &|_| true)),
            Self::Compare(path, comparison, wanted) => {
                json.is_some_and(|json| path.any(json, &|found| comparison.holds(found, wanted)))
            }
        }
    }
}

impl Subject<'_> {
    fn holds(&self, word: &str) -> bool {
        contains(self.topic, word)
            || contains(self.gist, word)
            || self.device_name.is_some_and(|name| contains(name, word))
            || contains(&String::from_utf8_lossy(self.payload), word)
    }

    fn is_of(&self, wanted: &str) -> bool {
        self.device_name.is_some_and(|name| contains(name, wanted))
            || self
                .device
                .is_some_and(|id| id.as_str().to_lowercase().starts_with(wanted))
    }
}

fn contains(text: &str, lower: &str) -> bool {
    text.contains(lower) || text.to_lowercase().contains(lower)
}

impl Comparison {
    fn holds(self, found: &Value, wanted: &Value) -> bool {
        let order = match (found, wanted) {
            (Value::Number(found), Value::Number(wanted)) => compare(found, wanted),
            // Many devices send their figures as text.
            (Value::String(found), Value::Number(wanted)) => serde_json::from_str(found.trim())
                .ok()
                .and_then(|found| compare(&found, wanted)),
            (Value::String(found), Value::String(wanted)) => Some(found.cmp(wanted)),
            (Value::Bool(found), Value::Bool(wanted)) => Some(found.cmp(wanted)),
            (Value::Null, Value::Null) => Some(std::cmp::Ordering::Equal),
            _ => None,
        };
        match (self, order) {
            (Self::Equal, Some(order)) => order.is_eq(),
            (Self::Different, order) => order.is_none_or(std::cmp::Ordering::is_ne),
            (Self::Less, Some(order)) => order.is_lt(),
            (Self::AtMost, Some(order)) => order.is_le(),
            (Self::Greater, Some(order)) => order.is_gt(),
            (Self::AtLeast, Some(order)) => order.is_ge(),
            (_, None) => false,
        }
    }
}

/// Whole numbers exactly, whatever their size; others as floats.
fn compare(a: &Number, b: &Number) -> Option<std::cmp::Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

#[cfg(test)]
mod tests;
