//! Lines that wait to be shown: one long text with marks in it, so that a hundred thousand lines cost little more than
//! their characters. Only the rows of the window become [`Line`]s.

use unicode_segmentation::UnicodeSegmentation as _;

use super::super::screen::{Line, Role, Span};
use crate::base::text::{self, SafeText};

/// Entries of one sheet; what is beyond is said to be there.
pub const MOST: usize = 200_000;

const NONE: u32 = u32::MAX;

/// One line of the document before it is broken at the window's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Where its text begins.
    text: u32,
    /// Its first piece.
    piece: u32,
    /// Cells that lines after the first are indented by.
    indent: u16,
    /// The entry that it stands in.
    parent: u32,
    /// The first entry that is no part of it: the next one, unless it opens something.
    end: u32,
    /// Its step of the path, in `steps`.
    step: (u32, u32),
    /// Values inside it.
    children: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    end: u32,
    role: Role,
}

/// A line as it fits the window: a part of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    entry: u32,
    from: u32,
    to: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sheet {
    text: String,
    pieces: Vec<Piece>,
    entries: Vec<Entry>,
    steps: String,
    rows: Vec<Row>,
    /// Entries that are open while the sheet is written.
    open: Vec<u32>,
    /// Has values with paths, and a cursor to point at them.
    pub pointed: bool,
    /// The sign of an opened entry stands in its first cell, and turns when it is folded.
    pub signs: bool,
    /// Entries that there was no room for.
    pub left_out: usize,
    /// What the rows are made for.
    cells: usize,
}

impl Sheet {
    /// Begins an entry, indented by `indent` cells; `step` is its part of the path.
    pub fn begin(&mut self, indent: usize, step: &str) -> bool {
        if self.entries.len() >= MOST {
            self.left_out += 1;
            return false;
        }
        let from = number(self.steps.len());
        self.steps.push_str(step);
        self.entries.push(Entry {
            text: number(self.text.len()),
            piece: number(self.pieces.len()),
            indent: u16::try_from(indent).unwrap_or(u16::MAX),
            parent: self.open.last().copied().unwrap_or(NONE),
            end: number(self.entries.len() + 1),
            step: (from, number(self.steps.len())),
            children: 0,
        });
        true
    }

    /// Puts text into the entry just begun.
    pub fn put(&mut self, text: &str, role: Role) {
        if text.is_empty() || self.left_out > 0 {
            return;
        }
        if text.chars().all(is_simple) {
            self.text.push_str(text);
        } else {
            self.text.push_str(SafeText::new(text).as_str());
        }
        let end = number(self.text.len());
        self.pieces.push(Piece { end, role });
    }

    /// The entry just begun holds those that follow, until [`Self::close`].
    pub fn open(&mut self, children: usize) {
        let last = self.entries.len().saturating_sub(1);
        if let Some(entry) = self.entries.last_mut() {
            entry.children = number(children);
        }
        self.open.push(number(last));
    }

    /// All that was begun since stands inside.
    pub fn close(&mut self) {
        let end = number(self.entries.len());
        if let Some(entry) = self
            .open
            .pop()
            .and_then(|n| self.entries.get_mut(n as usize))
        {
            entry.end = end;
        }
    }

    /// A line by itself.
    pub fn line(&mut self, text: &str, role: Role) {
        if self.begin(0, "") {
            self.put(text, role);
        }
    }

    /// A line at the very end, whether there is room for it or not.
    pub fn last_words(&mut self, text: &str) {
        self.entries.truncate(MOST - 8);
        self.left_out = 0;
        self.open.clear();
        self.line(text, Role::Warn);
    }

    /// Breaks the entries into rows of at most `cells`.
    pub fn lay(&mut self, cells: usize) {
        let cells = cells.max(1);
        self.cells = cells;
        self.rows.clear();
        for n in 0..self.entries.len() {
            let entry = self.entries[n];
            let (from, to) = (entry.text as usize, self.end_of(n));
            let hanging = self.hanging(&entry);
            let mut at = from;
            loop {
                let room = if at == from { cells } else { cells - hanging };
                let taken = beginning(&self.text[at..to], room);
                let end = if taken == 0 { to } else { at + taken };
                self.rows.push(Row {
                    entry: number(n),
                    from: number(at),
                    // Narrower than one character: nothing of it can be shown.
                    to: number(if taken == 0 { at } else { end }),
                });
                at = end;
                if at >= to {
                    break;
                }
            }
        }
    }

    /// Cells that the second row of an entry is indented by.
    fn hanging(&self, entry: &Entry) -> usize {
        (usize::from(entry.indent) + 2).min(self.cells / 2)
    }

    fn end_of(&self, entry: usize) -> usize {
        let next = self.entries.get(entry + 1);
        next.map_or(self.text.len(), |e| e.text as usize)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The rows that are seen when the entries in `folded` (in order) are shut.
    pub fn visible(&self, folded: &[u32]) -> Vec<u32> {
        if folded.is_empty() {
            return (0..number(self.rows.len())).collect();
        }
        let mut out = Vec::new();
        let mut row = 0;
        while let Some(found) = self.rows.get(row) {
            out.push(number(row));
            if folded.binary_search(&found.entry).is_ok() && self.opens(found.entry) {
                let end = self.entries[found.entry as usize].end;
                row += self.rows[row..].partition_point(|r| r.entry < end);
            } else {
                row += 1;
            }
        }
        out
    }

    pub fn entry_of(&self, row: u32) -> Option<u32> {
        self.rows.get(row as usize).map(|row| row.entry)
    }

    pub fn opens(&self, entry: u32) -> bool {
        self.entries
            .get(entry as usize)
            .is_some_and(|e| e.end > entry + 1)
    }

    pub fn parent(&self, entry: u32) -> Option<u32> {
        self.entries
            .get(entry as usize)
            .map(|e| e.parent)
            .filter(|parent| *parent != NONE)
    }

    /// Everything that opens and stands in something else.
    pub fn inner(&self) -> Vec<u32> {
        (0..number(self.entries.len()))
            .filter(|n| self.opens(*n) && self.parent(*n).is_some())
            .collect()
    }

    fn step(&self, entry: u32) -> &str {
        let Some(entry) = self.entries.get(entry as usize) else {
            return "";
        };
        let (from, to) = entry.step;
        self.steps
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    /// The steps that lead to an entry; empty for the whole and for what is no value.
    pub fn path(&self, entry: u32) -> Vec<String> {
        let mut steps = Vec::new();
        let mut at = Some(entry);
        while let Some(entry) = at {
            let step = self.step(entry);
            if !step.is_empty() {
                steps.push(step.to_owned());
            }
            at = self.parent(entry);
        }
        steps.reverse();
        steps
    }

    /// The entry that these steps lead to.
    pub fn find(&self, path: &[String]) -> Option<u32> {
        let (last, front) = path.split_last()?;
        let parent = match front {
            [] => None,
            _ => Some(self.find(front)?),
        };
        let (mut at, end) = match parent {
            Some(parent) => (parent + 1, self.entries[parent as usize].end),
            None => (0, number(self.entries.len())),
        };
        while at < end {
            if self.step(at) == last {
                return Some(at);
            }
            // The whole has no step of its own: look inside it.
            let skip = self.entries[at as usize].end;
            at = if parent.is_none() && self.step(at).is_empty() {
                at + 1
            } else {
                skip
            };
        }
        None
    }

    /// Whether one of `words` (lower case) stands in the row.
    pub fn has(&self, row: u32, words: &[String]) -> bool {
        let Some(row) = self.rows.get(row as usize) else {
            return false;
        };
        let text = self.text[row.from as usize..row.to as usize].to_ascii_lowercase();
        words
            .iter()
            .any(|w| !w.is_empty() && text.contains(w.as_str()))
    }

    /// A row as it is shown; one of a folded entry says how much is inside.
    pub fn shown(&self, row: u32, folded: &[u32]) -> Line {
        let Some(row) = self.rows.get(row as usize) else {
            return Line::new();
        };
        let entry = self.entries[row.entry as usize];
        let mut line = Line::new();
        if row.from > entry.text {
            line.push(Span::new(" ".repeat(self.hanging(&entry)), Role::Normal));
        }
        let first =
            self.pieces[entry.piece as usize..].partition_point(|piece| piece.end <= row.from);
        let mut at = row.from;
        for piece in &self.pieces[entry.piece as usize + first..] {
            if at >= row.to {
                break;
            }
            let end = piece.end.min(row.to);
            let text = &self.text[at as usize..end as usize];
            line.push(Span::new(text, piece.role));
            at = end;
        }
        if folded.binary_search(&row.entry).is_ok() && self.opens(row.entry) {
            self.fold(&mut line, &entry);
        }
        line
    }

    fn fold(&self, line: &mut Line, entry: &Entry) {
        if self.signs {
            if let Some(sign) = line.iter_mut().find(|s| s.text.as_str() == "- ") {
                *sign = Span::new("+ ", Role::Key);
            }
            return;
        }
        let closing = entry.end.saturating_sub(1) as usize;
        let from = self.entries.get(closing).map_or(0, |e| e.text as usize);
        let close = self.text[from..self.end_of(closing)].trim();
        line.push(Span::new(format!(" … {} ", entry.children), Role::Dim));
        line.push(Span::new(close, Role::Punctuation));
    }
}

/// Harmless, composed, and one cell wide.
const fn is_simple(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}')
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE - 1)
}

/// Bytes of the longest beginning that takes at most `cells`, between grapheme clusters.
fn beginning(text: &str, cells: usize) -> usize {
    // No character takes more cells than bytes.
    if text.len() <= cells {
        return text.len();
    }
    // One character more is looked at, for it might combine with the last one.
    let mut window = text.char_indices().take(cells + 1);
    if window.clone().all(|(_, c)| is_simple(c)) {
        return window.nth(cells).map_or(text.len(), |(at, _)| at);
    }
    let mut used = 0;
    let mut end = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        used += text::width(cluster);
        if used > cells {
            break;
        }
        end = at + cluster.len();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::default();
        sheet.begin(0, "");
        sheet.put("{", Role::Punctuation);
        sheet.open(2);
        sheet.begin(2, ".a");
        sheet.put("  \"a\": [", Role::Label);
        sheet.open(1);
        sheet.begin(4, "[0]");
        sheet.put("    12345678", Role::Number);
        sheet.begin(2, "");
        sheet.put("  ],", Role::Punctuation);
        sheet.close();
        sheet.begin(2, ".b");
        sheet.put("  \"b\": 1", Role::Label);
        sheet.begin(0, "");
        sheet.put("}", Role::Punctuation);
        sheet.close();
        sheet.lay(10);
        sheet
    }

    fn texts(sheet: &Sheet, folded: &[u32]) -> Vec<String> {
        sheet
            .visible(folded)
            .into_iter()
            .map(|row| {
                sheet
                    .shown(row, folded)
                    .iter()
                    .map(|s| s.text.as_str())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn rows_are_broken_at_the_width_and_folded_at_will() {
        let sheet = sheet();
        assert_eq!(
            texts(&sheet, &[]),
            [
                "{",
                "  \"a\": [",
                "    123456",
                "     78",
                "  ],",
                "  \"b\": 1",
                "}"
            ]
        );
        assert_eq!(
            texts(&sheet, &[1]),
            ["{", "  \"a\": [ … 1 ],", "  \"b\": 1", "}"]
        );
        assert_eq!(texts(&sheet, &[0]), ["{ … 2 }"]);
    }

    #[test]
    fn paths_lead_there_and_back() {
        let sheet = sheet();
        assert_eq!(sheet.path(2), [".a", "[0]"]);
        assert_eq!(sheet.path(0), Vec::<String>::new());
        for entry in [1, 2, 4] {
            assert_eq!(sheet.find(&sheet.path(entry)), Some(entry));
        }
        assert_eq!(sheet.find(&[".a".to_owned(), "[7]".to_owned()]), None);
    }

    #[test]
    fn nothing_is_cut_inside_a_character() {
        let mut sheet = Sheet::default();
        sheet.line("거실 에어컨 e\u{301}e\u{301}", Role::Text);
        for cells in 1..20 {
            sheet.lay(cells);
            let shown: String = (0..sheet.rows.len())
                .map(|n| sheet.rows[n])
                .map(|r| &sheet.text[r.from as usize..r.to as usize])
                .collect();
            if cells > 3 {
                assert_eq!(
                    shown,
                    SafeText::new("거실 에어컨 e\u{301}e\u{301}").as_str()
                );
            }
        }
    }
}
