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
    screen.press("1").press("g").press("x");
    screen.shows("properties").shows("a report of properties");
    screen.press("\x13").shows("acknowledged");
    until("the report is there", || {
        home.control.uplinks(&id).len() > before
    });
    screen.leaves();
}
