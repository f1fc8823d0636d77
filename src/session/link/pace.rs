//! When to let a stream gather a little before it is read again.
//!
//! A broker sends each message by itself. At some thousands a second every one of them would wake the session, then the
//! loop, for two hundred bytes: that costs ten times what taking the message costs, and it takes the processor from a
//! broker on the same machine. So after a few small reads in quick succession the next one waits until some kilobytes can
//! be expected, for one to ten milliseconds, which nobody sees: a stream is drawn some dozens of times a second. Not where
//! messages are acknowledged: the broker lets only so many wait for that, and would stand still.

use std::time::Duration;

use tokio::time::Instant;

/// A read of less is small.
const LITTLE: usize = 8 << 10;
/// So much is worth waking for, and no broker's buffer is full of it. Bytes.
const WORTH: u32 = 4 << 10;
/// A millisecond is the finest that the timer can do.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(10);
/// Reads follow one another quickly when there is no more between them.
const QUICK: Duration = Duration::from_millis(5);
/// So many of them, and it is a flood.
const MANY: u8 = 8;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The last read, or the end of the rest after it.
    since: Instant,
    quick: u8,
    /// Bytes of the last read, and how long they took to come.
    bytes: usize,
    within: Duration,
    read_at: Instant,
    rest: Option<Instant>,
}

impl Pace {
    pub const fn new(now: Instant) -> Self {
        Self {
            since: now,
            quick: 0,
            bytes: 0,
            within: Duration::ZERO,
            read_at: now,
            rest: None,
        }
    }

    /// So many bytes were read.
    pub fn read(&mut self, bytes: usize, now: Instant) {
        let is_quick = now.saturating_duration_since(self.since) < QUICK;
        self.quick = if is_quick {
            self.quick.saturating_add(1).min(MANY)
        } else {
            0
        };
        self.bytes = bytes;
        self.within = now.saturating_duration_since(self.read_at);
        self.read_at = now;
        self.since = now;
    }

    /// Messages came of it, and nobody waits for an answer.
    pub fn may_rest(&mut self) {
        if self.quick == MANY && self.bytes < LITTLE && self.rest.is_none() {
            self.since = self.read_at + self.until_worth();
            self.rest = Some(self.since);
        }
    }

    /// How long it takes for enough to come.
    fn until_worth(&self) -> Duration {
        let bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX).max(1);
        let expected = self.within.saturating_mul(WORTH) / bytes;
        expected.clamp(SHORTEST, LONGEST)
    }

    /// Until when nothing is read.
    pub const fn rest(&self) -> Option<Instant> {
        self.rest
    }

    /// Whether a rest is over now.
    pub fn awakes(&mut self, now: Instant) -> bool {
        self.rest.take_if(|until| *until <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads of so many bytes, so far apart; whether there was a rest after each.
    fn rests(bytes: usize, gap: Duration, reads: usize) -> Vec<bool> {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut rests = Vec::new();
        for _ in 0..reads {
            now += gap;
            pace.read(bytes, now);
            pace.may_rest();
            rests.push(pace.rest().is_some());
            if let Some(until) = pace.rest() {
                assert!(!pace.awakes(now));
                now = until;
                assert!(pace.awakes(now));
            }
        }
        rests
    }

    #[test]
    fn a_message_now_and_then_is_read_at_once() {
        assert!(!rests(200, QUICK, 50).contains(&true));
    }

    #[test]
    fn many_small_reads_rest_between_one_another_as_long_as_they_follow_quickly() {
        let rests = rests(200, Duration::from_micros(10), 50);
        assert_eq!(rests.iter().position(|rest| *rest), Some(7));
        assert!(rests[7..].iter().all(|rest| *rest));
    }

    #[test]
    fn the_less_comes_the_longer_is_the_rest() {
        let long = |bytes, gap| {
            let mut now = Instant::now();
            let mut pace = Pace::new(now);
            for _ in 0..=MANY {
                now += gap;
                pace.read(bytes, now);
            }
            pace.may_rest();
            pace.rest().expect("a rest").duration_since(now)
        };
        assert_eq!(long(200, Duration::from_millis(1)), LONGEST);
        assert_eq!(
            long(2048, Duration::from_millis(1)),
            Duration::from_millis(2)
        );
        assert_eq!(long(200, Duration::from_micros(5)), SHORTEST);
    }

    #[test]
    fn a_stream_that_fills_its_reads_is_read_without_rest() {
        assert!(!rests(60_000, Duration::from_micros(10), 50).contains(&true));
    }

    #[test]
    fn a_rest_ends_the_flood_when_nothing_came_in_it() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..MANY {
            pace.read(200, now);
        }
        pace.may_rest();
        now = pace.rest().expect("a rest");
        assert!(pace.awakes(now));
        now += QUICK;
        pace.read(200, now);
        pace.may_rest();
        assert_eq!(pace.rest(), None);
    }
}
