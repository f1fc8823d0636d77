//! The bridge's MQTT side: who may come in, what may be published and subscribed, what a gateway is told
//! (`reference/google-iot-core.md` 3, 5, 6, 7).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::Google;
use super::registry::{Auth, Device};
use super::token;
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::domain::message::Qos;
use crate::sim::broker::{Identity, Life, Limits, Rules, Verdict, Who};
use crate::sim::cloud::{Answer, Command, Publication, Tick};
use crate::sim::packet::{Connect, Publish, Version};

/// Bytes of one message.
const TELEMETRY: usize = 256 * 1024;
const STATE: usize = 64 * 1024;
/// 20 minutes without a packet, in terms of 1.5 keep-alives.
const IDLE: u16 = 800;
/// Devices attached to one gateway.
const ATTACHED: usize = 1000;

/// A client that is in.
#[derive(Debug, Default)]
pub struct Session {
    pub device: String,
    pub is_gateway: bool,
    /// Seconds of 1970.
    expires: i64,
    /// With the end of the token that came along.
    pub attached: BTreeMap<String, Option<i64>>,
    pub filters: BTreeSet<String>,
}

/// What happens while rules are only asked.
#[derive(Debug, Default)]
pub struct Aside {
    /// Ends of the tokens that came with CONNECTs.
    admitted: BTreeMap<String, i64>,
    last_state: BTreeMap<String, Mono>,
    /// On their way to a gateway's errors topic.
    errors: Vec<Publication>,
    /// For a device's `lastErrorStatus`.
    wrongs: Vec<(String, u32, String)>,
    pub now: Moment,
}

/// What a gateway is told of its devices.
pub struct Complaint<'a> {
    pub kind: &'static str,
    pub device: &'a str,
    pub description: &'a str,
    pub message_type: &'static str,
    pub topic: &'a str,
    pub packet: u16,
}

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

impl Google {
    /// The device that a client id names, if it is one of this registry's.
    fn device_of(&self, client: &str) -> Option<&Device> {
        let id = client.strip_prefix(&format!("{}/devices/", self.registry_path()))?;
        self.registry.devices.get(id)
    }

    pub fn client_of(&self, device: &str) -> String {
        format!("{}/devices/{device}", self.registry_path())
    }

    const fn refusal(&self) -> u8 {
        if self.google_codes { 5 } else { 4 }
    }

    fn complain(&self, gateway: &str, complaint: &Complaint<'_>) {
        let body = json!({
            "error_type": complaint.kind,
            "device_id": complaint.device,
            "description": complaint.description,
            "message_type": complaint.message_type,
            "topic": complaint.topic,
            "packet_id": complaint.packet,
        });
        let topic = format!("/devices/{gateway}/errors");
        let publication = Publication::new(topic, body.to_string()).at_most_once();
        self.aside.borrow_mut().errors.push(publication);
    }

    fn note_wrong(&self, device: &str, code: u32, words: &str) {
        let wrong = (device.to_owned(), code, words.to_owned());
        self.aside.borrow_mut().wrongs.push(wrong);
    }

    fn closed(&self, device: &str, code: u32, words: &str) -> Verdict {
        self.note_wrong(device, code, words);
        Verdict::Closed
    }

    /// Whether a device may be attached to this gateway with this payload; the end of its token, or why not.
    fn may_attach(
        &self,
        gateway: &Device,
        id: &str,
        payload: &[u8],
    ) -> Result<Option<i64>, String> {
        let now = self.aside.borrow().now.wall;
        let Some(device) = self.registry.devices.get(id) else {
            return Err(format!("Device {id} not found"));
        };
        if device.gateway.is_some() {
            return Err(format!("{id} is a gateway itself"));
        }
        if device.blocked {
            return Err(format!("Device {id} is blocked"));
        }
        let Some(admits) = &gateway.gateway else {
            return Err("not a gateway".to_owned());
        };
        if admits.auth == Auth::Unspecified {
            return Err("The gateway's authentication method is not set".to_owned());
        }
        if admits.auth.wants_binding() && !admits.bound.contains(id) {
            return Err(format!("Device {id} is not associated with the gateway"));
        }
        if !admits.auth.wants_token() {
            return Ok(None);
        }
        let body: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
        let given = body.get("authorization").and_then(|v| v.as_str());
        match given.filter(|token| !token.is_empty()) {
            None => Err(format!("An authorization token for {id} is required")),
            Some(given) => token::check(given.as_bytes(), &device.keys, &self.project, now)
                .map(Some)
                .map_err(|wrong| format!("The authorization token of {id} was refused: {wrong}")),
        }
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
            Some(before) if now.since(before) < Duration::from_secs(1) => self.closed(
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

    /// A message for a device behind the gateway that is not attached.
    fn not_attached(&self, gateway: &str, device: &str, publish: &Publish) -> Verdict {
        self.complain(
            gateway,
            &Complaint {
                kind: "GATEWAY_DEVICE_NOT_FOUND",
                device,
                description: &format!("Device {device} is not attached to the gateway"),
                message_type: "PUBLISH",
                topic: &publish.topic,
                packet: publish.packet,
            },
        );
        Verdict::Discarded
    }

    fn attach_verdict(&self, gateway: &Device, device: &str, publish: &Publish) -> Verdict {
        let session = self.sessions.get(&self.client_of(&gateway.id));
        let is_full = session
            .is_some_and(|s| s.attached.len() >= ATTACHED && !s.attached.contains_key(device));
        let outcome = if is_full {
            Err(format!("More than {ATTACHED} devices are attached"))
        } else {
            self.may_attach(gateway, device, &publish.payload)
        };
        let Err(words) = outcome else {
            return Verdict::Allowed;
        };
        self.note_wrong(device, 7, &words);
        self.complain(
            &gateway.id,
            &Complaint {
                kind: "GATEWAY_ATTACHMENT_ERROR",
                device,
                description: &words,
                message_type: "PUBLISH",
                topic: &publish.topic,
                packet: publish.packet,
            },
        );
        Verdict::Discarded
    }

    /// Devices attached to a gateway, or the device itself.
    fn speaks_for(&self, client: &str, device: &str) -> bool {
        self.sessions.get(client).is_some_and(|session| {
            session.device == device || session.attached.contains_key(device)
        })
    }

    /// The client through which a device is reached, if any.
    pub fn reached_by(&self, device: &str) -> Option<&str> {
        let mut sessions = self.sessions.iter();
        let found = sessions.find(|(client, _)| self.speaks_for(client, device));
        found.map(|(client, _)| client.as_str())
    }

    /// Whether whoever speaks for the device listens to its commands.
    pub fn hears_commands(&self, device: &str) -> Option<String> {
        let client = self.reached_by(device)?;
        let filter = format!("/devices/{device}/commands/#");
        let session = self.sessions.get(client)?;
        session.filters.contains(&filter).then(|| client.to_owned())
    }

    /// The newest configuration, to whoever listens for it.
    pub fn deliver_config(&mut self, id: &str, now: Timestamp) -> Option<Answer> {
        let client = self.reached_by(id)?.to_owned();
        let topic = format!("/devices/{id}/config");
        if !self.sessions.get(&client)?.filters.contains(&topic) {
            return None;
        }
        let device = self.registry.devices.get_mut(id)?;
        device.last_config_send = Some(now);
        let data = device.newest()?.data.clone();
        Some(Answer {
            client,
            publication: Publication::new(topic, data),
            unasked: false,
        })
    }

    /// Detached by the platform, with the reason on the errors topic.
    pub fn throw_out(&mut self, id: &str, words: &str) {
        let mut gateways = Vec::new();
        for session in self.sessions.values_mut() {
            if session.attached.remove(id).is_some() {
                session
                    .filters
                    .retain(|f| !f.starts_with(&format!("/devices/{id}/")));
                gateways.push(session.device.clone());
            }
        }
        for gateway in gateways {
            self.complain(
                &gateway,
                &Complaint {
                    kind: "GATEWAY_DETACHMENT_DEVICE_ERROR",
                    device: id,
                    description: words,
                    message_type: "",
                    topic: "",
                    packet: 0,
                },
            );
        }
    }

    /// What was put aside, and tokens that have ended.
    pub fn settle(&mut self, now: Moment) -> Tick {
        let mut tick = Tick::default();
        let mut ended = Vec::new();
        let mut over = Vec::new();
        for (client, session) in &self.sessions {
            if session.expires + token::SKEW < now.wall.seconds() {
                over.push(client.clone());
            }
            let stale = session
                .attached
                .iter()
                .filter(|(_, end)| end.is_some_and(|end| end + token::SKEW < now.wall.seconds()));
            ended.extend(stale.map(|(device, _)| device.clone()));
        }
        for device in ended {
            self.throw_out(&device, "the device's authorization token has expired");
        }
        let disconnect = |client| Command::Disconnect {
            client,
            forget: true,
            with_will: false,
        };
        tick.commands.extend(over.into_iter().map(disconnect));
        let mut aside = self.aside.borrow_mut();
        tick.publications.append(&mut aside.errors);
        let wrongs = std::mem::take(&mut aside.wrongs);
        drop(aside);
        for (device, code, words) in wrongs {
            if let Some(device) = self.registry.devices.get_mut(&device) {
                device.wrong(now.wall, code, &words);
            }
        }
        tick
    }

    pub fn heard(&mut self, client: &str, heard: &Publication, now: Moment) -> Tick {
        let Some((id, place)) = split(&heard.topic) else {
            return Tick::default();
        };
        match place {
            Place::Events => {
                if let Some(device) = self.registry.devices.get_mut(id) {
                    device.last_event = Some(now.wall);
                }
                self.telemetry
                    .push((heard.topic.clone(), heard.payload.clone()));
            }
            Place::State => {
                if let Some(device) = self.registry.devices.get_mut(id) {
                    device.tell_state(heard.payload.clone(), now.wall);
                }
            }
            Place::Attach => self.admit(client, id, &heard.payload, now),
            Place::Detach => {
                if let Some(session) = self.sessions.get_mut(client) {
                    session.attached.remove(id);
                    session
                        .filters
                        .retain(|f| !f.starts_with(&format!("/devices/{id}/")));
                }
            }
            Place::Config | Place::Commands | Place::Errors | Place::Nowhere => {}
        }
        Tick::default()
    }

    fn admit(&mut self, client: &str, id: &str, payload: &Bytes, now: Moment) {
        let Some(gateway) = self.device_of(client).cloned() else {
            return;
        };
        let until = self.may_attach(&gateway, id, payload).ok().flatten();
        // Only one gateway speaks for a device.
        for session in self.sessions.values_mut() {
            session.attached.remove(id);
        }
        if let Some(session) = self.sessions.get_mut(client) {
            session.attached.insert(id.to_owned(), until);
        }
        if let Some(device) = self.registry.devices.get_mut(id) {
            device.last_gateway = Some((gateway.id, now.wall));
        }
    }

    pub fn lived(&mut self, life: &Life, now: Moment) -> Tick {
        let mut tick = Tick::default();
        match life {
            Life::Connected(arrival) => {
                let Some(device) = self.device_of(&arrival.client) else {
                    return tick;
                };
                let expires = self.aside.borrow_mut().admitted.remove(&arrival.client);
                let session = Session {
                    device: device.id.clone(),
                    is_gateway: device.gateway.is_some(),
                    expires: expires.unwrap_or_default(),
                    ..Session::default()
                };
                let id = session.device.clone();
                self.sessions.insert(arrival.client.clone(), session);
                if let Some(device) = self.registry.devices.get_mut(&id) {
                    device.last_heartbeat = Some(now.wall);
                }
            }
            Life::Disconnected { client, .. } => {
                // A takeover tells the old end before the new beginning.
                self.sessions.remove(client);
            }
            Life::Subscribed {
                client, filters, ..
            } => {
                for (filter, _) in filters {
                    if let Some(session) = self.sessions.get_mut(client) {
                        session.filters.insert(filter.clone());
                    }
                    if let Some((device, Place::Config)) = split(filter) {
                        tick.answers.extend(self.deliver_config(device, now.wall));
                    }
                }
            }
            Life::Unsubscribed {
                client, filters, ..
            } => {
                if let Some(session) = self.sessions.get_mut(client) {
                    session.filters.retain(|filter| !filters.contains(filter));
                }
            }
            Life::Acknowledged { topic, .. } => {
                if let Some((id, Place::Config)) = split(topic)
                    && let Some(device) = self.registry.devices.get_mut(id)
                {
                    device.acknowledge(now.wall);
                }
            }
            Life::Refused { .. } => {}
        }
        tick
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
            keep_alive_range: Some((1, IDLE)),
            follows: true,
            ..Limits::default()
        }
    }
}
