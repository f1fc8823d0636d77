//! What a platform tells about the world: each a small, complete statement that the core files under its device.

use std::sync::Arc;

use serde_json::Value;

use super::device::{Device, DeviceId, Presence};
use super::jobs::JobsNews;
use super::model::Model;
use super::relay::RelayNews;
use super::shadow::ShadowNews;
use super::subscription::{Feed, FeedState};
use crate::base::moment::Timestamp;
use crate::base::problem::Problem;

#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// One step of the sign-in (`client registered`), as it happens.
    Step(Step),
    /// One step of something that was asked for and takes a while (a new thing, a test), as it happens.
    Progress(Progress),
    /// The complete list: what is not in it is gone.
    Devices(Vec<Device>),
    DeviceAdded(Device),
    /// Known by a message alone: no list names it, and nothing is to be asked about it.
    DeviceHeard(Device),
    DeviceRemoved(DeviceId),
    DeviceRenamed {
        device: DeviceId,
        name: String,
    },
    Presence {
        device: DeviceId,
        presence: Presence,
    },
    /// What the device can do, from its profile.
    Model {
        device: DeviceId,
        model: Arc<Model>,
    },
    /// The whole state as the platform knows it.
    State {
        device: DeviceId,
        state: Arc<Value>,
    },
    /// A partial report, to be merged (`domain::state::merge`).
    Report {
        device: DeviceId,
        patch: Arc<Value>,
    },
    /// A feed as the server confirmed it.
    Feed {
        device: DeviceId,
        feed: Feed,
        state: FeedState,
    },
    /// The adapter gave up on one device's feed: named with code and words.
    FeedFailed {
        device: DeviceId,
        feed: Feed,
        state: FeedState,
        problem: Problem,
    },
    Budget(Budget),
    /// The credentials stopped working while the program runs: ask for new ones, end nothing.
    TokenRefused(Problem),
    /// Something a person should read once.
    Notice(Problem),
    Shadow(Box<ShadowNews>),
    Jobs(Box<JobsNews>),
    Relay(Box<RelayNews>),
}

// `Value` holds floats, which are only partially equal; facts are compared in tests alone.
impl Eq for Fact {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Short and stable: `route`, `client`, `certificate`, `mqtt`…
    pub name: &'static str,
    /// For a person: `certificate issued, valid until 2049-12-31`.
    pub text: String,
    pub state: StepState,
}

/// See [`Fact::Progress`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    /// When what it stands on ends (a token): counted down on the screen.
    pub until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    Running,
    Done,
    /// Not needed: kept from an earlier start.
    Kept,
    Failed,
}

/// How many REST calls were made, and whether they rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Calls in the last 60 minutes.
    pub calls_this_hour: u32,
    /// The platform's call limit was hit: no call before this time. The stream is not touched by it.
    pub resting_until: Option<Timestamp>,
}
