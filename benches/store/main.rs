//! What the store costs: a message in, and a million of them searched. `benches/README.md` has the figures.
//!
//! The payloads are those of the reference's load source: ThinQ-like JSON of 200 bytes, no two equal, 100 topics.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot prepare its input has nothing to measure"
)]

use std::sync::OnceLock;

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use thingdeck::base::moment::Timestamp;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::topic::Topic;
use thingdeck::store::devices::Devices;
use thingdeck::store::filter::Filter;
use thingdeck::store::hits::{Hits, View};
use thingdeck::store::ring::{Note, Ring};
use thingdeck::store::sheet::Sheet;

const MESSAGES: u32 = 1_000_000;
const SIZE: usize = 200;

fn main() {
    divan::main();
}

fn payload(n: u32) -> Vec<u8> {
    let state = ["NORMAL", "RUNNING", "PAUSE", "STANDBY"][(n % 4) as usize];
    let text = format!(
        r#"{{"pushType":"DEVICE_STATUS","seq":{},"deviceId":"{:08x}","report":{{"runState":{{"currentState":"{state}"}},"temperature":{{"current":{:.1},"target":{},"unit":"C"}},"x":""#,
        1_000_000_000 + n,
        n.wrapping_mul(0x9e37_79b9),
        18.0 + f64::from(n % 100) / 10.0,
        18 + n % 10,
    );
    let mut bytes = text.into_bytes();
    bytes.resize(SIZE - 3, b'k');
    bytes.extend(b"\"}}");
    bytes
}

fn message(n: u32, topic: &Topic) -> Message {
    Message {
        at: Timestamp::from_seconds(1_790_000_000 + i64::from(n)),
        direction: Direction::In,
        topic: topic.clone(),
        payload: Bytes::from(payload(n)),
        qos: Qos::AtMostOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

fn topics(count: u32) -> Vec<Topic> {
    (0..count)
        .map(|n| Topic::received(&format!("bench/{:02}/{n:05}/event", n % 10)))
        .collect()
}

fn messages(count: u32, of: &[Topic]) -> Vec<Message> {
    let topics = of.iter().cycle();
    (0..count).zip(topics).map(|(n, t)| message(n, t)).collect()
}

/// A million messages, kept.
fn million() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| {
        let mut ring = Ring::new(1 << 30);
        let topics = topics(100);
        for (n, topic) in (0..MESSAGES).zip(topics.iter().cycle()) {
            ring.push(&message(n, topic), Note::default());
        }
        ring
    })
}

/// Into a ring that is full: from the message to stored.
#[divan::bench(args = [100, 10_000])]
fn push_into_a_full_ring(bencher: Bencher<'_, '_>, topics_there: u32) {
    let messages = messages(100_000, &topics(topics_there));
    let mut ring = Ring::new(16 << 20);
    for message in &messages {
        ring.push(message, Note::default());
    }
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for message in &messages {
                ring.push(black_box(message), Note::default());
            }
        });
}

/// The same with a filter in force, so that each is tested and listed.
#[divan::bench(args = ["running", "report.runState.currentState == RUNNING"])]
fn push_and_filter(bencher: Bencher<'_, '_>, filter: &str) {
    let messages = messages(100_000, &topics(100));
    let (mut ring, devices) = (Ring::new(16 << 20), Devices::default());
    let mut hits = Hits::new(view(filter), &ring, &devices);
    bencher
        .counter(ItemsCount::new(messages.len()))
        .bench_local(|| {
            for message in &messages {
                let seq = ring.push(black_box(message), Note::default());
                hits.offer(seq, &ring, &devices);
            }
        });
}

fn view(filter: &str) -> View {
    View {
        filter: Filter::parse(filter).unwrap(),
        ..View::default()
    }
}

const FILTERS: [&str; 10] = [
    // a substring: rare, one in four, absent
    "1000099999",
    "\"currentstate\\\":\\\"running\"",
    "\"no such text at all\"",
    // in either case
    "standby",
    "qwertz",
    "re:/currentstate\":\"running/i",
    // a pattern
    "re:/\"current\":2[0-9]\\.5/",
    // members of JSON
    ".report.runState.currentState == \"RUNNING\"",
    "current > 27.7",
    "topic:bench/03/# -running size>100",
];

/// All of a million messages, from the first slice to the last.
#[divan::bench(args = FILTERS, sample_count = 7, sample_size = 1)]
fn filter_a_million(bencher: Bencher<'_, '_>, filter: &str) {
    let (ring, devices) = (million(), Devices::default());
    bencher.bench_local(|| {
        let mut hits = Hits::new(view(filter), ring, &devices);
        while hits.look_back(ring, &devices) {}
        hits.len_before(ring.end(), ring)
    });
}

/// What a key stroke waits for: the first slice. The others are as long.
#[divan::bench(args = FILTERS, sample_count = 20, sample_size = 1)]
fn one_slice(bencher: Bencher<'_, '_>, filter: &str) {
    let (ring, devices) = (million(), Devices::default());
    bencher.bench_local(|| Hits::new(view(filter), ring, &devices));
}

/// The anchor on this machine, now: memmem over the same bytes, message by message.
#[divan::bench(args = ["1000099999", "no such text at all"], sample_count = 7, sample_size = 1)]
fn memmem_over_an_arena(bencher: Bencher<'_, '_>, text: &str) {
    static ARENA: OnceLock<Vec<u8>> = OnceLock::new();
    let arena = ARENA.get_or_init(|| (0..MESSAGES).flat_map(payload).collect());
    let finder = memchr::memmem::Finder::new(text);
    bencher.bench_local(|| {
        let hits = arena
            .chunks_exact(SIZE)
            .filter(|m| finder.find(m).is_some());
        hits.count()
    });
}

/// A block on its way to the disk and back, without compression.
#[divan::bench]
fn encode_and_decode_a_block(bencher: Bencher<'_, '_>) {
    let mut ring = Ring::with_shelf(16 << 20);
    for message in messages(100_000, &topics(100)) {
        ring.push(&message, Note::default());
    }
    let (_, sheet) = ring.take_leaving(&Devices::default()).pop().unwrap();
    bencher.bench_local(|| Sheet::decode(&sheet.encode()).unwrap());
}
