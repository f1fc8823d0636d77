//! Jobs of a thing (`reference/aws-iot.md` 5.2), over MQTT.

use std::fmt::Write as _;

use super::Aws;
use super::ask::{Answer, Question, ask, token};
use super::topics::{is_thing_name, jobs_prefix};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::jobs::{Job, JobsNews, JobsReply, JobsRequest, read};
use crate::domain::json;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::{Kind, Reading};
use crate::platform::io::Io;

pub(super) async fn request(
    aws: &Aws,
    io: &dyn Io,
    what: JobsRequest,
) -> Result<JobsReply, Problem> {
    let thing = what.thing();
    if !is_thing_name(thing.as_str()) {
        let what = format!("{:?} has no jobs", thing.as_str());
        let rule = "a thing's name has 1 to 128 letters, digits and : _ -";
        return Err(Problem::new(what, rule, "correct the name").exit(Exit::Usage));
    }
    if !aws.desk.connection(io).await {
        return Err(Problem::new(
            format!("the jobs of {} were not asked for", thing.as_str()),
            "there is no connection, and jobs are asked for over MQTT",
            "wait for the connection, or r connects again",
        )
        .exit(Exit::Unreachable)
        .retry(Retry::Backoff));
    }
    let token = token(io);
    let (verb, members) = asked(&what);
    let payload = format!("{{{members}\"clientToken\":{}}}", json::quote(&token));
    let question = Question {
        about: about(&what),
        topic: format!("{}/{verb}", jobs_prefix(thing.as_str())),
        payload,
        token: Some(token),
        any_will_do: false,
    };
    let is_heard = |topic: &str| aws.is_heard_by_profile(topic);
    match ask(&aws.desk, io, question, is_heard).await? {
        Answer::Rejected(payload) => {
            let text = String::from_utf8_lossy(&payload);
            let (code, message) =
                read::rejected(&text).unwrap_or_else(|| ("rejected".to_owned(), text.into_owned()));
            Ok(JobsReply::Refused { code, message })
        }
        Answer::Accepted(payload) => accepted(&what, &String::from_utf8_lossy(&payload)),
    }
}

fn about(what: &JobsRequest) -> String {
    match what {
        JobsRequest::List(thing) | JobsRequest::StartNext(thing) => {
            format!("the jobs of {}", thing.as_str())
        }
        JobsRequest::Describe { thing, job } | JobsRequest::Update { thing, job, .. } => {
            format!("job {job} of {}", thing.as_str())
        }
    }
}

/// What follows the prefix, and the members of the request that come before the token.
fn asked(what: &JobsRequest) -> (String, String) {
    let mut members = String::new();
    let verb = match what {
        JobsRequest::List(_) => "get".to_owned(),
        JobsRequest::StartNext(_) => "start-next".to_owned(),
        JobsRequest::Describe { job, .. } => {
            members.push_str("\"includeJobDocument\":true,");
            format!("{job}/get")
        }
        JobsRequest::Update {
            job,
            status,
            details,
            expected,
            ..
        } => {
            let _infallible = write!(members, "\"status\":{},", json::quote(status));
            if let Some(details) = details {
                let _infallible = write!(members, "\"statusDetails\":{details},");
            }
            if let Some(version) = expected {
                let _infallible = write!(members, "\"expectedVersion\":{version},");
            }
            format!("{job}/update")
        }
    };
    (verb, members)
}

fn accepted(what: &JobsRequest, payload: &str) -> Result<JobsReply, Problem> {
    let unread = || {
        let cause = "what AWS answered is not what the jobs service says";
        Problem::new(
            "the jobs could not be read",
            cause,
            "the log shows the answer",
        )
    };
    Ok(match what {
        JobsRequest::List(_) => JobsReply::List(read::list(payload).ok_or_else(unread)?),
        JobsRequest::StartNext(_) | JobsRequest::Describe { .. } => {
            JobsReply::One(read::one(payload).ok_or_else(unread)?)
        }
        JobsRequest::Update { .. } => JobsReply::Updated,
    })
}

/// `verb`: what follows `…/jobs/`: `notify-next`, `get/accepted`, `<job>/update/rejected`, …
pub(super) fn interpret(message: &Message, thing: &str, verb: &str) -> Reading {
    let payload = std::str::from_utf8(&message.payload).unwrap_or_default();
    let thing = DeviceId::new(thing);
    let news = (message.direction == Direction::In)
        .then(|| news(&thing, verb, payload))
        .flatten();
    Reading {
        kind: Kind::Job,
        device: Some(thing),
        gist: gist(verb, payload),
        facts: news
            .map(|news| Fact::Jobs(Box::new(news)))
            .into_iter()
            .collect(),
        ..Reading::default()
    }
}

fn news(thing: &DeviceId, verb: &str, payload: &str) -> Option<JobsNews> {
    match verb {
        "notify" => Some(JobsNews::List(thing.clone(), read::notified(payload)?)),
        "get/accepted" => Some(JobsNews::List(thing.clone(), read::list(payload)?)),
        "notify-next" => Some(JobsNews::Next(thing.clone(), read::one(payload)?)),
        // Where it tells none, it tells nothing about the others.
        "start-next/accepted" => Some(JobsNews::Next(thing.clone(), Some(read::one(payload)??))),
        _ => None,
    }
}

fn gist(verb: &str, payload: &str) -> String {
    let said = match verb {
        "notify" => read::notified(payload).map(|jobs| counted(&jobs)),
        "get/accepted" => read::list(payload).map(|jobs| counted(&jobs)),
        "notify-next" | "start-next/accepted" => read::one(payload).map(|job| match job {
            Some(job) => format!("next job: {} {}", job.id, job.status),
            None => "no job is left".to_owned(),
        }),
        _ => one_job(verb, payload),
    };
    said.unwrap_or_default()
}

fn one_job(verb: &str, payload: &str) -> Option<String> {
    let (before, end) = verb.rsplit_once('/')?;
    match end {
        "rejected" => {
            let (code, message) = read::rejected(payload)?;
            Some(
                format!("{before} rejected: {code} {message}")
                    .trim_end()
                    .to_owned(),
            )
        }
        "accepted" => Some(format!("{before} accepted")),
        _ => None,
    }
}

fn counted(jobs: &[Job]) -> String {
    let running = jobs
        .iter()
        .filter(|job| job.status == "IN_PROGRESS")
        .count();
    match jobs {
        [] => "no job is pending or under way".to_owned(),
        jobs => format!("{running} under way, {} waiting", jobs.len() - running),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_told_in_a_line() {
        let cases = [
            (
                "notify",
                r#"{"jobs":{"QUEUED":[{"jobId":"b"}],"IN_PROGRESS":[{"jobId":"a"}]}}"#,
                "1 under way, 1 waiting",
            ),
            (
                "get/accepted",
                r#"{"queuedJobs":[]}"#,
                "no job is pending or under way",
            ),
            (
                "notify-next",
                r#"{"execution":{"jobId":"a","status":"QUEUED"}}"#,
                "next job: a QUEUED",
            ),
            ("notify-next", r#"{"timestamp":1}"#, "no job is left"),
            ("a/update/accepted", "{}", "a/update accepted"),
            (
                "a/update/rejected",
                r#"{"code":"VersionMismatch","message":"no"}"#,
                "a/update rejected: VersionMismatch no",
            ),
            ("notify", "[]", ""),
        ];
        for (verb, payload, expected) in cases {
            assert_eq!(gist(verb, payload), expected, "{verb}");
        }
    }

    #[test]
    fn an_update_says_what_version_it_is_about() {
        let update = JobsRequest::Update {
            thing: DeviceId::new("RPI"),
            job: "j1".to_owned(),
            status: "FAILED".to_owned(),
            details: Some(r#"{"why":"disk"}"#.to_owned()),
            expected: Some(3),
        };
        let (verb, members) = asked(&update);
        assert_eq!(verb, "j1/update");
        assert_eq!(
            members,
            r#""status":"FAILED","statusDetails":{"why":"disk"},"expectedVersion":3,"#
        );
    }
}
