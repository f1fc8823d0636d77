//! Payloads stay what they are: recorded and published again byte for byte, through the binary and real brokers
//! (failure-modes.md F13, F16).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastrand::Rng;
use serde::Deserialize;
use serde_json::value::RawValue;
use thingdeck::base::moment::Timestamp;
use thingdeck::domain::line::{Origin, encode};
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::reading::Reading;
use thingdeck::domain::topic::Topic;

use crate::support::home::{Ended, Home, until};
use crate::support::mosquitto::Mosquitto;

const COUNT: usize = 10_000;

/// What a parser or an encoder is most likely to get wrong.
const ODD: &[&[u8]] = &[
    b"",
    b"null",
    b" null",
    b"null\n",
    b"\xef\xbb\xbf{}",
    b"{\"a\":1,\"a\":2,\"\":{}}",
    b"[1.0,1e400,-0,18446744073709551616,0.1000000000000000055511151231257827]",
    b"{\"b\":1,\"a\":\"\\u0041\\/\\ud83d\\ude00\"}",
    b"{\"a\":\r\n\t 1}",
    b"\"\\ud800\"",
    b"{}\0",
    b"{} {}",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\x1b]52;c;eA==\x07",
    b"\xe2\x80\xae\xe2\x81\xa6",
    b"\xc2\x85\xe2\x80\xa8",
    b"\xff",
    b"true ",
    b"\"quoted \\\" \xea\xb1\xb0\xec\x8b\xa4\"",
];

/// Valid JSON that no printer would print.
fn json(rng: &mut Rng, depth: u32, text: &mut String) {
    const BLANKS: [&str; 6] = ["", "", " ", "\n", "\t\r\n", "  "];
    let blank = |rng: &mut Rng, text: &mut String| {
        let n = rng.usize(..BLANKS.len());
        text.push_str(BLANKS[n]);
    };
    let string = |rng: &mut Rng, text: &mut String| {
        text.push('"');
        for _ in 0..rng.usize(..8) {
            match rng.u8(..6) {
                0 => text.push_str("\\u00e9"),
                1 => text.push_str("\\\\"),
                2 => text.push('\u{202e}'),
                3 => text.push('한'),
                _ => text.push(rng.alphanumeric()),
            }
        }
        text.push('"');
    };
    match if depth == 0 { rng.u8(..4) } else { rng.u8(..7) } {
        0 => write!(text, "{}{}", rng.i64(..), rng.u64(..)).expect("text"),
        1 => write!(text, "-{}.{}E+{}", rng.u8(1..), rng.u64(..), rng.u16(..)).expect("text"),
        2 => text.push_str(["true", "false", "null"][rng.usize(..3)]),
        3 => string(rng, text),
        kind => {
            let is_list = kind == 4;
            text.push(if is_list { '[' } else { '{' });
            for n in 0..rng.usize(..6) {
                if n > 0 {
                    text.push(',');
                }
                blank(rng, text);
                if !is_list {
                    string(rng, text);
                    blank(rng, text);
                    text.push(':');
                    blank(rng, text);
                }
                json(rng, depth - 1, text);
                blank(rng, text);
            }
            text.push(if is_list { ']' } else { '}' });
        }
    }
}

fn payloads() -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(13);
    (0..COUNT)
        .map(|n| {
            // Up to 8 KiB, most of them short.
            let length = rng.usize(0..=8192) >> rng.u32(0..8);
            match n % 5 {
                0 | 1 => std::iter::repeat_with(|| rng.u8(..)).take(length).collect(),
                2 => {
                    let text = std::iter::repeat_with(|| rng.char(..)).take(length / 3);
                    text.collect::<String>().into_bytes()
                }
                3 => {
                    let mut text = String::new();
                    json(&mut rng, 4, &mut text);
                    text.into_bytes()
                }
                _ if n / 5 < ODD.len() => ODD[n / 5].to_vec(),
                _ => std::iter::repeat_with(|| rng.alphanumeric())
                    .take(length)
                    .collect::<String>()
                    .into_bytes(),
            }
        })
        .collect()
}

fn topic(n: usize) -> String {
    format!("f/{n}")
}

/// A recording of these, one topic each.
fn write_recording(path: &Path, payloads: &[Vec<u8>]) {
    let origin = Origin {
        profile: "lab",
        platform: PlatformId::Mqtt,
    };
    let mut text = String::new();
    for (n, payload) in payloads.iter().enumerate() {
        let message = Message {
            at: Timestamp::from_seconds(1),
            direction: Direction::In,
            topic: Topic::received(&topic(n)),
            payload: Bytes::copy_from_slice(payload),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        text.push_str(&encode(&message, &Reading::default(), origin, None));
        text.push('\n');
    }
    std::fs::write(path, text).expect("writable");
}

/// A line as interface.md, section 4, says that it is read; not as the program reads it.
#[derive(Deserialize)]
struct Line<'a> {
    topic: String,
    base64: Option<String>,
    text: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

fn read_recording(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut content = Vec::new();
    let file = std::fs::File::open(path).expect("there");
    if path.extension().is_some_and(|e| e == "zst") {
        zstd::Decoder::new(file)
            .expect("zstd")
            .read_to_end(&mut content)
            .expect("whole");
    } else {
        BufReader::new(file)
            .read_to_end(&mut content)
            .expect("read");
    }
    let text = String::from_utf8(content).expect("text");
    text.lines()
        .map(|text| {
            let line: Line<'_> =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let payload = match (&line.base64, &line.text, line.payload) {
                (Some(base64), _, _) => STANDARD.decode(base64).expect("Base64"),
                (None, Some(text), _) => text.clone().into_bytes(),
                (None, None, Some(raw)) => raw.get().as_bytes().to_vec(),
                // serde takes null for nothing.
                (None, None, None) if text.ends_with("\"payload\":null}") => b"null".to_vec(),
                (None, None, None) => panic!("no payload: {text}"),
            };
            (line.topic, payload)
        })
        .collect()
}

#[track_caller]
fn are_the_same(found: &BTreeMap<String, Vec<u8>>, prefix: &str, payloads: &[Vec<u8>]) {
    assert_eq!(found.len(), payloads.len());
    for (n, payload) in payloads.iter().enumerate() {
        let topic = format!("{prefix}{}", topic(n));
        let same = found.get(&topic) == Some(payload);
        assert!(same, "{topic}: {:?}", String::from_utf8_lossy(payload));
    }
}

/// A command that has subscribed.
fn listening(mut command: Command) -> Child {
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary runs");
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

/// From a recording to the broker, from there into another recording, and the same with that one.
fn there_and_back(folder: &Path, command: impl Fn(&[&str]) -> Command) {
    let payloads = payloads();
    let seen: std::collections::BTreeSet<u8> = payloads.iter().flatten().copied().collect();
    assert_eq!(seen.len(), 256, "all byte values");
    let count = COUNT.to_string();
    let path = |name: &str| folder.join(name).display().to_string();
    write_recording(&folder.join("a.jsonl"), &payloads);
    for (from, to, filter, prefix) in [
        ("a.jsonl", "b.jsonl.zst", "x/#", "x/"),
        ("b.jsonl.zst", "c.jsonl", "y/#", "y/"),
    ] {
        let record = ["record", &path(to), filter, "--count", &count];
        let mut recording = listening(command(&record));
        let replay = ["replay", &path(from), "--speed", "max", "--prefix", prefix];
        let ended = Ended::from(command(&replay).output().expect("it runs")).expect(0);
        assert!(
            ended.err.contains("10000 messages published"),
            "{}",
            ended.err
        );
        assert!(recording.wait().expect("it ends").success());
    }
    are_the_same(
        &read_recording(&folder.join("b.jsonl.zst")),
        "x/",
        &payloads,
    );
    are_the_same(&read_recording(&folder.join("c.jsonl")), "y/x/", &payloads);
}

#[test]
fn ten_thousand_payloads_survive_the_embedded_broker_twice() {
    let home = Home::with(|options| options.platform = PlatformId::Mqtt);
    let url = home.ready().plain_url.clone().expect("an open door");
    there_and_back(&home.path(""), |arguments| {
        home.command(&[&["--url", &url], arguments].concat())
    });
}

/// The second reader is mosquitto's own.
#[test]
fn ten_thousand_payloads_survive_mosquitto_and_are_the_same_to_its_own_client() {
    let config = "allow_anonymous true\nmax_queued_messages 0\n";
    let Some(broker) = Mosquitto::with(&[], config) else {
        return;
    };
    let (url, port) = (broker.url(), broker.port.to_string());
    let mut other = Command::new("mosquitto_sub")
        .args(["-p", &port, "-q", "1", "-t", "x/#", "-F", "%t %x", "-C"])
        .arg(COUNT.to_string())
        .stdout(std::fs::File::create(broker.path("hex")).expect("writable"))
        .spawn()
        .expect("mosquitto_sub runs");
    let client = broker.path("broker.log");
    until("mosquitto_sub subscribed", || {
        std::fs::read_to_string(&client).is_ok_and(|log| log.contains("SUBSCRIBE"))
    });
    there_and_back(&broker.path(""), |arguments| {
        broker.command(&[&["--url", &url, "--mqtt-version", "5"], arguments].concat())
    });
    assert!(other.wait().expect("it ends").success());
    let hex = std::fs::read_to_string(broker.path("hex")).expect("text");
    let found = hex.lines().map(|line| {
        let (topic, hex) = line.split_once(' ').unwrap_or((line, ""));
        let bytes = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"));
        (topic.to_owned(), bytes.collect())
    });
    are_the_same(&found.collect(), "x/", &payloads());
}
