//! Signature Version 4, from the checking side (`reference/aws-iot.md` 2.2 and 7).

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};

use crate::base::moment::Timestamp;
use crate::base::secret::Secret;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// A signature is good for this long before and after its date, whatever `X-Amz-Expires` says.
const WINDOW_SECONDS: i64 = 300;

/// An access key.
#[derive(Debug, Clone)]
pub struct AccessKey {
    pub id: String,
    pub secret: Secret,
    /// Temporary ones have a token, and an end.
    pub token: Option<Secret>,
    pub expires: Option<Timestamp>,
    /// As in an ARN: `user/deck`.
    pub user: String,
}

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub method: &'a str,
    pub raw_path: &'a str,
    pub raw_query: &'a str,
    /// Names in lower case.
    pub headers: &'a BTreeMap<String, String>,
    pub body: &'a [u8],
}

/// What is expected of a signature.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub region: &'a str,
    pub services: &'a [&'a str],
}

/// What is wrong with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Missing,
    Incomplete,
    UnknownKey,
    Token,
    Expired,
    Scope,
    Time,
    Mismatch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub fault: Fault,
    pub words: String,
}

impl Refusal {
    fn new(fault: Fault, words: impl Into<String>) -> Self {
        Self {
            fault,
            words: words.into(),
        }
    }
}

/// The parts of a signature, from the query or from the Authorization header.
struct Parts {
    credential: String,
    date: String,
    signed_headers: String,
    signature: String,
    token: Option<String>,
    /// Canonical, without what is not signed.
    query: String,
    /// Of the body; that of nothing where the signature stands in the query.
    body_hash: String,
}

/// Whose request this is.
pub fn check<'k>(
    request: Signed<'_>,
    scope: Scope<'_>,
    keys: &'k [AccessKey],
    now: Timestamp,
) -> Result<&'k AccessKey, Refusal> {
    let parts = parts(request)?;
    let mut credential = parts.credential.splitn(2, '/');
    let id = credential.next().unwrap_or_default();
    let claimed = credential.next().unwrap_or_default();
    let [day, region, service, "aws4_request"] = claimed.split('/').collect::<Vec<_>>()[..] else {
        let words = "Credential must have exactly 5 slash-delimited elements, e.g. \
                     keyid/date/region/service/term";
        return Err(Refusal::new(Fault::Incomplete, words));
    };
    let invalid = "The security token included in the request is invalid.";
    let key = keys
        .iter()
        .find(|key| key.id == id)
        .ok_or_else(|| Refusal::new(Fault::UnknownKey, invalid))?;
    if region != scope.region {
        let words = format!("Credential should be scoped to a valid region, not '{region}'.");
        return Err(Refusal::new(Fault::Scope, words));
    }
    if !scope.services.contains(&service) {
        let right = scope.services.first().copied().unwrap_or_default();
        let words = format!("Credential should be scoped to correct service: '{right}'.");
        return Err(Refusal::new(Fault::Scope, words));
    }
    if !parts.date.starts_with(day) || day.len() != 8 {
        let words = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                     from HTTP.";
        return Err(Refusal::new(Fault::Scope, words));
    }
    in_time(&parts.date, now)?;
    let expected = key.token.as_ref().map(Secret::expose);
    let given = parts.token.as_deref().filter(|token| !token.is_empty());
    if expected != given {
        return Err(Refusal::new(Fault::Token, invalid));
    }
    if key.expires.is_some_and(|end| end <= now) {
        let words = "The security token included in the request is expired";
        return Err(Refusal::new(Fault::Expired, words));
    }
    let to_sign = [
        ALGORITHM,
        &parts.date,
        claimed,
        &sha256(canonical(request, &parts)?.as_bytes()),
    ]
    .join("\n");
    let ours = hex(&mac(
        &signing_key(key.secret.expose(), day, region, service),
        &to_sign,
    ));
    if ours == parts.signature {
        Ok(key)
    } else {
        let words = "The request signature we calculated does not match the signature you provided. \
                     Check your AWS Secret Access Key and signing method. Consult the service \
                     documentation for details.";
        Err(Refusal::new(Fault::Mismatch, words))
    }
}

fn parts(request: Signed<'_>) -> Result<Parts, Refusal> {
    let incomplete = |what: &str| Refusal::new(Fault::Incomplete, what);
    let pairs: Vec<_> = request
        .raw_query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect();
    let of_query = |name: &str| {
        let found = pairs.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    let canonical_query = |left_out: &[&str]| {
        let mut kept: Vec<_> = pairs
            .iter()
            .filter(|(name, _)| !left_out.contains(&name.as_str()))
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        kept.sort();
        let kept = kept.iter().map(|(name, value)| format!("{name}={value}"));
        kept.collect::<Vec<_>>().join("&")
    };
    if let Some(algorithm) = of_query("X-Amz-Algorithm") {
        if algorithm != ALGORITHM {
            return Err(incomplete("Unsupported AWS 'algorithm'."));
        }
        let need = |name: &str| {
            of_query(name).ok_or_else(|| {
                let words = format!("AWS query-string parameters must include '{name}'.");
                Refusal::new(Fault::Incomplete, words)
            })
        };
        return Ok(Parts {
            credential: need("X-Amz-Credential")?,
            date: need("X-Amz-Date")?,
            signed_headers: need("X-Amz-SignedHeaders")?,
            signature: need("X-Amz-Signature")?,
            token: of_query("X-Amz-Security-Token"),
            // The gateway wants the token outside of the signature.
            query: canonical_query(&["X-Amz-Signature", "X-Amz-Security-Token"]),
            body_hash: sha256(b""),
        });
    }
    let Some(authorization) = request.headers.get("authorization") else {
        return Err(Refusal::new(Fault::Missing, "Missing Authentication Token"));
    };
    let fields: BTreeMap<_, _> = authorization
        .strip_prefix(ALGORITHM)
        .ok_or_else(|| incomplete("Unsupported AWS 'algorithm'."))?
        .split(',')
        .filter_map(|field| field.trim().split_once('='))
        .collect();
    let need = |name: &str| {
        let field = fields.get(name).map(|value| (*value).to_owned());
        field.ok_or_else(|| {
            let words = format!("Authorization header requires '{name}' parameter.");
            Refusal::new(Fault::Incomplete, words)
        })
    };
    let date = request.headers.get("x-amz-date").cloned();
    let signed_headers = need("SignedHeaders")?;
    let token = request.headers.get("x-amz-security-token").cloned();
    let is_signed = signed_headers
        .split(';')
        .any(|name| name == "x-amz-security-token");
    if token.is_some() && !is_signed {
        let words = "The request signature we calculated does not match the signature you provided: \
                     x-amz-security-token is not signed.";
        return Err(Refusal::new(Fault::Mismatch, words));
    }
    Ok(Parts {
        credential: need("Credential")?,
        date: date.ok_or_else(|| incomplete("Authorization header requires 'X-Amz-Date'."))?,
        signed_headers,
        signature: need("Signature")?,
        token,
        query: canonical_query(&[]),
        body_hash: sha256(request.body),
    })
}

/// The canonical request. The path is encoded once more than it was on the wire.
fn canonical(request: Signed<'_>, parts: &Parts) -> Result<String, Refusal> {
    let names: Vec<_> = parts.signed_headers.split(';').collect();
    if !names.contains(&"host") {
        let words = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(Refusal::new(Fault::Mismatch, words));
    }
    let mut headers = String::new();
    for name in names {
        let value = request.headers.get(name).map_or("", String::as_str);
        let value: Vec<_> = value.split_whitespace().collect();
        headers.push_str(&format!("{name}:{}\n", value.join(" ")));
    }
    let path: Vec<_> = request.raw_path.split('/').map(encode).collect();
    Ok([
        request.method,
        &path.join("/"),
        &parts.query,
        &headers,
        &parts.signed_headers,
        &parts.body_hash,
    ]
    .join("\n"))
}

/// Five minutes either way.
fn in_time(date: &str, now: Timestamp) -> Result<(), Refusal> {
    let Some(then) = parse_date(date) else {
        let words = "Date must be in ISO-8601 'basic format'.";
        return Err(Refusal::new(Fault::Incomplete, words));
    };
    let now = now.seconds();
    let (early, late) = (now - WINDOW_SECONDS, now + WINDOW_SECONDS);
    let text = |seconds| written_date(Timestamp::from_seconds(seconds));
    if then < early {
        let words = format!(
            "Signature expired: {date} is now earlier than {} ({} - 5 min.)",
            text(early),
            text(now)
        );
        return Err(Refusal::new(Fault::Time, words));
    }
    if then > late {
        let words = format!(
            "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
            text(late),
            text(now)
        );
        return Err(Refusal::new(Fault::Time, words));
    }
    Ok(())
}

/// `20260301T123456Z`.
pub fn written_date(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn parse_date(text: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

fn signing_key(secret: &str, day: &str, region: &str, service: &str) -> Vec<u8> {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    key
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// In lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// All but the unreserved characters, in upper-case hex.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `%XX` to its byte; what is no such thing stays as it is.
pub fn decode(text: &str) -> String {
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
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
