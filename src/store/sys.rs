//! What a broker says of itself under `$SYS`: the last word on each topic, bounded.
//!
//! Nothing of it is in the standard: each broker has its own names. Many values are sent once only, when they are
//! subscribed, so they are kept here beside the ring, which moves on.

use std::collections::BTreeMap;

use crate::base::moment::Mono;

/// Topics kept.
const TOPICS: usize = 2_000;
/// Bytes of a value that are kept.
const LONGEST: usize = 256;

#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub text: String,
    pub at: Mono,
    /// The number before this one, when it came: for a rate where the broker tells sums only.
    before: Option<(f64, Mono)>,
}

impl Value {
    /// The number that the text begins with: `12`, `0.53`, `3600 seconds`.
    pub fn number(&self) -> Option<f64> {
        number(&self.text)
    }

    /// How fast it grew between the last two, a second; `None` before there are two.
    pub fn growth(&self) -> Option<f64> {
        let (before, then) = self.before?;
        let seconds = self.at.since(then).as_secs_f64();
        let more = self.number()? - before;
        (seconds > 0.5 && more >= 0.0).then(|| more / seconds)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Sys {
    /// By the topic without `$SYS/`.
    values: BTreeMap<String, Value>,
    left_out: u64,
}

impl Sys {
    /// Whether that was a topic of the broker's own.
    pub fn hear(&mut self, topic: &str, payload: &[u8], at: Mono) -> bool {
        let Some(name) = topic.strip_prefix("$SYS/") else {
            return false;
        };
        let text = String::from_utf8_lossy(&payload[..payload.len().min(LONGEST)]).into_owned();
        if let Some(value) = self.values.get_mut(name) {
            let before = value.number().map(|number| (number, value.at));
            *value = Value { text, at, before };
        } else if self.values.len() < TOPICS {
            let before = None;
            self.values
                .insert(name.to_owned(), Value { text, at, before });
        } else {
            self.left_out += 1;
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// By name, without `$SYS/`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Messages on topics that there was no room for.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn a_sum_that_grows_has_a_speed_from_its_second_value_on() {
        let mut sys = Sys::default();
        let topic = "$SYS/broker/messages/received";
        let speed = |sys: &Sys| sys.iter().next().and_then(|(_, value)| value.growth());
        sys.hear(topic, b"100", at(1));
        assert_eq!(speed(&sys), None);
        sys.hear(topic, b"150", at(11));
        assert_eq!(speed(&sys), Some(5.0));
        sys.hear(topic, b"3", at(21));
        assert_eq!(speed(&sys), None, "the broker began anew");
    }

    #[test]
    fn numbers_are_read_with_what_stands_behind_them() {
        let cases = [
            ("12 seconds", Some(12.0)),
            ("0.53", Some(0.53)),
            ("mosquitto 2", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ever_new_topics_are_counted_and_left_out() {
        let mut sys = Sys::default();
        for n in 0..=TOPICS {
            assert!(sys.hear(&format!("$SYS/{n}"), b"1", at(1)));
        }
        assert!(!sys.hear("home/x", b"1", at(1)));
        assert_eq!((sys.iter().count(), sys.left_out()), (TOPICS, 1));
    }
}
