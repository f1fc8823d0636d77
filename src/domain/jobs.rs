//! AWS IoT jobs of one thing.

pub mod read;
mod words;

use std::sync::Arc;

use super::device::DeviceId;
use crate::base::moment::Timestamp;

pub use words::refusal;

/// What a device may make of a job.
pub const STATUSES: [&str; 4] = ["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"];

/// One execution of a job on one thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    pub id: String,
    /// `QUEUED`, `IN_PROGRESS`, `SUCCEEDED`…
    pub status: String,
    pub version: Option<u64>,
    pub execution: Option<u64>,
    pub queued: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    /// JSON as it came. Told only when one job is asked for.
    pub document: Option<Arc<str>>,
    /// JSON of `statusDetails`, as it came.
    pub details: Option<Arc<str>>,
}

impl Job {
    /// Nothing more can become of it.
    pub fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "QUEUED" | "IN_PROGRESS" | "")
    }

    /// What a summary leaves out stays as it was known.
    pub fn keep_from(&mut self, known: &Self) {
        if self.document.is_none() {
            self.document.clone_from(&known.document);
        }
        if self.details.is_none() && self.version == known.version {
            self.details.clone_from(&known.details);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobsRequest {
    List(DeviceId),
    /// One job with its document; `$next` is the next one.
    Describe {
        thing: DeviceId,
        job: String,
    },
    StartNext(DeviceId),
    Update {
        thing: DeviceId,
        job: String,
        /// `IN_PROGRESS`, `SUCCEEDED`, `FAILED`, `REJECTED`.
        status: String,
        /// JSON of `statusDetails`.
        details: Option<String>,
        expected: Option<u64>,
    },
}

impl JobsRequest {
    pub const fn thing(&self) -> &DeviceId {
        match self {
            Self::List(thing)
            | Self::StartNext(thing)
            | Self::Describe { thing, .. }
            | Self::Update { thing, .. } => thing,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobsReply {
    /// In progress first, then queued.
    List(Vec<Job>),
    /// `None`: there is none.
    One(Option<Box<Job>>),
    Updated,
    /// [`refusal`] says what to do.
    Refused {
        code: String,
        message: String,
    },
}

/// What was heard of a thing's jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobsNews {
    /// All that are pending and under way.
    List(DeviceId, Vec<Job>),
    Next(DeviceId, Option<Box<Job>>),
}

impl JobsNews {
    pub const fn thing(&self) -> &DeviceId {
        match self {
            Self::List(thing, _) | Self::Next(thing, _) => thing,
        }
    }
}
