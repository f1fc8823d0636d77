//! What goes wrong out there, as the person at the dashboard sees it.

use std::time::Duration;

use thingdeck::sim::broker::Happening;
use thingdeck::sim::{Fault, SimEvent, Times};

use crate::support::home::Home;
use crate::support::screen::Screen;

const DISHES: &str = "Dish washer";

/// A quiet home with push of the dish washer on.
fn subscribed(home: &Home) -> Screen {
    let mut screen = Screen::opened(home, 140, 36);
    screen.press("p").until_marks(DISHES, "●●○");
    screen
}

/// The stream moves: a notification comes through.
#[track_caller]
fn hears(home: &Home, screen: &mut Screen) {
    home.control
        .notify(&home.device(DISHES), "CLEANING_IS_COMPLETE");
    screen.shows("dish washer: clean");
}

const fn connected(event: &SimEvent) -> bool {
    matches!(event, SimEvent::Broker(Happening::Connected { .. }))
}

#[test]
fn a_broker_that_dies_is_waited_for_with_the_seconds_told_and_the_marks_kept() {
    let home = Home::quiet();
    let mut screen = subscribed(&home);
    home.control.stop_broker();
    screen.until("the seconds", |text| {
        text.contains("reconnecting in ") && text.contains(" s: ")
    });
    home.control.start_broker();
    screen.shows("● connected").until_marks(DISHES, "●●○");
    hears(&home, &mut screen);
    screen.leaves();
}

#[test]
fn dropped_connections_come_back() {
    let home = Home::quiet();
    let mut screen = subscribed(&home);
    home.after(
        || home.control.drop_connections(),
        "a new connection",
        connected,
    );
    screen.shows("● connected").until_marks(DISHES, "●●○");
    hears(&home, &mut screen);
    screen.leaves();
}

#[test]
fn a_refused_certificate_is_renewed_and_the_log_says_so() {
    let home = Home::quiet();
    let mut screen = subscribed(&home);
    let before = home.control.certificates_issued();
    home.control.refuse_certificates(true);
    home.after(
        || home.control.drop_connections(),
        "a new connection",
        connected,
    );
    assert!(home.control.certificates_issued() > before);
    screen.shows("● connected");
    screen.press("L").shows("certificate");
    screen.press("\x1b").shows("Enter its messages");
    hears(&home, &mut screen);
    screen.leaves();
}

#[test]
fn a_broker_that_refuses_for_good_is_told_in_words_and_r_tries_again() {
    let home = Home::quiet();
    home.control.refuse_connect(Some(5));
    let mut screen = Screen::start(&home, 140, 36, &[]);
    screen.shows("refused: ").shows("Problem");
    home.control.refuse_connect(None);
    screen
        .press("r")
        .shows("● connected")
        .no_longer_shows("Problem");
    screen.leaves();
}

#[test]
fn an_event_subscription_that_ran_out_is_not_shown_as_on() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 140, 36);
    screen.press("e").until_marks(DISHES, "●○●");
    home.control.advance(Duration::from_hours(25));
    assert!(home.control.event_subscriptions().is_empty());
    screen.press("r");
    // Either it is on again at the cloud, or the mark says that it is not.
    screen.until("the truth", |text| {
        let told_on = text
            .lines()
            .any(|l| l.contains(DISHES) && l.contains("● 2"));
        told_on != home.control.event_subscriptions().is_empty()
    });
    screen.leaves();
}

#[test]
fn a_subscription_that_is_there_already_is_no_error() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 140, 36);
    // Somebody else with our identity turned it on meanwhile: the cloud will answer 1207.
    home.run(&["subscribe", "push", DISHES]).expect(0);
    assert_eq!(home.control.push_subscriptions().len(), 1);
    screen.press("p").until_marks(DISHES, "●●○");
    assert!(!screen.text().contains("1207"), "{}", screen.text());
    screen.leaves();
}

#[test]
fn a_lost_answer_ends_in_the_true_state() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 140, 36);
    home.control
        .fail_http("POST", "/push/*/subscribe", Times::Once, Fault::LoseReply);
    screen.press("p").until_marks(DISHES, "●●○");
    assert_eq!(home.control.push_subscriptions().len(), 1);
    screen.leaves();
}

#[test]
fn account_changes_that_are_subscribed_already_are_no_error() {
    let home = Home::quiet();
    home.control
        .fail_http("POST", "/push/devices", Times::Once, Fault::code("4001"));
    let mut screen = Screen::opened(&home, 140, 36);
    assert!(!screen.text().contains("4001"), "{}", screen.text());
    screen.leaves();
}

/// A feed that the cloud refuses for one device: its row has the code.
fn row_says(code: &'static str) {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 140, 36);
    home.control.fail_http(
        "POST",
        "/event/*/subscribe",
        Times::Forever,
        Fault::code(code),
    );
    screen.press("e").until("the code in the row", |text| {
        text.lines().any(|l| l.contains(DISHES) && l.contains(code))
    });
    assert_eq!(home.control.event_subscriptions().len(), 0);
    screen.leaves();
}

#[test]
fn a_device_that_cannot_be_subscribed_says_so_in_its_row() {
    row_says("1214");
}

#[test]
fn a_device_that_is_not_connected_says_so_in_its_row() {
    row_says("1222");
}

fn rests(fault: Fault) {
    let home = Home::quiet();
    let mut screen = subscribed(&home);
    home.control.fail_http("*", "*", Times::Forever, fault);
    screen.press("r").shows("calls rest until");
    hears(&home, &mut screen);
    screen.shows("● connected").leaves();
}

#[test]
fn too_many_calls_rest_while_the_stream_moves_1306() {
    rests(Fault::code("1306"));
}

#[test]
fn too_many_calls_rest_while_the_stream_moves_1314() {
    rests(Fault::code("1314"));
}

#[test]
fn too_many_calls_rest_while_the_stream_moves_429() {
    rests(Fault::Status(429, "slow down".to_owned()));
}

#[test]
fn a_refused_command_is_told_with_its_code_and_words() {
    let home = Home::quiet();
    let mut screen = Screen::opened(&home, 180, 40);
    home.control.fail_http(
        "POST",
        "/devices/*/control",
        Times::Once,
        Fault::code("2302"),
    );
    screen.choose("침실").press("x").shows("windStrength");
    screen
        .press("/windStrength\r")
        .shows("Set airFlow.windStrength");
    screen.press("/HIGH\r").shows("\"windStrength\": \"HIGH\"");
    screen.press("\r").shows("refused: 2302 not possible");
    screen.leaves();
}

/// The cloud takes the token no longer: it is asked for, and the new one brings everything back, unseen.
fn new_token(while_running: bool) {
    let home = Home::quiet();
    let right = home.token();
    let refuse = |code: &str| {
        home.control
            .fail_http("*", "*", Times::Forever, Fault::code(code));
    };
    let mut screen = if while_running {
        let mut screen = subscribed(&home);
        refuse("1302");
        screen.press("r");
        screen
    } else {
        home.put_token("thinqpat_outdated");
        Screen::start(&home, 140, 36, &[])
    };
    screen.shows("A new access token");
    if while_running {
        hears_behind(&home, &mut screen);
        home.control.heal_http();
    }
    screen.paste(&format!(" {right}\n"));
    screen.shows(&format!("{} characters", right.len()));
    screen.press("\r").no_longer_shows("A new access token");
    screen.shows("● connected").shows(DISHES);
    home.after(
        || {
            screen.press("r");
        },
        "a call that is answered",
        |event| matches!(event, SimEvent::Call(call) if call.status == 200),
    );
    screen.leaves();
    let raw = String::from_utf8_lossy(&screen.raw()).into_owned();
    assert!(!raw.contains(&right), "the token was on the screen");
}

/// The stream goes on below the form.
fn hears_behind(home: &Home, screen: &mut Screen) {
    home.control
        .notify(&home.device(DISHES), "CLEANING_IS_COMPLETE");
    screen.shows("received 1");
}

#[test]
fn a_wrong_token_at_the_start_is_asked_for_once_more() {
    new_token(false);
}

#[test]
fn a_token_that_is_refused_while_running_is_asked_for_and_the_stream_stays() {
    new_token(true);
}

/// A refresh that fails says so, and everything stays as it was.
fn refresh_fails(fault: Fault, words: &'static str) {
    let home = Home::quiet();
    let mut screen = subscribed(&home);
    home.control
        .fail_http("GET", "/devices", Times::Forever, fault);
    screen.press("r").shows(words);
    screen.press("\x1b").no_longer_shows("Problem");
    screen.shows("● connected").until_marks(DISHES, "●●○");
    hears(&home, &mut screen);
    home.control.heal_http();
    screen.leaves();
}

#[test]
fn a_server_error_is_told_and_the_devices_stay() {
    refresh_fails(Fault::Status(500, "{}".to_owned()), "500");
}

#[test]
fn a_page_instead_of_an_answer_is_told_and_the_devices_stay() {
    refresh_fails(Fault::Html, "502");
}

#[test]
fn an_empty_answer_is_told_and_the_devices_stay() {
    refresh_fails(Fault::EmptyBody, "answer");
}

#[test]
fn a_server_that_never_answers_leaves_the_screen_alive_and_is_told_in_the_end() {
    let home = Home::quiet();
    let mut screen = subscribed(&home);
    home.control
        .fail_http("GET", "/devices", Times::Forever, Fault::Silence);
    screen.press("r").press("?").shows("Keys in Devices");
    screen.escape("Keys in Devices");
    hears(&home, &mut screen);
    screen.shows("no answer");
    screen.shows("● connected").leaves();
}
