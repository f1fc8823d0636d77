//! Requests in flight and what each is for. An answer that nobody owns any more is counted and let go.

use std::collections::BTreeMap;

use super::composer::send::Job;
use super::jobs::JobsPurpose;
use super::relays::RelayPurpose;
use super::shadows::ShadowPurpose;
use crate::domain::device::DeviceId;
use crate::domain::request::{RequestId, Setting};
use crate::domain::subscription::Feed;

/// What an answer will be used for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Purpose {
    /// The device list; `asked` by the user, who is told how it went.
    Devices {
        asked: bool,
    },
    Feeds,
    Feed {
        device: DeviceId,
        feed: Feed,
        on: bool,
    },
    State(DeviceId),
    Model(DeviceId),
    Energy(DeviceId),
    /// The exact body is wanted, for the question before it is sent.
    Rehearse {
        device: DeviceId,
        settings: Vec<Setting>,
    },
    /// A command, by its number in the list of commands.
    Control {
        device: DeviceId,
        command: u64,
    },
    Shadow(ShadowPurpose),
    Jobs(JobsPurpose),
    Relay(RelayPurpose),
    /// A section of a shadow is in the user's editor.
    EditShadow,
    EditRelay,
    TryProfile,
    /// A new thing.
    Provision,
    SaveThing,
    TryThing,
    /// What was kept for another try is deleted.
    Forgotten,
    /// The recipe's texts, completed.
    Recipe,
    SaveMessages,
    /// Whether the shadow follows.
    Trial,
    SaveProfile,
    SaveToken,
    SavePin,
    Copy,
    /// A large payload, beside the screen.
    Decode,
    /// jq programs over payloads.
    Sift,
    SaveProgram,
    Export,
    /// What was left on the disk by the composer.
    Kept,
    Edit,
    Gather(Box<Job>),
    Templates(ForTemplates),
}

/// What is done once the templates are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ForTemplates {
    Open,
    Delete,
    /// The name for a new one is asked for.
    Save,
    Saved(String),
    Deleted(String),
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    last: u64,
    open: BTreeMap<RequestId, Purpose>,
    /// Answers that found no owner.
    strays: u64,
}

impl Pending {
    pub(super) fn begin(&mut self, purpose: Purpose) -> RequestId {
        self.last += 1;
        let id = RequestId(self.last);
        self.open.insert(id, purpose);
        id
    }

    /// The owner of an answer, which is the last one it gets.
    pub(super) fn end(&mut self, id: RequestId) -> Option<Purpose> {
        let found = self.open.remove(&id);
        self.strays += u64::from(found.is_none());
        found
    }

    pub(super) fn owner(&self, id: RequestId) -> Option<&Purpose> {
        self.open.get(&id)
    }

    pub(super) fn has(&self, test: impl Fn(&Purpose) -> bool) -> bool {
        self.open.values().any(test)
    }

    /// Nothing of all this is wanted any more.
    pub(super) fn abandon(&mut self, test: impl Fn(&Purpose) -> bool) -> Vec<RequestId> {
        let ids: Vec<_> = self
            .open
            .iter()
            .filter(|(_, purpose)| test(purpose))
            .map(|(id, _)| *id)
            .collect();
        for id in &ids {
            self.open.remove(id);
        }
        ids
    }

    pub(super) fn stray(&mut self) {
        self.strays += 1;
    }

    pub(super) fn strays(&self) -> u64 {
        self.strays
    }
}
