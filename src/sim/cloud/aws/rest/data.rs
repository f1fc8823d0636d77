//! The data plane: shadows, messages, connections.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Failure, Result, listed, page};
use crate::base::moment::Timestamp;
use crate::domain::message::{Properties, Qos};
use crate::sim::cloud::aws::shadow::{self, Outcome};
use crate::sim::cloud::aws::topic::{self, ShadowRequest, Verb};
use crate::sim::cloud::aws::{Aws, Source, access};
use crate::sim::cloud::{HttpRequest, Publication};

pub fn get_shadow(
    aws: &mut Aws,
    thing: &str,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<Value> {
    // Nobody hears of it.
    ask(aws, thing, Verb::Get, request, b"", now)
        .answer
        .map_err(failure)
}

pub fn update_shadow(
    aws: &mut Aws,
    thing: &str,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<Value> {
    let body = request.body.clone();
    let outcome = ask(aws, thing, Verb::Update, request, &body, now);
    tell(aws, outcome, now)
}

pub fn delete_shadow(
    aws: &mut Aws,
    thing: &str,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<Value> {
    let outcome = ask(aws, thing, Verb::Delete, request, b"", now);
    tell(aws, outcome, now)
}

fn ask(
    aws: &mut Aws,
    thing: &str,
    verb: Verb,
    request: &HttpRequest,
    body: &[u8],
    now: Timestamp,
) -> Outcome {
    let name = request.query.get("name").filter(|name| !name.is_empty());
    let request = ShadowRequest {
        thing,
        name: name.map(String::as_str),
        verb,
    };
    aws.shadows.request(request, body, true, now)
}

/// What was accepted is published as if it had come over MQTT.
fn tell(aws: &mut Aws, outcome: Outcome, now: Timestamp) -> Result<Value> {
    let body = outcome.answer.map_err(failure)?;
    let mut tick = std::mem::take(&mut aws.pending);
    aws.spread_all(outcome.publications, now, 0, &mut tick);
    aws.pending = tick;
    Ok(body)
}

fn failure(rejection: shadow::Rejection) -> Failure {
    let code = match rejection.code {
        401 => "UnauthorizedException",
        404 => "ResourceNotFoundException",
        409 => "ConflictException",
        413 => "RequestEntityTooLargeException",
        415 => "UnsupportedDocumentEncodingException",
        429 => "ThrottlingException",
        500 => "InternalFailureException",
        _ => "InvalidRequestException",
    };
    Failure::new(rejection.code, code, rejection.message)
}

pub fn shadows(aws: &Aws, thing: &str, request: &HttpRequest, now: Timestamp) -> Result<Value> {
    let names = aws.shadows.names(thing);
    let (range, next) = page(request, "pageSize", 25, 100, names.len())?;
    let names = names[range].iter().map(|name| json!(name)).collect();
    let mut body = listed("results", names, next);
    body["timestamp"] = json!(now.seconds());
    Ok(body)
}

pub fn publish(aws: &mut Aws, topic: &str, request: &HttpRequest, now: Timestamp) -> Result<Value> {
    let field = |name: &str| request.query.get(name).map(String::as_str);
    let qos = match field("qos").unwrap_or("0") {
        "0" => Qos::AtMostOnce,
        "1" => Qos::AtLeastOnce,
        other => return Err(Failure::invalid(format!("Invalid QoS: {other}"))),
    };
    let retain = field("retain") == Some("true");
    let reserved = topic.starts_with('$');
    let unusable = topic.contains(['+', '#']) || !topic::fits(topic);
    if unusable || (reserved && (retain || topic::request(topic).is_none())) {
        return Err(Failure::invalid(format!("Invalid topic: {topic}")));
    }
    if request.body.len() > access::LARGEST_PAYLOAD {
        let words = "The payload exceeds the maximum size allowed";
        return Err(Failure::new(413, "RequestEntityTooLargeException", words));
    }
    let header = |name: &str| request.header(name);
    let publication = Publication {
        topic: topic.to_owned(),
        payload: request.body.clone(),
        qos,
        retain,
        properties: Properties {
            utf8: header("x-amz-mqtt5-payload-format-indicator").map(|said| said == "UTF8_DATA"),
            expiry: field("messageExpiry").and_then(|seconds| seconds.parse().ok()),
            content_type: field("contentType").map(str::to_owned),
            response_topic: field("responseTopic").map(str::to_owned),
            correlation_data: header("x-amz-mqtt5-correlation-data")
                .and_then(|data| STANDARD.decode(data).ok())
                .map(Into::into),
            user: header("x-amz-mqtt5-user-properties").map_or_else(Vec::new, user),
            ..Properties::default()
        },
    };
    let mut tick = std::mem::take(&mut aws.pending);
    aws.spread(Source::Account, publication, now, 0, &mut tick);
    aws.pending = tick;
    Ok(json!({"message": "OK", "traceId": super::trace(aws)}))
}

/// `[{"name": "value"}, …]`, in base64.
fn user(header: &str) -> Vec<(String, String)> {
    let pairs = STANDARD
        .decode(header)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Vec<Value>>(&bytes).ok());
    let fields = pairs.unwrap_or_default();
    fields
        .iter()
        .filter_map(Value::as_object)
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

pub fn list_retained(aws: &Aws, request: &HttpRequest) -> Result<Value> {
    let all: Vec<_> = aws.retained.iter().collect();
    let (range, next) = page(request, "maxResults", 25, 200, all.len())?;
    let items = all[range].iter().map(|(topic, retained)| {
        json!({
            "topic": topic,
            "payloadSize": retained.payload.len(),
            "qos": retained.qos.number(),
            "lastModifiedTime": retained.modified,
        })
    });
    Ok(listed("retainedTopics", items.collect(), next))
}

pub fn retained(aws: &Aws, topic: &str) -> Result<Value> {
    let retained = aws.retained.get(topic);
    let retained = retained
        .ok_or_else(|| Failure::missing(format!("No retained message found for topic {topic}")))?;
    Ok(json!({
        "topic": topic,
        "payload": STANDARD.encode(&retained.payload),
        "qos": retained.qos.number(),
        "lastModifiedTime": retained.modified,
    }))
}

pub fn delete_connection(aws: &mut Aws, client: &str, request: &HttpRequest) -> Result<Value> {
    if !aws.presence.is_connected(client) {
        return Err(Failure::missing(format!("Client {client} not found")));
    }
    let says = |name: &str| request.query.get(name).is_some_and(|value| value == "true");
    aws.evict(client, says("cleanSession"), !says("preventWillMessage"));
    Ok(Value::Null)
}

pub fn connection(aws: &Aws, id: &str) -> Result<Value> {
    let client = aws.presence.client(id);
    let client = client.ok_or_else(|| Failure::missing(format!("Client {id} not found")))?;
    let mut body = json!({
        "clientId": id,
        "connected": client.connected,
        "cleanSession": client.clean,
        "keepAliveDuration": client.keep_alive,
    });
    let since = if client.connected {
        "connectedSince"
    } else {
        "disconnectedSince"
    };
    body[since] = json!(client.since);
    if let Some(reason) = client.reason {
        body["disconnectReason"] = json!(reason);
    }
    Ok(body)
}

pub fn subscriptions(aws: &Aws, id: &str) -> Result<Value> {
    let client = aws.presence.client(id);
    let client = client.ok_or_else(|| Failure::missing(format!("Client {id} not found")))?;
    let items = client.filters.iter();
    let items = items.map(|(filter, qos)| json!({"topicFilter": filter, "qos": qos.number()}));
    Ok(listed("subscriptions", items.collect(), None))
}
