//! One MQTT connection attempt, in one vocabulary for every protocol version.
//!
//! A [`Link`] is opened fresh for every attempt, is told [`Order`]s, which it never makes anybody wait for, and yields
//! [`LinkEvent`]s until [`LinkEvent::Closed`]. Dropping it abandons the connection.
//!
//! rumqttc's event loop is not used, only its packets (in `codec`): the loop takes no transport of ours (proxies,
//! WebSocket headers, IPv6 under TLS), dies of a packet over its limit and of a PUBREL that an earlier connection began,
//! cannot be cancelled while it is polled, hides reason strings and the codes that it does not know, and clones every
//! packet. The pump is `wire`, the conversation `exchange`.

mod codec;
mod exchange;
mod gather;
mod outgoing;
mod pace;
mod pulse;
mod skim;
mod wire;
mod words;

pub use gather::gather;
pub use words::io_words;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use super::end::{End, EndClass};
use super::tls::Tls;
use super::transport;
use crate::base::problem::{Problem, Retry};
use crate::domain::batch::Batch;
use crate::domain::message::{Draft, Properties, Qos};
use crate::domain::session::Delivered;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::plan::{ConnectPlan, Endpoint, TlsPlan};
use codec::Codec;
use wire::Wire;
use words::Place;

/// Names one order, so that its answer finds it. Subscriptions and publishes count apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Packet ids from here on are the link's own, for SUBSCRIBE and UNSUBSCRIBE.
pub const FIRST_OWN_PACKET: u16 = 0x8000;

/// What the link is asked to send. Sent in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Subscribe {
        ticket: Ticket,
        filters: Vec<FilterWish>,
    },
    Unsubscribe {
        ticket: Ticket,
        filter: TopicFilter,
    },
    Publish {
        ticket: Ticket,
        draft: Draft,
        /// For QoS 1 and 2: chosen by the session, below [`FIRST_OWN_PACKET`], never two in flight with the same.
        packet: u16,
        /// The broker may have it already: this is the same message again, in a session that it kept.
        dup: bool,
    },
    /// PUBREL of a QoS 2 publish that the broker recorded on an earlier connection.
    Release {
        ticket: Ticket,
        packet: u16,
    },
    /// For a message received with manual acknowledgement.
    Acknowledge {
        packet: u16,
        qos: Qos,
    },
    Disconnect,
}

/// What happens on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// CONNACK with success.
    Up(Accepted),
    Message(Arrival),
    /// Only after [`Link::take_in_batches`]. What QoS 1 asks for is on its way.
    Messages(Batch),
    /// A message over the plan's limit was read past. It needs no acknowledgement any more.
    Skipped {
        topic: String,
        bytes: u64,
    },
    /// SUBACK: one code per filter of the order.
    Subscribed {
        ticket: Ticket,
        codes: Vec<Result<Qos, String>>,
    },
    Unsubscribed {
        ticket: Ticket,
    },
    /// Acknowledged (QoS 1, 2), or written and flushed (QoS 0); or refused by the broker with a code (MQTT 5).
    Published {
        ticket: Ticket,
        result: Result<Delivered, Problem>,
    },
    /// PUBREC: the broker has this QoS 2 publish; the PUBREL is on its way and the message is never sent again.
    Recorded {
        ticket: Ticket,
    },
    /// PUBREL: the broker will not send this QoS 2 message again. The PUBCOMP is on its way.
    Released {
        packet: u16,
    },
    /// One packet for the log, in or out; never a payload, never a secret. Not told of the packets that come with every
    /// message: a received PUBLISH, and its PUBACK or PUBREC where the link sends it by itself.
    Packet {
        text: String,
    },
    /// Always the last.
    Closed(End),
}

/// What the broker said with its CONNACK.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    pub session_present: bool,
    /// The client id that the broker made up for an empty one (MQTT 5).
    pub client_id: Option<String>,
    /// Instead of the one asked for (MQTT 5).
    pub keep_alive: Option<Duration>,
    /// What it takes at most (MQTT 5); `None`: no bound was told.
    pub max_qos: Option<Qos>,
    pub max_packet: Option<u32>,
    /// Unacknowledged publishes of QoS 1 and 2 at once.
    pub receive_max: Option<u16>,
    /// False only when the broker said that it keeps no retained messages.
    pub no_retain: bool,
    pub no_wildcards: bool,
    pub no_shared: bool,
    pub no_subscription_ids: bool,
    /// Response information and reason string, for the log.
    pub words: Option<String>,
}

/// A PUBLISH as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub topic: String,
    pub payload: Bytes,
    pub qos: Qos,
    pub retain: bool,
    pub dup: bool,
    pub packet: u16,
    pub properties: Option<Box<Properties>>,
}

/// What to connect to, and how.
#[derive(Debug, Clone)]
pub struct Opening {
    pub plan: Arc<ConnectPlan>,
    pub endpoint: Endpoint,
    pub manual_ack: bool,
}

/// One connection.
pub struct Link {
    wire: Wire,
}

impl Link {
    /// Makes the connection. CONNECT goes out and CONNACK comes in while [`Link::next`] is awaited, within the time that
    /// the plan gives all of it.
    pub async fn open(opening: Opening) -> Result<Self, End> {
        let codec = Codec::new(opening.plan.version);
        let mut connect = BytesMut::new();
        codec
            .connect(&opening.plan, &mut connect)
            .map_err(|problem| End::new(EndClass::Fatal, problem))?;
        let tls = match opening.endpoint.tls.clone() {
            Some(plan) => Some(make_tls(plan).await?),
            None => None,
        };
        let patience = opening.plan.limits.connect_timeout;
        let deadline = Instant::now() + patience;
        let dialling = transport::dial(&opening.endpoint, tls.as_ref());
        let stream = match timeout_at(deadline, dialling).await {
            Ok(dialled) => dialled.map_err(|mut end| {
                end.seen.certificates = shown(tls.as_ref());
                end
            })?,
            Err(_) => return Err(words::no_connection(&Place::new(&opening))),
        };
        let wire = Wire::new(&opening, stream, tls, codec, &connect, deadline);
        Ok(Self { wire })
    }

    /// From now on messages that mean nothing beyond themselves come as [`LinkEvent::Messages`]. Not for a reader who
    /// acknowledges them by hand.
    pub const fn take_in_batches(&mut self) {
        self.wire.take_in_batches();
    }

    /// Queues an order. Never waits and never fails: what cannot be sent any more ends with the connection.
    pub fn send(&mut self, order: Order) {
        self.wire.send(order);
    }

    /// The next event of what was read already, if there is one. A burst of messages comes in few reads.
    pub fn at_hand(&mut self) -> Option<LinkEvent> {
        self.wire.at_hand()
    }

    /// The next event. Safe to cancel; waits for ever after `Closed`.
    pub async fn next(&mut self) -> LinkEvent {
        self.wire.next().await
    }
}

/// The chain that the server presented, for the log.
fn shown(tls: Option<&Tls>) -> Vec<String> {
    let chain = tls.and_then(Tls::presented).map(|shown| shown.chain);
    let lines = chain.into_iter().flatten().enumerate();
    lines
        .map(|(at, line)| format!("in certificate {}: {line}", at + 1))
        .collect()
}

/// Reading the system's roots and parsing keys is work for a thread of its own.
async fn make_tls(plan: TlsPlan) -> Result<Tls, End> {
    let made = tokio::task::spawn_blocking(move || Tls::build(&plan)).await;
    match made {
        Ok(Ok(tls)) => Ok(tls),
        Ok(Err(trouble)) => Err(End::new(trouble.class(), trouble.problem)),
        Err(stopped) => Err(End::new(
            EndClass::Passing,
            Problem::new(
                "could not prepare the secure connection",
                stopped.to_string(),
                "",
            )
            .retry(Retry::Backoff),
        )),
    }
}
