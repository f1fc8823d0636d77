//! When the next frame is due: at once for the first change, then at most one in 16.7 ms; never when nothing changed.

use std::time::Duration;

use crate::base::moment::Mono;

const FRAME: Duration = Duration::from_micros(16_667);

#[derive(Debug, Default)]
pub struct Pacer {
    drawn: Option<(u64, Mono)>,
}

impl Pacer {
    /// When to draw `revision`; `None` when it is on the screen already.
    pub fn due(&self, revision: u64, now: Mono) -> Option<Mono> {
        match self.drawn {
            None => Some(now),
            Some((shown, _)) if shown == revision => None,
            Some((_, at)) => Some(now.max(at.plus(FRAME))),
        }
    }

    pub fn drew(&mut self, revision: u64, now: Mono) {
        self.drawn = Some((revision, now));
    }

    /// The screen is not ours any more (suspended, resized): draw anew.
    pub fn forget(&mut self) {
        self.drawn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_when_nothing_changed_and_bursts_are_paced() {
        let at = |ms| Mono(Duration::from_millis(ms));
        let mut pacer = Pacer::default();
        assert_eq!(pacer.due(1, at(5)), Some(at(5)));
        pacer.drew(1, at(5));
        assert_eq!(pacer.due(1, at(6)), None);
        assert_eq!(pacer.due(2, at(6)), Some(at(5).plus(FRAME)));
        assert_eq!(pacer.due(2, at(500)), Some(at(500)));
    }
}
