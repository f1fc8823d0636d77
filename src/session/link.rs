//! One MQTT connection attempt, in one vocabulary for every protocol version.
//!
//! A [`Link`] is opened fresh for every attempt, is told [`Order`]s, which it never makes anybody wait for, and yields
//! [`LinkEvent`]s until [`LinkEvent::Closed`]. Dropping it abandons the connection.

pub mod v4;

mod words;

pub use words::io_words;

use std::sync::Arc;

use bytes::Bytes;

use super::end::{End, EndClass};
use super::tls::Tls;
use crate::base::problem::{Problem, Retry};
use crate::domain::message::{Draft, Qos};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::plan::{ConnectPlan, Endpoint, TlsPlan};

/// Names one order, so that its answer finds it. Subscriptions and publishes count apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

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
    Up {
        session_present: bool,
    },
    Message(Arrival),
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
    /// Acknowledged (QoS 1, 2), or written and flushed (QoS 0).
    Published {
        ticket: Ticket,
    },
    /// One packet for the log, in or out; never a payload, never a secret.
    Packet {
        text: String,
    },
    /// Always the last.
    Closed(End),
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
    wire: v4::Wire,
}

impl Link {
    /// Prepares the connection; it is made while [`Link::next`] is awaited.
    pub async fn open(opening: Opening) -> Result<Self, End> {
        let tls = match opening.endpoint.tls.clone() {
            Some(plan) => Some(make_tls(plan).await?),
            None => None,
        };
        let wire = v4::Wire::new(&opening, tls)?;
        Ok(Self { wire })
    }

    /// Queues an order. Never waits and never fails: what cannot be sent any more ends with the connection.
    pub fn send(&mut self, order: Order) {
        self.wire.send(order);
    }

    /// The next event. Safe to cancel; waits for ever after `Closed`.
    pub async fn next(&mut self) -> LinkEvent {
        self.wire.next().await
    }
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
