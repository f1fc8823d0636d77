//! REST v5 and IAM (`reference/huawei-iot.md` 6, 7).

use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;
use serde_json::{Value, json};
use thingdeck::sim::{Fault, Times};

use super::sign::Signer;
use super::{GATEWAYS, Login, METERS, Project, SENSORS, json, lose_patience, sys};
use crate::client::LIMIT;

const PROJECT: &str = "/v5/iot/0123456789abcdef0123456789abcdef";

impl Project {
    fn signer(&self) -> Signer {
        let config: toml::Table = self.file("config.toml").parse().unwrap();
        let rest = &config["profiles"]["meter"]["rest"];
        Signer {
            access: rest["access_key"].as_str().unwrap().to_owned(),
            secret: self.file("secret_key"),
            derived: true,
            region: "cn-north-4",
        }
    }

    async fn raw(
        &self,
        method: Method,
        target: &str,
        headers: Vec<(&'static str, String)>,
        body: &str,
    ) -> reqwest::Response {
        let base = self.sim.ready().api_url.clone().unwrap();
        let ca = self.file("ca.pem");
        let http = reqwest::Client::builder()
            .tls_backend_rustls()
            .tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes()).unwrap()])
            .build()
            .unwrap();
        let mut request = http.request(method, format!("{base}{target}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let sent = request.body(body.to_owned()).timeout(LIMIT).send().await;
        sent.expect("an answer")
    }

    async fn signed(
        &self,
        signer: &Signer,
        off: i64,
        method: &str,
        rest: &str,
        body: &Value,
    ) -> (u16, Value) {
        let base = self.sim.ready().api_url.clone().unwrap();
        let host = base.trim_start_matches("https://");
        let target = format!("{PROJECT}{rest}");
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let at = jiff::Timestamp::from_second(self.control.now().seconds() + off).unwrap();
        let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = signer.headers((method, path, query), host, &date, &body);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = self.raw(method, &target, headers.into(), &body).await;
        let status = answer.status().as_u16();
        assert!(answer.headers().contains_key("x-request-id"));
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn call(&self, method: &str, rest: &str, body: Value) -> (u16, Value) {
        self.signed(&self.signer(), 0, method, rest, &body).await
    }

    async fn get(&self, rest: &str) -> Value {
        let (status, body) = self.call("GET", rest, Value::Null).await;
        assert_eq!(status, 200, "{rest}: {body}");
        body
    }

    /// Status and code of a refusal, which names its request.
    async fn error(&self, method: &str, rest: &str, body: Value) -> (u16, String) {
        let (status, body) = self.call(method, rest, body).await;
        assert!(body["request_id"].is_string(), "{body}");
        (status, body["error_code"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn secrets_are_in_files_that_only_their_owner_reads() {
    let project = Project::quiet().await;
    for name in [
        "meter-1.secret",
        "secret_key",
        "iam_password",
        "meter-5.key",
    ] {
        let found = std::fs::metadata(project.dir.path().join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(
        !project
            .file("config.toml")
            .contains(&project.file("secret_key"))
    );
}

#[tokio::test]
async fn the_signature_has_to_be_of_the_right_kind_time_key_and_region() {
    let project = Project::quiet().await;
    let good = project.signer();
    let standard = Signer {
        derived: false,
        ..good.clone()
    };
    let other_secret = Signer {
        secret: "other".to_owned(),
        ..good.clone()
    };
    let other_region = Signer {
        region: "cn-south-1",
        ..good.clone()
    };
    let ask = async |signer: &Signer, off| {
        let (status, body) = project
            .signed(signer, off, "GET", "/devices?limit=1", &Value::Null)
            .await;
        (
            status,
            body["error_code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let refused = (401, "IOTDA.000002".to_owned());
    assert_eq!(ask(&good, 0).await.0, 200);
    assert_eq!(ask(&good, 890).await.0, 200);
    for (signer, off) in [
        (&good, 960),
        (&good, -960),
        (&standard, 0),
        (&other_secret, 0),
        (&other_region, 0),
    ] {
        assert_eq!(ask(signer, off).await, refused, "{signer:?} {off}");
    }
    project.control.require_derived(false);
    assert_eq!(ask(&standard, 0).await.0, 200);
    assert_eq!(ask(&good, 0).await, refused);
    let nobody = project
        .raw(Method::GET, &format!("{PROJECT}/devices"), Vec::new(), "")
        .await;
    assert_eq!(nobody.status().as_u16(), 401);
    assert_eq!(
        json(&nobody.bytes().await.unwrap())["error_code"],
        "APIGW.0301"
    );
}

#[tokio::test]
async fn iam_gives_a_token_for_a_day() {
    let project = Project::quiet().await;
    let body = |password: &str| {
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"name": "deck", "password": password, "domain": {"name": "thingdeck"}}}},
            "scope": {"project": {"name": "cn-north-4"}},
        }})
        .to_string()
    };
    let path = "/v3/auth/tokens";
    let wrong = project
        .raw(Method::POST, path, Vec::new(), &body("wrong"))
        .await;
    assert_eq!(wrong.status().as_u16(), 401);
    assert_eq!(json(&wrong.bytes().await.unwrap())["error"]["code"], 401);
    let password = project.file("iam_password");
    let answer = project
        .raw(Method::POST, path, Vec::new(), &body(&password))
        .await;
    assert_eq!(answer.status().as_u16(), 201);
    let token = answer.headers()["x-subject-token"].to_str().unwrap();
    let token = vec![("x-auth-token", token.to_owned())];
    let get = async |path: &str| {
        let answer = project.raw(Method::GET, path, token.clone(), "").await;
        let status = answer.status().as_u16();
        (status, json(&answer.bytes().await.unwrap()))
    };
    let (_, projects) = get("/v3/projects?name=cn-north-4").await;
    let id = projects["projects"][0]["id"].as_str().unwrap().to_owned();
    let devices = format!("/v5/iot/{id}/devices");
    assert_eq!(get(&devices).await.0, 200);
    project.control.advance(std::time::Duration::from_hours(24));
    let (status, over) = get(&devices).await;
    assert_eq!((status, &over["error_code"]), (401, &json!("APIGW.0301")));
}

#[tokio::test]
async fn devices_come_by_pages_newest_first() {
    let project = Project::quiet().await;
    let first = project.get("/devices").await;
    assert_eq!(first["devices"].as_array().unwrap().len(), 10);
    let mut marker = "f".repeat(24);
    let mut seen = Vec::new();
    loop {
        let page = project
            .get(&format!("/devices?limit=4&marker={marker}"))
            .await;
        let devices = page["devices"].as_array().unwrap();
        seen.extend(devices.iter().map(|d| d["device_id"].clone()));
        if devices.len() < 4 {
            break;
        }
        marker = page["page"]["marker"].as_str().unwrap().to_owned();
    }
    assert_eq!(first["page"]["count"], seen.len());
    assert_eq!(first["devices"][9]["device_id"], seen[9]);
    for (query, status, code) in [
        ("limit=0", 400, "IOTDA.000017"),
        ("limit=51", 400, "IOTDA.000017"),
        ("offset=501", 400, "IOTDA.000006"),
        ("start_time=yesterday", 400, "IOTDA.000009"),
    ] {
        let refused = project
            .error("GET", &format!("/devices?{query}"), Value::Null)
            .await;
        assert_eq!(refused, (status, code.to_owned()), "{query}");
    }
    let children = project
        .get(&format!(
            "/devices?gateway_id={GATEWAYS}_gateway-1&limit=50"
        ))
        .await;
    assert_eq!(children["page"]["count"], 3);
    assert_eq!(children["devices"][0]["node_type"], "ENDPOINT");
}

#[tokio::test]
async fn a_device_is_registered_with_a_secret_that_opens_and_deleted_with_its_connection() {
    let project = Project::quiet().await;
    let new = json!({"node_id": "fresh", "product_id": METERS, "device_name": "새 미터"});
    let (status, made) = project.call("POST", "/devices", new.clone()).await;
    assert_eq!(status, 201);
    let id = made["device_id"].as_str().unwrap();
    let secret = made["auth_info"]["secret"].as_str().unwrap();
    let again = project.error("POST", "/devices", new).await;
    assert_eq!(again, (400, "IOTDA.000006".to_owned()));
    let shown = project.get(&format!("/devices/{id}")).await;
    assert_eq!(shown["status"], "INACTIVE");
    assert!(shown["auth_info"]["secret"].is_null());
    let mut three = project
        .three(&Login::new(id, secret, 0, 1, &project.hour()))
        .await;
    let shown = project.get(&format!("/devices/{id}")).await;
    assert_eq!(shown["status"], "ONLINE");
    let (status, _) = project
        .call("DELETE", &format!("/devices/{id}"), Value::Null)
        .await;
    assert_eq!(status, 204);
    assert!(three.next().await.is_none());
    let gone = project
        .error("GET", &format!("/devices/{id}"), Value::Null)
        .await;
    assert_eq!(gone, (404, "IOTDA.014000".to_owned()));
}

#[tokio::test]
async fn a_gateway_hears_of_the_sub_device_that_rest_has_registered() {
    let project = Project::quiet().await;
    let gateway = format!("{GATEWAYS}_gateway-1");
    let secret = project.file("gateway-1.secret");
    let login = Login::new(&gateway, &secret, 0, 1, &project.hour());
    let mut three = project.three(&login).await;
    let new = json!({"node_id": "by-rest", "product_id": SENSORS, "gateway_id": gateway});
    let (status, made) = project.call("POST", "/devices", new).await;
    assert_eq!((status, &made["node_type"]), (201, &json!("ENDPOINT")));
    let told = json(&three.message().await.payload);
    assert_eq!(told["services"][0]["event_type"], "add_sub_device_notify");
}

#[tokio::test]
async fn a_command_waits_for_its_answer_and_a_device_that_gives_none_is_a_success_with_a_code() {
    let project = Project::quiet().await;
    let path = format!("/devices/{METERS}_meter-1/commands");
    let order = json!({"service_id": "Meter", "command_name": "READ", "paras": {}});
    let offline = project.error("POST", &path, order.clone()).await;
    assert_eq!(offline, (403, "IOTDA.014016".to_owned()));
    let mut three = project.meter("meter-1").await;
    let device = async {
        let message = three.message().await;
        let request = message.topic.rsplit_once('=').unwrap().1.to_owned();
        let rest = format!("commands/response/request_id={request}");
        three
            .publish(&sys("meter-1", &rest), br#"{"paras":{"kWh":12}}"#)
            .await;
        request
    };
    let ((status, done), request) =
        tokio::join!(project.call("POST", &path, order.clone()), device);
    assert_eq!(status, 200);
    assert_eq!(
        done,
        json!({"command_id": request, "response": {"paras": {"kWh": 12}, "result_code": 0}})
    );
    let silent = async {
        three.message().await;
        lose_patience(&project.control);
    };
    let ((status, done), ()) = tokio::join!(project.call("POST", &path, order), silent);
    assert_eq!((status, &done["error_code"]), (200, &json!("IOTDA.014111")));
    let unknown = json!({"service_id": "Meter", "command_name": "FLY", "paras": {}});
    let refused = project.error("POST", &path, unknown).await;
    assert_eq!(refused, (400, "IOTDA.013002".to_owned()));
    let broken = project.error("POST", &path, json!([1])).await;
    assert_eq!(broken, (400, "IOTDA.000008".to_owned()));
}

#[tokio::test]
async fn properties_are_asked_of_the_device_itself_and_those_elsewhere_answer_too() {
    let project = Project::quiet().await;
    let path = |node: &str| format!("/devices/{METERS}_{node}/properties");
    let offline = project
        .error(
            "GET",
            &format!("{}?service_id=Meter", path("meter-1")),
            Value::Null,
        )
        .await;
    assert_eq!(offline, (403, "IOTDA.014016".to_owned()));
    let got = project
        .get(&format!("{}?service_id=Meter", path("elsewhere-1")))
        .await;
    assert_eq!(got["response"]["services"][0]["service_id"], "Meter");
    let wish = json!({"services": [{"service_id": "Meter", "properties": {"reportInterval": 9}}]});
    let (status, set) = project.call("PUT", &path("elsewhere-1"), wish).await;
    assert_eq!((status, &set["response"]["result_code"]), (200, &json!(0)));
    let shadow = project
        .get(&format!("/devices/{METERS}_elsewhere-1/shadow"))
        .await;
    let sections = shadow["shadow"].as_array().unwrap();
    let meter = sections.iter().find(|s| s["service_id"] == "Meter");
    assert_eq!(
        meter.unwrap()["reported"]["properties"]["reportInterval"],
        9
    );
    let fixed = json!({"services": [{"service_id": "Meter", "properties": {"voltage": 9}}]});
    let refused = project.error("PUT", &path("elsewhere-1"), fixed).await;
    assert_eq!(refused, (400, "IOTDA.013002".to_owned()));
}

#[tokio::test]
async fn a_wish_goes_into_the_shadow_under_its_version() {
    let project = Project::quiet().await;
    let path = format!("/devices/{METERS}_meter-2/shadow");
    let wish = |version: u64| json!({"shadow": [{"service_id": "Meter", "desired": {"reportInterval": 7}, "version": version}]});
    let (status, shadow) = project.call("PUT", &path, wish(0)).await;
    assert_eq!(status, 200);
    assert_eq!(shadow["shadow"][0]["version"], 1);
    assert_eq!(
        shadow["shadow"][0]["desired"]["properties"],
        json!({"reportInterval": 7})
    );
    let stale = project.error("PUT", &path, wish(0)).await;
    assert_eq!(stale, (400, "IOTDA.000006".to_owned()));
}

#[tokio::test]
async fn messages_are_kept_delivered_or_refused() {
    let project = Project::quiet().await;
    let path = format!("/devices/{METERS}_meter-1/messages");
    let post = async |body: Value| project.call("POST", &path, body).await;
    let (status, kept) = post(json!({"message": "later", "message_id": "m1"})).await;
    assert_eq!(
        (status, &kept["result"]["status"]),
        (201, &json!("PENDING"))
    );
    let (_, lost) = post(json!({"message": "now or never", "ttl": 0})).await;
    assert_eq!(lost["result"]["status"], "FAILED");
    for wrong in [
        json!({}),
        json!({"message": "x", "ttl": 7}),
        json!({"message": "x", "ttl": 1445}),
        json!({"message": "x", "message_id": "m1"}),
        json!({"message": "?", "encoding": "base64"}),
    ] {
        let refused = project.error("POST", &path, wrong).await;
        assert_eq!(refused, (400, "IOTDA.000006".to_owned()));
    }
    let mut three = project.meter("meter-1").await;
    let first = json(&three.message().await.payload);
    assert_eq!(
        (&first["id"], &first["content"]),
        (&json!("m1"), &json!("later"))
    );
    let found = project.get(&format!("{path}/m1")).await;
    assert_eq!(found["status"], "DELIVERED");
    let custom = json!({"message": "AAEC", "encoding": "base64", "payload_format": "raw", "topic": "config"});
    let refused = project.error("POST", &path, custom.clone()).await;
    assert_eq!(refused, (403, "IOTDA.014112".to_owned()));
    let topic = format!("$oc/devices/{METERS}_meter-1/user/config");
    three.listen(&[&topic]).await;
    let (_, sent) = post(custom).await;
    assert_eq!(sent["result"]["status"], "DELIVERED");
    let message = three.message().await;
    assert_eq!(
        (message.topic, &message.payload[..]),
        (topic, &[0, 1, 2][..])
    );
}

#[tokio::test]
async fn calls_can_be_made_to_fail_with_the_platforms_own_codes() {
    let project = Project::quiet().await;
    let fault = Fault::code("IOTDA.000021");
    project
        .control
        .fail_http("GET", "*/devices", Times::Once, fault);
    let refused = project.error("GET", "/devices", Value::Null).await;
    assert_eq!(refused, (403, "IOTDA.000021".to_owned()));
    project.get("/devices").await;
}
