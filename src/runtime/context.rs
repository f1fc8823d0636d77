//! What everything in one run shares: folders, config, clock; and what it takes to open a profile.

mod accounts;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::clip::Wrapping;
use super::clock::Clock;
use super::config::{Config, Theme, edit};
use super::files::{self, Folders};
use super::io::{Receipts, RuntimeIo, TokenPlace};
use super::keep::Keep;
use super::secrets;
use super::simulated::{self, Simulators};
use super::stand_in;
use super::station::{Live, Station};
use super::{probe, thing};
use crate::app::ProfileSummary;
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::base::text::SafeText;
use crate::cli::Options;
use crate::cli::environment::Environment;
use crate::domain::capability::Capabilities;
use crate::domain::connection_state::Recipe;
use crate::domain::decode::Pins;
use crate::domain::profile::{
    Common, OnQuit, PlatformId, Profile, Proxy, ProxyRef, SecretRef, Settings,
};
use crate::domain::program::Programs;
use crate::domain::provision::{NewThingProfile, SavedThing};
use crate::domain::request::{Reply, Request};
use crate::domain::session::{SessionCommand, SessionEvent};
use crate::domain::subscription::FilterWish;
use crate::platform::{self, catalog};
use crate::rest::client::{RestClient, RestOptions};
use crate::session::driver::{Heard, Post};

/// Ending feeds on the way out is best effort: LG's cloud is not worth hanging for.
const LEAVE: Duration = Duration::from_secs(5);

const USER_AGENT: &str = concat!("thingdeck/", env!("CARGO_PKG_VERSION"));

pub struct Context {
    pub clock: Clock,
    pub frame_marks: bool,
    pub wrapping: Wrapping,
    folders: Folders,
    insecure: bool,
    pub environment: Environment,
    config: Mutex<Config>,
    warnings: Mutex<Vec<Problem>>,
    tokens: Mutex<HashMap<String, TokenPlace>>,
    simulated: Simulators,
    /// What `--url` names: instead of every profile of the config file.
    stand_in: Option<Profile>,
    passing: Mutex<Passing>,
}

/// Things of a simulator inside this process: gone with it.
#[derive(Default)]
struct Passing {
    folder: Option<TempDir>,
    profiles: Vec<Profile>,
}

impl Context {
    pub fn load(options: &Options) -> Result<Arc<Self>, Problem> {
        let folders = Folders::of(options)?;
        let config = Config::load(&folders.config_file)?;
        let stand_in = match &options.look {
            Some(look) => Some(stand_in::profile(look, &options.environment)?),
            None => None,
        };
        let mut warnings = match stand_in {
            Some(_) => Vec::new(),
            None => config.warnings.clone(),
        };
        warnings.extend(key_log(&options.environment));
        Ok(Arc::new(Self {
            clock: Clock::start(),
            frame_marks: options.frame_marks,
            wrapping: Wrapping::around(&options.environment),
            folders,
            insecure: options.insecure,
            environment: options.environment.clone(),
            config: Mutex::new(config),
            warnings: Mutex::new(warnings),
            tokens: Mutex::default(),
            simulated: Simulators::default(),
            stand_in,
            passing: Mutex::default(),
        }))
    }

    fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn log_folder(&self) -> PathBuf {
        self.folders.logs()
    }

    pub fn warn(&self, problem: Problem) {
        self.warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(problem);
    }

    /// What a person should read once; gone from here then.
    pub fn take_warnings(&self) -> Vec<Problem> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn theme(&self) -> Option<Theme> {
        self.config().ui.theme.clone()
    }

    pub fn mouse(&self) -> bool {
        self.config().ui.mouse
    }

    pub fn memory_limit(&self) -> usize {
        usize::try_from(self.config().history.memory).unwrap_or(usize::MAX)
    }

    /// Bytes that older messages may take on the disk; none do where it is 0.
    pub fn history_limit(&self) -> u64 {
        self.config().history.disk
    }

    pub fn history_folder(&self, profile: &str) -> PathBuf {
        self.folders.history(profile)
    }

    pub fn recordings_folder(&self, profile: &str) -> PathBuf {
        self.folders.recordings(profile)
    }

    pub fn pins(&self) -> Pins {
        self.config().decode.clone()
    }

    /// Writes how a topic's payloads are decoded; answers where.
    pub fn save_pin(&self, topic: &str, chain: &str) -> Result<String, Problem> {
        edit::save_pin(&self.folders.config_file, topic, chain)?;
        self.read_again()?;
        Ok(self.folders.config_file.display().to_string())
    }

    pub fn programs(&self) -> Programs {
        self.config().programs.clone()
    }

    /// Writes which jq program is put over a topic's payloads; answers where.
    pub fn save_program(&self, topic: &str, program: Option<&str>) -> Result<String, Problem> {
        edit::save_program(&self.folders.config_file, topic, program)?;
        self.read_again()?;
        Ok(self.folders.config_file.display().to_string())
    }

    pub fn variable(&self, name: &str) -> Option<Secret> {
        self.environment.text(name).map(Secret::new)
    }

    pub fn capabilities(&self, profile: &Profile) -> Capabilities {
        catalog::build(profile).info().capabilities
    }

    /// The platform's own rules, apart from any connection.
    pub fn check_filter(&self, profile: &Profile, wish: &FilterWish) -> Result<(), Problem> {
        let platform = catalog::build(profile);
        if platform.defers(wish) {
            return Ok(());
        }
        platform.check_filter(wish)
    }

    pub fn profiles(&self) -> Vec<Profile> {
        self.config().profiles.clone()
    }

    pub fn default_profile(&self) -> Option<String> {
        self.config().default_profile.clone()
    }

    /// The stand-in by its name, or where no name is given.
    fn stand_in(&self, name: Option<&str>) -> Option<&Profile> {
        let stand_in = self.stand_in.as_ref()?;
        name.is_none_or(|name| name == stand_in.name)
            .then_some(stand_in)
    }

    /// The profile a headless verb is about; none at all is a problem.
    pub fn choose(&self, name: Option<&str>) -> Result<Profile, Problem> {
        if let Some(stand_in) = self.stand_in(name) {
            return Ok(stand_in.clone());
        }
        self.config().choose(name, self.insecure)?.ok_or_else(|| {
            let remedy = "add an account: thingdeck profile-add, or start thingdeck without a command and press P";
            let file = &self.folders.config_file;
            let cause = if file.exists() {
                format!("{} names none", file.display())
            } else {
                format!("there is no file {}", file.display())
            };
            Problem::new("there is no profile yet", cause, remedy).exit(Exit::Usage)
        })
    }

    /// The name of the profile the dashboard opens; `None` for the simulated home.
    pub fn choose_for_dashboard(&self, name: Option<&str>) -> Result<Option<String>, Problem> {
        if let Some(stand_in) = self.stand_in(name) {
            return Ok(Some(stand_in.name.clone()));
        }
        Ok(self
            .config()
            .choose(name, self.insecure)?
            .map(|profile| profile.name))
    }

    pub fn summaries(&self) -> Vec<ProfileSummary> {
        let real = self.stand_in.iter().cloned().chain(self.profiles());
        let simulated = PlatformId::ALL.map(simulated::listed);
        real.chain(simulated)
            .map(|profile| summary(&profile))
            .collect()
    }

    /// A profile by name; a simulator is started when it is the one.
    pub async fn profile(&self, name: &str) -> Result<Profile, Problem> {
        if let Some(platform) = simulated::platform(name) {
            return self.simulated.profile(platform).await;
        }
        let passing = self
            .passing()
            .profiles
            .iter()
            .find(|p| p.name == name)
            .cloned();
        passing.map_or_else(|| self.choose(Some(name)), Ok)
    }

    fn passing(&self) -> MutexGuard<'_, Passing> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A provisioned thing as a profile: its files, its entry.
    pub async fn save_thing(&self, new: &NewThingProfile) -> Result<SavedThing, Problem> {
        if simulated::platform(&new.claim).is_some() {
            let claim = self.profile(&new.claim).await?;
            return self.save_thing_for_now(&claim, new);
        }
        let saved = thing::save(&self.folders, &self.config(), new)?;
        self.read_again()?;
        Ok(saved)
    }

    fn save_thing_for_now(
        &self,
        claim: &Profile,
        new: &NewThingProfile,
    ) -> Result<SavedThing, Problem> {
        let mut taken = self.profiles();
        let mut passing = self.passing();
        taken.extend(passing.profiles.iter().cloned());
        let folder = match passing.folder.take() {
            Some(folder) => folder,
            None => thing::folder_for_now()?,
        };
        let made = thing::save_for_now(&folder, claim, &taken, new);
        passing.folder = Some(folder);
        let (saved, profile) = made?;
        passing.profiles.retain(|p| p.name != profile.name);
        passing.profiles.push(profile);
        Ok(saved)
    }

    /// A connection with this profile beside all others, until the broker's first word.
    pub async fn try_connection(&self, name: &str) -> Result<(), Problem> {
        let profile = self.profile(name).await?;
        let (commands, _orders) = mpsc::channel(1);
        let live = self
            .live(
                profile,
                commands,
                Arc::default(),
                Arc::default(),
                Arc::new(Nobody),
            )
            .await?;
        probe::connect(live.platform, live.io).await.map(|_up| ())
    }

    /// What the profile knows of the recipe's texts.
    pub async fn complete_recipe(&self, recipe: &mut Recipe) -> Result<(), Problem> {
        let profile = self.profile(&recipe.profile).await?;
        if let Settings::Aws(settings) = &profile.settings {
            recipe.client_id.clone_from(&settings.client_id);
            recipe.region = settings.region();
        }
        recipe.keep_alive = profile.common.keep_alive.unwrap_or(recipe.keep_alive);
        Ok(())
    }

    /// Will, connect and disconnect message into the config file; answers where.
    pub fn save_messages(&self, recipe: &Recipe) -> Result<String, Problem> {
        let file = &self.folders.config_file;
        edit::save_messages(file, &recipe.profile, &recipe.messages())?;
        self.read_again()?;
        Ok(file.display().to_string())
    }

    /// As the screen needs to know it.
    pub async fn summary_of(&self, name: &str) -> Result<ProfileSummary, Problem> {
        Ok(summary(&self.profile(name).await?))
    }

    pub async fn stop_simulator(&self) {
        self.simulated.stop().await;
    }

    /// Everything an open profile needs.
    pub async fn live(
        &self,
        profile: Profile,
        commands: mpsc::Sender<SessionCommand>,
        heard: Arc<Heard>,
        receipts: Arc<Receipts>,
        outlet: Arc<dyn Post>,
    ) -> Result<Live, Problem> {
        // A simulator issues a new identity at each start, and a broker without a name has none: nothing is worth a file.
        let is_unnamed = self.stand_in(Some(&profile.name)).is_some();
        let keep = if profile.simulated || is_unnamed {
            Keep::in_memory()
        } else {
            Keep::on_disk(self.folders.identity(&profile.name))
        };
        let mut io = self
            .port(&profile, keep, commands, heard, receipts, outlet)
            .await?;
        if let Some(token) = profile.settings.token() {
            io.token = Some(self.token_place(&profile.name, token));
        }
        Ok(Live {
            platform: catalog::build(&profile),
            io: Arc::new(io),
            profile,
        })
    }

    async fn port(
        &self,
        profile: &Profile,
        identity: Keep,
        commands: mpsc::Sender<SessionCommand>,
        heard: Arc<Heard>,
        receipts: Arc<Receipts>,
        outlet: Arc<dyn Post>,
    ) -> Result<RuntimeIo, Problem> {
        // Reading the system's roots for nothing would be most of a short command's time.
        let rest = if profile.settings.has_rest() {
            Some(self.rest(&profile.common).await?)
        } else {
            None
        };
        Ok(RuntimeIo {
            clock: self.clock,
            rest,
            identity,
            token: profile.settings.token().cloned().map(TokenPlace::new),
            environment: self.environment.clone(),
            commands,
            heard,
            outlet,
            receipts,
            told: Mutex::default(),
        })
    }

    async fn rest(&self, common: &Common) -> Result<RestClient, Problem> {
        let mut roots = Vec::new();
        if let Some(path) = &common.ca_file {
            let read = std::fs::read_to_string(path);
            roots.push(read.map_err(|e| files::trouble("read", path, &e).exit(Exit::Usage))?);
        }
        let proxy = self.proxy(common).await?;
        RestClient::with(RestOptions {
            extra_roots_pem: &roots,
            system_roots: !common.ca_file_only,
            insecure: common.insecure_skip_verify && self.insecure,
            proxy: proxy.as_ref(),
            user_agent: USER_AGENT,
        })
    }

    async fn proxy(&self, common: &Common) -> Result<Option<Proxy>, Problem> {
        match &common.proxy {
            None => Ok(None),
            Some(ProxyRef::Here(proxy)) => Ok(Some(proxy.clone())),
            Some(ProxyRef::At(place)) => {
                let found = secrets::find(place, &self.environment).await?;
                platform::common::read_proxy(place, &found.secret).map(Some)
            }
        }
    }

    /// Ends the feeds that the profile's owner does not want kept, in bounded time.
    pub async fn leave(&self, station: &Station, ending: Option<OnQuit>) {
        let Some(Ok(live)) = tokio::time::timeout(Duration::from_millis(50), station.live())
            .await
            .ok()
        else {
            return;
        };
        let Settings::Thinq(settings) = &live.profile.settings else {
            return;
        };
        let (end_push, end_event) = match ending.unwrap_or(settings.on_quit) {
            OnQuit::Keep => return,
            OnQuit::EndEvents => (false, true),
            OnQuit::EndAll => (true, true),
        };
        let request = Request::Leave {
            end_push,
            end_event,
        };
        let left = tokio::time::timeout(LEAVE, live.request(request))
            .await
            .ok();
        for line in not_ended(left) {
            tracing::warn!("{line}");
            // The screen is given back by now; a closed stderr is no reason to fail.
            let _ = writeln!(std::io::stderr(), "{}", SafeText::new(&line).as_str());
        }
    }

    /// One for each profile: whoever is open on it finds the token where it is now.
    fn token_place(&self, profile: &str, now: &SecretRef) -> TokenPlace {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tokens
            .entry(profile.to_owned())
            .or_insert_with(|| TokenPlace::new(now.clone()));
        place.moved(now.clone());
        place.clone()
    }

    fn read_again(&self) -> Result<(), Problem> {
        *self.config() = Config::load(&self.folders.config_file)?;
        Ok(())
    }

    /// Where the composer keeps what it has of a profile; nowhere for a simulated one.
    pub fn composer_folder(&self, profile: &str) -> Option<PathBuf> {
        simulated::platform(profile)
            .is_none()
            .then(|| self.folders.composer(profile))
    }

    pub fn templates_file(&self) -> PathBuf {
        self.folders.config_file.with_file_name("templates.toml")
    }

    /// A file of exactly these bytes in the state folder; answers where.
    pub fn write_payload(&self, name: &str, content: &[u8]) -> Result<String, Problem> {
        let ending = match std::str::from_utf8(content) {
            Ok(_text) => "txt",
            Err(_bytes) => "bin",
        };
        self.write_new(name, ending, content)
    }

    /// Figures that were asked for as a file; answers where.
    pub fn export(&self, ending: &str, content: &[u8]) -> Result<String, Problem> {
        self.write_new("plot", ending, content)
    }

    fn write_new(&self, what: &str, ending: &str, content: &[u8]) -> Result<String, Problem> {
        files::make_private_folder(&self.folders.state)?;
        let now = self.clock.now().wall.seconds();
        let path = files::write_new(&self.folders.state, (what, now, ending), content)?;
        Ok(path.display().to_string())
    }
}

/// The TLS library writes there whenever the variable is set: nobody should do that without knowing.
fn key_log(environment: &Environment) -> Option<Problem> {
    let file = environment
        .text("SSLKEYLOGFILE")
        .filter(|f| !f.is_empty())?;
    Some(Problem::new(
        "the keys of TLS connections are written to a file",
        format!("SSLKEYLOGFILE names {file}: whoever reads it can read what was sent and received"),
        "unset SSLKEYLOGFILE when you do not look at your own traffic",
    ))
}

/// What quitting could not end, in lines; `None` when no answer came in time.
fn not_ended(left: Option<Result<Reply, Problem>>) -> Vec<String> {
    match left {
        Some(Ok(Reply::Left { failed })) => failed,
        Some(Ok(_)) => Vec::new(),
        Some(Err(problem)) => vec![problem.line()],
        None => vec!["the subscriptions could not be ended in time; they stay".to_owned()],
    }
}

/// Where nobody listens.
struct Nobody;

impl Post for Nobody {
    fn post(&self, _event: SessionEvent) {}
}

fn summary(profile: &Profile) -> ProfileSummary {
    let (event_hours, on_quit) = match &profile.settings {
        Settings::Thinq(settings) => (settings.event_hours, settings.on_quit),
        _ => (0, OnQuit::Keep),
    };
    ProfileSummary {
        capabilities: catalog::build(profile).info().capabilities,
        simulated: profile.simulated,
        insecure: profile.common.insecure_skip_verify,
        event_hours,
        on_quit,
        version: profile.settings.version(),
        topics: profile.common.topics.clone(),
        ..ProfileSummary::new(&profile.name, profile.platform(), &profile.settings.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_quitting_could_not_end_is_said_line_by_line() {
        let failed = vec!["event of Dryer was not ended in time".to_owned()];
        let left = Reply::Left {
            failed: failed.clone(),
        };
        assert_eq!(not_ended(Some(Ok(left))), failed);
        let nothing = Reply::Left { failed: Vec::new() };
        assert_eq!(not_ended(Some(Ok(nothing))), Vec::<String>::new());
        assert_eq!(not_ended(None).len(), 1);
        let problem = Problem::new("could not end", "no network", "");
        assert!(not_ended(Some(Err(problem)))[0].contains("no network"));
    }
}
