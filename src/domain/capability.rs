//! What a platform can do, as data: the screen offers only what is there, and everything else is refused.

use super::reading::Kind;
use super::relay::Relay;
use super::reserved::{self, Reserved};
use super::subscription::Feed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Feeds that `p` and `e` toggle, with the word for each.
    pub push: Option<&'static str>,
    pub event: Option<&'static str>,
    /// Feeds are filters of this connection: one that was not turned on is off, and nobody has to be asked.
    pub own_feeds: bool,
    /// `s` shows a state (or a shadow).
    pub state: bool,
    /// `x` controls a device.
    pub control: bool,
    pub energy: bool,
    /// MQTT publishing is allowed for this client.
    pub publish: bool,
    /// Topic filters may be added by hand.
    pub filters: bool,
    /// There are no devices: the topics that are heard stand for them.
    pub topics: bool,
    /// Devices have shadows (desired, reported), and `s` shows them.
    pub shadow: bool,
    /// Shadows have topics to follow, both of their halves can be written, and they can be deleted.
    pub shadow_topics: bool,
    pub jobs: bool,
    /// New things can be provisioned.
    pub provision: bool,
    pub relay: Relay,
    /// Topics that the platform keeps for itself.
    pub reserved: Option<&'static Reserved>,
}

impl Capabilities {
    pub const NONE: Self = Self {
        push: None,
        event: None,
        own_feeds: false,
        state: false,
        control: false,
        energy: false,
        publish: false,
        filters: false,
        topics: false,
        shadow: false,
        shadow_topics: false,
        jobs: false,
        provision: false,
        relay: Relay::NONE,
        reserved: None,
    };

    pub const THINQ: Self = Self {
        push: Some("push"),
        event: Some("event"),
        state: true,
        control: true,
        energy: true,
        filters: true,
        ..Self::NONE
    };

    pub const AWS: Self = Self {
        push: Some("shadow"),
        event: Some("presence, jobs"),
        own_feeds: true,
        reserved: Some(&reserved::AWS),
        publish: true,
        filters: true,
        shadow: true,
        shadow_topics: true,
        jobs: true,
        provision: true,
        ..Self::NONE
    };

    pub const GOOGLE: Self = Self {
        push: Some("attached"),
        event: Some("config, commands"),
        publish: true,
        filters: true,
        relay: Relay {
            config: true,
            command: true,
            bind: true,
            ..Relay::NONE
        },
        ..Self::NONE
    };

    pub const HUAWEI: Self = Self {
        push: Some("commands"),
        event: Some("messages"),
        reserved: Some(&reserved::HUAWEI),
        publish: true,
        filters: true,
        shadow: true,
        relay: Relay {
            command: true,
            message: true,
            report: true,
            event: true,
            register: true,
            ..Relay::NONE
        },
        ..Self::NONE
    };

    /// A plain broker.
    pub const MQTT: Self = Self {
        publish: true,
        filters: true,
        topics: true,
        ..Self::NONE
    };

    /// The kinds of messages that a feed brings.
    pub fn kinds(&self, feed: Feed) -> &'static [Kind] {
        match (feed, self.feed(feed)) {
            (Feed::Push, Some("shadow")) => &[Kind::Shadow],
            (Feed::Push, Some("attached")) => &[Kind::State, Kind::Error],
            (Feed::Push, Some("commands")) => &[Kind::Command],
            (Feed::Push, _) => &[Kind::Push],
            (Feed::Event, Some("presence, jobs")) => &[Kind::Presence, Kind::Job],
            (Feed::Event, Some("config, commands")) => &[Kind::Config, Kind::Command],
            (Feed::Event, Some("messages")) => &[Kind::Message, Kind::Event],
            (Feed::Event, _) => &[Kind::Event],
        }
    }

    pub const fn feed(&self, feed: Feed) -> Option<&'static str> {
        match feed {
            Feed::Push => self.push,
            Feed::Event => self.event,
        }
    }
}
