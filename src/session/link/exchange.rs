//! What is said on one connection: orders become packets, packets become events, and every answer finds its order. No
//! socket and no clock.

use std::collections::{HashMap, VecDeque};

use super::codec::{self, Ack, Answer, Codec, Incoming};
use super::outgoing::Outgoing;
use super::words::codes;
use super::{Accepted, Arrival, FIRST_OWN_PACKET, LinkEvent, Order, Ticket};
use crate::base::problem::Problem;
use crate::domain::message::{Draft, Qos};
use crate::domain::profile::Version;
use crate::domain::session::Delivered;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::{Topic, TopicFilter};

/// See the module.
#[derive(Debug)]
pub struct Exchange {
    pub codec: Codec,
    pub events: VecDeque<LinkEvent>,
    manual_ack: bool,
    last_own: u16,
    no_subscription_ids: bool,
    published: HashMap<u16, Published>,
    subscribing: HashMap<u16, Asked>,
    unsubscribing: HashMap<u16, Ticket>,
    /// Orders whose answers come in several packets.
    parts: HashMap<Ticket, Parts>,
}

/// On its way, until the broker has answered. The topic is for the words of a refusal.
#[derive(Debug)]
struct Published {
    ticket: Ticket,
    topic: Option<Topic>,
}

/// One SUBSCRIBE packet: which filters of the order it holds.
#[derive(Debug)]
struct Asked {
    ticket: Ticket,
    places: Vec<usize>,
}

/// The codes of an order, as far as they have come.
#[derive(Debug)]
struct Parts {
    packets: usize,
    codes: Vec<Result<Qos, String>>,
}

impl Exchange {
    pub fn new(codec: Codec, manual_ack: bool) -> Self {
        Self {
            codec,
            events: VecDeque::new(),
            manual_ack,
            last_own: u16::MAX,
            no_subscription_ids: false,
            published: HashMap::new(),
            subscribing: HashMap::new(),
            unsubscribing: HashMap::new(),
            parts: HashMap::new(),
        }
    }

    pub fn log(&mut self, text: String) {
        self.events.push_back(LinkEvent::Packet { text });
    }

    pub fn accepted(&mut self, accepted: Accepted) {
        self.no_subscription_ids = accepted.no_subscription_ids;
        let words = accepted.words.as_deref().unwrap_or_default();
        let gap = if words.is_empty() { "" } else { " " };
        self.log(format!(
            "in CONNACK session_present={}{gap}{words}",
            accepted.session_present
        ));
        self.events.push_back(LinkEvent::Up(accepted));
    }

    /// Every order but [`Order::Disconnect`].
    pub fn send(&mut self, order: Order, out: &mut Outgoing) {
        match order {
            Order::Subscribe { ticket, filters } => self.subscribe(ticket, &filters, out),
            Order::Unsubscribe { ticket, filter } => self.unsubscribe(ticket, &filter, out),
            Order::Publish {
                ticket,
                draft,
                packet,
                dup,
            } => self.publish(ticket, draft, packet, dup, out),
            Order::Release { ticket, packet } => {
                let topic = None;
                self.published.insert(packet, Published { ticket, topic });
                self.answer(Ack::Released, packet, out);
            }
            Order::Acknowledge { packet, qos } => {
                if let Some(ack) = Ack::of(qos) {
                    self.answer(ack, packet, out);
                }
            }
            Order::Disconnect => {}
        }
    }

    fn answer(&mut self, ack: Ack, packet: u16, out: &mut Outgoing) {
        out.answer(ack, packet);
        self.log(format!("out {} {packet}", ack.word()));
    }

    fn own_packet(&mut self) -> u16 {
        loop {
            self.last_own = self.last_own.checked_add(1).unwrap_or(FIRST_OWN_PACKET);
            let packet = self.last_own;
            if !self.subscribing.contains_key(&packet) && !self.unsubscribing.contains_key(&packet)
            {
                return packet;
            }
        }
    }

    /// A subscription id holds for its whole packet (MQTT 5, 3.8.2.1.2), so there is a packet for each.
    fn subscribe(&mut self, ticket: Ticket, filters: &[FilterWish], out: &mut Outgoing) {
        let ids = self.codec.version() == Version::V5 && !self.no_subscription_ids;
        let mut groups: Vec<(Option<u32>, Vec<usize>)> = Vec::new();
        for (place, wish) in filters.iter().enumerate() {
            let id = wish.options.id.filter(|_| ids);
            match groups.iter_mut().find(|(other, _)| *other == id) {
                Some((_, places)) => places.push(place),
                None => groups.push((id, vec![place])),
            }
        }
        if groups.len() > 1 {
            let codes = vec![Err(codes::NO_ANSWER.to_owned()); filters.len()];
            let packets = groups.len();
            self.parts.insert(ticket, Parts { packets, codes });
        }
        for (id, places) in groups {
            let packet = self.own_packet();
            let wishes: Vec<_> = places.iter().map(|place| &filters[*place]).collect();
            let before = out.unsent();
            let asked = Asked { ticket, places };
            match self.codec.subscribe(packet, id, &wishes, out.bytes()) {
                Ok(()) => {
                    self.log(format!("out SUBSCRIBE {packet} {}", list(&wishes)));
                    self.subscribing.insert(packet, asked);
                }
                Err(words) => {
                    out.bytes().truncate(before);
                    let refused = vec![Err(words); wishes.len()];
                    self.subscribed(&asked, refused);
                }
            }
        }
    }

    fn subscribed(&mut self, asked: &Asked, codes: Vec<Result<Qos, String>>) {
        let ticket = asked.ticket;
        let Some(parts) = self.parts.get_mut(&ticket) else {
            self.events
                .push_back(LinkEvent::Subscribed { ticket, codes });
            return;
        };
        for (place, code) in asked.places.iter().zip(codes) {
            parts.codes[*place] = code;
        }
        parts.packets -= 1;
        if parts.packets == 0
            && let Some(Parts { codes, .. }) = self.parts.remove(&ticket)
        {
            self.events
                .push_back(LinkEvent::Subscribed { ticket, codes });
        }
    }

    fn unsubscribe(&mut self, ticket: Ticket, filter: &TopicFilter, out: &mut Outgoing) {
        let packet = self.own_packet();
        let before = out.unsent();
        match self.codec.unsubscribe(packet, filter.as_str(), out.bytes()) {
            Ok(()) => {
                self.log(format!("out UNSUBSCRIBE {packet} {filter}"));
                self.unsubscribing.insert(packet, ticket);
            }
            Err(words) => {
                out.bytes().truncate(before);
                self.log(format!("UNSUBSCRIBE {filter} was not sent: {words}"));
                self.events.push_back(LinkEvent::Unsubscribed { ticket });
            }
        }
    }

    fn publish(
        &mut self,
        ticket: Ticket,
        draft: Draft,
        packet: u16,
        dup: bool,
        out: &mut Outgoing,
    ) {
        let written = self.codec.write_publish(&draft, packet, dup, out.bytes());
        if let Err(problem) = written {
            let result = Err(problem);
            self.events
                .push_back(LinkEvent::Published { ticket, result });
            return;
        }
        self.log(format!(
            "out PUBLISH qos{}{}{} {} {} bytes",
            draft.qos.number(),
            if draft.retain { " retain" } else { "" },
            if dup { " dup" } else { "" },
            draft.topic,
            draft.payload.len()
        ));
        if draft.qos == Qos::AtMostOnce {
            out.mark(ticket);
        } else {
            let topic = Some(draft.topic);
            self.published.insert(packet, Published { ticket, topic });
        }
    }

    /// Everything that was to be flushed is.
    pub fn flushed(&mut self, out: &mut Outgoing) {
        while let Some(ticket) = out.gone() {
            let result = Ok(Delivered::default());
            self.events
                .push_back(LinkEvent::Published { ticket, result });
        }
    }

    /// Every packet but those that begin or end a connection.
    pub fn received(&mut self, packet: Incoming, out: &mut Outgoing) {
        match packet {
            Incoming::Publish(arrival) => self.arrived(arrival, out),
            Incoming::Ack(ack, answer) => self.acknowledged(ack, &answer, out),
            Incoming::SubAck {
                packet,
                codes,
                reason,
            } => {
                let Some(asked) = self.subscribing.remove(&packet) else {
                    self.log(format!("in SUBACK {packet}, which nobody waits for"));
                    return;
                };
                // Each carries the broker's reason: more of them than were asked for could fill the memory.
                let codes: Vec<_> = codes
                    .into_iter()
                    .take(asked.places.len())
                    .map(|code| codes::granted(code, reason.as_deref()))
                    .collect();
                self.log(format!(
                    "in SUBACK {packet} {}",
                    codes::granted_list(&codes)
                ));
                self.subscribed(&asked, codes);
            }
            Incoming::UnsubAck {
                packet,
                codes,
                reason,
            } => {
                // One filter was asked for; 3.1.1 sends no code at all.
                let first = codes.get(..1).unwrap_or_default();
                let words = codes::refusals(first, reason.as_deref());
                self.log(format!("in UNSUBACK {packet}{words}"));
                if let Some(ticket) = self.unsubscribing.remove(&packet) {
                    self.events.push_back(LinkEvent::Unsubscribed { ticket });
                }
            }
            Incoming::Pong => self.log("in PINGRESP".to_owned()),
            Incoming::Accepted(_)
            | Incoming::Refused(_)
            | Incoming::Disconnect(_)
            | Incoming::Auth => {}
        }
    }

    /// No log line for it, nor for its acknowledgement: whoever writes the log knows both from the arrival, and has no
    /// use for most of them under a flood.
    fn arrived(&mut self, arrival: Arrival, out: &mut Outgoing) {
        if !self.manual_ack
            && let Some(ack) = Ack::of(arrival.qos)
        {
            out.answer(ack, arrival.packet);
        }
        self.events.push_back(LinkEvent::Message(arrival));
    }

    /// What came after our DISCONNECT, to which nothing can be answered any more: messages that will not come again, and
    /// what ends a publish.
    pub fn last(&mut self, packet: Incoming, is_kept: bool) {
        match packet {
            Incoming::Publish(arrival) if !is_kept || arrival.qos == Qos::AtMostOnce => {
                self.events.push_back(LinkEvent::Message(arrival));
            }
            Incoming::Ack(Ack::Acknowledged, answer) => {
                let topic_words = |topic: Option<&Topic>| {
                    codes::published(&answer, topic.map_or("", Topic::as_str))
                };
                self.answered(answer.packet, topic_words);
            }
            Incoming::Ack(Ack::Completed, answer) => {
                self.answered(answer.packet, |_| Ok(codes::delivered(&answer)));
            }
            _ => {}
        }
    }

    /// A message that was read past. Acknowledged in any case, or the broker would send it for ever.
    pub fn skipped(&mut self, head: codec::Head, bytes: usize, out: &mut Outgoing) {
        let codec::Head { topic, qos, packet } = head;
        self.log(format!(
            "in PUBLISH qos{} {topic} {bytes} bytes, skipped",
            qos.number()
        ));
        if let Some(ack) = Ack::of(qos) {
            self.answer(ack, packet, out);
        }
        let bytes = bytes as u64;
        self.events.push_back(LinkEvent::Skipped { topic, bytes });
    }

    fn acknowledged(&mut self, ack: Ack, answer: &Answer, out: &mut Outgoing) {
        let packet = answer.packet;
        let words = codes::code_words(answer);
        self.log(format!("in {} {packet}{words}", ack.word()));
        match ack {
            Ack::Released => {
                self.events.push_back(LinkEvent::Released { packet });
                self.answer(Ack::Completed, packet, out);
            }
            // A PUBREC that refuses ends the flow (MQTT 5, 4.3.3).
            Ack::Recorded if answer.code < codes::REFUSED => {
                if let Some(published) = self.published.get(&packet) {
                    let ticket = published.ticket;
                    self.events.push_back(LinkEvent::Recorded { ticket });
                }
                self.answer(Ack::Released, packet, out);
            }
            // The message was recorded before: that the broker has forgotten its number since is no loss.
            Ack::Completed => self.answered(packet, |_| Ok(codes::delivered(answer))),
            Ack::Acknowledged | Ack::Recorded => self.answered(packet, |topic| {
                codes::published(answer, topic.map_or("", Topic::as_str))
            }),
        }
    }

    fn answered(
        &mut self,
        packet: u16,
        result: impl FnOnce(Option<&Topic>) -> Result<Delivered, Problem>,
    ) {
        if let Some(Published { ticket, topic }) = self.published.remove(&packet) {
            let result = result(topic.as_ref());
            self.events
                .push_back(LinkEvent::Published { ticket, result });
        }
    }
}

fn list(wishes: &[&FilterWish]) -> String {
    let words = wishes
        .iter()
        .map(|wish| format!("{} qos{}", wish.filter, wish.qos.number()));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
