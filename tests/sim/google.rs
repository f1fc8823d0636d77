//! The simulated bridge and its registry, as their reference tells them: an own reading of the wire, and own tokens.

mod bridge;
mod gateway;
mod rest;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rumqttc::mqttbytes::v4;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::{Sim, SimControl, SimOptions};
use tokio::net::TcpStream;

use crate::raw::{Five, Three, Wire, tls};

/// The path of the one registry.
pub const REGISTRY: &str = "projects/plant/locations/us-central1/registries/sensors";

/// A running bridge and its folder.
pub struct Bridge {
    pub sim: Sim,
    pub control: SimControl,
    pub dir: TempDir,
}

impl Bridge {
    /// Nobody sends anything by himself.
    pub async fn quiet() -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = SimOptions::in_dir(dir.path());
        options.platform = PlatformId::Google;
        let sim = Sim::start(options).await.expect("the simulator starts");
        let control = sim.control();
        control.freeze(true);
        Self { sim, control, dir }
    }

    pub fn file(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.dir.path().join(name));
        text.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Seconds of the simulator's clock.
    pub fn now(&self) -> i64 {
        self.control.now().seconds()
    }

    /// A token for an hour, signed with a device's key.
    pub fn token(&self, device: &str) -> String {
        self.token_with(device, |_| {})
    }

    pub fn token_with(&self, device: &str, change: impl FnOnce(&mut Value)) -> String {
        let now = self.now();
        let mut claims = json!({"iat": now, "exp": now + 3600, "aud": "plant"});
        change(&mut claims);
        signed(&self.file(&format!("{device}.pem")), &claims)
    }

    pub async fn open(&self) -> Wire {
        let url = url::Url::parse(&self.sim.ready().mqtt_url).unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", url.port().unwrap()))
            .await
            .unwrap();
        Wire::Stream(Box::new(tls(&self.file("ca.pem"), tcp).await))
    }

    /// The code with which 3.1.1 is answered.
    pub async fn code(&self, client: &str, password: &str) -> v4::ConnectReturnCode {
        let mut three = Three::over(self.open().await);
        let ack = three.connect(client, Some(("unused", password))).await;
        assert!(!ack.session_present);
        ack.code
    }

    /// A device, or a gateway, that has been let in.
    pub async fn device(&self, id: &str) -> Three {
        let mut three = Three::over(self.open().await);
        let token = self.token(id);
        let ack = three.connect(&client(id), Some(("unused", &token))).await;
        assert_eq!(ack.code, v4::ConnectReturnCode::Success);
        three
    }

    /// The gateway that admits what is bound to it, listening to its errors.
    pub async fn gateway(&self, id: &str) -> Three {
        let mut three = self.device(id).await;
        let errors = format!("/devices/{id}/errors");
        assert!(three.listen(&[&errors]).await.is_some());
        three
    }

    pub async fn five(&self) -> Five {
        Five::over(self.open().await)
    }
}

/// The client id of a device.
pub fn client(device: &str) -> String {
    format!("{REGISTRY}/devices/{device}")
}

/// RS256 or ES256, by the key.
pub fn signed(key: &str, claims: &Value) -> String {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = key.secret_der();
    let random = SystemRandom::new();
    let sign = |algorithm: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!(
            "{}.{}",
            part(&json!({"alg": algorithm, "typ": "JWT"})),
            part(claims)
        );
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(sign(text.as_bytes())))
    };
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key) {
        return sign("ES256", &|text| {
            pair.sign(&random, text).unwrap().as_ref().to_vec()
        });
    }
    let pair = RsaKeyPair::from_pkcs8(key).unwrap();
    sign("RS256", &|text| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)
            .unwrap();
        signature
    })
}

impl Three {
    /// The next message at this topic.
    pub async fn at(&mut self, topic: &str) -> v4::Publish {
        loop {
            let message = self.message().await;
            if message.topic == topic {
                return message;
            }
        }
    }

    /// The next error on a gateway's topic, and whether the packet was acknowledged before it.
    pub async fn error(&mut self, gateway: &str) -> (Value, bool) {
        let mut acknowledged = false;
        loop {
            match self.next().await {
                Some(v4::Packet::PubAck(_)) => acknowledged = true,
                Some(v4::Packet::Publish(message))
                    if message.topic == format!("/devices/{gateway}/errors") =>
                {
                    let error = serde_json::from_slice(&message.payload).unwrap();
                    return (error, acknowledged);
                }
                Some(_) => {}
                None => panic!("the bridge hung up"),
            }
        }
    }

    /// Publishes with QoS 1 under packet id 9, and waits for nothing.
    pub async fn put(&mut self, topic: &str, payload: impl AsRef<[u8]>) {
        let qos = rumqttc::QoS::AtLeastOnce;
        let mut publish = v4::Publish::new(topic, qos, payload.as_ref().to_vec());
        publish.pkid = 9;
        self.send(v4::Packet::Publish(publish)).await;
    }

    /// Whether the connection is still there: a ping is answered.
    pub async fn lives(&mut self) -> bool {
        self.send(v4::Packet::PingReq).await;
        loop {
            match self.next().await {
                Some(v4::Packet::PingResp) => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }
}
