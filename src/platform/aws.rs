//! AWS IoT Core: MQTT with a certificate, over a presigned WebSocket or past a custom authorizer; REST with SigV4 for
//! what is listed (`reference/aws-iot.md`).

mod jobs;
mod messages;
mod plan;
mod provision;
mod shadow;
pub mod topics;

use std::sync::OnceLock;

use super::io::Io;
use super::plan::ConnectPlan;
use super::{Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::message::Message;
use crate::domain::profile::{AwsSettings, Common, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};

/// One endpoint of one account.
pub struct Aws {
    settings: AwsSettings,
    common: Common,
    /// The client id that was made up for a profile without one: the same for the whole run.
    made_up: OnceLock<String>,
}

impl Aws {
    pub const fn new(settings: AwsSettings, common: Common) -> Self {
        Self {
            settings,
            common,
            made_up: OnceLock::new(),
        }
    }

    async fn answer(&self, io: &dyn Io, what: Request) -> Result<Reply, Problem> {
        match what {
            Request::Shadow(what) => shadow::request(self, io, what).await.map(Reply::Shadow),
            Request::Jobs(what) => jobs::request(self, io, what).await.map(Reply::Jobs),
            Request::Provision(what) => {
                let provisioned = provision::request(self, io, *what).await?;
                Ok(Reply::Provisioned(Box::new(provisioned)))
            }
            Request::SignOut => Ok(Reply::SignedOut { left: Vec::new() }),
            Request::Leave { .. } => Ok(Reply::Left { failed: Vec::new() }),
            _ => Err(no_such()),
        }
    }
}

fn no_such() -> Problem {
    Problem::new(
        "AWS IoT Core has no answer to this",
        "it has things, shadows and jobs",
        "use devices, shadow, tail and publish",
    )
    .exit(Exit::Usage)
}

impl Platform for Aws {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Aws,
            capabilities: Capabilities::AWS,
        }
    }

    fn interpret(&self, message: &Message) -> Reading {
        messages::interpret(message)
    }

    fn plan<'a>(&'a self, io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        Box::pin(self.connect_plan(io))
    }

    fn attend<'a>(&'a self, _io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(std::future::pending())
    }

    fn refused<'a>(&'a self, _io: &'a dyn Io, _problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(std::future::ready(Verdict::Final))
    }

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(self.answer(io, what))
    }
}
