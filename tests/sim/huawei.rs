//! The simulated Huawei project, as its reference tells it: an own reading of the wire, and an own signer.

mod access;
mod flows;
mod rest;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tempfile::TempDir;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::{Sim, SimControl, SimError, SimEvent, SimEvents, SimOptions};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::aws::Identity;
use crate::client::LIMIT;
use crate::raw::{Five, Stream, Three, Wire, web_socket};

pub const METERS: &str = "6560a1b2c3d4e5f601234567";
pub const GATEWAYS: &str = "6560a1b2c3d4e5f60123aaaa";
pub const SENSORS: &str = "6560a1b2c3d4e5f60123bbbb";
pub const OLDER: &str = "5f3b9c0d1e2f3a4b5c6d7e8f";

/// `$oc/devices/…/sys/REST` of a device of the meters' product.
pub fn sys(node: &str, rest: &str) -> String {
    format!("$oc/devices/{METERS}_{node}/sys/{rest}")
}

/// A running project and its folder.
pub struct Project {
    pub sim: Sim,
    pub control: SimControl,
    pub dir: TempDir,
}

/// What a device says of itself.
#[derive(Debug, Clone)]
pub struct Login {
    pub client: String,
    pub user: String,
    pub password: String,
    pub keep_alive: u16,
}

impl Login {
    pub fn new(id: &str, secret: &str, access: u8, signature: u8, hour: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, hour.as_bytes());
        Self {
            client: format!("{id}_{access}_{signature}_{hour}"),
            user: id.to_owned(),
            password: sign::hex(hmac::sign(&key, secret.as_bytes()).as_ref()),
            keep_alive: 120,
        }
    }

    pub fn v4(&self) -> v4::Connect {
        let mut connect = v4::Connect::new(&self.client);
        connect.keep_alive = self.keep_alive;
        if !self.user.is_empty() {
            connect.login = Some(v4::Login::new(&self.user, &self.password));
        }
        connect
    }
}

impl Project {
    /// Whose devices do nothing by themselves.
    pub async fn quiet() -> Self {
        let started = Self::try_with(|_| {}).await;
        started.expect("the simulator starts")
    }

    /// The same, with other options, where they can be had.
    pub async fn try_with(change: impl FnOnce(&mut SimOptions)) -> Result<Self, SimError> {
        let dir = TempDir::new().unwrap();
        let mut options = SimOptions::in_dir(dir.path());
        options.platform = PlatformId::Huawei;
        change(&mut options);
        let sim = Sim::start(options).await?;
        let control = sim.control();
        control.freeze(true);
        Ok(Self { sim, control, dir })
    }

    pub fn file(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.dir.path().join(name));
        text.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The simulator's hour, in UTC.
    pub fn hour(&self) -> String {
        let now = jiff::Timestamp::from_second(self.control.now().seconds()).unwrap();
        now.strftime("%Y%m%d%H").to_string()
    }

    /// A device of the meters' product, by device id and with type 1.
    pub fn login(&self, node: &str) -> Login {
        let secret = self.file(&format!("{node}.secret"));
        Login::new(&format!("{METERS}_{node}"), &secret, 0, 1, &self.hour())
    }

    pub async fn tls(&self, url: &str, identity: Option<Identity>) -> Stream {
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
        let config = match identity {
            Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
            None => config.with_no_client_auth(),
        };
        let tcp = TcpStream::connect(("127.0.0.1", port(url))).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        Box::new(connector.connect(name, tcp).await.expect("a handshake"))
    }

    pub async fn open(&self) -> Wire {
        Wire::Stream(self.tls(&self.sim.ready().mqtt_url, None).await)
    }

    pub async fn open_wss(&self) -> Wire {
        let url = self.sim.ready().wss_url.clone().unwrap();
        let stream = self.tls(&url, None).await;
        let web = web_socket(stream, &url, Some("mqtt")).await;
        Wire::Web(Box::new(web.expect("upgraded")))
    }

    pub async fn open_plain(&self) -> Wire {
        let url = self.sim.ready().plain_url.clone().unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", port(&url))).await.unwrap();
        Wire::Stream(Box::new(tcp))
    }

    /// The code with which 3.1.1 is answered.
    pub async fn code(&self, connect: v4::Connect) -> v4::ConnectReturnCode {
        let mut three = Three::over(self.open().await);
        three.send(v4::Packet::Connect(connect)).await;
        match three.next().await {
            Some(v4::Packet::ConnAck(ack)) => ack.code,
            other => panic!("{other:?}"),
        }
    }

    /// A client of 3.1.1 that has been let in.
    pub async fn three(&self, login: &Login) -> Three {
        let mut three = Three::over(self.open().await);
        three.send(v4::Packet::Connect(login.v4())).await;
        match three.next().await {
            Some(v4::Packet::ConnAck(ack)) => {
                assert_eq!(ack.code, v4::ConnectReturnCode::Success);
            }
            other => panic!("{other:?}"),
        }
        three
    }

    /// The same of 5.
    pub async fn five(&self, login: &Login) -> Five {
        let mut five = Five::over(self.open().await);
        let said = Some((login.user.as_str(), login.password.as_str()));
        let ack = five.connect_with(&login.client, None, said, |_| {}).await;
        assert_eq!(ack.code, v5::ConnectReturnCode::Success);
        five
    }

    pub async fn meter(&self, node: &str) -> Three {
        self.three(&self.login(node)).await
    }
}

fn port(url: &str) -> u16 {
    url::Url::parse(url).unwrap().port().unwrap()
}

pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// What became of a request: the device's answer, or none.
pub async fn answered(events: &mut SimEvents, wanted: &str) -> Option<Value> {
    let found = events
        .until(
            LIMIT,
            |event| matches!(event, SimEvent::DeviceAnswered { request, .. } if request == wanted),
        )
        .await;
    match found {
        Some(SimEvent::DeviceAnswered { payload, .. }) => payload.map(|bytes| json(&bytes)),
        other => panic!("{other:?}"),
    }
}

/// Lets the 20 s of a device pass.
pub fn lose_patience(control: &SimControl) {
    control.advance(Duration::from_secs(20));
}
