//! Jobs through the adapter: topics, payloads and answers.

use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::jobs::{JobsReply, JobsRequest};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::platform::Platform as _;

use crate::script::{Script, device, member};

fn thing() -> DeviceId {
    DeviceId::new("RPI")
}

fn jobs(result: Result<Reply, Problem>) -> JobsReply {
    match result {
        Ok(Reply::Jobs(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

/// Answers every question on that topic with these members.
fn answering(wanted: &'static str, verb: &'static str, members: &'static str) -> Script {
    Script::new(move |topic, payload| {
        assert_eq!(topic, format!("$aws/things/RPI/jobs/{wanted}"));
        let token = member(payload, "clientToken").expect("a token");
        let body = format!("{{{members}\"timestamp\":1,\"clientToken\":\"{token}\"}}");
        vec![(format!("{topic}/{verb}"), body)]
    })
}

#[test]
fn the_list_is_asked_for() {
    let script = answering(
        "get",
        "accepted",
        r#""inProgressJobs":[],"queuedJobs":[{"jobId":"a"}],"#,
    );
    let reply = jobs(script.ask(&device(), Request::Jobs(JobsRequest::List(thing()))));
    let JobsReply::List(list) = reply else {
        panic!("{reply:?}");
    };
    let shown: Vec<_> = list
        .iter()
        .map(|job| (job.id.as_str(), job.status.as_str()))
        .collect();
    assert_eq!(shown, [("a", "QUEUED")]);
}

#[test]
fn the_next_one_is_started_and_none_is_no_error() {
    let script = answering("start-next", "accepted", "");
    let reply = jobs(script.ask(&device(), Request::Jobs(JobsRequest::StartNext(thing()))));
    assert_eq!(reply, JobsReply::One(None));
}

#[test]
fn one_is_described_with_its_document() {
    let members = r#""execution":{"jobId":"a","status":"QUEUED","jobDocument":{"v":1.10}},"#;
    let script = answering("a/get", "accepted", members);
    let what = JobsRequest::Describe {
        thing: thing(),
        job: "a".to_owned(),
    };
    let reply = jobs(script.ask(&device(), Request::Jobs(what)));
    let JobsReply::One(Some(job)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(job.document.as_deref(), Some(r#"{"v":1.10}"#));
    assert!(
        script
            .deeds()
            .iter()
            .any(|deed| deed.contains("\"includeJobDocument\":true"))
    );
}

#[test]
fn a_refused_status_keeps_its_code() {
    let script = answering(
        "a/update",
        "rejected",
        r#""code":"InvalidStateTransition","message":"no","#,
    );
    let what = JobsRequest::Update {
        thing: thing(),
        job: "a".to_owned(),
        status: "SUCCEEDED".to_owned(),
        details: Some(r#"{"step":"2"}"#.to_owned()),
        expected: Some(4),
    };
    let reply = jobs(script.ask(&device(), Request::Jobs(what)));
    let refused = JobsReply::Refused {
        code: "InvalidStateTransition".to_owned(),
        message: "no".to_owned(),
    };
    assert_eq!(reply, refused);
    let sent = script
        .deeds()
        .into_iter()
        .find(|deed| deed.starts_with('>'))
        .expect("it was sent");
    assert!(
        sent.contains(r#"{"status":"SUCCEEDED","statusDetails":{"step":"2"},"expectedVersion":4,"clientToken":"#),
        "{sent}"
    );
}

#[test]
fn without_a_connection_that_is_said() {
    let script = Script::new(|topic, _| panic!("{topic} is not published"));
    let aws = device();
    let what = Request::Jobs(JobsRequest::List(thing()));
    let problem = script
        .run(aws.request(&script, what))
        .expect_err("no connection");
    assert_eq!(problem.exit, Exit::Unreachable);
}
