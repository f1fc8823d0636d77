//! When the next frame is due: at once for a key and for the first change after a rest, then a few dozen a second; never
//! when nothing changed.

use std::time::Duration;

use crate::base::moment::Mono;

/// Between two frames of a stream that flows: what scrolls faster is not read anyway, and a slow line carries each of them.
const FRAME: Duration = Duration::from_millis(30);
/// Between two frames where a key was pressed: a burst of keys is one frame.
const KEY: Duration = Duration::from_millis(4);
/// A frame that costs much is drawn seldom: drawing takes a fifth of the time at most.
const SHARE: u32 = 4;
const SELDOM: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub struct Pacer {
    drawn: Option<(u64, Mono)>,
    /// What the last two frames cost.
    costs: [Duration; 2],
    hurries: bool,
}

impl Pacer {
    /// When to draw `revision`; `None` when it is on the screen already.
    pub fn due(&self, revision: u64, now: Mono) -> Option<Mono> {
        match self.drawn {
            None => Some(now),
            Some((shown, _)) if shown == revision => None,
            Some((_, at)) => Some(now.max(at.plus(self.pause()))),
        }
    }

    /// One frame that took long may have had to wait for others.
    fn pause(&self) -> Duration {
        if self.hurries {
            return KEY;
        }
        let cost = self.costs[0].min(self.costs[1]);
        FRAME.max((cost * SHARE).min(SELDOM))
    }

    /// Somebody has pressed a key and waits for what comes of it.
    pub const fn hurry(&mut self) {
        self.hurries = true;
    }

    pub const fn hurries(&self) -> bool {
        self.hurries
    }

    /// The frame that was begun at `from` stands on the screen.
    pub fn drew(&mut self, revision: u64, from: Mono, now: Mono) {
        self.drawn = Some((revision, from));
        self.costs = [self.costs[1], now.since(from)];
        self.hurries = false;
    }

    /// The screen is not ours any more (suspended, resized): draw anew.
    pub fn forget(&mut self) {
        self.drawn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(Duration::from_millis(ms))
    }

    #[test]
    fn nothing_is_drawn_when_nothing_changed_and_bursts_are_paced() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.due(1, at(5)), Some(at(5)));
        pacer.drew(1, at(5), at(6));
        assert_eq!(pacer.due(1, at(6)), None);
        assert_eq!(pacer.due(2, at(6)), Some(at(5).plus(FRAME)));
        assert_eq!(pacer.due(2, at(500)), Some(at(500)));
    }

    #[test]
    fn a_key_is_answered_at_once_in_the_middle_of_a_stream() {
        let mut pacer = Pacer::default();
        pacer.drew(1, at(100), at(101));
        pacer.hurry();
        assert_eq!(pacer.due(2, at(110)), Some(at(110)));
        pacer.drew(2, at(110), at(111));
        assert_eq!(pacer.due(3, at(112)), Some(at(110).plus(FRAME)));
        pacer.hurry();
        assert_eq!(pacer.due(3, at(112)), Some(at(110).plus(KEY)));
    }

    #[test]
    fn frames_that_cost_much_are_drawn_seldom_and_one_that_did_is_no_reason() {
        let mut pacer = Pacer::default();
        pacer.drew(1, at(0), at(50));
        pacer.drew(2, at(100), at(101));
        assert_eq!(pacer.due(3, at(102)), Some(at(100).plus(FRAME)));
        pacer.drew(3, at(200), at(240));
        pacer.drew(4, at(400), at(450));
        assert_eq!(pacer.due(5, at(450)), Some(at(560)));
        pacer.drew(5, at(1000), at(3000));
        pacer.drew(6, at(5000), at(8000));
        assert_eq!(
            pacer.due(7, at(8000)),
            Some(at(8000)),
            "it is late as it is"
        );
    }
}
