//! What Python's standard library computes (`vectors.py`), and what we compute. Skipped where there is no python3; with
//! `THINGDECK_REQUIRE_TOOLS=1` that is a failure.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use thingdeck::base::moment::Timestamp;
use thingdeck::base::secret::Secret;
use thingdeck::domain::profile::{HuaweiDialect, HuaweiKeys, HuaweiSettings, HuaweiSignature};
use thingdeck::platform::huawei::login::login;
use thingdeck::platform::huawei::sign::{Kind, Signed, authorization};

fn python(arguments: &[&str]) -> Option<String> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/huawei/vectors.py");
    let ended = Command::new("python3").arg(script).args(arguments).output();
    let Ok(ended) = ended else {
        assert!(
            std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_none(),
            "python3 is not installed"
        );
        return None;
    };
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{errors}");
    Some(String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn vectors() -> Option<Value> {
    serde_json::from_str(&python(&[])?).expect("JSON")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect(name)
}

fn at(value: &Value) -> Timestamp {
    Timestamp::from_seconds(value["at"].as_i64().expect("a time"))
}

#[test]
fn the_constants_of_the_unit_tests_are_pythons() {
    if let Some(said) = python(&["--check"]) {
        assert_eq!(said.trim(), "ok");
    }
}

#[test]
fn logins_are_those_that_python_computes() {
    let Some(vectors) = vectors() else { return };
    let cases = vectors["logins"].as_array().expect("logins");
    assert!(cases.len() >= 5);
    for case in cases {
        let settings = HuaweiSettings {
            by_node: case["by_node"] == true,
            signature: match case["signature"].as_u64() {
                Some(0) => HuaweiSignature::Unchecked,
                _ => HuaweiSignature::Checked,
            },
            ..HuaweiSettings::new(
                HuaweiDialect::Iotda,
                String::new(),
                text(case, "device_id").to_owned(),
            )
        };
        let secret = Secret::new(text(case, "secret"));
        let login = login(&settings, Some(&secret), at(case));
        assert_eq!(login.client_id, text(case, "client_id"));
        assert_eq!(login.username, text(case, "device_id"));
        let password = login.password.expect("a password");
        assert_eq!(password.expose(), text(case, "password"));
    }
}

#[test]
fn calls_are_signed_as_python_signs_them() {
    let Some(vectors) = vectors() else { return };
    let cases = vectors["calls"].as_array().expect("calls");
    assert!(cases.len() >= 5);
    let pairs = |value: &Value| -> Vec<(String, String)> {
        let list = value.as_array().expect("pairs").iter();
        let pair = |pair: &Value| {
            let half = |n: usize| pair[n].as_str().expect("a word").to_owned();
            (half(0), half(1))
        };
        list.map(pair).collect()
    };
    for case in cases {
        let headers = pairs(&case["headers"]);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let query = pairs(&case["query"]);
        let signed = Signed {
            method: text(case, "method"),
            path: text(case, "path"),
            query: &query,
            headers: &headers,
            body: text(case, "body").as_bytes(),
        };
        let keys = HuaweiKeys {
            access_key: text(case, "access_key").to_owned(),
            secret_key: Secret::new(text(case, "secret_key")),
            security_token: None,
        };
        let kind = match case["region"].as_str() {
            Some(region) => Kind::Derived { region },
            None => Kind::Standard,
        };
        let value = authorization(&signed, &keys, kind, at(case));
        assert_eq!(value.expose(), text(case, "authorization"));
    }
}
