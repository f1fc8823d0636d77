//! `subscribe`, `unsubscribe`, `subs`.

use thingdeck::base::moment::Mono;
use thingdeck::base::problem::Exit;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::message::Qos;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{LinkState, SessionEvent};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::headless::console::{Heard, Opening};

use super::stage::{Deed, Stage, connected, link, problem};

#[test]
fn subscribing_asks_for_the_feed_and_prints_the_confirmed_state() {
    let mut stage = Stage::home();
    assert_eq!(
        stage.run(&["subscribe", "event", "washer", "--hours", "3"]),
        Exit::Done
    );
    let expected = Request::Feed {
        device: DeviceId::new("aab222"),
        feed: Feed::Event,
        on: true,
        hours: Some(3),
    };
    assert_eq!(stage.asked().last(), Some(&&expected));
    assert_eq!(
        stage.printed(),
        ["event  on, ends in 23 h  Washer (aab222)"]
    );
}

#[test]
fn unsubscribing_prints_that_it_is_off() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["unsubscribe", "push", "aaa111"]), Exit::Done);
    assert_eq!(stage.printed(), ["push  off  거실 에어컨 (aaa111)"]);
}

#[test]
fn a_state_that_contradicts_the_wish_is_no_success() {
    let mut stage = Stage::home().answering(|r| {
        matches!(r, Request::Feed { .. }).then_some(Ok(Reply::Feed(FeedState::Off)))
    });
    assert_eq!(stage.run(&["subscribe", "push", "washer"]), Exit::Failed);
    assert!(
        stage.talk().contains("push of Washer (aab222) is not on"),
        "{}",
        stage.talk()
    );
}

/// A platform whose feed requests fail for some devices.
fn failing(ids: &'static [&'static str], cause: &'static str, exit: Exit) -> Stage {
    Stage::home().answering(move |request| match request {
        Request::Feed { device, .. } if ids.contains(&device.as_str()) => {
            Some(Err(problem(cause, exit)))
        }
        _ => None,
    })
}

#[test]
fn all_devices_are_tried_and_each_that_fails_is_named() {
    let mut stage = failing(
        &["aab222", "ccc333"],
        "LG answered 1222: not connected",
        Exit::Failed,
    );
    assert_eq!(stage.run(&["subscribe", "push", "--all"]), Exit::Failed);
    assert_eq!(
        stage.printed(),
        [
            "push  on  거실 에어컨 (aaa111)",
            "push  on  ddd444 (ddd444)"
        ]
    );
    assert_eq!(
        stage.said[..2],
        [
            "Washer (aab222): could not do it: LG answered 1222: not connected; do something",
            "Evil\\e[2J\\u{202e} (ccc333): could not do it: LG answered 1222: not connected; do something",
        ]
    );
    assert!(
        stage.said[2].starts_with("could not subscribe to push of 2 of 4 devices"),
        "{}",
        stage.talk()
    );
}

#[test]
fn when_all_fail_alike_their_code_is_the_exit_code() {
    let mut stage = failing(
        &["aaa111", "aab222", "ccc333", "ddd444"],
        "1308",
        Exit::Refused,
    );
    assert_eq!(stage.run(&["unsubscribe", "push", "--all"]), Exit::Refused);
    let mut stage = failing(&["aaa111", "aab222", "ccc333"], "1308", Exit::Refused);
    assert_eq!(stage.run(&["unsubscribe", "push", "--all"]), Exit::Failed);
}

#[test]
fn a_device_that_reports_nothing_is_left_out_of_events() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["subscribe", "event", "--all"]), Exit::Done);
    assert_eq!(stage.printed().len(), 3);
    assert_eq!(
        stage.talk(),
        "left out: ddd444 (ddd444) does not report state changes"
    );
}

#[test]
fn a_host_that_cannot_be_reached_is_not_asked_for_every_device() {
    let mut stage = failing(
        &["aaa111", "aab222", "ccc333", "ddd444"],
        "no answer",
        Exit::Unreachable,
    );
    assert_eq!(
        stage.run(&["subscribe", "push", "--all"]),
        Exit::Unreachable
    );
    let tried = stage
        .asked()
        .iter()
        .filter(|r| matches!(r, Request::Feed { .. }))
        .count();
    assert_eq!(tried, 1);
}

#[test]
fn an_interrupt_stops_in_the_middle_of_all() {
    let mut stage = Stage::home();
    let mut asked = 0;
    stage = stage.answering(move |request| {
        asked += u32::from(matches!(request, Request::Feed { .. }));
        assert!(asked <= 1, "the interrupt came with the device list");
        None
    });
    stage.on_the_way = [Heard::Interrupt].into();
    assert_eq!(
        stage.run(&["subscribe", "push", "--all"]),
        Exit::Interrupted
    );
}

fn granted(filter: &str, result: Result<Qos, &str>) -> Heard {
    Heard::Session(SessionEvent::Granted {
        filter: TopicFilter::parse(filter).expect("a filter"),
        result: result.map_err(str::to_owned),
    })
}

fn two_filters() -> Stage {
    Stage::home().streaming([
        connected(),
        granted("app/clients/x/push", Ok(Qos::AtLeastOnce)),
        granted("other/#", Err("not\u{1b} authorised")),
    ])
}

#[test]
fn subs_lists_feeds_with_their_end_and_filters_with_their_grant() {
    let mut stage = two_filters();
    assert_eq!(stage.run(&["subs"]), Exit::Done, "{}", stage.talk());
    assert_eq!(
        stage.printed(),
        [
            "SORT    WHAT                STATE                      ID",
            "push    거실 에어컨         on                         aaa111",
            "event   거실 에어컨         on, ends in 22 h 59 min    aaa111",
            "filter  app/clients/x/push  granted QoS 1",
            "filter  other/#             refused: not\\e authorised",
        ]
    );
    assert_eq!(stage.deeds.last(), Some(&Deed::Close));
    assert!(
        stage.deeds.contains(&Deed::Open(Opening {
            manual_ack: true,
            ..Opening::default()
        })),
        "it takes no messages for itself"
    );
}

#[test]
fn subs_as_json_holds_the_same() {
    let mut stage = two_filters();
    assert_eq!(stage.run(&["subs", "--json"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            r#"{"sort":"push","device":{"id":"aaa111","name":"거실 에어컨"},"state":"on"}"#,
            r#"{"sort":"event","device":{"id":"aaa111","name":"거실 에어컨"},"state":"on","until":"2025-11-21T19:41:22.000000Z"}"#,
            r#"{"sort":"filter","filter":"app/clients/x/push","state":"granted","qos":1}"#,
            r#"{"sort":"filter","filter":"other/#","state":"refused","reason":"not\u001b authorised"}"#,
        ]
    );
}

#[test]
fn subs_without_connecting_leaves_the_connection_alone() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["subs", "--no-connect"]), Exit::Done);
    assert_eq!(stage.printed().len(), 3);
    assert!(!stage.deeds.iter().any(|deed| matches!(deed, Deed::Open(_))));
}

#[test]
fn subs_tells_what_it_knows_although_the_broker_refuses() {
    for (state, exit) in [
        (
            LinkState::Refused(problem("client id", Exit::Refused)),
            Exit::Refused,
        ),
        (
            LinkState::Reconnecting {
                at: Mono::default(),
                attempt: 1,
                why: problem("no route", Exit::Unreachable),
            },
            Exit::Unreachable,
        ),
    ] {
        let mut stage = Stage::home().streaming([link(state)]);
        assert_eq!(stage.run(&["subs"]), exit);
        assert_eq!(stage.printed().len(), 3);
    }
    let mut stage = Stage::home();
    assert_eq!(
        stage.run(&["subs"]),
        Exit::Unreachable,
        "nothing at all happens"
    );
    assert!(stage.talk().contains("--no-connect"), "{}", stage.talk());
}
