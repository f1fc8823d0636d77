//! Huawei's IoT platform: IoTDA and the older v1 interface over MQTT, and REST v5 (`reference/huawei-iot.md`).
//!
//! Nothing here knows sockets or tasks. Where section 11 of the reference says "not verified", a comment says what was
//! chosen.

mod access;
pub mod downlink;
mod event;
mod iam;
mod life;
pub mod login;
pub mod model;
pub mod registry;
mod routes;
pub mod sign;
mod topic;
mod uplink;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::Value;

use self::access::Aside;
use self::downlink::Ask;
pub use self::downlink::Unreached;
use self::iam::Token;
use self::life::Living;
pub use self::life::measured;
use self::model::Product;
use self::registry::{Auth, Device, Status};
use self::sign::Keys;
use super::{Cloud, HttpAnswer, HttpRequest, Publication, Tick, joined};
use crate::base::moment::{Moment, Timestamp};
use crate::base::secret::Secret;
use crate::sim::broker::Life;
use crate::sim::ca::Authority;

/// The resource space that every device is in.
pub const APP: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// Who may use the REST side.
#[derive(Debug, Clone)]
pub struct Account {
    pub region: String,
    pub project: String,
    pub keys: Keys,
    /// The account's name; IAM calls it domain.
    pub domain: String,
    pub user: String,
    pub password: Secret,
}

/// A device's connection.
#[derive(Debug)]
struct Session {
    device: String,
    /// Its id in topics: device id, or node id where it came with that.
    login: String,
    filters: BTreeSet<String>,
}

pub struct Huawei {
    pub account: Account,
    /// By device id.
    pub devices: BTreeMap<String, Device>,
    /// Of its MQTT over TLS: `host:port`.
    pub address: String,
    /// Which signature REST wants, whatever the host is.
    pub required: Option<sign::Kind>,
    /// The certificates of devices are of this one.
    authority: Arc<Authority>,
    /// By client id.
    sessions: BTreeMap<String, Session>,
    /// By ticket.
    asks: BTreeMap<u64, Ask>,
    tickets: u64,
    mid: u16,
    numbers: u64,
    /// Of the list of sub-devices.
    version: u64,
    tokens: Vec<Token>,
    /// Rules are asked with a shared reference; what they count is here.
    aside: RefCell<Aside>,
    /// What has come from devices: device, topic, payload.
    pub uplinks: VecDeque<(String, String, Bytes)>,
    living: Living,
    frozen: bool,
    /// Whose turn it is under load.
    turn: usize,
}

/// Messages of devices that are kept for those who look.
const UPLINKS: usize = 10_000;

impl Huawei {
    pub fn new(account: Account, authority: Arc<Authority>, seed: u64, now: Moment) -> Self {
        let huawei = Self {
            account,
            devices: BTreeMap::new(),
            address: String::new(),
            required: None,
            authority,
            sessions: BTreeMap::new(),
            asks: BTreeMap::new(),
            tickets: 0,
            mid: 0,
            numbers: 0,
            version: 0,
            tokens: Vec::new(),
            aside: RefCell::default(),
            uplinks: VecDeque::new(),
            living: Living::new(Rng::with_seed(seed)),
            frozen: false,
            turn: 0,
        };
        huawei.clock(now);
        huawei
    }

    /// A new device, newest of all.
    pub fn add(
        &mut self,
        product: Product,
        node: &str,
        name: &str,
        auth: Auth,
        now: Timestamp,
    ) -> &mut Device {
        let mut device = Device::new(self.next_number(), node, name, product, now);
        device.auth = auth;
        let id = device.id.clone();
        self.devices.entry(id).or_insert(device)
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The list of sub-devices has changed.
    const fn bump(&mut self) {
        self.version += 1;
    }

    /// By device id, or by node id.
    pub fn find(&self, id: &str) -> Option<&Device> {
        let by_node = || self.devices.values().find(|device| device.node_id == id);
        self.devices.get(id).or_else(by_node)
    }

    /// Freezes a device, or no longer. Who is frozen is thrown out.
    pub fn freeze_device(&mut self, id: &str, frozen: bool) -> Tick {
        let mut tick = Tick::default();
        let Some(id) = self.find(id).map(|device| device.id.clone()) else {
            return tick;
        };
        if let Some(device) = self.devices.get_mut(&id) {
            device.frozen = frozen;
        }
        if frozen {
            tick.commands.extend(self.eviction(&id));
        }
        tick
    }

    /// Ends the connection of a device.
    fn eviction(&self, id: &str) -> Option<super::Command> {
        let (client, _) = self.session_of(id)?;
        Some(super::Command::Disconnect {
            client: client.to_owned(),
            forget: true,
            with_will: false,
        })
    }

    fn session_of(&self, device: &str) -> Option<(&str, &Session)> {
        let mut sessions = self.sessions.iter();
        let found = sessions.find(|(_, session)| session.device == device);
        found.map(|(client, session)| (client.as_str(), session))
    }

    /// The device itself, or the gateway that speaks for it; two levels at most (`reference/huawei-iot.md` 3).
    fn carrier(&self, id: &str) -> Option<&Device> {
        let mut device = self.devices.get(id)?;
        for _ in 0..2 {
            match &device.gateway {
                None => return Some(device),
                Some(gateway) => device = self.devices.get(gateway)?,
            }
        }
        device.gateway.is_none().then_some(device)
    }

    /// Everything behind a gateway.
    fn behind(&self, gateway: &str) -> Vec<String> {
        let all = self.devices.values();
        all.filter(|device| device.id != gateway)
            .filter(|device| self.carrier(&device.id).is_some_and(|c| c.id == gateway))
            .map(|device| device.id.clone())
            .collect()
    }

    fn come(&mut self, client: &str, device: &str, now: Timestamp) -> Tick {
        let mut tick = Tick::default();
        // One connection a device: the newer wins, whatever hour stands in its client id.
        let others = self
            .sessions
            .iter()
            .filter(|(other, session)| session.device == device && *other != client);
        tick.commands.extend(others.map(|(other, _)| {
            let client = other.clone();
            super::Command::Replace { client }
        }));
        if let Some(device) = self.devices.get_mut(device) {
            device.set_status(Status::Online, now);
        }
        joined(tick, self.deliver_letters(device, now))
    }

    fn gone(&mut self, client: &str, now: Timestamp) {
        let Some(session) = self.sessions.remove(client) else {
            return;
        };
        if self.session_of(&session.device).is_some() {
            return;
        }
        let mut offline = self.behind(&session.device);
        offline.push(session.device);
        for id in offline {
            if let Some(device) = self.devices.get_mut(&id)
                && device.status == Status::Online
            {
                device.set_status(Status::Offline, now);
            }
        }
    }

    fn lived(&mut self, life: &Life, now: Moment) -> Tick {
        match life {
            Life::Connected(arrival) => {
                let Some((device, login)) = self.whose(&arrival.client) else {
                    return Tick::default();
                };
                let (device, login) = (device.id.clone(), login.to_owned());
                if let (Some(known), Some(certificate)) =
                    (self.devices.get_mut(&device), &arrival.identity.certificate)
                    && let Auth::Certificate(fingerprint @ None) = &mut known.auth
                {
                    *fingerprint = Some(login::sha256(certificate));
                }
                let session = Session {
                    device: device.clone(),
                    login,
                    filters: BTreeSet::new(),
                };
                self.sessions.insert(arrival.client.clone(), session);
                self.come(&arrival.client, &device, now.wall)
            }
            Life::Disconnected { client, .. } => {
                self.gone(client, now.wall);
                Tick::default()
            }
            Life::Subscribed {
                client, filters, ..
            } => {
                let Some(session) = self.sessions.get_mut(client) else {
                    return Tick::default();
                };
                let filters = filters.iter().map(|(filter, _)| filter.clone());
                session.filters.extend(filters);
                let device = session.device.clone();
                self.deliver_letters(&device, now.wall)
            }
            Life::Unsubscribed {
                client, filters, ..
            } => {
                if let Some(session) = self.sessions.get_mut(client) {
                    session.filters.retain(|filter| !filters.contains(filter));
                }
                Tick::default()
            }
            Life::Acknowledged { .. }
            | Life::Refused { .. }
            | Life::Pinged { .. }
            | Life::Strange { .. } => Tick::default(),
        }
    }

    /// The shadow of a device as REST shows it.
    pub fn shadow(&self, id: &str) -> Option<Value> {
        self.find(id).map(|device| device.shadow_json(None))
    }

    fn clock(&self, now: Moment) {
        self.aside.borrow_mut().now = now;
    }
}

impl Cloud for Huawei {
    fn http(&mut self, request: &HttpRequest, now: Moment) -> HttpAnswer {
        self.clock(now);
        routes::answer(self, request, now)
    }

    fn later(&mut self, ticket: u64, _now: Moment) -> Option<HttpAnswer> {
        routes::late(self, ticket)
    }

    fn failure(&self, code: &str, _request: &HttpRequest, _now: Moment) -> HttpAnswer {
        routes::failure(code)
    }

    fn hear_from(&mut self, client: &str, heard: &Publication, now: Moment) -> Tick {
        self.clock(now);
        let Some(session) = self.sessions.get(client) else {
            return Tick::default();
        };
        let device = session.device.clone();
        if self.uplinks.len() >= UPLINKS {
            self.uplinks.pop_front();
        }
        let (topic, payload) = (heard.topic.clone(), heard.payload.clone());
        self.uplinks.push_back((device.clone(), topic, payload));
        self.heard(&device, heard, now)
    }

    fn life(&mut self, life: &Life, now: Moment) -> Tick {
        self.clock(now);
        self.lived(life, now)
    }

    fn aftermath(&mut self, _now: Moment) -> Tick {
        std::mem::take(&mut self.living.pending)
    }

    fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    fn tick(&mut self, now: Moment) -> Tick {
        self.clock(now);
        let mut tick = joined(self.aftermath(now), self.overdue(now));
        self.expire_letters(now.wall);
        if !self.frozen {
            tick = joined(tick, life::live(self, now));
        }
        tick
    }

    /// Messages to whoever is connected, in turn. They need no subscription, so they go with the next step of time.
    fn load(
        &mut self,
        count: usize,
        _now: Moment,
        is_busy: &dyn Fn(&str) -> bool,
    ) -> Vec<Publication> {
        let clients: Vec<_> = self
            .sessions
            .iter()
            .filter(|(client, _)| !is_busy(client))
            .map(|(_, session)| session.device.clone())
            .collect();
        if clients.is_empty() {
            return Vec::new();
        }
        for _ in 0..count {
            self.turn = self.turn.wrapping_add(1);
            let device = &clients[self.turn % clients.len()];
            let payload = format!("{{\"name\":\"load\",\"content\":{}}}", self.turn);
            if let Some(tick) = self.say_system(device, "messages/down", payload) {
                let pending = std::mem::take(&mut self.living.pending);
                self.living.pending = joined(pending, tick);
            }
        }
        Vec::new()
    }
}
