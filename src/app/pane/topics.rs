//! The topic tree, where topics stand for devices: what is unfolded, what is selected, how it is sorted.
//!
//! The selected topic stays the selected one and keeps its line on the screen, whatever comes above it (F21). The list of
//! rows is made anew at once while it is short; a long one waits a moment, so that a flood of new topics costs little.

mod picture;

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::screen::{PaneId, Role};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use crate::base::moment::Mono;
use crate::domain::message::{Direction, Message};
use crate::domain::topic::TopicFilter;
use crate::store::ring::Seq;
use crate::store::tree::rows::{Branch, Order, Row, Rows, Sight};
use crate::store::tree::{Heard, NodeId, Tree};

/// By rate, the order is worked out anew so often.
const RESORT: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(in super::super) struct TopicsPane {
    rows: Rows,
    selected: Option<NodeId>,
    index: usize,
    offset: usize,
    /// The user has moved the cursor: from then on it stays on what it is on. Before that it stays at the top.
    placed: bool,
    marked: BTreeSet<NodeId>,
    order: Order,
    /// What the rows were looked through for.
    needle: String,
    made: Mono,
    sorted: Mono,
    /// Messages that there were when the order was worked out.
    sorted_at: u64,
    /// The user has changed how it is seen: the rows are made anew at once.
    changed: bool,
}

impl TopicsPane {
    pub(in super::super) fn unmark_all(&mut self) -> bool {
        let any = !self.marked.is_empty();
        self.marked.clear();
        any
    }

    /// A second look at the same tree.
    pub(in super::super) fn beside() -> Self {
        Self {
            rows: Rows::beside(),
            changed: true,
            ..Self::default()
        }
    }

    /// The same look, from the top, at another tree.
    pub(super) fn anew(&self) -> Self {
        Self {
            order: self.order,
            ..Self::beside()
        }
    }

    /// When the rows are to be made anew; `None` when they are as they should be.
    pub(super) fn due_in(&self, tree: &Tree, needle: &str, now: Mono) -> Option<Duration> {
        if self.changed || self.needle != needle {
            return Some(Duration::ZERO);
        }
        let stale = self.rows.is_stale(tree);
        let rows = stale.then(|| self.patience().saturating_sub(now.since(self.made)));
        let order = (self.order == Order::Rate && self.sorted_at != tree.heard())
            .then(|| RESORT.saturating_sub(now.since(self.sorted)));
        [rows, order].into_iter().flatten().min()
    }

    pub(super) fn make_rows(&mut self, tree: &mut Tree, needle: String, now: Mono) {
        let sort = self.changed || (self.order == Order::Rate && now.since(self.sorted) >= RESORT);
        let sight = Sight {
            order: self.order,
            needle: &needle,
            sort,
            pin: self.selected.filter(|_| self.placed && !self.changed),
            placed: self.placed,
            at: now,
        };
        self.rows.rebuild(tree, &sight);
        self.needle = needle;
        self.made = now;
        self.changed = false;
        if sort {
            self.sorted = now;
            self.sorted_at = tree.heard();
        }
        let kept = self.selected.filter(|_| self.placed);
        let found = kept.and_then(|id| self.rows.position(id));
        let index = found.unwrap_or(self.index);
        // Rows that came or went above it do not move it on the screen (F21).
        self.offset = (self.offset + index).saturating_sub(self.index);
        self.index = index;
        self.marked.retain(|id| tree.get(*id).is_some());
    }

    /// The cursor on a row, the window over the cursor.
    pub(super) fn settle(&mut self, rows: usize) {
        let total = self.rows.len();
        self.index = self.index.min(total.saturating_sub(1));
        self.selected = self.rows.get(self.index).map(|row| row.id);
        self.offset = scroll::reveal(self.offset, self.index, total, rows);
    }

    pub(super) fn step(&mut self, step: Step, rows: usize) {
        let index = step.from(self.index, self.rows.len(), rows);
        self.put_cursor(index, rows);
    }

    pub(super) fn select_row(&mut self, row: usize, rows: usize) {
        let index = self.offset + row;
        if index < self.rows.len() {
            self.put_cursor(index, rows);
        }
    }

    fn put_cursor(&mut self, index: usize, rows: usize) {
        self.placed = true;
        self.index = index;
        self.selected = self.rows.get(index).map(|row| row.id);
        self.offset = scroll::reveal(self.offset, index, self.rows.len(), rows);
    }

    fn set_open(&mut self, tree: &mut Tree, row: Row, open: bool) {
        if row.branch != Branch::None {
            tree.set_open(row.id, open);
            self.folded();
        }
    }

    fn folded(&mut self) {
        self.rows.keep_folds();
        self.placed = true;
        self.changed = true;
    }

    /// Unfolds, then goes to what is below. Whether there was anything to do.
    pub(super) fn inwards(&mut self, tree: &mut Tree, rows: usize) -> bool {
        let Some(row) = self.rows.get(self.index) else {
            return false;
        };
        match row.branch {
            Branch::None => return false,
            Branch::Folded => self.set_open(tree, row, true),
            Branch::Unfolded => self.step(Step::Down, rows),
        }
        true
    }

    /// Folds, then goes to what is above. Whether there was anything to do.
    pub(super) fn outwards(&mut self, tree: &mut Tree, rows: usize) -> bool {
        let Some(row) = self.rows.get(self.index) else {
            return false;
        };
        let searched = !self.needle.is_empty();
        if row.branch == Branch::Unfolded && tree.is_open(row.id) && !searched {
            self.set_open(tree, row, false);
            return true;
        }
        let above = tree.parent(row.id);
        let Some(index) = above.and_then(|id| self.rows.position(id)) else {
            return false;
        };
        self.put_cursor(index, rows);
        true
    }

    pub(super) fn sort_otherwise(&mut self) {
        self.order = match self.order {
            Order::Name => Order::Rate,
            Order::Rate => Order::Name,
        };
        self.changed = true;
    }

    /// Another look at the tree folded something.
    pub(super) fn look_again(&mut self) {
        self.changed = true;
    }

    pub(super) const fn selected(&self) -> Option<NodeId> {
        self.selected
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// When the age of a last message in the window reads otherwise.
    pub(super) fn ages_change(&self, tree: &Tree, rows: usize, now: Mono) -> Option<Duration> {
        self.rows
            .window(self.offset, rows)
            .iter()
            .filter_map(|row| tree.get(row.id))
            .map(|node| words::age_changes_in(now.since(node.last())))
            .min()
    }

    pub(super) const fn order_words(&self) -> &'static str {
        match self.order {
            Order::Name => " by name",
            Order::Rate => " by rate",
        }
    }

    /// How long the rows may be out of date.
    fn patience(&self) -> Duration {
        match self.rows.len() {
            0..=1_000 => Duration::ZERO,
            1_001..=20_000 => Duration::from_millis(100),
            _ => Duration::from_millis(500),
        }
    }
}

impl App {
    pub(in super::super) fn has_topics(&self) -> bool {
        self.capabilities().topics
    }

    /// A message that was just kept as row `seq`.
    pub(in super::super) fn topic_heard(&mut self, message: &Message, seq: Seq, secret: bool) {
        if message.direction == Direction::Out {
            return;
        }
        let topic = message.topic.as_str();
        let heard = Heard {
            at: self.at.mono,
            seq,
            payload: if secret { b"" } else { &message.payload },
            retain: message.retain,
        };
        let node = self.home.tree.hear(topic, &heard);
        self.unsettled |= self.groups_due_in() == Some(Duration::ZERO);
        if !self.has_topics() {
            return;
        }
        let filters = &self.home.filters;
        let find = || filters.matching(topic);
        let matching = self.home.tree.matched(node, filters.list(), find);
        let muted = self.subscriptions.muted_bits;
        self.home.filters.count(matching, muted);
        if topic.starts_with('$') {
            self.home.sys.hear(topic, &message.payload, self.at.mono);
        }
        self.unsettled |= self.topics_due_in() == Some(Duration::ZERO);
    }

    /// When the rows are to be made anew; `None` when they are as they should be.
    pub(in super::super) fn topics_due_in(&self) -> Option<Duration> {
        if !self.has_topics() {
            return None;
        }
        let needle = self.devices.filter.needle();
        self.topics.due_in(&self.home.tree, &needle, self.at.mono)
    }

    /// When the age of a last message in the window reads otherwise.
    pub(in super::super) fn topic_ages_change(&self) -> Option<Duration> {
        let rows = self.rows(PaneId::Devices);
        self.topics.ages_change(&self.home.tree, rows, self.at.mono)
    }

    pub(in super::super) fn settle_topics(&mut self) {
        if self.topics_due_in() == Some(Duration::ZERO) {
            self.make_topic_rows();
        }
        let rows = self.rows(PaneId::Devices);
        self.topics.settle(rows);
    }

    fn make_topic_rows(&mut self) {
        let needle = self.devices.filter.needle();
        self.topics
            .make_rows(&mut self.home.tree, needle, self.at.mono);
    }

    pub(in super::super) fn step_topics(&mut self, step: Step) {
        let rows = self.rows(PaneId::Devices);
        self.topics.step(step, rows);
    }

    pub(in super::super) fn select_topic_row(&mut self, row: usize) {
        let rows = self.rows(PaneId::Devices);
        self.topics.select_row(row, rows);
    }

    fn topic_row_at_hand(&self) -> Option<Row> {
        self.topics.rows.get(self.topics.index)
    }

    pub(in super::super) fn mark_topic(&mut self) {
        let Some(id) = self.topics.selected else {
            return;
        };
        if !self.topics.marked.remove(&id) {
            self.topics.marked.insert(id);
        }
        self.step_topics(Step::Down);
    }

    /// `o`
    pub(in super::super) fn fold_or_unfold(&mut self) {
        if let Some(row) = self.topic_row_at_hand() {
            self.set_topic_open(row, row.branch == Branch::Folded);
        }
    }

    /// `O`: everything below the selected topic, or all of it where nothing is below.
    pub(in super::super) fn fold_or_unfold_below(&mut self) {
        let Some(row) = self.topic_row_at_hand() else {
            return;
        };
        let open = !self.home.tree.is_open(row.id);
        self.home.tree.set_open_below(row.id, open);
        self.topics_folded();
    }

    fn set_topic_open(&mut self, row: Row, open: bool) {
        self.topics.set_open(&mut self.home.tree, row, open);
        self.groups_look_again();
    }

    fn topics_folded(&mut self) {
        self.topics.folded();
        self.groups_look_again();
    }

    /// Right: unfolds, then goes to what is below. Whether there was anything to do.
    pub(in super::super) fn topic_inwards(&mut self) -> bool {
        let rows = self.rows(PaneId::Devices);
        self.groups_look_again();
        self.topics.inwards(&mut self.home.tree, rows)
    }

    /// Left: folds, then goes to what is above. Whether there was anything to do.
    pub(in super::super) fn topic_outwards(&mut self) -> bool {
        let rows = self.rows(PaneId::Devices);
        self.groups_look_again();
        self.topics.outwards(&mut self.home.tree, rows)
    }

    /// `S`
    pub(in super::super) fn sort_topics(&mut self) {
        self.topics.sort_otherwise();
    }

    pub(in super::super) fn selected_topic(&self) -> Option<String> {
        self.home.tree.path(self.topics.selected?)
    }

    /// `Enter`: only what is said on the selected topic and below it, or on all marked ones.
    pub(in super::super) fn show_messages_of_topics(&mut self) {
        let chosen: Vec<_> = if self.topics.marked.is_empty() {
            self.topics.selected.into_iter().collect()
        } else {
            self.topics.marked.iter().copied().collect()
        };
        let paths = chosen.iter().filter_map(|id| self.home.tree.path(*id));
        let filters: Result<Vec<_>, _> = paths
            .map(|path| TopicFilter::parse(&format!("{path}/#")))
            .collect();
        match filters {
            Ok(filters) if filters.is_empty() => {}
            Ok(filters) => {
                self.show_only_topics(filters);
                self.focus_on(PaneId::Messages);
            }
            Err(why) => self.say(Role::Warn, format!("no filter can be made of it: {why}")),
        }
    }

    /// `s`: the last message of the very topic, in the inspector.
    pub(in super::super) fn show_last_of_topic(&mut self) {
        let Some(node) = self.topics.selected.and_then(|id| self.home.tree.get(id)) else {
            return self.say(Role::Warn, "no topic is selected");
        };
        let Some(seq) = node.last_own() else {
            return self.say(
                Role::Warn,
                "nothing was said on this very topic; it is the ones below it that speak",
            );
        };
        if self.home.ring.get(seq).is_none() {
            return self.say(
                Role::Warn,
                "its last message is older than what is kept in memory",
            );
        }
        let Some(Ok(filter)) = self.selected_topic().map(|t| TopicFilter::parse(&t)) else {
            return;
        };
        self.show_only_topics(vec![filter]);
        // The stream's cursor is there once the stream has looked back so far.
        self.select_message(seq);
        self.open_message(seq);
    }
}
