//! `s`: the device's state as a tree, with units, what the model allows, and what waits for confirmation.

use serde_json::Value;

use super::super::commands::plain;
use super::super::lines::{self, line, span};
use super::super::pending::Purpose;
use super::super::screen::{Line, PaneId, Role};
use super::super::state::App;
use super::super::words;
use super::Over;
use super::text::{TextKind, TextOver};
use crate::base::text;
use crate::domain::device::DeviceId;
use crate::domain::model::{Domain, Model, Property};
use crate::domain::request::PropertyPath;
use crate::domain::state::{self, Leaf};

impl App {
    pub(in super::super) fn open_state(&mut self) {
        if self.has_topics() && self.focus == PaneId::Devices {
            return self.show_last_of_topic();
        }
        if self.capabilities().shadow {
            return self.open_shadow();
        }
        if self.capabilities().relay.config {
            return match self.device_at_hand() {
                Some(device) => self.open_versions(device),
                None => self.say(Role::Warn, "no device is selected"),
            };
        }
        if !self.capabilities().state {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} tells no states"));
        }
        let Some(device) = self.device_at_hand() else {
            return self.say(Role::Warn, "no device is selected");
        };
        self.ask_state(&device);
        self.ask_model(&device);
        self.open_over(Over::Text(TextOver::new(TextKind::State(device))));
    }

    pub(super) fn state_lines(&self, device: &DeviceId, cells: usize) -> Vec<Line> {
        let Some(entry) = self.home.devices.get(device) else {
            return vec![line("the device is gone", Role::Warn)];
        };
        let mut out = Vec::new();
        if let Some(trouble) = &entry.trouble {
            out.push(line(trouble.as_str(), Role::Bad));
        }
        let Some(known) = &entry.state else {
            let asked = self
                .pending
                .has(|p| matches!(p, Purpose::State(d) if d == device));
            let text = if asked {
                "asking the platform …"
            } else {
                "no state is known; r asks for it"
            };
            out.push(line(text, Role::Pending));
            return out;
        };
        let model = entry.model.as_deref();
        let leaves = rows(known, model);
        let width = leaves
            .iter()
            .map(|l| text::width(&l.path.property))
            .max()
            .unwrap_or(0)
            .min(cells / 2);
        let values: Vec<_> = leaves
            .iter()
            .map(|leaf| self.value_spans(device, leaf, known, model))
            .collect();
        let room = values.iter().map(cells_of).max().unwrap_or(0);
        let columns = (width, room.min(VALUE));
        let (mut place, mut resource) = (None, None);
        for (leaf, value) in leaves.iter().zip(values) {
            if place != Some(&leaf.path.place) {
                if let Some(name) = &leaf.path.place {
                    out.push(line(name.as_str(), Role::Title));
                }
                place = Some(&leaf.path.place);
                resource = None;
            }
            if resource != Some(&leaf.path.resource) {
                let indent = if leaf.path.place.is_some() { "  " } else { "" };
                out.push(line(format!("{indent}{}", leaf.path.resource), Role::Label));
                resource = Some(&leaf.path.resource);
            }
            out.extend(state_line(leaf, value, model, columns, cells));
        }
        out
    }

    /// The value with its unit and what it was told to become.
    fn value_spans(
        &self,
        device: &DeviceId,
        leaf: &Leaf,
        known: &Value,
        model: Option<&Model>,
    ) -> Line {
        let property = model.and_then(|m| m.property(&leaf.path));
        let mut out = Line::new();
        let reported = state::at(known, &leaf.path).is_some() || leaf.path.property.is_empty();
        if reported {
            out.push(span(plain(&leaf.value), value_role(&leaf.value)));
        } else {
            out.push(span("no data yet", Role::Dim));
        }
        let unit = unit(property, known, &leaf.path);
        if let Some(unit) = unit.filter(|_| reported && !leaf.value.is_null()) {
            out.push(span(format!(" {}", words::unit(&unit)), Role::Dim));
        }
        if let Some(wanted) = self.home.commands.wanted(device, &leaf.path) {
            out.push(span(
                format!("  → {} pending", plain(wanted)),
                Role::Pending,
            ));
        }
        out
    }
}

/// Cells of the column of values; a longer value pushes what follows it.
const VALUE: usize = 20;

/// Cells that a meaning needs to stand beside its value.
const BESIDE: usize = 24;

fn cells_of(line: &Line) -> usize {
    line.iter().map(|s| s.text.width()).sum()
}

/// The meaning is never cut: it goes on beside itself, or below where too little room is left at the right.
fn state_line(
    leaf: &Leaf,
    value: Line,
    model: Option<&Model>,
    columns: (usize, usize),
    cells: usize,
) -> Vec<Line> {
    let (name_cells, value_cells) = columns;
    let indent = if leaf.path.place.is_some() {
        "    "
    } else {
        "  "
    };
    let name = text::pad(&leaf.path.property, name_cells + 2);
    let air = value_cells.saturating_sub(cells_of(&value)) + 2;
    let mut out = vec![span(indent, Role::Normal), span(name, Role::Normal)];
    out.extend(value);
    let property = model.and_then(|m| m.property(&leaf.path));
    let Some(meaning) = property.and_then(meaning) else {
        return vec![out];
    };
    let used = cells_of(&out) + air;
    if used + text::width(&meaning) <= cells {
        out.push(span(" ".repeat(air), Role::Normal));
        out.push(span(meaning, Role::Dim));
        return vec![out];
    }
    let beside = cells >= used + BESIDE;
    let indent = if beside { used } else { indent.len() + 2 };
    let room = cells.saturating_sub(indent).max(8);
    let mut parts = packed(&meaning, room).into_iter();
    if let Some(first) = parts.by_ref().take(usize::from(beside)).next() {
        out.push(span(" ".repeat(air), Role::Normal));
        out.extend(first);
    }
    let below = parts.map(|mut part| {
        part.insert(0, span(" ".repeat(indent), Role::Normal));
        part
    });
    std::iter::once(out).chain(below).collect()
}

/// A list broken after its commas; what is longer than a line is broken where it is full.
fn packed(meaning: &str, room: usize) -> Vec<Line> {
    let mut rows: Vec<String> = Vec::new();
    for piece in meaning.split_inclusive(", ") {
        match rows.last_mut() {
            Some(row) if text::width(row) + text::width(piece.trim_end()) <= room => {
                row.push_str(piece);
            }
            _ => rows.push(piece.to_owned()),
        }
    }
    rows.iter()
        .flat_map(|row| lines::wrapped(row.trim_end(), Role::Dim, room))
        .collect()
}

/// Every value of the state, then what the model says can be read but no report has told yet, each where its resource
/// stands.
fn rows(known: &Value, model: Option<&Model>) -> Vec<Leaf> {
    let mut leaves = state::leaves(known);
    for property in model.into_iter().flat_map(|m| &m.properties) {
        let told = leaves.iter().any(|l| l.path == property.path);
        if told || !property.readable {
            continue;
        }
        let leaf = Leaf {
            path: property.path.clone(),
            value: Value::Null,
        };
        let beside = |l: &Leaf| {
            l.path.place == property.path.place && l.path.resource == property.path.resource
        };
        let at = leaves.iter().rposition(beside);
        let at = at.or_else(|| {
            leaves
                .iter()
                .rposition(|l| l.path.place == property.path.place)
        });
        leaves.insert(at.map_or(leaves.len(), |at| at + 1), leaf);
    }
    leaves
}

/// The model's unit, else what stands beside the value.
fn unit(property: Option<&Property>, known: &Value, path: &PropertyPath) -> Option<String> {
    let of_model = property.map(|p| p.unit.clone()).filter(|u| !u.is_empty());
    let is_measure = path.property != "unit" && path.property.contains("emperature");
    of_model.or_else(|| {
        let path = PropertyPath {
            property: "unit".to_owned(),
            ..path.clone()
        };
        let beside = state::at(known, &path).and_then(Value::as_str);
        beside.filter(|_| is_measure).map(str::to_owned)
    })
}

/// What it may be told, else what it may say.
fn meaning(property: &Property) -> Option<String> {
    let words = |domain: &Domain| match domain {
        Domain::Number | Domain::Text | Domain::Flag | Domain::Unknown(_) => None,
        other => Some(other.words()),
    };
    match &property.write {
        Some(domain) => Some(format!(
            "x: {}",
            words(domain).unwrap_or_else(|| domain.words())
        )),
        None => words(&property.read),
    }
}

fn value_role(value: &Value) -> Role {
    match value {
        Value::Number(_) => Role::Number,
        Value::String(_) => Role::Text,
        Value::Null => Role::Dim,
        Value::Bool(_) => Role::Literal,
        Value::Array(_) | Value::Object(_) => Role::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_values_breaks_after_a_comma_and_loses_none() {
        let rows: Vec<String> = packed("POWER_OFF, INITIAL, RUNNING, END", 18)
            .iter()
            .map(|line| line.iter().map(|s| s.text.as_str()).collect())
            .collect();
        assert_eq!(rows, ["POWER_OFF,", "INITIAL, RUNNING,", "END"]);
    }
}
