//! MQTT clients written on sockets: they share nothing with the program's session, and nothing with the simulator's
//! codec (theirs is rumqttc's).

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::{Error as Error3, v4};
use rumqttc::v5::mqttbytes::{Error as Error5, v5};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use thingdeck::domain::profile::PlatformId;
use thingdeck::sim::{Ready, Sim, SimControl, SimOptions};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::LIMIT;

/// A running plant and its folder.
pub struct Site {
    pub sim: Sim,
    pub control: SimControl,
    pub dir: TempDir,
}

impl Site {
    pub async fn with(change: impl FnOnce(&mut SimOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = SimOptions::in_dir(dir.path());
        options.platform = PlatformId::Mqtt;
        change(&mut options);
        let sim = Sim::start(options).await.expect("the simulator starts");
        let control = sim.control();
        Self { sim, control, dir }
    }

    /// A plant that says nothing by itself.
    pub async fn quiet() -> Self {
        let site = Self::with(|_| {}).await;
        site.control.freeze(true);
        site
    }

    pub fn ready(&self) -> &Ready {
        self.sim.ready()
    }

    pub async fn open(&self, way: Way) -> Wire {
        let port = |url: &str| url::Url::parse(url).unwrap().port().unwrap();
        let ready = self.ready();
        let url = match way {
            Way::Tcp => ready.plain_url.as_deref(),
            Way::Tls => Some(ready.mqtt_url.as_str()),
            Way::Ws => ready.ws_url.as_deref(),
            Way::Wss => ready.wss_url.as_deref(),
        };
        let url = url.expect("this way in is there");
        let tcp = TcpStream::connect(("127.0.0.1", port(url))).await.unwrap();
        let stream: Stream = match way {
            Way::Tcp | Way::Ws => Box::new(tcp),
            Way::Tls | Way::Wss => Box::new(self.tls(tcp).await),
        };
        match way {
            Way::Tcp | Way::Tls => Wire::Stream(stream),
            Way::Ws | Way::Wss => {
                let web = web_socket(stream, url, Some("mqtt")).await;
                Wire::Web(Box::new(web.expect("upgraded")))
            }
        }
    }

    async fn tls(&self, tcp: TcpStream) -> tokio_rustls::client::TlsStream<TcpStream> {
        let ca = std::fs::read_to_string(&self.ready().ca_file).unwrap();
        tls(&ca, tcp).await
    }

    /// A connection of 5 that is not connected yet, in the clear.
    pub async fn five(&self) -> Five {
        Five::over(self.open(Way::Tcp).await)
    }

    pub async fn three(&self) -> Three {
        Three::over(self.open(Way::Tcp).await)
    }

    /// A client of 5 with this id, connected.
    pub async fn joined(&self, id: &str) -> Five {
        let mut five = self.five().await;
        let ack = five.connect(id, |_| {}).await;
        assert_eq!(ack.code, v5::ConnectReturnCode::Success);
        five
    }
}

/// Past the handshake with a simulator of this authority.
pub async fn tls(ca: &str, tcp: TcpStream) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, tcp).await.expect("a handshake")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Tcp,
    Tls,
    Ws,
    Wss,
}

pub trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

pub type Stream = Box<dyn Both>;

/// Asks for a WebSocket at `url`, with or without a subprotocol.
pub async fn web_socket(
    stream: Stream,
    url: &str,
    subprotocol: Option<&str>,
) -> Result<WebSocketStream<Stream>, tungstenite::Error> {
    let mut request = url.into_client_request().unwrap();
    if let Some(name) = subprotocol {
        let name = name.parse().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", name);
    }
    client_async(request, stream).await.map(|(web, _)| web)
}

/// Bytes, in whatever they are wrapped.
pub enum Wire {
    Stream(Stream),
    Web(Box<WebSocketStream<Stream>>),
}

impl Wire {
    pub async fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Stream(stream) => {
                // The broker may have closed by now: the next read tells.
                drop(stream.write_all(bytes).await);
                drop(stream.flush().await);
            }
            Self::Web(web) => {
                let message = Message::Binary(bytes.to_vec().into());
                drop(web.send(message).await);
            }
        }
    }

    /// More bytes; false at the end.
    async fn read(&mut self, buffer: &mut BytesMut) -> bool {
        let read = async {
            match self {
                Self::Stream(stream) => matches!(stream.read_buf(buffer).await, Ok(1..)),
                Self::Web(web) => loop {
                    match web.next().await {
                        Some(Ok(Message::Binary(bytes))) => {
                            buffer.extend_from_slice(&bytes);
                            return true;
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                        Some(Ok(_)) => {}
                    }
                },
            }
        };
        tokio::time::timeout(LIMIT, read)
            .await
            .expect("something comes")
    }
}

/// A client of MQTT 5.
pub struct Five {
    pub wire: Wire,
    buffer: BytesMut,
}

impl Five {
    pub fn over(wire: Wire) -> Self {
        Self {
            wire,
            buffer: BytesMut::new(),
        }
    }

    pub async fn send(&mut self, packet: v5::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).unwrap();
        self.wire.write(&bytes).await;
    }

    /// The next packet; none when the connection has ended.
    pub async fn next(&mut self) -> Option<v5::Packet> {
        loop {
            match v5::Packet::read(&mut self.buffer, None) {
                Ok(packet) => return Some(packet),
                Err(Error5::InsufficientBytes(_)) => {
                    if !self.wire.read(&mut self.buffer).await {
                        return None;
                    }
                }
                Err(error) => panic!("the broker sends nonsense: {error:?}"),
            }
        }
    }

    pub async fn connect(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut v5::ConnectProperties),
    ) -> v5::ConnAck {
        self.connect_with(id, None, None, change).await
    }

    pub async fn connect_with(
        &mut self,
        id: &str,
        will: Option<v5::LastWill>,
        login: Option<(&str, &str)>,
        change: impl FnOnce(&mut v5::ConnectProperties),
    ) -> v5::ConnAck {
        let mut properties = v5::ConnectProperties {
            session_expiry_interval: Some(60),
            receive_maximum: None,
            max_packet_size: None,
            topic_alias_max: None,
            request_response_info: None,
            request_problem_info: None,
            user_properties: Vec::new(),
            authentication_method: None,
            authentication_data: None,
        };
        change(&mut properties);
        let connect = v5::Connect {
            keep_alive: 30,
            client_id: id.to_owned(),
            clean_start: false,
            properties: Some(properties),
        };
        let login = login.map(|(name, password)| v5::Login::new(name, password));
        self.send(v5::Packet::Connect(connect, will, login)).await;
        match self.next().await {
            Some(v5::Packet::ConnAck(ack)) => ack,
            other => panic!("{other:?}"),
        }
    }

    /// Subscribes with QoS 2; the codes.
    pub async fn subscribe(&mut self, filters: &[&str]) -> Vec<v5::SubscribeReasonCode> {
        let filters = filters
            .iter()
            .map(|path| v5::Filter::new(*path, rumqttc::v5::mqttbytes::QoS::ExactlyOnce));
        let mut subscribe = v5::Subscribe::new_many(filters, None);
        subscribe.pkid = 1;
        self.send(v5::Packet::Subscribe(subscribe)).await;
        loop {
            match self.next().await {
                Some(v5::Packet::SubAck(ack)) => return ack.return_codes,
                Some(v5::Packet::Publish(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn publish(&mut self, topic: &str, qos: u8, packet: u16, payload: &[u8]) {
        let mut publish = v5::Publish::new(topic, qos5(qos), payload.to_vec(), None);
        publish.pkid = packet;
        self.send(v5::Packet::Publish(publish)).await;
    }

    /// The next message; other packets are passed over.
    pub async fn message(&mut self) -> v5::Publish {
        loop {
            match self.next().await {
                Some(v5::Packet::Publish(publish)) => return publish,
                Some(_) => {}
                None => panic!("the connection has ended"),
            }
        }
    }

    /// The next message at this topic.
    pub async fn message_at(&mut self, topic: &str) -> v5::Publish {
        loop {
            let publish = self.message().await;
            if publish.topic == topic {
                return publish;
            }
        }
    }

    /// What the broker says before it closes.
    pub async fn end(&mut self) -> Option<v5::DisconnectReasonCode> {
        let mut said = None;
        while let Some(packet) = self.next().await {
            if let v5::Packet::Disconnect(disconnect) = packet {
                said = Some(disconnect.reason_code);
            }
        }
        said
    }
}

pub fn qos5(number: u8) -> rumqttc::v5::mqttbytes::QoS {
    rumqttc::v5::mqttbytes::qos(number).unwrap()
}

/// A client of MQTT 3.1.1.
pub struct Three {
    pub wire: Wire,
    buffer: BytesMut,
}

impl Three {
    pub fn over(wire: Wire) -> Self {
        Self {
            wire,
            buffer: BytesMut::new(),
        }
    }

    pub async fn send(&mut self, packet: v4::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.wire.write(&bytes).await;
    }

    pub async fn next(&mut self) -> Option<v4::Packet> {
        loop {
            match v4::Packet::read(&mut self.buffer, usize::MAX) {
                Ok(packet) => return Some(packet),
                Err(Error3::InsufficientBytes(_)) => {
                    if !self.wire.read(&mut self.buffer).await {
                        return None;
                    }
                }
                Err(error) => panic!("the broker sends nonsense: {error:?}"),
            }
        }
    }

    pub async fn connect(&mut self, id: &str, login: Option<(&str, &str)>) -> v4::ConnAck {
        let mut connect = v4::Connect::new(id);
        connect.clean_session = false;
        if let Some((name, password)) = login {
            connect.login = Some(v4::Login::new(name, password));
        }
        self.send(v4::Packet::Connect(connect)).await;
        match self.next().await {
            Some(v4::Packet::ConnAck(ack)) => ack,
            other => panic!("{other:?}"),
        }
    }

    pub async fn subscribe(&mut self, filter: &str) -> Vec<v4::SubscribeReasonCode> {
        let mut subscribe = v4::Subscribe::new(filter, rumqttc::QoS::ExactlyOnce);
        subscribe.pkid = 1;
        self.send(v4::Packet::Subscribe(subscribe)).await;
        loop {
            match self.next().await {
                Some(v4::Packet::SubAck(ack)) => return ack.return_codes,
                Some(v4::Packet::Publish(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn publish(&mut self, topic: &str, payload: &[u8]) {
        let publish = v4::Publish::new(topic, rumqttc::QoS::AtMostOnce, payload.to_vec());
        self.send(v4::Packet::Publish(publish)).await;
    }

    pub async fn message(&mut self) -> v4::Publish {
        loop {
            match self.next().await {
                Some(v4::Packet::Publish(publish)) => return publish,
                Some(_) => {}
                None => panic!("the connection has ended"),
            }
        }
    }
}
