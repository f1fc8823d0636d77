//! The AWS IoT account of `aws_core.py` as a process, and profiles for it written by hand.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Ended, OPENSSL, PYTHON, Program, binary, lacks, search_path};
use super::screen::Screen;

const PATIENCE: Duration = Duration::from_mins(1);

pub struct Account {
    cloud: Program,
    folder: TempDir,
}

impl Account {
    /// `None`, said loudly, where a tool is missing and nobody insists on it.
    pub fn start() -> Option<Self> {
        if lacks("the independent AWS IoT account", &[PYTHON, OPENSSL]) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = [folder.path().join("cloud")];
        let account = Self {
            cloud: Program::start("aws_core.py", &arguments),
            folder,
        };
        account.configure("");
        Some(account)
    }

    /// Every way to connect, and the claim. `more` goes into each of them.
    pub fn configure(&self, more: &str) {
        let device =
            "auth = \"mtls\"\ncert_file = \"cloud/device.crt\"\nkey_file = \"cloud/device.key\"";
        let claim =
            "auth = \"mtls\"\ncert_file = \"cloud/claim.crt\"\nkey_file = \"cloud/claim.key\"";
        let keys = |id: &str| {
            let key = &self.cloud.ready["keys"][id];
            let token = match key["token"].as_str() {
                Some(token) => format!(", session_token = \"{token}\""),
                None => String::new(),
            };
            let secret = key["secret"].as_str().expect("a secret");
            format!(
                "auth = \"sigv4\"\ncredentials = {{ access_key_id = \"{id}\", secret_access_key = \"{secret}\"{token} }}"
            )
        };
        let (mtls, https) = (self.port("mtls_port"), self.port("https_port"));
        let profiles = [
            ("device", mtls, device.to_owned()),
            ("alpn", https, device.to_owned()),
            ("wss", https, keys("AKIAIOSFODNN7EXAMPLE")),
            (
                "wss5",
                https,
                format!("version = \"5\"\n{}", keys("ASIAIOSFODNN7EXAMPLE")),
            ),
            ("device5", mtls, format!("version = \"5\"\n{device}")),
            ("claim", mtls, claim.to_owned()),
            (
                "custom",
                https,
                "auth = \"custom\"\nauthorizer = { name = \"door\", token_key = \"token\", token = \"a token+1\", \
                 signature = \"c2ln+/==\", username = \"me\", password = \"pw\" }"
                    .to_owned(),
            ),
            ("own", mtls, device.replace("device.", "own.")),
        ];
        let mut text = "default_profile = \"device\"\n".to_owned();
        for (name, port, sign_in) in profiles {
            text.push_str(&format!(
                "\n[profiles.{name}]\nplatform = \"aws\"\nendpoint = \"localhost:{port}\"\nregion = \"eu-west-1\"\n\
                 api_url = \"https://localhost:{https}\"\nca_file = \"cloud/root.pem\"\n{sign_in}\n{more}\n"
            ));
        }
        std::fs::write(self.path("config.toml"), text).expect("the config is writable");
    }

    pub fn port(&self, name: &str) -> u64 {
        self.cloud.ready[name].as_u64().expect("a port")
    }

    /// One order to the cloud, and its answer.
    #[track_caller]
    pub fn cloud(&self, order: &Value) -> Value {
        self.cloud.order(order)
    }

    pub fn publish(&self, topic: &str, text: &str) {
        self.cloud(&json!({"do": "publish", "topic": topic, "text": text}));
    }

    /// An update of a shadow by somebody else.
    pub fn update(&self, thing: &str, name: Option<&str>, state: &Value) {
        self.cloud(
            &json!({"do": "update", "thing": thing, "name": name, "body": {"state": state}}),
        );
    }

    pub fn log_length(&self) -> usize {
        self.log(0).len()
    }

    pub fn log(&self, from: usize) -> Vec<String> {
        let log = self.cloud(&json!({"do": "log", "from": from}));
        let entries = log.as_array().expect("a log").iter();
        let text = |entry: &Value| entry["text"].as_str().expect("text").to_owned();
        entries.map(text).collect()
    }

    /// Lines of the log that begin so.
    pub fn logged(&self, start: &str, from: usize) -> Vec<String> {
        let mut log = self.log(from);
        log.retain(|line| line.starts_with(start));
        log
    }

    /// Waits for a line after `from`.
    #[track_caller]
    pub fn wait(&self, text: &str, from: usize) {
        let order = json!({"do": "wait", "text": text, "from": from, "seconds": 30});
        assert!(
            !self.cloud(&order).is_null(),
            "the cloud never saw {text:?}: {:#?}",
            self.log(from)
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

    /// Without any of AWS's variables, and without an instance to ask.
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        vec![
            ("HOME".into(), text("")),
            ("PATH".into(), search_path()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TERM".into(), "xterm-256color".into()),
            ("AWS_EC2_METADATA_DISABLED".into(), "true".into()),
            ("THINGDECK_CONFIG".into(), text("config.toml")),
            ("THINGDECK_DATA_DIR".into(), text("data")),
            ("THINGDECK_STATE_DIR".into(), text("state")),
        ]
    }

    pub fn command(&self, profile: &str, arguments: &[&str]) -> Command {
        binary(self.environment(), &[&["-p", profile], arguments].concat())
    }

    #[track_caller]
    pub fn run(&self, profile: &str, arguments: &[&str]) -> Ended {
        let child = self.command(profile, arguments).spawn();
        ended(child.expect("the binary runs"))
    }

    pub fn screen(&self, profile: &str, columns: u16, rows: u16) -> Screen {
        let arguments = ["-p", profile];
        Screen::run(
            self.environment(),
            self.folder.path(),
            &arguments,
            columns,
            rows,
        )
    }
}

/// Waits for the end of a command, but not for ever.
#[track_caller]
pub fn ended(mut child: Child) -> Ended {
    let out = collect(child.stdout.take().expect("piped"));
    let err = collect(child.stderr.take().expect("piped"));
    let deadline = Instant::now() + PATIENCE;
    let code = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status.code().unwrap_or(-1);
        }
        if Instant::now() > deadline {
            child.kill().expect("killed");
            child.wait().expect("waited");
            let text = |read: JoinHandle<String>| read.join().expect("read");
            panic!("it never ends: {}\n{}", text(out), text(err));
        }
        thread::sleep(Duration::from_millis(10));
    };
    Ended {
        code,
        out: out.join().expect("read"),
        err: err.join().expect("read"),
    }
}

/// All of it, beside whatever else happens: a full pipe would hold the command up.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("readable");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
