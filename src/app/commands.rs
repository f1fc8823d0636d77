//! Commands sent to devices, and what proves that they were carried out.
//!
//! An accepted command is not a done one (`reference/lg-thinq.md` 11): its values stay marked as pending until a report
//! or a state shows them. A stale report with the old value takes the mark from nothing (F33).

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::base::moment::Moment;
use crate::domain::device::DeviceId;
use crate::domain::model::{Domain, Model};
use crate::domain::request::{PropertyPath, Setting};
use crate::domain::state;

/// Commands remembered.
const KEPT: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Oldest first.
    list: VecDeque<Command>,
    last: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) number: u64,
    pub(super) at: Moment,
    pub(super) device: DeviceId,
    pub(super) parts: Vec<Part>,
    pub(super) outcome: Outcome,
}

/// One property of a command.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) setting: Setting,
    /// Reading the property can show what was written. Where it cannot (write-only, or START that reads ON), any report
    /// that follows is proof enough.
    provable: bool,
    shown: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The platform has not answered yet.
    Sending,
    /// Accepted; not seen yet in a report or a state.
    Sent,
    Confirmed(Duration),
    Refused(String),
    /// A later command set the same before this one was seen.
    Replaced,
}

impl Command {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Sending | Outcome::Sent)
    }

    /// `operation.airConOperationMode = POWER_ON, …`
    pub(super) fn words(&self) -> String {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|p| format!("{} = {}", p.setting.path, plain(&p.setting.value)))
            .collect();
        parts.join(", ")
    }
}

impl Commands {
    /// Newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Command> {
        self.list.iter().rev()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn send(
        &mut self,
        at: Moment,
        device: &DeviceId,
        settings: Vec<Setting>,
        model: Option<&Model>,
    ) -> u64 {
        let replaces = |command: &Command| {
            command.device == *device
                && command.is_open()
                && command
                    .parts
                    .iter()
                    .all(|p| settings.iter().any(|s| s.path == p.setting.path))
        };
        for command in &mut self.list {
            if replaces(command) {
                command.outcome = Outcome::Replaced;
            }
        }
        self.last += 1;
        let parts = settings
            .into_iter()
            .map(|setting| Part {
                provable: is_provable(&setting, model),
                setting,
                shown: false,
            })
            .collect();
        if self.list.len() == KEPT {
            self.list.pop_front();
        }
        self.list.push_back(Command {
            number: self.last,
            at,
            device: device.clone(),
            parts,
            outcome: Outcome::Sending,
        });
        self.last
    }

    /// The platform answered. Gives the command, when it is still there.
    pub(super) fn answered(&mut self, number: u64, refusal: Option<String>) -> Option<&Command> {
        let command = self.list.iter_mut().find(|c| c.number == number)?;
        match (refusal, &command.outcome) {
            (Some(why), _) => command.outcome = Outcome::Refused(why),
            (None, Outcome::Sending) => command.outcome = Outcome::Sent,
            (None, _) => {}
        }
        Some(command)
    }

    /// The device's state is now `known`; `reported` when the device itself just said something. Whether a command was
    /// confirmed.
    pub(super) fn seen(
        &mut self,
        at: Moment,
        device: &DeviceId,
        known: &Value,
        reported: bool,
    ) -> bool {
        let mut any = false;
        for command in &mut self.list {
            if command.device != *device || !command.is_open() {
                continue;
            }
            for part in &mut command.parts {
                let found = state::at(known, &part.setting.path);
                part.shown |= found.is_some_and(|v| same(v, &part.setting.value))
                    || (reported && !part.provable);
            }
            if command.parts.iter().all(|p| p.shown) {
                command.outcome = Outcome::Confirmed(at.mono.since(command.at.mono));
                any = true;
            }
        }
        any
    }

    /// What this property was told to become, while that is not seen yet.
    pub(super) fn wanted(&self, device: &DeviceId, path: &PropertyPath) -> Option<&Value> {
        self.iter()
            .filter(|c| c.device == *device && c.is_open())
            .flat_map(|c| &c.parts)
            .find(|p| p.setting.path == *path)
            .filter(|p| !p.shown)
            .map(|p| &p.setting.value)
    }

    pub(super) fn is_open(&self, number: u64) -> bool {
        self.list.iter().any(|c| c.number == number && c.is_open())
    }

    /// Commands younger than `within` of which it is not known what became of them.
    pub(super) fn open_since(&self, at: Moment, within: Duration) -> usize {
        self.list
            .iter()
            .filter(|c| c.is_open() && at.mono.since(c.at.mono) < within)
            .count()
    }
}

fn is_provable(setting: &Setting, model: Option<&Model>) -> bool {
    let Some(property) = model.and_then(|m| m.property(&setting.path)) else {
        return true;
    };
    let holds = match &property.read {
        Domain::Words(words) | Domain::List(words) => setting
            .value
            .as_str()
            .is_none_or(|word| words.iter().any(|w| w == word)),
        _ => true,
    };
    property.readable && holds
}

/// Equal as values: 24 and 24.0 are one temperature.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        _ => a == b,
    }
}

/// A value as people read it: words without quotes, and null as what it means (`reference/lg-thinq.md` 8.3).
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
