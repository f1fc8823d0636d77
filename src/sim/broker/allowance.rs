//! How much one connection may publish and be sent.

use std::time::Duration;

use crate::base::moment::Mono;

/// How many publishes a connection still has in this second.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    since: Mono,
    used: u32,
}

impl Allowance {
    pub fn take(&mut self, limit: Option<u32>, now: Mono) -> bool {
        let Some(limit) = limit else {
            return true;
        };
        if now.since(self.since) >= Duration::from_secs(1) {
            *self = Self {
                since: now,
                used: 0,
            };
        }
        self.used = self.used.saturating_add(1);
        self.used <= limit
    }
}
