//! Signing REST calls with access keys (`reference/huawei-iot.md` 6.2, 6.3): the standard way for the shared domains,
//! with a derived key for an instance's own. The wrong one of the two is refused although the keys are right.

use aws_lc_rs::{digest, hkdf, hmac};

use super::login::{civil, hex};
use crate::base::moment::Timestamp;
use crate::base::percent;
use crate::base::secret::Secret;
use crate::domain::profile::HuaweiKeys;

/// What is signed of a call. The headers go on the wire as they stand here.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub method: &'a str,
    /// As on the wire, without the query.
    pub path: &'a str,
    pub query: &'a [(String, String)],
    /// Names in lower case; `host` and `x-sdk-date` among them.
    pub headers: &'a [(&'a str, String)],
    pub body: &'a [u8],
}

/// How the key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    Standard,
    Derived { region: &'a str },
}

impl Kind<'_> {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "SDK-HMAC-SHA256",
            Self::Derived { .. } => "V11-HMAC-SHA256",
        }
    }
}

/// `X-Sdk-Date`: `YYYYMMDDTHHMMSSZ`.
pub fn date(at: Timestamp) -> String {
    civil(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Whether a host is one of the shared domains: `service[.region].myhuaweicloud.com`, at most one label between.
pub fn is_shared(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    name.strip_suffix(".myhuaweicloud.com")
        .is_some_and(|front| front.split('.').count() <= 2)
}

/// The value of `Authorization`.
pub fn authorization(
    call: &Signed<'_>,
    keys: &HuaweiKeys,
    kind: Kind<'_>,
    at: Timestamp,
) -> Secret {
    let mut headers: Vec<_> = call.headers.iter().collect();
    headers.sort_by_key(|(name, _)| *name);
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut lines = String::new();
    for (name, value) in &headers {
        lines.push_str(&format!(
            "{name}:{}
",
            value.trim()
        ));
    }
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        call.method,
        path(call.path),
        query(call.query),
        sha256(call.body)
    );
    let date = date(at);
    let hash = sha256(canonical.as_bytes());
    let secret_key = keys.secret_key.expose();
    let access_key = &keys.access_key;
    let word = kind.word();
    Secret::new(match kind {
        Kind::Standard => {
            let text = format!("{word}\n{date}\n{hash}");
            let signature = sign(secret_key.as_bytes(), &text);
            format!("{word} Access={access_key}, SignedHeaders={names}, Signature={signature}")
        }
        Kind::Derived { region } => {
            let info = format!("{}/{region}/iotdm", date.get(..8).unwrap_or_default());
            let key = derived(secret_key, access_key, &info);
            let text = format!("{word}\n{date}\n{info}\n{hash}");
            let signature = sign(key.expose().as_bytes(), &text);
            format!(
                "{word} Credential={access_key}/{info}, SignedHeaders={names}, Signature={signature}"
            )
        }
    })
}

/// Each level decoded and encoded again; a final `/` is in the signature only.
fn path(path: &str) -> String {
    let levels: Vec<_> = path
        .split('/')
        .map(|level| {
            let plain = percent::decode(level).unwrap_or_else(|| level.to_owned());
            percent::encode(&plain)
        })
        .collect();
    let mut path = levels.join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Sorted by name, then value; also what goes on the wire.
pub fn query(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent::encode(name), percent::encode(value)))
        .collect();
    pairs.join("&")
}

/// The derived key is written as hexadecimal digits, and those are the key of the signature.
fn derived(secret_key: &str, access_key: &str, info: &str) -> Secret {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, access_key.as_bytes());
    let mut out = [0; 32];
    let info = [info.as_bytes()];
    let made = salt
        .extract(secret_key.as_bytes())
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out));
    // 32 bytes are within what HKDF-SHA256 gives (RFC 5869, 2.3).
    made.map_or_else(|_unspecified| Secret::new(""), |()| Secret::new(hex(&out)))
}

fn sign(key: &[u8], text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hex(hmac::sign(&key, text.as_bytes()).as_ref())
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "abc123.st1.iotda-app.cn-north-4.myhuaweicloud.com";
    /// 2026-11-21T16:55:43Z.
    const AT: Timestamp = Timestamp(1_795_280_143_000_000);

    fn keys() -> HuaweiKeys {
        HuaweiKeys {
            access_key: "AKAKAKAKAKAKAKAKAKAK".to_owned(),
            secret_key: Secret::new("SKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSK"),
            security_token: None,
        }
    }

    fn signature(kind: Kind<'_>) -> String {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let call = Signed {
            method: "POST",
            path: "/v5/iot/0123456789abcdef0123456789abcdef/devices/plant_1%20a/commands",
            query: &[pair("b", "x y"), pair("a", "+"), pair("a", "")],
            headers: &[
                ("x-sdk-date", date(AT)),
                ("host", HOST.to_owned()),
                ("content-type", "application/json".to_owned()),
                (
                    "x-project-id",
                    "0123456789abcdef0123456789abcdef".to_owned(),
                ),
            ],
            body: br#"{"paras":{}}"#,
        };
        let text = authorization(&call, &keys(), kind, AT);
        assert!(text.expose().contains("host;x-project-id;x-sdk-date"));
        let (_, signature) = text.expose().rsplit_once('=').expect("a signature");
        signature.to_owned()
    }

    // Both made with Python's standard library: tests/huawei/vectors.py.

    #[test]
    fn the_standard_signature_is_the_one_that_others_compute() {
        assert_eq!(
            signature(Kind::Standard),
            "26342f2f73648a6f7a25b010a3b6e318b19845d9936f83a4cfa20d2e61ab4da3"
        );
    }

    #[test]
    fn the_derived_signature_is_the_one_that_others_compute() {
        let region = "cn-north-4";
        assert_eq!(
            signature(Kind::Derived { region }),
            "ae56fda355a347f08e25718fbcf2781d75ff32f11dff6a84a303c1c5ac78b2a9"
        );
    }

    #[test]
    fn an_instance_is_told_from_a_shared_domain_by_its_name() {
        assert!(is_shared("iotda.cn-north-4.myhuaweicloud.com"));
        assert!(is_shared("iam.myhuaweicloud.com"));
        assert!(!is_shared(HOST));
        assert!(!is_shared("127.0.0.1:8443"));
    }
}
