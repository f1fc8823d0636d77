//! Payloads as they are: the text line by line, or offsets, bytes and ASCII.

use super::super::screen::Role;
use super::sheet::Sheet;
use crate::domain::decode::lossy;
use crate::domain::payload::{self, Token};

/// Bytes that are laid out as text or in hex; the rest is said to be there and can be copied.
const LAID_OUT: usize = 2 << 20;

/// The text as it stands; bytes that are no UTF-8 as `\xNN`. Gives the bytes that were left out.
pub(super) fn raw(sheet: &mut Sheet, bytes: &[u8]) -> usize {
    let shown = &bytes[..bytes.len().min(LAID_OUT)];
    let text = lossy(shown);
    lines(sheet, &text, Role::Normal);
    bytes.len() - shown.len()
}

pub(super) fn lines(sheet: &mut Sheet, text: &str, role: Role) {
    for line in text.split('\n') {
        if sheet.begin(0, "") {
            sheet.put(line, role);
        }
    }
}

pub(super) fn hex(sheet: &mut Sheet, bytes: &[u8], cells: usize) -> usize {
    let shown = &bytes[..bytes.len().min(LAID_OUT)];
    for line in payload::hex_lines(shown, cells) {
        if !sheet.begin(0, "") {
            break;
        }
        for piece in line {
            let role = match piece.token {
                Token::Dim => Role::Dim,
                Token::Number => Role::Number,
                _ => Role::Normal,
            };
            sheet.put(&piece.text, role);
        }
    }
    bytes.len() - shown.len()
}
