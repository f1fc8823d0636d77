//! `record`.

use thingdeck::base::problem::Exit;
use thingdeck::cli::verb::Existing;
use thingdeck::domain::line::{Line, decode};
use thingdeck::domain::message::AckToken;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::session::{Gap, SessionCommand, SessionEvent};
use thingdeck::headless::console::Heard;

use super::stage::{Deed, Stage, connected, message};

fn ack(number: u64) -> Deed {
    Deed::Command(SessionCommand::Ack(AckToken(number)))
}

fn place(stage: &Stage, wanted: impl Fn(&Deed) -> bool) -> usize {
    let found = stage.deeds.iter().position(wanted);
    found.unwrap_or_else(|| panic!("not among {:#?}", stage.deeds))
}

#[test]
fn messages_are_acknowledged_after_their_lines_are_with_the_system() {
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Push, "1"),
        message(2, Kind::Event, "2"),
        message(3, Kind::Push, "3"),
    ]);
    let line = ["record", "a.jsonl", "--for", "10s", "--where", "kind:push"];
    assert_eq!(stage.run(&line), Exit::Done);
    assert_eq!(stage.printed(), [""; 0], "the lines go into the file");
    let [batch] = stage.recorded()[..] else {
        panic!("what is at hand goes together: {:?}", stage.recorded());
    };
    let payloads: Vec<_> = batch
        .lines()
        .map(|line| match decode(line) {
            Ok(Line::Message(message)) => message.payload,
            other => panic!("{line}: {other:?}"),
        })
        .collect();
    assert_eq!(payloads, ["1", "3"]);
    let written = place(&stage, |deed| matches!(deed, Deed::Record(_)));
    let acks = [ack(1), ack(2), ack(3)];
    assert_eq!(stage.deeds[written + 1..written + 4], acks);
    assert!(
        stage.talk().contains("recorded 2 messages in a.jsonl"),
        "{}",
        stage.talk()
    );
}

#[test]
fn a_full_disk_ends_it_and_what_is_not_written_is_not_acknowledged() {
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Push, "1"),
        message(2, Kind::Push, "2"),
    ]);
    stage.disk = 0;
    assert_eq!(
        stage.run(&["record", "a.jsonl", "--count", "2"]),
        Exit::Failed
    );
    assert!(
        !stage
            .deeds
            .iter()
            .any(|deed| *deed == ack(1) || *deed == ack(2))
    );
    let talk = stage.talk();
    assert!(
        talk.contains("the disk is full") && !talk.contains("recorded"),
        "{talk}"
    );
}

#[test]
fn an_interrupt_finishes_what_there_is_and_else_leaves_no_file() {
    let mut some =
        Stage::home().streaming([connected(), message(1, Kind::Push, "1"), Heard::Interrupt]);
    assert_eq!(some.run(&["record", "a.jsonl.zst"]), Exit::Done);
    assert_eq!(some.recorded().len(), 1);
    assert!(some.deeds.contains(&ack(1)));
    assert!(some.deeds.contains(&Deed::CloseRecording { keep: true }));
    let mut none = Stage::home().streaming([connected(), Heard::Interrupt]);
    assert_eq!(none.run(&["record", "a.jsonl"]), Exit::Interrupted);
    assert!(none.deeds.contains(&Deed::CloseRecording { keep: false }));
}

#[test]
fn a_file_that_is_there_is_refused_before_anything_is_connected() {
    let mut stage = Stage::home().streaming([connected()]);
    assert_eq!(stage.run(&["record", "there"]), Exit::Usage);
    assert!(!stage.deeds.iter().any(|deed| matches!(deed, Deed::Open(_))));
    for (option, existing) in [
        ("--append", Existing::Append),
        ("--force", Existing::Replace),
    ] {
        let mut stage = Stage::home().streaming([connected()]);
        assert_eq!(
            stage.run(&["record", "there", option, "--for", "1s"]),
            Exit::Done
        );
        let opened = Deed::OpenRecording("there".to_owned(), existing);
        assert!(stage.deeds.contains(&opened), "{:?}", stage.deeds);
    }
}

#[test]
fn what_was_dropped_is_a_line_in_its_place() {
    let gap = Gap {
        messages: 12,
        bytes: 340,
    };
    let mut stage = Stage::home().streaming([
        connected(),
        message(1, Kind::Push, "1"),
        Heard::Session(SessionEvent::Gap(gap)),
        message(2, Kind::Push, "2"),
    ]);
    assert_eq!(
        stage.run(&["record", "a.jsonl", "--count", "2"]),
        Exit::Done
    );
    let lines: Vec<Line> = stage
        .recorded()
        .concat()
        .lines()
        .map(|line| decode(line).expect("a line"))
        .collect();
    assert!(
        matches!(&lines[1], Line::Gap(line) if line.gap == gap),
        "{lines:?}"
    );
    assert!(stage.talk().contains("with a gap"), "{}", stage.talk());
}

#[test]
fn a_dash_is_stdout() {
    let mut stage = Stage::home().streaming([connected(), message(1, Kind::Push, "1")]);
    assert_eq!(stage.run(&["record", "-", "--count", "1"]), Exit::Done);
    assert_eq!(stage.printed().len(), 1);
    assert_eq!(stage.recorded(), [""; 0]);
}
