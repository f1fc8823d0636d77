//! Why the platform let nobody in, in the order in which it happens to people (`reference/huawei-iot.md` 10, 1 to 4).

use super::Huawei;
use super::login::hour;
use crate::domain::session::LogLevel;
use crate::platform::Verdict;
use crate::platform::io::Io;

impl Huawei {
    /// Never worth another try by itself; but what to look at is written down.
    pub(super) fn judge(&self, io: &dyn Io) -> Verdict {
        let signature = self.settings.signature;
        io.log(
            LogLevel::Warn,
            format!(
                "signed in as device {:?} in hour {} (UTC), signature type {}: {}. Check: the id is the device id (not the \
                 node id, not the product's), the secret is the device's, this computer's clock, and that the device is \
                 not frozen",
                self.settings.device_id,
                hour(io.now().wall),
                signature.digit(),
                signature.hint(),
            ),
        );
        Verdict::Final
    }
}
