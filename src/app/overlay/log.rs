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

    pub(super) fn log_lines(&self) -> Vec<Line> {
        let mut out = Vec::new();
        if self.log.dropped() > 0 {
            let text = format!(
                "⋯ {} older lines let go",
                words::grouped(self.log.dropped())
            );
            out.push(line(text, Role::Warn));
        }
        out.extend(self.log.lines().map(|l| self.log_picture(l)));
        if out.is_empty() {
            out.push(line("nothing was logged yet", Role::Dim));
        }
        out
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
