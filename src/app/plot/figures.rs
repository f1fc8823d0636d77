//! Numbers out of payloads, and as they are written.

use std::collections::BTreeSet;

use super::Series;
use crate::base::moment::Timestamp;
use crate::domain::decode::{self, Chain, Content, Limits, Value, Work, path_step};

/// Lines of a CSV file.
const LINES: usize = 100_000;

/// The number that `path` (as jq writes it) leads to; a text that is one counts.
pub(super) fn number(payload: &[u8], topic: &str, pin: Option<&Chain>, path: &str) -> Option<f64> {
    if pin.is_none()
        && payload.trim_ascii_start().starts_with(b"{")
        && let Ok(text) = std::str::from_utf8(payload)
    {
        let mut work = Work::new(Limits::QUICK.values);
        if let Ok((value, _)) = decode::json::read(text, &mut work) {
            return at(&value, path).and_then(figure);
        }
    }
    match decode::decode(payload, topic, pin, Limits::QUICK).content {
        Content::Tree(value) => at(&value, path).and_then(figure),
        Content::Text(text) if path.is_empty() => finite(&text),
        _ => None,
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value.bare() {
        Value::Map(entries) => entries.iter().find_map(|(key, inner)| {
            let rest = path.strip_prefix(&*path_step(key))?;
            (rest.is_empty() || rest.starts_with(['.', '[']))
                .then(|| at(inner, rest))
                .flatten()
        }),
        Value::List(items) => {
            let (number, rest) = path.strip_prefix('[')?.split_once(']')?;
            at(items.get(number.parse::<usize>().ok()?)?, rest)
        }
        _ => None,
    }
}

fn figure(value: &Value) -> Option<f64> {
    match value.bare() {
        Value::Number(digits) => finite(digits),
        Value::Text(literal) => finite(&literal.plain()?),
        _ => None,
    }
}

fn finite(text: &str) -> Option<f64> {
    let text = text.trim();
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    text.parse::<f64>()
        .ok()
        .filter(|number| begins && number.is_finite())
}

/// In some ten cells: `21.5`, `0.000012`, `1.235e12`.
pub(super) fn short(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-5..1e9).contains(&size) {
        return format!("{number:.3e}");
    }
    let decimals = if size >= 100_000.0 {
        0
    } else if size >= 1_000.0 {
        2
    } else if size >= 1.0 {
        4
    } else {
        7
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A line a value: time in UTC, topic or device, path, value; where messages are missing is a line without one.
pub(super) fn csv(
    series: &[(String, &Series)],
    gaps: &BTreeSet<i64>,
    from: i64,
    to: i64,
) -> String {
    let mut rows: Vec<(i64, String)> = Vec::new();
    for (source, series) in series {
        let front = format!("{},{}", quoted(source), quoted(&series.way()));
        let seen = series.points.iter().filter(|p| (from..=to).contains(&p.at));
        rows.extend(seen.map(|point| (point.at, format!("{front},{}", point.value))));
    }
    rows.extend(
        gaps.range(from..=to)
            .map(|at| (*at, "(messages are missing here),,".to_owned())),
    );
    rows.sort_by_key(|(at, _)| *at);
    let cut = rows.len().saturating_sub(LINES);
    let mut out = "time,source,path,value\n".to_owned();
    for (at, row) in rows.drain(cut..) {
        out.push_str(&format!("{},{row}\n", Timestamp(at)));
    }
    out
}

/// RFC 4180, and nothing that a spreadsheet would take for a formula.
fn quoted(text: &str) -> String {
    let odd = text.starts_with(['=', '+', '-', '@', '\t']);
    if odd || text.contains(['"', ',', '\n', '\r']) {
        let mark = if odd { "'" } else { "" };
        return format!("\"{mark}{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_number_in_any_format() {
        let json = br#"{"a":{"b c":[1,{"d":"21.5"}]},"t":-3e2}"#;
        let of = |payload: &[u8], path: &str| number(payload, "t", None, path);
        assert_eq!(of(json, ".t"), Some(-300.0));
        assert_eq!(of(json, ".a[\"b c\"][1].d"), Some(21.5));
        assert_eq!(of(json, ".a"), None);
        assert_eq!(of(json, ".nothing"), None);
        assert_eq!(of(b"21.5", ""), Some(21.5));
        assert_eq!(of(b"inf", ""), None);
        assert_eq!(of(b"[1,2]", "[1]"), Some(2.0));
        let cbor = b"\xa1\x64temp\x18\x2a";
        assert_eq!(of(cbor, ".temp"), Some(42.0));
    }

    #[test]
    fn numbers_are_short_and_not_rounded_away() {
        let shown = [0.0, 21.5, 1_234.567, 123_456_789.0, 1.5e12, 0.000_012, -3.0].map(short);
        assert_eq!(
            shown,
            [
                "0",
                "21.5",
                "1234.57",
                "123456789",
                "1.500e12",
                "0.000012",
                "-3"
            ]
        );
    }

    #[test]
    fn a_topic_with_a_comma_or_a_formula_stays_one_field() {
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("say \"a\""), "\"say \"\"a\"\"\"");
    }
}
