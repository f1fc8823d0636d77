//! `:` or Ctrl-P: every action by name, with its key.

use super::super::action::{self, Action, ActionInfo};
use super::super::lines::span;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::Over;
use super::choice::{Choice, ChoiceKind, ChoiceOver, Pick};

impl App {
    pub(in super::super) fn open_palette(&mut self) {
        self.open_over(Over::Choice(ChoiceOver::new(ChoiceKind::Palette)));
    }

    pub(super) fn palette_choices(&self) -> Vec<Choice> {
        action::table()
            .into_iter()
            .filter(|info| self.can(info.action) && !is_step(info.action))
            .map(|info| Choice {
                name: name(&info, self.help_of(&info)),
                detail: span(info.keys_text(), Role::Key),
                find: info.name.to_owned(),
                pick: Pick::Act(info.action),
            })
            .collect()
    }
}

fn name(info: &ActionInfo, help: &str) -> Line {
    let mut line = vec![span(info.name, Role::Normal)];
    if help != info.name {
        line.push(span(format!("  {help}"), Role::Dim));
    }
    line
}

/// Moving by one row from the palette would be of no use.
const fn is_step(action: Action) -> bool {
    matches!(
        action,
        Action::Up
            | Action::Down
            | Action::Left
            | Action::Right
            | Action::HalfUp
            | Action::HalfDown
            | Action::PageUp
            | Action::PageDown
            | Action::Palette
    )
}
