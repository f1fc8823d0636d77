//! A real broker for one test.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use tempfile::TempDir;

use super::home::{BINARY, Ended, PATIENCE};
use super::screen::Screen;

pub struct Mosquitto {
    folder: TempDir,
    child: Child,
    pub port: u16,
}

/// `PATH` with the folder where Debian keeps mosquitto.
fn search_path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

const LOG: &str = "broker.log";

/// It tells what it does on stderr, which goes to a file.
fn spawned(folder: &Path) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join(LOG))
        .expect("writable");
    program("mosquitto")
        .arg("-v")
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stderr(log)
        .spawn()
        .expect("mosquitto starts")
}

/// Nobody listens there, and nobody is given it by chance: it is below what the system hands out to whoever wants any port.
pub fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(10_000..32_000));
    ports
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("it goes on until there is one")
}

impl Mosquitto {
    /// For everybody. `None`, said loudly, where it is missing and nobody insists on it.
    pub fn open() -> Option<Self> {
        Self::with(&[], "allow_anonymous true\n")
    }

    /// With these users and passwords, and `more` lines of its configuration.
    pub fn with(users: &[(&str, &str)], more: &str) -> Option<Self> {
        if program("mosquitto").arg("-h").status().is_err() {
            let text = "a test needs mosquitto";
            assert!(
                std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_none(),
                "{text}"
            );
            // Not `eprintln!`, which the test harness keeps to itself when a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {text}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let port = free_port();
        let mut config = format!("listener {port} 127.0.0.1\n{more}");
        if !users.is_empty() {
            std::fs::write(path("passwords"), "").expect("writable");
            for (user, password) in users {
                let made = program("mosquitto_passwd")
                    .arg("-b")
                    .arg(path("passwords"))
                    .args([user, password])
                    .status();
                assert!(
                    made.is_ok_and(|status| status.success()),
                    "mosquitto_passwd"
                );
            }
            config.push_str(&format!(
                "password_file {}\nallow_anonymous false\n",
                path("passwords").display()
            ));
        }
        std::fs::write(path("mosquitto.conf"), config).expect("writable");
        let child = spawned(folder.path());
        let broker = Self {
            folder,
            child,
            port,
        };
        broker.wait();
        Some(broker)
    }

    /// Gone at once, with all that it retained.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// On the same port, after [`Self::stop`].
    pub fn start_again(&mut self) {
        self.child = spawned(self.folder.path());
        self.wait();
    }

    /// What it has to tell, every packet included.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path(LOG)).expect("text")
    }

    fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < until, "mosquitto never listened");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Writes the config file that [`Self::run`] uses, with one profile `lab`.
    pub fn configure(&self, lines: &str) {
        let text = format!(
            "[profiles.lab]\nplatform = \"mqtt\"\nurl = \"{}\"\n{lines}",
            self.url()
        );
        std::fs::write(self.path("config.toml"), text).expect("writable");
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        vec![
            ("HOME".into(), text("")),
            ("PATH".into(), search_path()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TERM".into(), "xterm-256color".into()),
            ("THINGDECK_CONFIG".into(), text("config.toml")),
            ("THINGDECK_DATA_DIR".into(), text("data")),
            ("THINGDECK_STATE_DIR".into(), text("state")),
        ]
    }

    /// The binary with this broker's config file.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .envs(self.environment())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The dashboard in a terminal of that size.
    pub fn dashboard(
        &self,
        (columns, rows): (u16, u16),
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Screen {
        let mut command = CommandBuilder::new(BINARY);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        command.args(arguments);
        command.cwd(self.path(""));
        Screen::run(command, columns, rows)
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }

    /// The same with `--url`.
    pub fn look(&self, arguments: &[&str]) -> Ended {
        let url = self.url();
        self.run(&[&["--url", url.as_str()], arguments].concat())
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
