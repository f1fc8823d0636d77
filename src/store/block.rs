//! A stretch of the stream in one allocation: payloads grow from its front, records from its end, until they meet.
//!
//! A message costs its payload, its gist and 16 bytes. What many messages have in common (topic, device, kind) is a
//! [`Source`] of the block, whose topic stands once beside the first message that had it. So a block depends on nothing but
//! itself: it leaves memory whole, with everything that was needed for it, and can go to disk as it is.

use crate::base::moment::Timestamp;
use crate::domain::expression::may_be_closed;
use crate::domain::message::{Properties, Qos};
use crate::domain::reading::Kind;
use crate::domain::session::Gap;

use super::properties;
use super::ring::Seq;

/// Bytes of a record: time, offset, source, flags, length of the gist.
pub(super) const RECORD: usize = 16;
/// Rows of a block, at most: row numbers within it are `u16`.
pub(super) const ROWS: usize = u16::MAX as usize;
pub(super) const NO_DEVICE: u32 = u32::MAX;

const QOS: u8 = 3;
const RETAIN: u8 = 4;
const DUP: u8 = 8;
const OUT: u8 = 16;
const SESSION: u8 = 32;
/// The topic of the row's source stands before its payload.
const NAMED: u8 = 64;
/// A trailer stands at the end: what few rows have.
const MORE: u8 = 128;
/// Bytes of the trailer: payload bytes that are missing, length of the gist, length of the properties.
const TRAILER: usize = 8 + 2 + 4;
/// Longest gist kept, in bytes.
const LONGEST_GIST: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) topic_at: u32,
    pub(super) topic_length: u16,
    pub(super) kind: Kind,
    /// Number of the set of member names that must not be shown.
    pub(super) mask: u8,
    pub(super) device: u32,
}

/// A row on its way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) at: Timestamp,
    pub(super) topic: &'a str,
    pub(super) kind: Kind,
    pub(super) mask: u8,
    pub(super) device: u32,
    pub(super) payload: &'a [u8],
    /// Payload bytes that there were besides.
    pub(super) missing: u64,
    pub(super) gist: &'a str,
    /// Packed.
    pub(super) properties: &'a [u8],
    pub(super) flags: Flags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    pub(super) qos: Qos,
    pub(super) retain: bool,
    pub(super) dup: bool,
    pub(super) outgoing: bool,
    pub(super) session: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Number of its first row.
    pub(super) first: u64,
    pub(super) area: Vec<u8>,
    pub(super) used: usize,
    pub(super) rows: usize,
    /// Rows that are messages that came: no gaps, and not what we sent.
    pub(super) messages: u64,
    /// Some payloads may say more behind a decoder.
    pub(super) closed: bool,
    pub(super) sources: Vec<Source>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    at: i64,
    offset: u32,
    source: u16,
    flags: u8,
    gist: u8,
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
    /// Waited in a kept session.
    pub session: bool,
    pub mask: &'a [&'static str],
    /// Set for a row that stands for messages that were dropped here.
    pub gap: Option<Gap>,
    pub(super) packed: &'a [u8],
}

impl Kept<'_> {
    pub fn properties(&self) -> Option<Box<Properties>> {
        properties::unpack(self.packed)
    }
}

/// A row as a search reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) at: Timestamp,
    pub(super) source: u16,
    pub(super) payload: &'a [u8],
    pub(super) gist: &'a [u8],
    pub(super) length: u64,
    pub(super) flags: Flags,
    packed: &'a [u8],
}

impl<'a> Read<'a> {
    pub(super) const fn packed(&self) -> &'a [u8] {
        self.packed
    }
}

impl Row<'_> {
    fn gist(&self) -> &str {
        &self.gist[..self.gist.floor_char_boundary(LONGEST_GIST)]
    }

    fn has_more(&self) -> bool {
        self.missing > 0 || !self.properties.is_empty() || self.gist().len() > usize::from(u8::MAX)
    }

    /// Bytes that it takes in a block, its source's topic included where `is_named`.
    pub(super) fn cost(&self, is_named: bool) -> usize {
        let topic = if is_named { self.topic.len() } else { 0 };
        let more = if self.has_more() {
            TRAILER + self.properties.len()
        } else {
            0
        };
        RECORD + topic + self.payload.len() + self.gist().len() + more
    }
}

impl Block {
    /// `area` may hold anything.
    pub(super) fn new(first: u64, area: Vec<u8>, sources: Vec<Source>) -> Self {
        Self {
            first,
            area,
            used: 0,
            rows: 0,
            messages: 0,
            closed: false,
            sources,
        }
    }

    pub(super) fn room(&self) -> usize {
        self.area.len() - self.used - self.rows * RECORD
    }

    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.area.len() + self.sources.capacity() * size_of::<Source>()
    }

    /// Room has been made. `source` is the number of the row's source, which is new when it is the next one.
    pub(super) fn push(&mut self, row: &Row<'_>, source: u16) {
        let is_new = usize::from(source) == self.sources.len();
        let gist = row.gist();
        let offset = self.used;
        if is_new {
            self.sources.push(Source {
                topic_at: u32::try_from(offset).unwrap_or(u32::MAX),
                topic_length: u16::try_from(row.topic.len()).unwrap_or(u16::MAX),
                kind: row.kind,
                mask: row.mask,
                device: row.device,
            });
            self.append(row.topic.as_bytes());
        }
        self.closed = self.closed || may_be_closed(row.payload);
        self.append(row.payload);
        self.append(gist.as_bytes());
        let has_more = row.has_more();
        if has_more {
            self.append(row.properties);
            self.append(&row.missing.to_le_bytes());
            self.append(&u16::try_from(gist.len()).unwrap_or_default().to_le_bytes());
            let packed = u32::try_from(row.properties.len()).unwrap_or_default();
            self.append(&packed.to_le_bytes());
        }
        let mut flags = row.flags.qos.number();
        for (flag, set) in [
            (RETAIN, row.flags.retain),
            (DUP, row.flags.dup),
            (OUT, row.flags.outgoing),
            (SESSION, row.flags.session),
            (NAMED, is_new),
            (MORE, has_more),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let record = Record {
            at: row.at.0,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            source,
            flags,
            gist: u8::try_from(gist.len()).unwrap_or_default(),
        };
        self.rows += 1;
        let place = self.area.len() - self.rows * RECORD;
        self.area[place..place + RECORD].copy_from_slice(&record.to_bytes());
        self.messages += u64::from(row.kind != Kind::Gap && !row.flags.outgoing);
    }

    fn append(&mut self, bytes: &[u8]) {
        self.area[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }

    fn record(&self, row: usize) -> Option<Record> {
        let place = self.area.len().checked_sub((row + 1) * RECORD)?;
        let bytes = self.area.get(place..)?.first_chunk::<RECORD>()?;
        (row < self.rows).then(|| Record::from_bytes(*bytes))
    }

    /// Everything there is of that row, unless a disk made nonsense of it.
    pub(super) fn read(&self, row: usize) -> Option<Read<'_>> {
        let record = self.record(row)?;
        let end = match self.record(row + 1) {
            Some(next) => next.offset as usize,
            None => self.used,
        };
        let mut bytes = self.area.get(record.offset as usize..end)?;
        if record.flags & NAMED != 0 {
            let source = self.sources.get(usize::from(record.source))?;
            bytes = bytes.get(usize::from(source.topic_length)..)?;
        }
        let (mut gist_length, mut missing) = (usize::from(record.gist), 0);
        let mut packed: &[u8] = &[];
        if record.flags & MORE != 0 {
            let (rest, trailer) = bytes.split_last_chunk::<TRAILER>()?;
            let (head, length) = trailer.split_last_chunk::<4>()?;
            let (head, gist) = head.split_last_chunk::<2>()?;
            missing = u64::from_le_bytes(*head.first_chunk::<8>()?);
            gist_length = usize::from(u16::from_le_bytes(*gist));
            let at = rest
                .len()
                .checked_sub(u32::from_le_bytes(*length) as usize)?;
            (bytes, packed) = rest.split_at(at);
        }
        let (payload, gist) = bytes.split_at(bytes.len().checked_sub(gist_length)?);
        Some(Read {
            at: Timestamp(record.at),
            source: record.source,
            payload,
            gist,
            length: payload.len() as u64 + missing,
            flags: Flags {
                qos: Qos::from_number(record.flags & QOS).unwrap_or_default(),
                retain: record.flags & RETAIN != 0,
                dup: record.flags & DUP != 0,
                outgoing: record.flags & OUT != 0,
                session: record.flags & SESSION != 0,
            },
            packed,
        })
    }

    pub(super) fn source(&self, number: u16) -> Option<&Source> {
        self.sources.get(usize::from(number))
    }

    pub(super) fn topic(&self, source: &Source) -> &str {
        let from = source.topic_at as usize;
        let bytes = self.area.get(from..from + usize::from(source.topic_length));
        bytes
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    pub(super) fn kept<'a>(
        &'a self,
        row: usize,
        masks: &'a [Vec<&'static str>],
    ) -> Option<Kept<'a>> {
        let read = self.read(row)?;
        let source = self.source(read.source)?;
        let gap = (source.kind == Kind::Gap).then(|| gap(read.payload));
        Some(Kept {
            seq: Seq(self.first + row as u64),
            at: read.at,
            topic: self.topic(source),
            device: (source.device != NO_DEVICE).then_some(source.device),
            kind: source.kind,
            gist: std::str::from_utf8(read.gist).unwrap_or_default(),
            payload: if gap.is_some() { &[] } else { read.payload },
            length: if gap.is_some() { 0 } else { read.length },
            qos: read.flags.qos,
            retain: read.flags.retain,
            dup: read.flags.dup,
            outgoing: read.flags.outgoing,
            session: read.flags.session,
            mask: masks
                .get(usize::from(source.mask))
                .map_or(&[], Vec::as_slice),
            gap,
            packed: read.packed,
        })
    }

    /// What all its rows say, and more: topics and trailers.
    pub(super) fn bytes(&self) -> &[u8] {
        self.area.get(..self.used).unwrap_or_default()
    }

    pub(super) fn records(&self) -> &[u8] {
        self.area
            .get(self.area.len() - self.rows * RECORD..)
            .unwrap_or_default()
    }

    /// The same in an area without room. What it stood in comes back.
    pub(super) fn compact(&mut self) -> Vec<u8> {
        let mut area = Vec::with_capacity(self.used + self.rows * RECORD);
        area.extend_from_slice(self.bytes());
        area.extend_from_slice(self.records());
        self.sources.shrink_to_fit();
        std::mem::replace(&mut self.area, area)
    }

    /// Times of its first and its last row.
    pub(super) fn times(&self) -> (Timestamp, Timestamp) {
        let at = |row: usize| {
            self.record(row)
                .map_or_else(Timestamp::default, |r| Timestamp(r.at))
        };
        (at(0), at(self.rows.saturating_sub(1)))
    }
}

impl std::fmt::Debug for Block {
    /// Never what a message says.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("first", &self.first)
            .field("rows", &self.rows)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl Record {
    fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..8].copy_from_slice(&self.at.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.offset.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.source.to_le_bytes());
        bytes[14] = self.flags;
        bytes[15] = self.gist;
        bytes
    }

    const fn from_bytes(b: [u8; RECORD]) -> Self {
        Self {
            at: i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
            offset: u32::from_le_bytes([b[8], b[9], b[10], b[11]]),
            source: u16::from_le_bytes([b[12], b[13]]),
            flags: b[14],
            gist: b[15],
        }
    }
}

/// A gap as the payload of its row.
pub(super) fn gap_bytes(gap: Gap) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&gap.messages.to_le_bytes());
    bytes[8..].copy_from_slice(&gap.bytes.to_le_bytes());
    bytes
}

fn gap(bytes: &[u8]) -> Gap {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let (messages, size) = bytes.split_at(8.min(bytes.len()));
    Gap {
        messages: number(messages),
        bytes: number(size),
    }
}
