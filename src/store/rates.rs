//! Messages per second over the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::moment::Mono;

/// Seconds that the sparkline looks back.
pub const WINDOW: usize = 60;
/// Seconds by which the sparkline moves on.
const SLOT: u64 = 2;
/// Seconds between two pictures when nothing has come for [`REST_AFTER`] seconds.
const REST: u64 = 4;
const REST_AFTER: u64 = 6;

/// One counter a second; seconds without messages cost nothing.
#[derive(Debug, Default)]
pub struct Rates {
    /// (second, messages), oldest first.
    buckets: VecDeque<(u64, u32)>,
}

impl Rates {
    pub fn count(&mut self, at: Mono, messages: u32) {
        let second = at.0.as_secs();
        match self.buckets.back_mut() {
            Some((last, n)) if *last >= second => *n = n.saturating_add(messages),
            _ => self.buckets.push_back((second, messages)),
        }
        while self.buckets.len() > WINDOW {
            self.buckets.pop_front();
        }
    }

    /// Messages of each of the last 60 seconds, oldest first; empty when all are zero. It moves on by two seconds at once,
    /// so the last may be a second that has not begun.
    pub fn window(&self, at: Mono) -> Vec<u32> {
        self.until(at.0.as_secs() / SLOT * SLOT + SLOT - 1)
    }

    /// Messages of the 60 seconds of which `newest` is the last; empty when all are zero.
    fn until(&self, newest: u64) -> Vec<u32> {
        let mut out = vec![0; WINDOW];
        for (second, messages) in &self.buckets {
            let age = usize::try_from(newest.saturating_sub(*second)).unwrap_or(WINDOW);
            if age < WINDOW {
                out[WINDOW - 1 - age] += messages;
            }
        }
        if out.iter().all(|n| *n == 0) {
            out.clear();
        }
        out
    }

    /// Messages a second now: the mean of the last five whole seconds, rounded up so that a trickle is not zero.
    pub fn now(&self, at: Mono) -> u32 {
        let window = self.until(at.0.as_secs());
        let Some(recent) = window.len().checked_sub(6).map(|from| &window[from..]) else {
            return 0;
        };
        recent[..5]
            .iter()
            .sum::<u32>()
            .div_ceil(5)
            .max(u32::from(recent[5] > 0))
    }

    /// When the picture moves by itself: every few seconds while anything is in the window. A program at rest should be
    /// at rest: each such picture costs the better part of a millisecond.
    pub fn next_change(&self, at: Mono) -> Option<Duration> {
        let (last, _) = self.buckets.back()?;
        let now = at.0.as_secs();
        let rests = now >= last.saturating_add(REST_AFTER);
        let slot = if rests { REST } else { SLOT };
        let next = (now / slot + 1) * slot;
        let shown = u64::try_from(WINDOW).unwrap_or(u64::MAX);
        (now < last.saturating_add(shown)).then(|| Duration::from_secs(next).saturating_sub(at.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn a_minute_after_the_last_message_nothing_moves_any_more() {
        let mut rates = Rates::default();
        rates.count(at(10), 3);
        assert_eq!(rates.window(at(11))[58], 3);
        assert_eq!(rates.window(at(12))[56], 3);
        assert!(rates.next_change(at(69)).is_some());
        assert_eq!(rates.next_change(at(70)), None);
        assert!(rates.window(at(70)).is_empty());
    }

    #[test]
    fn it_moves_every_other_second_and_at_rest_every_fourth() {
        let mut rates = Rates::default();
        rates.count(at(10), 3);
        assert_eq!(rates.next_change(at(10)), Some(Duration::from_secs(2)));
        assert_eq!(rates.next_change(at(11)), Some(Duration::from_secs(1)));
        assert_eq!(rates.window(at(10)), rates.window(at(11)));
        let half = Mono(Duration::from_millis(12_500));
        assert_eq!(rates.next_change(half), Some(Duration::from_millis(1500)));
        assert_eq!(rates.next_change(at(16)), Some(Duration::from_secs(4)));
        assert_eq!(rates.next_change(at(19)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_trickle_is_not_shown_as_nothing() {
        let mut rates = Rates::default();
        rates.count(at(8), 1);
        assert_eq!(rates.now(at(10)), 1);
        rates.count(at(10), 50);
        assert_eq!(rates.now(at(11)), 11);
        assert_eq!(rates.now(at(30)), 0);
    }
}
