//! The nearest message of one topic or device on either side of another: in memory at once, among those on the disk asked for
//! by the core and looked for beside it.
//!
//! A block says at its front what is in it: one that has nothing of the topic or device costs no look at its rows.

use std::ops::Range;

use super::block::{Block, NO_DEVICE, Source};
use super::ring::{Ring, Seq};
use super::sheet::Sheet;
use super::shelf::Place;
use crate::domain::device::DeviceId;
use crate::domain::reading::Kind;

/// What is looked for in memory, where devices have numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Only messages of this device; where there is none, only those of no device.
    pub device: Option<u32>,
    /// Only messages on this topic; any where there is none.
    pub topic: Option<&'a str>,
    /// Only messages of this kind, and of this direction (`true` for those we sent).
    pub like: Option<(Kind, bool)>,
}

/// How far a look through memory came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Near {
    Found(Seq),
    /// Nothing up to here, and this is as far as one look goes: the next one starts from this row.
    Until(Seq),
    /// Nothing in all of memory on that side.
    Nothing,
}

/// What is looked for on the disk, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seek {
    /// As of [`Wanted`].
    pub device: Option<DeviceId>,
    pub topic: Option<String>,
    pub like: Option<(Kind, bool)>,
    /// Towards the newest; else towards the oldest.
    pub later: bool,
    /// The row from which it starts, where that is on the disk itself.
    pub from: Option<(Place, u16)>,
    /// The blocks, the nearest first.
    pub places: Vec<Place>,
}

impl Ring {
    /// The nearest row in memory that is wanted, beyond `from`. `most` is what one look may cost, in topics and rows.
    pub fn look(&self, from: Seq, later: bool, wanted: Wanted<'_>, most: usize) -> Near {
        let end = |block: &Block| block.first + block.rows as u64;
        let blocks: Box<dyn Iterator<Item = &Block>> = if later {
            let after = from.0.saturating_add(1);
            Box::new(self.blocks().skip_while(move |b| end(b) <= after))
        } else {
            Box::new(self.blocks().rev().skip_while(|b| b.first >= from.0))
        };
        let mut spent = 0;
        for block in blocks {
            if spent >= most {
                let reached = if later {
                    block.first.saturating_sub(1)
                } else {
                    end(block)
                };
                return Near::Until(Seq(reached));
            }
            spent += block.sources.len();
            let Some(of) = sources(block, |source| wanted.is_from(source, block)) else {
                continue;
            };
            let row = |seq: u64| usize::try_from(seq.saturating_sub(block.first)).unwrap_or(0);
            let rows = if later {
                row(from.0.saturating_add(1))..block.rows
            } else {
                0..row(from.0).min(block.rows)
            };
            spent += rows.len();
            if let Some(row) = nearest(block, rows, later, &of, wanted.like) {
                return Near::Found(Seq(block.first + row as u64));
            }
        }
        Near::Nothing
    }
}

impl Wanted<'_> {
    fn is_from(&self, source: &Source, block: &Block) -> bool {
        source.device == self.device.unwrap_or(NO_DEVICE)
            && is_like(source, block, self.topic, self.like)
    }
}

impl Seek {
    /// The nearest row of that block that is looked for.
    pub fn find(&self, place: Place, sheet: &Sheet) -> Option<u16> {
        let block = &sheet.block;
        let of = sources(block, |source| self.is_from(source, sheet))?;
        let from = self
            .from
            .and_then(|(start, row)| (start == place).then_some(usize::from(row)));
        let rows = if self.later {
            from.map_or(0, |row| row + 1)..block.rows
        } else {
            0..from.unwrap_or(block.rows).min(block.rows)
        };
        let row = nearest(block, rows, self.later, &of, self.like)?;
        u16::try_from(row).ok()
    }

    fn is_from(&self, source: &Source, sheet: &Sheet) -> bool {
        let device = match source.device {
            NO_DEVICE => None,
            number => sheet.devices.get(number as usize),
        };
        device == self.device.as_ref()
            && is_like(source, &sheet.block, self.topic.as_deref(), self.like)
    }
}

fn is_like(
    source: &Source,
    block: &Block,
    topic: Option<&str>,
    like: Option<(Kind, bool)>,
) -> bool {
    source.kind != Kind::Gap
        && like.is_none_or(|(kind, _)| kind == source.kind)
        && topic.is_none_or(|topic| {
            usize::from(source.topic_length) == topic.len() && block.topic(source) == topic
        })
}

/// Which sources of the block are wanted; `None` when none is.
fn sources(block: &Block, is_wanted: impl Fn(&Source) -> bool) -> Option<Vec<bool>> {
    let first = block.sources.iter().position(&is_wanted)?;
    let rest = block.sources.iter().skip(first).map(is_wanted);
    Some(std::iter::repeat_n(false, first).chain(rest).collect())
}

fn nearest(
    block: &Block,
    mut rows: Range<usize>,
    later: bool,
    of: &[bool],
    like: Option<(Kind, bool)>,
) -> Option<usize> {
    let is_wanted = |row: &usize| {
        block.read(*row).is_some_and(|read| {
            of.get(usize::from(read.source)) == Some(&true)
                && like.is_none_or(|(_, outgoing)| outgoing == read.flags.outgoing)
        })
    };
    if later {
        rows.find(is_wanted)
    } else {
        rows.rfind(is_wanted)
    }
}
