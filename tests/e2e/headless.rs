//! The verbs in a pipe, against `thingdeck sim thinq` as another process with nothing but its config.toml.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::home::{BINARY, Ended};

/// The simulator as a process of its own.
struct Served {
    folder: TempDir,
    child: Child,
    ready: Value,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(BINARY)
            .args(["sim", "thinq", "--seed", "7", "--dir"])
            .arg(folder.path().join("sim"))
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a ready line");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self {
            folder,
            child,
            ready,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .arg("--config")
            .arg(self.ready["config"].as_str().expect("a path"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|l| serde_json::from_str(l).unwrap_or_else(|error| panic!("{error}: {l}")))
        .collect()
}

#[test]
fn the_ready_line_has_the_keys_and_the_order_of_the_interface() {
    let served = Served::start();
    let keys: Vec<&String> = served
        .ready
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(
        keys,
        [
            "ready", "platform", "api_url", "mqtt_url", "wss_url", "ca_file", "config"
        ]
    );
    assert_eq!(served.ready["platform"], "thinq");
}

#[test]
fn devices_subscribe_tail_control_unsubscribe() {
    let served = Served::start();
    let devices = lines(&served.run(&["devices", "--json"]).expect(0).out);
    assert!(devices.len() >= 12, "{devices:?}");
    let table = served.run(&["devices"]).expect(0).out;
    assert!(table.contains("거실 에어컨"), "{table}");

    served.run(&["subscribe", "event", "거실 에어컨"]).expect(0);
    served.run(&["subscribe", "event", "거실 에어컨"]).expect(0);
    served.run(&["subscribe", "push", "거실 에어컨"]).expect(0);
    served.run(&["subscribe", "push", "거실 에어컨"]).expect(0);
    let subs = lines(&served.run(&["subs", "--json"]).expect(0).out);
    assert!(
        subs.iter().any(|s| s.to_string().contains("push")),
        "{subs:?}"
    );

    let tail = served
        .run(&["tail", "--count", "2", "--for", "60s"])
        .expect(0);
    let messages = lines(&tail.out);
    assert_eq!(messages.len(), 2, "{}", tail.err);
    for message in &messages {
        let keys: Vec<&str> = message
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let wanted = [
            "v", "ts", "profile", "platform", "dir", "topic", "qos", "retain", "dup", "kind",
            "device", "payload",
        ];
        assert_eq!(keys, wanted, "{message}");
        assert_eq!(message["device"]["name"], "거실 에어컨");
    }

    let dry = served
        .run(&[
            "control",
            "거실 에어컨",
            "operation.airConOperationMode=POWER_OFF",
            "--dry-run",
        ])
        .expect(0);
    let body: Value = serde_json::from_str(&dry.out).expect("a body");
    assert_eq!(
        body,
        serde_json::json!({"operation": {"airConOperationMode": "POWER_OFF"}})
    );
    served
        .run(&["control", "거실 에어컨", "airFlow.windStrength=HIGH"])
        .expect(0);
    served
        .run(&["control", "거실 에어컨", "airFlow.windStrength=SIDEWAYS"])
        .expect(2);
    served
        .run(&["unsubscribe", "push", "거실 에어컨"])
        .expect(0);
    served
        .run(&["unsubscribe", "push", "거실 에어컨"])
        .expect(0);
    served.run(&["unsubscribe", "event", "--all"]).expect(0);
}

#[test]
fn exit_codes_are_those_of_the_interface() {
    let served = Served::start();
    served.run(&["devices", "--no-such-flag"]).expect(2);
    served.run(&["state", "no such device"]).expect(4);
    served.run(&["-p", "no-such-profile", "devices"]).expect(4);
    served.run(&["tail", "--for", "1x"]).expect(2);
    let help = served.run(&["--help"]).expect(0).out;
    for verb in [
        "devices",
        "subs",
        "subscribe",
        "unsubscribe",
        "state",
        "profile",
        "control",
        "tail",
        "sim",
        "demo",
        "completions",
        "man",
    ] {
        assert!(help.contains(verb), "{verb} is missing in\n{help}");
    }
    for later in [
        "publish",
        "expect",
        "shadow",
        "provision",
        "doctor",
        "record",
        "replay",
    ] {
        assert!(
            !help.contains(&format!("\n  {later} ")),
            "{later} is not brought yet\n{help}"
        );
    }
}

#[test]
fn an_unreachable_host_is_6_and_a_refused_token_is_3() {
    let served = Served::start();
    let config = std::path::PathBuf::from(served.ready["config"].as_str().expect("a path"));
    std::fs::write(config.with_file_name("token"), "thinqpat_wrong").expect("written");
    let refused = served.run(&["devices"]).expect(3);
    assert!(
        refused.err.contains("token") && refused.err.contains("try"),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains("thinqpat_wrong"), "{}", refused.err);
    let text = std::fs::read_to_string(&config).expect("read");
    let api = served.ready["api_url"].as_str().expect("a URL");
    std::fs::write(&config, text.replace(api, "https://127.0.0.1:9")).expect("written");
    served.run(&["devices"]).expect(6);
}

#[test]
fn a_closed_pipe_ends_tail_quietly() {
    let served = Served::start();
    served.run(&["subscribe", "event", "--all"]);
    let mut child = served.command(&["tail"]).spawn().expect("tail starts");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    reader.read_line(&mut line).expect("a line");
    drop(reader);
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0), "after {line}");
}
