//! One call to the registry in either dialect, and what its refusals mean (`reference/google-iot-core.md` 10, 11).

use std::time::Duration;

use serde_json::Value;

use super::Google;
use super::account::Door;
use crate::base::moment::{Timestamp, words};
use crate::base::problem::{Exit, Problem, Retry};
use crate::base::secret::Secret;
use crate::domain::fact::Fact;
use crate::platform::io::{HttpCall, HttpError, HttpReply, Io, Method};

pub const TIMEOUT: Duration = Duration::from_secs(20);
/// Attempts of a call that may be made again.
const TRIES: u32 = 3;
/// A clock that is off by more is told.
const CLOCK_NOTICE: i64 = 120;
/// What the bridge forgives (`reference/google-iot-core.md` 4).
pub const SKEW: i64 = 600;

/// One question, in the words of both dialects.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    /// Google's path below `/v1/`, with its custom verb.
    pub path: String,
    /// ClearBlade's service.
    pub service: &'static str,
    /// ClearBlade's own parameters: `name`, `parent`, `method`.
    pub own: Vec<(&'static str, String)>,
    /// Parameters of both.
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// It may be made again when nobody knows whether it arrived.
    pub repeatable: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The service's own words.
    Api {
        http: u16,
        /// `FAILED_PRECONDITION`; empty when it did not say.
        status: String,
        message: String,
        retry_after: Option<Duration>,
    },
    Http(HttpError),
    /// 200 with something that is no JSON.
    Unreadable(String),
}

impl Google {
    pub(super) async fn ask(&self, io: &dyn Io, ask: Ask) -> Result<Value, Refusal> {
        let door = self.door(io).await.map_err(Refusal::from)?;
        match self.ask_at(io, &door, &ask).await {
            // The registry's keys may have been renewed, and an access token withdrawn.
            Err(Refusal::Api { http: 401, .. }) => {
                self.forget_keys();
                let door = self.door(io).await.map_err(Refusal::from)?;
                self.ask_at(io, &door, &ask).await
            }
            answer => answer,
        }
    }

    pub(super) async fn ask_at(
        &self,
        io: &dyn Io,
        door: &Door,
        ask: &Ask,
    ) -> Result<Value, Refusal> {
        self.send(io, ask.call(door), ask.repeatable).await
    }

    /// Retries what may pass: 429, 500, 503, 504 and the network's own troubles.
    pub(super) async fn send(
        &self,
        io: &dyn Io,
        call: HttpCall,
        repeatable: bool,
    ) -> Result<Value, Refusal> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let refusal = match io.http(call.clone()).await {
                Ok(reply) => {
                    self.look_at_clock(io, &reply);
                    match read(&reply) {
                        Ok(value) => return Ok(value),
                        Err(refusal) => refusal,
                    }
                }
                Err(error) => Refusal::Http(error),
            };
            if attempt >= TRIES || !refusal.may_pass(repeatable) {
                return Err(refusal);
            }
            let jitter = Duration::from_millis(500).mul_f64(io.roll());
            let pause = Duration::from_secs(1 << (attempt - 1)) + jitter;
            io.sleep(refusal.retry_after().unwrap_or(pause)).await;
        }
    }

    /// Every answer carries the server's time.
    pub(super) fn look_at_clock(&self, io: &dyn Io, reply: &HttpReply) {
        let Some(off) = clock_off(io.now().wall, reply) else {
            return;
        };
        if off.abs() < CLOCK_NOTICE || std::mem::replace(&mut self.book().clock_told, true) {
            return;
        }
        io.fact(Fact::Notice(clock_problem(off)));
    }
}

/// Seconds by which this computer's clock is ahead of the server's.
pub fn clock_off(now: Timestamp, reply: &HttpReply) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::parse(reply.header("date")?).ok()?;
    Some(now.seconds() - theirs.timestamp().as_second())
}

pub fn clock_problem(off: i64) -> Problem {
    let by = words(Duration::from_secs(off.unsigned_abs()));
    let way = if off > 0 { "ahead" } else { "behind" };
    let cause = if off.abs() > SKEW {
        format!("it is {by} {way} of the platform's, and the bridge forgives 10 min")
    } else {
        format!("it is {by} {way} of the platform's")
    };
    Problem::new(
        "this computer's clock is wrong",
        cause.replace("behind of", "behind"),
        "set it (NTP), then connect again",
    )
    .retry(Retry::Backoff)
}

impl Ask {
    fn call(&self, door: &Door) -> HttpCall {
        let (url, header) = match door {
            Door::ClearBlade(keys) => {
                let base = format!(
                    "{}/api/v/4/webhook/execute/{}/{}",
                    keys.url,
                    encode(&keys.system),
                    self.service
                );
                let query = self.own.iter().chain(&self.query);
                (
                    with_query(base, query),
                    ("clearblade-usertoken", keys.token.clone()),
                )
            }
            Door::Google { base, bearer } => (
                with_query(format!("{base}/{}", self.path), self.query.iter()),
                (
                    "authorization",
                    Secret::new(format!("Bearer {}", bearer.expose())),
                ),
            ),
        };
        let verb = self.own.iter().find(|(name, _)| *name == "method");
        let verb = verb.map_or("", |(_, verb)| verb.as_str());
        let gap = if verb.is_empty() { "" } else { " " };
        HttpCall {
            method: self.method,
            url,
            headers: vec![("content-type", "application/json".to_owned())],
            secret_headers: vec![header],
            body: self.body.as_ref().map(|body| body.to_string().into()),
            timeout: TIMEOUT,
            label: format!("{} {}{gap}{verb}", self.method.word(), self.service),
        }
    }
}

fn with_query<'a>(base: String, pairs: impl Iterator<Item = &'a (&'static str, String)>) -> String {
    let mut url = base;
    for (index, (name, value)) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        url.push_str(&encode(value));
    }
    url
}

/// Percent-encoded, but for what RFC 3986 leaves alone (2.3).
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn read(reply: &HttpReply) -> Result<Value, Refusal> {
    if (200..300).contains(&reply.status) {
        if reply.body.trim_ascii().is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        return serde_json::from_slice(&reply.body)
            .map_err(|error| Refusal::Unreadable(format!("the answer is no JSON: {error}")));
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let plain = || {
        let text = String::from_utf8_lossy(&reply.body);
        let first: String = text.trim().chars().take(200).collect();
        first
    };
    // Google's form; OAuth's (RFC 6749, 5.2); plain text.
    let message = text("/error/message")
        .or_else(|| text("/error_description"))
        .or_else(|| text("/error"))
        .or_else(|| text("/message"))
        .map_or_else(plain, str::to_owned);
    Err(Refusal::Api {
        http: reply.status,
        status: text("/error/status").unwrap_or_default().to_owned(),
        message,
        retry_after: reply.retry_after,
    })
}

/// A problem on the way to the door keeps its words.
impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let http = match problem.exit {
            Exit::NotFound => 404,
            Exit::Refused => 403,
            Exit::Usage => 0,
            _ => 500,
        };
        Self::Api {
            http,
            status: problem.what,
            message: format!("{}\u{1f}{}", problem.cause, problem.remedy),
            retry_after: None,
        }
    }
}

impl Refusal {
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Api { status, .. } if status == wanted)
    }

    fn may_pass(&self, repeatable: bool) -> bool {
        match self {
            Self::Api { http: 429, .. } => true,
            Self::Api { http, .. } => repeatable && matches!(http, 500 | 503 | 504),
            Self::Http(HttpError::Tls { .. } | HttpError::TooLong { .. }) | Self::Unreadable(_) => {
                false
            }
            Self::Http(_) => repeatable,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api { retry_after, .. } => retry_after.map(|wait| wait.min(TIMEOUT)),
            _ => None,
        }
    }

    pub fn problem(&self, what: &str) -> Problem {
        match self {
            Self::Http(error) => {
                let exit = match error {
                    HttpError::Tls { .. } => Exit::Refused,
                    _ => Exit::Unreachable,
                };
                let remedy = "check `api_url` of the profile and the network";
                Problem::new(what, error.to_string(), remedy)
                    .retry(Retry::Backoff)
                    .exit(exit)
            }
            Self::Unreadable(why) => {
                Problem::new(what, why.as_str(), "check `api_url` of the profile")
            }
            Self::Api {
                status, message, ..
            } if message.contains('\u{1f}') => {
                let (cause, remedy) = message.split_once('\u{1f}').unwrap_or((message, ""));
                let exit = match self {
                    Self::Api { http: 0, .. } => Exit::Usage,
                    Self::Api { http: 404, .. } => Exit::NotFound,
                    Self::Api { http: 403, .. } => Exit::Refused,
                    _ => Exit::Failed,
                };
                let what = format!("{what}: {status}");
                Problem::new(what, cause, remedy).exit(exit)
            }
            Self::Api {
                http,
                status,
                message,
                ..
            } => {
                let (exit, remedy) = meaning(*http, status);
                let code = if status.is_empty() {
                    http.to_string()
                } else {
                    format!("{http} {status}")
                };
                let cause = format!(
                    "the platform answered {code}: {}",
                    message.trim_end_matches('.')
                );
                let retry = match http {
                    429 | 500 | 503 | 504 => Retry::Backoff,
                    _ => Retry::Never,
                };
                Problem::new(what, cause, remedy).exit(exit).retry(retry)
            }
        }
    }
}

fn meaning(http: u16, status: &str) -> (Exit, &'static str) {
    match (http, status) {
        (404, _) | (_, "NOT_FOUND") => (
            Exit::NotFound,
            "check the id, and project, region and registry in the profile",
        ),
        (401, _) | (_, "UNAUTHENTICATED") => (
            Exit::Refused,
            "the credentials are not valid (any more): download the service account's file again",
        ),
        (403, _) | (_, "PERMISSION_DENIED") => (
            Exit::Refused,
            "give the service account a role that allows it",
        ),
        (429, _) | (_, "RESOURCE_EXHAUSTED") => (
            Exit::Failed,
            "wait a minute: the project's limit is reached",
        ),
        (500.., _) => (Exit::Failed, "the platform has trouble: try again later"),
        (_, "INVALID_ARGUMENT") => (Exit::Usage, "correct what was asked"),
        _ => (Exit::Failed, "see the platform's words"),
    }
}
