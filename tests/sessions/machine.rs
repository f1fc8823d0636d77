//! The machine alone, on a virtual clock: whatever happens in whatever order, the laws hold.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use thingdeck::base::moment::Mono;
use thingdeck::base::problem::{Problem, Retry};
use thingdeck::domain::message::{AckToken, Qos};
use thingdeck::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::platform::{Leave, Verdict};
use thingdeck::session::end::{End, EndClass};
use thingdeck::session::link::{LinkEvent, Order, Ticket};
use thingdeck::session::machine::{Action, Input};

use super::bench::{Bench, subscribes, up};
use super::support::{draft, plan, wish};

#[derive(Debug, Clone)]
enum Step {
    Subscribe(u8),
    Unsubscribe(u8),
    /// The connection ends this way after so many seconds, and a new one stands.
    Break(EndClass, u64, bool),
    Resubscribe,
    Message,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let class = prop_oneof![Just(EndClass::HungUp), Just(EndClass::Passing)];
    let step = prop_oneof![
        (0..6_u8).prop_map(Step::Subscribe),
        (0..6_u8).prop_map(Step::Unsubscribe),
        (class, 11..100_u64, any::<bool>()).prop_map(|(c, s, p)| Step::Break(c, s, p)),
        Just(Step::Resubscribe),
        Just(Step::Message),
    ];
    prop::collection::vec(step, 0..40)
}

fn name(number: u8) -> String {
    format!("user/{number}")
}

proptest! {
    #[test]
    fn after_every_reconnect_exactly_the_wanted_filters_are_subscribed(steps in steps()) {
        let mut bench = Bench::new();
        let planned = ["plan/a", "plan/b"];
        bench.feed(Input::Planned(Ok(plan(1, None, &planned))));
        let mut wanted: BTreeSet<String> = planned.iter().map(ToString::to_string).collect();
        let actions = bench.link(up(false));
        let sent: BTreeSet<_> = bench.answer(&actions).into_iter().collect();
        prop_assert_eq!(&sent, &wanted);
        for step in steps {
            match step {
                Step::Subscribe(number) => {
                    wanted.insert(name(number));
                    let actions = bench.command(SessionCommand::Subscribe(wish(&name(number))));
                    bench.answer(&actions);
                }
                Step::Unsubscribe(number) => {
                    wanted.remove(&name(number));
                    let filter = TopicFilter::parse(&name(number)).unwrap();
                    bench.command(SessionCommand::Unsubscribe(filter));
                }
                Step::Break(class, seconds, session_present) => {
                    bench.now += Duration::from_secs(seconds);
                    bench.ends(class);
                    bench.wait();
                    bench.feed(Input::Planned(Ok(plan(1, None, &planned))));
                    let actions = bench.link(up(session_present));
                    let list = bench.answer(&actions);
                    let sent: BTreeSet<_> = list.iter().cloned().collect();
                    prop_assert_eq!(list.len(), sent.len(), "nothing is subscribed twice");
                    prop_assert_eq!(&sent, &wanted);
                }
                Step::Resubscribe => {
                    let reason = "test".to_owned();
                    let actions = bench.command(SessionCommand::Resubscribe { reason });
                    let sent: BTreeSet<_> = bench.answer(&actions).into_iter().collect();
                    prop_assert_eq!(&sent, &wanted);
                }
                Step::Message => {}
            }
            let told: BTreeSet<_> = bench
                .machine
                .filters()
                .into_iter()
                .map(|state| state.wish.filter.to_string())
                .collect();
            prop_assert_eq!(&told, &wanted);
            prop_assert!(bench.state().is_up(), "{:?}", bench.state());
        }
    }

    #[test]
    fn one_bad_filter_among_many_is_found_and_the_rest_live(count in 1..30_usize, bad in 0..30_usize) {
        let names: Vec<_> = (0..count).map(|number| format!("f/{number}")).collect();
        let filters: Vec<_> = names.iter().map(String::as_str).collect();
        let bad = format!("f/{}", bad % count);
        let mut bench = Bench::new();
        let mut connections = 0;
        let granted = 'connection: loop {
            connections += 1;
            prop_assert!(connections <= 4, "the search must end");
            bench.attempt(&filters);
            let mut waiting = subscribes(&bench.link(up(false)));
            let mut granted = BTreeSet::new();
            while !waiting.is_empty() {
                let (ticket, asked) = waiting.remove(0);
                if asked.contains(&bad) {
                    bench.ends(EndClass::HungUp);
                    continue 'connection;
                }
                let codes = vec![Ok(Qos::AtLeastOnce); asked.len()];
                granted.extend(asked);
                waiting.extend(subscribes(&bench.link(LinkEvent::Subscribed { ticket, codes })));
            }
            break granted;
        };
        let expected: BTreeSet<_> = names.into_iter().filter(|name| *name != bad).collect();
        prop_assert_eq!(granted, expected);
        prop_assert!(bench.state().is_up());
    }

    #[test]
    fn every_publish_gets_exactly_one_receipt(
        qos in prop::collection::vec(0..2_u8, 1..60),
        breaks in prop::collection::vec(0..60_usize, 0..4),
    ) {
        let mut bench = Bench::new();
        bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
        bench.link(up(false));
        let total = qos.len() as u64;
        for (number, qos) in qos.into_iter().enumerate() {
            let qos = Qos::from_number(qos).unwrap();
            let id = ReceiptId(number as u64);
            bench.command(SessionCommand::Publish(id, draft("t", "x", qos)));
            if breaks.contains(&number) {
                bench.now += Duration::from_mins(1);
                bench.ends(EndClass::Passing);
                bench.wait();
                bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
                bench.link(up(true));
            }
        }
        let mut answered = 0;
        loop {
            let orders: Vec<_> = bench.done.iter().skip(answered).filter_map(|action| match action {
                Action::Send(Order::Publish { ticket, .. }) => Some(*ticket),
                _ => None,
            }).collect();
            answered = bench.done.len();
            if orders.is_empty() {
                break;
            }
            for ticket in orders {
                bench.link(LinkEvent::Published { ticket, result: Ok(Delivered::default()) });
            }
        }
        let mut receipts: Vec<_> = bench.done.iter().filter_map(|action| match action {
            Action::Post(SessionEvent::Receipt { id, .. }) => Some(id.0),
            _ => None,
        }).collect();
        receipts.sort_unstable();
        prop_assert_eq!(receipts, (0..total).collect::<Vec<_>>());
    }
}

/// Anything at any time, also what no driver would send.
fn input(number: u8) -> Input {
    let problem = || Problem::new("lost", "test", "").retry(Retry::Backoff);
    let ends = |class| Input::Link(LinkEvent::Closed(End::new(class, problem())));
    let ticket = Ticket(1);
    let reason = String::new();
    let publish = || SessionCommand::Publish(ReceiptId(1), draft("t", "x", Qos::AtLeastOnce));
    match number {
        0 => Input::Command(SessionCommand::Subscribe(wish("a"))),
        1 => Input::Command(SessionCommand::Unsubscribe(wish("a").filter)),
        2 => Input::Command(publish()),
        3 => Input::Command(SessionCommand::Ack(AckToken(1))),
        4 => Input::Command(SessionCommand::RetryNow),
        5 => Input::Command(SessionCommand::Resubscribe { reason }),
        6 | 7 => Input::Planned(Ok(plan(1, None, &["p"]))),
        8 => Input::Planned(Err(problem())),
        9 | 10 => Input::Link(up(false)),
        11 => Input::Link(up(true)),
        12 => Input::Link(LinkEvent::Subscribed {
            ticket,
            codes: Vec::new(),
        }),
        13 => Input::Link(LinkEvent::Unsubscribed { ticket }),
        14 => Input::Link(LinkEvent::Published {
            ticket,
            result: Ok(Delivered::default()),
        }),
        15 => ends(EndClass::Unreachable),
        16 => ends(EndClass::Refused),
        17 => ends(EndClass::ClosedEarly),
        18 => ends(EndClass::HungUp),
        19 => Input::Left(Leave::Reconnect { reason }),
        20 => Input::Judged(Verdict::TryAgain { reason }),
        _ => Input::Tick,
    }
}

proptest! {
    #[test]
    fn whatever_happened_before_close_ends_the_session_within_half_a_second(
        inputs in prop::collection::vec(0..22_u8, 0..60),
    ) {
        let half = Duration::from_millis(500);
        let mut bench = Bench::new();
        for number in inputs {
            bench.feed(input(number));
            if let LinkState::Reconnecting { at, .. } = bench.state() {
                let wake = bench.machine.wake();
                // Where the connection is only renewed, the old one is heard out first.
                let latest = at.plus(Duration::from_secs(2));
                prop_assert!(wake.is_some_and(|wake| wake <= latest), "a countdown ends");
            }
        }
        let before = bench.now;
        bench.command(SessionCommand::Close);
        if bench.count(|action| matches!(action, Action::End)) == 0 {
            bench.wait();
        }
        prop_assert_eq!(bench.count(|action| matches!(action, Action::End)), 1);
        prop_assert!(bench.now.saturating_sub(before) <= half);
        prop_assert_eq!(bench.state(), LinkState::Closed);
        prop_assert_eq!(bench.machine.wake(), None);
        prop_assert_eq!(bench.machine.publishes_waiting(), 0);
    }
}

#[test]
fn a_dead_network_is_tried_at_most_fifteen_times_in_five_minutes() {
    let mut bench = Bench::new();
    let mut tries = 0;
    while bench.now <= Duration::from_mins(5) {
        tries += 1;
        bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
        bench.ends(EndClass::Unreachable);
        bench.wait();
    }
    assert!((10..=15).contains(&tries), "{tries} tries");
}

#[test]
fn a_connection_that_closes_at_once_again_and_again_does_not_restart_the_schedule() {
    let mut bench = Bench::new();
    let mut waits = Vec::new();
    for _ in 0..2 {
        bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
        bench.link(up(false));
        bench.ends(EndClass::HungUp);
        let before = bench.now;
        bench.wait();
        waits.push(bench.now.saturating_sub(before).as_millis());
    }
    assert_eq!(waits, [1000, 2000]);
    // One that lived starts over.
    bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
    bench.link(up(false));
    bench.now += Duration::from_secs(30);
    bench.ends(EndClass::HungUp);
    let before = bench.now;
    bench.wait();
    assert_eq!(bench.now.saturating_sub(before).as_millis(), 1000);
}

#[test]
fn three_short_lives_are_a_takeover_and_a_long_one_clears_the_suspicion() {
    let mut bench = Bench::new();
    for lived in [1, 1, 60, 1, 1, 1] {
        assert!(!matches!(bench.state(), LinkState::TakenOver(_)));
        bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
        bench.link(up(false));
        bench.now += Duration::from_secs(lived);
        bench.ends(EndClass::HungUp);
        bench.wait();
    }
    assert!(matches!(bench.state(), LinkState::TakenOver(_)));
    assert_eq!(bench.machine.wake(), None, "it does not fight");
}

#[test]
fn a_broker_deaf_to_subscribe_is_left() {
    let mut bench = Bench::new();
    bench.feed(Input::Planned(Ok(plan(1, None, &["a"]))));
    bench.link(up(false));
    let actions = bench.wait();
    assert_eq!(bench.now, Duration::from_secs(20));
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Abandon))
    );
    match bench.state() {
        LinkState::Reconnecting { why, .. } => {
            assert_eq!(why.cause, "the broker does not answer SUBSCRIBE");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_verdict_is_asked_again_only_after_a_connection_stood() {
    let mut bench = Bench::new();
    let judged = |actions: &[Action]| actions.iter().any(|a| matches!(a, Action::Judge(_)));
    let again = || Verdict::TryAgain {
        reason: "renewed".to_owned(),
    };
    bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
    assert!(judged(&bench.ends(EndClass::Refused)));
    bench.feed(Input::Judged(again()));
    bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
    bench.link(up(false));
    bench.now += Duration::from_mins(1);
    bench.ends(EndClass::Passing);
    bench.wait();
    bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
    assert!(
        judged(&bench.ends(EndClass::Refused)),
        "a year later it may have run out again"
    );
    bench.feed(Input::Judged(again()));
    bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
    assert!(!judged(&bench.ends(EndClass::Refused)));
    assert!(matches!(bench.state(), LinkState::Refused(_)));
}

#[test]
fn a_platform_that_leaves_at_once_again_and_again_makes_no_storm() {
    let mut bench = Bench::new();
    let leave = || {
        Input::Left(Leave::Reconnect {
            reason: "a new token".to_owned(),
        })
    };
    let mut waited = Vec::new();
    for _ in 0..3 {
        bench.feed(Input::Planned(Ok(plan(1, None, &[]))));
        bench.link(up(false));
        bench.feed(leave());
        bench.ends(EndClass::HungUp);
        let before = bench.now;
        bench.wait();
        waited.push(bench.now.saturating_sub(before).as_millis());
    }
    assert_eq!(waited, [0, 1000, 2000]);
}

#[test]
fn a_wait_that_was_named_is_kept() {
    let mut bench = Bench::new();
    let wait = Duration::from_mins(10);
    let problem = Problem::new("resting", "LG's call limit", "").retry(Retry::After(wait));
    bench.feed(Input::Planned(Err(problem)));
    assert_eq!(bench.machine.wake(), Some(Mono(wait)));
}

#[test]
fn a_full_outbox_says_so_instead_of_growing() {
    let mut bench = Bench::new();
    for id in 0..1000 {
        bench.command(SessionCommand::Publish(
            ReceiptId(id),
            draft("t", "x", Qos::AtMostOnce),
        ));
    }
    assert_eq!(bench.machine.publishes_waiting(), 1000);
    let one_more = SessionCommand::Publish(ReceiptId(1000), draft("t", "x", Qos::AtMostOnce));
    let actions = bench.command(one_more);
    match &actions[..] {
        [
            Action::Post(SessionEvent::Receipt {
                id: ReceiptId(1000),
                result: Err(problem),
            }),
        ] => {
            assert!(problem.cause.contains("1000 messages wait"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_filter_set_aside_gets_another_chance_when_it_is_added_again() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.attempt(&["bad"]);
        bench.link(up(false));
        bench.ends(EndClass::HungUp);
    }
    bench.attempt(&["bad"]);
    assert_eq!(subscribes(&bench.link(up(false))), []);
    let actions = bench.command(SessionCommand::Subscribe(wish("bad")));
    assert_eq!(bench.answer(&actions), ["bad"]);
}

#[test]
fn a_filter_set_aside_is_tried_again_last_and_alone_once_the_broker_has_proved_itself() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.attempt(&["bad"]);
        bench.link(up(false));
        bench.ends(EndClass::HungUp);
    }
    bench.attempt(&["bad", "good"]);
    let actions = bench.link(up(false));
    assert_eq!(bench.answer(&actions), ["good"]);
    let reason = "nothing heard".to_owned();
    let actions = bench.command(SessionCommand::Resubscribe { reason });
    assert_eq!(bench.answer(&actions), ["good", "bad"]);
}

#[test]
fn a_plan_with_other_filters_replaces_the_old_ones() {
    let mut bench = Bench::new();
    bench.feed(Input::Planned(Ok(plan(1, None, &["old/push", "both"]))));
    let actions = bench.link(up(false));
    bench.answer(&actions);
    bench.ends(EndClass::Passing);
    bench.wait();
    bench.feed(Input::Planned(Ok(plan(1, None, &["new/push", "both"]))));
    let actions = bench.link(up(false));
    assert_eq!(bench.answer(&actions), ["both", "new/push"]);
}
