//! Devices as a platform lists them.

use std::fmt;
use std::sync::Arc;

/// The platform's own opaque identifier. Never parsed. Cheap to clone (shared text).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(Arc<str>);

impl DeviceId {
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Whether the platform can reach the device. ThinQ's list does not say; only an answer of 1222 or a message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presence {
    #[default]
    Unknown,
    Online,
    Offline,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub id: DeviceId,
    /// The name its owner gave it: any Unicode, may be empty, not unique. Raw; the view makes it safe.
    pub name: String,
    /// The platform's word for what it is (`DEVICE_WASHER`); may be one that nobody knows yet.
    pub kind: String,
    /// Model name, may be empty.
    pub model: String,
    /// Whether it reports state changes; false means an event subscription is refused (ThinQ 1214).
    pub reportable: bool,
    /// Shared by devices that stand together (the halves of a wash tower).
    pub group: Option<String>,
    pub presence: Presence,
    /// What else the platform says of it, name and value, in its order.
    pub attributes: Vec<(String, String)>,
}

impl Device {
    /// What to call it where the name is empty: the first eight characters of its id.
    pub fn label(&self) -> String {
        if self.name.trim().is_empty() {
            self.id.as_str().chars().take(8).collect()
        } else {
            self.name.clone()
        }
    }

    /// `DEVICE_AIR_CONDITIONER` as people say it: `air conditioner`.
    pub fn kind_words(&self) -> String {
        match self.kind.strip_prefix("DEVICE_") {
            Some(kind) => kind.to_lowercase().replace('_', " "),
            // A person's own word: a thing type.
            None => self.kind.clone(),
        }
    }

    /// The model, else what else is said of it: `site north, rack 4`.
    pub fn detail(&self) -> String {
        if !self.model.is_empty() {
            return self.model.clone();
        }
        let attributes = self.attributes.iter();
        let words: Vec<_> = attributes
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        words.join(", ")
    }
}

/// How a person names a device on a command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    #[error("no device is called {0:?}")]
    NoSuch(String),
    #[error("{wanted:?} could be any of: {}", .candidates.join(", "))]
    Ambiguous {
        wanted: String,
        candidates: Vec<String>,
    },
}

/// The one device that `wanted` names: a whole id, else an alias, else a unique beginning of an id.
pub fn find<'a>(devices: &'a [Device], wanted: &str) -> Result<&'a Device, FindError> {
    let by = |test: &dyn Fn(&Device) -> bool| -> Vec<&'a Device> {
        devices.iter().filter(|d| test(d)).collect()
    };
    let tiers = [
        by(&|d| d.id.as_str() == wanted),
        by(&|d| d.name == wanted),
        by(&|d| d.name.to_lowercase() == wanted.to_lowercase()),
        by(&|d| !wanted.is_empty() && d.id.as_str().starts_with(wanted)),
    ];
    for found in tiers {
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            many => {
                let candidates = many
                    .iter()
                    .map(|d| format!("{} ({})", d.name, d.id))
                    .collect();
                return Err(FindError::Ambiguous {
                    wanted: wanted.to_owned(),
                    candidates,
                });
            }
        }
    }
    Err(FindError::NoSuch(wanted.to_owned()))
}
