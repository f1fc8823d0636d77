//! A profile: which account or broker, and where its secrets are. Holds places of secrets, never their values,
//! except where the user wrote a plain string (warned about).

use std::path::PathBuf;

use super::subscription::FilterWish;
use crate::base::secret::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlatformId {
    Thinq,
}

impl PlatformId {
    pub const ALL: [Self; 1] = [Self::Thinq];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Thinq => "thinq",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Thinq => "LG ThinQ",
        }
    }
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
    /// The system's keyring, under the profile's name.
    Keyring,
    /// In clear in the config file.
    Plain(Secret),
}

impl SecretRef {
    /// For the screen: `env THINQ_PAT`. Never the value.
    pub fn place(&self) -> String {
        match self {
            Self::Env(name) => format!("env {name}"),
            Self::File(path) => format!("file {}", path.display()),
            Self::Command(words) => format!("command {}", words.first().map_or("", String::as_str)),
            Self::Keyring => "keyring".to_owned(),
            Self::Plain(_) => "in the config file, in clear".to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    pub settings: Settings,
    pub common: Common,
    /// The simulated home: nothing of it is an account, and the header says so.
    pub simulated: bool,
}

impl Profile {
    pub const fn platform(&self) -> PlatformId {
        match self.settings {
            Settings::Thinq(_) => PlatformId::Thinq,
        }
    }
}

/// What means the same on every platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Common {
    /// PEM, trusted besides the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Filters subscribed at start, besides the platform's own.
    pub topics: Vec<FilterWish>,
    /// Seconds.
    pub keep_alive: Option<u16>,
    pub insecure_skip_verify: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    Thinq(ThinqSettings),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinqSettings {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    pub token: SecretRef,
    /// Made once and kept otherwise.
    pub client_id: Option<String>,
    /// 1 to 24; renewed before it ends.
    pub event_hours: u8,
    /// Instead of the region's host.
    pub api_url: Option<String>,
    /// Instead of the route's answer.
    pub mqtt_url: Option<String>,
    /// Instead of the constant that LG published; LG can rotate it.
    pub api_key: Option<String>,
    /// What quitting does to the subscriptions; `None` asks nothing and keeps push and event.
    pub on_quit: OnQuit,
    /// How long nothing may be heard, while something is subscribed, before the stream counts as silent. Seconds.
    pub silent_after: Option<u32>,
}

impl ThinqSettings {
    /// An account with nothing set but what it cannot do without.
    pub const fn new(country: String, token: SecretRef) -> Self {
        Self {
            country,
            token,
            client_id: None,
            event_hours: 24,
            api_url: None,
            mqtt_url: None,
            api_key: None,
            on_quit: OnQuit::Keep,
            silent_after: None,
        }
    }
}

/// What becomes of the platform's subscriptions when the program quits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnQuit {
    /// Push stays, as the platform means it; events run out by themselves.
    #[default]
    Keep,
    EndEvents,
    EndAll,
}
