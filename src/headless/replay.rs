//! `replay`: the messages of a recording, published again as they were and at the distances in which they came.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::moment::{Mono, Timestamp};
use crate::base::problem::{Exit, Problem};
use crate::cli::verb::{Place, ReplayVerb, Speed};
use crate::domain::line::{Origin, encode};
use crate::domain::message::{Direction, Draft, Message, Qos};
use crate::domain::profile::{Profile, Version};
use crate::domain::reading::Reading;
use crate::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent};

use super::console::{Heard, Opening};
use super::script::{End, Script};
use source::{Next, Source};

mod source;

/// Handed over and not yet answered; the session sends them in order.
const WINDOW: usize = 64;
/// The same in bytes of payload. One may be larger.
const WINDOW_BYTES: usize = 4 << 20;
/// A broker that hangs up at a publish hangs up again when it is sent again.
const BREAKS: u32 = 2;
/// What is late by more than this stays late: after an outage no burst makes up for it.
const LATE: Duration = Duration::from_secs(1);
/// Nobody waits longer for a message, whatever a recording says.
const AGES: Duration = Duration::from_hours(24 * 365);
/// Troubles that are told one by one; the rest is counted.
pub(super) const TOLD: u64 = 10;

pub(super) async fn run(script: &mut Script<'_>, verb: &ReplayVerb) -> Result<Exit, End> {
    let profile = script.begin_with("replay", |can| can.publish)?;
    script.console.open_replay(&verb.from)?;
    let mut source = Source::new(verb, script.console.now().wall, script.console.pins());
    // A file that is no recording says so before anything is connected.
    let first = source.next(script).await?;
    if verb.dry_run {
        return rehearse(script, &profile, source, first).await;
    }
    let Some(first) = first else {
        return source.finish(script, 0, "published", None);
    };
    script.console.open(Opening {
        manual_ack: true,
        filters: Vec::new(),
        bare: true,
    });
    let mut replay = Replay {
        source,
        next: Some(first),
        pace: Pace {
            speed: verb.speed,
            last: None,
        },
        due: None,
        waiting: BTreeMap::new(),
        waiting_bytes: 0,
        sent: 0,
        published: 0,
        refused: Refused::default(),
        plain: speaks_without_properties(&profile),
        stripped: 0,
        connected: false,
        breaks: 0,
        notes: BTreeSet::new(),
    };
    replay.run(script).await
}

/// The lines of what would be published, as they would be.
async fn rehearse(
    script: &mut Script<'_>,
    profile: &Profile,
    mut source: Source<'_>,
    mut next: Option<Next>,
) -> Result<Exit, End> {
    let origin = Origin {
        profile: &profile.name,
        platform: profile.platform(),
    };
    let mut count = 0;
    while let Some(Next { draft, at, .. }) = next {
        let message = Message {
            at,
            direction: Direction::Out,
            topic: draft.topic,
            payload: draft.payload,
            qos: draft.qos,
            retain: draft.retain,
            dup: false,
            ack: None,
            properties: draft.properties,
            session: false,
        };
        let line = encode(&message, &Reading::default(), origin, None);
        script.console.out(&line).await?;
        count += 1;
        next = source.next(script).await?;
    }
    source.finish(script, count, "would be published", None)
}

fn speaks_without_properties(profile: &Profile) -> bool {
    profile.settings.version() == Version::V311
}

/// When each message is due.
struct Pace {
    speed: Speed,
    /// The one before: when it was recorded, and when it was due.
    last: Option<(Timestamp, Mono)>,
}

impl Pace {
    fn due(&mut self, recorded: Timestamp, now: Mono) -> Mono {
        let due = match (self.speed, self.last) {
            (Speed::Max, _) | (_, None) => now,
            (Speed::Times(times), Some((before, due))) => {
                // Where the clock was put back, it goes on at once.
                let distance = before.until(recorded).as_secs_f64() / times;
                due.plus(Duration::try_from_secs_f64(distance).map_or(AGES, |far| far.min(AGES)))
            }
        };
        let due = if now.since(due) > LATE { now } else { due };
        self.last = Some((recorded, due));
        due
    }
}

/// Messages that the session or the broker did not take.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<Problem>,
}

struct Replay<'a> {
    source: Source<'a>,
    /// `None`: there are no more.
    next: Option<Next>,
    pace: Pace,
    /// When `next` is due, once there is a connection.
    due: Option<Mono>,
    /// Line number and length of the payload of each.
    waiting: BTreeMap<ReceiptId, (u64, usize)>,
    waiting_bytes: usize,
    sent: u64,
    published: u64,
    refused: Refused,
    /// The connection has no MQTT 5 properties.
    plain: bool,
    /// Messages that had some.
    stripped: u64,
    connected: bool,
    /// Connections that ended since the last good word.
    breaks: u32,
    /// The broker's remarks, each told once.
    notes: BTreeSet<String>,
}

impl Replay<'_> {
    async fn run(&mut self, script: &mut Script<'_>) -> Result<Exit, End> {
        loop {
            self.send(script);
            if self.next.is_none() {
                if !self.source.has_ended() {
                    script.console.want_piece();
                } else if self.waiting.is_empty() {
                    return self.finish(script);
                }
            }
            match script.console.next(self.wake()).await {
                Heard::Piece(piece) => self.next = self.source.take(script, piece)?,
                Heard::Session(SessionEvent::Receipt { id, result }) => {
                    self.receipt(script, id, result);
                }
                Heard::Session(SessionEvent::Link(link)) => self.link(script, link)?,
                Heard::Session(SessionEvent::Fact(fact)) | Heard::Fact(fact) => script.tell(&fact),
                Heard::Interrupt => return Err(self.interrupted(script)),
                Heard::Session(_) | Heard::Reply(..) | Heard::Left | Heard::Deadline => {}
            }
        }
    }

    fn may_send(&self) -> bool {
        let bytes = self.next.as_ref().map_or(0, |n| n.draft.payload.len());
        self.connected
            && self.waiting.len() < WINDOW
            && (self.waiting.is_empty() || self.waiting_bytes + bytes <= WINDOW_BYTES)
    }

    /// The next one, when it is due.
    fn send(&mut self, script: &mut Script<'_>) {
        if !self.may_send() {
            return;
        }
        let Some(next) = self.next.take() else {
            return;
        };
        let now = script.console.now().mono;
        let due = *self.due.get_or_insert_with(|| self.pace.due(next.at, now));
        if due > now {
            self.next = Some(next);
            return;
        }
        self.due = None;
        self.publish(script, next);
    }

    fn publish(&mut self, script: &mut Script<'_>, next: Next) {
        let Next {
            line, mut draft, ..
        } = next;
        if self.plain && draft.properties.take().is_some() {
            self.stripped += 1;
        }
        self.sent += 1;
        let id = ReceiptId(self.sent);
        self.waiting_bytes += draft.payload.len();
        self.waiting.insert(id, (line, draft.payload.len()));
        script.console.command(SessionCommand::Publish(id, draft));
    }

    fn wake(&self) -> Option<Mono> {
        self.due.filter(|_| self.may_send())
    }

    fn receipt(
        &mut self,
        script: &mut Script<'_>,
        id: ReceiptId,
        result: Result<Delivered, Problem>,
    ) {
        let Some((line, bytes)) = self.waiting.remove(&id) else {
            return;
        };
        self.waiting_bytes -= bytes;
        match result {
            Ok(delivered) => {
                self.breaks = 0;
                self.published += 1;
                if let Some(note) = delivered.note
                    && self.notes.insert(note.clone())
                {
                    script.say(&format!("{}: {note}", self.source.place(line)));
                }
            }
            Err(problem) => {
                self.refused.count += 1;
                if self.refused.count <= TOLD {
                    let place = self.source.place(line);
                    script.say(&format!("{place}: not published: {}", problem.line()));
                }
                self.refused.first.get_or_insert(problem);
            }
        }
    }

    fn link(&mut self, script: &mut Script<'_>, link: LinkState) -> Result<(), End> {
        let was_connected = self.connected || self.sent > 0;
        self.connected = link.is_up();
        match link {
            LinkState::Reconnecting { why, .. } if !was_connected => return Err(why.into()),
            LinkState::Reconnecting { at, why, .. } => {
                self.breaks += 1;
                if self.breaks >= BREAKS && !self.waiting.is_empty() {
                    return Err(self.hung_up(&why).into());
                }
                script.say_reconnecting(at, &why);
            }
            LinkState::Refused(why) | LinkState::TakenOver(why) => return Err(why.into()),
            LinkState::Closed => {
                let what = "the replay ended before its end";
                let cause = "the session was closed";
                return Err(Problem::new(what, cause, "the log file tells why").into());
            }
            _ => {}
        }
        Ok(())
    }

    fn hung_up(&self, why: &Problem) -> Problem {
        let lines: Vec<u64> = self.waiting.values().map(|(line, _)| *line).collect();
        let place = self
            .source
            .place(lines.first().copied().unwrap_or_default());
        let cause = format!(
            "the connection broke {BREAKS} times at {place} or soon after, the last time with: {}",
            why.cause
        );
        let what = format!("only {} messages were published", self.published);
        let remedy = "the broker may not allow this topic to this client: check its policy, or leave the topic out with --where";
        Problem::new(what, cause, remedy).exit(Exit::Refused)
    }

    fn interrupted(&self, script: &mut Script<'_>) -> End {
        script.say(&format!("{} messages were published", self.published));
        End::Interrupted
    }

    fn finish(&mut self, script: &mut Script<'_>) -> Result<Exit, End> {
        if self.stripped > 0 {
            script.say(&format!(
                "{} messages went without their MQTT 5 properties: this profile speaks 3.1.1 (version = \"5\", or --mqtt-version 5 with --url)",
                self.stripped
            ));
        }
        let refused = self.refused.first.take().map(|first| {
            let what = match self.refused.count {
                1 => "1 message was not published".to_owned(),
                many => format!("{many} messages were not published"),
            };
            Problem::new(what, first.cause, first.remedy).exit(first.exit)
        });
        self.source
            .finish(script, self.published, "published", refused)
    }
}

/// As people call it.
pub(super) fn name(from: &Place) -> String {
    match from {
        Place::Standard => "stdin".to_owned(),
        Place::File(path) => path.display().to_string(),
    }
}

/// A message as it is to be published: never marked as sent before, and without what only a broker says.
pub(super) fn draft(
    topic: crate::domain::topic::Topic,
    qos: Qos,
    line: crate::domain::line::MessageLine,
) -> Draft {
    let properties = line.properties.map(|mut properties| {
        properties.subscription_ids.clear();
        properties
    });
    Draft {
        retain: line.retain,
        properties: properties.filter(|properties| !properties.is_empty()),
        ..Draft::new(topic, line.payload, qos)
    }
}
