//! The program in a pseudo-terminal, read through a terminal emulator.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::home::{BINARY, Home, PATIENCE};

pub struct Screen {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// Signs of presence, push and event in a device's row, which ends at the pane's frame.
fn marks_in(text: &str, device: &str) -> String {
    let row = text
        .lines()
        .filter_map(|line| line.strip_prefix(['│', '┃']))
        .map(|line| line.split(['│', '┃']).next().unwrap_or_default())
        .find(|line| line.contains(device));
    row.unwrap_or_default()
        .chars()
        .filter(|c| "●○◌·–!".contains(*c))
        .collect()
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has cells")
}

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

impl Screen {
    pub fn start(home: &Home, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::start_with(home, columns, rows, arguments, &[])
    }

    pub fn start_with(
        home: &Home,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Self::command(home, arguments);
        for (name, value) in environment {
            command.env(name, value);
        }
        Self::run(command, columns, rows)
    }

    /// The binary with the home's environment and no other.
    pub fn command(home: &Home, arguments: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(BINARY);
        command.env_clear();
        for (name, value) in home.environment() {
            command.env(name, value);
        }
        command.args(arguments);
        command.cwd(home.path(""));
        command
    }

    /// Any program in a terminal of its own.
    pub fn run(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the binary starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let seen = Arc::new((
            Mutex::new(Seen {
                parser,
                raw: Vec::new(),
                ended: false,
            }),
            Condvar::new(),
        ));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().expect("not poisoned");
                if read == 0 {
                    seen.ended = true;
                } else {
                    seen.parser.process(&buffer[..read]);
                    seen.raw.extend_from_slice(&buffer[..read]);
                }
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            master: pair.master,
            writer,
            child,
            seen,
        }
    }

    /// The dashboard, once it is connected and shows the home's devices.
    #[track_caller]
    pub fn opened(home: &Home, columns: u16, rows: u16) -> Self {
        let mut screen = Self::start(home, columns, rows, &[]);
        screen.shows("● connected").shows("Dish washer");
        screen
    }

    /// As a terminal sends a text from the clipboard.
    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.press(&format!("\x1b[200~{text}\x1b[201~"))
    }

    /// The left button on a cell, counted from 0.
    pub fn click(&mut self, column: usize, row: usize) -> &mut Self {
        let (x, y) = (column + 1, row + 1);
        self.press(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"))
    }

    pub fn wheel(&mut self, down: bool, column: usize, row: usize) -> &mut Self {
        let code = if down { 65 } else { 64 };
        self.press(&format!("\x1b[<{code};{};{}M", column + 1, row + 1))
    }

    /// Closes the topmost box or filter, and waits until `gone` is no longer on the screen: an Escape that is followed by
    /// more bytes at once would be read as Alt.
    #[track_caller]
    pub fn escape(&mut self, gone: &str) -> &mut Self {
        self.press("\x1b").no_longer_shows(gone)
    }

    /// Leaves at once, in peace.
    #[track_caller]
    pub fn leaves(&mut self) {
        self.press("\x03");
        assert_eq!(self.ends(), 0);
    }

    #[track_caller]
    pub fn until_marks(&mut self, device: &str, wanted: &str) -> &mut Self {
        self.until(&format!("marks {wanted} of {device}"), |text| {
            marks_in(text, device) == wanted
        })
    }

    /// Puts the cursor on a device by filtering for it; the filter stays.
    #[track_caller]
    pub fn choose(&mut self, device: &str) -> &mut Self {
        self.press("1")
            .press("/")
            .shows("Enter keep")
            .press(device)
            .press("\r");
        self.until(&format!("{device} chosen"), |text| {
            !text.contains("Enter keep")
                && text.lines().any(|l| l.contains('▌') && l.contains(device))
        })
    }

    /// Characters as typed; `\r` is Enter, `\x1b` Escape, `\t` Tab.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        self.writer
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
        self.writer.flush().expect("flushed");
        self
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.seen
            .0
            .lock()
            .expect("not poisoned")
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).expect("resized");
        self
    }

    pub fn text(&self) -> String {
        self.seen
            .0
            .lock()
            .expect("not poisoned")
            .parser
            .screen()
            .contents()
    }

    /// Every byte that the program sent to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.0.lock().expect("not poisoned").raw.clone()
    }

    pub fn cursor_hidden(&self) -> bool {
        self.seen
            .0
            .lock()
            .expect("not poisoned")
            .parser
            .screen()
            .hide_cursor()
    }

    /// Waits until the screen's text satisfies `test`; shows the screen when it never does.
    #[track_caller]
    pub fn until(&mut self, what: &str, test: impl Fn(&str) -> bool) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().expect("not poisoned");
        loop {
            let shown = seen.parser.screen().contents();
            if test(&shown) {
                drop(seen);
                return self;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.ended,
                "never shown: {what} (ended: {})\n{shown}",
                seen.ended
            );
            seen = changed.wait_timeout(seen, left).expect("not poisoned").0;
        }
    }

    /// Until `enough` has seen enough. It sees whole frames only: between the two marks of a synchronized update the screen is
    /// half one frame and half the next.
    #[track_caller]
    pub fn frames(&mut self, what: &str, mut enough: impl FnMut(&str) -> bool) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().expect("not poisoned");
        loop {
            let is_whole = seen.raw.ends_with(b"\x1b[?2026l");
            if is_whole && enough(&seen.parser.screen().contents()) {
                drop(seen);
                return self;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.ended,
                "never shown: {what} (ended: {})\n{}",
                seen.ended,
                seen.parser.screen().contents()
            );
            seen = changed.wait_timeout(seen, left).expect("not poisoned").0;
        }
    }

    /// Waits until the bytes sent so far satisfy `test`.
    #[track_caller]
    pub fn until_raw(&mut self, what: &str, test: impl Fn(&[u8]) -> bool) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().expect("not poisoned");
        while !test(&seen.raw) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.ended,
                "never sent: {what}\n{}",
                seen.parser.screen().contents()
            );
            seen = changed.wait_timeout(seen, left).expect("not poisoned").0;
        }
        drop(seen);
        self
    }

    /// Waits until the process is stopped (`T` in its status).
    #[track_caller]
    pub fn until_stopped(&mut self) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let path = format!("/proc/{}/stat", self.process_id());
        while !std::fs::read_to_string(&path)
            .expect("it lives")
            .contains(") T ")
        {
            assert!(Instant::now() < deadline, "it never stopped");
            thread::yield_now();
        }
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

    pub fn process_id(&self) -> i32 {
        i32::try_from(self.child.process_id().expect("running")).expect("fits")
    }

    pub fn signal(&self, signal: &str) {
        super::signal::send(self.process_id(), signal);
    }

    /// Waits for the program's end; its exit code.
    #[track_caller]
    pub fn ends(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().expect("not poisoned");
        while !seen.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "it never ended\n{}",
                seen.parser.screen().contents()
            );
            seen = changed.wait_timeout(seen, left).expect("not poisoned").0;
        }
        drop(seen);
        self.child.wait().expect("waited").exit_code()
    }

    /// What `stty -a` says of the terminal now.
    #[cfg(target_os = "linux")]
    pub fn stty(&self) -> String {
        let name = self.master.tty_name().expect("a name");
        let output = std::process::Command::new("stty")
            .arg("-a")
            .arg("-F")
            .arg(name)
            .output()
            .expect("stty runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
