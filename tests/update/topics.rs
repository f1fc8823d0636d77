//! The topic tree: what is heard on a plain broker, in place of devices.

use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::event::Event;
use thingdeck::app::screen::{Body, PaneId};
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::topic::Topic;

use crate::deck::{Deck, batch, body, plain};

fn message(topic: &str, payload: &[u8], retain: bool) -> SessionEvent {
    let message = Message {
        at: thingdeck::base::moment::Timestamp(0),
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload),
        qos: Qos::AtMostOnce,
        retain,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    };
    SessionEvent::Message(Box::new(message), Reading::default())
}

fn hear(deck: &mut Deck, topic: &str, payload: &str) {
    let event = message(topic, payload.as_bytes(), false);
    deck.event(Event::Session(deck.session, event));
}

fn house() -> Deck {
    let mut deck = Deck::broker(&["#"]);
    for (topic, payload) in [
        ("home/kitchen/temp", "21.5"),
        ("home/kitchen/light", "{\"on\": true}"),
        ("home/bath/temp", "23"),
        ("garage", "closed"),
    ] {
        hear(&mut deck, topic, payload);
    }
    deck
}

fn only(deck: &Deck) -> Vec<String> {
    deck.messages()
        .iter()
        .map(|r| r.source.to_string())
        .collect()
}

#[test]
fn what_is_heard_becomes_a_tree_with_the_last_value_of_each_topic() {
    let deck = house();
    assert_eq!(
        deck.tree(),
        [
            ">garage",
            "-home",
            " -bath",
            "  temp",
            " -kitchen",
            "  light",
            "  temp"
        ]
    );
    assert_eq!(plain(&deck.topic("garage").value), "closed");
    assert_eq!(plain(&deck.topic("light").value), "{\"on\":true}");
    assert_eq!(plain(&deck.topic("home").value), "3 topics");
    assert_eq!(deck.topic("home").count, 3);
    assert_eq!(deck.note(PaneId::Devices), "4 topics by name");
}

#[test]
fn a_retained_message_leaves_its_mark_and_the_age_counts_on() {
    let mut deck = house();
    let event = message("garage", b"open", true);
    deck.event(Event::Session(deck.session, event));
    deck.wait(Duration::from_secs(12));
    let row = deck.topic("garage");
    assert_eq!(
        (row.retained, row.last.as_str(), row.count),
        (true, "12s", 2)
    );
    assert!(!deck.topic("home").retained);
    assert_eq!(row.rate, "0.16");
}

#[test]
fn right_goes_inwards_and_left_outwards_and_both_leave_the_tree_at_its_ends() {
    let mut deck = house();
    deck.press("j left");
    assert_eq!(deck.tree(), ["garage", ">+home"]);
    deck.press("l l l");
    assert_eq!(
        deck.tree()[1..],
        [
            "-home",
            " -bath",
            ">  temp",
            " -kitchen",
            "  light",
            "  temp"
        ]
    );
    deck.press("h");
    assert_eq!(deck.tree()[2], "> -bath");
    deck.press("h h");
    assert_eq!(deck.tree()[1..3], [">-home", " +bath"]);
    deck.press("g right");
    assert_eq!(deck.focus(), PaneId::Messages, "a topic with nothing below");
}

#[test]
fn o_folds_and_a_capital_o_does_so_with_all_below() {
    let mut deck = house();
    deck.press("j o");
    assert_eq!(deck.tree(), ["garage", ">+home"]);
    deck.press("o O");
    assert_eq!(deck.tree(), ["garage", ">+home"]);
    deck.press("o");
    assert_eq!(deck.tree(), ["garage", ">-home", " +bath", " +kitchen"]);
    deck.press("o O");
    assert_eq!(deck.tree().len(), 7);
}

#[test]
fn enter_shows_only_what_is_said_there_and_below() {
    let mut deck = house();
    deck.press("j j enter");
    assert_eq!(deck.focus(), PaneId::Messages);
    assert_eq!(only(&deck), ["home/bath/temp"]);
    assert_eq!(deck.note(PaneId::Messages), "only home/bath/# · 1 of 4");
    hear(&mut deck, "home/bath/temp", "24");
    hear(&mut deck, "garage", "open");
    assert_eq!(only(&deck), ["home/bath/temp", "home/bath/temp"]);
    deck.press("esc");
    assert_eq!(only(&deck).len(), 6);
}

#[test]
fn marked_topics_are_shown_together() {
    let mut deck = house();
    deck.press("space j space");
    assert_eq!(deck.note(PaneId::Devices), "2 marked of 4 topics by name");
    deck.press("enter");
    assert_eq!(only(&deck), ["home/bath/temp", "garage"]);
    deck.press("1 esc esc");
    assert_eq!(deck.note(PaneId::Devices), "4 topics by name");
}

#[test]
fn s_on_a_topic_opens_its_last_message() {
    let mut deck = house();
    hear(&mut deck, "garage", "ajar");
    hear(&mut deck, "home/bath/temp", "25");
    deck.press("s");
    assert_eq!(deck.focus(), PaneId::Inspector);
    assert!(deck.inspector().contains("ajar"), "{}", deck.inspector());
    assert_eq!(deck.selected_gist(), "ajar", "the stream goes along");
    deck.press("1 j s");
    assert!(deck.notice().contains("ones below it"), "{}", deck.notice());
}

#[test]
fn a_filter_finds_words_in_the_whole_topic() {
    let mut deck = house();
    deck.press("j o /").type_text("KITCHEN temp");
    assert_eq!(deck.tree(), [">-home", " -kitchen", "  temp"]);
    assert_eq!(deck.note(PaneId::Devices), "1 of 4 topics by name");
    deck.press("esc");
    assert_eq!(deck.tree(), ["garage", ">+home"]);
    deck.press("/").type_text("nothing");
    let shown = body(&deck.pane(PaneId::Devices).body);
    assert!(shown.contains("no topic matches"), "{shown}");
}

/// F21.
#[test]
fn the_selected_topic_stays_selected_and_keeps_its_line() {
    let mut deck = Deck::broker(&["#"]);
    for n in 0..100 {
        hear(&mut deck, &format!("m/{n}"), "x");
    }
    // Selected, and on which line of the window.
    let line = |deck: &Deck| {
        let rows = deck.topics();
        let at = rows
            .iter()
            .position(|r| r.selected)
            .expect("one is selected");
        (at, rows[at].name.to_string())
    };
    for _ in 0..60 {
        deck.press("j");
    }
    let before = line(&deck);
    for n in 0..300 {
        hear(&mut deck, &format!("a{n}"), "x");
        hear(&mut deck, &format!("m/{}x", n % 50), "x");
        hear(&mut deck, &format!("z{n}"), "x");
        deck.wait(Duration::from_millis(20));
        assert_eq!(line(&deck), before);
    }
}

/// F21, sorted by rate: the others are sorted around the selected one.
#[test]
fn by_rate_the_busiest_comes_first_and_the_selected_one_stands_still() {
    let mut deck = Deck::broker(&["#"]);
    for name in ["a", "b", "c", "d"] {
        hear(&mut deck, name, "x");
    }
    for _ in 0..9 {
        hear(&mut deck, "c", "x");
    }
    deck.press("S");
    assert_eq!(deck.tree(), [">c", "a", "b", "d"]);
    assert_eq!(deck.note(PaneId::Devices), "4 topics by rate");
    deck.press("j");
    for _ in 0..50 {
        hear(&mut deck, "d", "x");
    }
    assert_eq!(
        deck.tree(),
        ["c", ">a", "b", "d"],
        "not oftener than once a second"
    );
    deck.wait(Duration::from_secs(2));
    assert_eq!(deck.tree(), ["d", ">a", "c", "b"]);
}

#[test]
fn many_new_topics_are_shown_a_moment_later_without_a_key() {
    let mut deck = Deck::broker(&["#"]);
    deck.press("j");
    for n in 0..3_000 {
        hear(&mut deck, &format!("n{n}"), "x");
    }
    hear(&mut deck, "$SYS/broker/uptime", "7 seconds");
    deck.wait(Duration::from_millis(150)).press("G");
    assert_eq!(deck.tree().last().map(String::as_str), Some(">+$SYS"));
}

#[test]
fn with_nothing_subscribed_the_panes_say_what_to_press() {
    let mut deck = Deck::broker(&[]);
    for (keys, pane, key) in [
        ("1", PaneId::Devices, "a subscribes"),
        ("2", PaneId::Subscriptions, "a subscribes"),
        ("3", PaneId::Messages, "2 then a subscribes"),
    ] {
        let shown = body(&deck.press(keys).pane(pane).body);
        for wanted in [key, "home/#", "everything but $SYS/#"] {
            assert!(shown.contains(wanted), "no {wanted:?} in\n{shown}");
        }
    }
    deck.press("1 a");
    assert!(deck.overlay().contains("Add a topic filter"));
}

#[test]
fn before_there_is_a_connection_the_tree_says_so() {
    let mut deck = Deck::broker(&["#"]);
    deck.link(LinkState::Connecting {
        host: "h".to_owned(),
        port: 1883,
    });
    assert_eq!(body(&deck.pane(PaneId::Devices).body), "connecting …");
}

#[test]
fn r_asks_the_broker_for_everything_again() {
    let mut deck = house();
    deck.press("r");
    let asked = format!("{:?}", deck.asked());
    assert!(asked.contains("Resubscribe"), "{asked}");
    assert!(!asked.contains("Request"), "{asked}");
}

#[test]
fn empty_levels_and_hostile_ones_are_shown_not_obeyed() {
    let mut deck = Deck::broker(&["#"]);
    hear(&mut deck, "/a\u{1b}[2J/\u{202e}x", "y\u{7}");
    let Body::Topics(rows) = deck.pane(PaneId::Devices).body else {
        unreachable!("something was heard");
    };
    let names: Vec<_> = rows.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["\"\"", "a\\e[2J", "\\u{202e}x"]);
}

#[test]
fn what_waits_to_be_sent_stands_in_the_header() {
    let mut deck = house();
    deck.event(Event::Session(
        deck.session,
        SessionEvent::Queue { waiting: 2 },
    ));
    let calls = |deck: &Deck| deck.screen().header.calls.map(|c| c.text.to_string());
    assert_eq!(calls(&deck).as_deref(), Some("2 waiting to be sent"));
    deck.event(Event::Session(
        deck.session,
        SessionEvent::Queue { waiting: 0 },
    ));
    assert_eq!(calls(&deck), None);
}

#[test]
fn a_kept_session_is_said() {
    let mut deck = Deck::broker(&["#"]);
    let since = deck.at.wall;
    deck.link(LinkState::Connected {
        since,
        session_present: true,
    });
    assert_eq!(deck.state_words(), "connected, session kept");
}

#[test]
fn the_brokers_health_is_subscribed_while_its_box_is_open() {
    let mut deck = Deck::broker(&["#"]);
    deck.press("B");
    let subscribed = format!("{:?}", deck.asked());
    assert!(
        subscribed.contains("Subscribe(FilterWish { filter: \"$SYS/#\", qos: AtMostOnce"),
        "{subscribed}"
    );
    deck.granted("$SYS/#", Ok(Qos::AtMostOnce));
    assert_eq!(deck.filter("$SYS/#").origin, "health");
    assert!(
        deck.overlay().contains("nothing under $SYS yet"),
        "{}",
        deck.overlay()
    );
    hear(&mut deck, "$SYS/broker/version", "mosquitto version 2.0.18");
    hear(&mut deck, "$SYS/broker/uptime", "3700 seconds");
    hear(&mut deck, "$SYS/broker/messages/received", "1000");
    hear(&mut deck, "$SYS/broker/something/else", "7");
    deck.wait(Duration::from_secs(10));
    hear(&mut deck, "$SYS/broker/messages/received", "1500");
    hear(
        &mut deck,
        "$SYS/broker/load/messages/received/1min",
        "3000.5",
    );
    let shown = deck.overlay();
    for wanted in [
        "version           mosquitto version 2.0.18",
        "uptime            1 h 1 min",
        "received          50.0/s  1,500 in all",
        "  on average      50.0/s 1 min",
        "something/else",
    ] {
        assert!(shown.contains(wanted), "no {wanted:?} in\n{shown}");
    }
    deck.asked();
    deck.press("esc");
    let left = deck.asked();
    assert!(
        format!("{left:?}").contains("Unsubscribe(\"$SYS/#\")"),
        "{left:?}"
    );
}

#[test]
fn a_broker_that_tells_nothing_of_itself_is_named_so() {
    let mut deck = Deck::broker(&["#"]);
    deck.press("B");
    deck.granted("$SYS/#", Err("not authorised".to_owned()));
    assert!(
        deck.overlay().contains("refused: not authorised"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn a_filter_of_ones_own_for_the_health_outlives_its_box() {
    let mut deck = Deck::broker(&["$SYS/#"]);
    deck.press("B esc");
    let sent = deck.asked().into_iter().any(|e| {
        matches!(
            e,
            thingdeck::app::effect::Effect::Session(
                _,
                SessionCommand::Subscribe(_) | SessionCommand::Unsubscribe(_)
            )
        )
    });
    assert!(!sent);
}

#[test]
fn keys_of_the_tree_do_nothing_where_there_are_devices() {
    let mut deck = Deck::connected();
    deck.press("o O S B");
    assert_eq!(deck.asked(), []);
    assert_eq!(deck.overlay(), "");
    deck.press(":").type_text("health");
    assert!(
        !deck.overlay().contains("broker health"),
        "{}",
        deck.overlay()
    );
}

/// F21: 1,000 messages a second for a minute, on ever more topics, sorted by rate.
#[test]
fn a_flood_of_a_minute_moves_neither_the_topic_nor_the_message_that_is_read() {
    let mut deck = Deck::broker(&["#"]);
    for n in 0..40 {
        deck.receive(1, &format!("plant/{n:02}/a"));
    }
    deck.press("S j j j j j");
    let topic = |deck: &Deck| deck.topics().iter().position(|row| row.selected);
    let (name, line) = {
        let line = topic(&deck).expect("one is selected");
        (deck.topics()[line].name.to_string(), line)
    };
    deck.press("3 k k k");
    let (read, row) = (
        deck.selected_gist(),
        deck.messages().iter().position(|row| row.selected),
    );
    for second in 0..60 {
        for n in 0..1000 {
            let busy = (n * 7 + second) % 97;
            deck.receive(1, &format!("plant/{busy:02}/{}", (n + second) % 3));
        }
        deck.asked();
        deck.wait(Duration::from_secs(1));
        assert_eq!(deck.selected_gist(), read, "second {second}");
        let now = deck.messages().iter().position(|row| row.selected);
        assert_eq!(now, row, "the window stands still in second {second}");
        let now = topic(&deck).expect("one is selected");
        assert_eq!(
            (deck.topics()[now].name.to_string(), now),
            (name.clone(), line),
            "second {second}"
        );
    }
}

const HEARD: [(&str, &str, bool); 7] = [
    ("home/kitchen/temp", "21.5", false),
    ("home/kitchen/light", "{\"on\": true}", true),
    ("home/kitchen/temp", "21.75", false),
    ("$SYS/broker/uptime", "17 seconds", true),
    ("garage", "closed", false),
    ("home/kitchen/light", "", false),
    ("home/kitchen/temp", "22", false),
];

/// The same messages, one by one and in batches of that size.
fn both(prepare: &str, size: usize) -> (Deck, Deck) {
    let (mut alone, mut together) = (Deck::broker(&["#"]), Deck::broker(&["#"]));
    for deck in [&mut alone, &mut together] {
        hear(deck, "home", "first");
        deck.press(prepare);
    }
    for messages in HEARD.chunks(size) {
        for (topic, payload, retain) in messages {
            let event = message(topic, payload.as_bytes(), *retain);
            alone.event(Event::Session(alone.session, event));
        }
        together.event(Event::Session(together.session, batch(messages)));
    }
    (alone, together)
}

#[test]
fn messages_in_a_batch_are_shown_as_if_they_came_one_by_one() {
    let others = |deck: &Deck| {
        let mut panes = deck.screen().panes;
        panes.retain(|pane| pane.id != PaneId::Devices);
        panes
    };
    for prepare in ["3 k", "3 space", "3 / t e m p enter", "1"] {
        for size in [1, 3, 7] {
            let (mut alone, mut together) = both(prepare, size);
            let which = format!("after {prepare:?}, {size} at once");
            assert_eq!(others(&alone), others(&together), "{which}");
            if prepare == "1" {
                // A new topic has its place when the rows are sorted again.
                alone.press("S S g");
                together.press("S S g");
                assert_eq!(alone.screen().panes, together.screen().panes, "{which}");
            }
        }
    }
}
