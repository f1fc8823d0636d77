//! The registry over HTTPS, in ClearBlade's form and in Google's (`reference/google-iot-core.md` 10, 11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use rumqttc::mqttbytes::v4;
use serde_json::{Value, json};

use super::{Bridge, REGISTRY, client, signed};
use crate::client::LIMIT;
use crate::raw::Three;

/// One who calls: the base of the addresses, and the header that opens them.
struct Caller<'a> {
    bridge: &'a Bridge,
    base: String,
    header: (&'static str, String),
}

impl Caller<'_> {
    async fn call(&self, method: &str, target: &str, body: Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{target}", self.base);
        let mut request = self
            .bridge
            .http()
            .request(method, url)
            .header(self.header.0, &self.header.1);
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.timeout(LIMIT).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn get(&self, target: &str) -> Value {
        let (status, body) = self.call("GET", target, Value::Null).await;
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// Status and name of a refusal.
    async fn error(&self, method: &str, target: &str, body: Value) -> (u16, String) {
        let (status, body) = self.call(method, target, body).await;
        assert_eq!(body["error"]["code"], status, "{target}: {body}");
        assert!(body["error"]["message"].is_string());
        (status, body["error"]["status"].as_str().unwrap().to_owned())
    }
}

impl Bridge {
    fn http(&self) -> reqwest::Client {
        let ca = self.file("ca.pem");
        reqwest::Client::builder()
            .tls_backend_rustls()
            .tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes()).unwrap()])
            .build()
            .unwrap()
    }

    fn credentials(&self, file: &str) -> Value {
        serde_json::from_str(&self.file(file)).unwrap()
    }

    /// With the keys of all registries.
    fn admin(&self) -> Caller<'_> {
        let keys = self.credentials("clearblade.json");
        let text = |name: &str| keys[name].as_str().unwrap().to_owned();
        Caller {
            bridge: self,
            base: text("url"),
            header: ("ClearBlade-UserToken", text("token")),
        }
    }

    /// With the keys of the one registry.
    async fn clearblade(&self) -> Caller<'_> {
        let admin = self.admin();
        let keys = self.credentials("clearblade.json");
        let system = keys["systemKey"].as_str().unwrap();
        let target = format!("/api/v/1/code/{system}/getRegistryCredentials");
        let which = json!({"region": "us-central1", "registry": "sensors", "project": "plant"});
        let (status, found) = admin.call("POST", &target, which).await;
        assert_eq!(status, 200, "{found}");
        let text = |name: &str| found[name].as_str().unwrap().to_owned();
        Caller {
            bridge: self,
            base: format!(
                "{}/api/v/4/webhook/execute/{}",
                text("url"),
                text("systemKey")
            ),
            header: ("ClearBlade-UserToken", text("serviceAccountToken")),
        }
    }

    /// What the token endpoint says to an assertion.
    async fn grant(&self, change: impl FnOnce(&mut Value)) -> (u16, Value) {
        let account = self.credentials("service-account.json");
        let now = self.now();
        let mut claims = json!({
            "iss": account["client_email"],
            "scope": "https://www.googleapis.com/auth/cloudiot",
            "aud": account["token_uri"],
            "iat": now,
            "exp": now + 3600,
        });
        change(&mut claims);
        let assertion = signed(account["private_key"].as_str().unwrap(), &claims);
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let answer = self
            .http()
            .post(account["token_uri"].as_str().unwrap())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type={grant}&assertion={assertion}"))
            .timeout(LIMIT)
            .send()
            .await
            .expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn google(&self) -> Caller<'_> {
        let (status, granted) = self.grant(|_| {}).await;
        assert_eq!(status, 200, "{granted}");
        let base = self.sim.ready().api_url.clone().unwrap();
        let token = granted["access_token"].as_str().unwrap();
        Caller {
            bridge: self,
            base: format!("{base}/v1"),
            header: ("Authorization", format!("Bearer {token}")),
        }
    }
}

fn data(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[tokio::test]
async fn each_system_opens_with_its_own_token_only() {
    let bridge = Bridge::quiet().await;
    let (admin, mut registry) = (bridge.admin(), bridge.clearblade().await);
    let list = format!("/cloudiot_devices?parent={REGISTRY}");
    assert!(registry.get(&list).await["devices"].is_array());
    registry.header.1 = admin.header.1;
    let refused = registry.error("GET", &list, Value::Null).await;
    assert_eq!(refused, (401, "UNAUTHENTICATED".to_owned()));
    let google = bridge.google().await;
    assert!(google.get(&format!("/{REGISTRY}")).await["id"].is_string());
    let stranger = Caller {
        header: ("Authorization", "Bearer ya29.x".to_owned()),
        ..google
    };
    let target = format!("/{REGISTRY}/devices");
    let refused = stranger.error("GET", &target, Value::Null).await;
    assert_eq!(refused, (401, "UNAUTHENTICATED".to_owned()));
}

#[tokio::test]
async fn an_assertion_has_to_be_short_lived_for_this_account_and_endpoint() {
    let bridge = Bridge::quiet().await;
    let now = bridge.now();
    let wrong: [(&str, Value); 5] = [
        ("iss", json!("somebody@else")),
        ("aud", json!("https://oauth2.googleapis.com/token")),
        ("exp", json!(now + 2 * 3600)),
        ("exp", json!(now - 1)),
        ("scope", json!("https://www.googleapis.com/auth/drive")),
    ];
    for (claim, value) in wrong {
        let (status, said) = bridge.grant(|claims| claims[claim] = value.clone()).await;
        assert_eq!(status, 400, "{claim} {value}: {said}");
        assert!(said["error"].is_string());
    }
}

#[tokio::test]
async fn googles_list_has_ids_only_without_a_mask_and_clearblades_has_everything() {
    let bridge = Bridge::quiet().await;
    let google = bridge.google().await;
    let list = format!("/{REGISTRY}/devices");
    let devices = google.get(&list).await["devices"].clone();
    let devices = devices.as_array().unwrap();
    assert!(
        devices.iter().all(|d| d.as_object().unwrap().len() == 2),
        "{devices:?}"
    );
    let masked = google
        .get(&format!(
            "{list}?fieldMask=gateway_config,blocked&deviceIds=gateway&deviceIds=meter-1"
        ))
        .await;
    let masked = masked["devices"].as_array().unwrap();
    assert_eq!(masked.len(), 2);
    assert_eq!(
        masked[0]["gatewayConfig"]["gatewayAuthMethod"],
        "ASSOCIATION_ONLY"
    );
    assert_eq!(masked[1]["blocked"], false);
    let number = masked[0]["numId"].as_str().unwrap();
    let one = google.get(&format!("{list}/{number}")).await;
    assert_eq!(one["id"], "gateway", "found by its number");
    let name = one["name"].as_str().unwrap();
    assert!(name.ends_with(number), "{name}");
    for (query, expected) in [
        (
            "gatewayListOptions.gatewayType=GATEWAY",
            &["gateway", "gateway-both", "gateway-token"][..],
        ),
        (
            "gatewayListOptions.associationsGatewayId=gateway-both",
            &["sensor-1", "sensor-2"],
        ),
        (
            "gatewayListOptions.associationsDeviceId=sensor-4",
            &["gateway"],
        ),
    ] {
        let found = google.get(&format!("{list}?{query}")).await;
        let ids: Vec<_> = found["devices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["id"].clone())
            .collect();
        assert_eq!(ids, expected, "{query}");
    }
    let nothing = google.get(&format!("{list}?deviceIds=nobody")).await;
    assert_eq!(nothing, json!({}), "an empty list has no array");
    let clearblade = bridge.clearblade().await;
    let full = clearblade
        .get(&format!("/cloudiot_devices?parent={REGISTRY}&pageSize=1"))
        .await;
    assert_eq!(full["devices"][0]["lastErrorTime"], "", "absent is empty");
    assert!(full["nextPageToken"].is_string());
    let keys = bridge.credentials("clearblade.json");
    let system = keys["systemKey"].as_str().unwrap();
    let registries = format!(
        "/api/v/4/webhook/execute/{system}/cloudiot?parent=projects/plant/locations/us-central1"
    );
    let page = bridge
        .admin()
        .get(&format!("{registries}&pageSize=2"))
        .await;
    assert_eq!(page["nextPageToken"], 2, "a number here");
    let end = bridge
        .admin()
        .get(&format!("{registries}&pageToken=2"))
        .await;
    assert_eq!(end["nextPageToken"], 0);
}

#[tokio::test]
async fn a_config_is_sent_under_its_version_and_arrives() {
    let bridge = Bridge::quiet().await;
    let google = bridge.google().await;
    let mut three = bridge.device("meter-1").await;
    let topic = "/devices/meter-1/config";
    assert!(three.listen(&[topic]).await.is_some());
    three.at(topic).await;
    let target = format!("/{REGISTRY}/devices/meter-1:modifyCloudToDeviceConfig");
    let with = |version: Value| json!({"binaryData": data(b"new"), "versionToUpdate": version});
    let stale = google.error("POST", &target, with(json!("7"))).await;
    assert_eq!(stale, (400, "FAILED_PRECONDITION".to_owned()));
    let (status, sent) = google.call("POST", &target, with(json!("1"))).await;
    assert_eq!((status, &sent["version"]), (200, &json!("2")), "{sent}");
    assert_eq!(&three.at(topic).await.payload[..], b"new");
    let (status, sent) = google.call("POST", &target, with(json!(""))).await;
    assert_eq!(
        (status, &sent["version"]),
        (200, &json!("3")),
        "unconditional"
    );
    let large = json!({"binaryData": data(&vec![0; 64 * 1024 + 1])});
    let refused = google.error("POST", &target, large).await;
    assert_eq!(refused, (400, "INVALID_ARGUMENT".to_owned()));
    let refused = google
        .error("POST", &target, json!({"binaryData": "***"}))
        .await;
    assert_eq!(refused.0, 400);
    let versions = google
        .get(&format!(
            "/{REGISTRY}/devices/meter-1/configVersions?numVersions=2"
        ))
        .await;
    let numbers: Vec<_> = versions["deviceConfigs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["version"].clone())
        .collect();
    assert_eq!(numbers, ["3", "2"], "newest first");
}

#[tokio::test]
async fn a_command_reaches_who_listens_and_fails_for_who_does_not() {
    let bridge = Bridge::quiet().await;
    let clearblade = bridge.clearblade().await;
    let target =
        format!("/cloudiot_devices?name={REGISTRY}/devices/meter-1&method=sendCommandToDevice");
    let body = json!({"binaryData": data(b"go"), "subfolder": "a/b"});
    let failed = (400, "FAILED_PRECONDITION".to_owned());
    assert_eq!(
        clearblade.error("POST", &target, body.clone()).await,
        failed
    );
    let mut three = bridge.device("meter-1").await;
    assert_eq!(
        clearblade.error("POST", &target, body.clone()).await,
        failed
    );
    assert!(
        three
            .listen(&["/devices/meter-1/commands/#"])
            .await
            .is_some()
    );
    assert_eq!(
        clearblade.call("POST", &target, body).await,
        (200, json!({}))
    );
    assert_eq!(
        &three.at("/devices/meter-1/commands/a/b").await.payload[..],
        b"go"
    );
    let wild = json!({"binaryData": data(b"go"), "subfolder": "a/#"});
    let refused = clearblade.error("POST", &target, wild).await;
    assert_eq!(refused, (400, "INVALID_ARGUMENT".to_owned()));
    let nobody = target.replace("meter-1", "nobody");
    let body = json!({"binaryData": data(b"go")});
    let refused = clearblade.error("POST", &nobody, body).await;
    assert_eq!(refused, (404, "NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn states_are_bytes_and_clearblade_damages_them_unless_asked_for_base64() {
    let bridge = Bridge::quiet().await;
    let mut three = bridge.device("meter-1").await;
    assert!(three.tell("/devices/meter-1/state", b"\xff\x00on").await);
    let clearblade = bridge.clearblade().await;
    let target = format!("/cloudiot_devices_states?name={REGISTRY}/devices/meter-1");
    let whole = clearblade.get(&format!("{target}&base64Encode=true")).await;
    assert_eq!(whole["deviceStates"][0]["binaryData"], data(b"\xff\x00on"));
    let damaged = clearblade.get(&target).await;
    assert_eq!(damaged["deviceStates"][0]["binaryData"], "\u{fffd}\0on");
    let google = bridge.google().await;
    let states = google
        .get(&format!("/{REGISTRY}/devices/meter-1/states"))
        .await;
    assert_eq!(states["deviceStates"][0]["binaryData"], data(b"\xff\x00on"));
}

#[tokio::test]
async fn a_binding_lets_a_gateway_attach_what_it_could_not() {
    let bridge = Bridge::quiet().await;
    let google = bridge.google().await;
    let body = json!({"gatewayId": "gateway", "deviceId": "sensor-3"});
    let mut three = bridge.gateway("gateway").await;
    three.put("/devices/sensor-3/attach", "").await;
    three.error("gateway").await;
    let target = format!("/{REGISTRY}:bindDeviceToGateway");
    let (status, answer) = google.call("POST", &target, body.clone()).await;
    assert_eq!((status, answer), (200, json!({})));
    assert!(three.tell("/devices/sensor-3/attach", b"").await);
    let target = format!("/{REGISTRY}:unbindDeviceFromGateway");
    assert_eq!(google.call("POST", &target, body).await.0, 200);
    assert!(
        !bridge
            .control
            .bound_to("gateway")
            .contains(&"sensor-3".to_owned())
    );
}

#[tokio::test]
async fn a_device_is_registered_with_its_key_connects_and_is_deleted() {
    let bridge = Bridge::quiet().await;
    let google = bridge.google().await;
    let devices = format!("/{REGISTRY}/devices");
    let with = |id: &str, format: &str, key: &str| json!({"id": id, "credentials": [{"publicKey": {"format": format, "key": bridge.file(key)}}]});
    // The key of a device that is there, for one that is not yet.
    let new = with("new-1", "ES256_PEM", "sensor-1.pub.pem");
    let (status, made) = google.call("POST", &devices, new.clone()).await;
    assert_eq!((status, &made["id"]), (200, &json!("new-1")), "{made}");
    let invalid = (400, "INVALID_ARGUMENT".to_owned());
    for wrong in [
        with("1new", "ES256_PEM", "sensor-1.pub.pem"),
        with("new-2", "RSA_PEM", "sensor-1.pub.pem"),
        with("new-2", "ES256_PEM", "sensor-1.pem"),
        with("new-2", "ES256_X509_PEM", "sensor-1.pub.pem"),
    ] {
        assert_eq!(google.error("POST", &devices, wrong).await, invalid);
    }
    let again = google.error("POST", &devices, new).await;
    assert_eq!(again, (409, "ALREADY_EXISTS".to_owned()));
    let connect = async || {
        let token = bridge.token("sensor-1");
        let mut three = Three::over(bridge.open().await);
        let ack = three
            .connect(&client("new-1"), Some(("unused", &token)))
            .await;
        (three, ack.code)
    };
    let (mut three, code) = connect().await;
    assert_eq!(code, v4::ConnectReturnCode::Success);
    let one = format!("{devices}/new-1");
    let keys = json!({"credentials": []});
    let masked = format!("{one}?updateMask=credentials");
    assert_eq!(google.call("PATCH", &masked, keys).await.0, 200);
    assert_eq!(
        connect().await.1,
        v4::ConnectReturnCode::BadUserNamePassword,
        "without keys nobody comes in"
    );
    assert_eq!(google.call("DELETE", &one, Value::Null).await.0, 200);
    assert!(!three.lives().await);
    let gone = google.error("GET", &one, Value::Null).await;
    assert_eq!(gone, (404, "NOT_FOUND".to_owned()));
    let bound = format!("{devices}/gateway");
    let refused = google.error("DELETE", &bound, Value::Null).await;
    assert_eq!(refused, (400, "FAILED_PRECONDITION".to_owned()));
}
