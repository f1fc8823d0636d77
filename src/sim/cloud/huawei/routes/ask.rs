//! What goes to a device and, for commands and properties, what it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answered, Refused, Reply, found, invalid, object, refused, set_off, unreached};
use crate::base::moment::Moment;
use crate::sim::cloud::HttpRequest;
use crate::sim::cloud::huawei::downlink::{Ask, Outcome, What};
use crate::sim::cloud::huawei::registry::{DAY, Fate, Letter, stamp};
use crate::sim::cloud::huawei::{Huawei, topic};

/// Minutes that a message may wait.
const LONGEST_TTL: u64 = 1440;
const LONGEST_MESSAGE_ID: usize = 100;

fn asked(huawei: &mut Huawei, id: &str, what: What, body: Value, now: Moment) -> Answered {
    match huawei.ask(id, what, body, now) {
        Ok(sent) => {
            set_off(huawei, sent.tick);
            Ok(Reply::Later(sent.ticket))
        }
        Err(why) => Err(unreached(why, id)),
    }
}

fn not_in_model<T>(what: &str) -> Result<T, Refused> {
    refused(
        "IOTDA.013002",
        format!("The property or command is not in the product model. {what}"),
    )
}

pub fn command(huawei: &mut Huawei, id: &str, request: &HttpRequest, now: Moment) -> Answered {
    let product = found(huawei, id)?.product;
    let body = object(request)?;
    let (Some(service), Some(name)) = (body["service_id"].as_str(), body["command_name"].as_str())
    else {
        return invalid("service_id and command_name are needed.");
    };
    let Some(paras) = body.get("paras").filter(|paras| paras.is_object()) else {
        return invalid("paras has to be an object.");
    };
    let known = product.service(service);
    if known.and_then(|known| known.command(name)).is_none() {
        return not_in_model(&format!("{service}.{name}"));
    }
    let body = json!({"service_id": service, "command_name": name, "paras": paras});
    asked(huawei, id, What::Command, body, now)
}

pub fn properties(huawei: &mut Huawei, id: &str, request: &HttpRequest, now: Moment) -> Answered {
    let product = found(huawei, id)?.product;
    let Some(service) = request.query.get("service_id").filter(|id| !id.is_empty()) else {
        return invalid("service_id is needed.");
    };
    if product.service(service).is_none() {
        return not_in_model(service);
    }
    asked(huawei, id, What::Get, json!({"service_id": service}), now)
}

pub fn set(huawei: &mut Huawei, id: &str, request: &HttpRequest, now: Moment) -> Answered {
    let product = found(huawei, id)?.product;
    let body = object(request)?;
    let Some(services) = body["services"].as_array().filter(|all| !all.is_empty()) else {
        return invalid("services is needed.");
    };
    for entry in services {
        let name = entry["service_id"].as_str().unwrap_or_default();
        let Some(service) = product.service(name) else {
            return not_in_model(name);
        };
        let Some(properties) = entry["properties"].as_object() else {
            return invalid("properties has to be an object.");
        };
        let unknown = properties
            .keys()
            .find(|name| !service.property(name).is_some_and(|known| known.writable));
        if let Some(property) = unknown {
            return not_in_model(&format!("{name}.{property} cannot be set."));
        }
    }
    asked(huawei, id, What::Set, json!({"services": services}), now)
}

/// What a call that waited is answered with.
pub fn outcome(done: &Ask) -> Result<Value, Refused> {
    match &done.outcome {
        Some(Outcome::Answered(answer)) => {
            let name = match done.what {
                What::Command => "command_id",
                What::Set | What::Get => "request_id",
            };
            let mut response = answer.clone();
            // Absent means success.
            if done.what != What::Get
                && let Some(response) = response.as_object_mut()
            {
                response.entry("result_code").or_insert(json!(0));
            }
            Ok(json!({name: done.request, "response": response}))
        }
        // Of properties the status is not verified; it is chosen as for commands.
        Some(Outcome::TimedOut) | None => refused(
            "IOTDA.014111",
            format!("The request timed out: {} did not answer.", done.device),
        ),
    }
}

pub fn message(huawei: &mut Huawei, id: &str, request: &HttpRequest, now: Moment) -> Answered {
    let gateway = found(huawei, id)?.gateway.clone();
    let body = object(request)?;
    let letter = letter(huawei, id, gateway.as_deref(), &body, now)?;
    let message = letter.id.clone();
    match huawei.post(id, letter, now.wall) {
        Ok(tick) => set_off(huawei, tick),
        Err(why) => return Err(unreached(why, id)),
    }
    let letters = &found(huawei, id)?.letters;
    let posted = letters.iter().rev().find(|letter| letter.id == message);
    let result = posted.map_or(Value::Null, |letter| {
        json!({
            "status": letter.fate.word(),
            "created_time": stamp(letter.created),
            "finished_time": letter.finished.map(stamp),
        })
    });
    Ok(Reply::Now(
        201,
        json!({"message_id": message, "result": result}),
    ))
}

fn letter(
    huawei: &Huawei,
    id: &str,
    gateway: Option<&str>,
    body: &Value,
    now: Moment,
) -> Result<Letter, Refused> {
    let content = match &body["message"] {
        Value::Null => return invalid("message is needed."),
        content => content.clone(),
    };
    let word = |name: &str, all: [&str; 2]| match body.get(name).and_then(Value::as_str) {
        None => Ok(all[0].to_owned()),
        Some(given) if all.contains(&given) => Ok(given.to_owned()),
        Some(_) => invalid(&format!("{name} is {} or {}.", all[0], all[1])),
    };
    let encoding = word("encoding", ["none", "base64"])?;
    let format = word("payload_format", ["standard", "raw"])?;
    let text = content.as_str().unwrap_or_default();
    if encoding == "base64" && STANDARD.decode(text).is_err() {
        return invalid("message is not base64.");
    }
    let ttl = match body.get("ttl").filter(|ttl| !ttl.is_null()) {
        None => LONGEST_TTL,
        Some(given) => {
            let number = given
                .as_u64()
                .or_else(|| given.as_str().and_then(|text| text.parse().ok()));
            match number.filter(|ttl| *ttl <= LONGEST_TTL && ttl.is_multiple_of(5)) {
                Some(minutes) => minutes,
                None => return invalid("ttl is a multiple of 5, 1440 at most."),
            }
        }
    };
    let message = match body["message_id"].as_str() {
        None => format!("{:032x}", fastrand::u128(..)),
        Some(given) if given.is_empty() || given.chars().count() > LONGEST_MESSAGE_ID => {
            return invalid("message_id has 1 to 100 characters.");
        }
        Some(given) => given.to_owned(),
    };
    let known = &found(huawei, id)?.letters;
    if known.iter().any(|letter| letter.id == message) {
        return invalid("message_id is in use.");
    }
    let topic = match (body["topic"].as_str(), body["topic_full_name"].as_str()) {
        (Some(_), Some(_)) => return invalid("topic or topic_full_name, not both."),
        (Some(suffix), None) => Some(topic::user(gateway.unwrap_or(id), suffix)),
        (None, Some(full)) => Some(full.to_owned()),
        (None, None) => None,
    };
    Ok(Letter {
        id: message,
        name: body["name"].as_str().map(str::to_owned),
        content,
        encoding,
        format,
        topic,
        fate: Fate::Pending,
        created: now.wall,
        finished: None,
        ends: now
            .wall
            .plus(std::time::Duration::from_secs(ttl * 60).min(DAY)),
    })
}

fn letter_json(letter: &Letter) -> Value {
    json!({
        "message_id": letter.id,
        "name": letter.name,
        "message": letter.content,
        "encoding": letter.encoding,
        "payload_format": letter.format,
        "topic": letter.topic,
        "status": letter.fate.word(),
        "created_time": stamp(letter.created),
        "finished_time": letter.finished.map(stamp),
    })
}

pub fn messages(huawei: &Huawei, id: &str) -> Answered {
    let device = found(huawei, id)?;
    let all: Vec<_> = device.letters.iter().rev().map(letter_json).collect();
    Ok(Reply::Now(200, json!({"device_id": id, "messages": all})))
}

pub fn show_message(huawei: &Huawei, id: &str, message: &str) -> Answered {
    let device = found(huawei, id)?;
    match device.letters.iter().find(|letter| letter.id == message) {
        Some(letter) => Ok(Reply::Now(200, letter_json(letter))),
        None => invalid("The message does not exist."),
    }
}
