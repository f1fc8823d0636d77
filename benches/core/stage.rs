//! Input for the benchmarks: the fixtures of the tests as a session would deliver them.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Key, KeyCode, Size};
use thingdeck::app::screen::Body;
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::secret::Secret;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::profile::{Common, PlatformId, SecretRef, ThinqSettings};
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::Platform as _;
use thingdeck::platform::thinq::Thinq;
use thingdeck::store::ring::{Note, Ring};

/// The first session that a dashboard opens.
pub const SESSION: SessionId = SessionId { generation: 1 };

const TOPIC: &str = "app/clients/0f6c2a4e8d/push";

pub fn thinq() -> Thinq {
    let token = SecretRef::Plain(Secret::new("none"));
    let settings = ThinqSettings::new("KR".to_owned(), token);
    Thinq::new(settings, Common::default())
}

/// The fixtures' messages, sorted by name.
pub fn messages() -> Vec<Message> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/thinq/messages");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| message(std::fs::read(file).unwrap().into()))
        .collect()
}

fn message(payload: Bytes) -> Message {
    Message {
        at: Timestamp::from_seconds(1_790_000_000),
        direction: Direction::In,
        topic: Topic::received(TOPIC),
        payload,
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

/// State changes and notifications, as they come: not the rare news of devices that come and go.
fn reports() -> Vec<String> {
    messages()
        .iter()
        .map(|m| String::from_utf8(m.payload.to_vec()).unwrap())
        .filter(|text| text.contains("DEVICE_STATUS") || text.contains("DEVICE_PUSH"))
        .collect()
}

/// A report with the id of another device.
fn from_device(text: &str, id: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    for pointer in ["/deviceId", "/event/deviceId", "/push/deviceId"] {
        if let Some(found) = value.pointer_mut(pointer) {
            *found = id.into();
        }
    }
    value.to_string()
}

fn device_id(number: usize) -> String {
    format!("{number:08x}c04e8f215d7743a19b0e55cc")
}

/// A core with devices, connected, at 1,000 messages a second.
pub struct Deck {
    pub app: App,
    /// Ready messages; clones of them are cheap.
    events: Vec<Event>,
    sent: usize,
    elapsed: Duration,
}

impl Deck {
    pub fn new(devices: usize, width: u16, height: u16) -> Self {
        let (app, _effects) = App::new(setup(width, height));
        let (platform, reports) = (thinq(), reports());
        let events = (0..devices.max(reports.len()))
            .map(|n| {
                let text = from_device(&reports[n % reports.len()], &device_id(n % devices));
                let message = message(text.into());
                let reading = platform.interpret(&message);
                Event::Session(SESSION, SessionEvent::Message(Box::new(message), reading))
            })
            .collect();
        let mut deck = Self {
            app,
            events,
            sent: 0,
            elapsed: Duration::ZERO,
        };
        deck.tell(SessionEvent::Link(LinkState::Connected {
            since: Timestamp::from_seconds(1_790_000_000),
            session_present: false,
        }));
        deck.tell(SessionEvent::Fact(Fact::Devices(
            (0..devices).map(device).collect(),
        )));
        deck
    }

    pub fn with_messages(devices: usize, width: u16, height: u16, messages: usize) -> Self {
        let mut deck = Self::new(devices, width, height);
        for _ in 0..messages {
            let event = deck.next_message();
            deck.feed(event);
        }
        deck
    }

    pub fn next_message(&mut self) -> Event {
        self.sent += 1;
        self.events[self.sent % self.events.len()].clone()
    }

    /// A millisecond later.
    pub fn feed(&mut self, event: Event) -> Vec<Effect> {
        self.elapsed += Duration::from_millis(1);
        let now = self.now();
        self.app.update(now, event)
    }

    fn tell(&mut self, event: SessionEvent) {
        self.feed(Event::Session(SESSION, event));
    }

    pub fn now(&self) -> Moment {
        Moment {
            mono: Mono(self.elapsed),
            wall: Timestamp::from_seconds(1_790_000_000).plus(self.elapsed),
        }
    }
}

/// A core on a plain broker that has heard so many topics, a hundred to a branch.
pub struct Broker {
    pub app: App,
    /// A message on each topic; clones of them are cheap.
    pub events: Vec<Event>,
    elapsed: Duration,
}

impl Broker {
    pub fn new(topics: usize) -> Self {
        let wish = FilterWish::new(TopicFilter::parse("#").unwrap(), Qos::AtMostOnce);
        let mut setup = setup(120, 36);
        setup.profiles[0].platform = PlatformId::Mqtt;
        setup.profiles[0].capabilities = Capabilities::MQTT;
        setup.profiles[0].topics = vec![wish];
        let (app, _effects) = App::new(setup);
        let mut broker = Self {
            app,
            events: (0..topics)
                .map(|n| on_topic(&format!("plant/line-{}/sensor-{n}", n / 100)))
                .collect(),
            elapsed: Duration::ZERO,
        };
        let link = LinkState::Connected {
            since: Timestamp::from_seconds(1_790_000_000),
            session_present: false,
        };
        broker.feed(Event::Session(SESSION, SessionEvent::Link(link)));
        for event in broker.events.clone() {
            broker.feed(event);
        }
        broker.rest();
        broker.feed(on_topic("plant"));
        broker
    }

    /// Every topic is a row.
    pub fn unfold(&mut self) {
        for key in ['g', 'O', 'O', 'O'] {
            self.feed(Event::Key(Key::plain(KeyCode::Char(key))));
            let Body::Topics(_) = &self.app.screen(self.now()).panes[0].body else {
                return;
            };
            if self.app.screen(self.now()).panes[0].scroll.total > self.events.len() {
                return;
            }
        }
    }

    /// A millisecond later.
    pub fn feed(&mut self, event: Event) -> Vec<Effect> {
        self.elapsed += Duration::from_millis(1);
        let now = self.now();
        self.app.update(now, event)
    }

    /// Time passes.
    pub fn rest(&mut self) {
        self.elapsed += Duration::from_secs(2);
    }

    pub fn now(&self) -> Moment {
        Moment {
            mono: Mono(self.elapsed),
            wall: Timestamp::from_seconds(1_790_000_000).plus(self.elapsed),
        }
    }
}

pub fn on_topic(topic: &str) -> Event {
    let message = Message {
        topic: Topic::received(topic),
        ..message(Bytes::from_static(b"{\"value\":21.5}"))
    };
    Event::Session(
        SESSION,
        SessionEvent::Message(Box::new(message), Reading::default()),
    )
}

fn setup(width: u16, height: u16) -> Setup {
    let profile = ProfileSummary {
        capabilities: Capabilities {
            push: Some("push"),
            event: Some("event"),
            state: true,
            control: true,
            energy: true,
            ..Capabilities::NONE
        },
        ..ProfileSummary::new("home", PlatformId::Thinq, "token: env THINQ_PAT")
    };
    Setup {
        zone_offset_seconds: 9 * 3600,
        memory_limit: 256 << 20,
        ..Setup::new(Size { width, height }, vec![profile])
    }
}

fn device(number: usize) -> Device {
    const NAMES: [&str; 4] = ["거실 에어컨", "Washer", "冰箱 Kühlschrank", "로봇청소기"];
    Device {
        id: DeviceId::new(&device_id(number)),
        name: format!("{} {number}", NAMES[number % NAMES.len()]),
        kind: "DEVICE_WASHER".to_owned(),
        model: "F_V8_Y___W.B_2QEUK".to_owned(),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: Vec::new(),
    }
}

/// That many messages, kept.
pub fn ring(messages: usize) -> Ring {
    let mut deck = Deck::new(16, 80, 24);
    let mut ring = Ring::new(256 << 20);
    for _ in 0..messages {
        if let Event::Session(_, SessionEvent::Message(message, reading)) = deck.next_message() {
            let note = Note {
                kind: reading.kind,
                device: None,
                gist: &reading.gist,
                mask: &reading.mask,
            };
            ring.push(&message, note);
        }
    }
    ring
}

/// An array of reports, about that long.
pub fn long_json(bytes: usize) -> Vec<u8> {
    let reports = reports();
    let mut text = String::from("[");
    for report in reports.iter().cycle() {
        if text.len() + report.len() > bytes {
            break;
        }
        text.push_str(report);
        text.push(',');
    }
    text.pop();
    text.push(']');
    text.into_bytes()
}
