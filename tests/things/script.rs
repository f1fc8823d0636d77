//! The outside of the adapter: what is subscribed, what is published and what the service answers.

use std::collections::VecDeque;
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
use thingdeck::domain::profile::{AwsCredentials, AwsSettings, Common, SecretRef};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::LogLevel;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::aws::Aws;
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};
use thingdeck::platform::{Pending, Platform as _};

pub const HOST: &str = "abcdefghijklmn-ats.iot.eu-west-1.amazonaws.com";

/// What the service does with a publish: the topics and payloads of its answers.
type Service = Box<dyn FnMut(&str, &str) -> Vec<(String, String)> + Send>;
type Rest = Box<dyn FnMut(&HttpCall) -> (u16, String) + Send>;

#[derive(Clone)]
pub struct Script(Arc<Mutex<World>>);

pub struct World {
    now: Duration,
    sleepers: Vec<Duration>,
    /// `+filter`, `>topic payload`, `-filter`, `POST https://… body`, in order.
    pub deeds: Vec<String>,
    pub subscribed: Vec<TopicFilter>,
    /// Filters that the broker refuses.
    pub denied: Option<&'static str>,
    /// The broker answers no SUBSCRIBE.
    pub deaf: bool,
    service: Service,
    rest: Rest,
    ears: Vec<(Vec<TopicFilter>, Heard)>,
    random: u64,
}

type Heard = Arc<Mutex<VecDeque<Message>>>;

impl Script {
    pub fn new(service: impl FnMut(&str, &str) -> Vec<(String, String)> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(World {
            now: Duration::ZERO,
            sleepers: Vec::new(),
            deeds: Vec::new(),
            subscribed: Vec::new(),
            denied: None,
            deaf: false,
            service: Box::new(service),
            // The adapter greets a connection by listing things; anything else is not expected.
            rest: Box::new(|call| {
                let lists = ["/indices/search", "/things?"];
                assert!(
                    lists.iter().any(|path| call.url.contains(path)),
                    "nobody answers {call:?}"
                );
                (200, "{\"things\":[]}".to_owned())
            }),
            ears: Vec::new(),
            random: 1,
        })))
    }

    /// A service that answers REST.
    pub fn rest(answer: impl FnMut(&HttpCall) -> (u16, String) + Send + 'static) -> Self {
        let script = Self::new(|topic, _| panic!("nothing is published: {topic}"));
        script.world().rest = Box::new(answer);
        script
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("not poisoned")
    }

    pub fn deeds(&self) -> Vec<String> {
        self.world().deeds.clone()
    }

    /// Asks while the connection stands.
    pub fn ask(&self, aws: &Aws, what: Request) -> Result<Reply, Problem> {
        let mut attending = aws.attend(self);
        let waker = Waker::noop();
        let mut context = Context::from_waker(waker);
        assert!(attending.as_mut().poll(&mut context).is_pending());
        self.run(aws.request(self, what))
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

    pub fn elapsed(&self) -> Duration {
        self.world().now
    }

    fn deliver(&self, topic: &str, payload: &str) {
        for (filters, heard) in &self.world().ears {
            if filters.iter().any(|filter| filter.matches(topic)) {
                heard
                    .lock()
                    .expect("not poisoned")
                    .push_back(message(topic, payload));
            }
        }
    }
}

pub fn message(topic: &str, payload: &str) -> Message {
    Message {
        at: Timestamp::from_seconds(1_763_671_200),
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

/// Without credentials.
pub fn device() -> Aws {
    let mut settings = AwsSettings::new(HOST.to_owned());
    settings.credentials = AwsCredentials::Keys {
        access_key_id: SecretRef::Env("ABSENT".to_owned()),
        secret_access_key: SecretRef::Env("ABSENT".to_owned()),
        session_token: None,
    };
    Aws::new(settings, Common::default())
}

/// With keys that never end.
pub fn operator() -> Aws {
    let mut settings = AwsSettings::new(HOST.to_owned());
    settings.credentials = AwsCredentials::Keys {
        access_key_id: SecretRef::Env("ID".to_owned()),
        secret_access_key: SecretRef::Env("SECRET".to_owned()),
        session_token: None,
    };
    Aws::new(settings, Common::default())
}

/// The member of a JSON payload, as text.
pub fn member(payload: &str, name: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(payload).ok()?;
    Some(value.get(name)?.as_str()?.to_owned())
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
        let body = call.body.clone().unwrap_or_default();
        let line = format!(
            "{} {} {}",
            call.method.word(),
            call.url,
            String::from_utf8_lossy(&body)
        );
        let mut world = self.world();
        world.deeds.push(line.trim_end().to_owned());
        let (status, body) = (world.rest)(&call);
        Box::pin(std::future::ready(Ok(HttpReply {
            status,
            retry_after: None,
            headers: Vec::new(),
            body: Bytes::from(body),
        })))
    }

    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        let payload = String::from_utf8_lossy(&draft.payload).into_owned();
        let topic = draft.topic.as_str().to_owned();
        assert_eq!(draft.qos, Qos::AtLeastOnce);
        assert!(!draft.retain, "nothing reserved is retained");
        let answers = {
            let mut world = self.world();
            world.deeds.push(format!(">{topic} {payload}"));
            (world.service)(&topic, &payload)
        };
        for (topic, payload) in answers {
            let heard = self
                .world()
                .subscribed
                .iter()
                .any(|filter| filter.matches(&topic));
            assert!(heard, "{topic} is answered and nobody has subscribed it");
            self.deliver(&topic, &payload);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn subscribe(&self, wish: FilterWish) {
        panic!("its grant is waited for: {wish:?}")
    }

    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        let mut world = self.world();
        world.deeds.push(format!("+{}", wish.filter.as_str()));
        if world.deaf {
            return Box::pin(std::future::pending());
        }
        if world
            .denied
            .is_some_and(|denied| wish.filter.as_str().ends_with(denied))
        {
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
        let until = self.elapsed() + wait;
        let script = self.clone();
        Box::pin(Sleep { script, until })
    }

    fn now(&self) -> Moment {
        let now = self.elapsed();
        Moment {
            mono: Mono(now),
            wall: Timestamp::from_seconds(1_763_671_200).plus(now),
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
        panic!("AWS has no access token")
    }

    fn secret<'a>(&'a self, place: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        let found = match place {
            SecretRef::Env(name) if name == "ID" => Ok(Secret::new("AKIDEXAMPLE")),
            SecretRef::Env(name) if name == "SECRET" => Ok(Secret::new("canary-secret")),
            other => Err(Problem::new(
                format!("{} is not set", other.place()),
                "",
                "set it",
            )),
        };
        Box::pin(std::future::ready(found))
    }

    fn fact(&self, _fact: Fact) {}

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
