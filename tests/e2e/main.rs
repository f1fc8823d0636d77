//! The binary as a person runs it: in a pseudo-terminal and in a pipe, against the simulator over real HTTPS and MQTT.

#![expect(clippy::panic, reason = "a test that cannot go on says so")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test makes files, reads the environment and limits its waits itself"
)]

mod support;

mod bytes;
mod clipboard;
mod composer;
mod damaged;
mod dashboard;
mod faults;
mod flood;
mod headless;
mod history;
mod hostile;
mod idle;
mod mqtt;
mod plant;
mod provision;
mod recording;
mod retained;
mod secrets;
mod session;
mod shadow;
mod sieve;
mod slow_reader;
mod terminal;
mod wizard;
