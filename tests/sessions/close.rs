//! A session ends when it is told to, whatever the network does (failure-modes.md F32).

use thingdeck::domain::session::{LinkState, SessionCommand};
use tokio::net::TcpListener;

use super::broker::Broker;
use super::certificates::{Authority, trusting};
use super::support::{Script, Session, plan};

#[tokio::test]
async fn a_black_holed_connection_does_not_hold_the_session() {
    let broker = Broker::plain().await;
    let script = Script::always(plan(broker.port(), None, &["a"]));
    let mut session = Session::start(&script);
    let (peer, _) = broker.session(false).await;
    session.connected().await;
    // The peer neither reads nor answers nor closes from here on.
    session.tell(SessionCommand::Close).await;
    session
        .link("closed", |state| *state == LinkState::Closed)
        .await;
    session.ended().await;
    drop(peer);
}

#[tokio::test]
async fn a_handshake_that_never_ends_does_not_hold_the_session() {
    let authority = Authority::new("home");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let script = Script::always(plan(port, Some(trusting(&authority, None)), &[]));
    let mut session = Session::start(&script);
    let (_held, _) = silent.accept().await.unwrap();
    session.tell(SessionCommand::Close).await;
    session
        .link("closed", |state| *state == LinkState::Closed)
        .await;
    session.ended().await;
}

#[tokio::test]
async fn a_countdown_does_not_hold_the_session() {
    let port = Broker::plain().await.port();
    let mut session = Session::start(&Script::always(plan(port, None, &[])));
    session
        .link("a countdown", |state| {
            matches!(state, LinkState::Reconnecting { .. })
        })
        .await;
    session.tell(SessionCommand::Close).await;
    session.ended().await;
}

#[tokio::test]
async fn a_refused_session_can_be_closed() {
    let mut plan = plan(1, None, &[]);
    plan.endpoints.clear();
    let mut session = Session::start(&Script::always(plan));
    session.refused().await;
    session.tell(SessionCommand::Close).await;
    session.ended().await;
}

#[tokio::test]
async fn a_session_nobody_holds_any_more_says_goodbye_and_ends() {
    let broker = Broker::plain().await;
    let mut session = Session::start(&Script::always(plan(broker.port(), None, &[])));
    let (mut peer, _) = broker.session(false).await;
    session.connected().await;
    let nobody = tokio::sync::mpsc::channel(1).0;
    drop(std::mem::replace(&mut session.commands, nobody));
    assert!(matches!(
        peer.packet().await,
        Some(rumqttc::Packet::Disconnect)
    ));
    assert!(peer.packet().await.is_none());
    session.ended().await;
}
