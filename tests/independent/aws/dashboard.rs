//! The dashboard in a pseudo-terminal.

use serde_json::json;

use crate::support::account::Account;

const SEND: &str = "\x13";
/// The end of the line.
const END: &str = "\x1b[F";

#[test]
fn the_shadow_view_is_live_and_edits_what_is_desired() {
    let Some(account) = Account::start() else {
        return;
    };
    account.update(
        "RPI",
        None,
        &json!({"desired": {"target": 21}, "reported": {"target": 18}}),
    );
    account.update("RPI", Some("wifi"), &json!({"reported": {"rssi": -61}}));
    let mut screen = account.screen("wss5", 120, 36);
    screen.shows("● connected").shows("lamp").shows("Shadow");
    screen.press("/RPI\r").no_longer_shows("lamp");
    screen
        .press("s")
        .shows("Shadow of RPI")
        .shows("≠ target")
        .shows("[classic]");
    screen.press("p").shows("  live");
    account.update("RPI", None, &json!({"reported": {"target": 21}}));
    screen.no_longer_shows("≠ target").shows("as desired");
    screen.press("e").shows("Edit desired of RPI");
    screen
        .press(&format!("{END},\r\"fan\": \"fast\""))
        .shows("sends  {\"desired\":{\"fan\":\"fast\"}}");
    screen
        .press(SEND)
        .shows("desired accepted, version")
        .shows("≠ fan");
    let shadow = account.cloud(&json!({"do": "shadow", "thing": "RPI"}));
    assert_eq!(
        shadow["state"]["desired"],
        json!({"target": 21, "fan": "fast"})
    );
    screen.press("\t").shows("[wifi]").shows("-61");
    screen.press("\x1b").no_longer_shows("Shadow of RPI");
    screen.press("\x03");
    assert_eq!(screen.ends(), 0);
    account.assert_lawful();
}

#[test]
fn a_quick_reconnect_is_not_shown_as_offline_and_a_long_one_is() {
    let Some(account) = Account::start() else {
        return;
    };
    let mut screen = account.screen("wss", 120, 36);
    screen.shows("● connected").shows("lamp");
    screen.press("/lamp\r").no_longer_shows("RPI");
    let event = |name: &str, session: &str, version: u64| {
        let body = json!({"clientId": "lamp", "timestamp": 1_772_368_496_000_u64 + version * 1000, "eventType": name,
            "sessionIdentifier": session, "principalIdentifier": "p", "versionNumber": version});
        account.cloud(&json!({"do": "presence", "event": name, "body": body}));
    };
    let is = |sign: &'static str| {
        move |text: &str| {
            text.lines()
                .any(|line| line.contains(sign) && line.contains("lamp") && line.contains("Light"))
        }
    };
    event("connected", "a", 1);
    screen.until("the lamp online", is("●"));
    event("disconnected", "a", 1);
    event("connected", "b", 2);
    screen
        .shows("disconnected")
        .until("the lamp online", is("●"));
    event("disconnected", "b", 2);
    screen.until("the lamp offline", is("○"));
    screen.press("\x03");
    assert_eq!(screen.ends(), 0);
    account.assert_lawful();
}

#[test]
fn a_thing_is_provisioned_and_opened_and_its_jobs_are_done() {
    let Some(account) = Account::start() else {
        return;
    };
    let mut screen = account.screen("claim", 120, 36);
    screen.shows("● connected");
    screen.press(":").shows("Commands");
    screen
        .press("provision a new\r")
        .shows("Provision a new thing");
    screen
        .press("line\t\t\tSerialNumber=9")
        .shows("SerialNumber=9");
    screen
        .press(SEND)
        .shows("line-9")
        .shows("report_every")
        .shows("connected as line-9");
    screen
        .press("o")
        .shows("line-9 · AWS IoT Core   ● connected");
    account.cloud(&json!({"do": "job", "thing": "line-9", "job": "update-7", "document": {"url": "https://plant.example/7"}}));
    screen
        .press("J")
        .shows("Jobs of line-9")
        .shows("update-7")
        .shows("QUEUED");
    screen.press("\r").shows("https://plant.example/7");
    screen.press("\x1b").shows("Jobs of line-9");
    screen.press("n").shows("IN_PROGRESS");
    screen.press("u").shows("< SUCCEEDED >");
    screen
        .press("\tstep=done\r")
        .shows("update-7: SUCCEEDED accepted");
    let jobs = account.cloud(&json!({"do": "jobs", "thing": "line-9"}));
    assert_eq!(jobs[0]["status"], "SUCCEEDED");
    assert_eq!(jobs[0]["statusDetails"], json!({"step": "done"}));
    screen.press("\x1b").no_longer_shows("Jobs of line-9");
    screen.press("\x03");
    assert_eq!(screen.ends(), 0);
    account.assert_lawful();
}

#[test]
fn a_last_will_turns_the_shadow_by_the_recipe_s_rule() {
    let Some(account) = Account::start() else {
        return;
    };
    let mut screen = account.screen("wss5", 120, 36);
    screen.shows("● connected");
    let prove = |screen: &mut crate::support::screen::Screen| {
        screen.press(":").shows("Commands");
        screen.press("report connection\r").shows("Will topic");
        screen
            .press("\x15RPI\t\x15my/things/RPI/update\x13")
            .shows("1 of 8");
        screen.press("t");
    };
    prove(&mut screen);
    screen.shows("the will came on").shows("one $");
    screen.press("\x1b").no_longer_shows("the will came on");
    account.cloud(&json!({"do": "rule", "from": "my/things/+/update", "to": "$$aws/things/${topic(3)}/shadow/update"}));
    prove(&mut screen);
    screen.shows("the shadow turned connected = false");
    screen.press("\x03");
    account.assert_lawful();
}

#[test]
fn a_shadow_that_may_not_be_followed_says_what_allows_it_and_the_stream_goes_on() {
    let Some(account) = Account::start() else {
        return;
    };
    account.configure("things = [\"RPI\"]\ntopics = [\"plant/#\"]");
    let allow = |action: &str, resource: &str| json!({"Action": action, "Resource": resource});
    let statements = json!([
        allow("iot:Connect", "*"),
        allow("iot:Publish", "*"),
        allow("iot:Receive", "*"),
        allow(
            "iot:Subscribe",
            "arn:aws:iot:eu-west-1:123456789012:topicfilter/plant/#"
        ),
    ]);
    account.cloud(&json!({"do": "policy", "name": "device", "statements": statements}));
    for way in ["device", "device5"] {
        let mut screen = account.screen(way, 120, 36);
        screen.shows("● connected").shows("RPI");
        screen.press("p").shows("✗ RPI: ");
        screen.press(":").shows("Commands");
        screen
            .press("last problems\r")
            .shows("shadow/+/+ is not subscribed")
            .shows("{\"Effect\":\"Allow\",\"Action\":");
        screen.press("\x1b").shows("● connected");
        account.publish("plant/7", r#"{"seen":"after"}"#);
        screen.shows("after");
        screen.press("\x03");
        assert_eq!(screen.ends(), 0);
    }
    account.assert_lawful();
}
