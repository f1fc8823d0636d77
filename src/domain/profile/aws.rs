//! An AWS IoT Core endpoint and how to sign in there.

use super::{SecretRef, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// `host[:port]` of the account's data endpoint, without scheme and path.
    pub endpoint: String,
    pub auth: AwsAuth,
    /// Used byte for byte; made up when absent.
    pub client_id: Option<String>,
    /// Taken from the endpoint when absent.
    pub region: Option<String>,
    /// For SigV4 and REST.
    pub credentials: AwsCredentials,
    /// REST host instead of AWS's, control and data plane both.
    pub api_url: Option<String>,
    /// Things to show where they may not be listed.
    pub things: Vec<String>,
    pub version: Version,
}

/// How the connection signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AwsAuth {
    /// Client certificate: port 8883, or 443 with ALPN `x-amzn-mqtt-ca`.
    #[default]
    Mtls,
    /// MQTT over WebSocket with a presigned URL.
    SigV4,
}

/// Where access keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AwsCredentials {
    /// Environment, shared files, SSO, container, instance metadata: AWS's usual order.
    #[default]
    Chain,
    /// A profile of AWS's shared files.
    Profile(String),
    Keys {
        access_key_id: SecretRef,
        secret_access_key: SecretRef,
        session_token: Option<SecretRef>,
    },
}

impl AwsSettings {
    pub const fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            auth: AwsAuth::Mtls,
            client_id: None,
            region: None,
            credentials: AwsCredentials::Chain,
            api_url: None,
            things: Vec::new(),
            version: Version::V311,
        }
    }
}
