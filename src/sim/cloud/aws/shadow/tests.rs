//! The shadow service, without a broker.

use super::*;

fn request(verb: Verb) -> ShadowRequest<'static> {
    ShadowRequest {
        thing: "RPI",
        name: None,
        verb,
    }
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn update(shadows: &mut Shadows, body: &Value) -> Outcome {
    let body = body.to_string();
    shadows.request(request(Verb::Update), body.as_bytes(), true, NOW)
}

fn rejected(outcome: Outcome) -> (u16, String) {
    let rejection = outcome.answer.expect_err("rejected");
    (rejection.code, rejection.message)
}

fn topics(outcome: &Outcome) -> Vec<&str> {
    let all = outcome.publications.iter();
    all.map(|p| p.topic.rsplit("shadow/").next().unwrap_or_default())
        .collect()
}

#[test]
fn a_first_update_has_version_1_and_a_null_removes() {
    let mut shadows = Shadows::default();
    let first = update(
        &mut shadows,
        &json!({"state": {"reported": {"led": "on", "net": {"rssi": -60, "ip": "10.0.0.2"}}}, "clientToken": "t"}),
    );
    let accepted = first.answer.expect("accepted");
    assert_eq!(accepted["version"], 1);
    assert_eq!(accepted["clientToken"], "t");
    let stamp = json!({"timestamp": 1_700_000_000});
    assert_eq!(accepted["metadata"]["reported"]["net"]["rssi"], stamp);
    update(
        &mut shadows,
        &json!({"state": {"reported": {"led": null, "net": {"ip": null}}}}),
    );
    let document = shadows.document("RPI", None).expect("a document");
    assert_eq!(document.version, 2);
    assert_eq!(document.reported(), Some(&json!({"net": {"rssi": -60}})));
    update(&mut shadows, &json!({"state": {"reported": null}}));
    let document = shadows.document("RPI", None).expect("a document");
    assert_eq!(document.reported(), None);
}

#[test]
fn what_is_desired_and_not_reported_is_the_delta() {
    let mut shadows = Shadows::default();
    let outcome = update(
        &mut shadows,
        &json!({"state": {
            "desired": {"led": "on", "zones": [1, 2], "net": {"on": true, "ip": 1}},
            "reported": {"led": "off", "zones": [1], "net": {"on": true, "ip": 2}, "only": 1},
        }}),
    );
    assert_eq!(
        topics(&outcome),
        ["update/accepted", "update/delta", "update/documents"]
    );
    let delta: Value = serde_json::from_slice(&outcome.publications[1].payload).unwrap();
    assert_eq!(
        delta["state"],
        json!({"led": "on", "zones": [1, 2], "net": {"ip": 1}})
    );
    let got = shadows.request(request(Verb::Get), b"", true, NOW);
    assert_eq!(
        got.answer.expect("a document")["state"]["delta"],
        delta["state"]
    );
    let agreed = json!({"state": {"reported": {"led": "on", "zones": [1, 2], "net": {"ip": 1}}}});
    let outcome = update(&mut shadows, &agreed);
    assert_eq!(topics(&outcome), ["update/accepted", "update/documents"]);
}

#[test]
fn each_mistake_has_its_code_and_words() {
    let mut shadows = Shadows::default();
    for (body, code, words) in [
        ("{", 400, "Invalid JSON"),
        ("[]", 400, "Invalid JSON"),
        ("{}", 400, "Missing required node: state"),
        (r#"{"state":1}"#, 400, "State node must be an object"),
        (
            r#"{"state":{"desired":1}}"#,
            400,
            "Desired node must be an object",
        ),
        (
            r#"{"state":{"reported":"x"}}"#,
            400,
            "Reported node must be an object",
        ),
        (r#"{"state":{},"version":"1"}"#, 400, "Invalid version"),
        (r#"{"state":{},"version":7}"#, 409, "Version conflict"),
        (
            r#"{"state":{},"clientToken":1}"#,
            400,
            "Invalid clientToken",
        ),
        (
            r#"{"state":{"reported":{"a":[1,null]}}}"#,
            400,
            "invalid node",
        ),
        (r#"{"state":{"other":{}}}"#, 400, "invalid node"),
        (
            r#"{"state":{"reported":{"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":1}}}}}}}}}}}"#,
            400,
            "too many levels",
        ),
    ] {
        let outcome = shadows.request(request(Verb::Update), body.as_bytes(), false, NOW);
        let (found, message) = rejected(outcome);
        assert_eq!(found, code, "{body}");
        assert!(message.contains(words), "{body}: {message}");
    }
    let outcome = shadows.request(request(Verb::Update), b"\xff", true, NOW);
    assert_eq!(rejected(outcome).0, 415);
}

#[test]
fn the_merged_document_is_what_may_not_be_too_large() {
    let mut shadows = Shadows::default();
    let text = "x".repeat(5000);
    update(&mut shadows, &json!({"state": {"reported": {"a": text}}}));
    let outcome = update(&mut shadows, &json!({"state": {"reported": {"b": text}}}));
    assert_eq!(rejected(outcome).0, 413);
    let document = shadows.document("RPI", None).expect("the old one");
    assert_eq!(document.version, 1);
}

#[test]
fn deleting_keeps_the_version() {
    let mut shadows = Shadows::default();
    let body = json!({"state": {"reported": {"a": 1}}});
    update(&mut shadows, &body);
    update(&mut shadows, &body);
    let deleted = shadows.request(request(Verb::Delete), b"", true, NOW);
    assert_eq!(deleted.answer.expect("deleted")["version"], 2);
    let got = shadows.request(request(Verb::Get), b"", true, NOW);
    assert_eq!(
        rejected(got),
        (404, "No shadow exists with name: 'RPI'".to_owned())
    );
    let again = update(&mut shadows, &body);
    assert_eq!(again.answer.expect("accepted")["version"], 3);
}

#[test]
fn the_twenty_first_request_of_a_second_is_one_too_many() {
    let mut shadows = Shadows::default();
    let codes: Vec<_> = (0..21)
        .map(|_| rejected(shadows.request(request(Verb::Get), b"", true, NOW)).0)
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == 404).count(), 20);
    assert_eq!(codes.last(), Some(&429));
}
