//! What a person sees: whole screens, single panes and boxes, drawn into a buffer.
//!
//! Snapshots hold the text; what colours and attributes must do is asserted in `plain.rs` and `themes.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test, as tests themselves may"
)]

mod boxes;
mod broker;
mod composer;
mod document;
mod fuzz;
mod hostile;
mod panes;
mod pictures;
mod plain;
mod sample;
mod sizes;
mod terminal;
mod themes;
mod things;
mod whole;

use ratatui::Terminal;
use ratatui::backend::{Backend as _, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use thingdeck::app::screen::{PaneView, Screen};
use thingdeck::ui::{self, Theme, picture};

/// The frame for a screen, on a terminal of the screen's size.
pub fn drawn(screen: &Screen, theme: &Theme) -> Buffer {
    drawn_with_caret(screen, theme).0
}

/// The frame and where the terminal's cursor stands, if it is shown.
pub fn drawn_with_caret(screen: &Screen, theme: &Theme) -> (Buffer, Option<Position>) {
    let backend = TestBackend::new(screen.size.width, screen.size.height);
    let mut terminal = Terminal::new(backend).unwrap();
    let buffer = terminal
        .draw(|frame| ui::view(screen, theme, frame))
        .unwrap()
        .buffer
        .clone();
    let shows = terminal.backend().cursor_visible();
    let caret = shows.then(|| terminal.backend_mut().get_cursor_position().unwrap());
    (buffer, caret)
}

/// The frame as text, under the theme without colours.
pub fn shown(screen: &Screen) -> String {
    picture::text(&drawn(screen, &Theme::plain()))
}

/// One pane that fills its area in the upper left corner, as text.
pub fn pane_shown(pane: PaneView) -> String {
    let (width, height) = (pane.area.width, pane.area.height + 1);
    let screen = sample::alone(width, height, pane);
    picture::text(&drawn(&screen, &Theme::plain()))
}

/// The row of the frame that holds `text`.
pub fn row_of(buffer: &Buffer, text: &str) -> u16 {
    let lines = picture::text(buffer);
    let row = lines.lines().position(|line| line.contains(text));
    let row = row.unwrap_or_else(|| panic!("no {text:?} in\n{lines}"));
    u16::try_from(row).unwrap()
}
