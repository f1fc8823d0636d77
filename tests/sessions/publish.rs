//! What is sent: in order, once, and answered.

use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand};

use super::broker::Broker;
use super::support::{Script, Session, draft, plan};

#[tokio::test]
async fn a_receipt_follows_the_flush_or_the_acknowledgement() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    session.connected().await;
    for (id, qos) in [(1, Qos::AtMostOnce), (2, Qos::AtLeastOnce)] {
        let command = SessionCommand::Publish(ReceiptId(id), draft("t", "x", qos));
        session.tell(command).await;
    }
    assert_eq!(peer.published().await.pkid, 0);
    assert_eq!(
        session.receipt().await,
        (ReceiptId(1), Ok(Delivered::default()))
    );
    let packet = peer.published().await.pkid;
    peer.acknowledge(packet).await;
    assert_eq!(
        session.receipt().await,
        (ReceiptId(2), Ok(Delivered::default()))
    );
}

#[tokio::test]
async fn what_is_published_offline_waits_and_goes_out_in_order() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    for id in 1..=50 {
        let draft = draft("t", &id.to_string(), Qos::AtLeastOnce);
        session
            .tell(SessionCommand::Publish(ReceiptId(id), draft))
            .await;
    }
    session.log("50 waiting").await;
    let (mut peer, _) = broker.session(false).await;
    for id in 1..=50_u64 {
        let published = peer.published().await;
        assert_eq!(published.payload, id.to_string());
        peer.acknowledge(published.pkid).await;
        assert_eq!(
            session.receipt().await,
            (ReceiptId(id), Ok(Delivered::default()))
        );
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_on_the_next_connection() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    session.connected().await;
    for id in 1..=3 {
        let draft = draft("t", &id.to_string(), Qos::AtLeastOnce);
        session
            .tell(SessionCommand::Publish(ReceiptId(id), draft))
            .await;
    }
    let first = peer.published().await;
    peer.published().await;
    peer.published().await;
    peer.acknowledge(first.pkid).await;
    assert_eq!(
        session.receipt().await,
        (ReceiptId(1), Ok(Delivered::default()))
    );
    peer.close().await;
    session.reconnects().await;

    let (mut peer, _) = broker.session(true).await;
    for id in 2..=3_u64 {
        let again = peer.published().await;
        assert_eq!(again.payload, id.to_string());
        peer.acknowledge(again.pkid).await;
        assert_eq!(
            session.receipt().await,
            (ReceiptId(id), Ok(Delivered::default()))
        );
    }
}

#[tokio::test]
async fn what_the_broker_does_not_take_is_refused_before_the_wire() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    session.connected().await;
    let long = "x".repeat(3 << 20);
    let drafts = [
        draft("t", "x", Qos::ExactlyOnce),
        draft("t", &long, Qos::AtMostOnce),
        draft("t", "fine", Qos::AtMostOnce),
    ];
    for (id, draft) in (1..).zip(drafts) {
        session
            .tell(SessionCommand::Publish(ReceiptId(id), draft))
            .await;
    }
    let (_, qos) = session.receipt().await;
    assert!(qos.unwrap_err().cause.contains("QoS 1 at most"));
    let (_, size) = session.receipt().await;
    assert!(size.unwrap_err().cause.contains("2097152 at most"));
    assert_eq!(peer.published().await.payload, "fine");
}

#[tokio::test]
async fn closing_answers_every_publish_that_never_went_out() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    // Accepted by the system, answered by nobody.
    session
        .link("connecting", |state| {
            matches!(state, LinkState::Connecting { .. })
        })
        .await;
    let command = SessionCommand::Publish(ReceiptId(4), draft("t", "x", Qos::AtLeastOnce));
    session.tell(command).await;
    session.tell(SessionCommand::Close).await;
    let (id, result) = session.receipt().await;
    assert_eq!(id, ReceiptId(4));
    assert!(result.unwrap_err().cause.contains("closed before"));
    session.ended().await;
}
