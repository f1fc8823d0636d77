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
pub mod packet;
mod serve;
mod setup;
pub mod wire;
pub mod world;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use self::ca::CaError;
pub use self::control::{CertificateInfo, DeviceInfo, SimControl};
pub use self::event::{CallRecord, SimEvent, SimEvents};
pub use self::faults::{Fault, Times};
use self::hub::Hub;
use self::setup::Running;
use crate::domain::profile::PlatformId;

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
    #[error("there is no simulator of {0}")]
    NoSuch(&'static str),
    #[error("cannot set up certificates")]
    Certificates(#[from] CaError),
}

/// What to simulate, and where to put its files.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// ThinQ unless told otherwise.
    pub platform: PlatformId,
    /// Gets `ca.pem`, `config.toml` and whatever identities the platform needs. Made if it is not there.
    pub dir: PathBuf,
    /// 0 is any, here and below.
    pub api_port: u16,
    pub mqtt_port: u16,
    /// For platforms with MQTT over WebSocket; ThinQ has none.
    pub wss_port: u16,
    /// As many devices; the home's own number when none.
    pub devices: Option<usize>,
    /// Extra messages per second over all devices.
    pub rate: f64,
    pub seed: u64,
}

impl SimOptions {
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            platform: PlatformId::Thinq,
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
    /// None on a platform without a REST side.
    pub api_url: Option<String>,
    pub mqtt_url: String,
    pub wss_url: Option<String>,
    /// The same broker without TLS, where the platform has that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ws_url: Option<String>,
    pub ca_file: PathBuf,
    pub config: PathBuf,
}

/// A running simulator. Dropping it ends it as [`Sim::stop`] does, without waiting.
pub struct Sim {
    ready: Ready,
    hub: Arc<Hub>,
    tasks: JoinSet<()>,
}

impl Sim {
    /// Binds, writes its files, and serves from then on. Needs a tokio runtime around it.
    pub async fn start(options: SimOptions) -> Result<Self, SimError> {
        let rate = options.rate;
        let Running {
            ready,
            hub,
            mut tasks,
        } = match options.platform {
            PlatformId::Thinq => setup::thinq::start(options).await?,
            PlatformId::Aws => setup::aws::start(options).await?,
            PlatformId::Google => setup::google::start(options).await?,
            PlatformId::Huawei => setup::huawei::start(options).await?,
            PlatformId::Mqtt => setup::mqtt::start(options).await?,
        };
        tasks.spawn(live(Arc::clone(&hub), rate));
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
async fn live(hub: Arc<Hub>, rate: f64) {
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
