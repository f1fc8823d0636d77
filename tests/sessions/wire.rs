//! What stands on the wire, in both versions, against a broker that each test scripts (failure-modes.md F6, F12).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnAckProperties, ConnectReturnCode, Packet, PubAck, PubAckProperties, PubAckReason,
    PubComp, PubRec, PubRecReason, PubRel, Publish, PublishProperties, SubAck, SubAckProperties,
    SubscribeReasonCode,
};
use thingdeck::base::problem::{Exit, Retry};
use thingdeck::base::secret::Secret;
use thingdeck::domain::message::{Properties, Qos, Will};
use thingdeck::domain::profile::Version;
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::session::end::EndClass;
use thingdeck::session::link::{LinkEvent, Order};

use super::broker::{Broker, Peer};
use super::line::{Line, draft, wish};
use super::support::plan;

const ACCEPT: &[u8] = &[0x20, 3, 0, 0, 0];

fn v5(port: u16) -> ConnectPlan {
    ConnectPlan {
        version: Version::V5,
        ..plan(port, None, &[])
    }
}

fn bytes(packet: &Packet) -> BytesMut {
    let mut bytes = BytesMut::new();
    packet.write(&mut bytes, None).unwrap();
    bytes
}

async fn next(peer: &mut Peer) -> Packet {
    let frame = peer.frame().await.expect("a packet");
    Packet::read(&mut BytesMut::from(&frame[..]), None).expect("a packet of MQTT 5")
}

/// An MQTT 5 connection that stands.
async fn connected() -> (Line, Peer) {
    let broker = Broker::plain().await;
    let mut line = Line::open(v5(broker.port())).await;
    let mut peer = broker.accept().await;
    peer.send_after_connect(ACCEPT, &mut line).await;
    line.up().await;
    (line, peer)
}

impl Peer {
    /// Answers CONNECT while the link is waiting for it.
    async fn send_after_connect(&mut self, answer: &[u8], line: &mut Line) -> Vec<u8> {
        line.log("out CONNECT").await;
        let answering = async {
            let connect = self.frame().await.expect("CONNECT");
            self.bytes(answer).await;
            connect
        };
        tokio::select! {
            connect = answering => connect,
            event = line.link.next() => panic!("{event:?}"),
        }
    }
}

fn message(topic: &str, qos: QoS, packet: u16, payload: &[u8]) -> Publish {
    let payload = Bytes::copy_from_slice(payload);
    Publish {
        pkid: packet,
        ..Publish::new(topic, qos, payload, None)
    }
}

#[tokio::test]
async fn connect_says_who_we_are_and_the_log_keeps_the_secrets() {
    let broker = Broker::plain().await;
    let mut plan = v5(broker.port());
    plan.username = Some("ann".to_owned());
    plan.password = Some(Secret::new("canary"));
    plan.session_expiry = Duration::from_hours(1);
    plan.will = Some(Will {
        draft: draft("gone", "bye", Qos::AtLeastOnce),
        delay: 5,
    });
    let mut line = Line::open(plan).await;
    let text = line.log("out CONNECT").await;
    assert!(
        text.contains("client_id=deck-Ω 1 keep_alive=60 clean_session=false"),
        "{text}"
    );
    assert!(!text.contains("canary") && !text.contains("ann"), "{text}");
    let mut peer = broker.accept().await;
    let read = async {
        tokio::select! {
            packet = next(&mut peer) => packet,
            event = line.link.next() => panic!("{event:?}"),
        }
    };
    let Packet::Connect(connect, Some(will), Some(login)) = read.await else {
        panic!("CONNECT expected");
    };
    assert_eq!(
        (connect.client_id.as_str(), connect.clean_start),
        ("deck-Ω 1", false)
    );
    let properties = connect.properties.unwrap();
    assert_eq!(properties.session_expiry_interval, Some(3600));
    assert_eq!(
        (login.username.as_str(), login.password.as_str()),
        ("ann", "canary")
    );
    assert_eq!(
        (&will.topic[..], &will.message[..]),
        (&b"gone"[..], &b"bye"[..])
    );
    assert_eq!(will.properties.unwrap().delay_interval, Some(5));
}

#[tokio::test]
async fn packets_come_through_in_pieces_of_one_byte() {
    let broker = Broker::plain().await;
    let mut line = Line::open(plan(broker.port(), None, &[])).await;
    let mut peer = broker.accept().await;
    let mut all = vec![0x20, 2, 0, 0];
    for number in 0..20_u8 {
        all.extend([0x32, 6, 0, 1, b't', 0, number + 1, number]);
    }
    let sending = async {
        for byte in all {
            peer.bytes(&[byte]).await;
            tokio::task::yield_now().await;
        }
    };
    let hearing = async {
        line.up().await;
        for number in 0..20_u8 {
            assert_eq!(line.message().await.payload[..], [number]);
        }
    };
    tokio::join!(sending, hearing);
}

#[tokio::test]
async fn a_huge_retained_message_is_skipped_told_and_acknowledged_and_the_next_one_comes() {
    for (qos, number) in [
        (QoS::AtMostOnce, 0),
        (QoS::AtLeastOnce, 1),
        (QoS::ExactlyOnce, 2),
    ] {
        let (mut line, mut peer) = connected().await;
        let mut huge = message("huge", qos, 7, &vec![b'x'; 30 << 20]);
        huge.retain = true;
        let sending = async {
            peer.bytes(&bytes(&Packet::Publish(huge))).await;
            peer.bytes(&bytes(&Packet::Publish(message("small", qos, 8, b"hi"))))
                .await;
        };
        let hearing = async {
            assert_eq!(line.skipped().await, ("huge".to_owned(), 30 << 20));
            assert_eq!(line.message().await.topic, "small");
        };
        tokio::join!(sending, hearing);
        line.link.send(Order::Disconnect);
        let mut answers = Vec::new();
        let answering = async {
            while let Some(frame) = peer.frame().await {
                answers.push(frame);
            }
            peer.close().await;
        };
        tokio::join!(answering, line.closed());
        let ack = |packet| match number {
            0 => None,
            1 => Some(vec![0x40, 2, 0, packet]),
            _ => Some(vec![0x50, 2, 0, packet]),
        };
        let mut expected: Vec<_> = [ack(7), ack(8)].into_iter().flatten().collect();
        expected.push(vec![0xe0, 0]);
        assert_eq!(answers, expected);
    }
}

#[tokio::test]
async fn a_topic_alias_is_understood_also_when_a_skipped_message_introduced_it() {
    let (mut line, mut peer) = connected().await;
    let alias = |topic: &str, payload: &[u8]| {
        let properties = PublishProperties {
            topic_alias: Some(3),
            ..PublishProperties::default()
        };
        let publish = Publish {
            properties: Some(properties),
            ..message(topic, QoS::AtMostOnce, 0, payload)
        };
        bytes(&Packet::Publish(publish))
    };
    let sending = async {
        peer.bytes(&alias("plant/hall 1", &vec![0; 3 << 20])).await;
        peer.bytes(&alias("", b"short")).await;
    };
    let hearing = async {
        line.skipped().await;
        let arrival = line.message().await;
        assert_eq!(
            (arrival.topic.as_str(), &arrival.payload[..]),
            ("plant/hall 1", &b"short"[..])
        );
        assert_eq!(arrival.properties, None);
    };
    tokio::join!(sending, hearing);
    peer.bytes(&[0x30, 6, 0, 0, 3, 0x23, 0, 9]).await;
    let end = line.closed().await;
    assert!(
        end.problem
            .cause
            .contains("topic alias 9 was never introduced"),
        "{}",
        end.problem
    );
    assert_eq!(end.class, EndClass::Passing);
}

#[tokio::test]
async fn a_large_packet_that_is_no_message_ends_the_connection_in_words() {
    let (mut line, mut peer) = connected().await;
    peer.bytes(&[0x90, 0xff, 0xff, 0xff, 0x7f]).await;
    let end = line.closed().await;
    let words = "the broker broke the protocol: a packet of 268435460 bytes";
    assert_eq!(
        (end.problem.cause.as_str(), end.class),
        (words, EndClass::Passing)
    );
}

#[tokio::test]
async fn properties_arrive_whole_with_every_subscription_id() {
    let (mut line, mut peer) = connected().await;
    let properties = PublishProperties {
        payload_format_indicator: Some(1),
        message_expiry_interval: Some(60),
        topic_alias: None,
        response_topic: Some("answers/1".to_owned()),
        correlation_data: Some(Bytes::from_static(b"\xff\0")),
        user_properties: vec![
            ("k".to_owned(), "1".to_owned()),
            ("k".to_owned(), "2".to_owned()),
        ],
        subscription_identifiers: vec![4, 300],
        content_type: Some("text/plain".to_owned()),
    };
    let publish = Publish {
        properties: Some(properties),
        ..message("t", QoS::AtLeastOnce, 5, b"x")
    };
    peer.bytes(&bytes(&Packet::Publish(publish))).await;
    let arrival = line.message().await;
    let expected = Properties {
        utf8: Some(true),
        expiry: Some(60),
        content_type: Some("text/plain".to_owned()),
        response_topic: Some("answers/1".to_owned()),
        correlation_data: Some(Bytes::from_static(b"\xff\0")),
        user: vec![
            ("k".to_owned(), "1".to_owned()),
            ("k".to_owned(), "2".to_owned()),
        ],
        subscription_ids: vec![4, 300],
    };
    assert_eq!(arrival.properties.as_deref(), Some(&expected));
    assert_eq!(&arrival.payload[..], b"x");
}

#[tokio::test]
async fn qos_2_goes_both_ways_exactly_once() {
    let (mut line, mut peer) = connected().await;
    let ticket = line.publish(draft("t", "2", Qos::ExactlyOnce), 11);
    let broker = async {
        let Packet::Publish(sent) = next(&mut peer).await else {
            panic!("PUBLISH expected");
        };
        assert_eq!(
            (sent.pkid, sent.dup, sent.qos),
            (11, false, QoS::ExactlyOnce)
        );
        peer.bytes(&bytes(&Packet::PubRec(PubRec::new(11, None))))
            .await;
        assert_eq!(next(&mut peer).await, Packet::PubRel(PubRel::new(11, None)));
        peer.bytes(&bytes(&Packet::PubComp(PubComp::new(11, None))))
            .await;
        peer.bytes(&bytes(&Packet::Publish(message(
            "t",
            QoS::ExactlyOnce,
            12,
            b"back",
        ))))
        .await;
        assert_eq!(next(&mut peer).await, Packet::PubRec(PubRec::new(12, None)));
        peer.bytes(&bytes(&Packet::PubRel(PubRel::new(12, None))))
            .await;
        assert_eq!(
            next(&mut peer).await,
            Packet::PubComp(PubComp::new(12, None))
        );
    };
    let client = async {
        assert!(line.published().await.1.is_ok());
        let released =
            |event: &LinkEvent| matches!(event, LinkEvent::Released { packet: 12 }).then_some(());
        line.until("PUBREL", released).await;
        line.closed().await;
    };
    tokio::select! {
        () = broker => {}
        () = client => {}
    }
    let told: Vec<_> = line
        .past
        .iter()
        .filter(|event| !matches!(event, LinkEvent::Packet { .. } | LinkEvent::Up(_)))
        .collect();
    assert!(
        matches!(told[0], LinkEvent::Recorded { ticket: recorded } if *recorded == ticket),
        "{told:?}"
    );
    assert!(matches!(told[1], LinkEvent::Published { ticket: done, .. } if *done == ticket));
    assert!(matches!(told[2], LinkEvent::Message(arrival) if arrival.packet == 12));
    assert_eq!(told[3..], [&LinkEvent::Released { packet: 12 }]);
}

#[tokio::test]
async fn what_the_broker_refuses_comes_with_its_own_words() {
    let (mut line, mut peer) = connected().await;
    let said = |words: &str| Some(words.to_owned());
    let broker = async {
        let Packet::Publish(sent) = next(&mut peer).await else {
            panic!("PUBLISH expected");
        };
        let ack = PubAck {
            pkid: sent.pkid,
            reason: PubAckReason::QuotaExceeded,
            properties: Some(PubAckProperties {
                reason_string: said("ten a minute"),
                user_properties: Vec::new(),
            }),
        };
        peer.bytes(&bytes(&Packet::PubAck(ack))).await;
        let Packet::Publish(sent) = next(&mut peer).await else {
            panic!("PUBLISH expected");
        };
        let mut rec = PubRec::new(sent.pkid, None);
        rec.reason = PubRecReason::NoMatchingSubscribers;
        peer.bytes(&bytes(&Packet::PubRec(rec))).await;
        assert!(matches!(next(&mut peer).await, Packet::PubRel(_)));
        // PUBCOMP with a code that nobody knows.
        peer.bytes(&[0x70, 3, 0, 2, 0xcc]).await;
        let Packet::Subscribe(asked) = next(&mut peer).await else {
            panic!("SUBSCRIBE expected");
        };
        let ack = SubAck {
            pkid: asked.pkid,
            return_codes: vec![SubscribeReasonCode::NotAuthorized],
            properties: Some(SubAckProperties {
                reason_string: said("not your hall"),
                user_properties: Vec::new(),
            }),
        };
        peer.bytes(&bytes(&Packet::SubAck(ack))).await;
    };
    let client = async {
        line.publish(draft("t", "1", Qos::AtLeastOnce), 1);
        let problem = line.published().await.1.unwrap_err();
        assert_eq!(
            problem.cause,
            "the broker refused it: quota exceeded (code 151): ten a minute"
        );
        assert_eq!(
            (problem.exit, problem.retry),
            (Exit::Refused, Retry::Backoff)
        );
        line.publish(draft("t", "2", Qos::ExactlyOnce), 2);
        let delivered = line.published().await.1.unwrap();
        let note = "for a reason that MQTT does not define (code 204)";
        assert_eq!(delivered.note.as_deref(), Some(note));
        let codes = line.subscribe(vec![wish("hall/#", Qos::AtMostOnce)]).await;
        let words = "the broker refused this filter: not authorized (code 135): not your hall";
        assert_eq!(codes, [Err(words.to_owned())]);
    };
    tokio::join!(broker, client);
}

/// How a connection ends whose CONNECT is answered so.
async fn answered(answer: &[u8]) -> thingdeck::session::end::End {
    let broker = Broker::plain().await;
    let mut line = Line::open(v5(broker.port())).await;
    let mut peer = broker.accept().await;
    peer.send_after_connect(answer, &mut line).await;
    line.closed().await
}

#[tokio::test]
async fn a_refused_connect_comes_with_the_brokers_own_words() {
    let ack = ConnAck {
        session_present: false,
        code: ConnectReturnCode::Banned,
        properties: Some(ConnAckProperties {
            reason_string: Some("too many tries".to_owned()),
            ..properties()
        }),
    };
    let end = answered(&bytes(&Packet::ConnAck(ack))).await;
    let words = "the broker refused the connection: banned (CONNACK 138): too many tries";
    assert_eq!(
        (end.class, end.problem.cause.as_str()),
        (EndClass::Refused, words)
    );

    let unknown = answered(&[0x20, 3, 0, 0xee, 0]).await;
    let words = "the broker refused the connection with code 238, which MQTT 5 does not define";
    assert_eq!(
        (unknown.class, unknown.problem.cause.as_str()),
        (EndClass::Refused, words)
    );

    let old = answered(&[0x20, 2, 0, 1]).await;
    assert_eq!(
        (old.class, old.problem.retry),
        (EndClass::Refused, Retry::Never)
    );
    assert_eq!(
        old.problem.cause,
        "the broker does not speak MQTT 5 (CONNACK 1)"
    );
    assert_eq!(
        old.problem.remedy,
        "set `version = \"3.1.1\"` in the profile"
    );

    let auth = answered(&[0xf0, 0]).await;
    assert_eq!(auth.class, EndClass::Refused);
    assert!(
        auth.problem.cause.contains("enhanced authentication"),
        "{}",
        auth.problem
    );

    let tls = answered(&[0x15, 3, 1, 0, 2, 2, 70]).await;
    assert_eq!(tls.class, EndClass::Unreachable);
    assert!(
        tls.problem.cause.contains("it speaks TLS"),
        "{}",
        tls.problem
    );
}

const fn properties() -> ConnAckProperties {
    ConnAckProperties {
        session_expiry_interval: None,
        receive_max: None,
        max_qos: None,
        retain_available: None,
        max_packet_size: None,
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}

#[tokio::test]
async fn a_takeover_and_a_move_are_said_by_the_broker() {
    let (mut line, mut peer) = connected().await;
    peer.bytes(&[0xe0, 1, 0x8e]).await;
    let end = line.closed().await;
    assert_eq!(end.class, EndClass::TakenOver);
    assert!(
        end.problem.cause.contains("the same client id"),
        "{}",
        end.problem
    );

    let (mut line, mut peer) = connected().await;
    peer.bytes(b"\xe0\x0e\x9d\x0c\x1c\0\x09b.example").await;
    let end = line.closed().await;
    assert_eq!(end.class, EndClass::Refused);
    assert_eq!(
        end.problem.remedy,
        "connect to b.example, which the broker names instead"
    );
}

#[tokio::test]
async fn the_brokers_last_words_are_heard_while_we_are_writing() {
    let (mut line, mut peer) = connected().await;
    for packet in 1..=10 {
        line.publish(draft("t", vec![0; 1 << 20], Qos::AtLeastOnce), packet);
    }
    // Nothing is read; the broker speaks and is gone.
    peer.bytes(b"\xe0\x0b\x97\x09\x1f\0\x06enough").await;
    peer.close().await;
    let end = line.closed().await;
    assert!(
        end.problem
            .cause
            .ends_with("quota exceeded (DISCONNECT 151): enough"),
        "{}",
        end.problem
    );
}

#[tokio::test]
async fn the_brokers_keep_alive_is_obeyed_and_pings_are_answered_by_anything() {
    let broker = Broker::plain().await;
    let mut line = Line::open(v5(broker.port())).await;
    let mut peer = broker.accept().await;
    // Server keep alive: 1 s.
    peer.send_after_connect(&[0x20, 6, 0, 0, 3, 0x13, 0, 1], &mut line)
        .await;
    assert_eq!(line.up().await.keep_alive, Some(Duration::from_secs(1)));
    let pings = async {
        for _ in 0..2 {
            assert_eq!(peer.frame().await, Some(vec![0xc0, 0]));
            peer.bytes(&[0xd0, 0]).await;
        }
    };
    let waiting = line.until("nothing else", |event| match event {
        LinkEvent::Packet { .. } => None,
        other => panic!("{other:?}"),
    });
    tokio::select! {
        () = pings => {}
        () = waiting => {}
    }
}

#[tokio::test]
async fn a_broker_that_takes_connections_and_says_nothing_is_given_up() {
    for version in [Version::V311, Version::V5] {
        let broker = Broker::plain().await;
        let mut plan = v5(broker.port());
        plan.version = version;
        plan.limits.connect_timeout = Duration::from_secs(1);
        let mut line = Line::open(plan).await;
        let end = line.closed().await;
        assert_eq!(end.class, EndClass::Unreachable);
        let words = "it takes connections but does not answer CONNECT within 1 s";
        assert_eq!(end.problem.cause, words);
    }
}

#[tokio::test]
async fn leaving_says_goodbye_after_everything_that_was_ordered() {
    let (mut line, mut peer) = connected().await;
    line.publish(draft("t", "last", Qos::AtMostOnce), 0);
    line.link.send(Order::Disconnect);
    let broker = async {
        assert!(matches!(next(&mut peer).await, Packet::Publish(_)));
        assert_eq!(peer.frame().await, Some(vec![0xe0, 0]));
        assert_eq!(peer.frame().await, None);
        peer.close().await;
    };
    let client = async {
        assert!(line.published().await.1.is_ok());
        line.closed().await;
    };
    tokio::join!(broker, client);
}

#[tokio::test]
async fn a_3_1_1_broker_sees_no_trace_of_mqtt_5() {
    let broker = Broker::plain().await;
    let mut line = Line::open(plan(broker.port(), None, &[])).await;
    let mut peer = broker.accept().await;
    peer.send_after_connect(&[0x20, 2, 0, 0], &mut line).await;
    line.up().await;
    let mut wanted = wish("a", Qos::AtLeastOnce);
    wanted.options.no_local = true;
    wanted.options.id = Some(5);
    line.send(|ticket| Order::Subscribe {
        ticket,
        filters: vec![wanted, wish("b", Qos::ExactlyOnce)],
    });
    let broker = async {
        let asked = peer.subscribe().await;
        assert!(asked.pkid >= 0x8000);
        let filters: Vec<_> = asked
            .filters
            .iter()
            .map(|f| (f.path.as_str(), f.qos as u8))
            .collect();
        assert_eq!(filters, [("a", 1), ("b", 2)]);
        let codes = vec![
            v4::SubscribeReasonCode::Success(rumqttc::QoS::AtMostOnce),
            v4::SubscribeReasonCode::Failure,
        ];
        peer.send(v4::Packet::SubAck(v4::SubAck::new(asked.pkid, codes)))
            .await;
    };
    let (codes, ()) = tokio::join!(line.subscribed(), broker);
    let refused = "the broker refused this filter (code 128)".to_owned();
    assert_eq!(codes, [Ok(Qos::AtMostOnce), Err(refused)]);
}
