//! What others send is shown, never obeyed (F14).

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::screen::Screen;

/// ESC with CSI, OSC 52 with BEL, CR, NUL, a C1 CSI, and a right-to-left override, around a word that can be found.
const EVIL: &str = "ev\x1b[31;5mil\x1b]52;c;aGFja2Vk\x07\r\0\u{9b}2J\u{202e}gnp\u{2066}";

/// What must never reach a terminal as it is.
fn is_harmless(raw: &[u8]) {
    for (name, bytes) in [
        ("the colour", &b"\x1b[31;5m"[..]),
        ("OSC 52", b"\x1b]52;"),
        ("BEL", b"\x07"),
        ("CR", b"\r"),
        ("NUL", b"\0"),
        ("a C1 control", "\u{9b}".as_bytes()),
        ("the override", "\u{202e}".as_bytes()),
        ("the isolate", "\u{2066}".as_bytes()),
    ] {
        let found = raw.windows(bytes.len()).any(|part| part == bytes);
        assert!(!found, "{name} reached the terminal");
    }
}

/// The view that the inspector's title names: `tree` of `tree · .alias`.
fn view_in(text: &str) -> String {
    let title = text.lines().find(|line| line.contains("4 Inspector"));
    let note = title.and_then(|line| line.rsplit("── ").next());
    let word = note.and_then(|note| note.split_whitespace().next());
    // Without a note, the frame is what stands there.
    let word = word.filter(|word| word.chars().all(char::is_alphabetic));
    word.unwrap_or_default().to_owned()
}

#[test]
fn hostile_names_and_payloads_are_shown_escaped() {
    let home = Home::quiet();
    let id = home.device("Dish washer");
    let mut screen = Screen::opened(&home, 160, 40);
    let client = home.control.clients()[0].clone();
    screen.press("p").until_marks("Dish washer", "●●○");
    home.control.rename_device(&id, EVIL);
    screen.until("the name, escaped", |text| {
        text.lines().any(|l| l.starts_with('│') && l.contains("ev"))
            && !text.contains("● Dish washer")
    });
    home.control.notify(&id, EVIL);
    home.control
        .publish_raw(&client, format!("not JSON {EVIL} at all"));
    home.control
        .publish_raw(&client, vec![0xff, 0x1b, b'[', b'2', b'J', 0, 0x9b]);
    home.control.publish_raw(
        &client,
        json!({"pushType": EVIL, EVIL: {"deviceId": EVIL}}).to_string(),
    );
    home.control.publish_to(
        &format!("app/clients/{client}/push"),
        format!("{{\"pushType\":\"DEVICE_PUSH\",\"deviceId\":\"{id}\",\"pushCode\":\"\x1b]52;c;eA==\x07\"}}"),
    );
    screen.shows("received 6");
    screen.press("3g").shows("Enter inspect");
    for _ in 0..6 {
        screen.press("\r").shows("v view");
        // Round through all the views that there are of this one, until the first comes again.
        screen.until("a view", |text| !view_in(text).is_empty());
        let mut seen = vec![view_in(&screen.text())];
        loop {
            screen.press("v").until("another view", |text| {
                let view = view_in(text);
                !view.is_empty() && seen.last() != Some(&view)
            });
            let view = view_in(&screen.text());
            if seen.contains(&view) {
                break;
            }
            seen.push(view);
        }
        for view in ["raw", "hex"] {
            assert!(seen.iter().any(|s| s == view), "{seen:?}");
        }
        screen.press("\x1b").shows("Enter inspect");
        screen.press("j");
    }
    screen.press("1").shows("Enter its messages");
    screen.press("?").shows("Keys in").escape("Keys in");
    screen
        .press("L")
        .shows("MQTT in PUBLISH")
        .escape("MQTT in PUBLISH");
    screen.press("s").shows("State of");
    is_harmless(&screen.raw());
    screen.leaves();
}

#[test]
fn hostile_messages_are_lines_of_plain_json_in_a_pipe() {
    let home = Home::quiet();
    let id = home.device("Dish washer");
    home.control.rename_device(&id, EVIL);
    home.run(&["subscribe", "push", &id]).expect(0);
    let mut child = home
        .command(&["tail", "--count", "4", "--for", "30s"])
        .spawn()
        .expect("tail starts");
    let client = home.control.clients()[0].clone();
    wait_for_filters(&home, &client);
    home.control.notify(&id, EVIL);
    home.control
        .publish_raw(&client, format!("not JSON {EVIL} at all"));
    home.control.publish_raw(&client, vec![0xff, 0x1b, 0]);
    home.control
        .publish_raw(&client, json!({EVIL: EVIL}).to_string());
    let output = child_output(&mut child);
    assert_eq!(output.lines().count(), 4, "{output}");
    for line in output.lines() {
        let message: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(message["v"], 1);
        let raw = line.chars().find(|c| {
            c.is_control()
                || ('\u{202a}'..='\u{202e}').contains(c)
                || ('\u{2066}'..='\u{2069}').contains(c)
        });
        assert_eq!(raw, None, "{line:?}");
    }
    let table = home.run(&["devices"]).expect(0).out;
    assert!(
        !table.contains('\x1b') && !table.contains('\u{202e}'),
        "{table:?}"
    );
}

/// Until the client's session has its push filter.
fn wait_for_filters(home: &Home, client: &str) {
    let mut events = home.control.events();
    home.runtime.block_on(async {
        while home.control.filters(client).is_empty() {
            let patience = crate::support::home::PATIENCE;
            assert!(
                events.until(patience, |_| true).await.is_some(),
                "never subscribed"
            );
        }
    });
}

fn child_output(child: &mut std::process::Child) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    let mut out = child.stdout.take().expect("piped");
    out.read_to_string(&mut text).expect("UTF-8");
    child.wait().expect("it ends");
    text
}
