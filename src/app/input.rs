//! One line of text being typed, with a cursor that moves by grapheme clusters.

use unicode_segmentation::UnicodeSegmentation as _;

use super::event::{Key, KeyCode};
use crate::base::text::SafeText;

/// Longest text that a field takes, in bytes: a paste may be anything.
const LONGEST: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    text: String,
    /// Byte offset, always between grapheme clusters.
    cursor: usize,
}

/// What a key did to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    Changed,
    Moved,
    /// Not a key of a text field.
    Ignored,
}

impl Input {
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn shown(&self) -> SafeText {
        SafeText::new(&self.text)
    }

    /// Cells of the shown text before the cursor.
    pub fn cells_before(&self) -> u16 {
        let width = SafeText::new(&self.text[..self.cursor]).width();
        u16::try_from(width).unwrap_or(u16::MAX)
    }

    /// Grapheme clusters before the cursor and in all, for a masked field.
    pub fn clusters(&self) -> (usize, usize) {
        let count = |text: &str| text.graphemes(true).count();
        (count(&self.text[..self.cursor]), count(&self.text))
    }

    /// Whether that much more fits.
    pub fn takes(&self, text: &str) -> bool {
        self.text.len() + text.len() <= LONGEST
    }

    /// Line breaks and tabs of a paste become blanks: a field is one line.
    pub fn insert(&mut self, text: &str) {
        let flat: String = text
            .trim_end_matches(['\r', '\n'])
            .chars()
            .map(|c| {
                if matches!(c, '\r' | '\n' | '\t') {
                    ' '
                } else {
                    c
                }
            })
            .collect();
        let room = LONGEST.saturating_sub(self.text.len());
        let flat = &flat[..flat.floor_char_boundary(room)];
        self.text.insert_str(self.cursor, flat);
        self.cursor += flat.len();
        self.snap();
    }

    /// As it is, whatever its length: for what is sent byte for byte.
    pub fn insert_whole(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        self.snap();
    }

    pub fn key(&mut self, key: Key) -> Typed {
        match (key.code, key.ctrl, key.alt) {
            (KeyCode::Char(c), false, false) if !key.repeat => {
                self.insert(c.encode_utf8(&mut [0; 4]));
                Typed::Changed
            }
            (KeyCode::Backspace, false, _) | (KeyCode::Char('h'), true, _) => {
                let from = self.before();
                self.cut(from)
            }
            (KeyCode::Delete, ..) => {
                let start = self.cursor;
                self.cursor = self.after();
                self.cut(start)
            }
            (KeyCode::Char('w') | KeyCode::Backspace, true, _) => {
                let from = self.word_before();
                self.cut(from)
            }
            (KeyCode::Char('u'), true, _) => self.cut(0),
            (KeyCode::Char('k'), true, _) => {
                self.text.truncate(self.cursor);
                Typed::Changed
            }
            (KeyCode::Left, ..) => self.go(self.before()),
            (KeyCode::Right, ..) => self.go(self.after()),
            (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => self.go(0),
            (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => self.go(self.text.len()),
            _ => Typed::Ignored,
        }
    }

    fn go(&mut self, to: usize) -> Typed {
        self.cursor = to;
        Typed::Moved
    }

    /// Removes from `from` to the cursor.
    fn cut(&mut self, from: usize) -> Typed {
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
        self.snap();
        Typed::Changed
    }

    /// What was typed or left may have joined the cluster beside it.
    fn snap(&mut self) {
        let boundary = |at: usize| {
            at == self.text.len() || self.text.grapheme_indices(true).any(|(i, _)| i == at)
        };
        if !boundary(self.cursor) {
            self.cursor = self.after();
        }
    }

    fn before(&self) -> usize {
        self.text[..self.cursor]
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text
            .grapheme_indices(true)
            .map(|(at, _)| at)
            .find(|at| *at > self.cursor)
            .unwrap_or(self.text.len())
    }

    fn word_before(&self) -> usize {
        let kept = self.text[..self.cursor].trim_end();
        kept.rfind(char::is_whitespace).map_or(0, |at| {
            at + self.text[at..].chars().next().map_or(0, char::len_utf8)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut Input, code: KeyCode) {
        input.key(Key::plain(code));
    }

    #[test]
    fn the_cursor_steps_over_whole_clusters() {
        let mut input = Input::new("가e\u{301}👨\u{200d}👩\u{200d}👧");
        let mut cells = vec![input.cells_before()];
        for _ in 0..4 {
            press(&mut input, KeyCode::Left);
            cells.push(input.cells_before());
        }
        assert_eq!(cells, [5, 3, 2, 0, 0]);
        press(&mut input, KeyCode::Delete);
        assert_eq!(input.text(), "e\u{301}👨\u{200d}👩\u{200d}👧");
    }

    #[test]
    fn a_paste_of_several_lines_becomes_one() {
        let mut input = Input::default();
        input.insert("thinqpat_1\r\n");
        assert_eq!(input.text(), "thinqpat_1");
        input.clear();
        input.insert("a\nb");
        assert_eq!(input.text(), "a b");
    }

    #[test]
    fn ctrl_w_takes_a_word_and_ctrl_u_the_rest() {
        let mut input = Input::new("kind:push 거실 에어컨");
        input.key(Key::ctrl('w'));
        assert_eq!(input.text(), "kind:push 거실 ");
        input.key(Key::ctrl('w'));
        assert_eq!(input.text(), "kind:push ");
        input.key(Key::ctrl('u'));
        assert_eq!(input.text(), "");
    }

    proptest::proptest! {
        #[test]
        fn no_keys_break_a_field(text in ".{0,20}", keys in proptest::collection::vec(0_u8..9, 0..40)) {
            let mut input = Input::new(text);
            for key in keys {
                let key = match key {
                    0 => Key::plain(KeyCode::Left),
                    1 => Key::plain(KeyCode::Right),
                    2 => Key::plain(KeyCode::Backspace),
                    3 => Key::plain(KeyCode::Delete),
                    4 => Key::plain(KeyCode::Char('\u{301}')),
                    5 => Key::plain(KeyCode::Char('한')),
                    6 => Key::ctrl('w'),
                    7 => Key::plain(KeyCode::Home),
                    _ => Key::plain(KeyCode::Char('\u{200d}')),
                };
                input.key(key);
                let _ = (input.cells_before(), input.clusters());
            }
        }
    }
}
