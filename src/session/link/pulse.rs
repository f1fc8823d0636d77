//! Keep-alive: when to ping, and when to give up.
//!
//! A ping goes out when nothing was sent for the keep-alive time, which is what the broker watches (MQTT 5, 3.1.2.10),
//! or when nothing was heard for as long: a client that publishes all the time would else never notice that nobody is
//! there. Anything heard after a ping answers it, because a PINGRESP may stand in line behind a large message.

use std::time::Duration;

use tokio::time::Instant;

/// Mobile networks wake up in seconds, and a broker may be busy writing to its disk: less would end good connections.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Pulse {
    /// Zero: no pings.
    every: Duration,
    sent: Instant,
    heard: Instant,
    pinged: Option<Instant>,
}

impl Pulse {
    pub const fn new(every: Duration, now: Instant) -> Self {
        Self {
            every,
            sent: now,
            heard: now,
            pinged: None,
        }
    }

    pub const fn set_interval(&mut self, every: Duration) {
        self.every = every;
    }

    pub const fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    pub const fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    pub const fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
    }

    /// Half the interval, so that a dead connection is known before the next ping would be due.
    fn patience(&self) -> Duration {
        (self.every / 2).max(PATIENCE)
    }

    /// When to look again.
    pub fn due(&self) -> Option<Instant> {
        match self.pinged {
            _ if self.every.is_zero() => None,
            Some(at) => Some(at + self.patience()),
            None => Some(self.sent.min(self.heard) + self.every),
        }
    }

    /// Whether the stream has taken something since the ping was written behind it.
    pub fn has_sent_since(&self) -> bool {
        self.pinged.is_some_and(|at| self.sent > at)
    }

    /// Whether a ping is out that nothing has answered.
    pub const fn is_waiting(&self) -> bool {
        self.pinged.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pings_follow_silence_in_either_direction_and_anything_heard_answers_them() {
        let start = Instant::now();
        let at = |seconds: u32| start + SECOND * seconds;
        let mut pulse = Pulse::new(SECOND * 60, start);
        assert_eq!(pulse.due(), Some(at(60)));
        pulse.heard(at(50));
        assert_eq!(pulse.due(), Some(at(60)), "nothing was sent");
        pulse.sent(at(55));
        pulse.sent(at(100));
        assert_eq!(pulse.due(), Some(at(110)), "nothing was heard");
        pulse.pinged(at(110));
        assert_eq!((pulse.due(), pulse.is_waiting()), (Some(at(140)), true));
        pulse.heard(at(139));
        assert_eq!((pulse.due(), pulse.is_waiting()), (Some(at(160)), false));
        pulse.set_interval(SECOND * 4);
        pulse.pinged(at(200));
        assert_eq!(pulse.due(), Some(at(210)));
        pulse.set_interval(Duration::ZERO);
        assert_eq!(pulse.due(), None);
    }
}
