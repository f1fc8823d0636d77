//! What both versions send alike, and what neither can send.

use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Disconnect, PingReq, PubAck, PubComp, PubRec, PubRel};
use rumqttc::mqttbytes::{self as v4};
use rumqttc::v5::mqttbytes as v5;

use super::Ack;
use crate::base::problem::{Exit, Problem};
use crate::domain::message::{Draft, Properties};
use crate::domain::profile::Version;
use crate::platform::plan::ConnectPlan;

/// The longest text or binary field (a two-byte length); rumqttc writes the length of a longer one wrong.
const MOST: usize = 65_535;

/// The same bytes in both versions: MQTT 5 leaves out a code that says that all is well.
pub fn acknowledge(ack: Ack, packet: u16, out: &mut BytesMut) {
    let written = match ack {
        Ack::Acknowledged => PubAck::new(packet).write(out),
        Ack::Recorded => PubRec::new(packet).write(out),
        Ack::Released => PubRel::new(packet).write(out),
        Ack::Completed => PubComp::new(packet).write(out),
    };
    always(&written);
}

pub fn ping(out: &mut BytesMut) {
    always(&PingReq.write(out));
}

/// A normal one: the last will is not published.
pub fn disconnect(out: &mut BytesMut) {
    always(&Disconnect.write(out));
}

/// These packets have a fixed size.
fn always(written: &Result<usize, v4::Error>) {
    debug_assert!(written.is_ok(), "{written:?}");
}

pub fn written(result: Result<usize, v4::Error>) -> Result<(), String> {
    match result {
        Ok(_) => Ok(()),
        Err(v4::Error::PayloadTooLong) => Err(TOO_LONG.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub fn written_v5(result: Result<usize, v5::Error>) -> Result<(), String> {
    match result {
        Ok(_) => Ok(()),
        Err(v5::Error::PayloadTooLong) => Err(TOO_LONG.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

const TOO_LONG: &str = "it is longer than any MQTT packet can be (256 MiB)";

/// Whole seconds in 16 bits; zero means none, and less than one second is not none.
pub fn seconds(keep_alive: Duration) -> u16 {
    match keep_alive.as_secs() {
        0 => u16::from(!keep_alive.is_zero()),
        seconds => u16::try_from(seconds).unwrap_or(u16::MAX),
    }
}

/// Whether a CONNECT can be made of it at all.
pub fn check(plan: &ConnectPlan) -> Result<(), Problem> {
    let v311 = plan.version == Version::V311;
    let username = plan.username.as_deref().unwrap_or_default();
    let password = plan.password.as_ref().map_or("", |secret| secret.expose());
    if plan.client_id.is_empty() && !plan.clean_session && v311 {
        let cause = "a kept session needs a client id, and it is empty";
        return Err(wrong(
            cause,
            "change `client_id` or `clean_session` in the profile",
        ));
    }
    if username.is_empty() && !password.is_empty() && v311 {
        let cause = "MQTT 3.1.1 allows no password without a user name";
        let remedy =
            "set `username` in the profile, or `version = \"5\"` where the broker speaks it";
        return Err(wrong(cause, remedy));
    }
    for (name, length) in [
        ("client_id", plan.client_id.len()),
        ("username", username.len()),
        ("password", password.len()),
    ] {
        if length > MOST {
            let cause = format!("`{name}` is {length} bytes long; at most 65,535 fit");
            return Err(wrong(&cause, &format!("change `{name}` in the profile")));
        }
    }
    match &plan.will {
        Some(will) => check_will(&will.draft, plan.version),
        None => Ok(()),
    }
}

fn check_will(draft: &Draft, version: Version) -> Result<(), Problem> {
    let remedy = "change the last will in the profile";
    if draft.payload.len() > MOST {
        let cause = format!(
            "the last will's payload is {} bytes long; at most 65,535 fit",
            draft.payload.len()
        );
        return Err(wrong(&cause, remedy));
    }
    match fields(draft, version) {
        Ok(()) => Ok(()),
        Err(cause) => Err(wrong(&format!("the last will: {cause}"), remedy)),
    }
}

fn wrong(cause: &str, remedy: &str) -> Problem {
    Problem::new("could not connect", cause, remedy).exit(Exit::Usage)
}

/// Whether a PUBLISH can be made of it.
pub fn check_draft(draft: &Draft, version: Version) -> Result<(), Problem> {
    fields(draft, version).map_err(|cause| {
        let what = format!("could not publish to {}", draft.topic);
        let remedy = match version {
            Version::V311 => "leave the properties out, or set `version = \"5\"` in the profile",
            Version::V5 => "make it shorter",
        };
        Problem::new(what, cause, remedy).exit(Exit::Usage)
    })
}

fn fields(draft: &Draft, version: Version) -> Result<(), String> {
    let Some(properties) = draft
        .properties
        .as_deref()
        .filter(|found| !found.is_empty())
    else {
        return Ok(());
    };
    if version == Version::V311 {
        return Err("it has properties, and MQTT 3.1.1 knows none".to_owned());
    }
    match longest(properties) {
        0..=MOST => Ok(()),
        length => Err(format!(
            "a property is {length} bytes long; at most 65,535 fit"
        )),
    }
}

fn longest(properties: &Properties) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let user = properties
        .user
        .iter()
        .map(|(name, value)| name.len().max(value.len()));
    user.chain([
        length(&properties.content_type),
        length(&properties.response_topic),
        properties
            .correlation_data
            .as_ref()
            .map_or(0, bytes::Bytes::len),
    ])
    .max()
    .unwrap_or(0)
}
