//! From an [`Endpoint`] to a byte stream that MQTT can be spoken on: TCP, TLS, and whatever lies between.
//!
//! Everything that goes wrong here goes wrong before CONNECT, and comes as an [`End`] in words.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::end::{End, EndClass};
use super::link::io_words;
use super::tls::{Tls, trouble};
use crate::base::problem::{Exit, Problem, Retry};
use crate::platform::plan::Endpoint;

/// What MQTT is spoken on.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens the connection. `tls` is the finished set-up of `endpoint.tls`. The caller bounds the time.
pub async fn dial(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<Box<dyn Stream>, End> {
    let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|error| unreachable_end(endpoint, &io_words(&error)))?;
    drop(tcp.set_nodelay(true));
    let Some(tls) = tls else {
        return Ok(Box::new(tcp));
    };
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|error| unreachable_end(endpoint, &error.to_string()))?;
    let stream = TlsConnector::from(tls.config())
        .connect(name, tcp)
        .await
        .map_err(|error| handshake_end(endpoint, tls, &error))?;
    Ok(Box::new(stream))
}

fn handshake_end(endpoint: &Endpoint, tls: &Tls, error: &std::io::Error) -> End {
    match trouble::find(error) {
        Some(found) => {
            let trouble = trouble::words(found, &endpoint.host, tls.presented().as_ref());
            End::new(trouble.class(), trouble.problem)
        }
        None => unreachable_end(endpoint, &io_words(error)),
    }
}

fn unreachable_end(endpoint: &Endpoint, cause: &str) -> End {
    let what = format!("could not connect to {}:{}", endpoint.host, endpoint.port);
    let problem = Problem::new(what, cause, "check the network, the host and the port")
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff);
    End::new(EndClass::Unreachable, problem)
}
