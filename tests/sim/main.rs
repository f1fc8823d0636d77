//! The simulated ThinQ cloud over real sockets, with a client of its own that knows nothing of `src/platform`.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as a test does")]

mod client;
mod control;
mod faults;
mod mqtt;
mod refusals;
mod subscriptions;
mod walk;
