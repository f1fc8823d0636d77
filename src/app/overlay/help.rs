//! `?`: the keys valid here, from the table of actions.

use super::super::action::{self, Action, ActionInfo};
use super::super::lines::{self, span};
use super::super::screen::{Line, PaneId, Role};
use super::super::state::App;
use super::Over;
use super::text::{TextKind, TextOver};
use crate::base::text;
use crate::domain::subscription::Feed;

impl App {
    pub(in super::super) fn open_help(&mut self) {
        self.open_over(Over::Text(TextOver::new(TextKind::Help(self.focus))));
    }

    /// Whether the platform can do it at all.
    pub(in super::super) fn can(&self, action: Action) -> bool {
        let can = self.capabilities();
        match action {
            Action::Push => can.feed(Feed::Push).is_some(),
            Action::Event => can.feed(Feed::Event).is_some(),
            Action::State => {
                can.state
                    || can.shadow
                    || can.relay.config
                    || (can.topics && self.focus == PaneId::Devices)
            }
            Action::Sort if self.focus == PaneId::Messages => self.is_grouped(),
            Action::Fold | Action::FoldBelow | Action::Sort | Action::Health => can.topics,
            Action::Jobs => can.jobs,
            Action::Provision | Action::ConnectionState => can.provision,
            Action::Control => can.control || can.relay.config || can.relay.report,
            Action::Bind | Action::Unbind => can.relay.bind,
            Action::SendCommand => can.relay.command,
            Action::SendMessage => can.relay.message,
            Action::SendEvent | Action::SyncClock => can.relay.event,
            Action::Energy => can.energy,
            Action::AddFilter | Action::EditFilter => can.filters,
            Action::Compose => can.publish || can.control,
            Action::Write
            | Action::Send
            | Action::OpenEditor
            | Action::History
            | Action::FormatJson
            | Action::Undo
            | Action::Redo
            | Action::ComposeMessage
            | Action::StopRepeat
            | Action::Templates
            | Action::SaveTemplate
            | Action::DeleteTemplate
            | Action::MessageProperties
            | Action::Repeat
            | Action::AwaitAnswer
            | Action::ClearDraft
            | Action::ClearRetained => can.publish,
            Action::NewToken => self.profile().is_some_and(|p| !p.simulated),
            _ => true,
        }
    }

    /// The action's line, as the platform says it.
    pub(super) fn help_of(&self, info: &ActionInfo) -> &'static str {
        match feed_of(info.action) {
            Some(feed) => self.capabilities().feed_help(feed),
            None => info.help,
        }
    }

    /// The word for the footer.
    pub(in super::super) fn short_of(&self, info: &ActionInfo) -> Option<&'static str> {
        match feed_of(info.action) {
            Some(feed) => Some(self.capabilities().feed_short(feed)),
            None if info.action == Action::State && self.capabilities().shadow => Some("shadow"),
            None => info.short,
        }
    }

    pub(super) fn help_lines(&self, pane: PaneId, cells: usize) -> Vec<Line> {
        let valid = |info: &&ActionInfo| {
            info.holds_in(pane) && !info.keys.is_empty() && self.can(info.action)
        };
        let table = action::table();
        let width = table
            .iter()
            .filter(valid)
            .map(|info| text::width(&info.keys_text()))
            .max()
            .unwrap_or(0);
        table
            .iter()
            .filter(valid)
            .flat_map(|info| {
                let room = cells.saturating_sub(width + 2).max(8);
                let mut keys = text::pad(&info.keys_text(), width + 2);
                lines::wrapped(self.help_of(info), Role::Normal, room)
                    .into_iter()
                    .map(move |mut line| {
                        let blank = " ".repeat(width + 2);
                        let front = std::mem::replace(&mut keys, blank);
                        line.insert(0, span(front, Role::Key));
                        line
                    })
            })
            .collect()
    }
}

const fn feed_of(action: Action) -> Option<Feed> {
    match action {
        Action::Push => Some(Feed::Push),
        Action::Event => Some(Feed::Event),
        _ => None,
    }
}
