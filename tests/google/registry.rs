//! The registry in both dialects, with scripted answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::profile::GoogleSettings;
use thingdeck::domain::relay::{Command, RelayReply, RelayRequest};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::platform::Platform as _;
use thingdeck::platform::io::HttpCall;

use crate::script::{Script, reply, settings};

const KEYS: &str =
    r#"{"systemKey":"admin","token":"admin-token","url":"https://iot.example","project":"plant"}"#;

fn clearblade() -> Script {
    let script = Script::new(GoogleSettings {
        credentials_file: Some("clearblade.json".into()),
        ..settings()
    });
    script.file("clearblade.json", KEYS);
    script
}

/// Answers the calls with these, in order, after the one for the registry's keys.
fn answers(script: &Script, answers: Vec<(u16, Value)>) {
    let mut answers = answers.into_iter();
    script.registry(move |call: &HttpCall| {
        if call.url.contains("getRegistryCredentials") {
            return reply(200, &json!({"systemKey": "reg", "serviceAccountToken": "reg-token", "url": "https://us.example"}));
        }
        let (status, body) = answers.next().expect("no more calls than answers");
        reply(status, &body)
    });
}

fn relay(script: &Script, request: RelayRequest) -> Result<RelayReply, Problem> {
    let asked = script.google.request(script, Request::Relay(request));
    match script
        .run(Duration::from_mins(5), asked)
        .expect("in time")?
    {
        Reply::Relay(reply) => Ok(reply),
        other => panic!("{other:?}"),
    }
}

fn devices(script: &Script) -> Result<Vec<thingdeck::domain::device::Device>, Problem> {
    let asked = script
        .google
        .request(script, Request::Devices { fresh: true });
    match script
        .run(Duration::from_mins(5), asked)
        .expect("in time")?
    {
        Reply::Devices(devices) => Ok(devices),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_credentials_the_devices_are_those_of_the_profile_and_the_rest_says_what_is_missing() {
    let script = Script::new(settings());
    let ids: Vec<_> = devices(&script)
        .expect("a list")
        .iter()
        .map(|d| d.id.to_string())
        .collect();
    assert_eq!(ids, ["gateway", "sensor-1", "sensor-2"]);
    let problem =
        relay(&script, RelayRequest::Configs(DeviceId::new("sensor-1"))).expect_err("none");
    assert!(problem.cause.contains("credentials_file"), "{problem:?}");
    assert_eq!(problem.exit, Exit::Usage);
    assert!(script.calls().is_empty());
}

#[test]
fn clearblades_list_is_followed_page_by_page_with_the_registrys_own_keys() {
    let script = clearblade();
    answers(
        &script,
        vec![
            (
                200,
                json!({"devices": [{"id": "gateway", "numId": "1", "gatewayConfig": {"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY"}}], "nextPageToken": 7}),
            ),
            (
                200,
                json!({"devices": [{"id": "sensor-1", "blocked": true, "lastEventTime": "2026-03-02T07:00:00Z", "lastStateTime": "", "metadata": {"room": "3층"}}], "nextPageToken": 0}),
            ),
            (
                200,
                json!({"devices": [{"id": "sensor-1"}], "nextPageToken": ""}),
            ),
        ],
    );
    let devices = devices(&script).expect("a list");
    let kinds: Vec<_> = devices
        .iter()
        .map(|d| format!("{} {}", d.kind, d.id))
        .collect();
    assert_eq!(
        kinds,
        ["GATEWAY gateway", "BLOCKED sensor-1", "DEVICE sensor-2"]
    );
    let known = &devices[1].attributes;
    let value = |name: &str| {
        known
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    assert_eq!(value("last seen"), Some("2026-03-02T07:00:00.000000Z"));
    assert_eq!(value("blocked"), Some("yes"));
    assert_eq!(value("bound to this gateway"), Some("yes"));
    assert_eq!(value("room"), Some("3층"));
    let calls = script.calls();
    assert_eq!(
        calls[0],
        "POST https://iot.example/api/v/1/code/admin/getRegistryCredentials"
    );
    assert!(calls[1].starts_with("GET https://us.example/api/v/4/webhook/execute/reg/cloudiot_devices?parent=projects%2Fplant%2Flocations%2Fus-central1%2Fregistries%2Fsensors&fieldMask="), "{}", calls[1]);
    assert!(calls[2].ends_with("pageToken=7"), "{}", calls[2]);
    assert!(
        calls[3].contains("gatewayListOptions.associationsGatewayId=gateway"),
        "{}",
        calls[3]
    );
    let secrets = script.secrets();
    assert_eq!(secrets[0], "clearblade-usertoken: admin-token");
    assert!(
        secrets[1..]
            .iter()
            .all(|s| s == "clearblade-usertoken: reg-token"),
        "{secrets:?}"
    );
}

#[test]
fn google_is_asked_with_a_bearer_that_is_fetched_once() {
    let script = Script::new(GoogleSettings {
        credentials_file: Some("account.json".into()),
        api_url: Some("https://google.example".to_owned()),
        ..settings()
    });
    let key = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/google/keys/rsa_pkcs8.pem"),
    )
    .expect("there");
    let account = json!({"type": "service_account", "client_email": "deck@plant.example", "private_key": key, "token_uri": "https://google.example/token"});
    script.file("account.json", &account.to_string());
    script.registry(|call| {
        if call.url.ends_with("/token") {
            return reply(200, &json!({"access_token": "ya29.x", "expires_in": 3599}));
        }
        reply(200, &json!({"deviceConfigs": [{"version": "3", "binaryData": "eyJhIjoxfQ=="}, {"version": "2"}]}))
    });
    for _ in 0..2 {
        let Ok(RelayReply::Configs(versions)) =
            relay(&script, RelayRequest::Configs(DeviceId::new("sensor~1")))
        else {
            panic!("configurations");
        };
        assert_eq!(versions.len(), 2);
        assert_eq!(
            (versions[0].version, &versions[0].payload[..]),
            (3, &br#"{"a":1}"#[..])
        );
    }
    let calls = script.calls();
    let path = "https://google.example/v1/projects/plant/locations/us-central1/registries/sensors/devices/sensor~1/configVersions?numVersions=10";
    assert_eq!(
        calls,
        [
            "POST https://google.example/token".to_owned(),
            format!("GET {path}"),
            format!("GET {path}")
        ]
    );
    assert!(script.bodies()[0].starts_with(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey"
    ));
    assert_eq!(
        script.secrets(),
        [
            "authorization: Bearer ya29.x",
            "authorization: Bearer ya29.x"
        ]
    );
}

fn failed(status: &str, http: u16) -> (u16, Value) {
    (
        http,
        json!({"error": {"code": http, "message": "no.", "status": status}}),
    )
}

#[test]
fn a_configuration_that_is_not_the_newest_any_more_is_not_overwritten() {
    let script = clearblade();
    answers(
        &script,
        vec![
            failed("FAILED_PRECONDITION", 400),
            (
                200,
                json!({"deviceConfigs": [{"version": 5, "binaryData": "bmV3"}]}),
            ),
        ],
    );
    let request = RelayRequest::SendConfig {
        device: DeviceId::new("sensor-1"),
        payload: Bytes::from_static(b"mine"),
        expected: Some(4),
    };
    let Ok(RelayReply::Conflict { newest }) = relay(&script, request) else {
        panic!("a conflict");
    };
    assert_eq!((newest.version, &newest.payload[..]), (5, &b"new"[..]));
    let calls = script.calls();
    assert!(
        calls[1].contains("method=modifyCloudToDeviceConfig"),
        "{}",
        calls[1]
    );
    let body: Value = serde_json::from_str(&script.bodies()[1]).expect("JSON");
    assert_eq!(
        body,
        json!({"binaryData": "bWluZQ==", "versionToUpdate": 4})
    );
}

#[test]
fn a_command_that_nobody_hears_says_what_it_takes() {
    let script = clearblade();
    answers(&script, vec![failed("FAILED_PRECONDITION", 400)]);
    let request = RelayRequest::SendCommand {
        device: DeviceId::new("sensor-1"),
        command: Command::Bytes {
            subfolder: Some("a/b".to_owned()),
            payload: Bytes::from_static(b"\xff"),
        },
    };
    let problem = relay(&script, request).expect_err("nobody hears it");
    assert!(
        problem.remedy.contains("commands/#") && problem.remedy.contains("attached"),
        "{problem:?}"
    );
    let body: Value = serde_json::from_str(&script.bodies()[1]).expect("JSON");
    assert_eq!(body, json!({"binaryData": "/w==", "subfolder": "a/b"}));
}

#[test]
fn states_are_asked_for_in_base64_and_binary_ones_stay_whole() {
    let script = clearblade();
    answers(
        &script,
        vec![(
            200,
            json!({"deviceStates": [{"binaryData": "/wAB", "updateTime": "2026-03-02T07:00:00Z"}]}),
        )],
    );
    let Ok(RelayReply::States(states)) =
        relay(&script, RelayRequest::States(DeviceId::new("sensor-1")))
    else {
        panic!("states");
    };
    assert_eq!(&states[0].payload[..], b"\xff\x00\x01");
    assert!(script.calls()[1].contains("base64Encode=true"));
}

#[test]
fn passing_trouble_is_tried_again_and_refused_keys_are_fetched_anew() {
    let script = clearblade();
    answers(&script, vec![failed("UNAVAILABLE", 503), (200, json!({}))]);
    assert_eq!(
        relay(&script, RelayRequest::States(DeviceId::new("sensor-1"))),
        Ok(RelayReply::States(Vec::new()))
    );
    let script = clearblade();
    let refused = Arc::new(Mutex::new(true));
    script.registry(move |call| {
        if call.url.contains("getRegistryCredentials") {
            return reply(
                200,
                &json!({"systemKey": "reg", "serviceAccountToken": "t", "url": ""}),
            );
        }
        let first = std::mem::replace(&mut *refused.lock().expect("not poisoned"), false);
        if first {
            return reply(401, &json!("the token is not valid"));
        }
        reply(200, &json!({"deviceStates": []}))
    });
    assert!(relay(&script, RelayRequest::States(DeviceId::new("sensor-1"))).is_ok());
    let keys = script
        .calls()
        .iter()
        .filter(|c| c.contains("getRegistryCredentials"))
        .count();
    assert_eq!(keys, 2);
}

#[test]
fn a_device_that_is_not_there_is_not_found() {
    let script = clearblade();
    answers(&script, vec![failed("NOT_FOUND", 404)]);
    let problem = relay(&script, RelayRequest::Configs(DeviceId::new("nobody"))).expect_err("none");
    assert_eq!(problem.exit, Exit::NotFound);
    assert!(problem.cause.contains("404 NOT_FOUND"), "{}", problem.cause);
}

#[test]
fn the_credentials_file_may_be_named_as_clearblades_sdks_have_it_named() {
    let script = Script::new(settings());
    script.variable("CLEARBLADE_CONFIGURATION", "elsewhere.json");
    script.file("elsewhere.json", KEYS);
    answers(
        &script,
        vec![
            (200, json!({"devices": [{"id": "pump-4"}]})),
            (200, json!({})),
        ],
    );
    let ids: Vec<_> = devices(&script)
        .expect("a list")
        .iter()
        .map(|d| d.id.to_string())
        .collect();
    assert!(ids.contains(&"pump-4".to_owned()), "{ids:?}");
}
