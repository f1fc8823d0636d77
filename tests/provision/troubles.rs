//! What each refusal says, what a break leaves, and where the next try goes on.

use std::time::Duration;

use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::profile::Version;

use crate::script::{Fault, KEYS, REGISTER, Script, aws, lamp};

fn refused(topic: &str, fault: Fault) -> (Script, Problem) {
    let script = Script::new();
    script.fault(topic, fault);
    let problem = script.provision(lamp(false)).expect_err("refused");
    (script, problem)
}

#[test]
fn every_rejection_says_code_and_words_and_what_to_do() {
    for (topic, status, code, exit, remedy) in [
        (
            KEYS,
            403,
            "AccessDenied",
            Exit::Refused,
            "certificates/create*",
        ),
        (KEYS, 429, "Throttled", Exit::Failed, "try again"),
        (KEYS, 500, "InternalFailure", Exit::Failed, "try again"),
        (
            REGISTER,
            400,
            "InvalidParameters",
            Exit::Usage,
            "describe-provisioning-template",
        ),
        (REGISTER, 403, "ACCESS_DENIED", Exit::Refused, "hook"),
        (
            REGISTER,
            404,
            "ResourceNotFound",
            Exit::NotFound,
            "list-provisioning-templates",
        ),
        (REGISTER, 409, "Conflict", Exit::Failed, "there already"),
        (REGISTER, 503, "Unavailable", Exit::Failed, "try again"),
    ] {
        let (script, problem) = refused(topic, Fault::Rejected(status, code, "words of AWS"));
        let told = format!("AWS answered {status} {code}: words of AWS");
        assert_eq!(problem.cause, told);
        assert_eq!(problem.exit, exit, "{problem}");
        assert!(problem.remedy.contains(remedy), "{problem}");
        let failed = script.marks().pop();
        let step = if topic == KEYS {
            "certificate"
        } else {
            "register"
        };
        assert_eq!(failed, Some(format!("{step} failed")));
    }
}

#[test]
fn a_rejected_registration_names_the_certificate_that_waits_and_the_next_try_uses_it() {
    let (script, problem) = refused(REGISTER, Fault::Rejected(403, "ACCESS_DENIED", "no"));
    assert!(problem.remedy.contains("000000000000…"), "{problem}");
    assert!(problem.remedy.contains("deletes in 1 h"), "{problem}");
    script.later(Duration::from_mins(10));
    let thing = script.provision(lamp(false)).expect("a thing");
    assert_eq!(script.certificates(), 1);
    assert_eq!(thing.certificate, "PEM of certificate 1");
    assert!(script.marks().contains(&"certificate kept".to_owned()));
    assert!(
        script
            .steps()
            .iter()
            .any(|s| s.contains("lives 50 min more")),
        "{:?}",
        script.steps()
    );
}

#[test]
fn a_certificate_whose_token_has_ended_is_not_used_again_and_that_is_said() {
    let (script, _) = refused(REGISTER, Fault::Rejected(403, "ACCESS_DENIED", "no"));
    script.later(Duration::from_hours(1));
    script.provision(lamp(false)).expect("a thing");
    assert_eq!(script.certificates(), 2);
    assert!(
        script
            .steps()
            .iter()
            .any(|s| s.contains("its token has ended")),
        "{:?}",
        script.steps()
    );
}

#[test]
fn a_token_that_aws_refuses_is_forgotten() {
    let text = "Certificate ownership token cannot be empty.";
    let fault = Fault::Rejected(400, "InvalidCertificateOwnershipToken", text);
    let (script, problem) = refused(REGISTER, fault);
    assert_eq!(problem.exit, Exit::Refused);
    assert!(problem.cause.contains(text), "{problem}");
    assert!(
        problem.remedy.contains("makes a new certificate"),
        "{problem}"
    );
    assert!(script.files().is_empty(), "{:?}", script.files().keys());
}

#[test]
fn silence_is_given_up_after_ten_seconds_with_the_list_of_what_it_can_be() {
    let (script, problem) = refused(KEYS, Fault::Silent);
    assert_eq!(problem.cause, "no answer within 10 s");
    for hint in ["iot:Receive", "topicfilter/", "\"Fleet\"", "region"] {
        assert!(problem.remedy.contains(hint), "{hint}: {problem}");
    }
    assert!(script.now() >= Script::new().now().plus(Duration::from_secs(10)));
    assert!(script.files().is_empty());
}

#[test]
fn a_refused_answer_topic_is_told_before_anything_is_made() {
    let script = Script::new();
    script.refuse(&format!("{REGISTER}/rejected"));
    let problem = script.provision(lamp(false)).expect_err("refused");
    assert_eq!(problem.exit, Exit::Refused);
    assert!(problem.what.contains("nothing was made"), "{problem}");
    assert!(
        problem.remedy.contains("iot:Subscribe on topicfilter/"),
        "{problem}"
    );
    assert_eq!(script.certificates(), 0);
}

#[test]
fn a_request_that_a_break_swallowed_is_asked_again() {
    for fault in [Fault::Cut, Fault::CutAfter] {
        let script = Script::new();
        script.fault(REGISTER, fault);
        let thing = script.provision(lamp(false)).expect("a thing");
        assert_eq!((script.certificates(), thing.thing.as_str()), (1, "lamp-1"));
        assert!(
            script.steps().iter().any(|s| s.contains("asks again")),
            "{:?}",
            script.steps()
        );
    }
}

#[test]
fn an_answer_that_waited_in_a_kept_session_is_taken_and_nothing_is_asked_twice() {
    let script = Script::new();
    script.fault(KEYS, Fault::CutAndKept);
    script.provision(lamp(false)).expect("a thing");
    assert_eq!(script.certificates(), 1);
}

#[test]
fn a_token_used_up_by_a_request_whose_answer_is_lost_keeps_the_key_and_says_what_may_be() {
    let script = Script::new();
    script.fault(REGISTER, Fault::CutAfter).fault(
        REGISTER,
        Fault::Rejected(400, "InvalidCertificateOwnershipToken", "used"),
    );
    let problem = script.provision(lamp(false)).expect_err("nobody knows");
    assert!(problem.what.contains("may be registered"), "{problem}");
    assert!(problem.remedy.contains("provision.key"), "{problem}");
    assert_eq!(script.files().len(), 3);
}

#[test]
fn a_broker_that_hangs_up_at_each_request_is_not_asked_for_ever() {
    let script = Script::new();
    for _ in 0..5 {
        script.fault(KEYS, Fault::Cut);
    }
    let problem = script.provision(lamp(false)).expect_err("refused");
    assert_eq!(problem.exit, Exit::Refused);
    assert!(problem.cause.contains("whenever it was asked"), "{problem}");
    assert_eq!(script.requests().len(), 2);
}

#[test]
fn a_refused_publish_says_so_at_once_in_mqtt_5() {
    let script = Script::new();
    script.fault(KEYS, Fault::NotAuthorized);
    let asked = script.provision_with(&aws(Version::V5), lamp(false));
    let problem = asked.expect_err("refused");
    assert_eq!(problem.what, "AWS made no certificate");
    assert!(problem.cause.contains("0x87"), "{problem}");
    assert!(problem.remedy.contains("iot:Publish"), "{problem}");
}

#[test]
fn a_full_disk_is_told_with_what_is_left_at_aws() {
    let script = Script::new();
    script.fill_the_disk();
    let problem = script.provision(lamp(false)).expect_err("not kept");
    assert!(problem.remedy.contains("never activated"), "{problem}");
    assert!(script.registered().is_empty());
}

#[test]
fn what_was_made_at_another_endpoint_or_is_damaged_is_nothing_here() {
    for change in ["\"endpoint\":\"xxxx", "{"] {
        let (script, _) = refused(REGISTER, Fault::Rejected(403, "ACCESS_DENIED", "no"));
        script.change_files(|files| {
            let state = files.get_mut("provision.json").expect("the state");
            *state = state.replacen(change, "\"endpoint\":\"other", 1);
        });
        script.provision(lamp(false)).expect("a thing");
        assert_eq!(script.certificates(), 2);
    }
}
