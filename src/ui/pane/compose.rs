//! The composer: fields, the payload with its line numbers, what is wrong, and what became of the last messages.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::screen::{ComposeRow, Field, Role};
use crate::ui::canvas::{Canvas, cells};
use crate::ui::widget::field;

/// Cells before a line of the payload: its number and a blank; more where numbers are longer.
const NUMBER: u16 = 4;

pub fn draw(rows: &[ComposeRow], area: Rect, canvas: &mut Canvas<'_>) {
    if area.width <= NUMBER {
        return;
    }
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        match row {
            ComposeRow::Fields(fields) => match fields.as_slice() {
                [only] => wide(only, line, canvas),
                several => side_by_side(several, line, canvas),
            },
            ComposeRow::Text {
                number,
                text,
                cursor,
                broken,
            } => {
                let label = format!("{number:>3}");
                let theme = canvas.theme();
                let role = if *broken { Role::Bad } else { Role::Dim };
                let style = theme.role(role);
                let sign = if *broken { theme.signs().warning } else { " " };
                canvas.text(line.x, y, NUMBER.min(line.width), &label, style);
                canvas.text(line.x + NUMBER - 1, y, 1, sign, style);
                let x = line.x + NUMBER + 1;
                let room = line.right().saturating_sub(x);
                let normal = canvas.theme().role(Role::Normal);
                field::draw(canvas, (x, y), room, text.as_str(), *cursor, normal);
            }
            ComposeRow::Choice { text, selected } => choice(text.as_str(), *selected, line, canvas),
            ComposeRow::Line(spans) => {
                canvas.line(line.x + 1, y, line.width.saturating_sub(1), spans);
            }
        }
    }
}

/// Label and value, with a line to write on.
fn wide(field: &Field, line: Rect, canvas: &mut Canvas<'_>) {
    let used = label(field, line.x, line, canvas);
    let x = line.x + used + 1;
    let room = line.right().saturating_sub(x + 1);
    let theme = canvas.theme();
    let (style, frame) = (theme.role(Role::Normal), theme.frame(field.focused));
    let blank = theme.signs().blank_field;
    let at = (x, line.y);
    let used = field::draw(canvas, at, room, field.value.as_str(), field.cursor, style);
    canvas.repeat(x + used, line.y, room.saturating_sub(used), blank, frame);
}

/// `Kind text  QoS 1  …`; what has no room is left out.
fn side_by_side(fields: &[Field], line: Rect, canvas: &mut Canvas<'_>) {
    let mut x = line.x;
    for field in fields {
        let room = line.right().saturating_sub(x);
        let wide = cells(field.label.as_str()) + 2;
        if room <= wide {
            return;
        }
        let used = label(field, x, line, canvas);
        let value_at = x + used + 1;
        let room = line.right().saturating_sub(value_at);
        let role = if field.focused {
            Role::Normal
        } else {
            Role::Text
        };
        let style = canvas.theme().role(role);
        let used = canvas.text(value_at, line.y, room, field.value.as_str(), style);
        if field.focused {
            let spot = Rect {
                x: value_at,
                width: used,
                ..line
            };
            canvas.select(spot, true);
            canvas.set_caret(value_at, line.y);
        }
        x = value_at + used + 1;
    }
}

/// With the marker before it where it has the keys. Gives the cells used, the marker's with them.
fn label(field: &Field, x: u16, line: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let theme = canvas.theme();
    let style = if field.focused {
        canvas.text(x, line.y, 1, theme.signs().marker, theme.marker());
        theme.title(true)
    } else {
        theme.role(Role::Label)
    };
    let room = line.right().saturating_sub(x + 1);
    1 + canvas.text(x + 1, line.y, room, field.label.as_str(), style)
}

fn choice(text: &str, selected: bool, line: Rect, canvas: &mut Canvas<'_>) {
    let indent = 7.min(line.width);
    let role = if selected { Role::Normal } else { Role::Dim };
    let style: Style = canvas.theme().role(role);
    let x = line.x + indent;
    let used = canvas.text(x, line.y, line.width - indent, text, style);
    if selected {
        canvas.text(
            x - 1,
            line.y,
            1,
            canvas.theme().signs().marker,
            canvas.theme().marker(),
        );
        let spot = Rect {
            x,
            width: used,
            ..line
        };
        canvas.select(spot, true);
    }
}
