//! Where a value stands in a JSON document, and finding it without building the document.
//!
//! The payload is read once from left to right and nothing is made of it: a value that the path names is looked at where it
//! stands. That is several times faster than a tree, and no number is rounded and no repeated key forgotten on the way.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::number;

/// More steps than this are no path that a person types.
pub(super) const MAX_STEPS: usize = 60;
/// Deeper documents are none: reading them recurses.
const DEEPEST: usize = 256;

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
    /// `[]`: whatever stands in it.
    Each,
}

/// A value as it stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Null,
    Bool(bool),
    /// A number of JSON.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object or an array.
    Container,
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
            Step::Index(_) | Step::Each => None,
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

    /// The last member's name.
    pub(super) fn last_name(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            Step::Index(_) | Step::Each => None,
        })
    }

    /// Whether `fits` holds for any value that the path finds. A payload that is no JSON has none. Where documents stand one
    /// behind the other, each is looked at from its own top, and as an item of a list of them.
    pub(super) fn any(&self, payload: &[u8], fits: &dyn Fn(&Found<'_>) -> bool) -> bool {
        let Ok(text) = std::str::from_utf8(payload) else {
            return false;
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut scan = Scan {
            text,
            bytes: text.as_bytes(),
            at: 0,
            path: self,
            fits,
            found: false,
        };
        let first = scan.value(1, 0);
        if first.is_none() || scan.is_at_end() {
            return first.is_some() && scan.found;
        }
        if !text.trim_start().starts_with(['{', '[']) {
            return false;
        }
        (scan.at, scan.found) = (0, false);
        for index in 0.. {
            if scan.is_at_end() {
                break;
            }
            if scan.value(1 | self.index(1, index), 1).is_none() {
                return false;
            }
        }
        scan.found
    }

    /// A bit for each number of steps that a value's place has matched so far.
    fn member(&self, matched: u64, name: &str) -> u64 {
        self.step(matched, |step| match step {
            Step::Member(member) => member == name,
            Step::Index(_) => false,
            Step::Each => true,
        })
    }

    fn index(&self, matched: u64, index: usize) -> u64 {
        self.step(matched, |step| match step {
            Step::Member(_) => false,
            Step::Index(at) => *at == index,
            Step::Each => true,
        })
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
}

/// Goes over a document, to its end: what is broken there is no document. `None` where it is.
///
/// Written for the byte, not for beauty: it goes over every payload that may have the member.
struct Scan<'a, 'p> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    path: &'p Path,
    fits: &'p dyn Fn(&Found<'_>) -> bool,
    found: bool,
}

impl Scan<'_, '_> {
    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while self.at < self.bytes.len() {
            let byte = self.bytes[self.at];
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// The end, or NULs up to there: so strings of C end.
    fn is_at_end(&mut self) -> bool {
        self.peek();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().all(|byte| *byte == 0)
    }

    fn value(&mut self, matched: u64, depth: usize) -> Option<()> {
        let is_there = !self.found && self.path.is_there(matched);
        let byte = self.peek()?;
        let start = self.at;
        match byte {
            b'{' | b'[' => return self.container(byte, matched, depth),
            b'"' => {
                let string = self.string()?;
                if is_there {
                    self.found = (self.fits)(&Found::Text(string.said()));
                }
            }
            b't' => {
                self.word("true")?;
                self.found |= is_there && (self.fits)(&Found::Bool(true));
            }
            b'f' => {
                self.word("false")?;
                self.found |= is_there && (self.fits)(&Found::Bool(false));
            }
            b'n' => {
                self.word("null")?;
                self.found |= is_there && (self.fits)(&Found::Null);
            }
            _ => {
                self.at += number::length(&self.bytes[start..])?;
                if is_there {
                    let digits = self.text.get(start..self.at)?;
                    self.found = (self.fits)(&Found::Number(digits));
                }
            }
        }
        Some(())
    }

    fn container(&mut self, byte: u8, matched: u64, depth: usize) -> Option<()> {
        if !self.found && self.path.is_there(matched) {
            self.found = (self.fits)(&Found::Container);
        }
        if depth == DEEPEST {
            return None;
        }
        self.at += 1;
        if byte == b'{' {
            self.object(matched, depth)
        } else {
            self.array(matched, depth)
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.text.get(self.at..self.at + word.len())?;
        self.at += word.len();
        (found == word).then_some(())
    }

    fn object(&mut self, matched: u64, depth: usize) -> Option<()> {
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            if self.peek()? != b'"' {
                return None;
            }
            let name = self.string()?;
            if self.peek()? != b':' {
                return None;
            }
            self.at += 1;
            let next = if matched == 0 || self.found {
                0
            } else {
                self.path.member(matched, &name.said())
            };
            self.value(next, depth + 1)?;
            if self.is_last(b'}')? {
                return Some(());
            }
        }
    }

    fn array(&mut self, matched: u64, depth: usize) -> Option<()> {
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        for index in 0.. {
            let next = if matched == 0 || self.found {
                0
            } else {
                self.path.index(matched, index)
            };
            self.value(next, depth + 1)?;
            if self.is_last(b']')? {
                break;
            }
        }
        Some(())
    }

    /// A comma, or the end of what is open.
    fn is_last(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(false),
            byte if byte == end => Some(true),
            _ => None,
        }
    }
}

impl<'a> Scan<'a, '_> {
    fn string(&mut self) -> Option<Quoted<'a>> {
        let bytes = self.bytes;
        let from = self.at + 1;
        let (mut at, mut escaped) = (from, false);
        while at < bytes.len() {
            let byte = bytes[at];
            if byte == b'"' {
                self.at = at + 1;
                let inside = self.text.get(from..at)?;
                return Some(Quoted { inside, escaped });
            }
            if byte == b'\\' {
                escaped = true;
                at += 1;
            } else if byte < b' ' {
                return None;
            }
            at += 1;
        }
        None
    }
}

/// What stands between the quotes of a string.
struct Quoted<'a> {
    inside: &'a str,
    escaped: bool,
}

impl<'a> Quoted<'a> {
    fn said(&self) -> Cow<'a, str> {
        if self.escaped {
            said(self.inside)
        } else {
            Cow::Borrowed(self.inside)
        }
    }
}

/// What stands between the quotes of a string, without escapes. Half a surrogate pair stays as it is written.
pub(super) fn said(inside: &str) -> Cow<'_, str> {
    if memchr(b'\\', inside.as_bytes()).is_none() {
        return Cow::Borrowed(inside);
    }
    let plain = serde_json::from_str(&format!("\"{inside}\""));
    plain.map_or(Cow::Borrowed(inside), Cow::Owned)
}
