//! What was read and is still good: the device list for seconds, states for seconds, profiles for a day. Identical
//! reads that are under way together become one call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::Thinq;
use super::book::Listed;
use super::budget::Urgency;
use super::error::ThinqError;
use super::shared::lock;
use super::wire::{self, Call};
use super::{feeds, profile};
use crate::base::moment::Mono;
use crate::base::problem::Problem;
use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::model::Model;
use crate::domain::request::Reply;
use crate::domain::session::LogLevel;
use crate::platform::io::Io;

const DEVICES_GOOD: Duration = Duration::from_secs(10);
/// For what a command has to bring along.
pub const STATE_GOOD: Duration = Duration::from_secs(30);
/// For a person who looks, and looks again to see whether something changed: only keys pressed twice are one question.
const LOOK_GOOD: Duration = Duration::from_secs(2);
const PROFILE_GOOD: Duration = Duration::from_hours(24);

#[derive(Debug, Clone)]
struct Kept<T> {
    value: T,
    at: Mono,
    /// Its place in the order of events.
    sequence: u64,
    /// Something happened since that it does not know of.
    stale: bool,
}

/// A profile, raw and read.
#[derive(Debug, Clone)]
pub struct Described {
    pub model: Arc<Model>,
    pub raw: Arc<Value>,
}

#[derive(Debug, Default)]
pub struct Cache {
    devices: Mutex<Option<Kept<Arc<Vec<Device>>>>>,
    profiles: Mutex<HashMap<DeviceId, Kept<Described>>>,
    states: Mutex<HashMap<DeviceId, Kept<Arc<Value>>>>,
    presence: Mutex<HashMap<DeviceId, Presence>>,
    /// That there are no devices is explained once.
    emptiness_told: AtomicBool,
    devices_doubted: AtomicBool,
}

impl Cache {
    pub fn presence(&self, device: &DeviceId) -> Presence {
        lock(&self.presence)
            .get(device)
            .copied()
            .unwrap_or_default()
    }

    pub fn devices(&self) -> Arc<Vec<Device>> {
        lock(&self.devices)
            .as_ref()
            .map(|kept| Arc::clone(&kept.value))
            .unwrap_or_default()
    }

    pub fn state(&self, device: &DeviceId) -> Option<Arc<Value>> {
        lock(&self.states)
            .get(device)
            .map(|kept| Arc::clone(&kept.value))
    }

    /// A command went out, or a report came: what was read before it says little.
    pub fn doubt_state(&self, device: &DeviceId) {
        if let Some(kept) = lock(&self.states).get_mut(device) {
            kept.stale = true;
        }
    }

    /// A message told of a change in the account: a hint to read the list again, no more (`reference/lg-thinq.md` 8.2).
    pub fn doubt_devices(&self) {
        self.devices_doubted.store(true, Ordering::Relaxed);
    }

    pub fn forget_profile(&self, device: &DeviceId) {
        lock(&self.profiles).remove(device);
    }

    fn set_presence(&self, io: &dyn Io, device: &DeviceId, presence: Presence) {
        lock(&self.presence).insert(device.clone(), presence);
        io.fact(Fact::Presence {
            device: device.clone(),
            presence,
        });
    }
}

impl Thinq {
    /// What to call a device in a sentence.
    pub(super) fn name(&self, device: &DeviceId) -> String {
        let devices = self.cache.devices();
        let known = devices.iter().find(|d| d.id == *device);
        known.map_or_else(|| device.as_str().chars().take(8).collect(), Device::label)
    }

    pub(super) async fn list_devices(
        &self,
        io: &dyn Io,
        fresh: bool,
    ) -> Result<Vec<Device>, Problem> {
        let good = if fresh { Duration::ZERO } else { DEVICES_GOOD };
        let listed = self.devices(io, good, Urgency::Look).await;
        listed
            .map(|devices| devices.to_vec())
            .map_err(|error| self.problem_of(&error, "could not list the devices"))
    }

    pub(super) async fn probe(&self, io: &dyn Io) -> Result<Reply, Problem> {
        self.forget_token();
        let listed = self.devices(io, Duration::ZERO, Urgency::Command).await;
        let devices =
            listed.map_err(|error| self.problem_of(&error, "could not sign in to LG ThinQ"))?;
        Ok(Reply::Probed {
            devices: devices.len(),
        })
    }

    pub(super) async fn devices(
        &self,
        io: &dyn Io,
        good: Duration,
        urgency: Urgency,
    ) -> Result<Arc<Vec<Device>>, ThinqError> {
        let recall = || lock(&self.cache.devices).clone();
        let call = wire::devices();
        self.once(io, &call, good, urgency, recall, |response, kept| {
            let devices = Arc::new(devices_of(&response));
            *lock(&self.cache.devices) = Some(kept.with(Arc::clone(&devices)));
            io.fact(Fact::Devices(devices.to_vec()));
            self.explain_emptiness(io, devices.is_empty());
            devices
        })
        .await
    }

    /// Once a message told of a change, until the list is there again.
    pub(super) async fn reread_doubted_devices(&self, io: &dyn Io) {
        if self.cache.devices_doubted.swap(false, Ordering::Relaxed)
            && let Err(error) = self.devices(io, Duration::ZERO, Urgency::Background).await
        {
            self.cache.doubt_devices();
            io.log(LogLevel::Warn, format!("devices: {error}; again later"));
        }
    }

    /// An empty list is also what a token of another account, or of another region, gives.
    fn explain_emptiness(&self, io: &dyn Io, empty: bool) {
        if !empty || self.cache.emptiness_told.swap(true, Ordering::Relaxed) {
            return;
        }
        io.fact(Fact::Notice(Problem::new(
            "LG lists no devices",
            format!(
                "the account has none, or the token is of another account (signing in by QR code makes such), or the country \
                 {} is not the account's",
                self.settings.country
            ),
            "add a device in the ThinQ app, or make a token signed in by id and password, and check `country`",
        )));
    }

    pub(super) async fn model_reply(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<Reply, Problem> {
        let described = self
            .profile(io, device, Urgency::Look)
            .await
            .map_err(|error| {
                self.problem_of(
                    &error,
                    format!("could not read the profile of {}", self.name(device)),
                )
            })?;
        Ok(Reply::Model {
            model: described.model,
            raw: described.raw,
        })
    }

    pub(super) async fn profile(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        urgency: Urgency,
    ) -> Result<Described, ThinqError> {
        let recall = || lock(&self.cache.profiles).get(device).cloned();
        let call = wire::profile(device);
        self.once(
            io,
            &call,
            PROFILE_GOOD,
            urgency,
            recall,
            |response, kept| {
                let described = Described {
                    model: Arc::new(profile::parse(&response)),
                    raw: Arc::new(response),
                };
                lock(&self.cache.profiles).insert(device.clone(), kept.with(described.clone()));
                io.fact(Fact::Model {
                    device: device.clone(),
                    model: Arc::clone(&described.model),
                });
                described
            },
        )
        .await
    }

    pub(super) async fn state_reply(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<Reply, Problem> {
        match self.state(io, device, LOOK_GOOD, Urgency::Look).await {
            Ok(state) => Ok(Reply::State(state)),
            // Out of budget, an older answer is better than none: what changed since came as messages.
            Err(error @ ThinqError::Spent { .. }) => {
                self.cache.state(device).map(Reply::State).ok_or_else(|| {
                    self.problem_of(
                        &error,
                        format!("could not read the state of {}", self.name(device)),
                    )
                })
            }
            Err(error) => Err(self.problem_of(
                &error,
                format!("could not read the state of {}", self.name(device)),
            )),
        }
    }

    pub(super) async fn state(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        good: Duration,
        urgency: Urgency,
    ) -> Result<Arc<Value>, ThinqError> {
        let recall = || lock(&self.cache.states).get(device).cloned();
        let call = wire::state(device);
        let read = self
            .once(io, &call, good, urgency, recall, |response, kept| {
                let state = Arc::new(response);
                lock(&self.cache.states).insert(device.clone(), kept.with(Arc::clone(&state)));
                io.fact(Fact::State {
                    device: device.clone(),
                    state: Arc::clone(&state),
                });
                self.cache.set_presence(io, device, Presence::Online);
                state
            })
            .await;
        if read.as_ref().is_err_and(|error| error.is("1222")) {
            self.cache.set_presence(io, device, Presence::Offline);
        }
        read
    }

    /// The devices that a feed's list names.
    pub(super) async fn listed(
        &self,
        io: &dyn Io,
        feed: crate::domain::subscription::Feed,
        urgency: Urgency,
    ) -> Result<Arc<Listed>, ThinqError> {
        let call = feeds::list_call(feed);
        // What another toggle asks for at this moment is good for us only when it was asked after our own request.
        let began = self.sequence.next();
        let turn = self.lanes.turn(&call.label).await;
        if let Some(listed) = self.feeds.listed_after(feed, began) {
            return Ok(listed);
        }
        let asked = self.sequence.next();
        let response = self.call(io, &call, urgency).await?;
        let listed = Arc::new(Listed::read(&response, asked));
        self.feeds.remember_list(feed, &listed);
        drop(turn);
        Ok(listed)
    }

    /// Takes what is kept when it is good, or was answered while we waited for our turn; else makes the call.
    async fn once<T: Clone>(
        &self,
        io: &dyn Io,
        call: &Call,
        good: Duration,
        urgency: Urgency,
        recall: impl Fn() -> Option<Kept<T>>,
        remember: impl FnOnce(Value, Blank) -> T,
    ) -> Result<T, ThinqError> {
        let began = self.sequence.next();
        let is_good = |kept: &Kept<T>| !kept.stale && io.now().mono.since(kept.at) < good;
        if let Some(kept) = recall().filter(is_good) {
            return Ok(kept.value);
        }
        let _turn = self
            .lanes
            .turn(&format!("{} {}", call.method.word(), call.path))
            .await;
        if let Some(kept) =
            recall().filter(|kept| is_good(kept) || (!kept.stale && kept.sequence > began))
        {
            return Ok(kept.value);
        }
        let response = self.call(io, call, urgency).await?;
        Ok(remember(
            response,
            Blank {
                at: io.now().mono,
                sequence: self.sequence.next(),
            },
        ))
    }
}

/// A `Kept` without its value.
struct Blank {
    at: Mono,
    sequence: u64,
}

impl Blank {
    fn with<T>(self, value: T) -> Kept<T> {
        Kept {
            value,
            at: self.at,
            sequence: self.sequence,
            stale: false,
        }
    }
}

/// Entries without an id are left out; everything else is kept as it is.
fn devices_of(response: &Value) -> Vec<Device> {
    let entries = response.as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(device_of).collect()
}

/// The list does not say who is connected, and what was read earlier may be older than the last message.
fn device_of(entry: &Value) -> Option<Device> {
    let id = DeviceId::new(entry.get("deviceId")?.as_str()?);
    let info = entry.get("deviceInfo").unwrap_or(entry);
    let text = |name: &str| {
        info.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Some(Device {
        presence: Presence::Unknown,
        attributes: Vec::new(),
        id,
        name: text("alias"),
        kind: text("deviceType"),
        model: text("modelName"),
        reportable: info
            .get("reportable")
            .and_then(Value::as_bool)
            .unwrap_or(true),
        group: info
            .get("groupId")
            .and_then(Value::as_str)
            .map(str::to_owned),
    })
}
