use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::dice::Dice;
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;

fn sheet(topic: &str, kind: PayloadKind, payload: &str) -> Sheet {
    Sheet {
        topic: topic.to_owned(),
        kind,
        payload: payload.to_owned(),
        ..Sheet::default()
    }
}

fn draft_of(sheet: &Sheet, version: Version) -> Result<Draft, Finding> {
    let variables = BTreeMap::from([("BAD".to_owned(), Some(Secret::new("a/+")))]);
    let mut dice = Dice::new(1);
    let mut values = Values {
        now: Timestamp(0),
        seq: 4,
        dice: &mut dice,
        variables: &variables,
    };
    sheet.draft(version, &mut values, None)
}

fn refusal(sheet: &Sheet) -> String {
    draft_of(sheet, Version::V5).unwrap_err().words
}

#[test]
fn a_topic_that_no_broker_takes_is_refused_with_the_reason() {
    let why = |topic: &str| refusal(&sheet(topic, PayloadKind::Text, ""));
    assert!(why("").contains("it is empty"));
    assert!(why("a/+/b").contains("wildcards"));
    assert!(why("a/#").contains("wildcards"));
    assert!(why(&"x".repeat(65_536)).contains("65536 bytes"));
    assert!(why("a\0").contains("NUL"));
    assert!(why("a\u{7}").contains("U+0007"));
    assert!(why("a/{{env BAD}}").contains("wildcards"));
    assert!(why("a/{{env NONE}}").contains("no variable NONE"));
    assert!(why("a/{{sek}}").contains("{{seq}}"));
}

#[test]
fn what_can_be_sent_but_surprises_is_said() {
    let hint = |topic: &str| {
        let found = sheet(topic, PayloadKind::Text, "x").findings(Version::V5);
        found.first().map(|f| (f.weight, f.words.clone()))
    };
    assert_eq!(hint("home/lamp"), None);
    let (weight, words) = hint("$SYS/x").unwrap();
    assert_eq!(weight, Weight::Hint);
    assert!(words.contains("the broker's own"));
    assert!(hint("/a").unwrap().1.contains("empty"));
    let mut forgets = sheet("a", PayloadKind::Text, "");
    forgets.retain = true;
    assert!(forgets.findings(Version::V311)[0].words.contains("forgets"));
}

#[test]
fn bytes_are_read_and_what_is_wrong_with_them_has_its_place() {
    let bytes = |kind, text| draft_of(&sheet("t", kind, text), Version::V311).map(|d| d.payload);
    let hex = PayloadKind::Hex;
    assert_eq!(
        bytes(hex, "00 ff:0A\n7f").unwrap().as_ref(),
        b"\x00\xff\x0a\x7f"
    );
    assert_eq!(
        bytes(PayloadKind::Base64, "/w A").unwrap().as_ref(),
        b"\xff\x00"
    );
    assert_eq!(
        bytes(PayloadKind::Base64, "_wA=").unwrap().as_ref(),
        b"\xff\x00"
    );
    let why = |kind, text| refusal(&sheet("t", kind, text));
    assert_eq!(why(hex, "00\n0g"), "line 2, column 2: 'g' is no hex digit");
    assert!(why(hex, "00 0").starts_with("line 1, column 4: half a byte"));
    assert!(why(PayloadKind::Base64, "ab$d").starts_with("line 1, column 3"));
    assert!(why(PayloadKind::Base64, "a").contains("too early"));
    assert!(why(PayloadKind::Base64, "aa==aa").contains("nothing may follow"));
    assert!(why(PayloadKind::File, " ").contains("name the file"));
}

#[test]
fn properties_need_mqtt_5() {
    let mut with = sheet("t", PayloadKind::Text, "x");
    with.properties.content_type = "application/json".to_owned();
    let refused = draft_of(&with, Version::V311).unwrap_err();
    assert_eq!(refused.place, Place::Properties);
    assert!(refused.words.contains("3.1.1"), "{}", refused.words);
    let draft = draft_of(&with, Version::V5).unwrap();
    assert_eq!(
        draft.properties.unwrap().content_type.as_deref(),
        Some("application/json")
    );
}

#[test]
fn properties_that_mean_nothing_say_so() {
    let why = |change: fn(&mut PropertyTexts)| {
        let mut texts = PropertyTexts::default();
        change(&mut texts);
        texts.read().unwrap_err()
    };
    assert!(why(|p| "soon".clone_into(&mut p.expiry)).contains("whole number of seconds"));
    assert!(why(|p| "a/+".clone_into(&mut p.response_topic)).contains("wildcards"));
    assert!(why(|p| "hex:0".clone_into(&mut p.correlation)).contains("half a byte"));
    assert!(why(|p| "unit".clone_into(&mut p.user)).contains("name=value"));
}

#[test]
fn a_message_is_sent_again_as_it_came() {
    let properties = Properties {
        content_type: Some("image/png".to_owned()),
        correlation_data: Some(Bytes::from_static(b"\xff\x00")),
        user: vec![
            ("a=b".to_owned(), " x, \\ ".to_owned()),
            (String::new(), String::new()),
        ],
        expiry: Some(7),
        utf8: Some(false),
        ..Properties::default()
    };
    let payload = b"\x89PNG\r\n\x1a\n";
    let sheet =
        Sheet::of_message("a/{{b", payload, Qos::ExactlyOnce, true, Some(&properties)).unwrap();
    let draft = draft_of(&sheet, Version::V5).unwrap();
    assert_eq!(draft.topic.as_str(), "a/{{b");
    assert_eq!(draft.payload.as_ref(), payload);
    assert_eq!((draft.qos, draft.retain), (Qos::ExactlyOnce, true));
    assert_eq!(draft.properties.as_deref(), Some(&properties));
}

#[test]
fn an_entry_keeps_placeholders_as_they_were_typed() {
    let mut kept = sheet(
        "t/{{env SITE}}",
        PayloadKind::Text,
        "{\"id\":\"{{uuid}}\"}\n",
    );
    kept.properties.user = "a=1".to_owned();
    let entry = Entry {
        at: Timestamp(5),
        sent: true,
        sheet: kept,
    };
    let line = entry.line().unwrap();
    assert!(
        line.contains("{{env SITE}}") && !line.contains('\n'),
        "{line}"
    );
    assert_eq!(Entry::read(&line), Ok(entry));
    assert!(Entry::read("{\"v\":1").is_err());
    assert!(Entry::read("{\"v\":9,\"at\":1,\"sent\":true,\"topic\":\"a\",\"payload\":\"\",\"qos\":0,\"retain\":false}").is_err());
}

#[test]
fn a_template_joins_a_file_without_disturbing_it() {
    let file =
        "# mine\n[lamp]  # kitchen\ntopic = \"home/lamp\"\npayload = '''{\n  \"on\": true\n}'''\n";
    let mut new = sheet("a/b", PayloadKind::Hex, "00");
    new.qos = Qos::AtLeastOnce;
    new.properties.content_type = "x/y".to_owned();
    let template = Template {
        name: "the second".to_owned(),
        sheet: new.clone(),
    };
    let written = template.put_into(file).unwrap();
    assert!(written.starts_with(file), "{written}");
    let all = Template::read_all(&written).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].sheet.payload, "{\n  \"on\": true\n}");
    assert_eq!(all[1].sheet, new);
    let without = Template::take_out("the second", &written).unwrap();
    assert_eq!(Template::read_all(&without).unwrap().len(), 1);
    let replaced = Template {
        name: "lamp".to_owned(),
        sheet: new,
    };
    assert!(
        replaced
            .put_into(file)
            .unwrap()
            .starts_with("# mine\n[lamp]")
    );
}

#[test]
fn a_file_that_is_not_understood_says_where_and_is_not_written_over() {
    let wrong = "[lamp]\ntopic = \"a\"\nqoss = 1\n";
    let why = Template::read_all(wrong).unwrap_err().to_string();
    assert!(why.contains("line 3") && why.contains("qoss"), "{why}");
    let template = Template {
        name: "x".to_owned(),
        sheet: Sheet::default(),
    };
    assert!(template.put_into(wrong).is_err());
}

#[test]
fn everything_below_a_topic_has_one_filter() {
    let filter = |topic| below(topic).map(|f| f.as_str().to_owned());
    assert_eq!(filter("home/lamps"), Ok("home/lamps/#".to_owned()));
    assert_eq!(filter("home/#"), Ok("home/#".to_owned()));
    assert!(filter("").is_err());
    assert!(filter("a/+").is_err());
}

proptest! {
    #[test]
    fn any_payload_goes_out_byte_for_byte(payload in proptest::collection::vec(any::<u8>(), 0..300), big in any::<bool>()) {
        let payload = if big { payload.repeat(40) } else { payload };
        let sheet = Sheet::of_message("t", &payload, Qos::AtMostOnce, false, None).unwrap();
        let draft = draft_of(&sheet, Version::V311).unwrap();
        prop_assert_eq!(draft.payload.as_ref(), payload.as_slice());
    }

    #[test]
    fn any_text_goes_out_byte_for_byte(payload in "\\PC{0,40}[\\r\\n{}\\t]{0,8}\\PC{0,10}") {
        let sheet = Sheet::of_message("t", payload.as_bytes(), Qos::AtMostOnce, false, None).unwrap();
        let draft = draft_of(&sheet, Version::V311).unwrap();
        prop_assert_eq!(draft.payload.as_ref(), payload.as_bytes());
    }

    #[test]
    fn user_properties_come_back_as_they_were(pairs in proptest::collection::vec(("[a,=\\\\ ]{0,6}", "[b,=\\\\ ]{0,6}"), 1..4)) {
        let properties = Properties { user: pairs, ..Properties::default() };
        prop_assert_eq!(PropertyTexts::of(&properties).read(), Ok(properties));
    }
}
