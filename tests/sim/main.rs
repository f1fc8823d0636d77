//! The simulated ThinQ cloud over real sockets, with a client of its own that knows nothing of `src/platform`.

mod client;
mod control;
mod faults;
mod mqtt;
mod refusals;
mod subscriptions;
mod walk;
