//! MQTT sessions: one task per open profile that connects, subscribes, delivers and reconnects, for every platform.
//!
//! [`machine`] decides and never waits, [`link`] speaks MQTT and never decides, [`driver`] runs the two beside the
//! platform's own rituals. Only `link/v4.rs` names rumqttc's client types.

pub mod backoff;
pub mod driver;
pub mod end;
pub mod heard;
pub mod link;
pub mod machine;
pub mod tls;
pub mod transport;
