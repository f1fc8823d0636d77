//! The control plane: the registry, the index, and where everything is.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::search::Query;
use super::{Failure, Result, listed, page, turn};
use crate::sim::cloud::HttpRequest;
use crate::sim::cloud::aws::Aws;
use crate::sim::cloud::aws::registry::Thing;

/// Terms in a query, and bytes.
const MOST_TERMS: usize = 5;
const LONGEST_QUERY: usize = 1000;

pub fn endpoint(aws: &Aws, request: &HttpRequest) -> Result<Value> {
    let wanted = request.query.get("endpointType").map(String::as_str);
    match wanted.unwrap_or("iot:Data") {
        "iot:Data-ATS" | "iot:Data" | "iot:CredentialProvider" | "iot:Jobs" => {
            Ok(json!({"endpointAddress": aws.endpoint}))
        }
        other => Err(Failure::invalid(format!("Invalid endpoint type {other}"))),
    }
}

pub fn things(aws: &Aws, request: &HttpRequest) -> Result<Value> {
    let field = |name: &str| request.query.get(name).filter(|value| !value.is_empty());
    let (attribute, value) = (field("attributeName"), field("attributeValue"));
    let wanted_type = field("thingTypeName");
    let by_prefix = field("usePrefixAttributeValue").is_some_and(|value| value == "true");
    if value.is_some() && attribute.is_none() {
        return Err(Failure::invalid("attributeValue needs an attributeName"));
    }
    let fits = |thing: &&Thing| {
        let of_type = wanted_type.is_none_or(|wanted| thing.thing_type.as_ref() == Some(wanted));
        let with_attribute = attribute.is_none_or(|name| {
            thing.attribute(name).is_some_and(|found| {
                value.is_none_or(|wanted| {
                    found == wanted || (by_prefix && found.starts_with(wanted.as_str()))
                })
            })
        });
        of_type && with_attribute
    };
    let all: Vec<_> = aws.registry.things().iter().filter(fits).collect();
    let (range, next) = page(request, "maxResults", 25, 250, all.len())?;
    let items = all[range].iter();
    let items = items.map(|thing| {
        json!({
            "thingName": thing.name,
            "thingTypeName": thing.thing_type,
            "thingArn": aws.arn(&format!("thing/{}", thing.name)),
            "attributes": attributes(thing),
            "version": thing.version,
        })
    });
    let items = items.map(without_nulls).collect();
    Ok(listed("things", items, next))
}

pub fn thing(aws: &Aws, name: &str) -> Result<Value> {
    let thing = find(aws, name)?;
    Ok(without_nulls(json!({
        "defaultClientId": thing.name,
        "thingName": thing.name,
        "thingId": thing.id,
        "thingArn": aws.arn(&format!("thing/{}", thing.name)),
        "thingTypeName": thing.thing_type,
        "attributes": attributes(thing),
        "version": thing.version,
    })))
}

pub fn search(aws: &Aws, request: &HttpRequest) -> Result<Value> {
    if let Some(code) = &aws.service.indexing_off {
        let (status, words) = match code.as_str() {
            "ResourceNotFoundException" => (404, "index AWS_Things does not exist"),
            _ => (400, "index AWS_Things is not ready"),
        };
        return Err(Failure::new(status, code, words));
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Failure::invalid("the body is not JSON"))?;
    if let Some(index) = body.get("indexName").and_then(Value::as_str)
        && index != "AWS_Things"
    {
        return Err(Failure::missing(format!("index {index} does not exist")));
    }
    let text = body.get("queryString").and_then(Value::as_str);
    let text = text.ok_or_else(|| Failure::invalid("queryString is missing"))?;
    let invalid = |words: String| Failure::new(400, "InvalidQueryException", words);
    if text.len() > LONGEST_QUERY {
        return Err(invalid(format!(
            "a query has at most {LONGEST_QUERY} bytes"
        )));
    }
    let query = Query::parse(text).ok_or_else(|| invalid(format!("cannot parse {text:?}")))?;
    if query.terms() > MOST_TERMS {
        return Err(invalid(format!("a query has at most {MOST_TERMS} terms")));
    }
    let count = match body.get("maxResults") {
        None | Some(Value::Null) => 100,
        Some(count) => count
            .as_u64()
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| (1..=500).contains(count))
            .ok_or_else(|| Failure::invalid("maxResults has to be from 1 to 500"))?,
    };
    let found: Vec<_> = aws
        .registry
        .things()
        .iter()
        .filter(|thing| query.fits(&|field| values(aws, thing, field)))
        .collect();
    let token = body.get("nextToken").and_then(Value::as_str);
    let (range, next) = turn(token.filter(|t| !t.is_empty()), count, found.len())?;
    let items = found[range].iter();
    let items = items.map(|thing| indexed(aws, thing)).collect();
    Ok(listed("things", items, next))
}

/// A thing as the index knows it.
fn indexed(aws: &Aws, thing: &Thing) -> Value {
    let shadow = aws.shadows.document(&thing.name, None);
    let shadow = shadow.map(|document| {
        let mut shown = document.shown(false);
        let mut flat = Map::new();
        if let Some(Value::Object(state)) = shown.remove("state") {
            flat.extend(state);
        }
        flat.extend(shown);
        // A string with JSON in it, not JSON.
        Value::String(Value::Object(flat).to_string())
    });
    without_nulls(json!({
        "thingName": thing.name,
        "thingId": thing.id,
        "thingTypeName": thing.thing_type,
        "thingGroupNames": thing.groups,
        "attributes": attributes(thing),
        "shadow": shadow,
        "connectivity": connected(aws, &thing.name),
    }))
}

fn connected(aws: &Aws, name: &str) -> Value {
    without_nulls(match aws.presence.client(name) {
        None => json!({"connected": false}),
        Some(client) => json!({
            "connected": client.connected,
            "timestamp": client.since,
            "disconnectReason": client.reason,
        }),
    })
}

/// What a thing has in a field of the index.
fn values(aws: &Aws, thing: &Thing, field: &str) -> Vec<Value> {
    if let Some(name) = field.strip_prefix("attributes.") {
        return thing.attribute(name).map(Value::from).into_iter().collect();
    }
    if let Some(name) = field.strip_prefix("connectivity.") {
        let connectivity = connected(aws, &thing.name);
        return connectivity.get(name).cloned().into_iter().collect();
    }
    if let Some(path) = field.strip_prefix("shadow.") {
        let (name, path) = match path.strip_prefix("name.") {
            None => (None, path),
            Some(rest) => match rest.split_once('.') {
                Some((name, path)) => (Some(name), path),
                None => return Vec::new(),
            },
        };
        let Some(document) = aws.shadows.document(&thing.name, name) else {
            return Vec::new();
        };
        let mut path = path.split('.');
        let section = match path.next() {
            Some("desired") => document.desired(),
            Some("reported") => document.reported(),
            _ => None,
        };
        let found = path.try_fold(section, |at, name| Some(at?.get(name)));
        return match found.flatten() {
            Some(Value::Array(items)) => items.clone(),
            Some(value) => vec![value.clone()],
            None => Vec::new(),
        };
    }
    match field {
        "thingName" => vec![json!(thing.name)],
        "thingId" => vec![json!(thing.id)],
        "thingTypeName" => thing.thing_type.iter().map(|name| json!(name)).collect(),
        "thingGroupNames" => thing.groups.iter().map(|name| json!(name)).collect(),
        _ => Vec::new(),
    }
}

pub fn connectivity(aws: &Aws, name: &str) -> Result<Value> {
    let thing = find(aws, name)?;
    Ok(match aws.presence.client(&thing.name) {
        None => json!({"thingName": name, "connected": false}),
        Some(client) => without_nulls(json!({
            "thingName": name,
            "connected": client.connected,
            "timestamp": Duration::from_millis(client.since.unsigned_abs()).as_secs_f64(),
            "disconnectReason": client.reason,
            "clientId": name,
            "keepAliveDuration": client.connected.then_some(client.keep_alive),
            "cleanSession": client.connected.then_some(client.clean),
        })),
    })
}

pub fn groups(aws: &Aws, request: &HttpRequest) -> Result<Value> {
    let groups = &aws.registry.groups;
    let (range, next) = page(request, "maxResults", 25, 250, groups.len())?;
    let items = groups[range].iter();
    let items = items.map(|name| {
        let arn = aws.arn(&format!("thinggroup/{name}"));
        json!({"groupName": name, "groupArn": arn})
    });
    Ok(listed("thingGroups", items.collect(), next))
}

pub fn group(aws: &Aws, group: &str, request: &HttpRequest) -> Result<Value> {
    if !aws.registry.groups.iter().any(|name| name == group) {
        return Err(Failure::missing(format!("Thing group {group} not found")));
    }
    let in_group = |thing: &&Thing| thing.groups.iter().any(|name| name == group);
    let all: Vec<_> = aws.registry.things().iter().filter(in_group).collect();
    let (range, next) = page(request, "maxResults", 25, 250, all.len())?;
    let names = all[range].iter().map(|thing| json!(thing.name)).collect();
    Ok(listed("things", names, next))
}

pub fn types(aws: &Aws, request: &HttpRequest) -> Result<Value> {
    let types = &aws.registry.types;
    let (range, next) = page(request, "maxResults", 25, 250, types.len())?;
    let items = types[range].iter();
    let items = items.map(|name| {
        let arn = aws.arn(&format!("thingtype/{name}"));
        json!({"thingTypeName": name, "thingTypeArn": arn})
    });
    Ok(listed("thingTypes", items.collect(), next))
}

fn find<'a>(aws: &'a Aws, name: &str) -> Result<&'a Thing> {
    let thing = aws.registry.thing(name);
    thing.ok_or_else(|| Failure::missing(format!("Thing {name} not found")))
}

fn attributes(thing: &Thing) -> Value {
    let pairs = thing.attributes.iter();
    Value::Object(pairs.map(|(k, v)| (k.clone(), json!(v))).collect())
}

/// What AWS leaves out rather than saying null.
fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}
