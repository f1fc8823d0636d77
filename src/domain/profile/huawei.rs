//! A device of Huawei's IoT platform, over its older v1 topics or IoTDA.

use super::SecretRef;
use crate::base::secret::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiSettings {
    pub dialect: HuaweiDialect,
    /// `mqtts`, `mqtt` or `wss`.
    pub mqtt_url: String,
    /// Device id; in v1 it may be the node id.
    pub device_id: String,
    /// Whether `device_id` is a node id (v1 only, access type 2).
    pub by_node: bool,
    /// Whether the platform compares the hour of the login with its clock.
    pub signature: HuaweiSignature,
    /// `None` where the device signs in with a certificate.
    pub secret: Option<SecretRef>,
    /// Answer commands by themselves.
    pub auto_reply: bool,
    /// What commands are answered with; those that are not named here with result 0.
    pub replies: Vec<HuaweiAnswer>,
    /// For the device list and what else goes over HTTP.
    pub rest: Option<HuaweiRest>,
}

impl HuaweiSettings {
    /// A device with nothing set but what it cannot do without.
    pub const fn new(dialect: HuaweiDialect, mqtt_url: String, device_id: String) -> Self {
        Self {
            dialect,
            mqtt_url,
            device_id,
            by_node: false,
            signature: HuaweiSignature::Checked,
            secret: None,
            auto_reply: false,
            replies: Vec::new(),
            rest: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HuaweiDialect {
    V1,
    #[default]
    Iotda,
}

impl HuaweiDialect {
    pub const fn word(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Iotda => "iotda",
        }
    }
}

/// The signature type of the client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HuaweiSignature {
    /// Type 0: the hour is not compared with the clock, so a password that was seen once works for ever.
    Unchecked,
    /// Type 1.
    #[default]
    Checked,
}

impl HuaweiSignature {
    pub const fn digit(self) -> char {
        match self {
            Self::Unchecked => '0',
            Self::Checked => '1',
        }
    }
}

/// How one command is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiAnswer {
    /// `SERVICE.COMMAND`, or `COMMAND` of any service.
    pub command: String,
    /// `result_code` (v1: `errcode`).
    pub result: i64,
    /// `response_name`, IoTDA only.
    pub name: Option<String>,
    /// `paras` (v1: `body`), JSON as it was written.
    pub paras: Option<String>,
}

/// Access to the application side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiRest {
    /// `https://HOST[:PORT]`.
    pub api_url: String,
    pub region: String,
    /// The region's project, not the account. Looked up where absent and a token is used.
    pub project_id: Option<String>,
    pub instance_id: Option<String>,
    pub sign_in: HuaweiSignIn,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HuaweiSignIn {
    Keys {
        access_key: SecretRef,
        secret_key: SecretRef,
        security_token: Option<SecretRef>,
        /// `None`: by the host, as the platform wants it.
        derived: Option<bool>,
    },
    /// An IAM user; the token is asked for and kept for a day.
    User {
        iam_url: String,
        user: String,
        password: SecretRef,
        domain: String,
    },
}

/// Access keys as they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiKeys {
    pub access_key: String,
    pub secret_key: Secret,
    pub security_token: Option<Secret>,
}
