//! The dashboard in a pseudo-terminal: a command comes, its time runs down, it is answered by hand.

use serde_json::json;

use crate::headless::{id_of, plant};
use crate::home::{Home, until};
use crate::screen::Screen;

fn opened(home: &Home) -> Screen {
    let mut screen = Screen::start(home, 120, 36, &["-p", "meter-manual"]);
    screen.shows("connected");
    screen
}

#[test]
fn a_person_answers_a_command_and_sees_the_pair() {
    let home = plant();
    let id = id_of(&home, "meter-manual");
    let mut screen = opened(&home);
    until("connected", || {
        home.control.device_status(&id) == Some("ONLINE")
    });
    let asked = home
        .control
        .ask_command(&id, "Relay", "ON", &json!({"value": 1}))
        .expect("it is connected");
    screen.shows("s left").shows("Relay.ON");
    screen.press("3").press("G").press("\r");
    screen.shows("left to answer");
    screen.shows("result_code").press("\x13");
    screen.shows("answered after");
    until("the answer is there", || {
        home.control.uplinks(&id).iter().any(|(topic, payload)| {
            topic.ends_with(&format!("commands/response/request_id={asked}"))
                && payload.starts_with(b"{\"result_code\":0")
        })
    });
    screen.leaves();
}

#[test]
fn a_report_is_composed_from_what_is_known_of_the_device() {
    let home = plant();
    let id = id_of(&home, "meter-manual");
    let mut screen = opened(&home);
    until("connected", || {
        home.control.device_status(&id) == Some("ONLINE")
    });
    let before = home.control.uplinks(&id).len();
    screen.choose("二号电表").press("x");
    screen.shows("properties").shows("a report of properties");
    screen.press("\x13").shows("acknowledged");
    until("the report is there", || {
        home.control.uplinks(&id).len() > before
    });
    screen.leaves();
}

#[test]
fn a_device_is_added_by_hand_tried_and_opened() {
    let home = plant();
    let config = crate::headless::config(&home);
    let manual = &config["profiles"]["meter-manual"];
    let text = |value: &toml::Value| value.as_str().expect("text").to_owned();
    let secret = home
        .config()
        .with_file_name(text(&manual["secret"]["file"]));
    let secret = std::fs::read_to_string(secret).expect("a secret");
    let ca = home.ready().ca_file.display().to_string();
    let arguments = ["-p", "gateway"];
    let environment = [("THINGDECK_CA_FILE", ca.as_str())];
    let mut screen = Screen::start_with(&home, 120, 36, &arguments, &environment);
    screen.shows("connected").press("P").shows("Profiles");
    screen.press("/a Huawei IoT device");
    screen.shows("add a Huawei IoT device").press("\r");
    screen.shows("Add a Huawei IoT device");
    screen.paste(&text(&manual["mqtt_url"])).press("\t\t");
    screen.paste(&text(&manual["device_id"])).press("\t");
    screen
        .paste("a-wrong-secret")
        .press("\x13")
        .shows("check: 1. device_id");
    screen.press("\x15").paste(secret.trim()).press("\x13");
    screen.shows("meter2 · Huawei IoT").shows("connected");
    let id = id_of(&home, "meter-manual");
    until("connected", || {
        home.control.device_status(&id) == Some("ONLINE")
    });
    screen.leaves();
    let kept = crate::headless::config(&home);
    let kept = &kept["profiles"]["meter2"];
    assert_eq!(kept["device_id"], manual["device_id"]);
    assert!(
        !std::fs::read_to_string(home.config())
            .expect("text")
            .contains(secret.trim())
    );
}
