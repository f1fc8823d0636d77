//! Recordings on the disk: JSON lines in a file that only its owner can read, compressed where its name ends in `.zst`.
//!
//! What [`Recording::write`] has written is with the system when it returns, also in a compressed file (a block ends there), so a
//! crash costs nothing that was acknowledged. A write that fails leaves whole lines: the file is cut back to them. A file is written
//! by one at a time.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::thread;
#[cfg(unix)]
use std::time::Duration;

use zstd::stream::write::Encoder;

use super::files;
use crate::base::problem::{Exit, Problem};
use crate::cli::verb::Existing;
use crate::domain::line;
use crate::headless::console::Piece;
use reading::Lines;

pub mod reading;

/// Fast, and JSON lines are small all the same.
const LEVEL: i32 = 3;

/// For a lock.
#[cfg(unix)]
const TRIES: u32 = 25;
#[cfg(unix)]
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// How each of our lines begins.
const BEGINNING: &str = "{\"v\":1,";

/// A recording being written.
pub struct Recording {
    path: PathBuf,
    file: Option<Out>,
    /// Bytes up to the last line that was written whole. `None`: it is no file of a disk.
    whole: Option<u64>,
    /// Made for this recording, and nothing was written yet.
    is_new: bool,
    /// What stands in it goes when the first line is there.
    to_replace: bool,
    /// Lines were written to it.
    is_used: bool,
}

enum Out {
    Plain(File),
    Packed(Box<Encoder<'static, File>>),
}

impl Out {
    fn new(file: File, packed: bool) -> io::Result<Self> {
        if !packed {
            return Ok(Self::Plain(file));
        }
        let mut encoder = Encoder::new(file, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Packed(Box::new(encoder)))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Packed(encoder) => {
                encoder.write_all(bytes)?;
                encoder.flush()
            }
        }
    }

    fn file(&self) -> &File {
        match self {
            Self::Plain(file) => file,
            Self::Packed(encoder) => encoder.get_ref(),
        }
    }

    fn finish(self) -> io::Result<File> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Packed(encoder) => encoder.finish(),
        }
    }
}

/// Whether a recording of this name is compressed.
pub fn is_packed(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("zst"))
}

impl Recording {
    /// Also answers what was mended in a recording that is gone on with, in words.
    pub fn open(path: &Path, existing: Existing) -> Result<(Self, Option<String>), Problem> {
        let trouble =
            |error: &io::Error| files::trouble("record in", path, error).exit(Exit::Usage);
        let length = match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(is_folder(path)),
            Ok(there) if there.is_file() => Some(there.len()),
            // A device or a pipe: nothing of it can be lost.
            Ok(_) => return Self::on(path, open(path, false).map_err(|e| trouble(&e))?, false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(trouble(&error)),
        };
        match (length, existing) {
            (None, _) => Self::on(path, open(path, true).map_err(|e| trouble(&e))?, true),
            (Some(1..), Existing::Refuse) => Err(is_there(path)),
            (Some(1..), Existing::Append) => Self::go_on(path),
            // An empty one is as good as none, but for who may read it.
            (Some(0), _) | (Some(_), Existing::Replace) => {
                let (mut recording, _) =
                    Self::on(path, open(path, false).map_err(|e| trouble(&e))?, false)?;
                recording.to_replace = true;
                Ok((recording, None))
            }
        }
    }

    fn on(path: &Path, file: File, is_new: bool) -> Result<(Self, Option<String>), Problem> {
        let wrong = |error: &io::Error| files::trouble("record in", path, error);
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if is_file {
            hold(&file, path)?;
        }
        let whole = is_file.then(|| (&file).stream_position().ok()).flatten();
        let out = Out::new(file, is_packed(path)).map_err(|error| wrong(&error))?;
        let recording = Self {
            path: path.to_owned(),
            file: Some(out),
            whole,
            is_new,
            to_replace: false,
            is_used: false,
        };
        Ok((recording, None))
    }

    /// After the last whole line of what is there.
    fn go_on(path: &Path) -> Result<(Self, Option<String>), Problem> {
        let wrong = |error: &io::Error| files::trouble("go on with", path, error).exit(Exit::Usage);
        let mut file = open(path, false).map_err(|error| wrong(&error))?;
        // What looks torn may be another one's line that is being written.
        hold(&file, path)?;
        if !starts_as_a_recording(path).map_err(|error| wrong(&error))? {
            return Err(is_another(path));
        }
        let mended = if is_packed(path) {
            mend_packed(path)?
        } else {
            mend_plain(path).map_err(|error| wrong(&error))?
        };
        if mended.is_some() {
            // It may be another file by now.
            file = open(path, false).map_err(|error| wrong(&error))?;
        }
        file.seek(SeekFrom::End(0)).map_err(|error| wrong(&error))?;
        let (mut recording, _) = Self::on(path, file, false)?;
        recording.is_used = true;
        let mended = mended.map(|what| format!("{}: {what}", path.display()));
        Ok((recording, mended))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lines with their line breaks. After a failure nothing more is written.
    pub fn write(&mut self, lines: &[u8]) -> Result<(), Problem> {
        match self.try_write(lines) {
            Ok(()) => Ok(()),
            Err(error) => {
                if let (Some(out), Some(whole)) = (&self.file, self.whole) {
                    // Where even that fails, a reader stops at the last whole line by itself.
                    let _best_effort = out.file().set_len(whole);
                }
                self.file = None;
                let problem = files::trouble("record in", &self.path, &error);
                let cause = format!("{}; what was recorded before is whole", problem.cause);
                Err(Problem::new(problem.what, cause, problem.remedy))
            }
        }
    }

    fn try_write(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(out) = &mut self.file else {
            return Err(io::Error::other("it is closed"));
        };
        if std::mem::take(&mut self.to_replace) {
            out.file().set_len(0)?;
            restrict(out.file())?;
        }
        out.write(lines)?;
        self.is_used = true;
        if self.whole.is_some() {
            self.whole = out.file().stream_position().ok();
        }
        Ok(())
    }

    /// Bytes on the disk.
    pub fn length(&self) -> u64 {
        self.whole.unwrap_or_default()
    }

    /// Ends it. A file that nothing was written to is taken away where it was made for this, unless `keep`.
    pub fn close(mut self, keep: bool) -> Result<u64, Problem> {
        if !keep && !self.is_used {
            if self.is_new {
                let _best_effort = fs::remove_file(&self.path);
            }
            return Ok(0);
        }
        let Some(out) = self.file.take() else {
            // It failed, and that was told.
            return Ok(self.length());
        };
        let wrong = |error: &io::Error| files::trouble("finish", &self.path, error);
        if self.to_replace {
            let emptied = out.file().set_len(0).and_then(|()| restrict(out.file()));
            emptied.map_err(|error| wrong(&error))?;
        }
        let file = out.finish().map_err(|error| wrong(&error))?;
        if self.whole.is_none() {
            return Ok(0);
        }
        file.sync_all().map_err(|error| wrong(&error))?;
        file.metadata()
            .map(|metadata| metadata.len())
            .map_err(|error| wrong(&error))
    }
}

fn open(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(is_new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Until it is closed, nobody else records in it. A reader is not held back. A process that we are just starting has our
/// locks until it runs its own program, so one that does not go away is what counts.
#[cfg(unix)]
fn hold(file: &File, path: &Path) -> Result<(), Problem> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
            // A file system without locks cannot tell of others.
            Ok(()) | Err(fs::TryLockError::Error(_)) => return Ok(()),
        }
    }
    Err(is_in_use(path))
}

/// A lock would keep readers out.
#[cfg(not(unix))]
fn hold(_file: &File, _path: &Path) -> Result<(), Problem> {
    Ok(())
}

#[cfg(unix)]
fn restrict(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Whether its first line is one of ours, or the beginning of one.
fn starts_as_a_recording(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let first = Lines::new(Box::new(file))?.piece();
    Ok(match first {
        Piece::Line(text) => line::decode(&text).is_ok(),
        Piece::Rest(text) => {
            let is_beginning = |whole: &[u8]| whole.starts_with(text.as_bytes());
            text.starts_with(BEGINNING)
                || is_beginning(BEGINNING.as_bytes())
                || is_packed(path) && is_beginning(&reading::MAGIC)
        }
        // Cut off before the first line was whole.
        Piece::Torn(_) | Piece::End => is_packed(path),
        Piece::Bad(_) | Piece::Damaged(_) | Piece::Interrupted => false,
    })
}

/// A last line without its line break gets one, or goes where it is not whole.
fn mend_plain(path: &Path) -> io::Result<Option<String>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let begin = last_line(&mut file, length)?;
    if begin == length {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(begin))?;
    let mut rest = Vec::new();
    (&file).take(length - begin).read_to_end(&mut rest)?;
    let is_whole = std::str::from_utf8(&rest).is_ok_and(|text| line::decode(text).is_ok());
    if is_whole {
        file.seek(SeekFrom::End(0))?;
        file.write_all(b"\n")?;
        return Ok(None);
    }
    file.set_len(begin)?;
    Ok(Some(format!(
        "its last line was cut off ({} bytes) and is taken away",
        length - begin
    )))
}

/// Where what stands after the last line break begins.
fn last_line(file: &mut File, length: u64) -> io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let begin = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(begin))?;
        let mut part = Vec::new();
        (&*file).take(end - begin).read_to_end(&mut part)?;
        if let Some(at) = memchr::memrchr(b'\n', &part) {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// What a crash left half written is written anew up to its last whole line, beside, and renamed.
fn mend_packed(path: &Path) -> Result<Option<String>, Problem> {
    let wrong = |error: &io::Error| files::trouble("mend", path, error).exit(Exit::Usage);
    if ends_well(path).map_err(|error| wrong(&error))? {
        return Ok(None);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let beside = tempfile::Builder::new()
        .prefix(".thingdeck-")
        .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
        .map_err(|error| wrong(&error))?; // 0600
    let (file, name) = beside.into_parts();
    let mut out = Out::new(file, true).map_err(|error| wrong(&error))?;
    let from = File::open(path).map_err(|error| wrong(&error))?;
    let mut lines = Lines::new(Box::new(from)).map_err(|error| wrong(&error))?;
    let Out::Packed(encoder) = &mut out else {
        return Ok(None);
    };
    loop {
        let text = match lines.piece() {
            Piece::Line(text) => text,
            Piece::Rest(text) if line::decode(&text).is_ok() => text,
            Piece::Bad(_) | Piece::Damaged(_) => return Err(is_damaged(path)),
            _ => break,
        };
        let written = encoder.write_all(text.as_bytes());
        written
            .and_then(|()| encoder.write_all(b"\n"))
            .map_err(|error| wrong(&error))?;
    }
    let file = out.finish().map_err(|error| wrong(&error))?;
    file.sync_all().map_err(|error| wrong(&error))?;
    let target = fs::canonicalize(path).unwrap_or_else(|_not_there| path.to_owned());
    name.persist(target)
        .map_err(|refused| wrong(&refused.error))?;
    Ok(Some("its end was cut off and is taken away".to_owned()))
}

fn ends_well(path: &Path) -> io::Result<bool> {
    let mut lines = Lines::new(Box::new(File::open(path)?))?;
    loop {
        match lines.piece() {
            Piece::Line(_) | Piece::Bad(_) => {}
            Piece::End => return Ok(true),
            Piece::Rest(_) | Piece::Torn(_) | Piece::Damaged(_) | Piece::Interrupted => {
                return Ok(false);
            }
        }
    }
}

fn is_there(path: &Path) -> Problem {
    Problem::new(
        format!("nothing is recorded: {} is there already", path.display()),
        "a recording is never overwritten unasked",
        "choose another name; or --append to go on with it, or --force to replace it",
    )
    .exit(Exit::Usage)
}

#[cfg(unix)]
fn is_in_use(path: &Path) -> Problem {
    Problem::new(
        format!("nothing is recorded: {} is in use", path.display()),
        "another thingdeck is recording in it",
        "choose another name, or end the other recording",
    )
    .exit(Exit::Usage)
}

fn is_folder(path: &Path) -> Problem {
    Problem::new(
        format!("nothing is recorded: {} is a folder", path.display()),
        "a recording is one file",
        "name a file in it",
    )
    .exit(Exit::Usage)
}

fn is_another(path: &Path) -> Problem {
    Problem::new(
        format!("nothing is recorded: {} is no recording", path.display()),
        "its first line is no message",
        "choose another name; or --force to replace it",
    )
    .exit(Exit::Usage)
}

fn is_damaged(path: &Path) -> Problem {
    Problem::new(
        format!("nothing is recorded: {} is damaged", path.display()),
        "there is something in it that cannot be read, and more behind it",
        "choose another name: `replay` reads what stands before the damage",
    )
    .exit(Exit::Usage)
}

#[cfg(test)]
mod tests;
