//! The hand behind the curtain: for tests and demonstrations.
//!
//! What is about a cloud that is not the one running has no effect, and its questions have empty answers.

mod aws;
mod broker;
mod google;
mod huawei;
mod plant;
mod thinq;

use std::sync::Arc;
use std::time::Duration;

pub use self::aws::CertificateInfo;
pub use self::thinq::DeviceInfo;
use super::event::{CallRecord, SimEvents};
use super::faults::{Fault, Times};
use super::hub::{Core, Hub};
use crate::base::moment::Timestamp;

/// Steers a running simulator. A clone steers the same one; every method may be called from any thread, does not
/// wait, and has taken effect when it returns, but for [`SimControl::stop_broker`] and [`SimControl::start_broker`],
/// which tell by an event.
#[derive(Clone)]
pub struct SimControl {
    hub: Arc<Hub>,
}

impl SimControl {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    fn core<T>(&self, work: impl FnOnce(&mut Core) -> T) -> T {
        work(&mut self.hub.core())
    }

    // What has happened

    /// What happens from now on.
    pub fn events(&self) -> SimEvents {
        SimEvents(self.hub.events())
    }

    /// The HTTP calls so far, in order (the last 50,000).
    pub fn calls(&self) -> Vec<CallRecord> {
        self.core(|core| core.calls.iter().cloned().collect())
    }

    pub fn clear_calls(&self) {
        self.core(|core| core.calls.clear());
    }

    // Time

    /// The simulator's clock, in wall time.
    pub fn now(&self) -> Timestamp {
        self.core(|core| core.clock.now().wall)
    }

    /// Lets this much of the simulator's time pass at once: subscriptions end, the call limit's hour moves on, each
    /// device takes its next step. Connections live through it; their keep-alive runs in real time.
    pub fn advance(&self, by: Duration) {
        self.core(|core| {
            core.clock.advance(by);
            core.broker.skip(by);
        });
        self.hub.tick();
    }

    /// Stops (or resumes) what devices do by themselves; controls still reach them.
    pub fn freeze(&self, frozen: bool) {
        self.core(|core| core.cloud.freeze(frozen));
    }

    // HTTP

    /// `method` and `path` (`/devices/*/state`) may hold `*`. Faults strike in the order they were added.
    pub fn fail_http(&self, method: &str, path: &str, times: Times, fault: Fault) {
        self.core(|core| core.faults.add(method, path, times, fault));
    }

    pub fn heal_http(&self) {
        self.core(|core| core.faults.clear());
    }
}
