//! What only MQTT 5 can do.

use bytes::Bytes;
use thingdeck::domain::message::{Properties, Qos};
use thingdeck::domain::subscription::{FilterOptions, FilterWish, RetainHandling};
use thingdeck::domain::topic::TopicFilter;

use crate::bench::Bench;
use crate::client::{draft, text};

const FIVE: &str = "version = \"5\"";

fn wish(filter: &str, options: FilterOptions) -> FilterWish {
    let filter = TopicFilter::parse(filter).expect("a filter");
    FilterWish {
        options,
        ..FilterWish::new(filter, Qos::AtLeastOnce)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_go_out_and_come_back_as_they_were() {
    let Some(bench) = Bench::start() else { return };
    let mut client = bench.plain("props", FIVE).await;
    client
        .subscribe("p/#", Qos::AtLeastOnce)
        .await
        .expect("granted");
    let properties = Properties {
        utf8: Some(true),
        content_type: Some("application/json".to_owned()),
        response_topic: Some("p/answers".to_owned()),
        correlation_data: Some(Bytes::from_static(&[0, 255, 10])),
        user: vec![
            ("unit".to_owned(), "°C".to_owned()),
            ("unit".to_owned(), "again".to_owned()),
        ],
        ..Properties::default()
    };
    let mut sent = draft("p/x", "{}", Qos::AtLeastOnce);
    sent.properties = Some(Box::new(properties.clone()));
    client.publish(sent).await.expect("acknowledged");
    let message = client.message().await;
    assert_eq!(message.properties.as_deref(), Some(&properties));
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_listens_to_is_said_with_the_receipt() {
    let Some(bench) = Bench::start() else { return };
    let mut client = bench.plain("nobody", FIVE).await;
    let delivered = client.publish(draft("void", "1", Qos::AtLeastOnce)).await;
    let note = delivered.expect("acknowledged").note.expect("a note");
    assert!(note.contains("subscribe"), "{note}");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_local_retain_handling_and_ids_are_obeyed() {
    let Some(bench) = Bench::start() else { return };
    bench.publish(&["-t", "o/kept", "-m", "old", "-r"]);
    let mut client = bench.plain("options", FIVE).await;
    let options = FilterOptions {
        no_local: true,
        retain_handling: RetainHandling::Never,
        id: Some(7),
        ..FilterOptions::default()
    };
    client.wish(wish("o/#", options)).await.expect("granted");
    // Neither the retained message nor our own comes; the first is somebody else's.
    client
        .publish(draft("o/mine", "1", Qos::AtLeastOnce))
        .await
        .expect("acknowledged");
    bench.publish(&["-t", "o/theirs", "-m", "2"]);
    let message = client.message().await;
    assert_eq!(
        (message.topic.as_str(), text(&message).as_str()),
        ("o/theirs", "2")
    );
    assert_eq!(message.properties.expect("an id").subscription_ids, [7]);

    let options = FilterOptions {
        retain_as_published: true,
        ..FilterOptions::default()
    };
    client.wish(wish("o/+", options)).await.expect("granted");
    assert!(
        client.message().await.retain,
        "the retained one, now that it is wanted"
    );
    bench.publish(&["-t", "o/kept", "-m", "new", "-r", "-q", "1"]);
    let retained = client
        .next("the new one, as it was published", |event| match event {
            thingdeck::domain::session::SessionEvent::Message(message, _) if message.retain => {
                Some(text(message))
            }
            _ => None,
        })
        .await;
    assert_eq!(retained, "new");
    client.close().await;
}
