//! When something was last heard on the connection, shared between the session's task and its adapter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::moment::Mono;

/// Written by the driver at each message and each CONNACK, read by `Io::heard`.
#[derive(Debug, Default)]
pub struct Heard(AtomicU64);

impl Heard {
    pub fn mark(&self, now: Mono) {
        let micros = u64::try_from(now.0.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, Ordering::Relaxed);
    }

    pub fn at(&self) -> Mono {
        Mono(Duration::from_micros(self.0.load(Ordering::Relaxed)))
    }
}
