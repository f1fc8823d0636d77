//! `L`: REST calls with status and time, MQTT packets in and out, remarks.

use super::super::lines::{line, span};
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::super::words;
use super::Over;
use super::text::{TextKind, TextOver};
use crate::domain::session::{LogLevel, LogLine, LogSource};

impl App {
    pub(in super::super) fn open_log(&mut self) {
        self.open_over(Over::Text(TextOver::new(TextKind::Log)));
    }

    pub(super) fn log_length(&self) -> usize {
        let dropped = usize::from(self.log.dropped() > 0);
        (self.log.lines().len() + dropped).max(1)
    }

    /// `rows` lines from `offset` on; the first of all tells what the bound let go.
    pub(super) fn log_lines(&self, offset: usize, rows: usize) -> Vec<Line> {
        let dropped = (self.log.dropped() > 0).then(|| {
            let older = words::grouped(self.log.dropped());
            line(format!("⋯ {older} older lines let go"), Role::Warn)
        });
        if self.log.lines().len() == 0 {
            return vec![line("nothing was logged yet", Role::Dim)];
        }
        let before = offset.saturating_sub(usize::from(dropped.is_some()));
        dropped
            .into_iter()
            .skip(offset)
            .chain(self.log.lines().skip(before).map(|l| self.log_picture(l)))
            .take(rows)
            .collect()
    }

    fn log_picture(&self, entry: &LogLine) -> Line {
        let source = match entry.source {
            LogSource::Rest => "REST ",
            LogSource::Mqtt => "MQTT ",
            LogSource::Program => "deck ",
        };
        let (word, role) = match entry.level {
            LogLevel::Error => ("error ", Role::Bad),
            LogLevel::Warn => ("warn  ", Role::Warn),
            LogLevel::Info => ("", Role::Normal),
            LogLevel::Debug => ("", Role::Dim),
        };
        vec![
            span(entry.at.clock_millis(self.zone), Role::Dim),
            span("  ", Role::Normal),
            span(source, Role::Label),
            span(word, role),
            span(entry.text.as_str(), role),
        ]
    }
}
