//! What a platform can do, as data: the screen offers only what is there, and everything else is refused.

use super::subscription::Feed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Feeds that `p` and `e` toggle, with the word for each.
    pub push: Option<&'static str>,
    pub event: Option<&'static str>,
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
}

impl Capabilities {
    pub const fn feed(&self, feed: Feed) -> Option<&'static str> {
        match feed {
            Feed::Push => self.push,
            Feed::Event => self.event,
        }
    }
}
