//! The 19 endpoints (`reference/lg-thinq.md` 5).

use serde_json::{Value, json};

use super::account::Certificate;
use super::codes::Refusal;
use super::{Thinq, check, energy};
use crate::base::moment::Moment;
use crate::sim::cloud::HttpRequest;
use crate::sim::world::Device;

type Answer = Result<Value, Refusal>;

/// Python's SDK asks for 186 days, LG's page allows a day; the live service takes both.
const MOST_EVENT_HOURS: i64 = 4464;

/// The answer to a call whose headers are right; none when there is no such endpoint.
pub fn answer(
    cloud: &mut Thinq,
    client: &str,
    request: &HttpRequest,
    now: Moment,
) -> Option<Answer> {
    let path: Vec<_> = request.path.trim_matches('/').split('/').collect();
    Some(match (request.method.as_str(), path.as_slice()) {
        ("GET", ["route"]) => Ok(route(cloud)),
        ("GET", ["devices"]) => Ok(cloud.world.devices().iter().map(listed).collect()),
        ("GET", ["devices", "energy", id, "profile"]) => {
            device(cloud, id).and_then(energy::profile)
        }
        ("GET", ["devices", "energy", id, "usage"]) => {
            device(cloud, id).and_then(|device| energy::usage(device, &request.query, now.wall))
        }
        ("GET", ["devices", id, "profile"]) => device(cloud, id).map(|d| d.profile.clone()),
        ("GET", ["devices", id, "state"]) => online(cloud, id).map(|d| d.state.clone()),
        ("POST", ["devices", id, "control"]) => control(cloud, id, request, now),
        ("POST", ["client"]) => register(cloud, client, request),
        ("DELETE", ["client"]) => unregister(cloud, client, request),
        ("POST", ["client", "certificate"]) => certificate(cloud, client, request),
        ("GET", ["push"]) => Ok(push_list(cloud, client)),
        ("GET", ["push", "devices"]) => Ok(home_list(cloud)),
        ("POST", ["push", "devices"]) => home(cloud, client, true),
        ("DELETE", ["push", "devices"]) => home(cloud, client, false),
        ("POST", ["push", id, "subscribe"]) => {
            known(cloud, id).and_then(|()| done(cloud.accounts.subscribe_push(client, id)))
        }
        ("DELETE", ["push", id, "unsubscribe"]) => {
            known(cloud, id).and_then(|()| done(cloud.accounts.unsubscribe_push(client, id)))
        }
        ("GET", ["event"]) => Ok(event_list(cloud, client)),
        ("POST", ["event", id, "subscribe"]) => subscribe_event(cloud, client, id, request, now),
        ("DELETE", ["event", id, "unsubscribe"]) => {
            known(cloud, id).and_then(|()| done(cloud.accounts.unsubscribe_event(client, id)))
        }
        _ => return None,
    })
}

/// The order push, inbox has been seen (5.4).
pub fn subscriptions(client: &str) -> [String; 2] {
    [
        Thinq::push_topic(client),
        format!("app/clients/{client}/inbox"),
    ]
}

/// Nobody tells what these are; a client has no use for them.
pub fn publications(client: &str) -> [String; 1] {
    [format!("app/clients/{client}/outbox")]
}

fn route(cloud: &Thinq) -> Value {
    json!({
        "apiServer": cloud.hosts.api,
        "mqttServer": cloud.hosts.mqtt,
        "webSocketServer": cloud.hosts.web_socket,
    })
}

fn listed(device: &Device) -> Value {
    json!({
        "deviceId": device.id,
        "deviceInfo": {
            "deviceType": device.kind.device_type,
            "modelName": device.model,
            "alias": device.alias,
            "reportable": device.reportable,
        },
    })
}

fn done(result: Result<(), Refusal>) -> Answer {
    result.map(|()| json!({}))
}

/// The code for an unknown id is not known: 1224 for what cannot be an id, 1213 for a device that was removed, else
/// 1205.
fn device<'a>(cloud: &'a Thinq, id: &str) -> Result<&'a Device, Refusal> {
    let is_id = (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.'));
    match cloud.world.device(id) {
        Some(device) => Ok(device),
        None if !is_id => Err("1224".into()),
        None if cloud.world.was_removed(id) => Err("1213".into()),
        None => Err("1205".into()),
    }
}

fn known(cloud: &Thinq, id: &str) -> Result<(), Refusal> {
    device(cloud, id).map(|_| ())
}

fn online<'a>(cloud: &'a Thinq, id: &str) -> Result<&'a Device, Refusal> {
    let device = device(cloud, id)?;
    if device.online {
        Ok(device)
    } else {
        Err("1222".into())
    }
}

/// A body that is not JSON is "bad request"; LG's 1311 (request format, HTTP 401) is not known to be used for it.
fn json_body(request: &HttpRequest) -> Answer {
    serde_json::from_slice(&request.body).map_err(|_| "1000".into())
}

fn control(cloud: &mut Thinq, id: &str, request: &HttpRequest, now: Moment) -> Answer {
    let body = json_body(request)?;
    let device = online(cloud, id)?;
    check::against_profile(device, &body)?;
    let fits = check::against_state(device, &body);
    // Without the header the command is accepted, and an appliance that cannot do it ignores it (section 3).
    if request.header("x-conditional-control") == Some("true") {
        fits.clone()?;
    }
    if fits.is_ok() {
        cloud.world.obey(id, body, now.mono);
    }
    Ok(json!({}))
}

fn client_body(request: &HttpRequest) -> Result<Value, Refusal> {
    let body = json_body(request)?;
    for (name, expected) in [
        ("type", "MQTT"),
        ("service-code", "SVC202"),
        ("device-type", "607"),
    ] {
        match body.get(name) {
            None => return Err("1101".into()),
            Some(value) if value != expected => return Err("1102".into()),
            Some(_) => {}
        }
    }
    Ok(body)
}

/// Without `allowExist` a second registration is refused; LG's table has no code of its own for it.
fn register(cloud: &mut Thinq, client: &str, request: &HttpRequest) -> Answer {
    let body = client_body(request)?;
    let again = cloud.accounts.clients.contains_key(client);
    if again && body.get("allowExist") != Some(&Value::Bool(true)) {
        return Err("1000".into());
    }
    cloud.accounts.register(client);
    Ok(json!({}))
}

/// Takes the subscriptions along: there is nobody left to tell. (Undocumented; clients should unsubscribe first.)
fn unregister(cloud: &mut Thinq, client: &str, request: &HttpRequest) -> Answer {
    client_body(request)?;
    cloud.accounts.client(client)?;
    cloud.accounts.clients.remove(client);
    Ok(json!({}))
}

/// The CSR comes as PEM, as the base64 in it, or in a body within a body (5.4). Older certificates stay valid.
fn certificate(cloud: &mut Thinq, client: &str, request: &HttpRequest) -> Answer {
    let outer = json_body(request)?;
    let body = outer.get("body").unwrap_or(&outer);
    cloud.accounts.client(client)?;
    if body.get("service-code").is_none_or(|code| code != "SVC202") {
        return Err("1101".into());
    }
    let csr = body.get("csr").and_then(Value::as_str).ok_or("1101")?;
    let issued = cloud
        .authority
        .sign(csr)
        .map_err(|_| Refusal::from("1102"))?;
    let certificate = Certificate {
        client: client.to_owned(),
        refused: false,
    };
    cloud.accounts.certificates.insert(issued.der, certificate);
    Ok(json!({
        "resultCode": "0000",
        "result": {
            "certificatePem": issued.pem,
            "subscriptions": subscriptions(client),
            "publications": publications(client),
        },
    }))
}

fn ids<'a>(ids: impl Iterator<Item = &'a String>) -> Value {
    ids.map(|id| json!({"deviceId": id})).collect()
}

fn push_list(cloud: &Thinq, client: &str) -> Value {
    let client = cloud.accounts.clients.get(client);
    client.map_or_else(|| json!([]), |client| ids(client.push.iter()))
}

fn event_list(cloud: &Thinq, client: &str) -> Value {
    let client = cloud.accounts.clients.get(client);
    client.map_or_else(|| json!([]), |client| ids(client.event.keys()))
}

/// The shape is not documented: "clients subscribed to account changes".
fn home_list(cloud: &Thinq) -> Value {
    let clients = cloud.accounts.clients.iter();
    clients
        .filter(|(_, client)| client.home)
        .map(|(id, _)| json!({"clientId": id}))
        .collect()
}

fn home(cloud: &mut Thinq, client: &str, wanted: bool) -> Answer {
    let known = cloud.accounts.client(client)?;
    match (wanted, known.home) {
        (true, true) => Err("4001".into()),
        (false, false) => Err("1206".into()),
        _ => {
            known.home = wanted;
            Ok(json!({}))
        }
    }
}

fn subscribe_event(
    cloud: &mut Thinq,
    client: &str,
    id: &str,
    request: &HttpRequest,
    now: Moment,
) -> Answer {
    let hours = event_hours(request)?;
    if !device(cloud, id)?.reportable {
        return Err("1214".into());
    }
    done(cloud.accounts.subscribe_event(client, id, hours, now.mono))
}

/// One hour when nothing is said.
fn event_hours(request: &HttpRequest) -> Result<u32, Refusal> {
    if request.body.is_empty() {
        return Ok(1);
    }
    let body = json_body(request)?;
    let Some(expire) = body.get("expire") else {
        return Ok(1);
    };
    if expire.get("unit").is_some_and(|unit| unit != "HOUR") {
        return Err("1102".into());
    }
    let Some(timer) = expire.get("timer") else {
        return Ok(1);
    };
    timer
        .as_i64()
        .filter(|hours| (1..=MOST_EVENT_HOURS).contains(hours))
        .and_then(|hours| u32::try_from(hours).ok())
        .ok_or_else(|| "1102".into())
}
