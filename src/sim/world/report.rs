//! What a device reports when its state has changed: only that, in the state's own nesting
//! (`reference/lg-thinq.md` 8.3).

use serde_json::{Map, Value};

/// The part of `after` that differs from `before`. `null` is a value; members never disappear from a report.
pub fn difference(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        _ if before == after => None,
        (Value::Object(before), Value::Object(after)) => Some(members(before, after)),
        (Value::Array(before), Value::Array(after)) if after.iter().all(Value::is_object) => {
            Some(entries(before, after))
        }
        _ => Some(after.clone()),
    }
}

fn members(before: &Map<String, Value>, after: &Map<String, Value>) -> Value {
    let mut report = Map::new();
    for (key, value) in after {
        let changed = before
            .get(key)
            .map_or_else(|| Some(value.clone()), |old| difference(old, value));
        if let Some(changed) = changed {
            report.insert(key.clone(), changed);
        }
    }
    for companion in companions(&report, after) {
        let value = after.get(&companion).cloned().unwrap_or_default();
        report.insert(companion, value);
    }
    Value::Object(report)
}

/// What goes along with a change: the unit of a number, the hour of a minute and the minute of an hour.
fn companions(report: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let unit = (!report.is_empty() && after.get("unit").is_some_and(Value::is_string))
        .then(|| "unit".to_owned());
    let pairs = report.keys().flat_map(|key| {
        [
            key.replace("Hour", "Minute"),
            key.replace("Minute", "Hour"),
            key.replace("Minute", "Second"),
        ]
    });
    unit.into_iter()
        .chain(pairs)
        .filter(|name| after.contains_key(name) && !report.contains_key(name))
        .collect()
}

/// Entries of a list by their key. Parts of a device tell what changed in them; entries by unit or place are whole.
fn entries(before: &[Value], after: &[Value]) -> Value {
    let mut report = Vec::new();
    for (at, entry) in after.iter().enumerate() {
        let Some(changed) = difference(before.get(at).unwrap_or(&Value::Null), entry) else {
            continue;
        };
        match (entry.get("location"), changed) {
            (Some(location), Value::Object(changed)) => {
                let mut part = Map::new();
                part.insert("location".to_owned(), location.clone());
                part.extend(changed);
                report.push(Value::Object(part));
            }
            _ => report.push(entry.clone()),
        }
    }
    Value::Array(report)
}

/// One resource of the state as it stands, with its location. `pick` chooses, whatever its size.
pub fn some_resource(state: &Value, pick: usize) -> Value {
    match state {
        Value::Array(parts) if !parts.is_empty() => {
            let part = &parts[pick % parts.len()];
            let mut entry = Map::new();
            if let Some(location) = part.get("location") {
                entry.insert("location".to_owned(), location.clone());
            }
            if let Value::Object(resource) = some_resource(part, pick / parts.len()) {
                entry.extend(resource);
            }
            Value::Array(vec![Value::Object(entry)])
        }
        Value::Object(resources) if !resources.is_empty() => {
            let (name, value) = resources
                .iter()
                .nth(pick % resources.len())
                .unwrap_or_else(|| unreachable!("the index is taken modulo the length"));
            Value::Object(Map::from_iter([(name.clone(), value.clone())]))
        }
        _ => state.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_reported() {
        let before = json!({"operation": {"mode": "ON"}, "airFlow": {"wind": "LOW", "step": 1}});
        let after = json!({"operation": {"mode": "ON"}, "airFlow": {"wind": "HIGH", "step": 1}});
        let report = difference(&before, &after);
        assert_eq!(report, Some(json!({"airFlow": {"wind": "HIGH"}})));
        assert_eq!(difference(&after, &after), None);
    }

    #[test]
    fn a_part_reports_under_its_location_and_a_minute_with_its_hour() {
        let before = json!([
            {"location": {"locationName": "MAIN"}, "timer": {"remainHour": 0, "remainMinute": 9}},
            {"location": {"locationName": "MINI"}, "timer": {"remainHour": 0, "remainMinute": 0}},
        ]);
        let mut after = before.clone();
        after[0]["timer"]["remainMinute"] = json!(5);
        assert_eq!(
            difference(&before, &after),
            Some(json!([
                {"location": {"locationName": "MAIN"}, "timer": {"remainMinute": 5, "remainHour": 0}}
            ]))
        );
    }

    #[test]
    fn entries_by_place_are_whole_and_null_is_a_value() {
        let before = json!({"temperature": [{"locationName": "FRIDGE", "targetTemperature": 3, "unit": "C"}], "timer": {"relativeHourToStop": 2}});
        let mut after = before.clone();
        after["temperature"][0]["targetTemperature"] = json!(4);
        after["timer"]["relativeHourToStop"] = Value::Null;
        assert_eq!(
            difference(&before, &after),
            Some(after.clone()),
            "everything in it has changed"
        );
    }
}
