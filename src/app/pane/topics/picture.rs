//! The topic tree as it is seen: its rows, the note above them, what to press where there are none.

use super::TopicsPane;
use crate::app::lines::{self, line, span};
use crate::app::screen::{Body, Fold, Line, PaneId, Role, Scroll, Span, TopicRow};
use crate::app::scroll;
use crate::app::state::App;
use crate::app::words;
use crate::base::text::SafeText;
use crate::domain::payload::{self, Format};
use crate::domain::session::LinkState;
use crate::store::ring::Kept;
use crate::store::tree::rows::{Branch, Row};
use crate::store::tree::{GLANCE, Node, Tree};

impl App {
    pub(in super::super::super) fn topics_body(&self, rows: usize) -> (Body, Option<Span>, Scroll) {
        let pane = &self.topics;
        let total = pane.rows.len();
        let position = scroll::scroll(pane.offset, total, rows);
        if total == 0 {
            let note = (self.home.tree.topics() > 0).then(|| self.topics_note());
            return (Body::Empty(self.no_topics()), note, position);
        }
        let shown = self.topic_rows(pane, &self.home.tree, rows);
        (Body::Topics(shown), Some(self.topics_note()), position)
    }

    /// The rows of the window over a tree.
    pub(in super::super) fn topic_rows(
        &self,
        pane: &TopicsPane,
        tree: &Tree,
        rows: usize,
    ) -> Vec<TopicRow> {
        let window = pane.rows.window(pane.offset, rows).iter().enumerate();
        window
            .map(|(n, row)| TopicRow {
                selected: pane.offset + n == pane.index,
                marked: pane.marked.contains(&row.id),
                ..self.topic_row(tree, *row)
            })
            .collect()
    }

    fn topic_row(&self, tree: &Tree, row: Row) -> TopicRow {
        let Some(node) = tree.get(row.id) else {
            // Let go since the rows were made; gone with the next ones.
            return TopicRow {
                depth: row.depth,
                name: SafeText::new("…"),
                ..TopicRow::default()
            };
        };
        let heard = self.at.mono.since(node.last());
        TopicRow {
            selected: false,
            marked: false,
            depth: row.depth,
            fold: match row.branch {
                Branch::None => Fold::Leaf,
                Branch::Folded => Fold::Folded,
                Branch::Unfolded => Fold::Unfolded,
            },
            name: SafeText::new(match node.name() {
                "" => "\"\"",
                name => name,
            }),
            value: self.topic_value(node),
            rate: words::rate(node.rate(self.at.mono)),
            last: words::age(heard),
            retained: node.is_retained(),
            count: node.total(),
            own: node.own(),
            topics: node.topics_below(),
            bytes: node.bytes(),
            fresh: heard.as_secs() < 2,
        }
    }

    /// The last payload, decoded where it needs to be and is still here.
    pub(in super::super::super) fn topic_value(&self, node: &Node) -> Line {
        let is_binary = node
            .glance()
            .is_some_and(|(bytes, _)| payload::format(whole(bytes)) == Format::Binary);
        let kept = (is_binary || !self.pins.is_empty())
            .then(|| self.home.ring.get(node.last_own()?))
            .flatten();
        let is_decoded = |kept: &Kept<'_>| {
            kept.mask.is_empty() && (is_binary || self.pins.of(kept.topic).is_some())
        };
        match kept.filter(is_decoded) {
            Some(kept) => self.glances.line(&kept, &self.pins, self.pinned, GLANCE),
            None => value(node),
        }
    }

    /// `1,204 topics by name`, and what the bound let go.
    fn topics_note(&self) -> Span {
        let pane = &self.topics;
        let all = self.home.tree.topics();
        let mut text = if pane.needle.is_empty() {
            words::count(all, "topic")
        } else {
            let found = words::grouped(pane.rows.found());
            format!("{found} of {}", words::count(all, "topic"))
        };
        text.push_str(pane.order_words());
        let mut role = Role::Dim;
        if !pane.marked.is_empty() {
            text = format!("{} marked of {text}", pane.marked.len());
            role = Role::Key;
        }
        let let_go = self.home.tree.let_go();
        if let_go > 0 {
            text = format!("{text}, {} silent ones let go", words::grouped(let_go));
            role = Role::Warn;
        }
        Span::new(text, role)
    }

    fn no_topics(&self) -> Vec<Line> {
        if self.home.tree.topics() > 0 {
            return vec![
                line("no topic matches", Role::Normal),
                line("Esc clears the filter", Role::Dim),
            ];
        }
        match &self.home.link {
            LinkState::Refused(problem) | LinkState::TakenOver(problem) => {
                return vec![
                    line(words::brief(problem), Role::Bad),
                    line("press r to try again", Role::Dim),
                ];
            }
            LinkState::Reconnecting { why, .. } => {
                return vec![
                    line(words::brief(why), Role::Warn),
                    line("press r to try now", Role::Dim),
                ];
            }
            state if !state.is_up() => return vec![line("connecting …", Role::Pending)],
            _ => {}
        }
        if self.home.filters.is_empty() {
            return self.how_to_subscribe();
        }
        vec![
            line("nothing has been said yet", Role::Normal),
            line("on what is subscribed (see Subscriptions)", Role::Dim),
            line("", Role::Dim),
            vec![span("a", Role::Key), span(" subscribes to more", Role::Dim)],
        ]
    }

    /// For panes that are empty because nothing is subscribed.
    pub(in super::super::super) fn how_to_subscribe(&self) -> Vec<Line> {
        let key = match self.focus {
            PaneId::Devices | PaneId::Subscriptions => "a",
            _ => "2 then a",
        };
        vec![
            line("nothing is subscribed", Role::Normal),
            line("", Role::Dim),
            vec![
                span(key, Role::Key),
                span(" subscribes to a topic filter:", Role::Normal),
            ],
            vec![
                span("home/#", Role::Text),
                span(" home and all below", Role::Dim),
            ],
            vec![
                span("+/temp", Role::Text),
                span(" any one level in front", Role::Dim),
            ],
            vec![
                span("#", Role::Text),
                span(" everything but ", Role::Dim),
                span("$SYS/#", Role::Text),
            ],
            vec![
                span("B", Role::Key),
                span(" shows the broker's own figures", Role::Dim),
            ],
        ]
    }
}

/// The beginning of the last payload; for a branch without one, how much is below.
pub(in super::super::super) fn value(node: &Node) -> Line {
    let Some((bytes, length)) = node.glance() else {
        let below = usize::try_from(node.topics_below()).unwrap_or(usize::MAX);
        return line(words::count(below, "topic"), Role::Dim);
    };
    if length <= bytes.len() {
        return lines::pieces(payload::compact(bytes, GLANCE));
    }
    let mut out = lines::pieces(payload::compact(whole(bytes), GLANCE));
    out.push(span("…", Role::Dim));
    out
}

/// A letter that was cut in half is none.
fn whole(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}
