//! The broker's ports: what is spoken at each, and that they close while the broker is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::front::Front;
use super::mqtt;
use super::web_socket::{self, Door};
use crate::sim::broker::Identity;
use crate::sim::event::SimEvent;
use crate::sim::hub::Hub;

/// Somebody may have taken a port meanwhile; it may be free again soon.
const BIND_AGAIN: Duration = Duration::from_millis(100);

/// One way into the broker: TCP, TLS where there is a configuration, a WebSocket where there is a door.
pub struct Port {
    first: Option<std::net::TcpListener>,
    address: SocketAddr,
    entry: Entry,
}

#[derive(Clone)]
struct Entry {
    tls: Option<TlsAcceptor>,
    door: Option<Arc<Door>>,
    front: Option<Arc<Front>>,
    /// Without TLS, too, for who begins so.
    clear: bool,
}

/// How a TLS handshake begins (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

impl Port {
    /// MQTT in the clear.
    pub fn plain((first, address): (std::net::TcpListener, SocketAddr)) -> Self {
        Self {
            first: Some(first),
            address,
            entry: Entry {
                tls: None,
                door: None,
                front: None,
                clear: false,
            },
        }
    }

    #[must_use]
    pub fn tls(mut self, config: ServerConfig) -> Self {
        self.entry.tls = Some(TlsAcceptor::from(Arc::new(config)));
        self
    }

    #[must_use]
    pub fn web_socket(mut self, door: Arc<Door>) -> Self {
        self.entry.door = Some(door);
        self
    }

    /// After TLS, ALPN and the first bytes tell what is spoken.
    #[must_use]
    pub fn front(mut self, front: Arc<Front>) -> Self {
        self.entry.front = Some(front);
        self
    }

    /// Besides TLS the port takes MQTT in the clear: the first byte tells which it is.
    #[must_use]
    pub fn or_in_the_clear(mut self) -> Self {
        self.entry.clear = true;
        self
    }

    async fn open(&mut self) -> TcpListener {
        if let Some(first) = self.first.take()
            && let Ok(listener) = TcpListener::from_std(first)
        {
            return listener;
        }
        loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::time::sleep(BIND_AGAIN).await,
            }
        }
    }
}

/// Serves until it is aborted; while the broker is stopped the ports are closed.
pub async fn serve(hub: Arc<Hub>, mut ports: Vec<Port>) {
    let mut runs = hub.broker_runs.subscribe();
    let mut connections = JoinSet::new();
    let mut first = true;
    loop {
        let mut listeners = Vec::new();
        for port in &mut ports {
            listeners.push((port.open().await, port.entry.clone()));
        }
        if !std::mem::take(&mut first) {
            hub.tell(SimEvent::BrokerStarted);
        }
        loop {
            tokio::select! {
                (stream, entry) = accept(&listeners) => {
                    connections.spawn(greet(Arc::clone(&hub), stream, entry));
                }
                Some(_) = connections.join_next() => {}
                stopped = async { runs.wait_for(|runs| !*runs).await.is_ok() } => {
                    if stopped {
                        break;
                    }
                    return;
                }
            }
        }
        drop(listeners);
        connections.shutdown().await;
        hub.with_broker(|broker, rules, now| broker.drop_all(now, rules));
        hub.tell(SimEvent::BrokerStopped);
        if runs.wait_for(|runs| *runs).await.is_err() {
            return;
        }
    }
}

async fn accept(listeners: &[(TcpListener, Entry)]) -> (TcpStream, Entry) {
    loop {
        let any = listeners.iter().map(|(listener, entry)| {
            Box::pin(async move { (listener.accept().await, entry.clone()) })
        });
        if let ((Ok((stream, _)), entry), ..) = select_all(any).await {
            return (stream, entry);
        }
    }
}

/// The handshakes of one connection, and then its MQTT.
async fn greet(hub: Arc<Hub>, stream: TcpStream, entry: Entry) {
    drop(stream.set_nodelay(true));
    let mut first = [0];
    let in_the_clear =
        entry.clear && matches!(stream.peek(&mut first).await, Ok(1)) && first != [HANDSHAKE];
    let Some(tls) = entry.tls.filter(|_| !in_the_clear) else {
        return match entry.door {
            None => mqtt::converse(&hub, stream, Identity::default()).await,
            Some(door) => web_socket::converse(&hub, stream, &door, Identity::default()).await,
        };
    };
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    let identity = Identity {
        certificate: certificate.map(|der| der.to_vec()),
        ..Identity::default()
    };
    if let Some(front) = entry.front {
        let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let converse = front.converse(&hub, stream, alpn.as_deref(), identity);
        return Box::pin(converse).await;
    }
    match entry.door {
        None => mqtt::converse(&hub, stream, identity).await,
        Some(door) => web_socket::converse(&hub, stream, &door, identity).await,
    }
}
