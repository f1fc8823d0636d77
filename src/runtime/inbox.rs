//! The mailbox between the tasks and the loop: one order, bounded in bytes.
//!
//! [`Inbox::push`] never waits. When it is full the oldest *data* (messages) goes, and a gap stays at its place in the
//! order. A sender that can hold its source back asks [`Inbox::is_crowded`] and gives the loop a moment with
//! [`Inbox::room`]: as long as the loop takes anything at all, nothing is dropped; a loop that stands still is not waited for.
//! *Log lines* are bounded in number: the oldest go and are counted. *Control* (links, receipts, replies) is never dropped
//! and is bounded by what was asked. Law: data pushed = data delivered + data in gaps.

mod queue;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::app::event::Event;
use queue::Queue;

/// A loop that takes nothing for this long stands still: it draws within milliseconds.
const STILL: Duration = Duration::from_millis(250);

/// Cheap to clone: all clones share one queue.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    eased: Notify,
    /// A sender waited in vain; until something is taken again nobody does.
    stands_still: AtomicBool,
    takes_batches: bool,
}

impl Inbox {
    pub fn new(limit_bytes: usize) -> Self {
        Self::with(limit_bytes, false)
    }

    /// For a loop that takes many messages at once.
    pub fn for_batches(limit_bytes: usize) -> Self {
        Self::with(limit_bytes, true)
    }

    fn with(limit_bytes: usize, takes_batches: bool) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::new(Queue::new(limit_bytes)),
                filled: Notify::new(),
                eased: Notify::new(),
                stands_still: AtomicBool::new(false),
                takes_batches,
            }),
        }
    }

    pub fn takes_batches(&self) -> bool {
        self.shared.takes_batches
    }

    pub fn push(&self, event: Event) {
        let mut queue = self.queue();
        queue.push(event);
        let wakes = !queue.rests || queue.is_worth_waking();
        drop(queue);
        if wakes {
            self.shared.filled.notify_one();
        }
    }

    pub fn pop(&self) -> Option<Event> {
        let mut queue = self.queue();
        let event = queue.pop();
        let has_eased = queue.awaited && queue.bytes <= queue.crowd() / 2;
        if has_eased {
            queue.awaited = false;
        }
        drop(queue);
        self.shared.stands_still.store(false, Ordering::Relaxed);
        if has_eased {
            self.shared.eased.notify_one();
        }
        event
    }

    /// Much waits, and the loop moves.
    pub fn is_crowded(&self) -> bool {
        let queue = self.queue();
        queue.bytes > queue.crowd() && !self.shared.stands_still.load(Ordering::Relaxed)
    }

    /// Until half of that is taken, or the loop has taken nothing for [`STILL`].
    pub async fn room(&self) {
        loop {
            let taken = {
                let mut queue = self.queue();
                if queue.bytes <= queue.crowd() / 2 {
                    return;
                }
                queue.awaited = true;
                queue.taken
            };
            let eased = self.shared.eased.notified();
            if tokio::time::timeout(STILL, eased).await.is_err() && self.queue().taken == taken {
                self.shared.stands_still.store(true, Ordering::Relaxed);
                return;
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queue().is_empty()
    }

    /// Until something is there.
    pub async fn filled(&self) {
        while !self.has_reason(false) {
            self.shared.filled.notified().await;
        }
    }

    /// Until something is there that cannot wait for the next frame: anything but a few messages and log lines. A wake-up for
    /// each message would cost more than the message.
    pub async fn filled_much(&self) {
        while !self.has_reason(true) {
            self.shared.filled.notified().await;
        }
    }

    fn has_reason(&self, rests: bool) -> bool {
        let mut queue = self.queue();
        queue.rests = rests;
        if rests {
            queue.is_worth_waking()
        } else {
            !queue.is_empty()
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
