use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::base::moment::Timestamp;
use crate::domain::line::{Origin, encode_gap};
use crate::domain::message::{Direction, Message, Properties, Qos};
use crate::domain::profile::PlatformId;
use crate::domain::reading::Reading;
use crate::domain::session::Gap;
use crate::domain::topic::Topic;

/// Two names: a plain recording and a compressed one.
const NAMES: [&str; 2] = ["a.jsonl", "a.jsonl.zst"];

fn line(number: u64) -> String {
    let origin = Origin {
        profile: "p",
        platform: PlatformId::Mqtt,
    };
    let gap = Gap {
        messages: number,
        bytes: 0,
    };
    format!("{}\n", encode_gap(gap, Timestamp(0), origin))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn pieces(path: &Path) -> Vec<Piece> {
    let file = File::open(path).expect("there");
    let mut lines = Lines::new(Box::new(file)).expect("readable");
    let mut all = Vec::new();
    loop {
        match lines.piece() {
            Piece::End => return all,
            piece => all.push(piece),
        }
    }
}

/// The numbers of its lines, and whether it ends well.
fn numbers(path: &Path) -> (Vec<u64>, bool) {
    let all = pieces(path);
    let well = !matches!(all.last(), Some(Piece::Rest(_) | Piece::Torn(_)));
    let numbers = all.iter().filter_map(|piece| match piece {
        Piece::Line(text) => match line::decode(text) {
            Ok(line::Line::Gap(gap)) => Some(gap.gap.messages),
            other => panic!("{other:?}"),
        },
        _ => None,
    });
    (numbers.collect(), well)
}

fn record(path: &Path, existing: Existing, lines: std::ops::Range<u64>) -> Option<String> {
    let (mut recording, mended) = Recording::open(path, existing).expect("it opens");
    for number in lines {
        recording.write(line(number).as_bytes()).expect("written");
    }
    recording.close(true).expect("finished");
    mended
}

#[test]
fn what_is_recorded_is_read_back_and_only_its_owner_can() {
    let folder = folder();
    for name in NAMES {
        let path = folder.path().join(name);
        record(&path, Existing::Refuse, 0..50);
        assert_eq!(numbers(&path), ((0..50).collect(), true), "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_empty_file_that_was_there_is_for_its_owner_only_once_something_is_in_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let path = folder.path().join("a.jsonl");
    File::create(&path).expect("made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
    record(&path, Existing::Refuse, 0..2);
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(numbers(&path), (vec![0, 1], true));
}

#[test]
fn a_recording_that_is_there_is_not_overwritten_unasked() {
    let folder = folder();
    for name in NAMES {
        let path = folder.path().join(name);
        record(&path, Existing::Refuse, 0..2);
        let Err(problem) = Recording::open(&path, Existing::Refuse) else {
            panic!("it was opened");
        };
        assert_eq!(problem.exit, Exit::Usage);
        assert!(problem.remedy.contains("--append"), "{problem}");
        assert_eq!(record(&path, Existing::Append, 2..5), None);
        assert_eq!(numbers(&path), ((0..5).collect(), true), "{name}");
        record(&path, Existing::Replace, 7..8);
        assert_eq!(numbers(&path), (vec![7], true), "{name}");
    }
}

#[test]
fn replacing_waits_for_the_first_line() {
    let folder = folder();
    for name in NAMES {
        let path = folder.path().join(name);
        record(&path, Existing::Refuse, 0..3);
        let (recording, _) = Recording::open(&path, Existing::Replace).expect("it opens");
        recording.close(false).expect("nothing to do");
        assert_eq!(numbers(&path), (vec![0, 1, 2], true), "{name}");
        let new = folder.path().join(format!("new-{name}"));
        let (recording, _) = Recording::open(&new, Existing::Refuse).expect("it opens");
        recording.close(false).expect("nothing to do");
        assert!(!new.exists(), "{name}");
    }
}

#[test]
fn whatever_a_crash_cut_off_the_whole_lines_are_there_and_can_be_gone_on_with() {
    let folder = folder();
    for name in NAMES {
        let path = folder.path().join(name);
        let (mut recording, _) = Recording::open(&path, Existing::Refuse).expect("it opens");
        let mut ends = vec![0];
        for number in 0..5 {
            recording.write(line(number).as_bytes()).expect("written");
            ends.push(recording.length());
        }
        // A process that was killed: nothing is finished.
        std::mem::forget(recording);
        let content = fs::read(&path).expect("there");
        for cut in 0..=content.len() {
            let torn = folder.path().join(format!("torn-{name}"));
            files::replace(&torn, &content[..cut], files::Access::Private).expect("written");
            let whole = ends.iter().filter(|end| **end <= cut as u64).count() as u64 - 1;
            let (found, _) = numbers(&torn);
            let expected: Vec<u64> = (0..whole).collect();
            assert!(
                found.starts_with(&expected),
                "{name} cut at {cut}: {found:?}"
            );
            let kept = found.len() as u64;
            record(&torn, Existing::Append, 100..102);
            let mut after: Vec<u64> = numbers(&torn).0;
            let tail = after.split_off(after.len() - 2);
            assert_eq!(tail, [100, 101], "{name} cut at {cut}");
            assert!(
                after == found || after.len() as u64 == kept + 1,
                "{name} cut at {cut}: {after:?} of {found:?}"
            );
            assert!(numbers(&torn).1, "{name} cut at {cut}");
            fs::remove_file(&torn).expect("there");
        }
    }
}

#[test]
fn a_compressed_recording_that_a_disk_garbled_is_not_shortened_to_go_on_with_it() {
    let folder = folder();
    let path = folder.path().join("a.jsonl.zst");
    record(&path, Existing::Refuse, 0..200);
    let mut content = fs::read(&path).expect("there");
    let middle = content.len() / 2;
    content[middle..middle + 8].fill(0xff);
    files::replace(&path, &content, files::Access::Private).expect("written");
    assert!(matches!(pieces(&path).last(), Some(Piece::Damaged(_))));
    let Err(problem) = Recording::open(&path, Existing::Append) else {
        panic!("it was opened");
    };
    assert!(problem.what.contains("is damaged"), "{problem}");
    assert_eq!(fs::read(&path).expect("there"), content);
}

/// failure-modes.md F13, F16: whatever a message holds, and however its lines are cut into writes.
#[test]
fn messages_of_any_bytes_are_the_same_when_they_are_read_back() {
    let folder = folder();
    let mut rng = fastrand::Rng::with_seed(13);
    let texts = |rng: &mut fastrand::Rng| -> String {
        let length = rng.usize(0..12);
        std::iter::repeat_with(|| rng.char(..))
            .take(length)
            .collect()
    };
    for name in NAMES {
        let path = folder.path().join(name);
        let (mut recording, _) = Recording::open(&path, Existing::Refuse).expect("it opens");
        let mut messages = Vec::new();
        let mut lines = String::new();
        for n in 0..1000 {
            let length = rng.usize(0..=8192) >> rng.u32(0..8);
            let payload: Vec<u8> = if n % 2 == 0 {
                std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
            } else {
                texts(&mut rng).repeat(length / 12).into_bytes()
            };
            let message = Message {
                at: Timestamp(rng.i64(0..4_000_000_000_000_000)),
                direction: [Direction::In, Direction::Out][rng.usize(..2)],
                topic: Topic::received(&texts(&mut rng)),
                payload: payload.into(),
                qos: Qos::from_number(rng.u8(..3)).expect("a QoS"),
                retain: rng.bool(),
                dup: rng.bool(),
                ack: None,
                properties: rng.bool().then(|| {
                    Box::new(Properties {
                        utf8: Some(rng.bool()),
                        correlation_data: Some(vec![rng.u8(..); 9].into()),
                        user: vec![(texts(&mut rng), texts(&mut rng)); 2],
                        ..Properties::default()
                    })
                }),
                session: rng.bool(),
            };
            let origin = Origin {
                profile: "p",
                platform: PlatformId::Mqtt,
            };
            lines.push_str(&line::encode(&message, &Reading::default(), origin, None));
            lines.push('\n');
            messages.push(message);
            if rng.u8(..4) == 0 {
                recording.write(lines.as_bytes()).expect("written");
                lines.clear();
            }
        }
        recording.write(lines.as_bytes()).expect("written");
        recording.close(true).expect("finished");
        let found = pieces(&path);
        assert_eq!(found.len(), messages.len(), "{name}");
        for (piece, message) in found.iter().zip(messages) {
            let Piece::Line(text) = piece else {
                panic!("{piece:?}");
            };
            let Ok(line::Line::Message(line)) = line::decode(text) else {
                panic!("{text}");
            };
            let line = *line;
            let back = Message {
                at: line.at,
                direction: line.direction,
                topic: line.topic,
                payload: line.payload,
                qos: line.qos,
                retain: line.retain,
                dup: line.dup,
                ack: None,
                properties: line.properties,
                session: line.session,
            };
            assert_eq!(back, message, "{name}");
        }
    }
}

#[test]
fn another_file_is_not_gone_on_with() {
    let folder = folder();
    for (name, content) in [
        ("notes.txt", "dear diary\n"),
        ("config.toml", "a = 1"),
        ("x.zst", "no zstd\n"),
    ] {
        let path = folder.path().join(name);
        files::replace(&path, content.as_bytes(), files::Access::Private).expect("written");
        assert!(Recording::open(&path, Existing::Append).is_err(), "{name}");
        assert_eq!(fs::read_to_string(&path).expect("there"), content, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_ends_it() {
    let (mut recording, _) =
        Recording::open(Path::new("/dev/full"), Existing::Refuse).expect("it opens");
    let problem = recording
        .write(line(1).as_bytes())
        .expect_err("there is no room");
    assert!(problem.remedy.contains("make room"), "{problem}");
    assert!(recording.write(line(2).as_bytes()).is_err());
}

#[test]
fn lines_that_are_no_text_or_too_long_are_bad_and_the_rest_is_read() {
    let content: &[u8] = b"one\n\xff\xfe\nlonger than ten\ntwo\nrest";
    let mut lines = Lines::limited(Box::new(content), 10).expect("readable");
    assert_eq!(lines.piece(), Piece::Line("one".to_owned()));
    assert!(matches!(lines.piece(), Piece::Bad(why) if why.contains("no text")));
    assert!(matches!(lines.piece(), Piece::Bad(why) if why.contains("longer")));
    assert_eq!(lines.piece(), Piece::Line("two".to_owned()));
    assert_eq!(lines.piece(), Piece::Rest("rest".to_owned()));
    assert_eq!(lines.piece(), Piece::End);
}

#[cfg(unix)]
#[test]
fn two_recordings_never_share_a_file() {
    let folder = folder();
    for name in NAMES {
        let path = folder.path().join(name);
        let (mut first, _) = Recording::open(&path, Existing::Refuse).expect("it opens");
        first.write(line(0).as_bytes()).expect("written");
        // Half a line is there, as the other one is writing it.
        if name.ends_with("jsonl") {
            first.write(b"{\"v\":1,").expect("written");
        }
        let before = fs::read(&path).expect("there");
        for existing in [Existing::Append, Existing::Replace] {
            let Err(problem) = Recording::open(&path, existing) else {
                panic!("{name}: two write to it");
            };
            assert!(problem.what.contains("is in use"), "{problem}");
            assert_eq!(problem.exit, Exit::Usage);
        }
        assert_eq!(fs::read(&path).expect("there"), before, "{name}: untouched");
        first.close(true).expect("finished");
        record(&path, Existing::Append, 1..3);
        assert_eq!(numbers(&path), (vec![0, 1, 2], true), "{name}");
    }
}
