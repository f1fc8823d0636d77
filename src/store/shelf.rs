//! What left memory and went to disk: which rows stand there, not what they say.
//!
//! Row numbers on the shelf may have holes (another run's rows come before this run's); places in the list have none. A
//! row in memory has its number as its place; the shelf counts back from the first of them.

use std::collections::VecDeque;

use super::ring::Seq;
use crate::base::moment::Timestamp;
use crate::domain::session::Gap;

/// Names one block on the disk for as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

/// What an earlier run left, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    pub place: Place,
    pub rows: u32,
    pub messages: u64,
}

/// Why blocks are on the disk no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// They made room for newer ones.
    Old,
    /// They never got there, or cannot be read any more: a mark stays in their place.
    Hole,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Shelved {
    pub(super) place: Place,
    pub(super) first: u64,
    /// Place of its first row in the list.
    pub(super) start: u64,
    pub(super) rows: u32,
    /// Messages of this run: none where it is another run's.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// When its last message came.
    pub(super) at: Timestamp,
    /// It is lost: one row stands for it.
    pub(super) gap: Option<Gap>,
}

impl Shelved {
    pub(super) const fn end(&self) -> u64 {
        self.first + self.rows as u64
    }
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    blocks: VecDeque<Shelved>,
}

impl Shelf {
    pub(super) fn cost(&self) -> usize {
        self.blocks.capacity() * size_of::<Shelved>()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Shelved> {
        self.blocks.iter()
    }

    pub(super) fn front(&self) -> Option<&Shelved> {
        self.blocks.front()
    }

    pub(super) fn by_place(&self, place: Place) -> Option<&Shelved> {
        self.blocks.iter().rev().find(|block| block.place == place)
    }

    pub(super) fn add(&mut self, block: Shelved) {
        self.blocks.push_back(block);
    }

    /// Those of an earlier run go before all others: `end` is the number and the place that the next row after them has.
    pub(super) fn add_earlier(&mut self, earlier: &[Earlier], end: (u64, u64)) {
        let (mut first, mut start) = match self.blocks.front() {
            Some(block) => (block.first, block.start),
            None => end,
        };
        for block in earlier.iter().rev() {
            let rows = u64::from(block.rows);
            first = first.saturating_sub(rows);
            start = start.saturating_sub(rows);
            self.blocks.push_front(Shelved {
                place: block.place,
                first,
                start,
                rows: block.rows,
                messages: 0,
                bytes: 0,
                at: Timestamp::default(),
                gap: None,
            });
        }
    }

    /// The block that holds the row of that number.
    pub(super) fn holding(&self, seq: Seq) -> Option<&Shelved> {
        let after = self.blocks.partition_point(|block| block.first <= seq.0);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        (seq.0 < block.end()).then_some(block)
    }

    /// The place in the list of the row, or of the next newer one; `None` when it lies behind the shelf.
    pub(super) fn place_of(&self, seq: Seq) -> Option<u64> {
        let after = self.blocks.partition_point(|block| block.first <= seq.0);
        let Some(block) = after.checked_sub(1).and_then(|at| self.blocks.get(at)) else {
            return self.blocks.front().map(|block| block.start);
        };
        if seq.0 < block.end() {
            return Some(block.start + seq.0 - block.first);
        }
        self.blocks.get(after).map(|next| next.start)
    }

    pub(super) fn at(&self, place: u64) -> Option<Seq> {
        let after = self.blocks.partition_point(|block| block.start <= place);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let row = place - block.start;
        (row < u64::from(block.rows)).then_some(Seq(block.first + row))
    }

    /// Messages that are on the disk no more, of this run. The number of the block's first row tells what is gone.
    pub(super) fn lose(&mut self, place: Place, loss: Loss) -> Option<(u64, Shelved)> {
        let mut places = self.blocks.iter().map(|block| block.place);
        // Each is looked for where it stands most likely.
        let at = match loss {
            Loss::Old => places.position(|known| known == place),
            Loss::Hole => places.rposition(|known| known == place),
        }?;
        let block = *self.blocks.get(at)?;
        if block.gap.is_some() {
            return None;
        }
        let is_oldest = self.blocks.iter().take(at).all(|older| older.gap.is_some());
        if is_oldest && loss == Loss::Old {
            self.blocks.drain(..=at);
            return Some((block.messages, block));
        }
        let mark = self.blocks.get_mut(at)?;
        let gap = Gap {
            messages: block.messages,
            bytes: block.bytes,
        };
        mark.gap = Some(gap);
        mark.messages = 0;
        self.shrink(at);
        self.join(at);
        Some((block.messages, block))
    }

    /// The block's rows become one: whatever is older moves up.
    fn shrink(&mut self, at: usize) {
        let Some(block) = self.blocks.get_mut(at) else {
            return;
        };
        let by = u64::from(block.rows.saturating_sub(1));
        block.rows = 1;
        for older in self.blocks.iter_mut().take(at + 1) {
            older.start += by;
        }
    }

    /// Lost blocks in a row are one mark.
    fn join(&mut self, at: usize) {
        let Some(older) = at.checked_sub(1) else {
            return;
        };
        let (Some(before), Some(now)) = (self.blocks.get(older), self.blocks.get(at)) else {
            return;
        };
        let (Some(a), Some(b)) = (before.gap, now.gap) else {
            return;
        };
        let joined = Shelved {
            first: before.first,
            gap: Some(Gap {
                messages: a.messages + b.messages,
                bytes: a.bytes + b.bytes,
            }),
            ..*now
        };
        self.blocks.remove(older);
        if let Some(now) = self.blocks.get_mut(older) {
            *now = joined;
        }
        for even_older in self.blocks.iter_mut().take(older) {
            even_older.start += 1;
        }
    }
}
