//! `attach`, `detach`, `config`, `command`, `bind`, `unbind`, `registries` as clap sees them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::parse_duration;
use super::verb::{ConfigVerb, PayloadSource, RegisterVerb, RelayVerb, SecretSource};
use crate::domain::profile::SecretRef;

#[derive(Debug, ClapArgs)]
pub struct AttachArgs {
    /// Id or unique beginning of an id
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Keep the connection, and with it the attachment, for this time: 10s, 5m, 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    hold: Option<Duration>,
}

#[derive(Debug, ClapArgs)]
pub struct DetachArgs {
    /// Id or unique beginning of an id
    #[arg(value_name = "DEVICE")]
    device: String,
}

#[derive(Debug, ClapArgs)]
pub struct ConfigArgs {
    /// Id or unique beginning of an id
    #[arg(value_name = "DEVICE")]
    device: String,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Send it only when N is still the newest version; without this, whatever the newest is
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
    /// Print all versions that the platform keeps, newest first
    #[arg(long, conflicts_with_all = ["payload", "file", "stdin", "if_version"])]
    versions: bool,
}

#[derive(Debug, ClapArgs)]
pub struct CommandArgs {
    /// Id or unique beginning of an id
    #[arg(value_name = "DEVICE")]
    device: String,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Huawei: the command's parameters, a JSON object; PAYLOAD is SERVICE.COMMAND then
    #[arg(value_name = "PARAMETERS")]
    parameters: Option<String>,
    /// Subfolder of the device's commands topic: a/b
    #[arg(long, value_name = "FOLDER")]
    subfolder: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// The profile's own device, or one behind it
    #[arg(value_name = "DEVICE")]
    device: String,
    /// A service and its properties: Meter voltage=229.8 on=true; or JSON: Meter '{"voltage":229.8}', '{"Meter":{…},"Relay":{…}}'
    #[arg(value_name = "SERVICE KEY=VALUE | JSON", required = true)]
    words: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct EventArgs {
    /// The profile's own device, or one behind it
    #[arg(value_name = "DEVICE")]
    device: String,
    /// The service and the type of the event: Door.opened
    #[arg(value_name = "SERVICE.EVENT")]
    name: String,
    /// Its parameters, a JSON object
    #[arg(value_name = "PARAMETERS", default_value = "")]
    parameters: String,
}

#[derive(Debug, ClapArgs)]
pub struct MessageArgs {
    /// Id, unique beginning of an id, or name
    #[arg(value_name = "DEVICE")]
    device: String,
    #[command(flatten)]
    payload: PayloadArgs,
    /// The message's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// One of the device's own topics: a whole one, or the end of a product's custom topic where it has no slash
    #[arg(long = "to-topic", value_name = "TOPIC")]
    to_topic: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct RegisterArgs {
    /// The number that the device knows itself by (serial number, IMEI, MAC)
    #[arg(value_name = "NODE")]
    node: String,
    /// Id of its product
    #[arg(long, value_name = "PRODUCT")]
    product: String,
    /// What people call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Its device id [default: the platform makes one]
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,
    /// The gateway it stands behind
    #[arg(long, value_name = "GATEWAY")]
    gateway: Option<String>,
    /// Variable that holds its secret [default: the platform makes one]
    #[arg(long, value_name = "VARIABLE", conflicts_with = "secret_file")]
    secret_env: Option<String>,
    /// File that holds its secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Keep it as this profile, its secret in a file that only you can read [default: named after the node]
    #[arg(long, value_name = "PROFILE")]
    save_as: Option<String>,
    /// Replace a profile of that name
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, ClapArgs)]
pub struct DeleteArgs {
    /// Id, unique beginning of an id, or name
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl ReportArgs {
    pub fn verb(self) -> RelayVerb {
        RelayVerb::Report {
            device: self.device,
            words: self.words,
        }
    }
}

impl EventArgs {
    pub fn verb(self) -> RelayVerb {
        RelayVerb::Event {
            device: self.device,
            name: self.name,
            parameters: self.parameters,
        }
    }
}

impl MessageArgs {
    pub fn verb(self) -> RelayVerb {
        let empty = || PayloadSource::Text(String::new());
        RelayVerb::Message {
            device: self.device,
            payload: self.payload.source().unwrap_or_else(empty),
            name: self.name,
            topic: self.to_topic,
        }
    }
}

impl RegisterArgs {
    pub fn verb(self) -> RelayVerb {
        let secret = self.secret_env.map(SecretRef::Env);
        let secret = secret.or_else(|| self.secret_file.map(SecretRef::File));
        RelayVerb::Register(RegisterVerb {
            node: self.node,
            product: self.product,
            name: self.name,
            device: self.device_id,
            gateway: self.gateway,
            secret: secret.map(SecretSource::At),
            save_as: self.save_as,
            replace: self.replace,
        })
    }
}

impl DeleteArgs {
    pub fn verb(self) -> RelayVerb {
        RelayVerb::Delete {
            device: self.device,
            yes: self.yes,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct BindArgs {
    /// Id or unique beginning of an id
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Which gateway [default: the profile's own]
    #[arg(long, value_name = "GATEWAY")]
    gateway: Option<String>,
}

#[derive(Debug, ClapArgs)]
struct PayloadArgs {
    /// The payload as text
    #[arg(value_name = "PAYLOAD", conflicts_with_all = ["file", "stdin"], allow_hyphen_values = true)]
    payload: Option<String>,
    /// The payload is what this file holds, byte for byte
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    file: Option<PathBuf>,
    /// The payload is all of stdin, byte for byte
    #[arg(long)]
    stdin: bool,
}

impl PayloadArgs {
    fn source(self) -> Option<PayloadSource> {
        let text = self.payload.map(PayloadSource::Text);
        text.or_else(|| self.file.map(PayloadSource::File))
            .or_else(|| self.stdin.then_some(PayloadSource::Stdin))
    }
}

impl AttachArgs {
    pub fn verb(self) -> RelayVerb {
        RelayVerb::Attach {
            device: self.device,
            on: true,
            hold: self.hold,
        }
    }
}

impl DetachArgs {
    pub fn verb(self) -> RelayVerb {
        RelayVerb::Attach {
            device: self.device,
            on: false,
            hold: None,
        }
    }
}

impl ConfigArgs {
    pub fn verb(self) -> RelayVerb {
        let what = match self.payload.source() {
            Some(payload) => ConfigVerb::Send {
                payload,
                expected: self.if_version,
            },
            None => ConfigVerb::Show { all: self.versions },
        };
        RelayVerb::Config {
            device: self.device,
            what,
        }
    }
}

impl CommandArgs {
    pub fn verb(self) -> RelayVerb {
        let empty = || PayloadSource::Text(String::new());
        RelayVerb::Command {
            device: self.device,
            subfolder: self.subfolder,
            payload: self.payload.source().unwrap_or_else(empty),
            parameters: self.parameters,
        }
    }
}

impl BindArgs {
    pub fn verb(self, on: bool) -> RelayVerb {
        RelayVerb::Bind {
            device: self.device,
            gateway: self.gateway,
            on,
        }
    }
}
