//! What messages mean, in both shapes, and that nothing in them can do harm.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use thingdeck::base::moment::Timestamp;
use thingdeck::domain::device::{DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::request::{Request, Setting};
use thingdeck::domain::state::{leaves, merge};
use thingdeck::domain::topic::Topic;
use thingdeck::platform::Platform;
use thingdeck::platform::thinq::{control, model};

use crate::script::{Script, fixture, fixtures, thinq};

fn read_bytes(payload: &[u8]) -> Reading {
    thinq().interpret(&arrived(payload))
}

pub fn arrived(payload: &[u8]) -> Message {
    Message {
        at: Timestamp::default(),
        direction: Direction::In,
        topic: Topic::received("app/clients/x/push"),
        payload: Bytes::copy_from_slice(payload),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

fn read(payload: &Value) -> Reading {
    read_bytes(payload.to_string().as_bytes())
}

#[test]
fn after_a_report_the_state_is_read_anew() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let read = || {
        let device = DeviceId::new("d00");
        script
            .run(thinq.request(&script, Request::State { device }))
            .expect("a state")
    };
    read();
    read();
    let report = json!({"pushType": "DEVICE_STATUS", "deviceId": "d00", "report": {"a": {"b": 1}}});
    thinq.interpret(&arrived(report.to_string().as_bytes()));
    read();
    let reads = script
        .calls()
        .into_iter()
        .filter(|line| line.ends_with("/state"))
        .count();
    assert_eq!(reads, 2);
}

#[test]
fn the_gist_of_every_sample_reads_as_a_sentence_or_names_what_changed() {
    let read: Vec<_> = fixtures("messages")
        .into_iter()
        .map(|name| {
            let reading = read(&fixture("messages", &name));
            assert!(reading.device.is_some(), "{name}");
            format!("{name}: {}: {}", reading.kind.word(), reading.gist)
        })
        .collect();
    let wanted = [
        "device_alias_changed: device: is now called Laundry room",
        "device_registered: device: 드레스룸 스타일러 (styler) was added",
        "push_robot_cleaner: push: robot cleaner: home guard has stopped",
        "push_washer: push: washer: washing is complete",
        "status_air_conditioner_timer_unset: event: timer.relativeStopTimer UNSET · timer.relativeHourToStop not set · \
         timer.relativeMinuteToStop not set",
        "status_robot_cleaner_error: event: runState.currentState ERROR · error LEFT_WHEEL_ERROR",
        "status_washer: event: runState.currentState RINSING · timer.remainMinute 21 · timer.remainHour 0",
        "wrapped_push_washer: push: washer: washing is complete",
    ];
    for line in wanted {
        assert!(
            read.iter().any(|r| r == line),
            "{line}\nis none of\n{}",
            read.join("\n")
        );
    }
}

#[test]
fn the_wrapped_form_means_the_same_as_the_flat_one() {
    for name in ["push_washer", "status_washer"] {
        let flat = fixture("messages", name);
        let wrapped = fixture("messages", &format!("wrapped_{name}"));
        assert_eq!(read(&flat), read(&wrapped), "{name}");
    }
}

#[test]
fn a_push_of_a_wash_tower_has_no_report_and_needs_none() {
    let reading = read(
        &json!({"pushType": "DEVICE_PUSH", "deviceId": "t", "deviceType": "DEVICE_WASHTOWER", "pushCode": "DRYING_IS_COMPLETE"}),
    );
    assert_eq!(
        (reading.kind, reading.gist.as_str()),
        (Kind::Push, "washtower: drying is complete")
    );
    assert_eq!(
        reading.facts,
        [Fact::Presence {
            device: DeviceId::new("t"),
            presence: Presence::Online
        }]
    );
}

#[test]
fn every_report_changes_the_state_it_names_and_drops_nothing() {
    let mut merged = 0;
    for name in fixtures("messages") {
        let reading = read(&fixture("messages", &name));
        for fact in &reading.facts {
            let Fact::Report { patch, .. } = fact else {
                continue;
            };
            let kind = name
                .trim_start_matches("wrapped_")
                .trim_start_matches("status_");
            let state = fixtures("state")
                .into_iter()
                .filter(|s| kind.starts_with(s.as_str()))
                .max_by_key(String::len);
            let mut state = fixture("state", &state.expect("a state"));
            let before: Vec<_> = leaves(&state).into_iter().map(|leaf| leaf.path).collect();
            merge(&mut state, patch);
            let after: Vec<_> = leaves(&state).into_iter().map(|leaf| leaf.path).collect();
            assert!(before.iter().all(|path| after.contains(path)), "{name}");
            let mut again = state.clone();
            merge(&mut again, patch);
            assert_eq!(again, state, "{name} merged twice");
            merged += 1;
        }
    }
    assert!(merged >= 15, "{merged}");
}

#[test]
fn a_push_code_that_nobody_knows_reads_with_blanks() {
    let reading = read(
        &json!({"pushType": "DEVICE_PUSH", "deviceId": "d", "deviceType": "DEVICE_PET_FEEDER", "pushCode": "BOWL_IS_EMPTY"}),
    );
    assert_eq!(reading.gist, "pet feeder: bowl is empty");
}

#[test]
fn a_message_type_that_nobody_knows_is_kept_as_a_message() {
    let reading = read(&json!({"pushType": "DEVICE_MOVED", "deviceId": "d"}));
    assert_eq!(
        (reading.kind, reading.gist.as_str()),
        (Kind::Message, "device moved")
    );
    assert_eq!(reading.device, Some(DeviceId::new("d")));
    assert_eq!(reading.facts, []);
}

#[test]
fn devices_come_go_and_are_renamed_by_their_messages() {
    let facts: Vec<_> = [
        "device_registered",
        "device_unregistered",
        "device_alias_changed",
    ]
    .into_iter()
    .flat_map(|name| read(&fixture("messages", name)).facts)
    .collect();
    assert!(
        matches!(facts.as_slice(), [Fact::DeviceAdded(added), Fact::DeviceRemoved(_), Fact::DeviceRenamed { name, .. }]
            if added.kind == "DEVICE_STYLER" && name == "Laundry room"),
        "{facts:?}"
    );
}

/// JSON with the words that the adapter looks for, in all the wrong places.
fn crooked() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("DEVICE_STATUS"),
        Just("DEVICE_PUSH"),
        Just("DEVICE_REGISTERED"),
        Just("DEVICE_ALIAS_CHANGED"),
        Just("enum"),
        Just("range"),
        Just("boolean"),
        Just("MAIN"),
        Just("C"),
        Just("한\u{202e}"),
        Just(""),
        Just("r"),
        Just("w"),
        Just("START"),
    ];
    let key = prop_oneof![
        Just("pushType"),
        Just("deviceId"),
        Just("report"),
        Just("event"),
        Just("push"),
        Just("deviceType"),
        Just("pushCode"),
        Just("alias"),
        Just("property"),
        Just("location"),
        Just("locationName"),
        Just("unit"),
        Just("type"),
        Just("mode"),
        Just("value"),
        Just("min"),
        Just("max"),
        Just("step"),
        Just("except"),
        Just("temperature"),
        Just("targetTemperature"),
        Just("timer"),
        Just("remainHour"),
        Just("notification"),
        Just("error"),
        Just("extensionProperty"),
        Just("x"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(payload in prop::collection::vec(any::<u8>(), 0..512)) {
        read_bytes(&payload);
    }

    #[test]
    fn a_crooked_report_is_read_and_merged_without_stumbling(report in crooked(), mut state in crooked()) {
        let reading = read(&json!({"pushType": "DEVICE_STATUS", "deviceId": "d", "report": report.clone()}));
        prop_assert_eq!(reading.kind, Kind::Event);
        merge(&mut state, &report);
    }

    #[test]
    fn a_crooked_message_does_no_harm(message in crooked()) {
        read(&message);
    }

    #[test]
    fn a_crooked_profile_is_read_as_far_as_it_goes_and_each_path_once(property in crooked(), state in crooked()) {
        let profile = json!({"property": property});
        let read = model(&profile);
        let mut paths = std::collections::HashSet::new();
        for one in &read.properties {
            prop_assert!(paths.insert(one.path.clone()), "{} came twice", one.path);
            let setting = Setting { path: one.path.clone(), value: json!("START") };
            let _whatever = control::body(&profile, Some(&state), &[setting]);
        }
    }
}

#[test]
fn nested_beyond_all_reason_is_no_report() {
    let mut deep = "[".repeat(5000);
    deep.push_str(&"]".repeat(5000));
    assert_eq!(read_bytes(deep.as_bytes()), Reading::default());
}
