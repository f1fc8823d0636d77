//! The rows of the stream that the view in force lets through, kept up to date one message at a time.
//!
//! A push tests one message, an eviction pops one number, a scroll is an index. A new view looks back from the newest
//! message in slices, so that the rows on screen are right at once and the count catches up.

use std::collections::VecDeque;

use super::devices::Devices;
use super::filter::{Filter, Subject};
use super::ring::{Kept, Ring, Seq};
use crate::domain::reading::Kind;
use crate::domain::subscription::Feed;
use crate::domain::topic::TopicFilter;

/// Rows looked at in one slice: some milliseconds.
pub const SLICE: u64 = 20_000;

/// What lets a row through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    Feed { device: u32, feed: Feed },
    Topics(TopicFilter),
}

#[derive(Debug, Default)]
pub struct Hits {
    view: View,
    /// Everything is let through: rows are counted, not listed.
    all: bool,
    rows: VecDeque<Seq>,
    /// Rows before this one are still to be looked at.
    from: Seq,
}

impl Hits {
    pub fn new(view: View, ring: &Ring, devices: &Devices) -> Self {
        let all = view == View::default();
        let mut hits = Self {
            view,
            all,
            rows: VecDeque::new(),
            from: ring.end(),
        };
        hits.look_back(ring, devices);
        hits
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// One slice further back; whether anything is left to look at.
    pub fn look_back(&mut self, ring: &Ring, devices: &Devices) -> bool {
        if self.all {
            self.from = ring.first();
            return false;
        }
        let stop = self.from.0.saturating_sub(SLICE).max(ring.first().0);
        for seq in (stop..self.from.0).rev().map(Seq) {
            if ring
                .get(seq)
                .is_some_and(|kept| self.view.shows(&kept, devices))
            {
                self.rows.push_front(seq);
            }
        }
        self.from = Seq(stop);
        self.is_looking(ring)
    }

    pub fn is_looking(&self, ring: &Ring) -> bool {
        !self.all && self.from > ring.first()
    }

    /// A row has just been pushed. Whether it is shown.
    pub fn offer(&mut self, seq: Seq, ring: &Ring, devices: &Devices) -> bool {
        let first = ring.first();
        while self.rows.front().is_some_and(|s| *s < first) {
            self.rows.pop_front();
        }
        self.from = self.from.max(first);
        if self.all {
            return true;
        }
        let shown = ring
            .get(seq)
            .is_some_and(|kept| self.view.shows(&kept, devices));
        if shown {
            self.rows.push_back(seq);
        }
        shown
    }

    /// Rows shown in all, of those before `end`.
    pub fn len_before(&self, end: Seq, ring: &Ring) -> usize {
        if self.all {
            let length = end.0.min(ring.end().0).saturating_sub(ring.first().0);
            return usize::try_from(length).unwrap_or(usize::MAX);
        }
        self.rows.partition_point(|s| *s < end)
    }

    pub fn at(&self, index: usize, ring: &Ring) -> Option<Seq> {
        if self.all {
            let seq = Seq(ring.first().0 + index as u64);
            return (seq < ring.end()).then_some(seq);
        }
        self.rows.get(index).copied()
    }

    /// Index of the row, or of the next newer one where that row is not shown.
    pub fn index_of(&self, seq: Seq, ring: &Ring) -> usize {
        self.len_before(seq, ring)
    }
}

impl View {
    pub fn shows(&self, kept: &Kept<'_>, devices: &Devices) -> bool {
        if kept.gap.is_some() {
            // What was dropped may have matched: a gap is always shown.
            return true;
        }
        if self.device.is_some() && self.device != kept.device {
            return false;
        }
        if !self.topics.is_empty() && !self.topics.iter().any(|f| f.matches(kept.topic)) {
            return false;
        }
        if self.muted.iter().any(|mute| mute.covers(kept)) && !self.is_heard_otherwise(kept) {
            return false;
        }
        if self.filter.is_empty() {
            return true;
        }
        let (device, device_id) = kept
            .device
            .map_or(("", ""), |number| devices.search_texts(number));
        self.filter.matches(&Subject {
            kind: kept.kind,
            topic: kept.topic,
            device,
            device_id,
            gist: kept.gist,
            payload: kept.payload,
        })
    }
}

impl View {
    fn is_heard_otherwise(&self, kept: &Kept<'_>) -> bool {
        self.unmuted.iter().any(|f| f.matches(kept.topic))
    }
}

impl Mute {
    fn covers(&self, kept: &Kept<'_>) -> bool {
        match self {
            Self::Feed { device, feed } => {
                let kind = match feed {
                    Feed::Push => Kind::Push,
                    Feed::Event => Kind::Event,
                };
                kept.device == Some(*device) && kept.kind == kind
            }
            Self::Topics(filter) => filter.matches(kept.topic),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::moment::Timestamp;
    use crate::domain::message::{Direction, Message, Qos};
    use crate::domain::topic::Topic;
    use crate::store::ring::Note;

    fn push(ring: &mut Ring, text: &str) -> Seq {
        let message = Message {
            at: Timestamp(0),
            direction: Direction::In,
            topic: Topic::received("t"),
            payload: Bytes::copy_from_slice(text.as_bytes()),
            qos: Qos::AtMostOnce,
            retain: false,
            dup: false,
            ack: None,
            properties: None,
            session: false,
        };
        ring.push(&message, Note::default())
    }

    fn view(text: &str) -> View {
        View {
            filter: Filter::parse(text).expect("understood"),
            ..View::default()
        }
    }

    #[test]
    fn looking_back_in_slices_finds_what_looking_forward_finds() {
        let (mut ring, devices) = (Ring::new(64 << 20), Devices::default());
        let mut forward = Hits::new(view("even"), &ring, &devices);
        for n in 0..50_000 {
            let seq = push(&mut ring, if n % 2 == 0 { "even" } else { "odd" });
            forward.offer(seq, &ring, &devices);
        }
        let mut back = Hits::new(view("even"), &ring, &devices);
        assert_eq!(
            back.rows.back(),
            Some(&Seq(49_998)),
            "the newest are there at once"
        );
        while back.look_back(&ring, &devices) {}
        assert_eq!(back.rows, forward.rows);
    }

    #[test]
    fn what_the_ring_let_go_is_no_row_any_more() {
        let (mut ring, devices) = (Ring::new(20_000), Devices::default());
        let mut hits = Hits::new(view("x"), &ring, &devices);
        for _ in 0..1000 {
            let seq = push(&mut ring, "x and some more text to fill the blocks");
            hits.offer(seq, &ring, &devices);
        }
        assert!(ring.evicted() > 0);
        assert_eq!(hits.at(0, &ring), Some(ring.first()));
        assert_eq!(hits.len_before(ring.end(), &ring) as u64, ring.kept());
    }
}
