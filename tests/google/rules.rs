//! What the bridge would hang up at is refused before the wire, and the error table in words.

use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::moment::Mono;
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::profile::GoogleIdentity;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::google::errors;
use thingdeck::platform::google::rules::{States, check_filter, check_publish};

fn gateway() -> GoogleIdentity {
    GoogleIdentity::Gateway("gateway".to_owned())
}

fn meter() -> GoogleIdentity {
    GoogleIdentity::Device("meter-1".to_owned())
}

fn draft(topic: &str, bytes: usize, qos: Qos) -> Draft {
    Draft::new(
        Topic::parse(topic).expect("a topic"),
        Bytes::from(vec![b'x'; bytes]),
        qos,
    )
}

/// The reason, or nothing where it may go.
fn said(who: &GoogleIdentity, draft: &Draft) -> String {
    let checked = check_publish(who, draft, Mono::default(), &mut States::default());
    checked.err().map_or(String::new(), |problem| problem.cause)
}

#[test]
fn what_may_be_published_goes() {
    for (who, topic) in [
        (meter(), "/devices/meter-1/events"),
        (meter(), "/devices/meter-1/events/alarms/high"),
        (meter(), "/devices/meter-1/state"),
        (gateway(), "/devices/gateway/events"),
        (gateway(), "/devices/sensor-1/events"),
        (gateway(), "/devices/sensor-1/state"),
        (gateway(), "/devices/sensor-1/attach"),
        (gateway(), "/devices/sensor-1/detach"),
    ] {
        assert_eq!(
            said(&who, &draft(topic, 10, Qos::AtLeastOnce)),
            "",
            "{topic}"
        );
    }
    assert_eq!(
        said(
            &meter(),
            &draft("/devices/meter-1/events", 256 * 1024, Qos::AtMostOnce)
        ),
        ""
    );
    assert_eq!(
        said(
            &meter(),
            &draft("/devices/meter-1/state", 64 * 1024, Qos::AtMostOnce)
        ),
        ""
    );
}

#[test]
fn what_would_end_the_connection_is_refused_with_the_rule() {
    let one = Qos::AtLeastOnce;
    let cases = [
        (
            meter(),
            draft("/devices/meter-1/events", 1, Qos::ExactlyOnce),
            "QoS 2",
        ),
        (meter(), draft("meter-1/events", 1, one), "none of its own"),
        (
            meter(),
            draft("/devices/meter-1/telemetry", 1, one),
            "none of its own",
        ),
        (
            meter(),
            draft("/devices/meter-1/state/x", 1, one),
            "none of its own",
        ),
        (
            meter(),
            draft("/devices/sensor-1/events", 1, one),
            "for itself only",
        ),
        (
            meter(),
            draft("/devices/meter-1/attach", 1, one),
            "only a gateway",
        ),
        (
            meter(),
            draft("/devices/meter-1/config", 1, one),
            "come down only",
        ),
        (
            meter(),
            draft("/devices/meter-1/commands/a", 1, one),
            "come down only",
        ),
        (
            meter(),
            draft("/devices/meter-1/events", 256 * 1024 + 1, one),
            "262144",
        ),
        (
            meter(),
            draft("/devices/meter-1/state", 64 * 1024 + 1, one),
            "65536",
        ),
        (
            gateway(),
            draft("/devices/sensor-1/attach", 1, Qos::AtMostOnce),
            "acknowledgement",
        ),
        (
            gateway(),
            draft("/devices/gateway/errors", 1, one),
            "platform's own",
        ),
    ];
    for (who, draft, rule) in cases {
        let said = said(&who, &draft);
        assert!(said.contains(rule), "{}: {said:?}", draft.topic);
    }
    let retained = Draft {
        retain: true,
        ..draft("/devices/meter-1/events", 1, one)
    };
    assert!(said(&meter(), &retained).contains("retained"));
}

#[test]
fn a_second_state_within_a_second_waits_and_other_devices_do_not() {
    let mut states = States::default();
    let mut ask = |topic: &str, at: u64| {
        let at = Mono(Duration::from_millis(at));
        check_publish(
            &gateway(),
            &draft(topic, 1, Qos::AtLeastOnce),
            at,
            &mut states,
        )
    };
    let (one, two) = ("/devices/sensor-1/state", "/devices/sensor-2/state");
    assert!(ask(one, 0).is_ok());
    assert!(ask(two, 10).is_ok());
    let refused = ask(one, 400).expect_err("too soon");
    assert!(refused.remedy.contains("650 ms"), "{}", refused.remedy);
    assert!(ask("/devices/sensor-1/events", 500).is_ok());
    assert!(ask(one, 1_050).is_ok());
    assert!(ask(one, 2_000).is_err());
}

#[test]
fn only_the_bridges_own_filters_are_subscribed() {
    let checked = |who: &GoogleIdentity, filter: &str| {
        let filter = TopicFilter::parse(filter).expect("a filter");
        check_filter(who, &filter, |device| device == "sensor-1").is_ok()
    };
    for (who, filter, expected) in [
        (meter(), "/devices/meter-1/config", true),
        (meter(), "/devices/meter-1/commands/#", true),
        (meter(), "/devices/meter-1/commands", false),
        (meter(), "/devices/meter-1/commands/led", false),
        (meter(), "/devices/meter-1/errors", false),
        (meter(), "/devices/meter-1/#", false),
        (meter(), "#", false),
        (meter(), "/devices/+/config", false),
        (meter(), "/devices/sensor-1/config", false),
        (meter(), "/devices/meter-1/events", false),
        (gateway(), "/devices/gateway/errors", true),
        (gateway(), "/devices/sensor-1/config", true),
        (gateway(), "/devices/sensor-1/commands/#", true),
        (gateway(), "/devices/sensor-2/config", false),
        (gateway(), "/devices/sensor-1/errors", false),
    ] {
        assert_eq!(checked(&who, filter), expected, "{filter}");
    }
}

#[test]
fn each_error_of_the_table_says_what_it_is_and_what_to_do() {
    let kinds = [
        (
            "GATEWAY_ATTACHMENT_ERROR",
            "attach was refused",
            "do not try again unchanged",
        ),
        (
            "GATEWAY_DEVICE_NOT_FOUND",
            "not attached",
            "p on the device",
        ),
        ("GATEWAY_INVALID_MQTT_TOPIC", "topic", "commands/#"),
        ("GATEWAY_UNEXPECTED_PACKET_ID", "packet id", "session"),
        ("GATEWAY_UNEXPECTED_MESSAGE_TYPE", "packet", "QoS 2"),
        (
            "GATEWAY_DETACHMENT_DEVICE_ERROR",
            "detached",
            "attach it again",
        ),
        ("UNKNOWN", "reports an error", "send it again"),
        ("SOMETHING_NEW", "reports an error", "send it again"),
    ];
    for (kind, what, action) in kinds {
        let body = format!(
            "{{\"error_type\":\"{kind}\",\"device_id\":\"sensor-1\",\"description\":\"because.\",\"packet_id\":7}}"
        );
        let error = errors::parse(body.as_bytes()).expect("an error");
        assert_eq!(error.packet_id, 7);
        let problem = error.problem(Some("packet 7 to /devices/sensor-1/attach, 0 s ago"));
        assert!(
            problem.what.starts_with("sensor-1: ") && problem.what.contains(what),
            "{}",
            problem.what
        );
        assert!(
            problem
                .cause
                .starts_with(&format!("because ({kind}); caused by packet 7")),
            "{}",
            problem.cause
        );
        assert!(
            problem.remedy.contains(action),
            "{kind}: {}",
            problem.remedy
        );
    }
    assert_eq!(errors::parse(b"not json"), None);
    assert_eq!(errors::parse(b"{}"), None);
}
