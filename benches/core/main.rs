//! What one message and one frame cost, through the public API. `benches/README.md` has the figures.
//!
//! Nothing here is a test: a duration is a figure to look at, never an assertion.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot prepare its input has nothing to measure"
)]

#[path = "../../tests/instructions/scenario.rs"]
#[expect(dead_code, reason = "some of it is for counting only")]
mod scenario;
mod stage;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use thingdeck::app::event::{Event, Key, KeyCode};
use thingdeck::domain::line::{Origin, encode};
use thingdeck::domain::message::Qos;
use thingdeck::domain::payload;
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::session::SessionEvent;
use thingdeck::platform::Platform as _;
use thingdeck::runtime::inbox::Inbox;
use thingdeck::store::devices::Devices;
use thingdeck::store::filter::Filter;
use thingdeck::store::hits::{Hits, View};
use thingdeck::ui::{self, ColourDepth, Theme};

use stage::{Broker, Deck, SESSION, messages, thinq};

fn main() {
    divan::main();
}

fn counted_part<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// What a read of 280 messages brings, from its bytes to stored and indexed; one in 280 of it is a message.
#[divan::bench(args = [100, 10_000])]
fn ingest_of_280_messages(bencher: Bencher<'_, '_>, topics: usize) {
    let mut deck = scenario::Deck::new(120, 40);
    deck.hear(scenario::packets(0, topics, Qos::AtMostOnce, topics));
    let mut from = 0;
    bencher
        .counter(ItemsCount::new(280_usize))
        .with_inputs(|| {
            from += 280;
            scenario::packets(from, 280, Qos::AtMostOnce, topics)
        })
        .bench_local_values(|read| deck.hear(read));
}

/// A frame while a thousand messages a second scroll by.
#[divan::bench(args = [(80, 24), (120, 40), (250, 80)])]
fn frame_under_a_flood(bencher: Bencher<'_, '_>, (width, height): (u16, u16)) {
    let mut deck = scenario::Deck::new(width, height);
    let theme = Theme::pick("dark", false, ColourDepth::True);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut from = 0;
    bencher.bench_local(|| {
        from += 33;
        deck.hear(scenario::packets(from, 33, Qos::AtMostOnce, 100));
        let screen = deck.app.picture(deck.now());
        terminal
            .draw(|frame| ui::view(&screen, &theme, frame))
            .unwrap();
    });
}

/// What a push topic's payload means: all fixtures in turn, one a call.
#[divan::bench]
fn interpret_a_message(bencher: Bencher<'_, '_>) {
    let (platform, messages) = (thinq(), messages());
    let mut turn = messages.iter().cycle();
    bencher.bench_local(|| platform.interpret(black_box(turn.next().unwrap())));
}

#[divan::bench]
fn encode_a_line(bencher: Bencher<'_, '_>) {
    let (platform, messages) = (thinq(), messages());
    let read: Vec<_> = messages
        .iter()
        .map(|m| (m, platform.interpret(m)))
        .collect();
    let origin = Origin {
        profile: "home",
        platform: PlatformId::Thinq,
    };
    let mut turn = read.iter().cycle();
    bencher.bench_local(|| {
        let (message, reading) = turn.next().unwrap();
        encode(message, reading, origin, Some("거실 에어컨"))
    });
}

/// In and out again, with room.
#[divan::bench]
fn inbox_push_and_pop(bencher: Bencher<'_, '_>) {
    let inbox = Inbox::new(32 << 20);
    let mut deck = Deck::new(16, 120, 36);
    bencher
        .with_inputs(|| deck.next_message())
        .bench_local_values(|event| {
            inbox.push(event);
            inbox.pop()
        });
}

/// Into a full one: the oldest gives way.
#[divan::bench]
fn inbox_push_when_full(bencher: Bencher<'_, '_>) {
    let inbox = Inbox::new(1 << 20);
    let mut deck = Deck::new(16, 120, 36);
    for _ in 0..10_000 {
        inbox.push(deck.next_message());
    }
    bencher
        .with_inputs(|| deck.next_message())
        .bench_local_values(|event| inbox.push(event));
}

/// One message into the core, with its facts, its row and its timers.
#[divan::bench(args = [16, 1000])]
fn update_with_a_message(bencher: Bencher<'_, '_>, devices: usize) {
    let mut deck = Deck::with_messages(devices, 120, 36, 10_000);
    let events: Vec<_> = (0..4096).map(|_| deck.next_message()).collect();
    let mut turn = events.iter().cycle();
    let mut feed = Vec::new();
    bencher
        .with_inputs(|| turn.next().unwrap().clone())
        .bench_local_values(|event| feed = deck.feed(event));
}

/// A key that moves the cursor: the screen is compared with the one before.
#[divan::bench(args = [16, 1000])]
fn update_with_a_key(bencher: Bencher<'_, '_>, devices: usize) {
    let mut deck = Deck::with_messages(devices, 120, 36, 10_000);
    let mut down = false;
    bencher.bench_local(|| {
        down = !down;
        let code = if down { KeyCode::Down } else { KeyCode::Up };
        deck.feed(Event::Key(Key::plain(code)))
    });
}

/// The screen as plain data.
#[divan::bench(args = [(16, 80, 24), (16, 120, 36), (1000, 80, 24), (1000, 120, 36)])]
fn screen(bencher: Bencher<'_, '_>, (devices, width, height): (usize, u16, u16)) {
    let deck = Deck::with_messages(devices, width, height, 10_000);
    bencher.bench_local(|| deck.app.screen(deck.now()));
}

/// A whole frame: the screen, its cells, and the difference to the frame before, which had one message less.
#[divan::bench(args = [(16, 80, 24), (16, 120, 36), (1000, 80, 24), (1000, 120, 36)])]
fn frame(bencher: Bencher<'_, '_>, (devices, width, height): (usize, u16, u16)) {
    let mut deck = Deck::with_messages(devices, width, height, 10_000);
    let theme = Theme::pick("dark", false, ColourDepth::True);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    bencher.bench_local(|| {
        let event = deck.next_message();
        deck.feed(event);
        let screen = deck.app.screen(deck.now());
        terminal
            .draw(|frame| ui::view(&screen, &theme, frame))
            .unwrap();
    });
}

/// A word in 100,000 kept messages, from the first slice to the last. The dashboard does it a slice at a time.
#[divan::bench(args = ["rinsing", "kind:push", "device:washer -rinsing", "nowhere"])]
fn filter_over_100_000(bencher: Bencher<'_, '_>, filter: &str) {
    let ring = stage::ring(100_000);
    let devices = Devices::default();
    bencher.bench_local(|| {
        let view = View {
            filter: Filter::parse(filter).unwrap(),
            ..View::default()
        };
        let mut hits = Hits::new(view, &ring, &devices);
        while hits.look_back(&ring, &devices) {}
        hits.len_before(ring.end(), &ring)
    });
}

/// A letter typed into the filter of the Messages pane over 100,000 kept messages: until the key is answered.
#[divan::bench]
fn filter_key_over_100_000(bencher: Bencher<'_, '_>) {
    let mut deck = Deck::with_messages(16, 120, 36, 100_000);
    for key in "3/rins".chars() {
        deck.feed(Event::Key(Key::plain(KeyCode::Char(key))));
    }
    let mut on = false;
    bencher.bench_local(|| {
        on = !on;
        let code = if on {
            KeyCode::Char('i')
        } else {
            KeyCode::Backspace
        };
        deck.feed(Event::Key(Key::plain(code)))
    });
}

/// A message on one of 100,000 topics of a plain broker: the tree, the filters, the ring.
#[divan::bench]
fn update_with_a_message_of_100_000_topics(bencher: Bencher<'_, '_>) {
    let mut broker = Broker::new(100_000);
    let mut turn = broker.events.clone().into_iter().cycle().step_by(7_919);
    bencher
        .with_inputs(|| turn.next().unwrap())
        .bench_local_values(|event| broker.feed(event));
}

/// The screen with 100,000 topics: all folded but one branch, and every one a row of its own.
#[divan::bench(args = [false, true])]
fn screen_of_100_000_topics(bencher: Bencher<'_, '_>, unfolded: bool) {
    let mut broker = Broker::new(100_000);
    if unfolded {
        broker.unfold();
    }
    bencher.bench_local(|| broker.app.screen(broker.now()));
}

/// A new topic among 100,000 rows after a while: the rows are made anew.
#[divan::bench]
fn rows_of_100_000_topics_anew(bencher: Bencher<'_, '_>) {
    let mut broker = Broker::new(100_000);
    broker.unfold();
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        broker.rest();
        broker.feed(stage::on_topic(&format!("plant/new/{number}")))
    });
}

/// The same by rate: they are sorted anew.
#[divan::bench]
fn rows_of_100_000_topics_by_rate(bencher: Bencher<'_, '_>) {
    let mut broker = Broker::new(100_000);
    broker.unfold();
    broker.feed(Event::Key(Key::plain(KeyCode::Char('S'))));
    bencher.bench_local(|| {
        broker.rest();
        broker.feed(stage::on_topic("plant/line-1/sensor-1"))
    });
}

/// 1 MiB of JSON as indented lines.
#[divan::bench]
fn pretty_1_mib(bencher: Bencher<'_, '_>) {
    let json = stage::long_json(1 << 20);
    bencher
        .counter(BytesCount::new(json.len()))
        .bench_local(|| payload::pretty(black_box(&json)).unwrap().len());
}

/// A message that is copied as the session's task does it: for scale.
#[divan::bench]
fn copy_an_event(bencher: Bencher<'_, '_>) {
    let mut deck = Deck::new(16, 120, 36);
    let Event::Session(_, SessionEvent::Message(message, reading)) = deck.next_message() else {
        return;
    };
    bencher.bench_local(|| {
        Event::Session(
            SESSION,
            SessionEvent::Message(message.clone(), reading.clone()),
        )
    });
}

/// A JSON document of about that many bytes.
fn document(bytes: usize) -> bytes::Bytes {
    let many = (0..bytes / 40)
        .map(|n| format!("{{\"name\":\"sensor-{n:05}\",\"t\":{}.5}}", n % 40))
        .collect::<Vec<_>>();
    format!("[{}]", many.join(",")).into()
}

fn job(payload: bytes::Bytes, compared: bool) -> thingdeck::app::document::Job {
    thingdeck::app::document::Job {
        before: compared.then(|| (payload.clone(), "t".to_owned(), None)),
        payload,
        topic: "t".to_owned(),
        pin: None,
        mask: Vec::new(),
        view: thingdeck::app::document::View::Pretty,
        cells: 60,
        rows: 20,
    }
}

/// What the inspector does between two frames, at the most: a payload just small enough, compared with one like it.
#[divan::bench]
fn open_a_small_payload(bencher: Bencher<'_, '_>) {
    let small = job(document(12 * 1024), true);
    bencher.bench_local(|| black_box(&small).run_quick());
}

/// What it does beside the screen.
#[divan::bench(sample_count = 10)]
fn open_a_payload_of_1_mib(bencher: Bencher<'_, '_>) {
    let large = job(document(1 << 20), false);
    bencher.bench_local(|| black_box(&large).run());
}
