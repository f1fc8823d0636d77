//! A message that is being written: its fields as text ([`Sheet`]), what is wrong with them, and what they come to.
//!
//! Nothing here is sent that a broker would have to refuse: every reason is said before ([`Sheet::findings`]).

mod bytes;
mod keep;
mod properties;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ::bytes::Bytes;

use super::message::{Draft, Properties, Qos};
use super::payload::{self, Format};
use super::placeholder::{self, Pattern, Values};
use super::profile::Version;
use super::topic::{MAX_BYTES, Topic, TopicFilter};

pub use keep::{Entry, HISTORY, Template, TemplateError};
pub use properties::{PropertyTexts, correlation_bytes};

/// Largest payload of a PUBLISH: what its remaining length can say (MQTT 3.1.1, 2.2.3).
pub const MAX_PAYLOAD: usize = 268_435_455;
/// Received payloads longer than this are not opened for writing.
const LONGEST_OPENED: usize = 1024 * 1024;
/// In hex up to here, because single bytes can be found in it; base64 beyond.
const HEX_UP_TO: usize = 4096;

/// What the payload's text means.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PayloadKind {
    /// The text itself, placeholders expanded.
    #[default]
    Text,
    Hex,
    Base64,
    /// The path of a file, whose bytes are sent as they are.
    File,
}

impl PayloadKind {
    pub const ALL: [Self; 4] = [Self::Text, Self::Hex, Self::Base64, Self::File];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::File => "file",
        }
    }
}

/// The composer's fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sheet {
    pub topic: String,
    pub kind: PayloadKind,
    pub payload: String,
    pub qos: Qos,
    pub retain: bool,
    pub properties: PropertyTexts,
}

/// Which field a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    Topic,
    Payload,
    Properties,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weight {
    /// It can be sent; the person may want to know.
    Hint,
    /// It is not sent like this.
    Refusal,
}

/// What is to be said about a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
    pub weight: Weight,
    pub words: String,
}

impl Finding {
    fn refusal(place: Place, words: impl Into<String>) -> Self {
        Self {
            place,
            weight: Weight::Refusal,
            words: words.into(),
        }
    }

    fn hint(place: Place, words: impl Into<String>) -> Self {
        Self {
            place,
            weight: Weight::Hint,
            words: words.into(),
        }
    }
}

impl Sheet {
    pub fn is_empty(&self) -> bool {
        self.topic.is_empty() && self.payload.is_empty() && self.properties.is_empty()
    }

    /// A received message, ready to be sent again byte for byte. `Err` says why not.
    pub fn of_message(
        topic: &str,
        payload: &[u8],
        qos: Qos,
        retain: bool,
        properties: Option<&Properties>,
    ) -> Result<Self, String> {
        if payload.len() > LONGEST_OPENED {
            return Err(format!(
                "its payload of {} bytes is too long to be edited; {LONGEST_OPENED} are the most",
                payload.len()
            ));
        }
        let (kind, payload) = match std::str::from_utf8(payload) {
            Ok(text) if payload::format(payload) != Format::Binary => {
                (PayloadKind::Text, placeholder::escape(text))
            }
            _ if payload.len() <= HEX_UP_TO => (PayloadKind::Hex, bytes::hex_text(payload)),
            _ => (PayloadKind::Base64, bytes::base64_text(payload)),
        };
        Ok(Self {
            topic: placeholder::escape(topic),
            kind,
            payload,
            qos,
            retain,
            properties: properties.map(PropertyTexts::of).unwrap_or_default(),
        })
    }

    /// Names of the environment's variables that it needs.
    pub fn variables(&self) -> Vec<String> {
        let texts = [
            Some(&self.topic),
            (self.kind == PayloadKind::Text).then_some(&self.payload),
        ];
        let patterns: Vec<_> = texts
            .into_iter()
            .flatten()
            .filter_map(|text| Pattern::parse(text).ok())
            .collect();
        let names: BTreeSet<_> = patterns.iter().flat_map(Pattern::variables).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The path that its bytes come from.
    pub fn file(&self) -> Option<&str> {
        (self.kind == PayloadKind::File).then(|| self.payload.trim())
    }

    /// All that can be said before it is sent; refusals first.
    pub fn findings(&self, version: Version) -> Vec<Finding> {
        let mut found = Vec::new();
        self.check_topic(&mut found);
        if let Err(why) = self.check_payload() {
            found.push(Finding::refusal(Place::Payload, why));
        }
        if version == Version::V311 && !self.properties.is_empty() {
            let words = "properties need MQTT 5, and this connection speaks 3.1.1: clear them, or set version = \"5\" in the profile";
            found.push(Finding::refusal(Place::Properties, words));
        } else if let Err(why) = self.properties.read() {
            found.push(Finding::refusal(Place::Properties, why));
        }
        if self.retain && self.payload.is_empty() && self.kind != PayloadKind::File {
            let words = "empty and retained: the broker forgets its retained message";
            found.push(Finding::hint(Place::Payload, words));
        }
        found.sort_by_key(|finding| finding.weight != Weight::Refusal);
        found
    }

    fn check_topic(&self, found: &mut Vec<Finding>) {
        let refuse = |why: String| Finding::refusal(Place::Topic, why);
        let pattern = match Pattern::parse(&self.topic) {
            Ok(pattern) => pattern,
            Err(error) => return found.push(refuse(error.words)),
        };
        if pattern.is_plain() {
            let text: String = pattern.literals().collect();
            match topic_trouble(&text) {
                Some(why) => found.push(refuse(why)),
                None => found.extend(topic_hint(&text).map(|h| Finding::hint(Place::Topic, h))),
            }
        } else if let Some(why) = pattern.literals().find_map(topic_trouble) {
            found.push(refuse(why));
        }
    }

    fn check_payload(&self) -> Result<(), String> {
        match self.kind {
            PayloadKind::Text => Pattern::parse(&self.payload).map_or_else(
                |error| {
                    Err(format!(
                        "{}: {}",
                        place_of(&self.payload, error.at),
                        error.words
                    ))
                },
                |_| Ok(()),
            ),
            PayloadKind::Hex => bytes::from_hex(&self.payload).map(|_| ()),
            PayloadKind::Base64 => bytes::from_base64(&self.payload).map(|_| ()),
            PayloadKind::File if self.payload.trim().is_empty() => {
                Err("name the file whose bytes are to be sent".to_owned())
            }
            PayloadKind::File => Ok(()),
        }
    }

    /// The message itself. `file`: the bytes of [`Self::file`], read by whoever can.
    pub fn draft(
        &self,
        version: Version,
        values: &mut Values<'_>,
        file: Option<&Bytes>,
    ) -> Result<Draft, Finding> {
        if let Some(refusal) = self
            .findings(version)
            .into_iter()
            .find(|f| f.weight == Weight::Refusal)
        {
            return Err(refusal);
        }
        let topic = expand(&self.topic, Place::Topic, values)?;
        if let Some(why) = topic_trouble(&topic) {
            return Err(Finding::refusal(Place::Topic, why));
        }
        let topic =
            Topic::parse(&topic).map_err(|why| Finding::refusal(Place::Topic, why.to_string()))?;
        let refuse = |why: String| Finding::refusal(Place::Payload, why);
        let payload = match self.kind {
            PayloadKind::Text => expand(&self.payload, Place::Payload, values)?.into(),
            PayloadKind::Hex => bytes::from_hex(&self.payload).map_err(refuse)?.into(),
            PayloadKind::Base64 => bytes::from_base64(&self.payload).map_err(refuse)?.into(),
            PayloadKind::File => file
                .cloned()
                .ok_or_else(|| refuse("the file was not read".to_owned()))?,
        };
        if payload.len() > MAX_PAYLOAD {
            let words = format!(
                "{} bytes are more than MQTT can carry ({MAX_PAYLOAD})",
                payload.len()
            );
            return Err(refuse(words));
        }
        let properties = self
            .properties
            .read()
            .map_err(|why| Finding::refusal(Place::Properties, why))?;
        let mut draft = Draft::new(topic, payload, self.qos);
        draft.retain = self.retain;
        draft.properties = (!properties.is_empty()).then(|| Box::new(properties));
        Ok(draft)
    }
}

fn expand(text: &str, place: Place, values: &mut Values<'_>) -> Result<String, Finding> {
    let pattern = Pattern::parse(text).map_err(|error| Finding::refusal(place, error.words))?;
    pattern
        .expand(values)
        .map_err(|name| Finding::refusal(place, format!("the environment has no variable {name}")))
}

/// Why a topic, or a part of one, cannot be published to.
pub fn topic_trouble(text: &str) -> Option<String> {
    if let Err(why) = Topic::parse(text) {
        return Some(format!("no topic to publish to: {why}"));
    }
    forbidden(text).map(|c| {
        format!(
            "no topic to publish to: it holds the control character U+{:04X}, for which a broker may hang up (MQTT 1.5.4)",
            u32::from(c)
        )
    })
}

/// Characters that a receiver may close the connection for (MQTT 5, 1.5.4; 3.1.1, 1.5.3).
fn forbidden(text: &str) -> Option<char> {
    text.chars().find(|c| {
        let number = u32::from(*c);
        c.is_control() || (0xfdd0..=0xfdef).contains(&number) || number & 0xfffe == 0xfffe
    })
}

fn topic_hint(text: &str) -> Option<String> {
    let hint = if text.starts_with("$SYS/") {
        "$SYS is the broker's own: few brokers let others publish to it"
    } else if text.starts_with("$share/") {
        "$share/ means something in a filter only; as a topic it is a name like any other"
    } else if text.starts_with('$') {
        "topics that begin with $ are not delivered for # and +"
    } else if text.starts_with('/') {
        "the first level is empty: /a and a are two topics"
    } else if text != text.trim() {
        "a blank at an end belongs to the topic"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// A filter for everything below a topic, the topic itself included (MQTT 3.1.1, 4.7.1.2).
pub fn below(topic: &str) -> Result<TopicFilter, String> {
    let topic = topic.trim_end_matches('#').trim_end_matches('/');
    if topic.is_empty() {
        return Err("name a topic: everything below it is meant".to_owned());
    }
    if let Some(why) = topic_trouble(topic) {
        return Err(why);
    }
    TopicFilter::parse(&format!("{topic}/#")).map_err(|why| why.to_string())
}

/// `line 2, column 5`, from 1, columns in characters.
fn place_of(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).map_or(0, |l| l.chars().count()) + 1;
    format!("line {line}, column {column}")
}

/// Whether a text fits where MQTT has a two-byte length and no NUL.
fn short_text(name: &str, text: &str) -> Result<(), String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "{name} is {} bytes long; at most 65,535 fit",
            text.len()
        ));
    }
    match forbidden(text) {
        Some(c) => Err(format!(
            "{name} holds the control character U+{:04X}",
            u32::from(c)
        )),
        None => Ok(()),
    }
}
