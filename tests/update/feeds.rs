//! Push and event, on and off.

use std::time::Duration;

use thingdeck::app::screen::{Mark, PaneId};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::request::{FeedEntry, Reply, Request};
use thingdeck::domain::subscription::{Feed, FeedState};

use crate::deck::{Deck, device, plain, refusal};

fn feed(device: &str, feed: Feed, on: bool) -> Request {
    Request::Feed {
        device: DeviceId::new(device),
        feed,
        on,
        hours: None,
    }
}

const PUSH_ON: Reply = Reply::Feed(FeedState::On { until: None });
const OFF: Reply = Reply::Feed(FeedState::Off);

#[test]
fn p_turns_push_on_and_the_mark_waits_for_the_server() {
    let mut deck = Deck::connected();
    deck.hold().press("p");
    assert_eq!(deck.requests(), [feed("d-dryer", Feed::Push, true)]);
    assert_eq!(deck.device("Dryer").push, Mark::Pending(true));
    deck.answer_for("d-dryer", Ok(PUSH_ON));
    assert_eq!(deck.device("Dryer").push, Mark::On(None));
    deck.press("p");
    assert_eq!(deck.device("Dryer").push, Mark::Pending(false));
    deck.answer_for("d-dryer", Ok(OFF));
    assert_eq!(deck.device("Dryer").push, Mark::Off);
}

#[test]
fn e_shows_the_time_left_and_it_runs_down() {
    let mut deck = Deck::connected();
    deck.press("e");
    assert_eq!(deck.device("Dryer").event, Mark::On(Some("1d".to_owned())));
    deck.wait(Duration::from_mins(20));
    assert_eq!(
        deck.device("Dryer").event,
        Mark::On(Some("23h40".to_owned()))
    );
    deck.wait(Duration::from_mins(23 * 60 + 39) + Duration::from_secs(30));
    assert_eq!(deck.device("Dryer").event, Mark::On(Some("<1m".to_owned())));
    deck.wait(Duration::from_mins(1));
    assert_eq!(
        deck.device("Dryer").event,
        Mark::Unknown,
        "its time is over and nobody has said more"
    );
}

#[test]
fn a_renewed_event_counts_from_its_new_end() {
    let mut deck = Deck::connected();
    deck.press("e").wait(Duration::from_hours(12));
    let until = Some(deck.at.wall.plus(Duration::from_hours(24)));
    deck.fact(Fact::Feed {
        device: DeviceId::new("d-dryer"),
        feed: Feed::Event,
        state: FeedState::On { until },
    });
    assert_eq!(deck.device("Dryer").event, Mark::On(Some("1d".to_owned())));
}

#[test]
fn toggling_again_while_it_waits_sends_nothing_until_the_answer() {
    let mut deck = Deck::connected();
    deck.hold().press("p p");
    assert_eq!(deck.requests(), [feed("d-dryer", Feed::Push, true)]);
    assert_eq!(deck.device("Dryer").push, Mark::Pending(false));
    deck.answer_for("d-dryer", Ok(PUSH_ON));
    assert_eq!(deck.requests(), [feed("d-dryer", Feed::Push, false)]);
    deck.answer_for("d-dryer", Ok(OFF));
    assert_eq!(deck.device("Dryer").push, Mark::Off);
}

#[test]
fn on_off_on_while_it_waits_needs_no_second_request() {
    let mut deck = Deck::connected();
    deck.hold().press("p p p").asked();
    deck.answer_for("d-dryer", Ok(PUSH_ON));
    assert_eq!(deck.requests(), []);
    assert_eq!(deck.device("Dryer").push, Mark::On(None));
}

#[test]
fn a_refusal_of_a_wish_that_was_taken_back_is_no_failure() {
    let mut deck = Deck::connected();
    deck.fact(Fact::Feed {
        device: DeviceId::new("d-dryer"),
        feed: Feed::Push,
        state: FeedState::Off,
    });
    deck.hold().press("p p");
    deck.answer_for("d-dryer", Err(refusal("2000", "internal error")));
    assert_eq!(deck.requests().len(), 1, "off is what it is already");
    assert_ne!(deck.device("Dryer").push, Mark::Failed);
}

#[test]
fn a_refused_event_names_the_device_with_code_and_words() {
    let mut deck = Deck::connected();
    deck.hold().press("e");
    deck.answer_for(
        "d-dryer",
        Err(refusal("1214", "the device sends no state changes")),
    );
    let row = deck.device("Dryer");
    assert_eq!(row.event, Mark::Failed);
    assert_eq!(
        row.trouble.map(|t| t.to_string()).as_deref(),
        Some("1214 the device sends no state changes")
    );
    assert_eq!(
        deck.notice(),
        "Dryer: 1214 the device sends no state changes"
    );
}

#[test]
fn a_new_try_takes_the_failure_back() {
    let mut deck = Deck::connected();
    deck.hold().press("e");
    deck.answer_for("d-dryer", Err(refusal("1214", "no")));
    deck.press("e");
    let row = deck.device("Dryer");
    assert_eq!((row.event, row.trouble), (Mark::Pending(true), None));
}

#[test]
fn the_servers_word_wins_over_the_wish() {
    let mut deck = Deck::connected();
    deck.hold().press("p").answer_for("d-dryer", Ok(OFF));
    assert_eq!(deck.device("Dryer").push, Mark::Off);
    assert_eq!(deck.notice(), "Dryer: the platform says that push is off");
}

#[test]
fn all_marked_devices_are_toggled_in_one_direction() {
    let mut deck = Deck::connected();
    deck.press("p").asked();
    deck.press("g space space space p");
    assert_eq!(
        deck.requests(),
        [
            feed("d-hood", Feed::Push, true),
            feed("d-washer", Feed::Push, true)
        ]
    );
    assert_eq!(deck.notice(), "push on for 2 devices");
    deck.press("p");
    assert_eq!(deck.requests().len(), 3, "all are on: all go off");
}

#[test]
fn partial_failures_over_thirty_devices_are_listed_by_name_with_code_and_words() {
    let mut deck = Deck::connected();
    let many: Vec<_> = (0..30)
        .map(|n| device(&format!("d{n:02}"), &format!("Sensor {n:02}"), "X"))
        .collect();
    deck.fact(Fact::Devices(many));
    deck.hold();
    for _ in 0..30 {
        deck.press("space");
    }
    deck.press("e");
    for n in 0..30 {
        let result = if n % 10 == 3 {
            Err(refusal("1214", "sends no state changes"))
        } else {
            Ok(Reply::Feed(deck.confirmed(Feed::Event, true)))
        };
        deck.answer_for(&format!("d{n:02}"), result);
    }
    let shown = deck.overlay();
    assert!(
        shown.starts_with("event on: 3 devices of 30 refused"),
        "{shown}"
    );
    for name in ["Sensor 03", "Sensor 13", "Sensor 23"] {
        assert!(
            shown.contains(&format!("{name}\n  1214 sends no state changes")),
            "{shown}"
        );
    }
    assert!(!shown.contains("Sensor 04"), "{shown}");
}

#[test]
fn the_list_of_failures_waits_while_something_is_typed() {
    let mut deck = Deck::connected();
    deck.hold().press("space space e /").type_text("a");
    deck.answer_for("d-dryer", Err(refusal("1214", "no")));
    deck.answer_for("d-hood", Err(refusal("1214", "no")));
    assert_eq!(deck.overlay(), "");
    deck.type_text("ir");
    assert_eq!(
        deck.pane(PaneId::Devices)
            .filter
            .expect("typed")
            .text
            .as_str(),
        "air"
    );
    deck.press("enter");
    assert!(
        deck.overlay().contains("2 devices of 2 refused"),
        "{}",
        deck.overlay()
    );
}

#[test]
fn the_subscriptions_list_what_is_on_waits_or_was_refused() {
    let mut deck = Deck::connected();
    deck.press("p").hold().press("j e j p");
    deck.answer_for("d-washer", Err(refusal("1222", "not connected")));
    let rows: Vec<_> = deck
        .subscriptions()
        .iter()
        .map(|r| {
            (
                r.sort,
                r.what.to_string(),
                r.mark.clone(),
                r.detail.text.to_string(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (
                "push",
                "Dryer".to_owned(),
                Mark::On(None),
                "without end".to_owned()
            ),
            (
                "push",
                "Washer".to_owned(),
                Mark::Failed,
                "refused: 1222 not connected".to_owned()
            ),
            (
                "event",
                "Hood".to_owned(),
                Mark::Pending(true),
                "waits for the platform".to_owned()
            ),
        ]
    );
}

#[test]
fn the_cursor_in_subscriptions_stays_at_the_top_until_it_is_moved() {
    use thingdeck::app::event::Event;
    use thingdeck::domain::message::Qos;
    use thingdeck::domain::session::SessionEvent;
    use thingdeck::domain::topic::TopicFilter;
    let mut deck = Deck::connected();
    let filter = TopicFilter::parse("app/clients/thingdeck-0123456789/push").unwrap();
    let result = Ok(Qos::AtLeastOnce);
    deck.event(Event::Session(
        deck.session,
        SessionEvent::Granted { filter, result },
    ));
    deck.press("p");
    let rows = deck.subscriptions();
    let said: Vec<_> = rows
        .iter()
        .map(|r| (r.selected, r.sort, r.what.as_str(), r.detail.text.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (true, "push", "Dryer", "without end"),
            (false, "filter", "…0123456789/push", "QoS 1")
        ]
    );
    deck.press("2 G 1 j p");
    assert_eq!(
        deck.subscriptions().iter().position(|r| r.selected),
        Some(2),
        "now it stays where it is"
    );
}

#[test]
fn d_in_subscriptions_ends_the_selected_one() {
    let mut deck = Deck::connected();
    deck.press("p").asked();
    deck.press("2 d");
    assert_eq!(deck.requests(), [feed("d-dryer", Feed::Push, false)]);
    assert_eq!(deck.subscriptions(), []);
}

#[test]
fn thinq_explains_why_no_filter_can_be_added() {
    let mut deck = Deck::connected();
    deck.press("2 a");
    assert_eq!(deck.overlay(), "");
    assert!(
        deck.notice().contains("no topic filters can be added"),
        "{}",
        deck.notice()
    );
}

#[test]
fn the_lists_of_the_platform_set_every_mark() {
    let mut deck = Deck::connected();
    deck.press("r").open.retain(|(_, r)| *r == Request::Feeds);
    deck.answer(Ok(Reply::Feeds(vec![FeedEntry {
        device: DeviceId::new("d-hood"),
        feed: Feed::Push,
        state: FeedState::On { until: None },
    }])));
    assert_eq!(deck.device("Hood").push, Mark::On(None));
    assert_eq!(deck.device("Dryer").push, Mark::Unknown);
}

#[test]
fn a_device_that_reports_nothing_has_no_event_mark_until_it_is_tried() {
    let mut deck = Deck::connected();
    let mut silent = device("d-x", "Fan", "CEILING_FAN");
    silent.reportable = false;
    deck.fact(Fact::Devices(vec![silent]));
    assert_eq!(deck.device("Fan").event, Mark::None);
    deck.hold().press("e");
    assert_eq!(deck.device("Fan").event, Mark::Pending(true));
}

#[test]
fn muting_hides_messages_and_loses_none() {
    use thingdeck::domain::reading::Kind;
    let mut deck = Deck::connected();
    deck.press("p");
    deck.receive_from("d-dryer", Kind::Push, "{\"a\":1}");
    deck.receive_from("d-hood", Kind::Push, "{\"b\":2}");
    deck.press("2 m");
    assert!(deck.subscriptions()[0].muted);
    let gists: Vec<_> = deck.messages().iter().map(|r| plain(&r.gist)).collect();
    assert_eq!(gists.len(), 1, "{gists:?}");
    assert_eq!(deck.screen().header.received, 2);
    deck.press("m");
    assert_eq!(deck.messages().len(), 2);
}

#[test]
fn off_is_asked_for_when_nobody_knows_what_became_of_on() {
    let mut deck = Deck::connected();
    deck.hold().press("p p");
    assert_eq!(deck.requests(), [feed("d-dryer", Feed::Push, true)]);
    // The answer was lost, and so was the list.
    deck.fact(Fact::FeedFailed {
        device: DeviceId::new("d-dryer"),
        feed: Feed::Push,
        state: FeedState::Unknown,
        problem: refusal("2000", "internal server error"),
    });
    deck.answer_for("d-dryer", Err(refusal("2000", "internal server error")));
    assert_eq!(deck.requests(), [feed("d-dryer", Feed::Push, false)]);
    deck.answer_for("d-dryer", Ok(OFF));
    assert_eq!(deck.device("Dryer").push, Mark::Off);
}
