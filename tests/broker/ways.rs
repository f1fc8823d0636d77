//! Every way to a broker, in both versions of the protocol: there and back.

use thingdeck::base::problem::Exit;
use thingdeck::domain::message::Qos;

use crate::bench::{Bench, PASSWORD, USER};
use crate::client::{draft, text};

const VERSIONS: [&str; 2] = ["3.1.1", "5"];

/// Connects as `keys` say, hears a message of mosquitto's own client, and is heard by it.
async fn there_and_back(bench: &Bench, name: &str, keys: &str) {
    for version in VERSIONS {
        let keys = format!("version = \"{version}\"\ntopics = [\"open/down\"]\n{keys}");
        let mut client = bench.open(&format!("{name}-{version}"), &keys);
        assert!(
            !client.connected().await,
            "{name} {version}: no session was there"
        );
        assert_eq!(
            client.granted("open/down").await,
            Ok(Qos::AtLeastOnce),
            "{name} {version}"
        );
        bench.publish(&["-t", "open/down", "-m", "거실 21.5", "-q", "1"]);
        let message = client.message().await;
        assert_eq!(
            (text(&message).as_str(), message.qos),
            ("거실 21.5", Qos::AtLeastOnce)
        );

        let listener = bench.listen(&["-t", "open/up", "-C", "3", "-q", "2", "-F", "%q %p"]);
        for (qos, payload) in [
            (Qos::AtMostOnce, "none"),
            (Qos::AtLeastOnce, "once"),
            (Qos::ExactlyOnce, "exactly"),
        ] {
            let sent = client.publish(draft("open/up", payload, qos)).await;
            assert!(sent.is_ok(), "{name} {version}: {sent:?}");
        }
        assert_eq!(listener.lines(), ["0 none", "1 once", "2 exactly"]);
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_plain_tcp() {
    let Some(bench) = Bench::start() else { return };
    let url = format!("url = \"mqtt://127.0.0.1:{}\"", bench.ports.plain);
    there_and_back(&bench, "plain", &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_user_name_and_a_password() {
    let Some(bench) = Bench::start() else { return };
    let port = bench.ports.login;
    let login = format!("username = \"{USER}\"\npassword = {{ env = \"LAB_PW\" }}");
    there_and_back(
        &bench,
        "login",
        &format!("url = \"mqtt://127.0.0.1:{port}\"\n{login}"),
    )
    .await;
    assert!(!bench.log().join("\n").contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_an_authority_of_ones_own() {
    let Some(bench) = Bench::start() else { return };
    let url = format!(
        "url = \"mqtts://localhost:{}\"\nca_file = \"ca.pem\"",
        bench.ports.tls
    );
    there_and_back(&bench, "tls", &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mutual_tls() {
    let Some(bench) = Bench::start() else { return };
    let identity = "cert_file = \"client.pem\"\nkey_file = \"client.key\"";
    let port = bench.ports.mutual;
    let url = format!("url = \"mqtts://localhost:{port}\"\nca_file = \"ca.pem\"\n{identity}");
    there_and_back(&bench, "mutual", &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_web_sockets_with_and_without_tls() {
    let Some(bench) = Bench::start() else { return };
    let url = format!("url = \"ws://127.0.0.1:{}/mqtt\"", bench.ports.ws);
    there_and_back(&bench, "ws", &url).await;
    let url = format!(
        "url = \"wss://localhost:{}/mqtt\"\nca_file = \"ca.pem\"",
        bench.ports.wss
    );
    there_and_back(&bench, "wss", &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_and_explained() {
    let Some(bench) = Bench::start() else { return };
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let keys = format!(
            "url = \"mqtt://127.0.0.1:{}\"\nversion = \"{version}\"\nclient_id = \"wrong\"\nusername = \"{USER}\"\npassword = \"c4nary\"",
            bench.ports.login
        );
        let mut client = bench.open(&format!("wrong-{version}"), &keys);
        let problem = client.refused().await;
        assert_eq!(problem.exit, Exit::Refused, "{version}: {problem}");
        let words = problem.to_string();
        assert!(
            words.contains("password") || words.contains("authorized"),
            "{version}: {words}"
        );
        assert!(!words.contains("c4nary"));
        client.close().await;
        bench.logged("<unknown> disconnected, not authorised");
        assert_eq!(
            bench.count("<unknown> disconnected, not authorised"),
            index + 1,
            "{:?}",
            bench.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tls_refuses_is_said_in_its_own_words() {
    let Some(bench) = Bench::start() else { return };
    let cases = [
        (
            "ca",
            format!("url = \"mqtts://localhost:{}\"", bench.ports.tls),
            "the test's own authority",
        ),
        (
            "name",
            format!(
                "url = \"mqtts://127.0.0.1:{}\"\nca_file = \"ca.pem\"",
                bench.ports.tls
            ),
            "is for localhost, not for 127.0.0.1",
        ),
        (
            "client",
            format!(
                "url = \"mqtts://localhost:{}\"\nca_file = \"ca.pem\"",
                bench.ports.mutual
            ),
            "wants a client certificate",
        ),
    ];
    for (name, keys, words) in cases {
        let mut client = bench.open(name, &keys);
        let problem = client.refused().await;
        assert!(problem.cause.contains(words), "{name}: {problem}");
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_the_rules_forbid_is_refused_and_the_others_live() {
    let Some(bench) = Bench::start() else { return };
    for version in VERSIONS {
        let keys = format!(
            "url = \"mqtt://127.0.0.1:{}\"\nversion = \"{version}\"\nusername = \"{USER}\"\npassword = {{ env = \"LAB_PW\" }}\ntopics = [\"open/#\"]",
            bench.ports.login
        );
        let mut client = bench.open(&format!("rules-{version}"), &keys);
        client.connected().await;
        assert_eq!(client.granted("open/#").await, Ok(Qos::AtLeastOnce));
        // mosquitto grants any filter and keeps the messages back; what it refuses in words is a publish.
        let sent = client
            .publish(draft("closed/x", "1", Qos::AtLeastOnce))
            .await;
        match version {
            "5" => {
                let problem = sent.expect_err("refused");
                assert_eq!(problem.exit, Exit::Refused, "{problem}");
                assert!(problem.to_string().contains("authorized"), "{problem}");
            }
            // 3.1.1 has no word for it: the broker acknowledges and drops.
            _ => assert!(sent.is_ok(), "{sent:?}"),
        }
        assert!(
            client
                .publish(draft("open/x", "1", Qos::AtLeastOnce))
                .await
                .is_ok()
        );
        assert_eq!(client.message().await.topic.as_str(), "open/x");
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_id_is_sent_byte_for_byte() {
    let Some(bench) = Bench::start() else { return };
    let client = bench.plain("id", "client_id = \"덱 one/two +\"").await;
    bench.logged("as 덱 one/two +");
    client.close().await;
}
