//! Topic filters: what is wanted, what the broker granted, what is muted.

use ratatui::layout::Rect;

use crate::app::screen::{FilterRow, Role};
use crate::ui::canvas::Canvas;
use crate::ui::widget::badge;
use crate::ui::widget::number::short;
use crate::ui::widget::rows::{self, Column, Slot};

const COLUMNS: [Column; 6] = [
    Column::new("Filter", 16, 20, 9).grows(),
    Column::new("", 1, 1, 8),
    Column::new("Granted", 17, 40, 7),
    Column::new("Msgs", 5, 5, 6).right(),
    Column::new("From", 7, 7, 3),
    Column::new("Opts", 6, 14, 4),
];

pub fn draw(filters: &[FilterRow], area: Rect, focused: bool, canvas: &mut Canvas<'_>) {
    let slots = rows::places(&COLUMNS, area, 0);
    let area = rows::headings(canvas, area, &COLUMNS, &slots, filters.len());
    for (line, filter) in rows::visible(area, filters, |row| row.selected) {
        row(filter, line.y, &slots, canvas);
        if filter.selected {
            rows::select(canvas, line, focused);
        }
    }
}

fn row(shown: &FilterRow, y: u16, slots: &[Slot; 6], canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let dim = theme.role(Role::Dim);
    let [filter, mark, detail, count, origin, options] = *slots;
    let role = if shown.muted { Role::Dim } else { Role::Normal };
    let style = theme.role(role);
    canvas.text(filter.x, y, filter.cells, shown.filter.as_str(), style);
    badge::draw_mark(canvas, mark.x, y, mark.cells, &shown.mark);
    let style = theme.role(shown.detail.role);
    canvas.text(detail.x, y, detail.cells, shown.detail.text.as_str(), style);
    if let Some(messages) = shown.count {
        rows::right(canvas, count, y, &short(messages), theme.role(role));
    }
    canvas.text(origin.x, y, origin.cells, shown.origin, dim);
    canvas.text(options.x, y, options.cells, shown.options.as_str(), dim);
}
