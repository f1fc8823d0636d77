//! All that the core can ask for. Plain data, so that a test states the whole list.

use std::sync::Arc;
use std::time::Duration;

use super::event::{SearchId, TimerId};
use crate::base::secret::Secret;
use crate::domain::request::{Request, RequestId};
use crate::domain::session::{SessionCommand, SessionId};
use crate::store::query::Query;
use crate::store::sheet::Sheet;
use crate::store::shelf::Place;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open the session of a profile (by name), after any other is closed.
    Open {
        id: SessionId,
        profile: String,
    },
    Session(SessionId, SessionCommand),
    /// To the platform of the open session.
    Request(RequestId, Request),
    /// Whatever comes of it is not wanted any more.
    Abort(RequestId),
    StartTimer(TimerId, Duration),
    StopTimer(TimerId),
    /// Text to the clipboard: OSC 52, and the local one where there is one.
    Copy(RequestId, String),
    /// Payload bytes to the clipboard: as text where they are UTF-8, else hex.
    CopyBytes(RequestId, bytes::Bytes),
    /// Try a new account without saving it: answered with `Event::Reply(Reply::Probed)`.
    TryProfile(RequestId, NewProfile),
    /// Write it to the config file (and its secret to a 0600 file), then it can be opened by name.
    SaveProfile(RequestId, NewProfile),
    /// A fresh token for the open profile, for this run and in its 0600 file; then the session is opened again.
    SaveToken(RequestId, Secret),
    /// Messages that left memory: to the disk. What becomes of them comes as `Event::Shelf`.
    Shelve(SessionId, Place, Arc<Sheet>),
    /// Read some rows back.
    Unshelve(SessionId, Place, Vec<u16>),
    /// Look through what is on the disk; any search before it is not wanted any more.
    Search(SessionId, SearchId, Query),
    StopSearch(SearchId),
    /// The session is over: all that is left of it goes to the disk, however long that takes.
    ShelveRest(SessionId, Vec<(Place, Arc<Sheet>)>),
    /// Stop the process until `fg` (Ctrl-Z).
    Suspend,
    /// Leave. The runtime ends the feeds that the profile does not keep, closes, restores the terminal.
    Quit,
    /// Leave, and end every subscription of the platform first, whatever the profile says.
    QuitEnding,
}

/// What the first-run wizard has gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProfile {
    pub name: String,
    pub country: String,
    pub token: Secret,
}
