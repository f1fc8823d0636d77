//! All that the core can ask for. Plain data, so that a test states the whole list.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::document::Job;
use super::event::{RecordingId, SearchId, TimerId};
use super::sieve::SiftRow;
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::domain::compose::{Entry, Template};
use crate::domain::connection_state::Recipe;
use crate::domain::device::DeviceId;
use crate::domain::message::Message;
use crate::domain::profile::{AwsAuth, GoogleSettings, HuaweiDialect, PlatformId, Version};
use crate::domain::provision::NewThingProfile;
use crate::domain::reading::Kind;
use crate::domain::request::{Request, RequestId};
use crate::domain::session::{Gap, SessionCommand, SessionId};
use crate::domain::topic::TopicFilter;
use crate::store::query::Query;
use crate::store::seek::Seek;
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
    /// Payload bytes into a file of their own, as they are.
    SaveBytes(RequestId, bytes::Bytes),
    /// Decode and lay out a payload beside the screen: answered with `Event::Decoded`.
    Decode(RequestId, Box<Job>),
    /// Put jq programs over payloads, in a process of their own: answered with `Event::Sifted`, in parts.
    Sift(RequestId, Vec<SiftRow>),
    /// Write to the config file which jq program is put over a topic's payloads; `None` takes it out.
    SaveProgram {
        id: RequestId,
        topic: String,
        program: Option<String>,
    },
    /// Write figures to a file of this name in the state folder: answered with `Outcome::Written`.
    Export {
        id: RequestId,
        ending: &'static str,
        text: String,
    },
    /// Write to the config file how a topic's payloads are decoded.
    SavePin {
        id: RequestId,
        topic: String,
        /// As it is written: `gzip > cbor`.
        chain: String,
    },
    /// Try a new account without saving it: answered with `Event::Reply(Reply::Probed)`.
    TryProfile(RequestId, NewProfile),
    /// Write it to the config file (and its secret to a 0600 file), then it can be opened by name.
    SaveProfile(RequestId, NewProfile),
    /// A fresh token for the open profile, for this run and in its 0600 file; then the session is opened again.
    SaveToken(RequestId, Secret),
    /// A provisioned thing as a new profile: answered with `Outcome::ThingSaved`.
    SaveThing(RequestId, Box<NewThingProfile>),
    /// One connection with that profile beside the open one: answered with `Outcome::Tried`.
    TryThing(RequestId, String),
    /// What the open profile knows of the recipe: answered with `Outcome::Recipe`.
    CompleteRecipe(RequestId, Box<Recipe>),
    /// Will, connect and disconnect message into the profile that the recipe names: answered with `Outcome::Written`.
    SaveMessages(RequestId, Box<Recipe>),
    /// Messages that left memory: to the disk. What becomes of them comes as `Event::Shelf`.
    Shelve(SessionId, Place, Arc<Sheet>),
    /// Read some rows back.
    Unshelve(SessionId, Place, Vec<u16>),
    /// Look through what is on the disk; any search before it is not wanted any more.
    Search(SessionId, SearchId, Query),
    /// The end of that search, or of that look for one row.
    StopSearch(SearchId),
    /// Look for one row among what is on the disk: answered with `ShelfEvent::Sought`, unless it is stopped.
    Seek(SessionId, SearchId, Box<Seek>),
    /// The session is over: all that is left of it goes to the disk, however long that takes.
    ShelveRest(SessionId, Vec<(Place, Arc<Sheet>)>),
    /// A new file for the messages of a profile; what becomes of it comes as `Event::Recording`.
    StartRecording {
        id: RecordingId,
        profile: String,
        platform: PlatformId,
    },
    Record(RecordingId, Box<Recorded>),
    /// Nothing more is recorded: the file is finished.
    StopRecording(RecordingId),
    /// The user's editor on this text, in a file with this ending; answered with [`super::event::Outcome::Edited`].
    Edit {
        id: RequestId,
        text: String,
        ending: &'static str,
    },
    /// What a message needs from outside: answered with [`super::event::Outcome::Gathered`].
    Gather(RequestId, Needs),
    /// Draft and history of a profile: answered with [`super::event::Outcome::Kept`].
    LoadKept(RequestId, String),
    /// The unsent draft of a profile onto the disk, in the order in which these are asked for; `None`: there is none.
    KeepDraft {
        profile: String,
        draft: Option<Box<Entry>>,
    },
    /// One more line of a profile's history.
    KeepHistory {
        profile: String,
        entry: Box<Entry>,
    },
    /// Answered with [`super::event::Outcome::Templates`]: all of them, as they are then.
    Templates(RequestId, TemplateOrder),
    /// Stop the process until `fg` (Ctrl-Z).
    Suspend,
    /// Leave. The runtime ends the feeds that the profile does not keep, closes, restores the terminal.
    Quit,
    /// Leave, and end every subscription of the platform first, whatever the profile says.
    QuitEnding,
}

/// A line of a recording before it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    Message {
        message: Message,
        kind: Kind,
        device: Option<DeviceId>,
        /// What the device is called, where that is known.
        device_name: Option<String>,
        /// See [`Reading::mask`](crate::domain::reading::Reading::mask).
        mask: Vec<&'static str>,
    },
    /// Messages that were dropped before they got here.
    Gap(Gap, Timestamp),
}

/// What only the outside knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Names of variables of the environment.
    pub variables: Vec<String>,
    /// A path as the user typed it.
    pub file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateOrder {
    Load,
    Save(Box<Template>),
    Delete(String),
}

/// What the first-run wizard has gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProfile {
    pub name: String,
    pub account: NewAccount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewAccount {
    Thinq {
        country: String,
        token: Secret,
    },
    Mqtt {
        url: String,
        version: Version,
        username: Option<String>,
        password: Option<Secret>,
        filter: Option<TopicFilter>,
    },
    Aws(Box<NewAws>),
    /// Holds no secret: keys and credentials stay in their files.
    Google(Box<GoogleSettings>),
    Huawei(Box<NewHuawei>),
}

/// A device of Huawei IoT, as the wizard asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHuawei {
    pub mqtt_url: String,
    pub device_id: String,
    pub dialect: HuaweiDialect,
    /// `None` where a certificate signs in.
    pub secret: Option<Secret>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub auto_reply: bool,
}

/// AWS IoT Core, as the wizard asks for it. Holds no secret: keys stay where AWS's own tools have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAws {
    pub endpoint: String,
    pub auth: AwsAuth,
    pub version: Version,
    pub client_id: Option<String>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// A profile of AWS's shared files; `None`: AWS's usual places.
    pub keys_of: Option<String>,
    pub region: Option<String>,
    pub filter: Option<TopicFilter>,
}
