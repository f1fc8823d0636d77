//! What a message on the push topic means: flat as seen on the wire, or wrapped as documented
//! (`reference/lg-thinq.md` 8). Pure, and stands any bytes.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::device::{Device, DeviceId, Presence};
use crate::domain::fact::Fact;
use crate::domain::message::{Direction, Message};
use crate::domain::reading::{Kind, Reading};
use crate::domain::state::{Leaf, leaves};

/// AWS lets no payload through that is longer; what a foreign broker sends beyond is not taken apart.
const LONGEST: usize = 256 * 1024;
/// Changed values named in a row before the rest is only counted.
const NAMED: usize = 3;

pub fn interpret(message: &Message) -> Reading {
    if message.direction == Direction::Out || message.payload.len() > LONGEST {
        return Reading::default();
    }
    let Ok(whole) = serde_json::from_slice::<Value>(&message.payload) else {
        return Reading::default();
    };
    body(&whole).map(read).unwrap_or_default()
}

/// The object with the `pushType`, wrapped or not.
fn body(whole: &Value) -> Option<&Value> {
    [Some(whole), whole.get("event"), whole.get("push")]
        .into_iter()
        .flatten()
        .find(|part| part.get("pushType").is_some_and(Value::is_string))
}

fn read(body: &Value) -> Reading {
    let device = word(body, "deviceId").map(DeviceId::new);
    match (word(body, "pushType").unwrap_or_default(), device) {
        ("DEVICE_STATUS", device) => status(body, device),
        ("DEVICE_PUSH", device) => push(body, device),
        ("DEVICE_REGISTERED", Some(device)) => registered(body, &device),
        ("DEVICE_UNREGISTERED", Some(device)) => changed(
            &device,
            named(body, "was removed"),
            Fact::DeviceRemoved(device.clone()),
        ),
        ("DEVICE_ALIAS_CHANGED", Some(device)) => {
            let name = word(body, "alias").unwrap_or_default().to_owned();
            let gist = format!("is now called {name}");
            changed(
                &device,
                gist,
                Fact::DeviceRenamed {
                    device: device.clone(),
                    name,
                },
            )
        }
        (other, device) => Reading {
            device,
            gist: blanks(other),
            ..Reading::default()
        },
    }
}

fn status(body: &Value, device: Option<DeviceId>) -> Reading {
    let Some(report) = body.get("report") else {
        return Reading {
            kind: Kind::Event,
            device,
            gist: "a report without content".to_owned(),
            ..Reading::default()
        };
    };
    let facts = device.clone().map(|device| {
        vec![
            Fact::Report {
                device: device.clone(),
                patch: Arc::new(report.clone()),
            },
            Fact::Presence {
                device,
                presence: Presence::Online,
            },
        ]
    });
    Reading {
        kind: Kind::Event,
        device,
        gist: gist(report),
        facts: facts.unwrap_or_default(),
        mask: Vec::new(),
    }
}

fn push(body: &Value, device: Option<DeviceId>) -> Reading {
    let code = word(body, "pushCode").unwrap_or_default();
    let said = sentence(code).map_or_else(|| blanks(code), str::to_owned);
    let gist = match kind_words(body) {
        Some(kind) if !said.is_empty() => format!("{kind}: {said}"),
        Some(kind) => kind,
        None => said,
    };
    let facts = device
        .clone()
        .map(|device| {
            vec![Fact::Presence {
                device,
                presence: Presence::Online,
            }]
        })
        .unwrap_or_default();
    Reading {
        kind: Kind::Push,
        device,
        gist,
        facts,
        mask: Vec::new(),
    }
}

fn registered(body: &Value, device: &DeviceId) -> Reading {
    let text = |name: &str| word(body, name).unwrap_or_default().to_owned();
    let added = Device {
        id: device.clone(),
        name: text("alias"),
        kind: text("deviceType"),
        model: text("modelName"),
        reportable: true,
        group: None,
        presence: Presence::Unknown,
        attributes: Vec::new(),
    };
    changed(device, named(body, "was added"), Fact::DeviceAdded(added))
}

fn changed(device: &DeviceId, gist: String, fact: Fact) -> Reading {
    Reading {
        kind: Kind::Device,
        device: Some(device.clone()),
        gist,
        facts: vec![fact],
        mask: Vec::new(),
    }
}

/// `거실 에어컨 (air conditioner) was added`.
fn named(body: &Value, verb: &str) -> String {
    let alias = word(body, "alias").filter(|alias| !alias.trim().is_empty());
    match (alias, kind_words(body)) {
        (Some(alias), Some(kind)) => format!("{alias} ({kind}) {verb}"),
        (Some(alias), None) => format!("{alias} {verb}"),
        (None, Some(kind)) => format!("{kind} {verb}"),
        (None, None) => format!("a device {verb}"),
    }
}

fn word<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn kind_words(body: &Value) -> Option<String> {
    let kind = word(body, "deviceType")?;
    let words = blanks(kind.strip_prefix("DEVICE_").unwrap_or(kind));
    (!words.is_empty()).then_some(words)
}

fn blanks(code: &str) -> String {
    code.replace('_', " ").trim().to_lowercase()
}

/// The changed values, briefly: `runState.currentState RINSING · timer.remainMinute 21`.
fn gist(report: &Value) -> String {
    let mut telling: Vec<_> = leaves(report).into_iter().filter(is_telling).collect();
    // What reads "nothing left" or "not set" says least.
    telling.sort_by_key(|leaf| leaf.value.is_null() || leaf.value == 0);
    let named: Vec<_> = telling.iter().take(NAMED).map(brief).collect();
    let more = telling.len().saturating_sub(NAMED);
    match (named.is_empty(), more) {
        (true, _) => "an empty report".to_owned(),
        (false, 0) => named.join(" · "),
        (false, more) => format!("{} · {more} more", named.join(" · ")),
    }
}

/// Places and units stand beside values, they are none; Fahrenheit repeats Celsius.
fn is_telling(leaf: &Leaf) -> bool {
    let path = &leaf.path;
    !matches!(path.property.as_str(), "unit" | "locationName")
        && path.place.as_deref() != Some("F")
        && !path.property.ends_with("TemperatureF")
}

fn brief(leaf: &Leaf) -> String {
    let path = &leaf.path;
    let mut name = String::new();
    let place = path
        .place
        .as_deref()
        .filter(|place| !matches!(*place, "MAIN" | "C"));
    for part in [place.unwrap_or_default(), &path.resource, &path.property] {
        if !part.is_empty() {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(part);
        }
    }
    let value = match &leaf.value {
        Value::String(word) => word.clone(),
        Value::Null => "not set".to_owned(),
        other => other.to_string(),
    };
    let text = if name.is_empty() {
        value
    } else {
        format!("{name} {value}")
    };
    crate::base::text::fit(&text, 60).into_owned()
}

/// Push codes as people say them (`reference/lg-thinq.md` 8.5).
fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "CHARGING_IS_COMPLETE" => "charging is complete",
        "CLEANING_IS_COMPLETE" | "CLEANING_IS_COMPLETED" => "cleaning is complete",
        "CLEANING_IS_FAILED" => "cleaning has failed",
        "COOKING_IS_COMPLETE" => "cooking is complete",
        "DOOR_IS_OPEN" => "the door is open",
        "DRYING_FAILED" => "drying has failed",
        "DRYING_IS_COMPLETE" => "drying is complete",
        "ERROR_DURING_CLEANING" => "an error occurred during cleaning",
        "ERROR_DURING_WASHING" => "an error occurred during washing",
        "ERROR_HAS_OCCURRED" => "an error has occurred",
        "FROZEN_IS_COMPLETE" => "freezing is complete",
        "HOMEGUARD_IS_STOPPED" => "home guard has stopped",
        "LACK_OF_WATER" => "water is running out",
        "MOTION_IS_DETECTED" => "motion is detected",
        "NEED_TO_CHANGE_DUST_FILTER" => "the dust filter needs to be changed",
        "NEED_TO_CHANGE_PRE_FILTER" => "the pre-filter needs to be changed",
        "NEED_TO_CHECK_LOCATION" => "its location needs to be checked",
        "POLLUTION_IS_HIGH" => "the air pollution is high",
        "PREHEATING_IS_COMPLETE" => "preheating is complete",
        "RINSE_IS_NOT_ENOUGH" => "rinse aid is running out",
        "SALT_REFILL_IS_NEEDED" => "salt needs to be refilled",
        "SCHEDULED_CLEANING_STARTS" => "the scheduled cleaning starts",
        "STYLING_IS_COMPLETE" => "styling is complete",
        "TIME_TO_CHANGE_FILTER" => "it is time to change the filter",
        "TIME_TO_CHANGE_WATER_FILTER" => "it is time to change the water filter",
        "TIME_TO_CLEAN" => "it is time to clean it",
        "TIME_TO_CLEAN_FILTER" => "it is time to clean the filter",
        "TIMER_IS_COMPLETE" => "the timer has run out",
        "WASHING_IS_COMPLETE" => "washing is complete",
        "WATER_IS_FULL" => "the water tank is full",
        "WATER_LEAK_HAS_OCCURRED" => "a water leak has occurred",
        _ => return None,
    })
}
