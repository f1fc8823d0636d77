//! Messages a second over the last minute, in a few bytes: there is one for every topic.

use crate::base::moment::Mono;

/// Seconds of a slot.
const SLOT: u64 = 10;
/// Slots that make the minute; the running one is among them.
const SLOTS: u8 = 6;
/// What was first heard a moment ago has no rate yet: it counts as heard for that long, in milliseconds.
const LEAST: u64 = 5_000;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    slots: [u32; 6],
    /// The slot of the last message, counted from the program's start.
    newest: u64,
    /// When the first message came, in milliseconds.
    since: u64,
}

impl Pace {
    pub fn new(at: Mono) -> Self {
        Self {
            slots: [0; 6],
            newest: slot(at),
            since: millis(at),
        }
    }

    pub fn count(&mut self, at: Mono) {
        let now = slot(at).max(self.newest);
        for passed in (self.newest + 1..=now).rev().take(self.slots.len()) {
            self.slots[place(passed)] = 0;
        }
        self.newest = now;
        let count = &mut self.slots[place(now)];
        *count = count.saturating_add(1);
    }

    /// Thousandths of a message a second.
    pub fn rate(&self, at: Mono) -> u64 {
        let now = slot(at).max(self.newest);
        let oldest = (now + 1).saturating_sub(u64::from(SLOTS));
        let held = (self.newest + 1).saturating_sub(u64::from(SLOTS));
        let messages: u64 = (oldest.max(held)..=self.newest)
            .map(|slot| u64::from(self.slots[place(slot)]))
            .sum();
        let from = self.since.max(oldest * SLOT * 1000);
        let span = millis(at).saturating_sub(from).max(LEAST);
        messages.saturating_mul(1_000_000) / span
    }
}

fn slot(at: Mono) -> u64 {
    at.0.as_secs() / SLOT
}

fn millis(at: Mono) -> u64 {
    u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX)
}

fn place(slot: u64) -> usize {
    usize::try_from(slot % u64::from(SLOTS)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn a_steady_stream_has_its_rate_from_the_first_seconds_on() {
        let mut pace = Pace::new(at(103));
        for second in 103..400 {
            for _ in 0..7 {
                pace.count(at(second));
            }
            let rate = pace.rate(at(second + 1));
            if second >= 109 {
                assert!((6_900..=7_150).contains(&rate), "{rate} at {second}");
            }
        }
    }

    #[test]
    fn a_minute_after_the_last_message_there_is_no_rate_any_more() {
        let mut pace = Pace::new(at(5));
        pace.count(at(5));
        assert_eq!(pace.rate(at(5)), 200);
        assert_eq!(pace.rate(at(15)), 100);
        assert!(pace.rate(at(59)) > 0);
        assert_eq!(pace.rate(at(65)), 0);
        pace.count(at(500));
        assert_eq!(pace.rate(at(500)), 1_000_000 / 50_000);
    }
}
