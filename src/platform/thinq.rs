//! LG ThinQ Connect.
use super::{Leave, Pending, Platform, PlatformInfo, Verdict, io::Io, plan::ConnectPlan};
use crate::base::problem::Problem;
use crate::domain::message::Message;
use crate::domain::profile::{Common, ThinqSettings};
use crate::domain::reading::Reading;
use crate::domain::request::{Reply, Request};
pub struct Thinq;
impl Thinq {
    pub fn new(_settings: ThinqSettings, _common: Common) -> Self {
        Self
    }
}
impl Platform for Thinq {
    fn info(&self) -> PlatformInfo {
        todo!()
    }
    fn interpret(&self, _message: &Message) -> Reading {
        todo!()
    }
    fn plan<'a>(&'a self, _io: &'a dyn Io) -> Pending<'a, Result<ConnectPlan, Problem>> {
        todo!()
    }
    fn attend<'a>(&'a self, _io: &'a dyn Io) -> Pending<'a, Leave> {
        todo!()
    }
    fn refused<'a>(&'a self, _io: &'a dyn Io, _problem: &'a Problem) -> Pending<'a, Verdict> {
        todo!()
    }
    fn request<'a>(
        &'a self,
        _io: &'a dyn Io,
        _what: Request,
    ) -> Pending<'a, Result<Reply, Problem>> {
        todo!()
    }
}
