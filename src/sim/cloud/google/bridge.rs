//! The bridge's MQTT side: who may come in, what may be published and subscribed
//! (`reference/google-iot-core.md` 3, 5, 7).

mod gateway;
mod sessions;

use std::time::Duration;

use self::gateway::Complaint;
pub use self::sessions::{Aside, Session};
use super::Google;
use super::token;
use crate::domain::message::Qos;
use crate::sim::broker::{Identity, Limits, Rules, Verdict, Who};
use crate::sim::packet::{Connect, Publish, Version};

/// Bytes of one message.
const TELEMETRY: usize = 256 * 1024;
const STATE: usize = 64 * 1024;
/// 20 minutes without a packet, in terms of 1.5 keep-alives.
const IDLE: u16 = 800;
/// One state a second; who waits for a second between two may be hurried a little by the network.
const STATE_EVERY: Duration = Duration::from_millis(900);

enum Place {
    Events,
    State,
    Config,
    Commands,
    Attach,
    Detach,
    Errors,
    Nowhere,
}

/// Device and place of `/devices/ID/PLACE`.
fn split(topic: &str) -> Option<(&str, Place)> {
    let (device, place) = topic.strip_prefix("/devices/")?.split_once('/')?;
    let place = match place {
        "events" => Place::Events,
        "state" => Place::State,
        "config" => Place::Config,
        "commands" => Place::Commands,
        "attach" => Place::Attach,
        "detach" => Place::Detach,
        "errors" => Place::Errors,
        other if other.starts_with("events/") => Place::Events,
        other if other.starts_with("commands/") => Place::Commands,
        _ => Place::Nowhere,
    };
    Some((device, place))
}

/// 3 to 255 characters, the first a letter (`reference/google-iot-core.md` 5).
pub fn is_device_id(id: &str) -> bool {
    (3..=255).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_alphabetic())
        && !id.starts_with("goog")
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._+~%".contains(&byte))
}

impl Google {
    const fn refusal(&self) -> u8 {
        if self.google_codes { 5 } else { 4 }
    }

    fn note_wrong(&self, device: &str, code: u32, words: &str) {
        let wrong = (device.to_owned(), code, words.to_owned());
        self.aside.borrow_mut().wrongs.push(wrong);
    }

    fn closed(&self, device: &str, code: u32, words: &str) -> Verdict {
        self.note_wrong(device, code, words);
        Verdict::Closed
    }

    fn take_state(&self, device: &str, publish: &Publish) -> Verdict {
        if publish.payload.len() > STATE {
            return self.closed(device, 3, "state payload is too large");
        }
        let mut aside = self.aside.borrow_mut();
        let now = aside.now.mono;
        let before = aside.last_state.insert(device.to_owned(), now);
        drop(aside);
        match before {
            Some(before) if now.since(before) < STATE_EVERY => self.closed(
                device,
                8,
                "state update rate exceeded: more than 1 per second",
            ),
            _ => Verdict::Allowed,
        }
    }

    fn take_telemetry(&self, device: &str, publish: &Publish) -> Verdict {
        if !self.registry.pubsub {
            return self.closed(device, 9, "the registry has no Pub/Sub topic for telemetry");
        }
        if publish.payload.len() > TELEMETRY {
            return self.closed(device, 3, "telemetry payload is too large");
        }
        Verdict::Allowed
    }
}

impl Rules for Google {
    fn connect(&self, _: &Identity, connect: &Connect) -> Verdict {
        if connect.version != Version::V311 {
            return Verdict::Refused(1);
        }
        let parts: Vec<&str> = connect.client_id.split('/').collect();
        let shape = matches!(
            parts[..],
            ["projects", p, "locations", l, "registries", r, "devices", d]
                if !p.is_empty() && !l.is_empty() && !r.is_empty() && !d.is_empty()
        );
        if !shape {
            return Verdict::Refused(2);
        }
        let refused = Verdict::Refused(self.refusal());
        let Some(device) = self.device_of(&connect.client_id) else {
            return refused;
        };
        let Some(password) = &connect.password else {
            return refused;
        };
        let now = self.aside.borrow().now.wall;
        match token::check(password, &device.keys, &self.project, now) {
            Ok(_) if device.blocked => {
                self.note_wrong(&device.id, 7, "the device is blocked");
                refused
            }
            Ok(expires) => {
                let mut aside = self.aside.borrow_mut();
                aside.admitted.insert(connect.client_id.clone(), expires);
                Verdict::Allowed
            }
            Err(wrong) => {
                self.note_wrong(&device.id, 16, &wrong.to_string());
                refused
            }
        }
    }

    fn subscribe(&self, who: Who<'_>, filter: &str) -> Verdict {
        let Some(session) = self.sessions.get(who.client) else {
            return Verdict::Closed;
        };
        let device = match filter.strip_suffix("/commands/#") {
            Some(rest) => rest.strip_prefix("/devices/"),
            None => match split(filter) {
                Some((device, Place::Config)) => Some(device),
                Some((device, Place::Errors)) if session.is_gateway && device == session.device => {
                    return Verdict::Allowed;
                }
                _ => None,
            },
        };
        let known = device.filter(|id| !id.contains(['/', '+', '#']));
        match known {
            None => self.closed(
                &session.device,
                3,
                "subscription to a topic that is not allowed",
            ),
            Some(id) if self.speaks_for(who.client, id) => Verdict::Allowed,
            Some(id) if session.is_gateway => {
                self.complain(
                    &session.device,
                    &Complaint {
                        kind: "GATEWAY_DEVICE_NOT_FOUND",
                        device: id,
                        description: &format!("Device {id} is not attached to the gateway"),
                        message_type: "SUBSCRIBE",
                        topic: filter,
                        packet: 0,
                    },
                );
                Verdict::Refused(0x80)
            }
            Some(_) => self.closed(&session.device, 7, "subscription to another device's topic"),
        }
    }

    fn publish(&self, _: Who<'_>, _: &str) -> Verdict {
        // Of wills, which there are none of.
        Verdict::Closed
    }

    fn take(&self, who: Who<'_>, publish: &Publish) -> Verdict {
        let (Some(session), Some(own)) =
            (self.sessions.get(who.client), self.device_of(who.client))
        else {
            return Verdict::Closed;
        };
        let invalid = |words: &str| {
            if !session.is_gateway {
                return self.closed(&own.id, 3, words);
            }
            self.complain(
                &own.id,
                &Complaint {
                    kind: "GATEWAY_INVALID_MQTT_TOPIC",
                    device: &own.id,
                    description: words,
                    message_type: "PUBLISH",
                    topic: &publish.topic,
                    packet: publish.packet,
                },
            );
            Verdict::Discarded
        };
        let Some((id, place)) = split(&publish.topic) else {
            return invalid("The topic is not one of the bridge's");
        };
        if session.is_gateway && !is_device_id(id) {
            return invalid("The topic holds an id that no device can have");
        }
        match place {
            Place::Attach | Place::Detach if !session.is_gateway => self.closed(
                &own.id,
                7,
                "control message from a device that is no gateway",
            ),
            Place::Attach => self.attach_verdict(own, id, publish),
            // Acknowledged and ignored when it is not attached.
            Place::Detach => Verdict::Allowed,
            Place::Events | Place::State if !self.speaks_for(who.client, id) => {
                if session.is_gateway {
                    self.not_attached(&own.id, id, publish)
                } else {
                    self.closed(&own.id, 7, "publish for another device")
                }
            }
            Place::Events => self.take_telemetry(id, publish),
            Place::State => self.take_state(id, publish),
            Place::Config | Place::Commands | Place::Errors => {
                invalid("Nothing may be published there")
            }
            Place::Nowhere => invalid("The topic is not one of the bridge's"),
        }
    }

    fn hears(&self, _: &str) -> bool {
        true
    }

    fn limits(&self) -> Limits {
        Limits {
            version_5: true,
            filters_per_subscribe: usize::MAX,
            session_life: Duration::ZERO,
            maximum_qos: Qos::AtLeastOnce,
            // So that what is too large for the platform still gets to its rule.
            packet: 1 << 20,
            shared: false,
            retains: false,
            keep_alive_range: Some((1, IDLE)),
            follows: true,
            ..Limits::default()
        }
    }
}
