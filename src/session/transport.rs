//! From an [`Endpoint`] to a byte stream that MQTT can be spoken on: TCP, perhaps through a proxy, perhaps TLS, perhaps
//! WebSocket frames, in this order.
//!
//! Everything that goes wrong here goes wrong before CONNECT, and comes as an [`End`] in words.

mod proxy;
mod web_socket;
mod words;

use std::net::Ipv6Addr;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::end::{End, EndClass};
use super::tls::{Tls, trouble};
use crate::platform::plan::Endpoint;
use words::{handshake_end, io_end};

/// What MQTT is spoken on.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens the connection. `tls` is the finished set-up of `endpoint.tls`. The caller bounds the time.
pub async fn dial(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<Box<dyn Stream>, End> {
    let stream = match &endpoint.proxy {
        None => tcp(&endpoint.host, endpoint.port).await?,
        Some(proxy) => proxy::through(proxy, endpoint).await?,
    };
    let stream = match tls {
        None => stream,
        Some(tls) => secure(stream, &endpoint.host, endpoint.port, tls).await?,
    };
    match &endpoint.web_socket {
        None => Ok(stream),
        Some(plan) => web_socket::upgrade(stream, endpoint, plan).await,
    }
}

/// Each address of the host in turn.
async fn tcp(host: &str, port: u16) -> Result<Box<dyn Stream>, End> {
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| io_end(host, port, &error))?;
    // Small packets must not wait for the acknowledgement of the ones before; a socket that cannot do this works too.
    drop(stream.set_nodelay(true));
    Ok(Box::new(stream))
}

async fn secure(
    stream: Box<dyn Stream>,
    host: &str,
    port: u16,
    tls: &Tls,
) -> Result<Box<dyn Stream>, End> {
    let Ok(name) = ServerName::try_from(host.to_owned()) else {
        let trouble = trouble::words(trouble::Found::BadName, host, None);
        return Err(End::new(EndClass::Fatal, trouble.problem));
    };
    let stream = TlsConnector::from(tls.config())
        .connect(name, stream)
        .await
        .map_err(|error| handshake_end(host, port, tls, &error))?;
    Ok(Box::new(stream))
}

/// `host:port` as it stands in a URL or in CONNECT.
fn authority(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
