//! The machine with an adapter beside it: what a hang-up means, a kept session that is trusted (AWS), rates that hold at the
//! wire (Google's bridge).

use std::sync::Arc;
use std::time::Duration;

use thingdeck::base::problem::{Problem, Retry};
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::{AwsSettings, Common, GoogleIdentity, GoogleSettings};
use thingdeck::domain::session::LinkState;
use thingdeck::platform::aws::Aws;
use thingdeck::platform::google::Google;
use thingdeck::session::end::{End, EndClass};
use thingdeck::session::link::{Arrival, LinkEvent};
use thingdeck::session::machine::{Action, Input, Machine};

use super::bench::{Bench, asked, granted, receipts, sent, subscribes, up};
use super::support::{draft, plan};

fn guided() -> Bench {
    let settings = AwsSettings::new("a-ats.iot.eu-west-1.amazonaws.com".to_owned());
    let aws = Arc::new(Aws::new(settings, Common::default()));
    let mut bench = Bench {
        machine: Machine::new(Vec::new(), false).guided_by(aws),
        now: Duration::ZERO,
        done: Vec::new(),
    };
    bench.feed(Input::Start);
    bench
}

/// It closes without a word, as AWS does over MQTT 3.1.1.
fn hang_up(bench: &mut Bench, class: EndClass, cause: &str) -> Vec<Action> {
    let problem = Problem::new("lost the connection", cause, "").retry(Retry::Backoff);
    bench.link(LinkEvent::Closed(End::new(class, problem)))
}

const CLOSED: &str = "the broker closed the connection";

fn reason(bench: &Bench) -> String {
    match bench.state() {
        LinkState::Reconnecting { why, .. } => why.to_string(),
        other => panic!("{other:?}"),
    }
}

fn connect(bench: &mut Bench, filters: &[&str], present: bool) -> Vec<Action> {
    bench.wait();
    bench.feed(Input::Planned(Ok(plan(1, None, filters))));
    bench.link(up(present))
}

#[test]
fn a_close_after_connect_is_explained_and_tried_again_with_patience() {
    let mut bench = guided();
    bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
    let cause = format!("{CLOSED} right after CONNECT");
    hang_up(&mut bench, EndClass::ClosedEarly, &cause);
    let reason = reason(&bench);
    assert!(
        reason.contains("not active") && reason.contains("iot:Connect"),
        "{reason}"
    );
}

#[test]
fn a_close_after_a_message_without_an_answer_names_its_topic() {
    let mut bench = guided();
    let actions = connect(&mut bench, &[], false);
    assert!(asked(&actions).is_empty());
    let actions = bench.publish(1, draft("plant/a", "x", Qos::AtMostOnce));
    bench.acknowledge(sent(&actions)[0].ticket);
    bench.now += Duration::from_millis(100);
    hang_up(&mut bench, EndClass::HungUp, CLOSED);
    let reason = reason(&bench);
    assert!(
        reason.contains("iot:Publish") && reason.contains("topic/plant/a"),
        "{reason}"
    );
}

#[test]
fn a_message_that_is_not_allowed_is_given_back_after_the_second_close() {
    let mut bench = guided();
    connect(&mut bench, &[], false);
    bench.publish(1, draft("plant/a", "x", Qos::AtLeastOnce));
    hang_up(&mut bench, EndClass::HungUp, CLOSED);
    let actions = connect(&mut bench, &[], false);
    assert!(
        sent(&actions).is_empty(),
        "it waits until the connection is calm"
    );
    let actions = bench.wait();
    assert_eq!(sent(&actions).len(), 1, "and goes alone");
    let actions = hang_up(&mut bench, EndClass::HungUp, CLOSED);
    let given_back = receipts(&actions);
    let (1, Err(cause)) = &given_back[0] else {
        panic!("{given_back:?}");
    };
    assert!(cause.contains("iot:Publish on topic/plant/a"), "{cause}");
}

#[test]
fn a_filter_that_is_not_allowed_is_set_aside_with_the_statement_that_would_allow_it() {
    let mut bench = guided();
    connect(&mut bench, &["plant/#"], false);
    hang_up(&mut bench, EndClass::HungUp, CLOSED);
    assert!(
        reason(&bench).contains("topicfilter/plant/#"),
        "{}",
        reason(&bench)
    );
    connect(&mut bench, &["plant/#"], false);
    let actions = hang_up(&mut bench, EndClass::HungUp, CLOSED);
    let words = granted(&actions);
    let Some((_, Err(words))) = words.first() else {
        panic!("{words:?}");
    };
    assert!(
        words.contains("set aside") && words.contains("iot:Subscribe"),
        "{words}"
    );
}

fn arrival(topic: &str) -> LinkEvent {
    LinkEvent::Message(Arrival {
        topic: topic.to_owned(),
        payload: "x".into(),
        qos: Qos::AtMostOnce,
        retain: false,
        dup: false,
        packet: 0,
        properties: None,
    })
}

fn is_of_the_session(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Deliver { session: true, .. }))
}

#[test]
fn a_kept_session_is_not_asked_for_its_filters_again_and_a_lost_one_is() {
    let mut bench = guided();
    let actions = connect(&mut bench, &["plant/#"], false);
    bench.answer(&actions);
    bench.now += Duration::from_mins(1);
    hang_up(&mut bench, EndClass::Passing, "the network");
    let actions = connect(&mut bench, &["plant/#"], true);
    assert!(subscribes(&actions).is_empty(), "the session has it");
    assert_eq!(
        granted(&actions),
        [("plant/#".to_owned(), Ok(Qos::AtLeastOnce))]
    );
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Attend))
    );
    bench.now += Duration::from_mins(1);
    hang_up(&mut bench, EndClass::Passing, "the network");
    let actions = connect(&mut bench, &["plant/#"], false);
    assert_eq!(subscribes(&actions).len(), 1, "the session was lost");
}

#[test]
fn the_queue_of_a_kept_session_ends_with_the_first_pause() {
    let mut bench = guided();
    let actions = connect(&mut bench, &["plant/#"], false);
    bench.answer(&actions);
    bench.now += Duration::from_mins(1);
    hang_up(&mut bench, EndClass::Passing, "the network");
    connect(&mut bench, &["plant/#"], true);
    for _message in 0..3 {
        bench.now += Duration::from_millis(900);
        assert!(is_of_the_session(&bench.link(arrival("plant/a"))));
    }
    bench.now += Duration::from_millis(1100);
    assert!(!is_of_the_session(&bench.link(arrival("plant/a"))));
}

fn beside_google() -> Bench {
    let settings = GoogleSettings::new(
        "plant".to_owned(),
        "us-central1".to_owned(),
        "sensors".to_owned(),
        GoogleIdentity::Device("meter-1".to_owned()),
        "key.pem".into(),
    );
    let google = Arc::new(Google::new(settings, Common::default()));
    let mut bench = Bench {
        machine: Machine::new(Vec::new(), false).guided_by(google),
        now: Duration::ZERO,
        done: Vec::new(),
    };
    bench.feed(Input::Start);
    bench
}

/// Each was asked for in its own second; together they would be the hang-up that the limit is there to avoid.
#[test]
fn states_that_waited_for_the_connection_go_out_a_second_apart_and_in_order() {
    let mut bench = beside_google();
    for (receipt, topic, payload) in [
        (1, "/devices/meter-1/state", "one"),
        (2, "/devices/meter-1/events", "between"),
        (3, "/devices/meter-1/state", "two"),
    ] {
        bench.publish(receipt, draft(topic, payload, Qos::AtLeastOnce));
        bench.now += Duration::from_secs(2);
    }
    let actions = connect(&mut bench, &[], false);
    let payloads = |actions: &[Action]| -> Vec<String> {
        sent(actions).into_iter().map(|sent| sent.payload).collect()
    };
    assert_eq!(payloads(&actions), ["one", "between"]);
    let stood = bench.now;
    let actions = bench.wait();
    assert!(bench.now >= stood + Duration::from_secs(1));
    assert_eq!(payloads(&actions), ["two"]);
}

#[test]
fn no_more_than_the_bridge_takes_goes_out_in_a_second() {
    let mut bench = beside_google();
    let mut gone = Vec::new();
    let mut actions = connect(&mut bench, &[], false);
    for receipt in 0..250 {
        let event = draft("/devices/meter-1/events", "x", Qos::AtMostOnce);
        actions.extend(bench.publish(receipt, event));
    }
    while gone.len() < 250 {
        let mut next = Vec::new();
        for going in sent(&actions) {
            gone.push(bench.now);
            next.extend(bench.acknowledge(going.ticket));
        }
        actions = next;
        if sent(&actions).is_empty() && gone.len() < 250 {
            actions = bench.wait();
        }
    }
    for second in gone.windows(101) {
        assert!(
            second[0] + Duration::from_secs(1) < second[100],
            "{second:?}"
        );
    }
}

#[test]
fn a_hang_up_after_an_event_says_what_it_most_likely_means() {
    let mut bench = beside_google();
    connect(&mut bench, &[], false);
    bench.publish(1, draft("/devices/meter-1/events", "x", Qos::AtLeastOnce));
    bench.now += Duration::from_millis(40);
    hang_up(&mut bench, EndClass::HungUp, CLOSED);
    assert!(
        reason(&bench).contains("Pub/Sub topic"),
        "{}",
        reason(&bench)
    );
    connect(&mut bench, &[], false);
    bench.wait();
    let actions = hang_up(&mut bench, EndClass::HungUp, CLOSED);
    let given_back = receipts(&actions);
    assert!(matches!(&given_back[..], [(1, Err(_))]), "{given_back:?}");
}
