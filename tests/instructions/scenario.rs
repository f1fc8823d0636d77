//! What is counted. The payloads are those of the reference's load source: ThinQ-like JSON of 200 bytes, 100 topics.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use thingdeck::app::document::{Job, View as Shown};
use thingdeck::app::event::{Event, Size};
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::domain::batch::Batch;
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::TopicFilter;
use thingdeck::runtime::inbox::Inbox;
use thingdeck::session::link::gather;
use thingdeck::store::devices::Devices;
use thingdeck::store::filter::Filter;
use thingdeck::store::hits::{Hits, View};
use thingdeck::store::ring::{Known, Ring};
use thingdeck::ui::{self, ColourDepth, Theme};

use super::counted_part;

/// One thing that is counted.
pub struct Scenario {
    pub name: &'static str,
    /// Messages, frames or KiB in it.
    pub units: u64,
    pub run: fn(),
}

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "ingest_of_a_message",
        units: INGESTED as u64,
        run: || ingest(Qos::AtMostOnce, 100),
    },
    Scenario {
        name: "ingest_of_a_message_at_qos_1",
        units: INGESTED as u64,
        run: || ingest(Qos::AtLeastOnce, 100),
    },
    Scenario {
        name: "ingest_of_a_message_of_2000_topics",
        units: INGESTED as u64,
        run: || ingest(Qos::AtMostOnce, 2000),
    },
    Scenario {
        name: "frame_at_80x24",
        units: FRAMES,
        run: || frames(80, 24),
    },
    Scenario {
        name: "frame_at_250x80",
        units: FRAMES,
        run: || frames(250, 80),
    },
    Scenario {
        name: "filter_by_a_substring_over_a_message",
        units: FILTERED as u64,
        run: || filter("1000099999"),
    },
    Scenario {
        name: "filter_by_json_over_a_message",
        units: FILTERED as u64,
        run: || filter(".report.runState.currentState == \"RUNNING\""),
    },
    Scenario {
        name: "filter_by_a_pattern_over_a_message",
        units: FILTERED as u64,
        run: || filter("re:/\"current\":2[0-9]\\.5/"),
    },
    Scenario {
        name: "opening_a_long_payload_per_kib",
        units: (OPENED / 1024) as u64,
        run: open,
    },
];

const INGESTED: usize = 6_000;
const FRAMES: u64 = 8;
const FILTERED: usize = 4_000;
/// Bytes of the payload that is opened: 1 MiB, but where nothing is optimized an eighth of it must do.
const OPENED: usize = if cfg!(debug_assertions) {
    128 << 10
} else {
    1 << 20
};
const SESSION: SessionId = SessionId { generation: 1 };
/// What one read brings.
const READ: usize = 64 << 10;

fn payload(n: usize) -> Vec<u8> {
    let state = ["NORMAL", "RUNNING", "PAUSE", "STANDBY"][n % 4];
    let text = format!(
        r#"{{"pushType":"DEVICE_STATUS","seq":{},"deviceId":"{n:08x}","report":{{"runState":{{"currentState":"{state}"}},"temperature":{{"current":{}.{},"target":{},"unit":"C"}},"x":""#,
        1_000_000_000 + n,
        18 + n % 10,
        n % 10,
        18 + n % 10,
    );
    let mut bytes = text.into_bytes();
    bytes.resize(197, b'k');
    bytes.extend(b"\"}}");
    bytes
}

/// PUBLISH packets of MQTT 3.1.1.
pub fn packets(from: usize, count: usize, qos: Qos, topics: usize) -> BytesMut {
    let mut out = BytesMut::new();
    for n in from..from + count {
        let topic = format!("bench/{:02}/{:05}/event", n % 10, n % topics);
        let payload = payload(n);
        let id = if qos == Qos::AtMostOnce { 0 } else { 2 };
        let length = 2 + topic.len() + id + payload.len();
        out.put_u8(0x30 | (qos.number() << 1));
        out.put_u8(u8::try_from(length % 128).expect("it fits") | 0x80);
        out.put_u8(u8::try_from(length / 128).expect("it fits"));
        out.put_u16(u16::try_from(topic.len()).expect("it fits"));
        out.put(topic.as_bytes());
        if id > 0 {
            out.put_u16(u16::try_from(n % 60_000 + 1).expect("it fits"));
        }
        out.put(payload.as_slice());
    }
    out
}

/// The next batch of what was read.
pub fn gathered(read: &mut BytesMut) -> Option<Batch> {
    let mut acknowledged = 0_u64;
    let batch = gather(read, Version::V311, 1 << 20, 300, |packet| {
        acknowledged += u64::from(packet);
    });
    std::hint::black_box(acknowledged);
    batch
}

/// A dashboard on a plain broker.
pub struct Deck {
    pub app: App,
    elapsed: Duration,
}

impl Deck {
    pub fn new(width: u16, height: u16) -> Self {
        let filter = TopicFilter::parse("#").expect("it fits");
        let profile = ProfileSummary {
            topics: vec![FilterWish::new(filter, Qos::AtMostOnce)],
            ..ProfileSummary::new("plant", PlatformId::Mqtt, "mqtt://127.0.0.1")
        };
        let (app, _effects) = App::new(Setup {
            memory_limit: 64 << 20,
            ..Setup::new(Size { width, height }, vec![profile])
        });
        let elapsed = Duration::ZERO;
        let mut deck = Self { app, elapsed };
        let link = LinkState::Connected {
            since: Timestamp::from_seconds(1_790_000_000),
            session_present: false,
        };
        deck.feed(Event::Session(SESSION, SessionEvent::Link(link)));
        deck
    }

    pub fn now(&self) -> Moment {
        Moment {
            mono: Mono(self.elapsed),
            wall: Timestamp::from_seconds(1_790_000_000).plus(self.elapsed),
        }
    }

    /// A millisecond later.
    fn feed(&mut self, event: Event) {
        self.elapsed += Duration::from_millis(1);
        let effects = self.app.update(self.now(), event);
        drop(effects);
    }

    pub fn hear(&mut self, mut read: BytesMut) {
        while let Some(mut batch) = gathered(&mut read) {
            batch.at = self.now().wall;
            self.feed(Event::Session(SESSION, SessionEvent::Messages(batch)));
        }
    }
}

/// From bytes to stored and indexed, in reads of 64 KiB, through the inbox. Every topic is known.
fn ingest(qos: Qos, topics: usize) {
    let mut deck = Deck::new(120, 40);
    deck.hear(packets(0, topics.max(200), qos, topics));
    let inbox = Inbox::for_batches(32 << 20);
    let mut reads = Vec::new();
    let mut from = topics;
    while from < topics + INGESTED {
        let count = (READ / 230).min(topics + INGESTED - from);
        reads.push(packets(from, count, qos, topics));
        from += count;
    }
    counted_part(|| {
        for read in &mut reads {
            while let Some(batch) = gathered(read) {
                inbox.push(Event::Session(SESSION, SessionEvent::Messages(batch)));
            }
            while let Some(event) = inbox.pop() {
                deck.feed(event);
            }
        }
    });
}

/// A whole frame while the rows scroll: the screen, its cells, and the difference to the frame before.
fn frames(width: u16, height: u16) {
    let mut deck = Deck::new(width, height);
    let theme = Theme::pick("dark", false, ColourDepth::True);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it fits");
    deck.hear(packets(0, 2000, Qos::AtMostOnce, 100));
    let mut from = 2000;
    for frame in 0..=FRAMES {
        deck.hear(packets(from, 33, Qos::AtMostOnce, 100));
        from += 33;
        let mut draw = || {
            let screen = deck.app.screen(deck.now());
            terminal
                .draw(|frame| ui::view(&screen, &theme, frame))
                .expect("it fits");
        };
        if frame == 0 {
            draw();
        } else {
            counted_part(draw);
        }
    }
}

fn ring(messages: usize) -> Ring {
    let mut ring = Ring::new(256 << 20);
    let mut known = vec![Known::default(); 100];
    let mut read = packets(0, messages, Qos::AtMostOnce, 100);
    let mut n = 0;
    while let Some(batch) = gathered(&mut read) {
        for message in batch.iter() {
            let topic = &mut known[n % 100];
            *topic = ring.push_batched(batch.at, &message, *topic);
            n += 1;
        }
    }
    ring
}

/// Every kept message, from the first slice to the last.
fn filter(text: &str) {
    let (ring, devices) = (ring(FILTERED), Devices::default());
    let view = || View {
        filter: Filter::parse(text).expect("it fits"),
        ..View::default()
    };
    counted_part(|| {
        let mut hits = Hits::new(view(), &ring, &devices);
        while hits.look_back(&ring, &devices) {}
        hits.len_before(ring.end(), &ring)
    });
}

/// What is done beside the screen when a long payload is looked at.
fn open() {
    let many = (0..OPENED / 40)
        .map(|n| format!("{{\"name\":\"sensor-{n:05}\",\"t\":{}.5}}", n % 40))
        .collect::<Vec<_>>();
    let job = Job {
        before: None,
        payload: Bytes::from(format!("[{}]", many.join(","))),
        topic: "t".to_owned(),
        pin: None,
        mask: Vec::new(),
        view: Shown::Pretty,
        cells: 60,
        rows: 20,
    };
    counted_part(|| job.run());
}

/// Bytes that a message of 200 bytes costs beside its payload.
pub fn memory() -> u64 {
    let ring = ring(200_000);
    ring.charged() as u64 / ring.kept() - 200
}
