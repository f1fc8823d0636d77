//! `publish`.

use std::time::Duration;

use thingdeck::base::moment::Mono;
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::message::{Draft, Properties, Qos};
use thingdeck::domain::profile::Version;
use thingdeck::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand};
use thingdeck::domain::topic::Topic;
use thingdeck::headless::console::{Heard, Opening};

use super::stage::{Deed, Stage, broker, connected, link, problem};

fn draft(payload: &[u8], qos: Qos) -> Draft {
    let topic = Topic::parse("a/b").expect("a topic");
    Draft::new(topic, bytes::Bytes::copy_from_slice(payload), qos)
}

fn published(stage: &Stage) -> Vec<Draft> {
    let drafts = stage.deeds.iter().filter_map(|deed| match deed {
        Deed::Command(SessionCommand::Publish(_, draft)) => Some(draft.clone()),
        _ => None,
    });
    drafts.collect()
}

fn reconnecting(why: Problem) -> Heard {
    let at = Mono::default();
    let attempt = 1;
    link(LinkState::Reconnecting { at, attempt, why })
}

#[test]
fn a_message_is_sent_once_connected_and_nothing_is_subscribed() {
    let mut stage = Stage::lab(1);
    assert_eq!(stage.run(&["publish", "a/b", "on"]), Exit::Done);
    assert_eq!(
        stage.deeds,
        [
            Deed::Choose("lab".to_owned()),
            Deed::Open(Opening {
                manual_ack: true,
                filters: vec![],
                bare: true
            }),
            Deed::Command(SessionCommand::Publish(
                ReceiptId(1),
                draft(b"on", Qos::AtLeastOnce)
            )),
            Deed::Close,
        ]
    );
    assert_eq!(stage.talk(), "", "a script reads the exit code");
}

#[test]
fn the_payload_is_an_argument_a_file_or_stdin_byte_for_byte() {
    let sent = |line: &[&str]| {
        let mut stage = Stage::lab(1);
        stage.stdin = " two\nlines\n".to_owned();
        stage.file = vec![0, 255, 10];
        assert_eq!(stage.run(&[&["publish", "a/b"], line].concat()), Exit::Done);
        published(&stage).remove(0)
    };
    assert_eq!(sent(&[]).payload, "");
    assert_eq!(sent(&["-5"]).payload, "-5");
    assert_eq!(sent(&["--stdin"]).payload, " two\nlines\n");
    assert_eq!(sent(&["--file", "there"]).payload, [0, 255, 10].as_slice());
    let retained = Draft {
        retain: true,
        ..draft(b"{}", Qos::ExactlyOnce)
    };
    assert_eq!(sent(&["{}", "--retain", "--qos", "2"]), retained);
    let mut stage = Stage::lab(1);
    assert_eq!(
        stage.run(&["publish", "a/b", "--file", "away"]),
        Exit::Usage
    );
    assert_eq!(published(&stage), [], "nothing is sent");
}

#[test]
fn a_repeated_message_keeps_its_pace_and_its_number() {
    let mut stage = Stage::lab(3);
    let line = ["publish", "a/b", "x", "--repeat", "3", "--every", "10s"];
    assert_eq!(stage.run(&line), Exit::Done);
    assert_eq!(published(&stage).len(), 3);
    assert_eq!(stage.elapsed(), Duration::from_secs(20));
    let mut stage = Stage::lab(200);
    assert_eq!(
        stage.run(&["publish", "a/b", "x", "--repeat", "200"]),
        Exit::Done
    );
    assert_eq!(published(&stage).len(), 200);
}

#[test]
fn who_publishes_without_end_ends_it_and_that_is_no_failure() {
    let mut stage = Stage::lab(1).streaming([Heard::Interrupt]);
    assert_eq!(
        stage.run(&["publish", "a/b", "x", "--every", "1s"]),
        Exit::Done
    );
    let mut stage = Stage::lab(0).streaming([Heard::Interrupt]);
    assert_eq!(stage.run(&["publish", "a/b", "x"]), Exit::Interrupted);
}

#[test]
fn what_the_broker_says_to_it_is_the_exit_code() {
    let mut refused = Stage::lab(0);
    refused.receipts = [Err(problem("not authorized", Exit::Refused))].into();
    assert_eq!(refused.run(&["publish", "a/b", "x"]), Exit::Refused);
    assert!(
        refused.talk().contains("exit 3   refused"),
        "{}",
        refused.talk()
    );
    let mut unheard = Stage::lab(0);
    let note = Some("nobody is subscribed to it".to_owned());
    unheard.receipts = [Ok(Delivered { note })].into();
    assert_eq!(unheard.run(&["publish", "a/b", "x"]), Exit::Done);
    assert_eq!(unheard.talk(), "nobody is subscribed to it");
}

#[test]
fn without_a_connection_nothing_is_waited_for() {
    for exit in [Exit::Unreachable, Exit::Refused] {
        let mut stage = Stage::lab(0);
        stage.stream = [reconnecting(problem("nothing listens", exit))].into();
        assert_eq!(stage.run(&["publish", "a/b", "x"]), exit);
        let mut stage = Stage::lab(0);
        stage.stream = [link(LinkState::Refused(problem("no", exit)))].into();
        assert_eq!(stage.run(&["publish", "a/b", "x"]), exit);
        assert_eq!(published(&stage), []);
    }
}

#[test]
fn a_broker_that_hangs_up_at_each_publish_does_not_make_a_loop() {
    let why = || problem("the broker closed the connection", Exit::Unreachable);
    let breaks = [
        reconnecting(why()),
        connected(),
        reconnecting(why()),
        connected(),
    ];
    let mut stage = Stage::lab(0).streaming(breaks);
    assert_eq!(stage.run(&["publish", "a/b", "x"]), Exit::Refused);
    assert!(
        stage.talk().contains("may not allow this topic"),
        "{}",
        stage.talk()
    );
    assert_eq!(published(&stage).len(), 1, "the session sends it again");
}

#[test]
fn properties_are_for_mqtt_5_and_refused_elsewhere() {
    let line = [
        "publish",
        "a/b",
        "x",
        "--content-type",
        "text/plain",
        "--response-topic",
        "r",
        "--correlation",
        "7",
        "--expiry",
        "1m",
        "--property",
        "k=v",
        "--property",
        "k=w=w",
    ];
    let mut old = Stage::lab(1);
    assert_eq!(old.run(&line), Exit::Usage);
    assert!(old.talk().contains("need MQTT 5"), "{}", old.talk());
    assert_eq!(old.deeds.len(), 2, "nothing is opened: {:?}", old.deeds);
    let mut new = Stage::lab(1);
    new.profiles = vec![broker("lab", |settings| settings.version = Version::V5)];
    assert_eq!(new.run(&line), Exit::Done);
    let pair = |value: &str| ("k".to_owned(), value.to_owned());
    let properties = Properties {
        expiry: Some(60),
        content_type: Some("text/plain".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some("7".into()),
        user: vec![pair("v"), pair("w=w")],
        ..Properties::default()
    };
    let sent = published(&new).remove(0);
    assert_eq!(sent.properties, Some(Box::new(properties)));
}

#[test]
fn placeholders_stand_for_values_only_where_that_is_said() {
    let text = "{{seq}} {{env SET}}";
    let payloads = |line: &[&str]| {
        let mut stage = Stage::lab(2);
        let whole = [&["publish", "a/b", text, "--repeat", "2"], line].concat();
        assert_eq!(stage.run(&whole), Exit::Done);
        let drafts = published(&stage).into_iter();
        drafts.map(|draft| draft.payload).collect::<Vec<_>>()
    };
    assert_eq!(payloads(&[]), [text, text]);
    assert_eq!(payloads(&["--expand"]), ["1 value", "2 value"]);
    for wrong in ["{{env AWAY}}", "{{no}}", "{{seq"] {
        let mut stage = Stage::lab(1);
        assert_eq!(
            stage.run(&["publish", "a/b", wrong, "--expand"]),
            Exit::Usage,
            "{wrong}"
        );
        assert_eq!(published(&stage), []);
    }
}

#[test]
fn a_platform_that_takes_no_messages_says_what_it_takes() {
    let mut stage = Stage::home();
    assert_eq!(stage.run(&["publish", "a/b", "x"]), Exit::Usage);
    assert!(stage.talk().contains("use control"), "{}", stage.talk());
    assert_eq!(stage.deeds, [Deed::Close]);
}

#[test]
fn large_payloads_are_handed_over_a_few_at_a_time() {
    // So much of it at once that a session would call itself busy.
    let mut stage = Stage::lab(0);
    stage.file = vec![7; 1 << 20];
    stage.stream.push_back(Heard::Interrupt);
    let line = ["publish", "a/b", "--file", "there", "--repeat", "60"];
    assert_eq!(stage.run(&line), Exit::Interrupted);
    assert_eq!(published(&stage).len(), 4);
    let mut stage = Stage::lab(60);
    stage.file = vec![7; 1 << 20];
    assert_eq!(stage.run(&line), Exit::Done);
    assert_eq!(published(&stage).len(), 60, "and all of them in the end");
}
