//! The plain broker through its sockets: both versions, every way in, logins, and what goes wrong on purpose.

use std::time::Duration;

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use serde_json::{Value, json};
use thingdeck::sim::SimEvent;
use thingdeck::sim::cloud::mqtt::access::{Access, User};

use crate::client::wait;
use crate::raw::{Five, Site, Three, Way, qos5};

const WAYS: [Way; 4] = [Way::Tcp, Way::Tls, Way::Ws, Way::Wss];

#[tokio::test]
async fn every_way_in_takes_both_versions() {
    let site = Site::quiet().await;
    for way in WAYS {
        let mut five = Five::over(site.open(way).await);
        five.connect("five", |_| {}).await;
        five.subscribe(&["a/#"]).await;
        let mut three = Three::over(site.open(way).await);
        three.connect("three", None).await;
        three.subscribe("a/#").await;
        three.publish("a/b", b"from 3").await;
        assert_eq!(five.message().await.payload, "from 3", "{way:?}");
        five.publish("a/b", 0, 0, b"from 5").await;
        assert_eq!(five.message().await.payload, "from 5", "{way:?}");
        assert_eq!(three.message().await.payload, "from 3", "{way:?}");
        assert_eq!(three.message().await.payload, "from 5", "{way:?}");
    }
}

#[tokio::test]
async fn a_large_message_comes_through_every_way() {
    let site = Site::quiet().await;
    let payload: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for way in WAYS {
        let mut five = Five::over(site.open(way).await);
        five.connect("five", |_| {}).await;
        five.subscribe(&["a"]).await;
        five.publish("a", 1, 1, &payload).await;
        assert!(five.message().await.payload == payload, "{way:?}");
    }
}

#[tokio::test]
async fn properties_go_from_5_to_5_and_the_exchange_of_qos_2_is_whole() {
    let site = Site::quiet().await;
    let mut listener = site.joined("listener").await;
    listener.subscribe(&["a"]).await;
    let mut sender = site.joined("sender").await;
    let properties = v5::PublishProperties {
        payload_format_indicator: Some(1),
        message_expiry_interval: Some(100),
        topic_alias: Some(1),
        response_topic: Some("b".to_owned()),
        correlation_data: Some(vec![0, 1, 255].into()),
        user_properties: vec![("k".to_owned(), "값".to_owned())],
        subscription_identifiers: Vec::new(),
        content_type: Some("text/plain".to_owned()),
    };
    let mut publish = v5::Publish::new("a", qos5(2), "x", Some(properties.clone()));
    publish.pkid = 9;
    sender.send(v5::Packet::Publish(publish)).await;
    assert!(matches!(sender.next().await, Some(v5::Packet::PubRec(rec)) if rec.pkid == 9));
    let release = v5::PubRel::new(9, None);
    sender.send(v5::Packet::PubRel(release)).await;
    assert!(matches!(sender.next().await, Some(v5::Packet::PubComp(comp)) if comp.pkid == 9));
    let heard = listener.message().await;
    let mut said = heard.properties.expect("properties");
    assert!(
        said.message_expiry_interval
            .take()
            .is_some_and(|left| left <= 100)
    );
    let expected = v5::PublishProperties {
        topic_alias: None,
        message_expiry_interval: None,
        ..properties
    };
    assert_eq!(said, expected);
    let received = v5::PubRec::new(heard.pkid, None);
    listener.send(v5::Packet::PubRec(received)).await;
    assert!(
        matches!(listener.next().await, Some(v5::Packet::PubRel(rel)) if rel.pkid == heard.pkid)
    );
    let complete = v5::PubComp::new(heard.pkid, None);
    listener.send(v5::Packet::PubComp(complete)).await;
    listener.send(v5::Packet::PingReq(v5::PingReq)).await;
    assert!(matches!(
        listener.next().await,
        Some(v5::Packet::PingResp(_))
    ));
    assert_eq!(site.control.backlog("listener"), 0);
}

#[tokio::test]
async fn the_greeting_says_what_the_broker_takes() {
    let site = Site::quiet().await;
    site.control.set_limits(|limits| {
        limits.keep_alive = Some(10);
        limits.session_life = Duration::from_secs(5);
    });
    let mut five = site.five().await;
    let ack = five.connect("", |_| {}).await;
    let said = ack.properties.expect("properties");
    assert_eq!(said.server_keep_alive, Some(10));
    assert_eq!(said.session_expiry_interval, Some(5));
    assert_eq!(said.topic_alias_max, Some(16));
    assert_eq!(said.receive_max, Some(100));
    assert!(
        said.assigned_client_identifier
            .is_some_and(|id| id.starts_with("auto-"))
    );
}

#[tokio::test]
async fn who_is_taken_over_or_kicked_or_talks_nonsense_hears_why() {
    use v5::DisconnectReasonCode as Code;
    let site = Site::quiet().await;
    let mut first = site.joined("a").await;
    let mut second = site.joined("a").await;
    assert_eq!(first.end().await, Some(Code::SessionTakenOver));
    site.control.kick("a", 0x98);
    assert_eq!(second.end().await, Some(Code::AdministrativeAction));
    for (bytes, code) in [
        (&b"\x36\x05\0\x01t\0\x01"[..], Code::MalformedPacket),
        (b"\x30\x04\0\0\0x", Code::ProtocolError),
        (b"\x30\x05\0\x01#\0x", Code::TopicNameInvalid),
        (b"\x30\xff\xff\xff\x7f", Code::PacketTooLarge),
        (b"\x30\x08\0\x01t\x03\x23\0\x63x", Code::TopicAliasInvalid),
    ] {
        let mut client = site.joined("a").await;
        client.wire.write(bytes).await;
        assert_eq!(client.end().await, Some(code), "{bytes:02x?}");
    }
}

#[tokio::test]
async fn who_sends_too_large_a_packet_hears_it_over_every_way() {
    let site = Site::quiet().await;
    site.control.set_limits(|limits| limits.packet = 1000);
    for way in WAYS {
        let mut client = Five::over(site.open(way).await);
        client.connect("a", |_| {}).await;
        client.publish("a", 1, 1, &vec![b'x'; 300_000]).await;
        let said = client.end().await;
        assert_eq!(
            said,
            Some(v5::DisconnectReasonCode::PacketTooLarge),
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn a_connect_of_another_version_is_answered_in_words_of_3() {
    let site = Site::quiet().await;
    let mut three = site.three().await;
    three
        .wire
        .write(b"\x10\x0e\0\x06MQIsdp\x03\x02\0\0\0\0")
        .await;
    let Some(v4::Packet::ConnAck(ack)) = three.next().await else {
        panic!("a CONNACK");
    };
    assert_eq!(ack.code, v4::ConnectReturnCode::RefusedProtocolVersion);
    assert!(three.next().await.is_none());
}

#[tokio::test]
async fn no_bytes_bring_the_broker_down() {
    let site = Site::quiet().await;
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..200 {
        let mut bytes: Vec<u8> = (0..rng.usize(..80)).map(|_| rng.u8(..)).collect();
        let mut client = if round % 2 == 0 {
            site.five().await
        } else {
            bytes.insert(0, [0x30, 0x3d, 0x82, 0xa2, 0xe0, 0x62][round % 6]);
            site.joined("nonsense").await
        };
        client.wire.write(&bytes).await;
    }
    let mut sound = site.joined("sound").await;
    sound.subscribe(&["a"]).await;
    sound.publish("a", 0, 0, b"x").await;
    assert_eq!(sound.message().await.payload, "x");
}

#[tokio::test]
async fn a_login_is_asked_for_and_patterns_decide_what_one_may() {
    let site = Site::quiet().await;
    let reader = User::new("reader", "secret")
        .may_read(&["open/#"])
        .may_write(&["open/in"]);
    site.control.set_access(Access::only(vec![reader]));
    for (login, three, five) in [
        (
            None,
            v4::ConnectReturnCode::NotAuthorized,
            v5::ConnectReturnCode::NotAuthorized,
        ),
        (
            Some(("reader", "wrong")),
            v4::ConnectReturnCode::BadUserNamePassword,
            v5::ConnectReturnCode::BadUserNamePassword,
        ),
    ] {
        let ack = site.three().await.connect("a", login).await;
        assert_eq!(ack.code, three);
        let ack = site
            .five()
            .await
            .connect_with("a", None, login, |_| {})
            .await;
        assert_eq!(ack.code, five);
    }
    let login = Some(("reader", "secret"));
    let mut five = site.five().await;
    five.connect_with("five", None, login, |_| {}).await;
    let codes = five.subscribe(&["open/#", "closed/x", "#"]).await;
    let refused = v5::SubscribeReasonCode::NotAuthorized;
    assert_eq!(
        codes,
        [v5::SubscribeReasonCode::Success(qos5(2)), refused, refused]
    );
    five.publish("open/out", 1, 1, b"x").await;
    let Some(v5::Packet::PubAck(ack)) = five.next().await else {
        panic!("a PUBACK");
    };
    assert_eq!(ack.reason, v5::PubAckReason::NotAuthorized);
    let mut three = site.three().await;
    three.connect("three", login).await;
    assert_eq!(
        three.subscribe("closed").await,
        [v4::SubscribeReasonCode::Failure]
    );
    three.publish("open/in", b"allowed").await;
    assert_eq!(five.message().await.payload, "allowed");
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_after_a_return() {
    let site = Site::quiet().await;
    let mut client = site.joined("a").await;
    client.subscribe(&["a"]).await;
    site.control.publish_to("a", "x");
    let first = client.message().await;
    site.control.drop_client("a");
    assert_eq!(client.end().await, None);
    let mut client = site.five().await;
    assert!(client.connect("a", |_| {}).await.session_present);
    let again = client.message().await;
    assert_eq!(
        (again.pkid, again.dup, first.dup),
        (first.pkid, true, false)
    );
}

#[tokio::test]
async fn the_plant_obeys_and_answers() {
    let site = Site::quiet().await;
    let mut client = site.joined("a").await;
    client.subscribe(&["plant/line1/pump/#", "me/#"]).await;
    let command = json!({"speed": 321}).to_string();
    client
        .publish("plant/line1/pump/set", 0, 0, command.as_bytes())
        .await;
    let state = client.message_at("plant/line1/pump/state").await;
    let state: Value = serde_json::from_slice(&state.payload).unwrap();
    assert_eq!(state["speed"]["target"], 321.0);
    let properties = v5::PublishProperties {
        response_topic: Some("me/answer".to_owned()),
        correlation_data: Some("7".into()),
        ..v5::PublishProperties::default()
    };
    let mut request = v5::Publish::new("plant/service/echo", qos5(1), "hello", Some(properties));
    request.pkid = 3;
    client.send(v5::Packet::Publish(request)).await;
    let answer = client.message_at("me/answer").await;
    assert_eq!(answer.payload, "hello");
    let said = answer.properties.expect("properties");
    assert_eq!(said.correlation_data.as_deref(), Some(&b"7"[..]));
    let mut three = site.three().await;
    three.connect("three", None).await;
    three.subscribe("me/too").await;
    let request = json!({"reply_to": "me/too", "n": 1}).to_string();
    three
        .publish("plant/service/echo", request.as_bytes())
        .await;
    assert_eq!(three.message().await.payload, request);
}

#[tokio::test]
async fn the_plant_lives_and_greets_with_what_is_retained() {
    let site = Site::with(|options| options.devices = Some(1000)).await;
    assert_eq!(site.control.machines().len(), 1000);
    let mut client = site.joined("a").await;
    client.send_filter("plant/+/+/+").await;
    let state = client.message_at("plant/line1/pump/state").await;
    assert!(serde_json::from_slice::<Value>(&state.payload).is_ok());
    let mut late = site.joined("late").await;
    let config = "plant/line1/pump/config";
    let mut subscribe = v5::Subscribe::new(v5::Filter::new(config, qos5(1)), None);
    subscribe.pkid = 1;
    late.send(v5::Packet::Subscribe(subscribe)).await;
    assert!(late.message_at(config).await.retain);
}

#[tokio::test]
async fn load_comes_on_top_at_the_rate_that_was_asked_for() {
    let site = Site::with(|options| options.rate = 2000.0).await;
    site.control.freeze(true);
    let mut client = site.joined("a").await;
    client.subscribe(&["plant/#"]).await;
    for _ in 0..1000 {
        client.message().await;
    }
}

#[tokio::test]
async fn the_broker_tells_how_it_is() {
    let site = Site::quiet().await;
    site.control.advance(Duration::from_secs(10));
    let mut client = site.joined("a").await;
    client.send_filter("$SYS/broker/version").await;
    let version = client.message().await;
    assert!(version.retain && version.payload.starts_with(b"thingdeck"));
}

impl Five {
    async fn send_filter(&mut self, filter: &str) {
        let mut subscribe = v5::Subscribe::new(v5::Filter::new(filter, qos5(0)), None);
        subscribe.pkid = 1;
        self.send(v5::Packet::Subscribe(subscribe)).await;
    }
}

#[tokio::test]
async fn a_broker_can_be_deaf_and_hold_its_tongue() {
    let site = Site::quiet().await;
    let mut client = site.joined("a").await;
    client.subscribe(&["a"]).await;
    site.control.deaf(true);
    site.control.publish_to("a", "lost");
    client.send(v5::Packet::PingReq(v5::PingReq)).await;
    assert!(matches!(client.next().await, Some(v5::Packet::PingResp(_))));
    site.control.deaf(false);
    site.control.hold_acknowledgements();
    client.publish("a", 1, 5, b"x").await;
    assert_eq!(client.message().await.payload, "x");
    site.control.release();
    assert!(matches!(client.next().await, Some(v5::Packet::PubAck(ack)) if ack.pkid == 5));
    site.control.send_raw("a", &b"\xd0\0"[..]);
    assert!(matches!(client.next().await, Some(v5::Packet::PingResp(_))));
}

#[tokio::test]
async fn a_filter_can_be_refused_and_another_be_deadly() {
    let site = Site::quiet().await;
    site.control.refuse_filter("no", Some(0x97));
    site.control.hang_up_at("deadly", true);
    let mut client = site.joined("a").await;
    let codes = client.subscribe(&["no", "yes"]).await;
    let yes = v5::SubscribeReasonCode::Success(qos5(2));
    assert_eq!(codes, [v5::SubscribeReasonCode::QuotaExceeded, yes]);
    client.send_filter("deadly").await;
    assert_eq!(client.end().await, None);
    site.control.hang_up_at("deadly", false);
    let mut client = site.joined("a").await;
    assert_eq!(client.subscribe(&["deadly"]).await, [yes]);
}

#[tokio::test]
async fn connects_are_refused_with_either_versions_word() {
    let site = Site::quiet().await;
    site.control.refuse_connect(Some(5));
    let ack = site.five().await.connect("a", |_| {}).await;
    assert_eq!(ack.code, v5::ConnectReturnCode::NotAuthorized);
    site.control.refuse_connect(Some(0x88));
    let ack = site.three().await.connect("a", None).await;
    assert_eq!(ack.code, v4::ConnectReturnCode::ServiceUnavailable);
}

#[tokio::test]
async fn a_stopped_broker_closes_every_port_and_comes_back() {
    let site = Site::quiet().await;
    let mut clients = Vec::new();
    for way in WAYS {
        let mut client = Five::over(site.open(way).await);
        client.connect(&format!("{way:?}"), |_| {}).await;
        clients.push(client);
    }
    let mut events = site.control.events();
    site.control.stop_broker();
    wait(&mut events, |event| *event == SimEvent::BrokerStopped).await;
    for client in &mut clients {
        client.end().await;
    }
    site.control.start_broker();
    wait(&mut events, |event| *event == SimEvent::BrokerStarted).await;
    for way in WAYS {
        let mut client = Five::over(site.open(way).await);
        assert!(
            client
                .connect(&format!("{way:?}"), |_| {})
                .await
                .session_present
        );
    }
}

#[tokio::test]
async fn the_ready_line_and_the_profiles_name_every_way() {
    let site = Site::quiet().await;
    let ready = serde_json::to_value(site.ready()).unwrap();
    let keys: Vec<_> = ready.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "ready",
            "platform",
            "api_url",
            "mqtt_url",
            "wss_url",
            "plain_url",
            "ws_url",
            "ca_file",
            "config"
        ]
    );
    assert_eq!(ready["api_url"], Value::Null);
    let config = std::fs::read_to_string(site.dir.path().join("config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    for (profile, key) in [
        ("plant", "mqtt_url"),
        ("plant-ws", "wss_url"),
        ("plant-v5", "mqtt_url"),
        ("plant-plain", "plain_url"),
    ] {
        let profile = &config["profiles"][profile];
        assert_eq!(profile["url"].as_str(), ready[key].as_str());
        assert_eq!(profile["topics"][0].as_str(), Some("plant/#"));
    }
    assert_eq!(
        config["profiles"]["plant-v5"]["version"].as_str(),
        Some("5")
    );
}
