//! The one language that says which messages are meant: `/` in the stream, `tail --where`, and whatever else asks.
//!
//! ```text
//! kind:push device:washer -"door open"          all of these
//! .report.runState.currentState == "RUNNING"    a member by its path from the top
//! temp>25 or humidity > 60                      a member of that name, wherever it stands
//! not (kind:event topic:app/#)                  the opposite
//! dir:in qos:1 retain:true dup:false size>1k    what stands around the payload
//! after:10m before:14:30                        when it came: that long ago, a time, a date
//! re:/"current":2[0-9]\.5/ re:/wash/i           a regular expression
//! ```
//!
//! Words are looked for, whatever their case, in the topic, the device's name, the gist and the payload; so are regular
//! expressions, as they are. A comparison is true when one value that the path finds compares so; what is not there
//! compares with nothing. Where a decoder opens the payload ([`Opened`]), what it says is looked at as well.
//!
//! Who sent a message answers for all its messages alike. So [`Expression::facts`] asks that once, and
//! [`Expression::holds`] looks at the payload only where it must.

mod envelope;
mod marks;
mod number;
mod opened;
mod parse;
mod path;
mod pattern;

use std::cmp::Ordering;

use memchr::{memchr, memmem};

use super::decode::Pins;
use super::device::DeviceId;
use super::message::{Direction, Message, Qos};
use super::reading::{Kind, Reading};
use super::topic::TopicFilter;
use crate::base::moment::Timestamp;
use envelope::Envelope;
pub use envelope::Here;
use number::Number;
pub use opened::{Opened, may_be_closed, opens};
pub use parse::ExpressionError;
use path::{Found, Path};
pub use pattern::Needle;
use pattern::Pattern;

/// A parsed condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Node,
    here: Here,
}

/// Who sent a message: the same for many of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sender<'a> {
    pub kind: Kind,
    pub topic: &'a str,
    pub device: Option<&'a DeviceId>,
    pub device_name: Option<&'a str>,
}

/// What a condition is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    pub sender: Sender<'a>,
    /// What the adapter says the message means, in a sentence.
    pub gist: &'a str,
    pub payload: &'a [u8],
    /// The payload behind a decoder, where there is one.
    pub opened: Option<&'a Opened<'a>>,
    /// The whole payload's length: more than what is kept of it, it may be.
    pub size: u64,
    pub at: Timestamp,
    pub direction: Direction,
    pub qos: Qos,
    pub retain: bool,
    pub dup: bool,
}

/// What a sender alone answers: a bit for each part of the expression that asks about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts(u64);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// In topic, device's name, gist or payload. The sender's share of it has the bit `slot`.
    Text {
        pattern: Pattern,
        slot: u8,
    },
    Sender {
        test: SenderTest,
        slot: u8,
    },
    Envelope(Envelope),
    Exists(Path),
    Compare(Path, Comparison, Box<Wanted>),
}

#[derive(Debug, Clone, PartialEq)]
enum SenderTest {
    Kinds(Vec<Kind>),
    /// A part of the name, or the beginning of the id.
    Device(Needle),
    Topic(TopicFilter),
    TopicPart(Needle),
}

/// The right side of a comparison.
#[derive(Debug, Clone)]
struct Wanted {
    value: Typed,
    /// A text that must be equal stands in the payload as it is, unless a backslash hides it.
    literal: Option<memmem::Finder<'static>>,
}

/// A value as it was typed.
#[derive(Debug, Clone, PartialEq)]
enum Typed {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Parts that ask about the sender, at most: one bit each.
const SLOTS: u8 = 64;

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self {
            root: parse::parse(text)?,
            here: Here::default(),
        })
    }

    /// What `after:10m` and `before:14:30` mean is said by when and where they are asked.
    #[must_use]
    pub const fn at(mut self, here: Here) -> Self {
        self.here = here;
        self
    }

    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.holds(self.facts(&subject.sender), subject)
    }

    /// The same of a message as it comes in, with what decoders open of it.
    pub fn is_met_by(
        &self,
        message: &Message,
        reading: &Reading,
        device_name: Option<&str>,
        pins: &Pins,
    ) -> bool {
        let topic = message.topic.as_str();
        let opened = Opened::of(&message.payload, topic, pins.of(topic));
        self.matches(&Subject {
            opened: opened.as_ref(),
            ..Subject::of(message, reading, device_name)
        })
    }

    /// What holds for every message of that sender.
    pub fn facts(&self, sender: &Sender<'_>) -> Facts {
        let mut facts = Facts::default();
        self.root.facts(sender, &mut facts);
        facts
    }

    /// The same as [`Self::matches`], with the sender's share worked out before.
    pub fn holds(&self, facts: Facts, subject: &Subject<'_>) -> bool {
        self.root.holds(facts, subject, self.here)
    }

    /// The same, made for payloads like `sample`.
    #[must_use]
    pub fn tuned(&self, sample: &[u8]) -> Self {
        let mut tuned = self.clone();
        tuned.root.tune(sample);
        tuned
    }

    /// How many times slower than a word it is to look for, about.
    pub fn weight(&self) -> usize {
        self.root.weight()
    }

    /// Whether no message can match whose sender has these facts and whose bytes stand in `hay`, among others.
    pub fn is_ruled_out(&self, facts: &[Facts], hay: &[u8]) -> bool {
        self.root.is_ruled_out(facts, hay)
    }

    /// Whether payloads matter: then what a decoder opens may matter, too.
    pub fn looks_inside(&self) -> bool {
        self.root.looks_inside()
    }
}

impl Node {
    fn word(text: &str) -> Self {
        Self::text(Pattern::word(text))
    }

    /// Slots are given when the whole expression is there.
    const fn text(pattern: Pattern) -> Self {
        Self::Text { pattern, slot: 0 }
    }

    const fn sender(test: SenderTest) -> Self {
        Self::Sender { test, slot: 0 }
    }

    /// Whether every part got a bit.
    fn number(&mut self, next: &mut u8) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter_mut().all(|node| node.number(next)),
            Self::Not(node) => node.number(next),
            Self::Text { slot, .. } | Self::Sender { slot, .. } => {
                *slot = *next;
                *next += 1;
                *next <= SLOTS
            }
            Self::Envelope(_) | Self::Exists(_) | Self::Compare(..) => true,
        }
    }

    fn facts(&self, sender: &Sender<'_>, facts: &mut Facts) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                for node in nodes {
                    node.facts(sender, facts);
                }
            }
            Self::Not(node) => node.facts(sender, facts),
            Self::Text { pattern, slot } => facts.set(*slot, sender.holds(pattern)),
            Self::Sender { test, slot } => facts.set(*slot, test.holds(sender)),
            Self::Envelope(_) | Self::Exists(_) | Self::Compare(..) => {}
        }
    }

    fn holds(&self, facts: Facts, subject: &Subject<'_>, here: Here) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(facts, subject, here)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(facts, subject, here)),
            Self::Not(node) => !node.holds(facts, subject, here),
            Self::Text { pattern, slot } => {
                facts.has(*slot)
                    || pattern.is_in(subject.payload)
                    || (!subject.gist.is_empty() && pattern.is_in(subject.gist.as_bytes()))
                    || subject.said().is_some_and(|said| pattern.is_in(said))
            }
            Self::Sender { slot, .. } => facts.has(*slot),
            Self::Envelope(envelope) => envelope.holds(subject, here),
            Self::Exists(path) => {
                let is_in = |text: &[u8]| path.may_be_in(text) && path.any(text, &|_| true);
                is_in(subject.payload) || subject.said().is_some_and(is_in)
            }
            Self::Compare(path, comparison, wanted) => {
                let is_in = |text: &[u8]| {
                    path.may_be_in(text)
                        && wanted.may_be_in(text)
                        && path.any(text, &|found| comparison.holds(found, &wanted.value))
                };
                is_in(subject.payload) || subject.said().is_some_and(is_in)
            }
        }
    }

    fn tune(&mut self, sample: &[u8]) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                for node in nodes {
                    node.tune(sample);
                }
            }
            Self::Not(node) => node.tune(sample),
            Self::Text {
                pattern: Pattern::Word(needle),
                ..
            } => *needle = needle.tuned(sample),
            _ => {}
        }
    }

    /// Looks at words only: they go through a block as fast as memory does.
    fn is_ruled_out(&self, facts: &[Facts], hay: &[u8]) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().any(|node| node.is_ruled_out(facts, hay)),
            Self::Text {
                pattern: pattern @ Pattern::Word(_),
                slot,
            } => !facts.iter().any(|facts| facts.has(*slot)) && !pattern.is_in(hay),
            Self::Sender { slot, .. } => !facts.iter().any(|facts| facts.has(*slot)),
            Self::Compare(_, _, wanted) => wanted
                .literal
                .as_ref()
                .is_some_and(|text| text.find(hay).is_none() && memchr(b'\\', hay).is_none()),
            _ => false,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().map(Self::weight).sum(),
            Self::Not(node) => node.weight(),
            Self::Text { pattern, .. } => pattern.weight(),
            Self::Exists(_) | Self::Compare(..) => 16,
            Self::Sender { .. } | Self::Envelope(_) => 1,
        }
    }

    fn looks_inside(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::looks_inside),
            Self::Not(node) => node.looks_inside(),
            Self::Text { .. } | Self::Exists(_) | Self::Compare(..) => true,
            Self::Sender { .. } | Self::Envelope(_) => false,
        }
    }
}

impl Facts {
    fn set(&mut self, slot: u8, holds: bool) {
        self.0 |= u64::from(holds) << slot;
    }

    const fn has(self, slot: u8) -> bool {
        self.0 & (1 << slot) != 0
    }
}

impl<'a> Subject<'a> {
    /// A message as it comes in.
    pub fn of(message: &'a Message, reading: &'a Reading, device_name: Option<&'a str>) -> Self {
        Self {
            sender: Sender {
                kind: reading.kind,
                topic: message.topic.as_str(),
                device: reading.device.as_ref(),
                // One without a name is called by its id.
                device_name: device_name.or_else(|| Some(reading.device.as_ref()?.as_str())),
            },
            gist: &reading.gist,
            payload: &message.payload,
            opened: None,
            size: message.payload.len() as u64,
            at: message.at,
            direction: message.direction,
            qos: message.qos,
            retain: message.retain,
            dup: message.dup,
        }
    }

    fn said(&self) -> Option<&'a [u8]> {
        self.opened.and_then(Opened::said)
    }
}

impl Sender<'_> {
    fn holds(&self, pattern: &Pattern) -> bool {
        pattern.is_in(self.topic.as_bytes())
            || self
                .device_name
                .is_some_and(|name| pattern.is_in(name.as_bytes()))
    }
}

impl SenderTest {
    fn holds(&self, sender: &Sender<'_>) -> bool {
        let part = |needle: &Needle, text: &str| needle.find(text.as_bytes()).is_some();
        match self {
            Self::Kinds(kinds) => kinds.contains(&sender.kind),
            Self::Topic(filter) => filter.matches(sender.topic),
            Self::TopicPart(needle) => part(needle, sender.topic),
            Self::Device(needle) => {
                let begins = |id: &DeviceId| {
                    let found = needle.find(id.as_str().as_bytes());
                    found.is_some_and(|range| range.start == 0)
                };
                sender.device_name.is_some_and(|name| part(needle, name))
                    || sender.device.is_some_and(begins)
            }
        }
    }
}

impl Wanted {
    fn new(value: Typed, comparison: Comparison) -> Self {
        let literal = match (&value, comparison) {
            (Typed::Text(text), Comparison::Equal) if !text.is_empty() => {
                Some(memmem::Finder::new(text).into_owned())
            }
            _ => None,
        };
        Self { value, literal }
    }

    fn may_be_in(&self, payload: &[u8]) -> bool {
        self.literal
            .as_ref()
            .is_none_or(|text| text.find(payload).is_some() || memchr(b'\\', payload).is_some())
    }
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Typed {
    /// Without quotes: what it looks like.
    fn bare(text: &str) -> Self {
        match text {
            "null" => Self::Null,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ => Number::typed(text).map_or_else(|| Self::Text(text.to_owned()), Self::Number),
        }
    }
}

impl Comparison {
    fn holds(self, found: &Found<'_>, wanted: &Typed) -> bool {
        let order = match (found, wanted) {
            (Found::Number(found), Typed::Number(wanted)) => Some(wanted.order_of(found)),
            (Found::Text(found), Typed::Number(wanted)) => wanted.order_of_text(found),
            // Truths are sent as text, too.
            (Found::Text(found), Typed::Bool(wanted)) => {
                Some(found.as_ref().cmp(if *wanted { "true" } else { "false" }))
                    .filter(|_| matches!(found.as_ref(), "true" | "false"))
            }
            (Found::Text(found), Typed::Text(wanted)) => Some(found.as_ref().cmp(wanted)),
            (Found::Bool(found), Typed::Bool(wanted)) => Some(found.cmp(wanted)),
            (Found::Null, Typed::Null) => Some(Ordering::Equal),
            _ => None,
        };
        self.fits(order)
    }

    fn fits(self, order: Option<Ordering>) -> bool {
        match (self, order) {
            (Self::Equal, Some(order)) => order.is_eq(),
            (Self::Different, order) => order.is_none_or(Ordering::is_ne),
            (Self::Less, Some(order)) => order.is_lt(),
            (Self::AtMost, Some(order)) => order.is_le(),
            (Self::Greater, Some(order)) => order.is_gt(),
            (Self::AtLeast, Some(order)) => order.is_ge(),
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests;
