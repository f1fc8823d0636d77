//! Shadows, jobs, provisioning, presence and the rule, over MQTT (`reference/aws-iot.md` 5 and 6).

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rumqttc::v5::mqttbytes::v5;
use serde_json::{Value, json};
use thingdeck::sim::cloud::aws::cbor;

use super::{Account, parsed};
use crate::raw::Five;

const SHADOW: &str = "$aws/things/RPI/shadow";

#[tokio::test]
async fn a_shadow_is_updated_got_and_deleted() {
    let account = Account::quiet().await;
    let before = account.control.shadow("RPI", None).expect("a shadow")["version"].clone();
    let mut five = account.five("a").await;
    five.listen(&["$aws/things/RPI/shadow/#"]).await;
    let body = json!({"state": {"desired": {"led": "on"}}, "clientToken": "한"}).to_string();
    five.publish(&format!("{SHADOW}/update"), 1, 1, body.as_bytes())
        .await;
    let accepted = five.body_at(&format!("{SHADOW}/update/accepted")).await;
    assert_eq!(accepted["state"], json!({"desired": {"led": "on"}}));
    assert_eq!(accepted["clientToken"], "한");
    assert_eq!(accepted["version"].as_u64(), before.as_u64().map(|v| v + 1));
    let delta = five.body_at(&format!("{SHADOW}/update/delta")).await;
    assert_eq!(delta["state"], json!({"led": "on"}));
    let documents = five.body_at(&format!("{SHADOW}/update/documents")).await;
    assert_eq!(documents["previous"]["version"], before);
    assert_eq!(documents["current"]["state"]["desired"]["led"], "on");
    five.publish(&format!("{SHADOW}/get"), 1, 2, b"").await;
    let got = five.body_at(&format!("{SHADOW}/get/accepted")).await;
    assert_eq!(got["state"]["delta"], json!({"led": "on"}));
    five.publish(&format!("{SHADOW}/delete"), 1, 3, b"").await;
    let deleted = five.body_at(&format!("{SHADOW}/delete/accepted")).await;
    assert_eq!(deleted["version"], got["version"]);
    five.publish(&format!("{SHADOW}/get"), 1, 4, b"").await;
    let rejected = five.body_at(&format!("{SHADOW}/get/rejected")).await;
    assert_eq!(rejected["code"], 404);
}

#[tokio::test]
async fn a_named_shadow_is_its_own_document() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    let prefix = format!("{SHADOW}/name/door$1");
    five.listen(&[&format!("{prefix}/update/+")]).await;
    five.publish(
        &format!("{prefix}/update"),
        1,
        1,
        b"{\"state\":{\"reported\":{\"open\":true}}}",
    )
    .await;
    let accepted = five.body_at(&format!("{prefix}/update/accepted")).await;
    assert_eq!(accepted["version"], 1);
    let shadow = account
        .control
        .shadow("RPI", Some("door$1"))
        .expect("a shadow");
    assert_eq!(shadow["state"]["reported"], json!({"open": true}));
}

#[tokio::test]
async fn jobs_answer_who_asks_without_a_subscription_and_nobody_else() {
    let account = Account::quiet().await;
    let mut other = account.five("other").await;
    other.listen(&["$aws/things/RPI/jobs/#"]).await;
    account
        .control
        .queue_job("RPI", "job-1", json!({"do": "업데이트"}));
    let notify = other.body_at("$aws/things/RPI/jobs/notify").await;
    assert_eq!(notify["jobs"]["QUEUED"][0]["jobId"], "job-1");
    let next = other.body_at("$aws/things/RPI/jobs/notify-next").await;
    assert_eq!(next["execution"]["jobDocument"], json!({"do": "업데이트"}));

    let mut five = account.five("a").await;
    five.publish(
        "$aws/things/RPI/jobs/start-next",
        1,
        1,
        b"{\"clientToken\":\"c\"}",
    )
    .await;
    let started = five
        .body_at("$aws/things/RPI/jobs/start-next/accepted")
        .await;
    assert_eq!(started["execution"]["status"], "IN_PROGRESS");
    five.publish(
        "$aws/things/RPI/jobs/job-1/update",
        1,
        2,
        b"{\"status\":\"SUCCEEDED\",\"expectedVersion\":1}",
    )
    .await;
    let rejected = five
        .body_at("$aws/things/RPI/jobs/job-1/update/rejected")
        .await;
    assert_eq!(rejected["code"], "VersionMismatch");
    five.publish(
        "$aws/things/RPI/jobs/job-1/update",
        1,
        3,
        b"{\"status\":\"SUCCEEDED\"}",
    )
    .await;
    five.body_at("$aws/things/RPI/jobs/job-1/update/accepted")
        .await;
    // The other one has heard requests and notifications, and no answer.
    loop {
        let message = other.message().await;
        let topic = String::from_utf8_lossy(&message.topic).into_owned();
        assert!(
            !topic.ends_with("/accepted") && !topic.ends_with("/rejected"),
            "{topic}"
        );
        if topic.ends_with("/notify-next") {
            assert!(super::json(&message.payload).get("execution").is_none());
            break;
        }
    }
}

const CREATE: &str = "$aws/certificates/create/json";
const REGISTER: &str = "$aws/provisioning-templates/thingdeck/provision/json";

async fn claim(account: &Account) -> Five {
    let mut five = Five::over(account.open("claim").await);
    five.connect("claim", |_| {}).await;
    for base in [CREATE, REGISTER] {
        let (yes, no) = (format!("{base}/accepted"), format!("{base}/rejected"));
        five.listen(&[&yes, &no]).await;
    }
    five
}

async fn register(five: &mut Five, token: &Value, parameters: Value) -> Value {
    let body = json!({"certificateOwnershipToken": token, "parameters": parameters});
    five.publish(REGISTER, 1, 9, body.to_string().as_bytes())
        .await;
    loop {
        let message = five.message().await;
        if message.topic.starts_with(REGISTER.as_bytes()) {
            return super::json(&message.payload);
        }
    }
}

#[tokio::test]
async fn a_device_is_provisioned_and_connects_with_what_it_was_given() {
    let account = Account::quiet().await;
    let mut five = claim(&account).await;
    five.publish(CREATE, 1, 1, b"").await;
    let made = five.body_at(&format!("{CREATE}/accepted")).await;
    let identity = || {
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        parsed(&text("certificatePem"), &text("privateKey"))
    };
    let token = &made["certificateOwnershipToken"];
    // Not active yet.
    let mut early = crate::raw::Three::over(account.open_with(identity()).await);
    assert!(
        early
            .is_hung_up_on(rumqttc::mqttbytes::v4::Connect::new("device-1"))
            .await
    );

    for (token, parameters, status, code) in [
        (
            json!(""),
            json!({"SerialNumber": "1"}),
            400,
            "InvalidCertificateOwnershipToken",
        ),
        (
            json!("x"),
            json!({"SerialNumber": "1"}),
            400,
            "InvalidCertificateOwnershipToken",
        ),
        (token.clone(), json!({}), 400, "InvalidParameters"),
        (
            token.clone(),
            json!({"SerialNumber": 1}),
            400,
            "InvalidParameters",
        ),
        (
            token.clone(),
            json!({"SerialNumber": "STOLEN-1"}),
            403,
            "ACCESS_DENIED",
        ),
    ] {
        let rejected = register(&mut five, &token, parameters).await;
        assert_eq!(rejected["statusCode"], status, "{rejected}");
        assert_eq!(rejected["errorCode"], code);
    }
    let registered = register(&mut five, token, json!({"SerialNumber": "1"})).await;
    assert_eq!(registered["thingName"], "device-1");
    assert!(registered["deviceConfiguration"].is_object());
    let again = register(&mut five, token, json!({"SerialNumber": "1"})).await;
    assert_eq!(again["statusCode"], 400);

    let mut device = Five::over(account.open_with(identity()).await);
    let ack = device.connect("device-1", |_| {}).await;
    assert_eq!(ack.code, v5::ConnectReturnCode::Success);
    assert!(account.control.thing_attributes("device-1").is_some());
}

#[tokio::test]
async fn an_own_key_is_signed_and_its_token_ends_after_an_hour() {
    let account = Account::quiet().await;
    let mut five = claim(&account).await;
    let base = "$aws/certificates/create-from-csr/cbor";
    five.listen(&[&format!("{base}/accepted"), &format!("{base}/rejected")])
        .await;
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::default()
        .serialize_request(&key)
        .unwrap();
    let body = json!({"certificateSigningRequest": csr.pem().unwrap()});
    five.publish(base, 1, 1, &cbor::encode(&body)).await;
    let answer = five.message_at(&format!("{base}/accepted")).await;
    let made = cbor::decode(&answer.payload).expect("CBOR");
    assert!(made.get("privateKey").is_none());
    let known = account.control.certificates().len();
    five.publish(
        base,
        1,
        2,
        &cbor::encode(&json!({"certificateSigningRequest": "x"})),
    )
    .await;
    let answer = five.message_at(&format!("{base}/rejected")).await;
    let rejected = cbor::decode(&answer.payload).expect("CBOR");
    assert_eq!(rejected["statusCode"], 400);
    account.control.advance(Duration::from_hours(1));
    let token = &made["certificateOwnershipToken"];
    let rejected = register(&mut five, token, json!({"SerialNumber": "2"})).await;
    assert_eq!(rejected["errorCode"], "InvalidCertificateOwnershipToken");
    assert_eq!(
        account.control.certificates().len(),
        known - 1,
        "it has been deleted"
    );
}

#[tokio::test]
async fn nobody_answers_for_a_template_that_is_not_there_or_to_who_does_not_listen() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    five.listen(&[
        "$aws/provisioning-templates/nothing/provision/json/+",
        "end",
    ])
    .await;
    // Listens too late for this one.
    five.tell(CREATE, b"").await;
    five.listen(&[&format!("{CREATE}/accepted")]).await;
    five.tell("$aws/provisioning-templates/nothing/provision/json", b"{}")
        .await;
    account.control.hold_provisioning(true);
    five.tell(CREATE, b"").await;
    five.tell("end", b"").await;
    assert_eq!(five.message().await.topic, "end");
}

#[tokio::test]
async fn the_will_goes_through_the_rule_to_the_shadow() {
    let account = Account::quiet().await;
    let mut watch = account.five("watch").await;
    let documents = format!("{SHADOW}/update/documents");
    watch
        .listen(&[
            "my/things/+/update",
            &documents,
            "$aws/events/presence/+/RPI",
        ])
        .await;
    let will = |topic: &str, qos| {
        let payload = r#"{"state":{"reported":{"connected":false}}}"#;
        Some(v5::LastWill::new(topic, payload, qos, false, None))
    };
    let once = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
    let mut rpi = Five::over(account.open("rpi").await);
    rpi.connect_with("RPI", will("my/things/RPI/update", once), None, |_| {})
        .await;
    rpi.tell(
        &format!("{SHADOW}/update"),
        br#"{"state":{"reported":{"connected":true}}}"#,
    )
    .await;
    let told = watch.body_at(&documents).await;
    assert_eq!(told["current"]["state"]["reported"]["connected"], true);
    drop(rpi);
    let told = watch.body_at(&documents).await;
    assert_eq!(told["current"]["state"]["reported"]["connected"], false);

    // With a single dollar nothing arrives, in silence.
    account
        .control
        .set_rule(
            "report_connection",
            "SELECT * FROM 'my/things/+/update'",
            Some("$aws/things/${topic(3)}/shadow/update"),
        )
        .unwrap();
    let version = account.control.shadow("RPI", None).unwrap()["version"].clone();
    let mut rpi = Five::over(account.open("rpi").await);
    rpi.connect_with("RPI", will("my/things/RPI/update", once), None, |_| {})
        .await;
    drop(rpi);
    let message = watch.message_at("my/things/RPI/update").await;
    assert!(message.payload.starts_with(b"{"));
    assert_eq!(
        account.control.shadow("RPI", None).unwrap()["version"],
        version
    );
}

#[tokio::test]
async fn a_will_on_the_shadows_own_topic_is_seen_and_changes_nothing() {
    let account = Account::quiet().await;
    let topic = format!("{SHADOW}/update");
    let mut watch = account.five("watch").await;
    watch.listen(&[&topic]).await;
    let version = account.control.shadow("RPI", None).unwrap()["version"].clone();
    let once = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
    let payload = r#"{"state":{"reported":{"connected":false}}}"#;
    let will = v5::LastWill::new(&topic, payload, once, false, None);
    let mut rpi = Five::over(account.open("rpi").await);
    rpi.connect_with("RPI", Some(will), None, |_| {}).await;
    drop(rpi);
    assert_eq!(watch.message_at(&topic).await.payload, payload);
    assert_eq!(
        account.control.shadow("RPI", None).unwrap()["version"],
        version
    );
}

#[tokio::test]
async fn basic_ingest_reaches_the_rule_alone() {
    let account = Account::quiet().await;
    account
        .control
        .set_rule("keep", "SELECT * FROM 'never'", Some("kept/${topic(1)}"))
        .unwrap();
    let mut five = account.five("a").await;
    five.listen(&["$aws/#", "in/#", "kept/#"]).await;
    five.tell("$aws/rules/keep/in/x", b"1").await;
    let message = five.message().await;
    assert_eq!(message.topic, "kept/in");
}

#[tokio::test]
async fn presence_tells_who_came_how_they_left_and_who_may_not() {
    let account = Account::quiet().await;
    let mut watch = account.five("watch").await;
    watch
        .listen(&["$aws/events/presence/+/x", "$aws/events/subscriptions/+/x"])
        .await;
    let mut x = account.five("x").await;
    let event = watch.body_at("$aws/events/presence/connected/x").await;
    assert_eq!(event["eventType"], "connected");
    assert_eq!(event["ipAddress"], "127.0.0.1");
    assert_eq!(
        event["principalIdentifier"].as_str().map(str::len),
        Some(64)
    );
    let session = event["sessionIdentifier"].clone();
    x.listen(&["some/+"]).await;
    let event = watch
        .body_at("$aws/events/subscriptions/subscribed/x")
        .await;
    assert_eq!(event["topics"], json!(["some/+"]));
    let leave = v5::Disconnect::new(v5::DisconnectReasonCode::NormalDisconnection);
    x.send(v5::Packet::Disconnect(leave)).await;
    let event = watch.body_at("$aws/events/presence/disconnected/x").await;
    assert_eq!(event["clientInitiatedDisconnect"], true);
    assert_eq!(event["disconnectReason"], "CLIENT_INITIATED_DISCONNECT");
    assert_eq!(event["sessionIdentifier"], session);
    assert_eq!(event["versionNumber"], 0);
    drop(account.five("x").await);
    let event = watch.body_at("$aws/events/presence/disconnected/x").await;
    assert_eq!(event["disconnectReason"], "CONNECTION_LOST");
    assert_eq!(event["versionNumber"], 1);
    account.control.deny("iot:Connect", "*client/x");
    Five::over(account.open("deck").await)
        .connect("x", |_| {})
        .await;
    let event = watch.body_at("$aws/events/presence/connect_failed/x").await;
    assert_eq!(event["connectFailureReason"], "AUTHORIZATION_FAILED");
}

#[tokio::test]
async fn things_live_by_themselves() {
    let account = Account::with(|_| {}).await;
    let mut five = account.five("a").await;
    five.listen(&[
        "$aws/things/+/shadow/update/+",
        "$aws/events/presence/#",
        "fleet/#",
    ])
    .await;
    let mut seen = std::collections::BTreeSet::new();
    let kinds = ["accepted", "documents", "delta", "telemetry"];
    while !kinds.iter().all(|kind| seen.contains(*kind)) {
        account.control.advance(Duration::from_millis(500));
        let message = five.message().await;
        let topic = String::from_utf8_lossy(&message.topic).into_owned();
        seen.insert(topic.rsplit('/').next().unwrap_or_default().to_owned());
    }
    while account.control.jobs("pump-7").is_empty() {
        account.control.advance(Duration::from_secs(1));
    }
}
