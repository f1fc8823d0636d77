//! The adapter, the session and the REST client against the simulator over real HTTPS and MQTT with mutual TLS, with no
//! screen around them.

mod support;

mod faults;
mod walk;
