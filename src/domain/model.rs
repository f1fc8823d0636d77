//! What a device can tell and be told: its properties with types, units, allowed values and places. Made by an
//! adapter from the platform's own description (ThinQ: the device profile); the screen is driven by it, not by a list
//! of device types.

use serde_json::{Number, Value};

use super::request::PropertyPath;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub properties: Vec<Property>,
    /// Notification codes the device may send (`WASHING_IS_COMPLETE`).
    pub push_codes: Vec<String>,
    /// Error names its state may carry.
    pub errors: Vec<String>,
}

impl Model {
    pub fn property(&self, path: &PropertyPath) -> Option<&Property> {
        self.properties.iter().find(|p| p.path == *path)
    }

    pub fn writable(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|p| p.write.is_some())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    pub path: PropertyPath,
    pub readable: bool,
    /// What reading it gives.
    pub read: Domain,
    /// What may be written; `None` for read-only.
    pub write: Option<Domain>,
    /// `C`, `F`, `%`, `MONTH`…; empty when the model names none.
    pub unit: String,
    /// Properties that must be sent in the same body (hour with minute, fan speed with lamp), for the form to ask
    /// together.
    pub together: Vec<PropertyPath>,
}

/// The values a property can take.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// Words in the platform's own spelling.
    Words(Vec<String>),
    Flag,
    Range {
        min: Number,
        max: Number,
        step: Number,
        except: Vec<Number>,
    },
    Number,
    Text,
    List(Vec<String>),
    /// A read-only constant of this model.
    Constant(String),
    /// A type that no reference lists: shown as it is.
    Unknown(String),
}

impl Domain {
    /// `COOL, HEAT, AUTO` or `18 to 30 in steps of 0.5`.
    pub fn words(&self) -> String {
        match self {
            Self::Words(words) | Self::List(words) => words.join(", "),
            Self::Flag => "true, false".to_owned(),
            Self::Range {
                min,
                max,
                step,
                except,
            } => {
                let mut text = format!("{min} to {max}");
                if step
                    .as_f64()
                    .is_some_and(|s| (s - 1.0).abs() > f64::EPSILON)
                {
                    text.push_str(&format!(" in steps of {step}"));
                }
                if !except.is_empty() {
                    let list: Vec<_> = except.iter().map(ToString::to_string).collect();
                    text.push_str(&format!(", not {}", list.join(", ")));
                }
                text
            }
            Self::Number => "a number".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Constant(value) => format!("always {value}"),
            Self::Unknown(kind) => kind.clone(),
        }
    }

    /// Whether `value` may be written; the reason when not.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let fits = match (self, value) {
            (Self::Words(words), Value::String(word)) => words.contains(word),
            (Self::Flag, Value::Bool(_))
            | (Self::Text, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Unknown(_), _) => true,
            (
                Self::Range {
                    min,
                    max,
                    step,
                    except,
                },
                Value::Number(number),
            ) => {
                let of = |n: &Number| n.as_f64().unwrap_or(f64::NAN);
                let (v, lo, hi, step) = (of(number), of(min), of(max), of(step));
                let steps = (v - lo) / if step > 0.0 { step } else { 1.0 };
                v >= lo
                    && v <= hi
                    && (steps - steps.round()).abs() < 1e-6
                    && !except.iter().any(|e| (of(e) - v).abs() < 1e-9)
            }
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{value} is not allowed; allowed: {}", self.words()))
        }
    }

    /// What a person typed, as the JSON value this domain expects.
    pub fn parse(&self, typed: &str) -> Result<Value, String> {
        let value = match self {
            Self::Flag => match typed.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Value::Bool(true),
                "false" | "off" | "no" | "0" => Value::Bool(false),
                _ => return Err(format!("{typed:?} is neither true nor false")),
            },
            Self::Range { .. } | Self::Number => serde_json::from_str::<Number>(typed)
                .map(Value::Number)
                .map_err(|_not_a_number| {
                    format!("{typed:?} is not a number; allowed: {}", self.words())
                })?,
            Self::Words(words) => {
                let word = words
                    .iter()
                    .find(|w| w.eq_ignore_ascii_case(typed))
                    .map_or(typed, String::as_str);
                Value::String(word.to_owned())
            }
            Self::Text | Self::List(_) | Self::Constant(_) => Value::String(typed.to_owned()),
            Self::Unknown(_) => {
                serde_json::from_str(typed).unwrap_or_else(|_| Value::String(typed.to_owned()))
            }
        };
        self.check(&value)?;
        Ok(value)
    }
}
