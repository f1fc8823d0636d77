//! The commands so far, and what became of them.

use ratatui::layout::Rect;

use crate::app::screen::{CommandRow, Role};
use crate::ui::canvas::Canvas;
use crate::ui::widget::rows::{self, Column, Slot};

const COLUMNS: [Column; 4] = [
    Column::new("Time", 8, 8, 3),
    Column::new("Device", 10, 18, 5),
    Column::new("Command", 16, 24, 9).grows(),
    Column::new("Outcome", 20, 36, 7),
];

pub fn draw(commands: &[CommandRow], area: Rect, focused: bool, canvas: &mut Canvas<'_>) {
    let slots = rows::places(&COLUMNS, area, 0);
    let area = rows::headings(canvas, area, &COLUMNS, &slots, commands.len());
    for (line, command) in rows::visible(area, commands, |row| row.selected) {
        row(command, line.y, &slots, canvas);
        if command.selected {
            rows::select(canvas, line, focused);
        }
    }
}

fn row(command: &CommandRow, y: u16, slots: &[Slot; 4], canvas: &mut Canvas<'_>) {
    let theme = canvas.theme();
    let [time, device, what, outcome] = *slots;
    canvas.text(time.x, y, time.cells, &command.time, theme.role(Role::Dim));
    canvas.text(
        device.x,
        y,
        device.cells,
        command.device.as_str(),
        theme.role(Role::Normal),
    );
    canvas.text(
        what.x,
        y,
        what.cells,
        command.what.as_str(),
        theme.role(Role::Label),
    );
    let style = theme.role(command.outcome.role);
    canvas.text(
        outcome.x,
        y,
        outcome.cells,
        command.outcome.text.as_str(),
        style,
    );
}
