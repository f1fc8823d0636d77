//! The whole way: sign in, enrol, subscribe, listen, control.

use std::time::Duration;

use rcgen::KeyPair;
use serde_json::{Value, json};
use thingdeck::sim::SimEvent;

use crate::client::{CLIENT_BODY, Home, content, csr, wait};

#[tokio::test]
async fn a_client_walks_from_its_token_to_a_living_device() {
    let home = Home::start().await;
    let client = home.client("walker");
    let route = client.get("route").await.ok();
    assert_eq!(route["mqttServer"], json!(client.mqtt_url));
    client.post("client", CLIENT_BODY).await.ok();
    let devices = client.get("devices").await.ok();
    let device = devices[0]["deviceId"].as_str().unwrap().to_owned();
    let mut link = client.listen().await;
    client.subscribe_event(&device, 24).await.ok();

    let message = content(&link.message().await);

    assert_eq!(message["pushType"], "DEVICE_STATUS");
    assert_eq!(message["deviceId"], json!(device));
    assert!(message["report"].is_object(), "{message}");
    home.sim.stop().await;
}

#[tokio::test]
async fn only_what_was_subscribed_is_heard() {
    let home = Home::start().await;
    let client = home.registered("listener").await;
    let mut link = client.listen().await;
    let washer = home.device("세탁기");
    client.subscribe_push(&washer).await.ok();
    let fridge = home.device("Kitchen fridge");
    client.subscribe_event(&fridge, 1).await.ok();
    for _ in 0..6 {
        let message = content(&link.message().await);
        let pair = (message["deviceId"].as_str(), message["pushType"].as_str());
        let expected = [
            (Some(washer.as_str()), Some("DEVICE_PUSH")),
            (Some(fridge.as_str()), Some("DEVICE_STATUS")),
        ];
        assert!(expected.contains(&pair), "{message}");
        home.control.advance(Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_control_is_confirmed_by_a_report() {
    let home = Home::quiet().await;
    let client = home.registered("hand").await;
    let mut link = client.listen().await;
    let device = home.device("거실 에어컨");
    client.subscribe_event(&device, 1).await.ok();
    let answer = client
        .control(
            &device,
            json!({"temperatureInUnits": {"coolTargetTemperature": 21.5, "unit": "C"}}),
        )
        .await;
    assert_eq!(answer.ok(), json!({}));

    let report = content(&link.message().await)["report"].clone();

    assert_eq!(
        report["temperature"],
        json!({"targetTemperature": 21.5, "unit": "C"})
    );
    assert_eq!(report["temperatureInUnits"][1]["targetTemperature"], 71);
    let state = client.get(&format!("devices/{device}/state")).await.ok();
    assert_eq!(
        state["temperatureInUnits"][0]["coolTargetTemperature"],
        21.5
    );
}

#[tokio::test]
async fn the_account_tells_of_new_renamed_and_removed_devices() {
    let home = Home::quiet().await;
    let client = home.registered("owner").await;
    let mut link = client.listen().await;
    client.post("push/devices", "").await.ok();
    let id = home
        .control
        .register_device("styler", "New styler")
        .unwrap();
    home.control.rename_device(&id, "새 스타일러");
    home.control.unregister_device(&id);
    let mut heard = Vec::new();
    for _ in 0..3 {
        let message = content(&link.message().await);
        heard.push((message["pushType"].clone(), message["alias"].clone()));
    }
    assert_eq!(
        heard,
        [
            (json!("DEVICE_REGISTERED"), json!("New styler")),
            (json!("DEVICE_ALIAS_CHANGED"), json!("새 스타일러")),
            (json!("DEVICE_UNREGISTERED"), json!("새 스타일러")),
        ]
    );
    let answer = client.get(&format!("devices/{id}/state")).await;
    assert_eq!(answer.error(), (404, "1213".to_owned()));
}

#[tokio::test]
async fn a_csr_is_taken_as_pem_as_base64_and_nested() {
    let home = Home::quiet().await;
    let client = home.registered("forms").await;
    let key = KeyPair::generate().unwrap();
    let bare = csr(&key);
    let pem =
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{bare}\n-----END CERTIFICATE REQUEST-----\n");
    for body in [
        json!({"service-code": "SVC202", "csr": bare}),
        json!({"service-code": "SVC202", "csr": pem}),
        json!({"body": {"service-code": "SVC202", "csr": bare}}),
    ] {
        let answer = client
            .post("client/certificate", &body.to_string())
            .await
            .ok();
        assert_eq!(answer["resultCode"], "0000");
        assert_eq!(
            answer["result"]["subscriptions"],
            json!(["app/clients/forms/push", "app/clients/forms/inbox"])
        );
    }
    assert_eq!(home.control.certificates_issued(), 3);
}

#[tokio::test]
async fn the_files_are_ready_to_use_and_the_token_is_private() {
    let home = Home::quiet().await;
    let read = |name| std::fs::read_to_string(home.dir.path().join(name)).unwrap();
    let config: toml::Value = toml::from_str(&read("config.toml")).unwrap();
    let profile = &config["profiles"]["home"];
    assert_eq!(config["default_profile"].as_str(), Some("home"));
    assert_eq!(
        profile["api_url"].as_str(),
        home.sim.ready().api_url.as_deref()
    );
    assert!(read("token").starts_with("thinqpat_"));
    assert!(read("ca.pem").starts_with("-----BEGIN CERTIFICATE-----"));
    let line = serde_json::to_string(home.sim.ready()).unwrap();
    assert!(line.starts_with(r#"{"ready":true,"platform":"thinq","api_url":"https://127.0.0.1:"#));
    assert!(line.contains(r#""wss_url":null,"ca_file":"#), "{line}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(home.dir.path().join("token"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn the_envelope_echoes_the_message_id_and_has_a_time_without_zone() {
    let home = Home::quiet().await;
    let client = home
        .client("reader")
        .header("x-message-id", "abcdefghijklmnopqrstu_");
    let body = client.get("devices").await.json();
    assert_eq!(body["messageId"], "abcdefghijklmnopqrstu_");
    let time = body["timestamp"].as_str().unwrap();
    assert_eq!(
        (time.len(), time.ends_with('Z')),
        ("2026-03-02T08:41:07.219000".len(), false)
    );
}

#[tokio::test]
async fn a_thousand_devices_have_different_names_and_ids() {
    let home = Home::with(|options| options.devices = Some(1000)).await;
    let list = home.client("many").get("devices").await.ok();
    let list = list.as_array().unwrap();
    let unique = |name: fn(&Value) -> &Value| {
        let set: std::collections::BTreeSet<_> = list.iter().map(|d| name(d).to_string()).collect();
        set.len()
    };
    assert_eq!(unique(|d| &d["deviceId"]), 1000);
    assert_eq!(unique(|d| &d["deviceInfo"]["alias"]), 1000);
    assert_eq!(unique(|d| &d["deviceInfo"]["deviceType"]), 27);
}

#[tokio::test]
async fn load_comes_at_the_rate_that_was_asked_for() {
    let home = Home::with(|options| options.rate = 500.0).await;
    home.control.freeze(true);
    let client = home.registered("busy").await;
    let mut link = client.listen().await;
    let device = home.device("세탁기");
    let mut events = home.control.events();
    client.subscribe_event(&device, 1).await.ok();
    for _ in 0..300 {
        assert_eq!(content(&link.message().await)["deviceId"], json!(device));
    }
    wait(&mut events, |event| {
        matches!(event, SimEvent::Published { .. })
    })
    .await;
}
