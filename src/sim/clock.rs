//! The simulator's clock: real time, plus what a test has put on top.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::moment::{Moment, Mono, Timestamp};

#[derive(Debug)]
pub struct SimClock {
    started: Instant,
    wall: Timestamp,
    ahead: Duration,
    /// Microseconds by which only the wall clock is wrong.
    skew: i64,
}

impl SimClock {
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            wall: Timestamp(jiff::Timestamp::now().as_microsecond()),
            ahead: Duration::ZERO,
            skew: 0,
        }
    }

    pub fn now(&self) -> Moment {
        let passed = self.started.elapsed() + self.ahead;
        Moment {
            mono: Mono(passed),
            wall: Timestamp(self.wall.plus(passed).0.saturating_add(self.skew)),
        }
    }

    /// Puts the wall clock this many seconds off; nothing becomes due by that.
    pub fn skew(&mut self, seconds: i64) {
        self.skew = seconds.saturating_mul(1_000_000);
    }

    pub fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }
}
