//! MQTT sessions: one task per open profile that connects, subscribes, delivers and reconnects, for every platform.
//!
//! [`machine`] decides and never waits, [`link`] speaks MQTT and never decides, [`driver`] runs the two beside the
//! platform's own rituals. Only `link/codec` names rumqttc's packets.

pub mod backoff;
pub mod driver;
pub mod end;
pub mod heard;
pub mod link;
pub mod machine;
pub mod tls;
pub mod transport;
