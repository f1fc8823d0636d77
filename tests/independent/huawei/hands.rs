//! The dashboard in a pseudo-terminal, as a person uses it.

use serde_json::json;

use crate::support::plant::Plant;
use crate::support::screen::Screen;

const METER: &str = "5e06_meter";

fn opened(plant: &Plant, profile: &str) -> Screen {
    let environment = plant.environment();
    let mut screen = Screen::run(environment, &plant.path(""), &["-p", profile], 120, 36);
    screen.shows("● connected");
    screen
}

fn leave(screen: &mut Screen) {
    screen.press("\x03");
    assert_eq!(screen.ends(), 0);
}

/// An action of the palette, by its name.
fn palette(screen: &mut Screen, name: &str) {
    screen.press(":").shows("╭─ Commands");
    screen.press(name).shows(name).press("\r");
}

#[test]
fn a_command_counts_down_and_is_answered_by_hand() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "bare");
    let text = r#"{"service_id":"Relay","command_name":"ON","paras":{"value":1}}"#;
    let request = plant.asks("command", METER, text);
    screen.shows("s left").shows("Relay.ON");
    screen.press("3").press("G").press("\r");
    screen.shows("left to answer").shows("result_code");
    screen
        .press("\x13")
        .shows("answered after")
        .shows("answers Relay.ON after");
    assert_eq!(plant.answer(&request), r#"{"result_code":0}"#);
    leave(&mut screen);
    plant.assert_lawful();
}

#[test]
fn a_command_of_the_older_interface_is_answered_by_hand_with_its_number() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "older");
    plant.wait("subscribed /huawei/v1/devices/SN-0042/command/json 1");
    let first = plant.asks_v1("5e06_older", "Relay", "OFF");
    screen.shows("Relay.OFF");
    let second = plant.asks_v1("5e06_older", "Relay", "ON");
    screen.shows("Relay.ON").shows("s left");
    screen.press("3").press("G").press("\r");
    screen.shows("left to answer").shows("deviceRsp");
    screen.press("\x13").shows("answers Relay.ON after");
    assert_eq!(
        plant.answer_v1("5e06_older", &second),
        format!(r#"{{"msgType":"deviceRsp","mid":{second},"errcode":0}}"#)
    );
    // The first still waits: the answer named the second.
    let waits = json!({"do": "answer", "device": "5e06_older", "request": first, "seconds": 0});
    assert!(plant.cloud(&waits).is_null());
    screen.shows("s left");
    leave(&mut screen);
    plant.assert_lawful();
}

#[test]
fn what_answers_by_itself_is_seen_as_a_pair() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "auto");
    let text = r#"{"service_id":"Relay","command_name":"ON","paras":{"value":1}}"#;
    let request = plant.asks("command", METER, text);
    screen
        .shows("answered after")
        .shows("answers Relay.ON after");
    assert!(
        plant
            .answer(&request)
            .starts_with(r#"{"result_code":1,"response_name":"DONE""#)
    );
    // The connection is cut: it comes back with a login made anew, and a command is answered again.
    let before = plant.log().len();
    plant.cloud(&json!({"do": "kick", "device": METER}));
    plant.wait_from("connected 5e06_meter", before);
    assert_eq!(plant.connects().len(), 2);
    let request = plant.asks("command", METER, text);
    plant.answer(&request);
    leave(&mut screen);
    plant.assert_lawful();
}

#[test]
fn the_device_is_sent_a_command_and_a_message_from_the_dashboard() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "auto");
    screen
        .press("1")
        .press("/")
        .press("三相")
        .press("\r")
        .shows("三相电表");
    palette(&mut screen, "send a command");
    screen
        .shows("A command to")
        .press("Relay.ON\r")
        .press("\x15{\"value\":1.50}\x13");
    screen.shows("answers {\"result_code\":1");
    plant.wait(r#"{"service_id":"Relay","command_name":"ON","paras":{"value":1.50}}"#);
    palette(&mut screen, "send a message");
    screen
        .shows("A message to")
        .press("hello\x13")
        .shows("the message is taken");
    plant.wait("sys/messages/down hello");
    leave(&mut screen);
    plant.assert_lawful();
}

#[test]
fn an_event_is_composed_and_the_clocks_are_compared() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "bare");
    palette(&mut screen, "report an event");
    screen
        .shows("events/up")
        .shows("event_type")
        .press("\x13")
        .shows("acknowledged");
    screen.press("\x1b").no_longer_shows("Ctrl-E editor");
    let (topic, payload) = plant.uplinks(METER).pop().expect("one");
    assert_eq!(topic, format!("$oc/devices/{METER}/sys/events/up"));
    assert!(payload.contains("\"event_type\":"), "{payload}");
    palette(&mut screen, "compare clocks");
    screen.until("the answer", |text| {
        text.contains("this clock agrees") || text.contains("the platform's")
    });
    leave(&mut screen);
    plant.assert_lawful();
}

#[test]
fn the_topic_sets_are_subscribed_and_what_comes_unasked_is_not_called_off() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "bare");
    screen.shows("comes unasked");
    screen.press("1").press("p").shows("without end");
    plant.wait("subscribed $oc/devices/5e06_meter/sys/commands/# 1");
    plant.wait("subscribed $oc/devices/5e06_meter/sys/properties/get/# 1");
    screen.press("p").no_longer_shows("without end");
    plant.wait("unsubscribed $oc/devices/5e06_meter/sys/commands/#");
    screen.press("e").shows("without end");
    plant.wait("subscribed $oc/devices/5e06_meter/sys/events/down 1");
    leave(&mut screen);
    plant.assert_lawful();
}

#[test]
fn a_report_is_composed_from_the_model_with_the_known_values() {
    let Some(plant) = Plant::start() else { return };
    let mut screen = opened(&plant, "meter");
    screen
        .press("1")
        .press("/")
        .press("三相")
        .press("\r")
        .shows("三相电表");
    screen
        .press("x")
        .shows("a report of properties")
        .shows("properties/report");
    screen.press("\x13").shows("acknowledged");
    let (_, payload) = plant.uplinks(METER).pop().expect("one");
    for part in ["229.80", "12345678901234567890123", "\"current\"", "\"on\""] {
        assert!(payload.contains(part), "{part}: {payload}");
    }
    leave(&mut screen);
    plant.assert_lawful();
}
