//! State, control, and what proves that a command was carried out.

use std::time::Duration;

use serde_json::{Value, json};
use thingdeck::app::effect::Effect;
use thingdeck::app::event::Event;
use thingdeck::app::screen::PaneId;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::request::{Reply, Request, Setting, Usage};

use crate::deck::{Deck, path, refusal};

fn air() -> Deck {
    let mut deck = Deck::connected();
    deck.press("G");
    assert_eq!(deck.selected_device(), "거실 에어컨");
    deck.asked();
    deck
}

fn control(at: &str, value: impl Into<Value>, dry_run: bool) -> Request {
    Request::Control {
        device: DeviceId::new("d-air"),
        settings: vec![Setting {
            path: path(at),
            value: value.into(),
        }],
        dry_run,
    }
}

/// `x`, the property found by its name, Enter.
fn choose(deck: &mut Deck, name: &str) {
    deck.press("x /").type_text(name).press("enter");
}

fn outcome(deck: &Deck) -> String {
    deck.commands()
        .first()
        .map_or(String::new(), |c| c.outcome.text.to_string())
}

#[test]
fn s_asks_for_state_and_model_and_shows_a_tree_with_units_and_meaning() {
    let mut deck = air();
    deck.press("s");
    let device = DeviceId::new("d-air");
    assert_eq!(
        deck.requests(),
        [
            Request::State {
                device: device.clone()
            },
            Request::Model { device }
        ]
    );
    let shown = deck.overlay();
    for part in [
        "State of 거실 에어컨",
        "operation\n",
        "airConOperationMode",
        "POWER_OFF    x: POWER_ON, POWER_OFF",
        "24.5 °C      x: 18 to 30 in steps of 0.5",
        "27 °C",
        "relativeHourToStop     not set",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
}

#[test]
fn what_no_report_has_told_yet_says_so() {
    let mut deck = air();
    deck.press("s");
    let shown = deck.overlay();
    let line = shown
        .lines()
        .find(|l| l.contains("usedTime"))
        .unwrap_or_default();
    assert!(line.contains("no data yet"), "{shown}");
}

#[test]
fn the_tree_follows_the_reports() {
    let mut deck = air();
    deck.press("s")
        .report("d-air", json!({"temperature": {"currentTemperature": 21}}));
    let shown = deck.overlay();
    assert!(
        shown.contains("21 °C") && shown.contains("24.5 °C"),
        "{shown}"
    );
}

#[test]
fn a_state_that_cannot_be_had_says_why() {
    let mut deck = air();
    deck.hold().press("s");
    assert!(
        deck.overlay().contains("asking the platform"),
        "{}",
        deck.overlay()
    );
    deck.answer_for("d-air", Err(refusal("1222", "the device is not connected")));
    assert!(
        deck.overlay().contains("1222 the device is not connected"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn x_offers_only_what_can_be_written_with_its_value_and_what_is_allowed() {
    let mut deck = air();
    deck.press("x");
    let shown = deck.overlay();
    assert!(shown.starts_with("Control 거실 에어컨"), "{shown}");
    assert!(
        shown.contains("operation.airConOperationMode    POWER_OFF | POWER_ON, POWER_OFF"),
        "{shown}"
    );
    assert!(
        !shown.contains("currentTemperature") && !shown.contains("usedTime"),
        "{shown}"
    );
}

#[test]
fn a_device_whose_model_is_unknown_is_asked_for_it_first() {
    let mut deck = air();
    deck.hold().press("x");
    assert!(
        deck.overlay().contains("asking what can be set"),
        "{}",
        deck.overlay()
    );
    deck.answer_for("d-air", Err(refusal("2203", "model description missing")));
    assert!(
        deck.overlay().contains("nothing can be set"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn the_exact_body_is_shown_before_anything_goes_and_esc_sends_nothing() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.asked();
    deck.press("g enter");
    assert_eq!(
        deck.requests(),
        [control("operation.airConOperationMode", "POWER_ON", true)]
    );
    let shown = deck.overlay();
    assert!(
        shown.starts_with("Send to 거실 에어컨?") && shown.contains("\"airConOperationMode\""),
        "{shown}"
    );
    deck.press("esc esc esc esc");
    assert_eq!(deck.requests(), []);
    assert_eq!(deck.overlay(), "");
}

#[test]
fn a_command_waits_for_the_report_that_proves_it() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.press("g enter").asked();
    deck.press("enter");
    assert_eq!(
        deck.requests(),
        [control("operation.airConOperationMode", "POWER_ON", false)]
    );
    assert_eq!(deck.overlay(), "");
    assert_eq!(outcome(&deck), "sent");
    deck.wait(Duration::from_secs(2));
    deck.report(
        "d-air",
        json!({"operation": {"airConOperationMode": "POWER_ON"}}),
    );
    assert_eq!(outcome(&deck), "confirmed after 2 s");
    let row = &deck.commands()[0];
    assert_eq!(
        row.what.as_str(),
        "operation.airConOperationMode = POWER_ON"
    );
}

#[test]
fn where_no_report_will_come_the_state_is_asked_for_until_it_is_known() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.press("g enter enter").asked();
    deck.wait(Duration::from_secs(6));
    let state = Request::State {
        device: DeviceId::new("d-air"),
    };
    assert_eq!(deck.requests(), [state]);
    assert_eq!(
        outcome(&deck),
        "sent",
        "the platform still tells the old one"
    );
    deck.states.insert(
        "d-air".to_owned(),
        json!({"operation": {"airConOperationMode": "POWER_ON"}}),
    );
    deck.wait(Duration::from_mins(1));
    assert_eq!(deck.requests().len(), 1);
    assert_eq!(outcome(&deck), "confirmed after 45 s");
}

#[test]
fn a_device_that_reports_is_not_asked() {
    let mut deck = air();
    deck.press("e");
    choose(&mut deck, "airCon");
    deck.press("g enter enter").asked();
    deck.wait(Duration::from_mins(2));
    assert_eq!(deck.requests(), []);
}

#[test]
fn a_stale_report_with_the_old_value_does_not_take_the_mark() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.press("g enter enter s");
    let pending = "POWER_OFF  → POWER_ON pending";
    assert!(deck.overlay().contains(pending), "{}", deck.overlay());
    deck.report(
        "d-air",
        json!({"operation": {"airConOperationMode": "POWER_OFF"}}),
    );
    assert!(deck.overlay().contains(pending), "{}", deck.overlay());
    deck.report(
        "d-air",
        json!({"operation": {"airConOperationMode": "POWER_ON"}}),
    );
    assert!(!deck.overlay().contains("pending"), "{}", deck.overlay());
    deck.press("esc");
    assert!(
        outcome(&deck).starts_with("confirmed"),
        "{}",
        outcome(&deck)
    );
}

#[test]
fn a_refused_command_is_explained_and_leaves_no_mark() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.press("g enter").hold().press("enter");
    deck.answer_for("d-air", Err(refusal("2302", "not in this state: POWER_ON")));
    assert!(deck.overlay().contains("2302"), "{}", deck.overlay());
    deck.press("esc");
    assert_eq!(outcome(&deck), "refused: 2302 not in this state: POWER_ON");
    deck.press("s");
    assert!(!deck.overlay().contains("pending"), "{}", deck.overlay());
}

#[test]
fn a_number_is_checked_against_range_and_step_before_it_goes() {
    let mut deck = air();
    choose(&mut deck, "targetTemp");
    assert!(
        deck.overlay()
            .contains("> targetTemperature: 24.5 (18 to 30 in steps of 0.5 °C)"),
        "{}",
        deck.overlay()
    );
    deck.asked();
    deck.press("ctrl-u").type_text("24.3").press("enter");
    assert!(
        deck.overlay().contains("24.3 is not allowed"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.requests(), []);
    deck.press("backspace").type_text("0").press("enter");
    assert_eq!(
        deck.requests(),
        [control("temperature.targetTemperature", json!(24.0), true)]
    );
}

#[test]
fn what_must_go_together_is_asked_together() {
    let mut deck = air();
    choose(&mut deck, "relativeHour");
    let shown = deck.overlay();
    assert!(
        shown.contains("> relativeHourToStop:") && shown.contains("  relativeMinuteToStop:"),
        "{shown}"
    );
    deck.asked();
    deck.type_text("1")
        .press("tab")
        .type_text("30")
        .press("enter");
    let requests = deck.requests();
    let [
        Request::Control {
            settings,
            dry_run: true,
            ..
        },
    ] = requests.as_slice()
    else {
        panic!("{requests:?}");
    };
    let values: Vec<_> = settings
        .iter()
        .map(|s| (s.path.property.as_str(), s.value.clone()))
        .collect();
    assert_eq!(
        values,
        [
            ("relativeHourToStop", json!(1)),
            ("relativeMinuteToStop", json!(30))
        ]
    );
}

#[test]
fn a_write_that_reads_differently_is_confirmed_by_the_next_report() {
    let mut deck = air();
    choose(&mut deck, "airClean");
    deck.press("g enter enter");
    assert_eq!(outcome(&deck), "sent");
    deck.report(
        "d-air",
        json!({"operation": {"airCleanOperationMode": "ON"}}),
    );
    assert!(
        outcome(&deck).starts_with("confirmed"),
        "{}",
        outcome(&deck)
    );
}

#[test]
fn a_later_command_for_the_same_property_replaces_the_one_before() {
    let mut deck = air();
    for _ in 0..2 {
        choose(&mut deck, "airCon");
        deck.press("g enter enter");
    }
    let outcomes: Vec<_> = deck
        .commands()
        .iter()
        .map(|c| c.outcome.text.to_string())
        .collect();
    assert_eq!(outcomes, ["sent", "replaced by a later one"]);
}

#[test]
fn a_rehearsal_that_is_refused_says_so_in_the_form() {
    let mut deck = air();
    choose(&mut deck, "targetTemp");
    deck.hold().press("enter");
    deck.answer_for("d-air", Err(refusal("2207", "command invalid")));
    assert!(
        deck.overlay().contains("2207: command invalid"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn leaving_the_form_while_it_waits_lets_the_late_answer_go() {
    let mut deck = air();
    choose(&mut deck, "targetTemp");
    deck.hold().press("enter");
    let Some((id, Request::Control { .. })) = deck.open.last().cloned() else {
        panic!("{:?}", deck.open);
    };
    deck.asked();
    deck.press("esc");
    assert_eq!(deck.asked(), [Effect::Abort(id)]);
    let body = Reply::Control {
        body: "{}".to_owned(),
        sent: false,
    };
    deck.event(Event::Reply(id, Ok(body)));
    assert!(
        deck.overlay().contains("> targetTemperature"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.app.strays(), 1);
}

#[test]
fn while_a_value_is_checked_no_other_key_chooses_or_sends() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.hold().asked();
    deck.press("g enter j enter enter");
    assert_eq!(
        deck.requests(),
        [control("operation.airConOperationMode", "POWER_ON", true)]
    );
    deck.press("esc j enter");
    assert_eq!(
        deck.requests(),
        [control("operation.airConOperationMode", "POWER_OFF", true)]
    );
}

#[test]
fn c_on_a_platform_that_takes_no_messages_controls_the_device() {
    let mut deck = air();
    deck.press("c");
    assert!(
        deck.overlay().starts_with("Control 거실 에어컨"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn energy_usage_is_in_the_palette() {
    let mut deck = air();
    deck.hold().press(":").type_text("energy").press("enter");
    let device = DeviceId::new("d-air");
    assert_eq!(deck.requests(), [Request::Energy { device }]);
    deck.answer_for(
        "d-air",
        Ok(Reply::Energy(vec![Usage {
            date: "20260301".to_owned(),
            property: "energyUsage".to_owned(),
            amount: 1234.0,
        }])),
    );
    let shown = deck.overlay();
    assert!(
        shown.contains("2026-03-01") && shown.contains("1234"),
        "{shown}"
    );
}

#[test]
fn an_appliance_without_energy_figures_says_so_and_the_box_goes() {
    let mut deck = air();
    deck.hold().press("s E");
    deck.answer_for("d-air", Ok(Reply::State(std::sync::Arc::new(json!({})))));
    deck.open
        .retain(|(_, r)| matches!(r, Request::Energy { .. }));
    deck.answer(Err(refusal("1221", "product not supported")));
    assert!(deck.overlay().starts_with("State of"), "{}", deck.overlay());
    assert_eq!(deck.notice(), "거실 에어컨: 1221 product not supported");
}

#[test]
fn commands_are_listed_newest_first_in_the_publish_pane() {
    let mut deck = air();
    choose(&mut deck, "airCon");
    deck.press("g enter enter").wait(Duration::from_secs(5));
    choose(&mut deck, "targetTemp");
    deck.press("enter enter");
    let what: Vec<_> = deck.commands().iter().map(|c| c.what.to_string()).collect();
    assert_eq!(
        what,
        [
            "temperature.targetTemperature = 24.5",
            "operation.airConOperationMode = POWER_ON"
        ]
    );
    assert_eq!(deck.note(PaneId::Publish), "2");
}
