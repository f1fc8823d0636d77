//! `Deck`: the core with a scripted world around it, so that a test reads like a story. Nothing sleeps and nothing is
//! opened: effects are looked at or answered at once.

#![expect(
    clippy::panic,
    reason = "a helper that finds nothing says what there was instead"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use thingdeck::app::effect::Effect;
use thingdeck::app::event::{Event, Key, KeyCode, Mouse, MouseKind, Outcome, Size, TimerId};
use thingdeck::app::screen::{
    Body, CommandRow, ComposeRow, DeviceRow, FilterRow, Fold, Line, MessageRow, Overlay, PaneId,
    PaneView, Screen, SubscriptionRow, TopicRow,
};
use thingdeck::app::{App, ProfileSummary, Setup};
use thingdeck::base::moment::{Moment, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Message, Qos};
use thingdeck::domain::model::{Domain, Model, Property};
use thingdeck::domain::profile::{OnQuit, PlatformId, Version};
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::request::{PropertyPath, Reply, Request, RequestId, Setting};
use thingdeck::domain::session::{LinkState, SessionEvent, SessionId};
use thingdeck::domain::subscription::{Feed, FeedState, FilterWish};
use thingdeck::domain::topic::{Topic, TopicFilter};

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

pub fn thinq() -> Capabilities {
    Capabilities {
        push: Some("push"),
        event: Some("event"),
        state: true,
        control: true,
        energy: true,
        nobody: Capabilities::THINQ.nobody,
        ..Capabilities::NONE
    }
}

pub fn profile(name: &str) -> ProfileSummary {
    ProfileSummary {
        name: name.to_owned(),
        platform: PlatformId::Thinq,
        capabilities: thinq(),
        simulated: false,
        insecure: false,
        event_hours: 24,
        on_quit: OnQuit::Keep,
        place: "token: env THINQ_PAT".to_owned(),
        version: Version::V311,
        topics: Vec::new(),
    }
}

pub fn wish(filter: &str, qos: u8) -> FilterWish {
    let filter = TopicFilter::parse(filter).expect("a filter");
    FilterWish::new(filter, Qos::from_number(qos).expect("a QoS"))
}

pub fn setup() -> Setup {
    Setup {
        at: Moment {
            wall: Timestamp::from_seconds(START),
            ..Moment::default()
        },
        size: Size {
            width: 120,
            height: 40,
        },
        zone_offset_seconds: 0,
        profiles: vec![profile("home"), profile("cabin")],
        open: "home".to_owned(),
        hint: None,
        memory_limit: 8 << 20,
        keeps_history: false,
        mouse: true,
        pins: thingdeck::domain::decode::Pins::default(),
        programs: thingdeck::domain::program::Programs::default(),
        seed: 1,
    }
}

pub fn device(id: &str, name: &str, kind: &str) -> Device {
    Device {
        id: DeviceId::new(id),
        name: name.to_owned(),
        kind: format!("DEVICE_{kind}"),
        model: format!("{kind}_01"),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: Vec::new(),
    }
}

/// In the order in which the screen has them.
pub fn household() -> Vec<Device> {
    vec![
        device("d-dryer", "Dryer", "DRYER"),
        device("d-hood", "Hood", "HOOD"),
        device("d-washer", "Washer", "WASHER"),
        device("d-air", "거실 에어컨", "AIR_CONDITIONER"),
    ]
}

pub fn path(text: &str) -> PropertyPath {
    let parts: Vec<_> = text.split('.').collect();
    let (place, resource, property) = match parts.as_slice() {
        [place, resource, property] => (Some((*place).to_owned()), resource, property),
        [resource, property] => (None, resource, property),
        _ => panic!("{text} is no path"),
    };
    PropertyPath {
        place,
        resource: (*resource).to_owned(),
        property: (*property).to_owned(),
    }
}

fn words(list: &[&str]) -> Domain {
    Domain::Words(list.iter().map(|w| (*w).to_owned()).collect())
}

fn property(at: &str, read: Domain, write: Option<Domain>, unit: &str) -> Property {
    Property {
        path: path(at),
        readable: true,
        read,
        write,
        unit: unit.to_owned(),
        together: Vec::new(),
    }
}

/// An air conditioner: a switch, a temperature in halves, a timer whose parts go together, START that reads ON.
pub fn air_conditioner() -> Model {
    let degrees = Domain::Range {
        min: 18.into(),
        max: 30.into(),
        step: serde_json::Number::from_f64(0.5).expect("a number"),
        except: Vec::new(),
    };
    let power = words(&["POWER_ON", "POWER_OFF"]);
    let mut hour = property(
        "timer.relativeHourToStop",
        Domain::Number,
        Some(Domain::Number),
        "",
    );
    hour.together = vec![path("timer.relativeMinuteToStop")];
    let mut minute = property(
        "timer.relativeMinuteToStop",
        Domain::Number,
        Some(Domain::Number),
        "",
    );
    minute.together = vec![path("timer.relativeHourToStop")];
    Model {
        properties: vec![
            property(
                "operation.airConOperationMode",
                power.clone(),
                Some(power),
                "",
            ),
            property(
                "operation.airCleanOperationMode",
                words(&["ON", "OFF"]),
                Some(words(&["START", "STOP"])),
                "",
            ),
            property("temperature.currentTemperature", Domain::Number, None, "C"),
            property(
                "temperature.targetTemperature",
                Domain::Number,
                Some(degrees),
                "C",
            ),
            hour,
            minute,
            property("filterInfo.usedTime", Domain::Number, None, "h"),
        ],
        ..Model::default()
    }
}

pub fn air_state() -> Value {
    json!({
        "operation": {"airConOperationMode": "POWER_OFF"},
        "temperature": {"currentTemperature": 27, "targetTemperature": 24.5, "unit": "C"},
        "timer": {"relativeHourToStop": null, "relativeMinuteToStop": null},
    })
}

pub fn refusal(code: &str, words: &str) -> Problem {
    Problem::new(
        "the platform refused",
        format!("LG answered {code}: {words}"),
        "see the app",
    )
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
        let event = SessionEvent::Message(Box::new(message), Reading::default());
        self.event(Event::Session(self.session, event))
    }

    fn message(
        &mut self,
        topic: &str,
        device: Option<&str>,
        kind: Kind,
        payload: &str,
        facts: Vec<Fact>,
    ) -> &mut Self {
        let message = Message {
            at: self.at.wall,
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        let reading = Reading {
            kind,
            device: device.map(DeviceId::new),
            facts,
            ..Reading::default()
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

    pub fn screen(&self) -> Screen {
        self.app.screen(self.at)
    }

    pub fn pane(&self, id: PaneId) -> PaneView {
        let screen = self.screen();
        let shown: Vec<_> = screen.panes.iter().map(|p| p.id).collect();
        let pane = screen.panes.into_iter().find(|p| p.id == id);
        pane.unwrap_or_else(|| panic!("{id:?} is not among {shown:?}"))
    }

    pub fn devices(&self) -> Vec<DeviceRow> {
        match self.pane(PaneId::Devices).body {
            Body::Devices(rows) => rows,
            other => panic!("no device rows: {other:?}"),
        }
    }

    /// The same, where the pane may be empty.
    pub fn device_rows(&self) -> Vec<DeviceRow> {
        match self.pane(PaneId::Devices).body {
            Body::Devices(rows) => rows,
            _ => Vec::new(),
        }
    }

    pub fn topics(&self) -> Vec<TopicRow> {
        match self.pane(PaneId::Devices).body {
            Body::Topics(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no topic rows: {other:?}"),
        }
    }

    /// The tree as a person sees it: `-home`, ` +kitchen`, `  temp`; the selected one begins with `>`.
    pub fn tree(&self) -> Vec<String> {
        let text = |row: &TopicRow| {
            let cursor = if row.selected { ">" } else { "" };
            let sign = match row.fold {
                Fold::Leaf => "",
                Fold::Folded => "+",
                Fold::Unfolded => "-",
            };
            let air = " ".repeat(usize::from(row.depth));
            format!("{cursor}{air}{sign}{}", row.name)
        };
        self.topics().iter().map(text).collect()
    }

    pub fn topic(&self, name: &str) -> TopicRow {
        let rows = self.topics();
        let row = rows.iter().find(|r| r.name.as_str() == name).cloned();
        row.unwrap_or_else(|| panic!("no row {name}: {rows:?}"))
    }

    pub fn filters(&self) -> Vec<FilterRow> {
        match self.pane(PaneId::Subscriptions).body {
            Body::Filters(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no filter rows: {other:?}"),
        }
    }

    pub fn filter(&self, filter: &str) -> FilterRow {
        let rows = self.filters();
        let row = rows.iter().find(|r| r.filter.as_str() == filter).cloned();
        row.unwrap_or_else(|| panic!("no row {filter}: {rows:?}"))
    }

    pub fn device(&self, name: &str) -> DeviceRow {
        let rows = self.devices();
        let row = rows.iter().find(|r| r.name.as_str() == name).cloned();
        row.unwrap_or_else(|| panic!("no row {name}: {rows:?}"))
    }

    pub fn device_names(&self) -> Vec<String> {
        self.devices().iter().map(|r| r.name.to_string()).collect()
    }

    pub fn selected_device(&self) -> String {
        let rows = self.device_rows();
        let row = rows.iter().find(|r| r.selected);
        row.map_or(String::new(), |r| r.name.to_string())
    }

    pub fn messages(&self) -> Vec<MessageRow> {
        match self.pane(PaneId::Messages).body {
            Body::Messages(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no message rows: {other:?}"),
        }
    }

    /// What the rows say, oldest first.
    pub fn gists(&self) -> Vec<String> {
        self.messages().iter().map(|r| plain(&r.gist)).collect()
    }

    pub fn selected_gist(&self) -> String {
        let rows = self.messages();
        rows.iter()
            .find(|r| r.selected)
            .map_or(String::new(), |r| plain(&r.gist))
    }

    pub fn subscriptions(&self) -> Vec<SubscriptionRow> {
        match self.pane(PaneId::Subscriptions).body {
            Body::Subscriptions(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no subscription rows: {other:?}"),
        }
    }

    pub fn commands(&self) -> Vec<CommandRow> {
        match self.pane(PaneId::Publish).body {
            Body::Commands(rows) => rows,
            Body::Empty(_) => Vec::new(),
            other => panic!("no command rows: {other:?}"),
        }
    }

    pub fn inspector(&self) -> String {
        body(&self.pane(PaneId::Inspector).body)
    }

    pub fn note(&self, id: PaneId) -> String {
        self.pane(id)
            .note
            .map_or(String::new(), |n| n.text.to_string())
    }

    pub fn notice(&self) -> String {
        self.screen()
            .footer
            .notice
            .map_or(String::new(), |n| n.text.to_string())
    }

    pub fn focus(&self) -> PaneId {
        let screen = self.screen();
        screen
            .panes
            .iter()
            .find(|p| p.focused)
            .expect("one has the focus")
            .id
    }

    /// All that the topmost box says.
    pub fn overlay(&self) -> String {
        self.screen().overlays.last().map_or(String::new(), overlay)
    }

    pub fn state_words(&self) -> String {
        self.screen().header.state.text.to_string()
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

fn compose_row(row: &ComposeRow) -> String {
    match row {
        ComposeRow::Text { text, broken, .. } => {
            let sign = if *broken { "! " } else { "" };
            format!("{sign}{text}")
        }
        ComposeRow::Line(line) => plain(line),
        other => format!("{other:?}"),
    }
}

pub fn held(name: &str) -> Event {
    Event::Key(Key {
        repeat: true,
        ..key(name)
    })
}

pub fn plain(line: &Line) -> String {
    line.iter().map(|s| s.text.as_str()).collect()
}

pub fn lines(all: &[Line]) -> String {
    all.iter().map(plain).collect::<Vec<_>>().join("\n")
}

pub fn body(body: &Body) -> String {
    match body {
        Body::Empty(all) | Body::Lines(all) | Body::Document { lines: all, .. } => lines(all),
        other => format!("{other:#?}"),
    }
}

pub fn overlay(overlay: &Overlay) -> String {
    let mut out = String::new();
    let _ = match overlay {
        Overlay::Text(shown) => writeln!(
            out,
            "{}\n{}\n{}",
            shown.title,
            lines(&shown.lines),
            shown.hint
        ),
        Overlay::Choice(shown) => {
            let _ = writeln!(out, "{}\n{}", shown.title, lines(&shown.intro));
            for row in &shown.rows {
                let mark = if row.selected { "> " } else { "  " };
                let _ = writeln!(out, "{mark}{} | {}", plain(&row.name), row.detail.text);
            }
            Ok(())
        }
        Overlay::Form(shown) => {
            let _ = writeln!(out, "{}\n{}", shown.title, lines(&shown.intro));
            for field in &shown.fields {
                let mark = if field.focused { "> " } else { "  " };
                let note = field.note.as_ref().map_or("", |n| n.text.as_str());
                let _ = writeln!(out, "{mark}{}: {} ({note})", field.label, field.value);
            }
            writeln!(out, "{}", lines(&shown.below))
        }
        Overlay::Editor(shown) => {
            let rows: Vec<_> = shown.rows.iter().map(compose_row).collect();
            writeln!(
                out,
                "{}\n{}\n{}\n{}\n{}",
                shown.title,
                lines(&shown.intro),
                rows.join("\n"),
                lines(&shown.below),
                shown.hint
            )
        }
        Overlay::Confirm(shown) => {
            let answers: Vec<_> = shown
                .answers
                .iter()
                .map(|(k, d)| format!("{k} {d}"))
                .collect();
            writeln!(
                out,
                "{}\n{}\n{}",
                shown.title,
                lines(&shown.lines),
                answers.join(", ")
            )
        }
    };
    out
}
