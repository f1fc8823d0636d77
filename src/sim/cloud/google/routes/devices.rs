//! Devices made, changed and deleted.

use serde_json::{Value, json};

use super::change::follow;
use super::show::{device, find};
use super::{Answered, Question, Refused, not_found, refused};
use crate::base::moment::Timestamp;
use crate::sim::cloud::google::bridge::is_device_id;
use crate::sim::cloud::google::token::PublicKey;
use crate::sim::cloud::google::{Auth, Gateway, Google};

/// Keys of one device.
const MOST_KEYS: usize = 3;
const LOG_LEVELS: [&str; 4] = ["NONE", "ERROR", "INFO", "DEBUG"];

pub fn create(google: &mut Google, question: &Question<'_>) -> Answered {
    let body = question.body()?;
    let id = body["id"].as_str().unwrap_or_default();
    if !is_device_id(id) {
        return refused("INVALID_ARGUMENT", format!("{id:?} is not a device id"));
    }
    if google.registry.devices.contains_key(id) {
        return refused("ALREADY_EXISTS", format!("Device {id} exists already"));
    }
    let keys = keys(&body["credentials"])?;
    let gateway = gateway(&body["gatewayConfig"])?;
    let level = log_level(&body["logLevel"])?;
    let made = google.registry.add(id, question.now.wall);
    made.keys = keys;
    made.gateway = gateway;
    made.log_level = level;
    made.blocked = body["blocked"] == true;
    made.metadata = metadata(&body["metadata"]);
    device(google, id, question)
}

/// Whoever speaks for a device that is no more is thrown out.
pub fn delete(google: &mut Google, id: &str) -> Answered {
    let device = find(google, id)?;
    let id = device.id.clone();
    if device.gateway.as_ref().is_some_and(|g| !g.bound.is_empty()) {
        let words = format!("Gateway {id} still has devices bound to it");
        return refused("FAILED_PRECONDITION", words);
    }
    google.throw_out(&id, &format!("Device {id} was deleted"));
    google.registry.devices.remove(&id);
    for other in google.registry.devices.values_mut() {
        if let Some(gateway) = &mut other.gateway {
            gateway.bound.remove(&id);
        }
    }
    let set_off = google.disconnect(&id);
    follow(google, set_off);
    Ok(json!({}))
}

/// Of what can be updated: whether it is blocked, its keys, its metadata, how much is logged.
pub fn update(google: &mut Google, id: &str, question: &Question<'_>) -> Answered {
    let body = question.body()?;
    let id = find(google, id)?.id.clone();
    let mask = question.get("updateMask").unwrap_or_default().to_owned();
    for field in mask.split(',') {
        match field.trim() {
            "blocked" => {
                let set_off = google.block(&id, body["blocked"] == true);
                follow(google, set_off);
            }
            "metadata" => known(google, &id)?.metadata = metadata(&body["metadata"]),
            "credentials" => known(google, &id)?.keys = keys(&body["credentials"])?,
            "logLevel" | "log_level" => {
                known(google, &id)?.log_level = log_level(&body["logLevel"])?;
            }
            other => {
                return refused("INVALID_ARGUMENT", format!("{other:?} cannot be updated"));
            }
        }
    }
    device(google, &id, question)
}

fn known<'a>(
    google: &'a mut Google,
    id: &str,
) -> Result<&'a mut crate::sim::cloud::google::Device, Refused> {
    match google.registry.find_mut(id) {
        Some(device) => Ok(device),
        None => not_found(&format!("Device {id}")),
    }
}

fn metadata(given: &Value) -> Vec<(String, String)> {
    let pairs = given.as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pairs
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn log_level(given: &Value) -> Result<Option<&'static str>, Refused> {
    match given.as_str() {
        None | Some("" | "LOG_LEVEL_UNSPECIFIED") => Ok(None),
        Some(word) => match LOG_LEVELS.into_iter().find(|known| *known == word) {
            Some(known) => Ok(Some(known)),
            None => refused("INVALID_ARGUMENT", format!("{word:?} is no log level")),
        },
    }
}

fn gateway(given: &Value) -> Result<Option<Gateway>, Refused> {
    if given["gatewayType"] != "GATEWAY" {
        return Ok(None);
    }
    let word = given["gatewayAuthMethod"].as_str();
    let auth = word.map_or(Some(Auth::Unspecified), Auth::named);
    match auth {
        Some(auth) => Ok(Some(Gateway {
            auth,
            bound: std::collections::BTreeSet::new(),
        })),
        None => refused("INVALID_ARGUMENT", "there is no such gatewayAuthMethod"),
    }
}

fn keys(given: &Value) -> Result<Vec<PublicKey>, Refused> {
    let given = given.as_array().map_or(&[][..], Vec::as_slice);
    if given.len() > MOST_KEYS {
        let words = format!("a device has at most {MOST_KEYS} credentials");
        return refused("INVALID_ARGUMENT", words);
    }
    given.iter().map(key).collect()
}

fn key(given: &Value) -> Result<PublicKey, Refused> {
    let text = |name: &str| given["publicKey"][name].as_str().unwrap_or_default();
    let Some(mut key) = PublicKey::registered(text("format"), text("key")) else {
        return refused(
            "INVALID_ARGUMENT",
            "a credential is no key of its format (RSA of 2048 bits, or P-256)",
        );
    };
    let ends = given["expirationTime"].as_str().unwrap_or_default();
    let ends = ends.parse::<jiff::Timestamp>();
    // The beginning of time stands for no end.
    let ends = ends.ok().filter(|at| at.as_second() > 0);
    key.expires = ends.map(|at| Timestamp(at.as_microsecond()));
    Ok(key)
}
