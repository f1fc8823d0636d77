//! `tail`, `expect` and `record`: messages as JSON lines, acknowledged after they are written.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::moment::{Mono, words};
use crate::base::problem::{Exit, Problem};
use crate::cli::verb::TailVerb;
use crate::domain::decode::Pins;
use crate::domain::device::{Device, DeviceId};
use crate::domain::expression::{Expression, Here};
use crate::domain::fact::Fact;
use crate::domain::line::{Origin, encode, encode_gap};
use crate::domain::message::{AckToken, Direction, Message, Qos};
use crate::domain::profile::{PlatformId, Profile};
use crate::domain::reading::Reading;
use crate::domain::session::{Gap, LinkState, SessionCommand, SessionEvent};
use crate::domain::topic::TopicFilter;

use super::console::{Heard, Opening, Unwritten};
use super::script::{End, Script, countdown, problem_text};

/// Which of the verbs speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A look at a stream: a person who has seen enough ends it.
    Tail,
    /// A script that waits for something: whatever ends it before that came is no success.
    Expect,
    /// As a look, but the lines go into the open recording.
    Record,
}

pub(super) async fn run(
    script: &mut Script<'_>,
    verb: &TailVerb,
    manner: Manner,
) -> Result<Exit, End> {
    let profile = script.begin()?;
    stream(script, verb, manner, profile).await.0
}

/// How it ended, and how many lines are in the recording.
pub(super) async fn stream(
    script: &mut Script<'_>,
    verb: &TailVerb,
    manner: Manner,
    profile: Profile,
) -> (Result<Exit, End>, Written) {
    // Times without a zone are UTC, as they are in the lines.
    let here = Here {
        now: script.console.now().wall,
        zone: 0,
    };
    let mut tail = Tail {
        verb,
        manner,
        condition: verb.condition.clone().map(|condition| condition.at(here)),
        pins: script.console.pins(),
        profile,
        names: HashMap::new(),
        written: Written::default(),
        recorded: Written::default(),
        batch: Batch::default(),
        connected: false,
        until: None,
        refused: Vec::new(),
        granted: false,
        broken: None,
    };
    let end = tail.run(script).await;
    (end, tail.recorded)
}

/// Lines that are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    pub(super) messages: u64,
    /// Marks of what was dropped.
    pub(super) gaps: u64,
}

/// Lines for a file go to the system together, when nothing more is at hand or when they are this much. Bytes.
const BATCH: usize = 256 * 1024;
/// The same in messages to acknowledge.
const BATCH_ACKS: usize = 256;

/// Lines that are not with the system yet, and what is acknowledged when they are.
#[derive(Debug, Default)]
struct Batch {
    lines: String,
    acks: Vec<AckToken>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.acks.is_empty()
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= BATCH || self.acks.len() >= BATCH_ACKS
    }
}

struct Tail<'a> {
    verb: &'a TailVerb,
    manner: Manner,
    condition: Option<Expression>,
    /// How payloads are decoded, for the condition.
    pins: Pins,
    profile: Profile,
    /// What devices are called, for the lines.
    names: HashMap<DeviceId, String>,
    written: Written,
    /// Of that, what is with the system in a recording.
    recorded: Written,
    batch: Batch,
    /// There was a connection: from now on, ending is a way to finish.
    connected: bool,
    /// `--for` runs from the first connection on, not through the sign-in.
    until: Option<Mono>,
    /// Filters of the command line that the broker refused.
    refused: Vec<TopicFilter>,
    /// One of them is in force, or was.
    granted: bool,
    /// Why the last connection ended.
    broken: Option<Problem>,
}

/// Whether there is more to come.
enum Next {
    More,
    End(Exit),
}

impl Tail<'_> {
    async fn run(&mut self, script: &mut Script<'_>) -> Result<Exit, End> {
        self.check_filters(script)?;
        // A thing of AWS is called as its id says, a fleet is large, and a device of its own may list nothing.
        let is_named = !script.console.capabilities(&self.profile).topics
            && self.profile.platform() != PlatformId::Aws;
        if is_named {
            self.learn_names(script).await?;
        }
        script.console.open(Opening {
            manual_ack: true,
            filters: self.verb.filters.clone(),
            bare: !self.verb.filters.is_empty(),
        });
        if self.manner == Manner::Tail {
            script.console.heed_reader();
        }
        let mut end = self.follow(script).await;
        // Whatever ended it: what came is kept.
        if let Err(trouble) = self.flush(script).await {
            end = end.and(Err(trouble));
        }
        self.leave_nothing(script);
        end
    }

    /// Where the platform's rules leave none of the filters, that is known before anything is sent. Where they leave some, the
    /// session names the others.
    fn check_filters(&self, script: &Script<'_>) -> Result<(), End> {
        let mut forbidden = None;
        for wish in &self.verb.filters {
            match script.console.check_filter(&self.profile, wish) {
                Ok(()) => return Ok(()),
                Err(problem) => forbidden = forbidden.or(Some((wish, problem))),
            }
        }
        let Some((wish, problem)) = forbidden else {
            return Ok(());
        };
        Err(Problem {
            what: format!("could not subscribe {}", wish.filter),
            ..problem
        }
        .into())
    }

    /// A stream without names is better than none; at ThinQ there is none without credentials or host.
    async fn learn_names(&mut self, script: &mut Script<'_>) -> Result<(), End> {
        match script.devices().await {
            Ok(devices) => self.learn(&devices),
            Err(End::Failed(problem))
                if self.profile.platform() != PlatformId::Thinq
                    || !matches!(
                        problem.exit,
                        Exit::Usage | Exit::Refused | Exit::Unreachable
                    ) =>
            {
                script.console.say(&problem_text(&problem));
            }
            Err(end) => return Err(end),
        }
        Ok(())
    }

    fn learn(&mut self, devices: &[Device]) {
        for device in devices {
            self.names.insert(device.id.clone(), device.name.clone());
        }
    }

    /// A broker that keeps the session would keep filters that only this command wanted. They are sent before the DISCONNECT.
    fn leave_nothing(&self, script: &mut Script<'_>) {
        if !self.connected {
            return;
        }
        let own = &self.profile.common.topics;
        let is_own = |filter: &TopicFilter| own.iter().any(|wish| wish.filter == *filter);
        for wish in self.verb.filters.iter().filter(|w| !is_own(&w.filter)) {
            let filter = wish.filter.clone();
            script.console.command(SessionCommand::Unsubscribe(filter));
        }
    }

    async fn follow(&mut self, script: &mut Script<'_>) -> Result<Exit, End> {
        loop {
            if self.batch.is_full() {
                self.flush(script).await?;
            }
            // Where lines wait, only what is at hand comes before them.
            let until = if self.batch.is_empty() {
                self.until
            } else {
                Some(script.console.now().mono)
            };
            let next = match script.console.next(until).await {
                Heard::Deadline if !self.batch.is_empty() => {
                    self.flush(script).await?;
                    Next::More
                }
                Heard::Session(event) => self.session(script, event).await?,
                Heard::Fact(fact) => {
                    self.fact(script, &fact);
                    Next::More
                }
                Heard::Interrupt if self.has_something_to_finish() => Next::End(Exit::Done),
                Heard::Interrupt => return Err(End::Interrupted),
                Heard::Deadline => Next::End(self.time_is_over(script)?),
                Heard::Left => return Err(End::Closed),
                Heard::Reply(..) | Heard::Piece(_) => Next::More,
            };
            if let Next::End(exit) = next {
                return Ok(exit);
            }
        }
    }

    /// Whoever looks on would wait for nothing; what a kept session holds comes all the same.
    fn wants_nothing(&self) -> bool {
        let is_silent = matches!(self.profile.platform(), PlatformId::Mqtt | PlatformId::Aws);
        is_silent && self.verb.filters.is_empty() && self.profile.common.topics.is_empty()
    }

    fn has_something_to_finish(&self) -> bool {
        match self.manner {
            Manner::Tail => self.connected,
            Manner::Expect => false,
            Manner::Record => self.written != Written::default(),
        }
    }

    /// On stdout at once, into a recording with what else is at hand.
    async fn write(&mut self, script: &mut Script<'_>, line: &str) -> Result<(), End> {
        if self.manner == Manner::Record {
            self.batch.lines.push_str(line);
            self.batch.lines.push('\n');
            return Ok(());
        }
        match script.console.out(line).await {
            // Its reader is slow, and the person who looked on has seen enough.
            Err(Unwritten::Interrupted) if self.has_something_to_finish() => Err(End::Closed),
            written => Ok(written?),
        }
    }

    /// In the order in which they came (MQTT 3.1.1, 4.6), and none before what was written before it.
    fn acknowledge(&mut self, script: &mut Script<'_>, token: AckToken) {
        if self.batch.is_empty() {
            script.console.command(SessionCommand::Ack(token));
        } else {
            self.batch.acks.push(token);
        }
    }

    async fn flush(&mut self, script: &mut Script<'_>) -> Result<(), End> {
        let batch = std::mem::take(&mut self.batch);
        if !batch.lines.is_empty() {
            script.console.record(batch.lines).await?;
            self.recorded = self.written;
        }
        for token in batch.acks {
            script.console.command(SessionCommand::Ack(token));
        }
        Ok(())
    }

    async fn session(&mut self, script: &mut Script<'_>, event: SessionEvent) -> Result<Next, End> {
        match event {
            // An adapter's own answer is no message that came.
            SessionEvent::Message(message, _) if message.direction == Direction::Out => {}
            SessionEvent::Message(message, reading) => {
                return self.message(script, &message, &reading).await;
            }
            SessionEvent::Messages(batch) => {
                for message in batch.messages() {
                    let next = self.message(script, &message, &Reading::default()).await?;
                    if let Next::End(exit) = next {
                        return Ok(Next::End(exit));
                    }
                }
            }
            SessionEvent::Gap(gap) => self.gap(script, gap).await?,
            SessionEvent::Link(link) => self.link(script, link)?,
            SessionEvent::Granted { filter, result } => self.granted(script, filter, result)?,
            SessionEvent::Fact(fact) => self.fact(script, &fact),
            SessionEvent::Dropped(_)
            | SessionEvent::Receipt { .. }
            | SessionEvent::Queue { .. }
            | SessionEvent::Log(_) => {}
        }
        Ok(Next::More)
    }

    async fn message(
        &mut self,
        script: &mut Script<'_>,
        message: &Message,
        reading: &Reading,
    ) -> Result<Next, End> {
        for fact in &reading.facts {
            self.fact(script, fact);
        }
        let name = reading
            .device
            .as_ref()
            .and_then(|id| self.names.get(id))
            .map(String::as_str);
        let is_meant = self.is_meant(message, reading, name);
        if is_meant {
            let line = encode(message, reading, self.origin(), name);
            self.write(script, &line).await?;
            self.written.messages += 1;
        }
        if let Some(token) = message.ack {
            self.acknowledge(script, token);
        }
        Ok(match self.verb.count {
            Some(count) if is_meant && self.written.messages >= count => Next::End(Exit::Done),
            _ => Next::More,
        })
    }

    fn is_meant(&self, message: &Message, reading: &Reading, device_name: Option<&str>) -> bool {
        let topic = message.topic.as_str();
        let filters = &self.verb.filters;
        if !filters.is_empty() && !filters.iter().any(|wish| wish.filter.matches(topic)) {
            return false;
        }
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.is_met_by(message, reading, device_name, &self.pins))
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            profile: &self.profile.name,
            platform: self.profile.platform(),
        }
    }

    async fn gap(&mut self, script: &mut Script<'_>, gap: Gap) -> Result<(), End> {
        let at = script.console.now().wall;
        script.say(&format!(
            "{} messages ({} bytes) were dropped here: they came faster than they could be written, or one was over the limit (the log file names that one)",
            gap.messages, gap.bytes
        ));
        let line = encode_gap(gap, at, self.origin());
        self.write(script, &line).await?;
        self.written.gaps += 1;
        Ok(())
    }

    fn link(&mut self, script: &mut Script<'_>, link: LinkState) -> Result<(), End> {
        match link {
            LinkState::Connected { .. } => {
                script.say("connected");
                if !self.connected {
                    self.connected = true;
                    if self.wants_nothing() {
                        script.say("nothing is subscribed: the profile has no topics, and no FILTER is named");
                    }
                    let now = script.console.now().mono;
                    self.until = self.verb.within.map(|within| now.plus(within));
                }
            }
            LinkState::Silent { .. } => {
                script.say("connected, but nothing is heard: subscribing again");
            }
            LinkState::Reconnecting { why, .. } if !self.connected => return Err(why.into()),
            LinkState::Reconnecting { at, why, .. } => {
                let wait = at.since(script.console.now().mono);
                script.say(&format!(
                    "reconnecting in {}: {}",
                    countdown(wait),
                    why.line()
                ));
                self.broken = Some(why);
            }
            LinkState::Refused(why) | LinkState::TakenOver(why) => return Err(why.into()),
            LinkState::Closed => return Err(closed().into()),
            LinkState::Idle | LinkState::SigningIn { .. } | LinkState::Connecting { .. } => {}
        }
        Ok(())
    }

    fn granted(
        &mut self,
        script: &mut Script<'_>,
        filter: TopicFilter,
        result: Result<Qos, String>,
    ) -> Result<(), End> {
        let why = match result {
            Err(why) => why,
            Ok(qos) => {
                self.refused.retain(|refused| *refused != filter);
                if self.verb.filters.iter().any(|wish| wish.filter == filter) {
                    self.granted = true;
                    // Who publishes what is waited for can wait for this line.
                    script.say(&format!("subscribed to {filter} with QoS {}", qos.number()));
                }
                return Ok(());
            }
        };
        script.say(&format!("refused {filter}: {why}"));
        let is_wanted =
            |refused: &TopicFilter| self.verb.filters.iter().any(|wish| wish.filter == *refused);
        if is_wanted(&filter) && !self.refused.contains(&filter) {
            self.refused.push(filter);
        }
        if !self.refused.is_empty() && self.refused.len() == self.verb.filters.len() {
            return Err(all_refused(&why).into());
        }
        Ok(())
    }

    fn fact(&mut self, script: &mut Script<'_>, fact: &Fact) {
        match fact {
            Fact::Devices(devices) => self.learn(devices),
            Fact::DeviceAdded(device) => self.learn(std::slice::from_ref(device)),
            Fact::DeviceRenamed { device, name } => {
                self.names.insert(device.clone(), name.clone());
            }
            // What it would have brought does not come: an attach that failed, an event subscription that ended.
            Fact::FeedFailed { problem, .. } => script.console.say(&problem_text(problem)),
            other => script.tell(other),
        }
    }

    /// A wanted number of messages of which none came is "nothing matched in time"; a look at a quiet stream is not.
    fn time_is_over(&mut self, script: &mut Script<'_>) -> Result<Exit, End> {
        // Some brokers refuse a filter by hanging up: then this was no quiet stream, but none at all.
        if !self.granted
            && !self.verb.filters.is_empty()
            && let Some(why) = self.broken.take()
        {
            let cause = format!("{}: {}", why.what, why.cause);
            let problem = Problem::new("nothing was subscribed", cause, why.remedy);
            return Err(problem.exit(why.exit).into());
        }
        let Some(count) = self.verb.count else {
            return Ok(Exit::Done);
        };
        let time = self.verb.within.map(in_words).unwrap_or_default();
        if self.written.messages == 0 {
            return Err(nothing_came(self.manner, &time).into());
        }
        script.say(&format!(
            "{} of {count} messages came within {time}",
            self.written.messages
        ));
        Ok(Exit::Done)
    }
}

/// Also less than a second.
fn in_words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        words(time)
    }
}

fn closed() -> Problem {
    Problem::new(
        "the stream ended",
        "the session was closed",
        "the log file tells why",
    )
}

fn all_refused(why: &str) -> Problem {
    Problem::new(
        "nothing is subscribed",
        format!("the broker refused every filter, the last with: {why}"),
        "correct the filters, or what the account may subscribe to",
    )
    .exit(Exit::Refused)
}

fn nothing_came(manner: Manner, time: &str) -> Problem {
    let remedy = match manner {
        Manner::Tail | Manner::Record => {
            "`thingdeck subs` shows what is subscribed; a longer --for waits longer"
        }
        Manner::Expect => "a longer --within waits longer; `tail` shows what comes",
    };
    let cause = format!("nothing that was meant came within {time}");
    Problem::new("no message", cause, remedy).exit(Exit::NoMatch)
}
