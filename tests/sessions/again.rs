//! Publishing as the standard demands: what goes out again, with which packet id, how much at once, and what is never
//! sent (MQTT 5, 4.3, 4.4 and 4.9).

use std::time::Duration;

use thingdeck::domain::message::{Draft, Properties, Qos};
use thingdeck::domain::profile::Version;
use thingdeck::domain::session::{Delivered, LinkState, SessionCommand, SessionEvent};
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::session::end::EndClass;
use thingdeck::session::link::{Accepted, LinkEvent, Order};
use thingdeck::session::machine::{Action, Input};

use super::bench::{Bench, Sent, receipts, sent};
use super::support::{draft, plan};

/// Every QoS allowed.
fn free() -> ConnectPlan {
    let mut plan = plan(1, None, &[]);
    plan.limits.max_qos = Qos::ExactlyOnce;
    plan
}

fn kept() -> Accepted {
    Accepted {
        session_present: true,
        ..Accepted::default()
    }
}

fn once(payload: &str) -> Draft {
    draft("t", payload, Qos::AtLeastOnce)
}

fn exactly(payload: &str) -> Draft {
    draft("t", payload, Qos::ExactlyOnce)
}

/// Payload, packet id, DUP.
fn short(sent: Vec<Sent>) -> Vec<(String, u16, bool)> {
    let short = sent.into_iter().map(|s| (s.payload, s.packet, s.dup));
    short.collect()
}

fn releases(actions: &[Action]) -> Vec<u16> {
    let orders = actions.iter().filter_map(|action| match action {
        Action::Send(Order::Release { packet, .. }) => Some(*packet),
        _ => None,
    });
    orders.collect()
}

/// Three on their way: QoS 1, QoS 2 that the broker recorded, QoS 2 that it did not.
fn three_on_their_way() -> (Bench, Vec<Sent>) {
    let (mut bench, _) = Bench::connected(&free(), Accepted::default());
    let mut all = Vec::new();
    for (id, draft) in (1..).zip([once("one"), exactly("recorded"), exactly("unheard")]) {
        all.extend(sent(&bench.publish(id, draft)));
    }
    let ticket = all[1].ticket;
    bench.link(LinkEvent::Recorded { ticket });
    (bench, all)
}

#[test]
fn a_kept_session_gets_the_same_messages_again_and_only_the_rest_of_what_it_recorded() {
    let (mut bench, first) = three_on_their_way();
    let actions = bench.again(&free(), kept());
    let expected = [
        ("one".to_owned(), first[0].packet, true),
        ("unheard".to_owned(), first[2].packet, true),
    ];
    assert_eq!(short(sent(&actions)), expected);
    assert_eq!(releases(&actions), [first[1].packet]);
    let order: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Send(Order::Publish { packet, .. } | Order::Release { packet, .. }) => {
                Some(*packet)
            }
            _ => None,
        })
        .collect();
    let before: Vec<_> = first.iter().map(|sent| sent.packet).collect();
    assert_eq!(order, before, "in the order of the first time");
}

#[test]
fn a_forgotten_session_gets_them_as_new_ones_and_exactly_once_is_no_longer_claimed() {
    let (mut bench, first) = three_on_their_way();
    let actions = bench.again(&free(), Accepted::default());
    let again = sent(&actions);
    let payloads: Vec<_> = again.iter().map(|sent| sent.payload.as_str()).collect();
    assert_eq!(payloads, ["one", "recorded", "unheard"]);
    assert!(again.iter().all(|sent| !sent.dup), "{again:?}");
    assert!(
        again.iter().zip(&first).all(|(a, b)| a.packet != b.packet),
        "{again:?}"
    );
    assert!(releases(&actions).is_empty());
    let actions = bench.acknowledge(again[0].ticket);
    assert_eq!(receipts(&actions), [(1, Ok(Delivered::default()))]);
    let note = "the broker forgot the session meanwhile: it may have arrived twice";
    let noted = Delivered {
        note: Some(note.to_owned()),
    };
    let actions = bench.acknowledge(again[1].ticket);
    assert_eq!(receipts(&actions), [(2, Ok(noted))]);
}

#[test]
fn a_session_that_the_broker_kept_for_another_client_id_is_not_ours() {
    let (mut bench, _) = three_on_their_way();
    let mut other = free();
    other.client_id = "renewed".to_owned();
    let actions = bench.again(&other, kept());
    assert_eq!(sent(&actions).len(), 3);
    assert!(
        releases(&actions).is_empty(),
        "it would be a PUBREL of nothing"
    );
}

#[test]
fn what_waited_goes_after_what_was_on_its_way() {
    let (mut bench, _) = three_on_their_way();
    bench.now += Duration::from_mins(1);
    bench.ends(EndClass::Passing);
    let actions = bench.publish(4, once("later"));
    let told = |action: &Action| matches!(action, Action::Post(SessionEvent::Queue { waiting: 4 }));
    assert!(actions.iter().any(told), "{actions:?}");
    bench.wait();
    bench.feed(Input::Planned(Ok(free())));
    let actions = bench.link(LinkEvent::Up(kept()));
    let last = sent(&actions).pop().expect("four of them");
    assert_eq!((last.payload.as_str(), last.dup), ("later", false));
    let told = |action: &Action| matches!(action, Action::Post(SessionEvent::Queue { waiting: 0 }));
    assert!(actions.iter().any(told), "{actions:?}");
}

#[test]
fn the_broker_says_how_many_may_be_unacknowledged() {
    let three = Accepted {
        receive_max: Some(3),
        ..Accepted::default()
    };
    let (mut bench, _) = Bench::connected(&free(), three);
    let mut out = Vec::new();
    for id in 1..=10 {
        out.extend(sent(&bench.publish(id, once(&id.to_string()))));
    }
    assert_eq!(out.len(), 3);
    for done in 0..10 {
        let more = bench.acknowledge(out[done].ticket);
        out.extend(sent(&more));
        assert_eq!(out.len(), (done + 4).min(10));
    }
}

#[test]
fn packet_ids_stay_below_the_links_own_and_skip_those_in_use() {
    let (mut bench, _) = Bench::connected(&free(), Accepted::default());
    let held = sent(&bench.publish(0, once("held")))[0].packet;
    for id in 1..70_000 {
        let out = sent(&bench.publish(id, once("x")));
        assert!((1..0x8000).contains(&out[0].packet), "{out:?}");
        assert_ne!(out[0].packet, held);
        bench.acknowledge(out[0].ticket);
        bench.done.clear();
    }
}

#[test]
fn what_waited_offline_is_held_against_what_the_broker_says_when_it_accepts() {
    let mut bench = Bench::new();
    let retained = Draft {
        retain: true,
        ..once("retained")
    };
    for (id, draft) in (1..).zip([exactly("2"), retained, once(&"x".repeat(200)), once("fine")]) {
        bench.publish(id, draft);
    }
    bench.feed(Input::Planned(Ok(free())));
    let strict = Accepted {
        max_qos: Some(Qos::AtLeastOnce),
        max_packet: Some(100),
        no_retain: true,
        ..Accepted::default()
    };
    let actions = bench.link(LinkEvent::Up(strict));
    let causes: Vec<_> = receipts(&actions)
        .into_iter()
        .map(|(id, result)| (id, result.unwrap_err()))
        .collect();
    assert_eq!(
        causes.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    for ((_, cause), words) in causes
        .iter()
        .zip(["QoS 1 at most", "retained", "100 at most"])
    {
        assert!(cause.contains(words), "{cause}");
    }
    assert_eq!(sent(&actions)[0].payload, "fine");
}

#[test]
fn properties_are_refused_where_the_connection_cannot_carry_them() {
    let with = || Draft {
        properties: Some(Box::new(Properties {
            content_type: Some("text/plain".to_owned()),
            ..Properties::default()
        })),
        ..once("x")
    };
    let (mut old, _) = Bench::connected(&free(), Accepted::default());
    let (_, result) = receipts(&old.publish(1, with())).remove(0);
    assert!(
        result
            .unwrap_err()
            .contains("this connection speaks MQTT 3.1.1")
    );

    let mut new = free();
    new.version = Version::V5;
    let (mut bench, _) = Bench::connected(&new, Accepted::default());
    assert_eq!(sent(&bench.publish(1, with())).len(), 1);
}

#[test]
fn a_refusal_by_code_reaches_the_receipt() {
    let (mut bench, _) = Bench::connected(&free(), Accepted::default());
    let ticket = sent(&bench.publish(1, once("x")))[0].ticket;
    let no = "not authorized (code 135)";
    let problem = thingdeck::base::problem::Problem::new("could not publish", no, "");
    let result = Err(problem);
    let actions = bench.link(LinkEvent::Published { ticket, result });
    assert_eq!(receipts(&actions), [(1, Err(no.to_owned()))]);
    assert!(bench.state().is_up());
}

/// Brings a machine whose connection has ended to the next one, whose SUBSCRIBEs are answered.
fn reconnect(bench: &mut Bench, plan: &ConnectPlan) -> Vec<Action> {
    let from = bench.done.len();
    bench.wait();
    bench.feed(Input::Planned(Ok(plan.clone())));
    let actions = bench.link(LinkEvent::Up(kept()));
    bench.answer(&actions);
    bench.done[from..].to_vec()
}

#[test]
fn a_publish_at_which_the_broker_hangs_up_is_found_given_back_and_the_rest_goes_out() {
    let (mut bench, mut actions) = Bench::connected(&free(), Accepted::default());
    for (id, payload) in [(1, "good"), (2, "forbidden"), (3, "fine")] {
        actions.extend(bench.publish(id, once(payload)));
    }
    let mut connections = 1;
    while receipts(&bench.done).len() < 3 {
        let mut out = sent(&std::mem::take(&mut actions));
        if out.is_empty() {
            out = sent(&bench.wait());
            assert!(!out.is_empty(), "it waits for something");
        }
        for sent in out {
            if sent.payload == "forbidden" {
                bench.ends(EndClass::HungUp);
                actions = reconnect(&mut bench, &free());
                connections += 1;
                break;
            }
            actions.extend(bench.acknowledge(sent.ticket));
        }
    }
    let mut answered = receipts(&bench.done);
    answered.sort_by_key(|(id, _)| *id);
    let [(1, Ok(_)), (2, Err(cause)), (3, Ok(_))] = &answered[..] else {
        panic!("{answered:?}");
    };
    assert!(
        cause.contains("the broker hangs up when it is sent"),
        "{cause}"
    );
    assert_eq!(connections, 5);
    assert!(bench.state().is_up(), "{:?}", bench.state());
}

#[test]
fn a_network_that_breaks_often_blames_no_publish() {
    let (mut bench, _) = Bench::connected(&free(), Accepted::default());
    bench.publish(1, once("slow"));
    for _ in 0..20 {
        // Not soon after it was sent.
        bench.now += Duration::from_secs(6);
        assert!(receipts(&bench.ends(EndClass::HungUp)).is_empty());
        bench.command(SessionCommand::RetryNow);
        let actions = reconnect(&mut bench, &free());
        assert_eq!(sent(&actions).len(), 1);
        bench.command(SessionCommand::RetryNow);
        if matches!(bench.state(), LinkState::TakenOver(_)) {
            break;
        }
    }
}

#[test]
fn a_filter_and_a_publish_are_not_blamed_for_each_other() {
    let mut wanted = free();
    wanted.filters = vec![super::support::wish("good")];
    let (mut bench, _) = Bench::connected(&wanted, Accepted::default());
    bench.publish(1, once("forbidden"));
    // The broker reads the PUBLISH first, and hangs up before it has answered the SUBSCRIBE.
    let mut causes = receipts(&bench.ends(EndClass::HungUp));
    let mut actions = reconnect(&mut bench, &wanted);
    while causes.is_empty() {
        if sent(&actions).is_empty() {
            actions = bench.wait();
            assert!(!sent(&actions).is_empty(), "{actions:?}");
        }
        causes.extend(receipts(&bench.ends(EndClass::HungUp)));
        actions = reconnect(&mut bench, &wanted);
    }
    let good = bench.machine.filters().remove(0);
    assert_eq!(good.granted, Some(Ok(Qos::AtLeastOnce)));
}

#[test]
fn closing_says_what_became_of_each_publish() {
    let (mut bench, _) = three_on_their_way();
    bench.publish(4, draft("t", "flushed?", Qos::AtMostOnce));
    bench.now += Duration::from_mins(1);
    let mut all = receipts(&bench.ends(EndClass::Passing));
    bench.publish(5, once("never sent"));
    all.extend(receipts(&bench.command(SessionCommand::Close)));
    all.sort_by_key(|(id, _)| *id);
    let words = [
        "before the broker acknowledged it: it may or may not have arrived",
        "the broker has it, and may or may not hand it on",
        "before the broker acknowledged it: it may or may not have arrived",
        "the connection broke while it was being sent",
        "it has not gone out",
    ];
    assert_eq!(all.len(), words.len());
    for ((id, result), words) in all.into_iter().zip(words) {
        let cause = result.unwrap_err();
        assert!(cause.contains(words), "{id}: {cause}");
    }
    assert_eq!(bench.state(), LinkState::Closed);
}

#[test]
fn one_large_publish_is_not_called_a_busy_session() {
    let mut large = free();
    large.limits.max_packet = 64 << 20;
    let (mut bench, _) = Bench::connected(&large, Accepted::default());
    bench.now += Duration::from_mins(1);
    bench.ends(EndClass::Passing);
    let size = 20 << 20;
    assert_eq!(receipts(&bench.publish(1, once(&"x".repeat(size)))), []);
    let (_, second) = receipts(&bench.publish(2, once(&"x".repeat(size)))).remove(0);
    assert!(second.unwrap_err().contains("busy"));
}
