//! The shadows that were opened: what is known of each, and what is asked about them.
//!
//! Only opened shadows are kept, so that a fleet of a hundred thousand things that all talk about theirs costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::effect::Effect;
use super::event::TimerId;
use super::pending::Purpose;
use super::screen::Role;
use super::state::App;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::request::{Reply, Request, RequestId};
use crate::domain::shadow::{
    Doing, Heard, Knowledge, Record, Section, Shadow, ShadowChange, ShadowKey, ShadowNews,
    ShadowReply, ShadowRequest, refusal,
};

/// Shadows kept at once; the one opened longest ago goes first.
const KEPT: usize = 64;

/// After something was missed the documents may be on their way: they are waited for before the shadow is asked for.
const PATIENCE: Duration = Duration::from_millis(400);

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ShadowPurpose {
    Get(ShadowKey),
    Names(DeviceId),
    /// `section` as it was changed, in bytes of the whole document that it would make.
    Update {
        key: ShadowKey,
        section: Section,
        merged: usize,
    },
    Delete(ShadowKey),
}

/// One opened shadow.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) record: Record,
    /// Why it could not be had.
    pub(super) trouble: Option<Problem>,
    /// For which it was opened last.
    opened: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    entries: BTreeMap<ShadowKey, Entry>,
    names: BTreeMap<DeviceId, BTreeSet<String>>,
    opened: u64,
    /// Questions that wait a moment for the answer to come by itself.
    due: BTreeMap<TimerId, ShadowKey>,
}

impl Shadows {
    pub(super) fn get(&self, key: &ShadowKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn shadow(&self, key: &ShadowKey) -> Option<&Shadow> {
        self.get(key)?.record.shadow()
    }

    /// The classic shadow's tab and those of all names that are known.
    pub(super) fn tabs(&self, thing: &DeviceId) -> Vec<Option<String>> {
        let names = self.names.get(thing).into_iter().flatten();
        std::iter::once(None)
            .chain(names.cloned().map(Some))
            .collect()
    }

    fn name(&mut self, key: &ShadowKey) -> bool {
        match &key.name {
            None => false,
            Some(name) => self
                .names
                .entry(key.thing.clone())
                .or_default()
                .insert(name.clone()),
        }
    }

    fn open(&mut self, key: &ShadowKey) {
        self.name(key);
        self.opened += 1;
        self.entries.entry(key.clone()).or_default().opened = self.opened;
        while self.entries.len() > KEPT {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.opened);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.entries.remove(&oldest);
            self.names.retain(|thing, _| {
                *thing == key.thing || self.entries.keys().any(|kept| kept.thing == *thing)
            });
        }
    }
}

impl App {
    /// Its view is opened: what is known is shown, and it is asked for.
    pub(super) fn watch_shadow(&mut self, key: &ShadowKey) {
        self.home.shadows.open(key);
        self.ask_shadow(key);
    }

    pub(super) fn ask_shadow(&mut self, key: &ShadowKey) {
        if self.asks_shadow(key) {
            return;
        }
        let purpose = ShadowPurpose::Get(key.clone());
        self.request_shadow(purpose, ShadowRequest::Get(key.clone()));
    }

    pub(super) fn asks_shadow(&self, key: &ShadowKey) -> bool {
        self.pending
            .has(|p| matches!(p, Purpose::Shadow(ShadowPurpose::Get(asked)) if asked == key))
    }

    pub(super) fn ask_shadow_names(&mut self, thing: &DeviceId) {
        let asked =
            |p: &Purpose| matches!(p, Purpose::Shadow(ShadowPurpose::Names(t)) if t == thing);
        if self.pending.has(asked) {
            return;
        }
        let purpose = ShadowPurpose::Names(thing.clone());
        self.request_shadow(purpose, ShadowRequest::Names(thing.clone()));
    }

    pub(super) fn request_shadow(
        &mut self,
        purpose: ShadowPurpose,
        request: ShadowRequest,
    ) -> RequestId {
        let id = self.pending.begin(Purpose::Shadow(purpose));
        self.ask(Effect::Request(id, Request::Shadow(request)));
        id
    }

    /// Heard from the stream. What nobody has opened is let go.
    pub(super) fn shadow_news(&mut self, news: &ShadowNews) {
        let key = &news.key;
        if self.shows_shadow_of(&key.thing) {
            let gone = matches!(
                news.change,
                ShadowChange::Deleted { .. } | ShadowChange::Refused { .. }
            );
            self.moved |= !gone && self.home.shadows.name(key);
        }
        let Some(entry) = self.home.shadows.entries.get_mut(key) else {
            return;
        };
        match entry.record.hear(&news.change) {
            Heard::Known => {}
            Heard::Changed => self.shadow_changed(key),
            Heard::Missed => {
                self.shadow_changed(key);
                self.shadow_missed(key);
            }
        }
    }

    fn shadow_changed(&mut self, key: &ShadowKey) {
        if let Some(entry) = self.home.shadows.entries.get_mut(key) {
            entry.trouble = None;
        }
        self.moved |= !self.overlays.is_empty();
    }

    fn shadow_missed(&mut self, key: &ShadowKey) {
        let waits = self.home.shadows.due.values().any(|due| due == key);
        if waits || !self.shows_shadow(key) {
            return;
        }
        let id = self.timers.next();
        self.home.shadows.due.insert(id, key.clone());
        self.ask(Effect::StartTimer(id, PATIENCE));
    }

    /// Whether the timer was one of a shadow's.
    pub(super) fn shadow_timer(&mut self, id: TimerId) -> bool {
        let Some(key) = self.home.shadows.due.remove(&id) else {
            return false;
        };
        if self.shows_shadow(&key) {
            self.ask_shadow(&key);
        }
        true
    }

    pub(super) fn shadow_answered(
        &mut self,
        id: RequestId,
        purpose: ShadowPurpose,
        result: Result<Reply, Problem>,
    ) {
        let result = match result {
            Ok(Reply::Shadow(ShadowReply::NoConnection)) => Err(not_connected()),
            Ok(Reply::Shadow(reply)) => Ok(reply),
            Ok(_) => return self.pending.stray(),
            Err(problem) => Err(problem),
        };
        match purpose {
            ShadowPurpose::Get(key) => self.shadow_came(&key, result),
            ShadowPurpose::Names(thing) => self.shadow_names_came(thing, result),
            ShadowPurpose::Update {
                key,
                section,
                merged,
            } => self.shadow_updated(id, &key, section, merged, result),
            ShadowPurpose::Delete(key) => self.shadow_deleted(&key, result),
        }
    }

    fn shadow_came(&mut self, key: &ShadowKey, result: Result<ShadowReply, Problem>) {
        let Some(entry) = self.home.shadows.entries.get_mut(key) else {
            return;
        };
        entry.trouble = None;
        match result {
            Ok(ShadowReply::Document { shadow, .. }) => {
                entry.record.told(&shadow);
            }
            Ok(ShadowReply::Refused { code: 404, message })
                if message.contains("No shadow exists") || message.is_empty() =>
            {
                entry.record.knowledge = Knowledge::Absent(entry.record.version());
            }
            Ok(ShadowReply::Refused { code, message }) => {
                entry.trouble = Some(refusal(key, Doing::Get, code, &message, None));
            }
            Ok(_) => {}
            Err(problem) => entry.trouble = Some(problem),
        }
    }

    /// Where names may not be listed, those that are heard or typed have their tabs all the same.
    fn shadow_names_came(&mut self, thing: DeviceId, result: Result<ShadowReply, Problem>) {
        if let Ok(ShadowReply::Names(names)) = result {
            self.home
                .shadows
                .names
                .entry(thing)
                .or_default()
                .extend(names);
        }
    }

    fn shadow_updated(
        &mut self,
        id: RequestId,
        key: &ShadowKey,
        section: Section,
        merged: usize,
        result: Result<ShadowReply, Problem>,
    ) {
        match result {
            Ok(ShadowReply::Accepted { shadow, .. }) => {
                let version = shadow.version;
                self.shadow_news(&ShadowNews {
                    key: key.clone(),
                    change: ShadowChange::Patch(shadow),
                });
                self.shadow_edit_done(id);
                let words = match version {
                    Some(version) => {
                        format!("{key}: {} accepted, version {version}", section.word())
                    }
                    None => format!("{key}: {} accepted", section.word()),
                };
                self.say(Role::Good, words);
            }
            Ok(ShadowReply::Refused { code: 409, message }) => {
                self.shadow_conflict(id, key, &message);
                self.ask_shadow(key);
            }
            Ok(ShadowReply::Refused { code, message }) => {
                let problem = refusal(key, Doing::Update, code, &message, Some(merged));
                self.shadow_edit_failed(id, key, problem);
            }
            Ok(_) => self.pending.stray(),
            Err(problem) => self.shadow_edit_failed(id, key, problem),
        }
    }

    fn shadow_deleted(&mut self, key: &ShadowKey, result: Result<ShadowReply, Problem>) {
        match result {
            Ok(ShadowReply::Deleted { .. }) => {
                if let Some(entry) = self.home.shadows.entries.get_mut(key) {
                    entry.record.hear(&ShadowChange::Deleted { version: None });
                    entry.trouble = None;
                }
                self.say(Role::Good, format!("{key}: deleted"));
            }
            Ok(ShadowReply::Refused { code, message }) => {
                let problem = refusal(key, Doing::Delete, code, &message, None);
                self.problem_notice(&key.to_string(), &problem);
            }
            Ok(_) => self.pending.stray(),
            Err(problem) => self.problem_notice(&key.to_string(), &problem),
        }
    }

    pub(super) fn delete_shadow(&mut self, key: &ShadowKey) {
        self.request_shadow(
            ShadowPurpose::Delete(key.clone()),
            ShadowRequest::Delete(key.clone()),
        );
        self.say(Role::Pending, format!("{key}: deleting"));
    }

    /// The document as it is known, for the clipboard.
    pub(super) fn copy_shadow(&mut self, key: &ShadowKey) {
        let Some(shadow) = self.home.shadows.shadow(key) else {
            return self.say(Role::Warn, "there is nothing to copy");
        };
        let text = shadow.json();
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::Copy(id, text));
    }
}

fn not_connected() -> Problem {
    Problem::new(
        "the shadow was not asked for",
        "there is no connection, and no credentials for asking over REST",
        "wait for the connection, or r connects again",
    )
}
