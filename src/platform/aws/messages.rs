//! What a message on a reserved topic means, and which thing an ordinary one is about. Stands any bytes.

use super::topics::{Provisioning, Reserved, reserved};
use super::{Aws, jobs, provision, shadow};
use crate::domain::device::DeviceId;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::{Kind, Reading};

/// Levels of an ordinary topic that may name a thing.
const LEVELS: usize = 8;

impl Aws {
    pub(super) fn read(&self, message: &Message) -> Reading {
        if message.direction == Direction::In {
            self.counted().received(message.at);
        }
        let mut reading = self.interpreted(message);
        let heard = reading.device.as_ref();
        let heard = heard.filter(|_| message.direction == Direction::In);
        if let Some(fact) = heard.and_then(|device| self.things.hear(device)) {
            reading.facts.insert(0, fact);
        }
        reading
    }

    fn interpreted(&self, message: &Message) -> Reading {
        match reserved(message.topic.as_str()) {
            Some(Reserved::Client { event, client }) => {
                self.presences().read(message, event, client)
            }
            None => self.of_a_known_thing(message.topic.as_str()),
            Some(other) => interpret(message, other),
        }
    }

    /// `my/things/RPI/update` is about RPI when there is a thing of that name.
    fn of_a_known_thing(&self, topic: &str) -> Reading {
        let mut levels = topic
            .split('/')
            .take(LEVELS)
            .filter(|level| level.len() > 1);
        Reading {
            device: levels
                .find(|level| self.things.knows(level))
                .map(DeviceId::new),
            ..Reading::default()
        }
    }
}

fn interpret(message: &Message, reserved: Reserved<'_>) -> Reading {
    match reserved {
        Reserved::Shadow { thing, name, verb } => shadow::interpret(message, thing, name, verb),
        Reserved::Jobs { thing, verb } => jobs::interpret(message, thing, verb),
        Reserved::Provisioning(step) => provisioning(message, step),
        Reserved::Client { client, .. } => about(Kind::Presence, client),
        Reserved::Other { thing: Some(thing) } => about(Kind::Message, thing),
        Reserved::Other { thing: None } => Reading::default(),
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
