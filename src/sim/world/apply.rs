//! How a device obeys a control that the cloud has checked.
//!
//! Values land where the state has them; what a command means beyond that (a start, a power switch, a timer) is in
//! `consequences`. What a device cannot do changes nothing.

use serde_json::{Map, Value, json};

use super::life::{celsius, fahrenheit, number};

/// Applies `body` (`reference/lg-thinq.md` 11) to `state`.
pub fn apply(profile: &Value, state: &mut Value, body: &Value) {
    let Some(body) = body.as_object() else {
        return;
    };
    if profile.get("property").is_none() {
        for (part, inner) in body {
            if let (Some(profile), Some(state)) = (profile.get(part), state.get_mut(part)) {
                apply(profile, state, inner);
            }
        }
        return;
    }
    let place = body.get("location").and_then(|l| l.get("locationName"));
    match state {
        Value::Array(parts) => {
            let is_wanted =
                |part: &Value| place.is_none() || part.pointer("/location/locationName") == place;
            let wanted = parts.iter_mut().filter(|part| is_wanted(part));
            // Without a place a command is for the whole cooktop, a kitchen timer for the first cavity.
            let all = body.contains_key("operation") || place.is_some();
            for part in wanted.take(if all { usize::MAX } else { 1 }) {
                apply_part(part, body);
            }
        }
        part => apply_part(part, body),
    }
}

fn apply_part(state: &mut Value, body: &Map<String, Value>) {
    for (resource, values) in body.iter().filter(|(name, _)| *name != "location") {
        if let (Some(slot), Some(values)) = (state.get_mut(resource), values.as_object()) {
            apply_resource(slot, values);
        }
    }
    consequences(state, body);
}

fn apply_resource(slot: &mut Value, values: &Map<String, Value>) {
    match slot {
        Value::Array(entries) => {
            for entry in entries {
                let same = |key: &str| values.get(key).is_none_or(|v| entry.get(key) == Some(v));
                if same("locationName") && same("unit") {
                    assign(entry, values);
                } else if same("locationName") {
                    assign(entry, &in_the_other_unit(values));
                }
            }
        }
        resource => assign(resource, values),
    }
}

/// The same temperatures for the entry of the other unit, which shows them, too.
fn in_the_other_unit(values: &Map<String, Value>) -> Map<String, Value> {
    let is_celsius = values.get("unit") == Some(&json!("C"));
    let convert = |degrees: f64| {
        number(if is_celsius {
            fahrenheit(degrees)
        } else {
            celsius(degrees)
        })
    };
    values
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), convert(value.as_f64()?))))
        .collect()
}

fn assign(resource: &mut Value, values: &Map<String, Value>) {
    let Some(members) = resource.as_object_mut() else {
        return;
    };
    for (name, value) in values {
        let read = match (name.as_str(), value.as_str()) {
            ("airCleanOperationMode", Some("START")) => json!("ON"),
            ("airCleanOperationMode", Some("STOP")) => json!("OFF"),
            _ => value.clone(),
        };
        if members.contains_key(name) {
            members.insert(name.clone(), read);
        }
    }
    timers(members, values);
}

/// An hour or a minute sets its timer; the companion UNSET, or -1, empties it.
fn timers(members: &mut Map<String, Value>, values: &Map<String, Value>) {
    for kind in ["relative", "absolute"] {
        for edge in ["Start", "Stop"] {
            let names = ["Hour", "Minute"].map(|unit| format!("{kind}{unit}To{edge}"));
            let companion = format!("{kind}{edge}Timer");
            let given = names.iter().find_map(|name| values.get(name));
            let cancelled = values.get(&companion) == Some(&json!("UNSET"))
                || given.and_then(Value::as_i64) == Some(-1);
            if given.is_none() && !cancelled {
                continue;
            }
            for name in &names {
                match (members.get_mut(name), values.get(name)) {
                    (Some(slot), _) if cancelled => *slot = Value::Null,
                    (Some(slot), None) if slot.is_null() => *slot = json!(0),
                    _ => {}
                }
            }
            let word = if cancelled { "UNSET" } else { "SET" };
            if let Some(slot) = members.get_mut(&companion) {
                *slot = json!(word);
            }
        }
    }
}

fn consequences(state: &mut Value, body: &Map<String, Value>) {
    let asked = |pointer: &str| {
        let (resource, property) = pointer.split_once('/')?;
        body.get(resource)?.get(property).cloned()
    };
    if let Some(operation) = body.get("operation").and_then(Value::as_object) {
        for (name, mode) in operation {
            operate(state, name, mode.as_str().unwrap_or_default());
        }
    }
    if let Some(level) = asked("power/powerLevel") {
        let cooks = level.as_i64().unwrap_or_default() > 0;
        set(
            state,
            "/cookingZone/currentState",
            json!(if cooks { "COOK" } else { "INITIAL" }),
        );
    }
    conditioner_target(state, body);
    twin_units(state, body);
}

/// What the write-only modes do to the state that can be read.
fn operate(state: &mut Value, name: &str, mode: &str) {
    const RUN: &str = "/runState/currentState";
    let next = match (name, mode) {
        ("operationMode", "POWER_OFF") => {
            set(state, "/power/powerLevel", json!(0));
            set(state, "/timer/remainHour", json!(0));
            set(state, "/timer/remainMinute", json!(0));
            return set(state, "/cookingZone/currentState", json!("INITIAL"));
        }
        ("cleanOperationMode", "START") => "WORKING",
        ("cleanOperationMode", "HOMING") => "HOMING",
        ("cleanOperationMode", "WAKE_UP") => "STANDBY",
        ("ovenOperationMode", "START") => "PREHEATING",
        ("ovenOperationMode", "STOP") => {
            set(state, "/timer/remainHour", json!(0));
            set(state, "/timer/remainMinute", json!(0));
            "INITIAL"
        }
        ("stylerOperationMode", "START") => "PREHEAT",
        (_, "START") => "RUNNING",
        (_, "PAUSE" | "STOP") => "PAUSE",
        (_, "WAKE_UP") => "INITIAL",
        (_, "POWER_OFF") if state.pointer(RUN) != Some(&json!("NORMAL")) => {
            set(state, "/timer/remainHour", json!(0));
            set(state, "/timer/remainMinute", json!(0));
            "POWER_OFF"
        }
        _ => return,
    };
    if name != "airCleanOperationMode" {
        set(state, RUN, json!(next));
    }
}

/// `coolTargetTemperature` and its like are written, `targetTemperature` is read, in both units.
fn conditioner_target(state: &mut Value, body: &Map<String, Value>) {
    const NAMES: [&str; 4] = [
        "targetTemperature",
        "coolTargetTemperature",
        "heatTargetTemperature",
        "autoTargetTemperature",
    ];
    for resource in ["temperature", "temperatureInUnits"] {
        let Some(values) = body.get(resource).and_then(Value::as_object) else {
            continue;
        };
        if values.contains_key("locationName") || body.contains_key("location") {
            continue;
        }
        for name in NAMES {
            let Some(given) = values.get(name).and_then(Value::as_f64) else {
                continue;
            };
            let celsius = match values.get("unit").and_then(Value::as_str) {
                Some("F") => celsius(given),
                _ => given,
            };
            for name in ["targetTemperature", name] {
                set(state, &format!("/temperature/{name}"), number(celsius));
                set(
                    state,
                    &format!("/temperatureInUnits/0/{name}"),
                    number(celsius),
                );
                let degrees = number(fahrenheit(celsius));
                set(state, &format!("/temperatureInUnits/1/{name}"), degrees);
            }
        }
    }
}

/// Fridges and cellars: one place, both units, both resources.
fn twin_units(state: &mut Value, body: &Map<String, Value>) {
    for resource in ["temperature", "temperatureInUnits"] {
        let Some(values) = body.get(resource).and_then(Value::as_object) else {
            continue;
        };
        let Some(place) = values.get("locationName") else {
            continue;
        };
        let value = |name: &str| values.get(name).and_then(Value::as_f64);
        let celsius = value("targetTemperatureC")
            .or_else(|| value("targetTemperature"))
            .or_else(|| value("targetTemperatureF").map(|f| ((f - 32.0) * 5.0 / 9.0).round()));
        let Some(celsius) = celsius else {
            continue;
        };
        for (resource, name, degrees) in [
            ("temperature", "targetTemperature", celsius),
            ("temperatureInUnits", "targetTemperatureC", celsius),
            (
                "temperatureInUnits",
                "targetTemperatureF",
                fahrenheit(celsius),
            ),
        ] {
            let entries = state.get_mut(resource).and_then(Value::as_array_mut);
            for entry in entries.into_iter().flatten() {
                if entry.get("locationName") == Some(place) {
                    set(entry, &format!("/{name}"), number(degrees));
                }
            }
        }
    }
}

fn set(state: &mut Value, pointer: &str, value: Value) {
    if let Some(slot) = state.pointer_mut(pointer) {
        *slot = value;
    }
}
