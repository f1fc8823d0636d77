//! `tail`: lines to the letter of `interface.md` section 4, over a real broker.

use serde_json::{Value, json};

use crate::support::home::{Home, messages};
use crate::support::program::Ended;

const KEYS: [&str; 16] = [
    "v",
    "ts",
    "profile",
    "platform",
    "dir",
    "topic",
    "qos",
    "retain",
    "dup",
    "kind",
    "device",
    "properties",
    "session",
    "payload",
    "text",
    "base64",
];

/// Makes the kept session, so that nothing published later is missed.
fn kept_session(home: &Home) {
    home.run(&["subs"]).expect(0);
}

fn tail(home: &Home, count: usize) -> Vec<Value> {
    let ended = home.run(&["tail", "--count", &count.to_string(), "--for", "20s"]);
    let lines: Vec<Value> = ended
        .expect(0)
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    assert_eq!(lines.len(), count);
    for line in &lines {
        let keys: Vec<_> = line.as_object().expect("an object").keys().collect();
        let places: Vec<_> = keys
            .iter()
            .map(|key| KEYS.iter().position(|known| known == key).expect("known"))
            .collect();
        assert!(places.is_sorted(), "{keys:?}");
        assert_eq!(line["v"], 1);
        assert_eq!(line["profile"], "home");
        assert_eq!(line["platform"], "thinq");
        assert_eq!(line["dir"], "in");
    }
    lines
}

#[test]
fn every_kind_of_message_that_waited_in_the_kept_session_comes_as_a_line() {
    let Some(home) = Home::start() else { return };
    kept_session(&home);
    let messages = messages();
    for (name, _) in &messages {
        home.cloud(&json!({"do": "publish", "fixture": name}));
    }
    let lines = tail(&home, messages.len());
    for ((name, text), line) in messages.iter().zip(&lines) {
        let payload: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(line["payload"].to_string(), payload.to_string(), "{name}");
        let kind = match name.as_str() {
            name if name.contains("status") => "event",
            name if name.contains("push") => "push",
            _ => "device",
        };
        assert_eq!(line["kind"], kind, "{name}");
        let inner = payload
            .get("event")
            .or_else(|| payload.get("push"))
            .unwrap_or(&payload);
        assert_eq!(line["device"]["id"], inner["deviceId"], "{name}");
    }
    home.assert_lawful();
}

#[test]
fn what_nobody_ever_saw_is_shown_and_gives_its_bytes_back() {
    let Some(home) = Home::start() else { return };
    kept_session(&home);
    let tower = home.id("DEVICE_WASHTOWER").to_owned();
    let huge = format!("{{\"big\":\"{}\"}}", "x".repeat(100 * 1024));
    let unseen = [
        ("message", json!({"pushType": "DEVICE_SOMETHING_NEW", "deviceId": tower}).to_string()),
        ("event", json!({"pushType": "DEVICE_STATUS", "deviceId": "zzz", "deviceType": "DEVICE_TOASTER", "report": {"a": 1}}).to_string()),
        ("event", json!({"pushType": "DEVICE_STATUS", "deviceId": tower, "report": {"deviceType": "DEVICE_WASHTOWER", "dryer": {}}}).to_string()),
        ("push", json!({"pushType": "DEVICE_PUSH", "deviceId": tower, "deviceType": "DEVICE_WASHTOWER", "pushCode": "NEW_CODE"}).to_string()),
        ("message", "this is no JSON".to_owned()),
        ("message", String::new()),
        ("message", "{\"n\":1.50e3,\n\"a\":\"\u{202e}\"}".to_owned()),
        ("message", huge),
    ];
    for (_, text) in &unseen {
        home.publish(text);
    }
    home.cloud(&json!({"do": "publish", "base64": "/wD+gA=="}));
    let lines = tail(&home, unseen.len() + 1);
    for ((kind, text), line) in unseen.iter().zip(&lines) {
        assert_eq!(line["kind"], *kind, "{text:.80}");
        let back = match line.get("text") {
            Some(exact) => exact.as_str().expect("text").to_owned(),
            None => line["payload"].to_string(),
        };
        assert_eq!(back, *text);
    }
    assert_eq!(lines.last().expect("one")["base64"], "/wD+gA==");
}

#[test]
fn the_stream_goes_on_after_the_broker_was_restarted() {
    let Some(home) = Home::start() else { return };
    let tail = home.command(&["tail", "--count", "2", "--for", "60s"]);
    let tail = { tail }.spawn().expect("it starts");
    home.wait("Sending SUBACK", 0);
    home.publish("{\"before\":1}");
    // The broker keeps the PUBLISH until its PUBACK, and the PUBACK comes after the line is written.
    home.wait("Received PUBACK from thingdeck", 0);
    let from = home.log_length();
    home.cloud(&json!({"do": "broker"}));
    home.wait("Sending SUBACK", from);
    home.publish("{\"after\":1}");
    let ended = Ended::from(tail.wait_with_output().expect("it ends")).expect(0);
    assert!(ended.out.contains("{\"before\":1}") && ended.out.contains("{\"after\":1}"));
    assert_eq!(ended.out.lines().count(), 2);
    home.assert_lawful();
}
