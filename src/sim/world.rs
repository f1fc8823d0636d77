//! The simulated home: devices that live by themselves, the same way for the same seed.
//!
//! [`World::tick`] is the only thing that moves it; it is a pure function of the seed, the controls and the instants
//! it is called with. An hour of a washing machine passes in seconds here.

mod apply;
pub mod catalog;
mod life;
pub mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use self::catalog::{Entry, Kind};
use self::life::Life;
use crate::base::moment::Mono;

/// One appliance of the account.
#[derive(Debug, Clone)]
pub struct Device {
    pub id: String,
    pub kind: &'static Kind,
    pub alias: String,
    pub model: String,
    /// False: it never reports by itself, and event subscriptions to it are refused.
    pub reportable: bool,
    pub online: bool,
    pub profile: Value,
    pub state: Value,
    rng: Rng,
    next: Mono,
    turn: u64,
    since: BTreeMap<String, (String, u32)>,
}

/// What a device lets the cloud know.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Part of the state that changed, in the state's nesting.
    Report { device: String, report: Value },
    /// A notification.
    Push { device: String, code: String },
    /// An accepted control arrived. Its report, if anything changed, stands before it.
    Controlled { device: String },
}

#[derive(Debug, Clone)]
struct Command {
    due: Mono,
    device: String,
    body: Value,
}

#[derive(Debug)]
pub struct World {
    devices: Vec<Device>,
    commands: Vec<Command>,
    /// For everything that is not one device's own life, so that a control does not change what devices do.
    rng: Rng,
    removed: Vec<String>,
    /// Devices do nothing by themselves.
    pub frozen: bool,
}

impl World {
    /// `count` devices (the home's own number when none), all of them from `seed`.
    pub fn new(seed: u64, count: Option<usize>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let devices = catalog::home(count)
            .into_iter()
            .map(|entry| Device::new(entry, &mut rng))
            .collect();
        Self {
            devices,
            commands: Vec::new(),
            rng,
            removed: Vec::new(),
            frozen: false,
        }
    }

    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    pub fn device(&self, id: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    pub fn device_mut(&mut self, id: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    /// Whether a device with this id was once here.
    pub fn was_removed(&self, id: &str) -> bool {
        self.removed.iter().any(|gone| gone == id)
    }

    /// A new appliance joins the account; returns its id.
    pub fn add(&mut self, kind: &'static Kind, alias: &str) -> String {
        let entry = Entry {
            kind,
            alias: alias.to_owned(),
            reportable: true,
            online: true,
        };
        let device = Device::new(entry, &mut self.rng);
        let id = device.id.clone();
        self.devices.push(device);
        id
    }

    pub fn remove(&mut self, id: &str) -> Option<Device> {
        let at = self.devices.iter().position(|device| device.id == id)?;
        self.removed.push(id.to_owned());
        Some(self.devices.remove(at))
    }

    /// A control that the cloud has accepted: it reaches the device in 0.3 to 0.8 s.
    pub fn obey(&mut self, id: &str, body: Value, now: Mono) {
        let latency = Duration::from_millis(self.rng.u64(300..=800));
        self.commands.push(Command {
            due: now.plus(latency),
            device: id.to_owned(),
            body,
        });
    }

    /// Lets the time until `now` pass. A device takes one step at most, however much time went by.
    pub fn tick(&mut self, now: Mono) -> Vec<News> {
        let mut news = Vec::new();
        let (due, later) = std::mem::take(&mut self.commands)
            .into_iter()
            .partition(|command| command.due <= now);
        self.commands = later;
        for command in due {
            if let Some(device) = self.device_mut(&command.device) {
                device.obey(&command.body, &mut news);
            }
        }
        for device in &mut self.devices {
            if device.next <= now && !self.frozen {
                device.live(now, &mut news);
            }
        }
        news
    }

    /// A report of what is so already: load for those who want to see many messages.
    pub fn repeat(&mut self, id: &str) -> Option<Value> {
        let pick = self.rng.usize(..);
        self.device(id)
            .map(|device| report::some_resource(&device.state, pick))
    }
}

impl Device {
    fn new(entry: Entry, rng: &mut Rng) -> Self {
        let mut own = rng.fork();
        let id = (0..4).map(|_| format!("{:016x}", own.u64(..))).collect();
        Self {
            id,
            kind: entry.kind,
            alias: entry.alias,
            model: entry.kind.model.to_owned(),
            reportable: entry.reportable,
            online: entry.online,
            profile: entry.kind.profile(),
            state: entry.kind.state(),
            next: Mono(Duration::from_millis(own.u64(200..1500))),
            turn: 0,
            since: BTreeMap::new(),
            rng: own,
        }
    }

    /// Whether the remote control is switched on at the appliance, for all of its parts.
    pub fn set_remote_control(&mut self, on: bool) {
        set_everywhere(&mut self.state, "remoteControlEnabled", &json!(on));
    }

    fn obey(&mut self, body: &Value, news: &mut Vec<News>) {
        let before = self.state.clone();
        apply::apply(&self.profile, &mut self.state, body);
        self.report(&before, news);
        news.push(News::Controlled {
            device: self.id.clone(),
        });
    }

    fn live(&mut self, now: Mono, news: &mut Vec<News>) {
        let (least, most) = self.kind.pace;
        self.next = now.plus(Duration::from_millis(self.rng.u64(least..=most)));
        if !self.online {
            return;
        }
        self.turn += 1;
        let before = self.state.clone();
        let mut life = Life {
            state: &mut self.state,
            rng: &mut self.rng,
            turn: self.turn,
            since: &mut self.since,
            pushes: Vec::new(),
        };
        (self.kind.live)(&mut life);
        let pushes = life.pushes;
        self.report(&before, news);
        for code in pushes {
            news.push(News::Push {
                device: self.id.clone(),
                code: code.to_owned(),
            });
        }
    }

    fn report(&self, before: &Value, news: &mut Vec<News>) {
        if let Some(report) = report::difference(before, &self.state) {
            news.push(News::Report {
                device: self.id.clone(),
                report,
            });
        }
    }
}

fn set_everywhere(value: &mut Value, key: &str, to: &Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if name == key {
                    *member = to.clone();
                } else {
                    set_everywhere(member, key, to);
                }
            }
        }
        Value::Array(entries) => entries
            .iter_mut()
            .for_each(|entry| set_everywhere(entry, key, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
