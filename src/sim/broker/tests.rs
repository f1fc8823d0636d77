use proptest::prelude::*;
use rumqttc::mqttbytes::v4::SubscribeFilter;

use super::*;

/// Everything under `free/` is allowed, `refused/` is refused, the rest closes the connection.
struct Policy;

impl Rules for Policy {
    fn connect(&self, _: &Identity, connect: &Connect) -> Verdict {
        if connect.client_id == "stranger" {
            Verdict::Refused(5)
        } else {
            Verdict::Allowed
        }
    }

    fn subscribe(&self, _: &str, filter: &str) -> Verdict {
        match filter.split('/').next() {
            Some("free") => Verdict::Allowed,
            Some("refused") => Verdict::Refused(0x80),
            _ => Verdict::Closed,
        }
    }

    fn publish(&self, client: &str, topic: &str) -> Verdict {
        self.subscribe(client, topic)
    }

    fn limits(&self) -> Limits {
        Limits {
            in_flight: 3,
            queued: 50,
            ..Limits::default()
        }
    }
}

/// A broker on a clock of its own.
#[derive(Default)]
struct Bench {
    broker: Broker,
    now: Mono,
}

impl Bench {
    fn pass(&mut self, seconds: u64) -> Vec<Output> {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.broker.tick(self.now, &Policy)
    }

    fn connect(&mut self, client: &str) -> (ConnectionId, Vec<Output>) {
        self.connect_as(client, false, 30)
    }

    fn connect_as(&mut self, client: &str, clean: bool, alive: u16) -> (ConnectionId, Vec<Output>) {
        let id = self.broker.open(Identity::default(), self.now);
        let mut connect = Connect::new(client);
        connect.clean_session = clean;
        connect.keep_alive = alive;
        let out = self.send(id, Packet::Connect(connect));
        (id, out)
    }

    fn listener(&mut self, client: &str) -> ConnectionId {
        let (id, _) = self.connect(client);
        self.subscribe(id, &["free/#"]);
        id
    }

    fn send(&mut self, id: ConnectionId, packet: Packet) -> Vec<Output> {
        self.broker.receive(id, packet, self.now, &Policy)
    }

    fn subscribe(&mut self, id: ConnectionId, filters: &[&str]) -> Vec<Output> {
        let filters = filters
            .iter()
            .map(|path| SubscribeFilter::new((*path).to_owned(), QoS::ExactlyOnce));
        let mut subscribe = Subscribe::new_many(filters);
        subscribe.pkid = 1;
        self.send(id, Packet::Subscribe(subscribe))
    }

    fn publish(&mut self, text: &str) -> Vec<Output> {
        let message = Publication::new("free/x", text.to_owned());
        self.broker.publish(&message, &Policy)
    }

    fn lose(&mut self, id: ConnectionId) -> Vec<Output> {
        self.broker.lost(id, self.now, &Policy)
    }
}

/// (packet id, dup, payload) of what was delivered.
fn delivered(out: &[Output]) -> Vec<(u16, bool, String)> {
    out.iter()
        .filter_map(|output| match output {
            Output::Send(_, Frame::Packet(Packet::Publish(p))) => {
                let text = String::from_utf8_lossy(&p.payload).into_owned();
                Some((p.pkid, p.dup, text))
            }
            _ => None,
        })
        .collect()
}

fn texts(out: &[Output]) -> Vec<String> {
    delivered(out).into_iter().map(|(.., text)| text).collect()
}

fn closes(out: &[Output], id: ConnectionId) -> bool {
    out.contains(&Output::Close(id))
}

#[test]
fn subscriptions_are_granted_at_qos_1_and_refused_one_by_one() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect("a");
    let out = bench.subscribe(id, &["free/a", "refused/a"]);
    let ack = SubAck::new(
        1,
        vec![
            SubscribeReasonCode::Success(QoS::AtLeastOnce),
            SubscribeReasonCode::Failure,
        ],
    );
    assert_eq!(out[0], Output::Send(id, Frame::Packet(Packet::SubAck(ack))));
    assert_eq!(bench.broker.filters("a"), ["free/a"]);
}

#[test]
fn nine_filters_and_forbidden_topics_end_the_connection() {
    let mut bench = Bench::default();
    for filters in [&["free/a"; 9][..], &["elsewhere"][..], &["free/#/x"][..]] {
        let (id, _) = bench.connect("a");
        assert!(closes(&bench.subscribe(id, filters), id), "{filters:?}");
    }
}

#[test]
fn anything_before_connect_and_a_second_connect_end_the_connection() {
    let mut bench = Bench::default();
    let id = bench.broker.open(Identity::default(), bench.now);
    assert!(closes(&bench.send(id, Packet::PingReq), id));
    let (id, _) = bench.connect("a");
    assert!(closes(
        &bench.send(id, Packet::Connect(Connect::new("a"))),
        id
    ));
}

#[test]
fn a_refused_client_hears_the_code_before_the_end() {
    let mut bench = Bench::default();
    let (id, out) = bench.connect("stranger");
    assert_eq!(out[0], Output::Send(id, Frame::refusal(5)));
    assert_eq!(out.last(), Some(&Output::Close(id)));
}

#[test]
fn no_more_than_the_window_is_in_flight() {
    let mut bench = Bench::default();
    let id = bench.listener("a");
    let sent: Vec<_> = (0..5)
        .flat_map(|n| texts(&bench.publish(&n.to_string())))
        .collect();
    assert_eq!(sent, ["0", "1", "2"]);
    let more = bench.send(id, Packet::PubAck(PubAck::new(2)));
    assert_eq!(texts(&more), ["3"]);
    assert_eq!(bench.broker.backlog("a"), 4);
}

#[test]
fn a_full_queue_lets_the_oldest_go_and_counts_them() {
    let mut bench = Bench::default();
    let id = bench.listener("a");
    bench.lose(id);
    for n in 0..60 {
        bench.publish(&n.to_string());
    }
    assert_eq!(bench.broker.dropped, 10);
    let (_, out) = bench.connect("a");
    assert_eq!(texts(&out), ["10", "11", "12"]);
}

#[test]
fn what_was_not_acknowledged_comes_again_first_as_a_duplicate_with_its_id() {
    let mut bench = Bench::default();
    let id = bench.listener("a");
    let sent: Vec<_> = ["one", "two"]
        .iter()
        .flat_map(|t| delivered(&bench.publish(t)))
        .collect();
    bench.send(id, Packet::PubAck(PubAck::new(sent[0].0)));
    bench.lose(id);
    bench.publish("three");
    let (_, out) = bench.connect("a");
    assert_eq!(out[0], Output::Send(ConnectionId(2), Frame::accepted(true)));
    let again = delivered(&out);
    assert_eq!(again[0], (sent[1].0, true, "two".to_owned()));
    assert_eq!((again[1].1, again[1].2.as_str()), (false, "three"));
}

#[test]
fn a_second_connection_evicts_the_first_and_takes_its_session() {
    let mut bench = Bench::default();
    let first = bench.listener("a");
    let (second, out) = bench.connect("a");
    assert_eq!(out[0], Output::Close(first));
    assert!(out.contains(&Output::Send(second, Frame::accepted(true))));
    bench.lose(first);
    assert_eq!(texts(&bench.publish("for the second")).len(), 1);
}

#[test]
fn a_clean_session_ends_with_its_connection() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect_as("a", true, 30);
    bench.subscribe(id, &["free/#"]);
    bench.lose(id);
    let (again, out) = bench.connect("a");
    assert_eq!(out[0], Output::Send(again, Frame::accepted(false)));
    assert!(texts(&bench.publish("x")).is_empty());
}

#[test]
fn a_kept_session_is_forgotten_after_an_hour() {
    let mut bench = Bench::default();
    for (seconds, present) in [(3599, true), (3601, false)] {
        let (id, _) = bench.connect("a");
        bench.lose(id);
        bench.pass(seconds);
        let (id, out) = bench.connect("a");
        assert_eq!(
            out[0],
            Output::Send(id, Frame::accepted(present)),
            "{seconds} s"
        );
        bench.lose(id);
    }
}

#[test]
fn silence_of_one_and_a_half_keep_alives_ends_the_connection() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect_as("a", false, 10);
    assert!(!closes(&bench.pass(15), id));
    bench.send(id, Packet::PingReq);
    assert!(!closes(&bench.pass(15), id));
    assert!(closes(&bench.pass(1), id));
    let (forever, _) = bench.connect_as("b", false, 0);
    assert!(!closes(&bench.pass(100_000), forever));
}

#[test]
fn overlapping_filters_deliver_once() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect("a");
    bench.subscribe(id, &["free/#", "free/+", "free/x"]);
    assert_eq!(texts(&bench.publish("x")), ["x"]);
}

#[test]
fn a_retained_message_greets_a_new_subscription_and_an_empty_one_erases_it() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect("a");
    let mut publish = Publish::new("free/lamp", QoS::AtMostOnce, "on");
    publish.retain = true;
    bench.send(id, Packet::Publish(publish.clone()));
    assert_eq!(texts(&bench.subscribe(id, &["free/+"])), ["on"]);
    publish.payload = Bytes::new();
    bench.send(id, Packet::Publish(publish));
    assert!(texts(&bench.subscribe(id, &["free/#"])).is_empty());
}

#[test]
fn a_will_is_published_when_the_connection_breaks_but_not_on_a_farewell() {
    let mut bench = Bench::default();
    bench.listener("watcher");
    let mut heard = Vec::new();
    for farewell in [false, true] {
        let id = bench.broker.open(Identity::default(), bench.now);
        let mut connect = Connect::new("a");
        connect.last_will = Some(LastWill::new("free/will", "gone", QoS::AtLeastOnce, false));
        bench.send(id, Packet::Connect(connect));
        if farewell {
            heard.push(texts(&bench.send(id, Packet::Disconnect)));
        } else {
            heard.push(texts(&bench.lose(id)));
        }
    }
    assert_eq!(heard, [vec!["gone".to_owned()], vec![]]);
}

#[test]
fn a_lost_session_keeps_the_connection_but_nothing_arrives() {
    let mut bench = Bench::default();
    let id = bench.listener("a");
    bench.broker.lose_sessions();
    assert!(bench.broker.is_connected("a"));
    assert!(texts(&bench.publish("x")).is_empty());
    bench.lose(id);
    let (id, out) = bench.connect("a");
    assert_eq!(out[0], Output::Send(id, Frame::accepted(false)));
}

#[derive(Debug, Clone)]
enum Step {
    Publish,
    Acknowledge,
    Break,
    Return,
}

proptest! {
    /// Whatever breaks in between: every message arrives, in order, and what arrives twice is marked.
    #[test]
    fn at_least_once_holds_through_any_breaks(
        steps in prop::collection::vec(
            prop_oneof![Just(Step::Publish), Just(Step::Acknowledge), Just(Step::Break), Just(Step::Return)],
            0..120,
        )
    ) {
        let mut bench = Bench::default();
        let mut connection = Some(bench.listener("a"));
        let (mut published, mut waiting, mut seen) = (0_u32, VecDeque::new(), Vec::new());
        let mut take = |out: &[Output], waiting: &mut VecDeque<u16>| {
            for (id, dup, text) in delivered(out) {
                let number: u32 = text.parse().expect("a number");
                assert_eq!(dup, seen.contains(&number), "message {number}");
                if !dup {
                    seen.push(number);
                }
                waiting.push_back(id);
            }
        };
        let end = std::iter::once(Step::Return).chain(std::iter::repeat_n(Step::Acknowledge, 200));
        for step in steps.into_iter().chain(end) {
            match step {
                Step::Publish if published < 50 => {
                    take(&bench.publish(&published.to_string()), &mut waiting);
                    published += 1;
                }
                Step::Acknowledge => {
                    if let (Some(id), Some(packet)) = (connection, waiting.pop_front()) {
                        take(&bench.send(id, Packet::PubAck(PubAck::new(packet))), &mut waiting);
                    }
                }
                Step::Break => {
                    if let Some(id) = connection.take() {
                        bench.lose(id);
                        waiting.clear();
                    }
                }
                Step::Return if connection.is_none() => {
                    let (id, out) = bench.connect("a");
                    connection = Some(id);
                    take(&out, &mut waiting);
                }
                Step::Publish | Step::Return => {}
            }
        }
        prop_assert_eq!(seen, (0..published).collect::<Vec<_>>());
        prop_assert_eq!(bench.broker.backlog("a"), 0);
    }
}
