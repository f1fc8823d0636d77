//! The session as a pure state machine: what is wanted, what stands, and what to do next.
//!
//! [`Machine::handle`] takes one input with the time and a die; then [`Machine::next_action`] is drained, and
//! [`Machine::wake`] says when to come back with [`Input::Tick`]. No clock, no task, no socket: a virtual clock drives it.

mod commands;
mod ends;
mod guide;
pub mod outbox;
pub mod packets;
mod received;
pub mod registry;
mod traffic;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::end::{End, EndClass};
use super::link::{Accepted, LinkEvent, Order};
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::Draft;
use crate::domain::session::{LinkState, LogLevel, ReceiptId, SessionEvent};
use crate::domain::subscription::{FilterState, FilterWish};
use crate::platform::plan::ConnectPlan;
use crate::platform::{Leave, Platform};
use guide::Guide;
use outbox::{Limits, Outbox};
use packets::PacketLog;
use received::Received;
use registry::{Registry, Step};

pub use words::{Action, Input};

/// A connection that lived this long was a good one: the schedule starts over.
const STABLE: Duration = Duration::from_secs(10);
/// A longer pause than any in the queue of a kept session (AWS IoT sends ten messages a second).
const QUEUE_PAUSE: Duration = Duration::from_secs(1);
/// A busy stream has no pauses; what comes later than this is taken for new.
const LONGEST_QUEUE: Duration = Duration::from_secs(30);
/// For DISCONNECT, whatever the network does.
const FAREWELL: Duration = Duration::from_millis(500);
/// The same where the connection is only changed: what is still on its way from the broker counts.
const HANDOVER: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    plan: Option<Arc<ConnectPlan>>,
    registry: Registry,
    outbox: Outbox,
    packets: PacketLog,
    received: Received,
    manual_ack: bool,
    /// Publishes wait on each connection until they are released.
    holds: bool,
    /// Client id and host of the connection that stood last: whose session the broker may have kept.
    session_of: Option<(String, String)>,
    /// The client id that the broker made up for an empty one (MQTT 5); ours from then on.
    assigned: Option<String>,
    /// The number of waiting publishes that was told last.
    told_waiting: usize,
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
    guide: Guide,
    actions: VecDeque<Action>,
}

impl Machine {
    /// `filters`: the profile's own, wanted besides every plan's.
    pub fn new(filters: Vec<FilterWish>, manual_ack: bool) -> Self {
        let mut registry = Registry::default();
        for wish in filters {
            registry.want(wish);
        }
        Self {
            phase: Phase::Idle,
            plan: None,
            registry,
            outbox: Outbox::default(),
            packets: PacketLog::default(),
            received: Received::default(),
            manual_ack,
            holds: false,
            session_of: None,
            assigned: None,
            told_waiting: 0,
            attempt: 0,
            short_lives: 0,
            first_failure: None,
            closed_early: 0,
            left_early: 0,
            judged: false,
            guide: Guide::default(),
            actions: VecDeque::new(),
        }
    }

    /// Whose words are better than the wire's.
    #[must_use]
    pub fn guided_by(mut self, platform: Arc<dyn Platform>) -> Self {
        self.registry.trust_kept(platform.trusts_kept_session());
        self.guide = Guide::new(platform);
        self
    }

    /// On each connection publishes wait for [`SessionCommand::Release`](crate::domain::session::SessionCommand).
    #[must_use]
    pub fn holding_publishes(mut self, holds: bool) -> Self {
        self.holds = holds;
        self
    }

    /// `roll` is uniform in `0.0..1.0`.
    pub fn handle(&mut self, now: Moment, roll: f64, input: Input) {
        match input {
            Input::Start => {
                self.outbox.start(roll);
                self.make_plan();
            }
            Input::Command(command) => self.command(now, command),
            Input::Planned(planned) => self.planned(now, roll, planned),
            Input::Link(event) => self.link(now, roll, event),
            Input::Left(leave) => self.left(now, leave),
            Input::Judged(verdict) => self.decided(verdict),
            Input::Tick => self.tick(now, roll),
        }
        self.tell_waiting();
    }

    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back with [`Input::Tick`], unless something happens before.
    pub fn wake(&self) -> Option<Mono> {
        match &self.phase {
            Phase::Waiting { until } | Phase::Leaving { until, .. } => Some(*until),
            Phase::Up(up) => {
                let calm = self.outbox.holds_back().then(|| up.calm_at());
                let calm = calm.filter(|_| self.registry.is_settled());
                let paced = self.outbox.paced();
                let deadline = self.registry.deadline().into_iter();
                deadline.chain(calm).chain(paced).min()
            }
            _ => None,
        }
    }

    /// Only the DISCONNECT is still to be written.
    pub const fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// Every wanted filter and what the broker said to it.
    pub fn filters(&self) -> Vec<FilterState> {
        self.registry.states()
    }

    /// Publishes that wait for a connection or for their turn.
    pub fn publishes_waiting(&self) -> usize {
        self.outbox.waiting()
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
            Ok(plan) => self.adopt(plan),
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

    fn adopt(&mut self, mut plan: ConnectPlan) {
        if plan.client_id.is_empty()
            && let Some(assigned) = &self.assigned
        {
            plan.client_id.clone_from(assigned);
        }
        let refused = self.outbox.set_limits(Limits::planned(&plan));
        self.not_published(refused);
        for gone in self.registry.adopt(&plan) {
            self.post(SessionEvent::Dropped(gone));
        }
        self.plan = Some(Arc::new(plan));
        self.first_failure = None;
        self.open(0);
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
            LinkEvent::Up(accepted) => self.up(now, &accepted),
            LinkEvent::Message(arrival) => self.message(now.mono, arrival),
            LinkEvent::Messages(batch) => self.messages(now.mono, batch),
            LinkEvent::Skipped { topic, bytes } => self.skipped(&topic, bytes),
            LinkEvent::Subscribed { ticket, codes } => self.subscribed(now.mono, ticket, codes),
            LinkEvent::Unsubscribed { ticket } => {
                if let Some(filter) = self.registry.left(ticket) {
                    self.post(SessionEvent::Dropped(filter));
                }
            }
            LinkEvent::Published { ticket, result } => self.published(now.mono, ticket, result),
            LinkEvent::Recorded { ticket } => self.outbox.recorded(ticket),
            LinkEvent::Released { packet } => self.received.released(packet),
            LinkEvent::Packet { text } => self.log_packet(now.mono, || text),
            LinkEvent::Closed(end) => self.closed(now, roll, end),
        }
    }

    fn up(&mut self, now: Moment, accepted: &Accepted) {
        let Phase::Opening { endpoint } = self.phase else {
            return;
        };
        let Some(plan) = self.plan.clone() else {
            return;
        };
        self.judged = false;
        self.closed_early = 0;
        let session_present = accepted.session_present;
        self.phase = Phase::Up(Up {
            since: now,
            session_present,
            attended: false,
            silent: false,
            replay: session_present,
            replay_ends: None,
        });
        self.post_link(LinkState::Connected {
            since: now.wall,
            session_present,
        });
        self.log_accepted(accepted, &plan);
        let kept = self.is_ours(accepted, &plan, endpoint);
        self.received.begin(kept);
        let limits = Limits::planned(&plan).accepted(accepted);
        self.outbox.hold(self.holds);
        let refused = self.outbox.begin(limits, kept);
        self.not_published(refused);
        let step = self.registry.begin(now.mono, accepted, kept);
        let untold = self.registry.is_settled() || self.registry.trusts_kept();
        if untold && let Phase::Up(up) = &mut self.phase {
            // No SUBACK will tell where the queue ends, or it comes amid a queue that is sent slowly.
            up.replay_ends = Some(now.mono.plus(QUEUE_PAUSE));
        }
        self.take(step);
        self.pump(now.mono);
        self.attend_when_settled();
    }

    fn log_accepted(&mut self, accepted: &Accepted, plan: &ConnectPlan) {
        if let Some(words) = &accepted.words {
            self.log(LogLevel::Info, format!("the broker says: {words}"));
        }
        if let Some(id) = &accepted.client_id {
            self.log(LogLevel::Info, format!("the broker named this client {id}"));
            self.assigned = Some(id.clone());
        }
        if !accepted.session_present && !plan.clean_session {
            let text = "the broker has no session of ours: what was sent meanwhile is not queued";
            self.log(LogLevel::Info, text.to_owned());
        }
    }

    /// Whether the broker knows the very session that the last connection had: under another client id, or on another
    /// host, a session that it kept is somebody else's.
    fn is_ours(&mut self, accepted: &Accepted, plan: &ConnectPlan, endpoint: usize) -> bool {
        let id = accepted.client_id.as_ref().unwrap_or(&plan.client_id);
        let host = plan.endpoints.get(endpoint).map(|e| e.host.clone());
        let session = (id.clone(), host.unwrap_or_default());
        let same = self.session_of.as_ref() == Some(&session);
        self.session_of = Some(session);
        same && accepted.session_present
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
        let patience = match then {
            Then::Replan(_) => HANDOVER,
            Then::Close | Then::Refuse(_) => FAREWELL,
        };
        let until = now.plus(patience);
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
            Phase::Up(_) if self.registry.deadline().is_none_or(|at| now.mono < at) => {
                self.pump(now.mono);
            }
            Phase::Up(_) => self.closed(now, roll, gave_up("the broker does not answer SUBSCRIBE")),
            Phase::Leaving { .. } => self.closed(now, roll, gave_up("DISCONNECT took too long")),
            _ => {}
        }
    }

    fn finish(&mut self) {
        let given_up = self.outbox.give_up();
        self.not_published(given_up);
        self.tell_waiting();
        self.phase = Phase::Over;
        self.actions.push_back(Action::Abandon);
        self.post_link(LinkState::Closed);
        self.actions.push_back(Action::End);
    }

    const fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    /// Publishes keep out of the search for a filter at which the broker hangs up.
    fn pump(&mut self, now: Mono) {
        let Phase::Up(up) = &self.phase else {
            return;
        };
        if !self.registry.is_searching() {
            let calm = self.registry.is_settled() && now >= up.calm_at();
            let guide = &self.guide;
            let wait = |draft: &Draft| guide.wait_before(draft, now);
            let orders = self.outbox.pump(now, calm, wait);
            self.send_all(orders);
        }
    }

    /// What the registry found out: posted, logged, sent.
    fn take(&mut self, step: Step) {
        for note in step.notes {
            self.log(LogLevel::Info, note);
        }
        for (filter, result) in step.results {
            if let Err(words) = &result {
                self.log(LogLevel::Warn, format!("{filter}: {words}"));
            }
            self.post(SessionEvent::Granted { filter, result });
        }
        self.send_all(step.orders);
    }

    fn not_published(&mut self, refused: Vec<(ReceiptId, Problem)>) {
        for (id, problem) in refused {
            let result = Err(problem);
            self.post(SessionEvent::Receipt { id, result });
        }
    }

    fn tell_waiting(&mut self) {
        let waiting = self.outbox.waiting();
        if std::mem::replace(&mut self.told_waiting, waiting) != waiting {
            self.post(SessionEvent::Queue { waiting });
        }
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
    /// A kept session's messages come before the first SUBACK.
    replay: bool,
    /// Where nothing is subscribed, or the queue is sent slowly: they come one soon after the other.
    replay_ends: Option<Mono>,
}

impl Up {
    /// When a hang-up is no longer the connection's own trouble.
    fn calm_at(&self) -> Mono {
        self.since.mono.plus(STABLE)
    }
}

#[derive(Debug)]
enum Then {
    Close,
    Replan(Problem),
    Refuse(Problem),
}
