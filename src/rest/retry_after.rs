//! `Retry-After` as a wait (RFC 9110, section 10.2.3).

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

use crate::base::moment::Timestamp;

/// Seconds, or a date seen from `now`. A date needs a `now`: the answer's own `Date`, so that the clock of this machine
/// does not matter. What cannot be read is no wish at all.
pub fn parse(value: &str, now: Option<Timestamp>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(now?.until(date(value)?))
}

/// An HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn date(value: &str) -> Option<Timestamp> {
    let parsed = DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Timestamp(parsed.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_waits_and_nonsense_is_none() {
        let now = date("Sun, 06 Nov 1994 08:49:37 GMT");
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-3", None),
            ("soon", None),
            ("", None),
        ];
        for (value, seconds) in cases {
            let wait = parse(value, now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
    }
}
