//! What an application asks of the devices behind a platform that relays: configurations, commands, messages, states,
//! which gateway a device belongs to, registering (Google's bridge, Huawei).

use bytes::Bytes;
use serde_json::Value;

use std::sync::Arc;

use super::device::DeviceId;
use super::topic::Topic;
use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::base::secret::Secret;

/// What of it a platform has, as part of its [`Capabilities`](super::capability::Capabilities).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relay {
    /// Devices have a configuration with versions, and the last states they sent: `s` shows both.
    pub config: bool,
    pub command: bool,
    /// Messages from the application to a device.
    pub message: bool,
    /// Properties are reported through this client.
    pub report: bool,
    /// Devices are bound to gateways.
    pub bind: bool,
    /// Events are published through this client, and the platform's clock can be asked for.
    pub event: bool,
    /// Devices can be registered and deleted.
    pub register: bool,
}

impl Relay {
    pub const NONE: Self = Self {
        config: false,
        command: false,
        message: false,
        report: false,
        bind: false,
        event: false,
        register: false,
    };

    pub const fn is_some(&self) -> bool {
        self.config
            || self.command
            || self.message
            || self.report
            || self.bind
            || self.event
            || self.register
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayRequest {
    /// The registries of the profile's project and region.
    Registries,
    /// The configuration's last versions, newest first.
    Configs(DeviceId),
    /// The last states that the device sent, newest first.
    States(DeviceId),
    SendConfig {
        device: DeviceId,
        payload: Bytes,
        /// Only when this is still the newest version; `None` overwrites whatever there is.
        expected: Option<u64>,
    },
    SendCommand {
        device: DeviceId,
        command: Command,
    },
    SendMessage {
        device: DeviceId,
        payload: Bytes,
        name: Option<String>,
        /// One of the device's own topics instead of the platform's.
        topic: Option<String>,
    },
    Bind {
        gateway: DeviceId,
        device: DeviceId,
    },
    Unbind {
        gateway: DeviceId,
        device: DeviceId,
    },
    /// Over MQTT, as this client: the properties of itself or of a device behind it.
    Report {
        device: Option<DeviceId>,
        /// `None` where `properties` names the services itself.
        service: Option<String>,
        /// JSON.
        properties: String,
    },
    /// What a report of this device may say: as its product describes it, else as it was reported last.
    ReportDraft(DeviceId),
    /// Over MQTT, as this client: an event of itself or of a device behind it.
    Event {
        device: Option<DeviceId>,
        event: NewEvent,
    },
    /// The form of one, to be filled in.
    EventDraft(DeviceId),
    /// How far this clock is from the platform's.
    SyncClock,
    /// All that the platform tells of a device.
    Detail(DeviceId),
    Register(NewDevice),
    Delete(DeviceId),
}

/// A command, in the form that the platform takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Bytes for whoever listens to the subfolder (Google).
    Bytes {
        subfolder: Option<String>,
        payload: Bytes,
    },
    /// One that the device's product describes (Huawei). `parameters` is a JSON object's text.
    Named {
        service: Option<String>,
        name: String,
        parameters: String,
    },
}

/// An event of a device (Huawei).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub service: String,
    /// `event_type`.
    pub name: String,
    /// A JSON object's text.
    pub parameters: String,
}

/// A device to be registered (Huawei).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewDevice {
    /// The number it knows itself by.
    pub node: String,
    pub product: Option<String>,
    pub name: Option<String>,
    pub device: Option<DeviceId>,
    /// Made by the platform when absent.
    pub secret: Option<Secret>,
    /// The gateway it stands behind.
    pub gateway: Option<DeviceId>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum RelayReply {
    Registries(Vec<Registry>),
    /// Newest first; empty when there never was one.
    Configs(Vec<ConfigVersion>),
    States(Vec<StateVersion>),
    /// The new version, as the platform took it.
    Configured(ConfigVersion),
    /// Nothing was written: there is a newer version than the expected one.
    Conflict {
        newest: Box<ConfigVersion>,
    },
    /// Taken; with the device's answer where the platform waits for it.
    Commanded {
        id: Option<String>,
        /// JSON as it came.
        answer: Option<Arc<str>>,
    },
    Registered {
        device: DeviceId,
        /// Where the platform made one.
        secret: Option<Secret>,
        /// JSON as it came, without the secret.
        raw: Arc<str>,
    },
    /// JSON as it came, without secrets.
    Detail(Arc<str>),
    /// The platform's clock minus this one, and that in words.
    Clock {
        offset_ms: i64,
        words: String,
    },
    /// To be looked at and sent by hand.
    Draft {
        topic: Topic,
        payload: Bytes,
    },
    Done,
}

impl Eq for RelayReply {}

/// A registry, with all that the platform says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    pub id: String,
    pub raw: Arc<Value>,
}

/// One version of a device's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigVersion {
    pub version: u64,
    pub payload: Bytes,
    pub updated: Option<Timestamp>,
    /// When the device acknowledged it; `None`: not yet, or it receives with QoS 0.
    pub acknowledged: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateVersion {
    pub payload: Bytes,
    pub updated: Option<Timestamp>,
}

/// What an adapter finds out beside the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayNews {
    /// Until when the credential of this connection is good: the header counts down.
    Credential { until: Timestamp },
    /// The platform's complaint about a device, in words with what to do.
    Fault(RelayFault),
    /// A command came that waits for an answer.
    Asked(AskedCommand),
    /// It was answered, or its time is over.
    Answered {
        id: String,
        at: Timestamp,
        result: Result<(), Problem>,
    },
}

/// A complaint about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFault {
    pub device: Option<DeviceId>,
    pub problem: Problem,
    /// What this client sent that caused it, where that is known.
    pub culprit: Option<Culprit>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    pub topic: Topic,
    pub at: Timestamp,
}

/// A command that waits for the answer of this client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCommand {
    /// The platform's name for it (`request_id`, `mid`).
    pub id: String,
    pub device: DeviceId,
    pub name: String,
    /// When it came, and on which topic: so its message is found again.
    pub at: Timestamp,
    pub topic: Topic,
    /// The platform stops waiting then.
    pub deadline: Timestamp,
    /// Where an answer goes, and what is proposed as one.
    pub answer_topic: Topic,
    pub answer: Bytes,
    /// The number by which an answer names what it answers, where its topic does not: a member of its JSON.
    pub mark: Option<(&'static str, u64)>,
}

impl AskedCommand {
    /// Whether a message that was sent is its answer.
    pub fn is_answered_by(&self, topic: &Topic, payload: &[u8]) -> bool {
        if *topic != self.answer_topic {
            return false;
        }
        let Some((name, number)) = self.mark else {
            return true;
        };
        let body = serde_json::from_slice::<Value>(payload).unwrap_or_default();
        body.get(name).and_then(Value::as_u64) == Some(number)
    }
}
