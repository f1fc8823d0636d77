//! AWS IoT jobs of one thing.

use std::sync::Arc;

use serde_json::Value;

use super::device::DeviceId;
use crate::base::moment::Timestamp;

/// One execution of a job on one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: String,
    /// `QUEUED`, `IN_PROGRESS`, `SUCCEEDED`…
    pub status: String,
    pub version: Option<u64>,
    pub execution: Option<u64>,
    pub queued: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    /// Told only when one job is asked for.
    pub document: Option<Arc<Value>>,
    pub details: Option<Arc<Value>>,
}

impl Eq for Job {}

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobsReply {
    /// In progress first, then queued.
    List(Vec<Job>),
    /// `None`: there is none.
    One(Option<Box<Job>>),
    Updated,
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
