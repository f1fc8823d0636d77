//! How connections end, and who gives way.

use thingdeck::base::problem::Exit;
use thingdeck::domain::session::{LinkState, SessionEvent};

use crate::bench::Bench;
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_clients_with_one_id_one_says_so_and_stops() {
    let Some(bench) = Bench::start() else { return };
    // Each is thrown out by the other; mosquitto 2.0.11 gives no reason, so it takes a few rounds until one sees why.
    let keys = "version = \"5\"\nclient_id = \"twin\"";
    let mut first = bench.plain("first", keys).await;
    let mut second = bench.plain("second", keys).await;
    let end = |event: &SessionEvent| match event {
        SessionEvent::Link(LinkState::TakenOver(problem)) => Some(problem.clone()),
        _ => None,
    };
    let problem = tokio::select! {
        problem = first.next("an end", end) => problem,
        problem = second.next("an end", end) => problem,
    };
    assert!(problem.to_string().contains("another client"), "{problem}");
    let rounds = bench.count("as twin");
    assert!(rounds <= 8, "they fight:\n{}", bench.log().join("\n"));
    first.close().await;
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_without_a_broker_is_tried_again_and_named() {
    let Some(bench) = Bench::start() else { return };
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = gone.local_addr().expect("bound").port();
    drop(gone);
    let mut client = bench.open("nobody", &format!("url = \"mqtt://127.0.0.1:{port}\""));
    let why = client.reconnecting().await;
    assert_eq!(why.exit, Exit::Unreachable);
    assert!(why.cause.contains("nothing listens"), "{why}");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_wire_is_mended_without_a_person() {
    let Some(bench) = Bench::start() else { return };
    let relay = Relay::to(bench.ports.plain).await;
    let keys = format!(
        "url = \"mqtt://127.0.0.1:{}\"\ntopics = [\"a\"]",
        relay.port
    );
    let mut client = bench.open("mended", &keys);
    client.connected().await;
    client.granted("a").await.expect("granted");
    relay.cut();
    client.reconnecting().await;
    client.connected().await;
    client.granted("a").await.expect("granted again");
    bench.publish(&["-t", "a", "-m", "on"]);
    client.message().await;
    client.close().await;
}
