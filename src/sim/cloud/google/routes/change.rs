//! What can be sent, and who belongs to whom: configurations, commands, bindings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::show::find;
use super::{Answered, Question, Refused, not_found, refused};
use crate::sim::cloud::Tick;
use crate::sim::cloud::google::{Google, joined};

/// Bytes.
const CONFIG: usize = 64 * 1024;
const COMMAND: usize = 256 * 1024;
const MOST_BOUND: usize = 10_000;
const MOST_GATEWAYS: usize = 10;

/// Goes out once the call is answered.
pub fn follow(google: &mut Google, set_off: Tick) {
    let pending = std::mem::take(&mut google.living.pending);
    google.living.pending = joined(pending, set_off);
}

fn data(body: &Value, most: usize) -> Result<Bytes, Refused> {
    let text = body.get("binaryData").and_then(Value::as_str);
    let Ok(data) = STANDARD.decode(text.unwrap_or_default()) else {
        return refused("INVALID_ARGUMENT", "binaryData is no base64");
    };
    if data.len() > most {
        return refused(
            "INVALID_ARGUMENT",
            format!("binaryData is longer than {most} bytes"),
        );
    }
    Ok(Bytes::from(data))
}

pub fn configure(google: &mut Google, id: &str, question: &Question<'_>) -> Answered {
    let body = question.body()?;
    let data = data(&body, CONFIG)?;
    let wanted = match body.get("versionToUpdate") {
        // Empty is how ClearBlade's SDKs leave it out.
        None | Some(Value::Null) => Some(0),
        Some(Value::String(text)) if text.is_empty() => Some(0),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    let Some(wanted) = wanted else {
        return refused("INVALID_ARGUMENT", "versionToUpdate is no number");
    };
    let id = find(google, id)?.id.clone();
    let newest = find(google, &id)?
        .newest()
        .map_or(0, |config| config.version);
    if wanted != 0 && wanted != newest {
        return refused(
            "FAILED_PRECONDITION",
            format!("The config version is {newest}, not {wanted}"),
        );
    }
    let now = question.now.wall;
    let set_off = google.configure(&id, data, now);
    follow(google, set_off);
    let device = find(google, &id)?;
    Ok(device
        .newest()
        .map_or(Value::Null, |config| config.json(question.absent())))
}

pub fn command(google: &mut Google, id: &str, question: &Question<'_>) -> Answered {
    let body = question.body()?;
    let data = data(&body, COMMAND)?;
    let folder = body
        .get("subfolder")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if folder.chars().count() > 256 || folder.contains(['+', '#', '\0']) {
        return refused("INVALID_ARGUMENT", "the subfolder is not valid");
    }
    let device = find(google, id)?;
    let id = device.id.clone();
    if device.blocked {
        return refused("FAILED_PRECONDITION", format!("Device {id} is blocked"));
    }
    if google.reached_by(&id).is_none() {
        return refused(
            "FAILED_PRECONDITION",
            format!("Device {id} is not connected"),
        );
    }
    if google.hears_commands(&id).is_none() {
        let words = format!("Device {id} is not subscribed to the commands topic");
        return refused("FAILED_PRECONDITION", words);
    }
    let set_off = google.command(&id, folder, data);
    follow(google, set_off);
    Ok(json!({}))
}

pub fn bind(google: &mut Google, question: &Question<'_>, on: bool) -> Answered {
    let body = question.body()?;
    let text = |name: &str| {
        let text = body.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let device = find(google, &text("deviceId"))?;
    if device.gateway.is_some() {
        return refused("INVALID_ARGUMENT", format!("{} is a gateway", device.id));
    }
    let device = device.id.clone();
    let gateways = google.registry.gateways_of(&device).len();
    let gateway_id = text("gatewayId");
    let gateway = google.registry.find_mut(&gateway_id);
    let Some(gateway) = gateway else {
        return not_found(&format!("Gateway {gateway_id}"));
    };
    let id = gateway.id.clone();
    let Some(bound) = gateway.gateway.as_mut().map(|gateway| &mut gateway.bound) else {
        return refused("INVALID_ARGUMENT", format!("{id} is no gateway"));
    };
    if !on {
        if !bound.remove(&device) {
            return refused(
                "FAILED_PRECONDITION",
                format!("{device} is not bound to {id}"),
            );
        }
        return Ok(json!({}));
    }
    if bound.len() >= MOST_BOUND || gateways >= MOST_GATEWAYS {
        return refused("RESOURCE_EXHAUSTED", "too many bindings");
    }
    bound.insert(device);
    Ok(json!({}))
}
