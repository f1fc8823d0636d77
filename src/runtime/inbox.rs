//! The mailbox between the tasks and the loop: one ordered queue, bounded in bytes.
//!
//! Senders never wait. When it is full the oldest *data* (messages) goes, and a [`Gap`] stays at its place in the order;
//! *control* (links, receipts, replies) is never dropped and is bounded by what was asked. Law: data pushed = data
//! delivered + data in gaps.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::app::event::Event;
use crate::domain::session::{Gap, SessionEvent, SessionId};

/// Bytes that a queued message is charged besides its payload and topic.
const OVERHEAD: usize = 256;

/// Cheap to clone: all clones share one queue.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
}

impl Inbox {
    pub fn new(limit_bytes: usize) -> Self {
        let queue = Mutex::new(Queue {
            slots: VecDeque::new(),
            bytes: 0,
            limit_bytes,
        });
        Self {
            shared: Arc::new(Shared {
                queue,
                filled: Notify::new(),
            }),
        }
    }

    pub fn push(&self, event: Event) {
        self.queue().push(event);
        self.shared.filled.notify_one();
    }

    pub fn pop(&self) -> Option<Event> {
        self.queue().pop()
    }

    pub fn is_empty(&self) -> bool {
        self.queue().slots.is_empty()
    }

    /// Until something is there.
    pub async fn filled(&self) {
        while self.is_empty() {
            self.shared.filled.notified().await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

enum Slot {
    Control(Event),
    Data {
        event: Event,
        session: SessionId,
        bytes: usize,
        payload: usize,
    },
    Gap(SessionId, Gap),
}

struct Queue {
    slots: VecDeque<Slot>,
    bytes: usize,
    limit_bytes: usize,
}

impl Queue {
    fn push(&mut self, event: Event) {
        let Event::Session(session, SessionEvent::Message(message, _)) = &event else {
            self.slots.push_back(Slot::Control(event));
            return;
        };
        let payload = message.payload.len();
        let bytes = OVERHEAD + payload + message.topic.as_str().len();
        let session = *session;
        self.bytes += bytes;
        self.slots.push_back(Slot::Data {
            event,
            session,
            bytes,
            payload,
        });
        while self.bytes > self.limit_bytes && self.drop_oldest() {}
    }

    /// The oldest message gives way; the newest is never dropped for itself alone.
    fn drop_oldest(&mut self) -> bool {
        let Some(at) = self
            .slots
            .iter()
            .position(|slot| matches!(slot, Slot::Data { .. }))
        else {
            return false;
        };
        if at + 1 == self.slots.len() {
            return false;
        }
        let Some(Slot::Data {
            session,
            bytes,
            payload,
            ..
        }) = self.slots.remove(at)
        else {
            return false;
        };
        self.bytes -= bytes;
        let lost = Gap {
            messages: 1,
            bytes: payload as u64,
        };
        match at
            .checked_sub(1)
            .and_then(|before| self.slots.get_mut(before))
        {
            Some(Slot::Gap(of, gap)) if *of == session => {
                gap.messages += lost.messages;
                gap.bytes += lost.bytes;
            }
            _ => self.slots.insert(at, Slot::Gap(session, lost)),
        }
        true
    }

    fn pop(&mut self) -> Option<Event> {
        Some(match self.slots.pop_front()? {
            Slot::Control(event) => event,
            Slot::Data { event, bytes, .. } => {
                self.bytes -= bytes;
                event
            }
            Slot::Gap(session, gap) => Event::Session(session, SessionEvent::Gap(gap)),
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::base::moment::Timestamp;
    use crate::domain::message::{Direction, Message, Qos};
    use crate::domain::reading::Reading;
    use crate::domain::session::LinkState;
    use crate::domain::topic::Topic;

    fn message(number: usize, size: usize) -> Event {
        let message = Message {
            at: Timestamp(i64::try_from(number).unwrap()),
            direction: Direction::In,
            topic: Topic::received("t"),
            payload: Bytes::from(vec![0; size]),
            qos: Qos::AtLeastOnce,
            retain: false,
            dup: false,
            ack: None,
        };
        Event::Session(
            SessionId::default(),
            SessionEvent::Message(Box::new(message), Reading::default()),
        )
    }

    fn link() -> Event {
        Event::Session(SessionId::default(), SessionEvent::Link(LinkState::Closed))
    }

    proptest! {
        #[test]
        fn pushed_is_delivered_or_in_a_gap_and_order_is_kept(steps in prop::collection::vec((0_u8..10, 0_usize..3000), 1..200)) {
            let mut queue = Queue { slots: VecDeque::new(), bytes: 0, limit_bytes: 5000 };
            let (mut pushed, mut links, mut delivered, mut lost, mut seen_links, mut last) = (0_u64, 0, 0, 0, 0, -1);
            let mut check = |event: Option<Event>| {
                match event {
                    Some(Event::Session(_, SessionEvent::Message(m, _))) => {
                        assert!(m.at.0 > last, "order");
                        last = m.at.0;
                        delivered += 1;
                    }
                    Some(Event::Session(_, SessionEvent::Gap(gap))) => lost += gap.messages,
                    Some(_) => seen_links += 1,
                    None => return false,
                }
                true
            };
            for (number, (kind, size)) in steps.into_iter().enumerate() {
                match kind {
                    0 => { queue.push(link()); links += 1; }
                    1 | 2 => { check(queue.pop()); }
                    _ => { queue.push(message(number, size)); pushed += 1; }
                }
                let waiting = queue.slots.iter().filter(|s| matches!(s, Slot::Data { .. })).count();
                prop_assert!(queue.bytes <= 5000 || waiting == 1);
            }
            while check(queue.pop()) {}
            prop_assert_eq!(pushed, delivered + lost);
            prop_assert_eq!(links, seen_links);
        }
    }

    #[test]
    fn the_mark_stands_where_the_messages_were_lost() {
        let mut queue = Queue {
            slots: VecDeque::new(),
            bytes: 0,
            limit_bytes: 3 * (OVERHEAD + 101),
        };
        queue.push(link());
        (0..5).for_each(|n| queue.push(message(n, 100)));
        assert_eq!(queue.pop(), Some(link()));
        let gap = SessionEvent::Gap(Gap {
            messages: 2,
            bytes: 200,
        });
        assert_eq!(queue.pop(), Some(Event::Session(SessionId::default(), gap)));
        assert_eq!(queue.pop(), Some(message(2, 100)));
    }
}
