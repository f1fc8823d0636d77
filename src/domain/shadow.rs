//! Device shadows (AWS, Huawei): what is wanted of a device, what it last said, and the difference.
//!
//! A document is kept as a tree of the text it came as ([`Node`]), so that no number is rounded and no key moved, and
//! each leaf carries the time at which it was set.

mod node;
mod number;
pub mod read;
mod record;
mod rows;
mod words;

use std::fmt;
use std::sync::Arc;

use super::device::DeviceId;
use crate::base::moment::Timestamp;

pub use node::{Leaf, Node, NotJson};
pub use record::{Heard, Knowledge, Record};
pub use rows::{Cell, Row, rows};
pub use words::{Doing, LIMIT_BYTES, refusal};

/// Names one shadow of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShadowKey {
    pub thing: DeviceId,
    /// `None`: the classic shadow.
    pub name: Option<String>,
}

impl ShadowKey {
    pub const fn classic(thing: DeviceId) -> Self {
        Self { thing, name: None }
    }

    /// How a person calls the shadow among those of its thing.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("classic")
    }
}

impl fmt::Display for ShadowKey {
    /// `shadow of RPI`, `shadow config of RPI`; raw.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => write!(f, "shadow of {}", self.thing.as_str()),
            Some(name) => write!(f, "shadow {name} of {}", self.thing.as_str()),
        }
    }
}

/// The two halves of a document that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    Desired,
    Reported,
}

impl Section {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Desired => "desired",
            Self::Reported => "reported",
        }
    }
}

/// A shadow's document, or the part of one that a message told. In a part, `null` stands for what was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shadow {
    pub desired: Option<Node>,
    pub reported: Option<Node>,
    /// What is desired and not reported.
    pub delta: Option<Node>,
    pub version: Option<u64>,
    pub at: Option<Timestamp>,
}

impl Shadow {
    pub const fn section(&self, section: Section) -> Option<&Node> {
        match section {
            Section::Desired => self.desired.as_ref(),
            Section::Reported => self.reported.as_ref(),
        }
    }

    pub const fn section_mut(&mut self, section: Section) -> &mut Option<Node> {
        match section {
            Section::Desired => &mut self.desired,
            Section::Reported => &mut self.reported,
        }
    }

    /// What is desired and not reported, worked out here.
    pub fn difference(&self) -> Option<Node> {
        Node::delta(self.desired.as_ref()?, self.reported.as_ref())
    }

    /// `{"desired":…,"reported":…}` as it stands, without metadata.
    pub fn json(&self) -> String {
        let sections = [("desired", &self.desired), ("reported", &self.reported)];
        let parts: Vec<_> = sections
            .into_iter()
            .filter_map(|(name, node)| Some(format!("\"{name}\":{}", node.as_ref()?.text())))
            .collect();
        format!("{{{}}}", parts.join(","))
    }

    /// Bytes of the document without its metadata, as the service counts them against its limit.
    pub fn bytes(&self) -> usize {
        self.json().len()
    }
}

/// What may be asked about shadows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowRequest {
    Get(ShadowKey),
    /// `state` is the JSON of the request's `state`; with `version` it is refused when the document has moved on.
    Update {
        key: ShadowKey,
        state: String,
        version: Option<u64>,
        /// The caller's own `clientToken`, up to 64 bytes; one is made up where the answer cannot be told without.
        token: Option<String>,
    },
    Delete(ShadowKey),
    /// The named shadows of a thing.
    Names(DeviceId),
}

impl ShadowRequest {
    pub const fn thing(&self) -> &DeviceId {
        match self {
            Self::Get(key) | Self::Update { key, .. } | Self::Delete(key) => &key.thing,
            Self::Names(thing) => thing,
        }
    }

    pub const fn doing(&self) -> Doing {
        match self {
            Self::Get(_) => Doing::Get,
            Self::Update { .. } => Doing::Update,
            Self::Delete(_) => Doing::Delete,
            Self::Names(_) => Doing::Names,
        }
    }
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
    /// Asked and refused, with the service's code and words: 404 is "no shadow yet", 409 a conflict. [`refusal`] says
    /// what to do.
    Refused {
        code: u16,
        message: String,
    },
    /// There are no credentials for asking over HTTP, and no connection: open one and ask again.
    NoConnection,
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
