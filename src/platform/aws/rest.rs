//! REST with SigV4 (`reference/aws-iot.md` 7): one signed call, patient with throttles, refusals in words.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::{Aws, sign};
use crate::base::moment::Timestamp;
use crate::base::percent::encode;
use crate::base::problem::{Exit, Problem, Retry};
use crate::platform::io::{HttpCall, HttpReply, Io, Method};

const TIMEOUT: Duration = Duration::from_secs(15);
/// Tries of one call: throttled, or failed at AWS's side.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// Whatever `Retry-After` says: a person waits for this.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Which service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plane {
    /// Registry and index: `iot.<region>.amazonaws.com`.
    Control,
    /// Shadows, publishing, retained messages: the account's endpoint.
    Data,
}

impl Plane {
    const fn service(self) -> &'static str {
        match self {
            Self::Control => "iot",
            Self::Data => "iotdata",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) plane: Plane,
    pub(super) method: Method,
    /// Each segment percent-encoded: [`path`].
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
    /// For the log.
    pub(super) label: String,
}

impl Call {
    pub(super) const fn get(plane: Plane, path: String, label: String) -> Self {
        Self {
            plane,
            method: Method::Get,
            path,
            query: Vec::new(),
            body: None,
            label,
        }
    }
}

/// `/things/<name>/shadow`, each segment percent-encoded.
pub(super) fn path(segments: &[&str]) -> String {
    let encoded = segments
        .iter()
        .map(|segment| format!("/{}", encode(segment)));
    encoded.collect()
}

/// An answer below 300.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) body: Bytes,
}

impl Answer {
    /// `Null` where it is no JSON.
    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The service's own word.
    Said(Box<Said>),
    /// It was not asked, or could not be.
    Before(Problem),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    /// `ResourceNotFoundException`; empty when it did not say.
    pub(super) kind: String,
    pub(super) message: String,
    /// Who signed, in words.
    pub(super) signer: String,
    /// How far this machine's clock is from the service's, where that is much.
    pub(super) skew: Option<String>,
}

impl Said {
    fn read(reply: &HttpReply, signer: String, now: Timestamp) -> Self {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let kind = reply.header("x-amzn-errortype").or_else(|| text("__type"));
        let kind = kind.unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let message = text("message").or_else(|| text("Message"));
        Self {
            status: reply.status,
            kind: kind.split(':').next().unwrap_or_default().to_owned(),
            message: message.unwrap_or_default().to_owned(),
            signer,
            skew: reply.header("date").and_then(|date| skew(date, now)),
        }
    }

    /// `is` one of these kinds, with or without `Exception` at its end.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.strip_suffix("Exception").unwrap_or(&self.kind) == kind
    }

    fn is_throttle(&self) -> bool {
        self.status == 429
            || self.is("Throttling")
            || self.is("TooManyRequests")
            || self.is("Throttled")
    }

    fn is_stale_key(&self) -> bool {
        self.is("ExpiredToken")
            || self.is("UnrecognizedClient")
            || self.message.contains("is expired")
    }

    pub(super) fn problem(&self, what: &str) -> Problem {
        let words = match (self.kind.as_str(), self.message.as_str()) {
            ("", "") => "no reason given".to_owned(),
            ("", message) => message.to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        };
        let cause = format!(
            "AWS answered {} {words}; signed with the {}",
            self.status, self.signer
        );
        let (remedy, exit, retry) = self.advice();
        Problem::new(what, cause, remedy).exit(exit).retry(retry)
    }

    fn advice(&self) -> (String, Exit, Retry) {
        let refused = |text: &str| (text.to_owned(), Exit::Refused, Retry::Never);
        if let (403, Some(skew)) = (self.status, &self.skew) {
            return refused(&format!("set the clock: {skew}"));
        }
        match self.status {
            _ if self.is_throttle() => (
                "ask less often, or have the account's quota raised".to_owned(),
                Exit::Failed,
                Retry::Backoff,
            ),
            403 if self.is_stale_key() => refused("sign in again: `aws sso login`, or new keys"),
            403 if self.is("InvalidSignature") || self.is("SignatureDoesNotMatch") => {
                refused("is the secret key the one of this key id, and the region right?")
            }
            401 | 403 => refused(
                "allow it in the IAM policy of this identity (a certificate's own policy does not count here)",
            ),
            404 => (String::new(), Exit::NotFound, Retry::Never),
            500.. => ("try again".to_owned(), Exit::Failed, Retry::Backoff),
            _ => (String::new(), Exit::Failed, Retry::Never),
        }
    }
}

impl Refusal {
    pub(super) fn problem(self, what: &str) -> Problem {
        match self {
            Self::Said(said) => said.problem(what),
            Self::Before(problem) => problem,
        }
    }
}

impl Aws {
    pub(super) async fn call(&self, io: &dyn Io, call: Call) -> Result<Answer, Refusal> {
        let mut renewed = false;
        let mut tried = 0;
        loop {
            tried += 1;
            let (reply, said) = self.once(io, &call).await?;
            let Some(said) = said else {
                return Ok(Answer { body: reply.body });
            };
            if said.is_stale_key() && !renewed {
                renewed = true;
                self.forget_keys();
                continue;
            }
            if tried == TRIES || !(said.is_throttle() || said.status >= 500) {
                return Err(Refusal::Said(Box::new(said)));
            }
            let backoff = FIRST_WAIT * 2_u32.pow(tried - 1);
            let jittered = backoff.mul_f64(0.5 + io.roll() / 2.0);
            let wait = reply.retry_after.unwrap_or(jittered);
            io.sleep(wait.min(LONGEST_WAIT)).await;
        }
    }

    async fn once(&self, io: &dyn Io, call: &Call) -> Result<(HttpReply, Option<Said>), Refusal> {
        let region = self.region().map_err(Refusal::Before)?;
        let found = self.keys(io).await.map_err(Refusal::Before)?;
        let url = self.url(call, &region).map_err(Refusal::Before)?;
        let body = call.body.clone().unwrap_or_default();
        let now = io.now().wall;
        let service = call.plane.service();
        let word = call.method.word();
        let secret_headers = sign::headers(&found.keys, &region, service, now, word, &url, &body)
            .map_err(Refusal::Before)?;
        let sent = HttpCall {
            method: call.method,
            url,
            headers: match call.body {
                Some(_) => vec![("content-type", "application/json".to_owned())],
                None => Vec::new(),
            },
            secret_headers,
            body: call.body.clone(),
            timeout: TIMEOUT,
            label: call.label.clone(),
        };
        let reply = io.http(sent).await.map_err(|error| {
            let problem = Problem::new(
                "could not ask AWS",
                error.to_string(),
                "is the network there, and the endpoint right?",
            );
            Refusal::Before(problem.exit(Exit::Unreachable).retry(Retry::Backoff))
        })?;
        let said = (reply.status >= 300).then(|| Said::read(&reply, found.words(), io.now().wall));
        Ok((reply, said))
    }

    pub(super) fn region(&self) -> Result<String, Problem> {
        self.settings.region().ok_or_else(|| {
            Problem::new(
                "could not ask AWS",
                "the endpoint's name does not tell the region, and the profile names none",
                "write region = \"eu-west-1\" in the profile",
            )
            .exit(Exit::Usage)
        })
    }

    fn url(&self, call: &Call, region: &str) -> Result<String, Problem> {
        let base = match &self.settings.api_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.host(call.plane, region)?,
        };
        let query: Vec<_> = call
            .query
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(format!("{base}{}{mark}{}", call.path, query.join("&")))
    }

    fn host(&self, plane: Plane, region: &str) -> Result<String, Problem> {
        let endpoint = self.endpoint()?;
        // A domain of the account's own says nothing about the part of the world.
        let domain = super::credentials::domain(region);
        Ok(match plane {
            Plane::Control => format!("https://iot.{region}.{domain}"),
            Plane::Data if endpoint.region().is_some() => format!("https://{}", endpoint.host),
            Plane::Data => format!("https://data-ats.iot.{region}.{domain}"),
        })
    }
}

/// What more than some minutes between both clocks is in words (`reference/aws-iot.md` 2.2: 5 minutes either way).
pub(super) fn skew(date: &str, now: Timestamp) -> Option<String> {
    let server = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let server = Timestamp(server.as_microsecond());
    let (ahead, behind) = (server.until(now), now.until(server));
    let (much, word) = if ahead > behind {
        (ahead, "ahead of")
    } else {
        (behind, "behind")
    };
    (much >= Duration::from_mins(4)).then(|| {
        format!(
            "this machine's clock is {} {word} AWS's (here {}, there {} UTC)",
            crate::base::moment::words(much),
            now.clock(0),
            server.clock(0),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_told_with_both_times() {
        let now = Timestamp::from_seconds(1_772_368_496);
        assert_eq!(skew("Sun, 01 Mar 2026 12:34:00 GMT", now), None);
        let words = skew("Sun, 01 Mar 2026 12:14:56 GMT", now).expect("it is wrong");
        assert_eq!(
            words,
            "this machine's clock is 20 min ahead of AWS's (here 12:34:56, there 12:14:56 UTC)"
        );
        let words = skew("Sun, 01 Mar 2026 14:34:56 GMT", now).expect("it is wrong");
        assert!(words.contains("2 h behind AWS's"), "{words}");
    }

    #[test]
    fn a_path_is_encoded_segment_by_segment() {
        assert_eq!(path(&["things", "a:b", "shadow"]), "/things/a%3Ab/shadow");
        assert_eq!(
            path(&["topics", "plant/line 1"]),
            "/topics/plant%2Fline%201"
        );
    }

    #[test]
    fn a_refusal_says_who_signed_and_what_to_do() {
        let reply = HttpReply {
            status: 403,
            retry_after: None,
            headers: vec![(
                "x-amzn-errortype".to_owned(),
                "AccessDeniedException:http://internal/x".to_owned(),
            )],
            body: Bytes::from_static(br#"{"message":"User: u is not authorized"}"#),
        };
        let said = Said::read(
            &reply,
            "access key AKIA1 from x".to_owned(),
            Timestamp::default(),
        );
        assert!(said.is("AccessDenied"));
        let problem = said.problem("could not list the things");
        assert_eq!(problem.exit, Exit::Refused);
        for part in [
            "AccessDeniedException: User: u",
            "access key AKIA1 from x",
            "certificate's own policy",
        ] {
            assert!(problem.to_string().contains(part), "{problem}");
        }
    }
}
