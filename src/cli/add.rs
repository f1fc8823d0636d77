//! `profile-add` as clap sees it: which options go with which platform.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _};

use super::args::{Args, ProfilePlatform, parse_country};
use super::look::LookArgs;
use super::verb::{Account, AddVerb, SecretSource};
use crate::domain::profile::SecretRef;

#[derive(Debug, ClapArgs)]
pub struct AddArgs {
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Which platform it is on
    #[arg(long, value_name = "PLATFORM", default_value = "thinq")]
    platform: ProfilePlatform,
    /// Make it the default profile
    #[arg(long)]
    default: bool,
    /// Replace a profile of that name
    #[arg(long)]
    replace: bool,
    /// Save it without trying it first
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    thinq: ThinqArgs,
    #[command(flatten)]
    mqtt: MqttArgs,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With --platform thinq")]
struct ThinqArgs {
    /// Country of the account, two letters (ISO 3166-1)
    #[arg(long, value_name = "CC", value_parser = parse_country)]
    country: Option<String>,
    /// Variable that holds the access token, read at every start
    #[arg(long, value_name = "VARIABLE", group = "token")]
    token_env: Option<String>,
    /// File that holds the access token, read at every start
    #[arg(long, value_name = "FILE", group = "token")]
    token_file: Option<PathBuf>,
    /// Read the access token from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "token")]
    token_stdin: bool,
    /// How long event subscriptions last, 1 to 24
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=24))]
    event_hours: Option<u8>,
    /// API address instead of the region's
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Broker address instead of the one that the API names
    #[arg(long, value_name = "URL")]
    mqtt_url: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With --platform mqtt, besides --url")]
struct MqttArgs {
    /// User name at the broker
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Variable that holds the password, read at every start
    #[arg(long, value_name = "VARIABLE", group = "password")]
    password_env: Option<String>,
    /// File that holds the password, read at every start
    #[arg(long, value_name = "FILE", group = "password")]
    password_file: Option<PathBuf>,
    /// Read the password from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "password")]
    password_stdin: bool,
    /// Client id, used byte for byte; made up at every start when absent
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
}

fn wrong<T>(kind: ErrorKind, text: &str) -> Result<T, clap::Error> {
    Err(Args::command().error(kind, text))
}

impl AddArgs {
    /// `look`: the options for every command, of which a broker's profile takes some.
    pub fn verb(self, look: &LookArgs) -> Result<AddVerb, clap::Error> {
        let account = match self.platform {
            ProfilePlatform::Thinq => self.thinq.account(&self.mqtt, look)?,
            ProfilePlatform::Mqtt => self.mqtt.account(&self.thinq, look)?,
        };
        Ok(AddVerb {
            name: self.name,
            account,
            ca_file: look.ca_file.clone(),
            make_default: self.default,
            replace: self.replace,
            no_check: self.no_check,
        })
    }
}

fn source(env: Option<String>, file: Option<PathBuf>, stdin: bool) -> Option<SecretSource> {
    let at = env
        .map(SecretRef::Env)
        .or_else(|| file.map(SecretRef::File))
        .map(SecretSource::At);
    at.or_else(|| stdin.then_some(SecretSource::Stdin))
}

impl ThinqArgs {
    fn account(self, other: &MqttArgs, look: &LookArgs) -> Result<Account, clap::Error> {
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

    const fn is_used(&self) -> bool {
        self.country.is_some()
            || self.token_env.is_some()
            || self.token_file.is_some()
            || self.token_stdin
            || self.event_hours.is_some()
            || self.api_url.is_some()
            || self.mqtt_url.is_some()
    }
}

impl MqttArgs {
    fn account(self, other: &ThinqArgs, look: &LookArgs) -> Result<Account, clap::Error> {
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

    const fn is_used(&self) -> bool {
        self.username.is_some()
            || self.password_env.is_some()
            || self.password_file.is_some()
            || self.password_stdin
            || self.client_id.is_some()
    }
}
