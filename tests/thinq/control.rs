//! Commands: the exact body for every special form, and what is refused before it is sent.

use std::time::Duration;

use serde_json::{Value, json};
use thingdeck::base::problem::{Exit, Problem};
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::model::{Domain, Property};
use thingdeck::domain::request::{PropertyPath, Reply, Request, Setting};
use thingdeck::platform::Platform;
use thingdeck::platform::thinq::{Thinq, control, model};

use crate::script::{Fault, Script, fixture, fixtures, thinq};

/// A device type, what to set, and what has to come of it.
type Case<'a, T> = (&'a str, &'a [(&'a str, Value)], T);

fn path(text: &str) -> PropertyPath {
    let mut parts = text.rsplitn(3, '.');
    let property = parts.next().expect("a property").to_owned();
    let resource = parts.next().expect("a resource").to_owned();
    PropertyPath {
        place: parts.next().map(str::to_owned),
        resource,
        property,
    }
}

fn settings(pairs: &[(&str, Value)]) -> Vec<Setting> {
    pairs
        .iter()
        .map(|(at, value)| Setting {
            path: path(at),
            value: value.clone(),
        })
        .collect()
}

fn body(kind: &str, pairs: &[(&str, Value)]) -> Result<Value, String> {
    let (profile, state) = (fixture("profiles", kind), fixture("state", kind));
    control::body(&profile, Some(&state), &settings(pairs)).map_err(|error| error.to_string())
}

#[test]
fn every_special_form_has_the_body_of_the_reference() {
    let cases: &[Case<'_, Value>] = &[
        (
            "air_conditioner",
            &[("operation.airConOperationMode", json!("POWER_ON"))],
            json!({"operation": {"airConOperationMode": "POWER_ON"}}),
        ),
        (
            "air_conditioner",
            &[("C.temperatureInUnits.coolTargetTemperature", json!(24))],
            json!({"temperatureInUnits": {"coolTargetTemperature": 24, "unit": "C"}}),
        ),
        (
            "system_boiler",
            &[("F.hotWaterTemperatureInUnits.targetTemperature", json!(100))],
            json!({"hotWaterTemperatureInUnits": {"targetTemperature": 100, "unit": "F"}}),
        ),
        (
            "air_conditioner",
            &[(
                "C.twoSetTemperatureInUnits.heatTargetTemperature",
                json!(20),
            )],
            json!({"twoSetTemperatureInUnits": {"heatTargetTemperature": 20, "unit": "C", "coolTargetTemperature": 26}}),
        ),
        (
            "air_conditioner",
            &[("twoSetTemperature.coolTargetTemperature", json!(25))],
            json!({"twoSetTemperature": {"coolTargetTemperature": 25, "unit": "C", "heatTargetTemperature": 20}}),
        ),
        (
            "refrigerator",
            &[("FREEZER.temperatureInUnits.targetTemperatureC", json!(-19))],
            json!({"temperatureInUnits": {"locationName": "FREEZER", "targetTemperatureC": -19}}),
        ),
        (
            "wine_cellar",
            &[(
                "WINE_UPPER.temperatureInUnits.targetTemperatureF",
                json!(60),
            )],
            json!({"temperatureInUnits": {"locationName": "WINE_UPPER", "targetTemperatureF": 60}}),
        ),
        (
            "washer",
            &[("MAIN.operation.washerOperationMode", json!("START"))],
            json!({"location": {"locationName": "MAIN"}, "operation": {"washerOperationMode": "START"}}),
        ),
        (
            "washcombo_main",
            &[("MAIN.operation.washerOperationMode", json!("START"))],
            json!({"location": {"locationName": "MAIN"}, "operation": {"washerOperationMode": "START"}, "mode": {"washerMode": "WASHING_AND_DRYING"}}),
        ),
        (
            "washcombo_main",
            &[("MAIN.operation.washerOperationMode", json!("STOP"))],
            json!({"location": {"locationName": "MAIN"}, "operation": {"washerOperationMode": "STOP"}}),
        ),
        (
            "washtower",
            &[("dryer.operation.dryerOperationMode", json!("START"))],
            json!({"dryer": {"operation": {"dryerOperationMode": "START"}}}),
        ),
        (
            "oven",
            &[
                ("LOWER.operation.ovenOperationMode", json!("START")),
                ("LOWER.cook.cookMode", json!("AIR_FRY")),
            ],
            json!({"location": {"locationName": "LOWER"}, "operation": {"ovenOperationMode": "START"}, "cook": {"cookMode": "AIR_FRY"},
                "temperature": {"targetTemperature": 375, "unit": "F"}}),
        ),
        (
            "oven",
            &[
                ("UPPER.operation.ovenOperationMode", json!("START")),
                ("UPPER.timer.targetHour", json!(1)),
            ],
            json!({"location": {"locationName": "UPPER"}, "operation": {"ovenOperationMode": "START"}, "timer": {"targetHour": 1, "targetMinute": 0},
                "cook": {"cookMode": "BAKE"}}),
        ),
        (
            "oven",
            &[
                ("UPPER.temperature.targetTemperature", json!(200)),
                ("UPPER.temperature.unit", json!("C")),
            ],
            json!({"location": {"locationName": "UPPER"}, "temperature": {"targetTemperature": 200, "unit": "C"}}),
        ),
        (
            "oven",
            &[("UPPER.timer.timerMinute", json!(5))],
            json!({"location": {"locationName": "UPPER"}, "timer": {"timerMinute": 5, "timerHour": 0}}),
        ),
        (
            "cooktop",
            &[("LEFT_FRONT.power.powerLevel", json!(3))],
            json!({"location": {"locationName": "LEFT_FRONT"}, "power": {"powerLevel": 3}, "timer": {"remainHour": 0, "remainMinute": 18}}),
        ),
        (
            "cooktop",
            &[("operation.operationMode", json!("POWER_OFF"))],
            json!({"operation": {"operationMode": "POWER_OFF"}}),
        ),
        (
            "hood",
            &[("ventilation.fanSpeed", json!(2))],
            json!({"ventilation": {"fanSpeed": 2}, "lamp": {"lampBrightness": 1}}),
        ),
        (
            "microwave_oven",
            &[("lamp.lampBrightness", json!(0))],
            json!({"lamp": {"lampBrightness": 0}, "ventilation": {"fanSpeed": 1}}),
        ),
        (
            "air_conditioner",
            &[("timer.absoluteHourToStart", json!(7))],
            json!({"timer": {"absoluteHourToStart": 7, "absoluteMinuteToStart": 0}}),
        ),
        (
            "air_conditioner",
            &[("timer.relativeHourToStop", json!(2))],
            json!({"timer": {"relativeHourToStop": 2}}),
        ),
        (
            "air_conditioner",
            &[
                ("sleepTimer.relativeHourToStop", json!(2)),
                ("sleepTimer.relativeMinuteToStop", json!(30)),
            ],
            json!({"sleepTimer": {"relativeHourToStop": 2, "relativeMinuteToStop": 30}}),
        ),
        (
            "air_purifier",
            &[("sleepTimer.relativeHourToStop", json!(4))],
            json!({"sleepTimer": {"relativeHourToStop": 4}}),
        ),
        (
            "styler",
            &[("timer.relativeHourToStop", json!(4))],
            json!({"timer": {"relativeHourToStop": 4}}),
        ),
        (
            "air_conditioner",
            &[("timer.relativeStopTimer", json!("UNSET"))],
            json!({"timer": {"relativeStopTimer": "UNSET"}}),
        ),
        (
            "air_conditioner",
            &[
                ("timer.absoluteHourToStop", json!(-1)),
                ("timer.absoluteMinuteToStop", json!(-1)),
            ],
            json!({"timer": {"absoluteHourToStop": -1, "absoluteMinuteToStop": -1}}),
        ),
        (
            "refrigerator",
            &[
                ("refrigeration.expressMode", json!(true)),
                ("refrigeration.freshAirFilter", json!("POWER")),
            ],
            json!({"refrigeration": {"expressMode": true, "freshAirFilter": "POWER"}}),
        ),
    ];
    for (kind, pairs, wanted) in cases {
        let made = body(kind, pairs).unwrap_or_else(|why| panic!("{kind} {pairs:?}: {why}"));
        assert_eq!(made.to_string(), wanted.to_string(), "{kind} {pairs:?}");
    }
}

#[test]
fn what_the_profile_does_not_allow_is_refused_with_what_it_allows() {
    let cases: &[Case<'_, &str>] = &[
        (
            "air_conditioner",
            &[("C.temperatureInUnits.coolTargetTemperature", json!(31))],
            "18 to 30 in steps of 0.5",
        ),
        (
            "air_conditioner",
            &[("C.temperatureInUnits.coolTargetTemperature", json!(20.3))],
            "18 to 30 in steps of 0.5",
        ),
        (
            "air_conditioner",
            &[("operation.airCleanOperationMode", json!("ON"))],
            "START, STOP",
        ),
        (
            "air_conditioner",
            &[("C.temperatureInUnits.currentTemperature", json!(20))],
            "can only be read",
        ),
        (
            "air_conditioner",
            &[("temperature.unit", json!("C"))],
            "can only be read",
        ),
        (
            "air_conditioner",
            &[("operation.turbo", json!(true))],
            "not in the device's profile",
        ),
        (
            "air_conditioner",
            &[("temperatureInUnits.coolTargetTemperature", json!(20))],
            "could be any of: C.temperatureInUnits.coolTargetTemperature, F.temperatureInUnits.coolTargetTemperature",
        ),
        (
            "refrigerator",
            &[("FRIDGE.temperatureInUnits.targetTemperatureF", json!(35))],
            "not 35",
        ),
        (
            "refrigerator",
            &[
                ("FRIDGE.temperature.targetTemperature", json!(3)),
                ("FREEZER.temperature.targetTemperature", json!(-18)),
            ],
            "not FRIDGE and FREEZER",
        ),
        (
            "washtower",
            &[
                ("dryer.operation.dryerOperationMode", json!("STOP")),
                ("washer.operation.washerOperationMode", json!("STOP")),
            ],
            "not dryer and washer",
        ),
        (
            "oven",
            &[("LOWER.temperature.targetTemperature", json!(100))],
            "175 to 550 in steps of 5 in F",
        ),
        (
            "oven",
            &[
                ("UPPER.temperature.targetTemperature", json!(300)),
                ("UPPER.temperature.unit", json!("C")),
            ],
            "80 to 285 in steps of 5 in C",
        ),
        (
            "oven",
            &[
                ("UPPER.temperature.targetTemperature", json!(300)),
                ("UPPER.temperature.unit", json!("K")),
            ],
            "C, F",
        ),
        (
            "oven",
            &[("UPPER.operation.ovenOperationMode", json!("START"))],
            "has to go together with UPPER.temperature.targetTemperature",
        ),
        (
            "washcombo_main",
            &[("MAIN.mode.washerMode", json!("DRYING"))],
            "MAIN.operation.washerOperationMode=START",
        ),
        (
            "cooktop",
            &[
                ("operation.operationMode", json!("POWER_OFF")),
                ("LEFT_REAR.power.powerLevel", json!(1)),
            ],
            "not the whole device and LEFT_REAR",
        ),
        ("hood", &[], "nothing to set"),
    ];
    for (kind, pairs, wanted) in cases {
        let why = body(kind, pairs).expect_err("refused");
        assert!(why.contains(wanted), "{kind} {pairs:?}: {why}");
    }
}

fn sample(domain: &Domain) -> Value {
    match domain {
        Domain::Words(words) => json!(words.first().expect("a word")),
        Domain::Flag => json!(true),
        Domain::Range { max, .. } => json!(max),
        _ => json!(1),
    }
}

/// The property, and with it what the model says has to go in the same body.
fn whole(properties: &[Property], one: &Property) -> Vec<Setting> {
    let mut paths = vec![one.path.clone()];
    for path in &one.together {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    let value = |path: &PropertyPath| {
        let property = properties
            .iter()
            .find(|p| p.path == *path)
            .expect("in the model");
        // Both ovens' units allow 200.
        if path.property == "targetTemperature"
            && path.resource == "temperature"
            && property.unit.is_empty()
        {
            return json!(200);
        }
        sample(property.write.as_ref().expect("writable"))
    };
    paths
        .iter()
        .map(|path| Setting {
            path: path.clone(),
            value: value(path),
        })
        .collect()
}

#[test]
fn everything_that_any_profile_lets_be_written_makes_a_body_that_holds_it() {
    let mut written = 0;
    for kind in fixtures("profiles") {
        let (profile, state) = (fixture("profiles", &kind), fixture("state", &kind));
        let model = model(&profile);
        assert!(!model.properties.is_empty(), "{kind}");
        for one in model.writable() {
            let settings = whole(&model.properties, one);
            let made = control::body(&profile, Some(&state), &settings)
                .unwrap_or_else(|why| panic!("{kind} {}: {why}", one.path));
            let root = match &one.path.place {
                Some(place) if made.get(place).is_some() => &made[place],
                _ => &made,
            };
            let value = &root[&one.path.resource][&one.path.property];
            assert!(
                !value.is_null() || one.path.property == "relativeMinuteToStop",
                "{kind} {}: {made}",
                one.path
            );
            written += 1;
        }
    }
    assert!(written > 120, "{written}");
}

#[test]
fn what_a_state_holds_is_found_in_the_model_by_the_same_path() {
    for kind in fixtures("profiles") {
        let (model, state) = (model(&fixture("profiles", &kind)), fixture("state", &kind));
        let known = thingdeck::domain::state::leaves(&state)
            .into_iter()
            .filter(|leaf| leaf.path.property != "unit" && leaf.path.resource != "error")
            .filter(|leaf| model.property(&leaf.path).is_some())
            .count();
        assert!(known > 0, "{kind}");
        for property in model.properties.iter().filter(|p| p.path.place.is_some()) {
            let at = thingdeck::domain::state::at(&state, &property.path);
            assert!(
                at.is_some()
                    || property.write.is_some()
                    || property.path.property == "unit"
                    || kind == "wine_cellar",
                "{kind} {}",
                property.path
            );
        }
    }
}

fn ask(
    script: &Script,
    thinq: &Thinq,
    device: &str,
    pairs: &[(&str, Value)],
    dry_run: bool,
) -> Result<Reply, Problem> {
    let request = Request::Control {
        device: DeviceId::new(device),
        settings: settings(pairs),
        dry_run,
    };
    script.run(thinq.request(script, request))
}

#[test]
fn a_dry_run_shows_the_exact_body_and_sends_nothing() {
    let script = Script::new();
    script.add_device("hood", "hood");
    let thinq = thinq();
    let pairs = [("ventilation.fanSpeed", json!(2))];
    let shown = ask(&script, &thinq, "hood", &pairs, true).expect("a body");
    let text = r#"{"ventilation":{"fanSpeed":2},"lamp":{"lampBrightness":1}}"#;
    assert_eq!(
        shown,
        Reply::Control {
            body: text.to_owned(),
            sent: false
        }
    );
    assert_eq!(
        script.calls(),
        ["GET devices/hood/profile", "GET devices/hood/state"]
    );
    ask(&script, &thinq, "hood", &pairs, false).expect("sent");
    script.seen(|seen| {
        let sent = seen.last().expect("a call");
        assert_eq!(sent.line(), "POST devices/hood/control");
        assert_eq!(sent.call.body.as_deref(), Some(text.as_bytes()));
        assert_eq!(sent.header("x-conditional-control"), Some("true"));
    });
}

#[test]
fn after_a_command_the_state_is_read_anew() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let read = || {
        script
            .run(thinq.request(
                &script,
                Request::State {
                    device: DeviceId::new("d00"),
                },
            ))
            .expect("a state")
    };
    read();
    read();
    ask(
        &script,
        &thinq,
        "d00",
        &[("display.light", json!("ON"))],
        false,
    )
    .expect("sent");
    read();
    let reads = script
        .calls()
        .into_iter()
        .filter(|line| line.ends_with("/state"))
        .count();
    assert_eq!(reads, 2);
}

#[test]
fn one_device_is_commanded_at_most_every_three_seconds() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    for mode in ["POWER_ON", "POWER_OFF"] {
        ask(
            &script,
            &thinq,
            "d00",
            &[("operation.airConOperationMode", json!(mode))],
            false,
        )
        .expect("sent");
    }
    let at: Vec<_> = script.seen(|seen| {
        seen.iter()
            .filter(|s| s.line().ends_with("control"))
            .map(|s| s.at)
            .collect()
    });
    assert!(
        at[1].checked_sub(at[0]).unwrap() >= Duration::from_secs(3),
        "{at:?}"
    );
}

#[test]
fn a_start_is_never_repeated_and_other_commands_once_when_lg_asks() {
    let script = Script::new();
    script.add_device("washer", "washer");
    script.add_device("ac", "air_conditioner");
    script.fault("control", 9, Fault::Code(400, "2210"));
    let thinq = thinq();
    let sent = |needle: &str| script.calls().iter().filter(|c| c.contains(needle)).count();
    ask(
        &script,
        &thinq,
        "washer",
        &[("MAIN.operation.washerOperationMode", json!("START"))],
        false,
    )
    .expect_err("2210");
    assert_eq!(sent("washer/control"), 1);
    ask(
        &script,
        &thinq,
        "ac",
        &[("display.light", json!("ON"))],
        false,
    )
    .expect_err("2210");
    assert_eq!(sent("ac/control"), 2);
    script.heal();
    script.fault("control", 9, Fault::AnswerLost);
    let problem = ask(
        &script,
        &thinq,
        "ac",
        &[("display.light", json!("OFF"))],
        false,
    )
    .expect_err("lost");
    assert_eq!(sent("ac/control"), 3);
    assert!(
        problem.remedy.contains("may have been carried out"),
        "{problem}"
    );
}

#[test]
fn a_refusal_is_explained_and_a_changed_profile_is_read_again() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let pairs = [("operation.airConOperationMode", json!("POWER_ON"))];
    for (code, words) in [
        ("2301", "Remote Start"),
        ("2302", "one step at a time"),
        ("2304", "switch it on"),
        ("1308", "read-only"),
    ] {
        script.fault("control", 1, Fault::Code(400, code));
        let problem = ask(&script, &thinq, "d00", &pairs, false).expect_err(code);
        assert!(
            problem.cause.contains(code) && problem.remedy.contains(words),
            "{problem}"
        );
    }
    script.fault("control", 1, Fault::Code(400, "2207"));
    script.forget_calls();
    ask(&script, &thinq, "d00", &pairs, false).expect_err("2207");
    ask(&script, &thinq, "d00", &pairs, false).expect("sent");
    assert_eq!(
        script.calls(),
        [
            "POST devices/d00/control",
            "GET devices/d00/profile",
            "POST devices/d00/control"
        ]
    );
}

#[test]
fn what_cannot_be_set_is_wrong_usage_and_never_sent() {
    let script = Script::with_devices(1);
    let problem = ask(
        &script,
        &thinq(),
        "d00",
        &[("operation.airConOperationMode", json!("LOUD"))],
        false,
    )
    .expect_err("refused");
    assert_eq!(problem.exit, Exit::Usage);
    assert!(problem.cause.contains("POWER_ON, POWER_OFF"), "{problem}");
    assert_eq!(script.cloud(|cloud| cloud.controls.len()), 0);
}
