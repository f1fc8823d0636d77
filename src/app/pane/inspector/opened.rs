//! The opened message: a copy that stays, and what is copied of it.

use bytes::Bytes;

use crate::app::effect::Effect;
use crate::app::pending::Purpose;
use crate::app::screen::{PaneId, Role};
use crate::app::state::App;
use crate::base::moment::Timestamp;
use crate::domain::decode::Chain;
use crate::domain::device::DeviceId;
use crate::domain::line::{self, Origin};
use crate::domain::message::{Direction, Message, Properties, Qos};
use crate::domain::profile::PlatformId;
use crate::domain::program::Program;
use crate::domain::reading::{Kind, Reading};
use crate::domain::topic::Topic;
use crate::store::ring::{Kept, Seq};

/// A copy: what is read stays, also when the ring has moved past it.
#[derive(Debug, Clone)]
pub(in super::super::super) struct Opened {
    pub(super) seq: Seq,
    pub(super) at: Timestamp,
    pub(in super::super::super) topic: String,
    pub(super) device: Option<u32>,
    pub(super) kind: Kind,
    pub(super) gist: String,
    pub(in super::super::super) payload: Bytes,
    pub(super) length: u64,
    pub(in super::super::super) qos: Qos,
    pub(in super::super::super) retain: bool,
    pub(super) dup: bool,
    pub(super) direction: Direction,
    pub(super) mask: Vec<&'static str>,
    pub(in super::super::super) properties: Option<Box<Properties>>,
    /// The broker had kept it for a session of ours.
    pub(super) session: bool,
}

impl Opened {
    pub(super) fn new(kept: &Kept<'_>) -> Self {
        Self {
            seq: kept.seq,
            at: kept.at,
            topic: kept.topic.to_owned(),
            device: kept.device,
            kind: kept.kind,
            gist: kept.gist.to_owned(),
            payload: Bytes::copy_from_slice(kept.payload),
            length: kept.length,
            qos: kept.qos,
            retain: kept.retain,
            dup: kept.dup,
            direction: if kept.outgoing {
                Direction::Out
            } else {
                Direction::In
            },
            mask: kept.mask.to_vec(),
            properties: kept.properties(),
            session: kept.session,
        }
    }

    /// `QoS 1, retained`
    pub(super) fn flags(&self) -> String {
        let mut flags = vec![format!("QoS {}", self.qos.number())];
        for (set, word) in [
            (self.retain, "retained"),
            (self.dup, "dup"),
            (self.session, "from the kept session"),
            (self.direction == Direction::Out, "sent"),
        ] {
            if set {
                flags.push(word.to_owned());
            }
        }
        flags.join(", ")
    }

    /// What MQTT 5 adds, a line each: outside text.
    pub(super) fn property_lines(&self) -> Vec<(&'static str, String)> {
        /// User properties shown: a message may carry thousands.
        const USER: usize = 8;
        /// Characters of each value.
        const LONGEST: usize = 400;
        let Some(properties) = self.properties.as_deref() else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let mut add = |name, value: String| {
            let mut shown: String = value.chars().take(LONGEST).collect();
            if shown.len() < value.len() {
                shown.push('…');
            }
            out.push((name, shown));
        };
        if let Some(utf8) = properties.utf8 {
            add("format", if utf8 { "UTF-8" } else { "bytes" }.to_owned());
        }
        if let Some(text) = &properties.content_type {
            add("content type", text.clone());
        }
        if let Some(text) = &properties.response_topic {
            add("response topic", text.clone());
        }
        if let Some(data) = &properties.correlation_data {
            add("correlation", shown_bytes(data));
        }
        if let Some(expiry) = properties.expiry {
            add("expiry", format!("{expiry} s"));
        }
        for (name, value) in properties.user.iter().take(USER) {
            add("user", format!("{name} = {value}"));
        }
        if properties.user.len() > USER {
            let more = properties.user.len() - USER;
            add("user", format!("and {more} more (Y copies all)"));
        }
        if !properties.subscription_ids.is_empty() {
            let ids = properties.subscription_ids.iter().take(USER);
            let ids: Vec<_> = ids.map(u32::to_string).collect();
            add("subscription", ids.join(", "));
        }
        out
    }

    pub(in super::super::super) fn is_cut(&self) -> bool {
        self.length > self.payload.len() as u64
    }
}

/// What the lines of the inspector are made of.
pub(in super::super::super) enum FieldOf {
    Payload(Bytes),
    /// What a jq program has made of the payload, and how that is read.
    Output(Program, Bytes, Chain),
}

/// Text as it is, anything else in hex.
fn shown_bytes(bytes: &[u8]) -> String {
    /// Bytes shown.
    const SHOWN: usize = 64;
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => {
            let pairs = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}"));
            let more = if bytes.len() > SHOWN { "…" } else { "" };
            format!("{}{more}", pairs.collect::<String>())
        }
    }
}

impl App {
    /// Topic, device, what is shown, and the path in it of the value under the cursor.
    pub(in super::super::super) fn field_at_hand(
        &self,
    ) -> Option<(String, Option<u32>, FieldOf, String)> {
        let opened = self.inspector.opened.as_ref()?;
        if !opened.mask.is_empty() || opened.direction == Direction::Out {
            return None;
        }
        let path = self.inspector.path().concat();
        if self.inspector.is_pointed() && self.inspector.entry().is_none() {
            return None;
        }
        let topic = opened.topic.clone();
        let program = self.sieve.program_for(&topic).cloned();
        let output = self.through_program(opened.seq, &topic, &opened.payload);
        let shown = match (program, output) {
            (Some(program), Some((output, Some(chain)))) => FieldOf::Output(program, output, chain),
            _ => FieldOf::Payload(opened.payload.clone()),
        };
        Some((topic, opened.device, shown, path))
    }

    pub(in super::super::super) fn opened_topic(&self) -> Option<String> {
        let opened = self.inspector.opened.as_ref()?;
        Some(opened.topic.clone())
    }

    /// The opened message and the one that it is compared with, as far as a program may see them.
    pub(in super::super::super) fn inspected(&self) -> Vec<(Seq, &str, &Bytes)> {
        let pane = &self.inspector;
        if self.layout().area(PaneId::Inspector).is_none() {
            return Vec::new();
        }
        let Some(opened) = pane.opened.as_ref().filter(|o| o.mask.is_empty()) else {
            return Vec::new();
        };
        let before = pane
            .marked
            .as_ref()
            .filter(|m| m.seq != opened.seq && m.mask.is_empty());
        let mut out = vec![(opened.seq, opened.topic.as_str(), &opened.payload)];
        if let Some(marked) = before {
            out.push((marked.seq, marked.topic.as_str(), &marked.payload));
        } else if let Some((_, Some(before))) = &pane.before {
            out.push((before.seq, before.topic.as_str(), &before.payload));
        }
        out
    }

    pub(in super::super::super) fn device_of_inspector(&self) -> Option<DeviceId> {
        let number = self.inspector.opened.as_ref()?.device?;
        self.home.devices.id_of(number).cloned()
    }

    /// In the inspector what it shows; in the stream the selected message, or the last one of the selected topic.
    pub(in super::super::super) fn message_at_hand(&self) -> Option<Opened> {
        if self.focus == PaneId::Inspector {
            return self.inspector.opened.clone();
        }
        self.row_at_hand()
            .filter(|k| k.gap.is_none())
            .map(|k| Opened::new(&k))
    }

    pub(in super::super::super) fn copy_payload(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to copy");
        };
        if !message.mask.is_empty() {
            return self.say(Role::Warn, "this payload holds a secret and is not copied");
        }
        if message.is_cut() {
            return self.say(Role::Warn, "only the beginning of this message was kept");
        }
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::CopyBytes(id, message.payload));
    }

    pub(in super::super::super) fn save_payload(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to save");
        };
        if !message.mask.is_empty() {
            return self.say(Role::Warn, "this payload holds a secret and is not saved");
        }
        if message.is_cut() {
            return self.say(Role::Warn, "only the beginning of this message was kept");
        }
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::SaveBytes(id, message.payload));
    }

    pub(in super::super::super) fn copy_message(&mut self) {
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message to copy");
        };
        if message.is_cut() {
            return self.say(Role::Warn, "only the beginning of this message was kept");
        }
        let text = self.line_of(message);
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::Copy(id, text));
    }

    /// The JSON line of `interface.md`, section 4; what is to be masked is masked in it.
    fn line_of(&self, opened: Opened) -> String {
        let profile = self.profile();
        let origin = Origin {
            profile: profile.map_or("", |p| &p.name),
            platform: profile.map_or(PlatformId::Thinq, |p| p.platform),
        };
        let device = opened.device.and_then(|n| self.home.devices.id_of(n));
        let name = opened.device.map(|n| self.home.devices.label_of(n));
        let reading = Reading {
            kind: opened.kind,
            device: device.cloned(),
            mask: opened.mask,
            ..Reading::default()
        };
        let message = Message {
            at: opened.at,
            direction: opened.direction,
            topic: Topic::received(&opened.topic),
            payload: opened.payload,
            qos: opened.qos,
            retain: opened.retain,
            dup: opened.dup,
            ack: None,
            properties: opened.properties,
            session: opened.session,
        };
        line::encode(&message, &reading, origin, name)
    }
}
