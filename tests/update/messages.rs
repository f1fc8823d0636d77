//! The stream and the inspector.

use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::Event;
use thingdeck::app::event::Outcome;
use thingdeck::app::screen::{PaneId, Role};
use thingdeck::domain::reading::Kind;
use thingdeck::domain::session::{Gap, SessionEvent};

use crate::deck::{Deck, body};

fn n(number: u64) -> String {
    // What `payload::compact` makes of it is its own business; the number is what identifies a row here.
    number.to_string()
}

/// The number that a row's payload holds.
fn number(gist: &str) -> String {
    gist.chars().filter(char::is_ascii_digit).collect()
}

fn selected(deck: &Deck) -> String {
    number(&deck.selected_gist())
}

fn last(deck: &Deck) -> String {
    number(deck.gists().last().map_or("", String::as_str))
}

#[test]
fn the_stream_follows_the_newest_message() {
    let mut deck = Deck::connected();
    deck.receive(50, "home/t");
    assert_eq!((selected(&deck), last(&deck)), (n(50), n(50)));
    deck.receive(1, "home/t");
    assert_eq!((selected(&deck), last(&deck)), (n(51), n(51)));
}

#[test]
fn freezing_keeps_the_selected_row() {
    let mut deck = Deck::connected();
    deck.receive(50, "home/t")
        .press("3 k k space")
        .receive(10, "home/t");
    assert_eq!((selected(&deck), last(&deck)), (n(48), n(50)));
    assert!(
        deck.note(PaneId::Messages).contains("frozen, 10 new"),
        "{}",
        deck.note(PaneId::Messages)
    );
    let header = deck.screen().header;
    assert_eq!((header.received, header.kept, header.dropped), (60, 60, 0));
    deck.press("space");
    assert_eq!(selected(&deck), n(60), "following again");
}

#[test]
fn reading_an_older_message_is_not_disturbed_by_new_ones() {
    let mut deck = Deck::connected();
    deck.receive(100, "t").press("3 k k k");
    let before = deck.gists();
    deck.receive(500, "t");
    assert_eq!(selected(&deck), n(97));
    assert_eq!(deck.gists(), before);
    assert!(
        deck.note(PaneId::Messages).contains("500 new below"),
        "{}",
        deck.note(PaneId::Messages)
    );
    deck.press("G");
    assert_eq!(selected(&deck), n(600));
    assert!(
        !deck.note(PaneId::Messages).contains("new"),
        "{}",
        deck.note(PaneId::Messages)
    );
}

#[test]
fn the_rows_of_a_frozen_window_stay_when_the_ring_has_moved_past_them() {
    let mut small = crate::deck::setup();
    small.memory_limit = 64 * 1024;
    let mut deck = Deck::new(small);
    deck.connect().receive(30, "t").press("3 space");
    let before = deck.gists();
    deck.receive(5000, "t");
    let header = deck.screen().header;
    assert!(header.dropped > 0);
    assert_eq!(header.received, header.kept + header.dropped);
    assert_eq!(deck.gists(), before);
    deck.press("space");
    assert_eq!(selected(&deck), n(5030));
}

#[test]
fn a_filter_over_a_frozen_window_does_not_show_what_it_does_not_match() {
    let mut small = crate::deck::setup();
    small.memory_limit = 64 * 1024;
    let mut deck = Deck::new(small);
    deck.connect().receive(30, "t").press("3 space");
    let before = deck.gists();
    deck.receive(5000, "t").press("/").type_text("nothing");
    let shown = body(&deck.pane(PaneId::Messages).body);
    assert!(shown.contains("no message matches"), "{shown}");
    deck.press("esc");
    assert_eq!(deck.gists(), before, "what is frozen is still there");
}

#[test]
fn what_was_dropped_is_a_row_in_its_place_and_a_number_in_the_header() {
    let mut deck = Deck::connected();
    deck.receive(1, "t");
    let gap = SessionEvent::Gap(Gap {
        messages: 1203,
        bytes: 2_202_009,
    });
    deck.event(Event::Session(deck.session, gap))
        .receive(1, "t");
    assert_eq!(
        deck.gists()[1],
        "⋯ 1,203 messages (2.1 MiB) dropped: too large or too fast to be kept"
    );
    assert!(deck.messages()[1].gap);
    let header = deck.screen().header;
    assert_eq!(
        (header.received, header.kept, header.dropped),
        (1205, 2, 1203)
    );
}

#[test]
fn the_filter_is_live_and_marks_what_it_found() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{\"mode\":\"COOL\"}");
    deck.receive_from("d-hood", Kind::Push, "{\"code\":\"FILTER\"}");
    deck.press("3 /").type_text("cool");
    assert_eq!(deck.messages().len(), 1);
    let marked: Vec<_> = deck.messages()[0]
        .gist
        .iter()
        .filter(|s| s.role == Role::Match)
        .map(|s| s.text.to_string())
        .collect();
    assert_eq!(marked, ["COOL"]);
    assert_eq!(deck.note(PaneId::Messages), "1 of 2");
    deck.press("ctrl-u").type_text("kind:push device:hood");
    assert_eq!(deck.messages()[0].source.as_str(), "Hood");
    deck.press("esc");
    assert_eq!(deck.messages().len(), 2);
}

#[test]
fn a_filter_that_is_not_understood_says_why_and_keeps_the_view() {
    let mut deck = Deck::connected();
    deck.receive(3, "a/b").press("3 /").type_text("topic:a/+");
    assert_eq!(deck.messages().len(), 3);
    deck.type_text("x");
    let filter = deck.pane(PaneId::Messages).filter.expect("typed");
    assert_eq!(
        filter.error.map(|e| e.to_string()).as_deref(),
        Some("\"a/+x\" is no topic filter: + must be a whole level (at character 1)")
    );
    assert_eq!(deck.messages().len(), 3);
    deck.press("backspace");
    assert_eq!(
        deck.pane(PaneId::Messages).filter.expect("typed").error,
        None
    );
}

#[test]
fn a_filter_over_many_old_messages_catches_up_by_itself() {
    let mut deck = Deck::connected();
    deck.receive(50_000, "t").press("3 /").type_text("re:/n/");
    assert!(
        deck.note(PaneId::Messages).contains("so far"),
        "{}",
        deck.note(PaneId::Messages)
    );
    assert_eq!(last(&deck), n(50_000), "the newest are there at once");
    deck.wait(Duration::from_millis(50));
    assert_eq!(deck.note(PaneId::Messages), "50,000 of 50,000");
}

#[test]
fn n_and_shift_n_walk_through_the_matches() {
    let mut deck = Deck::connected();
    deck.receive(30, "t")
        .press("3 /")
        .type_text("1")
        .press("enter");
    let found = deck.gists().len();
    deck.press("N N");
    assert_eq!(selected(&deck), n(18));
    deck.press("n");
    assert_eq!(selected(&deck), n(19));
    assert_eq!(deck.gists().len(), found);
}

#[test]
fn enter_on_a_device_shows_only_its_messages_and_esc_all_again() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{}")
        .receive_from("d-dryer", Kind::Event, "{}");
    deck.press("enter");
    assert_eq!(deck.focus(), PaneId::Messages);
    assert_eq!(deck.messages().len(), 1);
    assert!(
        deck.note(PaneId::Messages).contains("only Dryer"),
        "{}",
        deck.note(PaneId::Messages)
    );
    deck.receive_from("d-air", Kind::Event, "{}")
        .receive_from("d-dryer", Kind::Event, "{}");
    assert_eq!(deck.messages().len(), 2);
    deck.press("esc");
    assert_eq!(deck.messages().len(), 4);
}

#[test]
fn enter_opens_the_message_in_the_inspector_and_it_stays() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{\"report\":{\"mode\":\"COOL\"}}");
    deck.press("3 enter");
    assert_eq!(deck.focus(), PaneId::Inspector);
    deck.receive(20, "t");
    let shown = deck.inspector();
    assert!(
        shown.contains("거실 에어컨") && shown.contains("app/clients/x/push"),
        "{shown}"
    );
    assert!(shown.contains("\"mode\": \"COOL\""), "{shown}");
}

#[test]
fn esc_goes_back_from_the_inspector_to_the_stream_and_follows_it_again() {
    let mut deck = Deck::connected();
    deck.receive(5, "t")
        .press("3 enter")
        .receive(5, "t")
        .press("esc");
    assert_eq!((deck.focus(), selected(&deck)), (PaneId::Messages, n(5)));
    deck.press("esc");
    assert_eq!(selected(&deck), n(10));
}

#[test]
fn v_goes_round_through_the_views() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{\"a\":1}")
        .press("3 enter v");
    assert_eq!(deck.note(PaneId::Inspector), "raw");
    assert!(
        deck.inspector().contains("{\"a\":1}"),
        "{}",
        deck.inspector()
    );
    deck.press("v");
    assert_eq!(deck.note(PaneId::Inspector), "hex");
    assert!(
        deck.inspector().contains("7b 22 61 22"),
        "{}",
        deck.inspector()
    );
    for view in ["tree", "changes", "decoded", "pretty"] {
        deck.press("v");
        assert_eq!(deck.note(PaneId::Inspector), view);
    }
}

#[test]
fn while_the_stream_is_held_the_inspector_goes_with_the_selection() {
    let mut deck = Deck::connected();
    deck.receive(5, "t").press("3 k");
    assert!(
        deck.inspector().contains("\"n\": 4"),
        "{}",
        deck.inspector()
    );
    deck.press("k");
    assert!(
        deck.inspector().contains("\"n\": 3"),
        "{}",
        deck.inspector()
    );
}

#[test]
fn a_long_payload_scrolls_and_is_searched() {
    let mut deck = Deck::connected();
    let many: Vec<_> = (0..200).map(|n| format!("\"key{n}\":{n}")).collect();
    deck.receive_from("d-air", Kind::Event, &format!("{{{}}}", many.join(",")));
    deck.press("3 enter G");
    assert!(deck.inspector().contains("key199"), "{}", deck.inspector());
    deck.press("g /").type_text("key150").press("enter");
    assert!(deck.inspector().contains("key150"), "{}", deck.inspector());
    deck.press("n");
    assert!(
        deck.inspector().contains("key150"),
        "the only match stays in sight"
    );
}

#[test]
fn y_copies_the_payload_and_says_how() {
    let mut deck = Deck::connected();
    deck.receive(1, "t").asked();
    deck.press("3 y");
    let asked = deck.asked();
    let [Effect::CopyBytes(id, bytes)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(bytes.as_ref(), b"{\"n\":1}");
    let how = "OSC 52".to_owned();
    deck.done(*id, Ok(Outcome::Copied { how }));
    assert_eq!(deck.notice(), "copied: OSC 52");
}

#[test]
fn shift_y_copies_the_whole_message_as_its_json_line() {
    let mut deck = Deck::connected();
    deck.receive_from("d-air", Kind::Event, "{\"n\":1}").asked();
    deck.press("3 Y");
    let asked = deck.asked();
    let [Effect::Copy(_, text)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(
        text,
        "{\"v\":1,\"ts\":\"2025-11-20T20:40:00.000000Z\",\"profile\":\"home\",\"platform\":\"thinq\",\"dir\":\"in\",\
         \"topic\":\"app/clients/x/push\",\"qos\":1,\"retain\":false,\"dup\":false,\"kind\":\"event\",\
         \"device\":{\"id\":\"d-air\",\"name\":\"거실 에어컨\"},\"payload\":{\"n\":1}}"
    );
}

#[test]
fn an_empty_stream_says_what_to_press() {
    let deck = Deck::connected();
    let shown = body(&deck.pane(PaneId::Messages).body);
    assert!(
        shown.contains("p on a device") && shown.contains("e on a device"),
        "{shown}"
    );
}

#[test]
fn binary_and_hostile_payloads_reach_no_terminal_raw() {
    let mut deck = Deck::connected();
    deck.receive_from(
        "d-air",
        Kind::Message,
        "\u{1b}]52;c;aGk=\u{7}\r\n\u{202e}x\u{0}",
    );
    deck.press("3 enter");
    for text in deck.gists().into_iter().chain([deck.inspector()]) {
        let raw = |c: char| thingdeck::base::text::is_unsafe(c) && c != '\n';
        assert!(!text.chars().any(raw), "{text:?}");
    }
}

#[test]
fn the_rate_falls_back_to_nothing_and_then_no_timer_is_left() {
    let mut deck = Deck::connected();
    deck.receive(10, "t");
    assert!(!deck.screen().header.rates.is_empty());
    assert_eq!(deck.timers.len(), 1);
    deck.wait(Duration::from_secs(61));
    assert!(deck.screen().header.rates.is_empty());
    assert_eq!(deck.timers.len(), 0, "nothing counts any more");
}

/// `{"temp":27.5}` in CBOR.
const CBOR: &[u8] = b"\xa1dtemp\xfb@;\x80\0\0\0\0\0";

fn sources(deck: &Deck) -> Vec<String> {
    let rows = deck.messages().into_iter();
    rows.map(|row| row.source.to_string()).collect()
}

fn marked(deck: &Deck, row: usize) -> String {
    let gist = deck.messages().swap_remove(row).gist.into_iter();
    gist.filter(|span| span.role == Role::Match)
        .map(|span| span.text.to_string())
        .collect()
}

#[test]
fn a_search_finds_what_the_rows_show_of_decoded_payloads() {
    let mut deck = Deck::broker(&["#"]);
    deck.receive_bytes("plant/1", CBOR)
        .receive_bytes("plant/2", br#"{"temp":20}"#)
        .receive_bytes("plant/3", br#"{"temp":30,"room":"\uac70\uc2e4"}"#)
        .press("3 /")
        .type_text("temp>25");
    assert_eq!(sources(&deck), ["plant/1", "plant/3"]);
    assert_eq!(marked(&deck, 0), r#""temp":27.5"#);
    assert_eq!(marked(&deck, 1), r#""temp":30"#);
    deck.receive_bytes("plant/4", CBOR)
        .receive_bytes("plant/5", br#"{"temp":1}"#);
    assert_eq!(sources(&deck), ["plant/1", "plant/3", "plant/4"]);
    deck.press("ctrl-u").type_text("거실");
    assert_eq!(sources(&deck), ["plant/3"]);
    assert_eq!(marked(&deck, 0), r"\uac70\uc2e4");
}

#[test]
fn a_decoder_that_is_pinned_while_a_filter_is_in_force_changes_what_it_finds() {
    let mut deck = Deck::broker(&["#"]);
    deck.receive_bytes("plant/1", CBOR)
        .press("3 /")
        .type_text("temp>25")
        .press("enter");
    assert_eq!(sources(&deck), ["plant/1"]);
    deck.press("o /").type_text("binary").press("enter");
    assert_eq!(sources(&deck), Vec::<String>::new(), "{}", deck.notice());
}

fn in_topic(deck: &Deck) -> Vec<String> {
    let row = deck.messages().swap_remove(0);
    let marks = row.found.into_iter();
    marks
        .map(|range| row.source.as_str()[range].to_owned())
        .collect()
}

#[test]
fn a_word_is_marked_in_the_topic_too() {
    let mut deck = Deck::broker(&["#"]);
    deck.receive_bytes("home/kitchen", b"on")
        .press("3 /")
        .type_text("KITCH");
    assert_eq!(in_topic(&deck), ["kitch"]);
    deck.press("ctrl-u").type_text("topic:home");
    assert_eq!(in_topic(&deck), ["home"]);
    deck.press("ctrl-u").type_text("topic:home/# -kitchenette");
    assert!(in_topic(&deck).is_empty());
}

#[test]
fn a_number_that_is_being_typed_does_not_empty_the_view() {
    let mut deck = Deck::broker(&["#"]);
    deck.receive_bytes("plant/1", br#"{"temp":27.5}"#)
        .press("3 /");
    for typed in ["temp", ">", "2", "5", ".", "5", " ", "-", "x"] {
        deck.type_text(typed);
        assert_eq!(sources(&deck), ["plant/1"], "after {typed:?}");
    }
}
