//! A scripted outside for the AWS adapter: answers to HTTP calls, files and variables in memory, and a clock that moves when
//! somebody sleeps. Nothing waits for anything real.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, ready};
use std::path::Path;
use std::pin::pin;
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
use thingdeck::domain::session::LogLevel;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::Pending;
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};

/// 2026-03-01T12:34:56Z.
pub const START: i64 = 1_772_368_496;

type Service = Box<dyn FnMut(&HttpCall) -> Option<HttpReply> + Send>;

#[derive(Default)]
struct World {
    now: Duration,
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, Bytes>,
    outputs: BTreeMap<String, String>,
    services: Vec<Service>,
    calls: Vec<HttpCall>,
    facts: Vec<Fact>,
    logs: Vec<String>,
    subscribed: Vec<String>,
    unsubscribed: Vec<String>,
    refused: VecDeque<(String, Problem)>,
}

#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<World>>);

impl Script {
    pub fn new() -> Self {
        let script = Self::default();
        script.variable("HOME", "/home/me");
        script
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .expect("no test panics while it holds the world")
    }

    pub fn variable(&self, name: &str, value: &str) {
        self.world()
            .variables
            .insert(name.to_owned(), value.to_owned());
    }

    pub fn file(&self, path: &str, content: impl Into<Bytes>) {
        self.world().files.insert(path.to_owned(), content.into());
    }

    /// What a program prints, by its name.
    pub fn program(&self, name: &str, output: &str) {
        self.world()
            .outputs
            .insert(name.to_owned(), output.to_owned());
    }

    /// Answers the calls whose URL begins so; the first that does counts.
    pub fn serve(
        &self,
        url: &str,
        mut answer: impl FnMut(&HttpCall) -> HttpReply + Send + 'static,
    ) {
        let url = url.to_owned();
        let service = move |call: &HttpCall| call.url.starts_with(&url).then(|| answer(call));
        self.world().services.push(Box::new(service));
    }

    pub fn refuse(&self, filter: &str, problem: Problem) {
        self.world().refused.push_back((filter.to_owned(), problem));
    }

    pub fn pass(&self, time: Duration) {
        self.world().now += time;
    }

    pub fn calls(&self) -> Vec<HttpCall> {
        self.world().calls.clone()
    }

    pub fn urls(&self) -> Vec<String> {
        let line = |call: HttpCall| format!("{} {}", call.method.word(), call.url);
        self.calls().into_iter().map(line).collect()
    }

    pub fn facts(&self) -> Vec<Fact> {
        self.world().facts.clone()
    }

    pub fn logs(&self) -> Vec<String> {
        self.world().logs.clone()
    }

    pub fn subscribed(&self) -> Vec<String> {
        self.world().subscribed.clone()
    }

    pub fn unsubscribed(&self) -> Vec<String> {
        self.world().unsubscribed.clone()
    }

    pub fn elapsed(&self) -> Duration {
        self.world().now
    }
}

/// Everything here is ready at once.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something that never comes"),
    }
}

pub fn reply(status: u16, body: &str) -> HttpReply {
    HttpReply {
        status,
        retry_after: None,
        headers: Vec::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// A refusal as AWS words it.
pub fn refusal(status: u16, kind: &str, message: &str) -> HttpReply {
    HttpReply {
        headers: vec![("x-amzn-errortype".to_owned(), format!("{kind}:"))],
        ..reply(status, &serde_json::json!({"message": message}).to_string())
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

pub fn header<'a>(call: &'a HttpCall, name: &str) -> Option<&'a str> {
    let mut secret = call.secret_headers.iter();
    let found = secret.find(|(known, _)| *known == name);
    found.map(|(_, value)| value.expose())
}

struct Deaf;

impl Ear for Deaf {
    fn next(&mut self) -> Pending<'_, Message> {
        Box::pin(std::future::pending())
    }
}

impl Io for Script {
    fn http(&self, call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        let mut services = std::mem::take(&mut self.world().services);
        let answer = services.iter_mut().find_map(|service| service(&call));
        let mut world = self.world();
        services.append(&mut world.services);
        world.services = services;
        let host = call.url.clone();
        world.calls.push(call);
        let why = "nobody is there".to_owned();
        Box::pin(ready(answer.ok_or(HttpError::Unreachable { host, why })))
    }

    fn publish(&self, _draft: Draft) -> Pending<'_, Result<(), Problem>> {
        Box::pin(ready(Ok(())))
    }

    fn subscribe(&self, wish: FilterWish) {
        self.world().subscribed.push(wish.filter.to_string());
    }

    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        let mut world = self.world();
        let filter = wish.filter.to_string();
        world.subscribed.push(filter.clone());
        let refused = world.refused.iter().find(|(known, _)| *known == filter);
        let result = refused.map_or(Ok(wish.qos), |(_, problem)| Err(problem.clone()));
        Box::pin(ready(result))
    }

    fn unsubscribe(&self, filter: TopicFilter) {
        self.world().unsubscribed.push(filter.to_string());
    }

    fn listen(&self, _filters: Vec<TopicFilter>) -> Box<dyn Ear> {
        Box::new(Deaf)
    }

    fn variable(&self, name: &str) -> Option<Secret> {
        self.world().variables.get(name).map(Secret::new)
    }

    fn silent(&self, _reason: &str) {}

    fn heard(&self) -> Mono {
        Mono::default()
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        self.world().now += wait;
        Box::pin(ready(()))
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

    fn key_and_csr(&self, _name: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        Box::pin(ready(Err(Problem::new("no keys here", "", ""))))
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        Box::pin(ready(Err(Problem::new("no token here", "", ""))))
    }

    fn secret<'a>(&'a self, place: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        let found = match place {
            SecretRef::Plain(secret) => Ok(secret.clone()),
            SecretRef::Env(name) => Io::variable(self, name)
                .ok_or_else(|| Problem::new(format!("{name} is not set"), "", "")),
            other => Err(Problem::new(
                format!("nothing at {}", other.place()),
                "",
                "",
            )),
        };
        Box::pin(ready(found))
    }

    fn output<'a>(&'a self, words: &'a [String]) -> Pending<'a, Result<Secret, Problem>> {
        let program = words.first().cloned().unwrap_or_default();
        let printed = self.world().outputs.get(&program).map(Secret::new);
        let missing = || Problem::new(format!("no program {program}"), "", "");
        Box::pin(ready(printed.ok_or_else(missing)))
    }

    fn fact(&self, fact: Fact) {
        self.world().facts.push(fact);
    }

    fn log(&self, _level: LogLevel, text: String) {
        self.world().logs.push(text);
    }

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
        let name = path.display().to_string();
        let found = self.world().files.get(&name).cloned();
        found.ok_or_else(|| Problem::new(format!("could not read {name}"), "no such file", ""))
    }
}
