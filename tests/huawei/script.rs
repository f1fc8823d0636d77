//! A scripted outside for the adapter: publishes are answered as told, REST by a closure, and the clock moves when
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
use thingdeck::base::problem::Problem;
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

/// 2026-11-21T16:55:43Z.
pub const START: i64 = 1_795_280_143;

type Service = Box<dyn FnMut(&str, &str) -> Option<(String, String)> + Send>;
type Rest = Box<dyn FnMut(&HttpCall) -> (u16, String) + Send>;
type Heard = Arc<Mutex<VecDeque<Message>>>;

pub struct World {
    now: Duration,
    sleepers: Vec<Duration>,
    /// `>topic payload`, `+filter`, `-filter`, `GET path body`, in order.
    pub deeds: Vec<String>,
    pub facts: Vec<Fact>,
    /// Shown among the messages.
    pub shown: Vec<(Message, Reading)>,
    pub calls: Vec<HttpCall>,
    service: Service,
    rest: Rest,
    ears: Vec<(Vec<TopicFilter>, Heard)>,
    random: u8,
    /// A publish is never acknowledged.
    pub deaf: bool,
    /// A connection stands.
    pub up: bool,
}

#[derive(Clone)]
pub struct Script(Arc<Mutex<World>>);

impl Script {
    pub fn new(
        service: impl FnMut(&str, &str) -> Option<(String, String)> + Send + 'static,
        rest: impl FnMut(&HttpCall) -> (u16, String) + Send + 'static,
    ) -> Self {
        Self(Arc::new(Mutex::new(World {
            now: Duration::ZERO,
            sleepers: Vec::new(),
            deeds: Vec::new(),
            facts: Vec::new(),
            shown: Vec::new(),
            calls: Vec::new(),
            service: Box::new(service),
            rest: Box::new(rest),
            ears: Vec::new(),
            random: 0,
            deaf: false,
            up: false,
        })))
    }

    /// Nobody answers anything.
    pub fn silent() -> Self {
        Self::new(|_, _| None, |call| panic!("nobody answers {call:?}"))
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

    pub fn deliver(&self, topic: &str, payload: &str) {
        let message = message(topic, payload);
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

pub fn message(topic: &str, payload: &str) -> Message {
    Message {
        at: Timestamp::from_seconds(START),
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
        let (_, path) = call.url.split_once("myhuaweicloud.com").expect("Huawei's");
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
            headers: vec![("x-subject-token".to_owned(), "canary-token".to_owned())],
            body: Bytes::from(body),
        })))
    }

    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        let payload = String::from_utf8_lossy(&draft.payload).into_owned();
        let topic = draft.topic.as_str().to_owned();
        let answer = {
            let mut world = self.world();
            world.deeds.push(format!(">{topic} {payload}"));
            if world.deaf {
                return Box::pin(std::future::pending());
            }
            (world.service)(&topic, &payload)
        };
        if let Some((topic, payload)) = answer {
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
        self.world()
            .deeds
            .push(format!("+{}", wish.filter.as_str()));
        Box::pin(std::future::ready(Ok(Qos::AtLeastOnce)))
    }

    fn unsubscribe(&self, filter: TopicFilter) {
        self.world().deeds.push(format!("-{}", filter.as_str()));
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
        let mut world = self.world();
        for byte in bytes {
            world.random = world.random.wrapping_mul(5).wrapping_add(7);
            *byte = world.random;
        }
    }

    fn key_and_csr(&self, _name: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        panic!("no key is made here")
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        panic!("Huawei has no access token")
    }

    fn secret<'a>(&'a self, place: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        let SecretRef::Env(name) = place else {
            panic!("{place:?}")
        };
        Box::pin(std::future::ready(Ok(Secret::new(format!(
            "canary-{name}"
        )))))
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
        panic!("{}", path.display())
    }
}
