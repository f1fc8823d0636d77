//! The payloads of the jobs service (`reference/aws-iot.md` 5.2).

use std::sync::Arc;

use super::Job;
use crate::base::moment::Timestamp;
use crate::domain::shadow::Node;

/// `get/accepted`: in progress first, then queued.
pub fn list(payload: &str) -> Option<Vec<Job>> {
    let root = object(payload)?;
    let lists = [("inProgressJobs", "IN_PROGRESS"), ("queuedJobs", "QUEUED")];
    if lists.iter().all(|(name, _)| root.member(name).is_none()) {
        return None;
    }
    Some(several(&root, lists))
}

/// `notify`: the same under `jobs`, by status.
pub fn notified(payload: &str) -> Option<Vec<Job>> {
    let root = object(payload)?;
    let jobs = root.member("jobs").filter(|jobs| jobs.is_object())?;
    let lists = [("IN_PROGRESS", "IN_PROGRESS"), ("QUEUED", "QUEUED")];
    Some(several(jobs, lists))
}

/// `start-next/accepted`, `<job>/get/accepted`, `notify-next`: the execution, `None` where there is none left.
pub fn one(payload: &str) -> Option<Option<Box<Job>>> {
    let root = object(payload)?;
    let Some(execution) = root.member("execution") else {
        return Some(None);
    };
    Some(job(execution, "").map(Box::new))
}

/// `…/rejected`: code and words.
pub fn rejected(payload: &str) -> Option<(String, String)> {
    let root = object(payload)?;
    let words = |name: &str| root.member(name).and_then(Node::words);
    Some((words("code")?, words("message").unwrap_or_default()))
}

fn object(payload: &str) -> Option<Node> {
    Node::parse(payload).ok().filter(Node::is_object)
}

fn several(root: &Node, lists: [(&str, &str); 2]) -> Vec<Job> {
    lists
        .iter()
        .filter_map(|(name, status)| Some((root.member(name)?.items()?, *status)))
        .flat_map(|(items, status)| items.into_iter().filter_map(move |item| job(&item, status)))
        .collect()
}

fn job(node: &Node, status: &str) -> Option<Job> {
    let number = |name: &str| node.member(name).and_then(Node::number);
    let words = |name: &str| node.member(name).and_then(Node::words);
    let time = |name: &str| Some(Timestamp::from_seconds(i64::try_from(number(name)?).ok()?));
    let raw = |name: &str| {
        let node = node.member(name).filter(|node| !node.is_null())?;
        Some(Arc::from(node.text()))
    };
    Some(Job {
        id: words("jobId")?,
        status: words("status").unwrap_or_else(|| status.to_owned()),
        version: number("versionNumber"),
        execution: number("executionNumber"),
        queued: time("queuedAt"),
        started: time("startedAt"),
        updated: time("lastUpdatedAt"),
        document: raw("jobDocument"),
        details: raw("statusDetails"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_has_those_under_way_first() {
        let jobs = list(
            r#"{"clientToken":"x","timestamp":9,"queuedJobs":[{"jobId":"b","queuedAt":5,"versionNumber":1,"executionNumber":2}],
                "inProgressJobs":[{"jobId":"a","queuedAt":1,"startedAt":2,"lastUpdatedAt":3,"versionNumber":4}]}"#,
        )
        .expect("a list");
        let shown: Vec<_> = jobs
            .iter()
            .map(|j| (j.id.as_str(), j.status.as_str(), j.version))
            .collect();
        assert_eq!(
            shown,
            [("a", "IN_PROGRESS", Some(4)), ("b", "QUEUED", Some(1))]
        );
        assert_eq!(jobs[0].updated, Some(Timestamp::from_seconds(3)));
        assert_eq!(
            list(r#"{"inProgressJobs":[],"queuedJobs":[]}"#),
            Some(Vec::new())
        );
    }

    #[test]
    fn a_notification_names_them_by_status() {
        let jobs = notified(
            r#"{"timestamp":1,"jobs":{"QUEUED":[{"jobId":"b"}],"IN_PROGRESS":[{"jobId":"a"}]}}"#,
        );
        let ids: Vec<_> = jobs.expect("jobs").into_iter().map(|j| j.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(notified(r#"{"timestamp":1,"jobs":{}}"#), Some(Vec::new()));
    }

    #[test]
    fn one_job_has_its_document_as_it_was_written() {
        let found = one(
            r#"{"execution":{"jobId":"a","status":"QUEUED","jobDocument":{"v":1.10,"u":"x"},"statusDetails":{"p":"50"}}}"#,
        );
        let job = found.expect("an answer").expect("a job");
        assert_eq!(job.document.as_deref(), Some(r#"{"v":1.10,"u":"x"}"#));
        assert_eq!(job.details.as_deref(), Some(r#"{"p":"50"}"#));
        assert_eq!(one(r#"{"timestamp":1}"#), Some(None));
    }

    #[test]
    fn a_rejection_has_a_code_in_words() {
        let no = rejected(r#"{"code":"VersionMismatch","message":"no","timestamp":1}"#);
        assert_eq!(no, Some(("VersionMismatch".to_owned(), "no".to_owned())));
        assert_eq!(rejected(r#"{"code":404}"#), None);
    }

    proptest! {
        #[test]
        fn no_payload_breaks_it(text in "[\\[\\]{}\":,a-zA-Z0-9. ]{0,60}") {
            let _ = (list(&text), notified(&text), one(&text), rejected(&text));
        }
    }
}
