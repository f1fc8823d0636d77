//! Device shadows (`reference/aws-iot.md` 5.1).

use super::Aws;
use crate::base::problem::{Exit, Problem};
use crate::domain::device::DeviceId;
use crate::domain::message::Message;
use crate::domain::reading::{Kind, Reading};
use crate::domain::shadow::{ShadowReply, ShadowRequest};
use crate::platform::io::Io;

#[expect(clippy::unused_async, reason = "the module's owner replaces this")]
pub(super) async fn request(
    _aws: &Aws,
    _io: &dyn Io,
    _what: ShadowRequest,
) -> Result<ShadowReply, Problem> {
    Err(Problem::new("shadows are not asked for", "this version cannot", "").exit(Exit::Usage))
}

/// `verb`: what follows the shadow's prefix: `update/accepted`, `get`, …
pub(super) fn interpret(
    _message: &Message,
    thing: &str,
    _name: Option<&str>,
    _verb: &str,
) -> Reading {
    Reading {
        kind: Kind::Shadow,
        device: Some(DeviceId::new(thing)),
        ..Reading::default()
    }
}
