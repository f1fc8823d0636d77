//! The core: `app.update(at, event) -> Effects`. No I/O, no clock, no randomness, no tokio, no ratatui.

pub mod effect;
pub mod event;
pub mod screen;
