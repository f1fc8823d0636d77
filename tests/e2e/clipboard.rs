//! Copying where there is no clipboard but the terminal's own: over SSH, in tmux, in screen (failure-modes.md F24).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::cloud::Publication;

use crate::support::home::Home;
use crate::support::screen::Screen;

/// No helper, and no display.
const BARE: [(&str, &str); 2] = [("PATH", "/nowhere"), ("TERM", "xterm-256color")];

fn plant() -> Home {
    Home::with(|options| options.platform = PlatformId::Mqtt)
}

/// The dashboard with these variables, and one message with this payload selected.
fn with_message(home: &Home, payload: &[u8], environment: &[(&str, &str)]) -> Screen {
    let url = home.ready().plain_url.clone().expect("an open door");
    let all = [&BARE, environment].concat();
    let arguments = ["--url", &url, "--topic", "clip/#"];
    let mut screen = Screen::start_with(home, 120, 36, &arguments, &all);
    screen.shows("● connected").shows("● QoS 1");
    home.control
        .publish(Publication::new("clip/it", payload.to_vec()));
    screen.shows("received 1").press("3");
    screen
}

fn sequence(payload: &[u8]) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(payload))
}

#[track_caller]
fn sends(screen: &mut Screen, wanted: &str) {
    screen.until_raw(wanted, |raw| {
        raw.windows(wanted.len())
            .any(|part| part == wanted.as_bytes())
    });
}

#[test]
fn y_sends_the_payload_to_the_terminal_whatever_is_around_it() {
    let home = plant();
    let payload = "{\"여기\": \"\u{1b}]52;c;eA==\u{7}\"}".as_bytes();
    let plain = sequence(payload);
    let tmux = format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b"));
    let screen = format!("\x1bP{plain}\x1b\\");
    let cases: [(&[(&str, &str)], String); 4] = [
        (&[], plain),
        (
            &[
                ("TMUX", "/tmp/tmux-0/default,1,0"),
                ("TERM", "screen-256color"),
            ],
            tmux,
        ),
        (&[("STY", "4711.pts-0.host")], screen.clone()),
        (&[("TERM", "screen")], screen),
    ];
    for (environment, wanted) in cases {
        let mut dashboard = with_message(&home, payload, environment);
        dashboard.press("y");
        sends(&mut dashboard, &wanted);
        dashboard.shows("copied: the terminal (OSC 52)");
        dashboard.leaves();
    }
}

#[test]
fn bytes_that_are_no_text_are_copied_as_hex() {
    let home = plant();
    let payload: Vec<u8> = (0..=255).collect();
    let pairs: Vec<String> = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = pairs.concat();
    let mut dashboard = with_message(&home, &payload, &[]);
    dashboard.press("y");
    sends(&mut dashboard, &sequence(hex.as_bytes()));
    dashboard
        .shows("copied: the terminal (OSC 52), as hex")
        .leaves();
}

#[test]
fn what_is_too_long_for_a_terminal_is_written_to_a_file_that_is_named() {
    let home = plant();
    let mut rng = fastrand::Rng::with_seed(24);
    let payload: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(60_000).collect();
    let mut dashboard = with_message(&home, &payload, &[("TMUX", "/tmp/tmux-0/default,1,0")]);
    dashboard.press("y").shows("written: ");
    let copied = the_file(&home, "copied-");
    assert!(
        std::fs::read(&copied).expect("there") == payload,
        "not the same bytes"
    );
    // Saving is asked for, whatever the length.
    dashboard.press(":save payload\r").shows("saved-");
    let saved = the_file(&home, "saved-");
    assert!(
        std::fs::read(&saved).expect("there") == payload,
        "not the same bytes"
    );
    for path in [copied, saved] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let raw = dashboard.raw();
    assert!(
        !raw.windows(5).any(|part| part == b"\x1b]52;"),
        "it was sent too"
    );
    dashboard.leaves();
}

/// A clipboard has no limit, and nobody is made to look for a file.
#[test]
fn what_is_too_long_for_a_terminal_goes_to_the_clipboard_where_there_is_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = plant();
    let (folder, clipboard) = (home.path("helpers"), home.path("clipboard"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let helper = folder.join("wl-copy");
    let script = format!("#!/bin/sh\nexec /bin/cat > '{}'\n", clipboard.display());
    std::fs::write(&helper, script).expect("writable");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).expect("ours");
    let payload = "거실 ".repeat(20_000);
    let path = folder.to_str().expect("text");
    let mut dashboard = with_message(&home, payload.as_bytes(), &[("PATH", path)]);
    dashboard
        .press("y")
        .shows("copied: the clipboard (it is too long for OSC 52)");
    let copied = std::fs::read(&clipboard).expect("there");
    assert!(copied == payload.as_bytes(), "not the same bytes");
    dashboard.leaves();
}

fn the_file(home: &Home, beginning: &str) -> std::path::PathBuf {
    let entries = std::fs::read_dir(home.path("state")).expect("a folder");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    let found = paths.find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(beginning)
    });
    found.unwrap_or_else(|| panic!("no {beginning}… in the state folder"))
}
