//! `profile-add` as clap sees it: which options go with which platform.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _};

use super::args::{Args, ProfilePlatform, parse_country};
use super::look::LookArgs;
use super::verb::{Account, AddVerb, AwsAccount, HuaweiAccount, SecretSource};
use crate::domain::profile::{
    AwsAuth, AwsEndpoint, GoogleDevice, GoogleIdentity, GoogleSettings, HuaweiDialect, SecretRef,
};

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

#[derive(Debug, ClapArgs)]
#[command(
    next_help_heading = "With --platform aws, besides --client-id, --api-url, --topic, --mqtt-version"
)]
struct AwsArgs {
    /// The account's data endpoint: xxxx-ats.iot.REGION.amazonaws.com
    #[arg(long, value_name = "HOST[:PORT]", value_parser = endpoint)]
    endpoint: Option<String>,
    /// How to sign in: with a client certificate (mtls), or with access keys over a WebSocket (sigv4)
    #[arg(long, value_name = "mtls|sigv4", value_parser = auth)]
    auth: Option<AwsAuth>,
    /// The device certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Where the endpoint's name does not tell it
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Profile of AWS's shared files that the keys are in; without it AWS's usual places are looked through
    #[arg(long, value_name = "NAME", conflicts_with = "access_key_id")]
    aws_profile: Option<String>,
    /// Id of an access key; its secret comes from one of the next three
    #[arg(long, value_name = "ID", requires = "secret_key")]
    access_key_id: Option<String>,
    /// Variable that holds the secret key, read at every start
    #[arg(
        long,
        value_name = "VARIABLE",
        group = "secret_key",
        requires = "access_key_id"
    )]
    secret_key_env: Option<String>,
    /// File that holds the secret key, read at every start
    #[arg(
        long,
        value_name = "FILE",
        group = "secret_key",
        requires = "access_key_id"
    )]
    secret_key_file: Option<PathBuf>,
    /// Read the secret key from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "secret_key", requires = "access_key_id")]
    secret_key_stdin: bool,
    /// A thing to show where things may not be listed; may be given several times
    #[arg(long = "thing", value_name = "NAME")]
    things: Vec<String>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With --platform google, besides --region, --api-url, --mqtt-url")]
struct GoogleArgs {
    /// The cloud project's id
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// The registry's id
    #[arg(long, value_name = "ID")]
    registry: Option<String>,
    /// The gateway to connect as
    #[arg(long, value_name = "ID", conflicts_with = "device")]
    gateway: Option<String>,
    /// The device to connect as
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Its private key (PEM), RSA or P-256
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// A device that the gateway attaches at start; may be given several times
    #[arg(long = "attach", value_name = "ID")]
    attach: Vec<String>,
    /// A service account's file, for the registry over REST
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    /// How long a token is good, 1 to 1440
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1440))]
    token_minutes: Option<u16>,
}

#[derive(Debug, ClapArgs)]
#[command(
    next_help_heading = "With --platform huawei, besides --mqtt-url, --cert-file, --key-file, --topic"
)]
struct HuaweiArgs {
    /// The device's id
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,
    /// The interface: the current one, or the one of older devices
    #[arg(long, value_name = "iotda|v1", value_parser = dialect)]
    dialect: Option<HuaweiDialect>,
    /// Variable that holds the device's secret, read at every start
    #[arg(long, value_name = "VARIABLE", group = "device_secret")]
    secret_env: Option<String>,
    /// File that holds the device's secret, read at every start
    #[arg(long, value_name = "FILE", group = "device_secret")]
    secret_file: Option<PathBuf>,
    /// Read the device's secret from stdin now, and keep it in a file that only you can read
    #[arg(long, group = "device_secret")]
    secret_stdin: bool,
    /// Signature type: 1 compares the hour of the login with the platform's clock, 0 does not
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1))]
    signature: Option<u8>,
    /// Answer commands with result 0
    #[arg(long)]
    auto_reply: bool,
}

fn dialect(text: &str) -> Result<HuaweiDialect, String> {
    match text {
        "iotda" => Ok(HuaweiDialect::Iotda),
        "v1" => Ok(HuaweiDialect::V1),
        _ => Err("the interfaces are iotda and v1".to_owned()),
    }
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

impl GoogleArgs {
    fn settings(
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

    const fn is_used(&self) -> bool {
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

impl HuaweiArgs {
    fn account(
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

    const fn is_used(&self) -> bool {
        self.device_id.is_some()
            || self.dialect.is_some()
            || self.secret_env.is_some()
            || self.secret_file.is_some()
            || self.secret_stdin
            || self.signature.is_some()
            || self.auto_reply
    }
}

impl AwsArgs {
    fn account(
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

    const fn is_used(&self) -> bool {
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
