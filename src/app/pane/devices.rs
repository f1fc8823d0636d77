//! The devices: which one is selected, which are marked, and what can be done with them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::layout;
use super::super::lines::{fold, line, wrapped};
use super::super::screen::{Body, DeviceRow, Line, Mark, PaneId, Presence, Role, Scroll, Span};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::PaneFilter;
use crate::base::text::{self, SafeText};
use crate::domain::device::{self, DeviceId};
use crate::domain::fact::{Step as SignIn, StepState};
use crate::domain::session::LinkState;
use crate::domain::subscription::Feed;
use crate::store::devices::{Devices, Entry};

#[derive(Debug, Default)]
pub(in super::super) struct DevicesPane {
    pub(in super::super) filter: PaneFilter,
    selected: Option<DeviceId>,
    /// Where the selected one stood in the list, to know where the cursor stays when it is gone.
    index: usize,
    offset: usize,
    marked: BTreeSet<DeviceId>,
    matched: Matched,
}

impl DevicesPane {
    /// Looks through the devices only when they or the filter changed.
    fn refresh(&mut self, devices: &Devices) {
        let needle = self.filter.needle();
        if self.matched.is_for(&needle, devices) {
            return;
        }
        self.matched = Matched::new(needle, devices);
    }

    /// The rows, in the order shown. Not refreshed yet: looked through here.
    fn rows(&self, devices: &Devices) -> Cow<'_, Matched> {
        let needle = self.filter.needle();
        if self.matched.is_for(&needle, devices) {
            Cow::Borrowed(&self.matched)
        } else {
            Cow::Owned(Matched::new(needle, devices))
        }
    }

    pub(in super::super) fn unmark_all(&mut self) -> bool {
        let any = !self.marked.is_empty();
        self.marked.clear();
        any
    }
}

/// Which devices a filter shows, found once for 100,000 of them and not at every frame.
#[derive(Debug, Default, Clone)]
struct Matched {
    needle: String,
    revision: u64,
    /// `None`: all of them.
    ids: Option<Vec<DeviceId>>,
    total: usize,
}

impl Matched {
    fn new(needle: String, devices: &Devices) -> Self {
        let words: Vec<_> = needle.split_whitespace().collect();
        let ids: Option<Vec<_>> = (!words.is_empty()).then(|| {
            let shown = devices.iter().filter(|entry| entry.matches(&words));
            shown.map(|entry| entry.device.id.clone()).collect()
        });
        Self {
            total: ids.as_ref().map_or_else(|| devices.len(), Vec::len),
            revision: devices.revision(),
            ids,
            needle,
        }
    }

    fn is_for(&self, needle: &str, devices: &Devices) -> bool {
        self.revision == devices.revision() && self.needle == needle
    }

    fn entry<'a>(&self, devices: &'a Devices, index: usize) -> Option<&'a Entry> {
        match &self.ids {
            None => devices.at(index),
            Some(ids) => devices.get(ids.get(index)?),
        }
    }

    /// `near`: where it stood before.
    fn position(&self, devices: &Devices, id: &DeviceId, near: usize) -> Option<usize> {
        match &self.ids {
            None => devices.position(id),
            Some(ids) if ids.get(near) == Some(id) => Some(near),
            Some(ids) => ids.iter().position(|known| known == id),
        }
    }
}

impl App {
    /// Cheap where nothing changed: the selected one stands where it stood.
    pub(in super::super) fn settle_devices(&mut self) {
        if self.has_topics() {
            return self.settle_topics();
        }
        let rows = self.rows(PaneId::Devices);
        self.devices.refresh(&self.home.devices);
        let (matched, known) = (&self.devices.matched, &self.home.devices);
        let before = self.devices.index;
        let selected = self.devices.selected.as_ref();
        let found = selected.and_then(|id| matched.position(known, id, before));
        let total = matched.total;
        let index = found.unwrap_or_else(|| before.min(total.saturating_sub(1)));
        // Rows that came or went above it do not move it on the screen (F21).
        let moved = self.devices.offset.saturating_add(index);
        let offset = moved.saturating_sub(before);
        let selected = matched.entry(known, index).map(|e| e.device.id.clone());
        self.devices.offset = scroll::reveal(offset, index, total, rows);
        self.devices.index = index;
        self.devices.selected = selected;
        if !self.devices.marked.is_empty() {
            let known = &self.home.devices;
            self.devices.marked.retain(|id| known.get(id).is_some());
        }
    }

    pub(in super::super) fn step_devices(&mut self, step: Step) {
        if self.has_topics() {
            return self.step_topics(step);
        }
        let rows = self.rows(PaneId::Devices);
        self.devices.refresh(&self.home.devices);
        let matched = &self.devices.matched;
        let index = step.from(self.devices.index, matched.total, rows);
        let entry = matched.entry(&self.home.devices, index);
        let selected = entry.map(|e| e.device.id.clone());
        self.put_device_cursor(index, selected);
    }

    pub(in super::super) fn select_device_row(&mut self, row: usize) {
        if self.has_topics() {
            return self.select_topic_row(row);
        }
        self.devices.refresh(&self.home.devices);
        let index = self.devices.offset + row;
        let entry = self.devices.matched.entry(&self.home.devices, index);
        if let Some(id) = entry.map(|e| e.device.id.clone()) {
            self.put_device_cursor(index, Some(id));
        }
    }

    fn put_device_cursor(&mut self, index: usize, selected: Option<DeviceId>) {
        let rows = self.rows(PaneId::Devices);
        self.devices.index = index;
        self.devices.selected = selected;
        let total = self.devices.rows(&self.home.devices).total;
        self.devices.offset = scroll::reveal(self.devices.offset, index, total, rows);
    }

    pub(in super::super) fn mark_device(&mut self) {
        if self.has_topics() {
            return self.mark_topic();
        }
        let Some(id) = self.devices.selected.clone() else {
            return;
        };
        if !self.devices.marked.remove(&id) {
            self.devices.marked.insert(id);
        }
        self.step_devices(Step::Down);
    }

    /// `p` and `e`: all marked devices, else the selected one.
    pub(in super::super) fn toggle_chosen(&mut self, feed: Feed) {
        let mut devices: Vec<_> = self.devices.marked.iter().cloned().collect();
        if devices.is_empty() {
            devices.extend(self.devices.selected.clone());
        }
        if devices.is_empty() {
            return self.say(Role::Warn, "no device is selected");
        }
        self.toggle_feed(feed, &devices);
    }

    /// The device that `s` and `x` are about: that of the selected row, else the selected device.
    pub(in super::super) fn device_at_hand(&self) -> Option<DeviceId> {
        let of_row = match self.focus {
            PaneId::Subscriptions => self.device_of_subscription(),
            PaneId::Messages => self.device_of_message(),
            PaneId::Publish => self.device_of_command(),
            PaneId::Inspector => self.device_of_inspector(),
            PaneId::Devices => None,
        };
        of_row
            .filter(|id| self.home.devices.get(id).is_some())
            .or_else(|| self.devices.selected.clone())
    }

    /// Those whose rows are on the screen.
    pub(in super::super) fn shown_devices(&self) -> Vec<&Entry> {
        let matched = self.devices.rows(&self.home.devices);
        let first = self.devices.offset;
        let last = first.saturating_add(self.rows(PaneId::Devices));
        let shown = first..last.min(matched.total);
        shown
            .filter_map(|index| matched.entry(&self.home.devices, index))
            .collect()
    }

    /// Ids that begin so, the selected one first.
    pub(in super::super) fn devices_named(&self, begins: &str, most: usize) -> Vec<String> {
        let selected = self.devices.selected.iter().map(DeviceId::as_str);
        let others = self.home.devices.iter().map(|e| e.device.id.as_str());
        let others = others.filter(|id| {
            self.devices
                .selected
                .as_ref()
                .is_none_or(|s| s.as_str() != *id)
        });
        let fits = selected.chain(others).filter(|id| id.starts_with(begins));
        fits.take(most).map(str::to_owned).collect()
    }

    pub(in super::super) fn devices_body(&self, rows: usize) -> (Body, Option<Span>, Scroll) {
        if self.has_topics() {
            return self.topics_body(rows);
        }
        let matched = self.devices.rows(&self.home.devices);
        let position = scroll::scroll(self.devices.offset, matched.total, rows);
        if matched.total == 0 {
            return (self.no_devices(), None, position);
        }
        let offset = self.devices.offset;
        let last = offset.saturating_add(rows).min(matched.total);
        let shown = (offset..last)
            .filter_map(|index| matched.entry(&self.home.devices, index))
            .map(|entry| self.device_row(entry))
            .collect();
        let note = self.devices_note(matched.total);
        (Body::Devices(shown), Some(note), position)
    }

    fn devices_note(&self, visible: usize) -> Span {
        let total = self.home.devices.len();
        let marked = self.devices.marked.len();
        let text = match (marked, visible == total) {
            (0, true) => words::grouped(total as u64),
            (0, false) => format!("{visible} of {total}"),
            (n, _) => format!("{n} marked of {total}"),
        };
        let role = if marked > 0 { Role::Key } else { Role::Dim };
        Span::new(text, role)
    }

    fn device_row(&self, entry: &Entry) -> DeviceRow {
        let device = &entry.device;
        let heard = entry.last.map(|last| self.at.mono.since(last));
        DeviceRow {
            selected: self.devices.selected.as_ref() == Some(&device.id),
            marked: self.devices.marked.contains(&device.id),
            presence: match device.presence {
                device::Presence::Unknown => Presence::Unknown,
                device::Presence::Online => Presence::Online,
                device::Presence::Offline => Presence::Offline,
            },
            name: SafeText::new(&device.label()),
            kind: SafeText::new(&device.kind_words()),
            model: SafeText::new(&device.detail()),
            push: self.mark(entry, Feed::Push),
            event: self.mark(entry, Feed::Event),
            last: heard.map(words::age).unwrap_or_default(),
            count: entry.count,
            trouble: self.trouble(entry).map(|t| SafeText::new(&t)),
            fresh: heard.is_some_and(|age| age.as_secs() < 2),
        }
    }

    fn trouble(&self, entry: &Entry) -> Option<String> {
        let failed = Feed::ALL
            .iter()
            .find_map(|feed| self.home.feeds.failure(&entry.device.id, *feed));
        failed.map(words::brief).or_else(|| entry.trouble.clone())
    }

    fn no_devices(&self) -> Body {
        if !self.home.devices.is_empty() {
            return Body::Empty(vec![
                line("no device matches", Role::Normal),
                line("Esc clears the filter", Role::Dim),
            ]);
        }
        if self.open.is_none() {
            return Body::Empty(vec![
                line("no profile is open", Role::Normal),
                line("press P to add an account", Role::Dim),
            ]);
        }
        if self.home.devices.is_listed() {
            let [what, why, then] = self.capabilities().nobody;
            return Body::Empty(vec![
                line(what, Role::Normal),
                line("", Role::Dim),
                line(why, Role::Dim),
                line(then, Role::Dim),
            ]);
        }
        let mut lines = Vec::new();
        if let Some(problem) = &self.home.trouble {
            lines.push(line(problem.what.as_str(), Role::Bad));
            lines.push(line(words::brief(problem), Role::Normal));
            lines.push(line("press r to try again", Role::Dim));
        } else if let LinkState::Refused(problem) = &self.home.link {
            lines.push(line(words::brief(problem), Role::Bad));
            lines.push(line("press r to try again", Role::Dim));
        } else if self.home.steps.is_empty() {
            lines.push(line("signing in …", Role::Pending));
        }
        if self.home.steps.is_empty() {
            return Body::Empty(lines);
        }
        Body::Lines(self.sign_in(lines))
    }

    /// The steps so far under each other, then what is to be said of them.
    fn sign_in(&self, after: Vec<Line>) -> Vec<Line> {
        let area = self.layout().area(PaneId::Devices);
        let cells = area.map_or(0, |area| usize::from(layout::inner_width(area)));
        let room = cells.saturating_sub(2).max(1);
        let steps = self
            .home
            .steps
            .iter()
            .flat_map(|step| fold(step_line(step), room, 14));
        let mut out: Vec<_> = steps.collect();
        if !after.is_empty() {
            out.push(Line::new());
        }
        for said in after {
            for span in said {
                out.extend(wrapped(span.text.as_str(), span.role, room));
            }
        }
        for line in &mut out {
            line.insert(0, Span::new(" ", Role::Normal));
        }
        out
    }

    pub(in super::super) fn show_messages_of_device(&mut self) {
        if self.has_topics() {
            return self.show_messages_of_topics();
        }
        let Some(id) = self.devices.selected.clone() else {
            return;
        };
        self.show_only(Some(id));
        self.focus_on(PaneId::Messages);
    }

    /// For the subscriptions: every feed that is on, wished for or refused.
    pub(in super::super) fn feed_is_listed(&self, entry: &Entry, feed: Feed) -> bool {
        match self.mark(entry, feed) {
            Mark::On(_) | Mark::Unasked | Mark::Pending(_) | Mark::Failed => true,
            Mark::None | Mark::Unknown | Mark::Off => entry.feed(feed).is_on(),
        }
    }
}

/// A step of the sign-in with its mark.
pub(in super::super) fn step_line(step: &SignIn) -> Line {
    let (sign, role) = match step.state {
        StepState::Running => ("… ", Role::Pending),
        StepState::Done => ("✓ ", Role::Good),
        StepState::Kept => ("= ", Role::Good),
        StepState::Failed => ("✗ ", Role::Bad),
    };
    let text_role = match step.state {
        StepState::Running | StepState::Done => Role::Normal,
        StepState::Kept => Role::Dim,
        StepState::Failed => Role::Bad,
    };
    let name = text::pad(step.name, 12);
    vec![
        Span::new(sign, role),
        Span::new(name, Role::Label),
        Span::new(step.text.as_str(), text_role),
    ]
}
