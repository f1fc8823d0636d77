//! What each refusal means and what to do about it (`reference/aws-iot.md` 5.3 and 8).

use super::answers::{Rejection, Trouble};
use crate::base::problem::{Exit, Problem, Retry};

const NO_CERTIFICATE: &str = "AWS made no certificate";
const NO_THING: &str = "AWS registered no thing";

/// The claim's policy, in a line.
fn statements(template: &str) -> String {
    let places =
        format!("$aws/certificates/create* and $aws/provisioning-templates/{template}/provision/*");
    format!(
        "allow iot:Publish and iot:Receive on topic/ and iot:Subscribe on topicfilter/ of {places} in the claim's policy"
    )
}

/// `403 ACCESS_DENIED: …`, as it came.
fn told(rejection: &Rejection) -> String {
    let mut out = match rejection.status_code {
        0 => "AWS answered with a rejection".to_owned(),
        code => format!("AWS answered {code}"),
    };
    for (before, text) in [
        (" ", &rejection.error_code),
        (": ", &rejection.error_message),
    ] {
        if !text.is_empty() {
            out.push_str(before);
            out.push_str(text);
        }
    }
    out
}

pub(super) fn not_subscribed(problem: &Problem, template: &str) -> Problem {
    let cause = format!("{}: {}", problem.what, problem.cause);
    let what = "the answers of AWS could not be subscribed; nothing was made";
    let remedy = format!(
        "is the template called {template:?}? {}",
        statements(template)
    );
    Problem::new(what, cause, remedy).exit(Exit::Refused)
}

/// `repeated`: a first request may have made one that nobody heard of.
pub(super) fn not_created(trouble: &Trouble, template: &str, repeated: bool) -> Problem {
    let mut problem = match trouble {
        Trouble::Rejected(rejection) => {
            let (exit, retry, remedy) = match rejection.status_code {
                401 | 403 => (Exit::Refused, Retry::Never, statements(template)),
                429 | 500.. => (Exit::Failed, Retry::Backoff, later()),
                _ => (
                    Exit::Failed,
                    Retry::Never,
                    "with a CSR: AWS takes RSA keys of 2048 bits and more, and P-256, P-384, P-521"
                        .to_owned(),
                ),
            };
            Problem::new(NO_CERTIFICATE, told(rejection), remedy)
                .exit(exit)
                .retry(retry)
        }
        other => unanswered(other, NO_CERTIFICATE, template),
    };
    if repeated {
        problem.cause += "; a certificate that was made before is never activated, and AWS deletes it within the hour";
    }
    problem
}

pub(super) fn not_registered(trouble: &Trouble, template: &str) -> Problem {
    let Trouble::Rejected(rejection) = trouble else {
        return unanswered(trouble, NO_THING, template);
    };
    let (exit, retry, remedy) = match rejection.status_code {
        401 | 403 => (
            Exit::Refused,
            Retry::Never,
            "the hook said no, failed or took over 5 s, or the provisioning role lacks rights (AWSIoTThingsRegistration)"
                .to_owned(),
        ),
        404 => (
            Exit::NotFound,
            Retry::Never,
            format!(
                "is there an enabled template {template:?} in this account and region? aws iot list-provisioning-templates"
            ),
        ),
        409 => (
            Exit::Failed,
            Retry::Backoff,
            "the thing or a resource of the template is there already, or is just being changed".to_owned(),
        ),
        429 | 500.. => (Exit::Failed, Retry::Backoff, later()),
        _ => (
            Exit::Usage,
            Retry::Never,
            format!(
                "compare names and values with the template's Parameters: aws iot describe-provisioning-template \
                 --template-name {template}"
            ),
        ),
    };
    Problem::new(NO_THING, told(rejection), remedy)
        .exit(exit)
        .retry(retry)
}

fn later() -> String {
    "try again in a while".to_owned()
}

/// What goes wrong with either request.
fn unanswered(trouble: &Trouble, what: &str, template: &str) -> Problem {
    match trouble {
        Trouble::Rejected(rejection) => Problem::new(what, told(rejection), ""),
        Trouble::Silent => {
            let remedy = format!(
                "check that the claim's policy lets the answers through (iot:Receive is easily forgotten): {}; and that the \
                 template is called {template:?}, letter by letter, in this account and region",
                statements(template)
            );
            Problem::new(what, "no answer within 10 s", remedy).retry(Retry::Backoff)
        }
        Trouble::HungUp => {
            let cause = "AWS closed the connection whenever it was asked";
            Problem::new(what, cause, statements(template)).exit(Exit::Refused)
        }
        Trouble::Away(wait) => {
            let cause = format!(
                "the connection was not there for {}",
                crate::base::moment::words(*wait)
            );
            Problem::new(what, cause, "try again when it is")
                .exit(Exit::Unreachable)
                .retry(Retry::Backoff)
        }
        Trouble::Problem(problem) => {
            let cause = if problem.cause.is_empty() {
                problem.what.clone()
            } else {
                problem.cause.clone()
            };
            let remedy = if problem.remedy.is_empty() {
                statements(template)
            } else {
                problem.remedy.clone()
            };
            Problem {
                what: what.to_owned(),
                cause,
                remedy,
                ..problem.clone()
            }
        }
    }
}

pub(super) fn with_what_is_left(mut problem: Problem, id: &str, left: &str) -> Problem {
    if !problem.remedy.is_empty() {
        problem.remedy += "; ";
    }
    problem.remedy += &format!(
        "the next try goes on with certificate {id}, which AWS deletes in {left} otherwise"
    );
    problem
}

pub(super) fn is_token_refused(trouble: &Trouble) -> bool {
    let Trouble::Rejected(rejection) = trouble else {
        return false;
    };
    let code = rejection.error_code.to_ascii_lowercase();
    code.contains("ownershiptoken")
        || rejection
            .error_message
            .to_ascii_lowercase()
            .contains("ownership token")
}

pub(super) fn token_refused(trouble: &Trouble, id: &str) -> Problem {
    let cause = match trouble {
        Trouble::Rejected(rejection) => told(rejection),
        _ => String::new(),
    };
    let remedy = format!(
        "try again: that makes a new certificate; {id} is forgotten here, and AWS deletes it with its token"
    );
    Problem::new(NO_THING, cause, remedy).exit(Exit::Refused)
}

/// Asked twice, and the second time the token was used up.
pub(super) fn perhaps_registered(id: &str) -> Problem {
    let cause = format!(
        "the connection broke after the first request and its answer is lost; the second one was refused because its token is used up, so certificate {id} may be a thing's by now"
    );
    let remedy = "look in the AWS console which thing has this certificate: its key and certificate are provision.key and \
                  provision.crt in the profile's folder; a certificate that is still pending is deleted by AWS";
    Problem::new("the thing may be registered", cause, remedy)
}

pub(super) fn unreadable(why: &serde_json::Error) -> Problem {
    // The answer itself holds a key: nothing of it is repeated.
    let cause = format!(
        "its answer is not what it should be (line {}, column {})",
        why.line(),
        why.column()
    );
    Problem::new(
        "the certificate cannot be read",
        cause,
        "AWS deletes it within the hour; try again",
    )
}

pub(super) fn half_registered(why: &serde_json::Error, id: &str) -> Problem {
    let cause = format!(
        "the answer names no thing (line {}, column {})",
        why.line(),
        why.column()
    );
    let remedy = format!(
        "certificate {id} is active: the AWS console shows its thing; its key and certificate are provision.key and \
         provision.crt in the profile's folder"
    );
    Problem::new(
        "the thing is registered, but which one is not said",
        cause,
        remedy,
    )
}

pub(super) fn no_key() -> Problem {
    let cause = "AWS's answer holds no private key";
    Problem::new(
        "the certificate is of no use",
        cause,
        "try it with a key made here (CSR)",
    )
}

pub(super) fn not_kept(problem: Problem, id: &str) -> Problem {
    let mut problem = problem;
    problem.remedy += &format!(
        "; certificate {id} was made but could not be kept: it is never activated, and AWS deletes it within the hour"
    );
    problem
}

pub(super) fn too_large(bytes: usize, most: usize) -> Problem {
    let cause = format!("the parameters make a request of {bytes} bytes, and AWS takes {most}");
    Problem::new(NO_THING, cause, "shorten them").exit(Exit::Usage)
}

pub(super) fn another_is_not_saved(thing: &str) -> Problem {
    let cause =
        format!("{thing} was registered before, with other parameters, and is not saved yet");
    let remedy = "ask for it once more with the same template and parameters, and it is saved as a profile; its key and \
                  certificate are provision.key and provision.crt in this profile's folder";
    Problem::new("nothing was provisioned", cause, remedy).exit(Exit::Usage)
}
