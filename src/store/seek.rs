//! The next message of one topic or device among those on the disk: asked for by the core, looked for beside it.

use super::block::{Block, NO_DEVICE, Source};
use super::sheet::Sheet;
use super::shelf::Place;
use crate::domain::device::DeviceId;
use crate::domain::reading::Kind;

/// What is looked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seek {
    /// Only messages of this device; where there is none, only those of no device.
    pub device: Option<DeviceId>,
    /// Only messages on this topic; any where there is none.
    pub topic: Option<String>,
    /// Only messages of this kind, and of this direction (`true` for those we sent).
    pub like: Option<(Kind, bool)>,
    /// Towards the newest; else towards the oldest.
    pub later: bool,
    /// The row from which it starts, where that is on the disk itself.
    pub from: Option<(Place, u16)>,
    /// The blocks, the nearest first.
    pub places: Vec<Place>,
}

impl Seek {
    /// The nearest row of that block that is looked for.
    pub fn find(&self, place: Place, sheet: &Sheet) -> Option<u16> {
        let block = &sheet.block;
        let wanted: Vec<bool> = block
            .sources
            .iter()
            .map(|source| self.is_from(source, sheet))
            .collect();
        if !wanted.contains(&true) {
            return None;
        }
        let rows = u16::try_from(block.rows).unwrap_or(u16::MAX);
        let from = self
            .from
            .and_then(|(start, row)| (start == place).then_some(row));
        let is_wanted = |row: &u16| self.is_row(*row, block, &wanted);
        if self.later {
            (from.map_or(0, |row| row.saturating_add(1))..rows).find(is_wanted)
        } else {
            (0..from.unwrap_or(rows).min(rows)).rev().find(is_wanted)
        }
    }

    fn is_from(&self, source: &Source, sheet: &Sheet) -> bool {
        let device = match source.device {
            NO_DEVICE => None,
            number => sheet.devices.get(number as usize),
        };
        let topic = || sheet.block.topic(source);
        source.kind != Kind::Gap
            && device == self.device.as_ref()
            && self.topic.as_ref().is_none_or(|wanted| topic() == wanted)
            && self.like.is_none_or(|(kind, _)| kind == source.kind)
    }

    fn is_row(&self, row: u16, block: &Block, wanted: &[bool]) -> bool {
        block.read(usize::from(row)).is_some_and(|read| {
            wanted.get(usize::from(read.source)) == Some(&true)
                && self
                    .like
                    .is_none_or(|(_, outgoing)| outgoing == read.flags.outgoing)
        })
    }
}
