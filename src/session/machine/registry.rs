//! The filters that are wanted: the truth that every connection is brought to.
//!
//! Every wanted filter is subscribed again after every CONNACK, also when the broker says that it kept the session: a
//! session that only seems kept is a stream that stays silent for ever (failure-modes.md F7, F8). In MQTT 5 the broker is
//! then asked to leave out retained messages where it has the subscription still; a 3.1.1 broker sends them once more.
//!
//! A broker that answers a SUBSCRIBE by hanging up (AWS IoT does, for a topic outside the policy) would make the
//! session reconnect for ever. So filters whose SUBSCRIBE was unanswered when the connection closed are *suspect*: on
//! the next connection the others go first, then the suspects one by one. The one that is alone when the broker hangs
//! up again is set aside and named; the rest live on (F9). A broker that merely fell over twice at the wrong moment must
//! not leave a filter out for ever: it gets another chance, alone and last, when the connection has lived long enough to
//! clear the broker, or when the stream is silent.

mod blame;
mod offer;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::moment::Mono;
use crate::domain::message::Qos;
use crate::domain::subscription::{FilterState, FilterWish};
use crate::domain::topic::TopicFilter;
use crate::platform::plan::ConnectPlan;
use crate::session::link::{Accepted, Order, Ticket};
pub use blame::SET_ASIDE;
use offer::Offer;

/// A broker that does not answer SUBSCRIBE for this long is deaf.
const ANSWER: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Entry {
    wish: FilterWish,
    /// The plan of the moment names it. The platform's filters come anew with every plan.
    planned: bool,
    /// The profile or the user wants it, in these words: a plan does not change them.
    personal: bool,
    granted: Option<Result<Qos, String>>,
    /// Granted before, by the session that the broker keeps.
    known: bool,
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
    filters: Vec<(TopicFilter, Qos)>,
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
    /// What the connection can do.
    offer: Offer,
    /// A kept session holds its subscriptions: they need no SUBSCRIBE.
    trusts_kept: bool,
    next: u64,
}

/// What became known, and what to send next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub results: Vec<(TopicFilter, Result<Qos, String>)>,
    pub orders: Vec<Order>,
    /// For the log.
    pub notes: Vec<String>,
}

impl Registry {
    /// A new plan: its filters replace those of the plan before. Returns those that nobody wants any more.
    pub fn adopt(&mut self, plan: &ConnectPlan) -> Vec<TopicFilter> {
        self.offer = Offer::planned(plan);
        let named = |entry: &Entry| plan.filters.iter().any(|w| w.filter == entry.wish.filter);
        let mut gone = Vec::new();
        self.entries.retain_mut(|entry| {
            entry.planned &= named(entry);
            let wanted = entry.planned || entry.personal;
            // What the user dropped was gone before.
            if !wanted && !entry.dropped {
                gone.push(entry.wish.filter.clone());
            }
            wanted
        });
        self.to_leave.extend(gone.iter().cloned());
        for wish in &plan.filters {
            self.plan_names(wish);
        }
        gone
    }

    fn plan_names(&mut self, wish: &FilterWish) {
        let Some(entry) = self.entry(&wish.filter) else {
            self.add(wish.clone(), false);
            return;
        };
        entry.planned = true;
        if !entry.personal && entry.wish != *wish {
            entry.wish = wish.clone();
            entry.granted = None;
        }
    }

    /// Wants a filter from now on. A filter that was dropped or set aside gets another chance.
    pub fn want(&mut self, wish: FilterWish) {
        self.to_try.retain(|filter| *filter != wish.filter);
        let trusts_kept = self.trusts_kept;
        let Some(entry) = self.entry(&wish.filter) else {
            self.add(wish, true);
            return;
        };
        // What the kept session holds is the wish of before.
        entry.known &= !trusts_kept || entry.wish == wish;
        entry.wish = wish;
        entry.personal = true;
        entry.granted = None;
        entry.trust = Trust::Good;
        entry.dropped = false;
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
        let entry = self.entry(filter).filter(|entry| !entry.dropped)?;
        entry.dropped = true;
        entry.personal = false;
        entry.granted = None;
        entry.known = false;
        let told = entry.trust != Trust::SetAside;
        if !entry.planned {
            self.entries.retain(|entry| entry.wish.filter != *filter);
        }
        self.to_try.retain(|suspect| suspect != filter);
        if !told {
            return None;
        }
        if !live {
            self.to_leave.push(filter.clone());
            return None;
        }
        Some(self.leave(filter.clone()))
    }

    /// A connection stands: everything to be sent at once. `kept`: the broker knows the session of the last one.
    pub fn begin(&mut self, now: Mono, accepted: &Accepted, kept: bool) -> Step {
        self.forget_connection();
        self.offer.accepted(accepted);
        let mut orders = Vec::new();
        for filter in std::mem::take(&mut self.to_leave) {
            if accepted.session_present && !self.is_wanted(&filter) {
                orders.push(self.leave(filter));
            }
        }
        if !kept {
            for entry in &mut self.entries {
                entry.known = false;
            }
        }
        let in_force = if kept && self.trusts_kept {
            self.still_in_force()
        } else {
            Vec::new()
        };
        let mut step = self.all_but(now, &in_force);
        orders.append(&mut step.orders);
        let mut results = in_force;
        results.append(&mut step.results);
        Step {
            results,
            orders,
            ..step
        }
    }

    pub fn trust_kept(&mut self, trust: bool) {
        self.trusts_kept = trust;
    }

    pub const fn trusts_kept(&self) -> bool {
        self.trusts_kept
    }

    /// What the kept session has been granted before, as wished now.
    fn still_in_force(&mut self) -> Vec<(TopicFilter, Result<Qos, String>)> {
        let max = self.offer.max_qos();
        let entries = self.entries.iter_mut();
        let known = entries.filter(|e| e.known && !e.dropped && e.trust == Trust::Good);
        let granted = known.map(|entry| {
            let qos = entry.wish.qos.min(max);
            entry.granted = Some(Ok(qos));
            (entry.wish.filter.clone(), Ok(qos))
        });
        granted.collect()
    }

    /// Every filter again, on a connection that says nothing.
    pub fn again(&mut self, now: Mono) -> Step {
        self.second_chance();
        self.everything(now)
    }

    /// One filter on a live connection, as wished.
    pub fn one(&mut self, now: Mono, filter: &TopicFilter) -> Step {
        if let Some(entry) = self.entry(filter) {
            entry.known = false;
        }
        self.subscribe(now, std::slice::from_ref(filter))
    }

    /// SUBACK: the codes in the order of the filters (MQTT 3.1.1, 3.9.3).
    pub fn answered(&mut self, now: Mono, ticket: Ticket, codes: Vec<Result<Qos, String>>) -> Step {
        let Some(asked) = self.unanswered.remove(&ticket) else {
            return Step::default();
        };
        let silent = || Err("the broker's answer does not mention this filter".to_owned());
        let codes = codes.into_iter().chain(std::iter::repeat_with(silent));
        let mut step = Step::default();
        for ((filter, asked), code) in asked.filters.into_iter().zip(codes) {
            self.settle(filter, asked, code, &mut step);
        }
        if self.unanswered.is_empty() {
            step.orders = self.try_next(now, &mut step.results);
        }
        step
    }

    fn settle(
        &mut self,
        filter: TopicFilter,
        asked: Qos,
        code: Result<Qos, String>,
        step: &mut Step,
    ) {
        if self.is_asked(&filter) {
            // This was the answer to an earlier wish.
            return;
        }
        let Some(entry) = self.entry(&filter).filter(|entry| !entry.dropped) else {
            return;
        };
        entry.granted = Some(code.clone());
        entry.known = code.is_ok();
        entry.trust = Trust::Good;
        if let Ok(granted) = code
            && granted < asked
        {
            let (asked, granted) = (asked.number(), granted.number());
            let note = format!("{filter}: asked for QoS {asked}, granted QoS {granted}");
            step.notes.push(note);
        }
        step.results.push((filter, code));
    }

    /// UNSUBACK: the filter that is gone, unless it is wanted again.
    pub fn left(&mut self, ticket: Ticket) -> Option<TopicFilter> {
        let filter = self.leaving.remove(&ticket)?;
        (!self.is_wanted(&filter)).then_some(filter)
    }

    /// The connection is gone, and with it every grant. Returns the filters whose UNSUBSCRIBE was not answered: nobody
    /// waits for them any more, and a kept session is told again.
    pub fn forget_connection(&mut self) -> Vec<TopicFilter> {
        self.unanswered.clear();
        self.to_try.clear();
        let leaving = std::mem::take(&mut self.leaving).into_values();
        let leaving: Vec<_> = leaving.filter(|filter| !self.is_wanted(filter)).collect();
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

    fn add(&mut self, wish: FilterWish, personal: bool) {
        self.entries.push(Entry {
            wish,
            planned: !personal,
            personal,
            granted: None,
            known: false,
            trust: Trust::Good,
            dropped: false,
        });
    }

    fn entry(&mut self, filter: &TopicFilter) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.wish.filter == *filter)
    }

    fn is_wanted(&self, filter: &TopicFilter) -> bool {
        let found = self.entries.iter().find(|e| e.wish.filter == *filter);
        found.is_some_and(|entry| !entry.dropped)
    }

    fn is_asked(&self, filter: &TopicFilter) -> bool {
        let mut asked = self.unanswered.values().flat_map(|asked| &asked.filters);
        asked.any(|(asked, _)| asked == filter)
    }

    /// Those in good standing in batches, the suspects after them one by one.
    fn everything(&mut self, now: Mono) -> Step {
        self.all_but(now, &[])
    }

    fn all_but(&mut self, now: Mono, done: &[(TopicFilter, Result<Qos, String>)]) -> Step {
        let mut good = self.with_trust(Trust::Good);
        good.retain(|filter| done.iter().all(|(known, _)| known != filter));
        let mut step = self.subscribe(now, &good);
        self.to_try = self.with_trust(Trust::Suspect).into();
        if self.unanswered.is_empty() {
            let tried = self.try_next(now, &mut step.results);
            step.orders.extend(tried);
        }
        step
    }

    /// The next suspect that the broker has not excluded beforehand.
    fn try_next(
        &mut self,
        now: Mono,
        results: &mut Vec<(TopicFilter, Result<Qos, String>)>,
    ) -> Vec<Order> {
        while let Some(filter) = self.to_try.pop_front() {
            let step = self.subscribe(now, &[filter]);
            results.extend(step.results);
            if !step.orders.is_empty() {
                return step.orders;
            }
        }
        Vec::new()
    }

    /// SUBSCRIBEs for these filters, in batches; what the broker cannot do is refused here.
    fn subscribe(&mut self, now: Mono, filters: &[TopicFilter]) -> Step {
        let mut step = Step::default();
        let mut wishes = Vec::new();
        for filter in filters {
            let offer = self.offer;
            let Some(entry) = self.entry(filter).filter(|entry| !entry.dropped) else {
                continue;
            };
            match offer.refusal(&entry.wish) {
                Some(words) => {
                    entry.granted = Some(Err(words.to_owned()));
                    entry.trust = Trust::Good;
                    step.results.push((filter.clone(), Err(words.to_owned())));
                }
                None => wishes.push(offer.fit(&entry.wish, entry.known)),
            }
        }
        for batch in self.offer.batches(wishes) {
            let order = self.ask(now, batch);
            step.orders.push(order);
        }
        step
    }

    fn ask(&mut self, now: Mono, filters: Vec<FilterWish>) -> Order {
        let ticket = self.ticket();
        let named = filters.iter().map(|wish| (wish.filter.clone(), wish.qos));
        let asked = Unanswered {
            filters: named.collect(),
            at: now,
        };
        self.unanswered.insert(ticket, asked);
        Order::Subscribe { ticket, filters }
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    fn leave(&mut self, filter: TopicFilter) -> Order {
        let ticket = self.ticket();
        self.leaving.insert(ticket, filter.clone());
        Order::Unsubscribe { ticket, filter }
    }
}
