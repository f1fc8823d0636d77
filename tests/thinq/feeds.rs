//! Push and event: whatever gets lost, the state that is told is the one that LG's lists tell.

use std::time::Duration;

use futures_util::future::join_all;
use thingdeck::base::moment::Timestamp;
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::platform::Platform;
use thingdeck::platform::thinq::Thinq;

use crate::script::{Fault, START, Script, thinq};

fn toggle(device: &str, feed: Feed, on: bool) -> Request {
    Request::Feed {
        device: DeviceId::new(device),
        feed,
        on,
        hours: None,
    }
}

fn set(
    script: &Script,
    thinq: &Thinq,
    device: &str,
    feed: Feed,
    on: bool,
) -> Result<FeedState, Problem> {
    match script.run(thinq.request(script, toggle(device, feed, on)))? {
        Reply::Feed(state) => Ok(state),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_feed_is_on_when_the_server_has_confirmed_it() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    assert_eq!(
        set(&script, &thinq, "d00", Feed::Push, true),
        Ok(FeedState::On { until: None })
    );
    assert_eq!(script.calls(), ["POST client", "POST push/d00/subscribe"]);
    script.seen(|seen| assert_eq!(seen[1].call.body, None));
    let Ok(FeedState::On { until: Some(until) }) = set(&script, &thinq, "d00", Feed::Event, true)
    else {
        panic!("no end");
    };
    assert_eq!(until.seconds(), START + 24 * 3600);
    script.seen(|seen| {
        assert_eq!(
            seen[2].json(),
            serde_json::json!({"expire": {"unit": "HOUR", "timer": 24}})
        );
    });
    assert_eq!(
        set(&script, &thinq, "d00", Feed::Event, false),
        Ok(FeedState::Off)
    );
    assert_eq!(script.told("d00", Feed::Event), Some(FeedState::Off));
}

#[test]
fn already_and_not_subscribed_are_no_errors() {
    let script = Script::with_devices(1);
    script.cloud(|cloud| cloud.push.insert("d00".to_owned()));
    let thinq = thinq();
    assert_eq!(
        set(&script, &thinq, "d00", Feed::Push, true),
        Ok(FeedState::On { until: None })
    );
    script.cloud(|cloud| cloud.push.clear());
    assert_eq!(
        set(&script, &thinq, "d00", Feed::Push, false),
        Ok(FeedState::Off)
    );
    assert_eq!(
        set(&script, &thinq, "d00", Feed::Event, false),
        Ok(FeedState::Off)
    );
}

/// F31: every order of three toggles, every way to lose each of their first two sends, on either feed, from either
/// beginning.
#[test]
fn every_order_of_on_and_off_with_lost_replies_ends_in_the_state_that_the_list_tells() {
    let ways = [
        None,
        Some(Fault::AnswerLost),
        Some(Fault::RequestLost),
        Some(Fault::DoneThen(502, "<html>bad gateway</html>")),
        Some(Fault::Code(500, "2000")),
    ];
    for feed in Feed::ALL {
        for beginning in [false, true] {
            for order in 0..8_u8 {
                for (first, second) in ways.iter().flat_map(|a| ways.iter().map(move |b| (a, b))) {
                    let script = Script::with_devices(1);
                    let thinq = thinq();
                    if beginning {
                        set(&script, &thinq, "d00", feed, true).expect("on");
                    }
                    for bit in 0..3 {
                        let on = order >> bit & 1 == 1;
                        for fault in [first, second].into_iter().flatten() {
                            script.fault("subscribe", 1, fault.clone());
                        }
                        let outcome = set(&script, &thinq, "d00", feed, on);
                        let case = format!(
                            "{feed:?} from {beginning}, order {order:03b}, {first:?} then {second:?}: {outcome:?}"
                        );
                        let told = script.told("d00", feed).expect(&case);
                        assert_eq!(told.is_on(), script.listed("d00", feed), "{case}");
                        match outcome {
                            Ok(state) => assert_eq!((state, told.is_on()), (told, on), "{case}"),
                            Err(_) => assert_ne!(told.is_on(), on, "{case}"),
                        }
                        script.heal();
                    }
                }
            }
        }
    }
}

#[test]
fn of_toggles_that_wait_together_the_last_one_counts() {
    for order in 0..8_u8 {
        let wishes: Vec<_> = (0..3).map(|bit| order >> bit & 1 == 1).collect();
        let script = Script::with_devices(1);
        script.fault("subscribe", 1, Fault::AnswerLost);
        let thinq = thinq();
        let requests = wishes
            .iter()
            .map(|on| thinq.request(&script, toggle("d00", Feed::Push, *on)));
        let outcomes = script.run(join_all(requests));
        let last = *wishes.last().expect("three");
        assert_eq!(
            script.listed("d00", Feed::Push),
            last,
            "{wishes:?}: {outcomes:?}"
        );
        assert_eq!(
            script.told("d00", Feed::Push).map(FeedState::is_on),
            Some(last),
            "{wishes:?}"
        );
        assert!(
            outcomes.iter().all(Result::is_ok),
            "{wishes:?}: {outcomes:?}"
        );
    }
}

#[test]
fn of_wishes_that_wait_behind_one_only_the_last_is_sent() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let wishes =
        [true, false, true, false].map(|on| thinq.request(&script, toggle("d00", Feed::Push, on)));
    script.run(join_all(wishes));
    assert_eq!(
        script.calls(),
        [
            "POST client",
            "POST push/d00/subscribe",
            "DELETE push/d00/unsubscribe"
        ]
    );
}

#[test]
fn a_list_that_was_under_way_does_not_undo_what_was_confirmed_meanwhile() {
    for toggle_takes in [1, 8] {
        let script = Script::with_devices(1);
        let thinq = thinq();
        script
            .run(thinq.request(&script, Request::Devices { fresh: true }))
            .expect("devices");
        script.fault("GET push", 1, Fault::Slow(Duration::from_secs(5)));
        script.fault(
            "POST subscribe",
            1,
            Fault::Slow(Duration::from_secs(toggle_takes)),
        );
        let both = [
            thinq.request(&script, Request::Feeds),
            thinq.request(&script, toggle("d00", Feed::Push, true)),
        ];
        script.run(join_all(both));
        let told: Vec<_> = script
            .facts()
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::Feed {
                    feed: Feed::Push,
                    state,
                    ..
                } => Some(state),
                _ => None,
            })
            .collect();
        assert_eq!(
            told,
            [FeedState::On { until: None }],
            "a toggle of {toggle_takes} s"
        );
    }
}

#[test]
fn what_another_command_subscribed_is_not_forgotten() {
    let script = Script::with_devices(2);
    let (one, other) = (thinq(), thinq());
    set(&script, &one, "d00", Feed::Event, true).expect("on");
    set(&script, &other, "d01", Feed::Event, true).expect("on");
    set(&script, &one, "d00", Feed::Event, true).expect("on");
    let Ok(Reply::Feeds(entries)) = script.run(thinq().request(&script, Request::Feeds)) else {
        panic!()
    };
    let ends: Vec<_> = entries
        .iter()
        .map(|e| matches!(e.state, FeedState::On { until: Some(_) }))
        .collect();
    assert_eq!(ends, [false, true, false, true]);
}

#[test]
fn when_even_the_list_cannot_be_read_the_state_is_unknown_and_said_so() {
    let script = Script::with_devices(1);
    script.fault("POST subscribe", 9, Fault::AnswerLost);
    script.fault("GET push", 9, Fault::RequestLost);
    let problem = set(&script, &thinq(), "d00", Feed::Push, true).expect_err("nothing answers");
    assert_eq!(problem.exit, Exit::Unreachable);
    assert_eq!(script.told("d00", Feed::Push), Some(FeedState::Unknown));
}

/// F34.
#[test]
fn over_thirty_devices_each_that_refuses_is_named_with_code_and_words() {
    let script = Script::with_devices(30);
    let refusing = [
        ("d03", "1214"),
        ("d11", "1312"),
        ("d17", "1222"),
        ("d29", "2000"),
    ];
    for (device, code) in refusing {
        script.fault(
            &format!("POST event/{device}/subscribe"),
            9,
            Fault::Code(404, code),
        );
    }
    let thinq = thinq();
    script
        .run(thinq.request(&script, Request::Devices { fresh: false }))
        .expect("devices");
    let ids: Vec<_> = (0..30).map(|i| format!("d{i:02}")).collect();
    let outcomes = script
        .run(join_all(ids.iter().map(|id| {
            thinq.request(&script, toggle(id, Feed::Event, true))
        })));
    for (id, outcome) in ids.iter().zip(outcomes) {
        match refusing.iter().find(|(device, _)| device == id) {
            None => assert!(
                matches!(outcome, Ok(Reply::Feed(FeedState::On { .. }))),
                "{id}: {outcome:?}"
            ),
            Some((_, code)) => {
                let problem = outcome.expect_err(id);
                assert!(
                    problem.what.contains(&format!("event of alias of {id}")),
                    "{problem}"
                );
                assert!(
                    problem.cause.contains(code) && !problem.remedy.is_empty(),
                    "{problem}"
                );
                assert_eq!(script.told(id, Feed::Event), Some(FeedState::Off));
            }
        }
    }
}

#[test]
fn the_lists_tell_the_feeds_of_all_devices() {
    let script = Script::with_devices(2);
    script.cloud(|cloud| {
        cloud.push.insert("d01".to_owned());
        cloud
            .event
            .insert("d00".to_owned(), Duration::from_secs(100));
    });
    let Ok(Reply::Feeds(entries)) = script.run(thinq().request(&script, Request::Feeds)) else {
        panic!()
    };
    let states: Vec<_> = entries
        .iter()
        .map(|e| (e.device.as_str(), e.feed, e.state.is_on()))
        .collect();
    assert_eq!(
        states,
        [
            ("d00", Feed::Push, false),
            ("d00", Feed::Event, true),
            ("d01", Feed::Push, true),
            ("d01", Feed::Event, false)
        ]
    );
}

#[test]
fn another_process_knows_when_an_event_subscription_ends() {
    let script = Script::with_devices(1);
    let request = Request::Feed {
        device: DeviceId::new("d00"),
        feed: Feed::Event,
        on: true,
        hours: Some(2),
    };
    script.run(thinq().request(&script, request)).expect("on");
    let Ok(Reply::Feeds(entries)) = script.run(thinq().request(&script, Request::Feeds)) else {
        panic!()
    };
    assert_eq!(
        entries[1].state,
        FeedState::On {
            until: Some(Timestamp::from_seconds(START + 7200).plus(Duration::from_millis(20)))
        }
    );
}

#[test]
fn a_client_that_lg_has_forgotten_is_registered_again() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Push, true).expect("on");
    script.forget_calls();
    script.fault("POST event/d00/subscribe", 1, Fault::Code(404, "1209"));
    set(&script, &thinq, "d00", Feed::Event, true).expect("on");
    assert_eq!(
        script.calls(),
        [
            "POST event/d00/subscribe",
            "POST client",
            "POST event/d00/subscribe"
        ]
    );
}

#[test]
fn a_feed_that_failed_is_told_as_a_fact_too() {
    let script = Script::with_devices(1);
    script.fault("POST event/d00/subscribe", 1, Fault::Code(404, "1214"));
    let problem = set(&script, &thinq(), "d00", Feed::Event, true).expect_err("1214");
    let told = script
        .facts()
        .into_iter()
        .any(|fact| matches!(fact, Fact::FeedFailed { problem: p, .. } if p == problem));
    assert!(told);
}
