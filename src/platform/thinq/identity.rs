//! What an enrolment leaves behind, and keeps: `identity.json`, `key.pem`, `cert.pem`, and when events end.

use serde::{Deserialize, Serialize};

use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::session::LogLevel;
use crate::platform::io::Io;

pub const IDENTITY: &str = "identity.json";
pub const KEY: &str = "key.pem";
pub const CERTIFICATE: &str = "cert.pem";
pub const EVENTS: &str = "events.json";
pub const FILES: [&str; 4] = [IDENTITY, KEY, CERTIFICATE, EVENTS];

/// Everything but key and certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    pub client_id: String,
    /// The host that all below was obtained from; another one knows nothing of it.
    pub api: String,
    pub country: String,
    pub registered: bool,
    /// `mqttServer` of the route.
    pub mqtt_server: String,
    /// The topics that the certificate names.
    pub topics: Vec<String>,
}

impl Identity {
    pub fn load(io: &dyn Io) -> Result<Option<Self>, Problem> {
        let Some(text) = io.load(IDENTITY)? else {
            return Ok(None);
        };
        let kept: Option<Self> = serde_json::from_str(text.expose()).ok();
        let kept = kept.filter(|kept| !kept.client_id.is_empty());
        if kept.is_none() {
            io.log(
                LogLevel::Warn,
                format!("{IDENTITY} is damaged; this client is registered anew"),
            );
        }
        Ok(kept)
    }

    pub fn keep(&self, io: &dyn Io) -> Result<(), Problem> {
        io.keep(IDENTITY, &json(self))
    }
}

/// An event subscription that is ours, as it outlives the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEvent {
    pub hours: u8,
    /// Microseconds since 1970.
    pub until: i64,
}

impl KeptEvent {
    pub const fn until(self) -> Timestamp {
        Timestamp(self.until)
    }
}

pub type KeptEvents = std::collections::BTreeMap<String, KeptEvent>;

/// Nothing where it is missing or unreadable: the server's list tells, only the time left is then unknown.
pub fn load_events(io: &dyn Io) -> KeptEvents {
    let text = io.load(EVENTS).ok().flatten();
    text.and_then(|text| serde_json::from_str(text.expose()).ok())
        .unwrap_or_default()
}

pub fn keep_events(io: &dyn Io, events: &KeptEvents) -> Result<(), Problem> {
    io.keep(EVENTS, &json(events))
}

fn json(value: &impl Serialize) -> Secret {
    Secret::new(serde_json::to_string_pretty(value).unwrap_or_default())
}
