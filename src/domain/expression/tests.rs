//! What the language means, and what it says to mistakes.

use super::*;

const WASHER: &str = r#"{"pushType":"DEVICE_STATUS","report":{"runState":{"currentState":"RUNNING"},"temp":25.5,"list":[{"x":1},{"x":"7"}],"big":9007199254740993,"off":null,"a b":true}}"#;

fn is_meant(expression: &str, payload: &str) -> bool {
    let device = DeviceId::new("ABC123");
    let subject = Subject {
        sender: Sender {
            kind: Kind::Event,
            topic: "app/clients/x/push",
            device: Some(&device),
            device_name: Some("거실 Washer"),
        },
        gist: "washing is complete",
        payload: payload.as_bytes(),
        size: payload.len() as u64,
        at: Timestamp::from_seconds(1_000_000),
        qos: Qos::AtLeastOnce,
        retain: true,
        ..Subject::default()
    };
    let here = Here {
        now: Timestamp::from_seconds(1_000_100),
        zone: 0,
    };
    let expression = Expression::parse(expression)
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
        .at(here);
    let found = expression.matches(&subject);
    let facts = [expression.facts(&subject.sender)];
    let hay = [payload.as_bytes(), subject.gist.as_bytes()].concat();
    assert!(
        !(found && expression.is_ruled_out(&facts, &hay)),
        "what matches is never ruled out"
    );
    found
}

#[test]
fn words_fields_and_comparisons_find_what_they_name() {
    let yes = [
        "running",
        "WASHING",
        "clients/x",
        "\"washing is\"",
        "kind:event",
        "kind:push or device:washer",
        "device:abc",
        "device:\"거실 washer\"",
        "topic:app/#",
        "topic:clients",
        "-kind:push",
        "not kind:push",
        "kind:event running -stopped",
        "kind:event and running",
        "(kind:push or kind:event) running",
        "-(kind:push or stopped)",
        ".report.runState.currentState == \"RUNNING\"",
        ".report.runState.currentState=RUNNING",
        "currentState == RUNNING",
        "runState.currentState != END",
        "temp>25",
        "temp > 25 temp<=25.5 temp >= 25.5",
        ".report.list[1].x == 7",
        "x < 2",
        ".report[\"a b\"] == true",
        ".report.\"a b\"",
        ".report.off == null",
        "big == 9007199254740993",
        ".",
        "mode:x or running",
        "kind:ev",
        "dir:in qos:1 retain:true dup:false",
        "size>100 size<=1k",
        "after:2m before:10s",
        "after:1970-01-12T13:46 before:1970-01-12T13:46:41",
        "re:/\"current\\w+\":\"RUN/",
        "re:/running/i -re:/running/",
        "re:/app\\/clients/",
        "\"size\" > 5 or running",
    ];
    for expression in yes {
        assert!(is_meant(expression, WASHER), "{expression}");
    }
    let no = [
        "stopped",
        "kind:push",
        "device:dryer",
        "topic:other/#",
        "kind:event stopped",
        "-running",
        "temp>26",
        "temp == \"25.5\"",
        ".temp > 1",
        ".report.list[2].x",
        "big == 9007199254740992",
        "missing != 1",
        "mode:x",
        "dir:out",
        "qos:0",
        "retain:no",
        "size>1k",
        "after:1m",
        "before:2m",
        "re:/^running/i",
    ];
    for expression in no {
        assert!(!is_meant(expression, WASHER), "{expression}");
    }
}

#[test]
fn a_payload_that_is_no_json_compares_with_nothing() {
    assert!(!is_meant("temp>1", "temp 5"));
    assert!(!is_meant("temp!=1", "temp 5"));
    assert!(is_meant("-temp>1", "temp 5"));
    assert!(is_meant(". > 20", "21.5"));
    assert!(is_meant("temp", "temp 5"));
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let cases = [
        ("", "something is missing here (at character 1)"),
        ("a or", "something is missing here (at character 5)"),
        ("(a", "this ( is never closed (at character 1)"),
        ("a)", "this ) closes nothing (at character 2)"),
        ("()", "something is missing before this ) (at character 2)"),
        ("x \"abc", "this quote is never closed (at character 3)"),
        (
            "temp >",
            "a value must follow the comparison (at character 7)",
        ),
        (
            "> 5",
            "a name or a path must stand before this comparison (at character 1)",
        ),
        (
            "knd:push",
            "knd: is not known; did you mean kind:? (at character 1)",
        ),
        (
            "devices:x",
            "devices: is not known; did you mean device:? (at character 1)",
        ),
        (
            ".a..b",
            "a member name must follow the dot (at character 4)",
        ),
        (
            ".a[x]",
            "a number or a quoted name belongs in [ ] (at character 4)",
        ),
        (".a[1", "this [ is never closed (at character 3)"),
        (
            "- x",
            "- stands right before what must not match (at character 2)",
        ),
        (
            "re:abc",
            "a pattern stands between slashes: re:/…/ (at character 1)",
        ),
        (
            "x re:/abc",
            "this pattern is never closed with / (at character 3)",
        ),
        (
            "re:/a(/",
            "this is no pattern: unclosed group (at character 1)",
        ),
        ("qos:3", "qos: is 0, 1 or 2 (at character 1)"),
        (
            "size>big",
            "\"big\" is no size; try 512, 1k or 2MiB (at character 5)",
        ),
        (
            "after:noon",
            "after: needs a time, as in after:10m, after:14:30 or after:2026-11-21T14:30 (at character 1)",
        ),
        (
            "topic:a/#/b",
            "\"a/#/b\" is no topic filter: # may only be the last level, alone (at character 1)",
        ),
    ];
    for (expression, said) in cases {
        let error = Expression::parse(expression).expect_err(expression);
        assert_eq!(error.to_string(), said, "{expression}");
    }
    let error = Expression::parse("kind:pusch").expect_err("no kind");
    assert!(
        error
            .what
            .starts_with("\"pusch\" is no kind; the kinds are push, event,"),
        "{error}"
    );
}

#[test]
fn no_text_makes_it_fall_over() {
    let deep = "(".repeat(100_000);
    assert!(Expression::parse(&deep).is_err());
    assert!(Expression::parse(&"-".repeat(100_000)).is_err());
    let mut roll = fastrand::Rng::with_seed(7);
    let signs = [
        "(", ")", "\"", "-", ".", "[", "]", "=", "!", "<", ">", ":", " ", "or", "and", "not",
        "kind", "a", "1", "거", "re:/", "/", "size", "after:", "\\",
    ];
    for _ in 0..20_000 {
        let text: String = (0..roll.usize(0..12))
            .map(|_| signs[roll.usize(0..signs.len())])
            .collect();
        if let Ok(expression) = Expression::parse(&text) {
            let device = DeviceId::new("d");
            expression.matches(&Subject {
                sender: Sender {
                    kind: Kind::Push,
                    topic: "t",
                    device: Some(&device),
                    device_name: None,
                },
                payload: b"{\"a\":[1]}",
                ..Subject::default()
            });
        }
    }
}

#[test]
fn a_member_is_found_however_it_is_written_and_a_broken_document_has_none() {
    assert!(is_meant(r#".temp == "x/y""#, r#"{"te\u006dp":"x\/y"}"#));
    assert!(is_meant("temp == 2", r#"{"temp":1,"temp":2,"far":1e400}"#));
    assert!(is_meant("a.b == 1", r#"{"a":{"a":{"b":1}}}"#));
    assert!(is_meant(".a[1].b", r#"{"a":[{"b":1},{"b":null}]}"#));
    assert!(!is_meant(".a[1].b", r#"{"a":[{"b":1},{"c":null}]}"#));
    assert!(!is_meant("temp == 1", r#"{"temp":1"#));
    assert!(!is_meant("temp == 1", r#"{"temp":1} x"#));
}

#[test]
fn what_is_looked_for_is_marked_and_what_must_not_be_there_is_not() {
    let expression = Expression::parse("wash re:/c[ao]m/ -is temp>1").expect("understood");
    let text = "Washing is complete, WASHED";
    let marked: Vec<_> = expression
        .marks(text)
        .into_iter()
        .map(|range| &text[range])
        .collect();
    assert_eq!(marked, ["Wash", "com", "WASH"]);
}
