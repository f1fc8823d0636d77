//! AK/SK signatures from the checking side, standard and derived (`reference/huawei-iot.md` 6.2, 6.3).

use std::collections::BTreeMap;

use aws_lc_rs::{constant_time, hkdf, hmac};

use super::login::{hex, sha256};
use super::registry::read_time;
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::sim::cloud::HttpRequest;

/// Seconds that a signature's date may be off.
const TOLERANCE: i64 = 15 * 60;
const SERVICE: &str = "iotdm";

#[derive(Debug, Clone)]
pub struct Keys {
    pub access: String,
    pub secret: Secret,
    /// Temporary keys have one, and it has to come along.
    pub token: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `SDK-HMAC-SHA256`.
    Standard,
    /// `V11-HMAC-SHA256`, with a key that is good for one day, region and service.
    Derived,
}

impl Kind {
    /// The shared domain takes the standard kind, everything else wants the derived one.
    pub fn of_host(host: &str) -> Self {
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let service = host.strip_suffix(".myhuaweicloud.com");
        match service {
            Some(rest) if rest.split('.').count() <= 2 => Self::Standard,
            _ => Self::Derived,
        }
    }

    const fn algorithm(self) -> &'static str {
        match self {
            Self::Standard => "SDK-HMAC-SHA256",
            Self::Derived => "V11-HMAC-SHA256",
        }
    }
}

/// Whether a request is signed by these keys in this way; in words what is wrong where not.
pub fn check(
    request: &HttpRequest,
    kind: Kind,
    keys: &Keys,
    region: &str,
    now: Timestamp,
) -> Result<(), String> {
    let given = request.header("authorization").unwrap_or_default();
    let (algorithm, fields) = given.split_once(' ').unwrap_or((given, ""));
    if algorithm != kind.algorithm() {
        return Err(format!("{} is required here", kind.algorithm()));
    }
    let fields: BTreeMap<_, _> = fields
        .split(',')
        .filter_map(|field| field.trim().split_once('='))
        .collect();
    let field = |name: &str| {
        let found = fields.get(name).copied();
        found.ok_or_else(|| format!("the Authorization header has no {name}"))
    };
    let date = request.header("x-sdk-date").unwrap_or_default();
    let is_compact = date.len() == 16;
    let at = read_time(date).filter(|_| is_compact);
    let at = at.ok_or("X-Sdk-Date is missing or has another form than YYYYMMDDTHHMMSSZ")?;
    if (at.seconds() - now.seconds()).abs() > TOLERANCE {
        return Err("X-Sdk-Date is more than 15 minutes off".to_owned());
    }
    let info = format!("{}/{region}/{SERVICE}", date.get(..8).unwrap_or_default());
    let access = match kind {
        Kind::Standard => field("Access")?,
        Kind::Derived => {
            let (access, scope) = field("Credential")?.split_once('/').unwrap_or_default();
            if scope != info {
                return Err(format!("the credential is for {scope}, not for {info}"));
            }
            access
        }
    };
    if access != keys.access {
        return Err("the access key is not known".to_owned());
    }
    if let Some(token) = &keys.token
        && request.header("x-security-token") != Some(token.expose())
    {
        return Err("the security token is missing or wrong".to_owned());
    }
    let names = field("SignedHeaders")?;
    let canonical = sha256(canonical(request, names)?.as_bytes());
    let secret = keys.secret.expose();
    let (key, to_sign) = match kind {
        Kind::Standard => (
            secret.to_owned(),
            [kind.algorithm(), date, &canonical].join("\n"),
        ),
        Kind::Derived => (
            derived(&keys.access, secret, &info),
            [kind.algorithm(), date, &info, &canonical].join("\n"),
        ),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let expected = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    let is_ours =
        constant_time::verify_slices_are_equal(field("Signature")?.as_bytes(), expected.as_bytes());
    is_ours.map_err(|_| "the signature does not match".to_owned())
}

struct Bytes32;

impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// 64 characters of hex, which are themselves the key.
fn derived(access: &str, secret: &str, info: &str) -> String {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, access.as_bytes());
    let input = salt.extract(secret.as_bytes());
    let mut key = [0; 32];
    let parts = [info.as_bytes()];
    let filled = input
        .expand(&parts, Bytes32)
        .and_then(|output| output.fill(&mut key));
    filled.map_or_else(|_| String::new(), |()| hex(&key))
}

fn canonical(request: &HttpRequest, names: &str) -> Result<String, String> {
    let listed: Vec<_> = names.split(';').collect();
    for needed in ["host", "x-sdk-date"] {
        if !listed.contains(&needed) {
            return Err(format!("{needed} is not signed"));
        }
    }
    if !listed.is_sorted() {
        return Err("the signed headers are not in order".to_owned());
    }
    let mut headers = String::new();
    for name in listed {
        let value = request.header(name);
        let value = value.ok_or_else(|| format!("{name} is signed and did not come"))?;
        headers.push_str(&format!("{name}:{}\n", value.trim()));
    }
    let parts = request.raw_path.split('/');
    let mut path = parts
        .map(|part| encode(&decode(part)))
        .collect::<Vec<_>>()
        .join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    let mut pairs: Vec<_> = request
        .raw_query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode(name)), encode(&decode(value)))
        })
        .collect();
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    let body = match request.header("x-sdk-content-sha256") {
        Some(unsigned @ "UNSIGNED-PAYLOAD") => unsigned.to_owned(),
        _ => sha256(&request.body),
    };
    Ok([
        &request.method,
        &path,
        &pairs.collect::<Vec<_>>().join("&"),
        &headers,
        names,
        &body,
    ]
    .map(AsRef::<str>::as_ref)
    .join("\n"))
}

/// All but the unreserved characters, in upper-case hex.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `%XX` to its byte; what is no such thing stays as it is.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let digits = digits.and_then(|two| std::str::from_utf8(two).ok());
        if let Some(value) = digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authorization: &str) -> HttpRequest {
        let headers = [
            ("host", "127.0.0.1:8443"),
            ("x-sdk-date", "20261121T180000Z"),
            ("content-type", "application/json"),
            ("authorization", authorization),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        HttpRequest {
            method: "POST".to_owned(),
            raw_path: "/v5/iot/p%20x/devices".to_owned(),
            raw_query: "node_id=%EC%B8%B5&limit=10&b=&a=2&a=1".to_owned(),
            headers: headers.into(),
            body: "{\"a\":1}".into(),
            ..HttpRequest::default()
        }
    }

    fn keys() -> Keys {
        Keys {
            access: "AKEXAMPLE".to_owned(),
            secret: Secret::new("SKexample0123456789"),
            token: None,
        }
    }

    const NOW: &str = "2026-11-21T18:10:00Z";
    /// Both made with Python's standard library from the reference.
    const STANDARD: &str = "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=content-type;host;x-sdk-date, Signature=cbbd409bd694ab4e2b08345298af48148fa61e0a552c984f015fd10f3ddc8837";
    const DERIVED: &str = "V11-HMAC-SHA256 Credential=AKEXAMPLE/20261121/cn-north-4/iotdm, SignedHeaders=content-type;host;x-sdk-date, Signature=ed062eb04daceccde3baec9aa3f7ee1582ec7d581202c533a2e2346793146726";

    fn judged(authorization: &str, kind: Kind, now: &str) -> Result<(), String> {
        let now = Timestamp(now.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        check(&request(authorization), kind, &keys(), "cn-north-4", now)
    }

    #[test]
    fn both_kinds_are_checked_as_python_signs_them() {
        assert_eq!(judged(STANDARD, Kind::Standard, NOW), Ok(()));
        assert_eq!(judged(DERIVED, Kind::Derived, NOW), Ok(()));
    }

    #[test]
    fn the_wrong_kind_and_a_wrong_clock_are_told() {
        assert!(judged(STANDARD, Kind::Derived, NOW).is_err());
        assert!(judged(DERIVED, Kind::Standard, NOW).is_err());
        let late = judged(DERIVED, Kind::Derived, "2026-11-21T18:15:01Z");
        assert!(late.is_err_and(|words| words.contains("15 minutes")));
        assert_eq!(
            judged(DERIVED, Kind::Derived, "2026-11-21T18:15:00Z"),
            Ok(())
        );
        let without_host = STANDARD.replace("content-type;host;", "content-type;");
        let words = judged(&without_host, Kind::Standard, NOW);
        assert_eq!(words, Err("host is not signed".to_owned()));
    }

    #[test]
    fn the_host_tells_the_kind() {
        for (host, kind) in [
            ("iotda.cn-north-4.myhuaweicloud.com", Kind::Standard),
            ("iotda.myhuaweicloud.com:443", Kind::Standard),
            (
                "x.st1.iotda-app.cn-north-4.myhuaweicloud.com",
                Kind::Derived,
            ),
            ("127.0.0.1:8443", Kind::Derived),
        ] {
            assert_eq!(Kind::of_host(host), kind, "{host}");
        }
    }
}
