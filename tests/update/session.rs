//! The connection in words, and what comes late.

use std::time::Duration;

use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, TimerId};
use thingdeck::app::screen::{PaneId, Role};
use thingdeck::base::moment::Timestamp;
use thingdeck::base::problem::Problem;
use thingdeck::domain::fact::{Budget, Fact};
use thingdeck::domain::request::{Reply, Request, RequestId};
use thingdeck::domain::session::{
    LinkState, LogLevel, LogLine, LogSource, SessionCommand, SessionEvent, SessionId,
};

use crate::deck::{Deck, body, household, refusal, setup};

fn lost() -> Problem {
    Problem::new("lost the connection", "the broker closed it", "")
}

#[test]
fn the_header_says_where_the_connection_stands() {
    let mut deck = Deck::new(setup());
    assert_eq!(deck.state_words(), "connecting");
    let since = deck.at.wall;
    let host = "127.0.0.1".to_owned();
    let cases = [
        (
            LinkState::SigningIn {
                step: "route".to_owned(),
            },
            "connecting: route",
            Role::Pending,
        ),
        (
            LinkState::Connecting { host, port: 8883 },
            "connecting",
            Role::Pending,
        ),
        (
            LinkState::Connected {
                since,
                session_present: false,
            },
            "connected",
            Role::Good,
        ),
        (
            LinkState::Silent { since },
            "silent: nothing heard since 20:40:00",
            Role::Warn,
        ),
        (
            LinkState::Refused(lost()),
            "refused: the broker closed it",
            Role::Bad,
        ),
    ];
    for (state, said, role) in cases {
        deck.link(state);
        let shown = deck.screen().header.state;
        assert_eq!((shown.text.as_str(), shown.role), (said, role));
    }
}

#[test]
fn the_countdown_to_the_next_try_counts_each_second_once() {
    let mut deck = Deck::connected();
    let at = deck.at.mono.plus(Duration::from_millis(3500));
    deck.link(LinkState::Reconnecting {
        at,
        attempt: 2,
        why: lost(),
    });
    let mut said = vec![deck.state_words()];
    let mut revisions = vec![deck.app.revision()];
    for _ in 0..6 {
        deck.wait(Duration::from_secs(1));
        said.push(deck.state_words());
        revisions.push(deck.app.revision());
    }
    let words: Vec<_> = said
        .iter()
        .map(|s| s.split(':').next().unwrap_or(""))
        .collect();
    assert_eq!(
        words,
        [
            "reconnecting in 4 s",
            "reconnecting in 3 s",
            "reconnecting in 2 s",
            "reconnecting in 1 s",
            "reconnecting",
            "reconnecting",
            "reconnecting"
        ]
    );
    assert_eq!(
        revisions[5], revisions[6],
        "when it has run down nothing moves"
    );
    assert!(deck.timers.is_empty());
}

#[test]
fn without_a_connection_the_list_is_asked_for_once_and_with_one_never() {
    let mut deck = Deck::new(setup());
    deck.asked();
    let at = deck.at.mono.plus(Duration::from_secs(4));
    for attempt in 1..4 {
        deck.link(LinkState::Reconnecting {
            at,
            attempt,
            why: lost(),
        });
    }
    assert_eq!(deck.requests(), [Request::Devices { fresh: false }]);
    deck.answer(Ok(Reply::Devices(household())));
    assert_eq!(deck.devices().len(), 4);
    deck.connect();
    assert_eq!(deck.requests(), [], "the adapter greets by itself");
}

#[test]
fn a_list_that_cannot_be_had_says_why_and_how_to_go_on() {
    let mut deck = Deck::new(setup());
    deck.connect()
        .press("r")
        .answer(Err(refusal("1305", "the token may not do this")));
    let shown = body(&deck.pane(PaneId::Devices).body);
    assert!(
        shown.contains("1305 the token may not do this") && shown.contains("press r"),
        "{shown}"
    );
}

#[test]
fn a_refusal_comes_as_a_box_with_cause_and_remedy_and_goes_when_it_connects() {
    let mut deck = Deck::connected();
    let why = Problem::new(
        "could not connect",
        "the certificate is revoked",
        "renew it",
    );
    deck.link(LinkState::Refused(why));
    let shown = deck.overlay();
    for part in [
        "could not connect",
        "because  the certificate is revoked",
        "try      renew it",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    deck.connect();
    assert_eq!(deck.overlay(), "");
}

#[test]
fn r_connects_at_once_where_it_waits() {
    let mut deck = Deck::connected();
    let at = deck.at.mono.plus(Duration::from_mins(1));
    deck.link(LinkState::Reconnecting {
        at,
        attempt: 9,
        why: lost(),
    })
    .asked();
    deck.press("r");
    assert_eq!(
        deck.asked(),
        [Effect::Session(deck.session, SessionCommand::RetryNow)]
    );
    deck.link(LinkState::Refused(lost()));
    deck.press("r");
    assert_eq!(
        deck.asked(),
        [Effect::Session(deck.session, SessionCommand::RetryNow)]
    );
    assert_eq!(deck.overlay(), "", "the box has served its purpose");
}

#[test]
fn calls_are_counted_and_when_they_rest_it_says_until_when() {
    let mut deck = Deck::connected();
    let calls = |deck: &Deck| deck.screen().header.calls.map(|c| c.text.to_string());
    assert_eq!(calls(&deck), None);
    let mut budget = Budget {
        calls_this_hour: 42,
        resting_until: None,
    };
    deck.fact(Fact::Budget(budget));
    assert_eq!(calls(&deck).as_deref(), Some("42 calls this hour"));
    budget.resting_until = Some(deck.at.wall.plus(Duration::from_mins(10)));
    deck.fact(Fact::Budget(budget));
    assert_eq!(
        calls(&deck).as_deref(),
        Some("calls rest until 20:50 (limit)")
    );
    assert_eq!(deck.state_words(), "connected", "the stream stays up");
    deck.wait(Duration::from_mins(10));
    assert_eq!(calls(&deck).as_deref(), Some("42 calls this hour"));
}

#[test]
fn what_comes_from_a_closed_session_is_counted_and_let_go() {
    let mut deck = Deck::connected();
    let before = deck.screen();
    let old = SessionId { generation: 77 };
    deck.event(Event::Session(old, SessionEvent::Link(LinkState::Closed)));
    deck.event(Event::Reply(
        RequestId(5000),
        Ok(Reply::Devices(Vec::new())),
    ));
    deck.event(Event::Timer(TimerId(5000)));
    assert_eq!(deck.app.strays(), 3);
    assert_eq!(deck.screen(), before);
}

#[test]
fn nothing_visible_moves_nothing() {
    let mut deck = Deck::connected();
    deck.press("g");
    let before = deck.app.revision();
    deck.press("g k h esc")
        .event(Event::Focus(false))
        .event(Event::Focus(true));
    deck.wait(Duration::from_hours(3));
    deck.event(Event::Log(log("GET devices 200")));
    assert_eq!(deck.app.revision(), before);
    assert!(
        deck.timers.is_empty(),
        "no timer while nothing counts: {:?}",
        deck.timers
    );
    deck.press("j");
    assert_eq!(deck.app.revision(), before + 1);
}

#[test]
fn a_notice_of_the_platform_stands_in_the_footer_until_the_next_key() {
    let mut deck = Deck::connected();
    deck.fact(Fact::Notice(Problem::new(
        "a certificate was renewed",
        "the old one was refused",
        "",
    )));
    assert_eq!(
        deck.notice(),
        "a certificate was renewed: the old one was refused"
    );
    deck.press("j");
    assert_eq!(deck.notice(), "");
}

fn log(text: &str) -> LogLine {
    LogLine {
        at: Timestamp::default(),
        source: LogSource::Rest,
        level: LogLevel::Info,
        text: text.to_owned(),
    }
}

#[test]
fn the_log_shows_calls_and_packets_and_is_filtered() {
    let mut deck = Deck::connected();
    deck.event(Event::Log(log("GET devices 200 in 31 ms")));
    deck.event(Event::Session(
        deck.session,
        SessionEvent::Log(log("POST push/{device}/subscribe 404")),
    ));
    deck.press("L");
    assert!(
        deck.overlay().contains("GET devices 200 in 31 ms"),
        "{}",
        deck.overlay()
    );
    deck.press("/").type_text("push").press("enter");
    let shown = deck.overlay();
    assert!(
        shown.contains("404") && !shown.contains("GET devices"),
        "{shown}"
    );
    deck.press("esc");
    assert!(deck.overlay().contains("GET devices"), "{}", deck.overlay());
    deck.press("esc");
    assert_eq!(deck.overlay(), "");
}

#[test]
fn a_long_line_of_the_log_can_be_read_to_its_end() {
    let mut deck = Deck::connected();
    deck.event(Event::Log(log(&format!("{}the end", "x".repeat(55)))));
    deck.press("L").press("right right right");
    assert!(
        deck.overlay().contains("the end") && !deck.overlay().contains("xx"),
        "{}",
        deck.overlay()
    );
    deck.press("left left left");
    assert!(deck.overlay().contains("REST xx"), "{}", deck.overlay());
}

#[test]
fn the_open_log_follows_until_it_is_scrolled() {
    let mut deck = Deck::connected();
    deck.press("L");
    for n in 0..200 {
        deck.event(Event::Log(log(&format!("line {n}."))));
    }
    assert!(deck.overlay().contains("line 199."), "{}", deck.overlay());
    deck.press("k k");
    deck.event(Event::Log(log("line 200.")));
    assert!(!deck.overlay().contains("line 200."), "{}", deck.overlay());
    deck.press("G");
    assert!(deck.overlay().contains("line 200."), "{}", deck.overlay());
}
