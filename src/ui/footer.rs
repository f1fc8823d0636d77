//! The footer: what has just happened, then the keys that are valid now. An entry is shown whole or not at all.

use ratatui::layout::Rect;

use super::canvas::{Canvas, cells};
use crate::app::screen::{Footer, Role, Span};
use crate::base::text::SafeText;

pub fn draw(footer: &Footer, area: Rect, canvas: &mut Canvas<'_>) {
    if area.width <= 2 || area.height == 0 {
        return;
    }
    let last = Rect {
        x: area.x + 1,
        y: area.bottom() - 1,
        width: area.width - 2,
        height: 1,
    };
    let Some(said) = &footer.notice else {
        keys(&footer.keys, last, canvas);
        return;
    };
    if area.height > 1 {
        let above = Rect {
            y: last.y - 1,
            ..last
        };
        notice(said, above, canvas);
        keys(&footer.keys, last, canvas);
        return;
    }
    let used = notice(said, last, canvas).saturating_add(3);
    if used < last.width {
        let rest = Rect {
            x: last.x + used,
            width: last.width - used,
            ..last
        };
        keys(&footer.keys, rest, canvas);
    }
}

fn notice(said: &Span, row: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let theme = canvas.theme();
    let style = theme.role(said.role);
    let sign = theme.signs().notice(said.role);
    let used = canvas.text(row.x, row.y, 1, sign, style) + 1;
    let room = row.width.saturating_sub(used);
    used + canvas.text(row.x + used, row.y, room, said.text.as_str(), style)
}

/// `p push  e event`. Gives the cells used.
pub fn keys(entries: &[(SafeText, SafeText)], row: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let theme = canvas.theme();
    let mut used = 0_u16;
    for (key, label) in entries {
        let gap = if used == 0 { 0 } else { 2 };
        let wide = cells(key.as_str()).saturating_add(1 + cells(label.as_str()));
        let end = used.saturating_add(gap).saturating_add(wide);
        if end > row.width {
            break;
        }
        let x = row.x + used + gap;
        let key_cells = canvas.text(x, row.y, wide, key.as_str(), theme.role(Role::Key)) + 1;
        let room = wide - key_cells.min(wide);
        canvas.text(
            x + key_cells,
            row.y,
            room,
            label.as_str(),
            theme.role(Role::Dim),
        );
        used = end;
    }
    used
}
