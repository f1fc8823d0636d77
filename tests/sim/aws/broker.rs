//! The broker's limits and denials (`reference/aws-iot.md` 3.2 and 4).

use std::time::Duration;

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

use super::Account;
use crate::raw::{Five, Three};

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode as Ended, PubAckReason, SubscribeReasonCode as Code,
};

const GRANTED: Code = Code::Success(rumqttc::v5::mqttbytes::QoS::AtLeastOnce);

#[tokio::test]
async fn connack_says_what_the_service_has_been_seen_to_say() {
    let account = Account::quiet().await;
    let mut five = Five::over(account.open("deck").await);
    let ack = five
        .connect("a", |p| p.session_expiry_interval = Some(u32::MAX))
        .await;
    let said = ack.properties.expect("properties");
    assert_eq!(said.receive_max, Some(100));
    assert_eq!(said.max_qos, Some(1));
    assert_eq!(said.retain_available, Some(1));
    assert_eq!(said.max_packet_size, Some(149_504));
    assert_eq!(said.topic_alias_max, Some(8));
    assert_eq!(said.wildcard_subscription_available, Some(1));
    assert_eq!(said.subscription_identifiers_available, Some(0));
    assert_eq!(said.shared_subscription_available, Some(1));
    assert_eq!(said.server_keep_alive, Some(30));
    assert_eq!(said.session_expiry_interval, Some(3600));
}

#[tokio::test]
async fn a_client_without_an_id_is_given_one_with_a_dollar_and_may_not_bring_one() {
    let account = Account::quiet().await;
    let mut five = Five::over(account.open("deck").await);
    let ack = five.connect("", |_| {}).await;
    let id = ack.properties.and_then(|p| p.assigned_client_identifier);
    assert!(id.expect("an id").starts_with('$'));
    for id in ["$mine".to_owned(), "x".repeat(129)] {
        let mut five = Five::over(account.open("deck").await);
        let ack = five.connect(&id, |_| {}).await;
        assert_eq!(ack.code, ConnectReturnCode::ClientIdentifierNotValid);
        let mut three = Three::over(account.open("deck").await);
        assert!(three.is_hung_up_on(v4::Connect::new(&id)).await);
    }
}

#[tokio::test]
async fn quality_2_ends_the_connection_and_a_will_with_it_never_begins_one() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    five.publish("t", 2, 1, b"x").await;
    assert_eq!(five.end().await, Some(Ended::QoSNotSupported));
    let mut five = account.five("a").await;
    let subscribe = {
        let qos = rumqttc::v5::mqttbytes::QoS::ExactlyOnce;
        let mut subscribe = v5::Subscribe::new(v5::Filter::new("t", qos), None);
        subscribe.pkid = 1;
        subscribe
    };
    five.send(v5::Packet::Subscribe(subscribe)).await;
    assert_eq!(five.end().await, Some(Ended::QoSNotSupported));

    let qos = rumqttc::v5::mqttbytes::QoS::ExactlyOnce;
    let will = v5::LastWill::new("t", "x", qos, false, None);
    let mut five = Five::over(account.open("deck").await);
    let ack = five.connect_with("a", Some(will), None, |_| {}).await;
    assert_eq!(ack.code, ConnectReturnCode::QoSNotSupported);
    let mut connect = v4::Connect::new("a");
    connect.last_will = Some(v4::LastWill::new(
        "t",
        "x",
        rumqttc::QoS::ExactlyOnce,
        false,
    ));
    let mut three = Three::over(account.open("deck").await);
    assert!(three.is_hung_up_on(connect).await);
}

#[tokio::test]
async fn nine_filters_at_a_time_are_too_many_and_so_are_51_in_all() {
    let account = Account::quiet().await;
    let names: Vec<_> = (0..56).map(|n| format!("t/{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut three = account.three("a").await;
    assert_eq!(three.listen(&names[..9]).await, None);
    let mut five = account.five("b").await;
    let mut codes = Vec::new();
    for part in names.chunks(8) {
        codes.extend(five.listen(part).await);
    }
    assert_eq!(codes.iter().filter(|code| **code == GRANTED).count(), 50);
    assert_eq!(codes[50..], [Code::QuotaExceeded; 6]);
    // One that is held already costs nothing.
    assert_eq!(five.listen(&["t/3"]).await, [GRANTED]);
}

#[tokio::test]
async fn topics_that_are_aws_own_end_the_connection() {
    let account = Account::quiet().await;
    for filter in ["$SYS/#", "$aws/rules/x/y", "$mine/x"] {
        assert_eq!(
            account.three("a").await.listen(&[filter]).await,
            None,
            "{filter}"
        );
        let mut five = account.five("b").await;
        let mut subscribe = v5::Subscribe::new(
            v5::Filter::new(filter, rumqttc::v5::mqttbytes::QoS::AtMostOnce),
            None,
        );
        subscribe.pkid = 1;
        five.send(v5::Packet::Subscribe(subscribe)).await;
        assert_eq!(
            five.end().await,
            Some(Ended::TopicFilterInvalid),
            "{filter}"
        );
    }
    for topic in [
        "$aws/things/RPI/shadow/update/accepted",
        "$aws/events/presence/connected/x",
        "$mine/x",
        "1/2/3/4/5/6/7/8/9",
    ] {
        assert!(
            !account.three("a").await.tell(topic, b"{}").await,
            "{topic}"
        );
        let mut five = account.five("b").await;
        five.publish(topic, 1, 1, b"{}").await;
        assert_eq!(five.end().await, Some(Ended::TopicNameInvalid), "{topic}");
    }
    let mut five = account.five("b").await;
    let mut publish = v5::Publish::new(
        "$aws/things/RPI/shadow/get",
        rumqttc::v5::mqttbytes::QoS::AtMostOnce,
        "",
        None,
    );
    publish.retain = true;
    five.send(v5::Packet::Publish(publish)).await;
    assert_eq!(five.end().await, Some(Ended::TopicNameInvalid));
}

#[tokio::test]
async fn a_payload_over_128_kib_ends_the_connection_though_its_packet_would_fit() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    assert_eq!(
        five.tell("t", &vec![0; 131_072]).await,
        PubAckReason::Success
    );
    five.publish("t", 1, 1, &vec![0; 131_073]).await;
    assert_eq!(five.end().await, Some(Ended::QuotaExceeded));
}

#[tokio::test]
async fn the_101st_message_of_a_second_is_discarded_in_silence() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    for packet in 1..=150 {
        five.publish("t", 1, packet, b"x").await;
    }
    five.send(v5::Packet::PingReq(v5::PingReq)).await;
    let mut acknowledged = 0;
    loop {
        match five.next().await {
            Some(v5::Packet::PubAck(_)) => acknowledged += 1,
            Some(v5::Packet::PingResp(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    // A second may have turned while they came.
    assert!((100..150).contains(&acknowledged), "{acknowledged}");
}

#[tokio::test]
async fn wildcards_stay_out_of_what_begins_with_a_dollar_and_of_their_own_parent() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    five.listen(&["#", "a/#"]).await;
    let get = "$aws/things/RPI/shadow/get";
    five.tell(get, b"").await;
    let mut exact = account.five("b").await;
    exact.listen(&["p/#"]).await;
    exact.tell("p", b"parent").await;
    exact.tell("p/q", b"child").await;
    assert_eq!(exact.message().await.payload, "child");
    // The shadow has answered by now, and nothing of it has come.
    assert_eq!(five.message().await.topic, "p");
}

#[tokio::test]
async fn what_is_retained_greets_only_the_exact_filter() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
    for (topic, packet) in [("r/1", 1), ("r/2", 2)] {
        let mut publish = v5::Publish::new(topic, qos, "kept", None);
        publish.retain = true;
        publish.pkid = packet;
        five.send(v5::Packet::Publish(publish)).await;
    }
    five.listen(&["r/+", "r/2"]).await;
    let first = five.message().await;
    assert_eq!((&first.topic[..], first.retain), (&b"r/2"[..], true));
    five.tell("r/end", b"").await;
    assert_eq!(five.message().await.topic, "r/end");
}

#[tokio::test]
async fn a_denial_is_a_reason_code_in_5_and_a_hang_up_in_3() {
    let account = Account::quiet().await;
    account.control.deny("iot:Publish", "*topic/secret/*");
    account
        .control
        .deny("iot:Subscribe", "*topicfilter/secret/#");
    account.control.deny("iot:Connect", "*client/stranger");
    account.control.deny("iot:RetainPublish", "*");

    let mut five = account.five("a").await;
    assert_eq!(
        five.tell("secret/x", b"x").await,
        PubAckReason::NotAuthorized
    );
    let codes = five.listen(&["open/x", "secret/#"]).await;
    assert_eq!(codes, [GRANTED, Code::NotAuthorized]);
    five.publish("secret/x", 0, 0, b"x").await;
    assert_eq!(five.end().await, Some(Ended::NotAuthorized));
    let mut five = Five::over(account.open("deck").await);
    let ack = five.connect("stranger", |_| {}).await;
    assert_eq!(ack.code, ConnectReturnCode::NotAuthorized);
    let will = v5::LastWill::new(
        "open",
        "x",
        rumqttc::v5::mqttbytes::QoS::AtMostOnce,
        true,
        None,
    );
    let mut five = Five::over(account.open("deck").await);
    let ack = five.connect_with("b", Some(will), None, |_| {}).await;
    assert_eq!(ack.code, ConnectReturnCode::NotAuthorized);

    assert!(!account.three("c").await.tell("secret/x", b"x").await);
    assert_eq!(
        account
            .three("c")
            .await
            .listen(&["open/x", "secret/#"])
            .await,
        None
    );
    let mut three = Three::over(account.open("deck").await);
    assert!(three.is_hung_up_on(v4::Connect::new("stranger")).await);
}

#[tokio::test]
async fn a_thing_connects_only_under_its_own_name_and_stays_with_its_own_topics() {
    let account = Account::quiet().await;
    let mut five = Five::over(account.open("rpi").await);
    let ack = five.connect("someone", |_| {}).await;
    assert_eq!(ack.code, ConnectReturnCode::NotAuthorized);
    let mut five = Five::over(account.open("rpi").await);
    let ack = five.connect("RPI", |_| {}).await;
    assert_eq!(ack.code, ConnectReturnCode::Success);
    let codes = five
        .listen(&["my/things/RPI/update", "my/things/other/update"])
        .await;
    assert_eq!(codes, [GRANTED, Code::NotAuthorized]);
}

#[tokio::test]
async fn what_may_not_be_received_does_not_come() {
    let account = Account::quiet().await;
    account.control.deny("iot:Receive", "*topic/in/secret");
    let mut five = account.five("a").await;
    five.listen(&["in/#"]).await;
    five.tell("in/secret", b"1").await;
    five.tell("in/open", b"2").await;
    assert_eq!(five.message().await.topic, "in/open");
}

#[tokio::test]
async fn a_twin_takes_over_and_both_events_tell_of_it() {
    let account = Account::quiet().await;
    let mut watch = account.five("watch").await;
    watch.listen(&["$aws/events/presence/+/twin"]).await;
    let mut first = account.five("twin").await;
    let mut second = account.five("twin").await;
    assert_eq!(first.end().await, Some(Ended::SessionTakenOver));
    assert_eq!(second.tell("t", b"x").await, PubAckReason::Success);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let message = watch.message().await;
        let event = super::json(&message.payload);
        let reason = event["disconnectReason"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        seen.push((event["versionNumber"].as_u64(), reason));
    }
    seen.sort();
    let duplicate = "DUPLICATE_CLIENTID".to_owned();
    assert_eq!(
        seen,
        [
            (Some(0), String::new()),
            (Some(0), duplicate),
            (Some(1), String::new())
        ]
    );
}

#[tokio::test]
async fn a_kept_session_is_handed_out_slowly_and_not_to_the_other_version() {
    let account = Account::quiet().await;
    let mut kept = account.five("kept").await;
    kept.listen(&["q"]).await;
    account.control.drop_client("kept");
    kept.end().await;
    let mut other = account.five("other").await;
    for n in 0..12_u8 {
        other.tell("q", &[n]).await;
    }
    let mut back = Five::over(account.open("deck").await);
    assert!(back.connect("kept", |_| {}).await.session_present);
    let mut seen = Vec::new();
    while seen.len() < 10 {
        let message = back.message().await;
        assert!(!message.dup);
        seen.push(message.payload[0]);
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    account.control.advance(Duration::from_secs(1));
    assert_eq!(back.message().await.payload[0], 10);
    let mut three = Three::over(account.open("deck").await);
    assert!(!three.connect("kept", None).await.session_present);
}

#[tokio::test]
async fn a_subscription_identifier_is_not_for_aws() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    let properties = v5::SubscribeProperties {
        id: Some(3),
        user_properties: Vec::new(),
    };
    let filter = v5::Filter::new("t", rumqttc::v5::mqttbytes::QoS::AtMostOnce);
    let mut subscribe = v5::Subscribe::new(filter, Some(properties));
    subscribe.pkid = 1;
    five.send(v5::Packet::Subscribe(subscribe)).await;
    assert_eq!(
        five.end().await,
        Some(Ended::SubscriptionIdentifiersNotSupported)
    );
}
