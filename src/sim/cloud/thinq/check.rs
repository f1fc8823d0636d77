//! Whether a control may go to its device: first against the profile, then against the state
//! (`reference/lg-thinq.md` 9 and 11).

use serde_json::{Map, Value};

use super::codes::Refusal;
use crate::sim::world::Device;

type Checked = Result<(), Refusal>;
type Members = Map<String, Value>;

/// What the profile says: unknown or not writable is 2207, a value outside is 1102, a missing place or unit is 1101,
/// half of what belongs together is 2214.
pub fn against_profile(device: &Device, body: &Value) -> Checked {
    let body = body.as_object().filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| Refusal::from("1000"))?;
    if device.profile.get("property").is_none() {
        return parts(&device.profile, body);
    }
    together(device, body)?;
    one_part(&device.profile, body)
}

/// A wash tower: one key per half.
fn parts(profile: &Value, body: &Members) -> Checked {
    for (part, inner) in body {
        let profile = profile.get(part).ok_or_else(|| Refusal::from("2207"))?;
        let inner = inner.as_object().ok_or_else(|| Refusal::from("1000"))?;
        one_part(profile, inner)?;
    }
    Ok(())
}

fn one_part(profile: &Value, body: &Members) -> Checked {
    match profile.get("property") {
        Some(Value::Array(places)) => {
            let Some(location) = body.get("location") else {
                return without_place(profile, places, body);
            };
            let name = location
                .get("locationName")
                .ok_or_else(|| Refusal::from("1101"))?;
            let place = places
                .iter()
                .find(|place| place.pointer("/location/locationName") == Some(name))
                .ok_or_else(|| Refusal::from("1102"))?;
            if body.len() == 1 {
                return Err("1101".into());
            }
            resources(place, body)
        }
        Some(property) => resources(property, body),
        None => Err("2207".into()),
    }
}

/// Only what belongs to the whole device may come without a place; an oven's kitchen timer, too.
fn without_place(profile: &Value, places: &[Value], body: &Members) -> Checked {
    let extension = profile.get("extensionProperty").unwrap_or(&Value::Null);
    if body.keys().all(|name| extension.get(name).is_some()) {
        return resources(extension, body);
    }
    let timer = body.get("timer").and_then(Value::as_object);
    let kitchen = timer.is_some_and(|t| t.keys().all(|name| name.starts_with("timer")));
    match places.first() {
        Some(first) if kitchen && body.len() == 1 => resources(first, body),
        _ => Err("1101".into()),
    }
}

fn resources(profile: &Value, body: &Members) -> Checked {
    for (name, values) in body.iter().filter(|(name, _)| *name != "location") {
        let values = values.as_object().filter(|values| !values.is_empty());
        let values = values.ok_or_else(|| Refusal::from("1000"))?;
        match profile.get(name) {
            Some(Value::Array(entries)) => by_key(entries, values)?,
            Some(Value::Object(descriptors)) => properties(descriptors, values)?,
            _ => return Err("2207".into()),
        }
    }
    Ok(())
}

/// A resource in several entries, by `locationName` or by `unit`: the body names one of them.
fn by_key(entries: &[Value], values: &Members) -> Checked {
    let key = ["locationName", "unit"]
        .into_iter()
        .find(|key| {
            entries
                .iter()
                .all(|entry| entry.get(*key).is_some_and(Value::is_string))
        })
        .ok_or_else(|| Refusal::from("2207"))?;
    let wanted = values.get(key).ok_or_else(|| Refusal::from("1101"))?;
    let entry = entries
        .iter()
        .find(|entry| entry.get(key) == Some(wanted))
        .and_then(Value::as_object)
        .ok_or_else(|| Refusal::from("1102"))?;
    let rest: Members = values
        .iter()
        .filter(|(name, _)| *name != key)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if rest.is_empty() {
        return Err("1101".into());
    }
    properties(entry, &rest)
}

fn properties(descriptors: &Members, values: &Members) -> Checked {
    for (name, value) in values {
        let descriptor = descriptors.get(name).ok_or_else(|| Refusal::from("2207"))?;
        if name == "unit" {
            readable_unit(descriptor, value)?;
            continue;
        }
        let mode = descriptor.get("mode").and_then(Value::as_array);
        if !mode.is_some_and(|mode| mode.iter().any(|m| m == "w")) {
            return Err("2207".into());
        }
        if !fits(name, descriptor, value) {
            return Err(Refusal::with(
                "1102",
                format!("Unacceptable parameters: {name}"),
            ));
        }
    }
    Ok(())
}

/// The unit goes along with a temperature, though it is not writable by itself.
fn readable_unit(descriptor: &Value, value: &Value) -> Checked {
    let known = descriptor == value
        || descriptor
            .pointer("/value/r")
            .and_then(Value::as_array)
            .is_some_and(|units| units.contains(value));
    if known { Ok(()) } else { Err("1102".into()) }
}

fn fits(name: &str, descriptor: &Value, value: &Value) -> bool {
    let allowed = descriptor.pointer("/value/w").unwrap_or(&Value::Null);
    match descriptor.get("type").and_then(Value::as_str) {
        Some("enum") => allowed.as_array().is_some_and(|list| list.contains(value)),
        Some("boolean") => value.is_boolean(),
        Some("range") => in_range(allowed, value),
        Some("number") => timer_number(name, value),
        Some("string") => value.is_string(),
        _ => false,
    }
}

fn in_range(range: &Value, value: &Value) -> bool {
    let bound = |name: &str| range.get(name).and_then(Value::as_f64);
    let (Some(least), Some(most), Some(value)) = (bound("min"), bound("max"), value.as_f64())
    else {
        return false;
    };
    let step = bound("step").filter(|step| *step > 0.0).unwrap_or(1.0);
    let steps = (value - least) / step;
    let except = range.get("except").and_then(Value::as_array);
    let excepted = except.is_some_and(|list| list.iter().any(|v| v.as_f64() == Some(value)));
    (least..=most).contains(&value) && (steps - steps.round()).abs() < 1e-6 && !excepted
}

/// Numbers without a range are hours and minutes; -1 resets an absolute timer.
fn timer_number(name: &str, value: &Value) -> bool {
    let Some(number) = value.as_i64() else {
        return false;
    };
    match () {
        () if name.contains("Hour") => (-1..=23).contains(&number),
        () if name.contains("Minute") => (-1..=59).contains(&number),
        () => true,
    }
}

/// What must come together in one body.
fn together(device: &Device, body: &Members) -> Checked {
    let has = |resource: &str, property: &str| {
        body.get(resource)
            .is_some_and(|values| values.get(property).is_some())
    };
    let touches = |resource: &str| body.contains_key(resource);
    let complete = match device.kind.name {
        "cooktop" => {
            !(touches("power") || touches("timer"))
                || has("power", "powerLevel")
                    && has("timer", "remainHour")
                    && has("timer", "remainMinute")
        }
        "hood" | "microwave_oven" => {
            has("ventilation", "fanSpeed") == has("lamp", "lampBrightness")
        }
        "washcombo_main" => !touches("mode") || has("operation", "washerOperationMode"),
        _ => two_set(body) && minutes_have_hours(body),
    };
    if complete { Ok(()) } else { Err("2214".into()) }
}

fn two_set(body: &Members) -> bool {
    ["twoSetTemperature", "twoSetTemperatureInUnits"]
        .iter()
        .filter_map(|name| body.get(*name))
        .all(|values| {
            values.get("coolTargetTemperature").is_some()
                && values.get("heatTargetTemperature").is_some()
        })
}

fn minutes_have_hours(body: &Members) -> bool {
    ["timer", "sleepTimer"]
        .iter()
        .filter_map(|name| body.get(*name)?.as_object())
        .all(|values| {
            values
                .keys()
                .filter(|name| name.contains("MinuteTo"))
                .all(|name| values.contains_key(&name.replace("Minute", "Hour")))
        })
}

/// What the state says, when the client asks for it with `x-conditional-control: true`: 2301 to 2305.
pub fn against_state(device: &Device, body: &Value) -> Checked {
    let Some(body) = body.as_object() else {
        return Ok(());
    };
    if device.profile.get("property").is_none() {
        for (part, inner) in body {
            let state = device.state.get(part).unwrap_or(&Value::Null);
            part_state(state, inner)?;
        }
        return Ok(());
    }
    let whole = Value::Object(body.clone());
    match &device.state {
        Value::Array(places) => {
            let name = whole.pointer("/location/locationName");
            let place = places
                .iter()
                .find(|place| name.is_some() && place.pointer("/location/locationName") == name);
            place.map_or(Ok(()), |place| part_state(place, &whole))
        }
        state => part_state(state, &whole),
    }
}

fn part_state(state: &Value, body: &Value) -> Checked {
    machine(state, body)?;
    switch(state, body)?;
    target(state, body)
}

/// Machines with a run state.
fn machine(state: &Value, body: &Value) -> Checked {
    let run = state
        .pointer("/runState/currentState")
        .and_then(Value::as_str);
    let Some(run) = run.filter(|run| *run != "NORMAL") else {
        return remote(state, body);
    };
    let operation = body.get("operation").and_then(Value::as_object);
    let cleaner = operation.is_some_and(|o| o.contains_key("cleanOperationMode"));
    for mode in operation
        .iter()
        .flat_map(|o| o.values())
        .filter_map(Value::as_str)
    {
        let idle = matches!(
            run,
            "INITIAL"
                | "PAUSE"
                | "END"
                | "COMPLETE"
                | "DONE"
                | "COOLING"
                | "RESERVED"
                | "RUNNING_END"
                | "STAY"
                | "PREHEATING_IS_DONE"
                | "CLEANING_IS_DONE"
        );
        match mode {
            "START" | "PAUSE" if run == "ERROR" => return Err("2303".into()),
            "START" if cleaner && run == "WORKING" => return in_state(run),
            "PAUSE" if cleaner && run != "WORKING" && run != "HOMING" => return in_state(run),
            "HOMING" if matches!(run, "CHARGING" | "HOMING") => return in_state(run),
            _ if cleaner => {}
            "START" if run == "POWER_OFF" => return Err("2304".into()),
            "START" if !idle => return in_state(run),
            "STOP" if run == "POWER_OFF" => return Err("2304".into()),
            "STOP" if idle && run != "RESERVED" => return in_state(run),
            "POWER_OFF" if run == "POWER_OFF" => return Err("2304".into()),
            "WAKE_UP" if !matches!(run, "SLEEP" | "POWER_OFF") => return in_state(run),
            _ => {}
        }
    }
    remote(state, body)
}

/// A start from afar has to be allowed at the appliance.
fn remote(state: &Value, body: &Value) -> Checked {
    let off =
        state.pointer("/remoteControlEnable/remoteControlEnabled") == Some(&Value::Bool(false));
    let starts = body
        .get("operation")
        .and_then(Value::as_object)
        .is_some_and(|o| o.values().any(|mode| mode == "START"));
    if off && (starts || body.get("power").is_some()) {
        return Err("2301".into());
    }
    Ok(())
}

/// Appliances with a power switch: what is on cannot be switched on, and what is off does nothing else.
fn switch(state: &Value, body: &Value) -> Checked {
    let operation = state.get("operation").and_then(Value::as_object);
    let switch = operation.and_then(|o| {
        o.iter()
            .find(|(_, v)| matches!(v.as_str(), Some("POWER_ON" | "POWER_OFF")))
    });
    let Some((name, power)) = switch else {
        return Ok(());
    };
    let asked = body.pointer(&format!("/operation/{name}"));
    let is_on = power == "POWER_ON";
    let alone = body.as_object().is_some_and(|b| b.len() == 1);
    match asked.and_then(Value::as_str) {
        Some("POWER_ON") if is_on => in_state("POWER_ON"),
        // Some models refuse to be switched on and set in one go; this home's do.
        Some("POWER_ON") if !alone => in_state("POWER_OFF"),
        Some("POWER_ON") => Ok(()),
        // Timers may be set while an appliance is off: that is what start timers are for.
        None if !is_on && body.get("timer").is_some() && alone => Ok(()),
        _ if !is_on => Err("2304".into()),
        _ => Ok(()),
    }
}

/// An air conditioner takes the target of the mode it is in.
fn target(state: &Value, body: &Value) -> Checked {
    let mode = state
        .pointer("/airConJobMode/currentJobMode")
        .and_then(Value::as_str);
    let asked = body
        .pointer("/airConJobMode/currentJobMode")
        .and_then(Value::as_str);
    let Some(mode) = asked.or(mode) else {
        return Ok(());
    };
    for resource in ["temperature", "temperatureInUnits"] {
        let names = body.get(resource).and_then(Value::as_object);
        for name in names.iter().flat_map(|n| n.keys()) {
            let fine = match name.as_str() {
                "coolTargetTemperature" => mode == "COOL",
                "heatTargetTemperature" => mode == "HEAT",
                "autoTargetTemperature" => mode == "AUTO",
                "targetTemperature" => matches!(mode, "COOL" | "HEAT" | "AUTO"),
                _ => true,
            };
            if !fine {
                let message = format!("Command not supported in {mode}");
                return Err(Refusal::with("2305", message));
            }
        }
    }
    Ok(())
}

fn in_state(state: &str) -> Checked {
    let message = format!("Command not supported in {state}");
    Err(Refusal::with("2302", message))
}
