//! The mailbox between the tasks and the loop: one order, bounded in bytes.
//!
//! [`Inbox::push`] never waits. When it is full the oldest *data* (messages) goes, and a [`Gap`] stays at its place in the
//! order. A sender that can hold its source back asks [`Inbox::is_crowded`] and gives the loop a moment with
//! [`Inbox::room`]: as long as the loop takes anything at all, nothing is dropped; a loop that stands still is not waited for.
//! *Log lines* are bounded in number: the oldest go and are counted. *Control* (links, receipts, replies) is never dropped
//! and is bounded by what was asked. Law: data pushed = data delivered + data in gaps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use crate::app::event::Event;
use crate::base::moment::Timestamp;
use crate::domain::fact::Fact;
use crate::domain::message::{Message, Properties};
use crate::domain::reading::Reading;
use crate::domain::session::{Gap, LogLevel, LogLine, LogSource, SessionEvent, SessionId};

/// Bytes that a queued message is charged besides its payload, its topic and what was read from it.
const OVERHEAD: usize = 512;
/// Bytes that a member of a JSON object is charged besides its name and value.
const MEMBER: usize = 64;
/// So much may wait before a sender gives the loop a moment, however large the inbox is: what is taken soon is still in the
/// processor's cache then. A loop that stands still gets the whole inbox.
const CROWD: usize = 1 << 20;
/// A loop that rests until its next frame is woken when so much waits.
const WORTH_WAKING: usize = 256 << 10;
/// A loop that takes nothing for this long stands still: it draws within milliseconds.
const STILL: Duration = Duration::from_millis(250);
/// So many times the usual bytes may wait while the oldest is one that its reader acknowledges: brokers have some 20 such
/// messages on their way, and each may be as large as a packet.
const UNACKNOWLEDGED: usize = 6;
/// Log lines that wait: more than a person can have read.
const LINES: usize = 1000;
/// A topic in a packet's line may have 64 KiB. Bytes.
const LONGEST_LINE: usize = 4096;

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

/// Place in the order.
type Place = u64;

struct Data {
    place: Place,
    event: Event,
    session: SessionId,
    bytes: usize,
    /// What is lost with it.
    loss: Gap,
}

/// Four queues, each in order; the one whose first has the lowest place is next.
struct Queue {
    next: Place,
    control: VecDeque<(Place, Event)>,
    gaps: BTreeMap<Place, (SessionId, Gap)>,
    data: VecDeque<Data>,
    lines: VecDeque<(Place, Event)>,
    /// Log lines that had to go since the last one that was delivered.
    lines_lost: u64,
    bytes: usize,
    limit_bytes: usize,
    /// Events delivered so far.
    taken: u64,
    /// A sender waits for room.
    awaited: bool,
    /// The loop looks in at its next frame.
    rests: bool,
}

impl Queue {
    fn new(limit_bytes: usize) -> Self {
        Self {
            next: 0,
            control: VecDeque::new(),
            gaps: BTreeMap::new(),
            data: VecDeque::new(),
            lines: VecDeque::new(),
            lines_lost: 0,
            bytes: 0,
            limit_bytes,
            taken: 0,
            awaited: false,
            rests: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.control.is_empty()
            && self.gaps.is_empty()
            && self.data.is_empty()
            && self.lines.is_empty()
    }

    /// What waits before a sender pauses.
    const fn crowd(&self) -> usize {
        let half = self.limit_bytes / 2;
        if half < CROWD { half } else { CROWD }
    }

    fn is_worth_waking(&self) -> bool {
        let much = WORTH_WAKING.min(self.limit_bytes / 8);
        !self.control.is_empty() || self.bytes > much || self.lines.len() > LINES / 2
    }

    fn push(&mut self, event: Event) {
        let place = self.next;
        self.next += 1;
        match &event {
            Event::Session(session, SessionEvent::Message(message, reading)) => {
                let (session, bytes) = (*session, weight(message, reading));
                let loss = Gap {
                    messages: 1,
                    bytes: message.payload.len() as u64,
                };
                self.push_data(Data {
                    place,
                    event,
                    session,
                    bytes,
                    loss,
                });
            }
            Event::Session(session, SessionEvent::Messages(batch)) => {
                let (session, bytes) = (*session, OVERHEAD + batch.cost());
                let loss = Gap {
                    messages: batch.len() as u64,
                    bytes: batch.payloads(),
                };
                self.push_data(Data {
                    place,
                    event,
                    session,
                    bytes,
                    loss,
                });
            }
            Event::Session(session, SessionEvent::Gap(gap)) => self.lost(place, *session, *gap),
            Event::Log(_) | Event::Session(_, SessionEvent::Log(_)) => {
                self.lines.push_back((place, cut(event)));
                if self.lines.len() > LINES {
                    self.lines.pop_front();
                    self.lines_lost += 1;
                }
            }
            _ => self.control.push_back((place, event)),
        }
    }

    fn push_data(&mut self, data: Data) {
        self.bytes += data.bytes;
        self.data.push_back(data);
        if self.room() < self.bytes {
            // Some more than must go: under a flood there would else be a mark beside every message. The newest is
            // never dropped for itself alone.
            while self.bytes > self.room() / 8 * 7 && self.data.len() > 1 {
                self.drop_oldest();
            }
        }
    }

    /// What the reader acknowledges itself is bounded by the broker's window, and dropped it would block that window for as
    /// long as the connection lives: it has more room.
    fn room(&self) -> usize {
        let is_owed = |data: &Data| match &data.event {
            Event::Session(_, SessionEvent::Message(message, _)) => message.ack.is_some(),
            _ => false,
        };
        let times = match self.data.front() {
            Some(first) if is_owed(first) => UNACKNOWLEDGED,
            _ => 1,
        };
        self.limit_bytes.saturating_mul(times)
    }

    fn drop_oldest(&mut self) {
        if let Some(data) = self.data.pop_front() {
            self.bytes -= data.bytes;
            self.lost(data.place, data.session, data.loss);
        }
    }

    /// Gaps with nothing but log lines between them are one.
    fn lost(&mut self, place: Place, session: SessionId, gap: Gap) {
        self.gaps.insert(place, (session, gap));
        if let Some((next, _)) = self.gaps.range(place + 1..).next() {
            self.join(place, *next);
        }
        if let Some((before, _)) = self.gaps.range(..place).next_back() {
            self.join(*before, place);
        }
    }

    fn join(&mut self, first: Place, second: Place) {
        let between = |place: Option<Place>| place.is_some_and(|at| at < second);
        let control = self.control.partition_point(|(at, _)| *at < first);
        let data = self.data.partition_point(|data| data.place < first);
        let same = self.gaps.get(&first).map(|g| g.0) == self.gaps.get(&second).map(|g| g.0);
        if !same
            || between(self.control.get(control).map(|(at, _)| *at))
            || between(self.data.get(data).map(|data| data.place))
        {
            return;
        }
        if let Some((_, more)) = self.gaps.remove(&second)
            && let Some((_, gap)) = self.gaps.get_mut(&first)
        {
            gap.messages += more.messages;
            gap.bytes += more.bytes;
        }
    }

    fn pop(&mut self) -> Option<Event> {
        let places = [
            self.control.front().map(|(place, _)| *place),
            self.gaps.keys().next().copied(),
            self.data.front().map(|data| data.place),
            self.lines.front().map(|(place, _)| *place),
        ];
        let next = places.into_iter().flatten().min()?;
        self.taken += 1;
        match places.into_iter().position(|place| place == Some(next))? {
            0 => self.control.pop_front().map(|(_, event)| event),
            1 => self
                .gaps
                .pop_first()
                .map(|(_, (session, gap))| Event::Session(session, SessionEvent::Gap(gap))),
            2 => self.data.pop_front().map(|data| {
                self.bytes -= data.bytes;
                data.event
            }),
            _ => self.pop_line(),
        }
    }

    fn pop_line(&mut self) -> Option<Event> {
        match std::mem::take(&mut self.lines_lost) {
            0 => self.lines.pop_front().map(|(_, event)| event),
            lost => Some(lines_lost(lost, &self.lines.front()?.1)),
        }
    }
}

fn cut(mut event: Event) -> Event {
    if let Event::Log(line) | Event::Session(_, SessionEvent::Log(line)) = &mut event
        && line.text.len() > LONGEST_LINE
    {
        let end = line.text.floor_char_boundary(LONGEST_LINE);
        line.text.truncate(end);
        line.text.shrink_to_fit();
        line.text.push('…');
    }
    event
}

/// Stands where log lines had to go, before the oldest that is left.
fn lines_lost(lost: u64, before: &Event) -> Event {
    let line = |at: Timestamp| LogLine {
        at,
        source: LogSource::Program,
        level: LogLevel::Warn,
        text: format!("{lost} log lines came faster than they could be shown"),
    };
    match before {
        Event::Session(session, SessionEvent::Log(old)) => {
            Event::Session(*session, SessionEvent::Log(line(old.at)))
        }
        Event::Log(old) => Event::Log(line(old.at)),
        _ => Event::Log(line(Timestamp::default())),
    }
}

/// What a message costs in memory while it waits: what was read from it can be many times as long as itself.
fn weight(message: &Message, reading: &Reading) -> usize {
    let read: usize = reading
        .facts
        .iter()
        .map(|fact| match fact {
            Fact::Report { patch: value, .. } | Fact::State { state: value, .. } => nodes(value),
            _ => 0,
        })
        .sum();
    let properties = message.properties.as_deref().map_or(0, carried);
    OVERHEAD
        + message.payload.len()
        + message.topic.as_str().len()
        + reading.gist.len()
        + read
        + properties
}

/// What the properties of MQTT 5 cost: a broker may put megabytes there, or a great many of nothing.
fn carried(properties: &Properties) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let user = properties
        .user
        .iter()
        .map(|pair| size_of_val(pair) + pair.0.len() + pair.1.len());
    user.sum::<usize>()
        + size_of_val(properties.subscription_ids.as_slice())
        + text(&properties.content_type)
        + text(&properties.response_topic)
        + properties
            .correlation_data
            .as_ref()
            .map_or(0, bytes::Bytes::len)
}

fn nodes(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(nodes).sum(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| MEMBER + name.len() + nodes(value))
                .sum(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::base::moment::Timestamp;
    use crate::domain::batch::{Batch, Head};
    use crate::domain::message::{AckToken, Direction, Qos};
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
            properties: None,
            session: false,
        };
        Event::Session(
            SessionId::default(),
            SessionEvent::Message(Box::new(message), Reading::default()),
        )
    }

    /// That many messages in one, with numbers from there on.
    fn batch(number: usize, many: usize, size: usize) -> Event {
        let bytes = Bytes::from(vec![b't'; many * (size + 1)]);
        let heads = (0..many).map(|n| Head::new(n * (size + 1), 1, 0, size));
        let mut batch = Batch::new(bytes, many * (size + 1), heads.collect());
        batch.at = Timestamp(i64::try_from(number).unwrap());
        Event::Session(SessionId::default(), SessionEvent::Messages(batch))
    }

    fn gap(messages: u64) -> Event {
        let gap = Gap { messages, bytes: 0 };
        Event::Session(SessionId::default(), SessionEvent::Gap(gap))
    }

    fn gap_of(messages: u64, bytes: u64) -> Event {
        let gap = Gap { messages, bytes };
        Event::Session(SessionId::default(), SessionEvent::Gap(gap))
    }

    fn line(number: usize) -> Event {
        let line = LogLine {
            at: Timestamp::default(),
            source: LogSource::Mqtt,
            level: LogLevel::Debug,
            text: format!("line {number}"),
        };
        Event::Session(SessionId::default(), SessionEvent::Log(line))
    }

    fn text(event: Option<Event>) -> String {
        match event {
            Some(Event::Session(_, SessionEvent::Log(line))) => line.text,
            other => format!("{other:?}"),
        }
    }

    fn link() -> Event {
        Event::Session(SessionId::default(), SessionEvent::Link(LinkState::Closed))
    }

    #[tokio::test]
    async fn a_flood_drops_nothing_while_somebody_takes_it() {
        let inbox = Inbox::new(20_000);
        let (sender, many) = (inbox.clone(), 5_000);
        let flood = tokio::spawn(async move {
            for number in 0..many {
                sender.push(message(number, 100));
                if sender.is_crowded() {
                    sender.room().await;
                }
            }
        });
        for number in 0..many {
            inbox.filled().await;
            let event = inbox.pop().expect("filled");
            assert_eq!(event, message(number, 100));
        }
        flood.await.expect("it ends");
    }

    #[tokio::test]
    async fn a_loop_at_rest_is_woken_for_much_or_for_what_is_no_message() {
        let waits = |inbox: &Inbox| {
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            std::pin::pin!(inbox.filled_much())
                .poll(&mut cx)
                .is_pending()
        };
        let inbox = Inbox::new(100_000);
        inbox.push(message(0, 100));
        inbox.push(line(1));
        assert!(waits(&inbox), "they wait for the next frame");
        inbox.push(link());
        assert!(!waits(&inbox));
        while inbox.pop().is_some() {}
        inbox.push(message(2, 50_000));
        assert!(!waits(&inbox), "that is much");
        let resting = inbox.clone();
        while inbox.pop().is_some() {}
        let woken = tokio::spawn(async move { resting.filled_much().await });
        tokio::task::yield_now().await;
        inbox.push(batch(3, 100, 500));
        woken.await.expect("it is woken");
    }

    #[tokio::test]
    async fn a_loop_that_stands_still_is_not_waited_for_again() {
        let inbox = Inbox::new(20_000);
        for number in 0..100 {
            inbox.push(message(number, 100));
        }
        assert!(inbox.is_crowded());
        inbox.room().await;
        assert!(!inbox.is_crowded(), "nobody takes anything");
        assert!(inbox.pop().is_some());
        assert!(inbox.is_crowded(), "it moves again");
    }

    proptest! {
        #[test]
        fn pushed_is_delivered_or_in_a_gap_and_order_is_kept(steps in prop::collection::vec((0_u8..10, 0_usize..3000), 1..200)) {
            let mut queue = Queue::new(5000);
            let (mut pushed, mut links, mut delivered, mut lost, mut seen_links, mut last) = (0_u64, 0, 0, 0, 0, -1);
            let mut check = |event: Option<Event>| {
                match event {
                    Some(Event::Session(_, SessionEvent::Message(m, _))) => {
                        assert!(m.at.0 > last, "order");
                        last = m.at.0;
                        delivered += 1;
                    }
                    Some(Event::Session(_, SessionEvent::Messages(batch))) => {
                        assert!(batch.at.0 > last, "order");
                        last = batch.at.0;
                        delivered += batch.len() as u64;
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
                    3 => { queue.push(gap(2)); pushed += 2; }
                    4 | 5 => { queue.push(batch(number, 7, size / 7)); pushed += 7; }
                    _ => { queue.push(message(number, size)); pushed += 1; }
                }
                let waiting = queue.data.len();
                prop_assert!(queue.bytes <= 5000 || waiting == 1);
            }
            while check(queue.pop()) {}
            prop_assert_eq!(pushed, delivered + lost);
            prop_assert_eq!(links, seen_links);
        }
    }

    #[test]
    fn the_mark_stands_where_the_messages_were_lost() {
        let mut queue = Queue::new(3 * (OVERHEAD + 101));
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

    #[test]
    fn what_its_reader_acknowledges_waits_longer_and_not_without_end() {
        let mut queue = Queue::new(2 * (OVERHEAD + 101));
        let owed = |number: usize| match message(number, 100) {
            Event::Session(id, SessionEvent::Message(mut message, reading)) => {
                message.ack = Some(AckToken(number as u64));
                Event::Session(id, SessionEvent::Message(message, reading))
            }
            other => other,
        };
        (0..2 * UNACKNOWLEDGED).for_each(|n| queue.push(owed(n)));
        assert_eq!(queue.data.len(), 2 * UNACKNOWLEDGED, "none is lost");
        queue.push(owed(2 * UNACKNOWLEDGED));
        assert_eq!(queue.pop(), Some(gap_of(3, 300)));
        assert_eq!(queue.pop(), Some(owed(3)));
    }

    #[test]
    fn properties_of_a_message_count_like_its_payload() {
        let mut queue = Queue::new(100_000);
        let pairs = |number: usize| match message(number, 1) {
            Event::Session(id, SessionEvent::Message(mut message, reading)) => {
                let user = vec![(String::new(), String::new()); 1000];
                let properties = Properties {
                    user,
                    ..Properties::default()
                };
                message.properties = Some(Box::new(properties));
                Event::Session(id, SessionEvent::Message(message, reading))
            }
            other => other,
        };
        (0..10).for_each(|n| queue.push(pairs(n)));
        assert_eq!(queue.data.len(), 2, "each takes 48,000 bytes and more");
    }

    #[test]
    fn a_flood_of_log_lines_is_bounded_and_counted() {
        let mut queue = Queue::new(5000);
        queue.push(message(0, 10));
        (0..LINES + 7).for_each(|n| queue.push(line(n)));
        queue.push(link());
        assert_eq!(queue.lines.len(), LINES);
        assert_eq!(queue.pop(), Some(message(0, 10)));
        let said = text(queue.pop());
        assert_eq!(said, "7 log lines came faster than they could be shown");
        assert_eq!(text(queue.pop()), "line 7");
        for _ in 1..LINES {
            queue.pop();
        }
        assert_eq!((queue.pop(), queue.pop()), (Some(link()), None));
    }

    #[test]
    fn gaps_in_a_row_are_one_also_with_log_lines_between() {
        let mut queue = Queue::new(1);
        for n in 0..50 {
            queue.push(message(n, 10));
            queue.push(line(n));
            queue.push(gap(1));
        }
        // All but the last message had to go; the last gap stands behind it.
        let lost = SessionEvent::Gap(Gap {
            messages: 49 + 49,
            bytes: 490,
        });
        assert_eq!(
            queue.pop(),
            Some(Event::Session(SessionId::default(), lost))
        );
        assert_eq!(queue.gaps.len(), 1);
    }

    #[test]
    fn a_short_payload_that_reads_as_much_is_charged_for_that() {
        let Event::Session(_, SessionEvent::Message(message, mut reading)) = message(0, 10) else {
            unreachable!("a message")
        };
        let plain = weight(&message, &reading);
        reading.facts.push(Fact::Report {
            device: crate::domain::device::DeviceId::new("d"),
            patch: Arc::new(serde_json::json!({"list": vec![0; 1000]})),
        });
        assert!(weight(&message, &reading) > plain + 1000 * size_of::<Value>());
    }
}
