//! The body of a command: settings resolved in the profile, completed with what has to stand beside them, checked, and
//! written in the form that their place asks for (`reference/lg-thinq.md` 11). Pure.

use serde_json::{Map, Value, json};

use super::profile::{Shape, Spot};
use super::together;
use crate::domain::model::Domain;
use crate::domain::request::{PropertyPath, Setting};
use crate::domain::state;

/// Why no body can be made of the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    #[error("nothing to set")]
    Nothing,
    #[error("{0} is not in the device's profile")]
    Unknown(PropertyPath),
    #[error("{path} could be any of: {}", .candidates.join(", "))]
    Ambiguous {
        path: PropertyPath,
        candidates: Vec<String>,
    },
    #[error("{0} can only be read")]
    ReadOnly(PropertyPath),
    #[error("{path}: {why}")]
    NotAllowed { path: PropertyPath, why: String },
    #[error("one command reaches one place of the device, not {one} and {other}")]
    Places { one: String, other: String },
    #[error("{path} has to go together with {with}, whose value is not known")]
    Lacks { path: PropertyPath, with: String },
}

/// The body that sets `settings`; `known` is the device's state, where it is at hand.
pub fn body_of(
    spots: &[Spot],
    known: Option<&Value>,
    settings: &[Setting],
) -> Result<Value, ControlError> {
    let mut draft = Draft {
        spots,
        known,
        chosen: Vec::new(),
    };
    for setting in settings {
        draft.choose(setting)?;
    }
    draft.complete()?;
    draft.check()?;
    draft.write()
}

/// A body in the making: which descriptors are to be set to what.
struct Draft<'a> {
    spots: &'a [Spot],
    known: Option<&'a Value>,
    chosen: Vec<(PropertyPath, Value)>,
}

impl<'a> Draft<'a> {
    fn spots_at(&self, path: &PropertyPath) -> impl Iterator<Item = &'a Spot> + use<'a> {
        let path = path.clone();
        self.spots
            .iter()
            .filter(move |spot| spot.property.path == path)
    }

    fn value(&self, path: &PropertyPath) -> Option<&Value> {
        self.chosen
            .iter()
            .find(|(chosen, _)| chosen == path)
            .map(|(_, value)| value)
    }

    fn current(&self, path: &PropertyPath) -> Option<Value> {
        state::at(self.known?, path)
            .filter(|value| !value.is_null())
            .cloned()
    }

    fn choose(&mut self, setting: &Setting) -> Result<(), ControlError> {
        let path = self.resolve(&setting.path)?;
        self.chosen.retain(|(chosen, _)| *chosen != path);
        self.chosen.push((path, setting.value.clone()));
        Ok(())
    }

    /// The path as the profile has it; a place may be left away where there is only one.
    fn resolve(&self, path: &PropertyPath) -> Result<PropertyPath, ControlError> {
        if self.spots_at(path).next().is_some() {
            return Ok(path.clone());
        }
        let mut candidates: Vec<_> = self
            .spots
            .iter()
            .map(|spot| &spot.property.path)
            .filter(|p| {
                path.place.is_none() && p.resource == path.resource && p.property == path.property
            })
            .collect();
        candidates.dedup();
        match candidates.as_slice() {
            [] => Err(ControlError::Unknown(path.clone())),
            [only] => Ok((*only).clone()),
            several => Err(ControlError::Ambiguous {
                path: path.clone(),
                candidates: several.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Adds what has to stand in the same body.
    fn complete(&mut self) -> Result<(), ControlError> {
        let writable: Vec<_> = self
            .spots
            .iter()
            .filter(|s| s.property.write.is_some())
            .map(|s| s.property.path.clone())
            .collect();
        let mut at = 0;
        while let Some((path, value)) = self.chosen.get(at).cloned() {
            at += 1;
            match (path.resource.as_str(), path.property.as_str()) {
                ("operation", "ovenOperationMode") => self.complete_oven(&path, &value)?,
                ("operation", "washerOperationMode") if value != "START" => {}
                // Only a unit that can be chosen brings its figure along.
                (_, "unit") if self.spots_at(&path).count() < 2 => {}
                ("mode", "washerMode") => self.needs_start(&path)?,
                _ => {
                    for with in together::companions(&path, &writable) {
                        self.add(&path, &with)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &PropertyPath, with: &PropertyPath) -> Result<(), ControlError> {
        if self.value(with).is_some() || is_unit_of_entry(with) {
            return Ok(());
        }
        let timer = together::other_hand(&path.property).as_deref() == Some(with.property.as_str());
        // A cooktop's minutes are part of what its zone does now; a timer that is set starts from nothing.
        let zone = path.property.starts_with("remain");
        let value = match self.current(with) {
            Some(value) if !timer || zone || with.property.contains("Hour") => value,
            _ if timer && !zone => json!(0),
            _ => {
                return Err(ControlError::Lacks {
                    path: path.clone(),
                    with: with.to_string(),
                });
            }
        };
        self.chosen.push((with.clone(), value));
        Ok(())
    }

    /// The mode of a wash combo is only taken together with START, and nothing is started unasked.
    fn needs_start(&self, path: &PropertyPath) -> Result<(), ControlError> {
        let operation = PropertyPath {
            resource: "operation".to_owned(),
            property: "washerOperationMode".to_owned(),
            ..path.clone()
        };
        let starts = self.value(&operation).is_some_and(|value| value == "START");
        if starts || self.spots_at(&operation).next().is_none() {
            return Ok(());
        }
        Err(ControlError::Lacks {
            path: path.clone(),
            with: format!("{operation}=START"),
        })
    }

    /// START takes the mode and the temperature along, or the cooking time instead of the temperature.
    fn complete_oven(&mut self, path: &PropertyPath, value: &Value) -> Result<(), ControlError> {
        if value != "START" {
            return Ok(());
        }
        let beside = |resource: &str, property: &str| PropertyPath {
            place: path.place.clone(),
            resource: resource.to_owned(),
            property: property.to_owned(),
        };
        self.add(path, &beside("cook", "cookMode"))?;
        let timed = ["targetHour", "targetMinute"]
            .iter()
            .any(|hand| self.value(&beside("timer", hand)).is_some());
        let target = beside("temperature", "targetTemperature");
        if timed || self.value(&target).is_some() {
            return Ok(());
        }
        // An oven that is off reads 0.
        match self
            .current(&target)
            .filter(|target| target.as_f64().is_some_and(|t| t > 0.0))
        {
            Some(current) => self.chosen.push((target, current)),
            None => {
                return Err(ControlError::Lacks {
                    path: path.clone(),
                    with: target.to_string(),
                });
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ControlError> {
        if self.chosen.is_empty() {
            return Err(ControlError::Nothing);
        }
        let (units, values): (Vec<_>, Vec<_>) = self
            .chosen
            .iter()
            .partition(|(path, _)| is_unit_of_entry(path));
        // A figure is checked in its unit: that goes first.
        units
            .iter()
            .try_for_each(|(path, unit)| self.check_unit(path, unit))?;
        values
            .iter()
            .try_for_each(|(path, value)| self.check_value(path, value))
    }

    fn check_value(&self, path: &PropertyPath, value: &Value) -> Result<(), ControlError> {
        let unit = self.unit(path)?;
        let spots: Vec<_> = self.spots_at(path).collect();
        let meant = spots
            .iter()
            .find(|spot| spots.len() == 1 || spot.entry_unit == unit);
        let spot = meant
            .or_else(|| spots.first())
            .ok_or_else(|| ControlError::Unknown(path.clone()))?;
        let domain = spot
            .property
            .write
            .as_ref()
            .ok_or_else(|| ControlError::ReadOnly(path.clone()))?;
        if resets(path, value) {
            return Ok(());
        }
        domain.check(value).map_err(|why| {
            let unit = unit
                .filter(|_| spots.len() > 1)
                .map(|unit| format!(" in {unit}"))
                .unwrap_or_default();
            ControlError::NotAllowed {
                path: path.clone(),
                why: format!("{why}{unit}"),
            }
        })
    }

    /// A unit is chosen among those of the resource's entries, beside a figure.
    fn check_unit(&self, path: &PropertyPath, value: &Value) -> Result<(), ControlError> {
        let beside = |other: &PropertyPath| {
            other != path && other.place == path.place && other.resource == path.resource
        };
        if !self.chosen.iter().any(|(other, _)| beside(other)) {
            return Err(ControlError::ReadOnly(path.clone()));
        }
        let mut units: Vec<_> = Vec::new();
        for spot in self.spots_at(path) {
            match &spot.property.read {
                Domain::Constant(unit) => units.push(unit.clone()),
                Domain::Words(words) => units.extend(words.iter().cloned()),
                _ => {}
            }
        }
        Domain::Words(units)
            .check(value)
            .map_err(|why| ControlError::NotAllowed {
                path: path.clone(),
                why,
            })
    }

    /// The unit that a figure is meant in, where its resource has one: as set, else as its entry says, else as the device
    /// uses it now.
    fn unit(&self, path: &PropertyPath) -> Result<Option<String>, ControlError> {
        let of_entry = PropertyPath {
            property: "unit".to_owned(),
            ..path.clone()
        };
        if let Some(unit) = self.value(&of_entry) {
            return Ok(unit.as_str().map(str::to_owned));
        }
        let units: Vec<_> = self
            .spots_at(path)
            .filter_map(|spot| spot.entry_unit.clone())
            .collect();
        match units.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            _ => match self
                .current(&of_entry)
                .and_then(|unit| unit.as_str().map(str::to_owned))
            {
                Some(unit) => Ok(Some(unit)),
                None => Err(ControlError::Lacks {
                    path: path.clone(),
                    with: of_entry.to_string(),
                }),
            },
        }
    }

    fn write(&self) -> Result<Value, ControlError> {
        let mut resources = Map::new();
        let mut outer: Option<(Shape, &str)> = None;
        for (path, value) in &self.chosen {
            let Some(spot) = self.spots_at(path).next() else {
                return Err(ControlError::Unknown(path.clone()));
            };
            let place = path.place.as_deref().unwrap_or_default();
            if matches!(spot.shape, Shape::Location | Shape::Half | Shape::Plain) {
                one_place(&mut outer, spot.shape, place)?;
            }
            let resource = resources
                .entry(path.resource.clone())
                .or_insert_with(|| json!({}));
            if matches!(spot.shape, Shape::Listed) {
                inner_place(resource, "locationName", place)?;
            }
            if !self.is_left_out(path, value) {
                resource[&path.property] = value.clone();
            }
            if let Some(unit) = self.unit_in_body(spot, path)? {
                inner_place(resource, "unit", &unit)?;
            }
        }
        Ok(match outer {
            Some((Shape::Location, place)) => {
                let mut whole = Map::new();
                whole.insert("location".to_owned(), json!({"locationName": place}));
                whole.extend(resources);
                Value::Object(whole)
            }
            Some((Shape::Half, place)) => json!({place: resources}),
            _ => Value::Object(resources),
        })
    }

    /// The SDK leaves the minute away where it is 0, for relative stop and sleep timers.
    fn is_left_out(&self, path: &PropertyPath, value: &Value) -> bool {
        path.property == "relativeMinuteToStop"
            && value == &json!(0)
            && self
                .value(&PropertyPath {
                    property: "relativeHourToStop".to_owned(),
                    ..path.clone()
                })
                .is_some()
    }

    /// Which unit stands in the body beside the figure.
    fn unit_in_body(
        &self,
        spot: &Spot,
        path: &PropertyPath,
    ) -> Result<Option<String>, ControlError> {
        let two_set = path.resource.starts_with("twoSetTemperature");
        Ok(match spot.shape {
            Shape::Unit => path.place.clone(),
            _ if spot.entry_unit.is_some() => self.unit(path)?,
            _ if two_set && path.property != "unit" => Some(self.two_set_unit(path)?),
            _ => None,
        })
    }

    /// The plain form of the two-set temperature names its unit in the profile, as the only one or among several.
    fn two_set_unit(&self, path: &PropertyPath) -> Result<String, ControlError> {
        let of_entry = PropertyPath {
            property: "unit".to_owned(),
            ..path.clone()
        };
        let only = self
            .spots_at(&of_entry)
            .find_map(|spot| match &spot.property.read {
                Domain::Words(units) if units.len() == 1 => units.first().cloned(),
                _ => None,
            });
        only.or_else(|| self.current(&of_entry)?.as_str().map(str::to_owned))
            .ok_or_else(|| ControlError::Lacks {
                path: path.clone(),
                with: of_entry.to_string(),
            })
    }
}

/// -1 resets an absolute timer, as the SDK does.
fn resets(path: &PropertyPath, value: &Value) -> bool {
    path.property.starts_with("absolute") && value.as_i64() == Some(-1)
}

/// The unit of an entry is no figure: it is written beside those that are.
fn is_unit_of_entry(path: &PropertyPath) -> bool {
    path.property == "unit"
}

fn one_place<'p>(
    outer: &mut Option<(Shape, &'p str)>,
    shape: Shape,
    place: &'p str,
) -> Result<(), ControlError> {
    match *outer {
        None => *outer = Some((shape, place)),
        Some(known) if known == (shape, place) => {}
        Some((_, known)) => {
            let name = |place: &str| {
                if place.is_empty() {
                    "the whole device".to_owned()
                } else {
                    place.to_owned()
                }
            };
            return Err(ControlError::Places {
                one: name(known),
                other: name(place),
            });
        }
    }
    Ok(())
}

fn inner_place(resource: &mut Value, member: &str, place: &str) -> Result<(), ControlError> {
    match resource.get(member).and_then(Value::as_str) {
        Some(known) if known != place => Err(ControlError::Places {
            one: known.to_owned(),
            other: place.to_owned(),
        }),
        _ => {
            resource[member] = json!(place);
            Ok(())
        }
    }
}
