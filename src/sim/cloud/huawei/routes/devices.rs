//! The devices themselves: listed, shown, registered, deleted; their shadows.

use serde_json::{Value, json};

use super::{Answered, Refused, Reply, found, invalid, object, refused, set_off};
use crate::base::moment::{Moment, Timestamp};
use crate::base::secret::Secret;
use crate::sim::cloud::huawei::registry::{Auth, Device, read_time, stamp};
use crate::sim::cloud::huawei::{Huawei, event, joined, model};
use crate::sim::cloud::{HttpRequest, Tick};

const DEFAULT_LIMIT: usize = 10;
const MOST: usize = 50;
const FARTHEST: usize = 500;

pub fn list(huawei: &Huawei, request: &HttpRequest) -> Answered {
    let given = |name: &str| {
        let value = request.query.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    };
    let limit = match given("limit").map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=MOST)) => limit,
        Some(_) => return refused("IOTDA.000017", "The limit is out of range. It is 1 to 50."),
    };
    let offset = match given("offset").map(str::parse) {
        None => 0,
        Some(Ok(offset @ 0..=FARTHEST)) => offset,
        Some(_) => return invalid("The offset is 0 to 500."),
    };
    let last = "f".repeat(24);
    let marker = given("marker").unwrap_or(&last);
    if marker.len() != 24 || !marker.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return invalid("The marker has 24 hex digits.");
    }
    let marker = marker.to_ascii_lowercase();
    let time = |name: &str| match given(name).map(read_time) {
        None => Ok(None),
        Some(Some(at)) => Ok(Some(at)),
        Some(None) => refused("IOTDA.000009", format!("Invalid time format. {name}")),
    };
    let (start, end) = (time("start_time")?, time("end_time")?);
    let is = |name: &str, value: &str| given(name).is_none_or(|wanted| wanted == value);
    let cascades = given("is_cascade_query") == Some("true");
    let is_behind = |device: &Device| match given("gateway_id") {
        None => true,
        Some(gateway) if cascades => {
            device.gateway.is_some()
                && (device.gateway.as_deref() == Some(gateway)
                    || huawei.carrier(&device.id).is_some_and(|c| c.id == gateway))
        }
        Some(gateway) => device.gateway.as_deref() == Some(gateway),
    };
    let is_wanted = |device: &&Device| {
        is("product_id", device.product.id)
            && is("node_id", &device.node_id)
            && is("device_name", &device.name)
            && is("app_id", crate::sim::cloud::huawei::APP)
            && is_behind(device)
            && start.is_none_or(|start: Timestamp| device.created >= start)
            && end.is_none_or(|end: Timestamp| device.created <= end)
    };
    let mut all: Vec<_> = huawei.devices.values().filter(is_wanted).collect();
    all.sort_by_key(|device| std::cmp::Reverse(device.number));
    let count = all.len();
    let page: Vec<_> = all
        .into_iter()
        .filter(|device| device.marker() < marker)
        .skip(offset)
        .take(limit)
        .collect();
    let next = page
        .last()
        .map_or_else(|| marker.clone(), |device| device.marker());
    let devices: Vec<_> = page.iter().map(|device| device.json(false)).collect();
    Ok(Reply::Now(
        200,
        json!({"devices": devices, "page": {"count": count, "marker": next}}),
    ))
}

pub fn show(huawei: &Huawei, id: &str) -> Answered {
    Ok(Reply::Now(200, found(huawei, id)?.json(true)))
}

pub fn shadow(huawei: &Huawei, id: &str) -> Answered {
    let shadow = found(huawei, id)?.shadow_json(None);
    Ok(Reply::Now(200, json!({"device_id": id, "shadow": shadow})))
}

/// One level, and no `.`, `$` or NUL in names (`reference/huawei-iot.md` 8).
fn is_sound(desired: &serde_json::Map<String, Value>) -> bool {
    let flat = |value: &Value| match value {
        Value::Object(inner) => inner.values().all(|value| !value.is_object()),
        _ => true,
    };
    desired
        .iter()
        .all(|(name, value)| !name.contains(['.', '$', '\0']) && flat(value))
}

pub fn desire(huawei: &mut Huawei, id: &str, request: &HttpRequest, now: Moment) -> Answered {
    let product = found(huawei, id)?.product;
    let body = object(request)?;
    let Some(wishes) = body["shadow"].as_array().filter(|all| !all.is_empty()) else {
        return invalid("shadow is needed.");
    };
    let Some(device) = huawei.devices.get_mut(id) else {
        return super::no_such_device(id);
    };
    // All or nothing.
    for wish in wishes {
        let name = wish["service_id"].as_str().unwrap_or_default();
        let (Some(service), Some(desired)) = (product.service(name), wish["desired"].as_object())
        else {
            return refused(
                "IOTDA.013002",
                format!("The service or its desired part is not in the product model. {name}"),
            );
        };
        let unknown = desired.keys().find(|name| service.property(name).is_none());
        if let Some(unknown) = unknown {
            let words = format!("The property is not in the product model. {name}.{unknown}");
            return refused("IOTDA.013002", words);
        }
        if !is_sound(desired) {
            return invalid("Shadow keys have no . or $, and nest one level only.");
        }
        let held = device.shadow.get(name).map_or(0, |section| section.version);
        if wish["version"].as_u64().is_some_and(|given| given != held) {
            return invalid("The version is not the shadow's.");
        }
    }
    for wish in wishes {
        let name = wish["service_id"].as_str().unwrap_or_default().to_owned();
        let section = device.shadow.entry(name).or_default();
        for (property, value) in wish["desired"].as_object().into_iter().flatten() {
            // Null takes a wish back.
            if value.is_null() {
                section.desired.remove(property);
            } else {
                section.desired.insert(property.clone(), value.clone());
            }
        }
        section.desired_at = Some(stamp(now.wall));
        section.version += 1;
    }
    shadow(huawei, id)
}

/// 8 to 32 of `[A-Za-z0-9_-]`.
fn is_secret(text: &str) -> bool {
    (8..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn auth(body: &Value) -> Result<Auth, Refused> {
    let info = &body["auth_info"];
    match info["auth_type"].as_str() {
        None | Some("SECRET") => match info["secret"].as_str() {
            None => {
                let made: String = (0..32).map(|_| fastrand::digit(16)).collect();
                Ok(Auth::Secret(Secret::new(made)))
            }
            Some(given) if is_secret(given) => Ok(Auth::Secret(Secret::new(given))),
            Some(_) => invalid("A secret has 8 to 32 letters, digits, _ and -."),
        },
        Some("CERTIFICATES") => match info["fingerprint"].as_str() {
            None => Ok(Auth::Certificate(None)),
            Some(given)
                if matches!(given.len(), 40 | 64)
                    && given.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                Ok(Auth::Certificate(Some(given.to_owned())))
            }
            Some(_) => invalid("A fingerprint has 40 or 64 hex digits."),
        },
        Some(_) => invalid("auth_type is SECRET or CERTIFICATES."),
    }
}

fn is_id(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

pub fn register(huawei: &mut Huawei, request: &HttpRequest, now: Moment) -> Answered {
    let body = object(request)?;
    let text = |name: &str| body[name].as_str();
    let Some(node) = text("node_id").filter(|node| is_id(node, 64)) else {
        return invalid("node_id has 1 to 64 letters, digits, _ and -.");
    };
    let Some(product) = text("product_id").and_then(model::find) else {
        return invalid("The product does not exist.");
    };
    if text("device_id").is_some_and(|id| !is_id(id, 128)) {
        return invalid("device_id has 1 to 128 letters, digits, _ and -.");
    }
    let default = format!("{}_{node}", product.id);
    let id = text("device_id").unwrap_or(&default).to_owned();
    if huawei.devices.contains_key(&id) {
        return invalid("The device exists already.");
    }
    let gateway = text("gateway_id").filter(|gateway| *gateway != id);
    if let Some(gateway) = gateway {
        found(huawei, gateway)?;
        return register_child(huawei, gateway, &id, &body, now);
    }
    let auth = auth(&body)?;
    let secret = match &auth {
        Auth::Secret(secret) => Some(secret.expose().to_owned()),
        _ => None,
    };
    let mut device = Device::new(
        huawei.next_number(),
        node,
        text("device_name").unwrap_or(node),
        product,
        now.wall,
    );
    device.id.clone_from(&id);
    device.auth = auth;
    text("description")
        .unwrap_or_default()
        .clone_into(&mut device.description);
    device.extension = body.get("extension_info").cloned();
    let mut json = device.json(true);
    // The one time that it is told.
    if let Some(secret) = secret {
        json["auth_info"]["secret"] = json!(secret);
    }
    huawei.devices.insert(id, device);
    Ok(Reply::Now(201, json))
}

fn register_child(
    huawei: &mut Huawei,
    gateway: &str,
    id: &str,
    body: &Value,
    now: Moment,
) -> Answered {
    let Some(carrier) = huawei.carrier(gateway).map(|carrier| carrier.id.clone()) else {
        return invalid("Sub-devices are two levels deep at most.");
    };
    let mut entry = body.clone();
    entry["device_id"] = json!(id);
    entry["parent_device_id"] = json!(gateway);
    let child = match huawei.take_in(&carrier, &entry, now.wall) {
        Ok(child) => child,
        Err((code, words)) => return refused(code, words),
    };
    let kind = "add_sub_device_notify";
    let tick = huawei.notify_gateway(&carrier, kind, &json!([child]), now.wall);
    set_off(huawei, tick);
    Ok(Reply::Now(201, found(huawei, id)?.json(true)))
}

pub fn delete(huawei: &mut Huawei, id: &str, now: Moment) -> Answered {
    let device = found(huawei, id)?;
    let gateway = device.gateway.clone();
    let gone = event::child_json(device);
    let mut others = huawei.devices.values();
    if others.any(|other| other.gateway.as_deref() == Some(id)) {
        return invalid("The gateway still has sub-devices.");
    }
    let mut tick = Tick::default();
    tick.commands.extend(huawei.eviction(id));
    if let Some(gateway) = gateway {
        huawei.bump();
        let kind = "delete_sub_device_notify";
        tick = joined(
            tick,
            huawei.notify_gateway(&gateway, kind, &json!([gone]), now.wall),
        );
    }
    huawei.devices.remove(id);
    set_off(huawei, tick);
    Ok(Reply::Empty)
}
