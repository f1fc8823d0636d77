//! The simulator's clock: real time, plus what a test has put on top.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::moment::{Moment, Mono, Timestamp};

#[derive(Debug)]
pub struct SimClock {
    started: Instant,
    wall: Timestamp,
    ahead: Duration,
}

impl SimClock {
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            wall: Timestamp(jiff::Timestamp::now().as_microsecond()),
            ahead: Duration::ZERO,
        }
    }

    pub fn now(&self) -> Moment {
        let passed = self.started.elapsed() + self.ahead;
        Moment {
            mono: Mono(passed),
            wall: self.wall.plus(passed),
        }
    }

    pub fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }
}
