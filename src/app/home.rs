//! What is known of the open profile: gone with it when another one is opened.

use std::collections::BTreeMap;

use super::commands::Commands;
use super::feeds::Feeds;
use crate::base::problem::Problem;
use crate::domain::fact::{Budget, Step};
use crate::domain::message::Qos;
use crate::domain::session::{LinkState, SessionId};
use crate::domain::subscription::{FilterState, FilterWish};
use crate::domain::topic::TopicFilter;
use crate::store::devices::Devices;
use crate::store::rates::Rates;
use crate::store::ring::Ring;

#[derive(Debug)]
pub(super) struct Home {
    pub(super) session: SessionId,
    pub(super) link: LinkState,
    /// Steps of the sign-in, in the order they were first told.
    pub(super) steps: Vec<Step>,
    pub(super) devices: Devices,
    pub(super) ring: Ring,
    pub(super) rates: Rates,
    pub(super) filters: Filters,
    pub(super) feeds: Feeds,
    pub(super) commands: Commands,
    pub(super) budget: Option<Budget>,
    /// The list was asked for although there is no connection.
    pub(super) greeted: bool,
    /// The list was asked for because a device came by itself.
    pub(super) newcomers: bool,
    /// Why the device list could not be had.
    pub(super) trouble: Option<Problem>,
    /// The user closed the question for a new token: it does not come up by itself again.
    pub(super) token_declined: bool,
}

impl Home {
    pub(super) fn new(session: SessionId, ring: Ring) -> Self {
        Self {
            session,
            link: LinkState::default(),
            steps: Vec::new(),
            devices: Devices::default(),
            ring,
            rates: Rates::default(),
            filters: Filters::default(),
            feeds: Feeds::default(),
            commands: Commands::default(),
            budget: None,
            greeted: false,
            newcomers: false,
            trouble: None,
            token_declined: false,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match self.steps.iter_mut().find(|s| s.name == step.name) {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
    }
}

/// Topic filters and the broker's word on each.
#[derive(Debug, Default)]
pub(super) struct Filters {
    known: BTreeMap<String, FilterState>,
}

impl Filters {
    pub(super) fn iter(&self) -> impl Iterator<Item = &FilterState> {
        self.known.values()
    }

    pub(super) fn want(&mut self, wish: FilterWish) {
        let state = FilterState {
            wish,
            granted: None,
        };
        self.known
            .insert(state.wish.filter.as_str().to_owned(), state);
    }

    /// Also for filters that the platform itself subscribed.
    pub(super) fn granted(&mut self, filter: &TopicFilter, result: Result<Qos, String>) -> bool {
        let entry = self
            .known
            .entry(filter.as_str().to_owned())
            .or_insert_with(|| FilterState {
                wish: FilterWish::new(filter.clone(), result.as_ref().copied().unwrap_or_default()),
                granted: None,
            });
        let changed = entry.granted.as_ref() != Some(&result);
        entry.granted = Some(result);
        changed
    }

    pub(super) fn dropped(&mut self, filter: &TopicFilter) -> bool {
        self.known.remove(filter.as_str()).is_some()
    }
}
