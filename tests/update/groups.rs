//! `t`: the stream by topic, on every platform.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

use std::time::Duration;

use thingdeck::app::screen::{Body, PaneId, TopicRow};
use thingdeck::domain::reading::Kind;

use crate::deck::{Deck, body, plain};

fn groups(deck: &Deck) -> Vec<TopicRow> {
    match deck.pane(PaneId::Messages).body {
        Body::Topics(rows) => rows,
        other => panic!("no groups: {other:?}"),
    }
}

fn names(deck: &Deck) -> Vec<String> {
    let rows = groups(deck);
    let name = |row: &TopicRow| {
        format!(
            "{}{} {}",
            "  ".repeat(usize::from(row.depth)),
            row.name,
            row.count
        )
    };
    rows.iter().map(name).collect()
}

fn plant() -> Deck {
    let mut deck = Deck::broker(&["#"]);
    deck.receive(3, "plant/a/temp")
        .receive(2, "plant/b")
        .receive(1, "garage")
        .press("3 t");
    deck
}

#[test]
fn the_topics_stand_as_a_tree_with_their_counts_and_grow_as_messages_come() {
    let mut deck = plant();
    assert_eq!(
        names(&deck),
        ["garage 1", "plant 5", "  a 3", "    temp 3", "  b 2"]
    );
    assert_eq!(deck.note(PaneId::Messages), "3 topics by name");
    deck.receive(1, "plant/c");
    assert_eq!(names(&deck).last().map(String::as_str), Some("  c 1"));
    let rows = groups(&deck);
    assert!(
        rows.iter()
            .all(|row| !row.rate.is_empty() && row.last == "now"),
        "{rows:?}"
    );
    deck.wait(Duration::from_secs(5));
    assert_eq!(groups(&deck)[0].last, "5s");
}

#[test]
fn enter_shows_only_that_topic_and_esc_goes_back_to_the_messages() {
    let mut deck = plant();
    deck.press("down down enter");
    let rows = deck.messages();
    assert!(
        rows.iter().all(|row| row.source.as_str() == "plant/a/temp"),
        "{rows:?}"
    );
    assert_eq!(rows.len(), 3);
    deck.press("esc");
    assert_eq!(deck.messages().len(), 6);
    deck.press("t esc");
    assert_eq!(deck.messages().len(), 6);
}

#[test]
fn branches_fold_and_the_busiest_come_first_at_will() {
    let mut deck = plant();
    deck.press("down left");
    assert_eq!(names(&deck), ["garage 1", "plant 5"]);
    deck.press("right");
    assert_eq!(names(&deck).len(), 5);
    deck.press("S");
    assert_eq!(names(&deck)[0], "plant 5");
    deck.press("left left");
    assert!(
        deck.focus() != PaneId::Messages || names(&deck).len() == 2,
        "{:?}",
        names(&deck)
    );
}

#[test]
fn the_selected_topic_stays_selected_while_others_come_above_it() {
    let mut deck = plant();
    deck.press("end");
    let selected = |deck: &Deck| {
        groups(deck)
            .into_iter()
            .find(|row| row.selected)
            .map(|row| row.name.to_string())
    };
    assert_eq!(selected(&deck).as_deref(), Some("b"));
    for n in 0..50 {
        deck.receive(1, &format!("a/{n}"));
    }
    deck.wait(Duration::from_secs(1));
    assert_eq!(selected(&deck).as_deref(), Some("b"));
}

#[test]
fn a_platform_with_devices_has_it_too() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{\"a\":1}")
        .press("3 t");
    let text = body(&deck.pane(PaneId::Messages).body);
    assert!(text.contains("push"), "{text}");
    deck.press("enter");
    assert_eq!(deck.messages().len(), 1);
    assert!(
        deck.note(PaneId::Messages).contains("only app/#"),
        "{}",
        deck.note(PaneId::Messages)
    );
}

#[test]
fn a_payload_in_a_binary_format_is_decoded_where_its_row_is_drawn() {
    let mut deck = Deck::broker(&["#"]);
    // {"temp": 21.5} in CBOR, twenty times over, so that it is no accident.
    deck.receive_bytes("cbor", b"\xa2\x64temp\xf9\x4d\x60\x64name\x64roof")
        .receive_bytes("noise", &[0xff, 0xfe, 0x80, 0x91])
        .press("3");
    let gists = deck.gists();
    assert!(gists[0].contains("\"temp\":21.5"), "{gists:?}");
    assert!(gists[0].starts_with("cbor"), "{gists:?}");
    let tree = deck.topics();
    let row = tree
        .iter()
        .find(|row| row.name.as_str() == "cbor")
        .expect("a row");
    assert!(plain(&row.value).contains("21.5"), "{row:?}");
}
