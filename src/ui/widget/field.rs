//! A line of text being typed, with the terminal's own cursor at its caret.

use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::base::text;
use crate::ui::canvas::Canvas;

/// Draws `value` in `cells` cells, scrolled sideways so that the caret is seen. Gives the cells used.
pub fn draw(
    canvas: &mut Canvas<'_>,
    (x, y): (u16, u16),
    cells: u16,
    value: &str,
    caret: Option<u16>,
    style: Style,
) -> u16 {
    let Some(caret) = caret else {
        return canvas.text(x, y, cells, value, style);
    };
    if cells == 0 {
        return 0;
    }
    let (hidden, rest) = scrolled(value, caret.saturating_sub(cells - 1));
    let used = canvas.text(x, y, cells, rest, style);
    let at = caret.saturating_sub(hidden).min(cells - 1);
    if used <= at {
        canvas.text(x.saturating_add(at), y, 1, " ", style);
    }
    canvas.set_caret(x.saturating_add(at), y);
    used.max(at + 1).min(cells)
}

/// `value` without its first clusters, at least `cells` wide together, and how wide these were.
fn scrolled(value: &str, cells: u16) -> (u16, &str) {
    let mut hidden = 0;
    for (start, cluster) in value.grapheme_indices(true) {
        if hidden >= cells {
            return (hidden, value.get(start..).unwrap_or_default());
        }
        hidden += u16::try_from(text::width(cluster)).unwrap_or(0);
    }
    (hidden, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrolling_sideways_never_halves_a_syllable() {
        assert_eq!(scrolled("거실 에어컨", 0), (0, "거실 에어컨"));
        assert_eq!(scrolled("거실 에어컨", 1), (2, "실 에어컨"));
        assert_eq!(scrolled("거실 에어컨", 5), (5, "에어컨"));
        assert_eq!(scrolled("거실", 9), (4, ""));
    }
}
