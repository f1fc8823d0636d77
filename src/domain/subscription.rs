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
    /// Not subscribed, and delivered all the same.
    Unasked,
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
    pub options: FilterOptions,
}

impl FilterWish {
    pub fn new(filter: TopicFilter, qos: Qos) -> Self {
        Self {
            filter,
            qos,
            options: FilterOptions::default(),
        }
    }
}

/// MQTT 5's options of one filter (MQTT 5, 3.8.3.1); a 3.1.1 connection does not send them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FilterOptions {
    /// What this client publishes does not come back to it.
    pub no_local: bool,
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
    /// 1 to 268,435,455; comes back with each message of this filter.
    pub id: Option<u32>,
}

/// Whether retained messages are sent when a filter is subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RetainHandling {
    #[default]
    Send,
    /// Not to a filter that was subscribed already.
    SendIfNew,
    Never,
}

/// A wanted filter and what the broker said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterState {
    pub wish: FilterWish,
    /// `None` while the answer is awaited; else the granted QoS or the refusal in words.
    pub granted: Option<Result<Qos, String>>,
}
