//! Floods through the core: resident memory stays under its ceiling, and received = kept + on disk + dropped.
//!
//! What is measured is the whole process: nothing else may run in it, so no second test without `#[ignore]` stands here.
//!
//! The small one runs with all tests. The great ones take minutes:
//!
//! ```sh
//! cargo test --release --test soak -- --ignored --nocapture --test-threads 1
//! ```

#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "figures to read")]

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Key, KeyCode, ShelfEvent, Size};
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::domain::batch::{Batch, Head};
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::{SessionEvent, SessionId};
use thingdeck::domain::topic::Topic;
use thingdeck::store::devices::Devices;
use thingdeck::store::filter::Filter;
use thingdeck::store::hits::{Hits, View};
use thingdeck::store::ring::{Note, Ring};
use thingdeck::store::shelf::Loss;

const SESSION: SessionId = SessionId { generation: 1 };

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).expect("the second number");
    pages.parse::<u64>().expect("a number") * 4096
}

fn setup(memory_limit: usize, keeps_history: bool) -> Setup {
    let profile = ProfileSummary {
        capabilities: Capabilities {
            topics: true,
            ..Capabilities::NONE
        },
        ..ProfileSummary::new("home", PlatformId::Thinq, "")
    };
    let size = Size {
        width: 120,
        height: 40,
    };
    Setup {
        memory_limit,
        keeps_history,
        mouse: false,
        ..Setup::new(size, vec![profile])
    }
}

struct Flood {
    app: App,
    sent: u64,
    base: u64,
    peak: u64,
}

impl Flood {
    /// Not counted is what the process has before: itself, its libraries, and a dashboard with a few messages.
    fn new(memory_limit: usize, keeps_history: bool) -> Self {
        static BASE: OnceLock<u64> = OnceLock::new();
        let base = *BASE.get_or_init(|| {
            let mut first = Self::after(0, 1 << 20, false);
            first.messages(2000, 10);
            first.type_filter("number");
            resident()
        });
        Self::after(base, memory_limit, keeps_history)
    }

    fn after(base: u64, memory_limit: usize, keeps_history: bool) -> Self {
        let (app, _) = App::new(setup(memory_limit, keeps_history));
        Self {
            app,
            sent: 0,
            base,
            peak: 0,
        }
    }

    fn now(&self) -> Moment {
        let elapsed = Duration::from_micros(self.sent * 6);
        Moment {
            mono: Mono(elapsed),
            wall: Timestamp::from_seconds(1_790_000_000).plus(elapsed),
        }
    }

    fn feed(&mut self, event: Event) {
        for effect in self.app.update(self.now(), event) {
            // A disk that takes every second block.
            if let Effect::Shelve(session, place, _) = effect
                && place.0 % 2 == 0
            {
                let lost = ShelfEvent::Lost(vec![place], Loss::Hole);
                self.app.update(self.now(), Event::Shelf(session, lost));
            }
        }
    }

    fn type_filter(&mut self, text: &str) {
        for c in format!("3/{text}").chars() {
            self.feed(Event::Key(Key::plain(KeyCode::Char(c))));
        }
        self.feed(Event::Key(Key::plain(KeyCode::Enter)));
    }

    /// As the network would deliver them: each payload an allocation of its own.
    fn messages(&mut self, count: u64, topics: u64) -> &mut Self {
        for _ in 0..count {
            let n = self.sent;
            self.sent += 1;
            let message = Message {
                at: self.now().wall,
                direction: Direction::In,
                topic: Topic::received(&format!("site/{:07}/state", n % topics)),
                payload: Bytes::from(format!("{{\"number\":{n},\"noise\":\"{n:0>170}\"}}")),
                qos: Qos::AtMostOnce,
                retain: false,
                dup: false,
                ack: None,
                properties: None,
                session: false,
            };
            let event = SessionEvent::Message(Box::new(message), Reading::default());
            self.feed(Event::Session(SESSION, event));
            if n.is_multiple_of(10_000) {
                self.look();
            }
        }
        self.look();
        self
    }

    /// As a flood comes: many messages to a read, all of which one batch holds.
    fn batches(&mut self, count: u64, topics: u64) -> &mut Self {
        /// About what a read of 64 KiB holds.
        const READ: u64 = 250;
        for batch in 0..count / READ {
            let (mut bytes, mut heads) = (Vec::new(), Vec::new());
            for _ in 0..READ {
                let n = self.sent;
                self.sent += 1;
                let topic = format!("site/{:07}/state", n % topics);
                let payload = format!("{{\"number\":{n},\"noise\":\"{n:0>170}\"}}");
                let length = u16::try_from(topic.len()).expect("short");
                heads.push(Head::new(bytes.len(), length, 0, payload.len()));
                bytes.extend(topic.bytes().chain(payload.bytes()));
            }
            let held = bytes.len();
            let event = SessionEvent::Messages(Batch::new(bytes.into(), held, heads));
            self.feed(Event::Session(SESSION, event));
            if batch.is_multiple_of(40) {
                self.look();
            }
        }
        self.look();
        self
    }

    fn look(&mut self) {
        self.peak = self.peak.max(resident().saturating_sub(self.base));
        let header = self.app.screen(self.now()).header;
        let on_disk = header.on_disk.unwrap_or(0);
        assert_eq!(header.received, self.sent);
        assert_eq!(header.received, header.kept + on_disk + header.dropped);
    }

    /// The ceiling and a quarter more.
    fn stays_under(&self, limit: usize, what: &str) {
        let header = self.app.screen(self.now()).header;
        let mib = |bytes: u64| bytes / 1024 / 1024;
        eprintln!(
            "{what}: {} received, {} kept, {} dropped; at most {} MiB more than before, {} MiB in all",
            header.received,
            header.kept,
            header.dropped,
            mib(self.peak),
            mib(self.peak + self.base),
        );
        assert!(header.dropped > 0, "it was a flood");
        let most = limit as u64 / 4 * 5;
        assert!(self.peak <= most, "{} over {} bytes", self.peak, most);
    }
}

/// One after the other: what each takes is a figure of the whole process.
#[test]
fn memory_stays_under_its_ceiling_and_every_message_is_accounted_for() {
    let limit = 8 << 20;
    let mut flood = Flood::new(limit, false);
    flood.messages(150_000, 100);
    flood.stays_under(limit, "100 topics");
    drop(flood);
    let mut flood = Flood::new(limit, false);
    flood.messages(100_000, u64::MAX);
    flood.stays_under(limit, "ever new topics");
    drop(flood);
    let mut flood = Flood::new(limit, true);
    flood.type_filter("number");
    flood.messages(100_000, 1);
    flood.stays_under(limit, "one topic, a filter, half of it to the disk");
    drop(flood);
    let mut flood = Flood::new(limit, false);
    flood.batches(150_000, u64::MAX);
    flood.stays_under(limit, "ever new topics, in batches");
    drop(flood);
    let mut flood = Flood::new(limit, true);
    flood.type_filter("number");
    flood.feed(Event::Key(Key::plain(KeyCode::Char('t'))));
    flood.batches(150_000, u64::MAX);
    flood.stays_under(
        limit,
        "batches of ever new topics, filtered and grouped, half of it to the disk",
    );
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn twenty_million_messages_through_256_mib() {
    let limit = 256 << 20;
    let mut flood = Flood::new(limit, false);
    flood.messages(20_000_000, 100);
    flood.stays_under(limit, "20 million messages of 100 topics");
    drop(flood);
    let mut flood = Flood::new(limit, false);
    flood.batches(20_000_000, 100);
    flood.stays_under(limit, "the same in batches");
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn twenty_million_messages_with_a_filter_that_all_match() {
    let limit = 256 << 20;
    let mut flood = Flood::new(limit, true);
    flood.type_filter("number");
    flood.messages(20_000_000, 100);
    flood.stays_under(
        limit,
        "20 million messages, a filter, half of it to the disk",
    );
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn a_million_distinct_topics() {
    let limit = 256 << 20;
    let mut flood = Flood::new(limit, false);
    flood.messages(5_000_000, 1_000_000);
    flood.stays_under(limit, "5 million messages of a million topics");
    drop(flood);
    let mut flood = Flood::new(limit, false);
    flood.batches(5_000_000, 1_000_000);
    flood.stays_under(limit, "the same in batches");
}

#[test]
#[ignore = "takes minutes, and a release build"]
fn a_small_ceiling() {
    let limit = 32 << 20;
    let mut flood = Flood::new(limit, false);
    flood.messages(2_000_000, 1_000_000);
    flood.stays_under(limit, "2 million messages of a million topics");
}

#[test]
#[ignore = "a figure, for a release build"]
fn what_a_message_costs() {
    let payload = Bytes::from(vec![b'x'; 200]);
    let before = resident();
    let mut ring = Ring::new(1 << 30);
    for n in 0..1_000_000 {
        let message = Message {
            at: Timestamp::from_seconds(n),
            direction: Direction::In,
            topic: Topic::received(&format!("bench/{:02}", n % 100)),
            payload: payload.clone(),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        ring.push(&message, Note::default());
    }
    let each = (resident() - before) / 1_000_000;
    let charged = ring.charged() / 1_000_000;
    eprintln!("resident {each} bytes a message of 200 bytes, charged {charged}");
    assert!(each < 240, "{each}");
}

/// Nanoseconds that this thread had a processor: what others do meanwhile does not count.
fn worked() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split(' ').next().expect("the first number");
    first.parse().expect("a number")
}

/// The payloads of `benches/store`: ThinQ-like, 200 bytes, no two equal.
fn thinq_like(n: u32) -> Vec<u8> {
    let state = ["NORMAL", "RUNNING", "PAUSE", "STANDBY"][(n % 4) as usize];
    let mut bytes = format!(
        r#"{{"pushType":"DEVICE_STATUS","seq":{},"deviceId":"{:08x}","report":{{"runState":{{"currentState":"{state}"}},"temperature":{{"current":{:.1},"target":{},"unit":"C"}},"x":""#,
        1_000_000_000 + n,
        n.wrapping_mul(0x9e37_79b9),
        18.0 + f64::from(n % 100) / 10.0,
        18 + n % 10,
    )
    .into_bytes();
    bytes.resize(197, b'k');
    bytes.extend(b"\"}}");
    bytes
}

#[test]
#[ignore = "figures, for a release build"]
fn what_a_search_through_a_million_costs() {
    let (mut ring, devices) = (Ring::new(1 << 30), Devices::default());
    let mut arena = Vec::new();
    let begun = worked();
    for n in 0..1_000_000 {
        let payload = thinq_like(n);
        arena.extend_from_slice(&payload);
        let message = Message {
            at: Timestamp::from_seconds(n.into()),
            direction: Direction::In,
            topic: Topic::received(&format!("bench/{:02}/{:05}/event", n % 10, n % 100)),
            payload: Bytes::from(payload),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        ring.push(&message, Note::default());
    }
    eprintln!("made and pushed in {} ms", (worked() - begun) / 1_000_000);
    for text in ["1000099999", "no such text at all"] {
        let finder = memchr::memmem::Finder::new(text);
        let rounds = (0..5).map(|_| {
            let before = worked();
            let hits = arena.chunks_exact(200).filter(|m| finder.find(m).is_some());
            (hits.count(), worked() - before)
        });
        let best = rounds.min_by_key(|(_, took)| *took).expect("five rounds");
        eprintln!(
            "memmem {text:?}: {} tenths of ms, {} hits",
            best.1 / 100_000,
            best.0
        );
    }
    for filter in [
        "1000099999",
        r#""currentstate\":\"running""#,
        r#""no such text at all""#,
        "standby",
        "qwertz",
        r#"re:/currentstate":"running/i"#,
        r#"re:/"current":2[0-9]\.5/"#,
        r#".report.runState.currentState == "RUNNING""#,
        "current > 27.7",
        "topic:bench/03/# -running size>100",
    ] {
        let (mut best, mut slowest, mut found) = (u64::MAX, 0, 0);
        for _ in 0..5 {
            let view = View {
                filter: Filter::parse(filter).expect("understood"),
                ..View::default()
            };
            let begun = worked();
            let mut hits = Hits::new(view, &ring, &devices);
            let (mut before, mut longest) = (begun, 0);
            loop {
                let now = worked();
                longest = longest.max(now - before);
                before = now;
                if !hits.look_back(&ring, &devices) {
                    break;
                }
            }
            let took = worked() - begun;
            if took < best {
                (best, slowest, found) = (took, longest, hits.len_before(ring.end(), &ring));
            }
        }
        eprintln!(
            "{filter}: {} tenths of ms, {found} found, longest slice {} µs",
            best / 100_000,
            slowest / 1000
        );
    }
}
