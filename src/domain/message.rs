//! One MQTT message, in or out, as it stood on the wire.

use bytes::Bytes;

use super::topic::Topic;
use crate::base::moment::Timestamp;

/// MQTT's delivery promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Qos {
    /// At most once.
    #[default]
    AtMostOnce,
    /// At least once: duplicates are possible, marked `dup`.
    AtLeastOnce,
    ExactlyOnce,
}

impl Qos {
    pub const fn number(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
            Self::ExactlyOnce => 2,
        }
    }

    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    #[default]
    In,
    Out,
}

impl Direction {
    pub const fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Names a received message that still waits for our acknowledgement (manual acknowledgement). Handed back with
/// `SessionCommand::Ack`; valid only for the connection it came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AckToken(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// When it reached us.
    pub at: Timestamp,
    pub direction: Direction,
    pub topic: Topic,
    /// The bytes untouched.
    pub payload: Bytes,
    pub qos: Qos,
    pub retain: bool,
    /// The sender said that it may have been delivered before. Shown, never a reason to drop it.
    pub dup: bool,
    /// Where the receiver acknowledges after use: what to acknowledge.
    pub ack: Option<AckToken>,
    /// MQTT 5 only; `None` where there are none, which is nearly always.
    pub properties: Option<Box<Properties>>,
    /// Waited in a kept session: it came before anything was subscribed on this connection.
    pub session: bool,
}

/// What MQTT 5 lets a PUBLISH carry besides its payload (MQTT 5, 3.3.2.3), in or out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// The sender says that the payload is UTF-8 (`true`) or unspecified bytes (`false`).
    pub utf8: Option<bool>,
    /// Seconds that the broker may keep it, or what is left of them.
    pub expiry: Option<u32>,
    pub content_type: Option<String>,
    /// Where an answer is awaited.
    pub response_topic: Option<String>,
    /// Comes back with the answer, byte for byte.
    pub correlation_data: Option<Bytes>,
    /// Names may repeat; the order counts.
    pub user: Vec<(String, String)>,
    /// Of the subscriptions that this message was delivered for; never sent.
    pub subscription_ids: Vec<u32>,
}

impl Properties {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub topic: Topic,
    pub payload: Bytes,
    pub qos: Qos,
    pub retain: bool,
    /// Sent with MQTT 5; refused where the connection speaks 3.1.1.
    pub properties: Option<Box<Properties>>,
}

impl Draft {
    pub const fn new(topic: Topic, payload: Bytes, qos: Qos) -> Self {
        Self {
            topic,
            payload,
            qos,
            retain: false,
            properties: None,
        }
    }
}

/// What the broker publishes when the connection ends without a DISCONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    pub draft: Draft,
    /// Seconds after the end of the connection (MQTT 5, 3.1.3.2.2).
    pub delay: u32,
}
