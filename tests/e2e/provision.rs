//! AWS: a claim becomes a thing, and a thing's connection state gets into its shadow.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use thingdeck::domain::profile::PlatformId;

use crate::support::home::{Home, collect, until};
use crate::support::screen::Screen;

fn account() -> Home {
    Home::with(|options| options.platform = PlatformId::Aws)
}

fn at_the_form(home: &Home, profile: &str) -> Screen {
    let arguments = ["-p", profile, "--log-level", "debug"];
    let mut screen = Screen::start(home, 120, 36, &arguments);
    screen.shows("● connected");
    screen.press(":").shows("Commands");
    screen
        .press("provision a new\r")
        .shows("Provision a new thing");
    screen
}

/// A line of the private key's middle.
fn secret_of(key: &Path) -> String {
    let text = std::fs::read_to_string(key).expect("the key");
    assert!(text.contains("PRIVATE KEY-----"), "a key");
    text.lines().nth(2).expect("a line").trim().to_owned()
}

fn is_private(path: &Path) {
    let mode = std::fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}

#[test]
fn a_claim_becomes_a_thing_that_connects_and_its_key_is_seen_nowhere() {
    let home = account();
    let mut screen = at_the_form(&home, "claim");
    screen
        .press("thingdeck\t\t\tSerialNumber=7")
        .shows("SerialNumber=7");
    screen.press("\x13").shows("A new thing");
    screen
        .shows("device-7")
        .shows("Device configuration")
        .shows("connected as device-7");
    screen
        .press("o")
        .shows("device-7 · AWS IoT Core   ● connected");
    screen.leaves();

    let files = home.files();
    let at = |name: &str| {
        let found = files.iter().find(|(path, _)| path.ends_with(name));
        found.map(|(path, _)| path.clone()).expect(name)
    };
    let (key, certificate) = (at("private.key"), at("certificate.pem"));
    is_private(&key);
    is_private(&certificate);
    let left = files.iter().map(|(path, _)| path.display().to_string());
    let left: Vec<_> = left.filter(|path| path.contains("provision.")).collect();
    assert!(left.is_empty(), "{left:?}");
    let config = std::fs::read_to_string(home.config()).expect("the config");
    assert!(config.contains("[profiles.device-7]"), "{config}");

    let secret = secret_of(&key);
    let raw = String::from_utf8_lossy(&screen.raw()).into_owned();
    assert!(!raw.contains(&secret), "the key was on the screen");
    for (path, content) in &files {
        let found = content
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found || *path == key, "the key is in {}", path.display());
    }
}

#[test]
fn a_refused_thing_says_why_and_goes_on_with_the_same_certificate() {
    let home = account();
    let mut screen = at_the_form(&home, "claim");
    screen.press("thingdeck\t\t\tSerialNumber=STOLEN1\x13");
    screen.shows("403 ACCESS_DENIED").shows("AWS deletes in");
    screen
        .press("\x7f\x7f\x7f\x7f\x7f\x7f\x7f8")
        .shows("SerialNumber=8");
    screen.press("\x13").shows("connected as device-8");
    screen.leaves();
}

#[test]
fn the_verb_provisions_with_a_claim_and_with_access_keys_and_prints_one_line() {
    let home = account();
    for (profile, serial, more) in [("claim", "1", "--csr"), ("fleet-wss", "2", "--no-check")] {
        let serial = format!("SerialNumber={serial}");
        let line = [
            "-p",
            profile,
            "provision",
            "--template",
            "thingdeck",
            "--param",
            &serial,
            more,
        ];
        let ended = home.run(&line).expect(0);
        let told: serde_json::Value = serde_json::from_str(&ended.out).expect("one line of JSON");
        let key = told["files"]["key"].as_str().expect("a path").to_owned();
        is_private(Path::new(&key));
        let secret = secret_of(Path::new(&key));
        assert!(!format!("{}{}", ended.out, ended.err).contains(&secret));
        assert!(
            ended.err.contains("[ok] register: thing device-"),
            "{}",
            ended.err
        );
    }
    // As the first thing: its certificate is one of this account.
    let published = [
        "-p",
        "device-1",
        "publish",
        "my/things/device-1/update",
        "{}",
        "--qos",
        "1",
    ];
    home.run(&published).expect(0);
}

#[test]
fn a_recording_of_the_answers_holds_neither_key_nor_token() {
    let home = account();
    let mut screen = Screen::start(&home, 120, 36, &["-p", "fleet"]);
    screen.shows("● connected");
    screen.press("R").shows("recording");
    screen.press(":").shows("Commands");
    screen
        .press("provision a new\r")
        .shows("Provision a new thing");
    screen
        .press("thingdeck\t\t\tSerialNumber=9\x13")
        .shows("connected as device-9");
    screen
        .press("\x1b")
        .no_longer_shows("connected as device-9");
    screen.press("R");
    screen.leaves();
    let mut found = Vec::new();
    collect(&home.path("state"), &mut found);
    let key = found_key(&home);
    let mut lines = 0;
    for (path, content) in &found {
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains(&key), "{}", path.display());
        let answers = text
            .lines()
            .filter(|line| line.contains("create/json/accepted") && line.starts_with('{'));
        for line in answers {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            for secret in ["privateKey", "certificateOwnershipToken"] {
                let told = line["payload"][secret].as_str().unwrap_or_default();
                assert!(told.len() < 10, "{secret}: {told}");
            }
            lines += 1;
        }
    }
    assert!(
        lines > 0,
        "the answer was recorded: {:?}",
        found.iter().map(|(p, _)| p).collect::<Vec<_>>()
    );
}

#[test]
fn the_recipe_is_shown_saved_and_proved() {
    let home = account();
    let mut screen = Screen::start(&home, 120, 36, &["-p", "fleet"]);
    screen.shows("● connected");
    screen.press(":").shows("Commands");
    screen.press("report connection\r").shows("Will topic");
    // Ctrl-U empties a field.
    screen.press("\x15RPI\t\x15my/things/RPI/update\x13");
    screen.shows("1 of 8").shows("on_connect = {");
    screen
        .press("\t")
        .shows("SELECT * FROM 'my/things/+/update'");
    screen
        .press("\t")
        .shows("$$aws/things/${topic(3)}/shadow/update");
    screen.press("\t").shows("iot.amazonaws.com");
    screen
        .press("t")
        .shows("the shadow turned connected = false");
    screen.press("\t").shows("1 of 8");
    screen.press("s").shows("o opens the profile with them");
    let config = std::fs::read_to_string(home.config()).expect("the config");
    assert!(
        config.contains("on_connect = { topic = \"$aws/things/RPI/shadow/update\""),
        "{config}"
    );
    assert!(config.starts_with("# Made by"), "comments stay: {config}");
    screen.press("o").shows("● connected");
    // Another profile: it says nothing of itself.
    let says = |connected: bool| {
        let ended = home.run(&["-p", "fleet-v5", "shadow", "get", "RPI"]);
        ended.out.contains(&format!("\"connected\":{connected}"))
    };
    until("the shadow says connected", || says(true));
    screen.leaves();
    until("the shadow says disconnected", || says(false));
}

fn found_key(home: &Home) -> String {
    let files = home.files();
    let key = files.iter().find(|(path, _)| path.ends_with("private.key"));
    secret_of(&key.expect("the thing's key").0)
}
