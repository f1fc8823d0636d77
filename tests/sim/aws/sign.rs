//! A signer after AWS's documentation, for these tests only.

use aws_lc_rs::{digest, hmac};

/// An access key of the account.
#[derive(Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn sha(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

pub fn escape(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    let parts: Vec<_> = text.bytes().map(one).collect();
    parts.concat()
}

fn signature(keys: &Keys, date: &str, scope: &str, canonical: &str) -> String {
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        sha(canonical.as_bytes())
    );
    let mut key = format!("AWS4{}", keys.secret).into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    hex(&mac(&key, &to_sign))
}

/// What goes wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    None,
    /// The token is put into what is signed.
    SignsToken,
    LeavesTokenOut,
    OtherSecret,
    OtherRegion,
    OtherService,
    OtherHost,
}

/// The query of a presigned request for `/mqtt`.
pub fn presign(keys: &Keys, host: &str, region: &str, date: &str, slip: Slip) -> String {
    let mut keys = keys.clone();
    if slip == Slip::OtherSecret {
        keys.secret.push('x');
    }
    let region = if slip == Slip::OtherRegion {
        "eu-west-9"
    } else {
        region
    };
    let service = if slip == Slip::OtherService {
        "iotdata"
    } else {
        "iotdevicegateway"
    };
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let credential = escape(&format!("{}/{scope}", keys.id));
    let token = keys
        .token
        .as_deref()
        .map(|t| format!("&X-Amz-Security-Token={}", escape(t)));
    let mut query =
        format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={date}");
    if slip == Slip::SignsToken {
        query.push_str(token.as_deref().unwrap_or_default());
    }
    query.push_str("&X-Amz-SignedHeaders=host");
    let signed_host = if slip == Slip::OtherHost {
        "localhost"
    } else {
        host
    };
    let canonical = format!(
        "GET\n/mqtt\n{query}\nhost:{signed_host}\n\nhost\n{}",
        sha(b"")
    );
    let signature = signature(&keys, date, &scope, &canonical);
    query.push_str(&format!("&X-Amz-Signature={signature}"));
    if !matches!(slip, Slip::SignsToken | Slip::LeavesTokenOut) {
        query.push_str(token.as_deref().unwrap_or_default());
    }
    query
}

/// The headers of a signed call. `path` is as it goes over the wire; `query` sorted, without the question mark.
pub fn headers(
    keys: &Keys,
    (method, path, query): (&str, &str, &str),
    host: &str,
    (region, service): (&str, &str),
    date: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let mut signed = format!("host:{host}\nx-amz-date:{date}\n");
    let mut names = "host;x-amz-date".to_owned();
    if let Some(token) = &keys.token {
        signed.push_str(&format!("x-amz-security-token:{token}\n"));
        names.push_str(";x-amz-security-token");
    }
    let path: Vec<_> = path.split('/').map(escape).collect();
    let canonical = format!(
        "{method}\n{}\n{query}\n{signed}\n{names}\n{}",
        path.join("/"),
        sha(body)
    );
    let signature = signature(keys, date, &scope, &canonical);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    let mut headers = vec![
        ("x-amz-date", date.to_owned()),
        ("authorization", authorization),
    ];
    headers.extend(
        keys.token
            .clone()
            .map(|token| ("x-amz-security-token", token)),
    );
    headers
}
