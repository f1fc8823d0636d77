//! `g` in the inspector: numbers over time, from what is kept and as it comes.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::Event;
use thingdeck::app::screen::PaneId;
use thingdeck::app::sieve::Sifted;
use thingdeck::domain::session::{Gap, SessionEvent};

use crate::deck::Deck;
use crate::sieve::{answer, questions};

const SECOND: Duration = Duration::from_secs(1);

/// Ten temperatures, a second apart, and a message of another topic between.
fn weather() -> Deck {
    let mut deck = Deck::broker(&["#"]);
    deck.resize(100, 30);
    for n in 0..10 {
        let payload = format!(
            "{{\"name\":\"roof\",\"air\":{{\"temp\":{}.5,\"wind\":[{n},7]}}}}",
            20 + n
        );
        deck.receive_bytes("weather/roof", payload.as_bytes())
            .receive_bytes("weather/cellar", b"{\"air\":{\"temp\":1000}}")
            .wait(SECOND);
    }
    deck
}

/// The cursor of the inspector on the line with this text.
fn point_at(deck: &mut Deck, text: &str) {
    deck.press("home");
    for _ in 0..60 {
        let shown = deck.pane(PaneId::Inspector);
        if let thingdeck::app::screen::Body::Document {
            lines,
            selected: Some(n),
        } = shown.body
            && crate::deck::plain(&lines[n]).contains(text)
        {
            return;
        }
        deck.press("down");
    }
    panic!("no line with {text}\n{}", deck.inspector());
}

fn open(deck: &mut Deck, text: &str) {
    deck.press("3 end up enter");
    point_at(deck, text);
    deck.press("g").wait(Duration::from_millis(200));
}

#[test]
fn a_number_is_plotted_from_what_is_kept_and_as_it_comes() {
    let mut deck = weather();
    open(&mut deck, "\"temp\"");
    let shown = deck.overlay();
    for text in [
        "weather/roof .air.temp",
        "min 20.5",
        "max 29.5",
        "mean 25",
        "last 29.5",
        "of 10",
    ] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
    let before = deck.app.revision();
    deck.receive_bytes("weather/roof", b"{\"air\":{\"temp\":40}}")
        .wait(Duration::from_millis(200));
    assert!(deck.app.revision() > before);
    let shown = deck.overlay();
    for text in ["max 40", "last 40", "of 11"] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
    deck.press("esc");
    assert_eq!(deck.overlay(), "");
    assert_eq!(deck.focus(), PaneId::Inspector);
}

#[test]
fn g_on_anything_else_goes_to_the_first_line_and_so_does_home() {
    let mut deck = weather();
    deck.press("3 end up enter");
    let first = deck.inspector();
    point_at(&mut deck, "\"name\"");
    deck.press("g");
    assert_eq!(deck.overlay(), "");
    deck.press("end home");
    assert_eq!(deck.overlay(), "");
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&deck.inspector()), lines(&first));
    deck.press("?");
    let help = deck.overlay();
    assert!(help.contains("plot the number under the cursor"), "{help}");
}

#[test]
fn four_fields_share_the_time_and_the_fifth_is_refused() {
    let mut deck = weather();
    for _ in 0..3 {
        deck.receive_bytes("many", b"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}")
            .wait(SECOND);
    }
    for name in ["\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\""] {
        deck.press("3 end enter");
        point_at(&mut deck, name);
        deck.press("g").wait(Duration::from_millis(200));
        if name != "\"e\"" {
            deck.press("esc");
        }
    }
    assert!(
        deck.notice().contains("4 fields are plotted already"),
        "{}",
        deck.notice()
    );
    let shown = deck.overlay();
    for text in ["A many .a", "B many .b", "C many .c", "D many .d"] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
    deck.press("x x");
    assert!(!deck.overlay().contains("C many .c"), "{}", deck.overlay());
    deck.press("x x");
    assert_eq!(deck.overlay(), "");
}

#[test]
fn the_values_go_to_a_file_and_to_the_clipboard() {
    let mut deck = weather();
    open(&mut deck, "\"temp\"");
    deck.asked();
    deck.press("c y");
    let effects = deck.asked();
    let Some(Effect::Export { ending, text, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    assert_eq!(*ending, "csv");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 11, "{text}");
    assert_eq!(lines[0], "time,source,path,value");
    assert!(lines[1].ends_with(",weather/roof,.air.temp,20.5"), "{text}");
    let copied = effects
        .iter()
        .any(|e| matches!(e, Effect::Copy(_, copied) if copied == text));
    assert!(copied, "{effects:?}");
}

#[test]
fn what_was_dropped_is_marked_and_not_drawn_across() {
    let mut deck = weather();
    let gap = Gap {
        messages: 5,
        bytes: 100,
    };
    deck.event(Event::Session(deck.session, SessionEvent::Gap(gap)));
    deck.wait(SECOND * 10);
    deck.receive_bytes("weather/roof", b"{\"air\":{\"temp\":21}}");
    deck.press("3 end enter");
    point_at(&mut deck, "\"temp\"");
    deck.press("g").wait(Duration::from_millis(200));
    let shown = deck.overlay();
    assert!(shown.contains("1 gap (nothing is drawn across)"), "{shown}");
    assert!(shown.contains(':'), "{shown}");
    deck.asked();
    deck.press("c");
    let effects = deck.asked();
    let Some(Effect::Export { text, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    assert!(text.contains("(messages are missing here),,"), "{text}");
}

#[test]
fn a_plot_at_rest_asks_for_no_timer() {
    let mut deck = weather();
    open(&mut deck, "\"temp\"");
    deck.wait(Duration::from_secs(200));
    let revision = deck.app.revision();
    deck.wait(Duration::from_secs(20));
    // What is left moves the ages of the topics.
    assert!(deck.app.revision() <= revision + 1);
}

#[test]
fn a_device_is_plotted_by_its_own_messages_only() {
    use thingdeck::domain::reading::Kind;
    let mut deck = Deck::connected();
    deck.resize(120, 40);
    for n in 0..5 {
        deck.receive_from("d-air", Kind::Event, &format!("{{\"t\":{n}}}"))
            .receive_from("d-hood", Kind::Event, "{\"t\":100}")
            .wait(SECOND);
    }
    open(&mut deck, "\"t\"");
    let shown = deck.overlay();
    for text in ["거실 에어컨 .t", "max 4", "of 5"] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
}

#[test]
fn the_time_that_is_seen_can_be_made_shorter() {
    let mut deck = weather();
    deck.wait(SECOND * 120);
    deck.receive_bytes("weather/roof", b"{\"air\":{\"temp\":21}}")
        .receive_bytes("x", b"1");
    open(&mut deck, "\"temp\"");
    assert!(deck.overlay().contains("of 11"), "{}", deck.overlay());
    deck.press("w w w");
    let shown = deck.overlay();
    assert!(
        shown.contains("the last minute") && shown.contains("of 1"),
        "{shown}"
    );
}

#[test]
fn a_number_that_a_jq_program_makes_is_plotted_through_the_program() {
    let mut deck = weather();
    deck.press("3 |").type_text(".air.temp * 2").press("enter");
    answer(&mut deck);
    deck.press("end up enter");
    answer(&mut deck);
    point_at(&mut deck, "59");
    deck.press("g").wait(Duration::from_millis(200));
    answer(&mut deck);
    let shown = deck.overlay();
    for text in ["weather/roof .air.temp * 2", "min 41", "max 59", "of 10"] {
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    }
    deck.receive_bytes("weather/roof", b"{\"air\":{\"temp\":40}}")
        .wait(Duration::from_millis(200));
    answer(&mut deck);
    let shown = deck.overlay();
    assert!(
        shown.contains("last 80") && shown.contains("of 11"),
        "{shown}"
    );
    deck.asked();
    deck.press("c");
    let effects = deck.asked();
    let Some(Effect::Export { text, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    assert!(text.contains(",weather/roof,.air.temp * 2,41"), "{text}");
}

#[test]
fn a_program_that_is_cut_off_is_asked_no_more_by_the_plot() {
    let mut deck = weather();
    deck.press("3 |").type_text(".air.temp").press("enter");
    answer(&mut deck);
    deck.press("end up enter");
    answer(&mut deck);
    point_at(&mut deck, "29.5");
    deck.asked();
    deck.press("g").wait(Duration::from_millis(200));
    for (id, rows) in questions(&mut deck) {
        let why = Sifted::Stopped("cut off: not done after 1 s".to_owned());
        assert!(!rows.is_empty());
        deck.event(Event::Sifted(id, vec![(0, why)], true));
    }
    assert!(deck.notice().contains("cut off"), "{}", deck.notice());
    deck.receive_bytes("weather/roof", b"{\"air\":{\"temp\":40}}")
        .wait(Duration::from_secs(1));
    let asked = questions(&mut deck);
    assert!(
        asked.iter().all(|(_, rows)| rows.len() == 1),
        "only the window: {asked:?}"
    );
}
