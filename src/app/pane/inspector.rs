//! One message whole: where it came from, and its payload in the view of the user's choice.

use bytes::Bytes;

use super::super::effect::Effect;
use super::super::layout;
use super::super::lines::{self, fold, span};
use super::super::pending::Purpose;
use super::super::screen::{Body, Line, PaneId, Role, Scroll, Span};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::PaneFilter;
use crate::base::moment::Timestamp;
use crate::domain::device::DeviceId;
use crate::domain::line::{self, Origin};
use crate::domain::message::{Direction, Message, Qos};
use crate::domain::payload::{self, Piece, Token};
use crate::domain::profile::PlatformId;
use crate::domain::reading::{Kind, Reading};
use crate::domain::topic::Topic;
use crate::store::ring::{Kept, Seq};

/// Bytes of a payload that are laid out; the rest is said to be there and can be copied.
const LAID_OUT: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(in super::super) struct InspectorPane {
    pub(in super::super) filter: PaneFilter,
    opened: Option<Opened>,
    view: View,
    offset: usize,
    /// Ready lines, and what they were made for.
    lines: Vec<Line>,
    made_for: Option<(Seq, View, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    #[default]
    Pretty,
    Raw,
    Hex,
}

impl View {
    const fn word(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Raw => "raw",
            Self::Hex => "hex",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Pretty => Self::Raw,
            Self::Raw => Self::Hex,
            Self::Hex => Self::Pretty,
        }
    }
}

/// A copy: what is read stays, also when the ring has moved past it.
#[derive(Debug, Clone)]
struct Opened {
    seq: Seq,
    at: Timestamp,
    topic: String,
    device: Option<u32>,
    kind: Kind,
    gist: String,
    payload: Bytes,
    length: u64,
    qos: Qos,
    retain: bool,
    dup: bool,
    direction: Direction,
    mask: Vec<&'static str>,
}

impl Opened {
    fn new(kept: &Kept<'_>) -> Self {
        Self {
            seq: kept.seq,
            at: kept.at,
            topic: kept.topic.to_owned(),
            device: kept.device,
            kind: kept.kind,
            gist: kept.gist.to_owned(),
            payload: Bytes::copy_from_slice(kept.payload),
            length: kept.length,
            qos: kept.qos,
            retain: kept.retain,
            dup: kept.dup,
            direction: if kept.outgoing {
                Direction::Out
            } else {
                Direction::In
            },
            mask: kept.mask.to_vec(),
        }
    }

    /// `QoS 1, retained`
    fn flags(&self) -> String {
        let mut flags = vec![format!("QoS {}", self.qos.number())];
        for (set, word) in [
            (self.retain, "retained"),
            (self.dup, "dup"),
            (self.direction == Direction::Out, "sent"),
        ] {
            if set {
                flags.push(word.to_owned());
            }
        }
        flags.join(", ")
    }

    fn is_cut(&self) -> bool {
        self.length > self.payload.len() as u64
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
        if opened.is_none() {
            return self.say(Role::Warn, "there is no message here to open");
        }
        self.inspector.opened = opened;
        self.inspector.offset = 0;
        self.focus_on(PaneId::Inspector);
    }

    /// While the stream is not followed, the inspector shows what is selected in it.
    pub(in super::super) fn settle_inspector(&mut self) {
        if !self.messages.is_following() && self.focus == PaneId::Messages {
            let selected = self.messages.selected(&self.home);
            let shown = self.inspector.opened.as_ref().map(|o| o.seq);
            if selected != shown {
                let kept = self.selected_message().filter(|k| k.gap.is_none());
                if let Some(opened) = kept.map(|k| Opened::new(&k)) {
                    self.inspector.opened = Some(opened);
                    self.inspector.offset = 0;
                }
            }
        }
        self.lay_out();
        let total = self.inspector.lines.len();
        let rows = self.rows(PaneId::Inspector);
        let last = total.saturating_sub(rows);
        self.inspector.offset = self.inspector.offset.min(last);
    }

    /// Lines are made when message, view or width changed, not for every frame.
    fn lay_out(&mut self) {
        let Some(area) = self.layout().area(PaneId::Inspector) else {
            return;
        };
        let cells = usize::from(layout::inner_width(area))
            .saturating_sub(1)
            .max(1);
        let Some(opened) = &self.inspector.opened else {
            self.inspector.lines.clear();
            return;
        };
        let wanted = (opened.seq, self.inspector.view, cells);
        if self.inspector.made_for == Some(wanted) {
            return;
        }
        self.inspector.lines = self.inspector_lines(opened, self.inspector.view, cells);
        self.inspector.made_for = Some(wanted);
    }

    fn inspector_lines(&self, opened: &Opened, view: View, cells: usize) -> Vec<Line> {
        let mut out = self.heading(opened, cells);
        let shown = &opened.payload[..opened.payload.len().min(LAID_OUT)];
        for line in payload_lines(shown, view, &opened.mask, cells) {
            let indent = leading_blanks(&line) + 2;
            out.extend(fold(lines::pieces(line), cells, indent));
        }
        if opened.payload.len() > LAID_OUT {
            let text = format!(
                "… the first {} of {}; y copies all",
                words::bytes(LAID_OUT as u64),
                words::bytes(opened.length)
            );
            out.push(lines::line(text, Role::Warn));
        } else if opened.is_cut() {
            let text = format!(
                "… only the first {} of {} were kept",
                words::bytes(opened.payload.len() as u64),
                words::bytes(opened.length)
            );
            out.push(lines::line(text, Role::Warn));
        }
        for line in &mut out {
            line.insert(0, span(" ", Role::Normal));
        }
        out
    }

    fn heading(&self, opened: &Opened, cells: usize) -> Vec<Line> {
        let device = opened.device.map(|n| self.home.devices.label_of(n));
        let mut first = vec![
            span(opened.at.clock_millis(self.zone), Role::Dim),
            span("  ", Role::Normal),
            span(opened.kind.word(), super::messages::kind_role(opened.kind)),
        ];
        if let Some(device) = device {
            first.push(span("  ", Role::Normal));
            first.push(span(device, Role::Title));
        }
        let second = vec![span(opened.topic.as_str(), Role::Normal)];
        let third = vec![span(
            format!(
                "{}, {}, {}",
                opened.flags(),
                words::bytes(opened.length),
                payload::format(&opened.payload).word()
            ),
            Role::Dim,
        )];
        let mut out: Vec<_> = [first, second, third]
            .into_iter()
            .flat_map(|l| fold(l, cells, 2))
            .collect();
        if !opened.gist.is_empty() {
            out.extend(lines::wrapped(&opened.gist, Role::Title, cells));
        }
        out.push(lines::line("", Role::Normal));
        out
    }

    pub(in super::super) fn step_inspector(&mut self, step: Step) {
        let rows = self.rows(PaneId::Inspector);
        let total = self.inspector.lines.len();
        self.inspector.offset = step.scroll(self.inspector.offset, total, rows);
    }

    pub(in super::super) fn next_view(&mut self) {
        self.inspector.view = self.inspector.view.next();
        self.inspector.offset = 0;
    }

    fn search_words(&self) -> Vec<String> {
        let needle = self.inspector.filter.needle();
        if needle.is_empty() {
            Vec::new()
        } else {
            vec![needle]
        }
    }

    pub(in super::super) fn inspector_search_changed(&mut self) {
        let words = self.search_words();
        let from = self.inspector.offset;
        let hit = |l: &Line| lines::has(l, &words);
        let found = self.inspector.lines.iter().skip(from).position(hit);
        let first = found
            .map(|at| at + from)
            .or_else(|| self.inspector.lines.iter().position(hit));
        self.reveal_line(first);
    }

    pub(in super::super) fn next_inspector_match(&mut self, forward: bool) {
        let words = self.search_words();
        if words.is_empty() {
            return;
        }
        let hits: Vec<_> = (0..self.inspector.lines.len())
            .filter(|n| lines::has(&self.inspector.lines[*n], &words))
            .collect();
        let from = self.inspector.offset;
        let next = if forward {
            hits.iter().find(|n| **n > from).or_else(|| hits.first())
        } else {
            hits.iter()
                .rev()
                .find(|n| **n < from)
                .or_else(|| hits.last())
        };
        if next.is_none() {
            self.say(Role::Warn, "no match in this message");
        }
        self.reveal_line(next.copied());
    }

    fn reveal_line(&mut self, line: Option<usize>) {
        let rows = self.rows(PaneId::Inspector);
        let last = self.inspector.lines.len().saturating_sub(rows);
        if let Some(line) = line {
            self.inspector.offset = line.min(last);
        }
    }

    pub(in super::super) fn device_of_inspector(&self) -> Option<DeviceId> {
        let number = self.inspector.opened.as_ref()?.device?;
        self.home.devices.id_of(number).cloned()
    }

    /// In the inspector what it shows; in the stream the selected message.
    fn message_at_hand(&self) -> Option<Opened> {
        if self.focus == PaneId::Inspector {
            return self.inspector.opened.clone();
        }
        self.selected_message()
            .filter(|k| k.gap.is_none())
            .map(|k| Opened::new(&k))
    }

    pub(in super::super) fn copy_payload(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to copy");
        };
        if !message.mask.is_empty() {
            return self.say(Role::Warn, "this payload holds a secret and is not copied");
        }
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::CopyBytes(id, message.payload));
    }

    pub(in super::super) fn copy_message(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to copy");
        };
        if message.is_cut() {
            return self.say(Role::Warn, "only the beginning of this message was kept");
        }
        let text = self.line_of(message);
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::Copy(id, text));
    }

    /// The JSON line of `interface.md`, section 4; what is to be masked is masked in it.
    fn line_of(&self, opened: Opened) -> String {
        let profile = self.profile();
        let origin = Origin {
            profile: profile.map_or("", |p| &p.name),
            platform: profile.map_or(PlatformId::Thinq, |p| p.platform),
        };
        let device = opened.device.and_then(|n| self.home.devices.id_of(n));
        let name = opened.device.map(|n| self.home.devices.label_of(n));
        let reading = Reading {
            kind: opened.kind,
            device: device.cloned(),
            mask: opened.mask,
            ..Reading::default()
        };
        let message = Message {
            at: opened.at,
            direction: opened.direction,
            topic: Topic::received(&opened.topic),
            payload: opened.payload,
            qos: opened.qos,
            retain: opened.retain,
            dup: opened.dup,
            ack: None,
            properties: None,
            session: false,
        };
        line::encode(&message, &reading, origin, name)
    }

    pub(in super::super) fn inspector_body(&self, rows: usize) -> (Body, Option<Span>, Scroll) {
        let total = self.inspector.lines.len();
        let position = scroll::scroll(self.inspector.offset, total, rows);
        if self.inspector.opened.is_none() {
            let lines = vec![
                lines::line("no message is open", Role::Normal),
                lines::line("Enter on a message opens it here", Role::Dim),
            ];
            return (Body::Empty(lines), None, position);
        }
        let words = self.search_words();
        let shown = self
            .inspector
            .lines
            .iter()
            .skip(self.inspector.offset)
            .take(rows)
            .map(|l| lines::found(l.clone(), &words))
            .collect();
        let note = span(self.inspector.view.word(), Role::Dim);
        (Body::Lines(shown), Some(note), position)
    }
}

fn payload_lines(
    payload: &[u8],
    view: View,
    mask: &[&'static str],
    cells: usize,
) -> Vec<Vec<Piece>> {
    if mask.is_empty() {
        return match view {
            View::Pretty => payload::pretty(payload).unwrap_or_else(|| fallback(payload, cells)),
            View::Raw => payload::raw_lines(payload),
            View::Hex => payload::hex_lines(payload, cells),
        };
    }
    // Only the laid out form tells where the secret values are.
    match (view, payload::pretty(payload)) {
        (View::Pretty, Some(lines)) => lines.into_iter().map(|l| masked(l, mask)).collect(),
        _ => vec![vec![Piece {
            token: Token::Dim,
            text: "(holds a secret: only the pretty view is shown)".to_owned(),
        }]],
    }
}

/// What is no JSON: as text where it is text, else as bytes.
fn fallback(payload: &[u8], cells: usize) -> Vec<Vec<Piece>> {
    match payload::format(payload) {
        payload::Format::Binary => payload::hex_lines(payload, cells),
        _ => payload::raw_lines(payload),
    }
}

/// The value behind a masked name is not shown.
fn masked(line: Vec<Piece>, mask: &[&'static str]) -> Vec<Piece> {
    let mut hide = false;
    line.into_iter()
        .map(|piece| match piece.token {
            Token::Key => {
                let name = piece.text.trim_matches('"');
                hide = mask.contains(&name);
                piece
            }
            Token::Text | Token::Number | Token::Literal if hide => Piece {
                token: Token::Dim,
                text: "(…)".to_owned(),
            },
            _ => piece,
        })
        .collect()
}

fn leading_blanks(line: &[Piece]) -> usize {
    line.first()
        .map_or(0, |p| p.text.len() - p.text.trim_start_matches(' ').len())
}
