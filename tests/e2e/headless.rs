//! The verbs in a pipe, against `thingdeck sim thinq` as another process with nothing but its config.toml.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use thingdeck::sim::broker::Happening;
use thingdeck::sim::{Fault, SimEvent, Times};

use crate::support::home::{BINARY, Ended, Home, until};

/// The simulator as a process of its own.
struct Served {
    folder: TempDir,
    child: Child,
    ready: Value,
}

impl Served {
    fn start() -> Self {
        Self::start_with(&["--seed", "7"])
    }

    fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(BINARY)
            .args(["sim", "thinq", "--dir"])
            .arg(folder.path().join("sim"))
            .args(options)
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
            // Only where it waited in the kept session, which the commands before may have left it in.
            .filter(|key| *key != "session")
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
        "publish",
        "expect",
        "record",
        "replay",
        "shadow",
        "provision",
        "attach",
        "config",
        "command",
        "report",
        "sim",
        "demo",
        "completions",
        "man",
    ] {
        assert!(help.contains(verb), "{verb} is missing in\n{help}");
    }
    assert!(!help.contains("\n  doctor "), "not brought yet\n{help}");
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

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_a_failure() {
    let home = Home::quiet();
    for arguments in [&["devices"][..], &["devices", "--json"], &["man"]] {
        let full = std::fs::File::create("/dev/full").expect("Linux");
        let mut command = home.command(arguments);
        let output = command.stdout(full).output().expect("the binary runs");
        let ended = Ended::from(output).expect(1);
        assert!(
            ended.err.contains("could not write to stdout"),
            "{}",
            ended.err
        );
    }
}

/// Whether the process has a handler for SIGINT: only then it can say what an interrupt means.
#[cfg(target_os = "linux")]
fn hears_interrupts(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let caught = status.unwrap_or_default();
    let mask = caught.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 2 != 0)
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_the_wait_for_a_secret() {
    let home = Home::quiet();
    let add = [
        "profile-add",
        "--name",
        "new",
        "--country",
        "KR",
        "--token-stdin",
    ];
    let mut command = home.command(&add);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    // Held open: somebody sits before it and types nothing.
    let stdin = child.stdin.take();
    until("it hears signals", || hears_interrupts(&child));
    signal(&child, "INT");
    Ended::from(child.wait_with_output().expect("it ends")).expect(130);
    drop(stdin);
}

fn signal(child: &Child, name: &str) {
    crate::support::signal::send(i32::try_from(child.id()).expect("fits"), name);
}

/// Starts a command, waits until the simulator sees what was wanted of it, and lets it end.
fn meanwhile(
    home: &Home,
    arguments: &[&str],
    what: &str,
    wanted: impl FnMut(&SimEvent) -> bool,
    act: impl FnOnce(&Child),
) -> Ended {
    let mut child = None;
    home.after(
        || child = Some(home.command(arguments).spawn().expect("it starts")),
        what,
        wanted,
    );
    let child = child.expect("started");
    act(&child);
    Ended::from(child.wait_with_output().expect("it ends"))
}

fn subscribed_to_push(event: &SimEvent) -> bool {
    matches!(event, SimEvent::Broker(Happening::Subscribed { filter, .. }) if filter.ends_with("/push"))
}

#[test]
fn an_interrupt_before_anything_was_done_is_130() {
    let home = Home::quiet();
    home.control
        .fail_http("GET", "/devices", Times::Forever, Fault::Silence);
    let ended = meanwhile(
        &home,
        &["devices"],
        "the call",
        |event| matches!(event, SimEvent::Call(call) if call.path == "/devices"),
        |child| signal(child, "INT"),
    );
    ended.expect(130);
}

#[test]
fn an_interrupt_of_a_running_tail_is_its_end() {
    let home = Home::quiet();
    let mut child = None;
    home.after(
        || child = Some(home.command(&["tail"]).spawn().expect("it starts")),
        "the filters",
        subscribed_to_push,
    );
    let mut child = child.expect("started");
    home.control.publish_raw(&home.control.clients()[0], "{}");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    assert!(line.starts_with("{\"v\":1,"), "{line}");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_server_error_is_1() {
    let home = Home::quiet();
    let fault = Fault::Status(500, "{}".to_owned());
    home.control
        .fail_http("GET", "/devices", Times::Forever, fault);
    let ended = home.run(&["devices"]).expect(1);
    assert!(
        ended.err.contains("500") && ended.err.contains("exit 1"),
        "{}",
        ended.err
    );
    assert!(ended.out.is_empty(), "{}", ended.out);
}

#[test]
fn tail_prints_only_what_matches_and_5_when_nothing_did() {
    let home = Home::quiet();
    let id = home.device("Dish washer");
    home.run(&["subscribe", "push", &id]).expect(0);
    home.run(&["subscribe", "event", &id]).expect(0);
    let say = |_: &Child| {
        home.control
            .report(&id, json!({"runState": {"currentState": "RINSING"}}));
        home.control.notify(&id, "CLEANING_IS_COMPLETE");
    };
    let wanted = [
        "tail",
        "--where",
        "kind:push",
        "--count",
        "1",
        "--for",
        "30s",
    ];
    let ended = meanwhile(&home, &wanted, "the filters", subscribed_to_push, say).expect(0);
    let messages = lines(&ended.out);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["kind"], "push");
    assert_eq!(messages[0]["payload"]["pushCode"], "CLEANING_IS_COMPLETE");

    let nothing = [
        "tail",
        "--where",
        "kind:push .pushCode == \"NEVER\"",
        "--count",
        "1",
        "--for",
        "1s",
    ];
    let ended = home.run(&nothing).expect(5);
    assert!(ended.out.is_empty(), "{}", ended.out);
}

#[test]
fn a_second_start_registers_nothing() {
    let home = Home::quiet();
    home.run(&["tail", "--for", "1s"]).expect(0);
    let (clients, certificates) = (home.control.clients(), home.control.certificates_issued());
    assert_eq!((clients.len(), certificates), (1, 1));
    home.control.clear_calls();
    home.run(&["tail", "--for", "1s"]).expect(0);
    assert_eq!(home.control.clients(), clients);
    assert_eq!(home.control.certificates_issued(), certificates);
    let calls = home.control.calls();
    let registers = calls
        .iter()
        .filter(|call| call.method == "POST" && call.path.starts_with("/client"));
    assert_eq!(registers.count(), 0, "{calls:?}");
}

#[test]
fn a_dry_run_sends_nothing() {
    let home = Home::quiet();
    let dry = [
        "control",
        "침실 공기청정기",
        "airFlow.windStrength=HIGH",
        "--dry-run",
    ];
    let ended = home.run(&dry).expect(0);
    let body: Value = serde_json::from_str(&ended.out).expect("a body");
    assert_eq!(body, json!({"airFlow": {"windStrength": "HIGH"}}));
    let calls = home.control.calls();
    assert!(calls.iter().all(|call| call.method == "GET"), "{calls:?}");
}

#[test]
fn a_profile_is_added_listed_and_removed_with_everything_it_had() {
    let home = Home::fresh();
    let ready = home.ready().clone();
    let ca = ready.ca_file.display().to_string();
    let token = home.config().with_file_name("token").display().to_string();
    let add = [
        "profile-add",
        "--name",
        "flat",
        "--country",
        "KR",
        "--token-file",
        &token,
        "--api-url",
        ready.api_url.as_deref().expect("ThinQ has a REST side"),
        "--mqtt-url",
        &ready.mqtt_url,
        "--ca-file",
        &ca,
    ];
    home.run(&add).expect(0);
    home.run(&add).expect(2);
    let listed = lines(&home.run(&["profile-list", "--json"]).expect(0).out);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["name"], "flat");

    home.run(&["-p", "flat", "subscribe", "push", "Dish washer"])
        .expect(0);
    home.run(&["-p", "flat", "subscribe", "event", "Dish washer"])
        .expect(0);
    assert_eq!(home.control.clients().len(), 1);
    home.run(&["profile-remove", "flat"]).expect(2);
    assert_eq!(
        home.control.clients().len(),
        1,
        "without a yes nothing happens"
    );
    let recordings = home.path(".local/state/thingdeck/recordings/flat");
    std::fs::create_dir_all(&recordings).expect("made");
    let removed = home.run(&["profile-remove", "flat", "--yes"]).expect(0);
    let kept = format!("{}", recordings.display());
    assert!(removed.err.contains(&kept), "{}", removed.err);
    assert!(recordings.exists(), "what was recorded is the user's");
    assert_eq!(home.control.clients(), Vec::<String>::new());
    assert_eq!(home.control.push_subscriptions(), []);
    assert!(home.control.event_subscriptions().is_empty());
    home.run(&["profile-remove", "flat", "--yes"]).expect(4);
    home.run(&["devices"]).expect(2);
}

#[test]
fn completions_and_the_manual_come_from_the_same_commands() {
    let home = Home::quiet();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = home.run(&["completions", shell]).expect(0).out;
        assert!(text.contains("profile-add"), "{shell}: {text}");
    }
    let man = home.run(&["man"]).expect(0).out;
    assert!(man.contains(".TH") && man.contains("unsubscribe"), "{man}");
}

#[test]
fn info_tells_where_the_files_are_also_beside_a_broken_config() {
    let home = Home::quiet();
    home.run(&["devices"]).expect(0);
    let broken = home.path("broken.toml");
    std::fs::write(&broken, "[profiles").expect("writable");
    let broken = broken.display().to_string();
    let told = home.run(&["--config", &broken, "info", "--json"]).expect(0);
    let told = lines(&told.out).remove(0);
    assert_eq!(told["config"], json!(broken));
    let logs = home.path("state").join("logs");
    assert_eq!(told["logs"], json!(logs.display().to_string()));
    let table = home.run(&["info"]).expect(0).out;
    let row = |name: &str| {
        let mut rows = table.lines();
        rows.find(|row| row.starts_with(name)).unwrap_or_default()
    };
    let logs = format!("logs        {}", logs.display());
    assert_eq!(row("logs"), logs, "it is there: {table}");
    assert!(row("recordings").ends_with("(not there yet)"), "{table}");
}

#[test]
fn the_simulator_ends_in_peace() {
    for name in ["TERM", "INT"] {
        let mut served = Served::start();
        signal(&served.child, name);
        let code = served.child.wait().expect("it ends").code();
        assert_eq!(code, Some(0), "after SIG{name}");
    }
}

#[test]
fn the_simulator_has_as_many_devices_as_wanted_the_same_for_the_same_seed() {
    let list = |seed: &str| {
        let served = Served::start_with(&["--devices", "100", "--seed", seed]);
        served.run(&["devices", "--json"]).expect(0).out
    };
    let first = list("5");
    assert_eq!(lines(&first).len(), 100);
    assert_eq!(list("5"), first);
    assert_ne!(list("6"), first);
}
