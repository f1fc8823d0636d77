//! `t`: the stream grouped by topic, on any platform: how much, how often and when on each, and Enter shows only that.

use std::time::Duration;

use super::super::lines::{line, span};
use super::super::screen::{Body, PaneId, Role, Scroll, Span};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::topics::TopicsPane;
use crate::domain::topic::TopicFilter;

impl App {
    pub(in super::super) const fn is_grouped(&self) -> bool {
        self.messages.groups.is_some()
    }

    pub(in super::super) fn group_or_not(&mut self) {
        self.messages.groups = match self.messages.groups.take() {
            Some(_) => None,
            None => Some(TopicsPane::beside()),
        };
        self.unsettled = true;
    }

    /// Esc. Whether there was anything to leave.
    pub(in super::super) fn leave_groups(&mut self) -> bool {
        self.messages.groups.take().is_some()
    }

    /// Enter: only what is said on the selected topic and below it.
    pub(in super::super) fn show_group(&mut self) {
        let groups = self.messages.groups.as_ref();
        let path = groups
            .and_then(TopicsPane::selected)
            .and_then(|id| self.home.tree.path(id));
        let Some(path) = path else {
            return self.say(Role::Warn, "there is no topic here");
        };
        match TopicFilter::parse(&format!("{path}/#")) {
            Ok(filter) => {
                self.messages.groups = None;
                self.show_only_topics(vec![filter]);
            }
            Err(why) => self.say(Role::Warn, format!("no filter can be made of it: {why}")),
        }
    }

    pub(in super::super) fn groups_due_in(&self) -> Option<Duration> {
        let groups = self.messages.groups.as_ref()?;
        groups.due_in(&self.home.tree, "", self.at.mono)
    }

    pub(in super::super) fn groups_change(&self) -> Option<Duration> {
        let groups = self.messages.groups.as_ref()?;
        let rows = self.rows(PaneId::Messages);
        let ages = groups.ages_change(&self.home.tree, rows, self.at.mono);
        self.groups_due_in().into_iter().chain(ages).min()
    }

    pub(in super::super) fn settle_groups(&mut self) {
        let due = self.groups_due_in() == Some(Duration::ZERO);
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return;
        };
        if due {
            groups.make_rows(&mut self.home.tree, String::new(), self.at.mono);
        }
        groups.settle(rows);
    }

    /// The other look at the tree folded something.
    pub(super) fn groups_look_again(&mut self) {
        if let Some(groups) = &mut self.messages.groups {
            groups.look_again();
        }
    }

    /// Whether the groups have taken the step.
    pub(super) fn step_groups(&mut self, step: Step) -> bool {
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return false;
        };
        groups.step(step, rows);
        true
    }

    pub(super) fn select_group_row(&mut self, row: usize) -> bool {
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return false;
        };
        groups.select_row(row, rows);
        true
    }

    /// Right and Left. Whether there was anything to do.
    pub(in super::super) fn group_inwards(&mut self, inwards: bool) -> bool {
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return false;
        };
        self.topics.look_again();
        if inwards {
            groups.inwards(&mut self.home.tree, rows)
        } else {
            groups.outwards(&mut self.home.tree, rows)
        }
    }

    pub(in super::super) fn sort_groups(&mut self) {
        if let Some(groups) = &mut self.messages.groups {
            groups.sort_otherwise();
        }
    }

    pub(super) fn groups_body(&self, rows: usize) -> Option<(Body, Option<Span>, Scroll)> {
        let groups = self.messages.groups.as_ref()?;
        let position = scroll::scroll(groups.offset(), groups.len(), rows);
        if groups.len() == 0 {
            let empty = vec![
                line("no topic has been heard yet", Role::Normal),
                line("Esc shows the messages", Role::Dim),
            ];
            return Some((Body::Empty(empty), None, position));
        }
        let topics = words::count(self.home.tree.topics(), "topic");
        let note = span(format!("{topics}{}", groups.order_words()), Role::Dim);
        Some((
            Body::Topics(self.topic_rows(groups, rows)),
            Some(note),
            position,
        ))
    }
}
