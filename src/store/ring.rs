//! Messages in order, bounded in bytes.
//!
//! The stream is cut into blocks of some 512 KiB ([`Block`]); when the bound is reached the oldest leaves with everything that
//! belongs to it, and its memory is the next one's: a full ring asks the system for nothing more. What leaves is let go, or
//! stands on the shelf (on disk) where there is one. Sequence numbers never repeat, so a number held elsewhere is valid
//! or gone. `received = kept + shelved + dropped` holds at every moment, gaps included.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

pub use super::block::Kept;
use super::block::{Block, Flags, NO_DEVICE, ROWS, Row, Source, gap_bytes};
use super::devices::Devices;
use super::properties;
use super::sheet::Sheet;
use super::shelf::{Earlier, Loss, Place, Shelf, Shelved};
use crate::base::keyed_hash::AsItIs;
use crate::base::moment::Timestamp;
use crate::domain::batch::Batched;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::Kind;
use crate::domain::session::Gap;

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

/// Some rows of a block on the disk.
#[derive(Debug)]
struct Page {
    place: Place,
    /// Their numbers in that block, in order.
    rows: Vec<u16>,
    block: Block,
}

impl Page {
    fn cost(&self) -> usize {
        size_of::<Self>() + self.block.cost() + self.rows.capacity() * size_of::<u16>()
    }

    fn find(&self, place: Place, row: u64) -> Option<usize> {
        let row = u16::try_from(row).ok()?;
        (self.place == place)
            .then(|| self.rows.binary_search(&row).ok())
            .flatten()
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

    fn shelved_row(&self, seq: Seq) -> Option<Kept<'_>> {
        let shelved = self.shelf.holding(seq)?;
        if let Some(gap) = shelved.gap {
            return Some(Kept {
                seq,
                at: shelved.at,
                topic: "",
                device: None,
                kind: Kind::Gap,
                gist: "",
                payload: &[],
                length: 0,
                qos: crate::domain::message::Qos::default(),
                retain: false,
                dup: false,
                outgoing: false,
                session: false,
                mask: &[],
                gap: Some(gap),
                packed: &[],
            });
        }
        let row = seq.0 - shelved.first;
        let mut pages = self.pages.iter().rev();
        let (page, at) = pages.find_map(|p| Some((p, p.find(shelved.place, row)?)))?;
        let kept = page.block.kept(at, &self.masks)?;
        Some(Kept { seq, ..kept })
    }

    /// Where on the disk the row is that `get` does not have: the block, and its number there.
    pub fn missing(&self, seq: Seq) -> Option<(Place, u16)> {
        let shelved = self.shelf.holding(seq)?;
        let row = seq.0 - shelved.first;
        let is_here = |page: &Page| page.find(shelved.place, row).is_some();
        if shelved.gap.is_some() || self.pages.iter().any(is_here) {
            return None;
        }
        Some((shelved.place, u16::try_from(row).ok()?))
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

    /// Blocks of the shelf that begin before that row, newest first, without those that are lost.
    pub fn shelved_before(&self, seq: Seq) -> Vec<Place> {
        let there = |block: &&Shelved| block.first < seq.0 && block.gap.is_none();
        self.shelf
            .iter()
            .rev()
            .filter(there)
            .map(|block| block.place)
            .collect()
    }

    /// Number of the first row of a block on the shelf.
    pub fn first_of(&self, place: Place) -> Option<Seq> {
        self.shelf.by_place(place).map(|block| Seq(block.first))
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

    fn let_go_of_the_oldest(&mut self) {
        let Some(block) = self.blocks.pop_front() else {
            return;
        };
        self.charged -= block.cost();
        self.kept -= block.messages;
        if !self.has_shelf {
            self.dropped += block.messages;
            self.evicted += block.messages;
            if block.area.len() == self.block_bytes() {
                self.spare = Some(block.area);
            }
            return;
        }
        let place = Place(self.next_place);
        self.next_place += 1;
        self.shelved += block.messages;
        self.shelf.add(Shelved {
            place,
            first: block.first,
            start: block.first,
            rows: u32::try_from(block.rows).unwrap_or(u32::MAX),
            messages: block.messages,
            bytes: block.used as u64,
            at: block.times().1,
            gap: None,
        });
        self.leaving.push((place, block));
    }

    /// Nothing stays in memory.
    pub fn let_go_of_all(&mut self) {
        self.seal();
        while !self.blocks.is_empty() {
            self.let_go_of_the_oldest();
        }
    }

    /// What has left memory since the last call, for the disk.
    pub fn take_leaving(&mut self, devices: &Devices) -> Vec<(Place, Sheet)> {
        let leaving = std::mem::take(&mut self.leaving);
        let sheet = |(place, mut block): (Place, Block)| {
            let mut ids = Vec::new();
            let mut numbers = HashMap::new();
            for source in &mut block.sources {
                let Some(id) = devices.id_of(source.device) else {
                    source.device = NO_DEVICE;
                    continue;
                };
                source.device = *numbers.entry(source.device).or_insert_with(|| {
                    ids.push(id.clone());
                    u32::try_from(ids.len() - 1).unwrap_or(NO_DEVICE)
                });
            }
            let sheet = Sheet {
                block,
                devices: ids,
                masks: self.masks.clone(),
            };
            (place, sheet)
        };
        leaving.into_iter().map(sheet).collect()
    }

    /// What an earlier run left on the disk. It is no part of what this one received.
    pub fn add_earlier(&mut self, earlier: &[Earlier]) {
        let end = (self.first().0, self.start());
        self.shelf.add_earlier(earlier, end);
    }

    /// A block is on the disk no more. The number of its first row; `None` when nobody knows it.
    pub fn lose(&mut self, place: Place, loss: Loss) -> Option<Seq> {
        let (messages, block) = self.shelf.lose(place, loss)?;
        self.shelved -= messages;
        self.dropped += messages;
        if loss == Loss::Old {
            self.evicted += messages;
        }
        self.pages.retain(|page| page.place != place);
        Some(Seq(block.first))
    }

    /// Rows that were read back.
    pub fn add_page(&mut self, place: Place, rows: Vec<u16>, sheet: Sheet, devices: &mut Devices) {
        let mut block = sheet.block;
        if self.shelf.by_place(place).is_none() || block.rows != rows.len() {
            return;
        }
        let numbers: Vec<u32> = sheet.devices.iter().map(|id| devices.number(id)).collect();
        for source in &mut block.sources {
            let number = numbers.get(source.device as usize);
            source.device = number.copied().unwrap_or(NO_DEVICE);
        }
        self.pages.push_back(Page { place, rows, block });
        let bytes = |ring: &Self| ring.pages.iter().map(Page::cost).sum::<usize>();
        while self.pages.len() > PAGES.1
            || (self.pages.len() > PAGES.0 && bytes(self) > self.limit_bytes / 16)
        {
            self.pages.pop_front();
        }
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

/// Finds a row's source in the newest block.
#[derive(Debug, Default)]
struct Index {
    random: RandomState,
    numbers: HashMap<u64, u16, AsItIs>,
}

impl Index {
    fn key(&self, row: &Row<'_>) -> u64 {
        self.random
            .hash_one((row.topic, row.device, row.kind, row.mask))
    }

    fn find(&self, key: u64, row: &Row<'_>, block: &Block) -> Option<u16> {
        let number = *self.numbers.get(&key)?;
        let source = block.source(number)?;
        let same = |source: &Source| {
            (source.device, source.kind, source.mask) == (row.device, row.kind, row.mask)
                && block.topic(source) == row.topic
        };
        same(source).then_some(number)
    }

    /// Should two share a key, the later one is found from now on; the earlier one may come twice in the block.
    fn add(&mut self, key: u64, number: u16) {
        self.numbers.insert(key, number);
    }

    fn clear(&mut self) {
        if self.numbers.len() < self.numbers.capacity() / 8 {
            self.numbers = HashMap::default();
        } else {
            self.numbers.clear();
        }
    }

    fn cost(&self) -> usize {
        self.numbers.capacity() * (size_of::<(u64, u16)>() + 2)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::message::{Properties, Qos};
    use crate::domain::topic::Topic;

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
    fn ever_new_topics_stay_under_the_bound() {
        let mut ring = Ring::new(2 << 20);
        let mut last = Seq(0);
        for n in 0..70_000 {
            last = ring.push(&message(&format!("site/{n}/state"), b"x"), Note::default());
            assert!(ring.charged() <= 2 << 20, "{}", ring.charged());
        }
        assert_eq!(ring.get(last).map(|k| k.topic), Some("site/69999/state"));
        assert!(ring.evicted() > 10_000, "{}", ring.evicted());
        assert_eq!(ring.kept() + ring.evicted(), 70_000);
        let oldest = ring.get(ring.first()).expect("there");
        assert_eq!(oldest.topic, format!("site/{}/state", ring.first().0));
    }

    #[test]
    fn what_few_messages_carry_is_kept_too() {
        let mut ring = Ring::new(1 << 20);
        let properties = Properties {
            content_type: Some("json".to_owned()),
            ..Properties::default()
        };
        let mut message = message("a", b"{}");
        message.properties = Some(Box::new(properties.clone()));
        message.session = true;
        let long = "세".repeat(100);
        let note = Note {
            gist: &long,
            ..Note::default()
        };
        let seq = ring.push(&message, note);
        let kept = ring.get(seq).expect("just pushed");
        assert_eq!(kept.properties(), Some(Box::new(properties)));
        assert_eq!((kept.payload, kept.gist), (b"{}".as_slice(), long.as_str()));
        assert!(kept.session);
    }

    #[test]
    fn two_hundred_bytes_cost_less_than_forty_more() {
        let mut ring = Ring::new(256 << 20);
        let payload = vec![b'x'; 200];
        for n in 0..100_000 {
            ring.push(
                &message(&format!("bench/{}", n % 100), &payload),
                Note::default(),
            );
        }
        let over = ring.charged() as u64 / ring.kept() - 200;
        assert!(over < 24, "{over}");
    }

    fn listed(ring: &Ring) -> Vec<Seq> {
        (0..).map_while(|index| ring.at(index)).collect()
    }

    fn pushed(ring: &mut Ring, messages: usize) {
        for n in 0..messages {
            ring.push(
                &message("t", format!("{n:0>200}").as_bytes()),
                Note::default(),
            );
        }
    }

    #[test]
    fn what_leaves_memory_stands_on_the_shelf_and_can_be_read_back() {
        let mut devices = Devices::default();
        let mut ring = Ring::with_shelf(64 * 1024);
        let first = ring.end();
        pushed(&mut ring, 1000);
        let leaving = ring.take_leaving(&devices);
        assert!(!leaving.is_empty());
        assert_eq!(ring.kept() + ring.shelved(), 1000);
        assert_eq!((ring.rows(), ring.first()), (1000, first));
        assert_eq!(ring.at(0), Some(first));
        assert_eq!(ring.index_of(ring.end()), 1000);
        let (place, sheet) = &leaving[0];
        assert_eq!(ring.missing(first), Some((*place, 0)));
        assert!(ring.get(first).is_none(), "it is on the disk");
        let back = Sheet::decode(&sheet.encode()).expect("a sheet");
        ring.add_page(*place, vec![0, 2], back.some(&[0, 2]), &mut devices);
        assert!(ring.get(Seq(first.0 + 1)).is_none());
        let third = ring.get(Seq(first.0 + 2)).expect("read back");
        assert_eq!(third.seq, Seq(first.0 + 2));
        assert_eq!(third.payload, format!("{:0>200}", 2).as_bytes());
        let kept = ring.get(first).expect("read back");
        assert_eq!(kept.payload, format!("{:0>200}", 0).as_bytes());
        assert_eq!((kept.seq, kept.topic), (first, "t"));
    }

    #[test]
    fn a_block_that_never_got_to_the_disk_leaves_a_mark() {
        let mut ring = Ring::with_shelf(64 * 1024);
        pushed(&mut ring, 1000);
        let leaving = ring.take_leaving(&Devices::default());
        let (lost, rows) = (leaving[2].0, leaving[2].1.rows() as u64);
        let first = ring.lose(lost, Loss::Hole).expect("known");
        assert_eq!(ring.dropped(), rows);
        assert_eq!(
            ring.received(),
            ring.kept() + ring.shelved() + ring.dropped()
        );
        let gap = ring.get(first).and_then(|kept| kept.gap).expect("a mark");
        assert_eq!((gap.messages, ring.rows()), (rows, 1001 - rows));
        // Every place in the list has a row, each newer than the one before.
        let seqs = listed(&ring);
        assert_eq!(seqs.len() as u64, ring.rows());
        assert!(seqs.is_sorted());
        for (index, seq) in seqs.iter().enumerate() {
            assert_eq!(ring.index_of(*seq), index);
        }
        ring.lose(leaving[1].0, Loss::Hole);
        ring.lose(leaving[3].0, Loss::Hole);
        let gaps = listed(&ring).into_iter();
        let gaps = gaps.filter_map(|seq| ring.get(seq)?.gap).count();
        assert_eq!(gaps, 2, "holes are joined with the one before");
        ring.lose(leaving[0].0, Loss::Old);
        assert_eq!(
            ring.received(),
            ring.kept() + ring.shelved() + ring.dropped()
        );
    }

    #[test]
    fn an_earlier_run_comes_before_this_one_and_is_not_counted_as_received() {
        let mut ring = Ring::with_shelf(64 * 1024);
        pushed(&mut ring, 10);
        let earlier = [(1, 300), (2, 200)].map(|(place, rows)| Earlier {
            place: Place(place),
            rows,
            messages: u64::from(rows),
        });
        ring.add_earlier(&earlier);
        assert_eq!((ring.rows(), ring.received(), ring.shelved()), (510, 10, 0));
        let oldest = ring.at(0).expect("a row");
        assert_eq!(ring.missing(oldest), Some((Place(1), 0)));
        let next = ring.at(300).expect("a row");
        assert_eq!(ring.missing(next), Some((Place(2), 0)));
        assert!(ring.get(ring.at(500).expect("a row")).is_some());
        assert_eq!(ring.shelved_before(ring.end()), [Place(2), Place(1)]);
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
                prop_assert!(ring.charged() <= limit + 9000 + 4096, "{} over {}", ring.charged(), limit);
            }
        }

        #[test]
        fn received_is_kept_and_shelved_and_dropped_whatever_the_disk_does(
            steps in proptest::collection::vec((0_usize..3000, 0_u8..8), 1..300)
        ) {
            let mut devices = Devices::default();
            let mut ring = Ring::with_shelf(40_000);
            let mut places = Vec::new();
            for (size, what) in steps {
                ring.push(&message("t", &vec![b'a'; size]), Note::default());
                places.extend(ring.take_leaving(&devices));
                match what {
                    0 => { ring.push_gap(Timestamp(0), Gap { messages: 5, bytes: 50 }); }
                    1 if !places.is_empty() => { ring.lose(places.remove(0).0, Loss::Old); }
                    2 if !places.is_empty() => { ring.lose(places.remove(places.len() / 2).0, Loss::Hole); }
                    3 => if let Some((place, sheet)) = places.last() {
                        ring.add_page(*place, vec![0], sheet.some(&[0]), &mut devices);
                    },
                    _ => {}
                }
                prop_assert_eq!(ring.received(), ring.kept() + ring.shelved() + ring.dropped());
                let seqs = listed(&ring);
                prop_assert_eq!(seqs.len() as u64, ring.rows());
                prop_assert!(seqs.is_sorted());
                prop_assert!(seqs.iter().enumerate().all(|(index, seq)| ring.index_of(*seq) == index));
            }
        }
    }
}
