//! The terminal is always given back (F28).

use crate::support::home::Home;
use crate::support::screen::Screen;

/// Starts, waits for the dashboard, lets `leave` end it, and compares the terminal's settings.
fn given_back(leave: impl FnOnce(&mut Screen)) {
    let home = Home::with_simulator();
    let mut screen = Screen::start(&home, 100, 30, &[]);
    let before = settings_of_a_fresh_terminal(&home);
    screen.shows("Devices").shows("connected");
    assert_ne!(screen.stty(), before, "the dashboard uses raw mode");
    leave(&mut screen);
    screen.ends();
    assert_eq!(screen.stty(), before);
    assert!(!screen.cursor_hidden(), "the cursor is visible");
    let raw = String::from_utf8_lossy(&screen.raw()).into_owned();
    for (on, off) in [
        ("\x1b[?1049h", "\x1b[?1049l"),
        ("\x1b[?2004h", "\x1b[?2004l"),
        ("\x1b[?1000h", "\x1b[?1000l"),
    ] {
        assert!(raw.rfind(off) > raw.rfind(on), "{off:?} after {on:?}");
    }
}

fn settings_of_a_fresh_terminal(home: &Home) -> String {
    let mut other = Screen::start(home, 100, 30, &["--version"]);
    other.ends();
    other.stty()
}

#[test]
fn after_q() {
    given_back(|screen| {
        screen.press("q");
    });
}

#[test]
fn after_ctrl_c() {
    given_back(|screen| {
        screen.press("\x03");
    });
}

#[test]
fn after_sigterm() {
    given_back(|screen| screen.signal("TERM"));
}

#[test]
fn after_sighup() {
    given_back(|screen| screen.signal("HUP"));
}

#[test]
fn ctrl_z_stops_and_fg_brings_it_back() {
    let home = Home::with_simulator();
    let mut screen = Screen::start(&home, 100, 30, &[]);
    let before = settings_of_a_fresh_terminal(&home);
    screen.shows("Devices").shows("connected");
    screen.press("\x1a");
    screen.until_raw("the alternate screen is left", |raw| {
        raw.windows(8).any(|w| w == b"\x1b[?1049l")
    });
    screen.until_stopped();
    assert_eq!(screen.stty(), before);
    screen.signal("CONT");
    screen.until_raw("the alternate screen is back", |raw| {
        let at = |needle: &[u8]| raw.windows(needle.len()).rposition(|w| w == needle);
        at(b"\x1b[?1049h") > at(b"\x1b[?1049l")
    });
    screen.shows("Devices").shows("connected");
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    assert_eq!(screen.stty(), before);
}
