//! What lets a row of the stream through: a filter, one device, and what is muted.

use super::block::{Block, Kept, NO_DEVICE, Read, Source};
use super::devices::Devices;
use super::filter::Filter;
use crate::domain::decode::{Chain, Pins};
use crate::domain::device::DeviceId;
use crate::domain::expression::{Expression, Facts, Opened, Sender, Subject, may_be_closed, opens};
use crate::domain::message::Direction;
use crate::domain::reading::Kind;
use crate::domain::topic::TopicFilter;

/// What lets a row through.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    pub filter: Filter,
    /// Only messages of this device (its number).
    pub device: Option<u32>,
    /// Only messages on topics that one of these matches; all where there is none.
    pub topics: Vec<TopicFilter>,
    pub muted: Vec<Mute>,
    /// Filters in force that are not muted: what one of them matches is shown, though a muted one matches it too.
    pub unmuted: Vec<TopicFilter>,
    /// How payloads are decoded, where that matters to the filter.
    pub pins: Pins,
}

/// Rows of a part of a block.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) rows: Vec<u16>,
    /// Rows before this one are still to be looked at.
    pub(super) from: usize,
    /// What decoders have cost, in bytes through which a word is looked for.
    pub(super) cost: usize,
}

/// Whose messages are not shown; they are kept and counted all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mute {
    /// What of a device comes by one of its feeds.
    Feed {
        device: u32,
        kinds: &'static [Kind],
    },
    Topics(TopicFilter),
}

/// Who a device's number means.
pub trait Names {
    fn device(&self, number: u32) -> Option<(&DeviceId, &str)>;
}

impl Names for Devices {
    fn device(&self, number: u32) -> Option<(&DeviceId, &str)> {
        Some((self.id_of(number)?, self.label_of(number)))
    }
}

/// What a view says to a source of a block, before any payload is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Never,
    Always,
    Ask(Facts),
}

impl View {
    /// Whether the row is let through, and what decoders have cost.
    pub(super) fn shows(&self, kept: &Kept<'_>, names: &dyn Names) -> (bool, usize) {
        let sender = Sender {
            kind: kept.kind,
            topic: kept.topic,
            ..Sender::default()
        };
        let facts = match self.verdict(sender, kept.device, names) {
            Verdict::Never => return (false, 0),
            Verdict::Always => return (true, 0),
            Verdict::Ask(facts) => facts,
        };
        let Some(expression) = self.filter.expression() else {
            return (true, 0);
        };
        let pin = self.pin(kept.topic);
        let opened = (expression.looks_inside() && is_closed(kept.payload, pin))
            .then(|| Opened::of(kept.payload, kept.topic, pin))
            .flatten();
        let subject = Subject {
            gist: kept.gist,
            payload: kept.payload,
            opened: opened.as_ref(),
            size: kept.length,
            at: kept.at,
            direction: direction(kept.outgoing),
            qos: kept.qos,
            retain: kept.retain,
            dup: kept.dup,
            sender: Sender::default(),
        };
        let shown = expression.holds(facts, &subject);
        (shown, opened.as_ref().map_or(0, Opened::cost))
    }

    fn pin(&self, topic: &str) -> Option<&Chain> {
        if self.pins.is_empty() {
            return None;
        }
        self.pins.of(topic)
    }

    fn verdict<'a>(
        &self,
        sender: Sender<'a>,
        device: Option<u32>,
        names: &'a dyn Names,
    ) -> Verdict {
        if sender.kind == Kind::Gap {
            // What was dropped may have matched: a gap is always shown.
            return Verdict::Always;
        }
        if self.device.is_some() && self.device != device {
            return Verdict::Never;
        }
        if !self.topics.is_empty() && !self.topics.iter().any(|f| f.matches(sender.topic)) {
            return Verdict::Never;
        }
        let is_muted = self.muted.iter().any(|mute| mute.covers(&sender, device));
        if is_muted && !self.unmuted.iter().any(|f| f.matches(sender.topic)) {
            return Verdict::Never;
        }
        let Some(expression) = self.filter.expression() else {
            return Verdict::Always;
        };
        let known = device.and_then(|number| names.device(number));
        Verdict::Ask(expression.facts(&Sender {
            device: known.map(|(id, _)| id),
            device_name: known.map(|(_, name)| name),
            ..sender
        }))
    }

    /// Rows of the block that it lets through, in order.
    pub(super) fn sift(&self, block: &Block, names: &dyn Names) -> Vec<u16> {
        self.sift_before(block, names, block.rows, usize::MAX).rows
    }

    /// The same of the rows before `end`, back to where decoders have cost `most`.
    pub(super) fn sift_before(
        &self,
        block: &Block,
        names: &dyn Names,
        end: usize,
        most: usize,
    ) -> Part {
        let verdict = |source: &Source| {
            let sender = Sender {
                kind: source.kind,
                topic: block.topic(source),
                ..Sender::default()
            };
            let device = (source.device != NO_DEVICE).then_some(source.device);
            self.verdict(sender, device, names)
        };
        let verdicts: Vec<_> = block.sources.iter().map(verdict).collect();
        if verdicts.iter().all(|v| *v == Verdict::Never) {
            return Part::default();
        }
        let rows = 0..end.min(block.rows);
        let numbers = rows.clone().filter_map(|row| u16::try_from(row).ok());
        let Some(expression) = self.filter.expression() else {
            let shown = |row: &u16| {
                let source = block.read(usize::from(*row)).map(|read| read.source);
                source.and_then(|s| verdicts.get(usize::from(s))) == Some(&Verdict::Always)
            };
            return Part::whole(numbers.filter(shown).collect());
        };
        let look = Look {
            block,
            expression,
            verdicts: &verdicts,
        };
        if expression.looks_inside() {
            let pins = self.pins_of(block);
            if block.closed || pins.iter().flatten().any(|chain| opens(chain)) {
                return look.inside(&pins, rows.end, most);
            }
        }
        if !verdicts.contains(&Verdict::Always) && ruled_out(expression, &verdicts, block) {
            return Part::default();
        }
        Part::whole(numbers.filter(|row| look.shows(*row)).collect())
    }

    /// How each source of the block is decoded; none at all where nothing is pinned.
    fn pins_of(&self, block: &Block) -> Vec<Option<&Chain>> {
        if self.pins.is_empty() {
            return Vec::new();
        }
        let sources = block.sources.iter();
        sources
            .map(|source| self.pins.of(block.topic(source)))
            .collect()
    }

    /// The same view, quicker with payloads like `sample`.
    #[must_use]
    pub(super) fn tuned(self, sample: &[u8]) -> Self {
        Self {
            filter: self.filter.tuned(sample),
            ..self
        }
    }
}

impl Part {
    const fn whole(rows: Vec<u16>) -> Self {
        Self {
            rows,
            from: 0,
            cost: 0,
        }
    }
}

/// A block that is looked through.
struct Look<'a> {
    block: &'a Block,
    expression: &'a Expression,
    /// By source.
    verdicts: &'a [Verdict],
}

impl Look<'_> {
    fn shows(&self, row: u16) -> bool {
        let Some(read) = self.block.read(usize::from(row)) else {
            return false;
        };
        match self.verdicts.get(usize::from(read.source)) {
            None | Some(Verdict::Never) => false,
            Some(Verdict::Always) => true,
            Some(Verdict::Ask(facts)) => self.expression.holds(*facts, &subject(&read, None)),
        }
    }

    /// From `end` backwards, with what decoders open.
    fn inside(&self, pins: &[Option<&Chain>], end: usize, most: usize) -> Part {
        let mut part = Part {
            from: end,
            ..Part::default()
        };
        while part.from > 0 && part.cost < most {
            part.from -= 1;
            let (shown, cost) = self.shows_inside(part.from, pins);
            part.cost = part.cost.saturating_add(cost);
            part.rows
                .extend(u16::try_from(part.from).ok().filter(|_| shown));
        }
        part.rows.reverse();
        part
    }

    fn shows_inside(&self, row: usize, pins: &[Option<&Chain>]) -> (bool, usize) {
        let Some(read) = self.block.read(row) else {
            return (false, 0);
        };
        let source = usize::from(read.source);
        let facts = match self.verdicts.get(source) {
            None | Some(Verdict::Never) => return (false, 0),
            Some(Verdict::Always) => return (true, 0),
            Some(Verdict::Ask(facts)) => *facts,
        };
        let pin = pins.get(source).copied().flatten();
        let topic = || self.block.source(read.source).map(|s| self.block.topic(s));
        let opened = is_closed(read.payload, pin)
            .then(|| Opened::of(read.payload, topic().unwrap_or_default(), pin))
            .flatten();
        let shown = self
            .expression
            .holds(facts, &subject(&read, opened.as_ref()));
        (shown, opened.as_ref().map_or(0, Opened::cost))
    }
}

fn is_closed(payload: &[u8], pin: Option<&Chain>) -> bool {
    pin.is_some() || may_be_closed(payload)
}

fn subject<'a>(read: &Read<'a>, opened: Option<&'a Opened<'a>>) -> Subject<'a> {
    Subject {
        sender: Sender::default(),
        gist: std::str::from_utf8(read.gist).unwrap_or_default(),
        payload: read.payload,
        opened,
        size: read.length,
        at: read.at,
        direction: direction(read.flags.outgoing),
        qos: read.flags.qos,
        retain: read.flags.retain,
        dup: read.flags.dup,
    }
}

fn ruled_out(expression: &Expression, verdicts: &[Verdict], block: &Block) -> bool {
    let facts: Vec<_> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Ask(facts) => Some(*facts),
            _ => None,
        })
        .collect();
    expression.is_ruled_out(&facts, block.bytes())
}

const fn direction(outgoing: bool) -> Direction {
    if outgoing {
        Direction::Out
    } else {
        Direction::In
    }
}

impl Mute {
    fn covers(&self, sender: &Sender<'_>, of: Option<u32>) -> bool {
        match self {
            Self::Feed { device, kinds } => of == Some(*device) && kinds.contains(&sender.kind),
            Self::Topics(filter) => filter.matches(sender.topic),
        }
    }
}
