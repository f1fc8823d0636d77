//! The fake cloud as a process, and a config file written by hand as `interface.md` section 3 documents it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Ended, OPENSSL, PYTHON, Program, binary, lacks, search_path, source};

const TOOLS: [(&str, &str); 4] = [
    PYTHON,
    OPENSSL,
    ("mosquitto", "-h"),
    ("mosquitto_pub", "--help"),
];

pub struct Home {
    cloud: Program,
    folder: TempDir,
}

impl Home {
    /// `None`, said loudly, where a tool is missing and nobody insists on it.
    pub fn start() -> Option<Self> {
        if lacks("the independent ThinQ cloud", &TOOLS) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = [folder.path().join("cloud"), source("tests/fixtures/thinq")];
        let home = Self {
            cloud: Program::start("fake_cloud.py", &arguments),
            folder,
        };
        home.configure("");
        Some(home)
    }

    /// Writes the config file; MQTT's address comes from the route unless `more` names one.
    pub fn configure(&self, more: &str) {
        let api = self.cloud.ready["api_url"].as_str().expect("an address");
        let text = format!(
            r#"default_profile = "home"

[profiles.home]
platform  = "thinq"
country   = "KR"                       # ISO 3166-1 alpha-2; picks the region
token     = {{ env = "THINQ_PAT" }}
api_url   = "{api}"
ca_file   = "cloud/root.pem"           # relative to the config file
{more}
"#
        );
        std::fs::write(self.path("config.toml"), text).expect("the config is writable");
    }

    pub fn ready(&self, name: &str) -> &str {
        self.cloud.ready[name].as_str().expect("text")
    }

    pub fn devices(&self) -> &[Value] {
        self.cloud.ready["devices"].as_array().expect("devices")
    }

    pub fn id(&self, kind: &str) -> &str {
        self.devices()
            .iter()
            .find(|device| device["deviceInfo"]["deviceType"] == kind)
            .and_then(|device| device["deviceId"].as_str())
            .unwrap_or_else(|| panic!("no {kind}"))
    }

    /// One order to the cloud, and its answer.
    #[track_caller]
    pub fn cloud(&self, order: &Value) -> Value {
        self.cloud.order(order)
    }

    pub fn publish(&self, text: &str) {
        self.cloud(&json!({"do": "publish", "text": text}));
    }

    pub fn log_length(&self) -> usize {
        self.cloud(&json!({"do": "log"}))
            .as_array()
            .expect("a log")
            .len()
    }

    /// What was logged after `from` of one kind: `rest` or `mqtt`.
    pub fn log(&self, kind: &str, from: usize) -> Vec<String> {
        let log = self.cloud(&json!({"do": "log", "from": from}));
        let entries = log.as_array().expect("a log").iter();
        entries
            .filter(|entry| entry["kind"] == kind)
            .map(|entry| entry["text"].as_str().expect("text").to_owned())
            .collect()
    }

    /// Waits for a line after `from`.
    #[track_caller]
    pub fn wait(&self, text: &str, from: usize) {
        let order = json!({"do": "wait", "text": text, "from": from, "seconds": 30});
        assert!(
            !self.cloud(&order).is_null(),
            "the cloud never saw {text:?}"
        );
    }

    /// Nothing that the client did may deviate from the reference.
    #[track_caller]
    pub fn assert_lawful(&self) {
        let violations = self.cloud(&json!({"do": "violations"}));
        assert_eq!(violations, json!([]));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec![
            ("HOME".into(), text(self.folder.path())),
            ("PATH".into(), search_path()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TERM".into(), "xterm-256color".into()),
            ("THINQ_PAT".into(), self.ready("token").to_owned()),
            ("THINGDECK_CONFIG".into(), text(&self.path("config.toml"))),
            ("THINGDECK_DATA_DIR".into(), text(&self.path("data"))),
            ("THINGDECK_STATE_DIR".into(), text(&self.path("state"))),
        ]
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        binary(self.environment(), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }
}

pub fn fixture(path: &str) -> Value {
    let path = source("tests/fixtures/thinq").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

pub fn messages() -> Vec<(String, String)> {
    let mut found: Vec<_> = std::fs::read_dir(source("tests/fixtures/thinq/messages"))
        .expect("fixtures")
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(entry.path()).expect("text");
            (name, text)
        })
        .collect();
    found.sort();
    found
}
