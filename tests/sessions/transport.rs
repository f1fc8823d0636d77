//! Everything between a plan and the first byte of MQTT: WebSocket, proxies, and both at once, over real sockets.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::base::secret::Secret;
use thingdeck::domain::profile::{Proxy, ProxyKind};
use thingdeck::platform::plan::{Endpoint, TlsPlan, WebSocketPlan};
use thingdeck::session::end::{End, EndClass};
use thingdeck::session::tls::Tls;
use thingdeck::session::transport::{Stream, dial};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::broker::soon;
use super::certificates::{Authority, open, trusting};

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

/// Answers every line with itself in capitals; an echo that shows that it passed.
async fn shout(listener: TcpListener) {
    while let Ok((mut socket, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = socket.read(&mut buffer).await {
                let answer = buffer[..length].to_ascii_uppercase();
                if socket.write_all(&answer).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn shouted_through(stream: &mut Box<dyn Stream>) {
    let exchange = async {
        // What comes during a rest, however many layers it passes, is there for whoever comes back.
        stream.rest();
        stream.write_all(b"hello").await?;
        stream.flush().await?;
        stream.rest();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = soon("an answer", exchange).await;
    assert_eq!(&answer.expect("an answer"), b"HELLO");
}

fn endpoint(port: u16, tls: Option<TlsPlan>) -> Endpoint {
    Endpoint::tcp("localhost".to_owned(), port, tls)
}

async fn opened(endpoint: &Endpoint) -> Result<Box<dyn Stream>, End> {
    let tls = endpoint.tls.as_ref();
    let tls = tls.map(|plan| Tls::build(plan).expect("a set-up"));
    soon("a connection or its end", dial(endpoint, tls.as_ref())).await
}

async fn refused(endpoint: &Endpoint) -> (EndClass, Problem) {
    match opened(endpoint).await {
        Ok(_) => panic!("a connection that must not be"),
        Err(end) => (end.class, end.problem),
    }
}

// ---- proxies

fn proxied(port: u16, kind: ProxyKind, login: Option<(&str, &str)>, target: u16) -> Endpoint {
    let login = login.map(|(user, password)| (user.to_owned(), Secret::new(password)));
    let proxy = Proxy {
        kind,
        host: "localhost".to_owned(),
        port,
        login,
    };
    Endpoint {
        proxy: Some(proxy),
        ..endpoint(target, None)
    }
}

/// An HTTP proxy that answers CONNECT with `answer`, opens the tunnel where that is 200, and tells what it was asked.
async fn http_proxy(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
    tell: oneshot::Sender<String>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a request"));
    }
    let head = String::from_utf8(head).expect("text");
    let target = head.split(' ').nth(1).expect("a target").to_owned();
    socket.write_all(answer.as_bytes()).await.expect("answered");
    let _nobody_asks = tell.send(head);
    if answer.contains(" 200 ") {
        let mut broker = TcpStream::connect(target).await.expect("a broker");
        let _ended = copy_bidirectional(&mut socket, &mut broker).await;
    } else {
        let _gone = socket.shutdown().await;
    }
}

/// What a client of this proxy is told, and what the proxy was asked.
async fn through_http(
    answer: &'static str,
    login: Option<(&str, &str)>,
) -> (Result<Box<dyn Stream>, End>, String) {
    let (broker, target) = listen().await;
    tokio::spawn(shout(broker));
    let (proxy, port) = listen().await;
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (socket, _) = proxy.accept().await.expect("a client");
        http_proxy(socket, answer, tell).await;
    });
    let result = opened(&proxied(port, ProxyKind::Http, login, target)).await;
    (
        result,
        soon("the proxy's request", told).await.expect("asked"),
    )
}

const GRANTED: &str = "HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n";

#[tokio::test]
async fn a_proxy_with_a_login_leads_to_the_broker() {
    let (stream, asked) = through_http(GRANTED, Some(("ann", "s3cret"))).await;
    shouted_through(&mut stream.expect("a tunnel")).await;
    assert!(asked.starts_with("CONNECT localhost:"), "{asked}");
    // base64 of ann:s3cret
    assert!(
        asked.contains("Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn what_a_proxy_refuses_is_said_of_the_proxy() {
    let cases = [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            EndClass::Refused,
            "wants a login",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            EndClass::Refused,
            "does not let localhost:",
        ),
        (
            "HTTP/1.0 502 Bad Gateway\r\n\r\n",
            EndClass::Unreachable,
            "could not reach localhost:",
        ),
        (
            "SSH-2.0-OpenSSH_9\r\n",
            EndClass::Unreachable,
            "is no HTTP proxy",
        ),
    ];
    for (answer, class, words) in cases {
        let (result, _) = through_http(answer, None).await;
        let end = result.err().expect("refused");
        assert_eq!(end.class, class, "{answer}");
        assert!(end.problem.cause.contains(words), "{}", end.problem);
        assert!(
            end.problem.cause.contains("the proxy localhost:") || class == EndClass::Unreachable
        );
    }
    let (result, _) = through_http(cases[0].0, Some(("ann", "s3cret"))).await;
    let problem = result.err().expect("refused").problem;
    assert!(problem.cause.contains("refused the login"), "{problem}");
    assert!(!format!("{problem:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_and_not_the_broker() {
    let (gone, port) = listen().await;
    drop(gone);
    let (class, problem) = refused(&proxied(port, ProxyKind::Http, None, 1883)).await;
    assert_eq!(class, EndClass::Unreachable);
    assert_eq!(
        problem.what,
        format!("could not connect to the proxy localhost:{port}")
    );
    assert_eq!(problem.exit, Exit::Unreachable);
    assert!(problem.remedy.contains("`proxy`"));
}

#[tokio::test]
async fn a_proxy_inside_tls_is_verified_like_a_broker() {
    let authority = Authority::new("home");
    let (broker, target) = listen().await;
    tokio::spawn(shout(broker));
    let (proxy, port) = listen().await;
    let config = Arc::new(open(&authority.server("localhost")));
    tokio::spawn(async move {
        loop {
            let (socket, _) = proxy.accept().await.expect("a client");
            let (tell, _told) = oneshot::channel();
            if let Ok(socket) = TlsAcceptor::from(Arc::clone(&config)).accept(socket).await {
                tokio::spawn(http_proxy(socket, GRANTED, tell));
            }
        }
    });
    // The broker behind it speaks no TLS, so the profile's roots stand on a plan that is not used for it.
    let mut endpoint = proxied(port, ProxyKind::Https, None, target);
    let (class, problem) = refused(&endpoint).await;
    assert_eq!(class, EndClass::Fatal, "{problem}");
    assert!(problem.what.contains("the proxy"), "{problem}");
    endpoint.tls = Some(trusting(&authority, None));
    let dialled = soon("a tunnel", dial(&endpoint, None)).await;
    shouted_through(&mut dialled.expect("a tunnel")).await;
}

/// A SOCKS5 proxy (RFC 1928, 1929) that wants `ann` and `s3cret`.
async fn socks_proxy(mut socket: TcpStream) -> std::io::Result<()> {
    let methods = {
        assert_eq!(socket.read_u8().await?, 5);
        let mut methods = vec![0; usize::from(socket.read_u8().await?)];
        socket.read_exact(&mut methods).await?;
        methods
    };
    if !methods.contains(&2) {
        return socket.write_all(&[5, 0xff]).await;
    }
    socket.write_all(&[5, 2]).await?;
    assert_eq!(socket.read_u8().await?, 1);
    let mut login = Vec::new();
    for _ in 0..2 {
        let mut text = vec![0; usize::from(socket.read_u8().await?)];
        socket.read_exact(&mut text).await?;
        login.push(text);
    }
    let right = login == [b"ann".to_vec(), b"s3cret".to_vec()];
    socket.write_all(&[1, u8::from(!right)]).await?;
    if !right {
        return Ok(());
    }
    let mut request = [0; 4];
    socket.read_exact(&mut request).await?;
    assert_eq!(request, [5, 1, 0, 3], "the proxy resolves the name");
    let mut host = vec![0; usize::from(socket.read_u8().await?)];
    socket.read_exact(&mut host).await?;
    let port = socket.read_u16().await?;
    let host = String::from_utf8(host).expect("a name");
    let mut broker = TcpStream::connect((host.as_str(), port)).await?;
    socket.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    copy_bidirectional(&mut socket, &mut broker).await.map(drop)
}

#[tokio::test]
async fn socks_leads_to_the_broker_or_says_why_not() {
    let (broker, target) = listen().await;
    tokio::spawn(shout(broker));
    let (proxy, port) = listen().await;
    tokio::spawn(async move {
        while let Ok((socket, _)) = proxy.accept().await {
            tokio::spawn(socks_proxy(socket));
        }
    });
    let with = |login| proxied(port, ProxyKind::Socks5, login, target);
    let stream = opened(&with(Some(("ann", "s3cret")))).await;
    shouted_through(&mut stream.expect("a tunnel")).await;
    let (class, problem) = refused(&with(Some(("ann", "wrong")))).await;
    assert_eq!(class, EndClass::Refused);
    assert!(problem.cause.contains("refused the login"), "{problem}");
    let (class, problem) = refused(&with(None)).await;
    assert_eq!(class, EndClass::Refused);
    assert!(problem.cause.contains("wants a login"), "{problem}");
}

// ---- WebSocket

fn web_socket(port: u16, tls: Option<TlsPlan>) -> Endpoint {
    Endpoint {
        web_socket: Some(WebSocketPlan {
            target: Secret::new("/mqtt"),
            headers: Vec::new(),
        }),
        ..endpoint(port, tls)
    }
}

#[expect(
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "the library's own callback"
)]
fn agree(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    assert_eq!(request.uri().path(), "/mqtt");
    let asked = request.headers()["sec-websocket-protocol"].clone();
    response
        .headers_mut()
        .insert("sec-websocket-protocol", asked);
    Ok(response)
}

/// Shouts back, every byte in a frame of its own, with a ping before each.
async fn shout_in_frames(socket: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(socket, agree).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(bytes) = message else {
            continue;
        };
        for byte in bytes.to_ascii_uppercase() {
            let ping = Message::Ping(vec![1].into());
            if socket.send(ping).await.is_err()
                || socket
                    .send(Message::Binary(vec![byte].into()))
                    .await
                    .is_err()
            {
                return;
            }
        }
    }
}

#[tokio::test]
async fn bytes_pass_through_frames_whatever_their_borders_with_and_without_tls() {
    let authority = Authority::new("home");
    let (plain, port) = listen().await;
    tokio::spawn(async move {
        let (socket, _) = plain.accept().await.expect("a client");
        shout_in_frames(socket).await;
    });
    let stream = opened(&web_socket(port, None)).await;
    shouted_through(&mut stream.expect("a stream")).await;

    let (secure, port) = listen().await;
    let config = Arc::new(open(&authority.server("localhost")));
    tokio::spawn(async move {
        let (socket, _) = secure.accept().await.expect("a client");
        let socket = TlsAcceptor::from(config).accept(socket).await;
        shout_in_frames(socket.expect("a handshake")).await;
    });
    let stream = opened(&web_socket(port, Some(trusting(&authority, None)))).await;
    shouted_through(&mut stream.expect("a stream")).await;
}

/// Serves one connection with these bytes, whatever it asks.
async fn answering(answer: &'static str) -> Endpoint {
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.expect("a request"));
        }
        let _gone = socket.write_all(answer.as_bytes()).await;
        let _gone = socket.shutdown().await;
    });
    web_socket(port, None)
}

#[tokio::test]
async fn an_upgrade_that_is_refused_says_status_words_and_the_clock() {
    let answer = "HTTP/1.1 403 Forbidden\r\nx-amzn-ErrorType: ForbiddenException\r\ndate: Sat, 21 Nov 2026 10:00:00 GMT\r\ncontent-length: 0\r\n\r\n";
    let (class, problem) = refused(&answering(answer).await).await;
    assert_eq!(class, EndClass::Refused);
    for word in ["403", "ForbiddenException", "21 Nov 2026 10:00:00"] {
        assert!(problem.cause.contains(word), "{problem}");
    }
    assert_eq!(problem.exit, Exit::Refused);

    let (class, problem) =
        refused(&answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await).await;
    assert_eq!(class, EndClass::Unreachable);
    assert!(problem.remedy.contains("/mqtt"), "{problem}");

    let (_, problem) =
        refused(&answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n\u{1b}[31m").await).await;
    assert!(!problem.to_string().contains('\u{1b}'), "{problem:?}");
}

#[tokio::test]
async fn a_web_socket_without_mqtt_in_it_is_told_apart() {
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a client");
        let _socket = tokio_tungstenite::accept_async(socket).await;
        std::future::pending::<()>().await;
    });
    let (class, problem) = refused(&web_socket(port, None)).await;
    assert_eq!(class, EndClass::Unreachable);
    assert!(problem.cause.contains("not MQTT in it"), "{problem}");
}

#[tokio::test]
async fn frames_are_taken_together_and_then_a_server_that_closes_says_why() {
    use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
    let (listener, port) = listen().await;
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a client");
        let mut socket = tokio_tungstenite::accept_hdr_async(socket, agree)
            .await
            .expect("agreed");
        for _ in 0..100 {
            let frame = Message::Binary(vec![7; 10].into());
            socket.send(frame).await.expect("sent");
        }
        let frame = CloseFrame {
            code: 1008.into(),
            reason: "policy".into(),
        };
        let _gone = socket.close(Some(frame)).await;
        tell.send(()).expect("somebody waits");
        while let Some(Ok(_)) = socket.next().await {}
    });
    let mut stream = opened(&web_socket(port, None)).await.expect("a stream");
    soon("all frames", told).await.expect("sent");
    let mut bytes = [0; 4096];
    let (mut count, mut reads) = (0, 0);
    while count < 1000 {
        count += soon("bytes", stream.read(&mut bytes)).await.expect("bytes");
        reads += 1;
    }
    assert_eq!(count, 1000);
    assert!(reads < 10, "{reads} reads");
    let error = soon("an end", stream.read_u8()).await.expect_err("closed");
    assert!(error.to_string().contains("code 1008 policy"), "{error}");
}

#[tokio::test]
async fn a_web_socket_goes_through_a_proxy_too() {
    let (server, target) = listen().await;
    tokio::spawn(async move {
        let (socket, _) = server.accept().await.expect("a client");
        shout_in_frames(socket).await;
    });
    let (proxy, port) = listen().await;
    tokio::spawn(async move {
        let (socket, _) = proxy.accept().await.expect("a client");
        http_proxy(socket, GRANTED, oneshot::channel().0).await;
    });
    let endpoint = Endpoint {
        web_socket: web_socket(target, None).web_socket,
        ..proxied(port, ProxyKind::Http, None, target)
    };
    shouted_through(&mut opened(&endpoint).await.expect("a stream")).await;
}

// ---- TLS

#[tokio::test]
async fn the_chain_that_a_server_presents_can_be_looked_at() {
    let authority = Authority::new("home");
    let (listener, port) = listen().await;
    let config = Arc::new(open(&authority.server("localhost")));
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a client");
        let _open = TlsAcceptor::from(config).accept(socket).await;
        std::future::pending::<()>().await;
    });
    let endpoint = endpoint(port, Some(trusting(&authority, None)));
    let tls = Tls::build(endpoint.tls.as_ref().expect("TLS")).expect("a set-up");
    let _stream = soon("a connection", dial(&endpoint, Some(&tls)))
        .await
        .expect("open");
    let shown = tls.presented().expect("a chain").chain;
    assert_eq!(shown.len(), 1);
    assert!(
        shown[0].starts_with("CN=localhost, issued by CN=home, valid "),
        "{shown:?}"
    );
    assert_eq!(
        shown[0].rsplit_once("sha256 ").expect("a digest").1.len(),
        64
    );
}
