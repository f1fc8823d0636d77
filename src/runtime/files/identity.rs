//! What thingdeck obtained for a profile: keys, certificates, a client id, a pasted token. One folder per profile (0700),
//! each file 0600.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{
    Access, is_readable_by_others, make_private_folder, replace, restrict, set_aside, trouble,
};
use crate::base::problem::Problem;
use crate::base::secret::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    folder: PathBuf,
}

/// What [`Identity::load`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// `None`: not there, or damaged and set aside.
    pub content: Option<Secret>,
    /// What a person should read once.
    pub notice: Option<Problem>,
}

impl Identity {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty or unreadable text is set aside; a file that others could read is closed to them.
    pub fn load(&self, name: &str) -> Result<Kept, Problem> {
        let path = self.path(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            Err(error) => return Err(trouble("read", &path, &error)),
        };
        match String::from_utf8(bytes) {
            Ok(text) if text.trim().is_empty() => set_aside(&path, "it is empty").map(Kept::notice),
            Ok(text) => Ok(Kept {
                content: Some(Secret::new(text)),
                notice: close(&path)?,
            }),
            Err(_damaged) => set_aside(&path, "it holds bytes that are no text").map(Kept::notice),
        }
    }

    /// On disk when this returns.
    pub fn keep(&self, name: &str, content: &Secret) -> Result<(), Problem> {
        make_private_folder(&self.folder)?;
        replace(
            &self.path(name),
            content.expose().as_bytes(),
            Access::Private,
        )
    }

    /// Fine when it is not there.
    pub fn forget(&self, name: &str) -> Result<(), Problem> {
        let path = self.path(name);
        gone(fs::remove_file(&path)).map_err(|error| trouble("delete", &path, &error))
    }

    /// All of it.
    pub fn delete(&self) -> Result<(), Problem> {
        gone(fs::remove_dir_all(&self.folder))
            .map_err(|error| trouble("delete", &self.folder, &error))
    }
}

impl Kept {
    fn notice(notice: Problem) -> Self {
        Self {
            content: None,
            notice: Some(notice),
        }
    }
}

fn gone(deleted: io::Result<()>) -> io::Result<()> {
    match deleted {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn close(path: &Path) -> Result<Option<Problem>, Problem> {
    let metadata = fs::metadata(path).map_err(|error| trouble("read", path, &error))?;
    if !is_readable_by_others(&metadata) {
        return Ok(None);
    }
    restrict(path, 0o600).map_err(|error| trouble("protect", path, &error))?;
    Ok(Some(Problem::new(
        format!("{} could be read by others", path.display()),
        "its permissions were too wide; they are 0600 now",
        "if others use this machine, remove the profile and add it again for a new key",
    )))
}
