//! Controls: what the profile, the state and the appliance allow.

use serde_json::{Value, json};
use thingdeck::sim::SimEvent;

use crate::client::{Home, wait};

/// Alias, body, expected code; empty is success.
async fn check(cases: &[(&str, Value, &str)]) {
    let home = Home::quiet().await;
    let client = home.registered("hand").await;
    for (alias, body, code) in cases {
        let answer = client.control(&home.device(alias), body.clone()).await;
        assert_eq!(answer.error().1, *code, "{alias} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_profile_decides_what_may_be_written() {
    let ac = "거실 에어컨";
    check(&[
        (ac, json!({}), "1000"),
        (ac, json!([]), "1000"),
        (ac, json!({"nothing": {"x": 1}}), "2207"),
        (ac, json!({"airFlow": {"x": 1}}), "2207"),
        (
            ac,
            json!({"temperature": {"currentTemperature": 20}}),
            "2207",
        ),
        (ac, json!({"airFlow": {"windStrength": "STORM"}}), "1102"),
        (
            ac,
            json!({"operation": {"airCleanOperationMode": "ON"}}),
            "1102",
        ),
        (
            ac,
            json!({"temperatureInUnits": {"coolTargetTemperature": 24}}),
            "1101",
        ),
        (
            ac,
            json!({"temperatureInUnits": {"coolTargetTemperature": 24.25, "unit": "C"}}),
            "1102",
        ),
        (
            ac,
            json!({"temperatureInUnits": {"coolTargetTemperature": 40, "unit": "C"}}),
            "1102",
        ),
        (
            ac,
            json!({"temperatureInUnits": {"coolTargetTemperature": 75, "unit": "F"}}),
            "",
        ),
        (
            ac,
            json!({"temperatureInUnits": [{"coolTargetTemperature": 24, "unit": "C"}]}),
            "1000",
        ),
        (
            ac,
            json!({"twoSetTemperatureInUnits": {"coolTargetTemperature": 26, "unit": "C"}}),
            "2214",
        ),
        (ac, json!({"timer": {"relativeMinuteToStop": 10}}), "2214"),
        (
            ac,
            json!({"timer": {"relativeHourToStop": 1, "relativeMinuteToStop": 10}}),
            "",
        ),
        (ac, json!({"timer": {"relativeStopTimer": "SET"}}), "1102"),
        (ac, json!({"timer": {"relativeStopTimer": "UNSET"}}), ""),
        (
            ac,
            json!({"powerSave": {"powerSaveEnabled": "true"}}),
            "1102",
        ),
        (ac, json!({"powerSave": {"powerSaveEnabled": true}}), ""),
    ])
    .await;
}

#[tokio::test]
async fn places_parts_and_combinations_are_asked_for() {
    let (fridge, oven) = ("Kitchen fridge", "Double oven");
    let start = json!({"washerOperationMode": "START"});
    check(&[
        (fridge, json!({"temperatureInUnits": {"targetTemperatureC": -19}}), "1101"),
        (fridge, json!({"temperatureInUnits": {"locationName": "ATTIC", "targetTemperatureC": 3}}), "1102"),
        (fridge, json!({"temperatureInUnits": {"locationName": "FREEZER", "targetTemperatureF": 2}}), "1102"),
        (fridge, json!({"temperatureInUnits": {"locationName": "FREEZER", "targetTemperatureC": -19}}), ""),
        ("세탁기", json!({"operation": start}), "1101"),
        ("세탁기", json!({"location": {"locationName": "ATTIC"}, "operation": start}), "1102"),
        ("워시타워", json!({"operation": start}), "2207"),
        ("워시타워", json!({"washer": {"operation": {"washerOperationMode": "STOP"}}}), ""),
        ("인덕션", json!({"location": {"locationName": "LEFT_FRONT"}, "power": {"powerLevel": 3}}), "2214"),
        (
            "인덕션",
            json!({"location": {"locationName": "LEFT_FRONT"}, "power": {"powerLevel": 3}, "timer": {"remainHour": 0, "remainMinute": 9}}),
            "",
        ),
        ("인덕션", json!({"operation": {"operationMode": "POWER_OFF"}}), ""),
        (oven, json!({"timer": {"timerHour": 0, "timerMinute": 5}}), ""),
        (oven, json!({"cook": {"cookMode": "BAKE"}}), "1101"),
    ])
    .await;
}

#[tokio::test]
async fn the_state_decides_what_can_be_done_now() {
    let ac = "거실 에어컨";
    let main = |mode: &str| json!({"location": {"locationName": "MAIN"}, "operation": {"washerOperationMode": mode}});
    check(&[
        (ac, json!({"operation": {"airConOperationMode": "POWER_ON"}}), "2302"),
        (ac, json!({"temperatureInUnits": {"heatTargetTemperature": 22, "unit": "C"}}), "2305"),
        ("세탁기", main("START"), "2302"),
        ("세탁기", main("STOP"), ""),
        (
            "세탁기",
            json!({"location": {"locationName": "MINI"}, "operation": {"washerOperationMode": "START"}}),
            "2304",
        ),
        (
            "Double oven",
            json!({"location": {"locationName": "UPPER"}, "operation": {"ovenOperationMode": "START"}, "cook": {"cookMode": "BAKE"}, "temperature": {"targetTemperature": 180, "unit": "C"}}),
            "2301",
        ),
        ("로봇청소기", json!({"operation": {"cleanOperationMode": "START"}}), "2302"),
        ("로봇청소기", json!({"operation": {"cleanOperationMode": "HOMING"}}), ""),
    ])
    .await;
}

#[tokio::test]
async fn what_is_off_is_switched_on_first() {
    let home = Home::quiet().await;
    let client = home.registered("hand").await;
    let device = home.device("거실 에어컨");
    let power = |mode: &str| json!({"operation": {"airConOperationMode": mode}});
    let mut events = home.control.events();
    client.control(&device, power("POWER_OFF")).await.ok();
    wait(&mut events, |event| {
        matches!(event, SimEvent::Controlled { .. })
    })
    .await;
    let wind = json!({"airFlow": {"windStrength": "LOW"}});
    assert_eq!(
        client.control(&device, wind.clone()).await.error().1,
        "2304"
    );
    let both = json!({"operation": {"airConOperationMode": "POWER_ON"}, "airFlow": {"windStrength": "LOW"}});
    let answer = client.control(&device, both).await;
    assert_eq!(
        answer.json()["error"]["message"],
        "Command not supported in POWER_OFF"
    );
    client.control(&device, power("POWER_ON")).await.ok();
    wait(&mut events, |event| {
        matches!(event, SimEvent::Controlled { .. })
    })
    .await;
    client.control(&device, wind).await.ok();
}

#[tokio::test]
async fn a_start_needs_remote_control_at_the_appliance() {
    let home = Home::quiet().await;
    let client = home.registered("hand").await;
    let device = home.device("건조기");
    let operation = |mode: &str| json!({"operation": {"dryerOperationMode": mode}});
    let mut events = home.control.events();
    client.control(&device, operation("STOP")).await.ok();
    wait(&mut events, |event| {
        matches!(event, SimEvent::Controlled { .. })
    })
    .await;
    home.control.set_remote_control(&device, false);
    assert_eq!(
        client.control(&device, operation("START")).await.error().1,
        "2301"
    );
    home.control.set_remote_control(&device, true);
    client.control(&device, operation("START")).await.ok();
    wait(&mut events, |event| {
        matches!(event, SimEvent::Controlled { .. })
    })
    .await;
    let state = home.control.state(&device).unwrap();
    assert_eq!(state["runState"]["currentState"], "RUNNING");
}

#[tokio::test]
async fn every_part_obeys_its_own_command() {
    let home = Home::quiet().await;
    let client = home.registered("hand").await;
    let mut events = home.control.events();
    let mut obey = async |alias: &str, body: Value| {
        let id = home.device(alias);
        client.control(&id, body).await.ok();
        wait(&mut events, |event| {
            matches!(event, SimEvent::Controlled { .. })
        })
        .await;
        home.control.state(&id).unwrap()
    };
    let fridge = obey(
        "Kitchen fridge",
        json!({"temperatureInUnits": {"locationName": "FREEZER", "targetTemperatureC": -20}}),
    )
    .await;
    assert_eq!(fridge["temperatureInUnits"][1]["targetTemperatureF"], -4);
    assert_eq!(fridge["temperature"][1]["targetTemperature"], -20);
    assert_eq!(fridge["temperature"][0]["targetTemperature"], 3);
    let hobs = obey(
        "인덕션",
        json!({"operation": {"operationMode": "POWER_OFF"}}),
    )
    .await;
    let levels: Vec<_> = hobs
        .as_array()
        .unwrap()
        .iter()
        .map(|zone| &zone["power"]["powerLevel"])
        .collect();
    assert_eq!(levels, [0, 0, 0, 0]);
    let tower = obey(
        "워시타워",
        json!({"washer": {"operation": {"washerOperationMode": "STOP"}}}),
    )
    .await;
    assert_eq!(tower["washer"]["runState"]["currentState"], "PAUSE");
    let ac = obey(
        "거실 에어컨",
        json!({"timer": {"relativeStopTimer": "UNSET"}}),
    )
    .await;
    assert_eq!(ac["timer"]["relativeHourToStop"], Value::Null);
    let ac = obey(
        "거실 에어컨",
        json!({"sleepTimer": {"relativeHourToStop": 3}}),
    )
    .await;
    assert_eq!(
        ac["sleepTimer"],
        json!({"relativeHourToStop": 3, "relativeMinuteToStop": 0, "relativeStopTimer": "SET"})
    );
}
