//! What comes down: configurations, commands, errors (`reference/google-iot-core.md` 5, 6).

use super::Google;
use super::book::plain;
use super::errors;
use super::topics::{self, Place};
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::message::Message;
use crate::domain::reading::{Kind, Reading};

/// Tokens in what somebody else published must not be shown.
const MASK: [&str; 1] = ["authorization"];
/// Characters of a command beside its subfolder.
const LONGEST_GIST: usize = 120;

pub fn interpret(google: &Google, message: &Message) -> Reading {
    let Some(topic) = topics::parse(message.topic.as_str()) else {
        return Reading::default();
    };
    if topic.place == Place::Errors {
        return error(google, message);
    }
    let bytes = message.payload.len();
    let (kind, gist) = match topic.place {
        Place::Config if bytes == 0 => (Kind::Config, "the configuration is empty".to_owned()),
        Place::Config => (Kind::Config, String::new()),
        Place::Commands(None) => (Kind::Command, String::new()),
        Place::Commands(Some(folder)) => (Kind::Command, with_folder(folder, &message.payload)),
        Place::State => (Kind::State, String::new()),
        Place::Events(_) => (Kind::Event, String::new()),
        Place::Attach | Place::Detach | Place::Errors => (Kind::Message, String::new()),
    };
    Reading {
        kind,
        device: Some(DeviceId::new(topic.device)),
        gist,
        facts: newcomer(google, topic.device),
        mask: match topic.place {
            Place::Attach => MASK.to_vec(),
            _ => Vec::new(),
        },
    }
}

/// The subfolder is half of a command: both in a line.
fn with_folder(folder: &str, payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok("") => folder.to_owned(),
        Ok(text) => {
            let text: String = text.chars().take(LONGEST_GIST).collect();
            format!("{folder}: {text}")
        }
        Err(_) => format!("{folder}: {} bytes", payload.len()),
    }
}

fn newcomer(google: &Google, device: &str) -> Vec<Fact> {
    if google.book().heard_of(device) {
        vec![Fact::DeviceAdded(plain(device, false))]
    } else {
        Vec::new()
    }
}

fn error(google: &Google, message: &Message) -> Reading {
    let Some(error) = errors::parse(&message.payload) else {
        return Reading {
            kind: Kind::Error,
            device: Some(DeviceId::new(google.settings.identity.id())),
            ..Reading::default()
        };
    };
    let device = if error.device_id.is_empty() {
        google.settings.identity.id()
    } else {
        &error.device_id
    };
    Reading {
        kind: Kind::Error,
        device: Some(DeviceId::new(device)),
        gist: error.gist(),
        facts: Vec::new(),
        mask: Vec::new(),
    }
}
