//! Lines that the core has wrapped already.

use ratatui::layout::Rect;

use crate::app::screen::Line;
use crate::ui::canvas::Canvas;

pub fn draw(lines: &[Line], area: Rect, canvas: &mut Canvas<'_>) {
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        canvas.line(area.x, y, area.width, line);
    }
}
