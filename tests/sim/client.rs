//! A small ThinQ client for these tests: REST by reqwest, MQTT by rumqttc, keys by rcgen.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, DnType, KeyPair};
use reqwest::Method;
use rumqttc::{
    AsyncClient, ConnectReturnCode, Event, EventLoop, MqttOptions, Packet, Publish, QoS,
    TlsConfiguration, Transport,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use thingdeck::sim::{Sim, SimControl, SimEvent, SimEvents, SimOptions};

/// Longer than anything here takes: only a failing test waits this long.
pub const LIMIT: Duration = Duration::from_secs(10);
pub const PYTHON_KEY: &str = "v6GFvkweNo7DK7yD3ylIZ9w52aKBU0eJ7wLXkSR3";
pub const CLIENT_BODY: &str =
    r#"{"type":"MQTT","service-code":"SVC202","device-type":"607","allowExist":true}"#;

/// A running simulator and its folder.
pub struct Home {
    pub sim: Sim,
    pub control: SimControl,
    pub dir: TempDir,
}

impl Home {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut SimOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = SimOptions::in_dir(dir.path());
        change(&mut options);
        let sim = Sim::start(options).await.expect("the simulator starts");
        let control = sim.control();
        Self { sim, control, dir }
    }

    /// A quiet home: devices do nothing by themselves.
    pub async fn quiet() -> Self {
        let home = Self::start().await;
        home.control.freeze(true);
        home
    }

    pub fn client(&self, id: &str) -> Client {
        let ca = std::fs::read(&self.sim.ready().ca_file).unwrap();
        let token = std::fs::read_to_string(self.dir.path().join("token")).unwrap();
        let http = reqwest::Client::builder()
            .tls_backend_rustls()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Client {
            http,
            ca,
            base: self
                .sim
                .ready()
                .api_url
                .clone()
                .expect("ThinQ has a REST side"),
            mqtt_url: self.sim.ready().mqtt_url.clone(),
            id: id.to_owned(),
            headers: vec![
                ("authorization", format!("Bearer {token}")),
                ("x-country", "KR".to_owned()),
                ("x-client-id", id.to_owned()),
                ("x-api-key", PYTHON_KEY.to_owned()),
                ("x-service-phase", "OP".to_owned()),
            ],
        }
    }

    /// A client that has registered.
    pub async fn registered(&self, id: &str) -> Client {
        let client = self.client(id);
        client.post("client", CLIENT_BODY).await.ok();
        client
    }

    pub fn device(&self, alias: &str) -> String {
        self.control.id_of(alias).expect("the home has this device")
    }
}

pub struct Client {
    http: reqwest::Client,
    ca: Vec<u8>,
    base: String,
    pub mqtt_url: String,
    pub id: String,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The response, after checking that this is one.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["response"].clone()
    }

    /// Status and code of an error.
    pub fn error(&self) -> (u16, String) {
        let code = self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (self.status, code)
    }
}

impl Client {
    /// The same client with another header; an empty value leaves it out.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        if !self.headers.iter().any(|(name, _)| *name == "x-message-id") {
            let bytes: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
            request = request.header("x-message-id", URL_SAFE_NO_PAD.encode(bytes));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if path.ends_with("/control") {
            request = request.header("x-conditional-control", "true");
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let answer = request.timeout(LIMIT).send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok(Answer { status, text })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let body = (!body.is_empty()).then(|| body.to_owned());
        self.send(Method::POST, path, body)
            .await
            .expect("an answer")
    }

    pub async fn delete(&self, path: &str, body: &str) -> Answer {
        let body = (!body.is_empty()).then(|| body.to_owned());
        self.send(Method::DELETE, path, body)
            .await
            .expect("an answer")
    }

    pub async fn control(&self, device: &str, body: Value) -> Answer {
        self.post(&format!("devices/{device}/control"), &body.to_string())
            .await
    }

    pub async fn subscribe_event(&self, device: &str, hours: u32) -> Answer {
        let body = json!({"expire": {"unit": "HOUR", "timer": hours}});
        self.post(&format!("event/{device}/subscribe"), &body.to_string())
            .await
    }

    pub async fn subscribe_push(&self, device: &str) -> Answer {
        self.post(&format!("push/{device}/subscribe"), "").await
    }

    /// A key made here and a certificate for it.
    pub async fn enrol(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let csr = csr(&key);
        let body = json!({"service-code": "SVC202", "csr": csr});
        let answer = self
            .post("client/certificate", &body.to_string())
            .await
            .ok();
        Identity {
            certificate: answer["result"]["certificatePem"]
                .as_str()
                .unwrap()
                .to_owned(),
            key: key.serialize_pem(),
            topic: answer["result"]["subscriptions"][0]
                .as_str()
                .unwrap()
                .to_owned(),
        }
    }

    pub fn link(&self, identity: &Identity) -> Link {
        self.link_as(&self.id, identity)
    }

    /// A connection under any client id.
    pub fn link_as(&self, client_id: &str, identity: &Identity) -> Link {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&self.ca).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
            )
            .unwrap();
        tls.alpn_protocols = vec![b"x-amzn-mqtt-ca".to_vec()];
        let url = url::Url::parse(&self.mqtt_url).unwrap();
        let mut options = MqttOptions::new(client_id, url.host_str().unwrap(), url.port().unwrap());
        options.set_clean_session(false);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_max_packet_size(256 * 1024, 256 * 1024);
        options.set_manual_acks(true);
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            Arc::new(tls),
        )));
        let (client, events) = AsyncClient::new(options, 4096);
        Link { client, events }
    }

    /// Registered, enrolled, connected and listening to its push topic.
    pub async fn listen(&self) -> Link {
        let identity = self.enrol().await;
        let mut link = self.link(&identity);
        link.connect().await.expect("accepted");
        link.subscribe(&identity.topic).await;
        link
    }
}

pub fn csr(key: &KeyPair) -> String {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "lg_thinq");
    let pem = params.serialize_request(key).unwrap().pem().unwrap();
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

pub struct Identity {
    pub certificate: String,
    pub key: String,
    pub topic: String,
}

/// One MQTT connection, polled by hand: every wait is for a packet.
pub struct Link {
    pub client: AsyncClient,
    pub events: EventLoop,
}

impl Link {
    pub async fn next(&mut self) -> Result<Packet, String> {
        loop {
            let polled = tokio::time::timeout(LIMIT, self.events.poll());
            match polled.await.map_err(|_| "nothing came".to_owned())? {
                Ok(Event::Incoming(packet)) => return Ok(packet),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Whether a session was there; or why not.
    pub async fn connect(&mut self) -> Result<bool, String> {
        match self.next().await? {
            Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => {
                Ok(ack.session_present)
            }
            other => Err(format!("{other:?}")),
        }
    }

    pub async fn subscribe(&mut self, topic: &str) {
        self.client
            .subscribe(topic, QoS::AtLeastOnce)
            .await
            .unwrap();
        while !matches!(self.next().await, Ok(Packet::SubAck(_))) {}
    }

    /// The next message, acknowledged.
    pub async fn message(&mut self) -> Publish {
        let publish = self.unacknowledged().await;
        self.client.ack(&publish).await.unwrap();
        publish
    }

    /// The next message, not acknowledged.
    pub async fn unacknowledged(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publish) = self.next().await.expect("a message") {
                return publish;
            }
        }
    }

    /// Reads until the connection ends.
    pub async fn end(&mut self) -> String {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }
}

/// The content of a message, flat or wrapped.
pub fn content(publish: &Publish) -> Value {
    let value: Value = serde_json::from_slice(&publish.payload).expect("JSON");
    let inner = value.get("event").or_else(|| value.get("push"));
    inner.cloned().unwrap_or(value)
}

pub async fn wait(events: &mut SimEvents, wanted: impl FnMut(&SimEvent) -> bool) -> SimEvent {
    events.until(LIMIT, wanted).await.expect("the event comes")
}
