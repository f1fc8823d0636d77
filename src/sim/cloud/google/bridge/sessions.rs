//! Who is in, what has been heard from them, and what goes down to them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Place, split};
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::sim::broker::{Cause, Life};
use crate::sim::cloud::google::Google;
use crate::sim::cloud::google::registry::Device;
use crate::sim::cloud::google::token;
use crate::sim::cloud::{Answer, Command, Publication, Tick};

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
    pub(super) admitted: BTreeMap<String, i64>,
    pub(super) last_state: BTreeMap<String, Mono>,
    /// On their way to a gateway's errors topic.
    pub(super) errors: Vec<Publication>,
    /// For a device's `lastErrorStatus`.
    pub(super) wrongs: Vec<(String, u32, String)>,
    pub now: Moment,
}

impl Google {
    /// The device that a client id names, if it is one of this registry's.
    pub(super) fn device_of(&self, client: &str) -> Option<&Device> {
        let id = client.strip_prefix(&format!("{}/devices/", self.registry_path()))?;
        self.registry.devices.get(id)
    }

    pub fn client_of(&self, device: &str) -> String {
        format!("{}/devices/{device}", self.registry_path())
    }

    /// Devices attached to a gateway, or the device itself.
    pub(super) fn speaks_for(&self, client: &str, device: &str) -> bool {
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
            Life::Disconnected { client, cause, .. } => {
                // A takeover tells the old end before the new beginning.
                let session = self.sessions.remove(client);
                if let (Some(session), Cause::TakenOver) = (session, cause) {
                    let device = self.registry.devices.get_mut(&session.device);
                    if let Some(device) = device {
                        device.wrong(now.wall, 6, "another active connection exists");
                    }
                }
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
            Life::Acknowledged { topic, payload, .. } => {
                if let Some((id, Place::Config)) = split(topic)
                    && let Some(device) = self.registry.devices.get_mut(id)
                {
                    device.acknowledge(payload, now.wall);
                }
            }
            Life::Pinged { client } => {
                let session = self.sessions.get(client);
                let device = session.map(|session| session.device.as_str());
                if let Some(device) = device.and_then(|id| self.registry.devices.get_mut(id)) {
                    device.last_heartbeat = Some(now.wall);
                }
            }
            Life::Strange {
                client,
                kind,
                packet,
            } => self.wonder(client, kind, *packet),
            Life::Refused { .. } => {}
        }
        tick
    }
}
