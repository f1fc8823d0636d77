//! What stands above the payload: where it came from, what it is, what is otherwise than before.

use super::opened::Opened;
use crate::app::document::Counts;
use crate::app::lines::{self, fold, span};
use crate::app::screen::{Line, Role, Span};
use crate::app::sieve::Shown;
use crate::app::state::App;
use crate::app::words;
use crate::domain::message::Direction;
use crate::domain::program::Made;
use crate::domain::reading::Kind;

impl App {
    /// What is said of the program above the payload.
    fn program_words(&self, opened: &Opened) -> Option<(String, Role)> {
        if !opened.mask.is_empty() {
            return None;
        }
        match self.sieve.shown(opened.seq, &opened.topic, true) {
            Shown::Plain => None,
            Shown::Waiting => Some(("jq: filtering…".to_owned(), Role::Pending)),
            Shown::Made(Made::Failed(why), _) => Some((format!("jq: {why}"), Role::Warn)),
            Shown::Made(Made::Lines { text, .. }, _) if text.is_empty() => {
                Some(("jq: nothing comes out of the program".to_owned(), Role::Dim))
            }
            Shown::Made(Made::Lines { cut, .. }, _) => {
                let more = if *cut { ", cut: there was more" } else { "" };
                Some((
                    format!("jq: as the program has it{more}; raw and hex as it came"),
                    Role::Dim,
                ))
            }
        }
    }

    pub(super) fn make_heading(&mut self, cells: usize) {
        let Some(opened) = &self.inspector.opened else {
            return;
        };
        let mut heading = self.heading(opened, cells);
        for line in &mut heading {
            line.insert(0, span(" ", Role::Normal));
        }
        self.inspector.heading = heading;
    }

    fn heading(&self, opened: &Opened, cells: usize) -> Vec<Line> {
        let device = opened.device.map(|n| self.home.devices.label_of(n));
        let mut first = vec![
            span(opened.at.clock_millis(self.zone), Role::Dim),
            span("  ", Role::Normal),
            span(
                opened.kind.word(),
                crate::app::pane::messages::kind_role(opened.kind),
            ),
        ];
        if let Some(device) = device {
            first.push(span("  ", Role::Normal));
            first.push(span(device, Role::Title));
        }
        let second = vec![span(opened.topic.as_str(), Role::Normal)];
        let what = self
            .inspector
            .ready
            .as_ref()
            .map(|ready| ready.what.as_str());
        let flags = format!("{}, {}", opened.flags(), words::bytes(opened.length));
        let program = self.program_words(opened);
        let is_output = self
            .through_program(opened.seq, &opened.topic, &opened.payload)
            .is_some();
        let mut third = match what {
            // What the payload itself is was not looked at.
            Some(_) if is_output => vec![span(flags, Role::Dim)],
            Some(what) => vec![span(format!("{flags}, {what}"), Role::Dim)],
            None => vec![
                span(format!("{flags}, "), Role::Dim),
                span("decoding…", Role::Pending),
            ],
        };
        let mut fourth = None;
        if let Some(compared) = what.and_then(|_| self.comparison()) {
            let used: usize = third.iter().map(|s| s.text.width()).sum();
            if used + 3 + compared.text.width() <= cells {
                third.extend([span(" · ", Role::Dim), compared]);
            } else {
                fourth = Some(vec![compared]);
            }
        }
        let mut out: Vec<_> = [first, second, third]
            .into_iter()
            .chain(fourth)
            .flat_map(|l| fold(l, cells, 2))
            .collect();
        for (name, value) in opened.property_lines() {
            let line = vec![
                span(format!("{name}  "), Role::Label),
                span(value, Role::Normal),
            ];
            out.extend(fold(line, cells, 2));
        }
        if let Some((words, role)) = program {
            out.extend(lines::wrapped(&words, role, cells));
        }
        if !opened.gist.is_empty() {
            out.extend(lines::wrapped(&opened.gist, Role::Title, cells));
        }
        if opened.kind == Kind::Config
            && let Some(device) = self.device_of_inspector()
            && let Some(version) = self
                .home
                .relays
                .version_of(&device, &opened.payload, opened.at)
        {
            out.push(self.version_head(version));
        }
        let outgoing = opened.direction == Direction::Out;
        for (text, role) in self.asked_lines(&opened.topic, opened.at, outgoing) {
            out.extend(lines::wrapped(&text, role, cells));
        }
        if opened.is_cut() {
            let text = format!(
                "only the first {} of {} were kept",
                words::bytes(opened.payload.len() as u64),
                words::bytes(opened.length)
            );
            out.extend(lines::wrapped(&text, Role::Warn, cells));
        }
        out.push(lines::line("", Role::Normal));
        out
    }

    /// `2 changed, 1 new since 20:41:18.004`
    fn comparison(&self) -> Option<Span> {
        let before = self.compared_with()?;
        let counts = self.inspector.ready.as_ref()?.counts?;
        let Counts {
            changed,
            came,
            gone,
        } = counts;
        let parts: Vec<_> = [(changed, "changed"), (came, "new"), (gone, "gone")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", words::grouped(count as u64)))
            .collect();
        let what = if parts.is_empty() {
            "nothing changed".to_owned()
        } else {
            parts.join(", ")
        };
        let marked = self.inspector.marked.is_some();
        let since = before.at.clock_millis(self.zone);
        Some(if marked {
            span(format!("{what} against {since} (marked)"), Role::Pending)
        } else {
            span(format!("{what} since {since}"), Role::Dim)
        })
    }
}
