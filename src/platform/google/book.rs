//! What is known of the gateway's devices and of what is under way, shared by the connection's task and by requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::topics::{self, Place};
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::base::problem::Problem;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::profile::GoogleSettings;
use crate::domain::request::FeedEntry;
use crate::domain::subscription::{Feed, FeedState};
use crate::domain::topic::{Topic, TopicFilter};

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    /// A connection stands, its filters are granted, and `attend` runs.
    pub is_live: bool,
    /// Until when the token of this connection is good.
    pub expires: Option<Timestamp>,
    own: String,
    devices: BTreeMap<String, Entry>,
    /// As the registry told them last.
    listed: Vec<Device>,
    /// The gateway's way to admit devices, as the registry told it.
    pub auth_method: Option<String>,
    under_way: BTreeMap<u16, UnderWay>,
    errors: HashMap<String, (Mono, Problem)>,
    /// How far the local clock is off was told.
    pub clock_told: bool,
    /// Attached or detached by a message of somebody else than the adapter.
    by_hand: BTreeSet<String>,
}

/// A device that is not this client itself, as far as this client has to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// To be attached, now and after each reconnect.
    wanted: bool,
    attached: bool,
    /// Its configuration and commands are subscribed while it is attached.
    downlinks: bool,
    /// The end of its token, where one was sent along.
    until: Option<Timestamp>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            wanted: false,
            attached: false,
            downlinks: true,
            until: None,
        }
    }
}

/// A publish that the bridge has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    pub topic: Topic,
    pub at: Moment,
    /// It was told already that the acknowledgement is late.
    told: bool,
}

/// A publish whose acknowledgement is late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    pub packet: u16,
    pub topic: Topic,
    /// It is not waited for any longer.
    pub over: bool,
}

/// The acknowledgement of an attach or a detach comes at once or never (`reference/google-iot-core.md` 6: 5 to 10 s).
pub const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(8);
/// Telemetry is acknowledged when Pub/Sub has it, which may take longer.
const OVER_AFTER: Duration = Duration::from_mins(1);
/// An error so old has nothing to do with what is late now.
const RECENT: Duration = Duration::from_mins(2);

impl Book {
    pub fn new(settings: &GoogleSettings) -> Self {
        let mut book = Self {
            own: settings.identity.id().to_owned(),
            ..Self::default()
        };
        book.devices.insert(book.own.clone(), Entry::default());
        for device in &settings.devices {
            let entry = book.devices.entry(device.id.clone()).or_default();
            entry.wanted = true;
        }
        book
    }

    /// Attachments end with the connection.
    pub fn disconnected(&mut self) {
        self.is_live = false;
        self.under_way.clear();
        for entry in self.devices.values_mut() {
            entry.attached = false;
            entry.until = None;
        }
    }

    pub fn is_attached(&self, device: &str) -> bool {
        self.devices.get(device).is_some_and(|entry| entry.attached)
    }

    pub fn want(&mut self, device: &str, wanted: bool) {
        self.devices.entry(device.to_owned()).or_default().wanted = wanted;
    }

    /// Those to be attached after a reconnect.
    pub fn wanted(&self) -> Vec<String> {
        let wanted = self.devices.iter().filter(|(_, entry)| entry.wanted);
        wanted.map(|(id, _)| id.clone()).collect()
    }

    pub fn attached(&mut self, device: &str, until: Option<Timestamp>) {
        let entry = self.devices.entry(device.to_owned()).or_default();
        entry.attached = true;
        entry.wanted = true;
        entry.until = until;
        self.errors.remove(device);
        self.by_hand.remove(device);
    }

    /// It is not, whatever was thought; it is attached again on the next connection.
    pub fn lost(&mut self, device: &str) {
        if let Some(entry) = self.devices.get_mut(device) {
            entry.attached = false;
            entry.until = None;
        }
    }

    pub fn detached(&mut self, device: &str) {
        let entry = self.devices.entry(device.to_owned()).or_default();
        entry.attached = false;
        entry.wanted = false;
        entry.until = None;
        self.by_hand.remove(device);
    }

    /// Devices whose attachment has changed beside the adapter's own doing, and what it is now.
    pub fn changed_by_hand(&mut self) -> Vec<(String, bool)> {
        let changed = std::mem::take(&mut self.by_hand).into_iter();
        changed
            .map(|device| {
                let attached = self.is_attached(&device);
                (device, attached)
            })
            .collect()
    }

    pub fn set_downlinks(&mut self, device: &str, on: bool) {
        self.devices.entry(device.to_owned()).or_default().downlinks = on;
    }

    pub fn has_downlinks(&self, device: &str) -> bool {
        self.devices.get(device).is_none_or(|entry| entry.downlinks)
    }

    /// Filters that must not be subscribed before their device is attached.
    pub fn foreign_filters(&self) -> Vec<TopicFilter> {
        let others = self.devices.keys().filter(|id| **id != self.own);
        others.flat_map(|id| filters(id)).collect()
    }

    /// Whether a filter is one of a device that will be attached: it is subscribed then.
    pub fn defers(&mut self, filter: &TopicFilter) -> bool {
        let others = self.devices.iter_mut().filter(|(id, _)| **id != self.own);
        for (id, entry) in others {
            if entry.wanted && !entry.attached && filters(id).any(|own| own == *filter) {
                entry.downlinks = true;
                return true;
            }
        }
        false
    }

    pub fn feed(&self, device: &str, feed: Feed) -> FeedState {
        let Some(entry) = self.devices.get(device) else {
            return FeedState::Off;
        };
        let is_own = device == self.own;
        match feed {
            Feed::Push if is_own => FeedState::Unknown,
            Feed::Push if entry.attached => FeedState::On { until: entry.until },
            Feed::Event if entry.downlinks && (is_own || entry.attached) => {
                FeedState::On { until: None }
            }
            Feed::Push | Feed::Event => FeedState::Off,
        }
    }

    pub fn feeds(&self, settings: &GoogleSettings) -> Vec<FeedEntry> {
        let devices = self.devices(settings);
        let each = devices.into_iter().flat_map(|device| {
            Feed::ALL.map(|feed| FeedEntry {
                state: self.feed(device.id.as_str(), feed),
                device: device.id.clone(),
                feed,
            })
        });
        // Nobody attaches this client itself.
        let has = |entry: &FeedEntry| entry.feed != Feed::Push || entry.device.as_str() != self.own;
        each.filter(has).collect()
    }

    /// A device that a message names. True the first time.
    pub fn heard_of(&mut self, device: &str) -> bool {
        let known = self.devices.contains_key(device)
            || self.listed.iter().any(|known| known.id.as_str() == device);
        if !known {
            self.devices.insert(device.to_owned(), Entry::default());
        }
        !known
    }

    pub fn list(&mut self, devices: Vec<Device>) {
        self.listed = devices;
    }

    /// This client first, then those that the registry tells, then those of the profile and those that were heard of.
    pub fn devices(&self, settings: &GoogleSettings) -> Vec<Device> {
        let mut all = vec![
            match self.listed.iter().find(|d| d.id.as_str() == self.own) {
                Some(listed) => listed.clone(),
                None => plain(&self.own, settings.identity.is_gateway()),
            },
        ];
        let others = self.listed.iter().filter(|d| d.id.as_str() != self.own);
        all.extend(others.cloned());
        for id in self.devices.keys() {
            if !all.iter().any(|device| device.id.as_str() == id) {
                all.push(plain(id, false));
            }
        }
        all
    }

    pub fn sent(&mut self, topic: Topic, packet: u16, at: Moment) {
        let told = false;
        self.under_way.insert(packet, UnderWay { topic, at, told });
    }

    /// A device that somebody attached or detached by hand is so, too.
    pub fn acknowledged(&mut self, packet: u16) {
        let Some(sent) = self.under_way.remove(&packet) else {
            return;
        };
        let topic = topics::parse(sent.topic.as_str());
        match topic.map(|topic| (topic.place, topic.device)) {
            Some((Place::Attach, device)) if !self.is_attached(device) => {
                self.attached(device, None);
                self.by_hand.insert(device.to_owned());
            }
            Some((Place::Detach, device)) => {
                self.detached(device);
                self.by_hand.insert(device.to_owned());
            }
            _ => {}
        }
    }

    /// The publish that an error means: by its packet id where that fits the topic, or, where it names none, the last on
    /// that topic.
    pub fn culprit(&mut self, packet: u16, topic: &str) -> Option<(u16, UnderWay)> {
        let fits = |sent: &UnderWay| topic.is_empty() || sent.topic.as_str() == topic;
        let by_packet = self.under_way.get(&packet).filter(|sent| fits(sent));
        let found = match by_packet {
            Some(_) => packet,
            None if topic.is_empty() || packet != 0 => return None,
            None => {
                let mut same = self.under_way.iter().filter(|(_, sent)| fits(sent));
                let first = same.next()?;
                *same
                    .fold(first, |a, b| if b.1.at.mono > a.1.at.mono { b } else { a })
                    .0
            }
        };
        self.under_way.remove(&found).map(|sent| (found, sent))
    }

    pub fn error(&mut self, device: &str, at: Mono, problem: Problem) {
        self.errors.insert(device.to_owned(), (at, problem));
    }

    pub fn last_error(&self, device: &str, now: Mono) -> Option<&Problem> {
        let (at, problem) = self.errors.get(device)?;
        (now.since(*at) < RECENT).then_some(problem)
    }

    pub fn has_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Publishes whose acknowledgement is late, each told once, and once more when it is over.
    pub fn late(&mut self, now: Mono) -> Vec<Late> {
        let mut late = Vec::new();
        self.under_way.retain(|packet, sent| {
            let waited = now.since(sent.at.mono);
            let place = topics::parse(sent.topic.as_str()).map(|topic| topic.place);
            let is_control = matches!(place, Some(Place::Attach | Place::Detach));
            let over = waited >= OVER_AFTER || (is_control && waited >= ACKNOWLEDGED_WITHIN);
            if over || (waited >= ACKNOWLEDGED_WITHIN && !sent.told) {
                sent.told = true;
                late.push(Late {
                    packet: *packet,
                    topic: sent.topic.clone(),
                    over,
                });
            }
            !over
        });
        late
    }
}

/// Configuration and commands of a device.
pub fn filters(device: &str) -> impl Iterator<Item = TopicFilter> {
    [topics::config(device), topics::commands(device)]
        .into_iter()
        .flatten()
}

/// A device of which only the id is known.
pub fn plain(id: &str, is_gateway: bool) -> Device {
    Device {
        id: DeviceId::new(id),
        name: id.to_owned(),
        kind: if is_gateway { "GATEWAY" } else { "DEVICE" }.to_owned(),
        model: String::new(),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: Vec::new(),
    }
}
