//! Gateways: attaching, what they are told, what they may say for others (`reference/google-iot-core.md` 6).

use std::time::Duration;

use rumqttc::mqttbytes::v4;
use serde_json::{Value, json};

use super::Bridge;

fn authorization(token: &str) -> String {
    json!({"authorization": token}).to_string()
}

#[tokio::test]
async fn a_bound_device_is_attached_with_any_payload_and_served_from_then_on() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.gateway("gateway").await;
    for payload in ["", "{}", r#"{"authorization":""}"#, &authorization("x.y.z")] {
        assert!(
            three
                .tell("/devices/sensor-1/attach", payload.as_bytes())
                .await
        );
    }
    assert_eq!(bridge.control.attached_to("gateway"), ["sensor-1"]);
    let filters = ["/devices/sensor-1/config", "/devices/sensor-1/commands/#"];
    assert!(three.listen(&filters).await.is_some());
    let config = three.at("/devices/sensor-1/config").await;
    assert!(config.payload.is_empty());
    assert!(three.tell("/devices/sensor-1/events/door", b"open").await);
    assert!(three.tell("/devices/sensor-1/state", b"on").await);
    assert!(three.tell("/devices/gateway/events", b"its own").await);
    bridge.control.send_command("sensor-1", "led", "on");
    let command = three.at("/devices/sensor-1/commands/led").await;
    assert_eq!(&command.payload[..], b"on");
    assert_eq!(bridge.control.device_states("sensor-1"), ["on"]);
}

#[tokio::test]
async fn a_refused_attach_is_silence_and_an_error_that_names_the_packet() {
    let bridge = Bridge::quiet().await;
    let own = authorization(&bridge.token("sensor-2"));
    let old = authorization(&bridge.token_with("sensor-2", |claims| {
        claims["exp"] = json!(bridge.now() - 660);
    }));
    for (gateway, device, payload, words) in [
        ("gateway", "sensor-3", "", "not associated"),
        ("gateway", "sensor-4", "", "blocked"),
        ("gateway", "nobody", "", "not found"),
        ("gateway", "gateway-both", "", "gateway itself"),
        (
            "gateway-token",
            "sensor-2",
            "",
            "token for sensor-2 is required",
        ),
        (
            "gateway-token",
            "sensor-2",
            r#"{"authorization":""}"#,
            "required",
        ),
        ("gateway-token", "sensor-2", "not json", "required"),
        ("gateway-token", "sensor-1", &own, "refused"),
        ("gateway-token", "sensor-2", &old, "expired"),
        ("gateway-both", "sensor-3", "", "not associated"),
        ("gateway-both", "sensor-2", "{}", "required"),
    ] {
        let mut three = bridge.gateway(gateway).await;
        let topic = format!("/devices/{device}/attach");
        three.put(&topic, payload).await;
        let (error, acknowledged) = three.error(gateway).await;
        assert!(!acknowledged, "{device} at {gateway}");
        assert_eq!(error["error_type"], "GATEWAY_ATTACHMENT_ERROR", "{error}");
        assert_eq!(error["device_id"], device);
        assert_eq!(error["message_type"], "PUBLISH");
        assert_eq!(
            (&error["topic"], &error["packet_id"]),
            (&json!(topic), &json!(9))
        );
        let said = error["description"].as_str().unwrap();
        assert!(said.contains(words), "{device} at {gateway}: {said}");
        assert!(three.lives().await);
    }
    for gateway in ["gateway-token", "gateway-both"] {
        let mut three = bridge.gateway(gateway).await;
        let attached = three.tell("/devices/sensor-2/attach", own.as_bytes());
        assert!(attached.await, "{gateway}");
    }
}

#[tokio::test]
async fn who_does_not_listen_to_errors_hears_nothing_of_a_refusal() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("gateway").await;
    three.put("/devices/sensor-3/attach", "").await;
    three.send(v4::Packet::PingReq).await;
    assert!(matches!(three.next().await, Some(v4::Packet::PingResp)));
}

/// What a gateway is told about something it did, which closes nothing.
async fn told(bridge: &Bridge, topic: &str) -> Value {
    let mut three = bridge.gateway("gateway").await;
    three.put(topic, "x").await;
    let (error, acknowledged) = three.error("gateway").await;
    assert!(!acknowledged, "{topic}");
    assert!(three.lives().await, "{topic}");
    error
}

#[tokio::test]
async fn a_gateway_is_told_of_devices_that_are_not_attached_and_of_topics_that_are_none() {
    let bridge = Bridge::quiet().await;
    for (topic, kind, device) in [
        (
            "/devices/sensor-1/events",
            "GATEWAY_DEVICE_NOT_FOUND",
            "sensor-1",
        ),
        (
            "/devices/sensor-1/state",
            "GATEWAY_DEVICE_NOT_FOUND",
            "sensor-1",
        ),
        (
            "/devices/sensor-1/telemetry",
            "GATEWAY_INVALID_MQTT_TOPIC",
            "gateway",
        ),
        (
            "/devices/1sensor/attach",
            "GATEWAY_INVALID_MQTT_TOPIC",
            "gateway",
        ),
        (
            "/devices/goog-1/attach",
            "GATEWAY_INVALID_MQTT_TOPIC",
            "gateway",
        ),
        (
            "/devices/ab/events",
            "GATEWAY_INVALID_MQTT_TOPIC",
            "gateway",
        ),
        ("home/sensor", "GATEWAY_INVALID_MQTT_TOPIC", "gateway"),
    ] {
        let error = told(&bridge, topic).await;
        assert_eq!(
            (&error["error_type"], &error["device_id"]),
            (&json!(kind), &json!(device))
        );
        assert_eq!(error["topic"], topic);
    }
    let mut three = bridge.gateway("gateway").await;
    let codes = three.listen(&["/devices/sensor-1/config"]).await;
    assert_eq!(codes, Some(vec![v4::SubscribeReasonCode::Failure]));
    let (error, _) = three.error("gateway").await;
    assert_eq!(error["error_type"], "GATEWAY_DEVICE_NOT_FOUND");
    assert_eq!(error["message_type"], "SUBSCRIBE");
}

#[tokio::test]
async fn packets_that_answer_nothing_are_told() {
    let bridge = Bridge::quiet().await;
    for (packet, kind, name) in [
        (
            v4::Packet::PubAck(v4::PubAck::new(77)),
            "GATEWAY_UNEXPECTED_PACKET_ID",
            "PUBACK",
        ),
        (
            v4::Packet::PubRec(v4::PubRec::new(77)),
            "GATEWAY_UNEXPECTED_MESSAGE_TYPE",
            "PUBREC",
        ),
        (
            v4::Packet::PubRel(v4::PubRel::new(77)),
            "GATEWAY_UNEXPECTED_MESSAGE_TYPE",
            "PUBREL",
        ),
    ] {
        let mut three = bridge.gateway("gateway").await;
        three.send(packet).await;
        let (error, _) = three.error("gateway").await;
        assert_eq!(error["error_type"], kind);
        assert_eq!(
            (&error["message_type"], &error["packet_id"]),
            (&json!(name), &json!(77))
        );
    }
}

#[tokio::test]
async fn detaching_is_acknowledged_whoever_is_attached() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.gateway("gateway").await;
    assert!(three.tell("/devices/sensor-1/detach", b"").await);
    assert!(three.tell("/devices/sensor-1/attach", b"").await);
    assert!(three.tell("/devices/sensor-1/detach", b"").await);
    assert!(bridge.control.attached_to("gateway").is_empty());
    three.put("/devices/sensor-1/events", "x").await;
    let (error, _) = three.error("gateway").await;
    assert_eq!(error["error_type"], "GATEWAY_DEVICE_NOT_FOUND");
}

#[tokio::test]
async fn attachments_end_with_the_connection() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.gateway("gateway").await;
    assert!(three.tell("/devices/sensor-1/attach", b"").await);
    let mut again = bridge.gateway("gateway").await;
    assert!(!three.lives().await);
    assert!(bridge.control.attached_to("gateway").is_empty());
    again.put("/devices/sensor-1/events", "x").await;
    let (error, _) = again.error("gateway").await;
    assert_eq!(error["error_type"], "GATEWAY_DEVICE_NOT_FOUND");
}

#[tokio::test]
async fn a_device_is_detached_when_its_own_token_ends_or_it_is_blocked() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.gateway("gateway-token").await;
    let short = bridge.token_with("sensor-2", |claims| {
        claims["exp"] = json!(bridge.now() + 600);
    });
    let payload = authorization(&short);
    assert!(
        three
            .tell("/devices/sensor-2/attach", payload.as_bytes())
            .await
    );
    bridge.control.advance(Duration::from_mins(19));
    assert_eq!(bridge.control.attached_to("gateway-token"), ["sensor-2"]);
    bridge.control.advance(Duration::from_mins(2));
    let (error, _) = three.error("gateway-token").await;
    assert_eq!(error["error_type"], "GATEWAY_DETACHMENT_DEVICE_ERROR");
    assert_eq!(error["device_id"], "sensor-2");
    assert!(bridge.control.attached_to("gateway-token").is_empty());
    let mut three = bridge.gateway("gateway").await;
    assert!(three.tell("/devices/sensor-1/attach", b"").await);
    bridge.control.block_device("sensor-1", true);
    let (error, _) = three.error("gateway").await;
    assert_eq!(error["error_type"], "GATEWAY_DETACHMENT_DEVICE_ERROR");
    assert!(three.lives().await);
}

#[tokio::test]
async fn a_gateway_listens_to_its_own_errors_only_and_a_state_too_many_takes_it_down() {
    let bridge = Bridge::quiet().await;
    for filter in ["/devices/sensor-1/errors", "#", "/devices/+/errors"] {
        let mut three = bridge.gateway("gateway").await;
        assert_eq!(three.listen(&[filter]).await, None, "{filter}");
    }
    let mut three = bridge.gateway("gateway").await;
    assert!(three.tell("/devices/sensor-1/attach", b"").await);
    assert!(three.tell("/devices/sensor-2/attach", b"").await);
    assert!(three.tell("/devices/sensor-1/state", b"1").await);
    assert!(three.tell("/devices/sensor-2/state", b"1").await);
    assert!(!three.tell("/devices/sensor-1/state", b"2").await);
}
