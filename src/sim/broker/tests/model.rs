//! What holds whatever happens in between: the promises of the three QoS levels, and who gets what.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(u8),
    /// The sender handles the next packet that came to it.
    SenderReads,
    ReceiverReads,
    SenderBreaks,
    ReceiverBreaks,
    SenderReturns,
    ReceiverReturns,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..3).prop_map(Step::Publish),
        4 => Just(Step::SenderReads),
        4 => Just(Step::ReceiverReads),
        1 => Just(Step::SenderBreaks),
        1 => Just(Step::ReceiverBreaks),
        1 => Just(Step::SenderReturns),
        1 => Just(Step::ReceiverReturns),
    ]
}

/// A client with the state that the standard gives it (MQTT 5, 4.1), and what lies in its socket.
#[derive(Default)]
struct Peer {
    connection: Option<ConnectionId>,
    inbox: VecDeque<Packet>,
    /// As sender: what is not finished, and whether its release is under way.
    unfinished: Vec<(Publish, bool)>,
    last_packet: u16,
    /// As receiver: QoS 2 ids that it has and that were not released.
    held: BTreeSet<u16>,
    heard: Vec<(Qos, u32)>,
    /// The sender has sent something twice, which is two messages with QoS 1 (MQTT 5, 4.3.2).
    is_lenient: bool,
    /// What it says next.
    says: Vec<Packet>,
}

impl Peer {
    fn read(&mut self) {
        match self.inbox.pop_front() {
            Some(Packet::Publish(publish)) => self.hear(&publish),
            Some(Packet::PubRec(ack)) => {
                for (publish, released) in &mut self.unfinished {
                    *released |= publish.packet == ack.packet;
                }
                self.says.push(Packet::PubRel(Ack::of(ack.packet)));
            }
            Some(Packet::PubAck(ack) | Packet::PubComp(ack)) => self.finish(ack.packet),
            Some(Packet::PubRel(ack)) => {
                self.held.remove(&ack.packet);
                self.says.push(Packet::PubComp(Ack::of(ack.packet)));
            }
            _ => {}
        }
    }

    fn hear(&mut self, publish: &Publish) {
        let number: u32 = String::from_utf8_lossy(&publish.payload).parse().unwrap();
        match publish.qos {
            Qos::AtMostOnce => self.heard.push((Qos::AtMostOnce, number)),
            Qos::AtLeastOnce => {
                let seen = self.heard.contains(&(Qos::AtLeastOnce, number));
                let marked = publish.dup || !seen || self.is_lenient;
                assert!(marked, "message {number} came again unmarked");
                self.heard.push((Qos::AtLeastOnce, number));
                self.says.push(puback(publish.packet));
            }
            Qos::ExactlyOnce => {
                if self.held.insert(publish.packet) {
                    self.heard.push((Qos::ExactlyOnce, number));
                }
                self.says.push(Packet::PubRec(Ack::of(publish.packet)));
            }
        }
    }

    fn finish(&mut self, packet: u16) {
        self.unfinished
            .retain(|(publish, _)| publish.packet != packet);
    }

    fn publish(&mut self, qos: Qos, number: u32) {
        let mut publish = message("free/x", qos, 0, &number.to_string());
        if qos != Qos::AtMostOnce {
            self.last_packet += 1;
            publish.packet = self.last_packet;
            self.unfinished.push((publish.clone(), false));
        }
        self.says.push(Packet::Publish(publish));
    }

    fn again(&mut self) {
        for (publish, released) in &mut self.unfinished {
            publish.dup = true;
            self.says.push(if *released {
                Packet::PubRel(Ack::of(publish.packet))
            } else {
                Packet::Publish(publish.clone())
            });
        }
    }
}

struct Play {
    bench: Bench,
    sender: Peer,
    receiver: Peer,
    version: Version,
}

impl Play {
    fn new(version: Version) -> Self {
        let mut play = Self {
            bench: Bench::plain(),
            sender: Peer::default(),
            receiver: Peer::default(),
            version,
        };
        play.bench.policy.0.in_flight = 3;
        play.join(false);
        play.join(true);
        let id = play.receiver.connection.unwrap();
        let out = play.bench.subscribe(id, &["free/#"]);
        play.deal(out);
        play
    }

    fn join(&mut self, is_receiver: bool) {
        let name = if is_receiver { "receiver" } else { "sender" };
        // One speaks this version, the other that one.
        let version = match (self.version, is_receiver) {
            (version, true) => version,
            (Version::V5, false) => Version::V311,
            (Version::V311, false) => Version::V5,
        };
        let (id, out) = self.bench.join(name, |connect| {
            connect.version = version;
            connect.session_expiry = 1000;
        });
        let peer = if is_receiver {
            &mut self.receiver
        } else {
            &mut self.sender
        };
        peer.connection = Some(id);
        peer.again();
        self.receiver.is_lenient |= !self.sender.unfinished.is_empty() && !is_receiver;
        self.deal(out);
        self.speak();
    }

    fn lose(&mut self, is_receiver: bool) {
        let peer = if is_receiver {
            &mut self.receiver
        } else {
            &mut self.sender
        };
        peer.inbox.clear();
        peer.says.clear();
        if let Some(id) = peer.connection.take() {
            let out = self.bench.lose(id);
            self.deal(out);
        }
    }

    fn speak(&mut self) {
        for is_receiver in [false, true] {
            let peer = if is_receiver {
                &mut self.receiver
            } else {
                &mut self.sender
            };
            let Some(id) = peer.connection else {
                continue;
            };
            for packet in std::mem::take(&mut peer.says) {
                let out = self.bench.send(id, packet);
                self.deal(out);
            }
        }
    }

    fn deal(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send(id, Frame::Packet(_, packet)) => {
                    for peer in [&mut self.sender, &mut self.receiver] {
                        if peer.connection == Some(id) {
                            peer.inbox.push_back(packet.clone());
                        }
                    }
                }
                Output::Close(id) => panic!("the broker has closed {id:?}"),
                _ => {}
            }
        }
    }

    fn run(&mut self, step: Step, number: &mut u32) {
        match step {
            Step::Publish(qos) => {
                // A sender keeps what it could not send, QoS 0 excepted; so as not to model that, it waits.
                if self.sender.connection.is_some() && self.sender.unfinished.len() < 20 {
                    *number += 1;
                    let qos = Qos::from_number(qos).unwrap();
                    self.sender.publish(qos, *number);
                }
            }
            Step::SenderReads => self.sender.read(),
            Step::ReceiverReads => self.receiver.read(),
            Step::SenderBreaks => self.lose(false),
            Step::ReceiverBreaks => self.lose(true),
            Step::SenderReturns if self.sender.connection.is_none() => self.join(false),
            Step::ReceiverReturns if self.receiver.connection.is_none() => self.join(true),
            Step::SenderReturns | Step::ReceiverReturns => {}
        }
        self.speak();
    }
}

fn numbers(heard: &[(Qos, u32)], qos: Qos) -> Vec<u32> {
    let of_it = heard.iter().filter(|(level, _)| *level == qos);
    of_it.map(|(_, number)| *number).collect()
}

proptest! {
    /// QoS 2 exactly once and in order, QoS 1 at least once and first arrivals in order, QoS 0 at most once, whichever
    /// end breaks when, between versions.
    #[test]
    fn every_qos_keeps_its_promise_through_any_breaks(
        steps in prop::collection::vec(step(), 0..200),
        five in any::<bool>(),
    ) {
        let mut play = Play::new(if five { Version::V5 } else { Version::V311 });
        let mut number = 0;
        let mut published = Vec::new();
        for step in steps {
            let before = number;
            play.run(step, &mut number);
            if let (Step::Publish(qos), true) = (step, number > before) {
                published.push((Qos::from_number(qos).unwrap(), number));
            }
        }
        play.run(Step::SenderReturns, &mut number);
        play.run(Step::ReceiverReturns, &mut number);
        for _ in 0..2000 {
            play.run(Step::SenderReads, &mut number);
            play.run(Step::ReceiverReads, &mut number);
        }
        let heard = &play.receiver.heard;
        prop_assert_eq!(numbers(heard, Qos::ExactlyOnce), numbers(&published, Qos::ExactlyOnce));
        let mut first = Vec::new();
        for number in numbers(heard, Qos::AtLeastOnce) {
            if !first.contains(&number) {
                first.push(number);
            }
        }
        prop_assert_eq!(first, numbers(&published, Qos::AtLeastOnce));
        let zero = numbers(heard, Qos::AtMostOnce);
        prop_assert!(zero.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", zero);
        prop_assert!(play.sender.unfinished.is_empty());
        prop_assert_eq!(play.bench.broker.backlog("receiver"), 0);
    }

    /// Who gets what, against the standard's rules written down once more.
    #[test]
    fn a_message_reaches_exactly_those_who_want_it(
        wishes in prop::collection::vec((0_usize..4, 0_usize..8, 0_u8..3, any::<bool>()), 0..16),
        topic in 0_usize..6,
        qos in 0_u8..3,
        from in 0_usize..4,
    ) {
        const FILTERS: [&str; 8] = ["free/#", "free/+", "free/a", "free/a/+", "free/+/b", "free/b", "free/a/#", "free//+"];
        const TOPICS: [&str; 6] = ["free/a", "free/a/b", "free", "free/", "free//x", "free/c/b"];
        let mut bench = Bench::plain();
        let clients = ["a", "b", "c", "d"].map(|client| {
            bench.join(client, |connect| connect.version = Version::V5).0
        });
        let mut wanted: [BTreeMap<usize, (u8, bool)>; 4] = Default::default();
        for (client, filter, qos, no_local) in wishes {
            let options = FilterOptions { no_local, ..FilterOptions::default() };
            let filters = vec![Wanted { filter: FILTERS[filter].to_owned(), qos: Qos::from_number(qos).unwrap(), options }];
            bench.send(clients[client], Packet::Subscribe(Subscribe { packet: 1, filters }));
            wanted[client].insert(filter, (qos, no_local));
        }
        let publish = message(TOPICS[topic], Qos::from_number(qos).unwrap(), u16::from(qos > 0), "x");
        let out = bench.send(clients[from], Packet::Publish(publish));
        for (client, wishes) in wanted.iter().enumerate() {
            let granted = wishes.iter().filter(|(filter, (_, no_local))| {
                fits(FILTERS[**filter], TOPICS[topic]) && !(*no_local && client == from)
            });
            let expected = granted.map(|(_, (granted, _))| (*granted).min(qos)).max();
            let mut heard = sent(&out, clients[client]);
            heard.retain(|packet| matches!(packet, Packet::Publish(_)));
            let heard: Vec<_> = heard.iter().map(|packet| match packet {
                Packet::Publish(publish) => publish.qos.number(),
                _ => unreachable!("only these were kept"),
            }).collect();
            prop_assert_eq!(heard, expected.into_iter().collect::<Vec<_>>(), "client {}", client);
        }
    }
}

/// MQTT 5, 4.7.1, by recursion.
fn fits(filter: &str, topic: &str) -> bool {
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    fits_from(&parts(filter), &parts(topic))
}

fn fits_from(filter: &[String], topic: &[String]) -> bool {
    match (filter.split_first(), topic.split_first()) {
        (Some((one, _)), _) if one == "#" => true,
        (None, None) => true,
        (Some((one, filter)), Some((other, topic))) => {
            (one == "+" || one == other) && fits_from(filter, topic)
        }
        _ => false,
    }
}
