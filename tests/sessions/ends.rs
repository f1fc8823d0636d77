//! How connections end, in words, and what follows: one try, the next address, or a countdown (failure-modes.md F9, F10).

use rumqttc::mqttbytes::v4::ConnectReturnCode;
use thingdeck::base::problem::{Exit, Problem, Retry};
use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{LinkState, ReceiptId, SessionCommand};
use thingdeck::platform::Verdict;

use super::broker::{Broker, Peer};
use super::support::{Script, Session, draft, endpoint, plan};

#[tokio::test]
async fn bad_credentials_are_tried_once_and_explained() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let mut peer = broker.accept().await;
    peer.connect().await;
    peer.refuse(ConnectReturnCode::BadUserNamePassword).await;
    let problem = session.refused().await;
    assert_eq!(
        problem.cause,
        "the broker refused the user name or the password (CONNACK 4)"
    );
    assert_eq!((problem.exit, problem.retry), (Exit::Refused, Retry::Never));
    assert_eq!((script.planned(), script.judged()), (1, 1));

    // The user may try again, and is refused again with a fresh verdict.
    session.tell(SessionCommand::RetryNow).await;
    let (_peer, _) = broker.session(false).await;
    session.connected().await;
}

#[tokio::test]
async fn after_a_renewal_there_is_one_more_try_and_no_second_renewal() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let reason = "the certificate was renewed".to_owned();
    script
        .verdicts
        .lock()
        .unwrap()
        .push_back(Verdict::TryAgain { reason });
    let mut session = Session::start(&script);
    for _ in 0..2 {
        let mut peer = broker.accept().await;
        peer.connect().await;
        peer.refuse(ConnectReturnCode::NotAuthorized).await;
    }
    session
        .log("the certificate was renewed; connecting once more")
        .await;
    let problem = session.refused().await;
    assert!(problem.cause.contains("not authorized"));
    assert_eq!((script.planned(), script.judged()), (2, 1));
}

#[tokio::test]
async fn codes_that_mqtt_does_not_know_are_put_into_words() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let mut peer = broker.accept().await;
    peer.connect().await;
    peer.bytes(&[0x20, 2, 0, 7]).await;
    let problem = session.refused().await;
    assert!(problem.cause.contains("code 7"), "{problem}");
}

#[tokio::test]
async fn a_broker_that_is_busy_is_tried_again() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let mut peer = broker.accept().await;
    peer.connect().await;
    peer.refuse(ConnectReturnCode::ServiceUnavailable).await;
    let why = session.reconnects().await;
    assert!(why.cause.contains("unavailable"));
    let (_peer, _) = broker.session(false).await;
    session.connected().await;
}

#[tokio::test]
async fn a_web_server_on_the_port_is_called_one() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    let mut peer = broker.accept().await;
    peer.connect().await;
    let page = format!(
        "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n{}",
        " ".repeat(200)
    );
    peer.bytes(page.as_bytes()).await;
    let why = session.reconnects().await;
    assert!(why.cause.contains("it answered in HTTP"), "{why}");
}

#[tokio::test]
async fn a_close_right_after_connect_becomes_a_refusal_when_it_goes_on() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &[]));
    let mut session = Session::start(&script);
    for attempt in 1..=3 {
        let mut peer = broker.accept().await;
        peer.connect().await;
        peer.close().await;
        if attempt < 3 {
            let why = session.reconnects().await;
            assert!(why.cause.contains("right after CONNECT"), "{why}");
        }
    }
    let problem = session.refused().await;
    assert_eq!((problem.exit, script.judged()), (Exit::Refused, 1));
}

#[tokio::test]
async fn a_session_taken_over_says_so_and_stops_fighting() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["a"]));
    let mut session = Session::start(&script);
    for attempt in 1..=3 {
        let (mut peer, _) = broker.session(true).await;
        peer.grant().await;
        assert!(session.granted().await.1.is_ok());
        peer.close().await;
        if attempt < 3 {
            session.reconnects().await;
        }
    }
    let state = session
        .link("taken over", |state| {
            matches!(state, LinkState::TakenOver(_))
        })
        .await;
    let LinkState::TakenOver(problem) = state else {
        unreachable!()
    };
    assert_eq!(problem.what, "the session was taken over by another client");
    assert!(problem.cause.contains("deck-Ω 1"));

    session.tell(SessionCommand::RetryNow).await;
    let (_peer, _) = broker.session(true).await;
    session.connected().await;
}

/// Reconnects without waiting until it is told that it was taken over.
async fn fight(session: &mut Session) {
    loop {
        match session.link("a change", |state| !state.is_up()).await {
            LinkState::Reconnecting { .. } => session.tell(SessionCommand::RetryNow).await,
            LinkState::TakenOver(_) => return,
            _ => {}
        }
    }
}

#[tokio::test]
async fn of_two_clients_with_one_id_one_stops_and_the_other_lives() {
    let broker = Broker::plain().await;
    let plan = plan(broker.port(), None, &["a"]);
    let mut one = Session::start(&Script::always(plan.clone()));
    let mut other = Session::start(&Script::always(plan));
    let mut last: Option<Peer> = None;
    let evicting = async {
        loop {
            let (mut peer, _) = broker.session(true).await;
            peer.grant().await;
            if let Some(evicted) = last.replace(peer) {
                evicted.close().await;
            }
        }
    };
    let one_lost = tokio::select! {
        () = fight(&mut one) => true,
        () = fight(&mut other) => false,
        () = evicting => unreachable!(),
    };
    let winner = if one_lost { &mut other } else { &mut one };
    let draft = draft("t", "still here", Qos::AtMostOnce);
    winner
        .tell(SessionCommand::Publish(ReceiptId(1), draft))
        .await;
    let mut peer = last.expect("one is connected");
    assert_eq!(peer.published().await.payload, "still here");
}

#[tokio::test]
async fn the_next_address_is_tried_when_the_first_cannot_be_reached_and_only_then() {
    let closed = Broker::plain().await.port();
    let broker = Broker::plain().await;
    let mut two = plan(closed, None, &[]);
    two.endpoints.push(endpoint(broker.port(), None));
    let script = Script::always(two);
    let mut session = Session::start(&script);
    let (_peer, _) = broker.session(false).await;
    session.log("nothing listens on that port").await;
    session.connected().await;
    assert_eq!(script.planned(), 1);

    let other = Broker::plain().await;
    let mut two = plan(broker.port(), None, &[]);
    two.endpoints.push(endpoint(other.port(), None));
    let mut session = Session::start(&Script::always(two));
    let mut peer = broker.accept().await;
    peer.connect().await;
    peer.refuse(ConnectReturnCode::BadClientId).await;
    assert!(session.refused().await.cause.contains("client id"));
}

#[tokio::test]
async fn an_unreachable_broker_is_a_countdown_with_a_reason() {
    let port = Broker::plain().await.port();
    let script = Script::always(plan(port, None, &[]));
    let mut session = Session::start(&script);
    let why = session.reconnects().await;
    assert_eq!(why.what, format!("could not connect to localhost:{port}"));
    assert_eq!(why.cause, "nothing listens on that port");
    assert_eq!((why.exit, why.retry), (Exit::Unreachable, Retry::Backoff));
}

#[tokio::test]
async fn a_plan_that_cannot_be_made_stops_or_waits_as_it_says() {
    let broker = Broker::plain().await;
    let problem = |retry| Problem::new("could not sign in", "LG says no", "").retry(retry);
    let script = Script::always(plan(broker.port(), None, &[]));
    {
        let mut plans = script.plans.lock().unwrap();
        let good = plans.pop_front().unwrap();
        plans.push_back(Err(problem(Retry::Backoff)));
        plans.push_back(Err(problem(Retry::Never)));
        plans.push_back(good);
    }
    let mut session = Session::start(&script);
    assert_eq!(session.reconnects().await, problem(Retry::Backoff));
    assert_eq!(session.refused().await, problem(Retry::Never));
    session.tell(SessionCommand::RetryNow).await;
    let (_peer, _) = broker.session(false).await;
    session.connected().await;
}

#[tokio::test]
async fn an_unanswered_ping_ends_the_connection() {
    let broker = Broker::plain().await;
    let mut plan = plan(broker.port(), None, &[]);
    plan.keep_alive = std::time::Duration::from_secs(1);
    let script = Script::always(plan);
    let mut session = Session::start(&script);
    let (mut peer, connect) = broker.session(false).await;
    assert_eq!(connect.keep_alive, 1);
    peer.pong().await;
    session.log("in PINGRESP").await;
    let why = session.reconnects().await;
    assert!(why.cause.contains("does not answer pings"), "{why}");
}

#[tokio::test]
async fn a_kept_session_without_a_client_id_is_refused_before_the_wire() {
    let mut plan = plan(1, None, &[]);
    plan.client_id = String::new();
    let mut session = Session::start(&Script::always(plan));
    let problem = session.refused().await;
    assert!(problem.cause.contains("needs a client id"), "{problem}");
    assert_eq!(problem.exit, Exit::Usage);
}
