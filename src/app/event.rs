//! All that can happen to the core.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::document::Ready;
use super::sieve::Sifted;
use super::state::ProfileSummary;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::compose::{Entry, Template};
use crate::domain::connection_state::Recipe;
use crate::domain::fact::Fact;
use crate::domain::provision::SavedThing;
use crate::domain::request::{Reply, RequestId};
use crate::domain::session::{LogLine, SessionEvent, SessionId};
use crate::store::sheet::Sheet;
use crate::store::shelf::{Earlier, Loss, Place};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Key(Key),
    /// Bracketed paste: text, never commands.
    Paste(String),
    Mouse(Mouse),
    Resize(Size),
    /// The terminal window gained or lost the focus.
    Focus(bool),
    Session(SessionId, SessionEvent),
    /// Something found out on the way to a reply.
    Progress(RequestId, Fact),
    Reply(RequestId, Result<Reply, Problem>),
    /// The wizard's profile was saved, a file was written, an editor came back…
    Done(RequestId, Result<Outcome, Problem>),
    /// A payload that was decoded beside the screen.
    Decoded(RequestId, Box<Ready>),
    /// What jq programs made of the rows with these numbers; `true` with the last part of an answer.
    Sifted(RequestId, Vec<(usize, Sifted)>, bool),
    Timer(TimerId),
    /// From the disk, where older messages are.
    Shelf(SessionId, ShelfEvent),
    /// From the file that is being recorded.
    Recording(RecordingId, RecordingEvent),
    Log(LogLine),
    Stop(StopReason),
}

/// Names one recording; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RecordingId(pub u64);

/// What becomes of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingEvent {
    Began {
        path: String,
    },
    /// So far.
    Written(Amount),
    /// Finished as it was asked to, or broken off.
    Ended(Amount, Result<(), Problem>),
}

/// How much of a recording there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    pub messages: u64,
    /// In the file.
    pub bytes: u64,
    /// Messages for which the disk was too slow: a gap stands in their place.
    pub lost: u64,
}

/// What the disk has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShelfEvent {
    /// What an earlier run left there, oldest first.
    Earlier(Vec<Earlier>),
    /// They are not there any more, or never were.
    Lost(Vec<Place>, Loss),
    /// Rows of a block that were to be read back: the sheet has these only.
    Page(Place, Vec<u16>, Box<Sheet>),
    /// Rows of a block that a search found; blocks come newest first.
    Found(SearchId, Place, Vec<u16>),
    SearchOver(SearchId),
    /// What a look for one row found: the block, its number there, and the row itself.
    Sought(SearchId, Option<(Place, u16, Box<Sheet>)>),
}

/// Names one search through the disk, or one look for a row; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SearchId(pub u64);

/// What an effect that is no platform request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    ProfileSaved {
        name: String,
    },
    Copied {
        how: String,
    },
    Written {
        path: String,
    },
    /// The text as the editor left it.
    Edited {
        text: String,
    },
    ThingSaved(Box<SavedThing>, Box<ProfileSummary>),
    Tried,
    Recipe(Box<Recipe>),
    Gathered(Gathered),
    Kept(Box<Kept>),
    Templates(Vec<Template>),
}

/// What [`super::effect::Needs`] asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gathered {
    /// `None` where the environment has no such variable.
    pub variables: BTreeMap<String, Option<Secret>>,
    pub file: Option<Bytes>,
}

/// What the composer left on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    pub draft: Option<Entry>,
    /// Oldest first.
    pub history: Vec<Entry>,
    /// Files that were damaged and set aside.
    pub notices: Vec<Problem>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Size {
    pub width: u16,
    pub height: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: KeyCode,
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
    /// The terminal says that the key is held down. Obeyed for movement only; releases never get here (F25).
    pub repeat: bool,
}

impl Key {
    pub const fn plain(code: KeyCode) -> Self {
        Self {
            code,
            ctrl: false,
            alt: false,
            shift: false,
            repeat: false,
        }
    }

    pub const fn ctrl(letter: char) -> Self {
        let mut key = Self::plain(KeyCode::Char(letter));
        key.ctrl = true;
        key
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyCode {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mouse {
    pub kind: MouseKind,
    /// Cells from the top left corner.
    pub column: u16,
    pub row: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MouseKind {
    Click,
    ScrollUp,
    ScrollDown,
}

/// Names one timer; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    Signal,
    TerminalGone,
}
