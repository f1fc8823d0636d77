//! A list to choose from, with a line to search it.

use ratatui::layout::Rect;

use super::{intro, open};
use crate::app::screen::{ChoiceBox, ChoiceRow, FilterLine, Role};
use crate::ui::canvas::{Canvas, cells, width};
use crate::ui::widget::{field, rows};

pub fn draw(shown: &ChoiceBox, canvas: &mut Canvas<'_>) {
    let area = open(canvas, shown.area, &shown.title, &shown.hint, shown.scroll);
    let mut area = intro(canvas, area, &shown.intro);
    if let Some(line) = &shown.search {
        area = search(line, area, canvas);
    }
    // The marker stands in the column of air.
    let list = Rect {
        x: area.x.saturating_sub(1),
        width: area.width.saturating_add(u16::from(area.width > 0) * 2),
        ..area
    };
    for (line, choice) in rows::visible(list, &shown.rows, |row| row.selected) {
        row(choice, line, canvas);
        if choice.selected {
            rows::select(canvas, line, true);
        }
    }
}

fn search(line: &FilterLine, area: Rect, canvas: &mut Canvas<'_>) -> Rect {
    if area.height == 0 {
        return area;
    }
    let theme = canvas.theme();
    let used = canvas.text(
        area.x,
        area.y,
        area.width.min(2),
        "/ ",
        theme.role(Role::Key),
    );
    let room = area.width.saturating_sub(used);
    let at = (area.x + used, area.y);
    let style = theme.role(Role::Normal);
    let typed = field::draw(canvas, at, room, line.text.as_str(), line.cursor, style);
    if let Some(error) = &line.error {
        let x = at.0 + typed + 2;
        let room = area.right().saturating_sub(x);
        canvas.text(x, area.y, room, error.as_str(), theme.role(Role::Bad));
    }
    let rule = area.y + 1;
    if rule < area.bottom() {
        let across = theme.lines(false).across;
        canvas.repeat(area.x, rule, area.width, across, theme.frame(false));
    }
    let below = (area.y + 2).min(area.bottom());
    Rect {
        y: below,
        height: area.bottom() - below,
        ..area
    }
}

/// The name whole, and the detail at the right in what it leaves; a third of the room is the detail's in any case.
fn row(choice: &ChoiceRow, line: Rect, canvas: &mut Canvas<'_>) {
    let room = line.width.saturating_sub(3);
    let x = line.x + 2;
    let detail = choice.detail.text.as_str();
    let name = u16::try_from(width(&choice.name)).unwrap_or(u16::MAX);
    let left = room.saturating_sub(name.saturating_add(2));
    let wide = cells(detail).min(left.max(room / 3));
    let style = canvas.theme().role(choice.detail.role);
    canvas.text(x + room - wide, line.y, wide, detail, style);
    let gap = if wide == 0 { 0 } else { wide + 2 };
    canvas.line(x, line.y, room.saturating_sub(gap), &choice.name);
}
