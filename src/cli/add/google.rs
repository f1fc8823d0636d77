//! `profile-add --platform google`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::error::ErrorKind;

use super::wrong;
use crate::domain::profile::{GoogleDevice, GoogleIdentity, GoogleSettings};

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With --platform google, besides --region, --api-url, --mqtt-url")]
pub struct GoogleArgs {
    /// The cloud project's id
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,
    /// The registry's id
    #[arg(long, value_name = "ID")]
    pub registry: Option<String>,
    /// The gateway to connect as
    #[arg(long, value_name = "ID", conflicts_with = "device")]
    pub gateway: Option<String>,
    /// The device to connect as
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    /// Its private key (PEM), RSA or P-256
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// A device that the gateway attaches at start; may be given several times
    #[arg(long = "attach", value_name = "ID")]
    pub attach: Vec<String>,
    /// A service account's file, for the registry over REST
    #[arg(long, value_name = "FILE")]
    pub credentials_file: Option<PathBuf>,
    /// How long a token is good, 1 to 1440
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1440))]
    pub token_minutes: Option<u16>,
}

impl GoogleArgs {
    pub fn settings(
        self,
        region: Option<String>,
        api_url: Option<String>,
        mqtt_url: Option<String>,
    ) -> Result<GoogleSettings, clap::Error> {
        let identity = match (self.gateway, self.device) {
            (Some(id), _) => Some(GoogleIdentity::Gateway(id)),
            (None, id) => id.map(GoogleIdentity::Device),
        };
        let (Some(project), Some(region), Some(registry), Some(identity), Some(key)) = (
            self.project,
            region,
            self.registry,
            identity,
            self.private_key,
        ) else {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "the bridge needs --project <ID>, --region <REGION>, --registry <ID>, --gateway <ID> or --device <ID>, and --private-key <FILE>",
            );
        };
        if !self.attach.is_empty() && !identity.is_gateway() {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--attach goes with --gateway: a device attaches nobody",
            );
        }
        let devices = self.attach.into_iter();
        let devices = devices.map(|id| GoogleDevice { id, key_file: None });
        Ok(GoogleSettings {
            devices: devices.collect(),
            token_minutes: self.token_minutes.unwrap_or(60),
            mqtt_url,
            api_url,
            credentials_file: self.credentials_file,
            ..GoogleSettings::new(project, region, registry, identity, key)
        })
    }

    pub const fn is_used(&self) -> bool {
        self.project.is_some()
            || self.registry.is_some()
            || self.gateway.is_some()
            || self.device.is_some()
            || self.private_key.is_some()
            || !self.attach.is_empty()
            || self.credentials_file.is_some()
            || self.token_minutes.is_some()
    }
}
