//! The ThinQ adapter against a scripted outside on virtual time.

#![expect(
    clippy::panic,
    reason = "clippy does not see that the helpers of tests are tests"
)]

mod attend;
mod budget;
mod control;
mod errors;
mod feeds;
mod leave;
mod messages;
mod script;
mod sign_in;
