//! The simulated AWS account, as its reference tells it: an own reading of the wire, and an own signer.

mod broker;
mod clients;
mod rest;
mod services;
mod sign;
mod ways;

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use serde_json::Value;
use tempfile::TempDir;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::{Sim, SimControl, SimOptions};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::raw::{Five, Three, Wire};

pub const REGION: &str = "ap-northeast-2";

/// A certificate with its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A running account and its folder.
pub struct Account {
    pub sim: Sim,
    pub control: SimControl,
    pub dir: TempDir,
}

impl Account {
    pub async fn with(change: impl FnOnce(&mut SimOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = SimOptions::in_dir(dir.path());
        options.platform = PlatformId::Aws;
        change(&mut options);
        let sim = Sim::start(options).await.expect("the simulator starts");
        let control = sim.control();
        Self { sim, control, dir }
    }

    /// Whose things do nothing by themselves.
    pub async fn quiet() -> Self {
        let account = Self::with(|_| {}).await;
        account.control.freeze(true);
        account
    }

    pub fn file(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.dir.path().join(name));
        text.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// One of `deck`, `rpi`, `claim`.
    pub fn identity(&self, name: &str) -> Identity {
        let cert = self.file(&format!("{name}.pem.crt"));
        let key = self.file(&format!("{name}.pem.key"));
        parsed(&cert, &key)
    }

    pub fn mqtt_port(&self) -> u16 {
        port(&self.sim.ready().mqtt_url)
    }

    /// The port that behaves like 443.
    pub fn front_port(&self) -> u16 {
        port(self.sim.ready().wss_url.as_deref().unwrap())
    }

    pub async fn tls(
        &self,
        port: u16,
        identity: Option<Identity>,
        alpn: &[&str],
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        let ca = self.file("ca.pem");
        roots
            .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }

    /// Past the handshake of the port like 8883.
    pub async fn open(&self, name: &str) -> Wire {
        self.open_with(self.identity(name)).await
    }

    pub async fn open_with(&self, identity: Identity) -> Wire {
        let tls = self.tls(self.mqtt_port(), Some(identity), &[]).await;
        Wire::Stream(Box::new(tls.expect("a handshake")))
    }

    /// A client of 5 that has been let in, with the certificate that may do everything.
    pub async fn five(&self, id: &str) -> Five {
        let mut five = Five::over(self.open("deck").await);
        let ack = five.connect(id, |_| {}).await;
        assert_eq!(ack.code, v5::ConnectReturnCode::Success);
        five
    }

    pub async fn three(&self, id: &str) -> Three {
        let mut three = Three::over(self.open("deck").await);
        let ack = three.connect(id, None).await;
        assert_eq!(ack.code, v4::ConnectReturnCode::Success);
        three
    }
}

pub fn parsed(cert: &str, key: &str) -> Identity {
    (
        vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()],
        PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
    )
}

/// A certificate of nobody that AWS knows.
pub fn foreign() -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["stranger".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (vec![cert.der().clone()], key)
}

fn port(url: &str) -> u16 {
    url::Url::parse(url).unwrap().port().unwrap()
}

pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

impl Five {
    /// The next message at this topic, read.
    pub async fn body_at(&mut self, topic: &str) -> Value {
        json(&self.message_at(topic).await.payload)
    }

    /// Subscribes with QoS 1, which is the most that AWS takes; the codes.
    pub async fn listen(&mut self, filters: &[&str]) -> Vec<v5::SubscribeReasonCode> {
        let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
        let filters = filters.iter().map(|path| v5::Filter::new(*path, qos));
        let mut subscribe = v5::Subscribe::new_many(filters, None);
        subscribe.pkid = 1;
        self.send(v5::Packet::Subscribe(subscribe)).await;
        loop {
            match self.next().await {
                Some(v5::Packet::SubAck(ack)) => return ack.return_codes,
                Some(v5::Packet::Publish(_) | v5::Packet::PubAck(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Publishes with QoS 1; the code of the acknowledgement.
    pub async fn tell(&mut self, topic: &str, payload: &[u8]) -> v5::PubAckReason {
        self.publish(topic, 1, 7, payload).await;
        loop {
            match self.next().await {
                Some(v5::Packet::PubAck(ack)) => return ack.reason,
                Some(v5::Packet::Publish(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Three {
    /// Subscribes with QoS 1; false when the connection ends instead of an answer.
    pub async fn listen(&mut self, filters: &[&str]) -> Option<Vec<v4::SubscribeReasonCode>> {
        let filters = filters.iter().map(|path| v4::SubscribeFilter {
            path: (*path).to_owned(),
            qos: rumqttc::QoS::AtLeastOnce,
        });
        let mut subscribe = v4::Subscribe::new_many(filters);
        subscribe.pkid = 1;
        self.send(v4::Packet::Subscribe(subscribe)).await;
        loop {
            match self.next().await {
                Some(v4::Packet::SubAck(ack)) => return Some(ack.return_codes),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Publishes with QoS 1; whether it was acknowledged before the end.
    pub async fn tell(&mut self, topic: &str, payload: &[u8]) -> bool {
        let mut publish = v4::Publish::new(topic, rumqttc::QoS::AtLeastOnce, payload.to_vec());
        publish.pkid = 7;
        self.send(v4::Packet::Publish(publish)).await;
        loop {
            match self.next().await {
                Some(v4::Packet::PubAck(_)) => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Whether the broker hangs up on this CONNECT without a CONNACK.
    pub async fn is_hung_up_on(&mut self, connect: v4::Connect) -> bool {
        self.send(v4::Packet::Connect(connect)).await;
        self.next().await.is_none()
    }
}
