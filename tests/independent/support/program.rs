//! A look-alike as a process: orders are JSON lines on its stdin, answers on its stdout. And the binary in a pipe.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

pub const BINARY: &str = env!("CARGO_BIN_EXE_thingdeck");
/// What every look-alike needs.
pub const PYTHON: (&str, &str) = ("python3", "--version");
pub const OPENSSL: (&str, &str) = ("openssl", "version");

/// `PATH` with the folder where Debian keeps mosquitto.
pub fn search_path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Those of `tools` that are not here; said loudly where nobody insists on them.
pub fn lacks(what: &str, tools: &[(&'static str, &str)]) -> bool {
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

pub struct Program {
    process: RefCell<Process>,
    /// What it said when it was ready: ports, names, secrets.
    pub ready: Value,
}

struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Program {
    pub fn start<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Self {
        let mut child = Command::new("python3")
            .arg(source("tests/independent").join(script))
            .args(arguments)
            .env("PATH", search_path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("a ready line");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let process = Process {
            orders: child.stdin.take(),
            child,
            answers,
        };
        Self {
            process: RefCell::new(process),
            ready,
        }
    }

    /// One order, and its answer.
    #[track_caller]
    pub fn order(&self, order: &Value) -> Value {
        let mut process = self.process.borrow_mut();
        let orders = process.orders.as_mut().expect("running");
        writeln!(orders, "{order}").expect("it listens");
        let mut line = String::new();
        process.answers.read_line(&mut line).expect("it answers");
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(answer.get("error").is_none(), "{order}: {answer}");
        answer["ok"].take()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let process = self.process.get_mut();
        // The end of its stdin ends it, and what it started.
        drop(process.orders.take());
        let _ = process.child.wait();
    }
}

/// The binary with these variables and no others, its output in pipes.
pub fn binary(environment: Vec<(String, String)>, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .envs(environment)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
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
