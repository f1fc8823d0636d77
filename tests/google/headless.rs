//! The verbs of the binary against the simulator.

use serde_json::Value;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::SimEvent;

use crate::home::{Ended, Home, until};

pub fn plant() -> Home {
    let home = Home::with(|options| options.platform = PlatformId::Google);
    home.control.freeze(true);
    home
}

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}

#[test]
fn every_profile_that_the_simulator_writes_lists_its_devices() {
    let home = plant();
    for profile in ["gateway", "gateway-token", "gateway-both", "meter"] {
        let ended = home.run(&["-p", profile, "devices", "--json"]).expect(0);
        let devices = lines(&ended);
        let ids: Vec<_> = devices.iter().filter_map(|d| d["id"].as_str()).collect();
        assert!(
            ids.contains(&"sensor-1") && ids.contains(&"pump-4"),
            "{profile}: {ids:?}"
        );
    }
    let alone = home
        .run(&["-p", "meter-mqtt", "devices", "--json"])
        .expect(0);
    assert_eq!(
        lines(&alone).len(),
        1,
        "without credentials, what the profile knows"
    );
}

#[test]
fn tail_prints_the_configurations_and_commands_of_attached_devices() {
    let home = plant();
    let ended = home
        .run(&["tail", "--count", "3", "--for", "20s"])
        .expect(0);
    let mut topics: Vec<_> = lines(&ended)
        .iter()
        .map(|line| {
            format!(
                "{} {}",
                line["kind"].as_str().unwrap_or(""),
                line["topic"].as_str().unwrap_or("")
            )
        })
        .collect();
    topics.sort();
    assert_eq!(
        topics,
        [
            "config /devices/gateway/config",
            "config /devices/sensor-1/config",
            "config /devices/sensor-2/config",
        ]
    );
    let (version, _, acknowledged) = home.control.device_config("sensor-1").expect("one");
    assert_eq!(version, 1);
    assert!(acknowledged.is_some(), "QoS 1 acknowledges it");
}

#[test]
fn attach_tells_whether_the_bridge_takes_it_and_why_not() {
    let home = plant();
    let ended = home.run(&["attach", "sensor-1"]).expect(0);
    assert!(ended.out.starts_with("attached  sensor-1"), "{}", ended.out);
    let ended = home.run(&["attach", "sensor-3"]).expect(3);
    assert!(ended.err.contains("not associated"), "{}", ended.err);
    assert!(ended.err.contains("ASSOCIATION_ONLY"), "{}", ended.err);
    let ended = home.run(&["attach", "sensor-4"]).expect(3);
    assert!(ended.err.contains("blocked"), "{}", ended.err);
    let ended = home
        .run(&["-p", "gateway-token", "attach", "sensor-1"])
        .expect(3);
    assert!(ended.err.contains("names no key for it"), "{}", ended.err);
    home.run(&["-p", "gateway-both", "attach", "sensor-2"])
        .expect(0);
    home.run(&["detach", "sensor-1"]).expect(0);
    home.run(&["-p", "meter", "attach", "sensor-1"]).expect(2);
}

#[test]
fn a_message_for_an_attached_device_waits_for_its_attachment_and_survives_a_hang_up() {
    let home = plant();
    home.run(&["publish", "/devices/sensor-1/events/alarms", "loud"])
        .expect(0);
    home.run(&["publish", "/devices/sensor-2/state", "on"])
        .expect(0);
    assert_eq!(home.control.telemetry().len(), 1);
    assert_eq!(home.control.device_states("sensor-2").len(), 1);
    home.control.drop_before_puback();
    let arguments = ["publish", "/devices/sensor-1/events", "again"];
    let ended = home.run(&arguments).expect(0);
    let heard = home.control.telemetry();
    assert!(
        heard.iter().any(|(_, payload)| &payload[..] == b"again"),
        "{}",
        ended.err
    );
}

#[test]
fn what_the_bridge_would_hang_up_at_never_reaches_it() {
    let home = plant();
    for arguments in [
        &["publish", "home/x", "y"][..],
        &["publish", "/devices/gateway/events", "y", "--qos", "2"],
        &["publish", "/devices/gateway/events", "y", "--retain"],
        &["-p", "meter", "publish", "/devices/sensor-1/events", "y"],
    ] {
        home.run(arguments).expect(3);
    }
    assert_eq!(home.control.device_error("gateway"), None);
    assert_eq!(home.control.device_error("meter-1"), None);
    let ended = home
        .run(&["publish", "/devices/sensor-3/events", "y"])
        .expect(1);
    assert!(
        ended.err.contains("GATEWAY_DEVICE_NOT_FOUND"),
        "{}",
        ended.err
    );
}

#[test]
fn configurations_are_read_and_sent_and_a_newer_one_is_not_overwritten() {
    let home = plant();
    for profile in ["gateway", "gateway-both"] {
        let first = home.run(&["-p", profile, "config", "sensor-1"]).expect(0);
        let version = lines(&first)[0]["version"].as_u64().expect("a version");
        let next = home
            .run(&["-p", profile, "config", "sensor-1", "{\"a\":1}"])
            .expect(0);
        assert_eq!(lines(&next)[0]["version"], version + 1);
        assert_eq!(lines(&next)[0]["payload"]["a"], 1);
        let wanted = version.to_string();
        let refused = home
            .run(&[
                "-p",
                profile,
                "config",
                "sensor-1",
                "x",
                "--if-version",
                &wanted,
            ])
            .expect(1);
        assert!(
            refused
                .err
                .contains(&format!("newest version is {}", version + 1)),
            "{}",
            refused.err
        );
        let all = home
            .run(&["-p", profile, "config", "sensor-1", "--versions"])
            .expect(0);
        assert_eq!(lines(&all).len() as u64, version + 1);
    }
}

#[test]
fn a_command_reaches_who_listens_and_says_so_when_nobody_does() {
    let home = plant();
    let ended = home.run(&["command", "sensor-1", "look"]).expect(1);
    assert!(ended.err.contains("commands/#"), "{}", ended.err);
    let mut tail = home.command(&["expect", "/devices/sensor-1/commands/#", "--within", "25s"]);
    let mut events = home.control.events();
    let tail = tail.spawn().expect("it starts");
    let listening = home.runtime.block_on(events.until(crate::home::PATIENCE, |event| {
        matches!(event, SimEvent::Broker(thingdeck::sim::broker::Happening::Subscribed { filter, .. })
            if filter == "/devices/sensor-1/commands/#")
    }));
    assert!(listening.is_some(), "never subscribed");
    home.run(&["command", "sensor-1", "look", "--subfolder", "a/b"])
        .expect(0);
    let ended = Ended::from(tail.wait_with_output().expect("it ends")).expect(0);
    let line = &lines(&ended)[0];
    assert_eq!(line["topic"], "/devices/sensor-1/commands/a/b");
    assert_eq!(
        (&line["kind"], &line["text"]),
        (&"command".into(), &"look".into())
    );
}

#[test]
fn devices_are_bound_and_unbound_and_their_states_are_read() {
    let home = plant();
    home.run(&["bind", "sensor-3"]).expect(0);
    until("bound", || {
        home.control
            .bound_to("gateway")
            .contains(&"sensor-3".to_owned())
    });
    home.run(&["attach", "sensor-3"]).expect(0);
    home.run(&["unbind", "sensor-3", "--gateway", "gateway"])
        .expect(0);
    assert!(
        !home
            .control
            .bound_to("gateway")
            .contains(&"sensor-3".to_owned())
    );
    home.run(&["state", "sensor-1"]).expect(4);
    home.run(&["publish", "/devices/sensor-1/state", "{\"on\":true}"])
        .expect(0);
    let state = home.run(&["state", "sensor-1"]).expect(0);
    assert_eq!(lines(&state)[0]["payload"]["on"], true);
    let registries = home.run(&["registries"]).expect(0);
    assert_eq!(registries.out, "sensors\narchive\ngreenhouse\n");
}

#[test]
fn a_wrong_key_is_refused_with_what_was_checked() {
    let home = plant();
    let config = std::fs::read_to_string(home.config()).expect("there");
    let wrong = config.replace("key_file = \"gateway.pem\"", "key_file = \"sensor-1.pem\"");
    std::fs::write(home.config(), wrong).expect("writable");
    let ended = home.run(&["attach", "sensor-1"]).expect(3);
    for part in [
        "Checked here",
        "projects/plant",
        "ES256",
        "public key SHA-256",
        "aud plant",
    ] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let wrong = config.replace(
        "key_file = \"gateway.pem\"",
        "key_file = \"gateway.pub.pem\"",
    );
    std::fs::write(home.config(), wrong).expect("writable");
    let ended = home.run(&["attach", "sensor-1"]).expect(2);
    assert!(ended.err.contains("it holds a public key"), "{}", ended.err);
}

#[test]
fn a_profile_that_cannot_be_is_refused_with_its_key_and_line() {
    let home = plant();
    let config = std::fs::read_to_string(home.config()).expect("there");
    for (before, after, key, why) in [
        (
            "gateway = \"gateway\"",
            "gateway = \"9x\"",
            "profiles.gateway.gateway",
            "no id",
        ),
        (
            "gateway = \"gateway\"",
            "",
            "profiles.gateway.gateway",
            "it is missing",
        ),
        (
            "gateway = \"gateway\"",
            "gateway = \"gateway\"\ndevice = \"meter-1\"",
            "profiles.gateway.device",
            "one of both",
        ),
        (
            "project = \"plant\"",
            "project = \"a/b\"",
            "profiles.gateway.project",
            "no /",
        ),
        (
            "key_file = \"gateway.pem\"",
            "key_flie = \"gateway.pem\"",
            "profiles.gateway.key_flie",
            "no such key",
        ),
        (
            "key_file = \"gateway.pem\"",
            "key_file = \"gateway.pem\"\ntoken_minutes = 1441",
            "profiles.gateway.token_minutes",
            "out of range",
        ),
        (
            "[\"sensor-1\", \"sensor-2\"]",
            "[{ id = \"sensor-1\", key = \"x\" }]",
            "profiles.gateway.devices[0].key",
            "no such key",
        ),
        (
            "key_file = \"gateway.pem\"",
            "key_file = \"gateway.pem\"\nwill = { topic = \"x\" }",
            "profiles.gateway.will",
            "cannot say it",
        ),
    ] {
        assert!(config.contains(before), "{before}");
        std::fs::write(home.config(), config.replacen(before, after, 1)).expect("writable");
        let ended = home.run(&["devices"]).expect(2);
        assert!(
            ended.err.contains(key) && ended.err.contains(why),
            "{key}: {}",
            ended.err
        );
    }
}

#[test]
fn a_profile_is_added_and_tried_on_the_command_line() {
    let home = plant();
    let file = |name: &str| {
        let path = home.config().with_file_name(name);
        path.to_str().expect("text").to_owned()
    };
    let ready = home.ready().clone();
    let (key, ca, keys) = (file("gateway.pem"), file("ca.pem"), file("clearblade.json"));
    let api = ready.api_url.clone().expect("it has one");
    let add = |key: &str| {
        home.run(&[
            "profile-add",
            "--name",
            "mine",
            "--platform",
            "google",
            "--project",
            "plant",
            "--region",
            "us-central1",
            "--registry",
            "sensors",
            "--gateway",
            "gateway",
            "--private-key",
            key,
            "--attach",
            "sensor-1",
            "--credentials-file",
            &keys,
            "--mqtt-url",
            &ready.mqtt_url,
            "--api-url",
            &api,
            "--ca-file",
            &ca,
        ])
    };
    add(&file("sensor-1.pem")).expect(3);
    add(&key).expect(0);
    let ended = home
        .run(&["-p", "mine", "tail", "--count", "2", "--for", "20s"])
        .expect(0);
    assert!(
        ended.out.contains("/devices/sensor-1/config"),
        "{}",
        ended.out
    );
    home.run(&["profile-add", "--name", "x", "--platform", "google"])
        .expect(2);
    home.run(&[
        "profile-add",
        "--name",
        "x",
        "--platform",
        "mqtt",
        "--gateway",
        "g",
    ])
    .expect(2);
}
