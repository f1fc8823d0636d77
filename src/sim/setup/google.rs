//! The simulated bridge with one registry: a gateway for each way to admit devices, devices with RSA and EC keys, and
//! the files that a profile needs.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::{File, Running, listen, write_files};
use crate::base::moment::Timestamp;
use crate::base::secret::Secret;
use crate::sim::ca::Authority;
use crate::sim::clock::SimClock;
use crate::sim::cloud::google::token::{Algorithm, key_pair};
use crate::sim::cloud::google::{Auth, Gateway, Google, Keys, PROJECT, REGION, REGISTRY, Registry};
use crate::sim::hub::Hub;
use crate::sim::serve::port::{self, Port};
use crate::sim::{Ready, SimError, SimOptions, serve};

const HTTPS_PORT: u16 = 443;

/// Devices that report from elsewhere, where nobody asked for a number.
const PUMPS: usize = 4;

/// Those whose keys are written out: id, algorithm, how it admits devices where it is a gateway.
const KEYED: [(&str, Algorithm, Option<Auth>); 8] = [
    ("gateway", Algorithm::Es256, Some(Auth::AssociationOnly)),
    ("gateway-token", Algorithm::Rs256, Some(Auth::TokenOnly)),
    ("gateway-both", Algorithm::Es256, Some(Auth::Both)),
    ("sensor-1", Algorithm::Es256, None),
    ("sensor-2", Algorithm::Rs256, None),
    ("sensor-3", Algorithm::Es256, None),
    ("sensor-4", Algorithm::Es256, None),
    ("meter-1", Algorithm::Rs256, None),
];

pub async fn start(options: SimOptions) -> Result<Running, SimError> {
    let (api, api_address) = listen(options.api_port)?;
    let mqtt = listen(options.mqtt_port)?;
    let authority = Authority::new()?;
    let url = match api_address.port() {
        // ClearBlade's own SDKs put the port there themselves, and take no other.
        HTTPS_PORT => format!("https://{}", api_address.ip()),
        _ => format!("https://{api_address}"),
    };
    let ready = Ready {
        ready: true,
        platform: "google",
        api_url: Some(url.clone()),
        mqtt_url: format!("mqtts://{}", mqtt.1),
        wss_url: None,
        plain_url: None,
        ws_url: None,
        ca_file: options.dir.join("ca.pem"),
        config: options.dir.join("config.toml"),
    };
    let clock = SimClock::start();
    let pumps = options.devices.unwrap_or(PUMPS);
    let made = tokio::task::spawn_blocking({
        let now = clock.now().wall;
        move || registry(now, pumps)
    });
    let Ok(Some(made)) = made.await else {
        return Err(SimError::Write {
            path: options.dir.clone(),
            source: io::Error::other("could not make keys"),
        });
    };
    let (registry, account, mut files) = made;
    let keys = Keys {
        admin_system: system(),
        admin_token: secret(),
        registry_system: system(),
        registry_token: secret(),
        account: format!("thingdeck@{PROJECT}.iam.gserviceaccount.com"),
        account_key: account.1,
    };
    for file in &mut files {
        file.path = options.dir.join(&file.path);
    }
    let clearblade = json!({
        "systemKey": keys.admin_system,
        "token": keys.admin_token.expose(),
        "url": url,
        "project": PROJECT,
    });
    let google = json!({
        "type": "service_account",
        "project_id": PROJECT,
        "client_email": keys.account,
        "private_key": account.0.expose(),
        "token_uri": format!("{url}/token"),
    });
    files.extend([
        File::private(options.dir.join("clearblade.json"), pretty(&clearblade)),
        File::private(options.dir.join("service-account.json"), pretty(&google)),
        File::public(&ready.ca_file, authority.pem()),
        File::public(&ready.config, config(&ready)),
    ]);
    write_files(&options.dir, files).await?;
    let cloud = Google::new(registry, keys, url, options.seed, clock.now());
    let hub = Arc::new(Hub::new(clock, Box::new(cloud)));
    let mut tasks = JoinSet::new();
    tasks.spawn(serve::http::serve(
        Arc::clone(&hub),
        api,
        authority.https()?,
    ));
    let ports = vec![Port::plain(mqtt).tls(authority.server(&[b"mqtt"])?)];
    tasks.spawn(port::serve(Arc::clone(&hub), ports));
    Ok(Running { ready, hub, tasks })
}

type Made = (
    Registry,
    (Secret, crate::sim::cloud::google::token::PublicKey),
    Vec<File>,
);

/// The registry with the private keys of its devices as files, and the key of the service account.
fn registry(now: Timestamp, pumps: usize) -> Option<Made> {
    let mut registry = Registry::new(REGISTRY);
    let mut files = Vec::new();
    for (id, algorithm, auth) in KEYED {
        let (private, public) = key_pair(algorithm)?;
        files.push(File::private(
            PathBuf::from(format!("{id}.pem")),
            private.expose().to_owned(),
        ));
        files.push(File::public(
            PathBuf::from(format!("{id}.pub.pem")),
            public.pem(),
        ));
        let device = registry.add(id, now);
        device.keys.push(public);
        device.gateway = auth.map(|auth| Gateway {
            auth,
            bound: BTreeSet::new(),
        });
    }
    for (gateway, devices) in [
        ("gateway", &["sensor-1", "sensor-2", "sensor-4"][..]),
        ("gateway-both", &["sensor-1", "sensor-2"][..]),
    ] {
        let found = registry.devices.get_mut(gateway);
        if let Some(gateway) = found.and_then(|device| device.gateway.as_mut()) {
            gateway.bound = devices.iter().map(|id| (*id).to_owned()).collect();
        }
    }
    if let Some(blocked) = registry.devices.get_mut("sensor-4") {
        blocked.blocked = true;
    }
    if let Some(sensor) = registry.devices.get_mut("sensor-1") {
        sensor.metadata = vec![
            ("room".to_owned(), "3층 회의실".to_owned()),
            ("serial".to_owned(), "TD-0001".to_owned()),
        ];
    }
    for number in 1..=pumps {
        registry.add(&format!("pump-{number}"), now);
    }
    Some((registry, key_pair(Algorithm::Rs256)?, files))
}

/// Keys in ClearBlade's form; new at every start, good for nothing but this simulator.
fn system() -> String {
    (0..32).map(|_| fastrand::digit(16)).collect()
}

fn secret() -> Secret {
    let text: String = (0..64).map(|_| fastrand::alphanumeric()).collect();
    Secret::new(text)
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn config(ready: &Ready) -> String {
    let api = ready.api_url.as_deref().unwrap_or_default();
    let mut text = "# Made by `thingdeck sim google`; valid while it runs.\n\
         default_profile = \"gateway\"\n"
        .to_owned();
    let mut profile = |name: &str, own: &str, credentials: &str| {
        text.push_str(&format!(
            "\n[profiles.{name}]\n\
             platform = \"google\"\n\
             project = \"{PROJECT}\"\n\
             region = \"{REGION}\"\n\
             registry = \"{REGISTRY}\"\n\
             {own}\
             mqtt_url = \"{}\"\n\
             api_url = \"{api}\"\n\
             ca_file = \"ca.pem\"\n\
             {credentials}",
            ready.mqtt_url
        ));
    };
    let clearblade = "credentials_file = \"clearblade.json\"\n";
    let google = "credentials_file = \"service-account.json\"\n";
    profile(
        "gateway",
        "gateway = \"gateway\"\nkey_file = \"gateway.pem\"\ndevices = [\"sensor-1\", \"sensor-2\"]\n",
        clearblade,
    );
    let with_tokens = "devices = [{ id = \"sensor-2\", key_file = \"sensor-2.pem\" }]\n";
    profile(
        "gateway-token",
        &format!("gateway = \"gateway-token\"\nkey_file = \"gateway-token.pem\"\n{with_tokens}"),
        clearblade,
    );
    profile(
        "gateway-both",
        &format!("gateway = \"gateway-both\"\nkey_file = \"gateway-both.pem\"\n{with_tokens}"),
        google,
    );
    let meter = "device = \"meter-1\"\nkey_file = \"meter-1.pem\"\n";
    profile("meter", meter, google);
    profile("meter-mqtt", meter, "");
    text
}
