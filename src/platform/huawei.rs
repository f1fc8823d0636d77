//! The adapter for Huawei IoT, v1 and IoTDA.

pub mod login;
pub mod sign;

use super::io::Io;
use super::plan::ConnectPlan;
use super::{Leave, Pending, Platform, PlatformInfo, Verdict};
use crate::base::problem::{Exit, Problem};
use crate::domain::capability::Capabilities;
use crate::domain::message::Message;
use crate::domain::profile::{Common, HuaweiSettings, PlatformId};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};

/// See the module.
pub struct Huawei {
    _settings: HuaweiSettings,
    _common: Common,
}

impl Huawei {
    pub fn new(settings: HuaweiSettings, common: Common) -> Self {
        Self {
            _settings: settings,
            _common: common,
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

impl Platform for Huawei {
    fn info(&self) -> PlatformInfo {
        PlatformInfo {
            id: PlatformId::Huawei,
            capabilities: Capabilities::HUAWEI,
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

    fn request<'a>(
        &'a self,
        _io: &'a dyn Io,
        _what: Request,
    ) -> Pending<'a, Result<Reply, Problem>> {
        Box::pin(std::future::ready(Err(not_yet())))
    }
}
