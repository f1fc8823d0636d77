//! What a profile of any broker may say, and what it is told when it is wrong.

use super::super::edit::save_profile;
use super::writing::{folders, text_of};
use super::*;
use crate::domain::message::{Draft, Properties, Will};
use crate::domain::profile::{MqttSettings, Proxy, ProxyKind, ProxyRef, Version};
use crate::domain::subscription::{FilterOptions, RetainHandling};
use crate::domain::topic::Topic;

const LAB: &str = r#"
[profiles.lab]
platform = "mqtt"
url      = "wss://broker.example:9443/ws"
version  = "5"
username = "u"
password = { env = "LAB_PW" }
client_id = "데크 /#+1"
session_expiry = "1h30m"
alpn     = ["mqtt", "x"]
max_packet = "1 MiB"
ca_file  = "ca.pem"
system_roots = false
cert_file = "me.pem"
key_file = "/keys/me.key"
clean_session = false
keep_alive = 0
proxy    = "socks5://p:1"
will     = { topic = "gone", payload = "x", qos = 1, retain = true, delay = 5, content_type = "text/plain", response_topic = "r", correlation_data = "c", expiry = 60, user = [["k", "v"], ["k", "w"]] }
topics   = ["a/#", { filter = "b", qos = 2, no_local = true, retain_as_published = true, retain_handling = "new", id = 7 }]
"#;

#[test]
fn everything_that_a_broker_may_need_is_read() {
    let config = parse(LAB).expect("a config");
    assert_eq!(config.warnings, []);
    let settings = MqttSettings {
        url: "wss://broker.example:9443/ws".to_owned(),
        version: Version::V5,
        username: Some("u".to_owned()),
        password: Some(SecretRef::Env("LAB_PW".to_owned())),
        client_id: Some("데크 /#+1".to_owned()),
        session_expiry: Some(5400),
        alpn: vec!["mqtt".to_owned(), "x".to_owned()],
        max_packet: Some(1 << 20),
    };
    assert_eq!(config.profiles[0].settings, Settings::Mqtt(settings));
    let pair = |value: &str| ("k".to_owned(), value.to_owned());
    let properties = Properties {
        expiry: Some(60),
        content_type: Some("text/plain".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some("c".into()),
        user: vec![pair("v"), pair("w")],
        ..Properties::default()
    };
    let filter = |text| TopicFilter::parse(text).expect("a filter");
    let common = Common {
        ca_file: Some("/etc/deck/ca.pem".into()),
        ca_file_only: true,
        topics: vec![
            FilterWish::new(filter("a/#"), Qos::AtLeastOnce),
            FilterWish {
                filter: filter("b"),
                qos: Qos::ExactlyOnce,
                options: FilterOptions {
                    no_local: true,
                    retain_as_published: true,
                    retain_handling: RetainHandling::SendIfNew,
                    id: Some(7),
                },
            },
        ],
        keep_alive: Some(0),
        insecure_skip_verify: false,
        cert_file: Some("/etc/deck/me.pem".into()),
        key_file: Some("/keys/me.key".into()),
        will: Some(Will {
            draft: Draft {
                topic: Topic::parse("gone").expect("a topic"),
                payload: "x".into(),
                qos: Qos::AtLeastOnce,
                retain: true,
                properties: Some(Box::new(properties)),
            },
            delay: 5,
        }),
        clean_session: Some(false),
        proxy: Some(ProxyRef::Here(Proxy {
            kind: ProxyKind::Socks5,
            host: "p".to_owned(),
            port: 1,
            login: None,
        })),
        ..Common::default()
    };
    assert_eq!(config.profiles[0].common, common);
}

fn lab(lines: &str) -> String {
    format!("[profiles.lab]\nplatform = \"mqtt\"\nurl = \"mqtts://h\"\n{lines}")
}

#[test]
fn a_url_is_enough() {
    let config = parse(&lab("")).expect("a config");
    let settings = MqttSettings::new("mqtts://h".to_owned());
    assert_eq!(config.profiles[0].settings, Settings::Mqtt(settings));
    assert_eq!(config.profiles[0].common, Common::default());
    assert_eq!(config.warnings, []);
}

#[test]
fn a_mistake_names_its_key_and_what_to_do() {
    let cases = [
        ("urll = \"x\"", "`profiles.lab.urll`", "did you mean `url`?"),
        (
            "user_name = \"x\"",
            "`profiles.lab.user_name`",
            "did you mean `username`?",
        ),
        (
            "country = \"KR\"",
            "`profiles.lab.country`",
            "the keys here are",
        ),
        ("version = \"4\"", "`profiles.lab.version`", "\"3.1.1\""),
        (
            "username = \"a\\u0000\"",
            "`profiles.lab.username`",
            "correct",
        ),
        ("client_id = 7", "`profiles.lab.client_id`", "correct"),
        (
            "password = { evn = \"X\" }",
            "`profiles.lab.password.evn`",
            "did you mean `env`?",
        ),
        ("password = 7", "`profiles.lab.password`", "LAB_PW"),
        (
            "session_expiry = 5",
            "`profiles.lab.session_expiry`",
            "version = \"5\"",
        ),
        (
            "max_packet = \"10 B\"",
            "`profiles.lab.max_packet`",
            "1 KiB",
        ),
        (
            "max_packet = \"much\"",
            "`profiles.lab.max_packet`",
            "16 MiB",
        ),
        ("alpn = [\"\"]", "`profiles.lab.alpn`", "alpn = "),
        (
            "keep_alive = 65536",
            "`profiles.lab.keep_alive`",
            "from 0 to 65535",
        ),
        (
            "cert_file = \"c\"",
            "`profiles.lab.cert_file`",
            "name key_file too",
        ),
        (
            "key_file = \"k\"",
            "`profiles.lab.key_file`",
            "name cert_file too",
        ),
        (
            "system_roots = false",
            "`profiles.lab.system_roots`",
            "name a ca_file",
        ),
        (
            "clean_session = false",
            "`profiles.lab.clean_session`",
            "client_id",
        ),
        (
            "proxy = \"ftp://p\"",
            "`profiles.lab.proxy`",
            "http://HOST:PORT",
        ),
        ("proxy = 7", "`profiles.lab.proxy`", "http://HOST:PORT"),
        (
            "will = { payload = \"x\" }",
            "`profiles.lab.will.topic`",
            "{ topic = ",
        ),
        (
            "will = { topic = \"a/#\" }",
            "`profiles.lab.will.topic`",
            "{ topic = ",
        ),
        (
            "will = { topic = \"a\", qso = 1 }",
            "`profiles.lab.will.qso`",
            "did you mean `qos`?",
        ),
        (
            "will = { topic = \"a\", delay = 1 }",
            "`profiles.lab.will.delay`",
            "version = \"5\"",
        ),
        (
            "topics = [{ filter = \"a\", id = 0 }]",
            "`profiles.lab.topics[0].id`",
            "from 1",
        ),
        (
            "topics = [{ filter = \"a\", retain_handling = \"x\" }]",
            "`profiles.lab.topics[0].retain_handling`",
            "\"never\"",
        ),
        (
            "topics = [{ filter = \"$share/g/a\", no_local = true }]",
            "`profiles.lab.topics[0].no_local`",
            "3.8.3.1",
        ),
    ];
    for (line, place, remedy) in cases {
        let problem = parse(&lab(line)).expect_err(line);
        assert!(
            problem.what.ends_with(&format!("line 4: {place}")),
            "{line}: {problem}"
        );
        assert!(problem.remedy.contains(remedy), "{line}: {problem}");
        assert_eq!(problem.exit, Exit::Usage);
    }
    for key in ["cert_file = \"x\"", "will = 1", "clean_session = true"] {
        let problem = parse(&thinq(key)).expect_err(key);
        assert!(problem.cause.contains("ThinQ settles this"), "{problem}");
    }
}

#[test]
fn a_kept_session_needs_a_client_id_to_come_back_by() {
    let with = |lines: &str| parse(&lab(&format!("version = \"5\"\n{lines}")));
    assert!(with("session_expiry = \"never\"").is_err());
    assert!(with("session_expiry = 60\nclient_id = \"\"").is_err());
    assert!(with("session_expiry = 60\nclient_id = \"x\"").is_ok());
    assert!(with("session_expiry = 0").is_ok());
    assert!(with("session_expiry = 60\nclean_session = true").is_ok());
}

#[test]
fn a_login_in_the_url_is_an_error_and_a_secret_in_clear_a_warning() {
    let in_url = LAB.replace("wss://broker", "wss://u:c4nary@broker");
    let problem = parse(&in_url).expect_err("a login");
    assert!(problem.remedy.contains("username"), "{problem}");
    assert!(!format!("{problem:?}").contains("c4nary"), "{problem:?}");
    for line in ["password = \"c4nary\"", "proxy = \"http://u:c4nary@p:1\""] {
        let config = parse(&lab(line)).expect(line);
        assert_eq!(config.warnings.len(), 1, "{line}");
        let warning = &config.warnings[0];
        assert!(warning.cause.contains("in clear"), "{warning}");
        assert!(!format!("{config:?}").contains("c4nary"), "{config:?}");
    }
    let placed = parse(&lab("proxy = { env = \"PROXY\" }")).expect("a config");
    assert_eq!(placed.warnings, []);
    assert_eq!(
        placed.profiles[0].common.proxy,
        Some(ProxyRef::At(SecretRef::Env("PROXY".to_owned())))
    );
    assert!(parse(&thinq("proxy = \"http://p:3128\"")).is_ok());
}

#[test]
fn what_has_no_effect_is_said() {
    let plain = lab("ca_file = \"x\"").replace("mqtts", "mqtt");
    let said = |text: &str| parse(text).expect("a config").warnings;
    assert!(
        said(&plain)[0].cause.contains("without TLS"),
        "{:?}",
        said(&plain)
    );
    let old = lab("topics = [{ filter = \"a\", no_local = true }]");
    assert!(said(&old)[0].cause.contains("3.1.1"), "{:?}", said(&old));
}

#[test]
fn a_new_broker_is_written_with_its_password_in_a_file_of_its_own() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = folders(root.path());
    let filter = TopicFilter::parse("a/#").expect("a filter");
    let entry = |url: &str| NewEntry {
        profile: Profile {
            name: "lab".to_owned(),
            settings: Settings::Mqtt(MqttSettings {
                version: Version::V5,
                username: Some("me".to_owned()),
                password: Some(SecretRef::Plain(Secret::new("c4nary"))),
                ..MqttSettings::new(url.to_owned())
            }),
            common: Common {
                topics: vec![FilterWish::new(filter.clone(), Qos::AtLeastOnce)],
                ..Common::default()
            },
            simulated: false,
        },
        make_default: false,
        replace: false,
    };
    for wrong in ["mqtt://me:c4nary@h", "mqtt://me@h", "http://h", ""] {
        let problem = save_profile(&folders, &entry(wrong)).expect_err(wrong);
        assert_eq!(problem.exit, Exit::Usage);
        assert!(!format!("{problem:?}").contains("c4nary"), "{problem:?}");
    }
    let said = save_profile(&folders, &entry("mqtt://h")).expect("saved");
    let kept = folders.identity("lab");
    let path = kept.path(PASSWORD_FILE);
    assert!(said.contains("its password in"), "{said}");
    let text = text_of(&folders);
    let expected = format!(
        "[profiles.lab]\nplatform = \"mqtt\"\nurl = \"mqtt://h\"\nversion = \"5\"\nusername = \"me\"\npassword = {{ file = \"{}\" }}\ntopics = [\"a/#\"]\n",
        path.display()
    );
    assert!(text.ends_with(&expected), "{text}");
    assert_eq!(
        kept.load(PASSWORD_FILE).expect("kept").content,
        Some(Secret::new("c4nary"))
    );
    let config = Config::load(&folders.config_file).expect("a config");
    assert_eq!(config.warnings, []);
    assert_eq!(config.default_profile.as_deref(), Some("lab"));
}
