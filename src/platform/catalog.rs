//! The list of adapters.

use std::sync::Arc;

use super::Platform;
use super::aws::Aws;
use super::google::Google;
use super::huawei::Huawei;
use super::mqtt::Mqtt;
use super::thinq::Thinq;
use crate::domain::profile::{Profile, Settings};

/// The adapter for a profile.
pub fn build(profile: &Profile) -> Arc<dyn Platform> {
    match &profile.settings {
        Settings::Thinq(settings) => Arc::new(Thinq::new(settings.clone(), profile.common.clone())),
        Settings::Aws(settings) => Arc::new(Aws::new(settings.clone(), profile.common.clone())),
        Settings::Google(settings) => {
            Arc::new(Google::new(settings.clone(), profile.common.clone()))
        }
        Settings::Huawei(settings) => {
            Arc::new(Huawei::new(settings.clone(), profile.common.clone()))
        }
        Settings::Mqtt(settings) => Arc::new(Mqtt::new(settings.clone(), profile.common.clone())),
    }
}
