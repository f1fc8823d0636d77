//! Each way in which a TLS handshake fails has its own sentence, over real handshakes (failure-modes.md F17, F18, F19).

use rustls::version::{TLS12, TLS13};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::base::secret::Secret;
use thingdeck::platform::plan::TlsPlan;

use super::broker::Broker;
use super::certificates::{Authority, Pair, mutual, mutual_with, open, trusting};
use super::support::{Script, Session, plan};

/// What a session says to a server with this configuration.
async fn refused_by(server: rustls::ServerConfig, tls: TlsPlan) -> Problem {
    let broker = Broker::secure(server).await;
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    broker.accept_in_vain().await;
    session.refused().await
}

#[tokio::test]
async fn an_expired_server_certificate_is_dated() {
    let authority = Authority::new("home");
    let server = open(&authority.server_between("localhost", 2019, 2020));
    let problem = refused_by(server, trusting(&authority, None)).await;
    assert!(
        problem
            .cause
            .starts_with("the server's certificate expired on 2020-01-01 00:00 UTC")
    );
    assert!(problem.remedy.contains("clock"));
    assert_eq!(
        problem.what,
        "could not make a secure connection to localhost"
    );
    assert_eq!(problem.exit, Exit::Refused);
}

#[tokio::test]
async fn a_server_certificate_of_the_future_points_at_the_clock() {
    let authority = Authority::new("home");
    let server = open(&authority.server_between("localhost", 2090, 2091));
    let problem = refused_by(server, trusting(&authority, None)).await;
    assert!(
        problem
            .cause
            .contains("not valid before 2090-01-01 00:00 UTC"),
        "{problem}"
    );
    assert!(problem.remedy.contains("check this machine's clock"));
}

#[tokio::test]
async fn a_server_certificate_for_another_name_names_both() {
    let authority = Authority::new("home");
    let server = open(&authority.server("broker.example"));
    let problem = refused_by(server, trusting(&authority, None)).await;
    assert_eq!(
        problem.cause,
        "the server's certificate is for broker.example, not for localhost"
    );
}

#[tokio::test]
async fn an_unknown_authority_is_named() {
    let server = open(&Authority::new("Somebody Else").server("localhost"));
    let problem = refused_by(server, trusting(&Authority::new("home"), None)).await;
    assert!(
        problem.cause.contains("signed by CN=Somebody Else"),
        "{problem}"
    );
    assert!(
        problem.cause.contains("without intermediate certificates"),
        "{problem}"
    );
    assert!(problem.remedy.contains("ca_file"));
}

#[tokio::test]
async fn a_self_signed_server_is_called_that() {
    let lone = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pair = Pair {
        certificate: lone.cert.pem(),
        key: lone.signing_key.serialize_pem(),
    };
    let problem = refused_by(open(&pair), trusting(&Authority::new("home"), None)).await;
    assert!(problem.cause.contains("is signed by itself"), "{problem}");
}

#[tokio::test]
async fn a_missing_client_certificate_is_asked_for() {
    let authority = Authority::new("home");
    for version in [&TLS12, &TLS13] {
        let server = mutual_with(&authority.server("localhost"), &authority, &[version]);
        let problem = refused_by(server, trusting(&authority, None)).await;
        assert_eq!(
            problem.cause,
            "the server wants a client certificate, and none was sent"
        );
        assert!(problem.remedy.contains("cert_file"));
    }
}

#[tokio::test]
async fn a_client_certificate_of_another_authority_is_refused_in_words() {
    let authority = Authority::new("home");
    let stranger = Authority::new("stranger").client("deck");
    for version in [&TLS12, &TLS13] {
        let server = mutual_with(&authority.server("localhost"), &authority, &[version]);
        let problem = refused_by(server, trusting(&authority, Some(&stranger))).await;
        assert_eq!(
            problem.cause,
            "the server refused the client certificate: it does not know who signed it"
        );
        assert_eq!(problem.exit, Exit::Refused);
    }
}

#[tokio::test]
async fn an_expired_client_certificate_is_refused_in_words() {
    let authority = Authority::new("home");
    let server = mutual(&authority.server("localhost"), &authority);
    let tls = trusting(&authority, Some(&authority.client_expired("deck")));
    let problem = refused_by(server, tls).await;
    assert_eq!(
        problem.cause,
        "the server refused the client certificate: it has expired"
    );
}

#[tokio::test]
async fn a_refused_client_certificate_is_the_platforms_to_renew() {
    let authority = Authority::new("home");
    let broker = Broker::secure(mutual(&authority.server("localhost"), &authority)).await;
    let tls = trusting(&authority, Some(&authority.client_expired("deck")));
    let script = Script::always(plan(broker.port(), Some(tls), &[]));
    let mut session = Session::start(&script);
    broker.accept_in_vain().await;
    session.refused().await;
    assert_eq!((script.planned(), script.judged()), (1, 1));
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_not_the_platforms_fault() {
    let server = open(&Authority::new("Somebody Else").server("localhost"));
    let broker = Broker::secure(server).await;
    let tls = trusting(&Authority::new("home"), None);
    let script = Script::always(plan(broker.port(), Some(tls), &[]));
    let mut session = Session::start(&script);
    broker.accept_in_vain().await;
    session.refused().await;
    assert_eq!((script.planned(), script.judged()), (1, 0));
}

#[tokio::test]
async fn a_key_of_another_certificate_is_noticed_before_the_wire() {
    let authority = Authority::new("home");
    let pair = Pair {
        certificate: authority.client("deck").certificate,
        key: authority.client("other").key,
    };
    let tls = trusting(&authority, Some(&pair));
    let mut session = Session::start(&Script::always(plan(1, Some(tls), &[])));
    let problem = session.refused().await;
    assert_eq!(
        problem.cause,
        "the private key does not belong to the client certificate"
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_not_quoted() {
    let authority = Authority::new("home");
    let mut tls = trusting(&authority, Some(&authority.client("deck")));
    if let Some((_, key)) = &mut tls.identity {
        *key = Secret::new(
            "-----BEGIN PRIVATE KEY-----\ncanary-not-base64!\n-----END PRIVATE KEY-----",
        );
    }
    let mut session = Session::start(&Script::always(plan(1, Some(tls), &[])));
    let problem = session.refused().await;
    assert_eq!(problem.what, "could not read the private key");
    assert!(!format!("{problem:?} {:?}", session.past).contains("canary"));
}

#[tokio::test]
async fn a_plain_port_is_called_one() {
    let authority = Authority::new("home");
    let broker = Broker::plain().await;
    let tls = trusting(&authority, None);
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    let mut peer = broker.accept().await;
    peer.bytes(b"220 mail.example ESMTP\r\n").await;
    let why = session.reconnects().await;
    assert!(why.cause.contains("it looks like a plain port"), "{why}");
    assert_eq!(why.exit, Exit::Unreachable);
}

#[tokio::test]
async fn a_server_of_the_past_is_called_too_old() {
    let authority = Authority::new("home");
    let broker = Broker::plain().await;
    let tls = trusting(&authority, None);
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    let mut peer = broker.accept().await;
    // Alert: fatal, protocol_version.
    peer.bytes(&[0x15, 3, 1, 0, 2, 2, 70]).await;
    let why = session.reconnects().await;
    assert!(why.cause.contains("before 1.2"), "{why}");
}

#[tokio::test]
async fn a_port_that_closes_in_the_handshake_is_unreachable() {
    let authority = Authority::new("home");
    let broker = Broker::plain().await;
    let tls = trusting(&authority, None);
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    broker.accept().await.close().await;
    let why = session.reconnects().await;
    assert_eq!(why.exit, Exit::Unreachable);
    assert!(
        why.cause.contains("closed") || why.cause.contains("reset"),
        "{why}"
    );
    assert!(why.remedy.contains("one without TLS"), "{why}");
}

#[tokio::test]
async fn insecure_trusts_anyone_and_only_when_the_plan_says_so() {
    let server = Authority::new("Somebody Else").server("other.example");
    let broker = Broker::secure(open(&server)).await;
    let mut tls = trusting(&Authority::new("home"), None);
    tls.insecure_skip_verify = true;
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    let (_peer, _) = broker.session(false).await;
    session.connected().await;
}

#[tokio::test]
async fn keys_of_every_usual_form_are_understood() {
    let authority = Authority::new("home");
    for pair in [authority.client_rsa("deck"), authority.client("deck")] {
        for key in [pair.key.clone(), pair.inner_key()] {
            let server = mutual(&authority.server("localhost"), &authority);
            let broker = Broker::secure(server).await;
            let pair = Pair {
                key,
                ..pair.clone()
            };
            let tls = trusting(&authority, Some(&pair));
            let plan = plan(broker.port(), Some(tls), &[]);
            let mut session = Session::start(&Script::always(plan));
            let (_peer, _) = broker.session(false).await;
            session.connected().await;
        }
    }
}

#[tokio::test]
async fn the_name_asked_for_by_alpn_is_agreed_or_explained() {
    let authority = Authority::new("home");
    let mut server = mutual(&authority.server("localhost"), &authority);
    server.alpn_protocols = vec![b"x-amzn-mqtt-ca".to_vec()];
    let broker = Broker::secure(server).await;
    let mut tls = trusting(&authority, Some(&authority.client("deck")));
    tls.alpn = vec!["x-amzn-mqtt-ca".to_owned()];
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls.clone()), &[])));
    let (_peer, _) = broker.session(false).await;
    session.connected().await;

    tls.alpn = vec!["mqtt".to_owned()];
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    broker.accept_in_vain().await;
    let why = session.reconnects().await;
    assert!(why.cause.contains("ALPN"), "{why}");
}

#[tokio::test]
async fn without_any_trusted_root_nothing_is_tried() {
    let mut session = Session::start(&Script::always(plan(1, Some(TlsPlan::default()), &[])));
    let problem = session.refused().await;
    assert!(
        problem.cause.contains("no trusted root certificates"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_missing_intermediate_certificate_is_the_servers_to_send() {
    let root = Authority::new("home");
    let between = root.below("between");
    let mut pair = between.server("localhost");
    let problem = refused_by(open(&pair), trusting(&root, None)).await;
    assert!(problem.cause.contains("signed by CN=between"), "{problem}");
    assert!(
        problem
            .remedy
            .contains("send its intermediate certificates"),
        "{problem}"
    );

    pair.certificate.push_str(&between.pem());
    let broker = Broker::secure(open(&pair)).await;
    let tls = trusting(&root, None);
    let mut session = Session::start(&Script::always(plan(broker.port(), Some(tls), &[])));
    let (_peer, _) = broker.session(false).await;
    session.connected().await;
}

#[tokio::test]
async fn a_file_that_is_no_key_and_a_file_that_is_no_certificate_are_told_what_they_are() {
    let authority = Authority::new("home");
    let right = authority.client("deck");
    let label = |label: &str| format!("-----BEGIN {label}-----\nMAAC\n-----END {label}-----\n");
    let cases = [
        (
            right.certificate.clone(),
            label("ENCRYPTED PRIVATE KEY"),
            "no passphrase",
        ),
        (
            right.certificate.clone(),
            right.certificate.clone(),
            "the wrong way round",
        ),
        (right.key.clone(), right.key.clone(), "the wrong way round"),
        (
            right.certificate.clone(),
            label("PUBLIC KEY"),
            "the private one is needed",
        ),
        (
            right.certificate.clone(),
            "0\u{fffd}\u{1}\0".to_owned(),
            "DER",
        ),
        (
            "0\u{fffd}\u{3}\0".to_owned(),
            right.key.clone(),
            "-inform der",
        ),
        (String::new(), right.key.clone(), "no PEM certificate"),
    ];
    for (certificate, key, words) in cases {
        let tls = trusting(&authority, Some(&Pair { certificate, key }));
        let mut session = Session::start(&Script::always(plan(1, Some(tls), &[])));
        let problem = session.refused().await;
        assert!(problem.cause.contains(words), "{words}: {problem}");
        assert_eq!(problem.exit, Exit::Usage);
    }
}
