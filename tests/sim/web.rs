//! MQTT over WebSocket: what RFC 6455 and MQTT 5's chapter 6 ask for.

use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::v4;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::raw::{Site, Stream, Three, Way, Wire, web_socket};

async fn asked(
    site: &Site,
    path: &str,
    subprotocol: Option<&str>,
) -> Result<WebSocketStream<Stream>, Error> {
    let url = site.ready().ws_url.as_deref().unwrap();
    let url = url::Url::parse(url).unwrap().join(path).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", url.port().unwrap())).await;
    web_socket(Box::new(tcp.unwrap()), url.as_str(), subprotocol).await
}

/// A WebSocket that the frames can be seen of.
async fn opened(site: &Site) -> WebSocketStream<Stream> {
    match site.open(Way::Wss).await {
        Wire::Web(web) => *web,
        Wire::Stream(_) => unreachable!("a WebSocket was asked for"),
    }
}

const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01w";
const PING: &[u8] = b"\xc0\0";

#[tokio::test]
async fn path_and_subprotocol_have_to_be_right() {
    let site = Site::quiet().await;
    for (path, subprotocol, status) in [
        ("/mqtt", None, 400),
        ("/mqtt", Some("chat"), 400),
        ("/elsewhere", Some("mqtt"), 404),
    ] {
        let answer = asked(&site, path, subprotocol).await;
        let Err(Error::Http(answer)) = answer else {
            panic!("{path} {subprotocol:?}: {:?}", answer.map(drop));
        };
        assert_eq!(answer.status().as_u16(), status, "{path} {subprotocol:?}");
    }
    for subprotocol in ["mqtt", "mqttv3.1, mqtt"] {
        let answer = asked(&site, "/mqtt", Some(subprotocol)).await;
        assert!(answer.is_ok(), "{subprotocol}");
    }
}

#[tokio::test]
async fn frames_may_split_and_join_packets() {
    let site = Site::quiet().await;
    let mut web = opened(&site).await;
    // One byte a frame, then three packets in one.
    for byte in CONNECT {
        web.send(Message::Binary(vec![*byte].into())).await.unwrap();
    }
    web.send(Message::Binary(PING.repeat(3).into()))
        .await
        .unwrap();
    let mut three = Three::over(Wire::Web(Box::new(web)));
    assert!(matches!(three.next().await, Some(v4::Packet::ConnAck(_))));
    for _ in 0..3 {
        assert!(matches!(three.next().await, Some(v4::Packet::PingResp)));
    }
}

#[tokio::test]
async fn pings_of_the_web_socket_are_answered() {
    let site = Site::quiet().await;
    let mut web = opened(&site).await;
    web.send(Message::Ping("are you there".into()))
        .await
        .unwrap();
    assert_eq!(
        web.next().await.unwrap().unwrap(),
        Message::Pong("are you there".into())
    );
}

#[tokio::test]
async fn text_frames_end_it_and_a_close_is_answered() {
    let site = Site::quiet().await;
    let code = |message: Option<Result<Message, Error>>| match message {
        Some(Ok(Message::Close(Some(close)))) => close.code,
        other => panic!("{other:?}"),
    };
    let mut web = opened(&site).await;
    web.send(Message::Text("CONNECT".into())).await.unwrap();
    assert_eq!(code(web.next().await), CloseCode::Unsupported);
    let mut web = opened(&site).await;
    web.close(None).await.unwrap();
    assert!(matches!(web.next().await, Some(Ok(Message::Close(_)))));
    // And the broker closes in due form.
    let mut web = opened(&site).await;
    web.send(Message::Binary(CONNECT.to_vec().into()))
        .await
        .unwrap();
    web.next().await.unwrap().unwrap();
    site.control.drop_client("w");
    assert_eq!(code(web.next().await), CloseCode::Normal);
}
