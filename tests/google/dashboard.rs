//! The dashboard in a pseudo-terminal: attach, error, detach, command, configuration.

use crate::headless::plant;
use crate::home::{Home, until};
use crate::screen::Screen;

fn opened(home: &Home) -> Screen {
    let mut screen = Screen::start(home, 120, 36, &[]);
    screen
        .shows("connected")
        .shows("sensor-3")
        .shows("token 59 min");
    screen
}

fn cleared(screen: &mut Screen) {
    screen.press("/").shows("Enter keep");
    screen.press("\x1b").no_longer_shows("Enter keep");
}

#[test]
fn a_person_attaches_reads_the_error_detaches_and_sends_a_command() {
    let home = plant();
    let mut screen = opened(&home);
    until("attached at start", || {
        home.control.attached_to("gateway").len() == 2
    });

    screen.choose("sensor-3").press("p");
    screen.shows("sensor-3: ").shows("not associated");
    screen
        .press("s")
        .shows("because")
        .shows("GATEWAY_ATTACHMENT_ERROR");
    screen
        .shows("/devices/sensor-3/attach")
        .press("\x1b")
        .no_longer_shows("because");
    cleared(&mut screen);

    screen.choose("sensor-1").press("p");
    until("detached", || {
        !home
            .control
            .attached_to("gateway")
            .contains(&"sensor-1".to_owned())
    });
    screen.press("p");
    until("attached", || {
        home.control
            .attached_to("gateway")
            .contains(&"sensor-1".to_owned())
    });

    screen.press("x").shows("Send to sensor-1").press("blink");
    screen.press("\x13").shows("the command is sent");
    screen.until("the command in the stream", |text| {
        text.lines()
            .any(|l| l.contains(" command ") && l.contains("blink"))
    });
    screen
        .press("s")
        .shows("version 1")
        .shows("States")
        .shows("it has sent none");
    screen.press("\x1b").no_longer_shows("it has sent none");
    screen.leaves();
}

#[test]
fn a_newer_configuration_is_shown_before_it_is_overwritten() {
    let home = plant();
    let mut screen = opened(&home);
    screen
        .choose("sensor-2")
        .press("x")
        .shows("Send to sensor-2");
    screen.press("mine").press("\t").shows("< command >");
    screen
        .press("\x1b[C")
        .shows("< configuration >")
        .shows("Replaces version 1");
    home.control.send_config("sensor-2", "theirs");
    screen
        .press("\x13")
        .shows("somebody else was faster")
        .shows("theirs");
    screen
        .press("\x13")
        .shows("configuration version 3 is sent");
    let (version, data, _) = home.control.device_config("sensor-2").expect("one");
    assert_eq!((version, &data[..]), (3, &b"mine"[..]));
    screen.leaves();
}

#[test]
fn a_lost_connection_comes_back_with_its_attachments() {
    let home = plant();
    let mut screen = opened(&home);
    until("attached", || {
        home.control.attached_to("gateway").len() == 2
    });
    home.control.drop_connections();
    until("gone", || home.control.attached_to("gateway").is_empty());
    until("attached again", || {
        home.control.attached_to("gateway").len() == 2
    });
    let client = "projects/plant/locations/us-central1/registries/sensors/devices/gateway";
    let commands = "/devices/sensor-2/commands/#".to_owned();
    until("subscribed again", || {
        home.control.filters(client).contains(&commands)
    });
    home.control.send_command("sensor-2", "led", "after");
    screen.until("a command after the reconnect", |text| {
        text.contains("after")
    });
    home.control.block_device("sensor-2", true);
    screen.shows("is blocked");
    screen.leaves();
}

#[test]
fn the_demo_shows_the_gateway_and_what_lives_behind_it() {
    let home = Home::fresh();
    let mut screen = Screen::start(&home, 120, 36, &["demo", "google"]);
    screen
        .shows("simulated gateway")
        .shows("connected")
        .shows("sensor-1");
    screen.leaves();
}
