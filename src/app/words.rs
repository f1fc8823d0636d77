//! Small wordings that several panes share.

use std::time::Duration;

use super::screen::Role;
use crate::base::problem::Problem;
use crate::domain::subscription::{FilterOptions, FilterState, RetainHandling};

/// `1,203`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 device`, `3 devices`
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as u64))
}

/// `°C` for what the platform calls `C`; other units as they are.
pub(super) fn unit(unit: &str) -> &str {
    match unit {
        "C" => "°C",
        "F" => "°F",
        other => other,
    }
}

/// `2.1 MiB`
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return count(usize::try_from(number).unwrap_or(usize::MAX), "byte");
    }
    let (mut size, mut unit) = (1024, 0);
    while number >= size * 1024 && unit + 1 < UNITS.len() {
        size *= 1024;
        unit += 1;
    }
    let tenths = number.saturating_mul(10).saturating_add(size / 2) / size;
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// As exact as a person wants it: `12 ms`, `1.5 s`, `10 s`, `2 min`.
pub(super) fn brief_time(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..10_000 if !millis.is_multiple_of(1000) => {
            format!("{}.{} s", millis / 1000, millis % 1000 / 100)
        }
        _ => crate::base::moment::words(duration),
    }
}

/// Age of the last message, in at most four cells: `now`, `12s`, `4m`, `3h`, `2d`.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Messages a second, from thousandths, in at most five cells: `0.02`, `1.2`, `123`, `12.3k`; empty for none.
pub(super) fn rate(thousandths: u64) -> String {
    match thousandths {
        0 => String::new(),
        1..10 => "<0.01".to_owned(),
        10..1_000 => format!("0.{:02}", thousandths / 10),
        1_000..100_000 => format!("{}.{}", thousandths / 1_000, thousandths % 1_000 / 100),
        100_000..10_000_000 => grouped(thousandths / 1_000),
        _ => format!(
            "{}.{}k",
            thousandths / 1_000_000,
            thousandths % 1_000_000 / 100_000
        ),
    }
}

/// Time from `duration` until `age` says something else.
pub(super) fn age_changes_in(duration: Duration) -> Duration {
    let unit = match duration.as_secs() {
        0..60 => 1,
        60..3600 => 60,
        3600..86_400 => 3600,
        _ => 86_400,
    };
    Duration::from_secs((duration.as_secs() / unit + 1) * unit).saturating_sub(duration)
}

/// Time left of a feed, in minutes: `23h40`, `59m`, `<1m`.
pub(super) fn left(duration: Duration) -> String {
    if duration.as_secs() < 60 {
        return "<1m".to_owned();
    }
    crate::base::moment::short(duration)
}

/// `refused: 1222 not connected`; what was not even reached has refused nothing.
pub(super) fn refused(why: &str) -> String {
    if why.starts_with("could not ") {
        return why.to_owned();
    }
    format!("refused: {why}")
}

/// The broker's word on a filter: `QoS 1`, `QoS 1 → 0 granted`, `refused: not authorised`.
pub(super) fn granted(state: &FilterState, connected: bool) -> (String, Role) {
    let wanted = state.wish.qos.number();
    match &state.granted {
        Some(Ok(qos)) if qos.number() == wanted => (format!("QoS {wanted}"), Role::Dim),
        Some(Ok(qos)) => {
            let text = format!("QoS {wanted} → {} granted", qos.number());
            (text, Role::Warn)
        }
        // The session found out at which filter the broker hangs up.
        Some(Err(why)) if why.contains("hangs up") => {
            ("set aside: the broker hangs up at it".to_owned(), Role::Bad)
        }
        Some(Err(why)) => (refused(why), Role::Bad),
        None if connected => (format!("QoS {wanted}, asked"), Role::Pending),
        None => (format!("QoS {wanted}, offline"), Role::Pending),
    }
}

/// MQTT 5's options in short: `nl rap rh2 id7`.
pub(super) fn options(options: FilterOptions) -> String {
    let mut parts = Vec::new();
    if options.no_local {
        parts.push("nl".to_owned());
    }
    if options.retain_as_published {
        parts.push("rap".to_owned());
    }
    match options.retain_handling {
        RetainHandling::Send => {}
        RetainHandling::SendIfNew => parts.push("rh1".to_owned()),
        RetainHandling::Never => parts.push("rh2".to_owned()),
    }
    parts.extend(options.id.map(|id| format!("id{id}")));
    parts.join(" ")
}

/// The problem in a row's few cells: `1214 the device cannot be subscribed`, from the platform's code on.
pub(super) fn brief(problem: &Problem) -> String {
    let text = if problem.cause.is_empty() {
        &problem.what
    } else {
        &problem.cause
    };
    match code_at(text) {
        Some(at) => {
            let (code, words) = text[at..].split_at(4);
            let words = words.trim_start_matches([':', ',', ' ']);
            format!("{code} {words}").trim_end().to_owned()
        }
        None => text.clone(),
    }
}

/// Where a code of exactly four digits stands that somebody answered. A port or a year is none.
fn code_at(text: &str) -> Option<usize> {
    const ANSWERED: &str = "answered ";
    let at = text.find(ANSWERED)? + ANSWERED.len();
    let digits = text.as_bytes()[at..]
        .iter()
        .take_while(|b| b.is_ascii_digit());
    (digits.count() == 4).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_rounded() {
        assert_eq!(
            [0, 999, 1203, 1_234_567].map(grouped),
            ["0", "999", "1,203", "1,234,567"]
        );
        assert_eq!(
            [1, 1023, 1536, 2_202_009].map(bytes),
            ["1 byte", "1,023 bytes", "1.5 KiB", "2.1 MiB"]
        );
    }

    #[test]
    fn a_short_time_is_told_in_milliseconds() {
        let told = [0, 12, 999, 1000, 1549, 10_500, 120_000].map(Duration::from_millis);
        assert_eq!(
            told.map(brief_time),
            ["0 ms", "12 ms", "999 ms", "1 s", "1.5 s", "10 s", "2 min"]
        );
    }

    #[test]
    fn a_row_says_the_code_and_the_words() {
        let problem = Problem::new(
            "could not turn on event of Hood",
            "LG answered 1214: the device sends no state changes",
            "",
        );
        assert_eq!(brief(&problem), "1214 the device sends no state changes");
        let problem = Problem::new(
            "could not turn on push of Hood",
            "no answer from 127.0.0.1 within 15 s",
            "",
        );
        assert_eq!(brief(&problem), "no answer from 127.0.0.1 within 15 s");
        for cause in [
            "nothing listens on 127.0.0.1:1883",
            "its certificate ended on 2026-11-20",
        ] {
            assert_eq!(brief(&Problem::new("could not connect", cause, "")), cause);
        }
    }

    #[test]
    fn an_age_says_when_it_will_read_otherwise() {
        let seconds = |s| age_changes_in(Duration::from_millis(s)).as_millis();
        assert_eq!(
            [1_500, 61_000, 3_600_000].map(seconds),
            [500, 59_000, 3_600_000]
        );
    }
}
