//! A scripted outside for the AWS adapter: a service that makes certificates and things, files in memory, a connection
//! that can break, and a clock that only moves when everything waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::ArcWake;
use serde_json::{Value, json};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::{Problem, Retry};
use thingdeck::base::secret::Secret;
use thingdeck::domain::connection_state::{Proof, Trial};
use thingdeck::domain::fact::{Fact, Progress, StepState};
use thingdeck::domain::message::{Direction, Draft, Message, Qos};
use thingdeck::domain::profile::{AwsSettings, Common, SecretRef, Version};
use thingdeck::domain::provision::{NewThing, ProvisionRequest, Provisioned};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::LogLevel;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::aws::Aws;
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::platform::{Pending, Platform};

/// 2026-03-02T08:00:00Z.
const START: i64 = 1_772_438_400;
pub const ENDPOINT: &str = "xxxx-ats.iot.eu-north-1.amazonaws.com";
pub const KEYS: &str = "$aws/certificates/create/json";
pub const CSR: &str = "$aws/certificates/create-from-csr/json";
pub const REGISTER: &str = "$aws/provisioning-templates/Fleet/provision/json";
/// In every private key and every token of this world.
pub const CANARY: &str = "c4nary";

/// What goes wrong with the next request on a topic.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Never answered.
    Silent,
    Rejected(u16, &'static str, &'static str),
    /// The connection breaks: the request is lost.
    Cut,
    /// Carried out, and the answer goes down with the connection.
    CutAfter,
    /// The same, and the broker has kept the answer for us.
    CutAndKept,
    /// The broker refuses the publish (MQTT 5).
    NotAuthorized,
    /// Answered with these bytes as accepted.
    Odd(&'static str),
}

#[derive(Default)]
struct World {
    now: Duration,
    wakers: Vec<Waker>,
    sleepers: Vec<(Duration, Waker)>,
    files: BTreeMap<String, String>,
    facts: Vec<Fact>,
    logs: Vec<String>,
    /// In order: `subscribe F`, `publish T`, `keep NAME`, `forget NAME`, `unsubscribe F`.
    deeds: Vec<String>,
    requests: Vec<(String, Vec<u8>, Qos)>,
    ears: Vec<(Vec<TopicFilter>, VecDeque<Message>)>,
    refused: Option<String>,
    faults: Vec<(String, Fault)>,
    connection: u64,
    down_until: Duration,
    /// What a kept session holds until the connection is back.
    queued: Vec<Message>,
    certificates: u32,
    registered: Vec<Value>,
    full_disk: bool,
    /// What is heard once the second connection is gone, or why there is none.
    vanishing: Option<Result<Vec<(&'static str, &'static str)>, Problem>>,
}

#[derive(Clone)]
pub struct Script(Arc<Mutex<World>>);

impl Script {
    pub fn new() -> Self {
        let world = World {
            connection: 1,
            ..World::default()
        };
        Self(Arc::new(Mutex::new(world)))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .expect("no test panics while it holds the world")
    }

    pub fn fault(&self, topic: &str, fault: Fault) -> &Self {
        self.world().faults.push((topic.to_owned(), fault));
        self
    }

    /// The broker refuses this filter.
    pub fn refuse(&self, filter: &str) {
        self.world().refused = Some(filter.to_owned());
    }

    pub fn fill_the_disk(&self) {
        self.world().full_disk = true;
    }

    pub fn vanishing(&self, what: Result<Vec<(&'static str, &'static str)>, Problem>) {
        self.world().vanishing = Some(what);
    }

    pub fn try_out(&self, payload: &str) -> Result<Proof, Problem> {
        let settings = AwsSettings {
            client_id: Some("RPI".to_owned()),
            ..AwsSettings::new(ENDPOINT.to_owned())
        };
        let file = |name: &str| Some(Path::new(name).to_owned());
        let common = Common {
            cert_file: file("rpi.crt"),
            key_file: file("rpi.key"),
            ..Common::default()
        };
        let trial = Trial {
            thing: "RPI".to_owned(),
            topic: Topic::parse("my/things/RPI/update").expect("a topic"),
            payload: payload.to_owned(),
        };
        let aws = Aws::new(settings, common);
        let request = Request::ConnectionState(Box::new(trial));
        match self.run(aws.request(self, request))? {
            Reply::ConnectionState(proof) => Ok(proof),
            other => panic!("{other:?}"),
        }
    }

    pub fn later(&self, time: Duration) {
        self.world().now += time;
    }

    pub fn certificates(&self) -> u32 {
        self.world().certificates
    }

    /// The bodies of accepted registrations.
    pub fn registered(&self) -> Vec<Value> {
        self.world().registered.clone()
    }

    pub fn requests(&self) -> Vec<(String, Qos)> {
        let world = self.world();
        let all = world.requests.iter();
        all.map(|(topic, _, qos)| (topic.clone(), *qos)).collect()
    }

    pub fn body(&self, topic: &str) -> Value {
        let world = self.world();
        let found = world.requests.iter().rev().find(|(t, _, _)| t == topic);
        let (_, body, _) = found.unwrap_or_else(|| panic!("nothing was sent to {topic}"));
        serde_json::from_slice(body).unwrap_or(Value::Null)
    }

    pub fn deeds(&self) -> Vec<String> {
        self.world().deeds.clone()
    }

    pub fn files(&self) -> BTreeMap<String, String> {
        self.world().files.clone()
    }

    pub fn change_files(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        change(&mut self.world().files);
    }

    /// `name state: text` of every step.
    pub fn steps(&self) -> Vec<String> {
        let world = self.world();
        let steps = world.facts.iter().filter_map(|fact| match fact {
            Fact::Progress(Progress { step, .. }) => Some(format!(
                "{} {}: {}",
                step.name,
                format!("{:?}", step.state).to_lowercase(),
                step.text
            )),
            _ => None,
        });
        steps.collect()
    }

    /// `name state` of the steps that say more than that something runs.
    pub fn marks(&self) -> Vec<String> {
        let world = self.world();
        let steps = world.facts.iter().filter_map(|fact| match fact {
            Fact::Progress(Progress { step, .. }) if step.state != StepState::Running => {
                Some(format!(
                    "{} {}",
                    step.name,
                    format!("{:?}", step.state).to_lowercase()
                ))
            }
            _ => None,
        });
        steps.collect()
    }

    /// When the last step that counts something down says that it ends.
    pub fn until(&self) -> Option<Timestamp> {
        let world = self.world();
        world.facts.iter().rev().find_map(|fact| match fact {
            Fact::Progress(progress) => progress.until,
            _ => None,
        })
    }

    /// Everything that a person or a log could see.
    pub fn told(&self) -> String {
        let world = self.world();
        format!("{:?}\n{:?}", world.facts, world.logs)
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_seconds(START).plus(self.world().now)
    }

    pub fn provision(&self, thing: NewThing) -> Result<Provisioned, Problem> {
        self.provision_with(&aws(Version::V311), thing)
    }

    pub fn provision_with(&self, aws: &Aws, thing: NewThing) -> Result<Provisioned, Problem> {
        let request = ProvisionRequest::Begin(thing);
        match self.run(aws.request(self, Request::Provision(Box::new(request))))? {
            Reply::Provisioned(thing) => Ok(*thing),
            other => panic!("{other:?}"),
        }
    }

    pub fn saved(&self) {
        let request = Request::Provision(Box::new(ProvisionRequest::Saved));
        let reply = self.run(aws(Version::V311).request(self, request));
        assert_eq!(reply, Ok(Reply::Kept));
    }

    /// Drives `future` to its end; time passes only when it waits.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = futures_util::task::waker(Arc::clone(&flag));
        let mut future = pin!(future);
        loop {
            while flag.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
            }
            self.advance();
        }
    }

    fn advance(&self) {
        let mut world = self.world();
        let next = world.sleepers.iter().map(|(at, _)| *at).min();
        world.now = next.expect("it waits for something").max(world.now);
        let now = world.now;
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut world.sleepers)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        world.sleepers = rest;
        if now >= world.down_until {
            for message in std::mem::take(&mut world.queued) {
                deliver(&mut world, &message);
            }
        }
        drop(world);
        for (_, waker) in due {
            waker.wake();
        }
    }

    fn cut(&self) {
        let mut world = self.world();
        world.connection += 1;
        world.down_until = world.now + Duration::from_secs(2);
        let wakers = std::mem::take(&mut world.wakers);
        drop(world);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// What AWS does with a request.
    fn serve(&self, draft: &Draft) -> Result<(), Problem> {
        let topic = draft.topic.as_str().to_owned();
        let fault = {
            let mut world = self.world();
            world.deeds.push(format!("publish {topic}"));
            let body = draft.payload.to_vec();
            world.requests.push((topic.clone(), body, draft.qos));
            let at = world.faults.iter().position(|(of, _)| *of == topic);
            at.map(|at| world.faults.remove(at).1)
        };
        match fault {
            None => self.answer(&topic, "accepted", &self.carry_out(&topic, &draft.payload)),
            Some(Fault::Silent) => {}
            Some(Fault::Rejected(status, code, message)) => {
                let body =
                    json!({"statusCode": status, "errorCode": code, "errorMessage": message});
                self.answer(&topic, "rejected", &body.to_string());
            }
            Some(Fault::Cut) => {
                self.cut();
                // As an outbox says it of QoS 0.
                return Err(
                    Problem::new("not sent", "the connection broke", "").retry(Retry::Backoff)
                );
            }
            Some(Fault::CutAfter) => {
                self.carry_out(&topic, &draft.payload);
                self.cut();
            }
            Some(Fault::CutAndKept) => {
                let body = self.carry_out(&topic, &draft.payload);
                let message = message(&format!("{topic}/accepted"), &body);
                self.world().queued.push(message);
                self.cut();
            }
            Some(Fault::NotAuthorized) => {
                return Err(Problem::new(
                    "could not publish",
                    "not authorized (0x87)",
                    "",
                ));
            }
            Some(Fault::Odd(body)) => self.answer(&topic, "accepted", body),
        }
        Ok(())
    }

    fn carry_out(&self, topic: &str, body: &[u8]) -> String {
        let mut world = self.world();
        if topic == REGISTER {
            let body: Value = serde_json::from_slice(body).expect("JSON");
            world.registered.push(body);
            return json!({"thingName": "lamp-1", "deviceConfiguration": {"site": "north"}})
                .to_string();
        }
        world.certificates += 1;
        let number = world.certificates;
        let mut answer = json!({
            "certificateId": format!("{number:064x}"),
            "certificatePem": format!("PEM of certificate {number}"),
            "certificateOwnershipToken": format!("token-{CANARY}-{number}"),
        });
        if topic == KEYS {
            answer["privateKey"] = json!(format!("key-{CANARY}-{number}"));
        }
        answer.to_string()
    }

    fn answer(&self, topic: &str, word: &str, body: &str) {
        let message = message(&format!("{topic}/{word}"), body);
        deliver(&mut self.world(), &message);
    }
}

fn deliver(world: &mut World, message: &Message) {
    for (filters, heard) in &mut world.ears {
        if filters.iter().any(|f| f.matches(message.topic.as_str())) {
            heard.push_back(message.clone());
        }
    }
    world.wakers.drain(..).for_each(Waker::wake);
}

fn message(topic: &str, body: &str) -> Message {
    Message {
        at: Timestamp::from_seconds(START),
        direction: Direction::In,
        topic: Topic::parse(topic).expect("a topic"),
        payload: Bytes::copy_from_slice(body.as_bytes()),
        qos: Qos::AtLeastOnce,
        retain: false,
        dup: false,
        ack: None,
        properties: None,
        session: false,
    }
}

pub fn aws(version: Version) -> Aws {
    let settings = AwsSettings {
        version,
        ..AwsSettings::new(ENDPOINT.to_owned())
    };
    Aws::new(settings, Common::default())
}

pub fn lamp(csr: bool) -> NewThing {
    let parameters = vec![("SerialNumber".to_owned(), "1".to_owned())];
    NewThing::new("Fleet", parameters, csr).expect("a new thing")
}

struct Flag(AtomicBool);

impl ArcWake for Flag {
    fn wake_by_ref(flag: &Arc<Self>) {
        flag.0.store(true, Ordering::SeqCst);
    }
}

struct Sleep {
    script: Script,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut world = self.script.world();
        if world.now >= self.until {
            return Poll::Ready(());
        }
        world.sleepers.push((self.until, cx.waker().clone()));
        Poll::Pending
    }
}

struct Listening(Script, usize);

impl Ear for Listening {
    fn next(&mut self) -> Pending<'_, Message> {
        Box::pin(poll_fn(|cx| {
            let mut world = self.0.world();
            if let Some(message) = world.ears[self.1].1.pop_front() {
                return Poll::Ready(message);
            }
            world.wakers.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}

impl Io for Script {
    fn http(&self, _call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        panic!("provisioning is MQTT alone")
    }

    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        Box::pin(async move { self.serve(&draft) })
    }

    fn subscribe(&self, _wish: FilterWish) {
        panic!("the grant is waited for")
    }

    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        let mut world = self.world();
        world.deeds.push(format!("subscribe {}", wish.filter));
        let refused = world.refused.as_deref() == Some(wish.filter.as_str());
        Box::pin(async move {
            if refused {
                return Err(Problem::new("it is not subscribed", "not authorized", ""));
            }
            Ok(Qos::AtLeastOnce)
        })
    }

    fn unsubscribe(&self, filter: TopicFilter) {
        self.world().deeds.push(format!("unsubscribe {filter}"));
    }

    fn connected(&self) -> Pending<'_, u64> {
        Box::pin(poll_fn(|cx| {
            let mut world = self.world();
            if world.now >= world.down_until {
                return Poll::Ready(world.connection);
            }
            let until = world.down_until;
            world.sleepers.push((until, cx.waker().clone()));
            Poll::Pending
        }))
    }

    fn disconnected(&self, number: u64) -> Pending<'_, ()> {
        Box::pin(poll_fn(move |cx| {
            let mut world = self.world();
            if world.connection != number {
                return Poll::Ready(());
            }
            world.wakers.push(cx.waker().clone());
            Poll::Pending
        }))
    }

    fn vanish(&self, plan: ConnectPlan, drafts: Vec<Draft>) -> Pending<'_, Result<(), Problem>> {
        let mut world = self.world();
        for draft in drafts {
            let text = String::from_utf8_lossy(&draft.payload).into_owned();
            world
                .deeds
                .push(format!("{} says {text} to {}", plan.client_id, draft.topic));
        }
        let will = plan.will.as_ref().map(|will| will.draft.topic.to_string());
        let text = will.unwrap_or_default();
        world.deeds.push(format!(
            "{} vanishes with a will for {text}",
            plan.client_id
        ));
        let gone = world.vanishing.take().unwrap_or_else(|| Ok(Vec::new()));
        let gone = gone.map(|heard| {
            for (topic, body) in heard {
                let message = message(topic, body);
                deliver(&mut world, &message);
            }
        });
        Box::pin(async move { gone })
    }

    fn listen(&self, filters: Vec<TopicFilter>) -> Box<dyn Ear> {
        let mut world = self.world();
        world.deeds.push("listen".to_owned());
        world.ears.push((filters, VecDeque::new()));
        Box::new(Listening(self.clone(), world.ears.len() - 1))
    }

    fn variable(&self, _name: &str) -> Option<Secret> {
        None
    }

    fn silent(&self, _reason: &str) {}

    fn heard(&self) -> Mono {
        Mono(self.world().now)
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        let until = self.world().now + wait;
        Box::pin(Sleep {
            script: self.clone(),
            until,
        })
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

    fn key_and_csr(&self, _common_name: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        let key = Secret::new(format!("own-key-{CANARY}"));
        Box::pin(async move { Ok((key, "PEM of a request".to_owned())) })
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        panic!("there is no token")
    }

    fn secret<'a>(&'a self, _: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        panic!("there is no secret")
    }

    fn fact(&self, fact: Fact) {
        self.world().facts.push(fact);
    }

    fn log(&self, level: LogLevel, text: String) {
        self.world().logs.push(format!("{level:?} {text}"));
    }

    fn load(&self, name: &str) -> Result<Option<Secret>, Problem> {
        Ok(self.world().files.get(name).map(Secret::new))
    }

    fn keep(&self, name: &str, content: &Secret) -> Result<(), Problem> {
        let mut world = self.world();
        if world.full_disk {
            return Err(Problem::new(
                "could not write",
                "no space left",
                "make room",
            ));
        }
        world.deeds.push(format!("keep {name}"));
        world
            .files
            .insert(name.to_owned(), content.expose().to_owned());
        Ok(())
    }

    fn forget(&self, name: &str) -> Result<(), Problem> {
        let mut world = self.world();
        if world.files.remove(name).is_some() {
            world.deeds.push(format!("forget {name}"));
        }
        Ok(())
    }

    fn read_file(&self, path: &Path) -> Result<Bytes, Problem> {
        static IDENTITY: OnceLock<(String, String)> = OnceLock::new();
        let (certificate, key) = IDENTITY.get_or_init(|| {
            let key = rcgen::KeyPair::generate().expect("a key");
            let params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
            let certificate = params.self_signed(&key).expect("signed").pem();
            (certificate, key.serialize_pem())
        });
        let is_key = path.extension().is_some_and(|ending| ending == "key");
        let text = if is_key { key } else { certificate };
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    }
}
