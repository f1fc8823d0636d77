//! What a profile of AWS IoT Core may say, and what it is told when it is wrong.

use super::*;
use crate::domain::profile::{AwsAuth, AwsCredentials, AwsSettings, Version};

/// `interface.md`, section 3.
const FACTORY: &str = r#"
[profiles.factory]
platform  = "aws"
endpoint  = "https://xxxx-ats.iot.ap-northeast-2.amazonaws.com:8883/mqtt"
auth      = "mtls"
client_id = "RPI"
cert_file = "device.pem.crt"
key_file  = "/keys/private.pem.key"
region    = "ap-northeast-2"
credentials = { profile = "default" }
api_url   = "https://127.0.0.1:8444"
things    = ["RPI"]
topics    = ["my/things/RPI/update"]
will      = { topic = "my/things/RPI/update", payload = "{}", qos = 1 }
clean_session = false
keep_alive = 30
proxy     = "http://host:3128"
"#;

#[test]
fn everything_that_aws_may_need_is_read() {
    let config = parse(FACTORY).expect("a config");
    assert_eq!(config.warnings, []);
    let profile = &config.profiles[0];
    let settings = AwsSettings {
        auth: AwsAuth::Mtls,
        client_id: Some("RPI".to_owned()),
        region: Some("ap-northeast-2".to_owned()),
        credentials: AwsCredentials::Profile("default".to_owned()),
        api_url: Some("https://127.0.0.1:8444".to_owned()),
        things: vec!["RPI".to_owned()],
        version: Version::V311,
        ..AwsSettings::new("xxxx-ats.iot.ap-northeast-2.amazonaws.com:8883".to_owned())
    };
    assert_eq!(profile.settings, Settings::Aws(settings));
    let common = &profile.common;
    assert_eq!(common.cert_file, Some("/etc/deck/device.pem.crt".into()));
    assert_eq!(common.key_file, Some("/keys/private.pem.key".into()));
    assert_eq!(
        (common.clean_session, common.keep_alive),
        (Some(false), Some(30))
    );
    assert_eq!(common.topics.len(), 1);
    assert!(common.will.is_some() && common.proxy.is_some());
}

fn with(lines: &str) -> String {
    format!(
        "[profiles.x]\nplatform = \"aws\"\nendpoint = \"a-ats.iot.eu-west-1.amazonaws.com\"\n{lines}"
    )
}

#[test]
fn what_is_wrong_is_named_with_its_key_and_what_to_write() {
    let files = "cert_file = \"c\"\nkey_file = \"k\"\n";
    let sigv4 = "auth = \"sigv4\"\n";
    let cases = [
        (
            String::new(),
            "profiles.x.cert_file",
            "signs in with a certificate",
        ),
        (
            "cert_file = \"c\"".to_owned(),
            "profiles.x.cert_file",
            "without key_file",
        ),
        (
            format!("{files}endpont = \"x\""),
            "profiles.x.endpont",
            "did you mean `endpoint`?",
        ),
        ("auth = \"iam\"".to_owned(), "profiles.x.auth", "sigv4"),
        (
            format!("{files}keep_alive = 20"),
            "profiles.x.keep_alive",
            "from 30 to 1200",
        ),
        (
            format!("{files}client_id = \"$x\""),
            "profiles.x.client_id",
            "begins with $",
        ),
        (
            format!("{files}clean_session = false"),
            "profiles.x.clean_session",
            "client_id",
        ),
        (
            format!("{files}topics = [\"$SYS/#\"]"),
            "profiles.x.topics",
            "no $SYS topics",
        ),
        (
            format!("{files}topics = [{{ filter = \"a\", qos = 2 }}]"),
            "profiles.x.topics",
            "no QoS 2",
        ),
        (
            format!("{files}will = {{ topic = \"a\", qos = 2 }}"),
            "profiles.x.will",
            "no QoS 2",
        ),
        (
            format!("{files}authorizer = {{ name = \"a\" }}"),
            "profiles.x.authorizer",
            "custom",
        ),
        (
            format!("{sigv4}credentials = {{ access_key_id = \"AKIA\" }}"),
            "profiles.x.credentials",
            "both halves",
        ),
        (
            format!("{sigv4}credentials = {{ profil = \"a\" }}"),
            "profiles.x.credentials.profil",
            "did you mean `profile`?",
        ),
        (
            format!("{sigv4}region = \"EU\""),
            "profiles.x.region",
            "is no region",
        ),
        (
            format!("{sigv4}version = \"3.1\""),
            "profiles.x.version",
            "3.1.1",
        ),
    ];
    for (lines, key, expected) in cases {
        let problem = parse(&with(&lines)).expect_err(&lines).to_string();
        assert!(
            problem.contains(key) && problem.contains(expected),
            "{lines}: {problem}"
        );
    }
}

#[test]
fn a_custom_domain_must_say_its_region_where_access_keys_sign_in() {
    let text =
        "[profiles.x]\nplatform = \"aws\"\nauth = \"sigv4\"\nendpoint = \"iot.example.com\"\n";
    let problem = parse(text).expect_err("no region").to_string();
    assert!(problem.contains("profiles.x.region"), "{problem}");
    assert!(parse(&format!("{text}region = \"eu-west-1\"\n")).is_ok());
}

#[test]
fn the_old_endpoint_and_a_secret_in_clear_are_warned_about_and_a_key_id_is_not() {
    let text = "[profiles.x]\nplatform = \"aws\"\nauth = \"sigv4\"\nendpoint = \"a.iot.eu-west-1.amazonaws.com\"\n\
        credentials = { access_key_id = \"AKIA\", secret_access_key = \"s\" }\n";
    let warnings = parse(text).expect("a config").warnings;
    let warned: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warned.len(), 2, "{warned:?}");
    assert!(warned[0].contains("-ats"), "{warned:?}");
    assert!(warned[1].contains("secret_access_key"), "{warned:?}");
}

#[test]
fn a_custom_authorizer_is_read_and_never_behind_8883() {
    let text = with(
        "auth = \"custom\"\nauthorizer = { name = \"a\", token_key = \"t\", token = { env = \"T\" }, signature = { env = \"S\" } }\n",
    );
    let Settings::Aws(settings) = parse(&text).expect("a config").profiles[0].settings.clone()
    else {
        panic!("of AWS");
    };
    let authorizer = settings.authorizer.expect("one");
    assert_eq!(
        authorizer.token,
        Some(("t".to_owned(), SecretRef::Env("T".to_owned())))
    );
    let wrong = text.replace("amazonaws.com", "amazonaws.com:8883");
    assert!(parse(&wrong).is_err());
}
