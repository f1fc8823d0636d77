//! What must not be lost: across a broker's restart, across an absence, and when one message is too large.

use thingdeck::domain::message::Qos;
use thingdeck::domain::session::{Gap, SessionEvent};

use crate::bench::Bench;
use crate::client::{draft, text};
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn filters_added_by_hand_are_all_back_after_the_broker_was_restarted() {
    let Some(mut bench) = Bench::start() else {
        return;
    };
    let mut client = bench.plain("restart", "topics = [\"a/#\"]").await;
    assert_eq!(client.granted("a/#").await, Ok(Qos::AtLeastOnce));
    for (filter, qos) in [
        ("b/+", Qos::AtMostOnce),
        ("c", Qos::AtLeastOnce),
        ("d/#", Qos::ExactlyOnce),
    ] {
        assert_eq!(client.subscribe(filter, qos).await, Ok(qos));
    }
    bench.kill();
    client.reconnecting().await;
    bench.run();
    client.command(thingdeck::domain::session::SessionCommand::RetryNow);
    assert!(!client.connected().await);
    let mut granted = Vec::new();
    while granted.len() < 4 {
        let one = client
            .next("a filter granted again", |event| match event {
                SessionEvent::Granted { filter, result } => {
                    Some((filter.to_string(), result.clone()))
                }
                _ => None,
            })
            .await;
        granted.push(one);
    }
    granted.sort();
    let all = [("a/#", 1), ("b/+", 0), ("c", 1), ("d/#", 2)];
    let all = all.map(|(filter, qos)| (filter.to_owned(), Ok(Qos::from_number(qos).expect("one"))));
    assert_eq!(granted, all);
    bench.publish(&["-t", "d/e/f", "-m", "back", "-q", "2"]);
    let message = client.message().await;
    assert_eq!(
        (text(&message).as_str(), message.qos),
        ("back", Qos::ExactlyOnce)
    );
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_away_is_there_without_being_subscribed_again() {
    let Some(bench) = Bench::start() else { return };
    for version in ["3.1.1", "5"] {
        let keys = format!(
            "version = \"{version}\"\nclient_id = \"kept-{version}\"\nclean_session = false\ntopics = [\"kept/#\"]"
        );
        let name = format!("kept-{version}");
        let mut client = bench.plain(&name, &keys).await;
        client.granted("kept/#").await.expect("granted");
        client.close().await;
        for number in 0..100 {
            bench.publish(&["-t", "kept/x", "-m", &number.to_string(), "-q", "1"]);
        }
        let url = format!("url = \"mqtt://127.0.0.1:{}\"\n{keys}", bench.ports.plain);
        let mut client = bench.open(&name, &url);
        assert!(
            client.connected().await,
            "{version}: the broker kept the session"
        );
        let mut granted = false;
        for number in 0..100 {
            let message = client
                .next("a queued message", |event| match event {
                    SessionEvent::Message(message, _) => Some((**message).clone()),
                    SessionEvent::Granted { .. } => {
                        granted = true;
                        None
                    }
                    _ => None,
                })
                .await;
            assert_eq!(text(&message), number.to_string());
            // The broker sends as many as may be unacknowledged; then its SUBACK comes between.
            assert!(
                message.session || granted,
                "{version}: {number} came before anything was granted, and is not marked"
            );
        }
        if !granted {
            client.granted("kept/#").await.expect("granted again");
        }
        bench.publish(&["-t", "kept/x", "-m", "now", "-q", "1"]);
        let message = client.message().await;
        assert_eq!((text(&message).as_str(), message.session), ("now", false));
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_over_the_ceiling_is_left_out_and_the_stream_goes_on() {
    let Some(bench) = Bench::start() else { return };
    for (name, bytes) in [("small", 11 << 10), ("large", 1 << 20), ("huge", 3 << 20)] {
        let file = bench.path(name);
        std::fs::write(&file, vec![b'x'; bytes]).expect("written");
        let file = file.display().to_string();
        bench.publish(&["-t", &format!("big/{name}"), "-r", "-q", "1", "-f", &file]);
    }
    for version in ["3.1.1", "5"] {
        let keys = format!("version = \"{version}\"\nmax_packet = \"2 MiB\"\ntopics = [\"big/#\"]");
        let mut client = bench.plain(&format!("big-{version}"), &keys).await;
        let (mut sizes, mut left_out) = (Vec::new(), Vec::new());
        while sizes.len() + left_out.len() < 3 {
            client
                .next("a message or a mark in its place", |event| match event {
                    SessionEvent::Message(message, _) => {
                        sizes.push(message.payload.len());
                        Some(())
                    }
                    SessionEvent::Gap(gap) => {
                        left_out.push(*gap);
                        Some(())
                    }
                    _ => None,
                })
                .await;
        }
        sizes.sort_unstable();
        assert_eq!(sizes, [11 << 10, 1 << 20], "{version}");
        let gap = Gap {
            messages: 1,
            bytes: 3 << 20,
        };
        assert_eq!(left_out, [gap], "{version}");
        bench.publish(&["-t", "big/next", "-m", "after"]);
        let after = client
            .next("the next message", |event| match event {
                SessionEvent::Message(message, _) => Some(text(message)),
                SessionEvent::Link(link) => {
                    panic!("{version}: the connection did not last: {link:?}")
                }
                _ => None,
            })
            .await;
        assert_eq!(after, "after");
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_offline_waits_and_goes_out_in_order() {
    let Some(mut bench) = Bench::start() else {
        return;
    };
    let mut client = bench.plain("offline", "").await;
    bench.kill();
    client.reconnecting().await;
    let ids: Vec<_> = (0..20)
        .map(|number| client.send(draft("q", &number.to_string(), Qos::AtLeastOnce)))
        .collect();
    client
        .next("the queue", |event| {
            matches!(event, SessionEvent::Queue { waiting: 20 }).then_some(())
        })
        .await;
    bench.run();
    let listener = bench.listen(&["-t", "q", "-q", "1", "-C", "20"]);
    client.command(thingdeck::domain::session::SessionCommand::RetryNow);
    for wanted in ids {
        let receipt = client
            .next("a receipt", |event| match event {
                SessionEvent::Receipt { id, result } => Some((*id, result.clone())),
                _ => None,
            })
            .await;
        assert_eq!(receipt.0, wanted, "in the order they were given");
        receipt.1.expect("acknowledged");
    }
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(listener.lines(), expected);
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_will_is_published_when_the_wire_is_cut_and_not_when_one_leaves() {
    let Some(bench) = Bench::start() else { return };
    for version in ["3.1.1", "5"] {
        let relay = Relay::to(bench.ports.plain).await;
        let keys = format!(
            "url = \"mqtt://127.0.0.1:{}\"\nversion = \"{version}\"\nwill = {{ topic = \"will\", payload = \"gone {version}\", qos = 1, retain = true }}",
            relay.port
        );
        let mut client = bench.open(&format!("leaves-{version}"), &keys);
        client.connected().await;
        client.close().await;
        let mut client = bench.open(&format!("cut-{version}"), &keys);
        client.connected().await;
        let listener = bench.listen(&["-t", "will", "-q", "1", "-C", "1", "-R"]);
        relay.cut();
        client.reconnecting().await;
        assert_eq!(listener.lines(), [format!("gone {version}")]);
        client.close().await;
        bench.publish(&["-t", "will", "-r", "-n"]);
    }
}
