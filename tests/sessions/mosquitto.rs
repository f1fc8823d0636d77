//! The link against the real mosquitto, in both versions (failure-modes.md F6, F10, F12).
//!
//! Skipped where mosquitto is not installed; with `THINGDECK_REQUIRE_TOOLS=1` that is a failure.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment and files of a process under test"
)]

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use thingdeck::base::secret::Secret;
use thingdeck::domain::message::{Properties, Qos, Will};
use thingdeck::domain::profile::Version;
use thingdeck::domain::subscription::RetainHandling;
use thingdeck::domain::topic::TopicFilter;
use thingdeck::platform::plan::{ConnectPlan, Endpoint, WebSocketPlan};
use thingdeck::session::end::EndClass;
use thingdeck::session::link::{LinkEvent, Order};

use super::broker::soon;
use super::certificates::{Authority, trusting};
use super::line::{Line, draft, wish};
use super::support::plan;

const BOTH: [Version; 2] = [Version::V311, Version::V5];
const LEVELS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

/// A running mosquitto with its own folder and port.
struct Mosquitto {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Debian keeps mosquitto where a user's `PATH` does not look.
fn search_path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

impl Mosquitto {
    /// `None`, said loudly, where mosquitto is missing and nobody insists on it.
    async fn start(more: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(folder, more).await
    }

    /// `FOLDER` in `more` stands for the folder.
    async fn start_in(folder: TempDir, more: &str) -> Option<Self> {
        std::fs::write(folder.path().join("policy"), POLICY).expect("written");
        let port = free_port();
        let path = folder.path().display();
        let more = more.replace("FOLDER", &path.to_string());
        // mosquitto 2.0.11 does not start with WebSocket listeners alone.
        let other = free_port();
        let config = format!(
            "set_tcp_nodelay true\nlistener {other} 127.0.0.1\nlistener {port} 127.0.0.1\n{more}\n"
        );
        if more.contains("password_file") {
            make_passwords(&folder);
        }
        let file = folder.path().join("mosquitto.conf");
        std::fs::write(&file, config).expect("written");
        let started = Command::new("mosquitto")
            .arg("-c")
            .arg(&file)
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            skip("tests against mosquitto need mosquitto");
            return None;
        };
        let mut broker = Self {
            child,
            port,
            _folder: folder,
        };
        assert!(broker.listens().await, "mosquitto ends at once: {more:?}");
        Some(broker)
    }

    /// Whether it takes connections before it ends.
    async fn listens(&mut self) -> bool {
        let listening = async {
            loop {
                if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                    .await
                    .is_ok()
                {
                    return true;
                }
                if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon("mosquitto listens", listening).await
    }

    fn plan(&self, version: Version, client_id: &str) -> ConnectPlan {
        let mut plan = plan(self.port, None, &[]);
        "127.0.0.1".clone_into(&mut plan.endpoints[0].host);
        client_id.clone_into(&mut plan.client_id);
        plan.version = version;
        plan.clean_session = true;
        plan
    }

    async fn connect(&self, version: Version, client_id: &str) -> Line {
        let mut line = Line::open(self.plan(version, client_id)).await;
        line.up().await;
        line
    }
}

/// Said loudly, and a failure where somebody insists on it.
fn skip(text: &str) {
    assert!(
        std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_none(),
        "{text}"
    );
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {text}");
}

/// What refuses filters: mosquitto's access lists let every SUBSCRIBE pass and deliver nothing.
fn policy_plugin() -> Option<String> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let folders = folders.filter_map(|folder| Some(folder.ok()?.path()));
    let found = folders
        .map(|folder| folder.join("mosquitto_dynamic_security.so"))
        .find(|plugin| plugin.exists());
    if found.is_none() {
        skip("tests against mosquitto's policy need mosquitto_dynamic_security.so");
    }
    found.map(|plugin| plugin.display().to_string())
}

/// Everybody may read and write below `open`, and nothing else.
const POLICY: &str = r#"{
    "defaultACLAccess": {
        "publishClientSend": false, "publishClientReceive": true,
        "subscribe": false, "unsubscribe": true
    },
    "roles": [{"rolename": "guest", "acls": [
        {"acltype": "subscribePattern", "topic": "open/#", "allow": true},
        {"acltype": "publishClientSend", "topic": "open/#", "allow": true}
    ]}],
    "groups": [{"groupname": "guests", "roles": [{"rolename": "guest"}], "clients": []}],
    "anonymousGroup": "guests",
    "clients": []
}"#;

/// `ann` with the password `right`.
fn make_passwords(folder: &TempDir) {
    let made = Command::new("mosquitto_passwd")
        .args(["-c", "-b"])
        .arg(folder.path().join("passwords"))
        .args(["ann", "right"])
        .env("PATH", search_path())
        .status();
    // Without the file mosquitto does not start, and that is said.
    drop(made);
}

/// Below what the system hands out to whoever wants any port: nobody takes it by chance before mosquitto does.
fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(10_000..32_000));
    ports
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("it goes on until there is one")
}

const OPEN: &str = "allow_anonymous true";

#[tokio::test]
async fn every_qos_goes_out_and_comes_back() {
    let Some(broker) = Mosquitto::start(OPEN).await else {
        return;
    };
    for version in BOTH {
        let mut line = broker.connect(version, "deck").await;
        let filters = vec![
            wish("q/#", Qos::ExactlyOnce),
            wish("other", Qos::AtLeastOnce),
        ];
        let granted = line.subscribe(filters).await;
        assert_eq!(granted, [Ok(Qos::ExactlyOnce), Ok(Qos::AtLeastOnce)]);
        for (packet, qos) in (1..).zip(LEVELS) {
            let topic = format!("q/{}", qos.number());
            let ticket = line.publish(draft(&topic, "hello", qos), packet);
            // The answer and the message come in any order.
            let (mut answered, mut came) = (false, false);
            while !(answered && came) {
                let event = soon("both", line.link.next()).await;
                match event {
                    LinkEvent::Published {
                        ticket: done,
                        result,
                    } => {
                        assert_eq!((done, result.is_ok()), (ticket, true));
                        answered = true;
                    }
                    LinkEvent::Message(arrival) => {
                        assert_eq!((arrival.topic, arrival.qos), (topic.clone(), qos));
                        came = true;
                    }
                    LinkEvent::Closed(end) => panic!("{end:?}"),
                    _ => {}
                }
            }
        }
        line.send(|ticket| Order::Unsubscribe {
            ticket,
            filter: TopicFilter::parse("q/#").unwrap(),
        });
        let gone =
            |event: &LinkEvent| matches!(event, LinkEvent::Unsubscribed { .. }).then_some(());
        line.until("UNSUBACK", gone).await;
        line.leave().await;
    }
}

#[tokio::test]
async fn a_kept_session_brings_a_hundred_messages_before_anything_is_subscribed() {
    let Some(broker) = Mosquitto::start(OPEN).await else {
        return;
    };
    for version in BOTH {
        let mut kept = broker.plan(version, &format!("kept-{}", version.word()));
        kept.clean_session = false;
        kept.session_expiry = Duration::from_mins(10);
        let mut line = Line::open(kept.clone()).await;
        assert!(!line.up().await.session_present);
        assert!(line.subscribe(vec![wish("n", Qos::AtLeastOnce)]).await[0].is_ok());
        line.leave().await;

        let mut other = broker.connect(version, "other").await;
        for number in 1..=100_u16 {
            other.publish(draft("n", number.to_string(), Qos::AtLeastOnce), number);
        }
        for _ in 1..=100 {
            assert!(other.published().await.1.is_ok());
        }
        other.leave().await;

        let mut line = Line::open(kept).await;
        assert!(line.up().await.session_present);
        for number in 1..=100 {
            assert_eq!(line.message().await.payload, number.to_string());
        }
        line.leave().await;
    }
}

#[tokio::test]
async fn large_retained_messages_come_or_are_skipped_and_the_connection_lives() {
    let Some(broker) = Mosquitto::start(OPEN).await else {
        return;
    };
    let mut writer = broker.connect(Version::V311, "writer").await;
    for (packet, (topic, bytes)) in (1..).zip([("a", 11 << 10), ("b", 1 << 20), ("c", 20 << 20)]) {
        let mut large = draft(
            &format!("large/{topic}"),
            vec![b'x'; bytes],
            Qos::AtLeastOnce,
        );
        large.retain = true;
        writer.publish(large, packet);
        assert!(writer.published().await.1.is_ok());
    }
    for version in BOTH {
        let mut line = broker.connect(version, "deck").await;
        line.send(|ticket| Order::Subscribe {
            ticket,
            filters: vec![wish("large/#", Qos::AtLeastOnce)],
        });
        let mut sizes = Vec::new();
        while sizes.len() < 3 {
            let size = line.until("a large message", |event| match event {
                LinkEvent::Message(arrival) => Some((arrival.retain, arrival.payload.len())),
                LinkEvent::Skipped { bytes, .. } => Some((false, usize::try_from(*bytes).unwrap())),
                _ => None,
            });
            sizes.push(size.await);
        }
        sizes.sort_unstable_by_key(|(_, size)| *size);
        assert_eq!(
            sizes,
            [(true, 11 << 10), (true, 1 << 20), (false, 20 << 20)]
        );
        writer.publish(draft("large/d", "small", Qos::AtMostOnce), 0);
        assert!(writer.published().await.1.is_ok());
        assert_eq!(line.message().await.payload, "small");
        line.leave().await;
    }
}

#[tokio::test]
async fn properties_and_options_of_mqtt_5_are_understood() {
    let Some(broker) = Mosquitto::start(OPEN).await else {
        return;
    };
    let mut line = broker.connect(Version::V5, "deck").await;
    let with = |filter: &str, id, no_local| {
        let mut wish = wish(filter, Qos::AtLeastOnce);
        wish.options.id = id;
        wish.options.no_local = no_local;
        wish.options.retain_as_published = true;
        wish.options.retain_handling = RetainHandling::Never;
        wish
    };
    let filters = vec![
        with("p/a", Some(7), false),
        with("p/b", None, true),
        with("p/c", Some(300), false),
    ];
    assert_eq!(line.subscribe(filters).await, vec![Ok(Qos::AtLeastOnce); 3]);
    let properties = Properties {
        utf8: Some(true),
        expiry: Some(1000),
        content_type: Some("text/plain".to_owned()),
        response_topic: Some("answers".to_owned()),
        correlation_data: Some(Bytes::from_static(b"\0\xff")),
        user: vec![
            ("k".to_owned(), "1".to_owned()),
            ("k".to_owned(), "2".to_owned()),
        ],
        subscription_ids: Vec::new(),
    };
    // No local: what goes to `p/b` does not come back.
    for (packet, topic) in (1..).zip(["p/b", "p/a", "p/c"]) {
        let mut draft = draft(topic, "x", Qos::AtLeastOnce);
        draft.properties = Some(Box::new(properties.clone()));
        line.publish(draft, packet);
    }
    for (topic, id) in [("p/a", 7), ("p/c", 300)] {
        let arrival = line.message().await;
        assert_eq!(arrival.topic, topic);
        let expected = Properties {
            subscription_ids: vec![id],
            ..properties.clone()
        };
        assert_eq!(arrival.properties.as_deref(), Some(&expected));
    }
    let ticket = line.publish(draft("nobody/listens", "x", Qos::AtLeastOnce), 9);
    let answer = line.until("PUBACK", |event| match event {
        LinkEvent::Published {
            ticket: done,
            result,
        } if *done == ticket => Some(result.clone()),
        _ => None,
    });
    let note = answer.await.unwrap().note;
    assert_eq!(note.as_deref(), Some("nobody is subscribed to it"));
    line.leave().await;
}

#[tokio::test]
async fn an_empty_client_id_is_given_one_and_the_brokers_limits_are_told() {
    let more =
        "allow_anonymous true\nmax_packet_size 5000\nmax_keepalive 20\nretain_available false";
    let Some(broker) = Mosquitto::start(more).await else {
        return;
    };
    let mut line = Line::open(broker.plan(Version::V5, "")).await;
    let accepted = line.up().await;
    assert!(accepted.client_id.is_some_and(|id| !id.is_empty()));
    assert_eq!(accepted.keep_alive, Some(Duration::from_secs(20)));
    assert_eq!(accepted.max_packet, Some(5000));
    assert!(accepted.no_retain);
    assert!(!accepted.no_wildcards && !accepted.no_shared && !accepted.no_subscription_ids);
    line.leave().await;
}

#[tokio::test]
async fn of_two_clients_with_one_id_the_first_is_closed_by_the_broker() {
    let Some(broker) = Mosquitto::start(OPEN).await else {
        return;
    };
    for version in BOTH {
        let mut first = broker.connect(version, "same").await;
        let second = broker.connect(version, "same").await;
        // mosquitto 2.0.11 closes without a word in MQTT 5 as well; others say 142.
        let class = first.closed().await.class;
        let known = match version {
            Version::V311 => class == EndClass::HungUp,
            Version::V5 => matches!(class, EndClass::HungUp | EndClass::TakenOver),
        };
        assert!(known, "{:?}", first.past);
        second.leave().await;
    }
}

#[tokio::test]
async fn the_last_will_is_published_when_the_connection_breaks_and_not_when_it_ends() {
    let Some(broker) = Mosquitto::start(OPEN).await else {
        return;
    };
    for version in BOTH {
        let mut watcher = broker.connect(version, "watcher").await;
        assert!(
            watcher
                .subscribe(vec![wish("will/+", Qos::AtLeastOnce)])
                .await[0]
                .is_ok()
        );
        for (name, breaks) in [("ends", false), ("breaks", true)] {
            let mut plan = broker.plan(version, name);
            let mut will = draft(&format!("will/{name}"), "gone", Qos::AtLeastOnce);
            if version == Version::V5 {
                will.properties = Some(Box::new(Properties {
                    content_type: Some("text/plain".to_owned()),
                    ..Properties::default()
                }));
            }
            plan.will = Some(Will {
                draft: will,
                delay: 0,
            });
            let mut line = Line::open(plan).await;
            line.up().await;
            if breaks {
                drop(line);
            } else {
                line.leave().await;
            }
        }
        let arrival = watcher.message().await;
        assert_eq!(arrival.topic, "will/breaks");
        let content_type = arrival.properties.and_then(|extra| extra.content_type);
        assert_eq!(content_type.is_some(), version == Version::V5);
        watcher.leave().await;
    }
}

#[tokio::test]
async fn a_password_lets_in_and_a_wrong_one_is_refused_in_words() {
    let more = "allow_anonymous false\npassword_file FOLDER/passwords";
    let Some(broker) = Mosquitto::start(more).await else {
        return;
    };
    for version in BOTH {
        let mut plan = broker.plan(version, "deck");
        plan.username = Some("ann".to_owned());
        for (password, right) in [("right", true), ("wrong", false)] {
            plan.password = Some(Secret::new(password));
            let mut line = Line::open(plan.clone()).await;
            if right {
                line.up().await;
                line.leave().await;
            } else {
                let end = line.closed().await;
                assert_eq!(end.class, EndClass::Refused);
                let cause = end.problem.cause;
                assert!(cause.contains("is not authorized"), "{cause}");
            }
        }
    }
}

#[tokio::test]
async fn what_the_policy_forbids_is_refused_in_words_and_the_rest_goes_on() {
    let Some(plugin) = policy_plugin() else {
        return;
    };
    let more =
        format!("allow_anonymous true\nplugin {plugin}\nplugin_opt_config_file FOLDER/policy");
    let Some(broker) = Mosquitto::start(&more).await else {
        return;
    };
    for version in BOTH {
        let mut line = broker.connect(version, "deck").await;
        let filters = vec![
            wish("open/#", Qos::AtLeastOnce),
            wish("closed", Qos::AtLeastOnce),
        ];
        let codes = line.subscribe(filters).await;
        let refused = match version {
            Version::V311 => "the broker refused this filter (code 128)",
            Version::V5 => "the broker refused this filter: not authorized (code 135)",
        };
        assert_eq!(codes, [Ok(Qos::AtLeastOnce), Err(refused.to_owned())]);
        for (packet, qos) in [(1, Qos::AtLeastOnce), (2, Qos::ExactlyOnce)] {
            line.publish(draft("closed", "x", qos), packet);
            let result = line.published().await.1;
            match (version, result) {
                // MQTT 3.1.1 has no way to say it.
                (Version::V311, result) => assert!(result.is_ok(), "{result:?}"),
                (Version::V5, result) => {
                    let cause = result.unwrap_err().cause;
                    assert_eq!(cause, "the broker refused it: not authorized (code 135)");
                }
            }
        }
        line.publish(draft("open/door", "x", Qos::AtMostOnce), 0);
        assert_eq!(line.message().await.topic, "open/door");
        line.leave().await;
    }
}

/// The ways to a broker: TLS or not, a client's certificate or not, WebSocket or not.
const WAYS: [(bool, bool, bool); 5] = [
    (true, false, false),
    (true, true, false),
    (false, false, true),
    (true, false, true),
    (true, true, true),
];

/// A mosquitto with one listener of that kind, and what a plan needs to reach it.
async fn listener(
    authority: &Authority,
    (tls, mutual, web_socket): (bool, bool, bool),
) -> Option<(Mosquitto, Endpoint)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut more = OPEN.to_owned();
    if web_socket {
        more.push_str("\nprotocol websockets");
    }
    if tls {
        let server = authority.server("localhost");
        for (name, text) in [
            ("ca", authority.pem()),
            ("certificate", server.certificate),
            ("key", server.key),
        ] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        more.push_str("\ncafile FOLDER/ca\ncertfile FOLDER/certificate\nkeyfile FOLDER/key");
        more.push_str(&format!("\nrequire_certificate {mutual}"));
    }
    let broker = Mosquitto::start_in(folder, &more).await?;
    let identity = mutual.then(|| authority.client("deck"));
    let tls = tls.then(|| trusting(authority, identity.as_ref()));
    let mut endpoint = Endpoint::tcp("localhost".to_owned(), broker.port, tls);
    endpoint.web_socket = web_socket.then(|| WebSocketPlan {
        target: Secret::new("/mqtt"),
        headers: Vec::new(),
    });
    Some((broker, endpoint))
}

#[tokio::test]
async fn every_way_to_a_broker_carries_small_and_large_messages_both_ways() {
    let authority = Authority::new("home");
    for way in WAYS {
        let Some((broker, endpoint)) = listener(&authority, way).await else {
            return;
        };
        for version in BOTH {
            let mut plan = broker.plan(version, "deck");
            plan.endpoints = vec![endpoint.clone()];
            // Into a WebSocket mosquitto 2.0.11 writes 4 KiB every 100 ms.
            let sizes = match way {
                (_, _, true) => [0, 1, 5000, 15_000, 20_000, 7],
                _ => [0, 1, 70_000, 1 << 20, 3 << 20, 7],
            };
            plan.limits.max_packet = sizes[4] - 1;
            let mut line = Line::open(plan).await;
            line.up().await;
            let granted = line.subscribe(vec![wish("w", Qos::AtLeastOnce)]).await;
            assert_eq!(granted, [Ok(Qos::AtLeastOnce)], "{way:?}");
            for (packet, size) in (1..).zip(sizes) {
                line.publish(draft("w", vec![b'x'; size], Qos::AtLeastOnce), packet);
            }
            let (mut came, mut answered) = (Vec::new(), 0);
            while came.len() < sizes.len() || answered < sizes.len() {
                let what =
                    format!("{way:?} {version:?}: more after {came:?} and {answered} answers");
                match soon(&what, line.link.next()).await {
                    LinkEvent::Message(arrival) => came.push(arrival.payload.len()),
                    LinkEvent::Skipped { bytes, .. } => {
                        came.push(usize::try_from(bytes).unwrap());
                    }
                    LinkEvent::Published { result, .. } => answered += usize::from(result.is_ok()),
                    LinkEvent::Closed(end) => panic!("{way:?} {version:?}: {}", end.problem),
                    _ => {}
                }
            }
            assert_eq!(came, sizes, "{way:?}");
            line.leave().await;
        }
    }
}

#[tokio::test]
async fn a_missing_client_certificate_is_said_so() {
    let authority = Authority::new("home");
    let Some((broker, mut endpoint)) = listener(&authority, (true, true, false)).await else {
        return;
    };
    endpoint.tls = Some(trusting(&authority, None));
    let mut plan = broker.plan(Version::V5, "deck");
    plan.endpoints = vec![endpoint];
    let end = match Line::try_open(plan, false).await {
        Ok(mut line) => line.closed().await,
        Err(end) => end,
    };
    assert_eq!(end.class, EndClass::Refused, "{}", end.problem);
    assert!(
        end.problem.cause.contains("client certificate"),
        "{}",
        end.problem
    );
}
