//! A session under test: a platform and an `Io` that do as the test says, and the events that came out.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::Problem;
use thingdeck::base::secret::Secret;
use thingdeck::domain::capability::Capabilities;
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::{Draft, Message, Qos};
use thingdeck::domain::profile::{PlatformId, SecretRef, Version};
use thingdeck::domain::reading::Reading;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{
    Delivered, LinkState, LogLevel, ReceiptId, SessionCommand, SessionEvent,
};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};
use thingdeck::platform::plan::{ConnectPlan, Endpoint, Limits, TlsPlan};
use thingdeck::platform::{Leave, Pending, Platform, PlatformInfo, Verdict};
use thingdeck::session::driver::{Driver, Post};
use thingdeck::session::heard::Heard;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::broker::soon;

pub fn wish(filter: &str) -> FilterWish {
    FilterWish::new(
        TopicFilter::parse(filter).expect("a filter"),
        Qos::AtLeastOnce,
    )
}

pub fn draft(topic: &str, payload: &str, qos: Qos) -> Draft {
    Draft {
        topic: Topic::parse(topic).expect("a topic"),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos,
        retain: false,
        properties: None,
    }
}

/// A plan for a broker on loopback.
pub fn plan(port: u16, tls: Option<TlsPlan>, filters: &[&str]) -> ConnectPlan {
    ConnectPlan {
        endpoints: vec![endpoint(port, tls)],
        client_id: "deck-Ω 1".to_owned(),
        username: None,
        password: None,
        keep_alive: Duration::from_mins(1),
        version: Version::V311,
        clean_session: false,
        session_expiry: Duration::ZERO,
        will: None,
        filters: filters.iter().map(|filter| wish(filter)).collect(),
        limits: Limits {
            max_packet: 2 << 20,
            filters_per_subscribe: 8,
            max_qos: Qos::AtLeastOnce,
            connect_timeout: Duration::from_secs(10),
        },
    }
}

pub fn endpoint(port: u16, tls: Option<TlsPlan>) -> Endpoint {
    Endpoint::tcp("localhost".to_owned(), port, tls)
}

/// What the platform of a test says.
pub struct Script {
    pub plans: Mutex<VecDeque<Result<ConnectPlan, Problem>>>,
    pub verdicts: Mutex<VecDeque<Verdict>>,
    pub leave: Mutex<Option<Leave>>,
    pub planned: AtomicU32,
    pub judged: AtomicU32,
    pub attended: AtomicU32,
}

impl Script {
    /// The same plan at every attempt.
    pub fn always(plan: ConnectPlan) -> Arc<Self> {
        Arc::new(Self {
            plans: Mutex::new(VecDeque::from([Ok(plan)])),
            verdicts: Mutex::default(),
            leave: Mutex::default(),
            planned: AtomicU32::new(0),
            judged: AtomicU32::new(0),
            attended: AtomicU32::new(0),
        })
    }

    pub fn judged(&self) -> u32 {
        self.judged.load(Ordering::SeqCst)
    }

    pub fn planned(&self) -> u32 {
        self.planned.load(Ordering::SeqCst)
    }

    pub fn attended(&self) -> u32 {
        self.attended.load(Ordering::SeqCst)
    }
}

impl Platform for Script {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Thinq,
            capabilities: Capabilities {
                publish: true,
                filters: true,
                ..Capabilities::NONE
            },
        }
    }

    fn interpret(&self, message: &Message) -> Reading {
        Reading {
            gist: format!("{} bytes", message.payload.len()),
            ..Reading::default()
        }
    }

    /// The next plan; the last one again and again.
    fn plan<'a>(&'a self, _: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        self.planned.fetch_add(1, Ordering::SeqCst);
        let mut plans = self.plans.lock().unwrap();
        let plan = if plans.len() > 1 {
            plans.pop_front()
        } else {
            plans.front().cloned()
        };
        Box::pin(std::future::ready(plan.expect("a plan")))
    }

    fn attend<'a>(&'a self, _: &'a dyn Io) -> Pending<'a, Leave> {
        self.attended.fetch_add(1, Ordering::SeqCst);
        match self.leave.lock().unwrap().take() {
            Some(leave) => Box::pin(std::future::ready(leave)),
            None => Box::pin(std::future::pending()),
        }
    }

    fn refused<'a>(&'a self, _: &'a dyn Io, _: &'a Problem) -> Pending<'a, Verdict> {
        self.judged.fetch_add(1, Ordering::SeqCst);
        let verdict = self.verdicts.lock().unwrap().pop_front();
        Box::pin(std::future::ready(verdict.unwrap_or(Verdict::Final)))
    }

    fn request<'a>(&'a self, _: &'a dyn Io, _: Request) -> Pending<'a, Result<Reply, Problem>> {
        unreachable!("sessions make no requests")
    }
}

/// Only time is real, and it can be moved on.
pub struct Clock {
    start: tokio::time::Instant,
    skipped: AtomicU64,
}

impl Clock {
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            start: tokio::time::Instant::now(),
            skipped: AtomicU64::new(0),
        })
    }

    /// A minute passes at once.
    pub fn skip_a_minute(&self) {
        self.skipped.fetch_add(60, Ordering::SeqCst);
    }
}

impl Io for Clock {
    fn now(&self) -> Moment {
        let skipped = Duration::from_secs(self.skipped.load(Ordering::SeqCst));
        Moment {
            mono: Mono(self.start.elapsed() + skipped),
            wall: Timestamp::from_seconds(1_763_671_282),
        }
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(wait))
    }

    fn roll(&self) -> f64 {
        0.0
    }

    fn http(&self, _: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        unreachable!()
    }
    fn publish(&self, _: Draft) -> Pending<'_, Result<(), Problem>> {
        unreachable!()
    }
    fn subscribe(&self, _: FilterWish) {}
    fn subscribed(&self, _: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        unreachable!()
    }
    fn unsubscribe(&self, _: TopicFilter) {}
    fn listen(&self, _: Vec<TopicFilter>) -> Box<dyn Ear> {
        unreachable!()
    }
    fn variable(&self, _: &str) -> Option<Secret> {
        None
    }
    fn silent(&self, _: &str) {}
    fn heard(&self) -> Mono {
        Mono::default()
    }
    fn random(&self, _: &mut [u8]) {}
    fn key_and_csr(&self, _: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        unreachable!()
    }
    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        unreachable!()
    }
    fn secret<'a>(&'a self, _: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        unreachable!()
    }
    fn fact(&self, _: Fact) {}
    fn log(&self, _: LogLevel, _: String) {}
    fn load(&self, _: &str) -> Result<Option<Secret>, Problem> {
        unreachable!()
    }
    fn keep(&self, _: &str, _: &Secret) -> Result<(), Problem> {
        unreachable!()
    }
    fn forget(&self, _: &str) -> Result<(), Problem> {
        unreachable!()
    }
    fn read_file(&self, _: &Path) -> Result<Bytes, Problem> {
        unreachable!()
    }
}

struct Sink(mpsc::Sender<SessionEvent>);

impl Post for Sink {
    fn post(&self, event: SessionEvent) {
        // After the test has let go of its session nobody listens.
        let _nobody_listens = self.0.try_send(event);
    }
}

/// A running session.
pub struct Session {
    pub commands: mpsc::Sender<SessionCommand>,
    events: mpsc::Receiver<SessionEvent>,
    /// All that was read so far, for the message of a failure.
    pub past: Vec<SessionEvent>,
    task: JoinHandle<()>,
    pub heard: Arc<Heard>,
}

impl Session {
    pub fn start(script: &Arc<Script>) -> Self {
        Self::with(script, Vec::new(), false)
    }

    pub fn with(script: &Arc<Script>, extra_filters: Vec<FilterWish>, manual_ack: bool) -> Self {
        Self::on(Clock::start(), script, extra_filters, manual_ack)
    }

    pub fn on(
        clock: Arc<Clock>,
        script: &Arc<Script>,
        extra_filters: Vec<FilterWish>,
        manual_ack: bool,
    ) -> Self {
        let (commands, received) = mpsc::channel(64);
        let (sink, events) = mpsc::channel(100_000);
        let platform: Arc<Script> = Arc::clone(script);
        let heard = Arc::new(Heard::default());
        let driver = Driver {
            platform,
            io: clock,
            post: Arc::new(Sink(sink)),
            commands: received,
            extra_filters,
            manual_ack,
            heard: Arc::clone(&heard),
        };
        Self {
            commands,
            events,
            past: Vec::new(),
            task: tokio::spawn(driver.run()),
            heard,
        }
    }

    pub async fn tell(&self, command: SessionCommand) {
        self.commands.send(command).await.expect("the session runs");
    }

    /// The next event, whatever it is.
    pub async fn event(&mut self) -> SessionEvent {
        match tokio::time::timeout(super::broker::PATIENCE, self.events.recv()).await {
            Ok(event) => {
                let event = event.expect("the session runs");
                self.past.push(event.clone());
                event
            }
            Err(elapsed) => {
                let from = self.past.len().saturating_sub(60);
                panic!("nothing more ({elapsed}) after {:#?}", &self.past[from..]);
            }
        }
    }

    /// The first event from now on of which `pick` makes something.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&SessionEvent) -> Option<T>) -> T {
        let found = tokio::time::timeout(super::broker::PATIENCE, async {
            while let Some(event) = self.events.recv().await {
                let picked = pick(&event);
                self.past.push(event);
                if picked.is_some() {
                    return picked;
                }
            }
            None
        });
        match found.await {
            Ok(Some(found)) => found,
            _ => panic!("never came: {what}; these came: {:#?}", self.past),
        }
    }

    pub async fn link(&mut self, what: &str, pick: impl Fn(&LinkState) -> bool) -> LinkState {
        self.until(what, |event| match event {
            SessionEvent::Link(state) if pick(state) => Some(state.clone()),
            _ => None,
        })
        .await
    }

    pub async fn connected(&mut self) -> LinkState {
        self.link("connected", |state| {
            matches!(state, LinkState::Connected { .. })
        })
        .await
    }

    /// The reason of the next countdown, which is then cut short.
    pub async fn reconnects(&mut self) -> Problem {
        let state = self
            .link("reconnecting", |state| {
                matches!(state, LinkState::Reconnecting { .. })
            })
            .await;
        self.tell(SessionCommand::RetryNow).await;
        match state {
            LinkState::Reconnecting { why, .. } => why,
            _ => unreachable!(),
        }
    }

    pub async fn refused(&mut self) -> Problem {
        match self
            .link("refused", |state| matches!(state, LinkState::Refused(_)))
            .await
        {
            LinkState::Refused(problem) => problem,
            _ => unreachable!(),
        }
    }

    pub async fn message(&mut self) -> Message {
        self.until("a message", |event| match event {
            SessionEvent::Message(message, _) => Some((**message).clone()),
            _ => None,
        })
        .await
    }

    pub async fn granted(&mut self) -> (String, Result<Qos, String>) {
        self.until("an answer to a filter", |event| match event {
            SessionEvent::Granted { filter, result } => Some((filter.to_string(), result.clone())),
            _ => None,
        })
        .await
    }

    pub async fn receipt(&mut self) -> (ReceiptId, Result<Delivered, Problem>) {
        self.until("a receipt", |event| match event {
            SessionEvent::Receipt { id, result } => Some((*id, result.clone())),
            _ => None,
        })
        .await
    }

    pub async fn log(&mut self, part: &str) -> String {
        self.until(part, |event| match event {
            SessionEvent::Log(line) if line.text.contains(part) => Some(line.text.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the task to end by itself.
    pub async fn ended(self) {
        soon("the session ends", self.task)
            .await
            .expect("without a panic");
    }
}
