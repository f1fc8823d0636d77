//! The REST side in both dialects (`reference/google-iot-core.md` 10, 11).

mod change;
mod devices;
mod oauth;
mod show;

use bytes::Bytes;
use serde_json::{Value, json};

use self::change::{bind, command, configure};
use self::devices::{create, delete, update};
use self::show::{configs, device, devices, registries, registry_json, states};
use super::Google;
use super::registry::Absent;
use crate::base::moment::{Moment, Timestamp};
use crate::sim::cloud::{HttpAnswer, HttpRequest};

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
        "ALREADY_EXISTS",
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
        return oauth::answer(google, request, now);
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
        ("POST", ["devices"], None) => create(google, question),
        ("GET", ["devices", id], None) => device(google, id, question),
        ("PATCH", ["devices", id], None) => update(google, id, question),
        ("DELETE", ["devices", id], None) => delete(google, id),
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
        ("POST", "cloudiot_devices", "") => create(google, question),
        ("DELETE", "cloudiot_devices", _) => {
            let id = named(google, &name)?;
            delete(google, &id)
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
