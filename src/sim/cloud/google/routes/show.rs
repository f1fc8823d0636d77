//! What can be read: registries, devices, the versions of their configurations, their states.

use serde_json::{Map, Value, json};

use super::{Answered, Question, Refused, not_found, refused};
use crate::sim::cloud::google::Google;
use crate::sim::cloud::google::registry::{Device, state};

pub fn registry_json(google: &Google) -> Value {
    let mut registry = json!({
        "id": google.registry.id,
        "name": google.registry_path(),
        "mqttConfig": {"mqttEnabledState": "MQTT_ENABLED"},
        "httpConfig": {"httpEnabledState": "HTTP_DISABLED"},
        "logLevel": "INFO",
    });
    if google.registry.pubsub {
        let topic = format!("projects/{}/topics/telemetry", google.project);
        registry["eventNotificationConfigs"] = json!([{"pubsubTopicName": topic}]);
    }
    registry
}

/// ClearBlade tells a number where the next page begins.
pub fn registries(google: &Google, question: &Question<'_>, number: bool) -> Answered {
    let parent = format!("projects/{}/locations/{}", google.project, google.region);
    if number && question.get("parent") != Some(parent.as_str()) {
        return not_found("the parent");
    }
    let mut all = vec![registry_json(google)];
    all.extend(google.others.iter().map(
        |id| json!({"id": id, "name": format!("{parent}/registries/{id}"), "logLevel": "NONE"}),
    ));
    let (page, next) = paged(all, question)?;
    let mut answer = Map::new();
    if !page.is_empty() {
        answer.insert("deviceRegistries".into(), Value::Array(page));
    }
    match next {
        Some(next) if number => drop(answer.insert("nextPageToken".into(), json!(next))),
        Some(next) => drop(answer.insert("nextPageToken".into(), json!(next.to_string()))),
        None if number => drop(answer.insert("nextPageToken".into(), json!(0))),
        None => {}
    }
    Ok(Value::Object(answer))
}

fn paged(all: Vec<Value>, question: &Question<'_>) -> Result<(Vec<Value>, Option<usize>), Refused> {
    let size = question.number("pageSize")?.filter(|size| *size > 0);
    let size = size.unwrap_or(100).min(500);
    let begin = question.number("pageToken")?.unwrap_or(0);
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(begin).take(size).collect();
    let end = begin + page.len();
    Ok((page, (end < total).then_some(end)))
}
fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// Only `id` and `numId` where Google was not asked for more; `None` asks for all.
fn masked(device: Value, mask: Option<&str>, all_by_default: bool) -> Value {
    let Value::Object(mut object) = device else {
        return device;
    };
    let wanted: Vec<String> = match mask {
        None | Some("") if all_by_default => return Value::Object(object),
        None => Vec::new(),
        Some(mask) => mask.split(',').map(|name| camel(name.trim())).collect(),
    };
    object.retain(|name, _| {
        matches!(name.as_str(), "id" | "numId" | "name")
            && (name != "name" || wanted.contains(name))
            || wanted
                .iter()
                .any(|wanted| wanted.split('.').next() == Some(name))
    });
    Value::Object(object)
}

pub fn devices(google: &Google, question: &Question<'_>) -> Answered {
    let registry = &google.registry;
    let ids = question.all("deviceIds");
    let numbers = question.all("deviceNumIds");
    let of = question.get("gatewayListOptions.associationsGatewayId");
    let gateways_of = question.get("gatewayListOptions.associationsDeviceId");
    let kind = question.get("gatewayListOptions.gatewayType");
    let bound = match of {
        None => None,
        Some(id) => match registry.find(id).and_then(|d| d.gateway.as_ref()) {
            Some(gateway) => Some(gateway.bound.clone()),
            None => return not_found(id),
        },
    };
    let gateways = gateways_of.map(|id| registry.gateways_of(id));
    let fits = |device: &&Device| {
        (ids.is_empty() && numbers.is_empty()
            || ids.contains(&device.id.as_str())
            || numbers.iter().any(|n| *n == device.number.to_string()))
            && bound
                .as_ref()
                .is_none_or(|bound| bound.contains(&device.id))
            && gateways.as_ref().is_none_or(|all| all.contains(&device.id))
            && match kind {
                Some("GATEWAY") => device.gateway.is_some(),
                Some("NON_GATEWAY") => device.gateway.is_none(),
                _ => true,
            }
    };
    let mask = question.get("fieldMask");
    let path = google.registry_path();
    let all = registry.devices.values().filter(fits).map(|device| {
        masked(
            device.json(&path, question.absent()),
            mask,
            !question.google,
        )
    });
    let (page, next) = paged(all.collect(), question)?;
    let mut answer = Map::new();
    if !page.is_empty() {
        answer.insert("devices".into(), Value::Array(page));
    }
    if let Some(next) = next {
        answer.insert("nextPageToken".into(), json!(next.to_string()));
    }
    Ok(Value::Object(answer))
}

pub fn find<'a>(google: &'a Google, id: &str) -> Result<&'a Device, Refused> {
    match google.registry.find(id) {
        Some(device) => Ok(device),
        None => not_found(&format!("Device {id}")),
    }
}

pub fn device(google: &Google, id: &str, question: &Question<'_>) -> Answered {
    let device = find(google, id)?;
    let json = device.json(&google.registry_path(), question.absent());
    Ok(masked(json, question.get("fieldMask"), true))
}

fn how_many(question: &Question<'_>, name: &str) -> Result<usize, Refused> {
    match question.number(name)? {
        None | Some(0) => Ok(10),
        Some(number @ 1..=10) => Ok(number),
        Some(_) => refused("INVALID_ARGUMENT", format!("{name} is more than 10")),
    }
}

pub fn configs(google: &Google, id: &str, question: &Question<'_>) -> Answered {
    let device = find(google, id)?;
    let newest_first = device.configs.iter().rev();
    let versions: Vec<_> = newest_first
        .take(how_many(question, "numVersions")?)
        .map(|config| config.json(question.absent()))
        .collect();
    Ok(json!({"deviceConfigs": versions}))
}

pub fn states(google: &Google, id: &str, question: &Question<'_>) -> Answered {
    let device = find(google, id)?;
    let plain = !question.google && question.get("base64Encode") != Some("true");
    let newest_first = device.states.iter().rev();
    let states: Vec<_> = newest_first
        .take(how_many(question, "numStates")?)
        .map(|(at, data)| state(*at, data, plain))
        .collect();
    if states.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({"deviceStates": states}))
}
