//! Fridges, ovens, dish washers and the rest of the kitchen.

use serde_json::json;

use super::Life;
use super::laundry::{self, Programme, remaining, set_minutes};

const DISHES: Programme = Programme {
    phases: &[("RUNNING", 0.0), ("RINSING", 40.0), ("DRYING", 75.0)],
    minutes: 64.0,
    done: "END",
    push: "CLEANING_IS_COMPLETE",
};

pub fn dish_washer(life: &mut Life<'_>) {
    laundry::run(life, "", &DISHES);
    let door = match life.text("/runState/currentState").as_str() {
        "END" | "POWER_OFF" if life.turn.is_multiple_of(2) => "OPEN",
        _ => "CLOSE",
    };
    life.set("/doorStatus/doorState", door);
}

/// Somebody takes something out every few steps; now and then the door stays open.
pub fn refrigerator(life: &mut Life<'_>) {
    const DOOR: &str = "/doorStatus/0/doorState";
    if life.text(DOOR) == "OPEN" {
        if life.chance(2) {
            life.push("DOOR_IS_OPEN");
        }
        life.set(DOOR, "CLOSE");
    } else if life.turn % 2 == 1 {
        life.set(DOOR, "OPEN");
    }
    if life.turn.is_multiple_of(7) {
        for path in [
            "/waterFilterInfo/waterFilter1RemainPercent",
            "/refrigeration/freshAirFilterRemainPercent",
        ] {
            life.wander(path, 0.0, 100.0, 1.0);
        }
    }
}

pub fn kimchi_refrigerator(life: &mut Life<'_>) {
    let modes = ["KIMCHI", "MEAT_FISH", "VEGETABLE_FRUIT", "REFRIGERATOR"];
    if life.turn.is_multiple_of(3) {
        let mode = modes[life.rng.usize(..modes.len())];
        life.set("/temperature/1/targetTemperature", mode);
    }
    life.push_every(6, "DOOR_IS_OPEN");
}

pub fn wine_cellar(life: &mut Life<'_>) {
    life.wander("/operation/lightStatus", 0.0, 100.0, 10.0);
    life.push_every(6, "DOOR_IS_OPEN");
}

pub fn water_purifier(life: &mut Life<'_>) {
    let cock = if life.turn.is_multiple_of(4) {
        "CLEANING"
    } else {
        "NORMAL"
    };
    let heat = if life.turn % 9 == 5 {
        "HIGH_TEMP_STERILIZING"
    } else {
        "NORMAL"
    };
    let waters = if life.turn % 6 < 3 {
        json!(["COLD", "HOT"])
    } else {
        json!(["COLD", "NORMAL", "HOT"])
    };
    life.set("/runState/cockState", cock);
    life.set("/runState/sterilizingState", heat);
    life.set("/waterInfo/waterType", waters);
}

/// The lower cavity: preheat, cook, cool down, rest. The upper one only when told to.
pub fn oven(life: &mut Life<'_>) {
    cavity(life, "/0", false);
    cavity(life, "/1", true);
}

fn cavity(life: &mut Life<'_>, at: &str, by_itself: bool) {
    let path = format!("{at}/runState/currentState");
    let dwell = life.dwell(&path);
    match life.text(&path).as_str() {
        "PREHEATING" if dwell > 2 => {
            life.set(&path, "PREHEATING_IS_DONE");
            life.push("PREHEATING_IS_COMPLETE");
        }
        "PREHEATING_IS_DONE" if dwell > 1 => {
            let target = life.number(&format!("{at}/timer/targetHour")) * 60.0
                + life.number(&format!("{at}/timer/targetMinute"));
            let minutes = if target > 0.0 { target } else { 40.0 };
            set_minutes(life, at, "remain", minutes);
            life.set(&path, "COOKING_IN_PROGRESS");
        }
        "COOKING_IN_PROGRESS" => {
            let passed = f64::from(life.rng.u8(5..10));
            let left = (remaining(life, at) - passed).max(0.0);
            set_minutes(life, at, "remain", left);
            if left <= 0.0 {
                life.set(&path, "DONE");
                life.push("COOKING_IS_COMPLETE");
            }
        }
        "DONE" if dwell > 1 => life.set(&path, "COOLING"),
        "COOLING" if dwell > 2 => {
            life.set(&path, "INITIAL");
            let remote = format!("{at}/remoteControlEnable/remoteControlEnabled");
            life.set(&remote, true);
        }
        "INITIAL" if by_itself && dwell > 10 => life.set(&path, "PREHEATING"),
        _ => {}
    }
}

/// Zones that cook count down; an idle one is lit now and then.
pub fn cooktop(life: &mut Life<'_>) {
    for zone in 0..4 {
        let at = format!("/{zone}");
        let path = format!("{at}/cookingZone/currentState");
        match life.text(&path).as_str() {
            "COOK" => {
                let left = (remaining(life, &at) - 2.0).max(0.0);
                set_minutes(life, &at, "remain", left);
                if left <= 0.0 {
                    life.set(&path, "INITIAL");
                    life.set(&format!("{at}/power/powerLevel"), 0);
                }
            }
            "INITIAL" if life.chance(8) => {
                let level = life.rng.u8(3..9);
                life.set(&path, "COOK");
                life.set(&format!("{at}/power/powerLevel"), level);
                set_minutes(life, &at, "remain", 15.0);
            }
            _ => {}
        }
    }
}

pub fn microwave(life: &mut Life<'_>) {
    const STATE: &str = "/runState/currentState";
    let seconds = life.number("/timer/remainMinute") * 60.0 + life.number("/timer/remainSecond");
    match life.text(STATE).as_str() {
        "COOKING_IN_PROGRESS" => {
            let left = (seconds - 25.0).max(0.0);
            life.set_number("/timer/remainMinute", (left / 60.0).floor());
            life.set_number("/timer/remainSecond", left % 60.0);
            if left <= 0.0 {
                life.set(STATE, "DONE");
                life.push("COOKING_IS_COMPLETE");
            }
        }
        "DONE" => life.set(STATE, "INITIAL"),
        _ if life.chance(3) => {
            life.set("/timer/remainMinute", 2);
            life.set(STATE, "COOKING_IN_PROGRESS");
        }
        _ => {}
    }
}

pub fn hood(life: &mut Life<'_>) {
    let minutes = life.number("/timer/remainMinute");
    let next = if minutes > 0.0 { minutes - 1.0 } else { 9.0 };
    life.set_number("/timer/remainMinute", next);
}

pub fn home_brew(life: &mut Life<'_>) {
    let days = life.number("/timer/elapsedDayState") + 1.0;
    let total = life.number("/timer/elapsedDayTotal") + 1.0;
    let next = match life.text("/runState/currentState").as_str() {
        "DURING_FERMENTATION" if days > 8.0 => Some("TEMPERATURE_STABILIZATION"),
        "TEMPERATURE_STABILIZATION" if days > 2.0 => Some("CARBONATION"),
        "CARBONATION" if days > 3.0 => Some("DURING_AGING"),
        "DURING_AGING" if days > 4.0 => Some("DURING_FERMENTATION"),
        _ => None,
    };
    let days = if next.is_some() { 0.0 } else { days };
    if let Some(state) = next {
        life.set("/runState/currentState", state);
    }
    life.set_number("/timer/elapsedDayState", days);
    life.set_number("/timer/elapsedDayTotal", total.min(2731.0));
}
