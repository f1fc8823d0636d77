//! Topics that are known already, while one is being typed.

use std::collections::BTreeSet;

use super::super::input::Input;
use super::super::state::App;
use crate::domain::reserved;

/// Suggestions at once.
const MOST: usize = 40;
/// Of the platform's own topics, and devices that stand in them.
const RESERVED: usize = 200;
const DEVICES: usize = 5;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Suggestions {
    pub(super) list: Vec<String>,
    /// Chosen with Up and Down; without it Tab takes the first and Enter none.
    pub(super) chosen: Option<usize>,
}

impl Suggestions {
    /// Whether there was anything to close.
    pub(super) fn close(&mut self) -> bool {
        let was = !self.list.is_empty();
        *self = Self::default();
        was
    }

    pub(super) fn step(&mut self, down: bool) -> bool {
        let count = self.list.len();
        if count == 0 {
            return false;
        }
        self.chosen = match (self.chosen, down) {
            (None, true) => Some(0),
            (None, false) => Some(count - 1),
            (Some(now), true) => Some((now + 1) % count),
            (Some(now), false) => Some((now + count - 1) % count),
        };
        true
    }
}

impl App {
    /// Topics of the stream, the history, and filters that are topics; those that begin like the typed text first.
    pub(super) fn suggest_topics(&mut self) {
        let typed = self.composer.topic.text();
        self.composer.suggestions.chosen = None;
        if typed.is_empty() {
            self.composer.suggestions.list.clear();
            return;
        }
        let wanted = typed.to_lowercase();
        let (mut begins, mut holds) = (BTreeSet::new(), BTreeSet::new());
        let sent = self.composer.history.iter().map(|e| e.sheet.topic.as_str());
        let filters = self.home.filters.iter().map(|f| f.wish.filter.as_str());
        let relays = self.capabilities().relay.config;
        let plain = filters.filter(|filter| !relays && !filter.contains(['+', '#']));
        let own = self.relay_topics();
        let own = own.iter().map(String::as_str);
        let known = self.home.tree.topics_like(typed, MOST);
        let known = known.iter().map(String::as_str);
        for topic in known.chain(own).chain(sent).chain(plain) {
            if topic == typed {
                continue;
            }
            if topic.starts_with(typed) {
                begins.insert(topic);
            } else if topic.to_lowercase().contains(&wanted) {
                holds.insert(topic);
            }
        }
        let known: Vec<_> = begins.into_iter().chain(holds).map(str::to_owned).collect();
        let templates = self.capabilities().reserved.map_or(&[][..], |r| r.publish);
        let mut reserved = self.reserved_topics(templates, typed);
        reserved.retain(|topic| topic != typed && !known.contains(topic));
        let list = known.into_iter().chain(reserved).take(MOST);
        self.composer.suggestions.list = list.collect();
    }

    /// The platform's own topics that go on from what was typed; the selected device's before the others'.
    pub(in super::super) fn reserved_topics(&self, templates: &[&str], typed: &str) -> Vec<String> {
        // A device that reports may speak for itself only.
        let own = self.capabilities().relay.report;
        let own = self.home.devices.with_feeds().next().filter(|_| own);
        let devices = |begins: &str| match own {
            Some(own) if own.as_str().starts_with(begins) => vec![own.as_str().to_owned()],
            Some(_) => Vec::new(),
            None => self.devices_named(begins, DEVICES),
        };
        reserved::complete(templates, typed, devices, RESERVED)
    }

    /// Puts the chosen topic in, or the first one where it need not be `chosen`. Whether there was one.
    pub(super) fn take_suggestion(&mut self, chosen: bool) -> bool {
        let suggestions = &self.composer.suggestions;
        let index = if chosen {
            suggestions.chosen
        } else {
            Some(suggestions.chosen.unwrap_or(0))
        };
        let Some(topic) = index.and_then(|n| suggestions.list.get(n)) else {
            return false;
        };
        self.composer.topic = Input::new(topic.as_str());
        self.composer.suggestions = Suggestions::default();
        self.composer_changed();
        true
    }
}
