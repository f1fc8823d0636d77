//! The port `Console` for real: stdout and stderr, signals, and one station.

use std::collections::VecDeque;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::unix::pipe;
use tokio::task::JoinSet;

use super::context::Context;
use super::inbox::Inbox;
use super::recording::Recording;
use super::recording::reading::Reading;
use super::signals::{Signal, Signals};
use super::station::{How, Station};
use crate::app::event::Event;
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::base::text::SafeText;
use crate::cli::verb::{Existing, Place};
use crate::domain::capability::Capabilities;
use crate::domain::decode::Pins;
use crate::domain::profile::Profile;
use crate::domain::provision::{NewThingProfile, SavedThing};
use crate::domain::request::{Request, RequestId};
use crate::domain::session::{SessionCommand, SessionEvent, SessionId};
use crate::domain::subscription::FilterWish;
use crate::headless::console::{
    Answer, Console, Heard, NewEntry, Opening, Pending, Piece, Unwritten,
};

/// Messages waiting to be written. With manual acknowledgement the broker's window is far smaller; without it the oldest
/// give way to a gap line. Bytes.
const INBOX: usize = 64 * 1024 * 1024;

/// The largest packet that MQTT can express, in bytes.
const LONGEST: u64 = 268_435_455;

/// A pipe takes so many bytes whole or not at all (`PIPE_BUF`).
const ATOMIC: usize = 4096;

/// Commands that the session had no room for are handed over within this when it is closed.
const SETTLING: Duration = Duration::from_millis(500);

/// A write that is under way when a signal comes may take so long.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Shell {
    context: Arc<Context>,
    signals: Signals,
    inbox: Inbox,
    station: Option<Station>,
    requests: JoinSet<()>,
    asked: u64,
    wanted: Option<String>,
    chosen: Option<Profile>,
    stdout: tokio::io::Stdout,
    /// Stdout is a terminal, which can stop in the middle of a line (Ctrl-S).
    to_terminal: bool,
    /// Where it is told when its reader goes away.
    reader: Option<pipe::Sender>,
    /// Commands that the session had no room for yet: acknowledgements must not get lost.
    owed: VecDeque<SessionCommand>,
    /// Signals that came while something was being written.
    interrupts: VecDeque<()>,
    /// It came after a deadline that was told instead.
    held: Option<Heard>,
    recording: Option<Recording>,
    replay: Option<Reading>,
    wants_piece: bool,
}

impl Shell {
    pub fn new(context: Arc<Context>, wanted: Option<String>) -> std::io::Result<Self> {
        Ok(Self {
            context,
            signals: Signals::listen()?,
            inbox: Inbox::new(INBOX),
            station: None,
            requests: JoinSet::new(),
            asked: 0,
            wanted,
            chosen: None,
            stdout: tokio::io::stdout(),
            to_terminal: std::io::stdout().is_terminal(),
            reader: None,
            owed: VecDeque::new(),
            interrupts: VecDeque::new(),
            held: None,
            recording: None,
            replay: None,
            wants_piece: false,
        })
    }

    fn station(&mut self) -> &mut Station {
        let profile = self.chosen.clone();
        let (context, inbox) = (&self.context, &self.inbox);
        self.station.get_or_insert_with(|| {
            Station::open_profile(context, SessionId::default(), profile, inbox)
        })
    }

    /// Hands over what is owed. `Err` when a signal came first.
    async fn settle(&mut self) -> Result<(), Interrupted> {
        while let Some(command) = self.owed.front() {
            let Some(station) = &self.station else {
                self.owed.clear();
                break;
            };
            tokio::select! {
                biased;
                () = Self::interrupted(&mut self.signals) => return Err(Interrupted),
                () = station.send(command.clone()) => {
                    self.owed.pop_front();
                }
            }
        }
        Ok(())
    }

    /// A message of after the deadline. Those before it are heard even when it is late, and no flood holds it back.
    fn is_after(&self, heard: &Heard, until: Option<Mono>) -> bool {
        let now = self.context.clock.now();
        let over = until.map(|until| now.mono.since(until)).unwrap_or_default();
        match heard {
            Heard::Session(SessionEvent::Message(message, _)) => message.at.until(now.wall) < over,
            _ => false,
        }
    }

    /// What is there already.
    fn at_hand(&mut self) -> Option<Heard> {
        self.held
            .take()
            .or_else(|| self.inbox.pop().and_then(heard))
    }

    /// Until [`Self::at_hand`] has something to look at.
    async fn filled(held: Option<&Heard>, inbox: &Inbox) {
        if held.is_none() {
            inbox.filled().await;
        }
    }

    async fn piece(replay: Option<&mut Reading>, is_wanted: bool) -> Piece {
        match replay {
            Some(replay) if is_wanted => replay.next().await,
            _ => std::future::pending().await,
        }
    }

    /// A pipe that nobody reads is in error; never over where it cannot be told.
    async fn reader_gone(reader: Option<&pipe::Sender>) {
        let is_gone = match reader {
            Some(reader) => reader.ready(Interest::ERROR).await.is_ok(),
            None => false,
        };
        if !is_gone {
            std::future::pending::<()>().await;
        }
    }

    /// Writes without a detour over another thread where that cannot block. `None`: it could.
    fn write_now(&self, bytes: &[u8]) -> Option<Result<(), Unwritten>> {
        if self.to_terminal || bytes.len() > ATOMIC || !takes_a_write() {
            return None;
        }
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        Some(written.map_err(|error| unwritten(&error)))
    }

    /// Anything a person must act on at once: SIGINT, SIGTERM, SIGHUP. A stop from the keyboard stops us as it always does.
    async fn interrupted(signals: &mut Signals) {
        loop {
            match signals.next().await {
                Signal::Stop | Signal::Interrupt => return,
                Signal::Suspend => {
                    let _ = super::signals::stop_here(false);
                }
                Signal::Continued | Signal::Resized => {}
            }
        }
    }
}

struct Interrupted;

/// A reader that went away (a terminal that did says `EIO`) has seen enough; anything else is a failure.
fn unwritten(error: &std::io::Error) -> Unwritten {
    let is_gone = error.kind() == std::io::ErrorKind::BrokenPipe
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    if is_gone {
        return Unwritten::Closed;
    }
    Unwritten::Failed(no_room(error))
}

pub(super) fn no_room(error: &std::io::Error) -> Problem {
    let remedy = "make room where it goes, or send it elsewhere";
    Problem::new("could not write to stdout", error.to_string(), remedy)
}

fn interrupted() -> Problem {
    Problem::new("interrupted", "", "").exit(Exit::Interrupted)
}

fn gone() -> Problem {
    Problem::new(
        "the recording is not finished",
        "it was left before it was written",
        "its whole lines can be used",
    )
}

fn unreadable(name: &str, error: &std::io::Error) -> Problem {
    let what = format!("could not read {name}");
    Problem::new(
        what,
        error.to_string(),
        "check what it is and who may read it",
    )
    .exit(Exit::Usage)
}

fn fitting(name: &str, content: Vec<u8>) -> Result<Bytes, Problem> {
    if content.len() as u64 >= LONGEST {
        let what = format!("{name} is too long");
        let cause = "an MQTT message holds less than 256 MiB";
        return Err(Problem::new(what, cause, "send less at once").exit(Exit::Usage));
    }
    Ok(Bytes::from(content))
}

/// Whether a short write to stdout is taken at once: a pipe that is ready has room for [`ATOMIC`] bytes.
fn takes_a_write() -> bool {
    let stdout = std::io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::OUT)];
    let ready = poll(&mut asked, Some(&Timespec::default()));
    ready.is_ok() && asked[0].revents().contains(PollFlags::OUT)
}

fn heard(event: Event) -> Option<Heard> {
    match event {
        Event::Session(_, SessionEvent::Fact(fact)) => Some(Heard::Fact(fact)),
        Event::Session(_, event) => Some(Heard::Session(event)),
        Event::Reply(id, result) => Some(Heard::Reply(id, result)),
        _ => None,
    }
}

impl Console for Shell {
    fn out<'a>(&'a mut self, line: &'a str) -> Pending<'a, Result<(), Unwritten>> {
        Box::pin(async move {
            let mut bytes = Vec::with_capacity(line.len() + 1);
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
            if let Some(written) = self.write_now(&bytes) {
                return written;
            }
            let stdout = &mut self.stdout;
            let written = async {
                stdout.write_all(&bytes).await?;
                stdout.flush().await
            };
            tokio::select! {
                biased;
                result = written => result.map_err(|error| unwritten(&error)),
                () = Self::interrupted(&mut self.signals) => Err(Unwritten::Interrupted),
            }
        })
    }

    fn heed_reader(&mut self) {
        // Unchecked, for a check would make stdout one that does not block. A file cannot be watched, and has no reader.
        let stdout = std::io::stdout().as_fd().try_clone_to_owned();
        self.reader = stdout.and_then(pipe::Sender::from_owned_fd_unchecked).ok();
    }

    fn say(&mut self, text: &str) {
        // A closed stderr is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    fn now(&self) -> Moment {
        self.context.clock.now()
    }

    fn profile(&self) -> Result<Profile, Problem> {
        self.context.choose(self.wanted.as_deref())
    }

    fn profiles(&self) -> Vec<Profile> {
        self.context.profiles()
    }

    fn default_profile(&self) -> Option<String> {
        self.context.default_profile()
    }

    fn capabilities(&self, profile: &Profile) -> Capabilities {
        self.context.capabilities(profile)
    }

    fn pins(&self) -> Pins {
        self.context.pins()
    }

    fn check_filter(&self, profile: &Profile, wish: &FilterWish) -> Result<(), Problem> {
        self.context.check_filter(profile, wish)
    }

    fn choose(&mut self, profile: Profile) -> Result<(), Problem> {
        self.chosen = Some(profile);
        Ok(())
    }

    fn save_profile(&mut self, profile: &NewEntry) -> Result<String, Problem> {
        self.context.add_profile(profile)
    }

    fn remove_profile(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        let left = self.context.remove_profile(name)?;
        for folder in self.context.folders_that_stay(name) {
            let text = format!(
                "kept, for you to delete when you do not want it: {}",
                folder.display()
            );
            self.say(SafeText::new(&text).as_str());
        }
        Ok(left)
    }

    fn save_thing<'a>(
        &'a mut self,
        thing: &'a NewThingProfile,
    ) -> Pending<'a, Result<SavedThing, Problem>> {
        Box::pin(self.context.save_thing(thing))
    }

    fn try_connection<'a>(&'a mut self, profile: &'a str) -> Pending<'a, Result<(), Problem>> {
        Box::pin(async move {
            tokio::select! {
                biased;
                () = Self::interrupted(&mut self.signals) => Err(interrupted()),
                tried = self.context.try_connection(profile) => tried,
            }
        })
    }

    fn request(&mut self, what: Request) -> RequestId {
        self.asked += 1;
        let id = RequestId(self.asked);
        let asked = self.station().request(what);
        let inbox = self.inbox.clone();
        self.requests.spawn(async move {
            let result = asked.await;
            inbox.push(Event::Reply(id, result));
        });
        id
    }

    fn open(&mut self, opening: Opening) {
        let how = How {
            manual_ack: opening.manual_ack,
            filters: opening.filters,
            bare: opening.bare,
        };
        self.station().stream(how);
    }

    fn command(&mut self, command: SessionCommand) {
        let kept = command.clone();
        if !self.owed.is_empty() || !self.station().command(command) {
            self.owed.push_back(kept);
        }
    }

    fn close(&mut self) -> Pending<'_, ()> {
        Box::pin(async move {
            // What was written is acknowledged; else it would come again.
            let _late = tokio::time::timeout(SETTLING, self.settle()).await;
            if let Some(station) = self.station.take() {
                station.close().await;
            }
        })
    }

    fn next(&mut self, until: Option<Mono>) -> Pending<'_, Heard> {
        Box::pin(async move {
            if self.interrupts.pop_front().is_some() {
                return Heard::Interrupt;
            }
            if self.settle().await.is_err() {
                return Heard::Interrupt;
            }
            let deadline = until.map(|at| self.context.clock.instant(at));
            loop {
                tokio::select! {
                    biased;
                    () = Self::interrupted(&mut self.signals) => return Heard::Interrupt,
                    () = Self::filled(self.held.as_ref(), &self.inbox) => match self.at_hand() {
                        Some(heard) if self.is_after(&heard, until) => {
                            self.held = Some(heard);
                            return Heard::Deadline;
                        }
                        Some(heard) => return heard,
                        None => {}
                    },
                    piece = Self::piece(self.replay.as_mut(), self.wants_piece) => {
                        self.wants_piece = false;
                        return Heard::Piece(piece);
                    }
                    () = Self::reader_gone(self.reader.as_ref()) => {
                        self.reader = None;
                        return Heard::Left;
                    }
                    () = async {
                        match deadline {
                            Some(at) => tokio::time::sleep_until(at).await,
                            None => std::future::pending().await,
                        }
                    } => return Heard::Deadline,
                }
            }
        })
    }

    fn variable(&self, name: &str) -> Option<Secret> {
        self.context.variable(name)
    }

    fn seed(&self) -> u64 {
        fastrand::u64(..)
    }

    fn read_stdin(&mut self) -> Pending<'_, Result<Bytes, Problem>> {
        Box::pin(async move {
            let mut content = Vec::new();
            let mut stdin = tokio::io::stdin().take(LONGEST);
            tokio::select! {
                biased;
                () = Self::interrupted(&mut self.signals) => return Err(interrupted()),
                read = stdin.read_to_end(&mut content) => {
                    read.map_err(|error| unreadable("stdin", &error))?;
                }
            }
            fitting("stdin", content)
        })
    }

    fn read_file(&mut self, path: &Path) -> Result<Bytes, Problem> {
        let name = path.display().to_string();
        let mut content = Vec::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut content));
        read.map_err(|error| unreadable(&name, &error))?;
        fitting(&name, content)
    }

    fn read_secret(&mut self) -> Pending<'_, Result<Secret, Problem>> {
        Box::pin(async move {
            let mut text = String::new();
            let mut stdin = tokio::io::stdin().take(64 * 1024);
            let read = tokio::select! {
                biased;
                () = Self::interrupted(&mut self.signals) => return Err(interrupted()),
                read = stdin.read_to_string(&mut text) => read,
            };
            let secret = Secret::new(text.trim());
            read.map(|_| secret).map_err(|error| {
                Problem::new(
                    "could not read the secret from stdin",
                    error.to_string(),
                    "pipe it in as one line of text",
                )
                .exit(Exit::Usage)
            })
        })
    }

    fn open_recording(
        &mut self,
        path: &Path,
        existing: Existing,
    ) -> Result<Option<String>, Problem> {
        let (recording, mended) = Recording::open(path, existing)?;
        self.recording = Some(recording);
        Ok(mended)
    }

    fn record(&mut self, lines: String) -> Pending<'_, Result<(), Problem>> {
        Box::pin(async move {
            let Some(mut recording) = self.recording.take() else {
                return Err(gone());
            };
            let mut written = tokio::task::spawn_blocking(move || {
                let written = recording.write(lines.as_bytes());
                (recording, written)
            });
            let written = tokio::select! {
                biased;
                written = &mut written => written,
                () = Self::interrupted(&mut self.signals) => {
                    self.interrupts.push_back(());
                    // A disk that hangs is not waited for by a person who leaves.
                    tokio::time::timeout(FAREWELL, written)
                        .await
                        .map_err(|_late| gone().exit(Exit::Interrupted))?
                }
            };
            let (recording, written) = written.map_err(|_panic| gone())?;
            self.recording = Some(recording);
            written
        })
    }

    fn close_recording(&mut self, keep: bool) -> Pending<'_, Result<u64, Problem>> {
        Box::pin(async move {
            let Some(recording) = self.recording.take() else {
                return Ok(0);
            };
            let closed = tokio::task::spawn_blocking(move || recording.close(keep));
            closed.await.map_err(|_panic| gone())?
        })
    }

    fn open_replay(&mut self, from: &Place) -> Result<(), Problem> {
        self.replay = Some(Reading::open(from)?);
        Ok(())
    }

    fn read_replay(&mut self) -> Pending<'_, Piece> {
        Box::pin(async move {
            let Some(replay) = &mut self.replay else {
                return Piece::End;
            };
            tokio::select! {
                biased;
                () = Self::interrupted(&mut self.signals) => Piece::Interrupted,
                piece = replay.next() => piece,
            }
        })
    }

    fn want_piece(&mut self) {
        self.wants_piece = true;
    }

    fn confirm<'a>(&'a mut self, question: &'a str) -> Pending<'a, Answer> {
        Box::pin(async move {
            if !std::io::stdin().is_terminal() {
                return Answer::Nobody;
            }
            let _ = write!(std::io::stderr(), "{question} [y/N] ");
            let read = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                std::io::stdin().read_line(&mut line).map(|_| line)
            });
            tokio::select! {
                () = Self::interrupted(&mut self.signals) => Answer::Interrupted,
                read = read => match read {
                    Ok(Ok(line)) if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") => Answer::Yes,
                    _ => Answer::No,
                },
            }
        })
    }
}
