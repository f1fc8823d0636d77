//! Payload bytes as text that can be edited: hex and base64, with the place of what is wrong.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::place_of;

/// Bytes in a line of hex.
const ROW: usize = 16;
/// Characters in a line of base64.
const COLUMNS: usize = 76;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);

/// Pairs of digits; blanks, line breaks and colons may stand between them.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut half = None;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() || c == ':' {
            continue;
        }
        let Some(digit) = c.to_digit(16).and_then(|d| u8::try_from(d).ok()) else {
            return Err(format!("{}: {c:?} is no hex digit", place_of(text, at)));
        };
        match half.take() {
            None => half = Some((at, digit)),
            Some((_, high)) => out.push(high << 4 | digit),
        }
    }
    match half {
        Some((at, _)) => Err(format!(
            "{}: half a byte: its second digit is missing",
            place_of(text, at)
        )),
        None => Ok(out),
    }
}

pub(super) fn hex_text(bytes: &[u8]) -> String {
    let line = |row: &[u8]| {
        let pairs: Vec<_> = row.iter().map(|b| format!("{b:02x}")).collect();
        pairs.join(" ")
    };
    bytes.chunks(ROW).map(line).collect::<Vec<_>>().join("\n")
}

/// Both alphabets, with or without padding; blanks and line breaks may stand anywhere.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    let mut plain = String::with_capacity(text.len());
    let mut padded = None;
    for (at, c) in text.char_indices() {
        let wrong = |why: &str| Err(format!("{}: {why}", place_of(text, at)));
        match c {
            _ if c.is_whitespace() => {}
            '=' => {
                padded = Some(at);
                plain.push('=');
            }
            _ if padded.is_some() => return wrong("nothing may follow the ="),
            '-' => plain.push('+'),
            '_' => plain.push('/'),
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => plain.push(c),
            _ => return wrong(&format!("{c:?} is no base64 character")),
        }
    }
    STANDARD.decode(&plain).map_err(|_| {
        format!(
            "{}: base64 that ends too early or in bits that mean nothing",
            place_of(text, text.trim_end().len())
        )
    })
}

pub(super) fn base64_text(bytes: &[u8]) -> String {
    let whole = STANDARD.encode(bytes);
    let lines: Vec<_> = whole
        .as_bytes()
        .chunks(COLUMNS)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    lines.join("\n")
}
