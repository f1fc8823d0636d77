//! The machine alone, on a virtual clock.

use std::time::Duration;

use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::{Problem, Retry};
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::session::end::{End, EndClass};
use thingdeck::session::link::{Accepted, LinkEvent, Order, Ticket};
use thingdeck::session::machine::{Action, Input, Machine};

use super::support::plan;

/// A machine and everything it has asked for, in order.
pub struct Bench {
    pub machine: Machine,
    pub now: Duration,
    pub done: Vec<Action>,
}

impl Bench {
    pub fn new() -> Self {
        let mut bench = Self {
            machine: Machine::new(Vec::new(), false),
            now: Duration::ZERO,
            done: Vec::new(),
        };
        bench.feed(Input::Start);
        bench
    }

    pub fn feed(&mut self, input: Input) -> Vec<Action> {
        let now = Moment {
            mono: Mono(self.now),
            wall: Timestamp::from_seconds(0).plus(self.now),
        };
        self.machine.handle(now, 0.0, input);
        let actions: Vec<_> = std::iter::from_fn(|| self.machine.next_action()).collect();
        self.done.extend(actions.iter().cloned());
        actions
    }

    pub fn command(&mut self, command: SessionCommand) -> Vec<Action> {
        self.feed(Input::Command(command))
    }

    pub fn link(&mut self, event: LinkEvent) -> Vec<Action> {
        self.feed(Input::Link(event))
    }

    pub fn ends(&mut self, class: EndClass) -> Vec<Action> {
        let problem = Problem::new("lost", "test", "").retry(Retry::Backoff);
        self.link(LinkEvent::Closed(End::new(class, problem)))
    }

    /// Lets the clock run to the next thing the machine waits for.
    pub fn wait(&mut self) -> Vec<Action> {
        let Some(at) = self.machine.wake() else {
            return Vec::new();
        };
        self.now = self.now.max(at.0);
        self.feed(Input::Tick)
    }

    /// Brings a machine that is waiting or stopped to an open connection attempt.
    pub fn attempt(&mut self, filters: &[&str]) {
        self.command(SessionCommand::RetryNow);
        self.feed(Input::Planned(Ok(plan(1, None, filters))));
    }

    /// A machine whose connection stands on this plan.
    pub fn connected(plan: &ConnectPlan, accepted: Accepted) -> (Self, Vec<Action>) {
        let mut bench = Self::new();
        bench.feed(Input::Planned(Ok(plan.clone())));
        let actions = bench.link(LinkEvent::Up(accepted));
        (bench, actions)
    }

    /// A minute later the connection is gone, and a new one stands.
    pub fn again(&mut self, plan: &ConnectPlan, accepted: Accepted) -> Vec<Action> {
        self.now += Duration::from_mins(1);
        self.ends(EndClass::Passing);
        self.wait();
        self.feed(Input::Planned(Ok(plan.clone())));
        self.link(LinkEvent::Up(accepted))
    }

    pub fn publish(&mut self, id: u64, draft: Draft) -> Vec<Action> {
        self.command(SessionCommand::Publish(ReceiptId(id), draft))
    }

    pub fn acknowledge(&mut self, ticket: Ticket) -> Vec<Action> {
        let result = Ok(Delivered::default());
        self.link(LinkEvent::Published { ticket, result })
    }

    pub fn count(&self, what: impl Fn(&Action) -> bool) -> usize {
        self.done.iter().filter(|action| what(action)).count()
    }

    pub fn state(&self) -> LinkState {
        let state = self.done.iter().rev().find_map(|action| match action {
            Action::Post(SessionEvent::Link(state)) => Some(state.clone()),
            _ => None,
        });
        state.expect("the machine has started")
    }

    /// Answers every SUBSCRIBE among `actions`, and those that follow; the filters in order.
    pub fn answer(&mut self, actions: &[Action]) -> Vec<String> {
        let mut filters = Vec::new();
        let mut waiting = subscribes(actions);
        while !waiting.is_empty() {
            let (ticket, names) = waiting.remove(0);
            let codes = vec![Ok(Qos::AtLeastOnce); names.len()];
            filters.extend(names);
            let next = self.link(LinkEvent::Subscribed { ticket, codes });
            waiting.extend(subscribes(&next));
        }
        filters
    }
}

pub fn subscribes(actions: &[Action]) -> Vec<(Ticket, Vec<String>)> {
    let orders = actions.iter().filter_map(|action| match action {
        Action::Send(Order::Subscribe { ticket, filters }) => {
            let names = filters.iter().map(|wish| wish.filter.to_string());
            Some((*ticket, names.collect()))
        }
        _ => None,
    });
    orders.collect()
}

pub fn up(session_present: bool) -> LinkEvent {
    LinkEvent::Up(Accepted {
        session_present,
        ..Accepted::default()
    })
}

/// The filters as they were sent, packet by packet.
pub fn asked(actions: &[Action]) -> Vec<Vec<FilterWish>> {
    let orders = actions.iter().filter_map(|action| match action {
        Action::Send(Order::Subscribe { filters, .. }) => Some(filters.clone()),
        _ => None,
    });
    orders.collect()
}

/// A publish on its way to the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub ticket: Ticket,
    pub payload: String,
    pub packet: u16,
    pub dup: bool,
}

pub fn sent(actions: &[Action]) -> Vec<Sent> {
    let orders = actions.iter().filter_map(|action| match action {
        Action::Send(Order::Publish {
            ticket,
            draft,
            packet,
            dup,
        }) => Some(Sent {
            ticket: *ticket,
            payload: String::from_utf8_lossy(&draft.payload).into_owned(),
            packet: *packet,
            dup: *dup,
        }),
        _ => None,
    });
    orders.collect()
}

/// The receipts, a failure by its cause.
pub fn receipts(actions: &[Action]) -> Vec<(u64, Result<Delivered, String>)> {
    let events = actions.iter().filter_map(|action| match action {
        Action::Post(SessionEvent::Receipt { id, result }) => {
            let result = result.clone().map_err(|problem| problem.cause);
            Some((id.0, result))
        }
        _ => None,
    });
    events.collect()
}

pub fn granted(actions: &[Action]) -> Vec<(String, Result<Qos, String>)> {
    let events = actions.iter().filter_map(|action| match action {
        Action::Post(SessionEvent::Granted { filter, result }) => {
            Some((filter.to_string(), result.clone()))
        }
        _ => None,
    });
    events.collect()
}

pub fn logged(actions: &[Action], part: &str) -> bool {
    let mut lines = actions.iter().filter_map(|action| match action {
        Action::Log(_, text) => Some(text),
        _ => None,
    });
    lines.any(|text| text.contains(part))
}
