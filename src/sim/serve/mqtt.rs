//! MQTT over mutual TLS: one task per connection between its socket and the broker's core.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::sim::broker::Identity;
use crate::sim::event::SimEvent;
use crate::sim::hub::{Hub, Outbox};
use crate::sim::wire::{self, Incoming};

/// Serves until it is aborted; while the broker is stopped the port is closed.
pub async fn serve(
    hub: Arc<Hub>,
    first: std::net::TcpListener,
    address: SocketAddr,
    config: ServerConfig,
) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut runs = hub.broker_runs.subscribe();
    let mut listener = TcpListener::from_std(first).ok();
    let mut connections = JoinSet::new();
    loop {
        let Some(open) = &listener else {
            if runs.wait_for(|runs| *runs).await.is_err() {
                return;
            }
            listener = TcpListener::bind(address).await.ok();
            if listener.is_some() {
                hub.tell(SimEvent::BrokerStarted);
            } else {
                // Somebody else took the port meanwhile: try again, it may be free soon.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(greet(Arc::clone(&hub), stream, acceptor.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            stopped = async { runs.wait_for(|runs| !*runs).await.is_ok() } => {
                if !stopped {
                    return;
                }
                listener = None;
                connections.shutdown().await;
                hub.with_broker(|broker, cloud, now| broker.drop_all(now, cloud));
                hub.tell(SimEvent::BrokerStopped);
            }
        }
    }
}

async fn greet(hub: Arc<Hub>, stream: TcpStream, acceptor: TlsAcceptor) {
    drop(stream.set_nodelay(true));
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    let identity = Identity(certificate.map(|der| der.to_vec()));
    let (id, outbox) = hub.open(identity);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    loop {
        tokio::select! {
            read = reader.read_buf(&mut buffer) => {
                if !matches!(read, Ok(1..)) || !take_in(&hub, id, &mut buffer) {
                    break;
                }
            }
            () = outbox.changed.notified() => {}
        }
        if !write_out(&outbox, &mut writer).await {
            break;
        }
    }
    hub.lost(id);
    drop(writer.shutdown().await);
}

/// Hands every whole packet to the broker; false when the rest is no MQTT.
fn take_in(hub: &Hub, id: crate::sim::broker::ConnectionId, buffer: &mut BytesMut) -> bool {
    loop {
        match wire::next(buffer) {
            Incoming::Packet(packet) => hub.receive(id, packet),
            Incoming::Incomplete => return true,
            Incoming::Malformed => return false,
        }
    }
}

/// Writes what waits; false when the connection is to end. A peer that does not read can still be cut off.
async fn write_out(outbox: &Outbox, writer: &mut (impl tokio::io::AsyncWrite + Unpin)) -> bool {
    let (frames, last) = outbox.take();
    let mut bytes = BytesMut::new();
    for frame in &frames {
        frame.write(&mut bytes);
    }
    let write = async {
        writer.write_all(&bytes).await?;
        writer.flush().await
    };
    if last {
        let limit = std::time::Duration::from_millis(500);
        drop(tokio::time::timeout(limit, write).await);
        return false;
    }
    tokio::select! {
        written = write => written.is_ok(),
        () = outbox.closed.notified() => false,
    }
}
