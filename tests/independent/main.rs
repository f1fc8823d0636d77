//! The binary against clouds that others wrote from the references: see the README beside this file.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests wait by the clock, write where they like, fail by panicking, and say what they skip"
)]

mod support;

mod aws;
mod control;
mod dashboard;
mod feeds;
mod google;
mod huawei;
mod stream;
mod trouble;
