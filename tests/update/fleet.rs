//! AWS: a new account, the reserved topics in completion, and a fleet of any size.

use std::path::PathBuf;

use thingdeck::app::effect::{Effect, NewAccount, NewAws, NewProfile};
use thingdeck::app::event::{Event, Outcome};
use thingdeck::app::screen::{Mark, PaneId};
use thingdeck::domain::fact::Fact;
use thingdeck::domain::profile::{AwsAuth, Version};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::topic::TopicFilter;

use crate::deck::{Deck, device};

fn at_the_account() -> Deck {
    let mut deck = Deck::connected();
    deck.press("P G k k enter");
    deck.asked();
    deck
}

#[test]
fn an_account_is_tried_saved_and_opened_and_mqtt_5_is_recommended() {
    let mut deck = at_the_account();
    let shown = deck.overlay();
    for part in [
        "Add an AWS IoT Core account",
        "Name: factory",
        "MQTT 5 is best",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    deck.type_text("https://abc-ats.iot.eu-west-1.amazonaws.com/mqtt")
        .press("tab tab")
        .type_text("/d.pem.crt")
        .press("tab")
        .type_text("/d.pem.key")
        .press("tab tab tab")
        .type_text("RPI")
        .press("tab tab")
        .type_text("plant/#")
        .press("ctrl-s");
    let asked = deck.asked();
    let [Effect::TryProfile(id, tried)] = asked.as_slice() else {
        panic!("{asked:?} {}", deck.overlay());
    };
    let expected = NewProfile {
        name: "factory".to_owned(),
        account: NewAccount::Aws(Box::new(NewAws {
            endpoint: "abc-ats.iot.eu-west-1.amazonaws.com".to_owned(),
            auth: AwsAuth::Mtls,
            version: Version::V5,
            client_id: Some("RPI".to_owned()),
            cert_file: Some(PathBuf::from("/d.pem.crt")),
            key_file: Some(PathBuf::from("/d.pem.key")),
            keys_of: None,
            region: None,
            filter: TopicFilter::parse("plant/#").ok(),
        })),
    };
    assert_eq!(*tried, expected);
    deck.event(Event::Reply(*id, Ok(Reply::Probed { devices: 0 })));
    let asked = deck.asked();
    let [Effect::SaveProfile(id, saved)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*saved, expected);
    let name = "factory".to_owned();
    deck.done(*id, Ok(Outcome::ProfileSaved { name }));
    assert_eq!(deck.screen().header.profile.as_str(), "factory");
}

#[test]
fn what_is_missing_for_an_account_is_named_in_its_field() {
    let mut deck = at_the_account();
    deck.press("ctrl-s");
    assert!(
        deck.overlay().contains("this is no endpoint"),
        "{}",
        deck.overlay()
    );
    deck.type_text("abc.iot.eu-west-1.amazonaws.com")
        .press("ctrl-s");
    assert!(deck.overlay().contains("needs -ats"), "{}", deck.overlay());
    deck.press("ctrl-u")
        .type_text("iot.example.com")
        .press("ctrl-s");
    assert!(
        deck.overlay().contains("both of its files"),
        "{}",
        deck.overlay()
    );
    deck.press("backtab right ctrl-s");
    assert!(
        deck.overlay().contains("does not tell the region"),
        "{}",
        deck.overlay()
    );
    assert_eq!(deck.asked(), []);
}

#[test]
fn reserved_topics_are_completed_with_the_things_that_are_known() {
    let mut deck = Deck::fleet();
    deck.press("c").type_text("$aws/things/R");
    let shown = deck.composer();
    for topic in [
        "$aws/things/RPI/shadow/update",
        "$aws/things/RPI/jobs/start-next",
    ] {
        assert!(shown.contains(topic), "{topic}: {shown}");
    }
    assert!(!shown.contains("valve"), "{shown}");
    deck.press("ctrl-u").type_text("$aws/r").press("tab");
    assert!(
        deck.composer().contains("$aws/rules/"),
        "{}",
        deck.composer()
    );
}

#[test]
fn a_filter_is_completed_level_by_level() {
    let mut deck = Deck::fleet();
    deck.press("2 a").type_text("$aws/th").press("tab");
    assert!(
        deck.overlay().contains("$aws/things/"),
        "{}",
        deck.overlay()
    );
    deck.type_text("RP")
        .press("tab")
        .type_text("sh")
        .press("tab")
        .type_text("u")
        .press("tab");
    let shown = deck.overlay();
    assert!(shown.contains("$aws/things/RPI/shadow/update/"), "{shown}");
    for verb in ["accepted", "delta", "documents", "rejected"] {
        assert!(shown.contains(verb), "{verb}: {shown}");
    }
}

#[test]
fn what_a_hash_leaves_out_on_aws_is_said_where_it_is_typed() {
    let mut deck = Deck::fleet();
    deck.press("2 a").type_text("#");
    let shown = deck.overlay();
    assert!(
        shown.contains("nothing that begins with $") && shown.contains("$aws/"),
        "{shown}"
    );
    let mut deck = Deck::broker(&[]);
    deck.press("2 a").type_text("#");
    assert!(deck.overlay().contains("$SYS/#"), "{}", deck.overlay());
}

#[test]
fn who_is_heard_appears_without_a_word_and_without_a_question() {
    let mut deck = Deck::fleet();
    deck.fact(Fact::DeviceHeard(device("new", "new", "")));
    assert!(deck.device_names().contains(&"new".to_owned()));
    assert!(
        !deck
            .requests()
            .iter()
            .any(|r| matches!(r, Request::Devices { .. }))
    );
    let known = deck.device("RPI");
    deck.fact(Fact::DeviceHeard(device("RPI", "RPI", "")));
    assert_eq!(deck.device("RPI").kind, known.kind, "the list knows more");
}

#[test]
fn a_feed_that_nobody_turned_on_is_off() {
    let deck = Deck::fleet();
    let row = deck.device("RPI");
    assert_eq!((row.push, row.event), (Mark::Off, Mark::Off));
}

#[test]
fn a_large_fleet_is_filtered_by_type_attribute_and_name() {
    let mut deck = Deck::fleet();
    let things = (0..20_000).map(|n| {
        let name = format!("t{n:05}");
        let mut thing = device(&name, &name, if n % 2 == 0 { "Lamp" } else { "Pump" });
        thing.attributes = vec![("site".to_owned(), format!("hall{}", n % 100))];
        thing.model = String::new();
        thing
    });
    deck.fact(Fact::Devices(things.collect()));
    assert_eq!(deck.note(PaneId::Devices), "20,000");
    deck.press("1 G");
    assert_eq!(deck.selected_device(), "t19999");
    deck.press("/").type_text("lamp hall42").press("enter g");
    assert_eq!(deck.note(PaneId::Devices), "200 of 20000");
    assert_eq!(
        deck.device_names().first().map(String::as_str),
        Some("t00042")
    );
    deck.fact(Fact::DeviceHeard(device(
        "t00042b",
        "t00042b lamp hall42",
        "",
    )));
    assert_eq!(deck.note(PaneId::Devices), "201 of 20001");
}
