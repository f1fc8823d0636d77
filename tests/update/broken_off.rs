//! What the composer has under way when the connection goes or another profile is opened: nothing keeps publishing, nothing is
//! lost without a word.

use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Kept};
use thingdeck::base::moment::Timestamp;
use thingdeck::base::problem::Problem;
use thingdeck::domain::compose::{Entry, Sheet};
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::Version;
use thingdeck::domain::session::{LinkState, SessionEvent};
use thingdeck::domain::topic::TopicFilter;

use crate::composer::{broker, lab};
use crate::composer_more::counted;
use crate::deck::Deck;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn lose_the_connection(deck: &mut Deck) {
    deck.link(LinkState::Connecting {
        host: "h".to_owned(),
        port: 1,
    });
}

fn grant(deck: &mut Deck, filter: &str) {
    let event = SessionEvent::Granted {
        filter: TopicFilter::parse(filter).expect("a filter"),
        result: Ok(Qos::AtLeastOnce),
    };
    deck.event(Event::Session(deck.session, event));
}

#[test]
fn clearing_stops_when_the_connection_goes_and_does_not_begin_again_by_itself() {
    let mut deck = counted(1000);
    deck.type_text("plant").press("enter");
    let sent = deck.published().len();
    assert!((1..=20).contains(&sent), "{sent}");
    lose_the_connection(&mut deck);
    let result = deck.overlay();
    assert!(
        result.contains("the connection was lost, stopped: 0 cleared"),
        "{result}"
    );
    assert!(
        result.contains(&format!("{} left as they were", 1000 - sent)),
        "{result}"
    );
    deck.connect().wait(seconds(10));
    assert_eq!(deck.published(), []);
}

#[test]
fn a_count_ends_with_the_connection_and_its_filter_is_not_kept() {
    let mut deck = lab(Version::V311);
    deck.palette("clear retained")
        .type_text("plant")
        .press("enter");
    lose_the_connection(&mut deck);
    assert!(
        deck.overlay().contains("the connection was lost"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.asked_filters().1.len(), 1);
}

#[test]
fn clearing_that_was_stopped_does_not_go_on_in_another_profile() {
    let mut deck = counted(1000);
    deck.type_text("plant").press("enter");
    assert!(!deck.published().is_empty());
    deck.press("esc esc P down enter");
    assert!(deck.published().is_empty());
    deck.wait(seconds(5));
    assert_eq!(deck.published(), []);
    assert_eq!(deck.screen().header.profile.as_str(), "other");
}

#[test]
fn a_filter_for_an_answer_is_taken_back_when_another_profile_is_opened() {
    let mut deck = lab(Version::V5);
    deck.write("lamp/get", "{}")
        .press("esc")
        .palette("wait for an answer")
        .press("ctrl-s");
    deck.press("c ctrl-s");
    let filter = deck.asked_filters().0.remove(0).filter;
    deck.press("esc P down enter");
    assert_eq!(deck.asked_filters().1, [filter]);
}

#[test]
fn a_filter_that_the_user_adds_meanwhile_outlives_the_answer() {
    let mut deck = lab(Version::V5);
    deck.write("lamp/get", "{}")
        .press("esc")
        .palette("wait for an answer");
    deck.press("tab")
        .type_text("lamp/answer")
        .press("ctrl-s c ctrl-s");
    grant(&mut deck, "lamp/answer");
    deck.press("esc 2 a").type_text("lamp/answer");
    deck.press("ctrl-s").asked();
    deck.wait(seconds(11));
    assert!(deck.notice().contains("no answer"), "{}", deck.notice());
    assert_eq!(deck.asked_filters().1, [], "the user wants it");
}

#[test]
fn a_repetition_ends_where_the_connection_does_not_come_back_by_itself() {
    let mut deck = lab(Version::V311);
    deck.write("t", "x")
        .press("esc")
        .palette("repeat message")
        .press("ctrl-s");
    deck.published();
    deck.link(LinkState::TakenOver(Problem::new("taken over", "", "r")));
    assert!(
        deck.notice().contains("repeating stopped"),
        "{}",
        deck.notice()
    );
    deck.press("esc").connect().wait(seconds(5));
    assert_eq!(deck.published(), []);
}

#[test]
fn another_profile_is_not_opened_over_messages_that_wait_without_a_question() {
    let mut deck = lab(Version::V311);
    lose_the_connection(&mut deck);
    deck.write("t", "x").press("ctrl-s");
    deck.press("esc P down enter");
    let asked = deck.overlay();
    assert!(asked.contains("Switch the profile?"), "{asked}");
    assert!(asked.contains("1 message not delivered yet"), "{asked}");
    deck.press("n").asked();
    assert_eq!(deck.screen().header.profile.as_str(), "lab");
    deck.press("P down enter y");
    let opened = deck
        .asked()
        .into_iter()
        .any(|effect| matches!(effect, Effect::Open { profile, .. } if profile == "other"));
    assert!(opened);
}

#[test]
fn a_draft_of_last_time_that_gives_way_to_what_is_typed_is_in_the_history_on_the_disk() {
    let mut deck = Deck::new(broker(Version::V311));
    deck.press("c").type_text("x").kept(Kept {
        draft: Some(Entry {
            at: Timestamp(1),
            sent: false,
            sheet: Sheet {
                topic: "home/last".to_owned(),
                ..Sheet::default()
            },
        }),
        ..Kept::default()
    });
    let kept = deck.asked().into_iter().find_map(|effect| match effect {
        Effect::KeepHistory { entry, .. } => Some(entry),
        _ => None,
    });
    let kept = kept.expect("the draft on the disk is about to be written over");
    assert_eq!((kept.sheet.topic.as_str(), kept.sent), ("home/last", false));
}
