//! The HTTP client against small servers: bounded, without redirects, with failures in words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::secret::Secret;
use thingdeck::platform::io::{HttpCall, HttpError, HttpReply, Method};
use thingdeck::rest::client::{BODY_LIMIT, RestClient};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::broker::soon;
use super::certificates::{Authority, open};

fn call(url: String) -> HttpCall {
    HttpCall {
        method: Method::Post,
        url,
        headers: vec![("x-country", "KR".to_owned())],
        secret_headers: vec![("authorization", Secret::new("Bearer canary"))],
        body: Some(Bytes::from_static(b"{}")),
        timeout: Duration::from_secs(20),
        label: "test".to_owned(),
    }
}

/// Trusts one authority at least: a machine may have no roots of its own.
fn client(roots: &[String]) -> RestClient {
    let own = [Authority::new("nobody").pem()];
    let roots = if roots.is_empty() { &own } else { roots };
    RestClient::new(roots, false, "thingdeck/test").expect("a client")
}

/// Reads one request, answers it with `answer`, and returns what was asked.
async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, answer: Vec<u8>) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n{}") {
        let read = socket.read_buf(&mut asked).await.expect("a request");
        assert_ne!(read, 0, "the request ended early");
    }
    // A client that has read enough closes first.
    let _gone = socket.write_all(&answer).await;
    let _gone = socket.shutdown().await;
    String::from_utf8(asked).expect("text")
}

/// The client's result for one raw answer, and the request as it came.
async fn exchange(answer: impl Into<Vec<u8>>) -> (Result<HttpReply, HttpError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/route", listener.local_addr().unwrap());
    let answer = answer.into();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        serve(socket, answer).await
    });
    let result = soon("an answer", client(&[]).call(call(url))).await;
    (result, soon("the request", server).await.unwrap())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn a_refusal_is_an_answer_with_its_wait() {
    let limited = answer(
        "429 Too Many Requests",
        "retry-after: 90\r\n",
        "{\"error\":1306}",
    );
    let (result, asked) = exchange(limited).await;
    let reply = result.unwrap();
    assert_eq!(reply.status, 429);
    assert_eq!(reply.retry_after, Some(Duration::from_secs(90)));
    assert_eq!(&reply.body[..], b"{\"error\":1306}");
    let asked = asked.to_lowercase();
    assert!(asked.starts_with("post /route http/1.1\r\n"), "{asked}");
    for header in [
        "x-country: kr",
        "authorization: bearer canary",
        "user-agent: thingdeck/test",
    ] {
        assert!(asked.contains(header), "{header} in {asked}");
    }
}

#[tokio::test]
async fn a_wait_until_a_date_is_counted_by_the_servers_own_clock() {
    let headers =
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:54:37 GMT\r\n";
    let (result, _) = exchange(answer("503 Service Unavailable", headers, "")).await;
    assert_eq!(result.unwrap().retry_after, Some(Duration::from_mins(5)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (result, _) = exchange(answer("302 Found", "location: http://127.0.0.1:1/\r\n", "")).await;
    assert_eq!(result.unwrap().status, 302);
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(BODY_LIMIT + 1024, b' ');
    let (result, _) = exchange(endless).await;
    assert!(
        matches!(
            result,
            Err(HttpError::TooLong {
                limit: BODY_LIMIT,
                ..
            })
        ),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_whole() {
    let (result, _) = exchange("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    assert!(
        matches!(result, Err(HttpError::Broken { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn what_is_no_http_is_said_without_secrets() {
    let (result, _) = exchange("220 mail.example ESMTP\r\n").await;
    let error = result.unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("canary"));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut call = call(format!("http://{address}/"));
    call.timeout = Duration::from_millis(200);
    let result = client(&[]).call(call).await;
    let after = Duration::from_millis(200);
    assert_eq!(
        result,
        Err(HttpError::Timeout {
            host: address.to_string(),
            after
        })
    );
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_unreachable_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let host = address.to_string();
    let why = "nothing listens on that port".to_owned();
    let result = client(&[]).call(call(format!("http://{address}/"))).await;
    assert_eq!(result, Err(HttpError::Unreachable { host, why }));

    let result = client(&[])
        .call(call("http://no-such-host.localhost.invalid/".to_owned()))
        .await;
    // Behind a proxy the answer is the proxy's.
    if let Err(error) = result {
        assert!(matches!(error, HttpError::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("(DNS)"), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_said_so() {
    let result = client(&[]).call(call("127.0.0.1".to_owned())).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("no usable address"), "{error}");
}

#[tokio::test]
async fn https_trusts_the_given_authority_and_names_another() {
    let authority = Authority::new("Simulated Home");
    let config = Arc::new(open(&authority.server("localhost")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}/");
    let server = tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        let (socket, _) = listener.accept().await.unwrap();
        assert!(
            acceptor.accept(socket).await.is_err(),
            "the first client does not trust us"
        );
        let (socket, _) = listener.accept().await.unwrap();
        serve(
            acceptor.accept(socket).await.unwrap(),
            answer("200 OK", "", "ok").into_bytes(),
        )
        .await
    });
    let stranger = Authority::new("other").pem();
    let error = soon("a refusal", client(&[stranger]).call(call(url.clone())))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
    assert!(
        error.to_string().contains("signed by CN=Simulated Home"),
        "{error}"
    );

    let reply = soon("an answer", client(&[authority.pem()]).call(call(url)))
        .await
        .unwrap();
    assert_eq!(&reply.body[..], b"ok");
    soon("the server", server).await.unwrap();
}

#[test]
fn a_ca_file_that_is_none_is_explained() {
    let problem = RestClient::new(&["no pem".to_owned()], false, "x").unwrap_err();
    assert_eq!(problem.what, "could not read the CA certificate");
}

/// The environment belongs to the whole process, so another test of this file runs again in a process of its own.
#[test]
fn this_machine_is_never_asked_through_a_proxy() {
    let nowhere = "http://127.0.0.1:1";
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rest::a_redirect_is_not_followed"])
        .env("HTTP_PROXY", nowhere)
        .env("http_proxy", nowhere)
        .env("ALL_PROXY", nowhere)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}
