//! The composer's longer work: repeating, awaiting an answer, templates, clearing what is retained.

use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::effect::{Effect, TemplateOrder};
use thingdeck::app::event::{Event, Outcome};
use thingdeck::base::problem::{Problem, Retry};
use thingdeck::domain::compose::{Sheet, Template};
use thingdeck::domain::message::{Direction, Message, Properties, Qos};
use thingdeck::domain::profile::Version;
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::{Delivered, LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};

use crate::composer::lab;
use crate::deck::Deck;

fn second() -> Duration {
    Duration::from_secs(1)
}

pub fn message(deck: &Deck, topic: &str, payload: &str) -> Message {
    Message {
        at: deck.at.wall,
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos: Qos::AtMostOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

impl Deck {
    pub fn hears(&mut self, message: Message) -> &mut Self {
        let event = SessionEvent::Message(Box::new(message), Reading::default());
        self.event(Event::Session(self.session, event))
    }

    fn grants(&mut self, filter: &TopicFilter) -> &mut Self {
        let event = SessionEvent::Granted {
            filter: filter.clone(),
            result: Ok(Qos::AtLeastOnce),
        };
        self.event(Event::Session(self.session, event))
    }

    /// Commands to the session since the last look: subscribed, unsubscribed.
    pub fn asked_filters(&mut self) -> (Vec<FilterWish>, Vec<TopicFilter>) {
        let (mut wanted, mut dropped) = (Vec::new(), Vec::new());
        for effect in self.asked() {
            match effect {
                Effect::Session(_, SessionCommand::Subscribe(wish)) => wanted.push(wish),
                Effect::Session(_, SessionCommand::Unsubscribe(filter)) => dropped.push(filter),
                _ => {}
            }
        }
        (wanted, dropped)
    }
}

#[test]
fn a_message_is_repeated_with_new_values_until_it_is_stopped() {
    let mut deck = lab(Version::V311);
    deck.write("t", "{{seq}}")
        .press("esc")
        .palette("repeat message");
    deck.press("ctrl-u").type_text("500ms").press("ctrl-s");
    for _ in 0..3 {
        for (id, _) in deck.published() {
            deck.receipt(id, Ok(Delivered::default()));
        }
        deck.wait(second());
    }
    let gists = deck.gists();
    assert_eq!(gists, ["1", "2", "3", "4", "5"], "each receipt makes a row");
    deck.press("5");
    assert!(
        deck.composer()
            .contains("every 500 ms, 7 sent (Ctrl-X stops)"),
        "{}",
        deck.composer()
    );
    deck.press("3 ctrl-x");
    assert!(
        deck.notice().contains("stopped: every 500 ms, 7 sent"),
        "{}",
        deck.notice()
    );
    deck.published();
    deck.wait(second());
    assert_eq!(deck.published(), []);
    deck.press("ctrl-x");
    assert!(deck.notice().contains("nothing is being repeated"));
}

#[test]
fn a_repetition_ends_at_its_count_and_at_a_final_refusal() {
    let mut deck = lab(Version::V311);
    deck.write("t", "x").press("esc").palette("repeat message");
    deck.press("enter").type_text("3").press("enter");
    deck.wait(10 * second());
    assert_eq!(deck.published().len(), 3);
    assert!(deck.notice().contains("3 of 3 sent"), "{}", deck.notice());
    deck.palette("repeat message").press("ctrl-s");
    let (id, _) = deck.published().remove(0);
    let why = Problem::new("could not publish", "not authorised", "").retry(Retry::Never);
    deck.receipt(id, Err(why));
    assert!(
        deck.notice().contains("repeating stopped"),
        "{}",
        deck.notice()
    );
    deck.wait(10 * second());
    assert_eq!(deck.published(), []);
}

#[test]
fn a_repetition_does_not_pile_up_without_a_connection() {
    let mut deck = lab(Version::V311);
    deck.write("t", "x")
        .press("esc")
        .palette("repeat message")
        .press("ctrl-s");
    deck.published();
    deck.link(LinkState::Connecting {
        host: "h".to_owned(),
        port: 1,
    });
    deck.wait(60 * second());
    assert_eq!(deck.published(), []);
    deck.connect().wait(2 * second());
    assert_eq!(deck.published().len(), 2);
}

#[test]
fn a_request_names_where_its_answer_goes_and_the_answer_has_its_time() {
    let mut deck = lab(Version::V5);
    deck.write("lamp/get", "{}")
        .press("esc")
        .palette("wait for an answer")
        .press("ctrl-s");
    deck.press("c ctrl-s");
    let (wanted, _) = deck.asked_filters();
    let filter = wanted[0].filter.clone();
    assert!(
        filter.as_str().starts_with("thingdeck/answers/"),
        "{filter}"
    );
    deck.grants(&filter);
    let (id, draft) = deck.published().remove(0);
    let properties = draft.properties.expect("they say where");
    assert_eq!(properties.response_topic.as_deref(), Some(filter.as_str()));
    let correlation = properties.correlation_data.expect("made up");
    deck.receipt(id, Ok(Delivered::default()));
    let mut answer = message(&deck, filter.as_str(), "{\"on\":true}");
    let with = |data: &[u8]| {
        Some(Box::new(Properties {
            correlation_data: Some(Bytes::copy_from_slice(data)),
            ..Properties::default()
        }))
    };
    answer.properties = with(b"another's");
    deck.hears(answer.clone());
    assert!(
        deck.composer().contains("awaited on thingdeck/answers"),
        "{}",
        deck.composer()
    );
    answer.properties = with(&correlation);
    deck.wait(Duration::from_millis(34)).hears(answer);
    assert!(
        deck.composer()
            .contains("answer  after 34 ms: {\"on\":true}"),
        "{}",
        deck.composer()
    );
    assert_eq!(
        deck.asked_filters().1,
        [filter],
        "the filter goes with the answer"
    );
}

#[test]
fn with_mqtt_3_the_next_message_on_a_chosen_topic_is_the_answer() {
    let mut deck = lab(Version::V311);
    deck.write("lamp/get", "x")
        .press("esc")
        .palette("wait for an answer")
        .press("ctrl-s");
    assert!(
        deck.overlay().contains("name the topic of the answer"),
        "{}",
        deck.overlay()
    );
    deck.press("tab")
        .type_text("lamp/state")
        .press("ctrl-s c ctrl-s");
    let (wanted, _) = deck.asked_filters();
    deck.grants(&wanted[0].filter);
    let (_, draft) = deck.published().remove(0);
    assert_eq!(draft.properties, None);
    let mut old = message(&deck, "lamp/state", "old");
    old.retain = true;
    let new = message(&deck, "lamp/state", "on");
    deck.hears(old).hears(new);
    assert!(
        deck.composer().contains("answer  after 0 ms: on"),
        "{}",
        deck.composer()
    );
}

#[test]
fn no_answer_in_time_and_no_subscription_are_said() {
    let mut deck = lab(Version::V5);
    deck.write("lamp/get", "x")
        .press("esc")
        .palette("wait for an answer")
        .press("ctrl-s");
    deck.press("c ctrl-s");
    let filter = deck.asked_filters().0.remove(0).filter;
    deck.grants(&filter).wait(9 * second());
    assert!(deck.composer().contains("awaited"));
    deck.wait(2 * second());
    assert!(
        deck.notice().contains("no answer within 10 s"),
        "{}",
        deck.notice()
    );
    assert!(deck.asked_filters().1.contains(&filter));
    deck.press("ctrl-s").asked();
    deck.wait(11 * second());
    assert!(deck.notice().contains("did not stand"), "{}", deck.notice());
    assert_eq!(deck.published(), [], "it was never sent");
}

#[test]
fn templates_are_saved_opened_and_deleted_by_name() {
    let mut deck = lab(Version::V311);
    deck.write("home/lamp", "on")
        .press("esc")
        .palette("save as template");
    let order = |deck: &mut Deck| {
        let found = deck.asked().into_iter().find_map(|e| match e {
            Effect::Templates(id, order) => Some((id, order)),
            _ => None,
        });
        found.expect("the file is asked for")
    };
    let (id, load) = order(&mut deck);
    assert_eq!(load, TemplateOrder::Load);
    let old = Template {
        name: "old".to_owned(),
        sheet: Sheet {
            topic: "home/old".to_owned(),
            ..Sheet::default()
        },
    };
    deck.done(id, Ok(Outcome::Templates(vec![old.clone()])));
    deck.type_text("old").press("enter");
    assert!(
        deck.overlay().contains("Enter again replaces it"),
        "{}",
        deck.overlay()
    );
    deck.press("ctrl-u").type_text("lamp on").press("enter");
    let (id, save) = order(&mut deck);
    let TemplateOrder::Save(saved) = save else {
        panic!("{save:?}");
    };
    assert_eq!(
        (saved.name.as_str(), saved.sheet.topic.as_str()),
        ("lamp on", "home/lamp")
    );
    deck.done(id, Ok(Outcome::Templates(vec![*saved, old.clone()])));
    assert!(deck.notice().contains("template lamp on is saved"));
    deck.press("5 ctrl-t");
    let (id, _) = order(&mut deck);
    deck.done(id, Ok(Outcome::Templates(vec![old.clone()])));
    deck.type_text("old").press("enter");
    assert!(
        deck.composer().contains("Topic: home/old"),
        "{}",
        deck.composer()
    );
    deck.press("esc").palette("delete template");
    let (id, _) = order(&mut deck);
    deck.done(id, Ok(Outcome::Templates(vec![old])));
    deck.press("enter");
    assert!(
        deck.overlay().contains("Delete template old?"),
        "{}",
        deck.overlay()
    );
    deck.press("y");
    assert_eq!(order(&mut deck).1, TemplateOrder::Delete("old".to_owned()));
    assert_eq!(deck.overlay(), "");
}

#[test]
fn a_templates_file_that_is_not_understood_is_said() {
    let mut deck = lab(Version::V311);
    deck.press("5 ctrl-t");
    let id = deck.asked().into_iter().find_map(|e| match e {
        Effect::Templates(id, _) => Some(id),
        _ => None,
    });
    let wrong = Problem::new(
        "templates.toml is not understood",
        "line 3: qoss",
        "mend it there",
    );
    deck.done(id.expect("asked"), Err(wrong));
    assert!(deck.notice().contains("not understood"));
}

/// A sweep below `plant` that has counted `count` retained messages and asks.
pub fn counted(count: usize) -> Deck {
    let mut deck = lab(Version::V311);
    deck.palette("clear retained")
        .type_text("plant")
        .press("enter");
    let (wanted, _) = deck.asked_filters();
    assert_eq!(wanted[0].filter.as_str(), "plant/#");
    deck.grants(&wanted[0].filter.clone());
    for n in 0..count {
        let mut retained = message(&deck, &format!("plant/{n:06}"), "x");
        retained.retain = true;
        deck.hears(retained);
    }
    let live = message(&deck, "plant/live", "x");
    deck.hears(live);
    assert!(
        count == 0 || deck.overlay().contains("counting"),
        "{}",
        deck.overlay()
    );
    deck.wait(3 * second());
    deck
}

#[test]
fn what_is_retained_is_counted_first_and_nothing_goes_without_the_typed_word() {
    let mut deck = counted(1200);
    assert_eq!(
        deck.asked_filters().1.len(),
        1,
        "the subscription was for the count only"
    );
    let asked = deck.overlay();
    assert!(asked.contains("Clear 1,200 retained messages?"), "{asked}");
    assert!(
        asked.contains("plant/000000") && !asked.contains("plant/live"),
        "{asked}"
    );
    deck.type_text("y").press("enter");
    assert!(
        deck.overlay().contains("type plant or 1200"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.published(), []);
    deck.press("esc").wait(3 * second());
    assert_eq!(deck.published(), []);
}

#[test]
fn retained_messages_are_cleared_at_the_set_rate_with_progress() {
    let mut deck = counted(1200);
    deck.type_text("plant").press("enter");
    let mut sent = 0;
    let mut most = 0;
    for _ in 0..30 {
        let batch = deck.published();
        most = most.max(batch.len());
        for (id, draft) in batch {
            sent += 1;
            assert!(draft.retain && draft.payload.is_empty());
            let why = || Problem::new("could not publish", "not authorised", "");
            let result = if sent == 7 {
                Err(why())
            } else {
                Ok(Delivered::default())
            };
            deck.receipt(id, result);
        }
        deck.wait(Duration::from_millis(100));
        if sent == 100 {
            assert!(
                deck.overlay().contains("of 1,200 cleared"),
                "{}",
                deck.overlay()
            );
        }
    }
    assert_eq!(sent, 1200);
    assert!(most <= 60, "at most 500 a second: {most} in 100 ms");
    let result = deck.overlay();
    assert!(result.contains("done: 1,199 cleared"), "{result}");
    assert!(result.contains("1 failed: not authorised"), "{result}");
    assert_eq!(deck.messages().iter().filter(|row| row.outgoing).count(), 0);
}

#[test]
fn escape_stops_clearing_and_says_what_is_left() {
    let mut deck = counted(1000);
    deck.type_text("1000")
        .press("enter")
        .wait(Duration::from_millis(100));
    let sent = deck.published();
    let count = sent.len();
    for (id, _) in sent {
        deck.receipt(id, Ok(Delivered::default()));
    }
    deck.press("esc");
    let result = deck.overlay();
    assert!(
        result.contains(&format!("stopped: {count} cleared")),
        "{result}"
    );
    assert!(
        result.contains(&format!("{} left as they were", 1000 - count)),
        "{result}"
    );
    deck.wait(5 * second());
    assert_eq!(deck.published(), []);
    deck.press("esc");
    assert_eq!(deck.overlay(), "");
}

#[test]
fn unanswered_clears_hold_the_next_ones_back() {
    let mut deck = counted(1000);
    deck.type_text("plant").press("enter").wait(20 * second());
    assert_eq!(deck.published().len(), 200);
    deck.press("q");
    assert!(deck.overlay().contains("stopped"), "{}", deck.overlay());
}

#[test]
fn what_is_to_be_cleared_is_below_the_topic_that_the_inspector_shows() {
    let mut deck = lab(Version::V311);
    deck.receive_bytes("plant/read", b"1")
        .receive_bytes("plant/newest", b"2")
        .press("3 k enter 3 G 4");
    assert_eq!(deck.selected_gist(), "2", "the stream has gone on");
    deck.palette("clear retained");
    let asked = deck.overlay();
    assert!(asked.contains("plant/read"), "{asked}");
}

#[test]
fn nothing_retained_is_said_and_the_count_can_be_stopped() {
    let deck = counted(0);
    assert!(
        deck.overlay().contains("retains nothing"),
        "{}",
        deck.overlay()
    );
    let mut deck = lab(Version::V311);
    deck.palette("clear retained")
        .type_text("plant")
        .press("enter esc");
    assert!(
        deck.overlay().contains("stopped: 0 retained so far"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.asked_filters().1.len(), 1);
    let mut deck = lab(Version::V311);
    deck.palette("clear retained")
        .type_text("a/+")
        .press("enter");
    assert!(deck.overlay().contains("wildcards"), "{}", deck.overlay());
}

#[test]
fn the_users_own_filter_stands_again_after_the_count() {
    let mut deck = lab(Version::V5);
    let own = TopicFilter::parse("plant/#").unwrap();
    deck.press("2 a").type_text("plant/#").press("ctrl-s");
    deck.grants(&own).asked();
    deck.palette("clear retained")
        .type_text("plant")
        .press("enter");
    let asked = deck.asked_filters().0.remove(0);
    assert_eq!(
        asked.qos,
        Qos::AtMostOnce,
        "another QoS: the broker sends again what it retains"
    );
    deck.grants(&own).wait(3 * second());
    let (wanted, dropped) = deck.asked_filters();
    assert_eq!((wanted[0].qos, dropped), (Qos::AtLeastOnce, Vec::new()));
}

/// F22 in the core: count first, at most 500 a second, live, Esc stops.
#[test]
fn two_hundred_thousand_retained_topics_are_counted_and_cleared_at_the_set_rate_until_escape() {
    let mut deck = counted(200_000);
    assert!(
        deck.overlay().contains("Clear 200,000 retained messages?"),
        "{}",
        deck.overlay()
    );
    deck.published();
    deck.type_text("200000").press("enter");
    let mut cleared = 0;
    for _ in 0..20 {
        let batch = deck.published();
        assert!(batch.len() <= 60, "{} in 100 ms", batch.len());
        for (id, _) in batch {
            cleared += 1;
            deck.receipt(id, Ok(Delivered::default()));
        }
        deck.wait(Duration::from_millis(100));
        assert!(
            deck.overlay().contains("of 200,000 cleared"),
            "{}",
            deck.overlay()
        );
    }
    assert!((900..=1100).contains(&cleared), "{cleared} in 2 s");
    for (id, _) in deck.published() {
        cleared += 1;
        deck.receipt(id, Ok(Delivered::default()));
    }
    deck.press("esc");
    assert!(
        deck.overlay()
            .contains(&format!("stopped: {} cleared", grouped(cleared))),
        "{}",
        deck.overlay()
    );
    deck.wait(60 * second());
    assert_eq!(deck.published(), []);
}

fn grouped(n: usize) -> String {
    if n < 1000 {
        return n.to_string();
    }
    format!("{},{:03}", n / 1000, n % 1000)
}
