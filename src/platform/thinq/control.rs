//! stub
use super::Thinq;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::request::{Reply, Setting};
use crate::platform::io::Io;
impl Thinq {
    pub(super) async fn control(
        &self,
        _io: &dyn Io,
        _device: &DeviceId,
        _settings: &[Setting],
        _dry_run: bool,
    ) -> Result<Reply, Problem> {
        Err(Problem::default())
    }
}
