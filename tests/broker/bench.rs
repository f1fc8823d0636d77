//! A mosquitto of one's own, with a listener for each way to connect, and what it logs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

/// Only a test that fails waits this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

const TOOLS: [&str; 4] = [
    "mosquitto",
    "mosquitto_pub",
    "mosquitto_sub",
    "mosquitto_passwd",
];

/// A user who may read `open/#`, write `open/#` and nothing else.
pub const USER: &str = "ann";
pub const PASSWORD: &str = "s3cret";

/// Where each listener is.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub plain: u16,
    pub login: u16,
    pub tls: u16,
    pub mutual: u16,
    pub ws: u16,
    pub wss: u16,
}

pub struct Bench {
    pub folder: TempDir,
    pub ports: Ports,
    broker: Option<Running>,
    /// All that every run of the broker has logged.
    log: Arc<Mutex<Vec<String>>>,
}

struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn tool(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    // Where Debian keeps the broker.
    command.env("PATH", format!("{path}:/usr/sbin"));
    command.stdin(Stdio::null());
    command
}

fn is_there(name: &str) -> bool {
    let found = tool("sh")
        .args(["-c", &format!("command -v {name}")])
        .output();
    found.is_ok_and(|output| output.status.success())
}

impl Bench {
    /// `None`, said loudly, where mosquitto is missing and nobody insists on it.
    pub fn start() -> Option<Self> {
        let missing: Vec<_> = TOOLS.into_iter().filter(|tool| !is_there(tool)).collect();
        if !missing.is_empty() {
            let text = format!(
                "the tests against a real broker need {}",
                missing.join(", ")
            );
            let insisted = std::env::var_os("THINGDECK_REQUIRE_TOOLS").is_some();
            assert!(!insisted, "{text}");
            // Not `eprintln!`, which the test harness keeps to itself when a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {text}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut bench = Self {
            ports: ports(),
            folder,
            broker: None,
            log: Arc::default(),
        };
        bench.write_identities();
        bench.write_config();
        bench.run();
        Some(bench)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the folder is writable");
    }

    fn write_identities(&self) {
        let authority = authority();
        let (certificate, key) =
            signed(&authority, "localhost", ExtendedKeyUsagePurpose::ServerAuth);
        self.write("ca.pem", &authority.pem());
        self.write("server.pem", &certificate);
        self.write("server.key", &key);
        let (certificate, key) = signed(&authority, "deck", ExtendedKeyUsagePurpose::ClientAuth);
        self.write("client.pem", &certificate);
        self.write("client.key", &key);
        let passwords = self.path("passwords");
        let made = tool("mosquitto_passwd")
            .args(["-c", "-b"])
            .arg(&passwords)
            .args([USER, PASSWORD])
            .status();
        assert!(made.expect("mosquitto_passwd runs").success());
        self.write("rules", &format!("user {USER}\ntopic readwrite open/#\n"));
    }

    fn write_config(&self) {
        let Ports {
            plain,
            login,
            tls,
            mutual,
            ws,
            wss,
        } = self.ports;
        let at = |name: &str| self.path(name).display().to_string();
        let secure = format!(
            "cafile {}\ncertfile {}\nkeyfile {}\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key")
        );
        let text = format!(
            "per_listener_settings true\n\
             user root\n\
             log_dest stderr\n\
             log_type all\n\
             max_queued_messages 0\n\
             sys_interval 1\n\
             listener {plain} 127.0.0.1\nallow_anonymous true\n\
             listener {login} 127.0.0.1\nallow_anonymous false\npassword_file {}\nacl_file {}\n\
             listener {tls} 127.0.0.1\nallow_anonymous true\n{secure}\
             listener {mutual} 127.0.0.1\nallow_anonymous true\nrequire_certificate true\n{secure}\
             listener {ws}\nprotocol websockets\nallow_anonymous true\n\
             listener {wss}\nprotocol websockets\nallow_anonymous true\n{secure}",
            at("passwords"),
            at("rules"),
        );
        self.write("mosquitto.conf", &text);
    }

    /// Starts the broker, and waits until it says that it runs.
    pub fn run(&mut self) {
        let mut child = tool("mosquitto")
            .arg("-c")
            .arg(self.path("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mosquitto starts");
        let stderr = child.stderr.take().expect("piped");
        let (tell, lines) = channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lock().expect("a log").push(line.clone());
                let _nobody_listens = tell.send(line);
            }
        });
        self.broker = Some(Running { child, lines });
        self.logged("running");
    }

    /// Kills it, as a power cut does: nothing is kept.
    pub fn kill(&mut self) {
        self.broker = None;
    }

    /// Waits until the broker logs a line with these words.
    pub fn logged(&self, words: &str) {
        let broker = self.broker.as_ref().expect("running");
        loop {
            match broker.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return,
                Ok(_) => {}
                Err(error) => panic!("never logged: {words} ({error})\n{}", self.log().join("\n")),
            }
        }
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("a log").clone()
    }

    /// How many lines of the log hold these words.
    pub fn count(&self, words: &str) -> usize {
        self.log()
            .iter()
            .filter(|line| line.contains(words))
            .count()
    }

    /// Publishes with mosquitto's own client.
    pub fn publish(&self, arguments: &[&str]) {
        let port = self.ports.plain.to_string();
        let output = tool("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port])
            .args(arguments)
            .output();
        successful(&output.expect("mosquitto_pub runs"));
    }

    /// Listens with mosquitto's own client; [`Listener::lines`] once as many have come as `-C` says.
    pub fn listen(&self, arguments: &[&str]) -> Listener {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let port = self.ports.plain.to_string();
        let id = format!("listener-{}", LAST.fetch_add(1, Ordering::Relaxed));
        let child = tool("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port, "-W", "30", "-i", &id])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub runs");
        self.logged(&format!("Sending SUBACK to {id}"));
        Listener(child)
    }
}

/// A mosquitto_sub that runs.
pub struct Listener(Child);

impl Listener {
    pub fn lines(self) -> Vec<String> {
        let output = self.0.wait_with_output().expect("it ends");
        successful(&output);
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(str::to_owned).collect()
    }
}

fn successful(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", output.status);
}

fn ports() -> Ports {
    let listeners: [TcpListener; 6] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [plain, login, tls, mutual, ws, wss] =
        listeners.map(|listener| listener.local_addr().expect("bound").port());
    Ports {
        plain,
        login,
        tls,
        mutual,
        ws,
        wss,
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("valid");
    params
        .distinguished_name
        .push(DnType::CommonName, "the test's own authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("signs itself")
}

fn signed(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("signs");
    (certificate.pem(), key.serialize_pem())
}

/// For messages of failures.
pub fn shown(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
