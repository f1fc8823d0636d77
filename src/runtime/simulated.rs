//! The simulated home inside this process: started when its profile is first opened, gone without a trace at the end.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::Mutex;

use super::config::Config;
use crate::base::problem::Problem;
use crate::domain::profile::{Common, Profile, SecretRef, Settings, ThinqSettings};
use crate::sim::{Sim, SimOptions};

/// The profile that is no account.
pub const SIMULATED: &str = "simulated home";

#[derive(Default)]
pub struct SimulatedHome(Mutex<Option<Running>>);

struct Running {
    sim: Sim,
    profile: Profile,
    /// Its config, certificates and token.
    folder: TempDir,
}

impl SimulatedHome {
    /// The profile that leads to it; the first call starts it.
    pub async fn profile(&self) -> Result<Profile, Problem> {
        let mut home = self.0.lock().await;
        if let Some(running) = &*home {
            return Ok(running.profile.clone());
        }
        let running = start().await?;
        let profile = running.profile.clone();
        *home = Some(running);
        Ok(profile)
    }

    pub async fn stop(&self) {
        if let Some(Running { sim, folder, .. }) = self.0.lock().await.take() {
            sim.stop().await;
            drop(folder);
        }
    }
}

async fn start() -> Result<Running, Problem> {
    let failed = |why: String| {
        let remedy = "is 127.0.0.1 usable, and the folder for temporary files?";
        Problem::new("the simulated home did not start", why, remedy)
    };
    let folder = tempfile::tempdir().map_err(|e| failed(e.to_string()))?;
    let sim = Sim::start(SimOptions::in_dir(folder.path().to_owned()))
        .await
        .map_err(|e| failed(e.to_string()))?;
    let written = Config::load(Path::new(&sim.ready().config))?;
    let mut profile = written
        .choose(None, false)?
        .ok_or_else(|| failed("it wrote no profile".to_owned()))?;
    SIMULATED.clone_into(&mut profile.name);
    profile.simulated = true;
    Ok(Running {
        sim,
        profile,
        folder,
    })
}

/// The profile before the home is started: as the profile list names it.
pub fn listed() -> Profile {
    let token = SecretRef::File(PathBuf::from("token"));
    let settings = ThinqSettings::new("KR".to_owned(), token);
    Profile {
        name: SIMULATED.to_owned(),
        settings: Settings::Thinq(settings),
        common: Common::default(),
        simulated: true,
    }
}
