//! What belongs together: properties that go in one body, and two descriptors of one path.

use serde_json::Number;

use crate::domain::model::{Domain, Property};
use crate::domain::request::PropertyPath;

/// Fills in what must be sent in one body (`reference/lg-thinq.md` 11).
pub fn group(properties: &mut [Property]) {
    let writable: Vec<_> = properties
        .iter()
        .filter(|p| p.write.is_some())
        .map(|p| p.path.clone())
        .collect();
    for property in properties.iter_mut().filter(|p| p.write.is_some()) {
        property.together = companions(&property.path, &writable);
    }
}

/// What has to stand in the same body as `path`, of what can be written.
pub fn companions(path: &PropertyPath, writable: &[PropertyPath]) -> Vec<PropertyPath> {
    let beside = |resource: &str, property: &str| PropertyPath {
        place: path.place.clone(),
        resource: resource.to_owned(),
        property: property.to_owned(),
    };
    let mut wanted = Vec::new();
    let (resource, property) = (path.resource.as_str(), path.property.as_str());
    match (resource, property) {
        ("power", "powerLevel") => wanted.extend([
            beside("timer", "remainHour"),
            beside("timer", "remainMinute"),
        ]),
        ("timer", "remainHour" | "remainMinute") => {
            wanted.extend([
                beside("power", "powerLevel"),
                beside("timer", "remainHour"),
                beside("timer", "remainMinute"),
            ]);
        }
        ("ventilation", "fanSpeed") => wanted.push(beside("lamp", "lampBrightness")),
        ("lamp", "lampBrightness") => wanted.push(beside("ventilation", "fanSpeed")),
        ("operation", "washerOperationMode") => wanted.push(beside("mode", "washerMode")),
        ("mode", "washerMode") => wanted.push(beside("operation", "washerOperationMode")),
        ("operation", "ovenOperationMode") => wanted.extend([
            beside("cook", "cookMode"),
            beside("temperature", "targetTemperature"),
            beside("temperature", "unit"),
        ]),
        ("temperature", "targetTemperature") => wanted.push(beside("temperature", "unit")),
        ("temperature", "unit") => wanted.push(beside("temperature", "targetTemperature")),
        _ if resource.starts_with("twoSetTemperature") => {
            wanted.extend([
                beside(resource, "heatTargetTemperature"),
                beside(resource, "coolTargetTemperature"),
            ]);
        }
        _ => wanted.extend(other_hand(property).map(|other| beside(resource, &other))),
    }
    wanted.retain(|other| other != path && writable.contains(other));
    wanted
}

/// `relativeMinuteToStop` for `relativeHourToStop`, and the reverse.
pub fn other_hand(property: &str) -> Option<String> {
    let lower = |word: &str| word.to_lowercase();
    for (one, other) in [("Hour", "Minute"), ("Minute", "Hour")] {
        if property.contains(one) {
            return Some(property.replacen(one, other, 1));
        }
        if property.starts_with(&lower(one)) {
            return Some(property.replacen(&lower(one), &lower(other), 1));
        }
    }
    None
}

/// Two descriptors of one path, as of an oven's temperature in C and in F: the model offers what either allows, and the
/// control form checks against the unit that is meant.
pub fn widen(known: &mut Property, other: &Property) {
    known.read = wider(&known.read, &other.read);
    known.write = match (&known.write, &other.write) {
        (Some(known), Some(other)) => Some(wider(known, other)),
        (known, other) => known.clone().or_else(|| other.clone()),
    };
    if let (Domain::Constant(_), Domain::Words(units)) = (&other.read, &known.read)
        && known.path.property == "unit"
    {
        // The unit can be chosen, then.
        known.write = Some(Domain::Words(units.clone()));
    }
    if known.unit != other.unit {
        known.unit.clear();
    }
}

fn wider(a: &Domain, b: &Domain) -> Domain {
    match (a, b) {
        _ if a == b => a.clone(),
        (
            Domain::Range {
                min: low,
                max: high,
                step,
                except,
            },
            Domain::Range {
                min: other_low,
                max: other_high,
                step: other_step,
                except: others,
            },
        ) if step == other_step => {
            let of = |n: &Number| n.as_f64().unwrap_or_default();
            let apart = (of(low) - of(other_low)) / of(step);
            if (apart - apart.round()).abs() > 1e-6 || !except.is_empty() || !others.is_empty() {
                return Domain::Number;
            }
            Domain::Range {
                min: if of(low) <= of(other_low) {
                    low
                } else {
                    other_low
                }
                .clone(),
                max: if of(high) >= of(other_high) {
                    high
                } else {
                    other_high
                }
                .clone(),
                step: step.clone(),
                except: Vec::new(),
            }
        }
        (Domain::Words(a), Domain::Words(b)) => {
            let mut all: Vec<_> = a.iter().chain(b).cloned().collect();
            super::profile::dedup(&mut all);
            Domain::Words(all)
        }
        (Domain::Constant(a), Domain::Constant(b)) => Domain::Words(vec![a.clone(), b.clone()]),
        (Domain::Words(words), Domain::Constant(word)) => {
            let mut all = words.clone();
            all.push(word.clone());
            super::profile::dedup(&mut all);
            Domain::Words(all)
        }
        _ => Domain::Number,
    }
}
