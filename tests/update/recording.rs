//! Recording with `R`.

#![expect(clippy::panic, reason = "another effect is a failed test")]

use thingdeck::app::effect::{Effect, Recorded};
use thingdeck::app::event::{Amount, Event, Outcome, RecordingEvent, RecordingId};
use thingdeck::base::problem::Problem;
use thingdeck::domain::message::Direction;
use thingdeck::domain::profile::Version;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::session::{Delivered, Gap, SessionEvent};

use crate::composer::lab;
use crate::deck::Deck;

/// Starts a recording, and answers its number.
fn record(deck: &mut Deck) -> RecordingId {
    deck.asked();
    deck.press("R");
    let asked = deck.asked();
    let [Effect::StartRecording { id, profile, .. }] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert!(matches!(profile.as_str(), "home" | "lab"), "{profile}");
    let path = "there.jsonl".to_owned();
    deck.event(Event::Recording(*id, RecordingEvent::Began { path }));
    *id
}

fn recorded(deck: &mut Deck) -> Vec<Recorded> {
    let asked = deck.asked().into_iter();
    let recorded = asked.filter_map(|effect| match effect {
        Effect::Record(_, recorded) => Some(*recorded),
        _ => None,
    });
    recorded.collect()
}

fn span(deck: &Deck) -> String {
    let span = deck.screen().header.recording;
    span.map(|span| span.text.to_string()).unwrap_or_default()
}

#[test]
fn everything_that_comes_is_recorded_whatever_the_filter_shows() {
    let mut deck = Deck::connected();
    record(&mut deck);
    assert!(
        deck.notice()
            .contains("recording everything that comes (R stops), in there.jsonl")
    );
    deck.press("3 /").type_text("nothing").press("enter space");
    deck.asked();
    deck.receive(2, "home/t")
        .receive_from("d-air", Kind::Event, "{\"n\":3}");
    let gap = Gap {
        messages: 7,
        bytes: 9,
    };
    deck.event(Event::Session(deck.session, SessionEvent::Gap(gap)));
    let all = recorded(&mut deck);
    assert_eq!(all.len(), 4);
    let Recorded::Message {
        message,
        kind,
        device_name,
        ..
    } = &all[2]
    else {
        panic!("{:?}", all[2]);
    };
    assert_eq!(message.payload.as_ref(), b"{\"n\":3}");
    assert_eq!(
        (*kind, device_name.as_deref()),
        (Kind::Event, Some("거실 에어컨"))
    );
    assert!(matches!(all[3], Recorded::Gap(lost, _) if lost == gap));
}

#[test]
fn the_header_says_how_much_is_recorded_and_what_is_missing() {
    let mut deck = Deck::connected();
    assert_eq!(span(&deck), "");
    let id = record(&mut deck);
    let mut amount = Amount {
        messages: 1203,
        bytes: 4 << 20,
        lost: 0,
    };
    deck.event(Event::Recording(id, RecordingEvent::Written(amount)));
    assert_eq!(span(&deck), "recording 1,203, 4.0 MiB");
    amount.lost = 12;
    deck.event(Event::Recording(id, RecordingEvent::Written(amount)));
    assert_eq!(span(&deck), "recording 1,203, 4.0 MiB, 12 missing");
    deck.press("R");
    assert!(deck.asked().contains(&Effect::StopRecording(id)));
    assert_eq!(span(&deck), "finishing the recording");
    deck.receive(1, "late");
    assert!(recorded(&mut deck).is_empty(), "nothing more goes into it");
    deck.event(Event::Recording(id, RecordingEvent::Ended(amount, Ok(()))));
    assert_eq!(span(&deck), "");
    assert_eq!(
        deck.notice(),
        "recorded 1,203 messages in there.jsonl; 12 are missing: the disk was too slow"
    );
}

#[test]
fn a_recording_that_breaks_off_is_said_and_another_can_be_made() {
    let mut deck = Deck::connected();
    let id = record(&mut deck);
    let full = Problem::new("could not record", "no space left", "make room");
    let ended = RecordingEvent::Ended(Amount::default(), Err(full));
    deck.event(Event::Recording(id, ended));
    assert!(deck.notice().contains("no space left"), "{}", deck.notice());
    let strays = deck.app.strays();
    assert_ne!(record(&mut deck), id);
    let late = RecordingEvent::Written(Amount::default());
    deck.event(Event::Recording(id, late));
    assert_eq!(deck.app.strays(), strays + 1);
}

#[test]
fn another_profile_ends_the_recording() {
    let mut deck = Deck::connected();
    let id = record(&mut deck);
    deck.press("P").press("down enter");
    assert!(deck.asked().contains(&Effect::StopRecording(id)));
}

#[test]
fn what_is_sent_from_here_is_recorded_as_sent() {
    let mut deck = lab(Version::V311);
    record(&mut deck);
    deck.write("a/b", "x").press("ctrl-s");
    let (id, _) = deck.published().remove(0);
    deck.receipt(id, Ok(Delivered::default()));
    let all = recorded(&mut deck);
    assert!(
        matches!(&all[..], [Recorded::Message { message, .. }] if message.direction == Direction::Out),
        "{all:?}"
    );
}

#[test]
fn a_payload_is_saved_byte_for_byte_from_the_palette() {
    let mut deck = Deck::connected();
    deck.receive(1, "t").press("3").asked();
    deck.press(":").type_text("save payload").press("enter");
    let asked = deck.asked();
    let [Effect::SaveBytes(id, bytes)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(bytes.as_ref(), b"{\"n\":1}");
    let path = "saved-1.txt".to_owned();
    deck.done(*id, Ok(Outcome::Written { path }));
    assert_eq!(deck.notice(), "written: saved-1.txt");
}
