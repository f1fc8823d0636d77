//! The lines of a recording: which of them are published, which are left out, and which are not understood.

use std::collections::BTreeMap;

use crate::base::moment::Timestamp;
use crate::base::problem::{Exit, Problem};
use crate::cli::verb::ReplayVerb;
use crate::domain::decode::Pins;
use crate::domain::expression::{Expression, Here};
use crate::domain::line::{Line, MessageLine, decode};
use crate::domain::message::{Direction, Draft, Message};
use crate::domain::reading::Reading;
use crate::domain::topic::Topic;

use super::super::console::Piece;
use super::super::script::{End, Script};
use super::{TOLD, draft, name};

/// Bad lines without a good one before them, after which it is no recording.
const STRANGE: u64 = 10;

/// A message that is to be published.
#[derive(Debug)]
pub(super) struct Next {
    /// Its line, from 1.
    pub(super) line: u64,
    pub(super) at: Timestamp,
    pub(super) draft: Draft,
}

/// See the module.
pub(super) struct Source<'a> {
    verb: &'a ReplayVerb,
    condition: Option<Expression>,
    /// How payloads are decoded, for the condition.
    pins: Pins,
    name: String,
    line: u64,
    ended: bool,
    /// Lines that were understood.
    good: u64,
    bad: u64,
    first_bad: String,
    /// Lines that the condition left out.
    unmatched: u64,
    sent: u64,
    /// Messages on each topic that begins with `$`.
    reserved: BTreeMap<String, u64>,
    /// What was dropped when it was recorded: messages.
    missing: u64,
    /// Why it could not be read to its end.
    damage: Option<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(verb: &'a ReplayVerb, now: Timestamp, pins: Pins) -> Self {
        // Times without a zone are UTC, as they are in the lines.
        let here = Here { now, zone: 0 };
        Self {
            verb,
            condition: verb.condition.clone().map(|c| c.at(here)),
            pins,
            name: name(&verb.from),
            line: 0,
            ended: false,
            good: 0,
            bad: 0,
            first_bad: String::new(),
            unmatched: 0,
            sent: 0,
            reserved: BTreeMap::new(),
            missing: 0,
            damage: None,
        }
    }

    /// `FILE:LINE`
    pub(super) fn place(&self, line: u64) -> String {
        format!("{}:{line}", self.name)
    }

    /// The next message to publish; `None` at the end.
    pub(super) async fn next(&mut self, script: &mut Script<'_>) -> Result<Option<Next>, End> {
        while !self.ended {
            let piece = script.console.read_replay().await;
            if let Some(next) = self.take(script, piece)? {
                return Ok(Some(next));
            }
        }
        if self.good == 0 && self.bad > 0 {
            return Err(self.no_recording().into());
        }
        Ok(None)
    }

    /// Whether there is no more.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The message of this part, where it has one that is to be published.
    pub(super) fn take(
        &mut self,
        script: &mut Script<'_>,
        piece: Piece,
    ) -> Result<Option<Next>, End> {
        self.line += 1;
        match piece {
            Piece::Line(text) if text.trim().is_empty() => {}
            Piece::Line(text) => match decode(&text) {
                Ok(line) => return self.understood(script, line),
                Err(error) => self.bad(script, &error.to_string())?,
            },
            Piece::Bad(why) => self.bad(script, &why)?,
            Piece::Rest(text) => {
                self.ended = true;
                match decode(&text) {
                    Ok(line) => return self.understood(script, line),
                    Err(error) if self.good == 0 => self.bad(script, &error.to_string())?,
                    Err(_cut_off) => self.cut_off(script, "its last line is not whole"),
                }
            }
            Piece::Torn(why) => {
                self.ended = true;
                self.cut_off(script, &why);
            }
            Piece::Damaged(why) if self.good == 0 => return Err(self.unreadable(why).into()),
            Piece::Damaged(why) => {
                self.ended = true;
                self.damage = Some(why);
            }
            Piece::End => self.ended = true,
            Piece::Interrupted => return Err(End::Interrupted),
        }
        Ok(None)
    }

    fn unreadable(&self, why: String) -> Problem {
        let what = format!("nothing of {} can be read", self.name);
        Problem::new(what, why, "a copy of it may be whole")
    }

    fn understood(&mut self, script: &mut Script<'_>, line: Line) -> Result<Option<Next>, End> {
        self.good += 1;
        let message = match line {
            Line::Message(message) => *message,
            Line::Gap(gap) => {
                self.missing += gap.gap.messages;
                return Ok(None);
            }
        };
        if message.direction == Direction::Out && !self.verb.sent {
            self.sent += 1;
            return Ok(None);
        }
        if !self.is_meant(&message) {
            self.unmatched += 1;
            return Ok(None);
        }
        let topic = format!("{}{}", self.verb.prefix, message.topic);
        // What we had sent there may be sent there: clouds have topics of this kind that their clients write.
        if topic.starts_with('$') && message.direction == Direction::In {
            *self.reserved.entry(topic).or_default() += 1;
            return Ok(None);
        }
        match Topic::parse(&topic) {
            Ok(topic) => Ok(Some(Next {
                line: self.line,
                at: message.at,
                draft: draft(topic, message.qos, message),
            })),
            Err(error) => {
                self.bad(
                    script,
                    &format!("its topic cannot be published to: {error}"),
                )?;
                Ok(None)
            }
        }
    }

    fn is_meant(&self, line: &MessageLine) -> bool {
        let Some(condition) = &self.condition else {
            return true;
        };
        let message = Message {
            at: line.at,
            direction: line.direction,
            topic: line.topic.clone(),
            payload: line.payload.clone(),
            qos: line.qos,
            retain: line.retain,
            dup: line.dup,
            ack: None,
            properties: line.properties.clone(),
            session: line.session,
        };
        let reading = Reading {
            kind: line.kind,
            device: line.device.clone(),
            ..Reading::default()
        };
        let device = line.device_name.as_deref();
        condition.is_met_by(&message, &reading, device, &self.pins)
    }

    fn bad(&mut self, script: &mut Script<'_>, why: &str) -> Result<(), End> {
        self.bad += 1;
        if self.first_bad.is_empty() {
            why.clone_into(&mut self.first_bad);
        }
        if self.good == 0 && self.bad >= STRANGE {
            return Err(self.no_recording().into());
        }
        if self.bad <= TOLD {
            let place = self.place(self.line);
            script.say(&format!(
                "{place}: left out: {why}; correct the line or delete it"
            ));
        }
        Ok(())
    }

    fn cut_off(&self, script: &mut Script<'_>, why: &str) {
        script.say(&format!(
            "{}: the recording ends here, cut off ({why}): what stands before it is used",
            self.place(self.line)
        ));
    }

    fn no_recording(&self) -> Problem {
        Problem::new(
            format!("{} is no recording", self.name),
            format!("its first line is not understood: {}", self.first_bad),
            "a recording is made by `thingdeck record`, `thingdeck tail` or R in the dashboard",
        )
        .exit(Exit::Usage)
    }

    /// What was done and what was left out, and how the verb ends.
    pub(super) fn finish(
        &self,
        script: &mut Script<'_>,
        count: u64,
        done: &str,
        refused: Option<Problem>,
    ) -> Result<Exit, End> {
        script.say(&format!("{} {done}", messages(count)));
        if !self.reserved.is_empty() {
            let left: u64 = self.reserved.values().sum();
            let mut topics: Vec<&str> = self.reserved.keys().map(String::as_str).collect();
            let more = topics.len().saturating_sub(3);
            topics.truncate(3);
            let and_more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            script.say(&format!(
                "left out: {} on topics that begin with $, which only the broker writes ({}{and_more}); --prefix makes others of them",
                messages(left),
                topics.join(", ")
            ));
        }
        if self.sent > 0 {
            script.say(&format!(
                "left out: {} that had been sent, not received (--sent takes them in)",
                messages(self.sent)
            ));
        }
        if self.missing > 0 {
            script.say(&format!(
                "missing in the recording: {} that were dropped when it was made",
                messages(self.missing)
            ));
        }
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        if let Some(why) = &self.damage {
            let what = format!(
                "only the part of {} before line {} was read",
                self.name, self.line
            );
            let cause = format!("it is damaged there: {why}");
            return Err(Problem::new(what, cause, "a copy of it may be whole").into());
        }
        if self.bad > 0 {
            let what = match self.bad {
                1 => format!("1 line of {} was left out", self.name),
                many => format!("{many} lines of {} were left out", self.name),
            };
            let cause = format!("the first because {}", self.first_bad);
            return Err(Problem::new(what, cause, "correct the lines or delete them").into());
        }
        if count == 0 && !self.reserved.is_empty() {
            let cause = "every message of it is on a topic that begins with $";
            let remedy = "--prefix P makes other topics of them";
            return Err(Problem::new("nothing was published", cause, remedy)
                .exit(Exit::Refused)
                .into());
        }
        if count == 0 && self.unmatched > 0 {
            let cause = "no message of the recording matches --where";
            let remedy = "`replay --dry-run` shows what it holds";
            return Err(Problem::new("nothing was published", cause, remedy)
                .exit(Exit::NoMatch)
                .into());
        }
        Ok(Exit::Done)
    }
}

fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    }
}
