//! What requests and the session's task share: short locks, turns per device, and an order of events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A short lock, never held across an await. What it guards is plain data, whole between statements.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Turns: whoever holds a lane's turn is alone with its device (or its list).
#[derive(Debug, Default)]
pub struct Lanes(Mutex<HashMap<String, Arc<futures_util::lock::Mutex<()>>>>);

impl Lanes {
    pub async fn turn(&self, name: &str) -> futures_util::lock::OwnedMutexGuard<()> {
        let lane = Arc::clone(lock(&self.0).entry(name.to_owned()).or_default());
        lane.lock_owned().await
    }
}

/// Numbers that grow: to tell what happened before what, without a clock.
#[derive(Debug, Default)]
pub struct Sequence(AtomicU64);

impl Sequence {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}
