//! A console that plays a script: replies by request, session events once the session is opened, and a clock that moves
//! only when a verb waits for a deadline.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use serde_json::{Value, json};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::base::secret::Secret;
use thingdeck::cli::verb::{Existing, Place, Verb};
use thingdeck::cli::{Command, Options};
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::decode::Pins;
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::message::{AckToken, Direction, Draft, Message, Qos};
use thingdeck::domain::model::{Domain, Model, Property};
use thingdeck::domain::profile::{
    Common, MqttSettings, OnQuit, Profile, SecretRef, Settings, ThinqSettings,
};
use thingdeck::domain::provision::{NewThingProfile, SavedThing};
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::request::{PropertyPath, Reply, Request, RequestId};
use thingdeck::domain::session::{Delivered, LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::headless::console::{
    Answer, Console, Heard, NewEntry, Opening, Pending, Piece, Unwritten,
};
use thingdeck::headless::run;
use thingdeck::platform::catalog::build;

type Answers = Box<dyn FnMut(&Request) -> Result<Reply, Problem> + Send>;

/// What a verb did to the outside, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Out(String),
    Ask(Request),
    Open(Opening),
    Command(SessionCommand),
    Choose(String),
    Save(Box<NewEntry>),
    Remove(String),
    SaveThing(Box<NewThingProfile>),
    Try(String),
    Confirm(String),
    OpenRecording(String, Existing),
    /// Lines that went to the recording together.
    Record(String),
    CloseRecording {
        keep: bool,
    },
    Close,
}

pub struct Stage {
    pub deeds: Vec<Deed>,
    /// `[decode]` of the config file.
    pub pins: Pins,
    pub said: Vec<String>,
    pub profiles: Vec<Profile>,
    pub default: Option<String>,
    /// Where the profile cannot be told.
    pub no_profile: Option<Problem>,
    pub stdin: String,
    /// What the one file of this machine holds.
    pub file: Vec<u8>,
    pub answer: Answer,
    /// Lines that stdout takes before its reader goes away.
    pub room: usize,
    /// Who reads it is watched.
    pub heeds_reader: bool,
    /// Why it takes no more.
    pub unwritten: Unwritten,
    /// What removing a profile leaves behind.
    pub left: Vec<String>,
    /// Why no profile is saved.
    pub unsaved: Option<Problem>,
    /// Why a new thing may not connect.
    pub refusal: Option<Problem>,
    /// What a recording holds that is replayed.
    pub pieces: VecDeque<Piece>,
    wants_piece: bool,
    /// Batches that the disk takes before it is full.
    pub disk: usize,
    answers: Answers,
    /// Comes before the reply to the next request.
    pub on_the_way: VecDeque<Heard>,
    /// Comes once the session is opened.
    pub stream: VecDeque<Heard>,
    /// One for each publish, until there are no more.
    pub receipts: VecDeque<Result<Delivered, Problem>>,
    queue: VecDeque<Heard>,
    now: Mono,
    requests: u64,
}

impl Stage {
    /// A home with the four devices of [`devices`] and a platform that answers as told there.
    pub fn home() -> Self {
        Self {
            deeds: Vec::new(),
            pins: Pins::default(),
            said: Vec::new(),
            profiles: vec![profile("home")],
            default: Some("home".to_owned()),
            no_profile: None,
            stdin: String::new(),
            file: Vec::new(),
            answer: Answer::Yes,
            room: usize::MAX,
            heeds_reader: false,
            unwritten: Unwritten::Closed,
            left: Vec::new(),
            unsaved: None,
            refusal: None,
            pieces: VecDeque::new(),
            wants_piece: false,
            disk: usize::MAX,
            answers: Box::new(|request| Ok(usual(request))),
            on_the_way: VecDeque::new(),
            stream: VecDeque::new(),
            receipts: VecDeque::new(),
            queue: VecDeque::new(),
            now: Mono::default(),
            requests: 0,
        }
    }

    /// A broker that takes `publishes` messages, and a profile of it.
    pub fn lab(publishes: usize) -> Self {
        let mut stage = Self::home();
        stage.profiles = vec![broker("lab", |_| {})];
        stage.receipts = vec![Ok(Delivered::default()); publishes].into();
        stage.streaming([connected()])
    }

    /// Other answers; what `answers` leaves out is answered as usual.
    pub fn answering(
        mut self,
        mut answers: impl FnMut(&Request) -> Option<Result<Reply, Problem>> + Send + 'static,
    ) -> Self {
        self.answers =
            Box::new(move |request| answers(request).unwrap_or_else(|| Ok(usual(request))));
        self
    }

    pub fn streaming(mut self, heard: impl IntoIterator<Item = Heard>) -> Self {
        self.stream.extend(heard);
        self
    }

    /// Runs a command line, without the program's name.
    pub fn run(&mut self, line: &[&str]) -> Exit {
        let arguments = std::iter::once("thingdeck")
            .chain(line.iter().copied())
            .map(Into::into);
        let options = Options::read(arguments, std::iter::empty().collect())
            .unwrap_or_else(|declined| panic!("{declined}"));
        match options.command {
            Command::Verb(verb) => self.play(&verb),
            other => panic!("{other:?} is no verb"),
        }
    }

    /// The stage never waits, so one poll is the whole play.
    fn play(&mut self, verb: &Verb) -> Exit {
        let mut play = std::pin::pin!(run(verb, self));
        match play.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(exit) => exit,
            Poll::Pending => panic!("the verb waits for something that is no part of its console"),
        }
    }

    pub fn printed(&self) -> Vec<&str> {
        let lines = self.deeds.iter().filter_map(|deed| match deed {
            Deed::Out(line) => Some(line.as_str()),
            _ => None,
        });
        lines.collect()
    }

    /// What stands in the recording, batch by batch.
    pub fn recorded(&self) -> Vec<&str> {
        let batches = self.deeds.iter().filter_map(|deed| match deed {
            Deed::Record(lines) => Some(lines.as_str()),
            _ => None,
        });
        batches.collect()
    }

    pub fn published(&self) -> Vec<&Draft> {
        let drafts = self.deeds.iter().filter_map(|deed| match deed {
            Deed::Command(SessionCommand::Publish(_, draft)) => Some(draft),
            _ => None,
        });
        drafts.collect()
    }

    pub fn asked(&self) -> Vec<&Request> {
        let requests = self.deeds.iter().filter_map(|deed| match deed {
            Deed::Ask(request) => Some(request),
            _ => None,
        });
        requests.collect()
    }

    /// How far the clock moved.
    pub fn elapsed(&self) -> std::time::Duration {
        self.now.0
    }

    /// All of stderr.
    pub fn talk(&self) -> String {
        self.said.join("\n")
    }
}

impl Console for Stage {
    fn out<'a>(&'a mut self, line: &'a str) -> Pending<'a, Result<(), Unwritten>> {
        assert!(!line.contains('\n'), "one line at a time");
        let closed = self.printed().len() >= self.room;
        if !closed {
            self.deeds.push(Deed::Out(line.to_owned()));
        }
        Box::pin(std::future::ready(if closed {
            Err(self.unwritten.clone())
        } else {
            Ok(())
        }))
    }

    fn heed_reader(&mut self) {
        self.heeds_reader = true;
    }

    fn say(&mut self, text: &str) {
        self.said.push(text.to_owned());
    }

    fn now(&self) -> Moment {
        Moment {
            mono: self.now,
            wall: START.plus(self.now.0),
        }
    }

    fn profile(&self) -> Result<Profile, Problem> {
        match &self.no_profile {
            Some(problem) => Err(problem.clone()),
            None => Ok(self.profiles[0].clone()),
        }
    }

    fn profiles(&self) -> Vec<Profile> {
        self.profiles.clone()
    }

    fn default_profile(&self) -> Option<String> {
        self.default.clone()
    }

    fn capabilities(&self, profile: &Profile) -> Capabilities {
        build(profile).info().capabilities
    }

    fn pins(&self) -> Pins {
        self.pins.clone()
    }

    fn check_filter(&self, profile: &Profile, wish: &FilterWish) -> Result<(), Problem> {
        build(profile).check_filter(wish)
    }

    fn choose(&mut self, profile: Profile) -> Result<(), Problem> {
        self.deeds.push(Deed::Choose(profile.name));
        Ok(())
    }

    fn save_profile(&mut self, profile: &NewEntry) -> Result<String, Problem> {
        self.deeds.push(Deed::Save(Box::new(profile.clone())));
        self.unsaved
            .clone()
            .map_or_else(|| Ok("saved".to_owned()), Err)
    }

    fn remove_profile(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        self.deeds.push(Deed::Remove(name.to_owned()));
        Ok(self.left.clone())
    }

    fn save_thing<'a>(
        &'a mut self,
        thing: &'a NewThingProfile,
    ) -> Pending<'a, Result<SavedThing, Problem>> {
        self.deeds.push(Deed::SaveThing(Box::new(thing.clone())));
        let profile = thing
            .name
            .clone()
            .unwrap_or_else(|| thing.thing.thing.clone());
        let saved = SavedThing {
            certificate: Path::new("data").join(&profile).join("certificate.pem"),
            key: Path::new("data").join(&profile).join("private.key"),
            profile,
            remarks: vec!["in config.toml".to_owned()],
        };
        Box::pin(std::future::ready(Ok(saved)))
    }

    fn try_connection<'a>(&'a mut self, profile: &'a str) -> Pending<'a, Result<(), Problem>> {
        self.deeds.push(Deed::Try(profile.to_owned()));
        let tried = self.refusal.clone().map_or(Ok(()), Err);
        Box::pin(std::future::ready(tried))
    }

    fn request(&mut self, what: Request) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        let reply = (self.answers)(&what);
        self.deeds.push(Deed::Ask(what));
        self.queue.extend(self.on_the_way.drain(..));
        self.queue.push_back(Heard::Reply(id, reply));
        id
    }

    fn open(&mut self, opening: Opening) {
        self.deeds.push(Deed::Open(opening));
        self.queue.extend(self.stream.drain(..));
    }

    fn command(&mut self, command: SessionCommand) {
        if let SessionCommand::Publish(id, _) = &command
            && let Some(result) = self.receipts.pop_front()
        {
            let id = *id;
            let receipt = SessionEvent::Receipt { id, result };
            self.queue.push_back(Heard::Session(receipt));
        }
        self.deeds.push(Deed::Command(command));
    }

    fn close(&mut self) -> Pending<'_, ()> {
        self.deeds.push(Deed::Close);
        Box::pin(std::future::ready(()))
    }

    fn next(&mut self, until: Option<Mono>) -> Pending<'_, Heard> {
        let piece = |stage: &mut Self| {
            let wants = std::mem::take(&mut stage.wants_piece);
            wants.then(|| Heard::Piece(stage.pieces.pop_front().unwrap_or(Piece::End)))
        };
        let heard = self.queue.pop_front().or_else(|| piece(self));
        let heard = heard.unwrap_or_else(|| {
            self.now = until.expect(
                "the verb waits for ever: the script has nothing more, and there is no deadline",
            );
            Heard::Deadline
        });
        Box::pin(std::future::ready(heard))
    }

    fn variable(&self, name: &str) -> Option<Secret> {
        (name == "SET").then(|| Secret::new("value"))
    }

    fn seed(&self) -> u64 {
        7
    }

    fn read_stdin(&mut self) -> Pending<'_, Result<Bytes, Problem>> {
        let content = Bytes::copy_from_slice(self.stdin.as_bytes());
        Box::pin(std::future::ready(Ok(content)))
    }

    fn read_file(&mut self, path: &Path) -> Result<Bytes, Problem> {
        if path == Path::new("there") {
            return Ok(Bytes::copy_from_slice(&self.file));
        }
        Err(problem("no such file", Exit::Usage))
    }

    fn read_secret(&mut self) -> Pending<'_, Result<Secret, Problem>> {
        let secret = Secret::new(self.stdin.trim());
        Box::pin(std::future::ready(Ok(secret)))
    }

    fn open_recording(
        &mut self,
        path: &Path,
        existing: Existing,
    ) -> Result<Option<String>, Problem> {
        if path == Path::new("there") && existing == Existing::Refuse {
            return Err(problem("it is there already", Exit::Usage));
        }
        let path = path.display().to_string();
        self.deeds.push(Deed::OpenRecording(path, existing));
        Ok(None)
    }

    fn record(&mut self, lines: String) -> Pending<'_, Result<(), Problem>> {
        let full = self.recorded().len() >= self.disk;
        if !full {
            self.deeds.push(Deed::Record(lines));
        }
        Box::pin(std::future::ready(if full {
            Err(problem("the disk is full", Exit::Failed))
        } else {
            Ok(())
        }))
    }

    fn close_recording(&mut self, keep: bool) -> Pending<'_, Result<u64, Problem>> {
        self.deeds.push(Deed::CloseRecording { keep });
        let bytes = self
            .recorded()
            .iter()
            .map(|lines| lines.len())
            .sum::<usize>();
        Box::pin(std::future::ready(Ok(bytes as u64)))
    }

    fn open_replay(&mut self, from: &Place) -> Result<(), Problem> {
        match from {
            Place::File(path) if path == Path::new("missing") => {
                Err(problem("no such file", Exit::NotFound))
            }
            _ => Ok(()),
        }
    }

    fn read_replay(&mut self) -> Pending<'_, Piece> {
        let piece = self.pieces.pop_front().unwrap_or(Piece::End);
        Box::pin(std::future::ready(piece))
    }

    fn want_piece(&mut self) {
        self.wants_piece = true;
    }

    fn confirm<'a>(&'a mut self, question: &'a str) -> Pending<'a, Answer> {
        self.deeds.push(Deed::Confirm(question.to_owned()));
        Box::pin(std::future::ready(self.answer))
    }
}

pub const START: Timestamp = Timestamp(1_763_671_282_000_000);

pub fn profile(name: &str) -> Profile {
    Profile {
        name: name.to_owned(),
        settings: Settings::Thinq(ThinqSettings {
            country: "KR".to_owned(),
            token: SecretRef::Env("THINQ_PAT".to_owned()),
            client_id: None,
            event_hours: 24,
            api_url: None,
            mqtt_url: None,
            api_key: None,
            on_quit: OnQuit::Keep,
            silent_after: None,
        }),
        common: Common::default(),
        simulated: false,
    }
}

pub fn broker(name: &str, change: impl FnOnce(&mut MqttSettings)) -> Profile {
    let mut settings = MqttSettings::new("mqtt://127.0.0.1".to_owned());
    change(&mut settings);
    Profile {
        settings: Settings::Mqtt(settings),
        ..profile(name)
    }
}

pub fn wish(filter: &str) -> FilterWish {
    let filter = TopicFilter::parse(filter).expect("a filter");
    FilterWish::new(filter, Qos::AtLeastOnce)
}

pub fn device(id: &str, name: &str, kind: &str, presence: Presence) -> Device {
    Device {
        id: DeviceId::new(id),
        name: name.to_owned(),
        kind: kind.to_owned(),
        model: "M1".to_owned(),
        reportable: kind != "DEVICE_DISH_WASHER",
        group: None,
        presence,
        attributes: Vec::new(),
    }
}

pub fn devices() -> Vec<Device> {
    vec![
        device(
            "aaa111",
            "거실 에어컨",
            "DEVICE_AIR_CONDITIONER",
            Presence::Online,
        ),
        device("aab222", "Washer", "DEVICE_WASHER", Presence::Unknown),
        device(
            "ccc333",
            "Evil\u{1b}[2J\u{202e}",
            "DEVICE_NEW_THING",
            Presence::Offline,
        ),
        device("ddd444", "", "DEVICE_DISH_WASHER", Presence::Unknown),
    ]
}

pub fn model() -> Model {
    let path = |place: Option<&str>, resource: &str, property: &str| PropertyPath {
        place: place.map(str::to_owned),
        resource: resource.to_owned(),
        property: property.to_owned(),
    };
    let words = |list: &[&str]| Domain::Words(list.iter().map(|w| (*w).to_owned()).collect());
    let property = |path, write| Property {
        path,
        readable: true,
        read: Domain::Text,
        write,
        unit: String::new(),
        together: Vec::new(),
    };
    let degrees = || Domain::Range {
        min: 18.into(),
        max: 30.into(),
        step: serde_json::Number::from_f64(0.5).expect("finite"),
        except: Vec::new(),
    };
    Model {
        properties: vec![
            property(
                path(None, "operation", "airConOperationMode"),
                Some(words(&["POWER_ON", "POWER_OFF"])),
            ),
            property(
                path(None, "temperature", "targetTemperature"),
                Some(degrees()),
            ),
            property(path(None, "temperature", "currentTemperature"), None),
            property(path(Some("FREEZER"), "door", "target"), Some(degrees())),
            property(path(Some("FRIDGE"), "door", "target"), Some(degrees())),
        ],
        ..Model::default()
    }
}

/// What the platform of [`Stage::home`] answers.
pub fn usual(request: &Request) -> Reply {
    use thingdeck::domain::request::FeedEntry;
    use thingdeck::domain::subscription::{Feed, FeedState};
    let until = Some(START.plus(std::time::Duration::from_hours(23)));
    match request {
        Request::Devices { .. } => Reply::Devices(devices()),
        Request::Model { .. } => Reply::Model {
            model: Arc::new(model()),
            raw: Arc::new(
                json!({"property": {"operation": {"airConOperationMode": {"mode": ["r", "w"]}}}}),
            ),
        },
        Request::State { .. } => Reply::State(Arc::new(state())),
        Request::Feeds => Reply::Feeds(vec![
            FeedEntry {
                device: DeviceId::new("aaa111"),
                feed: Feed::Push,
                state: FeedState::On { until: None },
            },
            FeedEntry {
                device: DeviceId::new("aaa111"),
                feed: Feed::Event,
                state: FeedState::On { until },
            },
            FeedEntry {
                device: DeviceId::new("aab222"),
                feed: Feed::Push,
                state: FeedState::Off,
            },
        ]),
        Request::Feed { on: false, .. } => Reply::Feed(FeedState::Off),
        Request::Feed {
            feed: Feed::Push, ..
        } => Reply::Feed(FeedState::On { until: None }),
        Request::Feed { .. } => Reply::Feed(FeedState::On { until }),
        Request::Control {
            dry_run, settings, ..
        } => Reply::Control {
            body: body(settings),
            sent: !dry_run,
        },
        Request::Energy { .. } => Reply::Energy(Vec::new()),
        Request::Shadow(_)
        | Request::Jobs(_)
        | Request::Provision(_)
        | Request::Relay(_)
        | Request::ConnectionState(_) => {
            panic!("ThinQ has nothing of the kind")
        }
        Request::SignOut => Reply::SignedOut { left: Vec::new() },
        Request::Probe => Reply::Probed { devices: 4 },
        Request::Leave { .. } => Reply::Left { failed: Vec::new() },
    }
}

pub fn state() -> Value {
    json!({"runState": {"currentState": "RUN\u{202e}NING"}, "temperature": {"currentTemperature": 21.5}})
}

fn body(settings: &[thingdeck::domain::request::Setting]) -> String {
    let parts: Vec<String> = settings
        .iter()
        .map(|s| format!("\"{}\": {}", s.path, s.value))
        .collect();
    format!("{{{}}}", parts.join(", "))
}

// ---- what the stream brings

pub fn connected() -> Heard {
    link(LinkState::Connected {
        since: START,
        session_present: false,
    })
}

pub fn link(state: LinkState) -> Heard {
    Heard::Session(SessionEvent::Link(state))
}

/// A message of the washer with a number to acknowledge it by.
pub fn message(number: u64, kind: Kind, payload: &str) -> Heard {
    message_on("app/clients/x/push", number, kind, payload)
}

pub fn message_on(topic: &str, number: u64, kind: Kind, payload: impl AsRef<[u8]>) -> Heard {
    let message = Message {
        at: START,
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload.as_ref()),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: Some(AckToken(number)),
        properties: None,
        session: false,
    };
    let reading = Reading {
        kind,
        device: Some(DeviceId::new("aab222")),
        ..Reading::default()
    };
    Heard::Session(SessionEvent::Message(Box::new(message), reading))
}

pub fn problem(cause: &str, exit: Exit) -> Problem {
    Problem::new("could not do it", cause, "do something").exit(exit)
}
