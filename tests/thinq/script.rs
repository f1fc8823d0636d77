//! A scripted outside for the ThinQ adapter: an account at LG's, files in memory, and a clock that only moves when
//! everything waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::ArcWake;
use serde_json::{Value, json};
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::{Fact, StepState};
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::profile::{Common, OnQuit, SecretRef, ThinqSettings};
use thingdeck::domain::session::LogLevel;
use thingdeck::domain::subscription::{Feed, FeedState, FilterWish};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::platform::Pending;
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io, Method};
use thingdeck::platform::thinq::Thinq;

/// 2026-03-02T08:00:00Z.
pub const START: i64 = 1_772_438_400;
pub const TOKEN: &str = "thinqpat_canary0123456789";

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Carried out, and the answer never comes.
    AnswerLost,
    /// Never arrives, and no answer comes.
    RequestLost,
    Unreachable,
    Code(u16, &'static str),
    /// 429 with `Retry-After`.
    TooMany(Option<u64>),
    Raw(u16, &'static str),
    /// Carried out at once, and answered so much later.
    Slow(Duration),
    /// Carried out, and answered with this.
    DoneThen(u16, &'static str),
}

#[derive(Debug)]
pub struct Seen {
    pub at: Duration,
    pub call: HttpCall,
}

impl Seen {
    pub fn line(&self) -> String {
        let path = self
            .call
            .url
            .split_once(".com/")
            .map_or(self.call.url.as_str(), |(_, path)| path);
        format!("{} {path}", self.call.method.word())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.call
            .headers
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        self.call.body.as_ref().map_or(Value::Null, |body| {
            serde_json::from_slice(body).expect("JSON")
        })
    }
}

/// The account as LG sees it.
#[derive(Debug, Default)]
pub struct Cloud {
    pub devices: Vec<Value>,
    pub profiles: HashMap<String, Value>,
    pub states: HashMap<String, Value>,
    pub offline: BTreeSet<String>,
    pub push: BTreeSet<String>,
    /// When each ends.
    pub event: BTreeMap<String, Duration>,
    pub account_feed: bool,
    pub clients: BTreeSet<String>,
    pub certificates: u32,
    pub controls: Vec<(String, Value)>,
}

#[derive(Default)]
struct World {
    now: Duration,
    sleepers: Vec<(Duration, Waker)>,
    seen: Vec<Seen>,
    facts: Vec<(Duration, Fact)>,
    logs: Vec<String>,
    files: BTreeMap<String, String>,
    token: String,
    random: u64,
    heard: Duration,
    silences: Vec<String>,
    /// Needle in `METHOD path`, how often, what.
    faults: Vec<(String, u32, Fault)>,
    cut_off: bool,
    latency: Duration,
    valid_until: Option<i32>,
    cloud: Cloud,
}

#[derive(Clone)]
pub struct Script(Arc<Mutex<World>>);

impl Script {
    pub fn new() -> Self {
        let world = World {
            token: TOKEN.to_owned(),
            latency: Duration::from_millis(20),
            ..World::default()
        };
        Self(Arc::new(Mutex::new(world)))
    }

    /// An account with `count` air conditioners, `d00`, `d01`….
    pub fn with_devices(count: usize) -> Self {
        let script = Self::new();
        for i in 0..count {
            script.add_device(&format!("d{i:02}"), "air_conditioner");
        }
        script
    }

    pub fn add_device(&self, id: &str, kind: &str) {
        let mut world = self.world();
        world.cloud.devices.push(json!({"deviceId": id, "deviceInfo": {"deviceType": format!("DEVICE_{}", kind.to_uppercase()),
            "modelName": "M1", "alias": format!("alias of {id}"), "reportable": true}}));
        world
            .cloud
            .profiles
            .insert(id.to_owned(), fixture("profiles", kind));
        world
            .cloud
            .states
            .insert(id.to_owned(), fixture("state", kind));
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .expect("no test panics while it holds the world")
    }

    pub fn cloud<T>(&self, look: impl FnOnce(&mut Cloud) -> T) -> T {
        look(&mut self.world().cloud)
    }

    pub fn fault(&self, needle: &str, times: u32, fault: Fault) {
        self.world().faults.push((needle.to_owned(), times, fault));
    }

    pub fn heal(&self) {
        self.world().faults.clear();
    }

    pub fn cut_off(&self, cut: bool) {
        self.world().cut_off = cut;
    }

    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.world().token);
    }

    /// Certificates issued from now on end in this year.
    pub fn valid_until(&self, year: i32) {
        self.world().valid_until = Some(year);
    }

    pub fn hear(&self) {
        let mut world = self.world();
        world.heard = world.now;
    }

    pub fn elapsed(&self) -> Duration {
        self.world().now
    }

    pub fn calls(&self) -> Vec<String> {
        self.world().seen.iter().map(Seen::line).collect()
    }

    pub fn seen<T>(&self, look: impl FnOnce(&[Seen]) -> T) -> T {
        look(&self.world().seen)
    }

    pub fn forget_calls(&self) {
        self.world().seen.clear();
    }

    pub fn facts(&self) -> Vec<Fact> {
        self.world()
            .facts
            .iter()
            .map(|(_, fact)| fact.clone())
            .collect()
    }

    pub fn take_facts(&self) -> Vec<Fact> {
        std::mem::take(&mut self.world().facts)
            .into_iter()
            .map(|(_, fact)| fact)
            .collect()
    }

    /// `name state` of every step, without those that only say that something runs.
    pub fn steps(&self) -> Vec<String> {
        let step = |fact| match fact {
            Fact::Step(step) if step.state != StepState::Running => Some(format!(
                "{} {}",
                step.name,
                format!("{:?}", step.state).to_lowercase()
            )),
            _ => None,
        };
        self.facts().into_iter().filter_map(step).collect()
    }

    pub fn logs(&self) -> Vec<String> {
        self.world().logs.clone()
    }

    pub fn silences(&self) -> Vec<String> {
        self.world().silences.clone()
    }

    pub fn files(&self) -> BTreeMap<String, String> {
        self.world().files.clone()
    }

    pub fn change_files(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        change(&mut self.world().files);
    }

    /// The last word on one feed.
    pub fn told(&self, device: &str, feed: Feed) -> Option<FeedState> {
        let id = DeviceId::new(device);
        self.facts().into_iter().rev().find_map(|fact| match fact {
            Fact::Feed {
                device,
                feed: of,
                state,
            }
            | Fact::FeedFailed {
                device,
                feed: of,
                state,
                ..
            } if device == id && of == feed => Some(state),
            _ => None,
        })
    }

    /// Whether LG's list names it now.
    pub fn listed(&self, device: &str, feed: Feed) -> bool {
        let world = self.world();
        match feed {
            Feed::Push => world.cloud.push.contains(device),
            Feed::Event => world
                .cloud
                .event
                .get(device)
                .is_some_and(|end| *end > world.now),
        }
    }

    /// Drives `future` to its end; time passes only when it waits.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.drive(future, Duration::MAX).expect("it ends")
    }

    /// Drives `future` for so long at most; `None` when it has not ended by then.
    pub fn run_for<T>(&self, time: Duration, future: impl Future<Output = T>) -> Option<T> {
        let end = self.elapsed() + time;
        self.drive(future, end)
    }

    fn drive<T>(&self, future: impl Future<Output = T>, end: Duration) -> Option<T> {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = futures_util::task::waker(Arc::clone(&flag));
        let mut future = pin!(future);
        loop {
            while flag.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return Some(output);
                }
            }
            let woken = self.advance(end)?;
            woken.into_iter().for_each(Waker::wake);
        }
    }

    /// To the next moment that somebody waits for.
    fn advance(&self, end: Duration) -> Option<Vec<Waker>> {
        let mut world = self.world();
        let next = world.sleepers.iter().map(|(at, _)| *at).min();
        let next = match (next, end) {
            (Some(next), _) => next,
            (None, Duration::MAX) => panic!("it waits for nothing"),
            (None, end) => end,
        };
        if next >= end {
            world.now = end;
            world.sleepers.clear();
            return None;
        }
        world.now = world.now.max(next);
        let (due, rest) = std::mem::take(&mut world.sleepers)
            .into_iter()
            .partition(|(at, _)| *at <= next);
        world.sleepers = rest;
        let due: Vec<(Duration, Waker)> = due;
        Some(due.into_iter().map(|(_, waker)| waker).collect())
    }

    fn fault_for(&self, call: &HttpCall) -> Option<Fault> {
        let mut world = self.world();
        if world.cut_off {
            return Some(Fault::Unreachable);
        }
        let line = format!("{} {}", call.method.word(), call.url);
        let found = world.faults.iter_mut().find(|(needle, times, _)| {
            let (method, path) = needle.split_once(' ').unwrap_or(("", needle));
            *times > 0 && line.starts_with(method) && line.ends_with(path)
        })?;
        found.1 -= 1;
        Some(found.2.clone())
    }

    async fn answer(&self, call: HttpCall) -> Result<HttpReply, HttpError> {
        let latency = {
            let mut world = self.world();
            let at = world.now;
            world.seen.push(Seen {
                at,
                call: call.clone(),
            });
            world.latency
        };
        self.sleep(latency).await;
        let fault = self.fault_for(&call);
        let host = "lg".to_owned();
        match fault {
            Some(Fault::Unreachable) => {
                return Err(HttpError::Unreachable {
                    host,
                    why: "cut off".to_owned(),
                });
            }
            Some(Fault::RequestLost) => {
                self.sleep(call.timeout).await;
                return Err(HttpError::Timeout {
                    host,
                    after: call.timeout,
                });
            }
            Some(Fault::Code(status, code)) => return Ok(refusal(status, code)),
            Some(Fault::TooMany(seconds)) => {
                let retry_after = seconds.map(Duration::from_secs);
                return Ok(HttpReply {
                    retry_after,
                    ..raw(429, "")
                });
            }
            Some(Fault::Raw(status, body)) => return Ok(raw(status, body)),
            None | Some(Fault::AnswerLost | Fault::Slow(_) | Fault::DoneThen(..)) => {}
        }
        let reply = self.serve(&call);
        match fault {
            Some(Fault::AnswerLost) => {
                self.sleep(call.timeout).await;
                Err(HttpError::Timeout {
                    host,
                    after: call.timeout,
                })
            }
            Some(Fault::Slow(time)) => {
                self.sleep(time).await;
                Ok(reply)
            }
            Some(Fault::DoneThen(status, body)) => Ok(raw(status, body)),
            _ => Ok(reply),
        }
    }

    /// What LG does with it.
    fn serve(&self, call: &HttpCall) -> HttpReply {
        let mut world = self.world();
        let bearer = format!("Bearer {}", world.token);
        let authorised = call
            .secret_headers
            .iter()
            .any(|(n, v)| *n == "authorization" && v.expose() == bearer);
        if !authorised {
            return refusal(401, "1302");
        }
        let client = call
            .headers
            .iter()
            .find(|(n, _)| *n == "x-client-id")
            .map_or("", |(_, v)| v)
            .to_owned();
        let now = world.now;
        let valid_until = world.valid_until.unwrap_or(2049);
        let body: Value = call.body.as_ref().map_or(Value::Null, |b| {
            serde_json::from_slice(b).unwrap_or_default()
        });
        let path = call.url.split_once(".com/").map_or("", |(_, path)| path);
        let parts: Vec<_> = path.split(['/', '?']).collect();
        let cloud = &mut world.cloud;
        cloud.event.retain(|_, end| *end > now);
        let list = |ids: Vec<&String>| {
            ok(&json!(
                ids.iter()
                    .map(|id| json!({"deviceId": id}))
                    .collect::<Vec<_>>()
            ))
        };
        match (call.method, parts.as_slice()) {
            (Method::Get, ["route"]) => ok(
                &json!({"apiServer": "x", "mqttServer": "mqtts://a1-ats.iot.eu-west-1.amazonaws.com:8883"}),
            ),
            (Method::Get, ["devices"]) => ok(&json!(cloud.devices)),
            (Method::Get, ["devices", "energy", _, "profile"]) => {
                ok(&json!({"resultCode": "0000", "result": {"property": ["energyUsage"]}}))
            }
            (Method::Get, ["devices", "energy", _, "usage", _]) => ok(
                &json!({"resultCode": "0000", "result": {"property": "energyUsage", "dataList": [{"usedDate": "20260301", "energyUsage": 1234}]}}),
            ),
            (Method::Get, ["devices", id, "profile"]) => found(cloud.profiles.get(*id)),
            (Method::Get, ["devices", id, "state"]) if cloud.offline.contains(*id) => {
                refusal(416, "1222")
            }
            (Method::Get, ["devices", id, "state"]) => found(cloud.states.get(*id)),
            (Method::Post, ["devices", id, "control"]) => {
                cloud.controls.push(((*id).to_owned(), body));
                ok(&json!({}))
            }
            (Method::Post, ["client"]) => {
                cloud.clients.insert(client);
                ok(&json!({}))
            }
            (Method::Delete, ["client"]) => {
                cloud.clients.remove(&client);
                ok(&json!({}))
            }
            (Method::Post, ["client", "certificate"]) if !cloud.clients.contains(&client) => {
                refusal(404, "1209")
            }
            (Method::Post, ["client", "certificate"]) => {
                cloud.certificates += 1;
                let topics = [
                    format!("app/clients/{client}/inbox"),
                    format!("app/clients/{client}/push"),
                ];
                ok(
                    &json!({"resultCode": "0000", "result": {"certificatePem": certificate(valid_until), "subscriptions": topics}}),
                )
            }
            (Method::Get, ["push"]) => list(cloud.push.iter().collect()),
            (Method::Get, ["event"]) => list(cloud.event.keys().collect()),
            (Method::Get, ["push", "devices"]) => ok(&json!([])),
            (Method::Post, ["push", "devices"]) if cloud.account_feed => refusal(400, "4001"),
            (Method::Post, ["push", "devices"]) => {
                cloud.account_feed = true;
                ok(&json!({}))
            }
            (Method::Delete, ["push", "devices"]) => {
                cloud.account_feed = false;
                ok(&json!({}))
            }
            (Method::Post, ["push", id, "subscribe"]) => {
                if cloud.push.insert((*id).to_owned()) {
                    ok(&json!({}))
                } else {
                    refusal(404, "1207")
                }
            }
            (Method::Delete, ["push", id, "unsubscribe"]) => {
                if cloud.push.remove(*id) {
                    ok(&json!({}))
                } else {
                    refusal(404, "1206")
                }
            }
            (Method::Post, ["event", id, "subscribe"]) => {
                let hours = body
                    .pointer("/expire/timer")
                    .and_then(Value::as_u64)
                    .unwrap_or(1);
                cloud
                    .event
                    .insert((*id).to_owned(), now + Duration::from_secs(hours * 3600));
                ok(&json!({}))
            }
            (Method::Delete, ["event", id, "unsubscribe"]) => {
                if cloud.event.remove(*id).is_some() {
                    ok(&json!({}))
                } else {
                    refusal(404, "1204")
                }
            }
            _ => refusal(400, "1000"),
        }
    }
}

fn found(value: Option<&Value>) -> HttpReply {
    value.map_or_else(|| refusal(404, "1205"), ok)
}

fn ok(response: &Value) -> HttpReply {
    raw(
        200,
        &json!({"messageId": "m", "timestamp": "2026-03-02T08:41:07.219000", "response": response})
            .to_string(),
    )
}

fn refusal(status: u16, code: &str) -> HttpReply {
    raw(status, &json!({"messageId": "m", "timestamp": "t", "error": {"message": "lg's words", "code": code}}).to_string())
}

fn raw(status: u16, body: &str) -> HttpReply {
    HttpReply {
        status,
        retry_after: None,
        headers: Vec::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn certificate(year: i32) -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    params.self_signed(&key).expect("signed").pem()
}

pub fn fixture(folder: &str, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/thinq")
        .join(folder)
        .join(format!("{name}.json"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("a fixture is JSON")
}

/// All names in a folder of fixtures.
pub fn fixtures(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/thinq")
        .join(folder);
    let mut names: Vec<_> = std::fs::read_dir(path)
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .path()
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    names
}

pub fn settings() -> ThinqSettings {
    ThinqSettings {
        country: "DE".to_owned(),
        token: SecretRef::Env("THINQ_PAT".to_owned()),
        client_id: None,
        event_hours: 24,
        api_url: None,
        mqtt_url: None,
        api_key: None,
        on_quit: OnQuit::Keep,
        silent_after: None,
    }
}

pub fn thinq() -> Thinq {
    Thinq::new(settings(), Common::default())
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

impl Io for Script {
    fn http(&self, call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        Box::pin(self.answer(call))
    }

    fn publish(&self, _draft: Draft) -> Pending<'_, Result<(), Problem>> {
        panic!("a ThinQ client never publishes")
    }

    fn subscribe(&self, _wish: FilterWish) {
        panic!("the plan names all filters")
    }

    fn subscribed(&self, _wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        panic!("the plan names all filters")
    }

    fn unsubscribe(&self, _filter: TopicFilter) {
        panic!("the plan names all filters")
    }

    fn listen(&self, _filters: Vec<TopicFilter>) -> Box<dyn Ear> {
        panic!("a ThinQ client asks nothing over MQTT")
    }

    fn variable(&self, _name: &str) -> Option<Secret> {
        None
    }

    fn silent(&self, reason: &str) {
        self.world().silences.push(reason.to_owned());
    }

    fn heard(&self) -> Mono {
        Mono(self.world().heard)
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        let until = self.elapsed() + wait;
        Box::pin(Sleep {
            script: self.clone(),
            until,
        })
    }

    fn now(&self) -> Moment {
        let now = self.elapsed();
        Moment {
            mono: Mono(now),
            wall: Timestamp::from_seconds(START).plus(now),
        }
    }

    fn roll(&self) -> f64 {
        let mut byte = [0; 1];
        self.random(&mut byte);
        f64::from(byte[0]) / 256.0
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut world = self.world();
        for byte in bytes {
            world.random = world
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = world.random.to_be_bytes()[0];
        }
    }

    fn key_and_csr(&self, common_name: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        assert_eq!(common_name, "lg_thinq");
        let csr =
            "-----BEGIN CERTIFICATE REQUEST-----\nQ1NS\nQ1NS\n-----END CERTIFICATE REQUEST-----\n";
        Box::pin(async move {
            Ok((
                Secret::new(
                    "-----BEGIN PRIVATE KEY-----\nCANARYCANARY\n-----END PRIVATE KEY-----\n",
                ),
                csr.to_owned(),
            ))
        })
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        let token = Secret::new(format!("{}\n", self.world().token));
        Box::pin(async move { Ok(token) })
    }

    fn secret<'a>(&'a self, _: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        panic!("a ThinQ account has no secret but its token")
    }

    fn fact(&self, fact: Fact) {
        let mut world = self.world();
        let now = world.now;
        world.facts.push((now, fact));
    }

    fn log(&self, level: LogLevel, text: String) {
        self.world().logs.push(format!("{level:?} {text}"));
    }

    fn load(&self, name: &str) -> Result<Option<Secret>, Problem> {
        Ok(self.world().files.get(name).map(Secret::new))
    }

    fn keep(&self, name: &str, content: &Secret) -> Result<(), Problem> {
        self.world()
            .files
            .insert(name.to_owned(), content.expose().to_owned());
        Ok(())
    }

    fn forget(&self, name: &str) -> Result<(), Problem> {
        self.world().files.remove(name);
        Ok(())
    }

    fn read_file(&self, path: &Path) -> Result<Bytes, Problem> {
        Ok(Bytes::from(format!("PEM of {}", path.display())))
    }
}
