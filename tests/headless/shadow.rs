//! `shadow`: what goes out, what comes back, and how it ends.

use std::sync::Arc;

use thingdeck::base::moment::Mono;
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::profile::{AwsSettings, Profile, Settings};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::LinkState;
use thingdeck::domain::shadow::{Shadow, ShadowKey, ShadowReply, ShadowRequest};
use thingdeck::headless::console::{Heard, Opening};

use crate::stage::{Deed, Stage, connected, link, problem, profile};

fn fleet() -> Stage {
    let mut stage = Stage::home();
    let settings = AwsSettings::new("abc-ats.iot.eu-west-1.amazonaws.com".to_owned());
    stage.profiles = vec![Profile {
        settings: Settings::Aws(settings),
        ..profile("fleet")
    }];
    stage
}

fn key(name: Option<&str>) -> ShadowKey {
    ShadowKey {
        thing: DeviceId::new("RPI"),
        name: name.map(str::to_owned),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what the stage answers with"
)]
fn shadow(reply: ShadowReply) -> Option<Result<Reply, Problem>> {
    Some(Ok(Reply::Shadow(reply)))
}

fn document(raw: &str) -> ShadowReply {
    ShadowReply::Document {
        raw: Arc::from(raw),
        shadow: Shadow::default(),
    }
}

fn asked(stage: &Stage) -> Vec<ShadowRequest> {
    let requests = stage.asked().into_iter();
    requests
        .filter_map(|request| match request {
            Request::Shadow(what) => Some(what.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_document_is_printed_as_it_came() {
    let raw = "{\"state\": {\"reported\": {\"t\": 1.10, \"big\": 12345678901234567890}},\n \"version\": 3}";
    let mut stage = fleet().answering(move |_| shadow(document(raw)));
    assert_eq!(stage.run(&["shadow", "get", "RPI"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [r#"{"state":{"reported":{"t":1.10,"big":12345678901234567890}},"version":3}"#]
    );
    assert_eq!(asked(&stage), [ShadowRequest::Get(key(None))]);
}

#[test]
fn an_update_takes_a_request_or_its_state_from_wherever_it_is() {
    let accepted = |_: &Request| {
        shadow(ShadowReply::Accepted {
            raw: Arc::from("{\"version\":4}"),
            shadow: Shadow::default(),
        })
    };
    let expected = |version| ShadowRequest::Update {
        key: key(Some("wifi")),
        state: r#"{"desired":{"t":24.50}}"#.to_owned(),
        version,
        token: None,
    };
    let whole = r#"{"state":{"desired":{"t":24.50}},"version":3}"#;
    let alone = r#"{"desired":{"t":24.50}}"#;
    let cases: [(&[&str], Option<u64>); 5] = [
        (&[whole], Some(3)),
        (&[whole, "--version", "5"], Some(5)),
        (&[alone], None),
        (&["-"], None),
        (&["--file", "there"], None),
    ];
    for (rest, version) in cases {
        let mut stage = fleet().answering(accepted);
        alone.clone_into(&mut stage.stdin);
        stage.file = alone.as_bytes().to_vec();
        let line = [&["shadow", "update", "RPI", "--name", "wifi"], rest].concat();
        assert_eq!(stage.run(&line), Exit::Done, "{rest:?}: {}", stage.talk());
        assert_eq!(asked(&stage), [expected(version)], "{rest:?}");
        assert_eq!(stage.printed(), [r#"{"version":4}"#]);
    }
}

#[test]
fn bad_json_is_wrong_usage_and_nothing_is_sent() {
    for text in ["{", "7", "{}", r#"{"state":{"desired":[]}}"#] {
        let mut stage = fleet();
        assert_eq!(
            stage.run(&["shadow", "update", "RPI", text]),
            Exit::Usage,
            "{text}"
        );
        assert_eq!(stage.asked().len(), 0, "{text}");
        assert!(
            stage.talk().contains("the shadow is not updated"),
            "{}",
            stage.talk()
        );
    }
}

#[test]
fn a_refusal_ends_with_its_code_words_and_remedy() {
    let cases = [
        (
            404,
            "No shadow exists with name: 'RPI'",
            Exit::NotFound,
            "RPI has no shadow yet",
        ),
        (
            404,
            "Thing not found",
            Exit::NotFound,
            "could not update the shadow of RPI",
        ),
        (403, "Forbidden", Exit::Refused, "iot:UpdateThingShadow"),
        (409, "Version conflict", Exit::Refused, "get it again"),
        (413, "too long", Exit::Refused, "8192 bytes are allowed"),
        (400, "Invalid version", Exit::Usage, "Invalid version"),
    ];
    for (code, message, exit, words) in cases {
        let mut stage = fleet().answering(move |_| {
            shadow(ShadowReply::Refused {
                code,
                message: message.to_owned(),
            })
        });
        let line = ["shadow", "update", "RPI", r#"{"desired":{"t":1}}"#];
        assert_eq!(stage.run(&line), exit, "{code} {message}");
        assert!(stage.talk().contains(words), "{}", stage.talk());
        assert!(stage.printed().is_empty());
    }
}

#[test]
fn without_credentials_a_connection_is_opened_and_the_question_put_again() {
    let mut asked_before = false;
    let mut stage = fleet()
        .answering(move |_| {
            if std::mem::replace(&mut asked_before, true) {
                shadow(document("{\"version\":1}"))
            } else {
                shadow(ShadowReply::NoConnection)
            }
        })
        .streaming([connected()]);
    assert_eq!(stage.run(&["shadow", "get", "RPI"]), Exit::Done);
    assert_eq!(stage.printed(), [r#"{"version":1}"#]);
    let bare = Opening {
        manual_ack: true,
        filters: Vec::new(),
        bare: true,
    };
    assert!(stage.deeds.contains(&Deed::Open(bare)));
    assert_eq!(stage.deeds.last(), Some(&Deed::Close));
}

#[test]
fn a_host_that_cannot_be_reached_says_so() {
    let unreachable = link(LinkState::Reconnecting {
        at: Mono::default(),
        attempt: 1,
        why: problem("no route", Exit::Unreachable),
    });
    let mut stage = fleet()
        .answering(|_| shadow(ShadowReply::NoConnection))
        .streaming([unreachable]);
    assert_eq!(stage.run(&["shadow", "get", "RPI"]), Exit::Unreachable);
}

#[test]
fn an_interrupt_ends_the_wait() {
    let mut stage = fleet()
        .answering(|_| shadow(ShadowReply::NoConnection))
        .streaming([Heard::Interrupt]);
    assert_eq!(stage.run(&["shadow", "get", "RPI"]), Exit::Interrupted);
}

#[test]
fn named_shadows_are_listed_one_a_line() {
    let names = vec!["config".to_owned(), "wi\u{1b}fi".to_owned()];
    let mut stage = fleet().answering(move |_| shadow(ShadowReply::Names(names.clone())));
    assert_eq!(stage.run(&["shadow", "list", "RPI"]), Exit::Done);
    assert_eq!(stage.printed(), ["config", "wi\\efi"]);
}

#[test]
fn deleting_prints_what_was_deleted() {
    let mut stage = fleet().answering(|_| {
        shadow(ShadowReply::Deleted {
            raw: Arc::from("{\"version\":7,\"timestamp\":1}"),
        })
    });
    assert_eq!(
        stage.run(&["shadow", "delete", "RPI", "--name", "wifi"]),
        Exit::Done
    );
    assert_eq!(asked(&stage), [ShadowRequest::Delete(key(Some("wifi")))]);
    assert_eq!(stage.printed(), [r#"{"version":7,"timestamp":1}"#]);
}

#[test]
fn other_platforms_have_no_shadows() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["shadow", "get", "washer"]), Exit::Usage);
    assert!(
        stage.talk().contains("`shadow` is not for profile"),
        "{}",
        stage.talk()
    );
}
