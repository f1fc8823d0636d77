//! Jobs of a thing (`reference/aws-iot.md` 5.2).

use super::Aws;
use crate::base::problem::{Exit, Problem};
use crate::domain::device::DeviceId;
use crate::domain::jobs::{JobsReply, JobsRequest};
use crate::domain::message::Message;
use crate::domain::reading::{Kind, Reading};
use crate::platform::io::Io;

#[expect(clippy::unused_async, reason = "the module's owner replaces this")]
pub(super) async fn request(
    _aws: &Aws,
    _io: &dyn Io,
    _what: JobsRequest,
) -> Result<JobsReply, Problem> {
    Err(Problem::new("jobs are not asked for", "this version cannot", "").exit(Exit::Usage))
}

/// `verb`: what follows `…/jobs/`: `notify-next`, `get/accepted`, `<job>/update/rejected`, …
pub(super) fn interpret(_message: &Message, thing: &str, _verb: &str) -> Reading {
    Reading {
        kind: Kind::Job,
        device: Some(DeviceId::new(thing)),
        ..Reading::default()
    }
}
