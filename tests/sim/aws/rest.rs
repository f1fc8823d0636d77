//! The HTTPS side (`reference/aws-iot.md` 7).

use reqwest::Method;
use serde_json::{Value, json};
use thingdeck::sim::{Fault, Times};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::sign::{Keys, headers};
use super::{Account, REGION};

impl Account {
    fn keys(&self) -> Keys {
        Keys {
            id: self.file("access_key_id"),
            secret: self.file("secret_access_key"),
            token: None,
        }
    }

    /// Status, type of error, body.
    async fn call(
        &self,
        service: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> (u16, String, Value) {
        self.call_as(&self.keys(), service, method, target, body)
            .await
    }

    async fn call_as(
        &self,
        keys: &Keys,
        service: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> (u16, String, Value) {
        let base = self.sim.ready().api_url.clone().unwrap();
        let host = base.trim_start_matches("https://").to_owned();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let now = jiff::Timestamp::from_second(self.control.now().seconds()).unwrap();
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let signed = headers(
            keys,
            (method, path, query),
            &host,
            (REGION, service),
            &date,
            body.as_bytes(),
        );
        let ca = self.file("ca.pem");
        let http = reqwest::Client::builder()
            .tls_backend_rustls()
            .tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes()).unwrap()])
            .build()
            .unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = http.request(method, format!("{base}{target}"));
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let kind = answer.headers().get("x-amzn-errortype");
        let kind = kind.map_or("", |value| value.to_str().unwrap());
        let kind = kind.split(':').next().unwrap_or_default().to_owned();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            kind,
            serde_json::from_str(&text).unwrap_or(Value::Null),
        )
    }
}

#[tokio::test]
async fn a_hundred_thousand_things_come_in_pages() {
    let account = Account::with(|options| options.devices = Some(100_000)).await;
    account.control.freeze(true);
    let mut seen = std::collections::BTreeSet::new();
    let mut token = String::new();
    let mut pages = 0;
    // Some pages from the start, then a far one: all of them would take a while here.
    while pages < 5 {
        let target = format!("/things?maxResults=250{token}");
        let (status, _, body) = account.call("iot", "GET", &target, "").await;
        assert_eq!(status, 200, "{body}");
        let things = body["things"].as_array().unwrap();
        assert_eq!(things.len(), 250);
        seen.extend(things.iter().map(|thing| thing["thingName"].to_string()));
        let next = body["nextToken"].as_str().expect("more");
        token = format!("&nextToken={}", super::sign::escape(next));
        pages += 1;
    }
    assert_eq!(seen.len(), 1250);
    let query = json!({"queryString": "thingName:*-99999", "maxResults": 500}).to_string();
    let (_, _, body) = account.call("iot", "POST", "/indices/search", &query).await;
    assert_eq!(body["things"].as_array().map(Vec::len), Some(1), "{body}");
    assert!(body.get("nextToken").is_none());
}

#[tokio::test]
async fn things_are_listed_by_type_and_attribute() {
    let account = Account::quiet().await;
    let target = "/things?thingTypeName=Lamp";
    let (_, _, body) = account.call("iot", "GET", target, "").await;
    assert_eq!(body["things"].as_array().map(Vec::len), Some(2));
    let target = "/things?attributeName=site&attributeValue=seo&usePrefixAttributeValue=true";
    let (_, _, body) = account.call("iot", "GET", target, "").await;
    assert_eq!(body["things"][0]["attributes"]["site"], "seoul");
    let (status, kind, _) = account
        .call("iot", "GET", "/things?maxResults=251", "")
        .await;
    assert_eq!((status, kind.as_str()), (400, "InvalidRequestException"));
}

#[tokio::test]
async fn the_index_can_be_off() {
    let account = Account::quiet().await;
    account.control.indexing_off(Some("IndexNotReadyException"));
    let query = json!({"queryString": "*"}).to_string();
    let (status, kind, _) = account.call("iot", "POST", "/indices/search", &query).await;
    assert_eq!((status, kind.as_str()), (400, "IndexNotReadyException"));
    account.control.indexing_off(None);
    let (status, _, _) = account.call("iot", "POST", "/indices/search", &query).await;
    assert_eq!(status, 200);
    let many = json!({"queryString": "a OR b OR c OR d OR e OR f"}).to_string();
    let (_, kind, _) = account.call("iot", "POST", "/indices/search", &many).await;
    assert_eq!(kind, "InvalidQueryException");
}

#[tokio::test]
async fn a_shadow_changed_by_rest_is_told_over_mqtt() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    let accepted = "$aws/things/RPI/shadow/update/accepted";
    five.listen(&[accepted]).await;
    let body = json!({"state": {"desired": {"led": "on"}}, "version": 1}).to_string();
    let path = "/things/RPI/shadow";
    let (status, _, answer) = account.call("iotdata", "POST", path, &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(five.body_at(accepted).await, answer);
    let (status, kind, answer) = account.call("iotdata", "POST", path, &body).await;
    assert_eq!(
        (status, kind.as_str()),
        (409, "ConflictException"),
        "{answer}"
    );
    let (status, kind, answer) = account
        .call("iotdevicegateway", "GET", "/things/spare/shadow", "")
        .await;
    assert_eq!((status, kind.as_str()), (404, "ResourceNotFoundException"));
    assert!(answer["traceId"].is_string());
    let target = "/api/things/shadow/ListNamedShadowsForThing/RPI?pageSize=1";
    let (_, _, answer) = account.call("iotdata", "GET", target, "").await;
    assert_eq!(
        answer["results"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
    assert!(answer["nextToken"].is_string());
}

#[tokio::test]
async fn a_message_published_by_rest_arrives_and_is_kept() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    five.listen(&["plant/line 1"]).await;
    let target = "/topics/plant%2Fline%201?qos=1&retain=true";
    let (status, _, answer) = account.call("iotdata", "POST", target, "hi").await;
    assert_eq!((status, answer["message"].as_str()), (200, Some("OK")));
    assert_eq!(five.message().await.payload, "hi");
    let target = "/retainedMessage/plant%2Fline%201";
    let (_, _, answer) = account.call("iotdata", "GET", target, "").await;
    assert_eq!(answer["payload"], "aGk=");
    let (status, _, _) = account
        .call("iotdata", "POST", "/topics/%24SYS%2Fx", "hi")
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn who_may_not_is_told_in_the_words_of_the_plane() {
    let account = Account::quiet().await;
    account.control.deny("iot:ListThings", "*");
    account.control.deny("iot:GetThingShadow", "*");
    let (status, kind, body) = account.call("iot", "GET", "/things", "").await;
    assert_eq!((status, kind.as_str()), (403, "AccessDeniedException"));
    let message = body["message"].as_str().unwrap_or_default();
    for word in ["user/deck", "iot:ListThings", "on resource: *"] {
        assert!(message.contains(word), "{message}");
    }
    let (status, kind, body) = account
        .call("iotdata", "GET", "/things/RPI/shadow", "")
        .await;
    assert_eq!((status, kind.as_str()), (403, "ForbiddenException"));
    assert_eq!(body["message"], "Forbidden");

    let wrong = Keys {
        secret: "wrong".to_owned(),
        ..account.keys()
    };
    let (_, kind, _) = account
        .call_as(&wrong, "iot", "GET", "/things/RPI", "")
        .await;
    assert_eq!(kind, "InvalidSignatureException");
    let (_, kind, body) = account.call("iotdata", "GET", "/things/RPI", "").await;
    assert_eq!(kind, "InvalidSignatureException", "{body}");
}

#[tokio::test]
async fn calls_fail_as_told() {
    let account = Account::quiet().await;
    let throttled = Fault::code("ThrottlingException");
    account
        .control
        .fail_http("*", "*", Times::Next(2), throttled);
    let (status, kind, body) = account.call("iot", "GET", "/things", "").await;
    assert_eq!((status, kind.as_str()), (400, "ThrottlingException"));
    assert_eq!(body["message"], "Rate exceeded");
    let (status, _, _) = account
        .call("iotdata", "GET", "/things/RPI/shadow", "")
        .await;
    assert_eq!(status, 429);
    let (status, _, _) = account.call("iot", "GET", "/things", "").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_connection_is_ended_by_call() {
    let account = Account::quiet().await;
    let mut five = account.five("victim").await;
    let (_, _, body) = account
        .call("iotdata", "GET", "/connections/victim", "")
        .await;
    assert_eq!(body["connected"], true);
    let (status, _, _) = account
        .call("iotdata", "DELETE", "/connections/victim", "")
        .await;
    assert_eq!(status, 200);
    five.end().await;
    let target = "/things/RPI/connectivity-data";
    let (_, _, body) = account.call("iot", "POST", target, "").await;
    assert_eq!(body["connected"], false);
    let (_, _, body) = account
        .call("iotdata", "GET", "/connections/victim", "")
        .await;
    assert_eq!(body["disconnectReason"], "API_INITIATED_DISCONNECT");
}

#[tokio::test]
async fn a_thing_publishes_over_https_with_its_certificate() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    five.listen(&["my/things/RPI/update"]).await;
    let post = async |topic: &str| {
        let identity = account.identity("rpi");
        let alpn = ["x-amzn-http-ca"];
        let tls = account.tls(account.front_port(), Some(identity), &alpn);
        let mut tls = tls.await.unwrap();
        let head = format!(
            "POST /topics/{topic}?qos=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\nhi"
        );
        tls.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tls.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    // A thing's policy asks for its name, which only a client id can prove.
    assert_eq!(post("my/things/RPI/update").await, "HTTP/1.1 403");
    let policy =
        r#"{"Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"*topic/my/*"}}"#;
    assert!(account.control.set_policy("thing", policy));
    assert_eq!(post("my/things/RPI/update").await, "HTTP/1.1 200");
    assert_eq!(five.message().await.payload, "hi");
    assert_eq!(post("other").await, "HTTP/1.1 403");
}

#[tokio::test]
async fn the_api_takes_a_certificate_for_a_signature_as_port_8443_does() {
    let account = Account::quiet().await;
    let api = url::Url::parse(account.sim.ready().api_url.as_deref().unwrap()).unwrap();
    let get = async |identity, target: &str| {
        let tls = account.tls(api.port().unwrap(), identity, &[]);
        let mut tls = tls.await.unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tls.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let deck = || Some(account.identity("deck"));
    assert_eq!(get(deck(), "/things/RPI/shadow").await, "HTTP/1.1 200");
    assert_eq!(get(None, "/things/RPI/shadow").await, "HTTP/1.1 403");
    let stranger = Some(super::foreign());
    assert_eq!(get(stranger, "/things/RPI/shadow").await, "HTTP/1.1 403");
    // The control plane wants a signature from everybody.
    assert_eq!(get(deck(), "/things").await, "HTTP/1.1 403");
}

#[tokio::test]
async fn a_job_is_made_by_call_and_worked_on_by_call() {
    let account = Account::quiet().await;
    let mut five = account.five("a").await;
    five.listen(&["$aws/things/RPI/jobs/#"]).await;
    let thing = format!("arn:aws:iot:{REGION}:123456789012:thing/RPI");
    let job = json!({"targets": [thing], "document": "{\"do\":\"update\"}"});
    let create = async |body: &Value| {
        let target = "/jobs/firmware-1";
        account.call("iot", "PUT", target, &body.to_string()).await
    };
    let nobody = json!({"targets": [thing.replace("RPI", "nobody")], "document": "{}"});
    assert_eq!(create(&nobody).await.1, "ResourceNotFoundException");
    let without = json!({"targets": [thing], "document": "no json"});
    assert_eq!(create(&without).await.1, "InvalidRequestException");
    let (status, _, made) = create(&job).await;
    assert_eq!(
        (status, &made["jobId"]),
        (200, &json!("firmware-1")),
        "{made}"
    );
    assert_eq!(create(&job).await.1, "ResourceAlreadyExistsException");
    let next = five.body_at("$aws/things/RPI/jobs/notify-next").await;
    assert_eq!(next["execution"]["jobDocument"], json!({"do": "update"}));

    let ask = async |method: &str, rest: &str, body: &str| {
        let target = format!("/things/RPI/jobs{rest}");
        account.call("iot-jobs-data", method, &target, body).await
    };
    let (_, _, pending) = ask("GET", "", "").await;
    assert_eq!(pending["queuedJobs"][0]["jobId"], "firmware-1");
    let (status, _, started) = ask("PUT", "/$next", "{}").await;
    assert_eq!(
        (status, &started["execution"]["status"]),
        (200, &json!("IN_PROGRESS"))
    );
    let wrong = ask(
        "POST",
        "/firmware-1",
        r#"{"status":"SUCCEEDED","expectedVersion":9}"#,
    );
    assert_eq!(wrong.await.1, "InvalidStateTransitionException");
    let (_, _, shown) = ask("GET", "/firmware-1?includeJobDocument=false", "").await;
    assert!(shown["execution"].get("jobDocument").is_none(), "{shown}");
    let done = ask("POST", "/firmware-1", r#"{"status":"SUCCEEDED"}"#).await;
    assert_eq!(done.0, 200);
    assert_eq!(
        ask("GET", "/firmware-1", "").await.1,
        "TerminalStateException"
    );
    assert_eq!(
        ask("GET", "/other", "").await.1,
        "ResourceNotFoundException"
    );
}
