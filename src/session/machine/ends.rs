//! What follows when a connection ends: another address, a countdown, a question to the platform, or an end.

use super::registry;
use super::{Action, Machine, Phase, STABLE, Then, Up};
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::session::{LinkState, LogLevel, SessionEvent};
use crate::domain::topic::TopicFilter;
use crate::platform::Verdict;
use crate::session::backoff;
use crate::session::end::{End, EndClass};

/// So many connections in a row closed within [`STABLE`] mean that somebody else uses our client id.
const TAKEOVER: u32 = 3;
/// So many closes in a row right after CONNECT mean a refusal without a word.
const CLOSED_EARLY: u32 = 3;

impl Machine {
    pub(super) fn closed(&mut self, now: Moment, roll: f64, end: End) {
        self.actions.push_back(Action::Abandon);
        for line in &end.shown {
            self.log(LogLevel::Info, line.clone());
        }
        self.received.lost();
        let hung_up = self.is_up() && end.class == EndClass::HungUp;
        let lost = self.outbox.lost(now.mono, hung_up);
        for (_, problem) in &lost.answers {
            self.log(LogLevel::Error, problem.line());
        }
        self.not_published(lost.answers);
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Leaving { then, .. } => {
                self.forget_filters();
                self.after_farewell(now.mono, roll, then);
            }
            Phase::Opening { endpoint } => self.not_opened(now.mono, roll, endpoint, end),
            Phase::Up(up) => self.broke(now.mono, roll, &up, end, lost.blamed),
            other => self.phase = other,
        }
    }

    fn forget_filters(&mut self) {
        for filter in self.registry.forget_connection() {
            self.post(SessionEvent::Dropped(filter));
        }
    }

    fn after_farewell(&mut self, now: Mono, roll: f64, then: Then) {
        match then {
            Then::Close => self.finish(),
            // A platform that leaves at once again and again would make a storm of connections.
            Then::Replan(why) if self.left_early > 1 => self.back_off(now, roll, why),
            Then::Replan(_) => self.make_plan(),
            Then::Refuse(problem) => self.stop(problem),
        }
    }

    fn not_opened(&mut self, now: Mono, roll: f64, endpoint: usize, end: End) {
        let End { class, problem, .. } = end;
        match class {
            EndClass::Unreachable => {
                let line = problem.line();
                if self.open(endpoint + 1) {
                    self.log(LogLevel::Warn, format!("{line}; trying the next address"));
                    self.first_failure.get_or_insert(problem);
                } else {
                    let problem = self.none_reached(problem);
                    self.back_off(now, roll, problem);
                }
            }
            EndClass::Refused => self.judge(problem),
            EndClass::Fatal => self.stop(problem),
            EndClass::ClosedEarly => {
                self.closed_early += 1;
                if self.closed_early >= CLOSED_EARLY {
                    self.judge(problem.retry(Retry::Never));
                } else {
                    self.back_off(now, roll, problem);
                }
            }
            EndClass::TakenOver => self.taken_over(&problem.cause),
            EndClass::HungUp | EndClass::Passing => self.back_off(now, roll, problem),
        }
    }

    /// The platform's own address is what a person has to look at; the others were second choices.
    fn none_reached(&mut self, last: Problem) -> Problem {
        match self.first_failure.take() {
            Some(first) => {
                let cause = format!("{}; then it {}: {}", first.cause, last.what, last.cause);
                Problem { cause, ..first }
            }
            None => last,
        }
    }

    /// An established connection ended. `publish`: while the broker had one to answer.
    fn broke(&mut self, now: Mono, roll: f64, up: &Up, end: End, publish: bool) {
        let End { class, problem, .. } = end;
        let filters = match class {
            EndClass::HungUp => self.registry.hung_up(now),
            _ => None,
        };
        self.forget_filters();
        let short = now.since(up.since.mono) < STABLE;
        if !short {
            self.attempt = 0;
            self.short_lives = 0;
            self.registry.second_chance();
        }
        let blamed = publish || filters.is_some();
        self.set_aside(filters);
        match class {
            EndClass::TakenOver => self.taken_over(&problem.cause),
            EndClass::Fatal => self.stop(problem),
            // Refused again right after a renewal: another renewal would only make a circle.
            EndClass::Refused if short => self.stop(problem),
            EndClass::Refused => self.judge(problem),
            EndClass::HungUp if short && !blamed => {
                self.short_lives += 1;
                if self.short_lives < TAKEOVER {
                    self.back_off(now, roll, problem);
                } else {
                    let cause = format!(
                        "{}, {TAKEOVER} times right after it stood: another program connects with the same client id",
                        problem.cause
                    );
                    self.taken_over(&cause);
                }
            }
            _ => self.back_off(now, roll, problem),
        }
    }

    fn set_aside(&mut self, filters: Option<Vec<TopicFilter>>) {
        let Some(filters) = filters else {
            return;
        };
        if filters.is_empty() {
            let text = "the broker hung up at a SUBSCRIBE; the filters will be tried one by one";
            self.log(LogLevel::Warn, text.to_owned());
        }
        for filter in filters {
            self.log(
                LogLevel::Error,
                format!("{filter}: {}", registry::SET_ASIDE),
            );
            let result = Err(registry::SET_ASIDE.to_owned());
            self.post(SessionEvent::Granted { filter, result });
        }
    }

    /// MQTT 5 has a code for it (142), which not every broker sends (mosquitto 2.0.11 only closes); 3.1.1 has none.
    fn taken_over(&mut self, cause: &str) {
        let plan = self.plan.as_ref();
        let asked = plan.map_or("", |plan| plan.client_id.as_str());
        let id = self.assigned.as_deref().filter(|_| asked.is_empty());
        let problem = Problem::new(
            "the session was taken over by another client",
            format!("{cause} ({:?})", id.unwrap_or(asked)),
            "close the other program, or give this profile a client id of its own; then connect again",
        )
        .exit(Exit::Refused);
        self.phase = Phase::Stopped;
        self.log(LogLevel::Error, problem.line());
        self.post_link(LinkState::TakenOver(problem));
    }

    fn judge(&mut self, problem: Problem) {
        if self.judged {
            self.stop(problem);
            return;
        }
        self.judged = true;
        self.log(LogLevel::Warn, problem.line());
        self.phase = Phase::Judging(problem.clone());
        self.actions.push_back(Action::Judge(problem));
    }

    pub(super) fn decided(&mut self, verdict: Verdict) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Judging(problem) => match verdict {
                Verdict::Final => self.stop(problem),
                Verdict::Explained(words) => self.stop(words),
                Verdict::TryAgain { reason } => {
                    self.log(LogLevel::Warn, format!("{reason}; connecting once more"));
                    self.make_plan();
                }
            },
            other => self.phase = other,
        }
    }

    pub(super) fn stop(&mut self, problem: Problem) {
        self.phase = Phase::Stopped;
        self.log(LogLevel::Error, problem.line());
        self.post_link(LinkState::Refused(problem));
    }

    pub(super) fn back_off(&mut self, now: Mono, roll: f64, why: Problem) {
        self.attempt += 1;
        self.wait(now.plus(backoff::delay(self.attempt, roll)), why);
    }

    pub(super) fn wait(&mut self, at: Mono, why: Problem) {
        self.phase = Phase::Waiting { until: at };
        self.log(LogLevel::Warn, why.line());
        let attempt = self.attempt;
        self.post_link(LinkState::Reconnecting { at, attempt, why });
    }
}
