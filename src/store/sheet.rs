//! A block on its way to the disk or back: it names its devices, for their numbers mean nothing outside this run.
//!
//! As bytes it is: rows, used bytes, sources, devices (four `u32`); each device's id with its length; the sources; the
//! records; the area's used bytes. Little endian throughout. What a payload holds that must not be shown never gets there.

use bytes::Bytes;

use super::block::{Block, NO_DEVICE, RECORD, ROWS, Row, Source};
use super::ring::Seq;
use crate::base::moment::Timestamp;
use crate::domain::device::DeviceId;
use crate::domain::expression::may_be_closed;
use crate::domain::json;
use crate::domain::reading::Kind;

const SOURCE: usize = 12;

/// Equal when they say the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    pub(super) block: Block,
    /// By the number that the block's sources have.
    pub(super) devices: Vec<DeviceId>,
    /// Member names whose values must not be written, by number.
    pub(super) masks: Vec<Vec<&'static str>>,
}

/// Why bytes are no sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its content makes no sense")]
pub struct NoSheet;

impl Sheet {
    pub const fn rows(&self) -> usize {
        self.block.rows
    }

    /// Rows that are messages.
    pub const fn messages(&self) -> u64 {
        self.block.messages
    }

    /// What it takes in memory.
    pub fn cost(&self) -> usize {
        self.block.cost()
    }

    pub fn first(&self) -> Seq {
        Seq(self.block.first)
    }

    /// When its first and its last message came.
    pub fn times(&self) -> (Timestamp, Timestamp) {
        self.block.times()
    }

    pub fn encode(&self) -> Vec<u8> {
        let masked = self.without_secrets();
        let block = masked.as_ref().unwrap_or(&self.block);
        let mut out = Vec::with_capacity(block.bytes().len() + block.records().len() + 4096);
        let numbers = [
            block.rows,
            block.used,
            block.sources.len(),
            self.devices.len(),
        ];
        for number in numbers {
            out.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        for device in &self.devices {
            let id = device.as_str().as_bytes();
            out.extend(u32::try_from(id.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend(id);
        }
        for source in &block.sources {
            out.extend(source.topic_at.to_le_bytes());
            out.extend(source.topic_length.to_le_bytes());
            let kind = Kind::ALL.iter().position(|kind| *kind == source.kind);
            out.push(kind.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX));
            out.push(0);
            out.extend(source.device.to_le_bytes());
        }
        out.extend(block.records());
        out.extend(block.bytes());
        out
    }

    /// Everything that reading relies on is checked: these bytes come from a disk.
    pub fn decode(bytes: &[u8]) -> Result<Self, NoSheet> {
        Self::read(bytes).ok_or(NoSheet)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let rows = number(&mut rest)?;
        let used = number(&mut rest)?;
        let sources = number(&mut rest)?;
        let devices = number(&mut rest)?;
        if rows > ROWS || sources > rows || devices > sources {
            return None;
        }
        let devices = (0..devices)
            .map(|_| {
                let length = number(&mut rest)?;
                let id = take(&mut rest, length)?;
                Some(DeviceId::new(std::str::from_utf8(id).ok()?))
            })
            .collect::<Option<Vec<_>>>()?;
        let sources = take(&mut rest, sources * SOURCE)?
            .chunks_exact(SOURCE)
            .map(|chunk| source(chunk, devices.len()))
            .collect::<Option<Vec<_>>>()?;
        let records = take(&mut rest, rows * RECORD)?;
        if rest.len() != used {
            return None;
        }
        let mut area = Vec::with_capacity(used + records.len());
        area.extend_from_slice(rest);
        area.extend_from_slice(records);
        let mut block = Block::new(0, area, sources);
        (block.used, block.rows) = (used, rows);
        // A row that cannot be read, or whose source is not there, spoils the whole.
        let (mut messages, mut closed) = (0, false);
        for row in 0..rows {
            let read = block.read(row)?;
            let source = block.source(read.source)?;
            messages += u64::from(source.kind != Kind::Gap && !read.flags.outgoing);
            closed = closed || may_be_closed(read.payload);
        }
        (block.messages, block.closed) = (messages, closed);
        Some(Self {
            block,
            devices,
            masks: Vec::new(),
        })
    }

    /// These rows alone. When they are very long together, the last ones are cut.
    #[must_use]
    pub fn some(&self, rows: &[u16]) -> Self {
        const MUCH: usize = 4 << 20;
        const SHORT: usize = 64 << 10;
        let mut read = Vec::new();
        let (mut room, mut payloads) = (0, 0);
        for number in rows {
            let Some(row) = self.block.read(usize::from(*number)) else {
                continue;
            };
            let most = if payloads > MUCH { SHORT } else { usize::MAX };
            let payload = &row.payload[..row.payload.len().min(most)];
            payloads += payload.len();
            let Some(source) = self.block.source(row.source) else {
                continue;
            };
            let row = Row {
                at: row.at,
                topic: self.block.topic(source),
                kind: source.kind,
                mask: source.mask,
                device: source.device,
                payload,
                missing: row.length - payload.len() as u64,
                gist: std::str::from_utf8(row.gist).unwrap_or_default(),
                properties: row.packed(),
                flags: row.flags,
            };
            room += row.cost(true) + 16;
            read.push(row);
        }
        let mut block = Block::new(self.block.first, vec![0; room], Vec::new());
        for (source, row) in (0..).zip(&read) {
            block.push(row, source);
        }
        Self {
            block,
            devices: self.devices.clone(),
            masks: self.masks.clone(),
        }
    }

    /// A copy whose payloads say `(…)` where something must not be shown; `None` when nothing must be hidden.
    fn without_secrets(&self) -> Option<Block> {
        let mask = |number: u8| {
            self.masks
                .get(usize::from(number))
                .filter(|m| !m.is_empty())
        };
        if !self.block.sources.iter().any(|s| mask(s.mask).is_some()) {
            return None;
        }
        let payloads = (0..self.block.rows).map(|row| {
            let read = self.block.read(row)?;
            let source = self.block.source(read.source)?;
            Some(match mask(source.mask) {
                Some(names) => masked(read.payload, names),
                None => Bytes::copy_from_slice(read.payload),
            })
        });
        let payloads = payloads.collect::<Option<Vec<_>>>()?;
        let rows = payloads.iter().enumerate().map(|(row, payload)| {
            let read = self.block.read(row)?;
            let source = self.block.source(read.source)?;
            let row = Row {
                at: read.at,
                topic: self.block.topic(source),
                kind: source.kind,
                mask: 0,
                device: source.device,
                payload,
                missing: read.length.saturating_sub(payload.len() as u64),
                gist: std::str::from_utf8(read.gist).unwrap_or_default(),
                properties: read.packed(),
                flags: read.flags,
            };
            Some((row, read.source))
        });
        let rows = rows.collect::<Option<Vec<_>>>()?;
        // What is masked may be longer than it was.
        let room = rows.iter().map(|(row, _)| row.cost(true)).sum();
        let mut block = Block::new(self.block.first, vec![0; room], Vec::new());
        for (row, source) in &rows {
            // Sources come in the order of their first row, so the numbers stay.
            block.push(row, *source);
        }
        block.compact();
        Some(block)
    }
}

/// A payload that cannot be masked is not written at all.
fn masked(payload: &[u8], names: &[&'static str]) -> Bytes {
    std::str::from_utf8(payload)
        .ok()
        .and_then(json::document)
        .map(|document| Bytes::from(json::masked(document, names)))
        .unwrap_or_default()
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn source(chunk: &[u8], devices: usize) -> Option<Source> {
    let (topic_at, rest) = chunk.split_first_chunk::<4>()?;
    let (topic_length, rest) = rest.split_first_chunk::<2>()?;
    let (&[kind, _], device) = rest.split_first_chunk::<2>()?;
    let device = u32::from_le_bytes(*device.first_chunk::<4>()?);
    (device == NO_DEVICE || (device as usize) < devices).then_some(())?;
    Some(Source {
        topic_at: u32::from_le_bytes(*topic_at),
        topic_length: u16::from_le_bytes(*topic_length),
        kind: *Kind::ALL.get(usize::from(kind))?,
        mask: 0,
        device,
    })
}
