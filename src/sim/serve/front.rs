//! A port that behaves like AWS's 443: ALPN chooses MQTT with a certificate or with an authorizer; without it the port
//! speaks HTTP, and a request for `/mqtt` becomes a WebSocket (`reference/aws-iot.md` 2).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::http::Desk;
use super::mqtt;
use super::web_socket::{self, Door};
use crate::sim::broker::Identity;
use crate::sim::hub::Hub;

/// MQTT with a client certificate.
pub const WITH_CERTIFICATE: &[u8] = b"x-amzn-mqtt-ca";
/// MQTT with a custom authorizer.
pub const WITH_AUTHORIZER: &[u8] = b"mqtt";
/// HTTPS with a client certificate instead of a signature.
pub const HTTPS_WITH_CERTIFICATE: &[u8] = b"x-amzn-http-ca";

/// What is read before it is clear that no request will come of it.
const LONGEST_HEAD: usize = 32 * 1024;
/// How long a request may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(20);

const NOT_HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

pub struct Front {
    pub door: Arc<Door>,
    pub desk: Desk,
}

impl Front {
    pub async fn converse<S>(&self, hub: &Hub, stream: S, alpn: Option<&[u8]>, identity: Identity)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match alpn {
            Some(WITH_CERTIFICATE) if identity.certificate.is_none() => {}
            Some(WITH_CERTIFICATE) => mqtt::converse(hub, stream, identity).await,
            Some(WITH_AUTHORIZER) => mqtt::converse(hub, stream, Identity::default()).await,
            Some(HTTPS_WITH_CERTIFICATE) => self.request(hub, stream, identity.certificate).await,
            _ => self.request(hub, stream, None).await,
        }
    }

    async fn request<S>(&self, hub: &Hub, mut stream: S, certificate: Option<Vec<u8>>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut head = BytesMut::new();
        let looked = tokio::time::timeout(PATIENCE, look(&mut stream, &mut head)).await;
        let stream = Read { head, rest: stream };
        match looked {
            Ok(Some(Wish::WebSocket)) => {
                web_socket::converse(hub, stream, &self.door, Identity::default()).await;
            }
            Ok(Some(Wish::Call)) => self.desk.attend(stream, certificate).await,
            Ok(None) => {
                let mut stream = stream.rest;
                drop(stream.write_all(NOT_HTTP).await);
                drop(stream.shutdown().await);
            }
            Err(_) => {}
        }
    }
}

enum Wish {
    WebSocket,
    Call,
}

/// Reads a request's head, without taking it; none where it is not one.
async fn look(stream: &mut (impl AsyncRead + Unpin), head: &mut BytesMut) -> Option<Wish> {
    while matches!(stream.read_buf(head).await, Ok(1..)) {
        if !head.first().is_some_and(u8::is_ascii_uppercase) || head.len() > LONGEST_HEAD {
            return None;
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
            let path = text.split([' ', '?']).nth(1).unwrap_or_default();
            let mut headers = text.lines().filter_map(|line| line.split_once(':'));
            let upgrades =
                headers.any(|(name, value)| name == "upgrade" && value.contains("websocket"));
            return Some(if path == "/mqtt" && upgrades {
                Wish::WebSocket
            } else {
                Wish::Call
            });
        }
    }
    None
}

/// A stream of which the beginning has been read already.
struct Read<S> {
    head: BytesMut,
    rest: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Read<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.rest).poll_read(context, buffer);
        }
        let count = self.head.len().min(buffer.remaining());
        buffer.put_slice(&self.head[..count]);
        self.head.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Read<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(context)
    }
}
