//! Push and event subscriptions: twice, without, too many, and their end.

use std::time::Duration;

use serde_json::{Value, json};
use thingdeck::sim::SimEvent;

use crate::client::{Home, content, wait};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_push_subscription_is_not_idempotent() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let device = home.device("세탁기");
    let unsubscribe = format!("push/{device}/unsubscribe");
    assert_eq!(
        client.delete(&unsubscribe, "").await.error(),
        (404, "1206".to_owned())
    );
    client.subscribe_push(&device).await.ok();
    assert_eq!(
        client.subscribe_push(&device).await.error(),
        (404, "1207".to_owned())
    );
    assert_eq!(client.get("push").await.ok(), json!([{"deviceId": device}]));
    client.delete(&unsubscribe, "").await.ok();
    assert_eq!(client.get("push").await.ok(), json!([]));
}

#[tokio::test]
async fn account_changes_are_subscribed_once() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    client.post("push/devices", "").await.ok();
    assert_eq!(
        client.post("push/devices", "").await.error(),
        (400, "4001".to_owned())
    );
    assert_eq!(home.control.home_subscriptions(), ["someone"]);
    client.delete("push/devices", "").await.ok();
    client.post("push/devices", "").await.ok();
}

#[tokio::test]
async fn an_event_subscription_ends_without_a_sign_and_posting_again_begins_it_anew() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let device = home.device("세탁기");
    let mut events = home.control.events();
    client.subscribe_event(&device, 24).await.ok();
    home.control.advance(HOUR * 23);
    client.subscribe_event(&device, 24).await.ok();
    home.control.advance(HOUR * 23);
    assert_eq!(
        client.get("event").await.ok(),
        json!([{"deviceId": device}])
    );
    home.control.advance(HOUR * 2);
    wait(&mut events, |event| {
        matches!(event, SimEvent::EventEnded { .. })
    })
    .await;
    assert_eq!(client.get("event").await.ok(), json!([]));
    let answer = client
        .delete(&format!("event/{device}/unsubscribe"), "")
        .await;
    assert_eq!(answer.error(), (404, "1204".to_owned()));
}

#[tokio::test]
async fn after_its_end_an_event_subscription_brings_nothing_while_push_goes_on() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let mut link = client.listen().await;
    let device = home.device("세탁기");
    client.subscribe_event(&device, 1).await.ok();
    client.subscribe_push(&device).await.ok();
    home.control.report(&device, json!([{"n": 1}]));
    assert_eq!(content(&link.message().await)["report"], json!([{"n": 1}]));
    home.control.advance(HOUR);
    home.control.report(&device, json!([{"n": 2}]));
    home.control.notify(&device, "WASHING_IS_COMPLETE");
    assert_eq!(
        content(&link.message().await)["pushCode"],
        "WASHING_IS_COMPLETE"
    );
}

#[tokio::test]
async fn hours_are_checked_and_one_when_not_said() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let device = home.device("세탁기");
    let path = format!("event/{device}/subscribe");
    for hours in [json!(0), json!(5000), json!("24"), json!(1.5)] {
        let body = json!({"expire": {"unit": "HOUR", "timer": hours}}).to_string();
        assert_eq!(
            client.post(&path, &body).await.error(),
            (400, "1102".to_owned()),
            "{body}"
        );
    }
    client
        .post(&path, r#"{"expire":{"unit":"HOUR","timer":4464}}"#)
        .await
        .ok();
    client.post(&path, "").await.ok();
    let ends = home.control.event_subscriptions();
    let left = home.control.now().until(ends[0].2);
    assert!(left <= HOUR, "{left:?}");
}

#[tokio::test]
async fn too_many_event_subscriptions_are_1312_but_renewing_is_not() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    home.control.set_event_limit(1);
    client.subscribe_event(&home.device("세탁기"), 1).await.ok();
    client.subscribe_event(&home.device("세탁기"), 1).await.ok();
    let answer = client.subscribe_event(&home.device("건조기"), 1).await;
    assert_eq!(answer.error(), (400, "1312".to_owned()));
}

#[tokio::test]
async fn messages_come_flat_and_sometimes_wrapped() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let mut link = client.listen().await;
    let device = home.device("세탁기");
    client.subscribe_push(&device).await.ok();
    let mut flat = 0;
    for _ in 0..16 {
        home.control.notify(&device, "WASHING_IS_COMPLETE");
        let publish = link.message().await;
        let value: Value = serde_json::from_slice(&publish.payload).unwrap();
        flat += usize::from(value.get("pushType").is_some());
        assert_eq!(content(&publish)["pushType"], "DEVICE_PUSH");
    }
    assert_eq!(flat, 14);
}
