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
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::sim::cloud::{HttpAnswer, HttpRequest};
use crate::sim::faults::Fault;
use crate::sim::hub::Hub;

/// Largest request body that is read.
const MAX_BODY: usize = 1 << 20;

/// What a handler knows of its connection.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Pulled, it ends.
    end: Arc<Notify>,
    certificate: Option<Arc<Vec<u8>>>,
}

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

/// Where connections are handed in whose bytes are HTTP. A clone is the same desk.
#[derive(Clone)]
pub struct Desk(mpsc::Sender<(DuplexStream, Link)>);

impl Desk {
    /// The desk, and the task behind it.
    pub fn new(hub: Arc<Hub>) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(64);
        let app = Router::new().fallback(handle).with_state(hub);
        let service = app.into_make_service_with_connect_info::<Link>();
        let serve = axum::serve(Handshaken(receiver), service).into_future();
        (Self(sender), async { drop(serve.await) })
    }

    /// Carries the bytes of one connection to axum and back, until one side ends it or the link is cut.
    pub async fn attend(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        certificate: Option<Vec<u8>>,
    ) {
        let (mut near, far) = duplex(64 * 1024);
        let link = Link {
            certificate: certificate.map(Arc::new),
            ..Link::default()
        };
        if self.0.send((far, link.clone())).await.is_err() {
            return;
        }
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut near) => {}
            () = link.end.notified() => {}
        }
    }
}

/// Serves until it is aborted.
pub async fn serve(hub: Arc<Hub>, listener: std::net::TcpListener, config: ServerConfig) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let (desk, work) = Desk::new(hub);
    tokio::select! {
        () = accept(listener, TlsAcceptor::from(Arc::new(config)), desk) => {}
        () = work => {}
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, desk: Desk) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(greet(stream, acceptor.clone(), desk.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn greet(stream: TcpStream, acceptor: TlsAcceptor, desk: Desk) {
    drop(stream.set_nodelay(true));
    if let Ok(tls) = acceptor.accept(stream).await {
        let certificates = tls.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(<[_]>::first).map(|der| der.to_vec());
        desk.attend(tls, certificate).await;
    }
}

async fn handle(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(link): ConnectInfo<Link>,
    request: axum::extract::Request,
) -> Response {
    let Some(mut request) = read(request).await else {
        return respond(plain(400, "text/plain", "unreadable request"));
    };
    request.certificate = link.certificate.as_deref().cloned();
    let request = request;
    let cut = || async {
        hub.record(&request, 0, None);
        link.end.notify_one();
        std::future::pending::<Response>().await
    };
    let answer = match hub.strike(&request) {
        None => hub.answer_in_time(&request).await,
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
            hub.answer_in_time(&request).await
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
        raw_path: parts.uri.path().to_owned(),
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        query: url::form_urlencoded::parse(query).into_owned().collect(),
        headers: headers.collect::<BTreeMap<_, _>>(),
        body,
        certificate: None,
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
        ..HttpAnswer::default()
    }
}

fn respond(answer: HttpAnswer) -> Response {
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-type", answer.content_type);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_default()
}
