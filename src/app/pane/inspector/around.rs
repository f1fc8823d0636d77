//! The messages around the opened one: the one before it to compare with, `[` and `]` through those of one device or topic.
//!
//! In memory they are looked for at once; on the disk beside the screen ([`Effect::Seek`]), one row at a time.

use bytes::Bytes;

use super::Opened;
use crate::app::effect::Effect;
use crate::app::event::SearchId;
use crate::app::screen::{PaneId, Role};
use crate::app::state::App;
use crate::app::words;
use crate::base::moment::Timestamp;
use crate::domain::message::Direction;
use crate::store::ring::{Kept, Seq};
use crate::store::seek::{Near, Seek, Wanted};
use crate::store::sheet::Sheet;
use crate::store::shelf::Place;

/// What one look through memory may cost, in topics and messages: a millisecond or two.
const FAR: usize = 100_000;
/// Messages on the disk among which the one before is looked for.
const FAR_ON_DISK: u32 = 100_000;
/// Said while the disk is looked through.
const LOOKING: &str = "looking on the disk …";

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
    to: Seq,
}

/// A step that goes on on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stepping {
    id: SearchId,
    from: Seq,
    later: bool,
    /// The last row that was on the disk when it began.
    to: Seq,
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
        self.stop_looking_before();
        let Some(opened) = &self.inspector.opened else {
            return;
        };
        let outgoing = opened.direction == Direction::Out;
        let wanted = Wanted {
            device: opened.device,
            topic: Some(&opened.topic),
            like: Some((opened.kind, outgoing)),
        };
        let ring = &self.home.ring;
        let near = ring.look(seq, false, wanted, FAR);
        let found = match near {
            Near::Found(seq) => ring.get(seq).map(|kept| Before::new(&kept)),
            Near::Until(_) | Near::Nothing => None,
        };
        let start = seq.min(ring.first_in_memory());
        self.inspector.before = Some((seq, found));
        if near == Near::Nothing {
            self.look_before_on_disk(start);
        }
    }

    fn look_before_on_disk(&mut self, start: Seq) {
        let Some(opened) = self.inspector.opened.clone() else {
            return;
        };
        // Whole blocks: the last one is looked through to its end.
        let mut rows = FAR_ON_DISK;
        let mut places = self.home.ring.shelved_beside(start, false);
        places.retain(|(_, of)| {
            let wanted = rows > 0;
            rows = rows.saturating_sub(*of);
            wanted
        });
        let outgoing = opened.direction == Direction::Out;
        let seek = Seek {
            topic: Some(opened.topic.clone()),
            like: Some((opened.kind, outgoing)),
            ..self.seek_from(&opened, start, false, places)
        };
        self.inspector.looking_before = self.ask_disk(seek);
    }

    fn stop_looking_before(&mut self) {
        if let Some(id) = self.inspector.looking_before.take() {
            self.ask(Effect::StopSearch(id));
        }
    }

    /// Other messages of the device or topic of that one.
    fn seek_from(
        &self,
        message: &Opened,
        start: Seq,
        later: bool,
        places: Vec<(Place, u32)>,
    ) -> Seek {
        let device = message.device.and_then(|n| self.home.devices.id_of(n));
        let topic = device.is_none().then(|| message.topic.clone());
        Seek {
            device: device.cloned(),
            topic,
            like: None,
            later,
            from: self.home.ring.place_of(start),
            places: places.into_iter().map(|(place, _)| place).collect(),
        }
    }

    /// `None` where there is nothing to look through.
    fn ask_disk(&mut self, seek: Seek) -> Option<SearchId> {
        if seek.places.is_empty() {
            return None;
        }
        let id = self.next_search();
        self.ask(Effect::Seek(self.home.session, id, Box::new(seek)));
        Some(id)
    }

    /// What the disk was looked through for.
    pub(in super::super::super) fn sought(
        &mut self,
        id: SearchId,
        found: Option<(Place, u16, Box<Sheet>)>,
    ) {
        let is_before = self.inspector.looking_before == Some(id);
        let stepping = self.inspector.stepping.filter(|step| step.id == id);
        if !is_before && stepping.is_none() {
            return self.pending.stray();
        }
        let found = found.and_then(|(place, row, sheet)| {
            let devices = &mut self.home.devices;
            self.home.ring.add_page(place, vec![row], *sheet, devices);
            let first = self.home.ring.first_of(place)?;
            Some(Seq(first.0 + u64::from(row)))
        });
        if is_before {
            self.inspector.looking_before = None;
            let before = found.and_then(|seq| self.home.ring.get(seq));
            let before = before.map(|kept| Before::new(&kept));
            if let (Some(before), Some((_, known))) = (before, &mut self.inspector.before) {
                *known = Some(before);
            }
        }
        if let Some(stepping) = stepping {
            self.inspector.stepping = None;
            self.stepped(stepping, found);
        }
    }

    /// Something else is looked for now.
    pub(in super::super::super) fn stop_stepping(&mut self) {
        if let Some(stepping) = self.inspector.stepping.take() {
            self.ask(Effect::StopSearch(stepping.id));
        }
    }

    fn stepped(&mut self, stepping: Stepping, found: Option<Seq>) {
        if self
            .notice
            .as_ref()
            .is_some_and(|n| n.text.as_str() == LOOKING)
        {
            self.notice = None;
        }
        let message = self.message_at_hand();
        let Some(message) = message.filter(|message| message.seq == stepping.from) else {
            // The reader is somewhere else by now.
            return;
        };
        let opened = found.and_then(|seq| self.home.ring.get(seq));
        match opened.map(|kept| Opened::new(&kept)) {
            Some(opened) => self.show_step(opened),
            None if found.is_none() && stepping.later => {
                self.step_from(&message, stepping.to, true);
            }
            None => self.say_none(&message, stepping.later),
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
        if let Some(stepping) = self.inspector.stepping.take() {
            if (stepping.from, stepping.later) == (from, later) {
                self.inspector.stepping = Some(stepping);
                return self.say(Role::Pending, LOOKING);
            }
            self.ask(Effect::StopSearch(stepping.id));
        }
        let looked = self
            .inspector
            .looked
            .filter(|l| l.from == from && l.later == later);
        self.step_from(&message, looked.map_or(from, |l| l.to), later);
    }

    /// The nearest one beyond `start`.
    fn step_from(&mut self, message: &Opened, start: Seq, later: bool) {
        let memory = self.home.ring.first_in_memory();
        if later {
            if start.0.saturating_add(1) < memory.0 && self.step_on_disk(message, start, true) {
                return;
            }
            return match self.look_from(message, start, true) {
                Near::Found(seq) => self.show_row(seq),
                Near::Until(to) => self.say_further(message, to, true),
                Near::Nothing => self.say_none(message, true),
            };
        }
        match self.look_from(message, start, false) {
            Near::Found(seq) => self.show_row(seq),
            Near::Until(to) => self.say_further(message, to, false),
            Near::Nothing if self.step_on_disk(message, start.min(memory), false) => {}
            Near::Nothing => self.say_none(message, false),
        }
    }

    /// In memory.
    fn look_from(&self, message: &Opened, start: Seq, later: bool) -> Near {
        let wanted = Wanted {
            device: message.device,
            topic: message.device.is_none().then_some(&*message.topic),
            like: None,
        };
        self.home.ring.look(start, later, wanted, FAR)
    }

    /// Whether there is anything on the disk on that side.
    fn step_on_disk(&mut self, message: &Opened, start: Seq, later: bool) -> bool {
        let places = self.home.ring.shelved_beside(start, later);
        let seek = self.seek_from(message, start, later, places);
        let memory = self.home.ring.first_in_memory();
        let Some(id) = self.ask_disk(seek) else {
            return false;
        };
        self.inspector.stepping = Some(Stepping {
            id,
            from: message.seq,
            later,
            to: Seq(memory.0.saturating_sub(1)),
        });
        self.say(Role::Pending, LOOKING);
        true
    }

    fn show_row(&mut self, seq: Seq) {
        if let Some(opened) = self.home.ring.get(seq).map(|kept| Opened::new(&kept)) {
            self.show_step(opened);
        }
    }

    fn say_none(&mut self, message: &Opened, later: bool) {
        let (when, _) = direction(later);
        let whose = whose(message);
        self.say(
            Role::Warn,
            format!("no {when} message of this {whose} is kept"),
        );
    }

    fn say_further(&mut self, message: &Opened, to: Seq, later: bool) {
        let from = message.seq;
        self.inspector.looked = Some(Looked { from, later, to });
        let (_, key) = direction(later);
        let (whose, far) = (whose(message), words::grouped(to.0.abs_diff(from.0)));
        self.say(
            Role::Warn,
            format!("none of this {whose} among {far} messages; {key} looks further"),
        );
    }

    /// The stream's cursor goes along where the view in force shows the message.
    fn show_step(&mut self, opened: Opened) {
        let seq = opened.seq;
        self.inspector.looked = None;
        self.hold();
        let along = self.select_message(seq);
        self.inspector.open(opened);
        // The next step starts from what is at hand, and that is a topic's last message where the stream is grouped.
        if (!along || self.is_grouped()) && self.focus == PaneId::Messages {
            self.focus_on(PaneId::Inspector);
        }
    }
}

const fn direction(later: bool) -> (&'static str, &'static str) {
    if later {
        ("later", "]")
    } else {
        ("earlier", "[")
    }
}

const fn whose(message: &Opened) -> &'static str {
    if message.device.is_some() {
        "device"
    } else {
        "topic"
    }
}
