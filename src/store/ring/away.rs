//! Rows that are not in memory: on their way to the disk, there, and read back from it.

use std::collections::HashMap;

use super::{
    Block, Devices, Earlier, Kept, Kind, Loss, NO_DEVICE, PAGES, Place, Ring, Seq, Sheet, Shelved,
};

/// Some rows of a block on the disk.
#[derive(Debug)]
pub(super) struct Page {
    place: Place,
    /// Their numbers in that block, in order.
    rows: Vec<u16>,
    block: Block,
}

impl Page {
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.block.cost() + self.rows.capacity() * size_of::<u16>()
    }

    pub(super) fn find(&self, place: Place, row: u64) -> Option<usize> {
        let row = u16::try_from(row).ok()?;
        (self.place == place)
            .then(|| self.rows.binary_search(&row).ok())
            .flatten()
    }
}

impl Ring {
    pub(super) fn shelved_row(&self, seq: Seq) -> Option<Kept<'_>> {
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

    /// The row stands for messages that the disk did not keep.
    pub fn is_hole(&self, seq: Seq) -> bool {
        self.shelf
            .holding(seq)
            .is_some_and(|block| block.gap.is_some())
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

    /// Blocks of the shelf with rows before that one, or after it: the nearest first, with how many rows each has, without
    /// those that are lost.
    pub fn shelved_beside(&self, seq: Seq, later: bool) -> Vec<(Place, u32)> {
        let named = |block: &Shelved| (block.place, block.rows);
        let blocks = self.shelf.iter().filter(|block| block.gap.is_none());
        if later {
            let after = blocks.filter(|block| block.end() > seq.0.saturating_add(1));
            after.map(named).collect()
        } else {
            let before = blocks.rev().filter(|block| block.first < seq.0);
            before.map(named).collect()
        }
    }

    /// Where on the disk the row is, read back or not: the block, and its number there.
    pub fn place_of(&self, seq: Seq) -> Option<(Place, u16)> {
        let shelved = self.shelf.holding(seq)?;
        let row = u16::try_from(seq.0 - shelved.first).ok()?;
        shelved.gap.is_none().then_some((shelved.place, row))
    }

    /// Number of the first row of a block on the shelf.
    pub fn first_of(&self, place: Place) -> Option<Seq> {
        self.shelf.by_place(place).map(|block| Seq(block.first))
    }

    pub(super) fn let_go_of_the_oldest(&mut self) {
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
}
