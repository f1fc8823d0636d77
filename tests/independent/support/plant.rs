//! The look-alike of Huawei's platform as a process, and profiles for it written by hand as `interface.md` section 3 and the
//! README document them.

use std::path::PathBuf;
use std::process::{Child, Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Ended, OPENSSL, PYTHON, Program, binary, lacks};

/// Seconds. Nothing here should take this long; a test that waits longer has failed.
pub const PATIENCE: u64 = 30;

pub struct Plant {
    cloud: Program,
    folder: TempDir,
}

impl Plant {
    /// `None`, said loudly, where a tool is missing and nobody insists on it.
    pub fn start() -> Option<Self> {
        if lacks("Huawei's look-alike", &[PYTHON, OPENSSL]) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = [folder.path().join("cloud")];
        let plant = Self {
            cloud: Program::start("huawei_cloud.py", &arguments),
            folder,
        };
        plant.configure();
        Some(plant)
    }

    pub fn port(&self, name: &str) -> u64 {
        self.cloud.ready[name].as_u64().expect("a port")
    }

    fn text(&self, name: &str) -> &str {
        self.cloud.ready[name].as_str().expect("text")
    }

    /// What each profile says besides platform, address and CA file.
    fn configure(&self) {
        let api = format!("https://localhost:{}", self.port("api_port"));
        let rest = format!(
            "[profiles.NAME.rest]\napi_url = \"{api}\"\nregion = \"{}\"\nproject_id = \"{}\"\naccess_key = {{ env = \"HW_AK\" }}\nsecret_key = {{ env = \"HW_SK\" }}\n",
            self.text("region"),
            self.text("project"),
        );
        let iam = format!(
            "[profiles.NAME.rest]\napi_url = \"{api}\"\nregion = \"{}\"\niam_url = \"https://localhost:{}\"\nuser = \"{}\"\npassword = {{ env = \"HW_PASSWORD\" }}\ndomain = \"{}\"\n",
            self.text("region"),
            self.port("iam_port"),
            self.text("user"),
            self.text("domain"),
        );
        let meter = |more: &str| {
            format!("device_id = \"5e06_meter\"\nsecret = {{ env = \"HW_METER\" }}\n{more}")
        };
        let older =
            |more: &str| format!("dialect = \"v1\"\nsecret = {{ env = \"HW_OLDER\" }}\n{more}");
        let replies = "auto_reply = true\nreplies = [{ command = \"Relay.ON\", result = 1, name = \"DONE\", paras = '{\"load\":1.50}' }]\n";
        let profiles = [
            ("meter", meter(&rest)),
            ("bare", meter("")),
            ("auto", meter(&format!("{replies}{rest}"))),
            ("standard", meter(&rest.replace("secret_key", "derived = false\nsecret_key"))),
            ("temporary", meter(&rest.replace("HW_AK", "HW_TMP_AK").replace("secret_key", "security_token = { env = \"HW_TOKEN\" }\nsecret_key"))),
            ("iam", meter(&iam)),
            ("wrong-secret", "device_id = \"5e06_meter\"\nsecret = { env = \"HW_OLDER\" }\n".to_owned()),
            ("unchecked", meter("signature = 0\n")),
            ("gateway", "device_id = \"5e06_gateway\"\nsecret = { env = \"HW_GATEWAY\" }\n".to_owned()),
            ("gateway-auto", "auto_reply = true\ndevice_id = \"5e06_gateway\"\nsecret = { env = \"HW_GATEWAY\" }\n".to_owned()),
            ("older", older("device_id = \"SN-0042\"\naccess = \"node\"\n")),
            ("older-auto", older(&format!("device_id = \"5e06_older\"\n{replies}"))),
            ("x509", "device_id = \"5e06_x509\"\ncert_file = \"cloud/x509.crt\"\nkey_file = \"cloud/x509.key\"\n".to_owned()),
            ("frozen", "device_id = \"5e06_frozen\"\nsecret = { env = \"HW_FROZEN\" }\n".to_owned()),
        ];
        let ca = "ca_file = \"cloud/root.pem\"\n";
        let url = |name: &str| format!("mqtt_url = \"mqtts://localhost:{}\"\n", self.port(name));
        let mut text = String::from("default_profile = \"meter\"\n");
        let mut add = |name: &str, url: &str, body: &str| {
            let body = body.replace("NAME", name);
            text.push_str(&format!(
                "[profiles.{name}]\nplatform = \"huawei\"\n{url}{body}"
            ));
        };
        for (name, body) in profiles {
            add(name, &format!("{}{ca}", url("tls_port")), &body);
        }
        add("untrusted", &url("tls_port"), &meter(""));
        add(
            "other-host",
            &format!("{}{ca}", url("wrong_port")),
            &meter(""),
        );
        let plain = format!(
            "mqtt_url = \"mqtt://localhost:{}\"\n",
            self.port("plain_port")
        );
        add("plain", &plain, &meter(""));
        std::fs::write(self.path("config.toml"), text).expect("the config is writable");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        let pairs = [
            ("HOME", path("")),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("THINGDECK_CONFIG", path("config.toml")),
            ("THINGDECK_DATA_DIR", path("data")),
            ("THINGDECK_STATE_DIR", path("state")),
            ("HW_METER", "s3cret_of-meter".to_owned()),
            ("HW_OLDER", "s3cret_of-older".to_owned()),
            ("HW_GATEWAY", "s3cret_of-gateway".to_owned()),
            ("HW_FROZEN", "s3cret_of-frozen".to_owned()),
            ("HW_AK", self.text("access_key").to_owned()),
            ("HW_TMP_AK", format!("TMP{}", self.text("access_key"))),
            ("HW_SK", self.text("secret_key").to_owned()),
            ("HW_TOKEN", self.text("security_token").to_owned()),
            ("HW_PASSWORD", self.text("password").to_owned()),
        ];
        let own = |(name, value): (&str, String)| (name.to_owned(), value);
        pairs.into_iter().map(own).collect()
    }

    /// One order to the platform, and its answer.
    #[track_caller]
    pub fn cloud(&self, order: &Value) -> Value {
        self.cloud.order(order)
    }

    pub fn rules(&self, rules: &Value) {
        self.cloud(&json!({"do": "set_rule", "rules": rules}));
    }

    /// Waits until the log has a line with this text.
    #[track_caller]
    pub fn wait(&self, text: &str) {
        self.wait_from(text, 0);
    }

    #[track_caller]
    pub fn wait_from(&self, text: &str, from: usize) {
        let order = json!({"do": "wait", "text": text, "from": from, "seconds": PATIENCE});
        let came = self.cloud(&order) == true;
        assert!(came, "the platform never saw {text:?}: {:#?}", self.log());
    }

    pub fn log(&self) -> Vec<String> {
        let log = self.cloud(&json!({"do": "log"}));
        let line = |entry: &Value| entry["text"].as_str().expect("text").to_owned();
        log.as_array().expect("a log").iter().map(line).collect()
    }

    pub fn connects(&self) -> Vec<Value> {
        let connects = self.cloud(&json!({"do": "connects"}));
        connects.as_array().expect("a list").clone()
    }

    /// Topic and payload of all that a device said.
    pub fn uplinks(&self, device: &str) -> Vec<(String, String)> {
        let said = self.cloud(&json!({"do": "uplinks", "device": device}));
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let pair = |entry: &Value| (text(&entry["topic"]), text(&entry["payload"]));
        said.as_array().expect("a list").iter().map(pair).collect()
    }

    /// Asks a device, in the words of the topic: `command`, `set`, `get`. The request's id.
    #[track_caller]
    pub fn asks(&self, what: &str, device: &str, text: &str) -> String {
        let request = self.cloud(&json!({"do": what, "device": device, "text": text}));
        request.as_str().expect("it is connected").to_owned()
    }

    #[track_caller]
    pub fn asks_v1(&self, device: &str, service: &str, command: &str) -> String {
        let order = json!({"do": "command_v1", "device": device, "service": service, "command": command, "paras": "{\"value\":1}"});
        let request = self.cloud(&order);
        request.as_str().expect("it is subscribed").to_owned()
    }

    /// The device's answer, as it stood.
    #[track_caller]
    pub fn answer(&self, request: &str) -> String {
        let answer = self.cloud(&json!({"do": "answer", "request": request, "seconds": PATIENCE}));
        answer.as_str().expect("an answer").to_owned()
    }

    #[track_caller]
    pub fn answer_v1(&self, device: &str, request: &str) -> String {
        let order =
            json!({"do": "answer", "device": device, "request": request, "seconds": PATIENCE});
        let answer = self.cloud(&order);
        answer.as_str().expect("an answer").to_owned()
    }

    /// Nothing that the client did may deviate from the reference.
    #[track_caller]
    pub fn assert_lawful(&self) {
        assert_eq!(self.cloud(&json!({"do": "violations"})), json!([]));
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        binary(self.environment(), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().expect("the binary runs"))
    }

    /// The binary beside the test, until what is given back is waited for.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary starts")
    }
}
