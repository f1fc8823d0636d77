//! `profile-add --platform mqtt`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::error::ErrorKind;

use super::thinq::ThinqArgs;
use super::{source, wrong};
use crate::cli::look::LookArgs;
use crate::cli::verb::Account;

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With --platform mqtt, besides --url")]
pub struct MqttArgs {
    /// User name at the broker
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Variable that holds the password, read at every start
    #[arg(long, value_name = "VARIABLE", group = "password")]
    pub password_env: Option<String>,
    /// File that holds the password, read at every start
    #[arg(long, value_name = "FILE", group = "password")]
    pub password_file: Option<PathBuf>,
    /// Read the password from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "password")]
    pub password_stdin: bool,
    /// Client id, used byte for byte; made up at every start when absent
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
}

impl MqttArgs {
    pub fn account(self, other: &ThinqArgs, look: &LookArgs) -> Result<Account, clap::Error> {
        if other.is_used() {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--country, --token-…, --event-hours, --api-url and --mqtt-url go with --platform thinq",
            );
        }
        let Some(url) = &look.url else {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "a broker needs its --url <URL>",
            );
        };
        Ok(Account::Mqtt {
            url: url.clone(),
            version: look.mqtt_version.unwrap_or_default(),
            username: self.username,
            password: source(self.password_env, self.password_file, self.password_stdin),
            client_id: self.client_id,
            topics: look.wishes(),
        })
    }

    pub const fn is_used(&self) -> bool {
        self.username.is_some()
            || self.password_env.is_some()
            || self.password_file.is_some()
            || self.password_stdin
            || self.client_id.is_some()
    }
}
