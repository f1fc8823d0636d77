//! A question, and the keys that answer it.

use ratatui::layout::Rect;

use super::open;
use crate::app::screen::{ConfirmBox, Scroll};
use crate::base::text::SafeText;
use crate::ui::canvas::Canvas;
use crate::ui::footer;
use crate::ui::widget::wrap;

pub fn draw(shown: &ConfirmBox, canvas: &mut Canvas<'_>) {
    let hint = SafeText::default();
    let area = open(canvas, shown.area, &shown.title, &hint, Scroll::default());
    if area.height == 0 {
        return;
    }
    // The answers stay when there is no room for all of the question.
    let last = area.bottom() - 1;
    let lines = shown
        .lines
        .iter()
        .flat_map(|line| wrap::wrap(line, area.width));
    for (y, line) in (area.y..last).zip(lines) {
        canvas.line(area.x, y, area.width, &line);
    }
    let answers = Rect {
        y: last,
        height: 1,
        ..area
    };
    footer::keys(&shown.answers, answers, canvas);
}
