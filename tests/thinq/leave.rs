//! Quitting and signing out: bounded, best effort, and honest about what is left (F32).

use std::time::Duration;

use thingdeck::domain::device::DeviceId;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::platform::Platform;
use thingdeck::platform::thinq::Thinq;

use crate::script::{Fault, Script, thinq};

fn signed_in(script: &Script, devices: &[&str]) -> Thinq {
    let thinq = thinq();
    script.run(thinq.plan(script)).expect("a plan");
    for device in devices {
        for feed in Feed::ALL {
            let request = Request::Feed {
                device: DeviceId::new(device),
                feed,
                on: true,
                hours: None,
            };
            script.run(thinq.request(script, request)).expect("on");
        }
    }
    script.forget_calls();
    thinq
}

fn leave(script: &Script, thinq: &Thinq, end_push: bool, end_event: bool) -> Vec<String> {
    match script.run(thinq.request(
        script,
        Request::Leave {
            end_push,
            end_event,
        },
    )) {
        Ok(Reply::Left { failed }) => failed,
        other => panic!("{other:?}"),
    }
}

fn sign_out(script: &Script, thinq: &Thinq) -> Vec<String> {
    match script.run(thinq.request(script, Request::SignOut)) {
        Ok(Reply::SignedOut { left }) => left,
        other => panic!("{other:?}"),
    }
}

#[test]
fn quitting_ends_what_its_owner_does_not_want_kept_and_nothing_else() {
    let script = Script::with_devices(2);
    let thinq = signed_in(&script, &["d00", "d01"]);
    assert_eq!(leave(&script, &thinq, false, false), Vec::<String>::new());
    assert_eq!(script.calls(), Vec::<String>::new());
    assert_eq!(leave(&script, &thinq, false, true), Vec::<String>::new());
    assert_eq!(script.told("d00", Feed::Event), Some(FeedState::Off));
    assert_eq!(
        (
            script.listed("d00", Feed::Push),
            script.listed("d01", Feed::Event)
        ),
        (true, false)
    );
}

#[test]
fn quitting_without_network_takes_seconds_and_names_what_was_not_ended() {
    let script = Script::with_devices(3);
    let thinq = signed_in(&script, &["d00", "d02"]);
    script.fault("unsubscribe", 99, Fault::RequestLost);
    let before = script.elapsed();
    let failed = leave(&script, &thinq, true, true);
    assert!(
        script.elapsed().checked_sub(before).unwrap() <= Duration::from_secs(5),
        "{:?}",
        script.elapsed().checked_sub(before).unwrap()
    );
    assert_eq!(failed.len(), 4, "{failed:?}");
}

#[test]
fn signing_out_ends_feeds_deregisters_and_forgets() {
    let script = Script::with_devices(2);
    let thinq = signed_in(&script, &["d00"]);
    // Turned on by an earlier run of the program.
    script.cloud(|cloud| cloud.push.insert("d01".to_owned()));
    assert_eq!(sign_out(&script, &thinq), Vec::<String>::new());
    let calls = script.calls();
    assert_eq!(calls[..2], ["GET push", "GET event"]);
    assert_eq!(
        calls[calls.len() - 2..],
        ["DELETE push/devices", "DELETE client"]
    );
    script.cloud(|cloud| {
        assert!(cloud.push.is_empty() && cloud.event.is_empty() && cloud.clients.is_empty());
    });
    script.seen(|seen| {
        assert_eq!(
            seen.last().expect("a call").json()["service-code"],
            "SVC202"
        );
    });
    assert_eq!(
        script.files().into_keys().collect::<Vec<_>>(),
        Vec::<String>::new()
    );
}

#[test]
fn what_could_not_be_undone_is_said_and_the_identity_is_gone_all_the_same() {
    let script = Script::with_devices(1);
    let thinq = signed_in(&script, &["d00"]);
    script.fault("DELETE client", 9, Fault::Code(500, "2000"));
    script.fault("DELETE push/d00/unsubscribe", 9, Fault::Code(404, "1222"));
    let left = sign_out(&script, &thinq);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left[0].contains("push of") && left[1].contains("deregister"),
        "{left:?}"
    );
    assert!(script.files().is_empty());
}

#[test]
fn signing_out_with_a_dead_token_says_that_the_client_stays_registered() {
    let script = Script::with_devices(1);
    let thinq = signed_in(&script, &[]);
    script.set_token("thinqpat_other");
    script.fault("", 99, Fault::Code(401, "1302"));
    let left = sign_out(&script, &thinq);
    assert!(
        left.iter().any(|line| line.contains("still registered")),
        "{left:?}"
    );
    assert!(script.files().is_empty());
}

#[test]
fn signing_out_of_what_was_never_signed_in_asks_lg_nothing() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    script
        .run(thinq.request(&script, Request::Probe))
        .expect("devices");
    script.forget_calls();
    assert_eq!(sign_out(&script, &thinq), Vec::<String>::new());
    assert_eq!(script.calls(), Vec::<String>::new());
    assert!(script.files().is_empty());
}

#[test]
fn signing_out_without_network_ends_and_says_what_is_left() {
    let script = Script::with_devices(2);
    let thinq = signed_in(&script, &["d00"]);
    script.fault("", 99, Fault::RequestLost);
    let before = script.elapsed();
    let left = sign_out(&script, &thinq);
    let took = script.elapsed().saturating_sub(before);
    assert!(took < Duration::from_mins(2), "{took:?}");
    assert!(
        left.iter().any(|line| line.contains("deregister")),
        "{left:?}"
    );
    assert!(script.files().is_empty());
}

#[test]
fn after_a_sign_out_the_next_start_is_a_first_one() {
    let script = Script::with_devices(1);
    let thinq = signed_in(&script, &["d00"]);
    sign_out(&script, &thinq);
    script.forget_calls();
    script.run(thinq.plan(&script)).expect("a plan");
    assert_eq!(
        script.calls(),
        ["GET route", "POST client", "POST client/certificate"]
    );
}
