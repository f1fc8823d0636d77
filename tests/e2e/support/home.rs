//! A machine of its own for one test: folders, a simulator, and the environment that leads the program to them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use thingdeck::sim::{Ready, Sim, SimControl, SimEvent, SimOptions};
use tokio::runtime::Runtime;

/// Nothing here should take this long; a test that does has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const BINARY: &str = env!("CARGO_BIN_EXE_thingdeck");

pub struct Home {
    folder: TempDir,
    sim: Option<Sim>,
    /// A machine on which the program was never used: no config, and nothing in the environment that leads anywhere.
    fresh: bool,
    pub control: SimControl,
    pub runtime: Runtime,
}

impl Home {
    /// A simulated home with its config file where the program looks for it.
    pub fn with_simulator() -> Self {
        Self::with(|_| {})
    }

    /// As [`Home::with_simulator`], but no device says anything by itself.
    pub fn quiet() -> Self {
        let home = Self::with_simulator();
        home.control.freeze(true);
        home
    }

    /// The simulator runs, but the program knows nothing of it.
    pub fn fresh() -> Self {
        let mut home = Self::quiet();
        home.fresh = true;
        home
    }

    pub fn with(adjust: impl FnOnce(&mut SimOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut options = SimOptions::in_dir(folder.path().join("sim"));
        adjust(&mut options);
        let sim = runtime
            .block_on(Sim::start(options))
            .expect("the simulator starts");
        let control = sim.control();
        Self {
            folder,
            sim: Some(sim),
            fresh: false,
            control,
            runtime,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        PathBuf::from(&self.sim.as_ref().expect("running").ready().config)
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut all = vec![
            ("HOME".into(), text(self.folder.path())),
            ("PATH".into(), std::env::var("PATH").unwrap_or_default()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TERM".into(), "xterm-256color".into()),
        ];
        if !self.fresh {
            all.extend([
                ("THINGDECK_CONFIG".into(), text(&self.config())),
                ("THINGDECK_DATA_DIR".into(), text(&self.path("data"))),
                ("THINGDECK_STATE_DIR".into(), text(&self.path("state"))),
            ]);
        }
        all
    }

    pub fn ready(&self) -> &Ready {
        self.sim.as_ref().expect("running").ready()
    }

    /// The access token that the simulator takes.
    pub fn token(&self) -> String {
        let path = self.config().with_file_name("token");
        let text = std::fs::read_to_string(path).expect("the token is there");
        text.trim().to_owned()
    }

    /// What stands in the profile's token file from now on.
    pub fn put_token(&self, token: &str) {
        std::fs::write(self.config().with_file_name("token"), token).expect("writable");
    }

    pub fn device(&self, alias: &str) -> String {
        self.control.id_of(alias).expect("a device of that name")
    }

    /// Does something, and waits until the simulator tells of what was wanted.
    #[track_caller]
    pub fn after(&self, act: impl FnOnce(), what: &str, wanted: impl FnMut(&SimEvent) -> bool) {
        let mut events = self.control.events();
        act();
        let came = self.runtime.block_on(events.until(PATIENCE, wanted));
        assert!(came.is_some(), "never happened: {what}");
    }

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

    /// Runs a headless command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }

    /// Every file below the test's folder except the simulator's own, for a search after secrets.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for name in ["data", "state", ".config", ".local", ".cache", ".state"] {
            collect(&self.path(name), &mut found);
        }
        found
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(sim) = self.sim.take() {
            self.runtime.block_on(sim.stop());
        }
    }
}

/// Every file there, with what it holds.
pub fn collect(path: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    if let Ok(entries) = std::fs::read_dir(path) {
        entries
            .flatten()
            .for_each(|entry| collect(&entry.path(), found));
    } else if let Ok(content) = std::fs::read(path) {
        found.push((path.to_owned(), content));
    }
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }
}

/// Waits for something that nobody tells of.
#[track_caller]
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(
            std::time::Instant::now() < deadline,
            "never happened: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
