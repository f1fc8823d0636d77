//! The devices of the project: who they are, what they reported, what they are to be.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::model::Product;
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;

/// Messages that wait for a device; older ones are overwritten (`reference/huawei-iot.md` 7).
const CACHED: usize = 20;
/// Messages that can still be asked about.
const REMEMBERED: usize = 200;

#[derive(Debug, Clone)]
pub enum Auth {
    Secret(Secret),
    /// With the fingerprint; without one it is learnt at the first connection.
    Certificate(Option<String>),
    /// Behind a gateway: it never connects.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Inactive,
    Online,
    Offline,
}

/// One service's part of a shadow.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub desired: Map<String, Value>,
    pub desired_at: Option<String>,
    pub reported: Map<String, Value>,
    pub reported_at: Option<String>,
    pub version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Pending,
    Delivered,
    Failed,
    Timeout,
}

impl Fate {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
            Self::Timeout => "TIMEOUT",
        }
    }
}

/// A message for a device, as it was asked for.
#[derive(Debug, Clone)]
pub struct Letter {
    pub id: String,
    pub name: Option<String>,
    pub content: Value,
    pub encoding: String,
    pub format: String,
    /// In full; none: `messages/down`.
    pub topic: Option<String>,
    pub fate: Fate,
    pub created: Timestamp,
    pub finished: Option<Timestamp>,
    pub ends: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Device {
    /// Orders the list; newest last.
    pub number: u64,
    pub id: String,
    pub node_id: String,
    pub name: String,
    pub product: Product,
    /// Behind which other it is.
    pub gateway: Option<String>,
    pub auth: Auth,
    pub description: String,
    pub firmware: String,
    pub software: String,
    pub sdk: String,
    pub status: Status,
    pub frozen: bool,
    pub created: Timestamp,
    pub changed: Option<Timestamp>,
    pub activated: Option<Timestamp>,
    pub shadow: BTreeMap<String, Section>,
    pub letters: VecDeque<Letter>,
    pub tags: Vec<(String, String)>,
    pub extension: Option<Value>,
    /// Connected from elsewhere: it lives by itself.
    pub elsewhere: bool,
}

impl Device {
    pub fn new(number: u64, node_id: &str, name: &str, product: Product, now: Timestamp) -> Self {
        Self {
            number,
            id: format!("{}_{node_id}", product.id),
            node_id: node_id.to_owned(),
            name: name.to_owned(),
            product,
            gateway: None,
            auth: Auth::None,
            description: String::new(),
            firmware: String::new(),
            software: String::new(),
            sdk: String::new(),
            status: Status::Inactive,
            frozen: false,
            created: now,
            changed: None,
            activated: None,
            shadow: BTreeMap::new(),
            letters: VecDeque::new(),
            tags: Vec::new(),
            extension: None,
            elsewhere: false,
        }
    }

    /// 24 hex digits, as `marker` has them.
    pub fn marker(&self) -> String {
        format!("{:024x}", (0x6560_u128 << 80) + u128::from(self.number))
    }

    pub fn set_status(&mut self, status: Status, now: Timestamp) {
        if self.status == Status::Inactive && status == Status::Online {
            self.activated = Some(now);
        }
        if self.status != status {
            self.changed = Some(now);
        }
        self.status = status;
    }

    pub const fn status_word(&self) -> &'static str {
        match (self.frozen, self.status) {
            (true, _) => "FROZEN",
            (false, Status::Inactive) => "INACTIVE",
            (false, Status::Online) => "ONLINE",
            (false, Status::Offline) => "OFFLINE",
        }
    }

    /// Takes a report for one service over. What the product does not know is dropped without a word
    /// (`reference/huawei-iot.md` 10, number 12). Whether anything was left.
    pub fn report(&mut self, service: &str, properties: &Value, at: String) -> bool {
        let (Some(service), Some(properties)) =
            (self.product.service(service), properties.as_object())
        else {
            return false;
        };
        let known: Vec<_> = properties
            .iter()
            .filter(|(name, _)| service.property(name).is_some())
            .collect();
        if known.is_empty() {
            return false;
        }
        let section = self.shadow.entry(service.id.to_owned()).or_default();
        for (name, value) in known {
            section.reported.insert(name.clone(), value.clone());
        }
        section.reported_at = Some(at);
        section.version += 1;
        true
    }

    pub fn shadow_json(&self, only: Option<&str>) -> Value {
        let part = |properties: &Map<String, Value>, at: Option<&String>| json!({"properties": properties, "event_time": at});
        let sections = self
            .shadow
            .iter()
            .filter(|(id, _)| only.is_none_or(|only| only == id.as_str()));
        sections
            .map(|(id, section)| {
                json!({
                    "service_id": id,
                    "desired": part(&section.desired, section.desired_at.as_ref()),
                    "reported": part(&section.reported, section.reported_at.as_ref()),
                    "version": section.version,
                })
            })
            .collect()
    }

    /// Keeps a message; the oldest that waits is overwritten where there are too many.
    pub fn post(&mut self, letter: Letter, now: Timestamp) {
        self.letters.push_back(letter);
        let waiting = |letter: &&mut Letter| letter.fate == Fate::Pending;
        if self.letters.iter_mut().filter(waiting).count() > CACHED
            && let Some(oldest) = self.letters.iter_mut().find(waiting)
        {
            oldest.fate = Fate::Failed;
            oldest.finished = Some(now);
        }
        while self.letters.len() > REMEMBERED {
            self.letters.pop_front();
        }
    }

    pub fn json(&self, in_full: bool) -> Value {
        let mut json = json!({
            "app_id": super::APP,
            "app_name": "DefaultApp",
            "device_id": self.id,
            "node_id": self.node_id,
            "gateway_id": self.gateway.as_ref().unwrap_or(&self.id),
            "device_name": self.name,
            "node_type": if self.gateway.is_some() { "ENDPOINT" } else { "GATEWAY" },
            "description": self.description,
            "fw_version": self.firmware,
            "sw_version": self.software,
            "device_sdk_version": self.sdk,
            "product_id": self.product.id,
            "product_name": self.product.name,
            "status": self.status_word(),
            "tags": self.tags.iter().map(|(key, value)| json!({"tag_key": key, "tag_value": value})).collect::<Vec<_>>(),
        });
        if in_full {
            json["auth_info"] = self.auth_json();
            json["create_time"] = json!(stamp(self.created));
            json["connection_status_update_time"] = json!(self.changed.map(dashed));
            json["active_time"] = json!(self.activated.map(dashed));
            json["modules"] = json!([]);
            json["extension_info"] = self.extension.clone().unwrap_or(Value::Null);
        }
        json
    }

    /// Without the secret: that is told once, when the device is registered.
    fn auth_json(&self) -> Value {
        match &self.auth {
            Auth::Secret(_) => json!({"auth_type": "SECRET", "secure_access": true, "timeout": 0}),
            Auth::Certificate(fingerprint) => json!({
                "auth_type": "CERTIFICATES",
                "fingerprint": fingerprint,
                "secure_access": true,
                "timeout": 0,
            }),
            Auth::None => json!({}),
        }
    }
}

/// `20260301T123456Z`.
pub fn stamp(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `2026-03-01T12:34:56.789Z`.
pub fn dashed(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    format!("{at:.3}")
}

/// Either form; none for what is neither.
pub fn read_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text) {
        let at = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        return Some(Timestamp(at.as_microsecond()));
    }
    let at = text.strip_suffix('Z')?.get(10..11) == Some("T");
    let parsed = text.parse::<jiff::Timestamp>().ok().filter(|_| at)?;
    Some(Timestamp(parsed.as_microsecond()))
}

/// Longest that a message waits.
pub const DAY: Duration = Duration::from_hours(24);
