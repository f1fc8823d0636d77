//! The simulated Huawei project: meters that sign in with secrets or a certificate, one over v1, a gateway with devices
//! behind it, and the files that a profile needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::task::JoinSet;

use super::{File, Running, listen, write_files};
use crate::base::moment::{Moment, Timestamp};
use crate::base::secret::Secret;
use crate::sim::ca::{Authority, CaError, KeyKind, Pair};
use crate::sim::clock::SimClock;
use crate::sim::cloud::huawei::model::{GATEWAYS, METERS, OLDER, Product, SENSORS};
use crate::sim::cloud::huawei::registry::{Auth, Status, stamp};
use crate::sim::cloud::huawei::sign::Keys;
use crate::sim::cloud::huawei::{Account, Huawei, measured};
use crate::sim::hub::Hub;
use crate::sim::serve::port::{self, Port};
use crate::sim::serve::web_socket::Door;
use crate::sim::{Ready, SimError, SimOptions, serve};

const REGION: &str = "cn-north-4";
const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const DOMAIN: &str = "thingdeck";
const USER: &str = "deck";
const PATH: &str = "/mqtt";

/// MQTT with and without TLS, where the platform has it. Huawei's device SDK takes no others.
const TLS_PORT: u16 = 8883;
const CLEAR_PORT: u16 = 1883;

/// Meters that report from elsewhere, where nobody asked for a number.
const ELSEWHERE: usize = 6;
/// The list goes back some weeks.
const FIRST: Duration = Duration::from_hours(24 * 30);

/// Devices that profiles are made for: node id, name, product, whether with a secret.
const MEANT: [(&str, &str, Product, bool); 8] = [
    ("frozen-1", "停用电表", METERS, true),
    ("meter-5", "证书电表", METERS, false),
    ("v1-0001", "旧楼电表 (v1)", OLDER, true),
    ("gateway-1", "一号楼网关", GATEWAYS, true),
    ("meter-4", "IAM 电表", METERS, true),
    ("meter-3", "3층 전력량계", METERS, true),
    ("meter-2", "二号电表", METERS, true),
    ("meter-1", "一号电表", METERS, true),
];

/// Behind the gateway.
const CHILDREN: [(&str, &str, Product); 3] = [
    ("sensor-1", "거실 온습도 센서", SENSORS),
    ("sensor-2", "机房温湿度", SENSORS),
    ("submeter-1", "地下室分表", METERS),
];

/// Names of the meters elsewhere.
const FLOORS: [&str; 4] = ["电表", "전력량계", "meter", "分表"];

struct Made {
    huawei: Huawei,
    files: Vec<(String, String)>,
    pair: Pair,
}

pub async fn start(options: SimOptions) -> Result<Running, SimError> {
    let (api, api_address) = listen(options.api_port)?;
    let (mqtts, wss) = (listen(options.mqtt_port)?, listen(options.wss_port)?);
    let is_clear = options.mqtt_port == CLEAR_PORT;
    let plain = match options.mqtt_port {
        TLS_PORT => listen(CLEAR_PORT).or_else(|_| listen(0))?,
        _ => listen(0)?,
    };
    let in_the_clear = if is_clear { mqtts.1 } else { plain.1 };
    let authority = Authority::new()?;
    let url = |scheme: &str, address: SocketAddr, path: &str| format!("{scheme}://{address}{path}");
    let ready = Ready {
        ready: true,
        platform: "huawei",
        api_url: Some(url("https", api_address, "")),
        mqtt_url: url("mqtts", mqtts.1, ""),
        wss_url: Some(url("wss", wss.1, PATH)),
        plain_url: Some(url("mqtt", in_the_clear, "")),
        ws_url: None,
        ca_file: options.dir.join("ca.pem"),
        config: options.dir.join("config.toml"),
    };
    let clock = SimClock::start();
    let elsewhere = options.devices.unwrap_or(ELSEWHERE);
    let Made {
        mut huawei,
        files,
        pair,
    } = project(clock.now(), options.seed, elsewhere)?;
    huawei.address = mqtts.1.to_string();
    let private = |(name, text): (String, String)| File::private(options.dir.join(name), text);
    let config = config(&ready, &huawei.account.keys.access);
    let mut files: Vec<_> = files.into_iter().map(private).collect();
    files.extend([
        private(("meter-5.pem".to_owned(), pair.issued.pem)),
        private(("meter-5.key".to_owned(), pair.key_pem.expose().to_owned())),
        File::public(&ready.ca_file, authority.pem()),
        File::public(&ready.config, config),
    ]);
    write_files(&options.dir, files).await?;
    let hub = Arc::new(Hub::new(clock, Box::new(huawei)));
    let mut tasks = JoinSet::new();
    tasks.spawn(serve::http::serve(
        Arc::clone(&hub),
        api,
        authority.https()?,
    ));
    // A device may bring a certificate; what it is worth is found out with its CONNECT.
    let mut tls = Port::plain(mqtts).tls(authority.anyone(&[], false)?);
    if is_clear {
        tls = tls.or_in_the_clear();
    }
    let ports = vec![
        tls,
        Port::plain(wss)
            .tls(authority.anyone(&[b"http/1.1"], false)?)
            .web_socket(Arc::new(Door::open(PATH))),
        Port::plain(plain),
    ];
    tasks.spawn(port::serve(Arc::clone(&hub), ports));
    Ok(Running { ready, hub, tasks })
}

/// 8 to 32 of `[A-Za-z0-9_-]`; new at every start, good for nothing but this simulator.
fn random(length: usize) -> String {
    (0..length).map(|_| fastrand::alphanumeric()).collect()
}

fn project(start: Moment, seed: u64, elsewhere: usize) -> Result<Made, CaError> {
    let now = start.wall;
    let devices = Arc::new(Authority::new()?);
    let pair = devices.issue(KeyKind::Elliptic)?;
    let keys = Keys {
        access: format!("HPUA{}", random(16).to_ascii_uppercase()),
        secret: Secret::new(random(40)),
        token: None,
    };
    let account = Account {
        region: REGION.to_owned(),
        project: PROJECT.to_owned(),
        keys,
        domain: DOMAIN.to_owned(),
        user: USER.to_owned(),
        password: Secret::new(random(16)),
    };
    let mut files = vec![
        (
            "secret_key".to_owned(),
            account.keys.secret.expose().to_owned(),
        ),
        (
            "iam_password".to_owned(),
            account.password.expose().to_owned(),
        ),
    ];
    let mut huawei = Huawei::new(account, devices, seed, start);
    let mut rng = Rng::with_seed(seed);
    let mut created = Timestamp(now.0 - i64::try_from(FIRST.as_micros()).unwrap_or_default());
    let mut step = || {
        created = created.plus(Duration::from_mins(7));
        created
    };
    for number in (1..=elsewhere).rev() {
        let name = format!("{}-{number}", FLOORS[number % FLOORS.len()]);
        let node = format!("elsewhere-{number}");
        let auth = Auth::Secret(Secret::new(random(20)));
        let at = step();
        let device = huawei.add(METERS, &node, &name, auth, at);
        // The last of many has never been there.
        if number < elsewhere || number < 3 {
            device.elsewhere = true;
            device.set_status(Status::Online, at);
            for (service, properties) in measured(device, &mut rng, now) {
                device.report(service, &properties, stamp(now));
            }
        }
    }
    for (node, name, product, has_secret) in MEANT {
        let auth = if has_secret {
            let secret = random(20);
            files.push((format!("{node}.secret"), secret.clone()));
            Auth::Secret(Secret::new(secret))
        } else {
            Auth::Certificate(None)
        };
        let at = step();
        let device = huawei.add(product, node, name, auth, at);
        device.frozen = node == "frozen-1";
    }
    let gateway = format!("{}_gateway-1", GATEWAYS.id);
    for (node, name, product) in CHILDREN {
        let at = step();
        let device = huawei.add(product, node, name, Auth::None, at);
        device.gateway = Some(gateway.clone());
        let room = json!({"temperature": 21.5, "humidity": 45});
        device.report("Environment", &room, stamp(now));
    }
    if let Some(meter) = huawei.devices.get_mut(&format!("{}_meter-1", METERS.id)) {
        meter.tags = vec![("floor".to_owned(), "1층".to_owned())];
        "配电室".clone_into(&mut meter.description);
        for (service, properties) in measured(meter, &mut rng, now) {
            meter.report(service, &properties, stamp(now));
        }
    }
    Ok(Made {
        huawei,
        files,
        pair,
    })
}

fn config(ready: &Ready, access_key: &str) -> String {
    let api = ready.api_url.as_deref().unwrap_or_default();
    let wss = ready.wss_url.as_deref().unwrap_or_default();
    let mut text = "# Made by `thingdeck sim huawei`; valid while it runs.\n\
         default_profile = \"meter\"\n"
        .to_owned();
    let signed = format!(
        "api_url = \"{api}\"\n\
         region = \"{REGION}\"\n\
         project_id = \"{PROJECT}\"\n\
         access_key = \"{access_key}\"\n\
         secret_key = {{ file = \"secret_key\" }}\n"
    );
    let iam = format!(
        "api_url = \"{api}\"\n\
         region = \"{REGION}\"\n\
         iam_url = \"{api}\"\n\
         user = \"{USER}\"\n\
         password = {{ file = \"iam_password\" }}\n\
         domain = \"{DOMAIN}\"\n"
    );
    let mut profile =
        |name: &str, url: &str, product: Product, node: &str, own: &str, rest: &str| {
            let secret = if own.contains("cert_file") {
                String::new()
            } else {
                format!("secret = {{ file = \"{node}.secret\" }}\n")
            };
            text.push_str(&format!(
                "\n[profiles.{name}]\n\
             platform = \"huawei\"\n\
             mqtt_url = \"{url}\"\n\
             device_id = \"{}_{node}\"\n\
             {secret}ca_file = \"ca.pem\"\n{own}",
                product.id
            ));
            if !rest.is_empty() {
                text.push_str(&format!("[profiles.{name}.rest]\n{rest}"));
            }
        };
    let mqtt = &ready.mqtt_url;
    let answers = "dialect = \"iotda\"\nauto_reply = true\n";
    let by_hand = "dialect = \"iotda\"\nauto_reply = false\n";
    profile("meter", mqtt, METERS, "meter-1", answers, &signed);
    profile("meter-manual", mqtt, METERS, "meter-2", by_hand, &signed);
    let older = "dialect = \"v1\"\nauto_reply = true\n";
    profile("meter-v1", mqtt, OLDER, "v1-0001", older, &signed);
    profile("meter-iam", mqtt, METERS, "meter-4", by_hand, &iam);
    profile("meter-wss", wss, METERS, "meter-3", answers, "");
    let certificate =
        "dialect = \"iotda\"\ncert_file = \"meter-5.pem\"\nkey_file = \"meter-5.key\"\n";
    profile("meter-x509", mqtt, METERS, "meter-5", certificate, "");
    profile("gateway", mqtt, GATEWAYS, "gateway-1", answers, &signed);
    profile("frozen", mqtt, METERS, "frozen-1", by_hand, "");
    // No profile for it: each command would warn of it.
    if let Some(plain) = &ready.plain_url {
        text.push_str(&format!("\n# The same broker without TLS: {plain}\n"));
    }
    text
}
