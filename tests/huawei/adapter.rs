//! The adapter with a scripted outside.

use std::time::Duration;

use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::profile::{
    Common, HuaweiDialect, HuaweiRest, HuaweiSettings, HuaweiSignIn, SecretRef,
};
use thingdeck::domain::relay::{RelayNews, RelayReply, RelayRequest};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::shadow::{ShadowKey, ShadowReply, ShadowRequest};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::platform::huawei::Huawei;
use thingdeck::platform::io::Io as _;
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::platform::{Platform as _, Verdict};

use crate::script::Script;

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

fn settings(dialect: HuaweiDialect) -> HuaweiSettings {
    let url = "mqtts://x.iotda-device.cn-north-4.myhuaweicloud.com:8883".to_owned();
    HuaweiSettings {
        secret: Some(env("SECRET")),
        ..HuaweiSettings::new(dialect, url, "d".to_owned())
    }
}

fn meter() -> Huawei {
    Huawei::new(settings(HuaweiDialect::Iotda), Common::default())
}

fn rest() -> HuaweiRest {
    HuaweiRest {
        api_url: "https://x.st1.iotda-app.cn-north-4.myhuaweicloud.com".to_owned(),
        region: "cn-north-4".to_owned(),
        project_id: Some("p".to_owned()),
        instance_id: None,
        sign_in: HuaweiSignIn::Keys {
            access_key: env("AK"),
            secret_key: env("SK"),
            security_token: None,
            derived: None,
        },
    }
}

fn operator() -> Huawei {
    let settings = HuaweiSettings {
        rest: Some(rest()),
        ..settings(HuaweiDialect::Iotda)
    };
    Huawei::new(settings, Common::default())
}

fn shadow(name: Option<&str>) -> ShadowKey {
    ShadowKey {
        thing: DeviceId::new("d"),
        name: name.map(str::to_owned),
    }
}

const ANSWER: &str = r#"{"object_device_id":"d","shadow":[{"service_id":"Relay","desired":{"properties":{"on":true}},"reported":{"properties":{"on":false}},"version":7}]}"#;

#[test]
fn without_rest_the_shadow_is_asked_for_over_mqtt_and_the_request_id_is_ours() {
    let script = Script::new(
        |topic, payload| {
            assert_eq!(payload, "{}");
            let (front, id) = topic.split_once("/request_id=").expect("an id");
            assert_eq!(front, "$oc/devices/d/sys/shadow/get");
            Some((
                format!("{front}/response/request_id={id}"),
                ANSWER.to_owned(),
            ))
        },
        |call| panic!("{call:?}"),
    );
    let meter = meter();
    let get = || Request::Shadow(ShadowRequest::Get(shadow(None)));
    let early = script.run(meter.request(&script, get()));
    assert_eq!(early, Ok(Reply::Shadow(ShadowReply::NoConnection)));
    // At once: what is done beside the connection may not have begun yet.
    script.world().up = true;
    let reply = script.run(meter.request(&script, get()));
    let Ok(Reply::Shadow(ShadowReply::Document { shadow, raw })) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(shadow.version, Some(7));
    assert_eq!(
        shadow.json(),
        r#"{"desired":{"Relay":{"on":true}},"reported":{"Relay":{"on":false}}}"#
    );
    assert_eq!(&*raw, ANSWER);
}

#[test]
fn a_shadow_that_nobody_answers_about_is_waited_for_in_vain_and_said_so() {
    let script = Script::silent();
    script.world().up = true;
    let meter = meter();
    let get = Request::Shadow(ShadowRequest::Get(shadow(None)));
    let problem = script
        .run(meter.request(&script, get))
        .expect_err("nothing");
    assert!(problem.cause.contains("within 10 s"), "{problem}");
    assert!(
        problem.cause.contains("shadow/get/response/request_id="),
        "{problem}"
    );
}

#[test]
fn with_rest_the_shadow_is_read_and_written_there_with_the_services_version() {
    let script = Script::new(
        |topic, _| panic!("{topic}"),
        |call| {
            let authorization = call
                .secret_headers
                .iter()
                .find(|(n, _)| *n == "authorization");
            let (_, value) = authorization.expect("signed");
            assert!(
                value
                    .expose()
                    .starts_with("V11-HMAC-SHA256 Credential=canary-AK/20261121/cn-north-4/iotdm")
            );
            (200, ANSWER.to_owned())
        },
    );
    let operator = operator();
    let update = ShadowRequest::Update {
        key: shadow(Some("Relay")),
        state: r#"{"desired":{"on":true}}"#.to_owned(),
        version: Some(7),
        token: None,
    };
    let reply = script.run(operator.request(&script, Request::Shadow(update)));
    assert!(
        matches!(reply, Ok(Reply::Shadow(ShadowReply::Accepted { .. }))),
        "{reply:?}"
    );
    let names = Request::Shadow(ShadowRequest::Names(DeviceId::new("d")));
    let reply = script.run(operator.request(&script, names));
    assert_eq!(
        reply,
        Ok(Reply::Shadow(ShadowReply::Names(vec!["Relay".to_owned()])))
    );
    assert_eq!(
        script.deeds(),
        [
            r#"PUT /v5/iot/p/devices/d/shadow {"shadow":[{"service_id":"Relay","desired":{"on":true},"version":7}]}"#,
            "GET /v5/iot/p/devices/d/shadow",
        ]
    );
}

#[test]
fn a_200_that_holds_an_error_is_a_failure() {
    let script = Script::new(
        |_, _| None,
        |_| {
            (
                200,
                r#"{"error_code":"IOTDA.014111","error_msg":"timeout"}"#.to_owned(),
            )
        },
    );
    let what = RelayRequest::SendCommand {
        device: DeviceId::new("d"),
        command: thingdeck::domain::relay::Command::Named {
            service: Some("Relay".to_owned()),
            name: "ON".to_owned(),
            parameters: String::new(),
        },
    };
    let problem = script
        .run(operator().request(&script, Request::Relay(what)))
        .expect_err("no answer of the device");
    assert!(problem.cause.contains("IOTDA.014111"), "{problem}");
    assert!(problem.remedy.contains("within 20 s"), "{problem}");
}

#[test]
fn commands_are_answered_by_themselves_and_the_answer_is_shown() {
    let settings = HuaweiSettings {
        auto_reply: true,
        ..settings(HuaweiDialect::Iotda)
    };
    let meter = Huawei::new(settings, Common::default());
    let script = Script::silent();
    script.run(meter.plan(&script)).expect("a plan");
    let mut attending = meter.attend(&script);
    assert!(!Script::poll(&mut attending));
    script.deliver(
        "$oc/devices/d/sys/commands/request_id=r-1",
        r#"{"service_id":"Relay","command_name":"ON","paras":{}}"#,
    );
    script.deliver("$oc/devices/d/sys/properties/get/request_id=r-2", "{}");
    assert!(!Script::poll(&mut attending));
    assert_eq!(
        script.deeds(),
        [
            r#">$oc/devices/d/sys/commands/response/request_id=r-1 {"result_code":0}"#,
            r#">$oc/devices/d/sys/properties/get/response/request_id=r-2 {"services":[]}"#,
        ],
        "values of properties are not made up"
    );
    let world = script.world();
    let (shown, _) = &world.shown[0];
    assert_eq!(
        shown.topic.as_str(),
        "$oc/devices/d/sys/commands/response/request_id=r-1"
    );
    let answered = world.facts.iter().any(|fact| {
        matches!(fact, Fact::Relay(news)
            if matches!(&**news, RelayNews::Answered { id, result: Ok(()), .. } if id == "r-1"))
    });
    assert!(answered, "{:?}", world.facts);
}

#[test]
fn properties_are_answered_with_what_was_reported_here() {
    let settings = HuaweiSettings {
        auto_reply: true,
        ..settings(HuaweiDialect::Iotda)
    };
    let meter = Huawei::new(settings, Common::default());
    let script = Script::silent();
    script.run(meter.plan(&script)).expect("a plan");
    let report = RelayRequest::Report {
        device: None,
        service: Some("Meter".to_owned()),
        properties: r#"{"v":229.80}"#.to_owned(),
    };
    let done = script.run(meter.request(&script, Request::Relay(report)));
    assert_eq!(done, Ok(Reply::Relay(RelayReply::Done)));
    let mut attending = meter.attend(&script);
    assert!(!Script::poll(&mut attending));
    let get = "$oc/devices/d/sys/properties/get/request_id=r-1";
    script.deliver(get, r#"{"service_id":"Meter"}"#);
    assert!(!Script::poll(&mut attending));
    assert_eq!(
        script.deeds().pop().as_deref(),
        Some(
            r#">$oc/devices/d/sys/properties/get/response/request_id=r-1 {"services":[{"service_id":"Meter","properties":{"v":229.80}}]}"#
        )
    );
}

#[test]
fn each_attempt_has_a_login_of_its_own_hour() {
    let script = Script::silent();
    let meter = meter();
    let first = script.run(meter.plan(&script)).expect("a plan");
    // 16:55:43 and five minutes are another hour.
    script.run(script.sleep(Duration::from_mins(5)));
    let second = script.run(meter.plan(&script)).expect("a plan");
    assert_eq!(first.client_id, "d_0_1_2026112116");
    assert_eq!(second.client_id, "d_0_1_2026112117");
    let password = |plan: &ConnectPlan| plan.password.clone().expect("one").expose().to_owned();
    assert_ne!(password(&first), password(&second));
}

#[test]
fn a_token_that_was_revoked_is_replaced_and_the_call_repeated_once() {
    let script = Script::new(|_, _| None, {
        let mut refused = false;
        move |call| {
            if call.url.ends_with("/v3/auth/tokens") {
                return (
                    201,
                    r#"{"token":{"expires_at":"2026-11-22T16:55:43.000Z"}}"#.to_owned(),
                );
            }
            // The second call finds the token revoked, once.
            let is_second = call.url.ends_with("/devices/b");
            if is_second && !std::mem::replace(&mut refused, true) {
                return (401, r#"{"error_code":"APIGW.0301"}"#.to_owned());
            }
            (200, r#"{"device_id":"b"}"#.to_owned())
        }
    });
    let sign_in = HuaweiSignIn::User {
        iam_url: "https://iam.cn-north-4.myhuaweicloud.com".to_owned(),
        user: "u".to_owned(),
        password: env("PASSWORD"),
        domain: "acme".to_owned(),
    };
    let settings = HuaweiSettings {
        rest: Some(HuaweiRest { sign_in, ..rest() }),
        ..settings(HuaweiDialect::Iotda)
    };
    let operator = Huawei::new(settings, Common::default());
    for device in ["a", "b"] {
        let detail = Request::Relay(RelayRequest::Detail(DeviceId::new(device)));
        let reply = script.run(operator.request(&script, detail));
        assert!(reply.is_ok(), "{reply:?}");
    }
    let deeds: Vec<_> = script
        .deeds()
        .iter()
        .map(|deed| deed.split(" {").next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        deeds,
        [
            "POST /v3/auth/tokens",
            "GET /v5/iot/p/devices/a",
            "GET /v5/iot/p/devices/b",
            "POST /v3/auth/tokens",
            "GET /v5/iot/p/devices/b",
        ]
    );
}

#[test]
fn a_report_goes_out_as_the_device_and_is_shown() {
    let script = Script::silent();
    let meter = meter();
    let report = |device: &str, service: Option<&str>, text: &str| {
        Request::Relay(RelayRequest::Report {
            device: Some(DeviceId::new(device)),
            service: service.map(str::to_owned),
            properties: text.to_owned(),
        })
    };
    let done = script.run(meter.request(&script, report("d", Some("Meter"), r#"{"v":1}"#)));
    assert_eq!(done, Ok(Reply::Relay(RelayReply::Done)));
    let refused = script.run(meter.request(&script, report("d", Some("Meter"), "7")));
    assert_eq!(refused.expect_err("no object").exit, Exit::Usage);
    assert_eq!(
        script.deeds(),
        [
            r#">$oc/devices/d/sys/properties/report {"services":[{"service_id":"Meter","properties":{"v":1}}]}"#
        ]
    );
    let draft = script.run(meter.request(
        &script,
        Request::Relay(RelayRequest::ReportDraft(DeviceId::new("d"))),
    ));
    let Ok(Reply::Relay(RelayReply::Draft { topic, payload })) = draft else {
        panic!("{draft:?}")
    };
    assert_eq!(topic.as_str(), "$oc/devices/d/sys/properties/report");
    assert_eq!(
        &payload[..],
        br#"{"services":[{"service_id":"Meter","properties":{"v":1}}]}"#,
        "as it was reported last"
    );
    script.world().deaf = true;
    let late = script.run(meter.request(&script, report("d", Some("Meter"), r#"{"v":2}"#)));
    assert_eq!(
        late.expect_err("no acknowledgement").exit,
        Exit::Unreachable
    );
}

#[test]
fn the_topic_sets_are_subscribed_and_come_back_with_the_next_plan() {
    let script = Script::silent();
    let meter = meter();
    let plan = script.run(meter.plan(&script)).expect("a plan");
    assert!(plan.filters.is_empty(), "IoTDA delivers unasked");
    let feed = |device: &str, feed, on| Request::Feed {
        device: DeviceId::new(device),
        feed,
        on,
        hours: None,
    };
    let on = script.run(meter.request(&script, feed("d", Feed::Push, true)));
    assert_eq!(on, Ok(Reply::Feed(FeedState::On { until: None })));
    let plan = script.run(meter.plan(&script)).expect("a plan");
    let filters: Vec<_> = plan
        .filters
        .iter()
        .map(|wish| wish.filter.as_str().to_owned())
        .collect();
    assert_eq!(
        filters,
        [
            "$oc/devices/d/sys/commands/#",
            "$oc/devices/d/sys/properties/set/#",
            "$oc/devices/d/sys/properties/get/#",
        ]
    );
    let off = script.run(meter.request(&script, feed("d", Feed::Push, false)));
    assert_eq!(
        off,
        Ok(Reply::Feed(FeedState::Unasked)),
        "IoTDA goes on to deliver it"
    );
    let child = script.run(meter.request(&script, feed("child", Feed::Push, true)));
    assert!(child.expect_err("a child").cause.contains("comes under d"));
    let v1 = Huawei::new(settings(HuaweiDialect::V1), Common::default());
    let plan = script.run(v1.plan(&script)).expect("a plan");
    assert_eq!(
        plan.filters[0].filter.as_str(),
        "/huawei/v1/devices/d/command/json"
    );
}

#[test]
fn a_device_that_is_connected_already_is_named_before_it_is_thrown_out_and_only_once() {
    let script = Script::new(|_, _| None, |_| (200, r#"{"status":"ONLINE"}"#.to_owned()));
    let operator = operator();
    for _ in 0..2 {
        script.run(operator.plan(&script)).expect("a plan");
    }
    assert_eq!(script.deeds(), ["GET /v5/iot/p/devices/d"]);
    let world = script.world();
    let [Fact::Notice(notice)] = world.facts.as_slice() else {
        panic!("{:?}", world.facts)
    };
    assert!(notice.what.contains("connected already"), "{notice}");
}

#[test]
fn each_refusal_has_its_own_words() {
    let script = Script::silent();
    let meter = meter();
    let of = |code: u8| {
        let cause = format!("the broker refused it (CONNACK {code})");
        let problem = Problem::new("could not connect", cause, "").exit(Exit::Refused);
        match script.run(meter.refused(&script, &problem)) {
            Verdict::Explained(problem) => problem.to_string(),
            Verdict::Final => "final".to_owned(),
            Verdict::TryAgain { reason } => panic!("{reason}"),
        }
    };
    let two = of(2);
    assert!(
        two.contains("d_0_1_2026112116") && two.contains("30 to 1200 s"),
        "{two}"
    );
    let four = of(4);
    for word in [
        "signature type 1",
        "hour 2026112116 (UTC)",
        "1. device_id",
        "2. the secret",
        "3. this computer's clock",
    ] {
        assert!(four.contains(word), "{word}: {four}");
    }
    assert!(!four.contains("canary"), "{four}");
    assert!(of(5).contains("frozen"));
    assert_eq!(of(1), "final");
}
