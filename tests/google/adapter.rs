//! Connecting, attaching, errors and renewals, with a scripted bridge.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use thingdeck::base::problem::Problem;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::profile::{Common, GoogleDevice, GoogleIdentity, GoogleSettings};
use thingdeck::domain::relay::RelayNews;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::domain::topic::Topic;
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::platform::{Leave, Platform as _, Verdict};

use crate::script::{Answer, START, Script, reply, settings};

const HOUR: Duration = Duration::from_hours(1);

fn plan(script: &Script) -> ConnectPlan {
    let planned = script.run(HOUR, script.google.plan(script));
    planned.expect("in time").expect("a plan")
}

fn claims(plan: &ConnectPlan) -> Value {
    let token = plan.password.as_ref().expect("a token").expose();
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

fn failures(script: &Script) -> Vec<(String, Problem)> {
    let facts = script.facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::FeedFailed {
                device, problem, ..
            } => Some((device.to_string(), problem)),
            _ => None,
        })
        .collect()
}

fn attend(script: &Script, limit: Duration) -> Option<Leave> {
    script.run(limit, script.google.attend(script))
}

#[test]
fn each_connection_has_a_token_of_its_own() {
    let script = Script::new(settings());
    let first = plan(&script);
    assert_eq!(
        first.client_id,
        "projects/plant/locations/us-central1/registries/sensors/devices/gateway"
    );
    assert_eq!(first.username.as_deref(), Some("unused"));
    assert!(first.clean_session && first.will.is_none());
    assert_eq!(first.keep_alive, Duration::from_mins(1));
    assert_eq!(first.limits.max_qos, Qos::AtLeastOnce);
    let filters: Vec<_> = first
        .filters
        .iter()
        .map(|w| (w.filter.as_str(), w.qos))
        .collect();
    assert_eq!(
        filters,
        [
            ("/devices/gateway/errors", Qos::AtMostOnce),
            ("/devices/gateway/config", Qos::AtLeastOnce),
            ("/devices/gateway/commands/#", Qos::AtLeastOnce),
        ]
    );
    assert_eq!(
        claims(&first),
        json!({"iat": START, "exp": START + 3600, "aud": "plant"})
    );
    script.run(Duration::from_secs(90), std::future::pending::<()>());
    assert_eq!(claims(&plan(&script))["iat"], START + 90);
}

#[test]
fn without_an_address_it_is_clearblades_for_the_region_on_both_ports() {
    let script = Script::new(GoogleSettings {
        mqtt_url: None,
        ..settings()
    });
    let plan = plan(&script);
    let places: Vec<_> = plan
        .endpoints
        .iter()
        .map(|e| (e.host.as_str(), e.port))
        .collect();
    let host = "us-central1-g5-mqtt.clearblade.com";
    assert_eq!(places, [(host, 8883), (host, 443)]);
}

#[test]
fn a_regional_broker_of_another_region_is_refused_here() {
    for (url, fits) in [
        ("mqtts://us-central1-g5-mqtt.clearblade.com:8883", true),
        ("mqtts://us-central1-mqtt.clearblade.com:8883", true),
        ("mqtts://europe-west1-g5-mqtt.clearblade.com:8883", false),
        ("mqtts://europe-west1.bridge.example:8883", true),
    ] {
        let script = Script::new(GoogleSettings {
            mqtt_url: Some(url.to_owned()),
            ..settings()
        });
        let planned = script
            .run(HOUR, script.google.plan(&script))
            .expect("in time");
        assert_eq!(planned.is_ok(), fits, "{url}");
    }
}

#[test]
fn it_leaves_before_the_token_ends_and_never_in_its_last_minute() {
    for (minutes, least, most) in [(60, 48, 54), (10, 8, 9), (1, 0, 1)] {
        let script = Script::new(GoogleSettings {
            token_minutes: minutes,
            ..settings()
        });
        plan(&script);
        let left = attend(&script, HOUR);
        assert!(matches!(left, Some(Leave::Reconnect { .. })), "{left:?}");
        let after = script.run(Duration::ZERO, async { 0 });
        assert!(after.is_some());
        let now = thingdeck::platform::io::Io::now(&script).mono.0;
        let (least, most) = (Duration::from_mins(least), Duration::from_mins(most));
        assert!(
            now >= least && now < most,
            "{minutes} min: left after {now:?}"
        );
    }
}

#[test]
fn devices_of_the_profile_are_attached_before_anything_is_subscribed_of_them() {
    let script = Script::new(settings());
    plan(&script);
    assert!(script.google.holds_publishes());
    assert_eq!(attend(&script, Duration::from_secs(5)), None);
    assert_eq!(
        script.topics(),
        ["/devices/sensor-1/attach", "/devices/sensor-2/attach"]
    );
    assert_eq!(script.payloads(), ["{}", "{}"]);
    let mut subscribed = script.subscribed();
    subscribed.sort();
    assert_eq!(
        subscribed,
        [
            "/devices/sensor-1/commands/#",
            "/devices/sensor-1/config",
            "/devices/sensor-2/commands/#",
            "/devices/sensor-2/config",
        ]
    );
    assert_eq!(script.released(), 1, "what waited may go now");
}

#[test]
fn a_devices_own_key_signs_the_token_that_comes_along() {
    let script = Script::new(GoogleSettings {
        devices: vec![GoogleDevice {
            id: "sensor-2".to_owned(),
            key_file: Some("rsa_pkcs1.pem".into()),
        }],
        ..settings()
    });
    plan(&script);
    attend(&script, Duration::from_secs(5));
    let payloads = script.payloads();
    let body: Value = serde_json::from_str(&payloads[0]).expect("JSON");
    let token = body["authorization"].as_str().expect("a token");
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header"));
    assert_eq!(
        header.expect("base64url"),
        br#"{"alg":"RS256","typ":"JWT"}"#
    );
    let until = match script.google_feed("sensor-2") {
        FeedState::On { until } => until,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        until.map(thingdeck::base::moment::Timestamp::seconds),
        Some(START + 3600)
    );
}

#[test]
fn a_reconnect_attaches_again_with_fresh_tokens_and_takes_the_filters_out_before() {
    let script = Script::new(settings());
    plan(&script);
    attend(&script, Duration::from_secs(5));
    plan(&script);
    let gone = script.unsubscribed();
    assert!(
        gone.contains(&"/devices/sensor-1/config".to_owned()),
        "{gone:?}"
    );
    assert!(
        !gone.iter().any(|filter| filter.contains("gateway")),
        "{gone:?}"
    );
    assert_eq!(script.google_feed("sensor-1"), FeedState::Off);
    attend(&script, Duration::from_secs(5));
    assert_eq!(script.topics().len(), 4);
    assert_eq!(script.subscribed().len(), 8);
}

const REFUSED: &str = r#"{"error_type":"GATEWAY_ATTACHMENT_ERROR","device_id":"sensor-1","description":"Device sensor-1 is not associated with the gateway","message_type":"PUBLISH","topic":"/devices/sensor-1/attach","packet_id":PACKET}"#;

#[test]
fn a_refused_attach_is_told_with_the_bridges_words_at_once_and_not_tried_again() {
    let script = Script::new(settings());
    script.answer(
        "/devices/sensor-1/attach",
        Answer::Complain(REFUSED.to_owned()),
    );
    plan(&script);
    attend(&script, Duration::from_secs(3));
    let failures = failures(&script);
    assert_eq!(failures.len(), 1, "{failures:?}");
    let (device, problem) = &failures[0];
    assert_eq!(device, "sensor-1");
    assert!(
        problem.cause.contains("not associated"),
        "{}",
        problem.cause
    );
    assert!(
        problem.cause.contains("caused by packet"),
        "{}",
        problem.cause
    );
    assert!(problem.remedy.contains("bound"), "{}", problem.remedy);
    assert_eq!(script.given_up(), 1, "nobody waits for its PUBACK");
    assert_eq!(script.released(), 1);
    let told = script.facts().into_iter().any(|fact| {
        matches!(fact, Fact::Relay(news) if matches!(&*news, RelayNews::Fault(fault)
            if fault.culprit.as_ref().is_some_and(|c| c.topic.as_str() == "/devices/sensor-1/attach")))
    });
    assert!(told, "the message that caused it is named");
    plan(&script);
    attend(&script, Duration::from_secs(3));
    let again = script.topics();
    let tries = again.iter().filter(|t| t.contains("sensor-1")).count();
    assert_eq!(tries, 1, "{again:?}");
}

#[test]
fn an_attach_without_an_answer_is_told_after_its_time_with_the_last_error() {
    let script = Script::new(settings());
    script.answer("/devices/sensor-1/attach", Answer::Silence);
    plan(&script);
    attend(&script, Duration::from_secs(5));
    assert_eq!(failures(&script).len(), 0, "not yet");
    let script = Script::new(settings());
    script.answer("/devices/sensor-1/attach", Answer::Silence);
    plan(&script);
    attend(&script, Duration::from_secs(12));
    let silent = failures(&script);
    assert!(
        silent[0].1.cause.contains("nothing came within 8 s"),
        "{silent:?}"
    );
    let script = Script::new(settings());
    script.answer("/devices/sensor-1/attach", Answer::Silence);
    // Best effort: this one names no packet and no topic.
    script.complain(r#"{"error_type":"GATEWAY_ATTACHMENT_ERROR","device_id":"sensor-1","description":"blocked","packet_id":0,"topic":""}"#);
    plan(&script);
    attend(&script, Duration::from_secs(12));
    let failures = failures(&script);
    assert!(
        failures[0].1.cause.contains("the last error of sensor-1"),
        "{failures:?}"
    );
    assert!(failures[0].1.cause.contains("blocked"), "{failures:?}");
}

#[test]
fn an_unknown_error_is_tried_again_each_time_later() {
    let script = Script::new(settings());
    let body = REFUSED.replace("GATEWAY_ATTACHMENT_ERROR", "UNKNOWN");
    script.answer("/devices/sensor-1/attach", Answer::Complain(body));
    plan(&script);
    attend(&script, Duration::from_mins(2));
    let tries = script
        .topics()
        .iter()
        .filter(|t| t.contains("sensor-1/attach"))
        .count();
    assert_eq!(tries, 4);
    assert_eq!(failures(&script).len(), 1);
}

#[test]
fn a_device_that_the_platform_throws_out_is_detached_here_too() {
    let script = Script::new(settings());
    plan(&script);
    let attending = script.google.attend(&script);
    let mut attending = Box::pin(attending);
    script.run(Duration::from_secs(2), &mut attending);
    script.complain(r#"{"error_type":"GATEWAY_DETACHMENT_DEVICE_ERROR","device_id":"sensor-2","description":"Device sensor-2 is blocked"}"#);
    script.run(Duration::from_secs(2), &mut attending);
    assert_eq!(script.google_feed("sensor-2"), FeedState::Off);
    assert_eq!(
        script.google_feed("sensor-1"),
        FeedState::On { until: None }
    );
    assert!(
        script
            .unsubscribed()
            .contains(&"/devices/sensor-2/commands/#".to_owned())
    );
    assert!(failures(&script)[0].1.cause.contains("is blocked"));
}

#[test]
fn a_device_attaches_nobody() {
    let script = Script::new(GoogleSettings {
        identity: GoogleIdentity::Device("meter-1".to_owned()),
        devices: Vec::new(),
        ..settings()
    });
    assert!(!script.google.holds_publishes());
    let filters = plan(&script).filters;
    assert_eq!(filters.len(), 2, "no errors topic");
    let asked = script.google.request(
        &script,
        Request::Feed {
            device: DeviceId::new("sensor-1"),
            feed: Feed::Push,
            on: true,
            hours: None,
        },
    );
    let problem = script
        .run(HOUR, asked)
        .expect("in time")
        .expect_err("refused");
    assert!(problem.cause.contains("only a gateway"), "{problem:?}");
}

#[test]
fn a_refusal_lists_what_was_checked_and_tells_a_wrong_clock() {
    let script = Script::new(settings());
    plan(&script);
    let refused = Problem::new(
        "could not connect",
        "the broker refused the user name or password",
        "",
    );
    let judged = |script: &Script| match script.run(HOUR, script.google.refused(script, &refused)) {
        Some(Verdict::Explained(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let problem = judged(&script);
    for part in ["projects/plant/locations", "ES256", "aud plant", "SHA-256"] {
        assert!(problem.cause.contains(part), "{part}: {}", problem.cause);
    }
    script.registry(|_| {
        let mut answer = reply(404, &json!({}))?;
        answer.headers = vec![(
            "date".to_owned(),
            "Mon, 02 Mar 2026 07:35:00 GMT".to_owned(),
        )];
        Ok(answer)
    });
    let problem = judged(&script);
    assert!(
        problem.cause.contains("25 min ahead of the platform's"),
        "{}",
        problem.cause
    );
}

fn by_hand(script: &Script, topic: &str, packet: u16) -> Draft {
    let topic = Topic::parse(topic).expect("a topic");
    let draft = Draft::new(topic, "{}".into(), Qos::AtLeastOnce);
    let now = thingdeck::platform::io::Io::now(script);
    script.google.sent(&draft, packet, now);
    draft
}

#[test]
fn what_a_person_attaches_in_the_composer_is_subscribed_and_shown_too() {
    let script = Script::new(settings());
    plan(&script);
    let mut attending = Box::pin(script.google.attend(&script));
    script.run(Duration::from_secs(2), &mut attending);
    by_hand(&script, "/devices/pump-4/attach", 77);
    script.google.acknowledged(77);
    script.run(Duration::from_secs(2), &mut attending);
    let config = "/devices/pump-4/config".to_owned();
    assert!(script.subscribed().contains(&config));
    assert_eq!(script.google_feed("pump-4"), FeedState::On { until: None });
    let told = |script: &Script, wanted: FeedState| {
        script.facts().into_iter().any(|fact| {
            matches!(fact, Fact::Feed { device, feed: Feed::Push, state }
                if device.as_str() == "pump-4" && state == wanted)
        })
    };
    assert!(told(&script, FeedState::On { until: None }));
    by_hand(&script, "/devices/pump-4/detach", 78);
    script.google.acknowledged(78);
    script.run(Duration::from_secs(2), &mut attending);
    assert!(script.unsubscribed().contains(&config));
    assert!(told(&script, FeedState::Off));
}

#[test]
fn an_attach_that_met_silence_is_tried_again_on_the_next_connection() {
    let script = Script::new(settings());
    script.answer("/devices/sensor-1/attach", Answer::Silence);
    plan(&script);
    attend(&script, Duration::from_secs(12));
    assert_eq!(failures(&script).len(), 1);
    script.answer("/devices/sensor-1/attach", Answer::Acknowledge);
    plan(&script);
    attend(&script, Duration::from_secs(2));
    assert_eq!(
        script.google_feed("sensor-1"),
        FeedState::On { until: None }
    );
}

#[test]
fn a_device_that_the_bridge_says_is_not_attached_is_not_shown_as_attached() {
    let script = Script::new(settings());
    plan(&script);
    let mut attending = Box::pin(script.google.attend(&script));
    script.run(Duration::from_secs(2), &mut attending);
    script.complain(r#"{"error_type":"GATEWAY_DEVICE_NOT_FOUND","device_id":"sensor-2","description":"Device sensor-2 is not attached","topic":"/devices/sensor-2/events","packet_id":9}"#);
    script.run(Duration::from_secs(2), &mut attending);
    assert_eq!(script.google_feed("sensor-2"), FeedState::Off);
    drop(attending);
    plan(&script);
    attend(&script, Duration::from_secs(2));
    assert_eq!(
        script.google_feed("sensor-2"),
        FeedState::On { until: None }
    );
}

/// Blaming another message than the one that is named would take it out of the stream for nothing.
#[test]
fn an_error_about_a_message_that_was_acknowledged_blames_no_other() {
    let script = Script::new(settings());
    plan(&script);
    let mut attending = Box::pin(script.google.attend(&script));
    script.run(Duration::from_secs(2), &mut attending);
    by_hand(&script, "/devices/sensor-1/events", 41);
    script.google.acknowledged(41);
    by_hand(&script, "/devices/sensor-1/events", 42);
    script.complain(r#"{"error_type":"UNKNOWN","device_id":"sensor-1","description":"late","topic":"/devices/sensor-1/events","packet_id":41}"#);
    script.run(Duration::from_secs(2), &mut attending);
    assert_eq!(script.given_up(), 0);
    script.complain(r#"{"error_type":"UNKNOWN","device_id":"sensor-1","description":"this","topic":"/devices/sensor-1/events","packet_id":42}"#);
    script.run(Duration::from_secs(2), &mut attending);
    assert_eq!(script.given_up(), 1);
}

#[test]
fn a_keep_alive_at_which_the_bridge_would_hang_up_is_refused() {
    for (seconds, fits) in [(0, false), (60, true), (1199, true), (1200, false)] {
        let common = Common {
            keep_alive: Some(seconds),
            ..Common::default()
        };
        let script = Script::with(settings(), common);
        let planned = script
            .run(HOUR, script.google.plan(&script))
            .expect("in time");
        assert_eq!(planned.is_ok(), fits, "{seconds}");
    }
}

impl Script {
    fn google_feed(&self, device: &str) -> FeedState {
        let asked = self.google.request(self, Request::Feeds);
        match self.run(HOUR, asked).expect("in time").expect("feeds") {
            Reply::Feeds(feeds) => feeds
                .into_iter()
                .find(|entry| entry.device.as_str() == device && entry.feed == Feed::Push)
                .map_or(FeedState::Unknown, |entry| entry.state),
            other => panic!("{other:?}"),
        }
    }
}
