//! Fleet provisioning over the claim certificate and over access keys.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::account::Account;

fn line<'a>(serial: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [
        &["provision", "--template", "line", "--param", serial],
        more,
    ]
    .concat()
}

#[test]
fn a_claim_becomes_a_thing_that_connects() {
    let Some(account) = Account::start() else {
        return;
    };
    for (profile, serial, more) in [
        ("claim", "SerialNumber=1", &[][..]),
        ("claim", "SerialNumber=2", &["--csr"][..]),
        ("wss5", "SerialNumber=3", &["--csr"][..]),
    ] {
        let ended = account.run(profile, &line(serial, more)).expect(0);
        let told: Value = serde_json::from_str(&ended.out).expect("one line of JSON");
        let number = serial.trim_start_matches("SerialNumber=");
        assert_eq!(told["thing"], format!("line-{number}"), "{told}");
        let key = told["files"]["key"].as_str().expect("a path");
        let mode = std::fs::metadata(key).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let secret = std::fs::read_to_string(key).expect("a key");
        let secret = secret.lines().nth(2).expect("a line").to_owned();
        assert!(!ended.out.contains(&secret) && !ended.err.contains(&secret));
        let name = told["profile"].as_str().expect("a profile");
        account
            .run(name, &["publish", "a", "x", "--qos", "1"])
            .expect(0);
        account.wait(&format!("CONNECT line-{number} .* mtls"), 0);
    }
    account.assert_lawful();
}

#[test]
fn a_refusal_is_told_in_aws_s_words_and_its_certificate_is_used_again() {
    let Some(account) = Account::start() else {
        return;
    };
    let ended = account
        .run("claim", &line("SerialNumber=BAD1", &[]))
        .expect(3);
    assert!(
        ended.err.contains("403") && ended.err.contains("Pre-provisioning hook"),
        "{}",
        ended.err
    );
    let before = account.cloud(&json!({"do": "certificates"}));
    account.run("claim", &line("SerialNumber=4", &[])).expect(0);
    let after = account.cloud(&json!({"do": "certificates"}));
    let ids = |all: &Value| all.as_object().expect("certificates").len();
    assert_eq!(ids(&before), ids(&after), "no second certificate was made");
    account.assert_lawful();
}

#[test]
fn a_template_that_does_not_exist_is_a_policy_trouble_for_a_claim_and_not_found_for_keys() {
    let Some(account) = Account::start() else {
        return;
    };
    let other = [
        "provision",
        "--template",
        "other",
        "--param",
        "SerialNumber=5",
    ];
    let ended = account.run("claim", &other).expect(3);
    assert!(ended.err.contains("\"other\""), "{}", ended.err);
    let ended = account.run("wss5", &other).expect(4);
    assert!(ended.err.contains("404"), "{}", ended.err);
    account.assert_lawful();
}

#[test]
fn a_connection_that_breaks_before_the_answer_is_taken_up_again() {
    let Some(account) = Account::start() else {
        return;
    };
    let register = "provision:$aws/provisioning-templates/line/provision/json";
    account.cloud(&json!({"do": "fault", "at": register, "what": "drop"}));
    account
        .run("claim", &line("SerialNumber=6", &["--no-check"]))
        .expect(0);
    // Registered, and the answer went down with the connection: nobody knows.
    account.cloud(&json!({"do": "fault", "at": register, "what": "drop-after"}));
    let ended = account.run("claim", &line("SerialNumber=7", &["--no-check"]));
    assert!(ended.code != 0, "{ended:?}");
    assert!(ended.err.contains("may be registered"), "{}", ended.err);
    account.assert_lawful();
}
