//! `--url` and what goes with it: a broker without a config file.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _};

use super::args::{Args, Globals};
use super::verb::Verb;
use super::{Command, Look};
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::Version;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;

#[derive(Debug, Default, ClapArgs)]
pub struct LookArgs {
    /// A broker instead of a profile: mqtt://HOST:1883, or mqtts, ws, wss; mqtt://USER@HOST for a user
    ///
    /// The user's password is read from the variable THINGDECK_PASSWORD: in an argument, other users of the machine could
    /// read it in the process list. A WebSocket without a path gets /mqtt.
    #[arg(long, value_name = "URL", global = true, value_parser = secret)]
    pub url: Option<Secret>,
    /// With --url: subscribe to this filter; may be given several times
    #[arg(long = "topic", value_name = "FILTER", global = true, value_parser = TopicFilter::parse)]
    pub topics: Vec<TopicFilter>,
    /// With --url: certificates (PEM) trusted besides the system's
    #[arg(long, value_name = "FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// With --url: the protocol's version [default: 3.1.1]
    #[arg(long, value_name = "5|3.1.1", global = true, value_parser = version)]
    pub mqtt_version: Option<Version>,
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "5" => Ok(Version::V5),
        "3.1.1" => Ok(Version::V311),
        _ => Err("the versions are 5 and 3.1.1".to_owned()),
    }
}

impl LookArgs {
    pub fn wishes(&self) -> Vec<FilterWish> {
        let wish = |filter: &TopicFilter| FilterWish::new(filter.clone(), Qos::AtLeastOnce);
        self.topics.iter().map(wish).collect()
    }

    /// The first option that is of no use without `--url`.
    fn astray(&self) -> Option<&'static str> {
        if !self.topics.is_empty() {
            return Some("--topic");
        }
        self.ca_file
            .as_ref()
            .map(|_| "--ca-file")
            .or_else(|| self.mqtt_version.map(|_| "--mqtt-version"))
    }

    pub fn look(&self, globals: &Globals, command: &Command) -> Result<Option<Look>, clap::Error> {
        let wrong = |kind, text: &str| Err(Args::command().error(kind, text));
        let Some(url) = &self.url else {
            return match self.astray() {
                None => Ok(None),
                Some(option) => wrong(
                    ErrorKind::MissingRequiredArgument,
                    &format!(
                        "{option} goes with --url: it says more about the broker that --url names"
                    ),
                ),
            };
        };
        if globals.profile_name.is_some() {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--url stands in for a profile: it cannot be used with --profile",
            );
        }
        if globals.insecure {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--insecure is for profiles that say insecure_skip_verify = true: with --url, name the server's CA with --ca-file",
            );
        }
        if !takes_url(command) {
            return wrong(
                ErrorKind::ArgumentConflict,
                "this command connects to no broker: it cannot be used with --url",
            );
        }
        Ok(Some(Look {
            url: url.clone(),
            topics: self.wishes(),
            ca_file: self.ca_file.clone(),
            version: self.mqtt_version.unwrap_or_default(),
        }))
    }
}

const fn takes_url(command: &Command) -> bool {
    match command {
        Command::Dashboard => true,
        Command::Verb(verb) => {
            !matches!(verb, Verb::ProfileList { .. } | Verb::ProfileRemove { .. })
        }
        _ => false,
    }
}
