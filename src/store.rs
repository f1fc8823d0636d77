//! What is remembered while the dashboard runs, each part with a bound: messages, topics, devices, log lines.

pub mod devices;
pub mod filter;
pub mod hits;
pub mod log;
pub mod rates;
pub mod ring;
pub mod sys;
pub mod topics;
pub mod tree;
