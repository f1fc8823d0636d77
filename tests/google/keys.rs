//! Keys as people bring them, and tokens, against OpenSSL (`make_vectors.py`, `check_token.py`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use thingdeck::base::moment::Timestamp;
use thingdeck::base::secret::Secret;
use thingdeck::platform::google::jwt;
use thingdeck::platform::google::key::{KeyError, SigningKey};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/google")
}

fn read(name: &str) -> Secret {
    let text = std::fs::read_to_string(folder().join("keys").join(name)).expect("it is there");
    Secret::new(text)
}

fn key(name: &str) -> SigningKey {
    match SigningKey::parse(&read(name)) {
        Ok(key) => key,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn vectors() -> Value {
    serde_json::from_str(read("vectors.json").expose()).expect("JSON")
}

#[test]
fn every_form_of_a_key_signs_as_openssl_does() {
    let vectors = vectors();
    let claims = vectors["claims"].as_str().expect("text");
    for name in [
        "rsa_pkcs8.pem",
        "rsa_pkcs1.pem",
        "rsa_crlf.pem",
        "rsa_bom.pem",
    ] {
        let key = key(name);
        assert_eq!(key.algorithm(), "RS256", "{name}");
        assert_eq!(key.fingerprint(), vectors["rsa_fingerprint"], "{name}");
        let token = jwt::sign(&key, claims).expect("signed");
        assert_eq!(token.expose(), vectors["token"], "{name}");
    }
    for name in ["ec_parameters.pem", "ec_sec1.pem", "ec_pkcs8.pem"] {
        let key = key(name);
        assert_eq!(key.algorithm(), "ES256", "{name}");
        assert_eq!(key.fingerprint(), vectors["ec_fingerprint"], "{name}");
    }
}

/// With OpenSSL behind a script: ES256 is another one each time.
#[test]
fn openssl_takes_our_signatures_and_no_others() {
    let check = |public: &str, token: &str| {
        let mut child = Command::new("python3")
            .arg(folder().join("check_token.py"))
            .arg(folder().join("keys").join(public))
            .stdin(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(token.as_bytes()).expect("written");
        drop(stdin);
        child.wait().expect("it ends").success()
    };
    let claims = jwt::device_claims(
        "plant",
        Timestamp::from_seconds(1_772_438_400),
        std::time::Duration::from_hours(1),
    );
    for (private, public) in [
        ("rsa_pkcs1.pem", "rsa_public.pem"),
        ("ec_parameters.pem", "ec_public.pem"),
        ("ec_pkcs8.pem", "ec_public.pem"),
    ] {
        let token = jwt::sign(&key(private), &claims).expect("signed");
        assert!(check(public, token.expose()), "{private}");
        assert!(!token.expose().contains(['=', '+', '/']), "{private}");
        let header = token.expose().split('.').next().expect("a header");
        let forged = token
            .expose()
            .replacen(header, &header.replace('1', "2"), 1);
        let other = if public == "ec_public.pem" {
            "rsa_public.pem"
        } else {
            "ec_public.pem"
        };
        assert!(!check(other, &forged), "{private}");
    }
}

#[test]
fn the_claims_are_whole_seconds_and_one_project() {
    let issued = Timestamp(1_772_438_400_987_654);
    let claims = jwt::device_claims("plant", issued, std::time::Duration::from_hours(1));
    assert_eq!(claims, vectors()["claims"].as_str().expect("text"));
}

#[test]
fn what_is_no_key_gets_its_own_message() {
    type Fits = fn(&KeyError) -> bool;
    let cases: [(&str, Fits); 10] = [
        ("rsa_encrypted.pem", |e| *e == KeyError::Encrypted),
        ("rsa_encrypted_old.pem", |e| *e == KeyError::Encrypted),
        ("certificate.pem", |e| *e == KeyError::Certificate),
        ("request.pem", |e| *e == KeyError::Request),
        ("rsa_public.pem", |e| *e == KeyError::Public),
        ("ec_public.pem", |e| *e == KeyError::Public),
        ("ec_p384.pem", |e| *e == KeyError::Curve("P-384")),
        ("ec_p384_pkcs8.pem", |e| *e == KeyError::Curve("P-384")),
        ("ed25519.pem", |e| *e == KeyError::Edwards),
        ("vectors.json", |e| *e == KeyError::ServiceAccount),
    ];
    let mut messages = Vec::new();
    for (name, fits) in cases {
        match SigningKey::parse(&read(name)) {
            Ok(_) => panic!("{name} is no key"),
            Err(error) => {
                assert!(fits(&error), "{name}: {error:?}");
                messages.push(error.to_string());
            }
        }
    }
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 7, "{messages:?}");
    for text in [
        "",
        "hello",
        "-----BEGIN PRIVATE KEY-----\nabc",
        "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
    ] {
        assert!(SigningKey::parse(&Secret::new(text)).is_err(), "{text:?}");
    }
}

#[test]
fn a_short_rsa_key_is_refused_with_what_the_platform_takes() {
    let Err(error) = SigningKey::parse(&read("rsa_1024.pem")) else {
        panic!("1024 bits are too few");
    };
    assert_eq!(error, KeyError::Short);
}
