//! What is known of feeds: confirmed states, wishes under way, lists, and the event subscriptions that we hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::identity::{self, KeptEvent, KeptEvents};
use super::shared::lock;
use crate::base::moment::{Moment, Timestamp};
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::session::LogLevel;
use crate::domain::subscription::{Feed, FeedState};
use crate::platform::io::Io;

pub type Key = (DeviceId, Feed);

/// An event subscription that we keep alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    pub hours: u8,
    /// When it ends; `None` where somebody else armed it and did not say.
    pub until: Option<Timestamp>,
    /// When to renew it, on both clocks: a suspended computer stops the one and not the other.
    pub due: Moment,
    pub armed: Option<Moment>,
    pub failures: u32,
}

/// A feed's list, and when it was asked for.
#[derive(Debug)]
pub struct Listed {
    pub devices: HashSet<DeviceId>,
    asked: u64,
}

/// What somebody asked for last, and what became of it.
#[derive(Debug, Clone)]
pub struct Wish {
    pub sequence: u64,
    pub on: bool,
    pub hours: u8,
    pub outcome: Option<Result<FeedState, Problem>>,
}

#[derive(Debug, Default)]
struct Pages {
    confirmed: HashMap<Key, (FeedState, u64)>,
    wishes: HashMap<Key, Wish>,
    lists: HashMap<Feed, Arc<Listed>>,
    holds: BTreeMap<DeviceId, Hold>,
    foreign: BTreeSet<DeviceId>,
    kept: Option<KeptEvents>,
}

/// The truth about feeds as far as we know it.
#[derive(Debug, Default)]
pub struct Book(Mutex<Pages>);

impl Listed {
    pub fn read(response: &Value, asked: u64) -> Self {
        let entries = response.as_array().map(Vec::as_slice).unwrap_or_default();
        let ids = entries
            .iter()
            .filter_map(|e| e.get("deviceId").or(Some(e))?.as_str());
        Self {
            devices: ids.map(DeviceId::new).collect(),
            asked,
        }
    }
}

impl Book {
    pub fn state(&self, device: &DeviceId, feed: Feed) -> FeedState {
        let key = (device.clone(), feed);
        lock(&self.0)
            .confirmed
            .get(&key)
            .map(|(state, _)| *state)
            .unwrap_or_default()
    }

    pub fn on(&self, feed: Feed) -> Vec<DeviceId> {
        let pages = lock(&self.0);
        let on = pages
            .confirmed
            .iter()
            .filter(|((_, of), (state, _))| *of == feed && state.is_on());
        let mut on: Vec<_> = on.map(|((device, _), _)| device.clone()).collect();
        drop(pages);
        on.sort();
        on
    }

    /// A toggle ended without anybody knowing how.
    pub fn is_in_doubt(&self) -> bool {
        let pages = lock(&self.0);
        pages
            .confirmed
            .values()
            .any(|(state, _)| *state == FeedState::Unknown)
    }

    /// LG says that push is on (1207), though this client did not turn it on: perhaps it is on for somebody else.
    pub fn doubt_push(&self, device: &DeviceId) {
        lock(&self.0).foreign.insert(device.clone());
    }

    pub fn has_foreign_push(&self) -> bool {
        !lock(&self.0).foreign.is_empty()
    }

    /// Each is told once.
    pub fn take_foreign_push(&self) -> BTreeSet<DeviceId> {
        std::mem::take(&mut lock(&self.0).foreign)
    }

    pub fn listed_after(&self, feed: Feed, began: u64) -> Option<Arc<Listed>> {
        lock(&self.0)
            .lists
            .get(&feed)
            .filter(|listed| listed.asked > began)
            .cloned()
    }

    pub fn remember_list(&self, feed: Feed, listed: &Arc<Listed>) {
        lock(&self.0).lists.insert(feed, Arc::clone(listed));
    }

    pub fn holds(&self) -> BTreeMap<DeviceId, Hold> {
        lock(&self.0).holds.clone()
    }

    pub fn hold(&self, device: &DeviceId, hold: Hold) {
        lock(&self.0).holds.insert(device.clone(), hold);
    }

    /// Unless it has been turned off, or is held, meanwhile.
    pub fn hold_if_on(&self, device: &DeviceId, hold: Hold) {
        let mut pages = lock(&self.0);
        let key = (device.clone(), Feed::Event);
        let is_on = pages.confirmed.get(&key).is_some_and(|(s, _)| s.is_on());
        if is_on {
            pages.holds.entry(device.clone()).or_insert(hold);
        }
    }

    pub fn change_hold(&self, device: &DeviceId, change: impl FnOnce(&mut Hold)) {
        if let Some(hold) = lock(&self.0).holds.get_mut(device) {
            change(hold);
        }
    }

    pub fn release(&self, device: &DeviceId) {
        lock(&self.0).holds.remove(device);
    }

    /// It ended without having been renewed; the wish to hold it stays.
    pub fn lapse(&self, device: &DeviceId, sequence: u64) {
        self.confirm(&(device.clone(), Feed::Event), FeedState::Off, sequence);
    }

    pub fn forget(&self) {
        *lock(&self.0) = Pages::default();
    }

    pub fn wish(&self, key: &Key, wish: Wish) {
        lock(&self.0).wishes.insert(key.clone(), wish);
    }

    pub fn last_wish(&self, key: &Key) -> Option<Wish> {
        lock(&self.0).wishes.get(key).cloned()
    }

    pub fn fulfil(&self, key: &Key, sequence: u64, outcome: &Result<FeedState, Problem>) {
        if let Some(wish) = lock(&self.0)
            .wishes
            .get_mut(key)
            .filter(|wish| wish.sequence == sequence)
        {
            wish.outcome = Some(outcome.clone());
        }
    }

    pub fn confirm(&self, key: &Key, state: FeedState, sequence: u64) {
        lock(&self.0)
            .confirmed
            .insert(key.clone(), (state, sequence));
    }

    /// What a list says of one feed, unless something newer is known or under way.
    pub fn apply(&self, key: &Key, listed: &Listed) -> Option<FeedState> {
        let mut pages = lock(&self.0);
        let under_way = pages
            .wishes
            .get(key)
            .is_some_and(|wish| wish.outcome.is_none());
        let newer = pages
            .confirmed
            .get(key)
            .is_some_and(|(_, sequence)| *sequence > listed.asked);
        if under_way || newer {
            return None;
        }
        let state = if listed.devices.contains(&key.0) {
            let known = pages
                .confirmed
                .get(key)
                .map(|(state, _)| *state)
                .filter(|state| state.is_on());
            let kept = pages
                .kept
                .as_ref()
                .and_then(|kept| kept.get(key.0.as_str()).copied());
            let until = kept.filter(|_| key.1 == Feed::Event).map(KeptEvent::until);
            known.unwrap_or(FeedState::On { until })
        } else {
            FeedState::Off
        };
        pages.confirmed.insert(key.clone(), (state, listed.asked));
        Some(state)
    }

    /// Other commands write there too: it is read again before it is used.
    pub fn load_kept(&self, io: &dyn Io) {
        let now = io.now().wall;
        let mut kept = identity::load_events(io);
        kept.retain(|_, event| event.until() > now);
        lock(&self.0).kept = Some(kept);
    }

    pub fn kept(&self, device: &DeviceId) -> Option<KeptEvent> {
        lock(&self.0)
            .kept
            .as_ref()
            .and_then(|kept| kept.get(device.as_str()).copied())
    }

    /// For the next start, and for other commands: the server does not tell when an event subscription ends.
    pub fn keep(&self, io: &dyn Io, device: &DeviceId, event: Option<KeptEvent>) {
        self.load_kept(io);
        let mut pages = lock(&self.0);
        let kept = pages.kept.get_or_insert_default();
        match event {
            Some(event) => kept.insert(device.as_str().to_owned(), event),
            None => kept.remove(device.as_str()),
        };
        let kept = kept.clone();
        drop(pages);
        if let Err(problem) = identity::keep_events(io, &kept) {
            io.log(LogLevel::Warn, problem.line());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_read_whatever_stands_in_it() {
        let listed = Listed::read(&json!([{"deviceId": "a"}, "b", 3, {"x": 1}]), 1);
        let mut ids: Vec<_> = listed.devices.iter().map(DeviceId::as_str).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["a", "b"]);
        assert!(Listed::read(&json!({}), 1).devices.is_empty());
    }

    #[test]
    fn a_list_asked_for_before_a_toggle_does_not_undo_it() {
        let book = Book::default();
        let key = (DeviceId::new("a"), Feed::Push);
        book.confirm(&key, FeedState::On { until: None }, 7);
        assert_eq!(book.apply(&key, &Listed::read(&json!([]), 6)), None);
        assert_eq!(
            book.apply(&key, &Listed::read(&json!([]), 8)),
            Some(FeedState::Off)
        );
    }
}
