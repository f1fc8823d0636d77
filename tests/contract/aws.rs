//! The AWS adapter, the session and the REST client together, against the simulated account: every way in, what policies
//! deny, and that `p` and `e` bring what they say.

use std::time::Duration;

use thingdeck::base::problem::Exit;
use thingdeck::domain::device::{DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::PlatformId;
use thingdeck::domain::reading::Kind;
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::session::{LinkState, SessionCommand, SessionEvent};
use thingdeck::domain::subscription::{Feed, FeedState, FilterWish};
use thingdeck::domain::topic::TopicFilter;

use super::support::{Bench, Open};

async fn bench() -> Bench {
    Bench::of(PlatformId::Aws).await
}

fn wish(filter: &str) -> FilterWish {
    FilterWish::new(
        TopicFilter::parse(filter).expect("a filter"),
        Qos::AtLeastOnce,
    )
}

async fn subscribe(open: &mut Open, filter: &str) -> Result<Qos, String> {
    open.command(SessionCommand::Subscribe(wish(filter))).await;
    open.answer_for(filter).await
}

#[tokio::test]
async fn every_way_in_leads_to_the_same_fleet() {
    let bench = bench().await;
    for profile in [
        "fleet",
        "fleet-v5",
        "fleet-443",
        "fleet-wss",
        "fleet-wss-v5",
    ] {
        let mut open = bench.open_profile(profile);
        open.connected().await;
        assert_eq!(
            subscribe(&mut open, "fleet/#").await,
            Ok(Qos::AtLeastOnce),
            "{profile}"
        );
        let kind = open
            .next("telemetry", |event| match event {
                SessionEvent::Message(message, reading)
                    if message.topic.as_str().starts_with("fleet/") =>
                {
                    Some((reading.kind, reading.device.clone()))
                }
                _ => None,
            })
            .await;
        assert_eq!(kind.0, Kind::Message, "{profile}");
        open.close().await;
    }
}

#[tokio::test]
async fn things_come_with_type_attributes_and_who_is_connected() {
    let bench = bench().await;
    let open = bench.open_profile("fleet");
    let devices = open.devices().await;
    let board = devices
        .iter()
        .find(|d| d.name == "RPI")
        .expect("it is registered");
    assert_eq!(board.kind, "RaspberryPi");
    assert!(
        board.attributes.iter().any(|(name, _)| name == "site"),
        "{board:?}"
    );
    let unknown = devices.iter().filter(|d| d.presence == Presence::Unknown);
    assert_eq!(unknown.count(), 0, "the index tells");
    open.close().await;
}

#[tokio::test]
async fn a_filter_that_the_policy_denies_is_set_aside_and_the_rest_lives_on() {
    let bench = bench().await;
    let mut open = bench.open_profile("rpi");
    open.connected().await;
    is_denied_one_filter(open, "iot:Subscribe").await;
}

/// The policy of RPI denies one; the words hold what says so.
async fn is_denied_one_filter(mut open: Open, said: &str) {
    let words = subscribe(&mut open, "other/#").await.expect_err("denied");
    assert!(
        words.contains(said) && words.contains("topicfilter/other/#"),
        "{words}"
    );
    assert_eq!(
        subscribe(&mut open, "my/things/RPI/more").await,
        Ok(Qos::AtLeastOnce)
    );
    open.close().await;
}

#[tokio::test]
async fn a_message_that_the_policy_denies_is_given_back_with_the_statement() {
    let bench = bench().await;
    let mut open = bench.open_profile("rpi");
    open.connected().await;
    open.publish("other/x", "hi", Qos::AtLeastOnce).await;
    let why = open.broken().await;
    assert!(why.to_string().contains("topic/other/x"), "{why}");
    let problem = open.receipt().await.expect_err("denied");
    assert!(problem.remedy.contains("iot:Publish"), "{problem}");
    open.close().await;
}

#[tokio::test]
async fn with_mqtt_5_a_denied_filter_costs_no_connection() {
    let bench = bench().await;
    let text = std::fs::read_to_string(bench.config()).expect("there");
    let (_, own) = text.split_once("[profiles.rpi]").expect("it is there");
    let own = own
        .split("[profiles.")
        .next()
        .unwrap_or_default()
        .to_owned();
    bench.add_to_config(&format!("[profiles.rpi-v5]\nversion = \"5\"\n{own}"));
    let mut open = bench.open_profile("rpi-v5");
    open.connected().await;
    is_denied_one_filter(open, "135").await;
}

#[tokio::test]
async fn what_breaks_a_rule_of_aws_never_reaches_the_wire() {
    let bench = bench().await;
    let mut open = bench.open_profile("fleet");
    open.connected().await;
    let words = subscribe(&mut open, "$SYS/#")
        .await
        .expect_err("refused here");
    assert!(words.contains("no $SYS topics"), "{words}");
    open.publish("a", "x", Qos::ExactlyOnce).await;
    let problem = open.receipt().await.expect_err("refused here");
    assert_eq!(
        (problem.exit, problem.cause.as_str()),
        (Exit::Usage, "AWS has no QoS 2")
    );
    open.close().await;
}

#[tokio::test]
async fn p_brings_the_answers_of_a_shadow_and_goes_again() {
    let bench = bench().await;
    let mut open = bench.open_profile("fleet");
    open.connected().await;
    let device = DeviceId::new("RPI");
    let on = open.feed(&device, Feed::Push, true).await.expect("granted");
    assert_eq!(on, FeedState::On { until: None });
    let topic = "$aws/things/RPI/shadow/update";
    let change = r#"{"state":{"desired":{"led":"on"}}}"#;
    open.publish(topic, change, Qos::AtLeastOnce).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let verb = open
            .next("an answer of the shadow", |event| match event {
                SessionEvent::Message(message, reading) if reading.kind == Kind::Shadow => {
                    let topic = message.topic.as_str();
                    topic
                        .strip_prefix("$aws/things/RPI/shadow/")
                        .map(str::to_owned)
                }
                _ => None,
            })
            .await;
        if !heard.contains(&verb) {
            heard.push(verb);
        }
    }
    heard.sort();
    assert_eq!(
        heard,
        ["update/accepted", "update/delta", "update/documents"]
    );
    assert_eq!(
        open.feed(&device, Feed::Push, false).await,
        Ok(FeedState::Off)
    );
    open.close().await;
}

#[tokio::test]
async fn e_tells_who_comes() {
    let bench = bench().await;
    let mut open = bench.open_profile("fleet");
    open.connected().await;
    let device = DeviceId::new("RPI");
    open.feed(&device, Feed::Event, true)
        .await
        .expect("granted");
    let other = bench.open_profile("rpi");
    open.fact("RPI is online", |fact| {
        matches!(fact, Fact::Presence { device: d, presence: Presence::Online } if *d == device)
    })
    .await;
    other.close().await;
    open.close().await;
}

#[tokio::test]
async fn a_kept_session_has_its_filters_when_the_next_connection_comes() {
    let bench = bench().await;
    let mut open = bench.open_profile("rpi");
    open.subscribed().await;
    bench.control.drop_connections();
    let link = open
        .link("it is back", |state| {
            matches!(
                state,
                LinkState::Connected {
                    session_present: true,
                    ..
                }
            )
        })
        .await;
    assert!(link.is_up());
    let granted = tokio::time::timeout(
        Duration::from_secs(10),
        open.answer_for("my/things/RPI/update"),
    )
    .await;
    assert_eq!(granted.expect("it is told"), Ok(Qos::AtLeastOnce));
    open.close().await;
}

#[tokio::test]
async fn a_wrong_clock_or_key_is_told_by_the_service_itself() {
    let bench = bench().await;
    let key = bench.config().with_file_name("temporary_secret_key");
    std::fs::write(key, "wrong").expect("writable");
    let mut open = bench.open_profile("fleet-wss");
    let problem = open.refused().await;
    assert_eq!(problem.exit, Exit::Refused);
    assert!(problem.cause.contains("signature"), "{problem}");
    assert!(problem.cause.contains("ap-northeast-2"), "{problem}");
    let list = open.request(Request::Devices { fresh: true }).await;
    let problem = match list {
        Err(problem) => problem,
        Ok(Reply::Devices(devices)) => panic!("{devices:?}"),
        Ok(other) => panic!("{other:?}"),
    };
    assert_eq!(problem.exit, Exit::Refused, "{problem}");
    open.close().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_with_both_times() {
    let bench = bench().await;
    bench.control.skew_clock(1800);
    let mut open = bench.open_profile("fleet-wss");
    let problem = open.refused().await;
    assert!(problem.remedy.contains("min behind AWS's"), "{problem}");
    open.close().await;
}

#[tokio::test]
async fn a_close_after_connect_says_what_aws_means_by_it() {
    let bench = bench().await;
    bench.control.close_after_connect(true);
    let mut open = bench.open_profile("fleet");
    let why = open.broken().await;
    for part in ["not active", "iot:Connect", "certificate "] {
        assert!(why.to_string().contains(part), "{why}");
    }
    bench.control.close_after_connect(false);
    open.connected().await;
    open.close().await;
}

#[tokio::test]
async fn without_an_index_the_things_come_from_the_registry() {
    let bench = bench().await;
    bench.control.indexing_off(Some("IndexNotReadyException"));
    let open = bench.open_profile("fleet");
    let devices = open.devices().await;
    assert!(devices.iter().any(|d| d.name == "RPI"), "{devices:?}");
    open.close().await;
}

#[tokio::test]
async fn a_twin_with_our_client_id_is_not_fought() {
    let bench = bench().await;
    let mut open = bench.open_profile("rpi");
    open.subscribed().await;
    bench.control.takeover("RPI", 10);
    let problem = open.taken_over().await;
    assert!(problem.to_string().contains("client id"), "{problem}");
    open.close().await;
}
