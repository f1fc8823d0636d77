//! Where things are kept, and how they get there whole: folders, replacement by rename, identities that only their
//! owner can read, and damaged files set aside instead of obeyed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use crate::base::problem::{Exit, Problem};
use crate::cli::Options;

mod identity;

pub use identity::{Identity, Kept};

/// The three folders (`interface.md`, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    pub config_file: PathBuf,
    /// Another file than the config folder's own: its profiles are other profiles, even where names are the same.
    is_other_config: bool,
    /// Identities: keys, certificates, client ids, tokens.
    pub data: PathBuf,
    /// Logs and history.
    pub state: PathBuf,
}

/// What the command line and the environment say about them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    pub config: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
    pub state_dir: Option<PathBuf>,
}

impl Folders {
    pub fn of(options: &Options) -> Result<Self, Problem> {
        Self::find(Overrides {
            config: options.config.clone(),
            data_dir: options.data_dir.clone(),
            state_dir: options.state_dir.clone(),
        })
    }

    /// Creates nothing.
    pub fn find(overrides: Overrides) -> Result<Self, Problem> {
        Self::from_standard(overrides, ProjectDirs::from("", "", "thingdeck").as_ref())
    }

    fn from_standard(
        overrides: Overrides,
        standard: Option<&ProjectDirs>,
    ) -> Result<Self, Problem> {
        let or_standard = |given: Option<PathBuf>, of: fn(&ProjectDirs) -> PathBuf| {
            given
                .or_else(|| standard.map(of))
                .ok_or_else(no_home)
                .and_then(|path| absolute(&path))
        };
        let own_config = |dirs: &ProjectDirs| dirs.config_dir().join("config.toml");
        let config_file = or_standard(overrides.config, own_config)?;
        Ok(Self {
            is_other_config: standard.map(own_config).as_ref() != Some(&config_file),
            config_file,
            data: or_standard(overrides.data_dir, |dirs| dirs.data_local_dir().to_owned())?,
            state: or_standard(overrides.state_dir, |dirs| {
                dirs.state_dir()
                    .unwrap_or_else(|| dirs.cache_dir())
                    .to_owned()
            })?,
        })
    }

    /// The folder of what thingdeck obtained for a profile. A profile of another config file (the simulator's, for one) has
    /// another folder than its namesake: a client id is never shown to a cloud that it was not made for.
    pub fn identity(&self, profile: &str) -> Identity {
        Identity::new(self.data.join("identities").join(self.own_name(profile)))
    }

    /// The folder of a profile's drafts and history.
    pub fn composer(&self, profile: &str) -> PathBuf {
        self.state.join("composer").join(self.own_name(profile))
    }

    fn own_name(&self, profile: &str) -> String {
        if self.is_other_config {
            format!("{profile}-{:08x}", fingerprint(&self.config_file))
        } else {
            profile.to_owned()
        }
    }

    /// Where a profile's older messages are.
    pub fn history(&self, profile: &str) -> PathBuf {
        self.state.join("history").join(self.own_name(profile))
    }

    /// What the dashboard records of a profile.
    pub fn recordings(&self, profile: &str) -> PathBuf {
        self.state.join("recordings").join(self.own_name(profile))
    }

    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }
}

fn no_home() -> Problem {
    Problem::new(
        "no folder for configuration and data",
        "the system names no home folder for this user",
        "set HOME, or name them: --config FILE, THINGDECK_DATA_DIR and THINGDECK_STATE_DIR",
    )
    .exit(Exit::Usage)
}

/// FNV-1a of the path, folded to 32 bits: the same at every start and in every version, before the file is there and
/// after, by whatever link it is reached.
fn fingerprint(path: &Path) -> u32 {
    let whole = path
        .ancestors()
        .find_map(|known| {
            let rest = path.strip_prefix(known).ok()?;
            Some(fs::canonicalize(known).ok()?.join(rest))
        })
        .unwrap_or_else(|| path.to_owned());
    let hash = whole
        .components()
        .flat_map(|part| part.as_os_str().as_encoded_bytes().iter().chain(b"/"))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let (high, low) = (hash >> 32, hash & 0xffff_ffff);
    u32::try_from(high ^ low).unwrap_or_default()
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| trouble("use", path, &error).exit(Exit::Usage))
}

/// `path` as a config file means it: `~/` is the home folder, anything relative starts at `base`.
pub fn resolve(path: &str, base: &Path) -> PathBuf {
    if let Some(rest) = path.strip_prefix("~/")
        && let Some(home) = BaseDirs::new()
    {
        return home.home_dir().join(rest);
    }
    base.join(path)
}

/// `could not VERB PATH`, with the system's reason and what to do about it.
pub fn trouble(verb: &str, path: &Path, error: &io::Error) -> Problem {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "check who owns it and what its permissions are"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        io::ErrorKind::NotFound => "check the path",
        _ => "check the file and its folder",
    };
    Problem::new(
        format!("could not {verb} {}", path.display()),
        error.to_string(),
        remedy,
    )
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// 0600, whatever it was.
    Private,
    /// As the file was; 0600 for a new one.
    AsBefore,
}

/// Puts `content` at `path` whole or not at all: written beside, synced, renamed. A link is followed, not replaced.
pub fn replace(path: &Path, content: &[u8], access: Access) -> Result<(), Problem> {
    let target = fs::canonicalize(path).unwrap_or_else(|_not_there| path.to_owned());
    replace_target(&target, content, access).map_err(|error| trouble("write", path, &error))
}

fn replace_target(target: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let folder = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let mut beside = tempfile::Builder::new()
        .prefix(".thingdeck-")
        .tempfile_in(folder)?; // 0600
    beside.write_all(content)?;
    if access == Access::AsBefore
        && let Ok(before) = fs::metadata(target)
    {
        beside.as_file().set_permissions(before.permissions())?;
    }
    beside.as_file().sync_all()?;
    beside.persist(target).map_err(|refused| refused.error)?;
    sync_folder(folder);
    Ok(())
}

/// A file that was not there before, never over another one: `what-now.ending`, or `what-now-2.ending` and so on where
/// there is one of that second already. Answers where.
pub fn write_new(
    folder: &Path,
    (what, now, ending): (&str, i64, &str),
    content: &[u8],
) -> Result<PathBuf, Problem> {
    let write = || -> io::Result<PathBuf> {
        let mut beside = tempfile::Builder::new()
            .prefix(".thingdeck-")
            .tempfile_in(folder)?; // 0600
        beside.write_all(content)?;
        beside.as_file().sync_all()?;
        let mut number = 1_u32;
        loop {
            let path = folder.join(match number {
                1 => format!("{what}-{now}.{ending}"),
                n => format!("{what}-{now}-{n}.{ending}"),
            });
            match beside.persist_noclobber(&path) {
                Ok(_file) => {
                    sync_folder(folder);
                    return Ok(path);
                }
                Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                    beside = refused.file;
                    number += 1;
                }
                Err(refused) => return Err(refused.error),
            }
        }
    };
    write().map_err(|error| trouble("write into", folder, &error))
}

/// The rename itself survives a power cut only then. Not every file system can; the file is whole either way.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _best_effort = folder.sync_all();
    }
}

/// Makes a folder and its parents.
pub fn make_folder(path: &Path) -> Result<(), Problem> {
    fs::create_dir_all(path).map_err(|error| trouble("create", path, &error))
}

/// Makes a folder that only its owner can enter (0700), also where it was there before.
pub fn make_private_folder(path: &Path) -> Result<(), Problem> {
    make_folder(path)?;
    restrict(path, 0o700).map_err(|error| trouble("protect", path, &error))
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Whether someone else than the owner may read it.
#[cfg(unix)]
pub fn is_readable_by_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
pub fn is_readable_by_others(_metadata: &fs::Metadata) -> bool {
    false
}

/// Moves a damaged file out of the way, so that the program starts without it and nothing is lost. The answer is what to
/// tell the user.
pub fn set_aside(path: &Path, why: &str) -> Result<Problem, Problem> {
    let aside = (1..1000)
        .map(|number| with_suffix(path, &format!(".damaged-{number}")))
        .find(|candidate| !candidate.exists())
        .unwrap_or_else(|| with_suffix(path, ".damaged"));
    fs::rename(path, &aside).map_err(|error| trouble("set aside", path, &error))?;
    Ok(Problem::new(
        format!("{} was damaged and is not used", path.display()),
        why,
        format!("it is kept as {}; a new one is made", aside.display()),
    ))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(all(test, unix))]
mod tests;
