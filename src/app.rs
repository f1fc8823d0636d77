//! The core: `app.update(at, event) -> Effects`. No I/O, no clock, no randomness, no tokio, no ratatui.

pub mod action;
mod asked;
mod batch;
mod commands;
mod composer;
pub mod countries;
pub mod document;
pub mod editor;
pub mod effect;
pub mod event;
mod facts;
mod feeds;
mod filters;
mod glance;
mod home;
pub mod input;
mod jobs;
pub mod keymap;
pub mod layout;
mod lines;
mod overlay;
mod pane;
mod pending;
mod picture;
mod plot;
mod recording;
mod relays;
pub mod screen;
pub mod scroll;
mod shadows;
mod shelf;
pub mod sieve;
mod state;
mod update;
mod words;

pub use state::{App, ProfileSummary, Setup};

use effect::Effect;

/// What one event asks for, in order.
pub type Effects = Vec<Effect>;
