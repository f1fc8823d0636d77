//! Asking for shadows: what is subscribed, sent and given back, over MQTT and over REST.

use std::time::Duration;

use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::shadow::{ShadowKey, ShadowReply, ShadowRequest};
use thingdeck::domain::subscription::Feed;
use thingdeck::platform::Platform as _;

use crate::script::{HOST, Script, device, member, operator};

const GET: &str = "$aws/things/RPI/shadow/get";
const UPDATE: &str = "$aws/things/RPI/shadow/name/wifi/update";

fn key(name: Option<&str>) -> ShadowKey {
    ShadowKey {
        thing: DeviceId::new("RPI"),
        name: name.map(str::to_owned),
    }
}

fn get() -> Request {
    Request::Shadow(ShadowRequest::Get(key(None)))
}

fn update(version: Option<u64>) -> Request {
    Request::Shadow(ShadowRequest::Update {
        key: key(Some("wifi")),
        state: r#"{"desired":{"t":24.50}}"#.to_owned(),
        version,
        token: None,
    })
}

fn shadow(result: Result<Reply, Problem>) -> ShadowReply {
    match result {
        Ok(Reply::Shadow(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

/// An answer that gives the token of the question back.
fn answer(topic: &str, verb: &str, question: &str, rest: &str) -> (String, String) {
    let token = member(question, "clientToken").unwrap_or_default();
    (
        format!("{topic}/{verb}"),
        format!("{{{rest},\"clientToken\":\"{token}\"}}"),
    )
}

#[test]
fn a_device_subscribes_the_answers_asks_and_gives_the_topics_back() {
    let script = Script::new(|topic, payload| {
        let state = r#""state":{"reported":{"t":1.10}},"version":3,"timestamp":5"#;
        vec![answer(topic, "accepted", payload, state)]
    });
    let reply = shadow(script.ask(&device(), get()));
    let ShadowReply::Document { raw, shadow } = reply else {
        panic!("{reply:?}");
    };
    assert!(
        raw.starts_with(r#"{"state":{"reported":{"t":1.10}}"#),
        "{raw}"
    );
    assert_eq!(shadow.version, Some(3));
    let deeds = script.deeds();
    let token = member(
        deeds[2].split_once(' ').expect("a payload").1,
        "clientToken",
    );
    let token = token.expect("a token");
    assert!(
        token.len() <= 64 && token.starts_with("thingdeck-"),
        "{token}"
    );
    assert_eq!(
        deeds,
        [
            format!("+{GET}/accepted"),
            format!("+{GET}/rejected"),
            format!(">{GET} {{\"clientToken\":\"{token}\"}}"),
            format!("-{GET}/accepted"),
            format!("-{GET}/rejected"),
        ]
    );
}

#[test]
fn an_update_carries_version_and_token_and_another_client_s_answer_is_not_ours() {
    let script = Script::new(|topic, payload| {
        assert!(
            payload.starts_with(r#"{"state":{"desired":{"t":24.50}},"version":7,"clientToken":"#),
            "{payload}"
        );
        let others = r#"{"state":{"desired":{"x":1}},"version":8,"clientToken":"other"}"#;
        let nobodys = r#"{"state":{"desired":{"x":1}},"version":8}"#;
        vec![
            (format!("{topic}/accepted"), others.to_owned()),
            (format!("{topic}/accepted"), nobodys.to_owned()),
            answer(
                topic,
                "accepted",
                payload,
                r#""state":{"desired":{"t":24.50}},"version":9"#,
            ),
        ]
    });
    let reply = shadow(script.ask(&device(), update(Some(7))));
    assert!(
        matches!(&reply, ShadowReply::Accepted { shadow, .. } if shadow.version == Some(9)),
        "{reply:?}"
    );
    assert!(script.deeds().contains(&format!("+{UPDATE}/accepted")));
}

#[test]
fn a_rejection_is_told_with_its_code_and_words() {
    let script = Script::new(|topic, payload| {
        let no = r#""code":409,"message":"Version conflict","timestamp":5"#;
        vec![answer(topic, "rejected", payload, no)]
    });
    let conflict = ShadowReply::Refused {
        code: 409,
        message: "Version conflict".to_owned(),
    };
    assert_eq!(shadow(script.ask(&device(), update(Some(1)))), conflict);
    assert!(script.world().subscribed.is_empty(), "all is given back");
}

#[test]
fn a_rejection_without_a_token_is_taken_for_ours() {
    let script = Script::new(|topic, _| {
        let no = r#"{"code":400,"message":"Invalid JSON"}"#.to_owned();
        vec![(format!("{topic}/rejected"), no)]
    });
    let reply = shadow(script.ask(&device(), update(None)));
    assert!(
        matches!(reply, ShadowReply::Refused { code: 400, .. }),
        "{reply:?}"
    );
}

#[test]
fn deleting_sends_an_empty_payload() {
    let script = Script::new(|topic, payload| {
        assert_eq!(payload, "");
        let gone = r#"{"version":4,"timestamp":5}"#.to_owned();
        vec![(format!("{topic}/accepted"), gone)]
    });
    let what = Request::Shadow(ShadowRequest::Delete(key(None)));
    let reply = shadow(script.ask(&device(), what));
    assert!(
        matches!(&reply, ShadowReply::Deleted { raw } if raw.contains('4')),
        "{reply:?}"
    );
}

#[test]
fn silence_ends_after_ten_seconds_with_the_rights_that_it_takes() {
    let script = Script::new(|_, _| Vec::new());
    let problem = script.ask(&device(), get()).expect_err("nobody answers");
    assert_eq!(script.elapsed(), Duration::from_secs(10));
    assert!(problem.cause.contains("within 10 s"), "{problem}");
    assert!(
        problem
            .remedy
            .contains(&format!("iot:Receive on topic/{GET}/*")),
        "{problem}"
    );
    assert!(script.world().subscribed.is_empty(), "all is given back");
}

#[test]
fn a_broker_that_refuses_or_ignores_the_topics_is_named() {
    let script = Script::new(|topic, _| panic!("{topic} is not published"));
    script.world().denied = Some("get/rejected");
    let problem = script.ask(&device(), get()).expect_err("refused");
    assert_eq!(problem.exit, Exit::Refused);
    let deaf = Script::new(|topic, _| panic!("{topic} is not published"));
    deaf.world().deaf = true;
    let problem = deaf.ask(&device(), get()).expect_err("no SUBACK");
    assert!(
        problem
            .remedy
            .contains(&format!("iot:Subscribe on topicfilter/{GET}")),
        "{problem}"
    );
}

#[test]
fn without_credentials_and_connection_that_is_said_at_once() {
    let script = Script::new(|topic, _| panic!("{topic} is not published"));
    let aws = device();
    assert_eq!(
        shadow(script.run(aws.request(&script, get()))),
        ShadowReply::NoConnection
    );
    assert_eq!(script.elapsed(), Duration::ZERO);
}

#[test]
fn names_that_no_topic_can_carry_are_refused_here() {
    let script = Script::new(|topic, _| panic!("{topic} is not published"));
    for (thing, name) in [
        ("a/b", None),
        ("", None),
        ("거실", None),
        ("RPI", Some("a b")),
    ] {
        let key = ShadowKey {
            thing: DeviceId::new(thing),
            name: name.map(str::to_owned),
        };
        let what = Request::Shadow(ShadowRequest::Get(key));
        let problem = script.ask(&device(), what).expect_err(thing);
        assert_eq!(problem.exit, Exit::Usage, "{problem}");
    }
    assert_eq!(script.deeds(), Vec::<String>::new());
}

#[test]
fn with_credentials_it_is_asked_over_rest() {
    let script = Script::rest(|call| {
        assert!(
            call.secret_headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        );
        (
            200,
            r#"{"state":{"desired":{"t":24.50}},"version":9}"#.to_owned(),
        )
    });
    let reply = shadow(script.run(operator().request(&script, update(Some(8)))));
    assert!(matches!(&reply, ShadowReply::Accepted { .. }), "{reply:?}");
    assert_eq!(
        script.deeds(),
        [format!(
            r#"POST https://{HOST}/things/RPI/shadow?name=wifi {{"state":{{"desired":{{"t":24.50}}}},"version":8}}"#
        )]
    );
}

#[test]
fn where_the_thing_is_followed_it_is_asked_over_mqtt_and_nothing_more_is_subscribed() {
    let script = Script::new(|topic, payload| {
        let state = r#""state":{"reported":{"t":1}},"version":3"#;
        vec![answer(topic, "accepted", payload, state)]
    });
    let aws = operator();
    let follow = Request::Feed {
        device: DeviceId::new("RPI"),
        feed: Feed::Push,
        on: true,
        hours: None,
    };
    script.ask(&aws, follow).expect("followed");
    script.world().deeds.clear();
    let reply = shadow(script.ask(&aws, get()));
    assert!(matches!(&reply, ShadowReply::Document { .. }), "{reply:?}");
    let deeds = script.deeds();
    assert!(
        deeds
            .iter()
            .any(|deed| deed.starts_with(&format!(">{GET} "))),
        "{deeds:#?}"
    );
    let more = |deed: &&String| deed.starts_with('-') || deed.starts_with(&format!("+{GET}"));
    assert_eq!(deeds.iter().find(more), None);
    assert!(
        !script.world().subscribed.is_empty(),
        "it is still followed"
    );
}

#[test]
fn what_rest_refuses_about_the_document_is_told_like_a_rejection() {
    for code in [400, 404, 409, 413] {
        let script = Script::rest(move |_| (code, r#"{"message":"words"}"#.to_owned()));
        let reply = shadow(script.run(operator().request(&script, get())));
        let expected = ShadowReply::Refused {
            code,
            message: "words".to_owned(),
        };
        assert_eq!(reply, expected);
    }
    let script = Script::rest(|_| (403, r#"{"message":"Forbidden"}"#.to_owned()));
    let problem = script
        .run(operator().request(&script, get()))
        .expect_err("forbidden");
    assert_eq!(problem.exit, Exit::Refused);
    assert!(problem.cause.contains("Forbidden"), "{problem}");
}

#[test]
fn named_shadows_are_listed_page_by_page() {
    let mut page = 0;
    let script = Script::rest(move |_| {
        page += 1;
        let body = match page {
            1 => r#"{"results":["a","b"],"nextToken":"n+1","timestamp":1}"#,
            _ => r#"{"results":["c"],"timestamp":1}"#,
        };
        (200, body.to_owned())
    });
    let what = Request::Shadow(ShadowRequest::Names(DeviceId::new("RPI")));
    let reply = shadow(script.run(operator().request(&script, what)));
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!(reply, ShadowReply::Names(names));
    let url = format!("GET https://{HOST}/api/things/shadow/ListNamedShadowsForThing/RPI?");
    assert_eq!(
        script.deeds(),
        [
            format!("{url}pageSize=100"),
            format!("{url}pageSize=100&nextToken=n%2B1")
        ]
    );
}
