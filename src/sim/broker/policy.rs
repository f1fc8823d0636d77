//! What a cloud says to its broker: who may connect, subscribe and publish, and how much.

use std::time::Duration;

use rumqttc::mqttbytes::v4::Connect;

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

/// What a cloud's policy says to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// CONNACK with this code, or 0x80 in the SUBACK.
    Refused(u8),
    /// Gone without a word, as AWS IoT does it.
    Closed,
}

/// A cloud's policy and limits.
pub trait Rules {
    fn connect(&self, identity: &Identity, connect: &Connect) -> Verdict;
    fn subscribe(&self, client: &str, filter: &str) -> Verdict;
    fn publish(&self, client: &str, topic: &str) -> Verdict;
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub filters_per_subscribe: usize,
    pub in_flight: usize,
    /// Messages a session holds for a client that is slow or away. Beyond it the oldest go, and are counted.
    pub queued: usize,
    pub session_life: Duration,
}

impl Default for Limits {
    /// AWS IoT's (`reference/lg-thinq.md` 7.2).
    fn default() -> Self {
        Self {
            filters_per_subscribe: 8,
            in_flight: 100,
            queued: 20_000,
            session_life: Duration::from_hours(1),
        }
    }
}
