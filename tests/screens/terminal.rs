//! The bytes that a terminal gets, read by a terminal emulator.

use crate::{drawn, sample};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};
use thingdeck::app::screen::{Body, Screen};
use thingdeck::ui::{self, Theme, picture};

/// What is sent for these frames, one after the other.
fn sent(screens: &[&Screen], theme: &Theme) -> Vec<u8> {
    let size = screens[0].size;
    let mut bytes = Vec::new();
    let options = TerminalOptions {
        viewport: Viewport::Fixed(Rect::new(0, 0, size.width, size.height)),
    };
    let backend = CrosstermBackend::new(&mut bytes);
    let mut terminal = Terminal::with_options(backend, options).unwrap();
    for screen in screens {
        terminal
            .draw(|frame| ui::view(screen, theme, frame))
            .unwrap();
    }
    drop(terminal);
    bytes
}

fn emulator(bytes: &[u8], screen: &Screen) -> vt100::Parser {
    let cells = |side: u16| side.try_into().expect("a side has cells");
    let (height, width) = (cells(screen.size.height), cells(screen.size.width));
    let mut parser = vt100::Parser::new(height, width, 0);
    parser.process(bytes);
    parser
}

fn seen(parser: &vt100::Parser) -> String {
    let (_, columns) = parser.screen().size();
    let rows = parser.screen().rows(0, columns.get());
    rows.map(|row| row.trim_end().to_owned() + "\n").collect()
}

fn first_frame() -> Screen {
    let mut screen = sample::screen(120, 36);
    if let Body::Devices(rows) = &mut screen.panes[0].body {
        // Terminals do not agree on the width of pictures.
        rows[6].name = "현관 센서".into();
    }
    screen
}

#[test]
fn the_terminal_shows_what_was_drawn() {
    let screen = first_frame();
    let parser = emulator(&sent(&[&screen], &Theme::dark()), &screen);
    assert_eq!(
        seen(&parser),
        picture::text(&drawn(&screen, &Theme::dark()))
    );
}

#[test]
fn opening_and_closing_a_box_over_wide_letters_leaves_nothing_behind() {
    let screen = first_frame();
    for x in 0..24 {
        let mut boxed = first_frame();
        let mut overlay = sample::question();
        if let thingdeck::app::screen::Overlay::Confirm(question) = &mut overlay {
            question.area = sample::area(x, 3, 41, 9);
        }
        boxed.overlays = vec![overlay];
        for frames in [vec![&screen, &boxed], vec![&screen, &boxed, &screen]] {
            let last = frames[frames.len() - 1];
            let parser = emulator(&sent(&frames, &Theme::dark()), &screen);
            assert_eq!(seen(&parser), picture::text(&drawn(last, &Theme::dark())));
        }
    }
}

#[test]
fn without_colour_the_selected_row_is_reversed_on_the_terminal_itself() {
    let screen = first_frame();
    let parser = emulator(&sent(&[&screen], &Theme::plain()), &screen);
    let row = (0..36)
        .find(|&row| {
            let cell = parser.screen().cell(row, 1);
            cell.is_some_and(|cell| cell.contents() == "▌")
        })
        .expect("a marker");
    let is_reversed = |row: u16, column: u16| {
        let cell = parser.screen().cell(row, column).unwrap();
        cell.inverse() || cell.is_wide_continuation()
    };
    assert!(
        (2..58).all(|column| is_reversed(row, column)),
        "{}",
        seen(&parser)
    );
    assert!(!(2..58).all(|column| is_reversed(row + 1, column)));
}

#[test]
fn nothing_hostile_is_sent() {
    let mut screen = first_frame();
    if let Body::Devices(rows) = &mut screen.panes[0].body {
        for (row, name) in rows.iter_mut().zip(sample::awkward()) {
            row.name = name;
        }
    }
    let bytes = sent(&[&screen], &Theme::dark());
    let text = String::from_utf8(bytes).unwrap();
    for evil in [
        "\u{1b}]",
        "\u{1b}[31mred",
        "\u{7}",
        "\u{202e}",
        "\u{200b}",
        "\u{e0041}",
    ] {
        assert!(!text.contains(evil), "{evil:?} was sent");
    }
}

#[test]
fn nothing_is_sent_when_nothing_has_changed() {
    let screen = first_frame();
    let once = sent(&[&screen], &Theme::dark()).len();
    let twice = sent(&[&screen, &screen], &Theme::dark()).len();
    assert!(
        twice - once < 40,
        "{} bytes for a frame without change",
        twice - once
    );
}
