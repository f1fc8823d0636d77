//! The inspector: views, what changed, folding, steps in time, decoders and their pins, large payloads.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Outcome};
use thingdeck::app::screen::{Body, PaneId, Role};
use thingdeck::domain::decode::{Chain, Pins, Step};
use thingdeck::domain::message::{Message, Properties};
use thingdeck::domain::profile::Version;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::topic::TopicFilter;

use crate::composer::lab;
use crate::composer_more::message;
use crate::deck::{Deck, batch, plain, profile, setup};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// `{"temp": 21.5}` in CBOR.
const CBOR: &[u8] = b"\xa1\x64temp\xf9\x4d\x60";

fn shows(deck: &Deck, wanted: &[&str]) {
    let shown = deck.inspector();
    for text in wanted {
        assert!(shown.contains(text), "{text:?} is not in\n{shown}");
    }
}

/// The roles of the span that holds `text`.
fn role(deck: &Deck, text: &str) -> Role {
    let Body::Document { lines, .. } = deck.pane(PaneId::Inspector).body else {
        unreachable!("a message is open");
    };
    let spans = lines.into_iter().flatten();
    let found = spans.into_iter().find(|s| s.text.as_str() == text);
    found.map_or(Role::Normal, |s| s.role)
}

fn selected_line(deck: &Deck) -> String {
    match deck.pane(PaneId::Inspector).body {
        Body::Document {
            lines,
            selected: Some(n),
        } => plain(&lines[n]).trim().to_owned(),
        _ => String::new(),
    }
}

#[test]
fn what_changed_since_the_message_before_is_marked_with_its_difference() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("t", br#"{"temp":21,"mode":"COOL","same":1,"old":true}"#)
        .receive_bytes("other", b"{\"temp\":99}")
        .receive_bytes(
            "t",
            br#"{"temp":21.5,"mode":"HEAT","same":1,"fan":{"speed":2}}"#,
        )
        .press("3 enter");
    shows(
        &deck,
        &[
            "\"temp\": 21.5 (+0.5),",
            "\"mode\": \"HEAT\" (was \"COOL\"),",
            "\"same\": 1,",
            "\"fan\": { (new)",
            "2 changed, 1 new, 1 gone since 20:40:00.000",
        ],
    );
    assert_eq!(role(&deck, "21.5"), Role::Changed);
    assert_eq!(role(&deck, "1"), Role::Number);
    deck.press("=");
    assert!(!deck.inspector().contains("(+0.5)"), "{}", deck.inspector());
    deck.press("= v v v v");
    assert_eq!(deck.note(PaneId::Inspector), "changes · .temp");
    shows(
        &deck,
        &[
            ".temp",
            "21 -> 21.5 (+0.5)",
            "\"COOL\" -> \"HEAT\"",
            "new: {\"speed\":2}",
            "gone, was true",
        ],
    );
}

#[test]
fn a_device_is_compared_with_itself_though_all_send_to_one_topic() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_from("d-air", Kind::Event, "{\"t\":1}")
        .receive_from("d-dryer", Kind::Event, "{\"t\":50}")
        .receive_from("d-air", Kind::Event, "{\"t\":3}")
        .press("3 enter");
    shows(&deck, &["\"t\": 3 (+2)"]);
}

#[test]
fn the_brackets_go_through_one_topics_messages_in_time() {
    let mut deck = Deck::sized(160, 50);
    for n in 0..4 {
        deck.receive_bytes("a", format!("{{\"n\":{n}}}").as_bytes())
            .receive_bytes("b", b"{\"x\":0}");
    }
    deck.press("3 k enter [");
    shows(&deck, &["\"n\": 2"]);
    deck.press("[ [");
    shows(&deck, &["\"n\": 0"]);
    assert_eq!(deck.selected_gist(), "{\"n\":0}", "the stream goes along");
    deck.press("[");
    assert_eq!(deck.notice(), "no earlier message of this topic is kept");
    deck.press("]");
    shows(&deck, &["\"n\": 1 (+1)"]);
    deck.press("3 ]");
    assert_eq!(deck.selected_gist(), "{\"n\":2}", "also in the stream");
}

#[test]
fn the_brackets_go_on_from_step_to_step_also_where_the_stream_is_grouped() {
    let mut deck = Deck::sized(160, 50);
    for n in 0..4 {
        deck.receive_bytes("a", format!("{{\"n\":{n}}}").as_bytes());
    }
    deck.press("3 t G [ [");
    shows(&deck, &["\"n\": 1"]);
    deck.press("]");
    shows(&deck, &["\"n\": 2"]);
}

#[test]
fn a_message_that_is_far_off_is_found_and_compared_with() {
    let others = [("b", "{\"x\":0}", false); 100];
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("a", b"{\"n\":1}");
    for _ in 0..1200 {
        let event = Event::Session(deck.session, batch(&others));
        deck.event(event);
    }
    deck.receive_bytes("a", b"{\"n\":3}")
        .press("3 home enter ]");
    shows(&deck, &["\"n\": 3 (+2)"]);
    deck.press("[");
    shows(&deck, &["\"n\": 1"]);
}

/// One press looks at so many topics and messages. The next one goes on where it ended and skips none.
#[test]
fn among_topics_without_end_a_press_says_how_far_it_came_and_the_next_goes_on() {
    let mut setup = setup();
    setup.memory_limit = 256 << 20;
    let mut deck = Deck::new(setup);
    deck.connect().resize(160, 50);
    deck.receive_bytes("a", b"{\"n\":1}");
    for n in 0..1300 {
        let topics: Vec<_> = (0..100).map(|i| format!("b/{n}/{i}")).collect();
        let others: Vec<_> = topics.iter().map(|topic| (&**topic, "0", false)).collect();
        deck.event(Event::Session(deck.session, batch(&others)));
    }
    deck.receive_bytes("a", b"{\"n\":3}").press("3 home enter");
    for (key, wanted) in [("]", "\"n\": 3"), ("[", "\"n\": 1")] {
        deck.press(key);
        let notice = deck.notice();
        assert!(notice.contains("none of this topic among "), "{notice}");
        assert!(
            notice.ends_with(&format!("{key} looks further")),
            "{notice}"
        );
        deck.press(key);
        shows(&deck, &[wanted]);
    }
}

#[test]
fn the_cursor_stays_on_its_field_from_message_to_message() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("t", b"{\"a\":1,\"b\":{\"c\":2}}")
        .receive_bytes("t", b"{\"new\":0,\"a\":1,\"b\":{\"c\":5}}")
        .press("3 enter [ j j j");
    assert_eq!(selected_line(&deck), "\"c\": 2");
    deck.press("]");
    assert_eq!(selected_line(&deck), "\"c\": 5 (+3)");
    assert_eq!(deck.note(PaneId::Inspector), "pretty · .b.c");
}

#[test]
fn values_fold_and_stay_folded_in_the_next_message() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("t", br#"{"a":{"x":1,"y":[1,2]},"b":1}"#)
        .receive_bytes("t", br#"{"a":{"x":2,"y":[3]},"b":1}"#)
        .press("3 enter j enter");
    shows(&deck, &["\"a\": { … 2 },"]);
    assert!(!deck.inspector().contains("\"x\""), "{}", deck.inspector());
    deck.press("[");
    shows(&deck, &["\"a\": { … 2 },"]);
    deck.press("enter");
    shows(&deck, &["\"x\": 1,"]);
    deck.press("-");
    assert!(!deck.inspector().contains("\"x\""), "{}", deck.inspector());
    deck.press("-");
    shows(&deck, &["\"y\": ["]);
}

#[test]
fn the_tree_has_paths_to_copy() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("t", br#"{"report":{"odd key":[true,{"n":1e400}]}}"#)
        .press("3 enter v v v G");
    assert_eq!(selected_line(&deck), "n 1e400");
    deck.asked();
    deck.press("p");
    let asked = deck.asked();
    assert!(
        matches!(&asked[..], [Effect::Copy(_, path)] if path == ".report[\"odd key\"][1].n"),
        "{asked:?}"
    );
}

#[test]
fn the_tree_shows_what_escaped_letters_say_and_the_pretty_view_how_they_stand() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes(
        "a",
        br#"{"\uc774\ub984":"\uac70\uc2e4 \u001b[31m \"x\"","half":"\ud800"}"#,
    )
    .press("3 enter");
    shows(
        &deck,
        &[r#""\uc774\ub984": "\uac70\uc2e4 \u001b[31m \"x\"""#],
    );
    deck.press("v v v");
    shows(
        &deck,
        &[r#"이름 "거실 \u001b[31m \"x\"""#, r#"half "\ud800""#],
    );
}

#[test]
fn two_marked_messages_are_compared() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("a", b"{\"t\":10}")
        .receive_bytes("b", b"{\"t\":7}")
        .receive_bytes("b", b"{\"t\":8}")
        .press("3 g d");
    assert!(
        deck.notice().starts_with("marked 20:40:00.000"),
        "{}",
        deck.notice()
    );
    deck.press("G k d");
    assert_eq!(deck.focus(), PaneId::Inspector);
    shows(&deck, &["\"t\": 7 (-3)", "against 20:40:00.000 (marked)"]);
    deck.press("3 g d");
    assert_eq!(deck.notice(), "compared with the message before again");
    deck.press("G enter");
    shows(&deck, &["\"t\": 8 (+1)"]);
}

#[test]
fn a_packed_payload_is_decoded_and_says_how_and_how_sure() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("t", &gzip(CBOR)).press("3 enter");
    shows(&deck, &["\"temp\": 21.5", "gzip > cbor, "]);
    deck.press("v v v v v");
    assert_eq!(deck.note(PaneId::Inspector), "decoded");
    shows(
        &deck,
        &["gzip  ", "cbor  9 bytes", "% sure", "\"temp\": 21.5"],
    );
}

#[test]
fn a_wrong_guess_is_pinned_off_and_stays_off() {
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("plant/x", &gzip(CBOR))
        .press("3 enter o");
    let offered = deck.overlay();
    assert!(offered.contains("> gzip > cbor | 85 % sure"), "{offered}");
    deck.press("/").type_text("binary").press("enter");
    shows(&deck, &["1f 8b 08", "binary, pinned"]);
    let asked = deck.asked();
    let Some(Effect::SavePin { id, topic, chain }) = asked.last() else {
        unreachable!("{asked:?}");
    };
    assert_eq!((topic.as_str(), chain.as_str()), ("plant/x", "binary"));
    let path = "config.toml".to_owned();
    deck.done(*id, Ok(Outcome::Written { path }));
    assert_eq!(deck.notice(), "written: config.toml");
    deck.receive_bytes("plant/x", &gzip(CBOR)).press("]");
    shows(&deck, &["binary, pinned"]);
    deck.receive_bytes("plant/y", &gzip(CBOR))
        .press("3 G enter");
    shows(&deck, &["gzip > cbor, "]);
}

#[test]
fn in_the_simulated_home_a_pin_is_for_this_run_and_nothing_is_written() {
    let mut setup = setup();
    setup.profiles = vec![profile("simulated")];
    setup.profiles[0].simulated = true;
    setup.open = "simulated".to_owned();
    let mut deck = Deck::new(setup);
    deck.receive_bytes("t", CBOR).press("3 enter").asked();
    deck.press("o /").type_text("text").press("enter");
    assert_eq!(deck.asked(), []);
    assert_eq!(deck.notice(), "t is decoded as text until you quit");
    shows(&deck, &["text, pinned"]);
}

#[test]
fn a_pin_of_the_config_is_obeyed() {
    let mut setup = setup();
    let mut pins = Pins::default();
    let filter = TopicFilter::parse("plant/#").expect("a filter");
    pins.set(filter, Chain(vec![Step::Gzip, Step::Cbor]));
    setup.pins = pins;
    let mut deck = Deck::new(setup);
    deck.receive_bytes("plant/1", &gzip(CBOR)).press("3 enter");
    shows(&deck, &["gzip > cbor, pinned"]);
    deck.receive_bytes("plant/2", b"plain").press("3 G enter");
    shows(&deck, &["gzip: ", "plain"]);
}

#[test]
fn a_large_payload_is_decoded_beside_the_screen_and_the_rest_goes_on() {
    let mut deck = Deck::sized(160, 50);
    let many: Vec<String> = (0..60_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    let large = format!("[{}]", many.join(","));
    assert!(large.len() > 500_000);
    deck.receive_bytes("large", large.as_bytes())
        .receive_bytes("small", b"{\"a\":1}")
        .asked();
    deck.press("3 k enter");
    let asked = deck.asked();
    let [Effect::Decode(id, job)] = asked.as_slice() else {
        unreachable!("{} effects", asked.len());
    };
    shows(&deck, &["decoding…"]);
    // A decoder that takes its time: another message is opened at once, the stream flows.
    deck.receive(5, "t").press("3 G enter");
    shows(&deck, &["\"n\": 5"]);
    assert_eq!(deck.asked(), [Effect::Abort(*id)]);
    // Its answer, now that nobody waits for it, changes nothing.
    let ready = Box::new(job.run());
    deck.event(Event::Decoded(*id, ready.clone()));
    shows(&deck, &["\"n\": 5"]);
    deck.press("3 g enter");
    let asked = deck.asked();
    let Some(Effect::Decode(id, _)) = asked.last() else {
        unreachable!("{asked:?}");
    };
    deck.event(Event::Decoded(*id, ready));
    shows(&deck, &["\"n\": 0"]);
    assert!(
        !deck.inspector().contains("decoding"),
        "{}",
        deck.inspector()
    );
    let scroll = deck.pane(PaneId::Inspector).scroll;
    assert!(scroll.total > 180_000, "{scroll:?}");
    deck.press("G");
    shows(&deck, &["\"n\": 59999", "]"]);
}

#[test]
fn a_bomb_goes_beside_the_screen_though_it_is_small() {
    let mut deck = Deck::sized(160, 50);
    let bomb = gzip(&vec![b' '; 2 << 20]);
    assert!(bomb.len() < 16 * 1024);
    deck.receive_bytes("t", &bomb).asked();
    deck.press("3 enter");
    assert!(matches!(deck.asked().as_slice(), [Effect::Decode(..)]));
}

#[test]
fn a_picture_is_drawn_and_fits() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 40, 20);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("memory");
    let pixels: Vec<u8> = (0..800).flat_map(|_| [255, 128, 0]).collect();
    writer.write_image_data(&pixels).expect("memory");
    writer.finish().expect("memory");
    let mut deck = Deck::sized(160, 50);
    deck.receive_bytes("cam", &bytes).press("3 enter z");
    shows(&deck, &["PNG picture, 40 x 20", "▀▀▀▀"]);
    let colour = Role::Pixels {
        top: [255, 128, 0],
        bottom: [255, 128, 0],
    };
    assert_eq!(role(&deck, "▀"), colour);
}

#[test]
fn the_search_finds_what_is_far_below() {
    let mut deck = Deck::sized(160, 50);
    let many: Vec<_> = (0..500).map(|n| format!("\"key{n}\":{n}")).collect();
    deck.receive_bytes("t", format!("{{{}}}", many.join(",")).as_bytes())
        .press("3 enter /")
        .type_text("key45")
        .press("enter");
    assert_eq!(selected_line(&deck), "\"key45\": 45,");
    deck.press("n");
    assert_eq!(selected_line(&deck), "\"key450\": 450,");
    deck.press("N");
    assert_eq!(selected_line(&deck), "\"key45\": 45,");
    deck.wait(Duration::from_secs(1));
}

#[test]
fn zoom_keeps_the_place() {
    let mut deck = Deck::sized(160, 50);
    let many: Vec<_> = (0..300).map(|n| format!("\"key{n}\":{n}")).collect();
    deck.receive_bytes("t", format!("{{{}}}", many.join(",")).as_bytes())
        .press("3 enter /")
        .type_text("key200")
        .press("enter z");
    assert_eq!(selected_line(&deck), "\"key200\": 200,");
    deck.press("v v z");
    let raw = deck.pane(PaneId::Inspector).scroll;
    deck.press("G");
    let end = deck.pane(PaneId::Inspector).scroll;
    assert!(end.offset > raw.offset, "{raw:?} {end:?}");
    deck.press("z z");
    assert!(
        deck.pane(PaneId::Inspector).scroll.offset > 0,
        "not thrown back to the top"
    );
}

/// A message of MQTT 5 with everything that a sender can add, out of a kept session.
fn with_properties(deck: &Deck) -> Message {
    Message {
        properties: Some(Box::new(Properties {
            utf8: Some(true),
            expiry: Some(60),
            content_type: Some("application/json".to_owned()),
            response_topic: Some("answers/\u{1b}[2J".to_owned()),
            correlation_data: Some(Bytes::from_static(b"\x00\xff")),
            user: vec![("site".to_owned(), "hall 3".to_owned())],
            subscription_ids: vec![7],
        })),
        session: true,
        ..message(deck, "plant/x", "{}")
    }
}

#[test]
fn what_mqtt_5_adds_is_shown_copied_and_opened_in_the_composer() {
    let mut deck = lab(Version::V5);
    let message = with_properties(&deck);
    deck.hears(message).press("3 enter");
    shows(
        &deck,
        &[
            "from the kept session",
            "content type  application/json",
            "response topic  answers/\\e[2J",
            "correlation  00ff",
            "expiry  60 s",
            "user  site = hall 3",
            "subscription  7",
        ],
    );
    deck.asked();
    deck.press("Y");
    let asked = deck.asked();
    let [Effect::Copy(_, line)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    for part in [
        "\"session\":true",
        "\"properties\":{",
        "application/json",
        "hall 3",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    deck.press("C");
    let composer = deck.composer();
    assert!(!composer.contains("Properties: none"), "{composer}");
    assert!(composer.contains("Topic: plant/x"), "{composer}");
}

#[test]
fn a_long_property_does_not_fill_the_inspector() {
    let mut deck = lab(Version::V5);
    let mut message = with_properties(&deck);
    if let Some(properties) = &mut message.properties {
        properties.user = vec![("k".to_owned(), "v".repeat(60_000)); 500];
    }
    deck.hears(message).press("3 enter G");
    let shown = deck.inspector();
    assert!(shown.contains("{}"), "the payload is near\n{shown}");
}

#[test]
fn c_opens_the_message_that_the_inspector_shows_not_the_streams() {
    let mut deck = lab(Version::V311);
    for (topic, payload) in [("a", "one"), ("b", "two"), ("a", "three")] {
        let message = message(&deck, topic, payload);
        deck.hears(message);
    }
    deck.press("3 /").type_text("three").press("enter enter [");
    shows(&deck, &["one"]);
    deck.press("C");
    assert!(deck.composer().contains("1 one"), "{}", deck.composer());
}
