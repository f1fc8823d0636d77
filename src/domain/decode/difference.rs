//! What is different between two trees, value by value; numbers with how much.

use std::collections::HashMap;

use super::value::{Value, path_step};

/// Finds for each entry of a map the one it was before: the same key, the same one of its repetitions.
#[derive(Debug)]
pub struct Matcher<'a> {
    before: &'a [(Value, Value)],
    /// Where each key stands, the next one to be matched last.
    places: HashMap<String, Vec<usize>>,
}

impl<'a> Matcher<'a> {
    pub fn new(before: Option<&'a Value>) -> Self {
        let before: &[(Value, Value)] = match before.map(Value::bare) {
            Some(Value::Map(entries)) => entries,
            _ => &[],
        };
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, (key, _)) in before.iter().enumerate().rev() {
            places.entry(name(key)).or_default().push(n);
        }
        Self { before, places }
    }

    pub fn take(&mut self, key: &Value) -> Option<&'a Value> {
        if self.before.is_empty() {
            return None;
        }
        let place = self.places.get_mut(&name(key))?.pop()?;
        Some(&self.before[place].1)
    }

    /// The entries that nothing was matched with, in their order.
    pub fn gone(self) -> Vec<&'a (Value, Value)> {
        let mut left: Vec<usize> = self.places.into_values().flatten().collect();
        left.sort_unstable();
        left.into_iter().map(|n| &self.before[n]).collect()
    }
}

fn name(key: &Value) -> String {
    key.line(200)
}

/// One value that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    pub path: String,
    pub before: Option<&'a Value>,
    pub now: Option<&'a Value>,
}

/// Every changed value with its path, at most `limit`.
pub fn changes<'a>(before: &'a Value, now: &'a Value, limit: usize) -> Vec<Change<'a>> {
    let mut out = Vec::new();
    let mut path = String::new();
    walk(before, now, &mut path, limit, &mut out);
    for change in &mut out {
        if change.path.is_empty() {
            ".".clone_into(&mut change.path);
        }
    }
    out
}

fn walk<'a>(
    before: &'a Value,
    now: &'a Value,
    path: &mut String,
    limit: usize,
    out: &mut Vec<Change<'a>>,
) {
    if out.len() >= limit {
        return;
    }
    match (before.bare(), now.bare()) {
        (Value::Map(_), Value::Map(entries)) => {
            let mut matcher = Matcher::new(Some(before));
            for (key, value) in entries {
                let old = matcher.take(key);
                step(path, &path_step(key), |path| match old {
                    Some(old) => walk(old, value, path, limit, out),
                    None => push(None, Some(value), path, limit, out),
                });
            }
            for (key, old) in matcher.gone() {
                step(path, &path_step(key), |path| {
                    push(Some(old), None, path, limit, out);
                });
            }
        }
        (Value::List(old), Value::List(new)) => {
            for n in 0..old.len().max(new.len()) {
                step(path, &format!("[{n}]"), |path| {
                    match (old.get(n), new.get(n)) {
                        (Some(old), Some(new)) => walk(old, new, path, limit, out),
                        (old, new) => push(old, new, path, limit, out),
                    }
                });
            }
        }
        (old, new) => {
            if old != new {
                push(Some(before), Some(now), path, limit, out);
            }
        }
    }
}

fn step(path: &mut String, part: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(part);
    then(path);
    path.truncate(length);
}

fn push<'a>(
    before: Option<&'a Value>,
    now: Option<&'a Value>,
    path: &str,
    limit: usize,
    out: &mut Vec<Change<'a>>,
) {
    if out.len() < limit {
        out.push(Change {
            path: path.to_owned(),
            before,
            now,
        });
    }
}

/// `+0.5` for 21 and 21.5: exact, in decimal; `None` where the digits are too many for that.
pub fn number_difference(before: &str, now: &str) -> Option<String> {
    let (a, b) = (Decimal::parse(before)?, Decimal::parse(now)?);
    let exponent = a.exponent.min(b.exponent);
    let difference = b.at(exponent)?.checked_sub(a.at(exponent)?)?;
    if difference == 0 {
        return None;
    }
    let places = usize::try_from(-exponent).ok()?;
    let digits = format!("{:0>1$}", difference.unsigned_abs(), places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    let sign = if difference < 0 { '-' } else { '+' };
    let point = if part.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{part}"))
}

/// `digits` times ten to the power of `exponent`, which is not above zero.
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i128 = format!("{whole}{part}").parse().ok()?;
        let exponent = exponent.checked_sub(i32::try_from(part.len()).ok()?)?;
        if !(-30..=30).contains(&exponent) {
            return None;
        }
        let this = Self { digits, exponent };
        match exponent {
            ..=0 => Some(this),
            _ => Some(Self {
                digits: this.at(0)?,
                exponent: 0,
            }),
        }
    }

    fn at(&self, exponent: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent - exponent).ok()?;
        self.digits.checked_mul(10_i128.checked_pow(power)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Work, json};
    use super::*;

    #[test]
    fn differences_are_exact() {
        let cases = [
            ("21", "21.5", Some("+0.5")),
            ("21.3", "21.1", Some("-0.2")),
            ("0.1", "0.3", Some("+0.2")),
            ("9223372036854775807", "9223372036854775808", Some("+1")),
            ("1e3", "1.5e3", Some("+500")),
            ("-1", "1", Some("+2")),
            ("1.0", "1", None),
            ("1e400", "2e400", None),
            ("NaN", "1", None),
        ];
        for (before, now, expected) in cases {
            assert_eq!(
                number_difference(before, now).as_deref(),
                expected,
                "{before} {now}"
            );
        }
    }

    #[test]
    fn what_changed_came_and_went_has_its_path() {
        let tree = |text: &str| json::read(text, &mut Work::new(1000)).expect("JSON").0;
        let before = tree(r#"{"a":{"t":21,"x":1},"l":[1,2,3],"k":1,"k":2,"same":[{}]}"#);
        let now = tree(r#"{"a":{"t":21.5,"y":true},"l":[1,5],"k":1,"k":3,"same":[{}]}"#);
        let found: Vec<_> = changes(&before, &now, 100)
            .into_iter()
            .map(|c| {
                let line = |v: Option<&Value>| v.map_or_else(|| "-".to_owned(), |v| v.line(20));
                format!("{} {} {}", c.path, line(c.before), line(c.now))
            })
            .collect();
        assert_eq!(
            found,
            [
                ".a.t 21 21.5",
                ".a.y - true",
                ".a.x 1 -",
                ".l[1] 2 5",
                ".l[2] 3 -",
                ".k 2 3"
            ]
        );
        assert_eq!(changes(&before, &before, 100), []);
    }
}
