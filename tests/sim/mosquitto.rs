//! The plain broker as mosquitto's own clients see it. Skipped, loudly, where they are not installed, unless
//! `THINGDECK_REQUIRE_TOOLS` is set.

use std::io::Write as _;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::LIMIT;
use crate::raw::Site;

pub async fn are_there() -> bool {
    for tool in ["mosquitto_pub", "mosquitto_sub"] {
        let found = Command::new(tool).arg("--help").output().await;
        if found.is_err() {
            let required = std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_some();
            assert!(!required, "{tool} is not installed");
            // Not `eprintln!`, which the test harness keeps to itself when a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {tool} is not installed");
            return false;
        }
    }
    true
}

/// Options that lead to the broker, over TLS.
fn way(site: &Site, version: &str) -> Vec<String> {
    let ready = site.ready();
    let port = url::Url::parse(&ready.mqtt_url).unwrap().port().unwrap();
    let ca = ready.ca_file.display().to_string();
    [
        "-h",
        "localhost",
        "-p",
        &port.to_string(),
        "--cafile",
        &ca,
        "-V",
        version,
    ]
    .map(str::to_owned)
    .to_vec()
}

struct Listener {
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Listener {
    /// Subscribed when this returns: a marker that is retained has come.
    async fn start(site: &Site, version: &str, more: &[&str]) -> Self {
        site.control
            .publish(thingdeck::sim::cloud::Publication::new("marker", "ready").retained());
        let mut child = Command::new("mosquitto_sub")
            .args(way(site, version))
            .args(["-t", "marker", "-q", "2"])
            .args(more)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut listener = Self {
            lines,
            _child: child,
        };
        listener.until("ready").await;
        listener
    }

    async fn until(&mut self, part: &str) -> String {
        loop {
            let line = tokio::time::timeout(LIMIT, self.lines.next_line());
            let line = line.await.expect("a line comes").unwrap();
            let line = line.expect("mosquitto_sub goes on");
            if line.contains(part) {
                return line;
            }
        }
    }
}

async fn publish(site: &Site, version: &str, more: &[&str]) {
    let run = Command::new("mosquitto_pub")
        .args(way(site, version))
        .args(more)
        .output();
    let run = tokio::time::timeout(LIMIT, run).await.expect("it ends");
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{said}");
}

#[tokio::test]
async fn each_version_hears_the_other_at_every_qos() {
    if !are_there().await {
        return;
    }
    let site = Site::quiet().await;
    for (from, to) in [("5", "311"), ("311", "5"), ("5", "5"), ("311", "311")] {
        let mut listener = Listener::start(&site, to, &["-t", "a/#", "-v"]).await;
        for qos in ["0", "1", "2"] {
            let text = format!("{from} to {to} with {qos}");
            publish(&site, from, &["-t", "a/한글", "-q", qos, "-m", &text]).await;
            assert_eq!(listener.until("with").await, format!("a/한글 {text}"));
        }
    }
}

#[tokio::test]
async fn properties_are_seen_by_mosquitto() {
    if !are_there().await {
        return;
    }
    let site = Site::quiet().await;
    let format = "%p|%C|%R|%D|%E|%P|%S";
    let more = [
        "-t",
        "a",
        "-F",
        format,
        "-D",
        "subscribe",
        "subscription-identifier",
        "42",
    ];
    let mut listener = Listener::start(&site, "5", &more).await;
    let properties = [
        "-t",
        "a",
        "-q",
        "2",
        "-m",
        "text",
        "-D",
        "publish",
        "content-type",
        "text/plain",
        "-D",
        "publish",
        "response-topic",
        "b",
        "-D",
        "publish",
        "correlation-data",
        "c",
        "-D",
        "publish",
        "message-expiry-interval",
        "60",
        "-D",
        "publish",
        "user-property",
        "k",
        "v",
    ];
    publish(&site, "5", &properties).await;
    let line = listener.until("text|").await;
    assert!(line.starts_with("text|text/plain|b|c|"), "{line}");
    assert!(line.ends_with("k:v|42"), "{line}");
}

#[tokio::test]
async fn a_request_of_mosquitto_is_answered() {
    if !are_there().await || Command::new("mosquitto_rr").output().await.is_err() {
        return;
    }
    let site = Site::quiet().await;
    let run = Command::new("mosquitto_rr")
        .args(way(&site, "5"))
        .args([
            "-t",
            "plant/service/echo",
            "-e",
            "me/answer",
            "-m",
            "hello",
            "-W",
            "10",
        ])
        .output();
    let run = tokio::time::timeout(LIMIT, run).await.expect("it ends");
    assert_eq!(String::from_utf8_lossy(&run.unwrap().stdout), "hello\n");
}

#[tokio::test]
async fn a_will_and_retained_messages_are_as_mosquitto_expects() {
    if !are_there().await {
        return;
    }
    let site = Site::quiet().await;
    let mut listener = Listener::start(&site, "5", &["-t", "will"]).await;
    let will = [
        "-t",
        "none",
        "--will-topic",
        "will",
        "--will-payload",
        "gone",
    ];
    for version in ["5", "311"] {
        let dying = Listener::start(&site, version, &[&will[..], &["-i", "dying"]].concat()).await;
        site.control.drop_client("dying");
        listener.until("gone").await;
        drop(dying);
    }
    publish(&site, "5", &["-t", "kept", "-q", "1", "-r", "-m", "kept"]).await;
    assert_eq!(site.control.retained("kept").as_deref(), Some(&b"kept"[..]));
    let mut late = Listener::start(&site, "311", &["-t", "kept", "-F", "%p %r"]).await;
    assert_eq!(late.until("kept").await, "kept 1");
    publish(&site, "311", &["-t", "kept", "-q", "1", "-r", "-n"]).await;
    assert_eq!(site.control.retained("kept"), None);
}
