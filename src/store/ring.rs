//! Messages in order, bounded in bytes.
//!
//! A message is a compact record and its bytes, copied once into a block of some 256 KiB; when the bound is reached
//! the oldest block goes with all its records. Sequence numbers never repeat, so a number held elsewhere is valid or
//! gone. `received = kept + dropped` holds at every moment, gaps included.

use std::collections::VecDeque;

use bytes::Bytes;

use super::topics::{TopicId, Topics};
use crate::base::moment::Timestamp;
use crate::domain::message::{Direction, Message, Qos};
use crate::domain::reading::Kind;
use crate::domain::session::Gap;
use crate::domain::topic::Topic;

/// Place of a message in the stream, from 0; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// Bytes of a block.
const BLOCK: usize = 256 * 1024;
/// A payload longer than this is kept in part: its beginning and its true length.
const LONGEST: usize = 16 * 1024 * 1024;
const NO_TOPIC: u32 = u32::MAX;
const NO_DEVICE: u32 = u32::MAX;

#[derive(Debug)]
pub struct Ring {
    blocks: VecDeque<Block>,
    topics: Topics,
    limit_bytes: usize,
    /// Bytes charged for all blocks.
    charged: usize,
    next: u64,
    received: u64,
    dropped: u64,
    /// Messages that the bound on memory let go, part of `dropped`.
    evicted: u64,
    kept: u64,
    /// Rows of what we sent.
    sent_kept: u64,
    /// Sets of names to mask, shared by all messages that need them.
    masks: Vec<Vec<&'static str>>,
}

#[derive(Debug)]
struct Block {
    first: u64,
    records: Vec<Record>,
    bytes: Vec<u8>,
    large: Vec<Bytes>,
    charged: usize,
}

/// What is kept beside the bytes.
#[derive(Debug, Clone, Copy)]
struct Record {
    at: i64,
    topic: u32,
    device: u32,
    offset: u32,
    /// Payload bytes kept.
    length: u32,
    /// Payload bytes that there were, where more than kept.
    missing: u64,
    gist: u16,
    kind: Kind,
    qos: Qos,
    flags: u8,
    mask: u8,
}

const RETAIN: u8 = 1;
const DUP: u8 = 2;
const OUT: u8 = 4;
/// The payload is the block's large one number `offset`.
const LARGE: u8 = 8;

/// What is told about a message when it is pushed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Note<'a> {
    pub kind: Kind,
    /// Number of the device, as `Devices` gives it.
    pub device: Option<u32>,
    pub gist: &'a str,
    pub mask: &'a [&'static str],
}

/// A kept message, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    pub seq: Seq,
    pub at: Timestamp,
    pub topic: &'a str,
    pub device: Option<u32>,
    pub kind: Kind,
    pub gist: &'a str,
    pub payload: &'a [u8],
    /// Length of the payload as it came; more than `payload.len()` when only its beginning is kept.
    pub length: u64,
    pub qos: Qos,
    pub retain: bool,
    pub dup: bool,
    pub outgoing: bool,
    pub mask: &'a [&'static str],
    /// Set for a row that stands for messages that were dropped here.
    pub gap: Option<Gap>,
}

impl Ring {
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            topics: Topics::default(),
            limit_bytes,
            charged: 0,
            next: 0,
            received: 0,
            dropped: 0,
            evicted: 0,
            kept: 0,
            sent_kept: 0,
            masks: vec![Vec::new()],
        }
    }

    /// Every message that came, kept or not.
    pub fn received(&self) -> u64 {
        self.received
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Older messages that the bound on memory let go.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Number of the oldest row that is still there; equal to `end` when there is none.
    pub fn first(&self) -> Seq {
        Seq(self.blocks.front().map_or(self.next, |b| b.first))
    }

    /// The number that the next row will have.
    pub fn end(&self) -> Seq {
        Seq(self.next)
    }

    /// Topics of messages in the ring's table, also of some that it has let go.
    pub fn topic_names(&self) -> impl Iterator<Item = &str> {
        self.topics.names().map(Topic::as_str)
    }

    /// Of our own messages, those that are still there.
    pub fn sent_kept(&self) -> u64 {
        self.sent_kept
    }

    pub fn charged(&self) -> usize {
        self.charged
    }

    /// What we sent ourselves is a row like any other, but counts neither as received nor as kept or dropped.
    pub fn push(&mut self, message: &Message, note: Note<'_>) -> Seq {
        if message.direction == Direction::Out {
            self.sent_kept += 1;
        } else {
            self.received += 1;
            self.kept += 1;
        }
        let kept = &message.payload[..message.payload.len().min(self.longest())];
        let topic = self.topics.intern(&message.topic);
        let mut flags = 0;
        for (flag, set) in [
            (RETAIN, message.retain),
            (DUP, message.dup),
            (OUT, message.direction == Direction::Out),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let record = Record {
            at: message.at.0,
            topic: topic.map_or(NO_TOPIC, |t| t.0),
            device: note.device.unwrap_or(NO_DEVICE),
            offset: 0,
            length: 0,
            missing: (message.payload.len() - kept.len()) as u64,
            gist: 0,
            kind: note.kind,
            qos: message.qos,
            flags,
            mask: self.mask(note.mask),
        };
        let inline = topic.is_none().then_some(&message.topic);
        self.append(record, &message.payload.slice_ref(kept), note.gist, inline)
    }

    /// A row for messages that were dropped before they came here.
    pub fn push_gap(&mut self, at: Timestamp, gap: Gap) -> Seq {
        self.received += gap.messages;
        self.dropped += gap.messages;
        let mut bytes = gap.messages.to_le_bytes().to_vec();
        bytes.extend(gap.bytes.to_le_bytes());
        let record = Record {
            at: at.0,
            topic: NO_TOPIC,
            device: NO_DEVICE,
            offset: 0,
            length: 0,
            missing: 0,
            gist: 0,
            kind: Kind::Gap,
            qos: Qos::default(),
            flags: 0,
            mask: 0,
        };
        self.append(record, &Bytes::from(bytes), "", None)
    }

    /// The row of that number; `None` when it is gone or not there yet.
    pub fn get(&self, seq: Seq) -> Option<Kept<'_>> {
        let index = self
            .blocks
            .partition_point(|b| b.first <= seq.0)
            .checked_sub(1)?;
        let block = &self.blocks[index];
        let record = block
            .records
            .get(usize::try_from(seq.0 - block.first).ok()?)?;
        Some(self.kept_row(seq, block, record))
    }

    fn kept_row<'a>(&'a self, seq: Seq, block: &'a Block, record: &'a Record) -> Kept<'a> {
        let length = record.length as usize;
        let (payload, rest) = if record.flags & LARGE == 0 {
            block.bytes[record.offset as usize..].split_at(length)
        } else {
            let large = &block.large[record.offset as usize];
            large.split_at(length)
        };
        let gist_length = usize::from(record.gist);
        let gist = std::str::from_utf8(&rest[..gist_length]).unwrap_or_default();
        let topic = match self.topics.name(TopicId(record.topic)) {
            Some(topic) => topic.as_str(),
            None if record.topic == NO_TOPIC => inline_topic(&rest[gist_length..]),
            None => "",
        };
        let gap = (record.kind == Kind::Gap).then(|| gap(payload));
        Kept {
            seq,
            at: Timestamp(record.at),
            topic,
            device: (record.device != NO_DEVICE).then_some(record.device),
            kind: record.kind,
            gist,
            payload: if gap.is_some() { &[] } else { payload },
            length: u64::from(record.length) + record.missing,
            qos: record.qos,
            retain: record.flags & RETAIN != 0,
            dup: record.flags & DUP != 0,
            outgoing: record.flags & OUT != 0,
            mask: &self.masks[usize::from(record.mask)],
            gap,
        }
    }

    fn append(
        &mut self,
        mut record: Record,
        payload: &Bytes,
        gist: &str,
        topic: Option<&Topic>,
    ) -> Seq {
        let gist = &gist[..gist.floor_char_boundary(1024)];
        let topic = topic.map_or("", Topic::as_str);
        // The inline topic is followed by its length, as gists are by theirs in the record.
        let needed = payload.len() + gist.len() + topic.len() + 4;
        let large = needed > self.block_bytes() / 2;
        self.make_room(if large { 0 } else { needed });
        let block = self
            .blocks
            .back_mut()
            .expect("room has just been made in a block");
        record.length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        record.gist = u16::try_from(gist.len()).unwrap_or_default();
        let before = block.cost();
        if large {
            record.flags |= LARGE;
            record.offset = u32::try_from(block.large.len()).unwrap_or(u32::MAX);
            let mut whole = Vec::with_capacity(needed);
            write(&mut whole, payload, gist, topic);
            block.large.push(Bytes::from(whole));
        } else {
            record.offset = u32::try_from(block.bytes.len()).unwrap_or(u32::MAX);
            write(&mut block.bytes, payload, gist, topic);
        }
        block.records.push(record);
        block.charged = block.cost();
        self.charged = self.charged + block.charged - before;
        let seq = Seq(self.next);
        self.next += 1;
        self.evict();
        seq
    }

    fn make_room(&mut self, needed: usize) {
        let size = self.block_bytes();
        let fits = self
            .blocks
            .back()
            .is_some_and(|b| b.bytes.len() + needed <= size && b.charged <= 3 * size);
        if fits {
            return;
        }
        let block = Block {
            first: self.next,
            records: Vec::new(),
            bytes: Vec::with_capacity(size),
            large: Vec::new(),
            charged: 0,
        };
        self.charged += block.cost();
        self.blocks.push_back(block);
    }

    /// The oldest blocks go until the bound holds; the newest always stays.
    fn evict(&mut self) {
        while self.charged > self.limit_bytes && self.blocks.len() > 1 {
            let block = self.blocks.pop_front().expect("there are two blocks");
            self.charged -= block.cost();
            let (mut messages, mut sent) = (0, 0);
            for record in block.records.iter().filter(|r| r.kind != Kind::Gap) {
                if record.flags & OUT == 0 {
                    messages += 1;
                } else {
                    sent += 1;
                }
            }
            self.sent_kept -= sent;
            self.kept -= messages;
            self.dropped += messages;
            self.evicted += messages;
        }
    }

    fn block_bytes(&self) -> usize {
        BLOCK.min(self.limit_bytes / 8).max(1024)
    }

    fn longest(&self) -> usize {
        LONGEST.min(self.limit_bytes / 4).max(1024)
    }

    fn mask(&mut self, names: &[&'static str]) -> u8 {
        let found = self.masks.iter().position(|m| m == names);
        let index = found.unwrap_or_else(|| {
            // A platform has a handful of masks; should there be more, the widest one is used.
            if self.masks.len() > usize::from(u8::MAX) {
                return usize::from(u8::MAX);
            }
            self.masks.push(names.to_vec());
            self.masks.len() - 1
        });
        u8::try_from(index).unwrap_or(u8::MAX)
    }
}

impl Block {
    fn cost(&self) -> usize {
        size_of::<Self>()
            + self.bytes.capacity()
            + self.records.capacity() * size_of::<Record>()
            + self
                .large
                .iter()
                .map(|b| b.len() + size_of::<Bytes>())
                .sum::<usize>()
    }
}

fn write(into: &mut Vec<u8>, payload: &[u8], gist: &str, topic: &str) {
    into.extend_from_slice(payload);
    into.extend_from_slice(gist.as_bytes());
    into.extend_from_slice(&u32::try_from(topic.len()).unwrap_or_default().to_le_bytes());
    into.extend_from_slice(topic.as_bytes());
}

fn inline_topic(rest: &[u8]) -> &str {
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return "";
    };
    let length = u32::from_le_bytes(*length) as usize;
    rest.get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default()
}

fn gap(bytes: &[u8]) -> Gap {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let (messages, size) = bytes.split_at(8.min(bytes.len()));
    Gap {
        messages: number(messages),
        bytes: number(size),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(topic: &str, payload: &[u8]) -> Message {
        Message {
            at: Timestamp(7),
            direction: Direction::In,
            topic: Topic::received(topic),
            payload: Bytes::copy_from_slice(payload),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: true,
            ack: None,
            properties: None,
            session: false,
        }
    }

    #[test]
    fn a_message_comes_back_as_it_went_in() {
        let mut ring = Ring::new(1 << 20);
        let note = Note {
            kind: Kind::Push,
            device: Some(3),
            gist: "세탁이 끝났습니다",
            mask: &["privateKey"],
        };
        let seq = ring.push(&message("app/x", b"\x00\xff{}"), note);
        let kept = ring.get(seq).expect("just pushed");
        assert_eq!(
            (kept.topic, kept.payload),
            ("app/x", b"\x00\xff{}".as_slice())
        );
        assert_eq!((kept.gist, kept.kind), ("세탁이 끝났습니다", Kind::Push));
        assert_eq!(
            (kept.device, kept.mask),
            (Some(3), ["privateKey"].as_slice())
        );
        assert_eq!((kept.dup, kept.retain, kept.outgoing), (true, false, false));
    }

    #[test]
    fn a_payload_too_long_to_keep_keeps_its_beginning_and_its_true_length() {
        let mut ring = Ring::new(64 * 1024);
        let seq = ring.push(&message("t", &vec![b'x'; 100_000]), Note::default());
        let kept = ring.get(seq).expect("just pushed");
        assert_eq!((kept.payload.len(), kept.length), (16 * 1024, 100_000));
        assert_eq!(kept.topic, "t");
    }

    #[test]
    fn a_gap_is_a_row_and_counts_as_dropped() {
        let mut ring = Ring::new(1 << 20);
        let gap = Gap {
            messages: 1203,
            bytes: 2_202_009,
        };
        let seq = ring.push_gap(Timestamp(1), gap);
        assert_eq!(ring.get(seq).and_then(|k| k.gap), Some(gap));
        assert_eq!(
            (ring.received(), ring.kept(), ring.dropped()),
            (1203, 0, 1203)
        );
    }

    #[test]
    fn topics_beyond_the_table_stand_beside_their_message() {
        let mut ring = Ring::new(64 << 20);
        let mut last = Seq(0);
        for n in 0..70_000 {
            last = ring.push(&message(&format!("t/{n}"), b"x"), Note::default());
        }
        assert_eq!(ring.get(last).map(|k| k.topic), Some("t/69999"));
        assert_eq!(ring.get(Seq(5)).map(|k| k.topic), Some("t/5"));
    }

    proptest! {
        #[test]
        fn received_is_kept_and_dropped_and_the_bound_holds(
            sizes in proptest::collection::vec(0_usize..9000, 1..200), limit in 8_000_usize..100_000
        ) {
            let mut ring = Ring::new(limit);
            for (n, size) in sizes.iter().enumerate() {
                if n % 17 == 3 {
                    ring.push_gap(Timestamp(0), Gap { messages: 5, bytes: 50 });
                }
                ring.push(&message("t", &vec![b'a'; *size]), Note::default());
                prop_assert_eq!(ring.received(), ring.kept() + ring.dropped());
                let rows = (ring.first().0..ring.end().0).filter_map(|s| ring.get(Seq(s)));
                let messages = rows.filter(|k| k.gap.is_none()).count() as u64;
                prop_assert_eq!(messages, ring.kept());
                prop_assert!(ring.charged() <= limit + 2 * 9000 + 4096, "{} over {}", ring.charged(), limit);
            }
        }
    }
}
