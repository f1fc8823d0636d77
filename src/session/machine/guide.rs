//! The platform's better words for a no and for a hang-up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Machine;
use crate::base::moment::Mono;
use crate::base::problem::Problem;
use crate::domain::message::Draft;
use crate::domain::topic::TopicFilter;
use crate::platform::{After, Platform};

/// None in tests of the machine alone.
#[derive(Default)]
pub struct Guide(Option<Arc<dyn Platform>>);

impl Guide {
    pub fn new(platform: Arc<dyn Platform>) -> Self {
        Self(Some(platform))
    }

    /// How long this publish has to wait before it goes out.
    pub fn wait_before(&self, draft: &Draft, now: Mono) -> Duration {
        let platform = self.0.as_ref();
        platform.map_or(Duration::ZERO, |platform| platform.wait_before(draft, now))
    }

    fn explain(&self, after: &After<'_>, said: &Problem) -> Option<Problem> {
        let explained = self.0.as_ref()?.explain(after, said)?;
        // Whether trying again helps is the session's to say.
        Some(Problem {
            retry: said.retry,
            exit: said.exit,
            ..explained
        })
    }
}

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guide")
    }
}

impl Machine {
    pub(super) fn explained(&self, after: &After<'_>, said: Problem) -> Problem {
        self.guide.explain(after, &said).unwrap_or(said)
    }

    /// `None`: the platform has nothing to say to it.
    pub(super) fn explanation(&self, after: &After<'_>, said: &Problem) -> Option<Problem> {
        self.guide.explain(after, said)
    }

    /// The broker's words on a filter, with what the platform knows.
    pub(super) fn filter_words(&self, filter: &TopicFilter, words: String) -> String {
        let said = Problem::new(format!("{filter} is not subscribed"), words, "");
        let filters = std::slice::from_ref(filter);
        match self.guide.explain(&After::Subscribe(filters), &said) {
            Some(problem) if problem.remedy.is_empty() => problem.cause,
            Some(problem) => format!("{}; {}", problem.cause, problem.remedy),
            None => said.cause,
        }
    }
}
