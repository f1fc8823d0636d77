//! What MQTT 5 adds to a message, as a JSON object inside its line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::{LineError, json, unbase64};
use crate::domain::message::Properties;

pub(super) fn push(line: &mut String, properties: &Properties) {
    let mut members: Vec<String> = Vec::new();
    let mut member = |key: &str, value: String| members.push(format!("\"{key}\":{value}"));
    if let Some(utf8) = properties.utf8 {
        member("utf8", utf8.to_string());
    }
    if let Some(expiry) = properties.expiry {
        member("expiry", expiry.to_string());
    }
    if let Some(kind) = &properties.content_type {
        member("content_type", json::quote(kind));
    }
    if let Some(topic) = &properties.response_topic {
        member("response_topic", json::quote(topic));
    }
    if let Some(data) = &properties.correlation_data {
        match std::str::from_utf8(data) {
            Ok(text) => member("correlation_data", json::quote(text)),
            Err(_bytes) => {
                let encoded = STANDARD.encode(data);
                member("correlation_base64", format!("\"{encoded}\""));
            }
        }
    }
    if !properties.user.is_empty() {
        let pairs = properties.user.iter();
        let pairs =
            pairs.map(|(name, value)| format!("[{},{}]", json::quote(name), json::quote(value)));
        member("user", list(pairs));
    }
    if !properties.subscription_ids.is_empty() {
        let ids = properties.subscription_ids.iter().map(u32::to_string);
        member("subscription_ids", list(ids));
    }
    line.push_str(&format!("{{{}}}", members.join(",")));
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

#[derive(Deserialize)]
pub(super) struct Wire {
    utf8: Option<bool>,
    expiry: Option<u32>,
    content_type: Option<String>,
    response_topic: Option<String>,
    correlation_data: Option<String>,
    correlation_base64: Option<String>,
    #[serde(default)]
    user: Vec<(String, String)>,
    #[serde(default)]
    subscription_ids: Vec<u32>,
}

impl Wire {
    pub(super) fn read(self) -> Result<Properties, LineError> {
        let correlation_data = match (self.correlation_base64, self.correlation_data) {
            (Some(base64), _) => Some(unbase64("correlation_base64", &base64)?),
            (None, text) => text.map(Bytes::from),
        };
        Ok(Properties {
            utf8: self.utf8,
            expiry: self.expiry,
            content_type: self.content_type,
            response_topic: self.response_topic,
            correlation_data,
            user: self.user,
            subscription_ids: self.subscription_ids,
        })
    }
}
