//! JSON as text, untouched: numbers and key order stay as they were, and nothing that a terminal would obey gets out.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::text::is_unsafe;

/// Deeper nesting is treated as text: readers of our lines refuse it, and some fall over it.
const MAX_DEPTH: usize = 100;

/// The JSON document in `text`, without the blanks around it; `None` when it is none or nested deeper than readers
/// stand.
pub fn document(text: &str) -> Option<&str> {
    if !is_shallow(text) {
        return None;
    }
    serde_json::from_str::<&RawValue>(text)
        .ok()
        .map(RawValue::get)
}

/// Counts brackets outside strings; right for JSON, harmless for anything else.
fn is_shallow(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// `text` as a JSON string in quotes, unsafe characters as `\u…`.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_unsafe(c) => escape(&mut out, c),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A JSON document on one line: no blanks between its parts, unsafe characters in its strings as `\u…`.
pub fn one_line(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut quoted = false;
    let mut escaped = false;
    for c in document.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' if !quoted => continue,
            _ if is_unsafe(c) => escape(&mut out, c),
            _ => out.push(c),
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    out
}

/// A value on several lines, for a person or a script; unsafe characters as `\u…`.
pub fn pretty(value: &Value) -> String {
    let text = format!("{value:#}");
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            _ if is_unsafe(c) => escape(&mut out, c),
            _ => out.push(c),
        }
    }
    out
}

fn escape(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _infallible = write!(out, "\\u{unit:04x}");
    }
}

/// What stands in place of a masked value.
const MASKED: &str = "\"(…)\"";

/// The document with the value of every member called one of `names`, at any depth, put out of sight. The rest stays as
/// it stood.
pub fn masked(document: &str, names: &[&str]) -> String {
    let mut out = String::with_capacity(document.len());
    let mut chars = document.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c != '"' {
            out.push(c);
            continue;
        }
        let end = end_of_string(&mut chars, document.len());
        let string = document.get(start..end).unwrap_or_default();
        out.push_str(string);
        let is_named =
            serde_json::from_str::<String>(string).is_ok_and(|name| names.contains(&name.as_str()));
        if is_named && let Some(after) = value_after_colon(document, end) {
            out.push(':');
            out.push_str(MASKED);
            while chars.next_if(|(at, _)| *at < after).is_some() {}
        }
    }
    out
}

/// The position after the closing quote.
fn end_of_string(chars: &mut Peekable<CharIndices<'_>>, length: usize) -> usize {
    let mut escaped = false;
    for (at, c) in chars {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    length
}

/// Where the value ends that belongs to the member name before `at`; `None` when that was no member name.
fn value_after_colon(document: &str, at: usize) -> Option<usize> {
    let rest = document.get(at..)?;
    let value = rest.trim_start().strip_prefix(':')?;
    let mut stream = serde_json::Deserializer::from_str(value).into_iter::<&RawValue>();
    stream.next()?.ok()?;
    Some(document.len() - value.len() + stream.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_keeps_numbers_key_order_and_duplicates_as_they_were() {
        let text = "{\n \"b\" : 1.0,\r\n\t\"a\": 1e400, \"b\": 12345678901234567890, \"c d\": \"x  \\\" y\u{202e}\"}";
        assert_eq!(
            one_line(text),
            r#"{"b":1.0,"a":1e400,"b":12345678901234567890,"c d":"x  \" y\u202e"}"#
        );
    }

    #[test]
    fn characters_beyond_the_first_plane_are_escaped_as_pairs() {
        assert_eq!(quote("\u{e0041}\u{7f}\0"), r#""\udb40\udc41\u007f\u0000""#);
        let back: String = serde_json::from_str(&quote("\u{e0041}\u{7f}\0거")).expect("JSON");
        assert_eq!(back, "\u{e0041}\u{7f}\0거");
    }

    #[test]
    fn a_masked_member_is_gone_at_any_depth_and_the_rest_is_untouched() {
        let text = r#"{"id": 1.0, "key":{"a":[1,"}"]}, "deep": [{"k\u0065y" : "s3cret"}], "note": "key", "n": 7}"#;
        assert_eq!(
            masked(text, &["key"]),
            r#"{"id": 1.0, "key":"(…)", "deep": [{"k\u0065y":"(…)"}], "note": "key", "n": 7}"#
        );
        assert_eq!(masked(r#"{"key":12}"#, &["key"]), r#"{"key":"(…)"}"#);
    }

    #[test]
    fn nesting_that_readers_refuse_is_no_document() {
        assert!(document(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_some());
        assert!(document(&format!("{}{}", "[".repeat(101), "]".repeat(101))).is_none());
        assert_eq!(document(" {\"a\":\"[[\\\"\"} "), Some("{\"a\":\"[[\\\"\"}"));
        assert_eq!(document("{\"a\":1} x"), None);
    }
}
