//! Cleaners with a battery.

use super::Life;

const STATE: &str = "/runState/currentState";
const BATTERY: &str = "/battery/percent";

/// Cleans until the battery is low, drives home, charges, watches the home for a while, and cleans again.
pub fn robot(life: &mut Life<'_>) {
    let dwell = life.dwell(STATE);
    match life.text(STATE).as_str() {
        "WORKING" => {
            let used = f64::from(life.rng.u8(6..11));
            charge(life, -used);
            run_time(life);
            if life.number(BATTERY) < 40.0 {
                life.set(STATE, "HOMING");
                life.push("CLEANING_IS_COMPLETED");
            }
        }
        "HOMING" if dwell > 2 => life.set(STATE, "CHARGING"),
        "CHARGING" => {
            charge(life, 14.0);
            if life.number(BATTERY) >= 100.0 {
                life.set(STATE, "MONITORING_MOVING");
            }
        }
        "MONITORING_MOVING" => {
            charge(life, -1.0);
            life.set(STATE, "MONITORING_DETECTING");
        }
        "MONITORING_DETECTING" if dwell > 2 => {
            life.set(STATE, "STANDBY");
            life.push("HOMEGUARD_IS_STOPPED");
        }
        "MONITORING_DETECTING" => {
            charge(life, -1.0);
            if life.chance(3) {
                life.push("MOTION_IS_DETECTED");
            }
        }
        "STANDBY" | "INITIALIZING" | "SLEEP" if dwell > 3 => {
            life.set("/timer/runningHour", 0);
            life.set("/timer/runningMinute", 0);
            life.set(STATE, "WORKING");
        }
        "PAUSE" if dwell > 10 => life.set(STATE, "WORKING"),
        "ERROR" if dwell > 3 => life.set(STATE, "HOMING"),
        _ => {}
    }
}

fn run_time(life: &mut Life<'_>) {
    let minutes = life.number("/timer/runningMinute") + 3.0;
    let hours = life.number("/timer/runningHour") + (minutes / 60.0).floor();
    life.set_number("/timer/runningHour", hours);
    life.set_number("/timer/runningMinute", minutes % 60.0);
}

fn charge(life: &mut Life<'_>, by: f64) {
    let percent = (life.number(BATTERY) + by).clamp(0.0, 100.0);
    life.set_number(BATTERY, percent);
    let level = match percent {
        ..=15.0 => "LOW",
        ..=50.0 => "MID",
        ..=95.0 => "HIGH",
        _ => "FULL",
    };
    life.set("/battery/level", level);
}

pub fn stick(life: &mut Life<'_>) {
    let percent = life.number(BATTERY);
    match life.text(STATE).as_str() {
        "CHARGING" if percent >= 100.0 => {
            life.set(STATE, "CHARGING_COMPLETE");
            life.push("CHARGING_IS_COMPLETE");
        }
        "CHARGING" => stick_charge(life, percent + 9.0),
        "CHARGING_COMPLETE" | "STANDBY" => {
            life.set(STATE, "WORKING");
            life.set("/stickCleanerJobMode/currentJobMode", "AUTO");
        }
        "WORKING" if percent <= 25.0 => {
            life.set(STATE, "CHARGING");
            life.set("/stickCleanerJobMode/currentJobMode", "OFF");
        }
        _ => stick_charge(life, percent - 12.0),
    }
}

fn stick_charge(life: &mut Life<'_>, percent: f64) {
    let percent = percent.clamp(0.0, 100.0);
    life.set_number(BATTERY, percent);
    let level = match percent {
        ..=10.0 => "WARNING",
        ..=30.0 => "LOW",
        ..=70.0 => "MID",
        _ => "HIGH",
    };
    life.set("/battery/level", level);
}
