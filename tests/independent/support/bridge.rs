//! The look-alike of Google's bridge as a process, and profiles for it written by hand as `interface.md` section 3 documents
//! them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Ended, OPENSSL, PYTHON, Program, binary, lacks};

pub struct Plant {
    bridge: Program,
    folder: TempDir,
}

/// One profile: what is not the same in all of them.
pub struct Account<'a> {
    pub name: &'a str,
    /// Google's own dialect, port and credentials instead of ClearBlade's.
    pub google: bool,
    pub more: &'a str,
}

pub const HALL: Account<'static> = Account {
    name: "hall",
    google: false,
    more: r#"gateway = "gw-hall"
key_file = "keys/gateway.pem"
devices = ["sensor-1", "sensor-2"]
credentials_file = "keys/clearblade.json""#,
};

pub const RETIRED: Account<'static> = Account {
    name: "retired",
    google: true,
    more: r#"flavor = "google"
gateway = "gw-hall"
key_file = "keys/gateway.pem"
devices = ["sensor-1", "sensor-2"]
credentials_file = "keys/account.json""#,
};

impl Plant {
    /// `None`, said loudly, where a tool is missing and nobody insists on it. The first profile is the default.
    pub fn start(accounts: &[Account<'_>]) -> Option<Self> {
        if lacks("the independent bridge", &[PYTHON, OPENSSL]) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = [folder.path().join("keys")];
        let plant = Self {
            bridge: Program::start("google_bridge.py", &arguments),
            folder,
        };
        plant.configure(accounts);
        Some(plant)
    }

    pub fn configure(&self, accounts: &[Account<'_>]) {
        let first = accounts.first().map_or("", |account| account.name);
        let mut text = format!("default_profile = \"{first}\"\n");
        for account in accounts {
            let place = if account.google {
                "google_mqtt_url"
            } else {
                "mqtt_url"
            };
            text.push_str(&format!(
                r#"
[profiles.{}]
platform = "google"
project = "acme-plant"                 # with region, registry and gateway: the client id
region = "us-central1"
registry = "floor-7"
mqtt_url = "{}"
api_url = "{}"
ca_file = "keys/root.crt"
{}
"#,
                account.name,
                self.ready(place),
                self.ready("api_url"),
                account.more
            ));
        }
        std::fs::write(self.path("config.toml"), text).expect("the config is writable");
    }

    pub fn ready(&self, name: &str) -> &str {
        self.bridge.ready[name].as_str().expect("text")
    }

    /// One order to the bridge, and its answer.
    #[track_caller]
    pub fn bridge(&self, order: &Value) -> Value {
        self.bridge.order(order)
    }

    pub fn log_length(&self) -> usize {
        let log = self.bridge(&json!({"do": "log"}));
        log.as_array().expect("a log").len()
    }

    /// Lines of its log after `from` that hold the text.
    pub fn logged(&self, text: &str, from: usize) -> Vec<String> {
        let log = self.bridge(&json!({"do": "log", "from": from}));
        let lines = log.as_array().expect("a log").iter();
        let lines = lines.map(|entry| entry["text"].as_str().expect("text").to_owned());
        lines.filter(|line| line.contains(text)).collect()
    }

    /// Waits for a line of its log after `from`; where the log goes on.
    #[track_caller]
    pub fn wait(&self, text: &str, from: usize) -> usize {
        let order = json!({"do": "wait", "text": text, "from": from, "seconds": 60});
        let found = self.bridge(&order).as_u64();
        let Some(found) = found else {
            panic!(
                "the bridge never saw {text:?}: {:#?}",
                self.logged("", from)
            );
        };
        usize::try_from(found).expect("small")
    }

    /// Waits until an order's answer is this one.
    #[track_caller]
    pub fn until(&self, order: &Value, wanted: &Value) {
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let answer = self.bridge(order);
            if answer == *wanted {
                return;
            }
            assert!(
                std::time::Instant::now() < limit,
                "{order} is {answer}, never {wanted}"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Nothing that the client did may deviate from the reference.
    #[track_caller]
    pub fn assert_lawful(&self) {
        let violations = self.bridge(&json!({"do": "violations"}));
        assert_eq!(violations, json!([]));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec![
            ("HOME".into(), text(self.folder.path())),
            ("LANG".into(), "C.UTF-8".into()),
            ("TERM".into(), "xterm-256color".into()),
            ("THINGDECK_CONFIG".into(), text(&self.path("config.toml"))),
            ("THINGDECK_DATA_DIR".into(), text(&self.path("data"))),
            ("THINGDECK_STATE_DIR".into(), text(&self.path("state"))),
        ]
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary(self.environment(), arguments);
        command.current_dir(self.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }
}
