//! What follows when a connection ends: another address, a countdown, a question to the platform, or an end.

use super::outbox::Lost;
use super::registry;
use super::{Action, Machine, Phase, STABLE, Then, Up};
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::Draft;
use crate::domain::session::{LinkState, LogLevel, SessionEvent};
use crate::domain::topic::TopicFilter;
use crate::platform::{After, Verdict};
use crate::session::backoff;
use crate::session::end::{End, EndClass};

/// So many connections in a row closed within [`STABLE`] mean that somebody else uses our client id.
const TAKEOVER: u32 = 3;
/// So many closes in a row right after CONNECT mean a refusal without a word.
const CLOSED_EARLY: u32 = 3;

impl Machine {
    pub(super) fn closed(&mut self, now: Moment, roll: f64, end: End) {
        self.actions.push_back(Action::Abandon);
        for line in &end.seen.certificates {
            self.log(LogLevel::Info, line.clone());
        }
        self.received.lost();
        let hung_up = self.is_up() && end.class == EndClass::HungUp;
        let doubtful = hung_up.then(|| self.outbox.doubtful(now.mono)).flatten();
        let mut lost = self.outbox.lost(now.mono, hung_up);
        if let Some(draft) = &doubtful {
            self.explain_publish(draft, &end.problem, &mut lost);
        }
        for (_, problem) in &lost.answers {
            self.log(LogLevel::Error, problem.line());
        }
        self.not_published(lost.answers);
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Leaving { then, .. } => {
                self.forget_filters();
                self.after_farewell(now.mono, roll, then);
            }
            Phase::Opening { endpoint } => self.not_opened(now, roll, endpoint, &end),
            Phase::Up(up) => {
                let blamed = lost.blamed.then_some(doubtful.as_ref()).flatten();
                let blamed = blamed.or_else(|| self.known_cause(doubtful.as_ref(), &end.problem));
                self.broke(now.mono, roll, &up, end, blamed);
            }
            other => self.phase = other,
        }
    }

    /// A platform that knows why it hung up: what was blamed goes alone from now on, and what is given back says why.
    fn explain_publish(&mut self, draft: &Draft, said: &Problem, lost: &mut Lost) {
        let Some(problem) = self.explanation(&After::Publish(draft), said) else {
            return;
        };
        if lost.blamed {
            self.outbox.suspect();
        }
        for index in &lost.given_back {
            if let Some((_, given_back)) = lost.answers.get_mut(*index) {
                given_back.cause = format!("{}: {}", given_back.cause, problem.cause);
                given_back.remedy.clone_from(&problem.remedy);
            }
        }
    }

    /// A publish that promised nothing is to blame only where the platform says so.
    fn known_cause<'a>(&self, draft: Option<&'a Draft>, said: &Problem) -> Option<&'a Draft> {
        draft.filter(|draft| self.explanation(&After::Publish(draft), said).is_some())
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

    fn not_opened(&mut self, now: Moment, roll: f64, endpoint: usize, end: &End) {
        let problem = self.why_not_opened(now, end);
        let (now, class) = (now.mono, end.class);
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

    fn why_not_opened(&self, now: Moment, end: &End) -> Problem {
        let said = end.problem.clone();
        match (&end.seen.reply, end.class) {
            (Some(reply), _) => {
                let at = now.wall;
                self.explained(&After::Upgrade { reply, at }, said)
            }
            (None, EndClass::ClosedEarly | EndClass::Refused | EndClass::Fatal) => {
                self.explained(&After::Connect, said)
            }
            _ => said,
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

    /// An established connection ended. `publish`: what the broker may have hung up at.
    fn broke(&mut self, now: Mono, roll: f64, up: &Up, end: End, publish: Option<&Draft>) {
        let End { class, problem, .. } = end;
        let asked = self.registry.unanswered(now);
        let filters = match class {
            EndClass::HungUp => self.registry.hung_up(now),
            _ => None,
        };
        let lived = now.since(up.since.mono);
        let after = match (publish, asked.as_slice(), class) {
            (_, [_, ..], EndClass::HungUp) => After::Subscribe(&asked),
            (Some(draft), [], EndClass::HungUp) => After::Publish(draft),
            _ => After::Standing { lived },
        };
        let problem = self.explained(&after, problem);
        self.forget_filters();
        let short = lived < STABLE;
        if !short {
            self.attempt = 0;
            self.short_lives = 0;
            self.registry.second_chance();
        }
        let blamed = publish.is_some() || filters.is_some();
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
            let words = self.filter_words(&filter, registry::SET_ASIDE.to_owned());
            self.log(LogLevel::Error, format!("{filter}: {words}"));
            let result = Err(words);
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
