//! The jobs of a thing.

use std::sync::Arc;

use thingdeck::base::moment::Timestamp;
use thingdeck::base::problem::Problem;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::jobs::{Job, JobsNews, JobsReply, JobsRequest};
use thingdeck::domain::request::{Reply, Request};

use crate::deck::{Deck, START};

fn thing() -> DeviceId {
    DeviceId::new("RPI")
}

fn job(id: &str, status: &str, version: u64) -> Job {
    Job {
        id: id.to_owned(),
        status: status.to_owned(),
        version: Some(version),
        queued: Some(Timestamp::from_seconds(START - 60)),
        ..Job::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what the deck answers with")]
fn reply(reply: JobsReply) -> Result<Reply, Problem> {
    Ok(Reply::Jobs(reply))
}

fn jobs_requests(deck: &mut Deck) -> Vec<JobsRequest> {
    let requests = deck.requests().into_iter();
    requests
        .filter_map(|request| match request {
            Request::Jobs(what) => Some(what),
            _ => None,
        })
        .collect()
}

fn shows(deck: &Deck, parts: &[&str]) {
    let shown = deck.overlay();
    for part in parts {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
}

fn listed() -> Deck {
    let mut deck = Deck::fleet();
    deck.press("J");
    shows(&deck, &["Jobs of RPI", "asking for the jobs …"]);
    assert_eq!(jobs_requests(&mut deck), [JobsRequest::List(thing())]);
    let jobs = vec![
        job("update-7", "IN_PROGRESS", 3),
        job("reboot", "QUEUED", 1),
    ];
    deck.answer(reply(JobsReply::List(jobs)));
    deck.effects.clear();
    deck
}

#[test]
fn jobs_are_listed_with_those_under_way_first() {
    let deck = listed();
    shows(
        &deck,
        &[
            "1 under way, 1 waiting",
            "> update-7  IN_PROGRESS | queued 20:39:00",
            "  reboot    QUEUED",
        ],
    );
}

#[test]
fn a_notification_changes_the_list_at_once() {
    let mut deck = listed();
    let news = JobsNews::List(thing(), vec![job("reboot", "QUEUED", 1)]);
    deck.fact(Fact::Jobs(Box::new(news)));
    shows(&deck, &["0 under way, 1 waiting", "> reboot"]);
    assert!(!deck.overlay().contains("update-7"));
    let next = JobsNews::Next(thing(), Some(Box::new(job("reboot", "IN_PROGRESS", 2))));
    deck.fact(Fact::Jobs(Box::new(next)));
    shows(&deck, &["1 under way, 0 waiting"]);
    deck.fact(Fact::Jobs(Box::new(JobsNews::Next(thing(), None))));
    shows(&deck, &["no job is pending or under way"]);
}

#[test]
fn enter_shows_the_document_as_it_was_written() {
    let mut deck = listed();
    deck.press("enter");
    assert_eq!(
        jobs_requests(&mut deck),
        [JobsRequest::Describe {
            thing: thing(),
            job: "update-7".to_owned()
        }]
    );
    let told = Job {
        document: Some(Arc::from(r#"{"version":1.10,"url":"https://x"}"#)),
        details: Some(Arc::from(r#"{"step":"2"}"#)),
        ..job("update-7", "IN_PROGRESS", 3)
    };
    deck.answer(reply(JobsReply::One(Some(Box::new(told)))));
    shows(
        &deck,
        &[
            "Job update-7",
            "\"version\": 1.10,",
            "\"step\": \"2\"",
            "queued   20:39:00",
        ],
    );
    deck.press("esc");
    shows(&deck, &["Jobs of RPI"]);
}

#[test]
fn the_next_job_is_started() {
    let mut deck = listed();
    deck.press("n");
    assert_eq!(jobs_requests(&mut deck), [JobsRequest::StartNext(thing())]);
    deck.answer(reply(JobsReply::One(Some(Box::new(job(
        "reboot",
        "IN_PROGRESS",
        2,
    ))))));
    shows(&deck, &["2 under way, 0 waiting"]);
    deck.press("n");
    deck.answer(reply(JobsReply::One(None)));
    assert!(deck.notice().contains("no job waits"), "{}", deck.notice());
}

#[test]
fn a_status_is_sent_with_its_details_and_the_version_it_is_about() {
    let mut deck = listed();
    deck.press("u");
    shows(&deck, &["Job update-7", "Status: < SUCCEEDED >"]);
    deck.press("right tab")
        .type_text("why=disk full")
        .press("enter");
    assert_eq!(
        jobs_requests(&mut deck),
        [JobsRequest::Update {
            thing: thing(),
            job: "update-7".to_owned(),
            status: "FAILED".to_owned(),
            details: Some(r#"{"why":"disk full"}"#.to_owned()),
            expected: Some(3),
        }]
    );
    deck.answer(reply(JobsReply::Updated));
    assert!(
        deck.notice().contains("update-7: FAILED accepted"),
        "{}",
        deck.notice()
    );
    assert_eq!(jobs_requests(&mut deck), [JobsRequest::List(thing())]);
    deck.answer(reply(JobsReply::List(vec![job("reboot", "QUEUED", 1)])));
    shows(&deck, &["Jobs of RPI", "0 under way, 1 waiting"]);
}

#[test]
fn a_refused_status_says_why_and_what_to_do() {
    let mut deck = listed();
    deck.press("u tab enter");
    deck.answer(reply(JobsReply::Refused {
        code: "VersionMismatch".to_owned(),
        message: "no".to_owned(),
    }));
    shows(
        &deck,
        &[
            "could not set job update-7 to SUCCEEDED",
            "VersionMismatch",
            "changed the job first",
        ],
    );
}

#[test]
fn jobs_that_could_not_be_had_say_why() {
    let mut deck = Deck::fleet();
    deck.press("J");
    deck.answer(Err(Problem::new(
        "the jobs were not asked for",
        "there is no connection",
        "wait",
    )));
    shows(&deck, &["there is no connection", "try      wait"]);
}

#[test]
fn the_shadow_view_leads_to_the_jobs() {
    let mut deck = Deck::fleet();
    deck.press("s J");
    shows(&deck, &["Jobs of RPI"]);
    deck.press("esc");
    shows(&deck, &["Shadow of RPI"]);
}

#[test]
fn thinq_has_neither_jobs_nor_shadows() {
    let mut deck = Deck::connected();
    deck.press("J");
    assert_eq!(deck.overlay(), "");
    assert!(deck.notice().contains("has no jobs"), "{}", deck.notice());
    deck.press("s");
    assert!(deck.overlay().contains("State of"), "{}", deck.overlay());
}
