//! What waits, in one order and within its bounds.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

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
/// So many times the usual bytes may wait while the oldest is one that its reader acknowledges: brokers have some 20 such
/// messages on their way, and each may be as large as a packet.
const UNACKNOWLEDGED: usize = 6;
/// Log lines that wait: more than a person can have read.
const LINES: usize = 1000;
/// A topic in a packet's line may have 64 KiB. Bytes.
const LONGEST_LINE: usize = 4096;

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
pub(super) struct Queue {
    next: Place,
    control: VecDeque<(Place, Event)>,
    gaps: BTreeMap<Place, (SessionId, Gap)>,
    data: VecDeque<Data>,
    lines: VecDeque<(Place, Event)>,
    /// Log lines that had to go since the last one that was delivered.
    lines_lost: u64,
    pub(super) bytes: usize,
    limit_bytes: usize,
    /// Events delivered so far.
    pub(super) taken: u64,
    /// A sender waits for room.
    pub(super) awaited: bool,
    /// The loop looks in at its next frame.
    pub(super) rests: bool,
}

impl Queue {
    pub(super) fn new(limit_bytes: usize) -> Self {
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

    pub(super) fn is_empty(&self) -> bool {
        self.control.is_empty()
            && self.gaps.is_empty()
            && self.data.is_empty()
            && self.lines.is_empty()
    }

    /// What waits before a sender pauses.
    pub(super) const fn crowd(&self) -> usize {
        let half = self.limit_bytes / 2;
        if half < CROWD { half } else { CROWD }
    }

    pub(super) fn is_worth_waking(&self) -> bool {
        let much = WORTH_WAKING.min(self.limit_bytes / 8);
        !self.control.is_empty() || self.bytes > much || self.lines.len() > LINES / 2
    }

    pub(super) fn push(&mut self, event: Event) {
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

    pub(super) fn pop(&mut self) -> Option<Event> {
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
#[path = "tests.rs"]
mod tests;
