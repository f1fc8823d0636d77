//! A value of any format, with nothing rounded, reordered or merged.

use std::fmt;

use crate::base::moment::Timestamp;
use crate::domain::json;

/// Nesting beyond this is not taken apart: readers of our lines refuse it, and recursion has to end somewhere.
pub const MAX_DEPTH: usize = 100;

/// What the formats have in common. Numbers are their digits, keys keep their order and may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    /// As it stood (`1e400`, `1.0`), or all the digits that a binary number needs.
    Number(String),
    Text(Literal),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    /// Keys are values: CBOR and MessagePack allow any.
    Map(Vec<(Self, Self)>),
    /// A value with what its format says of it beside: a tag, a type, a time.
    Noted(Box<(String, Self)>),
    /// Not to be seen: a secret.
    Hidden,
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(Literal::new(text))
    }

    pub fn number(number: impl fmt::Display) -> Self {
        Self::Number(number.to_string())
    }

    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self::Noted(Box::new((note.into(), self)))
    }

    /// Milliseconds since 1970, with the time they stand for beside.
    pub fn millis(millis: u64) -> Self {
        let number = Self::number(millis);
        match i64::try_from(millis).ok().and_then(|m| m.checked_mul(1000)) {
            Some(micros) => number.noted(Timestamp(micros).to_string()),
            None => number,
        }
    }

    /// Without what is said beside it.
    pub fn bare(&self) -> &Self {
        let mut value = self;
        while let Self::Noted(noted) = value {
            value = &noted.1;
        }
        value
    }

    /// Lists and maps have something inside.
    pub fn is_container(&self) -> bool {
        matches!(self.bare(), Self::List(_) | Self::Map(_))
    }

    /// On one line as JSON would write it; bytes, odd keys and notes in words. At most about `limit` characters.
    pub fn line(&self, limit: usize) -> String {
        let mut out = String::new();
        self.write(&mut out, limit);
        if out.len() > limit {
            let cut = out.floor_char_boundary(limit);
            out.truncate(cut);
            out.push('…');
        }
        out
    }

    /// All of it as JSON: bytes as hex, odd keys as text, what is not to be seen as null.
    pub fn json(&self, out: &mut String) {
        match self {
            Self::Null | Self::Hidden => out.push_str("null"),
            Self::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            // JSON has no word for infinity.
            Self::Number(digits) if digits.ends_with(|c: char| c.is_ascii_digit()) => {
                out.push_str(digits);
            }
            Self::Number(digits) => out.push_str(&json::quote(digits)),
            Self::Text(literal) => out.push_str(literal.as_str()),
            Self::Bytes(bytes) => {
                out.push('"');
                for byte in bytes {
                    out.push_str(&format!("{byte:02x}"));
                }
                out.push('"');
            }
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    item.json(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (n, (key, value)) in entries.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    match key.bare() {
                        Self::Text(literal) => out.push_str(literal.as_str()),
                        other => out.push_str(&json::quote(&other.line(60))),
                    }
                    out.push(':');
                    value.json(out);
                }
                out.push('}');
            }
            Self::Noted(noted) => noted.1.json(out),
        }
    }

    fn write(&self, out: &mut String, limit: usize) {
        if out.len() > limit {
            return;
        }
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(literal) => out.push_str(literal.as_str()),
            Self::Bytes(bytes) => out.push_str(&bytes_line(bytes)),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate().take(limit) {
                    if n > 0 {
                        out.push(',');
                    }
                    item.write(out, limit);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (n, (key, value)) in entries.iter().enumerate().take(limit) {
                    if n > 0 {
                        out.push(',');
                    }
                    key.write(out, limit);
                    out.push(':');
                    value.write(out, limit);
                }
                out.push('}');
            }
            Self::Noted(noted) => noted.1.write(out, limit),
            Self::Hidden => out.push_str("(…)"),
        }
    }

    /// Puts the value of every member called one of `names` out of sight, at any depth.
    pub fn mask(&mut self, names: &[&str]) {
        match self {
            Self::List(items) => items.iter_mut().for_each(|item| item.mask(names)),
            Self::Map(entries) => {
                for (key, value) in entries {
                    if key.is_named(names) {
                        *value = Self::Hidden;
                    } else {
                        value.mask(names);
                    }
                }
            }
            Self::Noted(noted) => noted.1.mask(names),
            _ => {}
        }
    }

    fn is_named(&self, names: &[&str]) -> bool {
        let Self::Text(literal) = self.bare() else {
            return false;
        };
        literal
            .plain()
            .is_some_and(|name| names.contains(&name.as_str()))
    }

    /// The same but for what is said beside it.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self.bare(), other.bare()) {
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_like(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|(a, b)| a.0.is_like(&b.0) && a.1.is_like(&b.1))
            }
            (a, b) => a == b,
        }
    }
}

/// `12 bytes: 00 01 02 …`
pub fn bytes_line(bytes: &[u8]) -> String {
    const SHOWN: usize = 48;
    let mut out = match bytes.len() {
        1 => "1 byte:".to_owned(),
        n => format!("{n} bytes:"),
    };
    for byte in bytes.iter().take(SHOWN) {
        out.push_str(&format!(" {byte:02x}"));
    }
    if bytes.len() > SHOWN {
        out.push_str(" …");
    }
    out
}

/// A text as JSON writes it, quotes included; one that came as JSON is as it stood, escapes and all.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Literal(String);

impl Literal {
    pub fn new(text: &str) -> Self {
        Self(json::quote(text))
    }

    /// A string of a JSON document, quotes included.
    pub(super) fn as_stood(literal: &str) -> Self {
        Self(literal.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says; `None` for half a surrogate pair, which no text can hold.
    pub fn plain(&self) -> Option<String> {
        serde_json::from_str(&self.0).ok()
    }

    /// The name alone, where it can stand in a path without quotes.
    pub fn name(&self) -> Option<&str> {
        let inside = self.0.strip_prefix('"')?.strip_suffix('"')?;
        let mut chars = inside.chars();
        let first = chars.next()?;
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        ((first.is_alphabetic() || first == '_') && chars.all(plain)).then_some(inside)
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a path, as jq writes it: `.name`, `["odd key"]`, `[3]`.
pub fn path_step(key: &Value) -> String {
    match key.bare() {
        Value::Text(literal) => match literal.name() {
            Some(name) => format!(".{name}"),
            None => format!("[{}]", literal.as_str()),
        },
        other => format!("[{}]", other.line(60)),
    }
}

/// The shortest digits that give the number back.
pub fn float(number: f64) -> String {
    format!("{number:?}")
}

pub fn float32(number: f32) -> String {
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_quotes_only_what_it_must() {
        let step = |key: Value| path_step(&key);
        assert_eq!(step(Value::text("runState")), ".runState");
        assert_eq!(step(Value::text("거실")), ".거실");
        assert_eq!(step(Value::text("odd key")), "[\"odd key\"]");
        assert_eq!(step(Value::text("1st")), "[\"1st\"]");
        assert_eq!(step(Value::number(3)), "[3]");
    }

    #[test]
    fn a_long_value_on_one_line_is_cut_not_built() {
        let list = Value::List(vec![Value::text("한글"); 100_000]);
        assert!(list.line(50).len() < 80, "{}", list.line(50));
        assert_eq!(Value::Bytes(vec![1, 255]).line(50), "2 bytes: 01 ff");
    }

    #[test]
    fn a_number_that_json_cannot_say_is_a_text_in_it() {
        let said = |number: f64| {
            let mut out = String::new();
            Value::Number(float(number)).json(&mut out);
            out
        };
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5, 1e300];
        assert_eq!(
            numbers.map(said),
            ["\"NaN\"", "\"inf\"", "\"-inf\"", "-0.5", "1e300"]
        );
        let mut out = String::new();
        Value::Number("1e400".to_owned()).json(&mut out);
        assert_eq!(out, "1e400");
    }

    #[test]
    fn a_masked_member_is_gone_at_any_depth() {
        let inner = Value::Map(vec![(Value::text("key"), Value::text("s3cret"))]);
        let mut value = Value::Map(vec![(Value::text("a"), Value::List(vec![inner]))]);
        value.mask(&["key"]);
        assert_eq!(value.line(100), "{\"a\":[{\"key\":(…)}]}");
    }
}
