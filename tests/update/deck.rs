//! `Deck`: the core with a scripted world around it, so that a test reads like a story. Nothing sleeps and nothing is
//! opened: effects are looked at or answered at once.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

mod fixtures;
mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Key, KeyCode, Mouse, MouseKind, Outcome, Size, TimerId};
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::Moment;
use thingdeck::base::problem::Problem;
use thingdeck::domain::batch::{Batch, Head};
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::model::Model;
use thingdeck::domain::profile::{PlatformId, Version};
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::request::{Reply, Request, RequestId, Setting};
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::subscription::{Feed, FeedState};
use thingdeck::domain::topic::{Topic, TopicFilter};

pub use fixtures::*;
pub use reading::{body, plain};

pub const START: i64 = 1_763_671_200; // 2025-11-20T20:40:00Z

pub struct Deck {
    pub app: App,
    pub at: Moment,
    /// Effects that no test has looked at yet.
    pub effects: Vec<Effect>,
    /// Requests that nobody has answered yet.
    pub open: Vec<(RequestId, Request)>,
    pub timers: BTreeMap<TimerId, Moment>,
    pub session: SessionId,
    /// The world answers feeds, states, models and rehearsals by itself.
    pub obliging: bool,
    pub models: BTreeMap<String, Arc<Model>>,
    pub states: BTreeMap<String, Value>,
    received: u64,
}

impl Deck {
    pub fn new(setup: Setup) -> Self {
        let at = setup.at;
        let (app, effects) = App::new(setup);
        let mut deck = Self {
            app,
            at,
            effects: Vec::new(),
            open: Vec::new(),
            timers: BTreeMap::new(),
            session: SessionId::default(),
            obliging: true,
            models: BTreeMap::from([("d-air".to_owned(), Arc::new(air_conditioner()))]),
            states: BTreeMap::from([("d-air".to_owned(), air_state())]),
            received: 0,
        };
        deck.take(effects);
        deck
    }

    /// Connected, with four devices and nothing subscribed.
    pub fn connected() -> Self {
        let mut deck = Self::new(setup());
        deck.connect();
        deck.fact(Fact::Devices(household()));
        deck.effects.clear();
        deck
    }

    /// Connected to a plain broker that speaks MQTT 5, with these filters of the profile granted as wished.
    pub fn broker(filters: &[&str]) -> Self {
        let topics: Vec<_> = filters.iter().map(|f| wish(f, 1)).collect();
        let lab = ProfileSummary {
            platform: PlatformId::Mqtt,
            capabilities: Capabilities::MQTT,
            place: "mqtt://127.0.0.1:1883".to_owned(),
            version: Version::V5,
            topics,
            ..profile("lab")
        };
        let mut deck = Self::new(Setup {
            profiles: vec![lab],
            open: "lab".to_owned(),
            ..setup()
        });
        deck.connect();
        for filter in filters {
            deck.granted(filter, Ok(Qos::AtLeastOnce));
        }
        deck.effects.clear();
        deck
    }

    /// Connected to AWS, with three things; nothing is answered by itself.
    pub fn fleet() -> Self {
        let fleet = ProfileSummary {
            platform: PlatformId::Aws,
            capabilities: Capabilities::AWS,
            place: "abc-ats.iot.eu-west-1.amazonaws.com".to_owned(),
            ..profile("fleet")
        };
        let mut deck = Self::new(Setup {
            profiles: vec![fleet],
            open: "fleet".to_owned(),
            ..setup()
        });
        deck.connect();
        let things = ["RPI", "thermostat", "valve"];
        deck.fact(Fact::Devices(
            things.map(|id| device(id, id, "THING")).into(),
        ));
        deck.hold();
        deck.open.clear();
        deck.effects.clear();
        deck
    }

    /// The same with MQTT 3.1.1 and nothing subscribed.
    pub fn plain_broker() -> Self {
        let lab = ProfileSummary {
            platform: PlatformId::Mqtt,
            capabilities: Capabilities::MQTT,
            ..profile("lab")
        };
        let mut deck = Self::new(Setup {
            profiles: vec![lab],
            open: "lab".to_owned(),
            ..setup()
        });
        deck.connect();
        deck
    }

    pub fn granted(&mut self, filter: &str, result: Result<Qos, String>) -> &mut Self {
        let filter = TopicFilter::parse(filter).expect("a filter");
        let event = SessionEvent::Granted { filter, result };
        self.event(Event::Session(self.session, event))
    }

    pub fn sized(width: u16, height: u16) -> Self {
        let mut deck = Self::connected();
        deck.resize(width, height);
        deck
    }

    pub fn connect(&mut self) -> &mut Self {
        let since = self.at.wall;
        self.link(LinkState::Connected {
            since,
            session_present: false,
        })
    }

    pub fn event(&mut self, event: Event) -> &mut Self {
        let effects = self.app.update(self.at, event);
        self.take(effects);
        self
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::Open { id, .. } => self.session = *id,
                Effect::Request(id, request) => self.open.push((*id, request.clone())),
                Effect::Abort(id) => self.open.retain(|(open, _)| open != id),
                Effect::StartTimer(id, wait) => {
                    let due = Moment {
                        mono: self.at.mono.plus(*wait),
                        wall: self.at.wall.plus(*wait),
                    };
                    self.timers.insert(*id, due);
                }
                Effect::StopTimer(id) => {
                    self.timers.remove(id);
                }
                _ => {}
            }
            self.effects.push(effect);
        }
        if self.obliging {
            self.oblige();
        }
    }

    fn oblige(&mut self) {
        while let Some(index) = self
            .open
            .iter()
            .position(|(_, r)| self.reply_to(r).is_some())
        {
            let (id, request) = self.open.remove(index);
            let reply = self.reply_to(&request).expect("just asked");
            self.event(Event::Reply(id, Ok(reply)));
        }
    }

    fn reply_to(&self, request: &Request) -> Option<Reply> {
        match request {
            Request::Feed { on, feed, .. } => Some(Reply::Feed(self.confirmed(*feed, *on))),
            Request::Model { device } => {
                let model = self
                    .models
                    .get(device.as_str())
                    .cloned()
                    .unwrap_or_default();
                Some(Reply::Model {
                    model,
                    raw: Arc::new(Value::Null),
                })
            }
            Request::State { device } => {
                let state = self.states.get(device.as_str()).cloned();
                Some(Reply::State(Arc::new(state.unwrap_or_else(|| json!({})))))
            }
            Request::Control {
                settings, dry_run, ..
            } => Some(Reply::Control {
                body: rehearsal(settings),
                sent: !dry_run,
            }),
            _ => None,
        }
    }

    pub fn confirmed(&self, feed: Feed, on: bool) -> FeedState {
        match (feed, on) {
            (_, false) => FeedState::Off,
            (Feed::Push, true) => FeedState::On { until: None },
            (Feed::Event, true) => FeedState::On {
                until: Some(self.at.wall.plus(Duration::from_hours(24))),
            },
        }
    }

    /// Nothing is answered from here on.
    pub fn hold(&mut self) -> &mut Self {
        self.obliging = false;
        self
    }

    /// Answers the oldest open request.
    pub fn answer(&mut self, result: Result<Reply, Problem>) -> &mut Self {
        let (id, _) = self.open.remove(0);
        self.event(Event::Reply(id, result))
    }

    /// Answers the oldest open request about that device.
    pub fn answer_for(&mut self, wanted: &str, result: Result<Reply, Problem>) -> &mut Self {
        let about = |r: &Request| match r {
            Request::Feed { device, .. }
            | Request::State { device }
            | Request::Model { device }
            | Request::Control { device, .. }
            | Request::Energy { device } => device.as_str() == wanted,
            Request::Shadow(what) => what.thing().as_str() == wanted,
            _ => false,
        };
        let index = self.open.iter().position(|(_, r)| about(r));
        let index =
            index.unwrap_or_else(|| panic!("nothing is asked about {wanted}: {:?}", self.open));
        let (id, _) = self.open.remove(index);
        self.event(Event::Reply(id, result))
    }

    pub fn link(&mut self, state: LinkState) -> &mut Self {
        self.event(Event::Session(self.session, SessionEvent::Link(state)))
    }

    pub fn fact(&mut self, fact: Fact) -> &mut Self {
        self.event(Event::Session(self.session, SessionEvent::Fact(fact)))
    }

    /// The wish's request id of the last effect of that sort.
    pub fn done(&mut self, id: RequestId, result: Result<Outcome, Problem>) -> &mut Self {
        self.event(Event::Done(id, result))
    }

    /// `count` numbered messages: `{"n":1}`, …
    pub fn receive(&mut self, count: usize, topic: &str) -> &mut Self {
        for _ in 0..count {
            self.received += 1;
            let payload = format!("{{\"n\":{}}}", self.received);
            self.message(topic, None, Kind::Message, &payload, Vec::new());
        }
        self
    }

    pub fn receive_from(&mut self, device: &str, kind: Kind, payload: &str) -> &mut Self {
        self.message(
            "app/clients/x/push",
            Some(device),
            kind,
            payload,
            Vec::new(),
        )
    }

    /// A report: the message and what the adapter reads in it.
    pub fn report(&mut self, device: &str, patch: Value) -> &mut Self {
        let payload = json!({"pushType": "DEVICE_STATUS", "report": patch}).to_string();
        let facts = vec![Fact::Report {
            device: DeviceId::new(device),
            patch: Arc::new(patch),
        }];
        self.message(
            "app/clients/x/push",
            Some(device),
            Kind::Event,
            &payload,
            facts,
        )
    }

    /// Any bytes, of no device.
    pub fn receive_bytes(&mut self, topic: &str, payload: &[u8]) -> &mut Self {
        self.hear(topic, payload, Reading::default())
    }

    fn message(
        &mut self,
        topic: &str,
        device: Option<&str>,
        kind: Kind,
        payload: &str,
        facts: Vec<Fact>,
    ) -> &mut Self {
        let reading = Reading {
            kind,
            device: device.map(DeviceId::new),
            facts,
            ..Reading::default()
        };
        self.hear(topic, payload.as_bytes(), reading)
    }

    fn hear(&mut self, topic: &str, payload: &[u8], reading: Reading) -> &mut Self {
        let message = Message {
            at: self.at.wall,
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: Bytes::copy_from_slice(payload),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        let event = SessionEvent::Message(Box::new(message), reading);
        self.event(Event::Session(self.session, event))
    }

    /// Keys by name, blanks between: `3 k k space`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for name in keys.split_whitespace() {
            self.event(Event::Key(key(name)));
        }
        self
    }

    /// An action by its name.
    pub fn palette(&mut self, words: &str) -> &mut Self {
        self.press(":").type_text(words).press("enter")
    }

    /// Letter by letter, blanks too.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.event(Event::Key(Key::plain(KeyCode::Char(c))));
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.event(Event::Paste(text.to_owned()))
    }

    pub fn click(&mut self, column: u16, row: u16) -> &mut Self {
        self.mouse(MouseKind::Click, column, row)
    }

    pub fn mouse(&mut self, kind: MouseKind, column: u16, row: u16) -> &mut Self {
        self.event(Event::Mouse(Mouse { kind, column, row }))
    }

    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.event(Event::Resize(Size { width, height }))
    }

    /// Time passes; timers that are due by then ring.
    pub fn wait(&mut self, wait: Duration) -> &mut Self {
        let end = Moment {
            mono: self.at.mono.plus(wait),
            wall: self.at.wall.plus(wait),
        };
        loop {
            let due = self
                .timers
                .iter()
                .min_by_key(|(_, at)| at.mono)
                .map(|(id, at)| (*id, *at));
            match due {
                Some((id, at)) if at.mono <= end.mono => {
                    self.timers.remove(&id);
                    self.at = at;
                    self.event(Event::Timer(id));
                }
                _ => break,
            }
        }
        self.at = end;
        self
    }

    /// Effects since the last look, timers left out.
    pub fn asked(&mut self) -> Vec<Effect> {
        let timers = |e: &Effect| matches!(e, Effect::StartTimer(..) | Effect::StopTimer(_));
        std::mem::take(&mut self.effects)
            .into_iter()
            .filter(|e| !timers(e))
            .collect()
    }

    /// Requests since the last look.
    pub fn requests(&mut self) -> Vec<Request> {
        self.asked()
            .into_iter()
            .filter_map(|e| match e {
                Effect::Request(_, request) => Some(request),
                _ => None,
            })
            .collect()
    }

    pub fn quits(&mut self) -> bool {
        self.asked().contains(&Effect::Quit)
    }
}

fn rehearsal(settings: &[Setting]) -> String {
    let part = |s: &Setting| json!({&s.path.resource: {&s.path.property: &s.value}});
    let mut body = json!({});
    for setting in settings {
        thingdeck::domain::state::merge(&mut body, &part(setting));
    }
    body.to_string()
}

pub fn key(name: &str) -> Key {
    let code = match name {
        "space" => KeyCode::Char(' '),
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "backspace" => KeyCode::Backspace,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        _ => {
            if let Some(letter) = name.strip_prefix("ctrl-") {
                return Key::ctrl(letter.chars().next().expect("a letter"));
            }
            let mut chars = name.chars();
            let only = chars.next().filter(|_| chars.next().is_none());
            KeyCode::Char(only.unwrap_or_else(|| panic!("{name} is no key")))
        }
    };
    Key::plain(code)
}

pub fn held(name: &str) -> Event {
    Event::Key(Key {
        repeat: true,
        ..key(name)
    })
}

/// Messages as one batch: topic, payload, retained.
pub fn batch(messages: &[(&str, &str, bool)]) -> SessionEvent {
    let mut bytes = Vec::new();
    let mut heads = Vec::new();
    for (topic, payload, retain) in messages {
        let length = u16::try_from(topic.len()).expect("short");
        let head = Head::new(bytes.len(), length, 0, payload.len());
        heads.push(head.marked(Qos::AtMostOnce, 0, *retain, false));
        bytes.extend(topic.as_bytes());
        bytes.extend(payload.as_bytes());
    }
    let held = bytes.len();
    SessionEvent::Messages(Batch::new(bytes.into(), held, heads))
}
