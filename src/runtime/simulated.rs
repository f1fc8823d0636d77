//! The simulators inside this process: each is started when its profile is first opened, gone without a trace at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::Mutex;

use super::config::Config;
use crate::base::problem::Problem;
use crate::domain::message::Qos;
use crate::domain::profile::{
    AwsSettings, Common, GoogleIdentity, GoogleSettings, HuaweiDialect, HuaweiSettings,
    MqttSettings, PlatformId, Profile, SecretRef, Settings, ThinqSettings, Version,
};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::sim::{Sim, SimOptions};

/// The profile that is no account: what the dashboard shows when there is none.
pub const SIMULATED: &str = name(PlatformId::Thinq);

/// The name of a platform's simulated profile.
pub const fn name(platform: PlatformId) -> &'static str {
    platform.simulated()
}

/// The platform whose simulated profile has this name.
pub fn platform(profile: &str) -> Option<PlatformId> {
    let mut all = PlatformId::ALL.into_iter();
    all.find(|platform| name(*platform) == profile)
}

#[derive(Default)]
pub struct Simulators(Mutex<BTreeMap<PlatformId, Running>>);

struct Running {
    sim: Sim,
    profile: Profile,
    /// Its config, certificates and token.
    folder: TempDir,
}

impl Simulators {
    /// The profile that leads to the simulator of a platform; the first call starts it.
    pub async fn profile(&self, platform: PlatformId) -> Result<Profile, Problem> {
        let mut all = self.0.lock().await;
        if let Some(running) = all.get(&platform) {
            return Ok(running.profile.clone());
        }
        let running = start(platform).await?;
        let profile = running.profile.clone();
        all.insert(platform, running);
        Ok(profile)
    }

    pub async fn stop(&self) {
        for Running { sim, folder, .. } in std::mem::take(&mut *self.0.lock().await).into_values() {
            sim.stop().await;
            drop(folder);
        }
    }
}

async fn start(platform: PlatformId) -> Result<Running, Problem> {
    let failed = |why: String| {
        let remedy = "is 127.0.0.1 usable, and the folder for temporary files?";
        Problem::new(format!("the {} did not start", name(platform)), why, remedy)
    };
    let folder = tempfile::tempdir().map_err(|e| failed(e.to_string()))?;
    let mut options = SimOptions::in_dir(folder.path().to_owned());
    options.platform = platform;
    let sim = Sim::start(options)
        .await
        .map_err(|e| failed(e.to_string()))?;
    let written = Config::load(Path::new(&sim.ready().config))?;
    let mut profile = written
        .choose(written_name(platform), false)?
        .ok_or_else(|| failed("it wrote no profile".to_owned()))?;
    name(platform).clone_into(&mut profile.name);
    profile.simulated = true;
    Ok(Running {
        sim,
        profile,
        folder,
    })
}

/// Which of the profiles that the simulator writes; `None`: its default. A plain broker is shown with all that MQTT 5 has, and
/// AWS with its reason codes.
const fn written_name(platform: PlatformId) -> Option<&'static str> {
    match platform {
        PlatformId::Thinq | PlatformId::Google | PlatformId::Huawei => None,
        PlatformId::Aws => Some("fleet-v5"),
        PlatformId::Mqtt => Some("plant-v5"),
    }
}

/// The profile before its simulator is started: as the profile list names it.
pub fn listed(platform: PlatformId) -> Profile {
    let settings = match platform {
        PlatformId::Thinq => {
            let token = SecretRef::File(PathBuf::from("token"));
            Settings::Thinq(ThinqSettings::new("KR".to_owned(), token))
        }
        PlatformId::Aws => Settings::Aws(AwsSettings::new("127.0.0.1".to_owned())),
        PlatformId::Google => Settings::Google(GoogleSettings::new(
            "plant".to_owned(),
            "us-central1".to_owned(),
            "sensors".to_owned(),
            GoogleIdentity::Gateway("gateway".to_owned()),
            PathBuf::from("gateway.pem"),
        )),
        PlatformId::Huawei => Settings::Huawei(HuaweiSettings::new(
            HuaweiDialect::Iotda,
            "mqtts://127.0.0.1".to_owned(),
            "meter".to_owned(),
        )),
        PlatformId::Mqtt => Settings::Mqtt(MqttSettings {
            version: Version::V5,
            ..MqttSettings::new("mqtts://127.0.0.1".to_owned())
        }),
    };
    let topics = match platform {
        PlatformId::Thinq | PlatformId::Aws | PlatformId::Google | PlatformId::Huawei => Vec::new(),
        PlatformId::Mqtt => TopicFilter::parse("plant/#")
            .map(|filter| FilterWish::new(filter, Qos::AtLeastOnce))
            .into_iter()
            .collect(),
    };
    Profile {
        name: name(platform).to_owned(),
        settings,
        common: Common {
            topics,
            ..Common::default()
        },
        simulated: true,
    }
}
