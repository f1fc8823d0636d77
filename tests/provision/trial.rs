//! Whether the shadow follows a device that is gone: what is watched, what is cut, and what is wrong when nothing turns.

use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::connection_state::{DISCONNECTED, Proof};

use crate::script::Script;

const WILL: &str = "my/things/RPI/update";
const ACCEPTED: &str = "$aws/things/RPI/shadow/update/accepted";
const REJECTED: &str = "$aws/things/RPI/shadow/update/rejected";
// The token is of the script's random numbers.
const HERE: &str = r#"{"state":{"reported":{"connected":true}},"version":7,"clientToken":"thingdeck-070707070707070707070707"}"#;
const GONE: &str = r#"{"state":{"reported":{"connected":false}},"version":8,"clientToken":"thingdeck-070707070707070707070707"}"#;
const OURS: &str = r#"{"state":{"reported":{"connected":false}},"clientToken":"thingdeck-070707070707070707070707"}"#;
const OTHERS: &str =
    r#"{"state":{"reported":{"connected":false}},"version":8,"clientToken":"RPI-17"}"#;

fn trial(heard: &[(&'static str, &'static str)]) -> (Script, Result<Proof, Problem>) {
    let script = Script::new();
    script.vanishing(Ok(heard.to_vec()));
    let outcome = script.try_out(DISCONNECTED);
    (script, outcome)
}

#[test]
fn a_device_of_its_own_name_vanishes_and_the_shadow_turns() {
    let (script, outcome) = trial(&[(ACCEPTED, HERE), (WILL, OURS), (ACCEPTED, GONE)]);
    let proof = Proof {
        client_id: "RPI-test".to_owned(),
        version: Some(8),
    };
    assert_eq!(outcome, Ok(proof));
    let deeds = script.deeds();
    let at = |part: &str| {
        deeds
            .iter()
            .position(|deed| deed.contains(part))
            .expect(part)
    };
    assert!(
        at("subscribe my/things/RPI/update") < at("RPI-test says"),
        "{deeds:?}"
    );
    assert!(
        deeds[at("RPI-test says")].ends_with("to $aws/things/RPI/shadow/update"),
        "{deeds:?}"
    );
    assert!(deeds[at("vanishes")].ends_with(WILL), "{deeds:?}");
    assert!(at("vanishes") < at("unsubscribe"), "{deeds:?}");
    assert_eq!(
        script.marks().last().map(String::as_str),
        Some("shadow done")
    );
    assert!(
        script
            .steps()
            .contains(&"shadow running: connected = true, version 7".to_owned())
    );
}

#[test]
fn a_device_that_leaves_at_the_same_time_proves_nothing() {
    let (_, outcome) = trial(&[(ACCEPTED, HERE), (ACCEPTED, OTHERS), (WILL, DISCONNECTED)]);
    let problem = outcome.expect_err("it was somebody else");
    assert!(problem.cause.contains("no will came"), "{problem}");

    let (_, outcome) = trial(&[(ACCEPTED, HERE), (WILL, OURS), (ACCEPTED, DISCONNECTED)]);
    let problem = outcome.expect_err("the token is lost on the way");
    assert!(
        problem.cause.contains("without the clientToken"),
        "{problem}"
    );
    assert!(problem.remedy.contains("SELECT *"), "{problem}");
}

#[test]
fn a_will_that_comes_and_a_shadow_that_stays_point_at_rule_dollar_and_role() {
    let (_, outcome) = trial(&[(ACCEPTED, HERE), (WILL, OURS)]);
    let problem = outcome.expect_err("it does not follow");
    assert!(problem.cause.contains("the will came"), "{problem}");
    for hint in [
        "rule is missing",
        "one $ instead of two",
        "role",
        "iot.amazonaws.com",
    ] {
        assert!(problem.remedy.contains(hint), "{hint}: {problem}");
    }
}

#[test]
fn a_will_that_does_not_come_points_at_the_policies() {
    let (script, outcome) = trial(&[(ACCEPTED, HERE)]);
    let problem = outcome.expect_err("nothing came");
    assert!(problem.cause.contains("no will came"), "{problem}");
    assert!(
        problem
            .remedy
            .contains("iot:Publish on topic/my/things/RPI/update"),
        "{problem}"
    );
    assert_eq!(
        script.marks().last().map(String::as_str),
        Some("will failed")
    );
}

#[test]
fn what_the_shadow_refuses_is_told_in_its_words() {
    let words = r#"{"code":400,"message":"Missing required node: state"}"#;
    let (_, outcome) = trial(&[(WILL, OURS), (REJECTED, words)]);
    let problem = outcome.expect_err("refused");
    assert!(
        problem.cause.contains("400 Missing required node: state"),
        "{problem}"
    );
}

#[test]
fn a_second_connection_that_is_refused_names_what_the_policy_lacks() {
    let script = Script::new();
    let refused = Problem::new("could not connect", "AWS closed before CONNACK", "");
    script.vanishing(Err(refused.exit(Exit::Refused)));
    let problem = script.try_out(DISCONNECTED).expect_err("refused");
    assert_eq!(problem.exit, Exit::Refused);
    for hint in ["client/RPI-test", "LastWill", "topic/my/things/RPI/update"] {
        assert!(problem.remedy.contains(hint), "{hint}: {problem}");
    }
}

#[test]
fn a_payload_without_a_state_is_refused_before_anything_happens() {
    let script = Script::new();
    let problem = script
        .try_out("{\"connected\":false}")
        .expect_err("no state");
    assert!(problem.cause.contains("no state"), "{problem}");
    assert!(script.deeds().is_empty());
}

#[test]
fn a_topic_that_may_not_be_watched_is_named() {
    let script = Script::new();
    script.refuse(WILL);
    let problem = script.try_out(DISCONNECTED).expect_err("refused");
    assert!(
        problem.remedy.contains("iot:Subscribe on topicfilter/"),
        "{problem}"
    );
    assert!(!script.deeds().iter().any(|deed| deed.contains("vanishes")));
}
