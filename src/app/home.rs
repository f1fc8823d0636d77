//! What is known of the open profile: gone with it when another one is opened.

use super::commands::Commands;
use super::feeds::Feeds;
use super::filters::Filters;
use super::jobs::Jobs;
use super::relays::Relays;
use super::shadows::Shadows;
use crate::base::problem::Problem;
use crate::domain::fact::{Budget, Step};
use crate::domain::session::{LinkState, SessionId};
use crate::store::devices::Devices;
use crate::store::rates::Rates;
use crate::store::ring::Ring;
use crate::store::sys::Sys;
use crate::store::tree::Tree;

#[derive(Debug)]
pub(super) struct Home {
    pub(super) session: SessionId,
    pub(super) link: LinkState,
    /// Steps of the sign-in, in the order they were first told.
    pub(super) steps: Vec<Step>,
    pub(super) devices: Devices,
    pub(super) ring: Ring,
    pub(super) rates: Rates,
    /// The topics that are heard, where they stand for devices.
    pub(super) tree: Tree,
    /// What the broker says of itself.
    pub(super) sys: Sys,
    /// Publishes that wait for a connection or for their turn.
    pub(super) waiting: usize,
    pub(super) filters: Filters,
    pub(super) feeds: Feeds,
    pub(super) commands: Commands,
    pub(super) shadows: Shadows,
    pub(super) jobs: Jobs,
    pub(super) relays: Relays,
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
            tree: Tree::under(ring.limit()),
            ring,
            rates: Rates::default(),
            sys: Sys::default(),
            waiting: 0,
            filters: Filters::default(),
            feeds: Feeds::default(),
            commands: Commands::default(),
            shadows: Shadows::default(),
            jobs: Jobs::default(),
            relays: Relays::default(),
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
