//! No message is lost or changed on its way (failure-modes.md F4, F5, F6, F12).

use rumqttc::mqttbytes::v4::{Packet, PubRel, Publish, SubAck, SubscribeReasonCode, UnsubAck};
use thingdeck::base::moment::Mono;
use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{Gap, SessionCommand, SessionEvent};

use super::broker::Broker;
use super::support::{Script, Session, plan, wish};

#[tokio::test]
async fn a_message_delivered_again_is_shown_and_marked() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["t"]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    peer.publish("t", b"once", 5).await;
    peer.puback().await;
    // To the broker the acknowledgement never came.
    peer.close().await;
    let first = session.message().await;
    session.reconnects().await;

    let (mut peer, _) = broker.session(true).await;
    let mut again = Publish::new("t", rumqttc::QoS::AtLeastOnce, "once");
    again.pkid = 5;
    again.dup = true;
    peer.send(Packet::Publish(again)).await;
    let second = session.message().await;
    assert_eq!((first.dup, second.dup), (false, true));
    assert_eq!(first.payload, second.payload);
}

#[tokio::test]
async fn what_a_kept_session_queued_appears_before_subscribe_is_answered() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["t"]));
    let mut session = Session::start(&script);
    let mut peer = broker.accept().await;
    peer.connect().await;
    peer.accept_session(true).await;
    for number in 1..=100_u16 {
        peer.publish("t", number.to_string().as_bytes(), number)
            .await;
    }
    let mut shown = Vec::new();
    for _ in 0..100 {
        shown.push(String::from_utf8(session.message().await.payload.to_vec()).unwrap());
    }
    let expected: Vec<_> = (1..=100).map(|number| number.to_string()).collect();
    assert_eq!(shown, expected);
    let answered = |event: &SessionEvent| matches!(event, SessionEvent::Granted { .. });
    assert!(!session.past.iter().any(answered));

    let mut acknowledged = 0;
    let mut subscribed = 0;
    while acknowledged + subscribed < 101 {
        match peer.packet().await {
            Some(Packet::PubAck(_)) => acknowledged += 1,
            Some(Packet::Subscribe(_)) => subscribed += 1,
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!((acknowledged, subscribed), (100, 1));
}

#[tokio::test]
async fn what_arrived_together_with_the_close_is_delivered() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    session.connected().await;
    let mut burst = bytes::BytesMut::new();
    for number in 0..5 {
        let publish = Publish::new("t", rumqttc::QoS::AtMostOnce, number.to_string());
        publish.write(&mut burst).unwrap();
    }
    // Half a packet, so that the end of the stream is an error in the middle of the burst.
    burst.extend_from_slice(&[0x30, 0x40, 0]);
    peer.bytes(&burst).await;
    peer.close().await;
    session.reconnects().await;
    let messages = session.past.iter().filter_map(|event| match event {
        SessionEvent::Message(message, _) => Some(message.payload.to_vec()),
        _ => None,
    });
    let expected: Vec<Vec<u8>> = (b'0'..=b'4').map(|digit| vec![digit]).collect();
    assert_eq!(messages.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn large_payloads_pass_and_one_over_the_limit_leaves_a_mark_not_a_wreck() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["big"]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    for bytes in [11 << 10, 1 << 20, 3 << 20, 5] {
        peer.publish("big", &vec![b'x'; bytes], 0).await;
    }
    assert_eq!(session.message().await.payload.len(), 11 << 10);
    assert_eq!(session.message().await.payload.len(), 1 << 20);
    let gap = session
        .until("a gap", |event| match event {
            SessionEvent::Gap(gap) => Some(*gap),
            _ => None,
        })
        .await;
    assert_eq!(
        gap,
        Gap {
            messages: 1,
            bytes: 3 << 20
        }
    );
    session.log("over the limit").await;
    assert_eq!(session.message().await.payload.len(), 5);
}

#[tokio::test]
async fn with_manual_acknowledgement_the_broker_is_told_only_after_use() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["t"]));
    let mut session = Session::with(&script, Vec::new(), true);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    peer.publish("t", b"1", 11).await;
    peer.publish("t", b"2", 12).await;
    peer.publish("t", b"3", 0).await;
    let first = session.message().await.ack.expect("waits for us");
    let second = session.message().await.ack.expect("waits for us");
    assert_eq!(session.message().await.ack, None);
    session.tell(SessionCommand::Ack(second)).await;
    assert_eq!(peer.puback().await, 12);
    session.tell(SessionCommand::Ack(first)).await;
    assert_eq!(peer.puback().await, 11);
}

#[tokio::test]
async fn a_message_left_out_is_not_delivered_again_for_ever() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["big"]));
    let _session = Session::with(&script, Vec::new(), true);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    peer.publish("big", &vec![b'x'; 3 << 20], 21).await;
    assert_eq!(peer.puback().await, 21);
}

#[tokio::test]
async fn an_acknowledgement_of_an_earlier_connection_is_not_sent_on_the_next() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["t"]));
    let mut session = Session::with(&script, Vec::new(), true);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    peer.publish("t", b"old", 9).await;
    let stale = session.message().await.ack.expect("waits for us");
    peer.close().await;
    session.reconnects().await;

    let (mut peer, _) = broker.session(true).await;
    peer.grant().await;
    peer.publish("t", b"new", 3).await;
    let fresh = session.message().await.ack.expect("waits for us");
    session.tell(SessionCommand::Ack(stale)).await;
    session.tell(SessionCommand::Ack(fresh)).await;
    assert_eq!(peer.puback().await, 3);
}

#[tokio::test]
async fn a_kept_session_may_finish_what_an_earlier_connection_began_at_qos_2() {
    let broker = Broker::plain().await;
    let mut plan = plan(broker.port(), None, &[]);
    plan.limits.max_qos = Qos::ExactlyOnce;
    let mut session = Session::start(&Script::always(plan));
    let (mut peer, _) = broker.session(true).await;
    session.connected().await;
    peer.send(Packet::PubRel(PubRel::new(777))).await;
    match peer.packet().await {
        Some(Packet::PubComp(complete)) => assert_eq!(complete.pkid, 777),
        other => panic!("PUBCOMP expected, got {other:?}"),
    }
    let mut exact = Publish::new("t", rumqttc::QoS::ExactlyOnce, "2");
    exact.pkid = 778;
    peer.send(Packet::Publish(exact)).await;
    assert_eq!(session.message().await.qos, Qos::ExactlyOnce);
}

#[tokio::test]
async fn every_numbered_message_of_a_burst_is_shown_once_in_order() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["n"]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    let mut burst = bytes::BytesMut::new();
    for number in 0..10_000_u32 {
        let publish = Publish::new("n", rumqttc::QoS::AtMostOnce, number.to_be_bytes());
        publish.write(&mut burst).unwrap();
    }
    peer.bytes(&burst).await;
    for number in 0..10_000_u32 {
        assert_eq!(session.message().await.payload[..], number.to_be_bytes());
    }
}

#[tokio::test]
async fn bursts_over_two_overlapping_filters_are_shown_once_per_delivery() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["n/#", "n/+"]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    let mut packets = (1..=u16::MAX).cycle();
    for burst in 0..20_u32 {
        // A filter that comes and goes meanwhile must not cost a message.
        session.tell(SessionCommand::Subscribe(wish("other"))).await;
        let asked = peer.subscribe().await;
        let numbers = burst * 500..(burst + 1) * 500;
        let mut bytes = bytes::BytesMut::new();
        for number in numbers.clone() {
            for _ in 0..2 {
                let qos = rumqttc::QoS::AtLeastOnce;
                let mut publish = Publish::new("n/x", qos, number.to_be_bytes());
                publish.pkid = packets.next().unwrap();
                publish.write(&mut bytes).unwrap();
            }
        }
        peer.bytes(&bytes).await;
        let codes = vec![SubscribeReasonCode::Success(rumqttc::QoS::AtLeastOnce)];
        peer.send(Packet::SubAck(SubAck::new(asked.pkid, codes)))
            .await;
        for number in numbers {
            for _ in 0..2 {
                assert_eq!(session.message().await.payload[..], number.to_be_bytes());
                peer.puback().await;
            }
        }
        let filter = wish("other").filter;
        session.tell(SessionCommand::Unsubscribe(filter)).await;
        match peer.packet().await {
            Some(Packet::Unsubscribe(asked)) => {
                peer.send(Packet::UnsubAck(UnsubAck::new(asked.pkid))).await;
            }
            other => panic!("UNSUBSCRIBE expected, got {other:?}"),
        }
        session.past.clear();
    }
}

#[tokio::test]
async fn when_something_was_heard_last_is_known_to_the_adapter() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["t"]));
    let mut session = Session::start(&script);
    assert_eq!(session.heard.at(), Mono::default());
    let (mut peer, _) = broker.session(false).await;
    session.connected().await;
    let stood = session.heard.at();
    assert!(stood > Mono::default());
    peer.grant().await;
    peer.publish("t", b"", 0).await;
    assert_eq!(session.message().await.qos, Qos::AtMostOnce);
    assert!(session.heard.at() > stood);
}
