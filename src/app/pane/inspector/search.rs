//! The search through the lines of the inspector.

use crate::app::lines;
use crate::app::screen::{PaneId, Role};
use crate::app::state::App;

impl App {
    pub(super) fn search_words(&self) -> Vec<String> {
        let needle = self.inspector.filter.needle();
        if needle.is_empty() {
            Vec::new()
        } else {
            vec![needle]
        }
    }

    /// Whether the search is in a line.
    fn hits(&self, line: usize, words: &[String]) -> bool {
        let pane = &self.inspector;
        match line.checked_sub(pane.heading.len()) {
            None => lines::has(&pane.heading[line], words),
            Some(row) => match (&pane.ready, pane.rows.get(row)) {
                (Some(ready), Some(row)) => ready.sheet.has(*row, words),
                _ => false,
            },
        }
    }

    fn line_at(&self) -> usize {
        if self.inspector.is_pointed() {
            self.inspector.cursor
        } else {
            self.inspector.offset
        }
    }

    pub(in super::super::super) fn inspector_search_changed(&mut self) {
        let words = self.search_words();
        if words.is_empty() {
            return;
        }
        let (from, total) = (self.inspector.offset, self.inspector.total());
        let found = (from..total)
            .chain(0..from)
            .find(|line| self.hits(*line, &words));
        self.reveal_line(found);
    }

    pub(in super::super::super) fn next_inspector_match(&mut self, forward: bool) {
        let words = self.search_words();
        if words.is_empty() {
            return;
        }
        let (at, total) = (self.line_at(), self.inspector.total());
        let from = at.min(total);
        let found = if forward {
            (from + 1..total)
                .chain(0..(from + 1).min(total))
                .find(|line| self.hits(*line, &words))
        } else {
            (0..from)
                .rev()
                .chain((from..total).rev())
                .find(|line| self.hits(*line, &words))
        };
        if found.is_none() {
            self.say(Role::Warn, "no match in this message");
        }
        self.reveal_line(found);
    }

    fn reveal_line(&mut self, line: Option<usize>) {
        let rows = self.rows(PaneId::Inspector);
        let pane = &mut self.inspector;
        let Some(line) = line else { return };
        if pane.is_pointed() {
            pane.point_at(line, rows);
        } else {
            pane.offset = line.min(pane.total().saturating_sub(rows));
        }
    }
}
