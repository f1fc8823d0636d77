//! The stream: following it, browsing it, freezing it. The selected message stays the selected one, whatever comes.

mod picture;
mod search;

use super::super::event::SearchId;
use super::super::home::Home;
use super::super::screen::{MessageRow, PaneId, Role};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::PaneFilter;
use super::groups::Groups;
use crate::domain::device::DeviceId;
use crate::domain::expression::{ExpressionError, Here};
use crate::domain::topic::TopicFilter;
use crate::store::filter::Filter;
use crate::store::hits::{Hits, Mute, View};
use crate::store::ring::{Kept, Seq};
use crate::store::shelf::Place;
pub(in super::super) use picture::kind_role;

#[derive(Debug)]
pub(in super::super) struct MessagesPane {
    pub(in super::super) filter: PaneFilter,
    /// Only this device's messages.
    device: Option<DeviceId>,
    /// Only messages on these topics.
    topics: Vec<TopicFilter>,
    pub(super) hits: Hits,
    mode: Mode,
    /// Rows that came since the stream is not followed any more.
    new: u64,
    /// The rows of a frozen window, for when the ring has moved past them, and the view that showed them.
    saved: Option<(View, Vec<MessageRow>)>,
    /// The search through what is on the disk.
    search: Search,
    /// Rows that are being read back from the disk.
    asked: Vec<(Place, u16)>,
    /// The topics in place of the messages, while they are grouped.
    pub(super) groups: Option<Groups>,
}

/// Memory is searched first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Search {
    #[default]
    Due,
    Running(SearchId),
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The newest message is selected and stays so.
    Follow,
    /// One message is selected; newer ones join below.
    Browse { selected: Seq, top: Seq },
    /// Nothing joins: the list ends before `end`.
    Frozen { selected: Seq, top: Seq, end: Seq },
}

impl MessagesPane {
    pub(in super::super) fn new(home: &Home) -> Self {
        Self {
            filter: PaneFilter::default(),
            device: None,
            topics: Vec::new(),
            hits: Hits::new(View::default(), &home.ring, &home.devices),
            mode: Mode::Follow,
            new: 0,
            saved: None,
            search: Search::default(),
            asked: Vec::new(),
            groups: None,
        }
    }

    /// Only one device or some topics are shown.
    pub(in super::super) fn is_narrowed(&self) -> bool {
        self.device.is_some() || !self.topics.is_empty()
    }

    /// The topics that are shown alone; none when all are.
    pub(in super::super) fn narrowed_to(&self) -> Vec<TopicFilter> {
        self.topics.clone()
    }

    /// Whether other messages would be hidden with these mutes than are now.
    pub(in super::super) fn hides(&self, muted: &[Mute], unmuted: &[TopicFilter]) -> bool {
        let view = self.hits.view();
        view.muted != muted || view.unmuted != unmuted
    }

    /// `home/#`, `3 topics`
    fn topics_words(&self) -> Option<String> {
        match self.topics.as_slice() {
            [] => None,
            [one] => Some(one.as_str().to_owned()),
            many => Some(words::count(many.len(), "topic")),
        }
    }

    pub(in super::super) fn is_looking(&self, home: &Home) -> bool {
        self.hits.is_looking(&home.ring)
    }

    fn look_back(&mut self, home: &Home) {
        self.hits.look_back(&home.ring, &home.devices);
    }

    pub(in super::super) fn offer(&mut self, seq: Seq, home: &Home) {
        let shown = self.hits.offer(seq, &home.ring, &home.devices);
        if shown && self.mode != Mode::Follow {
            self.new += 1;
        }
    }

    pub(in super::super) const fn shows_all(&self) -> bool {
        self.hits.shows_all()
    }

    /// The same for that many at once, where all are shown.
    pub(in super::super) fn offer_all(&mut self, count: usize, home: &Home) {
        self.hits.forget(&home.ring);
        if self.mode != Mode::Follow {
            self.new += count as u64;
        }
    }

    /// Bytes of what was found.
    pub(in super::super) const fn bytes(&self) -> usize {
        self.hits.bytes()
    }

    pub(in super::super) fn lose(&mut self, first: Seq, home: &Home) {
        self.hits.lose(first, &home.ring);
    }

    /// Nobody waits for these rows any more.
    pub(in super::super) fn arrived(&mut self, place: Place, rows: &[u16]) {
        self.asked
            .retain(|(asked, row)| *asked != place || !rows.contains(row));
    }

    pub(in super::super) fn forget_asked(&mut self, place: Place) {
        self.asked.retain(|(asked, _)| *asked != place);
    }

    /// Rows of the window, and some around it, that are on the disk and not asked for yet; each block once.
    pub(in super::super) fn missing(&mut self, home: &Home, rows: usize) -> Vec<(Place, Vec<u16>)> {
        let (_, offset) = self.cursor(home, rows);
        let memory = home.ring.first_in_memory();
        let mut missing: Vec<(Place, Vec<u16>)> = Vec::new();
        for index in offset.saturating_sub(rows / 2)..offset + rows + rows / 2 {
            let Some(seq) = self.hits.at(index, &home.ring).filter(|seq| *seq < memory) else {
                break;
            };
            let Some((place, row)) = home.ring.missing(seq) else {
                continue;
            };
            if self.asked.contains(&(place, row)) {
                continue;
            }
            self.asked.push((place, row));
            match missing.last_mut().filter(|(last, _)| *last == place) {
                Some((_, rows)) => rows.push(row),
                None => missing.push((place, vec![row])),
            }
        }
        missing
    }

    pub(in super::super) fn is_following(&self) -> bool {
        self.mode == Mode::Follow
    }

    fn end(&self, home: &Home) -> Seq {
        match self.mode {
            Mode::Frozen { end, .. } => end,
            Mode::Follow | Mode::Browse { .. } => home.ring.end(),
        }
    }

    fn total(&self, home: &Home) -> usize {
        self.hits.len_before(self.end(home), &home.ring)
    }

    /// The selected row and the first row of the window, as indexes.
    fn cursor(&self, home: &Home, rows: usize) -> (usize, usize) {
        let total = self.total(home);
        let last = total.saturating_sub(1);
        match self.mode {
            Mode::Follow => (last, total.saturating_sub(rows)),
            Mode::Browse { selected, top } | Mode::Frozen { selected, top, .. } => (
                self.hits.index_of(selected, &home.ring).min(last),
                self.hits.index_of(top, &home.ring).min(last),
            ),
        }
    }

    pub(in super::super) fn selected(&self, home: &Home) -> Option<Seq> {
        match self.mode {
            Mode::Follow => self.hits.at(self.total(home).checked_sub(1)?, &home.ring),
            Mode::Browse { selected, .. } | Mode::Frozen { selected, .. } => Some(selected),
        }
    }
}

impl App {
    /// The window stays over the selected row; where the view no longer holds it, the next newer row is taken.
    pub(in super::super) fn settle_messages(&mut self) {
        let rows = self.rows(PaneId::Messages);
        let (selected, top) = match self.messages.mode {
            Mode::Follow => return,
            Mode::Browse { selected, top } | Mode::Frozen { selected, top, .. } => (selected, top),
        };
        let frozen = matches!(self.messages.mode, Mode::Frozen { .. });
        if frozen && self.is_past(top) {
            // The ring has moved past the window: the saved rows are shown.
            return;
        }
        let (index, offset) = self.messages.cursor(&self.home, rows);
        let total = self.messages.total(&self.home);
        let offset = scroll::reveal(offset, index, total, rows);
        let at = |index| self.messages.hits.at(index, &self.home.ring);
        let (selected, top) = (at(index).unwrap_or(selected), at(offset).unwrap_or(top));
        self.messages.mode = match self.messages.mode {
            Mode::Frozen { end, .. } => Mode::Frozen { selected, top, end },
            _ => Mode::Browse { selected, top },
        };
    }

    pub(in super::super) fn step_messages(&mut self, step: Step) {
        if self.step_groups(step) {
            return;
        }
        let rows = self.rows(PaneId::Messages);
        let total = self.messages.total(&self.home);
        if total == 0 {
            return;
        }
        let frozen = matches!(self.messages.mode, Mode::Frozen { .. });
        let (index, offset) = self.messages.cursor(&self.home, rows);
        let to = step.from(index, total, rows);
        if !frozen && to + 1 == total && (step == Step::Last || self.messages.is_following()) {
            return self.follow();
        }
        self.put_message_cursor(to, offset);
    }

    pub(in super::super) fn select_message_row(&mut self, row: usize) {
        if self.select_group_row(row) {
            return;
        }
        let rows = self.rows(PaneId::Messages);
        let (_, offset) = self.messages.cursor(&self.home, rows);
        if offset + row < self.messages.total(&self.home) {
            self.put_message_cursor(offset + row, offset);
        }
    }

    fn put_message_cursor(&mut self, index: usize, offset: usize) {
        let rows = self.rows(PaneId::Messages);
        let total = self.messages.total(&self.home);
        let offset = scroll::reveal(offset, index, total, rows);
        let at = |index| self.messages.hits.at(index, &self.home.ring);
        let (Some(selected), Some(top)) = (at(index), at(offset)) else {
            return;
        };
        self.messages.mode = match self.messages.mode {
            Mode::Frozen { end, .. } => Mode::Frozen { selected, top, end },
            _ => Mode::Browse { selected, top },
        };
        self.save_window();
    }

    /// Puts the cursor on that message, where the view in force shows it.
    pub(in super::super) fn select_message(&mut self, seq: Seq) -> bool {
        let index = self.messages.hits.index_of(seq, &self.home.ring);
        let shown = self.messages.hits.at(index, &self.home.ring) == Some(seq)
            && index < self.messages.total(&self.home);
        if shown {
            let rows = self.rows(PaneId::Messages);
            let (_, offset) = self.messages.cursor(&self.home, rows);
            self.put_message_cursor(index, offset);
        }
        shown
    }

    fn follow(&mut self) {
        self.messages.mode = Mode::Follow;
        self.messages.new = 0;
        self.messages.saved = None;
    }

    /// Whether it was not followed.
    pub(in super::super) fn follow_again(&mut self) -> bool {
        let held = !self.messages.is_following();
        self.follow();
        held
    }

    pub(in super::super) fn freeze_or_follow(&mut self) {
        if self.is_grouped() && self.focus == PaneId::Messages {
            let text = "topics go on counting; t shows the messages, which can be frozen";
            return self.say(Role::Warn, text);
        }
        if matches!(self.messages.mode, Mode::Frozen { .. }) {
            return self.follow();
        }
        let Some((selected, top)) = self.held() else {
            return self.say(Role::Warn, "nothing to freeze yet");
        };
        let end = self.home.ring.end();
        self.messages.mode = Mode::Frozen { selected, top, end };
        self.messages.new = 0;
        self.save_window();
    }

    /// The stream goes on, but the selected message stays selected: it is being read.
    pub(in super::super) fn hold(&mut self) {
        if !self.messages.is_following() {
            return;
        }
        if let Some((selected, top)) = self.held() {
            self.messages.mode = Mode::Browse { selected, top };
        }
    }

    fn held(&self) -> Option<(Seq, Seq)> {
        let rows = self.rows(PaneId::Messages);
        let (_, offset) = self.messages.cursor(&self.home, rows);
        let top = self.messages.hits.at(offset, &self.home.ring)?;
        Some((self.messages.selected(&self.home)?, top))
    }

    /// What is frozen and gone stays as it was saved.
    fn save_window(&mut self) {
        if let Mode::Frozen { top, .. } = self.messages.mode
            && !self.is_past(top)
        {
            let (rows, cells) = (self.rows(PaneId::Messages), self.gist_cells());
            let shown = self.message_rows(rows, cells);
            self.messages.saved = Some((self.messages.hits.view().clone(), shown));
        }
    }

    /// The frozen rows, where the ring has moved past them. Another view would not show these.
    fn saved_rows(&self) -> Option<&[MessageRow]> {
        let (view, rows) = self.messages.saved.as_ref()?;
        let is_past = match self.messages.mode {
            Mode::Frozen { top, .. } => self.is_past(top),
            _ => false,
        };
        (is_past && view == self.messages.hits.view()).then_some(rows)
    }

    fn parsed_filter(&self) -> Result<Filter, ExpressionError> {
        let here = Here {
            now: self.at_wall(),
            zone: self.zone,
        };
        Filter::parse_at(self.messages.filter.text(), here)
    }

    /// Whether the ring has moved past a row: it is gone, or on the disk and not read back.
    fn is_past(&self, row: Seq) -> bool {
        row < self.home.ring.first_in_memory() && self.home.ring.get(row).is_none()
    }

    /// The next slice of a search: through memory, then through the disk.
    pub(in super::super) fn look_back(&mut self) {
        self.messages.look_back(&self.home);
        self.charge();
    }

    pub(in super::super) fn message_filter_changed(&mut self) {
        match self.parsed_filter() {
            Ok(filter) => {
                self.messages.filter.error = None;
                if filter != self.messages.hits.view().filter {
                    self.view_changed();
                }
            }
            Err(error) => self.messages.filter.error = Some(error.to_string()),
        }
    }

    pub(in super::super) fn show_only(&mut self, device: Option<DeviceId>) {
        self.messages.device = device;
        self.messages.topics.clear();
        self.view_changed();
    }

    pub(in super::super) fn show_only_topics(&mut self, topics: Vec<TopicFilter>) {
        self.messages.device = None;
        self.messages.topics = topics;
        self.view_changed();
    }

    pub(in super::super) fn show_all_messages(&mut self) {
        self.show_only(None);
    }

    /// Filter, device or mutes are others now: the rows are looked for anew, newest first.
    pub(in super::super) fn view_changed(&mut self) {
        let device = self.messages.device.clone();
        let before = self.messages.hits.view().filter.clone();
        let view = View {
            filter: self.parsed_filter().unwrap_or(before),
            device: device.map(|id| self.home.devices.number(&id)),
            topics: self.messages.topics.clone(),
            muted: self.mutes(),
            unmuted: self.unmuted(),
        };
        self.messages.hits = Hits::new(view, &self.home.ring, &self.home.devices);
        self.stop_search();
        self.stop_stepping();
        self.group_anew();
        self.settle_messages();
        self.save_window();
        self.moved = true;
    }

    pub(in super::super) fn selected_message(&self) -> Option<Kept<'_>> {
        self.home.ring.get(self.messages.selected(&self.home)?)
    }

    pub(in super::super) fn device_of_message(&self) -> Option<DeviceId> {
        let number = self.row_at_hand()?.device?;
        self.home.devices.id_of(number).cloned()
    }

    /// The rows that are seen, as far as they are here.
    pub(in super::super) fn messages_in_window(&self) -> impl Iterator<Item = Kept<'_>> {
        let rows = self.rows(PaneId::Messages);
        let (_, offset) = self.messages.cursor(&self.home, rows);
        let end = self.messages.total(&self.home).min(offset + rows);
        (offset..end)
            .filter_map(|index| self.messages.hits.at(index, &self.home.ring))
            .filter_map(|seq| self.home.ring.get(seq))
    }
}
