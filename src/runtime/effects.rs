//! The hands of the core: each effect becomes a task, a file, a timer or a command. Nothing here waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use super::clip;
use super::context::Context;
use super::drawer::{self, Drawer, Job as Keeping};
use super::editing::Editing;
use super::inbox::Inbox;
use super::recorder::{self, Recorder};
use super::shelf::Shelf;
use super::sieve::Sieve;
use super::simulated;
use super::station::{How, Station};
use crate::app::document::Job;
use crate::app::effect::{Effect, Needs, NewProfile};
use crate::app::event::{Event, Gathered, Outcome, TimerId};
use crate::app::sieve::SiftRow;
use crate::base::moment::Mono;
use crate::base::problem::{Problem, Retry};
use crate::base::secret::Secret;
use crate::domain::connection_state::Recipe;
use crate::domain::profile::OnQuit;
use crate::domain::provision::NewThingProfile;
use crate::domain::request::{Request, RequestId};
use crate::domain::session::{SessionCommand, SessionEvent, SessionId};

pub struct Hands {
    context: Arc<Context>,
    inbox: Inbox,
    station: Option<Station>,
    profile: String,
    requests: HashMap<RequestId, AbortHandle>,
    tasks: JoinSet<()>,
    timers: BTreeMap<TimerId, Mono>,
    /// Places for large payloads that are decoded at the same time.
    decoding: Arc<Semaphore>,
    /// For jq programs.
    sieve: Arc<tokio::sync::Mutex<Sieve>>,
    /// Where the open session's older messages go.
    shelf: Option<Shelf>,
    /// What is being recorded.
    recorder: Option<Recorder>,
    /// What the composer keeps.
    drawer: Drawer,
    /// What leaving does to the subscriptions, where the user said so; else the profile says.
    ending: Option<OnQuit>,
}

/// What only the loop itself can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    Suspend,
    Quit,
    /// Bytes for the terminal: a clipboard sequence.
    Send(Vec<u8>),
    Edit(Editing),
}

impl Hands {
    pub fn new(context: Arc<Context>, inbox: Inbox) -> Self {
        Self {
            drawer: Drawer::open(inbox.clone()),
            context,
            inbox,
            station: None,
            profile: String::new(),
            requests: HashMap::new(),
            tasks: JoinSet::new(),
            timers: BTreeMap::new(),
            decoding: Arc::new(Semaphore::new(2)),
            sieve: Arc::new(tokio::sync::Mutex::new(Sieve::new(
                std::env::current_exe().unwrap_or_else(|_| "thingdeck".into()),
            ))),
            shelf: None,
            recorder: None,
            ending: None,
        }
    }

    /// Carries out one effect; what only the loop can do comes back.
    pub fn carry_out(&mut self, effect: Effect) -> Option<Errand> {
        while self.tasks.try_join_next().is_some() {}
        match effect {
            Effect::Open { id, profile } => self.open(id, profile),
            Effect::Session(id, command) => self.command(id, command),
            Effect::Request(id, what) => self.request(id, what),
            Effect::Abort(id) => {
                if let Some(task) = self.requests.remove(&id) {
                    task.abort();
                }
            }
            Effect::StartTimer(id, wait) => {
                self.timers
                    .insert(id, self.context.clock.now().mono.plus(wait));
            }
            Effect::StopTimer(id) => {
                self.timers.remove(&id);
            }
            Effect::Copy(id, text) => {
                return self.copy(id, Bytes::from(text));
            }
            Effect::CopyBytes(id, bytes) => return self.copy(id, bytes),
            Effect::SaveBytes(id, bytes) => {
                self.write(id, move |context| context.write_payload("saved", &bytes));
            }
            Effect::Decode(id, job) => self.decode(id, job),
            Effect::Sift(id, rows) => self.sift(id, rows),
            Effect::SaveProgram { id, topic, program } => {
                let saved = self.context.save_program(&topic, program.as_deref());
                self.inbox
                    .push(Event::Done(id, saved.map(|path| Outcome::Written { path })));
            }
            Effect::Export { id, ending, text } => {
                self.write(id, move |context| context.export(ending, text.as_bytes()));
            }
            Effect::SavePin { id, topic, chain } => {
                let saved = self.context.save_pin(&topic, &chain);
                self.inbox
                    .push(Event::Done(id, saved.map(|path| Outcome::Written { path })));
            }
            Effect::TryProfile(id, profile) => self.try_profile(id, profile),
            Effect::SaveProfile(id, profile) => self.save_profile(id, &profile),
            Effect::SaveThing(id, new) => self.save_thing(id, new),
            Effect::TryThing(id, profile) => self.try_thing(id, profile),
            Effect::CompleteRecipe(id, recipe) => self.complete_recipe(id, recipe),
            Effect::SaveMessages(id, recipe) => {
                let saved = self.context.save_messages(&recipe);
                let written = saved.map(|path| Outcome::Written { path });
                self.inbox.push(Event::Done(id, written));
            }
            Effect::SaveToken(id, token) => self.save_token(id, &token),
            Effect::Shelve(id, place, sheet) => {
                if let Some(shelf) = self.shelf(id) {
                    shelf.keep(place, sheet);
                }
            }
            Effect::Unshelve(id, place, rows) => {
                if let Some(shelf) = self.shelf(id) {
                    shelf.read(place, rows);
                }
            }
            Effect::Search(id, search, query) => {
                if let Some(shelf) = self.shelf(id) {
                    shelf.search(search, query);
                }
            }
            Effect::Seek(id, search, seek) => {
                if let Some(shelf) = self.shelf(id) {
                    shelf.seek(search, *seek);
                }
            }
            Effect::StopSearch(search) => {
                if let Some(shelf) = &self.shelf {
                    shelf.stop_search(search);
                }
            }
            Effect::ShelveRest(id, rest) => {
                if let Some(shelf) = self.shelf.as_mut().filter(|s| s.id() == id) {
                    shelf.finish(rest);
                }
            }
            Effect::StartRecording {
                id,
                profile,
                platform,
            } => {
                let opening = recorder::Opening {
                    id,
                    folder: self.context.recordings_folder(&profile),
                    profile,
                    platform,
                    at: self.context.clock.now().wall,
                };
                self.recorder = Some(Recorder::start(opening, &self.inbox));
            }
            Effect::Record(id, recorded) => {
                if let Some(recorder) = self.recorder.as_ref().filter(|r| r.id() == id) {
                    recorder.take(recorded);
                }
            }
            Effect::StopRecording(id) => {
                if let Some(recorder) = self.recorder.as_ref().filter(|r| r.id() == id) {
                    recorder.stop();
                }
            }
            Effect::Edit { id, text, ending } => {
                return Some(Errand::Edit(Editing { id, text, ending }));
            }
            Effect::Gather(id, needs) => self.gather(id, needs),
            Effect::LoadKept(id, profile) => {
                let folder = self.context.composer_folder(&profile);
                self.put_away(Keeping::Load(id, folder));
            }
            Effect::KeepDraft { profile, draft } => {
                if let Some(folder) = self.context.composer_folder(&profile) {
                    self.put_away(Keeping::Draft(folder, draft));
                }
            }
            Effect::KeepHistory { profile, entry } => {
                if let Some(folder) = self.context.composer_folder(&profile) {
                    self.put_away(Keeping::History(folder, entry));
                }
            }
            Effect::Templates(id, order) => {
                let file = self.context.templates_file();
                self.put_away(Keeping::Templates(id, file, order));
            }
            Effect::Suspend => return Some(Errand::Suspend),
            Effect::Quit => return Some(Errand::Quit),
            Effect::QuitEnding => {
                self.ending = Some(OnQuit::EndAll);
                return Some(Errand::Quit);
            }
        }
        None
    }

    /// Timers that are due at `now`, oldest first; they are gone from the list.
    pub fn due(&mut self, now: Mono) -> Vec<TimerId> {
        let due: Vec<TimerId> = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in &due {
            self.timers.remove(id);
        }
        due
    }

    pub fn next_timer(&self) -> Option<Mono> {
        self.timers.values().min().copied()
    }

    /// Ends what the profile does not keep, says goodbye, stops every task. Bounded in time.
    pub async fn leave(mut self) {
        // Nothing that comes from here on is anybody's: the file is finished while the rest is.
        if let Some(recorder) = &self.recorder {
            recorder.stop();
        }
        self.drawer.close().await;
        if let Some(station) = self.station.take() {
            self.context.leave(&station, self.ending).await;
            station.close().await;
        }
        if let Some(shelf) = self.shelf.take() {
            shelf.close().await;
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.close().await;
        }
        self.tasks.shutdown().await;
        self.context.stop_simulator().await;
    }

    fn shelf(&self, id: SessionId) -> Option<&Shelf> {
        self.shelf.as_ref().filter(|shelf| shelf.id() == id)
    }

    /// Nothing that a simulator says is worth a file.
    fn open_shelf(&mut self, id: SessionId, profile: &str) {
        if let Some(before) = self.shelf.take() {
            self.tasks.spawn(before.close());
        }
        let limit = self.context.history_limit();
        if limit > 0 && simulated::platform(profile).is_none() {
            let folder = self.context.history_folder(profile);
            self.shelf = Some(Shelf::open(folder, limit, id, &self.inbox));
        }
    }

    fn open(&mut self, id: SessionId, profile: String) {
        self.open_shelf(id, &profile);
        if let Some(old) = self.station.take() {
            self.tasks.spawn(old.close());
        }
        let mut station = Station::open(&self.context, id, &profile, &self.inbox);
        station.stream(How::default());
        self.station = Some(station);
        self.profile = profile;
    }

    fn command(&self, id: SessionId, command: SessionCommand) {
        let Some(station) = self.station.as_ref().filter(|s| s.id == id) else {
            return;
        };
        let receipt = match &command {
            SessionCommand::Publish(receipt, _) => Some(*receipt),
            _ => None,
        };
        if station.command(command) {
            return;
        }
        let busy = Problem::new(
            "the session did not take the command",
            "it is busy or closed",
            "try again",
        )
        .retry(Retry::Backoff);
        let event = match receipt {
            Some(receipt) => SessionEvent::Receipt {
                id: receipt,
                result: Err(busy),
            },
            None => SessionEvent::Fact(crate::domain::fact::Fact::Notice(busy)),
        };
        self.inbox.push(Event::Session(id, event));
    }

    fn request(&mut self, id: RequestId, what: Request) {
        let Some(station) = &self.station else {
            let problem =
                Problem::new("nothing was asked", "no profile is open", "open one with P");
            self.inbox.push(Event::Reply(id, Err(problem)));
            return;
        };
        let asked = station.request(what);
        let inbox = self.inbox.clone();
        let task = self.tasks.spawn(async move {
            let result = asked.await;
            inbox.push(Event::Reply(id, result));
        });
        self.requests.retain(|_, task| !task.is_finished());
        self.requests.insert(id, task);
    }

    fn put_away(&self, job: Keeping) {
        let session = self.station.as_ref().map(|station| station.id);
        self.drawer.take(session.unwrap_or_default(), job);
    }

    /// Variables from the environment as it was at the start, and a file's bytes.
    fn gather(&mut self, id: RequestId, needs: Needs) {
        let variables = needs
            .variables
            .into_iter()
            .map(|name| {
                let value = self.context.environment.text(&name).map(Secret::new);
                (name, value)
            })
            .collect();
        let inbox = self.inbox.clone();
        let task = self.tasks.spawn(async move {
            let file = match needs.file {
                Some(path) => drawer::read_payload(&path).await.map(Some),
                None => Ok(None),
            };
            let gathered = file.map(|file| Outcome::Gathered(Gathered { variables, file }));
            inbox.push(Event::Done(id, gathered));
        });
        self.requests.retain(|_, task| !task.is_finished());
        self.requests.insert(id, task);
    }

    /// What is too long for a terminal goes to the clipboard alone; where there is none, into a file, as it is.
    fn copy(&mut self, id: RequestId, whole: Bytes) -> Option<Errand> {
        let wrapping = self.context.wrapping;
        let text = clip::fits(&whole).then(|| clip::as_text(&whole));
        let sequence = text.as_ref().and_then(|text| clip::osc52(text, wrapping));
        let (Some(text), Some(sequence)) = (text, sequence) else {
            let (inbox, context) = (self.inbox.clone(), Arc::clone(&self.context));
            self.tasks.spawn(async move {
                let copied = if clip::local(&clip::as_text(&whole)).await {
                    let hex = as_hex(&whole);
                    let how = format!("the clipboard (it is too long for OSC 52){hex}");
                    Ok(Outcome::Copied { how })
                } else {
                    let written = context.write_payload("copied", &whole);
                    written.map(|path| Outcome::Written { path })
                };
                inbox.push(Event::Done(id, copied));
            });
            return None;
        };
        let inbox = self.inbox.clone();
        let hex = as_hex(&whole);
        self.tasks.spawn(async move {
            let how = if clip::local(&text).await {
                format!("the clipboard and the terminal (OSC 52){hex}")
            } else {
                format!("the terminal (OSC 52){hex}")
            };
            inbox.push(Event::Done(id, Ok(Outcome::Copied { how })));
        });
        Some(Errand::Send(sequence))
    }

    /// Beside the screen: a disk may take its time. Leaving waits for it.
    fn write(
        &mut self,
        id: RequestId,
        write: impl FnOnce(&Context) -> Result<String, Problem> + Send + 'static,
    ) {
        let (context, inbox) = (Arc::clone(&self.context), self.inbox.clone());
        self.tasks.spawn_blocking(move || {
            let written = write(&context).map(|path| Outcome::Written { path });
            inbox.push(Event::Done(id, written));
        });
    }

    /// Beside the screen, two at a time: one that is not wanted any more gives up its place in the queue.
    fn decode(&mut self, id: RequestId, job: Box<Job>) {
        let (inbox, places) = (self.inbox.clone(), Arc::clone(&self.decoding));
        let task = self.tasks.spawn(async move {
            let Ok(place) = places.acquire_owned().await else {
                return;
            };
            let work = tokio::task::spawn_blocking(move || {
                let ready = job.run();
                drop(place);
                ready
            });
            if let Ok(ready) = work.await {
                inbox.push(Event::Decoded(id, Box::new(ready)));
            }
        });
        self.requests.retain(|_, task| !task.is_finished());
        self.requests.insert(id, task);
    }

    /// One window at a time; who drops a question ends the process that works at it.
    fn sift(&mut self, id: RequestId, rows: Vec<SiftRow>) {
        let (inbox, sieve) = (self.inbox.clone(), Arc::clone(&self.sieve));
        let task = self.tasks.spawn(async move {
            let mut sieve = sieve.lock().await;
            sieve
                .sift(&rows, |results, last| {
                    inbox.push(Event::Sifted(id, results, last));
                })
                .await;
        });
        self.requests.retain(|_, task| !task.is_finished());
        self.requests.insert(id, task);
    }

    fn try_profile(&mut self, id: RequestId, profile: NewProfile) {
        let (context, inbox) = (Arc::clone(&self.context), self.inbox.clone());
        let task = self.tasks.spawn(async move {
            let result = context.probe(id, &profile, &inbox).await;
            inbox.push(Event::Reply(id, result));
        });
        self.requests.insert(id, task);
    }

    fn save_profile(&self, id: RequestId, profile: &NewProfile) {
        let saved = self.context.save_profile(profile);
        self.inbox.push(Event::Done(
            id,
            saved.map(|()| Outcome::ProfileSaved {
                name: profile.name.clone(),
            }),
        ));
    }

    fn save_thing(&mut self, id: RequestId, new: Box<NewThingProfile>) {
        let (context, inbox) = (Arc::clone(&self.context), self.inbox.clone());
        let task = self.tasks.spawn(async move {
            let saved = match context.save_thing(&new).await {
                Ok(saved) => context
                    .summary_of(&saved.profile)
                    .await
                    .map(|summary| Outcome::ThingSaved(Box::new(saved), Box::new(summary))),
                Err(problem) => Err(problem),
            };
            inbox.push(Event::Done(id, saved));
        });
        self.requests.insert(id, task);
    }

    fn try_thing(&mut self, id: RequestId, profile: String) {
        let (context, inbox) = (Arc::clone(&self.context), self.inbox.clone());
        let task = self.tasks.spawn(async move {
            let tried = context.try_connection(&profile).await;
            inbox.push(Event::Done(id, tried.map(|()| Outcome::Tried)));
        });
        self.requests.insert(id, task);
    }

    fn complete_recipe(&mut self, id: RequestId, mut recipe: Box<Recipe>) {
        let (context, inbox) = (Arc::clone(&self.context), self.inbox.clone());
        let task = self.tasks.spawn(async move {
            let completed = context.complete_recipe(&mut recipe).await;
            inbox.push(Event::Done(id, completed.map(|()| Outcome::Recipe(recipe))));
        });
        self.requests.insert(id, task);
    }

    fn save_token(&self, id: RequestId, token: &Secret) {
        let saved = self.context.save_token(&self.profile, token);
        self.inbox.push(Event::Done(
            id,
            saved.map(|()| Outcome::ProfileSaved {
                name: self.profile.clone(),
            }),
        ));
    }
}

/// Bytes that are no text are copied in digits.
fn as_hex(bytes: &Bytes) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(_) => "",
        Err(_) => ", as hex",
    }
}
