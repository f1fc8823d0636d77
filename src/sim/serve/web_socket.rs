//! MQTT over WebSocket (MQTT 5, 6): binary frames, however they split or join packets; subprotocol `mqtt`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadHalf,
    WriteHalf, duplex,
};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::mqtt;
use crate::sim::broker::Identity;
use crate::sim::hub::Hub;

/// The subprotocol of MQTT, both versions (MQTT 5, 6.0.0-3 and -4).
const SUBPROTOCOL: &str = "mqtt";
/// A close frame is given this long to be written and answered.
const FAREWELL: Duration = Duration::from_millis(500);

/// Why a request does not become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub words: String,
    pub headers: Vec<(&'static str, String)>,
}

/// What a cloud makes of a request: who it is from, or why it is turned away.
pub type Check = Arc<dyn Fn(&http::Request<()>) -> Result<Identity, Refusal> + Send + Sync>;

/// The way in through HTTP.
pub struct Door {
    path: &'static str,
    check: Check,
}

impl Door {
    /// Everybody may come in at this path.
    pub fn open(path: &'static str) -> Self {
        Self::guarded(path, Arc::new(|_| Ok(Identity::default())))
    }

    /// A cloud has the last word, after path and subprotocol have been found right.
    pub fn guarded(path: &'static str, check: Check) -> Self {
        Self { path, check }
    }

    fn enter(&self, request: &http::Request<()>) -> Result<Identity, Refusal> {
        let refused = |status, words: &str| Refusal {
            status,
            words: words.to_owned(),
            headers: Vec::new(),
        };
        if request.uri().path() != self.path {
            return Err(refused(404, "MQTT is not here"));
        }
        if !offers_mqtt(request.headers()) {
            return Err(refused(
                400,
                "MQTT over WebSocket needs the subprotocol mqtt",
            ));
        }
        (self.check)(request)
    }
}

/// The header may come several times, each with a list.
fn offers_mqtt(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|name| name.trim() == SUBPROTOCOL)
}

/// Serves one connection to its end, from its HTTP request on.
pub async fn converse<S>(hub: &Hub, stream: S, door: &Door, identity: Identity)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut found = Identity::default();
    #[expect(
        clippy::result_large_err,
        reason = "the answer's type is the library's"
    )]
    let enter = |request: &Request, mut response: Response| match door.enter(request) {
        Ok(identity) => {
            found = identity;
            response.headers_mut().insert(
                SEC_WEBSOCKET_PROTOCOL,
                HeaderValue::from_static(SUBPROTOCOL),
            );
            Ok(response)
        }
        Err(refusal) => Err(answer(refusal)),
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0);
    let Ok(web_socket) = accept_hdr_async_with_config(stream, enter, Some(config)).await else {
        return;
    };
    let identity = Identity {
        certificate: identity.certificate,
        ..found
    };
    let (near, far) = duplex(64 * 1024);
    let goodbye = AtomicBool::new(false);
    // Together, so that one end of the pipe hears of the end of the other.
    tokio::join!(
        carry(web_socket, near, &goodbye),
        mqtt::converse_inside(hub, far, identity, &goodbye)
    );
}

fn answer(refusal: Refusal) -> ErrorResponse {
    let length = refusal.words.len();
    let mut response = ErrorResponse::new(Some(refusal.words));
    let headers = response.headers_mut();
    headers.insert("content-length", HeaderValue::from(length));
    for (name, value) in refusal.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    *response.status_mut() =
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

/// Why the WebSocket is to be closed.
enum End {
    /// The broker has ended the connection.
    Ours,
    /// The peer has closed it, or is gone.
    Theirs,
    /// A data frame that is not binary (MQTT 5, 6.0.0-1).
    NotBinary,
}

async fn carry<W>(web_socket: W, near: DuplexStream, goodbye: &AtomicBool)
where
    W: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error>,
{
    let (mut sink, mut source) = web_socket.split();
    let (reader, writer) = tokio::io::split(near);
    let end = tokio::select! {
        end = inward(&mut source, writer, goodbye) => end,
        end = outward(reader, &mut sink) => end,
    };
    let code = match end {
        End::Ours => CloseCode::Normal,
        End::NotBinary => CloseCode::Unsupported,
        End::Theirs => {
            // The library's answer to a close frame still has to leave.
            drop(tokio::time::timeout(FAREWELL, sink.flush()).await);
            return;
        }
    };
    let close = Message::Close(Some(CloseFrame {
        code,
        reason: "".into(),
    }));
    let farewell = async {
        sink.send(close).await?;
        while let Some(Ok(_)) = source.next().await {}
        Ok::<_, Error>(())
    };
    drop(tokio::time::timeout(FAREWELL, farewell).await);
}

/// Frames to bytes; pings are answered by the library.
async fn inward(
    source: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    mut writer: WriteHalf<DuplexStream>,
    goodbye: &AtomicBool,
) -> End {
    while let Some(Ok(message)) = source.next().await {
        match message {
            Message::Binary(bytes) => {
                if writer.write_all(&bytes).await.is_err() {
                    return End::Ours;
                }
            }
            Message::Text(_) => return End::NotBinary,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(_) => {
                goodbye.store(true, Ordering::Relaxed);
                return End::Theirs;
            }
        }
    }
    End::Theirs
}

/// Bytes to frames.
async fn outward(
    mut reader: ReadHalf<DuplexStream>,
    sink: &mut (impl Sink<Message, Error = Error> + Unpin),
) -> End {
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    while matches!(reader.read_buf(&mut buffer).await, Ok(1..)) {
        let bytes = buffer.split().freeze();
        if sink.send(Message::Binary(bytes)).await.is_err() {
            return End::Theirs;
        }
    }
    End::Ours
}
