//! What all scripts need: asking the platform while its steps are told on stderr, and the three ways to end early.

use std::time::Duration;

use crate::base::moment::{Mono, Timestamp, words};
use crate::base::problem::{Exit, Problem};
use crate::base::text::SafeText;
use crate::domain::capability::Capabilities;
use crate::domain::device::{Device, FindError, find};
use crate::domain::fact::{Budget, Fact, Progress, Step, StepState};
use crate::domain::profile::{PlatformId, Profile};
use crate::domain::request::{Reply, Request};

use super::console::{Console, Heard, Unwritten};

/// How a script ends before its end.
#[derive(Debug)]
pub(super) enum End {
    Failed(Problem),
    Interrupted,
    /// The reader of stdout has seen enough.
    Closed,
}

/// A wait that is counted down: what is left of a second is not none.
pub(super) fn countdown(wait: Duration) -> String {
    words(wait.saturating_add(Duration::from_millis(999)))
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<Unwritten> for End {
    fn from(why: Unwritten) -> Self {
        match why {
            Unwritten::Closed => Self::Closed,
            Unwritten::Interrupted => Self::Interrupted,
            Unwritten::Failed(problem) => Self::Failed(problem),
        }
    }
}

pub(super) struct Script<'a> {
    pub(super) console: &'a mut dyn Console,
    /// Told once: until when the platform's calls rest.
    resting: Option<Timestamp>,
}

impl<'a> Script<'a> {
    pub(super) fn new(console: &'a mut dyn Console) -> Self {
        Self {
            console,
            resting: None,
        }
    }

    pub(super) fn into_console(self) -> &'a mut dyn Console {
        self.console
    }

    /// The profile to work with; requests and sessions are about it from here on.
    pub(super) fn begin(&mut self) -> Result<Profile, End> {
        let profile = self.console.profile()?;
        self.choose(profile)
    }

    fn choose(&mut self, profile: Profile) -> Result<Profile, End> {
        if profile.common.insecure_skip_verify {
            self.say("INSECURE: TLS is not verified");
        }
        self.console.choose(profile.clone())?;
        Ok(profile)
    }

    /// The same for a verb that not every platform has.
    pub(super) fn begin_with(
        &mut self,
        verb: &str,
        can: impl Fn(&Capabilities) -> bool,
    ) -> Result<Profile, End> {
        let profile = self.console.profile()?;
        if !can(&self.console.capabilities(&profile)) {
            return Err(not_here(verb, &profile).into());
        }
        self.choose(profile)
    }

    pub(super) async fn ask(&mut self, what: Request) -> Result<Reply, End> {
        let id = self.console.request(what);
        loop {
            match self.console.next(None).await {
                Heard::Reply(answered, outcome) if answered == id => return Ok(outcome?),
                Heard::Fact(fact) => self.tell(&fact),
                Heard::Interrupt => return Err(End::Interrupted),
                Heard::Reply(..)
                | Heard::Session(_)
                | Heard::Piece(_)
                | Heard::Left
                | Heard::Deadline => {}
            }
        }
    }

    pub(super) async fn devices(&mut self) -> Result<Vec<Device>, End> {
        match self.ask(Request::Devices { fresh: false }).await? {
            Reply::Devices(devices) => Ok(devices),
            other => Err(unfit(&other)),
        }
    }

    /// The one device that a person named.
    pub(super) async fn device(&mut self, wanted: &str) -> Result<Device, End> {
        let devices = self.devices().await?;
        find(&devices, wanted)
            .cloned()
            .map_err(|error| not_one(&error).into())
    }

    /// On stderr, what a person should know of a fact; most are for the screen alone.
    pub(super) fn tell(&mut self, fact: &Fact) {
        match fact {
            Fact::Progress(Progress { step, until }) => {
                let left = until.map(|until| self.console.now().wall.until(until));
                let life = left.map_or(String::new(), |left| {
                    format!(" (the token lives {} more)", words(left))
                });
                self.tell_step(step, &life);
            }
            Fact::Step(step) => self.tell_step(step, ""),
            Fact::Budget(budget) => self.tell_rest(*budget),
            Fact::Notice(problem) | Fact::TokenRefused(problem) => {
                self.console.say(&problem_text(problem));
            }
            _ => {}
        }
    }

    fn tell_step(&mut self, step: &Step, more: &str) {
        let sign = match step.state {
            StepState::Running => "..",
            StepState::Done => "ok",
            StepState::Kept => "--",
            StepState::Failed => "!!",
        };
        self.say(&format!("[{sign}] {}: {}{more}", step.name, step.text));
    }

    fn tell_rest(&mut self, budget: Budget) {
        if budget.resting_until == self.resting {
            return;
        }
        self.resting = budget.resting_until;
        if let Some(until) = self.resting {
            let wait = self.console.now().wall.until(until);
            self.say(&format!(
                "the call limit is reached: calls go on in {}",
                words(wait)
            ));
        }
    }

    /// A connection broke, and when the next one is tried.
    pub(super) fn say_reconnecting(&mut self, at: Mono, why: &Problem) {
        self.console.say(&problem_text(why));
        let wait = at.since(self.console.now().mono);
        self.say(&format!("reconnecting in {}", countdown(wait)));
    }

    /// One line of talk, made safe.
    pub(super) fn say(&mut self, text: &str) {
        self.console.say(SafeText::new(text).as_str());
    }

    /// Data: one or more lines.
    pub(super) async fn out(&mut self, text: &str) -> Result<(), End> {
        for line in text.lines() {
            self.console.out(line).await?;
        }
        Ok(())
    }
}

/// The platform has no such thing.
fn not_here(verb: &str, profile: &Profile) -> Problem {
    let (cause, remedy) = match profile.platform() {
        PlatformId::Thinq => (
            "LG ThinQ takes commands for devices, and no messages on topics",
            "use control; or choose another profile with -p",
        ),
        PlatformId::Aws => (
            "AWS IoT Core has things and shadows, and no such thing",
            "use tail, publish, devices or shadow; or choose another profile with -p",
        ),
        PlatformId::Google | PlatformId::Huawei => (
            "this platform has no such thing",
            "`thingdeck --help` shows the verbs; or choose another profile with -p",
        ),
        PlatformId::Mqtt => (
            "a plain MQTT broker has topics and messages, and no devices",
            "use tail, expect, publish and subs; or choose another profile with -p",
        ),
    };
    let what = format!("`{verb}` is not for profile {:?}", profile.name);
    Problem::new(what, cause, remedy).exit(Exit::Usage)
}

/// A problem as stderr shows it, each part made safe.
pub(super) fn problem_text(problem: &Problem) -> String {
    let safe = |text: &str| SafeText::new(text).into_string();
    Problem::new(
        safe(&problem.what),
        safe(&problem.cause),
        safe(&problem.remedy),
    )
    .to_string()
}

fn not_one(error: &FindError) -> Problem {
    match error {
        FindError::NoSuch(wanted) => Problem::new(
            format!("no device {wanted:?}"),
            error.to_string(),
            "`thingdeck devices` lists them; an id, a unique beginning of an id or an alias will do",
        )
        .exit(Exit::NotFound),
        FindError::Ambiguous { wanted, .. } => Problem::new(
            format!("which device is {wanted:?}?"),
            error.to_string(),
            "give its id, or more of it",
        )
        .exit(Exit::Usage),
    }
}

/// The adapter answered another question: a mistake of ours.
pub(super) fn unfit(reply: &Reply) -> End {
    let kind = format!("{reply:?}");
    let kind = kind.split(['(', ' ', '{']).next().unwrap_or_default();
    Problem::new(
        "the answer does not fit the question",
        format!("the platform's adapter answered {kind}"),
        "this is a mistake in thingdeck: please report it",
    )
    .into()
}
