//! Publishes on their way: waiting in order while there is no connection, in flight until the broker acknowledges.

use std::collections::{BTreeMap, VecDeque};

use crate::base::problem::{Problem, Retry};
use crate::domain::message::{Draft, Qos};
use crate::domain::session::ReceiptId;
use crate::session::link::{FIRST_OWN_PACKET, Order, Ticket};

/// Bounds of what waits, in number and in bytes.
const MOST: usize = 1000;
const MOST_BYTES: usize = 16 << 20;
/// Unacknowledged at once. AWS IoT allows 100 (reference/lg-thinq.md 7.2).
const IN_FLIGHT: usize = 20;
/// Fixed header and packet id at their longest.
const OVERHEAD: usize = 9;

/// See the module.
#[derive(Debug)]
pub struct Outbox {
    waiting: VecDeque<Item>,
    waiting_bytes: usize,
    in_flight: BTreeMap<Ticket, Item>,
    max_qos: Qos,
    max_packet: usize,
    next: u64,
}

#[derive(Debug)]
struct Item {
    id: ReceiptId,
    draft: Draft,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            in_flight: BTreeMap::new(),
            max_qos: Qos::ExactlyOnce,
            max_packet: usize::MAX,
            next: 0,
        }
    }
}

impl Outbox {
    /// The rules of the broker, from the plan.
    pub const fn set_limits(&mut self, max_qos: Qos, max_packet: usize) {
        self.max_qos = max_qos;
        self.max_packet = max_packet;
    }

    /// Takes a publish, or says why not.
    pub fn push(&mut self, id: ReceiptId, draft: Draft) -> Result<(), Problem> {
        self.check(&draft)?;
        if self.waiting.len() >= MOST || self.waiting_bytes + draft.payload.len() > MOST_BYTES {
            let cause = format!(
                "the session is busy: {} messages wait to be sent already",
                self.waiting.len()
            );
            let remedy = "wait until the connection is back";
            return Err(Problem::new(what(&draft), cause, remedy).retry(Retry::Backoff));
        }
        self.waiting_bytes += draft.payload.len();
        self.waiting.push_back(Item { id, draft });
        Ok(())
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What may go out now.
    pub fn pump(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        while self.in_flight.len() < IN_FLIGHT
            && let Some(item) = self.waiting.pop_front()
        {
            self.waiting_bytes -= item.draft.payload.len();
            self.next += 1;
            let ticket = Ticket(self.next);
            let draft = item.draft.clone();
            self.in_flight.insert(ticket, item);
            orders.push(Order::Publish {
                ticket,
                draft,
                packet: packet_id(ticket),
                dup: false,
            });
        }
        orders
    }

    /// Acknowledged or flushed.
    pub fn done(&mut self, ticket: Ticket) -> Option<ReceiptId> {
        self.in_flight.remove(&ticket).map(|item| item.id)
    }

    /// The connection is gone. What is promised goes to the front again, in order; what promises nothing (QoS 0) is
    /// answered, because nobody will ever know.
    pub fn lost(&mut self) -> Vec<(ReceiptId, Problem)> {
        let mut unknown = Vec::new();
        for (_, item) in std::mem::take(&mut self.in_flight).into_iter().rev() {
            if item.draft.qos == Qos::AtMostOnce {
                let cause =
                    "the connection broke while it was being sent: it may or may not have arrived";
                let remedy = "send it again, or use QoS 1";
                unknown.push((item.id, Problem::new(what(&item.draft), cause, remedy)));
            } else {
                self.waiting_bytes += item.draft.payload.len();
                self.waiting.push_front(item);
            }
        }
        unknown.reverse();
        unknown
    }

    /// The session ends: nothing waits any more.
    pub fn give_up(&mut self) -> Vec<(ReceiptId, Problem)> {
        let in_flight = std::mem::take(&mut self.in_flight).into_values();
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let given_up = in_flight.chain(waiting).map(|item| {
            let cause = "the session was closed before the broker acknowledged it";
            (item.id, Problem::new(what(&item.draft), cause, ""))
        });
        given_up.collect()
    }

    fn check(&self, draft: &Draft) -> Result<(), Problem> {
        if draft.qos > self.max_qos {
            let cause = format!(
                "this broker knows QoS {} at most, and this is QoS {}",
                self.max_qos.number(),
                draft.qos.number()
            );
            return Err(Problem::new(what(draft), cause, "use a lower QoS"));
        }
        let bytes = draft.payload.len() + draft.topic.as_str().len() + OVERHEAD;
        if bytes > self.max_packet {
            let cause = format!(
                "it takes {bytes} bytes, and this broker takes {} at most",
                self.max_packet
            );
            return Err(Problem::new(what(draft), cause, "send less at once"));
        }
        Ok(())
    }
}

/// Far more ids than are ever in flight: the next one is free.
fn packet_id(ticket: Ticket) -> u16 {
    let ids = u64::from(FIRST_OWN_PACKET) - 1;
    u16::try_from(ticket.0 % ids + 1).unwrap_or(1)
}

fn what(draft: &Draft) -> String {
    format!("could not publish to {}", draft.topic)
}
