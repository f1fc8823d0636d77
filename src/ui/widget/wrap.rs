//! Breaking a line of spans where a box is too narrow for it.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::app::screen::{Line, Span};
use crate::base::text;

/// Lines of at most `cells` (at least one), broken at blanks where possible; the roles stay with their words.
pub fn wrap(line: &[Span], cells: u16) -> Vec<Line> {
    let mut page = Page {
        cells: usize::from(cells.max(1)),
        lines: vec![Line::new()],
        used: 0,
    };
    for span in line {
        for word in span.text.as_str().split_word_bounds() {
            page.word(word, span);
        }
    }
    page.lines
}

struct Page {
    cells: usize,
    /// Never empty.
    lines: Vec<Line>,
    used: usize,
}

impl Page {
    fn word(&mut self, word: &str, span: &Span) {
        let wide = text::width(word);
        if self.used + wide > self.cells && self.used > 0 {
            self.lines.push(Line::new());
            self.used = 0;
        }
        let starts_a_later_line = self.used == 0 && self.lines.len() > 1;
        if starts_a_later_line && word.trim().is_empty() {
            return;
        }
        if wide <= self.cells {
            self.add(word, wide, span);
            return;
        }
        for cluster in word.graphemes(true) {
            let wide = text::width(cluster);
            if self.used > 0 && self.used + wide > self.cells {
                self.lines.push(Line::new());
                self.used = 0;
            }
            self.add(cluster, wide, span);
        }
    }

    fn add(&mut self, piece: &str, wide: usize, span: &Span) {
        if let Some(line) = self.lines.last_mut() {
            line.push(Span::new(piece, span.role));
        }
        self.used += wide;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::screen::Role;

    fn words(lines: &[Line]) -> Vec<String> {
        let joined = |line: &Line| {
            line.iter()
                .map(|span| span.text.as_str())
                .collect::<String>()
        };
        lines
            .iter()
            .map(|line| joined(line).trim_end().to_owned())
            .collect()
    }

    #[test]
    fn a_line_breaks_at_blanks_and_keeps_its_roles() {
        let line = [
            Span::new("r", Role::Key),
            Span::new(" asks 우리집 again", Role::Dim),
        ];
        let lines = wrap(&line, 8);
        assert_eq!(words(&lines), ["r asks", "우리집", "again"]);
        assert_eq!(lines[0][0].role, Role::Key);
        assert_eq!(lines[2][0].role, Role::Dim);
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken_between_letters() {
        let line = [Span::new("공기청정기", Role::Normal)];
        assert_eq!(words(&wrap(&line, 5)), ["공기", "청정", "기"]);
        assert_eq!(words(&wrap(&[], 5)), [""]);
        assert_eq!(words(&wrap(&line, 0)).len(), 5);
    }
}
