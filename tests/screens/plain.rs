//! F29: without colour nothing is lost. Styles carry attributes only, so that no colour command can wipe them.

use crate::{drawn, row_of, sample};
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use thingdeck::app::screen::{Body, Screen};
use thingdeck::ui::{ColourDepth, Theme};

fn everything() -> Vec<Screen> {
    let mut screens = vec![sample::screen(80, 24), sample::screen(120, 36)];
    for overlay in [
        sample::palette(),
        sample::wizard(),
        sample::question(),
        sample::help(),
    ] {
        let mut screen = sample::screen(120, 36);
        screen.header.insecure = true;
        screen.overlays = vec![overlay];
        screens.push(screen);
    }
    screens
}

#[test]
fn no_cell_has_a_colour() {
    let theme = Theme::pick("dark", true, ColourDepth::True);
    for screen in everything() {
        let buffer = drawn(&screen, &theme);
        for cell in buffer.content() {
            let colours = (cell.fg, cell.bg, cell.underline_color);
            assert_eq!(
                colours,
                (Color::Reset, Color::Reset, Color::Reset),
                "{cell:?}"
            );
        }
    }
}

fn reversed(buffer: &Buffer, y: u16) -> usize {
    let row = (0..buffer.area.width).map(|x| buffer[(x, y)].modifier);
    row.filter(|modifier| modifier.contains(Modifier::REVERSED))
        .count()
}

#[test]
fn the_selected_row_is_reversed_and_has_a_marker() {
    for theme in [Theme::plain(), Theme::ansi16(), Theme::plain().with_ascii()] {
        let screen = sample::screen(80, 24);
        let buffer = drawn(&screen, &theme);
        let y = row_of(&buffer, "거실 에어컨");
        assert_eq!(buffer[(1, y)].symbol(), theme.signs().marker);
        assert_eq!(reversed(&buffer, y), 77);
        assert_eq!(reversed(&buffer, y + 1), 0);
    }
}

#[test]
fn a_selected_row_of_few_colours_is_not_striped() {
    let buffer = drawn(&sample::screen(80, 24), &Theme::ansi16());
    let y = row_of(&buffer, "거실 에어컨");
    for x in 2..79 {
        let cell = &buffer[(x, y)];
        assert_eq!(
            (cell.fg, cell.bg),
            (Color::Reset, Color::Reset),
            "column {x}"
        );
    }
}

#[test]
fn a_pane_without_the_focus_still_shows_where_its_selection_is() {
    let buffer = drawn(&sample::screen(80, 24), &Theme::plain());
    let y = row_of(&buffer, "airConJobMode");
    assert_eq!(buffer[(1, y)].symbol(), "▌");
    assert_eq!(reversed(&buffer, y), 0);
}

#[test]
fn the_pane_with_the_focus_has_stronger_lines() {
    let buffer = drawn(&sample::screen(120, 36), &Theme::plain());
    assert_eq!(
        (buffer[(0, 2)].symbol(), buffer[(60, 2)].symbol()),
        ("┏", "╭")
    );
}

#[test]
fn in_ascii_no_other_sign_is_drawn_by_us() {
    let mut screen = sample::screen(120, 36);
    for pane in &mut screen.panes {
        match &mut pane.body {
            Body::Devices(rows) => rows.iter_mut().for_each(|row| row.name = "x".into()),
            Body::Subscriptions(rows) => rows.iter_mut().for_each(|row| row.what = "x".into()),
            Body::Messages(rows) => rows.iter_mut().for_each(|row| {
                row.source = "x".into();
                row.gist.clear();
            }),
            Body::Commands(rows) => rows.iter_mut().for_each(|row| row.device = "x".into()),
            body => *body = Body::Lines(Vec::new()),
        }
    }
    screen.footer.notice = None;
    let buffer = drawn(&screen, &Theme::dark().with_ascii());
    for cell in buffer.content() {
        assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
    }
}
