//! A profile: which account or broker, and where its secrets are. Holds places of secrets, never their values,
//! except where the user wrote a plain string (warned about).

mod aws;
mod google;
mod huawei;
mod proxy;

pub use aws::{AwsAuth, AwsAuthorizer, AwsCredentials, AwsEndpoint, AwsSettings};
pub use google::{GoogleDevice, GoogleFlavor, GoogleIdentity, GoogleSettings};
pub use huawei::{
    HuaweiAnswer, HuaweiDialect, HuaweiKeys, HuaweiRest, HuaweiSettings, HuaweiSignIn,
    HuaweiSignature,
};
pub use proxy::ProxyRef;

use std::path::PathBuf;

use super::message::{Draft, Will};
use super::subscription::FilterWish;
use crate::base::secret::Secret;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlatformId {
    Thinq,
    Aws,
    Google,
    Huawei,
    Mqtt,
}

impl PlatformId {
    /// Those that this version brings.
    pub const ALL: [Self; 5] = [
        Self::Thinq,
        Self::Aws,
        Self::Google,
        Self::Huawei,
        Self::Mqtt,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Thinq => "thinq",
            Self::Aws => "aws",
            Self::Google => "google",
            Self::Huawei => "huawei",
            Self::Mqtt => "mqtt",
        }
    }

    /// The profile of the simulator inside the program.
    pub const fn simulated(self) -> &'static str {
        match self {
            Self::Thinq => "simulated home",
            Self::Aws => "simulated fleet",
            Self::Google => "simulated gateway",
            Self::Huawei => "simulated meter",
            Self::Mqtt => "simulated plant",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Thinq => "LG ThinQ",
            Self::Aws => "AWS IoT Core",
            Self::Google => "Google IoT Core (ClearBlade)",
            Self::Huawei => "Huawei IoT",
            Self::Mqtt => "MQTT",
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

/// A profile's name is also a folder's name: 1 to 64 letters, digits, `-` and `_`.
pub fn is_profile_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= 64
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

impl Profile {
    pub const fn platform(&self) -> PlatformId {
        match self.settings {
            Settings::Thinq(_) => PlatformId::Thinq,
            Settings::Aws(_) => PlatformId::Aws,
            Settings::Google(_) => PlatformId::Google,
            Settings::Huawei(_) => PlatformId::Huawei,
            Settings::Mqtt(_) => PlatformId::Mqtt,
        }
    }
}

/// What means the same on every platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Common {
    /// PEM, trusted besides the system's roots, or instead of them with `ca_file_only`.
    pub ca_file: Option<PathBuf>,
    /// `system_roots = false`.
    pub ca_file_only: bool,
    /// Filters subscribed at start, besides the platform's own.
    pub topics: Vec<FilterWish>,
    /// Seconds.
    pub keep_alive: Option<u16>,
    pub insecure_skip_verify: bool,
    /// Client certificate chain and its key, PEM. Both or none.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub will: Option<Will>,
    /// Published after each CONNACK.
    pub on_connect: Option<Draft>,
    /// Published before a DISCONNECT that ends the session: a clean one sends no will.
    pub on_disconnect: Option<Draft>,
    /// `None`: as the platform does it.
    pub clean_session: Option<bool>,
    pub proxy: Option<ProxyRef>,
}

/// Through which TCP is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    pub host: String,
    pub port: u16,
    pub login: Option<(String, Secret)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyKind {
    /// HTTP CONNECT, in clear up to the proxy.
    Http,
    /// HTTP CONNECT inside TLS.
    Https,
    /// The proxy resolves the name (`socks5h`).
    Socks5,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    Thinq(ThinqSettings),
    Aws(AwsSettings),
    Google(GoogleSettings),
    Huawei(HuaweiSettings),
    Mqtt(MqttSettings),
}

impl Settings {
    /// Where it leads and where its secret is, in one line for lists. Never a secret.
    pub fn place(&self) -> String {
        match self {
            Self::Thinq(settings) => format!("token: {}", settings.token.place()),
            Self::Aws(settings) => settings.endpoint.clone(),
            Self::Google(settings) => settings.client_id(),
            Self::Huawei(settings) => settings.mqtt_url.clone(),
            Self::Mqtt(settings) => settings.shown_url(),
        }
    }

    /// The protocol version that it connects with.
    pub const fn version(&self) -> Version {
        match self {
            Self::Aws(settings) => settings.version,
            Self::Mqtt(settings) => settings.version,
            Self::Thinq(_) | Self::Google(_) | Self::Huawei(_) => Version::V311,
        }
    }

    /// Whether there is a service to ask over HTTP besides the broker.
    pub const fn has_rest(&self) -> bool {
        !matches!(self, Self::Mqtt(_))
    }

    /// What a person calls the platform's own login, where there is one that can be given anew while the program runs.
    pub const fn token(&self) -> Option<&SecretRef> {
        match self {
            Self::Thinq(settings) => Some(&settings.token),
            Self::Aws(_) | Self::Google(_) | Self::Huawei(_) | Self::Mqtt(_) => None,
        }
    }
}

/// The protocol version on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Version {
    #[default]
    V311,
    V5,
}

impl Version {
    pub const fn word(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

/// Any broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttSettings {
    /// `mqtt`, `mqtts`, `ws` or `wss`; a path for the last two. Holds no login.
    pub url: String,
    pub version: Version,
    pub username: Option<String>,
    pub password: Option<SecretRef>,
    /// Used byte for byte; made up when absent.
    pub client_id: Option<String>,
    /// Seconds that the broker keeps the session after a disconnect (MQTT 5); `None`: as `clean_session` says.
    pub session_expiry: Option<u32>,
    /// ALPN protocols under TLS, in order.
    pub alpn: Vec<String>,
    /// Largest incoming packet in bytes; a larger one is skipped.
    pub max_packet: Option<usize>,
}

impl MqttSettings {
    pub const fn new(url: String) -> Self {
        Self {
            url,
            version: Version::V311,
            username: None,
            password: None,
            client_id: None,
            session_expiry: None,
            alpn: Vec::new(),
            max_packet: None,
        }
    }

    /// The address as it may be shown: the query of a WebSocket's can be its credential.
    pub fn shown_url(&self) -> String {
        match self.url.split_once('?') {
            Some((address, _)) => format!("{address}?…"),
            None => self.url.clone(),
        }
    }
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
