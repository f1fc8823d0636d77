//! A device or gateway of a registry behind Google IoT Core's MQTT bridge, as ClearBlade serves it.

use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleSettings {
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
    /// Instead of ClearBlade's host for the region.
    pub mqtt_url: Option<String>,
    pub api_url: Option<String>,
    /// A service account's file, for the registry over REST.
    pub credentials_file: Option<PathBuf>,
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
        format!(
            "projects/{}/locations/{}/registries/{}/devices/{}",
            self.project,
            self.region,
            self.registry,
            self.identity.id()
        )
    }
}
