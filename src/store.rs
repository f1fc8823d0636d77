//! What is remembered while the dashboard runs, each part with a bound: messages, topics, devices, log lines.

mod block;
pub mod devices;
pub mod filter;
pub mod hits;
pub mod log;
mod properties;
pub mod query;
pub mod rates;
pub mod ring;
pub mod seek;
pub mod sheet;
pub mod shelf;
pub mod sys;
pub mod tree;
mod view;
