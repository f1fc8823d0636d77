//! The one place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::moment::{Moment, Mono, Timestamp};

/// Started once; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place where clocks are read"
    )]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place where clocks are read"
    )]
    pub fn now(self) -> Moment {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let micros = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Moment {
            mono: Mono(self.start.elapsed()),
            wall: Timestamp(micros),
        }
    }

    /// When that moment is for tokio's timers.
    pub fn instant(self, at: Mono) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + at.0)
    }
}

/// Seconds east of UTC now, where this machine is.
pub fn zone_offset(now: Timestamp) -> i32 {
    let at = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    jiff::tz::TimeZone::system().to_offset(at).seconds()
}
