//! Where nothing changes, nothing is drawn and nothing is asked.

use std::time::Duration;

use crate::support::home::Home;
use crate::support::screen::Screen;

/// How often a frame ended.
fn frames(raw: &[u8]) -> usize {
    raw.windows(7).filter(|part| *part == b"\x1b]7777;").count()
}

/// Two round trips: what was still to be drawn is drawn by then.
fn settled(screen: &mut Screen) {
    for _ in 0..2 {
        screen.press("?").shows("Keys in Devices");
        screen.press("\x1b").shows("Enter its messages");
        screen.no_longer_shows("Keys in Devices");
    }
    screen.until_raw("the end of a frame", |raw| raw.ends_with(b"\x1b[?2026l"));
}

#[test]
fn an_idle_dashboard_writes_nothing_and_calls_nobody() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 120, 36);
    // What is awaited is that nothing happens: only here the limit is what ends the wait. First it looks at its devices.
    for _ in 0..20 {
        let mut events = home.control.events();
        settled(&mut screen);
        let before = screen.raw().len();
        let happened = home
            .runtime
            .block_on(events.until(Duration::from_secs(3), |_| true));
        if happened.is_none() {
            let drawn = String::from_utf8_lossy(&screen.raw()[before..]).into_owned();
            assert_eq!(drawn, "", "an idle screen was drawn again");
            return screen.leaves();
        }
    }
    panic!("it never came to rest");
}

#[test]
fn a_key_that_changes_nothing_draws_nothing() {
    let home = Home::quiet();
    let mut screen = Screen::start(&home, 120, 36, &["--frame-marks"]);
    screen.shows("● connected").shows("Dish washer");
    settled(&mut screen);
    let before = frames(&screen.raw());
    // No pane has a use for these; the one after them is seen to be read.
    screen.press("QWTUIO").press("?").shows("Keys in Devices");
    let drawn = frames(&screen.raw()) - before;
    assert!(drawn <= 2, "{drawn} frames for one change");
    screen.leaves();
}
