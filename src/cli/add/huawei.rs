//! `profile-add --platform huawei`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::error::ErrorKind;

use super::aws::AwsArgs;
use super::mqtt::MqttArgs;
use super::thinq::ThinqArgs;
use super::{source, wrong};
use crate::cli::look::LookArgs;
use crate::cli::verb::{Account, HuaweiAccount};
use crate::domain::profile::HuaweiDialect;

#[derive(Debug, ClapArgs)]
#[command(
    next_help_heading = "With --platform huawei, besides --mqtt-url, --cert-file, --key-file, --topic"
)]
pub struct HuaweiArgs {
    /// The device's id
    #[arg(long, value_name = "ID")]
    pub device_id: Option<String>,
    /// The interface: the current one, or the one of older devices
    #[arg(long, value_name = "iotda|v1", value_parser = dialect)]
    pub dialect: Option<HuaweiDialect>,
    /// Variable that holds the device's secret, read at every start
    #[arg(long, value_name = "VARIABLE", group = "device_secret")]
    pub secret_env: Option<String>,
    /// File that holds the device's secret, read at every start
    #[arg(long, value_name = "FILE", group = "device_secret")]
    pub secret_file: Option<PathBuf>,
    /// Read the device's secret from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "device_secret")]
    pub secret_stdin: bool,
    /// Signature type: 1 compares the hour of the login with the platform's clock, 0 does not
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1))]
    pub signature: Option<u8>,
    /// Answer commands with result 0
    #[arg(long)]
    pub auto_reply: bool,
}

fn dialect(text: &str) -> Result<HuaweiDialect, String> {
    match text {
        "iotda" => Ok(HuaweiDialect::Iotda),
        "v1" => Ok(HuaweiDialect::V1),
        _ => Err("the interfaces are iotda and v1".to_owned()),
    }
}

impl HuaweiArgs {
    pub fn account(
        self,
        thinq: ThinqArgs,
        mqtt: &MqttArgs,
        aws: AwsArgs,
        look: &LookArgs,
    ) -> Result<Account, clap::Error> {
        let mqtt_url = thinq.mqtt_url.clone();
        let of_thinq = ThinqArgs {
            mqtt_url: None,
            ..thinq
        };
        let (cert_file, key_file) = (aws.cert_file.clone(), aws.key_file.clone());
        let of_aws = AwsArgs {
            cert_file: None,
            key_file: None,
            ..aws
        };
        let of_broker = mqtt.is_used() || look.url.is_some() || look.mqtt_version.is_some();
        if of_thinq.is_used() || of_aws.is_used() || of_broker {
            return wrong(
                ErrorKind::ArgumentConflict,
                "with --platform huawei go --mqtt-url, --device-id, --dialect, --secret-…, --cert-file, --key-file, --signature, --auto-reply, --topic and --ca-file",
            );
        }
        let (Some(mqtt_url), Some(device_id)) = (mqtt_url, self.device_id) else {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "a device at Huawei needs its --mqtt-url <URL> and --device-id <ID>",
            );
        };
        let secret = source(self.secret_env, self.secret_file, self.secret_stdin);
        if secret.is_some() == cert_file.is_some() {
            return wrong(
                ErrorKind::MissingRequiredArgument,
                "a device signs in with one of --secret-env <VARIABLE>, --secret-file <FILE>, --secret-stdin, or with --cert-file <FILE> and --key-file <FILE>",
            );
        }
        Ok(Account::Huawei(Box::new(HuaweiAccount {
            mqtt_url,
            device_id,
            dialect: self.dialect.unwrap_or_default(),
            unchecked: self.signature == Some(0),
            secret,
            cert_file,
            key_file,
            auto_reply: self.auto_reply,
            topics: look.wishes(),
        })))
    }

    pub const fn is_used(&self) -> bool {
        self.device_id.is_some()
            || self.dialect.is_some()
            || self.secret_env.is_some()
            || self.secret_file.is_some()
            || self.secret_stdin
            || self.signature.is_some()
            || self.auto_reply
    }
}
