//! Text of several lines to change.

use ratatui::layout::Rect;

use super::open;
use crate::app::screen::{EditorBox, Scroll};
use crate::ui::canvas::Canvas;
use crate::ui::pane::compose;

pub fn draw(shown: &EditorBox, canvas: &mut Canvas<'_>) {
    let scroll = Scroll::default();
    let area = open(canvas, shown.area, &shown.title, &shown.hint, scroll);
    let below = u16::try_from(shown.below.len()).unwrap_or(u16::MAX);
    for (y, line) in (area.y..area.bottom()).zip(&shown.intro) {
        canvas.line(area.x, y, area.width, line);
    }
    let above = u16::try_from(shown.intro.len())
        .unwrap_or(u16::MAX)
        .min(area.height);
    let text = Rect {
        y: area.y + above,
        height: (area.height - above).saturating_sub(below),
        ..area
    };
    compose::draw(&shown.rows, text, canvas);
    for (y, line) in (text.bottom()..area.bottom()).zip(&shown.below) {
        canvas.line(area.x, y, area.width, line);
    }
}
