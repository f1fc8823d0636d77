//! Who comes in, what closes the connection, and what comes down (`reference/google-iot-core.md` 3, 4, 5, 7).

use std::time::Duration;

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use serde_json::json;

use super::{Bridge, REGISTRY, client};
use crate::raw::Three;

use v4::ConnectReturnCode::{BadUserNamePassword, NotAuthorized, Success};

#[tokio::test]
async fn tokens_of_both_algorithms_let_a_device_in_under_any_user_name() {
    let bridge = Bridge::quiet().await;
    for (device, name) in [("meter-1", "unused"), ("sensor-1", "x"), ("gateway", "한")] {
        let mut three = Three::over(bridge.open().await);
        let token = bridge.token(device);
        let mut connect = v4::Connect::new(client(device));
        connect.keep_alive = 0;
        connect.clean_session = false;
        connect.login = Some(v4::Login::new(name, &token));
        three.send(v4::Packet::Connect(connect)).await;
        let Some(v4::Packet::ConnAck(ack)) = three.next().await else {
            panic!("no CONNACK for {device}");
        };
        assert_eq!(
            (ack.code, ack.session_present),
            (Success, false),
            "{device}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_is_refused_with_one_code() {
    let bridge = Bridge::quiet().await;
    let now = bridge.now();
    let with = |change: &dyn Fn(&mut serde_json::Value)| bridge.token_with("meter-1", change);
    let good = bridge.token("meter-1");
    let wrong = [
        ("another key", bridge.token("sensor-2")),
        ("another project", with(&|c| c["aud"] = json!("other"))),
        ("projects", with(&|c| c["aud"] = json!(["plant"]))),
        ("in milliseconds", with(&|c| c["iat"] = json!(now * 1000))),
        ("from the future", with(&|c| c["iat"] = json!(now + 660))),
        ("over", with(&|c| c["exp"] = json!(now - 660))),
        (
            "more than a day",
            with(&|c| c["exp"] = json!(now + 25 * 3600)),
        ),
        (
            "without an end",
            with(&|c| drop(c.as_object_mut().unwrap().remove("exp"))),
        ),
        ("padded", format!("{good}=")),
        ("cut", good.get(..good.len() - 4).unwrap().to_owned()),
        ("no token", "secret".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, password) in &wrong {
        let code = bridge.code(&client("meter-1"), password).await;
        assert_eq!(code, BadUserNamePassword, "{what}");
    }
    bridge.control.google_codes(true);
    let code = bridge.code(&client("meter-1"), &wrong[0].1).await;
    assert_eq!(code, NotAuthorized, "as Google itself said it");
}

#[tokio::test]
async fn ten_minutes_of_skew_are_forgiven_either_way() {
    let bridge = Bridge::quiet().await;
    let now = bridge.now();
    for (iat, exp) in [(now - 3600, now - 540), (now + 540, now + 3600)] {
        let token = bridge.token_with("meter-1", |claims| {
            claims["iat"] = json!(iat);
            claims["exp"] = json!(exp);
            claims["nbf"] = json!(now + 9999);
            claims["more"] = json!("does no harm");
        });
        assert_eq!(bridge.code(&client("meter-1"), &token).await, Success);
    }
}

#[tokio::test]
async fn a_connection_outlives_its_token_by_ten_minutes_and_no_more() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    bridge.control.advance(Duration::from_mins(69));
    assert!(three.lives().await, "the hour and nine minutes of grace");
    bridge.control.advance(Duration::from_mins(2));
    assert!(!three.lives().await, "the grace is over");
    let mut again = bridge.device("meter-1").await;
    assert!(again.lives().await, "a fresh token is as good as the first");
}

#[tokio::test]
async fn the_client_id_is_the_whole_path_of_a_device_that_is_there() {
    let bridge = Bridge::quiet().await;
    let token = bridge.token("meter-1");
    for id in [
        "meter-1",
        "projects/plant",
        "",
        &format!("{REGISTRY}/devices/"),
    ] {
        let mut three = Three::over(bridge.open().await);
        let mut connect = v4::Connect::new(id);
        connect.clean_session = true;
        connect.login = Some(v4::Login::new("unused", &token));
        three.send(v4::Packet::Connect(connect)).await;
        let answer = three.next().await;
        let refused = matches!(&answer, Some(v4::Packet::ConnAck(ack)) if ack.code == v4::ConnectReturnCode::BadClientId);
        assert!(refused, "{id}: {answer:?}");
    }
    for id in [
        client("nobody"),
        client("Meter-1"),
        client("meter-1").replace("us-central1", "europe-west1"),
        client("meter-1").replace("sensors", "archive"),
    ] {
        assert_eq!(bridge.code(&id, &token).await, BadUserNamePassword, "{id}");
    }
    let blocked = bridge.token("sensor-4");
    let code = bridge.code(&client("sensor-4"), &blocked).await;
    assert_eq!(code, BadUserNamePassword, "a blocked device");
}

#[tokio::test]
async fn only_3_1_1_is_spoken() {
    let bridge = Bridge::quiet().await;
    let mut five = bridge.five().await;
    let token = bridge.token("meter-1");
    let login = Some(("unused", token.as_str()));
    let ack = five
        .connect_with(&client("meter-1"), None, login, |_| {})
        .await;
    assert_eq!(ack.code, v5::ConnectReturnCode::UnsupportedProtocolVersion);
    // MQIsdp, level 3.
    let mut three = Three::over(bridge.open().await);
    three
        .wire
        .write(b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c\0\x02me")
        .await;
    let answer = three.next().await;
    let refused = matches!(&answer, Some(v4::Packet::ConnAck(ack)) if ack.code == v4::ConnectReturnCode::RefusedProtocolVersion);
    assert!(refused, "{answer:?}");
}

#[tokio::test]
async fn a_device_reports_for_itself_and_everything_else_closes_its_connection() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    assert!(three.tell("/devices/meter-1/events", b"a").await);
    assert!(
        three
            .tell("/devices/meter-1/events/alarms/high", b"b")
            .await
    );
    assert!(
        three
            .tell("/devices/meter-1/events", &vec![0; 256 * 1024])
            .await
    );
    assert!(
        three
            .tell("/devices/meter-1/state", &vec![1; 64 * 1024])
            .await
    );
    assert_eq!(bridge.control.telemetry().len(), 3);
    assert_eq!(bridge.control.device_states("meter-1")[0].len(), 64 * 1024);
    for (topic, size) in [
        ("/devices/meter-1/events", 256 * 1024 + 1),
        ("/devices/meter-1/state", 64 * 1024 + 1),
        ("/devices/sensor-1/events", 1),
        ("/devices/sensor-1/attach", 1),
        ("/devices/sensor-1/detach", 1),
        ("/devices/meter-1/telemetry", 1),
        ("/devices/meter-1/config", 1),
        ("/devices/meter-1/commands/a", 1),
        ("/devices/meter-1", 1),
        ("meter", 1),
    ] {
        let mut three = bridge.device("meter-1").await;
        assert!(!three.tell(topic, &vec![0; size]).await, "{topic} {size}");
    }
    let mut three = bridge.device("meter-1").await;
    let mut publish = v4::Publish::new(
        "/devices/meter-1/events",
        rumqttc::QoS::ExactlyOnce,
        b"x".to_vec(),
    );
    publish.pkid = 5;
    three.send(v4::Packet::Publish(publish)).await;
    assert!(three.next().await.is_none(), "quality 2");
    bridge.control.set_pubsub(false);
    let mut three = bridge.device("meter-1").await;
    assert!(!three.tell("/devices/meter-1/events", b"x").await);
    let error = bridge.control.device_error("meter-1").unwrap_or_default();
    assert!(error.contains("Pub/Sub"), "{error}");
}

#[tokio::test]
async fn a_second_state_within_a_second_closes_the_connection() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    assert!(three.tell("/devices/meter-1/state", b"1").await);
    bridge.control.advance(Duration::from_secs(1));
    assert!(three.tell("/devices/meter-1/state", b"2").await);
    assert!(!three.tell("/devices/meter-1/state", b"3").await);
    assert_eq!(bridge.control.device_states("meter-1"), ["1", "2"]);
}

#[tokio::test]
async fn a_device_listens_to_its_config_and_all_its_commands_and_to_nothing_else() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    // Quality 2 is granted as 1.
    for filter in ["/devices/meter-1/config", "/devices/meter-1/commands/#"] {
        let codes = three.subscribe(filter).await;
        let one = v4::SubscribeReasonCode::Success(rumqttc::QoS::AtLeastOnce);
        assert_eq!(codes, [one], "{filter}");
    }
    for filter in [
        "#",
        "+",
        "/devices/+/config",
        "/devices/meter-1/#",
        "/devices/meter-1/events",
        "/devices/meter-1/commands",
        "/devices/meter-1/commands/led",
        "/devices/meter-1/errors",
        "/devices/sensor-1/config",
        "/devices/sensor-1/commands/#",
        "$SYS/#",
        "home/1",
    ] {
        let mut three = bridge.device("meter-1").await;
        assert_eq!(three.listen(&[filter]).await, None, "{filter}");
    }
}

#[tokio::test]
async fn the_newest_config_greets_and_its_acknowledgement_is_noted() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    let topic = "/devices/meter-1/config";
    assert!(three.listen(&[topic]).await.is_some());
    let first = three.at(topic).await;
    assert!(first.payload.is_empty(), "also when it is empty");
    bridge.control.send_config("meter-1", "old");
    let old = three.at(topic).await;
    assert_eq!(old.qos, rumqttc::QoS::AtLeastOnce);
    bridge.control.send_config("meter-1", "new");
    let new = three.at(topic).await;
    assert_eq!(&new.payload[..], b"new");
    let is_noted = || {
        let (version, _, at) = bridge.control.device_config("meter-1").unwrap();
        assert_eq!(version, 3);
        at.is_some()
    };
    let late = v4::Packet::PubAck(v4::PubAck::new(old.pkid));
    three.send(late).await;
    assert!(three.lives().await);
    assert!(!is_noted(), "a config that a newer one has followed");
    let ack = v4::Packet::PubAck(v4::PubAck::new(new.pkid));
    three.send(ack).await;
    assert!(three.lives().await);
    assert!(is_noted());
}

#[tokio::test]
async fn commands_arrive_in_their_folders_and_are_never_kept() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    bridge.control.send_command("meter-1", "", "too early");
    assert!(
        three
            .listen(&["/devices/meter-1/commands/#"])
            .await
            .is_some()
    );
    bridge.control.send_command("meter-1", "", "plain");
    bridge.control.send_command("meter-1", "a/b", "below");
    let first = three.message().await;
    let second = three.message().await;
    assert_eq!(
        [(first.topic, first.payload), (second.topic, second.payload)],
        [
            ("/devices/meter-1/commands".to_owned(), "plain".into()),
            ("/devices/meter-1/commands/a/b".to_owned(), "below".into()),
        ]
    );
}

#[tokio::test]
async fn there_are_no_wills_and_no_retained_messages() {
    let bridge = Bridge::quiet().await;
    let mut three = Three::over(bridge.open().await);
    let mut connect = v4::Connect::new(client("meter-1"));
    connect.login = Some(v4::Login::new("unused", bridge.token("meter-1")));
    connect.last_will = Some(v4::LastWill::new(
        "/devices/meter-1/events",
        "gone",
        rumqttc::QoS::AtMostOnce,
        false,
    ));
    three.send(v4::Packet::Connect(connect)).await;
    assert!(three.next().await.is_none());
}

#[tokio::test]
async fn the_newer_connection_of_a_device_wins_and_the_log_says_why() {
    let bridge = Bridge::quiet().await;
    let mut first = bridge.device("meter-1").await;
    let mut second = bridge.device("meter-1").await;
    assert!(!first.lives().await);
    assert!(second.lives().await);
    let error = bridge.control.device_error("meter-1").unwrap_or_default();
    assert!(error.contains("another active connection"), "{error}");
}

#[tokio::test]
async fn blocking_a_device_closes_its_connection() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    bridge.control.block_device("meter-1", true);
    assert!(!three.lives().await);
    let token = bridge.token("meter-1");
    let code = bridge.code(&client("meter-1"), &token).await;
    assert_eq!(code, BadUserNamePassword);
    bridge.control.block_device("meter-1", false);
    assert_eq!(bridge.code(&client("meter-1"), &token).await, Success);
}
