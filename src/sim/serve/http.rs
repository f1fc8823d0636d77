//! HTTPS: axum behind TLS that can be cut at any moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State, connect_info::Connected};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use rustls::ServerConfig;
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::sim::cloud::{HttpAnswer, HttpRequest};
use crate::sim::faults::Fault;
use crate::sim::hub::Hub;

/// Largest request body that is read.
const MAX_BODY: usize = 1 << 20;

/// The end of a connection that a handler can pull.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<Notify>);

impl Connected<IncomingStream<'_, Handshaken>> for Link {
    fn connect_info(stream: IncomingStream<'_, Handshaken>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Connections that have finished their handshake, for axum.
pub struct Handshaken(mpsc::Receiver<(DuplexStream, Link)>);

impl Listener for Handshaken {
    type Io = DuplexStream;
    type Addr = Link;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(Link::default())
    }
}

/// Serves until it is aborted.
pub async fn serve(hub: Arc<Hub>, listener: std::net::TcpListener, config: ServerConfig) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let (sender, receiver) = mpsc::channel(64);
    let app = Router::new().fallback(handle).with_state(hub);
    let service = app.into_make_service_with_connect_info::<Link>();
    let accept = accept(listener, TlsAcceptor::from(Arc::new(config)), sender);
    let serve = axum::serve(Handshaken(receiver), service).into_future();
    tokio::select! {
        () = accept => {}
        _ = serve => {}
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(DuplexStream, Link)>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(carry(stream, acceptor.clone(), sender.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries the bytes of one connection to axum and back, until one side ends it or the link is cut.
async fn carry(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(DuplexStream, Link)>,
) {
    drop(stream.set_nodelay(true));
    let Ok(mut tls) = acceptor.accept(stream).await else {
        return;
    };
    let (mut near, far) = duplex(64 * 1024);
    let link = Link::default();
    if sender.send((far, link.clone())).await.is_err() {
        return;
    }
    tokio::select! {
        _ = copy_bidirectional(&mut tls, &mut near) => {}
        () = link.0.notified() => {}
    }
}

async fn handle(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(link): ConnectInfo<Link>,
    request: axum::extract::Request,
) -> Response {
    let Some(request) = read(request).await else {
        return respond(plain(400, "text/plain", "unreadable request"));
    };
    let cut = || async {
        hub.record(&request, 0, None);
        link.0.notify_one();
        std::future::pending::<Response>().await
    };
    let answer = match hub.strike(&request) {
        None => hub.answer(&request),
        Some(Fault::Code(code)) => hub.failure(&code, &request),
        Some(Fault::Status(status, body)) => plain(status, "application/json", &body),
        Some(Fault::Html) => plain(
            502,
            "text/html",
            "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>",
        ),
        Some(Fault::EmptyBody) => plain(200, "application/json", ""),
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            hub.answer(&request)
        }
        Some(Fault::Silence) => {
            hub.record(&request, 0, None);
            return std::future::pending().await;
        }
        Some(Fault::Cut) => return cut().await,
        Some(Fault::LoseReply) => {
            drop(hub.answer(&request));
            return cut().await;
        }
    };
    hub.record(&request, answer.status, answer.code.clone());
    respond(answer)
}

async fn read(request: axum::extract::Request) -> Option<HttpRequest> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.ok()?;
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    Some(HttpRequest {
        method: parts.method.as_str().to_owned(),
        path: decoded(parts.uri.path()),
        query: url::form_urlencoded::parse(query).into_owned().collect(),
        headers: headers.collect::<BTreeMap<_, _>>(),
        body,
    })
}

/// Percent-decoded, part by part: an encoded slash stays within its part as it was.
fn decoded(path: &str) -> String {
    let parts: Vec<_> = path
        .split('/')
        .map(|part| {
            let escaped = part
                .replace('+', "%2B")
                .replace("%2F", "%252F")
                .replace("%2f", "%252F");
            let pair = format!("x={}", escaped.replace('&', "%26"));
            url::form_urlencoded::parse(pair.as_bytes())
                .next()
                .map_or_else(String::new, |(_, value)| value.into_owned())
        })
        .collect();
    parts.join("/")
}

fn plain(status: u16, content_type: &'static str, body: &str) -> HttpAnswer {
    HttpAnswer {
        status,
        content_type,
        body: Bytes::copy_from_slice(body.as_bytes()),
        code: None,
    }
}

fn respond(answer: HttpAnswer) -> Response {
    Response::builder()
        .status(answer.status)
        .header("content-type", answer.content_type)
        .body(Body::from(answer.body))
        .unwrap_or_default()
}
