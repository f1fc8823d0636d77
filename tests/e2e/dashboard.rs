//! The main job, end to end.

use crate::support::home::Home;
use crate::support::screen::Screen;

fn main_job(columns: u16, rows: u16) {
    let home = Home::with_simulator();
    let mut screen = Screen::start(&home, columns, rows, &[]);
    screen
        .shows("Devices")
        .shows("connected")
        .shows("거실 에어컨");
    screen.press("p").until("push on", |s| {
        s.lines()
            .any(|l| l.contains("거실 에어컨") && l.contains('●'))
    });
    screen.press("e").until("a message of the device", |s| {
        s.contains("Messages") && s.contains("event")
    });
    screen.press("q");
    if screen.text().contains("quit") {
        screen.press("y");
    }
    assert_eq!(screen.ends(), 0);
}

#[test]
fn a_person_sees_devices_toggles_push_and_reads_messages_at_120x36() {
    main_job(120, 36);
}

#[test]
fn the_same_at_80x24() {
    main_job(80, 24);
}
