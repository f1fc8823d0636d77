//! The ways in (`reference/aws-iot.md` 2).

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use serde_json::Value;
use thingdeck::base::moment::Timestamp;
use thingdeck::sim::cloud::aws::directory::Standing;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite;

use super::sign::{Keys, Slip, hex, presign};
use super::{Account, REGION, foreign};
use crate::raw::{Five, Stream, Three, Wire, web_socket};

#[tokio::test]
async fn a_registered_certificate_comes_in_with_either_version() {
    let account = Account::quiet().await;
    let _five = account.five("a").await;
    let _three = account.three("b").await;
    assert!(account.control.is_connected("a") && account.control.is_connected("b"));
}

#[tokio::test]
async fn a_certificate_that_is_not_active_or_has_no_policy_is_hung_up_on_after_the_handshake() {
    let account = Account::quiet().await;
    let der = account.identity("deck").0.remove(0);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    let id = hex(digest.as_ref());
    let deck = || account.identity("deck");
    let hung_up = async |identity| {
        let mut three = Three::over(account.open_with(identity).await);
        three.is_hung_up_on(v4::Connect::new("a")).await
    };
    assert!(!hung_up(deck()).await);
    assert!(hung_up(foreign()).await);
    for standing in [
        Standing::Inactive,
        Standing::Revoked,
        Standing::PendingActivation,
    ] {
        account.control.set_standing(&id, standing);
        assert!(hung_up(deck()).await, "{standing:?}");
    }
    account.control.set_standing(&id, Standing::Active);
    account.control.attach(&id, &[]);
    assert!(hung_up(deck()).await);
}

#[tokio::test]
async fn without_a_certificate_there_is_no_handshake_on_the_port_like_8883() {
    let account = Account::quiet().await;
    let refused = match account.tls(account.mqtt_port(), None, &[]).await {
        Err(_) => true,
        // In TLS 1.3 the client learns of it when it reads.
        Ok(mut tls) => tls.read(&mut [0; 16]).await.is_err(),
    };
    assert!(refused);
}

#[tokio::test]
async fn the_port_like_443_takes_certificates_with_alpn_and_speaks_http_without() {
    let account = Account::quiet().await;
    let deck = || Some(account.identity("deck"));
    let tls = account.tls(account.front_port(), deck(), &["x-amzn-mqtt-ca"]);
    let mut three = Three::over(Wire::Stream(Box::new(tls.await.unwrap())));
    let ack = three.connect("a", None).await;
    assert_eq!(ack.code, v4::ConnectReturnCode::Success);

    let mut tls = account
        .tls(account.front_port(), deck(), &[])
        .await
        .unwrap();
    let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01a";
    tls.write_all(connect).await.unwrap();
    let mut answer = [0; 12];
    tls.read_exact(&mut answer).await.unwrap();
    // What rumqttc takes for a PUBACK of packet 21584.
    assert_eq!(&answer, b"HTTP/1.1 400");
}

#[tokio::test]
async fn an_authorizer_is_asked_with_alpn_mqtt() {
    let account = Account::quiet().await;
    let token = account.file("authorizer_token");
    let connect = async |username: String| {
        let tls = account.tls(account.front_port(), None, &["mqtt"]).await;
        let mut three = Three::over(Wire::Stream(Box::new(tls.unwrap())));
        let mut connect = v4::Connect::new("a");
        connect.login = Some(v4::Login::new(username, ""));
        !three.is_hung_up_on(connect).await
    };
    let name = "me?x-amz-customauthorizer-name=deck&token=";
    assert!(connect(format!("{name}{token}")).await);
    assert!(!connect(format!("{name}wrong")).await);
    assert!(!connect("me".to_owned()).await);
}

fn keys(account: &Account) -> Keys {
    Keys {
        id: account.file("temporary_key_id"),
        secret: account.file("temporary_secret_key"),
        token: Some(account.file("session_token")),
    }
}

fn date(at: Timestamp, seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(at.seconds() + seconds).unwrap();
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

async fn upgrade(
    account: &Account,
    query: &str,
    subprotocol: Option<&str>,
) -> Result<Wire, tungstenite::Error> {
    let port = account.front_port();
    let tls = account.tls(port, None, &["http/1.1"]).await.unwrap();
    let stream: Stream = Box::new(tls);
    let url = format!("wss://127.0.0.1:{port}/mqtt?{query}");
    let web = web_socket(stream, &url, subprotocol).await?;
    Ok(Wire::Web(Box::new(web)))
}

/// Status, type of error, message, date.
fn refusal(error: tungstenite::Error) -> (u16, String, String, String) {
    let tungstenite::Error::Http(response) = error else {
        panic!("{error:?}");
    };
    let header = |name: &str| {
        let value = response.headers().get(name);
        value.map_or(String::new(), |v| v.to_str().unwrap().to_owned())
    };
    let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default())
        .expect("a body of JSON");
    assert!(body["traceId"].is_string(), "{body}");
    (
        response.status().as_u16(),
        header("x-amzn-errortype"),
        body["message"].as_str().unwrap_or_default().to_owned(),
        header("date"),
    )
}

#[tokio::test]
async fn a_presigned_url_comes_in_and_every_mistake_is_told() {
    let account = Account::quiet().await;
    let host = format!("127.0.0.1:{}", account.front_port());
    let now = account.control.now();
    let sign = |slip| presign(&keys(&account), &host, REGION, &date(now, 0), slip);

    let wire = upgrade(&account, &sign(Slip::None), Some("mqtt"))
        .await
        .unwrap();
    let ack = Five::over(wire).connect("a", |_| {}).await;
    assert_eq!(ack.code, v5::ConnectReturnCode::Success);

    for (slip, words) in [
        (
            Slip::SignsToken,
            "security token included in the request is invalid",
        ),
        (
            Slip::LeavesTokenOut,
            "security token included in the request is invalid",
        ),
        (
            Slip::OtherSecret,
            "The request signature we calculated does not match",
        ),
        (
            Slip::OtherHost,
            "The request signature we calculated does not match",
        ),
        (
            Slip::OtherRegion,
            "Credential should be scoped to a valid region",
        ),
        (
            Slip::OtherService,
            "Credential should be scoped to correct service",
        ),
    ] {
        let refused = upgrade(&account, &sign(slip), Some("mqtt")).await;
        let (status, kind, message, date) = refusal(refused.err().expect("refused"));
        assert_eq!(
            (status, kind.as_str()),
            (403, "ForbiddenException:"),
            "{slip:?}"
        );
        if slip == Slip::SignsToken {
            // It stands in the query as well, so only the signature is wrong.
            assert!(message.contains("does not match"), "{message}");
        } else {
            assert!(message.contains(words), "{slip:?}: {message}");
        }
        assert!(date.ends_with(" GMT"), "{date}");
    }
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_of_the_services_clock() {
    let account = Account::quiet().await;
    let host = format!("127.0.0.1:{}", account.front_port());
    let now = account.control.now();
    for (seconds, words) in [
        (-330, "Signature expired: "),
        (330, "Signature not yet current: "),
    ] {
        let query = presign(
            &keys(&account),
            &host,
            REGION,
            &date(now, seconds),
            Slip::None,
        );
        let refused = upgrade(&account, &query, Some("mqtt")).await;
        let (_, _, message, _) = refusal(refused.err().expect("refused"));
        assert!(message.starts_with(words), "{message}");
        account.control.skew_clock(seconds);
        assert!(upgrade(&account, &query, Some("mqtt")).await.is_ok());
        account.control.skew_clock(0);
    }
    account.control.expire_access_keys();
    let query = presign(&keys(&account), &host, REGION, &date(now, 0), Slip::None);
    let refused = upgrade(&account, &query, Some("mqtt")).await;
    let (_, _, message, _) = refusal(refused.err().expect("refused"));
    assert!(message.ends_with("is expired"), "{message}");
}

#[tokio::test]
async fn only_the_subprotocol_mqtt_is_taken() {
    let account = Account::quiet().await;
    let host = format!("127.0.0.1:{}", account.front_port());
    let now = account.control.now();
    let query = presign(&keys(&account), &host, REGION, &date(now, 0), Slip::None);
    for subprotocol in [None, Some("mqttv3.1")] {
        let refused = upgrade(&account, &query, subprotocol).await;
        let Some(tungstenite::Error::Http(response)) = refused.err() else {
            panic!("{subprotocol:?} was taken");
        };
        assert_eq!(response.status().as_u16(), 400);
    }
}

#[tokio::test]
async fn a_request_that_nobody_signed_is_let_in_and_hung_up_on_at_connect() {
    let account = Account::quiet().await;
    let wire = upgrade(&account, "", Some("mqtt")).await.unwrap();
    let mut three = Three::over(wire);
    assert!(three.is_hung_up_on(v4::Connect::new("a")).await);
}

#[tokio::test]
async fn a_signed_connection_ends_after_a_day() {
    let account = Account::quiet().await;
    let host = format!("127.0.0.1:{}", account.front_port());
    let now = account.control.now();
    let query = presign(&keys(&account), &host, REGION, &date(now, 0), Slip::None);
    let mut five = Five::over(upgrade(&account, &query, Some("mqtt")).await.unwrap());
    five.connect("signed", |_| {}).await;
    let mut watch = account.five("watch").await;
    let gone = "$aws/events/presence/disconnected/signed";
    watch.listen(&[gone]).await;
    account.control.advance(std::time::Duration::from_hours(24));
    let event = watch.body_at(gone).await;
    assert_eq!(event["disconnectReason"], "WEBSOCKET_TTL_EXPIRATION");
    assert_eq!(
        five.end().await,
        Some(v5::DisconnectReasonCode::AdministrativeAction)
    );
}

#[tokio::test]
async fn the_close_frame_of_a_web_socket_is_a_goodbye_and_sends_no_will() {
    let account = Account::quiet().await;
    let mut watch = account.five("watch").await;
    let gone = "$aws/events/presence/disconnected/signed";
    watch.listen(&["last/words", gone]).await;
    let host = format!("127.0.0.1:{}", account.front_port());
    let now = account.control.now();
    let query = presign(&keys(&account), &host, REGION, &date(now, 0), Slip::None);
    for (closes, cause) in [
        (true, "CLIENT_INITIATED_DISCONNECT"),
        (false, "CONNECTION_LOST"),
    ] {
        let mut five = Five::over(upgrade(&account, &query, Some("mqtt")).await.unwrap());
        let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
        let will = v5::LastWill::new("last/words", "bye", qos, false, None);
        five.connect_with("signed", Some(will), None, |_| {}).await;
        if closes {
            let Wire::Web(web) = &mut five.wire else {
                panic!("not a WebSocket");
            };
            web.close(None).await.unwrap();
        }
        drop(five);
        let mut willed = false;
        let event = loop {
            let message = watch.message().await;
            if message.topic == gone {
                break super::json(&message.payload);
            }
            willed |= message.topic == "last/words";
        };
        assert_eq!(event["disconnectReason"], cause);
        assert_eq!(willed, !closes, "{cause}");
    }
}

#[tokio::test]
async fn an_old_broker_answers_denials_where_that_is_wanted() {
    let account = Account::quiet().await;
    account.control.answer_denials_in_3(true);
    account.control.deny("iot:Subscribe", "*secret*");
    account.control.deny("iot:Connect", "*client/stranger");
    let mut three = account.three("a").await;
    let codes = three
        .listen(&["open", "secret/#"])
        .await
        .expect("an answer");
    assert_eq!(codes[1], v4::SubscribeReasonCode::Failure);
    let mut three = Three::over(account.open("deck").await);
    let ack = three.connect("stranger", None).await;
    assert_eq!(ack.code, v4::ConnectReturnCode::NotAuthorized);
}
