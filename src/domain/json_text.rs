//! JSON that is being typed: is it valid, where is it not, and how it looks laid out. Placeholders (`{{seq}}`) count as
//! what they will become.

use serde::de::IgnoredAny;

use super::placeholder;

/// What a text is, as far as JSON goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonState {
    Empty,
    Valid,
    /// Begins like an object or an array and is none. Line and column count from 1, columns in characters.
    Broken {
        line: usize,
        column: usize,
        why: String,
    },
    /// Was not meant to be JSON.
    NotJson,
}

/// Placeholders in `text` count as a number or, inside quotes, as a text.
pub fn check(text: &str) -> JsonState {
    let stood_in = placeholder::stand_ins(text);
    let trimmed = stood_in.trim();
    if trimmed.is_empty() {
        return JsonState::Empty;
    }
    match serde_json::from_str::<IgnoredAny>(&stood_in) {
        Ok(IgnoredAny) => JsonState::Valid,
        Err(_) if !trimmed.starts_with(['{', '[']) => JsonState::NotJson,
        Err(error) => {
            let (line, column) = place(&stood_in, error.line(), error.column());
            JsonState::Broken {
                line,
                column,
                why: words(&error.to_string()),
            }
        }
    }
}

/// serde_json counts bytes, and puts what ends with a line at column 0 of the next one.
fn place(text: &str, line: usize, bytes: usize) -> (usize, usize) {
    let lines = |line: usize| text.split('\n').nth(line.saturating_sub(1)).unwrap_or("");
    if bytes == 0 && line > 1 {
        return (line - 1, lines(line - 1).chars().count().max(1));
    }
    let found = lines(line);
    let before = found.get(..found.floor_char_boundary(bytes));
    (line, before.map_or(1, |b| b.chars().count()).max(1))
}

/// Without ` at line 1 column 2`.
fn words(error: &str) -> String {
    let words = error
        .rsplit_once(" at line ")
        .map_or(error, |(words, _)| words);
    if words.starts_with("EOF while parsing") {
        return "it ends too early".to_owned();
    }
    words.to_owned()
}

/// A longer text is not laid out: deep nesting makes many times as much of it.
const LONGEST_LAID_OUT: usize = 4 * 1024 * 1024;

/// Laid out with two blanks a level; only white space moves, so numbers, key order and duplicates stay. `None` when it is
/// no valid JSON, or would become too long.
pub fn laid_out(text: &str) -> Option<String> {
    if check(text) != JsonState::Valid {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        if out.len() + 2 * depth > LONGEST_LAID_OUT {
            return None;
        }
        let length = token_length(rest, c);
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match c {
            '{' | '[' if length == 1 => {
                let close = if c == '{' { '}' } else { ']' };
                out.push(c);
                if let Some(after) = rest.strip_prefix(close) {
                    out.push(close);
                    rest = after.trim_start();
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push_str(token.trim_end()),
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

/// Bytes of the token that `rest` begins with; a placeholder is one.
fn token_length(rest: &str, first: char) -> usize {
    match first {
        '"' => string_length(rest),
        '{' if rest.starts_with("{{") && !rest.starts_with("{{{") => {
            rest.find("}}").map_or(1, |end| end + 2)
        }
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        _ => rest
            .find(['{', '}', '[', ']', ',', ':', '"', ' ', '\n', '\r', '\t'])
            .unwrap_or(rest.len())
            .max(first.len_utf8()),
    }
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> (usize, usize) {
        match check(text) {
            JsonState::Broken { line, column, .. } => (line, column),
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn it_is_said_where_json_is_broken() {
        assert_eq!(check(""), JsonState::Empty);
        assert_eq!(check("{\"a\": 1}"), JsonState::Valid);
        assert_eq!(check("21.5"), JsonState::Valid);
        assert_eq!(check("on"), JsonState::NotJson);
        assert_eq!(broken("{\n  \"on\": tru\n}").0, 2);
        assert_eq!(broken("{\"거실\": x}"), (1, 8));
        assert_eq!(
            check("{\"n\": {{seq}}, \"id\": \"{{uuid}}\"}"),
            JsonState::Valid
        );
        assert_eq!(broken("{\"id\": {{uuid}}}"), (1, 8));
    }

    #[test]
    fn a_deep_nest_is_not_laid_out_into_all_memory() {
        let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
        assert_eq!(check(&deep), JsonState::Valid);
        assert_eq!(laid_out(&deep), None);
    }

    #[test]
    fn laying_out_moves_white_space_only() {
        let text = "{\"b\":1.0,\"a\":[1e400,{}, []],\"a\":\"x: {,}\\\"\",\"n\":{{seq}}}";
        let wanted = "{\n  \"b\": 1.0,\n  \"a\": [\n    1e400,\n    {},\n    []\n  ],\n  \"a\": \"x: {,}\\\"\",\n  \"n\": {{seq}}\n}";
        assert_eq!(laid_out(text).as_deref(), Some(wanted));
        assert_eq!(laid_out(wanted).as_deref(), Some(wanted));
        assert_eq!(laid_out("{"), None);
    }
}
