//! A device profile read into a model, in all its forms (`reference/lg-thinq.md` 9): one object or a list of locations,
//! the halves of a wash tower, resources listed by unit or by place, constants, extras of the whole device.
//!
//! Everything is kept, also what no reference lists; nothing fails.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::together::{group, widen};

use crate::domain::model::{Domain, Model, Property};
use crate::domain::request::PropertyPath;

/// Where a property stands in the profile: what a control body needs and the model's path does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    pub property: Property,
    pub shape: Shape,
    /// The unit in which this descriptor's figures are, where its entry says one.
    pub entry_unit: Option<String>,
}

/// How the place of a path enters a control body (`reference/lg-thinq.md` 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No place at all.
    Plain,
    /// The device has parts: `location.locationName` beside the resource.
    Location,
    /// Half of a wash tower: everything under its name.
    Half,
    /// The resource is a list of places: `locationName` inside it.
    Listed,
    /// The resource is a list of units: `unit` inside it.
    Unit,
}

/// The model, one property for each path.
pub fn parse(profile: &Value) -> Model {
    let mut model = Model::default();
    for spot in spots(profile) {
        match model
            .properties
            .iter_mut()
            .find(|known| known.path == spot.property.path)
        {
            // The oven's temperature has one path and two units.
            Some(known) => widen(known, &spot.property),
            None => model.properties.push(spot.property),
        }
    }
    for part in parts(profile) {
        model
            .push_codes
            .extend(words(part.body.pointer("/notification/push")));
        model.errors.extend(words(part.body.get("error")));
    }
    dedup(&mut model.push_codes);
    dedup(&mut model.errors);
    group(&mut model.properties);
    model
}

/// Every descriptor with its place, also those that share a path.
pub fn spots(profile: &Value) -> Vec<Spot> {
    let mut spots = Vec::new();
    for part in parts(profile) {
        match part.body.get("property") {
            Some(Value::Array(entries)) => {
                for entry in entries {
                    let location = entry
                        .pointer("/location/locationName")
                        .and_then(Value::as_str);
                    let place = part.half.or(location);
                    let shape = match (part.half, location) {
                        (Some(_), _) => Shape::Half,
                        (None, Some(_)) => Shape::Location,
                        (None, None) => Shape::Plain,
                    };
                    resources(entry, place, shape, &mut spots);
                }
            }
            Some(property) => {
                let shape = if part.half.is_some() {
                    Shape::Half
                } else {
                    Shape::Plain
                };
                resources(property, part.half, shape, &mut spots);
            }
            None => {}
        }
        if let Some(extension) = part.body.get("extensionProperty") {
            resources(
                extension,
                part.half,
                if part.half.is_some() {
                    Shape::Half
                } else {
                    Shape::Plain
                },
                &mut spots,
            );
        }
    }
    spots
}

struct Part<'a> {
    half: Option<&'a str>,
    body: &'a Value,
}

/// A wash tower has no `property` at its top but a profile under each half's name.
fn parts(profile: &Value) -> Vec<Part<'_>> {
    let top = Part {
        half: None,
        body: profile,
    };
    let halves = profile
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, body)| body.get("property").is_some());
    let halves = halves.map(|(name, body)| Part {
        half: Some(name),
        body,
    });
    std::iter::once(top).chain(halves).collect()
}

fn resources(entry: &Value, place: Option<&str>, shape: Shape, spots: &mut Vec<Spot>) {
    for (resource, content) in entry.as_object().into_iter().flatten() {
        if resource == "location" {
            continue;
        }
        match content {
            Value::Array(entries) => {
                for listed in entries.iter().filter_map(Value::as_object) {
                    let (place, shape) = listed_place(listed, place, shape);
                    properties(resource, listed, place, shape, spots);
                }
            }
            Value::Object(members) => properties(resource, members, place, shape, spots),
            constant => spots.push(spot(resource, "", constant, place, shape, None)),
        }
    }
}

/// A location of the device goes before the resource's own list: a path has one place.
fn listed_place<'a>(
    listed: &'a Map<String, Value>,
    place: Option<&'a str>,
    shape: Shape,
) -> (Option<&'a str>, Shape) {
    let text = |name: &str| listed.get(name).and_then(Value::as_str);
    match (place, text("locationName"), text("unit")) {
        (Some(_), _, _) => (place, shape),
        (None, Some(name), _) => (Some(name), Shape::Listed),
        (None, None, Some(unit)) => (Some(unit), Shape::Unit),
        (None, None, None) => (None, shape),
    }
}

fn properties(
    resource: &str,
    members: &Map<String, Value>,
    place: Option<&str>,
    shape: Shape,
    spots: &mut Vec<Spot>,
) {
    let constant_unit = members.get("unit").and_then(Value::as_str);
    for (name, descriptor) in members {
        // What the entry is known by is no property of it.
        if name == "locationName" || (name == "unit" && shape == Shape::Unit) {
            continue;
        }
        let mut spot = spot(resource, name, descriptor, place, shape, constant_unit);
        if spot.property.unit.is_empty() && is_figure(&spot.property) {
            spot.property.unit = unit_beside(name, members);
        }
        spots.push(spot);
    }
}

fn is_figure(property: &Property) -> bool {
    matches!(property.read, Domain::Number | Domain::Range { .. })
        || matches!(property.write, Some(Domain::Number | Domain::Range { .. }))
}

/// The unit that stands beside a figure. Where it can be one of several, the name tells (`targetTemperatureC`), or nothing
/// does.
fn unit_beside(name: &str, members: &Map<String, Value>) -> String {
    let units = match members.get("unit") {
        Some(Value::String(unit)) => return unit.clone(),
        Some(descriptor) => words(descriptor.pointer("/value/r")).collect::<Vec<_>>(),
        None => Vec::new(),
    };
    match units.as_slice() {
        [only] => only.clone(),
        several => several
            .iter()
            .find(|unit| name.ends_with(unit.as_str()))
            .cloned()
            .unwrap_or_else(|| percent(name)),
    }
}

fn percent(name: &str) -> String {
    let relative = name.to_ascii_lowercase().ends_with("percent")
        || name.ends_with("Humidity")
        || name == "humidity";
    if relative {
        "%".to_owned()
    } else {
        String::new()
    }
}

fn spot(
    resource: &str,
    name: &str,
    descriptor: &Value,
    place: Option<&str>,
    shape: Shape,
    entry_unit: Option<&str>,
) -> Spot {
    let path = PropertyPath {
        place: place.map(str::to_owned),
        resource: resource.to_owned(),
        property: name.to_owned(),
    };
    Spot {
        property: property(path, descriptor),
        shape,
        entry_unit: entry_unit.map(str::to_owned),
    }
}

fn property(path: PropertyPath, descriptor: &Value) -> Property {
    let modes: Vec<_> = words(descriptor.get("mode")).collect();
    let has = |mode: &str| modes.iter().any(|m| m == mode);
    let (read, write) = if descriptor.is_object() {
        // A descriptor without modes still has a value to be shown.
        let readable = modes.is_empty() || has("r");
        let read = domain(descriptor, "r");
        (
            if readable {
                read
            } else {
                domain(descriptor, "w")
            },
            has("w").then(|| domain(descriptor, "w")),
        )
    } else {
        (Domain::Constant(constant(descriptor)), None)
    };
    let unit = descriptor
        .get("unit")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Property {
        path,
        readable: modes.is_empty() || has("r"),
        read,
        write,
        unit,
        together: Vec::new(),
    }
}

fn constant(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn domain(descriptor: &Value, mode: &str) -> Domain {
    let value = descriptor.get("value").and_then(|value| value.get(mode));
    match descriptor
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "enum" => Domain::Words(words(value).collect()),
        "boolean" => Domain::Flag,
        "range" => range(value).unwrap_or(Domain::Number),
        "number" => Domain::Number,
        "string" => Domain::Text,
        "list" => Domain::List(words(value).collect()),
        other => Domain::Unknown(other.to_owned()),
    }
}

fn range(value: Option<&Value>) -> Option<Domain> {
    let number = |name: &str| value?.get(name)?.as_number().cloned();
    let except = value?.get("except").and_then(Value::as_array);
    Some(Domain::Range {
        min: number("min")?,
        max: number("max")?,
        step: number("step").unwrap_or_else(|| Number::from(1)),
        except: except
            .into_iter()
            .flatten()
            .filter_map(Value::as_number)
            .cloned()
            .collect(),
    })
}

fn words(value: Option<&Value>) -> impl Iterator<Item = String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
}

pub fn dedup(names: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> PropertyPath {
        let parts: Vec<_> = text.split('.').collect();
        match parts.as_slice() {
            [place, resource, property] => PropertyPath {
                place: Some((*place).to_owned()),
                resource: (*resource).to_owned(),
                property: (*property).to_owned(),
            },
            [resource, property] => PropertyPath {
                place: None,
                resource: (*resource).to_owned(),
                property: (*property).to_owned(),
            },
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn what_no_reference_lists_is_kept_and_shown_generically() {
        let model = parse(&json!({"property": {"colorLight": {
            "hue": {"type": "spectrum", "mode": ["r", "w"]}, "name": {"type": "string", "mode": ["r"]}}, "oddity": 3}}));
        let hue = model.property(&path("colorLight.hue")).expect("kept");
        assert_eq!(hue.write, Some(Domain::Unknown("spectrum".to_owned())));
        assert_eq!(model.properties.len(), 3);
    }

    #[test]
    fn an_oven_s_temperature_has_one_path_and_both_units() {
        let entry = |unit: &str, min: i32, max: i32| {
            json!({"unit": unit, "targetTemperature": {"type": "range", "mode": ["r", "w"],
                "value": {"w": {"min": min, "max": max, "step": 5}, "r": {"min": min, "max": max, "step": 5}}}})
        };
        let model = parse(&json!({"property": [{"location": {"locationName": "UPPER"},
            "temperature": [entry("C", 80, 285), entry("F", 175, 550)]}]}));
        let target = model
            .property(&path("UPPER.temperature.targetTemperature"))
            .expect("there");
        assert_eq!(
            target.write.as_ref().map(Domain::words).as_deref(),
            Some("80 to 550 in steps of 5")
        );
        assert_eq!(target.together, [path("UPPER.temperature.unit")]);
        let unit = model
            .property(&path("UPPER.temperature.unit"))
            .expect("there");
        assert_eq!(
            unit.write,
            Some(Domain::Words(vec!["C".to_owned(), "F".to_owned()]))
        );
    }

    #[test]
    fn hours_go_with_minutes_where_both_can_be_written() {
        let number = json!({"type": "number", "mode": ["r", "w"]});
        let fixed = json!({"type": "number", "mode": ["r"]});
        let model = parse(&json!({"property": {
            "timer": {"absoluteHourToStart": number, "absoluteMinuteToStart": number},
            "sleepTimer": {"relativeHourToStop": number, "relativeMinuteToStop": fixed}}}));
        let together = |text: &str| model.property(&path(text)).expect("there").together.clone();
        assert_eq!(
            together("timer.absoluteHourToStart"),
            [path("timer.absoluteMinuteToStart")]
        );
        assert_eq!(together("sleepTimer.relativeHourToStop"), []);
    }
}
