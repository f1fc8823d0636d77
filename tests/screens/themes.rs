//! What the coloured themes must do for every terminal.

use crate::{drawn, row_of, sample};
use ratatui::style::Color;
use thingdeck::ui::{ColourDepth, Theme};

#[test]
fn the_terminal_keeps_its_own_background() {
    for theme in [Theme::dark(), Theme::light(), Theme::ansi16()] {
        let mut screen = sample::screen(120, 36);
        screen.panes.truncate(1);
        let buffer = drawn(&screen, &theme);
        let selected = row_of(&buffer, "거실 에어컨");
        for y in (0..36).filter(|&y| y != selected) {
            for x in 0..120 {
                assert_eq!(buffer[(x, y)].bg, Color::Reset, "{x}, {y}");
            }
        }
    }
}

#[test]
fn the_selected_row_stands_on_a_ground_of_its_own_over_its_whole_width() {
    for theme in [Theme::dark(), Theme::light()] {
        let buffer = drawn(&sample::screen(80, 24), &theme);
        let y = row_of(&buffer, "거실 에어컨");
        let ground = buffer[(1, y)].bg;
        assert_ne!(ground, Color::Reset);
        for x in 1..79 {
            assert_eq!(buffer[(x, y)].bg, ground, "column {x}");
            assert_ne!(buffer[(x, y)].fg, Color::Reset, "column {x}");
        }
    }
}

#[test]
fn no_colour_is_drawn_that_the_terminal_has_not() {
    let buffer = drawn(
        &sample::screen(120, 36),
        &Theme::pick("dark", false, ColourDepth::Sixteen),
    );
    let rich = |colour: Color| matches!(colour, Color::Rgb(..) | Color::Indexed(_));
    assert!(
        !buffer
            .content()
            .iter()
            .any(|cell| rich(cell.fg) || rich(cell.bg))
    );
    let buffer = drawn(
        &sample::screen(120, 36),
        &Theme::pick("light", false, ColourDepth::TwoHundredFiftySix),
    );
    let rich = |colour: Color| matches!(colour, Color::Rgb(..));
    assert!(
        !buffer
            .content()
            .iter()
            .any(|cell| rich(cell.fg) || rich(cell.bg))
    );
}

#[test]
fn panes_step_back_behind_a_box_and_the_state_does_not() {
    let mut screen = sample::screen(120, 36);
    let before = drawn(&screen, &Theme::dark());
    screen.overlays = vec![sample::question()];
    let after = drawn(&screen, &Theme::dark());
    let y = row_of(&after, "안방 공기청정기");
    assert_ne!(before[(5, y)].fg, after[(5, y)].fg);
    for x in 0..120 {
        assert_eq!(before[(x, 0)], after[(x, 0)], "column {x}");
    }
}

/// Contrast of text against the two grounds a theme is made for, as WCAG counts it.
#[test]
fn ordinary_roles_can_be_read_on_the_background_they_are_made_for() {
    use thingdeck::app::screen::Role;
    let roles = [
        Role::Dim,
        Role::Good,
        Role::Warn,
        Role::Bad,
        Role::Pending,
        Role::Key,
        Role::Label,
        Role::Text,
        Role::Number,
        Role::Literal,
        Role::Changed,
    ];
    for (theme, ground) in [
        (Theme::dark(), (0x14, 0x18, 0x1f)),
        (Theme::light(), (0xff, 0xff, 0xff)),
    ] {
        for role in roles {
            let Some(Color::Rgb(r, g, b)) = theme.role(role).fg else {
                panic!("{role:?} has no colour");
            };
            let ratio = contrast((r, g, b), ground);
            assert!(ratio >= 4.5, "{role:?} on {ground:?}: {ratio:.1}");
        }
    }
}

fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}
