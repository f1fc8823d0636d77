//! `|`: a jq program over the stream and in the inspector, live, remembered, and cut off when it does not end.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::Event;
use thingdeck::app::screen::PaneId;
use thingdeck::app::sieve::{SiftRow, Sifted};
use thingdeck::domain::program::Machine;
use thingdeck::domain::request::RequestId;

use crate::deck::Deck;

fn plant() -> Deck {
    let mut deck = Deck::broker(&["#"]);
    deck.receive_bytes("plant/1/temp", br#"{"t":21.5,"unit":"C"}"#)
        .receive_bytes("plant/2/temp", br#"{"t":30}"#)
        .receive_bytes("garage", b"closed")
        .press("3");
    deck
}

pub fn questions(deck: &mut Deck) -> Vec<(RequestId, Vec<SiftRow>)> {
    deck.asked()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Sift(id, rows) => Some((id, rows)),
            _ => None,
        })
        .collect()
}

/// Does what the other process does until nobody asks any more.
pub fn answer(deck: &mut Deck) {
    for _ in 0..20 {
        deck.wait(Duration::from_millis(20));
        let asked = questions(deck);
        if asked.is_empty() {
            return;
        }
        for (id, rows) in asked {
            let made = rows.iter().enumerate().map(|(index, row)| {
                let machine = Machine::new(row.program.text()).expect("checked before");
                (index, Sifted::Made(machine.run(&row.payload, row.most)))
            });
            let made = made.collect();
            deck.event(Event::Sifted(id, made, true));
        }
    }
    panic!("there is no end to what is asked for");
}

fn line(deck: &Deck) -> (String, Option<String>) {
    let line = deck.pane(PaneId::Messages).program.expect("a program");
    (line.text.to_string(), line.error.map(|e| e.to_string()))
}

#[test]
fn every_row_shows_what_the_program_makes_of_it_while_it_is_typed() {
    let mut deck = plant();
    deck.press("|").type_text(".t");
    answer(&mut deck);
    assert_eq!(deck.gists()[..2], ["21.5", "30"]);
    assert!(deck.gists()[2].starts_with("jq: "), "{:?}", deck.gists());
    deck.type_text(" | tostring + \"°\"");
    answer(&mut deck);
    assert_eq!(deck.gists()[..2], ["\"21.5°\"", "\"30°\""]);
    deck.receive_bytes("plant/3/temp", b"{\"t\":1}");
    assert_eq!(deck.gists()[3], "filtering…");
    answer(&mut deck);
    assert_eq!(deck.gists()[3], "\"1°\"");
}

#[test]
fn what_is_no_program_yet_says_so_and_keeps_the_view() {
    let mut deck = plant();
    deck.press("|").type_text(".t");
    answer(&mut deck);
    deck.type_text(" | nonsense");
    answer(&mut deck);
    let (text, error) = line(&deck);
    assert_eq!(text, ".t | nonsense");
    assert!(error.expect("an error").contains("there is no filter"));
    assert_eq!(deck.gists()[..2], ["21.5", "30"]);
    deck.press("enter");
    assert!(
        deck.notice().contains("no program yet"),
        "{}",
        deck.notice()
    );
    deck.press("esc");
    assert_eq!(deck.gists()[2], "closed");
    assert_eq!(deck.pane(PaneId::Messages).program, None);
}

#[test]
fn a_program_is_remembered_for_the_topics_that_are_shown() {
    let mut deck = plant();
    // Only what is below plant/2.
    deck.press("t");
    let topics = crate::deck::body(&deck.pane(PaneId::Messages).body);
    assert!(topics.contains("plant"), "{topics}");
    deck.press("g down down").press("enter").press("|");
    assert!(
        deck.note(PaneId::Messages).contains("jq for plant/"),
        "{}",
        deck.note(PaneId::Messages)
    );
    let scope = deck.note(PaneId::Messages);
    let scope = scope.split("jq for ").nth(1).expect("a scope");
    let scope = scope.split(" · ").next().expect("a scope").to_owned();
    deck.asked();
    deck.type_text(".unit").press("enter");
    let saved: Vec<_> = deck
        .asked()
        .into_iter()
        .filter_map(|e| match e {
            Effect::SaveProgram { topic, program, .. } => Some((topic, program)),
            _ => None,
        })
        .collect();
    assert_eq!(saved, [(scope, Some(".unit".to_owned()))]);
    deck.press("|").press("ctrl-u").press("enter");
    let ended = deck
        .asked()
        .into_iter()
        .any(|e| matches!(e, Effect::SaveProgram { program: None, .. }));
    assert!(ended);
    assert_eq!(deck.pane(PaneId::Messages).program, None);
}

#[test]
fn a_program_that_does_not_end_is_named_and_only_its_topics_are_shown_as_they_are() {
    let mut deck = plant();
    deck.press("|").type_text(".t");
    answer(&mut deck);
    deck.press("enter");
    // Another one for one topic, which does not end.
    deck.press("g").press("enter").press("|");
    deck.asked();
    deck.type_text("repeat(.)").wait(Duration::from_millis(20));
    let asked = questions(&mut deck);
    let (id, rows) = asked.last().expect("asked").clone();
    let results = rows.iter().enumerate().map(|(index, row)| {
        let endless = row.program.text().starts_with("repeat");
        let made = Machine::new(".t")
            .expect("a program")
            .run(&row.payload, 100);
        let stopped = Sifted::Stopped("cut off: not done after 1 s".to_owned());
        (index, if endless { stopped } else { Sifted::Made(made) })
    });
    let results = results.collect();
    deck.event(Event::Sifted(id, results, true));
    assert!(
        deck.notice().contains("jq repeat(.): cut off"),
        "{}",
        deck.notice()
    );
    answer(&mut deck);
    let gists = deck.gists();
    assert_eq!(gists[..2], ["{\"t\":21.5,\"unit\":\"C\"}", "30"]);
    let asked = questions(&mut deck);
    assert!(asked.is_empty(), "{asked:?}");
    deck.press("enter").press("esc");
    let (text, error) = line(&deck);
    assert_eq!((text.as_str(), error.is_some()), ("repeat(.)", true));
    deck.press("down");
    let (text, error) = line(&deck);
    assert_eq!((text.as_str(), error.is_some()), (".t", false));
}

#[test]
fn the_inspector_shows_the_whole_output_and_what_changed_in_it() {
    let mut deck = plant();
    deck.receive_bytes("plant/1/temp", br#"{"t":23.5,"unit":"C"}"#);
    deck.press("|")
        .type_text("{deep: {celsius: .t}}")
        .press("enter");
    answer(&mut deck);
    deck.press("G enter");
    answer(&mut deck);
    let shown = deck.inspector();
    for text in ["\"celsius\": 23.5 (+2)", "as the program has it"] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
    assert!(
        !shown.contains("pinned"),
        "nobody has pinned anything\n{shown}"
    );
    deck.press("v");
    assert!(
        deck.inspector().contains("\"unit\":\"C\""),
        "{}",
        deck.inspector()
    );
}

#[test]
fn a_flood_is_not_asked_about_message_by_message() {
    let mut deck = plant();
    deck.press("|").type_text(".n").press("enter");
    answer(&mut deck);
    deck.receive(500, "plant/flood");
    let asked = questions(&mut deck);
    assert!(asked.len() <= 1, "{} questions", asked.len());
    for (id, _) in asked {
        deck.event(Event::Sifted(id, Vec::new(), true));
    }
    answer(&mut deck);
    assert_eq!(deck.gists().last().map(String::as_str), Some("500"));
}

#[test]
fn rows_that_are_done_stay_done_however_many_came_before_them() {
    let mut deck = plant();
    deck.press("|").type_text(".n").press("enter");
    answer(&mut deck);
    for round in 0..300 {
        deck.receive(5, "plant/flood")
            .wait(Duration::from_millis(20));
        let gists = deck.gists();
        let done = &gists[..gists.len() - 5];
        assert!(
            done.iter().all(|gist| gist != "filtering…"),
            "round {round}: {gists:?}"
        );
        answer(&mut deck);
    }
}

#[test]
fn a_secret_is_not_given_to_a_program() {
    use thingdeck::domain::reading::Reading;
    use thingdeck::domain::session::SessionEvent;
    let mut deck = plant();
    let message = thingdeck::domain::message::Message {
        at: deck.at.wall,
        direction: thingdeck::domain::message::Direction::In,
        topic: thingdeck::domain::topic::Topic::received("plant/claim"),
        payload: bytes::Bytes::from_static(b"{\"privateKey\":\"hush\"}"),
        qos: thingdeck::domain::message::Qos::AtMostOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    };
    let reading = Reading {
        mask: vec!["privateKey"],
        ..Reading::default()
    };
    let event = SessionEvent::Message(Box::new(message), reading);
    deck.event(Event::Session(deck.session, event));
    deck.press("|").type_text(".");
    deck.press("G").press("enter").press("enter");
    for (_, rows) in questions(&mut deck) {
        assert!(
            rows.iter().all(|row| row.topic != "plant/claim"),
            "{rows:?}"
        );
    }
}
