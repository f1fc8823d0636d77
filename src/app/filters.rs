//! Topic filters: who wants them, the broker's word on each, and how much each brought.

use crate::domain::message::Qos;
use crate::domain::subscription::{FilterState, FilterWish};
use crate::domain::topic::TopicFilter;

/// Filters whose messages are counted: one bit each.
const COUNTED: usize = 64;

/// Where a filter comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Profile,
    Hand,
    /// For the box with the broker's health, as long as that is open.
    Health,
    /// For an answer, or for counting what is retained, as long as that takes.
    Composer,
    /// The platform subscribed it by itself.
    Platform,
}

impl Origin {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Hand => "by hand",
            Self::Health => "health",
            Self::Composer => "publish",
            Self::Platform => "session",
        }
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: FilterState,
    pub(super) origin: Origin,
    /// Messages that it matched.
    pub(super) heard: u64,
    /// Of these, not shown because it is muted.
    pub(super) hidden: u64,
}

impl Entry {
    pub(super) const fn filter(&self) -> &TopicFilter {
        &self.state.wish.filter
    }

    /// Whether it may bring messages: the broker granted it, or has not said no yet.
    const fn is_in_force(&self) -> bool {
        !matches!(self.state.granted, Some(Err(_)))
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Filters {
    /// By their text.
    known: Vec<Entry>,
    /// Names this list of filters: another one has another number.
    list: u32,
    /// Bits of those in force.
    in_force: u64,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            list: 1,
            in_force: 0,
        }
    }
}

impl Filters {
    pub(super) fn iter(&self) -> impl Iterator<Item = &FilterState> {
        self.known.iter().map(|entry| &entry.state)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn get(&self, filter: &TopicFilter) -> Option<&Entry> {
        let at = self.place(filter).ok()?;
        self.known.get(at)
    }

    /// Those that may bring messages and are not among `muted`.
    pub(super) fn heard_beside(&self, muted: &[TopicFilter]) -> Vec<TopicFilter> {
        let others = self.known.iter().filter(|e| !muted.contains(e.filter()));
        others
            .filter(|entry| entry.is_in_force())
            .map(|entry| entry.filter().clone())
            .collect()
    }

    /// Wanted from now on, or wanted otherwise: the broker's word is awaited anew.
    pub(super) fn want(&mut self, wish: FilterWish, origin: Origin) {
        match self.place(&wish.filter) {
            Ok(at) => {
                let entry = &mut self.known[at];
                entry.state = FilterState {
                    wish,
                    granted: None,
                };
                if !matches!(origin, Origin::Health | Origin::Composer) {
                    entry.origin = origin;
                }
            }
            Err(at) => self.insert(at, wish, origin),
        }
        self.note_force();
    }

    /// Also for filters that the platform itself subscribed.
    pub(super) fn granted(&mut self, filter: &TopicFilter, result: Result<Qos, String>) -> bool {
        let at = self.place(filter).unwrap_or_else(|at| {
            let qos = result.as_ref().copied().unwrap_or_default();
            self.insert(at, FilterWish::new(filter.clone(), qos), Origin::Platform);
            at
        });
        let entry = &mut self.known[at];
        let changed = entry.state.granted.as_ref() != Some(&result);
        entry.state.granted = Some(result);
        self.note_force();
        changed
    }

    /// Known, and only because a box or the composer needs it for the moment.
    pub(super) fn is_for_a_while(&self, filter: &TopicFilter) -> bool {
        self.get(filter)
            .is_some_and(|entry| matches!(entry.origin, Origin::Health | Origin::Composer))
    }

    pub(super) fn dropped(&mut self, filter: &TopicFilter) -> bool {
        let Ok(at) = self.place(filter) else {
            return false;
        };
        self.known.remove(at);
        self.list += 1;
        self.note_force();
        true
    }

    /// The connection is gone, and with it what was granted; refusals stand until they are taken back.
    pub(super) fn disconnected(&mut self) {
        for entry in &mut self.known {
            if matches!(entry.state.granted, Some(Ok(_))) {
                entry.state.granted = None;
            }
        }
    }

    pub(super) const fn list(&self) -> u32 {
        self.list
    }

    /// Bits of the filters that match.
    pub(super) fn matching(&self, topic: &str) -> u64 {
        self.counted()
            .filter(|(_, entry)| entry.filter().matches(topic))
            .fold(0, |bits, (bit, _)| bits | bit)
    }

    /// A message came that these filters match. One that only muted filters match is hidden.
    pub(super) fn count(&mut self, matching: u64, muted: u64) {
        let matching = matching & self.in_force;
        let hidden = matching & !muted == 0;
        let mut rest = matching;
        while rest != 0 {
            let at = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if let Some(entry) = self.known.get_mut(at) {
                entry.heard += 1;
                entry.hidden += u64::from(hidden);
            }
        }
    }

    pub(super) fn bits_of(&self, filters: &[TopicFilter]) -> u64 {
        self.counted()
            .filter(|(_, entry)| filters.contains(entry.filter()))
            .fold(0, |bits, (bit, _)| bits | bit)
    }

    /// From now on its hidden messages are counted, or not any more.
    pub(super) fn forget_hidden(&mut self, filter: &TopicFilter) {
        if let Ok(at) = self.place(filter) {
            self.known[at].hidden = 0;
        }
    }

    /// Whether its messages are counted at all.
    pub(super) fn is_counted(&self, filter: &TopicFilter) -> bool {
        self.place(filter).is_ok_and(|at| at < COUNTED)
    }

    fn counted(&self) -> impl Iterator<Item = (u64, &Entry)> {
        let bits = (0..COUNTED).map(|at| 1 << at);
        bits.zip(&self.known)
    }

    fn note_force(&mut self) {
        self.in_force = self
            .counted()
            .filter(|(_, entry)| entry.is_in_force())
            .fold(0, |bits, (bit, _)| bits | bit);
    }

    fn insert(&mut self, at: usize, wish: FilterWish, origin: Origin) {
        let entry = Entry {
            state: FilterState {
                wish,
                granted: None,
            },
            origin,
            heard: 0,
            hidden: 0,
        };
        self.known.insert(at, entry);
        self.list += 1;
    }

    fn place(&self, filter: &TopicFilter) -> Result<usize, usize> {
        self.known
            .binary_search_by(|entry| entry.filter().cmp(filter))
    }
}
