//! Device shadows (`reference/aws-iot.md` 5.1): asked for over MQTT where the thing's topics are subscribed, else over
//! REST where there are credentials, else over MQTT with its answer topics subscribed for the moment.

mod gist;
mod over_rest;

use std::sync::Arc;

use bytes::Bytes;

use super::Aws;
use super::ask::{Answer, Question, ask, token};
use super::topics::{is_shadow_name, is_thing_name, shadow_prefix};
use crate::base::problem::{Exit, Problem};
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::json;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::{Kind, Reading};
use crate::domain::shadow::{
    ShadowChange, ShadowKey, ShadowNews, ShadowReply, ShadowRequest, read,
};
use crate::domain::subscription::Feed;
use crate::platform::io::Io;

pub(super) async fn request(
    aws: &Aws,
    io: &dyn Io,
    what: ShadowRequest,
) -> Result<ShadowReply, Problem> {
    check_names(&what)?;
    let desk = &aws.desk;
    let is_names = matches!(what, ShadowRequest::Names(_));
    let asks_mqtt = aws.feeds.has(what.thing(), Feed::Push) || !desk.may_have_keys(io.now().mono);
    if desk.is_connected() && asks_mqtt && !is_names {
        return over_mqtt(aws, io, what).await;
    }
    match aws.keys(io).await {
        Ok(_) => over_rest::request(aws, io, what).await,
        Err(why) if is_names => Err(why),
        Err(_) => {
            desk.found_no_keys(io.now().mono);
            if !desk.connection(io).await {
                return Ok(ShadowReply::NoConnection);
            }
            over_mqtt(aws, io, what).await
        }
    }
}

/// A name that no topic and no path can carry is a mistake of the caller, and said before anything is sent.
fn check_names(what: &ShadowRequest) -> Result<(), Problem> {
    let thing = what.thing().as_str();
    if !is_thing_name(thing) {
        return Err(misnamed(
            thing,
            "a thing's name has 1 to 128 letters, digits and : _ -",
        ));
    }
    let name = match what {
        ShadowRequest::Get(key)
        | ShadowRequest::Delete(key)
        | ShadowRequest::Update { key, .. } => key.name.as_deref(),
        ShadowRequest::Names(_) => None,
    };
    match name {
        Some(name) if !is_shadow_name(name) => Err(misnamed(
            name,
            "a shadow's name has 1 to 64 letters, digits and : _ - $",
        )),
        _ => Ok(()),
    }
}

fn misnamed(name: &str, rule: &str) -> Problem {
    Problem::new(
        format!("{name:?} cannot be asked for"),
        rule,
        "correct the name",
    )
    .exit(Exit::Usage)
}

async fn over_mqtt(aws: &Aws, io: &dyn Io, what: ShadowRequest) -> Result<ShadowReply, Problem> {
    let token = match &what {
        ShadowRequest::Update {
            token: Some(own), ..
        } => own.clone(),
        _ => token(io),
    };
    let (key, question) = match &what {
        ShadowRequest::Get(key) => {
            let payload = format!("{{\"clientToken\":{}}}", json::quote(&token));
            (key, question(key, "get", payload, Some(token), true))
        }
        ShadowRequest::Update {
            key,
            state,
            version,
            ..
        } => {
            let payload = update_body(state, *version, Some(&token));
            (key, question(key, "update", payload, Some(token), false))
        }
        // Its payload is empty, so there is no place for a token: any deletion will do.
        ShadowRequest::Delete(key) => (key, question(key, "delete", String::new(), None, true)),
        ShadowRequest::Names(_) => {
            return Err(Problem::new(
                "the named shadows are not listed",
                "AWS lists them over REST only",
                "give the profile credentials, or open one by its name",
            ));
        }
    };
    let followed = aws.feeds.has(&key.thing, Feed::Push);
    let is_heard = |topic: &str| followed || aws.is_heard_by_profile(topic);
    match ask(&aws.desk, io, question, is_heard).await? {
        Answer::Rejected(payload) => Ok(rejected(&payload)),
        Answer::Accepted(payload) => accepted(&what, &payload),
    }
}

fn question(
    key: &ShadowKey,
    verb: &str,
    payload: String,
    token: Option<String>,
    any_will_do: bool,
) -> Question {
    let prefix = shadow_prefix(key.thing.as_str(), key.name.as_deref());
    Question {
        about: format!("the {key}"),
        topic: format!("{prefix}/{verb}"),
        payload,
        token,
        any_will_do,
    }
}

/// `state` goes as the caller wrote it.
fn update_body(state: &str, version: Option<u64>, token: Option<&str>) -> String {
    let mut out = format!("{{\"state\":{state}");
    if let Some(version) = version {
        out.push_str(&format!(",\"version\":{version}"));
    }
    if let Some(token) = token {
        out.push_str(&format!(",\"clientToken\":{}", json::quote(token)));
    }
    out.push('}');
    out
}

fn rejected(payload: &Bytes) -> ShadowReply {
    let text = String::from_utf8_lossy(payload);
    let said = read::rejected(&text);
    ShadowReply::Refused {
        code: said.as_ref().map_or(500, |said| said.code),
        message: said.map_or_else(|| text.into_owned(), |said| said.message),
    }
}

fn accepted(what: &ShadowRequest, payload: &Bytes) -> Result<ShadowReply, Problem> {
    let raw: Arc<str> = Arc::from(String::from_utf8_lossy(payload));
    let unread = || {
        let cause = "what AWS answered is no shadow document";
        Problem::new(
            "the shadow could not be read",
            cause,
            "the log shows the answer",
        )
    };
    Ok(match what {
        ShadowRequest::Get(_) => ShadowReply::Document {
            shadow: read::document(&raw).ok_or_else(unread)?,
            raw,
        },
        ShadowRequest::Update { .. } => ShadowReply::Accepted {
            shadow: read::document(&raw).ok_or_else(unread)?,
            raw,
        },
        ShadowRequest::Delete(_) => ShadowReply::Deleted { raw },
        ShadowRequest::Names(_) => {
            let (names, _) = read::names(&raw).ok_or_else(unread)?;
            ShadowReply::Names(names)
        }
    })
}

/// `verb`: what follows the shadow's prefix: `update/accepted`, `get`, …
pub(super) fn interpret(message: &Message, thing: &str, name: Option<&str>, verb: &str) -> Reading {
    let key = ShadowKey {
        thing: DeviceId::new(thing),
        name: name.map(str::to_owned),
    };
    let payload = std::str::from_utf8(&message.payload).unwrap_or_default();
    let said = gist::gist(verb, payload);
    let said = match &key.name {
        Some(name) if !said.is_empty() => format!("{name}: {said}"),
        _ => said,
    };
    let change = (message.direction == Direction::In)
        .then(|| change(verb, payload))
        .flatten();
    Reading {
        kind: Kind::Shadow,
        device: Some(DeviceId::new(thing)),
        gist: said,
        facts: change
            .map(|change| Fact::Shadow(Box::new(ShadowNews { key, change })))
            .into_iter()
            .collect(),
        ..Reading::default()
    }
}

fn change(verb: &str, payload: &str) -> Option<ShadowChange> {
    Some(match verb {
        "get/accepted" => ShadowChange::Whole(read::document(payload)?),
        "update/documents" => ShadowChange::Whole(read::documents(payload)?.1),
        "update/accepted" => ShadowChange::Patch(read::document(payload)?),
        "update/delta" => ShadowChange::Delta(read::delta(payload)?),
        "delete/accepted" => ShadowChange::Deleted {
            version: read::deleted(payload)?,
        },
        "get/rejected" | "update/rejected" | "delete/rejected" => {
            let said = read::rejected(payload)?;
            // Only a refused question says that there is none.
            if said.code == 404 && verb != "get/rejected" {
                return None;
            }
            ShadowChange::Refused {
                code: said.code,
                message: said.message,
            }
        }
        _ => return None,
    })
}
