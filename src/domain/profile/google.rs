//! A device or gateway of a registry behind Google IoT Core's MQTT bridge, as ClearBlade serves it.

use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleSettings {
    pub flavor: GoogleFlavor,
    pub project: String,
    pub region: String,
    pub registry: String,
    pub identity: GoogleIdentity,
    /// Attached at start; a gateway's only.
    pub devices: Vec<GoogleDevice>,
    /// Private key (PEM) that the token is signed with.
    pub key_file: PathBuf,
    /// Lifetime of a token, 1 to 1,440; renewed before it ends.
    pub token_minutes: u16,
    /// Instead of the flavor's host for the region.
    pub mqtt_url: Option<String>,
    pub api_url: Option<String>,
    /// A service account's file, for the registry over REST.
    pub credentials_file: Option<PathBuf>,
}

impl GoogleSettings {
    /// One with nothing set but what it cannot do without.
    pub const fn new(
        project: String,
        region: String,
        registry: String,
        identity: GoogleIdentity,
        key_file: PathBuf,
    ) -> Self {
        Self {
            flavor: GoogleFlavor::ClearBlade,
            project,
            region,
            registry,
            identity,
            devices: Vec::new(),
            key_file,
            token_minutes: 60,
            mqtt_url: None,
            api_url: None,
            credentials_file: None,
        }
    }
}

/// Whose hosts, REST paths and codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GoogleFlavor {
    #[default]
    ClearBlade,
    /// Google's own, switched off on 2023-08-16; for bridges and re-implementations that speak it.
    Google,
}

impl GoogleFlavor {
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClearBlade => "clearblade",
            Self::Google => "google",
        }
    }
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoogleIdentity {
    Gateway(String),
    Device(String),
}

impl GoogleIdentity {
    pub fn id(&self) -> &str {
        match self {
            Self::Gateway(id) | Self::Device(id) => id,
        }
    }

    pub const fn is_gateway(&self) -> bool {
        matches!(self, Self::Gateway(_))
    }
}

/// A device behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleDevice {
    pub id: String,
    /// Its own private key (PEM), where the gateway's authentication method asks for the device's token.
    pub key_file: Option<PathBuf>,
}

impl GoogleSettings {
    /// `projects/{project}/locations/{region}/registries/{registry}/devices/{device}`, case-sensitive.
    pub fn client_id(&self) -> String {
        format!("{}/devices/{}", self.registry_path(), self.identity.id())
    }

    /// `projects/{project}/locations/{region}/registries/{registry}`.
    pub fn registry_path(&self) -> String {
        format!(
            "projects/{}/locations/{}/registries/{}",
            self.project, self.region, self.registry
        )
    }
}
