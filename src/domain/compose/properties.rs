//! MQTT 5's properties as text, and back without loss.

use bytes::Bytes;

use super::bytes::{from_base64, from_hex, hex_text};
use super::{short_text, topic_trouble};
use crate::domain::message::Properties;
use crate::domain::topic::MAX_BYTES;

/// As they are typed. Empty: not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PropertyTexts {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response_topic: String,
    /// A text, or bytes as `hex:0a0b` or `base64:…`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub correlation: String,
    /// Seconds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expiry: String,
    /// `name=value, name=value`; `\` before a comma, an equals sign or a backslash takes it as it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Empty, `utf8` or `bytes`: what the payload is said to be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub format: String,
}

impl PropertyTexts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn of(properties: &Properties) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            content_type: text(&properties.content_type),
            response_topic: text(&properties.response_topic),
            correlation: properties
                .correlation_data
                .as_ref()
                .map_or(String::new(), |bytes| correlation_text(bytes)),
            expiry: properties.expiry.map_or(String::new(), |s| s.to_string()),
            user: user_text(&properties.user),
            format: match properties.utf8 {
                None => "",
                Some(true) => "utf8",
                Some(false) => "bytes",
            }
            .to_owned(),
        }
    }

    pub fn read(&self) -> Result<Properties, String> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        short_text("the content type", &self.content_type)?;
        if !self.response_topic.is_empty()
            && let Some(why) = topic_trouble(&self.response_topic)
        {
            return Err(format!("response topic: {why}"));
        }
        let correlation = correlation_bytes(&self.correlation)?;
        if correlation.as_ref().is_some_and(|c| c.len() > MAX_BYTES) {
            return Err("the correlation data is longer than 65,535 bytes".to_owned());
        }
        let user = user_pairs(&self.user)?;
        for (name, value) in &user {
            short_text("the name of a user property", name)?;
            short_text("the value of a user property", value)?;
        }
        let expiry = match self.expiry.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_not_a_number| {
                format!(
                    "expiry is a whole number of seconds up to {}, not {text:?}",
                    u32::MAX
                )
            })?),
        };
        let utf8 = match self.format.as_str() {
            "" => None,
            "utf8" => Some(true),
            "bytes" => Some(false),
            other => return Err(format!("format is utf8 or bytes, not {other:?}")),
        };
        Ok(Properties {
            utf8,
            expiry,
            content_type: given(&self.content_type),
            response_topic: given(&self.response_topic),
            correlation_data: correlation,
            user,
            subscription_ids: Vec::new(),
        })
    }

    /// `content type, 2 user properties`
    pub fn words(&self) -> String {
        let user = user_pairs(&self.user).map_or(0, |pairs| pairs.len());
        let mut parts: Vec<String> = [
            (&self.content_type, "content type"),
            (&self.response_topic, "response topic"),
            (&self.correlation, "correlation data"),
            (&self.expiry, "expiry"),
            (&self.format, "format"),
        ]
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(_, name)| name.to_owned())
        .collect();
        match user {
            0 => {}
            1 => parts.push("1 user property".to_owned()),
            n => parts.push(format!("{n} user properties")),
        }
        parts.join(", ")
    }
}

fn correlation_text(bytes: &[u8]) -> String {
    let plain = std::str::from_utf8(bytes).ok().filter(|text| {
        let odd = text.is_empty() || text.contains(char::is_control);
        !odd && !text.starts_with("hex:") && !text.starts_with("base64:")
    });
    match plain {
        Some(text) => text.to_owned(),
        None => format!("hex:{}", hex_text(bytes).replace([' ', '\n'], "")),
    }
}

/// A text, or bytes as `hex:0a0b` or `base64:…`; nothing where it is empty.
pub fn correlation_bytes(text: &str) -> Result<Option<Bytes>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = if let Some(hex) = text.strip_prefix("hex:") {
        from_hex(hex).map_err(|why| format!("correlation data: {why}"))?
    } else if let Some(base64) = text.strip_prefix("base64:") {
        from_base64(base64).map_err(|why| format!("correlation data: {why}"))?
    } else {
        text.as_bytes().to_vec()
    };
    Ok(Some(Bytes::from(bytes)))
}

fn user_text(pairs: &[(String, String)]) -> String {
    let written: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", quoted(name), quoted(value)))
        .collect();
    written.join(", ")
}

/// Blanks at an end are the person's, not the property's: those that belong to it are marked, too.
fn quoted(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        let at_an_end = (n == 0 || n == last) && c == ' ';
        if matches!(c, ',' | '=' | '\\') || at_an_end {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn user_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split(text, ',')
        .into_iter()
        .map(|pair| {
            let sides = split(&pair, '=');
            match sides.as_slice() {
                [name, value] => Ok((unquoted(name), unquoted(value))),
                _ => Err(format!(
                    "user properties are written name=value, name=value, and {:?} is none (\\= and \\, stand for themselves)",
                    pair.trim()
                )),
            }
        })
        .collect()
}

/// At every `mark` that has no backslash before it; the backslashes stay.
fn split(text: &str, mark: char) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == mark && !escaped {
            out.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out
}

fn unquoted(text: &str) -> String {
    let mut out = String::new();
    // Blanks before the first and after the last character that is meant.
    let mut kept = 0;
    let mut chars = text.trim_start_matches(' ').chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            out.extend(chars.next());
            kept = out.len();
        } else {
            out.push(c);
            if c != ' ' {
                kept = out.len();
            }
        }
    }
    out.truncate(kept);
    out
}
