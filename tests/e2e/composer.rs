//! The composer in a pseudo-terminal, against a real broker.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::support::home::PATIENCE;
use crate::support::mosquitto::Mosquitto;
use crate::support::screen::Screen;

const SEND: &str = "\x13";
const EDITOR: &str = "\x05";

fn lab(lines: &str) -> Option<Mosquitto> {
    let broker = Mosquitto::open()?;
    broker.configure(lines);
    Some(broker)
}

/// The dashboard on that broker, once it is connected.
fn opened(broker: &Mosquitto, environment: &[(&str, &str)]) -> Screen {
    let mut screen = broker.dashboard((120, 36), &["-p", "lab"], environment);
    screen.shows("● connected");
    screen
}

/// The file of that name below the state folder.
fn kept(broker: &Mosquitto, name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir(broker.path("state/composer")).ok()?;
    let files = folders.flatten().map(|folder| folder.path().join(name));
    files.into_iter().find(|file| file.exists())
}

#[track_caller]
fn until_kept(broker: &Mosquitto, name: &str, wanted: &str) -> PathBuf {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = kept(broker, name);
        let text = found
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok());
        if text.is_some_and(|text| text.contains(wanted)) {
            return found.expect("just read");
        }
        assert!(
            Instant::now() < deadline,
            "{wanted:?} never came into {name}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn an_unsent_draft_survives_a_kill_and_a_damaged_one_is_said() {
    let Some(broker) = lab("") else { return };
    let mut screen = opened(&broker, &[]);
    screen.press("c").shows("Ctrl-S send");
    screen.press("home/lamp\r{\"on\": tru").shows("JSON error");
    let draft = until_kept(&broker, "draft.json", "tru");
    let mode = std::fs::metadata(&draft)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    screen.signal("KILL");
    screen.ends();

    let mut screen = opened(&broker, &[]);
    screen.shows("the draft of last time is back");
    screen
        .press("c")
        .shows("{\"on\": tru")
        .press("e}")
        .shows("valid JSON");
    until_kept(&broker, "draft.json", "true}");
    screen.signal("KILL");
    screen.ends();

    std::fs::write(&draft, b"{\"v\":1,\"at\":\0\xff").expect("writable");
    let mut screen = opened(&broker, &[]);
    screen.shows("was damaged and is not used");
    screen.press("c").shows("Ctrl-S send").leaves();
}

#[test]
fn a_message_is_sent_acknowledged_and_comes_back() {
    let Some(broker) = lab("topics = [\"home/#\"]\n") else {
        return;
    };
    let mut screen = opened(&broker, &[]);
    screen.shows("home/#").press("c").shows("Ctrl-S send");
    screen
        .press("home/거실\r{\"n\": {{seq}}}")
        .shows("valid JSON");
    screen.press("\t\t1").shows("< 1 >").press(SEND);
    screen.shows("home/거실: acknowledged after").shows("↑");
    until_kept(&broker, "history.jsonl", "{{seq}}");
    screen
        .press("\x12")
        .shows("History")
        .press("\r")
        .no_longer_shows("History")
        .shows("Ctrl-S send");
    screen.escape("Ctrl-S send").press("q");
    assert_eq!(screen.ends(), 0, "nothing unsent: it does not ask");
}

#[test]
fn the_editor_gets_the_terminal_and_gives_it_back() {
    let Some(broker) = lab("") else { return };
    let edit =
        "sh -c 'printf \"{\\\"edited\\\": 1}\" > \"$0\"; stty -a | grep -o \" echo \"; read x'";
    let mut screen = opened(&broker, &[("EDITOR", edit)]);
    #[cfg(target_os = "linux")]
    let before = screen.stty();
    screen
        .press("c")
        .shows("Ctrl-S send")
        .press("t\r1")
        .shows("1 byte");
    screen.press(EDITOR).shows("echo");
    // The editor has the keys, and its end of line ends it.
    screen
        .press("hjkl\n")
        .shows("the payload comes from the editor");
    screen.shows("{\"edited\": 1}").shows("valid JSON");
    #[cfg(target_os = "linux")]
    assert_eq!(screen.stty(), before);
    screen.press("\x1b").no_longer_shows("Ctrl-S send").leaves();
}

#[test]
fn what_a_broker_retains_is_counted_and_cleared_after_the_typed_word() {
    let Some(broker) = lab("") else { return };
    let port = broker.port.to_string();
    for n in 0..30 {
        let topic = format!("plant/{n}");
        let sent = Command::new("mosquitto_pub")
            .args(["-p", &port, "-r", "-q", "1", "-t", &topic, "-m", "x"])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
    }
    let mut screen = opened(&broker, &[]);
    screen
        .press(":")
        .shows("Commands")
        .press("clear retained\r");
    screen.shows("Below").press("plant\r");
    screen.shows("Clear 30 retained messages?");
    screen
        .press("plan\r")
        .shows("neither the topic nor the number");
    screen.press("t\r").shows("done: 30 cleared");
    screen.leaves();
    let left = broker.run(&["-p", "lab", "tail", "plant/#", "--for", "1s"]);
    assert_eq!(left.out, "");
}
