//! An AWS IoT Core endpoint and how to sign in there.

mod endpoint;

pub use endpoint::AwsEndpoint;

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
    /// Which things of the account: a query of the fleet index. All of them when absent.
    pub things_query: Option<String>,
    pub version: Version,
    /// Whether the presence of all clients is subscribed; `None`: where the connection signs in with access keys.
    pub presence: Option<bool>,
    /// With [`AwsAuth::Custom`].
    pub authorizer: Option<AwsAuthorizer>,
}

/// How the connection signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AwsAuth {
    /// Client certificate: port 8883, or 443 with ALPN `x-amzn-mqtt-ca`.
    #[default]
    Mtls,
    /// MQTT over WebSocket with a presigned URL.
    SigV4,
    /// A Lambda function of the account decides: port 443 with ALPN `mqtt`.
    Custom,
}

impl AwsAuth {
    pub const ALL: [Self; 3] = [Self::Mtls, Self::SigV4, Self::Custom];

    /// As the config file says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::SigV4 => "sigv4",
            Self::Custom => "custom",
        }
    }
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

/// What a custom authorizer is given in the user name and the password (`reference/aws-iot.md` 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AwsAuthorizer {
    /// Left out where the endpoint has a default one.
    pub name: Option<String>,
    /// Base64, not yet URL-encoded; left out where signing is disabled.
    pub signature: Option<SecretRef>,
    /// The name under which the token is given, and the token.
    pub token: Option<(String, SecretRef)>,
    pub username: Option<String>,
    pub password: Option<SecretRef>,
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
            things_query: None,
            version: Version::V311,
            presence: None,
            authorizer: None,
        }
    }

    /// As the profile says it, else as the endpoint's name does.
    pub fn region(&self) -> Option<String> {
        self.region.clone().or_else(|| {
            let endpoint = AwsEndpoint::parse(&self.endpoint).ok()?;
            endpoint.region().map(str::to_owned)
        })
    }
}
