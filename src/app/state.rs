//! Everything there is to show.

use super::Effects;
use super::effect::Effect;
use super::event::Size;
use super::screen::{Footer, Header, Screen};
use crate::base::moment::Moment;
use crate::domain::capability::Capabilities;
use crate::domain::profile::{OnQuit, PlatformId};
use crate::domain::session::SessionId;

/// What the runtime knows at the start.
#[derive(Debug, Clone)]
pub struct Setup {
    pub at: Moment,
    pub size: Size,
    /// Seconds east of UTC, for the times on the screen.
    pub zone_offset_seconds: i32,
    pub profiles: Vec<ProfileSummary>,
    /// Name of the profile to open; empty opens none (the wizard comes up).
    pub open: String,
    /// The line that says that this is the simulated home and which key adds an account.
    pub hint: Option<String>,
    /// Ceiling for messages kept in memory, in bytes.
    pub memory_limit: usize,
    pub mouse: bool,
    /// No config file was there.
    pub first_run: bool,
}

/// A profile as the screen needs to know it: no secret, only where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSummary {
    pub name: String,
    pub platform: PlatformId,
    pub capabilities: Capabilities,
    pub simulated: bool,
    /// TLS verification is off.
    pub insecure: bool,
    pub event_hours: u8,
    pub on_quit: OnQuit,
    /// `env THINQ_PAT`, as `SecretRef::place` says it.
    pub token_place: String,
}

pub struct App {
    pub(super) size: Size,
    pub(super) revision: u64,
}

impl App {
    pub fn new(setup: Setup) -> (Self, Effects) {
        let id = SessionId { generation: 1 };
        let app = Self {
            size: setup.size,
            revision: 1,
        };
        let open = Effect::Open {
            id,
            profile: setup.open,
        };
        (app, vec![open])
    }

    /// Moves only when something visible moved.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn screen(&self, _at: Moment) -> Screen {
        Screen {
            size: self.size,
            header: Header::default(),
            panes: Vec::new(),
            footer: Footer::default(),
            overlays: Vec::new(),
            too_small: true,
        }
    }
}
