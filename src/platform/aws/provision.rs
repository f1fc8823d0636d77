//! Fleet provisioning (`reference/aws-iot.md` 5.3).

use super::Aws;
use super::topics::Provisioning;
use crate::base::problem::{Exit, Problem};
use crate::domain::message::Message;
use crate::domain::provision::{ProvisionRequest, Provisioned};
use crate::domain::reading::{Kind, Reading};
use crate::platform::io::Io;

#[expect(clippy::unused_async, reason = "the module's owner replaces this")]
pub(super) async fn request(
    _aws: &Aws,
    _io: &dyn Io,
    _what: ProvisionRequest,
) -> Result<Provisioned, Problem> {
    Err(Problem::new("nothing is provisioned", "this version cannot", "").exit(Exit::Usage))
}

/// What must not be shown (`privateKey`, `certificateOwnershipToken`) is masked by the caller.
pub(super) fn interpret(_message: &Message, _step: Provisioning<'_>) -> Reading {
    Reading {
        kind: Kind::Provisioning,
        ..Reading::default()
    }
}
