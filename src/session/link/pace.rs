//! When to let a stream gather a little before it is read again.
//!
//! A broker sends each message by itself. At some thousands a second every one of them would wake the session, then the
//! loop, for two hundred bytes: that costs ten times what taking the message costs, and it takes the processor from a
//! broker on the same machine. So after a few small reads in quick succession the next one waits for one to four
//! milliseconds, which nobody sees: a stream is drawn some thirty times a second. Not where messages are acknowledged: the
//! broker lets only so many wait for that, and would stand still.

use std::time::Duration;

use tokio::time::Instant;

/// A read of less is small.
const LITTLE: usize = 8 << 10;
/// Reads follow one another quickly when there is no more between them.
const QUICK: Duration = Duration::from_millis(2);
/// So many of them, and it is a flood.
const MANY: u8 = 8;

/// The less comes, the longer: some kilobytes in a read are enough, and no broker's buffer may fill meanwhile. A millisecond
/// is the finest that the timer can do.
const fn rest_after(bytes: usize) -> Duration {
    Duration::from_millis(match bytes {
        0..1024 => 4,
        1024..4096 => 2,
        _ => 1,
    })
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The last read, or the end of the rest after it.
    since: Instant,
    quick: u8,
    /// Bytes of the last read.
    bytes: usize,
    rest: Option<Instant>,
}

impl Pace {
    pub const fn new(now: Instant) -> Self {
        Self {
            since: now,
            quick: 0,
            bytes: 0,
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
        self.since = now;
        self.bytes = bytes;
    }

    /// Messages came of it, and nobody waits for an answer.
    pub fn may_rest(&mut self) {
        if self.quick == MANY && self.bytes < LITTLE {
            self.since += rest_after(self.bytes);
            self.rest = Some(self.since);
        }
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
        assert!(!rests(200, Duration::from_millis(3), 50).contains(&true));
    }

    #[test]
    fn many_small_reads_rest_between_one_another_as_long_as_they_follow_quickly() {
        let rests = rests(200, Duration::from_micros(10), 50);
        assert_eq!(rests.iter().position(|rest| *rest), Some(7));
        assert!(rests[7..].iter().all(|rest| *rest));
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
