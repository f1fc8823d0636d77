//! Text to scroll: help, log, state tree, a problem.

use super::open;
use crate::app::screen::TextBox;
use crate::ui::canvas::Canvas;

pub fn draw(shown: &TextBox, canvas: &mut Canvas<'_>) {
    let area = open(canvas, shown.area, &shown.title, &shown.hint, shown.scroll);
    for (y, line) in (area.y..area.bottom()).zip(&shown.lines) {
        canvas.line(area.x, y, area.width, line);
    }
}
