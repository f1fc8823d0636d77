//! Machines that run a programme: washers, dryers, stylers; dish washers borrow it.

use super::Life;

/// How a machine runs.
pub struct Programme {
    /// Run states in order, each with the percentage of the time that has passed when it begins.
    pub phases: &'static [(&'static str, f64)],
    pub minutes: f64,
    pub done: &'static str,
    pub push: &'static str,
}

const WASH: Programme = Programme {
    phases: &[
        ("DETECTING", 0.0),
        ("RUNNING", 15.0),
        ("RINSING", 45.0),
        ("SPINNING", 75.0),
    ],
    minutes: 48.0,
    done: "END",
    push: "WASHING_IS_COMPLETE",
};
const DRY: Programme = Programme {
    phases: &[("DETECTING", 0.0), ("RUNNING", 10.0), ("COOLING", 80.0)],
    minutes: 60.0,
    done: "END",
    push: "DRYING_IS_COMPLETE",
};
const WASH_AND_DRY: Programme = Programme {
    phases: &[
        ("DETECTING", 0.0),
        ("RUNNING", 10.0),
        ("RINSING", 30.0),
        ("SPINNING", 45.0),
        ("DRYING", 55.0),
    ],
    minutes: 90.0,
    done: "END",
    push: "DRYING_IS_COMPLETE",
};
const STYLE: Programme = Programme {
    phases: &[
        ("PREHEAT", 0.0),
        ("STEAM", 20.0),
        ("DRYING", 50.0),
        ("COOLING", 85.0),
    ],
    minutes: 39.0,
    done: "COMPLETE",
    push: "STYLING_IS_COMPLETE",
};

pub fn washer(life: &mut Life<'_>) {
    run(life, "/0", &WASH);
}

pub fn tower(life: &mut Life<'_>) {
    run(life, "/washer", &WASH);
    run(life, "/dryer", &DRY);
}

pub fn dryer(life: &mut Life<'_>) {
    run(life, "", &DRY);
}

pub fn combo(life: &mut Life<'_>) {
    run(life, "/0", &WASH_AND_DRY);
}

pub fn styler(life: &mut Life<'_>) {
    run(life, "", &STYLE);
}

/// One step of a machine whose part of the state begins at `at`: idle, switched on, running, done, off.
pub fn run(life: &mut Life<'_>, at: &str, programme: &Programme) {
    let path = format!("{at}/runState/currentState");
    let dwell = life.dwell(&path);
    match life.text(&path).as_str() {
        "POWER_OFF" if dwell > 3 => switch(life, at, "INITIAL", true),
        "INITIAL" if dwell > 12 => start(life, at, programme),
        "PAUSE" | "ERROR" if dwell > 10 => resume(life, at, programme),
        state if state == programme.done => {
            if dwell > 2 {
                switch(life, at, "POWER_OFF", false);
            }
        }
        "POWER_OFF" | "INITIAL" | "PAUSE" | "ERROR" | "RESERVED" | "SLEEP" => {}
        _ => advance(life, at, programme),
    }
}

/// Somebody at the machine switches it on, with remote start, or off.
fn switch(life: &mut Life<'_>, at: &str, state: &str, remote: bool) {
    life.set(&format!("{at}/runState/currentState"), state);
    let path = format!("{at}/remoteControlEnable/remoteControlEnabled");
    life.set(&path, remote);
}

fn start(life: &mut Life<'_>, at: &str, programme: &Programme) {
    let count = life.number(&format!("{at}/cycle/cycleCount"));
    life.set_number(&format!("{at}/cycle/cycleCount"), count + 1.0);
    set_minutes(life, at, "total", programme.minutes);
    set_minutes(life, at, "remain", programme.minutes);
    resume(life, at, programme);
}

fn resume(life: &mut Life<'_>, at: &str, programme: &Programme) {
    let state = phase(programme, remaining(life, at));
    life.set(&format!("{at}/runState/currentState"), state);
}

/// Some minutes pass: the phase follows, and the end comes with a notification.
fn advance(life: &mut Life<'_>, at: &str, programme: &Programme) {
    let passed = f64::from(life.rng.u8(4..8));
    let left = match remaining(life, at) {
        // Started from outside: the programme's time begins now.
        left if left <= 0.0 => programme.minutes,
        left => (left - passed).clamp(0.0, programme.minutes),
    };
    set_minutes(life, at, "remain", left);
    if left > 0.0 {
        return resume(life, at, programme);
    }
    life.set(&format!("{at}/runState/currentState"), programme.done);
    life.push(programme.push);
}

fn phase(programme: &Programme, left: f64) -> &'static str {
    let passed = 100.0 - left * 100.0 / programme.minutes;
    let begun = programme.phases.iter().filter(|(_, from)| *from <= passed);
    begun.last().map_or("RUNNING", |(name, _)| name)
}

pub fn remaining(life: &Life<'_>, at: &str) -> f64 {
    life.number(&format!("{at}/timer/remainHour")) * 60.0
        + life.number(&format!("{at}/timer/remainMinute"))
}

pub fn set_minutes(life: &mut Life<'_>, at: &str, name: &str, minutes: f64) {
    life.set_number(&format!("{at}/timer/{name}Hour"), (minutes / 60.0).floor());
    life.set_number(&format!("{at}/timer/{name}Minute"), minutes % 60.0);
}
