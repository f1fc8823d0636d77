//! What each pane remembers and how it reacts. Panes never call each other.

pub(super) mod devices;
mod groups;
pub(super) mod inspector;
pub(super) mod messages;
pub(super) mod publish;
pub(super) mod subscriptions;
pub(super) mod topics;

use super::event::{Key, KeyCode};
use super::input::{Input, Typed};
use super::screen::{FilterLine, PaneId, Role};
use super::state::App;
use crate::base::text::SafeText;

/// The line that `/` opens.
#[derive(Debug, Clone, Default)]
pub(super) struct PaneFilter {
    pub(super) input: Input,
    pub(super) editing: bool,
    /// Why it is not understood; the view before it stays.
    pub(super) error: Option<String>,
}

impl PaneFilter {
    pub(super) fn text(&self) -> &str {
        self.input.text()
    }

    /// Lower case, for plain searches.
    pub(super) fn needle(&self) -> String {
        self.input.text().trim().to_lowercase()
    }

    pub(super) fn line(&self) -> Option<FilterLine> {
        if self.input.is_empty() && !self.editing {
            return None;
        }
        Some(FilterLine {
            text: self.input.shown(),
            cursor: self.editing.then(|| self.input.cells_before()),
            error: self.error.as_deref().map(SafeText::new),
        })
    }
}

impl App {
    fn filter_mut(&mut self, pane: PaneId) -> &mut PaneFilter {
        match pane {
            PaneId::Devices => &mut self.devices.filter,
            PaneId::Subscriptions => &mut self.subscriptions.filter,
            PaneId::Messages => &mut self.messages.filter,
            PaneId::Inspector => &mut self.inspector.filter,
            PaneId::Publish => &mut self.publish.filter,
        }
    }

    fn filter_of(&self, pane: PaneId) -> &PaneFilter {
        match pane {
            PaneId::Devices => &self.devices.filter,
            PaneId::Subscriptions => &self.subscriptions.filter,
            PaneId::Messages => &self.messages.filter,
            PaneId::Inspector => &self.inspector.filter,
            PaneId::Publish => &self.publish.filter,
        }
    }

    pub(super) fn filter_is_edited(&self) -> bool {
        self.filter_of(self.focus).editing
    }

    pub(super) fn edit_filter(&mut self) {
        if self.focus == PaneId::Publish && self.has_composer() {
            return self.say(
                Role::Normal,
                "there is no list here; Ctrl-R searches the history",
            );
        }
        self.filter_mut(self.focus).editing = true;
    }

    pub(super) fn end_filter_editing(&mut self) {
        self.filter_mut(self.focus).editing = false;
    }

    pub(super) fn filter_key(&mut self, key: Key) {
        match key.code {
            KeyCode::Enter | KeyCode::Tab if !key.repeat => self.end_filter_editing(),
            KeyCode::Esc if !key.repeat => {
                self.clear_filter();
            }
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                if let Some(action) = super::keymap::movement_of(key) {
                    self.act(action);
                }
            }
            _ => {
                if self.filter_mut(self.focus).input.key(key) == Typed::Changed {
                    self.filter_changed();
                }
            }
        }
    }

    pub(super) fn filter_paste(&mut self, text: &str) {
        self.filter_mut(self.focus).input.insert(text);
        self.filter_changed();
    }

    /// Whether there was anything to clear.
    pub(super) fn clear_filter(&mut self) -> bool {
        let filter = self.filter_mut(self.focus);
        let was = filter.editing || !filter.input.is_empty();
        *filter = PaneFilter::default();
        if was {
            self.filter_changed();
        }
        was
    }

    fn filter_changed(&mut self) {
        match self.focus {
            PaneId::Messages => self.message_filter_changed(),
            PaneId::Inspector => self.inspector_search_changed(),
            PaneId::Devices | PaneId::Subscriptions | PaneId::Publish => {}
        }
    }
}
