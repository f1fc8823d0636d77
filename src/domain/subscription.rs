//! What is subscribed: topic filters at a broker, and a platform's own feeds per device.

use super::message::Qos;
use super::topic::TopicFilter;
use crate::base::moment::Timestamp;

/// The two per-device feeds of a platform, toggled with `p` and `e`. On ThinQ: notifications, and state changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    Push,
    Event,
}

impl Feed {
    pub const ALL: [Self; 2] = [Self::Push, Self::Event];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Event => "event",
        }
    }
}

/// A feed as the server last confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FeedState {
    #[default]
    Unknown,
    Off,
    /// `until` is when it ends unless renewed; `None` for feeds without end, or an end that nobody told us.
    On {
        until: Option<Timestamp>,
    },
}

impl FeedState {
    pub const fn is_on(self) -> bool {
        matches!(self, Self::On { .. })
    }
}

/// A topic filter that the user or the profile wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterWish {
    pub filter: TopicFilter,
    pub qos: Qos,
}

/// A wanted filter and what the broker said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterState {
    pub wish: FilterWish,
    /// `None` while the answer is awaited; else the granted QoS or the refusal in words.
    pub granted: Option<Result<Qos, String>>,
}
