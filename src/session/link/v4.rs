//! MQTT 3.1.1 over rumqttc: a fresh event loop per attempt, polled by nobody else and never cancelled in the middle.
//!
//! `EventLoop::poll` is not safe to cancel, so its future lives inside a stream that keeps it between two calls of
//! [`Wire::next`]. What the event loop still holds when the connection breaks is read out before the end is told:
//! those messages are acknowledged already.

mod options;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, NetworkOptions, Outgoing, Packet, Publish, QoS,
    SubscribeFilter, SubscribeReasonCode,
};

use super::words::{self, Place};
use super::{Accepted, Arrival, LinkEvent, Opening, Order, Ticket};
use crate::domain::message::{Draft, Qos};
use crate::domain::session::Delivered;
use crate::session::end::{End, EndClass};
use crate::session::tls::Tls;

/// Orders handed to the event loop and not yet sent. Its channel is larger, so handing over never waits.
const WINDOW: usize = 64;
type Polled = Result<Event, (Vec<Packet>, ConnectionError)>;

/// One connection on rumqttc.
pub struct Wire {
    client: AsyncClient,
    polled: Pin<Box<dyn Stream<Item = Polled> + Send>>,
    place: Place,
    tls: Option<Tls>,
    max_packet: usize,
    manual_ack: bool,
    up: bool,
    ready: VecDeque<LinkEvent>,
    /// Not yet handed to the event loop.
    orders: VecDeque<Order>,
    /// Handed over and not yet sent, per kind in order: the event loop names a packet's id when it goes out.
    handed: usize,
    publishes: VecDeque<(Ticket, String)>,
    subscribes: VecDeque<(Ticket, String)>,
    unsubscribes: VecDeque<(Ticket, String)>,
    /// Sent and not yet answered.
    awaited: HashMap<(Kind, u16), Ticket>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Publish,
    Subscribe,
    Unsubscribe,
}

impl Wire {
    pub fn new(opening: &Opening, tls: Option<Tls>) -> Result<Self, End> {
        let options = options::build(opening, tls.as_ref())
            .map_err(|problem| End::new(EndClass::Fatal, problem))?;
        let mut network = NetworkOptions::new();
        let patience = opening.plan.limits.connect_timeout;
        network.set_connection_timeout(patience.as_secs().max(1));
        network.set_tcp_nodelay(true);
        let (client, mut event_loop) = AsyncClient::new(options, WINDOW * 2);
        event_loop.set_network_options(network);
        if !opening.plan.clean_session && opening.plan.limits.max_qos == Qos::ExactlyOnce {
            expect_releases(&mut event_loop);
        }
        let connect = options::connect_text(opening);
        Ok(Self {
            client,
            polled: Box::pin(stream::unfold(Some(event_loop), poll)),
            place: Place {
                host: opening.endpoint.host.clone(),
                port: opening.endpoint.port,
                patience,
            },
            tls,
            max_packet: opening.plan.limits.max_packet,
            manual_ack: opening.manual_ack,
            up: false,
            ready: VecDeque::from([LinkEvent::Packet { text: connect }]),
            orders: VecDeque::new(),
            handed: 0,
            publishes: VecDeque::new(),
            subscribes: VecDeque::new(),
            unsubscribes: VecDeque::new(),
            awaited: HashMap::new(),
        })
    }

    pub fn send(&mut self, order: Order) {
        self.orders.push_back(order);
        self.hand_over();
    }

    pub async fn next(&mut self) -> LinkEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            match self.polled.next().await {
                Some(Ok(Event::Incoming(packet))) => self.received(packet),
                Some(Ok(Event::Outgoing(sent))) => self.sent(&sent),
                Some(Err((left, error))) => self.closed(left, error),
                None => std::future::pending().await,
            }
        }
    }

    fn hand_over(&mut self) {
        while self.handed < WINDOW
            && let Some(order) = self.orders.pop_front()
        {
            self.handed += 1;
            self.hand(order);
        }
    }

    /// The channel is wider than the window, so the only failure is a connection that has ended, which is told anyway.
    fn hand(&mut self, order: Order) {
        let _told_by_the_end = match order {
            Order::Subscribe { ticket, filters } => {
                let text = filters
                    .iter()
                    .map(|wish| format!("{} qos{}", wish.filter, wish.qos.number()));
                let text = text.collect::<Vec<_>>().join(", ");
                self.subscribes.push_back((ticket, text));
                let filters = filters
                    .iter()
                    .map(|w| SubscribeFilter::new(w.filter.as_str().to_owned(), qos_out(w.qos)));
                self.client.try_subscribe_many(filters.collect::<Vec<_>>())
            }
            Order::Unsubscribe { ticket, filter } => {
                self.unsubscribes.push_back((ticket, filter.to_string()));
                self.client.try_unsubscribe(filter.as_str())
            }
            Order::Release { .. } => Ok(()),
            Order::Publish { ticket, draft, .. } => {
                self.publishes.push_back((ticket, publish_text(&draft)));
                self.client.try_publish(
                    draft.topic.as_str(),
                    qos_out(draft.qos),
                    draft.retain,
                    draft.payload,
                )
            }
            Order::Acknowledge { packet, qos } => {
                let mut publish = Publish::new("", qos_out(qos), Vec::new());
                publish.pkid = packet;
                self.client.try_ack(&publish)
            }
            Order::Disconnect => self.client.try_disconnect(),
        };
    }

    fn sent(&mut self, sent: &Outgoing) {
        let (text, ours) = match sent {
            Outgoing::Publish(packet) => (self.publish_sent(*packet), true),
            Outgoing::Subscribe(packet) => {
                let order = self.subscribes.pop_front();
                (self.awaits(Kind::Subscribe, *packet, order), true)
            }
            Outgoing::Unsubscribe(packet) => {
                let order = self.unsubscribes.pop_front();
                (self.awaits(Kind::Unsubscribe, *packet, order), true)
            }
            Outgoing::PubAck(packet) => (Some(format!("PUBACK {packet}")), self.manual_ack),
            Outgoing::PubRec(packet) => (Some(format!("PUBREC {packet}")), self.manual_ack),
            Outgoing::PubRel(packet) => (Some(format!("PUBREL {packet}")), false),
            Outgoing::PubComp(packet) => (Some(format!("PUBCOMP {packet}")), false),
            Outgoing::PingReq => (Some("PINGREQ".to_owned()), false),
            Outgoing::Disconnect => (Some("DISCONNECT".to_owned()), true),
            Outgoing::PingResp | Outgoing::AwaitAck(_) => (None, false),
        };
        if ours {
            self.handed = self.handed.saturating_sub(1);
            self.hand_over();
        }
        if let Some(text) = text {
            let text = format!("out {text}");
            self.ready.push_front(LinkEvent::Packet { text });
        }
    }

    fn publish_sent(&mut self, packet: u16) -> Option<String> {
        let (ticket, text) = self.publishes.pop_front()?;
        if packet == 0 {
            self.ready.push_back(LinkEvent::Published {
                ticket,
                result: Ok(Delivered::default()),
            });
        } else {
            self.awaited.insert((Kind::Publish, packet), ticket);
        }
        Some(text)
    }

    fn awaits(
        &mut self,
        kind: Kind,
        packet: u16,
        order: Option<(Ticket, String)>,
    ) -> Option<String> {
        let (ticket, text) = order?;
        self.awaited.insert((kind, packet), ticket);
        let word = match kind {
            Kind::Subscribe => "SUBSCRIBE",
            Kind::Unsubscribe => "UNSUBSCRIBE",
            Kind::Publish => "PUBLISH",
        };
        Some(format!("{word} {packet} {text}"))
    }

    fn received(&mut self, packet: Packet) {
        let (text, event) = match packet {
            Packet::ConnAck(ack) => {
                self.up = true;
                let text = format!("CONNACK session_present={}", ack.session_present);
                let session_present = ack.session_present;
                let accepted = Accepted {
                    session_present,
                    ..Accepted::default()
                };
                (text, Some(LinkEvent::Up(accepted)))
            }
            Packet::Publish(publish) => self.arrived(publish),
            Packet::SubAck(ack) => {
                let codes: Vec<_> = ack.return_codes.iter().copied().map(code).collect();
                let text = format!("SUBACK {} {}", ack.pkid, codes_text(&codes));
                let ticket = self.awaited.remove(&(Kind::Subscribe, ack.pkid));
                let event = ticket.map(|ticket| LinkEvent::Subscribed { ticket, codes });
                (text, event)
            }
            Packet::UnsubAck(ack) => {
                let ticket = self.awaited.remove(&(Kind::Unsubscribe, ack.pkid));
                let event = ticket.map(|ticket| LinkEvent::Unsubscribed { ticket });
                (format!("UNSUBACK {}", ack.pkid), event)
            }
            Packet::PubAck(ack) => (format!("PUBACK {}", ack.pkid), self.acknowledged(ack.pkid)),
            Packet::PubComp(ack) => (format!("PUBCOMP {}", ack.pkid), self.acknowledged(ack.pkid)),
            Packet::PubRec(ack) => (format!("PUBREC {}", ack.pkid), None),
            Packet::PubRel(ack) => (format!("PUBREL {}", ack.pkid), None),
            Packet::PingResp => ("PINGRESP".to_owned(), None),
            // The event loop lets no other packet through from a broker.
            _ => return,
        };
        let text = format!("in {text}");
        self.ready.push_back(LinkEvent::Packet { text });
        self.ready.extend(event);
    }

    fn acknowledged(&mut self, packet: u16) -> Option<LinkEvent> {
        let ticket = self.awaited.remove(&(Kind::Publish, packet))?;
        Some(LinkEvent::Published {
            ticket,
            result: Ok(Delivered::default()),
        })
    }

    fn arrived(&mut self, publish: Publish) -> (String, Option<LinkEvent>) {
        let qos = qos_in(publish.qos);
        let bytes = publish.payload.len();
        let text = format!(
            "PUBLISH qos{}{}{} {} {bytes} bytes",
            qos.number(),
            if publish.retain { " retain" } else { "" },
            if publish.dup { " dup" } else { "" },
            publish.topic,
        );
        if bytes + publish.topic.len() > self.max_packet {
            if self.manual_ack && qos != Qos::AtMostOnce {
                let packet = publish.pkid;
                self.send(Order::Acknowledge { packet, qos });
            }
            let skipped = LinkEvent::Skipped {
                topic: publish.topic,
                bytes: bytes as u64,
            };
            return (text, Some(skipped));
        }
        let arrival = Arrival {
            topic: publish.topic,
            // A slice would keep the whole read buffer alive.
            payload: Bytes::copy_from_slice(&publish.payload),
            qos,
            retain: publish.retain,
            dup: publish.dup,
            packet: publish.pkid,
            properties: None,
        };
        (text, Some(LinkEvent::Message(arrival)))
    }

    fn closed(&mut self, left: Vec<Packet>, error: ConnectionError) {
        for packet in left {
            self.received(packet);
        }
        let end = words::end(error, self.up, &self.place, self.tls.as_ref());
        self.ready.push_back(LinkEvent::Closed(end));
    }
}

/// A kept session may go on with the PUBREL of a QoS 2 message that an earlier connection received; to a fresh event
/// loop that is an error which ends the connection, at every attempt again. So every packet id counts as received.
fn expect_releases(event_loop: &mut EventLoop) {
    let mut received = Publish::new("", QoS::ExactlyOnce, Vec::new());
    for packet in 1..=u16::MAX {
        received.pkid = packet;
        let packet = Packet::Publish(received.clone());
        // Only what it remembers is wanted, not what it would answer.
        let _unsent = event_loop.state.handle_incoming_packet(packet);
        event_loop.state.events.clear();
    }
}

/// One step of the event loop. After an error the loop is gone, with what it had still read.
async fn poll(event_loop: Option<EventLoop>) -> Option<(Polled, Option<EventLoop>)> {
    let mut event_loop = event_loop?;
    match event_loop.poll().await {
        Ok(event) => Some((Ok(event), Some(event_loop))),
        Err(error) => {
            let left = event_loop.state.events.drain(..);
            // What was about to go out has perhaps not gone out.
            let left = left.filter_map(|event| match event {
                Event::Incoming(packet) => Some(packet),
                Event::Outgoing(_) => None,
            });
            Some((Err((left.collect(), error)), None))
        }
    }
}

fn publish_text(draft: &Draft) -> String {
    format!(
        "PUBLISH qos{}{} {} {} bytes",
        draft.qos.number(),
        if draft.retain { " retain" } else { "" },
        draft.topic,
        draft.payload.len()
    )
}

fn code(code: SubscribeReasonCode) -> Result<Qos, String> {
    match code {
        SubscribeReasonCode::Success(qos) => Ok(qos_in(qos)),
        SubscribeReasonCode::Failure => Err("the broker refused this filter (code 128)".to_owned()),
    }
}

fn codes_text(codes: &[Result<Qos, String>]) -> String {
    let words = codes.iter().map(|code| match code {
        Ok(qos) => format!("qos{}", qos.number()),
        Err(_) => "refused".to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}

const fn qos_out(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

const fn qos_in(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}
