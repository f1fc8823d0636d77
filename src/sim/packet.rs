//! MQTT's packets in one form for both versions; `sim/wire` knows how each stands on the wire.
//!
//! What only MQTT 5 has is absent, or at its default, in a packet of 3.1.1. The codec is the simulator's own: the
//! session under test has rumqttc's, and a shared one would make both ends wrong in the same way.

use bytes::Bytes;

pub use crate::domain::message::{Properties, Qos};
pub use crate::domain::profile::Version;
pub use crate::domain::subscription::{FilterOptions, RetainHandling};

#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    Connect(Box<Connect>),
    ConnAck(Box<ConnAck>),
    Publish(Publish),
    PubAck(Ack),
    PubRec(Ack),
    PubRel(Ack),
    PubComp(Ack),
    Subscribe(Subscribe),
    SubAck(SubAck),
    Unsubscribe(Unsubscribe),
    UnsubAck(SubAck),
    PingReq,
    PingResp,
    Disconnect(Disconnect),
    /// MQTT 5's exchange of authentication data, which no cloud here has.
    Auth,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Connect {
    pub version: Version,
    /// Empty: the broker is to make one up.
    pub client_id: String,
    /// Clean session in 3.1.1, clean start in 5.
    pub clean: bool,
    /// Seconds; 0 is none.
    pub keep_alive: u16,
    pub username: Option<String>,
    pub password: Option<Bytes>,
    pub will: Option<Will>,
    /// Seconds that the session outlives its connection; `u32::MAX` is for ever.
    pub session_expiry: u32,
    /// QoS 1 and 2 messages that the client takes at a time.
    pub receive_maximum: Option<u16>,
    /// Largest packet the client takes, in bytes.
    pub maximum_packet: Option<u32>,
    /// False: reason strings only in CONNACK and DISCONNECT (MQTT 5, 3.1.2.11.7).
    pub wants_reasons: bool,
    pub authentication_method: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Will {
    pub publish: Publish,
    /// Seconds.
    pub delay: u32,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConnAck {
    pub session_present: bool,
    /// As the connection's version has it; 0 is success in both.
    pub code: u8,
    pub words: Option<String>,
    pub session_expiry: Option<u32>,
    pub receive_maximum: Option<u16>,
    /// 0 or 1 where the broker does not take all three.
    pub maximum_qos: Option<u8>,
    pub maximum_packet: Option<u32>,
    pub assigned_client_id: Option<String>,
    pub topic_alias_maximum: Option<u16>,
    pub retain_available: Option<bool>,
    pub wildcards_available: Option<bool>,
    pub subscription_ids_available: Option<bool>,
    /// False where there are none.
    pub shared_available: Option<bool>,
    pub server_keep_alive: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publish {
    pub dup: bool,
    pub qos: Qos,
    pub retain: bool,
    /// Empty where a topic alias stands for it.
    pub topic: String,
    /// 0 with QoS 0.
    pub packet: u16,
    pub alias: Option<u16>,
    pub properties: Properties,
    pub payload: Bytes,
}

/// PUBACK, PUBREC, PUBREL and PUBCOMP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ack {
    pub packet: u16,
    pub code: u8,
    pub words: Option<String>,
}

impl Ack {
    pub fn of(packet: u16) -> Self {
        Self {
            packet,
            ..Self::default()
        }
    }

    pub fn with(packet: u16, code: u8, words: Option<&str>) -> Self {
        Self {
            packet,
            code,
            words: words.map(str::to_owned),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscribe {
    pub packet: u16,
    pub filters: Vec<Wanted>,
}

/// One filter of a SUBSCRIBE, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub filter: String,
    pub qos: Qos,
    pub options: FilterOptions,
}

/// SUBACK and UNSUBACK: a code for each filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubAck {
    pub packet: u16,
    pub codes: Vec<u8>,
    pub words: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unsubscribe {
    pub packet: u16,
    pub filters: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disconnect {
    pub code: u8,
    pub words: Option<String>,
    pub session_expiry: Option<u32>,
}

/// Reason codes (MQTT 5, 2.4). 3.1.1 has no such numbers; see [`code::in_connack_of_3`].
pub mod code {
    pub const SUCCESS: u8 = 0x00;
    pub const WITH_WILL: u8 = 0x04;
    pub const NO_MATCHING_SUBSCRIBERS: u8 = 0x10;
    pub const NO_SUBSCRIPTION_EXISTED: u8 = 0x11;
    /// In SUBACK the one refusal that 3.1.1 knows.
    pub const UNSPECIFIED: u8 = 0x80;
    pub const MALFORMED: u8 = 0x81;
    pub const PROTOCOL_ERROR: u8 = 0x82;
    pub const UNSUPPORTED_VERSION: u8 = 0x84;
    pub const CLIENT_ID_INVALID: u8 = 0x85;
    pub const BAD_LOGIN: u8 = 0x86;
    pub const NOT_AUTHORIZED: u8 = 0x87;
    pub const UNAVAILABLE: u8 = 0x88;
    pub const SHUTTING_DOWN: u8 = 0x8b;
    pub const BAD_AUTHENTICATION_METHOD: u8 = 0x8c;
    pub const KEEP_ALIVE_TIMEOUT: u8 = 0x8d;
    pub const TAKEN_OVER: u8 = 0x8e;
    pub const FILTER_INVALID: u8 = 0x8f;
    pub const TOPIC_INVALID: u8 = 0x90;
    pub const PACKET_NOT_FOUND: u8 = 0x92;
    pub const RECEIVE_MAXIMUM_EXCEEDED: u8 = 0x93;
    pub const TOPIC_ALIAS_INVALID: u8 = 0x94;
    pub const PACKET_TOO_LARGE: u8 = 0x95;
    pub const QUOTA_EXCEEDED: u8 = 0x97;
    pub const ADMINISTRATIVE: u8 = 0x98;
    pub const QOS_NOT_SUPPORTED: u8 = 0x9b;
    pub const SHARED_NOT_SUPPORTED: u8 = 0x9e;
    pub const SUBSCRIPTION_IDS_NOT_SUPPORTED: u8 = 0xa1;

    /// CONNACK's five refusals in 3.1.1 (MQTT 3.1.1, table 3.1) and what stands for them in 5. Other numbers are left
    /// as they are: some clouds send what no standard knows.
    const CONNACK: [(u8, u8); 5] = [
        (1, UNSUPPORTED_VERSION),
        (2, CLIENT_ID_INVALID),
        (3, UNAVAILABLE),
        (4, BAD_LOGIN),
        (5, NOT_AUTHORIZED),
    ];

    pub fn in_connack_of_3(code: u8) -> u8 {
        let known = CONNACK.iter().find(|(_, new)| *new == code);
        known.map_or(code, |(old, _)| *old)
    }

    pub fn in_connack_of_5(code: u8) -> u8 {
        let known = CONNACK.iter().find(|(old, _)| *old == code);
        known.map_or(code, |(_, new)| *new)
    }
}
