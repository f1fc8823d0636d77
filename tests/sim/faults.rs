//! Faults on the HTTP side.

use std::time::Duration;

use reqwest::Method;
use thingdeck::sim::{Fault, SimEvent, Times};

use crate::client::{Home, wait};

#[tokio::test]
async fn every_code_of_the_table_can_be_had_with_its_status() {
    let home = Home::quiet().await;
    let client = home.client("someone");
    for (code, status) in [
        ("1306", 401),
        ("1222", 416),
        ("2000", 500),
        ("0000", 500),
        ("2212", 412),
    ] {
        home.control
            .fail_http("GET", "/devices", Times::Once, Fault::code(code));
        assert_eq!(
            client.get("devices").await.error(),
            (status, code.to_owned())
        );
    }
    client.get("devices").await.ok();
}

#[tokio::test]
async fn gateways_answer_in_their_own_way() {
    let home = Home::quiet().await;
    let client = home.client("someone");
    let mut answers = Vec::new();
    for fault in [
        Fault::Html,
        Fault::EmptyBody,
        Fault::Status(429, r#"{"message":"Too Many Requests"}"#.to_owned()),
    ] {
        home.control.fail_http("*", "*", Times::Once, fault);
        let answer = client.get("devices").await;
        answers.push((
            answer.status,
            answer.json()["message"].as_str().map(str::to_owned),
        ));
    }
    let too_many = Some("Too Many Requests".to_owned());
    assert_eq!(answers, [(502, None), (200, None), (429, too_many)]);
}

#[tokio::test]
async fn a_lost_reply_was_done_and_a_cut_call_was_not() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let device = home.device("세탁기");
    let path = format!("push/{device}/subscribe");
    home.control
        .fail_http("POST", "/push/*", Times::Once, Fault::Cut);
    client
        .send(Method::POST, &path, None)
        .await
        .expect_err("cut");
    assert_eq!(home.control.push_subscriptions(), []);
    home.control
        .fail_http("POST", "/push/*", Times::Once, Fault::LoseReply);
    client
        .send(Method::POST, &path, None)
        .await
        .expect_err("no reply");
    assert_eq!(
        home.control.push_subscriptions(),
        [("someone".to_owned(), device)]
    );
    assert_eq!(
        client
            .send(Method::POST, &path, None)
            .await
            .unwrap()
            .error()
            .1,
        "1207"
    );
}

#[tokio::test]
async fn silence_is_an_open_connection_without_an_answer() {
    let home = Home::quiet().await;
    let client = home.client("someone");
    let mut events = home.control.events();
    home.control
        .fail_http("GET", "/devices", Times::Once, Fault::Silence);
    let call = client.get("devices");
    tokio::select! {
        answer = call => panic!("answered: {answer:?}"),
        event = wait(&mut events, |event| matches!(event, SimEvent::Call(_))) => {
            let SimEvent::Call(call) = event else { unreachable!() };
            assert_eq!((call.path.as_str(), call.status), ("/devices", 0));
        }
    }
    home.control.fail_http(
        "GET",
        "/devices",
        Times::Once,
        Fault::Delay(Duration::from_millis(5)),
    );
    client.get("devices").await.ok();
}

#[tokio::test]
async fn calls_are_recorded_with_client_status_and_code() {
    let home = Home::quiet().await;
    let client = home.client("someone");
    client.get("devices").await.ok();
    client.get("devices/nothing/state").await;
    let calls = home.control.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.path.as_str(),
                call.client_id.as_str(),
                call.status,
                call.code.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("/devices", "someone", 200, None),
            ("/devices/nothing/state", "someone", 404, Some("1205")),
        ]
    );
}
