//! Any sequence of subscribing, publishing, receiving, cuts and forgotten sessions, against a model of a broker: what is
//! wanted is subscribed, what is promised is kept, and receipts tell the truth.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use thingdeck::base::moment::{Moment, Mono, Timestamp};
use thingdeck::base::problem::{Problem, Retry};
use thingdeck::domain::message::{AckToken, Qos};
use thingdeck::domain::session::{LinkState, ReceiptId, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::TopicFilter;
use thingdeck::session::end::{End, EndClass};
use thingdeck::session::link::LinkEvent;
use thingdeck::session::machine::{Action, Input, Machine};

use super::model::{Given, Model};
use super::support::{draft, plan};

#[derive(Debug, Clone)]
enum Step {
    Subscribe(u8, Qos),
    Unsubscribe(u8),
    Publish(Qos),
    /// Somebody else publishes something for us.
    Give(Qos),
    BrokerReads(u8),
    LinkReads(u8),
    /// The reader acknowledges the oldest message (manual acknowledgement).
    Use,
    Cut(EndClass),
    /// With the session kept, or forgotten.
    Return(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let qos = || (0..3_u8).prop_map(|number| Qos::from_number(number).expect("a QoS"));
    let class = prop_oneof![Just(EndClass::HungUp), Just(EndClass::Passing)];
    let step = prop_oneof![
        2 => (0..5_u8, qos()).prop_map(|(number, qos)| Step::Subscribe(number, qos)),
        1 => (0..5_u8).prop_map(Step::Unsubscribe),
        4 => qos().prop_map(Step::Publish),
        4 => qos().prop_map(Step::Give),
        6 => (1..6_u8).prop_map(Step::BrokerReads),
        6 => (1..6_u8).prop_map(Step::LinkReads),
        3 => Just(Step::Use),
        2 => class.prop_map(Step::Cut),
        3 => prop::bool::weighted(0.8).prop_map(Step::Return),
    ];
    prop::collection::vec(step, 0..120)
}

/// A message for us, and what can still be expected of it.
#[derive(Debug)]
struct Expected {
    given: Given,
    /// No session was forgotten since, and there was one.
    owed: bool,
}

struct World {
    machine: Machine,
    model: Model,
    now: Duration,
    up: bool,
    /// Whether the broker never forgot the session: exactly once can be promised.
    always_kept: bool,
    wanted: BTreeMap<String, Qos>,
    published: Vec<Qos>,
    receipts: BTreeMap<u64, bool>,
    given: Vec<Expected>,
    shown: Vec<String>,
    unused: Vec<AckToken>,
    waiting: usize,
}

impl World {
    fn new(manual: bool, receive_max: u16, roll: f64) -> Self {
        let mut world = Self {
            machine: Machine::new(Vec::new(), manual),
            model: Model::new(manual, receive_max),
            now: Duration::ZERO,
            up: false,
            always_kept: true,
            wanted: BTreeMap::from([("planned".to_owned(), Qos::AtLeastOnce)]),
            published: Vec::new(),
            receipts: BTreeMap::new(),
            given: Vec::new(),
            shown: Vec::new(),
            unused: Vec::new(),
            waiting: 0,
        };
        world.feed_with(roll, Input::Start);
        world.come_back(false);
        world
    }

    fn feed(&mut self, input: Input) {
        self.feed_with(0.0, input);
    }

    fn feed_with(&mut self, roll: f64, input: Input) {
        let now = Moment {
            mono: Mono(self.now),
            wall: Timestamp::from_seconds(0).plus(self.now),
        };
        self.machine.handle(now, roll, input);
        let mut events = Vec::new();
        while let Some(action) = self.machine.next_action() {
            match action {
                Action::Send(order) => events.extend(self.model.order(order)),
                Action::Deliver { arrival, ack, .. } => {
                    let payload = String::from_utf8(arrival.payload.to_vec()).unwrap();
                    self.shown.push(payload);
                    self.unused.extend(ack);
                }
                Action::Post(event) => self.posted(event),
                _ => {}
            }
        }
        for event in events {
            self.feed(Input::Link(event));
        }
        assert_eq!(
            self.machine.publishes_waiting(),
            self.waiting,
            "told when it changes"
        );
    }

    fn posted(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Receipt { id, result } => {
                let before = self.receipts.insert(id.0, result.is_ok());
                assert_eq!(before, None, "a second receipt");
            }
            SessionEvent::Queue { waiting } => self.waiting = waiting,
            SessionEvent::Link(state) => assert!(
                !matches!(state, LinkState::TakenOver(_) | LinkState::Refused(_)),
                "{state:?}"
            ),
            _ => {}
        }
    }

    fn come_back(&mut self, kept: bool) {
        if self.up {
            return;
        }
        self.feed(Input::Command(SessionCommand::RetryNow));
        let mut plan = plan(1, None, &["planned"]);
        plan.limits.max_qos = Qos::ExactlyOnce;
        self.feed(Input::Planned(Ok(plan)));
        if !kept {
            self.always_kept &= self.published.is_empty();
            for given in &mut self.given {
                given.owed = false;
            }
        }
        let event = self.model.connect(kept);
        self.up = true;
        self.feed(Input::Link(event));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Subscribe(number, qos) => {
                let filter = format!("f/{number}");
                self.wanted.insert(filter.clone(), qos);
                let wish = FilterWish::new(TopicFilter::parse(&filter).unwrap(), qos);
                self.feed(Input::Command(SessionCommand::Subscribe(wish)));
            }
            Step::Unsubscribe(number) => {
                let filter = format!("f/{number}");
                self.wanted.remove(&filter);
                let filter = TopicFilter::parse(&filter).unwrap();
                self.feed(Input::Command(SessionCommand::Unsubscribe(filter)));
            }
            Step::Publish(qos) => {
                let id = self.published.len() as u64;
                self.published.push(qos);
                let draft = draft("t", &id.to_string(), qos);
                self.feed(Input::Command(SessionCommand::Publish(
                    ReceiptId(id),
                    draft,
                )));
            }
            Step::Give(qos) => {
                let payload = format!("given {}", self.given.len());
                let given = Given { payload, qos };
                self.model.give(given.clone(), self.up);
                let owed = qos != Qos::AtMostOnce;
                self.given.push(Expected { given, owed });
            }
            Step::BrokerReads(count) => (0..count).for_each(|_| self.model.broker_reads()),
            Step::LinkReads(count) => (0..count).for_each(|_| self.link_reads()),
            Step::Use => self.use_one(),
            Step::Cut(class) => self.cut(class),
            Step::Return(kept) => self.come_back(kept),
        }
    }

    fn link_reads(&mut self) {
        if let Some(event) = self.model.link_reads() {
            self.feed(Input::Link(event));
        }
    }

    fn use_one(&mut self) {
        if !self.unused.is_empty() {
            let token = self.unused.remove(0);
            self.feed(Input::Command(SessionCommand::Ack(token)));
        }
    }

    fn cut(&mut self, class: EndClass) {
        if !self.up {
            return;
        }
        self.up = false;
        self.model.cut();
        // Long enough that nothing is taken for the broker's answer.
        self.now += Duration::from_mins(1);
        let problem = Problem::new("lost", "test", "").retry(Retry::Backoff);
        self.feed(Input::Link(LinkEvent::Closed(End::new(class, problem))));
    }

    /// Until everything has found its place.
    fn settle(&mut self) {
        self.come_back(true);
        while !self.model.is_still() || !self.unused.is_empty() {
            self.model.broker_reads();
            self.link_reads();
            self.use_one();
        }
    }

    fn shown(&self, payload: &str) -> usize {
        self.shown.iter().filter(|shown| *shown == payload).count()
    }

    fn handed_on(&self, id: usize) -> usize {
        let id = id.to_string();
        let handed_on = self.model.handed_on.iter();
        handed_on.filter(|handed| **handed == id).count()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.model.subscriptions(), &self.wanted);
        for (id, qos) in self.published.iter().enumerate() {
            let Some(delivered) = self.receipts.get(&(id as u64)) else {
                return Err(TestCaseError::fail(format!("no receipt for {id}")));
            };
            let count = self.handed_on(id);
            match qos {
                Qos::AtMostOnce => prop_assert!(count <= 1),
                Qos::AtLeastOnce => prop_assert!(*delivered && count >= 1, "{} {}", id, count),
                Qos::ExactlyOnce if self.always_kept => {
                    prop_assert!(*delivered && count == 1, "{} {}", id, count);
                }
                Qos::ExactlyOnce => prop_assert!(*delivered && count >= 1, "{} {}", id, count),
            }
        }
        let seen = self.model.seen.iter().map(|id| id.parse::<u64>().unwrap());
        prop_assert!(seen.is_sorted(), "in order: {:?}", self.model.seen);
        for Expected { given, owed } in &self.given {
            let count = self.shown(&given.payload);
            prop_assert!(count >= usize::from(*owed), "{:?} was lost", given);
            if given.qos != Qos::AtLeastOnce {
                prop_assert!(count <= 1, "{:?} was shown {} times", given, count);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn promises_are_kept_whatever_the_network_does(
        steps in steps(),
        manual in any::<bool>(),
        receive_max in 1..6_u16,
        roll in 0.0..1.0_f64,
    ) {
        let mut world = World::new(manual, receive_max, roll);
        for step in steps {
            world.step(&step);
        }
        world.settle();
        world.check()?;
    }
}
