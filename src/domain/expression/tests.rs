//! What the language means, and what it says to mistakes.

use super::*;
use crate::domain::decode::Chain;

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
        "re:/RUNNING.*TEMP/si",
        "runState.currentState == RUNNING AND NOT stopped",
        "stopped OR running",
        "list[1].x == 7",
        "list[].x < 2",
        ".report.list[].x == 7",
        "report[\"a b\"] == true",
        "report.\"a b\"",
        "temp>25.",
        "temp>.5",
        "temp == 25.50",
        "big == 9007199254740993.0",
        "big > 9007199254740992",
        "topic:app/clients/x/push",
        "device:WASHER",
        "size>=100 size<1MiB",
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
        "list[0].x == 7",
        "list[2].x == 1",
        "\"report.temp\" > 1",
        "big == 9007199254740992.5",
        "topic:+/clients/x",
        "device:123",
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
            "knd: is not known; did you mean kind:? Quotes make a word of it (at character 1)",
        ),
        (
            "devices:x",
            "devices: is not known; did you mean device:? Quotes make a word of it (at character 1)",
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
        (
            "re:/abc/iq",
            "behind a pattern stand i, m, s and x, not 'q' (at character 1)",
        ),
        (
            "a..b > 1",
            "a name is missing beside this dot; quotes make one of dots (at character 1)",
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
fn numbers_are_compared_digit_by_digit_and_keys_that_come_twice_are_both_there() {
    let payload = r#"{"far":1e400,"id":18446744073709551615,"n":"1e3","o":{"o":{"k":1,"k":2}},"on":"true","x.y":3}"#;
    for yes in [
        "id == 18446744073709551615",
        "id > 18446744073709551614",
        "far > 1e308",
        "far == 1e400",
        "n == 1000",
        "n == \"1e3\"",
        "k == 1 k == 2",
        "o.k == 1",
        "on == true",
        "on != false",
        "\"x.y\" == 3",
        ".\"x.y\" == 3",
        ".[\"x.y\"] == 3",
        "o != 1",
    ] {
        assert!(is_meant(yes, payload), "{yes}");
    }
    for no in [
        "id == 18446744073709551614",
        "far > 1e401",
        "n == \"1000\"",
        "k == 3",
        "on == false",
        "x.y == 3",
        "far == \"1e400\"",
    ] {
        assert!(!is_meant(no, payload), "{no}");
    }
}

#[test]
fn documents_one_behind_the_other_and_strings_of_c_are_looked_into() {
    let lines = "{\"a\":1}\n{\"a\":2}\n";
    for yes in ["a == 2", ".a == 1", ".[1].a == 2", "[1].a == 2 or a == 1"] {
        assert!(is_meant(yes, lines), "{yes}");
    }
    assert!(!is_meant(".[0].a == 2", lines));
    assert!(!is_meant("a == 1", "{\"a\":1}\n{\"a\":"));
    assert!(is_meant("a == 1", "{\"a\":1}\0\0"));
    assert!(!is_meant(". == 1", "1 2"));
}

#[test]
fn a_path_that_was_copied_finds_its_member_however_odd_its_name() {
    let payload = r#"{"\uac70 \"x\"":{"b-c":[{"d":5}]}}"#;
    assert!(is_meant(r#".["\uac70 \"x\""]["b-c"][0].d == 5"#, payload));
    assert!(is_meant(r#".["거 \"x\""].b-c[0].d == 5"#, payload));
}

#[test]
fn fields_take_what_topics_may_hold() {
    let topic = |expression: &str, topic: &str| {
        let subject = Subject {
            sender: Sender {
                topic,
                ..Sender::default()
            },
            ..Subject::default()
        };
        Expression::parse(expression)
            .expect(expression)
            .matches(&subject)
    };
    let cases = [
        ("topic:a=b/#", "a=b/c", true),
        ("topic:a=b", "x/a=b", true),
        ("topic:\"a b/+\"", "a b/c", true),
        ("topic:#", "$SYS/broker", false),
        ("topic:+/broker", "$SYS/broker", false),
        ("topic:$SYS/#", "$SYS/broker", true),
        ("-topic:$SYS/#", "$SYS/broker", false),
        ("topic:a/#", "a", true),
        ("topic:a/+", "a", false),
        ("topic:+/+", "/a", true),
        ("topic:집/+/온도", "집/거실/온도", true),
        ("topic:KITCHEN", "home/kitchen/x", true),
    ];
    for (expression, name, expected) in cases {
        assert_eq!(topic(expression, name), expected, "{expression} on {name}");
    }
}

#[test]
fn a_device_is_found_by_its_name_in_any_script_or_the_beginning_of_its_id() {
    let id = DeviceId::new("Küche-01");
    let found = |expression: &str, device_name: Option<&str>| {
        let subject = Subject {
            sender: Sender {
                device: Some(&id),
                device_name,
                ..Sender::default()
            },
            ..Subject::default()
        };
        Expression::parse(expression)
            .expect(expression)
            .matches(&subject)
    };
    let name = Some("거실 에어컨 ①");
    for yes in [
        "device:거실",
        "device:\"실 에어\"",
        "device:küche",
        "device:KÜCHE-0",
        "에어컨",
    ] {
        assert!(found(yes, name), "{yes}");
    }
    for no in ["device:01", "device:부엌", "-device:거실"] {
        assert!(!found(no, name), "{no}");
    }
}

/// `{"temp":27.5,"mode":"heat"}`
const CBOR: &[u8] = b"\xa2dtemp\xfb@;\x80\0\0\0\0\0dmodedheat";

fn opened(expression: &str, payload: &[u8], chain: Option<&str>) -> bool {
    let chain = chain.map(|text| {
        let mut none = |_: &str, _: Option<&str>| Err(String::new());
        Chain::parse(text, &mut none).expect(text)
    });
    let opened = Opened::of(payload, "plant/x", chain.as_ref());
    let subject = Subject {
        payload,
        opened: opened.as_ref(),
        ..Subject::default()
    };
    Expression::parse(expression)
        .expect(expression)
        .matches(&subject)
}

#[test]
fn what_a_decoder_opens_is_searched_too() {
    for yes in [
        "temp>27",
        ".temp == 27.5",
        "27.5",
        "mode == heat",
        "\"temp\":27.5",
        "heat -cold",
        "re:/mode\":\"he/",
    ] {
        assert!(opened(yes, CBOR, None), "{yes}");
    }
    for no in ["temp>28", "27.6", "-temp>27", "nosuch"] {
        assert!(!opened(no, CBOR, None), "{no}");
    }
    let packed = b"\x82\xa4temp\x1b\xa4mode\xa4heat";
    assert!(opened("temp == 27 mode == heat", packed, None));
    let gzip = {
        use std::io::Write as _;
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(br#"{"temp":27.5,"where":"\uac70\uc2e4"}"#)
            .expect("memory");
        out.finish().expect("memory")
    };
    for yes in ["temp>27", "거실", ".where == \"거실\""] {
        assert!(opened(yes, &gzip, None), "{yes}");
    }
    // Nobody would guess these, but somebody may say so.
    let base64 = b"eyJ0ZW1wIjoyNy41fQ==";
    assert!(!opened("temp>27", base64, None));
    assert!(opened("temp>27", base64, Some("base64 > json")));
    assert!(
        opened("re:/^eyJ/", base64, Some("base64 > json")),
        "as it came, too"
    );
    assert!(
        !opened("temp>27", CBOR, Some("binary")),
        "a guess that was pinned off"
    );
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

#[test]
fn a_comparison_is_marked_where_it_holds_and_a_pattern_where_it_would_match() {
    let marked = |expression: &str, text: &str| -> Vec<String> {
        let expression = Expression::parse(expression).expect(expression);
        let marks = expression.marks(text).into_iter();
        marks.map(|range| text[range].to_owned()).collect()
    };
    let text = r#"{"temp":27.5,"x":{"temp":20},"mode":"heat","거":"\uac70"}"#;
    assert_eq!(marked("temp>25", text), [r#""temp":27.5"#]);
    assert_eq!(marked(".mode == heat", text), [r#""mode":"heat""#]);
    assert_eq!(marked(".x", text), [r#""x""#]);
    assert_eq!(marked("-temp>25 heat", text), ["heat"]);
    assert_eq!(marked("거", text), ["거", "\\uac70"]);
    assert_eq!(marked("re:/^./", "aaa"), ["a"]);
    assert_eq!(marked("re:/x*/", "axxa"), ["xx"]);
    let names = |expression: &str, name: &str, is_topic: bool| -> Vec<String> {
        let expression = Expression::parse(expression).expect(expression);
        let marks = expression.marks_in_name(name, is_topic).into_iter();
        marks.map(|range| name[range].to_owned()).collect()
    };
    assert_eq!(names("topic:kit -x", "home/kitchen", true), ["kit"]);
    assert_eq!(names("device:거실 kit", "거실 Kit", false), ["거실", "Kit"]);
}
