//! A scripted outside for the adapter: a bridge that answers as told, a registry, and a clock that moves when everything
//! waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Draft, Message, Qos};
use thingdeck::domain::profile::{Common, GoogleDevice, GoogleIdentity, GoogleSettings, SecretRef};
use thingdeck::domain::session::LogLevel;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::google::Google;
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};
use thingdeck::platform::{Pending, Platform as _};

pub const START: i64 = 1_772_438_400;

/// What the bridge does with a publish.
#[derive(Debug, Clone)]
pub enum Answer {
    Acknowledge,
    Silence,
    /// Silence, and this on the errors topic; `PACKET` stands for the packet id.
    Complain(String),
}

type Registry = Box<dyn FnMut(&HttpCall) -> Result<HttpReply, HttpError> + Send>;

struct World {
    now: Duration,
    sleepers: Vec<Duration>,
    /// Whoever waits is asked again at every step.
    wakers: Vec<Waker>,
    /// By topic; what is not named is acknowledged.
    answers: BTreeMap<String, Answer>,
    published: Vec<(Draft, u16)>,
    settled: BTreeMap<u16, Result<(), Problem>>,
    given_up: Vec<u16>,
    subscribed: Vec<String>,
    unsubscribed: Vec<String>,
    released: usize,
    errors: VecDeque<Message>,
    facts: Vec<Fact>,
    calls: Vec<HttpCall>,
    registry: Registry,
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    next_packet: u16,
}

#[derive(Clone)]
pub struct Script {
    world: Arc<Mutex<World>>,
    pub google: Arc<Google>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what a registry's closure returns"
)]
pub fn reply(status: u16, body: &serde_json::Value) -> Result<HttpReply, HttpError> {
    Ok(HttpReply {
        status,
        retry_after: None,
        headers: Vec::new(),
        body: Bytes::from(body.to_string()),
    })
}

pub fn settings() -> GoogleSettings {
    let key = |id: &str| GoogleDevice {
        id: id.to_owned(),
        key_file: None,
    };
    GoogleSettings {
        devices: vec![key("sensor-1"), key("sensor-2")],
        mqtt_url: Some("mqtts://127.0.0.1:8883".to_owned()),
        ..GoogleSettings::new(
            "plant".to_owned(),
            "us-central1".to_owned(),
            "sensors".to_owned(),
            GoogleIdentity::Gateway("gateway".to_owned()),
            "ec_pkcs8.pem".into(),
        )
    }
}

impl Script {
    pub fn new(settings: GoogleSettings) -> Self {
        Self::with(settings, Common::default())
    }

    pub fn with(settings: GoogleSettings, common: Common) -> Self {
        let world = World {
            now: Duration::ZERO,
            sleepers: Vec::new(),
            wakers: Vec::new(),
            answers: BTreeMap::new(),
            published: Vec::new(),
            settled: BTreeMap::new(),
            given_up: Vec::new(),
            subscribed: Vec::new(),
            unsubscribed: Vec::new(),
            released: 0,
            errors: VecDeque::new(),
            facts: Vec::new(),
            calls: Vec::new(),
            registry: Box::new(|call| {
                Err(HttpError::Unreachable {
                    host: call.url.clone(),
                    why: "nothing there".to_owned(),
                })
            }),
            files: BTreeMap::new(),
            variables: BTreeMap::new(),
            next_packet: 1,
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            google: Arc::new(Google::new(settings, common)),
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("not poisoned")
    }

    pub fn answer(&self, topic: &str, answer: Answer) {
        self.world().answers.insert(topic.to_owned(), answer);
    }

    pub fn registry(
        &self,
        registry: impl FnMut(&HttpCall) -> Result<HttpReply, HttpError> + Send + 'static,
    ) {
        self.world().registry = Box::new(registry);
    }

    pub fn file(&self, name: &str, content: &str) {
        self.world()
            .files
            .insert(name.to_owned(), content.to_owned());
    }

    pub fn variable(&self, name: &str, value: &str) {
        let mut world = self.world();
        world.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Topics of what was published, in order.
    pub fn topics(&self) -> Vec<String> {
        let world = self.world();
        let topics = world.published.iter();
        topics.map(|(draft, _)| draft.topic.to_string()).collect()
    }

    pub fn payloads(&self) -> Vec<String> {
        let world = self.world();
        let drafts = world.published.iter();
        drafts
            .map(|(draft, _)| String::from_utf8_lossy(&draft.payload).into_owned())
            .collect()
    }

    pub fn subscribed(&self) -> Vec<String> {
        self.world().subscribed.clone()
    }

    pub fn unsubscribed(&self) -> Vec<String> {
        self.world().unsubscribed.clone()
    }

    pub fn released(&self) -> usize {
        self.world().released
    }

    pub fn given_up(&self) -> usize {
        self.world().given_up.len()
    }

    pub fn calls(&self) -> Vec<String> {
        let world = self.world();
        let calls = world.calls.iter();
        calls
            .map(|call| format!("{} {}", call.method.word(), call.url))
            .collect()
    }

    /// The header of a call that holds a secret.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.world();
        let headers = world.calls.iter().flat_map(|call| &call.secret_headers);
        headers
            .map(|(name, value)| format!("{name}: {}", value.expose()))
            .collect()
    }

    pub fn bodies(&self) -> Vec<String> {
        let world = self.world();
        let bodies = world.calls.iter().filter_map(|call| call.body.clone());
        bodies
            .map(|body| String::from_utf8_lossy(&body).into_owned())
            .collect()
    }

    pub fn facts(&self) -> Vec<Fact> {
        self.world().facts.clone()
    }

    pub fn complain(&self, body: &str) {
        let topic = Topic::received("/devices/gateway/errors");
        let message = Message {
            at: Timestamp::from_seconds(START),
            direction: Direction::In,
            topic,
            payload: Bytes::copy_from_slice(body.as_bytes()),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        self.world().errors.push_back(message);
    }

    /// Runs until it is done, or until so much of the script's time has passed.
    pub fn run<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let end = self.world().now + limit;
        let mut work = pin!(work);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // Twice: what one part sets off the other may have been asked about before.
            for _ in 0..3 {
                let wakers = std::mem::take(&mut self.world().wakers);
                wakers.into_iter().for_each(Waker::wake);
                if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                    return Some(done);
                }
            }
            let mut world = self.world();
            let now = world.now;
            world.sleepers.retain(|at| *at > now);
            let next = world.sleepers.iter().min().copied();
            match next {
                Some(at) if at <= end => world.now = at,
                _ => {
                    world.now = end;
                    return None;
                }
            }
        }
    }
}

struct Told(Script, u16);

impl Future for Told {
    type Output = Result<(), Problem>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut world = self.0.world();
        if let Some(result) = world.settled.get(&self.1) {
            return Poll::Ready(result.clone());
        }
        world.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

struct Nap(Script, Duration);

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut world = self.0.world();
        if world.now >= self.1 {
            return Poll::Ready(());
        }
        world.sleepers.push(self.1);
        world.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

struct Listener(Script);

impl Ear for Listener {
    fn next(&mut self) -> Pending<'_, Message> {
        Box::pin(std::future::poll_fn(|context| {
            let mut world = self.0.world();
            if let Some(message) = world.errors.pop_front() {
                return Poll::Ready(message);
            }
            world.wakers.push(context.waker().clone());
            Poll::Pending
        }))
    }
}

impl Io for Script {
    fn http(&self, call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        let mut world = self.world();
        world.calls.push(call.clone());
        let answer = (world.registry)(&call);
        Box::pin(std::future::ready(answer))
    }

    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        let packet = {
            let mut world = self.world();
            world.next_packet += 1;
            world.next_packet
        };
        self.google.sent(&draft, packet, self.now());
        let topic = draft.topic.to_string();
        let answer = {
            let mut world = self.world();
            world.published.push((draft, packet));
            world.answers.get(&topic).cloned()
        };
        match answer.unwrap_or(Answer::Acknowledge) {
            Answer::Acknowledge => {
                self.google.acknowledged(packet);
                self.world().settled.insert(packet, Ok(()));
            }
            Answer::Silence => {}
            Answer::Complain(body) => self.complain(&body.replace("PACKET", &packet.to_string())),
        }
        Box::pin(Told(self.clone(), packet))
    }

    fn release(&self) {
        self.world().released += 1;
    }

    fn give_up(&self, packet: u16, problem: Problem) {
        let mut world = self.world();
        world.given_up.push(packet);
        world.settled.insert(packet, Err(problem));
    }

    fn subscribe(&self, wish: FilterWish) {
        let checked = self.google.check_filter(&wish);
        assert!(checked.is_ok(), "{checked:?}");
        self.world().subscribed.push(wish.filter.to_string());
    }

    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        let qos = wish.qos;
        self.subscribe(wish);
        Box::pin(std::future::ready(Ok(qos)))
    }

    fn unsubscribe(&self, filter: TopicFilter) {
        self.world().unsubscribed.push(filter.to_string());
    }

    fn listen(&self, _: Vec<TopicFilter>) -> Box<dyn Ear> {
        Box::new(Listener(self.clone()))
    }

    fn variable(&self, name: &str) -> Option<Secret> {
        self.world().variables.get(name).map(Secret::new)
    }

    fn silent(&self, _: &str) {}

    fn heard(&self) -> Mono {
        Mono(self.world().now)
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        let at = self.world().now + wait;
        Box::pin(Nap(self.clone(), at))
    }

    fn now(&self) -> Moment {
        let now = self.world().now;
        Moment {
            mono: Mono(now),
            wall: Timestamp::from_seconds(START).plus(now),
        }
    }

    fn roll(&self) -> f64 {
        0.5
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn key_and_csr(&self, _: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        panic!("the bridge needs no certificate")
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        panic!("the bridge has no token to be kept")
    }

    fn secret<'a>(&'a self, _: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        panic!("the bridge has no other secret")
    }

    fn fact(&self, fact: Fact) {
        self.world().facts.push(fact);
    }

    fn log(&self, _: LogLevel, _: String) {}

    fn load(&self, _: &str) -> Result<Option<Secret>, Problem> {
        Ok(None)
    }

    fn keep(&self, _: &str, _: &Secret) -> Result<(), Problem> {
        Ok(())
    }

    fn forget(&self, _: &str) -> Result<(), Problem> {
        Ok(())
    }

    fn read_file(&self, path: &Path) -> Result<Bytes, Problem> {
        let name = path.to_string_lossy().into_owned();
        if let Some(content) = self.world().files.get(&name) {
            return Ok(Bytes::from(content.clone()));
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/google/keys");
        std::fs::read(folder.join(path))
            .map(Bytes::from)
            .map_err(|error| Problem::new(name, error.to_string(), ""))
    }
}
