//! What messages on shadow and jobs topics mean.

use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::jobs::JobsNews;
use thingdeck::domain::message::Direction;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::shadow::ShadowChange;
use thingdeck::platform::Platform as _;

use crate::script::{device, message};

#[test]
fn shadow_messages_become_facts_of_their_shadow() {
    let cases = [
        (
            "update/accepted",
            r#"{"state":{"reported":{"t":1}},"version":2}"#,
            "patch",
        ),
        (
            "update/documents",
            r#"{"previous":null,"current":{"state":{"reported":{"t":1}},"version":2}}"#,
            "whole",
        ),
        (
            "get/accepted",
            r#"{"state":{"reported":{"t":1}},"version":2}"#,
            "whole",
        ),
        ("update/delta", r#"{"state":{"t":1},"version":2}"#, "delta"),
        ("delete/accepted", r#"{"version":2}"#, "deleted"),
        (
            "get/rejected",
            r#"{"code":404,"message":"No shadow exists"}"#,
            "refused",
        ),
        ("update", r#"{"state":{"reported":{"t":1}}}"#, ""),
        ("update/accepted", "no JSON", ""),
    ];
    for (verb, payload, expected) in cases {
        let topic = format!("$aws/things/RPI/shadow/name/wifi/{verb}");
        let reading = device().interpret(&message(&topic, payload));
        assert_eq!(reading.kind, Kind::Shadow);
        assert_eq!(reading.device, Some(DeviceId::new("RPI")));
        let told = reading
            .facts
            .iter()
            .find(|fact| matches!(fact, Fact::Shadow(_)));
        let found = match told {
            None => "",
            Some(Fact::Shadow(news)) => {
                assert_eq!(news.key.name.as_deref(), Some("wifi"));
                match news.change {
                    ShadowChange::Whole(_) => "whole",
                    ShadowChange::Patch(_) => "patch",
                    ShadowChange::Delta(_) => "delta",
                    ShadowChange::Deleted { .. } => "deleted",
                    ShadowChange::Refused { .. } => "refused",
                }
            }
            Some(other) => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{verb}");
    }
}

#[test]
fn the_row_of_the_stream_says_what_changed() {
    let payload = r#"{"state":{"desired":{"t":24.50}},"version":2}"#;
    let topic = "$aws/things/RPI/shadow/name/wifi/update/accepted";
    let reading = device().interpret(&message(topic, payload));
    assert_eq!(reading.gist, "wifi: v2 accepted: desired t=24.50");
}

#[test]
fn what_we_sent_ourselves_is_no_fact() {
    let payload = r#"{"state":{"reported":{"t":1}},"version":2}"#;
    let mut sent = message("$aws/things/RPI/shadow/update/accepted", payload);
    sent.direction = Direction::Out;
    let facts = device().interpret(&sent).facts;
    assert!(
        !facts.iter().any(|fact| matches!(fact, Fact::Shadow(_))),
        "{facts:?}"
    );
}

#[test]
fn notifications_of_jobs_become_facts() {
    let list = device().interpret(&message(
        "$aws/things/RPI/jobs/notify",
        r#"{"jobs":{"QUEUED":[{"jobId":"a"}]}}"#,
    ));
    assert_eq!(list.kind, Kind::Job);
    let told = |facts: &[Fact]| {
        let news = facts.iter().find_map(|fact| match fact {
            Fact::Jobs(news) => Some((**news).clone()),
            _ => None,
        });
        news.unwrap_or_else(|| panic!("{facts:?}"))
    };
    let news = told(&list.facts);
    assert!(
        matches!(&news, JobsNews::List(thing, jobs) if thing.as_str() == "RPI" && jobs.len() == 1)
    );
    let none = device().interpret(&message(
        "$aws/things/RPI/jobs/notify-next",
        r#"{"timestamp":1}"#,
    ));
    assert!(matches!(told(&none.facts), JobsNews::Next(_, None)));
}
