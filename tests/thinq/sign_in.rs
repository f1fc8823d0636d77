//! The sign-in ritual: its order, its bodies and headers, what is kept, and what is renewed.

use futures_util::future::join_all;
use serde_json::json;
use thingdeck::base::problem::{Exit, Problem, Retry};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::{Common, ThinqSettings};
use thingdeck::domain::request::Request;
use thingdeck::domain::subscription::Feed;
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::platform::thinq::Thinq;
use thingdeck::platform::{Platform, Verdict};

use crate::script::{Fault, Script, TOKEN, settings, thinq};

fn plan(script: &Script, thinq: &Thinq) -> Result<ConnectPlan, Problem> {
    script.run(thinq.plan(script))
}

#[test]
fn a_first_start_asks_for_route_client_and_certificate_in_this_order() {
    let script = Script::new();
    plan(&script, &thinq()).expect("a plan");
    assert_eq!(
        script.calls(),
        ["GET route", "POST client", "POST client/certificate"]
    );
    assert_eq!(
        script.steps(),
        [
            "region done",
            "route done",
            "client done",
            "key done",
            "certificate done"
        ]
    );
    script.seen(|seen| {
        assert_eq!(seen[1].json(), json!({"type": "MQTT", "service-code": "SVC202", "device-type": "607", "allowExist": true}));
        assert_eq!(seen[2].json(), json!({"service-code": "SVC202", "csr": "Q1NSQ1NS"}));
        assert!(seen.iter().all(|s| s.call.url.starts_with("https://api-eic.lgthinq.com/")));
    });
}

#[test]
fn every_call_carries_the_headers_of_the_reference() {
    let script = Script::new();
    plan(&script, &thinq()).expect("a plan");
    script.seen(|seen| {
        let mut ids = std::collections::HashSet::new();
        for call in seen {
            assert_eq!(call.header("x-country"), Some("DE"));
            assert_eq!(call.header("x-service-phase"), Some("OP"));
            assert_eq!(
                call.header("x-api-key"),
                Some("v6GFvkweNo7DK7yD3ylIZ9w52aKBU0eJ7wLXkSR3")
            );
            assert_eq!(call.header("x-conditional-control"), None);
            assert_eq!(
                call.header("content-type").is_some(),
                call.call.body.is_some()
            );
            assert_eq!(call.header("x-client-id"), seen[0].header("x-client-id"));
            let id = call.header("x-message-id").expect("an id");
            assert_eq!(id.len(), 22);
            assert!(ids.insert(id.to_owned()), "{id} came twice");
            let (name, bearer) = &call.call.secret_headers[0];
            assert_eq!(
                (*name, bearer.expose()),
                ("authorization", format!("Bearer {TOKEN}").as_str())
            );
        }
    });
}

#[test]
fn a_second_start_registers_and_issues_nothing() {
    let script = Script::new();
    let first = plan(&script, &thinq()).expect("a plan");
    script.forget_calls();
    script.take_facts();
    let second = plan(&script, &thinq()).expect("a plan");
    assert_eq!(script.calls(), Vec::<String>::new());
    assert_eq!(
        script.steps(),
        [
            "region done",
            "route kept",
            "client kept",
            "key kept",
            "certificate kept"
        ]
    );
    assert_eq!(first.client_id, second.client_id);
}

#[test]
fn the_plan_connects_as_aws_iot_expects() {
    let script = Script::new();
    let common = Common {
        ca_file: Some("ca.pem".into()),
        ..Common::default()
    };
    let plan = plan(&script, &Thinq::new(settings(), common)).expect("a plan");
    let client_id = script.seen(|seen| seen[0].header("x-client-id").expect("there").to_owned());
    assert!(
        client_id.starts_with("thingdeck-") && client_id.len() == 46,
        "{client_id}"
    );
    assert_eq!(plan.client_id, client_id);
    let endpoints: Vec<_> = plan
        .endpoints
        .iter()
        .map(|e| {
            (
                e.host.as_str(),
                e.port,
                e.tls.as_ref().expect("TLS").alpn.clone(),
            )
        })
        .collect();
    let host = "a1-ats.iot.eu-west-1.amazonaws.com";
    assert_eq!(
        endpoints,
        [
            (host, 8883, vec![]),
            (host, 443, vec!["x-amzn-mqtt-ca".to_owned()])
        ]
    );
    let tls = plan.endpoints[0].tls.as_ref().expect("TLS");
    assert_eq!(tls.extra_roots.len(), 5);
    assert!(tls.system_roots && tls.extra_roots[0] == "PEM of ca.pem");
    assert!(tls.identity.as_ref().is_some_and(
        |(pem, key)| pem.contains("BEGIN CERTIFICATE") && key.expose().contains("CANARYCANARY")
    ));
    let filters: Vec<_> = plan
        .filters
        .iter()
        .map(|w| (w.filter.as_str().to_owned(), w.qos))
        .collect();
    let topic = |end: &str| (format!("app/clients/{client_id}/{end}"), Qos::AtLeastOnce);
    assert_eq!(filters, [topic("push"), topic("inbox")]);
    assert_eq!(
        (plan.clean_session, plan.keep_alive.as_secs(), plan.username),
        (false, 30, None)
    );
    assert_eq!(
        (plan.limits.filters_per_subscribe, plan.limits.max_qos),
        (8, Qos::AtLeastOnce)
    );
}

#[test]
fn an_mqtt_url_of_the_profile_stands_instead_of_the_route() {
    let script = Script::new();
    let settings = ThinqSettings {
        mqtt_url: Some("mqtts://127.0.0.1:40124".to_owned()),
        ..settings()
    };
    let plan = plan(&script, &Thinq::new(settings, Common::default())).expect("a plan");
    let endpoints: Vec<_> = plan
        .endpoints
        .iter()
        .map(|e| (e.host.as_str(), e.port))
        .collect();
    assert_eq!(endpoints, [("127.0.0.1", 40124)]);
    assert_eq!(script.calls(), ["POST client", "POST client/certificate"]);
}

#[test]
fn the_profile_s_client_id_is_used_byte_for_byte_and_registered_anew() {
    let script = Script::new();
    plan(&script, &thinq()).expect("a plan");
    script.forget_calls();
    let settings = ThinqSettings {
        client_id: Some("My_Deck-1".to_owned()),
        ..settings()
    };
    let plan = plan(&script, &Thinq::new(settings, Common::default())).expect("a plan");
    assert_eq!(plan.client_id, "My_Deck-1");
    assert_eq!(
        script.calls(),
        ["GET route", "POST client", "POST client/certificate"]
    );
}

#[test]
fn a_certificate_that_has_expired_is_replaced_before_it_is_refused() {
    let script = Script::new();
    script.valid_until(2025);
    plan(&script, &thinq()).expect("a plan");
    script.valid_until(2049);
    script.forget_calls();
    plan(&script, &thinq()).expect("a plan");
    assert_eq!(script.calls(), ["POST client/certificate"]);
    script.forget_calls();
    plan(&script, &thinq()).expect("a plan");
    assert_eq!(script.calls(), Vec::<String>::new());
}

#[test]
fn a_sign_in_that_was_cut_off_goes_on_where_it_stopped() {
    for needle in ["GET route", "POST client", "POST client/certificate"] {
        let script = Script::new();
        script.fault(needle, 1, Fault::Unreachable);
        let problem = plan(&script, &thinq()).expect_err("cut off");
        assert_eq!(
            (problem.exit, problem.retry),
            (Exit::Unreachable, Retry::Backoff),
            "{needle}: {problem}"
        );
        script.forget_calls();
        plan(&script, &thinq()).expect("a plan");
        assert_eq!(script.calls().first().map(String::as_str), Some(needle));
        assert_eq!(script.cloud(|cloud| cloud.certificates), 1);
    }
}

#[test]
fn what_the_server_no_longer_accepts_is_renewed_once_and_then_explained() {
    for cause in [
        "a TLS alert: bad certificate",
        "CONNACK 5: not authorized",
        "the broker closed after CONNECT",
    ] {
        let script = Script::new();
        let thinq = thinq();
        plan(&script, &thinq).expect("a plan");
        script.forget_calls();
        let problem = Problem::new("could not connect", cause, "").exit(Exit::Refused);
        let verdict = script.run(thinq.refused(&script, &problem));
        assert!(
            matches!(verdict, Verdict::TryAgain { ref reason } if reason.contains(cause)),
            "{verdict:?}"
        );
        plan(&script, &thinq).expect("a plan");
        assert_eq!(
            script.calls(),
            ["GET route", "POST client", "POST client/certificate"]
        );
        assert_eq!(script.run(thinq.refused(&script, &problem)), Verdict::Final);
        assert_eq!(
            script.steps().last().map(String::as_str),
            Some("certificate failed")
        );
        // The machine has stopped; whoever connects again is a person, who may have mended it.
        let again = script.run(thinq.refused(&script, &problem));
        assert!(matches!(again, Verdict::TryAgain { .. }), "{again:?}");
    }
}

#[test]
fn a_refused_token_is_told_with_the_region_and_another_one_is_taken_when_it_is_there() {
    let script = Script::new();
    let thinq = thinq();
    plan(&script, &thinq).expect("a plan");
    script.set_token("thinqpat_new");
    script.fault("GET route", 9, Fault::Code(401, "1302"));
    script.change_files(std::collections::BTreeMap::clear);
    let problem = plan(&script, &self::thinq()).expect_err("refused");
    assert_eq!((problem.exit, problem.retry), (Exit::Refused, Retry::Never));
    assert!(
        problem.cause.contains("1302") && problem.remedy.contains("EIC"),
        "{problem}"
    );
    let told = script
        .facts()
        .into_iter()
        .filter(|f| matches!(f, Fact::TokenRefused(_)))
        .count();
    assert_eq!(told, 1);
    script.heal();
    // The first adapter still holds the old token; LG takes only the new one.
    script
        .run(thinq.request(&script, Request::Devices { fresh: true }))
        .expect("the new token");
}

#[test]
fn many_calls_that_one_token_fails_take_the_new_one_each_once() {
    let script = Script::with_devices(8);
    let thinq = thinq();
    let ask = |i: usize| {
        thinq.request(
            &script,
            Request::State {
                device: DeviceId::new(&format!("d{i:02}")),
            },
        )
    };
    script.run(ask(0)).expect("a state");
    script.set_token("thinqpat_new");
    script.forget_calls();
    let answers = script.run(join_all((1..8).map(ask)));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(script.calls().len(), 14);
}

#[test]
fn two_commands_of_one_profile_do_not_undo_each_other_s_enrolment() {
    let script = Script::with_devices(1);
    let (one, other) = (thinq(), thinq());
    script
        .run(other.request(&script, Request::Probe))
        .expect("devices");
    plan(&script, &one).expect("a plan");
    let push = Request::Feed {
        device: DeviceId::new("d00"),
        feed: Feed::Push,
        on: true,
        hours: None,
    };
    script.run(other.request(&script, push)).expect("on");
    script.forget_calls();
    plan(&script, &thinq()).expect("a plan");
    assert_eq!(script.calls(), Vec::<String>::new());
}

/// F3.
#[test]
fn damaged_files_are_set_aside_and_made_anew() {
    for (name, calls) in [
        (
            "identity.json",
            vec!["GET route", "POST client", "POST client/certificate"],
        ),
        ("key.pem", vec!["POST client/certificate"]),
        ("cert.pem", vec!["POST client/certificate"]),
        ("events.json", vec![]),
    ] {
        for damage in ["", "{", "-----BEGIN CERTIFICATE-----\nxx"] {
            let script = Script::new();
            plan(&script, &thinq()).expect("a plan");
            script.forget_calls();
            script.change_files(|files| {
                files.insert(name.to_owned(), damage.to_owned());
            });
            plan(&script, &thinq()).expect("a plan");
            assert_eq!(script.calls(), calls, "{name} is {damage:?}");
            assert_eq!(
                script.logs().iter().any(|line| line.contains("damaged")),
                name != "events.json",
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_no_token_is_not_sent() {
    for nonsense in ["", "  ", "two words", "tök"] {
        let script = Script::new();
        script.set_token(nonsense);
        let problem = plan(&script, &thinq()).expect_err(nonsense);
        assert_eq!(problem.exit, Exit::Refused);
        assert_eq!(script.calls(), Vec::<String>::new());
    }
}

#[test]
fn a_country_without_service_is_a_matter_of_configuration() {
    let script = Script::new();
    let settings = ThinqSettings {
        country: "LI".to_owned(),
        ..settings()
    };
    let problem = plan(&script, &Thinq::new(settings, Common::default())).expect_err("no region");
    assert_eq!(problem.exit, Exit::Usage);
    assert_eq!(script.steps(), ["region failed"]);
    assert_eq!(script.calls(), Vec::<String>::new());
}

#[test]
fn no_secret_is_in_a_log_a_fact_or_an_address() {
    let script = Script::new();
    script.fault("GET route", 1, Fault::Raw(500, "<html>oops</html>"));
    script.fault("POST client", 1, Fault::Code(401, "1302"));
    let _refused = plan(&script, &thinq());
    plan(&script, &thinq()).expect("a plan");
    let mut told = format!("{:?}{:?}", script.logs(), script.facts());
    script.seen(|seen| {
        for one in seen {
            told.push_str(&format!("{:?}", one.call));
        }
    });
    for canary in [TOKEN, "CANARYCANARY"] {
        assert!(!told.contains(canary), "{told}");
    }
}
