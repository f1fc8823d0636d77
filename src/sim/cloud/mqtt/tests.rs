use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::base::moment::Mono;

/// All that is published in so many seconds, per topic.
fn life(plant: &mut Plant, seconds: u64) -> BTreeMap<String, Vec<Publication>> {
    let mut topics: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for tenth in 0..seconds * 10 {
        let now = Moment {
            mono: Mono(Duration::from_millis(tenth * 100)),
            ..Moment::default()
        };
        for publication in plant.tick(now).publications {
            topics
                .entry(publication.topic.clone())
                .or_default()
                .push(publication);
        }
    }
    topics
}

fn message(topic: &str, payload: &str) -> Publication {
    Publication::new(topic, payload.to_owned())
}

#[test]
fn one_seed_says_the_same_twice_and_another_does_not() {
    let mut plants = [1, 1, 2].map(|seed| Plant::new(seed, None));
    let [one, same, other] = plants.each_mut().map(|plant| life(plant, 60));
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn a_minute_holds_every_kind_of_payload() {
    let topics = life(&mut Plant::new(0, None), 60);
    let first = |topic: &str| topics.get(topic).expect(topic)[0].payload.clone();
    assert!(serde_json::from_slice::<Value>(&first("plant/line1/pump/state")).is_ok());
    assert!(first("plant/line1/press/cycle").starts_with(&[0x1f, 0x8b]));
    assert!(first("plant/line1/camera").starts_with(b"\x89PNG"));
    assert_eq!(
        first("plant/line1/motor/vibration")[0] >> 5,
        5,
        "a CBOR map"
    );
    assert_eq!(first("plant/line1/meter/modbus")[1], 3);
    assert!(first("plant/현장/온도").ends_with("°C".as_bytes()));
    let notes = &topics["plant/operator/note"];
    assert!(notes.iter().any(|note| note.payload.contains(&0x1b)));
    let alarms = &topics["plant/line1/alarm"];
    assert!(alarms.iter().any(|alarm| alarm.payload.is_empty()));
    assert!(alarms.iter().all(|alarm| alarm.retain));
    assert!(topics["plant/line1/pump/config"][0].retain);
}

#[test]
fn a_command_changes_a_machine_and_its_state_follows() {
    let mut plant = Plant::new(0, None);
    let command = message("plant/line1/pump/set", r#"{"speed": 300, "running": true}"#);
    let tick = plant.hear(&command, Moment::default());
    let state: Value = serde_json::from_slice(&tick.publications[0].payload).unwrap();
    assert_eq!(tick.publications[0].topic, "plant/line1/pump/state");
    assert_eq!(state["speed"]["target"], 300.0);
    let nonsense = message("plant/line1/pump/set", "faster!");
    let answer = plant.hear(&nonsense, Moment::default()).publications;
    assert_eq!(answer[0].topic, "plant/line1/pump/error");
    let nobody = message("plant/line9/pump/set", "{}");
    assert!(
        plant
            .hear(&nobody, Moment::default())
            .publications
            .is_empty()
    );
}

#[test]
fn the_echo_answers_where_it_is_told_to() {
    let mut plant = Plant::new(0, None);
    let mut request = message("plant/service/echo", "hello");
    request.properties.response_topic = Some("me/answers".to_owned());
    request.properties.correlation_data = Some("7".into());
    let answer = plant.hear(&request, Moment::default()).publications;
    assert_eq!(
        (answer[0].topic.as_str(), &answer[0].payload[..]),
        ("me/answers", &b"hello"[..])
    );
    assert_eq!(answer[0].properties.correlation_data, Some("7".into()));
    let old = message("plant/service/echo", r#"{"reply_to": "me/old", "n": 1}"#);
    assert_eq!(
        plant.hear(&old, Moment::default()).publications[0].topic,
        "me/old"
    );
    for wrong in [r#"{"reply_to": "a/#"}"#, "{}", ""] {
        let request = message("plant/service/echo", wrong);
        assert!(
            plant
                .hear(&request, Moment::default())
                .publications
                .is_empty()
        );
    }
}

#[test]
fn there_are_as_many_machines_as_asked_for_each_with_a_topic_of_its_own() {
    let plant = Plant::new(0, Some(1000));
    let topics: std::collections::BTreeSet<_> = plant.machines().collect();
    assert_eq!(topics.len(), 1000);
    assert!(topics.contains("plant/line125/meter"));
}
