//! Any bytes, through the whole core: what is copied, saved, recorded and sent again is what came (failure-modes.md F13).
//!
//! How the bytes get from there to a clipboard, a file or a socket is tested where that is done.

use std::iter::repeat_with;

use fastrand::Rng;
use thingdeck::app::effect::{Effect, Recorded};
use thingdeck::domain::profile::Version;
use thingdeck::domain::session::{Delivered, SessionCommand};

use crate::composer::lab;
use crate::deck::Deck;

const COUNT: usize = 10_000;

fn payload(n: usize, rng: &mut Rng) -> Vec<u8> {
    // Most of them short.
    let length = rng.usize(0..=512) >> rng.u32(0..6);
    match n % 3 {
        0 => repeat_with(|| rng.u8(..)).take(length).collect(),
        1 => {
            let text = repeat_with(|| rng.char(..)).take(length / 4);
            text.collect::<String>().into_bytes()
        }
        _ => {
            let odd = [
                "\r\n", "\t", "\0", "{{", "}}", "\\", "\u{feff}", "\u{2028}", "한",
            ];
            let text = repeat_with(|| odd[rng.usize(..odd.len())]).take(length / 8);
            format!("{{\"n\":{n}.0,\"n\": 1e400}}{}", text.collect::<String>()).into_bytes()
        }
    }
}

/// What the one effect of that sort among those asked for holds.
#[track_caller]
fn only<T>(deck: &mut Deck, what: &str, pick: impl Fn(Effect) -> Option<T>) -> T {
    let mut found: Vec<T> = deck.asked().into_iter().filter_map(pick).collect();
    assert_eq!(found.len(), 1, "{what}: {}", deck.notice());
    found.remove(0)
}

#[track_caller]
fn sent_again(deck: &mut Deck, payload: &[u8]) {
    deck.press("C ctrl-s");
    let (id, draft) = only(deck, "sent again", |effect| match effect {
        Effect::Session(_, SessionCommand::Publish(id, draft)) => Some((id, draft)),
        _ => None,
    });
    assert!(draft.payload == payload, "sent again: {payload:?}");
    assert_eq!(draft.topic.as_str(), "any/bytes");
    deck.receipt(id, Ok(Delivered::default()));
    deck.press("esc 3").asked();
}

/// Every one is recorded and copied, and some are saved and opened in the composer.
#[test]
fn of_ten_thousand_random_payloads_what_is_copied_saved_recorded_and_sent_again_is_what_came() {
    let mut rng = Rng::with_seed(13);
    let mut deck = lab(Version::V311);
    deck.resize(40, 10).press("3 R").asked();
    for n in 0..COUNT {
        let payload = payload(n, &mut rng);
        deck.receive_bytes("any/bytes", &payload);
        let recorded = only(&mut deck, "recorded", |effect| match effect {
            Effect::Record(_, recorded) => Some(*recorded),
            _ => None,
        });
        let Recorded::Message { message, .. } = recorded else {
            panic!("{recorded:?}");
        };
        assert!(message.payload == payload, "recorded: {payload:?}");
        deck.press("G y");
        let copied = only(&mut deck, "copied", |effect| match effect {
            Effect::CopyBytes(_, bytes) => Some(bytes),
            _ => None,
        });
        assert!(copied == payload, "copied: {payload:?}");
        if n % 20 == 0 {
            deck.palette("save payload");
            let saved = only(&mut deck, "saved", |effect| match effect {
                Effect::SaveBytes(_, bytes) => Some(bytes),
                _ => None,
            });
            assert!(saved == payload, "saved: {payload:?}");
        }
        if n % 5 == 0 {
            sent_again(&mut deck, &payload);
        }
    }
    let header = deck.screen().header;
    assert_eq!(header.received, header.kept + header.dropped);
    assert_eq!(header.received, COUNT as u64);
}
