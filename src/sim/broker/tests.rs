//! The broker on a clock of its own, without sockets. In this file 3.1.1 with AWS's limits.

mod five;
mod model;

use super::*;
use crate::sim::packet::{
    Ack, ConnAck, Connect, FilterOptions, Qos, SubAck, Subscribe, Unsubscribe, Wanted,
};

/// Everything under `free/` is allowed, `refused/` is refused, the rest closes the connection.
struct Policy(Limits);

impl Rules for Policy {
    fn connect(&self, _: &Identity, connect: &Connect) -> Verdict {
        if connect.client_id == "stranger" {
            Verdict::Refused(5)
        } else {
            Verdict::Allowed
        }
    }

    fn subscribe(&self, _: Who<'_>, filter: &str) -> Verdict {
        let filter = filter.strip_prefix("$share/g/").unwrap_or(filter);
        match filter.split('/').next() {
            Some("free") => Verdict::Allowed,
            Some("refused") => Verdict::Refused(0x80),
            _ => Verdict::Closed,
        }
    }

    fn publish(&self, who: Who<'_>, topic: &str) -> Verdict {
        self.subscribe(who, topic)
    }

    fn limits(&self) -> Limits {
        self.0
    }
}

struct Bench {
    broker: Broker,
    now: Mono,
    policy: Policy,
}

impl Default for Bench {
    fn default() -> Self {
        let limits = Limits {
            in_flight: 3,
            queued: 50,
            ..Limits::default()
        };
        Self {
            broker: Broker::default(),
            now: Mono::default(),
            policy: Policy(limits),
        }
    }
}

impl Bench {
    /// With a plain broker's limits.
    fn plain() -> Self {
        let limits = Limits {
            health: false,
            ..Limits::plain()
        };
        Self {
            policy: Policy(limits),
            ..Self::default()
        }
    }

    fn pass(&mut self, seconds: u64) -> Vec<Output> {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.broker.tick(self.now, &self.policy)
    }

    fn connect(&mut self, client: &str) -> (ConnectionId, Vec<Output>) {
        self.join(client, |_| {})
    }

    fn join(
        &mut self,
        client: &str,
        change: impl FnOnce(&mut Connect),
    ) -> (ConnectionId, Vec<Output>) {
        let id = self.broker.open(Identity::default(), self.now);
        let mut connect = Connect {
            client_id: client.to_owned(),
            keep_alive: 30,
            wants_reasons: true,
            ..Connect::default()
        };
        change(&mut connect);
        let out = self.send(id, Packet::Connect(Box::new(connect)));
        (id, out)
    }

    fn listener(&mut self, client: &str) -> ConnectionId {
        let (id, _) = self.connect(client);
        self.subscribe(id, &["free/#"]);
        id
    }

    fn send(&mut self, id: ConnectionId, packet: Packet) -> Vec<Output> {
        self.broker.receive(id, packet, self.now, &self.policy)
    }

    fn subscribe(&mut self, id: ConnectionId, filters: &[&str]) -> Vec<Output> {
        self.subscribe_with(id, filters, FilterOptions::default())
    }

    fn subscribe_with(
        &mut self,
        id: ConnectionId,
        filters: &[&str],
        options: FilterOptions,
    ) -> Vec<Output> {
        let wanted = |filter: &&str| Wanted {
            filter: (*filter).to_owned(),
            qos: Qos::ExactlyOnce,
            options,
        };
        let filters = filters.iter().map(wanted).collect();
        self.send(id, Packet::Subscribe(Subscribe { packet: 1, filters }))
    }

    /// The cloud publishes.
    fn publish(&mut self, text: &str) -> Vec<Output> {
        let message = Publication::new("free/x", text.to_owned());
        self.broker.publish(&message, self.now, &self.policy)
    }

    fn lose(&mut self, id: ConnectionId) -> Vec<Output> {
        self.broker.lost(id, self.now, &self.policy)
    }
}

fn message(topic: &str, qos: Qos, packet: u16, text: &str) -> Publish {
    Publish {
        qos,
        topic: topic.to_owned(),
        packet,
        payload: text.to_owned().into(),
        ..Publish::default()
    }
}

/// The packets to one connection.
fn sent(out: &[Output], to: ConnectionId) -> Vec<Packet> {
    let packets = out.iter().filter_map(|output| match output {
        Output::Send(id, Frame::Packet(_, packet)) if *id == to => Some(packet.clone()),
        _ => None,
    });
    packets.collect()
}

fn publishes(out: &[Output]) -> Vec<&Publish> {
    let found = out.iter().filter_map(|output| match output {
        Output::Send(_, Frame::Packet(_, Packet::Publish(publish))) => Some(publish),
        _ => None,
    });
    found.collect()
}

/// (packet id, dup, payload) of what was delivered.
fn delivered(out: &[Output]) -> Vec<(u16, bool, String)> {
    let text = |publish: &Publish| String::from_utf8_lossy(&publish.payload).into_owned();
    publishes(out)
        .into_iter()
        .map(|publish| (publish.packet, publish.dup, text(publish)))
        .collect()
}

fn texts(out: &[Output]) -> Vec<String> {
    delivered(out).into_iter().map(|(.., text)| text).collect()
}

fn closes(out: &[Output], id: ConnectionId) -> bool {
    out.contains(&Output::Close(id))
}

/// Session present and code of the CONNACK.
fn welcome(out: &[Output]) -> Option<(bool, u8)> {
    connack(out).map(|ack| (ack.session_present, ack.code))
}

fn connack(out: &[Output]) -> Option<&ConnAck> {
    out.iter().find_map(|output| match output {
        Output::Send(_, Frame::Packet(_, Packet::ConnAck(ack))) => Some(&**ack),
        _ => None,
    })
}

fn puback(packet: u16) -> Packet {
    Packet::PubAck(Ack::of(packet))
}

#[test]
fn subscriptions_are_granted_at_qos_1_and_refused_one_by_one() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect("a");
    let out = bench.subscribe(id, &["free/a", "refused/a"]);
    let ack = SubAck {
        packet: 1,
        codes: vec![1, code::NOT_AUTHORIZED],
        words: None,
    };
    assert_eq!(sent(&out, id), [Packet::SubAck(ack)]);
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
    let again = Packet::Connect(Box::default());
    assert!(closes(&bench.send(id, again), id));
}

#[test]
fn a_cloud_without_version_5_closes_at_it_and_one_that_takes_3_refuses_qos_2() {
    let mut bench = Bench::default();
    let (id, out) = bench.join("a", |connect| connect.version = Version::V5);
    assert_eq!(out, [Output::Close(id)]);
    let (id, _) = bench.connect("a");
    let out = bench.send(
        id,
        Packet::Publish(message("free/a", Qos::ExactlyOnce, 1, "x")),
    );
    assert!(closes(&out, id));
}

#[test]
fn a_refused_client_hears_the_code_before_the_end() {
    let mut bench = Bench::default();
    let (id, out) = bench.connect("stranger");
    assert_eq!(welcome(&out), Some((false, 5)));
    assert_eq!(out.last(), Some(&Output::Close(id)));
}

#[test]
fn a_client_without_an_id_gets_one_when_it_leaves_nothing_behind() {
    let mut bench = Bench::default();
    let (_, out) = bench.join("", |connect| connect.clean = true);
    assert_eq!(welcome(&out), Some((false, 0)));
    let (_, out) = bench.connect("");
    assert_eq!(welcome(&out), Some((false, code::CLIENT_ID_INVALID)));
}

#[test]
fn no_more_than_the_window_is_in_flight() {
    let mut bench = Bench::default();
    let id = bench.listener("a");
    let sent: Vec<_> = (0..5)
        .flat_map(|n| texts(&bench.publish(&n.to_string())))
        .collect();
    assert_eq!(sent, ["0", "1", "2"]);
    let more = bench.send(id, puback(2));
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
    bench.send(id, puback(sent[0].0));
    bench.lose(id);
    bench.publish("three");
    let (_, out) = bench.connect("a");
    assert_eq!(welcome(&out), Some((true, 0)));
    let again = delivered(&out);
    assert_eq!(again[0], (sent[1].0, true, "two".to_owned()));
    assert_eq!((again[1].1, again[1].2.as_str()), (false, "three"));
}

#[test]
fn a_second_connection_evicts_the_first_and_takes_its_session() {
    let mut bench = Bench::default();
    let first = bench.listener("a");
    let (_, out) = bench.connect("a");
    assert_eq!(out[0], Output::Close(first));
    assert_eq!(welcome(&out), Some((true, 0)));
    bench.lose(first);
    assert_eq!(texts(&bench.publish("for the second")).len(), 1);
}

#[test]
fn a_clean_session_ends_with_its_connection() {
    let mut bench = Bench::default();
    let (id, _) = bench.join("a", |connect| connect.clean = true);
    bench.subscribe(id, &["free/#"]);
    bench.lose(id);
    let (_, out) = bench.connect("a");
    assert_eq!(welcome(&out), Some((false, 0)));
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
        assert_eq!(welcome(&out), Some((present, 0)), "{seconds} s");
        bench.lose(id);
    }
}

#[test]
fn silence_of_one_and_a_half_keep_alives_ends_the_connection() {
    let mut bench = Bench::default();
    let (id, _) = bench.join("a", |connect| connect.keep_alive = 10);
    assert!(!closes(&bench.pass(15), id));
    bench.send(id, Packet::PingReq);
    assert!(!closes(&bench.pass(15), id));
    assert!(closes(&bench.pass(1), id));
    let (forever, _) = bench.join("b", |connect| connect.keep_alive = 0);
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
fn what_is_unsubscribed_is_not_delivered() {
    let mut bench = Bench::default();
    let id = bench.listener("a");
    let unsubscribe = Unsubscribe {
        packet: 2,
        filters: vec!["free/#".to_owned(), "free/+".to_owned()],
    };
    let out = bench.send(id, Packet::Unsubscribe(unsubscribe));
    let ack = SubAck {
        packet: 2,
        codes: vec![code::SUCCESS, code::NO_SUBSCRIPTION_EXISTED],
        words: None,
    };
    assert_eq!(sent(&out, id), [Packet::UnsubAck(ack)]);
    assert!(texts(&bench.publish("x")).is_empty());
}

#[test]
fn a_retained_message_greets_a_new_subscription_and_an_empty_one_erases_it() {
    let mut bench = Bench::default();
    let (id, _) = bench.connect("a");
    let mut publish = message("free/lamp", Qos::AtMostOnce, 0, "on");
    publish.retain = true;
    bench.send(id, Packet::Publish(publish.clone()));
    assert_eq!(texts(&bench.subscribe(id, &["free/+"])), ["on"]);
    assert!(bench.broker.retained("free/lamp").is_some());
    publish.payload = Bytes::new();
    bench.send(id, Packet::Publish(publish));
    assert!(texts(&bench.subscribe(id, &["free/#"])).is_empty());
    assert_eq!(bench.broker.retained("free/lamp"), None);
}

fn will(delay: u32) -> Will {
    Will {
        publish: message("free/will", Qos::AtLeastOnce, 0, "gone"),
        delay,
    }
}

#[test]
fn a_will_is_published_when_the_connection_breaks_but_not_on_a_farewell() {
    let mut bench = Bench::default();
    bench.listener("watcher");
    let mut heard = Vec::new();
    for farewell in [false, true] {
        let (id, _) = bench.join("a", |connect| connect.will = Some(will(0)));
        if farewell {
            let goodbye = Packet::Disconnect(Disconnect::default());
            heard.push(texts(&bench.send(id, goodbye)));
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
    let (_, out) = bench.connect("a");
    assert_eq!(welcome(&out), Some((false, 0)));
}

#[test]
fn a_refused_publish_of_3_is_acknowledged_and_goes_nowhere() {
    let mut bench = Bench::default();
    bench.listener("watcher");
    let (id, _) = bench.connect("a");
    let publish = message("refused/a", Qos::AtLeastOnce, 9, "x");
    let out = bench.send(id, Packet::Publish(publish));
    assert!(matches!(&sent(&out, id)[..], [Packet::PubAck(ack)] if ack.packet == 9));
    assert!(texts(&out).is_empty());
}
