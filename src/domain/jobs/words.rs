//! What the jobs service's refusals mean, and what to do about each (`reference/aws-iot.md` 5.2).

use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::device::DeviceId;

/// The code in words. `what`: `could not update job X`.
pub fn refusal(what: &str, thing: &DeviceId, code: &str, message: &str) -> Problem {
    let cause = match message {
        "" => format!("AWS answered {code}"),
        message => format!("AWS answered {code}: {message}"),
    };
    let (remedy, exit, retry) = match code {
        "InvalidStateTransition" => (
            "the job's status does not allow that: r shows how it stands".to_owned(),
            Exit::Refused,
            Retry::Never,
        ),
        "TerminalStateReached" => (
            "the job is over: nothing more can be said about it".to_owned(),
            Exit::Refused,
            Retry::Never,
        ),
        "VersionMismatch" => (
            "somebody changed the job first: r shows how it stands, then try again".to_owned(),
            Exit::Refused,
            Retry::Never,
        ),
        "ResourceNotFound" => (
            "the job was removed, or it is of another thing".to_owned(),
            Exit::NotFound,
            Retry::Never,
        ),
        "RequestThrottled" => ("wait a moment and try again".to_owned(), Exit::Failed, Retry::Backoff),
        "InternalError" => ("try again in a while".to_owned(), Exit::Failed, Retry::Backoff),
        "401" | "403" => (
            format!(
                "allow iot:Publish, iot:Receive on topic/$aws/things/{thing}/jobs/* and iot:Subscribe on topicfilter/$aws/things/{thing}/jobs/*",
                thing = thing.as_str()
            ),
            Exit::Refused,
            Retry::Never,
        ),
        _ => (
            "statusDetails are a flat object of strings; the job's name and status must be as the service knows them".to_owned(),
            Exit::Usage,
            Retry::Never,
        ),
    };
    Problem::new(what, cause, remedy).exit(exit).retry(retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_to_do() {
        let cases = [
            ("InvalidTopic", "as the service knows"),
            ("InvalidJson", "flat object of strings"),
            ("InvalidRequest", "flat object of strings"),
            ("InvalidStateTransition", "does not allow that"),
            ("ResourceNotFound", "was removed"),
            ("VersionMismatch", "changed the job first"),
            ("InternalError", "try again"),
            ("RequestThrottled", "wait a moment"),
            ("TerminalStateReached", "is over"),
            ("403", "topic/$aws/things/RPI/jobs/*"),
        ];
        for (code, remedy) in cases {
            let problem = refusal(
                "could not update job a",
                &DeviceId::new("RPI"),
                code,
                "words",
            );
            assert!(problem.remedy.contains(remedy), "{code}: {problem}");
            assert!(problem.cause.contains(code), "{problem}");
        }
    }
}
