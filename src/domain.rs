//! The words of the trade as types: topics, messages, devices, subscriptions, sessions, requests. Pure data and
//! pure functions; no I/O, no clock, no screen.

pub mod batch;
pub mod capability;
pub mod compose;
pub mod connection_state;
pub mod decode;
pub mod device;
pub mod expression;
pub mod fact;
pub mod jobs;
pub mod json;
pub mod json_text;
pub mod line;
pub mod message;
pub mod model;
pub mod payload;
pub mod placeholder;
pub mod profile;
pub mod program;
pub mod provision;
pub mod reading;
pub mod relay;
pub mod request;
pub mod reserved;
pub mod session;
pub mod shadow;
pub mod state;
pub mod subscription;
pub mod topic;
