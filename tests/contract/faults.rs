//! Each way in which the cloud or the network fails: what is told, that nothing is stuck, and that the stream goes on.

use std::time::Duration;

use serde_json::json;
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::request::{PropertyPath, Reply, Request, Setting};
use thingdeck::domain::session::{LinkState, SessionEvent};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::sim::{Fault, Times};

use crate::support::{Bench, Open, PATIENCE};

const AIR_CONDITIONER: &str = "거실 에어컨";

async fn connected(bench: &Bench) -> Open {
    let mut open = bench.open();
    open.settled(bench).await;
    open
}

/// The stream is alive: a report of the device reaches us.
async fn hears(bench: &Bench, open: &mut Open, device: &DeviceId, mark: &str) {
    bench
        .control
        .report(device.as_str(), json!({"airFlow": {"windStrength": mark}}));
    let what = format!("a report that says {mark}");
    open.next(&what, |e| match e {
        SessionEvent::Message(message, _) => String::from_utf8_lossy(&message.payload)
            .contains(mark)
            .then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_is_told_and_found_again() {
    let bench = Bench::start().await;
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    bench.control.stop_broker();
    open.broken().await;
    bench.control.start_broker();
    open.subscribed().await;
    hears(&bench, &mut open, &device, "AFTER_THE_BROKER").await;
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_comes_back_with_every_filter() {
    let bench = Bench::start().await;
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    bench.control.lose_session();
    bench.control.drop_connections();
    open.subscribed().await;
    hears(&bench, &mut open, &device, "AFTER_THE_CUT").await;
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_no_longer_accepted_is_renewed_once_and_visibly() {
    let bench = Bench::start().await;
    connected(&bench).await.close().await;
    assert_eq!(bench.control.certificates_issued(), 1);
    bench.control.refuse_certificates(true);
    let mut open = bench.open();
    open.fact(
        "a step that renews the certificate",
        |f| matches!(f, Fact::Step(step) if step.name == "certificate"),
    )
    .await;
    open.connected().await;
    assert_eq!(bench.control.certificates_issued(), 2);
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_every_identity_is_tried_twice_and_explained() {
    let bench = Bench::start().await;
    bench.control.refuse_connect(Some(5));
    let mut open = bench.open();
    let problem = open.refused().await;
    assert!(
        !problem.cause.is_empty() && !problem.remedy.is_empty(),
        "{problem}"
    );
    assert!(bench.control.certificates_issued() <= 2);
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_subscription_that_ran_out_unseen_is_noticed_and_armed_again() {
    let bench = Bench::start().await;
    bench.add_to_config("silent_after = 2");
    bench.control.freeze(true);
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    let mut events = bench.control.events();
    bench.control.advance(Duration::from_hours(25));
    assert!(!is_armed(&bench, &device), "it ran out");
    let armed = events.until(PATIENCE, |_| is_armed(&bench, &device)).await;
    assert!(armed.is_some(), "never armed again");
    hears(&bench, &mut open, &device, "ARMED_AGAIN").await;
    open.close().await;
}

fn is_armed(bench: &Bench, device: &DeviceId) -> bool {
    bench
        .control
        .event_subscriptions()
        .iter()
        .any(|(_, id, _)| id == device.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_broker_is_called_silent_and_heard_again_without_a_restart() {
    let bench = Bench::start().await;
    bench.add_to_config("silent_after = 2");
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    bench.control.freeze(true);
    bench.control.forget_subscriptions();
    open.link("silent", |s| matches!(s, LinkState::Silent { .. }))
        .await;
    open.next("a granted filter", |e| {
        matches!(e, SessionEvent::Granted { result: Ok(_), .. }).then_some(())
    })
    .await;
    bench.control.report(
        device.as_str(),
        json!({"airFlow": {"windStrength": "HEARD_AGAIN"}}),
    );
    open.link("connected again", |s| {
        matches!(s, LinkState::Connected { .. })
    })
    .await;
    hears(&bench, &mut open, &device, "AND_AGAIN").await;
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn already_subscribed_and_not_subscribed_are_no_errors() {
    let bench = Bench::start().await;
    let open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    for (fault, feed, on) in [
        ("1207", Feed::Push, true),
        ("1206", Feed::Push, false),
        ("1204", Feed::Event, false),
    ] {
        let verb = if on { "POST" } else { "DELETE" };
        bench.control.fail_http(
            verb,
            &format!("/{}/*", feed.word()),
            Times::Once,
            Fault::code(fault),
        );
        let state = open
            .feed(&device, feed, on)
            .await
            .unwrap_or_else(|problem| panic!("{fault}: {problem}"));
        assert_eq!(state.is_on(), on, "{fault}");
    }
    assert!(
        bench
            .control
            .calls()
            .iter()
            .all(|c| c.code.as_deref() != Some("4001")),
        "account changes are asked for once"
    );
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_changes_already_asked_for_are_no_error() {
    let bench = Bench::start().await;
    bench
        .control
        .fail_http("POST", "/push/devices", Times::Forever, Fault::code("4001"));
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    hears(&bench, &mut open, &device, "ALL_IS_WELL").await;
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_on_and_off_with_lost_replies_ends_in_the_truth_of_the_lists() {
    let bench = Bench::start().await;
    let open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    for feed in Feed::ALL {
        for order in 0_u8..8 {
            for step in 0..3 {
                let on = order >> step & 1 == 1;
                let fault = if step == 1 {
                    Fault::Cut
                } else {
                    Fault::LoseReply
                };
                bench.control.fail_http(
                    "*",
                    &format!("/{}/{}/*", feed.word(), device),
                    Times::Once,
                    fault,
                );
                let told = open.feed(&device, feed, on).await;
                bench.control.heal_http();
                let truth = match feed {
                    Feed::Push => bench
                        .control
                        .push_subscriptions()
                        .iter()
                        .any(|(_, id)| id == device.as_str()),
                    Feed::Event => bench
                        .control
                        .event_subscriptions()
                        .iter()
                        .any(|(_, id, _)| id == device.as_str()),
                };
                let state = told.unwrap_or_else(|problem| {
                    panic!("{feed:?} {order:03b} step {step}: {problem}")
                });
                assert_eq!(
                    (state.is_on(), truth),
                    (on, on),
                    "{feed:?} {order:03b} step {step}"
                );
            }
        }
    }
    open.close().await;
}

async fn refusal(open: &Open, what: Request) -> Problem {
    match open.request(what).await {
        Err(problem) => problem,
        Ok(reply) => panic!("it was accepted: {reply:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_refuses_is_named_with_code_and_words() {
    let bench = Bench::start().await;
    let open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    bench
        .control
        .fail_http("POST", "/event/*", Times::Forever, Fault::code("1214"));
    let problem = refusal(
        &open,
        Request::Feed {
            device: device.clone(),
            feed: Feed::Event,
            on: true,
            hours: None,
        },
    )
    .await;
    let text = problem.to_string();
    assert!(
        text.contains(AIR_CONDITIONER) && text.contains("1214") && text.contains("try"),
        "{text}"
    );

    let asleep = bench
        .control
        .devices()
        .into_iter()
        .find(|d| !d.online)
        .expect("one is off");
    let asleep = DeviceId::new(&asleep.id);
    let problem = refusal(&open, Request::State { device: asleep }).await;
    assert!(problem.to_string().contains("1222"), "{problem}");

    bench.control.fail_http(
        "POST",
        "/devices/*/control",
        Times::Forever,
        Fault::code("2302"),
    );
    let path = PropertyPath {
        place: None,
        resource: "airFlow".into(),
        property: "windStrength".into(),
    };
    let settings = vec![Setting {
        path,
        value: json!("HIGH"),
    }];
    let problem = refusal(
        &open,
        Request::Control {
            device,
            settings,
            dry_run: false,
        },
    )
    .await;
    let text = problem.to_string();
    assert!(
        text.contains("2302") && !problem.cause.is_empty() && !problem.remedy.is_empty(),
        "{text}"
    );
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_limit_rests_the_calls_and_never_the_stream() {
    for fault in [
        Fault::code("1306"),
        Fault::code("1314"),
        Fault::Status(429, "{}".into()),
    ] {
        let bench = Bench::start().await;
        let mut open = connected(&bench).await;
        let device = open.device(AIR_CONDITIONER).await;
        open.feed(&device, Feed::Event, true).await.expect("on");
        bench
            .control
            .fail_http("*", "*", Times::Forever, fault.clone());
        bench.control.clear_calls();
        let problem = refusal(&open, Request::Devices { fresh: true }).await;
        let budget = open
            .fact(
                "a rest",
                |f| matches!(f, Fact::Budget(b) if b.resting_until.is_some()),
            )
            .await;
        assert!(matches!(budget, Fact::Budget(_)), "{fault:?}: {problem}");
        let calls = bench.control.calls().len();
        for _ in 0..5 {
            refusal(&open, Request::Devices { fresh: true }).await;
        }
        assert!(
            bench.control.calls().len() <= calls + 1,
            "no retry storm: {:?}",
            bench.control.calls()
        );
        hears(&bench, &mut open, &device, "STILL_STREAMING").await;
        open.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_asks_for_a_new_one_and_the_stream_stays() {
    let bench = Bench::start().await;
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    bench
        .control
        .fail_http("*", "*", Times::Forever, Fault::code("1302"));
    let problem = refusal(&open, Request::Devices { fresh: true }).await;
    assert_eq!(problem.exit, Exit::Refused, "{problem}");
    open.fact("a refused token", |f| matches!(f, Fact::TokenRefused(_)))
        .await;
    hears(&bench, &mut open, &device, "STILL_STREAMING").await;
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_are_no_json_are_told_and_the_next_try_works() {
    let bench = Bench::start().await;
    let open = connected(&bench).await;
    for fault in [
        Fault::code("2000"),
        Fault::code("0000"),
        Fault::Status(500, String::new()),
        Fault::Html,
        Fault::EmptyBody,
        Fault::Cut,
    ] {
        bench
            .control
            .fail_http("GET", "/devices", Times::Forever, fault.clone());
        let problem = refusal(&open, Request::Devices { fresh: true }).await;
        assert!(
            !problem.what.is_empty() && !problem.cause.is_empty(),
            "{fault:?}: {problem:?}"
        );
        assert!(!problem.to_string().contains("<html"), "{problem}");
        bench.control.heal_http();
        assert!(
            matches!(
                open.request(Request::Devices { fresh: true }).await,
                Ok(Reply::Devices(_))
            ),
            "after {fault:?}"
        );
    }
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_renamed_and_removed_devices_appear_from_their_messages() {
    let bench = Bench::start().await;
    let mut open = connected(&bench).await;
    let id = bench
        .control
        .register_device("DEVICE_STYLER", "드레스룸")
        .expect("registered");
    open.fact(
        "the new device",
        |f| matches!(f, Fact::DeviceAdded(d) if d.name == "드레스룸"),
    )
    .await;
    bench.control.rename_device(&id, "옷방");
    open.fact(
        "the new name",
        |f| matches!(f, Fact::DeviceRenamed { name, .. } if name == "옷방"),
    )
    .await;
    bench.control.unregister_device(&id);
    open.fact(
        "it is gone",
        |f| matches!(f, Fact::DeviceRemoved(d) if d.as_str() == id),
    )
    .await;
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_is_proved_by_a_report() {
    let bench = Bench::start().await;
    let mut open = connected(&bench).await;
    let device = open.device(AIR_CONDITIONER).await;
    open.feed(&device, Feed::Event, true).await.expect("on");
    let path = PropertyPath {
        place: None,
        resource: "airFlow".into(),
        property: "windStrength".into(),
    };
    let settings = vec![Setting {
        path,
        value: json!("HIGH"),
    }];
    let reply = open
        .request(Request::Control {
            device: device.clone(),
            settings,
            dry_run: false,
        })
        .await
        .expect("accepted");
    assert_eq!(
        reply,
        Reply::Control {
            body: r#"{"airFlow":{"windStrength":"HIGH"}}"#.into(),
            sent: true
        }
    );
    open.fact("a report of the new value", |f| match f {
        Fact::Report { device: d, patch } => {
            *d == device && patch.pointer("/airFlow/windStrength") == Some(&json!("HIGH"))
        }
        _ => false,
    })
    .await;
    assert_ne!(
        open.feed(&device, Feed::Event, false).await,
        Ok(FeedState::Unknown)
    );
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quitting_without_a_network_takes_a_bounded_time() {
    let bench = Bench::start().await;
    let open = connected(&bench).await;
    bench
        .control
        .fail_http("*", "*", Times::Forever, Fault::Silence);
    bench.control.stop_broker();
    let closed = tokio::time::timeout(Duration::from_secs(10), open.close()).await;
    assert!(closed.is_ok(), "it hung");
    bench.control.heal_http();
    bench.control.start_broker();
    connected(&bench).await.close().await;
}
