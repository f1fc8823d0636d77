//! The port of the headless scripts: everything a verb may hear from the outside or do to it.
//!
//! `runtime` implements it for real, tests with a script. There is one place to wait, [`Console::next`]: replies, facts,
//! session events, signals and deadlines all come through it, in the order they happened, so a script needs no `select!`.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;

use crate::base::moment::{Moment, Mono};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::cli::verb::{Existing, Place};
use crate::domain::capability::Capabilities;
use crate::domain::decode::Pins;
use crate::domain::fact::Fact;
use crate::domain::profile::Profile;
use crate::domain::provision::{NewThingProfile, SavedThing};
use crate::domain::request::{Reply, Request, RequestId};
use crate::domain::session::{SessionCommand, SessionEvent};
use crate::domain::subscription::FilterWish;

/// A boxed future.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub trait Console: Send {
    // ---- talk

    /// One line of data on stdout, without its line break; with the system when this is over. The one wait that may take
    /// as long as the reader likes; an interrupt ends it.
    fn out<'a>(&'a mut self, line: &'a str) -> Pending<'a, Result<(), Unwritten>>;

    /// From now on it is told, as [`Heard::Left`], when whoever reads stdout goes away while there is nothing to write. Only
    /// where stdout is a pipe.
    fn heed_reader(&mut self);

    /// Talk, on stderr: one or more lines, without the last line break. Already safe for a terminal.
    fn say(&mut self, text: &str);

    fn now(&self) -> Moment;

    // ---- profiles

    /// The profile that `-p`, `THINGDECK_PROFILE` or `default_profile` names. Not found (exit 4) or none at all (exit 2) is
    /// a problem; so is one that needs `--insecure`.
    fn profile(&self) -> Result<Profile, Problem>;

    /// All of the config file, in its order.
    fn profiles(&self) -> Vec<Profile>;

    /// `default_profile`, as written.
    fn default_profile(&self) -> Option<String>;

    /// What the platform of this profile can do.
    fn capabilities(&self, profile: &Profile) -> Capabilities;

    /// How payloads are decoded by topic (`[decode]` in the config file).
    fn pins(&self) -> Pins;

    /// What the rules of this profile's platform say to a topic filter, before anything is sent. How many there are is the
    /// session's to judge.
    fn check_filter(&self, profile: &Profile, wish: &FilterWish) -> Result<(), Problem>;

    /// Requests and sessions are about this profile from now on. Called before the first [`Console::request`] or
    /// [`Console::open`].
    fn choose(&mut self, profile: Profile) -> Result<(), Problem>;

    /// Writes a profile to the config file, and its secret to a 0600 file where that was given in clear. Answers where, in
    /// words.
    fn save_profile(&mut self, profile: &NewEntry) -> Result<String, Problem>;

    /// Takes the profile out of the config file and deletes its identity folder. Answers what is left behind, in words.
    fn remove_profile(&mut self, name: &str) -> Result<Vec<String>, Problem>;

    /// Key and certificate into 0600 files of a new profile, and that into the config file.
    fn save_thing<'a>(
        &'a mut self,
        thing: &'a NewThingProfile,
    ) -> Pending<'a, Result<SavedThing, Problem>>;

    /// A connection with another profile, beside what is open, until the broker's first word.
    fn try_connection<'a>(&'a mut self, profile: &'a str) -> Pending<'a, Result<(), Problem>>;

    // ---- the platform

    /// Begins a request; its outcome comes as [`Heard::Reply`], what is found out on the way as [`Heard::Fact`].
    fn request(&mut self, what: Request) -> RequestId;

    // ---- the session

    /// Opens the one session; what happens to it comes as [`Heard::Session`].
    fn open(&mut self, opening: Opening);

    fn command(&mut self, command: SessionCommand);

    /// DISCONNECT and wait for the end, within a bounded time; written acknowledgements go out first. Fine when nothing is
    /// open.
    fn close(&mut self) -> Pending<'_, ()>;

    // ---- waiting

    /// What happens next. Signals come first, [`Heard::Deadline`] last: only when nothing else is there and `until` has
    /// come. Safe to drop and call again.
    fn next(&mut self, until: Option<Mono>) -> Pending<'_, Heard>;

    // ---- stdin

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<Secret>;

    /// Another number at every start.
    fn seed(&self) -> u64;

    /// All of stdin, byte for byte.
    fn read_stdin(&mut self) -> Pending<'_, Result<Bytes, Problem>>;

    /// A file that the command line names.
    fn read_file(&mut self, path: &Path) -> Result<Bytes, Problem>;

    /// All of stdin, without the blanks around it.
    fn read_secret(&mut self) -> Pending<'_, Result<Secret, Problem>>;

    // ---- recordings

    /// Opens a file that lines are to be recorded in. Answers what was mended in it. Nothing that stands in it is touched
    /// before the first line is written, except the cut off end of one that is gone on with.
    fn open_recording(
        &mut self,
        path: &Path,
        existing: Existing,
    ) -> Result<Option<String>, Problem>;

    /// Lines with their line breaks; with the system when this is over.
    fn record(&mut self, lines: String) -> Pending<'_, Result<(), Problem>>;

    /// Ends the file. Where nothing was written, a file that was made for it goes again, unless `keep` says otherwise.
    /// Answers how many bytes it has.
    fn close_recording(&mut self, keep: bool) -> Pending<'_, Result<u64, Problem>>;

    /// Opens a recording to be read, compressed or not.
    fn open_replay(&mut self, from: &Place) -> Result<(), Problem>;

    /// What comes next in it. Waits as long as whoever writes it likes.
    fn read_replay(&mut self) -> Pending<'_, Piece>;

    /// The same beside all else: comes once, as [`Heard::Piece`].
    fn want_piece(&mut self);

    /// Asks yes or no on the terminal, where no is what Enter means.
    fn confirm<'a>(&'a mut self, question: &'a str) -> Pending<'a, Answer>;
}

/// Why a line did not reach whoever reads stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// The reader went away: the verb ends quietly with 0.
    Closed,
    /// A signal came first.
    Interrupted,
    /// The system did not take it: a full disk, for one.
    Failed(Problem),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Session(SessionEvent),
    /// On the way to a reply.
    Fact(Fact),
    Reply(RequestId, Result<Reply, Problem>),
    /// Only after [`Console::want_piece`].
    Piece(Piece),
    /// Nobody reads stdout any more. Once, and only after [`Console::heed_reader`].
    Left,
    /// SIGINT, SIGTERM or SIGHUP. Once per signal.
    Interrupt,
    Deadline,
}

/// A part of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Line(String),
    /// A line that is no text, or too long.
    Bad(String),
    /// The last line where its line break is missing: whole, or cut off.
    Rest(String),
    /// It ends in the middle of something: why.
    Torn(String),
    /// It cannot be read on, and is not at its end: why.
    Damaged(String),
    End,
    /// A signal came first.
    Interrupted,
}

/// How to open the session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opening {
    /// Each received QoS 1 and 2 message is acknowledged by `SessionCommand::Ack` and not before.
    pub manual_ack: bool,
    /// Besides the platform's and the profile's own.
    pub filters: Vec<FilterWish>,
    /// Leave the profile's own filters out.
    pub bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// stdin is no terminal: nobody to ask.
    Nobody,
    Interrupted,
}

/// A profile to be written to the config file.
///
/// Of its settings those that `profile-add` and the wizard can set. A [`SecretRef::Plain`](crate::domain::profile::SecretRef)
/// is kept in a 0600 file of the data folder; the config file gets `{ file = … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub profile: Profile,
    /// Becomes `default_profile` even where there is another one; the first profile always does.
    pub make_default: bool,
    /// An entry of that name may be replaced.
    pub replace: bool,
}
