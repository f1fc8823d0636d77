//! The vocabulary between an MQTT session and the rest: what happens to it, what it may be asked.

use super::batch::Batch;
use super::fact::Fact;
use super::message::{AckToken, Draft, Message, Qos};
use super::reading::Reading;
use super::subscription::FilterWish;
use super::topic::TopicFilter;
use crate::base::moment::{Mono, Timestamp};
use crate::base::problem::Problem;

/// One opening of one profile. `generation` is never reused, so whatever arrives from a closed session is known
/// to be stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SessionId {
    pub generation: u64,
}

/// Where the session stands, in the words of the header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkState {
    #[default]
    Idle,
    /// Before MQTT: the platform's own sign-in. `step` is what it is doing now.
    SigningIn {
        step: String,
    },
    Connecting {
        host: String,
        port: u16,
    },
    Connected {
        since: Timestamp,
        session_present: bool,
    },
    /// The broker answers pings, but what is subscribed says nothing for longer than it should.
    Silent {
        since: Timestamp,
    },
    Reconnecting {
        at: Mono,
        attempt: u32,
        why: Problem,
    },
    /// Tried once and explained; nothing more happens until the user acts.
    Refused(Problem),
    /// Another client connected with the same client id; the session stopped instead of fighting.
    TakenOver(Problem),
    Closed,
}

impl LinkState {
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Connected { .. } | Self::Silent { .. })
    }
}

/// What a bound had to let go, in its place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gap {
    /// Messages only: link changes and receipts are never dropped.
    pub messages: u64,
    /// Their payloads.
    pub bytes: u64,
}

/// Names one publish; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiptId(pub u64);

/// The broker's good word on a publish.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivered {
    /// What it added (MQTT 5): `nobody is subscribed to it`.
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    Link(LinkState),
    Message(Box<Message>, Reading),
    /// Several in a row that mean nothing beyond themselves; only to a `Post` that takes them so.
    Messages(Batch),
    /// The broker's word on a filter: the granted QoS, or its refusal in words.
    Granted {
        filter: TopicFilter,
        result: Result<Qos, String>,
    },
    Dropped(TopicFilter),
    /// A publish is acknowledged (QoS 1, 2) or flushed (QoS 0).
    Receipt {
        id: ReceiptId,
        result: Result<Delivered, Problem>,
    },
    /// How many publishes wait for a connection or for their turn; told when it changes.
    Queue {
        waiting: usize,
    },
    Gap(Gap),
    /// What the adapter found out on its own, beside the connection.
    Fact(Fact),
    Log(LogLine),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCommand {
    Subscribe(FilterWish),
    Unsubscribe(TopicFilter),
    Publish(ReceiptId, Draft),
    /// The same before all that waits, and also while the platform holds the others back. It belongs to the connection: when that ends, it is not sent again.
    PublishFirst(ReceiptId, Draft),
    /// What was held back may go.
    Release,
    /// A publish that is on its way under this packet id is not waited for any more: the platform refused it elsewhere.
    GiveUp {
        packet: u16,
        problem: Problem,
    },
    /// The message is written or shown: the broker may forget it.
    Ack(AckToken),
    /// Do not wait for the countdown.
    RetryNow,
    /// Send every SUBSCRIBE again on the live connection, because nothing is heard.
    Resubscribe {
        reason: String,
    },
    /// DISCONNECT, then end within a bounded time.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogSource {
    Rest,
    Mqtt,
    Program,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// One line of the log pane: a REST call with status and time, an MQTT packet, or a remark. Holds no secret and no
/// payload, only sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub at: Timestamp,
    pub source: LogSource,
    pub level: LogLevel,
    pub text: String,
}
