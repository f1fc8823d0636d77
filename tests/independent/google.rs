//! The binary against a look-alike of Google's bridge (ClearBlade) that was written from the reference alone: headless.

mod dashboard;
mod renewal;

use serde_json::{Value, json};

use crate::support::bridge::{Account, HALL, Plant, RETIRED};
use crate::support::program::Ended;

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn the_registry_is_asked_in_clearblades_dialect_and_in_googles() {
    let Some(plant) = Plant::start(&[HALL, RETIRED]) else {
        return;
    };
    // Pages of three: the token of one list is a number, that of another a text.
    plant.bridge(&json!({"do": "set", "page_cap": 3}));
    for profile in ["hall", "retired"] {
        let run = |arguments: &[&str]| plant.run(&[&["-p", profile], arguments].concat());
        let devices = lines(&run(&["devices", "--json"]).expect(0));
        assert_eq!(devices.len(), 10, "{profile}");
        let named = |id: &str| devices.iter().find(|device| device["id"] == id);
        let sensor = named("sensor-1").expect("listed");
        assert_eq!(sensor["attributes"]["bound to this gateway"], "yes");
        assert_eq!(sensor["attributes"]["raum"], "Küche");
        assert_eq!(
            named("sensor-4").expect("listed")["attributes"]["blocked"],
            "yes"
        );
        assert_eq!(named("gw-hall").expect("listed")["type"], "GATEWAY");
        assert_eq!(
            named("sensor-3").expect("listed")["attributes"].get("bound to this gateway"),
            None
        );

        let registries = run(&["registries"]).expect(0);
        assert_eq!(registries.out, "floor-7\nattic\ncellar\n");

        let before = lines(&run(&["config", "Wetter~2.5%"]).expect(0))[0]["version"].clone();
        let version = before.to_string();
        let config = [
            "config",
            "Wetter~2.5%",
            "{\"a\": 1}",
            "--if-version",
            &version,
        ];
        let next = lines(&run(&config).expect(0));
        assert_eq!(next[0]["version"], before.as_u64().expect("a number") + 1);
        let stale = run(&config).expect(1);
        assert!(stale.err.contains("its newest version is"), "{}", stale.err);
        let all = run(&["config", "Wetter~2.5%", "--versions"]).expect(0);
        assert_eq!(lines(&all)[0]["payload"]["a"], 1);

        run(&["state", "sensor-3"]).expect(4);
        let nobody = run(&["command", "sensor-1", "x"]).expect(1);
        assert!(nobody.err.contains("commands/#"), "{}", nobody.err);
        run(&["config", "no-such-device"]).expect(4);

        let bound = json!({"do": "bound", "device": "sensor-3"});
        run(&["bind", "sensor-3", "--gateway", "gw-both"]).expect(0);
        assert_eq!(plant.bridge(&bound), json!(["gw-both"]));
        run(&["unbind", "sensor-3", "--gateway", "gw-both"]).expect(0);
        assert_eq!(plant.bridge(&bound), json!([]));
    }
    plant.assert_lawful();
}

#[test]
fn registry_keys_that_were_replaced_are_asked_for_anew_and_bad_credentials_say_so() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    // The first call is for the registry's keys.
    let from = plant.log_length();
    plant.bridge(&json!({"do": "set", "fault": [null, [401, "the token is not valid"]]}));
    plant.run(&["devices"]).expect(0);
    assert_eq!(plant.logged("getRegistryCredentials", from).len(), 2);
    plant.bridge(&json!({"do": "set", "fault": [[503, "try later"], [429, "slower"]]}));
    plant.run(&["devices"]).expect(0);
    plant.bridge(&json!({"do": "set", "admin": ["adm1n5ys", "another-token"]}));
    let ended = plant.run(&["devices"]).expect(3);
    assert!(ended.err.contains("401 UNAUTHENTICATED"), "{}", ended.err);
    assert!(!ended.err.contains("admin-token-77"), "{}", ended.err);
}

#[test]
fn a_service_account_that_is_not_known_is_refused_with_its_name() {
    let Some(plant) = Plant::start(&[RETIRED]) else {
        return;
    };
    plant.bridge(&json!({"do": "set", "account": "somebody@else.example"}));
    let ended = plant.run(&["devices"]).expect(3);
    assert!(
        ended.err.contains("deck@acme-plant.iam.example"),
        "{}",
        ended.err
    );
}

#[test]
fn tail_acknowledges_configurations_and_prints_commands_byte_for_byte() {
    let Some(plant) = Plant::start(&[HALL, RETIRED]) else {
        return;
    };
    for profile in ["hall", "retired"] {
        let from = plant.log_length();
        let tail = plant
            .command(&["-p", profile, "tail", "--count", "6", "--for", "30s"])
            .spawn()
            .expect("it starts");
        plant.wait("SUBSCRIBE /devices/sensor-2/commands/#", from);
        plant.wait("config sensor-2 version", from);
        plant.bridge(&json!({"do": "command", "device": "sensor-1", "folder": "led/red", "text": "an \u{1b}[31m"}));
        plant.bridge(&json!({"do": "command", "device": "gw-hall", "text": ""}));
        plant.bridge(&json!({"do": "config", "device": "sensor-2", "text": "{\"every\": 5.0}"}));
        let ended = Ended::from(tail.wait_with_output().expect("it ends")).expect(0);
        let lines = lines(&ended);
        let brief: Vec<_> = lines[3..]
            .iter()
            .map(|line| {
                (
                    line["kind"].as_str(),
                    line["topic"].as_str(),
                    line["device"]["id"].as_str(),
                )
            })
            .collect();
        assert_eq!(
            brief,
            [
                (
                    Some("command"),
                    Some("/devices/sensor-1/commands/led/red"),
                    Some("sensor-1")
                ),
                (
                    Some("command"),
                    Some("/devices/gw-hall/commands"),
                    Some("gw-hall")
                ),
                (
                    Some("config"),
                    Some("/devices/sensor-2/config"),
                    Some("sensor-2")
                ),
            ]
        );
        assert_eq!(lines[3]["text"], "an \u{1b}[31m");
        assert_eq!(lines[5]["payload"]["every"], 5.0);
        plant.until(
            &json!({"do": "configs", "device": "sensor-1"}),
            &json!([{"version": 1, "text": "", "acknowledged": true}]),
        );
    }
    plant.assert_lawful();
}

#[test]
fn each_way_to_admit_devices_asks_for_what_the_table_says_and_tells_what_is_missing() {
    let gateway = |id: &str| {
        format!(
            "gateway = \"{id}\"\nkey_file = \"keys/gateway.pem\"\ncredentials_file = \"keys/clearblade.json\"\n\
             devices = [{{ id = \"sensor-1\", key_file = \"keys/sensor-1.pem\" }}, {{ id = \"sensor-2\", key_file = \"keys/sensor-2.pem\" }}, \
             {{ id = \"sensor-3\", key_file = \"keys/wrong.pem\" }}]"
        )
    };
    let ids = ["gw-hall", "gw-token", "gw-both", "gw-none"];
    let texts = ids.map(gateway);
    let accounts: Vec<_> = ids
        .iter()
        .zip(&texts)
        .map(|(name, more)| Account {
            name,
            google: false,
            more,
        })
        .collect();
    let Some(plant) = Plant::start(&accounts) else {
        return;
    };
    for (gateway, device, code, words) in [
        // Bound; a token that comes along is ignored.
        ("gw-hall", "sensor-1", 0, ""),
        ("gw-hall", "sensor-3", 3, "not bound"),
        ("gw-hall", "sensor-4", 3, "blocked"),
        ("gw-hall", "nobody-here", 3, "not found"),
        // Not bound to it, but its token is good: ES256, then RS256.
        ("gw-token", "sensor-1", 0, "its token ends at"),
        ("gw-token", "sensor-2", 0, "its token ends at"),
        ("gw-token", "sensor-3", 3, "no registered key"),
        ("gw-token", "meter-1", 3, "the profile names no key for it"),
        ("gw-both", "sensor-2", 0, "its token ends at"),
        ("gw-both", "meter-1", 3, "not bound"),
        ("gw-none", "sensor-1", 3, "no device may use this gateway"),
    ] {
        let ended = plant.run(&["-p", gateway, "attach", device]).expect(code);
        let said = format!("{}{}", ended.out, ended.err);
        assert!(said.contains(words), "{gateway} {device}: {said}");
    }
    plant.run(&["detach", "sensor-3"]).expect(0);
    plant.assert_lawful();
}

#[test]
fn a_refused_token_is_one_try_and_a_list_of_what_was_checked_in_either_dialect() {
    let device = "gateway = \"gw-hall\"\nkey_file = \"keys/wrong.pem\"";
    let accounts = [
        Account {
            name: "now",
            google: false,
            more: device,
        },
        Account {
            name: "then",
            google: true,
            more: device,
        },
    ];
    let Some(plant) = Plant::start(&accounts) else {
        return;
    };
    for (profile, code) in [("now", 4), ("then", 5)] {
        let from = plant.log_length();
        let ended = plant
            .run(&["-p", profile, "tail", "--for", "20s"])
            .expect(3);
        assert!(ended.err.contains("public key SHA-256"), "{}", ended.err);
        assert!(ended.err.contains("aud acme-plant"), "{}", ended.err);
        let answers = plant.logged("CONNACK", from);
        assert_eq!(answers, [format!("CONNACK {code}")], "one try");
    }
    // One that ClearBlade documents, and MQTT does not; and one that passes.
    plant.bridge(&json!({"do": "set", "connack": [13, 3]}));
    let odd = plant.run(&["-p", "now", "tail", "--for", "8s"]).expect(3);
    assert!(odd.err.contains("code 13"), "{}", odd.err);
    let away = plant.run(&["-p", "now", "tail", "--for", "8s"]).expect(6);
    assert!(away.err.contains("unavailable"), "{}", away.err);
    plant.assert_lawful();
}

#[test]
fn a_wrong_clock_is_told() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    plant.bridge(&json!({"do": "set", "slow": -1500.0}));
    plant.bridge(&json!({"do": "set", "connack": [4]}));
    let ended = plant.run(&["tail", "--for", "20s"]).expect(3);
    assert!(
        ended.err.contains("clock") && ended.err.contains("25 min ahead"),
        "{}",
        ended.err
    );
}

#[test]
fn messages_for_an_attached_device_wait_for_it_and_none_is_lost_or_hung_up_at() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    plant
        .run(&["publish", "/devices/sensor-1/events/alarms/high", "loud"])
        .expect(0);
    plant
        .run(&["publish", "/devices/gw-hall/events", "own", "--qos", "0"])
        .expect(0);
    assert_eq!(
        plant.bridge(&json!({"do": "events"})),
        json!([
            {"device": "sensor-1", "folder": "alarms/high", "text": "loud"},
            {"device": "gw-hall", "folder": "", "text": "own"},
        ])
    );
    // The bridge goes away between a message and its PUBACK.
    plant.bridge(&json!({"do": "set", "swallow": 1}));
    plant
        .run(&["publish", "/devices/sensor-2/events", "again"])
        .expect(0);
    let events = plant.bridge(&json!({"do": "events"}));
    assert_eq!(events[2]["text"], "again");
    let stranger = plant
        .run(&["publish", "/devices/sensor-3/events", "x"])
        .expect(1);
    assert!(
        stranger.err.contains("GATEWAY_DEVICE_NOT_FOUND"),
        "{}",
        stranger.err
    );
    for refused in [
        &["publish", "/devices/gw-hall/events", "x", "--qos", "2"][..],
        &["publish", "/devices/gw-hall/events", "x", "--retain"],
        &["publish", "/devices/gw-hall/config", "x"],
        &["publish", "home/x", "x"],
        &["tail", "#", "--for", "3s"],
        &["tail", "/devices/gw-hall/commands/led", "--for", "3s"],
    ] {
        let ended = plant.run(refused);
        assert_ne!(ended.code, 0, "{refused:?}: {}", ended.err);
    }
    plant.assert_lawful();
}

/// 100 messages a second are what the bridge takes: more of them wait here.
#[test]
fn a_burst_is_slowed_down_to_what_the_bridge_takes() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let publish = ["publish", "/devices/gw-hall/events", "x", "--repeat", "250"];
    plant.run(&publish).expect(0);
    let events = plant.bridge(&json!({"do": "events"}));
    assert_eq!(events.as_array().map(Vec::len), Some(250));
    plant.assert_lawful();
}

#[test]
fn a_registry_without_a_topic_hangs_up_and_that_is_said_after_the_second_time() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    plant.bridge(&json!({"do": "set", "no_topic": true}));
    let ended = plant.run(&["publish", "/devices/sensor-1/events", "x"]);
    assert_ne!(ended.code, 0);
    assert!(ended.err.contains("Pub/Sub topic"), "{}", ended.err);
    let closes = plant.logged("closed gw-hall: the registry", 0);
    assert!(closes.len() <= 2, "{closes:?}");
    let devices = lines(&plant.run(&["devices", "--json"]).expect(0));
    let sensor = devices.iter().find(|device| device["id"] == "sensor-1");
    assert_eq!(
        sensor.expect("listed")["attributes"]["last error"],
        "The registry has no Pub/Sub topic"
    );
}

#[test]
fn many_devices_are_attached_a_few_at_a_time() {
    let ids: Vec<_> = (0..60)
        .map(|number| format!("\"fleet-{number:04}\""))
        .collect();
    let more = format!(
        "gateway = \"gw-hall\"\nkey_file = \"keys/gateway.pem\"\ndevices = [{}]",
        ids.join(", ")
    );
    let Some(plant) = Plant::start(&[Account {
        name: "fleet",
        google: false,
        more: &more,
    }]) else {
        return;
    };
    plant.bridge(&json!({"do": "add", "count": 60, "gateway": "gw-hall"}));
    plant.bridge(&json!({"do": "set", "attach_delay": 0.05}));
    // Each of 61 has its configuration.
    plant
        .run(&["tail", "--count", "61", "--for", "60s"])
        .expect(0);
    let most = plant.bridge(&json!({"do": "most_attaching"}));
    assert!(
        most.as_u64().is_some_and(|most| (1..=5).contains(&most)),
        "{most}"
    );
    plant.assert_lawful();
}

#[test]
fn a_device_by_itself_signs_with_its_rsa_key_and_needs_no_credentials() {
    let meter = Account {
        name: "meter",
        google: false,
        more: "device = \"meter-1\"\nkey_file = \"keys/meter.pem\"\ntopics = [\"/devices/meter-1/commands/#\"]",
    };
    let Some(plant) = Plant::start(&[meter]) else {
        return;
    };
    let devices = plant.run(&["devices", "--json"]).expect(0);
    assert_eq!(lines(&devices).len(), 1);
    plant
        .run(&["publish", "/devices/meter-1/state", "{\"on\": true}"])
        .expect(0);
    assert_eq!(
        plant.bridge(&json!({"do": "states", "device": "meter-1"})),
        json!(["{\"on\": true}"])
    );
    plant
        .run(&["expect", "/devices/meter-1/config", "--within", "20s"])
        .expect(0);
    let attach = plant.run(&["attach", "sensor-1"]).expect(2);
    assert!(
        attach.err.contains("use a profile with `gateway`"),
        "{}",
        attach.err
    );
    plant.assert_lawful();
}

#[test]
fn an_attach_at_start_that_fails_is_told_beside_the_stream() {
    let hall = Account {
        name: "hall",
        google: false,
        more: "gateway = \"gw-hall\"\nkey_file = \"keys/gateway.pem\"\ndevices = [\"sensor-1\", \"sensor-3\"]",
    };
    let Some(plant) = Plant::start(&[hall]) else {
        return;
    };
    let ended = plant.run(&["tail", "--for", "5s"]).expect(0);
    let kinds: Vec<_> = lines(&ended)
        .iter()
        .map(|line| line["kind"].as_str().map(str::to_owned))
        .collect();
    let complaint = Some("error".to_owned());
    assert!(kinds.contains(&complaint), "{kinds:?}");
    assert!(
        ended.err.contains("could not attach sensor-3") && ended.err.contains("not bound"),
        "{}",
        ended.err
    );
    plant.assert_lawful();
}
