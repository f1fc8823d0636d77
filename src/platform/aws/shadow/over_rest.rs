//! The same over REST (`reference/aws-iot.md` 7), signed with the profile's credentials.

use std::sync::Arc;

use bytes::Bytes;

use super::super::Aws;
use super::super::rest::{Call, Plane, Refusal, path};
use super::update_body;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::shadow::{Doing, ShadowKey, ShadowReply, ShadowRequest, read};
use crate::platform::io::{Io, Method};

/// Named shadows that are listed at most; a thing has a handful.
const MOST_NAMES: usize = 1000;
const PAGE: usize = 100;

pub(super) async fn request(
    aws: &Aws,
    io: &dyn Io,
    what: ShadowRequest,
) -> Result<ShadowReply, Problem> {
    let ShadowRequest::Names(thing) = &what else {
        return one(aws, io, &what).await;
    };
    names(aws, io, thing).await
}

async fn one(aws: &Aws, io: &dyn Io, what: &ShadowRequest) -> Result<ShadowReply, Problem> {
    let (key, method, body) = match what {
        ShadowRequest::Get(key) => (key, Method::Get, None),
        ShadowRequest::Delete(key) => (key, Method::Delete, None),
        ShadowRequest::Update {
            key,
            state,
            version,
            token,
        } => {
            let body = update_body(state, *version, token.as_deref());
            (key, Method::Post, Some(Bytes::from(body)))
        }
        ShadowRequest::Names(_) => return Ok(ShadowReply::Names(Vec::new())),
    };
    let call = Call {
        plane: Plane::Data,
        method,
        path: path(&["things", key.thing.as_str(), "shadow"]),
        query: key.name.iter().map(|name| ("name", name.clone())).collect(),
        body,
        label: format!("{} things/{}/shadow", method.word(), key.thing.as_str()),
    };
    match aws.call(io, call).await {
        Ok(answer) => super::accepted(what, &answer.body),
        Err(refusal) => refused(key, what.doing(), refusal),
    }
}

/// What is about the document is the document's; what is about who asks names who signed.
fn refused(key: &ShadowKey, doing: Doing, refusal: Refusal) -> Result<ShadowReply, Problem> {
    match refusal {
        Refusal::Said(said) if matches!(said.status, 400 | 404 | 409 | 413 | 415 | 429) => {
            Ok(ShadowReply::Refused {
                code: said.status,
                message: said.message,
            })
        }
        refusal => Err(refusal.problem(&format!("could not {} the {key}", doing.words()))),
    }
}

async fn names(aws: &Aws, io: &dyn Io, thing: &DeviceId) -> Result<ShadowReply, Problem> {
    let what = format!("could not list the shadows of {}", thing.as_str());
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut query = vec![("pageSize", PAGE.to_string())];
        query.extend(next.take().map(|token| ("nextToken", token)));
        let call = Call {
            query,
            ..Call::get(
                Plane::Data,
                path(&[
                    "api",
                    "things",
                    "shadow",
                    "ListNamedShadowsForThing",
                    thing.as_str(),
                ]),
                format!("GET ListNamedShadowsForThing/{}", thing.as_str()),
            )
        };
        let answer = match aws.call(io, call).await {
            Ok(answer) => answer,
            Err(Refusal::Said(said)) if said.status == 404 => {
                return Ok(ShadowReply::Refused {
                    code: 404,
                    message: said.message,
                });
            }
            Err(refusal) => return Err(refusal.problem(&what)),
        };
        let text: Arc<str> = Arc::from(String::from_utf8_lossy(&answer.body));
        let Some((mut page, token)) = read::names(&text) else {
            let cause = "what AWS answered is no list of shadows";
            return Err(Problem::new(what, cause, "the log shows the answer"));
        };
        let is_last = page.is_empty() || all.len() + page.len() >= MOST_NAMES;
        all.append(&mut page);
        next = token.filter(|_| !is_last);
        if next.is_none() {
            return Ok(ShadowReply::Names(all));
        }
    }
}
