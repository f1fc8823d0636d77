//! The application side over REST: both kinds of signatures, tokens, and each verb.

use serde_json::{Value, json};

use crate::support::plant::Plant;
use crate::support::program::Ended;

const METER: &str = "5e06_meter";

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}

#[test]
fn every_way_of_signing_in_lists_all_pages() {
    let Some(plant) = Plant::start() else { return };
    let list = |profile: &str| {
        let ended = plant.run(&["-p", profile, "devices", "--json"]).expect(0);
        let lines = lines(&ended);
        assert_eq!(lines.len(), 126, "{profile}");
        lines
    };
    let listed = list("meter");
    let meter = listed.iter().find(|line| line["id"] == METER);
    assert_eq!(meter.expect("it is there")["name"], "三相电表");
    let pages = plant.log();
    let pages = pages
        .iter()
        .filter(|line| line.contains("/devices?limit=50"));
    assert_eq!(pages.count(), 3);
    list("temporary");
    list("iam");
    plant.rules(&json!({"signing": "standard"}));
    list("standard");
    let wrong = plant.run(&["devices"]).expect(3);
    assert!(wrong.err.contains("IOTDA.000002"), "{}", wrong.err);
    assert!(wrong.err.contains("derived = false"), "{}", wrong.err);
    plant.rules(&json!({"signing": "derived", "date_shift": 3600}));
    let wrong = plant.run(&["devices"]).expect(3);
    assert!(wrong.err.contains("min behind"), "{}", wrong.err);
    plant.assert_lawful();
}

#[test]
fn a_device_is_shown_whole() {
    let Some(plant) = Plant::start() else { return };
    let ended = plant.run(&["device", METER]).expect(0);
    let device = &lines(&ended)[0];
    assert_eq!(device["product_name"], "智能电表");
    assert_eq!(device["auth_info"], json!({"auth_type": "SECRET"}));
    assert!(
        ended.out.contains(r#""extension_info":{"floor":1.0}"#),
        "{}",
        ended.out
    );
    let none = plant.run(&["device", "nobody"]).expect(4);
    assert!(none.err.contains("IOTDA.014000"), "{}", none.err);
    plant.assert_lawful();
}

#[test]
fn a_command_is_answered_by_the_device_that_is_there() {
    let Some(plant) = Plant::start() else { return };
    let command = ["command", METER, "Relay.ON", r#"{"value":1.50}"#];
    let offline = plant.run(&command).expect(1);
    assert!(offline.err.contains("IOTDA.014016"), "{}", offline.err);
    let mut tail = plant.begin(&["-p", "auto", "tail", "--for", "5m"]);
    plant.wait("connected 5e06_meter");
    let ended = plant.run(&command).expect(0);
    assert_eq!(
        ended.out.trim_end(),
        r#"{"result_code":1,"response_name":"DONE","paras":{"load":1.50}}"#
    );
    let came = plant.log();
    let sent = r#"{"service_id":"Relay","command_name":"ON","paras":{"value":1.50}}"#;
    assert!(
        came.iter()
            .any(|line| line.starts_with("$oc/") && line.ends_with(sent)),
        "{came:#?}"
    );
    let unknown = plant.run(&["command", METER, "Relay.JUMP"]).expect(2);
    assert!(unknown.err.contains("IOTDA.013002"), "{}", unknown.err);
    tail.kill().expect("it runs");
    tail.wait().expect("it ends");
    plant.assert_lawful();
}

#[test]
fn a_device_that_does_not_answer_is_a_failure_though_the_status_is_200() {
    let Some(plant) = Plant::start() else { return };
    plant.rules(&json!({"patience": 0.2}));
    let mut tail = plant.begin(&["-p", "bare", "tail", "--for", "5m"]);
    plant.wait("connected 5e06_meter");
    let ended = plant.run(&["command", METER, "Relay.ON"]).expect(1);
    assert!(ended.err.contains("IOTDA.014111"), "{}", ended.err);
    assert!(ended.err.contains("within 20 s"), "{}", ended.err);
    tail.kill().expect("it runs");
    tail.wait().expect("it ends");
    plant.assert_lawful();
}

#[test]
fn a_message_waits_for_its_device_and_comes_byte_for_byte() {
    let Some(plant) = Plant::start() else { return };
    let sent = plant.run(&["message", METER, "waits"]).expect(0);
    assert_eq!(lines(&sent)[0]["result"]["status"], "PENDING");
    let tail = plant.begin(&[
        "-p",
        "bare",
        "tail",
        "--count",
        "4",
        "--for",
        "30s",
        &format!("$oc/devices/{METER}/sys/messages/down"),
        &format!("$oc/devices/{METER}/user/alarm/a"),
        "plant/1",
    ]);
    plant.wait("subscribed plant/1 1");
    let file = plant.path("bytes");
    std::fs::write(&file, b"\xff\x00\x01").expect("writable");
    let file = file.to_string_lossy().into_owned();
    let sent = plant.run(&["message", METER, "--file", &file]).expect(0);
    assert_eq!(lines(&sent)[0]["result"]["status"], "DELIVERED");
    let own = format!("$oc/devices/{METER}/user/alarm/a");
    plant
        .run(&["message", METER, r#"{"v":1.50}"#, "--to-topic", &own])
        .expect(0);
    let deaf = plant
        .run(&["message", METER, "x", "--to-topic", "nobody/listens"])
        .expect(1);
    assert!(deaf.err.contains("IOTDA.014112"), "{}", deaf.err);
    plant
        .run(&["message", METER, "free", "--to-topic", "plant/1"])
        .expect(0);
    let ended = Ended::from(tail.wait_with_output().expect("it ends")).expect(0);
    let lines = lines(&ended);
    assert_eq!(lines[0]["text"], "waits");
    assert_eq!(lines[1]["base64"], "/wAB");
    assert!(
        ended.out.contains(r#""payload":{"v":1.50}"#),
        "{}",
        ended.out
    );
    assert_eq!(
        (&lines[3]["topic"], &lines[3]["text"]),
        (&json!("plant/1"), &json!("free"))
    );
    plant.assert_lawful();
}

#[test]
fn the_shadow_is_read_as_it_stands_and_written_with_its_version() {
    let Some(plant) = Plant::start() else { return };
    let ended = plant.run(&["shadow", "get", METER]).expect(0);
    let known = r#""properties":{"voltage":229.80,"pulses":12345678901234567890123,"huge":1e400}"#;
    assert!(ended.out.contains(known), "{}", ended.out);
    let listed = plant.run(&["shadow", "list", METER]).expect(0);
    assert_eq!(listed.out, "Relay\nMeter\n");
    let update = [
        "shadow",
        "update",
        METER,
        "--name",
        "Relay",
        r#"{"desired":{"level":2.50,"on":true}}"#,
        "--version",
        "7",
    ];
    plant.run(&update).expect(0);
    let put = plant
        .log()
        .into_iter()
        .rfind(|line| line.starts_with("PUT"))
        .expect("one");
    assert!(
        put.ends_with(
            r#"{"shadow":[{"service_id":"Relay","desired":{"level":2.50,"on":true},"version":7}]}"#
        ),
        "{put}"
    );
    let stale = plant.run(&update);
    assert_ne!(stale.code, 0, "{}", stale.out);
    assert!(stale.err.contains("409"), "{}", stale.err);
    plant.assert_lawful();
}

#[test]
fn a_device_is_registered_speaks_and_is_deleted() {
    let Some(plant) = Plant::start() else { return };
    let register = [
        "device-register",
        "sn-0042",
        "--product",
        "5e06",
        "--name",
        "新电表",
        "--save-as",
        "new",
    ];
    let ended = plant.run(&register).expect(0);
    let made = &lines(&ended)[0];
    assert_eq!(made["device_id"], "5e06_sn-0042");
    assert!(made["auth_info"].get("secret").is_none(), "{}", ended.out);
    plant
        .run(&[
            "-p",
            "new",
            "report",
            "5e06_sn-0042",
            "Meter",
            "voltage=1.0",
        ])
        .expect(0);
    let child = [
        "device-register",
        "sn-0043",
        "--product",
        "5e06",
        "--gateway",
        "5e06_gateway",
    ];
    plant.run(&child).expect(0);
    let twice = plant.run(&[
        "device-register",
        "sn-0042",
        "--product",
        "5e06",
        "--save-as",
        "newer",
    ]);
    assert!(twice.err.contains("IOTDA.014005"), "{}", twice.err);
    plant
        .run(&["device-delete", "5e06_sn-0042", "--yes"])
        .expect(0);
    plant.run(&["device", "5e06_sn-0042"]).expect(4);
    plant.assert_lawful();
}
