//! How many REST calls may go out, and when: a state machine without clock or I/O.
//!
//! LG limits the calls of a user per hour and does not say to how many; what is known is that 360 an hour were too
//! many (`reference/lg-thinq.md` 13). The MQTT stream is never touched by any of this.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::moment::{Moment, Mono};
use crate::domain::fact;

/// Reads stop when so many calls went out in 60 minutes, a person's commands not counted.
pub const HOURLY: usize = 300;
/// What nobody waits for stops earlier.
pub const BACKGROUND_HOURLY: usize = 200;

const HOUR: Duration = Duration::from_hours(1);
const FIRST_REST: Duration = Duration::from_mins(10);
/// What asks for more is no clock that one could live by.
const LONGEST_REST: Duration = Duration::from_hours(24);
/// So many at once, then one a second.
const BURST: f64 = 30.0;
/// What background calls leave of the burst for a person's.
const RESERVE: f64 = 6.0;
/// A person's commands are spaced by this when the burst is used up.
const COMMAND_SPACING: Duration = Duration::from_millis(100);

/// Who waits for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A person's write: held back by LG's limit only.
    Command,
    /// A person's read: what is known already can stand in.
    Look,
    /// Keeps a subscription alive.
    Duty,
    /// Nobody waits for it.
    Background,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Counted: send it.
    Go,
    /// Ask again after this.
    Wait(Duration),
    /// LG's limit was hit; nothing goes out for so long.
    Resting(Duration),
    /// Our own share of the hour is used up.
    Spent(Duration),
}

#[derive(Debug, Clone, Copy)]
struct Made {
    at: Mono,
    /// Against the hour's share: what a person commands is the person's to spend.
    counts: bool,
}

#[derive(Debug, Default)]
pub struct Budget {
    /// The calls of the last 60 minutes.
    calls: VecDeque<Made>,
    /// What is used of the burst.
    used: f64,
    drained: Mono,
    rest_until: Option<Moment>,
    /// Rests in a row, for the doubling.
    strikes: u32,
}

impl Budget {
    pub fn ask(&mut self, now: Moment, urgency: Urgency) -> Admission {
        self.forget(now.mono);
        if let Some(wait) = self.resting(now) {
            return Admission::Resting(wait);
        }
        if let Some(wait) = self.spent(now.mono, urgency) {
            return Admission::Spent(wait);
        }
        if let Some(wait) = self.pace(now.mono, urgency) {
            Admission::Wait(wait)
        } else {
            // Commands go on when the burst is used up; what is read next must not pay for all of them.
            self.used = (self.used + 1.0).min(BURST);
            self.calls.push_back(Made {
                at: now.mono,
                counts: urgency != Urgency::Command,
            });
            Admission::Go
        }
    }

    /// LG said that the limit is reached. Answers how long nothing will be sent.
    pub fn limited(&mut self, now: Moment, retry_after: Option<Duration>) -> Duration {
        // Answers to calls that were under way together count once.
        let already = self.resting(now);
        let own = if let Some(left) = already {
            left
        } else {
            let rest = FIRST_REST
                .saturating_mul(1 << self.strikes.min(3))
                .min(HOUR);
            self.strikes += 1;
            rest
        };
        let wait = own.max(retry_after.unwrap_or_default().min(LONGEST_REST));
        self.rest_until = Some(Moment {
            mono: now.mono.plus(wait),
            wall: now.wall.plus(wait),
        });
        wait
    }

    /// A call was answered: the limit does not hold any more.
    pub fn answered(&mut self, now: Moment) {
        if self.resting(now).is_none() {
            self.rest_until = None;
            self.strikes = 0;
        }
    }

    pub fn fact(&mut self, now: Moment) -> fact::Budget {
        self.forget(now.mono);
        fact::Budget {
            calls_this_hour: u32::try_from(self.calls.len()).unwrap_or(u32::MAX),
            resting_until: self
                .rest_until
                .filter(|_| self.resting(now).is_some())
                .map(|at| at.wall),
        }
    }

    fn resting(&self, now: Moment) -> Option<Duration> {
        let left = self.rest_until?.mono.since(now.mono);
        (!left.is_zero()).then_some(left)
    }

    fn forget(&mut self, now: Mono) {
        while self
            .calls
            .front()
            .is_some_and(|made| now.since(made.at) >= HOUR)
        {
            self.calls.pop_front();
        }
        self.used = (self.used - now.since(self.drained).as_secs_f64()).max(0.0);
        self.drained = now;
    }

    /// When the call that has to leave the hour leaves it.
    fn spent(&self, now: Mono, urgency: Urgency) -> Option<Duration> {
        let share = match urgency {
            Urgency::Command | Urgency::Duty => return None,
            Urgency::Look => HOURLY,
            Urgency::Background => BACKGROUND_HOURLY,
        };
        let counted = || self.calls.iter().filter(|made| made.counts);
        let over = (counted().count() + 1)
            .checked_sub(share)
            .filter(|over| *over > 0)?;
        let leaves = counted().nth(over - 1)?.at.plus(HOUR);
        Some(leaves.since(now).max(Duration::from_millis(1)))
    }

    fn pace(&self, now: Mono, urgency: Urgency) -> Option<Duration> {
        let room = match urgency {
            Urgency::Command | Urgency::Look => BURST,
            Urgency::Duty | Urgency::Background => BURST - RESERVE,
        };
        let over = self.used + 1.0 - room;
        if over <= 1e-9 {
            return None;
        }
        if urgency == Urgency::Command {
            let since = self.calls.back().map_or(HOUR, |made| now.since(made.at));
            return COMMAND_SPACING
                .checked_sub(since)
                .filter(|left| !left.is_zero());
        }
        Some(Duration::from_secs_f64(over.min(BURST * 2.0)).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::moment::Timestamp;

    fn at(seconds: u64) -> Moment {
        let mono = Mono(Duration::from_secs(seconds));
        Moment {
            mono,
            wall: Timestamp::from_seconds(1_000_000).plus(mono.0),
        }
    }

    #[test]
    fn a_burst_goes_at_once_and_then_one_a_second() {
        let mut budget = Budget::default();
        let asked: Vec<_> = (0..31).map(|_| budget.ask(at(0), Urgency::Look)).collect();
        assert_eq!(asked.iter().filter(|a| **a == Admission::Go).count(), 30);
        assert_eq!(asked[30], Admission::Wait(Duration::from_secs(1)));
        assert_eq!(budget.ask(at(1), Urgency::Look), Admission::Go);
    }

    #[test]
    fn background_leaves_room_for_a_person() {
        let mut budget = Budget::default();
        while budget.ask(at(0), Urgency::Background) == Admission::Go {}
        assert_eq!(budget.ask(at(0), Urgency::Look), Admission::Go);
    }

    #[test]
    fn reads_stay_within_the_hour_and_commands_still_go() {
        let mut budget = Budget::default();
        for second in 0..3500 {
            let _whatever = budget.ask(at(second), Urgency::Look);
        }
        assert_eq!(budget.fact(at(3500)).calls_this_hour, 300);
        assert!(matches!(
            budget.ask(at(3500), Urgency::Look),
            Admission::Spent(_)
        ));
        assert_eq!(budget.ask(at(3500), Urgency::Command), Admission::Go);
        assert_eq!(budget.ask(at(3601), Urgency::Look), Admission::Go);
    }

    #[test]
    fn a_thousand_commands_hold_up_no_read() {
        let mut budget = Budget::default();
        let mut millis = 0;
        let mut sent = 0;
        while sent < 1000 {
            let mono = Mono(Duration::from_millis(millis));
            let now = Moment { mono, ..at(0) };
            match budget.ask(now, Urgency::Command) {
                Admission::Go => sent += 1,
                Admission::Wait(wait) => millis += u64::try_from(wait.as_millis()).expect("short"),
                other => panic!("{other:?}"),
            }
        }
        assert!(millis <= 100_000, "{millis}");
        let now = Moment {
            mono: Mono(Duration::from_millis(millis)),
            ..at(0)
        };
        let waits = budget.ask(now, Urgency::Look);
        assert!(
            matches!(waits, Admission::Wait(wait) if wait <= Duration::from_secs(1)),
            "{waits:?}"
        );
    }

    #[test]
    fn rests_double_up_to_an_hour_and_start_over_after_an_answer() {
        let mut budget = Budget::default();
        let mut now = 0;
        let mut rests = Vec::new();
        for _ in 0..5 {
            let rest = budget.limited(at(now), None).as_secs();
            rests.push(rest);
            now += rest;
        }
        assert_eq!(rests, [600, 1200, 2400, 3600, 3600]);
        budget.answered(at(now));
        assert_eq!(budget.limited(at(now), None).as_secs(), 600);
    }

    #[test]
    fn a_wait_of_centuries_is_a_day() {
        let mut budget = Budget::default();
        let wait = budget.limited(at(0), Some(Duration::MAX));
        assert_eq!(wait, Duration::from_hours(24));
        assert_eq!(
            budget.ask(at(86_400), Urgency::Duty),
            Admission::Go,
            "and it ends"
        );
    }

    #[test]
    fn answers_to_calls_that_were_under_way_together_count_once() {
        let mut budget = Budget::default();
        budget.limited(at(0), None);
        assert_eq!(budget.limited(at(1), None).as_secs(), 599);
        assert_eq!(
            budget
                .limited(at(2), Some(Duration::from_mins(15)))
                .as_secs(),
            900
        );
        assert_eq!(budget.fact(at(2)).resting_until, Some(at(902).wall));
        assert_eq!(
            budget.ask(at(3), Urgency::Command),
            Admission::Resting(Duration::from_secs(899))
        );
        assert_eq!(budget.fact(at(902)).resting_until, None);
    }
}
