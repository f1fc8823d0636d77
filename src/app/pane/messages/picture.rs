//! The stream as it is seen: its rows, the note above them, what to press where there are none.

use super::{Mode, Search};
use crate::app::lines::{self, line, span};
use crate::app::screen::{Body, Line, MessageRow, PaneId, Role, Scroll, Span};
use crate::app::scroll;
use crate::app::state::App;
use crate::app::words;
use crate::base::text::SafeText;
use crate::domain::expression::Expression;
use crate::domain::reading::Kind;
use crate::domain::session::Gap;
use crate::domain::subscription::FeedState;
use crate::store::ring::Kept;

impl App {
    pub(in super::super::super) fn messages_body(
        &self,
        rows: usize,
        cells: usize,
    ) -> (Body, Option<Span>, Scroll) {
        if let Some(groups) = self.groups_body(rows) {
            return groups;
        }
        let (_, offset) = self.messages.cursor(&self.home, rows);
        let total = self.messages.total(&self.home);
        let position = scroll::scroll(offset, total, rows);
        let note = self.messages_note(total);
        if total == 0 && self.saved_rows().is_none() {
            return (Body::Empty(self.no_messages()), note, position);
        }
        (
            Body::Messages(self.message_rows(rows, cells)),
            note,
            position,
        )
    }

    pub(super) fn message_rows(&self, rows: usize, cells: usize) -> Vec<MessageRow> {
        if let Some(saved) = self.saved_rows() {
            return saved.iter().take(rows).cloned().collect();
        }
        let (index, offset) = self.messages.cursor(&self.home, rows);
        let total = self.messages.total(&self.home);
        let found = self.messages.hits.view().filter.expression();
        (offset..total.min(offset + rows))
            .filter_map(|n| Some((n, self.messages.hits.at(n, &self.home.ring)?)))
            .map(|(n, seq)| {
                let row = match self.home.ring.get(seq) {
                    Some(kept) => self.message_row(&kept, cells, found),
                    None => on_its_way(),
                };
                MessageRow {
                    selected: n == index,
                    ..row
                }
            })
            .collect()
    }

    fn message_row(&self, kept: &Kept<'_>, cells: usize, found: Option<&Expression>) -> MessageRow {
        let time = kept.at.clock_millis(self.zone);
        if let Some(gap) = kept.gap {
            let is_hole = self.home.ring.is_hole(kept.seq);
            return MessageRow {
                // Nobody knows when they came that an earlier run left.
                time: if gap.messages > 0 {
                    time
                } else {
                    String::new()
                },
                kind: Kind::Gap.word(),
                kind_role: Role::Warn,
                gist: line(gap_words(gap, is_hole), Role::Warn),
                gap: true,
                ..MessageRow::default()
            };
        }
        let source = match kept.device {
            Some(number) => self.home.devices.label_of(number),
            None => kept.topic,
        };
        let (source, is_topic) = (SafeText::new(source), kept.device.is_none());
        MessageRow {
            selected: false,
            time,
            kind: kept.kind.word(),
            kind_role: kind_role(kept.kind),
            found: found.map_or_else(Vec::new, |expression| {
                expression.marks_in_name(source.as_str(), is_topic)
            }),
            source,
            topic: is_topic,
            gist: {
                let gist = self.sifted_gist(kept, cells);
                let mut gist = gist.unwrap_or_else(|| self.gist(kept, cells));
                if let Some(asked) = self.asked_span(kept.topic, kept.at, kept.outgoing) {
                    gist.splice(0..0, [asked, span("  ", Role::Normal)]);
                }
                match found {
                    Some(expression) => lines::marked(gist, expression),
                    None => gist,
                }
            },
            bytes: usize::try_from(kept.length).unwrap_or(usize::MAX),
            retain: kept.retain,
            dup: kept.dup,
            outgoing: kept.outgoing,
            gap: false,
        }
    }

    /// The gist in words, else the payload on one line.
    fn gist(&self, kept: &Kept<'_>, cells: usize) -> Line {
        if !kept.gist.is_empty() {
            return line(kept.gist, Role::Normal);
        }
        if !kept.mask.is_empty() {
            return line("(holds a secret: open it to see the rest)", Role::Dim);
        }
        self.glances.line(kept, &self.pins, self.pinned, cells)
    }

    /// Cells that a row's gist may take.
    pub(super) fn gist_cells(&self) -> usize {
        let area = self.layout().area(PaneId::Messages);
        area.map_or(0, |a| usize::from(a.width))
    }

    fn messages_note(&self, total: usize) -> Option<Span> {
        let new = self.messages.new;
        let mut parts = Vec::new();
        if self.focus == PaneId::Messages {
            parts.extend(self.program_scope());
        }
        if let Some(device) = &self.messages.device {
            parts.push(format!("only {}", self.home.devices.label(device)));
        }
        let kept = usize::try_from(self.home.ring.rows()).unwrap_or(usize::MAX);
        if let Some(topics) = self.messages.topics_words() {
            parts.push(format!("only {topics}"));
        }
        let filtered = !self.messages.filter.input.is_empty() || self.messages.is_narrowed();
        if self.messages.is_looking(&self.home)
            || matches!(self.messages.search, Search::Running(_))
        {
            parts.push(format!("{} so far", words::grouped(total as u64)));
        } else if filtered {
            let (total, kept) = (words::grouped(total as u64), words::grouped(kept as u64));
            parts.push(format!("{total} of {kept}"));
        } else if total > 0 {
            parts.push(words::grouped(total as u64));
        }
        let role = match self.messages.mode {
            Mode::Follow => Role::Dim,
            Mode::Browse { .. } => Role::Pending,
            Mode::Frozen { .. } => Role::Warn,
        };
        match self.messages.mode {
            Mode::Frozen { .. } => parts.push(format!("frozen, {} new", words::grouped(new))),
            Mode::Browse { .. } if new > 0 => {
                parts.push(format!("{} new below", words::grouped(new)));
            }
            _ => {}
        }
        let evicted = self.home.ring.evicted();
        if evicted > 0 {
            parts.push(format!("{} older let go", words::grouped(evicted)));
        }
        (!parts.is_empty()).then(|| span(parts.join(" · "), role))
    }

    pub(in super::super) fn no_messages(&self) -> Vec<Line> {
        let filtered = !self.messages.filter.input.is_empty();
        if filtered && self.home.ring.rows() > 0 {
            return vec![
                line("no message matches", Role::Normal),
                line("Esc clears the filter", Role::Dim),
            ];
        }
        if let Some(device) = &self.messages.device {
            let name = self.home.devices.label(device);
            return vec![
                line(format!("nothing from {name} yet"), Role::Normal),
                line("Esc shows the messages of all devices", Role::Dim),
            ];
        }
        if let Some(topics) = self.messages.topics_words() {
            return vec![
                line(format!("nothing is kept of {topics}"), Role::Normal),
                line("Esc shows the messages of all topics", Role::Dim),
            ];
        }
        if self.has_topics() && self.home.link.is_up() && self.home.filters.is_empty() {
            return self.how_to_subscribe();
        }
        let subscribed = self.home.devices.iter().any(|e| {
            let mut feeds = e.feeds.values();
            feeds.any(|f| f.is_on() || *f == FeedState::Unasked)
        });
        if subscribed || self.home.devices.is_empty() {
            return vec![line("nothing has come yet", Role::Normal)];
        }
        let [push, event] = self.capabilities().feeds.brief;
        vec![
            line("nothing has come yet", Role::Normal),
            line("", Role::Dim),
            line(format!("p on a device: {push}"), Role::Dim),
            line(format!("e on a device: {event}"), Role::Dim),
        ]
    }
}

/// What is missing here, and why. `is_hole`: on the disk.
fn gap_words(gap: Gap, is_hole: bool) -> String {
    let count = words::grouped(gap.messages);
    let bytes = words::bytes(gap.bytes);
    match (is_hole, gap.messages) {
        (true, 0) => "⋯ messages of an earlier run cannot be read from the disk".to_owned(),
        (true, 1) => format!("⋯ 1 message ({bytes}) dropped: the disk did not keep it"),
        (true, _) => format!("⋯ {count} messages ({bytes}) dropped: the disk did not keep them"),
        (false, 1) => format!("⋯ 1 message ({bytes}) dropped: too large or too fast to be kept"),
        (false, _) => {
            format!("⋯ {count} messages ({bytes}) dropped: too large or too fast to be kept")
        }
    }
}

/// Stands where a row is being read back from the disk.
fn on_its_way() -> MessageRow {
    MessageRow {
        kind: "",
        gist: line("reading it from the disk", Role::Dim),
        ..MessageRow::default()
    }
}

pub(in super::super::super) const fn kind_role(kind: Kind) -> Role {
    match kind {
        Kind::Push => Role::Key,
        Kind::Event | Kind::State | Kind::Shadow => Role::Good,
        Kind::Device | Kind::Presence | Kind::Provisioning | Kind::Job | Kind::Config => {
            Role::Label
        }
        Kind::Error => Role::Bad,
        Kind::Gap => Role::Warn,
        Kind::Command => Role::Pending,
        Kind::Message => Role::Normal,
    }
}
