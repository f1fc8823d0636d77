//! The other side of a connection: one socket, one packet at a time, as the test says. Built on rumqttc's codec.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, Packet, PingResp, PubAck, Publish, SubAck, Subscribe,
    SubscribeReasonCode,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const MAX: usize = 268_435_455;
/// Only a test that fails waits this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Await something that must happen, or fail saying what did not.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(elapsed) => panic!("did not happen: {what} ({elapsed})"),
    }
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A listening broker.
pub struct Broker {
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl Broker {
    pub async fn plain() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self {
            listener,
            tls: None,
        }
    }

    pub async fn secure(config: rustls::ServerConfig) -> Self {
        let tls = Some(Arc::new(config));
        Self {
            tls,
            ..Self::plain().await
        }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("bound").port()
    }

    pub async fn socket(&self) -> TcpStream {
        soon("a TCP connection", self.listener.accept())
            .await
            .expect("accepted")
            .0
    }

    /// The next connection, after its TLS handshake.
    pub async fn accept(&self) -> Peer {
        let socket = self.socket().await;
        let socket: Box<dyn Socket> = match &self.tls {
            None => Box::new(socket),
            Some(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                let secure = soon("a TLS handshake", acceptor.accept(socket)).await;
                Box::new(secure.expect("a TLS handshake"))
            }
        };
        let buffer = BytesMut::new();
        Peer { socket, buffer }
    }

    /// A handshake that is expected to fail on either side.
    pub async fn accept_in_vain(&self) {
        let socket = self.socket().await;
        let acceptor = TlsAcceptor::from(Arc::clone(self.tls.as_ref().expect("a TLS broker")));
        if let Ok(mut secure) = acceptor.accept(socket).await {
            let _ended = secure.read(&mut [0; 64]).await;
        }
    }

    /// A connection whose CONNECT is answered with success.
    pub async fn session(&self, session_present: bool) -> (Peer, Connect) {
        let mut peer = self.accept().await;
        let connect = peer.connect().await;
        peer.accept_session(session_present).await;
        (peer, connect)
    }
}

/// One connected client.
pub struct Peer {
    socket: Box<dyn Socket>,
    buffer: BytesMut,
}

impl Peer {
    /// The next packet; `None` when the client closed.
    pub async fn packet(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.buffer, MAX) {
                Ok(packet) => return Some(packet),
                Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("the client sent no MQTT: {error}"),
            }
            let read = soon("a packet", self.socket.read_buf(&mut self.buffer)).await;
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next packet as bytes, for what the codec does not read; `None` when the client closed.
    pub async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = frame_length(&self.buffer)
                && self.buffer.len() >= length
            {
                return Some(self.buffer.split_to(length).to_vec());
            }
            let read = soon("a packet", self.socket.read_buf(&mut self.buffer)).await;
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub async fn connect(&mut self) -> Connect {
        match self.packet().await {
            Some(Packet::Connect(connect)) => connect,
            other => panic!("CONNECT expected, got {other:?}"),
        }
    }

    pub async fn accept_session(&mut self, session_present: bool) {
        let ack = ConnAck::new(ConnectReturnCode::Success, session_present);
        self.send(Packet::ConnAck(ack)).await;
    }

    pub async fn refuse(&mut self, code: ConnectReturnCode) {
        self.send(Packet::ConnAck(ConnAck::new(code, false))).await;
    }

    pub async fn subscribe(&mut self) -> Subscribe {
        match self.packet().await {
            Some(Packet::Subscribe(subscribe)) => subscribe,
            other => panic!("SUBSCRIBE expected, got {other:?}"),
        }
    }

    /// The filters of the next SUBSCRIBE, granted as asked.
    pub async fn grant(&mut self) -> Vec<String> {
        let asked = self.subscribe().await;
        let codes = asked
            .filters
            .iter()
            .map(|f| SubscribeReasonCode::Success(f.qos));
        let ack = SubAck::new(asked.pkid, codes.collect());
        self.send(Packet::SubAck(ack)).await;
        asked
            .filters
            .into_iter()
            .map(|filter| filter.path)
            .collect()
    }

    pub async fn published(&mut self) -> Publish {
        match self.packet().await {
            Some(Packet::Publish(publish)) => publish,
            other => panic!("PUBLISH expected, got {other:?}"),
        }
    }

    pub async fn puback(&mut self) -> u16 {
        match self.packet().await {
            Some(Packet::PubAck(ack)) => ack.pkid,
            other => panic!("PUBACK expected, got {other:?}"),
        }
    }

    pub async fn acknowledge(&mut self, packet: u16) {
        self.send(Packet::PubAck(PubAck::new(packet))).await;
    }

    pub async fn pong(&mut self) {
        match self.packet().await {
            Some(Packet::PingReq) => {}
            other => panic!("PINGREQ expected, got {other:?}"),
        }
        let mut bytes = BytesMut::new();
        PingResp.write(&mut bytes).expect("encodes");
        self.bytes(&bytes).await;
    }

    pub async fn publish(&mut self, topic: &str, payload: &[u8], packet: u16) {
        let qos = if packet == 0 {
            QoS::AtMostOnce
        } else {
            QoS::AtLeastOnce
        };
        let mut publish = Publish::new(topic, qos, payload);
        publish.pkid = packet;
        self.send(Packet::Publish(publish)).await;
    }

    pub async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, MAX).expect("encodes");
        self.bytes(&bytes).await;
    }

    pub async fn bytes(&mut self, bytes: &[u8]) {
        let sent = async {
            self.socket.write_all(bytes).await?;
            self.socket.flush().await
        };
        soon("bytes to leave", sent).await.expect("sent");
    }

    /// Closes in good order.
    pub async fn close(mut self) {
        let _already_gone = self.socket.shutdown().await;
    }
}

fn frame_length(bytes: &[u8]) -> Option<usize> {
    let lengths = bytes.get(1..)?;
    let last = lengths.iter().position(|byte| byte & 0x80 == 0)?;
    let length = lengths[..=last].iter().rev();
    let body = length.fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    Some(2 + last + body)
}
