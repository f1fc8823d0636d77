//! The adapter, the session and the REST client against the simulator over real HTTPS and MQTT with mutual TLS, with no
//! screen around them.

#![expect(clippy::panic, reason = "a test that cannot go on says so")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test writes the files that a person would"
)]

mod aws;
mod support;

mod faults;
mod shadow;
mod walk;
