//! How devices live: small functions that move one device by one step.

pub mod air;
pub mod cleaner;
pub mod kitchen;
pub mod laundry;

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

/// One step of one device. Paths are JSON pointers into its state; a path that is not there changes nothing.
pub struct Life<'a> {
    pub state: &'a mut Value,
    pub rng: &'a mut Rng,
    /// Steps so far, from 1.
    pub turn: u64,
    /// Per path of a run state: the state seen last, and for how many steps.
    pub since: &'a mut BTreeMap<String, (String, u32)>,
    pub pushes: Vec<&'static str>,
}

impl Life<'_> {
    pub fn text(&self, path: &str) -> String {
        let value = self.state.pointer(path).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    }

    pub fn number(&self, path: &str) -> f64 {
        let value = self.state.pointer(path).and_then(Value::as_f64);
        value.unwrap_or_default()
    }

    pub fn set(&mut self, path: &str, value: impl Into<Value>) {
        if let Some(slot) = self.state.pointer_mut(path) {
            *slot = value.into();
        }
    }

    pub fn set_number(&mut self, path: &str, value: f64) {
        self.set(path, number(value));
    }

    /// The device's error, which stands beside the resources, or none. It goes without an explicit null.
    pub fn set_error(&mut self, error: Option<&str>) {
        if let Some(state) = self.state.as_object_mut() {
            match error {
                Some(error) => drop(state.insert("error".to_owned(), json!(error))),
                None => drop(state.shift_remove("error")),
            }
        }
    }

    pub fn push(&mut self, code: &'static str) {
        self.pushes.push(code);
    }

    /// A notification every so many steps, beginning a little into the first round.
    pub fn push_every(&mut self, steps: u64, code: &'static str) {
        if self.turn % steps == steps / 2 {
            self.push(code);
        }
    }

    /// A random walk of one step at most, within bounds.
    pub fn wander(&mut self, path: &str, low: f64, high: f64, step: f64) {
        let moves = [-step, 0.0, step];
        let by = moves[self.rng.usize(..moves.len())];
        let next = (self.number(path) + by).clamp(low, high);
        self.set_number(path, next);
    }

    /// One step towards a target.
    pub fn approach(&mut self, path: &str, target: f64, step: f64) {
        let current = self.number(path);
        let next = current + (target - current).clamp(-step, step);
        self.set_number(path, next);
    }

    /// For how many steps the text at `path` has been what it is, this one included.
    pub fn dwell(&mut self, path: &str) -> u32 {
        let current = self.text(path);
        let entry = self.since.entry(path.to_owned()).or_default();
        if entry.0 == current {
            entry.1 += 1;
        } else {
            *entry = (current, 1);
        }
        entry.1
    }

    pub fn chance(&mut self, one_in: u32) -> bool {
        self.rng.u32(..one_in) == 0
    }
}

/// Whole numbers without a decimal point, as LG writes them.
pub fn number(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "degrees, minutes and percents are small"
    )]
    let whole = value as i64;
    if value.fract() == 0.0 {
        json!(whole)
    } else {
        json!(value)
    }
}

/// Degrees Fahrenheit, rounded, as appliances show them.
pub fn fahrenheit(celsius: f64) -> f64 {
    (celsius * 9.0 / 5.0 + 32.0).round()
}

/// Degrees Celsius, rounded to halves, as appliances show them.
pub fn celsius(fahrenheit: f64) -> f64 {
    ((fahrenheit - 32.0) * 10.0 / 9.0).round() / 2.0
}
