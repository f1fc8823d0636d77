//! What a broker keeps of one client, connected or not.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::{ConnectionId, Identity};
use crate::base::moment::Mono;
use crate::domain::topic::TopicFilter;
use crate::sim::packet::{Ack, FilterOptions, Packet, Publish, Qos, Version, Will};

#[derive(Debug, Default)]
pub(super) struct Session {
    pub connection: Option<ConnectionId>,
    /// How long it outlives its connection; zero ends with it.
    pub life: Duration,
    /// When it is forgotten, while nobody is connected. None is never.
    pub ends: Option<Mono>,
    pub subscriptions: Vec<Subscription>,
    /// A will that waits for its delay, and until when.
    pub will: Option<(Mono, Will)>,
    /// Who came last, and how it spoke.
    pub owner: Identity,
    pub username: Option<String>,
    pub version: Version,
    waiting: VecDeque<Held>,
    /// What waited for the client while it was away, where that is handed out slowly.
    stored: VecDeque<Held>,
    /// From when on it has been handed out, and how much of it.
    resumed: (Mono, u32),
    in_flight: VecDeque<InFlight>,
    /// QoS 2 messages of the client that it has not released yet.
    pub unreleased: BTreeSet<u16>,
    last_packet: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subscription {
    pub filter: TopicFilter,
    pub qos: Qos,
    pub options: FilterOptions,
}

impl Subscription {
    /// Name and filter of a shared one are its key: who says the same shares.
    pub fn is_shared(&self) -> bool {
        self.filter.as_str().starts_with("$share/")
    }
}

/// A message on its way to a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub publish: Publish,
    pub expires: Option<Mono>,
    /// The shared subscription that it was delivered for.
    pub share: Option<TopicFilter>,
}

#[derive(Debug, Clone)]
struct InFlight {
    held: Held,
    /// The client has a QoS 2 message; what is awaited is PUBCOMP.
    released: bool,
}

impl Session {
    pub fn resume(&mut self, connection: ConnectionId, life: Duration) {
        self.connection = Some(connection);
        self.life = life;
        self.ends = None;
        self.will = None;
    }

    /// What waits, sent or not, is to be handed out slowly, as new messages.
    pub fn store(&mut self, now: Mono) {
        let sent = self.in_flight.drain(..).map(|sent| sent.held);
        let waiting = self.waiting.drain(..);
        let later = std::mem::take(&mut self.stored);
        self.stored = sent.chain(later).chain(waiting).collect();
        self.resumed = (now, 0);
    }

    /// Lets as much of what is stored go as `per_second` allows by now. Whether there was any.
    pub fn hand_out(&mut self, per_second: u32, now: Mono) -> bool {
        let (since, done) = &mut self.resumed;
        let due = now.since(*since).as_secs_f64() * f64::from(per_second);
        let mut any = false;
        while f64::from(*done) < due
            && let Some(mut held) = self.stored.pop_front()
        {
            held.publish.dup = false;
            self.waiting.push_back(held);
            *done += 1;
            any = true;
        }
        any
    }

    /// Whether there was none with this filter before.
    pub fn subscribe(&mut self, subscription: Subscription) -> bool {
        let filter = &subscription.filter;
        let mut same = self.subscriptions.iter_mut();
        if let Some(old) = same.find(|old| old.filter == *filter) {
            *old = subscription;
            return false;
        }
        self.subscriptions.push(subscription);
        true
    }

    pub fn unsubscribe(&mut self, filter: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|s| s.filter.as_str() != filter);
        self.subscriptions.len() < before
    }

    /// Takes a message in; returns how many old ones had to go for it.
    pub fn queue(&mut self, held: Held, limit: usize) -> u64 {
        self.waiting.push_back(held);
        let mut dropped = 0;
        while self.waiting.len() > limit {
            self.waiting.pop_front();
            dropped += 1;
        }
        dropped
    }

    /// What may be sent now, in order, with packet ids, and how many had expired.
    pub fn ready(&mut self, window: usize, now: Mono) -> (Vec<Publish>, u64) {
        let mut ready = Vec::new();
        let mut expired = 0;
        while let Some(next) = self.waiting.front() {
            if next.expires.is_some_and(|end| end <= now) {
                self.waiting.pop_front();
                expired += 1;
                continue;
            }
            let counts = next.publish.qos != Qos::AtMostOnce;
            if counts && self.in_flight.len() >= window {
                break;
            }
            let Some(mut held) = self.waiting.pop_front() else {
                break;
            };
            if counts {
                held.publish.packet = self.free_packet();
                self.in_flight.push_back(InFlight {
                    held: held.clone(),
                    released: false,
                });
            }
            ready.push(on_the_wire(&held, now));
        }
        (ready, expired)
    }

    /// What was sent on an earlier connection and not finished, in its order: messages marked as sent before, and
    /// releases (MQTT 5, 4.4).
    pub fn unfinished(&mut self, now: Mono) -> Vec<Packet> {
        let again = self.in_flight.iter_mut().map(|sent| {
            if sent.released {
                return Packet::PubRel(Ack::of(sent.held.publish.packet));
            }
            sent.held.publish.dup = true;
            Packet::Publish(on_the_wire(&sent.held, now))
        });
        again.collect()
    }

    /// The message that is on its way under this packet id.
    pub fn sent(&self, packet: u16) -> Option<&Publish> {
        let mut sent = self.in_flight.iter();
        let found = sent.find(|sent| sent.held.publish.packet == packet)?;
        Some(&found.held.publish)
    }

    /// PUBACK: the end of a QoS 1 message.
    pub fn acknowledge(&mut self, packet: u16) -> bool {
        self.finish(packet, |sent| sent.held.publish.qos == Qos::AtLeastOnce)
    }

    /// PUBREC with success: the client has it. False when nothing of that id is awaited.
    pub fn received(&mut self, packet: u16) -> bool {
        let mut all = self.in_flight.iter_mut();
        let found = all.find(|sent| {
            let publish = &sent.held.publish;
            publish.packet == packet && publish.qos == Qos::ExactlyOnce
        });
        found.map(|sent| sent.released = true).is_some()
    }

    /// PUBREC that refuses: the client does not want it, and that is the end of it.
    pub fn rejected(&mut self, packet: u16) -> bool {
        self.finish(packet, |sent| sent.held.publish.qos == Qos::ExactlyOnce)
    }

    /// PUBCOMP: the end of a QoS 2 message.
    pub fn complete(&mut self, packet: u16) -> bool {
        self.finish(packet, |sent| sent.released)
    }

    fn finish(&mut self, packet: u16, fits: impl Fn(&InFlight) -> bool) -> bool {
        let before = self.in_flight.len();
        self.in_flight
            .retain(|sent| sent.held.publish.packet != packet || !fits(sent));
        self.in_flight.len() < before
    }

    pub fn backlog(&self) -> usize {
        self.waiting.len() + self.stored.len() + self.in_flight.len()
    }

    /// What others of a shared subscription get when this session ends: all but QoS 2 messages that were sent
    /// (MQTT 5, 4.8.2).
    pub fn inheritance(self) -> Vec<Held> {
        let sent = self.in_flight.into_iter().map(|sent| sent.held);
        sent.filter(|held| held.publish.qos != Qos::ExactlyOnce)
            .chain(self.stored)
            .chain(self.waiting)
            .filter(|held| held.share.is_some())
            .collect()
    }

    fn free_packet(&mut self) -> u16 {
        loop {
            self.last_packet = self.last_packet.checked_add(1).unwrap_or(1);
            let taken = |sent: &InFlight| sent.held.publish.packet == self.last_packet;
            if !self.in_flight.iter().any(taken) {
                return self.last_packet;
            }
        }
    }
}

/// With the rest of its expiry (MQTT 5, 3.3.2.3.3).
fn on_the_wire(held: &Held, now: Mono) -> Publish {
    let mut publish = held.publish.clone();
    if let Some(end) = held.expires {
        let left = end.since(now);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        publish.properties.expiry = u32::try_from(seconds).ok();
    }
    publish
}
