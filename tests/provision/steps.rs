//! What is done, in which order, and what of it can be seen.

use std::time::Duration;

use serde_json::json;
use thingdeck::base::problem::Exit;
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::Version;
use thingdeck::domain::provision::NewThing;

use crate::script::{CANARY, CSR, Fault, KEYS, REGISTER, Script, aws, lamp};

#[test]
fn a_key_made_by_aws_is_on_the_disk_before_the_thing_is_registered() {
    let script = Script::new();
    let thing = script.provision(lamp(false)).expect("a thing");
    assert_eq!(
        script.deeds(),
        [
            "listen",
            &format!("subscribe {KEYS}/accepted"),
            &format!("subscribe {KEYS}/rejected"),
            &format!("subscribe {REGISTER}/accepted"),
            &format!("subscribe {REGISTER}/rejected"),
            &format!("subscribe {KEYS}/accepted"),
            &format!("subscribe {KEYS}/rejected"),
            &format!("subscribe {REGISTER}/accepted"),
            &format!("subscribe {REGISTER}/rejected"),
            &format!("publish {KEYS}"),
            "keep provision.key",
            "keep provision.crt",
            "keep provision.json",
            &format!("subscribe {KEYS}/accepted"),
            &format!("subscribe {KEYS}/rejected"),
            &format!("subscribe {REGISTER}/accepted"),
            &format!("subscribe {REGISTER}/rejected"),
            &format!("publish {REGISTER}"),
            "keep provision.json",
            &format!("unsubscribe {KEYS}/accepted"),
            &format!("unsubscribe {KEYS}/rejected"),
            &format!("unsubscribe {REGISTER}/accepted"),
            &format!("unsubscribe {REGISTER}/rejected"),
        ]
    );
    assert_eq!(thing.thing, "lamp-1");
    assert_eq!(thing.certificate, "PEM of certificate 1");
    assert_eq!(thing.key.expose(), format!("key-{CANARY}-1"));
    assert_eq!(
        thing.configuration.as_deref(),
        Some(&json!({"site": "north"}))
    );
    assert_eq!(
        script.body(REGISTER),
        json!({"certificateOwnershipToken": format!("token-{CANARY}-1"), "parameters": {"SerialNumber": "1"}})
    );
}

#[test]
fn each_step_is_told_and_the_tokens_life_is_counted_down() {
    let script = Script::new();
    script.provision(lamp(false)).expect("a thing");
    assert_eq!(
        script.marks(),
        ["answers done", "certificate done", "register done"]
    );
    assert_eq!(
        script.until(),
        Some(script.now().plus(Duration::from_hours(1)))
    );
    assert!(
        script
            .steps()
            .iter()
            .any(|step| step.contains("template Fleet, 1 parameter"))
    );
}

#[test]
fn a_key_made_here_is_kept_first_and_never_sent() {
    let script = Script::new();
    let thing = script.provision(lamp(true)).expect("a thing");
    let deeds = script.deeds();
    let at = |deed: &str| deeds.iter().position(|d| d == deed).expect(deed);
    assert!(
        at("keep provision.key") < at(&format!("publish {CSR}")),
        "{deeds:?}"
    );
    assert!(
        at("keep provision.crt") < at(&format!("publish {REGISTER}")),
        "{deeds:?}"
    );
    assert_eq!(
        script.body(CSR),
        json!({"certificateSigningRequest": "PEM of a request"})
    );
    assert_eq!(thing.key.expose(), format!("own-key-{CANARY}"));
    assert_eq!(
        script.marks(),
        [
            "answers done",
            "key done",
            "certificate done",
            "register done"
        ]
    );
}

#[test]
fn nothing_is_left_once_the_thing_is_saved_elsewhere() {
    let script = Script::new();
    script.provision(lamp(false)).expect("a thing");
    assert_eq!(script.files().len(), 3);
    script.saved();
    assert!(script.files().is_empty(), "{:?}", script.files().keys());
}

#[test]
fn a_registered_thing_that_was_not_saved_is_handed_out_again_without_another_one() {
    let script = Script::new();
    let first = script.provision(lamp(false)).expect("a thing");
    let again = script.provision(lamp(false)).expect("the same");
    assert_eq!(first, again);
    assert_eq!((script.certificates(), script.registered().len()), (1, 1));

    let other = NewThing::new("Fleet", Vec::new(), false).expect("a new thing");
    let problem = script
        .provision(other)
        .expect_err("that would lose the first");
    assert_eq!(problem.exit, Exit::Usage);
    assert!(problem.cause.contains("lamp-1"), "{problem}");
    assert_eq!(script.certificates(), 1);
}

#[test]
fn neither_key_nor_token_is_told_to_anybody() {
    let script = Script::new();
    let thing = script.provision(lamp(false)).expect("a thing");
    script.saved();
    script.fault(
        REGISTER,
        Fault::Odd("{\"thingName\": 1, \"certificateOwnershipToken\": \"c4nary\"}"),
    );
    let problem = script.provision(lamp(true)).expect_err("no thing");
    script.change_files(std::collections::BTreeMap::clear);
    script.fault(
        KEYS,
        Fault::Odd("{\"certificateId\": \"1\", \"privateKey\": \"c4nary"),
    );
    let unreadable = script.provision(lamp(false)).expect_err("no certificate");
    let all = format!("{}{thing:?}{problem:?}{unreadable:?}", script.told());
    assert!(!all.contains(CANARY), "{all}");
}

#[test]
fn mqtt_5_asks_with_an_acknowledgement_that_can_say_no() {
    let script = Script::new();
    script
        .provision_with(&aws(Version::V5), lamp(false))
        .expect("a thing");
    let requests = [KEYS, REGISTER].map(|topic| (topic.to_owned(), Qos::AtLeastOnce));
    assert_eq!(script.requests(), requests);
}
