//! The same message again and again, with its placeholders made anew each time.

use std::time::Duration;

use super::super::effect::Effect;
use super::super::event::{Gathered, TimerId};
use super::super::screen::Role;
use super::super::state::App;
use super::super::words;
use super::send::By;
use crate::domain::compose::Sheet;

/// Unanswered at once: beyond it a turn is left out, so that a slow broker is not buried.
const IN_FLIGHT: usize = 100;

#[derive(Debug)]
pub(in super::super) struct Repeat {
    sheet: Sheet,
    gathered: Gathered,
    every: Duration,
    /// `None`: until it is stopped.
    count: Option<u64>,
    done: u64,
    refused: u64,
    timer: Option<TimerId>,
}

impl Repeat {
    /// `every 1 s, 12 of 100 sent`
    pub(in super::super) fn words(&self) -> String {
        let done = words::grouped(self.done);
        let mut text = match self.count {
            Some(count) => format!(
                "every {}, {done} of {} sent",
                words::brief_time(self.every),
                words::grouped(count)
            ),
            None => format!("every {}, {done} sent", words::brief_time(self.every)),
        };
        if self.refused > 0 {
            text.push_str(&format!(", {} refused", words::grouped(self.refused)));
        }
        text
    }
}

impl App {
    pub(super) fn start_repeating(
        &mut self,
        sheet: Sheet,
        gathered: Gathered,
        every: Duration,
        count: Option<u64>,
    ) {
        self.drop_repeat();
        self.composer.repeat = Some(Repeat {
            sheet: sheet.clone(),
            gathered,
            every,
            count,
            done: 0,
            refused: 0,
            timer: None,
        });
        self.keep_in_history(sheet, true);
        self.repeat_once();
    }

    pub(super) fn repeat_once(&mut self) {
        let Some(mut repeat) = self.composer.repeat.take() else {
            return;
        };
        let room = self.composer.outgoing.len() < IN_FLIGHT && self.home.link.is_up();
        if room {
            let Some(draft) = self.draft_of(&repeat.sheet, &repeat.gathered) else {
                // Why is said; it will not be otherwise the next time.
                return;
            };
            self.publish(draft, By::Repeat);
            repeat.done += 1;
        }
        if repeat.count.is_some_and(|count| repeat.done >= count) {
            return self.say(Role::Good, format!("repeated: {}", repeat.words()));
        }
        let id = self.timers.next();
        self.ask(Effect::StartTimer(id, repeat.every));
        repeat.timer = Some(id);
        self.composer.repeat = Some(repeat);
    }

    /// Whether the timer was the repetition's.
    pub(in super::super) fn repeat_timer(&mut self, id: TimerId) -> bool {
        let owned = self.composer.repeat.as_ref().and_then(|r| r.timer) == Some(id);
        if owned {
            self.repeat_once();
        }
        owned
    }

    pub(in super::super) fn stop_repeating(&mut self) {
        match self.drop_repeat() {
            Some(words) => self.say(Role::Good, format!("stopped: {words}")),
            None => self.say(Role::Normal, "nothing is being repeated"),
        }
    }

    /// What it came to.
    pub(in super::super) fn drop_repeat(&mut self) -> Option<String> {
        let repeat = self.composer.repeat.take()?;
        if let Some(timer) = repeat.timer {
            self.ask(Effect::StopTimer(timer));
        }
        Some(repeat.words())
    }

    /// `final_word`: it would be refused every time.
    pub(super) fn repeat_refused(&mut self, final_word: bool, why: &str) {
        let Some(repeat) = &mut self.composer.repeat else {
            return;
        };
        repeat.refused += 1;
        if final_word && let Some(words) = self.drop_repeat() {
            self.say(Role::Bad, format!("repeating stopped ({words}): {why}"));
        }
    }
}
