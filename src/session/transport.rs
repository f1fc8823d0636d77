//! From an [`Endpoint`] to a byte stream that MQTT can be spoken on: TCP, perhaps through a proxy, perhaps TLS, perhaps
//! WebSocket frames, in this order.
//!
//! Everything that goes wrong here goes wrong before CONNECT, and comes as an [`End`] in words.

mod proxy;
mod socket;
mod web_socket;
mod words;

use std::io;
use std::net::Ipv6Addr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::end::{End, EndClass};
use super::tls::{Tls, trouble};
use crate::platform::plan::Endpoint;
use socket::Socket;
use words::{handshake_end, io_end};

/// Before the next address of a host is tried too (RFC 8305, 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// What MQTT is spoken on.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Nobody is woken by what comes from now on until this is read or written again. Only for one who has written and
    /// flushed all, and comes back by himself soon: the wakers of earlier polls are gone.
    fn rest(&mut self);

    /// Whether the last read took all that was there.
    fn is_drained(&self) -> bool;
}

impl Stream for TlsStream<Box<dyn Stream>> {
    fn rest(&mut self) {
        self.get_mut().0.rest();
    }

    /// Records are short against our reads: what was opened of them has been taken.
    fn is_drained(&self) -> bool {
        self.get_ref().0.is_drained()
    }
}

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

/// Whichever address of the host answers first.
async fn tcp(host: &str, port: u16) -> Result<Box<dyn Stream>, End> {
    let addresses = lookup_host((host, port)).await;
    let stream = match addresses {
        Ok(addresses) => first_of(addresses.map(TcpStream::connect)).await,
        Err(error) => Err(error),
    };
    let stream = stream.map_err(|error| io_end(host, port, &error))?;
    // Small packets must not wait for the acknowledgement of the ones before; a socket that cannot do this works too.
    drop(stream.set_nodelay(true));
    Ok(Box::new(Socket::new(stream)))
}

/// One after the other, each with a head start: an address that swallows everything (broken IPv6 does) must not use up
/// the time of those behind it (RFC 8305).
async fn first_of<T: Send + 'static>(
    connections: impl IntoIterator<Item = impl Future<Output = io::Result<T>> + Send + 'static>,
) -> io::Result<T> {
    let mut connections = connections.into_iter().peekable();
    let mut under_way = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    loop {
        if let Some(next) = connections.next() {
            under_way.spawn(next);
        }
        let more = connections.peek().is_some();
        tokio::select! {
            Some(ended) = under_way.join_next() => match ended.unwrap_or_else(|stopped| Err(io::Error::other(stopped))) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            },
            () = sleep(HEAD_START), if more => {}
            else => return Err(failure),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    type Connection = Pin<Box<dyn Future<Output = io::Result<u8>> + Send>>;

    fn outcome(connections: Vec<Connection>) -> io::Result<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(20), first_of(connections))
                .await
                .expect("an outcome")
        })
    }

    fn refused() -> Connection {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    #[test]
    fn an_address_that_swallows_everything_does_not_keep_the_next_one_waiting() {
        let swallows = || -> Connection { Box::pin(std::future::pending()) };
        let answers: Connection = Box::pin(async { Ok(7) });
        let outcome = outcome(vec![swallows(), refused(), swallows(), answers]);
        assert_eq!(outcome.expect("the last one"), 7);
    }

    #[test]
    fn when_no_address_answers_the_last_reason_is_told() {
        let why = outcome(vec![refused(), refused()]).expect_err("nobody");
        assert_eq!(why.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(
            outcome(Vec::new()).expect_err("none").kind(),
            io::ErrorKind::NotFound
        );
    }
}
