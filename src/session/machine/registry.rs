//! The filters that are wanted: the truth that every connection is brought to.
//!
//! Every wanted filter is subscribed again after every CONNACK, also when the broker says that it kept the session: a
//! session that only seems kept is a stream that stays silent for ever (failure-modes.md F7, F8).
//!
//! A broker that answers a SUBSCRIBE by hanging up (AWS IoT does, for a topic outside the policy) would make the
//! session reconnect for ever. So filters whose SUBSCRIBE was unanswered when the connection closed are *suspect*: on
//! the next connection the others go first, then the suspects one by one. The one that is alone when the broker hangs
//! up again is set aside and named; the rest live on (F9). A broker that merely fell over twice at the wrong moment must
//! not leave a filter out for ever: it gets another chance, alone and last, when the connection has lived long enough to
//! clear the broker, or when the stream is silent.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::moment::Mono;
use crate::domain::message::Qos;
use crate::domain::subscription::{FilterState, FilterWish};
use crate::domain::topic::TopicFilter;
use crate::session::link::{Order, Ticket};

/// A close this soon after an unanswered SUBSCRIBE is taken for an answer to it.
const BLAME: Duration = Duration::from_secs(5);
/// A broker that does not answer SUBSCRIBE for this long is deaf.
const ANSWER: Duration = Duration::from_secs(20);

/// What a filter that was set aside is told with.
pub const SET_ASIDE: &str = "the broker hangs up when this filter is subscribed; it is set aside for now (add it again to retry)";

/// Who wants a filter. The platform's come anew with every plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Plan,
    Person,
}

#[derive(Debug)]
struct Entry {
    wish: FilterWish,
    origin: Origin,
    granted: Option<Result<Qos, String>>,
    trust: Trust,
    /// Dropped by the user: a plan that names it again does not bring it back.
    dropped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Good,
    Suspect,
    SetAside,
}

#[derive(Debug)]
struct Unanswered {
    filters: Vec<TopicFilter>,
    at: Mono,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Registry {
    entries: Vec<Entry>,
    unanswered: BTreeMap<Ticket, Unanswered>,
    /// Suspects still to be tried on this connection, each alone.
    to_try: VecDeque<TopicFilter>,
    /// UNSUBSCRIBEs under way, and those a kept session still needs.
    leaving: BTreeMap<Ticket, TopicFilter>,
    to_leave: Vec<TopicFilter>,
    batch: usize,
    max_qos: Qos,
    next: u64,
}

/// What an answer settled, and what to send next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub results: Vec<(TopicFilter, Result<Qos, String>)>,
    pub next: Option<Order>,
}

impl Registry {
    /// A new plan: its filters replace those of the plan before.
    pub fn adopt(
        &mut self,
        filters: &[FilterWish],
        batch: usize,
        max_qos: Qos,
    ) -> Vec<TopicFilter> {
        self.batch = batch.max(1);
        self.max_qos = max_qos;
        let named = |entry: &Entry| filters.iter().any(|w| w.filter == entry.wish.filter);
        let gone = self
            .entries
            .extract_if(.., |entry| entry.origin == Origin::Plan && !named(entry))
            .map(|entry| entry.wish.filter);
        let gone: Vec<_> = gone.collect();
        self.to_leave.extend(gone.iter().cloned());
        for wish in filters {
            if self.entry(&wish.filter).is_none() {
                self.add(wish.clone(), Origin::Plan);
            }
        }
        gone
    }

    /// Wants a filter from now on. A filter that was dropped or set aside gets another chance.
    pub fn want(&mut self, wish: FilterWish, origin: Origin) {
        self.to_leave.retain(|filter| *filter != wish.filter);
        self.to_try.retain(|filter| *filter != wish.filter);
        match self.entry(&wish.filter) {
            None => self.add(wish, origin),
            Some(entry) => {
                entry.wish = wish;
                entry.granted = None;
                entry.trust = Trust::Good;
                entry.dropped = false;
            }
        }
    }

    /// The granted QoS of a filter that needs no SUBSCRIBE because this very wish is in force.
    pub fn in_force(&self, wish: &FilterWish) -> Option<Qos> {
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.wish == *wish && !entry.dropped)?;
        entry.granted.as_ref()?.as_ref().ok().copied()
    }

    /// Wants it no more. On a live connection the order tells the broker; otherwise the next connection does.
    pub fn drop_filter(&mut self, filter: &TopicFilter, live: bool) -> Option<Order> {
        let entry = self.entry(filter)?;
        entry.dropped = true;
        entry.granted = None;
        let known = entry.trust != Trust::SetAside;
        if entry.origin == Origin::Person {
            self.entries.retain(|entry| entry.wish.filter != *filter);
        }
        self.to_try.retain(|suspect| suspect != filter);
        if !known {
            return None;
        }
        if !live {
            self.to_leave.push(filter.clone());
            return None;
        }
        Some(self.leave(filter.clone()))
    }

    /// A connection stands: everything to be sent at once.
    pub fn begin(&mut self, now: Mono, session_present: bool) -> Vec<Order> {
        self.forget_connection();
        let mut orders = Vec::new();
        let old = std::mem::take(&mut self.to_leave);
        if session_present {
            orders.extend(old.into_iter().map(|filter| self.leave(filter)));
        }
        orders.extend(self.everything(now));
        orders
    }

    /// Every filter again, on a connection that says nothing.
    pub fn again(&mut self, now: Mono) -> Vec<Order> {
        self.second_chance();
        self.everything(now)
    }

    /// What was set aside is only suspect again: the broker has earned no blame since.
    pub fn second_chance(&mut self) {
        for entry in &mut self.entries {
            if entry.trust == Trust::SetAside {
                entry.trust = Trust::Suspect;
            }
        }
    }

    /// One filter on a live connection.
    pub fn one(&mut self, now: Mono, filter: &TopicFilter) -> Option<Order> {
        let wish = self.entry(filter)?.wish.clone();
        Some(self.subscribe(now, vec![wish]))
    }

    /// SUBACK: the codes in the order of the filters (MQTT 3.1.1, 3.9.3).
    pub fn answered(
        &mut self,
        now: Mono,
        ticket: Ticket,
        codes: Vec<Result<Qos, String>>,
    ) -> Answer {
        let Some(asked) = self.unanswered.remove(&ticket) else {
            return Answer::default();
        };
        let silent = || Err("the broker's answer does not mention this filter".to_owned());
        let codes = codes.into_iter().chain(std::iter::repeat_with(silent));
        let mut answer = Answer::default();
        for (filter, code) in asked.filters.into_iter().zip(codes) {
            if let Some(entry) = self.entry(&filter).filter(|entry| !entry.dropped) {
                entry.granted = Some(code.clone());
                entry.trust = Trust::Good;
                answer.results.push((filter, code));
            }
        }
        if self.unanswered.is_empty() {
            answer.next = self.try_next(now);
        }
        answer
    }

    /// UNSUBACK: the filter that is gone.
    pub fn left(&mut self, ticket: Ticket) -> Option<TopicFilter> {
        self.leaving.remove(&ticket)
    }

    /// The peer closed the connection. `None`: not because of a SUBSCRIBE. Otherwise the filters set aside by it.
    pub fn hung_up(&mut self, now: Mono) -> Option<Vec<TopicFilter>> {
        let blamed: Vec<_> = self
            .unanswered
            .values()
            .filter(|asked| now.since(asked.at) <= BLAME)
            .flat_map(|asked| asked.filters.iter().cloned())
            .collect();
        if blamed.is_empty() {
            return None;
        }
        let alone = blamed.len() == 1;
        let mut set_aside = Vec::new();
        for filter in blamed {
            let Some(entry) = self.entry(&filter) else {
                continue;
            };
            if alone && entry.trust == Trust::Suspect {
                entry.trust = Trust::SetAside;
                entry.granted = Some(Err(SET_ASIDE.to_owned()));
                set_aside.push(filter);
            } else {
                entry.trust = Trust::Suspect;
            }
        }
        Some(set_aside)
    }

    /// The connection is gone, and with it every grant. Returns the filters whose UNSUBSCRIBE was not answered: nobody
    /// waits for them any more, and a kept session is told again.
    pub fn forget_connection(&mut self) -> Vec<TopicFilter> {
        self.unanswered.clear();
        self.to_try.clear();
        let leaving = std::mem::take(&mut self.leaving);
        let leaving: Vec<_> = leaving.into_values().collect();
        self.to_leave.extend(leaving.iter().cloned());
        for entry in &mut self.entries {
            if entry.trust != Trust::SetAside {
                entry.granted = None;
            }
        }
        leaving
    }

    /// Whether every wanted filter has been answered for on this connection.
    pub fn is_settled(&self) -> bool {
        self.unanswered.is_empty() && self.to_try.is_empty()
    }

    /// When the broker counts as deaf, unless it answers before.
    pub fn deadline(&self) -> Option<Mono> {
        let first = self.unanswered.values().map(|asked| asked.at).min()?;
        Some(first.plus(ANSWER))
    }

    pub fn states(&self) -> Vec<FilterState> {
        let wanted = self.entries.iter().filter(|entry| !entry.dropped);
        let states = wanted.map(|entry| FilterState {
            wish: entry.wish.clone(),
            granted: entry.granted.clone(),
        });
        states.collect()
    }

    fn add(&mut self, wish: FilterWish, origin: Origin) {
        self.entries.push(Entry {
            wish,
            origin,
            granted: None,
            trust: Trust::Good,
            dropped: false,
        });
    }

    fn entry(&mut self, filter: &TopicFilter) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.wish.filter == *filter)
    }

    fn with_trust(&self, trust: Trust) -> impl Iterator<Item = &FilterWish> {
        self.entries
            .iter()
            .filter(move |entry| entry.trust == trust && !entry.dropped)
            .map(|entry| &entry.wish)
    }

    /// Those in good standing in batches, the suspects after them one by one.
    fn everything(&mut self, now: Mono) -> Vec<Order> {
        let good: Vec<_> = self.with_trust(Trust::Good).cloned().collect();
        let mut orders: Vec<_> = good
            .chunks(self.batch.max(1))
            .map(|batch| self.subscribe(now, batch.to_vec()))
            .collect();
        self.to_try = self
            .with_trust(Trust::Suspect)
            .map(|wish| wish.filter.clone())
            .collect();
        if self.unanswered.is_empty() {
            orders.extend(self.try_next(now));
        }
        orders
    }

    fn try_next(&mut self, now: Mono) -> Option<Order> {
        let filter = self.to_try.pop_front()?;
        self.one(now, &filter)
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    fn subscribe(&mut self, now: Mono, mut filters: Vec<FilterWish>) -> Order {
        let ticket = self.ticket();
        for wish in &mut filters {
            wish.qos = wish.qos.min(self.max_qos);
        }
        let asked = Unanswered {
            filters: filters.iter().map(|wish| wish.filter.clone()).collect(),
            at: now,
        };
        self.unanswered.insert(ticket, asked);
        Order::Subscribe { ticket, filters }
    }

    fn leave(&mut self, filter: TopicFilter) -> Order {
        let ticket = self.ticket();
        self.leaving.insert(ticket, filter.clone());
        Order::Unsubscribe { ticket, filter }
    }
}
