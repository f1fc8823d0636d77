//! The AWS IoT account of `aws_core.py` as a process, and profiles for it written by hand.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::home::{BINARY, Ended, lacks, search_path, source};
use super::screen::Screen;

const TOOLS: [(&str, &str); 2] = [("python3", "--version"), ("openssl", "version")];
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Account {
    folder: TempDir,
    cloud: RefCell<Cloud>,
    ready: Value,
}

struct Cloud {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Account {
    /// `None`, said loudly, where a tool is missing and nobody insists on it.
    pub fn start() -> Option<Self> {
        if lacks("the independent AWS IoT account", &TOOLS) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new("python3")
            .arg(source("tests/independent/aws_core.py"))
            .arg(folder.path().join("cloud"))
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
        let account = Self {
            cloud: RefCell::new(Cloud {
                orders: child.stdin.take(),
                child,
                answers,
            }),
            folder,
            ready,
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
            let key = &self.ready["keys"][id];
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
        self.ready[name].as_u64().expect("a port")
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
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .envs(self.environment())
            .args(["-p", profile])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
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

impl Drop for Account {
    fn drop(&mut self) {
        let cloud = self.cloud.get_mut();
        // The end of its stdin ends the cloud.
        drop(cloud.orders.take());
        let _ = cloud.child.wait();
    }
}
