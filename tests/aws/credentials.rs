//! Where access keys are found, in which order, and what is said when there are none.

use std::time::Duration;

use serde_json::json;
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::Device;
use thingdeck::domain::profile::{AwsAuth, AwsCredentials, AwsSettings};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::platform::Platform as _;
use thingdeck::platform::aws::Aws;

use super::script::{Script, header, refusal, reply, run};
use super::{aws, keyed, settings};

const INDEX: &str = "https://iot.eu-north-1.amazonaws.com/indices/search";

fn chained(script: &Script) -> Aws {
    script.serve(INDEX, |_| reply(200, r#"{"things":[]}"#));
    aws(settings(AwsAuth::SigV4))
}

fn devices(aws: &Aws, script: &Script) -> Result<Vec<Device>, Problem> {
    match run(aws.request(script, Request::Devices { fresh: true }))? {
        Reply::Devices(devices) => Ok(devices),
        other => panic!("{other:?}"),
    }
}

/// Which key signed the last call, and with which token.
fn signer(script: &Script) -> (String, Option<String>) {
    let call = script.calls().pop().expect("a call");
    let authorization = header(&call, "authorization").expect("signed").to_owned();
    let id = authorization
        .split(['=', '/'])
        .nth(1)
        .expect("a credential");
    let token = header(&call, "x-amz-security-token").map(str::to_owned);
    (id.to_owned(), token)
}

#[test]
fn the_environment_comes_first_and_the_log_says_so() {
    let script = Script::new();
    script.variable("AWS_ACCESS_KEY_ID", "ASIAENV");
    script.variable("AWS_SECRET_ACCESS_KEY", "c4nary/secret");
    script.variable("AWS_SESSION_TOKEN", "c4nary-token");
    script.file(
        "/home/me/.aws/credentials",
        "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=x\n",
    );
    devices(&chained(&script), &script).expect("a list");
    assert_eq!(
        signer(&script),
        ("ASIAENV".to_owned(), Some("c4nary-token".to_owned()))
    );
    let logs = script.logs().join("\n");
    assert!(logs.contains("ASIAENV from the environment"), "{logs}");
    assert!(!logs.contains("c4nary"), "{logs}");
}

#[test]
fn half_a_key_in_the_environment_is_told_and_not_passed_over() {
    let script = Script::new();
    script.variable("AWS_ACCESS_KEY_ID", "AKIA1");
    let problem = devices(&chained(&script), &script).expect_err("half a key");
    assert!(problem.cause.contains("one half"), "{problem}");
}

#[test]
fn a_token_of_the_environment_does_not_go_with_keys_of_a_file() {
    let script = Script::new();
    script.variable("AWS_SESSION_TOKEN", "old");
    script.file(
        "/home/me/.aws/credentials",
        "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=x\n",
    );
    devices(&chained(&script), &script).expect("a list");
    assert_eq!(signer(&script), ("AKIAFILE".to_owned(), None));
    assert!(
        script
            .logs()
            .iter()
            .any(|line| line.contains("AWS_SESSION_TOKEN"))
    );
}

#[test]
fn a_profile_is_looked_for_in_both_files_and_its_absence_names_the_others() {
    let named = |script: &Script, name: &str| {
        script.serve(INDEX, |_| reply(200, r#"{"things":[]}"#));
        aws(AwsSettings {
            credentials: AwsCredentials::Profile(name.to_owned()),
            ..settings(AwsAuth::SigV4)
        })
    };
    let script = Script::new();
    script.variable("AWS_ACCESS_KEY_ID", "AKIAENV");
    script.variable("AWS_SECRET_ACCESS_KEY", "x");
    script.file(
        "/home/me/.aws/config",
        "[profile plant]\naws_access_key_id=AKIAPLANT\naws_secret_access_key=x\n",
    );
    devices(&named(&script, "plant"), &script).expect("a list");
    assert_eq!(signer(&script).0, "AKIAPLANT", "a named profile is meant");
    let problem = devices(&named(&script, "plnat"), &script).expect_err("none");
    assert!(problem.remedy.contains("plant"), "{problem}");
}

#[test]
fn a_role_is_taken_with_the_keys_of_its_source() {
    let script = Script::new();
    script.variable("AWS_PROFILE", "ops");
    script.file(
        "/home/me/.aws/config",
        "[profile ops]\nrole_arn=arn:aws:iam::1:role/ops\nsource_profile=base\nexternal_id=x&y\nregion=eu-west-1\n",
    );
    script.file(
        "/home/me/.aws/credentials",
        "[base]\naws_access_key_id=AKIABASE\naws_secret_access_key=x\n",
    );
    script.serve("https://sts.eu-west-1.amazonaws.com/", |call| {
        let body = String::from_utf8_lossy(call.body.as_deref().unwrap_or_default()).into_owned();
        assert!(body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fops"), "{body}");
        assert!(body.ends_with("ExternalId=x%26y"), "{body}");
        let signed = header(call, "authorization").unwrap_or_default();
        assert!(signed.contains("AKIABASE") && signed.contains("/eu-west-1/sts/"), "{signed}");
        reply(
            200,
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>t+/=</SessionToken>\
             <Expiration>2026-03-01T13:34:56Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        )
    });
    devices(&chained(&script), &script).expect("a list");
    assert_eq!(
        signer(&script),
        ("ASIAROLE".to_owned(), Some("t+/=".to_owned()))
    );
    let logs = script.logs().join("\n");
    assert!(logs.contains("until 2026-03-01T13:34:56"), "{logs}");
}

#[test]
fn roles_that_take_each_other_are_no_endless_circle() {
    let script = Script::new();
    script.file(
        "/home/me/.aws/config",
        "[default]\nrole_arn=a\nsource_profile=b\n[profile b]\nrole_arn=b\nsource_profile=default\n",
    );
    let problem = devices(&chained(&script), &script).expect_err("a circle");
    assert_eq!(problem.exit, Exit::Refused, "{problem}");
}

fn with_sso(script: &Script) {
    script.variable("AWS_PROFILE", "work");
    script.file(
        "/home/me/.aws/config",
        "[profile work]\nsso_session=plant\nsso_account_id=123456789012\nsso_role_name=Ops\n\
         [sso-session plant]\nsso_region=eu-west-1\nsso_start_url=https://x.awsapps.com/start\n",
    );
}

#[test]
fn who_is_not_signed_on_with_sso_is_told_the_command() {
    let script = Script::new();
    with_sso(&script);
    let problem = devices(&chained(&script), &script).expect_err("not signed on");
    assert!(
        problem.remedy.contains("aws sso login --profile work"),
        "{problem}"
    );
    assert_eq!(script.urls(), Vec::<String>::new());
}

#[test]
fn keys_of_sso_are_fetched_with_the_kept_token_until_it_ends() {
    let sign_on = |until: &str| {
        let script = Script::new();
        with_sso(&script);
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, b"plant");
        let name = thingdeck::base::text::hex(digest.as_ref());
        let token = json!({"accessToken": "c4nary", "expiresAt": until}).to_string();
        script.file(&format!("/home/me/.aws/sso/cache/{name}.json"), token);
        script.serve("https://portal.sso.eu-west-1.amazonaws.com/federation/credentials", |call| {
            assert!(call.url.ends_with("?role_name=Ops&account_id=123456789012"), "{}", call.url);
            assert_eq!(header(call, "x-amz-sso_bearer_token"), Some("c4nary"));
            let keys = json!({"roleCredentials": {"accessKeyId": "ASIASSO", "secretAccessKey": "s",
                "sessionToken": "t", "expiration": 1_772_372_096_000_i64}});
            reply(200, &keys.to_string())
        });
        script
    };
    let script = sign_on("2026-03-01T20:00:00Z");
    devices(&chained(&script), &script).expect("a list");
    assert_eq!(
        signer(&script),
        ("ASIASSO".to_owned(), Some("t".to_owned()))
    );
    let script = sign_on("2026-03-01T12:00:00UTC");
    let problem = devices(&chained(&script), &script).expect_err("it ended");
    assert!(
        problem.cause.contains("ended at 2026-03-01T12:00:00"),
        "{problem}"
    );
    assert!(
        problem.remedy.contains("aws sso login --profile work"),
        "{problem}"
    );
}

#[test]
fn a_credential_process_may_print_over_many_lines() {
    let script = Script::new();
    script.file(
        "/home/me/.aws/config",
        "[default]\ncredential_process = \"/opt/my keys\" --json\n",
    );
    script.program(
        "/opt/my keys",
        "{\n \"Version\": 1,\n \"AccessKeyId\": \"ASIAPROC\", \"SecretAccessKey\": \"s\",\n \"SessionToken\": \"t\"}\n",
    );
    let first = chained(&script);
    devices(&first, &script).expect("a list");
    assert_eq!(
        signer(&script),
        ("ASIAPROC".to_owned(), Some("t".to_owned()))
    );
    script.program("/opt/my keys", "{\"Version\": 2, \"x\": \"c4nary\"}");
    let again = devices(&first, &script);
    assert!(again.is_ok(), "the keys at hand are good for a while");
    let problem = devices(&aws(settings(AwsAuth::SigV4)), &script).expect_err("another format");
    assert!(
        problem.cause.contains("Version 1") && !problem.to_string().contains("c4nary"),
        "{problem}"
    );
}

#[test]
fn a_container_and_an_instance_are_asked_last() {
    let script = Script::new();
    script.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/keys");
    script.serve("http://169.254.170.2/v2/keys", |_| {
        reply(200, r#"{"AccessKeyId":"ASIABOX","SecretAccessKey":"s","Token":"t","Expiration":"2026-03-01T18:00:00Z"}"#)
    });
    devices(&chained(&script), &script).expect("a list");
    assert_eq!(signer(&script).0, "ASIABOX");

    let script = Script::new();
    script.serve("http://169.254.169.254/latest/api/token", |call| {
        assert_eq!(call.timeout, Duration::from_secs(1));
        reply(200, "IMDS")
    });
    script.serve("http://169.254.169.254/latest/meta-data/iam/security-credentials/", |call| {
        assert_eq!(header(call, "x-aws-ec2-metadata-token"), Some("IMDS"));
        if call.url.ends_with("/ops") {
            reply(200, r#"{"AccessKeyId":"ASIAEC2","SecretAccessKey":"s","Token":"t","Expiration":"2026-03-01T18:00:00Z"}"#)
        } else {
            reply(200, "ops\n")
        }
    });
    devices(&chained(&script), &script).expect("a list");
    assert_eq!(signer(&script).0, "ASIAEC2");
}

#[test]
fn where_there_are_none_everywhere_that_was_looked_is_named() {
    let script = Script::new();
    let problem = devices(&chained(&script), &script).expect_err("none");
    for place in [
        "environment",
        "/home/me/.aws/credentials",
        "container",
        "nobody answers",
    ] {
        assert!(problem.cause.contains(place), "{problem}");
    }
    assert_eq!(problem.exit, Exit::Refused);
}

#[test]
fn an_instance_is_not_asked_where_that_is_switched_off() {
    let script = Script::new();
    script.variable("AWS_EC2_METADATA_DISABLED", "true");
    devices(&chained(&script), &script).expect_err("none");
    assert_eq!(script.urls(), Vec::<String>::new());
}

#[test]
fn keys_that_ended_are_looked_for_once_more() {
    let script = Script::new();
    let mut answers = 0;
    script.serve(INDEX, move |_| {
        answers += 1;
        match answers {
            1 => refusal(
                403,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            _ => reply(200, r#"{"things":[]}"#),
        }
    });
    script.variable("AWS_ACCESS_KEY_ID", "AKIA1");
    script.variable("AWS_SECRET_ACCESS_KEY", "x");
    devices(&aws(settings(AwsAuth::SigV4)), &script).expect("the second try");
    assert_eq!(script.urls().len(), 2);
}

#[test]
fn keys_of_the_profile_itself_need_no_search() {
    let script = Script::new();
    script.serve(INDEX, |_| reply(200, r#"{"things":[]}"#));
    let aws = aws(AwsSettings {
        credentials: keyed("AKIAOWN", "s", None),
        ..settings(AwsAuth::SigV4)
    });
    devices(&aws, &script).expect("a list");
    assert_eq!(signer(&script), ("AKIAOWN".to_owned(), None));
}
