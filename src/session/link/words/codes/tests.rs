use super::*;

fn place(version: Version) -> Place {
    Place {
        host: "broker".to_owned(),
        port: 1883,
        version,
        patience: std::time::Duration::from_secs(5),
    }
}

fn connack(version: Version, code: u8) -> (EndClass, String, String) {
    let farewell = Farewell {
        code,
        ..Farewell::default()
    };
    let end = refused(&farewell, &place(version));
    (end.class, end.problem.cause, end.problem.remedy)
}

#[test]
fn both_versions_say_the_same_of_the_same() {
    use Version::{V5, V311};
    let cases = [
        (1, 0x84, Refused),
        (2, 0x85, Refused),
        (3, 0x88, Passing),
        (4, 0x86, Refused),
        (5, 0x87, Refused),
    ];
    for (old, new, class) in cases {
        let (found, words, _) = connack(V311, old);
        assert_eq!(found, class, "{words}");
        let (found, new_words, _) = connack(V5, new);
        assert_eq!(found, class, "{new_words}");
        let bare = |words: &str| {
            words
                .split_once(" (")
                .map(|(bare, _)| bare.replace("3.1.1", "5"))
        };
        assert_eq!(bare(&words), bare(&new_words));
    }
}

#[test]
fn a_broker_without_mqtt_5_is_answered_with_the_older_version() {
    for code in [1, 0x84] {
        let (class, words, remedy) = connack(Version::V5, code);
        assert_eq!(class, Refused);
        assert_eq!(
            words,
            format!("the broker does not speak MQTT 5 (CONNACK {code})")
        );
        assert_eq!(remedy, "set `version = \"3.1.1\"` in the profile");
    }
}

#[test]
fn codes_that_nobody_defined_are_refusals_with_their_number() {
    for (version, code) in [(Version::V311, 7), (Version::V311, 13), (Version::V5, 0xee)] {
        let (class, words, _) = connack(version, code);
        assert_eq!(class, Refused);
        assert!(
            words.contains(&format!("with code {code}, which MQTT {}", version.word())),
            "{words}"
        );
    }
}

#[test]
fn every_code_has_words_and_those_that_pass_are_tried_again() {
    for code in 1..=255 {
        let farewell = Farewell {
            code,
            reason: Some("because".to_owned()),
            reference: None,
        };
        for end in [
            refused(&farewell, &place(Version::V5)),
            disconnected(&farewell, &place(Version::V5)),
        ] {
            let again = matches!(end.class, Passing | HungUp);
            assert_eq!(end.problem.retry == Retry::Backoff, again, "{code}");
            assert!(
                end.problem.cause.ends_with(": because"),
                "{}",
                end.problem.cause
            );
            assert!(
                end.problem.cause.contains(&code.to_string()),
                "{}",
                end.problem.cause
            );
        }
    }
}

#[test]
fn a_disconnect_is_classed_by_what_follows_from_it() {
    let class = |code| {
        let farewell = Farewell {
            code,
            ..Farewell::default()
        };
        disconnected(&farewell, &place(Version::V5)).class
    };
    assert_eq!(class(0x8e), TakenOver);
    assert_eq!(class(0x8b), Passing, "shutting down");
    assert_eq!(
        class(0x87),
        HungUp,
        "not authorized: what we asked for is looked for"
    );
    assert_eq!(class(0x8a), Refused, "banned");
    assert_eq!(class(0), HungUp);
    assert_eq!(class(0xee), HungUp);
}

#[test]
fn another_server_is_named() {
    let farewell = Farewell {
        code: 0x9d,
        reason: Some("see you there".to_owned()),
        reference: Some("b.example:8883".to_owned()),
    };
    let end = disconnected(&farewell, &place(Version::V5));
    assert_eq!(end.class, Refused);
    let words =
        "the broker ended the connection: the server has moved (DISCONNECT 157): see you there";
    assert_eq!(end.problem.cause, words);
    let remedy = "connect to b.example:8883, which the broker names instead";
    assert_eq!(end.problem.remedy, remedy);
}

#[test]
fn a_suback_says_what_was_granted_or_why_not() {
    let found = [
        granted(1, None),
        granted(0x80, None),
        granted(0x87, Some("not yours")),
        granted(0xee, None),
    ];
    let refused = |words: &str| Err(words.to_owned());
    let expected = [
        Ok(Qos::AtLeastOnce),
        refused("the broker refused this filter (code 128)"),
        refused("the broker refused this filter: not authorized (code 135): not yours"),
        refused(
            "the broker refused this filter: for a reason that MQTT does not define (code 238)",
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_acknowledgement_is_a_yes_a_note_or_a_problem() {
    let answer = |code, reason: Option<&str>| Answer {
        packet: 1,
        code,
        reason: reason.map(str::to_owned),
    };
    let note = |answer| published(&answer, "t").map(|delivered| delivered.note);
    assert_eq!(note(answer(0, None)), Ok(None));
    assert_eq!(
        note(answer(0x10, None)),
        Ok(Some("nobody is subscribed to it".to_owned()))
    );
    let problem = note(answer(0x87, Some("not yours"))).unwrap_err();
    assert_eq!(problem.what, "could not publish to t");
    let cause = "the broker refused it: not authorized (code 135): not yours";
    assert_eq!(
        (problem.cause.as_str(), problem.exit),
        (cause, Exit::Refused)
    );
    assert_eq!(note(answer(0x97, None)).unwrap_err().retry, Retry::Backoff);
}
