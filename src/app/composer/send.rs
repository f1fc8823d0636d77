//! Sending, and what became of it.
//!
//! A message that went out becomes a row of the stream when its receipt is here: the stream holds what was really sent,
//! never what only might be. Such rows count neither as received nor as kept or dropped.

use std::time::Duration;

use super::super::effect::{Effect, Needs};
use super::super::event::Gathered;
use super::super::pending::Purpose;
use super::super::screen::Role;
use super::super::state::App;
use super::super::words;
use super::Spot;
use crate::base::moment::Moment;
use crate::base::problem::{Problem, Retry};
use crate::domain::compose::{Finding, Place, Sheet, Weight};
use crate::domain::message::{Direction, Draft, Message, Qos};
use crate::domain::placeholder::Values;
use crate::domain::reading::Reading;
use crate::domain::session::{Delivered, ReceiptId, SessionCommand};
use crate::store::ring::Note;

/// Of the last ones sent, so many are remembered.
const REMEMBERED: usize = 20;

/// Handed to the session.
#[derive(Debug)]
pub(in super::super) struct Outgoing {
    pub(super) at: Moment,
    pub(super) draft: Draft,
    pub(super) by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum By {
    Person,
    Repeat,
    Exchange,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) at: Moment,
    pub(super) topic: String,
    pub(super) outcome: Result<String, String>,
}

/// What is sent once all that it needs is gathered.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Job {
    Once(Sheet),
    Repeat {
        sheet: Sheet,
        every: Duration,
        /// `None`: until it is stopped.
        count: Option<u64>,
    },
    Exchange(Sheet),
}

impl Job {
    const fn sheet(&self) -> &Sheet {
        match self {
            Self::Once(sheet) | Self::Repeat { sheet, .. } | Self::Exchange(sheet) => sheet,
        }
    }
}

impl App {
    /// Ctrl-S.
    pub(in super::super) fn send(&mut self) {
        if !self.has_composer() {
            return;
        }
        let sheet = self.composer.sheet();
        let job = if self.composer.wish.on {
            Job::Exchange(sheet)
        } else {
            Job::Once(sheet)
        };
        self.begin(job);
    }

    pub(in super::super) fn begin(&mut self, job: Job) {
        let findings = job.sheet().findings(self.version());
        if let Some(refusal) = findings.into_iter().find(|f| f.weight == Weight::Refusal) {
            return self.not_sent(&refusal);
        }
        let needs = Needs {
            variables: job.sheet().variables(),
            file: job.sheet().file().map(str::to_owned),
        };
        if needs == Needs::default() {
            return self.gathered(job, Gathered::default());
        }
        let id = self.pending.begin(Purpose::Gather(Box::new(job)));
        self.ask(Effect::Gather(id, needs));
    }

    pub(in super::super) fn gathered(&mut self, job: Job, gathered: Gathered) {
        match job {
            Job::Once(sheet) => {
                if let Some(draft) = self.draft_of(&sheet, &gathered) {
                    self.publish(draft, By::Person);
                    self.keep_in_history(sheet, true);
                }
            }
            Job::Repeat {
                sheet,
                every,
                count,
            } => self.start_repeating(sheet, gathered, every, count),
            Job::Exchange(sheet) => {
                if let Some(draft) = self.draft_of(&sheet, &gathered) {
                    self.start_exchange(draft);
                    self.keep_in_history(sheet, true);
                }
            }
        }
    }

    /// The message itself, with the next number; `None` when it cannot be sent, which is said.
    pub(super) fn draft_of(&mut self, sheet: &Sheet, gathered: &Gathered) -> Option<Draft> {
        let version = self.version();
        let mut values = Values {
            now: self.at.wall,
            seq: self.composer.seq,
            dice: &mut self.composer.dice,
            variables: &gathered.variables,
        };
        match sheet.draft(version, &mut values, gathered.file.as_ref()) {
            Ok(draft) => {
                self.composer.seq += 1;
                Some(draft)
            }
            Err(finding) => {
                self.not_sent(&finding);
                None
            }
        }
    }

    fn not_sent(&mut self, finding: &Finding) {
        if self.is_composing() {
            self.composer.spot = match finding.place {
                Place::Topic => Spot::Topic,
                Place::Payload => Spot::Payload,
                Place::Properties => Spot::Properties,
            };
        }
        self.say(Role::Bad, format!("not sent: {}", finding.words));
    }

    pub(super) fn publish(&mut self, draft: Draft, by: By) -> ReceiptId {
        let id = self.composer.take_receipt();
        let outgoing = Outgoing {
            at: self.at,
            draft: draft.clone(),
            by,
        };
        self.composer.outgoing.insert(id, outgoing);
        let topic = draft.topic.clone();
        let session = self.home.session;
        self.ask(Effect::Session(session, SessionCommand::Publish(id, draft)));
        if by == By::Person {
            let waiting = words::grouped(self.composer.outgoing.len() as u64);
            if self.home.link.is_up() {
                self.say(Role::Pending, format!("sending to {topic}"));
            } else {
                let text = format!("{topic} waits for the connection ({waiting} waiting)");
                self.say(Role::Pending, text);
            }
        }
        id
    }

    /// The session's answer to a publish; another's finds no owner.
    pub(in super::super) fn receipt(&mut self, id: ReceiptId, result: Result<Delivered, Problem>) {
        if self.sweep_receipt(id, &result) {
            return;
        }
        let Some(outgoing) = self.composer.outgoing.remove(&id) else {
            return self.pending.stray();
        };
        self.moved = true;
        let after = self.at.mono.since(outgoing.at.mono);
        let topic = outgoing.draft.topic.to_string();
        let outcome = match result {
            Ok(delivered) => {
                let text = delivered_words(outgoing.draft.qos, after, &delivered);
                self.went_out(&outgoing.draft);
                if outgoing.by == By::Person {
                    self.say(Role::Good, format!("{topic}: {text}"));
                }
                self.keep_draft_soon();
                Ok(text)
            }
            Err(problem) => {
                let why = words::brief(&problem);
                self.remember(&topic, &problem);
                self.say(Role::Bad, format!("{topic}: {}", words::refused(&why)));
                match outgoing.by {
                    By::Person => {}
                    By::Repeat => self.repeat_refused(problem.retry == Retry::Never, &why),
                    By::Exchange => self.exchange_refused(&why),
                }
                Err(why)
            }
        };
        self.composer.sent.push_front(Sent {
            at: self.at,
            topic,
            outcome,
        });
        self.composer.sent.truncate(REMEMBERED);
    }

    /// A row of the stream.
    fn went_out(&mut self, draft: &Draft) {
        let message = Message {
            at: self.at.wall,
            direction: Direction::Out,
            topic: draft.topic.clone(),
            payload: draft.payload.clone(),
            qos: draft.qos,
            retain: draft.retain,
            dup: false,
            ack: None,
            properties: draft.properties.clone(),
            session: false,
        };
        self.home
            .relays
            .asked
            .sent(&message.topic, &message.payload, message.at);
        self.record(&message, &Reading::default());
        let seq = self.home.ring.push(&message, Note::default());
        self.offer_message(seq);
    }
}

/// `acknowledged after 12 ms: nobody is subscribed to it`
fn delivered_words(qos: Qos, after: Duration, delivered: &Delivered) -> String {
    let how = if qos == Qos::AtMostOnce {
        "sent"
    } else {
        "acknowledged"
    };
    let text = format!("{how} after {}", words::brief_time(after));
    match &delivered.note {
        Some(note) => format!("{text}: {note}"),
        None => text,
    }
}
