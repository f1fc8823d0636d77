//! F27: no size and no area makes the view panic.

use crate::{drawn, hostile, sample, sample::area};
use thingdeck::app::event::Size;
use thingdeck::app::screen::{Area, Overlay, Scroll};
use thingdeck::ui::Theme;

fn any_area(dice: &mut fastrand::Rng) -> Area {
    let mut side = |most: u16| match dice.u8(0..8) {
        0 => 0,
        1 => u16::MAX,
        _ => dice.u16(0..most),
    };
    area(side(300), side(120), side(300), side(120))
}

fn any_scroll(dice: &mut fastrand::Rng) -> Scroll {
    let mut rows = || match dice.u8(0..6) {
        0 => 0,
        1 => usize::MAX,
        _ => dice.usize(0..500),
    };
    Scroll {
        offset: rows(),
        total: rows(),
        shown: rows(),
    }
}

#[test]
fn areas_beyond_the_frame_are_clipped_on_any_size() {
    let mut dice = fastrand::Rng::with_seed(27);
    for round in 0..1500 {
        let (width, height) = match round % 4 {
            0 => (dice.u16(1..6), dice.u16(1..6)),
            1 => (dice.u16(1..500), dice.u16(1..12)),
            2 => (dice.u16(1..12), dice.u16(1..200)),
            _ => (dice.u16(1..140), dice.u16(1..50)),
        };
        let mut screen = sample::screen(120, 36);
        screen.size = Size { width, height };
        screen.too_small = dice.u8(0..20) == 0;
        for pane in &mut screen.panes {
            pane.area = any_area(&mut dice);
            pane.scroll = any_scroll(&mut dice);
            pane.focused = dice.bool();
        }
        dice.shuffle(&mut screen.panes);
        for mut overlay in [
            sample::palette(),
            sample::wizard(),
            sample::question(),
            sample::help(),
        ] {
            let (area, scroll) = (any_area(&mut dice), any_scroll(&mut dice));
            match &mut overlay {
                Overlay::Text(shown) => (shown.area, shown.scroll) = (area, scroll),
                Overlay::Choice(shown) => (shown.area, shown.scroll) = (area, scroll),
                Overlay::Form(shown) => shown.area = area,
                Overlay::Editor(shown) => shown.area = area,
                Overlay::Confirm(shown) => shown.area = area,
            }
            if dice.u8(0..4) == 0 {
                screen.overlays.push(overlay);
            }
        }
        let theme = match dice.u8(0..3) {
            0 => Theme::dark(),
            1 => Theme::plain(),
            _ => Theme::ansi16().with_ascii(),
        };
        hostile::check(&drawn(&screen, &theme));
    }
}

#[test]
fn every_small_terminal_is_drawn_without_panic() {
    for width in 1..=60 {
        for height in 1..=16 {
            let mut screen = sample::screen(120, 36);
            screen.size = Size { width, height };
            hostile::check(&drawn(&screen, &Theme::dark()));
            screen.overlays = vec![sample::wizard(), sample::question()];
            hostile::check(&drawn(&screen, &Theme::dark()));
            screen.too_small = true;
            hostile::check(&drawn(&screen, &Theme::dark()));
        }
    }
}

#[test]
fn rows_beyond_the_window_are_not_drawn_over_the_frame() {
    let mut pane = sample::messages(area(0, 0, 60, 40));
    pane.area.height = 6;
    let text = crate::pane_shown(pane);
    assert!(text.contains("▌ 20:41:22"), "{text}");
    assert!(text.lines().nth(5).unwrap().starts_with("╰─"), "{text}");
}
