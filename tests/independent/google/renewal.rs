//! A token that ends: left before, with a fresh one, and nothing lost on the way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::bridge::{Account, Plant};
use crate::support::screen::Screen;

/// The shortest token there is: left half a minute before it ends.
const SHORT: Account<'static> = Account {
    name: "short",
    google: false,
    more: r#"gateway = "gw-both"
key_file = "keys/gateway.pem"
token_minutes = 1
devices = [{ id = "sensor-1", key_file = "keys/sensor-1.pem" }, { id = "sensor-2", key_file = "keys/sensor-2.pem" }]"#,
};

fn tokens(plant: &Plant) -> Vec<String> {
    let tokens = plant.bridge(&json!({"do": "tokens"}));
    let tokens = tokens.as_array().expect("a list").iter();
    tokens
        .map(|token| token.as_str().expect("text").to_owned())
        .collect()
}

/// Every command that the bridge took while somebody listened is printed, also those of the moment in which the client left.
#[test]
fn no_command_that_the_bridge_accepted_is_lost_when_the_token_is_renewed() {
    let Some(plant) = Plant::start(&[SHORT]) else {
        return;
    };
    // The bridge forgives nothing here: who stays until the end is thrown out.
    plant.bridge(&json!({"do": "set", "skew": 1}));
    // Into a file: a pipe that nobody reads would slow the bridge down.
    let printed = plant.path("printed.jsonl");
    let mut tail = plant
        .command(&["tail", "--for", "55s"])
        .stdout(std::fs::File::create(&printed).expect("a file"))
        .spawn()
        .expect("it starts");
    plant.wait("SUBSCRIBE /devices/sensor-1/commands/#", 0);
    let stream = json!({"do": "stream", "device": "sensor-1", "seconds": 38, "gap": 0.002});
    let accepted = plant.bridge(&stream);
    assert!(tail.wait().expect("it ends").success());
    let printed = std::fs::read_to_string(printed).expect("there");
    let printed: BTreeSet<u64> = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"))
        .filter(|line| line["topic"] == "/devices/sensor-1/commands/n")
        .filter_map(|line| line["payload"].as_u64())
        .collect();
    let accepted = accepted.as_array().expect("numbers").iter();
    let accepted: BTreeSet<u64> = accepted.filter_map(Value::as_u64).collect();
    let missing: Vec<_> = accepted.difference(&printed).take(9).collect();
    assert!(missing.is_empty(), "{missing:?}… of {}", accepted.len());
    assert!(accepted.len() > 1000, "{}", accepted.len());
    let tokens = tokens(&plant);
    assert_eq!(tokens.len(), 2, "renewed once, before its end");
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(plant.logged("the token has ended", 0), [""; 0]);
    plant.assert_lawful();
}

#[test]
fn the_dashboard_counts_the_token_down_and_comes_back_with_attachments_and_subscriptions() {
    let Some(plant) = Plant::start(&[SHORT]) else {
        return;
    };
    plant.bridge(&json!({"do": "set", "skew": 1}));
    let mut screen = Screen::run(plant.environment(), &plant.path(""), &[], 120, 36);
    screen
        .shows("connected")
        .until("a token that counts down", |text| {
            (40..60).any(|seconds| text.contains(&format!("token {seconds} s")))
        });
    let attached = json!({"do": "attached", "device": "gw-both"});
    plant.until(&attached, &json!(["sensor-1", "sensor-2"]));
    let filters = json!({"do": "filters", "device": "gw-both"});
    let before = json!([
        "/devices/gw-both/commands/#",
        "/devices/gw-both/config",
        "/devices/gw-both/errors",
        "/devices/sensor-1/commands/#",
        "/devices/sensor-1/config",
        "/devices/sensor-2/commands/#",
        "/devices/sensor-2/config"
    ]);
    plant.until(&filters, &before);
    let after = plant.wait("DISCONNECT gw-both", 0);
    plant.wait("CONNACK 0", after);
    plant.until(&attached, &json!(["sensor-1", "sensor-2"]));
    plant.until(&filters, &before);
    plant.bridge(&json!({"do": "command", "device": "sensor-2", "text": "still there"}));
    screen.shows("still there");
    assert_eq!(plant.logged("the token has ended", 0), [""; 0]);
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    plant.assert_lawful();
}
