//! Signatures against an independent signer: `sigv4.py`, from scratch with Python's standard library, and botocore where it
//! is installed. Without Python this says so and passes; the checks run with it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use thingdeck::domain::profile::{AwsAuth, AwsSettings, Common};
use thingdeck::domain::request::Request;
use thingdeck::platform::Platform as _;
use thingdeck::platform::aws::Aws;

use super::script::{Script, header, reply, run};
use super::{ENDPOINT, keyed, settings};

/// What the other signer makes of it; `None` without Python.
fn other(question: &Value) -> Option<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/sigv4.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().expect("piped");
    input
        .write_all(question.to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[test]
fn presigned_addresses_are_those_of_the_other_signer() {
    let cases = [
        (ENDPOINT, "eu-north-1", None),
        (ENDPOINT, "eu-north-1", Some("AQoDYXdz/EJr+1==")),
        ("iot.example.com:8444", "us-gov-west-1", Some("t/+ =&x")),
    ];
    for (authority, region, token) in cases {
        // A blank is no part of any token: what comes in through a profile is checked.
        let token = token.map(|token| token.replace(' ', ""));
        let aws = Aws::new(
            AwsSettings {
                endpoint: authority.to_owned(),
                region: Some(region.to_owned()),
                credentials: keyed("ASIAIOSFODNN7EXAMPLE", SECRET, token.as_deref()),
                ..settings(AwsAuth::SigV4)
            },
            Common::default(),
        );
        let plan = run(aws.plan(&Script::new())).expect("a plan");
        let target = plan.endpoints[0]
            .web_socket
            .as_ref()
            .expect("one")
            .target
            .clone();
        let question = json!({"kind": "presign", "id": "ASIAIOSFODNN7EXAMPLE", "secret": SECRET, "token": token,
            "region": region, "host": authority, "date": "20260301T123456Z", "expires": 300});
        let Some(expected) = other(&question) else {
            eprintln!("there is no python3: not compared");
            return;
        };
        assert_eq!(target.expose(), expected["target"], "{authority}");
    }
}

#[test]
fn signed_headers_are_those_of_the_other_signer() {
    for token in [None, Some("AQoDYXdz/EJr+1==")] {
        let script = Script::new();
        script.serve("https://", |call| {
            if call.url.contains("/indices/") {
                return super::script::refusal(400, "IndexNotReadyException", "no");
            }
            if call.url.contains("nextToken") {
                return reply(200, r#"{"things":[]}"#);
            }
            reply(200, r#"{"things":[],"nextToken":"a/b c+거"}"#)
        });
        let aws = Aws::new(
            AwsSettings {
                credentials: keyed("AKIAIOSFODNN7EXAMPLE", SECRET, token),
                ..settings(AwsAuth::SigV4)
            },
            Common::default(),
        );
        run(aws.request(&script, Request::Devices { fresh: true })).expect("a list");
        assert_eq!(script.calls().len(), 3);
        for call in script.calls() {
            let body = call.body.clone().unwrap_or_default();
            let question = json!({"kind": "headers", "id": "AKIAIOSFODNN7EXAMPLE", "secret": SECRET, "token": token,
                "region": "eu-north-1", "service": "iot", "date": header(&call, "x-amz-date"), "method": call.method.word(),
                "url": call.url, "body": String::from_utf8_lossy(&body)});
            let Some(expected) = other(&question) else {
                eprintln!("there is no python3: not compared");
                return;
            };
            assert_eq!(
                header(&call, "authorization"),
                expected["authorization"].as_str(),
                "{}",
                call.url
            );
        }
    }
}
