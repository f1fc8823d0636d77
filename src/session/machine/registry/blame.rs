//! The filter at which a broker hangs up: suspected, tried alone, set aside.

use std::time::Duration;

use super::{Registry, Trust};
use crate::base::moment::Mono;
use crate::domain::topic::TopicFilter;

/// A close this soon after an unanswered SUBSCRIBE is taken for an answer to it.
const BLAME: Duration = Duration::from_secs(5);

/// What a filter that was set aside is told with.
pub const SET_ASIDE: &str = "the broker hangs up when this filter is subscribed; it is set aside for now (add it again to retry)";

impl Registry {
    /// The peer closed the connection. `None`: not because of a SUBSCRIBE. Otherwise the filters set aside by it.
    pub fn hung_up(&mut self, now: Mono) -> Option<Vec<TopicFilter>> {
        let blamed = self.unanswered(now);
        if blamed.is_empty() {
            return None;
        }
        let alone = blamed.len() == 1;
        let mut set_aside = Vec::new();
        for filter in blamed {
            let Some(entry) = self.entry(&filter) else {
                continue;
            };
            if alone && entry.trust == Trust::Suspect {
                entry.trust = Trust::SetAside;
                entry.granted = Some(Err(SET_ASIDE.to_owned()));
                set_aside.push(filter);
            } else {
                entry.trust = Trust::Suspect;
            }
        }
        Some(set_aside)
    }

    /// The filters of SUBSCRIBEs that went out just now and have no answer.
    pub fn unanswered(&self, now: Mono) -> Vec<TopicFilter> {
        let asked = self.unanswered.values();
        asked
            .filter(|asked| now.since(asked.at) <= BLAME)
            .flat_map(|asked| asked.filters.iter().map(|(filter, _)| filter.clone()))
            .collect()
    }

    /// What was set aside is only suspect again: the broker has earned no blame since.
    pub fn second_chance(&mut self) {
        for entry in &mut self.entries {
            if entry.trust == Trust::SetAside {
                entry.trust = Trust::Suspect;
            }
        }
    }

    /// Whether suspects are being tried: nothing else that the broker may hang up at should be sent meanwhile.
    pub fn is_searching(&self) -> bool {
        let suspect = |entry: &super::Entry| entry.trust == Trust::Suspect && !entry.dropped;
        !self.is_settled() && self.entries.iter().any(suspect)
    }

    pub(super) fn with_trust(&self, trust: Trust) -> Vec<TopicFilter> {
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.trust == trust && !entry.dropped)
            .map(|entry| entry.wish.filter.clone())
            .collect()
    }
}
