//! The command line and the environment, read once into [`Options`].
//!
//! `cli/args.rs` defines the commands, and completions and the man page are made from the same definitions
//! (`cli/paper.rs`). Nothing else in the program reads arguments or variables.

use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser as _;

use crate::base::problem::Exit;
use crate::base::secret::Secret;
use crate::domain::profile::{PlatformId, Version};
use crate::domain::session::LogLevel;
use crate::domain::subscription::FilterWish;
use environment::Environment;
use verb::Verb;

mod add;
pub mod args;
pub mod environment;
mod look;
pub mod paper;
mod provision;
mod publish;
mod recording;
mod relay;
mod shadow;
pub mod verb;

/// All that was asked for, by arguments and by variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// `-p`, else `THINGDECK_PROFILE`.
    pub profile: Option<String>,
    /// `--url` and what goes with it: instead of a profile.
    pub look: Option<Look>,
    /// `--config`, else `THINGDECK_CONFIG`; `None` is the config folder's own.
    pub config: Option<PathBuf>,
    /// `THINGDECK_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// `THINGDECK_STATE_DIR`.
    pub state_dir: Option<PathBuf>,
    pub log_level: LogLevel,
    /// Half of what it takes to skip the check of server certificates; the other half is in the profile.
    pub insecure: bool,
    /// For end-to-end tests: each frame ends in a private escape sequence.
    pub frame_marks: bool,
    pub terminal: TerminalHints,
    /// The whole environment, for tokens that are kept there.
    pub environment: Environment,
    pub command: Command,
}

/// A broker named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// As typed: it may hold a password, which is refused.
    pub url: Secret,
    pub topics: Vec<FilterWish>,
    pub ca_file: Option<PathBuf>,
    pub version: Version,
}

/// What the terminal says about itself through variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TerminalHints {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    pub colorterm: String,
    pub term: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Dashboard,
    /// The dashboard on the embedded simulator.
    Demo(PlatformId),
    Sim(SimOptions),
    Verb(Verb),
    /// Where its files are.
    Info {
        json: bool,
    },
    Completions(clap_complete::Shell),
    Man,
    /// The process that jq programs run in; thingdeck starts it itself.
    SieveHelper,
    /// A picture of a real frame, for the README.
    Picture {
        file: PathBuf,
        width: u16,
        height: u16,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct SimOptions {
    pub platform: PlatformId,
    /// `None`: a folder of its own that goes away at the end.
    pub dir: Option<PathBuf>,
    /// 0 is any free port.
    pub api_port: u16,
    pub mqtt_port: u16,
    pub wss_port: u16,
    pub devices: Option<usize>,
    /// Messages per second besides what the devices say by themselves.
    pub rate: Option<f64>,
    pub seed: Option<u64>,
}

/// The command line is no command, or asked for help: what to print, and how to leave.
#[derive(Debug)]
pub struct Declined(clap::Error);

impl Declined {
    pub fn exit(&self) -> Exit {
        if self.0.use_stderr() {
            Exit::Usage
        } else {
            Exit::Done
        }
    }

    /// Help and version to stdout, a mistake to stderr with the exit code in words. A closed pipe is nobody's problem.
    pub fn print(&self) -> Exit {
        let exit = self.exit();
        let printed = self.0.print();
        if printed.is_ok() && exit == Exit::Usage {
            let _closed = writeln!(
                std::io::stderr(),
                "\nexit {}: {}",
                exit.code(),
                exit.words()
            );
        }
        exit
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Options {
    /// From this process's own arguments and environment.
    pub fn from_process() -> Result<Self, Declined> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self::read(std::env::args_os(), environment)
    }

    /// From the given arguments (the first is the program's name) and variables.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        environment: Environment,
    ) -> Result<Self, Declined> {
        let mut args = args::Args::try_parse_from(arguments).map_err(Declined)?;
        let path = |name: &str| environment.value(name).map(PathBuf::from);
        let text = |name: &str| environment.text(name).map(str::to_owned);
        let (look, command) = args.look_and_command().map_err(Declined)?;
        let globals = args.globals;
        Ok(Self {
            // A URL on the command line says more than a variable that was set for all commands.
            profile: match look {
                Some(_) => None,
                None => globals.profile_name.or_else(|| text("THINGDECK_PROFILE")),
            },
            look,
            config: globals.config.or_else(|| path("THINGDECK_CONFIG")),
            data_dir: path("THINGDECK_DATA_DIR"),
            state_dir: path("THINGDECK_STATE_DIR"),
            log_level: globals.log_level.level(),
            insecure: globals.insecure,
            frame_marks: globals.frame_marks,
            terminal: TerminalHints {
                no_color: text("NO_COLOR").is_some(),
                colorterm: text("COLORTERM").unwrap_or_default(),
                term: text("TERM").unwrap_or_default(),
            },
            command,
            environment,
        })
    }
}

#[cfg(test)]
mod tests;
