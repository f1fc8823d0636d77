//! The terminal is always given back (F28).

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use thingdeck::runtime::{logging, terminal};

use crate::support::home::{Home, PATIENCE};
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
    modes_are_off(&screen);
}

/// Every mode that was set was reset after it.
fn modes_are_off(screen: &Screen) {
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

/// Stops it in one way or another, looks at the terminal, and has it go on.
fn stops_and_goes_on(stop: impl FnOnce(&mut Screen)) {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 100, 30);
    let before = settings_of_a_fresh_terminal(&home);
    stop(&mut screen);
    screen.until_raw("the alternate screen is left", |raw| {
        raw.windows(8).any(|w| w == b"\x1b[?1049l")
    });
    screen.until_stopped();
    assert_eq!(screen.stty(), before);
    modes_are_off(&screen);
    screen.signal("CONT");
    screen.until_raw("the alternate screen is back", |raw| {
        let at = |needle: &[u8]| raw.windows(needle.len()).rposition(|w| w == needle);
        at(b"\x1b[?1049h") > at(b"\x1b[?1049l")
    });
    screen.shows("Devices").shows("● connected");
    screen
        .press("?")
        .shows("Keys in Devices")
        .escape("Keys in Devices");
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    assert_eq!(screen.stty(), before);
}

#[test]
fn ctrl_z_stops_and_fg_brings_it_back() {
    stops_and_goes_on(|screen| {
        screen.press("\x1a");
    });
}

#[test]
fn sigtstp_stops_and_sigcont_brings_it_back() {
    stops_and_goes_on(|screen| screen.signal("TSTP"));
}

#[test]
fn a_terminal_that_is_closed_ends_the_program() {
    let home = Home::quiet();
    let size = PtySize {
        rows: 30,
        cols: 100,
        pixel_width: 0,
        pixel_height: 0,
    };
    let pair = native_pty_system().openpty(size).expect("a terminal");
    let mut child = pair
        .slave
        .spawn_command(Screen::command(&home, &[]))
        .expect("it starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let (tell, told) = mpsc::channel();
    let connected = tell.clone();
    thread::spawn(move || {
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
            if String::from_utf8_lossy(&seen).contains("Dish washer") {
                break;
            }
        }
        drop(reader);
        connected.send("shown").expect("somebody waits");
    });
    assert_eq!(told.recv_timeout(PATIENCE), Ok("shown"));
    let mut killer = child.clone_killer();
    drop(pair.master);
    thread::spawn(move || {
        child.wait().expect("waited");
        // After the deadline nobody waits any more.
        let _ = tell.send("ended");
    });
    let ended = told.recv_timeout(PATIENCE);
    if ended.is_err() {
        killer.kill().expect("killed");
    }
    assert_eq!(ended, Ok("ended"), "it outlived its terminal");
}

const REPORTS: &str = "THINGDECK_TEST_REPORTS";

/// Not a test by itself: what [`a_panic_gives_the_terminal_back_and_leaves_a_report`] runs in a terminal of its own.
#[test]
#[ignore = "run by another test, in a terminal"]
fn panics_with_the_screen_taken() {
    let Some(folder) = std::env::var_os(REPORTS) else {
        return;
    };
    logging::catch_panics(PathBuf::from(folder));
    let _terminal = terminal::Terminal::take(true, false).expect("there is a terminal");
    panic!("on purpose");
}

#[test]
fn a_panic_gives_the_terminal_back_and_leaves_a_report() {
    let home = Home::quiet();
    let before = settings_of_a_fresh_terminal(&home);
    let folder = home.path("reports");
    let mut command = CommandBuilder::new(std::env::current_exe().expect("we run"));
    command.args([
        "--exact",
        "terminal::panics_with_the_screen_taken",
        "--ignored",
        "--nocapture",
    ]);
    command.env(REPORTS, &folder);
    command.cwd(home.path(""));
    let mut screen = Screen::run(command, 100, 30);
    assert_ne!(screen.ends(), 0);
    assert_eq!(screen.stty(), before);
    assert!(!screen.cursor_hidden(), "the cursor is visible");
    modes_are_off(&screen);
    let text = screen.text();
    assert!(text.contains("stopped by a defect of its own"), "{text}");
    let reports: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder of reports")
        .flatten()
        .map(|entry| std::fs::read_to_string(entry.path()).expect("text"))
        .collect();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("on purpose"), "{}", reports[0]);
}
