//! A device's state as the platform tells it, and how partial reports change it.
//!
//! Merging follows `reference/lg-thinq.md` 8.3, which no other platform contradicts: objects merge per member, arrays
//! by key (`location.locationName`, `locationName`, `unit`), `null` is a value, and nothing that a report leaves out
//! is dropped.

use serde_json::{Map, Value};

use super::request::PropertyPath;

/// Merge a partial `report` into `known`.
pub fn merge(known: &mut Value, report: &Value) {
    match (&mut *known, report) {
        (Value::Object(known), Value::Object(report)) => merge_members(known, report),
        (Value::Array(entries), Value::Array(report))
            if report.iter().all(|e| key(e).is_some()) =>
        {
            for part in report {
                merge_entry(entries, part);
            }
        }
        // A washer with one location reports an array or a plain object, whichever its firmware likes.
        (Value::Array(entries), Value::Object(part)) => merge_lone(entries, part),
        (Value::Object(_), Value::Array(parts))
            if parts.len() == 1 && parts[0].get("location").is_some() =>
        {
            merge(known, &parts[0]);
        }
        (known, report) => *known = report.clone(),
    }
}

fn merge_members(known: &mut Map<String, Value>, report: &Map<String, Value>) {
    for (name, value) in report {
        match known.get_mut(name) {
            Some(old) if !value.is_null() => merge(old, value),
            Some(old) => *old = Value::Null,
            None => {
                known.insert(name.clone(), value.clone());
            }
        }
    }
}

fn merge_entry(entries: &mut Vec<Value>, part: &Value) {
    let wanted = key(part);
    match entries.iter_mut().find(|e| key(e) == wanted) {
        Some(entry) => merge(entry, part),
        None => entries.push(part.clone()),
    }
}

fn merge_lone(entries: &mut Vec<Value>, part: &Map<String, Value>) {
    let part = Value::Object(part.clone());
    if key(&part).is_some() {
        merge_entry(entries, &part);
    } else if let [only] = entries.as_mut_slice() {
        merge(only, &part);
    } else {
        entries.push(part);
    }
}

/// What an entry of a list is known by: its location, its place, or its unit.
pub fn key(entry: &Value) -> Option<&str> {
    entry
        .pointer("/location/locationName")
        .or_else(|| entry.get("locationName"))
        .or_else(|| entry.get("unit"))
        .and_then(Value::as_str)
}

/// The value at `path`, wherever its place puts it: a location of the device, a half of a wash tower, an entry of the
/// resource's list.
pub fn at<'a>(state: &'a Value, path: &PropertyPath) -> Option<&'a Value> {
    let place = path.place.as_deref();
    let root = match (state, place) {
        (Value::Array(entries), Some(place)) => entries
            .iter()
            .find(|e| key(e) == Some(place))
            .or_else(|| entries.first()),
        (Value::Array(entries), None) => entries.iter().find(|e| e.get(&path.resource).is_some()),
        (Value::Object(members), Some(place))
            if members.get(place).is_some_and(Value::is_object) =>
        {
            members.get(place)
        }
        _ => Some(state),
    }?;
    match (root.get(&path.resource)?, place) {
        (Value::Array(entries), Some(place)) => entries.iter().find(|e| {
            key(e) == Some(place) || e.get("unit").and_then(Value::as_str) == Some(place)
        }),
        (resource, _) => Some(resource),
    }?
    .get(&path.property)
}

/// One row of the state tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    pub path: PropertyPath,
    pub value: Value,
}

/// Every value of a state with its path, in the order it stands in.
pub fn leaves(state: &Value) -> Vec<Leaf> {
    let mut out = Vec::new();
    collect(state, None, &mut out);
    out
}

fn collect(state: &Value, place: Option<&str>, out: &mut Vec<Leaf>) {
    match state {
        Value::Array(entries) => entries
            .iter()
            .for_each(|e| collect(e, key(e).or(place), out)),
        Value::Object(members) => {
            for (name, value) in members {
                if name == "location" {
                    continue;
                }
                collect_resource(name, value, place, out);
            }
        }
        other => out.push(leaf(place, "", "", other)),
    }
}

fn collect_resource(resource: &str, value: &Value, place: Option<&str>, out: &mut Vec<Leaf>) {
    match value {
        // A wash tower's halves: objects of objects.
        Value::Object(members)
            if place.is_none()
                && !members.is_empty()
                && members.values().all(|m| m.is_object() || m.is_array()) =>
        {
            collect(value, Some(resource), out);
        }
        Value::Object(members) => {
            for (property, value) in members {
                out.push(leaf(place, resource, property, value));
            }
        }
        Value::Array(entries) if entries.iter().all(Value::is_object) => {
            for entry in entries {
                let at = key(entry).or(place);
                for (property, value) in entry.as_object().into_iter().flatten() {
                    if property != "locationName" {
                        out.push(leaf(at, resource, property, value));
                    }
                }
            }
        }
        other => out.push(leaf(place, resource, "", other)),
    }
}

fn leaf(place: Option<&str>, resource: &str, property: &str, value: &Value) -> Leaf {
    let path = PropertyPath {
        place: place.map(str::to_owned),
        resource: resource.to_owned(),
        property: property.to_owned(),
    };
    Leaf {
        path,
        value: value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(mut known: Value, report: &Value) -> Value {
        merge(&mut known, report);
        known
    }

    #[test]
    fn a_partial_report_changes_only_what_it_names() {
        let known = json!({"operation": {"mode": "ON"}, "timer": {"hour": 1, "minute": 2}});
        let report = json!({"timer": {"hour": null}});
        assert_eq!(
            merged(known, &report),
            json!({"operation": {"mode": "ON"}, "timer": {"hour": null, "minute": 2}})
        );
    }

    #[test]
    fn lists_merge_by_location_place_and_unit_never_by_index() {
        let known = json!([{"location": {"locationName": "MAIN"}, "a": {"x": 1}}, {"location": {"locationName": "MINI"}, "a": {"x": 2}}]);
        let report = json!([{"location": {"locationName": "MINI"}, "a": {"x": 9}}]);
        assert_eq!(merged(known, &report)[1]["a"]["x"], 9);
        let known = json!({"t": [{"locationName": "FRIDGE", "c": 3}, {"locationName": "FREEZER", "c": -18}]});
        let report = json!({"t": [{"locationName": "FREEZER", "c": -19}]});
        assert_eq!(
            merged(known, &report),
            json!({"t": [{"locationName": "FRIDGE", "c": 3}, {"locationName": "FREEZER", "c": -19}]})
        );
    }

    #[test]
    fn a_plain_object_reaches_the_only_location() {
        let known = json!([{"location": {"locationName": "MAIN"}, "a": {"x": 1}}]);
        assert_eq!(merged(known, &json!({"a": {"x": 2}}))[0]["a"]["x"], 2);
    }

    #[test]
    fn every_leaf_can_be_found_again_by_its_path() {
        for state in [
            json!({"operation": {"mode": "ON"}, "t": [{"unit": "C", "now": 21}, {"unit": "F", "now": 70}]}),
            json!([{"location": {"locationName": "MAIN"}, "a": {"x": 1}}, {"location": {"locationName": "MINI"}, "a": {"x": 2}}]),
            json!({"washer": {"runState": {"currentState": "END"}}, "dryer": {"runState": {"currentState": "RUNNING"}}}),
        ] {
            for leaf in leaves(&state) {
                assert_eq!(at(&state, &leaf.path), Some(&leaf.value), "{}", leaf.path);
            }
        }
    }
}
