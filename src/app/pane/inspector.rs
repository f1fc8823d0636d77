//! One message whole: where it came from, and its payload in the view of the user's choice, compared with the message before.

mod around;
mod decoder;
mod folding;
mod heading;
mod opened;
mod search;

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::document::{Job, Ready, View};
use super::super::effect::Effect;
use super::super::event::SearchId;
use super::super::layout;
use super::super::lines::{self, span};
use super::super::pending::Purpose;
use super::super::screen::{Body, Line, PaneId, Role, Scroll, Span};
use super::super::scroll::{self, Step};
use super::super::sieve::{Shown, output_chain};
use super::super::state::App;
use super::PaneFilter;
use crate::domain::decode::Chain;
use crate::domain::message::Direction;
use crate::domain::program::Made;
use crate::domain::reading::Kind;
use crate::domain::request::RequestId;
use crate::store::ring::Seq;
use around::Before;
pub(in super::super) use opened::FieldOf;
use opened::Opened;

#[derive(Debug)]
pub(in super::super) struct InspectorPane {
    pub(in super::super) filter: PaneFilter,
    opened: Option<Opened>,
    view: View,
    /// Compared with the message before, or with the one that is marked.
    compares: bool,
    /// The message that every other one is compared with.
    marked: Option<Opened>,
    /// The message before, once it was looked for, and for which message.
    before: Option<(Seq, Option<Before>)>,
    /// The message before is looked for on the disk.
    looking_before: Option<SearchId>,
    /// Where `[` and `]` have stopped looking.
    looked: Option<around::Looked>,
    /// The disk is looked through for one of them.
    stepping: Option<around::Stepping>,
    /// What is shown, and what it was made for.
    ready: Option<Ready>,
    heading: Vec<Line>,
    made_for: Option<Wanted>,
    /// A large payload is being decoded beside the screen.
    waiting: Option<RequestId>,
    /// Paths that are folded, in whatever message.
    folded: BTreeSet<Vec<String>>,
    /// The same as entries of the sheet, in order.
    shut: Vec<u32>,
    /// The sheet's rows that are not folded away.
    rows: Vec<u32>,
    /// The first line shown, and the one under the cursor.
    offset: usize,
    cursor: usize,
    /// The path under the cursor, to be found again in the next message.
    place: Vec<String>,
    /// The same message in the same view is laid out anew: the window stays about where it is.
    stays: bool,
}

impl Default for InspectorPane {
    fn default() -> Self {
        Self {
            filter: PaneFilter::default(),
            opened: None,
            view: View::default(),
            compares: true,
            marked: None,
            before: None,
            looking_before: None,
            looked: None,
            stepping: None,
            ready: None,
            heading: Vec::new(),
            made_for: None,
            waiting: None,
            folded: BTreeSet::new(),
            shut: Vec::new(),
            rows: Vec::new(),
            offset: 0,
            cursor: 0,
            place: Vec::new(),
            stays: false,
        }
    }
}

/// Everything that the lines depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    seq: Seq,
    view: View,
    cells: usize,
    /// A picture is made to fit the window.
    rows: usize,
    compared: Option<Seq>,
    /// Pins have changed since.
    pins: u64,
    /// What a jq program has made of it, and of the one it is compared with.
    sifted: [Option<u64>; 2],
}

impl InspectorPane {
    fn total(&self) -> usize {
        self.heading.len() + self.rows.len()
    }

    /// There are values with paths to point at.
    fn is_pointed(&self) -> bool {
        self.ready.as_ref().is_some_and(|ready| ready.sheet.pointed)
    }

    /// The entry of the sheet under the cursor.
    fn entry(&self) -> Option<u32> {
        let row = self.cursor.checked_sub(self.heading.len())?;
        self.ready.as_ref()?.sheet.entry_of(*self.rows.get(row)?)
    }

    fn path(&self) -> Vec<String> {
        match (&self.ready, self.entry()) {
            (Some(ready), Some(entry)) => ready.sheet.path(entry),
            _ => Vec::new(),
        }
    }

    fn open(&mut self, opened: Opened) {
        if self.opened.as_ref().map(|o| o.seq) != Some(opened.seq) {
            self.place = self.path();
        }
        self.opened = Some(opened);
    }

    /// Rows and cursor anew, after folding or with other lines.
    fn refold(&mut self) {
        let Some(ready) = &self.ready else {
            self.rows.clear();
            self.shut.clear();
            return;
        };
        let mut shut: Vec<u32> = self
            .folded
            .iter()
            .filter_map(|path| match path.as_slice() {
                [] => None,
                path => ready.sheet.find(path),
            })
            .collect();
        shut.sort_unstable();
        self.rows = ready.sheet.visible(&shut);
        self.shut = shut;
    }

    /// The line that shows an entry, or what it is folded into.
    fn line_of(&self, entry: u32) -> Option<usize> {
        let ready = self.ready.as_ref()?;
        let mut entry = Some(entry);
        while let Some(wanted) = entry {
            let found = self
                .rows
                .iter()
                .position(|row| ready.sheet.entry_of(*row) == Some(wanted));
            if let Some(row) = found {
                return Some(self.heading.len() + row);
            }
            entry = ready.sheet.parent(wanted);
        }
        None
    }

    fn point_at(&mut self, line: usize, rows: usize) {
        let total = self.total();
        self.cursor = line.min(total.saturating_sub(1));
        self.offset = scroll::reveal(self.offset, self.cursor, total, rows);
    }
}

impl App {
    /// Enter on a message: it is opened and stays selected, whatever comes.
    pub(in super::super) fn inspect(&mut self) {
        self.hold();
        let opened = self
            .selected_message()
            .filter(|k| k.gap.is_none())
            .map(|k| Opened::new(&k));
        let Some(opened) = opened else {
            return self.say(Role::Warn, "there is no message here to open");
        };
        if opened.kind == Kind::Config && opened.direction == Direction::In {
            self.ask_config_version(&opened);
        }
        self.inspector.open(opened);
        self.focus_on(PaneId::Inspector);
    }

    /// The message of that row, whatever the stream shows.
    pub(in super::super) fn open_message(&mut self, seq: Seq) {
        let opened = self.home.ring.get(seq).map(|kept| Opened::new(&kept));
        if let Some(opened) = opened {
            self.inspector.open(opened);
        }
        self.focus_on(PaneId::Inspector);
    }

    /// MQTT brings a configuration without its version: the platform knows it.
    fn ask_config_version(&mut self, opened: &Opened) {
        let number = opened.device;
        let device = number.and_then(|number| self.home.devices.id_of(number).cloned());
        let Some(device) = device.filter(|_| self.capabilities().relay.config) else {
            return;
        };
        if self
            .home
            .relays
            .version_of(&device, &opened.payload, opened.at)
            .is_none()
        {
            self.ask_configs(&device);
        }
    }

    /// Something else is known of the opened message.
    pub(in super::super) fn heading_changed(&mut self) {
        if let Some(area) = self.layout().area(PaneId::Inspector) {
            let cells = usize::from(layout::inner_width(area)).saturating_sub(1);
            self.make_heading(cells.max(1));
        }
    }

    /// While the stream is not followed, the inspector shows what is selected in it.
    pub(in super::super) fn settle_inspector(&mut self) {
        if !self.messages.is_following() && self.focus == PaneId::Messages {
            let selected = self.messages.selected(&self.home);
            let shown = self.inspector.opened.as_ref().map(|o| o.seq);
            if selected != shown {
                let kept = self.selected_message().filter(|k| k.gap.is_none());
                if let Some(opened) = kept.map(|k| Opened::new(&k)) {
                    self.inspector.open(opened);
                }
            }
        }
        self.lay_out();
        let rows = self.rows(PaneId::Inspector);
        let pane = &mut self.inspector;
        let last = pane.total().saturating_sub(rows);
        pane.offset = pane.offset.min(last);
        pane.cursor = pane.cursor.min(pane.total().saturating_sub(1));
        if pane.is_pointed() {
            pane.offset = scroll::reveal(pane.offset, pane.cursor, pane.total(), rows);
        }
    }

    /// Lines are made when message, view or width changed, not for every frame; those of a large payload beside the screen.
    fn lay_out(&mut self) {
        let Some(area) = self.layout().area(PaneId::Inspector) else {
            return;
        };
        let cells = usize::from(layout::inner_width(area))
            .saturating_sub(1)
            .max(1);
        let rows = self.rows(PaneId::Inspector);
        let Some(opened) = &self.inspector.opened else {
            return;
        };
        let seq = opened.seq;
        self.look_before(seq);
        let wanted = Wanted {
            seq,
            view: self.inspector.view,
            cells,
            rows,
            compared: self.compared_with().map(|before| before.seq),
            pins: self.pinned,
            sifted: self.sifted_stamps(seq),
        };
        if self.inspector.made_for == Some(wanted) {
            return;
        }
        let made_for = self.inspector.made_for;
        if made_for.is_some_and(|made| made.seq == seq) && self.inspector.ready.is_some() {
            self.inspector.place = self.inspector.path();
        }
        self.inspector.stays =
            made_for.is_some_and(|made| (made.seq, made.view) == (seq, wanted.view));
        self.inspector.made_for = Some(wanted);
        self.stop_decoding();
        let Some(job) = self.job(cells, rows) else {
            return;
        };
        let ready = job.is_small().then(|| job.run_quick());
        if let Some(ready) = ready.filter(|ready| !ready.stopped) {
            return self.show_ready(ready);
        }
        let id = self.pending.begin(Purpose::Decode);
        self.inspector.waiting = Some(id);
        self.inspector.ready = None;
        self.inspector.refold();
        self.ask(Effect::Decode(id, Box::new(job)));
        self.make_heading(cells);
    }

    fn job(&self, cells: usize, rows: usize) -> Option<Job> {
        let opened = self.inspector.opened.as_ref()?;
        let shown = self.through_program(opened.seq, &opened.topic, &opened.payload);
        let (payload, pin) = shown.unwrap_or_else(|| {
            let pin = self.pins.of(&opened.topic).cloned();
            (opened.payload.clone(), pin)
        });
        Some(Job {
            payload,
            topic: opened.topic.clone(),
            pin,
            mask: opened.mask.clone(),
            before: self.compared_with().map(|before| {
                let shown = self.through_program(before.seq, &before.topic, &before.payload);
                let (payload, pin) = shown.unwrap_or_else(|| {
                    let pin = self.pins.of(&before.topic).cloned();
                    (before.payload.clone(), pin)
                });
                (payload, before.topic, pin)
            }),
            view: self.inspector.view,
            cells,
            rows: rows.saturating_sub(5),
        })
    }

    fn sifted_stamps(&self, seq: Seq) -> [Option<u64>; 2] {
        let stamp = |seq, topic: &str| match self.sieve.shown(seq, topic, true) {
            Shown::Plain => None,
            Shown::Waiting => Some(0),
            Shown::Made(_, stamp) => Some(stamp),
        };
        let topic = self.inspector.opened.as_ref().map(|o| o.topic.as_str());
        let before = self.compared_with();
        [
            topic.and_then(|topic| stamp(seq, topic)),
            before.and_then(|before| stamp(before.seq, &before.topic)),
        ]
    }

    /// What a jq program has made of a payload, and what that is; `None` where it is to be shown as it is.
    fn through_program(
        &self,
        seq: Seq,
        topic: &str,
        payload: &Bytes,
    ) -> Option<(Bytes, Option<Chain>)> {
        let is_whole = matches!(self.inspector.view, View::Raw | View::Hex);
        if is_whole || payload.is_empty() {
            return None;
        }
        match self.sieve.shown(seq, topic, true) {
            Shown::Made(Made::Lines { text, .. }, _) => {
                let bytes = Bytes::copy_from_slice(text.as_bytes());
                Some((bytes, Some(output_chain(text))))
            }
            _ => None,
        }
    }

    /// What was asked for is not wanted any more.
    pub(in super::super) fn stop_decoding(&mut self) {
        if let Some(id) = self.inspector.waiting.take()
            && self.pending.end(id).is_some()
        {
            self.ask(Effect::Abort(id));
        }
    }

    /// A large payload is ready; one that nobody waits for any more is let go.
    pub(in super::super) fn decoded(&mut self, id: RequestId, ready: Ready) {
        if self.pending.end(id).is_some() && self.inspector.waiting == Some(id) {
            self.inspector.waiting = None;
            self.show_ready(ready);
        }
    }

    fn show_ready(&mut self, ready: Ready) {
        let rows = self.rows(PaneId::Inspector);
        let cells = self.inspector.made_for.map_or(80, |made| made.cells);
        let place = std::mem::take(&mut self.inspector.place);
        self.inspector.ready = Some(ready);
        self.inspector.refold();
        self.make_heading(cells);
        let pane = &mut self.inspector;
        let found = pane
            .ready
            .as_ref()
            .filter(|ready| ready.sheet.pointed)
            .and_then(|ready| ready.sheet.find(&place))
            .and_then(|entry| pane.line_of(entry));
        if let Some(line) = found {
            pane.point_at(line, rows);
        } else if !pane.stays {
            // In a low window the payload comes first: device and time stand in the stream, too.
            pane.offset = pane.heading.len().saturating_sub(rows * 2 / 3);
            pane.cursor = pane.heading.len().min(pane.total().saturating_sub(1));
        }
    }

    pub(in super::super) fn step_inspector(&mut self, step: Step) {
        let rows = self.rows(PaneId::Inspector);
        let pane = &mut self.inspector;
        let total = pane.total();
        if pane.is_pointed() {
            let to = step.from(pane.cursor, total, rows);
            pane.point_at(to, rows);
        } else {
            pane.offset = step.scroll(pane.offset, total, rows);
        }
    }

    pub(in super::super) fn select_inspector_row(&mut self, row: usize) {
        let rows = self.rows(PaneId::Inspector);
        let pane = &mut self.inspector;
        let line = pane.offset + row;
        if !pane.is_pointed() || line >= pane.total() {
            return;
        }
        // A second click on the same line folds it, as Enter does.
        if pane.cursor == line {
            return self.fold_here();
        }
        pane.point_at(line, rows);
    }

    pub(in super::super) fn next_view(&mut self) {
        self.inspector.view = self.inspector.view.next();
    }

    pub(in super::super) fn toggle_changes(&mut self) {
        self.inspector.compares = !self.inspector.compares;
        let text = if self.inspector.compares {
            "compared with the message before"
        } else {
            "not compared"
        };
        self.say(Role::Good, text);
    }

    pub(in super::super) fn inspector_body(&self, rows: usize) -> (Body, Option<Span>, Scroll) {
        let pane = &self.inspector;
        let position = scroll::scroll(pane.offset, pane.total(), rows);
        if pane.opened.is_none() {
            let lines = vec![
                lines::line("no message is open", Role::Normal),
                lines::line("Enter on a message opens it here", Role::Dim),
            ];
            return (Body::Empty(lines), None, position);
        }
        let words = self.search_words();
        let end = pane.total().min(pane.offset + rows);
        let shown = (pane.offset..end)
            .map(|line| lines::found(self.inspector_line(line), &words))
            .collect();
        let selected = pane
            .is_pointed()
            .then(|| pane.cursor.saturating_sub(pane.offset));
        let body = Body::Document {
            lines: shown,
            selected,
        };
        (body, Some(self.inspector_note()), position)
    }

    fn inspector_line(&self, line: usize) -> Line {
        let pane = &self.inspector;
        let Some(row) = line.checked_sub(pane.heading.len()) else {
            return pane.heading[line].clone();
        };
        let mut shown = match (&pane.ready, pane.rows.get(row)) {
            (Some(ready), Some(row)) => ready.sheet.shown(*row, &pane.shut),
            _ => Line::new(),
        };
        shown.insert(0, span(" ", Role::Normal));
        shown
    }

    /// The view, and in one with a cursor the path under it.
    fn inspector_note(&self) -> Span {
        let word = self.inspector.view.word();
        if let Some(scope) = self
            .program_scope()
            .filter(|_| self.focus == PaneId::Inspector)
        {
            return span(format!("{word} · {scope}"), Role::Pending);
        }
        let path = self.inspector.path().concat();
        if self.focus == PaneId::Inspector && !path.is_empty() {
            span(format!("{word} · {path}"), Role::Dim)
        } else {
            span(word, Role::Dim)
        }
    }
}
