//! The program in a pseudo-terminal, read through a terminal emulator: only what these tests need, and independent too.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::home::Home;
use super::program::BINARY;

/// Nothing here should take this long; a test that does has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Screen {
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// Held open: its end would be a hang-up.
    _master: Box<dyn MasterPty + Send>,
}

struct Seen {
    parser: vt100::Parser,
    ended: bool,
}

impl Screen {
    pub fn start(home: &Home, columns: u16, rows: u16) -> Self {
        Self::run(home.environment(), &home.path(""), &[], columns, rows)
    }

    pub fn run(
        environment: Vec<(String, String)>,
        folder: &Path,
        arguments: &[&str],
        columns: u16,
        rows: u16,
    ) -> Self {
        let mut command = CommandBuilder::new(BINARY);
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        command.args(arguments);
        command.cwd(folder);
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let ended = false;
        let seen = Arc::new((Mutex::new(Seen { parser, ended }), Condvar::new()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().expect("not poisoned");
                seen.parser.process(&buffer[..read]);
                seen.ended = read == 0;
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            writer,
            child,
            seen,
            _master: pair.master,
        }
    }

    /// Characters as typed; `\r` is Enter, `\x1b` Escape.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        self.writer.write_all(keys.as_bytes()).expect("it listens");
        self.writer.flush().expect("flushed");
        self
    }

    /// Waits until the screen satisfies `test`; shows it when it never does.
    #[track_caller]
    pub fn until(&mut self, what: &str, test: impl Fn(&str) -> bool) -> &mut Self {
        self.wait(what, |seen| test(&seen.parser.screen().contents()));
        self
    }

    #[track_caller]
    pub fn shows(&mut self, text: &str) -> &mut Self {
        self.until(text, |screen| screen.contains(text))
    }

    #[track_caller]
    pub fn no_longer_shows(&mut self, text: &str) -> &mut Self {
        self.until(&format!("a screen without {text:?}"), |screen| {
            !screen.contains(text)
        })
    }

    /// Waits for the program's end; its exit code.
    #[track_caller]
    pub fn ends(&mut self) -> u32 {
        self.wait("its end", |seen| seen.ended);
        self.child.wait().expect("waited").exit_code()
    }

    #[track_caller]
    fn wait(&self, what: &str, test: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().expect("not poisoned");
        while !test(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                let (picture, ended) = (seen.parser.screen().contents(), seen.ended);
                drop(seen);
                panic!("never: {what} (ended: {ended})\n{picture}");
            }
            seen = changed.wait_timeout(seen, left).expect("not poisoned").0;
        }
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has cells")
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
