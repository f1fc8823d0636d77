//! Boxes on top of the panes: text to read, a list to choose from, fields to fill in, a question.

mod account;
mod broker;
pub(super) mod choice;
pub(super) mod compose;
pub(super) mod confirm;
pub(super) mod control;
pub(super) mod decoders;
pub(super) mod filter;
pub(super) mod form;
mod gateway;
pub(super) mod health;
pub(super) mod help;
mod jobs;
pub(super) mod log;
mod meter;
mod order;
pub(super) mod palette;
pub(super) mod profiles;
pub(super) mod provision;
pub(super) mod recipe;
mod relay;
mod shadow;
pub(super) mod text;
pub(super) mod token;
pub(super) mod tree;
pub(super) mod wizard;

use super::effect::Effect;
use super::event::Key;
use super::screen::Overlay;
use super::state::App;
use crate::base::problem::Problem;
use crate::domain::request::RequestId;
use choice::ChoiceOver;
use confirm::ConfirmOver;
use form::FormOver;
use jobs::JobsOver;
use shadow::ShadowOver;
use text::{TextKind, TextOver};

#[derive(Debug)]
pub(super) enum Over {
    Text(TextOver),
    Choice(ChoiceOver),
    Form(FormOver),
    Confirm(ConfirmOver),
    Shadow(ShadowOver),
    Jobs(JobsOver),
}

/// What went wrong, device by device: name, code and words, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) title: String,
    pub(super) lines: Vec<(String, String, String)>,
}

/// What becomes of a box after a key.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once a key, moved once")]
pub(super) enum After {
    Stay(Over),
    Close,
    /// It stays, with another one on top.
    Cover(Over, Over),
}

impl Over {
    pub(super) fn report() -> Self {
        Self::Text(TextOver::new(TextKind::Report))
    }

    /// `connects`: it is why there is no connection, and `r` tries again.
    pub(super) fn problem(problem: Problem, connects: bool) -> Self {
        Self::Text(TextOver::new(TextKind::Problem { problem, connects }))
    }

    /// Whether letters go into a text field.
    pub(super) fn is_typing(&self) -> bool {
        match self {
            Self::Text(text) => text.is_typing(),
            Self::Shadow(shadow) => shadow.is_typing(),
            Self::Jobs(_) => false,
            Self::Choice(_) | Self::Form(_) | Self::Confirm(_) => true,
        }
    }

    fn waits_for(&self, id: RequestId) -> bool {
        match self {
            Self::Choice(choice) => choice.waiting == Some(id),
            Self::Form(form) => form.waiting == Some(id),
            Self::Shadow(shadow) => shadow.waits_for(id),
            Self::Text(_) | Self::Confirm(_) | Self::Jobs(_) => false,
        }
    }

    pub(super) fn is_log(&self) -> bool {
        matches!(self, Self::Text(t) if t.kind == TextKind::Log)
    }

    pub(super) fn is_plot(&self) -> bool {
        matches!(self, Self::Text(t) if t.kind == TextKind::Plot)
    }

    pub(super) fn is_half_filled(&self) -> bool {
        match self {
            Self::Form(form) => form.kind.is_account() && form.is_touched(),
            Self::Shadow(shadow) => shadow.is_half_filled(),
            _ => false,
        }
    }
}

impl App {
    /// At the user's wish: at once.
    pub(super) fn open_over(&mut self, over: Over) {
        self.overlays.push(over);
        self.moved = true;
    }

    /// By itself: at once where nothing is being typed or asked, else when that is over. It never takes a key that was
    /// meant for something else.
    pub(super) fn offer(&mut self, over: Over) {
        self.waiting.push_back(over);
        self.unsettled = true;
        self.moved = true;
    }

    pub(super) fn overlay_key(&mut self, key: Key) {
        let Some(top) = self.overlays.pop() else {
            return;
        };
        let depth = self.overlays.len();
        let after = match top {
            Over::Text(over) => self.text_key(over, key),
            Over::Choice(over) => self.choice_key(over, key),
            Over::Form(over) => self.form_key(over, key),
            Over::Confirm(over) => self.confirm_key(over, key),
            Over::Shadow(over) => self.shadow_key(over, key),
            Over::Jobs(over) => self.jobs_key(over, key),
        };
        // What the key opened lies above the box itself.
        let depth = depth.min(self.overlays.len());
        match after {
            After::Stay(over) => self.overlays.insert(depth, over),
            After::Close => {}
            After::Cover(below, above) => {
                self.overlays.insert(depth, below);
                self.overlays.insert(depth + 1, above);
            }
        }
    }

    /// The answer is not waited for any more.
    fn give_up(&mut self, id: RequestId) {
        if self.pending.end(id).is_some() {
            self.ask(Effect::Abort(id));
        }
    }

    pub(super) fn overlay_paste(&mut self, text: &str) {
        let Some(mut top) = self.overlays.pop() else {
            return;
        };
        match &mut top {
            Over::Text(over) => over.paste(text),
            Over::Choice(over) => over.paste(text),
            Over::Form(over) => over.paste(text),
            Over::Shadow(over) => over.paste(text),
            Over::Confirm(_) | Over::Jobs(_) => {}
        }
        self.overlays.push(top);
    }

    pub(super) fn overlay_pictures(&self) -> Vec<Overlay> {
        let top = self.overlays.len().saturating_sub(1);
        self.overlays
            .iter()
            .enumerate()
            .filter(|(n, over)| *n == top || !control::is_step(over))
            .map(|(_, over)| match over {
                Over::Text(over) => Overlay::Text(self.text_picture(over)),
                Over::Choice(over) => Overlay::Choice(self.choice_picture(over)),
                Over::Form(over) => Overlay::Form(self.form_picture(over)),
                Over::Confirm(over) => Overlay::Confirm(self.confirm_picture(over)),
                Over::Shadow(over) => self.shadow_picture(over),
                Over::Jobs(over) => self.jobs_picture(over),
            })
            .collect()
    }

    pub(super) fn open_problems(&mut self) {
        if self.report.is_some() {
            self.open_over(Over::report());
        } else {
            self.say(super::screen::Role::Good, "there were no problems");
        }
    }

    /// The connection stands: what explained why not is out of date.
    pub(super) fn close_problem_box(&mut self) {
        let stale = |over: &Over| matches!(over, Over::Text(t) if matches!(t.kind, TextKind::Problem { connects: true, .. }));
        self.overlays.retain(|over| !stale(over));
        self.waiting.retain(|over| !stale(over));
    }
}
