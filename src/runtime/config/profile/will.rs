//! `will = { topic = "…", payload = "…" }`: what the broker publishes for a client that is gone without a word; and what a
//! client says of itself when it comes and before it leaves.

use bytes::Bytes;
use toml::de::DeValue;

use super::mqtt::{MOST_BYTES, only_in_five, text};
use crate::base::problem::Problem;
use crate::domain::message::{Draft, Properties, Qos, Will};
use crate::domain::profile::Version;
use crate::domain::topic::Topic;
use crate::runtime::config::section::Section;

const KEYS: [&str; 4] = ["topic", "payload", "qos", "retain"];
/// MQTT 5 only (3.1.3.2).
const FIVE_KEYS: [&str; 6] = [
    "delay",
    "content_type",
    "response_topic",
    "correlation_data",
    "expiry",
    "user",
];

pub(super) fn read(section: &Section<'_>, version: Version) -> Result<Option<Will>, Problem> {
    let Some(will) = section.section("will")? else {
        return Ok(None);
    };
    will.only(&[&KEYS[..], &FIVE_KEYS].concat())?;
    for key in FIVE_KEYS {
        only_in_five(&will, key, version)?;
    }
    let draft = draft(&will, properties(&will)?)?;
    let delay = will.number("delay", 0, i64::from(u32::MAX))?.unwrap_or(0);
    Ok(Some(Will { draft, delay }))
}

/// `on_connect = { … }`, `on_disconnect = { … }`: what is published by ourselves, and when.
pub(super) fn message(section: &Section<'_>, key: &str) -> Result<Option<Draft>, Problem> {
    let Some(message) = section.section(key)? else {
        return Ok(None);
    };
    message.only(&KEYS)?;
    Ok(Some(draft(&message, None)?))
}

fn draft(message: &Section<'_>, properties: Option<Box<Properties>>) -> Result<Draft, Problem> {
    Ok(Draft {
        topic: topic(message)?,
        payload: payload(message)?,
        qos: message
            .number("qos", 0, 2)?
            .and_then(Qos::from_number)
            .unwrap_or_default(),
        retain: message.flag("retain")?.unwrap_or(false),
        properties,
    })
}

fn topic(will: &Section<'_>) -> Result<Topic, Problem> {
    let remedy = "write { topic = \"a/b\", payload = \"…\" }";
    let text = will.required_text("topic", remedy)?;
    Topic::parse(&text)
        .map_err(|why| will.wrong("topic", format!("{text:?} is no topic: {why}"), remedy))
}

fn payload(will: &Section<'_>) -> Result<Bytes, Problem> {
    let text = will.text("payload")?.unwrap_or_default();
    if text.len() > MOST_BYTES {
        return Err(will.wrong("payload", "it is longer than 65,535 bytes", "shorten it"));
    }
    Ok(Bytes::from(text))
}

fn properties(will: &Section<'_>) -> Result<Option<Box<Properties>>, Problem> {
    let response_topic = text(will, "response_topic")?;
    if let Some(Err(why)) = response_topic.as_deref().map(Topic::parse) {
        return Err(will.wrong("response_topic", why.to_string(), "correct its value"));
    }
    let properties = Properties {
        expiry: will.number("expiry", 0, i64::from(u32::MAX))?,
        content_type: text(will, "content_type")?,
        response_topic,
        correlation_data: text(will, "correlation_data")?.map(Bytes::from),
        user: user(will)?,
        ..Properties::default()
    };
    Ok((!properties.is_empty()).then(|| Box::new(properties)))
}

/// `user = [["name", "value"]]`: names may repeat, and their order counts.
fn user(will: &Section<'_>) -> Result<Vec<(String, String)>, Problem> {
    let Some(items) = will.array("user")? else {
        return Ok(Vec::new());
    };
    let pair = |item: &DeValue<'_>| match item {
        DeValue::Array(pair) => {
            match pair.iter().map(toml::Spanned::get_ref).collect::<Vec<_>>()[..] {
                [DeValue::String(name), DeValue::String(value)] => {
                    Some((name.to_string(), value.to_string()))
                }
                _ => None,
            }
        }
        _ => None,
    };
    let pairs: Option<Vec<_>> = items.iter().map(|item| pair(item.get_ref())).collect();
    pairs.ok_or_else(|| {
        let remedy = "write user = [[\"name\", \"value\"]]";
        will.wrong("user", "it must be a list of pairs of texts", remedy)
    })
}
