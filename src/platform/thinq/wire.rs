//! LG's REST calls: what each of the nineteen looks like, the headers they all carry, and the envelope around every
//! answer (`reference/lg-thinq.md` 3 to 5). Pure.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::error::ThinqError;
use crate::base::secret::Secret;
use crate::base::text;
use crate::domain::device::DeviceId;
use crate::platform::io::{HttpCall, HttpReply, Method};

/// Published in LG's Python SDK: it identifies the family of applications, not a user.
pub const API_KEY: &str = "v6GFvkweNo7DK7yD3ylIZ9w52aKBU0eJ7wLXkSR3";

/// As in the SDKs.
const TIMEOUT: Duration = Duration::from_secs(15);

/// One call, before it is dressed with headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub method: Method,
    /// Relative to the base URL, escaped.
    pub path: String,
    /// For log and problems: the same with long ids cut.
    pub label: String,
    pub body: Option<Value>,
    /// `x-conditional-control`: refuse early what the appliance would ignore.
    conditional: bool,
}

/// What all calls carry.
#[derive(Debug)]
pub struct Dress<'a> {
    pub base: &'a str,
    pub country: &'a str,
    pub client_id: &'a str,
    pub api_key: &'a str,
    pub token: &'a Secret,
}

impl Call {
    fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            label: format!("{} {path}", method.word()),
            body: None,
            conditional: false,
        }
    }

    /// `path` with `{}` in the device's place.
    fn of(method: Method, path: &str, device: &DeviceId) -> Self {
        let short: String = device.as_str().chars().take(8).collect();
        let cut = if short.len() < device.as_str().len() {
            "…"
        } else {
            ""
        };
        Self {
            method,
            path: path.replace("{}", &escape(device.as_str())),
            label: format!(
                "{} {}",
                method.word(),
                path.replace("{}", &format!("{short}{cut}"))
            ),
            body: None,
            conditional: false,
        }
    }

    fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub fn is_read(&self) -> bool {
        self.method == Method::Get
    }

    /// The whole HTTP call.
    pub fn http(&self, dress: &Dress<'_>, message_id: &str) -> HttpCall {
        let mut headers = vec![
            ("x-country", dress.country.to_owned()),
            ("x-message-id", message_id.to_owned()),
            ("x-client-id", dress.client_id.to_owned()),
            ("x-api-key", dress.api_key.to_owned()),
            ("x-service-phase", "OP".to_owned()),
        ];
        if self.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if self.conditional {
            headers.push(("x-conditional-control", "true".to_owned()));
        }
        HttpCall {
            method: self.method,
            url: format!("{}/{}", dress.base.trim_end_matches('/'), self.path),
            headers,
            secret_headers: vec![(
                "authorization",
                Secret::new(format!("Bearer {}", dress.token.expose())),
            )],
            body: self.body.as_ref().map(|body| Bytes::from(body.to_string())),
            timeout: TIMEOUT,
            label: self.label.clone(),
        }
    }
}

pub fn route() -> Call {
    Call::new(Method::Get, "route")
}

pub fn devices() -> Call {
    Call::new(Method::Get, "devices")
}

pub fn profile(device: &DeviceId) -> Call {
    Call::of(Method::Get, "devices/{}/profile", device)
}

pub fn state(device: &DeviceId) -> Call {
    Call::of(Method::Get, "devices/{}/state", device)
}

pub fn control(device: &DeviceId, body: Value) -> Call {
    let mut call = Call::of(Method::Post, "devices/{}/control", device).with(body);
    call.conditional = true;
    call
}

fn client_body() -> Value {
    json!({"type": "MQTT", "service-code": "SVC202", "device-type": "607", "allowExist": true})
}

pub fn register() -> Call {
    Call::new(Method::Post, "client").with(client_body())
}

pub fn deregister() -> Call {
    Call::new(Method::Delete, "client").with(client_body())
}

/// `csr` is PEM; LG wants its base64 alone, on one line.
pub fn certificate(csr: &str) -> Call {
    let body: String = csr
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    Call::new(Method::Post, "client/certificate")
        .with(json!({"service-code": "SVC202", "csr": body}))
}

pub fn push_list() -> Call {
    Call::new(Method::Get, "push")
}

pub fn push_on(device: &DeviceId) -> Call {
    Call::of(Method::Post, "push/{}/subscribe", device)
}

pub fn push_off(device: &DeviceId) -> Call {
    Call::of(Method::Delete, "push/{}/unsubscribe", device)
}

pub fn event_list() -> Call {
    Call::new(Method::Get, "event")
}

pub fn event_on(device: &DeviceId, hours: u8) -> Call {
    Call::of(Method::Post, "event/{}/subscribe", device)
        .with(json!({"expire": {"unit": "HOUR", "timer": hours}}))
}

pub fn event_off(device: &DeviceId) -> Call {
    Call::of(Method::Delete, "event/{}/unsubscribe", device)
}

/// Clients that hear of account changes; the answer's shape is not documented.
pub fn account_list() -> Call {
    Call::new(Method::Get, "push/devices")
}

pub fn account_on() -> Call {
    Call::new(Method::Post, "push/devices")
}

pub fn account_off() -> Call {
    Call::new(Method::Delete, "push/devices")
}

pub fn energy_profile(device: &DeviceId) -> Call {
    Call::of(Method::Get, "devices/energy/{}/profile", device)
}

/// Daily figures; `start` and `end` as `YYYYMMDD`.
pub fn energy_usage(device: &DeviceId, property: &str, start: &str, end: &str) -> Call {
    let mut call = Call::of(Method::Get, "devices/energy/{}/usage", device);
    let property = escape(property);
    let _infallible = write!(
        call.path,
        "?property={property}&period=DAILY&startDate={start}&endDate={end}"
    );
    call
}

/// 16 random bytes, the first 122 bits of which make a UUID v4, as 22 characters.
pub fn message_id(mut random: [u8; 16]) -> String {
    as_uuid(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

/// A UUID v4 in its usual form.
pub fn uuid(mut random: [u8; 16]) -> String {
    as_uuid(&mut random);
    let mut out = String::with_capacity(36);
    for (i, byte) in random.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _infallible = write!(out, "{byte:02x}");
    }
    out
}

const fn as_uuid(bytes: &mut [u8; 16]) {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
}

/// One segment of a path, or one value of a query.
fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for byte in raw.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The same for what is read: a 200 without a byte is a gateway that broke off, not an account that lost its devices. Nothing
/// to say is `[]`, `{}` or 204 (`reference/lg-thinq.md` 4).
pub fn open_read(reply: &HttpReply) -> Result<Value, ThinqError> {
    if reply.status == 200 && reply.body.iter().all(u8::is_ascii_whitespace) {
        return Err(ThinqError::Gateway {
            status: 200,
            gist: "an empty answer".to_owned(),
        });
    }
    open(reply)
}

/// The `response` in the envelope. Decides on LG's code, not on the HTTP status, and stands what gateways answer.
pub fn open(reply: &HttpReply) -> Result<Value, ThinqError> {
    let status = reply.status;
    let envelope: Option<Value> = serde_json::from_slice(&reply.body).ok();
    if let Some(error) = envelope
        .as_ref()
        .and_then(|e| e.get("error"))
        .filter(|e| e.is_object())
    {
        return Err(api_error(error, reply));
    }
    if status == 429 {
        return Err(ThinqError::Limit {
            code: None,
            retry_after: reply.retry_after,
        });
    }
    let fine = (200..300).contains(&status);
    match envelope {
        Some(Value::Object(mut members)) if fine && members.contains_key("response") => {
            result(members.remove("response").unwrap_or_default())
        }
        Some(Value::Object(members))
            if fine && members.keys().all(|k| k == "messageId" || k == "timestamp") =>
        {
            Ok(json!({}))
        }
        Some(Value::Array(entries)) if fine && entries.is_empty() => Ok(json!([])),
        None if fine && reply.body.iter().all(u8::is_ascii_whitespace) => Ok(json!({})),
        _ => Err(ThinqError::Gateway {
            status,
            gist: gist(&reply.body),
        }),
    }
}

fn api_error(error: &Value, reply: &HttpReply) -> ThinqError {
    let code = code_of(error.get("code"));
    if reply.status == 429 || matches!(code.as_str(), "1306" | "1314") {
        return ThinqError::Limit {
            code: Some(code).filter(|c| !c.is_empty()),
            retry_after: reply.retry_after,
        };
    }
    let words = error
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ThinqError::Api {
        code,
        words: text::fit(words.trim(), 200).into_owned(),
        status: reply.status,
    }
}

/// Certificate and energy answers carry a second result code inside.
fn result(response: Value) -> Result<Value, ThinqError> {
    match response.get("resultCode") {
        Some(code) if code_of(Some(code)) != "0000" => Err(ThinqError::Api {
            code: code_of(Some(code)),
            words: String::new(),
            status: 200,
        }),
        _ => Ok(response),
    }
}

fn code_of(code: Option<&Value>) -> String {
    match code {
        Some(Value::String(code)) => text::fit(code, 16).into_owned(),
        Some(Value::Number(number)) => format!("{number:0>4}"),
        _ => "0000".to_owned(),
    }
}

/// The beginning of a foreign answer, without its markup.
fn gist(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(512)]);
    let mut plain = String::new();
    let mut inside = false;
    for c in start.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                plain.push(' ');
            }
            _ if !inside => plain.push(c),
            _ => {}
        }
    }
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.is_empty() {
        "nothing readable".to_owned()
    } else {
        text::fit(&plain, 80).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> HttpReply {
        HttpReply {
            status,
            retry_after: None,
            headers: Vec::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn a_message_id_has_22_url_safe_characters() {
        let id = message_id([0xff; 16]);
        assert_eq!(id.len(), 22);
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{id}"
        );
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn every_call_has_the_path_of_the_reference() {
        let id = DeviceId::new("a/b 한");
        let calls = [
            (route(), "GET route"),
            (devices(), "GET devices"),
            (profile(&id), "GET devices/a%2Fb%20%ED%95%9C/profile"),
            (state(&id), "GET devices/a%2Fb%20%ED%95%9C/state"),
            (
                control(&id, json!({})),
                "POST devices/a%2Fb%20%ED%95%9C/control",
            ),
            (register(), "POST client"),
            (deregister(), "DELETE client"),
            (certificate(""), "POST client/certificate"),
            (push_list(), "GET push"),
            (push_on(&id), "POST push/a%2Fb%20%ED%95%9C/subscribe"),
            (push_off(&id), "DELETE push/a%2Fb%20%ED%95%9C/unsubscribe"),
            (event_list(), "GET event"),
            (event_on(&id, 24), "POST event/a%2Fb%20%ED%95%9C/subscribe"),
            (event_off(&id), "DELETE event/a%2Fb%20%ED%95%9C/unsubscribe"),
            (account_list(), "GET push/devices"),
            (account_on(), "POST push/devices"),
            (account_off(), "DELETE push/devices"),
            (
                energy_profile(&id),
                "GET devices/energy/a%2Fb%20%ED%95%9C/profile",
            ),
            (
                energy_usage(&id, "energyUsage", "20260301", "20260302"),
                "GET devices/energy/a%2Fb%20%ED%95%9C/usage?property=energyUsage&period=DAILY&startDate=20260301&endDate=20260302",
            ),
        ];
        assert_eq!(calls.len(), 19);
        for (call, wanted) in calls {
            assert_eq!(format!("{} {}", call.method.word(), call.path), wanted);
        }
    }

    #[test]
    fn the_csr_goes_without_its_frame_and_line_breaks() {
        let call = certificate(
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\nBBBB\n-----END CERTIFICATE REQUEST-----\n",
        );
        assert_eq!(
            call.body,
            Some(json!({"service-code": "SVC202", "csr": "AAAABBBB"}))
        );
    }

    #[test]
    fn the_code_decides_and_not_the_http_status() {
        let limit = reply(
            401,
            r#"{"error": {"message": "Exceeded User API calls", "code": "1314"}}"#,
        );
        assert_eq!(
            open(&limit),
            Err(ThinqError::Limit {
                code: Some("1314".to_owned()),
                retry_after: None
            })
        );
        let twice = reply(
            404,
            r#"{"error": {"message": "Already subscribed push", "code": "1207"}}"#,
        );
        assert!(open(&twice).is_err_and(|e| e.is("1207")));
    }

    #[test]
    fn what_gateways_answer_is_stood() {
        for (status, body) in [
            (200, ""),
            (204, ""),
            (200, "{}"),
            (200, r#"{"messageId": "x", "timestamp": "y"}"#),
        ] {
            assert_eq!(open(&reply(status, body)), Ok(json!({})), "{status} {body}");
        }
        assert_eq!(open(&reply(200, r#"{"response": []}"#)), Ok(json!([])));
        let foreign = [
            (403, r#"{"message": "Forbidden"}"#),
            (502, "<html><body><h1>Bad gateway</h1></body></html>"),
            (200, "<html>Sign in to the hotel</html>"),
            (500, ""),
        ];
        for (status, body) in foreign {
            let error = open(&reply(status, body)).expect_err(body);
            assert!(matches!(error, ThinqError::Gateway { .. }), "{error}");
        }
        assert!(
            open(&reply(502, "<html><h1>Bad gateway</h1></html>"))
                .is_err_and(|e| e.to_string().contains("Bad gateway"))
        );
    }

    #[test]
    fn a_result_code_inside_the_response_counts() {
        let refused = reply(200, r#"{"response": {"resultCode": "1221", "result": {}}}"#);
        assert!(open(&refused).is_err_and(|e| e.is("1221")));
    }
}
