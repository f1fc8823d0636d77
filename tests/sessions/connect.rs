//! Connecting, subscribing, delivering, over mutual TLS as over plain TCP.

use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{LinkState, SessionCommand};

use super::broker::Broker;
use super::certificates::{Authority, mutual, trusting};
use super::support::{Script, Session, plan};

#[tokio::test]
async fn a_message_comes_through_mutual_tls() {
    let authority = Authority::new("home");
    let server = mutual(&authority.server("localhost"), &authority);
    let broker = Broker::secure(server).await;
    let tls = trusting(&authority, Some(&authority.client("deck")));
    let script = Script::always(plan(broker.port(), Some(tls), &["app/push"]));
    let mut session = Session::start(&script);

    let (mut peer, connect) = broker.session(false).await;
    assert_eq!(connect.client_id, "deck-Ω 1");
    assert!(!connect.clean_session);
    assert_eq!(connect.keep_alive, 60);
    assert_eq!(peer.grant().await, ["app/push"]);
    peer.publish("app/push", b"{\"pushType\":\"DEVICE_STATUS\"}", 7)
        .await;
    assert_eq!(peer.puback().await, 7);

    let state = session.connected().await;
    assert!(matches!(
        state,
        LinkState::Connected {
            session_present: false,
            ..
        }
    ));
    assert_eq!(
        session.granted().await,
        ("app/push".to_owned(), Ok(Qos::AtLeastOnce))
    );
    let message = session.message().await;
    assert_eq!(message.topic.as_str(), "app/push");
    assert_eq!(&message.payload[..], b"{\"pushType\":\"DEVICE_STATUS\"}");
    assert_eq!(
        (message.qos, message.dup, message.ack),
        (Qos::AtLeastOnce, false, None)
    );

    session.tell(SessionCommand::Close).await;
    assert!(matches!(
        peer.packet().await,
        Some(rumqttc::Packet::Disconnect)
    ));
    peer.close().await;
    session
        .link("closed", |state| *state == LinkState::Closed)
        .await;
    session.ended().await;
}
