//! Time as an argument. Only `runtime/clock.rs` reads a clock.

use std::fmt;
use std::time::Duration;

/// Time since the program started; never goes back. For intervals and deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub Duration);

impl Mono {
    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }
}

/// Wall clock time: microseconds since 1970-01-01T00:00:00Z. May jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Time from `self` until `later`; zero when it has passed.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or_default()
    }

    /// `HH:MM:SS` in the given zone offset (seconds east of UTC).
    pub fn clock(self, offset_seconds: i32) -> String {
        let shifted = self
            .seconds()
            .saturating_add(i64::from(offset_seconds))
            .rem_euclid(86_400);
        format!(
            "{:02}:{:02}:{:02}",
            shifted / 3600,
            shifted / 60 % 60,
            shifted % 60
        )
    }

    /// `clock` with milliseconds.
    pub fn clock_millis(self, offset_seconds: i32) -> String {
        format!(
            "{}.{:03}",
            self.clock(offset_seconds),
            self.0.rem_euclid(1_000_000) / 1000
        )
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with six decimals: `2026-11-20T20:41:22.123456Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.jiff())
    }
}

/// One instant on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    pub mono: Mono,
    pub wall: Timestamp,
}

/// A duration as a person says it: `12 s`, `4 min`, `23 h 40 min`, `3 d`.
pub fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 if (seconds / 60).is_multiple_of(60) => format!("{} h", seconds / 3600),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The same in at most six cells, for a column: `12s`, `4m`, `23h40`, `3d`.
pub fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h{:02}", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A duration as a person writes it: `10s`, `5m`, `1h30m`; also `500ms` and `2d`. Whole numbers, the greater unit first.
pub fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let (unit, after) = after.split_at_checked(
            after
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(after.len()),
        )?;
        let (_, millis) = units.find(|(name, _)| *name == unit)?;
        let part = digits.parse::<u64>().ok()?.checked_mul(*millis)?;
        total = total.checked_add(Duration::from_millis(part))?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let seconds = |text| parse_duration(text).map(|d| d.as_secs());
        assert_eq!(seconds("10s"), Some(10));
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("2d"), Some(172_800));
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in [
            "",
            "10",
            "s",
            "1x",
            "1m1h",
            "1.5h",
            "-1s",
            "1h 30m",
            "99999999999999999999s",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_timestamp_prints_six_decimals_in_utc() {
        assert_eq!(
            Timestamp(1_763_671_282_123_456).to_string(),
            "2025-11-20T20:41:22.123456Z"
        );
        assert_eq!(
            Timestamp::from_seconds(0).to_string(),
            "1970-01-01T00:00:00.000000Z"
        );
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let said: Vec<_> = [5, 65, 3600, 5400, 200_000]
            .map(|s| words(Duration::from_secs(s)))
            .into();
        assert_eq!(said, ["5 s", "1 min", "1 h", "1 h 30 min", "2 d"]);
    }
}
