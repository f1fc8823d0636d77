//! The fake cloud as a process, and a config file written by hand as `interface.md` section 3 documents it.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_thingdeck");
const TOOLS: [(&str, &str); 4] = [
    ("python3", "--version"),
    ("openssl", "version"),
    ("mosquitto", "-h"),
    ("mosquitto_pub", "--help"),
];

/// `PATH` with the folder where Debian keeps mosquitto.
pub(super) fn search_path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Those of `tools` that are not here; said loudly where nobody insists on them.
pub(super) fn lacks(what: &str, tools: &[(&'static str, &str)]) -> bool {
    let missing = missing_tools(tools);
    if missing.is_empty() {
        return false;
    }
    let text = format!("{what} needs {}", missing.join(", "));
    assert!(
        std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_none(),
        "{text}"
    );
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {text}");
    true
}

fn missing_tools(tools: &[(&'static str, &str)]) -> Vec<&'static str> {
    let absent = |tool: &str, argument: &str| {
        Command::new(tool)
            .arg(argument)
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
    };
    tools
        .iter()
        .filter(|(tool, argument)| absent(tool, argument))
        .map(|(tool, _)| *tool)
        .collect()
}

pub struct Home {
    folder: TempDir,
    cloud: RefCell<Cloud>,
    ready: Value,
}

struct Cloud {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Home {
    /// `None`, said loudly, where a tool is missing and nobody insists on it.
    pub fn start() -> Option<Self> {
        if lacks("the independent ThinQ cloud", &TOOLS) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new("python3")
            .arg(source("tests/independent/fake_cloud.py"))
            .arg(folder.path().join("cloud"))
            .arg(source("tests/fixtures/thinq"))
            .env("PATH", search_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("a ready line");
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let orders = child.stdin.take();
        let home = Self {
            folder,
            cloud: RefCell::new(Cloud {
                child,
                orders,
                answers,
            }),
            ready,
        };
        home.configure("");
        Some(home)
    }

    /// Writes the config file; MQTT's address comes from the route unless `more` names one.
    pub fn configure(&self, more: &str) {
        let api = self.ready["api_url"].as_str().expect("an address");
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
        self.ready[name].as_str().expect("text")
    }

    pub fn devices(&self) -> &[Value] {
        self.ready["devices"].as_array().expect("devices")
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
        let mut cloud = self.cloud.borrow_mut();
        let orders = cloud.orders.as_mut().expect("running");
        writeln!(orders, "{order}").expect("the cloud listens");
        let mut line = String::new();
        cloud
            .answers
            .read_line(&mut line)
            .expect("the cloud answers");
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(answer.get("error").is_none(), "{order}: {answer}");
        answer["ok"].take()
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

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let cloud = self.cloud.get_mut();
        // The end of its stdin ends the cloud, and the cloud ends its broker.
        drop(cloud.orders.take());
        let _ = cloud.child.wait();
    }
}

pub(super) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
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
