//! thingdeck: a terminal dashboard for IoT clouds.
//!
//! The core is a function ([`app`]), the screen is a function ([`ui`]), clouds are translators ([`platform`]), and nothing is
//! lost in silence ([`session`], [`store`]). `ARCHITECTURE.md` is the map; `tests/layers.rs` keeps it true.

pub mod app;
pub mod base;
pub mod cli;
pub mod domain;
pub mod headless;
pub mod platform;
pub mod rest;
pub mod runtime;
pub mod session;
pub mod sim;
pub mod store;
pub mod ui;
