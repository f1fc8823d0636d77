//! Air conditioners, purifiers, humidity, heating, plants.

use super::{Life, fahrenheit};

/// A sensor that wanders: path, least, most, step.
type Sensor = (&'static str, f64, f64, f64);

const AIR: [Sensor; 4] = [
    ("/airQualitySensor/PM1", 2.0, 40.0, 2.0),
    ("/airQualitySensor/PM2", 4.0, 90.0, 5.0),
    ("/airQualitySensor/PM10", 8.0, 140.0, 6.0),
    ("/airQualitySensor/humidity", 30.0, 70.0, 1.0),
];

fn sense(life: &mut Life<'_>) {
    for (path, low, high, step) in AIR {
        life.wander(path, low, high, step);
    }
    let dust = life.number("/airQualitySensor/PM2");
    for (name, value) in [
        ("PM1Level", life.number("/airQualitySensor/PM1") * 1.5),
        ("PM2Level", dust),
        ("PM10Level", life.number("/airQualitySensor/PM10") / 2.0),
        ("totalPollutionLevel", dust),
    ] {
        life.set(&format!("/airQualitySensor/{name}"), level(value).1);
    }
    life.set("/airQualitySensor/totalPollution", level(dust).0);
}

fn level(dust: f64) -> (u32, &'static str) {
    match dust {
        ..=15.0 => (1, "GOOD"),
        ..=35.0 => (2, "NORMAL"),
        ..=75.0 => (3, "BAD"),
        _ => (4, "VERY_BAD"),
    }
}

fn is_on(life: &Life<'_>, path: &str) -> bool {
    life.text(path) == "POWER_ON"
}

/// The room approaches the target while cooling or heating, and goes back to the weather otherwise.
pub fn conditioner(life: &mut Life<'_>) {
    const ROOM: &str = "/temperature/currentTemperature";
    let mode = life.text("/airConJobMode/currentJobMode");
    let working = is_on(life, "/operation/airConOperationMode")
        && matches!(mode.as_str(), "COOL" | "HEAT" | "AUTO");
    let target = if working {
        life.number("/temperature/targetTemperature")
    } else {
        28.0
    };
    if (life.number(ROOM) - target).abs() < 0.1 {
        life.wander(ROOM, target - 0.5, target + 0.5, 0.5);
    } else {
        life.approach(ROOM, target, 0.5);
    }
    let room = life.number(ROOM);
    life.set_number("/temperatureInUnits/0/currentTemperature", room);
    life.set_number("/temperatureInUnits/1/currentTemperature", fahrenheit(room));
    sense(life);
    if life.turn.is_multiple_of(6) {
        let used = life.number("/filterInfo/usedTime") + 1.0;
        life.set_number("/filterInfo/usedTime", used);
    }
    life.push_every(8, "WATER_IS_FULL");
}

pub fn purifier(life: &mut Life<'_>) {
    sense(life);
    life.wander("/airQualitySensor/odor", 1.0, 4.0, 1.0);
    let odor = match life.number("/airQualitySensor/odor") {
        ..=1.0 => "WEAK",
        ..=2.0 => "NORMAL",
        ..=3.0 => "STRONG",
        _ => "VERY_STRONG",
    };
    life.set("/airQualitySensor/odorLevel", odor);
    if life.chance(40) {
        life.set("/airQualitySensor/PM2", 88);
        life.push("POLLUTION_IS_HIGH");
    }
    life.push_every(9, "TIME_TO_CLEAN_FILTER");
}

pub fn purifier_fan(life: &mut Life<'_>) {
    sense(life);
    life.wander("/airQualitySensor/temperature", 20.0, 27.0, 0.5);
    life.push_every(10, "POLLUTION_IS_HIGH");
}

/// Dries the room to its target; the tank is full then and somebody empties it.
pub fn dehumidifier(life: &mut Life<'_>) {
    const ROOM: &str = "/humidity/currentHumidity";
    if !is_on(life, "/operation/dehumidifierOperationMode") {
        return life.approach(ROOM, 75.0, 1.0);
    }
    let target = life.number("/humidity/targetHumidity");
    if life.number(ROOM) > target {
        life.approach(ROOM, target, 2.0);
    } else {
        life.push("WATER_IS_FULL");
        life.set_number(ROOM, (target + 14.0).min(100.0));
    }
}

pub fn humidifier(life: &mut Life<'_>) {
    const ROOM: &str = "/airQualitySensor/humidity";
    sense(life);
    if is_on(life, "/operation/humidifierOperationMode") {
        let target = life.number("/humidity/targetHumidity");
        if life.number(ROOM) >= target {
            life.push("LACK_OF_WATER");
            life.set_number(ROOM, target - 12.0);
        } else {
            life.approach(ROOM, target, 2.0);
        }
    }
    life.wander("/airQualitySensor/temperature", 20.0, 25.0, 0.5);
}

pub fn ceiling_fan(life: &mut Life<'_>) {
    if is_on(life, "/operation/ceilingfanOperationMode") {
        let speeds = ["LOW", "MID", "HIGH", "TURBO"];
        let speed = speeds[life.rng.usize(..speeds.len())];
        life.set("/airFlow/windStrength", speed);
    }
}

pub fn ventilator(life: &mut Life<'_>) {
    sense(life);
    life.wander("/temperature/currentTemperature", 18.0, 28.0, 0.5);
    let co2 = ["GOOD", "NORMAL", "BAD"][life.rng.usize(..3)];
    life.set("/airQualitySensor/CO2", co2);
    life.push_every(12, "NEED_TO_CHANGE_DUST_FILTER");
}

pub fn plants(life: &mut Life<'_>) {
    let state = ["LOW", "NORMAL", "HIGH"][life.rng.usize(..3)];
    life.set("/0/temperature/temperatureState", state);
    life.wander("/0/light/brightness", 1.0, 5.0, 1.0);
}

pub fn boiler(life: &mut Life<'_>) {
    const AIR: &str = "/roomTemperatureInUnits/0/airCurrentTemperature";
    water(life, "hotWaterTemperatureInUnits", 30.0);
    life.wander(AIR, 18.0, 25.0, 1.0);
    let air = fahrenheit(life.number(AIR));
    life.set_number("/roomTemperatureInUnits/1/airCurrentTemperature", air);
}

pub fn water_heater(life: &mut Life<'_>) {
    water(life, "temperatureInUnits", 35.0);
    let now = life.number("/temperatureInUnits/0/currentTemperature");
    life.set_number("/temperature/currentTemperature", now);
}

/// Heats to the target; then somebody takes a shower.
fn water(life: &mut Life<'_>, resource: &str, cold: f64) {
    let path = format!("/{resource}/0/currentTemperature");
    let target = life.number(&format!("/{resource}/0/targetTemperature"));
    if life.number(&path) < target {
        life.approach(&path, target, 2.0);
    } else {
        let drawn = f64::from(life.rng.u8(4..12));
        life.set_number(&path, (target - drawn).max(cold));
    }
    let now = fahrenheit(life.number(&path));
    life.set_number(&format!("/{resource}/1/currentTemperature"), now);
}
