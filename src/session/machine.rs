//! The session as a pure state machine: what is wanted, what stands, and what to do next.
//!
//! [`Machine::handle`] takes one input with the time and a die; then [`Machine::next_action`] is drained, and
//! [`Machine::wake`] says when to come back with [`Input::Tick`]. No clock, no task, no socket: a virtual clock drives it.

mod ends;
pub mod outbox;
pub mod packets;
pub mod registry;
mod words;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::end::{End, EndClass};
use super::link::{Arrival, LinkEvent, Order, Ticket};
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::{AckToken, Draft, Qos};
use crate::domain::session::{
    Delivered, Gap, LinkState, LogLevel, ReceiptId, SessionCommand, SessionEvent,
};
use crate::domain::subscription::{FilterState, FilterWish};
use crate::domain::topic::TopicFilter;
use crate::platform::Leave;
use crate::platform::plan::ConnectPlan;
use outbox::Outbox;
use packets::PacketLog;
use registry::{Origin, Registry};

pub use words::{Action, Input};

/// A connection that lived this long was a good one: the schedule starts over.
const STABLE: Duration = Duration::from_secs(10);
/// For DISCONNECT, whatever the network does.
const FAREWELL: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    plan: Option<Arc<ConnectPlan>>,
    registry: Registry,
    outbox: Outbox,
    packets: PacketLog,
    /// Received and not acknowledged yet; only of the connection that stands.
    unacknowledged: HashMap<AckToken, (u16, Qos)>,
    next_token: u64,
    manual_ack: bool,
    attempt: u32,
    /// Closes in a row, each soon after its CONNACK.
    short_lives: u32,
    /// Why the plan's first address was left for the next one.
    first_failure: Option<Problem>,
    closed_early: u32,
    /// Connections in a row that the platform left soon after their CONNACK.
    left_early: u32,
    /// The platform was asked already since the last CONNACK.
    judged: bool,
    actions: VecDeque<Action>,
}

impl Machine {
    /// `filters`: the profile's own, wanted besides every plan's.
    pub fn new(filters: Vec<FilterWish>, manual_ack: bool) -> Self {
        let mut registry = Registry::default();
        for wish in filters {
            registry.want(wish, Origin::Person);
        }
        Self {
            phase: Phase::Idle,
            plan: None,
            registry,
            outbox: Outbox::default(),
            packets: PacketLog::default(),
            unacknowledged: HashMap::new(),
            next_token: 0,
            manual_ack,
            attempt: 0,
            short_lives: 0,
            first_failure: None,
            closed_early: 0,
            left_early: 0,
            judged: false,
            actions: VecDeque::new(),
        }
    }

    /// `roll` is uniform in `0.0..1.0`.
    pub fn handle(&mut self, now: Moment, roll: f64, input: Input) {
        match input {
            Input::Start => self.make_plan(),
            Input::Command(command) => self.command(now, command),
            Input::Planned(planned) => self.planned(now, roll, planned),
            Input::Link(event) => self.link(now, roll, event),
            Input::Left(leave) => self.left(now, leave),
            Input::Judged(verdict) => self.decided(verdict),
            Input::Tick => self.tick(now, roll),
        }
    }

    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back with [`Input::Tick`], unless something happens before.
    pub fn wake(&self) -> Option<Mono> {
        match &self.phase {
            Phase::Waiting { until } | Phase::Leaving { until, .. } => Some(*until),
            Phase::Up(_) => self.registry.deadline(),
            _ => None,
        }
    }

    /// Every wanted filter and what the broker said to it.
    pub fn filters(&self) -> Vec<FilterState> {
        self.registry.states()
    }

    /// Publishes that wait for a connection or for their turn.
    pub fn publishes_waiting(&self) -> usize {
        self.outbox.waiting()
    }

    fn command(&mut self, now: Moment, command: SessionCommand) {
        match command {
            SessionCommand::Subscribe(wish) => self.subscribe(now.mono, wish),
            SessionCommand::Unsubscribe(filter) => self.unsubscribe(filter),
            SessionCommand::Publish(id, draft) => self.publish(id, draft),
            SessionCommand::Ack(token) => self.acknowledge(token),
            SessionCommand::RetryNow => self.retry_now(),
            SessionCommand::Resubscribe { reason } => self.resubscribe(now, &reason),
            SessionCommand::Close => self.close(now.mono),
        }
    }

    fn subscribe(&mut self, now: Mono, wish: FilterWish) {
        let filter = wish.filter.clone();
        if let Some(qos) = self.registry.in_force(&wish) {
            self.post(SessionEvent::Granted {
                filter,
                result: Ok(qos),
            });
            return;
        }
        self.registry.want(wish, Origin::Person);
        if self.is_up() {
            let order = self.registry.one(now, &filter);
            self.send_all(order);
        }
    }

    fn unsubscribe(&mut self, filter: TopicFilter) {
        match self.registry.drop_filter(&filter, self.is_up()) {
            Some(order) => self.send_all([order]),
            None => self.post(SessionEvent::Dropped(filter)),
        }
    }

    fn publish(&mut self, id: ReceiptId, draft: Draft) {
        let topic = draft.topic.clone();
        if let Err(problem) = self.outbox.push(id, draft) {
            let result = Err(problem);
            self.post(SessionEvent::Receipt { id, result });
            return;
        }
        if self.is_up() {
            self.pump();
        } else {
            let waiting = self.outbox.waiting();
            let text = format!("publish to {topic} waits for the connection ({waiting} waiting)");
            self.log(LogLevel::Info, text);
        }
    }

    fn acknowledge(&mut self, token: AckToken) {
        // A token of an earlier connection names nothing any more: the broker delivers that message again.
        if let Some((packet, qos)) = self.unacknowledged.remove(&token)
            && self.is_up()
        {
            self.send_all([Order::Acknowledge { packet, qos }]);
        }
    }

    fn retry_now(&mut self) {
        match self.phase {
            Phase::Waiting { .. } => self.make_plan(),
            Phase::Stopped => {
                self.attempt = 0;
                self.short_lives = 0;
                self.closed_early = 0;
                self.judged = false;
                self.make_plan();
            }
            _ => {}
        }
    }

    fn resubscribe(&mut self, now: Moment, reason: &str) {
        let Phase::Up(up) = &mut self.phase else {
            return;
        };
        up.silent = true;
        self.post_link(LinkState::Silent { since: now.wall });
        self.log(
            LogLevel::Warn,
            format!("silent: {reason}; every filter is subscribed again"),
        );
        let orders = self.registry.again(now.mono);
        self.send_all(orders);
    }

    fn close(&mut self, now: Mono) {
        match &mut self.phase {
            Phase::Up(_) => self.leave(now, Then::Close),
            Phase::Leaving { then, .. } => *then = Then::Close,
            _ => self.finish(),
        }
    }

    fn make_plan(&mut self) {
        self.phase = Phase::Planning;
        let step = "preparing the connection".to_owned();
        self.post_link(LinkState::SigningIn { step });
        self.actions.push_back(Action::Plan);
    }

    fn planned(&mut self, now: Moment, roll: f64, planned: Result<ConnectPlan, Problem>) {
        if !matches!(self.phase, Phase::Planning) {
            return;
        }
        match planned {
            Ok(plan) if plan.endpoints.is_empty() => {
                let cause = "the platform named no address";
                self.stop(Problem::new("could not connect", cause, "").exit(Exit::Usage));
            }
            Ok(plan) => {
                let limits = plan.limits;
                self.outbox.set_limits(limits.max_qos, limits.max_packet);
                let batch = limits.filters_per_subscribe;
                for gone in self.registry.adopt(&plan.filters, batch, limits.max_qos) {
                    self.post(SessionEvent::Dropped(gone));
                }
                self.plan = Some(Arc::new(plan));
                self.first_failure = None;
                self.open(0);
            }
            Err(problem) => match problem.retry {
                Retry::Never => self.stop(problem),
                Retry::Backoff => self.back_off(now.mono, roll, problem),
                Retry::After(wait) => {
                    self.attempt += 1;
                    self.wait(now.mono.plus(wait), problem);
                }
            },
        }
    }

    /// `false` when the plan has no such endpoint.
    fn open(&mut self, endpoint: usize) -> bool {
        let Some(plan) = self.plan.clone() else {
            return false;
        };
        let Some(address) = plan.endpoints.get(endpoint) else {
            return false;
        };
        let (host, port) = (address.host.clone(), address.port);
        self.post_link(LinkState::Connecting { host, port });
        self.phase = Phase::Opening { endpoint };
        self.actions.push_back(Action::Open { plan, endpoint });
        true
    }

    fn link(&mut self, now: Moment, roll: f64, event: LinkEvent) {
        match event {
            LinkEvent::Up(accepted) => self.up(now, accepted.session_present),
            LinkEvent::Message(arrival) => {
                self.log_arrival(now.mono, &arrival);
                self.message(arrival);
            }
            LinkEvent::Skipped { topic, bytes } => self.skipped(&topic, bytes),
            LinkEvent::Subscribed { ticket, codes } => self.subscribed(now.mono, ticket, codes),
            LinkEvent::Unsubscribed { ticket } => {
                if let Some(filter) = self.registry.left(ticket) {
                    self.post(SessionEvent::Dropped(filter));
                }
            }
            LinkEvent::Published { ticket, result } => self.published(ticket, result),
            LinkEvent::Recorded { .. } | LinkEvent::Released { .. } => {}
            LinkEvent::Packet { text } => self.log_packet(now.mono, || text),
            LinkEvent::Closed(end) => self.closed(now, roll, end),
        }
    }

    fn up(&mut self, now: Moment, session_present: bool) {
        if !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        self.judged = false;
        self.closed_early = 0;
        self.phase = Phase::Up(Up {
            since: now,
            session_present,
            attended: false,
            silent: false,
        });
        self.post_link(LinkState::Connected {
            since: now.wall,
            session_present,
        });
        if !session_present && self.plan.as_ref().is_some_and(|plan| !plan.clean_session) {
            let text = "the broker has no session of ours: what was sent meanwhile is not queued";
            self.log(LogLevel::Info, text.to_owned());
        }
        let orders = self.registry.begin(now.mono, session_present);
        self.send_all(orders);
        self.pump();
        self.attend_when_settled();
    }

    fn message(&mut self, arrival: Arrival) {
        if let Phase::Up(up) = &mut self.phase
            && std::mem::take(&mut up.silent)
        {
            let state = LinkState::Connected {
                since: up.since.wall,
                session_present: up.session_present,
            };
            self.post_link(state);
            self.log(LogLevel::Info, "the stream speaks again".to_owned());
        }
        let token = (self.manual_ack && arrival.qos != Qos::AtMostOnce).then(|| {
            self.next_token += 1;
            let token = AckToken(self.next_token);
            self.unacknowledged
                .insert(token, (arrival.packet, arrival.qos));
            token
        });
        self.actions.push_back(Action::Deliver(arrival, token));
    }

    fn skipped(&mut self, topic: &str, bytes: u64) {
        self.post(SessionEvent::Gap(Gap { messages: 1, bytes }));
        let text =
            format!("a message of {bytes} bytes on {topic} is over the limit and was left out");
        self.log(LogLevel::Warn, text);
    }

    fn subscribed(&mut self, now: Mono, ticket: Ticket, codes: Vec<Result<Qos, String>>) {
        let answer = self.registry.answered(now, ticket, codes);
        for (filter, result) in answer.results {
            if let Err(words) = &result {
                self.log(LogLevel::Warn, format!("{filter}: {words}"));
            }
            self.post(SessionEvent::Granted { filter, result });
        }
        if self.is_up() {
            self.send_all(answer.next);
            self.attend_when_settled();
        }
    }

    fn published(&mut self, ticket: Ticket, result: Result<Delivered, Problem>) {
        if let Some(id) = self.outbox.done(ticket) {
            self.post(SessionEvent::Receipt { id, result });
        }
        if self.is_up() {
            self.pump();
        }
    }

    fn attend_when_settled(&mut self) {
        if let Phase::Up(up) = &mut self.phase
            && !up.attended
            && self.registry.is_settled()
        {
            up.attended = true;
            self.actions.push_back(Action::Attend);
        }
    }

    fn left(&mut self, now: Moment, leave: Leave) {
        let Phase::Up(up) = &self.phase else {
            return;
        };
        let short = now.mono.since(up.since.mono) < STABLE;
        self.left_early = if short { self.left_early + 1 } else { 0 };
        match leave {
            Leave::Reconnect { reason } => {
                self.log(LogLevel::Info, format!("connecting again: {reason}"));
                let why = Problem::new("connecting again", reason, "").retry(Retry::Backoff);
                self.post_link(LinkState::Reconnecting {
                    at: now.mono,
                    attempt: 0,
                    why: why.clone(),
                });
                self.leave(now.mono, Then::Replan(why));
            }
            Leave::Stop(problem) => self.leave(now.mono, Then::Refuse(problem)),
        }
    }

    fn leave(&mut self, now: Mono, then: Then) {
        self.send_all([Order::Disconnect]);
        let until = now.plus(FAREWELL);
        self.phase = Phase::Leaving { until, then };
    }

    fn tick(&mut self, now: Moment, roll: f64) {
        if self.wake().is_none_or(|at| now.mono < at) {
            return;
        }
        let gave_up = |cause: &str| {
            let problem = Problem::new("lost the connection", cause, "")
                .exit(Exit::Unreachable)
                .retry(Retry::Backoff);
            End::new(EndClass::Passing, problem)
        };
        match self.phase {
            Phase::Waiting { .. } => self.make_plan(),
            Phase::Up(_) => self.closed(now, roll, gave_up("the broker does not answer SUBSCRIBE")),
            Phase::Leaving { .. } => self.closed(now, roll, gave_up("DISCONNECT took too long")),
            _ => {}
        }
    }

    fn finish(&mut self) {
        for (id, problem) in self.outbox.give_up() {
            let result = Err(problem);
            self.post(SessionEvent::Receipt { id, result });
        }
        self.phase = Phase::Over;
        self.actions.push_back(Action::Abandon);
        self.post_link(LinkState::Closed);
        self.actions.push_back(Action::End);
    }

    const fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    fn pump(&mut self) {
        let orders = self.outbox.pump();
        self.send_all(orders);
    }

    fn send_all(&mut self, orders: impl IntoIterator<Item = Order>) {
        self.actions.extend(orders.into_iter().map(Action::Send));
    }

    fn post(&mut self, event: SessionEvent) {
        self.actions.push_back(Action::Post(event));
    }

    fn post_link(&mut self, state: LinkState) {
        self.post(SessionEvent::Link(state));
    }

    /// The link does not tell of these two packets: see [`LinkEvent::Packet`].
    fn log_arrival(&mut self, now: Mono, arrival: &Arrival) {
        self.log_packet(now, || packets::arrived(arrival));
        if !self.manual_ack && arrival.qos != Qos::AtMostOnce {
            self.log_packet(now, || packets::acknowledged(arrival));
        }
    }

    fn log_packet(&mut self, now: Mono, text: impl FnOnce() -> String) {
        for line in self.packets.offer(now, text) {
            self.log(LogLevel::Debug, line);
        }
    }

    fn log(&mut self, level: LogLevel, text: String) {
        self.actions.push_back(Action::Log(level, text));
    }
}

#[derive(Debug)]
enum Phase {
    Idle,
    Planning,
    Opening {
        endpoint: usize,
    },
    Up(Up),
    Judging(Problem),
    Waiting {
        until: Mono,
    },
    /// Refused or taken over: only the user goes on from here.
    Stopped,
    /// DISCONNECT is on its way.
    Leaving {
        until: Mono,
        then: Then,
    },
    Over,
}

#[derive(Debug)]
struct Up {
    since: Moment,
    session_present: bool,
    attended: bool,
    silent: bool,
}

#[derive(Debug)]
enum Then {
    Close,
    Replan(Problem),
    Refuse(Problem),
}
