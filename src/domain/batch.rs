//! Messages that came in one read and mean nothing beyond themselves, as they stood on the wire.
//!
//! A flood is handed on in these: the bytes of the read stay where they are, and a message costs 16 bytes beside them
//! and no allocation. Only messages without properties, below QoS 2, that nobody acknowledges by hand are in one.

use std::fmt;

use bytes::Bytes;

use super::message::{Direction, Message, Qos};
use super::topic::Topic;
use crate::base::moment::Timestamp;

const QOS: u8 = 3;
const RETAIN: u8 = 4;
const DUP: u8 = 8;

/// See the module.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// When they reached us.
    pub at: Timestamp,
    /// They came before anything was subscribed on this connection: what is not retained waited in a kept session.
    pub session: bool,
    bytes: Bytes,
    heads: Vec<Head>,
    payloads: u64,
    held: usize,
}

/// One message of a batch being gathered: where it stands in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Where its topic begins.
    start: u32,
    /// Bytes of the payload.
    length: u32,
    topic: u16,
    packet: u16,
    flags: u8,
    /// Bytes between topic and payload.
    gap: u8,
}

impl Head {
    /// The topic begins at `start`; the payload stands `gap` bytes behind it.
    pub fn new(start: usize, topic: u16, gap: u8, length: usize) -> Self {
        Self {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            length: u32::try_from(length).unwrap_or(u32::MAX),
            topic,
            packet: 0,
            flags: 0,
            gap,
        }
    }

    pub const fn packet(&self) -> u16 {
        self.packet
    }

    /// `packet` is 0 at QoS 0.
    #[must_use]
    pub const fn marked(self, qos: Qos, packet: u16, retain: bool, dup: bool) -> Self {
        let retain = if retain { RETAIN } else { 0 };
        let dup = if dup { DUP } else { 0 };
        Self {
            packet,
            flags: qos.number() | retain | dup,
            ..self
        }
    }
}

/// A message of a batch, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batched<'a> {
    /// UTF-8: whoever gathered the batch has looked.
    pub topic: &'a [u8],
    pub payload: &'a [u8],
    pub qos: Qos,
    pub retain: bool,
    pub dup: bool,
    pub session: bool,
    /// The packet id; 0 at QoS 0.
    pub packet: u16,
}

impl<'a> Batched<'a> {
    pub fn topic_text(&self) -> &'a str {
        std::str::from_utf8(self.topic).unwrap_or_default()
    }
}

impl Batch {
    /// `bytes` keep `held` bytes of memory alive.
    pub fn new(bytes: Bytes, held: usize, heads: Vec<Head>) -> Self {
        let payloads = heads.iter().map(|head| u64::from(head.length)).sum();
        Self {
            at: Timestamp::default(),
            session: false,
            bytes,
            heads,
            payloads,
            held,
        }
    }

    pub fn len(&self) -> usize {
        self.heads.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Bytes of all payloads.
    pub const fn payloads(&self) -> u64 {
        self.payloads
    }

    /// What its messages stand in.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its bytes are part of a larger piece of memory.
    pub const fn shares_memory(&self) -> bool {
        self.held > self.bytes.len()
    }

    /// Bytes of memory that it takes.
    pub fn cost(&self) -> usize {
        self.held + self.heads.capacity() * size_of::<Head>()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Batched<'_>> {
        self.heads.iter().map(|head| self.read(head))
    }

    fn read(&self, head: &Head) -> Batched<'_> {
        let start = head.start as usize;
        let topic_end = start + usize::from(head.topic);
        let payload = topic_end + usize::from(head.gap);
        let part = |from: usize, to: usize| self.bytes.get(from..to).unwrap_or_default();
        let retain = head.flags & RETAIN != 0;
        Batched {
            topic: part(start, topic_end),
            payload: part(payload, payload + head.length as usize),
            qos: Qos::from_number(head.flags & QOS).unwrap_or_default(),
            retain,
            dup: head.flags & DUP != 0,
            session: self.session && !retain,
            packet: head.packet,
        }
    }

    /// Each on its own, with memory of its own: whoever keeps one does not keep the whole read.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        self.iter().map(|batched| Message {
            at: self.at,
            direction: Direction::In,
            topic: Topic::received(batched.topic_text()),
            payload: Bytes::copy_from_slice(batched.payload),
            qos: batched.qos,
            retain: batched.retain,
            dup: batched.dup,
            ack: None,
            properties: None,
            session: batched.session,
        })
    }
}

impl fmt::Debug for Batch {
    /// Never what a message says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("messages", &self.len())
            .field("payloads", &self.payloads)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        let bytes = Bytes::from_static(b"..home/t\x00\x07{\"t\":21}..b!");
        let heads = vec![
            Head::new(2, 6, 2, 8).marked(Qos::AtLeastOnce, 7, true, true),
            Head::new(20, 1, 0, 1),
        ];
        let mut batch = Batch::new(bytes, 64, heads);
        (batch.at, batch.session) = (Timestamp(9), true);
        let all: Vec<_> = batch.messages().collect();
        assert_eq!(all[0].topic.as_str(), "home/t");
        assert_eq!(&all[0].payload[..], b"{\"t\":21}");
        assert!(all[0].retain && all[0].dup && !all[0].session);
        assert_eq!(
            (all[1].topic.as_str(), &all[1].payload[..]),
            ("b", &b"!"[..])
        );
        assert!(all[1].session, "it waited in the kept session");
        assert_eq!((batch.len(), batch.payloads()), (2, 9));
        assert_eq!(batch.iter().next().map(|m| m.packet), Some(7));
    }
}
