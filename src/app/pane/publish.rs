//! On a platform that takes commands over REST, the commands so far and what became of each; where messages can be
//! published, the composer ([`super::super::composer`]).

use super::super::commands::{Command, Outcome};
use super::super::layout;
use super::super::lines::line;
use super::super::screen::{Body, CommandRow, PaneId, Role, Scroll, Span};
use super::super::scroll::{self, Step};
use super::super::state::App;
use super::super::words;
use super::PaneFilter;
use crate::base::moment;
use crate::base::text::SafeText;
use crate::domain::device::DeviceId;

#[derive(Debug, Default)]
pub(in super::super) struct PublishPane {
    pub(in super::super) filter: PaneFilter,
    /// Number of the selected command; the newest where none was chosen.
    selected: Option<u64>,
    offset: usize,
}

impl App {
    /// Newest first.
    fn commands_shown(&self) -> Vec<&Command> {
        let needle = self.publish.filter.needle();
        let shows = |command: &&Command| {
            needle.is_empty()
                || command.words().to_lowercase().contains(&needle)
                || self
                    .home
                    .devices
                    .label(&command.device)
                    .to_lowercase()
                    .contains(&needle)
        };
        self.home.commands.iter().filter(shows).collect()
    }

    fn command_index(&self, shown: &[&Command]) -> usize {
        let selected = self.publish.selected;
        shown
            .iter()
            .position(|c| Some(c.number) == selected)
            .unwrap_or(0)
    }

    pub(in super::super) fn settle_publish(&mut self) {
        if self.has_composer() {
            let area = self.layout().area(PaneId::Publish);
            let cells = area.map_or(0, |area| usize::from(layout::inner_width(area)));
            let rows = self.rows(PaneId::Publish);
            return self.settle_composer(rows, cells);
        }
        if self.home.commands.len() == 0 {
            return;
        }
        let rows = self.rows(PaneId::Publish);
        let shown = self.commands_shown();
        let (index, total) = (self.command_index(&shown), shown.len());
        self.publish.offset = scroll::reveal(self.publish.offset, index, total, rows);
    }

    pub(in super::super) fn step_publish(&mut self, step: Step) {
        let rows = self.rows(PaneId::Publish);
        let shown = self.commands_shown();
        let index = step.from(self.command_index(&shown), shown.len(), rows);
        self.publish.selected = shown.get(index).map(|c| c.number);
    }

    pub(in super::super) fn select_command_row(&mut self, row: usize) {
        if self.has_composer() {
            return self.composer_click(row);
        }
        let shown = self.commands_shown();
        if let Some(command) = shown.get(self.publish.offset + row) {
            self.publish.selected = Some(command.number);
        }
    }

    pub(in super::super) fn device_of_command(&self) -> Option<DeviceId> {
        let shown = self.commands_shown();
        shown
            .get(self.command_index(&shown))
            .map(|c| c.device.clone())
    }

    pub(in super::super) fn publish_body(
        &self,
        rows: usize,
        cells: usize,
    ) -> (Body, Option<Span>, Scroll) {
        if self.has_composer() {
            return self.composer_body(rows, cells);
        }
        let shown = self.commands_shown();
        let position = scroll::scroll(self.publish.offset, shown.len(), rows);
        if shown.is_empty() {
            let lines = vec![
                line("nothing was sent yet", Role::Normal),
                line("x on a device controls it", Role::Dim),
            ];
            return (Body::Empty(lines), None, position);
        }
        let index = self.command_index(&shown);
        let body = shown
            .iter()
            .enumerate()
            .skip(self.publish.offset)
            .take(rows)
            .map(|(n, command)| self.command_row(command, n == index))
            .collect();
        let note = Span::new(words::grouped(shown.len() as u64), Role::Dim);
        (Body::Commands(body), Some(note), position)
    }

    fn command_row(&self, command: &Command, selected: bool) -> CommandRow {
        let outcome = match &command.outcome {
            Outcome::Sending => Span::new("sending", Role::Pending),
            Outcome::Sent => Span::new("sent", Role::Pending),
            Outcome::Confirmed(after) => Span::new(
                format!("confirmed after {}", moment::words(*after)),
                Role::Good,
            ),
            Outcome::Refused(why) => Span::new(words::refused(why), Role::Bad),
            Outcome::Replaced => Span::new("replaced by a later one", Role::Dim),
        };
        CommandRow {
            time: command.at.wall.clock(self.zone),
            device: SafeText::new(&self.home.devices.label(&command.device)),
            what: SafeText::new(&command.words()),
            outcome,
            selected,
        }
    }
}
