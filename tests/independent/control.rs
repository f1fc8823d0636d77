//! The special forms of section 11 of the reference, as bodies that reach the cloud.

use serde_json::json;

use crate::support::home::Home;

#[test]
fn each_special_form_of_a_command_has_the_body_that_the_reference_names() {
    let Some(home) = Home::start() else { return };
    let cases = [
        (
            "AIR_CONDITIONER",
            &["airConOperationMode=POWER_ON"][..],
            json!({"operation": {"airConOperationMode": "POWER_ON"}}),
        ),
        (
            "AIR_CONDITIONER",
            &["C.temperatureInUnits.coolTargetTemperature=24.5"],
            json!({"temperatureInUnits": {"coolTargetTemperature": 24.5, "unit": "C"}}),
        ),
        (
            "AIR_CONDITIONER",
            &["C.twoSetTemperatureInUnits.heatTargetTemperature=20"],
            json!({"twoSetTemperatureInUnits": {"heatTargetTemperature": 20, "unit": "C", "coolTargetTemperature": 26}}),
        ),
        (
            "AIR_CONDITIONER",
            &["timer.relativeStopTimer=UNSET"],
            json!({"timer": {"relativeStopTimer": "UNSET"}}),
        ),
        (
            "REFRIGERATOR",
            &["FREEZER.temperatureInUnits.targetTemperatureC=-19"],
            json!({"temperatureInUnits": {"locationName": "FREEZER", "targetTemperatureC": -19}}),
        ),
        (
            "WASHER",
            &["MAIN.washerOperationMode=START"],
            json!({"location": {"locationName": "MAIN"}, "operation": {"washerOperationMode": "START"}}),
        ),
        (
            "WASHCOMBO_MAIN",
            &["washerOperationMode=START", "mode.washerMode=DRYING"],
            json!({"location": {"locationName": "MAIN"}, "operation": {"washerOperationMode": "START"}, "mode": {"washerMode": "DRYING"}}),
        ),
        (
            "WASHTOWER",
            &["dryer.operation.dryerOperationMode=START"],
            json!({"dryer": {"operation": {"dryerOperationMode": "START"}}}),
        ),
        (
            "OVEN",
            &[
                "LOWER.ovenOperationMode=START",
                "LOWER.cookMode=BAKE",
                "LOWER.targetTemperature=200",
                "LOWER.temperature.unit=C",
            ],
            json!({"location": {"locationName": "LOWER"}, "operation": {"ovenOperationMode": "START"}, "cook": {"cookMode": "BAKE"}, "temperature": {"targetTemperature": 200, "unit": "C"}}),
        ),
        (
            "COOKTOP",
            &["CENTER.powerLevel=3", "CENTER.remainMinute=10"],
            json!({"location": {"locationName": "CENTER"}, "power": {"powerLevel": 3}, "timer": {"remainHour": 0, "remainMinute": 10}}),
        ),
        (
            "COOKTOP",
            &["operation.operationMode=POWER_OFF"],
            json!({"operation": {"operationMode": "POWER_OFF"}}),
        ),
        (
            "HOOD",
            &["fanSpeed=2"],
            json!({"ventilation": {"fanSpeed": 2}, "lamp": {"lampBrightness": 1}}),
        ),
        ("PET_FEEDER", &["bowl.fill=3"], json!({"bowl": {"fill": 3}})),
    ];
    for (kind, settings, body) in &cases {
        let device = home.id(&format!("DEVICE_{kind}"));
        let arguments = [&["control", device][..], settings].concat();
        home.run(&arguments).expect(0);
        let controls = home.cloud(&json!({"do": "controls"}));
        let last = controls.as_array().and_then(|all| all.last());
        let expected = json!({"device": device, "body": body});
        assert_eq!(last, Some(&expected), "{settings:?}");
    }
    home.assert_lawful();
}

#[test]
fn what_the_profile_does_not_allow_never_reaches_the_cloud() {
    let Some(home) = Home::start() else { return };
    let cases = [
        ("AIR_CONDITIONER", "temperature.coolTargetTemperature=24.3"),
        ("AIR_CONDITIONER", "currentTemperature=3"),
        (
            "REFRIGERATOR",
            "FREEZER.temperatureInUnits.targetTemperatureF=-8",
        ),
        ("REFRIGERATOR", "temperatureInUnits.targetTemperatureC=-19"),
        ("PET_FEEDER", "bowl.mood=purr"),
        ("KIMCHI_REFRIGERATOR", "TOP.temperature.targetTemperature=1"),
    ];
    for (kind, setting) in cases {
        let device = home.id(&format!("DEVICE_{kind}"));
        home.run(&["control", device, setting]).expect(2);
    }
    assert_eq!(home.cloud(&json!({"do": "controls"})), json!([]));
}
