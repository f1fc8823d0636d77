//! What the things do by themselves: they report, follow what is desired, come and go, and work on jobs.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::registry::Registry;
use super::shadow::{Document, Shadows};
use super::topic::{ShadowRequest, Verb};
use super::{Aws, Source};
use crate::base::moment::{Moment, Mono, Timestamp};
use crate::sim::broker::Cause;
use crate::sim::cloud::{Publication, Tick};

/// Things beyond this number stand in the registry and do nothing.
const MOST_ALIVE: usize = 1000;

/// The thing that the story of the last will is about; it is the reader's own.
const READERS_OWN: &str = "RPI";

pub struct Fleet {
    pub frozen: bool,
    /// How much slower each of many things is, so that all of them together stay within what a connection takes.
    slowness: u32,
    devices: Vec<Device>,
    turn: usize,
    rng: Rng,
    /// When somebody wants something of some device, and when a job comes.
    wish: Mono,
    job: Mono,
    jobs: u32,
}

struct Device {
    thing: String,
    kind: Kind,
    rng: Rng,
    /// When it reports next; none: it lies in a drawer, or somebody else is this thing.
    due: Option<Mono>,
    /// Has been connected since the start.
    begun: bool,
    away: Option<Mono>,
    /// What it reported last.
    measured: Value,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pi,
    Climate,
    Lamp,
    Pump,
    Meter,
    Other,
}

impl Kind {
    fn of(word: Option<&str>) -> Self {
        match word {
            Some("RaspberryPi") => Self::Pi,
            Some("Climate") => Self::Climate,
            Some("Lamp") => Self::Lamp,
            Some("Pump") => Self::Pump,
            Some("Meter") => Self::Meter,
            _ => Self::Other,
        }
    }

    /// The first report.
    fn state(self, rng: &mut Rng) -> Value {
        match self {
            Self::Pi => {
                json!({"reported": {"connected": true, "led": "off", "cpu": 41.5, "label": "거실 라즈베리파이"}})
            }
            Self::Climate => json!({"reported": {
                "temp": 21.5, "humidity": rng.u8(40..60), "fan": "auto", "label": "温室 · 온실",
                "vents": [0, 0, 30],
            }, "desired": {"fan": "auto"}}),
            Self::Lamp => json!({
                "reported": {"on": false, "brightness": 40, "color": {"h": 30, "s": 80}, "label": "복도 조명"},
                "desired": {"on": false, "brightness": 40},
            }),
            Self::Pump => json!({
                "reported": {"running": true, "rpm": 1450, "pressure": 2.1, "label": "3号泵"},
                "desired": {"running": true, "rpm": 1450},
            }),
            Self::Meter => json!({"reported": {"kwh": 1024.5, "volts": 231, "label": "계량기"}}),
            Self::Other => json!({}),
        }
    }

    /// What somebody might want of it.
    fn wish(self, rng: &mut Rng) -> Option<Value> {
        match self {
            Self::Climate => Some(json!({"fan": *rng.choice(["auto", "low", "high"])?})),
            Self::Lamp => Some(json!({"on": rng.bool(), "brightness": rng.u8(1..=100)})),
            Self::Pump => Some(json!({"rpm": 1200 + u32::from(rng.u8(..10)) * 50})),
            Self::Pi | Self::Meter | Self::Other => None,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is measured here is small and not negative"
)]
fn whole(value: f64) -> u32 {
    value.round() as u32
}

fn slowness(devices: usize) -> u32 {
    u32::try_from(devices / 50).unwrap_or(u32::MAX).max(1)
}

impl Fleet {
    pub fn new(registry: &Registry, shadows: &mut Shadows, mut rng: Rng, now: Timestamp) -> Self {
        let mut devices = Vec::new();
        for thing in registry.things().iter().take(MOST_ALIVE) {
            let kind = Kind::of(thing.thing_type.as_deref());
            let mut own = rng.fork();
            // A thing without a type has never reported: there is no shadow yet.
            if kind != Kind::Other {
                shadows.plant(&thing.name, None, &kind.state(&mut own), now);
            }
            if kind == Kind::Pi {
                let network = json!({"reported": {"ssid": "우리집 5G", "rssi": -58}});
                shadows.plant(&thing.name, Some("network"), &network, now);
            }
            let firmware = thing.attribute("firmware").unwrap_or("1.0.0");
            if matches!(kind, Kind::Pi | Kind::Pump) {
                let firmware = json!({"reported": {"version": firmware, "slot": "A"}});
                shadows.plant(&thing.name, Some("firmware"), &firmware, now);
            }
            let slowness = slowness(registry.things().len().min(MOST_ALIVE));
            let first = Duration::from_millis(own.u64(300..6000)) * slowness;
            devices.push(Device {
                thing: thing.name.clone(),
                kind,
                due: (thing.name != READERS_OWN && kind != Kind::Other).then_some(Mono(first)),
                begun: false,
                away: None,
                measured: Value::Null,
                count: 0,
                rng: own,
            });
        }
        Self {
            frozen: false,
            slowness: slowness(devices.len()),
            devices,
            turn: 0,
            wish: Mono(Duration::from_secs(4)),
            job: Mono(Duration::from_secs(12)),
            jobs: 0,
            rng,
        }
    }

    /// A client has come with a thing's name: the simulator plays that thing no longer.
    pub fn yields(&mut self, client: &str) {
        if let Some(device) = self.devices.iter_mut().find(|d| d.thing == client) {
            device.due = None;
        }
    }

    /// More of the same, thing by thing, on topics that need no service.
    pub fn load(&mut self, count: usize) -> Vec<Publication> {
        let mut publications = Vec::with_capacity(count);
        for _ in 0..count {
            self.turn = (self.turn + 1) % self.devices.len().max(1);
            if let Some(device) = self.devices.get_mut(self.turn) {
                publications.push(device.telemetry().at_most_once());
            }
        }
        publications
    }
}

impl Device {
    /// What was measured last, numbered.
    fn telemetry(&mut self) -> Publication {
        self.count += 1;
        let mut body = json!({"thing": self.thing, "seq": self.count});
        if let (Some(body), Some(measured)) = (body.as_object_mut(), self.measured.as_object()) {
            body.extend(measured.clone());
        }
        Publication::new(format!("fleet/{}/telemetry", self.thing), body.to_string())
    }

    /// What it reports next, after what it has reported.
    fn report(&mut self, before: Option<&Value>) -> Value {
        let number = |name: &str| before.and_then(|before| before.get(name)?.as_f64());
        let is = |name: &str| before.and_then(|before| before.get(name)?.as_bool());
        let rng = &mut self.rng;
        let mut near = |before: Option<f64>, start: f64, step: f64, least: f64, most: f64| {
            let value = before.unwrap_or(start) + (rng.f64() - 0.5) * step;
            (value.clamp(least, most) * 100.0).round() / 100.0
        };
        match self.kind {
            Kind::Pi => json!({"cpu": near(number("cpu"), 41.5, 2.0, 35.0, 75.0)}),
            Kind::Climate => json!({
                "temp": near(number("temp"), 21.5, 0.6, 12.0, 35.0),
                "humidity": whole(near(number("humidity"), 50.0, 3.0, 30.0, 80.0)),
            }),
            Kind::Lamp => {
                let brightness = number("brightness").unwrap_or(40.0);
                let watts = if is("on") == Some(true) {
                    brightness * 0.09 + 0.4
                } else {
                    0.4
                };
                json!({"watts": near(Some(watts), 0.0, 0.1, 0.3, 12.0)})
            }
            Kind::Pump => json!({"pressure": near(number("pressure"), 2.1, 0.2, 1.5, 3.2)}),
            Kind::Meter => {
                let kwh = number("kwh").unwrap_or(1024.5);
                let used = near(Some(0.03), 0.0, 0.04, 0.01, 0.05);
                json!({
                    "kwh": ((kwh + used) * 100.0).round() / 100.0,
                    "volts": near(number("volts"), 231.0, 2.0, 226.0, 236.0),
                })
            }
            Kind::Other => json!({}),
        }
    }
}

impl Aws {
    pub(super) fn live(&mut self, now: Moment, tick: &mut Tick) {
        if self.fleet.frozen {
            return;
        }
        let mut devices = std::mem::take(&mut self.fleet.devices);
        for device in &mut devices {
            if !device.begun && device.due.is_some() {
                device.begun = true;
                let told = self.presence.thing_arrived(&device.thing, now.wall);
                self.spread_all(told, now.wall, 0, tick);
            }
            if device.due.is_some_and(|due| due <= now.mono) {
                self.step(device, now, tick);
            }
        }
        if self.fleet.wish <= now.mono {
            let wait = Duration::from_secs(self.fleet.rng.u64(6..14));
            self.fleet.wish = now.mono.plus(wait);
            self.wish(&mut devices, now, tick);
        }
        if self.fleet.job <= now.mono {
            self.fleet.job = now.mono.plus(Duration::from_secs(90));
            self.new_job(&devices, now, tick);
        }
        self.fleet.devices = devices;
    }

    fn step(&mut self, device: &mut Device, now: Moment, tick: &mut Tick) {
        let wait = Duration::from_millis(device.rng.u64(5000..15_000));
        device.due = Some(now.mono.plus(wait * self.fleet.slowness));
        if device.away.take().is_some() {
            let told = self.presence.thing_arrived(&device.thing, now.wall);
            return self.spread_all(told, now.wall, 0, tick);
        }
        if device.rng.u8(..40) == 0 {
            let back = now.mono.plus(Duration::from_secs(20));
            device.away = Some(back);
            device.due = Some(back);
            let told = self
                .presence
                .thing_left(&device.thing, Cause::Lost, now.wall);
            return self.spread_all(told, now.wall, 0, tick);
        }
        if self.work(device, now, tick) {
            return;
        }
        let document = self.shadows.document(&device.thing, None);
        let delta = document.and_then(Document::delta);
        device.measured = device.report(document.and_then(Document::reported));
        let telemetry = device.telemetry().at_most_once();
        self.spread(Source::Account, telemetry, now.wall, 0, tick);
        let state = match delta {
            Some((delta, _)) => delta,
            None => device.measured.clone(),
        };
        self.update(&device.thing, &json!({"reported": state}), now, tick);
    }

    /// As the thing's own program, or its owner's, would do it.
    fn update(&mut self, thing: &str, state: &Value, now: Moment, tick: &mut Tick) {
        let topic = format!("{}/update", super::shadow::prefix(thing, None));
        let body = json!({"state": state}).to_string();
        let publication = Publication::new(topic, body.clone());
        tick.publications.push(publication.clone());
        // Of a service, so that it is not taken for a request of a client, which would be counted.
        self.arrive(Source::Service, &publication, now.wall, 0, tick);
        let request = ShadowRequest {
            thing,
            name: None,
            verb: Verb::Update,
        };
        let outcome = self
            .shadows
            .request(request, body.as_bytes(), false, now.wall);
        self.spread_all(outcome.publications, now.wall, 1, tick);
    }

    fn wish(&mut self, devices: &mut [Device], now: Moment, tick: &mut Tick) {
        if devices.is_empty() {
            return;
        }
        let at = self.fleet.rng.usize(..devices.len());
        let Some(device) = devices.get_mut(at).filter(|d| d.due.is_some()) else {
            return;
        };
        if let Some(wish) = device.kind.wish(&mut device.rng) {
            device.due = Some(now.mono.plus(Duration::from_millis(2500)));
            let thing = device.thing.clone();
            self.update(&thing, &json!({"desired": wish}), now, tick);
        }
    }

    fn new_job(&mut self, devices: &[Device], now: Moment, tick: &mut Tick) {
        let idle = |device: &&Device| {
            device.due.is_some()
                && device.kind == Kind::Pump
                && self
                    .jobs
                    .executions(&device.thing)
                    .iter()
                    .all(|e| e.status.is_over())
        };
        let Some(device) = devices.iter().find(idle) else {
            return;
        };
        self.fleet.jobs += 1;
        let job = format!("firmware-{:03}", self.fleet.jobs);
        let document = json!({
            "operation": "update",
            "url": "https://example.com/firmware/1.9.0.bin",
            "note": "야간에만 설치 · 仅在夜间安装",
        });
        let told = self.jobs.queue(&device.thing, &job, document, now.wall);
        self.spread_all(told, now.wall, 0, tick);
    }

    /// Goes one step on with a job, where there is one.
    fn work(&mut self, device: &mut Device, now: Moment, tick: &mut Tick) -> bool {
        let open = self.jobs.executions(&device.thing).iter();
        let mut open = open.filter(|e| !e.status.is_over());
        let Some(job) = open.next() else {
            return false;
        };
        let done = job.details.get("progress").is_some();
        let rest = format!("{}/update", job.job);
        let body = if done {
            json!({"status": "SUCCEEDED", "statusDetails": {"progress": "100%"}})
        } else {
            json!({"status": "IN_PROGRESS", "statusDetails": {"progress": "40%"}})
        };
        let body = body.to_string();
        let thing = device.thing.clone();
        let (_, told) = self.jobs.request(&thing, &rest, body.as_bytes(), now.wall);
        self.spread_all(told, now.wall, 0, tick);
        true
    }
}
