//! Fleet provisioning (AWS): a new thing gets its certificate over MQTT.

use std::sync::Arc;

use serde_json::Value;

use crate::base::secret::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionRequest {
    /// 1 to 36 of `[0-9A-Za-z_-]`.
    pub template: String,
    pub parameters: Vec<(String, String)>,
    /// The key is made here and never leaves; else the service makes it.
    pub csr: bool,
}

/// What came of it. Kept on disk before the registration was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Provisioned {
    pub thing: String,
    /// Lower-case hex SHA-256 of the certificate.
    pub certificate_id: String,
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: Secret,
    /// `deviceConfiguration` of the template.
    pub configuration: Option<Arc<Value>>,
}

impl Eq for Provisioned {}
