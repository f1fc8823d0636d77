//! What a cloud says to its broker: who may connect, subscribe and publish, and how much.

use std::time::Duration;

use bytes::Bytes;

use crate::domain::message::Qos;
use crate::sim::packet::{Connect, Publish, Version};

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
    /// The connection is ended when it is this old.
    pub life: Option<Duration>,
}

/// For a connection that is gone.
pub(super) static NOBODY: Identity = Identity {
    certificate: None,
    name: None,
    life: None,
};

/// A client that has been let in.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    pub client: &'a str,
    pub username: Option<&'a str>,
    pub identity: &'a Identity,
    pub version: Version,
}

/// What a cloud's policy says to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// With this code in the CONNACK (either version's number), or as not authorized in the acknowledgement.
    Refused(u8),
    /// The connection ends; MQTT 5 hears this reason code.
    Ended(u8),
    /// Of a message: taken for nothing and not acknowledged.
    Discarded,
    /// Gone without a word, as AWS IoT does it.
    Closed,
}

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// The network went, or the client without a word.
    #[default]
    Lost,
    /// DISCONNECT, or the close frame of a WebSocket where that counts.
    Client,
    ClientError,
    TakenOver,
    KeepAlive,
    Server,
    Forbidden,
    /// Somebody asked the cloud to end it.
    Api,
    Throttled,
    /// Older than its way in allows.
    Expired,
}

/// What a cloud that follows its clients is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Life {
    Connected(Box<Arrival>),
    Disconnected {
        client: String,
        connection: ConnectionId,
        cause: Cause,
    },
    /// A CONNECT was turned down.
    Refused {
        client: String,
        identity: Identity,
    },
    Subscribed {
        client: String,
        connection: ConnectionId,
        filters: Vec<(String, Qos)>,
    },
    Unsubscribed {
        client: String,
        connection: ConnectionId,
        filters: Vec<String>,
    },
    /// A message of QoS 1 has reached the client.
    Acknowledged {
        client: String,
        topic: String,
        payload: Bytes,
    },
    /// PINGREQ.
    Pinged {
        client: String,
    },
    /// An acknowledgement of what nobody has sent: its packet's name and id.
    Strange {
        client: String,
        kind: &'static str,
        packet: u16,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    pub client: String,
    pub connection: ConnectionId,
    pub identity: Identity,
    pub username: Option<String>,
    pub version: Version,
    /// Seconds, as the broker counts them.
    pub keep_alive: u16,
    pub clean: bool,
}

/// A cloud's policy and limits.
pub trait Rules {
    fn connect(&self, identity: &Identity, connect: &Connect) -> Verdict;
    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict;
    fn publish(&self, who: Who<'_>, topic: &str) -> Verdict;
    /// What becomes of a client's message; for a cloud that looks at more than the topic.
    fn take(&self, who: Who<'_>, publish: &Publish) -> Verdict {
        self.publish(who, &publish.topic)
    }
    /// Whether a client may be given what is published there.
    fn receive(&self, _who: Who<'_>, _topic: &str) -> bool {
        true
    }
    /// The id of a client that brings none; none where it has to.
    fn client_id(&self, _version: Version, number: u64) -> Option<String> {
        Some(format!("auto-{number:08X}"))
    }
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
    /// Filters that one connection may hold.
    pub subscriptions: usize,
    /// A keep-alive outside of this range of seconds counts as its nearer end, and none as the upper one.
    pub keep_alive_range: Option<(u16, u16)>,
    /// Whether `a/#` matches `a`, as the standards have it.
    pub parent_matches: bool,
    /// Whether retained messages greet filters with wildcards, too.
    pub greets_wildcards: bool,
    pub subscription_ids: bool,
    /// Whether a filter with a QoS above the maximum ends the connection instead of being granted less.
    pub strict_qos: bool,
    /// Publishes of one connection, in and out. What is more is discarded in silence.
    pub publishes_per_second: Option<u32>,
    /// How fast a kept session is given what has waited in it.
    pub resume_per_second: Option<u32>,
    /// Whether a session belongs to the protocol version that began it.
    pub separate_versions: bool,
    /// Whether CONNACK also says what goes without saying.
    pub tells_all: bool,
    /// Whether messages can be retained; where not, MQTT 5 is told, and the rules may turn them down.
    pub retains: bool,
    /// Whether the cloud is told of [`Life`], and hears wills.
    pub follows: bool,
    /// Whether the close frame of a WebSocket is a DISCONNECT.
    pub close_frame_is_goodbye: bool,
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
            subscriptions: usize::MAX,
            keep_alive_range: None,
            parent_matches: true,
            greets_wildcards: true,
            subscription_ids: true,
            strict_qos: false,
            publishes_per_second: None,
            resume_per_second: None,
            separate_versions: false,
            tells_all: false,
            retains: true,
            follows: false,
            close_frame_is_goodbye: false,
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
