//! Who comes in, and what ends a connection (`reference/huawei-iot.md` 3).

use bytes::BytesMut;
use rumqttc::mqttbytes::v4;
use rumqttc::mqttbytes::v4::ConnectReturnCode as Code;
use rumqttc::v5::mqttbytes::v5::{self, DisconnectReasonCode as Ended, PubAckReason};
use thingdeck::sim::SimError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Login, METERS, OLDER, Project, sys};
use crate::aws::{foreign, parsed};
use crate::client::LIMIT;
use crate::raw::Three;

#[tokio::test]
async fn a_device_comes_in_over_tls_over_a_web_socket_and_in_the_clear() {
    let project = Project::quiet().await;
    let login = project.login("meter-1");
    for wire in [
        project.open().await,
        project.open_wss().await,
        project.open_plain().await,
    ] {
        let mut three = Three::over(wire);
        three.send(v4::Packet::Connect(login.v4())).await;
        let Some(v4::Packet::ConnAck(ack)) = three.next().await else {
            panic!("no answer");
        };
        assert_eq!(ack.code, Code::Success);
    }
}

#[tokio::test]
async fn connack_tells_a_wrong_form_a_wrong_login_and_a_frozen_device_apart() {
    let project = Project::quiet().await;
    let good = project.login("meter-1");
    let hour = project.hour();
    let changed = |change: &dyn Fn(&mut Login)| {
        let mut login = good.clone();
        change(&mut login);
        login.v4()
    };
    let will = {
        let mut connect = good.v4();
        connect.last_will = Some(v4::LastWill::new("x", "y", rumqttc::QoS::AtMostOnce, false));
        connect
    };
    let id = format!("{METERS}_meter-1");
    for (connect, code, what) in [
        (good.v4(), Code::Success, "good"),
        (
            changed(&|l| l.client = id.clone()),
            Code::BadClientId,
            "no hour",
        ),
        (
            changed(&|l| l.client = format!("{id}_0_1_2026")),
            Code::BadClientId,
            "short hour",
        ),
        (
            changed(&|l| l.client = format!("{id}_5_1_{hour}")),
            Code::BadClientId,
            "access",
        ),
        (
            changed(&|l| l.keep_alive = 29),
            Code::BadClientId,
            "keep-alive 29",
        ),
        (
            changed(&|l| l.keep_alive = 1201),
            Code::BadClientId,
            "keep-alive 1201",
        ),
        (
            changed(&|l| l.keep_alive = 1200),
            Code::Success,
            "keep-alive 1200",
        ),
        (
            changed(&|l| l.password = l.password.to_uppercase()),
            Code::BadUserNamePassword,
            "upper case",
        ),
        (
            changed(&|l| l.user = "meter-1".to_owned()),
            Code::BadUserNamePassword,
            "node id as the user name",
        ),
        (
            Login::new("nobody", "12345678", 0, 1, &hour).v4(),
            Code::BadUserNamePassword,
            "unknown",
        ),
        (will, Code::NotAuthorized, "a will"),
        (
            project.login("frozen-1").v4(),
            Code::NotAuthorized,
            "frozen",
        ),
    ] {
        assert_eq!(project.code(connect).await, code, "{what}");
    }
    project.control.refuse_connect(Some(3));
    assert_eq!(project.code(good.v4()).await, Code::ServiceUnavailable);
}

#[tokio::test]
async fn the_hour_has_to_be_the_platforms_with_type_1_and_may_be_any_with_type_0() {
    let project = Project::quiet().await;
    let secret = project.file("meter-1.secret");
    let id = format!("{METERS}_meter-1");
    let before = project.login("meter-1");
    project.control.skew_clock(3 * 3600);
    assert_eq!(
        project.code(before.v4()).await,
        Code::BadUserNamePassword,
        "three hours old"
    );
    assert_eq!(
        project.code(project.login("meter-1").v4()).await,
        Code::Success
    );
    let old = Login::new(&id, &secret, 0, 0, "2019010100");
    assert_eq!(project.code(old.v4()).await, Code::Success);
}

#[tokio::test]
async fn a_node_id_is_enough_in_v1_and_stands_in_its_topics() {
    let project = Project::quiet().await;
    let secret = project.file("v1-0001.secret");
    let login = Login::new("v1-0001", &secret, 2, 1, &project.hour());
    let mut three = project.three(&login).await;
    assert!(
        three
            .listen(&["/huawei/v1/devices/v1-0001/command/json"])
            .await
            .is_some_and(|codes| codes[0] != v4::SubscribeReasonCode::Failure)
    );
    let by_device = format!("/huawei/v1/devices/{OLDER}_v1-0001/command/json");
    assert_eq!(
        three.listen(&[&by_device]).await,
        Some(vec![v4::SubscribeReasonCode::Failure])
    );
    let meter = Login::new(
        "meter-1",
        &project.file("meter-1.secret"),
        2,
        1,
        &project.hour(),
    );
    let code = project.code(meter.v4()).await;
    assert_eq!(code, Code::BadUserNamePassword, "IoTDA goes by device id");
}

#[tokio::test]
async fn the_newer_connection_of_a_device_wins_whatever_its_client_id() {
    let project = Project::quiet().await;
    let mut first = project.five(&project.login("meter-1")).await;
    let secret = project.file("meter-1.secret");
    let other = Login::new(&format!("{METERS}_meter-1"), &secret, 0, 0, "2020010100");
    let mut second = project.three(&other).await;
    assert_eq!(first.end().await, Some(Ended::SessionTakenOver));
    assert!(second.tell(&sys("meter-1", "messages/up"), b"here").await);
    assert_eq!(project.control.device_status("meter-1"), Some("ONLINE"));
}

#[tokio::test]
async fn a_certificate_of_the_uploaded_authority_needs_no_password() {
    let project = Project::quiet().await;
    let id = format!("{METERS}_meter-5");
    let login = Login {
        client: format!("{id}_0_1_{}", project.hour()),
        user: id,
        password: String::new(),
        keep_alive: 120,
    };
    let own = parsed(&project.file("meter-5.pem"), &project.file("meter-5.key"));
    let url = project.sim.ready().mqtt_url.clone();
    for (identity, code) in [
        (Some(own), Code::Success),
        (Some(foreign()), Code::BadUserNamePassword),
        (None, Code::BadUserNamePassword),
    ] {
        let stream = project.tls(&url, identity).await;
        let mut three = Three::over(crate::raw::Wire::Stream(stream));
        three.send(v4::Packet::Connect(login.v4())).await;
        match three.next().await {
            Some(v4::Packet::ConnAck(ack)) => assert_eq!(ack.code, code),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn freezing_a_device_throws_it_out() {
    let project = Project::quiet().await;
    let mut three = project.meter("meter-1").await;
    project.control.freeze_device("meter-1", true);
    assert!(three.next().await.is_none());
    assert_eq!(project.control.device_status("meter-1"), Some("FROZEN"));
    let code = project.code(project.login("meter-1").v4()).await;
    assert_eq!(code, Code::NotAuthorized);
}

#[tokio::test]
async fn quality_2_retained_messages_and_large_ones_end_the_connection() {
    let project = Project::quiet().await;
    let topic = sys("meter-1", "messages/up");
    let login = project.login("meter-1");
    let mut five = project.five(&login).await;
    five.publish(&topic, 2, 1, b"x").await;
    assert_eq!(five.end().await, Some(Ended::QoSNotSupported));
    let mut five = project.five(&login).await;
    five.publish(&topic, 1, 1, &vec![b'x'; (1 << 20) + 1]).await;
    assert_eq!(five.end().await, Some(Ended::PacketTooLarge));
    let mut five = project.five(&login).await;
    let qos = rumqttc::v5::mqttbytes::QoS::AtMostOnce;
    let mut publish = v5::Publish::new(&topic, qos, "x", None);
    publish.retain = true;
    five.send(v5::Packet::Publish(publish)).await;
    assert_eq!(five.end().await, Some(Ended::RetainNotSupported));
    // A megabyte is taken.
    let mut three = project.meter("meter-1").await;
    assert!(three.tell(&topic, &vec![b'x'; 1 << 20]).await);
}

#[tokio::test]
async fn only_ones_own_topics_and_those_of_the_product_may_be_used() {
    let project = Project::quiet().await;
    let user = |suffix: &str| format!("$oc/devices/{METERS}_meter-1/user/{suffix}");
    for topic in [
        sys("meter-2", "properties/report"),
        sys("meter-1", "commands/request_id=1"),
        sys("meter-1", "nonsense"),
        user("undeclared"),
        format!("/huawei/v1/devices/{METERS}_meter-2/data/json"),
        format!("free/{}", "x".repeat(124)),
    ] {
        let mut three = project.meter("meter-1").await;
        assert!(!three.tell(&topic, b"{}").await, "{topic}");
        let mut five = project.five(&project.login("meter-1")).await;
        let code = five.tell(&topic, b"{}").await;
        assert_eq!(code, PubAckReason::NotAuthorized, "{topic}");
    }
    let mut three = project.meter("meter-1").await;
    for topic in [user("config"), "free/x".to_owned()] {
        assert!(three.tell(&topic, b"{}").await, "{topic}");
    }
    let refused = v4::SubscribeReasonCode::Failure;
    for (filter, is_refused) in [
        (sys("meter-1", "#"), false),
        (sys("meter-2", "#"), true),
        ("$oc/devices/+/sys/#".to_owned(), true),
        (user("config"), false),
        (user("undeclared"), true),
        ("$SYS/#".to_owned(), true),
        ("free/#".to_owned(), false),
    ] {
        let codes = three.listen(&[&filter]).await.expect("a SUBACK");
        assert_eq!(codes[0] == refused, is_refused, "{filter}");
    }
}

#[tokio::test]
async fn the_101st_subscription_is_refused() {
    let project = Project::quiet().await;
    let mut three = project.meter("meter-1").await;
    let names: Vec<_> = (0..103).map(|n| format!("free/{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let codes = three.listen(&names).await.expect("a SUBACK");
    let refused = v4::SubscribeReasonCode::Failure;
    assert!(codes[..100].iter().all(|code| *code != refused));
    assert_eq!(codes[100..], [refused; 3]);
}

#[tokio::test]
async fn more_than_50_messages_a_second_are_not_taken() {
    let project = Project::quiet().await;
    let mut five = project.five(&project.login("meter-1")).await;
    for packet in 1..=80 {
        five.publish(&sys("meter-1", "messages/up"), 1, packet, b"x")
            .await;
    }
    five.send(v5::Packet::PingReq(v5::PingReq)).await;
    let mut acknowledged = 0;
    loop {
        match five.next().await {
            Some(v5::Packet::PubAck(_)) => acknowledged += 1,
            Some(v5::Packet::PingResp(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    // A second may have turned while they came.
    assert!((50..80).contains(&acknowledged), "{acknowledged}");
}

/// What a port answers to a CONNECT in the clear.
async fn answer_in_the_clear(project: &Project) -> Vec<u8> {
    let url = url::Url::parse(&project.sim.ready().mqtt_url).unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", url.port().unwrap()))
        .await
        .unwrap();
    let mut connect = BytesMut::new();
    let login = project.login("meter-1").v4();
    let packet = v4::Packet::Connect(login);
    packet.write(&mut connect, usize::MAX).unwrap();
    tcp.write_all(&connect).await.unwrap();
    let mut answer = [0; 4];
    let read = tokio::time::timeout(LIMIT, tcp.read(&mut answer)).await;
    let count = read.expect("an answer or the end").unwrap_or(0);
    answer[..count].to_vec()
}

#[tokio::test]
async fn in_the_clear_nobody_comes_in_where_tls_is_spoken() {
    let project = Project::quiet().await;
    let answer = answer_in_the_clear(&project).await;
    assert_ne!(answer.first(), Some(&0x20), "no CONNACK: {answer:?}");
}

/// Huawei's own SDK speaks TLS on 8883 only.
#[tokio::test]
async fn port_1883_is_in_the_clear_besides_tls() {
    let started = Project::try_with(|options| options.mqtt_port = 1883).await;
    // The port is one for the whole machine: somebody's broker may be there.
    let project = match started {
        Err(SimError::Listen { port: 1883, .. }) => return,
        started => started.expect("the simulator starts"),
    };
    assert_eq!(answer_in_the_clear(&project).await, [0x20, 2, 0, 0]);
    let login = project.login("meter-2");
    assert_eq!(project.code(login.v4()).await, Code::Success, "over TLS");
}
