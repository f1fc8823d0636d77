//! `t`: the stream by topic, on every platform.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::Event;
use thingdeck::app::screen::{Body, PaneId, TopicRow};
use thingdeck::domain::reading::Kind;

use crate::deck::{Deck, batch, body, plain, setup};

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
    // Ages move with the sparkline, every other second.
    deck.wait(Duration::from_secs(6));
    assert_eq!(groups(&deck)[0].last, "6s");
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

#[test]
fn the_groups_count_what_the_filter_shows_while_it_is_typed() {
    let mut deck = plant();
    deck.press("/").type_text("n>3");
    assert_eq!(names(&deck), ["garage 1", "plant 2", "  b 2"]);
    assert_eq!(
        deck.note(PaneId::Messages),
        "2 topics by name, only what is shown"
    );
    deck.receive(1, "plant/c")
        .receive_bytes("plant/c", b"{\"n\":1}");
    assert_eq!(names(&deck), ["garage 1", "plant 3", "  b 2", "  c 1"]);
    deck.press("ctrl-u").type_text("\"no such thing\"");
    let text = body(&deck.pane(PaneId::Messages).body);
    assert!(text.contains("no message matches"), "{text}");
    deck.press("esc");
    assert_eq!(names(&deck)[..2], ["garage 1", "plant 7"]);
}

#[test]
fn the_groups_of_one_device_are_its_topics_and_enter_goes_into_one() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{\"a\":1}")
        .receive_from("d-hood", Kind::Event, "{\"a\":2}")
        .press("1 /")
        .type_text("에어컨")
        .press("enter enter 3 t");
    let rows = groups(&deck);
    assert_eq!(rows[0].count, 1, "{rows:?}");
    deck.press("end enter");
    assert_eq!(deck.messages().len(), 2, "all that was said on the topic");
}

/// A slice at a time, in the order of time, and what came meanwhile once.
#[test]
fn a_hundred_thousand_matches_are_counted_while_more_come() {
    let mut deck = Deck::broker(&["#"]);
    let many: Vec<_> = (0..100)
        .map(|n| (["a/even", "a/odd"][n % 2], "{\"some\":\"payload\"}", false))
        .collect();
    let event = |deck: &mut Deck| {
        let event = Event::Session(deck.session, batch(&many));
        deck.event(event);
    };
    for _ in 0..1000 {
        event(&mut deck);
    }
    deck.press("3 /").type_text("payload").press("enter t");
    assert!(
        deck.note(PaneId::Messages).contains("counting …"),
        "{}",
        deck.note(PaneId::Messages)
    );
    event(&mut deck);
    deck.wait(Duration::from_millis(100));
    assert_eq!(names(&deck), ["a 100100", "  even 50050", "  odd 50050"]);
    event(&mut deck);
    assert_eq!(names(&deck)[0], "a 100200");
    assert!(!deck.note(PaneId::Messages).contains("counting"));
}

#[test]
fn what_matches_on_the_disk_is_left_out_of_the_groups_and_that_is_said() {
    let mut small = setup();
    small.memory_limit = 64 * 1024;
    small.keeps_history = true;
    let mut deck = Deck::new(small);
    deck.connect().receive(5000, "home/t").press("3 /");
    deck.type_text("n>0").press("enter t");
    deck.wait(Duration::from_millis(100));
    let kept = deck.screen().header.kept;
    assert_eq!(names(&deck)[0], format!("home {kept}"));
}

/// What stands under the cursor is meant, not a message that nobody sees.
#[test]
fn keys_in_the_groups_are_about_the_selected_topic() {
    let mut deck = plant();
    deck.receive_bytes("garage", b"ajar")
        .receive_bytes("plant/z", b"the newest")
        .press("home");
    deck.asked();
    deck.press("y");
    let asked = deck.asked();
    let copied = asked.iter().find_map(|effect| match effect {
        Effect::CopyBytes(_, bytes) => Some(&bytes[..]),
        _ => None,
    });
    assert_eq!(copied, Some(&b"ajar"[..]), "{asked:?}");
    deck.press("down y");
    assert_eq!(
        deck.notice(),
        "there is no message to copy",
        "a branch has none"
    );
    deck.press("space");
    assert!(
        deck.notice().contains("t shows the messages"),
        "{}",
        deck.notice()
    );
    assert!(!deck.note(PaneId::Messages).contains("frozen"));
}
