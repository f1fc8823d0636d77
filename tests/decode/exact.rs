//! Nothing that is decoded is rounded, reordered or lost (F13, F16).

use proptest::prelude::*;
use serde_json::value::RawValue;
use thingdeck::app::document::{Job, View};
use thingdeck::app::screen::Line;
use thingdeck::domain::decode::{Chain, Limits, Step, decode};

use crate::corpus::documents;
use crate::write::{cbor, msgpack};

fn job(payload: &[u8], view: View) -> Job {
    Job {
        payload: bytes::Bytes::copy_from_slice(payload),
        topic: "t".to_owned(),
        pin: None,
        mask: Vec::new(),
        before: None,
        view,
        cells: 10_000,
        rows: 40,
    }
}

/// The lines as one text, blanks between the parts left out.
fn dense(payload: &[u8], view: View) -> String {
    let ready = job(payload, view).run();
    let lines: Vec<Line> = ready
        .sheet
        .visible(&[])
        .into_iter()
        .map(|row| ready.sheet.shown(row, &[]))
        .collect();
    lines
        .iter()
        .map(|line| line.iter().map(|s| s.text.as_str()).collect::<String>())
        .map(|line| line.trim_start().replacen("\": ", "\":", 1))
        .collect()
}

#[test]
fn the_pretty_view_keeps_every_number_key_and_repetition() {
    let text = r#"{"b":1.0,"a":1e400,"b":12345678901234567890,"c":[-0,0.10,1E5,9007199254740993],"d":{},"e":[]}"#;
    assert_eq!(dense(text.as_bytes(), View::Pretty), text);
}

#[test]
fn bytes_behind_the_document_are_shown_and_the_raw_view_is_exact() {
    let payload = b"{\"a\":1} tail\x00";
    assert!(dense(payload, View::Pretty).ends_with("behind the end: \" tail\\u0000\""));
    assert_eq!(dense(b"{ \"a\" : 1.0 }", View::Raw), "{ \"a\" : 1.0 }");
    assert!(dense(&[0xff, b'x'], View::Raw).contains("\\xffx"));
    assert!(dense(&[0xff, b'x'], View::Hex).contains("ff 78"));
}

#[test]
fn binary_trees_say_what_the_json_said() {
    for document in documents() {
        let expected = document.to_string();
        for (step, bytes) in [
            (Step::Cbor, cbor(&document)),
            (Step::MsgPack, msgpack(&document)),
        ] {
            let chain = Chain(vec![step]);
            let decoded = decode(&bytes, "t", Some(&chain), Limits::FULL);
            let tree = decoded.tree().expect("a tree").line(100_000);
            assert_eq!(tree, expected, "{chain}");
            assert!(decoded.trailing.is_empty());
        }
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,24})",
        "-?(0|[1-9][0-9]{0,4})\\.[0-9]{1,20}",
        "-?[1-9](\\.[0-9]{1,3})?[eE][+-]?[0-9]{1,3}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    let text = "\"([a-z가-힣 ]|\\\\n|\\\\u00e9|\\\\/|\\\\\\\\){0,8}\"";
    let leaf = prop_oneof![number(), text, "true|false|null"];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|all| format!("[{}]", all.join(","))),
            proptest::collection::vec(("\"[a-c]{1,2}\"", inner), 0..6).prop_map(|all| {
                let parts: Vec<_> = all.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                format!("{{{}}}", parts.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_json_it_is_the_pretty_view_holds_it_as_it_stood(inner in document()) {
        let text = format!("[{inner}]");
        prop_assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "{}", text);
        prop_assert_eq!(dense(text.as_bytes(), View::Pretty), text);
    }
}
