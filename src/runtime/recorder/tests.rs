use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::domain::line::{Line, decode};
use crate::domain::message::{Direction, Message, Qos};
use crate::domain::reading::Kind;
use crate::domain::topic::Topic;

const ID: RecordingId = RecordingId(1);

fn message(payload: &[u8]) -> Box<Recorded> {
    Box::new(Recorded::Message {
        message: Message {
            at: Timestamp::from_seconds(1),
            direction: Direction::In,
            topic: Topic::received("a/b"),
            payload: Bytes::copy_from_slice(payload),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        },
        kind: Kind::Message,
        device: None,
        device_name: None,
        mask: vec!["privateKey"],
    })
}

fn start(folder: &Path) -> (Recorder, Inbox) {
    let inbox = Inbox::new(1 << 20);
    let opening = Opening {
        id: ID,
        folder: folder.to_owned(),
        profile: "lab".to_owned(),
        platform: PlatformId::Mqtt,
        at: Timestamp::from_seconds(1_763_671_282),
    };
    (Recorder::start(opening, &inbox), inbox)
}

/// Waits for the end, and answers it with the lines of the file.
async fn end(recorder: Recorder, inbox: &Inbox) -> (Amount, Result<(), Problem>, Vec<Line>) {
    recorder.close().await;
    let mut path = String::new();
    loop {
        match inbox.pop() {
            Some(Event::Recording(ID, RecordingEvent::Began { path: at })) => path = at,
            Some(Event::Recording(ID, RecordingEvent::Written(_))) => {}
            Some(Event::Recording(ID, RecordingEvent::Ended(amount, result))) => {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                let lines = text.lines().map(|line| decode(line).expect("a line"));
                return (amount, result, lines.collect());
            }
            other => panic!("{other:?}"),
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test]
async fn what_came_before_the_stop_is_in_the_file_and_secrets_are_not() {
    let folder = folder();
    let (recorder, inbox) = start(&folder.path().join("deep/lab"));
    for number in 0..1000 {
        recorder.take(message(
            format!("{{\"n\":{number},\"privateKey\":\"KEY\"}}").as_bytes(),
        ));
    }
    recorder.stop();
    recorder.take(message(b"too late"));
    let (amount, result, lines) = end(recorder, &inbox).await;
    assert_eq!(result, Ok(()));
    assert_eq!((amount.messages, amount.lost), (1000, 0));
    assert_eq!(lines.len(), 1000);
    for (number, line) in lines.iter().enumerate() {
        let Line::Message(line) = line else {
            panic!("{line:?}");
        };
        let text = String::from_utf8_lossy(&line.payload);
        assert!(text.starts_with(&format!("{{\"n\":{number},")), "{text}");
        assert!(!text.contains("KEY"), "{text}");
    }
}

#[tokio::test]
async fn two_recordings_within_a_second_are_two_files() {
    let folder = folder();
    for _ in 0..2 {
        let (recorder, inbox) = start(folder.path());
        recorder.take(message(b"1"));
        assert_eq!(end(recorder, &inbox).await.1, Ok(()));
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["2025-11-20T20-41-22Z-2.jsonl", "2025-11-20T20-41-22Z.jsonl"]
    );
}

#[test]
fn what_there_is_no_room_for_is_one_gap_in_its_place() {
    let shared = Arc::new(Shared::default());
    let recorder = Recorder {
        id: ID,
        shared: Arc::clone(&shared),
        ended: None,
    };
    let large = vec![0; ROOM / 4 - EACH - 3];
    for _ in 0..7 {
        recorder.take(message(&large));
    }
    let mut amount = Amount::default();
    let first = next(&shared, &mut amount).expect("four and a mark");
    assert_eq!((first.len(), amount.lost), (5, 3));
    let Some(Entry::Lost(gap, _)) = first.back() else {
        panic!("no mark at the end");
    };
    assert_eq!((gap.messages, gap.bytes), (3, 3 * large.len() as u64));
    // There is room again.
    recorder.take(message(b"x"));
    recorder.stop();
    assert_eq!(next(&shared, &mut amount).expect("one").len(), 1);
    assert!(next(&shared, &mut amount).is_none());
    assert_eq!(amount.lost, 3);
}

#[tokio::test]
async fn a_place_where_nothing_can_be_written_is_told() {
    let folder = folder();
    let file = folder.path().join("in the way");
    files::replace(&file, b"", files::Access::Private).expect("written");
    let (recorder, inbox) = start(&file);
    recorder.take(message(b"1"));
    let (amount, result, _) = end(recorder, &inbox).await;
    assert_eq!(amount, Amount::default());
    assert!(result.is_err());
}
