//! Device shadows: documents with versions, and the answers of the service (`reference/aws-iot.md` 5.1).

mod document;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use self::document::Document;
use super::topic::{ShadowRequest, Verb, is_shadow_name, is_thing_name};
use crate::base::moment::Timestamp;
use crate::sim::cloud::Publication;

/// The largest document, its metadata not counted.
pub const LARGEST: usize = 8 * 1024;
/// A deleted shadow's version is remembered this long.
const VERSION_LIFE_SECONDS: i64 = 48 * 3600;
/// Requests a second for one thing.
const REQUESTS_PER_SECOND: u32 = 20;

/// A request that was turned down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub code: u16,
    pub message: String,
}

impl Rejection {
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// What came of a request: the answer, and what else is published.
#[derive(Debug)]
pub struct Outcome {
    pub answer: Result<Value, Rejection>,
    pub publications: Vec<Publication>,
}

/// A thing's shadow: none is the classic one.
pub type Key = (String, Option<String>);

#[derive(Debug, Default)]
pub struct Shadows {
    documents: BTreeMap<Key, Document>,
    /// Versions of deleted ones, and when they were deleted.
    deleted: BTreeMap<Key, (u64, i64)>,
    /// How many requests a thing has had in which second.
    recent: BTreeMap<String, (i64, u32)>,
    /// A thing's requests are not throttled.
    pub unthrottled: bool,
}

impl Shadows {
    pub fn document(&self, thing: &str, name: Option<&str>) -> Option<&Document> {
        self.documents
            .get(&(thing.to_owned(), name.map(str::to_owned)))
    }

    /// The named shadows of a thing, in order.
    pub fn names(&self, thing: &str) -> Vec<String> {
        let from = (thing.to_owned(), None);
        let of_thing = self.documents.range(from..);
        of_thing
            .take_while(|((other, _), _)| other == thing)
            .filter_map(|((_, name), _)| name.clone())
            .collect()
    }

    /// Puts a document in its place, without telling anybody.
    pub fn plant(&mut self, thing: &str, name: Option<&str>, state: &Value, now: Timestamp) {
        let key = (thing.to_owned(), name.map(str::to_owned));
        let mut document = Document::default();
        document.apply(state, now.seconds());
        document.version = 1;
        self.documents.insert(key, document);
    }

    /// One request, over MQTT or REST; `is_counted` where it is a client's.
    pub fn request(
        &mut self,
        request: ShadowRequest<'_>,
        payload: &[u8],
        is_counted: bool,
        now: Timestamp,
    ) -> Outcome {
        let seconds = now.seconds();
        let mut publications = Vec::new();
        let token = client_token(payload);
        let answer = self
            .admit(request, is_counted, seconds)
            .and_then(|()| match request.verb {
                Verb::Get => self.get(request, payload, seconds),
                Verb::Update => self.update(request, payload, seconds, &mut publications),
                Verb::Delete => self.delete(request, payload, seconds),
            });
        let verb = match request.verb {
            Verb::Get => "get",
            Verb::Update => "update",
            Verb::Delete => "delete",
        };
        let prefix = format!("{}/{verb}", prefix(request.thing, request.name));
        let mut answer = answer;
        let (topic, body) = match &mut answer {
            Ok(body) => {
                if let (Some(token), Some(body)) = (&token, body.as_object_mut()) {
                    body.insert("clientToken".to_owned(), json!(token));
                }
                (format!("{prefix}/accepted"), body.clone())
            }
            Err(rejection) => {
                let mut body = json!({
                    "code": rejection.code,
                    "message": rejection.message,
                    "timestamp": seconds,
                });
                if let (Some(token), Some(body)) = (&token, body.as_object_mut()) {
                    body.insert("clientToken".to_owned(), json!(token));
                }
                (format!("{prefix}/rejected"), body)
            }
        };
        publications.insert(0, Publication::new(topic, body.to_string()));
        Outcome {
            answer,
            publications,
        }
    }

    fn admit(
        &mut self,
        request: ShadowRequest<'_>,
        is_counted: bool,
        second: i64,
    ) -> Result<(), Rejection> {
        if !is_thing_name(request.thing) || !request.name.is_none_or(is_shadow_name) {
            return Err(Rejection::new(400, "Invalid thing name or shadow name"));
        }
        if !is_counted || self.unthrottled {
            return Ok(());
        }
        let recent = self.recent.entry(request.thing.to_owned()).or_default();
        if recent.0 != second {
            *recent = (second, 0);
        }
        recent.1 += 1;
        if recent.1 > REQUESTS_PER_SECOND {
            return Err(Rejection::new(429, "Too many requests"));
        }
        Ok(())
    }

    fn get(
        &self,
        request: ShadowRequest<'_>,
        payload: &[u8],
        now: i64,
    ) -> Result<Value, Rejection> {
        if !payload.is_empty() {
            parse(payload)?;
        }
        let document = self
            .document(request.thing, request.name)
            .ok_or_else(|| missing(request))?;
        let mut body = document.shown(true);
        body.insert("timestamp".to_owned(), json!(now));
        Ok(Value::Object(body))
    }

    fn delete(
        &mut self,
        request: ShadowRequest<'_>,
        payload: &[u8],
        now: i64,
    ) -> Result<Value, Rejection> {
        let wanted = if payload.is_empty() {
            Value::Null
        } else {
            parse(payload)?
        };
        let key = key(request);
        let Some(document) = self.documents.get(&key) else {
            return Err(missing(request));
        };
        agree(&wanted, document.version)?;
        let version = document.version;
        self.documents.remove(&key);
        self.deleted.insert(key, (version, now));
        Ok(json!({"version": version, "timestamp": now}))
    }

    fn update(
        &mut self,
        request: ShadowRequest<'_>,
        payload: &[u8],
        now: i64,
        publications: &mut Vec<Publication>,
    ) -> Result<Value, Rejection> {
        let wanted = parse(payload)?;
        let state = document::checked(&wanted)?;
        let key = key(request);
        let kept = self.deleted.get(&key);
        let kept = kept.filter(|(_, at)| now - at <= VERSION_LIFE_SECONDS);
        let last = kept.map_or(0, |(version, _)| *version);
        let old = self.documents.get(&key);
        agree(&wanted, old.map_or(last, |document| document.version))?;
        let mut document = old.cloned().unwrap_or_default();
        document.version = old.map_or(last, |document| document.version);
        let previous = old.map_or_else(Map::new, |document| document.shown(false));
        let metadata = document.apply(state, now);
        document.version += 1;
        if document.size() > LARGEST {
            let words = "The payload exceeds the maximum size allowed";
            return Err(Rejection::new(413, words));
        }
        let prefix = prefix(request.thing, request.name);
        if let Some((state, metadata)) = document.delta() {
            let body = json!({
                "version": document.version,
                "timestamp": now,
                "state": state,
                "metadata": metadata,
            });
            let topic = format!("{prefix}/update/delta");
            publications.push(Publication::new(topic, body.to_string()));
        }
        let body = json!({
            "previous": previous,
            "current": document.shown(false),
            "timestamp": now,
        });
        let topic = format!("{prefix}/update/documents");
        publications.push(Publication::new(topic, body.to_string()));
        let version = document.version;
        self.deleted.remove(&key);
        self.documents.insert(key, document);
        Ok(json!({
            "state": state,
            "metadata": metadata,
            "version": version,
            "timestamp": now,
        }))
    }
}

/// `$aws/things/RPI/shadow`, or that of a named one.
pub fn prefix(thing: &str, name: Option<&str>) -> String {
    match name {
        None => format!("$aws/things/{thing}/shadow"),
        Some(name) => format!("$aws/things/{thing}/shadow/name/{name}"),
    }
}

fn key(request: ShadowRequest<'_>) -> Key {
    (request.thing.to_owned(), request.name.map(str::to_owned))
}

fn missing(request: ShadowRequest<'_>) -> Rejection {
    let name = match request.name {
        None => request.thing.to_owned(),
        Some(name) => format!("{}~{name}", request.thing),
    };
    Rejection::new(404, format!("No shadow exists with name: '{name}'"))
}

fn parse(payload: &[u8]) -> Result<Value, Rejection> {
    let text = std::str::from_utf8(payload).map_err(|_| {
        Rejection::new(
            415,
            "Unsupported documented encoding; supported encoding is UTF-8",
        )
    })?;
    let value: Value =
        serde_json::from_str(text).map_err(|_| Rejection::new(400, "Invalid JSON"))?;
    if !value.is_object() {
        return Err(Rejection::new(400, "Invalid JSON"));
    }
    if let Some(token) = value.get("clientToken")
        && token.as_str().is_none_or(|token| token.len() > 64)
    {
        return Err(Rejection::new(400, "Invalid clientToken"));
    }
    Ok(value)
}

fn client_token(payload: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let token = value.get("clientToken")?.as_str()?;
    (token.len() <= 64).then(|| token.to_owned())
}

/// A version, where one is given, must be the current one.
fn agree(wanted: &Value, current: u64) -> Result<(), Rejection> {
    match wanted.get("version") {
        None | Some(Value::Null) => Ok(()),
        Some(version) => match version.as_u64() {
            None => Err(Rejection::new(400, "Invalid version")),
            Some(version) if version == current => Ok(()),
            Some(_) => Err(Rejection::new(409, "Version conflict")),
        },
    }
}

#[cfg(test)]
mod tests;
