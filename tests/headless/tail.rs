//! `tail`.

use std::time::Duration;

use thingdeck::base::moment::Mono;
use thingdeck::base::problem::Exit;
use thingdeck::base::text::is_unsafe;
use thingdeck::domain::decode::Chain;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::line::{Line, decode};
use thingdeck::domain::message::{AckToken, Qos};
use thingdeck::domain::profile::{AwsSettings, Common, Profile, Settings};
use thingdeck::domain::reading::Kind;
use thingdeck::domain::request::Request;
use thingdeck::domain::session::{Gap, LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::TopicFilter;
use thingdeck::headless::console::{Heard, Opening, Unwritten};

use super::stage::{
    Deed, Stage, broker, connected, link, message, message_on, problem, profile, wish,
};

fn ack(number: u64) -> Deed {
    Deed::Command(SessionCommand::Ack(AckToken(number)))
}

fn payloads(stage: &Stage) -> Vec<String> {
    let lines = stage.printed().into_iter().map(|line| match decode(line) {
        Ok(Line::Message(message)) => String::from_utf8_lossy(&message.payload).into_owned(),
        other => panic!("{line}: {other:?}"),
    });
    lines.collect()
}

#[test]
fn messages_are_printed_as_lines_and_acknowledged_only_then() {
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Push, r#"{"n":1}"#),
        message(2, Kind::Event, "no json"),
        message(3, Kind::Event, "not wanted any more"),
    ]);
    assert_eq!(stage.run(&["tail", "--count", "2"]), Exit::Done);
    let opened = stage
        .deeds
        .iter()
        .position(|d| matches!(d, Deed::Open(_)))
        .expect("opened");
    assert_eq!(
        stage.deeds[opened..],
        [
            Deed::Open(Opening { manual_ack: true, ..Opening::default() }),
            Deed::Out(r#"{"v":1,"ts":"2025-11-20T20:41:22.000000Z","profile":"home","platform":"thinq","dir":"in","topic":"app/clients/x/push","qos":1,"retain":false,"dup":false,"kind":"push","device":{"id":"aab222","name":"Washer"},"payload":{"n":1}}"#.to_owned()),
            ack(1),
            Deed::Out(r#"{"v":1,"ts":"2025-11-20T20:41:22.000000Z","profile":"home","platform":"thinq","dir":"in","topic":"app/clients/x/push","qos":1,"retain":false,"dup":false,"kind":"event","device":{"id":"aab222","name":"Washer"},"text":"no json"}"#.to_owned()),
            ack(2),
            Deed::Close,
        ]
    );
}

#[test]
fn a_hostile_stream_is_lines_of_json_and_nothing_else() {
    let payload = "{\"a\":\"\u{202e}\u{1b}]52;c;aGk=\u{7}\"}";
    let mut stage = Stage::home().streaming([
        connected(),
        message_on("a\r\n\u{1b}[2J", 1, Kind::Message, "\u{9b}31m\0\r"),
        message(2, Kind::Message, payload),
    ]);
    assert_eq!(stage.run(&["tail", "--count", "2"]), Exit::Done);
    for line in stage.printed() {
        assert!(!line.chars().any(is_unsafe), "{line}");
    }
    assert_eq!(payloads(&stage), ["\u{9b}31m\0\r", payload]);
}

#[test]
fn a_time_ends_the_stream_and_starts_with_the_connection() {
    let mut stage = Stage::home().streaming([connected(), message(1, Kind::Push, "1")]);
    assert_eq!(stage.run(&["tail", "--for", "10s"]), Exit::Done);
    assert_eq!(payloads(&stage), ["1"]);
    let mut quiet = Stage::home().streaming([connected()]);
    assert_eq!(
        quiet.run(&["tail", "--for", "10s"]),
        Exit::Done,
        "a look at a quiet stream is no failure"
    );
}

#[test]
fn a_wanted_number_that_does_not_come_is_nothing_matched_or_said() {
    let mut none = Stage::home().streaming([connected(), message(1, Kind::Push, "1")]);
    assert_eq!(
        none.run(&[
            "tail",
            "--count",
            "2",
            "--for",
            "10s",
            "--where",
            "kind:event"
        ]),
        Exit::NoMatch
    );
    assert!(
        none.talk().contains("exit 5   nothing matched in time"),
        "{}",
        none.talk()
    );
    let mut some = Stage::home().streaming([connected(), message(1, Kind::Push, "1")]);
    assert_eq!(
        some.run(&["tail", "--count", "2", "--for", "10s"]),
        Exit::Done
    );
    assert!(
        some.talk().contains("1 of 2 messages came within 10 s"),
        "{}",
        some.talk()
    );
}

#[test]
fn a_condition_leaves_out_the_rest_and_acknowledges_it_all_the_same() {
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Push, r#"{"temp":20}"#),
        message(2, Kind::Push, r#"{"temp":26}"#),
        message(3, Kind::Event, r#"{"temp":30}"#),
    ]);
    assert_eq!(
        stage.run(&[
            "tail",
            "--count",
            "1",
            "--where",
            "temp>25 kind:event device:washer"
        ]),
        Exit::Done
    );
    assert_eq!(payloads(&stage), [r#"{"temp":30}"#]);
    for number in 1..=3 {
        assert!(stage.deeds.contains(&ack(number)), "{number}");
    }
}

#[test]
fn filters_are_subscribed_and_only_what_they_match_is_printed() {
    let mut stage = Stage::home().streaming([
        connected(),
        message_on("other", 1, Kind::Message, "1"),
        message_on("a/b", 2, Kind::Message, "2"),
    ]);
    assert_eq!(
        stage.run(&["tail", "a/#", "--qos", "0", "--count", "1"]),
        Exit::Done
    );
    let wish = FilterWish::new(
        TopicFilter::parse("a/#").expect("a filter"),
        Qos::AtMostOnce,
    );
    assert!(stage.deeds.contains(&Deed::Open(Opening {
        manual_ack: true,
        filters: vec![wish],
        bare: true,
    })));
    assert_eq!(payloads(&stage), ["2"]);
    assert!(
        stage.deeds.contains(&ack(1)),
        "what is not meant is acknowledged too"
    );
}

#[test]
fn a_gap_is_a_line_in_its_place_and_a_word_on_stderr() {
    let gap = Gap {
        messages: 7,
        bytes: 99,
    };
    let mut stage = Stage::home().streaming([
        connected(),
        Heard::Session(SessionEvent::Gap(gap)),
        message(1, Kind::Push, "1"),
    ]);
    assert_eq!(stage.run(&["tail", "--count", "1"]), Exit::Done);
    let Ok(Line::Gap(line)) = decode(stage.printed()[0]) else {
        panic!("{:?}", stage.printed())
    };
    assert_eq!(line.gap, gap);
    assert!(
        stage.talk().contains("7 messages (99 bytes) were dropped"),
        "{}",
        stage.talk()
    );
}

#[test]
fn a_signal_finishes_a_running_tail_and_interrupts_one_that_never_ran() {
    let mut running =
        Stage::home().streaming([connected(), message(1, Kind::Push, "1"), Heard::Interrupt]);
    assert_eq!(running.run(&["tail"]), Exit::Done);
    assert_eq!(payloads(&running), ["1"]);
    let mut early = Stage::home().streaming([
        link(LinkState::SigningIn {
            step: "route".to_owned(),
        }),
        Heard::Interrupt,
    ]);
    assert_eq!(early.run(&["tail"]), Exit::Interrupted);
}

#[test]
fn a_closed_pipe_ends_quietly_and_leaves_the_unread_message_to_the_broker() {
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Push, "1"),
        message(2, Kind::Push, "2"),
    ]);
    stage.room = 1;
    assert_eq!(stage.run(&["tail"]), Exit::Done);
    assert!(stage.deeds.contains(&ack(1)) && !stage.deeds.contains(&ack(2)));
    assert_eq!(stage.talk(), "connected");
}

#[test]
fn a_line_that_could_not_be_written_is_a_failure_and_not_acknowledged() {
    let stream = || [connected(), message(1, Kind::Push, "1")];
    let mut full = Stage::home().streaming(stream());
    full.room = 0;
    full.unwritten = Unwritten::Failed(problem("the disk is full", Exit::Failed));
    assert_eq!(full.run(&["tail"]), Exit::Failed);
    assert!(full.talk().contains("the disk is full"), "{}", full.talk());
    assert!(!full.deeds.contains(&ack(1)));
    for (line, exit) in [
        (&["tail"][..], Exit::Done),
        (&["expect", "#"], Exit::Interrupted),
    ] {
        let mut slow = Stage::home().streaming(stream());
        slow.room = 0;
        slow.unwritten = Unwritten::Interrupted;
        assert_eq!(slow.run(line), exit, "{line:?}");
        assert!(!slow.deeds.contains(&ack(1)));
    }
}

fn reconnecting(exit: Exit) -> Heard {
    link(LinkState::Reconnecting {
        at: Mono(Duration::from_millis(3_200)),
        attempt: 1,
        why: problem("the network is down", exit),
    })
}

#[test]
fn what_cannot_connect_at_all_ends_with_the_reason() {
    let cases = [
        (reconnecting(Exit::Unreachable), Exit::Unreachable),
        (
            link(LinkState::Refused(problem("certificate", Exit::Refused))),
            Exit::Refused,
        ),
        (
            link(LinkState::TakenOver(problem(
                "another client",
                Exit::Refused,
            ))),
            Exit::Refused,
        ),
        (link(LinkState::Closed), Exit::Failed),
    ];
    for (heard, exit) in cases {
        let mut stage = Stage::home().streaming([heard.clone()]);
        assert_eq!(stage.run(&["tail"]), exit, "{heard:?}");
        assert!(stage.talk().contains(exit.words()), "{}", stage.talk());
    }
}

#[test]
fn a_lost_connection_is_told_and_waited_out() {
    let mut stage = Stage::home().streaming([
        connected(),
        reconnecting(Exit::Unreachable),
        link(LinkState::Silent {
            since: super::stage::START,
        }),
        connected(),
        message(1, Kind::Push, "1"),
    ]);
    assert_eq!(stage.run(&["tail", "--count", "1"]), Exit::Done);
    assert_eq!(
        stage.said,
        [
            "connected",
            "reconnecting in 4 s: could not do it: the network is down; do something",
            "connected, but nothing is heard: subscribing again",
            "connected",
        ]
    );
}

#[test]
fn a_time_that_passes_without_any_subscription_was_no_quiet_stream() {
    let stream = || [connected(), reconnecting(Exit::Refused)];
    for line in [
        &["tail", "a/#", "--for", "1s"][..],
        &["expect", "a/#", "--within", "1s"],
    ] {
        let mut denied = Stage::home().streaming(stream());
        assert_eq!(denied.run(line), Exit::Refused, "{line:?}");
        let talk = denied.talk();
        assert!(talk.contains("nothing was subscribed"), "{talk}");
        assert!(talk.contains("the network is down"), "{talk}");
    }
    let mut own = Stage::home().streaming(stream());
    assert_eq!(own.run(&["tail", "--for", "1s"]), Exit::Done);
}

fn refused(filter: &str) -> Heard {
    Heard::Session(SessionEvent::Granted {
        filter: TopicFilter::parse(filter).expect("a filter"),
        result: Err("not authorised".to_owned()),
    })
}

#[test]
fn refused_filters_are_named_and_end_it_when_none_is_left() {
    let mut one = Stage::home().streaming([
        connected(),
        refused("a"),
        message_on("b", 1, Kind::Push, "1"),
    ]);
    assert_eq!(one.run(&["tail", "a", "b", "--count", "1"]), Exit::Done);
    assert!(
        one.talk().contains("refused a: not authorised"),
        "{}",
        one.talk()
    );
    let mut both = Stage::home().streaming([connected(), refused("a"), refused("a"), refused("b")]);
    assert_eq!(both.run(&["tail", "a", "b"]), Exit::Refused);
}

#[test]
fn a_renamed_device_has_its_new_name_in_the_next_line() {
    let renamed = Fact::DeviceRenamed {
        device: DeviceId::new("aab222"),
        name: "세탁기".to_owned(),
    };
    let mut stage = Stage::home().streaming([
        connected(),
        Heard::Session(SessionEvent::Fact(renamed)),
        message(1, Kind::Push, "1"),
    ]);
    assert_eq!(stage.run(&["tail", "--count", "1"]), Exit::Done);
    assert!(
        stage.printed()[0].contains(r#""name":"세탁기""#),
        "{:?}",
        stage.printed()
    );
}

#[test]
fn a_list_that_cannot_be_read_does_not_stop_the_stream_but_a_refused_token_does() {
    let failing = |exit| {
        Stage::home().answering(move |r| {
            matches!(r, Request::Devices { .. }).then(|| Err(problem("1306", exit)))
        })
    };
    let mut limited = failing(Exit::Failed).streaming([connected(), message(1, Kind::Push, "1")]);
    assert_eq!(limited.run(&["tail", "--count", "1"]), Exit::Done);
    assert!(limited.talk().contains("1306"), "{}", limited.talk());
    assert!(
        limited.printed()[0].contains(r#""device":{"id":"aab222"},"#),
        "{:?}",
        limited.printed()
    );
    let mut refused = failing(Exit::Refused);
    assert_eq!(refused.run(&["tail"]), Exit::Refused);
    assert!(
        !refused
            .deeds
            .iter()
            .any(|deed| matches!(deed, Deed::Open(_)))
    );
}

/// `{"temp":27.5}` in CBOR.
const CBOR: &[u8] = b"\xa1dtemp\xfb@;\x80\0\0\0\0\0";

#[test]
fn a_condition_looks_into_what_a_decoder_opens() {
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Message, r#"{"temp":20}"#),
        message_on("plant/x", 2, Kind::Message, CBOR),
        message_on("plant/y", 3, Kind::Message, "eyJ0ZW1wIjoyNy41fQ=="),
        message_on("other/y", 4, Kind::Message, "eyJ0ZW1wIjoyNy41fQ=="),
        message(5, Kind::Message, r#"{"temp":30}"#),
    ]);
    let chain = Chain::parse("base64 > json", &mut |_, _| Err(String::new()));
    stage.pins.set(
        TopicFilter::parse("plant/y").expect("a filter"),
        chain.expect("a chain"),
    );
    assert_eq!(
        stage.run(&["tail", "--count", "3", "--where", "temp>25"]),
        Exit::Done
    );
    let topics: Vec<_> = stage.printed().into_iter().map(topic).collect();
    assert_eq!(topics, ["plant/x", "plant/y", "app/clients/x/push"]);
}

fn topic(line: &str) -> String {
    match decode(line) {
        Ok(Line::Message(message)) => message.topic.to_string(),
        other => panic!("{line}: {other:?}"),
    }
}

fn aws(topics: &[&str]) -> Profile {
    let settings = AwsSettings::new("abc-ats.iot.eu-west-1.amazonaws.com".to_owned());
    Profile {
        settings: Settings::Aws(settings),
        common: Common {
            topics: topics.iter().map(|topic| wish(topic)).collect(),
            ..Common::default()
        },
        ..profile("fleet")
    }
}

#[test]
fn a_filter_that_the_platform_does_not_have_is_wrong_usage_and_nothing_is_opened() {
    let lines = [
        (&["tail", "$SYS/#"][..], "$SYS"),
        (&["tail", "$SYS/#", "a/+/#", "--qos", "2"], "QoS 2"),
        (&["expect", "a/b/c/d/e/f/g/h/i"], "8 slashes"),
        (&["record", "x.jsonl", "$SYS/#"], "$SYS"),
    ];
    for (line, said) in lines {
        let mut stage = Stage::home().streaming([connected()]);
        stage.profiles = vec![aws(&[])];
        assert_eq!(stage.run(line), Exit::Usage, "{line:?} {}", stage.talk());
        let talk = stage.talk();
        assert!(talk.contains("exit 2"), "{talk}");
        assert!(talk.contains(said), "{talk}");
        let opened = |deed: &Deed| matches!(deed, Deed::Open(_) | Deed::Ask(_));
        assert!(!stage.deeds.iter().any(opened), "{:?}", stage.deeds);
    }
    let mut one = Stage::home().streaming([connected(), message_on("a", 1, Kind::Message, "1")]);
    one.profiles = vec![aws(&[])];
    let line = ["tail", "$SYS/#", "a", "--count", "1"];
    assert_eq!(one.run(&line), Exit::Done, "{}", one.talk());
}

#[test]
fn a_look_at_nothing_says_so() {
    let looks = |stage: &mut Stage, line: &[&str]| {
        assert_eq!(stage.run(line), Exit::Done);
        stage.talk().contains("nothing is subscribed")
    };
    let on = |profile: Profile| {
        let mut stage = Stage::home().streaming([connected()]);
        stage.profiles = vec![profile];
        stage
    };
    let lab = || broker("lab", |_| {});
    assert!(looks(&mut on(lab()), &["tail", "--for", "1s"]));
    assert!(looks(&mut on(aws(&[])), &["tail", "--for", "1s"]));
    assert!(!looks(&mut on(aws(&["a"])), &["tail", "--for", "1s"]));
    assert!(!looks(&mut on(lab()), &["tail", "a", "--for", "1s"]));
    assert!(!looks(&mut on(profile("home")), &["tail", "--for", "1s"]));
}

#[test]
fn a_check_that_is_left_out_is_said_by_every_verb() {
    let mut open = broker("lab", |_| {});
    open.common.insecure_skip_verify = true;
    for line in [
        &["tail", "a", "--for", "1s"][..],
        &["publish", "a", "x"],
        &["subs"],
    ] {
        let mut stage = Stage::lab(1);
        stage.profiles = vec![open.clone()];
        assert_eq!(stage.run(line), Exit::Done, "{line:?}");
        let talk = stage.talk();
        assert!(talk.contains("INSECURE: TLS is not verified"), "{talk}");
    }
}

#[test]
fn a_reader_that_leaves_in_a_pause_ends_a_look_and_nothing_else() {
    let mut tail = Stage::home().streaming([connected(), Heard::Left]);
    assert_eq!(tail.run(&["tail"]), Exit::Done, "{}", tail.talk());
    assert!(tail.heeds_reader);
    for line in [
        &["expect", "a", "--within", "1s"][..],
        &["record", "x.jsonl", "--for", "1s"],
    ] {
        let mut waiting = Stage::home().streaming([connected()]);
        waiting.run(line);
        assert!(!waiting.heeds_reader, "{line:?}");
    }
}
