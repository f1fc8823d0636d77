//! The shadow view: what is desired, reported and different; tabs; edits, refusals and conflicts.

use std::sync::Arc;
use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::Outcome;
use thingdeck::app::screen::Presence;
use thingdeck::base::problem::Problem;
use thingdeck::domain::device::{DeviceId, Presence as Known};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::shadow::{
    ShadowChange, ShadowKey, ShadowNews, ShadowReply, ShadowRequest, read,
};
use thingdeck::domain::subscription::{Feed, FeedState};

use crate::deck::Deck;

const TWELVE: &str = r#"{"state":{"desired":{"t":24.50,"led":{"r":255,"g":0}},"reported":{"t":22,"led":{"r":255,"g":0},"연결":true},"delta":{"t":24.50}},
    "metadata":{"desired":{"t":{"timestamp":1763671190}},"reported":{"t":{"timestamp":1763671180}}},"version":12,"timestamp":1763671195}"#;

fn key(name: Option<&str>) -> ShadowKey {
    ShadowKey {
        thing: DeviceId::new("RPI"),
        name: name.map(str::to_owned),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what the deck answers with")]
fn document(text: &str) -> Result<Reply, Problem> {
    Ok(Reply::Shadow(ShadowReply::Document {
        raw: Arc::from(text),
        shadow: read::document(text).expect("a document"),
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what the deck answers with")]
fn accepted(text: &str) -> Result<Reply, Problem> {
    Ok(Reply::Shadow(ShadowReply::Accepted {
        raw: Arc::from(text),
        shadow: read::document(text).expect("a document"),
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what the deck answers with")]
fn refused(code: u16, message: &str) -> Result<Reply, Problem> {
    Ok(Reply::Shadow(ShadowReply::Refused {
        code,
        message: message.to_owned(),
    }))
}

fn news(name: Option<&str>, change: ShadowChange) -> Fact {
    Fact::Shadow(Box::new(ShadowNews {
        key: key(name),
        change,
    }))
}

fn patch(text: &str) -> ShadowChange {
    ShadowChange::Patch(read::document(text).expect("a document"))
}

fn shadow_requests(deck: &mut Deck) -> Vec<ShadowRequest> {
    let requests = deck.requests().into_iter();
    requests
        .filter_map(|request| match request {
            Request::Shadow(what) => Some(what),
            _ => None,
        })
        .collect()
}

/// The view is open on RPI, whose shadow is at version 12; its named shadows could not be listed.
fn viewed() -> Deck {
    let mut deck = Deck::fleet();
    deck.press("s");
    assert_eq!(
        shadow_requests(&mut deck),
        [
            ShadowRequest::Get(key(None)),
            ShadowRequest::Names(DeviceId::new("RPI"))
        ]
    );
    deck.answer(document(TWELVE));
    deck.answer(Err(Problem::new("not listed", "no credentials", "")));
    deck
}

fn shows(deck: &Deck, parts: &[&str]) {
    let shown = deck.overlay();
    for part in parts {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
}

#[expect(clippy::panic, reason = "another request is a failed test")]
fn update(deck: &mut Deck) -> (String, Option<u64>) {
    match shadow_requests(deck).as_slice() {
        [ShadowRequest::Update { state, version, .. }] => (state.clone(), *version),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s_shows_desired_reported_and_delta_side_by_side() {
    let mut deck = Deck::fleet();
    deck.press("s");
    shows(
        &deck,
        &["Shadow of RPI", "[classic]", "asking for the shadow …"],
    );
    deck.answer(document(TWELVE));
    shows(
        &deck,
        &[
            "version 12  20:39:55",
            "≠ not as desired",
            "desired",
            "reported",
            "delta",
            "≠ t",
            "24.50",
            "22",
            "→ 24.50",
            "  led",
            "    g",
            "연결",
            "20:39:50",
            "not followed: p subscribes",
        ],
    );
}

#[test]
fn a_thing_without_a_shadow_says_so_and_an_edit_makes_one() {
    let mut deck = Deck::fleet();
    deck.press("s");
    deck.answer(refused(404, "No shadow exists with name: 'RPI'"));
    shows(&deck, &["no shadow yet", "e writes what is desired"]);
    deck.effects.clear();
    deck.press("E");
    shows(&deck, &["Edit reported of RPI", "there is no shadow yet"]);
    deck.type_text("\"on\": true").press("ctrl-s");
    assert_eq!(
        update(&mut deck),
        (r#"{"reported":{"on":true}}"#.to_owned(), None)
    );
    deck.answer_for("RPI", Ok(Reply::Shadow(ShadowReply::Names(Vec::new()))));
    deck.answer(accepted(
        r#"{"state":{"reported":{"on":true}},"version":1}"#,
    ));
    shows(&deck, &["version 1", "on", "true", "nothing is desired"]);
}

#[test]
fn what_could_not_be_had_says_why_and_what_to_do() {
    let mut deck = Deck::fleet();
    deck.press("s");
    deck.answer(refused(403, "Forbidden"));
    shows(
        &deck,
        &[
            "AWS answered 403: Forbidden",
            "iot:GetThingShadow on thing/RPI",
        ],
    );
    deck.press("r");
    deck.answer(Err(Problem::new("names", "", "")));
    deck.answer(document(TWELVE));
    shows(&deck, &["version 12"]);
    assert!(!deck.overlay().contains("403"));
}

#[test]
fn what_is_heard_is_shown_at_once() {
    let mut deck = viewed();
    deck.fact(news(
        None,
        patch(r#"{"state":{"reported":{"t":24.50,"led":{"g":null}}},"version":13,"timestamp":1763671200}"#),
    ));
    shows(&deck, &["version 13  20:40:00", "≠   g"]);
    deck.fact(news(None, ShadowChange::Deleted { version: Some(13) }));
    shows(&deck, &["no shadow yet", "deleted at version 13"]);
}

#[test]
fn what_was_missed_is_asked_for_unless_it_comes_by_itself() {
    let mut deck = viewed();
    deck.effects.clear();
    let later = r#"{"state":{"reported":{"t":23}},"version":15}"#;
    deck.fact(news(None, patch(later)));
    deck.wait(Duration::from_millis(500));
    assert_eq!(shadow_requests(&mut deck), [ShadowRequest::Get(key(None))]);
}

#[test]
fn what_is_said_of_a_thing_does_not_make_it_online() {
    let mut deck = Deck::fleet();
    deck.receive_from("RPI", Kind::Shadow, "{}");
    deck.receive_from("RPI", Kind::Job, "{}");
    // Its last will, perhaps.
    deck.receive_from("RPI", Kind::Message, "{}");
    assert_eq!(deck.device("RPI").presence, Presence::Unknown);
    deck.fact(Fact::Presence {
        device: DeviceId::new("RPI"),
        presence: Known::Online,
    });
    assert_eq!(deck.device("RPI").presence, Presence::Online);
}

#[test]
fn nothing_is_kept_of_shadows_that_nobody_opened() {
    let mut deck = Deck::fleet();
    deck.fact(news(
        None,
        ShadowChange::Whole(read::document(TWELVE).expect("it")),
    ));
    deck.press("s");
    shows(&deck, &["asking for the shadow …"]);
}

#[test]
fn named_shadows_are_tabs() {
    let mut deck = Deck::fleet();
    deck.press("s");
    deck.answer(document(TWELVE));
    let names = vec!["wifi".to_owned(), "config".to_owned()];
    deck.answer(Ok(Reply::Shadow(ShadowReply::Names(names))));
    shows(&deck, &["[classic]   config    wifi"]);
    deck.effects.clear();
    deck.press("tab");
    assert_eq!(
        shadow_requests(&mut deck),
        [ShadowRequest::Get(key(Some("config")))]
    );
    deck.answer(refused(404, "No shadow exists with name: 'config'"));
    shows(&deck, &["[config]", "no shadow config yet"]);
    deck.press("left");
    shows(&deck, &["[classic]", "24.50"]);
    deck.press("backtab");
    shows(&deck, &["[wifi]"]);
}

#[test]
fn a_shadow_that_is_heard_gets_its_tab_and_one_is_opened_by_its_name() {
    let mut deck = viewed();
    deck.fact(news(Some("heard"), patch(r#"{"state":{},"version":1}"#)));
    shows(&deck, &["heard"]);
    deck.effects.clear();
    deck.press("n").type_text("a b").press("enter");
    shows(&deck, &["1 to 64 letters"]);
    deck.press("ctrl-u").type_text("typed").press("enter");
    assert_eq!(
        shadow_requests(&mut deck),
        [ShadowRequest::Get(key(Some("typed")))]
    );
    shows(&deck, &["[typed]"]);
}

#[test]
fn only_what_was_changed_is_sent_with_the_version_it_is_based_on() {
    let mut deck = viewed();
    deck.effects.clear();
    deck.press("e");
    shows(
        &deck,
        &[
            "Edit desired of RPI, classic",
            "based on version 12",
            "\"t\": 24.50,",
            "nothing changed yet",
        ],
    );
    deck.press("backspace backspace backspace backspace backspace backspace");
    deck.type_text("26.0,");
    shows(
        &deck,
        &[r#"sends  {"desired":{"t":26.0}}"#, "of 8,192 bytes"],
    );
    deck.press("ctrl-s");
    assert_eq!(
        update(&mut deck),
        (r#"{"desired":{"t":26.0}}"#.to_owned(), Some(12))
    );
    shows(&deck, &["waits for the answer"]);
    deck.answer(accepted(
        r#"{"state":{"desired":{"t":26.0}},"version":13,"timestamp":1763671201}"#,
    ));
    shows(&deck, &["version 13", "26.0", "→ 26.0"]);
    assert!(
        deck.notice().contains("desired accepted, version 13"),
        "{}",
        deck.notice()
    );
}

#[test]
fn a_field_that_is_taken_out_is_sent_as_null_and_an_emptied_text_takes_the_section() {
    let mut deck = viewed();
    deck.press("e");
    deck.press("ctrl-a ctrl-k ctrl-k");
    shows(&deck, &[r#"sends  {"desired":{"t":null}}"#]);
    for _ in 0..12 {
        deck.press("ctrl-k");
    }
    deck.press("backspace backspace backspace");
    shows(&deck, &[r#"sends  {"desired":null}"#]);
}

#[test]
fn broken_json_is_not_sent_and_its_line_is_named() {
    let mut deck = viewed();
    deck.press("e");
    deck.effects.clear();
    deck.type_text(",,").press("ctrl-s");
    shows(&deck, &["! ", "line 2"]);
    assert_eq!(shadow_requests(&mut deck), []);
    deck.press("ctrl-_");
    deck.press("ctrl-s");
    assert!(
        deck.notice().contains("nothing is changed"),
        "{}",
        deck.notice()
    );
}

#[test]
fn a_document_that_would_be_too_long_is_not_sent() {
    let mut deck = viewed();
    deck.press("e");
    deck.effects.clear();
    deck.paste(&format!("\"x\": \"{}\",", "0".repeat(9000)));
    shows(&deck, &["the document will have 9,"]);
    deck.press("ctrl-s");
    shows(&deck, &["413"]);
    assert_eq!(shadow_requests(&mut deck), []);
}

#[test]
fn a_refusal_says_code_words_and_remedy_and_keeps_what_was_typed() {
    let mut deck = viewed();
    deck.press("e").type_text("\"new\": 1,").press("ctrl-s");
    deck.answer(refused(413, "The payload exceeds the maximum size allowed"));
    shows(
        &deck,
        &[
            "AWS answered 413",
            "bytes and 8192 are allowed",
            "\"new\": 1,",
            "Ctrl-S send",
        ],
    );
    deck.press("esc");
    shows(&deck, &["Leave?", "thrown away"]);
    deck.press("n");
    shows(&deck, &["\"new\": 1,"]);
    deck.press("esc y");
    shows(&deck, &["Shadow of RPI", "version 12"]);
}

const FOURTEEN: &str = r#"{"state":{"desired":{"t":19,"led":{"r":255,"g":7}},"reported":{"t":22}},"version":14,"timestamp":1763671210}"#;

fn conflict() -> Deck {
    let mut deck = viewed();
    deck.press("e");
    deck.press("backspace backspace backspace backspace backspace backspace");
    deck.type_text("26.0,").press("ctrl-s");
    deck.effects.clear();
    deck.answer(refused(409, "Version conflict"));
    shows(&deck, &["409 Version conflict", "asking for their version"]);
    assert_eq!(shadow_requests(&mut deck), [ShadowRequest::Get(key(None))]);
    deck.answer(document(FOURTEEN));
    deck
}

#[test]
fn a_conflict_shows_mine_theirs_and_what_was_before() {
    let deck = conflict();
    shows(
        &deck,
        &[
            "mine is based on version 12, theirs is version 14",
            "before",
            "mine",
            "theirs",
            "e keep editing  s send mine anyway  x drop mine",
        ],
    );
    let shown = deck.overlay();
    let row = |start: &str| {
        shown
            .lines()
            .find(|l| l.starts_with(start))
            .unwrap_or_default()
            .to_owned()
    };
    let words = |text: String| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(row("≠ t")), ["≠", "t", "24.50", "26.0", "19"]);
    assert_eq!(words(row("-   g")), ["-", "g", "0", "0", "7"]);
}

#[test]
fn sending_anyway_sends_only_mine_on_their_version() {
    let mut deck = conflict();
    deck.press("s");
    assert_eq!(
        update(&mut deck),
        (r#"{"desired":{"t":26.0}}"#.to_owned(), Some(14))
    );
    deck.answer(accepted(r#"{"state":{"desired":{"t":26.0}},"version":15}"#));
    shows(&deck, &["version 15", "26.0"]);
}

#[test]
fn a_second_conflict_is_offered_again() {
    let mut deck = conflict();
    deck.press("s");
    deck.effects.clear();
    deck.answer(refused(409, "Version conflict"));
    shows(&deck, &["asking for their version"]);
    deck.answer(document(&FOURTEEN.replace("14", "16").replace("19", "18")));
    shows(
        &deck,
        &["based on version 14, theirs is version 16", "18", "26.0"],
    );
}

#[test]
fn editing_on_starts_from_theirs_with_mine_on_top() {
    let mut deck = conflict();
    deck.press("e");
    shows(
        &deck,
        &[
            "based on version 14",
            "\"t\": 26.0,",
            "\"g\": 7",
            r#"sends  {"desired":{"t":26.0}}"#,
        ],
    );
}

#[test]
fn a_shadow_that_was_deleted_meanwhile_is_made_anew_with_mine() {
    let mut deck = viewed();
    deck.press("e").type_text("\"new\": 1,").press("ctrl-s");
    deck.answer(refused(409, "Version conflict"));
    deck.answer(refused(404, "No shadow exists with name: 'RPI'"));
    shows(&deck, &["theirs is version none"]);
    deck.effects.clear();
    deck.press("s");
    assert_eq!(
        update(&mut deck),
        (r#"{"desired":{"new":1}}"#.to_owned(), None)
    );
}

#[test]
fn my_change_can_be_dropped() {
    let mut deck = conflict();
    deck.press("x");
    shows(&deck, &["version 14", "19"]);
}

#[test]
fn a_version_that_comes_while_one_types_is_said() {
    let mut deck = viewed();
    deck.press("e");
    deck.fact(news(
        None,
        patch(r#"{"state":{"reported":{"t":23}},"version":13}"#),
    ));
    shows(&deck, &["version 13 has come meanwhile"]);
}

#[test]
fn the_editor_of_the_user_brings_the_text() {
    let mut deck = viewed();
    deck.press("e");
    deck.effects.clear();
    deck.press("ctrl-e");
    let effects = deck.asked();
    let [Effect::Edit { id, text, ending }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(*ending, ".json");
    assert!(text.contains("24.50"));
    let text = text.replace("24.50", "30") + "\n";
    deck.done(*id, Ok(Outcome::Edited { text }));
    shows(&deck, &[r#"sends  {"desired":{"t":30}}"#]);
}

#[test]
fn deleting_asks_first() {
    let mut deck = viewed();
    deck.effects.clear();
    deck.press("d");
    shows(&deck, &["Delete the shadow of RPI?", "version 12"]);
    deck.press("n");
    assert_eq!(shadow_requests(&mut deck), []);
    deck.press("d y");
    assert_eq!(
        shadow_requests(&mut deck),
        [ShadowRequest::Delete(key(None))]
    );
    deck.answer(Ok(Reply::Shadow(ShadowReply::Deleted {
        raw: Arc::from("{\"version\":12}"),
    })));
    shows(&deck, &["no shadow yet"]);
    assert!(deck.notice().contains("deleted"), "{}", deck.notice());
}

#[test]
fn following_is_a_key_away_and_is_said() {
    let mut deck = viewed();
    deck.effects.clear();
    deck.press("p");
    let asked = deck.requests();
    assert!(
        matches!(
            asked.as_slice(),
            [Request::Feed {
                feed: Feed::Push,
                on: true,
                ..
            }]
        ),
        "{asked:?}"
    );
    deck.answer_for("RPI", Ok(Reply::Feed(FeedState::On { until: None })));
    shows(&deck, &["  live"]);
    assert!(!deck.overlay().contains("not followed"));
}

#[test]
fn quitting_from_a_half_written_edit_asks() {
    let mut deck = viewed();
    deck.press("e").type_text("1");
    deck.press("esc n");
    deck.effects.clear();
    deck.press("ctrl-c");
    assert!(deck.quits(), "Ctrl-C always quits");
}

#[test]
fn the_document_is_copied_as_it_is() {
    let mut deck = viewed();
    deck.effects.clear();
    deck.press("y");
    let copied = deck.asked();
    let [Effect::Copy(_, text)] = copied.as_slice() else {
        panic!("{copied:?}");
    };
    assert!(text.starts_with(r#"{"desired":{"t":24.50,"#), "{text}");
}

#[test]
fn it_is_all_there_on_a_small_screen() {
    let mut deck = viewed();
    deck.resize(80, 24);
    shows(&deck, &["≠ t", "24.50", "→ 24.50", "Esc close"]);
    deck.resize(44, 24);
    shows(
        &deck,
        &[
            "≠ t",
            "desired   24.50",
            "reported  22",
            "delta     → 24.50",
            "Esc close",
        ],
    );
    deck.press("e");
    shows(&deck, &["\"t\": 24.50,", "Esc leave"]);
}
