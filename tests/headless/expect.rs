//! `expect`, `subs` and `tail` on a plain broker, and the verbs that it has no use for.

use thingdeck::base::problem::Exit;
use thingdeck::domain::message::{AckToken, Qos};
use thingdeck::domain::reading::Kind;
use thingdeck::domain::request::Request;
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::headless::console::{Heard, Opening};

use super::stage::{Deed, Stage, link, message_on, problem, wish};

fn granted(filter: &str, result: Result<Qos, &str>) -> Heard {
    Heard::Session(SessionEvent::Granted {
        filter: TopicFilter::parse(filter).expect("a filter"),
        result: result.map_err(str::to_owned),
    })
}

fn unsubscribed(filter: &str) -> Deed {
    let filter = TopicFilter::parse(filter).expect("a filter");
    Deed::Command(SessionCommand::Unsubscribe(filter))
}

#[test]
fn the_first_match_is_printed_and_nothing_is_left_behind() {
    let mut stage = Stage::lab(0).streaming([
        granted("a/#", Ok(Qos::AtLeastOnce)),
        message_on("a/b", 1, Kind::Message, r#"{"n":1}"#),
        message_on("a/b", 2, Kind::Message, r#"{"n":5}"#),
        message_on("a/b", 3, Kind::Message, r#"{"n":6}"#),
    ]);
    assert_eq!(stage.run(&["expect", "a/#", ".n>3"]), Exit::Done);
    let printed = stage.printed();
    assert!(
        matches!(printed[..], [line] if line.contains(r#""payload":{"n":5}"#)),
        "{printed:?}"
    );
    let opened = Deed::Open(Opening {
        manual_ack: true,
        filters: vec![wish("a/#")],
        bare: true,
    });
    assert!(stage.deeds.contains(&opened), "{:?}", stage.deeds);
    let ack = Deed::Command(SessionCommand::Ack(AckToken(2)));
    let last = stage.deeds.len() - 3;
    assert_eq!(stage.deeds[last..], [ack, unsubscribed("a/#"), Deed::Close]);
    assert!(
        stage.talk().contains("subscribed to a/# with QoS 1"),
        "{}",
        stage.talk()
    );
}

#[test]
fn what_does_not_come_is_told_apart_from_what_is_cut_off() {
    let mut stage = Stage::lab(0).streaming([message_on("b", 1, Kind::Message, "x")]);
    assert_eq!(stage.run(&["expect", "a", "--within", "5s"]), Exit::NoMatch);
    assert!(stage.talk().contains("within 5 s"), "{}", stage.talk());
    let mut stage = Stage::lab(0).streaming([Heard::Interrupt]);
    assert_eq!(stage.run(&["expect", "a"]), Exit::Interrupted);
}

#[test]
fn a_filter_that_is_refused_is_no_silence() {
    let mut stage = Stage::lab(0).streaming([granted("a", Err("not authorized"))]);
    assert_eq!(stage.run(&["expect", "a"]), Exit::Refused);
    let mut stage = Stage::lab(0);
    stage.stream = [link(LinkState::Refused(problem(
        "bad password",
        Exit::Refused,
    )))]
    .into();
    assert_eq!(stage.run(&["expect", "a"]), Exit::Refused);
}

#[test]
fn tail_takes_its_own_filters_back_and_leaves_the_profiles() {
    let mut stage = Stage::lab(0);
    stage.profiles[0].common.topics = vec![wish("own")];
    assert_eq!(
        stage.run(&["tail", "own", "other", "--for", "1s"]),
        Exit::Done
    );
    let last = stage.deeds.len() - 2;
    assert_eq!(stage.deeds[last..], [unsubscribed("other"), Deed::Close]);
    assert_eq!(
        stage.asked(),
        Vec::<&Request>::new(),
        "a broker lists no devices"
    );
}

#[test]
fn subs_shows_the_profiles_filters_and_waits_for_no_more() {
    let mut stage = Stage::lab(0).streaming([
        granted("a/#", Ok(Qos::AtMostOnce)),
        granted("b", Err("not authorized")),
    ]);
    stage.profiles[0].common.topics = vec![wish("a/#"), wish("b")];
    let began = stage.elapsed();
    assert_eq!(stage.run(&["subs"]), Exit::Done);
    assert_eq!(
        stage.printed(),
        [
            "SORT    WHAT  STATE                    ID",
            "filter  a/#   granted QoS 0",
            "filter  b     refused: not authorized",
        ]
    );
    assert_eq!(stage.elapsed(), began);
    let mut none = Stage::lab(0);
    assert_eq!(none.run(&["subs"]), Exit::Done);
    assert_eq!(none.talk(), "nothing is subscribed");
    assert!(!none.deeds.iter().any(|deed| matches!(deed, Deed::Open(_))));
}

#[test]
fn what_a_broker_does_not_have_is_a_usage_error_in_words() {
    for line in [
        &["devices"][..],
        &["state", "x"],
        &["profile", "x"],
        &["control", "x", "a=b"],
        &["subscribe", "push", "x"],
        &["unsubscribe", "event", "--all"],
    ] {
        let mut stage = Stage::lab(0);
        assert_eq!(stage.run(line), Exit::Usage, "{line:?}");
        let talk = stage.talk();
        assert!(
            talk.contains(&format!("`{}` is not for profile \"lab\"", line[0]))
                && talk.contains("no devices"),
            "{talk}"
        );
        assert_eq!(stage.deeds, [Deed::Close], "{line:?}");
    }
}
