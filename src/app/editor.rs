//! Text of many lines being typed: cursor by grapheme cluster, undo, and a window that follows the cursor.
//!
//! The text is kept as one string, byte for byte: a carriage return or a tab in it is shown, not changed. Only what is
//! pasted has its line ends made plain, because terminals paste carriage returns for them.

mod line;

use unicode_segmentation::UnicodeSegmentation as _;

use super::event::{Key, KeyCode};
use super::input::Typed;
use crate::base::text::SafeText;
use line::{is_simple, offset_at, shown_width, window};

/// Longest text, in bytes. More comes from a file.
pub const LONGEST: usize = 4 * 1024 * 1024;
/// Edits that can be taken back, and their bytes.
const UNDO: usize = 500;
const UNDO_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Editor {
    text: String,
    /// Byte offset, always between grapheme clusters.
    cursor: usize,
    /// Cells that Up and Down keep to.
    goal: Option<usize>,
    /// First line of the window.
    top: usize,
    /// Cells that the window is moved to the right.
    left: usize,
    done: Vec<Edit>,
    undone: Vec<Edit>,
}

/// `removed` stood at `at` where `inserted` stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    at: usize,
    removed: String,
    inserted: String,
}

/// One line of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// From 1.
    pub number: usize,
    pub text: SafeText,
    /// Cells from the beginning of `text`, where the cursor is in this line.
    pub cursor: Option<u16>,
}

impl Editor {
    /// The cursor stands at the beginning.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// All of it becomes another text; that can be taken back.
    pub fn replace(&mut self, text: &str) {
        if text == self.text {
            return;
        }
        self.goal = None;
        self.edit(0, self.text.len(), text);
        self.cursor = self.cursor.min(self.text.len());
        self.go(0);
    }

    pub fn to_end(&mut self) {
        self.go(self.text.len());
    }

    /// `false` when there is no room for it: nothing is inserted then.
    pub fn paste(&mut self, text: &str) -> bool {
        let plain = text.replace("\r\n", "\n").replace('\r', "\n");
        self.insert(&plain)
    }

    fn insert(&mut self, text: &str) -> bool {
        if self.text.len() + text.len() > LONGEST {
            return false;
        }
        self.goal = None;
        self.edit(self.cursor, self.cursor, text);
        true
    }

    pub fn key(&mut self, key: Key) -> Typed {
        let word = key.ctrl || key.alt;
        match (key.code, key.ctrl, key.alt) {
            (KeyCode::Char(c), false, false) if !key.repeat => {
                return self.typed(c.encode_utf8(&mut [0; 4]));
            }
            (KeyCode::Enter, false, _) if !key.repeat => return self.typed("\n"),
            (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, _) => {
                return self.cut(self.before(), self.cursor);
            }
            (KeyCode::Delete, false, _) => return self.cut(self.cursor, self.after()),
            (KeyCode::Char('w') | KeyCode::Backspace, true, _) | (KeyCode::Backspace, _, true) => {
                return self.cut(self.word_before(), self.cursor);
            }
            (KeyCode::Delete, true, _) | (KeyCode::Char('d'), _, true) => {
                return self.cut(self.cursor, self.word_after());
            }
            (KeyCode::Char('u'), true, _) => return self.cut(self.line_start(), self.cursor),
            (KeyCode::Char('k'), true, _) => {
                let end = self.line_end();
                // At the end of a line, the line break goes.
                let to = if end == self.cursor {
                    self.after()
                } else {
                    end
                };
                return self.cut(self.cursor, to);
            }
            (KeyCode::Up, ..) => self.vertical(-1),
            (KeyCode::Down, ..) => self.vertical(1),
            (KeyCode::PageUp, ..) => self.vertical(-10),
            (KeyCode::PageDown, ..) => self.vertical(10),
            (KeyCode::Left, ..) if word => self.go(self.word_before()),
            (KeyCode::Right, ..) if word => self.go(self.word_after()),
            (KeyCode::Char('b'), _, true) => self.go(self.word_before()),
            (KeyCode::Char('f'), _, true) => self.go(self.word_after()),
            (KeyCode::Left, ..) => self.go(self.before()),
            (KeyCode::Right, ..) => self.go(self.after()),
            (KeyCode::Home, true, _) => self.go(0),
            (KeyCode::End, true, _) => self.go(self.text.len()),
            (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => self.go(self.line_start()),
            (KeyCode::End, ..) => self.go(self.line_end()),
            _ => return Typed::Ignored,
        }
        Typed::Moved
    }

    fn typed(&mut self, text: &str) -> Typed {
        if self.insert(text) {
            Typed::Changed
        } else {
            Typed::Ignored
        }
    }

    /// Whether there was anything to take back.
    pub fn undo(&mut self) -> bool {
        let Some(edit) = self.done.pop() else {
            return false;
        };
        let end = edit.at + edit.inserted.len();
        self.text.replace_range(edit.at..end, &edit.removed);
        self.cursor = edit.at + edit.removed.len();
        self.snap();
        self.goal = None;
        self.undone.push(edit);
        true
    }

    pub fn redo(&mut self) -> bool {
        let Some(edit) = self.undone.pop() else {
            return false;
        };
        let end = edit.at + edit.removed.len();
        self.text.replace_range(edit.at..end, &edit.inserted);
        self.cursor = edit.at + edit.inserted.len();
        self.snap();
        self.goal = None;
        self.done.push(edit);
        true
    }

    fn edit(&mut self, from: usize, to: usize, inserted: &str) {
        let removed = self.text.get(from..to).unwrap_or_default().to_owned();
        self.text.replace_range(from..to, inserted);
        self.cursor = from + inserted.len();
        self.snap();
        self.undone.clear();
        self.remember(Edit {
            at: from,
            removed,
            inserted: inserted.to_owned(),
        });
    }

    /// Letters typed one after the other are taken back word by word.
    fn remember(&mut self, edit: Edit) {
        let joins = |last: &Edit| {
            last.removed.is_empty()
                && edit.removed.is_empty()
                && last.at + last.inserted.len() == edit.at
                && edit.inserted.chars().count() == 1
                && !edit.inserted.contains(char::is_whitespace)
                && !last.inserted.contains('\n')
        };
        match self.done.last_mut() {
            Some(last) if joins(last) => last.inserted.push_str(&edit.inserted),
            _ => self.done.push(edit),
        }
        let bytes = |edit: &Edit| edit.removed.len() + edit.inserted.len();
        let mut held: usize = self.done.iter().map(bytes).sum();
        while self.done.len() > UNDO || held > UNDO_BYTES {
            held -= bytes(&self.done.remove(0));
        }
    }

    fn cut(&mut self, from: usize, to: usize) -> Typed {
        self.goal = None;
        if from == to {
            return Typed::Moved;
        }
        self.edit(from, to, "");
        Typed::Changed
    }

    fn go(&mut self, to: usize) {
        self.cursor = to;
        self.goal = None;
    }

    /// What was typed or left may have joined the cluster beside it.
    fn snap(&mut self) {
        let start = self.line_start();
        let line = self.text.get(start..self.line_end()).unwrap_or_default();
        let inside = self.cursor - start;
        if is_simple(line) {
            return;
        }
        let boundary =
            inside == line.len() || line.grapheme_indices(true).any(|(at, _)| at == inside);
        if !boundary {
            self.cursor = self.after();
        }
    }

    fn head(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn tail(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    fn line_start(&self) -> usize {
        self.head().rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.tail()
            .find('\n')
            .map_or(self.text.len(), |at| self.cursor + at)
    }

    fn before(&self) -> usize {
        let start = self.line_start();
        if start == self.cursor {
            return start.saturating_sub(1);
        }
        let line = self.text.get(start..self.cursor).unwrap_or_default();
        if is_simple(line) {
            return self.cursor - 1;
        }
        let last = line.grapheme_indices(true).next_back();
        last.map_or(start, |(at, _)| start + at)
    }

    fn after(&self) -> usize {
        let end = self.line_end();
        if end == self.cursor {
            return (end + 1).min(self.text.len());
        }
        let start = self.line_start();
        let line = self.text.get(start..end).unwrap_or_default();
        if is_simple(line) {
            return self.cursor + 1;
        }
        line.grapheme_indices(true)
            .map(|(at, _)| start + at)
            .find(|at| *at > self.cursor)
            .unwrap_or(end)
    }

    fn word_before(&self) -> usize {
        let mut words = self.head().unicode_word_indices();
        words.next_back().map_or(0, |(at, _)| at)
    }

    fn word_after(&self) -> usize {
        let mut words = self.tail().unicode_word_indices();
        let next = words.next().map(|(at, word)| self.cursor + at + word.len());
        next.unwrap_or(self.text.len())
    }

    fn vertical(&mut self, by: isize) {
        let goal = self.goal.unwrap_or_else(|| self.column());
        let (line, last) = (self.line(), self.lines() - 1);
        let to = line.saturating_add_signed(by).min(last);
        if to == line {
            let end = if by < 0 {
                self.line_start()
            } else {
                self.line_end()
            };
            self.cursor = end;
        } else {
            let (start, text) = self.line_at(to);
            self.cursor = start + offset_at(text, goal);
        }
        self.goal = Some(goal);
    }

    /// Cells between the beginning of the line and the cursor.
    fn column(&self) -> usize {
        shown_width(
            self.text
                .get(self.line_start()..self.cursor)
                .unwrap_or_default(),
        )
    }

    /// Of the cursor, from 0.
    pub fn line(&self) -> usize {
        memchr::memchr_iter(b'\n', self.head().as_bytes()).count()
    }

    pub fn lines(&self) -> usize {
        memchr::memchr_iter(b'\n', self.text.as_bytes()).count() + 1
    }

    fn line_at(&self, line: usize) -> (usize, &str) {
        let start = match line {
            0 => 0,
            line => memchr::memchr_iter(b'\n', self.text.as_bytes())
                .nth(line - 1)
                .map_or(self.text.len(), |at| at + 1),
        };
        let rest = self.text.get(start..).unwrap_or_default();
        (start, rest.split('\n').next().unwrap_or_default())
    }

    /// Moves the window no further than it must for the cursor to be seen in it.
    pub fn settle(&mut self, rows: usize, cells: usize) {
        self.top = super::scroll::reveal(self.top, self.line(), self.lines(), rows);
        let (column, cells) = (self.column(), cells.max(2));
        let (_, line) = self.line_at(self.line());
        if shown_width(line) < cells {
            // There is room for all of it again.
            self.left = 0;
        }
        if column < self.left {
            self.left = column.saturating_sub(cells / 4);
        } else if column + 1 > self.left + cells {
            self.left = column + 1 + cells / 4 - cells;
        }
    }

    pub fn top(&self) -> usize {
        self.top
    }

    /// The window as it was settled.
    pub fn window(&self, rows: usize, cells: usize) -> Vec<Row> {
        let (start, _) = self.line_at(self.top);
        let at = self.line();
        let rest = self.text.get(start..).unwrap_or_default();
        rest.split('\n')
            .take(rows)
            .zip(self.top..)
            .map(|(line, index)| {
                let (hidden, shown) = window(line, self.left, cells);
                let cursor = (index == at).then(|| self.column().saturating_sub(hidden));
                Row {
                    number: index + 1,
                    text: shown,
                    cursor: cursor.map(|cells| u16::try_from(cells).unwrap_or(u16::MAX)),
                }
            })
            .collect()
    }

    /// A click on that row and cell of the window.
    pub fn click(&mut self, row: usize, cell: usize) {
        let line = (self.top + row).min(self.lines() - 1);
        let (start, text) = self.line_at(line);
        let to = start + offset_at(text, self.left + cell);
        self.go(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut Editor, text: &str) {
        for c in text.chars() {
            let code = if c == '\n' {
                KeyCode::Enter
            } else {
                KeyCode::Char(c)
            };
            editor.key(Key::plain(code));
        }
    }

    fn press(editor: &mut Editor, codes: &[KeyCode]) {
        for code in codes {
            editor.key(Key::plain(*code));
        }
    }

    fn cursor(editor: &Editor) -> (usize, usize) {
        (editor.line(), editor.column())
    }

    #[test]
    fn up_and_down_keep_their_column_over_short_and_wide_lines() {
        let mut editor = Editor::new("abcdef\n가\n가나다라");
        press(&mut editor, &[KeyCode::End]);
        assert_eq!(cursor(&editor), (0, 6));
        press(&mut editor, &[KeyCode::Down]);
        assert_eq!(cursor(&editor), (1, 2));
        press(&mut editor, &[KeyCode::Down]);
        assert_eq!(cursor(&editor), (2, 6));
        press(&mut editor, &[KeyCode::Left, KeyCode::Up, KeyCode::Up]);
        assert_eq!(cursor(&editor), (0, 4));
    }

    #[test]
    fn words_are_stepped_over_and_deleted() {
        let mut editor = Editor::new("{\"on\": true}\nnext line");
        editor.key(Key::ctrl('a'));
        let right = Key {
            ctrl: true,
            ..Key::plain(KeyCode::Right)
        };
        editor.key(right);
        assert_eq!(cursor(&editor), (0, 4));
        editor.key(right);
        editor.key(Key::ctrl('w'));
        assert_eq!(editor.text(), "{\"on\": }\nnext line");
        editor.key(Key::ctrl('k'));
        editor.key(Key::ctrl('k'));
        assert_eq!(editor.text(), "{\"on\": next line");
    }

    #[test]
    fn what_was_done_is_taken_back_word_by_word_and_done_again() {
        let mut editor = Editor::default();
        typed(&mut editor, "one two\nthree");
        let mut seen = vec![editor.text().to_owned()];
        while editor.undo() {
            seen.push(editor.text().to_owned());
        }
        assert_eq!(seen, ["one two\nthree", "one two\n", "one two", "one", ""]);
        while editor.redo() {}
        assert_eq!(editor.text(), "one two\nthree");
        assert_eq!(cursor(&editor), (1, 5));
    }

    #[test]
    fn a_paste_has_plain_line_ends_and_one_too_long_is_left_out() {
        let mut editor = Editor::default();
        assert!(editor.paste("a\r\nb\rc"));
        assert_eq!((editor.text(), editor.lines()), ("a\nb\nc", 3));
        assert!(!editor.paste(&"x".repeat(LONGEST)));
        assert_eq!(editor.text(), "a\nb\nc");
    }

    #[test]
    fn the_window_follows_the_cursor_down_and_sideways() {
        let mut editor = Editor::new("1\n2\n3\n4\n0123456789abcdef");
        editor.to_end();
        editor.settle(2, 8);
        let rows = editor.window(2, 8);
        assert_eq!(rows[0].number, 4);
        assert_eq!(rows[1].number, 5);
        let shown = rows[1].text.as_str();
        assert!(shown.ends_with("def"), "{shown}");
        let column = usize::from(rows[1].cursor.expect("the cursor is here"));
        assert_eq!(column, shown.len());
        assert!(column < 8);
    }

    #[test]
    fn a_line_that_fits_again_is_shown_from_its_beginning() {
        let mut editor = Editor::new("0123456789");
        editor.to_end();
        editor.settle(1, 4);
        assert_ne!(editor.window(1, 4)[0].text.as_str(), "0123");
        editor.settle(1, 40);
        assert_eq!(editor.window(1, 40)[0].text.as_str(), "0123456789");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_stays_in_the_text() {
        let mut editor = Editor::new("a\r\u{1b}b\tc");
        editor.to_end();
        editor.settle(1, 40);
        let row = &editor.window(1, 40)[0];
        assert_eq!(row.text.as_str(), "a\\r\\eb\\tc");
        assert_eq!(row.cursor, Some(9));
        assert_eq!(editor.text(), "a\r\u{1b}b\tc");
    }

    /// The quick way of plain lines and the way of all others show the same.
    #[test]
    fn a_plain_line_is_cut_like_any_other() {
        let line = "0123456789abcdefghij";
        for (left, cells) in [(0, 8), (5, 8), (13, 30), (20, 4), (25, 4)] {
            let (hidden, shown) = window(line, left, cells);
            let (wide, all) = window(&format!("{line}é"), left, cells);
            assert!(hidden <= wide, "{left} {cells}");
            assert!(all.as_str().starts_with(shown.as_str()), "{left} {cells}");
            assert_eq!(offset_at(line, left), left.min(line.len()));
        }
        let mut editor = Editor::new("x".repeat(1 << 20));
        editor.to_end();
        for _ in 0..20 {
            press(&mut editor, &[KeyCode::Left, KeyCode::Char('y')]);
            editor.settle(4, 80);
            editor.window(4, 80);
            press(&mut editor, &[KeyCode::Backspace]);
        }
        assert_eq!(editor.text().len(), 1 << 20);
    }

    proptest::proptest! {
        #[test]
        fn no_keys_break_it(text in ".{0,20}\n.{0,9}", keys in proptest::collection::vec(0_u8..16, 0..60)) {
            let mut editor = Editor::new(text.clone());
            for key in keys {
                let key = match key {
                    0 => Key::plain(KeyCode::Left),
                    1 => Key::plain(KeyCode::Right),
                    2 => Key::plain(KeyCode::Backspace),
                    3 => Key::plain(KeyCode::Delete),
                    4 => Key::plain(KeyCode::Char('\u{301}')),
                    5 => Key::plain(KeyCode::Char('한')),
                    6 => Key::ctrl('w'),
                    7 => Key::plain(KeyCode::Up),
                    8 => Key::plain(KeyCode::Down),
                    9 => Key::plain(KeyCode::Enter),
                    10 => Key::plain(KeyCode::End),
                    11 => Key::ctrl('k'),
                    12 => { editor.undo(); continue }
                    13 => { editor.redo(); continue }
                    14 => Key { ctrl: true, ..Key::plain(KeyCode::Right) },
                    _ => Key::plain(KeyCode::Char('\u{200d}')),
                };
                editor.key(key);
                editor.settle(3, 10);
                proptest::prop_assert!(editor.text.is_char_boundary(editor.cursor));
                proptest::prop_assert!(editor.window(3, 10).iter().any(|row| row.cursor.is_some_and(|c| c < 10)));
            }
            while editor.undo() {}
            proptest::prop_assert_eq!(editor.text(), text);
        }
    }
}
