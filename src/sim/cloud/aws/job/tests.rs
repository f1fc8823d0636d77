//! Jobs, without a broker.

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn ask(jobs: &mut Jobs, rest: &str, body: &str) -> (String, Value, Vec<String>) {
    let (answer, published) = jobs.request("RPI", rest, body.as_bytes(), NOW);
    let topics = published.iter();
    let topics = topics.map(|p| p.topic.replace("$aws/things/RPI/jobs/", ""));
    (answer.topic, answer.body, topics.collect())
}

fn with_two() -> Jobs {
    let mut jobs = Jobs::default();
    let told = jobs.queue("RPI", "first", json!({"do": 1}), NOW);
    assert_eq!(told.len(), 2, "notify and notify-next");
    let told = jobs.queue("RPI", "second", json!({"do": 2}), NOW);
    assert_eq!(told.len(), 1, "the next one is still the first");
    jobs
}

#[test]
fn a_job_is_started_worked_on_and_done() {
    let mut jobs = with_two();
    let (topic, body, told) = ask(&mut jobs, "start-next", r#"{"clientToken":"c"}"#);
    assert_eq!(topic, "start-next/accepted");
    assert_eq!(body["execution"]["jobId"], "first");
    assert_eq!(body["execution"]["status"], "IN_PROGRESS");
    assert_eq!(body["execution"]["jobDocument"], json!({"do": 1}));
    assert_eq!(body["clientToken"], "c");
    assert_eq!(told, [""; 0]);
    let update = r#"{"status":"SUCCEEDED","expectedVersion":2,"includeJobExecutionState":true}"#;
    let (topic, body, told) = ask(&mut jobs, "first/update", update);
    assert_eq!(topic, "first/update/accepted");
    assert_eq!(body["executionState"]["status"], "SUCCEEDED");
    assert_eq!(told, ["notify", "notify-next"]);
    let (_, body, _) = ask(&mut jobs, "get", "");
    assert_eq!(body["inProgressJobs"], json!([]));
    assert_eq!(body["queuedJobs"][0]["jobId"], "second");
}

#[test]
fn without_a_job_there_is_no_execution() {
    let mut jobs = Jobs::default();
    for rest in ["start-next", "$next/get"] {
        let (topic, body, _) = ask(&mut jobs, rest, "");
        assert_eq!(topic, format!("{rest}/accepted"));
        assert_eq!(body, json!({"timestamp": 1_700_000_000}));
    }
}

#[test]
fn refusals_have_their_codes() {
    let mut jobs = with_two();
    ask(&mut jobs, "first/update", r#"{"status":"FAILED"}"#);
    for (rest, body, code) in [
        ("get", "{", "InvalidJson"),
        ("second/dance", "", "InvalidTopic"),
        ("second/update", r#"{"status":"QUEUED"}"#, "InvalidRequest"),
        (
            "second/update",
            r#"{"status":"FAILED","expectedVersion":9}"#,
            "VersionMismatch",
        ),
        (
            "first/update",
            r#"{"status":"SUCCEEDED"}"#,
            "InvalidStateTransition",
        ),
        ("first/get", "", "TerminalStateReached"),
        ("third/get", "", "ResourceNotFound"),
    ] {
        let (topic, answer, _) = ask(&mut jobs, rest, body);
        assert_eq!(topic, format!("{rest}/rejected"));
        assert_eq!(answer["code"], code, "{answer}");
    }
}

#[test]
fn a_step_that_takes_too_long_is_timed_out() {
    let mut jobs = with_two();
    ask(&mut jobs, "start-next", r#"{"stepTimeoutInMinutes":1}"#);
    assert_eq!(
        jobs.tick(NOW.plus(std::time::Duration::from_secs(59)))
            .len(),
        0
    );
    let told = jobs.tick(NOW.plus(std::time::Duration::from_mins(1)));
    assert_eq!(told.len(), 2);
    assert_eq!(jobs.executions("RPI")[0].status, Status::TimedOut);
}
