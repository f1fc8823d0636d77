//! `attach`, `detach`, `config`, `command`, `bind`, `unbind`, `registries` as clap sees them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::parse_duration;
use super::verb::{ConfigVerb, PayloadSource, RelayVerb};

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
    /// Subfolder of the device's commands topic: a/b
    #[arg(long, value_name = "FOLDER")]
    subfolder: Option<String>,
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
