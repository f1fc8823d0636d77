//! Cells to draw on, clipped to the frame.
//!
//! The one way into the buffer. Text is laid down cluster by cluster: nothing that a terminal would obey gets through, a
//! wide glyph is drawn whole or not at all, and a glyph that loses one of its halves to what is drawn over it is taken
//! away. Work is bounded by the cells, not by the length of the text.

use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::theme::Theme;
use crate::app::screen::Span;
use crate::base::text;

/// Stands in the cell under the right half of a wide glyph. It is never written while the glyph is there, and being no
/// plain blank it makes the comparison of two frames write that cell once the glyph is gone: not every terminal blanks
/// the second half by itself.
const COVERED: &str = "\u{a0}";

pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    caret: Option<Position>,
}

impl<'a> Canvas<'a> {
    pub const fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self {
            buffer,
            theme,
            caret: None,
        }
    }

    pub const fn area(&self) -> Rect {
        self.buffer.area
    }

    pub const fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// Where the terminal's own cursor belongs, so that an input method composes in place.
    pub const fn caret(&self) -> Option<Position> {
        self.caret
    }

    pub fn set_caret(&mut self, x: u16, y: u16) {
        let position = Position::new(x, y);
        if self.area().contains(position) {
            self.caret = Some(position);
        }
    }

    pub const fn forget_caret(&mut self) {
        self.caret = None;
    }

    /// `text` from (`x`, `y`) on, at most `cells` wide, with a sign at the end where something was cut. Gives the
    /// cells used.
    pub fn text(&mut self, x: u16, y: u16, cells: u16, text: &str, style: Style) -> u16 {
        let mut pen = Pen::new(x, y, cells);
        self.ink(&mut pen, text, style);
        self.finish(&pen, style)
    }

    /// Like [`Self::text`], for a line of spans.
    pub fn line(&mut self, x: u16, y: u16, cells: u16, line: &[Span]) -> u16 {
        let mut pen = Pen::new(x, y, cells);
        let mut style = Style::new();
        for span in line {
            style = self.theme.role(span.role);
            self.ink(&mut pen, span.text.as_str(), style);
            if pen.full {
                break;
            }
        }
        self.finish(&pen, style)
    }

    /// One line of text in `area`'s first row.
    pub fn aligned(&mut self, area: Rect, text: &str, style: Style, alignment: Alignment) -> u16 {
        if area.height == 0 {
            return 0;
        }
        let x = area.x + indent(text::width(text), area.width, alignment);
        self.text(x, area.y, area.right() - x, text, style)
    }

    /// A line of spans in the middle of `area`'s first row.
    pub fn centred(&mut self, area: Rect, line: &[Span]) {
        if area.height == 0 {
            return;
        }
        let x = area.x + indent(width(line), area.width, Alignment::Center);
        self.line(x, area.y, area.right() - x, line);
    }

    /// `sign` again and again over `cells` cells.
    pub fn repeat(&mut self, x: u16, y: u16, cells: u16, sign: &'static str, style: Style) {
        let wide = sign.cell_width();
        debug_assert_eq!(wide, 1, "signs take one cell");
        for x in x..x.saturating_add(cells) {
            self.cell(x, y, sign, wide, style);
        }
    }

    /// Takes away whatever was drawn in `area`.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.area());
        for y in area.y..area.bottom() {
            self.mend_left(area.x, y);
            self.mend_right(area.right(), y);
            for x in area.x..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// Makes what was drawn in `area` the selected row.
    pub fn select(&mut self, area: Rect, focused: bool) {
        let area = area.intersection(self.area());
        for position in area.positions() {
            self.theme.select(&mut self.buffer[position], focused);
        }
    }

    /// Makes what was drawn in `area` step back behind a box.
    pub fn recede(&mut self, area: Rect) {
        let area = area.intersection(self.area());
        for position in area.positions() {
            self.theme.recede(&mut self.buffer[position]);
        }
    }

    fn ink(&mut self, pen: &mut Pen, text: &str, style: Style) {
        let mut rest = text;
        while !rest.is_empty() && !pen.full {
            let length = cluster_length(rest);
            let (cluster, tail) = rest.split_at(length);
            rest = tail;
            let unsafe_inside = cluster.chars().any(text::is_unsafe);
            if unsafe_inside {
                self.ink_escaped(pen, &text::escape(cluster), style);
            } else {
                self.put(pen, cluster, style);
            }
        }
    }

    /// [`text::escape`] keeps a joiner between two pictures only; what it gives back is drawn as it stands.
    fn ink_escaped(&mut self, pen: &mut Pen, text: &str, style: Style) {
        for cluster in text.graphemes(true) {
            self.put(pen, cluster, style);
        }
    }

    fn put(&mut self, pen: &mut Pen, cluster: &str, style: Style) {
        let cluster = match cluster.chars().next() {
            Some(c @ '\u{2800}'..='\u{28ff}') if self.theme.is_ascii() => plain_dots(c),
            _ => cluster,
        };
        let wide = cluster.cell_width();
        if wide == 0 || pen.full {
            return;
        }
        if pen.used + wide > pen.cells {
            pen.full = true;
            return;
        }
        let x = pen.x.saturating_add(pen.used);
        self.cell(x, pen.y, cluster, wide, style);
        pen.used += wide;
        if pen.used < pen.cells {
            pen.cut_at = pen.used;
        }
    }

    /// Puts the sign of a cut where text was left out. The last glyph that fitted gives way to it.
    fn finish(&mut self, pen: &Pen, style: Style) -> u16 {
        if !pen.full || pen.cells == 0 {
            return pen.used;
        }
        for used in pen.cut_at..pen.used {
            self.cell(pen.x.saturating_add(used), pen.y, " ", 1, style);
        }
        let sign = self.theme.signs().cut;
        self.cell(pen.x.saturating_add(pen.cut_at), pen.y, sign, 1, style);
        pen.cut_at + 1
    }

    fn cell(&mut self, x: u16, y: u16, cluster: &str, wide: u16, style: Style) {
        let area = self.area();
        let inside = x >= area.x && y >= area.y && y < area.bottom();
        if !inside || x.saturating_add(wide) > area.right() {
            return;
        }
        self.mend_left(x, y);
        self.mend_right(x + wide, y);
        let cell = &mut self.buffer[(x, y)];
        cell.reset();
        cell.set_symbol(cluster).set_style(style);
        for covered in x + 1..x + wide {
            let cell = &mut self.buffer[(covered, y)];
            cell.reset();
            cell.set_symbol(COVERED).set_style(style);
        }
    }

    /// A wide glyph to the left that reaches into (`x`, `y`) would hide what is drawn there. Some take more than two cells.
    fn mend_left(&mut self, x: u16, y: u16) {
        if self.is_narrow(x.checked_sub(1), y) {
            return;
        }
        let first = self.area().x;
        let Some(at) = (first..x)
            .rev()
            .find(|at| self.buffer[(*at, y)].symbol() != COVERED)
        else {
            return;
        };
        let symbol = self.buffer[(at, y)].symbol();
        if symbol.len() > 1 && symbol.cell_width() > x - at {
            for half in at..x {
                self.buffer[(half, y)].set_symbol(" ");
            }
        }
    }

    /// Almost all are: one byte is one cell, and no part of anything.
    fn is_narrow(&self, x: Option<u16>, y: u16) -> bool {
        let cell = x.and_then(|x| self.buffer.cell((x, y)));
        cell.is_none_or(|cell| cell.symbol().len() == 1)
    }

    /// The rest of a glyph whose beginning is drawn over becomes blank.
    fn mend_right(&mut self, x: u16, y: u16) {
        if self.is_narrow(Some(x), y) {
            return;
        }
        for covered in x..self.area().right() {
            if self.buffer[(covered, y)].symbol() != COVERED {
                return;
            }
            self.buffer[(covered, y)].set_symbol(" ");
        }
    }
}

/// Cells of a line of spans.
pub fn width(line: &[Span]) -> usize {
    line.iter().map(|span| span.text.width()).sum()
}

/// Cells of our own short texts.
pub fn cells(text: &str) -> u16 {
    u16::try_from(text::width(text)).unwrap_or(u16::MAX)
}

struct Pen {
    x: u16,
    y: u16,
    cells: u16,
    used: u16,
    /// Where the sign of a cut would go.
    cut_at: u16,
    full: bool,
}

impl Pen {
    const fn new(x: u16, y: u16, cells: u16) -> Self {
        Self {
            x,
            y,
            cells,
            used: 0,
            cut_at: 0,
            full: false,
        }
    }
}

fn indent(wide: usize, room: u16, alignment: Alignment) -> u16 {
    let wide = u16::try_from(wide).unwrap_or(u16::MAX);
    let free = room.saturating_sub(wide);
    match alignment {
        Alignment::Left => 0,
        Alignment::Center => free / 2,
        Alignment::Right => free,
    }
}

/// Braille dots for terminals that have none: how many there are.
const fn plain_dots(c: char) -> &'static str {
    match (c as u32 & 0xff).count_ones() {
        0 => " ",
        1 | 2 => ".",
        3..=5 => ":",
        _ => "#",
    }
}

/// Bytes of the first cluster.
fn cluster_length(text: &str) -> usize {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), None) => first.len_utf8(),
        (Some(first), Some(second)) if stands_alone(first) && stands_alone(second) => {
            first.len_utf8()
        }
        _ => text.graphemes(true).next().map_or(0, str::len),
    }
}

/// Most of what is drawn: ASCII that is not CR (which takes an LF along), boxes, dots, Han and whole Hangul syllables. None of them joins
/// another one (UAX #29, 3.1.1).
const fn stands_alone(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::picture;

    fn drawn(cells: u16, text: &str) -> (String, u16) {
        let theme = Theme::plain();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 1));
        let used = Canvas::new(&mut buffer, &theme).text(0, 0, cells, text, Style::new());
        (picture::text(&buffer).trim_end().to_owned(), used)
    }

    #[test]
    fn what_stands_alone_is_a_cluster_of_its_own_before_anything_that_does() {
        let alone: Vec<char> = ('\0'..=char::MAX).filter(|c| stands_alone(*c)).collect();
        assert!(alone.len() > 30_000);
        let some = ['a', ' ', '~', '─', '⣿', '中', '가', '각', '힣'];
        for first in alone {
            for second in some {
                let pair: String = [first, second].into_iter().collect();
                assert_eq!(pair.graphemes(true).count(), 2, "{pair:?}");
            }
        }
    }

    #[test]
    fn a_text_is_cut_like_everywhere_else() {
        for text in [
            "abc",
            "거실 에어컨",
            "a거실",
            "👨‍👩‍👧 집",
            "e\u{301}e\u{301}e\u{301}",
            "",
        ] {
            for cells in 0..14 {
                let fitted = text::fit(text, cells);
                let expected = (fitted.trim_end().to_owned(), text::width(&fitted));
                let (shown, used) = drawn(u16::try_from(cells).expect("small"), text);
                assert_eq!((shown, usize::from(used)), expected, "{text:?} in {cells}");
            }
        }
    }

    #[test]
    fn even_text_that_was_never_made_safe_is_shown_not_obeyed() {
        let (shown, _) = drawn(24, "a\u{1b}[2J\r\n\u{202e}b");
        assert_eq!(shown, "a\\e[2J\\r\\n\\u{202e}b");
    }

    #[test]
    fn what_is_drawn_over_half_a_letter_takes_the_other_half_away() {
        let theme = Theme::plain();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        let mut canvas = Canvas::new(&mut buffer, &theme);
        canvas.text(0, 0, 6, "거실방", Style::new());
        canvas.text(3, 0, 1, "x", Style::new());
        assert_eq!(picture::text(&buffer), "거 x방\n");
    }

    #[test]
    fn a_terminal_that_keeps_the_other_half_of_a_letter_is_told_to_blank_it() {
        let theme = Theme::plain();
        let mut before = Buffer::empty(Rect::new(0, 0, 6, 1));
        Canvas::new(&mut before, &theme).text(0, 0, 6, "거실방", Style::new());
        let mut after = before.clone();
        let mut canvas = Canvas::new(&mut after, &theme);
        canvas.text(2, 0, 1, "x", Style::new());
        canvas.clear(Rect::new(4, 0, 1, 1));
        let written: Vec<_> = before
            .diff(&after)
            .into_iter()
            .map(|(x, _, cell)| (x, cell.symbol().to_owned()))
            .collect();
        let expected = [(2, "x"), (3, " "), (4, " "), (5, " ")];
        assert_eq!(written, expected.map(|(x, s)| (x, s.to_owned())));
    }

    #[test]
    fn nothing_is_drawn_beyond_the_frame() {
        let theme = Theme::plain();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        let mut canvas = Canvas::new(&mut buffer, &theme);
        canvas.text(0, 0, u16::MAX, "a거b", Style::new());
        canvas.text(u16::MAX, 0, 9, "거", Style::new());
        canvas.text(0, 7, 9, "거", Style::new());
        canvas.set_caret(3, 0);
        assert_eq!(canvas.caret(), None);
        assert_eq!(picture::text(&buffer), "a거\n");
    }
}
