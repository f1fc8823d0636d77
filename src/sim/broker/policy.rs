//! What a cloud says to its broker: who may connect, subscribe and publish, and how much.

use std::time::Duration;

use crate::domain::message::Qos;
use crate::sim::packet::Connect;

/// One TCP connection, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Whom the way in has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The client's certificate in DER, if it sent one in its TLS handshake.
    pub certificate: Option<Vec<u8>>,
    /// Who the request that opened a WebSocket turned out to be from, where that is checked.
    pub name: Option<String>,
}

/// A client that has been let in.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    pub client: &'a str,
    pub username: Option<&'a str>,
}

/// What a cloud's policy says to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// With this code in the CONNACK (either version's number), or as not authorized in the acknowledgement.
    Refused(u8),
    /// Gone without a word, as AWS IoT does it.
    Closed,
}

/// A cloud's policy and limits.
pub trait Rules {
    fn connect(&self, identity: &Identity, connect: &Connect) -> Verdict;
    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict;
    fn publish(&self, who: Who<'_>, topic: &str) -> Verdict;
    /// Whether the cloud itself takes what is published there, subscribers or not.
    fn hears(&self, _topic: &str) -> bool {
        false
    }
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// False: a CONNECT of MQTT 5 ends the connection.
    pub version_5: bool,
    pub filters_per_subscribe: usize,
    pub in_flight: usize,
    /// Messages a session holds for a client that is slow or away. Beyond it the oldest go, and are counted.
    pub queued: usize,
    /// Longest that a session outlives its connection.
    pub session_life: Duration,
    pub maximum_qos: Qos,
    /// Largest packet of a client, in bytes.
    pub packet: usize,
    /// QoS 2 messages of a client that have not been released, and QoS 1 messages while acknowledgements are held.
    pub receive_maximum: u16,
    pub topic_aliases: u16,
    /// Longest keep-alive in seconds; MQTT 5 tells the client, 3.1.1 cannot.
    pub keep_alive: Option<u16>,
    /// Whether `$share/NAME/FILTER` is taken.
    pub shared: bool,
    /// Whether there is a `$SYS`, as mosquitto has it.
    pub health: bool,
}

impl Default for Limits {
    /// AWS IoT's (`reference/lg-thinq.md` 7.2), in MQTT 3.1.1.
    fn default() -> Self {
        Self {
            version_5: false,
            filters_per_subscribe: 8,
            in_flight: 100,
            queued: 20_000,
            session_life: Duration::from_hours(1),
            maximum_qos: Qos::AtLeastOnce,
            // The payload limit of 128 KiB and room for the topic.
            packet: 128 * 1024 + 4096,
            receive_maximum: 100,
            topic_aliases: 0,
            keep_alive: None,
            shared: true,
            health: false,
        }
    }
}

impl Limits {
    /// Those of a broker that has hardly any.
    pub fn plain() -> Self {
        Self {
            version_5: true,
            filters_per_subscribe: usize::MAX,
            session_life: Duration::MAX,
            maximum_qos: Qos::ExactlyOnce,
            packet: 64 << 20,
            topic_aliases: 16,
            health: true,
            ..Self::default()
        }
    }
}
