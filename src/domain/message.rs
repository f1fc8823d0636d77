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
}

/// A message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub topic: Topic,
    pub payload: Bytes,
    pub qos: Qos,
    pub retain: bool,
}
