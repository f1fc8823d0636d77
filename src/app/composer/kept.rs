//! What survives: the unsent draft, the history, the templates.

use std::time::Duration;

use super::super::effect::{Effect, TemplateOrder};
use super::super::event::{Kept, TimerId};
use super::super::overlay::Over;
use super::super::pending::{ForTemplates, Purpose};
use super::super::screen::Role;
use super::super::state::App;
use crate::domain::compose::{Entry, HISTORY, Sheet, Template};

/// After a change, the draft is on its way to the disk within this.
const SOON: Duration = Duration::from_millis(300);

impl App {
    pub(in super::super) fn load_kept(&mut self) {
        let Some(profile) = self.profile().filter(|p| p.capabilities.publish) else {
            return;
        };
        let name = profile.name.clone();
        let id = self.pending.begin(Purpose::Kept);
        self.ask(Effect::LoadKept(id, name));
    }

    pub(in super::super) fn kept_came(&mut self, kept: Kept) {
        for notice in &kept.notices {
            self.remember(&notice.what, notice);
            self.say(Role::Warn, notice.line());
        }
        let typed_since = std::mem::take(&mut self.composer.history);
        for entry in kept.history.into_iter().chain(typed_since) {
            self.composer.remember(entry);
        }
        let Some(draft) = kept.draft else { return };
        if draft.sent || draft.sheet.is_empty() {
            return;
        }
        if !self.composer.sheet().is_empty() {
            // Something is typed already: what was there before is one of the history.
            return self.keep_in_history(draft.sheet, false);
        }
        self.composer.put(&draft.sheet);
        // Where it was left off, most likely.
        self.composer.payload.to_end();
        self.check_draft();
        if self.notice.is_none() {
            self.say(
                Role::Normal,
                "the draft of last time is back in the composer (c)",
            );
        }
    }

    pub(super) fn keep_draft_soon(&mut self) {
        if self.composer.unkept.is_none() {
            let id = self.timers.next();
            self.ask(Effect::StartTimer(id, SOON));
            self.composer.unkept = Some(id);
        }
    }

    /// Whether the timer was the draft's.
    pub(in super::super) fn draft_timer(&mut self, id: TimerId) -> bool {
        if self.composer.unkept != Some(id) {
            return false;
        }
        self.composer.unkept = None;
        self.keep_draft_now();
        true
    }

    /// Before the profile is left.
    pub(in super::super) fn flush_draft(&mut self) {
        if let Some(id) = self.composer.unkept.take() {
            self.ask(Effect::StopTimer(id));
            self.keep_draft_now();
        }
    }

    pub(super) fn keep_draft_now(&mut self) {
        let Some(profile) = self.profile().map(|p| p.name.clone()) else {
            return;
        };
        // What is still on its way may be lost with us: it stays a draft until its receipt.
        let composer = &self.composer;
        let under_way = !composer.outgoing.is_empty() && !composer.sheet().is_empty();
        let draft = (under_way || composer.is_unsent()).then(|| {
            Box::new(Entry {
                at: self.at.wall,
                sent: false,
                sheet: self.composer.sheet(),
            })
        });
        self.ask(Effect::KeepDraft { profile, draft });
    }

    /// Into the history, here and on the disk.
    pub(super) fn keep_in_history(&mut self, sheet: Sheet, sent: bool) {
        let Some(profile) = self.profile().map(|p| p.name.clone()) else {
            return;
        };
        let at = self.at.wall;
        let entry = Entry { at, sent, sheet };
        if self.composer.history.last().map(|e| (&e.sheet, e.sent)) == Some((&entry.sheet, sent)) {
            return;
        }
        self.composer.remember(entry.clone());
        let entry = Box::new(entry);
        self.ask(Effect::KeepHistory { profile, entry });
    }

    /// Another sheet into the composer; what was typed and not sent is put into the history.
    pub(in super::super) fn open_sheet(&mut self, sheet: &Sheet) {
        if self.composer.is_unsent() && self.composer.sheet() != *sheet {
            let before = self.composer.sheet();
            self.keep_in_history(before, false);
            self.say(
                Role::Normal,
                "what you had typed is in the history (Ctrl-R)",
            );
        }
        self.composer.put(sheet);
        self.composer_changed();
        self.compose_at(super::Spot::Payload);
    }

    pub(in super::super) fn clear_draft(&mut self) {
        self.open_sheet(&Sheet::default());
        self.compose_at(super::Spot::Topic);
    }

    pub(in super::super) fn open_history(&mut self) {
        if self.composer.history.is_empty() {
            return self.say(Role::Normal, "nothing was sent from here yet");
        }
        self.open_over(Over::history());
    }

    pub(in super::super) fn ask_templates(&mut self, purpose: ForTemplates) {
        let id = self.pending.begin(Purpose::Templates(purpose));
        self.ask(Effect::Templates(id, TemplateOrder::Load));
    }

    pub(in super::super) fn templates_came(
        &mut self,
        templates: Vec<Template>,
        purpose: ForTemplates,
    ) {
        self.composer.templates = templates;
        let none = self.composer.templates.is_empty();
        match purpose {
            ForTemplates::Open | ForTemplates::Delete if none => self.say(
                Role::Normal,
                "there is no template yet: \"save as template\" in the palette makes one",
            ),
            ForTemplates::Open => self.open_over(Over::templates(false)),
            ForTemplates::Delete => self.open_over(Over::templates(true)),
            ForTemplates::Save => self.open_template_name(),
            ForTemplates::Saved(name) => self.say(Role::Good, format!("template {name} is saved")),
            ForTemplates::Deleted(name) => self.say(Role::Good, format!("template {name} is gone")),
        }
    }
}

impl super::Composer {
    /// The same sheet stands in it once, at its newest place.
    pub(super) fn remember(&mut self, entry: Entry) {
        self.history.retain(|known| known.sheet != entry.sheet);
        self.history.push(entry);
        let older = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..older);
    }
}
