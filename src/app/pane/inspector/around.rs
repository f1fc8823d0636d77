//! The messages around the opened one: the one before it to compare with, `[` and `]` through those of one device or topic.

use bytes::Bytes;

use super::Opened;
use crate::app::screen::{PaneId, Role};
use crate::app::state::App;
use crate::app::words;
use crate::base::moment::Timestamp;
use crate::domain::message::Direction;
use crate::store::ring::{Kept, Seq};

/// Messages looked at for the one before: a millisecond or two.
const NEAR: u64 = 20_000;
/// Messages looked at by one press of `[` or `]`.
const FAR: u64 = 50_000;
/// The same for rows on the disk: each costs a look through what was read back.
const ON_DISK: u64 = 500;

/// The message that the opened one is compared with.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) seq: Seq,
    pub(super) at: Timestamp,
    pub(super) topic: String,
    pub(super) payload: Bytes,
}

impl Before {
    fn new(kept: &Kept<'_>) -> Self {
        Self {
            seq: kept.seq,
            at: kept.at,
            topic: kept.topic.to_owned(),
            payload: Bytes::copy_from_slice(kept.payload),
        }
    }
}

/// How far one direction was looked through from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looked {
    from: Seq,
    later: bool,
    /// The last row that was looked at.
    to: u64,
}

/// What a walk from row to row came to.
enum Walked {
    Found(Box<Opened>),
    /// At a row that is on the disk and was not read back.
    OnDisk,
    /// At its end, or as far as one press goes: the last row that was looked at.
    Nothing(Option<u64>),
}

impl App {
    /// Finds the message before, once for each message that is opened: of the same topic, and of the same device where there
    /// is one (a platform may send all devices' messages to one topic).
    pub(super) fn look_before(&mut self, seq: Seq) {
        if self
            .inspector
            .before
            .as_ref()
            .is_some_and(|(of, _)| *of == seq)
        {
            return;
        }
        let Some(opened) = &self.inspector.opened else {
            return;
        };
        let first = self.reachable_from(seq).max(seq.0.saturating_sub(NEAR));
        let outgoing = opened.direction == Direction::Out;
        let found = (first..seq.0)
            .rev()
            .filter_map(|n| self.home.ring.get(Seq(n)))
            .find(|kept| {
                kept.gap.is_none()
                    && kept.outgoing == outgoing
                    && kept.device == opened.device
                    && kept.kind == opened.kind
                    && kept.topic == opened.topic
            })
            .map(|kept| Before::new(&kept));
        self.inspector.before = Some((seq, found));
    }

    /// Where going back from that row ends: from memory it ends there, for on the disk are only the rows that were read back.
    fn reachable_from(&self, seq: Seq) -> u64 {
        let ring = &self.home.ring;
        let memory = ring.first_in_memory();
        if seq >= memory {
            memory.0
        } else {
            ring.first().0.max(seq.0.saturating_sub(ON_DISK))
        }
    }

    /// The marked message, else the one before.
    pub(super) fn compared_with(&self) -> Option<Before> {
        let pane = &self.inspector;
        if !pane.compares {
            return None;
        }
        let opened = pane.opened.as_ref()?;
        if let Some(marked) = pane.marked.as_ref().filter(|m| m.seq != opened.seq) {
            return Some(Before {
                seq: marked.seq,
                at: marked.at,
                topic: marked.topic.clone(),
                payload: marked.payload.clone(),
            });
        }
        pane.before.as_ref()?.1.clone()
    }

    /// `d`: the first time marks a message, the second time compares another one with it, on the marked one it ends that.
    pub(in super::super::super) fn compare(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to compare");
        };
        let at = message.at.clock_millis(self.zone);
        match &self.inspector.marked {
            None => {
                self.inspector.marked = Some(message);
                self.say(
                    Role::Good,
                    format!("marked {at}: d on another message compares the two"),
                );
            }
            Some(marked) if marked.seq == message.seq => {
                self.inspector.marked = None;
                self.say(Role::Good, "compared with the message before again");
            }
            Some(_) => {
                self.inspector.compares = true;
                if self.focus == PaneId::Messages {
                    self.inspect();
                }
                self.say(
                    Role::Good,
                    "compared with the marked message; d on that one ends it",
                );
            }
        }
    }

    /// `[` and `]`: the message before or after, of the same device, or of the same topic where there is no device.
    pub(in super::super::super) fn step_in_time(&mut self, later: bool) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to start from");
        };
        let from = message.seq;
        let looked = self
            .inspector
            .looked
            .filter(|l| l.from == from && l.later == later);
        let start = looked.map_or(from.0, |l| l.to);
        let is_wanted = |kept: &Kept<'_>| {
            kept.gap.is_none()
                && match message.device {
                    Some(device) => kept.device == Some(device),
                    None => kept.device.is_none() && kept.topic == message.topic,
                }
        };
        let (first, end) = (self.home.ring.first().0, self.home.ring.end().0);
        let walked = if later {
            let stop = end.min(start.saturating_add(FAR + 1));
            self.walk(start + 1..stop, is_wanted)
        } else {
            let stop = first.max(start.saturating_sub(FAR));
            self.walk((stop..start).rev(), is_wanted)
        };
        let (when, key) = if later {
            ("later", "]")
        } else {
            ("earlier", "[")
        };
        let whose = if message.device.is_some() {
            "device"
        } else {
            "topic"
        };
        let text = match walked {
            Walked::Found(opened) => {
                self.inspector.looked = None;
                return self.show_step(*opened);
            }
            Walked::OnDisk => {
                format!("what is {when} is on the disk: the stream reads it as you scroll")
            }
            Walked::Nothing(last) if last.is_none_or(|n| n == first || n + 1 == end) => {
                format!("no {when} message of this {whose} is kept")
            }
            Walked::Nothing(last) => {
                let to = last.unwrap_or(start);
                self.inspector.looked = Some(Looked { from, later, to });
                let far = words::grouped(to.abs_diff(from.0));
                format!("none of this {whose} among {far} messages; {key} looks further")
            }
        };
        self.say(Role::Warn, text);
    }

    /// The first wanted one of these rows. A row that is on the disk and was not read back might be it: there it ends.
    fn walk(
        &self,
        rows: impl Iterator<Item = u64>,
        is_wanted: impl Fn(&Kept<'_>) -> bool,
    ) -> Walked {
        let ring = &self.home.ring;
        let memory = ring.first_in_memory().0;
        let (mut on_disk, mut last) = (0, None);
        for n in rows {
            on_disk += u64::from(n < memory);
            match ring.get(Seq(n)) {
                Some(kept) if is_wanted(&kept) => {
                    return Walked::Found(Box::new(Opened::new(&kept)));
                }
                None if ring.missing(Seq(n)).is_some() => return Walked::OnDisk,
                _ => last = Some(n),
            }
            if on_disk >= ON_DISK {
                break;
            }
        }
        Walked::Nothing(last)
    }

    /// The stream's cursor goes along where the view in force shows the message.
    fn show_step(&mut self, opened: Opened) {
        let seq = opened.seq;
        self.hold();
        let along = self.select_message(seq);
        self.inspector.open(opened);
        if !along && self.focus == PaneId::Messages {
            self.focus_on(PaneId::Inspector);
        }
    }
}
