//! What holds for every line, whatever the topic and the payload are (F13, F14, F38).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const HOME: Origin<'_> = Origin {
    profile: "home",
    platform: PlatformId::Thinq,
};

fn message(topic: &str, payload: &[u8]) -> Message {
    Message {
        at: Timestamp(1_763_671_282_123_456),
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

fn push(device: &str) -> Reading {
    Reading {
        kind: Kind::Push,
        device: Some(DeviceId::new(device)),
        ..Reading::default()
    }
}

fn line(payload: &[u8]) -> String {
    encode(&message("t", payload), &Reading::default(), HOME, None)
}

/// The members from `kind` on.
fn tail_of(payload: &str) -> String {
    let line = line(payload.as_bytes());
    line.split_once("\"kind\":\"message\"")
        .expect("kind")
        .1
        .to_owned()
}

fn decoded(line: &str) -> MessageLine {
    match decode(line).expect("a line") {
        Line::Message(message) => *message,
        Line::Gap(gap) => panic!("{gap:?}"),
    }
}

#[test]
fn a_line_reads_as_the_interface_shows_it() {
    let line = encode(
        &message("app/clients/x/push", br#"{"pushType":"DEVICE_STATUS"}"#),
        &push("d1"),
        HOME,
        Some("거실 에어컨"),
    );
    assert_eq!(
        line,
        r#"{"v":1,"ts":"2025-11-20T20:41:22.123456Z","profile":"home","platform":"thinq","dir":"in","topic":"app/clients/x/push","qos":1,"retain":false,"dup":false,"kind":"push","device":{"id":"d1","name":"거실 에어컨"},"payload":{"pushType":"DEVICE_STATUS"}}"#
    );
}

#[test]
fn what_is_unknown_is_absent() {
    let line = encode(&message("t", b"1"), &push("d1"), HOME, None);
    assert!(
        line.ends_with(r#""device":{"id":"d1"},"payload":1}"#),
        "{line}"
    );
    assert_eq!(tail_of("1"), r#","payload":1}"#);
}

#[test]
fn a_gap_stands_in_its_place_as_a_line() {
    let gap = Gap {
        messages: 1203,
        bytes: 2_202_009,
    };
    let line = encode_gap(gap, Timestamp(0), HOME);
    assert_eq!(
        line,
        r#"{"v":1,"ts":"1970-01-01T00:00:00.000000Z","profile":"home","platform":"thinq","kind":"gap","messages":1203,"bytes":2202009}"#
    );
    let expected = GapLine {
        at: Timestamp(0),
        profile: "home".to_owned(),
        platform: "thinq".to_owned(),
        gap,
    };
    assert_eq!(decode(&line), Ok(Line::Gap(expected)));
}

#[test]
fn json_keeps_its_numbers_and_its_order() {
    let exact = r#"{"b":12345678901234567890,"a":1.0,"b":1e400,"c":"\ud83d","d":-0}"#;
    assert_eq!(tail_of(exact), format!(",\"payload\":{exact}}}"));
}

#[test]
fn json_that_cannot_stand_as_it_was_brings_its_exact_text() {
    let cases = [
        (
            "{\n  \"a\": 1\n}",
            r#","payload":{"a":1},"text":"{\n  \"a\": 1\n}"}"#,
        ),
        (" 1", r#","payload":1,"text":" 1"}"#),
        ("1\r\n", r#","payload":1,"text":"1\r\n"}"#),
        (
            "\"\u{202e}x\"",
            r#","payload":"\u202ex","text":"\"\u202ex\""}"#,
        ),
        (
            "{\"\u{7f}\":\"\u{2028}\"}",
            r#","payload":{"\u007f":"\u2028"},"text":"{\"\u007f\":\"\u2028\"}"}"#,
        ),
    ];
    for (payload, expected) in cases {
        assert_eq!(tail_of(payload), expected);
        assert_eq!(decoded(&line(payload.as_bytes())).payload, payload);
    }
}

#[test]
fn what_is_no_json_is_text_and_what_is_no_text_is_base64() {
    assert_eq!(tail_of(""), r#","text":""}"#);
    assert_eq!(tail_of("hello \u{1b}[2J"), r#","text":"hello \u001b[2J"}"#);
    assert_eq!(
        tail_of("{\"a\":1}{\"a\":2}"),
        r#","text":"{\"a\":1}{\"a\":2}"}"#
    );
    assert!(line(b"\xff\x00").ends_with(r#","base64":"/wA="}"#));
}

#[test]
fn null_and_deep_nesting_come_back_too() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    for payload in ["null", "{}", deep.as_str()] {
        assert_eq!(decoded(&line(payload.as_bytes())).payload, payload);
    }
    assert!(serde_json::from_str::<serde_json::Value>(&line(deep.as_bytes())).is_ok());
}

#[test]
fn what_names_a_secret_and_cannot_be_masked_is_withheld() {
    for payload in [
        &b"\xa1\x6aprivateKey\x66c4nary"[..],
        b"{\"privateKey\": \"c4nary",
    ] {
        let mut line = String::new();
        push_payload(&mut line, payload, &["privateKey"]);
        assert!(line.contains("withheld: "), "{line}");
        assert!(
            !line.contains("c4nary") && !line.contains("base64"),
            "{line}"
        );
        let mut line = String::new();
        push_payload(&mut line, payload, &[]);
        assert!(!line.contains("withheld"), "{line}");
    }
}

#[test]
fn a_masked_member_leaves_neither_its_value_nor_the_exact_text() {
    let reading = Reading {
        mask: vec!["privateKey"],
        ..Reading::default()
    };
    let payload = b"{\"id\":1,\n\"privateKey\":\"s3cret\"}";
    let line = encode(&message("t", payload), &reading, HOME, None);
    assert!(
        line.ends_with(r#","payload":{"id":1,"privateKey":"(…)"}}"#),
        "{line}"
    );
}

#[test]
fn all_that_a_line_says_is_read_back() {
    let sent = Message {
        direction: Direction::Out,
        qos: Qos::ExactlyOnce,
        retain: true,
        dup: true,
        ..message("a/\u{9b}b", b"{}")
    };
    let expected = MessageLine {
        at: sent.at,
        profile: "home".to_owned(),
        platform: "thinq".to_owned(),
        direction: Direction::Out,
        topic: sent.topic.clone(),
        qos: Qos::ExactlyOnce,
        retain: true,
        dup: true,
        kind: Kind::Push,
        device: Some(DeviceId::new("d\u{202e}")),
        device_name: Some("거실\u{1b}]52;c;x\u{7}".to_owned()),
        properties: None,
        session: false,
        payload: Bytes::from_static(b"{}"),
    };
    let line = encode(
        &sent,
        &push("d\u{202e}"),
        HOME,
        Some("거실\u{1b}]52;c;x\u{7}"),
    );
    assert_eq!(decoded(&line), expected);
}

#[test]
fn what_mqtt_5_adds_stands_between_device_and_payload_and_is_read_back() {
    let properties = Properties {
        utf8: Some(true),
        expiry: Some(60),
        content_type: Some("text/\u{202e}plain".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some(Bytes::from_static(b"id-7")),
        user: vec![
            ("k".to_owned(), "v".to_owned()),
            ("k".to_owned(), "\u{1b}[2J".to_owned()),
        ],
        subscription_ids: vec![1, 268_435_455],
    };
    let sent = Message {
        properties: Some(Box::new(properties.clone())),
        session: true,
        ..message("t", b"1")
    };
    let line = encode(&sent, &push("d"), HOME, None);
    let expected = r#""kind":"push","device":{"id":"d"},"properties":{"utf8":true,"expiry":60,"content_type":"text/\u202eplain","response_topic":"r","correlation_data":"id-7","user":[["k","v"],["k","\u001b[2J"]],"subscription_ids":[1,268435455]},"session":true,"payload":1}"#;
    assert!(line.ends_with(expected), "{line}");
    let back = decoded(&line);
    assert_eq!(
        (back.properties.as_deref(), back.session),
        (Some(&properties), true)
    );
}

#[test]
fn correlation_data_that_is_no_text_is_base64_and_no_properties_are_no_member() {
    let with = |data: &'static [u8]| {
        let properties = Properties {
            correlation_data: Some(Bytes::from_static(data)),
            ..Properties::default()
        };
        let sent = Message {
            properties: Some(Box::new(properties)),
            ..message("t", b"1")
        };
        encode(&sent, &Reading::default(), HOME, None)
    };
    let line = with(b"\xff\x00");
    assert!(
        line.contains(r#""properties":{"correlation_base64":"/wA="}"#),
        "{line}"
    );
    let back = decoded(&line).properties.expect("properties");
    assert_eq!(
        back.correlation_data.as_deref(),
        Some(b"\xff\x00".as_slice())
    );
    assert!(with(b"").contains(r#""properties":{"correlation_data":""}"#));
    let none = Message {
        properties: Some(Box::default()),
        ..message("t", b"1")
    };
    let line = encode(&none, &Reading::default(), HOME, None);
    assert!(!line.contains("properties"), "{line}");
}

#[test]
fn a_wrong_line_says_what_is_wrong() {
    let said = |line: &str| decode(line).expect_err("no line").to_string();
    let base = r#""ts":"2025-11-20T20:41:22Z","profile":"p","platform":"mqtt""#;
    assert!(said("hello").starts_with("it is no JSON object"));
    assert_eq!(
        said(&format!(r#"{{"v":2,{base},"kind":"push"}}"#)),
        "it has format version 2; this version reads 1"
    );
    assert_eq!(
        said(&format!(r#"{{"v":1,{base},"kind":"push","topic":"t"}}"#)),
        "it has no \"payload\""
    );
    assert_eq!(
        said(&format!(r#"{{"v":1,{base},"kind":"x"}}"#)),
        "\"kind\" cannot be \"x\""
    );
    assert_eq!(
        said(&format!(
            r#"{{"v":1,{base},"kind":"push","topic":"t","text":"","qos":3}}"#
        )),
        "\"qos\" cannot be \"3\""
    );
    assert!(
        decode(&format!(
            r#"{{"v":1,{base},"kind":"push","topic":"t","text":"","new":[]}}"#
        ))
        .is_ok()
    );
}

/// Text with what hurts: escape sequences, directions, separators, quotes, Korean, pictures.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\u{1b}[2J",
        "\u{1b}]52;c;aGk=\u{7}",
        "\r",
        "\n",
        "\t",
        "\0",
        "\u{9b}31m",
        "\u{7f}",
        "\u{202e}",
        "\u{2066}",
        "\u{2028}",
        "\u{feff}",
        "\u{e0041}",
        "\u{200d}",
        "\"",
        "\\",
        "\\u0000",
        "{",
        "}",
        "[",
        ",",
        ":",
        " ",
        "거실",
        "👨\u{200d}👩",
        "a",
        "1e400",
        "null",
    ]);
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

/// JSON with hostile strings, written in several ways.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f32>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        hostile().prop_map(|text| serde_json::to_string(&text).expect("a string")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let blank = prop::sample::select(vec!["", " ", "\n", "\r\n", "\t"]);
        let member = (hostile(), inner.clone(), blank.clone()).prop_map(|(name, value, blank)| {
            format!(
                "{}{blank}:{value}{blank}",
                serde_json::to_string(&name).expect("a string")
            )
        });
        prop_oneof![
            (prop::collection::vec(inner, 0..4), blank)
                .prop_map(|(items, blank)| format!("{blank}[{}]", items.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        hostile().prop_map(String::into_bytes),
        document().prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_payload_comes_back_and_no_line_is_ever_unsafe(topic in hostile(), name in hostile(), payload in payloads()) {
        let line = encode(&message(&topic, &payload), &push(&name), HOME, Some(&name));
        prop_assert!(!line.chars().any(is_unsafe), "{line}");
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&line).expect("JSON");
        prop_assert!(members.contains_key("kind"));
        let back = decoded(&line);
        prop_assert_eq!(back.payload.as_ref(), payload.as_slice());
        prop_assert_eq!(back.topic.as_str(), topic);
        prop_assert_eq!(back.device_name, Some(name));
    }
}
