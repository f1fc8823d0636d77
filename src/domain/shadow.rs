//! Device shadows (AWS, Huawei): what is wanted of a device, what it last said, and the difference.

use std::sync::Arc;

use serde_json::Value;

use super::device::DeviceId;
use crate::base::moment::Timestamp;

/// Names one shadow of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShadowKey {
    pub thing: DeviceId,
    /// `None`: the classic shadow.
    pub name: Option<String>,
}

/// A shadow's document, or the part of one that a message told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shadow {
    pub desired: Option<Arc<Value>>,
    pub reported: Option<Arc<Value>>,
    /// What is desired and not reported.
    pub delta: Option<Arc<Value>>,
    /// The same tree with the time of each leaf.
    pub metadata: Option<Arc<Value>>,
    pub version: Option<u64>,
    pub at: Option<Timestamp>,
}

impl Eq for Shadow {}

/// What may be asked about shadows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowRequest {
    Get(ShadowKey),
    /// `body` is the JSON of the request's `state`; with `version` it is refused when the document has moved on.
    Update {
        key: ShadowKey,
        state: String,
        version: Option<u64>,
    },
    Delete(ShadowKey),
    /// The named shadows of a thing.
    Names(DeviceId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowReply {
    /// The answer as it came, and read.
    Document {
        raw: Arc<str>,
        shadow: Shadow,
    },
    /// The update as it was accepted: the fields of the request only.
    Accepted {
        raw: Arc<str>,
        shadow: Shadow,
    },
    Deleted {
        raw: Arc<str>,
    },
    Names(Vec<String>),
    /// Asked and refused, with the service's code and words: 404 is "no shadow yet", 409 a conflict.
    Refused {
        code: u16,
        message: String,
    },
}

/// What was heard of a shadow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowNews {
    pub key: ShadowKey,
    pub change: ShadowChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowChange {
    /// All of it.
    Whole(Shadow),
    /// Some fields changed; `null` took one away.
    Patch(Shadow),
    /// What is desired and not reported, as of a version.
    Delta(Shadow),
    Deleted {
        version: Option<u64>,
    },
    Refused {
        code: u16,
        message: String,
    },
}
