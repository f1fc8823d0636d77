//! Secrets stay where they belong (F20).

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use thingdeck::domain::profile::PlatformId;

use crate::support::home::{Ended, Home, collect};
use crate::support::mosquitto::Mosquitto;
use crate::support::screen::Screen;

/// What a run left on screens, pipes and in files.
struct Traces(Vec<(String, Vec<u8>)>);

impl Traces {
    fn of(&mut self, home: &Home, arguments: &[&str]) {
        self.left(arguments, home.run(arguments));
    }

    fn left(&mut self, arguments: &[&str], ended: Ended) {
        let name = arguments.join(" ");
        self.0.push((format!("stdout of {name}"), ended.out.into()));
        self.0.push((format!("stderr of {name}"), ended.err.into()));
    }

    #[track_caller]
    fn hold_no(&self, secret: &str, what: &str) {
        for (place, content) in &self.0 {
            let found = content
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{what} in {place}");
        }
    }
}

/// The identity files that hold a private key, with the middle of the key.
fn keys(files: &[(PathBuf, Vec<u8>)]) -> Vec<(PathBuf, String)> {
    files
        .iter()
        .filter_map(|(path, content)| {
            let text = std::str::from_utf8(content).ok()?;
            let key = text.split("PRIVATE KEY-----").nth(1)?;
            let line = key.lines().filter(|l| l.len() > 20).nth(1)?;
            Some((path.clone(), line.trim().to_owned()))
        })
        .collect()
}

#[test]
fn tokens_and_keys_are_on_no_screen_in_no_pipe_and_in_no_other_file() {
    let home = Home::quiet();
    let canary = home.token();
    let mut traces = Traces(Vec::new());

    let mut screen = Screen::start(&home, 120, 36, &["--log-level", "debug"]);
    screen.shows("● connected").shows("Dish washer");
    screen.press("p").until_marks("Dish washer", "●●○");
    home.control
        .notify(&home.device("Dish washer"), "CLEANING_IS_COMPLETE");
    screen.shows("clean");
    screen.press("L").shows("REST GET devices");
    screen.escape("REST GET devices").leaves();
    traces.0.push(("the terminal".into(), screen.raw()));

    for arguments in [
        &["devices", "--log-level", "debug"] as &[&str],
        &["devices", "--json"],
        &["subs", "--log-level", "debug"],
        &["state", "Dish washer", "--log-level", "debug"],
        &["profile", "Dish washer"],
        &["profile-list"],
        &["profile-list", "--json"],
        &["tail", "--for", "1s", "--log-level", "debug"],
    ] {
        traces.of(&home, arguments);
    }

    let files = home.files();
    let keys = keys(&files);
    assert!(!keys.is_empty(), "there is a private key somewhere");
    for (path, _) in &keys {
        let mode = |path: &std::path::Path| {
            std::fs::metadata(path).expect("there").permissions().mode() & 0o777
        };
        assert_eq!(mode(path), 0o600, "{}", path.display());
        let folder = path.parent().expect("a folder");
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
        let others = std::fs::read_dir(folder).expect("readable").flatten();
        for other in others {
            assert_eq!(mode(&other.path()), 0o600, "{}", other.path().display());
        }
    }

    let wrong = "thinqpat_wr0ngc4nary";
    home.put_token(wrong);
    traces.of(&home, &["devices", "--log-level", "debug"]);
    let mut screen = Screen::start(&home, 120, 36, &["--log-level", "debug"]);
    screen.shows("A new access token").leaves();
    traces
        .0
        .push(("the terminal, refused".into(), screen.raw()));

    for (path, content) in home.files() {
        if !keys.iter().any(|(key, _)| *key == path) {
            traces.0.push((path.display().to_string(), content));
        }
    }
    let logged = traces.0.iter().any(|(place, _)| place.contains(".log"));
    assert!(logged, "there was a log to search");
    traces.hold_no(&canary, "the token");
    traces.hold_no(wrong, "the wrong token");
    for (_, key) in &keys {
        traces.hold_no(key, "the private key");
    }
}

/// What the broker's configuration holds, and what a person typed there, is left alone; the state is searched.
#[test]
fn the_password_of_a_broker_is_on_no_screen_in_no_pipe_and_in_no_file_but_its_own() {
    const RIGHT: &str = "right-c4nary";
    const WRONG: &str = "wrong-c4nary";
    let Some(broker) = Mosquitto::with(&[("me", RIGHT)], "") else {
        return;
    };
    std::fs::write(broker.path("password"), format!("{RIGHT}\n")).expect("writable");
    let mut traces = Traces(Vec::new());
    let ways = [
        ("from a file", "{ file = \"password\" }", RIGHT),
        ("from the environment", "{ env = \"LAB_PW\" }", RIGHT),
        ("wrong", "{ env = \"LAB_PW\" }", WRONG),
    ];
    for (name, place, password) in ways {
        broker.configure(&format!(
            "version = \"5\"\nusername = \"me\"\npassword = {place}\ntopics = [\"a/#\"]\n\
             will = {{ topic = \"gone\", payload = \"bye\", qos = 1 }}\n"
        ));
        let environment = [("LAB_PW", password)];
        let loud = ["-p", "lab", "--log-level", "debug"];
        let mut screen = broker.dashboard((120, 36), &loud, &environment);
        if password == RIGHT {
            screen.shows("● connected").shows("● QoS 1");
            screen.press("c").shows("Ctrl-S send");
            screen
                .press("a/b\rhello\x13")
                .shows("↑")
                .escape("Ctrl-S send");
        } else {
            screen.shows("refused: ").shows("because").escape("because");
        }
        screen
            .press("L")
            .shows("MQTT in CONNACK")
            .escape("MQTT in CONNACK")
            .leaves();
        traces
            .0
            .push((format!("the terminal, {name}"), screen.raw()));
        for arguments in [
            &[
                "-p",
                "lab",
                "--log-level",
                "debug",
                "tail",
                "--for",
                "200ms",
            ] as &[&str],
            &["-p", "lab", "--log-level", "debug", "publish", "a", "x"],
            &["-p", "lab", "subs"],
            &["profile-list", "--json"],
        ] {
            let mut command = broker.command(arguments);
            command.env("LAB_PW", password);
            traces.left(arguments, command.output().expect("it runs").into());
        }
    }
    let mut files = Vec::new();
    collect(&broker.path("state"), &mut files);
    collect(&broker.path("data"), &mut files);
    let contents = files
        .into_iter()
        .map(|(path, c)| (path.display().to_string(), c));
    traces.0.extend(contents);
    let logged = traces.0.iter().any(|(place, _)| place.contains(".log"));
    assert!(logged, "there was a log to search");
    traces.hold_no(RIGHT, "the password");
    traces.hold_no(WRONG, "the wrong password");
    // In MQTT the password is plain bytes, and base64 is no disguise.
    traces.hold_no("cmlnaHQtYzRuYXJ5", "the password in base64");
}

/// The simulator's own folder, where a person put them, is left alone; everything else is searched.
#[test]
fn keys_and_tokens_of_aws_are_on_no_screen_in_no_pipe_and_in_no_other_file() {
    const WRONG: &str = "wr0ngc4naryWR0NGC4NARYwr0ngc4naryWR0NGC4";
    let home = Home::with(|options| options.platform = PlatformId::Aws);
    home.control.freeze(true);
    let read = |name: &str| {
        let text = std::fs::read_to_string(home.config().with_file_name(name)).expect(name);
        text.trim().to_owned()
    };
    let (secret, token) = (read("temporary_secret_key"), read("session_token"));
    let key = read("deck.pem.key");
    let key = key.lines().nth(2).expect("the middle of it").to_owned();
    let mut traces = Traces(Vec::new());
    let loud = |traces: &mut Traces, profile: &str| {
        for deed in [
            &["devices"] as &[&str],
            &["devices", "--json"],
            &["shadow", "get", "RPI"],
            &["tail", "--for", "300ms"],
        ] {
            let front: &[&str] = &["-p", profile, "--log-level", "debug"];
            traces.of(&home, &[front, deed].concat());
        }
    };
    for profile in ["fleet", "fleet-wss"] {
        let arguments = ["-p", profile, "--log-level", "debug"];
        let mut screen = Screen::start(&home, 120, 36, &arguments);
        screen.shows("● connected").shows("RPI");
        screen
            .press("L")
            .shows("CONNACK")
            .escape("CONNACK")
            .leaves();
        traces
            .0
            .push((format!("the terminal, {profile}"), screen.raw()));
        loud(&mut traces, profile);
    }
    traces.of(&home, &["profile-list", "--json"]);
    std::fs::write(home.config().with_file_name("temporary_secret_key"), WRONG).expect("writable");
    let mut screen = Screen::start(&home, 120, 36, &["-p", "fleet-wss", "--log-level", "debug"]);
    screen
        .shows("refused: ")
        .shows("because")
        .escape("because")
        .leaves();
    traces
        .0
        .push(("the terminal, refused".into(), screen.raw()));
    loud(&mut traces, "fleet-wss");

    let files = home.files().into_iter();
    traces
        .0
        .extend(files.map(|(path, content)| (path.display().to_string(), content)));
    let logged = traces.0.iter().any(|(place, _)| place.contains(".log"));
    assert!(logged, "there was a log to search");
    traces.hold_no(&secret, "the secret access key");
    traces.hold_no(WRONG, "the wrong secret access key");
    // Its beginning stands the same in an address.
    traces.hold_no(&token[..40], "the session token");
    traces.hold_no("X-Amz-Signature", "a signed address");
    traces.hold_no(&key, "the private key");
}
