//! What the broker delivers and answers while a connection stands.

use super::received::Verdict;
use super::{Action, LONGEST_QUEUE, Machine, Phase, QUEUE_PAUSE, packets};
use crate::base::moment::Mono;
use crate::base::problem::Problem;
use crate::domain::batch::Batch;
use crate::domain::message::Qos;
use crate::domain::session::{Delivered, Gap, LinkState, LogLevel, SessionEvent};
use crate::platform::After;
use crate::session::link::{Arrival, Order, Ticket};

impl Machine {
    pub(super) fn message(&mut self, now: Mono, arrival: Arrival) {
        self.log_arrival(now, &arrival);
        self.speaks_again();
        // A retained message before the SUBACK is the new subscription's, not the kept session's (MQTT 5, 3.8.4).
        let session = self.is_replay(now) && !arrival.retain;
        let (packet, qos) = (arrival.packet, arrival.qos);
        match self.received.arrived(packet, qos, self.manual_ack) {
            Verdict::Deliver(ack) => self.actions.push_back(Action::Deliver {
                arrival,
                ack,
                session,
            }),
            Verdict::Known => self.log_known(packet),
            Verdict::Acknowledged => {
                self.log_known(packet);
                // Otherwise the link has done so.
                if self.manual_ack && self.is_up() {
                    self.send_all([Order::Acknowledge { packet, qos }]);
                }
            }
        }
    }

    fn is_replay(&mut self, now: Mono) -> bool {
        let Phase::Up(up) = &mut self.phase else {
            return false;
        };
        if let Some(ends) = &mut up.replay_ends {
            up.replay &= now < *ends && now.since(up.since.mono) < LONGEST_QUEUE;
            *ends = now.plus(QUEUE_PAUSE);
        }
        up.replay
    }

    pub(super) fn messages(&mut self, now: Mono, mut batch: Batch) {
        for line in self.packets.offer_all(now, &batch) {
            self.log(LogLevel::Debug, line);
        }
        self.speaks_again();
        batch.session = self.is_replay(now);
        self.actions.push_back(Action::DeliverAll(batch));
    }

    /// The link does not tell of these two packets: see `LinkEvent::Packet`.
    fn log_arrival(&mut self, now: Mono, arrival: &Arrival) {
        self.log_packet(now, || packets::arrived(arrival));
        if !self.manual_ack && arrival.qos != Qos::AtMostOnce {
            self.log_packet(now, || packets::acknowledged(arrival));
        }
    }

    fn log_known(&mut self, packet: u16) {
        let text = format!("QoS 2 message {packet} came again: it is shown already");
        self.log(LogLevel::Debug, text);
    }

    fn speaks_again(&mut self) {
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
    }

    pub(super) fn skipped(&mut self, topic: &str, bytes: u64) {
        self.post(SessionEvent::Gap(Gap { messages: 1, bytes }));
        let text =
            format!("a message of {bytes} bytes on {topic} is over the limit and was left out");
        self.log(LogLevel::Warn, text);
    }

    pub(super) fn subscribed(
        &mut self,
        now: Mono,
        ticket: Ticket,
        codes: Vec<Result<Qos, String>>,
    ) {
        let mut step = self.registry.answered(now, ticket, codes);
        for (filter, result) in &mut step.results {
            if let Err(words) = result {
                *words = self.filter_words(filter, std::mem::take(words));
            }
        }
        let Phase::Up(up) = &mut self.phase else {
            step.orders.clear();
            self.take(step);
            return;
        };
        if up.replay_ends.is_none() {
            up.replay = false;
        }
        self.take(step);
        self.pump(now);
        self.attend_when_settled();
    }

    pub(super) fn published(
        &mut self,
        now: Mono,
        ticket: Ticket,
        result: Result<Delivered, Problem>,
    ) {
        let draft = match &result {
            Err(_) => self.outbox.draft(ticket),
            Ok(_) => None,
        };
        let result = result.map_err(|problem| match draft {
            Some(draft) => self.explained(&After::Publish(&draft), problem),
            None => problem,
        });
        if let Some((id, result)) = self.outbox.done(now, ticket, result) {
            self.post(SessionEvent::Receipt { id, result });
        }
        self.pump(now);
    }
}
