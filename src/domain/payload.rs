//! What a payload looks like: detection, and lines for the pretty, raw and hex views.
//!
//! The pretty view works on the text of the JSON, not on a parsed value: no number is rounded, no key moved, no
//! duplicate lost.

use serde_json::value::RawValue;

/// Longer payloads are not checked for being JSON when only one line of them is shown.
const GLANCE_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Empty,
    Json,
    Text,
    Binary,
}

impl Format {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// What the bytes are. A lone number or word counts as text unless it is an object or an array: `21.5` reads better
/// that way, and both views agree on it.
pub fn format(payload: &[u8]) -> Format {
    let Ok(text) = std::str::from_utf8(payload) else {
        return Format::Binary;
    };
    if text.is_empty() {
        return Format::Empty;
    }
    if text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok()
    {
        return Format::Json;
    }
    let odd = text
        .chars()
        .filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        .count();
    if odd * 10 > text.chars().count() {
        Format::Binary
    } else {
        Format::Text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    Key,
    Text,
    Number,
    Literal,
    Punctuation,
    Plain,
    Dim,
}

/// A run of text of one kind, as it stands in the payload: still hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub token: Token,
    pub text: String,
}

impl Piece {
    fn new(token: Token, text: impl Into<String>) -> Self {
        Self {
            token,
            text: text.into(),
        }
    }
}

/// JSON as indented lines; `None` when it is no JSON object or array.
pub fn pretty(payload: &[u8]) -> Option<Vec<Vec<Piece>>> {
    if format(payload) != Format::Json {
        return None;
    }
    Some(Printer::default().run(lex(std::str::from_utf8(payload).ok()?)))
}

/// One line of it, about `cells` characters long at most: JSON without its white space, text with its line breaks shown,
/// or the first bytes in hex.
pub fn compact(payload: &[u8], cells: usize) -> Vec<Piece> {
    let glance = &payload[..glance_length(payload)];
    match (format(glance), payload.len() > GLANCE_BYTES) {
        (Format::Empty, _) => vec![Piece::new(Token::Dim, "(empty)")],
        (Format::Json, false) => compact_json(glance, cells),
        (Format::Binary, _) => {
            let shown: Vec<_> = glance
                .iter()
                .take(cells / 3 + 1)
                .map(|b| format!("{b:02x}"))
                .collect();
            vec![Piece::new(Token::Dim, shown.join(" "))]
        }
        _ => vec![Piece::new(
            Token::Plain,
            String::from_utf8_lossy(glance)
                .chars()
                .take(cells + 1)
                .collect::<String>(),
        )],
    }
}

/// As many bytes as are looked at, with no character cut in the middle.
fn glance_length(payload: &[u8]) -> usize {
    let Some(glance) = payload.get(..GLANCE_BYTES) else {
        return payload.len();
    };
    match std::str::from_utf8(glance) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => GLANCE_BYTES,
    }
}

fn compact_json(payload: &[u8], cells: usize) -> Vec<Piece> {
    tokens(std::str::from_utf8(payload).unwrap_or_default(), cells)
}

/// JSON, or what is written like it, in its colours and without white space between tokens.
pub fn tokens(text: &str, cells: usize) -> Vec<Piece> {
    let mut room = cells + 1;
    let mut out = Vec::new();
    for piece in lex(text) {
        if room == 0 {
            break;
        }
        let text: String = piece.text.chars().take(room).collect();
        room -= text.chars().count();
        out.push(Piece { text, ..piece });
    }
    out
}

/// The text line by line as it stands; bytes that are no UTF-8 shown as `\xNN`.
pub fn raw_lines(payload: &[u8]) -> Vec<Vec<Piece>> {
    let mut text = String::new();
    for chunk in payload.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.split('\n')
        .map(|line| vec![Piece::new(Token::Plain, line)])
        .collect()
}

/// Offset, sixteen bytes, and what of them is printable ASCII; eight or four bytes where there are not the cells for more.
pub fn hex_lines(payload: &[u8], cells: usize) -> Vec<Vec<Piece>> {
    let fits = |bytes: &usize| 10 + hex_cells(*bytes) + 1 + bytes <= cells;
    let bytes = [16, 8].into_iter().find(fits).unwrap_or(4);
    payload
        .chunks(bytes)
        .enumerate()
        .map(|(row, chunk)| hex_line(row * bytes, chunk, bytes))
        .collect()
}

/// Three cells for a byte, and one of air in the middle of a full row.
const fn hex_cells(bytes: usize) -> usize {
    bytes * 3 + bytes / 16
}

fn hex_line(offset: usize, chunk: &[u8], bytes: usize) -> Vec<Piece> {
    let mut hex = String::with_capacity(hex_cells(bytes));
    for column in 0..bytes {
        match chunk.get(column) {
            Some(byte) => {
                hex.push(digit(byte >> 4));
                hex.push(digit(byte & 15));
                hex.push(' ');
            }
            None => hex.push_str("   "),
        }
        if column == 7 && bytes > 8 {
            hex.push(' ');
        }
    }
    let ascii: String = chunk
        .iter()
        .map(|b| {
            if matches!(b, 0x20..0x7f) {
                char::from(*b)
            } else {
                '·'
            }
        })
        .collect();
    vec![
        Piece::new(Token::Dim, format!("{offset:08x}  ")),
        Piece::new(Token::Number, hex),
        Piece::new(Token::Plain, format!(" {ascii}")),
    ]
}

fn digit(half: u8) -> char {
    char::from_digit(half.into(), 16).unwrap_or('?')
}

/// The tokens of valid JSON, without white space. A string before a colon is a key.
fn lex(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '{' | '}' | '[' | ']' | ',' | ':' | ' ' | '\n' | '\r' | '\t' => 1,
            _ => rest
                .find(['{', '}', '[', ']', ',', ':', ' ', '\n', '\r', '\t', '"'])
                .unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        match c {
            ' ' | '\n' | '\r' | '\t' => {}
            '"' if after.trim_start().starts_with(':') => pieces.push(Piece::new(Token::Key, word)),
            '"' => pieces.push(Piece::new(Token::Text, word)),
            '{' | '}' | '[' | ']' | ',' | ':' => pieces.push(Piece::new(Token::Punctuation, word)),
            't' | 'f' | 'n' => pieces.push(Piece::new(Token::Literal, word)),
            _ => pieces.push(Piece::new(Token::Number, word)),
        }
        rest = after;
    }
    pieces
}

/// Bytes of the string literal at the start of `text`, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Lays tokens out in lines, two blanks a level.
#[derive(Default)]
struct Printer {
    lines: Vec<Vec<Piece>>,
    line: Vec<Piece>,
    depth: usize,
}

impl Printer {
    fn run(mut self, pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
        let mut pieces = pieces.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            let next = pieces.peek().map(|p| p.text.as_str()).unwrap_or_default();
            match piece.text.as_str() {
                "{" | "[" if piece.token == Token::Punctuation => {
                    self.open(piece, matches!(next, "}" | "]"));
                }
                "}" | "]" if piece.token == Token::Punctuation => self.close(piece),
                "," if piece.token == Token::Punctuation => {
                    self.line.push(piece);
                    self.end_line();
                }
                ":" if piece.token == Token::Punctuation => {
                    self.line.push(Piece::new(Token::Punctuation, ": "));
                }
                _ => self.line.push(piece),
            }
        }
        if self.line.iter().any(|p| !p.text.trim().is_empty()) {
            self.lines.push(self.line);
        }
        self.lines
    }

    fn open(&mut self, piece: Piece, closes_at_once: bool) {
        self.line.push(piece);
        self.depth += 1;
        if !closes_at_once {
            self.end_line();
        }
    }

    fn close(&mut self, piece: Piece) {
        self.depth = self.depth.saturating_sub(1);
        let just_opened = self
            .line
            .last()
            .is_some_and(|p| p.token == Token::Punctuation && matches!(p.text.as_str(), "{" | "["));
        if !just_opened {
            self.end_line();
        }
        self.line.push(piece);
    }

    fn end_line(&mut self) {
        if self.line.iter().any(|p| !p.text.trim().is_empty()) {
            self.lines.push(std::mem::take(&mut self.line));
        }
        self.line.clear();
        if self.depth > 0 {
            self.line
                .push(Piece::new(Token::Plain, "  ".repeat(self.depth.min(40))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Vec<Piece>]) -> Vec<String> {
        lines
            .iter()
            .map(|l| l.iter().map(|p| p.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn the_pretty_view_alters_no_number_and_moves_no_key() {
        let payload = br#"{"b":1e400,"a":[1.0,12345678901234567890,{}],"b":null,"s":"x,\"}{"}"#;
        let lines = pretty(payload).expect("JSON");
        assert_eq!(
            text(&lines),
            [
                "{",
                "  \"b\": 1e400,",
                "  \"a\": [",
                "    1.0,",
                "    12345678901234567890,",
                "    {}",
                "  ],",
                "  \"b\": null,",
                "  \"s\": \"x,\\\"}{\"",
                "}"
            ]
        );
    }

    #[test]
    fn formats_are_told_apart() {
        let cases: [(&[u8], Format); 6] = [
            (b"", Format::Empty),
            (b"{\"a\":1}", Format::Json),
            (b"21.5", Format::Text),
            (b"{\"a\":1} trailing", Format::Text),
            (b"\x00\x01\x02\x03abc", Format::Binary),
            (&[0xff, 0xfe], Format::Binary),
        ];
        for (payload, expected) in cases {
            assert_eq!(format(payload), expected, "{payload:?}");
        }
    }

    #[test]
    fn one_line_drops_white_space_and_keeps_strings() {
        let pieces = compact(b"{ \"a b\" : [ 1 , 2 ] }", 80);
        assert_eq!(text(&[pieces]), ["{\"a b\":[1,2]}"]);
    }

    #[test]
    fn one_line_of_a_large_payload_is_hex_where_it_is_no_text() {
        let picture = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 100_000]].concat();
        assert!(text(&[compact(&picture, 40)])[0].starts_with("89 50 4e 47"));
        let letters = "한".repeat(30_000);
        assert!(text(&[compact(letters.as_bytes(), 40)])[0].starts_with("한한"));
    }

    #[test]
    fn a_row_of_hex_holds_as_many_bytes_as_fit_in_one_line() {
        let payload: Vec<u8> = (0..40).collect();
        for (cells, rows) in [(80, 3), (76, 3), (74, 5), (43, 5), (42, 10), (5, 10)] {
            let lines = text(&hex_lines(&payload, cells));
            assert_eq!(lines.len(), rows, "{cells}");
            let fits = |line: &String| line.chars().count() <= cells.max(30);
            assert!(lines.iter().all(fits), "{cells}: {lines:?}");
        }
    }

    #[test]
    fn hex_shows_every_byte_with_its_offset() {
        let lines = text(&hex_lines(&[0x41, 0x00, 0x7f], 80));
        assert!(lines[0].starts_with("00000000  41 00 7f "), "{}", lines[0]);
        assert!(lines[0].ends_with(" A··"), "{}", lines[0]);
    }
}
