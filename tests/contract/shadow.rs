//! Shadows and jobs against the simulated AWS account: over REST, over MQTT, and as they are heard.

use serde_json::{Value, json};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::jobs::{JobsNews, JobsReply, JobsRequest};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::shadow::{
    Knowledge, Record, ShadowChange, ShadowKey, ShadowReply, ShadowRequest,
};
use thingdeck::domain::subscription::Feed;

use crate::support::{Bench, Open};

/// The profile of the thing itself, without credentials: everything goes over MQTT.
fn add_device(bench: &Bench) {
    let config = std::fs::read_to_string(bench.config()).expect("there");
    let (_, own) = config
        .split_once("[profiles.rpi]")
        .expect("the simulator writes it");
    let lines = own.lines().take_while(|line| !line.starts_with('['));
    let kept: Vec<_> = lines
        .filter(|line| !line.starts_with("credentials"))
        .collect();
    bench.add_to_config(&format!("[profiles.device]\n{}", kept.join("\n")));
}

async fn account() -> Bench {
    let bench = Bench::of(PlatformId::Aws).await;
    add_device(&bench);
    bench
}

fn key(name: Option<&str>) -> ShadowKey {
    ShadowKey {
        thing: DeviceId::new("RPI"),
        name: name.map(str::to_owned),
    }
}

async fn ask(open: &Open, what: ShadowRequest) -> ShadowReply {
    match open.request(Request::Shadow(what)).await {
        Ok(Reply::Shadow(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn update(name: Option<&str>, state: &str, version: Option<u64>) -> ShadowRequest {
    ShadowRequest::Update {
        key: key(name),
        state: state.to_owned(),
        version,
        token: None,
    }
}

fn version(reply: &ShadowReply) -> u64 {
    match reply {
        ShadowReply::Document { shadow, .. } | ShadowReply::Accepted { shadow, .. } => {
            shadow.version.expect("a version")
        }
        other => panic!("{other:?}"),
    }
}

fn refused(reply: &ShadowReply) -> u16 {
    match reply {
        ShadowReply::Refused { code, .. } => *code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_made_changed_and_deleted_over_rest_and_over_mqtt() {
    let bench = account().await;
    for profile in ["fleet", "device"] {
        let mut open = bench.open_profile(profile);
        open.connected().await;
        let name = Some(profile);
        let none = ask(&open, ShadowRequest::Get(key(name))).await;
        assert_eq!(refused(&none), 404, "{profile}");
        let made = ask(
            &open,
            update(name, r#"{"desired":{"t":24.5,"on":true}}"#, None),
        )
        .await;
        let first = version(&made);
        let next = ask(
            &open,
            update(name, r#"{"reported":{"t":24.5,"on":null}}"#, Some(first)),
        )
        .await;
        assert_eq!(version(&next), first + 1, "{profile}");
        let late = ask(&open, update(name, r#"{"desired":{"t":1}}"#, Some(first))).await;
        assert_eq!(refused(&late), 409, "{profile}");
        let long = format!(r#"{{"desired":{{"x":"{}"}}}}"#, "0".repeat(8200));
        assert_eq!(
            refused(&ask(&open, update(name, &long, None)).await),
            413,
            "{profile}"
        );
        let got = ask(&open, ShadowRequest::Get(key(name))).await;
        let ShadowReply::Document { shadow, .. } = &got else {
            panic!("{got:?}");
        };
        let told = shadow
            .delta
            .as_ref()
            .map(thingdeck::domain::shadow::Node::text);
        assert_eq!(told.as_deref(), Some(r#"{"on":true}"#), "{profile}");
        assert_eq!(
            shadow.delta,
            shadow.difference(),
            "ours is the service's own"
        );
        let gone = ask(&open, ShadowRequest::Delete(key(name))).await;
        assert!(
            matches!(gone, ShadowReply::Deleted { .. }),
            "{profile}: {gone:?}"
        );
        assert_eq!(bench.control.shadow("RPI", name), None, "{profile}");
        open.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_heard_of_a_followed_shadow_adds_up_to_what_the_service_has() {
    let bench = account().await;
    let mut open = bench.open_profile("fleet");
    open.connected().await;
    let thing = DeviceId::new("RPI");
    open.feed(&thing, Feed::Push, true).await.expect("followed");
    let mut record = Record::default();
    let changes = [
        r#"{"desired":{"led":{"r":1,"g":2},"list":[1,2]}}"#,
        r#"{"reported":{"led":{"r":1},"list":[1]}}"#,
        r#"{"desired":{"led":{"g":null},"list":[1]}}"#,
        r#"{"reported":null}"#,
    ];
    let mut last = 0;
    for change in changes {
        last = version(&ask(&open, update(Some("lab"), change, None)).await);
    }
    while record.version() != Some(last) {
        let about =
            |fact: &Fact| matches!(fact, Fact::Shadow(news) if news.key == key(Some("lab")));
        let Fact::Shadow(news) = open.fact("news of the shadow", about).await else {
            continue;
        };
        if !matches!(news.change, ShadowChange::Patch(_)) {
            record.hear(&news.change);
        }
    }
    let Knowledge::Whole(shadow) = &record.knowledge else {
        panic!("{record:?}");
    };
    let ours: Value = serde_json::from_str(&shadow.json()).expect("JSON");
    let theirs = bench
        .control
        .shadow("RPI", Some("lab"))
        .expect("it is there");
    assert_eq!(ours["desired"], theirs["state"]["desired"]);
    assert_eq!(ours.get("reported"), theirs["state"].get("reported"));
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_shadows_are_listed() {
    let bench = account().await;
    let open = bench.open_profile("fleet");
    let ShadowReply::Names(names) = ask(&open, ShadowRequest::Names(DeviceId::new("RPI"))).await
    else {
        panic!("no names");
    };
    assert!(
        names
            .iter()
            .all(|name| bench.control.shadow("RPI", Some(name)).is_some())
    );
    assert!(!names.is_empty());
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_denies_is_said_with_the_right_that_it_takes() {
    let bench = account().await;
    let mut open = bench.open_profile("device");
    open.connected().await;
    bench.control.deny("iot:Receive", "*shadow/get/*");
    let asked = open
        .request(Request::Shadow(ShadowRequest::Get(key(None))))
        .await;
    let problem: Problem = asked.expect_err("nothing may be received");
    assert!(
        problem
            .remedy
            .contains("iot:Receive on topic/$aws/things/RPI/shadow/get"),
        "{problem}"
    );
    open.close().await;
    bench.control.allow_again();
    bench.control.deny("iot:GetThingShadow", "*");
    let open = bench.open_profile("fleet");
    let asked = open
        .request(Request::Shadow(ShadowRequest::Get(key(None))))
        .await;
    let problem = asked.expect_err("forbidden");
    assert_eq!(problem.exit, Exit::Refused, "{problem}");
    open.close().await;
}

async fn jobs(open: &Open, what: JobsRequest) -> JobsReply {
    match open.request(Request::Jobs(what)).await {
        Ok(Reply::Jobs(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_started_followed_and_ended() {
    let bench = account().await;
    let thing = DeviceId::new("RPI");
    let mut open = bench.open_profile("fleet");
    open.connected().await;
    open.feed(&thing, Feed::Event, true)
        .await
        .expect("followed");
    bench
        .control
        .queue_job("RPI", "update-7", json!({"url": "https://plant.example/7"}));
    let about = |fact: &Fact| matches!(fact, Fact::Jobs(news) if matches!(**news, JobsNews::Next(_, Some(_))));
    open.fact("the job is announced", about).await;
    let JobsReply::List(list) = jobs(&open, JobsRequest::List(thing.clone())).await else {
        panic!("no list");
    };
    assert_eq!(
        list.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(),
        ["update-7"]
    );
    let describe = JobsRequest::Describe {
        thing: thing.clone(),
        job: "update-7".to_owned(),
    };
    let JobsReply::One(Some(job)) = jobs(&open, describe).await else {
        panic!("no job");
    };
    assert_eq!(
        job.document.as_deref(),
        Some(r#"{"url":"https://plant.example/7"}"#)
    );
    let JobsReply::One(Some(started)) = jobs(&open, JobsRequest::StartNext(thing.clone())).await
    else {
        panic!("no job");
    };
    assert_eq!(started.status, "IN_PROGRESS");
    let end = |expected| JobsRequest::Update {
        thing: thing.clone(),
        job: "update-7".to_owned(),
        status: "SUCCEEDED".to_owned(),
        details: Some(r#"{"step":"done"}"#.to_owned()),
        expected,
    };
    let wrong = jobs(&open, end(Some(77))).await;
    assert!(
        matches!(&wrong, JobsReply::Refused { code, .. } if code == "VersionMismatch"),
        "{wrong:?}"
    );
    assert_eq!(jobs(&open, end(started.version)).await, JobsReply::Updated);
    let after = bench.control.jobs("RPI");
    assert_eq!(
        after,
        [("update-7".to_owned(), "SUCCEEDED", json!({"step": "done"}))]
    );
    assert_eq!(
        jobs(&open, JobsRequest::StartNext(thing.clone())).await,
        JobsReply::One(None)
    );
    open.close().await;
}
