//! The core: `app.update(at, event) -> Effects`. No I/O, no clock, no randomness, no tokio, no ratatui.

pub mod action;
pub mod countries;
pub mod effect;
pub mod event;
pub mod input;
pub mod layout;
mod pending;
pub mod screen;
pub mod scroll;
mod state;
mod update;

pub use state::{App, ProfileSummary, Setup};

use effect::Effect;

/// What one event asks for, in order.
pub type Effects = Vec<Effect>;
