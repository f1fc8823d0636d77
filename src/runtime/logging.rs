//! The log file and the crash report.

use std::backtrace::Backtrace;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::EnvFilter;

use super::files::make_private_folder;
use super::terminal;
use crate::base::text::SafeText;
use crate::domain::session::{LogLevel, LogLine};

/// There was a panic, in whatever thread.
static CRASHED: AtomicBool = AtomicBool::new(false);

pub fn has_crashed() -> bool {
    CRASHED.load(Ordering::SeqCst)
}

/// Keeps the log's writer alive; dropping it flushes.
pub struct Log {
    _guard: WorkerGuard,
    lost: ErrorCounter,
}

impl Log {
    /// Lines that the writer could not keep up with.
    pub fn lost(&self) -> usize {
        self.lost.dropped_lines()
    }
}

/// Starts logging into `folder`, a file a day, five kept. An error leaves the program without a log file.
pub fn start(folder: &Path, level: &str) -> Result<Log, String> {
    // Topics and client ids are nobody else's business.
    make_private_folder(folder).map_err(|problem| problem.line())?;
    let file = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("thingdeck")
        .filename_suffix("log")
        .max_log_files(5)
        .build(folder)
        .map_err(|e| e.to_string())?;
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING)
        .finish(file);
    let lost = writer.error_counter();
    let filter =
        EnvFilter::try_new(format!("warn,thingdeck={level}")).map_err(|e| e.to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter)
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|e| e.to_string())?;
    Ok(Log {
        _guard: guard,
        lost,
    })
}

/// Lines that wait for the disk. The writer sets all of them up at the start: its usual number would be 4 MiB and 2 ms.
const WAITING: usize = 4096;

/// Bytes of one line: a topic alone may have 64 KiB.
const LONGEST_LINE: usize = 4096;

/// A line of the log pane, into the file as well. A broker's words stay on their line and tell no terminal what to do.
pub fn tap(line: &LogLine) {
    let text = harmless(&line.text);
    let text = text.as_str();
    match line.level {
        LogLevel::Error => tracing::error!(source = ?line.source, "{text}"),
        LogLevel::Warn => tracing::warn!(source = ?line.source, "{text}"),
        LogLevel::Info => tracing::info!(source = ?line.source, "{text}"),
        LogLevel::Debug => tracing::debug!(source = ?line.source, "{text}"),
    }
}

fn harmless(text: &str) -> SafeText {
    SafeText::new(&text[..text.floor_char_boundary(LONGEST_LINE)])
}

/// A panic gives the terminal back first, then writes a report into `folder` and names it on stderr. One in another thread
/// than this ends the program, too: the tasks' runtime would catch it, and the screen would go on without its terminal.
pub fn catch_panics(folder: PathBuf) {
    let home = thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        CRASHED.store(true, Ordering::SeqCst);
        terminal::restore();
        let trace = Backtrace::force_capture();
        let report = format!(
            "thingdeck {} stopped by a defect of its own\n{panic}\n\n{trace}\n",
            env!("CARGO_PKG_VERSION")
        );
        let path = folder.join(format!("crash-{}.txt", std::process::id()));
        let written = make_private_folder(&folder)
            .map_err(|problem| std::io::Error::other(problem.line()))
            .and_then(|()| File::create(&path))
            .and_then(|mut f| f.write_all(report.as_bytes()));
        let place = match written {
            Ok(()) => format!("the report is in {}", path.display()),
            Err(error) => format!("the report could not be written ({error}):\n{report}"),
        };
        let _ = writeln!(
            std::io::stderr(),
            "thingdeck stopped by a defect of its own: {panic}\n  try      report it; {place}"
        );
        if thread::current().id() != home {
            let _ = signal_hook::low_level::raise(signal_hook::consts::SIGTERM);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_words_make_no_second_line_and_colour_nothing() {
        let said = "in PUBLISH a\n2026-11-21 ERROR all is lost \u{1b}[2J".to_owned();
        let written = harmless(&(said + &"가".repeat(LONGEST_LINE)));
        assert!(!written.as_str().contains(char::is_control));
        assert!(written.as_str().len() <= LONGEST_LINE + 16);
    }
}
