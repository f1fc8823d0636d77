//! The laws over real sockets: a session and the embedded broker, through random subscribing, publishing, dropped
//! connections and forgotten sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::session::{LinkState, ReceiptId, SessionCommand, SessionEvent};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::sim::{Sim, SimControl, SimOptions};

use super::support::{Clock, Script, Session, draft, plan, wish};

const CLIENT: &str = "deck";

struct Ground {
    control: SimControl,
    session: Session,
    clock: Arc<Clock>,
    wanted: BTreeSet<String>,
    sent: u64,
    /// Promised to come back to us, and not seen yet.
    owed: BTreeSet<u64>,
    answered: BTreeSet<u64>,
    /// `echo` was granted on the connection that stands.
    listening: bool,
}

impl Ground {
    async fn receipt_of(&mut self, id: u64) {
        while !self.answered.contains(&id) {
            self.next().await;
        }
    }

    async fn next(&mut self) {
        match self.session.event().await {
            SessionEvent::Message(message, _) if message.topic.as_str() == "echo" => {
                let number = std::str::from_utf8(&message.payload).map(str::parse);
                let number = number.expect("text").expect("a number");
                self.owed.remove(&number);
            }
            SessionEvent::Receipt { id, result } => {
                result.expect("acknowledged");
                assert!(self.answered.insert(id.0), "a second receipt of {id:?}");
            }
            SessionEvent::Granted { filter, result } => {
                self.listening |= filter.as_str() == "echo" && result.is_ok();
            }
            SessionEvent::Link(
                LinkState::Reconnecting { .. } | LinkState::Refused(_) | LinkState::TakenOver(_),
            ) => {
                self.listening = false;
                self.session.tell(SessionCommand::RetryNow).await;
            }
            _ => {}
        }
    }

    async fn publish(&mut self) -> u64 {
        self.sent += 1;
        let draft = draft("echo", &self.sent.to_string(), Qos::AtLeastOnce);
        let publish = SessionCommand::Publish(ReceiptId(self.sent), draft);
        self.session.tell(publish).await;
        self.owed.insert(self.sent);
        self.sent
    }

    async fn toggle(&mut self, number: u8) {
        let name = format!("law/{number}");
        let command = if self.wanted.remove(&name) {
            SessionCommand::Unsubscribe(TopicFilter::parse(&name).expect("a filter"))
        } else {
            let wish = wish(&name);
            self.wanted.insert(name);
            SessionCommand::Subscribe(wish)
        };
        self.session.tell(command).await;
    }

    fn is_owed(&self) -> bool {
        !self.owed.is_empty() || (self.answered.len() as u64) < self.sent
    }

    async fn drop_connections(&mut self, forget: bool) {
        while !self.listening {
            self.next().await;
        }
        // Nothing is taken for the broker's answer to something.
        self.clock.skip_a_minute();
        if forget {
            self.control.lose_session();
            self.owed.clear();
        }
        self.control.drop_connections();
        self.listening = false;
    }

    /// What is acknowledged now was sent after everything that was wanted before.
    async fn settle(&mut self) {
        let last = self.publish().await;
        self.receipt_of(last).await;
        while !self.owed.is_empty() {
            self.next().await;
        }
        let there: BTreeSet<_> = self.control.filters(CLIENT).into_iter().collect();
        assert_eq!(there, self.wanted);
    }
}

async fn any_order(seed: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SimOptions {
        platform: PlatformId::Mqtt,
        ..SimOptions::in_dir(folder.path())
    };
    let sim = Sim::start(options).await.expect("it serves");
    let url = sim.ready().plain_url.clone().expect("a plain port");
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
    let mut wanted = plan(port.expect("a port"), None, &["echo"]);
    CLIENT.clone_into(&mut wanted.client_id);
    "127.0.0.1".clone_into(&mut wanted.endpoints[0].host);
    let clock = Clock::start();
    let script = Script::always(wanted);
    let session = Session::on(Arc::clone(&clock), &script, Vec::new(), false);
    let mut ground = Ground {
        control: sim.control(),
        session,
        clock,
        wanted: BTreeSet::from(["echo".to_owned()]),
        sent: 0,
        owed: BTreeSet::new(),
        answered: BTreeSet::new(),
        listening: false,
    };
    ground.settle().await;
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..40 {
        for _ in 0..random.usize(1..12) {
            match random.u8(..20) {
                number @ 0..6 => ground.toggle(number).await,
                6..14 => drop(ground.publish().await),
                14..16 if ground.is_owed() => ground.next().await,
                16..19 => ground.drop_connections(false).await,
                19 => ground.drop_connections(true).await,
                _ => {}
            }
        }
        ground.settle().await;
    }
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_any_order_the_broker_ends_up_with_what_is_wanted_and_nothing_is_lost() {
    for seed in 1..=4 {
        any_order(seed).await;
    }
}
