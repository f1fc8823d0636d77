//! The things, their presence and their feeds.

use std::time::Duration;

use serde_json::{Value, json};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::{Device, DeviceId, Presence};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::message::Qos;
use thingdeck::domain::profile::{AwsAuth, AwsSettings, Common};
use thingdeck::domain::reading::{Kind, Reading};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::subscription::{Feed, FeedState, FilterWish};
use thingdeck::domain::topic::TopicFilter;
use thingdeck::platform::aws::Aws;
use thingdeck::platform::io::{HttpCall, HttpReply};
use thingdeck::platform::{After, Platform as _};

use super::script::{Script, message, refusal, reply, run};
use super::{aws, keyed, settings};

const API: &str = "https://iot.eu-north-1.amazonaws.com";

fn owned() -> AwsSettings {
    AwsSettings {
        credentials: keyed("AKIA1", "s", None),
        ..settings(AwsAuth::SigV4)
    }
}

fn list(aws: &Aws, script: &Script, fresh: bool) -> Result<Vec<Device>, Problem> {
    match run(aws.request(script, Request::Devices { fresh }))? {
        Reply::Devices(devices) => Ok(devices),
        other => panic!("{other:?}"),
    }
}

fn body(call: &HttpCall) -> Value {
    let body = call.body.as_deref().unwrap_or_default();
    serde_json::from_slice(body).expect("JSON")
}

#[test]
fn twenty_thousand_things_come_page_by_page() {
    let script = Script::new();
    script.serve(&format!("{API}/indices/search"), |call| {
        let body = body(call);
        assert_eq!(body["maxResults"], 500);
        let page: usize = body["nextToken"]
            .as_str()
            .map_or(0, |t| t.parse().expect("ours"));
        let things: Vec<_> = (page * 500..(page + 1) * 500)
            .map(|n| {
                json!({"thingName": format!("t{n:06}"), "thingTypeName": "Lamp",
                "attributes": {"site": "north"}, "connectivity": {"connected": n % 2 == 0}})
            })
            .collect();
        let next = (page < 39).then(|| (page + 1).to_string());
        reply(
            200,
            &json!({"things": things, "nextToken": next}).to_string(),
        )
    });
    let aws = aws(owned());
    let devices = list(&aws, &script, true).expect("a list");
    assert_eq!((devices.len(), script.urls().len()), (20_000, 40));
    assert_eq!(devices[1].presence, Presence::Offline);
    assert_eq!(
        devices[1].attributes,
        [("site".to_owned(), "north".to_owned())]
    );
}

#[test]
fn a_list_that_goes_in_circles_ends_and_says_so() {
    let script = Script::new();
    script.serve(&format!("{API}/indices/search"), |_| {
        reply(200, r#"{"things":[{"thingName":"a"}],"nextToken":"again"}"#)
    });
    let devices = list(&aws(owned()), &script, true).expect("a list");
    assert_eq!((devices.len(), script.urls().len()), (2, 2));
    let told = script
        .facts()
        .into_iter()
        .any(|fact| matches!(fact, Fact::Notice(problem) if problem.cause.contains("token twice")));
    assert!(told, "what is missing is not missing in silence");
}

#[test]
fn a_service_that_says_come_back_tomorrow_is_not_waited_for_so_long() {
    let script = Script::new();
    script.serve(&format!("{API}/"), |_| HttpReply {
        retry_after: Some(Duration::from_hours(24)),
        ..refusal(429, "ThrottlingException", "Rate exceeded")
    });
    list(&aws(owned()), &script, true).expect_err("throttled");
    assert!(
        script.elapsed() < Duration::from_mins(3),
        "{:?}",
        script.elapsed()
    );
}

#[test]
fn without_an_index_the_registry_is_asked_and_throttles_are_waited_out() {
    let script = Script::new();
    script.serve(&format!("{API}/indices/search"), |_| {
        refusal(400, "IndexNotReadyException", "AWS_Things is not there")
    });
    let mut calls = 0;
    script.serve(&format!("{API}/things"), move |call| {
        calls += 1;
        match calls {
            1 => refusal(429, "ThrottlingException", "Rate exceeded"),
            2 => {
                assert!(call.url.ends_with("?maxResults=250"), "{}", call.url);
                reply(200, r#"{"things":[{"thingName":"a","thingArn":"arn:aws:iot:eu-north-1:123456789012:thing/a"}],"nextToken":"x/+"}"#)
            }
            _ => {
                assert!(call.url.ends_with("&nextToken=x%2F%2B"), "{}", call.url);
                reply(200, r#"{"things":[{"thingName":"b"}],"nextToken":null}"#)
            }
        }
    });
    let devices = list(&aws(owned()), &script, true).expect("a list");
    let names: Vec<_> = devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(script.elapsed() >= Duration::from_millis(200), "it waited");
    assert!(
        script
            .logs()
            .iter()
            .any(|line| line.contains("IndexNotReady"))
    );
}

#[test]
fn a_denied_list_says_who_asked_and_what_to_write_instead() {
    let script = Script::new();
    script.serve(API, |_| {
        refusal(
            403,
            "AccessDeniedException",
            "User: u is not authorized to perform: iot:ListThings",
        )
    });
    let aws = aws(owned());
    let problem = list(&aws, &script, true).expect_err("denied");
    assert_eq!(problem.exit, Exit::Refused);
    for part in [
        "AKIA1",
        "iot:ListThings",
        "certificate's own policy",
        "things = [",
    ] {
        assert!(problem.to_string().contains(part), "{problem}");
    }
    // Whoever was heard is there all the same.
    aws.interpret(&message("$aws/things/RPI/shadow/update/accepted", "{}"));
    let devices = list(&aws, &script, true).expect("those that were heard");
    assert_eq!(devices.len(), 1);
}

#[test]
fn things_of_the_profile_need_no_rest() {
    let script = Script::new();
    let aws = aws(AwsSettings {
        things: vec!["RPI".to_owned()],
        ..settings(AwsAuth::Mtls)
    });
    let devices = list(&aws, &script, true).expect("a list");
    assert_eq!(devices[0].id, DeviceId::new("RPI"));
    assert_eq!(script.urls(), Vec::<String>::new());
    let again = list(&aws, &script, false).expect("it is at hand");
    assert_eq!(again.len(), 1);
    let reading = aws.interpret(&message("my/things/RPI/update", "{}"));
    assert_eq!(
        reading.device,
        Some(DeviceId::new("RPI")),
        "a level names it"
    );
}

fn presence(reading: &Reading) -> Option<Presence> {
    reading.facts.iter().find_map(|fact| match fact {
        Fact::Presence { presence, .. } => Some(*presence),
        _ => None,
    })
}

#[test]
fn presence_follows_the_events_and_not_their_arrival() {
    let aws = aws(settings(AwsAuth::Mtls));
    let event = |word: &str, session: &str, version: u64, at: i64| {
        let body = json!({"clientId": "RPI", "timestamp": at, "eventType": word, "sessionIdentifier": session,
            "versionNumber": version, "disconnectReason": "DUPLICATE_CLIENTID", "ipAddress": "192.0.2.1"});
        let topic = format!("$aws/events/presence/{word}/RPI");
        aws.interpret(&message(&topic, &body.to_string()))
    };
    let first = event("connected", "a", 1, 1000);
    assert_eq!(
        (first.kind, presence(&first)),
        (Kind::Presence, Some(Presence::Online))
    );
    assert_eq!(first.gist, "connected from 192.0.2.1");
    assert!(matches!(first.facts.first(), Some(Fact::DeviceHeard(_))));
    assert_eq!(
        presence(&event("connected", "b", 2, 2000)),
        Some(Presence::Online)
    );
    let late = event("disconnected", "a", 1, 2001);
    assert_eq!(presence(&late), None, "the new connection stands");
    assert!(
        late.gist.contains("another client took its id"),
        "{}",
        late.gist
    );
    assert_eq!(
        presence(&event("disconnected", "b", 2, 3000)),
        None,
        "it may be back in a moment"
    );
}

fn feed(aws: &Aws, script: &Script, feed: Feed, on: bool) -> Result<Reply, Problem> {
    let device = DeviceId::new("RPI");
    run(aws.request(
        script,
        Request::Feed {
            device,
            feed,
            on,
            hours: None,
        },
    ))
}

#[test]
fn p_and_e_are_filters_of_this_connection() {
    let (script, aws) = (Script::new(), aws(settings(AwsAuth::Mtls)));
    let on = Reply::Feed(FeedState::On { until: None });
    assert_eq!(feed(&aws, &script, Feed::Push, true), Ok(on.clone()));
    let shadow = [
        "$aws/things/RPI/shadow/+/+",
        "$aws/things/RPI/shadow/name/+/+/+",
    ];
    assert_eq!(script.subscribed(), shadow);
    assert_eq!(feed(&aws, &script, Feed::Event, true), Ok(on));
    assert_eq!(script.subscribed().len(), 5);
    let feeds = run(aws.request(&script, Request::Feeds)).expect("a list");
    assert!(matches!(feeds, Reply::Feeds(feeds) if feeds.len() == 2));
    assert_eq!(
        feed(&aws, &script, Feed::Push, false),
        Ok(Reply::Feed(FeedState::Off))
    );
    assert_eq!(script.unsubscribed(), shadow);
}

#[test]
fn a_feed_that_is_refused_leaves_nothing_half_subscribed() {
    let (script, aws) = (Script::new(), aws(settings(AwsAuth::Mtls)));
    script.refuse(
        "$aws/things/RPI/jobs/notify",
        Problem::new("refused", "not authorized", ""),
    );
    let problem = feed(&aws, &script, Feed::Event, true).expect_err("refused");
    assert_eq!(problem.cause, "not authorized");
    assert_eq!(script.unsubscribed().len(), 3);
}

#[test]
fn what_the_provisioning_tells_is_masked() {
    let aws = aws(settings(AwsAuth::Mtls));
    let topic = "$aws/certificates/create/json/accepted";
    let reading = aws.interpret(&message(topic, r#"{"privateKey":"c4nary"}"#));
    assert_eq!(reading.kind, Kind::Provisioning);
    assert!(
        reading.mask.contains(&"privateKey") && reading.mask.contains(&"certificateOwnershipToken")
    );
}

#[test]
fn a_filter_that_the_broker_refused_takes_up_no_room() {
    let aws = aws(owned());
    let wish = |n: usize| {
        let filter = TopicFilter::parse(&format!("t/{n}")).expect("a filter");
        FilterWish::new(filter, Qos::AtLeastOnce)
    };
    for n in 0..50 {
        assert_eq!(aws.check_filter(&wish(n)), Ok(()));
    }
    assert!(aws.check_filter(&wish(50)).is_err());
    aws.filter_answered(&wish(7).filter, false);
    assert_eq!(aws.check_filter(&wish(50)), Ok(()));
    aws.filter_answered(&wish(8).filter, true);
    assert!(aws.check_filter(&wish(51)).is_err());
}

#[test]
fn the_profiles_own_filters_take_up_no_room_where_a_command_leaves_them_out() {
    let wish = |n: usize| {
        let filter = TopicFilter::parse(&format!("t/{n}")).expect("a filter");
        FilterWish::new(filter, Qos::AtLeastOnce)
    };
    let common = Common {
        topics: (0..50).map(wish).collect(),
        ..Common::default()
    };
    let aws = Aws::new(owned(), common);
    for n in 100..150 {
        assert_eq!(aws.check_filter(&wish(n)), Ok(()));
    }
    assert!(aws.check_filter(&wish(0)).is_err(), "fifty there are now");
}

#[test]
fn the_account_for_statements_comes_from_a_thing_where_the_index_tells_no_arn() {
    let script = Script::new();
    script.serve(&format!("{API}/indices/search"), |_| {
        reply(200, r#"{"things":[{"thingName":"RPI"}]}"#)
    });
    script.serve(&format!("{API}/things/RPI"), |_| {
        let arn = "arn:aws:iot:eu-north-1:123456789012:thing/RPI";
        reply(
            200,
            &json!({"thingName": "RPI", "thingArn": arn}).to_string(),
        )
    });
    let aws = aws(owned());
    // A day of watching, until the signed connection ends.
    run(aws.attend(&script));
    let filter = [TopicFilter::parse("a").expect("a filter")];
    let said = Problem::new("a", "the broker closed the connection", "");
    let explained = aws.explain(&After::Subscribe(&filter), &said);
    let remedy = explained.expect("explained").remedy;
    assert!(
        remedy.contains("arn:aws:iot:eu-north-1:123456789012:topicfilter/a"),
        "{remedy}"
    );
    assert!(!remedy.contains("12 digits"), "{remedy}");
}

#[test]
fn who_stays_away_is_offline_some_seconds_after_the_event() {
    let script = Script::new();
    let aws = aws(AwsSettings {
        things: vec!["RPI".to_owned()],
        ..owned()
    });
    let gone =
        json!({"clientId": "RPI", "sessionIdentifier": "a", "versionNumber": 1, "timestamp": 1000});
    let topic = "$aws/events/presence/disconnected/RPI";
    let reading = aws.interpret(&message(topic, &gone.to_string()));
    assert_eq!(presence(&reading), None);
    run(aws.attend(&script));
    let offline = Fact::Presence {
        device: DeviceId::new("RPI"),
        presence: Presence::Offline,
    };
    let told = script.facts().into_iter().filter(|fact| *fact == offline);
    assert_eq!(told.count(), 1);
}
