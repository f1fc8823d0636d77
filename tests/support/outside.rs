//! A scripted outside for an adapter: publishes are answered as told, REST by a closure, and the clock moves when
//! everything waits for it.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::base::secret::Secret;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Direction, Draft, Message, Qos};
use thingdeck::domain::profile::SecretRef;
use thingdeck::domain::reading::Reading;
use thingdeck::domain::session::LogLevel;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::Pending;
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};

/// What a platform does with a publish: the topics and payloads of its answers.
type Service = Box<dyn FnMut(&str, &str) -> Vec<(String, String)> + Send>;
type Rest = Box<dyn FnMut(&HttpCall) -> (u16, String) + Send>;
type Heard = Arc<Mutex<VecDeque<Message>>>;

/// What is otherwise on each platform.
pub struct Rules {
    /// The clock's first second.
    pub start: i64,
    /// What of a URL stands before its path in `deeds`; empty where all of it is told.
    pub front: &'static str,
    /// Answers come whether somebody has subscribed them or not.
    pub unasked: bool,
    /// Of every HTTP answer.
    pub headers: Vec<(String, String)>,
    pub secret: fn(&SecretRef) -> Result<Secret, Problem>,
}

pub struct World {
    rules: Rules,
    now: Duration,
    sleepers: Vec<Duration>,
    /// `>topic payload`, `+filter`, `-filter`, `GET path body`, in order.
    pub deeds: Vec<String>,
    pub facts: Vec<Fact>,
    /// Shown among the messages.
    pub shown: Vec<(Message, Reading)>,
    pub calls: Vec<HttpCall>,
    service: Service,
    pub rest: Rest,
    ears: Vec<(Vec<TopicFilter>, Heard)>,
    random: u64,
    pub subscribed: Vec<TopicFilter>,
    /// Filters that the broker refuses, by their end.
    pub denied: Option<&'static str>,
    /// The broker answers neither PUBLISH nor SUBSCRIBE.
    pub deaf: bool,
    /// A connection stands.
    pub up: bool,
}

#[derive(Clone)]
pub struct Script(Arc<Mutex<World>>);

impl Script {
    pub fn with(
        rules: Rules,
        service: impl FnMut(&str, &str) -> Vec<(String, String)> + Send + 'static,
        rest: impl FnMut(&HttpCall) -> (u16, String) + Send + 'static,
    ) -> Self {
        Self(Arc::new(Mutex::new(World {
            rules,
            now: Duration::ZERO,
            sleepers: Vec::new(),
            deeds: Vec::new(),
            facts: Vec::new(),
            shown: Vec::new(),
            calls: Vec::new(),
            service: Box::new(service),
            rest: Box::new(rest),
            ears: Vec::new(),
            random: 1,
            subscribed: Vec::new(),
            denied: None,
            deaf: false,
            up: false,
        })))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("not poisoned")
    }

    pub fn deeds(&self) -> Vec<String> {
        self.world().deeds.clone()
    }

    /// Polls until it is done; time goes to the next moment that somebody waits for.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let before = self.world().deeds.len();
            if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                return done;
            }
            if self.world().deeds.len() > before {
                continue;
            }
            let mut world = self.world();
            let now = world.now;
            let next = world.sleepers.iter().copied().filter(|at| *at > now).min();
            world.now = next.unwrap_or_else(|| panic!("it waits for nothing: {:#?}", world.deeds));
            world.sleepers.retain(|at| *at > now);
        }
    }

    /// As far as it goes without time.
    pub fn poll<T>(work: &mut Pending<'_, T>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        (0..8).any(|_| work.as_mut().poll(&mut context).is_ready())
    }

    pub fn elapsed(&self) -> Duration {
        self.world().now
    }

    pub fn deliver(&self, topic: &str, payload: &str) {
        let message = message(topic, payload, self.world().rules.start);
        for (filters, heard) in &self.world().ears {
            if filters.iter().any(|filter| filter.matches(topic)) {
                heard
                    .lock()
                    .expect("not poisoned")
                    .push_back(message.clone());
            }
        }
    }
}

/// It came at this second.
pub fn message(topic: &str, payload: &str, at: i64) -> Message {
    Message {
        at: Timestamp::from_seconds(at),
        direction: Direction::In,
        topic: Topic::received(topic),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

struct Sleep {
    script: Script,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut world = self.script.world();
        if world.now >= self.until {
            return Poll::Ready(());
        }
        let until = self.until;
        world.sleepers.push(until);
        Poll::Pending
    }
}

struct Listener(Heard);

impl Ear for Listener {
    fn next(&mut self) -> Pending<'_, Message> {
        let heard = Arc::clone(&self.0);
        Box::pin(std::future::poll_fn(move |_| {
            match heard.lock().expect("not poisoned").pop_front() {
                Some(message) => Poll::Ready(message),
                None => Poll::Pending,
            }
        }))
    }
}

impl Io for Script {
    fn http(&self, call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        let mut world = self.world();
        let front = world.rules.front;
        let (_, path) = call.url.split_once(front).expect("the platform's host");
        let body = call.body.clone().unwrap_or_default();
        let line = format!(
            "{} {path} {}",
            call.method.word(),
            String::from_utf8_lossy(&body)
        );
        world.deeds.push(line.trim_end().to_owned());
        let (status, body) = (world.rest)(&call);
        world.calls.push(call);
        Box::pin(std::future::ready(Ok(HttpReply {
            status,
            retry_after: None,
            headers: world.rules.headers.clone(),
            body: Bytes::from(body),
        })))
    }

    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        let payload = String::from_utf8_lossy(&draft.payload).into_owned();
        let topic = draft.topic.as_str().to_owned();
        assert_eq!(draft.qos, Qos::AtLeastOnce);
        assert!(!draft.retain, "nothing of the platform's is retained");
        let answers = {
            let mut world = self.world();
            world.deeds.push(format!(">{topic} {payload}"));
            if world.deaf {
                return Box::pin(std::future::pending());
            }
            (world.service)(&topic, &payload)
        };
        for (topic, payload) in answers {
            let world = self.world();
            let mut filters = world.subscribed.iter();
            let heard = world.rules.unasked || filters.any(|filter| filter.matches(&topic));
            drop(world);
            assert!(heard, "{topic} is answered and nobody has subscribed it");
            self.deliver(&topic, &payload);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn connected(&self) -> Pending<'_, u64> {
        if self.world().up {
            return Box::pin(std::future::ready(1));
        }
        Box::pin(std::future::pending())
    }

    fn outgoing(&self, message: Message, reading: Reading) {
        self.world().shown.push((message, reading));
    }

    fn subscribe(&self, wish: FilterWish) {
        panic!("its grant is waited for: {wish:?}")
    }

    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        let mut world = self.world();
        let text = wish.filter.as_str().to_owned();
        world.deeds.push(format!("+{text}"));
        if world.deaf {
            return Box::pin(std::future::pending());
        }
        if world.denied.is_some_and(|end| text.ends_with(end)) {
            let refused = Problem::new("not subscribed", "not authorised", "").exit(Exit::Refused);
            return Box::pin(std::future::ready(Err(refused)));
        }
        world.subscribed.push(wish.filter);
        Box::pin(std::future::ready(Ok(Qos::AtLeastOnce)))
    }

    fn unsubscribe(&self, filter: TopicFilter) {
        let mut world = self.world();
        world.deeds.push(format!("-{}", filter.as_str()));
        world.subscribed.retain(|known| *known != filter);
    }

    fn listen(&self, filters: Vec<TopicFilter>) -> Box<dyn Ear> {
        let heard = Heard::default();
        self.world().ears.push((filters, Arc::clone(&heard)));
        Box::new(Listener(heard))
    }

    fn variable(&self, _name: &str) -> Option<Secret> {
        None
    }

    fn silent(&self, _reason: &str) {}

    fn heard(&self) -> Mono {
        Mono::default()
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        let until = self.world().now + wait;
        let script = self.clone();
        Box::pin(Sleep { script, until })
    }

    fn now(&self) -> Moment {
        let world = self.world();
        Moment {
            mono: Mono(world.now),
            wall: Timestamp::from_seconds(world.rules.start).plus(world.now),
        }
    }

    fn roll(&self) -> f64 {
        0.5
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut world = self.world();
        for byte in bytes {
            world.random = world
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(7);
            *byte = world.random.to_be_bytes()[0];
        }
    }

    fn key_and_csr(&self, _name: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        panic!("no key is made here")
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        panic!("there is no access token here")
    }

    fn secret<'a>(&'a self, place: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        let secret = self.world().rules.secret;
        Box::pin(std::future::ready(secret(place)))
    }

    fn fact(&self, fact: Fact) {
        self.world().facts.push(fact);
    }

    fn log(&self, _level: LogLevel, _text: String) {}

    fn load(&self, _name: &str) -> Result<Option<Secret>, Problem> {
        Ok(None)
    }

    fn keep(&self, _name: &str, _content: &Secret) -> Result<(), Problem> {
        Ok(())
    }

    fn forget(&self, _name: &str) -> Result<(), Problem> {
        Ok(())
    }

    fn read_file(&self, path: &Path) -> Result<Bytes, Problem> {
        panic!("no file is read: {}", path.display())
    }
}
