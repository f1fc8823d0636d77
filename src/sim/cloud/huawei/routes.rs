//! REST v5: who asks, for what, and in which form it is refused (`reference/huawei-iot.md` 6, 7).

mod ask;
mod devices;

use bytes::Bytes;
use serde_json::{Value, json};

use super::downlink::Unreached;
use super::sign::{self, Kind};
use super::{Huawei, iam, joined, model};
use crate::base::moment::Moment;
use crate::sim::cloud::{HttpAnswer, HttpRequest, Tick};

/// A refusal by a code of the platform or of the gateway in front of it.
struct Refused {
    code: String,
    words: String,
}

fn refused<T>(code: &str, words: impl Into<String>) -> Result<T, Refused> {
    Err(Refused {
        code: code.to_owned(),
        words: words.into(),
    })
}

/// `IOTDA.000006`, with what exactly is wrong.
fn invalid<T>(words: &str) -> Result<T, Refused> {
    refused("IOTDA.000006", format!("Invalid input. {words}"))
}

fn no_such_device<T>(id: &str) -> Result<T, Refused> {
    refused("IOTDA.014000", format!("The device does not exist. {id}"))
}

enum Reply {
    Now(u16, Value),
    /// Nothing more to say: 204.
    Empty,
    /// When the device has answered.
    Later(u64),
}

type Answered = Result<Reply, Refused>;

/// Status and words of the codes. `014112` and `014000` are not verified; nor are the statuses of what is not listed.
fn meaning(code: &str) -> (u16, &'static str) {
    match code {
        "IOTDA.000002" => (401, "Authentication failed."),
        "IOTDA.000006" => (400, "Invalid input."),
        "IOTDA.000008" => (400, "Malformed request."),
        "IOTDA.000009" => (400, "Invalid time format."),
        "IOTDA.000017" => (400, "The limit is out of range."),
        "IOTDA.000021" => (403, "The service is not subscribed at this endpoint."),
        "IOTDA.013002" => (400, "The property or command is not in the product model."),
        "IOTDA.014000" => (404, "The device does not exist."),
        "IOTDA.014016" => (403, "The device is not online."),
        // The device did not answer: a success, as far as HTTP is concerned.
        "IOTDA.014111" => (200, "The request timed out: the device did not answer."),
        "IOTDA.014112" => (403, "The device has not subscribed to the topic."),
        "APIGW.0101" => (404, "The API does not exist or has not been published."),
        "APIGW.0301" => (401, "Incorrect IAM authentication information."),
        "APIGW.0308" => (429, "The throttling threshold has been reached."),
        _ => (500, "Internal error."),
    }
}

fn request_id() -> String {
    (0..32).map(|_| fastrand::digit(16)).collect()
}

fn answered(status: u16, body: &Value) -> HttpAnswer {
    HttpAnswer {
        status,
        content_type: "application/json",
        body: Bytes::from(body.to_string()),
        headers: vec![("x-request-id", request_id())],
        ..HttpAnswer::default()
    }
}

fn failed(code: &str, words: &str) -> HttpAnswer {
    let (status, _) = meaning(code);
    let id = request_id();
    let body = json!({"error_code": code, "error_msg": words, "request_id": id});
    HttpAnswer {
        code: Some(code.to_owned()),
        headers: vec![("x-request-id", id)],
        ..answered(status, &body)
    }
}

pub fn failure(code: &str) -> HttpAnswer {
    failed(code, meaning(code).1)
}

pub fn answer(huawei: &mut Huawei, request: &HttpRequest, now: Moment) -> HttpAnswer {
    if let Some(answer) = iam::answer(huawei, request, now.wall) {
        return answer;
    }
    let reply = sign_in(huawei, request, now).and_then(|()| route(huawei, request, now));
    match reply {
        Ok(Reply::Now(status, body)) => answered(status, &body),
        Ok(Reply::Empty) => HttpAnswer {
            body: Bytes::new(),
            ..answered(204, &Value::Null)
        },
        Ok(Reply::Later(ticket)) => HttpAnswer {
            later: Some(ticket),
            ..HttpAnswer::default()
        },
        Err(Refused { code, words }) => failed(&code, &words),
    }
}

/// The answer that [`Reply::Later`] has promised.
pub fn late(huawei: &mut Huawei, ticket: u64) -> Option<HttpAnswer> {
    let done = huawei.fetch(ticket)?;
    Some(match ask::outcome(&done) {
        Ok(body) => answered(200, &body),
        Err(Refused { code, words }) => failed(&code, &words),
    })
}

fn sign_in(huawei: &Huawei, request: &HttpRequest, now: Moment) -> Result<(), Refused> {
    if let Some(token) = request.header("x-auth-token") {
        return if iam::is_known(huawei, token, now.wall) {
            Ok(())
        } else {
            refused(
                "APIGW.0301",
                "Incorrect IAM authentication information: decrypt token fail",
            )
        };
    }
    if request.header("authorization").is_none() {
        return refused(
            "APIGW.0301",
            "Incorrect IAM authentication information: x-auth-token not found",
        );
    }
    let host = request.header("host").unwrap_or_default();
    let kind = huawei.required.unwrap_or_else(|| Kind::of_host(host));
    let account = &huawei.account;
    match sign::check(request, kind, &account.keys, &account.region, now.wall) {
        Ok(()) => Ok(()),
        Err(words) => refused("IOTDA.000002", format!("Authentication failed: {words}.")),
    }
}

fn route(huawei: &mut Huawei, request: &HttpRequest, now: Moment) -> Answered {
    let parts: Vec<_> = request.path.split('/').skip(1).collect();
    let unknown = || refused("APIGW.0101", meaning("APIGW.0101").1);
    let Some((["v5", "iot", project], rest)) = parts
        .split_first_chunk::<3>()
        .map(|(first, rest)| (*first, rest))
    else {
        return unknown();
    };
    if project != huawei.account.project {
        // Not verified; the words at least say what is meant.
        return refused(
            "IOTDA.000021",
            format!("The service is not subscribed for project {project}."),
        );
    }
    match (request.method.as_str(), rest) {
        ("GET", ["devices"]) => devices::list(huawei, request),
        ("POST", ["devices"]) => devices::register(huawei, request, now),
        ("GET", ["devices", id]) => devices::show(huawei, id),
        ("DELETE", ["devices", id]) => devices::delete(huawei, id, now),
        ("GET", ["devices", id, "shadow"]) => devices::shadow(huawei, id),
        ("PUT", ["devices", id, "shadow"]) => devices::desire(huawei, id, request, now),
        ("POST", ["devices", id, "commands"]) => ask::command(huawei, id, request, now),
        ("POST", ["devices", id, "async-commands"]) => {
            found(huawei, id)?;
            invalid("Asynchronous commands are for NB-IoT devices.")
        }
        ("GET", ["devices", id, "properties"]) => ask::properties(huawei, id, request, now),
        ("PUT", ["devices", id, "properties"]) => ask::set(huawei, id, request, now),
        ("POST", ["devices", id, "messages"]) => ask::message(huawei, id, request, now),
        ("GET", ["devices", id, "messages"]) => ask::messages(huawei, id),
        ("GET", ["devices", id, "messages", message]) => ask::show_message(huawei, id, message),
        ("GET", ["products"]) => {
            let all: Vec<_> = model::ALL.iter().map(model::Product::json).collect();
            let page = json!({"count": all.len(), "marker": "f".repeat(24)});
            Ok(Reply::Now(200, json!({"products": all, "page": page})))
        }
        ("GET", ["products", id]) => match model::find(id) {
            Some(product) => Ok(Reply::Now(200, product.json())),
            None => invalid("The product does not exist."),
        },
        _ => unknown(),
    }
}

/// Goes out once the call is answered.
fn set_off(huawei: &mut Huawei, tick: Tick) {
    let pending = std::mem::take(&mut huawei.living.pending);
    huawei.living.pending = joined(pending, tick);
}

fn found<'a>(huawei: &'a Huawei, id: &str) -> Result<&'a super::registry::Device, Refused> {
    match huawei.devices.get(id) {
        Some(device) => Ok(device),
        None => no_such_device(id),
    }
}

fn object(request: &HttpRequest) -> Result<Value, Refused> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(Value::Object(body)),
        _ => refused("IOTDA.000008", "Malformed request: no JSON object."),
    }
}

fn unreached(why: Unreached, id: &str) -> Refused {
    let code = match why {
        Unreached::NoSuch => "IOTDA.014000",
        Unreached::Offline => "IOTDA.014016",
        Unreached::NotSubscribed => "IOTDA.014112",
    };
    Refused {
        code: code.to_owned(),
        words: format!("{} {id}", meaning(code).1),
    }
}
