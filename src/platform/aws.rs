//! The adapter for AWS IoT Core.

mod provision;

use super::io::Io;
use super::plan::ConnectPlan;
use super::{Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::message::Message;
use crate::domain::profile::{AwsSettings, Common, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};

/// See the module.
pub struct Aws {
    settings: AwsSettings,
    common: Common,
}

impl Aws {
    pub fn new(settings: AwsSettings, common: Common) -> Self {
        Self {
            settings: settings,
            common: common,
        }
    }
}

fn not_yet() -> Problem {
    Problem::new(
        "this version does not connect there",
        "the platform is not built in",
        "",
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

    fn interpret(&self, _message: &Message) -> Reading {
        Reading::default()
    }

    fn plan<'a>(&'a self, _io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        Box::pin(std::future::ready(Err(not_yet())))
    }

    fn attend<'a>(&'a self, _io: &'a dyn Io) -> Pending<'a, Leave> {
        Box::pin(std::future::pending())
    }

    fn refused<'a>(&'a self, _io: &'a dyn Io, _problem: &'a Problem) -> Pending<'a, Verdict> {
        Box::pin(std::future::ready(Verdict::Final))
    }

    fn request<'a>(&'a self, io: &'a dyn Io, what: Request) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(async move {
            match what {
                Request::Provision(what) => provision::request(self, io, *what).await,
                _ => Err(not_yet()),
            }
        })
    }
}
