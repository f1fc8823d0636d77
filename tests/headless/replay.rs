//! `replay`.

use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::problem::Exit;
use thingdeck::domain::line::{Line, Origin, decode, encode, encode_gap};
use thingdeck::domain::message::{Direction, Message, Properties, Qos};
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::session::{Delivered, Gap};
use thingdeck::domain::topic::Topic;
use thingdeck::headless::console::{Heard, Piece};

use super::stage::{Deed, START, Stage, broker, problem};

const ORIGIN: Origin<'_> = Origin {
    profile: "home",
    platform: PlatformId::Thinq,
};

fn said(topic: &str, after: Duration, payload: &[u8]) -> Message {
    Message {
        at: START.plus(after),
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: true,
        ack: None,
        properties: None,
        session: false,
    }
}

fn line(message: &Message) -> Piece {
    let reading = Reading {
        kind: Kind::Push,
        ..Reading::default()
    };
    Piece::Line(encode(message, &reading, ORIGIN, None))
}

fn at(topic: &str, seconds: u64) -> Piece {
    line(&said(topic, Duration::from_secs(seconds), b"x"))
}

/// A broker that takes all, and a recording.
fn stage(pieces: impl IntoIterator<Item = Piece>) -> Stage {
    let mut stage = Stage::lab(1000);
    stage.pieces.extend(pieces);
    stage
}

fn topics(stage: &Stage) -> Vec<&str> {
    let drafts = stage.published().into_iter();
    drafts.map(|draft| draft.topic.as_str()).collect()
}

#[test]
fn messages_go_out_as_they_were_and_at_the_distances_in_which_they_came() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut first = said("a", Duration::ZERO, &bytes);
    first.retain = true;
    first.qos = Qos::ExactlyOnce;
    let pieces = [line(&first), at("b", 10), at("c", 40)];
    let mut stage = stage(pieces);
    assert_eq!(stage.run(&["replay", "f"]), Exit::Done, "{}", stage.talk());
    assert_eq!(stage.elapsed(), Duration::from_secs(40));
    let drafts = stage.published();
    assert_eq!(drafts[0].payload, bytes);
    assert_eq!((drafts[0].qos, drafts[0].retain), (Qos::ExactlyOnce, true));
    assert_eq!((drafts[1].qos, drafts[1].retain), (Qos::AtLeastOnce, false));
    assert!(
        stage.talk().contains("3 messages published"),
        "{}",
        stage.talk()
    );
}

#[test]
fn a_speed_makes_the_distances_shorter_longer_or_none() {
    for (speed, seconds) in [("2", 20), ("0.5", 80), ("4x", 10), ("0", 0), ("max", 0)] {
        let mut stage = stage([at("a", 0), at("b", 40)]);
        assert_eq!(stage.run(&["replay", "f", "--speed", speed]), Exit::Done);
        assert_eq!(stage.elapsed(), Duration::from_secs(seconds), "{speed}");
        assert_eq!(topics(&stage), ["a", "b"]);
    }
}

#[test]
fn a_clock_that_was_put_back_does_not_stop_it() {
    let mut stage = stage([at("a", 100), at("b", 40), at("c", 41)]);
    assert_eq!(stage.run(&["replay", "f"]), Exit::Done);
    assert_eq!(stage.elapsed(), Duration::from_secs(1));
}

#[test]
fn reserved_topics_are_left_out_and_counted_unless_a_prefix_makes_others_of_them() {
    let pieces = || [at("$SYS/uptime", 0), at("a", 0), at("$SYS/uptime", 1)];
    let mut plain = stage(pieces());
    assert_eq!(plain.run(&["replay", "f"]), Exit::Done);
    assert_eq!(topics(&plain), ["a"]);
    let talk = plain.talk();
    assert!(
        talk.contains("left out: 2 messages on topics that begin with $"),
        "{talk}"
    );
    assert!(talk.contains("$SYS/uptime"), "{talk}");
    let mut prefixed = stage(pieces());
    assert_eq!(
        prefixed.run(&["replay", "f", "--prefix", "lab/"]),
        Exit::Done
    );
    assert_eq!(
        topics(&prefixed),
        ["lab/$SYS/uptime", "lab/a", "lab/$SYS/uptime"]
    );
    let mut none = stage([at("$SYS/uptime", 0)]);
    assert_eq!(none.run(&["replay", "f"]), Exit::Refused);
}

#[test]
fn bad_lines_are_named_with_file_and_line_and_the_rest_is_published() {
    let pieces = [
        at("a", 0),
        Piece::Line("{\"v\":1}".to_owned()),
        Piece::Bad("it is no text".to_owned()),
        at("b/+", 0),
        at("c", 0),
    ];
    let mut stage = stage(pieces);
    assert_eq!(stage.run(&["replay", "f.jsonl"]), Exit::Failed);
    assert_eq!(topics(&stage), ["a", "c"]);
    let talk = stage.talk();
    for wanted in [
        "f.jsonl:2: left out:",
        "f.jsonl:3: left out: it is no text; correct the line or delete it",
        "f.jsonl:4: left out: its topic cannot be published to",
        "3 lines of f.jsonl were left out",
    ] {
        assert!(talk.contains(wanted), "{wanted:?} is not in\n{talk}");
    }
}

#[test]
fn what_is_no_recording_is_refused_before_anything_is_connected() {
    let diary = Piece::Line("dear diary".to_owned());
    for pieces in [vec![diary.clone()], vec![diary; 100]] {
        let mut stage = stage(pieces);
        assert_eq!(stage.run(&["replay", "diary.txt"]), Exit::Usage);
        assert!(
            stage.talk().contains("diary.txt is no recording"),
            "{}",
            stage.talk()
        );
        assert!(!stage.deeds.iter().any(|deed| matches!(deed, Deed::Open(_))));
    }
    assert_eq!(stage([]).run(&["replay", "missing"]), Exit::NotFound);
}

#[test]
fn a_torn_end_and_gaps_are_said_and_no_failure() {
    let gap = Gap {
        messages: 7,
        bytes: 0,
    };
    let gap = Piece::Line(encode_gap(gap, START, ORIGIN));
    let whole = match at("b", 0) {
        Piece::Line(text) => text,
        other => panic!("{other:?}"),
    };
    let torn = whole[..whole.len() / 2].to_owned();
    let cases = [
        (Piece::Rest(torn), 1, "cut off"),
        (Piece::Rest(whole), 2, "7 messages"),
        (
            Piece::Torn("incomplete frame".to_owned()),
            1,
            "incomplete frame",
        ),
    ];
    for (last, count, wanted) in cases {
        let mut stage = stage([at("a", 0), gap.clone(), last]);
        assert_eq!(stage.run(&["replay", "f"]), Exit::Done, "{}", stage.talk());
        assert_eq!(stage.published().len(), count);
        let talk = stage.talk();
        assert!(talk.contains(wanted), "{talk}");
        assert!(
            talk.contains("missing in the recording: 7 messages"),
            "{talk}"
        );
    }
}

#[test]
fn what_was_sent_is_left_out_unless_asked_for() {
    let mut sent = said("out", Duration::ZERO, b"x");
    sent.direction = Direction::Out;
    let mut without = stage([line(&sent), at("in", 0)]);
    assert_eq!(without.run(&["replay", "f"]), Exit::Done);
    assert_eq!(topics(&without), ["in"]);
    assert!(without.talk().contains("--sent"), "{}", without.talk());
    let mut with = stage([line(&sent), at("in", 0)]);
    assert_eq!(with.run(&["replay", "f", "--sent"]), Exit::Done);
    assert_eq!(topics(&with), ["out", "in"]);
    let mut report = sent;
    report.topic = Topic::received("$oc/devices/d/sys/properties/report");
    let mut reserved = stage([line(&report)]);
    assert_eq!(reserved.run(&["replay", "f", "--sent"]), Exit::Done);
    assert_eq!(topics(&reserved), [report.topic.as_str()]);
}

#[test]
fn a_condition_picks_lines() {
    let mut picked = stage([at("a", 0), at("b", 50), at("a", 60)]);
    assert_eq!(
        picked.run(&["replay", "f", "--where", "topic:a kind:push"]),
        Exit::Done
    );
    assert_eq!(topics(&picked), ["a", "a"]);
    assert_eq!(picked.elapsed(), Duration::from_mins(1));
    let mut none = stage([at("a", 0)]);
    assert_eq!(
        none.run(&["replay", "f", "--where", "topic:z"]),
        Exit::NoMatch
    );
}

#[test]
fn a_rehearsal_prints_the_lines_and_connects_to_nothing() {
    let mut stage = stage([at("a", 0), at("$SYS/x", 0), at("b", 500)]);
    let line = ["replay", "f", "--dry-run", "--prefix", "p/"];
    assert_eq!(stage.run(&line), Exit::Done);
    let topics: Vec<String> = stage
        .printed()
        .into_iter()
        .map(|line| match decode(line) {
            Ok(Line::Message(message)) => message.topic.to_string(),
            other => panic!("{line}: {other:?}"),
        })
        .collect();
    assert_eq!(topics, ["p/a", "p/$SYS/x", "p/b"]);
    assert!(!stage.deeds.iter().any(|deed| matches!(deed, Deed::Open(_))));
    assert_eq!(stage.elapsed(), Duration::ZERO);
}

#[test]
fn what_the_broker_refuses_is_named_and_the_rest_goes_on() {
    let mut stage = stage([at("a", 0), at("b", 0), at("c", 0)]);
    stage.receipts = [
        Ok(Delivered::default()),
        Err(problem("not authorized", Exit::Refused)),
        Ok(Delivered::default()),
    ]
    .into();
    assert_eq!(stage.run(&["replay", "f"]), Exit::Refused);
    let talk = stage.talk();
    assert!(talk.contains("f:2: not published"), "{talk}");
    assert!(talk.contains("2 messages published"), "{talk}");
    assert!(talk.contains("1 message was not published"), "{talk}");
}

#[test]
fn properties_go_along_where_the_connection_has_them_and_are_missed_aloud_elsewhere() {
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        user: vec![("k".to_owned(), "v".to_owned())],
        subscription_ids: vec![7],
        ..Properties::default()
    };
    let mut message = said("a", Duration::ZERO, b"x");
    message.properties = Some(Box::new(properties.clone()));
    for version in [Version::V5, Version::V311] {
        let mut stage = stage([line(&message)]);
        stage.profiles = vec![broker("lab", |settings| settings.version = version)];
        assert_eq!(stage.run(&["replay", "f"]), Exit::Done);
        let wanted = (version == Version::V5).then(|| Properties {
            subscription_ids: Vec::new(),
            ..properties.clone()
        });
        assert_eq!(stage.published()[0].properties.as_deref(), wanted.as_ref());
        let is_missed = stage.talk().contains("without their MQTT 5 properties");
        assert_eq!(is_missed, version == Version::V311, "{}", stage.talk());
    }
}

#[test]
fn an_interrupt_says_how_far_it_came() {
    let mut stage = stage([at("a", 0), at("b", 1000)]);
    stage.stream.push_back(Heard::Interrupt);
    assert_eq!(stage.run(&["replay", "f"]), Exit::Interrupted);
    let mut waiting = Stage::lab(0);
    waiting.pieces.extend([at("a", 0), Piece::Interrupted]);
    assert_eq!(waiting.run(&["replay", "-"]), Exit::Interrupted);
    assert_eq!(topics(&waiting), ["a"], "it waits for no other one");
}

#[test]
fn a_recording_that_is_damaged_is_a_failure() {
    let damaged = || Piece::Damaged("a checksum is wrong".to_owned());
    let mut none = stage([damaged()]);
    assert_eq!(none.run(&["replay", "f.zst"]), Exit::Failed);
    let talk = none.talk();
    assert!(talk.contains("nothing of f.zst can be read"), "{talk}");
    assert!(!none.deeds.iter().any(|deed| matches!(deed, Deed::Open(_))));
    let mut some = stage([at("a", 0), damaged()]);
    assert_eq!(some.run(&["replay", "f.zst"]), Exit::Failed);
    assert_eq!(topics(&some), ["a"]);
    let talk = some.talk();
    assert!(talk.contains("before line 2 was read"), "{talk}");
    assert!(talk.contains("a checksum is wrong"), "{talk}");
}

#[test]
fn a_platform_without_publishing_refuses() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["replay", "f"]), Exit::Usage);
}
