//! JSON as a tree of the text it came as. Objects are merged member by member; everything else, arrays too, is one leaf
//! that is replaced whole (AWS IoT, "Device Shadow service documents").

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::number;
use crate::base::moment::Timestamp;
use crate::domain::{json, payload};

/// A value: an object, or a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Members in the order they came; each name once.
    Object(Vec<(String, Self)>),
    Leaf(Leaf),
}

/// A string, a number, a word or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// JSON on one line, numbers as they were written.
    pub raw: Arc<str>,
    /// When it was set last, as the document's metadata says.
    pub at: Option<Timestamp>,
}

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotJson {
    /// From 1.
    pub line: usize,
    pub why: String,
}

impl Leaf {
    pub fn new(raw: &str) -> Self {
        Self {
            raw: Arc::from(json::one_line(raw.trim())),
            at: None,
        }
    }

    pub fn is_null(&self) -> bool {
        &*self.raw == "null"
    }

    /// The same value, however it is written.
    pub fn same(&self, other: &Self) -> bool {
        self.raw == other.raw
            || number::same(&self.raw, &other.raw)
            || same_words(&self.raw, &other.raw)
            || same_items(&self.raw, &other.raw)
    }
}

/// Without ` at line 2 column 18`.
fn words_of(error: &str) -> &str {
    error.split(" at line ").next().unwrap_or(error)
}

fn same_words(a: &str, b: &str) -> bool {
    let words = |raw| serde_json::from_str::<String>(raw).ok();
    words(a).is_some_and(|a| Some(a) == words(b))
}

fn items(raw: &str) -> Option<Vec<Node>> {
    let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    Some(items.iter().map(|item| Node::read(item.get())).collect())
}

fn same_items(a: &str, b: &str) -> bool {
    let (Some(a), Some(b)) = (items(a), items(b)) else {
        return false;
    };
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.same(b))
}

impl Node {
    pub const fn empty() -> Self {
        Self::Object(Vec::new())
    }

    pub fn parse(text: &str) -> Result<Self, NotJson> {
        if json::document(text).is_some() {
            return Ok(Self::read(text));
        }
        let error = serde_json::from_str::<&RawValue>(text).err();
        Err(error.map_or_else(
            || NotJson {
                line: 1,
                why: "nested too deep".to_owned(),
            },
            |error| NotJson {
                line: error.line().max(1),
                // The line is told beside it.
                why: words_of(&error.to_string()).to_owned(),
            },
        ))
    }

    /// Of text that is known to be JSON.
    fn read(text: &str) -> Self {
        let text = text.trim();
        if !text.starts_with('{') {
            return Self::Leaf(Leaf::new(text));
        }
        let Ok(Members(members)) = serde_json::from_str(text) else {
            return Self::Leaf(Leaf::new(text));
        };
        // The last of several members of one name counts, at the place of the first.
        let mut out: Vec<(String, Self)> = Vec::with_capacity(members.len());
        let mut places = HashMap::with_capacity(members.len());
        for (name, raw) in members {
            let node = Self::read(raw.get());
            if let Some(at) = places.get(&name) {
                let place: &mut (String, Self) = &mut out[*at];
                place.1 = node;
            } else {
                places.insert(name.clone(), out.len());
                out.push((name, node));
            }
        }
        Self::Object(out)
    }

    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, node)| node),
            Self::Leaf(_) => None,
        }
    }

    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Leaf(leaf) if leaf.is_null())
    }

    /// An object without members.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Object(members) if members.is_empty())
    }

    /// A whole number of 0 or more.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Leaf(leaf) => leaf.raw.parse().ok(),
            Self::Object(_) => None,
        }
    }

    /// What a string says.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Leaf(leaf) => serde_json::from_str(&leaf.raw).ok(),
            Self::Object(_) => None,
        }
    }

    /// The items of an array.
    pub fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::Leaf(leaf) => items(&leaf.raw),
            Self::Object(_) => None,
        }
    }

    /// On one line, without blanks.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Leaf(leaf) => out.push_str(&leaf.raw),
            Self::Object(members) => {
                out.push('{');
                for (at, (name, node)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&json::quote(name));
                    out.push(':');
                    node.write(out);
                }
                out.push('}');
            }
        }
    }

    /// On several lines, for a person to read and change.
    pub fn pretty(&self) -> String {
        let text = self.text();
        let Some(lines) = payload::pretty(text.as_bytes()) else {
            return text;
        };
        let lines: Vec<String> = lines
            .into_iter()
            .map(|line| line.into_iter().map(|piece| piece.text).collect())
            .collect();
        lines.join("\n")
    }

    /// The same value, however it is written; the order of members is none.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => a.same(b),
            (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(name, node)| {
                        other.member(name).is_some_and(|other| node.same(other))
                    })
            }
            _ => false,
        }
    }

    /// Members of `patch` replace ours, objects are merged, `null` takes a member away.
    pub fn merge(&mut self, patch: &Self) {
        let Self::Object(changes) = patch else {
            *self = patch.clone();
            return;
        };
        if !self.is_object() {
            *self = Self::empty();
        }
        let Self::Object(members) = self else { return };
        for (name, change) in changes {
            let at = members.iter().position(|(known, _)| known == name);
            match (at, change) {
                (Some(at), change) if change.is_null() => {
                    members.remove(at);
                }
                (None, change) if change.is_null() => {}
                (Some(at), change) => members[at].1.merge(change),
                (None, change) => {
                    let mut node = Self::empty();
                    node.merge(change);
                    members.push((name.clone(), node));
                }
            }
        }
    }

    /// The smallest patch that makes `after` of `before`; `None` where they are the same.
    pub fn patch(before: &Self, after: &Self) -> Option<Self> {
        let (Self::Object(old), Self::Object(new)) = (before, after) else {
            return (!before.same(after)).then(|| after.clone());
        };
        let mut changes = Vec::new();
        for (name, node) in new {
            match before.member(name) {
                None if node.is_null() => {}
                None => changes.push((name.clone(), node.clone())),
                Some(known) => {
                    changes.extend(Self::patch(known, node).map(|patch| (name.clone(), patch)));
                }
            }
        }
        for (name, _) in old {
            if after.member(name).is_none() {
                changes.push((name.clone(), Self::Leaf(Leaf::new("null"))));
            }
        }
        (!changes.is_empty()).then_some(Self::Object(changes))
    }

    /// What is desired and not reported: the path down from the root, whole arrays, nothing that is only reported.
    pub fn delta(desired: &Self, reported: Option<&Self>) -> Option<Self> {
        let (Self::Object(wanted), known) = (desired, reported) else {
            let met = reported.is_some_and(|reported| reported.same(desired));
            return (!met).then(|| desired.clone());
        };
        let members: Vec<_> = wanted
            .iter()
            .filter_map(|(name, node)| {
                let known = known.and_then(|known| known.member(name));
                Some((name.clone(), Self::delta(node, known)?))
            })
            .collect();
        (!members.is_empty()).then_some(Self::Object(members))
    }

    /// The leaves with the times that the same tree of `{"timestamp":seconds}` has for them.
    #[must_use]
    pub fn timed(self, metadata: Option<&Self>) -> Self {
        match self {
            Self::Object(members) => Self::Object(
                members
                    .into_iter()
                    .map(|(name, node)| {
                        let times = metadata.and_then(|times| times.member(&name));
                        (name, node.timed(times))
                    })
                    .collect(),
            ),
            Self::Leaf(leaf) => Self::Leaf(Leaf {
                at: metadata.and_then(Self::time).or(leaf.at),
                ..leaf
            }),
        }
    }

    /// `{"timestamp":1}`, or the latest of an array of them.
    fn time(&self) -> Option<Timestamp> {
        let seconds = match self {
            Self::Object(_) => self.member("timestamp")?.number()?,
            Self::Leaf(leaf) => latest(&serde_json::from_str(&leaf.raw).ok()?)?,
        };
        Some(Timestamp::from_seconds(i64::try_from(seconds).ok()?))
    }

    /// Whether an array somewhere below holds `null`, which the service refuses.
    pub fn has_null_in_array(&self) -> bool {
        match self {
            Self::Object(members) => members.iter().any(|(_, node)| node.has_null_in_array()),
            Self::Leaf(leaf) => {
                leaf.raw.starts_with('[')
                    && serde_json::from_str(&leaf.raw).is_ok_and(|value| holds_null(&value))
            }
        }
    }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| item.is_null() || holds_null(item)),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}

fn latest(value: &Value) -> Option<u64> {
    match value {
        Value::Array(items) => items.iter().filter_map(latest).max(),
        Value::Object(members) => match members.get("timestamp") {
            Some(Value::Number(number)) => number.as_u64(),
            _ => members.values().filter_map(latest).max(),
        },
        _ => None,
    }
}

/// An object's members as they stand, duplicates too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let raw = map
                        .next_value::<&'de RawValue>()
                        .map_err(de::Error::custom)?;
                    members.push((name, raw));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn node(text: &str) -> Node {
        Node::parse(text).expect("JSON")
    }

    #[test]
    fn no_number_is_altered_and_no_key_moved() {
        let text = r#"{"b":1.10,"a":{"z":12345678901234567890,"y":1e400},"c":[1.0,{"k":2.50}],"거실":"\u0041"}"#;
        assert_eq!(node(text).text(), text);
        assert_eq!(node(&node(text).pretty()).text(), text);
    }

    #[test]
    fn the_last_of_two_members_of_one_name_counts() {
        assert_eq!(node(r#"{"a":1,"b":2,"a":3}"#).text(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn null_takes_away_and_arrays_are_replaced_whole() {
        let mut known = node(r#"{"a":{"x":1,"y":[1,2,3]},"b":true}"#);
        known.merge(&node(
            r#"{"a":{"x":null,"y":[9],"z":{"n":null,"m":1}},"b":{"c":0}}"#,
        ));
        assert_eq!(known.text(), r#"{"a":{"y":[9],"z":{"m":1}},"b":{"c":0}}"#);
    }

    #[test]
    fn the_delta_is_what_is_desired_and_not_reported() {
        let desired = node(r#"{"t":24.0,"led":{"r":255,"g":0},"list":[1,2],"new":{"a":1}}"#);
        let reported = node(r#"{"t":24,"led":{"r":255,"g":9,"b":3},"list":[1],"only":1}"#);
        let delta = Node::delta(&desired, Some(&reported)).expect("they differ");
        assert_eq!(
            delta.text(),
            r#"{"led":{"g":0},"list":[1,2],"new":{"a":1}}"#
        );
        assert_eq!(Node::delta(&desired, Some(&desired)), None);
    }

    #[test]
    fn a_leaf_has_the_time_of_its_metadata_and_an_array_the_latest() {
        let state = node(r#"{"timestamp":1,"a":[1,2],"n":{"x":2}}"#);
        let times = node(
            r#"{"timestamp":{"timestamp":10},"a":[{"timestamp":11},{"timestamp":12}],"n":{"x":{"timestamp":13}}}"#,
        );
        let dated = state.timed(Some(&times));
        let at = |path: &[&str]| {
            let found = path
                .iter()
                .try_fold(&dated, |node, name| node.member(name))
                .expect("it is there");
            match found {
                Node::Leaf(leaf) => leaf.at.map(Timestamp::seconds),
                Node::Object(_) => None,
            }
        };
        assert_eq!(
            [at(&["timestamp"]), at(&["a"]), at(&["n", "x"])],
            [Some(10), Some(12), Some(13)]
        );
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = Node::parse("{\n \"a\": 1,\n \"b\": }").expect_err("no JSON");
        assert_eq!(error.line, 3);
        assert!(Node::parse(&"[".repeat(400)).is_err());
        assert!(Node::parse(&format!("{}{}", "[".repeat(400), "]".repeat(400))).is_err());
    }

    #[test]
    fn null_inside_an_array_is_found() {
        assert!(node(r#"{"a":{"b":[1,[null]]}}"#).has_null_in_array());
        assert!(!node(r#"{"a":null,"b":["null"]}"#).has_null_in_array());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(true)),
            (0..4_i32).prop_map(|n| json!(n)),
            "[ab]".prop_map(|s| json!(s)),
            proptest::collection::vec(0..3_i32, 0..3).prop_map(|list| json!(list)),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            proptest::collection::btree_map("[a-d]", inner, 1..4).prop_map(|members| json!(members))
        })
    }

    fn object() -> impl Strategy<Value = Value> {
        proptest::collection::btree_map("[a-d]", value(), 0..4).prop_map(|m| json!(m))
    }

    /// The delta once more, from the words of AWS's guide and on plain values.
    fn plain_delta(desired: &Value, reported: &Value) -> Value {
        let empty = Map::new();
        let known = reported.as_object().unwrap_or(&empty);
        let mut out = Map::new();
        for (name, wanted) in desired.as_object().expect("an object") {
            match (wanted, known.get(name)) {
                (wanted, Some(there)) if wanted == there => {}
                (Value::Object(_), Some(there)) => {
                    let below = plain_delta(wanted, there);
                    if below != json!({}) {
                        out.insert(name.clone(), below);
                    }
                }
                (wanted, _) => {
                    out.insert(name.clone(), wanted.clone());
                }
            }
        }
        Value::Object(out)
    }

    fn back(node: &Node) -> Value {
        serde_json::from_str(&node.text()).expect("JSON")
    }

    proptest! {
        #[test]
        fn a_patch_makes_the_one_of_the_other(before in object(), after in object()) {
            let (old, new) = (node(&before.to_string()), node(&after.to_string()));
            let mut made = old.clone();
            match Node::patch(&old, &new) {
                Some(patch) => made.merge(&patch),
                None => prop_assert!(old.same(&new)),
            }
            prop_assert!(made.same(&new), "{} is not {}", made.text(), new.text());
        }

        #[test]
        fn the_delta_agrees_with_the_guide(desired in object(), reported in object()) {
            let delta = Node::delta(&node(&desired.to_string()), Some(&node(&reported.to_string())));
            let found = delta.map_or(json!({}), |delta| back(&delta));
            prop_assert_eq!(found, plain_delta(&desired, &reported));
        }

        #[test]
        fn a_device_that_reports_the_delta_has_none_left(desired in object(), reported in object()) {
            let (desired, mut reported) = (node(&desired.to_string()), node(&reported.to_string()));
            if let Some(delta) = Node::delta(&desired, Some(&reported)) {
                reported.merge(&delta);
            }
            prop_assert_eq!(Node::delta(&desired, Some(&reported)), None);
        }

        #[test]
        fn any_json_reads_back_as_it_was(value in object()) {
            prop_assert_eq!(back(&node(&value.to_string())), value);
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,80}") {
            if let Ok(node) = Node::parse(&text) {
                prop_assert!(Node::parse(&node.text()).is_ok());
            }
        }
    }
}
