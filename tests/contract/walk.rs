//! From nothing to a live payload, and the second start.

use thingdeck::domain::reading::Kind;
use thingdeck::domain::session::SessionEvent;
use thingdeck::domain::subscription::Feed;

use crate::support::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_in_to_a_live_payload() {
    let bench = Bench::start().await;
    let mut open = bench.open();
    open.connected().await;
    let device = open.device("거실 에어컨").await;
    assert!(
        open.feed(&device, Feed::Push, true)
            .await
            .expect("push")
            .is_on()
    );
    assert!(
        open.feed(&device, Feed::Event, true)
            .await
            .expect("event")
            .is_on()
    );
    let of = open
        .next("an event of the device", |e| match e {
            SessionEvent::Message(_, reading) if reading.kind == Kind::Event => {
                reading.device.clone()
            }
            _ => None,
        })
        .await;
    assert_eq!(of, device);
    open.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_registers_and_issues_nothing() {
    let bench = Bench::start().await;
    let mut open = bench.open();
    open.connected().await;
    open.close().await;
    bench.control.clear_calls();
    let mut again = bench.open();
    again.connected().await;
    let made: Vec<String> = bench
        .control
        .calls()
        .iter()
        .filter(|c| c.path.contains("client"))
        .map(|c| format!("{} {}", c.method, c.path))
        .collect();
    assert_eq!(made, Vec::<String>::new());
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quitting_ends_the_subscriptions_only_where_the_user_wants_that() {
    use thingdeck::domain::profile::OnQuit;
    let bench = Bench::start().await;
    let mut open = bench.open();
    open.settled(&bench).await;
    let device = open.device("거실 에어컨").await;
    open.feed(&device, Feed::Push, true).await.expect("push");
    open.feed(&device, Feed::Event, true).await.expect("event");
    let left = |bench: &Bench| {
        (
            bench.control.push_subscriptions().len(),
            bench.control.event_subscriptions().len(),
        )
    };
    for (wish, expected) in [
        (None, (1, 1)),
        (Some(OnQuit::EndEvents), (1, 0)),
        (Some(OnQuit::EndAll), (0, 0)),
    ] {
        bench.context().leave(open.station(), wish).await;
        assert_eq!(left(&bench), expected, "{wish:?}");
    }
    open.close().await;
}
