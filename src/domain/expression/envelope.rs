//! Tests of what stands around a payload: direction, QoS, flags, size, time.

use std::time::Duration;

use super::{Comparison, Subject};
use crate::base::moment::{Timestamp, parse_duration};
use crate::domain::message::{Direction, Qos};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Envelope {
    Direction(Direction),
    Qos(Qos),
    Retain(bool),
    Dup(bool),
    Size(Comparison, u64),
    /// Came at that time or later.
    After(When),
    /// Came earlier.
    Before(When),
}

/// A time as it was typed; what it means depends on when and where it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Ago(Duration),
    /// The last time that the clock showed it.
    Clock(Duration),
    /// In the reader's zone.
    Local(Timestamp),
    At(Timestamp),
}

/// When and where an expression is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Here {
    pub now: Timestamp,
    /// Seconds east of UTC.
    pub zone: i32,
}

const DAY: i64 = 86_400_000_000;

impl Envelope {
    pub(super) fn holds(&self, subject: &Subject<'_>, here: Here) -> bool {
        match self {
            Self::Direction(direction) => subject.direction == *direction,
            Self::Qos(qos) => subject.qos == *qos,
            Self::Retain(wanted) => subject.retain == *wanted,
            Self::Dup(wanted) => subject.dup == *wanted,
            Self::Size(comparison, wanted) => comparison.fits(Some(subject.size.cmp(wanted))),
            Self::After(when) => subject.at >= when.resolve(here),
            Self::Before(when) => subject.at < when.resolve(here),
        }
    }

    /// `name:value`; `None` when there is no such name, and else what is wrong with the value.
    pub(super) fn parse(name: &str, value: &str) -> Option<Result<Self, String>> {
        let lower = value.to_lowercase();
        Some(match name {
            "dir" => match lower.as_str() {
                "in" => Ok(Self::Direction(Direction::In)),
                "out" => Ok(Self::Direction(Direction::Out)),
                _ => Err("dir: is in or out".to_owned()),
            },
            "qos" => match lower.as_str() {
                "0" => Ok(Self::Qos(Qos::AtMostOnce)),
                "1" => Ok(Self::Qos(Qos::AtLeastOnce)),
                "2" => Ok(Self::Qos(Qos::ExactlyOnce)),
                _ => Err("qos: is 0, 1 or 2".to_owned()),
            },
            "retain" => flag(name, &lower).map(Self::Retain),
            "dup" => flag(name, &lower).map(Self::Dup),
            "after" => When::parse(name, value).map(Self::After),
            "before" => When::parse(name, value).map(Self::Before),
            _ => return None,
        })
    }
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{name}: is true or false")),
    }
}

impl When {
    fn parse(name: &str, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let local = |text: &str| text.parse::<jiff::civil::DateTime>().ok();
        let micros = |at: jiff::civil::DateTime| {
            let utc = jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?;
            Some(Timestamp(utc.as_microsecond()))
        };
        if let Some(ago) = parse_duration(text.trim_start_matches('-')) {
            Ok(Self::Ago(ago))
        } else if let Some(clock) = clock(text) {
            Ok(Self::Clock(clock))
        } else if let Ok(at) = text.parse::<jiff::Timestamp>() {
            Ok(Self::At(Timestamp(at.as_microsecond())))
        } else if let Some(at) = local(text).and_then(micros) {
            Ok(Self::Local(at))
        } else {
            Err(format!(
                "{name}: needs a time, as in {name}:10m, {name}:14:30 or {name}:2026-11-21T14:30"
            ))
        }
    }

    fn resolve(self, here: Here) -> Timestamp {
        let zone = i64::from(here.zone) * 1_000_000;
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match self {
            Self::At(at) => at,
            Self::Local(at) => Timestamp(at.0.saturating_sub(zone)),
            Self::Ago(ago) => Timestamp(here.now.0.saturating_sub(micros(ago))),
            Self::Clock(clock) => {
                let local = here.now.0.saturating_add(zone);
                let midnight = local.saturating_sub(local.rem_euclid(DAY));
                let today = midnight.saturating_add(micros(clock));
                let last = if today > local { today - DAY } else { today };
                Timestamp(last - zone)
            }
        }
    }
}

/// `14:30`, `9:05:30`, `9:05:30.250`.
fn clock(text: &str) -> Option<Duration> {
    let (text, fraction) = match text.split_once('.') {
        Some((text, fraction)) => (text, Some(fraction)),
        None => (text, None),
    };
    let parts: Vec<u64> = text
        .split(':')
        .map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        })
        .collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let micros = match fraction {
        None => 0,
        Some(fraction)
            if parts.len() < 3
                || fraction.len() > 9
                || fraction.bytes().any(|b| !b.is_ascii_digit()) =>
        {
            return None;
        }
        // Nothing behind the dot yet is on its way to something.
        Some(fraction) => format!("{fraction:0<9}").parse::<u64>().ok()? / 1000,
    };
    (hours < 24 && minutes < 60 && seconds < 60).then(|| {
        Duration::from_secs(hours * 3600 + minutes * 60 + seconds) + Duration::from_micros(micros)
    })
}

/// `512`, `1k`, `2KiB`, `1.5MB`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let number: f64 = digits.parse().ok()?;
    let scaled = Duration::try_from_secs_f64(number * f64::from(u32::try_from(factor).ok()?));
    scaled.ok().map(|scaled| scaled.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_last_time_the_clock_showed_it() {
        // 2026-11-21 00:10 in Seoul.
        let here = Here {
            now: Timestamp::from_seconds(1_795_187_400),
            zone: 9 * 3600,
        };
        let said = |text: &str| {
            let when = When::parse("after", text).expect("a time");
            when.resolve(here).to_string()
        };
        assert_eq!(here.now.to_string(), "2026-11-20T15:10:00.000000Z");
        assert_eq!(said("23:50"), "2026-11-20T14:50:00.000000Z");
        assert_eq!(said("0:05:30"), "2026-11-20T15:05:30.000000Z");
        assert_eq!(said("23:50:00.25"), "2026-11-20T14:50:00.250000Z");
        assert_eq!(
            said("2026-11-20T14:30:00+09:00"),
            "2026-11-20T05:30:00.000000Z"
        );
        assert_eq!(said("2026-11-20 14:30"), "2026-11-20T05:30:00.000000Z");
        assert_eq!(said("1h30m"), "2026-11-20T13:40:00.000000Z");
        assert_eq!(said("-10s"), "2026-11-20T15:09:50.000000Z");
        assert_eq!(said("2026-11-21"), "2026-11-20T15:00:00.000000Z");
        assert_eq!(said("2026-11-20T14:30"), "2026-11-20T05:30:00.000000Z");
        assert_eq!(said("2026-11-20T14:30:00Z"), "2026-11-20T14:30:00.000000Z");
        for wrong in ["25:00", "14:30.5", "14:30:00.x", "14:30:00.+5"] {
            assert!(When::parse("after", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = ["512", "1k", "2KiB", "1.5MB", "x", "1x", ""].map(bytes);
        assert_eq!(
            read,
            [
                Some(512),
                Some(1024),
                Some(2048),
                Some(1_500_000),
                None,
                None,
                None
            ]
        );
    }
}
