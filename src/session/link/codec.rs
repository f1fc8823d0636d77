//! Packets in one form for both protocol versions.
//!
//! What goes out is written with rumqttc's codec. What comes in is read here, byte by byte, because rumqttc's reader
//! gives up where a person needs an answer: reason codes that it does not know (CONNACK 7 of AWS IoT, 13 of
//! ClearBlade), a 3.1.1 CONNACK in answer to an MQTT 5 CONNECT, a DISCONNECT without a body, AUTH. It also takes the
//! properties behind a subscription id for payload, and reads a payload as a slice that keeps the read buffer alive.

mod out;
mod properties;
mod reader;
mod v4;
mod v5;

pub use reader::Malformed;

use std::collections::HashMap;
use std::time::Duration;

use bytes::BytesMut;

use super::{Accepted, Arrival};
use crate::base::problem::Problem;
use crate::domain::message::{Draft, Qos};
use crate::domain::profile::Version;
use crate::domain::subscription::FilterWish;
use crate::platform::plan::ConnectPlan;
use reader::Reader;

/// A packet from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    Accepted(Accepted),
    Refused(Farewell),
    Publish(Arrival),
    Ack(Ack, Answer),
    SubAck {
        packet: u16,
        codes: Vec<u8>,
        reason: Option<String>,
    },
    UnsubAck {
        packet: u16,
        codes: Vec<u8>,
        reason: Option<String>,
    },
    Pong,
    /// MQTT 5 only.
    Disconnect(Farewell),
    /// MQTT 5's enhanced authentication, which was never asked for.
    Auth,
}

/// The four packets by which publishes are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ack {
    /// PUBACK.
    Acknowledged,
    /// PUBREC.
    Recorded,
    /// PUBREL.
    Released,
    /// PUBCOMP.
    Completed,
}

impl Ack {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acknowledged => "PUBACK",
            Self::Recorded => "PUBREC",
            Self::Released => "PUBREL",
            Self::Completed => "PUBCOMP",
        }
    }

    /// The first answer to a received message.
    pub const fn of(qos: Qos) -> Option<Self> {
        match qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce => Some(Self::Acknowledged),
            Qos::ExactlyOnce => Some(Self::Recorded),
        }
    }
}

/// What an acknowledgement says; 3.1.1 has no codes, so there it is always 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub packet: u16,
    pub code: u8,
    pub reason: Option<String>,
}

/// A broker's no, at CONNACK or later.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Farewell {
    pub code: u8,
    pub reason: Option<String>,
    /// Where else to connect (MQTT 5, 4.11).
    pub reference: Option<String>,
}

/// Topics that the broker may give a number on one connection (MQTT 5, 3.1.2.11.5). Each is at most 64 KiB here.
pub const TOPIC_ALIASES: u16 = 64;

/// One connection's codec. It remembers the broker's topic aliases.
#[derive(Debug)]
pub struct Codec {
    version: Version,
    aliases: HashMap<u16, String>,
}

impl Codec {
    pub fn new(version: Version) -> Self {
        Self {
            version,
            aliases: HashMap::new(),
        }
    }

    pub const fn version(&self) -> Version {
        self.version
    }

    /// A packet whose fixed header began with `first` and whose `body` is all that follows the header.
    pub fn read(&mut self, first: u8, body: &[u8]) -> Result<Incoming, Malformed> {
        let mut reader = Reader::new(body);
        match (self.version, first >> 4) {
            (Version::V311, 2) => v4::connack(&mut reader),
            (Version::V5, 2) => v5::connack(&mut reader),
            (_, PUBLISH) => self.publish(first, &mut reader),
            (_, 4) => self.ack(Ack::Acknowledged, &mut reader),
            (_, 5) => self.ack(Ack::Recorded, &mut reader),
            (_, 6) => self.ack(Ack::Released, &mut reader),
            (_, 7) => self.ack(Ack::Completed, &mut reader),
            (Version::V311, 9) => v4::suback(&mut reader),
            (Version::V5, 9) => v5::suback(&mut reader),
            (Version::V311, 11) => v4::unsuback(&mut reader),
            (Version::V5, 11) => v5::unsuback(&mut reader),
            (_, 13) => Ok(Incoming::Pong),
            (Version::V5, 14) => v5::disconnect(&mut reader),
            (Version::V5, 15) => Ok(Incoming::Auth),
            (_, kind) => Err(Malformed(format!(
                "a packet of type {kind}, which no broker may send"
            ))),
        }
    }

    fn publish(&mut self, first: u8, reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
        let head = Head::read(first, reader)?;
        let mut topic = head.topic;
        let mut properties = None;
        if self.version == Version::V5 {
            let (alias, read) = v5::publish_properties(reader)?;
            properties = read;
            topic = self.resolve(topic, alias)?;
        }
        Ok(Incoming::Publish(Arrival {
            topic,
            // A slice would keep the whole read buffer alive.
            payload: bytes::Bytes::copy_from_slice(reader.rest()),
            qos: head.qos,
            retain: first & 1 != 0,
            dup: first & 8 != 0,
            packet: head.packet,
            properties,
        }))
    }

    /// The topic that is meant, of a message that also names a number for it, or names only the number.
    pub fn resolve(&mut self, topic: String, alias: Option<u16>) -> Result<String, Malformed> {
        let Some(alias) = alias else {
            return Ok(topic);
        };
        if alias == 0 || alias > TOPIC_ALIASES {
            return Err(Malformed(format!("topic alias {alias} is out of range")));
        }
        if topic.is_empty() {
            let known = self.aliases.get(&alias).cloned();
            return known
                .ok_or_else(|| Malformed(format!("topic alias {alias} was never introduced")));
        }
        self.aliases.insert(alias, topic.clone());
        Ok(topic)
    }

    fn ack(&self, ack: Ack, reader: &mut Reader<'_>) -> Result<Incoming, Malformed> {
        let packet = reader.u16()?;
        let answer = match self.version {
            Version::V311 => Answer {
                packet,
                ..Answer::default()
            },
            Version::V5 => v5::answer(packet, reader)?,
        };
        Ok(Incoming::Ack(ack, answer))
    }

    /// Also checks what no broker should ever see.
    pub fn connect(&self, plan: &ConnectPlan, out: &mut BytesMut) -> Result<(), Problem> {
        out::check(plan)?;
        let written = match self.version {
            Version::V311 => v4::connect(plan, out),
            Version::V5 => v5::connect(plan, out),
        };
        written.map_err(|cause| Problem::new("could not connect", cause, ""))
    }

    /// The filters of one packet, which share one subscription id.
    pub fn subscribe(
        &self,
        packet: u16,
        id: Option<u32>,
        filters: &[&FilterWish],
        out: &mut BytesMut,
    ) -> Result<(), String> {
        match self.version {
            Version::V311 => v4::subscribe(packet, filters, out),
            Version::V5 => v5::subscribe(packet, id, filters, out),
        }
    }

    pub fn unsubscribe(&self, packet: u16, filter: &str, out: &mut BytesMut) -> Result<(), String> {
        match self.version {
            Version::V311 => v4::unsubscribe(packet, filter, out),
            Version::V5 => v5::unsubscribe(packet, filter, out),
        }
    }

    /// Writes nothing when it fails.
    pub fn write_publish(
        &self,
        draft: &Draft,
        packet: u16,
        dup: bool,
        out: &mut BytesMut,
    ) -> Result<(), Problem> {
        out::check_draft(draft, self.version)?;
        let before = out.len();
        let written = match self.version {
            Version::V311 => v4::publish(draft, packet, dup, out),
            Version::V5 => v5::publish(draft, packet, dup, out),
        };
        written.map_err(|cause| {
            out.truncate(before);
            Problem::new(format!("could not publish to {}", draft.topic), cause, "")
        })
    }
}

pub use out::{acknowledge, disconnect, ping};

/// A keep-alive as CONNECT tells it.
pub fn seconds(keep_alive: Duration) -> Duration {
    Duration::from_secs(out::seconds(keep_alive).into())
}

/// The type of a PUBLISH in the first byte of its fixed header.
pub const PUBLISH: u8 = 3;

/// The fixed header of any packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub first: u8,
    /// Bytes of the header itself.
    pub len: usize,
    /// Bytes that follow it.
    pub body: usize,
}

impl Header {
    /// `None` when the header is not complete yet.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        let mut reader = Reader::new(rest);
        match reader.varint() {
            Ok(body) => Ok(Some(Self {
                first,
                len: bytes.len() - reader.len(),
                body: body as usize,
            })),
            Err(_) if rest.len() < 4 => Ok(None),
            Err(malformed) => Err(malformed),
        }
    }

    pub const fn total(self) -> usize {
        self.len + self.body
    }

    pub const fn is_publish(self) -> bool {
        self.first >> 4 == PUBLISH
    }
}

/// What stands before a PUBLISH's properties and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub topic: String,
    pub qos: Qos,
    pub packet: u16,
}

impl Head {
    pub fn read(first: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let qos = Qos::from_number((first >> 1) & 3)
            .ok_or_else(|| Malformed("a message of QoS 3".to_owned()))?;
        let topic = reader.text()?;
        let packet = match qos {
            Qos::AtMostOnce => 0,
            _ => reader.u16()?,
        };
        if qos != Qos::AtMostOnce && packet == 0 {
            return Err(Malformed("a message with packet id 0".to_owned()));
        }
        Ok(Self { topic, qos, packet })
    }
}

/// What stands before an oversized PUBLISH's payload, as far as the bytes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preamble {
    pub head: Head,
    pub alias: Option<u16>,
    /// Bytes of payload behind it.
    pub payload: usize,
}

impl Preamble {
    /// From the beginning of a body of `body` bytes; `None` when it goes beyond what is there.
    pub fn read(version: Version, header: Header, there: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(there);
        let read = Self::parts(version, header.first, &mut reader);
        match read {
            Ok((head, alias)) => Ok(Some(Self {
                head,
                alias,
                payload: header.body - (there.len() - reader.len()),
            })),
            Err(_) if reader.ran_out() && there.len() < header.body => Ok(None),
            Err(malformed) => Err(malformed),
        }
    }

    /// The same, with properties counted as payload.
    pub fn without_properties(header: Header, there: &[u8]) -> Result<Option<Self>, Malformed> {
        Self::read(Version::V311, header, there)
    }

    fn parts(
        version: Version,
        first: u8,
        reader: &mut Reader<'_>,
    ) -> Result<(Head, Option<u16>), Malformed> {
        let head = Head::read(first, reader)?;
        let alias = match version {
            Version::V311 => None,
            Version::V5 => v5::publish_properties(reader)?.0,
        };
        Ok((head, alias))
    }
}

#[cfg(test)]
mod tests;
