//! What may be asked of a platform, and what it answers. The same for every platform; what one cannot do its
//! [`Capabilities`](super::capability::Capabilities) say.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::connection_state::{Proof, Trial};
use super::device::{Device, DeviceId};
use super::jobs::{JobsReply, JobsRequest};
use super::model::Model;
use super::provision::{ProvisionRequest, Provisioned};
use super::relay::{RelayReply, RelayRequest};
use super::shadow::{ShadowReply, ShadowRequest};
use super::subscription::{Feed, FeedState};

/// Names one request; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The device list. `fresh` asks the platform even when a recent answer is at hand.
    Devices {
        fresh: bool,
    },
    Model {
        device: DeviceId,
    },
    State {
        device: DeviceId,
    },
    /// Both feeds of all devices, as the platform's lists tell.
    Feeds,
    /// Turn one feed on or off and answer with the state that the server confirms. `hours` as in
    /// `subscribe --hours`, 1 to 24; `None` for the profile's `event_hours`.
    Feed {
        device: DeviceId,
        feed: Feed,
        on: bool,
        hours: Option<u8>,
    },
    /// Set properties. With `dry_run` nothing is sent and the exact body comes back.
    Control {
        device: DeviceId,
        settings: Vec<Setting>,
        dry_run: bool,
    },
    Energy {
        device: DeviceId,
    },
    /// Unsubscribe, deregister, and delete the identity.
    SignOut,
    /// One cheap authorised call, to try credentials (the wizard's test).
    Probe,
    /// Leaving, the stream goes: end what the profile's owner does not want kept.
    Leave {
        end_push: bool,
        end_event: bool,
    },
    Shadow(ShadowRequest),
    Jobs(JobsRequest),
    /// Step by step, each told as a fact.
    Provision(Box<ProvisionRequest>),
    Relay(RelayRequest),
    /// Whether the shadow follows a device that is gone without a word.
    ConnectionState(Box<Trial>),
}

impl Eq for Request {}

/// One property to set: where it stands in the device's model, and the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub path: PropertyPath,
    pub value: Value,
}

impl Eq for Setting {}

/// Where a property stands. Written `[place.]resource.property`: `operation.airConOperationMode`,
/// `FREEZER.temperatureInUnits.targetTemperatureC`, `dryer.operation.dryerOperationMode`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertyPath {
    /// A location (`MAIN`, `FREEZER`), a half of a wash tower (`dryer`), or a unit (`C`) where the resource is listed
    /// by unit.
    pub place: Option<String>,
    pub resource: String,
    pub property: String,
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}.")?;
        }
        write!(f, "{}.{}", self.resource, self.property)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Devices(Vec<Device>),
    Model {
        model: Arc<Model>,
        raw: Arc<Value>,
    },
    State(Arc<Value>),
    Feeds(Vec<FeedEntry>),
    Feed(FeedState),
    /// The exact body, as sent or as it would be sent.
    Control {
        body: String,
        sent: bool,
    },
    Energy(Vec<Usage>),
    /// What could not be undone, in words; empty when all is clean.
    SignedOut {
        left: Vec<String>,
    },
    Probed {
        devices: usize,
    },
    Left {
        failed: Vec<String>,
    },
    Shadow(ShadowReply),
    Jobs(JobsReply),
    Provisioned(Box<Provisioned>),
    Relay(RelayReply),
    /// [`ProvisionRequest::Saved`] is done.
    Kept,
    ConnectionState(Proof),
}

impl Eq for Reply {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    pub device: DeviceId,
    pub feed: Feed,
    pub state: FeedState,
}

/// Energy of one day. ThinQ's unit is not documented; figures look like watt-hours.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// `YYYYMMDD`.
    pub date: String,
    pub property: String,
    pub amount: f64,
}
