//! A network that is cut at random bytes, between the session and a real mosquitto: nothing that was promised is lost,
//! nothing exact comes twice, and receipts tell the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::Version;
use thingdeck::domain::session::{LinkState, ReceiptId, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::FilterWish;
use thingdeck::platform::plan::ConnectPlan;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::lab::Bench;
use super::support::{Clock, Script, Session, draft, plan, wish};

const CUTS: u32 = 1_000;
/// Most bytes that pass in the direction that is cut.
const MOST: u64 = 1_000;
/// Numbers on their way at once, per direction.
const AHEAD: u64 = 40;

/// Lets a random number of bytes through, then cuts, [`CUTS`] times; what comes after passes whole.
struct Scissors {
    port: u16,
    cuts: Arc<AtomicU32>,
}

impl Scissors {
    async fn before(broker: u16, clock: Arc<Clock>, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cuts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&cuts);
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            while let Ok((client, _)) = listener.accept().await {
                let broker = TcpStream::connect(("127.0.0.1", broker)).await;
                let broker = broker.expect("the broker runs");
                let (most, up) = (random.u64(1..=MOST), random.bool());
                let whole = counted.load(Ordering::SeqCst) >= CUTS;
                let bytes = |this: bool| if this && !whole { most } else { u64::MAX };
                pass(client, broker, bytes(up), bytes(!up), &clock).await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, cuts }
    }

    fn are_done(&self) -> bool {
        self.cuts.load(Ordering::SeqCst) >= CUTS
    }
}

/// How long a wire that is about to be cut leads nowhere: the client has then sent what it can.
const LULL: Duration = Duration::from_millis(3);

/// Until so many bytes have passed in one direction, or one side ends.
async fn pass(client: TcpStream, broker: TcpStream, up: u64, down: u64, clock: &Clock) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    tokio::select! {
        () = copy(&mut from_client, &mut to_broker, up) => {}
        () = copy(&mut from_broker, &mut to_client, down) => {}
    }
    let mut nowhere = tokio::io::sink();
    let lost = copy(&mut from_client, &mut nowhere, u64::MAX);
    let _over = tokio::time::timeout(LULL, lost).await;
    // The end is not to be taken for the broker's answer to what was sent last.
    clock.skip_a_minute();
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), most: u64) {
    let _gone = tokio::io::copy(&mut from.take(most), to).await;
    let _gone = to.flush().await;
}

/// Odd ones at least once, even ones exactly once.
fn promise(number: u64) -> Qos {
    if number.is_multiple_of(2) {
        Qos::ExactlyOnce
    } else {
        Qos::AtLeastOnce
    }
}

fn lab(port: u16, version: Version, name: &str, filter: &str) -> ConnectPlan {
    let mut plan = plan(port, None, &[]);
    "127.0.0.1".clone_into(&mut plan.endpoints[0].host);
    name.clone_into(&mut plan.client_id);
    plan.version = version;
    plan.session_expiry = Duration::from_hours(1);
    plan.limits.max_qos = Qos::ExactlyOnce;
    plan.filters = vec![FilterWish {
        qos: Qos::ExactlyOnce,
        ..wish(filter)
    }];
    plan
}

/// One side: it sends numbers on one topic and notes those of the other.
struct Side {
    session: Session,
    topic: &'static str,
    sent: u64,
    acknowledged: BTreeSet<u64>,
    subscribed: bool,
    /// How often each number came.
    came: BTreeMap<u64, u32>,
    /// QoS 1 only, the first time of each: QoS 2 is handed on when it is released.
    order: Vec<u64>,
}

impl Side {
    fn new(session: Session, topic: &'static str) -> Self {
        Self {
            session,
            topic,
            sent: 0,
            acknowledged: BTreeSet::new(),
            subscribed: false,
            came: BTreeMap::new(),
            order: Vec::new(),
        }
    }

    async fn send_more(&mut self) {
        while self.sent < self.acknowledged.len() as u64 + AHEAD {
            self.sent += 1;
            let draft = draft(self.topic, &self.sent.to_string(), promise(self.sent));
            let publish = SessionCommand::Publish(ReceiptId(self.sent), draft);
            self.session.tell(publish).await;
        }
    }

    async fn next(&mut self) {
        match self.session.event().await {
            SessionEvent::Message(message, _) => {
                let text = std::str::from_utf8(&message.payload).expect("a number");
                let number = text.parse().expect("a number");
                let count = self.came.entry(number).or_default();
                *count += 1;
                if *count == 1 && promise(number) == Qos::AtLeastOnce {
                    self.order.push(number);
                }
            }
            SessionEvent::Receipt { id, result } => {
                assert!(result.is_ok(), "{id:?}: {result:?}");
                assert!(self.acknowledged.insert(id.0), "a second receipt of {id:?}");
            }
            SessionEvent::Granted { result, .. } => self.subscribed |= result.is_ok(),
            // Whatever it says: the person presses r.
            SessionEvent::Link(
                LinkState::Reconnecting { .. } | LinkState::Refused(_) | LinkState::TakenOver(_),
            ) => self.session.tell(SessionCommand::RetryNow).await,
            _ => {}
        }
    }

    /// All that the other side has sent.
    fn has_all_of(&self, other: &Self) -> bool {
        self.came.len() as u64 == other.sent && other.acknowledged.len() as u64 == other.sent
    }

    fn has_each_of(&self, other: &Self) {
        assert!(self.came.keys().copied().eq(1..=other.sent));
    }

    /// Only of what we send: mosquitto (2.0.11) sends a QoS 2 message again after its PUBREL when a connection breaks in
    /// the middle of sending PUBRELs again.
    fn has_exact_ones_once(&self) {
        let twice = self.came.iter().filter(|(_, count)| **count > 1);
        let exact = twice.filter(|(number, _)| promise(**number) == Qos::ExactlyOnce);
        let exact: Vec<_> = exact.collect();
        assert!(exact.is_empty(), "exactly once, but came again: {exact:?}");
    }
}

async fn survive(version: Version, seed: u64) {
    let Some(bench) = Bench::start() else { return };
    let clock = Clock::start();
    let scissors = Scissors::before(bench.ports.plain, Arc::clone(&clock), seed).await;
    let whole = Script::always(lab(bench.ports.plain, version, "whole", "up"));
    let mut there = Side::new(Session::start(&whole), "down");
    there.session.granted().await.1.expect("granted");
    let cut = Script::always(lab(scissors.port, version, "cut", "down"));
    let mut here = Side::new(Session::on(clock, &cut, Vec::new(), false), "up");
    // The session that is to be kept has to be there before the first message for it.
    while !here.subscribed {
        here.next().await;
    }
    while !scissors.are_done() || !here.has_all_of(&there) || !there.has_all_of(&here) {
        if !scissors.are_done() {
            here.send_more().await;
            there.send_more().await;
        }
        tokio::select! {
            () = here.next() => {}
            () = there.next() => {}
        }
    }
    here.has_each_of(&there);
    there.has_each_of(&here);
    there.has_exact_ones_once();
    assert!(there.order.is_sorted(), "QoS 1 is sent in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cuts_lose_nothing() {
    survive(Version::V311, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cuts_lose_nothing_in_mqtt_5() {
    survive(Version::V5, 8).await;
}
