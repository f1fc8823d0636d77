//! Google IoT Core's bridge and its registry, as ClearBlade serves them and as Google did (`reference/google-iot-core.md`).
//!
//! Nothing here knows sockets or tasks. Where section 16 of the reference says "not verified", a comment says what was
//! chosen.

mod bridge;
mod life;
mod registry;
mod routes;
pub mod token;

use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;
use fastrand::Rng;

use self::bridge::{Aside, Session};
use self::life::Life as Living;
pub use self::registry::{Auth, Config, Device, Gateway, Registry};
use self::token::PublicKey;
use super::{Cloud, HttpAnswer, HttpRequest, Publication, Tick, joined};
use crate::base::moment::{Moment, Timestamp};
use crate::base::secret::Secret;
use crate::sim::broker::Life;

pub const PROJECT: &str = "plant";
pub const REGION: &str = "us-central1";
pub const REGISTRY: &str = "sensors";

/// What opens the REST side.
#[derive(Debug, Clone)]
pub struct Keys {
    /// ClearBlade's system and token for all registries.
    pub admin_system: String,
    pub admin_token: Secret,
    /// And for this one.
    pub registry_system: String,
    pub registry_token: Secret,
    /// Google's service account.
    pub account: String,
    pub account_key: PublicKey,
}

pub struct Google {
    pub project: String,
    pub region: String,
    pub registry: Registry,
    /// Others in the same project and region: names alone.
    pub others: Vec<String>,
    /// Google's CONNACK codes instead of ClearBlade's.
    pub google_codes: bool,
    /// Where this cloud answers over HTTP.
    pub url: String,
    keys: Keys,
    sessions: BTreeMap<String, Session>,
    /// `Rules` are asked with a shared reference; what they find out waits here.
    aside: RefCell<Aside>,
    /// What has reached Pub/Sub: topic and payload.
    pub telemetry: Vec<(String, Bytes)>,
    bearers: Vec<(String, Timestamp)>,
    living: Living,
    frozen: bool,
    /// Whose turn it is under load.
    turn: usize,
}

/// What has reached Pub/Sub is kept for those who look.
const TELEMETRY: usize = 100_000;

impl Google {
    /// `now`: who connects before the first tick is judged by it.
    pub fn new(registry: Registry, keys: Keys, url: String, seed: u64, now: Moment) -> Self {
        let cloud = Self {
            project: PROJECT.to_owned(),
            region: REGION.to_owned(),
            registry,
            others: vec!["archive".to_owned(), "greenhouse".to_owned()],
            google_codes: false,
            url,
            keys,
            sessions: BTreeMap::new(),
            aside: RefCell::default(),
            telemetry: Vec::new(),
            bearers: Vec::new(),
            living: Living::new(Rng::with_seed(seed)),
            frozen: false,
            turn: 0,
        };
        cloud.clock(now);
        cloud
    }

    /// `projects/P/locations/L/registries/R`.
    pub fn registry_path(&self) -> String {
        format!(
            "projects/{}/locations/{}/registries/{}",
            self.project, self.region, self.registry.id
        )
    }

    /// Devices attached to a gateway.
    pub fn attached(&self, gateway: &str) -> Vec<String> {
        let session = self.sessions.get(&self.client_of(gateway));
        session.map_or_else(Vec::new, |s| s.attached.keys().cloned().collect())
    }

    /// Blocks a device, or no longer. Who is blocked is thrown out.
    pub fn block(&mut self, id: &str, blocked: bool) -> Tick {
        if let Some(device) = self.registry.devices.get_mut(id) {
            device.blocked = blocked;
        }
        if !blocked {
            return Tick::default();
        }
        self.throw_out(id, &format!("Device {id} is blocked"));
        self.disconnect(id)
    }

    fn disconnect(&self, id: &str) -> Tick {
        let mut tick = Tick::default();
        tick.commands.push(super::Command::Disconnect {
            client: self.client_of(id),
            forget: true,
            with_will: false,
        });
        tick
    }

    /// A new configuration, sent by somebody at the console.
    pub fn configure(&mut self, id: &str, data: Bytes, now: Timestamp) -> Tick {
        let mut tick = Tick::default();
        if let Some(device) = self.registry.devices.get_mut(id) {
            device.configure(data, now);
            tick.answers.extend(self.deliver_config(id, now));
        }
        tick
    }

    /// A command, sent by somebody at the console. Nothing where nobody listens.
    pub fn command(&self, id: &str, subfolder: &str, data: Bytes) -> Tick {
        let mut tick = Tick::default();
        if let Some(client) = self.hears_commands(id) {
            let topic = match subfolder {
                "" => format!("/devices/{id}/commands"),
                folder => format!("/devices/{id}/commands/{folder}"),
            };
            tick.answers.push(super::Answer {
                client,
                publication: Publication::new(topic, data),
                unasked: false,
            });
        }
        tick
    }

    fn clock(&self, now: Moment) {
        self.aside.borrow_mut().now = now;
    }
}

impl Cloud for Google {
    fn http(&mut self, request: &HttpRequest, now: Moment) -> HttpAnswer {
        self.clock(now);
        routes::answer(self, request, now)
    }

    fn failure(&self, code: &str, _request: &HttpRequest, _now: Moment) -> HttpAnswer {
        routes::failure(code)
    }

    fn hear_from(&mut self, client: &str, heard: &Publication, now: Moment) -> Tick {
        self.clock(now);
        if self.telemetry.len() >= TELEMETRY {
            self.telemetry.clear();
        }
        let tick = self.heard(client, heard, now);
        joined(tick, self.settle(now))
    }

    fn life(&mut self, life: &Life, now: Moment) -> Tick {
        self.clock(now);
        let tick = self.lived(life, now);
        joined(tick, self.settle(now))
    }

    fn aftermath(&mut self, now: Moment) -> Tick {
        let pending = std::mem::take(&mut self.living.pending);
        joined(pending, self.settle(now))
    }

    fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    fn tick(&mut self, now: Moment) -> Tick {
        self.clock(now);
        let mut tick = self.aftermath(now);
        if !self.frozen {
            tick = joined(tick, life::live(self, now));
        }
        tick
    }

    /// Commands to whoever listens, in turn.
    fn load(
        &mut self,
        count: usize,
        _now: Moment,
        is_busy: &dyn Fn(&str) -> bool,
    ) -> Vec<Publication> {
        let listening: Vec<String> = self
            .registry
            .devices
            .keys()
            .filter(|id| {
                self.hears_commands(id)
                    .is_some_and(|client| !is_busy(&client))
            })
            .cloned()
            .collect();
        if listening.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::with_capacity(count);
        for _ in 0..count {
            self.turn = self.turn.wrapping_add(1);
            let id = &listening[self.turn % listening.len()];
            let topic = format!("/devices/{id}/commands/load");
            let payload = format!("{{\"number\":{}}}", self.turn);
            out.push(Publication::new(topic, payload).at_most_once());
        }
        out
    }
}
