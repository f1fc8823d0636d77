//! `{{uuid}}` and its like in a topic or a payload that is about to be sent.
//!
//! Known: `{{uuid}}`, `{{now}}` (RFC 3339 in UTC), `{{now unix}}`, `{{now ms}}`, `{{seq}}`, `{{rand 1..9}}` (both bounds
//! included), `{{rand 0.00..1.00}}` (as many decimals as the bounds show), `{{env NAME}}`. Two braces that are meant as such
//! are written `{{{{`. Time, chance, counter and environment are arguments.

use std::collections::BTreeMap;

use crate::base::dice::Dice;
use crate::base::moment::Timestamp;
use crate::base::near;
use crate::base::secret::Secret;

const KNOWN: [&str; 7] = ["uuid", "now", "now unix", "now ms", "seq", "rand", "env"];
/// Longer than this is no placeholder but two braces in a text.
const LONGEST: usize = 80;

/// A text in its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value(Value),
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Uuid,
    Now,
    NowUnix,
    NowMillis,
    Seq,
    Whole(i64, i64),
    /// Bounds in units of the last decimal, and how many decimals there are.
    Decimal(i64, i64, u32),
    Env(String),
}

/// Why a text cannot be expanded, and where (byte offset of its braces).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct PlaceholderError {
    pub at: usize,
    pub words: String,
}

/// What placeholders stand for, this time.
#[derive(Debug)]
pub struct Values<'a> {
    pub now: Timestamp,
    /// Of this message.
    pub seq: u64,
    pub dice: &'a mut Dice,
    /// The variables that [`Pattern::variables`] names; `None` where the environment has none of that name.
    pub variables: &'a BTreeMap<String, Option<Secret>>,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, PlaceholderError> {
        let mut parts = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => push_text(&mut parts, text),
                Piece::Braces => push_text(&mut parts, "{{"),
                Piece::Placeholder { at, inside } => {
                    let value =
                        Value::parse(inside).map_err(|words| PlaceholderError { at, words })?;
                    parts.push(Part::Value(value));
                }
                Piece::Open { at } => {
                    let words = "{{ is not closed by }}; two braces as such are written {{{{";
                    return Err(PlaceholderError {
                        at,
                        words: words.to_owned(),
                    });
                }
            }
        }
        Ok(Self { parts })
    }

    /// Names of the environment's variables that are wanted.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(Value::Env(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The parts that stay as they are.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Value(_) => None,
        })
    }

    /// Whether expanding changes from one time to the next.
    pub fn is_plain(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Text(_)))
    }

    /// `Err` is the name of a variable that the environment does not have.
    pub fn expand(&self, values: &mut Values<'_>) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(value) => value.write(values, &mut out)?,
            }
        }
        Ok(out)
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

impl Value {
    fn parse(inside: &str) -> Result<Self, String> {
        let mut words = inside.split_whitespace();
        let (name, rest): (_, Vec<_>) = (words.next().unwrap_or_default(), words.collect());
        match (name, rest.as_slice()) {
            ("uuid", []) => Ok(Self::Uuid),
            ("now", []) => Ok(Self::Now),
            ("now", ["unix"]) => Ok(Self::NowUnix),
            ("now", ["ms"]) => Ok(Self::NowMillis),
            ("seq", []) => Ok(Self::Seq),
            ("rand", [range]) => random(range),
            ("rand", _) => Err("{{rand}} needs a range: {{rand 1..9}}".to_owned()),
            ("env", [name]) => Ok(Self::Env((*name).to_owned())),
            ("env", _) => Err("{{env}} needs the name of one variable: {{env NAME}}".to_owned()),
            _ => Err(unknown(inside.trim())),
        }
    }

    fn write(&self, values: &mut Values<'_>, out: &mut String) -> Result<(), String> {
        match self {
            Self::Uuid => out.push_str(&values.dice.uuid()),
            Self::Now => out.push_str(&values.now.to_string()),
            Self::NowUnix => out.push_str(&values.now.seconds().to_string()),
            Self::NowMillis => out.push_str(&values.now.0.div_euclid(1000).to_string()),
            Self::Seq => out.push_str(&values.seq.to_string()),
            Self::Whole(low, high) => {
                out.push_str(&values.dice.between(*low, *high).to_string());
            }
            Self::Decimal(low, high, decimals) => {
                out.push_str(&decimal(values.dice.between(*low, *high), *decimals));
            }
            Self::Env(name) => match values.variables.get(name) {
                Some(Some(value)) => out.push_str(value.expose()),
                _ => return Err(name.clone()),
            },
        }
        Ok(())
    }
}

fn unknown(name: &str) -> String {
    let first = name.split_whitespace().next().unwrap_or_default();
    let near = near::nearest(name, KNOWN).or_else(|| near::nearest(first, KNOWN));
    let shown: String = name.chars().take(40).collect();
    match near {
        Some(near) => format!("{{{{{shown}}}}} is not known; the nearest is {{{{{near}}}}}"),
        None => format!(
            "{{{{{shown}}}}} is not known; there are uuid, now, seq, rand 1..9 and env NAME; two braces as such are written {{{{{{{{"
        ),
    }
}

fn random(range: &str) -> Result<Value, String> {
    let wrong =
        || format!("{range:?} is no range; write {{{{rand 1..9}}}} or {{{{rand 0.0..1.0}}}}");
    let (low, high) = range.split_once("..").ok_or_else(wrong)?;
    let decimals = decimals_of(low).max(decimals_of(high));
    let low = scaled(low, decimals).ok_or_else(wrong)?;
    let high = scaled(high, decimals).ok_or_else(wrong)?;
    if low > high {
        return Err(format!("{range} begins above its end"));
    }
    Ok(match decimals {
        0 => Value::Whole(low, high),
        decimals => Value::Decimal(low, high, decimals),
    })
}

fn decimals_of(number: &str) -> u32 {
    let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
    u32::try_from(fraction.len()).unwrap_or(u32::MAX)
}

/// `1.5` with two decimals: 150.
fn scaled(number: &str, decimals: u32) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if digits.is_empty() || !all_digits(digits) || !all_digits(fraction) || decimals > 15 {
        return None;
    }
    if number.contains('.') && fraction.is_empty() {
        return None;
    }
    let missing = usize::try_from(decimals)
        .ok()?
        .checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing))
        .parse()
        .ok()
}

fn decimal(units: i64, decimals: u32) -> String {
    let scale = 10_u64.pow(decimals);
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    let width = usize::try_from(decimals).unwrap_or(0);
    format!("{sign}{}.{:0width$}", units / scale, units % scale)
}

/// The text so that expanding gives it back as it is: what was received is sent again byte for byte.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        let run = from.len() - from.trim_start_matches('{').len();
        out.push_str(before);
        out.push_str(&"{{{{".repeat(run / 2));
        out.push_str(&"{".repeat(run % 2));
        rest = from.get(run..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The text with something of the same length in each placeholder's place, so that a check of JSON finds what it will find
/// after expanding, at the same place.
pub fn stand_ins(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Braces => out.push_str("{{{{"),
            Piece::Open { .. } => out.push_str("{{"),
            Piece::Placeholder { inside, .. } => {
                let is_number = !matches!(Value::parse(inside), Ok(Value::Uuid | Value::Now));
                let cells = inside.chars().count() + 4;
                let (first, fill) = if is_number { ("1", " ") } else { ("x", "x") };
                out.push_str(first);
                out.push_str(&fill.repeat(cells - 1));
            }
        }
    }
    out
}

enum Piece<'a> {
    Text(&'a str),
    /// `{{{{`
    Braces,
    Placeholder {
        at: usize,
        inside: &'a str,
    },
    /// `{{` without an end.
    Open {
        at: usize,
    },
}

/// Of a run of braces each four are two as such; of what is left, the last two begin a placeholder.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(found) = rest.find("{{") else {
            out.push(Piece::Text(rest));
            break;
        };
        let (before, from) = rest.split_at(found);
        if !before.is_empty() {
            out.push(Piece::Text(before));
            at += found;
            continue;
        }
        let run = from.len() - from.trim_start_matches('{').len();
        if run >= 4 {
            out.push(Piece::Braces);
            at += 4;
            continue;
        }
        if run == 3 {
            out.push(Piece::Text(from.get(..1).unwrap_or_default()));
            at += 1;
            continue;
        }
        let inside = from.get(2..).unwrap_or_default();
        let end = inside.find("}}");
        let inside = end.and_then(|end| inside.get(..end));
        let short = |inside: &&str| inside.len() <= LONGEST && !inside.contains(['\n', '{']);
        if let Some(inside) = inside.filter(short) {
            out.push(Piece::Placeholder { at, inside });
            at += inside.len() + 4;
        } else {
            out.push(Piece::Open { at });
            at += 2;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let variables = BTreeMap::from([
            ("SITE".to_owned(), Some(Secret::new("hall 3"))),
            ("GONE".to_owned(), None),
        ]);
        let pattern = Pattern::parse(text).map_err(|error| error.words)?;
        pattern.expand(&mut Values {
            now: Timestamp(1_763_671_282_123_456),
            seq: 7,
            dice: &mut Dice::new(3),
            variables: &variables,
        })
    }

    #[test]
    fn each_placeholder_becomes_its_value() {
        let cases = [
            ("plain", "plain"),
            ("n={{seq}}", "n=7"),
            ("{{now}}", "2025-11-20T20:41:22.123456Z"),
            ("{{now unix}} {{ now ms }}", "1763671282 1763671282123"),
            ("{{env SITE}}/{{seq}}", "hall 3/7"),
            ("{\"n\":{{seq}}}", "{\"n\":7}"),
            ("{{{seq}}}", "{7}"),
            ("{{{{seq}}", "{{seq}}"),
            ("{{rand 5..5}} {{rand -2.50..-2.50}}", "5 -2.50"),
        ];
        for (text, wanted) in cases {
            assert_eq!(expanded(text).as_deref(), Ok(wanted), "{text}");
        }
        assert_eq!(expanded("{{uuid}}").map(|id| id.len()), Ok(36));
    }

    #[test]
    fn chance_keeps_to_the_range_and_its_decimals() {
        let variables = BTreeMap::new();
        let mut dice = Dice::new(11);
        let pattern = Pattern::parse("{{rand 1..3}} {{rand 0.00..0.25}}").unwrap();
        for _ in 0..100 {
            let mut values = Values {
                now: Timestamp(0),
                seq: 1,
                dice: &mut dice,
                variables: &variables,
            };
            let text = pattern.expand(&mut values).unwrap();
            let (whole, part) = text.split_once(' ').unwrap();
            assert!(["1", "2", "3"].contains(&whole), "{text}");
            let part: f64 = part.parse().unwrap();
            assert!((0.0..=0.25).contains(&part), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_an_error_with_the_nearest_that_is() {
        let why = |text| expanded(text).unwrap_err();
        assert_eq!(
            why("{{uid}}"),
            "{{uid}} is not known; the nearest is {{uuid}}"
        );
        assert_eq!(
            why("{{now millis}}"),
            "{{now millis}} is not known; the nearest is {{now}}"
        );
        assert!(why("{{frobnicate}}").contains("there are uuid, now"));
        assert!(why("a {{ b").contains("not closed"));
        assert!(why("{{rand 9..1}}").contains("above its end"));
        assert!(why("{{rand x}}").contains("no range"));
        assert!(why("{{env}}").contains("{{env NAME}}"));
        assert_eq!(why("{{env GONE}}"), "GONE");
        let error = Pattern::parse("ab {{seq}} {{x").unwrap_err();
        assert_eq!(error.at, 11);
    }

    #[test]
    fn a_check_of_json_sees_a_value_of_the_same_length() {
        assert_eq!(stand_ins("{\"n\":{{seq}}}"), "{\"n\":1      }");
        assert_eq!(stand_ins("\"{{uuid}}\""), "\"xxxxxxxx\"");
        assert_eq!(stand_ins("{{ open"), "{{ open");
    }

    proptest! {
        #[test]
        fn an_escaped_text_expands_to_itself(text in "[{}a\\n 한]{0,30}") {
            prop_assert_eq!(expanded(&escape(&text)), Ok(text));
        }

        #[test]
        fn no_text_breaks_it(text in "(\\{|\\}|rand|env|\\.|-|1| |\\n|é){0,30}") {
            let _ = expanded(&text);
            prop_assert_eq!(stand_ins(&text).chars().count(), text.chars().count());
        }
    }
}
