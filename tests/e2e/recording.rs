//! `record`, `replay` and the dashboard's `R`, with real files, pipes and signals.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use thingdeck::domain::line::{Line, MessageLine, decode};
use thingdeck::domain::profile::PlatformId;

use crate::support::home::{Ended, Home, until};
use crate::support::mosquitto::Mosquitto;
use crate::support::screen::Screen;
use crate::support::signal;

fn plant() -> Home {
    Home::with(|options| options.platform = PlatformId::Mqtt)
}

/// The binary on the plant's broker, over MQTT 5.
fn on(home: &Home, arguments: &[&str]) -> Command {
    let url = home.ready().plain_url.clone().expect("an open door");
    home.command(&[&["--url", &url, "--mqtt-version", "5"], arguments].concat())
}

/// Begun, and heard of its subscription.
fn recording(home: &Home, arguments: &[&str]) -> Child {
    let mut child = on(home, arguments).spawn().expect("the binary runs");
    let mut talk = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("subscribed to") {
        line.clear();
        let read = talk.read_line(&mut line).expect("text");
        assert!(read > 0, "it ended before it subscribed");
    }
    child.stderr = Some(talk.into_inner());
    child
}

fn interrupt(child: &Child, signal: &str) {
    signal::send(i32::try_from(child.id()).expect("fits"), signal);
}

fn content(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    if path.extension().is_some_and(|e| e == "zst") {
        String::from_utf8(zstd::decode_all(&bytes[..]).expect("a whole frame")).expect("text")
    } else {
        String::from_utf8(bytes).expect("text")
    }
}

/// In a recording that is being made.
fn lines_so_far(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap_or_default();
    let mut text = Vec::new();
    if path.extension().is_some_and(|e| e == "zst") {
        let mut decoder = zstd::Decoder::new(&bytes[..]).expect("zstd");
        let _unfinished = std::io::copy(&mut decoder, &mut text);
    } else {
        text = bytes;
    }
    text.split(|byte| *byte == b'\n').count() - 1
}

fn messages(text: &str) -> Vec<MessageLine> {
    text.lines()
        .filter_map(|line| match decode(line) {
            Ok(Line::Message(message)) => Some(*message),
            Ok(Line::Gap(_)) => None,
            Err(error) => panic!("{error}: {line}"),
        })
        .collect()
}

#[test]
fn a_signal_finishes_the_file_and_the_next_run_does_not_overwrite_it() {
    let home = plant();
    for (name, signal) in [("r.jsonl", "INT"), ("r.jsonl.zst", "TERM")] {
        let path = home.path(name);
        let file = path.display().to_string();
        let child = recording(&home, &["record", &file, "rec/#"]);
        for n in 0..10 {
            home.control.publish_to("rec/a", format!("{{\"n\":{n}}}"));
        }
        // All of them are there before anything is finished: that is what their acknowledgement says.
        until("ten lines are with the system", || {
            lines_so_far(&path) == 10
        });
        interrupt(&child, signal);
        let ended = Ended::from(child.wait_with_output().expect("it ends")).expect(0);
        assert!(ended.err.contains("recorded 10 messages"), "{}", ended.err);
        assert_eq!(messages(&content(&path)).len(), 10);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let ended = Ended::from(
            on(&home, &["record", &file, "rec/#"])
                .output()
                .expect("runs"),
        );
        let ended = ended.expect(2);
        assert!(ended.err.contains("--append"), "{}", ended.err);
        let arguments = ["record", &file, "rec/#", "--append", "--count", "1"];
        let child = recording(&home, &arguments);
        home.control.publish_to("rec/b", "more");
        Ended::from(child.wait_with_output().expect("it ends")).expect(0);
        assert_eq!(messages(&content(&path)).len(), 11);
    }
}

#[test]
fn a_signal_before_anything_came_is_an_interruption_and_leaves_no_file() {
    let home = plant();
    let file = home.path("none.jsonl").display().to_string();
    let child = recording(&home, &["record", &file, "rec/#"]);
    interrupt(&child, "INT");
    Ended::from(child.wait_with_output().expect("it ends")).expect(130);
    assert!(!Path::new(&file).exists());
}

#[test]
fn a_kill_in_the_middle_leaves_what_replay_can_use_and_append_goes_on_with() {
    let home = plant();
    for name in ["k.jsonl", "k.jsonl.zst"] {
        let path = home.path(name);
        let file = path.display().to_string();
        let child = recording(&home, &["record", &file, "rec/#"]);
        // Twice, so that something whole stands before what is cut.
        let mut least = 200;
        for part in [0..10, 10..20] {
            for n in part {
                home.control
                    .publish_to(&format!("rec/{n}"), vec![b'x'; 300]);
            }
            until("something is written", || {
                fs::metadata(&path).is_ok_and(|there| there.len() > least)
            });
            least = fs::metadata(&path).expect("there").len();
        }
        // The last one will be cut off.
        until("two lines are written", || lines_so_far(&path) >= 2);
        interrupt(&child, "KILL");
        child.wait_with_output().expect("it ends");
        // As if the machine had gone down in the middle of a write.
        let whole = fs::read(&path).expect("there");
        fs::write(&path, &whole[..whole.len() - 5]).expect("writable");
        let dry = ["replay", &file, "--dry-run"];
        let ended = Ended::from(on(&home, &dry).output().expect("it runs")).expect(0);
        assert!(ended.err.contains("cut off"), "{}", ended.err);
        let before = messages(&ended.out).len();
        assert!(before < 20);
        let child = recording(
            &home,
            &["record", &file, "rec/#", "--append", "--count", "1"],
        );
        home.control.publish_to("rec/after", "more");
        let ended = Ended::from(child.wait_with_output().expect("it ends")).expect(0);
        drop(ended);
        let ended = Ended::from(on(&home, &dry).output().expect("it runs")).expect(0);
        assert_eq!(messages(&ended.out).len(), before + 1, "{}", ended.err);
        assert!(!ended.err.contains("cut off"), "{}", ended.err);
    }
}

#[test]
fn a_full_disk_ends_it_with_whole_lines_and_the_reason() {
    let home = plant();
    let path = home.path("full.jsonl");
    let file = path.display().to_string();
    let url = home.ready().plain_url.clone().expect("an open door");
    // A limit on the size of files is as near to a full disk as a test without privileges gets: 4 KiB of room.
    let program = crate::support::home::BINARY;
    let line =
        format!("trap '' XFSZ; ulimit -f 8; exec {program} --url {url} record {file} 'rec/#'");
    let mut command = Command::new("sh");
    command
        .env_clear()
        .envs(home.environment())
        .args(["-c", &line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut talk = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("subscribed to") {
        assert!(talk.read_line(&mut said).expect("text") > 0, "{said}");
    }
    for n in 0..200 {
        home.control
            .publish_to(&format!("rec/{n}"), vec![b'x'; 300]);
    }
    std::io::Read::read_to_string(&mut talk, &mut said).expect("text");
    let ended = Ended::from(child.wait_with_output().expect("it ends")).expect(1);
    drop(ended);
    assert!(said.contains("what was recorded before is whole"), "{said}");
    let text = content(&path);
    assert!(text.ends_with('\n') || text.is_empty());
    assert!(messages(&text).len() < 200);
}

#[test]
fn what_is_replayed_has_its_properties_and_distances() {
    let home = plant();
    let line = |ms: u32, topic: &str, more: &str| {
        format!(
            "{{\"v\":1,\"ts\":\"2026-11-20T20:41:22.{ms:03}000Z\",\"profile\":\"p\",\"platform\":\"mqtt\",\"dir\":\"in\",\"topic\":\"{topic}\",\"qos\":2,\"retain\":false,\"dup\":false,\"kind\":\"message\"{more},\"payload\":1}}\n"
        )
    };
    let more = ",\"properties\":{\"content_type\":\"a/b\",\"response_topic\":\"r\",\"correlation_base64\":\"/w==\",\"user\":[[\"k\",\"1\"],[\"k\",\"2\"]]}";
    let text = [
        line(0, "a", more),
        line(600, "b", ""),
        line(600, "$SYS/x", ""),
    ]
    .concat();
    let path = home.path("in.jsonl");
    fs::write(&path, &text).expect("writable");
    let file = path.display().to_string();
    let child = recording(
        &home,
        &["record", "-", "again/#", "--qos", "2", "--count", "2"],
    );
    let replay = [
        "replay",
        &file,
        "--prefix",
        "again/",
        "--where",
        "-topic:$SYS/#",
    ];
    Ended::from(on(&home, &replay).output().expect("it runs")).expect(0);
    let ended = Ended::from(child.wait_with_output().expect("it ends")).expect(0);
    let heard = messages(&ended.out);
    let topics: Vec<&str> = heard.iter().map(|m| m.topic.as_str()).collect();
    assert_eq!(topics, ["again/a", "again/b"]);
    assert!(heard.iter().all(|message| message.qos.number() == 2));
    let properties = heard[0].properties.as_deref().expect("properties");
    assert_eq!(properties.content_type.as_deref(), Some("a/b"));
    assert_eq!(properties.correlation_data.as_deref(), Some(&[0xff][..]));
    assert_eq!(properties.user.len(), 2);
    // They cannot have come closer together than they were sent.
    let distance = heard[0].at.until(heard[1].at);
    assert!(distance.as_millis() >= 300, "{distance:?}");

    // From a pipe, and the broker's own topics left out.
    let mut command = on(&home, &["replay", "-", "--speed", "max"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).expect("taken");
    drop(input);
    let ended = Ended::from(child.wait_with_output().expect("it ends")).expect(0);
    assert!(ended.err.contains("2 messages published"), "{}", ended.err);
    assert!(
        ended.err.contains("left out: 1 message on topics"),
        "{}",
        ended.err
    );
}

#[test]
fn a_stream_that_is_piped_in_is_replayed_as_it_comes() {
    let home = plant();
    let mut tail = on(&home, &["tail", "copy/#"]).spawn().expect("it runs");
    let mut talk = BufReader::new(tail.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("subscribed to") {
        assert!(talk.read_line(&mut said).expect("text") > 0, "{said}");
    }
    let mut replay = on(
        &home,
        &["replay", "-", "--prefix", "copy/", "--speed", "max"],
    );
    let mut replay = replay.stdin(Stdio::piped()).spawn().expect("it runs");
    let mut input = replay.stdin.take().expect("piped");
    let mut heard = BufReader::new(tail.stdout.take().expect("piped"));
    for n in 0..3 {
        let line = format!(
            "{{\"v\":1,\"ts\":\"2026-11-20T20:41:2{n}Z\",\"profile\":\"p\",\"platform\":\"mqtt\",\"dir\":\"in\",\"topic\":\"{n}\",\"qos\":1,\"retain\":false,\"dup\":false,\"kind\":\"message\",\"payload\":{n}}}\n"
        );
        input.write_all(line.as_bytes()).expect("taken");
        // It is there before the next one is said.
        let mut came = String::new();
        heard.read_line(&mut came).expect("a line");
        assert_eq!(messages(&came)[0].topic.as_str(), format!("copy/{n}"));
    }
    drop(input);
    Ended::from(replay.wait_with_output().expect("it ends")).expect(0);
    interrupt(&tail, "INT");
    assert_eq!(tail.wait().expect("it ends").code(), Some(0));
}

/// The file that the dashboard records in.
fn the_recording(state: &Path) -> PathBuf {
    let mut found = Vec::new();
    for folder in fs::read_dir(state.join("recordings")).expect("a folder") {
        let folder = folder.expect("an entry").path();
        found.extend(
            fs::read_dir(folder)
                .expect("a folder")
                .map(|e| e.expect("an entry").path()),
        );
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn the_dashboard_records_what_comes_and_finishes_the_file_when_it_ends() {
    let home = plant();
    let url = home.ready().plain_url.clone().expect("an open door");
    for by_key in [true, false] {
        let _none_yet = fs::remove_dir_all(home.path("state/recordings"));
        let mut screen = Screen::start(&home, 120, 36, &["--url", &url, "--topic", "rec/#"]);
        screen.shows("● connected").shows("● QoS 1");
        screen.press("R").shows("recording everything that comes");
        for n in 0..100 {
            home.control.publish_to("rec/a", format!("{{\"n\":{n}}}"));
        }
        screen.shows("recording 100,");
        if by_key {
            screen.press("R").shows("recorded 100 messages in");
            screen.no_longer_shows("recording 100,");
            home.control.publish_to("rec/late", "no");
            screen.shows("received 101");
        }
        screen.leaves();
        let path = the_recording(&home.path("state"));
        let lines = messages(&content(&path));
        assert_eq!(lines.len(), 100);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let file = path.display().to_string();
        let dry = ["replay", &file, "--dry-run"];
        Ended::from(on(&home, &dry).output().expect("it runs")).expect(0);
    }
}

#[test]
fn a_killed_dashboard_has_recorded_all_but_the_last_moment() {
    let Some(broker) = Mosquitto::open() else {
        return;
    };
    let url = broker.url();
    let mut screen = broker.dashboard((120, 36), &["--url", &url, "--topic", "rec/#"], &[]);
    screen.shows("● connected").shows("● QoS 1");
    screen.press("R").shows("recording everything that comes");
    broker
        .look(&["publish", "rec/a", "x", "--repeat", "50"])
        .expect(0);
    screen.shows("recording 50,");
    screen.signal("KILL");
    screen.ends();
    let path = the_recording(&broker.path("state"));
    assert_eq!(messages(&content(&path)).len(), 50);
}
