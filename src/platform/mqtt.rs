//! Any MQTT broker: nothing but the broker itself. Topics stand for devices; the core makes them from what is heard.

pub mod address;
mod plan;
mod silence;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub use plan::keeps_session;
use silence::Silence;

use super::io::Io;
use super::plan::ConnectPlan;
use super::{Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::message::Message;
use crate::domain::profile::{Common, MqttSettings, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};

/// See the module.
pub struct Mqtt {
    settings: MqttSettings,
    common: Common,
    /// The client id that was made up for a profile without one: the same for the whole run.
    made_up: OnceLock<String>,
    silence: Mutex<Silence>,
}

impl Mqtt {
    pub fn new(settings: MqttSettings, common: Common) -> Self {
        Self {
            settings,
            common,
            made_up: OnceLock::new(),
            silence: Mutex::default(),
        }
    }

    /// A broker may answer pings and deliver nothing: the stream's own past says when that is odd.
    async fn listen(&self, io: &dyn Io) -> Leave {
        self.silence().begin(io.heard());
        loop {
            io.sleep(silence::EVERY).await;
            let fallen_silent = self.silence().look(io.now().mono, io.heard());
            if let Some(reason) = fallen_silent {
                io.silent(&reason);
            }
        }
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform for Mqtt {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Mqtt,
            capabilities: Capabilities::MQTT,
        }
    }

    fn interpret(&self, _message: &Message) -> Reading {
        Reading::default()
    }

    fn interprets(&self) -> bool {
        false
    }

    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        Box::pin(self.connect_plan(io))
    }

    fn attend<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(self.listen(io))
    }

    fn refused<'a>(&'a self, _io: &'a dyn Io, _problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(std::future::ready(Verdict::Final))
    }

    fn request<'a>(
        &'a self,
        _io: &'a dyn Io,
        what: Request,
    ) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(std::future::ready(answer(&what)))
    }
}

/// A broker keeps no list of anything.
fn answer(what: &Request) -> Result<Reply, Problem> {
    match what {
        Request::Devices { .. } => Ok(Reply::Devices(Vec::new())),
        Request::Feeds => Ok(Reply::Feeds(Vec::new())),
        Request::SignOut => Ok(Reply::SignedOut { left: Vec::new() }),
        Request::Leave { .. } => Ok(Reply::Left { failed: Vec::new() }),
        Request::Model { .. }
        | Request::State { .. }
        | Request::Feed { .. }
        | Request::Control { .. }
        | Request::Energy { .. }
        | Request::Shadow(_)
        | Request::Jobs(_)
        | Request::Provision(_)
        | Request::Relay(_)
        | Request::ConnectionState(_)
        | Request::Probe => Err(Problem::new(
            "a plain MQTT broker has no answer to this",
            "it knows topics and messages, and no devices",
            "use tail and publish",
        )
        .exit(Exit::Usage)),
    }
}
