//! What lets a row of the stream through: a filter, one device, and what is muted.

use super::block::{Block, Kept, NO_DEVICE, Source};
use super::devices::Devices;
use super::filter::Filter;
use crate::domain::device::DeviceId;
use crate::domain::expression::{Expression, Facts, Sender, Subject};
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
    pub fn shows(&self, kept: &Kept<'_>, names: &dyn Names) -> bool {
        let sender = Sender {
            kind: kept.kind,
            topic: kept.topic,
            ..Sender::default()
        };
        match self.verdict(sender, kept.device, names) {
            Verdict::Never => false,
            Verdict::Always => true,
            Verdict::Ask(facts) => self.filter.expression().is_none_or(|expression| {
                expression.holds(
                    facts,
                    &Subject {
                        gist: kept.gist,
                        payload: kept.payload,
                        size: kept.length,
                        at: kept.at,
                        direction: direction(kept.outgoing),
                        qos: kept.qos,
                        retain: kept.retain,
                        dup: kept.dup,
                        sender: Sender::default(),
                    },
                )
            }),
        }
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
            return Vec::new();
        }
        let numbers = (0..block.rows).filter_map(|row| u16::try_from(row).ok());
        let Some(expression) = self.filter.expression() else {
            let shown = |row: &u16| {
                let source = block.read(usize::from(*row)).map(|read| read.source);
                source.and_then(|s| verdicts.get(usize::from(s))) == Some(&Verdict::Always)
            };
            return numbers.filter(shown).collect();
        };
        if !verdicts.contains(&Verdict::Always) && ruled_out(expression, &verdicts, block) {
            return Vec::new();
        }
        numbers
            .filter(|row| {
                let Some(read) = block.read(usize::from(*row)) else {
                    return false;
                };
                let facts = match verdicts.get(usize::from(read.source)) {
                    None | Some(Verdict::Never) => return false,
                    Some(Verdict::Always) => return true,
                    Some(Verdict::Ask(facts)) => *facts,
                };
                let subject = Subject {
                    sender: Sender::default(),
                    gist: std::str::from_utf8(read.gist).unwrap_or_default(),
                    payload: read.payload,
                    size: read.length,
                    at: read.at,
                    direction: direction(read.flags.outgoing),
                    qos: read.flags.qos,
                    retain: read.flags.retain,
                    dup: read.flags.dup,
                };
                expression.holds(facts, &subject)
            })
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
