//! Bytes written as text: base64 and hex.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::base::text::is_unsafe;

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Either alphabet, padded or not, line breaks left out.
pub fn base64(bytes: &[u8]) -> Option<Vec<u8>> {
    let dense: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    if dense.is_empty() {
        return None;
    }
    STANDARD
        .decode(&dense)
        .or_else(|_| URL_SAFE.decode(&dense))
        .ok()
}

/// Pairs of digits, with or without blanks, colons or dashes between them, `0x` in front.
pub fn hex(bytes: &[u8]) -> Option<Vec<u8>> {
    let trimmed = bytes.trim_ascii();
    let digits = trimmed
        .strip_prefix(b"0x")
        .or_else(|| trimmed.strip_prefix(b"0X"))
        .unwrap_or(trimmed);
    let mut out = Vec::with_capacity(digits.len() / 2);
    let mut at = 0;
    while let Some(pair) = digits.get(at..at + 2) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
        at += 2;
        while digits
            .get(at)
            .is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b':' | b'-'))
        {
            at += 1;
        }
    }
    (at == digits.len() && !out.is_empty()).then_some(out)
}

/// Without the byte order mark that some writers put in front of UTF-8.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// UTF-8 that a person could have written: no control characters but line breaks, tabs and colours of a terminal.
pub fn is_plain(text: &str) -> bool {
    !text
        .chars()
        .any(|c| is_unsafe(c) && c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{1b}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_and_any_padding_are_read() {
        for text in ["aGk/aGk+", "aGk_aGk-", "aGk/\r\naGk+\n"] {
            assert_eq!(
                base64(text.as_bytes()).as_deref(),
                Some(&b"hi?hi>"[..]),
                "{text}"
            );
        }
        assert_eq!(base64(b"aA==").as_deref(), Some(&b"h"[..]));
        assert_eq!(base64(b"aA").as_deref(), Some(&b"h"[..]));
        assert_eq!(base64(b"a"), None);
        assert_eq!(base64(b"no base64!"), None);
    }

    #[test]
    fn hex_is_read_as_people_write_it() {
        for text in ["0x00ffA0", "00 ff a0", "00:FF:a0\n", "00-ff-a0", "00ffa0"] {
            assert_eq!(hex(text.as_bytes()), Some(vec![0, 0xff, 0xa0]), "{text}");
        }
        for text in ["", "0x", "0", "00f", "zz", "12,5"] {
            assert_eq!(hex(text.as_bytes()), None, "{text}");
        }
    }
}
