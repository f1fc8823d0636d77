//! `config.toml` as types: what is in it, where it is wrong, and how a profile is added or removed without touching the
//! rest.
//!
//! Every error names the file, the line, the key and, for a key that nobody knows, the nearest one that exists
//! (`interface.md`, section 3).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::files::{resolve, trouble};
use crate::base::near::nearest;
use crate::base::problem::{Exit, Problem};
use crate::domain::decode::Pins;
use crate::domain::profile::Profile;
use crate::domain::program::Programs;

mod decode;
pub mod edit;
pub mod entry;
mod profile;
mod programs;
mod section;

use section::{Section, Source};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it was read from, or would be written to: the file need not exist.
    pub file: PathBuf,
    pub default_profile: Option<String>,
    pub ui: Ui,
    pub history: History,
    /// How payloads are decoded, by topic.
    pub decode: Pins,
    /// jq programs, by topic.
    pub programs: Programs,
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

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: None,
            mouse: true,
        }
    }
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
    /// Ceiling for what leaves memory and goes to the disk, in bytes; 0 keeps nothing there.
    pub disk: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            disk: 0,
        }
    }
}

impl Config {
    /// Reads the file; an absent one is an empty one.
    pub fn load(file: &Path) -> Result<Self, Problem> {
        match fs::read_to_string(file) {
            Ok(text) => Self::parse(&text, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::parse("", file),
            Err(error) => Err(trouble("read", file, &error).exit(Exit::Usage)),
        }
    }

    /// `file` is for errors, and where relative paths start.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Problem> {
        let source = Source { file, text };
        let document = DeTable::parse(text).map_err(|error| source.syntax(&error))?;
        let root = Section::root(&source, &document);
        root.only(&[
            "default_profile",
            "ui",
            "history",
            "decode",
            "jq",
            "profiles",
        ])?;
        let mut warnings = Vec::new();
        let mut profiles = Vec::new();
        if let Some(section) = root.section("profiles")? {
            for section in section.sections()? {
                profiles.push(profile::read(&section, &mut warnings)?);
            }
        }
        let config = Self {
            file: file.to_owned(),
            default_profile: root.text("default_profile")?,
            ui: root
                .section("ui")?
                .map_or_else(|| Ok(Ui::default()), |s| ui(&s))?,
            history: root
                .section("history")?
                .map_or_else(|| Ok(History::default()), |s| history(&s))?,
            decode: root
                .section("decode")?
                .map_or_else(|| Ok(Pins::default()), |s| decode::read(&s))?,
            programs: root
                .section("jq")?
                .map_or_else(|| Ok(Programs::default()), |s| programs::read(&s))?,
            profiles,
            warnings,
        };
        config.check_default(&root)?;
        Ok(config)
    }

    fn check_default(&self, root: &Section<'_>) -> Result<(), Problem> {
        match &self.default_profile {
            Some(name) if self.find(name).is_none() => Err(root.wrong(
                "default_profile",
                format!("there is no profile {name:?}"),
                &self.remedy_for(name),
            )),
            _ => Ok(()),
        }
    }

    fn find(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    fn remedy_for(&self, name: &str) -> String {
        let names = self.profiles.iter().map(|profile| profile.name.as_str());
        match nearest(name, names.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if self.profiles.is_empty() => "add one: thingdeck profile-add".to_owned(),
            None => format!("the profiles are: {}", names.collect::<Vec<_>>().join(", ")),
        }
    }

    /// The profile of that name, else `default_profile`, else the only one there is. `Ok(None)` when there is no profile at
    /// all and none was asked for. A profile with `insecure_skip_verify` also needs `insecure`, the command line's flag.
    pub fn choose(&self, name: Option<&str>, insecure: bool) -> Result<Option<Profile>, Problem> {
        let profile = match (
            name.or(self.default_profile.as_deref()),
            self.profiles.as_slice(),
        ) {
            (Some(name), _) => self.find(name).ok_or_else(|| {
                Problem::new(
                    format!("no profile {name:?}"),
                    format!("{} has none of that name", self.file.display()),
                    self.remedy_for(name),
                )
                .exit(Exit::NotFound)
            })?,
            (None, []) => return Ok(None),
            (None, [only]) => only,
            (None, _) => return Err(self.which_one()),
        };
        if profile.common.insecure_skip_verify && !insecure {
            return Err(Problem::new(
                format!("profile {:?} is not used", profile.name),
                "it says insecure_skip_verify = true, and that alone is not enough",
                "give --insecure too, if anybody on the way may read and change everything; else name the server's CA in ca_file",
            )
            .exit(Exit::Usage));
        }
        Ok(Some(profile.clone()))
    }

    fn which_one(&self) -> Problem {
        let names: Vec<_> = self.profiles.iter().map(|p| p.name.as_str()).collect();
        Problem::new(
            "which profile?",
            format!("{} has several and no default_profile", self.file.display()),
            format!("name one with -p: {}", names.join(", ")),
        )
        .exit(Exit::Usage)
    }
}

fn ui(section: &Section<'_>) -> Result<Ui, Problem> {
    section.only(&["theme", "mouse"])?;
    Ok(Ui {
        theme: section
            .text("theme")?
            .map(|name| theme(section, &name))
            .transpose()?,
        mouse: section.flag("mouse")?.unwrap_or(true),
    })
}

fn theme(section: &Section<'_>, name: &str) -> Result<Theme, Problem> {
    match name {
        "dark" => Ok(Theme::Dark),
        "light" => Ok(Theme::Light),
        _ if name.contains(['/', '.']) => Ok(Theme::File(resolve(name, section.base()))),
        _ => Err(section.wrong(
            "theme",
            format!("{name:?} is no theme"),
            "write \"dark\", \"light\" or a file's path",
        )),
    }
}

fn history(section: &Section<'_>) -> Result<History, Problem> {
    section.only(&["memory", "disk"])?;
    let default = History::default();
    Ok(History {
        memory: size(section, "memory", "256 MiB", false)?.unwrap_or(default.memory),
        disk: size(section, "disk", "1 GiB", true)?.unwrap_or(default.disk),
    })
}

/// At least 1 MiB. Nothing at all only where that means something.
fn size(
    section: &Section<'_>,
    key: &str,
    example: &str,
    may_be_none: bool,
) -> Result<Option<u64>, Problem> {
    let Some(text) = section.text_or_number(key)? else {
        return Ok(None);
    };
    match bytes(&text) {
        Some(size) if size >= 1 << 20 || (may_be_none && size == 0) => Ok(Some(size)),
        Some(_) => Err(section.wrong(
            key,
            "less than 1 MiB holds nothing",
            &format!("write \"{example}\""),
        )),
        None => Err(section.wrong(
            key,
            format!("{text:?} is no size"),
            "write a number and a unit: \"256 MiB\", \"1 GiB\"",
        )),
    }
}

/// `256 MiB`, `1GB`, `1048576`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = text.split_at_checked(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests;
