//! When a stream that spoke regularly has stopped (failure-modes.md F7: a broker that answers pings and delivers nothing).
//!
//! Nobody tells what a plain broker should deliver, so the stream's own past does: after a minute's worth of messages, a
//! silence of two minutes that is also five times the longest before counts. The measure grows with every silence, so a plant
//! that rests at night is asked after a few times and not more.

use std::time::Duration;

use crate::base::moment::{Mono, words};

/// How often it is looked.
pub const EVERY: Duration = Duration::from_secs(5);
/// Looks that found something new before the stream counts as one that speaks.
const REGULAR: u32 = 12;
const SHORTEST: Duration = Duration::from_mins(2);
const TIMES: u32 = 5;

/// See the module. Lives longer than a connection: what was regular before it broke is missed after it.
#[derive(Debug, Default)]
pub struct Silence {
    /// The last message that was seen.
    last: Mono,
    spoke: u32,
    longest: Duration,
    /// This silence was told.
    told: bool,
}

impl Silence {
    /// A new connection stands: the time without one was no pause of the stream.
    pub const fn begin(&mut self, heard: Mono) {
        self.last = heard;
        self.told = false;
    }

    /// `heard`: when the last message came. The reason, where the stream has fallen silent; once for each silence.
    pub fn look(&mut self, now: Mono, heard: Mono) -> Option<String> {
        if heard != self.last {
            self.longest = self.longest.max(heard.since(self.last));
            self.last = heard;
            self.spoke = self.spoke.saturating_add(1);
            self.told = false;
            return None;
        }
        let quiet = now.since(heard);
        let limit = SHORTEST.max(self.longest.saturating_mul(TIMES));
        if self.told || self.spoke < REGULAR || quiet < limit {
            return None;
        }
        self.told = true;
        Some(format!(
            "nothing came for {}, where the longest pause before was {}",
            words(quiet),
            words(self.longest)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::default().plus(Duration::from_secs(seconds))
    }

    /// A message every five seconds until then.
    fn regular(until: u64) -> Silence {
        let mut silence = Silence::default();
        silence.begin(at(0));
        for second in (5..=until).step_by(5) {
            assert_eq!(silence.look(at(second), at(second)), None);
        }
        silence
    }

    #[test]
    fn a_stream_that_spoke_regularly_is_missed_after_two_minutes_and_once() {
        let mut silence = regular(100);
        assert_eq!(silence.look(at(215), at(100)), None);
        let reason = silence.look(at(220), at(100)).expect("it is missed");
        assert!(reason.contains("for 2 m"), "{reason}");
        assert_eq!(silence.look(at(900), at(100)), None, "it was said");
    }

    #[test]
    fn a_pause_that_was_survived_is_no_reason_again() {
        let mut silence = regular(100);
        assert!(silence.look(at(220), at(100)).is_some());
        assert_eq!(silence.look(at(400), at(400)), None, "it spoke again");
        assert_eq!(silence.look(at(700), at(400)), None);
        assert!(silence.look(at(400 + 1500), at(400)).is_some());
    }

    #[test]
    fn what_was_regular_is_missed_on_the_next_connection_too() {
        let mut silence = regular(100);
        silence.begin(at(5000));
        assert_eq!(silence.look(at(5100), at(5000)), None);
        assert!(silence.look(at(5120), at(5000)).is_some());
    }

    #[test]
    fn a_stream_that_hardly_ever_spoke_is_not_missed() {
        let mut silence = regular(55);
        assert_eq!(silence.look(at(10_000), at(55)), None);
    }
}
