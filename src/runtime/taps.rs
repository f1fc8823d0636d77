//! What an adapter listens for beside the stream: messages on its filters, and the broker's word on a filter.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use crate::base::problem::Problem;
use crate::domain::message::{Message, Qos};
use crate::domain::session::{LinkState, SessionEvent};
use crate::domain::topic::TopicFilter;
use crate::platform::Pending;
use crate::platform::io::Ear;

/// Messages that wait to be taken by one who listens; what comes then is not heard.
const WAITING: usize = 256;

/// All who listen in one session.
#[derive(Default)]
pub struct Taps {
    /// So that a flood costs nothing where nobody listens.
    count: AtomicUsize,
    open: Mutex<Open>,
    line: watch::Sender<Line>,
}

/// The connection of the moment, or the last one.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    number: u64,
    up: bool,
}

#[derive(Default)]
struct Open {
    last: u64,
    ears: HashMap<u64, (Vec<TopicFilter>, mpsc::Sender<Message>)>,
    grants: Vec<(TopicFilter, oneshot::Sender<Result<Qos, Problem>>)>,
}

impl Taps {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn listen(self: &Arc<Self>, filters: Vec<TopicFilter>) -> Box<dyn Ear> {
        let (tell, told) = mpsc::channel(WAITING);
        let mut open = self.open();
        open.last += 1;
        let id = open.last;
        open.ears.insert(id, (filters, tell));
        self.count.fetch_add(1, Ordering::Relaxed);
        Box::new(Tap {
            id,
            told,
            taps: Arc::clone(self),
        })
    }

    /// The broker's next word on this filter.
    pub fn grant(&self, filter: TopicFilter) -> oneshot::Receiver<Result<Qos, Problem>> {
        let (tell, told) = oneshot::channel();
        self.open().grants.push((filter, tell));
        self.count.fetch_add(1, Ordering::Relaxed);
        told
    }

    pub fn is_up(&self) -> bool {
        self.line.borrow().up
    }

    /// The number of the connection that stands, from 1.
    pub async fn connected(&self) -> u64 {
        let mut line = self.line.subscribe();
        let number = line.wait_for(|line| line.up).await.map(|line| line.number);
        match number {
            Ok(number) => number,
            // The sender lives as long as this.
            Err(_gone) => std::future::pending().await,
        }
    }

    pub async fn disconnected(&self, number: u64) {
        let mut line = self.line.subscribe();
        let over = line.wait_for(|line| !line.up || line.number != number);
        let _gone = over.await;
    }

    fn link(&self, state: &LinkState) {
        self.line.send_modify(|line| {
            if matches!(state, LinkState::Connected { .. }) {
                line.number += 1;
            }
            line.up = state.is_up();
        });
    }

    /// Whatever happens in the session passes here.
    pub fn pass(&self, event: &SessionEvent) {
        if let SessionEvent::Link(state) = event {
            self.link(state);
        }
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        match event {
            SessionEvent::Message(message, _) => {
                for (filters, tell) in self.open().ears.values() {
                    if filters
                        .iter()
                        .any(|filter| filter.matches(message.topic.as_str()))
                    {
                        // Who does not take them for so long has stopped to care.
                        let _full = tell.try_send((**message).clone());
                    }
                }
            }
            SessionEvent::Granted { filter, result } => self.granted(filter, result),
            _ => {}
        }
    }

    fn granted(&self, filter: &TopicFilter, result: &Result<Qos, String>) {
        let mut open = self.open();
        let before = open.grants.len();
        let (told, left): (Vec<_>, Vec<_>) = std::mem::take(&mut open.grants)
            .into_iter()
            .partition(|(wanted, _)| wanted == filter);
        open.grants = left;
        self.count
            .fetch_sub(before - open.grants.len(), Ordering::Relaxed);
        drop(open);
        for (_, tell) in told {
            let result = result.clone().map_err(|why| {
                let what = format!("{} is not subscribed", filter.as_str());
                Problem::new(what, why, "")
            });
            // Nobody waits any more: fine.
            let _gone = tell.send(result);
        }
    }
}

struct Tap {
    id: u64,
    told: mpsc::Receiver<Message>,
    taps: Arc<Taps>,
}

impl Ear for Tap {
    fn next(&mut self) -> Pending<'_, Message> {
        Box::pin(async {
            match self.told.recv().await {
                Some(message) => message,
                // The sender is in the table for as long as this lives.
                None => std::future::pending().await,
            }
        })
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if self.taps.open().ears.remove(&self.id).is_some() {
            self.taps.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
