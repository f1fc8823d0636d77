//! Commands: checked against the device's profile, completed with what has to stand beside them, sent one at a time
//! (`reference/lg-thinq.md` 11).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::Thinq;
use super::budget::Urgency;
use super::cache::{Described, STATE_GOOD};
use super::draft::body_of;
use super::error::ThinqError;
use super::profile;
use super::shared::lock;
use super::wire;
use crate::base::moment::Mono;
use crate::base::problem::{Exit, Problem};
use crate::domain::device::DeviceId;
use crate::domain::request::{Reply, Setting};
use crate::platform::io::Io;

/// LG's own layer throttles to this, per device.
const APART: Duration = Duration::from_secs(3);
/// LG asks to repeat a request (2210, 2209).
const AGAIN_AFTER: Duration = Duration::from_secs(3);

pub use super::draft::ControlError;

/// When each device was last commanded.
#[derive(Debug, Default)]
pub struct Commanded(Mutex<HashMap<DeviceId, Mono>>);

impl Thinq {
    pub(super) async fn control(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        settings: &[Setting],
        dry_run: bool,
    ) -> Result<Reply, Problem> {
        let what = format!("could not control {}", self.name(device));
        let described = self.profile(io, device, Urgency::Command).await;
        let described = described.map_err(|error| self.problem_of(&error, what.clone()))?;
        let _turn = self.lanes.turn(&format!("control {device}")).await;
        let body = self.body(io, device, &described, settings, &what).await?;
        let text = body.to_string();
        if dry_run {
            return Ok(Reply::Control {
                body: text,
                sent: false,
            });
        }
        self.command(io, device, body)
            .await
            .map_err(|error| self.control_problem(&error, what))?;
        Ok(Reply::Control {
            body: text,
            sent: true,
        })
    }

    /// A lost answer does not say that nothing was done.
    fn control_problem(&self, error: &ThinqError, what: String) -> Problem {
        let mut problem = self.problem_of(error, what);
        if error.is_lost() {
            "it may have been carried out all the same: look at the state before you repeat it"
                .clone_into(&mut problem.remedy);
        }
        problem
    }

    async fn body(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        described: &Described,
        settings: &[Setting],
        what: &str,
    ) -> Result<Value, Problem> {
        let known = if needs_state(&described.raw, settings) {
            let read = self.state(io, device, STATE_GOOD, Urgency::Command).await;
            Some(read.map_err(|error| self.problem_of(&error, what))?)
        } else {
            None
        };
        body(&described.raw, known.as_deref(), settings).map_err(|error| {
            let remedy =
                "look at what its profile allows: `thingdeck profile`, or x in the dashboard";
            Problem::new(what, error.to_string(), remedy).exit(Exit::Usage)
        })
    }

    async fn command(&self, io: &dyn Io, device: &DeviceId, body: Value) -> Result<(), ThinqError> {
        let last = lock(&self.commanded.0).get(device).copied();
        if let Some(left) = last
            .map(|last| last.plus(APART).since(io.now().mono))
            .filter(|left| !left.is_zero())
        {
            io.sleep(left).await;
        }
        let repeatable = !starts_something(&body);
        let call = wire::control(device, body);
        let mut outcome = self.command_once(io, device, &call).await;
        let asked = outcome
            .as_ref()
            .is_err_and(|error| error.is("2209") || error.is("2210"));
        if asked && repeatable {
            io.sleep(AGAIN_AFTER).await;
            outcome = self.command_once(io, device, &call).await;
        }
        if outcome.as_ref().is_err_and(|error| error.is("2207")) {
            self.cache.forget_profile(device);
        }
        outcome
    }

    async fn command_once(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        call: &wire::Call,
    ) -> Result<(), ThinqError> {
        lock(&self.commanded.0).insert(device.clone(), io.now().mono);
        let sent = self.call(io, call, Urgency::Command).await;
        self.cache.doubt_state(device);
        sent.map(|_accepted| ())
    }
}

/// Carried out twice, these do harm or nothing; a lost answer does not tell whether they were carried out.
fn starts_something(body: &Value) -> bool {
    match body {
        Value::String(word) => matches!(
            word.as_str(),
            "START" | "STOP" | "PAUSE" | "WAKE_UP" | "HOMING"
        ),
        Value::Array(parts) => parts.iter().any(starts_something),
        Value::Object(members) => members.values().any(starts_something),
        _ => false,
    }
}

/// Whether the body holds values that the settings do not bring.
pub fn needs_state(profile: &Value, settings: &[Setting]) -> bool {
    let spots = profile::spots(profile);
    body_of(&spots, None, settings).is_err_and(|error| matches!(error, ControlError::Lacks { .. }))
}

/// The exact body that sets `settings`, checked against the profile.
pub fn body(
    profile: &Value,
    known: Option<&Value>,
    settings: &[Setting],
) -> Result<Value, ControlError> {
    body_of(&profile::spots(profile), known, settings)
}
