//! The dashboard in a pseudo-terminal against the look-alike: attach, error, detach, silence, reconnect, a new profile.

use serde_json::json;

use crate::support::bridge::{HALL, Plant};
use crate::support::screen::Screen;

fn opened(plant: &Plant) -> Screen {
    let mut screen = Screen::run(plant.environment(), &plant.path(""), &[], 120, 36);
    screen
        .shows("connected")
        .shows("sensor-3")
        .shows("token 59 min");
    plant.until(
        &json!({"do": "attached", "device": "gw-hall"}),
        &json!(["sensor-1", "sensor-2"]),
    );
    screen
}

/// Puts the cursor on a device by looking for it.
fn choose(screen: &mut Screen, device: &str) {
    screen.press("1/").shows("Enter keep").press(device);
    screen.press("\r").no_longer_shows("Enter keep");
}

fn let_go(screen: &mut Screen) {
    screen.press("/").shows("Enter keep");
    screen.press("\x1b").no_longer_shows("Enter keep");
}

#[test]
fn a_person_attaches_reads_the_error_detaches_and_attaches_again() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let mut screen = opened(&plant);
    let attached = json!({"do": "attached", "device": "gw-hall"});

    choose(&mut screen, "sensor-3");
    screen.press("p").shows("not bound to gateway");
    screen
        .press("s")
        .shows("GATEWAY_ATTACHMENT_ERROR")
        .shows("/devices/sensor-3/attach")
        .shows("do not try again unchanged");
    screen
        .press("\x1b")
        .no_longer_shows("GATEWAY_ATTACHMENT_ERROR");
    let_go(&mut screen);

    choose(&mut screen, "sensor-1");
    screen.press("p");
    plant.until(&attached, &json!(["sensor-2"]));
    screen.press("p");
    plant.until(&attached, &json!(["sensor-1", "sensor-2"]));

    // Its configuration and commands, off and on.
    let filters = json!({"do": "filters", "device": "gw-hall"});
    plant.until(
        &filters,
        &json!([
            "/devices/gw-hall/commands/#",
            "/devices/gw-hall/config",
            "/devices/gw-hall/errors",
            "/devices/sensor-1/commands/#",
            "/devices/sensor-1/config",
            "/devices/sensor-2/commands/#",
            "/devices/sensor-2/config"
        ]),
    );
    screen.press("e");
    plant.until(
        &filters,
        &json!([
            "/devices/gw-hall/commands/#",
            "/devices/gw-hall/config",
            "/devices/gw-hall/errors",
            "/devices/sensor-2/commands/#",
            "/devices/sensor-2/config"
        ]),
    );
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    plant.assert_lawful();
}

#[test]
fn an_attach_without_an_answer_is_told_after_its_time() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let mut screen = opened(&plant);
    plant.bridge(&json!({"do": "set", "silent": ["Wetter~2.5%"]}));
    choose(&mut screen, "Wetter");
    screen.press("p").shows("nothing came within 8 s");
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    plant.assert_lawful();
}

#[test]
fn a_device_that_is_thrown_out_is_shown_so_and_a_lost_connection_brings_the_others_back() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let mut screen = opened(&plant);
    let attached = json!({"do": "attached", "device": "gw-hall"});
    plant.bridge(&json!({"do": "set", "device": "sensor-2", "blocked": true}));
    screen.shows("is blocked");
    plant.until(&attached, &json!(["sensor-1"]));
    let from = plant.log_length();
    // A service that is unavailable for a moment is no refusal.
    plant.bridge(&json!({"do": "set", "connack": [3]}));
    plant.bridge(&json!({"do": "drop"}));
    let from = plant.wait("CONNACK 3", from);
    let from = plant.wait("CONNACK 0", from);
    plant.wait("SUBSCRIBE /devices/sensor-1/commands/#", from);
    plant.until(&attached, &json!(["sensor-1"]));
    plant.bridge(
        &json!({"do": "command", "device": "sensor-1", "folder": "led", "text": "after all"}),
    );
    screen.shows("after all");
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    plant.assert_lawful();
}

/// The wizard: everything that the profile needs, typed once and tried before it is saved.
#[test]
fn a_gateway_is_added_in_the_dashboard_and_connects() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let path = |name: &str| plant.path(name).to_string_lossy().into_owned();
    let mut environment = plant.environment();
    environment.push(("THINGDECK_CA_FILE".into(), path("keys/root.crt")));
    let mut screen = Screen::run(environment, &plant.path(""), &[], 120, 36);
    screen.shows("connected").press("P").shows("add a gateway");
    screen.press("Gkkk\r").shows("Add a gateway");
    let fields = [
        "acme-plant",
        "",
        "floor-7",
        "",
        "gw-both",
        &path("keys/gateway.pem"),
        "sensor-1",
        &path("keys/clearblade.json"),
        plant.ready("mqtt_url"),
    ];
    screen
        .press(&fields.join("\t"))
        .shows("gw-both")
        .press("\x13");
    screen.shows("profile gateway is saved and open");
    let saved = std::fs::read_to_string(plant.path("config.toml")).expect("there");
    assert!(saved.contains("gateway = \"gw-both\""), "{saved}");
    plant.wait(
        "CONNECT projects/acme-plant/locations/us-central1/registries/floor-7/devices/gw-both",
        0,
    );
    screen.press("q");
    assert_eq!(screen.ends(), 0);
    plant.assert_lawful();
}

/// Best effort, and of every kind that the table has.
#[test]
fn each_error_of_the_table_is_told_in_words_with_what_to_do() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let mut screen = opened(&plant);
    choose(&mut screen, "Wetter");
    screen.press("s").shows("Configuration");
    for (kind, words) in [
        ("GATEWAY_ATTACHMENT_ERROR", "the attach was refused"),
        ("GATEWAY_DEVICE_NOT_FOUND", "the device is not attached"),
        ("GATEWAY_INVALID_MQTT_TOPIC", "the topic cannot be read"),
        ("GATEWAY_UNEXPECTED_PACKET_ID", "a packet id"),
        ("GATEWAY_UNEXPECTED_MESSAGE_TYPE", "QoS 2 is in play"),
        (
            "GATEWAY_DETACHMENT_DEVICE_ERROR",
            "the platform detached the device",
        ),
        ("UNKNOWN", "the bridge reports an error"),
        ("SOMETHING_OF_TOMORROW", "SOMETHING_OF_TOMORROW"),
    ] {
        plant.bridge(&json!({"do": "complain", "gateway": "gw-hall", "error": {
            "error_type": kind, "device_id": "Wetter~2.5%", "description": format!("what {kind} says"),
        }}));
        screen.shows(words).shows(&format!("what {kind} says"));
    }
    screen
        .press("\x1b")
        .no_longer_shows("Configuration")
        .press("q");
    assert_eq!(screen.ends(), 0);
    plant.assert_lawful();
}

#[test]
fn states_that_waited_for_the_connection_go_out_a_second_apart() {
    let Some(plant) = Plant::start(&[HALL]) else {
        return;
    };
    let mut publish = plant.command(&[
        "publish",
        "/devices/sensor-1/state",
        "on",
        "--repeat",
        "4",
        "--every",
        "1200ms",
    ]);
    // Each attach takes so long that several states wait behind it.
    plant.bridge(&json!({"do": "set", "attach_delay": 4.0}));
    let ended = publish.output().expect("it runs");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let states = plant.bridge(&json!({"do": "states", "device": "sensor-1"}));
    assert_eq!(states, json!(["on", "on", "on", "on"]));
    plant.assert_lawful();
}
