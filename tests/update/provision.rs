//! A new thing, and the connection state in the shadow: what the forms ask for, what is shown meanwhile, how each ends.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use thingdeck::app::ProfileSummary;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::Outcome;
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::connection_state::{Proof, Recipe};
use thingdeck::domain::fact::{Fact, Progress, Step, StepState};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::provision::{NewThing, ProvisionRequest, Provisioned, SavedThing};
use thingdeck::domain::request::{Reply, Request, RequestId};
use thingdeck::domain::session::LinkState;

use crate::deck::{Deck, profile};

const CANARY: &str = "c4nary";

fn lamp() -> Provisioned {
    Provisioned {
        thing: "lamp-9".to_owned(),
        certificate_id: "ab".repeat(32),
        certificate: "PEM".to_owned(),
        key: Secret::new(CANARY),
        configuration: Some(Arc::new(json!({"site": "north"}))),
    }
}

fn saved() -> Outcome {
    let saved = SavedThing {
        profile: "lamp-9".to_owned(),
        certificate: PathBuf::from("data/lamp-9/certificate.pem"),
        key: PathBuf::from("data/lamp-9/private.key"),
        remarks: Vec::new(),
    };
    let summary = ProfileSummary {
        platform: PlatformId::Aws,
        capabilities: Capabilities::AWS,
        ..profile("lamp-9")
    };
    Outcome::ThingSaved(Box::new(saved), Box::new(summary))
}

/// The form is filled in and sent.
fn asking() -> Deck {
    let mut deck = Deck::fleet();
    deck.palette("provision a new");
    deck.type_text("Fleet").press("tab right tab tab");
    deck.type_text("Serial=7 a").press("enter");
    deck.type_text("Model=x").press("ctrl-s");
    deck
}

fn step(deck: &mut Deck, name: &'static str, state: StepState, seconds: Option<u64>) {
    let until = seconds.map(|seconds| deck.at.wall.plus(Duration::from_secs(seconds)));
    let text = format!("{name} says something");
    let step = Step { name, text, state };
    deck.fact(Fact::Progress(Progress { step, until }));
}

fn only(effects: &[Effect], wanted: impl Fn(&Effect) -> Option<RequestId>) -> RequestId {
    let found: Vec<_> = effects.iter().filter_map(wanted).collect();
    let [id] = found[..] else {
        panic!("{effects:?}")
    };
    id
}

fn saving(effects: &[Effect]) -> RequestId {
    only(effects, |effect| match effect {
        Effect::SaveThing(id, _) => Some(*id),
        _ => None,
    })
}

fn trying(effects: &[Effect]) -> RequestId {
    only(effects, |effect| match effect {
        Effect::TryThing(id, _) => Some(*id),
        _ => None,
    })
}

#[test]
fn the_form_asks_for_what_was_typed_and_grows_a_row_for_each_parameter() {
    let deck = asking();
    let parameters = [("Serial", "7 a"), ("Model", "x")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let thing = NewThing::new("Fleet", parameters.into(), true).expect("a new thing");
    let request = Request::Provision(Box::new(ProvisionRequest::Begin(thing)));
    assert_eq!(
        deck.open.iter().map(|(_, r)| r.clone()).collect::<Vec<_>>(),
        [request]
    );
    assert_eq!(
        deck.overlay().matches("Parameter").count(),
        3,
        "{}",
        deck.overlay()
    );
}

#[test]
fn steps_are_shown_as_they_happen_and_the_tokens_life_counts_down() {
    let mut deck = asking();
    step(&mut deck, "answers", StepState::Done, None);
    step(&mut deck, "certificate", StepState::Done, Some(3600));
    step(&mut deck, "register", StepState::Running, Some(3600));
    let shown = deck.overlay();
    assert!(shown.contains("✓ answers"), "{shown}");
    assert!(shown.contains("… register"), "{shown}");
    assert!(shown.contains("the token lives 60:00 more"), "{shown}");
    deck.wait(Duration::from_secs(61));
    assert!(deck.overlay().contains("58:59"), "{}", deck.overlay());
}

#[test]
fn what_came_of_it_is_shown_and_o_opens_the_new_profile() {
    let mut deck = asking();
    deck.answer(Ok(Reply::Provisioned(Box::new(lamp()))));
    let effects = deck.asked();
    let id = saving(&effects);
    deck.done(id, Ok(saved()));
    assert_eq!(
        deck.open.last().map(|(_, request)| request.clone()),
        Some(Request::Provision(Box::new(ProvisionRequest::Saved)))
    );
    assert!(
        deck.overlay().contains("… connection  as lamp-9"),
        "{}",
        deck.overlay()
    );
    let id = trying(&deck.asked());
    deck.done(id, Ok(Outcome::Tried));
    let shown = deck.overlay();
    for text in [
        "lamp-9",
        "abababab",
        "private.key",
        "\"site\"",
        "connected as lamp-9",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(
        !format!("{shown}{:?}", deck.app).contains(CANARY),
        "the key is told"
    );
    deck.press("o");
    assert_eq!(deck.screen().header.profile.to_string(), "lamp-9");
}

#[test]
fn a_refusal_stays_in_the_form_with_what_was_typed() {
    let mut deck = asking();
    step(&mut deck, "register", StepState::Failed, None);
    deck.answer(Err(Problem::new(
        "AWS registered no thing",
        "AWS answered 403",
        "the hook",
    )));
    let shown = deck.overlay();
    for text in ["Serial=7 a", "AWS answered 403", "the hook"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    deck.press("ctrl-s");
    assert_eq!(deck.open.len(), 1, "it is tried again");
}

#[test]
fn a_thing_that_cannot_be_saved_or_may_not_connect_says_so() {
    let mut deck = asking();
    deck.answer(Ok(Reply::Provisioned(Box::new(lamp()))));
    let id = saving(&deck.asked());
    deck.done(
        id,
        Err(Problem::new(
            "not saved",
            "there is a profile \"x\" already",
            "",
        )),
    );
    assert!(
        deck.overlay().contains("there is a profile"),
        "{}",
        deck.overlay()
    );

    let mut deck = asking();
    deck.answer(Ok(Reply::Provisioned(Box::new(lamp()))));
    let id = saving(&deck.asked());
    deck.done(id, Ok(saved()));
    let id = trying(&deck.asked());
    deck.done(
        id,
        Err(Problem::new("could not connect", "AWS hung up", "")),
    );
    let shown = deck.overlay();
    assert!(
        shown.contains("It is registered and saved, but:"),
        "{shown}"
    );
    assert!(shown.contains("AWS hung up"), "{shown}");
}

#[test]
fn stopping_tells_what_is_left() {
    let mut deck = asking();
    deck.press("esc");
    assert!(deck.open.is_empty(), "{:?}", deck.open);
    assert!(
        deck.overlay().contains("nothing was made"),
        "{}",
        deck.overlay()
    );
    deck.press("ctrl-s");
    step(&mut deck, "certificate", StepState::Done, Some(3600));
    deck.press("esc");
    assert!(
        deck.overlay().contains("a certificate waits here"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn what_cannot_work_is_said_before_anything_is_asked() {
    for (template, parameter, why) in [
        ("a/b", "Serial=1", "1 to 36"),
        ("Fleet", "Serial", "NAME=VALUE"),
    ] {
        let mut deck = Deck::fleet();
        deck.palette("provision a new");
        deck.type_text(template).press("tab tab tab");
        deck.type_text(parameter).press("ctrl-s");
        assert!(deck.open.is_empty());
        assert!(deck.overlay().contains(why), "{}", deck.overlay());
    }
    let mut deck = Deck::fleet();
    deck.link(LinkState::Closed);
    deck.palette("provision a new");
    deck.type_text("Fleet").press("ctrl-s");
    assert!(
        deck.overlay().contains("no connection"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn other_platforms_do_not_offer_it() {
    let mut deck = Deck::connected();
    deck.press(":").type_text("provision");
    assert!(
        !deck.overlay().contains("a new thing"),
        "{}",
        deck.overlay()
    );
}

/// At the first page of the recipe of the thing under the cursor.
fn at_the_recipe() -> Deck {
    let mut deck = Deck::fleet();
    deck.palette("report connection");
    deck.press("ctrl-s");
    let effects = deck.asked();
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::CompleteRecipe(id, recipe) => Some((*id, recipe.clone())),
        _ => None,
    });
    let (id, recipe) = asked.unwrap_or_else(|| panic!("{effects:?}"));
    assert_eq!(recipe.topic, format!("my/things/{}/update", recipe.thing));
    let recipe = Recipe {
        region: Some("eu-west-1".to_owned()),
        ..*recipe
    };
    deck.done(id, Ok(Outcome::Recipe(Box::new(recipe))));
    deck
}

#[test]
fn the_recipe_turns_page_by_page_and_y_copies_what_is_shown() {
    let mut deck = at_the_recipe();
    assert!(
        deck.overlay().contains("on_connect = {"),
        "{}",
        deck.overlay()
    );
    deck.press("tab tab");
    assert!(
        deck.overlay()
            .contains("$$aws/things/${topic(3)}/shadow/update"),
        "{}",
        deck.overlay()
    );
    deck.asked();
    deck.press("y");
    let copied = deck.asked().into_iter().find_map(|effect| match effect {
        Effect::Copy(_, text) => Some(text),
        _ => None,
    });
    assert_eq!(
        copied.as_deref(),
        Some("$$aws/things/${topic(3)}/shadow/update")
    );
    deck.press("w");
    assert!(
        matches!(&deck.asked()[..], [Effect::Export { text, .. }] if text.contains("sts:AssumeRole"))
    );
}

#[test]
fn the_profile_gets_the_three_messages_and_is_opened_with_them() {
    let mut deck = at_the_recipe();
    deck.asked();
    deck.press("s");
    let id = only(&deck.asked(), |effect| match effect {
        Effect::SaveMessages(id, _) => Some(*id),
        _ => None,
    });
    let path = "config.toml".to_owned();
    deck.done(id, Ok(Outcome::Written { path }));
    assert!(deck.notice().contains("config.toml"), "{}", deck.notice());
    deck.asked();
    deck.press("o");
    assert!(
        deck.asked()
            .iter()
            .any(|e| matches!(e, Effect::Open { profile, .. } if profile == "fleet"))
    );
}

#[test]
fn the_test_shows_its_steps_and_its_end() {
    let mut deck = at_the_recipe();
    deck.press("t");
    assert!(
        matches!(&deck.open[..], [(_, Request::ConnectionState(_))]),
        "{:?}",
        deck.open
    );
    step(&mut deck, "will", StepState::Done, None);
    assert!(deck.overlay().contains("✓ will"), "{}", deck.overlay());
    let proof = Proof {
        client_id: "RPI-test".to_owned(),
        version: Some(8),
    };
    deck.answer(Ok(Reply::ConnectionState(proof)));
    assert!(
        deck.overlay()
            .contains("turned connected = false, version 8"),
        "{}",
        deck.overlay()
    );
    deck.press("t");
    deck.answer(Err(Problem::new(
        "the shadow does not follow",
        "the will came",
        "one $ instead of two",
    )));
    assert!(
        deck.overlay().contains("one $ instead of two"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn a_reserved_topic_is_refused_for_the_will() {
    let mut deck = Deck::fleet();
    deck.palette("report connection");
    deck.press("tab ctrl-u")
        .type_text("$aws/things/RPI/shadow/update")
        .press("ctrl-s");
    assert!(
        deck.overlay().contains("ignores a will"),
        "{}",
        deck.overlay()
    );
}
