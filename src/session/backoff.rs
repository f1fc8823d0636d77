//! How long to wait before connecting again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_mins(1);

/// Delay before reconnect number `attempt` (from 1): 1 s, doubled up to 60 s, jittered.
///
/// `roll` is uniform in `0.0..1.0` and comes from the caller, so the schedule is a pure function. The jitter takes the
/// upper half only: with jitter down to zero a lucky client would try more than the 15 times in 5 minutes that
/// failure-modes.md F9 allows, and a thousand clients are spread well enough by half a minute. Never less than a second: AWS
/// IoT takes one CONNECT a second for a client id.
pub fn delay(attempt: u32, roll: f64) -> Duration {
    let ceiling = FIRST
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(CAP);
    let jittered = ceiling.mul_f64(0.5 + roll.clamp(0.0, 1.0) / 2.0);
    jittered.max(FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_doubles_up_to_a_minute() {
        let longest: Vec<_> = (1..=9).map(|n| delay(n, 1.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn nobody_connects_twice_in_a_second() {
        let shortest: Vec<_> = (1..=3).map(|n| delay(n, 0.0).as_secs()).collect();
        assert_eq!(shortest, [1, 1, 2]);
    }

    #[test]
    fn no_luck_makes_more_than_fifteen_tries_in_five_minutes() {
        let mut at = Duration::ZERO;
        let mut tries = 1;
        while at + delay(tries, 0.0) <= Duration::from_mins(5) {
            at += delay(tries, 0.0);
            tries += 1;
        }
        assert!(tries <= 15, "{tries} tries");
    }
}
