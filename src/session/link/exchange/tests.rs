use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5 as theirs;

use super::*;
use crate::domain::message::Properties;
use crate::domain::subscription::FilterOptions;

/// An exchange and what it has written, read by rumqttc's codec.
struct Bench {
    exchange: Exchange,
    out: Outgoing,
}

impl Bench {
    fn new(version: Version, manual_ack: bool) -> Self {
        Self {
            exchange: Exchange::new(Codec::new(version), manual_ack),
            out: Outgoing::default(),
        }
    }

    fn send(&mut self, order: Order) {
        self.exchange.send(order, &mut self.out);
    }

    fn hear(&mut self, packet: Incoming) -> Vec<LinkEvent> {
        self.exchange.received(packet, &mut self.out);
        self.events()
    }

    fn answer(&mut self, ack: Ack, packet: u16, code: u8) -> Vec<LinkEvent> {
        let reason = None;
        self.hear(Incoming::Ack(
            ack,
            Answer {
                packet,
                code,
                reason,
            },
        ))
    }

    /// Without the log.
    fn events(&mut self) -> Vec<LinkEvent> {
        let events = self.exchange.events.drain(..);
        events
            .filter(|event| !matches!(event, LinkEvent::Packet { .. }))
            .collect()
    }

    fn sent(&mut self) -> Vec<theirs::Packet> {
        let mut bytes: BytesMut = std::mem::take(self.out.bytes());
        std::iter::from_fn(|| theirs::Packet::read(&mut bytes, None).ok()).collect()
    }
}

fn publish(ticket: u64, packet: u16, qos: Qos) -> Order {
    let topic = Topic::parse("t").unwrap();
    Order::Publish {
        ticket: Ticket(ticket),
        draft: Draft::new(topic, Bytes::from_static(b"x"), qos),
        packet,
        dup: false,
    }
}

fn wish(filter: &str, id: Option<u32>) -> FilterWish {
    FilterWish {
        filter: TopicFilter::parse(filter).unwrap(),
        qos: Qos::AtLeastOnce,
        options: FilterOptions {
            id,
            ..FilterOptions::default()
        },
    }
}

fn done(ticket: u64) -> LinkEvent {
    LinkEvent::Published {
        ticket: Ticket(ticket),
        result: Ok(Delivered::default()),
    }
}

#[test]
fn a_qos_2_publish_is_recorded_released_and_done() {
    let mut bench = Bench::new(Version::V5, false);
    bench.send(publish(1, 7, Qos::ExactlyOnce));
    assert_eq!(bench.sent().len(), 1);
    let ticket = Ticket(1);
    assert_eq!(
        bench.answer(Ack::Recorded, 7, 0x10),
        [LinkEvent::Recorded { ticket }]
    );
    assert!(matches!(&bench.sent()[..], [theirs::Packet::PubRel(rel)] if rel.pkid == 7));
    assert_eq!(bench.answer(Ack::Completed, 7, 0), [done(1)]);
    assert_eq!(bench.answer(Ack::Completed, 7, 0), [], "once");
}

#[test]
fn a_pubrec_that_refuses_ends_the_flow() {
    let mut bench = Bench::new(Version::V5, false);
    bench.send(publish(1, 7, Qos::ExactlyOnce));
    bench.sent();
    let events = bench.answer(Ack::Recorded, 7, 0x87);
    let [
        LinkEvent::Published {
            result: Err(problem),
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert!(
        problem.cause.contains("not authorized (code 135)"),
        "{problem}"
    );
    assert_eq!(bench.sent(), []);
}

#[test]
fn what_an_earlier_connection_began_can_be_finished_from_either_side() {
    let mut bench = Bench::new(Version::V5, false);
    let ticket = Ticket(4);
    bench.send(Order::Release { ticket, packet: 9 });
    assert!(matches!(&bench.sent()[..], [theirs::Packet::PubRel(rel)] if rel.pkid == 9));
    // The broker has forgotten the number: the message was delivered before.
    let events = bench.answer(Ack::Completed, 9, 0x92);
    let [
        LinkEvent::Published {
            ticket: Ticket(4),
            result: Ok(delivered),
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        delivered.note.as_deref(),
        Some("packet id not found (code 146)")
    );
    assert_eq!(
        bench.answer(Ack::Released, 777, 0),
        [LinkEvent::Released { packet: 777 }]
    );
    assert!(matches!(&bench.sent()[..], [theirs::Packet::PubComp(ack)] if ack.pkid == 777));
    assert_eq!(bench.answer(Ack::Recorded, 778, 0), []);
    assert!(matches!(&bench.sent()[..], [theirs::Packet::PubRel(rel)] if rel.pkid == 778));
}

#[test]
fn filters_with_ids_of_their_own_go_in_packets_of_their_own_and_are_answered_together() {
    let mut bench = Bench::new(Version::V5, false);
    let filters = vec![
        wish("a", Some(1)),
        wish("b", None),
        wish("c", Some(1)),
        wish("d", Some(2)),
    ];
    let ticket = Ticket(3);
    bench.send(Order::Subscribe { ticket, filters });
    let mut bytes = std::mem::take(bench.out.bytes());
    let mut packets = Vec::new();
    while let Ok(Some(header)) = codec::Header::read(&bytes) {
        let packet = bytes.split_to(header.total());
        packets.push((packet[0], packet[2..4].to_vec()));
    }
    let expected = [0, 1, 2].map(|number| (0x82, vec![0x80, number]));
    assert_eq!(packets, expected);
    let answer = |packet, codes: &[u8]| Incoming::SubAck {
        packet,
        codes: codes.to_vec(),
        reason: None,
    };
    // Out of order, one with a code too few.
    assert_eq!(bench.hear(answer(0x8002, &[2])), []);
    assert_eq!(bench.hear(answer(0x8000, &[1])), []);
    let codes = vec![
        Ok(Qos::AtLeastOnce),
        Ok(Qos::AtMostOnce),
        Err(codes::NO_ANSWER.to_owned()),
        Ok(Qos::ExactlyOnce),
    ];
    let expected = [LinkEvent::Subscribed { ticket, codes }];
    assert_eq!(bench.hear(answer(0x8001, &[0])), expected);
}

#[test]
fn a_broker_without_subscription_ids_is_sent_none() {
    let mut bench = Bench::new(Version::V5, false);
    bench.exchange.accepted(Accepted {
        no_subscription_ids: true,
        ..Accepted::default()
    });
    let ticket = Ticket(1);
    let filters = vec![wish("a", Some(1)), wish("b", Some(2))];
    bench.send(Order::Subscribe { ticket, filters });
    let sent = bench.sent();
    let [theirs::Packet::Subscribe(sent)] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!((sent.properties.clone(), sent.filters.len()), (None, 2));
}

#[test]
fn own_packet_ids_stay_in_their_half_and_skip_those_in_use() {
    let mut bench = Bench::new(Version::V311, false);
    bench.exchange.subscribing.insert(
        0x8001,
        Asked {
            ticket: Ticket(0),
            places: Vec::new(),
        },
    );
    let first: Vec<_> = (0..3).map(|_| bench.exchange.own_packet()).collect();
    assert_eq!(first, [0x8000, 0x8002, 0x8003]);
    bench.exchange.last_own = u16::MAX;
    assert_eq!(bench.exchange.own_packet(), 0x8000);
}

#[test]
fn what_this_version_cannot_say_is_answered_at_once() {
    let mut bench = Bench::new(Version::V311, false);
    let mut order = publish(1, 7, Qos::AtLeastOnce);
    if let Order::Publish { draft, .. } = &mut order {
        draft.properties = Some(Box::new(Properties {
            utf8: Some(true),
            ..Properties::default()
        }));
    }
    bench.send(order);
    let events = bench.events();
    let [
        LinkEvent::Published {
            result: Err(problem),
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert!(problem.remedy.contains("version = \"5\""), "{problem}");
    assert_eq!(bench.out.unsent(), 0);
}

#[test]
fn messages_are_acknowledged_at_once_or_when_told() {
    let arrival = |qos, packet| Arrival {
        topic: "t".to_owned(),
        payload: Bytes::new(),
        qos,
        retain: false,
        dup: false,
        packet,
        properties: None,
    };
    let mut at_once = Bench::new(Version::V5, false);
    at_once.hear(Incoming::Publish(arrival(Qos::AtLeastOnce, 1)));
    at_once.hear(Incoming::Publish(arrival(Qos::ExactlyOnce, 2)));
    at_once.hear(Incoming::Publish(arrival(Qos::AtMostOnce, 0)));
    let sent = at_once.sent();
    assert!(
        matches!(&sent[..], [theirs::Packet::PubAck(one), theirs::Packet::PubRec(two)]
            if one.pkid == 1 && two.pkid == 2),
        "{sent:?}"
    );
    let mut told = Bench::new(Version::V5, true);
    let message = Incoming::Publish(arrival(Qos::AtLeastOnce, 1));
    assert_eq!(told.hear(message).len(), 1);
    assert_eq!(told.sent(), []);
    let qos = Qos::AtLeastOnce;
    told.send(Order::Acknowledge { packet: 1, qos });
    assert!(matches!(&told.sent()[..], [theirs::Packet::PubAck(ack)] if ack.pkid == 1));
}

#[test]
fn a_broker_that_answers_for_more_filters_than_were_asked_costs_no_memory() {
    let mut bench = Bench::new(Version::V5, false);
    let reason = || Some("r".repeat(60_000));
    let flood = |packet| Incoming::SubAck {
        packet,
        codes: vec![0x80; 1 << 20],
        reason: reason(),
    };
    assert_eq!(bench.hear(flood(9)), [], "nobody asked");
    bench.send(Order::Subscribe {
        ticket: Ticket(1),
        filters: vec![wish("a", None), wish("b", None)],
    });
    let heard = bench.hear(flood(FIRST_OWN_PACKET));
    let [LinkEvent::Subscribed { codes, .. }] = heard.as_slice() else {
        panic!("{} events", heard.len());
    };
    assert_eq!(codes.len(), 2);
    let filter = TopicFilter::parse("a").unwrap();
    bench.send(Order::Unsubscribe {
        ticket: Ticket(2),
        filter,
    });
    bench.exchange.received(
        Incoming::UnsubAck {
            packet: FIRST_OWN_PACKET + 1,
            codes: vec![0x80; 1 << 20],
            reason: reason(),
        },
        &mut bench.out,
    );
    let longest = bench.exchange.events.iter().map(|event| match event {
        LinkEvent::Packet { text } => text.len(),
        _ => 0,
    });
    assert!(longest.max().unwrap_or_default() < 100_000);
}
