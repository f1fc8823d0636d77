//! The one place where sockets, clock, cloud and broker meet: everything under one lock, held briefly.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{Notify, broadcast, watch};

use super::broker::{Broker, ConnectionId, Identity, Output, Rules};
use super::clock::SimClock;
use super::cloud::{Answer, Cloud, Command, HttpAnswer, HttpRequest, Publication, Tick};
use super::event::{CallRecord, SimEvent};
use super::faults::{Fault, Faults};
use super::packet::{Packet, Version, code};
use super::wire::{Frame, Wrong};

/// Events kept for a slow listener; older ones are skipped.
const EVENTS: usize = 16_384;

/// Calls kept for those who ask; older ones are forgotten.
const CALLS: usize = 50_000;

/// A client with more than this waiting gets no more load until it has caught up.
const BUSY: usize = 2_000;

/// Beyond this many bytes waiting for one connection, QoS 0 messages to it are dropped. The broker's window bounds the
/// others.
const OUTBOX: usize = 16 << 20;

/// What waits to be written to one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    content: Mutex<(BytesMut, bool)>,
    pub changed: Notify,
    /// Told once when the connection has to end.
    pub closed: Notify,
}

impl Outbox {
    /// How many bytes that was; none for a message that is dropped because the client does not read.
    fn push(&self, frame: &Frame) -> Option<usize> {
        let mut content = lock(&self.content);
        let before = content.0.len();
        if before > OUTBOX && frame.is_droppable() {
            return None;
        }
        frame.write(&mut content.0);
        self.changed.notify_one();
        Some(content.0.len() - before)
    }

    fn close(&self) {
        lock(&self.content).1 = true;
        self.changed.notify_one();
        self.closed.notify_one();
    }

    /// What is to be written now.
    pub fn take(&self) -> BytesMut {
        std::mem::take(&mut lock(&self.content).0)
    }

    /// Whether what is in it is the last.
    pub fn is_closed(&self) -> bool {
        lock(&self.content).1
    }
}

pub struct Core {
    pub clock: SimClock,
    pub cloud: Box<dyn Cloud>,
    pub broker: Broker,
    pub faults: Faults,
    /// The last calls, in order.
    pub calls: VecDeque<CallRecord>,
    outboxes: HashMap<ConnectionId, Arc<Outbox>>,
}

impl Core {
    /// The cloud, if it is of this kind.
    pub fn cloud_as<T: Cloud>(&mut self) -> Option<&mut T> {
        let any: &mut dyn Any = &mut *self.cloud;
        any.downcast_mut()
    }
}

/// Shared by the servers, the ticker and every [`super::SimControl`].
pub struct Hub {
    core: Mutex<Core>,
    events: broadcast::Sender<SimEvent>,
    /// Whether the broker's ports are open.
    pub broker_runs: watch::Sender<bool>,
    /// How long everything that the broker says is kept back.
    pub delay: watch::Sender<Duration>,
    /// Something has happened that an answer may have waited for.
    moved: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub fn new(clock: SimClock, cloud: Box<dyn Cloud>) -> Self {
        let core = Core {
            clock,
            cloud,
            broker: Broker::default(),
            faults: Faults::default(),
            calls: VecDeque::new(),
            outboxes: HashMap::new(),
        };
        Self {
            core: Mutex::new(core),
            events: broadcast::channel(EVENTS).0,
            broker_runs: watch::channel(true).0,
            delay: watch::channel(Duration::ZERO).0,
            moved: Notify::new(),
        }
    }

    pub fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.core)
    }

    pub fn events(&self) -> broadcast::Receiver<SimEvent> {
        self.events.subscribe()
    }

    /// Tells whoever listens; nobody has to.
    pub fn tell(&self, event: SimEvent) {
        drop(self.events.send(event));
    }

    pub fn strike(&self, request: &HttpRequest) -> Option<Fault> {
        self.core().faults.strike(&request.method, &request.path)
    }

    pub fn answer(&self, request: &HttpRequest) -> HttpAnswer {
        let mut core = self.core();
        let now = core.clock.now();
        let answer = core.cloud.http(request, now);
        let tick = core.cloud.aftermath(now);
        self.follow(&mut core, tick);
        answer
    }

    /// The same, waited for where the cloud has to wait itself.
    pub async fn answer_in_time(&self, request: &HttpRequest) -> HttpAnswer {
        let answer = self.answer(request);
        let Some(ticket) = answer.later else {
            return answer;
        };
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            let late = {
                let mut core = self.core();
                let now = core.clock.now();
                core.cloud.later(ticket, now)
            };
            match late {
                Some(answer) => return answer,
                None => moved.await,
            }
        }
    }

    /// What a hand behind the curtain has set off in the cloud.
    pub fn aftermath(&self) {
        let mut core = self.core();
        let now = core.clock.now();
        let tick = core.cloud.aftermath(now);
        self.follow(&mut core, tick);
    }

    pub fn failure(&self, code: &str, request: &HttpRequest) -> HttpAnswer {
        let held = self.core();
        held.cloud.failure(code, request, held.clock.now())
    }

    pub fn record(&self, request: &HttpRequest, status: u16, code: Option<String>) {
        let record = CallRecord {
            method: request.method.clone(),
            path: request.path.clone(),
            client_id: request.header("x-client-id").unwrap_or_default().to_owned(),
            status,
            code,
        };
        let mut held = self.core();
        if held.calls.len() >= CALLS {
            held.calls.pop_front();
        }
        held.calls.push_back(record.clone());
        drop(held);
        self.tell(SimEvent::Call(record));
    }

    /// The largest packet that the cloud takes.
    pub fn packet_limit(&self) -> usize {
        self.core().cloud.limits().packet
    }

    pub fn open(&self, identity: Identity) -> (ConnectionId, Arc<Outbox>) {
        let mut core = self.core();
        let now = core.clock.now().mono;
        let id = core.broker.open(identity, now);
        let outbox = Arc::new(Outbox::default());
        core.outboxes.insert(id, Arc::clone(&outbox));
        (id, outbox)
    }

    pub fn receive(&self, id: ConnectionId, packet: Packet) {
        self.with_broker(|broker, cloud, now| broker.receive(id, packet, now, cloud));
    }

    /// So many bytes came from a client.
    pub fn count_received(&self, bytes: usize) {
        self.core().broker.health.bytes_received += bytes as u64;
    }

    pub fn wrong(&self, id: ConnectionId, version: Version, wrong: Wrong) {
        self.with_broker(|broker, rules, now| broker.wrong(id, version, wrong, now, rules));
    }

    /// The peer has closed what carries its MQTT, in good order.
    pub fn goodbye(&self, id: ConnectionId) {
        self.with_broker(|broker, cloud, now| broker.goodbye(id, now, cloud));
    }

    pub fn lost(&self, id: ConnectionId) {
        self.with_broker(|broker, cloud, now| broker.lost(id, now, cloud));
        self.core().outboxes.remove(&id);
    }

    /// Runs something on the broker, at the simulator's time, and carries out what it wants.
    pub fn with_broker(
        &self,
        work: impl FnOnce(&mut Broker, &dyn Rules, crate::base::moment::Mono) -> Vec<Output>,
    ) {
        let mut core = self.core();
        let now = core.clock.now().mono;
        let Core { broker, cloud, .. } = &mut *core;
        let outputs = work(broker, &**cloud, now);
        self.carry_out(&mut core, outputs);
    }

    pub fn publish(&self, publications: Vec<Publication>) {
        let mut core = self.core();
        self.publish_in(&mut core, publications);
    }

    fn publish_in(&self, core: &mut Core, publications: Vec<Publication>) {
        let now = core.clock.now().mono;
        for publication in publications {
            let Core { broker, cloud, .. } = &mut *core;
            let outputs = broker.publish(&publication, now, &**cloud);
            self.carry_out(core, outputs);
            let topic = publication.topic;
            self.tell(SimEvent::Published { topic });
        }
    }

    /// Does what a step of the cloud's asks for.
    fn follow(&self, core: &mut Core, tick: Tick) {
        let now = core.clock.now().mono;
        for answer in &tick.answers {
            let Core { broker, cloud, .. } = &mut *core;
            let Answer {
                client,
                publication,
                unasked,
            } = answer;
            let outputs = broker.tell(client, publication, *unasked, now, &**cloud);
            self.carry_out(core, outputs);
        }
        self.publish_in(core, tick.publications);
        for command in tick.commands {
            let Core { broker, cloud, .. } = &mut *core;
            let outputs = match command {
                Command::Disconnect {
                    client,
                    forget,
                    with_will,
                } => broker.evict(&client, forget, with_will, now, &**cloud),
                Command::Replace { client } => {
                    broker.kick(&client, code::TAKEN_OVER, now, &**cloud)
                }
            };
            self.carry_out(core, outputs);
        }
        tick.events.into_iter().for_each(|event| self.tell(event));
        self.moved.notify_waiters();
    }

    /// What a hand behind the curtain wants done at once.
    pub fn do_now(&self, tick: Tick) {
        let mut core = self.core();
        self.follow(&mut core, tick);
    }

    /// Lets the simulator's time pass up to now.
    pub fn tick(&self) {
        let mut core = self.core();
        let now = core.clock.now();
        let tick = core.cloud.tick(now);
        self.follow(&mut core, tick);
        let Core { broker, cloud, .. } = &mut *core;
        let outputs = broker.tick(now.mono, &**cloud);
        self.carry_out(&mut core, outputs);
    }

    /// Publishes `count` extra messages over the subscribed devices.
    pub fn load(&self, count: usize) {
        let mut core = self.core();
        let now = core.clock.now();
        let Core { broker, cloud, .. } = &mut *core;
        let publications = cloud.load(count, now, &|client| broker.backlog(client) > BUSY);
        self.publish_in(&mut core, publications);
    }

    fn carry_out(&self, core: &mut Core, outputs: Vec<Output>) {
        let mut told = Vec::new();
        for output in outputs {
            match output {
                Output::Send(id, frame) => {
                    if let Some(outbox) = core.outboxes.get(&id) {
                        match outbox.push(&frame) {
                            Some(bytes) => core.broker.health.bytes_sent += bytes as u64,
                            None => core.broker.health.dropped += 1,
                        }
                    }
                }
                Output::Close(id) => {
                    if let Some(outbox) = core.outboxes.remove(&id) {
                        outbox.close();
                    }
                }
                Output::Happened(happening) => self.tell(SimEvent::Broker(happening)),
                told_later @ (Output::Heard { .. } | Output::Life(_)) => told.push(told_later),
            }
        }
        // What the cloud says to it comes after it. The cloud does not hear itself, so this ends.
        for output in told {
            let now = core.clock.now();
            let tick = match output {
                Output::Heard {
                    client,
                    publication,
                    is_will: true,
                } => core.cloud.last_words(&client, &publication, now),
                Output::Heard {
                    client,
                    publication,
                    is_will: false,
                } => core.cloud.hear_from(&client, &publication, now),
                Output::Life(life) => core.cloud.life(&life, now),
                Output::Send(..) | Output::Close(_) | Output::Happened(_) => continue,
            };
            self.follow(core, tick);
        }
    }
}
