//! Sheets as they are kept: one JSON object a line (history, the unsent draft), and the tables of `templates.toml`.

use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table, Value as Toml};

use super::{PayloadKind, PropertyTexts, Sheet};
use crate::base::moment::Timestamp;
use crate::domain::message::Qos;

/// Entries of the history.
pub const HISTORY: usize = 200;
/// A longer line is not written: the history is for what a person types.
const LONGEST_LINE: usize = 256 * 1024;

/// One line of the history, or the draft. Placeholders stand in it as they were typed, never as what they became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was sent or put aside.
    pub at: Timestamp,
    pub sent: bool,
    pub sheet: Sheet,
}

#[derive(Serialize, Deserialize)]
struct Line {
    v: u8,
    /// Microseconds since 1970.
    at: i64,
    sent: bool,
    topic: String,
    #[serde(default)]
    kind: PayloadKind,
    payload: String,
    qos: u8,
    retain: bool,
    #[serde(default, skip_serializing_if = "PropertyTexts::is_empty")]
    properties: PropertyTexts,
}

impl Entry {
    /// `None`: too long to be kept.
    pub fn line(&self) -> Option<String> {
        let sheet = &self.sheet;
        let line = Line {
            v: 1,
            at: self.at.0,
            sent: self.sent,
            topic: sheet.topic.clone(),
            kind: sheet.kind,
            payload: sheet.payload.clone(),
            qos: sheet.qos.number(),
            retain: sheet.retain,
            properties: sheet.properties.clone(),
        };
        serde_json::to_string(&line).ok()
    }

    /// As [`Self::line`], where it is short enough for the history.
    pub fn history_line(&self) -> Option<String> {
        self.line().filter(|line| line.len() <= LONGEST_LINE)
    }

    pub fn read(line: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if line.v != 1 {
            return Err(format!("version {} is not known", line.v));
        }
        let qos = Qos::from_number(line.qos).ok_or_else(|| format!("QoS {} is none", line.qos))?;
        Ok(Self {
            at: Timestamp(line.at),
            sent: line.sent,
            sheet: Sheet {
                topic: line.topic,
                kind: line.kind,
                payload: line.payload,
                qos,
                retain: line.retain,
                properties: line.properties,
            },
        })
    }
}

/// A named sheet of `templates.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub name: String,
    pub sheet: Sheet,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// How one stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    topic: String,
    #[serde(default)]
    kind: PayloadKind,
    #[serde(default)]
    payload: String,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
    #[serde(default)]
    properties: PropertyTexts,
}

impl Template {
    /// All of a file, by name.
    pub fn read_all(text: &str) -> Result<Vec<Self>, TemplateError> {
        let fail = |error: toml::de::Error| TemplateError(error.to_string().trim_end().to_owned());
        let whole: std::collections::BTreeMap<String, Written> =
            toml::from_str(text).map_err(fail)?;
        let mut all = Vec::new();
        for (name, written) in whole {
            let qos = Qos::from_number(written.qos).ok_or_else(|| {
                TemplateError(format!("[{name}]: QoS is 0, 1 or 2, not {}", written.qos))
            })?;
            let sheet = Sheet {
                topic: written.topic,
                kind: written.kind,
                payload: written.payload,
                qos,
                retain: written.retain,
                properties: written.properties,
            };
            all.push(Self { name, sheet });
        }
        Ok(all)
    }

    /// The file with this one in it; all else stays as it was written, comments too.
    pub fn put_into(&self, text: &str) -> Result<String, TemplateError> {
        let mut document = parsed(text)?;
        let mut table = Table::new();
        let sheet = &self.sheet;
        let mut put = |key: &str, value: Toml| {
            table.insert(key, Item::Value(value));
        };
        put("topic", sheet.topic.as_str().into());
        if sheet.kind != PayloadKind::Text {
            put("kind", sheet.kind.word().into());
        }
        put("payload", sheet.payload.as_str().into());
        put("qos", i64::from(sheet.qos.number()).into());
        if sheet.retain {
            put("retain", true.into());
        }
        let properties = &sheet.properties;
        let mut own = toml_edit::InlineTable::new();
        for (key, text) in [
            ("content_type", &properties.content_type),
            ("response_topic", &properties.response_topic),
            ("correlation", &properties.correlation),
            ("expiry", &properties.expiry),
            ("user", &properties.user),
            ("format", &properties.format),
        ] {
            if !text.is_empty() {
                own.insert(key, text.as_str().into());
            }
        }
        if !own.is_empty() {
            put("properties", own.into());
        }
        if let Some(before) = document.get(&self.name).and_then(Item::as_table) {
            *table.decor_mut() = before.decor().clone();
            table.set_position(before.position());
        }
        document.insert(&self.name, Item::Table(table));
        Ok(document.to_string())
    }

    /// The file without the one of that name.
    pub fn take_out(name: &str, text: &str) -> Result<String, TemplateError> {
        let mut document = parsed(text)?;
        document.remove(name);
        Ok(document.to_string())
    }
}

/// A file that is not understood is not written over.
fn parsed(text: &str) -> Result<DocumentMut, TemplateError> {
    Template::read_all(text)?;
    text.parse().map_err(|error: toml_edit::TomlError| {
        TemplateError(error.to_string().trim_end().to_owned())
    })
}
