//! The embedded simulator: a cloud in this process, on loopback, that refuses what the real one refuses.
//!
//! It shares no code with the adapters: two independent readings of the reference. [`Sim::start`] serves until
//! [`Sim::stop`]; [`SimControl`] makes trouble on purpose and looks behind the curtain.

pub mod broker;
pub mod ca;
mod clock;
pub mod cloud;
mod control;
pub mod event;
pub mod faults;
mod hub;
mod serve;
pub mod wire;
pub mod world;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use self::ca::{Authority, CaError};
use self::clock::SimClock;
use self::cloud::Cloud;
use self::cloud::thinq::{Hosts, Thinq};
pub use self::control::{DeviceInfo, SimControl};
pub use self::event::{CallRecord, SimEvent, SimEvents};
pub use self::faults::{Fault, Times};
use self::hub::Hub;
use self::world::World;
use crate::base::secret::Secret;

/// How often the simulator looks whether something is due.
const TICK: Duration = Duration::from_millis(50);
/// The same under load.
const LOAD_TICK: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen { port: u16, source: io::Error },
    #[error("cannot set up certificates")]
    Certificates(#[from] CaError),
}

/// What to simulate, and where to put its files.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Gets `ca.pem`, `config.toml` and `token`. Made if it is not there.
    pub dir: PathBuf,
    /// 0 is any, here and below.
    pub api_port: u16,
    pub mqtt_port: u16,
    /// For platforms with MQTT over WebSocket; ThinQ has none.
    pub wss_port: u16,
    /// As many devices; the home's own number when none.
    pub devices: Option<usize>,
    /// Extra messages per second over all subscribed devices.
    pub rate: f64,
    pub seed: u64,
}

impl SimOptions {
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            api_port: 0,
            mqtt_port: 0,
            wss_port: 0,
            devices: None,
            rate: 0.0,
            seed: 0,
        }
    }
}

/// The line that tells that the simulator serves (`interface.md` 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    pub ready: bool,
    pub platform: &'static str,
    pub api_url: String,
    pub mqtt_url: String,
    pub wss_url: Option<String>,
    pub ca_file: PathBuf,
    pub config: PathBuf,
}

/// A running simulator. Dropping it ends it as [`Sim::stop`] does, without waiting.
pub struct Sim {
    ready: Ready,
    hub: Arc<Hub<Thinq>>,
    tasks: JoinSet<()>,
}

impl Sim {
    /// Binds, writes its files, and serves from then on. Needs a tokio runtime around it.
    pub async fn start(options: SimOptions) -> Result<Self, SimError> {
        let listen = |port| serve::bind(port).map_err(|source| SimError::Listen { port, source });
        let (api, api_address) = listen(options.api_port)?;
        let (mqtt, mqtt_address) = listen(options.mqtt_port)?;
        let authority = Arc::new(Authority::new()?);
        let ready = Ready {
            ready: true,
            platform: "thinq",
            api_url: format!("https://{api_address}"),
            mqtt_url: format!("mqtts://{mqtt_address}"),
            wss_url: None,
            ca_file: options.dir.join("ca.pem"),
            config: options.dir.join("config.toml"),
        };
        let token = new_token();
        let files = options.clone();
        let (texts, written) = (file_texts(&ready, &authority, &token), ready.clone());
        tokio::task::spawn_blocking(move || write_files(&files.dir, &written, &texts))
            .await
            .unwrap_or(Ok(()))?;
        let hosts = Hosts {
            api: ready.api_url.clone(),
            mqtt: ready.mqtt_url.clone(),
            web_socket: format!("wss://{mqtt_address}/mqtt"),
        };
        let world = World::new(options.seed, options.devices);
        let cloud = Thinq::new(world, hosts, token, Arc::clone(&authority));
        let hub = Arc::new(Hub::new(SimClock::start(), cloud));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::http::serve(
            Arc::clone(&hub),
            api,
            authority.https()?,
        ));
        // Weak: the TLS set-up belongs to a task that the hub's owner ends.
        let gate = Arc::downgrade(&hub);
        let accepted = Arc::new(move |der: &[u8]| {
            gate.upgrade()
                .is_some_and(|hub| hub.core().cloud.accepts(der))
        });
        let mutual = authority.mutual(&[b"x-amzn-mqtt-ca"], accepted)?;
        tasks.spawn(serve::mqtt::serve(
            Arc::clone(&hub),
            mqtt,
            mqtt_address,
            mutual,
        ));
        tasks.spawn(live(Arc::clone(&hub), options.rate));
        Ok(Self { ready, hub, tasks })
    }

    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    pub fn control(&self) -> SimControl {
        SimControl::new(Arc::clone(&self.hub))
    }

    /// Ends every task and connection.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// The simulator's heart: time passes, and load comes in portions.
async fn live<C: Cloud>(hub: Arc<Hub<C>>, rate: f64) {
    let mut beat = tokio::time::interval(if rate > 0.0 { LOAD_TICK } else { TICK });
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = beat.tick().await;
    let mut owed = 0.0;
    loop {
        let now = beat.tick().await;
        hub.tick();
        // A second at most: after a pause nobody wants all of it at once.
        owed = (owed + rate * now.duration_since(last).as_secs_f64()).min(rate);
        last = now;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of messages in a fraction of a second"
        )]
        let count = owed as usize;
        if count > 0 {
            hub.load(count);
            owed = owed.fract();
        }
    }
}

/// A personal access token in LG's form; new at every start, good for nothing but this simulator.
fn new_token() -> Secret {
    let digits: String = (0..52).map(|_| fastrand::digit(16)).collect();
    Secret::new(format!("thinqpat_{digits}"))
}

struct Texts {
    ca: String,
    config: String,
    token: Secret,
}

fn file_texts(ready: &Ready, authority: &Authority, token: &Secret) -> Texts {
    let config = format!(
        "# Made by `thingdeck sim thinq`; valid while it runs.\n\
         default_profile = \"home\"\n\n\
         [profiles.home]\n\
         platform = \"thinq\"\n\
         country = \"KR\"\n\
         token = {{ file = \"token\" }}\n\
         api_url = \"{}\"\n\
         mqtt_url = \"{}\"\n\
         ca_file = \"ca.pem\"\n",
        ready.api_url, ready.mqtt_url
    );
    Texts {
        ca: authority.pem(),
        config,
        token: token.clone(),
    }
}

fn write_files(dir: &Path, ready: &Ready, texts: &Texts) -> Result<(), SimError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| SimError::Write { path, source }
    };
    std::fs::create_dir_all(dir).map_err(fail(dir))?;
    let token = dir.join("token");
    write(&token, texts.token.expose(), 0o600).map_err(fail(&token))?;
    write(&ready.ca_file, &texts.ca, 0o644).map_err(fail(&ready.ca_file))?;
    write(&ready.config, &texts.config, 0o644).map_err(fail(&ready.config))
}

/// Writes beside and renames, so that a reader sees all or nothing.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    drop(std::fs::remove_file(&beside));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    std::fs::rename(&beside, path)
}
