//! The verbs of the binary against the simulator.

use std::thread;

use serde_json::{Value, json};
use thingdeck::domain::profile::PlatformId;

use crate::home::{Ended, Home, until};

pub fn plant() -> Home {
    let home = Home::with(|options| options.platform = PlatformId::Huawei);
    home.control.freeze(true);
    home
}

pub fn config(home: &Home) -> toml::Table {
    let text = std::fs::read_to_string(home.config()).expect("a config file");
    text.parse().expect("TOML")
}

/// The device id of a profile.
pub fn id_of(home: &Home, profile: &str) -> String {
    config(home)["profiles"][profile]["device_id"]
        .as_str()
        .expect("a device id")
        .to_owned()
}

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}

#[test]
fn the_shadow_is_read_and_changed() {
    let home = plant();
    let id = id_of(&home, "meter");
    let ended = home.run(&["shadow", "get", &id]).expect(0);
    assert!(lines(&ended)[0]["shadow"].is_array(), "{}", ended.out);
    let missing = home.run(&["shadow", "get", "nobody"]).expect(4);
    assert!(missing.err.contains("IOTDA.014000"), "{}", missing.err);
    let ended = home
        .run(&["shadow", "update", &id, r#"{"reported":{"X":{"y":1}}}"#])
        .expect(2);
    assert!(ended.err.contains("only the device"), "{}", ended.err);
}

#[test]
fn a_report_goes_up_as_the_device_and_for_one_behind_it() {
    let home = plant();
    let id = id_of(&home, "meter");
    let arguments = ["report", &id, "Meter", "voltage=229.5", "on=true"];
    home.run(&arguments).expect(0);
    let (topic, payload) = home.control.uplinks(&id).pop().expect("one");
    assert!(topic.ends_with("/sys/properties/report"), "{topic}");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    let properties = json!({"voltage": 229.5, "on": true});
    assert_eq!(
        payload,
        json!({"services": [{"service_id": "Meter", "properties": properties}]})
    );
    home.run(&["report", &id, "Meter"]).expect(2);

    let gateway = id_of(&home, "gateway");
    home.run(&[
        "-p",
        "gateway",
        "report",
        "child-1",
        r#"{"Climate":{"t":21}}"#,
    ])
    .expect(0);
    let (topic, _) = home.control.uplinks(&gateway).pop().expect("one");
    assert!(
        topic.ends_with("/gateway/sub_devices/properties/report"),
        "{topic}"
    );

    let older = id_of(&home, "meter-v1");
    home.run(&["-p", "meter-v1", "report", &older, "Meter", "v=1"])
        .expect(0);
    let (topic, payload) = home.control.uplinks(&older).pop().expect("one");
    assert_eq!(topic, format!("/huawei/v1/devices/{older}/data/json"));
    assert!(payload.starts_with(br#"{"msgType":"deviceReq""#));
}

#[test]
fn every_way_in_lists_its_devices() {
    let home = plant();
    for profile in ["meter", "meter-manual", "meter-v1", "meter-iam", "gateway"] {
        let ended = home.run(&["-p", profile, "devices", "--json"]).expect(0);
        assert!(lines(&ended).len() > 6, "{profile}: {}", ended.out);
    }
    for profile in ["meter-wss", "meter-x509"] {
        let topic = format!("$oc/devices/{}/sys/messages/up", id_of(&home, profile));
        home.run(&["-p", profile, "publish", &topic, "hello", "--qos", "1"])
            .expect(0);
    }
}

#[test]
fn a_profile_is_added_when_the_platform_lets_the_device_in() {
    let home = plant();
    let config = config(&home);
    let manual = &config["profiles"]["meter-manual"];
    let url = manual["mqtt_url"].as_str().expect("an address");
    let secret = manual["secret"]["file"].as_str().expect("a file");
    let secret = home.config().parent().expect("a folder").join(secret);
    let secret = secret.to_string_lossy().into_owned();
    let ca = home.ready().ca_file.to_string_lossy().into_owned();
    let id = id_of(&home, "meter-manual");
    let add = |name: &str, id: &str| {
        home.run(&[
            "profile-add",
            "--name",
            name,
            "--platform",
            "huawei",
            "--mqtt-url",
            url,
            "--device-id",
            id,
            "--secret-file",
            &secret,
            "--ca-file",
            &ca,
        ])
    };
    add("mine", &id).expect(0);
    let wrong = add("other", &id_of(&home, "meter")).expect(3);
    assert!(wrong.err.contains("check: 1. device_id"), "{}", wrong.err);
    assert_eq!(id_of(&home, "mine"), id);
    let listed = home.run(&["profile-list"]).expect(0);
    assert!(listed.out.contains("mine") && !listed.out.contains("other"));
}

#[test]
fn a_device_is_registered_kept_as_a_profile_and_deleted() {
    let home = plant();
    let listed = home.run(&["devices", "--json"]).expect(0);
    assert!(lines(&listed).len() > 6, "{}", listed.out);
    let api = &config(&home)["profiles"]["meter"];
    assert!(api.get("rest").is_some());
    let product = product(&home);
    let arguments = [
        "device-register",
        "new-1",
        "--product",
        &product,
        "--save-as",
        "new",
    ];
    let ended = home.run(&arguments).expect(0);
    let device = lines(&ended)[0]["device_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert!(!ended.out.contains("\"secret\""), "{}", ended.out);
    assert!(ended.err.contains("new"), "{}", ended.err);
    home.run(&[
        "-p",
        "new",
        "publish",
        &format!("$oc/devices/{device}/sys/messages/up"),
        "{}",
    ])
    .expect(0);
    home.run(&arguments).expect(2);
    home.run(&["device-delete", &device]).expect(2);
    home.run(&["device-delete", &device, "--yes"]).expect(0);
    home.run(&["shadow", "get", &device]).expect(4);
}

fn product(home: &Home) -> String {
    let listed = home.run(&["devices", "--json"]).expect(0);
    let text = listed.out;
    let device = id_of(home, "meter");
    // A device id is the product's id, `_`, the node's.
    assert!(text.contains(&device));
    device.split_once('_').expect("PRODUCT_NODE").0.to_owned()
}

#[test]
fn a_command_is_answered_by_a_device_that_answers_by_itself() {
    let home = plant();
    let id = id_of(&home, "meter");
    let command = ["command", &id, "Meter.SWITCH", r#"{"value":"ON"}"#];
    let offline = home.run(&command).expect(1);
    assert!(offline.err.contains("IOTDA.014016"), "{}", offline.err);
    thread::scope(|scope| {
        let tail = scope.spawn(|| {
            home.run(&["tail", "--count", "2", "--for", "20s"])
                .expect(0)
        });
        until("connected", || {
            home.control.device_status(&id) == Some("ONLINE")
        });
        let done = home.run(&command).expect(0);
        assert_eq!(lines(&done)[0]["result_code"], 0, "{}", done.out);
        let sent = home.control.send_message(&id, "hello", &json!("there"));
        assert!(sent.is_ok());
        let ended = tail.join().expect("no panic");
        let lines = lines(&ended);
        assert_eq!(lines[0]["kind"], "command", "{}", ended.out);
        assert_eq!(lines[1]["kind"], "message", "{}", ended.out);
        let topic = format!("$oc/devices/{id}/sys/messages/down");
        assert_eq!(lines[1]["topic"], topic.as_str());
    });
}

#[test]
fn events_the_clock_and_a_device_whole_are_there_as_verbs() {
    let home = plant();
    let id = id_of(&home, "meter");
    home.run(&["event", &id, "Door.opened", r#"{"force":1.50}"#])
        .expect(0);
    let (topic, payload) = home.control.uplinks(&id).pop().expect("one");
    assert!(topic.ends_with("/sys/events/up"), "{topic}");
    assert!(String::from_utf8_lossy(&payload).contains("1.50"));
    let clock = home.run(&["time-sync", "--json"]).expect(0);
    let offset = lines(&clock)[0]["offset_ms"].as_i64();
    assert!(
        offset.is_some_and(|off| off.abs() < 10_000),
        "{}",
        clock.out
    );
    let device = home.run(&["device", &id]).expect(0);
    assert_eq!(lines(&device)[0]["device_id"], id.as_str());
    assert!(!device.out.contains("\"secret\""), "{}", device.out);
    home.run(&["event", &id, "nothing"]).expect(2);
}

#[test]
fn profiles_of_the_older_interface_and_of_a_certificate_are_added_too() {
    let home = plant();
    let config = config(&home);
    let profiles = &config["profiles"];
    let folder = home.config().parent().expect("a folder").to_owned();
    let file = |name: &toml::Value| {
        let name = name.as_str().expect("a file");
        folder.join(name).to_string_lossy().into_owned()
    };
    let text = |profile: &str, key: &str| profiles[profile][key].as_str().expect("text").to_owned();
    let ca = home.ready().ca_file.to_string_lossy().into_owned();
    let add = |name: &str, like: &str, more: &[&str]| {
        let (url, id) = (text(like, "mqtt_url"), text(like, "device_id"));
        let mut arguments = vec!["profile-add", "--name", name, "--platform", "huawei"];
        arguments.extend(["--mqtt-url", &url, "--device-id", &id, "--ca-file", &ca]);
        arguments.extend(more);
        home.run(&arguments).expect(0);
    };
    let secret = file(&profiles["meter-v1"]["secret"]["file"]);
    add(
        "older",
        "meter-v1",
        &["--dialect", "v1", "--secret-file", &secret],
    );
    let certificate = file(&profiles["meter-x509"]["cert_file"]);
    let key = file(&profiles["meter-x509"]["key_file"]);
    add(
        "certified",
        "meter-x509",
        &["--cert-file", &certificate, "--key-file", &key],
    );
    let id = id_of(&home, "older");
    home.run(&["-p", "older", "report", &id, "Meter", "v=1.50"])
        .expect(0);
    let (topic, _) = home.control.uplinks(&id).pop().expect("one");
    assert_eq!(topic, format!("/huawei/v1/devices/{id}/data/json"));
    let id = id_of(&home, "certified");
    home.run(&["-p", "certified", "report", &id, "Meter", "v=1.50"])
        .expect(0);
}

#[test]
fn a_frozen_device_is_refused_in_words() {
    let home = plant();
    let profiles = config(&home)["profiles"].clone();
    let frozen = profiles
        .as_table()
        .expect("profiles")
        .keys()
        .find(|name| name.contains("frozen"))
        .expect("one is frozen")
        .clone();
    let ended = home.run(&["-p", &frozen, "tail", "--for", "10s"]).expect(3);
    assert!(ended.err.contains("frozen"), "{}", ended.err);
}
