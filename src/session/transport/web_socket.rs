//! MQTT inside WebSocket frames (MQTT 3.1.1, 6): binary frames whose borders mean nothing, subprotocol `mqtt`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use super::words::{self, quote, refused_end, unreachable_end};
use super::{Stream, authority};
use crate::base::percent::decode;
use crate::base::secret::without;
use crate::platform::io::HttpReply;
use crate::platform::plan::{Endpoint, WebSocketPlan};
use crate::session::end::{End, EndClass};
use crate::session::link::io_words;

/// A frame may hold the largest packet of MQTT and a little more; what is too large for us is skipped as a packet.
const LARGEST_FRAME: usize = 268_435_455 + 64 * 1024;

/// What goes out is cut into frames of this length, so that a slow network is seen to take it piece by piece.
const LONGEST_WRITE: usize = 64 * 1024;

/// The handshake (RFC 6455, 4).
pub async fn upgrade(
    stream: Box<dyn Stream>,
    endpoint: &Endpoint,
    plan: &WebSocketPlan,
) -> Result<Box<dyn Stream>, End> {
    let request = request(endpoint, plan).ok_or_else(|| {
        let what = words::what(&endpoint.host, endpoint.port);
        let cause = "the path of the WebSocket is no path";
        let mut end = refused_end(what, cause, "check `url` in the profile");
        end.class = EndClass::Fatal;
        end
    })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_FRAME))
        .max_frame_size(Some(LARGEST_FRAME));
    let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    match upgraded {
        Ok((socket, _response)) => Ok(Box::new(Frames {
            socket,
            left: Bytes::new(),
            then: None,
            is_drained: false,
        })),
        Err(error) => Err(upgrade_end(error, endpoint, plan)),
    }
}

/// The host stands without a port that its scheme implies: signatures are made for it so.
fn request(endpoint: &Endpoint, plan: &WebSocketPlan) -> Option<ClientRequestBuilder> {
    let (scheme, usual) = match endpoint.tls {
        Some(_) => ("wss", 443),
        None => ("ws", 80),
    };
    let host = authority(&endpoint.host, endpoint.port);
    let host = match host.strip_suffix(&format!(":{usual}")) {
        Some(bare) => bare,
        None => &host,
    };
    let uri = format!("{scheme}://{host}{}", plan.target.expose());
    let uri: Uri = uri.parse().ok()?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
    let headers = plan.headers.iter();
    Some(headers.fold(request, |request, (name, value)| {
        request.with_header(name.as_str(), value.expose())
    }))
}

fn upgrade_end(error: Error, endpoint: &Endpoint, plan: &WebSocketPlan) -> End {
    let what = words::what(&endpoint.host, endpoint.port);
    let path = "check the port and the path in `url`: most brokers serve WebSocket under /mqtt";
    match error {
        Error::Http(response) => status_end(what, &response, plan, path),
        Error::Io(error) => unreachable_end(what, io_words(&error), path),
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(
            SubProtocolError::NoSubProtocol | SubProtocolError::InvalidSubProtocol,
        )) => {
            let cause = "it speaks WebSocket, but not MQTT in it (no subprotocol mqtt)";
            unreachable_end(what, cause, path)
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            let cause = "it closed the connection in the middle of the WebSocket handshake";
            unreachable_end(what, cause, path)
        }
        // The texts of these name no part of the request.
        Error::Protocol(error) => {
            let cause = format!("it does not speak WebSocket there: {error}");
            unreachable_end(what, cause, path)
        }
        Error::HttpFormat(_) | Error::Url(_) | Error::Utf8(_) => {
            let cause = "the request for a WebSocket cannot be written";
            unreachable_end(what, cause, "check `url` in the profile")
        }
        _ => unreachable_end(what, "it does not speak WebSocket there", path),
    }
}

/// An answer that is not 101. What it says about itself and about the time helps to find out why.
fn status_end(what: String, response: &Response, plan: &WebSocketPlan, path: &'static str) -> End {
    let status = response.status();
    let mut cause = format!("it answered the WebSocket handshake with {status}");
    let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
    let body = discreet(response.body().as_deref().unwrap_or_default(), plan);
    let said = header("x-amzn-errortype").unwrap_or(&body);
    if !said.trim().is_empty() {
        cause.push_str(&format!(": {}", quote(said)));
    }
    let mut end = match status.as_u16() {
        401 | 403 => {
            if let Some(date) = header("date") {
                cause.push_str(&format!("; its clock says {}", quote(date)));
            }
            let remedy = "check the credentials and, for signed addresses, this machine's clock";
            refused_end(what, cause, remedy)
        }
        _ => unreachable_end(what, cause, path),
    };
    end.seen.reply = Some(reply(response, body));
    end
}

/// Values in a query that are longer are none that a person typed: signatures and tokens.
const LONGEST_PLAIN: usize = 20;

/// A refusal may repeat the request, and with it what it was signed with.
fn discreet(body: &[u8], plan: &WebSocketPlan) -> String {
    let query = plan.target.expose().split_once('?');
    let query = query.map_or("", |(_, query)| query);
    let values = query
        .split('&')
        .filter_map(|pair| Some(pair.split_once('=')?.1));
    let values: Vec<_> = values.filter(|v| v.len() >= LONGEST_PLAIN).collect();
    let decoded: Vec<_> = values.iter().filter_map(|v| decode(v)).collect();
    let headers = plan.headers.iter().map(|(_, value)| value.expose());
    let all = values
        .iter()
        .copied()
        .chain(decoded.iter().map(String::as_str));
    without(&String::from_utf8_lossy(body), all.chain(headers))
}

fn reply(response: &Response, body: String) -> HttpReply {
    let headers = response.headers().iter();
    let headers = headers.filter_map(|(name, value)| {
        let value = value.to_str().ok()?.to_owned();
        Some((name.as_str().to_owned(), value))
    });
    HttpReply {
        status: response.status().as_u16(),
        retry_after: None,
        headers: headers.collect(),
        body: Bytes::from(body),
    }
}

/// Frames as a stream of bytes.
struct Frames {
    socket: WebSocketStream<Box<dyn Stream>>,
    /// Of the last frame.
    left: Bytes,
    /// How it ends, once what came before has been taken.
    then: Option<io::Result<()>>,
    is_drained: bool,
}

impl Frames {
    /// The next frame with bytes in it; the end stays in `then`.
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.left.is_empty() && self.then.is_none() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.left = bytes,
                Some(Ok(Message::Text(_))) => self.then = Some(Err(text_frame())),
                Some(Ok(Message::Close(frame))) => self.then = Some(closed(frame.as_ref())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => self.then = Some(read_end(error)),
                None => self.then = Some(Ok(())),
            }
        }
        Poll::Ready(())
    }
}

impl Stream for Frames {
    fn rest(&mut self) {
        self.socket.get_mut().rest();
    }

    fn is_drained(&self) -> bool {
        self.is_drained
    }
}

impl AsyncRead for Frames {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.is_drained = false;
        // A server may put every message into a frame of its own: they are taken together.
        while buffer.remaining() > 0 {
            let frame = self.poll_frame(context);
            let length = self.left.len().min(buffer.remaining());
            buffer.put_slice(&self.left.split_to(length));
            if frame.is_pending() {
                self.is_drained = true;
            }
            if frame.is_pending() || self.then.is_some() {
                break;
            }
        }
        if buffer.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        match self.then.take() {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Frames {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(context)).map_err(write_error)?;
        let bytes = bytes.get(..LONGEST_WRITE).unwrap_or(bytes);
        let frame = Message::Binary(Bytes::copy_from_slice(bytes));
        Pin::new(&mut self.socket)
            .start_send(frame)
            .map_err(write_error)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket)
            .poll_flush(context)
            .map_err(write_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket)
            .poll_close(context)
            .map_err(write_error)
    }
}

fn text_frame() -> io::Error {
    let text = "the server sent text inside the WebSocket: it does not speak MQTT there";
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// An end in good order is an end of the stream; any other says why.
fn closed(frame: Option<&CloseFrame>) -> io::Result<()> {
    match frame {
        None => Ok(()),
        Some(frame) if frame.code == CloseCode::Normal => Ok(()),
        Some(frame) => {
            let code = u16::from(frame.code);
            let reason = quote(&frame.reason);
            let text = format!("the server closed the WebSocket with code {code} {reason}");
            Err(io::Error::other(text.trim_end().to_owned()))
        }
    }
}

fn read_end(error: Error) -> io::Result<()> {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(()),
        Error::Io(error) => Err(error),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Err(io::ErrorKind::ConnectionReset.into())
        }
        error => Err(io::Error::other(format!("the WebSocket broke: {error}"))),
    }
}

fn write_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::BrokenPipe.into(),
        error => io::Error::other(format!("the WebSocket broke: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::platform::plan::TlsPlan;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

    fn asked(port: u16, tls: bool, target: &str) -> (String, String) {
        let tls = tls.then(TlsPlan::default);
        let endpoint = Endpoint::tcp("h.example".to_owned(), port, tls);
        let plan = WebSocketPlan {
            target: Secret::new(target),
            headers: vec![("x-note".to_owned(), Secret::new("n"))],
        };
        let request = request(&endpoint, &plan).expect("a request");
        let request = request.into_client_request().expect("a request");
        assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
        assert_eq!(request.headers()["x-note"], "n");
        let host = request.headers()["host"].to_str().expect("text").to_owned();
        (
            host,
            request.uri().path_and_query().expect("one").to_string(),
        )
    }

    #[test]
    fn a_refusal_that_repeats_the_address_repeats_no_token() {
        let target =
            "/mqtt?X-Amz-Date=20260301T123456Z&X-Amz-Security-Token=c4nary%2Fc4nary%2Bc4nary%3D";
        let plan = WebSocketPlan {
            target: Secret::new(target),
            headers: Vec::new(),
        };
        let body = format!("no: GET {target} with c4nary/c4nary+c4nary= at 20260301T123456Z");
        let told = discreet(body.as_bytes(), &plan);
        assert!(!told.contains("c4nary"), "{told}");
        assert!(
            told.contains("no: GET /mqtt?X-Amz-Date=20260301T123456Z"),
            "{told}"
        );
    }

    #[test]
    fn the_usual_port_is_left_out_of_the_host_and_the_query_stays_as_signed() {
        let signed = "/mqtt?X-Amz-Date=1&X-Amz-Signature=a%2Fb";
        let host = |text: &str| (text.to_owned(), signed.to_owned());
        assert_eq!(asked(443, true, signed), host("h.example"));
        assert_eq!(asked(8443, true, signed), host("h.example:8443"));
        assert_eq!(asked(80, false, signed), host("h.example"));
    }
}
