//! Messages in order, bounded in bytes.
//!
//! The stream is cut into blocks of some 512 KiB ([`Block`]); when the bound is reached the oldest leaves with everything that
//! belongs to it, and its memory is the next one's: a full ring asks the system for nothing more. What leaves is let go, or
//! stands on the shelf (on disk) where there is one. Sequence numbers never repeat, so a number held elsewhere is valid
//! or gone. `received = kept + shelved + dropped` holds at every moment, gaps included.

mod away;
mod index;

use std::collections::VecDeque;

pub use super::block::Kept;
use super::block::{Block, Flags, NO_DEVICE, ROWS, Row, gap_bytes};
use super::devices::Devices;
use super::properties;
use super::sheet::Sheet;
use super::shelf::{Earlier, Loss, Place, Shelf, Shelved};
use crate::base::moment::Timestamp;
use crate::domain::batch::Batched;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::Kind;
use crate::domain::session::Gap;
use away::Page;
use index::Index;

/// Place of a message in the stream, from 0; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// Bytes of a block.
const BLOCK: usize = 512 * 1024;
/// A payload longer than this is kept in part: its beginning and its true length.
const LONGEST: usize = 16 * 1024 * 1024;
/// Where this run's rows begin when there is a shelf: those of earlier runs come before.
const AFTER_EARLIER: u64 = 1 << 40;
/// Pages that stay, at least and at most: more than a window of rows needs, should each stand in another block.
const PAGES: (usize, usize) = (256, 512);

#[derive(Debug)]
pub struct Ring {
    blocks: VecDeque<Block>,
    /// Sources of the newest block.
    index: Index,
    /// The area of a block that left, for the next one.
    spare: Option<Vec<u8>>,
    shelf: Shelf,
    has_shelf: bool,
    next_place: u64,
    /// Blocks on their way to the disk.
    leaving: Vec<(Place, Block)>,
    /// Read back from the disk, the last one last.
    pages: VecDeque<Page>,
    limit_bytes: usize,
    /// Bytes charged for all blocks.
    charged: usize,
    /// Bytes that others keep on behalf of these messages.
    beside: usize,
    next: u64,
    received: u64,
    dropped: u64,
    /// Messages that a bound let go, part of `dropped`.
    evicted: u64,
    kept: u64,
    shelved: u64,
    /// Sets of names to mask, shared by all messages that need them.
    masks: Vec<Vec<&'static str>>,
}

/// Where the newest message of a topic found its source: for the next one, which then need not look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The first row of the block.
    block: u64,
    source: u16,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            block: u64::MAX,
            source: 0,
        }
    }
}

/// What is told about a message when it is pushed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Note<'a> {
    pub kind: Kind,
    /// Number of the device, as `Devices` gives it.
    pub device: Option<u32>,
    pub gist: &'a str,
    pub mask: &'a [&'static str],
}

impl Ring {
    /// What does not fit is let go.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            index: Index::default(),
            spare: None,
            shelf: Shelf::default(),
            has_shelf: false,
            next_place: 1 << 32,
            leaving: Vec::new(),
            pages: VecDeque::new(),
            limit_bytes,
            charged: 0,
            beside: 0,
            next: 0,
            received: 0,
            dropped: 0,
            evicted: 0,
            kept: 0,
            shelved: 0,
            masks: vec![Vec::new()],
        }
    }

    /// What does not fit leaves for the shelf: [`Self::take_leaving`] hands it over.
    pub fn with_shelf(limit_bytes: usize) -> Self {
        Self {
            has_shelf: true,
            next: AFTER_EARLIER,
            ..Self::new(limit_bytes)
        }
    }

    pub const fn has_shelf(&self) -> bool {
        self.has_shelf
    }

    /// The ceiling, in bytes.
    pub const fn limit(&self) -> usize {
        self.limit_bytes
    }

    /// Every message that came, kept or not.
    pub const fn received(&self) -> u64 {
        self.received
    }

    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages in memory.
    pub const fn kept(&self) -> u64 {
        self.kept
    }

    /// Messages of this run that are on the disk, or on their way there.
    pub const fn shelved(&self) -> u64 {
        self.shelved
    }

    /// Older messages that a bound let go.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Number of the oldest row that is still there, on the disk or in memory; equal to `end` when there is none.
    pub fn first(&self) -> Seq {
        let shelved = self.shelf.front().map(|block| Seq(block.first));
        shelved.unwrap_or_else(|| self.first_in_memory())
    }

    pub fn first_in_memory(&self) -> Seq {
        Seq(self.blocks.front().map_or(self.next, |b| b.first))
    }

    /// The number of the newest row.
    pub const fn last(&self) -> Seq {
        Seq(self.next.saturating_sub(1))
    }

    /// The number that the next row will have.
    pub const fn end(&self) -> Seq {
        Seq(self.next)
    }

    /// Rows in memory and on the disk.
    pub fn rows(&self) -> u64 {
        self.next.saturating_sub(self.start())
    }

    /// Bytes that all of it takes.
    pub fn charged(&self) -> usize {
        self.charged_but_spare() + self.spare.as_ref().map_or(0, Vec::len)
    }

    fn charged_but_spare(&self) -> usize {
        let pages: usize = self.pages.iter().map(Page::cost).sum();
        self.charged + self.index.cost() + self.shelf.cost() + self.beside + pages
    }

    /// What others keep on behalf of these messages counts as theirs: lists of what was found.
    pub const fn set_beside(&mut self, bytes: usize) {
        self.beside = bytes;
    }

    /// What we sent ourselves is a row like any other, but counts neither as received nor as kept or dropped.
    pub fn push(&mut self, message: &Message, note: Note<'_>) -> Seq {
        if message.direction == Direction::In {
            self.received += 1;
            self.kept += 1;
        }
        let kept = &message.payload[..message.payload.len().min(self.longest())];
        let packed = message.properties.as_deref().map(properties::pack);
        let mask = self.mask(note.mask);
        let row = Row {
            at: message.at,
            topic: message.topic.as_str(),
            kind: note.kind,
            mask,
            device: note.device.unwrap_or(NO_DEVICE),
            payload: kept,
            missing: (message.payload.len() - kept.len()) as u64,
            gist: note.gist,
            properties: packed.as_deref().unwrap_or_default(),
            flags: Flags {
                qos: message.qos,
                retain: message.retain,
                dup: message.dup,
                outgoing: message.direction == Direction::Out,
                session: message.session,
            },
        };
        self.append(&row).0
    }

    /// A message that came and means nothing beyond itself. `known` is what the last one of the same topic was answered.
    pub fn push_batched(&mut self, at: Timestamp, message: &Batched<'_>, known: Known) -> Known {
        self.received += 1;
        self.kept += 1;
        let kept = message.payload.len().min(self.longest());
        let (payload, left) = message.payload.split_at(kept);
        let mut row = Row {
            at,
            topic: "",
            kind: Kind::Message,
            mask: 0,
            device: NO_DEVICE,
            payload,
            missing: left.len() as u64,
            gist: "",
            properties: &[],
            flags: Flags {
                qos: message.qos,
                retain: message.retain,
                dup: message.dup,
                outgoing: false,
                session: message.session,
            },
        };
        if let Some(block) = self.blocks.back_mut()
            && block.first == known.block
            && block.rows < ROWS
            && row.cost(false) <= block.room()
        {
            block.push(&row, known.source);
            self.next += 1;
            return known;
        }
        row.topic = message.topic_text();
        let source = self.append(&row).1;
        let block = self.blocks.back().map_or(u64::MAX, |block| block.first);
        Known { block, source }
    }

    /// A row for messages that were dropped before they came here.
    pub fn push_gap(&mut self, at: Timestamp, gap: Gap) -> Seq {
        self.received += gap.messages;
        self.dropped += gap.messages;
        let row = Row {
            at,
            topic: "",
            kind: Kind::Gap,
            mask: 0,
            device: NO_DEVICE,
            payload: &gap_bytes(gap),
            missing: 0,
            gist: "",
            properties: &[],
            flags: Flags::default(),
        };
        self.append(&row).0
    }

    /// The row of that number; `None` when it is gone, not there yet, or on the disk and not read back.
    pub fn get(&self, seq: Seq) -> Option<Kept<'_>> {
        if seq < self.first_in_memory() {
            return self.shelved_row(seq);
        }
        let after = self.blocks.partition_point(|b| b.first <= seq.0);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        block.kept(usize::try_from(seq.0 - block.first).ok()?, &self.masks)
    }

    /// Place in the list of its first row. Places of rows in memory are their numbers.
    fn start(&self) -> u64 {
        let shelved = self.shelf.front().map(|block| block.start);
        shelved.unwrap_or_else(|| self.first_in_memory().0)
    }

    /// Rows before that one, or before the next newer one that is still there.
    pub fn index_of(&self, seq: Seq) -> usize {
        let memory = self.first_in_memory();
        let place = match (seq < memory).then(|| self.shelf.place_of(seq)) {
            Some(Some(place)) => place,
            Some(None) => memory.0,
            None => seq.0.min(self.next),
        };
        usize::try_from(place.saturating_sub(self.start())).unwrap_or(usize::MAX)
    }

    pub fn at(&self, index: usize) -> Option<Seq> {
        let place = self.start().checked_add(index as u64)?;
        if place >= self.first_in_memory().0 {
            return (place < self.next).then_some(Seq(place));
        }
        self.shelf.at(place)
    }

    /// Blocks in memory, oldest first.
    pub(super) fn blocks(&self) -> impl DoubleEndedIterator<Item = &Block> {
        self.blocks.iter()
    }

    /// Its number, and that of its source in the newest block.
    fn append(&mut self, row: &Row<'_>) -> (Seq, u16) {
        let seq = Seq(self.next);
        let key = self.index.key(row);
        let found = self
            .blocks
            .back()
            .and_then(|block| self.index.find(key, row, block));
        let (rows, room) = self.blocks.back().map_or((ROWS, 0), |b| (b.rows, b.room()));
        let source = if rows < ROWS && row.cost(found.is_none()) <= room {
            found
        } else {
            self.new_block(row.cost(true));
            None
        };
        let block = self.blocks.back_mut().expect("there is a block with room");
        let before = block.cost();
        let number = source.unwrap_or_else(|| {
            let number = u16::try_from(block.sources.len()).unwrap_or(u16::MAX);
            self.index.add(key, number);
            number
        });
        block.push(row, number);
        self.charged = self.charged + block.cost() - before;
        self.next += 1;
        (seq, number)
    }

    /// A block with that much room, after the oldest have made way for it.
    fn new_block(&mut self, needed: usize) {
        let size = self.block_bytes().max(needed);
        self.seal();
        self.index.clear();
        while !self.blocks.is_empty() && self.charged_but_spare() + size > self.limit_bytes {
            self.let_go_of_the_oldest();
        }
        let area = match self.spare.take() {
            Some(area) if area.len() == size => area,
            _ => vec![0; size],
        };
        let block = Block::new(self.next, area, Vec::new());
        self.charged += block.cost();
        self.blocks.push_back(block);
    }

    /// The newest block gets nothing more: when much of it stayed empty, that is given back.
    fn seal(&mut self) {
        let size = self.block_bytes();
        let Some(block) = self.blocks.back_mut() else {
            return;
        };
        let before = block.cost();
        block.sources.shrink_to_fit();
        if block.room() > block.area.len() / 16 {
            let area = block.compact();
            if area.len() == size {
                self.spare = Some(area);
            }
        }
        self.charged = self.charged + block.cost() - before;
    }

    fn block_bytes(&self) -> usize {
        BLOCK.min(self.limit_bytes / 8).max(1024)
    }

    fn longest(&self) -> usize {
        LONGEST.min(self.limit_bytes / 4).max(1024)
    }

    fn mask(&mut self, names: &[&'static str]) -> u8 {
        if names.is_empty() {
            return 0;
        }
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

#[cfg(test)]
mod tests;
