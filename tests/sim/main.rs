//! The simulated clouds over real sockets, with clients of their own that know nothing of `src/platform`: ThinQ, and the
//! plain broker (`plain`, `web`, `mosquitto`), AWS IoT Core (`aws`), Google's bridge (`google`), Huawei (`huawei`).

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of tests fails as a test does"
)]

mod aws;
mod client;
mod control;
mod faults;
mod flows;
mod google;
mod huawei;
mod mosquitto;
mod mqtt;
mod plain;
mod raw;
mod refusals;
mod subscriptions;
mod walk;
mod web;
