//! The devices pane.

use std::time::Duration;

use thingdeck::app::screen::{PaneId, Presence};
use thingdeck::domain::device::{DeviceId, Presence as Known};
use thingdeck::domain::fact::{Fact, Step, StepState};
use thingdeck::domain::reading::Kind;
use thingdeck::domain::request::{Reply, Request};

use crate::deck::{Deck, body, device, household, refusal, setup};

#[test]
fn devices_stand_in_the_order_of_their_names_however_the_platform_lists_them() {
    let mut deck = Deck::connected();
    let mut list = household();
    list.reverse();
    deck.fact(Fact::Devices(list));
    assert_eq!(
        deck.device_names(),
        ["Dryer", "Hood", "Washer", "거실 에어컨"]
    );
}

#[test]
fn the_selected_device_stays_selected_when_others_come_above_it() {
    let mut deck = Deck::connected();
    deck.press("j j");
    assert_eq!(deck.selected_device(), "Washer");
    deck.fact(Fact::DeviceAdded(device(
        "d-new",
        "Air purifier",
        "AIR_PURIFIER",
    )));
    assert_eq!(deck.selected_device(), "Washer");
    assert!(
        deck.notice().contains("new device: Air purifier"),
        "{}",
        deck.notice()
    );
}

#[test]
fn when_the_selected_device_is_removed_its_neighbour_is_selected() {
    let mut deck = Deck::connected();
    deck.press("j");
    deck.fact(Fact::DeviceRemoved(DeviceId::new("d-hood")));
    assert_eq!(deck.selected_device(), "Washer");
    assert_eq!(deck.notice(), "Hood is gone");
}

#[test]
fn a_renamed_device_stays_selected_where_its_new_name_puts_it() {
    let mut deck = Deck::connected();
    deck.fact(Fact::DeviceRenamed {
        device: DeviceId::new("d-dryer"),
        name: "Tumbler".to_owned(),
    });
    assert_eq!(
        deck.device_names(),
        ["Hood", "Tumbler", "Washer", "거실 에어컨"]
    );
    assert_eq!(deck.selected_device(), "Tumbler");
}

#[test]
fn the_selection_keeps_its_place_on_the_screen_in_a_long_list() {
    let mut deck = Deck::connected();
    let many = |from: usize| {
        (from..200).map(|n| device(&format!("d{n:03}"), &format!("Sensor {n:03}"), "X"))
    };
    deck.fact(Fact::Devices(many(50).collect()));
    deck.press("G k k k");
    let place = |deck: &Deck| deck.devices().iter().position(|r| r.selected);
    let before = (deck.selected_device(), place(&deck));
    deck.fact(Fact::Devices(many(0).collect()));
    assert_eq!((deck.selected_device(), place(&deck)), before);
}

#[test]
fn movement_keys_reach_both_ends_of_the_list() {
    let mut deck = Deck::connected();
    let mut seen = Vec::new();
    for keys in [
        "G", "k", "g", "end", "home", "pagedown", "pageup", "ctrl-d", "ctrl-u", "down", "up", "j",
    ] {
        deck.press(keys);
        seen.push(deck.selected_device());
    }
    assert_eq!(
        seen,
        [
            "거실 에어컨",
            "Washer",
            "Dryer",
            "거실 에어컨",
            "Dryer",
            "거실 에어컨",
            "Dryer",
            "거실 에어컨",
            "Dryer",
            "Hood",
            "Dryer",
            "Hood"
        ]
    );
}

#[test]
fn the_filter_narrows_the_devices_by_name_kind_and_model_as_it_is_typed() {
    let mut deck = Deck::connected();
    deck.press("/").type_text("dry");
    assert_eq!(deck.device_names(), ["Dryer"]);
    deck.press("ctrl-u").type_text("air cond");
    assert_eq!(deck.device_names(), ["거실 에어컨"]);
    assert_eq!(deck.note(PaneId::Devices), "1 of 4");
    let filter = deck.pane(PaneId::Devices).filter.expect("it is typed");
    assert_eq!((filter.text.as_str(), filter.cursor), ("air cond", Some(8)));
    deck.press("enter");
    assert_eq!(
        deck.pane(PaneId::Devices).filter.expect("in force").cursor,
        None
    );
    deck.press("esc");
    assert_eq!(deck.device_names().len(), 4);
}

#[test]
fn a_filter_that_nothing_matches_says_how_to_get_back() {
    let mut deck = Deck::connected();
    deck.press("/").type_text("zzz");
    let shown = body(&deck.pane(PaneId::Devices).body);
    assert!(shown.contains("Esc clears the filter"), "{shown}");
}

#[test]
fn space_marks_and_esc_unmarks() {
    let mut deck = Deck::connected();
    deck.press("space space");
    let marked = |deck: &Deck| -> Vec<String> {
        let rows = deck.devices().into_iter().filter(|r| r.marked);
        rows.map(|r| r.name.to_string()).collect()
    };
    assert_eq!(marked(&deck), ["Dryer", "Hood"]);
    assert_eq!(deck.note(PaneId::Devices), "2 marked of 4");
    deck.press("esc");
    assert_eq!(marked(&deck), [""; 0]);
}

#[test]
fn a_message_counts_shows_its_age_and_that_the_device_is_online() {
    let mut deck = Deck::connected();
    deck.receive_from("d-hood", Kind::Event, "{}");
    let row = deck.device("Hood");
    assert_eq!(
        (row.count, row.presence, row.fresh),
        (1, Presence::Online, true)
    );
    deck.wait(Duration::from_secs(12));
    let row = deck.device("Hood");
    assert_eq!((row.last.as_str(), row.fresh), ("12s", false));
    deck.wait(Duration::from_mins(4));
    assert_eq!(deck.device("Hood").last, "4m");
}

#[test]
fn an_offline_device_says_why_and_a_message_takes_it_back() {
    let mut deck = Deck::connected();
    deck.hold().press("s").answer_for(
        "d-dryer",
        Err(refusal("1222", "the device is not connected")),
    );
    deck.fact(Fact::Presence {
        device: DeviceId::new("d-dryer"),
        presence: Known::Offline,
    });
    let row = deck.device("Dryer");
    assert_eq!(
        row.trouble.map(|t| t.to_string()).as_deref(),
        Some("1222 the device is not connected")
    );
    assert_eq!(row.presence, Presence::Offline);
    deck.receive_from("d-dryer", Kind::Event, "{}");
    let row = deck.device("Dryer");
    assert_eq!((row.trouble, row.presence), (None, Presence::Online));
}

#[test]
fn while_there_are_no_devices_the_pane_shows_the_sign_in_step_by_step() {
    let mut deck = Deck::new(setup());
    for (name, text, state) in [
        ("route", "mqtts://x:8883", StepState::Done),
        ("client", "registered as deck", StepState::Kept),
        ("certificate", "asking LG to sign it", StepState::Running),
    ] {
        deck.fact(Fact::Step(Step {
            name,
            text: text.to_owned(),
            state,
        }));
    }
    let shown = body(&deck.pane(PaneId::Devices).body);
    assert_eq!(
        shown,
        " ✓ route       mqtts://x:8883\n = client      registered as deck\n … certificate asking LG to sign it"
    );
}

#[test]
fn an_account_without_devices_says_what_to_do() {
    let mut deck = Deck::connected();
    deck.fact(Fact::Devices(Vec::new()));
    let shown = body(&deck.pane(PaneId::Devices).body);
    assert!(
        shown.contains("this account has no devices") && shown.contains("press r"),
        "{shown}"
    );
}

#[test]
fn refresh_asks_the_platform_itself_and_says_how_many_there_are() {
    let mut deck = Deck::connected();
    deck.open.clear();
    deck.press("r");
    assert_eq!(
        deck.requests(),
        [Request::Devices { fresh: true }, Request::Feeds]
    );
    deck.answer(Ok(Reply::Devices(household())));
    assert_eq!(deck.notice(), "4 devices");
}

#[test]
fn a_hostile_name_is_shown_escaped() {
    let mut deck = Deck::connected();
    deck.fact(Fact::Devices(vec![device(
        "x",
        "a\u{1b}[2J\u{202e}b",
        "HOOD",
    )]));
    assert_eq!(deck.device_names(), ["a\\e[2J\\u{202e}b"]);
}

#[test]
fn a_type_that_nobody_knows_is_shown_like_any_other() {
    let mut deck = Deck::connected();
    deck.fact(Fact::Devices(vec![device("x", "", "PET_FEEDER")]));
    let row = &deck.devices()[0];
    assert_eq!((row.name.as_str(), row.kind.as_str()), ("x", "pet feeder"));
}
