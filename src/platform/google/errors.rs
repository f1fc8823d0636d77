//! What `/devices/{gateway}/errors` says, in words, with what to do (`reference/google-iot-core.md` 6).

use serde::Deserialize;

use crate::base::problem::{Problem, Retry};

/// One message on the errors topic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct GatewayError {
    pub error_type: String,
    pub device_id: String,
    pub description: String,
    /// MQTT's word for what caused it.
    pub message_type: String,
    /// Empty when no message caused it.
    pub topic: String,
    /// 0 when no message caused it.
    #[serde(deserialize_with = "packet")]
    pub packet_id: u16,
}

/// A number, or a text with one.
fn packet<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    let number = match &value {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    Ok(number
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or_default())
}

/// `None` when it is no such message.
pub fn parse(payload: &[u8]) -> Option<GatewayError> {
    let error: GatewayError = serde_json::from_slice(payload).ok()?;
    (!error.error_type.is_empty()).then_some(error)
}

/// The table's kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Attachment,
    NotAttached,
    InvalidTopic,
    UnexpectedPacket,
    UnexpectedMessage,
    Detached,
    Unknown,
}

impl Fault {
    pub fn of(word: &str) -> Self {
        match word {
            "GATEWAY_ATTACHMENT_ERROR" => Self::Attachment,
            "GATEWAY_DEVICE_NOT_FOUND" => Self::NotAttached,
            "GATEWAY_INVALID_MQTT_TOPIC" => Self::InvalidTopic,
            "GATEWAY_UNEXPECTED_PACKET_ID" => Self::UnexpectedPacket,
            "GATEWAY_UNEXPECTED_MESSAGE_TYPE" => Self::UnexpectedMessage,
            "GATEWAY_DETACHMENT_DEVICE_ERROR" => Self::Detached,
            _ => Self::Unknown,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Attachment => "the attach was refused",
            Self::NotAttached => "the device is not attached",
            Self::InvalidTopic => "the topic cannot be read, or holds an invalid id",
            Self::UnexpectedPacket => "a packet id that the bridge did not expect",
            Self::UnexpectedMessage => "an MQTT packet that the bridge does not take",
            Self::Detached => "the platform detached the device",
            Self::Unknown => "the bridge reports an error",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Attachment => {
                "do not try again unchanged: check that the device exists, is bound to this gateway and not blocked, and that its token comes along where the gateway's authentication method asks for it (`devices = [{ id, key_file }]`)"
            }
            Self::NotAttached => "do not try again before it is attached: p on the device",
            Self::InvalidTopic => {
                "do not try again: the topics are /devices/ID/events[/SUBFOLDER], state, attach, detach, config and commands/#"
            }
            Self::UnexpectedPacket => {
                "do not try again: a client's mistake, or a session that is over"
            }
            Self::UnexpectedMessage => {
                "do not try again: QoS 2 is in play, which the bridge has not"
            }
            Self::Detached => {
                "do not try again unchanged: see what is wrong with the device (blocked, deleted, its token over), then attach it again"
            }
            Self::Unknown => "send it again, each time later",
        }
    }

    pub const fn retry(self) -> Retry {
        match self {
            Self::Unknown => Retry::Backoff,
            _ => Retry::Never,
        }
    }
}

impl GatewayError {
    pub fn fault(&self) -> Fault {
        Fault::of(&self.error_type)
    }

    /// In words. `caused_by`: what this client sent, where that is known.
    pub fn problem(&self, caused_by: Option<&str>) -> Problem {
        let fault = self.fault();
        let device = if self.device_id.is_empty() {
            "the gateway"
        } else {
            self.device_id.as_str()
        };
        // The bridge's words first: a row has room for little.
        let mut cause = match self.description.trim_end_matches('.') {
            "" => self.error_type.clone(),
            words => format!("{words} ({})", self.error_type),
        };
        if let Some(caused_by) = caused_by {
            cause.push_str("; caused by ");
            cause.push_str(caused_by);
        }
        let is_attach = self.topic.ends_with("/attach");
        let action = match fault {
            Fault::Unknown if is_attach => "it is tried again, each time later",
            fault => fault.action(),
        };
        Problem::new(format!("{device}: {}", fault.what()), cause, action).retry(fault.retry())
    }

    /// For the stream's row.
    pub fn gist(&self) -> String {
        let mut gist = format!("{}: {}", self.device_id, self.fault().what());
        if !self.description.is_empty() {
            gist.push_str(&format!(" ({})", self.description));
        }
        gist
    }
}
