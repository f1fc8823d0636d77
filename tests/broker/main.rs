//! The program's own session, adapter and config against a real mosquitto: every way to connect, both versions of the
//! protocol, and what the broker refuses.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests write where they like, fail by panicking, and say what they skip"
)]

mod bench;
mod client;
mod relay;

mod delivery;
mod ends;
mod five;
mod ways;
