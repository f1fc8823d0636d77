//! The broker over mutual TLS: who gets in, what is delivered, what goes wrong on purpose.

use rumqttc::{Packet, QoS};
use serde_json::json;
use thingdeck::sim::SimEvent;
use thingdeck::sim::broker::Happening;

use crate::client::{CLIENT_BODY, Home, Identity, content, wait};

#[tokio::test]
async fn a_certificate_is_good_for_its_own_client_only() {
    let home = Home::quiet().await;
    let (one, other) = (home.registered("one").await, home.registered("other").await);
    let identity = one.enrol().await;
    let error = other.link(&identity).connect().await.expect_err("refused");
    assert!(error.contains("BadClientId"), "{error}");
    one.delete("client", CLIENT_BODY).await.ok();
    let error = one.link(&identity).connect().await.expect_err("refused");
    assert!(error.contains("NotAuthorized"), "{error}");
    one.post("client", CLIENT_BODY).await.ok();
    assert_eq!(one.link(&identity).connect().await, Ok(false));
}

#[tokio::test]
async fn a_certificate_of_somebody_else_fails_the_handshake() {
    let (home, stranger) = (Home::quiet().await, Home::quiet().await);
    let client = home.registered("someone").await;
    let identity = stranger.registered("someone").await.enrol().await;
    client
        .link(&identity)
        .connect()
        .await
        .expect_err("not signed here");
    let good = client.enrol().await;
    assert_eq!(client.link(&good).connect().await, Ok(false));
}

#[tokio::test]
async fn certificates_can_be_taken_back_and_new_ones_are_accepted() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let old = client.enrol().await;
    home.control.refuse_certificates(true);
    client.link(&old).connect().await.expect_err("taken back");
    let new = client.enrol().await;
    assert_eq!(client.link(&new).connect().await, Ok(false));
    home.control.refuse_certificates(false);
    assert_eq!(client.link(&old).connect().await, Ok(true));
}

#[tokio::test]
async fn a_foreign_topic_ends_the_connection() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let identity = client.enrol().await;
    for topic in ["app/clients/other/push", "app/clients/someone/+", "#"] {
        let mut link = client.link(&identity);
        link.connect().await.unwrap();
        link.client
            .subscribe(topic, QoS::AtLeastOnce)
            .await
            .unwrap();
        link.end().await;
        assert!(home.control.filters("someone").is_empty(), "{topic}");
    }
}

#[tokio::test]
async fn publishing_elsewhere_or_with_qos_2_ends_the_connection() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let identity = client.enrol().await;
    for (topic, qos) in [
        ("app/clients/someone/push", QoS::AtLeastOnce),
        ("app/clients/someone/outbox", QoS::ExactlyOnce),
    ] {
        let mut link = client.link(&identity);
        link.connect().await.unwrap();
        link.client.publish(topic, qos, false, "x").await.unwrap();
        link.end().await;
    }
    let mut link = client.link(&identity);
    link.connect().await.unwrap();
    link.client
        .publish("app/clients/someone/outbox", QoS::AtLeastOnce, false, "x")
        .await
        .unwrap();
    assert!(matches!(link.next().await, Ok(Packet::PubAck(_))));
}

#[tokio::test]
async fn what_came_while_away_is_delivered_on_return() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let device = home.device("세탁기");
    client.subscribe_push(&device).await.ok();
    let identity = client.enrol().await;
    let mut link = client.link(&identity);
    link.connect().await.unwrap();
    link.subscribe(&identity.topic).await;
    home.control.drop_connections();
    link.end().await;
    for _ in 0..150 {
        home.control.notify(&device, "WASHING_IS_COMPLETE");
    }
    let mut link = client.link(&identity);
    assert_eq!(link.connect().await, Ok(true));
    for _ in 0..150 {
        assert!(!link.message().await.dup);
    }
}

#[tokio::test]
async fn an_unacknowledged_message_comes_again_marked_as_a_duplicate() {
    let home = Home::quiet().await;
    let (client, device, identity, mut link) = listening(&home).await;
    home.control.notify(&device, "WASHING_IS_COMPLETE");
    let first = link.unacknowledged().await;
    home.control.drop_connections();
    link.end().await;
    let mut link = client.link(&identity);
    link.connect().await.unwrap();
    let second = link.message().await;
    assert_eq!((first.dup, second.dup), (false, true));
    assert_eq!(first.payload, second.payload);
}

#[tokio::test]
async fn an_acknowledgement_can_be_lost_and_a_message_sent_twice() {
    let home = Home::quiet().await;
    let (client, device, identity, mut link) = listening(&home).await;
    home.control.duplicate_next();
    home.control.notify(&device, "WASHING_IS_COMPLETE");
    assert!(!link.message().await.dup);
    assert!(link.message().await.dup);
    home.control.lose_next_puback();
    home.control.notify(&device, "WASHING_IS_COMPLETE");
    link.message().await;
    link.end().await;
    let mut link = client.link(&identity);
    link.connect().await.unwrap();
    assert!(link.message().await.dup);
}

#[tokio::test]
async fn a_second_connection_with_the_same_id_evicts_the_first() {
    let home = Home::quiet().await;
    let (client, _, identity, mut first) = listening(&home).await;
    let mut second = client.link(&identity);
    assert_eq!(second.connect().await, Ok(true));
    first.end().await;
    home.control.takeover("someone", 1);
    second.end().await;
    let mut third = client.link(&identity);
    third.connect().await.unwrap();
    third.end().await;
    client.link(&identity).connect().await.unwrap();
}

#[tokio::test]
async fn a_deaf_broker_answers_pings_and_delivers_nothing() {
    let home = Home::quiet().await;
    let (_, device, _, mut link) = listening(&home).await;
    home.control.deaf(true);
    home.control.notify(&device, "WASHING_IS_COMPLETE");
    home.control.deaf(false);
    home.control.notify(&device, "ERROR_DURING_WASHING");
    assert_eq!(
        content(&link.message().await)["pushCode"],
        "ERROR_DURING_WASHING"
    );
}

#[tokio::test]
async fn sessions_and_filters_can_be_forgotten() {
    let home = Home::quiet().await;
    let (client, _, identity, mut link) = listening(&home).await;
    home.control.forget_subscriptions();
    assert!(home.control.is_connected("someone") && home.control.filters("someone").is_empty());
    link.subscribe(&identity.topic).await;
    assert_eq!(home.control.filters("someone"), [identity.topic.clone()]);
    home.control.lose_session();
    home.control.drop_connections();
    link.end().await;
    assert_eq!(client.link(&identity).connect().await, Ok(false));
}

#[tokio::test]
async fn a_session_is_kept_for_an_hour() {
    let home = Home::quiet().await;
    let (client, _, identity, mut link) = listening(&home).await;
    for (minutes, present) in [(59, true), (61, false)] {
        home.control.drop_connections();
        link.end().await;
        home.control
            .advance(std::time::Duration::from_secs(60 * minutes));
        link = client.link(&identity);
        assert_eq!(link.connect().await, Ok(present), "after {minutes} minutes");
    }
}

#[tokio::test]
async fn a_stopped_broker_refuses_connections_and_comes_back_on_its_port() {
    let home = Home::quiet().await;
    let (client, _, identity, mut link) = listening(&home).await;
    let mut events = home.control.events();
    home.control.stop_broker();
    wait(&mut events, |event| *event == SimEvent::BrokerStopped).await;
    link.end().await;
    client
        .link(&identity)
        .connect()
        .await
        .expect_err("the port is closed");
    home.control.start_broker();
    wait(&mut events, |event| *event == SimEvent::BrokerStarted).await;
    assert_eq!(client.link(&identity).connect().await, Ok(true));
}

#[tokio::test]
async fn connects_can_be_refused_in_every_form() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let identity = client.enrol().await;
    home.control.refuse_connect(Some(5));
    let error = client.link(&identity).connect().await.expect_err("refused");
    assert!(error.contains("NotAuthorized"), "{error}");
    home.control.refuse_connect(Some(7));
    client.link(&identity).connect().await.expect_err("refused");
    home.control.refuse_connect(None);
    home.control.close_after_connect(true);
    client.link(&identity).connect().await.expect_err("closed");
    home.control.close_after_connect(false);
    client.link(&identity).connect().await.expect("accepted");
}

#[tokio::test]
async fn a_forgotten_client_is_thrown_out_and_has_to_register_again() {
    let home = Home::quiet().await;
    let (client, device, identity, mut link) = listening(&home).await;
    home.control.forget_client("someone");
    link.end().await;
    client.link(&identity).connect().await.expect_err("unknown");
    assert_eq!(client.subscribe_push(&device).await.error().1, "1209");
    client.post("client", CLIENT_BODY).await.ok();
    client.subscribe_push(&device).await.ok();
}

#[tokio::test]
async fn payloads_of_any_bytes_reach_the_client() {
    let home = Home::quiet().await;
    let (_, _, _, mut link) = listening(&home).await;
    let hostile = b"\x1b]52;c;\x07\xff\0".to_vec();
    home.control.publish_raw("someone", hostile.clone());
    assert_eq!(link.message().await.payload, hostile);
}

#[tokio::test]
async fn what_happens_can_be_waited_for() {
    let home = Home::quiet().await;
    let mut events = home.control.events();
    let (_, device, _, mut link) = listening(&home).await;
    wait(&mut events, |event| {
        matches!(event, SimEvent::Broker(Happening::Connected { client, session_present: false }) if client == "someone")
    })
    .await;
    let topic = json!("app/clients/someone/push");
    wait(&mut events, |event| {
        matches!(event, SimEvent::Broker(Happening::Subscribed { filter, .. }) if topic == *filter)
    })
    .await;
    home.control.notify(&device, "WASHING_IS_COMPLETE");
    link.message().await;
    tokio::select! {
        _ = link.end() => {}
        _ = wait(&mut events, |event| matches!(event, SimEvent::Broker(Happening::Acknowledged { .. }))) => {}
    }
}

/// A client that listens, with a push subscription to the washer.
async fn listening(home: &Home) -> (crate::client::Client, String, Identity, crate::client::Link) {
    let client = home.registered("someone").await;
    let device = home.device("세탁기");
    client.subscribe_push(&device).await.ok();
    let identity = client.enrol().await;
    let mut link = client.link(&identity);
    link.connect().await.expect("accepted");
    link.subscribe(&identity.topic).await;
    (client, device, identity, link)
}
