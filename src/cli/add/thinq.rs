//! `profile-add --platform thinq`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::error::ErrorKind;

use super::mqtt::MqttArgs;
use super::{source, wrong};
use crate::cli::args::parse_country;
use crate::cli::look::LookArgs;
use crate::cli::verb::Account;

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With --platform thinq")]
pub struct ThinqArgs {
    /// Country of the account, two letters (ISO 3166-1)
    #[arg(long, value_name = "CC", value_parser = parse_country)]
    pub country: Option<String>,
    /// Variable that holds the access token, read at every start
    #[arg(long, value_name = "VARIABLE", group = "token")]
    pub token_env: Option<String>,
    /// File that holds the access token, read at every start
    #[arg(long, value_name = "FILE", group = "token")]
    pub token_file: Option<PathBuf>,
    /// Read the access token from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "token")]
    pub token_stdin: bool,
    /// How long event subscriptions last, 1 to 24
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=24))]
    pub event_hours: Option<u8>,
    /// API address instead of the region's
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Broker address instead of the one that the API names
    #[arg(long, value_name = "URL")]
    pub mqtt_url: Option<String>,
}

impl ThinqArgs {
    pub fn account(self, other: &MqttArgs, look: &LookArgs) -> Result<Account, clap::Error> {
        let is_broker =
            look.url.is_some() || !look.topics.is_empty() || look.mqtt_version.is_some();
        if is_broker || other.is_used() {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--url, --topic, --mqtt-version, --username, --password-… and --client-id go with --platform mqtt",
            );
        }
        let Some(country) = self.country else {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "a ThinQ account needs its --country <CC>",
            );
        };
        let Some(token) = source(self.token_env, self.token_file, self.token_stdin) else {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "a ThinQ account needs one of --token-env <VARIABLE>, --token-file <FILE>, --token-stdin",
            );
        };
        Ok(Account::Thinq {
            country,
            token,
            event_hours: self.event_hours,
            api_url: self.api_url,
            mqtt_url: self.mqtt_url,
        })
    }

    pub const fn is_used(&self) -> bool {
        self.country.is_some()
            || self.token_env.is_some()
            || self.token_file.is_some()
            || self.token_stdin
            || self.event_hours.is_some()
            || self.api_url.is_some()
            || self.mqtt_url.is_some()
    }
}
