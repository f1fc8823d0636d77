//! `publish`: one message, or the same again and again, each until the broker's word on it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::base::dice::Dice;
use crate::base::moment::{Mono, Timestamp};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::cli::verb::{PayloadSource, PublishVerb};
use crate::domain::message::{Draft, Qos};
use crate::domain::placeholder::{Pattern, Values};
use crate::domain::profile::{Profile, Settings, Version};
use crate::domain::session::{Delivered, LinkState, ReceiptId, SessionCommand, SessionEvent};

use super::console::{Heard, Opening};
use super::script::{End, Script};

/// Handed over and not yet answered; the session sends them in order.
const WINDOW: usize = 64;
/// The same in bytes of payload, well below what a session takes before it calls itself busy. One may be larger.
const WINDOW_BYTES: usize = 4 << 20;

/// A broker that hangs up at a publish hangs up again when it is sent again (AWS IoT, for a topic outside the policy).
const BREAKS: u32 = 2;

pub(super) async fn run(script: &mut Script<'_>, verb: &PublishVerb) -> Result<Exit, End> {
    let profile = script.begin_with("publish", |can| can.publish)?;
    check_version(verb, &profile)?;
    let payload = payload(script, &verb.payload).await?;
    let content = if verb.expand {
        Content::Anew(Box::new(Anew::read(script, &payload)?))
    } else {
        Content::Same(payload)
    };
    // Nothing is subscribed and nothing acknowledged: what a kept session holds comes again to whoever reads it.
    script.console.open(Opening {
        manual_ack: true,
        filters: Vec::new(),
        bare: true,
    });
    let total = match (verb.repeat, verb.every) {
        (Some(times), _) => Some(times),
        (None, None) => Some(1),
        (None, Some(_)) => None,
    };
    let mut publisher = Publisher {
        verb,
        content,
        total,
        endless: total.is_none(),
        sent: 0,
        waiting: BTreeMap::new(),
        waiting_bytes: 0,
        last_bytes: 0,
        due: None,
        connected: false,
        ever_connected: false,
        breaks: 0,
        note: None,
    };
    publisher.run(script).await
}

fn check_version(verb: &PublishVerb, profile: &Profile) -> Result<(), Problem> {
    match &profile.settings {
        Settings::Mqtt(settings)
            if settings.version == Version::V311 && !verb.properties.is_empty() =>
        {
            Err(Problem::new(
                "the message is not published",
                "content type, response topic, correlation, expiry and user properties need MQTT 5, and this profile speaks 3.1.1",
                "write version = \"5\" in the profile (with --url: --mqtt-version 5), or leave them out",
            )
            .exit(Exit::Usage))
        }
        _ => Ok(()),
    }
}

async fn payload(script: &mut Script<'_>, source: &PayloadSource) -> Result<Bytes, Problem> {
    match source {
        PayloadSource::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        PayloadSource::File(path) => script.console.read_file(path),
        PayloadSource::Stdin => script.console.read_stdin().await,
    }
}

/// What is sent each time.
enum Content {
    Same(Bytes),
    Anew(Box<Anew>),
}

/// A text with placeholders.
struct Anew {
    pattern: Pattern,
    dice: Dice,
    variables: BTreeMap<String, Option<Secret>>,
}

impl Anew {
    fn read(script: &Script<'_>, payload: &[u8]) -> Result<Self, Problem> {
        let wrong = |cause: String| {
            let remedy = "correct the placeholders, or leave --expand out";
            Problem::new("the payload cannot be expanded", cause, remedy).exit(Exit::Usage)
        };
        let text = std::str::from_utf8(payload).map_err(|why| wrong(why.to_string()))?;
        let pattern = Pattern::parse(text).map_err(|why| wrong(why.to_string()))?;
        let variables: BTreeMap<_, _> = pattern
            .variables()
            .map(|name| (name.to_owned(), script.console.variable(name)))
            .collect();
        if let Some((name, _)) = variables.iter().find(|(_, value)| value.is_none()) {
            return Err(wrong(format!("the variable {name} is not set")));
        }
        Ok(Self {
            pattern,
            dice: Dice::new(script.console.seed()),
            variables,
        })
    }

    fn expand(&mut self, now: Timestamp, seq: u64) -> Bytes {
        let mut values = Values {
            now,
            seq,
            dice: &mut self.dice,
            variables: &self.variables,
        };
        // Every variable is there: it was looked for before anything was opened.
        Bytes::from(self.pattern.expand(&mut values).unwrap_or_default())
    }
}

struct Publisher<'a> {
    verb: &'a PublishVerb,
    content: Content,
    /// `None`: until it is interrupted.
    total: Option<u64>,
    endless: bool,
    sent: u64,
    /// With the length of each payload.
    waiting: BTreeMap<ReceiptId, usize>,
    waiting_bytes: usize,
    /// Of the payload before: the next one is about as long.
    last_bytes: usize,
    /// When the next one may go; `None`: now.
    due: Option<Mono>,
    connected: bool,
    ever_connected: bool,
    /// Connections that ended since the last good word.
    breaks: u32,
    /// The broker's remark, told once.
    note: Option<String>,
}

impl Publisher<'_> {
    async fn run(&mut self, script: &mut Script<'_>) -> Result<Exit, End> {
        loop {
            self.send(script);
            if self.is_done() {
                return Ok(Exit::Done);
            }
            match script.console.next(self.wake()).await {
                Heard::Session(SessionEvent::Receipt { id, result }) => {
                    self.receipt(script, id, result)?;
                }
                Heard::Session(SessionEvent::Link(link)) => self.link(script, link)?,
                Heard::Session(SessionEvent::Fact(fact)) | Heard::Fact(fact) => script.tell(&fact),
                Heard::Interrupt => self.interrupted()?,
                Heard::Session(_)
                | Heard::Reply(..)
                | Heard::Piece(_)
                | Heard::Left
                | Heard::Deadline => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.total.is_some_and(|total| self.sent >= total)
    }

    fn may_send(&self) -> bool {
        self.connected
            && self.waiting.len() < WINDOW
            && (self.waiting.is_empty() || self.waiting_bytes + self.last_bytes <= WINDOW_BYTES)
            && self.total.is_none_or(|total| self.sent < total)
    }

    fn send(&mut self, script: &mut Script<'_>) {
        let now = script.console.now().mono;
        while self.may_send() && self.due.is_none_or(|due| due <= now) {
            self.sent += 1;
            let id = ReceiptId(self.sent);
            let draft = self.draft(script.console.now().wall);
            self.last_bytes = draft.payload.len();
            self.waiting_bytes += self.last_bytes;
            self.waiting.insert(id, self.last_bytes);
            script.console.command(SessionCommand::Publish(id, draft));
            // What was late stays late: no burst makes up for it.
            self.due = self
                .verb
                .every
                .map(|every| self.due.unwrap_or(now).plus(every).max(now));
        }
    }

    fn draft(&mut self, now: Timestamp) -> Draft {
        let payload = match &mut self.content {
            Content::Same(payload) => payload.clone(),
            Content::Anew(content) => content.expand(now, self.sent),
        };
        let properties = &self.verb.properties;
        Draft {
            retain: self.verb.retain,
            properties: (!properties.is_empty()).then(|| Box::new(properties.clone())),
            ..Draft::new(self.verb.topic.clone(), payload, self.verb.qos)
        }
    }

    fn wake(&self) -> Option<Mono> {
        self.due.filter(|_| self.may_send())
    }

    fn receipt(
        &mut self,
        script: &mut Script<'_>,
        id: ReceiptId,
        result: Result<Delivered, Problem>,
    ) -> Result<(), End> {
        let Some(bytes) = self.waiting.remove(&id) else {
            return Ok(());
        };
        self.waiting_bytes -= bytes;
        let delivered = result?;
        self.breaks = 0;
        if delivered.note.is_some() && delivered.note != self.note {
            self.note = delivered.note;
            script.say(self.note.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    fn link(&mut self, script: &mut Script<'_>, link: LinkState) -> Result<(), End> {
        self.connected = link.is_up();
        match link {
            LinkState::Connected { .. } => self.ever_connected = true,
            LinkState::Reconnecting { why, .. } if !self.ever_connected => return Err(why.into()),
            LinkState::Reconnecting { at, why, .. } => {
                self.breaks += 1;
                if self.breaks >= BREAKS && !self.waiting.is_empty() {
                    return Err(self.hung_up(&why).into());
                }
                script.say_reconnecting(at, &why);
            }
            LinkState::Refused(why) | LinkState::TakenOver(why) => return Err(why.into()),
            LinkState::Closed => {
                let cause = "the session was closed";
                return Err(Problem::new(self.what(), cause, "the log file tells why").into());
            }
            _ => {}
        }
        Ok(())
    }

    fn what(&self) -> String {
        format!("could not publish to {}", self.verb.topic)
    }

    fn hung_up(&self, why: &Problem) -> Problem {
        let cause = format!(
            "the connection broke {BREAKS} times while it was being published, the last time with: {}",
            why.cause
        );
        let remedy = "the broker may not allow this topic to this client: check its policy";
        Problem::new(self.what(), cause, remedy).exit(Exit::Refused)
    }

    /// Who publishes without end ends it so; anything else is cut off.
    fn interrupted(&mut self) -> Result<(), End> {
        if !self.endless || !self.ever_connected || self.total.is_some() {
            return Err(End::Interrupted);
        }
        if self.verb.qos == Qos::AtMostOnce || !self.connected {
            self.waiting.clear();
            self.waiting_bytes = 0;
        }
        self.total = Some(self.sent);
        Ok(())
    }
}
