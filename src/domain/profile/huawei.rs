//! A device of Huawei's IoT platform, over its older v1 topics or IoTDA.

use super::SecretRef;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiSettings {
    pub dialect: HuaweiDialect,
    pub mqtt_url: String,
    /// Device id, or node id in v1.
    pub device_id: String,
    /// `None` where the device signs in with a certificate.
    pub secret: Option<SecretRef>,
    /// Answer commands with result 0.
    pub auto_reply: bool,
    /// For the device list and what else goes over HTTP.
    pub rest: Option<HuaweiRest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HuaweiDialect {
    V1,
    #[default]
    Iotda,
}

/// Access to the application side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiRest {
    pub api_url: String,
    pub region: String,
    pub project_id: String,
    pub access_key: SecretRef,
    pub secret_key: SecretRef,
}
