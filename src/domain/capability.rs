//! What a platform can do, as data: the screen offers only what is there, and everything else is refused.

use super::profile::PlatformId;
use super::reading::Kind;
use super::relay::Relay;
use super::reserved::{self, Reserved};
use super::subscription::Feed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Feeds that `p` and `e` toggle, with the word for each.
    pub push: Option<&'static str>,
    pub event: Option<&'static str>,
    /// How the screen calls both.
    pub feeds: FeedWords,
    /// What an empty list of devices means, and what to do.
    pub nobody: [&'static str; 3],
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

/// Names of the two feeds on the screen, push first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedWords {
    /// Over a column: 8 cells at most.
    pub heads: [&'static str; 2],
    /// What the key does, in a word, in some words about a device, and in a line.
    pub short: [&'static str; 2],
    pub brief: [&'static str; 2],
    pub help: [&'static str; 2],
    /// What comes by it: a mute hides that.
    pub kinds: [&'static [Kind]; 2],
}

impl Default for FeedWords {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl FeedWords {
    pub const PLAIN: Self = Self {
        heads: ["Push", "Event"],
        short: ["push", "event"],
        brief: ["its notifications", "its state changes"],
        help: [
            "push (notifications) on or off, for the device or all marked ones",
            "event (state changes) on or off, for the device or all marked ones",
        ],
        kinds: [&[Kind::Push], &[Kind::Event]],
    };
}

impl Capabilities {
    pub const NONE: Self = Self {
        push: None,
        event: None,
        feeds: FeedWords::PLAIN,
        nobody: [
            "no device is listed",
            "whoever is heard appears here; or name them in the",
            "profile; r asks again",
        ],
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
        nobody: [
            "this account has no devices",
            "add one in the ThinQ app, then press r;",
            "is it the account the token was made with?",
        ],
        state: true,
        control: true,
        energy: true,
        filters: true,
        ..Self::NONE
    };

    pub const AWS: Self = Self {
        push: Some("shadow"),
        event: Some("events"),
        feeds: FeedWords {
            heads: ["Shadow", "Events"],
            short: ["follow", "events"],
            brief: ["its shadows", "its presence and its jobs"],
            help: [
                "follow the shadows or no more (answers, delta, documents), of the thing or all marked ones",
                "follow presence and job notifications or no more, of the thing or all marked ones",
            ],
            kinds: [&[Kind::Shadow], &[Kind::Presence, Kind::Job]],
        },
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
        event: Some("config"),
        feeds: FeedWords {
            // At 120 columns there is room for the type besides, which tells bound from blocked.
            heads: ["Attach", "Config"],
            short: ["attach", "config"],
            brief: ["attach it", "its configurations and commands"],
            help: [
                "attach to the gateway or detach, the device or all marked ones",
                "subscribe configurations and commands or no more, of the device or all marked ones",
            ],
            kinds: [&[Kind::State, Kind::Error], &[Kind::Config, Kind::Command]],
        },
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
        feeds: FeedWords {
            heads: ["Commands", "Messages"],
            short: ["commands", "messages"],
            brief: ["its commands", "its messages and events"],
            help: [
                "subscribe commands and requests or no more, of the device or all marked ones",
                "subscribe messages and events or no more, of the device or all marked ones",
            ],
            kinds: [&[Kind::Command], &[Kind::Message, Kind::Event]],
        },
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
    pub const fn kinds(&self, feed: Feed) -> &'static [Kind] {
        match feed {
            Feed::Push => self.feeds.kinds[0],
            Feed::Event => self.feeds.kinds[1],
        }
    }

    /// All that can be there; an adapter may offer less.
    pub const fn of(platform: PlatformId) -> Self {
        match platform {
            PlatformId::Thinq => Self::THINQ,
            PlatformId::Aws => Self::AWS,
            PlatformId::Google => Self::GOOGLE,
            PlatformId::Huawei => Self::HUAWEI,
            PlatformId::Mqtt => Self::MQTT,
        }
    }

    pub const fn feed(&self, feed: Feed) -> Option<&'static str> {
        match feed {
            Feed::Push => self.push,
            Feed::Event => self.event,
        }
    }

    /// What the feed's key does, in a word.
    pub const fn feed_short(&self, feed: Feed) -> &'static str {
        match feed {
            Feed::Push => self.feeds.short[0],
            Feed::Event => self.feeds.short[1],
        }
    }

    /// What the feed's key does.
    pub const fn feed_help(&self, feed: Feed) -> &'static str {
        match feed {
            Feed::Push => self.feeds.help[0],
            Feed::Event => self.feeds.help[1],
        }
    }
}
