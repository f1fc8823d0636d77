//! The vectors of `reference/aws-iot.md` 2.2, and what is wrong in one way each.

use super::*;

const HOST: &str = "abcdefghijklmn-ats.iot.eu-north-1.amazonaws.com";
const SIGNED: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260301%2Feu-north-1%2Fiotdevicegateway%2Faws4_request&X-Amz-Date=20260301T123456Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host";
const SIGNATURE: &str = "e03d8e91cfc025542af37b3cc2b29efb2e5185561f607628330fda81dae01aaf";
const TOKEN: &str = "&X-Amz-Security-Token=AQoDYXdz%2FEJr%2B1%3D%3D";

fn keys() -> Vec<AccessKey> {
    vec![AccessKey {
        id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        token: Some(Secret::new("AQoDYXdz/EJr+1==")),
        expires: None,
        user: "user/deck".to_owned(),
    }]
}

fn at(date: &str) -> Timestamp {
    Timestamp::from_seconds(parse_date(date).expect("a date"))
}

fn upgrade(query: &str, host: &str, date: &str) -> Result<(), Refusal> {
    let headers = BTreeMap::from([("host".to_owned(), host.to_owned())]);
    let request = Signed {
        method: "GET",
        raw_path: "/mqtt",
        raw_query: query,
        headers: &headers,
        body: b"",
    };
    let scope = Scope {
        region: "eu-north-1",
        services: &["iotdevicegateway"],
    };
    check(request, scope, &keys(), at(date)).map(|_| ())
}

#[test]
fn the_presigned_url_of_the_reference_is_accepted() {
    let query = format!("{SIGNED}&X-Amz-Signature={SIGNATURE}{TOKEN}");
    assert_eq!(upgrade(&query, HOST, "20260301T123456Z"), Ok(()));
}

#[test]
fn its_canonical_request_has_the_hash_of_the_reference() {
    let headers = BTreeMap::from([("host".to_owned(), HOST.to_owned())]);
    let query = format!("{SIGNED}&X-Amz-Signature={SIGNATURE}{TOKEN}");
    let request = Signed {
        method: "GET",
        raw_path: "/mqtt",
        raw_query: &query,
        headers: &headers,
        body: b"",
    };
    let parts = parts(request).expect("complete");
    let canonical = canonical(request, &parts).expect("canonical");
    let expected = "3dfd4606a74e307b31889babc1ee47bfd5587b7024fe53239626fdaad4ff5440";
    assert_eq!(sha256(canonical.as_bytes()), expected);
}

#[test]
fn what_is_wrong_is_told_in_the_words_of_the_service() {
    let good = format!("{SIGNED}&X-Amz-Signature={SIGNATURE}{TOKEN}");
    let with_port = format!("{HOST}:443");
    let no_token = format!("{SIGNED}&X-Amz-Signature={SIGNATURE}");
    let signed_token = good.replace(SIGNATURE, &format!("794cce36{}", "0".repeat(56)));
    let region = good.replace("eu-north-1", "eu-west-1");
    let service = good.replace("iotdevicegateway", "iotdata");
    let key = good.replace("ASIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLF");
    for (query, host, date, fault, words) in [
        (
            &good,
            with_port.as_str(),
            "20260301T123456Z",
            Fault::Mismatch,
            "does not match",
        ),
        (
            &signed_token,
            HOST,
            "20260301T123456Z",
            Fault::Mismatch,
            "does not match",
        ),
        (
            &no_token,
            HOST,
            "20260301T123456Z",
            Fault::Token,
            "token included",
        ),
        (
            &key,
            HOST,
            "20260301T123456Z",
            Fault::UnknownKey,
            "token included",
        ),
        (
            &region,
            HOST,
            "20260301T123456Z",
            Fault::Scope,
            "valid region",
        ),
        (
            &service,
            HOST,
            "20260301T123456Z",
            Fault::Scope,
            "correct service",
        ),
        (
            &good,
            HOST,
            "20260301T123957Z",
            Fault::Time,
            "Signature expired: 20260301T123456Z is now earlier than 20260301T123457Z (20260301T123957Z - 5 min.)",
        ),
        (
            &good,
            HOST,
            "20260301T122955Z",
            Fault::Time,
            "Signature not yet current: 20260301T123456Z is still later than 20260301T123455Z (20260301T122955Z + 5 min.)",
        ),
    ] {
        let refusal = upgrade(query, host, date).expect_err(words);
        assert_eq!(refusal.fault, fault, "{refusal:?}");
        assert!(refusal.words.contains(words), "{refusal:?}");
    }
}

#[test]
fn the_window_is_five_minutes_and_not_a_second_more() {
    let good = format!("{SIGNED}&X-Amz-Signature={SIGNATURE}{TOKEN}");
    for date in ["20260301T123956Z", "20260301T122956Z"] {
        assert_eq!(upgrade(&good, HOST, date), Ok(()), "{date}");
    }
}

fn call(path: &str, signature: &str) -> Result<(), Refusal> {
    let headers = BTreeMap::from(
        [
            ("host", HOST),
            ("x-amz-date", "20260301T123456Z"),
            ("x-amz-security-token", "AQoDYXdz/EJr+1=="),
            (
                "authorization",
                &format!(
                    "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20260301/eu-north-1/iotdevicegateway/aws4_request, \
                     SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={signature}"
                ),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let request = Signed {
        method: "POST",
        raw_path: path,
        raw_query: "qos=1",
        headers: &headers,
        body: b"hi",
    };
    let scope = Scope {
        region: "eu-north-1",
        services: &["iotdata", "iotdevicegateway"],
    };
    check(request, scope, &keys(), at("20260301T123456Z")).map(|_| ())
}

#[test]
fn the_signed_call_of_the_reference_is_accepted_and_no_other() {
    let signature = "a2dfa44dcb52d4fe53c1e098efadb12aa43505d1d54251a5b10da397ea5b3b0d";
    assert_eq!(call("/topics/plant%2Fline%201", signature), Ok(()));
    let refusal = call("/topics/plant/line%201", signature).expect_err("another path");
    assert_eq!(refusal.fault, Fault::Mismatch);
}
