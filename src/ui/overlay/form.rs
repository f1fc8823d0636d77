//! Fields to fill in.

use ratatui::layout::Rect;

use super::{intro, open};
use crate::app::screen::{Field, FormBox, Role, Scroll};
use crate::ui::canvas::{Canvas, cells};
use crate::ui::widget::{field, wrap};

pub fn draw(shown: &FormBox, canvas: &mut Canvas<'_>) {
    let area = open(
        canvas,
        shown.area,
        &shown.title,
        &shown.hint,
        Scroll::default(),
    );
    let mut area = intro(canvas, area, &shown.intro);
    let labels = shown
        .fields
        .iter()
        .map(|field| cells(field.label.as_str()))
        .max()
        .unwrap_or(0)
        .min(area.width / 3);
    for input in &shown.fields {
        if area.height == 0 {
            return;
        }
        row(input, area, labels, canvas);
        area = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
    }
    let air = u16::from(!shown.fields.is_empty());
    let below = shown
        .below
        .iter()
        .flat_map(|line| wrap::wrap(line, area.width));
    for (y, line) in (area.y + air..area.bottom()).zip(below) {
        canvas.line(area.x, y, area.width, &line);
    }
}

/// Marker, label, value on a line of its own colour, note.
fn row(input: &Field, area: Rect, labels: u16, canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let y = area.y;
    let label_style = if input.focused {
        theme.title(true)
    } else {
        theme.role(Role::Label)
    };
    if input.focused {
        let x = area.x.saturating_sub(1);
        canvas.text(
            x,
            y,
            area.width.min(1),
            theme.signs().marker,
            theme.marker(),
        );
    }
    canvas.text(area.x, y, labels, input.label.as_str(), label_style);
    let x = area.x + labels + 2;
    let room = area.right().saturating_sub(x);
    let note_cells = input.note.as_ref().map_or(0, |note| {
        cells(note.text.as_str()).saturating_add(2).min(room / 2)
    });
    let value_room = room - note_cells;
    let blank = theme.signs().blank_field;
    let style = theme.role(Role::Normal);
    let at = (x, y);
    let caret = input.cursor.filter(|_| input.focused);
    let used = field::draw(canvas, at, value_room, input.value.as_str(), caret, style);
    let rest = value_room.saturating_sub(used);
    canvas.repeat(x + used, y, rest, blank, theme.frame(input.focused));
    if let Some(note) = &input.note {
        let style = theme.role(note.role);
        let x = x + value_room + 2;
        let room = area.right().saturating_sub(x);
        canvas.text(x, y, room, note.text.as_str(), style);
    }
}
