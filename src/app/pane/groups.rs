//! `t`: the stream grouped by topic, on any platform: how much, how often and when on each, and Enter shows only that.
//!
//! Where the stream shows everything, the groups are a second look at all topics. Where a filter, a device or a mute hides
//! some of it, what it shows is counted here: what memory holds of it in slices, then as it comes.

use std::time::Duration;

use super::super::effect::Effect;
use super::super::event::TimerId;
use super::super::home::Home;
use super::super::lines::{line, span};
use super::super::screen::{Body, Line, PaneId, Role, Scroll, Span};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::topics::TopicsPane;
use crate::base::moment::Mono;
use crate::domain::topic::TopicFilter;
use crate::store::ring::{Kept, Seq};
use crate::store::tree::{Heard, Tree};

/// Rows counted in one slice: a few milliseconds.
const ROWS: usize = 8_000;

/// The topics in place of the messages.
#[derive(Debug)]
pub(super) struct Groups {
    look: TopicsPane,
    part: Option<Part>,
}

/// The topics of what the stream shows, where that is not everything.
#[derive(Debug)]
struct Part {
    tree: Tree,
    /// Rows before this one were counted, or are not in memory.
    next: Seq,
}

impl Part {
    fn new(home: &Home) -> Self {
        Self {
            tree: Tree::under(home.ring.limit()),
            next: Seq(0),
        }
    }
}

impl Groups {
    fn tree<'a>(&'a self, home: &'a Home) -> &'a Tree {
        self.part.as_ref().map_or(&home.tree, |part| &part.tree)
    }

    fn parts<'a>(&'a mut self, home: &'a mut Home) -> (&'a mut TopicsPane, &'a mut Tree) {
        let tree = match &mut self.part {
            Some(part) => &mut part.tree,
            None => &mut home.tree,
        };
        (&mut self.look, tree)
    }
}

impl App {
    pub(in super::super) const fn is_grouped(&self) -> bool {
        self.messages.groups.is_some()
    }

    pub(in super::super) fn group_or_not(&mut self) {
        self.messages.groups = match self.messages.groups.take() {
            Some(_) => None,
            None => Some(Groups {
                look: TopicsPane::beside(),
                part: (!self.messages.shows_all()).then(|| Part::new(&self.home)),
            }),
        };
        self.unsettled = true;
    }

    /// The stream shows something else: what was counted is not it.
    pub(super) fn group_anew(&mut self) {
        let all = self.messages.shows_all();
        let Some(groups) = &mut self.messages.groups else {
            return;
        };
        if !all || groups.part.is_some() {
            groups.look = groups.look.anew();
            groups.part = (!all).then(|| Part::new(&self.home));
        }
        self.unsettled = true;
    }

    /// Esc. Whether there was anything to leave.
    pub(in super::super) fn leave_groups(&mut self) -> bool {
        self.messages.groups.take().is_some()
    }

    /// Bytes of what is counted here.
    pub(in super::super) fn groups_bytes(&self) -> usize {
        let groups = self.messages.groups.as_ref();
        let part = groups.and_then(|groups| groups.part.as_ref());
        part.map_or(0, |part| part.tree.charged())
    }

    /// The selected topic, or what is above several.
    pub(in super::super) fn group_topic(&self) -> Option<String> {
        let groups = self.messages.groups.as_ref()?;
        groups.tree(&self.home).path(groups.look.selected()?)
    }

    /// The row of the last message on the selected topic itself.
    fn group_row(&self) -> Option<Seq> {
        let groups = self.messages.groups.as_ref()?;
        let node = groups.tree(&self.home).get(groups.look.selected()?)?;
        node.last_own()
    }

    /// The selected message; where they are grouped, the last one of the selected topic.
    pub(in super::super) fn row_at_hand(&self) -> Option<Kept<'_>> {
        if self.is_grouped() {
            return self.home.ring.get(self.group_row()?);
        }
        self.selected_message()
    }

    /// Enter: only what is said on the selected topic and below it.
    pub(in super::super) fn show_group(&mut self) {
        let Some(path) = self.group_topic() else {
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

    /// The next slice of what the stream shows, once all of memory was looked through for it: in the order of time.
    pub(in super::super) fn count_groups(&mut self) {
        let pane = &mut self.messages;
        let looking = pane.hits.is_looking(&self.home.ring);
        let groups = pane.groups.as_mut();
        let Some(part) = groups.and_then(|g| g.part.as_mut()).filter(|_| !looking) else {
            return;
        };
        let ring = &self.home.ring;
        part.next = part.next.max(ring.first_in_memory());
        let first = pane.hits.index_of(part.next, ring);
        let end = pane.hits.len_before(ring.end(), ring);
        for index in first..end.min(first + ROWS) {
            let Some(seq) = pane.hits.at(index, ring) else {
                break;
            };
            part.next = Seq(seq.0 + 1);
            let Some(kept) = ring.get(seq).filter(|kept| kept.gap.is_none()) else {
                continue;
            };
            let ago = kept.at.until(self.at.wall);
            let heard = Heard {
                at: Mono(self.at.mono.0.saturating_sub(ago)),
                seq,
                payload: if kept.mask.is_empty() {
                    kept.payload
                } else {
                    b""
                },
                retain: kept.retain,
            };
            part.tree.hear(kept.topic, &heard);
        }
        if end > first {
            self.moved = true;
            self.charge();
            if self.groups_due_in() == Some(Duration::ZERO) {
                self.settle_groups();
            }
        }
        if end > first + ROWS && self.timers.groups.is_none() {
            let id = self.timers.next();
            self.ask(Effect::StartTimer(id, Duration::ZERO));
            self.timers.groups = Some(id);
        }
    }

    pub(in super::super) fn groups_timer(&mut self, id: TimerId) -> bool {
        let ours = self.timers.groups == Some(id);
        if ours {
            self.timers.groups = None;
        }
        ours
    }

    pub(in super::super) fn groups_due_in(&self) -> Option<Duration> {
        let groups = self.messages.groups.as_ref()?;
        let tree = groups.tree(&self.home);
        groups.look.due_in(tree, "", self.at.mono)
    }

    pub(in super::super) fn groups_change(&self) -> Option<Duration> {
        let groups = self.messages.groups.as_ref()?;
        let rows = self.rows(PaneId::Messages);
        let tree = groups.tree(&self.home);
        let ages = groups.look.ages_change(tree, rows, self.at.mono);
        self.groups_due_in().into_iter().chain(ages).min()
    }

    pub(in super::super) fn settle_groups(&mut self) {
        let due = self.groups_due_in() == Some(Duration::ZERO);
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return;
        };
        let (look, tree) = groups.parts(&mut self.home);
        if due {
            look.make_rows(tree, String::new(), self.at.mono);
        }
        look.settle(rows);
    }

    /// The other look at the tree folded something.
    pub(super) fn groups_look_again(&mut self) {
        if let Some(groups) = &mut self.messages.groups {
            groups.look.look_again();
        }
    }

    /// Whether the groups have taken the step.
    pub(super) fn step_groups(&mut self, step: Step) -> bool {
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return false;
        };
        groups.look.step(step, rows);
        true
    }

    pub(super) fn select_group_row(&mut self, row: usize) -> bool {
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return false;
        };
        groups.look.select_row(row, rows);
        true
    }

    /// Right and Left. Whether there was anything to do.
    pub(in super::super) fn group_inwards(&mut self, inwards: bool) -> bool {
        let rows = self.rows(PaneId::Messages);
        let Some(groups) = &mut self.messages.groups else {
            return false;
        };
        self.topics.look_again();
        let (look, tree) = groups.parts(&mut self.home);
        if inwards {
            look.inwards(tree, rows)
        } else {
            look.outwards(tree, rows)
        }
    }

    pub(in super::super) fn sort_groups(&mut self) {
        if let Some(groups) = &mut self.messages.groups {
            groups.look.sort_otherwise();
        }
    }

    pub(super) fn groups_body(&self, rows: usize) -> Option<(Body, Option<Span>, Scroll)> {
        let groups = self.messages.groups.as_ref()?;
        let (look, tree) = (&groups.look, groups.tree(&self.home));
        let position = scroll::scroll(look.offset(), look.len(), rows);
        let state = groups.part.as_ref().map(|part| self.part_words(part));
        if look.len() == 0 {
            return Some((Body::Empty(self.no_groups(state)), None, position));
        }
        let topics = words::count(tree.topics(), "topic");
        let mut note = format!("{topics}{}", look.order_words());
        if let Some(state) = state {
            note.push_str(", only what is shown");
            note.push_str(&state);
        }
        let body = Body::Topics(self.topic_rows(look, tree, rows));
        Some((body, Some(span(note, Role::Dim)), position))
    }

    /// What is not counted, yet or at all.
    fn part_words(&self, part: &Part) -> String {
        let (hits, ring) = (&self.messages.hits, &self.home.ring);
        let memory = ring.first_in_memory();
        if hits.is_looking(ring)
            || hits.index_of(part.next.max(memory), ring) < hits.len_before(ring.end(), ring)
        {
            return ", counting …".to_owned();
        }
        match hits.index_of(memory, ring) {
            0 => String::new(),
            on_disk => format!(
                ", {} on the disk not counted",
                words::grouped(on_disk as u64)
            ),
        }
    }

    fn no_groups(&self, state: Option<String>) -> Vec<Line> {
        match state {
            Some(state) if state.is_empty() => self.no_messages(),
            Some(state) => vec![
                line(state.trim_start_matches(", ").to_owned(), Role::Pending),
                line("t shows the messages", Role::Dim),
            ],
            None => vec![
                line("no topic has been heard yet", Role::Normal),
                line("Esc shows the messages", Role::Dim),
            ],
        }
    }
}
