//! Boxes on top of the panes.
//!
//! The frame takes a line above and below and two columns on either side; title and hint stand in it. An explanation above
//! is followed by an empty line, a line to search by a rule.

mod choice;
mod confirm;
mod editor;
mod form;
mod text;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, cells};
use super::{clip, pane, widget::wrap};
use crate::app::screen::{Area, Line, Overlay, Role, Scroll};
use crate::base::text::SafeText;

pub fn draw(overlay: &Overlay, canvas: &mut Canvas<'_>) {
    match overlay {
        Overlay::Text(shown) => text::draw(shown, canvas),
        Overlay::Choice(shown) => choice::draw(shown, canvas),
        Overlay::Form(shown) => form::draw(shown, canvas),
        Overlay::Confirm(shown) => confirm::draw(shown, canvas),
        Overlay::Editor(shown) => editor::draw(shown, canvas),
    }
}

/// What all boxes have in common. Gives what is left inside, with a column of air on either side.
fn open(
    canvas: &mut Canvas<'_>,
    area: Area,
    title: &SafeText,
    hint: &SafeText,
    scroll: Scroll,
) -> Rect {
    let area = clip(area, canvas.area());
    if area.width < 4 || area.height < 2 {
        return Rect::default();
    }
    canvas.clear(area);
    let theme = canvas.theme();
    pane::outline(canvas, area, theme.frame(true), false);
    on_the_line(canvas, area, area.y, title, theme.title(true));
    on_the_line(canvas, area, area.bottom() - 1, hint, theme.role(Role::Dim));
    pane::bar(canvas, area, scroll, true);
    let inner = pane::inside(area);
    Rect {
        x: inner.x + 1,
        width: inner.width - 2,
        ..inner
    }
}

/// ` text ` in the frame's upper or lower line.
fn on_the_line(canvas: &mut Canvas<'_>, area: Rect, y: u16, text: &SafeText, style: Style) {
    let room = area.width.saturating_sub(6);
    if text.is_empty() || room == 0 {
        return;
    }
    let wide = cells(text.as_str()).min(room);
    let x = area.x + 2;
    canvas.text(x, y, 1, " ", Style::new());
    let used = canvas.text(x + 1, y, wide, text.as_str(), style);
    canvas.text(x + 1 + used, y, 1, " ", Style::new());
}

/// Draws `lines` from the top and gives what is left below them, after a row of air.
fn intro(canvas: &mut Canvas<'_>, area: Rect, lines: &[Line]) -> Rect {
    if lines.is_empty() {
        return area;
    }
    let mut below = area.y;
    let lines = lines.iter().flat_map(|line| wrap::wrap(line, area.width));
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        canvas.line(area.x, y, area.width, &line);
        below = y + 1;
    }
    let below = (below + 1).min(area.bottom());
    Rect {
        y: below,
        height: area.bottom() - below,
        ..area
    }
}
