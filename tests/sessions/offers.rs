//! Filters with MQTT 5's options, and what a broker says it can do; and what a CONNACK changes besides.

use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::problem::Problem;
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::Version;
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::{FilterWish, RetainHandling};
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::session::end::{End, EndClass};
use thingdeck::session::link::{Accepted, Arrival, LinkEvent};
use thingdeck::session::machine::{Action, Input};

use super::bench::{Bench, asked, granted, logged, subscribes, up};
use super::support::{plan, wish};

fn five(filters: Vec<FilterWish>) -> ConnectPlan {
    ConnectPlan {
        version: Version::V5,
        filters,
        ..plan(1, None, &[])
    }
}

fn with_id(filter: &str, id: u32) -> FilterWish {
    let mut wish = wish(filter);
    wish.options.id = Some(id);
    wish
}

fn names(batch: &[FilterWish]) -> Vec<&str> {
    batch.iter().map(|wish| wish.filter.as_str()).collect()
}

#[test]
fn what_the_broker_cannot_do_is_refused_in_words_and_never_sent() {
    let filters = ["plain", "a/+", "$share/group/b"];
    let plan = five(filters.iter().map(|filter| wish(filter)).collect());
    let poor = Accepted {
        no_wildcards: true,
        no_shared: true,
        ..Accepted::default()
    };
    let (mut bench, actions) = Bench::connected(&plan, poor);
    assert_eq!(asked(&actions).concat(), [wish("plain")]);
    let refused = granted(&actions);
    assert_eq!(refused[0].0, "a/+");
    assert!(refused[0].1.clone().unwrap_err().contains("no wildcards"));
    assert_eq!(refused[1].0, "$share/group/b");
    assert!(refused[1].1.clone().unwrap_err().contains("no shared"));

    // On a live connection too, and they settle nothing that is still awaited.
    let actions = bench.command(SessionCommand::Subscribe(wish("#")));
    assert_eq!(asked(&actions).len(), 0);
    assert!(granted(&actions)[0].1.is_err());

    // A broker that can is asked.
    let actions = bench.again(&plan, Accepted::default());
    let all: Vec<_> = filters.iter().copied().chain(["#"]).collect();
    assert_eq!(names(&asked(&actions).concat()), all);
}

#[test]
fn options_reach_the_broker_and_subscription_ids_are_left_out_where_there_are_none() {
    let mut one = with_id("one", 7);
    one.options.no_local = true;
    one.options.retain_as_published = true;
    one.options.retain_handling = RetainHandling::Never;
    let plan = five(vec![one.clone()]);
    let (_, actions) = Bench::connected(&plan, Accepted::default());
    assert_eq!(asked(&actions).concat(), [one.clone()]);
    let none = Accepted {
        no_subscription_ids: true,
        ..Accepted::default()
    };
    let (_, actions) = Bench::connected(&plan, none);
    one.options.id = None;
    assert_eq!(asked(&actions).concat(), [one]);
}

#[test]
fn only_filters_with_the_same_subscription_id_share_a_packet() {
    let plan = five(vec![with_id("a", 1), wish("b"), with_id("c", 1), wish("d")]);
    let (_, actions) = Bench::connected(&plan, Accepted::default());
    let packets = asked(&actions);
    let packets: Vec<_> = packets.iter().map(|batch| names(batch)).collect();
    assert_eq!(packets, [vec!["a", "c"], vec!["b", "d"]]);
}

#[test]
fn no_local_with_a_shared_subscription_never_makes_the_broker_hang_up() {
    let mut shared = wish("$share/group/a");
    shared.options.no_local = true;
    let (_, actions) = Bench::connected(&five(vec![shared]), Accepted::default());
    assert_eq!(asked(&actions).len(), 0);
    assert!(
        granted(&actions)[0]
            .1
            .clone()
            .unwrap_err()
            .contains("no-local")
    );
}

#[test]
fn a_kept_session_does_not_send_retained_messages_twice() {
    let plan = five(vec![wish("a")]);
    let (mut bench, actions) = Bench::connected(&plan, Accepted::default());
    let handling = |actions: &[Action]| asked(actions)[0][0].options.retain_handling;
    assert_eq!(handling(&actions), RetainHandling::Send);
    bench.answer(&actions);

    let present = || Accepted {
        session_present: true,
        ..Accepted::default()
    };
    let actions = bench.again(&plan, present());
    assert_eq!(handling(&actions), RetainHandling::SendIfNew);
    bench.answer(&actions);
    let actions = bench.again(&plan, Accepted::default());
    assert_eq!(handling(&actions), RetainHandling::Send, "it forgot them");

    // A session kept from an earlier run of the program: this one has seen none of its retained messages.
    let (_, actions) = Bench::connected(&plan, present());
    assert_eq!(handling(&actions), RetainHandling::Send);
}

#[test]
fn a_changed_wish_is_subscribed_again_and_the_answer_to_the_old_one_does_not_count() {
    let (mut bench, _) = Bench::connected(&five(Vec::new()), Accepted::default());
    let at = |qos| FilterWish { qos, ..wish("a") };
    let first = bench.command(SessionCommand::Subscribe(at(Qos::AtMostOnce)));
    let second = bench.command(SessionCommand::Subscribe(at(Qos::AtLeastOnce)));
    let (old, new) = (subscribes(&first)[0].0, subscribes(&second)[0].0);
    let codes = |qos| vec![Ok(qos)];
    let actions = bench.link(LinkEvent::Subscribed {
        ticket: old,
        codes: codes(Qos::AtMostOnce),
    });
    assert_eq!(granted(&actions), []);
    let actions = bench.link(LinkEvent::Subscribed {
        ticket: new,
        codes: codes(Qos::AtLeastOnce),
    });
    assert_eq!(granted(&actions), [("a".to_owned(), Ok(Qos::AtLeastOnce))]);
    // The same wish again costs no packet.
    let actions = bench.command(SessionCommand::Subscribe(at(Qos::AtLeastOnce)));
    assert_eq!(asked(&actions).len(), 0);
    assert_eq!(granted(&actions), [("a".to_owned(), Ok(Qos::AtLeastOnce))]);
    let mut changed = at(Qos::AtLeastOnce);
    changed.options.no_local = true;
    let actions = bench.command(SessionCommand::Subscribe(changed.clone()));
    assert_eq!(asked(&actions).concat(), [changed]);
}

#[test]
fn a_plan_does_not_undo_what_the_user_changed_and_does_change_what_is_its_own() {
    let (mut bench, actions) =
        Bench::connected(&five(vec![wish("mine"), wish("plan")]), Accepted::default());
    bench.answer(&actions);
    let mut mine = wish("mine");
    mine.qos = Qos::AtMostOnce;
    bench.command(SessionCommand::Subscribe(mine.clone()));
    let mut changed = wish("plan");
    changed.options.no_local = true;
    let next = five(vec![wish("mine"), changed.clone()]);
    let actions = bench.again(&next, Accepted::default());
    assert_eq!(asked(&actions).concat(), [mine.clone(), changed]);
    // What the plan gives up stays when the user wanted it himself.
    let actions = bench.again(&five(Vec::new()), Accepted::default());
    assert_eq!(asked(&actions).concat(), [mine]);
}

#[test]
fn a_downgraded_grant_is_posted_and_said() {
    let (mut bench, actions) = Bench::connected(&five(vec![wish("a")]), Accepted::default());
    let ticket = subscribes(&actions)[0].0;
    let codes = vec![Ok(Qos::AtMostOnce)];
    let actions = bench.link(LinkEvent::Subscribed { ticket, codes });
    assert_eq!(granted(&actions), [("a".to_owned(), Ok(Qos::AtMostOnce))]);
    assert!(logged(&actions, "a: asked for QoS 1, granted QoS 0"));
}

#[test]
fn a_filter_that_is_wanted_again_is_not_called_dropped_by_a_late_answer() {
    let (mut bench, actions) = Bench::connected(&five(vec![wish("a")]), Accepted::default());
    bench.answer(&actions);
    let actions = bench.command(SessionCommand::Unsubscribe(wish("a").filter));
    let left = actions.iter().find_map(|action| match action {
        Action::Send(thingdeck::session::link::Order::Unsubscribe { ticket, .. }) => Some(*ticket),
        _ => None,
    });
    let actions = bench.command(SessionCommand::Subscribe(wish("a")));
    let ticket = left.expect("an UNSUBSCRIBE");
    let late = bench.link(LinkEvent::Unsubscribed { ticket });
    let dropped = |action: &Action| matches!(action, Action::Post(SessionEvent::Dropped(_)));
    assert!(!late.iter().any(dropped), "{late:?}");
    assert_eq!(bench.answer(&actions), ["a"]);
    assert_eq!(bench.machine.filters().len(), 1);
}

#[test]
fn a_client_id_that_the_broker_made_up_is_kept_for_the_run() {
    let mut plan = five(Vec::new());
    plan.client_id = String::new();
    let named = Accepted {
        client_id: Some("auto-7".to_owned()),
        ..Accepted::default()
    };
    let (mut bench, actions) = Bench::connected(&plan, named);
    assert!(logged(&actions, "the broker named this client auto-7"));
    bench.again(&plan, Accepted::default());
    let opened = bench.done.iter().rev().find_map(|action| match action {
        Action::Open { plan, .. } => Some(plan.client_id.clone()),
        _ => None,
    });
    assert_eq!(opened.as_deref(), Some("auto-7"));
}

#[test]
fn a_takeover_that_the_broker_names_stops_at_once() {
    let (mut bench, _) = Bench::connected(&five(Vec::new()), Accepted::default());
    bench.now += Duration::from_hours(1);
    let cause = "another client connected with the same client id (DISCONNECT 142)";
    let problem = Problem::new("lost the connection", cause, "");
    bench.link(LinkEvent::Closed(End::new(EndClass::TakenOver, problem)));
    let LinkState::TakenOver(problem) = bench.state() else {
        panic!("{:?}", bench.state());
    };
    assert_eq!(problem.what, "the session was taken over by another client");
    assert!(problem.cause.contains(cause) && problem.cause.contains("deck-Ω 1"));
    assert_eq!(bench.machine.wake(), None, "it does not fight");
    bench.command(SessionCommand::RetryNow);
    assert!(matches!(bench.state(), LinkState::SigningIn { .. }));
}

#[test]
fn a_broker_that_does_not_name_a_takeover_is_understood_all_the_same() {
    let (mut bench, _) = Bench::connected(&five(Vec::new()), Accepted::default());
    for _ in 0..2 {
        bench.ends(EndClass::HungUp);
        assert!(matches!(bench.state(), LinkState::Reconnecting { .. }));
        bench.wait();
        bench.feed(Input::Planned(Ok(five(Vec::new()))));
        bench.link(up(false));
    }
    bench.ends(EndClass::HungUp);
    assert!(matches!(bench.state(), LinkState::TakenOver(_)));
}

#[test]
fn a_refusal_after_the_start_is_judged_once_and_not_in_circles() {
    let plan = five(Vec::new());
    let (mut bench, _) = Bench::connected(&plan, Accepted::default());
    bench.now += Duration::from_mins(1);
    let actions = bench.ends(EndClass::Refused);
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Judge(_)))
    );
    let reason = "renewed".to_owned();
    bench.feed(Input::Judged(thingdeck::platform::Verdict::TryAgain {
        reason,
    }));
    bench.feed(Input::Planned(Ok(plan)));
    bench.link(up(false));
    bench.ends(EndClass::Refused);
    assert!(matches!(bench.state(), LinkState::Refused(_)));
}

fn message(retain: bool) -> LinkEvent {
    LinkEvent::Message(Arrival {
        topic: "a".to_owned(),
        payload: Bytes::new(),
        qos: Qos::AtMostOnce,
        retain,
        dup: false,
        packet: 0,
        properties: None,
    })
}

fn waited(actions: &[Action]) -> Option<bool> {
    actions.iter().find_map(|action| match action {
        Action::Deliver { session, .. } => Some(*session),
        _ => None,
    })
}

#[test]
fn what_waited_in_a_kept_session_is_marked_and_nothing_else() {
    let (mut bench, actions) = Bench::connected(
        &five(vec![wish("a")]),
        Accepted {
            session_present: true,
            ..Accepted::default()
        },
    );
    assert_eq!(waited(&bench.link(message(false))), Some(true));
    assert_eq!(waited(&bench.link(message(true))), Some(false), "retained");
    bench.answer(&actions);
    assert_eq!(waited(&bench.link(message(false))), Some(false));

    let (mut bench, _) = Bench::connected(&five(vec![wish("a")]), Accepted::default());
    assert_eq!(
        waited(&bench.link(message(false))),
        Some(false),
        "a new session"
    );
}
