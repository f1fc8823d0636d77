//! What LG refuses, refused with LG's codes.

use serde_json::json;

use crate::client::{CLIENT_BODY, Home, PYTHON_KEY};

#[tokio::test]
async fn headers_are_checked_one_by_one() {
    let home = Home::quiet().await;
    let cases = [
        ("authorization", "", 400, "1103"),
        ("authorization", "Bearer ", 400, "1103"),
        ("authorization", "Basic thinqpat_1", 400, "1103"),
        ("authorization", "Bearer nonsense", 400, "1103"),
        ("authorization", "Bearer thinqpat_0123", 401, "1302"),
        ("x-message-id", "short", 400, "1104"),
        ("x-message-id", "abcdefghijklmnopqrst==", 400, "1104"),
        ("x-country", "", 400, "1216"),
        ("x-country", "LI", 401, "1307"),
        ("x-country", "kr", 401, "1307"),
        ("x-country", "US", 401, "1310"),
        ("x-client-id", "", 400, "1216"),
        ("x-client-id", "a/b", 400, "1216"),
        ("x-api-key", "", 401, "1301"),
        ("x-api-key", "wrong", 401, "1301"),
        ("x-service-phase", "", 400, "1216"),
    ];
    for (name, value, status, code) in cases {
        let answer = home
            .client("someone")
            .header(name, value)
            .get("devices")
            .await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{name}: {value}");
    }
    let script = home
        .client("script")
        .header("x-api-key", "ZkVkqP9jq44HuWkbNX9EKzZmmn7ToPY3A4vQ4tY8");
    script.get("devices").await.ok();
    home.client("python")
        .header("x-api-key", PYTHON_KEY)
        .get("devices")
        .await
        .ok();
}

#[tokio::test]
async fn a_revoked_token_is_unknown() {
    let home = Home::quiet().await;
    let client = home.client("someone");
    client.get("devices").await.ok();
    home.control.revoke_token();
    assert_eq!(
        client.get("devices").await.error(),
        (401, "1302".to_owned())
    );
}

#[tokio::test]
async fn a_client_that_has_not_registered_gets_no_certificate_and_no_subscription() {
    let home = Home::quiet().await;
    let client = home.client("stranger");
    let device = home.device("세탁기");
    let body = json!({"service-code": "SVC202", "csr": "AAAA"}).to_string();
    let expected = (404, "1209".to_owned());
    assert_eq!(
        client.post("client/certificate", &body).await.error(),
        expected
    );
    assert_eq!(client.subscribe_push(&device).await.error(), expected);
    assert_eq!(client.subscribe_event(&device, 1).await.error(), expected);
    assert_eq!(client.post("push/devices", "").await.error(), expected);
    assert_eq!(client.delete("client", CLIENT_BODY).await.error(), expected);
}

#[tokio::test]
async fn a_broken_request_for_a_certificate_is_refused() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    for (body, code) in [
        ("not json", "1000"),
        ("{}", "1101"),
        (r#"{"service-code":"SVC202"}"#, "1101"),
        (r#"{"service-code":"SVC202","csr":"AAAA"}"#, "1102"),
    ] {
        let answer = client.post("client/certificate", body).await;
        assert_eq!(answer.error(), (400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn devices_that_are_not_there_offline_or_silent_say_so() {
    let home = Home::quiet().await;
    let client = home.registered("someone").await;
    let (silent, offline) = (
        home.device("Wine cellar"),
        home.device("Guest room air conditioner"),
    );
    assert_eq!(
        client.get("devices/unknown/state").await.error(),
        (404, "1205".to_owned())
    );
    assert_eq!(
        client.get("devices/%20/profile").await.error(),
        (404, "1224".to_owned())
    );
    assert_eq!(
        client.subscribe_event(&silent, 1).await.error(),
        (404, "1214".to_owned())
    );
    let state = client.get(&format!("devices/{offline}/state")).await;
    assert_eq!(state.error(), (416, "1222".to_owned()));
    let body = json!({"operation": {"airConOperationMode": "POWER_OFF"}});
    assert_eq!(
        client.control(&offline, body).await.error(),
        (416, "1222".to_owned())
    );
    client.get(&format!("devices/{offline}/profile")).await.ok();
    home.control.set_offline(&offline, false);
    client.get(&format!("devices/{offline}/state")).await.ok();
}

#[tokio::test]
async fn too_many_calls_are_1314_until_the_hour_has_passed() {
    let home = Home::quiet().await;
    let client = home.client("eager");
    home.control.set_call_limit(3);
    for _ in 0..3 {
        client.get("devices").await.ok();
    }
    assert_eq!(
        client.get("devices").await.error(),
        (401, "1314".to_owned())
    );
    home.control.advance(std::time::Duration::from_secs(3601));
    client.get("devices").await.ok();
}

#[tokio::test]
async fn energy_is_there_for_some_and_1221_for_others() {
    let home = Home::quiet().await;
    let client = home.client("meter");
    let (washer, robot) = (home.device("세탁기"), home.device("로봇청소기"));
    let profile = client
        .get(&format!("devices/energy/{washer}/profile"))
        .await
        .ok();
    assert_eq!(profile["result"]["property"], json!(["energyUsage"]));
    let answer = client.get(&format!("devices/energy/{robot}/profile")).await;
    assert_eq!(answer.error(), (406, "1221".to_owned()));
    let usage = |query: &str| {
        let path = format!("devices/energy/{washer}/usage?property=energyUsage&{query}");
        let client = &client;
        async move { client.get(&path).await }
    };
    let days = usage("period=DAILY&startDate=20260301&endDate=20260331")
        .await
        .ok();
    let list = days["result"]["dataList"].as_array().unwrap();
    assert!(
        (20..31).contains(&list.len()),
        "some days are missing: {}",
        list.len()
    );
    assert!(list[0]["energyUsage"].is_u64());
    let months = usage("period=MONTHLY&startDate=202511&endDate=202602")
        .await
        .ok();
    assert!(!months["result"]["dataList"].as_array().unwrap().is_empty());
    for (query, code) in [
        ("period=DAILY&startDate=20260301", "1101"),
        ("period=HOURLY&startDate=20260301&endDate=20260302", "1102"),
        ("period=DAILY&startDate=20260302&endDate=20260301", "1102"),
        ("period=DAILY&startDate=20260301&endDate=20990101", "1102"),
        ("period=DAILY&startDate=202603&endDate=202604", "1102"),
    ] {
        assert_eq!(
            usage(query).await.error(),
            (400, code.to_owned()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn what_is_no_endpoint_gets_the_gateways_answer() {
    let home = Home::quiet().await;
    let answer = home.client("lost").get("nowhere").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["message"], "Missing Authentication Token");
}
