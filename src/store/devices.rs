//! The devices of the open profile, and what is known about each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::base::moment::Mono;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::model::Model;
use crate::domain::request::Usage;
use crate::domain::state;
use crate::domain::subscription::{Feed, FeedState};

/// Devices that messages alone tell of, at most: whoever sends could think of ever new ones. A list is believed whole.
const STRANGERS: usize = 10_000;
/// Longest id that a message's device may have, in bytes.
const LONGEST_ID: usize = 1024;
/// What a message carries whose device gets no number any more.
const NOBODY: u32 = u32::MAX;

#[derive(Debug, Default)]
pub struct Devices {
    entries: HashMap<DeviceId, Entry>,
    /// By name, then id: stable however the platform lists them.
    order: Vec<Place>,
    /// Moves when the order or what is searched for changes.
    revision: u64,
    /// Every id ever seen, by the number that messages carry. A device that is gone keeps its number.
    numbers: HashMap<DeviceId, u32>,
    names: Vec<Known>,
    /// How many of them a list named first.
    from_lists: usize,
    /// The complete list has come at least once.
    listed: bool,
    /// Those of which a feed is known: of 100,000 things a few, and every frame looks through them.
    fed: BTreeSet<DeviceId>,
}

/// Where a device stands: its label in lower case, then its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: Box<str>,
    id: DeviceId,
}

#[derive(Debug)]
struct Known {
    id: DeviceId,
    label: String,
    /// Lower case, for filters.
    search: String,
}

/// One device.
#[derive(Debug)]
pub struct Entry {
    pub device: Device,
    pub number: u32,
    pub feeds: BTreeMap<Feed, FeedState>,
    /// When its last message came.
    pub last: Option<Mono>,
    pub count: u64,
    pub model: Option<Arc<Model>>,
    pub state: Option<Arc<Value>>,
    /// `state` is more than the sum of the reports so far.
    pub whole: bool,
    pub usage: Option<Vec<Usage>>,
    /// `1222 the device is not connected`: why something about it does not work.
    pub trouble: Option<String>,
    /// Everything that a filter looks at besides the id, in lower case: 100,000 of them are searched at every key.
    search: Box<str>,
}

impl Entry {
    pub fn feed(&self, feed: Feed) -> FeedState {
        self.feeds.get(&feed).copied().unwrap_or_default()
    }

    /// Whether every one of these words, in lower case, is somewhere in what is shown of it.
    pub fn matches(&self, words: &[&str]) -> bool {
        let id = self.device.id.as_str();
        words
            .iter()
            .all(|word| self.search.contains(word) || id.starts_with(word))
    }
}

impl Devices {
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// In the order shown.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.order.iter().filter_map(|at| self.entries.get(&at.id))
    }

    /// Moves when rows come, go, or say something else that a filter looks at.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The one at that place of the order.
    pub fn at(&self, index: usize) -> Option<&Entry> {
        self.entries.get(&self.order.get(index)?.id)
    }

    /// Where it stands in the order.
    pub fn position(&self, id: &DeviceId) -> Option<usize> {
        let entry = self.entries.get(id)?;
        self.order.binary_search(&place(&entry.device)).ok()
    }

    pub fn get(&self, id: &DeviceId) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub fn get_mut(&mut self, id: &DeviceId) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    /// What to call it, also when it is gone or was never listed.
    pub fn label(&self, id: &DeviceId) -> String {
        match self.numbers.get(id) {
            Some(number) => self.label_of(*number).to_owned(),
            None => id.as_str().chars().take(8).collect(),
        }
    }

    /// What to call the device of a message.
    pub fn label_of(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |k| &k.label)
    }

    pub fn id_of(&self, number: u32) -> Option<&DeviceId> {
        self.names.get(number as usize).map(|k| &k.id)
    }

    /// Ids and names, by number.
    pub(super) fn names(&self) -> impl Iterator<Item = (&DeviceId, &str)> {
        self.names.iter().map(|k| (&k.id, k.label.as_str()))
    }

    /// Name in lower case and id, for filters.
    pub fn search_texts(&self, number: u32) -> (&str, &str) {
        self.names
            .get(number as usize)
            .map_or(("", ""), |k| (&k.search, k.id.as_str()))
    }

    /// The number that messages of this device carry; made at first sight while there is room.
    pub fn number(&mut self, id: &DeviceId) -> u32 {
        match self.numbers.get(id) {
            Some(number) => *number,
            None if self.has_room(id) => self.introduce(id),
            None => NOBODY,
        }
    }

    fn has_room(&self, id: &DeviceId) -> bool {
        id.as_str().len() <= LONGEST_ID && self.names.len() < self.from_lists + STRANGERS
    }

    fn introduce(&mut self, id: &DeviceId) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let label: String = id.as_str().chars().take(8).collect();
        self.names.push(Known {
            id: id.clone(),
            search: label.to_lowercase(),
            label,
        });
        self.numbers.insert(id.clone(), number);
        number
    }

    /// The complete list: what is not in it is gone. Whether anything changed.
    pub fn replace(&mut self, devices: Vec<Device>) -> bool {
        let mut changed = !self.listed;
        self.listed = true;
        let before = self.entries.len();
        let listed: HashSet<_> = devices.iter().map(|d| &d.id).collect();
        self.entries.retain(|id, _| listed.contains(id));
        changed |= self.entries.len() != before;
        self.fed.retain(|id| self.entries.contains_key(id));
        let named = self.names.len();
        for device in devices {
            changed |= self.put(device);
        }
        self.from_lists += self.names.len() - named;
        if changed {
            self.sort();
        }
        changed
    }

    /// One that a message told of. Whether anything changed: nothing does when there is no room for it.
    pub fn add(&mut self, device: Device) -> bool {
        if !self.numbers.contains_key(&device.id) && !self.has_room(&device.id) {
            return false;
        }
        let before = self.entries.get(&device.id).map(|e| place(&e.device));
        let now = place(&device);
        let changed = self.put(device);
        if before.as_ref() != Some(&now) {
            self.take_out(before.as_ref());
            if let Err(index) = self.order.binary_search(&now) {
                self.order.insert(index, now);
            }
        }
        changed
    }

    pub fn remove(&mut self, id: &DeviceId) -> bool {
        let Some(entry) = self.entries.remove(id) else {
            return false;
        };
        self.fed.remove(id);
        self.take_out(Some(&place(&entry.device)));
        true
    }

    fn take_out(&mut self, at: Option<&Place>) {
        self.revision += 1;
        let index = at.and_then(|at| self.order.binary_search(at).ok());
        if let Some(index) = index {
            self.order.remove(index);
        }
    }

    pub fn rename(&mut self, id: &DeviceId, name: String) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        if entry.device.name == name {
            return false;
        }
        let device = Device {
            name,
            ..entry.device.clone()
        };
        self.add(device)
    }

    pub fn set_presence(&mut self, id: &DeviceId, presence: Presence) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        let changed = entry.device.presence != presence;
        entry.device.presence = presence;
        changed
    }

    pub fn set_feed(&mut self, id: &DeviceId, feed: Feed, state: FeedState) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        self.fed.insert(id.clone());
        entry.feeds.insert(feed, state) != Some(state)
    }

    /// In no order.
    pub fn with_feeds(&self) -> impl Iterator<Item = &DeviceId> {
        self.fed.iter()
    }

    pub fn set_state(&mut self, id: &DeviceId, state: Arc<Value>) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        let changed = entry.state.as_ref() != Some(&state);
        entry.state = Some(state);
        entry.whole = true;
        changed
    }

    /// A partial report. Also where no whole state is known yet: what is reported is true.
    pub fn merge(&mut self, id: &DeviceId, patch: &Value) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        match &mut entry.state {
            Some(known) => state::merge(Arc::make_mut(known), patch),
            None => entry.state = Some(Arc::new(patch.clone())),
        }
        true
    }

    /// A message of that device came.
    pub fn touch(&mut self, number: u32, at: Mono) {
        let id = self.names.get(number as usize).map(|k| &k.id);
        if let Some(entry) = id.and_then(|id| self.entries.get_mut(id)) {
            entry.count += 1;
            entry.last = Some(at);
        }
    }

    fn put(&mut self, device: Device) -> bool {
        let number = self.introduce(&device.id);
        let known = &mut self.names[number as usize];
        known.label = device.label();
        known.search = known.label.to_lowercase();
        if let Some(entry) = self.entries.get_mut(&device.id) {
            // A list does not say who is connected: what a message or an answer told stays.
            let presence = match device.presence {
                Presence::Unknown => entry.device.presence,
                told => told,
            };
            let device = Device { presence, ..device };
            let changed = entry.device != device;
            if changed {
                entry.search = search(&device);
                self.revision += 1;
            }
            entry.device = device;
            return changed;
        }
        let entry = Entry {
            number,
            feeds: BTreeMap::new(),
            last: None,
            count: 0,
            model: None,
            state: None,
            whole: false,
            usage: None,
            trouble: None,
            search: search(&device),
            device,
        };
        self.revision += 1;
        self.entries.insert(entry.device.id.clone(), entry);
        true
    }

    fn sort(&mut self) {
        self.order = self.entries.values().map(|e| place(&e.device)).collect();
        self.order.sort_unstable();
        self.revision += 1;
    }
}

fn place(device: &Device) -> Place {
    Place {
        key: device.label().to_lowercase().into(),
        id: device.id.clone(),
    }
}

fn search(device: &Device) -> Box<str> {
    let mut text = device.label();
    for part in [device.kind_words(), device.model.clone()] {
        text.push('\n');
        text.push_str(&part);
    }
    for (name, value) in &device.attributes {
        text.push_str(&format!("\n{name} {value}"));
    }
    text.to_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str) -> Device {
        Device {
            id: DeviceId::new(id),
            name: name.to_owned(),
            kind: "DEVICE_WASHER".to_owned(),
            model: String::new(),
            reportable: true,
            group: None,
            presence: Presence::Unknown,
            attributes: Vec::new(),
        }
    }

    fn names(devices: &Devices) -> Vec<String> {
        devices.iter().map(|e| e.device.label()).collect()
    }

    #[test]
    fn a_new_list_keeps_what_is_known_of_those_that_stay() {
        let mut devices = Devices::default();
        devices.replace(vec![device("b", "Washer"), device("a", "Dryer")]);
        let number = devices.number(&DeviceId::new("b"));
        devices.touch(number, Mono::default());
        devices.set_presence(&DeviceId::new("b"), Presence::Online);
        devices.replace(vec![device("c", "Oven"), device("b", "Washer")]);
        assert_eq!(names(&devices), ["Oven", "Washer"]);
        let kept = devices.get(&DeviceId::new("b")).expect("stays");
        assert_eq!((kept.count, kept.device.presence), (1, Presence::Online));
        assert!(!devices.replace(vec![device("b", "Washer"), device("c", "Oven")]));
    }

    #[test]
    fn a_device_that_is_gone_keeps_its_name_for_its_messages() {
        let mut devices = Devices::default();
        devices.add(device("b", "Washer"));
        let number = devices.number(&DeviceId::new("b"));
        devices.remove(&DeviceId::new("b"));
        assert_eq!(devices.label_of(number), "Washer");
        assert!(devices.is_empty());
    }

    #[test]
    fn messages_of_ever_new_devices_fill_no_memory() {
        let mut devices = Devices::default();
        for n in 0..STRANGERS + 5 {
            devices.number(&DeviceId::new(&format!("stranger {n}")));
        }
        assert_eq!(devices.names.len(), STRANGERS);
        assert_eq!(devices.number(&DeviceId::new("one more")), NOBODY);
        assert!(!devices.add(device("one more", "Oven")));
        devices.replace(vec![device("a", "Dryer")]);
        let number = devices.number(&DeviceId::new("a"));
        assert_eq!(devices.label_of(number), "Dryer");
        assert_eq!(devices.label_of(NOBODY), "");
    }

    #[test]
    fn an_id_that_is_no_id_gets_no_number() {
        let mut devices = Devices::default();
        let endless = DeviceId::new(&"x".repeat(LONGEST_ID + 1));
        assert_eq!(devices.number(&endless), NOBODY);
    }
}
