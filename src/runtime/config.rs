//! `config.toml` as types: what is in it, where it is wrong, and how a profile is added or removed without touching the
//! rest.
//!
//! Every error names the file, the line, the key and, for a key that nobody knows, the nearest one that exists
//! (`interface.md`, section 3).

use std::path::{Path, PathBuf};

use crate::base::problem::Problem;
use crate::domain::profile::Profile;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it was read from, or would be written to: the file need not exist.
    pub file: PathBuf,
    pub default_profile: Option<String>,
    pub ui: Ui,
    pub history: History,
    /// In the order of the file.
    pub profiles: Vec<Profile>,
    /// What a person should read once: a token in clear, for example.
    pub warnings: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// `None`: not said.
    pub theme: Option<Theme>,
    pub mouse: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Theme {
    Dark,
    Light,
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Ceiling for messages kept in memory, in bytes.
    pub memory: u64,
}

impl Config {
    /// Reads the file; an absent one is an empty one.
    pub fn load(_file: &Path) -> Result<Self, Problem> {
        Err(Problem::default())
    }

    /// The profile of that name, else `default_profile`, else the only one there is. `Ok(None)` when there is no profile at all and none
    /// was asked for. A profile with `insecure_skip_verify` also needs `insecure`, the command line's flag.
    pub fn choose(&self, _name: Option<&str>, _insecure: bool) -> Result<Option<Profile>, Problem> {
        Err(Problem::default())
    }
}
