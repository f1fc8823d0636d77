//! What a message on a reserved topic means. Pure, and stands any bytes.

use super::topics::{Provisioning, Reserved, reserved};
use super::{jobs, provision, shadow};
use crate::domain::device::DeviceId;
use crate::domain::message::Message;
use crate::domain::reading::{Kind, Reading};

pub(super) fn interpret(message: &Message) -> Reading {
    match reserved(message.topic.as_str()) {
        None => Reading::default(),
        Some(Reserved::Shadow { thing, name, verb }) => {
            shadow::interpret(message, thing, name, verb)
        }
        Some(Reserved::Jobs { thing, verb }) => jobs::interpret(message, thing, verb),
        Some(Reserved::Provisioning(step)) => provisioning(message, step),
        Some(Reserved::Client { client, .. }) => about(Kind::Presence, client),
        Some(Reserved::Other { thing: Some(thing) }) => about(Kind::Message, thing),
        Some(Reserved::Other { thing: None }) => Reading::default(),
    }
}

fn provisioning(message: &Message, step: Provisioning<'_>) -> Reading {
    Reading {
        mask: vec!["privateKey", "certificateOwnershipToken"],
        ..provision::interpret(message, step)
    }
}

fn about(kind: Kind, device: &str) -> Reading {
    Reading {
        kind,
        device: Some(DeviceId::new(device)),
        ..Reading::default()
    }
}
