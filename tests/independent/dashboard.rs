//! The dashboard in a pseudo-terminal.

use serde_json::json;

use crate::support::home::Home;
use crate::support::screen::Screen;

#[test]
fn a_person_subscribes_by_key_reads_a_message_and_sees_the_broker_come_back() {
    let Some(home) = Home::start() else { return };
    let mut screen = Screen::start(&home, 120, 36);
    screen.shows("connected").shows("Robo");
    screen.press("/Robo\r").shows("1 of 28");
    screen.press("p");
    home.wait("POST push/a363f974.*/subscribe", 0);
    screen.shows("without end");
    home.cloud(&json!({"do": "publish", "fixture": "push_robot_cleaner.json"}));
    screen.until("the push in the stream", |text| {
        text.lines()
            .any(|line| line.contains("push") && line.contains("Robo") && line.contains(':'))
    });

    // The appliance reports, and its state agrees: what was read at the start must not take that back.
    let robo = home.id("DEVICE_ROBOT_CLEANER").to_owned();
    let battery = json!({"battery": {"level": "LOW", "percent": 41}});
    home.cloud(&json!({"do": "state", "device": robo, "state": battery}));
    let report = json!({"pushType": "DEVICE_STATUS", "deviceId": robo, "deviceType": "DEVICE_ROBOT_CLEANER", "report": battery});
    home.publish(&report.to_string());
    screen.shows("battery.level LOW");
    screen.press("s").shows("State of Robo");
    let percent = |wanted: &'static str| {
        move |text: &str| {
            text.lines()
                .any(|line| line.contains(" percent ") && line.contains(wanted))
        }
    };
    screen.until("the reported charge", percent("41 %"));
    let battery = json!({"battery": {"level": "LOW", "percent": 40}});
    home.cloud(&json!({"do": "state", "device": robo, "state": battery}));
    // A second look within two seconds is the same look.
    let from = home.log_length();
    home.cloud(&json!({"do": "wait", "text": "^nothing$", "from": from, "seconds": 2.5}));
    screen.press("r");
    home.wait(&format!("GET devices/{robo}/state"), from);
    screen.until("the charge after a refresh", percent("40 %"));
    screen.press("\x1b").no_longer_shows("State of Robo");
    screen.press("x").shows("cleanOperationMode");
    screen.press("\x1b").no_longer_shows("cleanOperationMode");

    let from = home.log_length();
    home.cloud(&json!({"do": "broker"}));
    home.wait("Sending SUBACK", from);
    screen.shows("● connected");
    screen.press("\x03");
    assert_eq!(screen.ends(), 0);
    home.assert_lawful();
}
