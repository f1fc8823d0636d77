//! A registry: devices and gateways with what the platform keeps of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::token::PublicKey;
use crate::base::moment::Timestamp;

/// Versions and states that are kept.
const KEPT: usize = 10;

#[derive(Debug, Default)]
pub struct Registry {
    pub id: String,
    /// Without one, telemetry closes the connection.
    pub pubsub: bool,
    pub devices: BTreeMap<String, Device>,
    next_number: u64,
}

/// How a gateway admits devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    AssociationOnly,
    TokenOnly,
    Both,
    Unspecified,
}

impl Auth {
    pub const fn word(self) -> &'static str {
        match self {
            Self::AssociationOnly => "ASSOCIATION_ONLY",
            Self::TokenOnly => "DEVICE_AUTH_TOKEN_ONLY",
            Self::Both => "ASSOCIATION_AND_DEVICE_AUTH_TOKEN",
            Self::Unspecified => "GATEWAY_AUTH_METHOD_UNSPECIFIED",
        }
    }

    pub fn named(word: &str) -> Option<Self> {
        let all = [
            Self::AssociationOnly,
            Self::TokenOnly,
            Self::Both,
            Self::Unspecified,
        ];
        all.into_iter().find(|auth| auth.word() == word)
    }

    pub const fn wants_binding(self) -> bool {
        matches!(self, Self::AssociationOnly | Self::Both)
    }

    pub const fn wants_token(self) -> bool {
        matches!(self, Self::TokenOnly | Self::Both)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Device {
    pub id: String,
    pub number: u64,
    pub keys: Vec<PublicKey>,
    pub blocked: bool,
    /// Where it is a gateway.
    pub gateway: Option<Gateway>,
    /// Newest last.
    pub configs: VecDeque<Config>,
    pub states: VecDeque<(Timestamp, Bytes)>,
    pub metadata: Vec<(String, String)>,
    pub log_level: Option<&'static str>,
    pub last_heartbeat: Option<Timestamp>,
    pub last_event: Option<Timestamp>,
    pub last_config_send: Option<Timestamp>,
    pub last_error: Option<(Timestamp, u32, String)>,
    pub last_gateway: Option<(String, Timestamp)>,
}

#[derive(Debug, Clone)]
pub struct Gateway {
    pub auth: Auth,
    pub bound: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub struct Config {
    pub version: u64,
    pub at: Timestamp,
    pub acknowledged: Option<Timestamp>,
    pub data: Bytes,
}

impl Registry {
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            pubsub: true,
            // As Google numbers them: more than a double can hold.
            next_number: 2_816_540_000_000_001,
            ..Self::default()
        }
    }

    /// With an empty first configuration, as the platform makes it.
    pub fn add(&mut self, id: &str, now: Timestamp) -> &mut Device {
        self.next_number += 1;
        let first = Config {
            version: 1,
            at: now,
            acknowledged: None,
            data: Bytes::new(),
        };
        let device = Device {
            id: id.to_owned(),
            number: self.next_number,
            configs: [first].into(),
            ..Device::default()
        };
        self.devices.entry(id.to_owned()).or_insert(device)
    }

    /// By id or by number.
    pub fn find(&self, name: &str) -> Option<&Device> {
        self.devices.get(name).or_else(|| {
            let number: u64 = name.parse().ok()?;
            self.devices.values().find(|d| d.number == number)
        })
    }

    pub fn find_mut(&mut self, name: &str) -> Option<&mut Device> {
        let id = self.find(name)?.id.clone();
        self.devices.get_mut(&id)
    }

    pub fn gateways_of(&self, device: &str) -> BTreeSet<String> {
        let bound = |d: &&Device| d.gateway.as_ref().is_some_and(|g| g.bound.contains(device));
        let gateways = self.devices.values().filter(bound);
        gateways.map(|gateway| gateway.id.clone()).collect()
    }
}

impl Device {
    pub fn newest(&self) -> Option<&Config> {
        self.configs.back()
    }

    pub fn configure(&mut self, data: Bytes, now: Timestamp) -> &Config {
        let version = self.newest().map_or(1, |config| config.version + 1);
        if self.configs.len() >= KEPT {
            self.configs.pop_front();
        }
        self.configs.push_back(Config {
            version,
            at: now,
            acknowledged: None,
            data,
        });
        &self.configs[self.configs.len() - 1]
    }

    pub fn tell_state(&mut self, data: Bytes, now: Timestamp) {
        if self.states.len() >= KEPT {
            self.states.pop_front();
        }
        self.states.push_back((now, data));
    }

    /// The device has a configuration; one that a newer has followed meanwhile counts for nothing.
    pub fn acknowledge(&mut self, data: &Bytes, now: Timestamp) {
        let newest = self.configs.back_mut();
        if let Some(config) = newest.filter(|config| config.data == *data) {
            config.acknowledged.get_or_insert(now);
        }
    }

    pub fn wrong(&mut self, now: Timestamp, code: u32, message: &str) {
        self.last_error = Some((now, code, message.to_owned()));
    }
}

/// How a dialect writes what is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Google: not there.
    Missing,
    /// ClearBlade: an empty text.
    Empty,
}

impl Config {
    pub fn json(&self, absent: Absent) -> Value {
        let mut object = Map::new();
        object.insert("version".into(), json!(self.version.to_string()));
        object.insert("cloudUpdateTime".into(), json!(self.at.to_string()));
        time(&mut object, "deviceAckTime", self.acknowledged, absent);
        if !self.data.is_empty() || absent == Absent::Empty {
            object.insert("binaryData".into(), json!(STANDARD.encode(&self.data)));
        }
        Value::Object(object)
    }
}

/// `plain`: ClearBlade's states without `base64Encode`.
pub fn state(at: Timestamp, data: &Bytes, plain: bool) -> Value {
    let text = if plain {
        String::from_utf8_lossy(data).into_owned()
    } else {
        STANDARD.encode(data)
    };
    json!({"updateTime": at.to_string(), "binaryData": text})
}

fn time(object: &mut Map<String, Value>, name: &str, at: Option<Timestamp>, absent: Absent) {
    match (at, absent) {
        (Some(at), _) => drop(object.insert(name.into(), json!(at.to_string()))),
        (None, Absent::Empty) => drop(object.insert(name.into(), json!(""))),
        (None, Absent::Missing) => {}
    }
}

impl Device {
    /// The whole resource.
    pub fn json(&self, registry_path: &str, absent: Absent) -> Value {
        let mut object = Map::new();
        object.insert("id".into(), json!(self.id));
        object.insert("numId".into(), json!(self.number.to_string()));
        let name = format!("{registry_path}/devices/{}", self.number);
        object.insert("name".into(), json!(name));
        let credentials = self.keys.iter().map(|key| {
            let mut credential = Map::new();
            let public = json!({"format": key.format(), "key": key.pem()});
            credential.insert("publicKey".into(), public);
            time(&mut credential, "expirationTime", key.expires, absent);
            Value::Object(credential)
        });
        object.insert("credentials".into(), Value::Array(credentials.collect()));
        object.insert("blocked".into(), json!(self.blocked));
        object.insert("logLevel".into(), json!(self.log_level.unwrap_or("INFO")));
        if let Some(config) = self.newest() {
            object.insert("config".into(), config.json(absent));
        }
        let last_state = self.states.back();
        if let Some((at, data)) = last_state {
            object.insert("state".into(), state(*at, data, false));
        }
        let metadata: Map<String, Value> = self
            .metadata
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        object.insert("metadata".into(), Value::Object(metadata));
        object.insert("gatewayConfig".into(), self.gateway_json(absent));
        let acknowledged = self.configs.iter().filter_map(|c| c.acknowledged).max();
        time(
            &mut object,
            "lastHeartbeatTime",
            self.last_heartbeat,
            absent,
        );
        time(&mut object, "lastEventTime", self.last_event, absent);
        time(
            &mut object,
            "lastStateTime",
            last_state.map(|(at, _)| *at),
            absent,
        );
        time(&mut object, "lastConfigAckTime", acknowledged, absent);
        time(
            &mut object,
            "lastConfigSendTime",
            self.last_config_send,
            absent,
        );
        let error = self.last_error.as_ref();
        time(
            &mut object,
            "lastErrorTime",
            error.map(|(at, _, _)| *at),
            absent,
        );
        if let Some((_, code, message)) = error {
            let status = json!({"code": code, "message": message, "details": []});
            object.insert("lastErrorStatus".into(), status);
        }
        Value::Object(object)
    }

    fn gateway_json(&self, absent: Absent) -> Value {
        let mut config = Map::new();
        if let Some(gateway) = &self.gateway {
            config.insert("gatewayType".into(), json!("GATEWAY"));
            config.insert("gatewayAuthMethod".into(), json!(gateway.auth.word()));
        } else {
            config.insert("gatewayType".into(), json!("NON_GATEWAY"));
            if let Some((gateway, at)) = &self.last_gateway {
                config.insert("lastAccessedGatewayId".into(), json!(gateway));
                time(&mut config, "lastAccessedGatewayTime", Some(*at), absent);
            }
        }
        Value::Object(config)
    }
}
