//! The devices: presence, name, kind, feeds, what was heard last.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::app::screen::{DeviceRow, Role};
use crate::ui::canvas::{Canvas, cells};
use crate::ui::widget::badge;
use crate::ui::widget::number::short;
use crate::ui::widget::rows::{self, Column, GUTTER, Slot};

/// `feeds`: what the platform calls them.
fn columns([push, event]: [&'static str; 2]) -> [Column; 7] {
    [
        Column::new("Name", 14, 18, 9).grows(),
        Column::new("Type", 12, 20, 3),
        Column::new(push, cells(push), cells(push), 7),
        Column::new(event, cells(event).max(7), 8, 6),
        Column::new("Last", 4, 4, 5).right(),
        Column::new("Msgs", 5, 5, 4).right(),
        Column::new("Model", 20, 20, 1),
    ]
}

/// The presence dot and a blank.
const DOT: u16 = 2;

pub fn draw(
    devices: &[DeviceRow],
    feeds: [&'static str; 2],
    area: Rect,
    focused: bool,
    canvas: &mut Canvas<'_>,
) {
    let columns = columns(feeds);
    let slots = rows::places(&columns, area, DOT);
    let area = rows::headings(canvas, area, &columns, &slots, devices.len());
    for (line, device) in rows::visible(area, devices, |device| device.selected) {
        row(device, line, &slots, canvas);
        if device.selected {
            rows::select(canvas, line, focused);
        }
    }
}

fn row(device: &DeviceRow, line: Rect, slots: &[Slot; 7], canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let y = line.y;
    let dim = theme.role(Role::Dim);
    let [name, kind, push, event, last, count, model] = *slots;
    let room = |from: u16| line.width.saturating_sub(from);
    if device.marked {
        let sign = theme.signs().marked;
        canvas.text(line.x + 1, y, room(1).min(1), sign, theme.role(Role::Key));
    }
    let (dot, style) = badge::presence(device.presence, theme);
    canvas.text(line.x + GUTTER, y, room(GUTTER).min(1), dot, style);
    let weight = if device.fresh {
        Modifier::BOLD
    } else {
        Modifier::empty()
    };
    let normal = Style::new().add_modifier(weight);
    let used = canvas.text(name.x, y, name.cells, device.name.as_str(), normal);
    trouble_or_kind(device, (name, used), kind, y, canvas);
    badge::draw_mark(canvas, push.x, y, push.cells, &device.push);
    badge::draw_mark(canvas, event.x, y, event.cells, &device.event);
    let heard = if device.fresh { normal } else { dim };
    rows::right(canvas, last, y, &device.last, heard);
    if device.count > 0 {
        rows::right(canvas, count, y, &short(device.count), normal);
    }
    canvas.text(model.x, y, model.cells, device.model.as_str(), dim);
}

/// Trouble takes the kind's place; where that column is gone, what the name leaves free.
fn trouble_or_kind(
    device: &DeviceRow,
    (name, used): (Slot, u16),
    kind: Slot,
    y: u16,
    canvas: &mut Canvas<'_>,
) {
    let theme = canvas.theme();
    let Some(trouble) = &device.trouble else {
        canvas.text(
            kind.x,
            y,
            kind.cells,
            device.kind.as_str(),
            theme.role(Role::Dim),
        );
        return;
    };
    let (x, cells) = if kind.shown() {
        (kind.x, kind.cells)
    } else {
        (name.x + used + 1, name.cells.saturating_sub(used + 1))
    };
    let style = theme.role(Role::Bad);
    let sign = canvas.text(x, y, cells.min(1), theme.signs().failed, style);
    if cells > 2 {
        canvas.text(x + sign + 1, y, cells - sign - 1, trouble.as_str(), style);
    }
}
