//! Where a value stands in a JSON document, and finding it without building the document.
//!
//! The payload is read once from left to right; only a value that the path names is made. That is several times faster
//! than a tree, and a number too large for a tree (`1e400`) elsewhere in the document spoils nothing.

use std::fmt;

use memchr::{memchr, memmem};
use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// More steps than this are no path that a person types.
pub(super) const MAX_STEPS: usize = 60;

/// From the top (`.report.list[0].x`), or a member chain found anywhere (`currentState`, `runState.currentState`).
#[derive(Debug, Clone)]
pub(super) struct Path {
    anywhere: bool,
    steps: Vec<Step>,
    /// The longest member name: a payload without it has no such value.
    name: Option<Box<memmem::Finder<'static>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Index(usize),
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        (self.anywhere, &self.steps) == (other.anywhere, &other.steps)
    }
}

impl Path {
    pub(super) fn new(anywhere: bool, steps: Vec<Step>) -> Self {
        let names = steps.iter().filter_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            Step::Index(_) => None,
        });
        let longest = names.max_by_key(|name| name.len());
        Self {
            name: longest.map(|name| Box::new(memmem::Finder::new(name).into_owned())),
            anywhere,
            steps,
        }
    }

    /// Whether a value can be there at all. A backslash may hide a name: then only reading tells.
    pub(super) fn may_be_in(&self, payload: &[u8]) -> bool {
        self.name
            .as_ref()
            .is_none_or(|name| name.find(payload).is_some() || memchr(b'\\', payload).is_some())
    }

    /// Whether `test` holds for any value that the path finds. A payload that is no JSON has none.
    pub(super) fn any(&self, payload: &[u8], test: &dyn Fn(&Value) -> bool) -> bool {
        let mut found = false;
        let mut reader = serde_json::Deserializer::from_slice(payload);
        let seek = Seek {
            path: self,
            matched: 1,
            test,
            found: &mut found,
        };
        seek.deserialize(&mut reader).is_ok() && reader.end().is_ok() && found
    }

    /// A bit for each number of steps that a value's place has matched so far.
    fn member(&self, matched: u64, name: &str) -> u64 {
        self.step(
            matched,
            |step| matches!(step, Step::Member(member) if member == name),
        )
    }

    fn index(&self, matched: u64, index: usize) -> u64 {
        self.step(
            matched,
            |step| matches!(step, Step::Index(at) if *at == index),
        )
    }

    fn step(&self, matched: u64, fits: impl Fn(&Step) -> bool) -> u64 {
        let mut next = u64::from(self.anywhere);
        for (at, step) in self.steps.iter().enumerate() {
            if matched & (1 << at) != 0 && fits(step) {
                next |= 1 << (at + 1);
            }
        }
        next
    }

    const fn is_there(&self, matched: u64) -> bool {
        matched & (1 << self.steps.len()) != 0
    }

    /// The same in a value that had to be made.
    fn any_in(&self, value: &Value, matched: u64, test: &dyn Fn(&Value) -> bool) -> bool {
        if matched == 0 {
            return false;
        }
        (self.is_there(matched) && test(value))
            || match value {
                Value::Object(members) => members
                    .iter()
                    .any(|(name, value)| self.any_in(value, self.member(matched, name), test)),
                Value::Array(items) => items
                    .iter()
                    .enumerate()
                    .any(|(at, value)| self.any_in(value, self.index(matched, at), test)),
                _ => false,
            }
    }
}

struct Seek<'p> {
    path: &'p Path,
    matched: u64,
    test: &'p dyn Fn(&Value) -> bool,
    found: &'p mut bool,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if *self.found || self.matched == 0 {
            return IgnoredAny::deserialize(reader).map(|_ignored| ());
        }
        if self.path.is_there(self.matched) {
            let value = Value::deserialize(reader)?;
            *self.found = self.path.any_in(&value, self.matched, self.test);
            return Ok(());
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (path, matched) = (self.path, self.matched);
        while let Some(matched) = members.next_key_seed(Name { path, matched })? {
            members.next_value_seed(Seek {
                path,
                matched,
                test: self.test,
                found: self.found,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for at in 0.. {
            let seek = Seek {
                path: self.path,
                matched: self.path.index(self.matched, at),
                test: self.test,
                found: self.found,
            };
            if items.next_element_seed(seek)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a member's name and answers what its value's place has matched.
struct Name<'p> {
    path: &'p Path,
    matched: u64,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<u64, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<u64, E> {
        Ok(self.path.member(self.matched, name))
    }
}
