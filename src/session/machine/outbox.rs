//! Publishes on their way: waiting in order while there is no connection, in flight until the broker acknowledges.
//!
//! What was sent and not acknowledged when a connection breaks goes out again before everything else: in a session that
//! the broker kept as the same message (the same packet id, DUP set; a QoS 2 one that the broker had recorded goes on
//! with its PUBREL), otherwise as a new one (MQTT 5, 4.4).
//!
//! A broker that answers a PUBLISH by hanging up (AWS IoT does, for a topic outside the policy) would make the session
//! connect and publish for ever. So a publish that was unanswered when the broker hung up, [`STRIKES`] times in a row, is
//! *suspect*: it is held back until a connection has proved itself calm, and goes alone. When the broker hangs up then,
//! it is given back with the reason, and the rest lives on (failure-modes.md F9).

mod limits;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
pub use limits::Limits;

use crate::base::moment::Mono;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::{Draft, Qos};
use crate::domain::session::{Delivered, ReceiptId};
use crate::session::link::{FIRST_OWN_PACKET, Order, Ticket};

/// Bounds of what is held, in number and in bytes of payload. One alone may be larger than the second.
const MOST: usize = 1000;
const MOST_BYTES: usize = 16 << 20;
/// Sent and not answered at once, of every QoS. AWS IoT allows 100 (reference/lg-thinq.md 7.2).
const IN_FLIGHT: usize = 20;
/// A close this soon after an unanswered PUBLISH is taken for an answer to it.
const BLAME: Duration = Duration::from_secs(5);
/// The same after one that has no answer: nothing says that it was taken well, so less time counts.
const FLUSHED_BLAME: Duration = Duration::from_secs(2);
/// So many closes in a row make a publish suspect; a network that breaks now and then does not.
const STRIKES: u8 = 3;

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Item>,
    in_flight: BTreeMap<Ticket, Item>,
    /// Payloads of all that is held.
    bytes: usize,
    /// Packet ids that the broker may still know.
    taken: HashSet<u16>,
    last_packet: u16,
    limits: Limits,
    next: u64,
    /// The last that promised nothing, without its payload, and when it was flushed: it has no answer that could be missed.
    flushed: Option<(Draft, Mono)>,
    /// Only what goes first may go.
    held: bool,
    /// The platform's rates let the next one go from here on.
    paced: Option<Mono>,
}

#[derive(Debug)]
struct Item {
    id: ReceiptId,
    draft: Draft,
    stage: Stage,
    /// 0 until it is sent, and for QoS 0.
    packet: u16,
    /// On the connection that stands, or stood last.
    sent: Mono,
    strikes: u8,
    /// Sent at QoS 2 in a session that the broker then forgot: exactly once can no longer be promised.
    perhaps_twice: bool,
    /// The adapter's own ritual on this connection: goes before the others, and ends with it.
    first: bool,
}

impl Item {
    const fn is_suspect(&self) -> bool {
        self.strikes >= STRIKES
    }
}

/// How far the broker may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Sent,
    /// PUBREC came: only the PUBREL is left.
    Recorded,
}

/// What the end of a connection means for publishes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lost {
    pub answers: Vec<(ReceiptId, Problem)>,
    /// Those of them that were given back as the reason of the hang-up: where among the answers.
    pub given_back: Vec<usize>,
    /// The broker hung up while a publish waited for its answer.
    pub blamed: bool,
}

impl Outbox {
    /// Packet ids begin where the die says: the broker may know some from an earlier run of this program, and would
    /// take a new QoS 2 publish with such an id for that old one. `roll` is uniform in `0.0..1.0`.
    pub fn start(&mut self, roll: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of packet ids"
        )]
        let packet = (roll.clamp(0.0, 1.0) * f64::from(FIRST_OWN_PACKET - 1)) as u16;
        self.last_packet = packet;
    }

    /// What may be sent from now on. Returns what waited and may not.
    pub fn set_limits(&mut self, limits: Limits) -> Vec<(ReceiptId, Problem)> {
        self.limits = limits;
        let mut refused = Vec::new();
        for item in std::mem::take(&mut self.waiting) {
            match self.limits.check(&item.draft) {
                // A PUBREL carries nothing that a limit could forbid.
                Err(mut problem) if item.stage != Stage::Recorded => {
                    self.forget(&item);
                    if item.stage == Stage::Sent {
                        problem.cause += "; it was sent before, and may have arrived";
                    }
                    refused.push((item.id, problem));
                }
                _ => self.waiting.push_back(item),
            }
        }
        refused
    }

    /// Takes a publish, or says why not.
    pub fn push(&mut self, id: ReceiptId, draft: Draft) -> Result<(), Problem> {
        let item = self.admit(id, draft, false)?;
        self.waiting.push_back(item);
        Ok(())
    }

    /// The same before all others but its like.
    pub fn push_first(&mut self, id: ReceiptId, draft: Draft) -> Result<(), Problem> {
        let item = self.admit(id, draft, true)?;
        let at = self.waiting.iter().take_while(|item| item.first).count();
        self.waiting.insert(at, item);
        Ok(())
    }

    /// Whether only what goes first may go.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Forgets what is on its way under this packet id.
    pub fn give_up_one(&mut self, packet: u16) -> Option<ReceiptId> {
        let mut sent = self.in_flight.iter();
        let ticket = *sent
            .find(|(_, item)| item.packet == packet && packet != 0)?
            .0;
        let item = self.in_flight.remove(&ticket)?;
        self.bytes -= item.draft.payload.len();
        // The broker may still answer, so its id rests while this connection lasts; not so many that none is left.
        if self.taken.len() > usize::from(FIRST_OWN_PACKET / 2) {
            self.taken.remove(&packet);
        }
        Some(item.id)
    }

    fn admit(&mut self, id: ReceiptId, draft: Draft, first: bool) -> Result<Item, Problem> {
        self.limits.check(&draft)?;
        let bytes = draft.payload.len();
        let full = self.bytes > 0 && self.bytes + bytes > MOST_BYTES;
        if self.waiting.len() >= MOST || full {
            let held = self.waiting.len() + self.in_flight.len();
            let cause = format!("the session is busy: {held} messages wait to be sent already");
            let remedy = "wait until they are sent";
            return Err(Problem::new(what(&draft), cause, remedy).retry(Retry::Backoff));
        }
        self.bytes += bytes;
        Ok(Item {
            id,
            draft,
            stage: Stage::New,
            packet: 0,
            sent: Mono::default(),
            strikes: 0,
            perhaps_twice: false,
            first,
        })
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A connection stands. `kept`: the broker knows the session in which the last ones were sent.
    pub fn begin(&mut self, limits: Limits, kept: bool) -> Vec<(ReceiptId, Problem)> {
        if !kept {
            self.taken.clear();
            for item in &mut self.waiting {
                item.perhaps_twice |=
                    item.draft.qos == Qos::ExactlyOnce && item.stage != Stage::New;
                item.stage = Stage::New;
                item.packet = 0;
            }
        }
        self.set_limits(limits)
    }

    /// What may go out now. `calm`: the connection has lived for a while, and no SUBSCRIBE waits for an answer, so that a
    /// hang-up has one possible reason. `wait`: how long one has to wait for the platform's rates; the others wait behind
    /// it, so that the order stays.
    pub fn pump(&mut self, now: Mono, calm: bool, wait: impl Fn(&Draft) -> Duration) -> Vec<Order> {
        let mut orders = Vec::new();
        self.paced = None;
        while self.may_go(calm)
            && let Some(next) = self.waiting.front()
        {
            let wait = wait(&next.draft);
            if !wait.is_zero() {
                self.paced = Some(now.plus(wait));
                break;
            }
            if let Some(item) = self.waiting.pop_front() {
                orders.push(self.send(now, item));
            }
        }
        orders
    }

    /// When the platform's rates let the next one go, where it waits for nothing else.
    pub const fn paced(&self) -> Option<Mono> {
        self.paced
    }

    /// PUBREC: from here on the broker has it.
    pub fn recorded(&mut self, ticket: Ticket) {
        if let Some(item) = self.in_flight.get_mut(&ticket) {
            item.stage = Stage::Recorded;
        }
    }

    /// Acknowledged or flushed, or refused by the broker.
    pub fn done(
        &mut self,
        now: Mono,
        ticket: Ticket,
        result: Result<Delivered, Problem>,
    ) -> Option<(ReceiptId, Result<Delivered, Problem>)> {
        let item = self.in_flight.remove(&ticket)?;
        self.forget(&item);
        if item.draft.qos == Qos::AtMostOnce {
            self.flushed = Some((bare(&item.draft), now));
        }
        let result = match result {
            Ok(delivered) if item.perhaps_twice => Ok(may_be_twice(delivered)),
            result => result,
        };
        Some((item.id, result))
    }

    /// What this ticket stands for, without its payload.
    pub fn draft(&self, ticket: Ticket) -> Option<Draft> {
        self.in_flight.get(&ticket).map(|item| bare(&item.draft))
    }

    /// The publish that the broker may have hung up at, without its payload: the first that is unanswered, else one that
    /// went out just now and has no answer.
    pub fn doubtful(&self, now: Mono) -> Option<Draft> {
        let mut unanswered = self.in_flight.values();
        let unanswered = unanswered
            .find(|item| item.stage == Stage::Sent && now.since(item.sent) <= BLAME)
            .map(|item| bare(&item.draft));
        let flushed = self.flushed.as_ref();
        let flushed = flushed.filter(|(_, at)| now.since(*at) <= FLUSHED_BLAME);
        unanswered.or_else(|| flushed.map(|(draft, _)| draft.clone()))
    }

    /// What was blamed at the last end is suspect at once: this broker is known to refuse by hanging up.
    pub fn suspect(&mut self) {
        let blamed = self.waiting.iter_mut().filter(|item| item.strikes > 0);
        for item in blamed {
            item.strikes = STRIKES;
        }
    }

    /// The connection is gone. What is promised goes to the front again, in order; what promises nothing (QoS 0) is
    /// answered, because nobody will ever know.
    pub fn lost(&mut self, now: Mono, hung_up: bool) -> Lost {
        let mut lost = Lost::default();
        self.flushed = None;
        self.paced = None;
        let mut again = VecDeque::new();
        for (_, mut item) in std::mem::take(&mut self.in_flight) {
            if item.first {
                self.forget(&item);
                lost.answers.push((item.id, unknown(&item.draft)));
                continue;
            }
            if item.draft.qos == Qos::AtMostOnce {
                self.forget(&item);
                lost.answers.push((item.id, unknown(&item.draft)));
                continue;
            }
            let blamed = hung_up && item.stage == Stage::Sent && now.since(item.sent) <= BLAME;
            lost.blamed |= blamed;
            if blamed && item.is_suspect() {
                self.forget(&item);
                lost.given_back.push(lost.answers.len());
                lost.answers.push((item.id, hangs_up(&item.draft)));
                continue;
            }
            item.strikes = if blamed { item.strikes + 1 } else { 0 };
            again.push_back(item);
        }
        while let Some(item) = self.waiting.pop_front_if(|item| item.first) {
            self.forget(&item);
            lost.answers.push((item.id, unknown(&item.draft)));
        }
        again.append(&mut self.waiting);
        self.waiting = again;
        lost
    }

    /// The session ends: nothing waits any more.
    pub fn give_up(&mut self) -> Vec<(ReceiptId, Problem)> {
        let in_flight = std::mem::take(&mut self.in_flight).into_values();
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        self.taken.clear();
        let given_up = in_flight.chain(waiting).map(|item| {
            let problem = Problem::new(what(&item.draft), closed_before(item.stage), "");
            (item.id, problem)
        });
        given_up.collect()
    }

    /// Whether the next one waits for nothing but a calm connection.
    pub fn holds_back(&self) -> bool {
        self.in_flight.is_empty()
            && !self.held
            && self.waiting.front().is_some_and(Item::is_suspect)
    }

    fn may_go(&self, calm: bool) -> bool {
        let Some(item) = self.waiting.front() else {
            return false;
        };
        if self.held && !item.first {
            return false;
        }
        if item.is_suspect() {
            return calm && self.in_flight.is_empty();
        }
        if self.in_flight.values().any(Item::is_suspect) {
            return false;
        }
        self.in_flight.len() < IN_FLIGHT
            && (item.draft.qos == Qos::AtMostOnce || self.promised() < self.limits.at_once)
    }

    /// What counts against the broker's receive maximum (MQTT 5, 4.9).
    fn promised(&self) -> usize {
        let promised = |item: &&Item| item.draft.qos != Qos::AtMostOnce;
        self.in_flight.values().filter(promised).count()
    }

    fn send(&mut self, now: Mono, mut item: Item) -> Order {
        self.next += 1;
        let ticket = Ticket(self.next);
        if item.draft.qos != Qos::AtMostOnce && item.packet == 0 {
            item.packet = self.free_packet();
        }
        item.sent = now;
        let packet = item.packet;
        let order = match item.stage {
            Stage::Recorded => Order::Release { ticket, packet },
            stage => Order::Publish {
                ticket,
                draft: item.draft.clone(),
                packet,
                dup: stage == Stage::Sent,
            },
        };
        if item.stage == Stage::New {
            item.stage = Stage::Sent;
        }
        self.in_flight.insert(ticket, item);
        order
    }

    /// The next packet id that is free. At most [`MOST`] and [`IN_FLIGHT`] are taken, so there always is one.
    fn free_packet(&mut self) -> u16 {
        loop {
            self.last_packet = match self.last_packet + 1 {
                FIRST_OWN_PACKET.. => 1,
                packet => packet,
            };
            if self.taken.insert(self.last_packet) {
                return self.last_packet;
            }
        }
    }

    fn forget(&mut self, item: &Item) {
        self.bytes -= item.draft.payload.len();
        self.taken.remove(&item.packet);
    }
}

fn bare(draft: &Draft) -> Draft {
    Draft {
        payload: Bytes::new(),
        ..draft.clone()
    }
}

fn what(draft: &Draft) -> String {
    format!("could not publish to {}", draft.topic)
}

fn unknown(draft: &Draft) -> Problem {
    let cause = "the connection broke while it was being sent: it may or may not have arrived";
    let remedy = "send it again, or use QoS 1";
    Problem::new(what(draft), cause, remedy)
}

fn hangs_up(draft: &Draft) -> Problem {
    let cause = "the broker hangs up when it is sent: that is how some brokers refuse a topic, a QoS or retain";
    let remedy = "check what this client may publish";
    Problem::new(what(draft), cause, remedy).exit(Exit::Refused)
}

const fn closed_before(stage: Stage) -> &'static str {
    match stage {
        Stage::New => "the session was closed before it was sent: it has not gone out",
        Stage::Sent => {
            "the session was closed before the broker acknowledged it: it may or may not have arrived"
        }
        Stage::Recorded => {
            "the session was closed before the broker completed it: the broker has it, and may or may not hand it on"
        }
    }
}

fn may_be_twice(delivered: Delivered) -> Delivered {
    let words = "the broker forgot the session meanwhile: it may have arrived twice";
    let note = match delivered.note {
        Some(note) => format!("{note}; {words}"),
        None => words.to_owned(),
    };
    Delivered { note: Some(note) }
}
