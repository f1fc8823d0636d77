//! How each simulated cloud is put together: its ports, its files, its tasks.

pub mod aws;
pub mod google;
pub mod huawei;
pub mod mqtt;
pub mod thinq;

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::hub::Hub;
use super::{Ready, SimError, serve};

/// What [`super::Sim`] holds.
pub struct Running {
    pub ready: Ready,
    pub hub: Arc<Hub>,
    pub tasks: JoinSet<()>,
}

fn listen(port: u16) -> Result<(TcpListener, SocketAddr), SimError> {
    serve::bind(port).map_err(|source| SimError::Listen { port, source })
}

/// One file of the simulator's folder.
struct File {
    path: PathBuf,
    text: String,
    /// Unix's permission bits.
    mode: u32,
}

impl File {
    fn public(path: impl Into<PathBuf>, text: String) -> Self {
        Self {
            path: path.into(),
            text,
            mode: 0o644,
        }
    }

    fn private(path: impl Into<PathBuf>, text: String) -> Self {
        Self {
            mode: 0o600,
            ..Self::public(path, text)
        }
    }
}

async fn write_files(dir: &Path, files: Vec<File>) -> Result<(), SimError> {
    let dir = dir.to_owned();
    let write_all = move || {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| SimError::Write { path, source }
        };
        std::fs::create_dir_all(&dir).map_err(fail(&dir))?;
        files
            .iter()
            .try_for_each(|file| write(file).map_err(fail(&file.path)))
    };
    tokio::task::spawn_blocking(write_all)
        .await
        .unwrap_or(Ok(()))
}

/// Writes beside and renames, so that a reader sees all or nothing.
fn write(file: &File) -> io::Result<()> {
    let beside = file.path.with_extension("new");
    drop(std::fs::remove_file(&beside));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, file.mode);
    let mut out = options.open(&beside)?;
    out.write_all(file.text.as_bytes())?;
    drop(out);
    std::fs::rename(&beside, &file.path)
}
