//! `profile-add` as clap sees it: which options go with which platform.

mod aws;
mod google;
mod huawei;
mod mqtt;
mod thinq;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _};

use super::args::{Args, ProfilePlatform};
use super::look::LookArgs;
use super::verb::{Account, AddVerb, SecretSource};
use crate::domain::profile::SecretRef;
use aws::AwsArgs;
use google::GoogleArgs;
use huawei::HuaweiArgs;
use mqtt::MqttArgs;
use thinq::ThinqArgs;

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
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    google: GoogleArgs,
    #[command(flatten)]
    huawei: HuaweiArgs,
}

fn wrong<T>(kind: ErrorKind, text: &str) -> Result<T, clap::Error> {
    Err(Args::command().error(kind, text))
}

impl AddArgs {
    /// `look`: the options for every command, of which a broker's profile takes some.
    pub fn verb(mut self, look: &LookArgs) -> Result<AddVerb, clap::Error> {
        let google = match self.platform {
            ProfilePlatform::Google => Some(self.google.settings(
                self.aws.region.take(),
                self.thinq.api_url.take(),
                self.thinq.mqtt_url.take(),
            )?),
            _ if self.google.is_used() => {
                return wrong(
                    ErrorKind::ArgumentConflict,
                    "--project, --registry, --gateway, --device, --private-key, --attach, --credentials-file and --token-minutes go with --platform google",
                );
            }
            _ => None,
        };
        if self.huawei.is_used() && self.platform != ProfilePlatform::Huawei {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--device-id, --dialect, --secret-env, --secret-file, --secret-stdin, --signature and --auto-reply go with --platform huawei",
            );
        }
        if self.platform == ProfilePlatform::Huawei {
            let account = self
                .huawei
                .account(self.thinq, &self.mqtt, self.aws, look)?;
            return Ok(AddVerb {
                name: self.name,
                account,
                ca_file: look.ca_file.clone(),
                make_default: self.default,
                replace: self.replace,
                no_check: self.no_check,
            });
        }
        if self.aws.is_used() && self.platform != ProfilePlatform::Aws {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--endpoint, --auth, --cert-file, --key-file, --region, --aws-profile, --access-key-id, --secret-key-… and --thing go with --platform aws",
            );
        }
        let account = match self.platform {
            ProfilePlatform::Aws => self.aws.account(self.thinq, self.mqtt, look)?,
            ProfilePlatform::Thinq | ProfilePlatform::Huawei => {
                self.thinq.account(&self.mqtt, look)?
            }
            ProfilePlatform::Mqtt => self.mqtt.account(&self.thinq, look)?,
            ProfilePlatform::Google => {
                let of_broker =
                    look.url.is_some() || !look.topics.is_empty() || look.mqtt_version.is_some();
                if self.thinq.is_used() || self.mqtt.is_used() || of_broker {
                    return wrong(
                        ErrorKind::ArgumentConflict,
                        "--country, --token-… and --event-hours go with --platform thinq, --url, --topic, --mqtt-version, --username, --password-… and --client-id with --platform mqtt",
                    );
                }
                Account::Google(Box::new(google.expect("made above for this platform")))
            }
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
