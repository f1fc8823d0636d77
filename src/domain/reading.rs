//! What a message means, worked out by the platform's adapter from its topic and payload. The message itself stays
//! as it was.

use super::device::DeviceId;
use super::fact::Fact;

/// The kinds of `interface.md`, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Kind {
    Push,
    Event,
    /// Registered, unregistered, renamed.
    Device,
    Shadow,
    Job,
    Provisioning,
    Presence,
    Config,
    Command,
    State,
    Error,
    #[default]
    Message,
    Gap,
}

impl Kind {
    pub const ALL: [Self; 13] = [
        Self::Push,
        Self::Event,
        Self::Device,
        Self::Shadow,
        Self::Job,
        Self::Provisioning,
        Self::Presence,
        Self::Config,
        Self::Command,
        Self::State,
        Self::Error,
        Self::Message,
        Self::Gap,
    ];

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Event => "event",
            Self::Device => "device",
            Self::Shadow => "shadow",
            Self::Job => "job",
            Self::Provisioning => "provisioning",
            Self::Presence => "presence",
            Self::Config => "config",
            Self::Command => "command",
            Self::State => "state",
            Self::Error => "error",
            Self::Message => "message",
            Self::Gap => "gap",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    pub kind: Kind,
    pub device: Option<DeviceId>,
    /// The gist in a sentence for the stream's row (`robot cleaner: home guard has stopped`), raw; empty when the
    /// payload speaks for itself.
    pub gist: String,
    /// What it changes in what we know.
    pub facts: Vec<Fact>,
    /// JSON member names whose values must not be shown or recorded (a private key in a provisioning answer).
    pub mask: Vec<&'static str>,
}
