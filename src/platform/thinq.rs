//! LG ThinQ Connect: REST for what is asked and commanded, MQTT over mutual TLS for what the cloud tells
//! (`reference/lg-thinq.md`).

mod attend;
mod book;
mod budget;
mod cache;
mod call;
pub mod codes;
pub mod control;
mod draft;
mod energy;
mod enroll;
pub mod error;
mod feeds;
mod identity;
mod messages;
mod plan;
mod profile;
mod region;
mod shared;
mod signout;
mod silence;
mod together;
mod wire;

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::io::Io;
use super::plan::ConnectPlan;
use super::{Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::capability::Capabilities;
use crate::domain::fact::Fact;
use crate::domain::message::Message;
use crate::domain::model::Model;
use crate::domain::profile::{Common, PlatformId, ThinqSettings};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};

pub use budget::{BACKGROUND_HOURLY, HOURLY};
pub use region::Region;

/// The model in a device profile. Never fails: what it cannot read is not in it.
pub fn model(profile: &Value) -> Model {
    profile::parse(profile)
}

/// One ThinQ account.
pub struct Thinq {
    settings: ThinqSettings,
    common: Common,
    token: Mutex<Option<Secret>>,
    /// A refused token is told once, not at every call.
    token_told: AtomicBool,
    budget: Mutex<budget::Budget>,
    lanes: shared::Lanes,
    sequence: shared::Sequence,
    enrolment: Mutex<enroll::Enrolment>,
    cache: cache::Cache,
    feeds: book::Book,
    energy: energy::Refusals,
    commanded: control::Commanded,
}

impl Thinq {
    pub fn new(settings: ThinqSettings, common: Common) -> Self {
        Self {
            settings,
            common,
            token: Mutex::default(),
            token_told: AtomicBool::new(false),
            budget: Mutex::default(),
            lanes: shared::Lanes::default(),
            sequence: shared::Sequence::default(),
            enrolment: Mutex::default(),
            cache: cache::Cache::default(),
            feeds: book::Book::default(),
            energy: energy::Refusals::default(),
            commanded: control::Commanded::default(),
        }
    }

    async fn answer(&self, io: &dyn Io, what: Request) -> Result<Reply, Problem> {
        match what {
            Request::Devices { fresh } => self.list_devices(io, fresh).await.map(Reply::Devices),
            Request::Model { device } => self.model_reply(io, &device).await,
            Request::State { device } => self.state_reply(io, &device).await,
            Request::Feeds => self.list_feeds(io).await.map(Reply::Feeds),
            Request::Feed {
                device,
                feed,
                on,
                hours,
            } => self
                .set_feed(io, &device, feed, on, hours)
                .await
                .map(Reply::Feed),
            Request::Control {
                device,
                settings,
                dry_run,
            } => self.control(io, &device, &settings, dry_run).await,
            Request::Energy { device } => self.energy(io, &device).await.map(Reply::Energy),
            Request::SignOut => Ok(Reply::SignedOut {
                left: self.sign_out(io).await,
            }),
            Request::Probe => self.probe(io).await,
            Request::Shadow(_)
            | Request::Jobs(_)
            | Request::Provision(_)
            | Request::Relay(_)
            | Request::ConnectionState(_) => Err(Problem::new(
                "LG ThinQ has no answer to this",
                "it has no shadows, jobs, provisioning and gateways",
                "use state and control",
            )
            .exit(Exit::Usage)),
            Request::Leave {
                end_push,
                end_event,
            } => Ok(Reply::Left {
                failed: self.leave(io, end_push, end_event).await,
            }),
        }
    }
}

impl Platform for Thinq {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Thinq,
            capabilities: Capabilities::THINQ,
        }
    }

    fn interpret(&self, message: &Message) -> Reading {
        let reading = messages::interpret(message);
        for fact in &reading.facts {
            match fact {
                // What was read before a report would take it back.
                Fact::Report { device, .. } => self.cache.doubt_state(device),
                Fact::DeviceAdded(_) | Fact::DeviceRemoved(_) | Fact::DeviceRenamed { .. } => {
                    self.cache.doubt_devices();
                }
                _ => {}
            }
        }
        reading
    }

    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        Box::pin(self.connect_plan(io))
    }

    fn attend<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(self.beside_connection(io))
    }

    fn refused<'a>(&'a self, io: &'a dyn Io, problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(self.renew_once(io, problem))
    }

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(self.answer(io, what))
    }
}
