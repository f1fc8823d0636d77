//! How it connects: endpoints, certificates that are what they should be, signatures that are fresh.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Draft, Qos, Will};
use thingdeck::domain::profile::{
    AwsAuth, AwsAuthorizer, AwsSettings, Common, Proxy, ProxyRef, SecretRef, Version,
};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::aws::Aws;
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::platform::{Platform as _, Verdict};

use super::script::{Script, run};
use super::{ENDPOINT, keyed, settings};

struct Pair {
    certificate: String,
    key: String,
}

/// As AWS issues it, valid over these years.
fn issued(from: i32, until: i32) -> Pair {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "AWS IoT Certificate");
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 12, 31);
    let certificate = params.self_signed(&key).expect("a certificate");
    Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn common() -> Common {
    Common {
        cert_file: Some("/c.pem".into()),
        key_file: Some("/k.pem".into()),
        ..Common::default()
    }
}

fn with(certificate: &str, key: &str) -> Script {
    let script = Script::new();
    script.file("/c.pem", certificate.to_owned());
    script.file("/k.pem", key.to_owned());
    script
}

fn planned(aws: &Aws, script: &Script) -> Result<ConnectPlan, Problem> {
    run(aws.plan(script))
}

fn mtls(script: &Script, settings: AwsSettings) -> Result<ConnectPlan, Problem> {
    planned(&Aws::new(settings, common()), script)
}

fn ports(plan: &ConnectPlan) -> Vec<(u16, Vec<String>)> {
    let endpoints = plan.endpoints.iter();
    endpoints
        .map(|e| (e.port, e.tls.as_ref().expect("TLS").alpn.clone()))
        .collect()
}

#[test]
fn a_certificate_goes_to_its_own_port_and_then_to_443_with_alpn() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    let plan = mtls(&script, settings(AwsAuth::Mtls)).expect("a plan");
    let alpn = vec!["x-amzn-mqtt-ca".to_owned()];
    assert_eq!(ports(&plan), [(8883, vec![]), (443, alpn.clone())]);
    assert_eq!(plan.limits.filters_per_subscribe, 8);
    assert_eq!(plan.limits.max_qos, Qos::AtLeastOnce);
    assert_eq!(
        (plan.client_id.as_str(), plan.version),
        ("deck", Version::V311)
    );
    let only = |port: u16| AwsSettings {
        endpoint: format!("{ENDPOINT}:{port}"),
        ..settings(AwsAuth::Mtls)
    };
    assert_eq!(
        ports(&mtls(&script, only(443)).expect("a plan")),
        [(443, alpn)]
    );
    assert_eq!(
        ports(&mtls(&script, only(8883)).expect("a plan")),
        [(8883, vec![])]
    );
}

#[test]
fn the_certificate_is_named_as_the_console_finds_it() {
    let pair = issued(2020, 2049);
    let script = with(
        &format!("\u{feff}{}", pair.certificate.replace('\n', "\r\n")),
        &pair.key,
    );
    mtls(&script, settings(AwsAuth::Mtls)).expect("a plan");
    let step = script.facts().into_iter().find_map(|fact| match fact {
        Fact::Step(step) if step.name == "certificate" => Some(step.text),
        _ => None,
    });
    let step = step.expect("it is told");
    let id = step.split([' ', ',']).nth(1).expect("an id");
    assert!(
        id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{step}"
    );
    assert!(step.ends_with("valid until 2049-12-31"), "{step}");
}

#[test]
fn a_file_that_is_something_else_is_told_what_it_is() {
    let (pair, other) = (issued(2020, 2049), issued(2020, 2049));
    let past = issued(2019, 2021);
    let future = issued(2030, 2049);
    let public = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMFkw\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let cases = [
        (
            pair.certificate.as_str(),
            other.key.as_str(),
            "key of another certificate",
        ),
        (&pair.key, &pair.key, "it holds a private key"),
        (public, &pair.key, "it holds a public key"),
        (&pair.certificate, public, "it holds the public key"),
        (&pair.certificate, &pair.certificate, "wrong way round"),
        (&pair.certificate, locked, "openssl pkcs8 -topk8 -nodes"),
        (&pair.certificate, "hello", "no PEM key"),
        (&past.certificate, &past.key, "ended on 2021-12-31"),
        (
            &future.certificate,
            &future.key,
            "is not valid before 2030-01-01",
        ),
    ];
    for (certificate, key, expected) in cases {
        let script = with(certificate, key);
        let problem = mtls(&script, settings(AwsAuth::Mtls)).expect_err(expected);
        assert!(
            problem.to_string().contains(expected),
            "{expected}: {problem}"
        );
    }
}

#[test]
fn the_device_s_own_certificate_is_no_authority() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    script.file("/ca.pem", pair.certificate);
    let with_roots = Common {
        ca_file: Some("/ca.pem".into()),
        ..common()
    };
    let aws = Aws::new(settings(AwsAuth::Mtls), with_roots.clone());
    let problem = planned(&aws, &script).expect_err("no authority");
    assert!(
        problem.cause.contains("device's own certificate"),
        "{problem}"
    );
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    script.file("/ca.pem", authority.der().to_vec());
    let aws = Aws::new(settings(AwsAuth::Mtls), with_roots);
    let plan = planned(&aws, &script).expect("binary will do");
    let roots = &plan.endpoints[0].tls.as_ref().expect("TLS").extra_roots;
    assert!(roots[0].starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(roots.len(), 5, "Amazon's four stay trusted");
}

fn presigned(script: &Script, endpoint: &str) -> String {
    let aws = Aws::new(
        AwsSettings {
            endpoint: endpoint.to_owned(),
            region: Some("eu-north-1".to_owned()),
            credentials: keyed("ASIA1", "c4nary", Some("t0ken/+")),
            ..settings(AwsAuth::SigV4)
        },
        Common::default(),
    );
    target(&planned(&aws, script).expect("a plan"))
}

fn target(plan: &ConnectPlan) -> String {
    let endpoint = &plan.endpoints[0];
    let web_socket = endpoint.web_socket.as_ref().expect("a WebSocket");
    web_socket.target.expose().to_owned()
}

#[test]
fn every_attempt_signs_anew_and_the_token_stands_behind_the_signature() {
    let script = Script::new();
    let aws = Aws::new(
        AwsSettings {
            credentials: keyed("ASIA1", "c4nary", Some("t0ken/+")),
            ..settings(AwsAuth::SigV4)
        },
        Common::default(),
    );
    let first = target(&planned(&aws, &script).expect("a plan"));
    script.pass(Duration::from_mins(1));
    let plan = planned(&aws, &script).expect("a plan");
    let second = target(&plan);
    assert!(first.contains("X-Amz-Date=20260301T123456Z"), "{first}");
    assert!(second.contains("X-Amz-Date=20260301T123556Z"), "{second}");
    assert!(
        second.ends_with("&X-Amz-Security-Token=t0ken%2F%2B"),
        "{second}"
    );
    assert_eq!(ports(&plan), [(443, vec![])]);
    let shown = format!("{plan:?}");
    assert!(
        !shown.contains("c4nary") && !shown.contains("Signature"),
        "{shown}"
    );
    let filters: Vec<_> = plan.filters.iter().map(|w| w.filter.as_str()).collect();
    assert_eq!(filters, ["$aws/events/presence/+/+"]);
}

#[test]
fn the_host_is_signed_as_it_is_sent() {
    let script = Script::new();
    let plain = presigned(&script, ENDPOINT);
    assert_eq!(presigned(&script, &format!("{ENDPOINT}:443")), plain);
    assert_ne!(presigned(&script, &format!("{ENDPOINT}:8444")), plain);
}

#[test]
fn a_custom_authorizer_gets_its_parameters_with_the_user_name() {
    let plain = |text: &str| SecretRef::Plain(Secret::new(text));
    let aws = Aws::new(
        AwsSettings {
            authorizer: Some(AwsAuthorizer {
                name: Some("mine".to_owned()),
                signature: Some(plain("a+b/c==")),
                token: Some(("tok".to_owned(), plain("t&k"))),
                username: Some("me".to_owned()),
                password: Some(plain("pw")),
            }),
            ..settings(AwsAuth::Custom)
        },
        Common::default(),
    );
    let made = planned(&aws, &Script::new()).expect("a plan");
    assert_eq!(ports(&made), [(443, vec!["mqtt".to_owned()])]);
    assert_eq!(
        made.username.as_deref(),
        Some(
            "me?x-amz-customauthorizer-name=mine&x-amz-customauthorizer-signature=a%2Bb%2Fc%3D%3D&tok=t%26k"
        )
    );
    assert_eq!(made.password, Some(Secret::new("pw")));
}

#[test]
fn a_proxy_is_on_the_way_of_every_endpoint() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    let proxied = Common {
        proxy: Some(ProxyRef::Here(
            Proxy::parse("http://p:3128").expect("a proxy"),
        )),
        ..common()
    };
    let plan = planned(&Aws::new(settings(AwsAuth::Mtls), proxied), &script).expect("a plan");
    assert_eq!(plan.endpoints.len(), 2);
    assert!(plan.endpoints.iter().all(|e| e.proxy.is_some()));
}

#[test]
fn without_a_proxy_of_its_own_the_environment_s_is_used_and_its_exceptions_count() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    script.variable("HTTPS_PROXY", "me:c4nary@p:3128");
    let aws = Aws::new(settings(AwsAuth::Mtls), common());
    let plan = planned(&aws, &script).expect("a plan");
    let proxy = plan.endpoints[1].proxy.as_ref().expect("one");
    assert_eq!((proxy.host.as_str(), proxy.port), ("p", 3128));
    assert!(script.logs().join("\n").contains("HTTPS_PROXY"));
    assert!(!script.logs().join("\n").contains("c4nary"));
    script.variable("NO_PROXY", ".amazonaws.com");
    let plan = planned(&aws, &script).expect("a plan");
    assert!(plan.endpoints.iter().all(|e| e.proxy.is_none()));
}

#[test]
fn presence_is_left_out_where_the_profile_s_own_filters_are_all_that_aws_grants() {
    let topics = |count: usize| Common {
        topics: (0..count)
            .map(|n| {
                let filter = TopicFilter::parse(&format!("t/{n}")).expect("a filter");
                FilterWish::new(filter, Qos::AtLeastOnce)
            })
            .collect(),
        ..Common::default()
    };
    let planned_filters = |count| {
        let script = Script::new();
        let owned = AwsSettings {
            credentials: keyed("ASIA1", "s", None),
            ..settings(AwsAuth::SigV4)
        };
        let aws = Aws::new(owned, topics(count));
        // The session asks for each before it connects.
        for wish in topics(count).topics {
            assert_eq!(aws.check_filter(&wish), Ok(()));
        }
        let plan = planned(&aws, &script).expect("a plan");
        let notices = script.facts().into_iter();
        let told = notices
            .filter(|fact| matches!(fact, Fact::Notice(_)))
            .count();
        (plan.filters.len(), told)
    };
    assert_eq!(planned_filters(49), (1, 0));
    assert_eq!(planned_filters(50), (0, 1));
}

#[test]
fn a_clock_that_is_wrong_is_no_reason_to_look_for_another_key() {
    let script = Script::new();
    let owned = AwsSettings {
        credentials: keyed("ASIA1", "s", Some("t")),
        ..settings(AwsAuth::SigV4)
    };
    let aws = Aws::new(owned, Common::default());
    let verdict = |cause: &str| {
        planned(&aws, &script).expect("a plan");
        run(aws.refused(&script, &Problem::new("refused", cause, "")))
    };
    let clock = verdict("AWS answered 403 Signature expired: 20260301T120000Z is now earlier");
    assert_eq!(clock, Verdict::Final);
    let token = verdict("The security token included in the request is expired");
    assert!(matches!(token, Verdict::TryAgain { .. }), "{token:?}");
}

#[test]
fn a_client_id_that_no_event_tells_of_is_told() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    let named = AwsSettings {
        client_id: Some("a+b".to_owned()),
        ..settings(AwsAuth::Mtls)
    };
    mtls(&script, named).expect("it is allowed");
    let told = script.facts().into_iter().any(
        |fact| matches!(fact, Fact::Notice(problem) if problem.cause.contains("life-cycle events")),
    );
    assert!(told);
}

#[test]
fn a_will_that_no_shadow_hears_is_told_once() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    let topic = Topic::parse("$aws/things/RPI/shadow/update").expect("a topic");
    let will = |qos| Common {
        will: Some(Will {
            draft: Draft::new(topic.clone(), "{}".into(), qos),
            delay: 0,
        }),
        ..common()
    };
    let aws = Aws::new(settings(AwsAuth::Mtls), will(Qos::AtLeastOnce));
    for _attempt in 0..2 {
        planned(&aws, &script).expect("a plan");
    }
    let notices = script
        .facts()
        .into_iter()
        .filter(|f| matches!(f, Fact::Notice(_)));
    assert_eq!(notices.count(), 1);
    let aws = Aws::new(settings(AwsAuth::Mtls), will(Qos::ExactlyOnce));
    assert!(
        planned(&aws, &script).is_err(),
        "it would cost the connection"
    );
}

#[test]
fn a_kept_session_is_asked_for_where_the_profile_says_so() {
    let pair = issued(2020, 2049);
    let script = with(&pair.certificate, &pair.key);
    let plan = |clean_session, version| {
        let aws = Aws::new(
            AwsSettings {
                version,
                ..settings(AwsAuth::Mtls)
            },
            Common {
                clean_session,
                ..common()
            },
        );
        let plan = planned(&aws, &script).expect("a plan");
        (plan.clean_session, plan.session_expiry)
    };
    assert_eq!(plan(None, Version::V5), (true, Duration::ZERO));
    assert_eq!(plan(Some(false), Version::V311), (false, Duration::ZERO));
    assert_eq!(
        plan(Some(false), Version::V5),
        (false, Duration::from_hours(1))
    );
}
