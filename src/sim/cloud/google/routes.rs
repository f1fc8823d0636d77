//! The REST side in both dialects (`reference/google-iot-core.md` 10, 11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Google;
use super::registry::{Absent, Device, state};
use super::token;
use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::{HttpAnswer, HttpRequest};

/// Bytes.
const CONFIG: usize = 64 * 1024;
const COMMAND: usize = 256 * 1024;
const MOST_BOUND: usize = 10_000;
const MOST_GATEWAYS: usize = 10;

/// A refusal in the platform's form.
struct Refused {
    http: u16,
    status: &'static str,
    message: String,
}

type Answered = Result<Value, Refused>;

fn refused<T>(status: &'static str, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused {
        http: http_of(status),
        status,
        message: message.into(),
    })
}

fn http_of(status: &str) -> u16 {
    match status {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" => 400,
        "UNAUTHENTICATED" => 401,
        "PERMISSION_DENIED" => 403,
        "NOT_FOUND" => 404,
        "ABORTED" | "ALREADY_EXISTS" => 409,
        "RESOURCE_EXHAUSTED" => 429,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    }
}

fn not_found<T>(what: &str) -> Result<T, Refused> {
    refused("NOT_FOUND", format!("{what} was not found"))
}

pub fn failure(code: &str) -> HttpAnswer {
    let known = [
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "ABORTED",
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
    ];
    let status = known.into_iter().find(|known| *known == code);
    let status = status.unwrap_or("INTERNAL");
    failed(&Refused {
        http: http_of(status),
        status,
        message: "the simulator was told to fail".to_owned(),
    })
}

fn failed(refused: &Refused) -> HttpAnswer {
    let error = json!({"error": {
        "code": refused.http,
        "message": refused.message,
        "status": refused.status,
    }});
    HttpAnswer {
        status: refused.http,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(error.to_string()),
        code: Some(refused.status.to_owned()),
        ..HttpAnswer::default()
    }
}

/// One question, whichever dialect it came in.
struct Question<'a> {
    google: bool,
    request: &'a HttpRequest,
    /// Pairs in their order: some names repeat.
    query: Vec<(String, String)>,
    now: Moment,
}

impl Question<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        let found = pairs.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let pairs = self.query.iter().filter(|(known, _)| known == name);
        pairs.map(|(_, value)| value.as_str()).collect()
    }

    fn number(&self, name: &str) -> Result<Option<usize>, Refused> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => refused("INVALID_ARGUMENT", format!("{name} is no number")),
            },
        }
    }

    fn absent(&self) -> Absent {
        if self.google {
            Absent::Missing
        } else {
            Absent::Empty
        }
    }

    fn body(&self) -> Result<Value, Refused> {
        match serde_json::from_slice(&self.request.body) {
            Ok(Value::Object(body)) => Ok(Value::Object(body)),
            _ => refused("INVALID_ARGUMENT", "the body is no JSON object"),
        }
    }
}

pub fn answer(google: &mut Google, request: &HttpRequest, now: Moment) -> HttpAnswer {
    let path = request.path.as_str();
    let question = |google: bool| Question {
        google,
        request,
        query: url::form_urlencoded::parse(request.raw_query.as_bytes())
            .into_owned()
            .collect(),
        now,
    };
    let answer = if path == "/token" {
        return oauth(google, request, now);
    } else if let Some(rest) = path.strip_prefix("/v1/") {
        google_call(google, rest, &question(true))
    } else if let Some(rest) = path.strip_prefix("/api/v/4/webhook/execute/") {
        clearblade_call(google, rest, &question(false))
    } else if let Some(rest) = path.strip_prefix("/api/v/1/code/") {
        clearblade_code(google, rest, &question(false))
    } else {
        not_found(path)
    };
    match answer {
        Ok(value) => HttpAnswer {
            status: 200,
            content_type: "application/json; charset=UTF-8",
            body: Bytes::from(value.to_string()),
            ..HttpAnswer::default()
        },
        Err(refused) => failed(&refused),
    }
}

/// RFC 7523: a signed assertion for an access token.
fn oauth(google: &mut Google, request: &HttpRequest, now: Moment) -> HttpAnswer {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect();
    let field = |name: &str| {
        let found = form.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let deny = |error: &str, words: &str| HttpAnswer {
        status: 400,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(json!({"error": error, "error_description": words}).to_string()),
        code: Some(error.to_owned()),
        ..HttpAnswer::default()
    };
    if field("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        return deny("unsupported_grant_type", "Invalid grant_type");
    }
    let keys = [google.keys.account_key.clone()];
    let assertion = field("assertion").as_bytes();
    let Ok((claims, header)) = token::verified(assertion, &keys, now.wall) else {
        return deny("invalid_grant", "Invalid JWT Signature.");
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let wall = now.wall.seconds();
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return deny("invalid_grant", "Service accounts sign with RS256.");
    }
    if text("iss") != google.keys.account {
        return deny("invalid_grant", "Invalid grant: account not found");
    }
    if text("aud") != format!("{}/token", google.url) {
        return deny("invalid_grant", "Invalid JWT: wrong audience.");
    }
    let (issued, expires) = (seconds("iat"), seconds("exp"));
    if expires <= wall || issued > wall + 300 || expires - issued > 3600 {
        let words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
        return deny("invalid_grant", words);
    }
    let scopes =
        ["cloudiot", "cloud-platform"].map(|s| format!("https://www.googleapis.com/auth/{s}"));
    if !text("scope")
        .split(' ')
        .any(|scope| scopes.iter().any(|known| known == scope))
    {
        return deny("invalid_scope", "the scope does not cover Cloud IoT");
    }
    let digits: String = (0..40).map(|_| fastrand::alphanumeric()).collect();
    let bearer = format!("ya29.{digits}");
    let until = Timestamp::from_seconds(wall + 3599);
    google.bearers.push((bearer.clone(), until));
    let body = json!({"access_token": bearer, "expires_in": 3599, "token_type": "Bearer"});
    HttpAnswer {
        status: 200,
        content_type: "application/json; charset=UTF-8",
        body: Bytes::from(body.to_string()),
        ..HttpAnswer::default()
    }
}

// ---- Google's paths

fn google_call(google: &mut Google, path: &str, question: &Question<'_>) -> Answered {
    let given = question.request.header("authorization").unwrap_or_default();
    let bearer = given.strip_prefix("Bearer ").unwrap_or_default();
    let now = question.now.wall;
    let known = |(known, until): &(String, Timestamp)| known == bearer && *until > now;
    if !google.bearers.iter().any(known) {
        let words =
            "Request had invalid authentication credentials. Expected OAuth 2 access token.";
        return refused("UNAUTHENTICATED", words);
    }
    let (path, verb) = match path.rsplit_once(':') {
        Some((path, verb)) if !verb.contains('/') => (path, Some(verb)),
        _ => (path, None),
    };
    let parent = format!("projects/{}/locations/{}", google.project, google.region);
    let Some(rest) = path.strip_prefix(&format!("{parent}/registries")) else {
        return refused(
            "PERMISSION_DENIED",
            format!("The caller has no permission on {path}"),
        );
    };
    let method = question.request.method.as_str();
    if rest.is_empty() {
        return registries(google, question, false);
    }
    let parts: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
    let Some((&registry, below)) = parts.split_first() else {
        return not_found(path);
    };
    if registry != google.registry.id {
        return not_found(registry);
    }
    match (method, below, verb) {
        ("GET", [], None) => Ok(registry_json(google)),
        ("POST", [], Some("bindDeviceToGateway")) => bind(google, question, true),
        ("POST", [], Some("unbindDeviceFromGateway")) => bind(google, question, false),
        ("GET", ["devices"], None) => devices(google, question),
        ("GET", ["devices", id], None) => device(google, id, question),
        ("GET", ["devices", id, "configVersions"], None) => configs(google, id, question),
        ("GET", ["devices", id, "states"], None) => states(google, id, question),
        ("POST", ["devices", id], Some("modifyCloudToDeviceConfig")) => {
            configure(google, id, question)
        }
        ("POST", ["devices", id], Some("sendCommandToDevice")) => command(google, id, question),
        _ => not_found(path),
    }
}

// ---- ClearBlade's

fn token_is(question: &Question<'_>, token: &str) -> Result<(), Refused> {
    match question.request.header("clearblade-usertoken") {
        Some(given) if given == token => Ok(()),
        _ => refused("UNAUTHENTICATED", "the token is not valid for this system"),
    }
}

fn clearblade_code(google: &Google, path: &str, question: &Question<'_>) -> Answered {
    let (system, what) = path.split_once('/').unwrap_or((path, ""));
    if system != google.keys.admin_system || what != "getRegistryCredentials" {
        return not_found(path);
    }
    token_is(question, google.keys.admin_token.expose())?;
    let body = question.body()?;
    let is = |name: &str, value: &str| body.get(name).and_then(Value::as_str) == Some(value);
    if !is("region", &google.region)
        || !is("registry", &google.registry.id)
        || !is("project", &google.project)
    {
        return not_found("the registry");
    }
    Ok(json!({
        "systemKey": google.keys.registry_system,
        "serviceAccountToken": google.keys.registry_token.expose(),
        "url": google.url,
    }))
}

fn clearblade_call(google: &mut Google, path: &str, question: &Question<'_>) -> Answered {
    let (system, service) = path.split_once('/').unwrap_or((path, ""));
    let method = question.request.method.as_str();
    if system == google.keys.admin_system {
        token_is(question, google.keys.admin_token.expose())?;
        return match (method, service) {
            ("GET", "cloudiot") => registries(google, question, true),
            _ => not_found(service),
        };
    }
    if system != google.keys.registry_system {
        return not_found("the system");
    }
    token_is(question, google.keys.registry_token.expose())?;
    let name = question.get("name").unwrap_or_default().to_owned();
    let verb = question.get("method").unwrap_or_default();
    match (method, service, verb) {
        ("GET", "cloudiot", _) => Ok(registry_json(google)),
        ("POST", "cloudiot", "bindDeviceToGateway") => bind(google, question, true),
        ("POST", "cloudiot", "unbindDeviceFromGateway") => bind(google, question, false),
        ("GET", "cloudiot_devices", _) if name.is_empty() => {
            if question.get("parent") != Some(google.registry_path().as_str()) {
                return not_found("the parent");
            }
            devices(google, question)
        }
        ("GET", "cloudiot_devices", _) => {
            let id = named(google, &name)?;
            device(google, &id, question)
        }
        ("GET", "cloudiot_devices_configVersions", _) => {
            let id = named(google, &name)?;
            configs(google, &id, question)
        }
        ("GET", "cloudiot_devices_states", _) => {
            let id = named(google, &name)?;
            states(google, &id, question)
        }
        ("POST", "cloudiot_devices", "modifyCloudToDeviceConfig") => {
            let id = named(google, &name)?;
            configure(google, &id, question)
        }
        ("POST", "cloudiot_devices", "sendCommandToDevice") => {
            let id = named(google, &name)?;
            command(google, &id, question)
        }
        ("PATCH", "cloudiot_devices", _) => {
            let id = named(google, &name)?;
            update(google, &id, question)
        }
        _ => not_found(service),
    }
}

/// The whole path, or just the id.
fn named(google: &Google, name: &str) -> Result<String, Refused> {
    let prefix = format!("{}/devices/", google.registry_path());
    let id = name.strip_prefix(&prefix).unwrap_or(name);
    if id.is_empty() || id.contains('/') {
        return not_found(name);
    }
    Ok(id.to_owned())
}

// ---- what both answer

fn registry_json(google: &Google) -> Value {
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
fn registries(google: &Google, question: &Question<'_>, number: bool) -> Answered {
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

fn devices(google: &Google, question: &Question<'_>) -> Answered {
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

fn find<'a>(google: &'a Google, id: &str) -> Result<&'a Device, Refused> {
    match google.registry.find(id) {
        Some(device) => Ok(device),
        None => not_found(&format!("Device {id}")),
    }
}

fn device(google: &Google, id: &str, question: &Question<'_>) -> Answered {
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

fn configs(google: &Google, id: &str, question: &Question<'_>) -> Answered {
    let device = find(google, id)?;
    let newest_first = device.configs.iter().rev();
    let versions: Vec<_> = newest_first
        .take(how_many(question, "numVersions")?)
        .map(|config| config.json(question.absent()))
        .collect();
    Ok(json!({"deviceConfigs": versions}))
}

fn states(google: &Google, id: &str, question: &Question<'_>) -> Answered {
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

fn configure(google: &mut Google, id: &str, question: &Question<'_>) -> Answered {
    let body = question.body()?;
    let data = data(&body, CONFIG)?;
    let wanted = match body.get("versionToUpdate") {
        None => Some(0),
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
    google.living.pending = super::joined(std::mem::take(&mut google.living.pending), set_off);
    let device = find(google, &id)?;
    Ok(device
        .newest()
        .map_or(Value::Null, |config| config.json(question.absent())))
}

fn command(google: &mut Google, id: &str, question: &Question<'_>) -> Answered {
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
    google.living.pending = super::joined(std::mem::take(&mut google.living.pending), set_off);
    Ok(json!({}))
}

fn bind(google: &mut Google, question: &Question<'_>, on: bool) -> Answered {
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

/// Of what can be updated: whether it is blocked, and its metadata.
fn update(google: &mut Google, id: &str, question: &Question<'_>) -> Answered {
    let body = question.body()?;
    let id = find(google, id)?.id.clone();
    let mask = question.get("updateMask").unwrap_or_default().to_owned();
    for field in mask.split(',') {
        match field {
            "blocked" => {
                let blocked = body.get("blocked").and_then(Value::as_bool) == Some(true);
                let set_off = google.block(&id, blocked);
                google.living.pending =
                    super::joined(std::mem::take(&mut google.living.pending), set_off);
            }
            "metadata" => {
                let metadata = body.get("metadata").and_then(Value::as_object);
                let pairs = metadata.into_iter().flatten().map(|(name, value)| {
                    (name.clone(), value.as_str().unwrap_or_default().to_owned())
                });
                let pairs = pairs.collect();
                if let Some(device) = google.registry.devices.get_mut(&id) {
                    device.metadata = pairs;
                }
            }
            other => {
                return refused("INVALID_ARGUMENT", format!("{other:?} cannot be updated"));
            }
        }
    }
    device(google, &id, question)
}
