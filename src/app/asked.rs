//! Commands that wait for an answer of this client, and what became of them: request and reply are one pair in the stream,
//! with the time between them.

use std::collections::VecDeque;
use std::time::Duration;

use super::screen::{Role, Span};
use super::state::App;
use super::words;
use crate::base::moment::{Timestamp, words as time_words};
use crate::base::problem::Problem;
use crate::domain::compose::Sheet;
use crate::domain::message::Qos;
use crate::domain::relay::AskedCommand;
use crate::domain::topic::Topic;

/// Commands remembered; the oldest go first.
const KEPT: usize = 256;
/// Characters of an answer that are shown beside its command.
const SHOWN: usize = 200;

#[derive(Debug)]
pub(super) struct Waiting {
    asked: AskedCommand,
    end: Option<End>,
}

#[derive(Debug)]
struct End {
    at: Timestamp,
    result: Result<(), Problem>,
    payload: String,
}

/// See the module. Oldest first.
#[derive(Debug, Default)]
pub(super) struct Asked {
    list: VecDeque<Waiting>,
}

impl Asked {
    pub(super) fn came(&mut self, asked: AskedCommand) {
        if self.list.len() == KEPT {
            self.list.pop_front();
        }
        self.list.push_back(Waiting { asked, end: None });
    }

    /// Something went out: perhaps an answer. The newest of that name counts: the platform may count from 1 again.
    pub(super) fn sent(&mut self, topic: &Topic, payload: &[u8], at: Timestamp) {
        let mut list = self.list.iter_mut().rev();
        let waiting = list.find(|w| w.asked.is_answered_by(topic, payload));
        if let Some(waiting) = waiting
            && waiting.end.as_ref().is_none_or(|end| end.result.is_err())
        {
            let text = String::from_utf8_lossy(payload);
            waiting.end = Some(End {
                at,
                result: Ok(()),
                payload: text.chars().take(SHOWN).collect(),
            });
        }
    }

    /// The adapter's own answer. What went out was seen already; that it did not arrive is news.
    pub(super) fn answered(&mut self, id: &str, at: Timestamp, result: Result<(), Problem>) {
        let waiting = self.list.iter_mut().rev().find(|w| w.asked.id == id);
        if let Some(waiting) = waiting.filter(|w| w.end.is_none() || result.is_err()) {
            let payload = String::new();
            waiting.end = Some(End {
                at,
                result,
                payload,
            });
        }
    }

    fn of(&self, topic: &str, at: Timestamp) -> Option<&Waiting> {
        let mut list = self.list.iter().rev();
        list.find(|w| w.asked.at == at && w.asked.topic.as_str() == topic)
    }

    /// The command that a sent message answered.
    fn by_answer(&self, topic: &str, at: Timestamp) -> Option<(&Waiting, &End)> {
        let mut list = self.list.iter().rev();
        list.find_map(|w| {
            let end = w.end.as_ref()?;
            (end.at == at && w.asked.answer_topic.as_str() == topic).then_some((w, end))
        })
    }
}

impl Waiting {
    fn left(&self, now: Timestamp) -> Duration {
        now.until(self.asked.deadline)
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.end.is_none() && !self.left(now).is_zero()
    }

    /// The platform ignores an answer that nobody waits for any more.
    fn lateness(&self, end: &End) -> (&'static str, Role) {
        if end.at > self.asked.deadline {
            (", too late", Role::Bad)
        } else {
            ("", Role::Good)
        }
    }

    fn took(&self, end: &End) -> String {
        words::brief_time(self.asked.at.until(end.at))
    }
}

/// What is left of a second is not none.
fn counted(left: Duration) -> String {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    time_words(Duration::from_secs(seconds))
}

impl App {
    /// For the stream's row: how long a command still waits, or what became of it.
    pub(super) fn asked_span(&self, topic: &str, at: Timestamp, outgoing: bool) -> Option<Span> {
        let asked = &self.home.relays.asked;
        if outgoing {
            let (waiting, end) = asked.by_answer(topic, at)?;
            let (late, role) = waiting.lateness(end);
            let took = waiting.took(end);
            let text = format!("answers {} after {took}{late}", waiting.asked.name);
            return Some(Span::new(text, role));
        }
        let waiting = asked.of(topic, at)?;
        if let Some(end) = &waiting.end {
            return Some(match &end.result {
                Ok(()) => {
                    let (late, role) = waiting.lateness(end);
                    Span::new(format!("answered after {}{late}", waiting.took(end)), role)
                }
                Err(problem) => Span::new(format!("not answered: {}", problem.what), Role::Bad),
            });
        }
        let left = waiting.left(self.at.wall);
        if left.is_zero() {
            return Some(Span::new("unanswered", Role::Bad));
        }
        Some(Span::new(format!("{} left", counted(left)), Role::Warn))
    }

    /// For the inspector: the other half of the pair, or where an answer is waited for.
    pub(super) fn asked_lines(
        &self,
        topic: &str,
        at: Timestamp,
        outgoing: bool,
    ) -> Vec<(String, Role)> {
        let Some(state) = self.asked_span(topic, at, outgoing) else {
            return Vec::new();
        };
        let mut out = vec![(state.text.as_str().to_owned(), state.role)];
        let asked = &self.home.relays.asked;
        if outgoing {
            if let Some((waiting, _)) = asked.by_answer(topic, at) {
                let text = format!(
                    "asked at {} on {}",
                    waiting.asked.at.clock_millis(self.zone),
                    waiting.asked.topic
                );
                out.push((text, Role::Dim));
            }
            return out;
        }
        let Some(waiting) = asked.of(topic, at) else {
            return out;
        };
        let expected = waiting.asked.answer_topic.as_str();
        match &waiting.end {
            Some(end) if end.result.is_ok() => {
                out.push((format!("on {expected}"), Role::Dim));
                if !end.payload.is_empty() {
                    out.push((end.payload.clone(), Role::Normal));
                }
            }
            Some(end) => {
                if let Err(problem) = &end.result {
                    out.push((problem.line(), Role::Bad));
                }
                out.push((format!("expected on {expected}"), Role::Dim));
            }
            None if waiting.is_open(self.at.wall) => {
                out.push((
                    format!("Enter in the stream answers on {expected}"),
                    Role::Dim,
                ));
            }
            None => out.push((format!("expected on {expected}"), Role::Dim)),
        }
        out
    }

    /// When what is left reads otherwise.
    pub(super) fn asked_change(&self) -> Option<Duration> {
        let now = self.at.wall;
        let open = self.home.relays.asked.list.iter().rev();
        let lefts = open.filter(|w| w.is_open(now)).map(|w| w.left(now));
        lefts
            .map(|left| {
                Duration::from_nanos(u64::from(left.subsec_nanos())) + Duration::from_millis(1)
            })
            .min()
    }

    /// `Enter` on a command that waits: the composer, with what is proposed. `false`: it does not wait.
    pub(super) fn answer_selected(&mut self) -> bool {
        let Some(kept) = self.selected_message().filter(|kept| !kept.outgoing) else {
            return false;
        };
        let found = self.home.relays.asked.of(kept.topic, kept.at);
        let Some(waiting) = found.filter(|w| w.is_open(self.at.wall)) else {
            return false;
        };
        let asked = waiting.asked.clone();
        let left = counted(waiting.left(self.at.wall));
        if !self.has_composer() {
            return false;
        }
        self.open_draft(&asked.answer_topic, &asked.answer);
        let text = format!("{}: {left} left to answer; Ctrl-S sends", asked.name);
        self.say(Role::Pending, text);
        true
    }

    pub(super) fn open_draft(&mut self, topic: &Topic, payload: &[u8]) {
        self.hold();
        match Sheet::of_message(topic.as_str(), payload, Qos::AtLeastOnce, false, None) {
            Ok(sheet) => self.open_sheet(&sheet),
            Err(why) => self.say(Role::Warn, format!("it cannot be opened: {why}")),
        }
    }
}
