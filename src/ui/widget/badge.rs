//! Marks of feeds and devices: a sign that is different for every state, with the time left where there is one.

use ratatui::style::Style;

use crate::app::screen::{Mark, Presence, Role};
use crate::ui::canvas::{Canvas, cells as width};
use crate::ui::theme::Theme;

pub fn presence(presence: Presence, theme: &Theme) -> (&'static str, Style) {
    let signs = theme.signs();
    match presence {
        Presence::Online => (signs.on, theme.role(Role::Good)),
        Presence::Offline => (signs.off, theme.role(Role::Dim)),
        Presence::Unknown => (signs.unknown, theme.role(Role::Dim)),
    }
}

/// The sign, the word for where there is room, and the style.
pub fn mark(mark: &Mark, theme: &Theme) -> (&'static str, &'static str, Style) {
    let signs = theme.signs();
    let dim = theme.role(Role::Dim);
    match mark {
        Mark::None => (signs.none, "none", dim),
        Mark::Unknown => (signs.unknown, "unknown", dim),
        Mark::Off => (signs.off, "off", dim),
        Mark::Unasked => (signs.on, "unasked", dim),
        Mark::On(_) => (signs.on, "on", theme.role(Role::Good)),
        Mark::Pending(true) => (signs.pending, "on", theme.role(Role::Pending)),
        Mark::Pending(false) => (signs.pending, "off", theme.role(Role::Pending)),
        Mark::Failed => (signs.failed, "failed", theme.role(Role::Bad)),
    }
}

/// The sign and, when it ends by itself or is not yet so, what comes of it: `● 23h40`, `◌ off`.
pub fn draw_mark(canvas: &mut Canvas<'_>, x: u16, y: u16, cells: u16, shown: &Mark) {
    let (sign, word, style) = mark(shown, canvas.theme());
    let used = canvas.text(x, y, cells, sign, style);
    let beside = match shown {
        Mark::On(Some(left)) => left.as_str(),
        Mark::Pending(_) => word,
        _ => return,
    };
    let room = cells.saturating_sub(used + 1);
    // Half a time would be another time: all of it or none.
    if width(beside) <= room {
        canvas.text(x + used + 1, y, room, beside, style);
    }
}
