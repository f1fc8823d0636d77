//! Text to read: help, log, state, energy, a problem, a report.

use super::super::action::Action;
use super::super::event::{Key, KeyCode};
use super::super::input::Typed;
use super::super::keymap;
use super::super::layout::centre;
use super::super::lines::{self, labelled, line, span};
use super::super::pane::PaneFilter;
use super::super::screen::{Area, Line, PaneId, Role, TextBox};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;

/// Cells that a key moves the log sideways, and how far it goes.
const SIDEWAYS: usize = 20;
const FURTHEST: usize = 1000;

#[derive(Debug)]
pub(in super::super) struct TextOver {
    pub(in super::super) kind: TextKind,
    pub(super) offset: usize,
    /// Cells that the lines of the log are moved to the left: they are not wrapped.
    across: usize,
    /// Stays at the end as lines come (the log).
    follows: bool,
    pub(in super::super) filter: PaneFilter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum TextKind {
    Help(PaneId),
    Problem {
        problem: Problem,
        connects: bool,
    },
    Report,
    State(DeviceId),
    /// Configuration and states behind a platform that relays.
    Versions(DeviceId),
    Energy(DeviceId),
    /// What the broker says of itself.
    Health,
    Log,
    /// Numbers over time.
    Plot,
    /// Clearing what is retained: the count, the progress, the result.
    Sweep,
    /// What came of provisioning.
    Newcomer,
    /// The recipe of the connection state, page by page.
    Recipe,
}

impl TextOver {
    pub(in super::super) fn new(kind: TextKind) -> Self {
        Self {
            follows: kind == TextKind::Log,
            kind,
            offset: 0,
            across: 0,
            filter: PaneFilter::default(),
        }
    }

    pub(in super::super) fn is_typing(&self) -> bool {
        self.filter.editing
    }

    pub(in super::super) fn paste(&mut self, text: &str) {
        if self.filter.editing {
            self.filter.input.insert(text);
        }
    }
}

impl App {
    fn text_area(&self, kind: &TextKind) -> Area {
        let (width, height) = match kind {
            TextKind::Help(_) => (84, 40),
            TextKind::Problem { .. } => (76, 14),
            TextKind::Report => (88, 30),
            TextKind::State(_) | TextKind::Versions(_) => (104, 60),
            TextKind::Energy(_) => (60, 40),
            TextKind::Health => (84, 48),
            TextKind::Sweep => (72, 14),
            TextKind::Newcomer => (92, 40),
            TextKind::Recipe => (104, 44),
            TextKind::Log | TextKind::Plot => (u16::MAX, u16::MAX),
        };
        let mut area = centre(self.size, width, height);
        if !matches!(kind, TextKind::Log | TextKind::Plot) {
            let cells = usize::from(area.width).saturating_sub(4);
            let needed = self.text_lines(kind, cells).len() + 2;
            let needed = u16::try_from(needed).unwrap_or(u16::MAX);
            area = centre(self.size, width, needed.clamp(5, height));
        }
        area
    }

    fn text_lines(&self, kind: &TextKind, cells: usize) -> Vec<Line> {
        match kind {
            TextKind::Help(pane) => self.help_lines(*pane, cells),
            TextKind::Problem { problem, .. } => problem_lines(problem, cells),
            TextKind::Report => self.report_lines(cells),
            TextKind::State(device) => self.state_lines(device, cells),
            TextKind::Versions(device) => self.versions_lines(device, cells),
            TextKind::Energy(device) => self.energy_lines(device),
            TextKind::Health => self.health_lines(cells),
            TextKind::Log => self.log_lines(0, usize::MAX),
            TextKind::Plot => {
                let rows = usize::from(self.text_area(kind).height).saturating_sub(2);
                self.plot_lines(cells, rows)
            }
            TextKind::Sweep => self.sweep_lines(cells),
            TextKind::Newcomer => self.newcomer_lines(cells),
            TextKind::Recipe => self.recipe_lines(cells),
        }
    }

    /// The lines that the filter lets through, with what was found marked.
    fn text_filtered(&self, over: &TextOver, cells: usize) -> Vec<Line> {
        let needle = over.filter.needle();
        let all = self.text_lines(&over.kind, cells);
        if needle.is_empty() {
            return all;
        }
        let words: Vec<_> = needle.split_whitespace().map(str::to_owned).collect();
        all.into_iter()
            .filter(|l| words.iter().all(|w| lines::has(l, std::slice::from_ref(w))))
            .map(|l| lines::found(l, &words))
            .collect()
    }

    /// A log is long and comes fast: without a filter only its window is made.
    fn is_whole_log(over: &TextOver) -> bool {
        over.kind == TextKind::Log && over.filter.needle().is_empty()
    }

    fn text_total(&self, over: &TextOver, cells: usize) -> usize {
        if Self::is_whole_log(over) {
            return self.log_length();
        }
        if over.kind == TextKind::Plot {
            // It is made to fit: there is nothing to scroll, and to draw it twice would cost twice.
            return 0;
        }
        self.text_filtered(over, cells).len()
    }

    fn text_window(&self, over: &TextOver, cells: usize, offset: usize, rows: usize) -> Vec<Line> {
        let window = if Self::is_whole_log(over) {
            self.log_lines(offset, rows)
        } else {
            let all = self.text_filtered(over, cells);
            all.into_iter().skip(offset).take(rows).collect()
        };
        window
            .into_iter()
            .map(|line| lines::further_right(line, 2, over.across))
            .collect()
    }

    pub(super) fn text_key(&mut self, mut over: TextOver, key: Key) -> After {
        if over.filter.editing {
            match key.code {
                KeyCode::Enter => over.filter.editing = false,
                KeyCode::Esc => over.filter = PaneFilter::default(),
                _ => {
                    if over.filter.input.key(key) == Typed::Changed {
                        over.offset = 0;
                    }
                }
            }
            return After::Stay(Over::Text(over));
        }
        if over.kind == TextKind::Recipe && self.recipe_key(&mut over, key) {
            return After::Stay(Over::Text(over));
        }
        if let Some(action) = keymap::movement_of(key) {
            self.text_move(&mut over, action);
            return After::Stay(Over::Text(over));
        }
        if key.repeat {
            return After::Stay(Over::Text(over));
        }
        match key.code {
            KeyCode::Char(c @ ('w' | 'c' | 'y' | 'x' | '/')) if over.kind == TextKind::Plot => {
                return self.plot_key(over, c);
            }
            KeyCode::Esc if !over.filter.input.is_empty() => over.filter = PaneFilter::default(),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => {
                return self.text_closed(over);
            }
            KeyCode::Char(c) if closes(&over.kind, c) => return self.text_closed(over),
            KeyCode::Char('/') => over.filter.editing = true,
            KeyCode::Char('n') => self.text_move(&mut over, Action::Down),
            KeyCode::Char('N') => self.text_move(&mut over, Action::Up),
            KeyCode::Char('r') => return self.text_refresh(over),
            KeyCode::Char('x') => {
                if let TextKind::State(device) | TextKind::Versions(device) = over.kind.clone() {
                    self.open_control_of(&device);
                }
            }
            KeyCode::Char('o') if over.kind == TextKind::Newcomer => {
                self.open_newcomer();
                return After::Close;
            }
            KeyCode::Char('y') if over.kind == TextKind::Newcomer => self.copy_newcomer(),
            KeyCode::Char('E') => {
                if let TextKind::State(device) = over.kind.clone() {
                    self.open_energy_of(&device);
                }
            }
            _ => {}
        }
        After::Stay(Over::Text(over))
    }

    fn plot_key(&mut self, over: TextOver, key: char) -> After {
        match key {
            'w' => self.plot_window(),
            'c' => self.plot_csv(false),
            'y' => self.plot_csv(true),
            'x' if !self.plot_remove() => return self.text_closed(over),
            _ => {}
        }
        After::Stay(Over::Text(over))
    }

    fn text_closed(&mut self, over: TextOver) -> After {
        if over.kind == TextKind::Health {
            self.leave_health();
        }
        if over.kind == TextKind::Sweep && self.stop_sweep() {
            // What it came to is still to be read.
            return After::Stay(Over::Text(over));
        }
        self.unsettled = true;
        After::Close
    }

    fn text_refresh(&mut self, over: TextOver) -> After {
        match &over.kind {
            TextKind::Problem { connects: true, .. } => {
                self.act(Action::Refresh);
                After::Close
            }
            TextKind::Versions(device) => {
                let device = device.clone();
                self.ask_versions(&device);
                After::Stay(Over::Text(over))
            }
            TextKind::State(device) => {
                let device = device.clone();
                self.ask_state(&device);
                self.ask_model(&device);
                After::Stay(Over::Text(over))
            }
            _ => After::Stay(Over::Text(over)),
        }
    }

    fn text_move(&mut self, over: &mut TextOver, action: Action) {
        if over.kind == TextKind::Log {
            over.across = match action {
                Action::Left => over.across.saturating_sub(SIDEWAYS),
                Action::Right => (over.across + SIDEWAYS).min(FURTHEST),
                _ => over.across,
            };
        }
        let step = match action {
            Action::Up => Step::Up,
            Action::Down => Step::Down,
            Action::Top => Step::First,
            Action::Bottom => Step::Last,
            Action::PageUp => Step::PageUp,
            Action::PageDown => Step::PageDown,
            Action::HalfUp => Step::HalfUp,
            Action::HalfDown => Step::HalfDown,
            _ => return,
        };
        let area = self.text_area(&over.kind);
        let rows = usize::from(area.height).saturating_sub(2);
        let cells = usize::from(area.width).saturating_sub(4);
        let total = self.text_total(over, cells);
        let last = total.saturating_sub(rows);
        let from = if over.follows { last } else { over.offset };
        over.offset = step.scroll(from, total, rows);
        over.follows = over.kind == TextKind::Log && over.offset == last;
    }

    pub(super) fn text_picture(&self, over: &TextOver) -> TextBox {
        let area = self.text_area(&over.kind);
        let rows = usize::from(area.height).saturating_sub(2);
        let cells = usize::from(area.width).saturating_sub(4);
        let total = self.text_total(over, cells);
        let last = total.saturating_sub(rows);
        let offset = if over.follows {
            last
        } else {
            over.offset.min(last)
        };
        TextBox {
            area,
            title: self.text_title(over),
            scroll: scroll::scroll(offset, total, rows),
            lines: self.text_window(over, cells, offset, rows),
            hint: SafeText::new(&self.text_hint(over)),
        }
    }

    fn text_title(&self, over: &TextOver) -> SafeText {
        let title = match &over.kind {
            TextKind::Help(pane) => format!("Keys in {}", pane.title()),
            TextKind::Problem { .. } => "Problem".to_owned(),
            TextKind::Report => self
                .report
                .as_ref()
                .map_or(String::new(), |r| r.title.clone()),
            TextKind::Versions(device) => {
                format!(
                    "Configuration and states of {}",
                    self.home.devices.label(device)
                )
            }
            TextKind::State(device) => format!("State of {}", self.home.devices.label(device)),
            TextKind::Energy(device) => {
                format!("Energy usage of {}", self.home.devices.label(device))
            }
            TextKind::Health => "Broker health".to_owned(),
            TextKind::Log => "Log".to_owned(),
            TextKind::Plot => self.plot_title(),
            TextKind::Sweep => "Clear retained messages".to_owned(),
            TextKind::Newcomer => "A new thing".to_owned(),
            TextKind::Recipe => self.recipe_title(),
        };
        SafeText::new(&title)
    }

    fn text_hint(&self, over: &TextOver) -> String {
        if over.filter.editing || !over.filter.input.is_empty() {
            let cursor = if over.filter.editing { "_" } else { "" };
            return format!("/{}{cursor}  Esc clears", over.filter.text());
        }
        let own = match &over.kind {
            TextKind::Problem { connects: true, .. } => "r connect again  Esc close",
            TextKind::State(_) if self.capabilities().energy => {
                "x control  r refresh  E energy  / filter  Esc close"
            }
            TextKind::Versions(_) => "x send  r refresh  / filter  Esc close",
            TextKind::State(_) => "x control  r refresh  / filter  Esc close",
            TextKind::Plot => "w time  c CSV file  y copy CSV  x take the last one out  Esc close",
            TextKind::Log => "Left Right sideways  / filter  G follow  Esc close",
            TextKind::Help(_) | TextKind::Report | TextKind::Health => "/ filter  Esc close",
            TextKind::Problem { .. } | TextKind::Energy(_) => "Esc close",
            TextKind::Sweep => "Esc stop, then close",
            TextKind::Newcomer => "o open it  y copy  Esc close",
            TextKind::Recipe => return self.recipe_hint(),
        };
        own.to_owned()
    }

    fn report_lines(&self, cells: usize) -> Vec<Line> {
        let mut out = Vec::new();
        for (name, why, remedy) in self.report.iter().flat_map(|r| &r.lines) {
            out.extend(lines::wrapped(name, Role::Title, cells));
            out.extend(labelled("  ", why, Role::Bad, cells));
            if !remedy.is_empty() {
                out.extend(labelled("  ", remedy, Role::Normal, cells));
            }
        }
        out
    }

    fn energy_lines(&self, device: &DeviceId) -> Vec<Line> {
        let usage = self.home.devices.get(device).and_then(|e| e.usage.as_ref());
        let Some(usage) = usage else {
            return vec![line("asking the platform …", Role::Pending)];
        };
        if usage.is_empty() {
            return vec![line("no figures for these days", Role::Normal)];
        }
        usage
            .iter()
            .map(|day| {
                vec![
                    span(date(&day.date), Role::Dim),
                    span(format!("  {:>10.0}  ", day.amount), Role::Number),
                    span(day.property.as_str(), Role::Label),
                ]
            })
            .collect()
    }

    pub(in super::super) fn open_energy(&mut self) {
        match self.device_at_hand() {
            Some(device) => self.open_energy_of(&device),
            None => self.say(Role::Warn, "no device is selected"),
        }
    }

    fn open_energy_of(&mut self, device: &DeviceId) {
        use super::super::effect::Effect;
        use super::super::pending::Purpose;
        use crate::domain::request::Request;
        if !self.capabilities().energy {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} tells no energy usage"));
        }
        let id = self.pending.begin(Purpose::Energy(device.clone()));
        let request = Request::Energy {
            device: device.clone(),
        };
        self.ask(Effect::Request(id, request));
        self.open_over(Over::Text(TextOver::new(TextKind::Energy(device.clone()))));
    }

    /// The platform refused: an empty box would say nothing.
    pub(in super::super) fn close_energy(&mut self, device: &DeviceId) {
        let kind = TextKind::Energy(device.clone());
        self.overlays
            .retain(|over| !matches!(over, Over::Text(t) if t.kind == kind));
    }
}

/// `YYYYMMDD` as `YYYY-MM-DD`; anything else as it is.
fn date(text: &str) -> String {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]);
    }
    text.to_owned()
}

pub(super) fn problem_lines(problem: &Problem, cells: usize) -> Vec<Line> {
    let mut out = lines::wrapped(&problem.what, Role::Bad, cells);
    if !problem.cause.is_empty() {
        out.extend(labelled("because  ", &problem.cause, Role::Normal, cells));
    }
    if !problem.remedy.is_empty() {
        out.extend(labelled("try      ", &problem.remedy, Role::Normal, cells));
    }
    out
}

/// The key that opened it closes it.
const fn closes(kind: &TextKind, key: char) -> bool {
    matches!(
        (kind, key),
        (TextKind::Help(_), '?')
            | (TextKind::State(_) | TextKind::Versions(_), 's')
            | (TextKind::Log, 'L')
            | (TextKind::Health, 'B')
    )
}
