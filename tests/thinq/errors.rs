//! What a person is told when LG, or something in front of it, refuses.

use serde_json::json;
use thingdeck::base::problem::{Exit, Problem, Retry};
use thingdeck::domain::device::{DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::platform::Platform;
use thingdeck::platform::thinq::codes::{Concern, TABLE};

use crate::script::{Fault, Script, fixture, thinq};

fn state_of(script: &Script, device: &str) -> Result<Reply, Problem> {
    script.run(thinq().request(
        script,
        Request::State {
            device: DeviceId::new(device),
        },
    ))
}

#[test]
fn every_code_is_told_with_its_number_its_meaning_and_what_to_do() {
    for row in TABLE
        .iter()
        .filter(|row| !matches!(row.code, "1306" | "1314"))
    {
        let script = Script::with_devices(1);
        script.fault("GET devices/d00/state", 9, Fault::Code(400, row.code));
        let problem = state_of(&script, "d00").expect_err(row.code);
        assert!(
            problem.cause.contains(row.code) && problem.cause.contains(row.meaning),
            "{problem}"
        );
        assert!(problem.remedy.starts_with(row.remedy), "{problem}");
        match row.concern {
            Concern::Ask => assert_eq!(
                (problem.exit, problem.retry),
                (Exit::Refused, Retry::Never),
                "{problem}"
            ),
            Concern::Wait => assert_eq!(problem.retry, Retry::Backoff, "{problem}"),
            _ => {}
        }
    }
}

#[test]
fn what_is_no_answer_of_lg_is_told_as_what_it_is() {
    let cases = [
        (
            Fault::Raw(500, "<html><h1>Internal error</h1></html>"),
            "Internal error",
            Exit::Failed,
        ),
        (Fault::Raw(500, ""), "HTTP 500", Exit::Failed),
        (
            Fault::Raw(403, r#"{"message": "Forbidden"}"#),
            "Forbidden",
            Exit::Refused,
        ),
        (Fault::Raw(401, ""), "HTTP 401", Exit::Refused),
        (
            Fault::Raw(200, "<html>Sign in to the hotel</html>"),
            "hotel",
            Exit::Failed,
        ),
        (Fault::RequestLost, "no answer", Exit::Unreachable),
        (Fault::Unreachable, "could not reach", Exit::Unreachable),
    ];
    for (fault, words, exit) in cases {
        let script = Script::with_devices(1);
        script.fault("GET devices", 9, fault.clone());
        let problem = script
            .run(thinq().request(&script, Request::Devices { fresh: true }))
            .expect_err(words);
        assert!(problem.cause.contains(words), "{fault:?}: {problem}");
        assert_eq!(problem.exit, exit, "{fault:?}: {problem}");
        assert!(!problem.remedy.is_empty());
    }
}

#[test]
fn a_passing_failure_of_a_read_is_not_even_seen() {
    let script = Script::with_devices(1);
    script.fault("GET devices/d00/state", 1, Fault::Raw(502, "<html></html>"));
    state_of(&script, "d00").expect("the second answer");
    assert_eq!(script.calls().len(), 2);
}

#[test]
fn a_device_that_is_not_connected_is_offline_and_keeps_its_last_state() {
    let script = Script::with_devices(1);
    script.cloud(|cloud| cloud.offline.insert("d00".to_owned()));
    let problem = state_of(&script, "d00").expect_err("1222");
    assert_eq!(problem.exit, Exit::Failed);
    assert!(
        problem.cause.contains("not connected") && problem.remedy.contains("last known state"),
        "{problem}"
    );
    let facts = script.facts();
    let device = DeviceId::new("d00");
    assert!(
        facts.contains(&Fact::Presence {
            device,
            presence: Presence::Offline
        }),
        "{facts:?}"
    );
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::State { .. })));
}

#[test]
fn a_refused_token_is_told_once_until_a_call_succeeds_again() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let ask = || script.run(thinq.request(&script, Request::Devices { fresh: true }));
    script.fault("GET devices", 3, Fault::Code(401, "1302"));
    for _ in 0..3 {
        assert_eq!(ask().expect_err("refused").exit, Exit::Refused);
    }
    ask().expect("devices");
    script.fault("GET devices", 1, Fault::Code(401, "1218"));
    ask().expect_err("refused");
    let told = script
        .facts()
        .into_iter()
        .filter(|f| matches!(f, Fact::TokenRefused(_)))
        .count();
    assert_eq!(told, 2);
}

#[test]
fn refusals_are_logged_with_the_message_id_for_lg_s_support() {
    let script = Script::with_devices(1);
    script.fault("GET devices/d00/state", 9, Fault::Code(400, "2214"));
    state_of(&script, "d00").expect_err("2214");
    let id = script.seen(|seen| seen[0].header("x-message-id").expect("an id").to_owned());
    assert!(
        script
            .logs()
            .iter()
            .any(|line| line.contains("2214") && line.contains(&id)),
        "{:?}",
        script.logs()
    );
}

#[test]
fn a_list_with_odd_entries_still_shows_the_others() {
    let script = Script::new();
    script.cloud(|cloud| {
        cloud.devices = vec![
            json!({"deviceId": "a", "deviceInfo": {"deviceType": "DEVICE_TELEPORTER", "alias": "", "reportable": false, "groupId": "g"}}),
            json!({"deviceInfo": {}}),
            json!(7),
            json!({"deviceId": "b"}),
        ];
    });
    let Ok(Reply::Devices(devices)) =
        script.run(thinq().request(&script, Request::Devices { fresh: true }))
    else {
        panic!()
    };
    let read: Vec<_> = devices
        .iter()
        .map(|d| {
            (
                d.id.as_str(),
                d.kind.as_str(),
                d.reportable,
                d.group.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("a", "DEVICE_TELEPORTER", false, Some("g")),
            ("b", "", true, None)
        ]
    );
}

#[test]
fn a_model_comes_with_its_raw_profile_and_is_asked_for_once() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    for _ in 0..3 {
        let asked = script.run(thinq.request(
            &script,
            Request::Model {
                device: DeviceId::new("d00"),
            },
        ));
        let Ok(Reply::Model { model, raw }) = asked else {
            panic!()
        };
        assert_eq!(*raw, fixture("profiles", "air_conditioner"));
        assert_eq!(model.push_codes, ["WATER_IS_FULL"]);
    }
    assert_eq!(script.calls(), ["GET devices/d00/profile"]);
}

#[test]
fn energy_is_read_by_day_and_a_product_without_it_is_asked_once() {
    let script = Script::with_devices(2);
    let thinq = thinq();
    let ask = |device: &str| {
        script.run(thinq.request(
            &script,
            Request::Energy {
                device: DeviceId::new(device),
            },
        ))
    };
    let Ok(Reply::Energy(usage)) = ask("d00") else {
        panic!()
    };
    assert_eq!(
        (
            usage[0].date.as_str(),
            usage[0].property.as_str(),
            usage[0].amount
        ),
        ("20260301", "energyUsage", 1234.0)
    );
    script.forget_calls();
    script.fault(
        "GET devices/energy/d01/profile",
        9,
        Fault::Code(406, "1221"),
    );
    for _ in 0..2 {
        assert!(ask("d01").expect_err("1221").cause.contains("1221"));
    }
    assert_eq!(script.calls().len(), 1);
}

#[test]
fn an_empty_list_is_explained_once() {
    let script = Script::new();
    let thinq = thinq();
    for _ in 0..2 {
        script
            .run(thinq.request(&script, Request::Devices { fresh: true }))
            .expect("an empty list");
    }
    let notices: Vec<_> = script
        .facts()
        .into_iter()
        .filter(|f| matches!(f, Fact::Notice(_)))
        .collect();
    assert!(
        matches!(notices.as_slice(), [Fact::Notice(p)] if p.cause.contains("country DE")),
        "{notices:?}"
    );
}

#[test]
fn a_probe_counts_the_devices() {
    let script = Script::with_devices(3);
    assert_eq!(
        script.run(thinq().request(&script, Request::Probe)),
        Ok(Reply::Probed { devices: 3 })
    );
    assert_eq!(script.calls(), ["GET devices"]);
}
