//! `profile-add --platform aws`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::error::ErrorKind;

use super::mqtt::MqttArgs;
use super::thinq::ThinqArgs;
use super::{source, wrong};
use crate::cli::look::LookArgs;
use crate::cli::verb::{Account, AwsAccount};
use crate::domain::profile::{AwsAuth, AwsEndpoint};

#[derive(Debug, ClapArgs)]
#[command(
    next_help_heading = "With --platform aws, besides --client-id, --api-url, --topic, --mqtt-version"
)]
pub struct AwsArgs {
    /// The account's data endpoint: xxxx-ats.iot.REGION.amazonaws.com
    #[arg(long, value_name = "HOST[:PORT]", value_parser = endpoint)]
    pub endpoint: Option<String>,
    /// How to sign in: with a client certificate (mtls), or with access keys over a WebSocket (sigv4)
    #[arg(long, value_name = "mtls|sigv4", value_parser = auth)]
    pub auth: Option<AwsAuth>,
    /// The device certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// Where the endpoint's name does not tell it
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Profile of AWS's shared files that the keys are in; without it AWS's usual places are looked through
    #[arg(long, value_name = "NAME", conflicts_with = "access_key_id")]
    pub aws_profile: Option<String>,
    /// Id of an access key; its secret comes from one of the next three
    #[arg(long, value_name = "ID", requires = "secret_key")]
    pub access_key_id: Option<String>,
    /// Variable that holds the secret key, read at every start
    #[arg(
        long,
        value_name = "VARIABLE",
        group = "secret_key",
        requires = "access_key_id"
    )]
    pub secret_key_env: Option<String>,
    /// File that holds the secret key, read at every start
    #[arg(
        long,
        value_name = "FILE",
        group = "secret_key",
        requires = "access_key_id"
    )]
    pub secret_key_file: Option<PathBuf>,
    /// Read the secret key from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "secret_key", requires = "access_key_id")]
    pub secret_key_stdin: bool,
    /// A thing to show where things may not be listed; may be given several times
    #[arg(long = "thing", value_name = "NAME")]
    pub things: Vec<String>,
}

fn endpoint(text: &str) -> Result<String, String> {
    AwsEndpoint::parse(text).map(|endpoint| endpoint.to_string())
}

fn auth(text: &str) -> Result<AwsAuth, String> {
    match text {
        "mtls" => Ok(AwsAuth::Mtls),
        "sigv4" => Ok(AwsAuth::SigV4),
        _ => Err("the ways are mtls and sigv4".to_owned()),
    }
}

impl AwsArgs {
    pub fn account(
        self,
        thinq: ThinqArgs,
        mqtt: MqttArgs,
        look: &LookArgs,
    ) -> Result<Account, clap::Error> {
        let api_url = thinq.api_url.clone();
        let of_thinq = ThinqArgs {
            api_url: None,
            ..thinq
        };
        let client_id = mqtt.client_id.clone();
        let of_mqtt = MqttArgs {
            client_id: None,
            ..mqtt
        };
        if of_thinq.is_used() || of_mqtt.is_used() || look.url.is_some() {
            return wrong(
                ErrorKind::ArgumentConflict,
                "--country, --token-…, --event-hours and --mqtt-url go with --platform thinq, --url, --username and --password-… with --platform mqtt",
            );
        }
        let Some(endpoint) = self.endpoint else {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "an AWS account needs its --endpoint <HOST>",
            );
        };
        let auth = self.auth.unwrap_or(match &self.cert_file {
            Some(_) => AwsAuth::Mtls,
            None => AwsAuth::SigV4,
        });
        if auth == AwsAuth::Mtls && self.cert_file.is_none() {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "--auth mtls needs --cert-file <FILE> and --key-file <FILE>",
            );
        }
        let secret = source(
            self.secret_key_env,
            self.secret_key_file,
            self.secret_key_stdin,
        );
        Ok(Account::Aws(Box::new(AwsAccount {
            endpoint,
            auth,
            version: look.mqtt_version.unwrap_or_default(),
            client_id,
            cert_file: self.cert_file,
            key_file: self.key_file,
            region: self.region,
            aws_profile: self.aws_profile,
            keys: self.access_key_id.zip(secret),
            api_url,
            things: self.things,
            topics: look.wishes(),
        })))
    }

    pub const fn is_used(&self) -> bool {
        self.endpoint.is_some()
            || self.auth.is_some()
            || self.cert_file.is_some()
            || self.key_file.is_some()
            || self.region.is_some()
            || self.aws_profile.is_some()
            || self.access_key_id.is_some()
            || !self.things.is_empty()
    }
}
