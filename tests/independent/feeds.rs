//! Sign-in, lists and subscriptions.

use serde_json::{Value, json};

use crate::support::home::{Home, fixture};

#[test]
fn the_sign_in_keeps_the_reference_s_order_and_is_kept() {
    let Some(home) = Home::start() else { return };
    home.run(&["subs", "--json"]).expect(0);
    let rest = home.log("rest", 0);
    let calls = ["GET route", "POST client", "POST client/certificate"];
    let places: Vec<_> = calls
        .iter()
        .map(|call| rest.iter().position(|seen| seen == call))
        .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{rest:?}"
    );

    let from = home.log_length();
    home.run(&["subs", "--json"]).expect(0);
    let again = home.log("rest", from);
    assert!(
        calls
            .iter()
            .all(|call| !again.iter().any(|seen| seen == call)),
        "{again:?}"
    );
    home.assert_lawful();
}

#[test]
fn the_broker_sees_the_registered_client_id_a_kept_session_and_qos_1_and_states_are_read_after_that()
 {
    let Some(home) = Home::start() else { return };
    home.configure(r#"client_id = "my-own_ID-1""#);
    let mut tail = home.command(&["tail"]).spawn().expect("it starts");
    home.wait("GET devices/.*/state", 0);
    tail.kill().expect("killed");
    tail.wait().expect("waited");

    let log = home.cloud(&json!({"do": "log"}));
    let texts: Vec<_> = log
        .as_array()
        .expect("a log")
        .iter()
        .map(|entry| entry["text"].as_str().expect("text"))
        .collect();
    let place = |part: &str| {
        texts
            .iter()
            .position(|text| text.contains(part))
            .unwrap_or_else(|| panic!("no {part} in {texts:#?}"))
    };
    let connected = place("New client connected");
    assert!(
        texts[connected].contains(" as my-own_ID-1 (p2, c0, k"),
        "{}",
        texts[connected]
    );
    let subscribed = place("app/clients/my-own_ID-1/push (QoS 1)");
    let granted = place("Sending SUBACK to my-own_ID-1");
    let state = place("/state");
    assert!([connected, subscribed, granted, state].is_sorted());
    home.assert_lawful();
}

#[test]
fn both_feeds_go_on_and_off_and_twice_is_no_error() {
    let Some(home) = Home::start() else { return };
    for _ in 0..2 {
        home.run(&["subscribe", "push", "Robo"]).expect(0);
        home.run(&["subscribe", "event", "Robo", "--hours", "3"])
            .expect(0);
    }
    let robo = home.id("DEVICE_ROBOT_CLEANER");
    let there = home.cloud(&json!({"do": "subscriptions"}));
    assert_eq!(there["push"][0][1], robo);
    assert_eq!(there["event"][0][1], robo);

    let listed = home.run(&["subs", "--json", "--no-connect"]).expect(0).out;
    let sorts: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["sort"].take())
        .collect();
    assert_eq!(sorts, ["push", "event"]);

    for _ in 0..2 {
        home.run(&["unsubscribe", "push", "Robo"]).expect(0);
        home.run(&["unsubscribe", "event", "Robo"]).expect(0);
    }
    home.run(&["subscribe", "event", "--all"]).expect(0);
    home.run(&["subscribe", "event", "밥그릇"]).expect(1);
    home.run(&["subscribe", "push", "Laundry"]).expect(2);
    home.run(&["subscribe", "push", "no such device"]).expect(4);
    home.assert_lawful();
}

#[test]
fn every_profile_and_state_comes_out_as_the_cloud_sent_it() {
    let Some(home) = Home::start() else { return };
    for device in home.devices() {
        let id = device["deviceId"].as_str().expect("text");
        let kind = device["deviceInfo"]["deviceType"].as_str().expect("text");
        let name = kind.trim_start_matches("DEVICE_").to_lowercase();
        for (verb, folder) in [("state", "state"), ("profile", "profiles")] {
            let printed = home.run(&[verb, id]).expect(0).out;
            let printed: Value = serde_json::from_str(&printed).expect("JSON");
            if kind != "DEVICE_PET_FEEDER" {
                let sent = fixture(&format!("{folder}/{name}.json"));
                assert_eq!(printed.to_string(), sent.to_string(), "{verb} {kind}");
            }
        }
    }
    home.assert_lawful();
}
