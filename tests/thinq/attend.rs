//! Beside a connection: what is greeted, renewed, watched.

use std::time::Duration;

use futures_util::future::{Either, select};
use thingdeck::domain::device::{DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::profile::{Common, ThinqSettings};
use thingdeck::domain::request::Request;
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::platform::io::Io;
use thingdeck::platform::thinq::Thinq;
use thingdeck::platform::{Leave, Platform};

use crate::messages::arrived;
use crate::script::{Fault, Script, settings, thinq};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Attends for so long; while it does, the stream is heard every minute unless `deaf`.
fn attend(script: &Script, thinq: &Thinq, time: Duration, deaf: bool) {
    attend_and(script, thinq, time, deaf, |_| {});
}

/// The same, with something that happens every minute.
fn attend_and(
    script: &Script,
    thinq: &Thinq,
    time: Duration,
    deaf: bool,
    mut happens: impl FnMut(u32),
) {
    // The connection stands from now.
    script.hear();
    let ears = async {
        for minute in 0.. {
            happens(minute);
            if !deaf {
                script.hear();
            }
            script.sleep(MINUTE).await;
        }
    };
    let both = async {
        match select(thinq.attend(script), Box::pin(ears)).await {
            Either::Left((leave, _)) => panic!("{leave:?}"),
            Either::Right(((), _)) => {}
        }
    };
    assert_eq!(script.run_for(time, both), None);
}

fn set(script: &Script, thinq: &Thinq, device: &str, feed: Feed, on: bool, hours: u8) {
    let request = Request::Feed {
        device: DeviceId::new(device),
        feed,
        on,
        hours: Some(hours),
    };
    script.run(thinq.request(script, request)).expect("set");
}

fn times(script: &Script, line: &str) -> Vec<Duration> {
    script.seen(|seen| {
        seen.iter()
            .filter(|s| s.line() == line)
            .map(|s| s.at)
            .collect()
    })
}

#[test]
fn a_connection_is_greeted_in_the_order_that_loses_no_message() {
    let script = Script::with_devices(2);
    script.cloud(|cloud| cloud.offline.insert("d01".to_owned()));
    attend(&script, &thinq(), MINUTE, false);
    assert_eq!(
        script.calls(),
        [
            "POST push/devices",
            "GET devices",
            "GET push",
            "GET event",
            "GET devices/d00/state",
            "GET devices/d01/state"
        ]
    );
    let facts = script.facts();
    assert!(
        facts
            .iter()
            .any(|f| matches!(f, Fact::Devices(devices) if devices.len() == 2))
    );
    assert!(
        facts
            .iter()
            .any(|f| matches!(f, Fact::State { device, .. } if device.as_str() == "d00"))
    );
    assert!(facts.contains(&Fact::Presence {
        device: DeviceId::new("d01"),
        presence: Presence::Offline
    }));
    assert_eq!(script.told("d00", Feed::Push), Some(FeedState::Off));
    assert!(
        facts
            .iter()
            .any(|f| matches!(f, Fact::Budget(b) if b.calls_this_hour == 6))
    );
}

#[test]
fn a_change_in_the_account_is_a_hint_to_read_the_list_again() {
    let script = Script::with_devices(2);
    let thinq = thinq();
    attend_and(&script, &thinq, MINUTE * 10, false, |minute| {
        if minute == 5 {
            let renamed = r#"{"pushType":"DEVICE_ALIAS_CHANGED","deviceId":"d00","alias":"Hall"}"#;
            thinq.interpret(&arrived(renamed.as_bytes()));
        }
    });
    let read = times(&script, "GET devices");
    assert_eq!(read.len(), 2, "{read:?}");
    assert!(read[1] >= MINUTE * 5 && read[1] <= MINUTE * 6, "{read:?}");
}

#[test]
fn a_large_home_is_read_slowly_and_a_small_one_at_once() {
    let script = Script::with_devices(200);
    attend(&script, &thinq(), HOUR, false);
    let states: Vec<_> = script.seen(|seen| {
        seen.iter()
            .filter(|call| call.line().ends_with("/state"))
            .map(|call| call.at)
            .collect()
    });
    let within = |time: Duration| states.iter().filter(|at| **at <= time).count();
    assert_eq!(within(MINUTE), 30);
    assert!((100..=125).contains(&within(HOUR)), "{}", within(HOUR));
}

#[test]
fn that_account_changes_are_subscribed_already_is_fine() {
    let script = Script::with_devices(1);
    script.cloud(|cloud| cloud.account_feed = true);
    attend(&script, &thinq(), MINUTE, false);
    assert_eq!(script.calls()[1], "GET devices");
    assert_eq!(
        script
            .facts()
            .iter()
            .filter(|f| matches!(f, Fact::Notice(_) | Fact::FeedFailed { .. }))
            .count(),
        0
    );
}

#[test]
fn a_greeting_that_fails_is_repeated_until_it_succeeds() {
    let script = Script::with_devices(1);
    script.fault("GET devices", 4, Fault::Raw(500, "<html></html>"));
    attend(&script, &thinq(), MINUTE, false);
    assert!(
        script.facts().iter().any(|f| matches!(f, Fact::Devices(_))),
        "{:?}",
        script.calls()
    );
}

#[test]
fn a_scope_that_is_missing_for_account_changes_hides_no_device() {
    let script = Script::with_devices(1);
    script.fault("POST push/devices", 9, Fault::Code(401, "1305"));
    attend(&script, &thinq(), MINUTE, false);
    assert_eq!(times(&script, "POST push/devices").len(), 1);
    assert!(
        script
            .facts()
            .iter()
            .any(|f| matches!(f, Fact::State { .. }))
    );
}

#[test]
fn a_list_that_the_token_may_not_read_is_told_and_asked_for_again() {
    let script = Script::with_devices(1);
    script.fault("GET devices", 1, Fault::Code(401, "1305"));
    attend(&script, &thinq(), 15 * MINUTE, false);
    let notices = script
        .facts()
        .into_iter()
        .filter(|f| matches!(f, Fact::Notice(p) if p.cause.contains("1305")));
    assert_eq!(notices.count(), 1);
    assert!(
        script
            .facts()
            .iter()
            .any(|f| matches!(f, Fact::State { .. }))
    );
}

#[test]
fn events_are_renewed_before_they_end_and_never_lapse() {
    let script = Script::with_devices(3);
    let thinq = thinq();
    for device in ["d00", "d01", "d02"] {
        set(&script, &thinq, device, Feed::Event, true, 2);
    }
    let mut lapsed = Vec::new();
    attend_and(&script, &thinq, 10 * HOUR, false, |_| {
        lapsed.extend(
            ["d00", "d01", "d02"]
                .into_iter()
                .filter(|d| !script.listed(d, Feed::Event)),
        );
    });
    assert_eq!(lapsed, Vec::<&str>::new());
    let armed = times(&script, "POST event/d00/subscribe");
    assert!((9..=13).contains(&armed.len()), "{armed:?}");
}

#[test]
fn a_connection_that_breaks_every_minute_costs_no_storm_of_calls() {
    let script = Script::with_devices(3);
    let thinq = thinq();
    for device in ["d00", "d01", "d02"] {
        set(&script, &thinq, device, Feed::Event, true, 2);
    }
    for _ in 0..60 {
        attend(&script, &thinq, MINUTE, false);
        assert!(script.listed("d00", Feed::Event));
    }
    let armed = times(&script, "POST event/d00/subscribe");
    assert!(armed.len() <= 7, "{armed:?}");
    assert!(script.calls().len() <= 300, "{}", script.calls().len());
}

#[test]
fn renewals_of_many_devices_are_spread() {
    let script = Script::with_devices(20);
    let thinq = thinq();
    for i in 0..20 {
        set(&script, &thinq, &format!("d{i:02}"), Feed::Event, true, 10);
    }
    script.forget_calls();
    attend(&script, &thinq, 7 * HOUR, false);
    let mut at: Vec<_> = (0..20)
        .map(|i| times(&script, &format!("POST event/d{i:02}/subscribe")))
        .map(|t| t[t.len() - 1])
        .collect();
    at.sort();
    assert!(at[0] >= 4 * HOUR && at[19] <= 6 * HOUR, "{at:?}");
    assert!(at[19].checked_sub(at[0]).unwrap() > 20 * MINUTE, "{at:?}");
}

#[test]
fn after_a_network_loss_across_the_expiry_events_are_on_again() {
    let script = Script::with_devices(2);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Event, true, 1);
    attend(&script, &thinq, 5 * MINUTE, false);
    // The connection is lost; nothing attends for three hours, and nothing could be reached.
    script.run_for(3 * HOUR, std::future::pending::<()>());
    assert!(!script.listed("d00", Feed::Event));
    script.take_facts();
    attend(&script, &thinq, 5 * MINUTE, false);
    assert!(script.listed("d00", Feed::Event));
    assert!(
        script
            .told("d00", Feed::Event)
            .is_some_and(FeedState::is_on)
    );
    assert!(
        !script.listed("d01", Feed::Event),
        "what nobody asked for stays off"
    );
}

#[test]
fn what_the_server_has_lost_meanwhile_is_subscribed_again_at_the_next_connection() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Event, true, 24);
    attend(&script, &thinq, MINUTE, false);
    script.cloud(|cloud| cloud.event.clear());
    attend(&script, &thinq, MINUTE, false);
    assert!(script.listed("d00", Feed::Event));
    assert!(
        script
            .logs()
            .iter()
            .any(|line| line.contains("have ended; subscribing again"))
    );
}

#[test]
fn a_long_lived_subscription_is_armed_anew_at_a_later_connection() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Event, true, 24);
    script.run_for(HOUR, std::future::pending::<()>());
    script.forget_calls();
    attend(&script, &thinq, 3 * MINUTE, false);
    assert_eq!(times(&script, "POST event/d00/subscribe").len(), 1);
}

#[test]
fn a_loss_of_the_api_alone_across_the_expiry_is_told_and_mended() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Event, true, 1);
    script.fault("POST event/d00/subscribe", 1000, Fault::Unreachable);
    attend(&script, &thinq, 2 * HOUR, false);
    assert_eq!(script.told("d00", Feed::Event), Some(FeedState::Off));
    script.heal();
    attend(&script, &thinq, 20 * MINUTE, false);
    assert!(script.listed("d00", Feed::Event));
    assert!(
        script
            .told("d00", Feed::Event)
            .is_some_and(FeedState::is_on)
    );
}

#[test]
fn a_device_that_refuses_to_be_renewed_is_named_and_let_be() {
    let script = Script::with_devices(2);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Event, true, 1);
    set(&script, &thinq, "d01", Feed::Event, true, 1);
    script.forget_calls();
    script.fault("POST event/d00/subscribe", 1000, Fault::Code(404, "1214"));
    attend(&script, &thinq, 4 * HOUR, false);
    assert_eq!(times(&script, "POST event/d00/subscribe").len(), 1);
    assert!(times(&script, "POST event/d01/subscribe").len() >= 4);
    let named = script.facts().into_iter().any(|fact| {
        matches!(fact, Fact::FeedFailed { problem, state: FeedState::Off, .. }
            if problem.what.contains("alias of d00") && problem.cause.contains("1214"))
    });
    assert!(named);
}

#[test]
fn what_was_turned_off_is_not_renewed() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Event, true, 1);
    attend(&script, &thinq, MINUTE, false);
    set(&script, &thinq, "d00", Feed::Event, false, 1);
    script.forget_calls();
    attend(&script, &thinq, 5 * HOUR, false);
    assert_eq!(
        times(&script, "POST event/d00/subscribe"),
        Vec::<Duration>::new()
    );
}

#[test]
fn a_subscription_of_an_earlier_run_is_kept_with_its_own_hours() {
    let script = Script::with_devices(1);
    set(&script, &thinq(), "d00", Feed::Event, true, 3);
    script.forget_calls();
    attend(&script, &thinq(), 2 * HOUR, false);
    let bodies: Vec<_> = script.seen(|seen| {
        seen.iter()
            .filter(|s| s.line() == "POST event/d00/subscribe")
            .map(|s| s.json()["expire"]["timer"].clone())
            .collect()
    });
    assert_eq!(bodies, [3]);
}

fn impatient(seconds: u32) -> Thinq {
    Thinq::new(
        ThinqSettings {
            silent_after: Some(seconds),
            ..settings()
        },
        Common::default(),
    )
}

/// F7.
#[test]
fn a_stream_that_says_nothing_is_subscribed_anew_and_looked_into() {
    let script = Script::with_devices(2);
    let thinq = impatient(600);
    set(&script, &thinq, "d00", Feed::Event, true, 24);
    attend_and(&script, &thinq, 12 * MINUTE, true, |minute| {
        if minute == 2 {
            script.cloud(|cloud| {
                cloud.event.clear();
                cloud.account_feed = false;
            });
        }
    });
    assert_eq!(script.silences().len(), 1, "{:?}", script.silences());
    assert!(script.listed("d00", Feed::Event));
    assert!(script.cloud(|cloud| cloud.account_feed));
    let said = script.logs().join("\n");
    for words in [
        "has lost the event subscriptions of alias of d00",
        "as it was",
        "subscribing again to events of 1 device",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn silence_is_looked_into_ever_more_rarely() {
    let script = Script::with_devices(1);
    let thinq = impatient(600);
    set(&script, &thinq, "d00", Feed::Event, true, 24);
    attend(&script, &thinq, 10 * HOUR, true);
    assert!(
        (4..=10).contains(&script.silences().len()),
        "{}",
        script.silences().len()
    );
}

#[test]
fn a_stream_that_is_heard_or_not_wanted_is_not_silent() {
    let heard = Script::with_devices(1);
    let thinq = impatient(600);
    set(&heard, &thinq, "d00", Feed::Event, true, 24);
    attend(&heard, &thinq, 2 * HOUR, false);
    assert_eq!(heard.silences(), Vec::<String>::new());

    let unwanted = Script::with_devices(1);
    attend(&unwanted, &impatient(600), 2 * HOUR, true);
    assert_eq!(unwanted.silences(), Vec::<String>::new());

    let offline = Script::with_devices(1);
    let thinq = impatient(600);
    set(&offline, &thinq, "d00", Feed::Event, true, 24);
    offline.cloud(|cloud| cloud.offline.insert("d00".to_owned()));
    attend(&offline, &thinq, 2 * HOUR, true);
    assert_eq!(offline.silences(), Vec::<String>::new());
}

#[test]
fn no_cut_of_the_network_ends_the_attendance() {
    let script = Script::with_devices(3);
    let thinq = thinq();
    script.cut_off(true);
    attend(&script, &thinq, HOUR, true);
    let tries = script.calls().len();
    assert!(
        (5..=20).contains(&tries),
        "{tries} calls while nothing could be reached"
    );
    script.cut_off(false);
    attend(&script, &thinq, MINUTE, false);
    assert!(
        script
            .facts()
            .iter()
            .any(|f| matches!(f, Fact::State { .. }))
    );
}

#[test]
fn a_device_that_is_offline_or_a_page_in_between_costs_no_event_subscription() {
    for fault in [
        Fault::Code(416, "1222"),
        Fault::Code(400, "2210"),
        Fault::Raw(403, "<html>sign in</html>"),
    ] {
        let script = Script::with_devices(1);
        let thinq = thinq();
        set(&script, &thinq, "d00", Feed::Event, true, 2);
        script.fault("POST event/d00/subscribe", 2, fault.clone());
        attend(&script, &thinq, 4 * HOUR, false);
        assert!(script.listed("d00", Feed::Event), "{fault:?}");
        assert!(
            script
                .told("d00", Feed::Event)
                .is_some_and(FeedState::is_on),
            "{fault:?}"
        );
    }
}

#[test]
fn a_new_connection_with_hundreds_of_subscriptions_stays_within_the_hour() {
    let script = Script::with_devices(100);
    let thinq = thinq();
    for i in 0..100 {
        set(&script, &thinq, &format!("d{i:02}"), Feed::Event, true, 24);
    }
    script.run_for(HOUR, std::future::pending::<()>());
    script.forget_calls();
    attend(&script, &thinq, 2 * MINUTE, false);
    let armed = |script: &Script| {
        let calls = script.calls();
        calls
            .iter()
            .filter(|c| c.starts_with("POST event/"))
            .count()
    };
    assert!(armed(&script) <= 25, "{} at once", armed(&script));
    attend(&script, &thinq, 30 * MINUTE, false);
    assert!(
        armed(&script) >= 95,
        "{} after half an hour",
        armed(&script)
    );
}

#[test]
fn what_is_turned_off_while_silence_is_looked_into_stays_off() {
    let script = Script::with_devices(2);
    let thinq = impatient(600);
    set(&script, &thinq, "d00", Feed::Event, true, 24);
    set(&script, &thinq, "d01", Feed::Event, true, 24);
    script.fault("GET event", 1, Fault::Slow(Duration::ZERO));
    script.fault("GET event", 1, Fault::Slow(Duration::from_secs(10)));
    let off = async {
        // In the middle of the look.
        script.sleep(605 * Duration::from_secs(1)).await;
        let request = Request::Feed {
            device: DeviceId::new("d00"),
            feed: Feed::Event,
            on: false,
            hours: None,
        };
        thinq.request(&script, request).await.expect("off");
        std::future::pending::<()>().await;
    };
    script.hear();
    let both = async {
        match select(thinq.attend(&script), Box::pin(off)).await {
            Either::Left((leave, _)) => panic!("{leave:?}"),
            Either::Right(((), _)) => {}
        }
    };
    assert_eq!(script.run_for(12 * MINUTE, both), None);
    assert_eq!(script.silences().len(), 1);
    assert!(!script.listed("d00", Feed::Event));
    assert!(script.listed("d01", Feed::Event));
}

#[test]
fn a_silence_that_subscribing_did_not_end_leaves_the_connection_when_something_did_change() {
    let script = Script::with_devices(1);
    let thinq = impatient(600);
    set(&script, &thinq, "d00", Feed::Event, true, 24);
    attend_and(&script, &thinq, 15 * MINUTE, true, |_| {});
    assert_eq!(script.silences().len(), 1);
    script.hear();
    let ears = async {
        script.sleep(15 * MINUTE).await;
        script.cloud(|cloud| {
            cloud.states.insert(
                "d00".to_owned(),
                serde_json::json!({"operation": {"mode": "POWER_ON"}}),
            );
        });
        std::future::pending::<()>().await;
    };
    let both = async {
        match select(thinq.attend(&script), Box::pin(ears)).await {
            Either::Left((leave, _)) => leave,
            Either::Right(((), _)) => unreachable!(),
        }
    };
    let left = script.run_for(HOUR, both);
    assert!(
        matches!(&left, Some(Leave::Reconnect { reason }) if reason.contains("alias of d00")),
        "{left:?}"
    );
    assert_eq!(script.silences().len(), 3, "only after a second look");
}

#[test]
fn push_that_was_on_before_we_asked_is_claimed_once_when_nothing_arrives() {
    let script = Script::with_devices(1);
    let thinq = impatient(600);
    script.cloud(|cloud| cloud.push.insert("d00".to_owned()));
    set(&script, &thinq, "d00", Feed::Push, true, 24);
    script.forget_calls();
    attend(&script, &thinq, 3 * HOUR, true);
    assert_eq!(times(&script, "DELETE push/d00/unsubscribe").len(), 1);
    assert_eq!(times(&script, "POST push/d00/subscribe").len(), 1);
    assert!(script.listed("d00", Feed::Push));
}

#[test]
fn a_toggle_of_which_nothing_is_known_is_settled_by_the_lists_later() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    set(&script, &thinq, "d00", Feed::Push, false, 24);
    attend(&script, &thinq, MINUTE, false);
    let request = Request::Feed {
        device: DeviceId::new("d00"),
        feed: Feed::Push,
        on: true,
        hours: None,
    };
    let asked = async {
        script.sleep(10 * Duration::from_secs(1)).await;
        script.fault("POST push/d00/subscribe", 1, Fault::AnswerLost);
        script.fault("GET push", 4, Fault::Raw(500, ""));
        assert!(thinq.request(&script, request).await.is_err());
        assert_eq!(script.told("d00", Feed::Push), Some(FeedState::Unknown));
        std::future::pending::<()>().await;
    };
    script.hear();
    let both = async {
        match select(thinq.attend(&script), Box::pin(asked)).await {
            Either::Left((leave, _)) => panic!("{leave:?}"),
            Either::Right(((), _)) => {}
        }
    };
    assert_eq!(script.run_for(10 * MINUTE, both), None);
    assert_eq!(
        script.told("d00", Feed::Push),
        Some(FeedState::On { until: None })
    );
}

#[test]
fn the_list_does_not_call_a_device_offline_that_has_spoken_since() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    script.cloud(|cloud| cloud.offline.insert("d00".to_owned()));
    attend(&script, &thinq, MINUTE, false);
    assert!(script.facts().contains(&Fact::Presence {
        device: DeviceId::new("d00"),
        presence: Presence::Offline
    }));
    // It reports, which only the screen hears of; then somebody presses r.
    script.take_facts();
    script
        .run(thinq.request(&script, Request::Devices { fresh: true }))
        .expect("listed");
    let told = script.facts().into_iter().find_map(|fact| match fact {
        Fact::Devices(devices) => Some(devices[0].presence),
        _ => None,
    });
    assert_eq!(told, Some(Presence::Unknown));
}

#[test]
fn a_retry_after_of_centuries_ends_nothing() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    script.fault("GET devices", 1, Fault::TooMany(Some(u64::MAX)));
    attend(&script, &thinq, 26 * HOUR, false);
    assert!(
        script
            .facts()
            .iter()
            .any(|fact| matches!(fact, Fact::State { .. })),
        "{:?}",
        script.calls()
    );
}
