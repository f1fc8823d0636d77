//! A broker, a link and the network between them as plain data: packets wait in two queues until a test moves them, and
//! a cut loses what is on its way. Written from the standard, without a look at the session.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::session::Delivered;
use thingdeck::session::link::{Accepted, Arrival, LinkEvent, Order, Ticket};

/// From the client's link to the broker.
#[derive(Debug)]
enum Up {
    Subscribe(Ticket, Vec<(String, Qos)>),
    Unsubscribe(Ticket, String),
    Publish(Draft, u16, bool),
    Answer(u16, Qos),
    Release(u16),
    Complete(u16),
}

/// From the broker to the client's link.
#[derive(Debug)]
enum Down {
    Subscribed(Ticket, Vec<Qos>),
    Unsubscribed(Ticket),
    Publish(Given, u16, bool),
    Acknowledged(u16),
    Recorded(u16),
    Released(u16),
    Completed(u16),
}

/// A message for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub payload: String,
    pub qos: Qos,
}

#[derive(Debug)]
struct Sent {
    given: Given,
    recorded: bool,
}

/// What the broker keeps for a client that is away.
#[derive(Debug, Default)]
struct Kept {
    subscriptions: BTreeMap<String, Qos>,
    /// QoS 2 publishes of the client, not released.
    recorded: BTreeMap<u16, String>,
    sent: BTreeMap<u16, Sent>,
    queue: VecDeque<Given>,
}

/// See the module.
#[derive(Debug)]
pub struct Model {
    kept: Kept,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    /// The link's own memory: which answer belongs to which order.
    published: HashMap<u16, Ticket>,
    last_packet: u16,
    manual: bool,
    pub receive_max: u16,
    /// What the broker handed on, and every PUBLISH in the order of its first coming.
    pub handed_on: Vec<String>,
    pub seen: Vec<String>,
}

impl Model {
    pub fn new(manual: bool, receive_max: u16) -> Self {
        Self {
            kept: Kept::default(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            published: HashMap::new(),
            last_packet: 0,
            manual,
            receive_max,
            handed_on: Vec::new(),
            seen: Vec::new(),
        }
    }

    pub fn subscriptions(&self) -> &BTreeMap<String, Qos> {
        &self.kept.subscriptions
    }

    pub fn is_still(&self) -> bool {
        self.up.is_empty() && self.down.is_empty()
    }

    /// A new connection.
    pub fn connect(&mut self, session_present: bool) -> LinkEvent {
        if !session_present {
            self.kept = Kept::default();
        }
        self.last_packet = self.kept.sent.keys().last().copied().unwrap_or(0);
        for (packet, sent) in &self.kept.sent {
            self.down.push_back(if sent.recorded {
                Down::Released(*packet)
            } else {
                Down::Publish(sent.given.clone(), *packet, true)
            });
        }
        self.send_queue();
        LinkEvent::Up(Accepted {
            session_present,
            receive_max: Some(self.receive_max),
            ..Accepted::default()
        })
    }

    /// All that is on its way is lost. What waited in the queue and was never sent, too, when the broker forgets.
    pub fn cut(&mut self) {
        self.up.clear();
        self.down.clear();
        self.published.clear();
    }

    /// Somebody publishes a message that the client gets.
    pub fn give(&mut self, given: Given, connected: bool) {
        if given.qos == Qos::AtMostOnce {
            if connected {
                self.down.push_back(Down::Publish(given, 0, false));
            }
            return;
        }
        self.kept.queue.push_back(given);
        if connected {
            self.send_queue();
        }
    }

    /// The link takes an order. The events that follow at once.
    pub fn order(&mut self, order: Order) -> Option<LinkEvent> {
        match order {
            Order::Subscribe { ticket, filters } => {
                let filters = filters.iter().map(|w| (w.filter.to_string(), w.qos));
                self.up.push_back(Up::Subscribe(ticket, filters.collect()));
            }
            Order::Unsubscribe { ticket, filter } => {
                self.up
                    .push_back(Up::Unsubscribe(ticket, filter.to_string()));
            }
            Order::Publish {
                ticket,
                draft,
                packet,
                dup,
            } => {
                let qos = draft.qos;
                self.up.push_back(Up::Publish(draft, packet, dup));
                if qos == Qos::AtMostOnce {
                    assert_eq!(packet, 0);
                    let result = Ok(Delivered::default());
                    return Some(LinkEvent::Published { ticket, result });
                }
                self.expect_answer(packet, ticket);
            }
            Order::Release { ticket, packet } => {
                self.expect_answer(packet, ticket);
                self.up.push_back(Up::Release(packet));
            }
            Order::Acknowledge { packet, qos } => {
                assert!(self.manual, "the link acknowledges by itself");
                self.up.push_back(Up::Answer(packet, qos));
            }
            Order::Disconnect => panic!("nobody leaves"),
        }
        None
    }

    fn expect_answer(&mut self, packet: u16, ticket: Ticket) {
        assert!((1..0x8000).contains(&packet), "{packet}");
        let before = self.published.insert(packet, ticket);
        assert_eq!(before, None, "two in flight with packet id {packet}");
        assert!(self.published.len() <= usize::from(self.receive_max));
    }

    /// One packet reaches the broker.
    pub fn broker_reads(&mut self) {
        let Some(packet) = self.up.pop_front() else {
            return;
        };
        match packet {
            Up::Subscribe(ticket, filters) => {
                let granted = filters.iter().map(|(_, qos)| *qos).collect();
                self.kept.subscriptions.extend(filters);
                self.down.push_back(Down::Subscribed(ticket, granted));
            }
            Up::Unsubscribe(ticket, filter) => {
                self.kept.subscriptions.remove(&filter);
                self.down.push_back(Down::Unsubscribed(ticket));
            }
            Up::Publish(draft, packet, dup) => self.broker_gets(&draft, packet, dup),
            Up::Answer(packet, Qos::ExactlyOnce) => {
                if let Some(sent) = self.kept.sent.get_mut(&packet) {
                    sent.recorded = true;
                }
                self.down.push_back(Down::Released(packet));
            }
            Up::Answer(packet, _) | Up::Complete(packet) => self.finished(packet),
            Up::Release(packet) => {
                self.handed_on.extend(self.kept.recorded.remove(&packet));
                self.down.push_back(Down::Completed(packet));
            }
        }
    }

    fn broker_gets(&mut self, draft: &Draft, packet: u16, dup: bool) {
        let payload = String::from_utf8(draft.payload.to_vec()).expect("text");
        if !self.seen.contains(&payload) {
            assert!(!dup || draft.qos != Qos::AtMostOnce);
            self.seen.push(payload.clone());
        }
        match draft.qos {
            Qos::AtMostOnce => self.handed_on.push(payload),
            Qos::AtLeastOnce => {
                self.handed_on.push(payload);
                self.down.push_back(Down::Acknowledged(packet));
            }
            Qos::ExactlyOnce => {
                let before = self.kept.recorded.insert(packet, payload.clone());
                let same = before.is_none_or(|before| before == payload && dup);
                assert!(same, "the broker takes {payload} for another message");
                self.down.push_back(Down::Recorded(packet));
            }
        }
    }

    fn finished(&mut self, packet: u16) {
        self.kept.sent.remove(&packet);
        self.send_queue();
    }

    fn send_queue(&mut self) {
        while self.kept.sent.len() < 4
            && let Some(given) = self.kept.queue.pop_front()
        {
            self.last_packet = self.last_packet % 60_000 + 1;
            let packet = self.last_packet;
            let sent = Sent {
                given: given.clone(),
                recorded: false,
            };
            self.kept.sent.insert(packet, sent);
            self.down.push_back(Down::Publish(given, packet, false));
        }
    }

    /// One packet reaches the link, which answers as the standard demands. What it tells the session.
    pub fn link_reads(&mut self) -> Option<LinkEvent> {
        Some(match self.down.pop_front()? {
            Down::Subscribed(ticket, granted) => LinkEvent::Subscribed {
                ticket,
                codes: granted.into_iter().map(Ok).collect(),
            },
            Down::Unsubscribed(ticket) => LinkEvent::Unsubscribed { ticket },
            Down::Publish(given, packet, dup) => {
                if !self.manual && given.qos != Qos::AtMostOnce {
                    self.up.push_back(Up::Answer(packet, given.qos));
                }
                LinkEvent::Message(Arrival {
                    topic: "t".to_owned(),
                    payload: Bytes::from(given.payload),
                    qos: given.qos,
                    retain: false,
                    dup,
                    packet,
                    properties: None,
                })
            }
            Down::Acknowledged(packet) | Down::Completed(packet) => LinkEvent::Published {
                ticket: self.published.remove(&packet)?,
                result: Ok(Delivered::default()),
            },
            Down::Recorded(packet) => {
                self.up.push_back(Up::Release(packet));
                LinkEvent::Recorded {
                    ticket: *self.published.get(&packet)?,
                }
            }
            Down::Released(packet) => {
                self.up.push_back(Up::Complete(packet));
                LinkEvent::Released { packet }
            }
        })
    }
}
