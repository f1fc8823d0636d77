//! The bridge's topics (`reference/google-iot-core.md` 5).

use crate::domain::topic::{Topic, TopicFilter};

/// A topic of one device, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceTopic<'a> {
    pub device: &'a str,
    pub place: Place<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// With the subfolder, where there is one.
    Events(Option<&'a str>),
    State,
    Config,
    Commands(Option<&'a str>),
    Attach,
    Detach,
    Errors,
}

/// `None`: none of the bridge's.
pub fn parse(topic: &str) -> Option<DeviceTopic<'_>> {
    let rest = topic.strip_prefix("/devices/")?;
    let (device, place) = rest.split_once('/')?;
    let (first, folder) = match place.split_once('/') {
        Some((first, folder)) => (first, Some(folder)),
        None => (place, None),
    };
    let place = match (first, folder) {
        ("events", folder) => Place::Events(folder),
        ("commands", folder) => Place::Commands(folder),
        ("state", None) => Place::State,
        ("config", None) => Place::Config,
        ("attach", None) => Place::Attach,
        ("detach", None) => Place::Detach,
        ("errors", None) => Place::Errors,
        _ => return None,
    };
    is_id(device).then_some(DeviceTopic { device, place })
}

/// Up to 255 characters, first a letter, then letters, digits and `- . _ + ~ %`, not beginning with `goog`. The registry
/// makes none of less than 3; a bridge that has a shorter one is taken at its word.
pub fn is_id(id: &str) -> bool {
    (1..=255).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && !id.starts_with("goog")
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._+~%".contains(c))
}

fn topic(device: &str, place: &str) -> Option<Topic> {
    Topic::parse(&format!("/devices/{device}/{place}")).ok()
}

/// `None` for an id with a `+`, which no topic can hold.
pub fn attach(device: &str) -> Option<Topic> {
    topic(device, "attach")
}

pub fn detach(device: &str) -> Option<Topic> {
    topic(device, "detach")
}

pub fn config(device: &str) -> Option<TopicFilter> {
    TopicFilter::parse(&format!("/devices/{device}/config")).ok()
}

/// All subfolders: one alone cannot be subscribed.
pub fn commands(device: &str) -> Option<TopicFilter> {
    TopicFilter::parse(&format!("/devices/{device}/commands/#")).ok()
}

pub fn errors(gateway: &str) -> Option<TopicFilter> {
    TopicFilter::parse(&format!("/devices/{gateway}/errors")).ok()
}
