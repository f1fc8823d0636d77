//! Why the platform said no, with what to do, in the order in which it happens to people (`reference/huawei-iot.md` 7, 10).

use super::Huawei;
use super::body::{word, word_of};
use super::login::login;
use super::sign::Kind;
use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem};
use crate::domain::profile::{HuaweiSettings, HuaweiSignature};
use crate::domain::session::LogLevel;
use crate::domain::shadow::Node;
use crate::platform::Verdict;
use crate::platform::io::{HttpReply, Io};

impl Huawei {
    /// Never worth another try by itself: what to look at is said, in the order in which it happens to people.
    pub(super) fn judge(&self, io: &dyn Io, problem: &Problem) -> Verdict {
        let settings = &self.settings;
        let login = login(settings, None, io.now().wall);
        let said = problem.cause.trim_end_matches('.');
        let (cause, remedy) = match connack(said) {
            Some(2) => (
                format!("{said}: the client id was {}", login.client_id),
                "check device_id; and keep_alive: the platform takes 30 to 1200 s and refuses others with this code".to_owned(),
            ),
            Some(4) if settings.secret.is_some() => (
                format!(
                    "{said}: signed in as {} with client id {}, made in hour {} (UTC), signature type {}: {}",
                    login.username,
                    login.client_id,
                    login.hour,
                    settings.signature.digit(),
                    settings.signature.hint(),
                ),
                checklist(settings),
            ),
            Some(4) => (
                format!("{said}: signed in as {} with a certificate", login.username),
                "check device_id, and that the certificate's fingerprint is the device's and its CA is known to the platform".to_owned(),
            ),
            Some(5) => (
                format!("{said}: {} may not connect", login.username),
                "look in the console whether the device is frozen, and whether this is the address of its instance".to_owned(),
            ),
            _ => return Verdict::Final,
        };
        io.log(LogLevel::Warn, cause.clone());
        Verdict::Explained(Problem::new(problem.what.as_str(), cause, remedy).exit(Exit::Refused))
    }
}

/// The code in the session's sentence.
fn connack(cause: &str) -> Option<u8> {
    let (_, rest) = cause.split_once("CONNACK ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// `reference/huawei-iot.md` 10, number 1.
fn checklist(settings: &HuaweiSettings) -> String {
    let id = if settings.by_node {
        "device_id is the node id of this product's device (access = \"node\")"
    } else {
        "device_id is the device id, not the node id or the product's"
    };
    let clock = match settings.signature {
        HuaweiSignature::Checked => {
            "this computer's clock and date are right (the hour counts, in UTC; signature = 0 leaves the clock out)"
        }
        HuaweiSignature::Unchecked => "the instance takes signature type 0",
    };
    format!(
        "check: 1. {id}; 2. the secret is the device's own, as it is, not a password made of it; 3. {clock}; 4. the device is of this \
         instance, and its secret was not reset"
    )
}

/// A refused call in words.
pub(super) fn refused(
    what: &str,
    reply: &HttpReply,
    body: &Node,
    kind: Option<Kind<'_>>,
    at: Timestamp,
) -> Problem {
    let code = word(body, "error_code");
    let mut cause = format!("Huawei answered {} {code}", reply.status);
    let words = word_of(body, ["error_msg", "message"]);
    if !words.is_empty() {
        cause.push_str(&format!(": {words}"));
    }
    let request = match word(body, "request_id") {
        empty if empty.is_empty() => reply.header("x-request-id").unwrap_or_default().to_owned(),
        request => request,
    };
    if !request.is_empty() {
        cause.push_str(&format!(" (request {request})"));
    }
    let (remedy, exit) = remedy(&code, reply, kind, at);
    Problem::new(what, cause, remedy).exit(exit)
}

fn remedy(code: &str, reply: &HttpReply, kind: Option<Kind<'_>>, at: Timestamp) -> (String, Exit) {
    let fixed = |text: &str, exit| (text.to_owned(), exit);
    match code {
        "IOTDA.000002" => (wrong_signature(reply, kind, at), Exit::Refused),
        "IOTDA.000021" => fixed(
            "the shared domain was asked for an instance: take the application-side address of the instance as api_url",
            Exit::Refused,
        ),
        "IOTDA.000006" | "IOTDA.000008" | "IOTDA.000009" | "IOTDA.000017" => {
            fixed("correct the values", Exit::Usage)
        }
        "IOTDA.014000" => fixed("`thingdeck devices` lists the ids", Exit::NotFound),
        "IOTDA.014016" => fixed(
            "the device is offline; its shadow has the last known values",
            Exit::Failed,
        ),
        "IOTDA.014111" => fixed(
            "it was delivered, and the device did not answer within 20 s: it must answer on its response topic with the same \
             request id",
            Exit::Failed,
        ),
        "IOTDA.014112" => fixed("the device must subscribe the topic first", Exit::Failed),
        "IOTDA.013002" => fixed(
            "the product's model has no such property or command: look it up in the console",
            Exit::Usage,
        ),
        "APIGW.0301" => fixed(
            "check access key, secret key, project id, and this computer's clock",
            Exit::Refused,
        ),
        _ => match reply.status {
            401 | 403 => fixed(
                "check the keys and what they are allowed to do",
                Exit::Refused,
            ),
            404 => fixed("check the id, and project_id", Exit::NotFound),
            429 => fixed("wait a moment and try again", Exit::Failed),
            _ => (String::new(), Exit::Failed),
        },
    }
}

/// The keys may be right and the way of signing wrong: which one was used is said.
fn wrong_signature(reply: &HttpReply, kind: Option<Kind<'_>>, at: Timestamp) -> String {
    let mut text = match kind {
        Some(Kind::Standard) => "it was signed in the standard way, which an instance's own domain refuses: write derived = true, or \
                                 check the keys"
            .to_owned(),
        Some(Kind::Derived { region }) => format!(
            "it was signed with a key derived for region {region}, which the shared domain refuses: check region, write derived = \
             false, or check the keys"
        ),
        None => "the token was refused: check the user".to_owned(),
    };
    if let Some(skew) = skew(reply, at) {
        text.push_str(&format!("; this computer's clock is {skew}"));
    }
    text
}

/// More than a minute between the server's clock and ours; 15 are tolerated (`reference/huawei-iot.md` 6.2).
fn skew(reply: &HttpReply, at: Timestamp) -> Option<String> {
    let date = jiff::fmt::rfc2822::parse(reply.header("date")?).ok()?;
    let off = at.seconds().saturating_sub(date.timestamp().as_second());
    let minutes = off.unsigned_abs() / 60;
    match (minutes, off > 0) {
        (0, _) => None,
        (minutes, true) => Some(format!("{minutes} min ahead")),
        (minutes, false) => Some(format!("{minutes} min behind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(status: u16, code: &str, kind: Option<Kind<'_>>, date: &str) -> Problem {
        let reply = HttpReply {
            status,
            retry_after: None,
            headers: vec![("date".to_owned(), date.to_owned())],
            body: bytes::Bytes::new(),
        };
        let body = json!({"error_code": code, "error_msg": "no", "request_id": "r-1"});
        // 2026-11-21T16:55:43Z.
        refused(
            "could not list the devices",
            &reply,
            &super::super::body::read(body.to_string().as_bytes()),
            kind,
            Timestamp(1_795_280_143_000_000),
        )
    }

    #[test]
    fn a_refused_signature_names_how_it_was_signed_and_the_clock() {
        let problem = of(
            401,
            "IOTDA.000002",
            Some(Kind::Standard),
            "Sat, 21 Nov 2026 16:35:00 GMT",
        );
        assert!(
            problem.cause.contains("401 IOTDA.000002: no (request r-1)"),
            "{problem}"
        );
        assert!(problem.remedy.contains("derived = true"), "{problem}");
        assert!(problem.remedy.contains("20 min ahead"), "{problem}");
        assert_eq!(problem.exit, Exit::Refused);
        let derived = Some(Kind::Derived {
            region: "cn-north-4",
        });
        let problem = of(
            401,
            "IOTDA.000002",
            derived,
            "Sat, 21 Nov 2026 16:55:40 GMT",
        );
        assert!(problem.remedy.contains("derived = false"), "{problem}");
        assert!(!problem.remedy.contains("clock"), "{problem}");
    }

    #[test]
    fn an_answer_that_never_came_is_a_failure_though_the_status_is_200() {
        let problem = of(200, "IOTDA.014111", None, "");
        assert!(problem.remedy.contains("within 20 s"), "{problem}");
        assert_eq!(problem.exit, Exit::Failed);
        assert_eq!(of(404, "IOTDA.014000", None, "").exit, Exit::NotFound);
    }
}
