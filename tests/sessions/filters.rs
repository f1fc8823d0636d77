//! The registry of filters is the truth, whatever the broker forgets (failure-modes.md F7, F8, F9).

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, SubAck, SubscribeReasonCode, UnsubAck};
use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::platform::Leave;

use super::broker::Broker;
use super::support::{Script, Session, plan, wish};

#[tokio::test]
async fn a_deaf_connection_is_called_silent_and_subscribed_again() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["a", "b"]));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    assert!(session.granted().await.1.is_ok());

    let reason = "nothing heard of 거실 에어컨 for 30 min".to_owned();
    session.tell(SessionCommand::Resubscribe { reason }).await;
    session
        .link("silent", |state| matches!(state, LinkState::Silent { .. }))
        .await;
    let line = session
        .log("silent: nothing heard of 거실 에어컨 for 30 min")
        .await;
    assert!(line.ends_with("every filter is subscribed again"));
    assert_eq!(peer.grant().await, ["a", "b"]);
    peer.publish("a", b"1", 0).await;
    let state = session.connected().await;
    assert!(matches!(
        state,
        LinkState::Connected {
            session_present: false,
            ..
        }
    ));
    session.log("speaks again").await;
    session.message().await;
}

#[tokio::test]
async fn filters_added_at_run_time_survive_a_broker_that_forgets_them() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["plan"]));
    let mut session = Session::with(&script, vec![wish("profile")], false);
    let (mut peer, _) = broker.session(false).await;
    assert_eq!(peer.grant().await, ["profile", "plan"]);
    for filter in ["one", "two", "three"] {
        session.tell(SessionCommand::Subscribe(wish(filter))).await;
        assert_eq!(peer.grant().await, [filter]);
    }
    for filter in ["two", "plan"] {
        let filter = TopicFilter::parse(filter).unwrap();
        session
            .tell(SessionCommand::Unsubscribe(filter.clone()))
            .await;
        match peer.packet().await {
            Some(Packet::Unsubscribe(asked)) => {
                peer.send(Packet::UnsubAck(UnsubAck::new(asked.pkid))).await;
            }
            other => panic!("UNSUBSCRIBE expected, got {other:?}"),
        }
        let dropped = |event: &SessionEvent| match event {
            SessionEvent::Dropped(filter) => Some(filter.clone()),
            _ => None,
        };
        assert_eq!(session.until("dropped", dropped).await, filter);
    }
    peer.close().await;
    session.reconnects().await;

    let (mut peer, _) = broker.session(false).await;
    let asked = peer.subscribe().await;
    let sent: Vec<_> = asked
        .filters
        .iter()
        .map(|f| (f.path.as_str(), f.qos))
        .collect();
    let one = QoS::AtLeastOnce;
    assert_eq!(sent, [("profile", one), ("one", one), ("three", one)]);
}

#[tokio::test]
async fn a_kept_session_gets_every_filter_again_and_loses_what_was_dropped_meanwhile() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["a"]));
    let mut session = Session::with(&script, vec![wish("b")], false);
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    peer.close().await;
    session
        .link("down", |state| {
            matches!(state, LinkState::Reconnecting { .. })
        })
        .await;
    let filter = TopicFilter::parse("b").unwrap();
    session.tell(SessionCommand::Unsubscribe(filter)).await;
    session.tell(SessionCommand::RetryNow).await;

    let (mut peer, _) = broker.session(true).await;
    match peer.packet().await {
        Some(Packet::Unsubscribe(asked)) => assert_eq!(asked.topics, ["b"]),
        other => panic!("UNSUBSCRIBE expected, got {other:?}"),
    }
    assert_eq!(peer.grant().await, ["a"]);
}

#[tokio::test]
async fn filters_go_in_batches_and_each_hears_its_own_answer() {
    let broker = Broker::plain().await;
    let mut plan = plan(broker.port(), None, &["a", "b", "c"]);
    plan.limits.filters_per_subscribe = 2;
    let script = Script::always(plan);
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    let first = peer.subscribe().await;
    let second = peer.subscribe().await;
    // Answered the other way round: the packet id counts, not the order.
    let codes = vec![SubscribeReasonCode::Success(QoS::AtMostOnce)];
    peer.send(Packet::SubAck(SubAck::new(second.pkid, codes)))
        .await;
    let codes = vec![
        SubscribeReasonCode::Success(QoS::AtLeastOnce),
        SubscribeReasonCode::Failure,
    ];
    peer.send(Packet::SubAck(SubAck::new(first.pkid, codes)))
        .await;
    assert_eq!(
        session.granted().await,
        ("c".to_owned(), Ok(Qos::AtMostOnce))
    );
    assert_eq!(
        session.granted().await,
        ("a".to_owned(), Ok(Qos::AtLeastOnce))
    );
    let (filter, refusal) = session.granted().await;
    assert_eq!(filter, "b");
    assert_eq!(
        refusal.unwrap_err(),
        "the broker refused this filter (code 128)"
    );
}

#[tokio::test]
async fn a_filter_at_which_the_broker_hangs_up_is_found_and_set_aside() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["good/1", "$SYS/#", "good/2"]));
    let mut session = Session::start(&script);
    let mut connections = 0;
    let mut peer = loop {
        connections += 1;
        let (mut peer, _) = broker.session(false).await;
        let mut granted = Vec::new();
        let hangs_up = loop {
            let asked = peer.subscribe().await;
            let names: Vec<_> = asked.filters.iter().map(|f| f.path.clone()).collect();
            if names.iter().any(|name| name == "$SYS/#") {
                break true;
            }
            let codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce); names.len()];
            peer.send(Packet::SubAck(SubAck::new(asked.pkid, codes)))
                .await;
            granted.extend(names);
            if granted.len() == 2 {
                break false;
            }
        };
        if !hangs_up {
            assert_eq!(granted, ["good/1", "good/2"]);
            break peer;
        }
        peer.close().await;
        session.reconnects().await;
    };
    let set_aside = session.past.iter().find_map(|event| match event {
        SessionEvent::Granted {
            filter,
            result: Err(words),
        } => Some((filter.as_str(), words)),
        _ => None,
    });
    let (filter, words) = set_aside.expect("one is named");
    assert_eq!(filter, "$SYS/#");
    assert!(words.contains("hangs up when this filter is subscribed"));
    assert_eq!(connections, 3);
    peer.publish("good/1", b"alive", 0).await;
    assert_eq!(&session.message().await.payload[..], b"alive");
}

#[tokio::test]
async fn the_platform_attends_once_the_filters_are_answered_and_is_obeyed_when_it_leaves() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["a"]));
    let reason = "the token is about to expire".to_owned();
    *script.leave.lock().unwrap() = Some(Leave::Reconnect { reason });
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    let asked = peer.subscribe().await;
    session.connected().await;
    assert_eq!(script.attended(), 0);
    let codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)];
    peer.send(Packet::SubAck(SubAck::new(asked.pkid, codes)))
        .await;
    assert!(matches!(peer.packet().await, Some(Packet::Disconnect)));
    assert_eq!(script.attended(), 1);
    peer.close().await;
    session.log("the token is about to expire").await;

    let (mut peer, _) = broker.session(true).await;
    peer.grant().await;
    session.connected().await;
    assert_eq!(script.planned(), 2);
}

#[tokio::test]
async fn a_platform_that_stops_the_session_is_explained() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let problem =
        thingdeck::base::problem::Problem::new("signed out", "the client is gone", "sign in");
    *script.leave.lock().unwrap() = Some(Leave::Stop(problem.clone()));
    let mut session = Session::start(&script);
    let (mut peer, _) = broker.session(false).await;
    assert!(matches!(peer.packet().await, Some(Packet::Disconnect)));
    peer.close().await;
    assert_eq!(session.refused().await, problem);
}
