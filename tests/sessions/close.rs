//! A session ends when it is told to, whatever the network does (failure-modes.md F32).

use std::sync::Arc;

use rumqttc::mqttbytes::v4::Packet;
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::platform::Pending;
use thingdeck::session::driver::{Driver, Post};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::broker::{Broker, soon};
use super::certificates::{Authority, trusting};
use super::support::{Clock, Script, Session, plan};

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
    let nobody = mpsc::channel(1).0;
    drop(std::mem::replace(&mut session.commands, nobody));
    assert!(matches!(peer.packet().await, Some(Packet::Disconnect)));
    assert!(peer.packet().await.is_none());
    session.ended().await;
}

/// Somebody who has more than enough to read already, and reads nothing.
struct Full;

impl Post for Full {
    fn post(&self, _: SessionEvent) {}

    fn is_crowded(&self) -> bool {
        true
    }

    fn room(&self) -> Pending<'_, ()> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_listener_that_never_catches_up_costs_neither_the_connection_nor_the_goodbye() {
    let broker = Broker::plain().await;
    let (commands, received) = mpsc::channel(4);
    let driver = Driver {
        platform: Script::always(plan(broker.port(), None, &["a"])),
        io: Clock::start(),
        post: Arc::new(Full),
        commands: received,
        extra_filters: Vec::new(),
        manual_ack: false,
        heard: Arc::default(),
    };
    let session = tokio::spawn(driver.run());
    let (mut peer, _) = broker.session(false).await;
    peer.grant().await;
    let close = commands.send(SessionCommand::Close).await;
    close.expect("the session runs");
    assert!(matches!(peer.packet().await, Some(Packet::Disconnect)));
    soon("the end", session).await.expect("no panic");
}
