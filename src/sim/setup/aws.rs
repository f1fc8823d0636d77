//! The simulated AWS account: MQTT with client certificates, a port that behaves like 443, and REST.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::{File, Running, listen, write_files};
use crate::base::secret::Secret;
use crate::sim::ca::{Authority, CaError, KeyKind, Pair};
use crate::sim::clock::SimClock;
use crate::sim::cloud::aws::directory::{Authorizer, Directory, Standing};
use crate::sim::cloud::aws::policy::Policy;
use crate::sim::cloud::aws::provisioning::Template;
use crate::sim::cloud::aws::rule::TopicRule;
use crate::sim::cloud::aws::sigv4::AccessKey;
use crate::sim::cloud::aws::{Account, Aws};
use crate::sim::hub::Hub;
use crate::sim::serve::front::{Front, HTTPS_WITH_CERTIFICATE, WITH_AUTHORIZER, WITH_CERTIFICATE};
use crate::sim::serve::http::Desk;
use crate::sim::serve::port::{self, Port};
use crate::sim::serve::web_socket::{Door, Refusal};
use crate::sim::{Ready, SimError, SimOptions};

const REGION: &str = "ap-northeast-2";
const PATH: &str = "/mqtt";

/// What the account gives to whom.
struct Given {
    deck: Pair,
    rpi: Pair,
    claim: Pair,
    key: AccessKey,
    temporary: AccessKey,
    authorizer: Secret,
}

impl Given {
    fn new(authority: &Authority) -> Result<Self, CaError> {
        Ok(Self {
            deck: authority.issue(KeyKind::Rsa)?,
            rpi: authority.issue(KeyKind::Elliptic)?,
            claim: authority.issue(KeyKind::Elliptic)?,
            key: access_key("AKIA", None),
            temporary: access_key("ASIA", Some(Secret::new(random(120) + "/+=="))),
            authorizer: Secret::new(random(24)),
        })
    }

    fn directory(&self) -> Directory {
        let mut directory = Directory::default();
        for (name, document) in policies() {
            if let Some(policy) = Policy::parse(&document) {
                directory.policies.insert(name.to_owned(), policy);
            }
        }
        let deck = &self.deck.issued;
        directory.register(deck, Standing::Active, &["deck"]);
        let rpi = directory.register(&self.rpi.issued, Standing::Active, &["thing"]);
        if let Some(rpi) = directory.certificate_mut(&rpi) {
            rpi.things.push("RPI".to_owned());
        }
        directory.register(&self.claim.issued, Standing::Active, &["claim"]);
        directory.keys = vec![self.key.clone(), self.temporary.clone()];
        "deck".clone_into(&mut directory.key_policy);
        directory.authorizer = Some(Authorizer {
            name: "deck".to_owned(),
            token_key: "token".to_owned(),
            token: self.authorizer.clone(),
            policy: "deck".to_owned(),
        });
        directory
    }

    fn files(&self) -> Vec<(&'static str, String)> {
        let mut files = vec![
            ("access_key_id", self.key.id.clone()),
            ("secret_access_key", self.key.secret.expose().to_owned()),
            ("temporary_key_id", self.temporary.id.clone()),
            (
                "temporary_secret_key",
                self.temporary.secret.expose().to_owned(),
            ),
            ("authorizer_token", self.authorizer.expose().to_owned()),
        ];
        if let Some(token) = &self.temporary.token {
            files.push(("session_token", token.expose().to_owned()));
        }
        for (cert, key, pair) in [
            ("deck.pem.crt", "deck.pem.key", &self.deck),
            ("rpi.pem.crt", "rpi.pem.key", &self.rpi),
            ("claim.pem.crt", "claim.pem.key", &self.claim),
        ] {
            files.push((cert, pair.issued.pem.clone()));
            files.push((key, pair.key_pem.expose().to_owned()));
        }
        files
    }
}

fn random(length: usize) -> String {
    (0..length).map(|_| fastrand::alphanumeric()).collect()
}

fn access_key(prefix: &str, token: Option<Secret>) -> AccessKey {
    AccessKey {
        id: format!("{prefix}{}", random(16).to_ascii_uppercase()),
        secret: Secret::new(random(40)),
        token,
        expires: None,
        user: "user/deck".to_owned(),
    }
}

fn texts(all: &[String; 2]) -> [&str; 2] {
    [&all[0], &all[1]]
}

/// As a console would show them. `*` stands for region and account, too.
fn policies() -> [(&'static str, String); 3] {
    let statement = |actions: &[&str], resources: &[&str]| json!({"Effect": "Allow", "Action": actions, "Resource": resources});
    let policy = |statements: Vec<serde_json::Value>| {
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    };
    let name = "${iot:Connection.Thing.ThingName}";
    let own = |kind: &str| {
        [
            format!("arn:aws:iot:*:*:{kind}/$aws/things/{name}/*"),
            format!("arn:aws:iot:*:*:{kind}/my/things/{name}/*"),
        ]
    };
    let both = |kind: &str| {
        [
            format!("arn:aws:iot:*:*:{kind}/$aws/certificates/create*"),
            format!("arn:aws:iot:*:*:{kind}/$aws/provisioning-templates/thingdeck/provision/*"),
        ]
    };
    [
        (
            "deck",
            policy(vec![statement(&["iot:*", "iotjobsdata:*"], &["*"])]),
        ),
        (
            "thing",
            policy(vec![
                statement(
                    &["iot:Connect"],
                    &[&format!("arn:aws:iot:*:*:client/{name}")],
                ),
                statement(
                    &["iot:Publish", "iot:Receive", "iot:RetainPublish"],
                    &texts(&own("topic")),
                ),
                statement(&["iot:Subscribe"], &texts(&own("topicfilter"))),
            ]),
        ),
        (
            "claim",
            policy(vec![
                statement(&["iot:Connect"], &["*"]),
                statement(&["iot:Publish", "iot:Receive"], &texts(&both("topic"))),
                statement(&["iot:Subscribe"], &texts(&both("topicfilter"))),
            ]),
        ),
    ]
}

fn template() -> Template {
    Template {
        name: "thingdeck".to_owned(),
        required: vec!["SerialNumber".to_owned()],
        thing_name: "device-{SerialNumber}".to_owned(),
        thing_type: Some("RaspberryPi".to_owned()),
        configuration: json!({"site": "seoul", "reportEverySeconds": "30"}),
        policy: "thing".to_owned(),
        denied: vec!["STOLEN*".to_owned()],
    }
}

pub async fn start(options: SimOptions) -> Result<Running, SimError> {
    let (api, mqtt, front) = (
        listen(options.api_port)?,
        listen(options.mqtt_port)?,
        listen(options.wss_port)?,
    );
    let authority = Authority::new()?;
    let devices = Arc::new(Authority::new()?);
    let given = {
        let devices = Arc::clone(&devices);
        // A key of 2048 bits takes a while.
        let made = tokio::task::spawn_blocking(move || Given::new(&devices));
        made.await
            .map_err(|_| SimError::NoSuch("key"))?
            .map_err(SimError::Certificates)?
    };
    let ready = Ready {
        ready: true,
        platform: "aws",
        api_url: Some(format!("https://{}", api.1)),
        mqtt_url: format!("mqtts://{}", mqtt.1),
        wss_url: Some(format!("wss://{}{PATH}", front.1)),
        plain_url: None,
        ws_url: None,
        ca_file: options.dir.join("ca.pem"),
        config: options.dir.join("config.toml"),
    };
    let mut files = vec![File::public(&ready.ca_file, authority.pem())];
    for (name, text) in given.files() {
        files.push(File::private(options.dir.join(name), text));
    }
    let written = Written {
        mqtt: mqtt.1.to_string(),
        front: front.1.to_string(),
        api: api.1.to_string(),
    };
    files.push(File::public(&ready.config, written.config()));
    write_files(&options.dir, files).await?;
    let clock = SimClock::start();
    let account = Account {
        region: REGION.to_owned(),
        endpoint: written.front.clone(),
        seed: options.seed,
        things: options.devices,
        authority: devices,
        directory: given.directory(),
    };
    let mut aws = Aws::new(account, clock.now().wall);
    if options.rate > 0.0 {
        // Who asks for so many messages wants to see them, whatever AWS allows one connection.
        aws.limits.publishes_per_second = Some(quota(options.rate));
    }
    let template = template();
    let name = template.name.clone();
    aws.provisioning.templates.insert(name, template);
    aws.rules.extend(TopicRule::new(
        "report_connection",
        "SELECT * FROM 'my/things/+/update'",
        Some("$$aws/things/${topic(3)}/shadow/update"),
    ));
    let hub = Arc::new(Hub::new(clock, Box::new(aws)));
    let mut tasks = JoinSet::new();
    let (desk, work) = Desk::new(Arc::clone(&hub));
    tasks.spawn(work);
    let like_443 = Arc::new(Front {
        door: Arc::new(door(&hub)),
        desk,
    });
    let alpn: [&[u8]; 4] = [
        WITH_CERTIFICATE,
        WITH_AUTHORIZER,
        HTTPS_WITH_CERTIFICATE,
        b"http/1.1",
    ];
    let ports = vec![
        Port::plain(mqtt).tls(authority.anyone(&[WITH_CERTIFICATE], true)?),
        Port::plain(front)
            .tls(authority.anyone(&alpn, false)?)
            .front(like_443),
    ];
    tasks.spawn(port::serve(Arc::clone(&hub), ports));
    // Like 8443, which takes a certificate for a signature.
    let https = authority.anyone(&[b"http/1.1"], false)?;
    tasks.spawn(crate::sim::serve::http::serve(
        Arc::clone(&hub),
        api.0,
        https,
    ));
    Ok(Running { ready, hub, tasks })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate from the command line"
)]
fn quota(rate: f64) -> u32 {
    (rate * 2.0) as u32 + 100
}

/// Signatures are checked where the WebSocket is asked for.
fn door(hub: &Arc<Hub>) -> Door {
    // Weak: the door belongs to a task that the hub's owner ends.
    let hub = Arc::downgrade(hub);
    let check = move |request: &http::Request<()>| {
        let gone = || Refusal {
            status: 503,
            words: String::new(),
            headers: Vec::new(),
        };
        let hub = hub.upgrade().ok_or_else(gone)?;
        let mut core = hub.core();
        let now = core.clock.now().wall;
        let aws = core.cloud_as::<Aws>().ok_or_else(gone)?;
        aws.upgrade(request, now)
    };
    Door::guarded(PATH, Arc::new(check))
}

struct Written {
    mqtt: String,
    front: String,
    api: String,
}

impl Written {
    fn config(&self) -> String {
        let mut text = "# Made by `thingdeck sim aws`; valid while it runs.\n\
             default_profile = \"fleet\"\n\
             \n\
             # Fleet provisioning: the template `thingdeck` takes the parameter SerialNumber, and denies STOLEN*.\n"
            .to_owned();
        let keys = "credentials = { access_key_id = { file = \"access_key_id\" }, \
                    secret_access_key = { file = \"secret_access_key\" } }\n";
        let temporary = "credentials = { access_key_id = { file = \"temporary_key_id\" }, \
                         secret_access_key = { file = \"temporary_secret_key\" }, \
                         session_token = { file = \"session_token\" } }\n";
        let mtls = |name: &str| {
            format!(
                "auth = \"mtls\"\n\
                 cert_file = \"{name}.pem.crt\"\n\
                 key_file = \"{name}.pem.key\"\n"
            )
        };
        let heard = "topics = [\"fleet/#\"]\n";
        let deck = format!("{}{keys}{heard}", mtls("deck"));
        let presigned = format!("auth = \"sigv4\"\n{temporary}{heard}");
        let authorizer = format!(
            "auth = \"custom\"\n{keys}{heard}\
             authorizer = {{ name = \"deck\", token_key = \"token\", \
             token = {{ file = \"authorizer_token\" }} }}\n"
        );
        let story = format!(
            "{}{keys}client_id = \"RPI\"\n\
             clean_session = false\n\
             keep_alive = 30\n\
             things = [\"RPI\"]\n\
             topics = [\"my/things/RPI/update\"]\n\
             will = {{ topic = \"my/things/RPI/update\", \
             payload = '{{\"state\":{{\"reported\":{{\"connected\":false}}}}}}', qos = 1 }}\n",
            mtls("rpi")
        );
        for (name, endpoint, more) in [
            ("fleet", &self.mqtt, deck.clone()),
            ("fleet-v5", &self.mqtt, format!("version = \"5\"\n{deck}")),
            ("fleet-443", &self.front, deck),
            ("fleet-wss", &self.front, presigned.clone()),
            (
                "fleet-wss-v5",
                &self.front,
                format!("version = \"5\"\n{presigned}"),
            ),
            ("fleet-custom", &self.front, authorizer),
            ("claim", &self.mqtt, mtls("claim")),
            ("rpi", &self.mqtt, story),
        ] {
            text.push_str(&format!(
                "\n[profiles.{name}]\n\
                 platform = \"aws\"\n\
                 endpoint = \"{endpoint}\"\n\
                 region = \"{REGION}\"\n\
                 api_url = \"https://{}\"\n\
                 ca_file = \"ca.pem\"\n{more}",
                self.api
            ));
        }
        text
    }
}
